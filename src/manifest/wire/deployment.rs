//! Deployments.

use serde::Deserialize;

use crate::manifest::wire::amount::IntOrString;
use crate::manifest::wire::meta::{LabelSelector, ObjectMeta};
use crate::manifest::wire::pod::PodTemplateSpec;
use crate::model::meta::Name;

/// `apps/v1 Deployment`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Deployment {
    pub metadata: ObjectMeta,
    pub spec: DeploymentSpec,
}

/// `DeploymentSpec`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct DeploymentSpec {
    pub min_ready_seconds: i32,
    pub paused: bool,
    pub progress_deadline_seconds: Option<i32>,
    pub replicas: Option<i32>,
    pub revision_history_limit: Option<i32>,
    pub selector: Option<LabelSelector>,
    pub strategy: DeploymentStrategy,
    pub template: PodTemplateSpec,
}

/// `DeploymentStrategy`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct DeploymentStrategy {
    #[serde(rename = "type")]
    pub kind: Name,
    pub rolling_update: Option<RollingUpdateDeployment>,
}

/// `RollingUpdateDeployment`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RollingUpdateDeployment {
    pub max_surge: Option<IntOrString>,
    pub max_unavailable: Option<IntOrString>,
}
