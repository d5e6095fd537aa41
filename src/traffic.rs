//! The load: sources send requests, the processes in containers answer them.
//!
//! One component stands for all clients and for the part of processes that works on requests. What listens where it learns
//! from [`Change::ServingStarted`] and [`Change::ServingEnded`]; it writes nothing to the cluster but samples of use.
//! A request is not a change of the cluster: what is counted of requests enters the digest at the end of a run.
//!
//! - [`arrivals`]: when requests arrive; [`source`]: where they come from.
//! - [`request`]: a request under way; [`flow`]: how it is sent, worked on and answered; [`timeouts`].
//! - [`server`]: ports with workers and queues; [`cpu`]: how fast work goes.
//! - [`paths`]: the random numbers of requests.
//! - [`ledger`], [`gauge`], [`latency`]: what is counted; [`results`]: what is shown of it.
//!
//! A request that its client has given up is worked on all the same. A server dies with the requests in it: their
//! clients see a reset, or hear nothing more where the node died. A pod that is being deleted gets no new
//! connections by its Service, and answers what it has until its process ends.
//!
//! A partition between zones swallows requests and answers that are sent across it; their clients hear nothing until they
//! give up. Deviation: what is lost is not sent again when the partition is over before that.
//!
//! Invariants, checked by [`Traffic::check_invariants`]: Little's law at every port, the utilisation law in every container.

mod arrivals;
mod cpu;
mod flow;
mod gauge;
mod latency;
mod ledger;
mod paths;
mod request;
mod results;
mod server;
mod source;
mod timeouts;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use rustc_hash::FxHashMap;

pub use latency::LatencySummary;
pub use request::ErrorKind;
pub use results::{ContainerResult, NodeResult, PortResult, SourceResult, TierResult, TrafficResults};
pub use source::WindowSummary;

use crate::cluster::Cluster;
use crate::component::{Component, CpuMeter, Timers, Turn, Watch};
use crate::engine::{EntityKey, SimDuration, SimTime, Streams};
use crate::event::{Change, Event, ProcessRef, ServingEnd};
use crate::model::ids::{PodId, ServiceId};
use crate::model::meta::Name;
use crate::model::traffic::{self as model, Partition, Serve, SourceId};
use crate::network::{Connections, NetworkNamespace, Subset, Targets, location_of};
use crate::traffic::arrivals::ArrivalClock;
use crate::traffic::cpu::{Cpus, Share};
use crate::traffic::ledger::Ledgers;
use crate::traffic::paths::Paths;
use crate::traffic::request::{Requests, Stage};
use crate::traffic::server::{CallSite, Server, ServerId, Servers};
use crate::traffic::source::{SourceLedger, SourceState};
use crate::traffic::timeouts::Timeouts;

/// All sources, and all processes that serve.
#[derive(Debug, Clone)]
pub struct Traffic {
    spec: Arc<model::Traffic>,
    warm_up: SimTime,
    sources: Vec<SourceState>,
    /// How many sources have requests to come.
    n_active: usize,
    paths: Paths,
    requests: Requests,
    timeouts: Timeouts,
    targets: Targets,
    servers: Servers,
    listening: FxHashMap<(NetworkNamespace, u16), ServerId>,
    cpus: Cpus,
    ledgers: Ledgers,
    /// Pods whose processes died with their node: nobody answers for them.
    silent: BTreeSet<PodId>,
    /// What gets lost on its way between zones.
    partitions: Vec<Partition>,
    /// Requests that are done at this instant; empty between events.
    done: Vec<u32>,
}

/// A law that does not hold: a bug of the simulator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrafficError {
    /// The number of requests present, over time, is not the time that they spent.
    #[error("Little's law does not hold at port {0} of {1}")]
    Little(u16, String),
    /// The cpu time used is not the work done.
    #[error("the utilisation law does not hold in {0}")]
    Utilisation(String),
}

