//! The scheduling queue: the scheduler as a component under the simulated clock, and every move of a pod between its
//! queues.

use std::collections::{BTreeMap, VecDeque};

use cluster_sim::cluster::Cluster;
use cluster_sim::component::{Component, Context, Observer, Turn, Watch};
use cluster_sim::engine::{Calendar, SimDuration, SimTime, Streams};
use cluster_sim::event::{Change, Command, Creation, Event};
use cluster_sim::model::ids::{NodeId, ObjectId, PodId};
use cluster_sim::model::pod::PodSpec;
use cluster_sim::model::scenario::{NewObject, NewSpec, Timing};
use cluster_sim::scheduler::Scheduler;
use cluster_sim::scheduler::cycle::Outcome;
use cluster_sim::scheduler::framework::Plugin;
use cluster_sim::scheduler::plugins::default_preemption::Preemption;
use cluster_sim::scheduler::queue::Place;
use serde_json::Value;
use std::sync::Arc;

use super::objects::{self, list, text, texts};
use super::{same, world};

/// Operations closer than this are applied before the scheduler looks, where a case says so.
const BATCH: SimDuration = SimDuration::from_millis(10);

struct Blind;

impl Observer for Blind {
    fn begin(&mut self, _: SimTime, _: u64, _: &Event, _: &Cluster) {}

    fn see(&mut self, _: SimTime, _: &Change, _: &Cluster) {}
}

/// What is observed of a pod in the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    place: Place,
    attempts: u32,
    plugins: Vec<&'static str>,
}

struct Run<'a> {
    ops: Vec<&'a Value>,
    times: Vec<SimTime>,
    is_batched: bool,
    grace: SimDuration,
    cluster: Cluster,
    calendar: Calendar<Event>,
    context: Context,
    scheduler: Scheduler,
    pods: BTreeMap<String, PodId>,
    seen: BTreeMap<String, Seen>,
    trace: VecDeque<&'a Value>,
}

/// Runs a case of the queue.
pub fn run(case: &Value) -> Result<(), String> {
    let mut run = Run::new(case);
    let horizon = seconds(&case["horizon"]);
    run.start(case)?;
    while let Some(next) = run.calendar.pop() {
        if next.time > horizon {
            break;
        }
        run.handle(next.time, next.event).map_err(|error| format!("at {}: {error}", next.time))?;
    }
    if let Some(missing) = run.trace.front() {
        return Err(format!("nothing happens where {missing} is expected"));
    }
    run.check_final(&case["expect"]["final"])
}

fn seconds(value: &Value) -> SimTime {
    let secs = value.as_f64().expect("a time in seconds");
    SimTime::ZERO + SimDuration::from_nanos((secs * 1e9).round() as u64)
}

impl<'a> Run<'a> {
    fn new(case: &'a Value) -> Self {
        let ops: Vec<_> = list(&case["ops"]).collect();
        let streams = Streams::new(1);
        let (clock, _) = world::clock();
        let mut scheduler = Scheduler::new(world::config(case));
        let of_ops = ops.iter().map(|op| &op["pod"]).filter(|pod| pod.is_object());
        scheduler.listers = objects::listers(case, list(&case["pods"]).chain(of_ops));
        Self {
            times: ops.iter().map(|op| seconds(&op["t"])).collect(),
            ops,
            is_batched: case["batch"] == true,
            grace: SimDuration::from_secs(case["victimGraceSeconds"].as_u64().unwrap_or(0)),
            cluster: Cluster::new(streams.clone()),
            calendar: Calendar::new(),
            context: Context { profile: super::profile(case), timing: Timing::ideal(), streams, clock },
            scheduler,
            pods: BTreeMap::new(),
            seen: BTreeMap::new(),
            trace: list(&case["expect"]["trace"]).collect(),
        }
    }

    /// The cluster before the scheduler starts, and the operations in the calendar.
    fn start(&mut self, case: &Value) -> Result<(), String> {
        let mut changes = Vec::new();
        for node in list(&case["nodes"]) {
            self.apply(create(objects::node(node)), &mut changes);
        }
        for pod in list(&case["pods"]) {
            self.create_pod(pod, &mut changes);
        }
        let mut watch = Watch::new(&self.context, &self.cluster, &mut self.calendar);
        self.scheduler.start(&mut watch);
        for (at, time) in self.times.iter().enumerate() {
            let event = Event::ActionDue(at as u32);
            self.calendar.schedule(*time, event.rank(), event);
        }
        self.observe(SimTime::ZERO, "start")
    }

    fn apply(&mut self, command: Command, changes: &mut Vec<Change>) -> Option<ObjectId> {
        let now = self.calendar.now();
        self.cluster.apply(now, command, changes).expect("the write is possible")
    }

