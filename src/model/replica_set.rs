//! ReplicaSets: spec and status of `apps/v1 ReplicaSet`.

use crate::engine::{SimDuration, SimTime};
use crate::model::meta::{LabelSelector, Name};
use crate::model::node::ConditionStatus;
use crate::model::object::Object;
use crate::model::pod::PodTemplate;

/// A ReplicaSet.
pub type ReplicaSet = Object<ReplicaSetSpec, ReplicaSetStatus>;

/// What a ReplicaSet is given to do, after defaulting.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplicaSetSpec {
    /// The pods wanted.
    pub replicas: u32,
    /// How long a pod must be ready to count as available.
    pub min_ready: SimDuration,
    /// Which pods are its own.
    pub selector: LabelSelector,
    /// What its pods are made of.
    pub template: PodTemplate,
}

/// What came of a ReplicaSet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReplicaSetStatus {
    /// Its active pods.
    pub replicas: u32,
    /// Those with all labels of the template.
    pub fully_labeled_replicas: u32,
    /// Those that are ready.
    pub ready_replicas: u32,
    /// Those that have been ready for long enough.
    pub available_replicas: u32,
    /// The generation of the spec that this status is about.
    pub observed_generation: u64,
    /// Set while pods cannot be made or deleted: the condition ReplicaFailure.
    pub replica_failure: Option<ReplicaFailure>,
}

/// The condition ReplicaFailure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaFailure {
    /// True, as long as it is there.
    pub status: ConditionStatus,
    /// `FailedCreate` or `FailedDelete`.
    pub reason: &'static str,
    /// The error in upstream's words.
    pub message: Name,
    /// The last transition.
    pub since: SimTime,
}
