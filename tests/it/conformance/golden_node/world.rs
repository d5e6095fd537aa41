//! A small world around the controllers of the library: scripted kubelets, a user, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cluster_sim::cluster::Cluster;
use cluster_sim::component::{Component, Context, Observer, Turn, Watch};
use cluster_sim::controllers::node_lifecycle::NodeLifecycleController;
use cluster_sim::controllers::node_lifecycle::zones::ZoneState;
use cluster_sim::controllers::pod_gc::PodGcController;
use cluster_sim::controllers::taint_eviction::TaintEvictionController;
use cluster_sim::engine::{Calendar, Rank, SimDuration, SimTime, Streams};
use cluster_sim::event::{Change, Command, Creation, Event};
use cluster_sim::model::ids::{Kind, NodeId, ObjectId, PodId};
use cluster_sim::model::meta::Labels;
use cluster_sim::model::node::{ConditionStatus, NodeCondition, NodeReadyReason, NodeSpec, TAINT_NOT_READY};
use cluster_sim::model::pod::{JobPod, PodSpec};
use cluster_sim::model::pod_status::{
    ContainerRef, ContainerState, PodReason, Termination, TerminationReason,
};
use cluster_sim::model::profile::Profile;
use cluster_sim::model::scenario::{NewObject, NewSpec, Timing};
use cluster_sim::model::scheduling::{Taint, TaintEffect};
use cluster_sim::model::unix_time::UnixTime;
use cluster_sim::model::wall_clock::WallClock;
use serde_json::{Value, json};

use super::super::golden_job::scenario::job_spec;
use super::kubelets::{Kubelets, Later};
use super::scenario::{NodeDef, ORIGIN, Op, PodDef, Scenario};
use super::timeline::Timeline;

const MAIN: ContainerRef = ContainerRef::App(0);

/// The controllers, which stop and start together.
struct Controllers {
    node_lifecycle: NodeLifecycleController,
    taint_eviction: TaintEvictionController,
    pod_gc: PodGcController,
}

/// A scenario being played.
pub struct World {
    scenario: Scenario,
    context: Context,
    cluster: Cluster,
    calendar: Calendar<Event>,
    changes: Vec<Change>,
    recorder: Recorder,
    kubelets: Kubelets,
    controllers: Option<Controllers>,
    acts: Vec<Act>,
    zones: BTreeMap<String, (ZoneState, String)>,
}

#[derive(Clone)]
enum Act {
    User(Op),
    Kubelet(Later),
}

/// Takes down what can be seen.
struct Recorder {
    timeline: Timeline,
    /// Who is at work.
    by: &'static str,
    names: BTreeMap<ObjectId, String>,
    /// Pods whose deletion was asked for.
    deleted: Vec<PodId>,
    /// Nodes whose kubelet has never reported a status.
    unreported: BTreeSet<NodeId>,
    is_on: bool,
}

impl World {
    /// Makes a world in which everything of the scenario is there.
    pub fn new(scenario: Scenario) -> Self {
        let context = Context {
            profile: Profile::new("1.28".parse().expect("there is such a version")),
            timing: Timing::ideal(),
            streams: Streams::new(1),
            clock: WallClock { start: UnixTime::parse_rfc3339("2024-01-01T00:00:00Z").expect("a time") },
        };
        let recorder = Recorder {
            timeline: Timeline::default(),
            by: "user",
            names: BTreeMap::new(),
            deleted: Vec::new(),
            unreported: BTreeSet::new(),
            is_on: false,
        };
        let mut world = Self {
            cluster: Cluster::new(context.streams.clone()),
            context,
            calendar: Calendar::new(),
            changes: Vec::new(),
            recorder,
            kubelets: Kubelets::default(),
            controllers: None,
            acts: Vec::new(),
            zones: BTreeMap::new(),
            scenario,
        };
        world.set_up();
        world
    }

    /// Plays to the horizon; gives what was seen.
    pub fn run(mut self) -> Timeline {
        while let Some(due) = self.calendar.pop_until(self.scenario.horizon) {
            self.dispatch(due.event);
            self.broadcast();
            self.see_zones(due.event);
            self.cluster.check_invariants().expect("the invariants of the cluster hold");
        }
        self.recorder.timeline
    }

