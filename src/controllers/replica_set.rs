//! The ReplicaSet controller: keeps so many pods of a template alive.
//!
//! A set is synced whenever it or one of its pods changes. A pod that becomes ready in a set with `minReadySeconds`
//! is looked at again when it must have become available; the work queue keeps only the earliest such time of a set,
//! so that pods that become ready one after another are noticed late, as upstream does.
//!
//! Not modelled: the expectations about its own writes are always met, because the controller sees them at once.
//!
//! Source: Kubernetes 1.28, pkg/controller/replicaset/replica_set.go.

mod effects;
pub mod scale;
pub mod status;

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use crate::cluster::Cluster;
use crate::component::{Component, Retry, TokenBucket, Turn, Watch, WorkQueue};
use crate::controllers::replica_set::effects::{Effects, selects};
use crate::engine::SimDuration;
use crate::event::{Change, Event};
use crate::model::ids::{ObjectId, PodId, ReplicaSetId};
use crate::model::meta::Owner;
use crate::model::replica_set::ReplicaSet;

/// Is added to `minReadySeconds` when a pod has become ready, for clocks that differ.
const CLOCK_SKEW: SimDuration = SimDuration::from_secs(1);

/// Waits after errors. Source: Kubernetes 1.28, client-go/util/workqueue, DefaultControllerRateLimiter.
const RETRY: Retry = Retry { first: SimDuration::from_millis(5), longest: SimDuration::from_secs(1000) };

/// The ReplicaSet controller.
#[derive(Debug, Clone)]
pub struct ReplicaSetController {
    queue: WorkQueue<ReplicaSetId>,
    /// Pods without an owner that a set may want.
    orphans: FxHashMap<ReplicaSetId, BTreeSet<PodId>>,
}

impl ReplicaSetController {
    /// A controller that has just started.
    pub fn new() -> Self {
        let queue = WorkQueue::new(Event::ReplicaSetSync, RETRY).with_bucket(TokenBucket::CONTROLLER);
        Self { queue, orphans: FxHashMap::default() }
    }

    /// Brings a set one step further.
    /// Source: replica_set.go, syncReplicaSet.
    fn sync(&mut self, id: ReplicaSetId, turn: &mut Turn<'_>) {
        if turn.cluster().replica_set(id).is_none() {
            return;
        }
        let orphans: Vec<PodId> = self.orphans.remove(&id).unwrap_or_default().into_iter().collect();
        let mut effects = Effects { id, turn };
        effects.claim(&orphans);
        let active = effects.active();
        // The pods are counted as they were before anything is done about their number.
        let status = effects.status(&active);
        let error = effects.scale(&active).err();
        let has_failed = error.is_some();
        let (n_ready, n_available) = (status.ready_replicas, status.available_replicas);
        effects.write_status(status, error);
        if has_failed {
            return self.queue.add_after_error(id, turn);
        }
        let spec = &turn.cluster().replica_sets()[id].spec;
        if !spec.min_ready.is_zero() && n_ready == spec.replicas && n_available != spec.replicas {
            let min_ready = spec.min_ready;
            self.queue.add_after(id, min_ready, turn);
        }
        self.queue.forget_errors(id);
    }

    /// Takes note of a new set: pods without an owner may be its own.
    fn on_set_created(&mut self, id: ReplicaSetId, watch: &mut Watch<'_>) {
        let cluster = watch.cluster();
        let Some(set) = cluster.replica_set(id) else { return };
        let ownerless = cluster.pods().iter().filter(|(_, pod)| pod.meta.owner.is_none());
        let wanted: BTreeSet<PodId> =
            ownerless.filter(|(_, pod)| selects(set, pod)).map(|(pod, _)| pod).collect();
        if !wanted.is_empty() {
            self.orphans.entry(id).or_default().extend(wanted);
        }
        self.queue.add(id, watch);
    }

    /// Takes note of a pod that has no owner: the sets that select it are to look at it.
    /// Source: replica_set.go, getPodReplicaSets.
    fn on_orphan(&mut self, id: PodId, watch: &mut Watch<'_>) {
        let cluster = watch.cluster();
        let Some(pod) = cluster.pod(id).filter(|pod| pod.meta.owner.is_none() && pod.is_active()) else {
            return;
        };
        let mut takers: Vec<_> = cluster.replica_sets().iter().filter(|(_, set)| selects(set, pod)).collect();
        takers.sort_by_key(|(_, set)| set.meta.uid);
        for (set, _) in takers {
            self.orphans.entry(set).or_default().insert(id);
            self.queue.add(set, watch);
        }
    }

