//! The load of a run: as data and as tables.

use serde::Serialize;

use crate::engine::SimDuration;
use crate::report::summary::seconds;
use crate::report::table::Table;
use crate::traffic::{
    ContainerResult, ErrorKind, LatencySummary, PortResult, SourceResult, TierResult, TrafficResults,
    WindowSummary,
};

/// Longer lists are cut.
const ROWS_MAX: usize = 40;

/// What came of the load.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TrafficSummary {
    /// The end of the warm-up [s].
    pub from: f64,
    /// The end of the run [s].
    pub until: f64,
    /// The sources.
    pub sources: Vec<SourceRow>,
    /// The tiers: containers of workloads.
    pub tiers: Vec<TierRow>,
    /// The containers that are there at the end.
    pub containers: Vec<ContainerRow>,
    /// The nodes.
    pub nodes: Vec<NodeLoadRow>,
}

/// What came of a source's requests.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceRow {
    /// The source.
    pub name: String,
    /// Requests that arrived.
    pub offered: u64,
    /// Requests that were answered.
    pub succeeded: u64,
    /// Requests that were answered, per second.
    pub throughput: f64,
    /// Requests that failed.
    pub errors: u64,
    /// The same by kind; kinds without any are left out.
    pub errors_by_kind: std::collections::BTreeMap<&'static str, u64>,
    /// How many more times requests were sent.
    pub retried: u64,
    /// Requests without an answer at the end.
    pub open: u64,
    /// The latency of those that were answered.
    pub latency: LatencyRow,
    /// The same over time, with the warm-up.
    pub windows: Vec<WindowRow>,
}

/// Latencies [s].
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LatencyRow {
    /// The mean.
    pub mean: f64,
    /// Half were at most so long.
    pub p50: f64,
    /// 90 of a hundred.
    pub p90: f64,
    /// 95 of a hundred.
    pub p95: f64,
    /// 99 of a hundred.
    pub p99: f64,
    /// 999 of a thousand.
    pub p999: f64,
    /// The longest.
    pub max: f64,
}

/// A window of time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WindowRow {
    /// Its beginning [s].
    pub from: f64,
    /// Its length [s].
    pub span: f64,
    /// Requests that arrived in it.
    pub offered: u64,
    /// Requests that were answered in it.
    pub succeeded: u64,
    /// Requests that failed in it.
    pub errors: u64,
    /// The mean latency [s].
    pub mean: f64,
    /// Half were at most so long [s].
    pub p50: f64,
    /// 99 of a hundred [s].
    pub p99: f64,
}

/// A container of a workload.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TierRow {
    /// The namespace.
    pub namespace: String,
    /// The workload.
    pub workload: String,
    /// The container.
    pub container: String,
    /// How many pods it ran in, all in all.
    pub pods: u64,
    /// Requests that came.
    pub arrived: u64,
    /// Requests that were not answered with success.
    pub failed: u64,
    /// Cores in use, over all pods.
    pub cpu: f64,
    /// Cores in use, per pod that ran.
    pub cpu_per_pod: f64,
    /// Requests in queues, on average over time.
    pub queue_mean: f64,
    /// Requests in one queue, at the most.
    pub queue_max: u32,
}

/// A container.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerRow {
    /// The namespace.
    pub namespace: String,
    /// The pod.
    pub pod: String,
    /// The container.
    pub container: String,
    /// Cores in use while it ran.
    pub cpu: f64,
    /// The same as a share of its limit, or of its node.
    pub utilisation: f64,
    /// The same as a share of its request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of_request: Option<f64>,
    /// Its ports.
    pub ports: Vec<PortRow>,
}

/// A port of a container.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PortRow {
    /// The port.
    pub port: u16,
    /// Requests that came.
    pub arrived: u64,
    /// Requests that were answered with success.
    pub succeeded: u64,
    /// Requests that were not, by kind.
    pub failed: std::collections::BTreeMap<&'static str, u64>,
    /// Requests there, on average over time.
    pub present_mean: f64,
    /// Requests in the queue, on average over time.
    pub queue_mean: f64,
    /// Requests in the queue, at the most.
    pub queue_max: u32,
    /// Busy workers, on average over time.
    pub busy_mean: f64,
}

