//! Pod disruption budgets.

use serde::Deserialize;

use crate::manifest::wire::amount::IntOrString;
use crate::manifest::wire::meta::{LabelSelector, ObjectMeta};
use crate::model::meta::Name;

/// `policy/v1 PodDisruptionBudget`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodDisruptionBudget {
    pub metadata: ObjectMeta,
    pub spec: PodDisruptionBudgetSpec,
}

/// `PodDisruptionBudgetSpec`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodDisruptionBudgetSpec {
    pub max_unavailable: Option<IntOrString>,
    pub min_available: Option<IntOrString>,
    pub selector: Option<LabelSelector>,
    pub unhealthy_pod_eviction_policy: Option<Name>,
}
