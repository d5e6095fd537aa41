//! One probe of one container: a rhythm of attempts, and the verdict that follows from their answers.
//!
//! ```text
//!   asleep ──the container has started──▶ attempts, one each period ──▶ verdict
//!     ▲                                       │
//!     └── the container has ended, or the probe has said its last word
//! ```
//!
//! Attempts that change nothing are not simulated. What an attempt meets is known for the time to come: whether the
//! port is open, which changes only by an event, and the window in which the image says that probes fail. So the
//! first attempt that matters (the one that makes a verdict, or the first failure of a row, which is worth a note)
//! follows by arithmetic, and only that one is due. When something that attempts meet changes, those before that
//! instant are counted as they were, and the next one that matters is found anew. A probe that goes on succeeding,
//! or failing, has no events: an idle cluster falls quiet.
//!
//! Source: Kubernetes 1.28, pkg/kubelet/prober/worker.go. As there, the row of like answers outlives the container.
//! Deviations: after an attempt that takes longer than the period, the next one waits for the next beat instead of
//! beginning at once; readiness is tried out of turn only when the container or its start-up is over, not at every
//! sync of an unready pod; of a row of failures the first one and the one that makes the verdict are noted, not all.

use crate::engine::{SimDuration, SimTime};
use crate::model::probe::Probe;

/// The answer to one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// All is well.
    Success,
    /// Something is wrong.
    Failure(Fault),
    /// The attempt could not be made, which says nothing.
    Error,
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nobody listens.
    Refused,
    /// The process says that it is not well.
    Unhealthy,
    /// The answer does not come in time.
    TimedOut,
}

/// What an attempt meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Encounter {
    /// The answer.
    pub(super) answer: Answer,
    /// How long it takes.
    pub(super) takes: SimDuration,
}

/// What attempts meet from now on, unless something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outlook {
    /// Most of the time.
    pub(super) usual: Encounter,
    /// Within the window.
    pub(super) in_window: Encounter,
    /// The beginning and the end of the window; the end is not within.
    pub(super) window: (SimTime, SimTime),
}

/// What is known by the answers so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing.
    Unknown,
    /// All is well.
    Success,
    /// Something is wrong.
    Failure,
}

/// What an attempt that matters comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finding {
    /// The first failure of a row that is not long enough for a verdict.
    FirstFailure(Fault),
    /// The verdict is now failure.
    Failed(Fault),
    /// The verdict is now success.
    Succeeded,
    /// The first attempt that could not be made.
    Erred,
}

/// A probe at work.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prober {
    state: State,
    outlook: Outlook,
    plan: Option<Plan>,
}

/// Where a probe stands between two attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    /// A beat of the rhythm, and the one that the others are counted from.
    origin: SimTime,
    /// When the next attempt begins; never while asleep.
    next: SimTime,
    /// Whether the last answers were successes, and how many in a row were alike.
    is_success: bool,
    n_alike: u32,
    verdict: Verdict,
    has_erred: bool,
}

/// The next attempt that matters.
#[derive(Debug, Clone, Copy)]
struct Plan {
    begins: SimTime,
    ends: SimTime,
    finding: Finding,
    after: State,
}

impl Outlook {
    /// What every attempt meets.
    pub(super) const fn always(encounter: Encounter) -> Self {
        let window = (SimTime::MAX, SimTime::MAX);
        Self { usual: encounter, in_window: encounter, window }
    }

    /// What an attempt at an instant meets, and until when attempts meet the same.
    fn at(&self, now: SimTime) -> (Encounter, SimTime) {
        let (from, until) = self.window;
        if now < from {
            (self.usual, from)
        } else if now < until {
            (self.in_window, until)
        } else {
            (self.usual, SimTime::MAX)
        }
    }
}

