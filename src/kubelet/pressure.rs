//! The memory of a whole node: when it runs short, and who has to go.
//!
//! What processes use are lines over time, so that the instant at which a sum of them passes a limit is known in
//! advance. Pure: the kubelet asks with the processes that run, and acts.
//!
//! The kernel kills where the node's memory is used up. The kubelet looks every 10 s and evicts one pod where less than
//! 100Mi are left, and at once another when that one is gone. The condition MemoryPressure holds for 5 minutes beyond
//! the last look at which memory was short.
//! Source: Kubernetes 1.28, pkg/kubelet/eviction (eviction_manager.go, helpers.go), pkg/kubelet/qos/policy.go; Linux,
//! mm/oom_kill.c, oom_badness.
//!
//! Deviations: what the system itself uses is nothing; pods whose images use no memory worth counting are not evicted.

use std::cmp::Reverse;

use crate::engine::{SimDuration, SimTime};
use crate::event::EventId;
use crate::model::ids::PodId;
use crate::model::pod::QosClass;
use crate::model::program::MemoryUse;
use crate::model::resources::Bytes;

/// The hard eviction threshold of `memory.available`.
/// Source: Kubernetes 1.28, pkg/kubelet/apis/config/v1beta1/defaults_linux.go, DefaultEvictionHard.
pub(super) const THRESHOLD: Bytes = Bytes(100 << 20);
/// How often the kubelet looks. Source: Kubernetes 1.28, pkg/kubelet/kubelet.go, evictionMonitoringPeriod.
const PERIOD: SimDuration = SimDuration::from_secs(10);
/// How long the condition holds on. Source: KubeletConfiguration, evictionPressureTransitionPeriod.
const TRANSITION: SimDuration = SimDuration::from_secs(300);
/// The priority from which on a pod is critical: never evicted, and the last to be killed.
/// Source: Kubernetes 1.28, pkg/apis/scheduling/types.go, SystemCriticalPriority.
pub(super) const CRITICAL: i32 = 2_000_000_000;

/// What a node's kubelet remembers of the shortage of memory.
#[derive(Debug, Clone, Default)]
pub(super) struct Pressure {
    /// The last look at which memory was short; the condition holds as long as this is remembered.
    pub(super) observed: Option<SimTime>,
    /// Whether memory was short when something last happened to it.
    pub(super) was_short: bool,
    /// The pod that is being evicted.
    pub(super) evicting: Option<PodId>,
    /// Set for the next instant that matters.
    pub(super) timer: Option<EventId>,
}

/// A process and the memory that it uses.
#[derive(Debug, Clone, Copy)]
pub(super) struct User {
    /// The pod.
    pub(super) pod: PodId,
    /// The position of the container.
    pub(super) at: usize,
    /// When it was started.
    pub(super) started: SimTime,
    /// What it uses from then on.
    pub(super) usage: MemoryUse,
}

/// What the kubelet weighs about a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Candidate {
    /// The pod.
    pub(super) pod: PodId,
    /// Its priority.
    pub(super) priority: i32,
    /// What it uses.
    pub(super) used: Bytes,
    /// What it requests.
    pub(super) requested: Bytes,
    /// Counts the creations in the cluster.
    pub(super) serial: u64,
}

impl User {
    /// What the process uses at an instant.
    pub(super) fn used(&self, now: SimTime) -> Bytes {
        const NANOS_PER_MINUTE: i128 = 60_000_000_000;
        let age = i128::from(now.since(self.started).as_nanos());
        let grown = i128::from(self.usage.growth_per_minute.0) * age / NANOS_PER_MINUTE;
        let used = (i128::from(self.usage.base.0) + grown).clamp(0, i128::from(i64::MAX >> 16));
        Bytes(used as i64)
    }
}

/// What processes use together.
pub(super) fn used_by(users: &[User], now: SimTime) -> Bytes {
    Bytes(users.iter().map(|user| user.used(now).0).sum())
}

/// The first instant from now on at which processes together use more than an amount.
///
/// Each of them grows or shrinks evenly and never below zero, so that the sum, once above, stays above.
pub(super) fn first_above(users: &[User], amount: Bytes, now: SimTime) -> Option<SimTime> {
    let is_above = |at: SimTime| used_by(users, at) > amount;
    if is_above(now) {
        return Some(now);
    }
    let (mut below, mut above) = (now.as_nanos(), u64::MAX);
    if !is_above(SimTime::from_nanos(above)) {
        return None;
    }
    while above - below > 1 {
        let middle = below + (above - below) / 2;
        if is_above(SimTime::from_nanos(middle)) { above = middle } else { below = middle }
    }
    Some(SimTime::from_nanos(above))
}

/// The kubelet's first look at an instant or after it.
pub(super) fn look_from(at: SimTime) -> SimTime {
    let period = PERIOD.as_nanos();
    SimTime::from_nanos(at.as_nanos().max(1).div_ceil(period).saturating_mul(period))
}

/// Whether the kubelet looks at an instant. When the run begins, it has just looked.
pub(super) fn is_look(at: SimTime) -> bool {
    look_from(at) == at
}

/// The kubelet's last look before an instant.
pub(super) fn look_before(at: SimTime) -> SimTime {
    let period = PERIOD.as_nanos();
    SimTime::from_nanos(at.as_nanos().saturating_sub(1) / period * period)
}

