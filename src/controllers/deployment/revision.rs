//! Revisions: the number of a template in the history of a Deployment, kept in annotations.

use crate::controllers::deployment::rollout::surge_limit;
use crate::controllers::deployment::sets::Set;
use crate::model::deployment::{Deployment, DeploymentSpec};
use crate::model::meta::Labels;

/// The revision of a Deployment or a ReplicaSet.
pub const REVISION: &str = "deployment.kubernetes.io/revision";
/// The revisions that a ReplicaSet has had before.
pub const REVISION_HISTORY: &str = "deployment.kubernetes.io/revision-history";
/// The size of the Deployment when the ReplicaSet was given its own.
pub const DESIRED_REPLICAS: &str = "deployment.kubernetes.io/desired-replicas";
/// The most pods that the Deployment might have then.
pub const MAX_REPLICAS: &str = "deployment.kubernetes.io/max-replicas";

/// Annotations of a Deployment that its sets do not get.
/// Source: Kubernetes 1.28, pkg/controller/deployment/util/deployment_util.go, annotationsToSkip.
const SKIPPED: [&str; 6] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    REVISION_HISTORY,
    DESIRED_REPLICAS,
    MAX_REPLICAS,
    "deprecated.deployment.rollback.to",
];

/// The longest list of earlier revisions [bytes].
/// Source: Kubernetes 1.28, pkg/controller/deployment/sync.go, maxRevHistoryLengthInChars.
const HISTORY_BYTES_MAX: usize = 2000;

/// The revision that comes after those of the old sets.
pub fn next_revision(old: &[Set]) -> u64 {
    old.iter().map(Set::revision).max().unwrap_or(0) + 1
}

/// The annotations of a set that is the new one: those of the Deployment, and its revision, which never falls. A set
/// that is taken up again keeps its earlier revisions in a list.
///
/// Source: Kubernetes 1.28, pkg/controller/deployment/util/deployment_util.go, SetNewReplicaSetAnnotations.
pub fn annotations_of_new(deployment: &Deployment, annotations: &Labels, revision: u64) -> Labels {
    let own = deployment.meta.annotations.iter().filter(|(key, _)| !SKIPPED.contains(&&***key));
    let copied = own.fold(annotations.clone(), |annotations, (key, value)| {
        if annotations.get(key) == Some(value) { annotations } else { annotations.with(key, value) }
    });
    let old = annotations.get(REVISION);
    let number = old.map(|old| old.parse::<u64>());
    let number = match number {
        Some(Err(_)) => return copied,
        Some(Ok(number)) => number,
        None => 0,
    };
    if number >= revision {
        return copied;
    }
    let renumbered = copied.with(REVISION, &revision.to_string());
    match old {
        Some(old) => with_earlier(&renumbered, old),
        None => renumbered,
    }
}

/// Adds a revision to the list of earlier ones; the first go where the list becomes too long.
fn with_earlier(annotations: &Labels, earlier: &str) -> Labels {
    let list = annotations.get(REVISION_HISTORY).filter(|list| !list.is_empty());
    let Some(list) = list else { return annotations.with(REVISION_HISTORY, earlier) };
    let mut kept = format!("{list},{earlier}");
    while kept.len() > HISTORY_BYTES_MAX {
        let Some((_, rest)) = kept.split_once(',') else { return annotations.clone() };
        kept = rest.to_owned();
    }
    annotations.with(REVISION_HISTORY, &kept)
}

/// The annotations that tell the size of the Deployment when a set was given its own.
/// Source: Kubernetes 1.28, pkg/controller/deployment/util/deployment_util.go, SetReplicasAnnotations.
pub fn with_sizes(spec: &DeploymentSpec, annotations: &Labels) -> Labels {
    let wanted = [(DESIRED_REPLICAS, spec.replicas), (MAX_REPLICAS, surge_limit(spec))];
    wanted.into_iter().fold(annotations.clone(), |annotations, (key, number)| {
        let number = number.to_string();
        if annotations.get(key).is_some_and(|known| **known == *number) {
            annotations
        } else {
            annotations.with(key, &number)
        }
    })
}
