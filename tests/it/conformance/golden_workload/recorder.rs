//! Takes down what can be seen of a run.

use std::collections::BTreeMap;

use cluster_sim::cluster::{Cluster, Refusal};
use cluster_sim::component::Observer;
use cluster_sim::engine::{SimDuration, SimTime};
use cluster_sim::event::{Change, Event};
use cluster_sim::model::daemon_set::DaemonSet;
use cluster_sim::model::deployment::Deployment;
use cluster_sim::model::ids::{Kind, NodeId, ObjectId, PodId};
use cluster_sim::model::pod_disruption_budget::PodDisruptionBudget;
use cluster_sim::model::replica_set::ReplicaSet;
use cluster_sim::model::stateful_set::StatefulSet;

use super::timeline::{Condition, Counts, Millis, Timeline};

/// The timeline so far.
pub struct Recorder {
    timeline: Timeline,
    offset: SimDuration,
    ordinals: BTreeMap<PodId, usize>,
    sizes: BTreeMap<ObjectId, u32>,
    /// When, of which image and by whom the pods were created that are on no node.
    unbound: BTreeMap<PodId, (Millis, String, String)>,
}

impl Recorder {
    pub fn new(offset: SimDuration) -> Self {
        Self {
            timeline: Timeline::default(),
            offset,
            ordinals: BTreeMap::new(),
            sizes: BTreeMap::new(),
            unbound: BTreeMap::new(),
        }
    }

    /// An instant in the terms of the files.
    fn millis(&self, at: SimTime) -> Millis {
        let millis = |nanos: u64| (nanos / 1_000_000) as Millis;
        millis(at.as_nanos()) - millis(self.offset.as_nanos())
    }

    fn see_created(&mut self, at: Millis, object: ObjectId, cluster: &Cluster) {
        match object {
            ObjectId::ReplicaSet(id) => {
                let set = &cluster.replica_sets()[id];
                let owner = set.meta.owner.as_ref().map(|owner| &*owner.name);
                let image = &set.spec.template.spec.containers[0].image;
                self.sizes.insert(object, set.spec.replicas);
                self.timeline.see_set(at, &set.meta.name, owner, image, set.spec.replicas.into());
            }
            ObjectId::Pod(id) => {
                let ordinal = self.ordinals.len();
                self.ordinals.insert(id, ordinal);
                let pod = &cluster.pods()[id];
                let owner = pod.meta.owner.as_ref().map_or_else(String::new, |owner| owner.name.to_string());
                self.unbound.insert(id, (at, pod.spec.containers[0].image.to_string(), owner));
            }
            _ => {}
        }
    }

    /// A pod is taken down where it is bound, which is at once.
    fn see_bound(&mut self, id: PodId, node: NodeId, cluster: &Cluster) {
        if let Some((at, image, owner)) = self.unbound.remove(&id) {
            self.timeline.see_pod(at, &image, &owner, &cluster.name_of(ObjectId::Node(node)));
        }
    }

    /// What was seen, with the pods that nobody bound.
    pub fn finish(mut self) -> Timeline {
        for (at, image, owner) in std::mem::take(&mut self.unbound).into_values() {
            self.timeline.see_pod(at, &image, &owner, "");
        }
        self.timeline
    }

    fn see_spec(&mut self, at: Millis, object: ObjectId, cluster: &Cluster) {
        let ObjectId::ReplicaSet(id) = object else { return };
        let set = &cluster.replica_sets()[id];
        if self.sizes.insert(object, set.spec.replicas) != Some(set.spec.replicas) {
            self.timeline.see_size(at, &set.meta.name, set.spec.replicas.into());
        }
    }

    fn see_status(&mut self, at: Millis, object: ObjectId, cluster: &Cluster) {
        let (counts, conditions) = match object {
            ObjectId::ReplicaSet(id) => self.replica_set(&cluster.replica_sets()[id]),
            ObjectId::Deployment(id) => self.deployment(&cluster.deployments()[id]),
            ObjectId::StatefulSet(id) => (stateful_set(&cluster.stateful_sets()[id]), Vec::new()),
            ObjectId::DaemonSet(id) => (daemon_set(&cluster.daemon_sets()[id]), Vec::new()),
            ObjectId::PodDisruptionBudget(id) => self.budget(&cluster.pod_disruption_budgets()[id]),
            _ => return,
        };
        let kind = object.kind().as_str();
        self.timeline.see_status(at, kind, &cluster.name_of(object), counts, conditions);
    }

    /// Takes down the answer to an eviction.
    pub fn see_eviction(&mut self, at: SimTime, outcome: Result<(), Refusal>, cluster: &Cluster) {
        let at = self.millis(at);
        match outcome {
            Ok(()) => self.timeline.see_eviction(at, 0, "", "", 0),
            Err(Refusal::NotEvicted(refusal)) => {
                let budget = refusal.budget().map(|id| cluster.name_of(ObjectId::PodDisruptionBudget(id)));
                let cause = budget.and_then(|budget| refusal.cause(&budget)).unwrap_or_default();
                let retry = refusal.retry_after().map_or(0, SimDuration::as_secs);
                self.timeline.see_eviction(at, refusal.code().into(), refusal.message(), &cause, retry);
            }
            Err(_) => self.timeline.see_eviction(at, 404, "", "", 0),
        }
    }

