//! Puts the decisions of a sync into effect: writes to the API server, and notes about the ReplicaSet.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::cluster::Refusal;
use crate::component::{Timers, Turn};
use crate::controllers::pod_ranking::{Candidate, deletion_cost};
use crate::controllers::pod_sets::has_lost_newborn;
use crate::controllers::replica_set::scale::{Scale, scale};
use crate::controllers::replica_set::status::{ScaleError, failure, status};
use crate::event::{Command, Creation, StatusUpdate};
use crate::model::ids::{NodeId, ObjectId, PodId, ReplicaSetId};
use crate::model::meta::{Name, Owner};
use crate::model::pod::Pod;
use crate::model::record::Severity;
use crate::model::replica_set::{ReplicaSet, ReplicaSetStatus};
use crate::model::scenario::{NewObject, NewSpec};

const SOURCE: &str = "replicaset-controller";

/// The longest base of a generated name: a name has at most 63 characters, 5 of them are random.
/// Source: Kubernetes 1.28, apiserver/pkg/storage/names, MaxGeneratedNameLength.
const NAME_BASE_MAX: usize = 58;

/// One sync of a ReplicaSet that is there.
pub(super) struct Effects<'s, 't> {
    /// The set.
    pub id: ReplicaSetId,
    /// The hands of the controller.
    pub turn: &'s mut Turn<'t>,
}

impl Effects<'_, '_> {
    fn set(&self) -> &ReplicaSet {
        &self.turn.cluster().replica_sets()[self.id]
    }

    /// The pods that count.
    fn active(&self) -> impl Iterator<Item = (PodId, &Pod)> {
        self.turn.cluster().pods_of(self.id).filter(|(_, pod)| pod.is_active())
    }

    /// Whether pods are missing, and one was made and lost at this very instant.
    pub fn is_spinning(&self, n_active: u32) -> bool {
        n_active < self.set().spec.replicas && has_lost_newborn(ObjectId::ReplicaSet(self.id), self.turn)
    }

