//! The trace of a run for timeline viewers (Perfetto, chrome://tracing): the JSON form of the Trace Event Format.
//!
//! A process per node and one for pods that are on none; a thread per pod with what the pod does, and one per container
//! with its runs and waits; instants for failures; counters of what is requested. Times are virtual [µs].
//! Source: Trace Event Format, <https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU>

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::component::Observer;
use crate::engine::SimTime;
use crate::event::{Change, Event};
use crate::model::ids::{NodeId, ObjectId, PodId};
use crate::model::node::ConditionStatus;
use crate::model::pod_status::{ContainerRef, ContainerState, Phase};
use crate::observe::trace::TraceHead;

/// The process of the pods that are on no node.
const UNBOUND: u64 = 1;
/// The process of the first node.
const FIRST_NODE: u64 = 2;
/// So many threads belong to a pod: its own, and those of its containers.
const THREADS_OF_POD: u64 = 1000;
/// The thread of a node's own states.
const NODE_THREAD: u64 = 1;

/// Writes the trace of a run for timeline viewers.
pub struct PerfettoWriter<W> {
    out: W,
    nodes: BTreeMap<NodeId, Node>,
    n_nodes: u64,
    pods: BTreeMap<PodId, Track>,
    n_unbound: u64,
    is_first: bool,
    error: Option<io::Error>,
}

/// The process of a node.
struct Node {
    process: u64,
    /// Since when it is silent, and how that is called.
    down_since: Option<(&'static str, SimTime)>,
}

/// The threads of a pod.
struct Track {
    name: String,
    process: u64,
    thread: u64,
    open: Option<Slice>,
    containers: BTreeMap<ContainerRef, ContainerTrack>,
}

/// The thread of a container.
#[derive(Default)]
struct ContainerTrack {
    n_runs: u32,
    open: Option<Slice>,
}

/// What goes on.
struct Slice {
    name: String,
    since: SimTime,
}

impl Slice {
    fn new(name: impl Into<String>, since: SimTime) -> Option<Self> {
        Some(Self { name: name.into(), since })
    }
}

/// Where an event is drawn.
#[derive(Clone, Copy)]
struct Place {
    process: u64,
    thread: u64,
}

impl<W: Write> PerfettoWriter<W> {
    /// A trace that is written to `out`; its head at once.
    pub fn new(mut out: W, head: &TraceHead) -> Self {
        let data = serde_json::to_string(head).unwrap_or_default();
        let begun = write!(out, "{{\"displayTimeUnit\":\"ms\",\"otherData\":{data},\"traceEvents\":[");
        let mut writer = Self {
            out,
            nodes: BTreeMap::new(),
            n_nodes: 0,
            pods: BTreeMap::new(),
            n_unbound: 0,
            is_first: true,
            error: begun.err(),
        };
        writer.name_process(UNBOUND, "not on a node");
        writer
    }

    /// Ends the trace: what goes on is drawn up to the end of the run.
    ///
    /// # Errors
    /// The first error of writing.
    pub fn finish(mut self, end: SimTime) -> io::Result<()> {
        for track in std::mem::take(&mut self.pods).into_values() {
            self.close_all(track, end);
        }
        for node in std::mem::take(&mut self.nodes).into_values() {
            let place = Place { process: node.process, thread: NODE_THREAD };
            let down = node.down_since.and_then(|(what, since)| Slice::new(what, since));
            self.slice(place, down, end, &Value::Null);
        }
        match self.error {
            Some(error) => Err(error),
            None => {
                self.out.write_all(b"\n]}\n")?;
                self.out.flush()
            }
        }
    }

    fn event(&mut self, event: &Value) {
        if self.error.is_none() {
            let separator = if self.is_first { "\n" } else { ",\n" };
            self.is_first = false;
            self.error = write!(self.out, "{separator}{event}").err();
        }
    }

    fn name_process(&mut self, process: u64, name: &str) {
        self.event(&json!({"ph": "M", "pid": process, "name": "process_name", "args": {"name": name}}));
        self.event(
            &json!({"ph": "M", "pid": process, "name": "process_sort_index", "args": {"sort_index": process}}),
        );
    }

