//! Virtual time: instants and spans as whole nanoseconds.
//!
//! An instant counts from the start of the scenario. Arithmetic saturates at the end of time, which no run
//! reaches: horizons are bounded far below it. The civil date of an instant is a matter of the model, not of
//! the engine.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::str::FromStr;

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// An instant of virtual time [ns since the start of the scenario].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SimTime(u64);

/// A span of virtual time [ns].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SimDuration(u64);

/// A text that is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a duration such as 90s, 1h30m, 250ms or 30d: {0:?}")]
pub struct DurationError(String);

impl SimTime {
    /// The start of the scenario.
    pub const ZERO: Self = Self(0);
    /// Later than every instant of a run.
    pub const MAX: Self = Self(u64::MAX);

    /// The instant `nanos` [ns] after the start.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// The instant `secs` [s] after the start.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(NANOS_PER_SECOND))
    }

    /// Nanoseconds since the start.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Whole seconds since the start, the fraction dropped.
    pub const fn as_secs(self) -> u64 {
        self.0 / NANOS_PER_SECOND
    }

    /// This instant cut to whole seconds, as a timestamp stored in an API object is.
    pub const fn truncated_to_secs(self) -> Self {
        Self(self.0 - self.0 % NANOS_PER_SECOND)
    }

    /// The span since `earlier`, zero where `earlier` is later.
    pub const fn since(self, earlier: Self) -> SimDuration {
        SimDuration(self.0.saturating_sub(earlier.0))
    }
}

impl SimDuration {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// Longer than every run.
    pub const MAX: Self = Self(u64::MAX);

    /// A span of `nanos` [ns].
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// A span of `millis` [ms].
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// A span of `secs` [s].
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(NANOS_PER_SECOND))
    }

    /// The span nearest to `secs` [s], zero for a negative or undefined number.
    pub fn from_secs_f64(secs: f64) -> Self {
        Self((secs * NANOS_PER_SECOND as f64 + 0.5) as u64)
    }

    /// Nanoseconds.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Whole seconds, the fraction dropped.
    pub const fn as_secs(self) -> u64 {
        self.0 / NANOS_PER_SECOND
    }

    /// Seconds with their fraction, for statistics and reports.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / NANOS_PER_SECOND as f64
    }

    /// Whether the span is empty.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The span to the nearest millisecond where it is 1 s or more: who reads it does not want to know it better.
    pub const fn for_people(self) -> Self {
        const MILLI: u64 = 1_000_000;
        if self.0 < NANOS_PER_SECOND { self } else { Self(self.0.saturating_add(MILLI / 2) / MILLI * MILLI) }
    }

    /// This span less `other`, zero where `other` is longer.
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// This span `factor` times, at most [`SimDuration::MAX`].
    pub const fn saturating_mul(self, factor: u64) -> Self {
        Self(self.0.saturating_mul(factor))
    }
}

impl Add<SimDuration> for SimTime {
    type Output = Self;

    fn add(self, span: SimDuration) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl AddAssign<SimDuration> for SimTime {
    fn add_assign(&mut self, span: SimDuration) {
        *self = *self + span;
    }
}

impl Sub<SimTime> for SimTime {
    type Output = SimDuration;

    /// The span between two instants.
    ///
    /// # Panics
    /// When `earlier` is the later one: a component that looks into the future has a bug.
    fn sub(self, earlier: SimTime) -> SimDuration {
        SimDuration(self.0.checked_sub(earlier.0).expect("an earlier instant comes second in a difference"))
    }
}

impl Add for SimDuration {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for SimDuration {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl std::iter::Sum for SimDuration {
    fn sum<I: Iterator<Item = Self>>(spans: I) -> Self {
        spans.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for SimTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SimDuration(self.0).fmt(f)
    }
}

impl fmt::Display for SimDuration {
    /// The short form of Go's durations: `1h2m3s`, `1m16s`, `2.5s`, `250ms`, `40us`; days stay hours.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = if self.0 >= NANOS_PER_SECOND || self.0 == 0 {
            long_form(self.0)
        } else if self.0 >= 1_000_000 {
            with_fraction(self.0, 1_000_000, "ms")
        } else if self.0 >= 1_000 {
            with_fraction(self.0, 1_000, "us")
        } else {
            format!("{}ns", self.0)
        };
        f.pad(&text)
    }
}

fn long_form(nanos: u64) -> String {
    let (hours, minutes) = (nanos / NANOS_PER_SECOND / 3600, nanos / NANOS_PER_SECOND / 60 % 60);
    let rest = nanos % (60 * NANOS_PER_SECOND);
    let mut text = String::new();
    if hours > 0 {
        text += &format!("{hours}h");
    }
    if minutes > 0 {
        text += &format!("{minutes}m");
    }
    if rest > 0 || text.is_empty() {
        text += &with_fraction(rest, NANOS_PER_SECOND, "s");
    }
    text
}

fn with_fraction(nanos: u64, unit: u64, suffix: &str) -> String {
    let fraction = nanos % unit;
    if fraction == 0 {
        return format!("{}{suffix}", nanos / unit);
    }
    let width = unit.ilog10() as usize;
    let digits = format!("{fraction:0width$}");
    format!("{}.{}{suffix}", nanos / unit, digits.trim_end_matches('0'))
}

impl FromStr for SimDuration {
    type Err = DurationError;

