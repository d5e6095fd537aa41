//! The room that pods leave on the nodes, the time when they leave least, and the pods that found none.
//!
//! Room is what living nodes that are not cordoned have allocatable, less what their pods request. A node that stops
//! takes its room with it at that moment. What lasts no time counts for nothing.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::Cluster;
use crate::component::Observer;
use crate::engine::{SimDuration, SimTime};
use crate::event::{Change, Event};
use crate::model::ids::{NodeId, ObjectId, PodId};
use crate::model::resources::{Bytes, Millicores};

/// Amounts of what limits how many pods there can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amounts {
    /// Cpu.
    pub cpu: Millicores,
    /// Memory.
    pub memory: Bytes,
    /// Pods.
    pub pods: i64,
}

/// A pod that the scheduler refused for want of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedPod {
    /// The namespace and name.
    pub pod: String,
    /// When it was refused for the first time.
    pub at: SimTime,
    /// Why, in the scheduler's words.
    pub message: String,
}

/// Watches the room of a run.
#[derive(Debug, Clone, Default)]
pub struct RoomWatch {
    from: SimTime,
    nodes: BTreeMap<NodeId, Node>,
    /// On all nodes that count.
    allocatable: Amounts,
    requested: Amounts,
    since: SimTime,
    least: Option<Amounts>,
    level: Stretch,
    peak: Option<Stretch>,
    refused: BTreeMap<PodId, usize>,
    refusals: Vec<RefusedPod>,
    n_waiting: BTreeSet<PodId>,
    most_waiting: usize,
}

/// What a node has, and what is requested of it; nothing where it does not count.
#[derive(Debug, Clone, Copy, Default)]
struct Node {
    allocatable: Amounts,
    requested: Amounts,
}

/// A span of time in which requests stay as they are.
#[derive(Debug, Clone, Copy, Default)]
struct Stretch {
    /// What is requested, of the resource that is scarcest [parts per million of allocatable].
    level: i64,
    from: SimTime,
    to: SimTime,
}

impl Stretch {
    fn span(&self) -> SimDuration {
        self.to.since(self.from)
    }
}

impl Amounts {
    /// These and those.
    pub const fn plus(self, other: Self) -> Self {
        Self {
            cpu: Millicores(self.cpu.0 + other.cpu.0),
            memory: Bytes(self.memory.0 + other.memory.0),
            pods: self.pods + other.pods,
        }
    }

    /// These without those.
    pub const fn minus(self, other: Self) -> Self {
        Self {
            cpu: Millicores(self.cpu.0 - other.cpu.0),
            memory: Bytes(self.memory.0 - other.memory.0),
            pods: self.pods - other.pods,
        }
    }

    /// The lesser of each.
    pub fn least(self, other: Self) -> Self {
        Self {
            cpu: self.cpu.min(other.cpu),
            memory: self.memory.min(other.memory),
            pods: self.pods.min(other.pods),
        }
    }
}

impl RoomWatch {
    /// A watch that looks for the least room from an instant on.
    pub fn from(from: SimTime) -> Self {
        Self { from, ..Self::default() }
    }

    /// The least room that there was for any time, of each resource by itself, up to `end`.
    pub fn least(&self, end: SimTime) -> Amounts {
        let now = self.allocatable.minus(self.requested);
        match self.least {
            Some(least) if end <= self.since => least,
            Some(least) => least.least(now),
            None => now,
        }
    }

    /// The middle of the longest span at the highest level of requests, up to `end`.
    pub fn peak(&self, end: SimTime) -> SimTime {
        let last = Stretch { to: end.max(self.level.from), ..self.level };
        let peak = self.peak.map_or(last, |peak| if is_higher(last, peak) { last } else { peak });
        let half = SimDuration::from_nanos(peak.span().as_nanos() / 2);
        // An instant in whole seconds reads better, where there is one inside.
        let middle = (peak.from + half).truncated_to_secs();
        if middle >= peak.from { middle } else { peak.from + half }
    }

    /// The pods that the scheduler refused, in the order of their first refusals.
    pub fn refused(&self) -> &[RefusedPod] {
        &self.refusals
    }

    /// How many refused pods wait now.
    pub fn n_waiting(&self) -> usize {
        self.n_waiting.len()
    }

    /// How many refused pods waited at once, at the most.
    pub const fn most_waiting(&self) -> usize {
        self.most_waiting
    }

