//! The StatefulSet controller: pods with ordinals, made, updated and removed one by one, or all at once.
//!
//! A set is synced whenever it or one of its pods changes. With `minReadySeconds` the next look is put off by that
//! span at every sync, and the work queue keeps the earliest: pods become available on multiples of it, as upstream.
//!
//! A pod that has failed is made again at once, without a back-off.
//!
//! Deviation: where the cluster has no latency, that would go on for ever at one instant. A set that has lost a pod in the
//! instant of the pod's creation waits 100 ms before it makes it again.
//!
//! Not modelled: putting back the labels that tell a pod's identity where somebody took them off.
//!
//! Deviation: claims of `volumeClaimTemplates` are taken as present, as every persistent volume claim is.
//!
//! Source: Kubernetes 1.28, pkg/controller/statefulset, stateful_set.go and stateful_set_control.go.

mod effects;
pub mod plan;

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use crate::cluster::Cluster;
use crate::component::{Component, Retry, Timers, TokenBucket, Turn, Watch, WorkQueue};
use crate::controllers::pod_claims;
use crate::controllers::stateful_set::effects::{Effects, may_own};
use crate::engine::SimDuration;
use crate::event::{Change, Event};
use crate::model::ids::{ObjectId, PodId, StatefulSetId};
use crate::model::meta::Owner;
use crate::model::pod::Pod;
use crate::model::stateful_set::StatefulSet;

/// How long a set waits that would otherwise make and lose a pod for ever at one instant.
const SPIN_PAUSE: SimDuration = SimDuration::from_millis(100);

/// Is added to `minReadySeconds` when a pod has become ready, for clocks that differ.
const CLOCK_SKEW: SimDuration = SimDuration::from_secs(1);

/// Waits after errors. Source: Kubernetes 1.28, client-go/util/workqueue, DefaultControllerRateLimiter.
const RETRY: Retry = Retry { first: SimDuration::from_millis(5), longest: SimDuration::from_secs(1000) };

/// The StatefulSet controller.
#[derive(Debug, Clone)]
pub struct StatefulSetController {
    queue: WorkQueue<StatefulSetId>,
    /// Pods without an owner that a set may want.
    orphans: FxHashMap<StatefulSetId, BTreeSet<PodId>>,
}

impl StatefulSetController {
    /// A controller that has just started.
    pub fn new() -> Self {
        let queue = WorkQueue::new(Event::StatefulSetSync, RETRY).with_bucket(TokenBucket::CONTROLLER);
        Self { queue, orphans: FxHashMap::default() }
    }

    /// Brings a set one step further.
    /// Source: stateful_set.go, sync and syncStatefulSet.
    fn sync(&mut self, id: StatefulSetId, turn: &mut Turn<'_>) {
        let orphans = self.orphans.remove(&id).unwrap_or_default();
        if turn.cluster().stateful_set(id).is_none() {
            return;
        }
        pod_claims::claim(ObjectId::StatefulSet(id), orphans, may_own(id, turn.cluster()), turn);
        if is_spinning(id, turn) {
            return self.queue.add_after(id, SPIN_PAUSE, turn);
        }
        let outcome = Effects { id, turn }.sync();
        let set = &turn.cluster().stateful_sets()[id];
        let (min_ready, n_available) = (set.spec.min_ready, set.status.available_replicas);
        if outcome.is_ok() && !min_ready.is_zero() && n_available != set.spec.replicas {
            self.queue.add_after(id, min_ready, turn);
        }
        match outcome {
            Ok(()) => self.queue.forget_errors(id),
            Err(_) => self.queue.add_after_error(id, turn),
        }
    }

    fn on_set_created(&mut self, id: StatefulSetId, watch: &mut Watch<'_>) {
        let cluster = watch.cluster();
        let Some(set) = cluster.stateful_set(id) else { return };
        let is_own = may_own(id, cluster);
        let wanted = pod_claims::orphans(cluster, |pod| is_own(&set.meta, pod));
        if !wanted.is_empty() {
            self.orphans.entry(id).or_default().extend(wanted);
        }
        self.queue.add(id, watch);
    }

    /// Takes note of a pod that has no owner: the sets that select it are to look at it.
    fn on_orphan(&mut self, id: PodId, watch: &mut Watch<'_>) {
        let cluster = watch.cluster();
        let Some(pod) = cluster.pod(id).filter(|pod| pod.meta.owner.is_none()) else { return };
        let takes = |(id, set): &(StatefulSetId, &StatefulSet)| may_own(*id, cluster)(&set.meta, pod);
        let mut takers: Vec<_> = cluster.stateful_sets().iter().filter(takes).collect();
        takers.sort_by_key(|(_, set)| set.meta.uid);
        for (set, _) in takers {
            self.orphans.entry(set).or_default().insert(id);
            self.queue.add(set, watch);
        }
    }

