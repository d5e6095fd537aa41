//! What is counted of containers, of their tiers, and of nodes.
//!
//! A container's ledger lives as long as its pod object; after that it is added to what its tier has of pods that are gone. A
//! tier is a container of a workload: of the topmost owner of its pods, or of a pod without owner.

use rustc_hash::FxHashMap;

use crate::cluster::Cluster;
use crate::engine::SimTime;
use crate::model::ids::{NodeId, ObjectId, PodId};
use crate::model::meta::Name;
use crate::model::pod_status::ContainerRef;
use crate::model::traffic::CpuId;
use crate::traffic::cpu::Cpus;
use crate::traffic::request::ErrorKind;
use crate::traffic::server::PortLedger;

/// What is counted of containers, tiers and nodes.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledgers {
    pub(super) containers: Vec<Option<ContainerLedger>>,
    free: Vec<usize>,
    by_container: FxHashMap<(PodId, ContainerRef), usize>,
    pub(super) tiers: Vec<Tier>,
    pub(super) nodes: Vec<NodeLedger>,
}

/// What is counted of a container over all its runs.
#[derive(Debug, Clone)]
pub(super) struct ContainerLedger {
    pub(super) pod: PodId,
    pub(super) container: ContainerRef,
    pub(super) tier: usize,
    pub(super) node: usize,
    pub(super) ports: Vec<(u16, PortLedger)>,
    pub(super) limit: Option<i64>,
    pub(super) request: i64,
    cpu: CpuTime,
}

/// The cpu time of a container, and the time that it ran.
#[derive(Debug, Clone, Copy, Default)]
struct CpuTime {
    /// Since when it runs, and its cpu.
    running: Option<(SimTime, CpuId)>,
    /// Of earlier runs [ns].
    used: f64,
    /// [ns]
    ran: u64,
    warm_used: f64,
    warm_ran: u64,
}

/// What a container, or several, used.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Used {
    /// Cpu time [ns].
    pub(super) cpu: f64,
    /// Time that they ran, summed up [ns].
    pub(super) ran: u64,
}

/// A container of a workload.
#[derive(Debug, Clone)]
pub(super) struct Tier {
    pub(super) namespace: Name,
    pub(super) workload: String,
    pub(super) container: Name,
    /// Of pods that are gone.
    pub(super) gone: Totals,
}

/// Sums over containers.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Totals {
    pub(super) n_pods: u64,
    pub(super) used: Used,
    pub(super) arrived: u64,
    pub(super) succeeded: u64,
    pub(super) failed: [u64; ErrorKind::COUNT],
    /// Requests in the queue, over time [requests × ns].
    pub(super) queued: u128,
    pub(super) queued_max: u32,
}

/// What is counted of a node.
#[derive(Debug, Clone)]
pub(super) struct NodeLedger {
    pub(super) id: NodeId,
    pub(super) name: Name,
    /// [millicores]
    pub(super) capacity: i64,
    /// Cpu time of containers that are gone [ns].
    pub(super) gone: f64,
    /// The same, with the warm-up [ns].
    closed: f64,
}

impl Ledgers {
    /// The ledger of a container, made where there is none.
    pub(super) fn container(
        &mut self,
        pod: PodId,
        container: ContainerRef,
        cluster: &Cluster,
    ) -> Option<usize> {
        if let Some(at) = self.by_container.get(&(pod, container)) {
            return Some(*at);
        }
        let object = cluster.pod(pod)?;
        let spec = object.spec.container(container);
        let tier = self.tier(pod, &spec.name, cluster);
        let ledger = ContainerLedger {
            pod,
            container,
            tier,
            node: self.node(object.node?, cluster),
            ports: Vec::new(),
            limit: spec.limits.has_cpu.then_some(spec.limits.amounts.cpu.0),
            request: spec.requests.amounts.cpu.0,
            cpu: CpuTime::default(),
        };
        let at = self.free.pop().unwrap_or(self.containers.len());
        if at == self.containers.len() {
            self.containers.push(None);
        }
        self.containers[at] = Some(ledger);
        self.by_container.insert((pod, container), at);
        Some(at)
    }

    fn tier(&mut self, pod: PodId, container: &Name, cluster: &Cluster) -> usize {
        let top = cluster.workload_of(pod);
        let namespace = cluster.meta(top).map(|meta| meta.namespace.clone()).unwrap_or_default();
        let workload = format!("{}/{}", top.kind().resource(), cluster.name_of(top));
        let is_it = |tier: &Tier| {
            tier.namespace == namespace && tier.workload == workload && tier.container == *container
        };
        self.tiers.iter().position(is_it).unwrap_or_else(|| {
            let container = container.clone();
            self.tiers.push(Tier { namespace, workload, container, gone: Totals::default() });
            self.tiers.len() - 1
        })
    }

    fn node(&mut self, id: NodeId, cluster: &Cluster) -> usize {
        if let Some(at) = self.nodes.iter().position(|node| node.id == id) {
            return at;
        }
        let capacity = cluster.node(id).map_or(0, |node| node.spec.capacity.cpu.0);
        let name = cluster.name_of(ObjectId::Node(id));
        self.nodes.push(NodeLedger { id, name, capacity, gone: 0.0, closed: 0.0 });
        self.nodes.len() - 1
    }

