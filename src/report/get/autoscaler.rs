//! The targets of autoscalers, as kubectl shows them: what is, and what should be.
//!
//! Source: Kubernetes 1.28 and 1.31, pkg/printers/internalversion/printers.go, formatHPAMetrics.

use crate::model::horizontal_pod_autoscaler::{
    HorizontalPodAutoscalerSpec, HorizontalPodAutoscalerStatus, MetricSource, MetricStatus, MetricTarget,
    MetricValue,
};
use crate::model::quantity::Quantity;

/// How many metrics are written out.
const SHOWN_MAX: usize = 2;

/// `cpu: 55%/50%, 120/100 (avg)`
pub(super) fn targets(spec: &HorizontalPodAutoscalerSpec, status: &HorizontalPodAutoscalerStatus) -> String {
    let current = |at: usize, source: &MetricSource| {
        let known = status.current_metrics.get(at).and_then(Option::as_ref);
        known.filter(|known: &&MetricStatus| known.source == *source).map(|known| known.current)
    };
    let numbered = spec.metrics.iter().enumerate();
    let shown = numbered.take(SHOWN_MAX).map(|(at, metric)| {
        let target = target_text(metric.target, current(at, &metric.source));
        match &metric.source {
            MetricSource::Resource(resource) => format!("{resource}: {target}"),
            MetricSource::ContainerResource { resource, container } => {
                format!("{resource}/{container}: {target}")
            }
            MetricSource::Pods(_) | MetricSource::Object { .. } | MetricSource::External(_) => target,
        }
    });
    let shown: Vec<String> = shown.collect();
    match spec.metrics.len().saturating_sub(SHOWN_MAX) {
        0 => shown.join(", "),
        n_more => format!("{} + {n_more} more...", shown.join(", ")),
    }
}

fn target_text(target: MetricTarget, current: Option<MetricValue>) -> String {
    let unknown = || "<unknown>".to_owned();
    let amount = |millis: i64| Quantity::from_millis(millis).to_string();
    match target {
        MetricTarget::Utilization(percent) => {
            let now = current.and_then(|it| it.utilization).map_or_else(unknown, |now| format!("{now}%"));
            format!("{now}/{percent}%")
        }
        MetricTarget::AverageValue(target) => {
            let now = current.and_then(|it| it.average_value).map_or_else(unknown, amount);
            format!("{now}/{} (avg)", amount(target))
        }
        MetricTarget::Value(target) => {
            let now = current.and_then(|it| it.value).map_or_else(unknown, amount);
            format!("{now}/{}", amount(target))
        }
    }
}
