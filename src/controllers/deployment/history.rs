//! Which old ReplicaSets a Deployment deletes once a roll-out is done.

use crate::controllers::deployment::sets::Set;
use crate::model::ids::ReplicaSetId;

/// The old sets that go: those beyond the limit, the lowest revision first. One that still has pods, or whose
/// controller has not seen its last spec, stays and counts all the same.
///
/// Source: Kubernetes 1.28, pkg/controller/deployment/sync.go, cleanupDeployment.
pub fn surplus(old: &[Set], limit: Option<u32>) -> Vec<ReplicaSetId> {
    let Some(limit) = limit else { return Vec::new() };
    let mut sets: Vec<&Set> = old.iter().filter(|set| !set.object.meta.is_terminating()).collect();
    let n_surplus = sets.len().saturating_sub(limit as usize);
    sets.sort_by_key(|set| (set.revision(), set.age()));
    let is_empty = |set: &&Set| {
        let object = &set.object;
        object.status.replicas == 0
            && object.spec.replicas == 0
            && object.meta.generation <= object.status.observed_generation
    };
    sets.into_iter().take(n_surplus).filter(is_empty).map(|set| set.id).collect()
}
