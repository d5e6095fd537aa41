//! Priority classes.

use serde::Deserialize;

use crate::manifest::wire::meta::ObjectMeta;
use crate::model::meta::Name;

/// `scheduling.k8s.io/v1 PriorityClass`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PriorityClass {
    pub metadata: ObjectMeta,
    pub value: i32,
    pub global_default: bool,
    pub preemption_policy: Option<Name>,
}
