//! A small world around the controllers of the library: scripted pods, nodes, a user, and nothing else.
//!
//! Objects come and change through the library's reader, as manifests and patches do.

use std::sync::Arc;

use cluster_sim::cluster::{Cluster, Refusal};
use cluster_sim::component::{Component, Context, Timers, Turn, Watch};
use cluster_sim::controllers::daemon_set::DaemonSetController;
use cluster_sim::controllers::deployment::DeploymentController;
use cluster_sim::controllers::disruption::DisruptionController;
use cluster_sim::controllers::garbage_collector::GarbageCollector;
use cluster_sim::controllers::replica_set::ReplicaSetController;
use cluster_sim::controllers::stateful_set::StatefulSetController;
use cluster_sim::engine::{Calendar, SimDuration, SimTime, Streams};
use cluster_sim::event::{Change, Command, Creation, Event, SpecUpdate};
use cluster_sim::manifest::admission::PriorityClasses;
use cluster_sim::manifest::convert::{JobProgress, ReadContext, accept, accept_update};
use cluster_sim::manifest::diagnostic::Mark;
use cluster_sim::manifest::patch::Revision;
use cluster_sim::manifest::tree::Tree;
use cluster_sim::manifest::warnings::FieldWarnings;
use cluster_sim::model::ids::{Kind, ObjectId, PodId};
use cluster_sim::model::meta::{Labels, Propagation};
use cluster_sim::model::node::NodeSpec;
use cluster_sim::model::profile::Profile;
use cluster_sim::model::resources::Resources;
use cluster_sim::model::scenario::{NewObject, NewSpec, Timing};
use cluster_sim::model::wall_clock::WallClock;
use cluster_sim::observe::object::ObjectWriter;
use serde_json::{Value, json};

use super::pods::ScriptedPods;
use super::recorder::Recorder;
use super::scenario::{Act, PodAct, PodRef, Scenario, kind};
use super::timeline::Timeline;

const NAMESPACE: &str = "default";
const HASH_LABEL: &str = "pod-template-hash";
const REVISION: &str = "deployment.kubernetes.io/revision";

/// A scenario being played.
pub struct World {
    context: Context,
    cluster: Cluster,
    calendar: Calendar<Event>,
    changes: Vec<Change>,
    recorder: Recorder,
    pods: ScriptedPods,
    garbage_collector: GarbageCollector,
    replica_sets: ReplicaSetController,
    deployments: DeploymentController,
    stateful_sets: StatefulSetController,
    daemon_sets: DaemonSetController,
    disruption: DisruptionController,
    /// The pods that each drain has still to evict.
    drains: Vec<Vec<PodId>>,
    acts: Vec<(SimTime, Act)>,
    horizon: SimTime,
}

impl World {
    /// Makes a world with the nodes of a scenario.
    pub fn new(scenario: Scenario) -> Self {
        let context = Context {
            profile: Profile::new("1.28".parse().expect("a version with a profile")),
            timing: Timing::ideal(),
            streams: Streams::new(1),
            clock: WallClock { start: scenario.start },
        };
        let mut cluster = Cluster::new(context.streams.clone());
        let written = scenario.scripts.nodes();
        let n_nodes = if scenario.makes_nodes() { 0 } else { scenario.n_nodes };
        let nodes = (0..n_nodes).map(|n| format!("node-{n}"));
        for name in nodes.chain(written) {
            add_node(&mut cluster, &name);
        }
        let mut world = Self {
            context,
            cluster,
            calendar: Calendar::new(),
            changes: Vec::new(),
            recorder: Recorder::new(scenario.offset),
            pods: ScriptedPods::new(scenario.scripts, scenario.n_nodes),
            garbage_collector: GarbageCollector::new(),
            replica_sets: ReplicaSetController::new(),
            deployments: DeploymentController::new(),
            stateful_sets: StatefulSetController::new(),
            daemon_sets: DaemonSetController::new(),
            disruption: DisruptionController::new(),
            drains: Vec::new(),
            acts: scenario.acts,
            horizon: scenario.horizon,
        };
        for (position, (at, _)) in (0..).zip(&world.acts) {
            let event = Event::ActionDue(position);
            world.calendar.schedule(*at, event.rank(), event);
        }
        world
    }

