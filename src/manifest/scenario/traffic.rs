//! The load as written: sources of requests, the network, and what images serve.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::manifest::scenario::scalar::RequestRate;
use crate::manifest::scenario::{Delay, Port, Span};

/// A stream of requests from outside the cluster. Exactly one of `rate`, `diurnal` and `recorded`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TrafficSource {
    /// The name, unique among sources; it stands in results, and its random numbers belong to it.
    pub name: String,
    /// What is asked: `service/NAME:PORT` (number or name of a port; without `:PORT` the only one) or `pod/NAME:PORT`.
    /// `NAME.NAMESPACE` outside of the namespace `default`.
    pub to: String,
    /// How many requests arrive: always the same, or phases one after another.
    pub rate: Option<RateChoice>,
    /// A rate that rises and falls once a day.
    pub diurnal: Option<Diurnal>,
    /// Requests that arrived elsewhere.
    pub recorded: Option<Recorded>,
    /// The rate holds while it is on only.
    pub on_off: Option<OnOff>,
    /// What lies between two requests. Default: `poisson`.
    #[serde(default)]
    pub arrivals: ArrivalGaps,
    /// The first instant at which a request may arrive; rates and recordings count from it. Default: 0s.
    pub from: Option<Span>,
    /// The instant from which on none arrives. Default: never.
    pub until: Option<Span>,
    /// How long the client of a request waits for the answer. Default: 30s.
    pub timeout: Option<Span>,
    /// How many more times a request that failed is sent. Default: 0.
    #[serde(default)]
    pub retries: u16,
    /// How many connections are kept open and used in turn. Default: each request has a connection of its own.
    pub connections: Option<u32>,
}

/// A rate of requests over time.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum RateChoice {
    /// Always the same.
    Constant(RequestRate),
    /// Phases one after another.
    Phases(Vec<RatePhase>),
}

/// A phase of a rate. Either `rate`, or `start` and `end`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RatePhase {
    /// How long. Default, in the last phase: for ever.
    pub r#for: Option<Span>,
    /// The same rate all the while.
    pub rate: Option<RequestRate>,
    /// The rate goes evenly from this one …
    pub start: Option<RequestRate>,
    /// … to this one.
    pub end: Option<RequestRate>,
}

/// A rate that rises and falls once a day, as a cosine.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Diurnal {
    /// The lowest rate.
    pub low: RequestRate,
    /// The highest rate.
    pub high: RequestRate,
    /// When it is highest, from `from` on. Default: half of the period.
    pub peak_at: Option<Span>,
    /// The length of a day. Default: 24h.
    pub period: Option<Span>,
}

/// Requests that arrived elsewhere. Exactly one of the two.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Recorded {
    /// A CSV file with the column `arrival_s`: when each request arrived.
    pub timestamps: Option<String>,
    /// A CSV file with the column `requests`: how many requests arrived in each minute.
    pub per_minute: Option<String>,
}

/// A rate that holds now and then.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OnOff {
    /// How long it holds.
    pub on: Delay,
    /// How long no request arrives.
    pub off: Delay,
}

/// What lies between two requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ArrivalGaps {
    /// Requests arrive independently of each other.
    #[default]
    Poisson,
    /// The gaps are even.
    Constant,
}

/// The network of the cluster.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct NetworkSettings {
    /// How kube-proxy chooses an endpoint for a connection. Default: `iptables`.
    pub proxy_mode: ProxyModeChoice,
    /// How long a message takes, one way.
    pub latency: LatencySettings,
}

/// How kube-proxy chooses an endpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ProxyModeChoice {
    /// Each endpoint as likely as another.
    #[default]
    Iptables,
    /// In turn, on each node for itself.
    Ipvs,
}

/// How long a message takes, one way.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LatencySettings {
    /// Within a pod, over loopback. Default: 15us.
    pub same_pod: Option<Span>,
    /// Between pods of a node. Default: 40us.
    pub same_node: Option<Span>,
    /// Between nodes of a zone. Default: 250us.
    pub same_zone: Option<Span>,
    /// Between zones. Default: 750us.
    pub other_zone: Option<Span>,
    /// Between sources and the cluster. Default: 0s: sources stand at the cluster's edge.
    pub outside: Option<Span>,
}

/// What a process serves on one port.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServePort {
    /// The port, TCP.
    pub port: Port,
    /// The cpu time that a request takes: at a limit of `500m`, 5ms of it take 10ms.
    pub cpu: Delay,
    /// How many requests are in work at once; a request is in work until it is answered. Default: any number.
    pub workers: Option<u32>,
    /// How many requests may wait for a worker; more are refused. Default: any number.
    pub queue: Option<u32>,
    /// What is called, after the cpu time, before the answer.
    #[serde(default)]
    pub calls: Vec<ServeCall>,
    /// Whether calls are made one after another or all at once. Default: `sequential`.
    #[serde(default)]
    pub order: CallOrderChoice,
}

/// A call that a process makes to answer a request.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServeCall {
    /// What is called: `localhost:PORT` (the same pod), `NAME:PORT` or `service/NAME:PORT` (a Service; a number or name of a
    /// port), or `pod/NAME:PORT`. `NAME.NAMESPACE` in another namespace.
    pub to: String,
    /// How many times. Default: 1.
    pub times: Option<u32>,
    /// How long the process waits for the answer. Default: 30s.
    pub timeout: Option<Span>,
    /// How many more times a call that failed is made. Default: 0.
    #[serde(default)]
    pub retries: u16,
    /// How many connections each process keeps open and uses in turn. Default: each call has one of its own.
    pub connections: Option<u32>,
}

/// The order of calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum CallOrderChoice {
    /// One after another; after one that failed no more are made.
    #[default]
    Sequential,
    /// All at once.
    Parallel,
}
