//! What is shown of the load: by source, container, tier and node.

use crate::cluster::Cluster;
use crate::engine::{SimDuration, SimTime};
use crate::model::ids::NodeId;
use crate::model::meta::Name;
use crate::traffic::Traffic;
use crate::traffic::latency::LatencySummary;
use crate::traffic::ledger::{ContainerLedger, Totals};
use crate::traffic::request::ErrorKind;
use crate::traffic::source::WindowSummary;

/// What came of the load, from the end of the warm-up to an instant.
#[derive(Debug, Clone, PartialEq)]
pub struct TrafficResults {
    /// The end of the warm-up.
    pub from: SimTime,
    /// The instant.
    pub until: SimTime,
    /// The sources, in the order of the scenario.
    pub sources: Vec<SourceResult>,
    /// The tiers, by workload and container.
    pub tiers: Vec<TierResult>,
    /// The containers of pods that are there, in order of their creation.
    pub containers: Vec<ContainerResult>,
    /// The nodes with containers that serve, by name.
    pub nodes: Vec<NodeResult>,
}

/// What came of a source's requests.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceResult {
    /// The source.
    pub name: Name,
    /// Requests that arrived.
    pub offered: u64,
    /// Requests that were answered.
    pub succeeded: u64,
    /// Requests that failed, by kind, in the order of [`ErrorKind::ALL`].
    pub errors: [u64; ErrorKind::COUNT],
    /// How many more times requests were sent.
    pub retried: u64,
    /// Requests without an answer yet.
    pub open: u64,
    /// The latency of those that were answered.
    pub latency: LatencySummary,
    /// How long the source was watched: from the end of the warm-up, or from its own beginning, to its end.
    pub span: SimDuration,
    /// The same over time, from the start of the run.
    pub windows: Vec<WindowSummary>,
}

/// What came of a container of a workload.
#[derive(Debug, Clone, PartialEq)]
pub struct TierResult {
    /// The namespace.
    pub namespace: Name,
    /// The workload, as `deployment/web`.
    pub workload: String,
    /// The container.
    pub container: Name,
    /// How many pods it ran in, all in all.
    pub pods: u64,
    /// Requests that came.
    pub arrived: u64,
    /// Requests that were answered with success.
    pub succeeded: u64,
    /// Requests that were not.
    pub failed: u64,
    /// Cpu time per time [millicores], over all pods.
    pub cpu: f64,
    /// Cpu time per time that one pod ran [millicores].
    pub cpu_per_pod: f64,
    /// Requests in queues, on average over time.
    pub queue_mean: f64,
    /// Requests in one queue, at the most.
    pub queue_max: u32,
}

/// What came of a container.
#[derive(Debug, Clone, PartialEq)]
pub struct ContainerResult {
    /// The namespace.
    pub namespace: Name,
    /// The pod.
    pub pod: Name,
    /// The container.
    pub container: Name,
    /// Cpu time per time that it ran [millicores].
    pub cpu: f64,
    /// Cpu time as a share of what it may use: its limit, else its node.
    pub utilisation: f64,
    /// Cpu time as a share of what it requests; `None` where it requests nothing.
    pub of_request: Option<f64>,
    /// Its ports.
    pub ports: Vec<PortResult>,
}

/// What came of a port.
#[derive(Debug, Clone, PartialEq)]
pub struct PortResult {
    /// The port.
    pub port: u16,
    /// Requests that came.
    pub arrived: u64,
    /// Requests that were answered with success.
    pub succeeded: u64,
    /// Requests that were not, by kind, in the order of [`ErrorKind::ALL`].
    pub failed: [u64; ErrorKind::COUNT],
    /// Requests there, on average over time.
    pub present_mean: f64,
    /// Requests in the queue, on average over time.
    pub queue_mean: f64,
    /// Requests in the queue, at the most.
    pub queue_max: u32,
    /// Busy workers, on average over time.
    pub busy_mean: f64,
    /// The time that those which left had spent here, summed up [ns].
    pub sojourn: u128,
}

/// What the load took of a node.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeResult {
    /// The node.
    pub name: Name,
    /// Cpu time per time [millicores].
    pub cpu: f64,
    /// The same as a share of what the machine has.
    pub utilisation: f64,
}

impl SourceResult {
    /// Requests that were answered, per second.
    pub fn throughput(&self) -> f64 {
        ratio(self.succeeded as f64, self.span.as_secs_f64())
    }

    /// The share of requests that failed.
    pub fn error_rate(&self) -> f64 {
        ratio(self.errors.iter().sum::<u64>() as f64, self.offered as f64)
    }
}

impl Traffic {
    /// Whether there is any source.
    pub fn is_empty(&self) -> bool {
        self.spec.sources.is_empty()
    }

    /// What came of the load so far.
    pub fn results(&self, cluster: &Cluster, now: SimTime) -> TrafficResults {
        let from = self.warm_up.min(now);
        TrafficResults {
            from,
            until: now,
            sources: (0..self.sources.len()).map(|at| self.source_result(at, from, now)).collect(),
            tiers: self.tier_results(from, now),
            containers: self.container_results(cluster, now),
            nodes: self.node_results(from, now),
        }
    }

    /// For each source: the least latency that each of some numbers of a thousand do not exceed.
    pub fn latency_quantiles<const N: usize>(&self, per_mille: [u64; N]) -> Vec<[SimDuration; N]> {
        self.sources.iter().map(|source| source.ledger.latencies.quantiles(per_mille)).collect()
    }