/// What the load took of a node.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeLoadRow {
    /// The node.
    pub name: String,
    /// Cores in use.
    pub cpu: f64,
    /// The same as a share of what it has.
    pub utilisation: f64,
}

/// The load of a run as data.
pub fn summarise(results: &TrafficResults) -> TrafficSummary {
    TrafficSummary {
        from: seconds(results.from),
        until: seconds(results.until),
        sources: results.sources.iter().map(source_row).collect(),
        tiers: results.tiers.iter().map(tier_row).collect(),
        containers: results.containers.iter().map(container_row).collect(),
        nodes: results
            .nodes
            .iter()
            .map(|node| NodeLoadRow {
                name: node.name.to_string(),
                cpu: node.cpu / 1000.0,
                utilisation: node.utilisation,
            })
            .collect(),
    }
}

fn source_row(result: &SourceResult) -> SourceRow {
    SourceRow {
        name: result.name.to_string(),
        offered: result.offered,
        succeeded: result.succeeded,
        throughput: result.throughput(),
        errors: result.errors.iter().sum(),
        errors_by_kind: by_kind(&result.errors),
        retried: result.retried,
        open: result.open,
        latency: latency_row(&result.latency),
        windows: result.windows.iter().map(window_row).collect(),
    }
}

fn latency_row(latency: &LatencySummary) -> LatencyRow {
    LatencyRow {
        mean: latency.mean.as_secs_f64(),
        p50: latency.p50.as_secs_f64(),
        p90: latency.p90.as_secs_f64(),
        p95: latency.p95.as_secs_f64(),
        p99: latency.p99.as_secs_f64(),
        p999: latency.p999.as_secs_f64(),
        max: latency.max.as_secs_f64(),
    }
}

fn window_row(window: &WindowSummary) -> WindowRow {
    WindowRow {
        from: seconds(window.from),
        span: window.span.as_secs_f64(),
        offered: window.offered,
        succeeded: window.succeeded,
        errors: window.errors,
        mean: window.mean.as_secs_f64(),
        p50: window.p50.as_secs_f64(),
        p99: window.p99.as_secs_f64(),
    }
}

fn by_kind(counts: &[u64; ErrorKind::COUNT]) -> std::collections::BTreeMap<&'static str, u64> {
    let kinds = ErrorKind::ALL.into_iter().zip(counts);
    kinds.filter(|(_, count)| **count > 0).map(|(kind, count)| (kind.as_str(), *count)).collect()
}

fn tier_row(result: &TierResult) -> TierRow {
    TierRow {
        namespace: result.namespace.to_string(),
        workload: result.workload.clone(),
        container: result.container.to_string(),
        pods: result.pods,
        arrived: result.arrived,
        failed: result.failed,
        cpu: result.cpu / 1000.0,
        cpu_per_pod: result.cpu_per_pod / 1000.0,
        queue_mean: result.queue_mean,
        queue_max: result.queue_max,
    }
}

fn container_row(result: &ContainerResult) -> ContainerRow {
    let port = |port: &PortResult| PortRow {
        port: port.port,
        arrived: port.arrived,
        succeeded: port.succeeded,
        failed: by_kind(&port.failed),
        present_mean: port.present_mean,
        queue_mean: port.queue_mean,
        queue_max: port.queue_max,
        busy_mean: port.busy_mean,
    };
    ContainerRow {
        namespace: result.namespace.to_string(),
        pod: result.pod.to_string(),
        container: result.container.to_string(),
        cpu: result.cpu / 1000.0,
        utilisation: result.utilisation,
        of_request: result.of_request,
        ports: result.ports.iter().map(port).collect(),
    }
}

impl SourceRow {
    /// A latency, where any request was answered.
    pub fn shown_latency(&self, secs: f64) -> String {
        if self.succeeded > 0 { span(secs) } else { "-".to_owned() }
    }
}