impl Prober {
    /// A probe that is asleep and keeps to a rhythm with a beat at `origin`.
    pub(super) const fn new(origin: SimTime) -> Self {
        const NOTHING: Encounter = Encounter { answer: Answer::Error, takes: SimDuration::ZERO };
        let state = State {
            origin,
            next: SimTime::MAX,
            is_success: false,
            n_alike: 0,
            verdict: Verdict::Unknown,
            has_erred: false,
        };
        Self { state, outlook: Outlook::always(NOTHING), plan: None }
    }

    /// What is known.
    pub(super) const fn verdict(&self) -> Verdict {
        self.state.verdict
    }

    /// A new container is there, of which nothing is known but `verdict`.
    pub(super) const fn reset(&mut self, verdict: Verdict) {
        self.sleep();
        self.state.verdict = verdict;
        self.state.has_erred = false;
    }

    /// The first beat after an instant, and not before another.
    pub(super) fn beat_after(&self, probe: &Probe, after: SimTime, not_before: SimTime) -> SimTime {
        let earliest = not_before.max(after + SimDuration::from_nanos(1));
        self.state.beat_from(probe.period, earliest)
    }

    /// The first instant from `from` on at which the rhythm has begun.
    pub(super) fn not_before_origin(&self, from: SimTime) -> SimTime {
        from.max(self.state.origin)
    }

    /// Attempts begin, the first of them at an instant.
    pub(super) const fn wake(&mut self, first: SimTime) {
        self.state.next = first;
        self.plan = None;
    }

    /// No more attempts until further notice.
    pub(super) const fn sleep(&mut self) {
        self.state.next = SimTime::MAX;
        self.plan = None;
    }

    /// The container is to end because of this probe: a new one begins a row of its own.
    pub(super) const fn hold(&mut self) {
        self.sleep();
        self.state.n_alike = 0;
    }

    /// When the next attempt that matters is over.
    pub(super) fn due(&self) -> Option<SimTime> {
        self.plan.map(|plan| plan.ends)
    }

    /// Looks at what attempts meet from now on; tells what the attempts up to now have found. To be called until
    /// there is nothing to tell.
    pub(super) fn look(&mut self, probe: &Probe, now: SimTime, outlook: Outlook) -> Option<Finding> {
        if let Some(plan) = self.plan.filter(|plan| plan.begins < now) {
            return if plan.ends > now { None } else { Some(self.carry_out(plan, probe, outlook)) };
        }
        let old = self.outlook;
        let missed = self.state.advance(probe, &old, now);
        debug_assert!(missed.is_none(), "an attempt that mattered was not due");
        self.outlook = outlook;
        self.plan = self.state.plan(probe, &outlook);
        let plan = self.plan.filter(|plan| plan.ends <= now)?;
        Some(self.carry_out(plan, probe, outlook))
    }

    fn carry_out(&mut self, plan: Plan, probe: &Probe, outlook: Outlook) -> Finding {
        self.state = plan.after;
        self.outlook = outlook;
        self.plan = self.state.plan(probe, &outlook);
        plan.finding
    }
}

impl State {
    fn plan(self, probe: &Probe, outlook: &Outlook) -> Option<Plan> {
        let mut after = self;
        let (begins, ends, finding) = after.advance(probe, outlook, SimTime::MAX)?;
        Some(Plan { begins, ends, finding, after })
    }

    /// Counts the attempts that begin before an instant, up to the first that matters: when it begins and ends, and
    /// what it comes to.
    fn advance(
        &mut self,
        probe: &Probe,
        outlook: &Outlook,
        until: SimTime,
    ) -> Option<(SimTime, SimTime, Finding)> {
        while self.next < until {
            let (met, change) = outlook.at(self.next);
            let bound = until.min(change);
            let matters = self.first_that_matters(probe, met.answer);
            let begins = matters.map(|n| self.nth(probe.period, met.takes, n));
            if let (Some(n), Some(begins)) = (matters, begins.filter(|begins| *begins < bound)) {
                let finding = self.count(probe, met, n).expect("an attempt that matters comes to something");
                return Some((begins, begins + met.takes, finding));
            }
            if bound == SimTime::MAX {
                return None;
            }
            let n = self.n_before(probe.period, met.takes, bound);
            self.count(probe, met, n);
        }
        None
    }

