//! Pods: what they are given to be. What became of them is in `pod_status`.

use std::sync::Arc;

use crate::engine::{SimDuration, SimTime};
use crate::model::ids::NodeId;
use crate::model::meta::{Labels, Name, ObjectMeta};
use crate::model::pod_status::{ContainerRef, PodStatus};
use crate::model::probe::{Lifecycle, Probes};
use crate::model::resources::{self, Bytes, InitKind, Millicores, Resources};
use crate::model::scheduling::Placement;

/// A pod.
#[derive(Debug, Clone, PartialEq)]
pub struct Pod {
    /// Name, labels and the rest.
    pub meta: ObjectMeta,
    /// What it is given to be; shared by all pods of one template.
    pub spec: Arc<PodSpec>,
    /// The node that it is bound to, once and for life.
    pub node: Option<NodeId>,
    /// What a Job controller wrote on it; `None` for other pods.
    pub job: Option<JobPod>,
    /// Where it stands among all pods ever made by its owner, from 0.
    pub ordinal: Ordinal,
    /// What became of it.
    pub status: PodStatus,
}

/// Where a pod stands among the pods of its owner, for programs whose attempts are numbered by pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ordinal {
    /// Among all pods ever made by the owner, from 0.
    pub of_owner: u32,
    /// Among those of the same completion index, from 0.
    pub of_index: u32,
}

/// The marks of a Job's pod: finalizer and annotations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JobPod {
    /// Holds the finalizer `batch.kubernetes.io/job-tracking`: not yet counted.
    pub has_finalizer: bool,
    /// `batch.kubernetes.io/job-completion-index` of an Indexed Job's pod.
    pub completion_index: Option<u32>,
    /// `batch.kubernetes.io/job-index-failure-count`; with backoffLimitPerIndex only.
    pub index_failure_count: Option<u32>,
    /// `batch.kubernetes.io/job-index-ignored-failure-count`, 0 where absent.
    pub index_ignored_failure_count: u32,
}

impl JobPod {
    /// The marks of a pod that no Job controller of the run made, by its annotations; without a finalizer.
    pub fn of_annotations(annotations: &Labels) -> Self {
        let number = |name: &str| annotations.get(&format!("batch.kubernetes.io/{name}"))?.parse().ok();
        Self {
            has_finalizer: false,
            completion_index: number("job-completion-index"),
            index_failure_count: number("job-index-failure-count"),
            index_ignored_failure_count: number("job-index-ignored-failure-count").unwrap_or(0),
        }
    }
}

/// What every pod of a template is given to be.
#[derive(Debug, Clone, PartialEq)]
pub struct PodSpec {
    /// Run one after another before the app containers; sidecars among them keep running.
    pub init_containers: Vec<Container>,
    /// The app containers.
    pub containers: Vec<Container>,
    /// What happens when a container exits.
    pub restart_policy: RestartPolicy,
    /// From the request to stop to SIGKILL.
    pub termination_grace: SimDuration,
    /// From the kubelet's acceptance to the end of the pod.
    pub active_deadline: Option<SimDuration>,
    /// Given at creation: the scheduler is by-passed.
    pub node_name: Option<Name>,
    /// The scheduler that places the pod; only `default-scheduler` runs in the simulated cluster.
    pub scheduler_name: Name,
    /// Larger is more important.
    pub priority: i32,
    /// The priority class, where one is named.
    pub priority_class: Option<Name>,
    /// Whether pods of lower priority may be removed for this one.
    pub preemption_policy: PreemptionPolicy,
    /// The nodes that it may run on.
    pub placement: Placement,
    /// Reasons to hold the pod out of the scheduler's queue.
    pub scheduling_gates: Vec<Name>,
    /// Uses the network namespace of the node.
    pub host_network: bool,
    /// Added to the requests.
    pub overhead: Resources,
    /// The volumes, by name.
    pub volumes: Vec<Volume>,
    /// Derived of the above; see [`PodSpec::derive`].
    pub derived: Derived,
}

/// What the scheduler and the kubelet derive of a pod's spec again and again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Derived {
    /// The effective request.
    pub requests: Resources,
    /// Cpu for scoring: 100m for each container that requests none.
    pub nonzero_cpu: Millicores,
    /// Memory for scoring: 200 MiB for each container that requests none.
    pub nonzero_memory: Bytes,
    /// The ports of the node that the pod needs.
    pub host_ports: Vec<HostPort>,
    /// The quality of service class.
    pub qos: QosClass,
}

