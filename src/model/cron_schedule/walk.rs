//! The search for the next time of a cron schedule, on the wall clock of its time zone.
//!
//! The library looks for the first fitting month, then day, hour, minute and second, and starts over when a field
//! wraps around. Months and days are counted on the wall clock, hours and smaller units in real time. Everything that
//! happens where the offset of a zone changes follows from that walk: a time in a gap is skipped, a time in a repeated
//! hour comes twice, and after a change by half an hour (Lord Howe) fixed times of the day are lost until midnight is
//! met again. So this module takes the same walk. It only takes many of its steps at once where the offset does not
//! change in between, for then they cannot differ.
//!
//! Source: robfig/cron v3.0.1, spec.go, SpecSchedule.Next; Go 1.20, time/time.go, Date.

use std::mem;

use chrono::{DateTime, Datelike, Days, Months, NaiveDateTime, Offset, TimeZone, Timelike};
use chrono_tz::Tz;

use super::CronFields;
use crate::model::unix_time::UnixTime;

/// How many years after the one of the start are searched.
const YEARS: i32 = 5;
/// The most days taken at once. No offset of the IANA database lasts under 6.9 days, so equal offsets at both ends of
/// such a stretch mean that there is no other one inside.
const STRIDE_DAYS: u32 = 6;
/// A day of 24 hours [s].
const DAY: i64 = 86_400;
/// An hour [s].
const HOUR: i64 = 3600;

/// Finds the first time after `after` that `fields` allow on the wall clock of `zone`.
pub(super) fn next(fields: &CronFields, zone: Tz, after: UnixTime) -> Option<UnixTime> {
    let mut clock = Clock::at(zone, after.secs() + 1)?;
    let last_year = clock.wall.year() + YEARS;
    // Before the first step of all, and only then, the clock is set back to the start of that step's unit.
    let mut is_rounded = false;
    'wrap: while clock.wall.year() <= last_year {
        while !fields.month.contains(clock.wall.month()) {
            if !mem::replace(&mut is_rounded, true) {
                clock = clock.start_of_month()?;
            }
            clock = clock.next_month()?;
            if clock.wall.month() == 1 {
                continue 'wrap;
            }
        }
        while !fields.allow_day(clock.wall.date()) {
            if !mem::replace(&mut is_rounded, true) {
                clock = clock.start_of_day()?;
            }
            clock = clock.next_allowed_day(fields)?;
            if clock.wall.day() == 1 {
                continue 'wrap;
            }
        }
        while !fields.hour.contains(clock.wall.hour()) {
            if !mem::replace(&mut is_rounded, true) {
                clock = clock.start_of_hour()?;
            }
            let hour = clock.wall.hour();
            clock = clock.stride(HOUR, fields.hour.above(hour).unwrap_or(24) - hour)?;
            if clock.wall.hour() == 0 {
                continue 'wrap;
            }
        }
        while !fields.minute.contains(clock.wall.minute()) {
            if !mem::replace(&mut is_rounded, true) {
                clock = clock.start_of_minute()?;
            }
            let minute = clock.wall.minute();
            clock = clock.stride(60, fields.minute.above(minute).unwrap_or(60) - minute)?;
            if clock.wall.minute() == 0 {
                continue 'wrap;
            }
        }
        if clock.wall.second() == 0 {
            return UnixTime::from_secs(clock.instant);
        }
        is_rounded = true;
        while clock.wall.second() != 0 {
            clock = clock.stride(1, 60 - clock.wall.second())?;
        }
    }
    None
}

/// An instant and what the clocks of a zone show then. Every step is `None` beyond the years that `chrono` knows.
#[derive(Clone, Copy)]
struct Clock {
    zone: Tz,
    /// Since the Unix epoch [s].
    instant: i64,
    /// East of UTC [s].
    offset: i64,
    wall: NaiveDateTime,
}

impl Clock {
    fn at(zone: Tz, instant: i64) -> Option<Self> {
        let offset = offset_at(zone, instant)?;
        let wall = DateTime::from_timestamp_secs(instant + offset)?.naive_utc();
        Some(Self { zone, instant, offset, wall })
    }

