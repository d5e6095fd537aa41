//! Whether a Job has come to its end, and how.

use crate::controllers::job::census::{Census, JobPods, OnFailure, Standing, Tracked, standing};
use crate::controllers::job::indexes::Indexes;
use crate::controllers::job::scene::Scene;
use crate::controllers::job::{failure_policy, success_policy};
use crate::engine::{SimDuration, SimTime};
use crate::model::job::{FailureAction, JobConditionType};
use crate::model::meta::Name;
use crate::model::pod::RestartPolicy;
use crate::model::pod_status::Phase;

/// The end of a Job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// Whether it is a success.
    pub outcome: JobOutcome,
    /// Why; absent for completion up to 1.30.
    pub reason: Option<EndReason>,
    /// Why in words.
    pub message: Name,
    /// The condition that announces the end and is not set yet.
    pub announcement: Option<JobConditionType>,
}

/// Whether a Job reached what it was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobOutcome {
    /// It did: condition Complete.
    Complete,
    /// It did not: condition Failed.
    Failed,
}

impl JobOutcome {
    /// The condition of a Job that has ended so.
    pub const fn condition(self) -> JobConditionType {
        match self {
            Self::Complete => JobConditionType::Complete,
            Self::Failed => JobConditionType::Failed,
        }
    }
}

/// Why a Job has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EndReason {
    /// Enough pods or indexes succeeded.
    CompletionsReached,
    /// A rule of `successPolicy` is met.
    SuccessPolicy,
    /// A failed pod matches a FailJob rule of `podFailurePolicy`.
    PodFailurePolicy,
    /// More pods failed than `backoffLimit` bears.
    BackoffLimitExceeded,
    /// `activeDeadlineSeconds` is over.
    DeadlineExceeded,
    /// More indexes failed than `maxFailedIndexes` bears.
    MaxFailedIndexesExceeded,
    /// All indexes have ended, some by failure.
    FailedIndexes,
}

impl EndReason {
    const ALL: [Self; 7] = [
        Self::CompletionsReached,
        Self::SuccessPolicy,
        Self::PodFailurePolicy,
        Self::BackoffLimitExceeded,
        Self::DeadlineExceeded,
        Self::MaxFailedIndexesExceeded,
        Self::FailedIndexes,
    ];

    /// The text in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CompletionsReached => "CompletionsReached",
            Self::SuccessPolicy => "SuccessPolicy",
            Self::PodFailurePolicy => "PodFailurePolicy",
            Self::BackoffLimitExceeded => "BackoffLimitExceeded",
            Self::DeadlineExceeded => "DeadlineExceeded",
            Self::MaxFailedIndexesExceeded => "MaxFailedIndexesExceeded",
            Self::FailedIndexes => "FailedIndexes",
        }
    }

    fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}

/// The tally by which a Job's end is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Pods, or indexes, that succeeded.
    pub succeeded: u32,
    /// Pods that failed and were not ignored.
    pub failed: u32,
}

impl Tally {
    /// The counters of the status and what has ended since.
    pub fn of(scene: &Scene<'_>, census: &Census, indexes: Option<&Indexes>) -> Self {
        let status = &scene.job.status;
        let (succeeded, failed) = (status.uncounted.succeeded.len(), status.uncounted.failed.len());
        let new_successes = succeeded + census.new_successes(scene).count();
        let is_counted = |pod: &&Tracked| pod.on_failure != OnFailure::Ignored;
        let new_failures = failed + census.new_failures(scene).filter(is_counted).count();
        Self {
            succeeded: indexes
                .map_or_else(|| status.succeeded + new_successes as u32, |sets| sets.succeeded.len()),
            failed: status.failed + new_failures as u32,
        }
    }
}

/// The end of a Job that more pods cannot change: the first reason that holds. Completion by number is not
/// among them, because it depends on what the sync does with the pods.
/// Source: Kubernetes 1.28 and 1.31, pkg/controller/job/job_controller.go, syncJob.
pub fn forced_end(
    scene: &Scene<'_>,
    pods: &JobPods<'_>,
    tally: Tally,
    indexes: Option<&Indexes>,
    start_time: Option<SimTime>,
) -> Option<End> {
    announced_end(scene)
        .or_else(|| end_by_failure_policy(scene, pods))
        .or_else(|| end_by_limits(scene, pods, tally, start_time))
        .or_else(|| indexes.and_then(|indexes| end_by_indexes(scene, indexes)))
}

/// An end that was announced once stands.
fn announced_end(scene: &Scene<'_>) -> Option<End> {
    let announced = |kind, outcome| {
        let condition = scene.job.status.true_condition(kind)?;
        let reason = EndReason::from_text(&condition.reason);
        Some(End { outcome, reason, message: condition.message.clone(), announcement: None })
    };
    announced(JobConditionType::SuccessCriteriaMet, JobOutcome::Complete)
        .or_else(|| announced(JobConditionType::FailureTarget, JobOutcome::Failed))
}