impl Traffic {
    /// The load of a scenario, before its first request. Requests that arrive before the end of the warm-up do not count.
    pub fn new(spec: Arc<model::Traffic>, warm_up: SimDuration, streams: &Streams) -> Self {
        let mut traffic = Self {
            warm_up: SimTime::ZERO + warm_up,
            sources: Vec::new(),
            n_active: 0,
            paths: Paths::new(streams.clone()),
            requests: Requests::default(),
            timeouts: Timeouts::default(),
            targets: Targets::new(spec.network.proxy_mode),
            servers: Servers::new(),
            listening: FxHashMap::default(),
            cpus: Cpus::default(),
            ledgers: Ledgers::default(),
            silent: BTreeSet::new(),
            partitions: Vec::new(),
            done: Vec::new(),
            spec,
        };
        let outside = Name::from("default");
        for (at, source) in (0..).zip(&traffic.spec.sources) {
            let key = EntityKey::of(&["source", &source.name]);
            traffic.sources.push(SourceState {
                id: SourceId(at),
                clock: ArrivalClock::new(source, key, streams),
                target: traffic.targets.target(&outside, &source.to),
                timeout: traffic.timeouts.lane(source.patience.timeout),
                retries: source.patience.retries,
                connections: source.connections.map(Connections::new),
                paths: (0..=source.patience.retries)
                    .map(|attempt| traffic.paths.root(key, attempt))
                    .collect(),
                n_sent: 0,
                ledger: SourceLedger::new(),
            });
        }
        traffic
    }

    /// Zones lose sight of each other.
    pub fn cut(&mut self, partition: Partition) {
        self.partitions.push(partition);
    }

    /// One partition between these zones is over.
    pub fn heal(&mut self, partition: &Partition) {
        if let Some(at) = self.partitions.iter().position(|cut| cut == partition) {
            self.partitions.remove(at);
        }
    }

    /// Nobody keeps the endpoints of Services up to date from now on.
    pub fn freeze_endpoints(&mut self, cluster: &Cluster) {
        self.targets.freeze(cluster);
    }

    /// The endpoints of Services are kept up to date again.
    pub fn thaw_endpoints(&mut self) {
        self.targets.thaw();
    }

    /// The endpoints of a Service by which connections go; `None` where it has none.
    pub fn endpoints(&self, service: ServiceId, cluster: &Cluster) -> Option<Vec<Subset>> {
        self.targets.subsets(service, cluster)
    }

    /// Checks Little's law and the utilisation law.
    ///
    /// # Errors
    /// The first that does not hold.
    pub fn check_invariants(&self, now: SimTime) -> Result<(), TrafficError> {
        for ledger in self.ledgers.iter() {
            let tier = &self.ledgers.tiers[ledger.tier];
            let broken = ledger.ports.iter().find(|(_, port)| !port.keeps_littles_law(now));
            if let Some((port, _)) = broken {
                return Err(TrafficError::Little(*port, tier.workload.clone()));
            }
        }
        for (_, server) in self.servers.iter() {
            if !self.cpus.keeps_utilisation_law(server.cpu, now) {
                return Err(TrafficError::Utilisation(format!("{:?}", server.process)));
            }
        }
        Ok(())
    }

    /// A process begins to listen.
    fn begin_serving(&mut self, process: ProcessRef, serves: &Arc<[Serve]>, watch: &mut Watch<'_>) {
        let (now, cluster) = (watch.now(), watch.cluster());
        let Some(ledger) = self.ledgers.container(process.pod, process.container, cluster) else { return };
        let (Some(pod), Some(location)) = (cluster.pod(process.pod), location_of(process.pod, cluster))
        else {
            return;
        };
        self.silent.remove(&process.pod);
        let spec = pod.spec.container(process.container);
        let Some(node) = cluster.node(location.node) else { return };
        let share = Share {
            node: location.node,
            capacity: node.spec.capacity.cpu,
            request: spec.requests.amounts.cpu,
            limit: spec.limits.has_cpu.then_some(spec.limits.amounts.cpu),
        };
        let cpu = self.cpus.add(share, now);
        self.ledgers.of(ledger).begin(cpu, now);
        let sender = pod.meta.namespace.clone();
        for (at, serve) in serves.iter().enumerate() {
            let calls = serve.calls.iter().map(|call| CallSite {
                target: self.targets.target(&sender, &call.to),
                timeout: self.timeouts.lane(call.patience.timeout),
                connections: call.connections.map(Connections::new),
            });
            let server = Server {
                process,
                serves: Arc::clone(serves),
                serve_at: at,
                location: location.clone(),
                cpu,
                ledger,
                port_at: self.ledgers.of(ledger).port(serve.port),
                queue: VecDeque::new(),
                calls: calls.collect(),
            };
            let id = self.servers.insert_with(|_| server);
            self.listening.insert((location.namespace, serve.port), id);
        }
    }

