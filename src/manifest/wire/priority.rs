//! Priority classes.

use serde::Deserialize;

use crate::manifest::wire::meta::ObjectMeta;
use crate::manifest::wire::nullable;
use crate::model::meta::Name;

/// `scheduling.k8s.io/v1 PriorityClass`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PriorityClass {
    #[serde(deserialize_with = "nullable")]
    pub metadata: ObjectMeta,
    #[serde(deserialize_with = "nullable")]
    pub value: i32,
    #[serde(deserialize_with = "nullable")]
    pub global_default: bool,
    pub preemption_policy: Option<Name>,
}
