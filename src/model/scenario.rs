//! The scenario: a cluster, what runs in it, what happens to it and what is expected of it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::engine::{SimDuration, SimTime};
use crate::model::capacity::Capacity;
use crate::model::cronjob::CronJobSpec;
use crate::model::daemon_set::DaemonSetSpec;
use crate::model::deployment::DeploymentSpec;
use crate::model::horizontal_pod_autoscaler::HorizontalPodAutoscalerSpec;
use crate::model::ids::Kind;
use crate::model::job::{JobSpec, JobStatus};
use crate::model::meta::{Labels, Name, Propagation};
use crate::model::metrics::MetricSeries;
use crate::model::node::NodeSpec;
use crate::model::pod::{PodSpec, PodTemplate};
use crate::model::pod_disruption_budget::PodDisruptionBudgetSpec;
use crate::model::profile::Profile;
use crate::model::program::Program;
use crate::model::replica_set::ReplicaSetSpec;
use crate::model::resource_quota::ResourceQuotaSpec;
use crate::model::service::ServiceSpec;
use crate::model::stateful_set::StatefulSetSpec;
use crate::model::sweep::Sweep;
use crate::model::traffic::{Partition, Traffic};
use crate::model::unix_time::UnixTime;

/// A whole scenario, ready to run.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// The name.
    pub name: Name,
    /// What the scenario asks, in a sentence or two.
    pub description: Option<Name>,
    /// The seed of all random streams.
    pub seed: u64,
    /// The wall clock at the start.
    pub start_time: UnixTime,
    /// When the run ends at the latest.
    pub horizon: Horizon,
    /// A grid of runs.
    pub sweep: Sweep,
    /// A question of how small it may be.
    pub capacity: Capacity,
    /// What is left out of the statistics at the beginning.
    pub warm_up: SimDuration,
    /// The behaviour of the Kubernetes version.
    pub profile: Profile,
    /// The latencies.
    pub timing: Timing,
    /// The settings of the scheduler.
    pub scheduler: SchedulerSettings,
    /// The settings of the kubelets.
    pub kubelet: KubeletSettings,
    /// The labels of namespaces, besides the one that each has of its name.
    pub namespaces: BTreeMap<Name, Labels>,
    /// The objects that are there at the start, in the order of their creation.
    pub objects: Vec<NewObject>,
    /// What images do, by image name.
    pub programs: Arc<BTreeMap<Name, Program>>,
    /// What Jobs had done before the start.
    pub progress: Vec<JobProgress>,
    /// Metrics that pods do not bring by themselves.
    pub metrics: Arc<[MetricSeries]>,
    /// Pods or Jobs that arrive by a recorded trace.
    pub trace: Option<Trace>,
    /// The load.
    pub traffic: Arc<Traffic>,
    /// What happens when, in order of time.
    pub timeline: Vec<TimedAction>,
    /// What fails by chance.
    pub faults: Vec<Fault>,
    /// What is expected, in the order of the file.
    pub expectations: Vec<Expectation>,
    /// What was assumed or left out, for the reader of the results.
    pub assumptions: Vec<String>,
}

/// The settings of the scheduler that a scenario can choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SchedulerSettings {
    /// Of how many nodes [percent] feasible ones are looked for; `None` is upstream's adaptive default.
    pub percentage_of_nodes_to_score: Option<u32>,
    /// How nodes are scored by their room.
    pub scoring: NodeScoring,
}

/// The settings of the kubelets that a scenario can choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KubeletSettings {
    /// For how long a node that shuts down waits for its pods, in whole seconds; zero is not at all.
    pub shutdown_grace: SimDuration,
    /// What of that is for critical pods.
    pub critical_grace: SimDuration,
}

/// How nodes are scored by their room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NodeScoring {
    /// More room is better: pods are spread.
    #[default]
    LeastAllocated,
    /// Less room is better: pods are packed.
    MostAllocated,
}

impl Scenario {
    /// The last instant at which the scenario brings an autoscaler; `None` where it brings none.
    pub fn last_autoscaler(&self) -> Option<SimTime> {
        let is_one = |object: &NewObject| object.spec.kind() == Kind::HorizontalPodAutoscaler;
        let at_start = self.objects.iter().any(is_one).then_some(SimTime::ZERO);
        let later = self.timeline.iter().filter_map(|entry| match &entry.action {
            Action::Apply(objects) if objects.iter().any(is_one) => Some(entry.at),
            _ => None,
        });
        at_start.into_iter().chain(later).max()
    }
}

/// What a Job had done before the start.
#[derive(Debug, Clone, PartialEq)]
pub struct JobProgress {
    /// The namespace of the Job.
    pub namespace: Name,
    /// The name of the Job.
    pub job: Name,
    /// The CronJob that made it.
    pub cronjob: Option<Name>,
    /// Its counters, and the indexes that are done.
    pub status: JobStatus,
}

