//! Metrics as OpenMetrics text, which Prometheus reads, and `promtool tsdb create-blocks-from openmetrics` stores.
//!
//! Every sample has its civil time in the scenario.
//! Source: OpenMetrics 1.0, <https://prometheus.io/docs/specs/om/open_metrics_spec/>

use std::fmt::Write;

use crate::engine::SimTime;
use crate::model::wall_clock::WallClock;
use crate::observe::kube_state::{FAMILIES, KubeState, MetricType};

/// All samples as text.
pub fn text(state: &KubeState) -> String {
    let mut out = String::new();
    for head in &FAMILIES {
        let mut series = state.samples(head.name).peekable();
        if series.peek().is_none() {
            continue;
        }
        let (kind, ending) = match head.kind {
            MetricType::Gauge => ("gauge", ""),
            MetricType::Counter => ("counter", "_total"),
        };
        let _ = writeln!(out, "# TYPE {} {kind}\n# HELP {} {}", head.name, head.name, head.help);
        for (labels, samples) in series {
            for sample in samples {
                let at = timestamp(state.clock(), sample.at);
                let _ = writeln!(out, "{}{ending}{{{labels}}} {} {at}", head.name, sample.value);
            }
        }
    }
    out.push_str("# EOF\n");
    out
}

/// Seconds since 1970, with as many decimals as there are.
fn timestamp(clock: WallClock, at: SimTime) -> String {
    let (secs, nanos) = (clock.at(at).secs(), at.as_nanos() % 1_000_000_000);
    if nanos == 0 {
        return secs.to_string();
    }
    format!("{secs}.{nanos:09}").trim_end_matches('0').to_owned()
}
