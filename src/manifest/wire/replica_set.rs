//! ReplicaSets.

use serde::Deserialize;

use crate::manifest::wire::meta::{LabelSelector, ObjectMeta};
use crate::manifest::wire::pod::PodTemplateSpec;

/// `apps/v1 ReplicaSet`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ReplicaSet {
    pub metadata: ObjectMeta,
    pub spec: ReplicaSetSpec,
}

/// `ReplicaSetSpec`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ReplicaSetSpec {
    pub min_ready_seconds: i32,
    pub replicas: Option<i32>,
    pub selector: Option<LabelSelector>,
    pub template: PodTemplateSpec,
}
