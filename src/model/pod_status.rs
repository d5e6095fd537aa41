//! What became of a pod: phase, conditions, the states of its containers.

use std::fmt;
use std::net::Ipv4Addr;

use crate::engine::{SimDuration, SimTime};
use crate::model::meta::Name;
use crate::model::node::ConditionStatus;

/// The status of a pod.
#[derive(Debug, Clone, PartialEq)]
pub struct PodStatus {
    /// The phase.
    pub phase: Phase,
    /// Why the pod as a whole is in this phase, for example `OutOfcpu` or `DeadlineExceeded`.
    pub reason: Option<PodReason>,
    /// The reason in words.
    pub message: Option<Name>,
    /// When the kubelet accepted the pod.
    pub start_time: Option<SimTime>,
    /// The address, from the sandbox on.
    pub pod_ip: Option<Ipv4Addr>,
    /// The node that preemption makes room on.
    pub nominated_node: Option<Name>,
    /// The conditions.
    pub conditions: PodConditions,
    /// The init containers, in the order of the spec.
    pub init_containers: Vec<ContainerStatus>,
    /// The app containers, in the order of the spec.
    pub containers: Vec<ContainerStatus>,
}

/// The phase of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Phase {
    /// Not all containers have run.
    #[default]
    Pending,
    /// Bound, and some container runs or will again.
    Running,
    /// All containers exited with 0, for good.
    Succeeded,
    /// All containers exited, at least one not with 0, for good.
    Failed,
}

impl Phase {
    /// The text in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Running => "Running",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
        }
    }

    /// Succeeded or Failed: final.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }
}

/// Why a pod as a whole is in its phase.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PodReason {
    /// The kubelet refused it: this resource is short (`OutOfcpu`, `OutOfpods`, …).
    OutOf(Name),
    /// The kubelet refused it: a host port is taken.
    NodePorts,
    /// The kubelet refused it: selector or required affinity do not match.
    NodeAffinity,
    /// The kubelet refused it: a NoExecute taint is not tolerated.
    TaintToleration,
    /// `activeDeadlineSeconds` of the pod passed.
    DeadlineExceeded,
    /// The kubelet or a controller evicted it.
    Evicted,
    /// The node it was bound to is no more, or does not answer.
    NodeLost,
    /// Its node shut down and ended it.
    Terminated,
    /// The kubelet refused it: the node shuts down.
    NodeShutdown,
}

impl fmt::Display for PodReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOf(resource) => write!(f, "OutOf{resource}"),
            Self::NodePorts => f.write_str("NodePorts"),
            Self::NodeAffinity => f.write_str("NodeAffinity"),
            Self::TaintToleration => f.write_str("TaintToleration"),
            Self::DeadlineExceeded => f.write_str("DeadlineExceeded"),
            Self::Evicted => f.write_str("Evicted"),
            Self::NodeLost => f.write_str("NodeLost"),
            Self::Terminated => f.write_str("Terminated"),
            Self::NodeShutdown => f.write_str("NodeShutdown"),
        }
    }
}

/// The conditions of a pod. A condition that was never set is absent.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PodConditions {
    /// `PodScheduled`
    pub scheduled: Option<PodCondition>,
    /// `Initialized`
    pub initialized: Option<PodCondition>,
    /// `ContainersReady`
    pub containers_ready: Option<PodCondition>,
    /// `Ready`
    pub ready: Option<PodCondition>,
    /// `DisruptionTarget`
    pub disruption_target: Option<PodCondition>,
    /// Conditions of other types, by type, as a test or a patch sets them.
    pub others: Vec<(Name, PodCondition)>,
}

/// One condition of a pod.
#[derive(Debug, Clone, PartialEq)]
pub struct PodCondition {
    /// True, False or Unknown.
    pub status: ConditionStatus,
    /// Since when it has this status.
    pub since: SimTime,
    /// One word on why.
    pub reason: Option<Name>,
    /// Why in words.
    pub message: Option<Name>,
}

impl PodConditions {
    /// Whether the pod is Ready.
    pub fn is_ready(&self) -> bool {
        self.ready.as_ref().is_some_and(|condition| condition.status == ConditionStatus::True)
    }

    /// All conditions that were set, by type, in the order of the API.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &PodCondition)> {
        let named = [
            ("PodScheduled", &self.scheduled),
            ("Initialized", &self.initialized),
            ("ContainersReady", &self.containers_ready),
            ("Ready", &self.ready),
            ("DisruptionTarget", &self.disruption_target),
        ];
        let others = self.others.iter().map(|(name, condition)| (&**name, condition));
        named.into_iter().filter_map(|(name, condition)| Some((name, condition.as_ref()?))).chain(others)
    }
}