    /// A ledger that is kept.
    pub(super) fn of(&mut self, at: usize) -> &mut ContainerLedger {
        self.containers[at].as_mut().expect("the ledger of a server is kept while the server is there")
    }

    /// The cpu time of a container's present run [ns].
    pub(super) fn cpu_time(&self, pod: PodId, container: ContainerRef, cpus: &Cpus, now: SimTime) -> f64 {
        let ledger = self.by_container.get(&(pod, container)).and_then(|at| self.containers[*at].as_ref());
        let running = ledger.and_then(|ledger| ledger.cpu.running);
        running.map_or(0.0, |(_, cpu)| cpus.used(cpu, now))
    }

    /// The cpu time that requests have taken since the start of the run, by node [ns].
    pub(super) fn cpu_time_by_node(&self, cpus: &Cpus, now: SimTime) -> Vec<(NodeId, f64)> {
        let mut used: Vec<f64> = self.nodes.iter().map(|node| node.closed).collect();
        for ledger in self.iter() {
            used[ledger.node] += ledger.cpu.total(cpus, now).cpu;
        }
        self.nodes.iter().map(|node| node.id).zip(used).collect()
    }

    /// All ledgers that are kept.
    pub(super) fn iter(&self) -> impl Iterator<Item = &ContainerLedger> {
        self.containers.iter().flatten()
    }

    /// A pod is gone: its ledgers are closed.
    pub(super) fn close(&mut self, pod: PodId, cpus: &Cpus, now: SimTime) {
        for at in 0..self.containers.len() {
            let is_of_pod = self.containers[at].as_ref().is_some_and(|ledger| ledger.pod == pod);
            if !is_of_pod || self.containers[at].as_ref().is_some_and(|ledger| ledger.cpu.running.is_some()) {
                continue;
            }
            if let Some(ledger) = self.containers[at].take() {
                self.tiers[ledger.tier].gone.add(&ledger, cpus, now);
                self.nodes[ledger.node].gone += ledger.used(cpus, now).cpu;
                self.nodes[ledger.node].closed += ledger.cpu.total(cpus, now).cpu;
                self.by_container.remove(&(pod, ledger.container));
                self.free.push(at);
            }
        }
    }

    /// The warm-up is over.
    pub(super) fn warm_up(&mut self, cpus: &Cpus, now: SimTime) {
        for ledger in self.containers.iter_mut().flatten() {
            let used = ledger.cpu.total(cpus, now);
            (ledger.cpu.warm_used, ledger.cpu.warm_ran) = (used.cpu, used.ran);
            for (_, port) in &mut ledger.ports {
                port.warm_up(now);
            }
        }
        for tier in &mut self.tiers {
            tier.gone = Totals::default();
        }
        for node in &mut self.nodes {
            node.gone = 0.0;
        }
    }
}

impl ContainerLedger {
    /// A process begins to serve.
    pub(super) fn begin(&mut self, cpu: CpuId, now: SimTime) {
        self.cpu.running = Some((now, cpu));
    }

    /// The process has ended after so much cpu time [ns].
    pub(super) fn end(&mut self, used: f64, now: SimTime) {
        if let Some((since, _)) = self.cpu.running.take() {
            self.cpu.used += used;
            self.cpu.ran += now.since(since).as_nanos();
        }
    }

    /// What it used since the warm-up.
    pub(super) fn used(&self, cpus: &Cpus, now: SimTime) -> Used {
        let total = self.cpu.total(cpus, now);
        Used { cpu: total.cpu - self.cpu.warm_used, ran: total.ran - self.cpu.warm_ran }
    }

    /// The position of the ledger of a port, made where there is none.
    pub(super) fn port(&mut self, number: u16) -> usize {
        self.ports.iter().position(|(port, _)| *port == number).unwrap_or_else(|| {
            self.ports.push((number, PortLedger::default()));
            self.ports.len() - 1
        })
    }
}

impl CpuTime {
    fn total(&self, cpus: &Cpus, now: SimTime) -> Used {
        let (cpu, ran) =
            self.running.map_or((0.0, 0), |(since, cpu)| (cpus.used(cpu, now), now.since(since).as_nanos()));
        Used { cpu: self.used + cpu, ran: self.ran + ran }
    }
}

impl Totals {
    /// Adds what is counted of a container since the warm-up.
    pub(super) fn add(&mut self, ledger: &ContainerLedger, cpus: &Cpus, now: SimTime) {
        let used = ledger.used(cpus, now);
        self.n_pods += 1;
        self.used.cpu += used.cpu;
        self.used.ran += used.ran;
        for (_, port) in &ledger.ports {
            self.arrived += port.arrived - port.warm.arrived;
            self.succeeded += port.succeeded - port.warm.succeeded;
            for (sum, (failed, warm)) in self.failed.iter_mut().zip(port.failed.iter().zip(&port.warm.failed))
            {
                *sum += failed - warm;
            }
            self.queued += port.queued.warm_area(now);
            self.queued_max = self.queued_max.max(port.queued.max());
        }
    }
}