    /// Creates or deletes pods.
    ///
    /// # Errors
    /// The first refusal of a sync that could not do all.
    pub fn scale(&mut self, n_active: u32) -> Result<(), ScaleError> {
        let set = self.set();
        if set.meta.is_terminating() || n_active == set.spec.replicas {
            return Ok(());
        }
        let profile = &self.turn.context.profile;
        let wants_fewer = n_active > set.spec.replicas;
        let related = if wants_fewer { self.related() } else { BTreeMap::new() };
        let candidates: Vec<(PodId, Candidate<'_>)> = self
            .active()
            .map(|(id, pod)| {
                let n_related = pod.node.and_then(|node| related.get(&node)).copied().unwrap_or(0);
                (id, Candidate { pod, n_related, cost: deletion_cost(&pod.meta, profile) })
            })
            .collect();
        match scale(set.spec.replicas, &candidates, self.turn.now()) {
            Scale::Keep => Ok(()),
            Scale::Create(n_pods) => self.create_pods(n_pods),
            Scale::Delete(victims) => self.delete_pods(&victims),
        }
    }

    /// How many active pods of all sets of the same owner each node has; none for a set on its own.
    /// Source: Kubernetes 1.28, pkg/controller/replicaset/replica_set.go, getIndirectlyRelatedPods.
    fn related(&self) -> BTreeMap<NodeId, u32> {
        let mut by_node = BTreeMap::new();
        let Some(owner) = &self.set().meta.owner else { return by_node };
        let cluster = self.turn.cluster();
        for sibling in cluster.dependants_of(owner.object) {
            for (_, pod) in cluster.pods_of(sibling).filter(|(_, pod)| pod.is_active()) {
                if let Some(node) = pod.node {
                    *by_node.entry(node).or_default() += 1;
                }
            }
        }
        by_node
    }

    /// Creates pods in batches of 1, 2, 4 and so on; after a batch with an error the rest is left for the retry.
    /// Source: Kubernetes 1.28, pkg/controller/replicaset/replica_set.go, slowStartBatch.
    fn create_pods(&mut self, n_pods: u32) -> Result<(), ScaleError> {
        let creation = creation(self.id, self.set());
        let (mut n_left, mut batch_size) = (n_pods, 1);
        while n_left > 0 {
            let n_batch = batch_size.min(n_left);
            let mut outcome = Ok(());
            for _ in 0..n_batch {
                outcome = outcome.and(self.create_pod(creation.clone()));
            }
            outcome.map_err(|refusal| ScaleError {
                reason: "FailedCreate",
                message: refusal.to_string().into(),
            })?;
            (n_left, batch_size) = (n_left - n_batch, batch_size * 2);
        }
        Ok(())
    }

    fn create_pod(&mut self, creation: Creation) -> Result<(), Refusal> {
        let created = self.turn.submit(Command::Create(Box::new(creation)));
        match &created {
            Ok(pod) => self.record(Severity::Normal, "SuccessfulCreate", |turn| {
                let name = pod.map(|pod| turn.cluster().name_of(pod)).unwrap_or_default();
                format!("Created pod: {name}")
            }),
            Err(refusal) => {
                self.record(Severity::Warning, "FailedCreate", |_| format!("Error creating: {refusal}"));
            }
        }
        created.map(|_| ())
    }

    /// Deletes pods; one that is gone already counts as deleted.
    fn delete_pods(&mut self, victims: &[PodId]) -> Result<(), ScaleError> {
        let mut outcome = Ok(());
        for pod in victims {
            let name = self.turn.cluster().name_of(ObjectId::Pod(*pod));
            match self.turn.submit(Command::DeletePod(*pod, None)) {
                Ok(_) | Err(Refusal::NotFound) => {
                    self.record(Severity::Normal, "SuccessfulDelete", |_| format!("Deleted pod: {name}"));
                }
                Err(refusal) => {
                    self.record(Severity::Warning, "FailedDelete", |_| format!("Error deleting: {refusal}"));
                    let message = refusal.to_string().into();
                    outcome = outcome.and(Err(ScaleError { reason: "FailedDelete", message }));
                }
            }
        }
        outcome
    }

    /// The status that follows from the pods that count.
    pub fn status(&self) -> ReplicaSetStatus {
        status(self.set(), self.active().map(|(_, pod)| pod), self.turn.now())
    }

    /// Writes a status, with the condition that an error makes.
    pub fn write_status(&mut self, mut status: ReplicaSetStatus, error: Option<ScaleError>) {
        status.replica_failure = error.map(|error| failure(self.set(), error, self.turn.now()));
        self.turn.write(Command::UpdateStatus(Box::new(StatusUpdate::ReplicaSet(self.id, status))));
    }

    /// Notes something about the set, where somebody reads it.
    fn record(
        &mut self,
        severity: Severity,
        reason: &'static str,
        message: impl FnOnce(&Turn<'_>) -> String,
    ) {
        if self.turn.wants_records(reason) {
            let message = message(self.turn);
            self.turn.record(ObjectId::ReplicaSet(self.id), severity, reason, message, SOURCE);
        }
    }
}

fn owner(id: ReplicaSetId, set: &ReplicaSet) -> Owner {
    Owner { object: ObjectId::ReplicaSet(id), name: set.meta.name.clone(), uid: set.meta.uid }
}

/// The creation of one pod of a set.
/// Source: Kubernetes 1.28, pkg/controller/controller_utils.go, GetPodFromTemplate.
fn creation(id: ReplicaSetId, set: &ReplicaSet) -> Creation {
    let template = &set.spec.template;
    let base: String = set.meta.name.chars().take(NAME_BASE_MAX - 1).collect();
    let object = NewObject {
        namespace: set.meta.namespace.clone(),
        name: Name::from(base + "-"),
        labels: template.labels.clone(),
        annotations: template.annotations.clone(),
        spec: NewSpec::Pod(Arc::clone(&template.spec)),
        manifest: Arc::new(Value::Null),
    };
    Creation { generates_name: true, owner: Some(owner(id, set)), ..Creation::of(object) }
}
