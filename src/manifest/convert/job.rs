//! Jobs and CronJobs to the model.

use std::sync::Arc;

use serde_json::Value;

use crate::manifest::convert::labels;
use crate::manifest::convert::pod::{pod_template, seconds, selector};
use crate::manifest::validation::indexes::parse_indexes;
use crate::manifest::wire;
use crate::manifest::wire::job::{PodFailurePolicyRule, SuccessPolicyRule};
use crate::model::cronjob::{ConcurrencyPolicy, CronJobSpec};
use crate::model::job::{
    CompletionMode, FailureAction, FailureRequirement, FailureRule, JobSpec, JobTemplate,
    PodReplacementPolicy, SuccessRule,
};
use crate::model::meta::Name;
use crate::model::node::ConditionStatus;

/// The value of `managedBy` that names the built-in controller.
const BUILT_IN_CONTROLLER: &str = "kubernetes.io/job-controller";

/// Converts a Job's spec.
pub fn job_spec(spec: &wire::job::JobSpec) -> JobSpec {
    let failure_rules = spec.pod_failure_policy.as_ref().map(|policy| &policy.rules);
    let success_rules = spec.success_policy.as_ref().map(|policy| &policy.rules);
    let completions = spec.completions.map_or(0, count);
    JobSpec {
        parallelism: count(spec.parallelism.expect("defaulting sets the parallelism")),
        completions: spec.completions.map(count),
        active_deadline: spec.active_deadline_seconds.map(seconds),
        backoff_limit: count(spec.backoff_limit.expect("defaulting sets the back-off limit")),
        backoff_limit_per_index: spec.backoff_limit_per_index.map(count),
        max_failed_indexes: spec.max_failed_indexes.map(count),
        completion_mode: completion_mode(spec.completion_mode.as_deref()),
        suspend: spec.suspend.unwrap_or(false),
        ttl_after_finished: spec.ttl_seconds_after_finished.map(|secs| seconds(secs.into())),
        pod_failure_policy: failure_rules.map(|rules| rules.iter().map(failure_rule).collect()),
        success_policy: success_rules
            .map(|rules| rules.iter().map(|rule| success_rule(rule, completions)).collect()),
        pod_replacement_policy: replacement_policy(spec.pod_replacement_policy.as_deref()),
        managed_by: spec.managed_by.clone().filter(|name| &**name != BUILT_IN_CONTROLLER),
        manual_selector: spec.selector.as_ref().filter(|_| spec.manual_selector == Some(true)).map(selector),
        template: pod_template(&spec.template),
    }
}

/// Converts a CronJob's spec; `job_spec` and `template` are its Job template, converted and as it was given.
pub fn cronjob_spec(spec: &wire::cronjob::CronJobSpec, job_spec: JobSpec, template: Value) -> CronJobSpec {
    let meta = &spec.job_template.metadata;
    CronJobSpec {
        schedule: spec.schedule.clone(),
        time_zone: spec.time_zone.clone(),
        starting_deadline: spec.starting_deadline_seconds.map(seconds),
        concurrency_policy: concurrency_policy(&spec.concurrency_policy),
        suspend: spec.suspend.unwrap_or(false),
        successful_history_limit: spec.successful_jobs_history_limit.map(count),
        failed_history_limit: spec.failed_jobs_history_limit.map(count),
        job_template: JobTemplate {
            labels: labels(&meta.labels),
            annotations: labels(&meta.annotations),
            spec: Arc::new(job_spec),
            manifest: Arc::new(template),
        },
    }
}

fn failure_rule(rule: &PodFailurePolicyRule) -> FailureRule {
    let action = match &*rule.action {
        "Count" => FailureAction::Count,
        "FailIndex" => FailureAction::FailIndex,
        "FailJob" => FailureAction::FailJob,
        "Ignore" => FailureAction::Ignore,
        other => unreachable!("validation refuses the action {other:?}"),
    };
    let requirement = match &rule.on_exit_codes {
        Some(codes) => FailureRequirement::ExitCodes {
            container: codes.container_name.clone(),
            is_in: &*codes.operator == "In",
            values: codes.values.clone(),
        },
        None => FailureRequirement::Conditions(rule.on_pod_conditions.iter().map(condition).collect()),
    };
    FailureRule { action, requirement }
}

fn condition(condition: &wire::job::OnPodCondition) -> (Name, ConditionStatus) {
    let status = match &*condition.status {
        "True" => ConditionStatus::True,
        "False" => ConditionStatus::False,
        "Unknown" => ConditionStatus::Unknown,
        other => unreachable!("validation refuses the status {other:?}"),
    };
    (condition.kind.clone(), status)
}

fn success_rule(rule: &SuccessPolicyRule, completions: u32) -> SuccessRule {
    let indexes = |text: &Name| parse_indexes(text, completions).expect("validation has read the indexes");
    SuccessRule {
        indexes: rule.succeeded_indexes.as_ref().map(indexes),
        count: rule.succeeded_count.map(count),
    }
}

fn completion_mode(mode: Option<&str>) -> CompletionMode {
    match mode {
        None | Some("NonIndexed") => CompletionMode::NonIndexed,
        Some("Indexed") => CompletionMode::Indexed,
        Some(other) => unreachable!("validation refuses the completion mode {other:?}"),
    }
}

/// The policy; a version that does not know the field behaves as with its default.
fn replacement_policy(policy: Option<&str>) -> PodReplacementPolicy {
    match policy {
        None | Some("TerminatingOrFailed") => PodReplacementPolicy::TerminatingOrFailed,
        Some("Failed") => PodReplacementPolicy::Failed,
        Some(other) => unreachable!("validation refuses the replacement policy {other:?}"),
    }
}

fn concurrency_policy(policy: &str) -> ConcurrencyPolicy {
    match policy {
        "Allow" => ConcurrencyPolicy::Allow,
        "Forbid" => ConcurrencyPolicy::Forbid,
        "Replace" => ConcurrencyPolicy::Replace,
        other => unreachable!("validation refuses the concurrency policy {other:?}"),
    }
}

pub(super) fn count(number: i32) -> u32 {
    u32::try_from(number).expect("validation refuses counts below zero")
}
