//! What does not change during one sync of a Job: the Job, the instant, the behaviour of the version.

use crate::engine::SimTime;
use crate::model::job::{CompletionMode, FailureRule, Job, PodReplacementPolicy, SuccessRule};
use crate::model::profile::{Feature, Profile};

/// What of a version profile the Job controller asks for, looked up once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Behaviour {
    /// Whether `podFailurePolicy` has an effect.
    pub has_failure_policy: bool,
    /// Whether `backoffLimitPerIndex` has an effect.
    pub has_limit_per_index: bool,
    /// Whether `podReplacementPolicy` has an effect and `status.terminating` is written.
    pub has_replacement_policy: bool,
    /// Whether `successPolicy` has an effect.
    pub has_success_policy: bool,
    /// Whether `managedBy` has an effect.
    pub has_managed_by: bool,
    /// Whether `status.ready` is written.
    pub has_ready: bool,
    /// Whether the completion index is a label too.
    pub has_index_label: bool,
    /// Whether Complete and Failed are announced by SuccessCriteriaMet and FailureTarget, and wait until no pod is
    /// terminating.
    pub announces_end: bool,
    /// Whether Complete has a reason.
    pub has_reason_for_complete: bool,
    /// Whether a sync counts its own deletions in `status.ready` and `status.terminating`.
    pub counts_own_deletions: bool,
    /// Whether `status.active` is 0 while a replacement backs off.
    pub zeroes_active_in_backoff: bool,
    /// Whether pods being deleted are surplus where only failed pods are replaced.
    pub counts_terminating_as_surplus: bool,
    /// Whether suspending clears `status.startTime`.
    pub suspend_clears_start_time: bool,
    /// Whether a change of `status.terminating` alone is written.
    pub writes_terminating_alone: bool,
}

impl Behaviour {
    /// The behaviour of a profile.
    pub fn of(profile: &Profile) -> Self {
        let has_replacement_policy = profile.has(Feature::JobPodReplacementPolicy);
        let has_managed_by = profile.has(Feature::JobManagedBy);
        let has_interim_conditions = profile.has(Feature::JobInterimConditions);
        Self {
            has_failure_policy: profile.has(Feature::JobPodFailurePolicy),
            has_limit_per_index: profile.has(Feature::JobBackoffLimitPerIndex),
            has_replacement_policy,
            has_success_policy: profile.has(Feature::JobSuccessPolicy),
            has_managed_by,
            has_ready: profile.has(Feature::JobReadyPods),
            has_index_label: profile.has(Feature::PodIndexLabel),
            announces_end: has_interim_conditions && (has_replacement_policy || has_managed_by),
            has_reason_for_complete: has_interim_conditions,
            counts_own_deletions: profile.has(Feature::JobReadyAfterDeletion),
            zeroes_active_in_backoff: profile.has(Feature::JobActiveZeroInBackoff),
            counts_terminating_as_surplus: profile.has(Feature::JobTerminatingIsSurplus),
            suspend_clears_start_time: profile.has(Feature::JobSuspendClearsStartTime),
            writes_terminating_alone: !profile.has(Feature::JobTerminatingStale),
        }
    }
}

/// A Job at the instant of a sync.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// The Job as it is stored.
    pub job: &'a Job,
    /// The present instant.
    pub now: SimTime,
    /// The behaviour of the version.
    pub behaviour: &'a Behaviour,
}

impl<'a> Scene<'a> {
    /// Whether completions are numbered.
    pub fn is_indexed(&self) -> bool {
        self.job.spec.completion_mode == CompletionMode::Indexed
    }

    /// The number of completions of an Indexed Job; 0 for a work queue, which is never Indexed.
    pub fn n_indexes(&self) -> u32 {
        self.job.spec.completions.unwrap_or(0)
    }

    /// The failures that each index bears, where it is limited.
    pub fn limit_per_index(&self) -> Option<u32> {
        self.job.spec.backoff_limit_per_index.filter(|_| self.behaviour.has_limit_per_index)
    }

    /// The rules of `podFailurePolicy`, where there is one.
    pub fn failure_policy(&self) -> Option<&'a [FailureRule]> {
        self.job.spec.pod_failure_policy.as_deref().filter(|_| self.behaviour.has_failure_policy)
    }

    /// The rules of `successPolicy`, where there is one.
    pub fn success_policy(&self) -> Option<&'a [SuccessRule]> {
        self.job.spec.success_policy.as_deref().filter(|_| self.behaviour.has_success_policy)
    }

    /// Whether a pod is replaced, and counted, only once it has failed, not when it is being deleted.
    /// Source: Kubernetes 1.28, pkg/controller/job/job_controller.go, onlyReplaceFailedPods.
    pub fn replaces_only_failed(&self) -> bool {
        let policy = self.job.spec.pod_replacement_policy;
        self.behaviour.has_replacement_policy && policy == PodReplacementPolicy::Failed
            || self.failure_policy().is_some()
    }
}
