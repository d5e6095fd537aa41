//! What is used of the nodes over time: read from the load and from the processes at round instants.
//!
//! Nothing of the run depends on these readings, and they make no events.

use std::collections::BTreeMap;

use crate::component::Observer;
use crate::engine::SimTime;
use crate::experiment::trial::{Gauge, Seen};
use crate::model::ids::NodeId;
use crate::observe::timeline::{NODE_WINDOWS_MAX, Timeline, WINDOWS_MAX};
use crate::observe::windows::SumSeries;
use crate::sim::Simulation;

/// What is used of the nodes over time.
#[derive(Debug, Clone)]
pub struct Usage {
    /// Cpu time of the whole cluster [ns of one cpu].
    pub cpu: SumSeries,
    /// Memory over time of the whole cluster [bytes × ns].
    pub memory: SumSeries,
    /// The same by node.
    pub nodes: BTreeMap<NodeId, NodeUsage>,
    read: SimTime,
    /// Cpu time by the last reading [ns of one cpu].
    counted: BTreeMap<NodeId, f64>,
}

/// What is used of a node over time.
#[derive(Debug, Clone)]
pub struct NodeUsage {
    /// Cpu time [ns of one cpu].
    pub cpu: SumSeries,
    /// Memory over time [bytes × ns].
    pub memory: SumSeries,
    /// Cpu time after the warm-up [ns of one cpu].
    pub cpu_total: f64,
    /// Memory over time after the warm-up [bytes × ns].
    pub memory_total: f64,
}

impl Default for Usage {
    fn default() -> Self {
        Self {
            cpu: SumSeries::new(WINDOWS_MAX),
            memory: SumSeries::new(WINDOWS_MAX),
            nodes: BTreeMap::new(),
            read: SimTime::ZERO,
            counted: BTreeMap::new(),
        }
    }
}

impl<O: Observer> Gauge<(O, Option<Timeline>)> for Option<Usage> {
    fn due(&self) -> SimTime {
        self.as_ref().map_or(SimTime::MAX, |usage| usage.read + usage.cpu.length())
    }

    fn read(&mut self, simulation: &Simulation<Seen<(O, Option<Timeline>)>>, now: SimTime) {
        if let (Some(usage), (_, (_, Some(timeline)))) = (self, simulation.observer()) {
            usage.read(simulation, timeline, now);
        }
    }
}

impl Usage {
    /// Reads what was used since the last reading.
    fn read<O: Observer>(&mut self, simulation: &Simulation<O>, timeline: &Timeline, now: SimTime) {
        if now <= self.read {
            return;
        }
        let mut totals = timeline.consumption.totals(simulation.cluster(), now);
        for (node, cpu) in simulation.traffic().cpu_time_by_node(now) {
            totals.entry(node).or_default().0 += cpu;
        }
        let warm_up = SimTime::ZERO + simulation.scenario().warm_up;
        let (from, span) = (self.read, now.since(self.read).as_nanos() as f64);
        for (node, (cpu, memory)) in totals {
            let before = self.counted.insert(node, cpu).unwrap_or(0.0);
            let (more, held) = ((cpu - before).max(0.0), memory as f64 * span);
            self.cpu.add(from, now, more);
            self.memory.add(from, now, held);
            let usage = self.nodes.entry(node).or_insert_with(NodeUsage::new);
            usage.cpu.add(from, now, more);
            usage.memory.add(from, now, held);
            let warm = now.since(from.max(warm_up)).as_nanos() as f64 / span;
            usage.cpu_total += more * warm;
            usage.memory_total += held * warm;
        }
        self.read = now;
    }
}

impl NodeUsage {
    const fn new() -> Self {
        Self {
            cpu: SumSeries::new(NODE_WINDOWS_MAX),
            memory: SumSeries::new(NODE_WINDOWS_MAX),
            cpu_total: 0.0,
            memory_total: 0.0,
        }
    }
}
