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

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use crate::cluster::Cluster;
use crate::component::{Component, Retry, TokenBucket, Turn, Watch, WorkQueue};
use crate::controllers::daemon_set::backoff::FailureBackoff;
use crate::controllers::daemon_set::effects::Effects;
use crate::controllers::daemon_set::fit::{Fit, fit};
use crate::controllers::pod_claims;
use crate::engine::SimDuration;
use crate::event::{Change, Event, NodeBefore};
use crate::model::daemon_set::DaemonSet;
use crate::model::ids::{DaemonSetId, NodeId, ObjectId, PodId};
use crate::model::meta::Owner;

/// Is added to `minReadySeconds` when a pod has become ready, for clocks that differ.
const CLOCK_SKEW: SimDuration = SimDuration::from_secs(1);

/// Waits after errors. Source: Kubernetes 1.28, client-go/util/workqueue, DefaultControllerRateLimiter.
const RETRY: Retry = Retry { first: SimDuration::from_millis(5), longest: SimDuration::from_secs(1000) };

/// The DaemonSet controller.
#[derive(Debug, Clone)]
pub struct DaemonSetController {
    queue: WorkQueue<DaemonSetId>,
    /// Pods without an owner that a set may want.
    orphans: FxHashMap<DaemonSetId, BTreeSet<PodId>>,
    failures: FailureBackoff,
}

impl DaemonSetController {
    /// A controller that has just started.
    pub fn new() -> Self {
        let queue = WorkQueue::new(Event::DaemonSetSync, RETRY).with_bucket(TokenBucket::CONTROLLER);
        Self { queue, orphans: FxHashMap::default(), failures: FailureBackoff::default() }
    }

    /// Brings a set one step further.
    /// Source: daemon_controller.go, syncDaemonSet.
    fn sync(&mut self, id: DaemonSetId, turn: &mut Turn<'_>) {
        let orphans = self.orphans.remove(&id).unwrap_or_default();
        let Some(set) = turn.cluster().daemon_set(id).filter(|set| !set.meta.is_terminating()) else {
            return;
        };
        let spec = std::sync::Arc::clone(&set.spec);
        let is_own = |meta: &_, pod: &_| pod_claims::selects(meta, &spec.selector, pod);
        pod_claims::claim(ObjectId::DaemonSet(id), orphans, is_own, turn);
        let outcome = Effects { id, turn, failures: &mut self.failures }.sync();
        for wait in outcome.waits {
            self.queue.add_after(id, wait, turn);
        }
        let set = &turn.cluster().daemon_sets()[id];
        let (min_ready, status) = (set.spec.min_ready, &set.status);
        if !min_ready.is_zero() && status.number_ready != status.number_available {
            self.queue.add_after(id, min_ready, turn);
        }
        match outcome.has_failed {
            true => self.queue.add_after_error(id, turn),
            false => self.queue.forget_errors(id),
        }
    }

    fn on_set_created(&mut self, id: DaemonSetId, watch: &mut Watch<'_>) {
        let cluster = watch.cluster();
        let Some(set) = cluster.daemon_set(id) else { return };
        let selects = |pod: &_| pod_claims::selects(&set.meta, &set.spec.selector, pod);
        let wanted = pod_claims::orphans(cluster, selects);
        if !wanted.is_empty() {
            self.orphans.entry(id).or_default().extend(wanted);
        }
        self.queue.add(id, watch);
    }

    fn on_orphan(&mut self, id: PodId, watch: &mut Watch<'_>) {
        let cluster = watch.cluster();
        let Some(pod) = cluster.pod(id).filter(|pod| pod.meta.owner.is_none()) else { return };
        let takes =
            |(_, set): &(DaemonSetId, &DaemonSet)| pod_claims::selects(&set.meta, &set.spec.selector, pod);
        for set in in_order(cluster).into_iter().filter(takes).map(|(id, _)| id) {
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
    /// Source: daemon_controller.go, updatePod.
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
        if let Some(set) = owner_set(owner).filter(|set| watch.cluster().daemon_set(*set).is_some()) {
            self.queue.add(set, watch);
        }
    }

    /// Source: daemon_controller.go, addNode.
    fn on_node_created(&mut self, id: NodeId, watch: &mut Watch<'_>) {
        let cluster = watch.cluster();
        let Some(node) = cluster.node(id) else { return };
        let (name, labels) = (&node.meta.name, &node.meta.labels);
        for (set, object) in in_order(cluster) {
            if fit(&object.spec, name, labels, &node.spec.taints) == Fit::Runs {
                self.queue.add(set, watch);
            }
        }
    }

    /// Source: daemon_controller.go, updateNode.
    fn on_node_changed(&mut self, id: NodeId, before: &NodeBefore, watch: &mut Watch<'_>) {
        let cluster = watch.cluster();
        let Some(node) = cluster.node(id) else { return };
        let (name, labels) = (&node.meta.name, &node.meta.labels);
        for (set, object) in in_order(cluster) {
            let now = fit(&object.spec, name, labels, &node.spec.taints);
            if now != fit(&object.spec, name, &before.labels, &before.spec.taints) {
                self.queue.add(set, watch);
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
        for (id, _) in in_order(watch.cluster()) {
            self.on_set_created(id, watch);
        }
    }

    fn on_event(&mut self, event: Event, turn: &mut Turn<'_>) {
        if let Event::DaemonSetSync(id) = event
            && self.queue.take(id, turn)
        {
            self.sync(id, turn);
        }
    }

    fn on_change(&mut self, change: &Change, watch: &mut Watch<'_>) {
        match change {
            Change::Created(ObjectId::DaemonSet(id)) => self.on_set_created(*id, watch),
            Change::MetaChanged(ObjectId::DaemonSet(id))
            | Change::SpecChanged(ObjectId::DaemonSet(id), _)
            | Change::StatusChanged(ObjectId::DaemonSet(id))
            | Change::DeletionRequested(ObjectId::DaemonSet(id), _) => self.queue.add(*id, watch),
            Change::Deleted(ObjectId::DaemonSet(id), _) => {
                self.queue.remove(*id, watch);
                self.orphans.remove(id);
            }
            Change::Created(ObjectId::Node(id)) => self.on_node_created(*id, watch),
            Change::NodeChanged(id, change) => self.on_node_changed(*id, &change.before, watch),
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

/// All sets, in order of creation.
fn in_order(cluster: &Cluster) -> Vec<(DaemonSetId, &DaemonSet)> {
    let mut sets: Vec<_> = cluster.daemon_sets().iter().collect();
    sets.sort_by_key(|(_, set)| set.meta.uid);
    sets
}

/// The living set that owns a living pod.
fn set_of_pod(id: PodId, cluster: &Cluster) -> Option<(DaemonSetId, &DaemonSet)> {
    let set = owner_set(cluster.pod(id)?.meta.owner.as_ref())?;
    Some((set, cluster.daemon_set(set)?))
}

/// The owner, where it is a DaemonSet.
fn owner_set(owner: Option<&Owner>) -> Option<DaemonSetId> {
    match owner?.object {
        ObjectId::DaemonSet(id) => Some(id),
        _ => None,
    }
}
