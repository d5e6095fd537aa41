//! The Deployment controller: replaces pods of one template by pods of another, through ReplicaSets.
//!
//! A Deployment is synced whenever it or one of its sets changes, and once more a second after its progress deadline.
//! Each sync takes one step: the new set grows by what room there is, or old sets shrink by what may be missing.
//!
//! Source: Kubernetes 1.28, pkg/controller/deployment.

pub mod birth;
pub mod history;
pub mod revision;
pub mod rollout;
pub mod sets;
pub mod status;
mod sync;

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use crate::component::{Component, Retry, TokenBucket, Turn, Watch, WorkQueue};
use crate::controllers::deployment::status::Requeue;
use crate::controllers::deployment::sync::{Sync, selects};
use crate::engine::SimDuration;
use crate::event::{Change, Event};
use crate::model::deployment::DeploymentStrategy;
use crate::model::ids::{DeploymentId, ObjectId, ReplicaSetId};
use crate::model::meta::Owner;

/// Waits after errors. Source: Kubernetes 1.28, client-go/util/workqueue, DefaultControllerRateLimiter.
const RETRY: Retry = Retry { first: SimDuration::from_millis(5), longest: SimDuration::from_secs(1000) };

/// The Deployment controller.
#[derive(Debug, Clone)]
pub struct DeploymentController {
    queue: WorkQueue<DeploymentId>,
    /// ReplicaSets without an owner that a Deployment may want.
    orphans: FxHashMap<DeploymentId, BTreeSet<ReplicaSetId>>,
}

impl DeploymentController {
    /// A controller that has just started.
    pub fn new() -> Self {
        let queue = WorkQueue::new(Event::DeploymentSync, RETRY).with_bucket(TokenBucket::CONTROLLER);
        Self { queue, orphans: FxHashMap::default() }
    }

    /// Brings a Deployment one step further.
    fn sync(&mut self, id: DeploymentId, turn: &mut Turn<'_>) {
        if turn.cluster().deployment(id).is_none() {
            return;
        }
        let orphans: Vec<_> = self.orphans.remove(&id).unwrap_or_default().into_iter().collect();
        match Sync::new(id, turn).run(&orphans) {
            Ok(requeue) => {
                match requeue {
                    Requeue::Never => {}
                    Requeue::Soon => self.queue.add_after_error(id, turn),
                    Requeue::After(span) => self.queue.add_after(id, span, turn),
                }
                self.queue.forget_errors(id);
            }
            Err(_) => self.queue.add_after_error(id, turn),
        }
    }

    /// Takes note of a new Deployment: sets without an owner may be its own.
    fn on_created(&mut self, id: DeploymentId, watch: &mut Watch<'_>) {
        let cluster = watch.cluster();
        let Some(deployment) = cluster.deployment(id) else { return };
        let ownerless = cluster.replica_sets().iter().filter(|(_, set)| set.meta.owner.is_none());
        let wanted: BTreeSet<_> =
            ownerless.filter(|(_, set)| selects(deployment, set)).map(|(set, _)| set).collect();
        if !wanted.is_empty() {
            self.orphans.entry(id).or_default().extend(wanted);
        }
        self.queue.add(id, watch);
    }

    /// Takes note of a change of a set: its Deployment is to look at it, or those that may want it.
    /// Source: deployment_controller.go, addReplicaSet and updateReplicaSet.
    fn on_set_change(&mut self, id: ReplicaSetId, watch: &mut Watch<'_>) {
        let cluster = watch.cluster();
        let Some(set) = cluster.replica_set(id) else { return };
        if set.meta.owner.is_some() {
            return self.on_owned(set.meta.owner.as_ref(), watch);
        }
        let mut takers: Vec<_> =
            cluster.deployments().iter().filter(|(_, deployment)| selects(deployment, set)).collect();
        takers.sort_by_key(|(_, deployment)| deployment.meta.uid);
        for (deployment, _) in takers {
            self.orphans.entry(deployment).or_default().insert(id);
            self.queue.add(deployment, watch);
        }
    }

    fn on_owned(&mut self, owner: Option<&Owner>, watch: &mut Watch<'_>) {
        let deployment = owner_deployment(owner);
        if let Some(id) = deployment.filter(|id| watch.cluster().deployment(*id).is_some()) {
            self.queue.add(id, watch);
        }
    }

    /// A Deployment that recreates its pods waits for the last object of them.
    /// Source: deployment_controller.go, deletePod.
    fn on_pod_deleted(&mut self, owner: Option<&Owner>, watch: &mut Watch<'_>) {
        let cluster = watch.cluster();
        let set = match owner.map(|owner| owner.object) {
            Some(ObjectId::ReplicaSet(id)) => cluster.replica_set(id),
            _ => None,
        };
        let Some(id) = set.and_then(|set| owner_deployment(set.meta.owner.as_ref())) else { return };
        let recreates = |id| {
            let deployment = cluster.deployment(id);
            deployment.is_some_and(|deployment| deployment.spec.strategy == DeploymentStrategy::Recreate)
        };
        let has_none = |set| cluster.pods_of(set).next().is_none();
        if recreates(id) && cluster.replica_sets_of(id).all(|(set, _)| has_none(set)) {
            self.queue.add(id, watch);
        }
    }
}

impl Default for DeploymentController {
    fn default() -> Self {
        Self::new()
    }
}

impl Component for DeploymentController {
    fn start(&mut self, watch: &mut Watch<'_>) {
        let mut deployments: Vec<_> = watch.cluster().deployments().iter().collect();
        deployments.sort_by_key(|(_, deployment)| deployment.meta.uid);
        for (id, _) in deployments {
            self.on_created(id, watch);
        }
    }

    fn on_event(&mut self, event: Event, turn: &mut Turn<'_>) {
        if let Event::DeploymentSync(id) = event
            && self.queue.take(id, turn)
        {
            self.sync(id, turn);
        }
    }

    fn on_change(&mut self, change: &Change, watch: &mut Watch<'_>) {
        match change {
            Change::Created(ObjectId::Deployment(id)) => self.on_created(*id, watch),
            Change::MetaChanged(ObjectId::Deployment(id))
            | Change::SpecChanged(ObjectId::Deployment(id), _)
            | Change::StatusChanged(ObjectId::Deployment(id))
            | Change::DeletionRequested(ObjectId::Deployment(id), _) => self.queue.add(*id, watch),
            Change::Deleted(ObjectId::Deployment(id), _) => {
                self.queue.remove(*id, watch);
                self.orphans.remove(id);
            }
            Change::Created(ObjectId::ReplicaSet(id))
            | Change::MetaChanged(ObjectId::ReplicaSet(id))
            | Change::SpecChanged(ObjectId::ReplicaSet(id), _)
            | Change::StatusChanged(ObjectId::ReplicaSet(id))
            | Change::DeletionRequested(ObjectId::ReplicaSet(id), _)
            | Change::Adopted(ObjectId::ReplicaSet(id))
            | Change::Orphaned(ObjectId::ReplicaSet(id)) => self.on_set_change(*id, watch),
            Change::Deleted(ObjectId::ReplicaSet(_), set) => self.on_owned(set.owner.as_ref(), watch),
            Change::PodDeleted(_, pod) => self.on_pod_deleted(pod.owner.as_ref(), watch),
            _ => {}
        }
    }
}

/// The owner, where it is a Deployment.
fn owner_deployment(owner: Option<&Owner>) -> Option<DeploymentId> {
    match owner?.object {
        ObjectId::Deployment(id) => Some(id),
        _ => None,
    }
}
