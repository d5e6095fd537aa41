//! The arithmetic of roll-outs: sizes of ReplicaSets, as pure functions of the Deployment and its sets.
//!
//! Sizes are those that the sets were given, not those that their pods have reached; only availability is counted in
//! pods. Pods that terminate count nowhere.

use crate::controllers::deployment::sets::{Set, Sets};
use crate::model::amount::{CountOrPercent, Rounding};
use crate::model::deployment::{DeploymentSpec, DeploymentStrategy};

/// How many more pods than wanted, and how many fewer available ones, a roll-out may make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Above the replicas.
    pub surge: u32,
    /// Below the replicas.
    pub unavailable: u32,
}

/// The bounds of a Deployment; none where it does not roll.
/// Source: Kubernetes 1.28, pkg/controller/deployment/util/deployment_util.go, MaxSurge, MaxUnavailable.
pub fn bounds(spec: &DeploymentSpec) -> Bounds {
    let DeploymentStrategy::RollingUpdate { max_surge, max_unavailable } = spec.strategy else {
        return Bounds { surge: 0, unavailable: 0 };
    };
    let Bounds { surge, unavailable } = fenceposts(max_surge, max_unavailable, spec.replicas);
    Bounds { surge, unavailable: unavailable.min(spec.replicas) }
}

/// What amounts come to with so many replicas; at least one pod may be missing where none may be added.
/// Source: Kubernetes 1.28, pkg/controller/deployment/util/deployment_util.go, ResolveFenceposts.
pub fn fenceposts(max_surge: CountOrPercent, max_unavailable: CountOrPercent, replicas: u32) -> Bounds {
    let surge = max_surge.of(replicas, Rounding::Up);
    let unavailable = max_unavailable.of(replicas, Rounding::Down);
    Bounds { surge, unavailable: if surge == 0 && unavailable == 0 { 1 } else { unavailable } }
}

/// The size that the new set gets next, when all sets together have `n_total`.
/// Source: Kubernetes 1.28, pkg/controller/deployment/util/deployment_util.go, NewRSNewReplicas.
pub fn new_set_size(spec: &DeploymentSpec, n_total: u32, n_new: u32) -> u32 {
    match spec.strategy {
        DeploymentStrategy::Recreate => spec.replicas,
        DeploymentStrategy::RollingUpdate { .. } => {
            let room = surge_limit(spec).saturating_sub(n_total);
            n_new + room.min(spec.replicas.saturating_sub(n_new))
        }
    }
}

/// The most pods that there may be.
pub fn surge_limit(spec: &DeploymentSpec) -> u32 {
    spec.replicas.saturating_add(bounds(spec).surge)
}

/// How the old sets shrink in one step: pods that are not available first, then as many available ones as may be
/// missing; of the sets the oldest first. Gives the new sizes of those that change, in order.
///
/// Source: Kubernetes 1.28, pkg/controller/deployment/rolling.go, reconcileOldReplicaSets, cleanupUnhealthyReplicas,
/// scaleDownOldReplicaSetsForRollingUpdate.
pub fn shrink_old(spec: &DeploymentSpec, sets: &Sets) -> Vec<(Set, u32)> {
    let mut old: Vec<(Set, u32)> = sets.active_old().map(|set| (set.clone(), set.size())).collect();
    let Some(new) = &sets.new else { return Vec::new() };
    let min_available = spec.replicas - bounds(spec).unavailable;
    let new_unavailable = i64::from(new.size()) - i64::from(new.object.status.available_replicas);
    let removable = i64::from(sets.n_wanted()) - i64::from(min_available) - new_unavailable;
    if removable <= 0 {
        return Vec::new();
    }
    old.sort_by_key(|(set, _)| set.age());
    let mut steps = Vec::new();
    let mut left = u32::try_from(removable).unwrap_or(u32::MAX);
    for (set, size) in &mut old {
        let n_available = set.object.status.available_replicas;
        // A set that has not shrunk yet stops the step: upstream finds that it would have to grow.
        if left > 0 && n_available > *size {
            return steps;
        }
        let n_unhealthy = size.saturating_sub(n_available).min(left);
        if n_unhealthy > 0 {
            *size -= n_unhealthy;
            left -= n_unhealthy;
            steps.push((set.clone(), *size));
        }
    }
    let n_available: u32 = sets.all().map(|set| set.object.status.available_replicas).sum();
    let mut left = n_available.saturating_sub(min_available);
    for (set, size) in &mut old {
        let n_gone = left.min(*size);
        if n_gone > 0 {
            *size -= n_gone;
            left -= n_gone;
            steps.push((set.clone(), *size));
        }
    }
    steps
}

/// How all active sets grow or shrink when the Deployment is scaled during a roll-out: in proportion to their sizes,
/// the largest first, and what is left over goes to the first.
///
/// Source: Kubernetes 1.28, pkg/controller/deployment/sync.go, scale; deployment_util.go, GetProportion.
pub fn proportions(spec: &DeploymentSpec, sets: &Sets, n_observed: u32) -> Vec<(Set, u32)> {
    let mut active: Vec<Set> = sets.active().cloned().collect();
    let allowed = if spec.replicas > 0 { i64::from(surge_limit(spec)) } else { 0 };
    let to_add = allowed - active.iter().map(|set| i64::from(set.size())).sum::<i64>();
    // Upstream sorts the sets where there is something to spread, the newer first when they grow.
    if to_add > 0 {
        active.sort_by_key(|set| (std::cmp::Reverse(set.size()), std::cmp::Reverse(set.age())));
    } else if to_add < 0 {
        active.sort_by_key(|set| (std::cmp::Reverse(set.size()), set.age()));
    }
    let mut added = 0;
    let mut sizes: Vec<i64> = Vec::with_capacity(active.len());
    for set in &active {
        let share = proportion(spec, set, n_observed, to_add, added);
        added += share;
        sizes.push(i64::from(set.size()) + share);
    }
    if let Some(first) = sizes.first_mut() {
        *first = (*first + to_add - added).max(0);
    }
    let size = |size: i64| u32::try_from(size).expect("a share takes no more from a set than it has");
    active.into_iter().zip(sizes).map(|(set, new)| (set, size(new))).collect()
}

fn proportion(spec: &DeploymentSpec, set: &Set, n_observed: u32, to_add: i64, added: i64) -> i64 {
    if set.size() == 0 || to_add == added {
        return 0;
    }
    let (fraction, allowed) = (fraction(spec, set, n_observed), to_add - added);
    if to_add > 0 { fraction.min(allowed) } else { fraction.max(allowed) }
}

/// How much a set grows so that it keeps its share, rounded to the nearest; all of it goes with the last replica.
///
/// The set's annotation tells how large the Deployment was when the set got its size.
/// Source: Kubernetes 1.28, pkg/controller/deployment/util/deployment_util.go, getReplicaSetFraction.
fn fraction(spec: &DeploymentSpec, set: &Set, n_observed: u32) -> i64 {
    let size = i64::from(set.size());
    if spec.replicas == 0 {
        return -size;
    }
    let total = i64::from(surge_limit(spec));
    let before = i64::from(set.max_replicas().unwrap_or(n_observed)).max(1);
    // Halves are rounded up, in whole numbers: no sizes are below zero.
    (2 * size * total + before) / (2 * before) - size
}
