//! What the controllers of ReplicaSets, StatefulSets and DaemonSets have in common: which pods belong to a set, and
//! which changes of pods are a reason to look at it.
//!
//! A set takes matching pods without an owner, and lets go of own ones that do not match.
//! Source: Kubernetes 1.28, pkg/controller/controller_ref_manager.go, ClaimPods; addPod, updatePod and deletePod of
//! replica_set.go, stateful_set.go and daemon_controller.go.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use crate::cluster::Cluster;
use crate::component::{Retry, Timers, TokenBucket, Turn, Watch, WorkQueue};
use crate::engine::{Arena, Id, SimDuration};
use crate::event::{Command, Event};
use crate::model::ids::{ObjectId, PodId};
use crate::model::meta::{LabelSelector, ObjectMeta, Owner};
use crate::model::pod::Pod;

/// How long a set waits that would otherwise make and lose pods for ever at one instant.
pub const SPIN_PAUSE: SimDuration = SimDuration::from_millis(100);

/// Is added to `minReadySeconds` when a pod has become ready, for clocks that differ.
const CLOCK_SKEW: SimDuration = SimDuration::from_secs(1);

/// Waits after errors. Source: Kubernetes 1.28, client-go/util/workqueue, DefaultControllerRateLimiter.
const RETRY: Retry = Retry { first: SimDuration::from_millis(5), longest: SimDuration::from_secs(1000) };

/// A set that keeps pods by a selector.
pub trait PodSet: Sized + 'static {
    /// A sync of such a set.
    const SYNC: fn(Id<Self>) -> Event;

    /// The id, where an object is such a set.
    fn id(object: ObjectId) -> Option<Id<Self>>;

    /// The set as an object.
    fn object(id: Id<Self>) -> ObjectId;

    /// All such sets.
    fn all(cluster: &Cluster) -> &Arena<Self>;

    /// The metadata.
    fn meta(&self) -> &ObjectMeta;

    /// How long a pod must have been ready to count as available.
    fn min_ready(&self) -> SimDuration;

    /// Whether the set may have a pod.
    fn selects(&self, pod: &Pod) -> bool;

    /// Whether a pod matters to such sets; others they neither take nor let go.
    fn counts(_pod: &Pod) -> bool {
        true
    }
}

/// The sets that are to be synced, and the pods without an owner that they may want.
#[derive(Debug, Clone)]
pub struct SetQueue<S: PodSet> {
    /// The sets.
    pub due: WorkQueue<Id<S>>,
    orphans: FxHashMap<Id<S>, BTreeSet<PodId>>,
    /// Own pods of sets whose labels nobody has looked at yet as they are now.
    strangers: FxHashMap<Id<S>, BTreeSet<PodId>>,
}

impl<S: PodSet> Default for SetQueue<S> {
    fn default() -> Self {
        let due = WorkQueue::new(S::SYNC, RETRY).with_bucket(TokenBucket::CONTROLLER);
        Self { due, orphans: FxHashMap::default(), strangers: FxHashMap::default() }
    }
}

impl<S: PodSet> SetQueue<S> {
    /// Takes note of all sets that are there.
    pub fn start(&mut self, watch: &mut Watch<'_>) {
        for (id, _) in in_order::<S>(watch.cluster()) {
            self.on_set_created(id, watch);
        }
    }

    /// Takes note of a new set: pods without an owner may be its own.
    pub fn on_set_created(&mut self, id: Id<S>, watch: &mut Watch<'_>) {
        let cluster = watch.cluster();
        let Some(set) = S::all(cluster).get(id) else { return };
        let wanted = |pod: &Pod| pod.meta.owner.is_none() && set.selects(pod);
        let wanted: BTreeSet<PodId> =
            cluster.pods().iter().filter(|(_, pod)| wanted(pod)).map(|(id, _)| id).collect();
        if !wanted.is_empty() {
            self.orphans.entry(id).or_default().extend(wanted);
        }
        let own: BTreeSet<PodId> = cluster.pods_of(S::object(id)).map(|(pod, _)| pod).collect();
        if !own.is_empty() {
            self.strangers.insert(id, own);
        }
        self.due.add(id, watch);
    }

    /// Forgets a set that is gone.
    pub fn on_set_deleted(&mut self, id: Id<S>, watch: &mut Watch<'_>) {
        self.due.remove(id, watch);
        self.orphans.remove(&id);
        self.strangers.remove(&id);
    }