    fn budget(&self, budget: &PodDisruptionBudget) -> (Counts, Vec<Condition>) {
        let status = &budget.status;
        let counts = counts(&[
            ("disruptionsAllowed", status.disruptions_allowed),
            ("currentHealthy", status.current_healthy),
            ("desiredHealthy", status.desired_healthy),
            ("expectedPods", status.expected_pods),
        ]);
        let conditions = status.condition.iter().map(|condition| Condition {
            kind: "DisruptionAllowed".to_owned(),
            status: if condition.is_true { "True" } else { "False" }.to_owned(),
            reason: condition.reason.to_owned(),
            since: self.millis(condition.since),
            updated: None,
        });
        (counts, conditions.collect())
    }

    fn replica_set(&self, set: &ReplicaSet) -> (Counts, Vec<Condition>) {
        let status = &set.status;
        let counts = counts(&[
            ("replicas", status.replicas),
            ("labeled", status.fully_labeled_replicas),
            ("ready", status.ready_replicas),
            ("available", status.available_replicas),
        ]);
        let conditions = status.replica_failure.iter().map(|failure| Condition {
            kind: "ReplicaFailure".to_owned(),
            status: failure.status.as_str().to_owned(),
            reason: failure.reason.to_owned(),
            since: self.millis(failure.since),
            updated: None,
        });
        (counts, conditions.collect())
    }

    fn deployment(&self, deployment: &Deployment) -> (Counts, Vec<Condition>) {
        let status = &deployment.status;
        let mut counts = counts(&[
            ("replicas", status.replicas),
            ("updated", status.updated_replicas),
            ("ready", status.ready_replicas),
            ("available", status.available_replicas),
            ("unavailable", status.unavailable_replicas),
        ]);
        let revision = deployment.meta.annotations.get("deployment.kubernetes.io/revision");
        counts.insert("revision".to_owned(), revision.map_or_else(String::new, ToString::to_string));
        let conditions = status.conditions.iter().map(|condition| Condition {
            kind: condition.kind.as_str().to_owned(),
            status: condition.status.as_str().to_owned(),
            reason: condition.reason.to_owned(),
            since: self.millis(condition.since),
            updated: Some(self.millis(condition.updated)),
        });
        (counts, conditions.collect())
    }
}

fn stateful_set(set: &StatefulSet) -> Counts {
    let status = &set.status;
    let mut counts = counts(&[
        ("replicas", status.replicas),
        ("ready", status.ready_replicas),
        ("current", status.current_replicas),
        ("updated", status.updated_replicas),
        ("available", status.available_replicas),
    ]);
    counts.insert("currentRevision".to_owned(), status.current_revision.to_string());
    counts.insert("updateRevision".to_owned(), status.update_revision.to_string());
    counts
}

fn daemon_set(set: &DaemonSet) -> Counts {
    let status = &set.status;
    counts(&[
        ("desired", status.desired_number_scheduled),
        ("current", status.current_number_scheduled),
        ("misscheduled", status.number_misscheduled),
        ("ready", status.number_ready),
        ("updated", status.updated_number_scheduled),
        ("available", status.number_available),
        ("unavailable", status.number_unavailable),
    ])
}

fn counts(counts: &[(&str, u32)]) -> Counts {
    counts.iter().map(|(key, count)| ((*key).to_owned(), count.to_string())).collect()
}

impl Observer for Recorder {
    fn begin(&mut self, _: SimTime, _: u64, _: &Event, _: &Cluster) {}

    fn see(&mut self, now: SimTime, change: &Change, cluster: &Cluster) {
        let at = self.millis(now);
        match change {
            Change::Created(object) => self.see_created(at, *object, cluster),
            Change::SpecChanged(object, _) => self.see_spec(at, *object, cluster),
            Change::StatusChanged(object) => self.see_status(at, *object, cluster),
            Change::PodBound(pod, node) => self.see_bound(*pod, *node, cluster),
            Change::PodDeletionRequested(pod, _) => {
                self.timeline.pods_asked_to_go.push(at);
                self.timeline.victims.push((at, self.ordinals[pod]));
            }
            Change::PodDeleted(..) => self.timeline.pods_gone.push(at),
            Change::Deleted(object, gone) if object.kind() == Kind::ReplicaSet => {
                self.timeline.see_set_deleted(at, &gone.name);
            }
            Change::Recorded(object, record) => {
                let (severity, name) = (record.severity.to_string(), cluster.name_of(*object));
                let texts = [&*severity, record.reason, &record.message];
                self.timeline.see_record(at, (object.kind().as_str(), &name), texts);
            }
            _ => {}
        }
    }
}
