//! What processes consume by themselves: their cpu time over the past, and their memory now, by node.
//!
//! What requests take of the cpu is counted by the load; see [`traffic`](crate::traffic).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::cluster::Cluster;
use crate::engine::SimTime;
use crate::event::Change;
use crate::model::ids::{NodeId, PodId};
use crate::model::meta::Name;
use crate::model::pod::Pod;
use crate::model::pod_status::{ContainerRef, ContainerState, ContainerStatus};
use crate::model::program::Program;
use crate::model::scenario::Scenario;

/// What processes consume by themselves.
#[derive(Debug, Clone)]
pub struct Consumption {
    programs: Arc<BTreeMap<Name, Program>>,
    /// Whether any program says what it consumes.
    is_modelled: bool,
    /// The cpu time of processes that have ended, by node [ns of one cpu].
    ended: BTreeMap<NodeId, f64>,
    /// The containers whose present run is counted already: they went down with their node.
    settled: BTreeSet<(PodId, ContainerRef)>,
}

impl Consumption {
    /// Of the programs of a scenario.
    pub fn of(scenario: &Scenario) -> Self {
        let is_modelled =
            scenario.programs.values().any(|program| program.cpu.is_some() || program.memory.is_some());
        let programs = Arc::clone(&scenario.programs);
        Self { programs, is_modelled, ended: BTreeMap::new(), settled: BTreeSet::new() }
    }

    /// Whether any program says what it consumes.
    pub const fn is_modelled(&self) -> bool {
        self.is_modelled
    }

    /// Takes note of a change that ends processes.
    pub fn see(&mut self, now: SimTime, change: &Change, cluster: &Cluster) {
        if !self.is_modelled {
            return;
        }
        match change {
            Change::ContainerChanged(id, container, ContainerState::Terminated(end)) => {
                let is_settled = self.settled.remove(&(*id, *container));
                if let Some(pod) = cluster.pod(*id).filter(|_| !is_settled) {
                    self.end(pod, *container, (end.started_at, end.finished_at));
                }
            }
            Change::PodDeleted(pod, _) => self.settled.retain(|(settled, _)| settled != pod),
            Change::NodeLeaseChanged(node, false) => {
                for id in cluster.pods_on(*node) {
                    let pod = &cluster.pods()[id];
                    for (container, started) in running(pod) {
                        if self.settled.insert((id, container)) {
                            self.end(pod, container, (started, now));
                        }
                    }
                }
            }
            _ => {}
        }
    }

    fn end(&mut self, pod: &Pod, container: ContainerRef, run: (SimTime, SimTime)) {
        if let Some(node) = pod.node {
            *self.ended.entry(node).or_default() += self.cpu_of(pod, container, run);
        }
    }

    fn cpu_of(&self, pod: &Pod, container: ContainerRef, (from, until): (SimTime, SimTime)) -> f64 {
        let spec = pod.spec.container(container);
        let limit = spec.limits.has_cpu.then_some(spec.limits.amounts.cpu);
        self.programs.get(&spec.image).map_or(0.0, |program| program.cpu_time(from, until, limit))
    }

    /// The cpu time of all processes since the start of the run [ns of one cpu], and their memory now [bytes], by node.
    pub fn totals(&self, cluster: &Cluster, now: SimTime) -> BTreeMap<NodeId, (f64, i64)> {
        let mut totals: BTreeMap<NodeId, (f64, i64)> =
            self.ended.iter().map(|(node, cpu)| (*node, (*cpu, 0))).collect();
        if !self.is_modelled {
            return totals;
        }
        for (id, pod) in cluster.pods().iter() {
            let Some(node) = pod.node else { continue };
            for (container, started) in running(pod) {
                if self.settled.contains(&(id, container)) {
                    continue;
                }
                let program = self.programs.get(&pod.spec.container(container).image);
                let total = totals.entry(node).or_default();
                total.0 += self.cpu_of(pod, container, (started, now));
                total.1 += program.map_or(0, |program| program.memory_at(now.since(started)).0);
            }
        }
        totals
    }
}

/// The containers of a pod that run, with the instants when they started.
fn running(pod: &Pod) -> impl Iterator<Item = (ContainerRef, SimTime)> {
    let init = (0..).map(ContainerRef::Init).zip(&pod.status.init_containers);
    let all = init.chain((0..).map(ContainerRef::App).zip(&pod.status.containers));
    all.filter_map(|(container, status): (_, &ContainerStatus)| match status.state {
        ContainerState::Running { started_at, .. } => Some((container, started_at)),
        ContainerState::Waiting(_) | ContainerState::Terminated(_) => None,
    })
}