/// A failed pod that matches a FailJob rule, counted or not: the first one gives the message.
/// Source: job_controller.go, getFailJobMessage.
fn end_by_failure_policy(scene: &Scene<'_>, pods: &JobPods<'_>) -> Option<End> {
    let rules = scene.failure_policy()?;
    let has_limit_per_index = scene.behaviour.has_limit_per_index;
    let message = pods.iter().find_map(|(_, pod)| {
        let found = (standing(scene, pod) == Standing::Failed)
            .then(|| failure_policy::first_match(rules, pod, has_limit_per_index))??;
        (found.action == FailureAction::FailJob).then(|| found.message(pod))
    })?;
    Some(End {
        outcome: JobOutcome::Failed,
        reason: Some(EndReason::PodFailurePolicy),
        message: message.into(),
        announcement: Some(JobConditionType::FailureTarget),
    })
}

fn end_by_limits(
    scene: &Scene<'_>,
    pods: &JobPods<'_>,
    tally: Tally,
    start_time: Option<SimTime>,
) -> Option<End> {
    if tally.failed > scene.job.spec.backoff_limit || restarts_exceed_limit(scene, pods) {
        let message = "Job has reached the specified backoff limit";
        return Some(failure(scene, EndReason::BackoffLimitExceeded, message));
    }
    time_to_deadline(scene, start_time)
        .filter(|left| left.is_zero())
        .map(|_| failure(scene, EndReason::DeadlineExceeded, "Job was active longer than specified deadline"))
}

fn end_by_indexes(scene: &Scene<'_>, indexes: &Indexes) -> Option<End> {
    let n_failed = indexes.failed.as_ref().map_or(0, |failed| failed.len());
    if scene.job.spec.max_failed_indexes.is_some_and(|max| n_failed > max) {
        let message = "Job has exceeded the specified maximal number of failed indexes";
        return Some(failure(scene, EndReason::MaxFailedIndexesExceeded, message));
    }
    if n_failed > 0 && n_failed + indexes.succeeded.len() >= scene.n_indexes() {
        return Some(failure(scene, EndReason::FailedIndexes, "Job has failed indexes"));
    }
    let rules = scene.success_policy()?;
    let rule_idx = success_policy::first_met(rules, scene.n_indexes(), &indexes.succeeded)?;
    Some(End {
        outcome: JobOutcome::Complete,
        reason: Some(EndReason::SuccessPolicy),
        message: format!("Matched rules at index {rule_idx}").into(),
        announcement: Some(JobConditionType::SuccessCriteriaMet),
    })
}

/// What is left until the deadline: zero once it is over, `None` where none runs.
/// Source: job_controller.go, pastActiveDeadline.
pub fn time_to_deadline(scene: &Scene<'_>, start_time: Option<SimTime>) -> Option<SimDuration> {
    let start_time = start_time.filter(|_| !scene.job.spec.suspend)?;
    Some((start_time + scene.job.spec.active_deadline?).since(scene.now))
}

/// Whether the restarts of unfinished pods reach the limit; with restartPolicy OnFailure only.
/// Source: job_controller.go, pastBackoffLimitOnFailure.
fn restarts_exceed_limit(scene: &Scene<'_>, pods: &JobPods<'_>) -> bool {
    let spec = &scene.job.spec;
    if spec.template.spec.restart_policy != RestartPolicy::OnFailure {
        return false;
    }
    let unfinished =
        pods.iter().filter(|(_, pod)| matches!(pod.status.phase, Phase::Pending | Phase::Running));
    let n_restarts: u32 = unfinished.map(|(_, pod)| pod.status.restart_count()).sum();
    n_restarts >= spec.backoff_limit.max(1)
}

fn failure(scene: &Scene<'_>, reason: EndReason, message: &'static str) -> End {
    let announcement = scene.behaviour.announces_end.then_some(JobConditionType::FailureTarget);
    End { outcome: JobOutcome::Failed, reason: Some(reason), message: message.into(), announcement }
}

/// The end of a Job whose completions are reached.
/// Source: Kubernetes 1.31, pkg/controller/job/job_controller.go, newSuccessCondition; 1.28 gives no reason.
pub fn completion(scene: &Scene<'_>) -> End {
    let has_reason = scene.behaviour.has_reason_for_complete;
    let message = if has_reason { "Reached expected number of succeeded pods" } else { "" };
    End {
        outcome: JobOutcome::Complete,
        reason: has_reason.then_some(EndReason::CompletionsReached),
        message: message.into(),
        announcement: scene.behaviour.announces_end.then_some(JobConditionType::SuccessCriteriaMet),
    }
}
