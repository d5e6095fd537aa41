//! The timeline of a scenario as written, and what fails by chance.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::manifest::scenario::scalar::Span;

/// Something that happens at a given time. Exactly one action besides `at`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TimelineEntry {
    /// When, from the start.
    pub at: Span,
    /// Creates objects from manifest files, or updates those that are there.
    pub apply: Option<Apply>,
    /// Changes an object by a JSON merge patch.
    pub patch: Option<Patch>,
    /// Sets how many pods a workload has.
    pub scale: Option<Scale>,
    /// Deletes an object.
    pub delete: Option<Delete>,
    /// Ends processes.
    pub kill: Option<Kill>,
    /// Asks for the eviction of pods, which disruption budgets may refuse.
    pub evict: Option<Evict>,
    /// A node, or a whole zone, stops dead.
    pub fail: Option<Fail>,
    /// A node that stopped, or a whole zone, comes back.
    pub recover: Option<Recover>,
    /// A node shuts down: it ends its pods within `spec.kubelet.shutdownGracePeriod`, and is off then.
    pub shutdown: Option<Shutdown>,
    /// Requests between zones get lost. Kubelets still reach the control plane, so endpoints stay what they are.
    pub partition: Option<PartitionEntry>,
    /// Zones see each other again.
    pub heal: Option<Heal>,
    /// Marks a node unschedulable.
    pub cordon: Option<NodeTarget>,
    /// Marks a node schedulable again.
    pub uncordon: Option<NodeTarget>,
    /// Cordons a node and evicts its pods, as `kubectl drain --ignore-daemonsets` does.
    pub drain: Option<Drain>,
    /// Stops a component of the control plane, or the kubelet of a node.
    pub stop: Option<Stop>,
    /// Starts a component that was stopped.
    pub start: Option<ComponentTarget>,
}

/// Manifest files to apply.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Apply {
    /// Files, relative to this one.
    pub manifests: Vec<String>,
}

/// An object and a merge patch. Exactly one of the kinds.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Patch {
    /// A pod of this name.
    pub pod: Option<String>,
    /// A Job of this name.
    pub job: Option<String>,
    /// A CronJob of this name.
    pub cronjob: Option<String>,
    /// A node of this name.
    pub node: Option<String>,
    /// A Deployment of this name.
    pub deployment: Option<String>,
    /// A ReplicaSet of this name.
    pub replicaset: Option<String>,
    /// A StatefulSet of this name.
    pub statefulset: Option<String>,
    /// A DaemonSet of this name.
    pub daemonset: Option<String>,
    /// A resource quota of this name.
    pub resourcequota: Option<String>,
    /// A Service of this name.
    pub service: Option<String>,
    /// A pod disruption budget of this name.
    pub poddisruptionbudget: Option<String>,
    /// A horizontal pod autoscaler of this name.
    pub horizontalpodautoscaler: Option<String>,
    /// The namespace. Default: `default`.
    pub namespace: Option<String>,
    /// The patch, as `{spec: {suspend: true}}`.
    pub merge: Value,
}

/// A workload and its new size. Exactly one of the kinds.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scale {
    /// A Deployment of this name.
    pub deployment: Option<String>,
    /// A ReplicaSet of this name.
    pub replicaset: Option<String>,
    /// A StatefulSet of this name.
    pub statefulset: Option<String>,
    /// The namespace. Default: `default`.
    pub namespace: Option<String>,
    /// The pods wanted from now on.
    pub replicas: u32,
}

/// An object to delete. Exactly one of the kinds.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Delete {
    /// A pod of this name; `web-*` is every pod whose name begins so.
    pub pod: Option<String>,
    /// A Job of this name.
    pub job: Option<String>,
    /// A CronJob of this name.
    pub cronjob: Option<String>,
    /// A node of this name.
    pub node: Option<String>,
    /// A Deployment of this name.
    pub deployment: Option<String>,
    /// A ReplicaSet of this name.
    pub replicaset: Option<String>,
    /// A StatefulSet of this name.
    pub statefulset: Option<String>,
    /// A DaemonSet of this name.
    pub daemonset: Option<String>,
    /// A resource quota of this name.
    pub resourcequota: Option<String>,
    /// A Service of this name.
    pub service: Option<String>,
    /// A pod disruption budget of this name.
    pub poddisruptionbudget: Option<String>,
    /// A horizontal pod autoscaler of this name.
    pub horizontalpodautoscaler: Option<String>,
    /// The namespace. Default: `default`.
    pub namespace: Option<String>,
    /// What happens to what the object owns. Default: `Background`, as kubectl.
    #[serde(default)]
    pub propagation: PropagationPolicy,
    /// The grace period of a pod. Default: its own.
    pub grace_period: Option<Span>,
}

