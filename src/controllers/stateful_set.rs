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

use crate::cluster::Cluster;
use crate::component::{Component, Turn, Watch};
use crate::controllers::pod_sets::{PodSet, SPIN_PAUSE, SetQueue, has_lost_newborn, matches};
use crate::controllers::stateful_set::effects::Effects;
use crate::controllers::stateful_set::plan::ordinal;
use crate::engine::{Arena, Id, SimDuration};
use crate::event::{Change, Event};
use crate::model::ids::{ObjectId, StatefulSetId};
use crate::model::meta::ObjectMeta;
use crate::model::pod::Pod;
use crate::model::stateful_set::StatefulSet;

/// The StatefulSet controller.
#[derive(Debug, Clone)]
pub struct StatefulSetController {
    queue: SetQueue<StatefulSet>,
}

impl PodSet for StatefulSet {
    const SYNC: fn(Id<Self>) -> Event = Event::StatefulSetSync;

    fn id(object: ObjectId) -> Option<Id<Self>> {
        match object {
            ObjectId::StatefulSet(id) => Some(id),
            _ => None,
        }
    }

    fn object(id: Id<Self>) -> ObjectId {
        ObjectId::StatefulSet(id)
    }

    fn all(cluster: &Cluster) -> &Arena<Self> {
        cluster.stateful_sets()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.meta
    }

    fn min_ready(&self) -> SimDuration {
        self.spec.min_ready
    }

    /// By labels and by the pattern of the names.
    /// Source: stateful_set.go, getPodsForStatefulSet.
    fn selects(&self, pod: &Pod) -> bool {
        matches(&self.meta, &self.spec.selector, pod) && ordinal(&self.meta.name, &pod.meta.name).is_some()
    }
}

impl StatefulSetController {
    /// A controller that has just started.
    pub fn new() -> Self {
        Self { queue: SetQueue::default() }
    }

    /// Brings a set one step further.
    /// Source: stateful_set.go, sync and syncStatefulSet.
    fn sync(&mut self, id: StatefulSetId, turn: &mut Turn<'_>) {
        if turn.cluster().stateful_set(id).is_none() {
            return;
        }
        self.queue.claim(id, turn);
        if has_lost_newborn(ObjectId::StatefulSet(id), turn) {
            return self.queue.due.add_after(id, SPIN_PAUSE, turn);
        }
        let outcome = Effects { id, turn }.sync();
        let set = &turn.cluster().stateful_sets()[id];
        let (min_ready, n_available) = (set.spec.min_ready, set.status.available_replicas);
        if outcome.is_ok() && !min_ready.is_zero() && n_available != set.spec.replicas {
            self.queue.due.add_after(id, min_ready, turn);
        }
        match outcome {
            Ok(()) => self.queue.due.forget_errors(id),
            Err(_) => self.queue.due.add_after_error(id, turn),
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
        self.queue.start(watch);
    }

    fn on_event(&mut self, event: Event, turn: &mut Turn<'_>) {
        if let Event::StatefulSetSync(id) = event
            && self.queue.due.take(id, turn)
        {
            self.sync(id, turn);
        }
    }

    fn on_change(&mut self, change: &Change, watch: &mut Watch<'_>) {
        match change {
            Change::Created(ObjectId::StatefulSet(id)) => self.queue.on_set_created(*id, watch),
            Change::MetaChanged(ObjectId::StatefulSet(id))
            | Change::SpecChanged(ObjectId::StatefulSet(id), _)
            | Change::StatusChanged(ObjectId::StatefulSet(id))
            | Change::DeletionRequested(ObjectId::StatefulSet(id), _) => self.queue.due.add(*id, watch),
            Change::Deleted(ObjectId::StatefulSet(id), _) => self.queue.on_set_deleted(*id, watch),
            Change::PodDeleted(_, pod) => self.queue.on_pod_deleted(pod.owner.as_ref(), watch),
            Change::Created(ObjectId::Pod(id)) | Change::PodChanged(id, _) => {
                self.queue.on_labels(*id, watch);
                self.queue.on_pod_change(*id, watch);
            }
            Change::Orphaned(ObjectId::Pod(id)) => self.queue.on_labels(*id, watch),
            Change::PodReadyChanged(id, true) => self.queue.on_pod_ready(*id, watch),
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
            | Change::Adopted(ObjectId::Pod(id)) => self.queue.on_pod_change(*id, watch),
            _ => {}
        }
    }
}