    /// The cpu time that requests have taken since the start of the run, by node [ns of one cpu].
    pub fn cpu_time_by_node(&self, now: SimTime) -> Vec<(NodeId, f64)> {
        self.ledgers.cpu_time_by_node(&self.cpus, now)
    }

    fn source_result(&self, at: usize, from: SimTime, now: SimTime) -> SourceResult {
        let (spec, ledger) = (&self.spec.sources[at], &self.sources[at].ledger);
        let latency = ledger.latencies.summary();
        let failed: u64 = ledger.errors.iter().sum();
        let end = spec.until.map_or(now, |until| until.min(now));
        SourceResult {
            name: spec.name.clone(),
            offered: ledger.offered,
            succeeded: latency.count,
            errors: ledger.errors,
            retried: ledger.retried,
            open: ledger.offered - latency.count - failed,
            latency,
            span: end.since(from.max(spec.from)),
            windows: ledger.windows.summaries(),
        }
    }

    fn tier_results(&self, from: SimTime, now: SimTime) -> Vec<TierResult> {
        let mut totals: Vec<Totals> = self.ledgers.tiers.iter().map(|tier| tier.gone).collect();
        for ledger in self.ledgers.iter() {
            totals[ledger.tier].add(ledger, &self.cpus, now);
        }
        let span = nanos(now.since(from));
        let of = |(tier, totals): (&crate::traffic::ledger::Tier, &Totals)| TierResult {
            namespace: tier.namespace.clone(),
            workload: tier.workload.clone(),
            container: tier.container.clone(),
            pods: totals.n_pods,
            arrived: totals.arrived,
            succeeded: totals.succeeded,
            failed: totals.failed.iter().sum(),
            cpu: ratio(totals.used.cpu, span) * 1000.0,
            cpu_per_pod: ratio(totals.used.cpu, totals.used.ran as f64) * 1000.0,
            queue_mean: ratio(totals.queued as f64, span),
            queue_max: totals.queued_max,
        };
        let mut tiers: Vec<TierResult> = self.ledgers.tiers.iter().zip(&totals).map(of).collect();
        tiers.sort_by(|a, b| {
            (&a.namespace, &a.workload, &a.container).cmp(&(&b.namespace, &b.workload, &b.container))
        });
        tiers
    }

    fn container_results(&self, cluster: &Cluster, now: SimTime) -> Vec<ContainerResult> {
        let mut ledgers: Vec<(u64, &ContainerLedger)> = self
            .ledgers
            .iter()
            .filter_map(|ledger| Some((cluster.pod(ledger.pod)?.meta.uid.serial, ledger)))
            .collect();
        ledgers.sort_by_key(|(serial, ledger)| (*serial, ledger.container));
        ledgers.into_iter().filter_map(|(_, ledger)| self.container_result(ledger, cluster, now)).collect()
    }

    fn container_result(
        &self,
        ledger: &ContainerLedger,
        cluster: &Cluster,
        now: SimTime,
    ) -> Option<ContainerResult> {
        let pod = cluster.pod(ledger.pod)?;
        let used = ledger.used(&self.cpus, now);
        let cpu = ratio(used.cpu, used.ran as f64) * 1000.0;
        let limit = ledger.limit.unwrap_or(self.ledgers.nodes[ledger.node].capacity);
        let span = used.ran as f64;
        let ports = ledger.ports.iter().map(|(number, port)| {
            let mean = |area: u128| ratio(area as f64, span);
            let mut failed = port.failed;
            for (failed, warm) in failed.iter_mut().zip(&port.warm.failed) {
                *failed -= warm;
            }
            PortResult {
                port: *number,
                arrived: port.arrived - port.warm.arrived,
                succeeded: port.succeeded - port.warm.succeeded,
                failed,
                present_mean: mean(port.present(now)),
                queue_mean: mean(port.queued.warm_area(now)),
                queue_max: port.queued.max(),
                busy_mean: mean(port.busy.warm_area(now)),
                sojourn: port.sojourn - port.warm.sojourn,
            }
        });
        Some(ContainerResult {
            namespace: pod.meta.namespace.clone(),
            pod: pod.meta.name.clone(),
            container: pod.spec.container(ledger.container).name.clone(),
            cpu,
            utilisation: ratio(cpu, limit as f64),
            of_request: (ledger.request > 0).then(|| ratio(cpu, ledger.request as f64)),
            ports: ports.collect(),
        })
    }

    fn node_results(&self, from: SimTime, now: SimTime) -> Vec<NodeResult> {
        let mut used: Vec<f64> = self.ledgers.nodes.iter().map(|node| node.gone).collect();
        for ledger in self.ledgers.iter() {
            used[ledger.node] += ledger.used(&self.cpus, now).cpu;
        }
        let of = |(node, used): (&crate::traffic::ledger::NodeLedger, f64)| {
            let cpu = ratio(used, nanos(now.since(from))) * 1000.0;
            NodeResult { name: node.name.clone(), cpu, utilisation: ratio(cpu, node.capacity as f64) }
        };
        let mut nodes: Vec<NodeResult> = self.ledgers.nodes.iter().zip(used).map(of).collect();
        nodes.sort_by(|a, b| a.name.cmp(&b.name));
        nodes
    }
}

const fn nanos(span: SimDuration) -> f64 {
    span.as_nanos() as f64
}

/// `part` of `whole`, zero where there is no whole.
fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}