    fn name_thread(&mut self, place: Place, name: &str) {
        let Place { process, thread } = place;
        let named = |what: &str, args: Value| json!({"ph": "M", "pid": process, "tid": thread, "name": what, "args": args});
        self.event(&named("thread_name", json!({"name": name})));
        self.event(&named("thread_sort_index", json!({"sort_index": thread})));
    }

    /// Draws what went on up to now, unless it took no time.
    fn slice(&mut self, place: Place, slice: Option<Slice>, now: SimTime, args: &Value) {
        let Some(Slice { name, since }) = slice else { return };
        if now == since && args.is_null() {
            return;
        }
        let event = json!({"ph": "X", "pid": place.process, "tid": place.thread, "name": name,
            "ts": micros(since), "dur": (now - since).as_nanos() as f64 / 1e3});
        self.event(&with_args(event, args));
    }

    fn instant(&mut self, place: Place, now: SimTime, name: &str, args: &Value) {
        let scope = if place.thread == NODE_THREAD { "p" } else { "t" };
        let event = json!({"ph": "i", "s": scope, "pid": place.process, "tid": place.thread, "name": name,
            "ts": micros(now)});
        self.event(&with_args(event, args));
    }

    fn counter(&mut self, process: u64, now: SimTime, name: &str, value: f64) {
        let args = json!({"value": value});
        self.event(&json!({"ph": "C", "pid": process, "name": name, "ts": micros(now), "args": args}));
    }

    fn add_node(&mut self, now: SimTime, id: NodeId, cluster: &Cluster) {
        let process = FIRST_NODE + self.n_nodes;
        self.n_nodes += 1;
        self.nodes.insert(id, Node { process, down_since: None });
        self.name_process(process, &cluster.name_of(ObjectId::Node(id)));
        self.name_thread(Place { process, thread: NODE_THREAD }, "node");
        self.requested(now, id, cluster);
    }

    /// Draws what the pods of a node request.
    fn requested(&mut self, now: SimTime, id: NodeId, cluster: &Cluster) {
        let Some(process) = self.nodes.get(&id).map(|node| node.process) else { return };
        let requested = &cluster.usage(id).requested;
        let (cpu, memory) = (requested.cpu.0 as f64 / 1e3, requested.memory.0 as f64);
        self.counter(process, now, "cpu requested [cores]", cpu);
        self.counter(process, now, "memory requested [bytes]", memory);
    }

    fn add_pod(&mut self, now: SimTime, id: PodId, cluster: &Cluster) {
        let Some(pod) = cluster.pod(id) else { return };
        let node = pod.node.and_then(|node| self.nodes.get(&node));
        let process = node.map_or(UNBOUND, |node| node.process);
        let thread = (pod.meta.uid.serial + 1) * THREADS_OF_POD;
        let name = pod.meta.full_name();
        let state = if process == UNBOUND { "pending" } else { "starting" };
        let track =
            Track { name, process, thread, open: Slice::new(state, now), containers: BTreeMap::new() };
        self.name_thread(Place { process, thread }, &track.name);
        self.pods.insert(id, track);
        if process == UNBOUND {
            self.count_unbound(now, 1);
        }
    }

    fn count_unbound(&mut self, now: SimTime, change: i64) {
        self.n_unbound = self.n_unbound.saturating_add_signed(change);
        self.counter(UNBOUND, now, "pods", self.n_unbound as f64);
    }

    fn bind(&mut self, now: SimTime, id: PodId, node: NodeId, cluster: &Cluster) {
        let Some(process) = self.nodes.get(&node).map(|node| node.process) else { return };
        self.state(now, id, None);
        let Some(track) = self.pods.get_mut(&id) else { return };
        let was_unbound = std::mem::replace(&mut track.process, process) == UNBOUND;
        let (place, name) = (Place { process, thread: track.thread }, track.name.clone());
        track.open = Slice::new("starting", now);
        self.name_thread(place, &name);
        if was_unbound {
            self.count_unbound(now, -1);
        }
        self.requested(now, node, cluster);
    }