    fn create_pod(&mut self, manifest: &Value, changes: &mut Vec<Change>) {
        let pod = self.pod(manifest);
        let name = pod.name.to_string();
        let Some(ObjectId::Pod(id)) = self.apply(create(pod), changes) else { panic!("a pod is created") };
        self.pods.insert(name, id);
        if manifest["status"]["startTime"].is_string() {
            self.apply(Command::AcceptPod(id), changes);
        }
    }

    /// A pod that ends so long after it is asked to as the case says.
    fn pod(&self, manifest: &Value) -> NewObject {
        let pod = objects::pod(manifest);
        let NewSpec::Pod(spec) = &pod.spec else { panic!("a pod has a pod's spec") };
        let spec = PodSpec { termination_grace: self.grace, ..(**spec).clone() };
        NewObject { spec: NewSpec::Pod(Arc::new(spec)), ..pod }
    }

    fn handle(&mut self, now: SimTime, event: Event) -> Result<(), String> {
        match event {
            Event::ActionDue(at) => {
                let op = self.ops[at as usize];
                let mut changes = Vec::new();
                self.operate(op, &mut changes);
                self.show(now, changes, text(&op["op"]))
            }
            Event::GraceOver(pod) => {
                let mut changes = Vec::new();
                self.apply(Command::ReleasePod(pod), &mut changes);
                self.show(now, changes, "victims deleted")
            }
            Event::SchedulingCycle => match self.batch_end(now) {
                Some(end) => {
                    self.calendar.schedule(end, event.rank(), event);
                    Ok(())
                }
                None => self.turn(now, event, "attempt failed"),
            },
            Event::BackoffFlush => self.turn(now, event, "backoff flush"),
            Event::UnschedulableFlush => self.turn(now, event, "unschedulable timeout flush"),
            other => panic!("nobody sets {other:?}"),
        }
    }

    /// When the operations that have begun are all applied; `None` where they are.
    fn batch_end(&self, now: SimTime) -> Option<SimTime> {
        let next = self.times.iter().find(|time| **time > now)?;
        let last = self.times.iter().rev().find(|time| **time <= now)?;
        (self.is_batched && *next - *last < BATCH).then_some(*next)
    }

    fn operate(&mut self, op: &Value, changes: &mut Vec<Change>) {
        let pod = |run: &Self| run.pods[text(&op["name"])];
        match text(&op["op"]) {
            "createPod" => self.create_pod(&op["pod"], changes),
            "updatePod" => {
                let new = self.pod(&op["pod"]);
                let NewSpec::Pod(spec) = new.spec else { panic!("a pod has a pod's spec") };
                let command = Command::UpdatePod(self.pods[&*new.name], new.labels, spec);
                self.apply(command, changes);
            }
            "deletePod" => {
                let id = pod(self);
                self.apply(Command::DeletePod(id, Some(SimDuration::ZERO)), changes);
            }
            "finishPod" => {
                let id = pod(self);
                self.apply(Command::FinishPod(id), changes);
            }
            "addNode" => {
                self.apply(create(objects::node(&op["node"])), changes);
            }
            "updateNode" => {
                let node = objects::node(&op["node"]);
                let id = self.node(&node.name);
                let NewSpec::Node(spec) = node.spec else { panic!("a node has a node's spec") };
                self.apply(Command::UpdateNode(id, node.labels, Box::new(spec)), changes);
            }
            "deleteNode" => {
                let id = self.node(text(&op["name"]));
                self.apply(Command::DeleteNode(id), changes);
            }
            other => panic!("no operation: {other}"),
        }
    }

    fn node(&self, name: &str) -> NodeId {
        self.cluster.find_node(name).expect("the node is there")
    }

    fn turn(&mut self, now: SimTime, event: Event, why: &str) -> Result<(), String> {
        let mut changes = Vec::new();
        let (mut blind, calendar) = (Blind, &mut self.calendar);
        let mut turn = Turn::new(&self.context, &mut self.cluster, calendar, &mut blind, &mut changes);
        self.scheduler.on_event(event, &mut turn);
        if event == Event::SchedulingCycle {
            self.check_attempt(now)?;
        }
        self.observe(now, why)?;
        for change in &changes {
            if let Change::PodDeletionRequested(pod, grace) = change {
                let event = Event::GraceOver(*pod);
                self.calendar.schedule(now + *grace, event.rank(), event);
            }
        }
        let is_bound = changes.iter().any(|change| matches!(change, Change::PodBound(..)));
        self.show(now, changes, if is_bound { "AssignedPodAdd" } else { "victims deleted" })
    }

    /// Shows the scheduler what happened.
    fn show(&mut self, now: SimTime, changes: Vec<Change>, why: &str) -> Result<(), String> {
        for change in &changes {
            let mut watch = Watch::new(&self.context, &self.cluster, &mut self.calendar);
            self.scheduler.on_change(change, &mut watch);
        }
        self.observe(now, why)
    }

