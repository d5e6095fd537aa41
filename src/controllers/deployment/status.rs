//! The status of a Deployment, its conditions, and the progress of its roll-out.
//!
//! ```text
//!                    ┌─────────── progress ───────────┐
//!                    ▼                                │
//! NewReplicaSetCreated → ReplicaSetUpdated → ProgressDeadlineExceeded
//!                    │           │                    │
//!                    └───────────┴─ all available ────┴──→ NewReplicaSetAvailable
//! ```

use crate::controllers::deployment::rollout::bounds;
use crate::controllers::deployment::sets::Sets;
use crate::engine::{SimDuration, SimTime};
use crate::model::deployment::{
    Deployment, DeploymentCondition, DeploymentConditionType, DeploymentStatus, DeploymentStrategy,
};
use crate::model::meta::Name;
use crate::model::node::ConditionStatus;

/// The reason of a roll-out that is done.
pub const NEW_SET_AVAILABLE: &str = "NewReplicaSetAvailable";
/// The reason of a roll-out that has made no progress for too long.
pub const TIMED_OUT: &str = "ProgressDeadlineExceeded";
/// The reason of a Deployment that is paused.
pub const PAUSED: &str = "DeploymentPaused";

const SECOND: SimDuration = SimDuration::from_secs(1);

/// When a Deployment is to be looked at again although nothing has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requeue {
    /// Never.
    Never,
    /// As soon as the queue's limit on retries allows.
    Soon,
    /// After this span.
    After(SimDuration),
}

/// A condition that begins now.
pub fn condition(
    kind: DeploymentConditionType,
    status: ConditionStatus,
    reason: &'static str,
    message: impl Into<Name>,
    now: SimTime,
) -> DeploymentCondition {
    let stamp = now.truncated_to_secs();
    DeploymentCondition { kind, status, reason, message: message.into(), since: stamp, updated: stamp }
}

/// The condition of a type.
pub fn find(status: &DeploymentStatus, kind: DeploymentConditionType) -> Option<&DeploymentCondition> {
    status.conditions.iter().find(|condition| condition.kind == kind)
}

/// Sets a condition, unless it has this status and reason already; it moves to the end of the list, and its last
/// transition moves only with its status.
///
/// Source: Kubernetes 1.28, pkg/controller/deployment/util/deployment_util.go, SetDeploymentCondition.
pub fn set(status: &mut DeploymentStatus, mut condition: DeploymentCondition) {
    if let Some(known) = find(status, condition.kind) {
        if known.status == condition.status && known.reason == condition.reason {
            return;
        }
        if known.status == condition.status {
            condition.since = known.since;
        }
    }
    remove(status, condition.kind);
    status.conditions.push(condition);
}

/// Takes a condition away.
pub fn remove(status: &mut DeploymentStatus, kind: DeploymentConditionType) {
    status.conditions.retain(|condition| condition.kind != kind);
}

/// The counts of a Deployment with these sets, and whether enough pods are available.
///
/// Source: Kubernetes 1.28, pkg/controller/deployment/sync.go, calculateStatus.
pub fn counted(deployment: &Deployment, sets: &Sets, now: SimTime) -> DeploymentStatus {
    let sum = |count: fn(&crate::model::replica_set::ReplicaSetStatus) -> u32| -> u32 {
        sets.all().map(|set| count(&set.object.status)).sum()
    };
    let available_replicas = sum(|status| status.available_replicas);
    let mut status = DeploymentStatus {
        replicas: sum(|status| status.replicas),
        updated_replicas: sets.new.as_ref().map_or(0, |new| new.object.status.replicas),
        ready_replicas: sum(|status| status.ready_replicas),
        available_replicas,
        unavailable_replicas: sets.n_wanted().saturating_sub(available_replicas),
        observed_generation: deployment.meta.generation,
        collision_count: deployment.status.collision_count,
        conditions: deployment.status.conditions.clone(),
    };
    let needed = deployment.spec.replicas - bounds(&deployment.spec).unavailable;
    let (holds, reason, message) = if available_replicas >= needed {
        (ConditionStatus::True, "MinimumReplicasAvailable", "Deployment has minimum availability.")
    } else {
        let message = "Deployment does not have minimum availability.";
        (ConditionStatus::False, "MinimumReplicasUnavailable", message)
    };
    set(&mut status, condition(DeploymentConditionType::Available, holds, reason, message, now));
    status
}