/// When the condition ends that was last observed at an instant.
pub(super) fn end_of_condition(observed: SimTime) -> SimTime {
    look_from(observed + TRANSITION)
}

/// Whom the kubelet evicts first: who uses more than it requests, then who is less important, then who is further
/// above its request.
///
/// Source: Kubernetes 1.28, pkg/kubelet/eviction/helpers.go, rankMemoryPressure.
pub(super) fn first_to_evict(candidates: &[Candidate]) -> Option<PodId> {
    let evictable = candidates.iter().filter(|candidate| candidate.priority < CRITICAL);
    let first = evictable.min_by_key(|candidate| {
        let excess = candidate.used.0 - candidate.requested.0;
        (excess <= 0, candidate.priority, Reverse(excess), candidate.serial)
    });
    first.map(|candidate| candidate.pod)
}

/// How much a container's processes are inclined to be killed, −1000 to 1000.
///
/// Source: Kubernetes 1.28, pkg/kubelet/qos/policy.go, GetContainerOOMScoreAdjust.
pub(super) fn oom_score_adj(qos: QosClass, priority: i32, requested: Bytes, capacity: Bytes) -> i64 {
    match qos {
        _ if priority >= CRITICAL => -997,
        QosClass::Guaranteed => -997,
        QosClass::BestEffort => 1000,
        QosClass::Burstable => (1000 - 1000 * requested.0 / capacity.0.max(1)).clamp(3, 999),
    }
}

/// What the kernel weighs: the process with the most points is killed.
pub(super) fn badness(used: Bytes, adj: i64, capacity: Bytes) -> i128 {
    i128::from(used.0) + i128::from(adj) * i128::from(capacity.0) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubelet::testbed;

    const MIB: i64 = 1 << 20;

    const fn secs(secs: u64) -> SimTime {
        SimTime::from_secs(secs)
    }

    fn user(started: u64, base: i64, growth: i64) -> User {
        let usage = MemoryUse { base: Bytes(base * MIB), growth_per_minute: Bytes(growth * MIB) };
        User { pod: testbed::pod_ids()[0], at: 0, started: secs(started), usage }
    }

    #[test]
    fn a_sum_of_lines_passes_an_amount_at_a_known_instant() {
        #[track_caller]
        fn check(users: &[User], amount: i64, now: u64, expected: Option<u64>) {
            let found = first_above(users, Bytes(amount * MIB), secs(now));
            assert_eq!(found.map(|at| at.as_secs()), expected);
        }
        check(&[], 0, 0, None);
        check(&[user(0, 100, 0)], 100, 5, None);
        check(&[user(0, 101, 0)], 100, 5, Some(5));
        check(&[user(0, 100, 60)], 160, 5, Some(60));
        check(&[user(0, 100, 60), user(30, 0, 60)], 190, 40, Some(60));
        check(&[user(0, 100, -60), user(0, 0, 30)], 100, 0, Some(200));
    }

    #[test]
    fn the_looks_are_ten_seconds_apart() {
        assert_eq!([0, 1, 10].map(|at| look_from(secs(at))), [secs(10); 3]);
        assert_eq!(
            [look_before(secs(1)), look_before(secs(10)), look_before(secs(11))],
            [secs(0), secs(0), secs(10)]
        );
        assert_eq!(end_of_condition(secs(20)), secs(320));
    }

    #[test]
    fn who_uses_more_than_it_requests_goes_first_then_the_less_important_then_the_larger_excess() {
        #[track_caller]
        fn check(rows: [(i32, i64, i64); 2], first: Option<usize>) {
            let pods = testbed::pod_ids();
            let candidates: Vec<_> = (0..2)
                .map(|n| {
                    let (priority, used, requested) = rows[n];
                    Candidate {
                        pod: pods[n],
                        priority,
                        used: Bytes(used),
                        requested: Bytes(requested),
                        serial: n as u64,
                    }
                })
                .collect();
            assert_eq!(first_to_evict(&candidates), first.map(|n| pods[n]));
        }
        check([(0, 900, 1000), (100, 20, 10)], Some(1));
        check([(100, 900, 0), (0, 20, 10)], Some(1));
        check([(0, 900, 800), (0, 200, 0)], Some(1));
        check([(0, 100, 0), (0, 100, 0)], Some(0));
        check([(CRITICAL, 900, 0), (0, 1, 10)], Some(1));
        check([(CRITICAL, 900, 0), (CRITICAL, 900, 0)], None);
    }

    #[test]
    fn the_kernel_prefers_those_without_promises() {
        let adj = |qos, priority, requested| oom_score_adj(qos, priority, Bytes(requested), Bytes(1000));
        assert_eq!(adj(QosClass::Guaranteed, 0, 500), -997);
        assert_eq!(adj(QosClass::BestEffort, 0, 0), 1000);
        assert_eq!(adj(QosClass::BestEffort, CRITICAL, 0), -997);
        assert_eq!(
            [1000, 500, 1, 0].map(|requested| adj(QosClass::Burstable, 0, requested)),
            [3, 500, 999, 999]
        );
        assert!(badness(Bytes(10), 1000, Bytes(1000)) > badness(Bytes(900), 3, Bytes(1000)));
    }
}
