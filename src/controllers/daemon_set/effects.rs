//! Puts the decisions of a sync into effect: writes to the API server, and notes about the DaemonSet.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::cluster::Refusal;
use crate::component::{Timers, Turn};
use crate::controllers::daemon_set::backoff::{BackoffKey, FailureBackoff};
use crate::controllers::daemon_set::fit::fit;
use crate::controllers::daemon_set::manage::{Moves, Place, Present, has_failed, manage, seniority};
use crate::controllers::daemon_set::rolling::roll;
use crate::controllers::daemon_set::status::counts;
use crate::controllers::revisions::{truncated, with_latest};
use crate::engine::SimDuration;
use crate::event::{Command, Creation, StatusUpdate};
use crate::model::daemon_set::{DaemonSet, DaemonSetUpdate};
use crate::model::ids::{DaemonSetId, ObjectId, PodId};
use crate::model::meta::{LabelOperator, LabelRequirement, Name, Owner};
use crate::model::pod::{Pod, PodSpec};
use crate::model::record::Severity;
use crate::model::revision::{LABEL_REVISION, Revision};
use crate::model::scenario::{NewObject, NewSpec};
use crate::model::scheduling::NodeSelectorTerm;

const SOURCE: &str = "daemonset-controller";

/// The field of a node that affinity can name.
const FIELD_NODE_NAME: &str = "metadata.name";

/// The longest base of a generated name: a name has at most 63 characters, 5 of them are random.
/// Source: Kubernetes 1.28, apiserver/pkg/storage/names, MaxGeneratedNameLength.
const NAME_BASE_MAX: usize = 58;

/// How many pods one sync makes or removes. Source: daemon_controller.go, BurstReplicas.
const BURST_MAX: usize = 250;

/// One sync of a DaemonSet that is there.
pub(super) struct Effects<'s, 't> {
    /// The set.
    pub id: DaemonSetId,
    /// The hands of the controller.
    pub turn: &'s mut Turn<'t>,
    /// What it remembers of failures.
    pub failures: &'s mut FailureBackoff,
}

/// What came of a sync.
#[derive(Debug, Clone, Default)]
pub(super) struct Outcome {
    /// Whether a write was refused.
    pub has_failed: bool,
    /// After which spans the set has to be looked at again.
    pub waits: Vec<SimDuration>,
}

impl Effects<'_, '_> {
    fn set(&self) -> &DaemonSet {
        &self.turn.cluster().daemon_sets()[self.id]
    }

    /// Does all of it.
    pub fn sync(mut self) -> Outcome {
        let mut outcome = Outcome::default();
        let set = self.set();
        let mut history = with_latest(
            set.status.revisions.clone(),
            &set.meta.name,
            &set.spec.template,
            set.status.collision_count,
        );
        let hash = history.last().expect("the present template has a revision").hash.clone();
        let moves = self.decide(&hash, manage);
        let moves = self.spare(moves, &mut outcome);
        let is_settled = moves == Moves::default();
        outcome.has_failed = self.make(&moves, &hash).is_err();
        if !outcome.has_failed {
            if is_settled {
                outcome.has_failed = self.roll(&hash).is_err();
            }
            history = self.clean(history);
        }
        self.write_status(&hash, history);
        outcome
    }

    /// Replaces old pods, where the nodes have theirs.
    fn roll(&mut self, hash: &Name) -> Result<(), Refusal> {
        let DaemonSetUpdate::RollingUpdate { max_surge, max_unavailable } = self.set().spec.update_strategy
        else {
            return Ok(());
        };
        let moves = self.decide(hash, |present, places| roll(present, places, max_surge, max_unavailable));
        self.make(&moves, hash)
    }