    /// Takes note of a change of a pod.
    /// Source: replica_set.go, addPod, updatePod and deletePod.
    fn on_pod_change(&mut self, id: PodId, watch: &mut Watch<'_>) {
        if let Some((set, _)) = set_of_pod(id, watch.cluster()) {
            self.queue.add(set, watch);
        }
    }

    /// A pod that has become ready is looked at again when it must have become available.
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

    /// A change that moves no count matters only where time or an error makes another sync worth while.
    fn on_minor_pod_change(&mut self, id: PodId, watch: &mut Watch<'_>) {
        let worth_while =
            |set: &ReplicaSet| !set.spec.min_ready.is_zero() || set.status.replica_failure.is_some();
        if let Some((set, _)) = set_of_pod(id, watch.cluster()).filter(|(_, set)| worth_while(set)) {
            self.queue.add(set, watch);
        }
    }

    fn on_pod_deleted(&mut self, owner: Option<&Owner>, watch: &mut Watch<'_>) {
        if let Some(set) = owner_set(owner).filter(|set| watch.cluster().replica_set(*set).is_some()) {
            self.queue.add(set, watch);
        }
    }
}

impl Default for ReplicaSetController {
    fn default() -> Self {
        Self::new()
    }
}

impl Component for ReplicaSetController {
    fn start(&mut self, watch: &mut Watch<'_>) {
        let mut sets: Vec<_> = watch.cluster().replica_sets().iter().collect();
        sets.sort_by_key(|(_, set)| set.meta.uid);
        for (id, _) in sets {
            self.on_set_created(id, watch);
        }
    }

    fn on_event(&mut self, event: Event, turn: &mut Turn<'_>) {
        if let Event::ReplicaSetSync(id) = event
            && self.queue.take(id, turn)
        {
            self.sync(id, turn);
        }
    }

    fn on_change(&mut self, change: &Change, watch: &mut Watch<'_>) {
        match change {
            Change::Created(ObjectId::ReplicaSet(id)) => self.on_set_created(*id, watch),
            Change::MetaChanged(ObjectId::ReplicaSet(id))
            | Change::SpecChanged(ObjectId::ReplicaSet(id), _)
            | Change::StatusChanged(ObjectId::ReplicaSet(id))
            | Change::DeletionRequested(ObjectId::ReplicaSet(id), _)
            | Change::Adopted(ObjectId::ReplicaSet(id))
            | Change::Orphaned(ObjectId::ReplicaSet(id)) => self.queue.add(*id, watch),
            Change::Deleted(ObjectId::ReplicaSet(id), _) => {
                self.queue.remove(*id, watch);
                self.orphans.remove(id);
            }
            Change::PodDeleted(_, pod) => self.on_pod_deleted(pod.owner.as_ref(), watch),
            Change::Created(ObjectId::Pod(id)) => {
                self.on_orphan(*id, watch);
                self.on_pod_change(*id, watch);
            }
            Change::Orphaned(ObjectId::Pod(id)) => self.on_orphan(*id, watch),
            Change::PodChanged(id, change) if change.has_other_labels => {
                self.on_orphan(*id, watch);
                self.on_pod_change(*id, watch);
            }
            Change::PodReadyChanged(id, true) => self.on_pod_ready(*id, watch),
            Change::PodPhaseChanged(id, ..)
            | Change::PodReadyChanged(id, _)
            | Change::PodDeletionRequested(id, _)
            | Change::Adopted(ObjectId::Pod(id)) => self.on_pod_change(*id, watch),
            Change::PodChanged(id, _)
            | Change::MetaChanged(ObjectId::Pod(id))
            | Change::PodBound(id, _)
            | Change::PodNominated(id, _)
            | Change::PodUnschedulable(id, _)
            | Change::PodAccepted(id)
            | Change::PodIpSet(id, _)
            | Change::ContainerChanged(id, ..)
            | Change::PodDisrupted(id, _) => self.on_minor_pod_change(*id, watch),
            _ => {}
        }
    }
}

/// The living set that owns a living pod.
fn set_of_pod(id: PodId, cluster: &Cluster) -> Option<(ReplicaSetId, &ReplicaSet)> {
    let set = owner_set(cluster.pod(id)?.meta.owner.as_ref())?;
    Some((set, cluster.replica_set(set)?))
}

/// The owner, where it is a ReplicaSet.
fn owner_set(owner: Option<&Owner>) -> Option<ReplicaSetId> {
    match owner?.object {
        ObjectId::ReplicaSet(id) => Some(id),
        _ => None,
    }
}
