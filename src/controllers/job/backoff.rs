//! The back-off after failures: how long the next pod of a Job, or of an index, has to wait.
//!
//! Source: Kubernetes 1.28, pkg/controller/job/backoff_utils.go.

use crate::engine::{SimDuration, SimTime};
use crate::model::node::ConditionStatus;
use crate::model::pod::Pod;

/// The wait after the first failure. Source: job_controller.go, DefaultJobPodFailureBackOff.
pub const BACKOFF_FIRST: SimDuration = SimDuration::from_secs(10);
/// The longest wait. Source: job_controller.go, MaxJobPodFailureBackOff.
pub const BACKOFF_MAX: SimDuration = SimDuration::from_secs(600);

/// The failures of a Job since its last success: kept in the controller's memory only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BackoffRecord {
    /// How many pods failed after the last success.
    pub n_failures: u32,
    /// When the latest of them did. Whole seconds.
    pub last_failure: Option<SimTime>,
}

impl BackoffRecord {
    /// The record once these pods have ended too, given when they succeeded and when they failed.
    ///
    /// Any success resets it: only failures that came strictly later than the last success count then.
    /// Source: backoff_utils.go, newBackoffRecord.
    pub fn after<S, F>(self, successes: S, failures: F) -> Self
    where
        S: Iterator<Item = SimTime>,
        F: Iterator<Item = SimTime> + Clone,
    {
        let last_success = successes.max();
        let is_later = |failure: &SimTime| last_success.is_none_or(|success| *failure > success);
        let counted = failures.filter(is_later);
        let n_new = counted.clone().count() as u32;
        match (last_success, counted.max()) {
            (None, None) => self,
            (None, last_failure) => Self { n_failures: self.n_failures + n_new, last_failure },
            (Some(_), last_failure) => Self { n_failures: n_new, last_failure },
        }
    }

    /// How long the next pod has to wait still.
    pub fn remaining(self, now: SimTime) -> SimDuration {
        let Some(last_failure) = self.last_failure else { return SimDuration::ZERO };
        remaining(BackoffSpan { first: BACKOFF_FIRST, max: BACKOFF_MAX }, self.n_failures, last_failure, now)
    }
}

/// The first and the longest wait of a back-off that doubles.
#[derive(Debug, Clone, Copy)]
pub struct BackoffSpan {
    /// After one failure.
    pub first: SimDuration,
    /// At the most.
    pub max: SimDuration,
}

/// What is left of the wait after `n_failures` of which the latest was at `last_failure`.
/// Source: backoff_utils.go, getRemainingTimeForFailuresCount.
pub fn remaining(span: BackoffSpan, n_failures: u32, last_failure: SimTime, now: SimTime) -> SimDuration {
    if n_failures == 0 {
        return SimDuration::ZERO;
    }
    let doublings = (n_failures - 1).min(62);
    let wait = span.first.saturating_mul(1 << doublings).min(span.max);
    wait.saturating_sub(now.since(last_failure))
}

/// When a pod ended, in whole seconds: the last exit of its containers where all have ended, else when it ceased to
/// be ready, else when its deletion was asked for, else its creation.
/// Source: backoff_utils.go, getFinishedTime.
pub fn finish_time(pod: &Pod) -> SimTime {
    let ceased_to_be_ready = || {
        let ready = pod.status.conditions.ready.as_ref();
        ready.filter(|ready| ready.status == ConditionStatus::False).map(|ready| ready.since)
    };
    let deletion = || pod.meta.deletion.map(|deletion| deletion.requested);
    let time = last_exit(pod).or_else(ceased_to_be_ready).or_else(deletion).unwrap_or(pod.meta.created);
    time.truncated_to_secs()
}

fn last_exit(pod: &Pod) -> Option<SimTime> {
    let mut latest = None;
    for container in &pod.status.containers {
        latest = latest.max(Some(container.termination()?.finished_at));
    }
    latest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(n_failures: u32, expected_secs: u64) {
        let record = BackoffRecord { n_failures, last_failure: Some(SimTime::from_secs(100)) };
        assert_eq!(record.remaining(SimTime::from_secs(103)), SimDuration::from_secs(expected_secs));
    }

    #[test]
    fn the_wait_doubles_from_10_s_to_600_s_and_runs_from_the_last_failure() {
        check(0, 0);
        check(1, 7);
        check(2, 17);
        check(6, 317);
        check(7, 597);
        check(u32::MAX, 597);
    }

    #[test]
    fn a_wait_that_is_over_is_zero() {
        let record = BackoffRecord { n_failures: 1, last_failure: Some(SimTime::from_secs(5)) };
        assert_eq!(record.remaining(SimTime::from_secs(60)), SimDuration::ZERO);
    }
}
