//! The instants at which a controller with a fixed period looks: a pass that would find nothing is not simulated.

use crate::engine::{SimDuration, SimTime};

/// The passes of a controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticks {
    /// The first pass.
    pub first: SimTime,
    /// From pass to pass.
    pub period: SimDuration,
}

impl Ticks {
    /// The first pass at `instant` or later.
    pub fn at_or_after(&self, instant: SimTime) -> SimTime {
        let (first, period) = (self.first.as_nanos(), self.period.as_nanos());
        let n_passes = instant.as_nanos().saturating_sub(first).div_ceil(period);
        SimTime::from_nanos(first + n_passes * period)
    }

    /// The first pass later than `instant`.
    pub fn after(&self, instant: SimTime) -> SimTime {
        self.at_or_after(instant + SimDuration::from_nanos(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(instant: u64, at_or_after: u64, after: u64) {
        let at = SimTime::from_secs;
        let ticks = Ticks { first: at(7), period: SimDuration::from_secs(5) };
        assert_eq!((ticks.at_or_after(at(instant)), ticks.after(at(instant))), (at(at_or_after), at(after)));
    }

    #[test]
    fn passes_follow_the_first_one_at_the_period() {
        check(0, 7, 7);
        check(7, 7, 12);
        check(8, 12, 12);
        check(12, 12, 17);
    }
}