    fn set_up(&mut self) {
        let origin = Event::ActionDue(u32::MAX);
        self.calendar.schedule(ORIGIN, Rank::new(0), origin);
        self.calendar.pop();
        for node in self.scenario.nodes.clone() {
            let created = SimTime::from_nanos(ORIGIN.as_nanos() - SimDuration::from_secs(3600).as_nanos());
            let ready = node.ready.clone().unwrap_or_else(|| "True".to_owned());
            self.create_node(&node, created, &ready);
        }
        let ghosts = self.create_ghosts();
        for pod in self.scenario.pods.clone() {
            self.create_pod(&pod, SimTime::from_nanos(ORIGIN.as_nanos() - pod.age.as_nanos()));
        }
        for ghost in ghosts {
            self.write(Command::DeleteNode(ghost));
        }
        self.changes.clear();
        self.recorder.is_on = true;
        self.start_controllers();
        let ops = std::mem::take(&mut self.scenario.ops);
        ops.into_iter().for_each(|(at, op)| self.schedule(at, Act::User(op)));
        self.schedule_kubelets();
    }

    /// Makes the nodes that pods are bound to and that are no more when the file begins.
    fn create_ghosts(&mut self) -> Vec<NodeId> {
        let names: BTreeSet<String> = self.scenario.pods.iter().filter_map(|pod| pod.node.clone()).collect();
        let names = names.into_iter().filter(|name| self.cluster.find_node(name).is_none());
        let objects: Vec<NewObject> = names
            .map(|name| new_object("", &name, Labels::default(), NewSpec::Node(NodeSpec::default())))
            .collect();
        let ids = objects.into_iter().map(|object| self.create(SimTime::ZERO, Creation::of(object)));
        ids.filter_map(|id| if let ObjectId::Node(id) = id { Some(id) } else { None }).collect()
    }

    /// Kubelets go before users at one instant; what they do about something of this instant waits until everybody
    /// has seen that.
    fn schedule(&mut self, at: SimTime, act: Act) {
        let rank = match act {
            Act::Kubelet(Later::End(_, _, pod)) if at == self.calendar.now() => {
                Event::BoundPodSync(pod).rank()
            }
            Act::Kubelet(_) => Rank::new(0),
            Act::User(_) => Rank::new(1),
        };
        let position = u32::try_from(self.acts.len()).expect("a file has few acts");
        self.acts.push(act);
        self.calendar.schedule(at, rank, Event::ActionDue(position));
    }

    fn schedule_kubelets(&mut self) {
        for (at, later) in std::mem::take(&mut self.kubelets.later) {
            self.schedule(at, Act::Kubelet(later));
        }
    }

    fn dispatch(&mut self, event: Event) {
        if let Event::ActionDue(position) = event {
            return match self.acts[position as usize].clone() {
                Act::User(op) => self.act(&op),
                Act::Kubelet(later) => {
                    self.recorder.by = "kubelet";
                    self.with_kubelets(|kubelets, turn| kubelets.act(later, turn));
                }
            };
        }
        let Some(controllers) = &mut self.controllers else { return };
        let (by, component): (_, &mut dyn Component) = match event {
            Event::TaintedNodeSync(_) | Event::TaintedPodSync(_) | Event::TaintEvictionDue(_) => {
                ("taintManager", &mut controllers.taint_eviction)
            }
            Event::PodGcDue => ("podGC", &mut controllers.pod_gc),
            _ => ("nodeLifecycle", &mut controllers.node_lifecycle),
        };
        self.recorder.by = by;
        let turn = &mut Turn::new(
            &self.context,
            &mut self.cluster,
            &mut self.calendar,
            &mut self.recorder,
            &mut self.changes,
        );
        component.on_event(event, turn);
    }

