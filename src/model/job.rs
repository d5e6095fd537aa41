//! Jobs: spec and status of `batch/v1 Job`.

use std::sync::Arc;

use serde_json::Value;

use crate::engine::{SimDuration, SimTime};
pub use crate::model::index_set::IndexSet;
use crate::model::meta::{LabelSelector, Labels, Name, Uid};
use crate::model::node::ConditionStatus;
use crate::model::object::Object;
use crate::model::pod::PodTemplate;

/// A Job.
pub type Job = Object<JobSpec, JobStatus>;

/// What a Job is given to do, after defaulting.
#[derive(Debug, Clone, PartialEq)]
pub struct JobSpec {
    /// The pods wanted at one time.
    pub parallelism: u32,
    /// The successes wanted; `None` is a work queue: any success, then all must end.
    pub completions: Option<u32>,
    /// From the start to the end of patience.
    pub active_deadline: Option<SimDuration>,
    /// The failures borne by the whole Job.
    pub backoff_limit: u32,
    /// The failures borne by each index.
    pub backoff_limit_per_index: Option<u32>,
    /// The failed indexes borne.
    pub max_failed_indexes: Option<u32>,
    /// Whether completions are alike or numbered.
    pub completion_mode: CompletionMode,
    /// No pods for now.
    pub suspend: bool,
    /// From the end of the Job to its deletion.
    pub ttl_after_finished: Option<SimDuration>,
    /// What single failures mean.
    pub pod_failure_policy: Option<Vec<FailureRule>>,
    /// When a part of the indexes is enough.
    pub success_policy: Option<Vec<SuccessRule>>,
    /// When a pod is replaced.
    pub pod_replacement_policy: PodReplacementPolicy,
    /// The controller in charge, where it is not the built-in one.
    pub managed_by: Option<Name>,
    /// The selector of its pods where `manualSelector` is set; otherwise it is generated from the uid.
    pub manual_selector: Option<LabelSelector>,
    /// What its pods are made of.
    pub template: PodTemplate,
}

/// Whether completions are alike or numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CompletionMode {
    /// Alike.
    #[default]
    NonIndexed,
    /// Numbered from 0.
    Indexed,
}

/// When the replacement of a pod is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PodReplacementPolicy {
    /// As soon as the old pod is being deleted or has failed.
    #[default]
    TerminatingOrFailed,
    /// When the old pod has failed.
    Failed,
}

/// One rule of `podFailurePolicy`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureRule {
    /// What follows.
    pub action: FailureAction,
    /// What it looks at.
    pub requirement: FailureRequirement,
}

/// What follows when a rule of `podFailurePolicy` matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureAction {
    /// The Job fails.
    FailJob,
    /// The index fails.
    FailIndex,
    /// The failure is not counted.
    Ignore,
    /// The failure is counted as usual.
    Count,
}

/// What a rule of `podFailurePolicy` looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FailureRequirement {
    /// Exit codes other than 0.
    ExitCodes {
        /// Only this container; `None` is any.
        container: Option<Name>,
        /// In (true) or NotIn (false).
        is_in: bool,
        /// The codes.
        values: Vec<i32>,
    },
    /// Pod conditions, any of these.
    Conditions(Vec<(Name, ConditionStatus)>),
}

/// One rule of `successPolicy`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuccessRule {
    /// The indexes that matter; `None` is all.
    pub indexes: Option<IndexSet>,
    /// How many of them are enough; `None` is all.
    pub count: Option<u32>,
}

/// What came of a Job.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct JobStatus {
    /// Pods neither finished nor being deleted.
    pub active: u32,
    /// Active pods that are Ready.
    pub ready: Option<u32>,
    /// Pods being deleted; `None` where not tracked.
    pub terminating: Option<u32>,
    /// Pods, or indexes, that succeeded.
    pub succeeded: u32,
    /// Pods that failed.
    pub failed: u32,
    /// The indexes that succeeded; Indexed only.
    pub completed_indexes: IndexSet,
    /// The indexes that failed; with backoffLimitPerIndex only.
    pub failed_indexes: Option<IndexSet>,
    /// Pods that have ended and are not in the counters yet, while they lose their finalizers.
    pub uncounted: UncountedPods,
    /// When the controller first saw the Job not suspended. Whole seconds.
    pub start_time: Option<SimTime>,
    /// When the Job became Complete. Whole seconds.
    pub completion_time: Option<SimTime>,
    /// The conditions in the order in which they were added.
    pub conditions: Vec<JobCondition>,
}

/// Pods of a Job that have ended and are not in its counters yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UncountedPods {
    /// Those that succeeded; empty for an Indexed Job, whose record is `completed_indexes`.
    pub succeeded: Vec<Uid>,
    /// Those that failed.
    pub failed: Vec<Uid>,
}

/// One condition of a Job.
#[derive(Debug, Clone, PartialEq)]
pub struct JobCondition {
    /// The type.
    pub kind: JobConditionType,
    /// True or False.
    pub status: ConditionStatus,
    /// Since when. Whole seconds.
    pub since: SimTime,
    /// One word on why; empty in old versions.
    pub reason: Name,
    /// Why in words; empty in old versions.
    pub message: Name,
}

/// The type of a Job's condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JobConditionType {
    /// The Job was suspended.
    Suspended,
    /// Success is certain, pods may still be ending.
    SuccessCriteriaMet,
    /// Failure is certain, pods may still be ending.
    FailureTarget,
    /// The Job succeeded.
    Complete,
    /// The Job failed.
    Failed,
}

impl JobConditionType {
    /// The text in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Suspended => "Suspended",
            Self::SuccessCriteriaMet => "SuccessCriteriaMet",
            Self::FailureTarget => "FailureTarget",
            Self::Complete => "Complete",
            Self::Failed => "Failed",
        }
    }
}

impl JobStatus {
    /// The condition of this type, where it is True.
    pub fn true_condition(&self, kind: JobConditionType) -> Option<&JobCondition> {
        self.conditions.iter().find(|c| c.kind == kind && c.status == ConditionStatus::True)
    }

    /// The final condition, Complete or Failed.
    pub fn finished(&self) -> Option<&JobCondition> {
        self.true_condition(JobConditionType::Complete)
            .or_else(|| self.true_condition(JobConditionType::Failed))
    }

    /// Whether it is decided how the Job ends, be it that its pods have yet to go.
    pub fn is_decided(&self) -> bool {
        let decisions = [JobConditionType::FailureTarget, JobConditionType::SuccessCriteriaMet];
        self.finished().is_some() || decisions.into_iter().any(|kind| self.true_condition(kind).is_some())
    }
}

/// The template of the Jobs that a CronJob makes.
#[derive(Debug, Clone, PartialEq)]
pub struct JobTemplate {
    /// The Jobs' labels.
    pub labels: Labels,
    /// The Jobs' annotations.
    pub annotations: Labels,
    /// The Jobs' spec.
    pub spec: Arc<JobSpec>,
    /// The manifest of the spec.
    pub manifest: Arc<Value>,
}