/// A container of a pod.
#[derive(Debug, Clone, PartialEq)]
pub struct Container {
    /// The name, unique in the pod.
    pub name: Name,
    /// The image: the name of the program that the container runs.
    pub image: Name,
    /// When the image is pulled.
    pub pull_policy: PullPolicy,
    /// The ports that it declares; declaring opens nothing.
    pub ports: Vec<ContainerPort>,
    /// What it is promised, after defaulting from the limits.
    pub requests: ContainerResources,
    /// What it cannot exceed.
    pub limits: ContainerResources,
    /// `restartPolicy: Always` of an init container makes it a sidecar.
    pub init_kind: InitKind,
    /// The volumes that it sees.
    pub mounts: Vec<VolumeMount>,
    /// What the kubelet asks its process.
    pub probes: Probes,
    /// What is done after its start and before its end.
    pub lifecycle: Lifecycle,
}

/// Amounts of a container; unlike for a pod, a missing cpu or memory amount differs from zero.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContainerResources {
    /// The amounts, zero where missing.
    pub amounts: Resources,
    /// Whether `cpu` is given.
    pub has_cpu: bool,
    /// Whether `memory` is given.
    pub has_memory: bool,
}

/// What happens when a container exits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RestartPolicy {
    /// It is started again, also after exit 0.
    #[default]
    Always,
    /// It is started again unless it exited with 0.
    OnFailure,
    /// It stays down.
    Never,
}

impl RestartPolicy {
    /// The text in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Always => "Always",
            Self::OnFailure => "OnFailure",
            Self::Never => "Never",
        }
    }
}

/// Whether a pending pod may remove pods of lower priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PreemptionPolicy {
    /// It may.
    #[default]
    PreemptLowerPriority,
    /// It waits.
    Never,
}

impl PreemptionPolicy {
    /// The text in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PreemptLowerPriority => "PreemptLowerPriority",
            Self::Never => "Never",
        }
    }
}

/// When the kubelet pulls an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PullPolicy {
    /// When the node lacks it.
    #[default]
    IfNotPresent,
    /// At every start; a present image is only checked.
    Always,
    /// Never: a missing image is an error.
    Never,
}

/// A declared port of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerPort {
    /// The name, where given.
    pub name: Option<Name>,
    /// The port inside the pod.
    pub container_port: u16,
    /// The port of the node; 0 is none.
    pub host_port: u16,
    /// The node's address; `0.0.0.0` is all.
    pub host_ip: Name,
    /// The protocol.
    pub protocol: Protocol,
}

/// A transport protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Protocol {
    /// TCP
    #[default]
    Tcp,
    /// UDP
    Udp,
    /// SCTP
    Sctp,
}

impl Protocol {
    /// The text in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
        }
    }
}

/// A port of the node that a pod needs for itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostPort {
    /// The protocol.
    pub protocol: Protocol,
    /// The port.
    pub port: u16,
    /// The address; `0.0.0.0` is all.
    pub ip: Name,
}

impl HostPort {
    /// Whether both cannot be had at once.
    /// Source: Kubernetes 1.28, pkg/scheduler/framework/types.go, HostPortInfo.CheckConflict.
    pub fn conflicts_with(&self, other: &Self) -> bool {
        const ANY: &str = "0.0.0.0";
        self.protocol == other.protocol
            && self.port == other.port
            && (self.ip == other.ip || &*self.ip == ANY || &*other.ip == ANY)
    }
}

/// The quality of service class of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum QosClass {
    /// Requests equal limits for cpu and memory of every container.
    Guaranteed,
    /// Something in between.
    Burstable,
    /// No request and no limit at all.
    #[default]
    BestEffort,
}

impl QosClass {
    /// The text in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Guaranteed => "Guaranteed",
            Self::Burstable => "Burstable",
            Self::BestEffort => "BestEffort",
        }
    }
}

/// A volume of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// The name.
    pub name: Name,
    /// What is behind it.
    pub source: VolumeSource,
}

/// What is behind a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VolumeSource {
    /// Empty when the pod lands on its node, gone with the pod.
    EmptyDir,
    /// Something taken as present: configMap, secret, hostPath, persistentVolumeClaim, projected, downwardAPI.
    Present,
}

/// A place where a container sees a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeMount {
    /// The volume's name.
    pub volume: Name,
    /// The path in the container.
    pub path: Name,
    /// Writing fails.
    pub read_only: bool,
}

/// The template of the pods that a controller makes.
#[derive(Debug, Clone, PartialEq)]
pub struct PodTemplate {
    /// The pods' labels.
    pub labels: Labels,
    /// The pods' annotations.
    pub annotations: Labels,
    /// The pods' spec.
    pub spec: Arc<PodSpec>,
    /// Tells templates apart, also in fields without effect on behaviour; the label `pod-template-hash` does not count.
    pub fingerprint: u64,
}