    fn broadcast(&mut self) {
        let now = self.calendar.now();
        for change in std::mem::take(&mut self.changes) {
            if let Change::PodDeletionRequested(pod, grace) = &change
                && let Some(node) = self.cluster.pod(*pod).and_then(|pod| pod.node)
            {
                self.kubelets.note_deletion(*pod, node, *grace, now);
            }
            let mut watch = Watch::new(&self.context, &self.cluster, &mut self.calendar);
            if let Some(controllers) = &mut self.controllers {
                controllers.node_lifecycle.on_change(&change, &mut watch);
                controllers.taint_eviction.on_change(&change, &mut watch);
                controllers.pod_gc.on_change(&change, &mut watch);
            }
        }
        self.schedule_kubelets();
    }

    /// After a pass over the nodes: the zones whose state or rate has changed.
    fn see_zones(&mut self, event: Event) {
        let Some(controllers) = self.controllers.as_ref().filter(|_| event == Event::NodeMonitorDue) else {
            return;
        };
        let now = millis(self.calendar.now());
        for (zone, state, rate) in controllers.node_lifecycle.zones() {
            let (zone, new) = (zone.to_string(), (state, format!("{:.3}", rate.0)));
            if self.zones.insert(zone.clone(), new.clone()).as_ref() != Some(&new) {
                let state = match state {
                    ZoneState::Vanished => String::new(),
                    state => format!("{state:?}"),
                };
                let fact = json!({"kind": "zoneState", "zone": zone, "state": state, "rate": rate.0});
                self.recorder.timeline.see(now, fact);
            }
        }
    }

    fn start_controllers(&mut self) {
        let mut watch = Watch::new(&self.context, &self.cluster, &mut self.calendar);
        let mut controllers = Controllers {
            node_lifecycle: NodeLifecycleController::with_config(self.scenario.node_lifecycle),
            taint_eviction: TaintEvictionController::new(),
            pod_gc: PodGcController::with_config(self.scenario.pod_gc),
        };
        controllers.node_lifecycle.start(&mut watch);
        controllers.taint_eviction.start(&mut watch);
        controllers.pod_gc.start(&mut watch);
        self.controllers = Some(controllers);
        self.zones.clear();
    }

    /// Does something from outside. What meets nothing has no effect.
    fn act(&mut self, op: &Op) {
        self.recorder.by = "user";
        match op {
            Op::ControllersDown => self.controllers = None,
            Op::ControllersUp => self.start_controllers(),
            Op::CreateNode(node) => self.register_node(node),
            Op::CreatePod(pod) => {
                let now = self.calendar.now();
                self.create_pod(pod, now);
            }
            Op::DeletePod(pod, grace) => self.for_pod(pod, |id| Command::DeletePod(id, *grace)),
            Op::FinishPod(pod, phase) => {
                self.recorder.by = "kubelet";
                let now = self.calendar.now();
                self.for_pod(pod, |id| finish(id, phase, now));
            }
            Op::SetTolerations(name, tolerations) => {
                if let Some(ObjectId::Pod(id)) = self.cluster.find(Kind::Pod, "default", name) {
                    let pod = &self.cluster.pods()[id];
                    let (labels, mut spec) = (pod.meta.labels.clone(), PodSpec::clone(&pod.spec));
                    spec.placement.tolerations = tolerations.clone();
                    self.write(Command::UpdatePod(id, labels, Arc::new(spec)));
                }
            }
            Op::Tolerate(name, toleration) => {
                if let Some(ObjectId::Pod(id)) = self.cluster.find(Kind::Pod, "default", name) {
                    let pod = &self.cluster.pods()[id];
                    let (labels, mut spec) = (pod.meta.labels.clone(), PodSpec::clone(&pod.spec));
                    spec.placement.tolerations.push(toleration.clone());
                    self.write(Command::UpdatePod(id, labels, Arc::new(spec)));
                }
            }
            on_node => self.act_on_node(on_node),
        }
    }