/// Pods or Jobs that arrive by a recorded trace.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Trace {
    /// The specs of pods that occur.
    pub pods: Vec<Arc<PodSpec>>,
    /// What Jobs are made of, by what their pods ask for.
    pub jobs: Vec<JobMould>,
    /// The images that the pods of Jobs run.
    pub images: Vec<Name>,
    /// What arrives, in order of arrival.
    pub rows: Vec<TraceRow>,
}

/// What the Jobs of a trace are made of whose pods ask for the same: a Job of one pod.
#[derive(Debug, Clone, PartialEq)]
pub struct JobMould {
    /// The spec.
    pub spec: Arc<JobSpec>,
    /// Its manifest.
    pub manifest: Arc<Value>,
}

/// What arrives with one line of a trace.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceRow {
    /// When it arrives.
    pub at: SimTime,
    /// Its name; `None` is named by its position.
    pub name: Option<Name>,
    /// What it is.
    pub arrival: Arrival,
}

/// What arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// A pod.
    Pod {
        /// Its spec, by position in [`Trace::pods`].
        spec: u32,
    },
    /// A Job.
    Job {
        /// What it is made of, by position in [`Trace::jobs`].
        mould: u32,
        /// The image that its pods run, by position in [`Trace::images`].
        image: u32,
        /// Its pods, all wanted at once.
        n_pods: u32,
    },
}

/// When a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Horizon {
    /// At this instant.
    At(SimTime),
    /// When nothing is left to happen, at this instant at the latest.
    Quiet(SimTime),
}

impl Horizon {
    /// The latest end.
    pub const fn limit(self) -> SimTime {
        match self {
            Self::At(at) | Self::Quiet(at) => at,
        }
    }
}

/// An object to create: its names and what it is given to be.
#[derive(Debug, Clone, PartialEq)]
pub struct NewObject {
    /// The namespace; empty for nodes.
    pub namespace: Name,
    /// The name.
    pub name: Name,
    /// The labels.
    pub labels: Labels,
    /// The annotations.
    pub annotations: Labels,
    /// What it is given to be.
    pub spec: NewSpec,
    /// The manifest that it came from, where it came from one: the base of patches and of `-o yaml`.
    pub manifest: Arc<Value>,
}

/// What an object is given to be.
#[derive(Debug, Clone, PartialEq)]
pub enum NewSpec {
    /// A node.
    Node(NodeSpec),
    /// A resource quota.
    ResourceQuota(Arc<ResourceQuotaSpec>),
    /// A Service.
    Service(Arc<ServiceSpec>),
    /// A pod disruption budget.
    PodDisruptionBudget(Arc<PodDisruptionBudgetSpec>),
    /// A pod.
    Pod(Arc<PodSpec>),
    /// A ReplicaSet.
    ReplicaSet(Arc<ReplicaSetSpec>),
    /// A Deployment.
    Deployment(Arc<DeploymentSpec>),
    /// A StatefulSet.
    StatefulSet(Arc<StatefulSetSpec>),
    /// A DaemonSet.
    DaemonSet(Arc<DaemonSetSpec>),
    /// A Job.
    Job(Arc<JobSpec>),
    /// A CronJob.
    CronJob(Arc<CronJobSpec>),
    /// A horizontal pod autoscaler.
    HorizontalPodAutoscaler(Arc<HorizontalPodAutoscalerSpec>),
}

impl NewSpec {
    /// The kind of the object.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Node(_) => Kind::Node,
            Self::ResourceQuota(_) => Kind::ResourceQuota,
            Self::Service(_) => Kind::Service,
            Self::PodDisruptionBudget(_) => Kind::PodDisruptionBudget,
            Self::Pod(_) => Kind::Pod,
            Self::ReplicaSet(_) => Kind::ReplicaSet,
            Self::Deployment(_) => Kind::Deployment,
            Self::StatefulSet(_) => Kind::StatefulSet,
            Self::DaemonSet(_) => Kind::DaemonSet,
            Self::Job(_) => Kind::Job,
            Self::CronJob(_) => Kind::CronJob,
            Self::HorizontalPodAutoscaler(_) => Kind::HorizontalPodAutoscaler,
        }
    }

    /// The template of the pods that an object of this spec makes; `None` where it makes none.
    pub fn template(&self) -> Option<&PodTemplate> {
        match self {
            Self::ReplicaSet(set) => Some(&set.template),
            Self::Deployment(deployment) => Some(&deployment.template),
            Self::StatefulSet(set) => Some(&set.template),
            Self::DaemonSet(set) => Some(&set.template),
            Self::Job(job) => Some(&job.template),
            Self::CronJob(cronjob) => Some(&cronjob.job_template.spec.template),
            Self::Node(_)
            | Self::ResourceQuota(_)
            | Self::Service(_)
            | Self::PodDisruptionBudget(_)
            | Self::Pod(_)
            | Self::HorizontalPodAutoscaler(_) => None,
        }
    }

    /// The spec of the pod that the object is, or of those that it makes.
    pub fn pod_spec(&self) -> Option<&PodSpec> {
        match self {
            Self::Pod(pod) => Some(pod),
            other => other.template().map(|template| &*template.spec),
        }
    }
}