    /// Parses Go's duration text without a sign, with `d` for days besides: `1h30m`, `1.5h`, `250ms`, `0`.
    fn from_str(text: &str) -> Result<Self, DurationError> {
        let error = || DurationError(text.to_owned());
        if text == "0" {
            return Ok(Self::ZERO);
        }
        let mut rest = text;
        let mut nanos: u64 = 0;
        while !rest.is_empty() {
            let number_len = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(error)?;
            let (number, tail) = rest.split_at(number_len);
            let unit_len = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
            let (unit, tail) = tail.split_at(unit_len);
            let part = part_nanos(number, unit).ok_or_else(error)?;
            nanos = nanos.checked_add(part).ok_or_else(error)?;
            rest = tail;
        }
        if text.is_empty() { Err(error()) } else { Ok(Self(nanos)) }
    }
}

/// The length [ns] of one number with its unit; `None` where either is malformed or the product too long.
fn part_nanos(number: &str, unit: &str) -> Option<u64> {
    let scale: u64 = match unit {
        "ns" => 1,
        "us" | "µs" => 1_000,
        "ms" => 1_000_000,
        "s" => NANOS_PER_SECOND,
        "m" => 60 * NANOS_PER_SECOND,
        "h" => 3_600 * NANOS_PER_SECOND,
        "d" => 86_400 * NANOS_PER_SECOND,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut nanos = u128::from(whole) * u128::from(scale);
    let mut place = u128::from(scale);
    for digit in fraction.bytes() {
        place /= 10;
        nanos += place * u128::from(digit - b'0');
    }
    u64::try_from(nanos).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, nanos: u64, shown: &str) {
        let span: SimDuration = text.parse().unwrap();
        assert_eq!(span.as_nanos(), nanos);
        assert_eq!(span.to_string(), shown);
    }

    #[test]
    fn durations_are_read_and_shown_in_the_short_form() {
        check("0", 0, "0s");
        check("90s", 90 * NANOS_PER_SECOND, "1m30s");
        check("1h30m", 5_400 * NANOS_PER_SECOND, "1h30m");
        check("1.5h", 5_400 * NANOS_PER_SECOND, "1h30m");
        check("30d", 2_592_000 * NANOS_PER_SECOND, "720h");
        check("2.5s", 2_500_000_000, "2.5s");
        check("250ms", 250_000_000, "250ms");
        check("1500us", 1_500_000, "1.5ms");
        check("1h0.001s", 3_600_001_000_000, "1h0.001s");
    }

    #[test]
    fn text_that_is_no_duration_is_refused() {
        for text in ["", "s", "5", "5x", "-5s", "1..5s", "5 s", ".s", "99999999999d", "1e3s"] {
            assert!(text.parse::<SimDuration>().is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn sums_stop_at_the_end_of_time() {
        assert_eq!(SimTime::MAX + SimDuration::from_secs(1), SimTime::MAX);
        assert_eq!(SimDuration::from_secs(1) + SimDuration::MAX, SimDuration::MAX);
    }

    #[test]
    fn stored_timestamps_have_whole_seconds() {
        assert_eq!(SimTime::from_nanos(1_999_999_999).truncated_to_secs(), SimTime::from_secs(1));
    }
}