/// The status with what can be said about the roll-out: that it is done, goes on, or has made no progress for too
/// long; and the failure of a set to make pods.
///
/// Source: Kubernetes 1.28, pkg/controller/deployment/progress.go, syncRolloutStatus.
pub fn rolled(deployment: &Deployment, sets: &Sets, now: SimTime) -> DeploymentStatus {
    use DeploymentConditionType::Progressing;
    let mut status = counted(deployment, sets, now);
    if deployment.spec.progress_deadline.is_none() {
        remove(&mut status, Progressing);
    } else if !was_complete(deployment, &status) {
        let says = |what: &str| {
            let subject = match &sets.new {
                Some(new) => format!("ReplicaSet \"{}\"", new.object.meta.name),
                None => format!("Deployment \"{}\"", deployment.meta.name),
            };
            format!("{subject} {what}.")
        };
        let of = |holds, reason, what| condition(Progressing, holds, reason, says(what), now);
        if is_complete(deployment, &status) {
            let done = of(ConditionStatus::True, NEW_SET_AVAILABLE, "has successfully progressed");
            set(&mut status, done);
        } else if is_progressing(&deployment.status, &status) {
            let mut goes_on = of(ConditionStatus::True, "ReplicaSetUpdated", "is progressing");
            let known = find(&status, Progressing).filter(|known| known.status == ConditionStatus::True);
            goes_on.since = known.map_or(goes_on.since, |known| known.since);
            remove(&mut status, Progressing);
            status.conditions.push(goes_on);
        } else if is_timed_out(deployment, &status, now) {
            set(&mut status, of(ConditionStatus::False, TIMED_OUT, "has timed out progressing"));
        }
    }
    match failure(sets) {
        Some(failure) => set(&mut status, failure),
        None => remove(&mut status, DeploymentConditionType::ReplicaFailure),
    }
    status
}

/// Whether the roll-out was done before, so that a resync does not judge its progress.
fn was_complete(deployment: &Deployment, status: &DeploymentStatus) -> bool {
    let progress = find(&deployment.status, DeploymentConditionType::Progressing);
    status.replicas == status.updated_replicas
        && progress.is_some_and(|progress| progress.reason == NEW_SET_AVAILABLE)
}

/// Whether all pods are of the new template and available.
/// Source: Kubernetes 1.28, pkg/controller/deployment/util/deployment_util.go, DeploymentComplete.
pub fn is_complete(deployment: &Deployment, status: &DeploymentStatus) -> bool {
    let replicas = deployment.spec.replicas;
    status.updated_replicas == replicas
        && status.replicas == replicas
        && status.available_replicas == replicas
        && status.observed_generation >= deployment.meta.generation
}

/// Source: Kubernetes 1.28, pkg/controller/deployment/util/deployment_util.go, DeploymentProgressing.
fn is_progressing(old: &DeploymentStatus, new: &DeploymentStatus) -> bool {
    let n_old = |status: &DeploymentStatus| i64::from(status.replicas) - i64::from(status.updated_replicas);
    new.updated_replicas > old.updated_replicas
        || n_old(new) < n_old(old)
        || new.ready_replicas > old.ready_replicas
        || new.available_replicas > old.available_replicas
}

/// Source: Kubernetes 1.28, pkg/controller/deployment/util/deployment_util.go, DeploymentTimedOut.
fn is_timed_out(deployment: &Deployment, status: &DeploymentStatus, now: SimTime) -> bool {
    let Some(deadline) = deployment.spec.progress_deadline else { return false };
    match find(status, DeploymentConditionType::Progressing) {
        None => false,
        Some(progress) if progress.reason == NEW_SET_AVAILABLE => false,
        Some(progress) => progress.reason == TIMED_OUT || progress.updated + deadline < now,
    }
}

/// The failure of a set to make or delete pods; the new set's goes first.
/// Source: Kubernetes 1.28, pkg/controller/deployment/sync.go, getReplicaFailures.
fn failure(sets: &Sets) -> Option<DeploymentCondition> {
    let mut all = sets.new.iter().chain(sets.all());
    let failure = all.find_map(|set| set.object.status.replica_failure.as_ref())?;
    Some(DeploymentCondition {
        kind: DeploymentConditionType::ReplicaFailure,
        status: failure.status,
        reason: failure.reason,
        message: failure.message.clone(),
        since: failure.since,
        updated: failure.since,
    })
}

/// When a Deployment whose status stays as it is has to be looked at again: one second after its deadline.
///
/// A roll-out that was done before is not judged again. Upstream looks at it all the same, from its deadline on ten
/// times a second, to no effect while the Deployment rolls; only a Deployment that recreates its pods waits for what
/// nobody tells it.
/// Source: Kubernetes 1.28, pkg/controller/deployment/progress.go, requeueStuckDeployment.
pub fn requeue(deployment: &Deployment, status: &DeploymentStatus, now: SimTime) -> Requeue {
    let progress = find(&deployment.status, DeploymentConditionType::Progressing);
    let (Some(deadline), Some(progress)) = (deployment.spec.progress_deadline, progress) else {
        return Requeue::Never;
    };
    let rolls = deployment.spec.strategy != DeploymentStrategy::Recreate;
    if is_complete(deployment, status)
        || progress.reason == TIMED_OUT
        || rolls && was_complete(deployment, status)
    {
        return Requeue::Never;
    }
    let due = progress.updated + deadline;
    if due < now + SECOND { Requeue::Soon } else { Requeue::After(due.since(now) + SECOND) }
}