    fn act_on_node(&mut self, op: &Op) {
        let (Op::Crash(name)
        | Op::Recover(name, _)
        | Op::PostReady(name, _)
        | Op::StopLease(name)
        | Op::StartLease(name)
        | Op::DeleteNode(name)
        | Op::Taint(name, _)
        | Op::Untaint(name, ..)
        | Op::Cordon(name, _)) = op
        else {
            return;
        };
        let Some(id) = self.cluster.find_node(name) else { return };
        if matches!(op, Op::Crash(_) | Op::Recover(..) | Op::PostReady(..)) {
            self.recorder.by = "kubelet";
        }
        match op {
            Op::Crash(_) => self.with_kubelets(|kubelets, turn| kubelets.crash(id, turn)),
            Op::Recover(_, delay) => self.with_kubelets(|kubelets, turn| kubelets.recover(id, *delay, turn)),
            Op::PostReady(_, is_ready) => {
                self.with_kubelets(|kubelets, turn| kubelets.post(id, *is_ready, turn));
            }
            Op::StopLease(_) => self.with_kubelets(|kubelets, turn| kubelets.set_lease(id, false, turn)),
            Op::StartLease(_) => self.with_kubelets(|kubelets, turn| kubelets.set_lease(id, true, turn)),
            Op::DeleteNode(_) => {
                self.kubelets.remove(id);
                self.write(Command::DeleteNode(id));
            }
            Op::Taint(_, taint) => self.update_node(id, |spec| spec.taints.push(taint.clone())),
            Op::Untaint(_, key, effect) => self.update_node(id, |spec| {
                let is_meant =
                    |taint: &Taint| *taint.key == **key && effect.is_none_or(|effect| effect == taint.effect);
                spec.taints.retain(|taint| !is_meant(taint));
            }),
            Op::Cordon(_, is_cordoned) => self.update_node(id, |spec| spec.unschedulable = *is_cordoned),
            _ => {}
        }
    }

    fn update_node(&mut self, id: NodeId, change: impl FnOnce(&mut NodeSpec)) {
        let node = &self.cluster.nodes()[id];
        let (labels, mut spec) = (node.meta.labels.clone(), node.spec.clone());
        change(&mut spec);
        self.write(Command::UpdateNode(id, labels, Box::new(spec)));
    }

    /// A new kubelet registers its node, which is not ready yet; the API server taints it.
    fn register_node(&mut self, node: &NodeDef) {
        self.recorder.by = "kubelet";
        let ready = node.ready.clone().unwrap_or_else(|| "False".to_owned());
        let id = self.create_node(node, self.calendar.now(), &ready);
        self.update_node(id, |spec| {
            let effect = TaintEffect::NoSchedule;
            spec.taints.push(Taint { key: TAINT_NOT_READY.into(), value: "".into(), effect });
        });
    }

    fn create_node(&mut self, node: &NodeDef, created: SimTime, ready: &str) -> NodeId {
        let spec = NodeSpec {
            taints: node.taints.clone(),
            unschedulable: node.is_unschedulable,
            ..NodeSpec::default()
        };
        let object = new_object("", &node.name, node.labels.clone(), NewSpec::Node(spec));
        let ObjectId::Node(id) = self.create(created, Creation::of(object)) else {
            unreachable!("a node was created")
        };
        let is_ready = ready == "True";
        self.with_kubelets(|kubelets, turn| kubelets.add(id, node, is_ready, turn));
        let (status, reason) = match (ready, node.has_conditions) {
            (_, false) => (ConditionStatus::Unknown, NodeReadyReason::NotReported),
            ("True", _) => return id,
            ("False", _) => (ConditionStatus::False, NodeReadyReason::KubeletNotReady),
            _ => (ConditionStatus::Unknown, NodeReadyReason::NodeStatusUnknown),
        };
        self.write(Command::SetNodeReady(id, status, reason));
        id
    }

