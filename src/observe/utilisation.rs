//! How much of each node's resources pods request, over time.
//!
//! The mean is weighted by time: the integral of the requests over the life of the node, divided by it.

use std::collections::BTreeMap;

use crate::cluster::Cluster;
use crate::engine::{SimDuration, SimTime};
use crate::event::Change;
use crate::model::ids::{NodeId, ObjectId};
use crate::model::meta::Name;

/// The utilisation of all nodes that ever were.
#[derive(Debug, Clone, Default)]
pub struct Utilisation {
    living: BTreeMap<NodeId, NodeUtilisation>,
    gone: Vec<NodeUtilisation>,
    warm_up: SimTime,
}

/// The utilisation of one node.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeUtilisation {
    /// The node's name.
    pub node: Name,
    /// The cpu of the machine [millicores].
    pub cpu_capacity: i64,
    /// Allocatable cpu [millicores].
    pub cpu_allocatable: i64,
    /// Allocatable memory [bytes].
    pub memory_allocatable: i64,
    /// Cpu requests.
    pub cpu: Level,
    /// Memory requests.
    pub memory: Level,
    /// Pods that are not over.
    pub pods: Level,
    /// The price of an hour.
    pub price_per_hour: Option<f64>,
    since: SimTime,
    gone: Option<SimTime>,
}

/// A level over time.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Level {
    /// Now.
    pub now: i64,
    /// The highest that ever lasted, but for the present one.
    peak: i64,
    /// The integral from `from` to `at` [units × ns].
    integral: i128,
    from: SimTime,
    at: SimTime,
}

impl Level {
    /// A level of zero whose mean and peak begin at an instant.
    pub fn starting(from: SimTime) -> Self {
        Self { from, at: from, ..Self::default() }
    }

    /// Changes the level.
    pub(super) fn set(&mut self, now: SimTime, level: i64) {
        if now < self.from {
            self.now = level;
            return;
        }
        self.integral += i128::from(self.now) * i128::from((now - self.at).as_nanos());
        if now > self.at {
            self.peak = self.peak();
        }
        self.at = now;
        self.now = level;
    }

    /// The highest ever, without what lasted no time, such as the requests of a pod that is rejected at once.
    pub fn peak(&self) -> i64 {
        self.peak.max(self.now)
    }

    /// The mean up to `until`, weighted by time; the present level where no time has passed.
    pub fn mean(&self, until: SimTime) -> f64 {
        let span = until.since(self.from).as_nanos();
        if span == 0 {
            return self.now as f64;
        }
        let rest = i128::from(self.now) * i128::from(until.since(self.at).as_nanos());
        (self.integral + rest) as f64 / span as f64
    }
}

impl NodeUtilisation {
    /// When its statistics end: with the node, or at `until`.
    pub fn end(&self, until: SimTime) -> SimTime {
        self.gone.unwrap_or(until)
    }

    /// How long the node was there after the warm-up, up to `until`.
    pub fn life(&self, until: SimTime) -> SimDuration {
        self.end(until).since(self.since)
    }
}

impl Utilisation {
    /// No node yet; what is before the end of the warm-up counts for nothing.
    pub fn after(warm_up: SimTime) -> Self {
        Self { warm_up, ..Self::default() }
    }

    /// Takes note of a change that may move requests.
    pub fn see(&mut self, now: SimTime, change: &Change, cluster: &Cluster) {
        match change {
            Change::Created(ObjectId::Node(id)) => self.add(now, *id, cluster),
            Change::NodeDeleted(id, _) => {
                let gone = self.living.remove(id);
                self.gone.extend(gone.map(|node| NodeUtilisation { gone: Some(now), ..node }));
            }
            Change::PodBound(_, node) => self.update(now, *node, cluster),
            Change::PodPhaseChanged(pod, _, to) if to.is_terminal() => {
                let node = cluster.pod(*pod).and_then(|pod| pod.node);
                node.into_iter().for_each(|node| self.update(now, node, cluster));
            }
            Change::PodDeleted(_, pod) => {
                pod.node.into_iter().for_each(|node| self.update(now, node, cluster));
            }
            Change::NodeChanged(id, _) => self.resize(*id, cluster),
            _ => {}
        }
    }

    /// All nodes that ever were: the living in order of creation, then the gone.
    pub fn nodes(&self) -> impl Iterator<Item = &NodeUtilisation> {
        self.living.values().chain(&self.gone)
    }

    fn add(&mut self, now: SimTime, id: NodeId, cluster: &Cluster) {
        let Some(node) = cluster.node(id) else { return };
        let since = now.max(self.warm_up);
        let level = Level::starting(since);
        self.living.insert(
            id,
            NodeUtilisation {
                node: node.meta.name.clone(),
                cpu_capacity: node.spec.capacity.cpu.0,
                cpu_allocatable: node.spec.allocatable.cpu.0,
                memory_allocatable: node.spec.allocatable.memory.0,
                cpu: level,
                memory: level,
                pods: level,
                price_per_hour: node.spec.price_per_hour,
                since,
                gone: None,
            },
        );
    }

    fn resize(&mut self, id: NodeId, cluster: &Cluster) {
        if let (Some(entry), Some(node)) = (self.living.get_mut(&id), cluster.node(id)) {
            entry.cpu_capacity = node.spec.capacity.cpu.0;
            entry.cpu_allocatable = node.spec.allocatable.cpu.0;
            entry.memory_allocatable = node.spec.allocatable.memory.0;
        }
    }

    fn update(&mut self, now: SimTime, id: NodeId, cluster: &Cluster) {
        let Some(entry) = self.living.get_mut(&id) else { return };
        let usage = cluster.usage(id);
        entry.cpu.set(now, usage.requested.cpu.0);
        entry.memory.set(now, usage.requested.memory.0);
        entry.pods.set(now, usage.pods.len() as i64);
    }
}