    fn decide(&self, hash: &str, by: impl FnOnce(Present<'_>, &[Place<'_>]) -> Moves) -> Moves {
        let present = Present { spec: &self.set().spec, hash, now: self.turn.now() };
        by(present, &self.places())
    }

    /// The nodes by name, those that are gone and still have pods among them.
    /// Source: daemon_controller.go, getNodesToDaemonPods.
    fn places(&self) -> Vec<Place<'_>> {
        let (set, cluster) = (self.set(), self.turn.cluster());
        let mut places: BTreeMap<Name, Place<'_>> = BTreeMap::new();
        for node in cluster.nodes().values() {
            let (name, taints) = (&node.meta.name, &node.spec.taints);
            let fit = Some(fit(&set.spec, name, &node.meta.labels, taints));
            places.insert(name.clone(), Place { node: name.clone(), fit, pods: Vec::new() });
        }
        let is_over = |pod: &Pod| pod.status.phase.is_terminal() && pod.meta.is_terminating();
        for (id, pod) in cluster.pods_of(self.id).filter(|(_, pod)| !is_over(pod)) {
            let Some(node) = target(pod) else { continue };
            let gone = || Place { node: node.clone(), fit: None, pods: Vec::new() };
            places.entry(node.clone()).or_insert_with(gone).pods.push((id, pod));
        }
        let mut places: Vec<Place<'_>> = places.into_values().collect();
        for place in &mut places {
            place.pods.sort_by_cached_key(|(_, pod)| seniority(pod));
        }
        places
    }

    /// Adds the pods that have ended to those that go, but for failed ones whose back-off is not over.
    fn spare(&mut self, mut moves: Moves, outcome: &mut Outcome) -> Moves {
        for (id, node) in std::mem::take(&mut moves.ended) {
            let (set, pod) = (self.set(), &self.turn.cluster().pods()[id]);
            let name = pod.meta.full_name();
            if !has_failed(pod) {
                let message =
                    format!("Found succeeded daemon pod {name} on node {node}, will try to delete it");
                self.record(Severity::Normal, "SucceededDaemonPod", message);
                moves.delete.push(id);
                continue;
            }
            let generation = set.status.observed_generation;
            let key = BackoffKey { set: set.meta.uid, generation, node: node.clone() };
            match self.failures.check(key, self.turn.now()) {
                Some(wait) => outcome.waits.push(wait),
                None => {
                    let message =
                        format!("Found failed daemon pod {name} on node {node}, will try to kill it");
                    self.record(Severity::Warning, "FailedDaemonPod", message);
                    moves.delete.push(id);
                }
            }
        }
        moves
    }

    /// Makes and removes pods; the makings go in batches of 1, 2, 4 and so on, up to the first with an error.
    /// Source: daemon_controller.go, syncNodes.
    fn make(&mut self, moves: &Moves, hash: &Name) -> Result<(), Refusal> {
        let mut outcome = Ok(());
        let (mut rest, mut batch_size) = (&moves.create[..moves.create.len().min(BURST_MAX)], 1);
        while !rest.is_empty() && outcome.is_ok() {
            let (batch, later) = rest.split_at(rest.len().min(batch_size));
            for node in batch {
                outcome = self.create(node, hash).and(outcome);
            }
            (rest, batch_size) = (later, batch_size * 2);
        }
        for pod in moves.delete.iter().take(BURST_MAX) {
            outcome = self.delete(*pod).and(outcome);
        }
        outcome
    }

    fn create(&mut self, node: &Name, hash: &Name) -> Result<(), Refusal> {
        let creation = creation(self.id, self.set(), node, hash);
        let created = self.turn.submit(Command::Create(Box::new(creation)));
        match &created {
            Ok(pod) => {
                let name = pod.map(|pod| self.turn.cluster().name_of(pod)).unwrap_or_default();
                self.record(Severity::Normal, "SuccessfulCreate", format!("Created pod: {name}"));
            }
            Err(refusal) => {
                self.record(Severity::Warning, "FailedCreate", format!("Error creating: {refusal}"));
            }
        }
        created.map(|_| ())
    }

    fn delete(&mut self, id: PodId) -> Result<(), Refusal> {
        let name = self.turn.cluster().name_of(ObjectId::Pod(id));
        match self.turn.submit(Command::DeletePod(id, None)) {
            Ok(_) => self.record(Severity::Normal, "SuccessfulDelete", format!("Deleted pod: {name}")),
            Err(Refusal::NotFound) => {}
            Err(refusal) => {
                self.record(Severity::Warning, "FailedDelete", format!("Error deleting: {refusal}"));
                return Err(refusal);
            }
        }
        Ok(())
    }

    /// Source: update.go, cleanupHistory.
    fn clean(&self, history: Vec<Revision>) -> Vec<Revision> {
        let n_old = history.len() - 1;
        let limit = self.set().spec.revision_history_limit;
        let n_excess = limit.map_or(0, |limit| n_old.saturating_sub(limit as usize));
        let pods = self.turn.cluster().pods_of(self.id);
        let of_pods: Vec<Name> =
            pods.filter_map(|(_, pod)| pod.meta.labels.get(LABEL_REVISION).cloned()).collect();
        let present = history.last().map(|revision| revision.hash.clone());
        truncated(history, n_excess, |revision| {
            Some(&revision.hash) == present.as_ref() || of_pods.contains(&revision.hash)
        })
    }

    fn write_status(&mut self, hash: &Name, history: Vec<Revision>) {
        let set = self.set();
        let present = Present { spec: &set.spec, hash, now: self.turn.now() };
        let mut status = counts(present, &self.places());
        status.observed_generation = set.meta.generation;
        status.collision_count = set.status.collision_count;
        status.revisions = history;
        self.turn.write(Command::UpdateStatus(Box::new(StatusUpdate::DaemonSet(self.id, status))));
    }

    fn record(&mut self, severity: Severity, reason: &'static str, message: String) {
        if self.turn.wants_records(reason) {
            self.turn.record(ObjectId::DaemonSet(self.id), severity, reason, message, SOURCE);
        }
    }
}

