//! Cron schedules as the CronJob controller reads them: the standard parser of robfig/cron v3.0.1, and the times that
//! it finds.
//!
//! Five fields (minute, hour, day of month, month, day of week), or a descriptor such as `@daily` and `@every 90m`,
//! with an optional `TZ=` or `CRON_TZ=` in front. There are no seconds, no `L`, `W` or `#`, and 7 is not Sunday.
//!
//! Days: when both day fields are restricted, a day that fits one of them is enough; a field with a star (`*`, `?`,
//! `*/1`, but not `*/2`) leaves the choice to the other.
//!
//! Deviation: after 2099 a zone keeps the offset that it has then, for that is as far as the built-in database goes.

pub mod field;
mod walk;

use chrono::{Datelike, NaiveDate};
use chrono_tz::Tz;
use thiserror::Error;

pub use self::field::{FieldRange, FieldSet};
use super::go_text::{self, DurationFault, NumberFault};
use super::time_zone::{self, ZoneError};
use super::unix_time::UnixTime;

/// When a CronJob runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CronSchedule {
    /// What the times are.
    pub rule: CronRule,
    /// The time zone that was given with the schedule; without one it is the controller's, which is UTC here.
    pub zone: Option<Tz>,
}

/// The two kinds of schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CronRule {
    /// Times of the wall clock.
    Fields(CronFields),
    /// `@every`: a constant delay after the last time, whatever the clock shows [s].
    Every(i64),
}

/// The values that the five fields allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CronFields {
    /// Minutes of the hour, 0-59.
    pub minute: FieldSet,
    /// Hours of the day, 0-23.
    pub hour: FieldSet,
    /// Days of the month, 1-31.
    pub day_of_month: FieldSet,
    /// Months of the year, 1-12.
    pub month: FieldSet,
    /// Days of the week, 0-6 from Sunday.
    pub day_of_week: FieldSet,
}

/// Why a text is not a schedule; the messages are the library's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CronError {
    /// There is no text at all.
    #[error("empty spec string")]
    Empty,
    /// Nothing follows the time zone. The library panics here.
    #[error("expected a blank and a schedule after the time zone: {0}")]
    ZoneAlone(String),
    /// The time zone in front does not exist.
    #[error("provided bad location {name}: {fault}")]
    BadLocation {
        /// The name as given.
        name: String,
        /// What is wrong with it.
        fault: ZoneError,
    },
    /// There are more or fewer than five fields.
    #[error("expected exactly 5 fields, found {}: [{}]", .0.len(), .0.join(" "))]
    FieldCount(Vec<String>),
    /// A text after `@` has no meaning.
    #[error("unrecognized descriptor: {0}")]
    UnknownDescriptor(String),
    /// The text after `@every` is not a duration.
    #[error("failed to parse duration {descriptor}: {fault}")]
    BadDuration {
        /// The whole descriptor.
        descriptor: String,
        /// What is wrong with the duration.
        fault: DurationFault,
    },
    /// A value or a step is neither a number nor a name.
    #[error("failed to parse int from {text}: strconv.Atoi: parsing {quoted}: {fault}")]
    BadNumber {
        /// The text in the place of a number.
        text: String,
        /// The same, quoted.
        quoted: String,
        /// What is wrong with it.
        fault: NumberFault,
    },
    /// A step is below zero.
    #[error("negative number ({number}) not allowed: {text}")]
    NegativeNumber {
        /// The number.
        number: i64,
        /// The text that it was read from.
        text: String,
    },
    /// A range has three ends.
    #[error("too many hyphens: {0}")]
    TooManyHyphens(String),
    /// An item has two steps.
    #[error("too many slashes: {0}")]
    TooManySlashes(String),
    /// A value is too low.
    #[error("beginning of range ({start}) below minimum ({min}): {item}")]
    BelowMinimum {
        /// The value.
        start: u64,
        /// The lowest value of the field.
        min: u64,
        /// The item of the list.
        item: String,
    },
    /// A value is too high.
    #[error("end of range ({end}) above maximum ({max}): {item}")]
    AboveMaximum {
        /// The value.
        end: u64,
        /// The highest value of the field.
        max: u64,
        /// The item of the list.
        item: String,
    },
    /// A range ends before it begins; ranges do not wrap around.
    #[error("beginning of range ({start}) beyond end of range ({end}): {item}")]
    Reversed {
        /// The first value.
        start: u64,
        /// The last value.
        end: u64,
        /// The item of the list.
        item: String,
    },
    /// A step is zero.
    #[error("step of range should be a positive number: {0}")]
    ZeroStep(String),
}

