//! Metadata and label selectors.

use serde::{Deserialize, Serialize};

use crate::manifest::wire::StringMap;
use crate::model::meta::Name;

/// `ObjectMeta`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ObjectMeta {
    pub name: Name,
    pub generate_name: Name,
    pub namespace: Name,
    pub uid: Name,
    pub labels: StringMap,
    pub annotations: StringMap,
}

/// `v1 Namespace`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Namespace {
    pub metadata: ObjectMeta,
}

/// `LabelSelector`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct LabelSelector {
    pub match_labels: StringMap,
    pub match_expressions: Vec<SelectorRequirement>,
}

/// `LabelSelectorRequirement`, and `NodeSelectorRequirement`, which has the same fields.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SelectorRequirement {
    pub key: Name,
    pub operator: Name,
    pub values: Vec<Name>,
}
