//! Nodes.

use serde::Deserialize;

use crate::manifest::wire::ResourceList;
use crate::manifest::wire::meta::ObjectMeta;
use crate::model::meta::Name;

/// `v1 Node`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Node {
    pub metadata: ObjectMeta,
    pub spec: NodeSpec,
    pub status: NodeStatus,
}

/// `NodeSpec`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NodeSpec {
    pub taints: Vec<Taint>,
    pub unschedulable: bool,
}

/// `Taint`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Taint {
    pub key: Name,
    pub value: Name,
    pub effect: Name,
}

/// `NodeStatus`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NodeStatus {
    pub allocatable: ResourceList,
    pub capacity: ResourceList,
    pub conditions: Vec<NodeCondition>,
    pub images: Vec<ContainerImage>,
}

/// `NodeCondition`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NodeCondition {
    #[serde(rename = "type")]
    pub kind: Name,
    pub status: Name,
}

/// `ContainerImage`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ContainerImage {
    pub names: Vec<Name>,
    pub size_bytes: i64,
}
