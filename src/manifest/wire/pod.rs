//! Pods and pod templates.

use serde::Deserialize;

use crate::manifest::wire::meta::{ObjectMeta, SelectorRequirement};
use crate::manifest::wire::{Others, ResourceList, StringMap, nullable};
use crate::model::meta::Name;

/// `v1 Pod`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Pod {
    #[serde(deserialize_with = "nullable")]
    pub metadata: ObjectMeta,
    #[serde(deserialize_with = "nullable")]
    pub spec: PodSpec,
}

/// `PodTemplateSpec`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodTemplateSpec {
    #[serde(deserialize_with = "nullable")]
    pub metadata: ObjectMeta,
    #[serde(deserialize_with = "nullable")]
    pub spec: PodSpec,
}

/// `PodSpec`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodSpec {
    pub active_deadline_seconds: Option<i64>,
    pub affinity: Option<Affinity>,
    #[serde(deserialize_with = "nullable")]
    pub containers: Vec<Container>,
    #[serde(deserialize_with = "nullable")]
    pub dns_policy: Name,
    #[serde(deserialize_with = "nullable")]
    pub host_network: bool,
    #[serde(deserialize_with = "nullable")]
    pub init_containers: Vec<Container>,
    #[serde(deserialize_with = "nullable")]
    pub node_name: Name,
    #[serde(deserialize_with = "nullable")]
    pub node_selector: StringMap,
    #[serde(deserialize_with = "nullable")]
    pub overhead: ResourceList,
    pub preemption_policy: Option<Name>,
    pub priority: Option<i32>,
    #[serde(deserialize_with = "nullable")]
    pub priority_class_name: Name,
    #[serde(deserialize_with = "nullable")]
    pub restart_policy: Name,
    #[serde(deserialize_with = "nullable")]
    pub scheduler_name: Name,
    #[serde(deserialize_with = "nullable")]
    pub scheduling_gates: Vec<SchedulingGate>,
    pub termination_grace_period_seconds: Option<i64>,
    #[serde(deserialize_with = "nullable")]
    pub tolerations: Vec<Toleration>,
    #[serde(deserialize_with = "nullable")]
    pub volumes: Vec<Volume>,
    #[serde(flatten)]
    pub others: Others,
}

/// `Container`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Container {
    #[serde(deserialize_with = "nullable")]
    pub name: Name,
    #[serde(deserialize_with = "nullable")]
    pub image: Name,
    #[serde(deserialize_with = "nullable")]
    pub image_pull_policy: Name,
    #[serde(deserialize_with = "nullable")]
    pub ports: Vec<ContainerPort>,
    #[serde(deserialize_with = "nullable")]
    pub resources: ResourceRequirements,
    pub restart_policy: Option<Name>,
    #[serde(deserialize_with = "nullable")]
    pub termination_message_policy: Name,
    #[serde(deserialize_with = "nullable")]
    pub volume_mounts: Vec<VolumeMount>,
    #[serde(flatten)]
    pub others: Others,
}

/// `ContainerPort`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ContainerPort {
    #[serde(deserialize_with = "nullable")]
    pub name: Name,
    #[serde(deserialize_with = "nullable")]
    pub container_port: i32,
    #[serde(deserialize_with = "nullable")]
    pub host_port: i32,
    #[serde(deserialize_with = "nullable", rename = "hostIP")]
    pub host_ip: Name,
    #[serde(deserialize_with = "nullable")]
    pub protocol: Name,
}

/// `ResourceRequirements`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ResourceRequirements {
    #[serde(deserialize_with = "nullable")]
    pub limits: ResourceList,
    #[serde(deserialize_with = "nullable")]
    pub requests: ResourceList,
    #[serde(flatten)]
    pub others: Others,
}

/// `VolumeMount`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct VolumeMount {
    #[serde(deserialize_with = "nullable")]
    pub name: Name,
    #[serde(deserialize_with = "nullable")]
    pub mount_path: Name,
    #[serde(deserialize_with = "nullable")]
    pub read_only: bool,
    #[serde(flatten)]
    pub others: Others,
}

/// `Volume`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Volume {
    #[serde(deserialize_with = "nullable")]
    pub name: Name,
    /// The sources by the name of their field: `emptyDir`, `configMap`…; one where the volume is valid.
    #[serde(flatten)]
    pub sources: Others,
}

/// `PodSchedulingGate`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SchedulingGate {
    #[serde(deserialize_with = "nullable")]
    pub name: Name,
}

/// `Toleration`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Toleration {
    #[serde(deserialize_with = "nullable")]
    pub key: Name,
    #[serde(deserialize_with = "nullable")]
    pub operator: Name,
    #[serde(deserialize_with = "nullable")]
    pub value: Name,
    #[serde(deserialize_with = "nullable")]
    pub effect: Name,
    pub toleration_seconds: Option<i64>,
}

/// `Affinity`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Affinity {
    pub node_affinity: Option<NodeAffinity>,
    #[serde(flatten)]
    pub others: Others,
}

/// `NodeAffinity`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct NodeAffinity {
    #[serde(rename = "requiredDuringSchedulingIgnoredDuringExecution")]
    pub required: Option<NodeSelector>,
    #[serde(rename = "preferredDuringSchedulingIgnoredDuringExecution", deserialize_with = "nullable")]
    pub preferred: Vec<PreferredSchedulingTerm>,
}

/// `NodeSelector`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NodeSelector {
    #[serde(deserialize_with = "nullable")]
    pub node_selector_terms: Vec<NodeSelectorTerm>,
}

/// `PreferredSchedulingTerm`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PreferredSchedulingTerm {
    #[serde(deserialize_with = "nullable")]
    pub weight: i32,
    #[serde(deserialize_with = "nullable")]
    pub preference: NodeSelectorTerm,
}

/// `NodeSelectorTerm`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NodeSelectorTerm {
    #[serde(deserialize_with = "nullable")]
    pub match_expressions: Vec<SelectorRequirement>,
    #[serde(deserialize_with = "nullable")]
    pub match_fields: Vec<SelectorRequirement>,
}