    /// Creates a pod that runs and is Ready, unless its definition says otherwise.
    fn create_pod(&mut self, pod: &PodDef, created: SimTime) {
        let template = json!({"template": {}});
        let job = job_spec(&template, "Never", &self.context.profile);
        let mut spec = PodSpec::clone(&job.template.spec);
        spec.placement.tolerations = pod.tolerations.clone();
        spec.termination_grace = pod.grace;
        spec.node_name = pod.node.as_deref().map(Into::into);
        let object = new_object("default", &pod.name, Labels::default(), NewSpec::Pod(Arc::new(spec)));
        let marks = JobPod { has_finalizer: pod.has_finalizer, ..JobPod::default() };
        let creation = Creation { job: Some(marks), ..Creation::of(object) };
        let was_on = std::mem::replace(&mut self.recorder.is_on, false);
        let ObjectId::Pod(id) = self.create(created, creation) else { unreachable!("a pod was created") };
        self.kubelets.add_pod(id, pod.termination);
        if pod.node.is_some() {
            let running = ContainerState::Running { started_at: created, is_started: true, is_ready: true };
            self.write(Command::AcceptPod(id));
            self.write(Command::SetContainer(id, MAIN, running));
        }
        if pod.is_evicted {
            self.write(Command::FailPod(id, PodReason::Evicted, "".into()));
        } else if pod.phase != "Running" {
            self.write(finish(id, &pod.phase, created));
        } else if pod.is_not_ready || !self.kubelets.is_alive(self.cluster.pods()[id].node) {
            self.write(Command::SetPodNotReady(id));
        }
        self.recorder.is_on = was_on;
    }

    fn create(&mut self, created: SimTime, creation: Creation) -> ObjectId {
        let first = self.changes.len();
        let outcome = self.cluster.apply(created, Command::Create(Box::new(creation)), &mut self.changes);
        let now = self.calendar.now();
        for change in &self.changes[first..] {
            self.recorder.see(now, change, &self.cluster);
        }
        outcome.expect("the name is free").expect("an object was created")
    }

    fn for_pod(&mut self, name: &str, command: impl FnOnce(PodId) -> Command) {
        if let Some(ObjectId::Pod(id)) = self.cluster.find(Kind::Pod, "default", name) {
            self.write(command(id));
        }
    }

    fn with_kubelets(&mut self, act: impl FnOnce(&mut Kubelets, &mut Turn<'_>)) {
        let turn = &mut Turn::new(
            &self.context,
            &mut self.cluster,
            &mut self.calendar,
            &mut self.recorder,
            &mut self.changes,
        );
        act(&mut self.kubelets, turn);
    }

    fn write(&mut self, command: Command) {
        self.with_kubelets(|_, turn| turn.write(command));
    }
}

fn finish(id: PodId, phase: &str, now: SimTime) -> Command {
    let exit_code = i32::from(phase != "Succeeded");
    let reason = if exit_code == 0 { TerminationReason::Completed } else { TerminationReason::Error };
    let end = Termination { exit_code, reason, started_at: now, finished_at: now };
    Command::SetContainer(id, MAIN, ContainerState::Terminated(end))
}

fn new_object(namespace: &str, name: &str, labels: Labels, spec: NewSpec) -> NewObject {
    NewObject {
        namespace: namespace.into(),
        name: name.into(),
        labels,
        annotations: Labels::default(),
        spec,
        manifest: Arc::new(Value::Null),
    }
}

/// Milliseconds since a file's second 0.
fn millis(now: SimTime) -> u64 {
    now.since(ORIGIN).as_nanos() / 1_000_000
}

impl Recorder {
    fn name(&self, object: ObjectId) -> &str {
        &self.names[&object]
    }

    fn see_taints(&mut self, at: u64, node: NodeId, old: &[Taint], new: &[Taint]) {
        for (kind, from, to) in [("taintAdded", old, new), ("taintRemoved", new, old)] {
            for taint in to.iter().filter(|taint| !from.contains(taint)) {
                let effect = format!("{:?}", taint.effect);
                let mut fact = json!({
                    "kind": kind, "by": self.by, "node": self.name(ObjectId::Node(node)),
                    "key": &*taint.key, "effect": effect,
                });
                if !taint.value.is_empty() {
                    fact["value"] = json!(&*taint.value);
                }
                self.timeline.see(at, fact);
            }
        }
    }

    /// Until a kubelet reports, there are no conditions; in the model, those that are missing are False.
    fn see_first_report(&mut self, at: u64, node: NodeId, reason: NodeReadyReason) {
        match reason {
            NodeReadyReason::NotReported => {
                self.unreported.insert(node);
            }
            NodeReadyReason::KubeletReady
            | NodeReadyReason::KubeletNotReady
            | NodeReadyReason::NodeShutdown => {
                if self.unreported.remove(&node) {
                    for condition in NodeCondition::OF_KUBELET {
                        self.see_condition(at, node, condition, (ConditionStatus::False, None));
                    }
                }
            }
            NodeReadyReason::NodeStatusUnknown | NodeReadyReason::NodeStatusNeverUpdated => {}
        }
    }