    /// Which of a row of attempts with one answer matters, from 1.
    fn first_that_matters(&self, probe: &Probe, answer: Answer) -> Option<u64> {
        let (is_success, verdict, threshold) = match answer {
            Answer::Error => return (!self.has_erred).then_some(1),
            Answer::Success => (true, Verdict::Success, probe.success_threshold),
            Answer::Failure(_) => (false, Verdict::Failure, probe.failure_threshold),
        };
        let n_alike = self.n_alike_with(is_success);
        if !is_success && n_alike == 0 {
            return Some(1);
        }
        (self.verdict != verdict).then(|| u64::from(threshold.saturating_sub(n_alike).max(1)))
    }

    const fn n_alike_with(&self, is_success: bool) -> u32 {
        if self.is_success == is_success { self.n_alike } else { 0 }
    }

    /// Counts so many attempts that meet the same. What the last of them comes to, where it matters.
    fn count(&mut self, probe: &Probe, met: Encounter, n: u64) -> Option<Finding> {
        self.next = self.nth(probe.period, met.takes, n.saturating_add(1));
        let is_success = match met.answer {
            Answer::Error => {
                return (!std::mem::replace(&mut self.has_erred, true)).then_some(Finding::Erred);
            }
            Answer::Success => true,
            Answer::Failure(_) => false,
        };
        let before = self.n_alike_with(is_success);
        self.n_alike = before.saturating_add(u32::try_from(n).unwrap_or(u32::MAX));
        self.is_success = is_success;
        match met.answer {
            Answer::Success if self.verdict != Verdict::Success => (self.n_alike >= probe.success_threshold)
                .then(|| {
                    self.verdict = Verdict::Success;
                    Finding::Succeeded
                }),
            Answer::Failure(fault) if self.verdict != Verdict::Failure => {
                if self.n_alike < probe.failure_threshold {
                    return (before == 0).then_some(Finding::FirstFailure(fault));
                }
                self.verdict = Verdict::Failure;
                Some(Finding::Failed(fault))
            }
            Answer::Failure(fault) => (before == 0).then_some(Finding::FirstFailure(fault)),
            Answer::Success | Answer::Error => None,
        }
    }

    /// When the n-th of a row of attempts begins that all take the same, from 1 for the next one.
    fn nth(&self, period: SimDuration, takes: SimDuration, n: u64) -> SimTime {
        if n <= 1 {
            return self.next;
        }
        self.second(period, takes) + step(period, takes).saturating_mul(n - 2)
    }

    /// How many of a row of attempts that all take the same begin before an instant.
    fn n_before(&self, period: SimDuration, takes: SimDuration, bound: SimTime) -> u64 {
        let rest = bound.since(self.second(period, takes)).as_nanos();
        1 + rest.div_ceil(step(period, takes).as_nanos())
    }

    /// The beat after the next attempt, and after its end.
    fn second(&self, period: SimDuration, takes: SimDuration) -> SimTime {
        self.beat_from(period, self.next + takes.max(SimDuration::from_nanos(1)))
    }

    /// The first beat at an instant or after it.
    fn beat_from(&self, period: SimDuration, earliest: SimTime) -> SimTime {
        let n_beats = earliest.since(self.origin).as_nanos().div_ceil(period.as_nanos().max(1));
        self.origin + period.saturating_mul(n_beats)
    }
}

/// From one attempt to the next where all take the same: as many periods as that is.
fn step(period: SimDuration, takes: SimDuration) -> SimDuration {
    let period = period.max(SimDuration::from_nanos(1));
    period.saturating_mul(takes.as_nanos().div_ceil(period.as_nanos()).max(1))
}

#[cfg(test)]
mod tests;
