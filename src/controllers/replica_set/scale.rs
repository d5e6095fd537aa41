//! What a ReplicaSet does about the number of its pods.

use crate::controllers::pod_ranking::{Candidate, rank};
use crate::engine::SimTime;
use crate::model::ids::PodId;

/// The most pods that one sync creates or deletes.
/// Source: Kubernetes 1.28, pkg/controller/replicaset/replica_set.go, BurstReplicas.
pub const BURST_REPLICAS: u32 = 500;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scale {
    /// Nothing.
    Keep,
    /// So many pods are to be created.
    Create(u32),
    /// These pods are to be deleted, in this order.
    Delete(Vec<PodId>),
}

/// Decides on the active pods of a set, given in order of creation.
/// Source: Kubernetes 1.28, pkg/controller/replicaset/replica_set.go, manageReplicas and getPodsToDelete.
pub fn scale(replicas: u32, active: &[(PodId, Candidate<'_>)], now: SimTime) -> Scale {
    let n_active = u32::try_from(active.len()).expect("ids of pods have 32 bits");
    if n_active < replicas {
        return Scale::Create((replicas - n_active).min(BURST_REPLICAS));
    }
    let n_surplus = (n_active - replicas).min(BURST_REPLICAS) as usize;
    if n_surplus == 0 {
        return Scale::Keep;
    }
    let mut victims = if n_surplus < active.len() {
        rank(active, now)
    } else {
        active.iter().map(|(pod, _)| *pod).collect()
    };
    victims.truncate(n_surplus);
    Scale::Delete(victims)
}