/// One line on each source.
pub fn verdict(summary: &TrafficSummary) -> impl Iterator<Item = String> + '_ {
    summary.sources.iter().map(|source| {
        let share = if source.offered > 0 { source.errors as f64 / source.offered as f64 } else { 0.0 };
        let [p50, p99] = [source.latency.p50, source.latency.p99].map(|secs| source.shown_latency(secs));
        format!(
            "Traffic {}  {} requests, {:.1}/s answered: p50 {p50}, p99 {p99}, {:.2}% errors",
            source.name,
            source.offered,
            source.throughput,
            share * 100.0
        )
    })
}

/// The tables, in the order in which they are shown.
pub fn tables(summary: &TrafficSummary) -> [Table; 4] {
    [sources(summary), tiers(summary), containers(summary), nodes(summary)]
}

fn sources(summary: &TrafficSummary) -> Table {
    let heads = [
        "SOURCE",
        "REQUESTS",
        "PER SECOND",
        "ERRORS",
        "RETRIED",
        "MEAN",
        "P50",
        "P90",
        "P95",
        "P99",
        "P99.9",
        "MAX",
    ];
    let mut table = Table::new(&heads);
    for source in summary.sources.iter().take(ROWS_MAX) {
        let latency = &source.latency;
        let times =
            [latency.mean, latency.p50, latency.p90, latency.p95, latency.p99, latency.p999, latency.max];
        let [mean, p50, p90, p95, p99, p999, max] = times.map(|secs| source.shown_latency(secs));
        table.row([
            source.name.clone(),
            source.offered.to_string(),
            format!("{:.1}", source.throughput),
            errors(source),
            if source.retried > 0 { source.retried.to_string() } else { String::new() },
            mean,
            p50,
            p90,
            p95,
            p99,
            p999,
            max,
        ]);
    }
    table
}

/// The errors of a source, by kind: `7 (5 timeout, 2 queueFull)`.
fn errors(source: &SourceRow) -> String {
    let kinds: Vec<String> =
        source.errors_by_kind.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    if kinds.is_empty() { "0".to_owned() } else { format!("{} ({})", source.errors, kinds.join(", ")) }
}

fn tiers(summary: &TrafficSummary) -> Table {
    let heads =
        ["TIER", "CONTAINER", "PODS", "REQUESTS", "FAILED", "CPU", "CPU PER POD", "QUEUE MEAN", "QUEUE MAX"];
    let mut table = Table::new(&heads);
    for tier in summary.tiers.iter().take(ROWS_MAX) {
        table.row([
            tier.workload.clone(),
            tier.container.clone(),
            tier.pods.to_string(),
            tier.arrived.to_string(),
            tier.failed.to_string(),
            format!("{:.3}", tier.cpu),
            format!("{:.3}", tier.cpu_per_pod),
            format!("{:.2}", tier.queue_mean),
            tier.queue_max.to_string(),
        ]);
    }
    table
}

fn containers(summary: &TrafficSummary) -> Table {
    let mut table = Table::new(&["POD", "CONTAINER", "CPU", "UTILISATION", "OF REQUEST"]);
    for container in summary.containers.iter().take(ROWS_MAX) {
        table.row([
            container.pod.clone(),
            container.container.clone(),
            format!("{:.3}", container.cpu),
            percent(container.utilisation),
            container.of_request.map(percent).unwrap_or_default(),
        ]);
    }
    table
}

fn nodes(summary: &TrafficSummary) -> Table {
    let mut table = Table::new(&["NODE", "CPU USED", "UTILISATION"]);
    for node in summary.nodes.iter().take(ROWS_MAX) {
        table.row([node.name.clone(), format!("{:.3}", node.cpu), percent(node.utilisation)]);
    }
    table
}

fn percent(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}

/// A latency to three digits.
fn span(secs: f64) -> String {
    let nanos = SimDuration::from_secs_f64(secs).as_nanos();
    let digits = nanos.checked_ilog10().unwrap_or(0);
    let step = 10_u64.pow(digits.saturating_sub(2));
    let rounded = nanos.saturating_add(step / 2) / step * step;
    SimDuration::from_nanos(rounded).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_shown_to_three_digits() {
        for (secs, shown) in
            [(0.0, "0s"), (0.000_040_1, "40.1us"), (0.012_345_678, "12.3ms"), (0.999_9, "1s"), (61.0, "1m1s")]
        {
            assert_eq!(span(secs), shown);
        }
    }
}
