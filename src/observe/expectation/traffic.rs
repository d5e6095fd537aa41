//! The load as expectations see it: `traffic` by source, `tiers` by workload and container.

use std::sync::Arc;

use cel::Value;

use crate::engine::SimDuration;
use crate::observe::expectation::Evidence;
use crate::traffic::{ErrorKind, SourceResult, TierResult};

/// The sources by name.
pub(super) fn sources(evidence: &Evidence<'_>) -> Value {
    let results = evidence.traffic.results(evidence.cluster, evidence.now);
    map(results.sources.iter().map(|result| (result.name.to_string(), source(result))))
}

/// The tiers by workload and container, as `deployment/web/app`, outside of the namespace `default` with it before.
pub(super) fn tiers(evidence: &Evidence<'_>) -> Value {
    let results = evidence.traffic.results(evidence.cluster, evidence.now);
    map(results.tiers.iter().map(|result| {
        let namespace = match &*result.namespace {
            "default" => String::new(),
            other => format!("{other}/"),
        };
        (format!("{namespace}{}/{}", result.workload, result.container), tier(result))
    }))
}

fn source(result: &SourceResult) -> Value {
    let latency = &result.latency;
    let kinds = ErrorKind::ALL.into_iter().zip(result.errors);
    let errors: u64 = result.errors.iter().sum();
    let latency = [
        ("mean", latency.mean),
        ("p50", latency.p50),
        ("p90", latency.p90),
        ("p95", latency.p95),
        ("p99", latency.p99),
        ("p999", latency.p999),
        ("max", latency.max),
    ];
    map([
        ("offered", whole(result.offered)),
        ("succeeded", whole(result.succeeded)),
        ("errors", whole(errors)),
        ("errorsByKind", map(kinds.map(|(kind, count)| (kind.as_str(), whole(count))))),
        ("errorRate", Value::Float(result.error_rate())),
        ("retried", whole(result.retried)),
        ("open", whole(result.open)),
        ("throughput", Value::Float(result.throughput())),
        ("latency", map(latency.map(|(name, span)| (name, duration(span))))),
    ])
}

fn tier(result: &TierResult) -> Value {
    map([
        ("pods", whole(result.pods)),
        ("arrived", whole(result.arrived)),
        ("succeeded", whole(result.succeeded)),
        ("failed", whole(result.failed)),
        ("cpu", Value::Float(result.cpu / 1000.0)),
        ("cpuPerPod", Value::Float(result.cpu_per_pod / 1000.0)),
        ("queueMean", Value::Float(result.queue_mean)),
        ("queueMax", whole(u64::from(result.queue_max))),
    ])
}

fn map<K: Into<String>>(entries: impl IntoIterator<Item = (K, Value)>) -> Value {
    let entries = entries.into_iter().map(|(key, value)| (key.into().into(), value));
    Value::Map(cel::objects::Map { map: Arc::new(entries.collect()) })
}

fn whole(number: u64) -> Value {
    Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

fn duration(span: SimDuration) -> Value {
    let nanos = i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
    Value::Duration(chrono::Duration::nanoseconds(nanos))
}
