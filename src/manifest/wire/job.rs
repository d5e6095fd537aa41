//! Jobs.

use serde::Deserialize;

use crate::manifest::wire::meta::{LabelSelector, ObjectMeta};
use crate::manifest::wire::pod::PodTemplateSpec;
use crate::model::meta::Name;

/// `batch/v1 Job`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Job {
    pub metadata: ObjectMeta,
    pub spec: JobSpec,
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
    pub template: PodTemplateSpec,
    pub ttl_seconds_after_finished: Option<i32>,
}

/// `PodFailurePolicy`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodFailurePolicy {
    pub rules: Vec<PodFailurePolicyRule>,
}

/// `PodFailurePolicyRule`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodFailurePolicyRule {
    pub action: Name,
    pub on_exit_codes: Option<OnExitCodes>,
    pub on_pod_conditions: Vec<OnPodCondition>,
}

/// `PodFailurePolicyOnExitCodesRequirement`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct OnExitCodes {
    pub container_name: Option<Name>,
    pub operator: Name,
    pub values: Vec<i32>,
}

/// `PodFailurePolicyOnPodConditionsPattern`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct OnPodCondition {
    #[serde(rename = "type")]
    pub kind: Name,
    pub status: Name,
}

/// `SuccessPolicy`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SuccessPolicy {
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
    pub active: i32,
    pub completed_indexes: Name,
    pub completion_time: Option<Name>,
    pub conditions: Vec<JobCondition>,
    pub failed: i32,
    pub failed_indexes: Option<Name>,
    pub ready: Option<i32>,
    pub start_time: Option<Name>,
    pub succeeded: i32,
    pub terminating: Option<i32>,
    pub uncounted_terminated_pods: Option<UncountedTerminatedPods>,
}

/// `JobCondition`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct JobCondition {
    #[serde(rename = "type")]
    pub kind: Name,
    pub status: Name,
}

/// `UncountedTerminatedPods`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct UncountedTerminatedPods {
    pub succeeded: Vec<Name>,
    pub failed: Vec<Name>,
}