    /// Ends what a pod did, and begins what it does now.
    fn state(&mut self, now: SimTime, id: PodId, state: Option<&str>) {
        let Some(track) = self.pods.get_mut(&id) else { return };
        if track.open.as_ref().map(|slice| slice.name.as_str()) == state {
            return;
        }
        let place = Place { process: track.process, thread: track.thread };
        let done = std::mem::replace(&mut track.open, state.and_then(|state| Slice::new(state, now)));
        self.slice(place, done, now, &Value::Null);
    }

    /// Goes on from one state to another.
    fn step(&mut self, now: SimTime, id: PodId, from: &str, to: &str) {
        let open = self.pods.get(&id).and_then(|track| track.open.as_ref());
        if open.is_some_and(|slice| slice.name == from) {
            self.state(now, id, Some(to));
        }
    }

    fn pod_instant(&mut self, now: SimTime, id: PodId, name: &str, args: &Value) {
        if let Some(track) = self.pods.get(&id) {
            let place = Place { process: track.process, thread: track.thread };
            self.instant(place, now, name, args);
        }
    }

    fn container(
        &mut self,
        now: SimTime,
        id: PodId,
        container: ContainerRef,
        state: &ContainerState,
        cluster: &Cluster,
    ) {
        let Some(pod) = cluster.pod(id) else { return };
        let Some(track) = self.pods.get_mut(&id) else { return };
        let place = Place { process: track.process, thread: track.thread + container_thread(container) };
        let is_new = !track.containers.contains_key(&container);
        let own = track.containers.entry(container).or_default();
        let (next, args) = match state {
            ContainerState::Running { started_at, .. } => {
                // A run goes on where only its readiness changed.
                if *started_at != now || own.open.as_ref().is_some_and(|open| open.name.starts_with("run ")) {
                    return;
                }
                own.n_runs += 1;
                (Slice::new(format!("run {}", own.n_runs), now), Value::Null)
            }
            ContainerState::Waiting(reason) => (Slice::new(reason.as_str(), now), Value::Null),
            ContainerState::Terminated(end) => {
                (None, json!({"reason": end.reason.as_str(), "exitCode": end.exit_code}))
            }
        };
        let done = std::mem::replace(&mut own.open, next);
        let name = format!("{} · {}", track.name, pod.spec.container(container).name);
        if is_new {
            self.name_thread(place, &name);
        }
        self.slice(place, done, now, &args);
        if let ContainerState::Terminated(end) = state
            && end.exit_code != 0
        {
            let what = format!("{}: exit code {}", end.reason.as_str(), end.exit_code);
            self.instant(place, now, &what, &args);
        }
    }

    fn phase(&mut self, now: SimTime, id: PodId, phase: Phase, cluster: &Cluster) {
        let pod = cluster.pod(id);
        match phase {
            Phase::Pending => {}
            Phase::Running if pod.is_some_and(|pod| !pod.meta.is_terminating()) => {
                self.state(now, id, Some("running"));
            }
            Phase::Running => {}
            Phase::Succeeded | Phase::Failed => {
                self.state(now, id, None);
                if phase == Phase::Failed {
                    let reason = pod.and_then(|pod| pod.status.reason.as_ref()).map(ToString::to_string);
                    let message = pod.and_then(|pod| pod.status.message.as_deref());
                    self.pod_instant(now, id, "Failed", &json!({"reason": reason, "message": message}));
                }
            }
        }
        if phase.is_terminal()
            && let Some(node) = pod.and_then(|pod| pod.node)
        {
            self.requested(now, node, cluster);
        }
    }

    fn close_all(&mut self, track: Track, now: SimTime) {
        let Track { process, thread, open, containers, .. } = track;
        self.slice(Place { process, thread }, open, now, &Value::Null);
        for (container, own) in containers {
            let place = Place { process, thread: thread + container_thread(container) };
            self.slice(place, own.open, now, &Value::Null);
        }
    }

