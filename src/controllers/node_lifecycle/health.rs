//! When the controller saw a sign of life, and when it will miss one: arithmetic over its passes.

use crate::controllers::ticks::Ticks;
use crate::engine::{SimDuration, SimTime};
use crate::model::node::{Heartbeat, Signs};

/// The pass that saw the last sign of life of a node, at the earliest `floor`: the clock that counts is the
/// controller's own, not the time that is written in the sign.
///
/// A report of the status makes the controller forget the lease, unless it sees that renewed in the same pass. So the
/// pass after it takes the lease that is there for a new one: a bug that lengthens the grace by a pass.
/// Source: Kubernetes 1.28, pkg/controller/nodelifecycle/node_lifecycle_controller.go, tryUpdateNodeHealth.
pub fn seen(signs: &Signs, floor: SimTime, passes: Ticks, now: SimTime) -> SimTime {
    let last = signs.last(now).map(|sign| passes.at_or_after(sign));
    let report = signs.status.last(now).map(|report| passes.at_or_after(report));
    let forgets_lease =
        |pass: &SimTime| signs.lease.last(*pass).is_some_and(|renewal| passes.at_or_after(renewal) != *pass);
    let again = report.filter(forgets_lease).map(|pass| passes.after(pass)).filter(|pass| *pass <= now);
    last.max(again).map_or(floor, |pass| pass.max(floor))
}

/// Whether a node has been silent for too long. An equal span is not too long.
/// Source: as for [`seen`].
pub fn is_overdue(seen: SimTime, grace: SimDuration, now: SimTime) -> bool {
    now > seen + grace
}

/// Whether a node has a sign of life that comes so often, and goes on doing so, that it is never missed.
pub fn comes_often(signs: &Signs, grace: SimDuration, passes: Ticks, now: SimTime) -> bool {
    let is_often = |beat: &Heartbeat| {
        beat.stopped.is_none() && beat.first <= now && beat.period + passes.period <= grace
    };
    is_often(&signs.lease) || is_often(&signs.status)
}

/// The next pass, after that at `now`, that may find the node silent for too long; `None` where its signs come often
/// enough for ever.
pub fn next_look(
    signs: &Signs,
    seen: SimTime,
    grace: SimDuration,
    passes: Ticks,
    now: SimTime,
) -> Option<SimTime> {
    let overdue = passes.after(seen + grace);
    match signs.next(now).map(|sign| passes.at_or_after(sign)) {
        Some(next) if next <= overdue => {
            (!comes_often(signs, grace, passes, now)).then(|| passes.after(now).max(next))
        }
        _ => Some(overdue.max(passes.after(now))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: SimDuration = SimDuration::from_secs(40);

    fn passes() -> Ticks {
        Ticks { first: SimTime::ZERO, period: SimDuration::from_secs(5) }
    }

    fn signs(offset: u64, period: u64, stopped: Option<u64>) -> Signs {
        let stopped = stopped.map(SimTime::from_secs);
        let first = SimTime::from_secs(offset);
        let lease = Heartbeat { first, period: SimDuration::from_secs(period), stopped };
        let status = Heartbeat { period: SimDuration::from_secs(10_000), ..lease };
        Signs { lease, status, silence: None }
    }

    /// When a node is missed whose signs stop at `stopped`, as seen at that instant.
    #[track_caller]
    fn check(offset: u64, stopped: u64, missed: u64) {
        let (signs, now) = (signs(offset, 10, Some(stopped)), SimTime::from_secs(stopped));
        let seen = seen(&signs, SimTime::ZERO, passes(), now);
        let look = next_look(&signs, seen, GRACE, passes(), now).expect("a silent node is missed");
        assert_eq!(look, SimTime::from_secs(missed));
        assert!(is_overdue(seen, GRACE, look));
    }

    #[test]
    fn a_silent_node_is_missed_more_than_the_grace_period_after_the_pass_that_saw_its_last_sign() {
        check(0, 60, 105);
        check(0, 69, 105);
        check(3, 60, 100);
        check(5, 100, 140);
    }

    #[test]
    fn a_node_whose_signs_come_often_enough_needs_no_look() {
        let (signs, now) = (signs(0, 10, None), SimTime::from_secs(20));
        assert_eq!(next_look(&signs, now, GRACE, passes(), now), None);
    }

    #[test]
    fn a_node_whose_signs_are_rare_is_looked_at_for_each() {
        let now = SimTime::from_secs(45);
        let at_45 = next_look(&signs(0, 45, None), now, GRACE, passes(), now);
        assert_eq!(at_45, Some(SimTime::from_secs(90)));
        let now = SimTime::from_secs(55);
        let missed = next_look(&signs(0, 55, None), now, GRACE, passes(), now);
        assert_eq!(missed, Some(SimTime::from_secs(100)));
    }
}