    /// Plays to the horizon or until nothing is left to happen; gives what was seen.
    pub fn run(mut self) -> Timeline {
        while let Some(due) = self.calendar.pop_until(self.horizon) {
            self.dispatch(due.event);
            self.broadcast();
            self.cluster.check_invariants().expect("the invariants of the cluster hold");
        }
        self.recorder.finish()
    }

    fn dispatch(&mut self, event: Event) {
        if let Event::ActionDue(position) = event {
            return self.act(position as usize);
        }
        if let Event::DrainDue(position) = event {
            return self.drain(position);
        }
        let turn = &mut Turn::new(
            &self.context,
            &mut self.cluster,
            &mut self.calendar,
            &mut self.recorder,
            &mut self.changes,
        );
        match event {
            Event::StepDone(_) | Event::GraceOver(_) | Event::PodSync(_) => self.pods.on_event(event, turn),
            Event::GarbageDue(_) => self.garbage_collector.on_event(event, turn),
            Event::ReplicaSetSync(_) => self.replica_sets.on_event(event, turn),
            Event::DeploymentSync(_) => self.deployments.on_event(event, turn),
            Event::StatefulSetSync(_) => self.stateful_sets.on_event(event, turn),
            Event::DaemonSetSync(_) => self.daemon_sets.on_event(event, turn),
            Event::DisruptionSync(_) => self.disruption.on_event(event, turn),
            _ => {}
        }
    }

    fn broadcast(&mut self) {
        let mut watch = Watch::new(&self.context, &self.cluster, &mut self.calendar);
        for change in std::mem::take(&mut self.changes) {
            self.pods.on_change(&change, &mut watch);
            self.garbage_collector.on_change(&change, &mut watch);
            self.deployments.on_change(&change, &mut watch);
            self.replica_sets.on_change(&change, &mut watch);
            self.stateful_sets.on_change(&change, &mut watch);
            self.daemon_sets.on_change(&change, &mut watch);
            self.disruption.on_change(&change, &mut watch);
        }
    }

