//! Metrics that a scenario gives, and the cpu that programs use by themselves.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::engine::SimTime;
use crate::manifest::field_error::{FieldErrors, Path};
use crate::manifest::scenario::Span;
use crate::manifest::scenario::scalar::Amount;
use crate::model;
use crate::model::horizontal_pod_autoscaler::{HorizontalPodAutoscalerSpec, MetricName, MetricSource};
use crate::model::metrics::{MetricSeries, MetricSubject};
use crate::model::program::CpuUse;
use crate::model::resources::Millicores;

/// A metric that autoscalers go by and pods do not bring by themselves. Without `object` and `pods` it is External.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metric {
    /// The name.
    pub name: String,
    /// The object that has it.
    pub object: Option<MetricObject>,
    /// The pods have it.
    pub pods: Option<PodsMetric>,
    /// Labels, for metrics that are chosen by a selector.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Its values, in order of time; before the first there is no such metric.
    pub series: Vec<MetricPoint>,
}

/// An object that has a metric; it need not be in the manifests.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MetricObject {
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its namespace. Default: `default`.
    pub namespace: Option<String>,
}

/// How pods have a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum PodsMetric {
    /// Every pod that runs has the value.
    Each,
    /// The pods that are ready share the value evenly; others have none of it.
    Shared,
}

/// A value from an instant on.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MetricPoint {
    /// From when on.
    pub at: Span,
    /// The value, as a quantity: `10`, `2.5`, `500m`.
    pub value: Amount,
}

/// The cpu that a process uses, besides what requests take.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Cpu {
    /// Always so much, as `300m`.
    Constant(Amount),
    /// From instants of the scenario on.
    Series(Vec<MetricPoint>),
}

/// The series of all metrics; problems go to `errors`.
pub fn series(metrics: &[Metric], errors: &mut FieldErrors) -> Vec<MetricSeries> {
    let spec = Path::OBJECT.child("spec");
    let all = spec.child("metrics");
    let numbered = metrics.iter().enumerate();
    numbered.map(|(at, metric)| one_series(metric, &all.index(at), errors)).collect()
}

fn one_series(metric: &Metric, path: &Path<'_>, errors: &mut FieldErrors) -> MetricSeries {
    if metric.object.is_some() && metric.pods.is_some() {
        errors.forbidden(&path.child("pods"), "`object` is given: use one of the two");
    }
    let subject = match (&metric.object, metric.pods) {
        (Some(object), _) => MetricSubject::Object {
            namespace: object.namespace.as_deref().unwrap_or("default").into(),
            kind: object.kind.as_str().into(),
            name: object.name.as_str().into(),
        },
        (None, Some(PodsMetric::Each)) => MetricSubject::EachPod,
        (None, Some(PodsMetric::Shared)) => MetricSubject::AllPods,
        (None, None) => MetricSubject::External,
    };
    MetricSeries {
        name: metric.name.as_str().into(),
        subject,
        labels: metric.labels.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect(),
        points: points(&metric.series, &path.child("series"), errors),
    }
}

/// What was written as points [thousandths]; they have to be in order.
fn points(written: &[MetricPoint], path: &Path<'_>, errors: &mut FieldErrors) -> Vec<(SimTime, i64)> {
    if written.is_empty() {
        errors.required(path, "at least one value");
    }
    for (at, pair) in (1..).zip(written.windows(2)) {
        if pair[1].at.0 <= pair[0].at.0 {
            let point = path.index(at);
            errors.invalid(
                &point.child("at"),
                &*pair[1].at.0.to_string(),
                "must be later than the one before",
            );
        }
    }
    let point = |point: &MetricPoint| (SimTime::ZERO + point.at.0, point.value.millis());
    written.iter().map(point).collect()
}

/// The cpu that a program uses by itself.
pub fn cpu_use(cpu: &Cpu, path: &Path<'_>, errors: &mut FieldErrors) -> CpuUse {
    let points = match cpu {
        Cpu::Constant(amount) => vec![(SimTime::ZERO, amount.millis())],
        Cpu::Series(written) => points(written, path, errors),
    };
    for (_, amount) in points.iter().filter(|(_, amount)| *amount < 0) {
        errors.invalid(path, amount, "must not be negative");
    }
    CpuUse(points.into_iter().map(|(at, amount)| (at, Millicores(amount))).collect())
}

/// What is said of metrics of an autoscaler that the scenario does not give: none could ever be had. By their places in the
/// autoscaler's spec.
pub fn missing_series(spec: &HorizontalPodAutoscalerSpec, series: &[MetricSeries]) -> Vec<(String, String)> {
    let is_external = |subject: &MetricSubject| *subject == MetricSubject::External;
    let is_of_object = |subject: &MetricSubject| matches!(subject, MetricSubject::Object { .. });
    let is_of_pods = |subject: &MetricSubject| !is_external(subject) && !is_of_object(subject);
    let is_given = |metric: &MetricName, is_kind: &dyn Fn(&MetricSubject) -> bool| {
        series.iter().any(|it| it.name == metric.name && is_kind(&it.subject))
    };
    let missing = |metric: &model::horizontal_pod_autoscaler::MetricSpec| {
        let (field, name, is_there) = match &metric.source {
            MetricSource::Resource(_) | MetricSource::ContainerResource { .. } => return None,
            MetricSource::Pods(metric) => ("pods", metric, is_given(metric, &is_of_pods)),
            MetricSource::Object { metric, .. } => ("object", metric, is_given(metric, &is_of_object)),
            MetricSource::External(metric) => ("external", metric, is_given(metric, &is_external)),
        };
        (!is_there).then(|| (field, name.name.clone()))
    };
    let numbered = spec.metrics.iter().enumerate();
    numbered
        .filter_map(|(at, metric)| {
            let (field, name) = missing(metric)?;
            let path = format!("spec.metrics[{at}].{field}.metric.name");
            Some((
                path,
                format!("nothing gives the metric \"{name}\": add it to `spec.metrics` of the Scenario"),
            ))
        })
        .collect()
}