/// The node that a daemon pod is on, or is for.
/// Source: Kubernetes 1.28, pkg/controller/daemon/util/daemonset_util.go, GetTargetNodeName.
fn target(pod: &Pod) -> Option<Name> {
    let terms = pod.spec.placement.required_nodes.iter().flatten();
    let fields = terms.flat_map(|term| &term.fields).filter(|field| &*field.key == FIELD_NODE_NAME);
    let mut named = fields.filter_map(|field| match &field.operator {
        LabelOperator::In(names) => names.first().cloned(),
        _ => None,
    });
    pod.spec.node_name.clone().or_else(|| named.next_back())
}

/// The creation of the pod of a node: affinity asks the scheduler for that one, in place of what the template asks for.
/// Source: Kubernetes 1.28, pkg/controller/daemon/util/daemonset_util.go, CreatePodTemplate and
/// ReplaceDaemonSetPodNodeNameNodeAffinity.
fn creation(id: DaemonSetId, set: &DaemonSet, node: &Name, hash: &Name) -> Creation {
    let template = &set.spec.template;
    let mut spec = PodSpec::clone(&template.spec);
    let only =
        LabelRequirement { key: FIELD_NODE_NAME.into(), operator: LabelOperator::In(vec![node.clone()]) };
    spec.placement.required_nodes =
        Some(vec![NodeSelectorTerm { fields: vec![only], expressions: Vec::new() }]);
    let base: String = set.meta.name.chars().take(NAME_BASE_MAX - 1).collect();
    let object = NewObject {
        namespace: set.meta.namespace.clone(),
        name: Name::from(base + "-"),
        labels: template.labels.with(LABEL_REVISION, hash),
        annotations: template.annotations.clone(),
        spec: NewSpec::Pod(Arc::new(spec)),
        manifest: Arc::new(Value::Null),
    };
    let owner = Owner { object: ObjectId::DaemonSet(id), name: set.meta.name.clone(), uid: set.meta.uid };
    Creation { generates_name: true, owner: Some(owner), ..Creation::of(object) }
}
