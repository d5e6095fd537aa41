//! The metrics that an autoscaler can ask for: a read-only interface, and what the clients of the metrics APIs say
//! where it gives nothing.
//!
//! Source: Kubernetes 1.28, pkg/controller/podautoscaler/metrics/client.go and utilization.go.

use std::collections::BTreeMap;

use crate::engine::{SimDuration, SimTime};
use crate::model::horizontal_pod_autoscaler::{DescribedObject, MetricName};
use crate::model::meta::{LabelSelector, Name};

/// What a metrics API tells of one pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PodMetric {
    /// The number [thousandths].
    pub value: i64,
    /// The end of the window that it was measured in.
    pub timestamp: SimTime,
    /// The length of the window.
    pub window: SimDuration,
}

/// What a metrics API tells of several pods, by name.
pub type PodMetrics = BTreeMap<Name, PodMetric>;

/// What the resource metrics API tells of one pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodUsage {
    /// The end of the window that it was measured in.
    pub timestamp: SimTime,
    /// The length of the window.
    pub window: SimDuration,
    /// What each container uses.
    pub containers: Vec<ContainerUsage>,
}

/// What the resource metrics API tells of one container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerUsage {
    /// The name of the container.
    pub name: Name,
    /// What it uses of the resource [thousandths]; `None` where the API does not know.
    pub usage: Option<i64>,
}

/// The metrics APIs of a cluster, as far as one autoscaler asks them. An error is the API server's answer in words.
pub trait MetricsApi {
    /// What the pods that the selector means use of a resource, by name of the pod.
    ///
    /// # Errors
    /// When the resource metrics API does not answer.
    fn resource(&self, resource: &str, pods: &LabelSelector) -> Result<BTreeMap<Name, PodUsage>, String>;

    /// A number that each of the pods has.
    ///
    /// # Errors
    /// When the custom metrics API does not answer, or does not know the metric.
    fn pods(&self, metric: &MetricName, pods: &LabelSelector) -> Result<PodMetrics, String>;

    /// A number that an object has [thousandths].
    ///
    /// # Errors
    /// When the custom metrics API does not answer, or does not know the metric.
    fn object(&self, metric: &MetricName, described: &DescribedObject) -> Result<i64, String>;

    /// The series of a metric from outside of the cluster [thousandths].
    ///
    /// # Errors
    /// When the external metrics API does not answer, or does not know the metric.
    fn external(&self, metric: &MetricName) -> Result<Vec<i64>, String>;
}

/// What the pods, or one container of each, use of a resource.
///
/// # Errors
/// In upstream's words.
pub fn resource_metrics(
    api: &dyn MetricsApi,
    resource: &str,
    container: Option<&Name>,
    pods: &LabelSelector,
    namespace: &str,
) -> Result<PodMetrics, String> {
    let answer = api
        .resource(resource, pods)
        .map_err(|error| format!("unable to fetch metrics from resource metrics API: {error}"))?;
    if answer.is_empty() {
        return Err("no metrics returned from resource metrics API".to_owned());
    }
    let mut metrics = PodMetrics::new();
    for (pod, usage) in answer {
        let value = match container {
            None => pod_sum(&usage),
            Some(name) => {
                let found = usage.containers.iter().find(|container| container.name == *name);
                let missing = || {
                    format!(
                        "failed to get container metrics: container {name} not present in metrics for pod \
                         {namespace}/{pod}"
                    )
                };
                found.ok_or_else(missing)?.usage
            }
        };
        if let Some(value) = value {
            metrics.insert(pod, PodMetric { value, timestamp: usage.timestamp, window: usage.window });
        }
    }
    Ok(metrics)
}

/// The sum over all containers; nothing where one is not known.
fn pod_sum(usage: &PodUsage) -> Option<i64> {
    if usage.containers.is_empty() {
        return None;
    }
    usage.containers.iter().map(|container| container.usage).sum()
}

/// A number that each of the pods has.
///
/// # Errors
/// In upstream's words.
pub fn pods_metrics(
    api: &dyn MetricsApi,
    metric: &MetricName,
    pods: &LabelSelector,
) -> Result<PodMetrics, String> {
    let answer = api
        .pods(metric, pods)
        .map_err(|error| format!("unable to fetch metrics from custom metrics API: {error}"))?;
    if answer.is_empty() {
        return Err("no metrics returned from custom metrics API".to_owned());
    }
    Ok(answer)
}

/// A number that an object has [thousandths].
///
/// # Errors
/// In upstream's words.
pub fn object_metric(
    api: &dyn MetricsApi,
    metric: &MetricName,
    described: &DescribedObject,
) -> Result<i64, String> {
    api.object(metric, described)
        .map_err(|error| format!("unable to fetch metrics from custom metrics API: {error}"))
}

/// The sum of the series of a metric from outside of the cluster [thousandths].
///
/// # Errors
/// In upstream's words.
pub fn external_metric(api: &dyn MetricsApi, metric: &MetricName) -> Result<i64, String> {
    let series = api
        .external(metric)
        .map_err(|error| format!("unable to fetch metrics from external metrics API: {error}"))?;
    if series.is_empty() {
        return Err("no metrics returned from external metrics API".to_owned());
    }
    Ok(series.into_iter().fold(0, i64::saturating_add))
}
