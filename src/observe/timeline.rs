//! A run over time, for reports: what nodes offer, what pods request, who waits, and the life of each pod.
//!
//! It is attached only where a report is asked for. Means and peaks are kept in windows of time; see
//! [`windows`](crate::observe::windows). What the parts leave out to bound memory, they count.

pub mod consumption;
pub mod lives;

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::Cluster;
use crate::component::Observer;
use crate::engine::SimTime;
use crate::event::{Change, Event};
use crate::model::ids::{NodeId, ObjectId, PodId};
use crate::model::meta::Name;
use crate::model::scenario::Scenario;
use crate::observe::timeline::consumption::Consumption;
use crate::observe::timeline::lives::Lives;
use crate::observe::windows::{AgeSeries, LevelSeries};

/// The windows of the series over the whole cluster.
pub const WINDOWS_MAX: usize = 1200;
/// The windows of the series of one node.
pub const NODE_WINDOWS_MAX: usize = 240;

/// A run over time.
#[derive(Debug, Clone)]
pub struct Timeline {
    /// What nodes that are up offer.
    pub allocatable: Amounts,
    /// What pods that are bound and not over request.
    pub requested: Amounts,
    /// What pods without a node request.
    pub waiting: Amounts,
    /// How long the pod without a node that waits longest has waited.
    pub oldest_waiting: AgeSeries,
    /// The nodes that ever were, in order of creation.
    pub nodes: BTreeMap<NodeId, NodeLine>,
    /// The lives of pods.
    pub lives: Lives,
    /// The cpu time of processes that have ended.
    pub consumption: Consumption,
    queue: BTreeMap<PodId, Waiting>,
    by_age: BTreeSet<(SimTime, PodId)>,
}

/// Amounts of resources over time.
#[derive(Debug, Clone)]
pub struct Amounts {
    /// [millicores]
    pub cpu: LevelSeries,
    /// [bytes]
    pub memory: LevelSeries,
    /// Pods.
    pub pods: LevelSeries,
}

/// A node over time.
#[derive(Debug, Clone)]
pub struct NodeLine {
    /// Its name.
    pub name: Name,
    /// What its pods request.
    pub requested: Amounts,
    /// What it offers now; nothing while it is down.
    offered: [i64; 3],
    /// What the machine has, and what of it pods may request: cpu [millicores] and memory [bytes].
    pub capacity: [i64; 2],
    /// What of it pods may request: cpu [millicores], memory [bytes] and pods.
    pub allocatable: [i64; 3],
}

#[derive(Debug, Clone, Copy)]
struct Waiting {
    created: SimTime,
    amounts: [i64; 3],
}

impl Amounts {
    const fn new(windows_max: usize) -> Self {
        Self {
            cpu: LevelSeries::new(windows_max),
            memory: LevelSeries::new(windows_max),
            pods: LevelSeries::new(windows_max),
        }
    }

    fn add(&mut self, now: SimTime, amounts: [i64; 3]) {
        let [cpu, memory, pods] = amounts;
        self.cpu.add(now, cpu);
        self.memory.add(now, memory);
        self.pods.add(now, pods);
    }

    fn now(&self) -> [i64; 3] {
        [self.cpu.level(), self.memory.level(), self.pods.level()]
    }
}

/// What comes of `after` instead of `before`.
fn difference(after: [i64; 3], before: [i64; 3]) -> [i64; 3] {
    [after[0] - before[0], after[1] - before[1], after[2] - before[2]]
}

impl Timeline {
    /// Of a run of this scenario, before its first event.
    pub fn of(scenario: &Scenario) -> Self {
        Self {
            allocatable: Amounts::new(WINDOWS_MAX),
            requested: Amounts::new(WINDOWS_MAX),
            waiting: Amounts::new(WINDOWS_MAX),
            oldest_waiting: AgeSeries::new(WINDOWS_MAX),
            nodes: BTreeMap::new(),
            lives: Lives::default(),
            consumption: Consumption::of(scenario),
            queue: BTreeMap::new(),
            by_age: BTreeSet::new(),
        }
    }