    /// Takes a node's part anew.
    fn update(&mut self, now: SimTime, id: NodeId, cluster: &Cluster) {
        let old = self.nodes.get(&id).copied().unwrap_or_default();
        let new = measure(id, cluster);
        self.settle(now);
        self.nodes.insert(id, new);
        self.allocatable = self.allocatable.minus(old.allocatable).plus(new.allocatable);
        self.requested = self.requested.minus(old.requested).plus(new.requested);
        let level = self.scarcest();
        if level != self.level.level {
            let over = Stretch { to: now, ..self.level };
            if !over.span().is_zero() && self.peak.is_none_or(|peak| is_higher(over, peak)) {
                self.peak = Some(over);
            }
            self.level = Stretch { level, from: now, to: now };
        }
    }

    /// Takes note of the room that has lasted until now.
    fn settle(&mut self, now: SimTime) {
        if now > self.since && now > self.from {
            let room = self.allocatable.minus(self.requested);
            self.least = Some(self.least.map_or(room, |least| least.least(room)));
        }
        self.since = now;
    }

    /// The highest share of a resource that is requested [parts per million].
    fn scarcest(&self) -> i64 {
        let (have, want) = (self.allocatable, self.requested);
        let pairs = [(want.cpu.0, have.cpu.0), (want.memory.0, have.memory.0), (want.pods, have.pods)];
        let share = |(want, have): (i64, i64)| {
            let share = i128::from(want) * 1_000_000 / i128::from(have.max(1));
            i64::try_from(share).unwrap_or(i64::MAX)
        };
        pairs.into_iter().map(share).max().unwrap_or(0)
    }

    fn refuse(&mut self, now: SimTime, id: PodId, message: &str, cluster: &Cluster) {
        if !self.refused.contains_key(&id) {
            self.refused.insert(id, self.refusals.len());
            let pod = cluster.pod(id).map(|pod| pod.meta.full_name()).unwrap_or_default();
            self.refusals.push(RefusedPod { pod, at: now, message: message.to_owned() });
        }
        self.n_waiting.insert(id);
        self.most_waiting = self.most_waiting.max(self.n_waiting.len());
    }
}

/// Whether a stretch is higher than another, or as high and longer.
fn is_higher(stretch: Stretch, other: Stretch) -> bool {
    (stretch.level, stretch.span()) > (other.level, other.span())
}

/// The room on a node now; nothing where it does not count.
pub fn node_room(id: NodeId, cluster: &Cluster) -> Amounts {
    let node = measure(id, cluster);
    node.allocatable.minus(node.requested)
}

fn measure(id: NodeId, cluster: &Cluster) -> Node {
    let Some(node) = cluster.node(id) else { return Node::default() };
    if !node.signs.is_renewed() || node.spec.unschedulable {
        return Node::default();
    }
    let (allocatable, usage) = (&node.spec.allocatable, cluster.usage(id));
    Node {
        allocatable: Amounts {
            cpu: allocatable.cpu,
            memory: allocatable.memory,
            pods: i64::from(node.spec.max_pods),
        },
        requested: Amounts {
            cpu: usage.requested.cpu,
            memory: usage.requested.memory,
            pods: usage.pods.len() as i64,
        },
    }
}

impl Observer for RoomWatch {
    fn begin(&mut self, _now: SimTime, _seq: u64, _event: &Event, _cluster: &Cluster) {}

    fn see(&mut self, now: SimTime, change: &Change, cluster: &Cluster) {
        match change {
            Change::Created(ObjectId::Node(node))
            | Change::NodeChanged(node, _)
            | Change::NodeLeaseChanged(node, _)
            | Change::NodeDeleted(node, _) => self.update(now, *node, cluster),
            Change::PodBound(pod, node) => {
                self.n_waiting.remove(pod);
                self.update(now, *node, cluster);
            }
            Change::PodPhaseChanged(pod, _, phase) if phase.is_terminal() => {
                self.n_waiting.remove(pod);
                let node = cluster.pod(*pod).and_then(|pod| pod.node);
                node.into_iter().for_each(|node| self.update(now, node, cluster));
            }
            Change::PodDeleted(id, pod) => {
                self.n_waiting.remove(id);
                pod.node.into_iter().for_each(|node| self.update(now, node, cluster));
            }
            Change::PodUnschedulable(pod, why) if why.reason == "Unschedulable" => {
                self.refuse(now, *pod, &why.message, cluster);
            }
            _ => {}
        }
    }

    fn wants_records(&self, _reason: &str) -> bool {
        false
    }
}
