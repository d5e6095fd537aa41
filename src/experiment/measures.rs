//! What a trial is measured by: named numbers with units, to be compared between variants and over seeds.

use std::collections::BTreeMap;

use crate::component::Observer;
use crate::engine::{SimDuration, SimTime};
use crate::experiment::trial::Trial;
use crate::model::meta::Name;
use crate::observe::run::RunObserver;
use crate::observe::tiers::recovery_time;
use crate::observe::utilisation::NodeUtilisation;
use crate::traffic::{SourceResult, TrafficResults};

/// The numbers of one trial, in the order in which they are shown.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Measures(pub Vec<Measure>);

/// A number that a trial was measured by.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    /// What it is.
    pub kind: MeasureKind,
    /// What it is about, as the name of a tier; empty for the whole.
    pub subject: String,
    /// The number.
    pub value: f64,
}

/// What a measure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MeasureKind {
    /// Its name, as `recovery after a node loss`.
    pub name: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// Which direction is the good one.
    pub better: Better,
}

/// The unit of a measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// Requests, or something else that is counted, per second.
    PerSecond,
    /// A share of one.
    Share,
    /// A number of things.
    Count,
    /// Cores.
    Cores,
    /// Bytes.
    Bytes,
    /// The currency of the prices, per hour.
    CostPerHour,
    /// The currency of the prices.
    Cost,
}

/// Which direction of a measure is the good one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// Less.
    Lower,
    /// More.
    Higher,
    /// Neither: a fact that explains others.
    Neither,
}

impl MeasureKind {
    /// Whether a verdict speaks of it: of several that say much the same, one does.
    pub fn is_headline(&self) -> bool {
        ![MEAN, P50, P90, P95, P999, MEMORY_REQUESTED, IDLE].contains(self)
    }

    /// Whether it is a latency, which only requests that were answered have.
    pub fn is_latency(&self) -> bool {
        [MEAN, P50, P90, P95, P99, P999].contains(self)
    }
}

const fn kind(name: &'static str, unit: Unit, better: Better) -> MeasureKind {
    MeasureKind { name, unit, better }
}

/// The share of the expectations that hold.
pub const EXPECTATIONS_MET: MeasureKind = kind("expectations met", Unit::Share, Better::Higher);
const JOBS_COMPLETE: MeasureKind = kind("Jobs complete", Unit::Share, Better::Higher);
/// When the last Job ended.
pub const LAST_JOB: MeasureKind = kind("end of the last Job", Unit::Seconds, Better::Lower);
const FAILED_PODS: MeasureKind = kind("failed pods of Jobs", Unit::Count, Better::Lower);
/// What the nodes cost.
pub const COST: MeasureKind = kind("cost", Unit::CostPerHour, Better::Lower);
/// What pods request.
pub const CPU_REQUESTED: MeasureKind = kind("cpu requested", Unit::Cores, Better::Lower);
const MEMORY_REQUESTED: MeasureKind = kind("memory requested", Unit::Bytes, Better::Lower);
/// The same of what nodes offer.
pub const CPU_SHARE: MeasureKind = kind("cpu requested of allocatable", Unit::Share, Better::Neither);
/// What nodes keep from pods.
pub const CPU_RESERVED: MeasureKind = kind("cpu kept from pods", Unit::Cores, Better::Neither);
const THROUGHPUT: MeasureKind = kind("throughput", Unit::PerSecond, Better::Higher);
/// The share of the requests that failed.
pub const ERRORS: MeasureKind = kind("errors", Unit::Share, Better::Lower);
const MEAN: MeasureKind = kind("latency mean", Unit::Seconds, Better::Lower);
const P50: MeasureKind = kind("latency p50", Unit::Seconds, Better::Lower);
const P90: MeasureKind = kind("latency p90", Unit::Seconds, Better::Lower);
const P95: MeasureKind = kind("latency p95", Unit::Seconds, Better::Lower);
/// The latency that 99 of a hundred requests do not exceed.
pub const P99: MeasureKind = kind("latency p99", Unit::Seconds, Better::Lower);
const P999: MeasureKind = kind("latency p99.9", Unit::Seconds, Better::Lower);
/// What the nodes cost for a million answers.
pub const COST_OF_REQUESTS: MeasureKind = kind("cost per million requests", Unit::Cost, Better::Lower);
/// What requests used.
pub const CPU_USED: MeasureKind = kind("cpu used", Unit::Cores, Better::Neither);
const IDLE: MeasureKind = kind("idle of cpu requested", Unit::Share, Better::Lower);
const REPLICAS_PEAK: MeasureKind = kind("ready replicas at the most", Unit::Count, Better::Neither);
const WASTED: MeasureKind = kind("wasted replicas", Unit::Count, Better::Lower);
const REPLICAS: MeasureKind = kind("ready replicas", Unit::Count, Better::Neither);
const BLAST_RADIUS: MeasureKind = kind("lost with the worst node", Unit::Share, Better::Lower);
const RECOVERY: MeasureKind = kind("recovery after a node loss", Unit::Seconds, Better::Lower);

