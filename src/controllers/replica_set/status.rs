//! The status of a ReplicaSet, as it follows from its active pods.

use crate::engine::SimTime;
use crate::model::meta::Name;
use crate::model::node::ConditionStatus;
use crate::model::pod::Pod;
use crate::model::replica_set::{ReplicaFailure, ReplicaSet, ReplicaSetStatus};

/// How a sync failed to scale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScaleError {
    /// `FailedCreate` or `FailedDelete`.
    pub reason: &'static str,
    /// The error in upstream's words.
    pub message: Name,
}

/// The status of a set with these active pods, whose scaling has not failed.
///
/// Source: Kubernetes 1.28, pkg/controller/replicaset/replica_set_utils.go, calculateStatus.
pub fn status<'a>(set: &ReplicaSet, active: impl Iterator<Item = &'a Pod>, now: SimTime) -> ReplicaSetStatus {
    let mut status =
        ReplicaSetStatus { observed_generation: set.meta.generation, ..ReplicaSetStatus::default() };
    for pod in active {
        status.replicas += 1;
        status.fully_labeled_replicas += u32::from(pod.meta.labels.has_all(&set.spec.template.labels));
        status.ready_replicas += u32::from(pod.status.conditions.is_ready());
        status.available_replicas += u32::from(pod.is_available(set.spec.min_ready, now));
    }
    status
}

/// The condition of a set that could not be scaled: it stays as it began until a sync succeeds.
///
/// Source: Kubernetes 1.28, pkg/controller/replicaset/replica_set_utils.go, calculateStatus.
pub fn failure(set: &ReplicaSet, error: ScaleError, now: SimTime) -> ReplicaFailure {
    set.status.replica_failure.clone().unwrap_or_else(|| ReplicaFailure {
        status: ConditionStatus::True,
        reason: error.reason,
        message: error.message,
        since: now.truncated_to_secs(),
    })
}