    /// A process listens no longer: it has ended, and what it had in work with it.
    fn end_serving(&mut self, process: ProcessRef, end: ServingEnd, watch: &mut Watch<'_>) {
        let ended: Vec<ServerId> =
            self.servers.iter().filter(|(_, server)| server.process == process).map(|(id, _)| id).collect();
        let Some(first) = ended.first() else { return };
        let (cpu, ledger) = (self.servers[*first].cpu, self.servers[*first].ledger);
        let now = watch.now();
        for index in self.requests.indices() {
            let is_in = self.requests[index].server.is_some_and(|server| ended.contains(&server));
            if is_in && matches!(self.requests[index].stage, Stage::Queued | Stage::Working | Stage::Calling)
            {
                self.drop_request(index, end, watch);
            }
        }
        for id in ended {
            if let Some(server) = self.servers.remove(id) {
                self.listening.remove(&(server.location.namespace, server.serve().port));
                let port = &mut self.ledgers.of(ledger).ports[server.port_at].1;
                port.queued.clear(now);
                port.busy.clear(now);
            }
        }
        let used = self.cpus.remove(cpu, watch);
        self.ledgers.of(ledger).end(used, now);
        if end == ServingEnd::NodeLost {
            self.silent.insert(process.pod);
        }
        if watch.cluster().pod(process.pod).is_none() {
            self.ledgers.close(process.pod, &self.cpus, now);
        }
    }

    /// A request goes down with its server.
    fn drop_request(&mut self, index: u32, end: ServingEnd, watch: &mut Watch<'_>) {
        let request = self.requests[index];
        let Some(server) = request.server else { return };
        let Server { ledger, port_at, .. } = self.servers[server];
        let outcome = Err(ErrorKind::ConnectionReset);
        self.ledgers.of(ledger).ports[port_at].1.leave(request.arrived, outcome, watch.now());
        match (request.is_abandoned, end) {
            (true, _) => self.requests.remove(index),
            (false, ServingEnd::NodeLost) => self.requests[index].stage = Stage::Lost,
            (false, ServingEnd::Exited) => self.answer(index, outcome, watch),
        }
    }

    /// The warm-up is over.
    fn end_warm_up(&mut self, now: SimTime) {
        self.ledgers.warm_up(&self.cpus, now);
    }
}

impl CpuMeter for Traffic {
    fn cpu_time(&self, process: ProcessRef, now: SimTime) -> f64 {
        self.ledgers.cpu_time(process.pod, process.container, &self.cpus, now)
    }
}

impl Component for Traffic {
    fn start(&mut self, watch: &mut Watch<'_>) {
        for source in &mut self.sources {
            if let Some(at) = source.clock.next() {
                self.n_active += 1;
                watch.set_timer(at, Event::RequestDue(source.id));
            }
        }
        if self.n_active > 0 && self.warm_up > watch.now() {
            watch.set_timer(self.warm_up, Event::WarmUpOver);
        }
    }

    fn on_event(&mut self, event: Event, turn: &mut Turn<'_>) {
        match event {
            Event::RequestDue(source) => self.request_due(source, turn),
            Event::RequestArrived(request) => self.request_arrived(request, turn),
            Event::CpuDone(cpu) => self.cpu_done(cpu, turn),
            Event::AnswerArrived(request) => self.answer_arrived(request, turn),
            Event::RequestTimeout(lane) => self.time_out(lane, turn),
            Event::WarmUpOver => self.end_warm_up(turn.now()),
            other => unreachable!("{other:?} is not for the load"),
        }
        self.cpus.settle(turn);
        if self.requests.n_waiting == 0 && self.n_active == 0 {
            self.timeouts.rest(turn);
        }
    }

    fn on_change(&mut self, change: &Change, watch: &mut Watch<'_>) {
        self.targets.on_change(change);
        match change {
            Change::ServingStarted(process, serves) => self.begin_serving(*process, serves, watch),
            Change::ServingEnded(process, end) => self.end_serving(*process, *end, watch),
            Change::PodDeleted(pod, _) => {
                self.silent.remove(pod);
                self.ledgers.close(*pod, &self.cpus, watch.now());
            }
            _ => {}
        }
    }
}