    fn check_attempt(&mut self, now: SimTime) -> Result<(), String> {
        let Some((id, attempt)) = self.scheduler.last_attempt() else { return Ok(()) };
        let expected = self.trace.pop_front().ok_or("an attempt where nothing is expected")?;
        same(&now, &seconds(&expected["t"])).map_err(|error| format!("{error} of {expected}"))?;
        let pod = self.pods.iter().find(|(_, other)| *other == id).map(|(name, _)| name.as_str());
        same(&pod, &expected["pod"].as_str())?;
        let before = self.seen.get(pod.expect("the pod is known")).map_or(0, |seen| seen.attempts);
        same(&Some(u64::from(before + 1)), &expected["attempt"].as_u64())?;
        match &attempt.outcome {
            Outcome::Scheduled(choice) => {
                same(&self.name(choice.node), &text(&expected["node"]))?;
                let mut best: Vec<_> = choice.best.iter().map(|node| self.name(*node)).collect();
                best.sort_unstable();
                let mut argmax = texts(&expected["argmax"]);
                argmax.sort_unstable();
                same(&best, &argmax)
            }
            Outcome::Unschedulable(fit_error) => {
                let message = fit_error.message(&self.context.profile);
                same(&message.as_str(), &text(&expected["message"]))?;
                let Preemption::Plan(plan) = &fit_error.preemption else {
                    return same(&expected["nominated"].is_null(), &true);
                };
                let tie: Vec<_> = plan.tie.iter().map(|node| self.name(*node)).collect();
                same(&tie, &texts(&expected["tie"]))?;
                same(&self.name(plan.best.node), &text(&expected["nominated"]))?;
                let named = |victim: &PodId| {
                    let known = self.pods.iter().find(|(_, id)| *id == victim);
                    format!("default/{}", known.expect("the victim is known").0)
                };
                let victims: Vec<_> = plan.best.victims.iter().map(named).collect();
                same(&victims.iter().map(String::as_str).collect(), &texts(&expected["victims"]))
            }
            Outcome::NoNodes => same(&"no nodes available to schedule pods", &text(&expected["message"])),
            Outcome::Error(message) => same(&message.as_str(), &text(&expected["message"])),
        }
    }

    fn name(&self, node: NodeId) -> &str {
        &self.cluster.nodes()[node].meta.name
    }

    /// Compares the moves since the last look with the trace.
    fn observe(&mut self, now: SimTime, why: &str) -> Result<(), String> {
        for (name, id) in &self.pods {
            let queued = self.scheduler.queue().get(*id);
            let seen = queued.map(|queued| {
                let mut plugins: Vec<_> = queued.rejectors.iter().map(Plugin::as_str).collect();
                plugins.sort_unstable();
                Seen { place: queued.place, attempts: queued.attempts, plugins }
            });
            let Some(seen) = seen else {
                self.seen.remove(name);
                continue;
            };
            if self.seen.get(name) == Some(&seen) {
                continue;
            }
            let expected = self.trace.pop_front().ok_or_else(|| format!("{name} moves: {seen:?}"))?;
            check_move(now, name, &seen, why, expected).map_err(|error| format!("{error} of {expected}"))?;
            self.seen.insert(name.clone(), seen);
        }
        Ok(())
    }

    fn check_final(&self, expect: &Value) -> Result<(), String> {
        let waiting = self.pods.iter().filter_map(|(name, id)| {
            let queued = self.scheduler.queue().get(*id)?;
            Some((name.clone(), Value::from(queue_name(queued.place))))
        });
        same(&Value::Object(waiting.collect()), expect).map_err(|error| format!("final: {error}"))
    }
}

fn create(object: NewObject) -> Command {
    Command::Create(Box::new(Creation::of(object)))
}

fn queue_name(place: Place) -> &'static str {
    match place {
        Place::Active => "active",
        Place::Backoff => "backoff",
        Place::Unschedulable => "unschedulable",
        Place::Gated => "gated",
        Place::InFlight => "in flight",
    }
}

fn check_move(now: SimTime, name: &str, seen: &Seen, why: &str, expected: &Value) -> Result<(), String> {
    same(&(now, name), &(seconds(&expected["t"]), text(&expected["pod"])))?;
    same(&queue_name(seen.place), &text(&expected["queue"]))?;
    same(&why, &text(&expected["why"]))?;
    if let Some(attempts) = expected["attempts"].as_u64() {
        same(&u64::from(seen.attempts), &attempts)?;
    }
    if expected["plugins"].is_array() {
        same(&seen.plugins, &texts(&expected["plugins"]))?;
    }
    Ok(())
}
