//! Horizontal pod autoscalers.

use serde::Deserialize;

use crate::manifest::wire::meta::{LabelSelector, ObjectMeta};
use crate::model::meta::Name;
use crate::model::quantity::Quantity;

/// `autoscaling/v2 HorizontalPodAutoscaler`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct HorizontalPodAutoscaler {
    pub metadata: ObjectMeta,
    pub spec: HorizontalPodAutoscalerSpec,
}

/// `HorizontalPodAutoscalerSpec`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct HorizontalPodAutoscalerSpec {
    pub behavior: Option<HorizontalPodAutoscalerBehavior>,
    pub max_replicas: i32,
    pub metrics: Vec<MetricSpec>,
    pub min_replicas: Option<i32>,
    pub scale_target_ref: CrossVersionObjectReference,
}

/// `CrossVersionObjectReference`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct CrossVersionObjectReference {
    pub api_version: Name,
    pub kind: Name,
    pub name: Name,
}

/// `MetricSpec`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MetricSpec {
    pub container_resource: Option<ContainerResourceMetricSource>,
    pub external: Option<ExternalMetricSource>,
    pub object: Option<ObjectMetricSource>,
    pub pods: Option<PodsMetricSource>,
    pub resource: Option<ResourceMetricSource>,
    #[serde(rename = "type")]
    pub kind: Name,
}

/// `ContainerResourceMetricSource`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ContainerResourceMetricSource {
    pub container: Name,
    pub name: Name,
    pub target: MetricTarget,
}

/// `ExternalMetricSource`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ExternalMetricSource {
    pub metric: MetricIdentifier,
    pub target: MetricTarget,
}

/// `ObjectMetricSource`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ObjectMetricSource {
    pub described_object: CrossVersionObjectReference,
    pub metric: MetricIdentifier,
    pub target: MetricTarget,
}

/// `PodsMetricSource`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodsMetricSource {
    pub metric: MetricIdentifier,
    pub target: MetricTarget,
}

/// `ResourceMetricSource`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ResourceMetricSource {
    pub name: Name,
    pub target: MetricTarget,
}

/// `MetricIdentifier`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MetricIdentifier {
    pub name: Name,
    pub selector: Option<LabelSelector>,
}

/// `MetricTarget`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MetricTarget {
    pub average_utilization: Option<i32>,
    pub average_value: Option<Quantity>,
    #[serde(rename = "type")]
    pub kind: Name,
    pub value: Option<Quantity>,
}

/// `HorizontalPodAutoscalerBehavior`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct HorizontalPodAutoscalerBehavior {
    pub scale_down: Option<HPAScalingRules>,
    pub scale_up: Option<HPAScalingRules>,
}

/// `HPAScalingRules`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct HPAScalingRules {
    pub policies: Option<Vec<HPAScalingPolicy>>,
    pub select_policy: Option<Name>,
    pub stabilization_window_seconds: Option<i32>,
    pub tolerance: Option<Quantity>,
}

/// `HPAScalingPolicy`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct HPAScalingPolicy {
    pub period_seconds: i32,
    #[serde(rename = "type")]
    pub kind: Name,
    pub value: i32,
}
