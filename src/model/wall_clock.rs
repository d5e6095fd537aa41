//! The civil time of virtual instants.

use crate::engine::SimTime;
use crate::model::unix_time::UnixTime;

/// Turns virtual instants into civil time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WallClock {
    /// The civil time at the start of the scenario.
    pub start: UnixTime,
}

impl WallClock {
    /// The civil time of an instant, cut to whole seconds as in stored objects.
    ///
    /// # Panics
    /// Beyond the year 262,000: horizons are bounded far below it.
    pub fn at(&self, instant: SimTime) -> UnixTime {
        let secs = i64::try_from(instant.as_secs()).expect("2^64 nanoseconds are few seconds");
        self.start.checked_add_secs(secs).expect("a run ends long before the last year of the calendar")
    }

    /// The virtual instant of a civil time; `None` before the start.
    pub fn instant(&self, time: UnixTime) -> Option<SimTime> {
        u64::try_from(time.secs() - self.start.secs()).ok().map(SimTime::from_secs)
    }

    /// RFC 3339 in UTC, whole seconds.
    pub fn rfc3339(&self, instant: SimTime) -> String {
        self.at(instant).to_string()
    }
}