/// The status of one container.
#[derive(Debug, Clone, PartialEq)]
pub struct ContainerStatus {
    /// What it does now.
    pub state: ContainerState,
    /// How it ended the last time, if it was started again or waits to be.
    pub last_termination: Option<Termination>,
    /// Starts after the first.
    pub restart_count: u32,
}

/// What a container does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContainerState {
    /// It is not running yet, or not running again yet.
    Waiting(WaitingReason),
    /// Its process runs.
    Running {
        /// When it was started.
        started_at: SimTime,
        /// Whether start-up is over: always true unless a startup probe has not succeeded.
        is_started: bool,
        /// Whether it counts as ready.
        is_ready: bool,
    },
    /// Its process ended.
    Terminated(Termination),
}

/// The end of a container's process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Termination {
    /// The exit code; 128 + n after signal n.
    pub exit_code: i32,
    /// One word on why.
    pub reason: TerminationReason,
    /// When the process started.
    pub started_at: SimTime,
    /// When it ended. The stored timestamp has whole seconds.
    pub finished_at: SimTime,
}

/// Why a container waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WaitingReason {
    /// The sandbox or the container is being made.
    ContainerCreating,
    /// Init containers have not all ended.
    PodInitializing,
    /// It crashed and waits for its back-off.
    CrashLoopBackOff,
    /// The pull failed just now.
    ErrImagePull,
    /// The pull failed and waits for its back-off.
    ImagePullBackOff,
    /// The image is missing and must not be pulled.
    ErrImageNeverPull,
}

impl WaitingReason {
    /// The text in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ContainerCreating => "ContainerCreating",
            Self::PodInitializing => "PodInitializing",
            Self::CrashLoopBackOff => "CrashLoopBackOff",
            Self::ErrImagePull => "ErrImagePull",
            Self::ImagePullBackOff => "ImagePullBackOff",
            Self::ErrImageNeverPull => "ErrImageNeverPull",
        }
    }
}

/// Why a container's process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TerminationReason {
    /// Exit code 0.
    Completed,
    /// Another exit code.
    Error,
    /// It exceeded its memory limit.
    OomKilled,
    /// It was running when its node went down.
    Unknown,
    /// It never ran, or the kubelet could not find it, when its pod ended.
    ContainerStatusUnknown,
}

impl TerminationReason {
    /// The text in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "Completed",
            Self::Error => "Error",
            Self::OomKilled => "OOMKilled",
            Self::Unknown => "Unknown",
            Self::ContainerStatusUnknown => "ContainerStatusUnknown",
        }
    }
}

impl ContainerStatus {
    /// A container that was not started yet.
    pub const fn waiting(reason: WaitingReason) -> Self {
        Self { state: ContainerState::Waiting(reason), last_termination: None, restart_count: 0 }
    }

    /// Whether the process runs.
    pub const fn is_running(&self) -> bool {
        matches!(self.state, ContainerState::Running { .. })
    }

    /// Whether the container runs and is ready.
    pub const fn is_ready(&self) -> bool {
        matches!(self.state, ContainerState::Running { is_ready: true, .. })
    }

    /// The end of the process, where it has ended and waits for nothing.
    pub const fn termination(&self) -> Option<&Termination> {
        match &self.state {
            ContainerState::Terminated(termination) => Some(termination),
            ContainerState::Waiting(_) | ContainerState::Running { .. } => None,
        }
    }

    /// How long the process that ended had run.
    pub fn last_run(&self) -> Option<SimDuration> {
        self.last_termination.map(|end| end.finished_at.since(end.started_at))
    }
}

/// Names one container of a pod: init containers and app containers are numbered apart, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContainerRef {
    /// The n-th init container.
    Init(u16),
    /// The n-th app container.
    App(u16),
}

impl PodStatus {
    /// The status of a container.
    pub fn container(&self, container: ContainerRef) -> &ContainerStatus {
        match container {
            ContainerRef::Init(at) => &self.init_containers[usize::from(at)],
            ContainerRef::App(at) => &self.containers[usize::from(at)],
        }
    }

    /// The status of a container, to change.
    pub fn container_mut(&mut self, container: ContainerRef) -> &mut ContainerStatus {
        match container {
            ContainerRef::Init(at) => &mut self.init_containers[usize::from(at)],
            ContainerRef::App(at) => &mut self.containers[usize::from(at)],
        }
    }

    /// The restarts of all containers together.
    pub fn restart_count(&self) -> u32 {
        self.init_containers.iter().chain(&self.containers).map(|container| container.restart_count).sum()
    }
}
