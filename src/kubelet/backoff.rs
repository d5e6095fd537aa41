//! The waits between tries that fail: of crashing containers and of image pulls.
//!
//! Pure: one [`Backoff`] remembers one container, or one image of a pod; the kubelet keeps none of them over
//! its own restart.
//! Source: Kubernetes 1.28, client-go/util/flowcontrol/backoff.go, and pkg/kubelet/kuberuntime, doBackOff.

use crate::engine::{SimDuration, SimTime};

/// How waits grow and when they are forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackoffPolicy {
    /// The first wait.
    pub initial: SimDuration,
    /// The longest wait.
    pub max: SimDuration,
    /// What happened more than this after the last try has nothing to do with it: the waits begin anew.
    pub reset_after: SimDuration,
}

/// The wait that follows the last of several tries; that of no try at all is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backoff {
    entry: Option<Entry>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    wait: SimDuration,
    updated: SimTime,
}

impl BackoffPolicy {
    /// The kubelet's own: 10 s, doubling to 300 s, forgotten after 600 s.
    pub const KUBELET: Self = Self {
        initial: SimDuration::from_secs(10),
        max: SimDuration::from_secs(300),
        reset_after: SimDuration::from_secs(600),
    };
}

impl Backoff {
    /// The present wait, empty where no try was noted.
    pub fn wait(&self) -> SimDuration {
        self.entry.map_or(SimDuration::ZERO, |entry| entry.wait)
    }

    /// Until when a try is refused after the failure at `failed`; that instant itself where none is refused.
    pub fn until(&self, policy: &BackoffPolicy, failed: SimTime) -> SimTime {
        match self.entry {
            Some(entry) if !entry.is_stale(policy, failed) => failed + entry.wait,
            Some(_) | None => failed,
        }
    }

    /// Until when a try is refused after the last one that was noted, itself a failure.
    pub fn until_since_last(&self) -> Option<SimTime> {
        self.entry.map(|entry| entry.updated + entry.wait)
    }

    /// Notes a try at `now` after the failure at `failed`: the wait that follows is the first one, or twice the
    /// one before.
    pub fn grow(&mut self, policy: &BackoffPolicy, failed: SimTime, now: SimTime) {
        let wait = match self.entry {
            Some(entry) if !entry.is_stale(policy, failed) => entry.wait.saturating_mul(2).min(policy.max),
            Some(_) | None => policy.initial,
        };
        self.entry = Some(Entry { wait, updated: now });
    }
}

impl Entry {
    fn is_stale(&self, policy: &BackoffPolicy, failed: SimTime) -> bool {
        failed.since(self.updated) > policy.reset_after
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(secs: u64) -> SimTime {
        SimTime::from_secs(secs)
    }

    /// The waits [s] of a container that runs for these spans [s], one after another.
    #[track_caller]
    fn check(runs: &[u64], waits: &[u64]) {
        let policy = BackoffPolicy::KUBELET;
        let mut backoff = Backoff::default();
        let mut start = SimTime::ZERO;
        let mut seen = Vec::new();
        for run in runs {
            let finished = start + SimDuration::from_secs(*run);
            start = backoff.until(&policy, finished);
            backoff.grow(&policy, finished, start);
            seen.push(start.since(finished).as_secs());
        }
        assert_eq!(seen, waits);
    }

    #[test]
    fn the_first_restart_is_immediate_and_waits_double_up_to_five_minutes() {
        check(&[1; 9], &[0, 10, 20, 40, 80, 160, 300, 300, 300]);
    }

    #[test]
    fn a_run_of_more_than_ten_minutes_makes_the_waits_begin_anew() {
        check(&[1, 1, 1, 601, 1, 1], &[0, 10, 20, 0, 10, 20]);
        check(&[1, 1, 1, 600, 1, 1], &[0, 10, 20, 40, 80, 160]);
        check(&[650, 650, 650], &[0, 0, 0]);
    }

    #[test]
    fn a_failure_before_the_last_try_does_not_make_it_stale() {
        let mut backoff = Backoff::default();
        backoff.grow(&BackoffPolicy::KUBELET, secs(0), secs(1000));
        assert_eq!(backoff.until(&BackoffPolicy::KUBELET, secs(5)), secs(15));
        assert_eq!(backoff.wait(), SimDuration::from_secs(10));
    }
}