    fn turn(&mut self) -> Turn<'_> {
        Turn::new(&self.context, &mut self.cluster, &mut self.calendar, &mut self.recorder, &mut self.changes)
    }

    /// Does something from outside. What meets nothing, or is refused, has no effect.
    fn act(&mut self, position: usize) {
        match self.acts[position].1.clone() {
            Act::Create(manifest) => self.create(&manifest),
            Act::Patch { kind, name, patch } => self.patch(kind, &name, &patch),
            Act::Delete { kind: Kind::Node, name, pod_gc, .. } => self.delete_node(&name, pod_gc),
            Act::Delete { kind, name, propagation, .. } => self.delete(kind, &name, propagation),
            Act::Drain(node) => self.begin_drain(&node),
            Act::Rollback { name, revision } => self.roll_back(&name, revision),
            Act::Quota(n_pods) => self.set_quota(n_pods),
            Act::OnPod { pod, act } => self.act_on_pod(&pod, &act),
        }
    }

    fn create(&mut self, manifest: &Value) {
        let kind = kind(manifest["kind"].as_str().expect("an object has a kind"));
        let mut manifest = manifest.clone();
        if kind == Kind::Node {
            manifest["status"] = json!({"capacity": {"cpu": "4", "memory": "16Gi"}});
        }
        let tree = Tree::from_json(&manifest, Mark::START);
        let accepted =
            accept(kind, &tree, &read_context(&self.context.profile), &mut FieldWarnings::default());
        if let Ok(object) = accepted {
            self.turn().write(Command::Create(Box::new(Creation::of(object))));
        }
    }

    /// Lets in at most so many pods from now on, or any number.
    fn set_quota(&mut self, n_pods: Option<u64>) {
        self.delete(kind("ResourceQuota"), "pods", Propagation::Background);
        if let Some(n_pods) = n_pods {
            self.create(&json!({
                "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "pods"},
                "spec": {"hard": {"pods": n_pods}},
            }));
        }
    }

    fn patch(&mut self, kind: Kind, name: &str, patch: &Value) {
        let Some(id) = self.find(kind, name) else { return };
        let mut old = self.manifest(id);
        let mut patch = patch.clone();
        retain_keys(&mut old, &mut patch);
        self.revise(id, &old, Revision::Merge(&patch));
    }

    fn revise(&mut self, id: ObjectId, old: &Value, revision: Revision<'_>) {
        let profile = self.context.profile.clone();
        let context = read_context(&profile);
        let Ok(object) = accept_update(id.kind(), old, revision, JobProgress::default(), &context) else {
            return;
        };
        let mut turn = self.turn();
        if let (ObjectId::Node(id), NewSpec::Node(spec)) = (id, &object.spec) {
            return turn.write(Command::UpdateNode(id, object.labels, Box::new(spec.clone())));
        }
        let update = SpecUpdate::of(id, &object.spec).expect("an update keeps the kind");
        turn.write(Command::UpdateMeta(id, object.labels, object.annotations));
        turn.write(Command::UpdateSpec(update, object.manifest));
    }

    fn delete(&mut self, kind: Kind, name: &str, propagation: Propagation) {
        if let Some(id) = self.find(kind, name) {
            self.turn().write(Command::Delete(id, propagation));
        }
    }

    fn delete_node(&mut self, name: &str, pod_gc: SimDuration) {
        let Some(ObjectId::Node(node)) = self.find(Kind::Node, name) else { return };
        let mut turn = Turn::new(
            &self.context,
            &mut self.cluster,
            &mut self.calendar,
            &mut self.recorder,
            &mut self.changes,
        );
        turn.write(Command::DeleteNode(node));
        self.pods.collect(node, pod_gc, &mut turn);
    }

    fn begin_drain(&mut self, node: &str) {
        let turn = Turn::new(
            &self.context,
            &mut self.cluster,
            &mut self.calendar,
            &mut self.recorder,
            &mut self.changes,
        );
        self.drains.push(self.pods.on_node(node, &turn));
        let position = self.drains.len() - 1;
        self.drain(u32::try_from(position).expect("few drains"));
    }

    /// Evicts what is left of a drain; those that are refused are tried again after 5 s.
    fn drain(&mut self, position: u32) {
        let pods = std::mem::take(&mut self.drains[position as usize]);
        let is_refused = |world: &mut Self, pod: PodId| matches!(world.evict(Some(pod)), Err(Refusal::NotEvicted(refusal)) if refusal.code() == 429);
        let left: Vec<PodId> = pods.into_iter().filter(|pod| is_refused(self, *pod)).collect();
        if !left.is_empty() {
            self.turn().set_timer_after(SimDuration::from_secs(5), Event::DrainDue(position));
        }
        self.drains[position as usize] = left;
    }

    /// Asks for the eviction of a pod, or of one that is gone, and takes down the answer.
    fn evict(&mut self, pod: Option<PodId>) -> Result<(), Refusal> {
        let mut turn = self.turn();
        let now = turn.now();
        let outcome = match pod {
            Some(pod) => turn.submit(Command::EvictPod(pod, None)).map(|_| ()),
            None => Err(Refusal::NotFound),
        };
        self.recorder.see_eviction(now, outcome.clone(), &self.cluster);
        outcome
    }

    /// Gives a Deployment the template of one of its replica sets: the one of a revision, or the one before the last.
    fn roll_back(&mut self, name: &str, revision: Option<u64>) {
        let Some(id @ ObjectId::Deployment(deployment)) = self.find(Kind::Deployment, name) else { return };
        let sets = self.cluster.replica_sets_of(deployment);
        let mut sets: Vec<_> = sets
            .filter_map(|(id, set)| {
                Some((set.meta.annotations.get(REVISION)?.parse::<u64>().ok()?, ObjectId::ReplicaSet(id)))
            })
            .collect();
        sets.sort();
        let meant = match revision {
            Some(revision) => sets.iter().find(|(of, _)| *of == revision),
            None => sets.len().checked_sub(2).and_then(|at| sets.get(at)),
        };
        let Some((_, set)) = meant else { return };
        let mut template = self.manifest(*set)["spec"]["template"].clone();
        if let Some(labels) = template["metadata"]["labels"].as_object_mut() {
            labels.remove(HASH_LABEL);
        }
        let old = self.manifest(id);
        let mut new = old.clone();
        new["spec"]["template"] = template;
        self.revise(id, &old, Revision::Apply(&new));
    }

    fn act_on_pod(&mut self, pod: &PodRef, act: &PodAct) {
        let mut turn = Turn::new(
            &self.context,
            &mut self.cluster,
            &mut self.calendar,
            &mut self.recorder,
            &mut self.changes,
        );
        let pod = self.pods.find(pod, &turn);
        if let PodAct::Evict = act {
            let _ = self.evict(pod);
            return;
        }
        let Some(pod) = pod else { return };
        match act {
            PodAct::Evict => {}
            PodAct::Delete { is_stuck } => {
                if *is_stuck {
                    self.pods.silence(pod);
                }
                turn.write(Command::DeletePod(pod, None));
            }
            PodAct::ForceDelete => turn.write(Command::DeletePod(pod, Some(SimDuration::ZERO))),
            PodAct::Fail => self.pods.fail(pod, &mut turn),
            PodAct::SetReady(is_ready) => self.pods.answer(pod, *is_ready, &mut turn),
            PodAct::Crash { down } => self.pods.crash_by_hand(pod, *down, &mut turn),
            PodAct::Annotate(values) => annotate(pod, values, &mut turn),
            PodAct::Label(values) => label(pod, values, &mut turn),
        }
    }

    fn find(&self, kind: Kind, name: &str) -> Option<ObjectId> {
        let namespace = if kind.is_namespaced() { NAMESPACE } else { "" };
        self.cluster.find(kind, namespace, name)
    }

    /// An object as the API server has it.
    fn manifest(&self, id: ObjectId) -> Value {
        let writer = ObjectWriter { cluster: &self.cluster, clock: self.context.clock };
        writer.object(id).expect("the object was just found")
    }
}