/// Names an object before it exists.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectName {
    /// The kind.
    pub kind: Kind,
    /// The namespace; empty for nodes.
    pub namespace: Name,
    /// The name; in `kill` and `delete` it may end in `*`.
    pub name: Name,
}

impl fmt::Display for ObjectName {
    /// `job default/batch`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let separator = if self.namespace.is_empty() { "" } else { "/" };
        write!(f, "{} {}{separator}{}", self.kind.resource(), self.namespace, self.name)
    }
}

/// Something that happens at a given time.
#[derive(Debug, Clone, PartialEq)]
pub struct TimedAction {
    /// The entry of the timeline that asks for it, from 0 in the order of the file; `None` where the command line
    /// does.
    pub entry: Option<u32>,
    /// When.
    pub at: SimTime,
    /// What.
    pub action: Action,
}

/// Something that fails by chance, again and again: from its return to its next failure, and from that to its return,
/// the times are exponentially distributed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What fails.
    pub target: FaultTarget,
    /// The mean time between failures.
    pub mtbf: SimDuration,
    /// The mean time to repair.
    pub mttr: SimDuration,
}

/// What fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultTarget {
    /// The nodes of this name, each for itself; it may end in `*`.
    Nodes(Name),
    /// The nodes of a zone together.
    Zone(Name),
}

/// Something that a user or the world does to the cluster.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Creates objects, or updates those that are there.
    Apply(Vec<NewObject>),
    /// Changes an object by a JSON merge patch.
    Patch {
        /// The object.
        object: ObjectName,
        /// The patch.
        merge: Arc<Value>,
    },
    /// Deletes objects.
    Delete {
        /// The objects; a name may end in `*`.
        object: ObjectName,
        /// What happens to what they own.
        propagation: Propagation,
        /// The grace period of pods, where it is not their own.
        grace: Option<SimDuration>,
    },
    /// Ends the processes of containers.
    Kill {
        /// The pods; a name may end in `*`.
        pods: ObjectName,
        /// The container; `None` is all app containers.
        container: Option<Name>,
        /// The exit code.
        exit_code: i32,
    },
    /// Asks for the eviction of pods.
    Evict {
        /// The pods; a name may end in `*`.
        pods: ObjectName,
        /// Their grace period, where it is not their own.
        grace: Option<SimDuration>,
    },
    /// A node stops dead.
    FailNode(Name),
    /// A node that stopped comes back.
    RecoverNode(Name),
    /// All nodes of a zone stop dead.
    FailZone(Name),
    /// The nodes of a zone that stopped come back.
    RecoverZone(Name),
    /// A node shuts down.
    ShutDownNode(Name),
    /// The kubelet of a node stops.
    StopKubelet(Name),
    /// The kubelet of a node starts again, with an empty memory.
    StartKubelet(Name),
    /// Zones lose sight of each other.
    Partition(Partition),
    /// A partition is over.
    Heal(Partition),
    /// Marks a node unschedulable, or schedulable again.
    Cordon {
        /// The node.
        node: Name,
        /// Unschedulable or not.
        is_unschedulable: bool,
    },
    /// Cordons a node and evicts its pods.
    Drain(DrainOrder),
    /// A control plane component stops.
    StopComponent(ComponentName),
    /// A control plane component that stopped starts again, with an empty memory.
    StartComponent(ComponentName),
}

impl fmt::Display for Action {
    /// In words, as `fail node n2`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Apply(objects) => write!(f, "apply ({} objects)", objects.len()),
            Self::Patch { object, .. } => write!(f, "patch {object}"),
            Self::Delete { object, .. } => write!(f, "delete {object}"),
            Self::Kill { pods, .. } => write!(f, "kill {pods}"),
            Self::Evict { pods, .. } => write!(f, "evict {pods}"),
            Self::Drain(order) => write!(f, "drain {}", order.node),
            Self::FailNode(node) => write!(f, "fail node {node}"),
            Self::RecoverNode(node) => write!(f, "recover node {node}"),
            Self::FailZone(zone) => write!(f, "fail zone {zone}"),
            Self::RecoverZone(zone) => write!(f, "recover zone {zone}"),
            Self::ShutDownNode(node) => write!(f, "shut down node {node}"),
            Self::StopKubelet(node) => write!(f, "stop the kubelet of {node}"),
            Self::StartKubelet(node) => write!(f, "start the kubelet of {node}"),
            Self::Partition(partition) => write!(f, "cut off {partition}"),
            Self::Heal(partition) => write!(f, "join {partition} again"),
            Self::Cordon { node, is_unschedulable: true } => write!(f, "cordon {node}"),
            Self::Cordon { node, is_unschedulable: false } => write!(f, "uncordon {node}"),
            Self::StopComponent(component) => write!(f, "stop {}", component.as_str()),
            Self::StartComponent(component) => write!(f, "start {}", component.as_str()),
        }
    }
}

