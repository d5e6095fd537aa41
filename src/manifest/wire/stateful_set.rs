//! StatefulSets.

use serde::Deserialize;

use crate::manifest::wire::Others;
use crate::manifest::wire::meta::{LabelSelector, ObjectMeta};
use crate::manifest::wire::pod::PodTemplateSpec;
use crate::model::meta::Name;

/// `apps/v1 StatefulSet`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct StatefulSet {
    pub metadata: ObjectMeta,
    pub spec: StatefulSetSpec,
}

/// `StatefulSetSpec`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct StatefulSetSpec {
    pub min_ready_seconds: i32,
    pub ordinals: Option<StatefulSetOrdinals>,
    pub pod_management_policy: Name,
    pub replicas: Option<i32>,
    pub revision_history_limit: Option<i32>,
    pub selector: Option<LabelSelector>,
    pub service_name: Name,
    pub template: PodTemplateSpec,
    pub update_strategy: StatefulSetUpdateStrategy,
    pub volume_claim_templates: Vec<PersistentVolumeClaim>,
}

/// `StatefulSetOrdinals`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct StatefulSetOrdinals {
    pub start: i32,
}

/// `StatefulSetUpdateStrategy`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct StatefulSetUpdateStrategy {
    pub rolling_update: Option<RollingUpdateStatefulSetStrategy>,
    #[serde(rename = "type")]
    pub kind: Name,
}

/// `RollingUpdateStatefulSetStrategy`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RollingUpdateStatefulSetStrategy {
    pub partition: Option<i32>,
}

/// `PersistentVolumeClaim`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PersistentVolumeClaim {
    pub metadata: ObjectMeta,
    #[serde(flatten)]
    pub others: Others,
}
