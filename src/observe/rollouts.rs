//! The roll-outs of Deployments: from which ReplicaSet to which, how long, and how few pods were available meanwhile.

use crate::cluster::Cluster;
use crate::engine::SimTime;
use crate::event::Change;
use crate::model::deployment::{Deployment, DeploymentConditionType, DeploymentStatus};
use crate::model::ids::{DeploymentId, ObjectId};
use crate::model::meta::Name;
use crate::model::node::ConditionStatus;

/// The annotation that holds the revision.
const REVISION: &str = "deployment.kubernetes.io/revision";
/// The reason of a roll-out that makes no progress.
const TIMED_OUT: &str = "ProgressDeadlineExceeded";

/// All roll-outs of a run.
#[derive(Debug, Clone, Default)]
pub struct RolloutLedger {
    entries: Vec<DeploymentEntry>,
}

/// A Deployment and its roll-outs.
#[derive(Debug, Clone, PartialEq)]
pub struct DeploymentEntry {
    id: DeploymentId,
    /// The namespace.
    pub namespace: Name,
    /// The name.
    pub name: Name,
    /// The pods wanted last.
    pub replicas: u32,
    /// The last status.
    pub status: DeploymentStatus,
    /// When it was deleted.
    pub deleted: Option<SimTime>,
    /// The roll-outs, oldest first.
    pub rollouts: Vec<Rollout>,
    fingerprint: u64,
}

/// A roll-out of one template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollout {
    /// The revision, once it has one.
    pub revision: Option<Name>,
    /// The ReplicaSet that it replaces; none for the first.
    pub from: Option<Name>,
    /// The ReplicaSet that it makes, once it is there.
    pub to: Option<Name>,
    /// When the template was given.
    pub started: SimTime,
    /// When all pods were of it and available.
    pub completed: Option<SimTime>,
    /// When it had made no progress for too long, first.
    pub timed_out: Option<SimTime>,
    /// The fewest pods that were available while it went on.
    pub worst_available: u32,
    /// The most pods that were wanted of all its ReplicaSets at one time.
    pub most_wanted: u32,
}

impl RolloutLedger {
    /// The Deployments, in order of creation.
    pub fn entries(&self) -> &[DeploymentEntry] {
        &self.entries
    }

    /// Takes note of a change.
    pub fn see(&mut self, now: SimTime, change: &Change, cluster: &Cluster) {
        match change {
            Change::Created(ObjectId::Deployment(id)) => self.open(now, *id, cluster),
            Change::SpecChanged(ObjectId::Deployment(id), _)
            | Change::MetaChanged(ObjectId::Deployment(id))
            | Change::StatusChanged(ObjectId::Deployment(id)) => {
                if let (Some(entry), Some(deployment)) = (self.entry(*id), cluster.deployment(*id)) {
                    entry.take(now, deployment, cluster);
                }
            }
            Change::Deleted(ObjectId::Deployment(id), _) => {
                if let Some(entry) = self.entry(*id) {
                    entry.deleted = Some(now);
                }
            }
            _ => {}
        }
    }

    fn open(&mut self, now: SimTime, id: DeploymentId, cluster: &Cluster) {
        let Some(deployment) = cluster.deployment(id) else { return };
        self.entries.push(DeploymentEntry {
            id,
            namespace: deployment.meta.namespace.clone(),
            name: deployment.meta.name.clone(),
            replicas: deployment.spec.replicas,
            status: DeploymentStatus::default(),
            deleted: None,
            rollouts: vec![Rollout::begin(now, None, 0)],
            fingerprint: deployment.spec.template.fingerprint,
        });
    }

    fn entry(&mut self, id: DeploymentId) -> Option<&mut DeploymentEntry> {
        self.entries.iter_mut().rfind(|entry| entry.id == id)
    }
}

impl DeploymentEntry {
    /// The last roll-out.
    pub fn rollout(&self) -> &Rollout {
        self.rollouts.last().expect("a Deployment begins with a roll-out")
    }

    fn take(&mut self, now: SimTime, deployment: &Deployment, cluster: &Cluster) {
        self.replicas = deployment.spec.replicas;
        self.status = deployment.status.clone();
        let fingerprint = deployment.spec.template.fingerprint;
        if std::mem::replace(&mut self.fingerprint, fingerprint) != fingerprint {
            let from = self.rollout().to.clone().or_else(|| self.rollout().from.clone());
            self.rollouts.push(Rollout::begin(now, from, deployment.status.available_replicas));
        }
        let mut sets = cluster.replica_sets_of(self.id);
        let new = sets.find(|(_, set)| set.spec.template.fingerprint == fingerprint).map(|(_, set)| set);
        let n_wanted =
            cluster.replica_sets_of(self.id).map(|(_, set)| set.spec.replicas).fold(0, u32::saturating_add);
        let rollout = self.rollouts.last_mut().expect("a Deployment begins with a roll-out");
        if rollout.completed.is_some() {
            return;
        }
        if let Some(new) = new {
            rollout.to = Some(new.meta.name.clone());
            rollout.revision = new.meta.annotations.get(REVISION).cloned();
        }
        let status = &deployment.status;
        rollout.worst_available = rollout.worst_available.min(status.available_replicas);
        rollout.most_wanted = rollout.most_wanted.max(n_wanted);
        if rollout.timed_out.is_none() {
            rollout.timed_out = timed_out(status);
        }
        let counts = [status.replicas, status.updated_replicas, status.available_replicas];
        let is_seen = status.observed_generation >= deployment.meta.generation;
        if is_seen && counts.iter().all(|count| *count == deployment.spec.replicas) {
            rollout.completed = Some(now);
        }
    }
}

impl Rollout {
    const fn begin(now: SimTime, from: Option<Name>, n_available: u32) -> Self {
        Self {
            revision: None,
            from,
            to: None,
            started: now,
            completed: None,
            timed_out: None,
            worst_available: n_available,
            most_wanted: 0,
        }
    }
}

/// When the roll-out was said to make no progress, where it is said now.
fn timed_out(status: &DeploymentStatus) -> Option<SimTime> {
    let is_it = |kind, reason| kind == DeploymentConditionType::Progressing && reason == TIMED_OUT;
    let mut conditions = status.conditions.iter();
    let found = conditions.find(|it| is_it(it.kind, it.reason) && it.status == ConditionStatus::False);
    found.map(|condition| condition.since)
}
