//! Pods and pod templates.

use serde::{Deserialize, Serialize};

use crate::manifest::wire::meta::{LabelSelector, ObjectMeta, SelectorRequirement};
use crate::manifest::wire::probe::{Lifecycle, Probe};
use crate::manifest::wire::{Others, ResourceList, StringMap};
use crate::model::meta::Name;

/// `v1 Pod`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Pod {
    pub metadata: ObjectMeta,
    pub spec: PodSpec,
}

/// `PodTemplateSpec`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodTemplateSpec {
    pub metadata: ObjectMeta,
    pub spec: PodSpec,
}

/// `PodSpec`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodSpec {
    pub active_deadline_seconds: Option<i64>,
    pub affinity: Option<Affinity>,
    pub containers: Vec<Container>,
    pub dns_policy: Name,
    pub host_network: bool,
    pub init_containers: Vec<Container>,
    pub node_name: Name,
    pub node_selector: StringMap,
    pub overhead: ResourceList,
    pub preemption_policy: Option<Name>,
    pub priority: Option<i32>,
    pub priority_class_name: Name,
    pub restart_policy: Name,
    pub scheduler_name: Name,
    pub scheduling_gates: Vec<SchedulingGate>,
    pub termination_grace_period_seconds: Option<i64>,
    pub tolerations: Vec<Toleration>,
    pub topology_spread_constraints: Vec<TopologySpreadConstraint>,
    pub volumes: Vec<Volume>,
    #[serde(flatten)]
    pub others: Others,
}

/// `Container`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Container {
    pub name: Name,
    pub image: Name,
    pub image_pull_policy: Name,
    pub lifecycle: Option<Lifecycle>,
    pub liveness_probe: Option<Probe>,
    pub readiness_probe: Option<Probe>,
    pub startup_probe: Option<Probe>,
    pub ports: Vec<ContainerPort>,
    pub resources: ResourceRequirements,
    pub restart_policy: Option<Name>,
    pub termination_message_policy: Name,
    pub volume_mounts: Vec<VolumeMount>,
    #[serde(flatten)]
    pub others: Others,
}

/// `ContainerPort`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ContainerPort {
    pub name: Name,
    pub container_port: i32,
    pub host_port: i32,
    #[serde(rename = "hostIP")]
    pub host_ip: Name,
    pub protocol: Name,
}

/// `ResourceRequirements`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ResourceRequirements {
    pub limits: ResourceList,
    pub requests: ResourceList,
    #[serde(flatten)]
    pub others: Others,
}

/// `VolumeMount`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct VolumeMount {
    pub name: Name,
    pub mount_path: Name,
    pub read_only: bool,
    pub sub_path: Name,
    #[serde(flatten)]
    pub others: Others,
}

/// `Volume`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Volume {
    pub name: Name,
    /// The sources by the name of their field: `emptyDir`, `configMap`…; one where the volume is valid.
    #[serde(flatten)]
    pub sources: Others,
}

/// `PodSchedulingGate`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SchedulingGate {
    pub name: Name,
}

/// `Toleration`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Toleration {
    pub key: Name,
    pub operator: Name,
    pub value: Name,
    pub effect: Name,
    pub toleration_seconds: Option<i64>,
}

/// `Affinity`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Affinity {
    pub node_affinity: Option<NodeAffinity>,
    pub pod_affinity: Option<PodAffinity>,
    pub pod_anti_affinity: Option<PodAffinity>,
}

/// `NodeAffinity`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeAffinity {
    #[serde(rename = "requiredDuringSchedulingIgnoredDuringExecution")]
    pub required: Option<NodeSelector>,
    #[serde(rename = "preferredDuringSchedulingIgnoredDuringExecution")]
    pub preferred: Vec<PreferredSchedulingTerm>,
}

/// `NodeSelector`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NodeSelector {
    pub node_selector_terms: Vec<NodeSelectorTerm>,
}

/// `PreferredSchedulingTerm`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PreferredSchedulingTerm {
    pub weight: i32,
    pub preference: NodeSelectorTerm,
}

/// `NodeSelectorTerm`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NodeSelectorTerm {
    pub match_expressions: Vec<SelectorRequirement>,
    pub match_fields: Vec<SelectorRequirement>,
}

/// `PodAffinity`, and `PodAntiAffinity`, which has the same fields.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PodAffinity {
    #[serde(rename = "requiredDuringSchedulingIgnoredDuringExecution")]
    pub required: Vec<PodAffinityTerm>,
    #[serde(rename = "preferredDuringSchedulingIgnoredDuringExecution")]
    pub preferred: Vec<WeightedPodAffinityTerm>,
}

/// `WeightedPodAffinityTerm`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct WeightedPodAffinityTerm {
    pub weight: i32,
    pub pod_affinity_term: PodAffinityTerm,
}

/// `PodAffinityTerm`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodAffinityTerm {
    pub label_selector: Option<LabelSelector>,
    pub match_label_keys: Vec<Name>,
    pub mismatch_label_keys: Vec<Name>,
    pub namespace_selector: Option<LabelSelector>,
    pub namespaces: Vec<Name>,
    pub topology_key: Name,
}

/// `TopologySpreadConstraint`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct TopologySpreadConstraint {
    pub label_selector: Option<LabelSelector>,
    pub match_label_keys: Vec<Name>,
    pub max_skew: i32,
    pub min_domains: Option<i32>,
    pub node_affinity_policy: Option<Name>,
    pub node_taints_policy: Option<Name>,
    pub topology_key: Name,
    pub when_unsatisfiable: Name,
}
