//! The DaemonSet controller: one pod on every node that fits.
//!
//! A set is synced whenever it or one of its pods changes, and when a node comes or changes so that it fits, or fits
//! no longer. A node that goes wakes nobody: the set notices with the next change.
//!
//! Pods that failed are removed at once the first time, then after a back-off per node that lives in memory only.
//!
//! Not modelled: the expectations about its own writes are always met, because the controller sees them at once; only
//! a sync that made or removed pods to fit the nodes leaves the roll-out to the next, as upstream.
//!
//! Source: Kubernetes 1.28, pkg/controller/daemon, daemon_controller.go and update.go.

pub mod backoff;
mod effects;
pub mod fit;
pub mod manage;
pub mod rolling;
pub mod status;

use crate::cluster::Cluster;
use crate::component::{Component, Turn, Watch};
use crate::controllers::daemon_set::backoff::FailureBackoff;
use crate::controllers::daemon_set::effects::Effects;
use crate::controllers::daemon_set::fit::{Fit, fit};
use crate::controllers::pod_sets::{PodSet, SetQueue, in_order, matches};
use crate::engine::{Arena, Id, SimDuration};
use crate::event::{Change, Event, NodeBefore};
use crate::model::daemon_set::DaemonSet;
use crate::model::ids::{DaemonSetId, NodeId, ObjectId};
use crate::model::meta::ObjectMeta;
use crate::model::pod::Pod;

/// The DaemonSet controller.
#[derive(Debug, Clone)]
pub struct DaemonSetController {
    queue: SetQueue<DaemonSet>,
    failures: FailureBackoff,
}

impl PodSet for DaemonSet {
    const SYNC: fn(Id<Self>) -> Event = Event::DaemonSetSync;

    fn id(object: ObjectId) -> Option<Id<Self>> {
        match object {
            ObjectId::DaemonSet(id) => Some(id),
            _ => None,
        }
    }

    fn object(id: Id<Self>) -> ObjectId {
        ObjectId::DaemonSet(id)
    }

    fn all(cluster: &Cluster) -> &Arena<Self> {
        cluster.daemon_sets()
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
}

impl DaemonSetController {
    /// A controller that has just started.
    pub fn new() -> Self {
        Self { queue: SetQueue::default(), failures: FailureBackoff::default() }
    }

    /// Brings a set one step further.
    /// Source: daemon_controller.go, syncDaemonSet.
    fn sync(&mut self, id: DaemonSetId, turn: &mut Turn<'_>) {
        let set = turn.cluster().daemon_set(id);
        if set.is_none_or(|set| set.meta.is_terminating()) {
            return;
        }
        self.queue.claim(id, turn);
        let outcome = Effects { id, turn, failures: &mut self.failures }.sync();
        for wait in outcome.waits {
            self.queue.due.add_after(id, wait, turn);
        }
        let set = &turn.cluster().daemon_sets()[id];
        let (min_ready, status) = (set.spec.min_ready, &set.status);
        if !min_ready.is_zero() && status.number_ready != status.number_available {
            self.queue.due.add_after(id, min_ready, turn);
        }
        match outcome.has_failed {
            true => self.queue.due.add_after_error(id, turn),
            false => self.queue.due.forget_errors(id),
        }
    }

    /// Source: daemon_controller.go, addNode.
    fn on_node_created(&mut self, id: NodeId, watch: &mut Watch<'_>) {
        let cluster = watch.cluster();
        let Some(node) = cluster.node(id) else { return };
        let (name, labels) = (&node.meta.name, &node.meta.labels);
        for (set, object) in in_order::<DaemonSet>(cluster) {
            if fit(&object.spec, name, labels, &node.spec.taints) == Fit::Runs {
                self.queue.due.add(set, watch);
            }
        }
    }

    /// Source: daemon_controller.go, updateNode.
    fn on_node_changed(&mut self, id: NodeId, before: &NodeBefore, watch: &mut Watch<'_>) {
        let cluster = watch.cluster();
        let Some(node) = cluster.node(id) else { return };
        let (name, labels) = (&node.meta.name, &node.meta.labels);
        for (set, object) in in_order::<DaemonSet>(cluster) {
            let now = fit(&object.spec, name, labels, &node.spec.taints);
            if now != fit(&object.spec, name, &before.labels, &before.spec.taints) {
                self.queue.due.add(set, watch);
            }
        }
    }
}

impl Default for DaemonSetController {
    fn default() -> Self {
        Self::new()
    }
}

impl Component for DaemonSetController {
    fn start(&mut self, watch: &mut Watch<'_>) {
        self.queue.start(watch);
    }

    fn on_event(&mut self, event: Event, turn: &mut Turn<'_>) {
        if let Event::DaemonSetSync(id) = event
            && self.queue.due.take(id, turn)
        {
            self.sync(id, turn);
        }
    }

    fn on_change(&mut self, change: &Change, watch: &mut Watch<'_>) {
        match change {
            Change::Created(ObjectId::DaemonSet(id)) => self.queue.on_set_created(*id, watch),
            Change::MetaChanged(ObjectId::DaemonSet(id))
            | Change::SpecChanged(ObjectId::DaemonSet(id), _)
            | Change::StatusChanged(ObjectId::DaemonSet(id))
            | Change::DeletionRequested(ObjectId::DaemonSet(id), _) => self.queue.due.add(*id, watch),
            Change::Deleted(ObjectId::DaemonSet(id), _) => self.queue.on_set_deleted(*id, watch),
            Change::Created(ObjectId::Node(id)) => self.on_node_created(*id, watch),
            Change::NodeChanged(id, change) => self.on_node_changed(*id, &change.before, watch),
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