    fn see_condition(
        &mut self,
        at: u64,
        node: NodeId,
        condition: NodeCondition,
        (status, reason): (ConditionStatus, Option<&str>),
    ) {
        let reason = reason.unwrap_or(condition.reason(status));
        let fact = json!({
            "kind": "nodeCondition", "by": self.by, "node": self.name(ObjectId::Node(node)),
            "type": condition.as_str(), "status": status.as_str(), "reason": reason,
        });
        self.timeline.see(at, fact);
    }

    fn see_pod(&mut self, at: u64, kind: &str, pod: PodId, detail: (&str, Value)) {
        let mut fact = json!({"kind": kind, "by": self.by, "pod": self.name(ObjectId::Pod(pod))});
        if !detail.0.is_empty() {
            fact[detail.0] = detail.1;
        }
        self.timeline.see(at, fact);
    }

    fn see_deletion(&mut self, at: u64, pod: PodId, grace: SimDuration) {
        if !self.deleted.contains(&pod) {
            self.deleted.push(pod);
            self.see_pod(at, "podDeleteRequested", pod, ("grace", json!(grace.as_secs())));
        }
    }
}

impl Observer for Recorder {
    fn begin(&mut self, _: SimTime, _: u64, _: &Event, _: &Cluster) {}

    fn see(&mut self, now: SimTime, change: &Change, cluster: &Cluster) {
        if let Change::Created(object) = change {
            self.names.insert(*object, cluster.name_of(*object).to_string());
        }
        if !self.is_on {
            return;
        }
        let (at, by) = (millis(now), self.by);
        match change {
            Change::NodeReadyChanged(id, status) => {
                let ready = cluster.nodes()[*id].ready;
                self.see_first_report(at, *id, ready.reason);
                let node = self.name(ObjectId::Node(*id));
                if ready.reason != NodeReadyReason::NotReported {
                    let (status, reason) = (status.as_str(), ready.reason.as_str());
                    let fact = json!({
                        "kind": "nodeCondition", "by": by, "node": node, "type": "Ready",
                        "status": status, "reason": reason,
                    });
                    self.timeline.see(at, fact);
                }
            }
            Change::NodeConditionChanged(id, condition, status) => {
                let is_first = cluster.nodes()[*id].ready.reason == NodeReadyReason::NotReported;
                let reason = is_first.then_some(NodeReadyReason::NodeStatusNeverUpdated.as_str());
                self.see_condition(at, *id, *condition, (*status, reason));
            }
            Change::NodeChanged(id, what) => {
                self.see_taints(at, *id, &what.before.spec.taints, &cluster.nodes()[*id].spec.taints);
            }
            Change::NodeDeleted(_, name) => {
                self.timeline.see(at, json!({"kind": "nodeDeleted", "by": by, "node": &**name}));
            }
            Change::PodReadyChanged(pod, is_ready) => {
                let status = ConditionStatus::from_bool(*is_ready).as_str();
                self.see_pod(at, "podReady", *pod, ("status", json!(status)));
            }
            Change::PodDisrupted(pod, reason) => {
                self.see_pod(at, "podDisruptionTarget", *pod, ("reason", json!(&**reason)));
            }
            Change::PodPhaseChanged(pod, _, phase) => {
                self.see_pod(at, "podPhase", *pod, ("phase", json!(phase.as_str())));
            }
            Change::PodDeletionRequested(pod, grace) => self.see_deletion(at, *pod, *grace),
            Change::PodDeleted(pod, _) => {
                self.see_deletion(at, *pod, SimDuration::ZERO);
                self.see_pod(at, "podRemoved", *pod, ("", Value::Null));
            }
            Change::Recorded(object, record) => {
                let fact = json!({
                    "kind": "event", "by": by, "object": object.kind().as_str(), "name": self.name(*object),
                    "reason": record.reason, "message": record.message,
                });
                self.timeline.see(at, fact);
            }
            _ => {}
        }
    }
}
