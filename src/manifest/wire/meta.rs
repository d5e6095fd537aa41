//! Metadata and label selectors.

use serde::Deserialize;

use crate::manifest::wire::{StringMap, nullable};
use crate::model::meta::Name;

/// `ObjectMeta`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ObjectMeta {
    #[serde(deserialize_with = "nullable")]
    pub name: Name,
    #[serde(deserialize_with = "nullable")]
    pub generate_name: Name,
    #[serde(deserialize_with = "nullable")]
    pub namespace: Name,
    #[serde(deserialize_with = "nullable")]
    pub uid: Name,
    #[serde(deserialize_with = "nullable")]
    pub labels: StringMap,
    #[serde(deserialize_with = "nullable")]
    pub annotations: StringMap,
}

/// `LabelSelector`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct LabelSelector {
    #[serde(deserialize_with = "nullable")]
    pub match_labels: StringMap,
    #[serde(deserialize_with = "nullable")]
    pub match_expressions: Vec<SelectorRequirement>,
}

/// `LabelSelectorRequirement`, and `NodeSelectorRequirement`, which has the same fields.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SelectorRequirement {
    #[serde(deserialize_with = "nullable")]
    pub key: Name,
    #[serde(deserialize_with = "nullable")]
    pub operator: Name,
    #[serde(deserialize_with = "nullable")]
    pub values: Vec<Name>,
}