impl CronSchedule {
    /// Reads a schedule with an optional time zone in front.
    ///
    /// Source: robfig/cron v3.0.1, parser.go, ParseStandard.
    ///
    /// # Errors
    /// The first fault, in the words of the library.
    pub fn parse(text: &str) -> Result<Self, CronError> {
        if text.is_empty() {
            return Err(CronError::Empty);
        }
        let Some(named) = text.strip_prefix("TZ=").or_else(|| text.strip_prefix("CRON_TZ=")) else {
            return Ok(Self { rule: CronRule::parse(text)?, zone: None });
        };
        let (name, text) = named.split_once(' ').ok_or_else(|| CronError::ZoneAlone(text.to_owned()))?;
        let zone = time_zone::load_location(name)
            .map_err(|fault| CronError::BadLocation { name: name.to_owned(), fault })?;
        Ok(Self { rule: CronRule::parse(text.trim())?, zone })
    }

    /// Reads `spec.schedule` beside `spec.timeZone`; a schedule with `TZ` in it goes by that alone.
    ///
    /// Source: Kubernetes 1.28, pkg/controller/cronjob/cronjob_controllerv2.go, formatSchedule.
    ///
    /// # Errors
    /// The first fault, in the words of the library.
    pub fn with_zone(text: &str, zone: Option<Tz>) -> Result<Self, CronError> {
        match zone {
            // As the zone would stand in front of the text, blanks around a descriptor do no harm.
            Some(_) if !text.contains("TZ") => Ok(Self { rule: CronRule::parse(text.trim())?, zone }),
            _ => Self::parse(text),
        }
    }

    /// Lets the schedule follow the controller's time zone if it has none of its own.
    pub fn or_local(self, local: Tz) -> Self {
        Self { zone: self.zone.or(Some(local)), ..self }
    }

    /// Finds the first time strictly after `after`; `None` if there is none within five years.
    ///
    /// A fraction of a second that `after` had would change nothing: the library drops it first.
    pub fn next_after(&self, after: UnixTime) -> Option<UnixTime> {
        match &self.rule {
            CronRule::Fields(fields) => walk::next(fields, self.zone.unwrap_or(Tz::UTC), after),
            CronRule::Every(delay) => after.checked_add_secs(*delay),
        }
    }
}

impl CronRule {
    fn parse(text: &str) -> Result<Self, CronError> {
        if text.starts_with('@') {
            return Self::parse_descriptor(text);
        }
        let words: Vec<&str> = text.split_whitespace().collect();
        let &[minute, hour, day_of_month, month, day_of_week] = words.as_slice() else {
            return Err(CronError::FieldCount(words.into_iter().map(str::to_owned).collect()));
        };
        Ok(Self::Fields(CronFields {
            minute: FieldSet::parse(minute, &field::MINUTE)?,
            hour: FieldSet::parse(hour, &field::HOUR)?,
            day_of_month: FieldSet::parse(day_of_month, &field::DAY_OF_MONTH)?,
            month: FieldSet::parse(month, &field::MONTH)?,
            day_of_week: FieldSet::parse(day_of_week, &field::DAY_OF_WEEK)?,
        }))
    }

    fn parse_descriptor(text: &str) -> Result<Self, CronError> {
        let daily = CronFields {
            minute: FieldSet::only(0),
            hour: FieldSet::only(0),
            day_of_month: FieldSet::star(&field::DAY_OF_MONTH),
            month: FieldSet::star(&field::MONTH),
            day_of_week: FieldSet::star(&field::DAY_OF_WEEK),
        };
        let monthly = CronFields { day_of_month: FieldSet::only(1), ..daily };
        let fields = match text {
            "@yearly" | "@annually" => CronFields { month: FieldSet::only(1), ..monthly },
            "@monthly" => monthly,
            "@weekly" => CronFields { day_of_week: FieldSet::only(0), ..daily },
            "@daily" | "@midnight" => daily,
            "@hourly" => CronFields { hour: FieldSet::star(&field::HOUR), ..daily },
            _ => return Self::parse_every(text),
        };
        Ok(Self::Fields(fields))
    }

    /// Source: robfig/cron v3.0.1, constantdelay.go, Every.
    fn parse_every(text: &str) -> Result<Self, CronError> {
        let duration =
            text.strip_prefix("@every ").ok_or_else(|| CronError::UnknownDescriptor(text.to_owned()))?;
        let nanos = go_text::parse_duration(duration)
            .map_err(|fault| CronError::BadDuration { descriptor: text.to_owned(), fault })?;
        Ok(Self::Every((nanos / 1_000_000_000).max(1)))
    }
}

impl CronFields {
    /// Whether the two day fields together allow a date.
    ///
    /// Source: robfig/cron v3.0.1, spec.go, dayMatches.
    pub fn allow_day(&self, date: NaiveDate) -> bool {
        let fits_month = self.day_of_month.contains(date.day());
        let fits_week = self.day_of_week.contains(date.weekday().num_days_from_sunday());
        if self.day_of_month.is_star || self.day_of_week.is_star {
            fits_month && fits_week
        } else {
            fits_month || fits_week
        }
    }
}

#[cfg(test)]
mod tests;
