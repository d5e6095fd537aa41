//! Which pods belong to a set: it takes matching pods without an owner, and lets go of own ones that do not match.
//!
//! Source: Kubernetes 1.28, pkg/controller/controller_ref_manager.go, ClaimPods.

use std::collections::BTreeSet;

use crate::cluster::Cluster;
use crate::component::Turn;
use crate::event::Command;
use crate::model::ids::{ObjectId, PodId};
use crate::model::meta::{LabelSelector, ObjectMeta, Owner};
use crate::model::pod::Pod;

/// Has a set take and let go pods: those that `is_own` says it may have. `orphans` are pods without an owner that it
/// has not looked at yet. A set that is being deleted neither takes nor lets go.
pub fn claim(
    set: ObjectId,
    orphans: BTreeSet<PodId>,
    is_own: impl Fn(&ObjectMeta, &Pod) -> bool,
    turn: &mut Turn<'_>,
) {
    let cluster = turn.cluster();
    let Some(meta) = cluster.meta(set).filter(|meta| !meta.is_terminating()) else { return };
    let owner = Owner { object: set, name: meta.name.clone(), uid: meta.uid };
    let lost: Vec<PodId> =
        cluster.pods_of(set).filter(|(_, pod)| !is_own(meta, pod)).map(|(id, _)| id).collect();
    let takes = |pod: &Pod| pod.meta.owner.is_none() && !pod.meta.is_terminating() && is_own(meta, pod);
    let mut taken: Vec<PodId> =
        orphans.into_iter().filter(|id| cluster.pod(*id).is_some_and(&takes)).collect();
    taken.sort_by_key(|id| cluster.pods()[*id].meta.uid);
    for pod in lost {
        turn.write(Command::Orphan(ObjectId::Pod(pod)));
    }
    for pod in taken {
        turn.write(Command::Adopt(ObjectId::Pod(pod), owner.clone()));
    }
}

/// Whether a selector of a set matches a pod of the set's namespace.
pub fn selects(meta: &ObjectMeta, selector: &LabelSelector, pod: &Pod) -> bool {
    meta.namespace == pod.meta.namespace && selector.matches(&pod.meta.labels)
}

/// The pods without an owner that a set may have.
pub fn orphans(cluster: &Cluster, is_own: impl Fn(&Pod) -> bool) -> BTreeSet<PodId> {
    let ownerless = cluster.pods().iter().filter(|(_, pod)| pod.meta.owner.is_none());
    ownerless.filter(|(_, pod)| is_own(pod)).map(|(id, _)| id).collect()
}