/// All kinds of measures, in the order in which they are shown.
pub const KINDS: [MeasureKind; 25] = [
    EXPECTATIONS_MET,
    THROUGHPUT,
    ERRORS,
    MEAN,
    P50,
    P90,
    P95,
    P99,
    P999,
    JOBS_COMPLETE,
    LAST_JOB,
    FAILED_PODS,
    COST,
    COST_OF_REQUESTS,
    CPU_REQUESTED,
    CPU_SHARE,
    CPU_RESERVED,
    CPU_USED,
    IDLE,
    MEMORY_REQUESTED,
    REPLICAS,
    REPLICAS_PEAK,
    WASTED,
    BLAST_RADIUS,
    RECOVERY,
];

impl Measures {
    /// The value of a measure, where the trial has it.
    pub fn value(&self, kind: MeasureKind, subject: &str) -> Option<f64> {
        let found = self.0.iter().find(|measure| measure.kind == kind && measure.subject == subject);
        found.map(|measure| measure.value)
    }

    fn add(&mut self, kind: MeasureKind, subject: &str, value: f64) {
        self.0.push(Measure { kind, subject: subject.to_owned(), value });
    }
}

/// Measures a trial that has ended.
pub fn measure<O: Observer>(trial: &Trial<O>) -> Measures {
    let (seen, end) = (&trial.simulation.observer().0, trial.end);
    let mut measures = Measures::default();
    let traffic = trial.traffic();
    expectations(&mut measures, trial);
    traffic.iter().flat_map(|traffic| &traffic.sources).for_each(|source| load(&mut measures, source));
    jobs(&mut measures, seen, end);
    nodes(&mut measures, seen, end, traffic.as_ref());
    tiers(&mut measures, seen, end);
    if let Some(traffic) = &traffic {
        wasted_replicas(&mut measures, seen, end, traffic);
    }
    measures
}

fn expectations<O: Observer>(measures: &mut Measures, trial: &Trial<O>) {
    let n = trial.judgements.len();
    if n > 0 {
        let n_met = trial.judgements.iter().filter(|judgement| judgement.holds).count();
        measures.add(EXPECTATIONS_MET, "", n_met as f64 / n as f64);
    }
}

fn load(measures: &mut Measures, source: &SourceResult) {
    let (name, latency) = (&*source.name, &source.latency);
    measures.add(THROUGHPUT, name, source.throughput());
    if source.offered > 0 {
        let n_errors: u64 = source.errors.iter().sum();
        measures.add(ERRORS, name, n_errors as f64 / source.offered as f64);
    }
    let percentiles = [
        (MEAN, latency.mean),
        (P50, latency.p50),
        (P90, latency.p90),
        (P95, latency.p95),
        (P99, latency.p99),
    ];
    let percentiles = percentiles.into_iter().chain([(P999, latency.p999)]);
    for (kind, value) in percentiles.filter(|_| latency.count > 0) {
        measures.add(kind, name, value.as_secs_f64());
    }
}

fn jobs(measures: &mut Measures, seen: &RunObserver, end: SimTime) {
    let jobs = seen.jobs.jobs();
    if jobs.is_empty() {
        return;
    }
    let n_complete = jobs.iter().filter(|job| job.status.completion_time.is_some()).count();
    let share = n_complete as f64 / jobs.len() as f64;
    let ends = jobs.iter().map(|job| job.finished().map_or(end, |condition| condition.since));
    let makespan = ends.max().unwrap_or(end).since(SimTime::ZERO).as_secs_f64();
    let n_failed: u32 = jobs.iter().map(|job| job.status.failed).sum();
    measures.add(JOBS_COMPLETE, "", share);
    measures.add(LAST_JOB, "", makespan);
    measures.add(FAILED_PODS, "", f64::from(n_failed));
}