impl Action {
    /// Whether it is a request to the API server.
    pub const fn asks_api_server(&self) -> bool {
        match self {
            Self::Apply(_)
            | Self::Patch { .. }
            | Self::Delete { .. }
            | Self::Evict { .. }
            | Self::Cordon { .. }
            | Self::Drain(_) => true,
            Self::Kill { .. }
            | Self::FailNode(_)
            | Self::RecoverNode(_)
            | Self::FailZone(_)
            | Self::RecoverZone(_)
            | Self::ShutDownNode(_)
            | Self::StopKubelet(_)
            | Self::StartKubelet(_)
            | Self::Partition(_)
            | Self::Heal(_)
            | Self::StopComponent(_)
            | Self::StartComponent(_) => false,
        }
    }
}

/// How a node is to be drained; pods of DaemonSets are always left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrainOrder {
    /// The node.
    pub node: Name,
    /// The grace period of the pods, where it is not their own.
    pub grace: Option<SimDuration>,
    /// When it is given up; `None` is never.
    pub timeout: Option<SimDuration>,
    /// Pods without a controller are evicted, too.
    pub has_force: bool,
    /// Pods with an emptyDir volume are evicted, too.
    pub deletes_empty_dir_data: bool,
}

/// A process of the control plane that can be stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ComponentName {
    /// The API server.
    KubeApiserver,
    /// All controllers.
    KubeControllerManager,
    /// The scheduler.
    KubeScheduler,
}

impl ComponentName {
    /// The upstream name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::KubeApiserver => "kube-apiserver",
            Self::KubeControllerManager => "kube-controller-manager",
            Self::KubeScheduler => "kube-scheduler",
        }
    }
}

/// Something that must hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Expectation {
    /// When it must hold; `None` is at the end.
    pub at: Option<SimTime>,
    /// The condition, in CEL.
    pub that: String,
    /// What it means, in words.
    pub message: Option<String>,
    /// Where it stands, as `file:line:column`.
    pub place: String,
}

/// The latencies of the cluster. In `ideal` timing all are zero; what defines semantics is not among them.
#[derive(Debug, Clone, PartialEq)]
pub struct Timing {
    /// The name of the preset, for the list of assumptions.
    pub name: Name,
    /// From a write to the moment when components see it.
    pub watch: SimDuration,
    /// One cycle of the scheduler.
    pub scheduling_cycle: SimDuration,
    /// From the choice of a node to the pod's being bound.
    pub bind: SimDuration,
    /// Making a sandbox.
    pub sandbox: SimDuration,
    /// Starting one container.
    pub container_start: SimDuration,
    /// Fixed part of an image pull.
    pub pull_base: SimDuration,
    /// Rate of an image pull [bytes/s]; `None` is infinite.
    pub pull_rate: Option<u64>,
    /// From the exit of a process to the kubelet's notice.
    pub exit_detection: SimDuration,
}

impl Timing {
    /// No latency anywhere.
    pub fn ideal() -> Self {
        Self {
            name: "ideal".into(),
            watch: SimDuration::ZERO,
            scheduling_cycle: SimDuration::ZERO,
            bind: SimDuration::ZERO,
            sandbox: SimDuration::ZERO,
            container_start: SimDuration::ZERO,
            pull_base: SimDuration::ZERO,
            pull_rate: None,
            exit_detection: SimDuration::ZERO,
        }
    }

    /// Latencies of a cluster in good order.
    /// Source: the defaults of SIG Scalability's SLOs and of the components, Kubernetes 1.28 to 1.35.
    pub fn typical() -> Self {
        Self {
            name: "typical".into(),
            watch: SimDuration::from_millis(20),
            scheduling_cycle: SimDuration::from_millis(5),
            bind: SimDuration::from_millis(10),
            sandbox: SimDuration::from_millis(500),
            container_start: SimDuration::from_millis(200),
            pull_base: SimDuration::from_millis(500),
            pull_rate: Some(75_000_000),
            exit_detection: SimDuration::from_millis(500),
        }
    }
}
