//! Which pods a DaemonSet makes and removes so that its nodes have one each.
//!
//! Source: Kubernetes 1.28, pkg/controller/daemon/daemon_controller.go, manage and podsShouldBeOnNode.

use crate::controllers::daemon_set::fit::Fit;
use crate::engine::SimTime;
use crate::model::daemon_set::{DaemonSetSpec, DaemonSetUpdate};
use crate::model::ids::PodId;
use crate::model::meta::Name;
use crate::model::pod::Pod;
use crate::model::pod_status::Phase;
use crate::model::revision::LABEL_REVISION;

/// A node and the pods of a set that are on it, or are to be.
#[derive(Debug, Clone)]
pub struct Place<'a> {
    /// The node's name.
    pub node: Name,
    /// How it fits; `None` for a node that is gone.
    pub fit: Option<Fit>,
    /// The pods: the bound ones first, then the older ones.
    pub pods: Vec<(PodId, &'a Pod)>,
}

/// What is done to pods.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moves {
    /// The nodes that get a pod.
    pub create: Vec<Name>,
    /// The pods that go.
    pub delete: Vec<PodId>,
    /// Pods that have ended; they go unless their back-off says otherwise.
    pub ended: Vec<(PodId, Name)>,
}

/// What a set is at present.
#[derive(Debug, Clone, Copy)]
pub struct Present<'a> {
    /// Its spec.
    pub spec: &'a DaemonSetSpec,
    /// The hash of the present template.
    pub hash: &'a str,
    /// Now.
    pub now: SimTime,
}

impl Present<'_> {
    /// Whether a pod is made of the present template.
    pub fn is_updated(&self, pod: &Pod) -> bool {
        pod.meta.labels.get(LABEL_REVISION).is_some_and(|hash| **hash == *self.hash)
    }

    /// Whether a pod has been ready for long enough.
    pub fn is_available(&self, pod: &Pod) -> bool {
        pod.is_available(self.spec.min_ready, self.now)
    }

    /// Source: Kubernetes 1.28, pkg/controller/daemon/util/daemonset_util.go, AllowsSurge.
    fn allows_surge(&self) -> bool {
        match self.spec.update_strategy {
            DaemonSetUpdate::OnDelete => false,
            DaemonSetUpdate::RollingUpdate { max_surge, .. } => !max_surge.is_zero(),
        }
    }
}

/// What is done about all places.
pub fn manage(present: Present<'_>, places: &[Place<'_>]) -> Moves {
    let mut moves = Moves::default();
    for place in places {
        match place.fit {
            Some(Fit::Runs) if place.pods.is_empty() => moves.create.push(place.node.clone()),
            Some(Fit::Runs | Fit::Stays) => keep_one(present, place, &mut moves),
            Some(Fit::Leaves) => moves.delete.extend(place.staying().map(|(id, _)| id)),
            // A pod that was never bound to its node will not be collected when that is gone.
            None => {
                moves.delete.extend(place.staying().filter(|(_, pod)| pod.node.is_none()).map(|(id, _)| id))
            }
        }
    }
    moves
}

fn keep_one(present: Present<'_>, place: &Place<'_>, moves: &mut Moves) {
    let (ended, running): (Vec<_>, Vec<_>) =
        place.staying().partition(|(_, pod)| pod.status.phase.is_terminal());
    moves.ended.extend(ended.iter().map(|(id, _)| (*id, place.node.clone())));
    if !present.allows_surge() {
        moves.delete.extend(running.iter().skip(1).map(|(id, _)| *id));
    } else if running.is_empty() && place.fit == Some(Fit::Runs) {
        moves.create.push(place.node.clone());
    } else if running.len() > 1 {
        keep_two(present, &running, moves);
    }
}

/// While surging, an old pod may stay beside the new one until that is available, as long as the old one is ready.
fn keep_two(present: Present<'_>, running: &[(PodId, &Pod)], moves: &mut Moves) {
    let (new, old): (Vec<_>, Vec<_>) = running.iter().partition(|(_, pod)| present.is_updated(pod));
    moves.delete.extend(new.iter().skip(1).chain(old.iter().skip(1)).map(|(id, _)| *id));
    if let (Some((_, new)), Some((id, old))) = (new.first(), old.first())
        && (!old.status.conditions.is_ready() || present.is_available(new))
    {
        moves.delete.push(*id);
    }
}

impl<'a> Place<'a> {
    /// The pods that are not being deleted.
    pub fn staying(&self) -> impl Iterator<Item = (PodId, &'a Pod)> {
        self.pods.iter().copied().filter(|(_, pod)| !pod.meta.is_terminating())
    }
}

/// The order of pods of one node: the bound ones first, then the older ones.
/// Source: daemon_controller.go, podByCreationTimestampAndPhase.
pub fn seniority(pod: &Pod) -> (bool, SimTime, Name) {
    (pod.node.is_none(), pod.meta.created.truncated_to_secs(), pod.meta.name.clone())
}

/// Whether an ended pod is one that failed.
pub fn has_failed(pod: &Pod) -> bool {
    pod.status.phase == Phase::Failed
}