    fn on_pod_change(&mut self, id: PodId, watch: &mut Watch<'_>) {
        if let Some((set, _)) = set_of_pod(id, watch.cluster()) {
            self.queue.add(set, watch);
        }
    }

    /// A pod that has become ready is looked at again when it must have become available.
    /// Source: stateful_set.go, updatePod.
    fn on_pod_ready(&mut self, id: PodId, watch: &mut Watch<'_>) {
        let Some((set, min_ready)) =
            set_of_pod(id, watch.cluster()).map(|(id, set)| (id, set.spec.min_ready))
        else {
            return;
        };
        self.queue.add(set, watch);
        if !min_ready.is_zero() {
            self.queue.add_after(set, min_ready + CLOCK_SKEW, watch);
        }
    }

    fn on_pod_deleted(&mut self, owner: Option<&Owner>, watch: &mut Watch<'_>) {
        if let Some(set) = owner_set(owner).filter(|set| watch.cluster().stateful_set(*set).is_some()) {
            self.queue.add(set, watch);
        }
    }
}

impl Default for StatefulSetController {
    fn default() -> Self {
        Self::new()
    }
}

impl Component for StatefulSetController {
    fn start(&mut self, watch: &mut Watch<'_>) {
        let mut sets: Vec<_> = watch.cluster().stateful_sets().iter().collect();
        sets.sort_by_key(|(_, set)| set.meta.uid);
        for (id, _) in sets {
            self.on_set_created(id, watch);
        }
    }

    fn on_event(&mut self, event: Event, turn: &mut Turn<'_>) {
        if let Event::StatefulSetSync(id) = event
            && self.queue.take(id, turn)
        {
            self.sync(id, turn);
        }
    }

    fn on_change(&mut self, change: &Change, watch: &mut Watch<'_>) {
        match change {
            Change::Created(ObjectId::StatefulSet(id)) => self.on_set_created(*id, watch),
            Change::MetaChanged(ObjectId::StatefulSet(id))
            | Change::SpecChanged(ObjectId::StatefulSet(id), _)
            | Change::StatusChanged(ObjectId::StatefulSet(id))
            | Change::DeletionRequested(ObjectId::StatefulSet(id), _) => self.queue.add(*id, watch),
            Change::Deleted(ObjectId::StatefulSet(id), _) => {
                self.queue.remove(*id, watch);
                self.orphans.remove(id);
            }
            Change::PodDeleted(_, pod) => self.on_pod_deleted(pod.owner.as_ref(), watch),
            Change::Created(ObjectId::Pod(id)) | Change::PodChanged(id, _) => {
                self.on_orphan(*id, watch);
                self.on_pod_change(*id, watch);
            }
            Change::Orphaned(ObjectId::Pod(id)) => self.on_orphan(*id, watch),
            Change::PodReadyChanged(id, true) => self.on_pod_ready(*id, watch),
            Change::PodBound(id, _)
            | Change::PodAccepted(id)
            | Change::PodPhaseChanged(id, ..)
            | Change::PodReadyChanged(id, _)
            | Change::PodDeletionRequested(id, _)
            | Change::PodUnschedulable(id, _)
            | Change::PodIpSet(id, _)
            | Change::ContainerChanged(id, ..)
            | Change::PodDisrupted(id, _)
            | Change::PodNominated(id, _)
            | Change::MetaChanged(ObjectId::Pod(id))
            | Change::Adopted(ObjectId::Pod(id)) => self.on_pod_change(*id, watch),
            _ => {}
        }
    }
}

/// Whether a pod of the set was made and lost at this very instant.
fn is_spinning(id: StatefulSetId, turn: &Turn<'_>) -> bool {
    let is_lost = |pod: &Pod| pod.status.phase.is_terminal() && pod.meta.created == turn.now();
    turn.cluster().pods_of(id).any(|(_, pod)| is_lost(pod))
}

/// The living set that owns a living pod.
fn set_of_pod(id: PodId, cluster: &Cluster) -> Option<(StatefulSetId, &StatefulSet)> {
    let set = owner_set(cluster.pod(id)?.meta.owner.as_ref())?;
    Some((set, cluster.stateful_set(set)?))
}

/// The owner, where it is a StatefulSet.
fn owner_set(owner: Option<&Owner>) -> Option<StatefulSetId> {
    match owner?.object {
        ObjectId::StatefulSet(id) => Some(id),
        _ => None,
    }
}
