//! The load: where requests come from, what they ask for, and what a process does to answer them.

use std::sync::Arc;

use crate::engine::{Distribution, SimDuration, SimTime};
use crate::model::meta::Name;

/// The load of a scenario.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Traffic {
    /// Where requests come from, in the order of the file.
    pub sources: Vec<Source>,
    /// How the cluster's network treats connections.
    pub network: NetworkSpec,
}

/// Zones between which nothing gets through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// One zone, cut off from all others, or several, each cut off from the others of them.
    pub zones: Vec<Name>,
}

impl Partition {
    /// Whether nothing gets from one zone to another. Where a zone is not known, everything does.
    pub fn cuts(&self, from: &Name, to: &Name) -> bool {
        from != to
            && match self.zones.as_slice() {
                [one] => from == one || to == one,
                zones => zones.contains(from) && zones.contains(to),
            }
    }
}

impl std::fmt::Display for Partition {
    /// `zones a, b`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let zones: Vec<&str> = self.zones.iter().map(|zone| &**zone).collect();
        write!(f, "{} {}", if zones.len() == 1 { "zone" } else { "zones" }, zones.join(", "))
    }
}

/// A stream of requests from outside the cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// The name, unique among sources.
    pub name: Name,
    /// What is asked.
    pub to: Address,
    /// When requests arrive, relative to `from`.
    pub arrivals: Arrivals,
    /// The first instant at which one may arrive.
    pub from: SimTime,
    /// The instant from which on none arrives.
    pub until: Option<SimTime>,
    /// How long the client waits, and how often it tries.
    pub patience: Patience,
    /// How many connections are kept open and used in turn; `None` opens one for each request.
    pub connections: Option<u32>,
}

/// When requests arrive.
#[derive(Debug, Clone, PartialEq)]
pub enum Arrivals {
    /// At these instants, in order.
    Recorded(Arc<[SimDuration]>),
    /// By a rate that may change.
    Rated {
        /// What lies between two requests.
        gaps: Gaps,
        /// The rate over time.
        rate: Rate,
    },
}

/// What lies between two requests, in units of the mean gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Gaps {
    /// Exponential: requests arrive independently of each other.
    #[default]
    Poisson,
    /// Always the same.
    Constant,
}

/// A rate of requests over time.
#[derive(Debug, Clone, PartialEq)]
pub enum Rate {
    /// Pieces one after another.
    Pieces {
        /// The pieces.
        pieces: Arc<[Piece]>,
        /// Whether they begin again after the last; otherwise the rate is zero from then on.
        repeats: bool,
    },
    /// At `rate` for a span, silent for a span, and so on; the spans are drawn anew each time.
    OnOff {
        /// The rate while on [requests/s].
        rate: f64,
        /// How long it is on.
        on: Distribution,
        /// How long it is off.
        off: Distribution,
    },
}

/// A span of time in which the rate goes evenly from one value to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Piece {
    /// How long; `None` is for ever.
    pub span: Option<SimDuration>,
    /// The rate at its beginning [requests/s].
    pub start: f64,
    /// The rate at its end [requests/s].
    pub end: f64,
}

/// How long a client waits for an answer, and how often it tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// From the sending of a request to the end of waiting for its answer.
    pub timeout: SimDuration,
    /// How many more times a request that failed is sent.
    pub retries: u16,
}

impl Patience {
    /// How long is waited where nothing is said.
    pub const TIMEOUT_DEFAULT: SimDuration = SimDuration::from_secs(30);
}

/// What a request is sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The host.
    pub host: Host,
    /// The port of the host.
    pub port: PortName,
}

/// A host that requests are sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// The loopback of the sender's network namespace.
    Localhost,
    /// A pod by name.
    Pod(HostName),
    /// A Service by name.
    Service(HostName),
}

/// The name of a pod or Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostName {
    /// The namespace; `None` is that of the sender, or `default`.
    pub namespace: Option<Name>,
    /// The name.
    pub name: Name,
}

/// A port by number or, at a Service, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortName {
    /// The number.
    Number(u16),
    /// The name.
    Named(Name),
    /// The only port that there is.
    Only,
}

/// What a process serves on one port.
#[derive(Debug, Clone, PartialEq)]
pub struct Serve {
    /// The port.
    pub port: u16,
    /// The cpu time that each request takes before the calls are made.
    pub cpu: Distribution,
    /// How many requests are in work at once; `None` is any number.
    pub workers: Option<u32>,
    /// How many requests may wait for a worker; `None` is any number.
    pub queue: Option<u32>,
    /// What is called before the answer.
    pub calls: Vec<Call>,
    /// In what order.
    pub order: CallOrder,
}

/// The order of the calls of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CallOrder {
    /// One after another; the first that fails is the last.
    #[default]
    Sequential,
    /// All at once.
    Parallel,
}

/// A call that a process makes to answer a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// What is called.
    pub to: Address,
    /// How many times.
    pub times: u32,
    /// How long the process waits, and how often it tries.
    pub patience: Patience,
    /// How many connections each calling process keeps open; `None` opens one for each call.
    pub connections: Option<u32>,
}

/// How the cluster's network treats connections.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NetworkSpec {
    /// How kube-proxy chooses an endpoint.
    pub proxy_mode: ProxyMode,
    /// How long a message takes, one way.
    pub latency: NetworkLatency,
}

/// How kube-proxy chooses an endpoint for a connection.
/// Source: Kubernetes 1.28, pkg/proxy/iptables/proxier.go (statistic random) and pkg/proxy/ipvs/proxier.go (rr).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProxyMode {
    /// Each endpoint as likely as another.
    #[default]
    Iptables,
    /// In turn, on each node for itself.
    Ipvs,
}

/// How long a message takes from one process to another, one way, by distance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetworkLatency {
    /// Over the loopback of a pod.
    pub same_pod: SimDuration,
    /// Between pods of a node.
    pub same_node: SimDuration,
    /// Between nodes of a zone, or where a zone is not known.
    pub same_zone: SimDuration,
    /// Between zones.
    pub other_zone: SimDuration,
    /// Between a source and the cluster.
    pub outside: SimDuration,
}

impl Default for NetworkLatency {
    /// Round numbers of cloud networks: 30 µs round trip over loopback, 80 µs within a node, 0.5 ms within a zone,
    /// 1.5 ms between zones. Sources stand at the edge of the cluster.
    fn default() -> Self {
        let micros = |micros: u64| SimDuration::from_nanos(micros * 1_000);
        Self {
            same_pod: micros(15),
            same_node: micros(40),
            same_zone: micros(250),
            other_zone: micros(750),
            outside: SimDuration::ZERO,
        }
    }
}

/// Names a source, by its position in [`Traffic::sources`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub u32);

/// Names a request that is under way; one that is over finds nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestRef {
    /// The place of the request.
    pub index: u32,
    /// Counts the requests that had this place.
    pub generation: u32,
}

/// Names a container that works on requests, while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CpuId(pub u32);

/// Names the requests that wait for an answer equally long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeoutId(pub u32);