    fn offer(&mut self, now: SimTime, id: NodeId, cluster: &Cluster) {
        let Some(node) = cluster.node(id) else { return };
        let (allocatable, capacity) = (&node.spec.allocatable, &node.spec.capacity);
        let whole = [allocatable.cpu.0, allocatable.memory.0, i64::from(node.spec.max_pods)];
        let line = self.nodes.entry(id).or_insert_with(|| NodeLine {
            name: node.meta.name.clone(),
            requested: Amounts::new(NODE_WINDOWS_MAX),
            offered: [0; 3],
            capacity: [0; 2],
            allocatable: [0; 3],
        });
        line.capacity = [capacity.cpu.0, capacity.memory.0];
        line.allocatable = whole;
        let offered = if node.signs.is_renewed() { whole } else { [0; 3] };
        self.allocatable.add(now, difference(offered, line.offered));
        line.offered = offered;
    }

    fn withdraw(&mut self, now: SimTime, id: NodeId) {
        let Some(line) = self.nodes.get_mut(&id) else { return };
        self.allocatable.add(now, difference([0; 3], line.offered));
        line.offered = [0; 3];
    }

    fn request(&mut self, now: SimTime, id: NodeId, cluster: &Cluster) {
        let Some(line) = self.nodes.get_mut(&id) else { return };
        let usage = cluster.usage(id);
        let requested = [usage.requested.cpu.0, usage.requested.memory.0, usage.pods.len() as i64];
        let more = difference(requested, line.requested.now());
        line.requested.add(now, more);
        self.requested.add(now, more);
    }

    fn enqueue(&mut self, now: SimTime, id: PodId, cluster: &Cluster) {
        let Some(pod) = cluster.pod(id).filter(|pod| pod.node.is_none()) else { return };
        let requests = &pod.spec.derived.requests;
        let waiting = Waiting { created: now, amounts: [requests.cpu.0, requests.memory.0, 1] };
        self.queue.insert(id, waiting);
        self.by_age.insert((now, id));
        self.waiting.add(now, waiting.amounts);
        self.note_oldest(now);
    }

    fn dequeue(&mut self, now: SimTime, id: PodId) {
        let Some(waiting) = self.queue.remove(&id) else { return };
        self.by_age.remove(&(waiting.created, id));
        self.waiting.add(now, difference([0; 3], waiting.amounts));
        self.note_oldest(now);
    }

    fn note_oldest(&mut self, now: SimTime) {
        self.oldest_waiting.set(now, self.by_age.first().map(|(created, _)| *created));
    }
}

impl Observer for Timeline {
    fn begin(&mut self, _now: SimTime, _seq: u64, _event: &Event, _cluster: &Cluster) {}

    fn see(&mut self, now: SimTime, change: &Change, cluster: &Cluster) {
        match change {
            Change::Created(ObjectId::Node(node))
            | Change::NodeChanged(node, _)
            | Change::NodeLeaseChanged(node, _) => self.offer(now, *node, cluster),
            Change::NodeDeleted(node, _) => self.withdraw(now, *node),
            Change::Created(ObjectId::Pod(pod)) => self.enqueue(now, *pod, cluster),
            Change::PodBound(pod, node) => {
                self.dequeue(now, *pod);
                self.request(now, *node, cluster);
            }
            Change::PodPhaseChanged(pod, _, to) if to.is_terminal() => {
                self.dequeue(now, *pod);
                let node = cluster.pod(*pod).and_then(|pod| pod.node);
                node.into_iter().for_each(|node| self.request(now, node, cluster));
            }
            Change::PodDeleted(id, pod) => {
                self.dequeue(now, *id);
                pod.node.into_iter().for_each(|node| self.request(now, node, cluster));
            }
            _ => {}
        }
        self.lives.see(now, change, cluster);
        self.consumption.see(now, change, cluster);
    }

    fn wants_records(&self, _reason: &str) -> bool {
        false
    }
}