    fn lease(&mut self, now: SimTime, id: NodeId, is_renewed: bool, cluster: &Cluster) {
        let Some(node) = self.nodes.get_mut(&id) else { return };
        let place = Place { process: node.process, thread: NODE_THREAD };
        if is_renewed {
            let down = node.down_since.take().and_then(|(what, since)| Slice::new(what, since));
            self.slice(place, down, now, &Value::Null);
        } else {
            let is_off = cluster.node(id).is_none_or(|node| node.signs.is_machine_off());
            let (what, beginning) =
                if is_off { ("down", "node down") } else { ("no kubelet", "kubelet stopped") };
            node.down_since.get_or_insert((what, now));
            self.instant(place, now, beginning, &Value::Null);
        }
    }

    fn ready(&mut self, now: SimTime, id: NodeId, status: ConditionStatus) {
        let Some(process) = self.nodes.get(&id).map(|node| node.process) else { return };
        let name = if status == ConditionStatus::True { "Ready" } else { "NotReady" };
        self.instant(Place { process, thread: NODE_THREAD }, now, name, &json!({"status": status.as_str()}));
    }

    fn remove_pod(&mut self, now: SimTime, id: PodId, node: Option<NodeId>, cluster: &Cluster) {
        let Some(track) = self.pods.remove(&id) else { return };
        let was_unbound = track.process == UNBOUND;
        self.close_all(track, now);
        if was_unbound {
            self.count_unbound(now, -1);
        }
        if let Some(node) = node {
            self.requested(now, node, cluster);
        }
    }
}

/// An event with its arguments, as far as it has some.
fn with_args(mut event: Value, args: &Value) -> Value {
    if !args.is_null() {
        event["args"] = args.clone();
    }
    event
}

/// The thread of a container, from its pod's on.
fn container_thread(container: ContainerRef) -> u64 {
    match container {
        ContainerRef::Init(at) => 1 + u64::from(at),
        ContainerRef::App(at) => THREADS_OF_POD / 2 + u64::from(at),
    }
}

/// An instant [µs].
fn micros(at: SimTime) -> f64 {
    at.as_nanos() as f64 / 1e3
}

impl<W: Write> Observer for PerfettoWriter<W> {
    fn begin(&mut self, _now: SimTime, _seq: u64, _event: &Event, _cluster: &Cluster) {}

    fn see(&mut self, now: SimTime, change: &Change, cluster: &Cluster) {
        match change {
            Change::Created(ObjectId::Node(id)) => self.add_node(now, *id, cluster),
            Change::Created(ObjectId::Pod(id)) => self.add_pod(now, *id, cluster),
            Change::PodBound(pod, node) => self.bind(now, *pod, *node, cluster),
            Change::PodUnschedulable(pod, why) => {
                let args = json!({"reason": why.reason, "message": &*why.message});
                self.pod_instant(now, *pod, "unschedulable", &args);
            }
            Change::ContainerChanged(pod, container, state) => {
                self.container(now, *pod, *container, state, cluster);
            }
            Change::PodPhaseChanged(pod, _, to) => self.phase(now, *pod, *to, cluster),
            Change::PodDisrupted(pod, reason) => {
                self.pod_instant(now, *pod, "disrupted", &json!({"reason": &**reason}));
            }
            Change::PodDeletionRequested(pod, _) => self.state(now, *pod, Some("terminating")),
            Change::PodDeleted(pod, gone) => self.remove_pod(now, *pod, gone.node, cluster),
            Change::NodeLeaseChanged(node, is_renewed) => self.lease(now, *node, *is_renewed, cluster),
            Change::NodeReadyChanged(node, status) => self.ready(now, *node, *status),
            Change::Recorded(ObjectId::Pod(pod), record) => match record.reason {
                "Pulling" => self.step(now, *pod, "starting", "pulling"),
                "Pulled" => self.step(now, *pod, "pulling", "starting"),
                _ => {}
            },
            _ => {}
        }
    }
}