fn nodes(measures: &mut Measures, seen: &RunObserver, end: SimTime, traffic: Option<&TrafficResults>) {
    let hours = |span: SimDuration| span.as_secs_f64() / 3600.0;
    let nodes: Vec<_> = seen.utilisation.nodes().filter(|node| !node.life(end).is_zero()).collect();
    let life = nodes.iter().map(|node| hours(node.life(end))).fold(0.0, f64::max);
    if life == 0.0 {
        return;
    }
    if nodes.iter().any(|node| node.price_per_hour.is_some()) {
        let price = |price: Option<f64>| price.unwrap_or(0.0);
        let cost: f64 = nodes.iter().map(|node| price(node.price_per_hour) * hours(node.life(end))).sum();
        measures.add(COST, "", cost / life);
        let n_answered: u64 = traffic.iter().flat_map(|it| &it.sources).map(|it| it.succeeded).sum();
        if n_answered > 0 {
            measures.add(COST_OF_REQUESTS, "", cost / n_answered as f64 * 1e6);
        }
    }
    let weight = |node: &NodeUtilisation| hours(node.life(end)) / life;
    let cpu: f64 = nodes.iter().map(|node| node.cpu.mean(node.end(end)) * weight(node)).sum();
    let memory: f64 = nodes.iter().map(|node| node.memory.mean(node.end(end)) * weight(node)).sum();
    let offered: f64 = nodes.iter().map(|node| node.cpu_allocatable as f64 * weight(node)).sum();
    let reserved = |node: &NodeUtilisation| (node.cpu_capacity - node.cpu_allocatable).max(0) as f64;
    let reserved: f64 = nodes.iter().map(|node| reserved(node) * weight(node)).sum();
    measures.add(CPU_REQUESTED, "", cpu / 1000.0);
    if reserved > 0.0 {
        measures.add(CPU_RESERVED, "", reserved / 1000.0);
    }
    if let Some(traffic) = traffic.filter(|_| cpu > 0.0) {
        let used: f64 = traffic.nodes.iter().map(|node| node.cpu).sum();
        measures.add(CPU_USED, "", used / 1000.0);
        measures.add(IDLE, "", 1.0 - used / cpu);
    }
    if memory > 0.0 {
        measures.add(MEMORY_REQUESTED, "", memory);
    }
    if offered > 0.0 {
        measures.add(CPU_SHARE, "", cpu / offered);
    }
}

fn tiers(measures: &mut Measures, seen: &RunObserver, end: SimTime) {
    let mut names: BTreeMap<&str, u32> = BTreeMap::new();
    seen.tiers.iter().for_each(|((_, container), _)| *names.entry(container).or_default() += 1);
    for ((namespace, container), tier) in seen.tiers.iter() {
        let is_unique = names[&**container] == 1;
        let subject = if is_unique { container.to_string() } else { format!("{namespace}/{container}") };
        let worst = tier.at_worst_node.mean(end) / 1e6;
        measures.add(REPLICAS, &subject, tier.ready.mean(end));
        measures.add(REPLICAS_PEAK, &subject, tier.ready.peak() as f64);
        measures.add(BLAST_RADIUS, &subject, worst);
    }
    let slowest = seen.tiers.losses().iter().map(|loss| recovery_time(loss, end)).max();
    if let Some(slowest) = slowest {
        let seconds = slowest.as_secs_f64();
        measures.add(RECOVERY, "", seconds);
    }
}

/// How many replicas of a tier there are for the sake of another container of their pods: what is beyond the replicas
/// that it would need itself, were each as busy, of what it requests, as the busiest container beside it.
fn wasted_replicas(measures: &mut Measures, seen: &RunObserver, end: SimTime, traffic: &TrafficResults) {
    let busyness = |pod: &Name, container: &Name| {
        let own = traffic.containers.iter().filter(|it| it.pod == *pod && it.container == *container);
        own.filter_map(|it| it.of_request).fold(0.0, f64::max)
    };
    let mut shares: BTreeMap<(&Name, &Name), Vec<f64>> = BTreeMap::new();
    for container in &traffic.containers {
        let beside = traffic.containers.iter().filter(|it| it.pod == container.pod);
        let busiest = beside.map(|it| busyness(&it.pod, &it.container)).fold(0.0, f64::max);
        if let Some(own) = container.of_request.filter(|_| busiest > 0.0) {
            let tier = (&container.namespace, &container.container);
            shares.entry(tier).or_default().push(own / busiest);
        }
    }
    let mut wasted = 0.0;
    for ((namespace, container), tier) in seen.tiers.iter() {
        let Some(shares) = shares.get(&(namespace, container)) else { continue };
        let share = shares.iter().sum::<f64>() / shares.len() as f64;
        let replicas = tier.ready.mean(end);
        let needed = libm::ceil(replicas * share - 1e-9).clamp(1.0, replicas.max(1.0));
        wasted += (replicas - needed).max(0.0);
    }
    measures.add(WASTED, "", wasted);
}
