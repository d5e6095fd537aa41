//! Deployments: spec and status of `apps/v1 Deployment`.

use crate::engine::{SimDuration, SimTime};
use crate::model::amount::CountOrPercent;
use crate::model::meta::{LabelSelector, Name};
use crate::model::node::ConditionStatus;
use crate::model::object::Object;
use crate::model::pod::PodTemplate;

/// The label by which the ReplicaSets of a Deployment and their pods are told apart.
pub const LABEL_POD_TEMPLATE_HASH: &str = "pod-template-hash";

/// A Deployment.
pub type Deployment = Object<DeploymentSpec, DeploymentStatus>;

/// What a Deployment is given to do, after defaulting.
#[derive(Debug, Clone, PartialEq)]
pub struct DeploymentSpec {
    /// The pods wanted.
    pub replicas: u32,
    /// Which ReplicaSets and pods are its own.
    pub selector: LabelSelector,
    /// What its pods are made of.
    pub template: PodTemplate,
    /// How a new template replaces the old one.
    pub strategy: DeploymentStrategy,
    /// How long a pod must be ready to count as available.
    pub min_ready: SimDuration,
    /// How many old ReplicaSets are kept.
    pub revision_history_limit: Option<u32>,
    /// How long without progress is borne before the condition says so; `None` is for ever.
    pub progress_deadline: Option<SimDuration>,
    /// No roll-out for now.
    pub paused: bool,
}

/// How a new template replaces the old one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeploymentStrategy {
    /// All old pods go before the first new one comes.
    Recreate,
    /// Step by step.
    RollingUpdate {
        /// How many more than wanted there may be; a percentage is rounded up.
        max_surge: CountOrPercent,
        /// How many fewer than wanted may be available; a percentage is rounded down.
        max_unavailable: CountOrPercent,
    },
}

/// What came of a Deployment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeploymentStatus {
    /// Its active pods.
    pub replicas: u32,
    /// Those made of the present template.
    pub updated_replicas: u32,
    /// Those that are ready.
    pub ready_replicas: u32,
    /// Those that have been ready for long enough.
    pub available_replicas: u32,
    /// Those wanted that are not available.
    pub unavailable_replicas: u32,
    /// The generation of the spec that this status is about.
    pub observed_generation: u64,
    /// How often a hash of a template was taken by another one.
    pub collision_count: Option<u32>,
    /// In the order of the API.
    pub conditions: Vec<DeploymentCondition>,
}

/// A condition of a Deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploymentCondition {
    /// Which.
    pub kind: DeploymentConditionType,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// One word on why.
    pub reason: &'static str,
    /// In upstream's words.
    pub message: Name,
    /// `lastTransitionTime`
    pub since: SimTime,
    /// `lastUpdateTime`
    pub updated: SimTime,
}

/// The conditions of a Deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeploymentConditionType {
    /// Enough pods are available.
    Available,
    /// The roll-out goes on, or is done.
    Progressing,
    /// Pods cannot be made or deleted.
    ReplicaFailure,
}

impl DeploymentConditionType {
    /// The text in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Available => "Available",
            Self::Progressing => "Progressing",
            Self::ReplicaFailure => "ReplicaFailure",
        }
    }
}