/// What deleting an owner does to what it owns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum PropagationPolicy {
    /// The owned are deleted after it.
    #[default]
    Background,
    /// The owned are deleted before it.
    Foreground,
    /// The owned stay.
    Orphan,
}

/// Processes to end.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Kill {
    /// The pod; `web-*` is every pod whose name begins so.
    pub pod: String,
    /// The namespace. Default: `default`.
    pub namespace: Option<String>,
    /// The container. Default: all app containers.
    pub container: Option<String>,
    /// The exit code. Default: 137, as after SIGKILL.
    pub exit_code: Option<i32>,
}

/// Pods to evict.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Evict {
    /// The pod; `web-*` is every pod whose name begins so.
    pub pod: String,
    /// The namespace. Default: `default`.
    pub namespace: Option<String>,
    /// The grace period. Default: the pod's own.
    pub grace_period: Option<Span>,
}

/// A node to drain. Evictions that a disruption budget refuses are asked for again every 5 s.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Drain {
    /// The node.
    pub node: String,
    /// The grace period of the pods. Default: their own.
    pub grace_period: Option<Span>,
    /// When to give up. Default: never.
    pub timeout: Option<Span>,
    /// Evicts pods without a controller, too; without it such a pod keeps the drain from beginning.
    #[serde(default)]
    pub force: bool,
    /// Evicts pods with an emptyDir volume, too; without it such a pod keeps the drain from beginning.
    #[serde(default)]
    pub delete_empty_dir_data: bool,
}

/// A node that stops dead, or all nodes of a zone together. Exactly one of them.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fail {
    /// The node.
    pub node: Option<String>,
    /// The zone: the nodes with this value of the label `topology.kubernetes.io/zone`.
    pub zone: Option<String>,
    /// For how long, unless a `recover` ends it sooner. Default: for ever.
    pub r#for: Option<Span>,
}

/// A node that comes back, or all nodes of a zone. Exactly one of them.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Recover {
    /// The node.
    pub node: Option<String>,
    /// The zone: the nodes with this value of the label `topology.kubernetes.io/zone`.
    pub zone: Option<String>,
}

/// A node that shuts down.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Shutdown {
    /// The node.
    pub node: String,
    /// How long it takes until it is up again, longer than `spec.kubelet.shutdownGracePeriod`. Default: for ever.
    pub r#for: Option<Span>,
}

/// Zones that lose sight of each other. What is on its way between them is lost, too, and is not sent again.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Partition")]
pub struct PartitionEntry {
    /// Several zones, each of which is cut off from the others listed; or one, which is cut off from all others.
    pub zones: Vec<String>,
    /// For how long, unless a `heal` ends it sooner. Default: for ever.
    pub r#for: Option<Span>,
}

/// A partition that ends before its time.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Heal {
    /// The zones of the partition, all of them.
    pub zones: Vec<String>,
}

/// A node.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NodeTarget {
    /// The node.
    pub node: String,
}

/// A component that stops.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Stop {
    /// The component.
    pub component: ComponentChoice,
    /// The node whose kubelet stops.
    pub node: Option<String>,
    /// For how long, unless a `start` ends it sooner. Default: for ever.
    pub r#for: Option<Span>,
}

/// A component that starts.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ComponentTarget {
    /// The component.
    pub component: ComponentChoice,
    /// The node whose kubelet starts.
    pub node: Option<String>,
}

/// A component of the control plane, or of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ComponentChoice {
    /// The API server: nobody but kubelets does anything, and those go on with the pods that they know. Requests of the
    /// timeline are refused.
    KubeApiserver,
    /// All controllers.
    KubeControllerManager,
    /// The scheduler.
    KubeScheduler,
    /// The kubelet of a node. Its containers run on.
    Kubelet,
}

/// Something that fails by chance, again and again. Exactly one of `nodes` and `zone`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// The nodes that are there at the start and have this name, each for itself; `small-*` is every node whose name
    /// begins so.
    pub nodes: Option<String>,
    /// A zone, whose nodes fail together.
    pub zone: Option<String>,
    /// The mean time from the return to the next failure, exponentially distributed.
    pub mtbf: Span,
    /// The mean time from a failure to the return, exponentially distributed.
    pub mttr: Span,
}
