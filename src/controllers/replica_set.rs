//! The ReplicaSet controller: keeps so many pods of a template alive.
//!
//! A set is synced whenever it or one of its pods changes. A pod that becomes ready in a set with `minReadySeconds`
//! is looked at again when it must have become available; the work queue keeps only the earliest such time of a set,
//! so that pods that become ready one after another are noticed late, as upstream does.
//!
//! There is no back-off for pods that fail: a set whose pods are refused by their node makes new ones as fast as the
//! cluster is.
//!
//! Deviation: where the cluster has no latency, that would go on for ever at one instant. A set that has lost a pod in the
//! instant of the pod's creation waits 100 ms before it makes the next.
//!
//! Not modelled: the expectations about its own writes are always met, because the controller sees them at once.
//!
//! Source: Kubernetes 1.28, pkg/controller/replicaset/replica_set.go.

mod effects;
pub mod scale;
pub mod status;

use crate::cluster::Cluster;
use crate::component::{Component, Turn, Watch};
use crate::controllers::pod_sets::{PodSet, SPIN_PAUSE, SetQueue, matches, set_of_pod};
use crate::controllers::replica_set::effects::Effects;
use crate::engine::{Arena, Id, SimDuration};
use crate::event::{Change, Event};
use crate::model::ids::{ObjectId, PodId, ReplicaSetId};
use crate::model::meta::ObjectMeta;
use crate::model::pod::Pod;
use crate::model::replica_set::ReplicaSet;

/// The ReplicaSet controller.
#[derive(Debug, Clone)]
pub struct ReplicaSetController {
    queue: SetQueue<ReplicaSet>,
}

impl PodSet for ReplicaSet {
    const SYNC: fn(Id<Self>) -> Event = Event::ReplicaSetSync;

    fn id(object: ObjectId) -> Option<Id<Self>> {
        match object {
            ObjectId::ReplicaSet(id) => Some(id),
            _ => None,
        }
    }

    fn object(id: Id<Self>) -> ObjectId {
        ObjectId::ReplicaSet(id)
    }

    fn all(cluster: &Cluster) -> &Arena<Self> {
        cluster.replica_sets()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.meta
    }

    fn min_ready(&self) -> SimDuration {
        self.spec.min_ready
    }

    fn selects(&self, pod: &Pod) -> bool {
        matches(&self.meta, &self.spec.selector, pod)
    }

    fn counts(pod: &Pod) -> bool {
        pod.is_active()
    }
}

impl ReplicaSetController {
    /// A controller that has just started.
    pub fn new() -> Self {
        Self { queue: SetQueue::default() }
    }

    /// Brings a set one step further.
    /// Source: replica_set.go, syncReplicaSet.
    fn sync(&mut self, id: ReplicaSetId, turn: &mut Turn<'_>) {
        if turn.cluster().replica_set(id).is_none() {
            return;
        }
        self.queue.claim(id, turn);
        let mut effects = Effects { id, turn };
        // The pods are counted as they were before anything is done about their number.
        let status = effects.status();
        if effects.is_spinning(status.replicas) {
            return self.queue.due.add_after(id, SPIN_PAUSE, turn);
        }
        let error = effects.scale(status.replicas).err();
        let has_failed = error.is_some();
        let (n_ready, n_available) = (status.ready_replicas, status.available_replicas);
        effects.write_status(status, error);
        if has_failed {
            return self.queue.due.add_after_error(id, turn);
        }
        let spec = &turn.cluster().replica_sets()[id].spec;
        if !spec.min_ready.is_zero() && n_ready == spec.replicas && n_available != spec.replicas {
            let min_ready = spec.min_ready;
            self.queue.due.add_after(id, min_ready, turn);
        }
        self.queue.due.forget_errors(id);
    }

    /// A change that moves no count matters only where time or an error makes another sync worth while.
    fn on_minor_pod_change(&mut self, id: PodId, watch: &mut Watch<'_>) {
        let worth_while =
            |set: &ReplicaSet| !set.spec.min_ready.is_zero() || set.status.replica_failure.is_some();
        if let Some((set, _)) = set_of_pod(id, watch.cluster()).filter(|(_, set)| worth_while(set)) {
            self.queue.due.add(set, watch);
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
        self.queue.start(watch);
    }

    fn on_event(&mut self, event: Event, turn: &mut Turn<'_>) {
        if let Event::ReplicaSetSync(id) = event
            && self.queue.due.take(id, turn)
        {
            self.sync(id, turn);
        }
    }

    fn on_change(&mut self, change: &Change, watch: &mut Watch<'_>) {
        match change {
            Change::Created(ObjectId::ReplicaSet(id)) => self.queue.on_set_created(*id, watch),
            Change::MetaChanged(ObjectId::ReplicaSet(id))
            | Change::SpecChanged(ObjectId::ReplicaSet(id), _)
            | Change::StatusChanged(ObjectId::ReplicaSet(id))
            | Change::DeletionRequested(ObjectId::ReplicaSet(id), _)
            | Change::Adopted(ObjectId::ReplicaSet(id))
            | Change::Orphaned(ObjectId::ReplicaSet(id)) => self.queue.due.add(*id, watch),
            Change::Deleted(ObjectId::ReplicaSet(id), _) => self.queue.on_set_deleted(*id, watch),
            Change::PodDeleted(_, pod) => self.queue.on_pod_deleted(pod.owner.as_ref(), watch),
            Change::Created(ObjectId::Pod(id)) => {
                self.queue.on_labels(*id, watch);
                self.queue.on_pod_change(*id, watch);
            }
            Change::Orphaned(ObjectId::Pod(id)) => self.queue.on_labels(*id, watch),
            Change::PodChanged(id, change) if change.has_other_labels => {
                self.queue.on_labels(*id, watch);
                self.queue.on_pod_change(*id, watch);
            }
            Change::PodReadyChanged(id, true) => self.queue.on_pod_ready(*id, watch),
            Change::PodPhaseChanged(id, ..)
            | Change::PodReadyChanged(id, _)
            | Change::PodDeletionRequested(id, _)
            | Change::Adopted(ObjectId::Pod(id)) => self.queue.on_pod_change(*id, watch),
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
