//! Instants of civil time: whole seconds since 1970-01-01T00:00:00Z.
//!
//! The simulation's own clock is finer and counts from the start of a run. Stored Kubernetes timestamps and cron
//! schedules know whole seconds only, and this is their type. A fraction of a second is dropped towards the past
//! wherever an instant is made.
//!
//! Invariant: the instant lies in the years that `chrono` can show (about ±262,000), so that formatting never fails.

use std::fmt;
use std::ops::RangeInclusive;

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use thiserror::Error;

/// An instant in whole seconds since the Unix epoch [s].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(i64);

/// A text that is not an RFC 3339 timestamp.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("expected a timestamp such as 2027-03-27T00:00:00Z: {text}")]
pub struct TimestampError {
    /// The text as given.
    pub text: String,
}

impl UnixTime {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: UnixTime = UnixTime(0);

    /// The instant `secs` [s] after the epoch, or `None` beyond the years that can be shown.
    pub fn from_secs(secs: i64) -> Option<Self> {
        const SHOWN: RangeInclusive<i64> =
            DateTime::<Utc>::MIN_UTC.timestamp()..=DateTime::<Utc>::MAX_UTC.timestamp();
        SHOWN.contains(&secs).then_some(Self(secs))
    }

    /// The distance from the epoch [s].
    pub const fn secs(self) -> i64 {
        self.0
    }

    /// The instant `secs` [s] later, or `None` beyond the years that can be shown.
    pub fn checked_add_secs(self, secs: i64) -> Option<Self> {
        self.0.checked_add(secs).and_then(Self::from_secs)
    }

    /// Reads an RFC 3339 timestamp; a fraction of a second is dropped.
    ///
    /// # Errors
    /// A text of another form, with an impossible date, or in the 61st second of a minute.
    pub fn parse_rfc3339(text: &str) -> Result<Self, TimestampError> {
        let error = || TimestampError { text: text.to_owned() };
        // chrono also takes a blank for the `T`, and small letters. Kubernetes does not.
        if text.as_bytes().get(10) != Some(&b'T') || text.ends_with('z') {
            return Err(error());
        }
        let time = DateTime::parse_from_rfc3339(text).map_err(|_| error())?;
        if time.timestamp_subsec_nanos() >= 1_000_000_000 {
            return Err(error());
        }
        Ok(time.to_utc().into())
    }

    /// The same instant as a `chrono` value.
    pub fn to_utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_secs(self.0).expect("the range was checked when the instant was made")
    }

    /// RFC 3339 in the local time of `zone`: `2024-01-01T09:00:00+09:00`, and `Z` for an offset of zero.
    pub fn rfc3339_in(self, zone: Tz) -> String {
        self.to_utc().with_timezone(&zone).to_rfc3339_opts(SecondsFormat::Secs, true)
    }

    /// RFC 1123 with a numeric zone, in UTC: `Mon, 01 Jan 2024 00:00:00 +0000`.
    ///
    /// Source: Go, time.RFC1123Z, which the messages of the CronJob controller use.
    pub fn rfc1123z(self) -> String {
        self.to_utc().format("%a, %d %b %Y %H:%M:%S %z").to_string()
    }
}

impl fmt::Display for UnixTime {
    /// Writes RFC 3339 in UTC: `2024-01-01T00:00:00Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_utc().to_rfc3339_opts(SecondsFormat::Secs, true))
    }
}

impl From<DateTime<Utc>> for UnixTime {
    /// Drops the fraction of a second.
    fn from(time: DateTime<Utc>) -> Self {
        Self(time.timestamp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> UnixTime {
        UnixTime::parse_rfc3339(text).expect("a timestamp")
    }

    #[test]
    fn a_timestamp_is_read_and_written() {
        #[track_caller]
        fn check(text: &str, secs: i64, written: &str) {
            assert_eq!(time(text).secs(), secs);
            assert_eq!(time(text).to_string(), written);
        }
        check("1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00Z");
        check("2024-02-29T12:34:56+05:30", 1_709_190_296, "2024-02-29T07:04:56Z");
        check("2024-01-01T00:00:00.999Z", 1_704_067_200, "2024-01-01T00:00:00Z");
        check("1969-12-31T23:59:59.5Z", -1, "1969-12-31T23:59:59Z");
    }

    #[test]
    fn what_kubernetes_does_not_write_is_refused() {
        for text in [
            "",
            "2024-01-01",
            "2024-01-01 00:00:00Z",
            "2024-01-01T00:00:00z",
            "2024-01-01T00:00:00",
            "2024-02-30T00:00:00Z",
            "2024-12-31T23:59:60Z",
        ] {
            assert_eq!(UnixTime::parse_rfc3339(text), Err(TimestampError { text: text.to_owned() }));
        }
    }

    #[test]
    fn a_zone_shows_its_own_offset_and_z_for_none() {
        let new_year = time("2024-01-01T00:00:00Z");
        assert_eq!(new_year.rfc3339_in(Tz::Asia__Tokyo), "2024-01-01T09:00:00+09:00");
        assert_eq!(new_year.rfc3339_in(Tz::America__St_Johns), "2023-12-31T20:30:00-03:30");
        assert_eq!(new_year.rfc3339_in(Tz::Europe__London), "2024-01-01T00:00:00Z");
        assert_eq!(new_year.rfc1123z(), "Mon, 01 Jan 2024 00:00:00 +0000");
    }

    #[test]
    fn an_instant_that_no_calendar_shows_does_not_exist() {
        assert_eq!(UnixTime::from_secs(i64::MAX), None);
        for edge in [DateTime::<Utc>::MIN_UTC.timestamp(), DateTime::<Utc>::MAX_UTC.timestamp()] {
            let around = [edge - 1, edge, edge + 1];
            let shown = |secs: i64| DateTime::from_timestamp_secs(secs).is_some();
            assert_eq!(around.map(|secs| UnixTime::from_secs(secs).is_some()), around.map(shown));
        }
        assert_eq!(UnixTime::EPOCH.checked_add_secs(i64::MIN), None);
        assert_eq!(UnixTime::EPOCH.checked_add_secs(90), UnixTime::from_secs(90));
    }
}