impl Pod {
    /// Whether the pod counts for its controller: it has not ended and is not being deleted.
    /// Source: Kubernetes 1.28, pkg/controller/controller_utils.go, IsPodActive.
    pub const fn is_active(&self) -> bool {
        !self.status.phase.is_terminal() && !self.meta.is_terminating()
    }

    /// Whether the pod has been ready for long enough.
    ///
    /// Upstream counts from a timestamp of whole seconds, and the wait has to be over by a little.
    ///
    /// Deviation: a pod that was ready for exactly that long is available. Real clocks never meet that case; here much
    /// happens on whole seconds.
    /// Source: Kubernetes 1.28, pkg/api/v1/pod/util.go, IsPodAvailable.
    pub fn is_available(&self, min_ready: SimDuration, now: SimTime) -> bool {
        let ready = self.status.conditions.ready.as_ref().filter(|_| self.status.conditions.is_ready());
        ready.is_some_and(|ready| {
            let is_over_by_stamp = ready.since.truncated_to_secs() + min_ready < now;
            min_ready.is_zero() || is_over_by_stamp || ready.since + min_ready <= now
        })
    }

    /// The most restarts of one of its containers.
    pub fn max_restarts(&self) -> u32 {
        self.status.containers.iter().map(|container| container.restart_count).max().unwrap_or(0)
    }
}

impl PodSpec {
    /// Fills [`PodSpec::derived`] from the rest; to be called once the spec is complete.
    pub fn derive(mut self) -> Self {
        self.derived = Derived {
            requests: self.effective_requests(|container| container.requests.amounts.clone()),
            nonzero_cpu: self.effective_requests(Container::nonzero_requests).cpu,
            nonzero_memory: self.effective_requests(Container::nonzero_requests).memory,
            host_ports: self.containers.iter().flat_map(Container::host_ports).collect(),
            qos: self.qos_class(),
        };
        self
    }

    /// All containers, init containers first.
    pub fn all_containers(&self) -> impl Iterator<Item = &Container> {
        self.init_containers.iter().chain(&self.containers)
    }

    /// One container.
    pub fn container(&self, container: ContainerRef) -> &Container {
        match container {
            ContainerRef::Init(at) => &self.init_containers[usize::from(at)],
            ContainerRef::App(at) => &self.containers[usize::from(at)],
        }
    }

    /// Whether a container runs for as long as its pod does, and so can be ready: an app container or a sidecar.
    pub fn serves(&self, container: ContainerRef) -> bool {
        matches!(container, ContainerRef::App(_)) || self.container(container).init_kind == InitKind::Sidecar
    }

    fn effective_requests(&self, of: impl Fn(&Container) -> Resources) -> Resources {
        let init: Vec<_> = self.init_containers.iter().map(|c| (of(c), c.init_kind)).collect();
        let app: Vec<_> = self.containers.iter().map(&of).collect();
        resources::effective(init.iter().map(|(r, kind)| (r, *kind)), app.iter(), &self.overhead)
    }

    /// Source: Kubernetes 1.28, pkg/apis/core/v1/helper/qos/qos.go, GetPodQOS.
    fn qos_class(&self) -> QosClass {
        let mut requests = Resources::default();
        let mut limits = Resources::default();
        let mut all_limited = true;
        for container in self.all_containers() {
            requests += &container.requests.amounts;
            limits += &container.limits.amounts;
            all_limited &= container.limits.amounts.cpu.0 > 0 && container.limits.amounts.memory.0 > 0;
        }
        let nothing = |r: &Resources| r.cpu.0 == 0 && r.memory.0 == 0;
        if nothing(&requests) && nothing(&limits) {
            QosClass::BestEffort
        } else if all_limited && requests.cpu == limits.cpu && requests.memory == limits.memory {
            QosClass::Guaranteed
        } else {
            QosClass::Burstable
        }
    }
}

impl Container {
    /// The request with 100m and 200 MiB in place of a missing cpu and memory request.
    /// Source: Kubernetes 1.28, pkg/scheduler/util/pod_resources.go, GetNonzeroRequestForResource.
    fn nonzero_requests(&self) -> Resources {
        let mut amounts = self.requests.amounts.clone();
        if !self.requests.has_cpu {
            amounts.cpu = Millicores(100);
        }
        if !self.requests.has_memory {
            amounts.memory = Bytes(200 * 1024 * 1024);
        }
        amounts
    }

    fn host_ports(&self) -> impl Iterator<Item = HostPort> {
        self.ports.iter().filter(|port| port.host_port > 0).map(|port| HostPort {
            protocol: port.protocol,
            port: port.host_port,
            ip: port.host_ip.clone(),
        })
    }
}