    /// Takes note of a pod that is new, has other labels or lost its owner: its set, or the sets that select it, are to look
    /// at it.
    pub fn on_labels(&mut self, id: PodId, watch: &mut Watch<'_>) {
        let cluster = watch.cluster();
        if let Some((set, _)) = set_of_pod::<S>(id, cluster) {
            self.strangers.entry(set).or_default().insert(id);
        }
        let is_orphan = |pod: &&Pod| pod.meta.owner.is_none() && S::counts(pod);
        let Some(pod) = cluster.pod(id).filter(is_orphan) else { return };
        for (set, _) in in_order::<S>(cluster).into_iter().filter(|(_, set)| set.selects(pod)) {
            self.orphans.entry(set).or_default().insert(id);
            self.due.add(set, watch);
        }
    }

    /// Takes note of a change of a pod.
    pub fn on_pod_change(&mut self, id: PodId, watch: &mut Watch<'_>) {
        if let Some((set, _)) = set_of_pod::<S>(id, watch.cluster()) {
            self.due.add(set, watch);
        }
    }

    /// A pod that has become ready is looked at again when it must have become available.
    pub fn on_pod_ready(&mut self, id: PodId, watch: &mut Watch<'_>) {
        let set = set_of_pod::<S>(id, watch.cluster()).map(|(id, set)| (id, set.min_ready()));
        let Some((set, min_ready)) = set else { return };
        self.due.add(set, watch);
        if !min_ready.is_zero() {
            self.due.add_after(set, min_ready + CLOCK_SKEW, watch);
        }
    }

    /// Takes note that a pod with this owner is gone.
    pub fn on_pod_deleted(&mut self, owner: Option<&Owner>, watch: &mut Watch<'_>) {
        let set = owner.and_then(|owner| S::id(owner.object));
        if let Some(set) = set.filter(|set| S::all(watch.cluster()).get(*set).is_some()) {
            self.due.add(set, watch);
        }
    }

    /// Has a set take and let go pods. A set that is being deleted neither takes nor lets go.
    pub fn claim(&mut self, id: Id<S>, turn: &mut Turn<'_>) {
        let orphans = self.orphans.remove(&id).unwrap_or_default();
        let strangers = self.strangers.remove(&id).unwrap_or_default();
        let cluster = turn.cluster();
        let Some(set) = S::all(cluster).get(id).filter(|set| !set.meta().is_terminating()) else { return };
        let owner = Owner { object: S::object(id), name: set.meta().name.clone(), uid: set.meta().uid };
        let is_own = |pod: &Pod| pod.meta.owner.as_ref().is_some_and(|of| of.object == owner.object);
        let is_lost = |pod: &Pod| is_own(pod) && S::counts(pod) && !set.selects(pod);
        let mut lost: Vec<PodId> =
            strangers.into_iter().filter(|id| cluster.pod(*id).is_some_and(is_lost)).collect();
        lost.sort_by_key(|id| cluster.pods()[*id].meta.uid);
        let takes = |pod: &Pod| {
            pod.meta.owner.is_none() && !pod.meta.is_terminating() && S::counts(pod) && set.selects(pod)
        };
        let mut taken: Vec<PodId> =
            orphans.into_iter().filter(|id| cluster.pod(*id).is_some_and(takes)).collect();
        taken.sort_by_key(|id| cluster.pods()[*id].meta.uid);
        for pod in lost {
            turn.write(Command::Orphan(ObjectId::Pod(pod)));
        }
        for pod in taken {
            turn.write(Command::Adopt(ObjectId::Pod(pod), owner.clone()));
        }
    }
}

/// Whether a pod of a set was made and lost at this very instant.
pub fn has_lost_newborn(set: ObjectId, turn: &Turn<'_>) -> bool {
    let is_lost = |pod: &Pod| pod.status.phase.is_terminal() && pod.meta.created == turn.now();
    turn.cluster().pods_of(set).any(|(_, pod)| is_lost(pod))
}

/// Whether a selector of a set matches a pod of the set's namespace.
pub fn matches(meta: &ObjectMeta, selector: &LabelSelector, pod: &Pod) -> bool {
    meta.namespace == pod.meta.namespace && selector.matches(&pod.meta.labels)
}

/// All sets, in order of creation.
pub fn in_order<S: PodSet>(cluster: &Cluster) -> Vec<(Id<S>, &S)> {
    let mut sets: Vec<_> = S::all(cluster).iter().collect();
    sets.sort_by_key(|(_, set)| set.meta().uid);
    sets
}

/// The living set that owns a living pod.
pub fn set_of_pod<S: PodSet>(id: PodId, cluster: &Cluster) -> Option<(Id<S>, &S)> {
    let set = S::id(cluster.pod(id)?.meta.owner.as_ref()?.object)?;
    Some((set, S::all(cluster).get(set)?))
}