fn read_context(profile: &Profile) -> ReadContext<'_> {
    static CLASSES: std::sync::OnceLock<PriorityClasses> = std::sync::OnceLock::new();
    ReadContext { profile, priority_classes: CLASSES.get_or_init(PriorityClasses::default) }
}

/// Does what `$retainKeys` of a strategic merge patch asks for: other keys of that map go.
fn retain_keys(target: &mut Value, patch: &mut Value) {
    let Some(fields) = patch.as_object_mut() else { return };
    if let Some(kept) = fields.remove("$retainKeys")
        && let Some(target) = target.as_object_mut()
    {
        let kept: Vec<_> = kept.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        target.retain(|key, _| kept.contains(&key.as_str()));
    }
    for (key, value) in fields {
        if let Some(target) = target.get_mut(key) {
            retain_keys(target, value);
        } else {
            retain_keys(&mut Value::Null, value);
        }
    }
}

fn annotate(pod: PodId, values: &Value, turn: &mut Turn<'_>) {
    let meta = &turn.cluster().pods()[pod].meta;
    let (labels, annotations) = (meta.labels.clone(), with_all(&meta.annotations, values));
    turn.write(Command::UpdateMeta(ObjectId::Pod(pod), labels, annotations));
}

fn label(id: PodId, values: &Value, turn: &mut Turn<'_>) {
    let pod = &turn.cluster().pods()[id];
    let (labels, spec) = (with_all(&pod.meta.labels, values), Arc::clone(&pod.spec));
    turn.write(Command::UpdatePod(id, labels, spec));
}

fn with_all(labels: &Labels, values: &Value) -> Labels {
    let values = values.as_object().into_iter().flatten();
    values.fold(labels.clone(), |labels, (key, value)| labels.with(key, value.as_str().unwrap_or_default()))
}

fn add_node(cluster: &mut Cluster, name: &str) {
    if cluster.find_node(name).is_some() {
        return;
    }
    let amounts = Resources::default();
    let spec = NodeSpec { capacity: amounts.clone(), allocatable: amounts, ..NodeSpec::default() };
    let object = NewObject {
        namespace: "".into(),
        name: name.into(),
        labels: Labels::default(),
        annotations: Labels::default(),
        spec: NewSpec::Node(spec),
        manifest: Arc::new(Value::Null),
    };
    let creation = Command::Create(Box::new(Creation::of(object)));
    cluster.apply(SimTime::ZERO, creation, &mut Vec::new()).expect("no node of this name is there");
}
