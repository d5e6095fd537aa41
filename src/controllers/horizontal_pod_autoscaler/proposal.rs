//! What each metric of an autoscaler asks for, and what is said of one that cannot be had.
//!
//! Source: Kubernetes 1.28, pkg/controller/podautoscaler/horizontal.go, computeReplicasForMetric and the functions
//! that it calls.

use crate::controllers::horizontal_pod_autoscaler::metrics::{self, MetricsApi};
use crate::controllers::horizontal_pod_autoscaler::replicas::{self, Proposal, Scene};
use crate::model::horizontal_pod_autoscaler::{
    DescribedObject, MetricName, MetricSource, MetricSpec, MetricTarget,
};
use crate::model::meta::{LabelSelector, Name};

/// A metric that asks for a number of replicas.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// What upstream calls the metric.
    pub metric: String,
    /// What it asks for.
    pub proposal: Proposal,
}

/// Why a metric asks for nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The reason of the record and of the condition ScalingActive.
    pub reason: &'static str,
    /// The message of the record.
    pub message: String,
    /// What the sync says of it in its own error.
    pub error: String,
}

/// The scale target as an autoscaler sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scale {
    /// The replicas that its spec asks for.
    pub spec_replicas: u32,
    /// The replicas that its status counts.
    pub status_replicas: u32,
    /// Its pods.
    pub selector: LabelSelector,
}

/// What one metric asks for.
///
/// # Errors
/// When the metric cannot be had.
pub fn ask(
    spec: &MetricSpec,
    scale: &Scale,
    namespace: &str,
    api: &dyn MetricsApi,
    scene: &Scene<'_>,
) -> Result<Asked, Failure> {
    let question = Question { target: spec.target, scale, namespace, api, scene };
    match &spec.source {
        MetricSource::Resource(resource) => question.resource(resource, None).map_err(|message| Failure {
            reason: "FailedGetResourceMetric",
            error: format!("failed to get {resource} resource metric value: {message}"),
            message,
        }),
        MetricSource::ContainerResource { resource, container } => {
            question.resource(resource, Some(container)).map_err(|message| Failure {
                reason: "FailedGetContainerResourceMetric",
                error: format!("failed to get {container} container metric value: {message}"),
                message,
            })
        }
        MetricSource::Pods(metric) => question.pods(metric).map_err(|message| Failure {
            reason: "FailedGetPodsMetric",
            error: format!("failed to get pods metric value: {message}"),
            message,
        }),
        MetricSource::Object { metric, described } => question.object(metric, described),
        MetricSource::External(metric) => question.external(metric),
    }
}

/// One metric and all that it is judged by.
struct Question<'a> {
    target: MetricTarget,
    scale: &'a Scale,
    namespace: &'a str,
    api: &'a dyn MetricsApi,
    scene: &'a Scene<'a>,
}

impl Question<'_> {
    fn resource(&self, resource: &Name, container: Option<&Name>) -> Result<Asked, String> {
        let metrics = || {
            metrics::resource_metrics(self.api, resource, container, &self.scale.selector, self.namespace)
                .map_err(|error| format!("unable to get metrics for resource {resource}: {error}"))
        };
        let current = self.scale.spec_replicas;
        match self.target {
            MetricTarget::Utilization(target) => {
                let asked = metrics().and_then(|metrics| {
                    replicas::for_utilization(current, target, metrics, (resource, container), self.scene)
                });
                let kind = if container.is_some() { "container resource" } else { "resource" };
                Ok(Asked {
                    metric: format!("{resource} {kind} utilization (percentage of request)"),
                    proposal: asked
                        .map_err(|error| format!("failed to get {resource} utilization: {error}"))?,
                })
            }
            MetricTarget::AverageValue(target) | MetricTarget::Value(target) => {
                let asked = metrics().and_then(|metrics| {
                    replicas::for_average(current, target, metrics, Some(resource), self.scene)
                });
                Ok(Asked {
                    metric: format!("{resource} resource"),
                    proposal: asked.map_err(|error| format!("failed to get {resource} usage: {error}"))?,
                })
            }
        }
    }

    fn pods(&self, metric: &MetricName) -> Result<Asked, String> {
        let metrics = metrics::pods_metrics(self.api, metric, &self.scale.selector)
            .map_err(|error| format!("unable to get metric {}: {error}", metric.name))?;
        let target = self.amount();
        let proposal = replicas::for_average(self.scale.spec_replicas, target, metrics, None, self.scene)?;
        Ok(Asked { metric: format!("pods metric {}", metric.name), proposal })
    }

    fn object(&self, metric: &MetricName, described: &DescribedObject) -> Result<Asked, Failure> {
        let MetricName { name, selector_text, .. } = metric;
        // Upstream's message has its parts in this order.
        let value = metrics::object_metric(self.api, metric, described).map_err(|error| {
            let DescribedObject { kind, name: object, .. } = described;
            format!("unable to get metric {name}: {kind} on {} {object}/{error}", self.namespace)
        });
        let failure = |message: String, error: String| Failure {
            reason: "FailedGetObjectMetric",
            error: format!("failed to get object metric value: {error}"),
            message,
        };
        match self.target {
            MetricTarget::AverageValue(target) => {
                let value = value.map_err(|message| {
                    let error = format!("failed to get {name} object metric: {message}");
                    failure(message, error)
                })?;
                Ok(self.per_pod(target, value, format!("external metric {name}({selector_text})")))
            }
            MetricTarget::Value(_) | MetricTarget::Utilization(_) => {
                let asked = value.and_then(|value| self.by_ready_pods(value));
                let proposal = asked.map_err(|message| failure(message.clone(), message))?;
                Ok(Asked { metric: format!("{} metric {name}", described.kind), proposal })
            }
        }
    }

    fn external(&self, metric: &MetricName) -> Result<Asked, Failure> {
        let MetricName { name, selector_text, .. } = metric;
        let value = metrics::external_metric(self.api, metric).map_err(|error| {
            format!("unable to get external metric {}/{name}/{selector_text}: {error}", self.namespace)
        });
        let failure = |message: String, error: String| Failure {
            reason: "FailedGetExternalMetric",
            error: format!("failed to get {name} external metric value: {error}"),
            message,
        };
        let called = format!("external metric {name}({selector_text})");
        match self.target {
            MetricTarget::AverageValue(target) => {
                let value = value.map_err(|message| {
                    let error = format!("failed to get {name} external metric: {message}");
                    failure(message, error)
                })?;
                Ok(self.per_pod(target, value, called))
            }
            MetricTarget::Value(_) | MetricTarget::Utilization(_) => {
                let asked = value.and_then(|value| self.by_ready_pods(value));
                let proposal = asked.map_err(|message| {
                    let error = format!("failed to get external metric {name}: {message}");
                    failure(message, error)
                })?;
                Ok(Asked { metric: called, proposal })
            }
        }
    }

    fn by_ready_pods(&self, value: i64) -> Result<Proposal, String> {
        replicas::for_value(self.scale.spec_replicas, self.amount(), value, self.scene)
    }

    fn per_pod(&self, target: i64, value: i64, metric: String) -> Asked {
        let tolerances = self.scene.tolerances;
        let proposal = replicas::for_value_per_pod(self.scale.status_replicas, target, value, tolerances);
        Asked { metric, proposal }
    }

    /// The target of a metric that validation lets have no utilisation [thousandths].
    fn amount(&self) -> i64 {
        match self.target {
            MetricTarget::AverageValue(target) | MetricTarget::Value(target) => target,
            MetricTarget::Utilization(_) => unreachable!("only resources have requests to be a share of"),
        }
    }
}