    /// The instant that Go takes for a time on the wall clock, also where there are two or none.
    fn showing(zone: Tz, wall: NaiveDateTime) -> Option<Self> {
        let as_utc = wall.and_utc().timestamp();
        let guess = offset_at(zone, as_utc)?;
        let offset = offset_at(zone, as_utc - guess)?;
        if offset == guess {
            return Some(Self { zone, instant: as_utc - offset, offset, wall });
        }
        Self::at(zone, as_utc - offset)
    }

    fn start_of_month(self) -> Option<Self> {
        Self::showing(self.zone, self.wall.date().with_day(1)?.and_hms_opt(0, 0, 0)?)
    }

    fn start_of_day(self) -> Option<Self> {
        Self::showing(self.zone, self.wall.date().and_hms_opt(0, 0, 0)?)
    }

    fn start_of_hour(self) -> Option<Self> {
        Self::showing(self.zone, self.wall.date().and_hms_opt(self.wall.hour(), 0, 0)?)
    }

    /// The start of the minute in UTC, which differs where an offset has seconds.
    fn start_of_minute(self) -> Option<Self> {
        Self::at(self.zone, self.instant - self.instant.rem_euclid(60))
    }

    /// The same day and time of the next month; a day that it does not have runs over into the month after.
    fn next_month(self) -> Option<Self> {
        let month = self.wall.date().with_day(1)?.checked_add_months(Months::new(1))?;
        let date = month.checked_add_days(Days::new(u64::from(self.wall.day0())))?;
        Self::showing(self.zone, date.and_time(self.wall.time()))
    }

    /// A later day: as far as the next one that `fields` allow or that begins a month, or a few days before it.
    fn next_allowed_day(self, fields: &CronFields) -> Option<Self> {
        if self.wall.hour() == 0 {
            let days = self.days_ahead(fields)?;
            let far = self.later_day(days)?;
            // Else the offset has changed, or that midnight is missing or comes twice.
            if (far.instant, far.offset) == (self.instant + i64::from(days) * DAY, self.offset) {
                return Some(far);
            }
        }
        let next = self.next_day()?;
        // Deviation: where a zone has skipped a whole day (Apia, 30 December 2011), the library steps on the same
        // instant for ever.
        if next.instant > self.instant { Some(next) } else { self.later_day(2) }
    }

    /// How many days it is to the next one that `fields` allow or that begins a month, but at most a stride.
    fn days_ahead(self, fields: &CronFields) -> Option<u32> {
        let mut date = self.wall.date();
        for days in 1..STRIDE_DAYS {
            date = date.succ_opt()?;
            if fields.allow_day(date) || date.day() == 1 {
                return Some(days);
            }
        }
        Some(STRIDE_DAYS)
    }

    /// The next midnight, which the library finds by moving whole hours where the zone has none.
    fn next_day(self) -> Option<Self> {
        let next = self.later_day(1)?;
        match i64::from(next.wall.hour()) {
            0 => Some(next),
            hour @ 13.. => Self::at(self.zone, next.instant + (24 - hour) * HOUR),
            hour => Self::at(self.zone, next.instant - hour * HOUR),
        }
    }

    fn later_day(self, days: u32) -> Option<Self> {
        Self::showing(self.zone, self.wall.checked_add_days(Days::new(u64::from(days)))?)
    }

    /// Moves `count` units of `unit` [s] in real time, or a single one if the offset changes on the way.
    fn stride(self, unit: i64, count: u32) -> Option<Self> {
        let far = Self::at(self.zone, self.instant + unit * i64::from(count))?;
        if far.offset == self.offset { Some(far) } else { Self::at(self.zone, self.instant + unit) }
    }
}

/// The offset of a zone at an instant since the Unix epoch [s], east of UTC [s].
fn offset_at(zone: Tz, instant: i64) -> Option<i64> {
    if zone == Tz::UTC {
        return Some(0);
    }
    let utc = DateTime::from_timestamp_secs(instant)?.naive_utc();
    Some(i64::from(zone.offset_from_utc_datetime(&utc).fix().local_minus_utc()))
}
