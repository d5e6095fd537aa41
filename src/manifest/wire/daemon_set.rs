//! DaemonSets.

use serde::Deserialize;

use crate::manifest::wire::amount::IntOrString;
use crate::manifest::wire::meta::{LabelSelector, ObjectMeta};
use crate::manifest::wire::pod::PodTemplateSpec;
use crate::model::meta::Name;

/// `apps/v1 DaemonSet`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct DaemonSet {
    pub metadata: ObjectMeta,
    pub spec: DaemonSetSpec,
}

/// `DaemonSetSpec`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct DaemonSetSpec {
    pub min_ready_seconds: i32,
    pub revision_history_limit: Option<i32>,
    pub selector: Option<LabelSelector>,
    pub template: PodTemplateSpec,
    pub update_strategy: DaemonSetUpdateStrategy,
}

/// `DaemonSetUpdateStrategy`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct DaemonSetUpdateStrategy {
    pub rolling_update: Option<RollingUpdateDaemonSet>,
    #[serde(rename = "type")]
    pub kind: Name,
}

/// `RollingUpdateDaemonSet`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RollingUpdateDaemonSet {
    pub max_surge: Option<IntOrString>,
    pub max_unavailable: Option<IntOrString>,
}
