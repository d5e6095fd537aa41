//! Jobs.

use serde::Deserialize;

use crate::manifest::wire::meta::{LabelSelector, ObjectMeta};
use crate::manifest::wire::nullable;
use crate::manifest::wire::pod::PodTemplateSpec;
use crate::model::meta::Name;

/// `batch/v1 Job`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Job {
    #[serde(deserialize_with = "nullable")]
    pub metadata: ObjectMeta,
    #[serde(deserialize_with = "nullable")]
    pub spec: JobSpec,
    #[serde(deserialize_with = "nullable")]
    pub status: JobStatus,
}

/// `JobSpec`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct JobSpec {
    pub active_deadline_seconds: Option<i64>,
    pub backoff_limit: Option<i32>,
    pub backoff_limit_per_index: Option<i32>,
    pub completion_mode: Option<Name>,
    pub completions: Option<i32>,
    pub managed_by: Option<Name>,
    pub manual_selector: Option<bool>,
    pub max_failed_indexes: Option<i32>,
    pub parallelism: Option<i32>,
    pub pod_failure_policy: Option<PodFailurePolicy>,
    pub pod_replacement_policy: Option<Name>,
    pub selector: Option<LabelSelector>,
    pub success_policy: Option<SuccessPolicy>,
    pub suspend: Option<bool>,
    #[serde(deserialize_with = "nullable")]
    pub template: PodTemplateSpec,
    pub ttl_seconds_after_finished: Option<i32>,
}

/// `PodFailurePolicy`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodFailurePolicy {
    #[serde(deserialize_with = "nullable")]
    pub rules: Vec<PodFailurePolicyRule>,
}

/// `PodFailurePolicyRule`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodFailurePolicyRule {
    #[serde(deserialize_with = "nullable")]
    pub action: Name,
    pub on_exit_codes: Option<OnExitCodes>,
    #[serde(deserialize_with = "nullable")]
    pub on_pod_conditions: Vec<OnPodCondition>,
}

/// `PodFailurePolicyOnExitCodesRequirement`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct OnExitCodes {
    pub container_name: Option<Name>,
    #[serde(deserialize_with = "nullable")]
    pub operator: Name,
    #[serde(deserialize_with = "nullable")]
    pub values: Vec<i32>,
}

/// `PodFailurePolicyOnPodConditionsPattern`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct OnPodCondition {
    #[serde(deserialize_with = "nullable", rename = "type")]
    pub kind: Name,
    #[serde(deserialize_with = "nullable")]
    pub status: Name,
}

/// `SuccessPolicy`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SuccessPolicy {
    #[serde(deserialize_with = "nullable")]
    pub rules: Vec<SuccessPolicyRule>,
}

/// `SuccessPolicyRule`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SuccessPolicyRule {
    pub succeeded_count: Option<i32>,
    pub succeeded_indexes: Option<Name>,
}

/// `JobStatus`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct JobStatus {
    #[serde(deserialize_with = "nullable")]
    pub active: i32,
    #[serde(deserialize_with = "nullable")]
    pub completed_indexes: Name,
    pub completion_time: Option<Name>,
    #[serde(deserialize_with = "nullable")]
    pub conditions: Vec<JobCondition>,
    #[serde(deserialize_with = "nullable")]
    pub failed: i32,
    pub failed_indexes: Option<Name>,
    pub ready: Option<i32>,
    pub start_time: Option<Name>,
    #[serde(deserialize_with = "nullable")]
    pub succeeded: i32,
    pub terminating: Option<i32>,
    pub uncounted_terminated_pods: Option<UncountedTerminatedPods>,
}

/// `JobCondition`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct JobCondition {
    #[serde(deserialize_with = "nullable", rename = "type")]
    pub kind: Name,
    #[serde(deserialize_with = "nullable")]
    pub status: Name,
}

/// `UncountedTerminatedPods`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct UncountedTerminatedPods {
    #[serde(deserialize_with = "nullable")]
    pub succeeded: Vec<Name>,
    #[serde(deserialize_with = "nullable")]
    pub failed: Vec<Name>,
}
