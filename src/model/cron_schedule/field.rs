//! One field of a cron schedule: the text and the set of values it stands for.
//!
//! A field is a list of items with commas between them; an item is `*`, `?`, a value or a range of values, and may
//! have a step.
//!
//! Source: robfig/cron v3.0.1, parser.go, getField and getRange.

use super::CronError;
use crate::model::go_text;

/// The values that a field may take, and their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldRange {
    /// The lowest value.
    pub min: u64,
    /// The highest value, at most 63.
    pub max: u64,
    /// The names of the values from `min` on, or none.
    pub names: &'static [&'static str],
}

/// The minute of an hour.
pub const MINUTE: FieldRange = FieldRange { min: 0, max: 59, names: &[] };
/// The hour of a day.
pub const HOUR: FieldRange = FieldRange { min: 0, max: 23, names: &[] };
/// The day of a month.
pub const DAY_OF_MONTH: FieldRange = FieldRange { min: 1, max: 31, names: &[] };
/// The month of a year.
pub const MONTH: FieldRange = FieldRange {
    min: 1,
    max: 12,
    names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
};
/// The day of a week; 0 is Sunday, and 7 is nothing.
pub const DAY_OF_WEEK: FieldRange =
    FieldRange { min: 0, max: 6, names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"] };

/// The values that one field allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldSet {
    /// Bit `v` is set when the value `v` is allowed.
    pub bits: u64,
    /// Whether an item is `*` or `?` with no step above 1: this field does not restrict the day.
    pub is_star: bool,
}

impl FieldSet {
    /// The set of no value, which a list of nothing stands for.
    pub const EMPTY: FieldSet = FieldSet { bits: 0, is_star: false };

    /// Reads the text of a field; empty items of its list are skipped.
    ///
    /// # Errors
    /// The first item that is not a part of `range`.
    pub fn parse(text: &str, range: &FieldRange) -> Result<Self, CronError> {
        let items = text.split(',').filter(|item| !item.is_empty());
        items.map(|item| parse_item(item, range)).try_fold(Self::EMPTY, |set, item| Ok(set.union(item?)))
    }

    /// The set of one value.
    pub const fn only(value: u64) -> Self {
        Self { bits: 1 << value, is_star: false }
    }

    /// The set of all values of `range`, as `*` gives it.
    pub const fn star(range: &FieldRange) -> Self {
        Self { bits: stepped(range.min, range.max, 1), is_star: true }
    }

    /// Whether the value is in the set.
    pub const fn contains(self, value: u32) -> bool {
        self.bits >> value & 1 == 1
    }

    /// The lowest value of the set above `value`.
    pub const fn above(self, value: u32) -> Option<u32> {
        let rest = self.bits >> value >> 1;
        if rest == 0 { None } else { Some(value + 1 + rest.trailing_zeros()) }
    }

    /// The values in ascending order.
    pub fn values(self) -> impl Iterator<Item = u32> {
        (0..u64::BITS).filter(move |&value| self.contains(value))
    }

    const fn union(self, other: Self) -> Self {
        Self { bits: self.bits | other.bits, is_star: self.is_star | other.is_star }
    }
}

/// Reads `*`, `a` or `a-b`, each with an optional `/step`; `a/step` runs up to the maximum.
fn parse_item(item: &str, range: &FieldRange) -> Result<FieldSet, CronError> {
    let mut parts = item.split('/');
    let span = parts.next().unwrap_or_default();
    let step = parts.next();
    let low = span.split('-').next().unwrap_or_default();
    let is_any = matches!(low, "*" | "?");
    // What follows the hyphen of `*-x` is never looked at.
    let (start, mut end) = if is_any { (range.min, range.max) } else { parse_span(item, span, range)? };
    if parts.next().is_some() {
        return Err(CronError::TooManySlashes(item.to_owned()));
    }
    let step = step.map(parse_number).transpose()?;
    if step.is_some() && !span.contains('-') {
        end = range.max;
    }
    let step = step.unwrap_or(1);
    let item = || item.to_owned();
    if start < range.min {
        return Err(CronError::BelowMinimum { start, min: range.min, item: item() });
    }
    if end > range.max {
        return Err(CronError::AboveMaximum { end, max: range.max, item: item() });
    }
    if start > end {
        return Err(CronError::Reversed { start, end, item: item() });
    }
    if step == 0 {
        return Err(CronError::ZeroStep(item()));
    }
    Ok(FieldSet { bits: stepped(start, end, step), is_star: is_any && step == 1 })
}

fn parse_span(item: &str, span: &str, range: &FieldRange) -> Result<(u64, u64), CronError> {
    let mut ends = span.split('-');
    let start = parse_value(ends.next().unwrap_or_default(), range)?;
    match (ends.next(), ends.next()) {
        (None, _) => Ok((start, start)),
        (Some(end), None) => Ok((start, parse_value(end, range)?)),
        (Some(_), Some(_)) => Err(CronError::TooManyHyphens(item.to_owned())),
    }
}

fn parse_value(text: &str, range: &FieldRange) -> Result<u64, CronError> {
    match (range.min..).zip(range.names).find(|(_, name)| name.eq_ignore_ascii_case(text)) {
        Some((value, _)) => Ok(value),
        None => parse_number(text),
    }
}

fn parse_number(text: &str) -> Result<u64, CronError> {
    let number = go_text::parse_int(text).map_err(|fault| CronError::BadNumber {
        text: text.to_owned(),
        quoted: go_text::quote(text),
        fault,
    })?;
    u64::try_from(number).map_err(|_| CronError::NegativeNumber { number, text: text.to_owned() })
}

/// The bits of every `step`th value from `start` to `end`.
const fn stepped(start: u64, end: u64, step: u64) -> u64 {
    let mut bits = 0;
    let mut value = start;
    while value <= end {
        bits |= 1 << value;
        value = value.saturating_add(step);
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, range: &FieldRange, values: &[u32], is_star: bool) {
        let set = FieldSet::parse(text, range).expect("a field");
        assert_eq!((set.values().collect::<Vec<_>>().as_slice(), set.is_star), (values, is_star), "{text}");
    }

    #[track_caller]
    fn refuse(text: &str, range: &FieldRange, message: &str) {
        assert_eq!(FieldSet::parse(text, range).expect_err("no field").to_string(), message);
    }

    #[test]
    fn items_are_values_ranges_and_steps() {
        check("5", &HOUR, &[5], false);
        check("05,+7", &HOUR, &[5, 7], false);
        check("1-3", &HOUR, &[1, 2, 3], false);
        check("1-9/4", &HOUR, &[1, 5, 9], false);
        check("20/2", &HOUR, &[20, 22], false);
        check("22/99", &HOUR, &[22], false);
        check("feb,OCT-Dec", &MONTH, &[2, 10, 11, 12], false);
        check("sun,5-SAT", &DAY_OF_WEEK, &[0, 5, 6], false);
        check("1,,2,", &HOUR, &[1, 2], false);
        check(",", &HOUR, &[], false);
    }

    #[test]
    fn a_star_is_any_item_that_takes_every_value() {
        let week = [0, 1, 2, 3, 4, 5, 6];
        for text in ["*", "?", "*/1", "?/1", "*,3", "3,*/1", "*-5", "*-5-x", "*-/1"] {
            check(text, &DAY_OF_WEEK, &week, true);
        }
        check("0-6", &DAY_OF_WEEK, &week, false);
        check("*/2", &DAY_OF_WEEK, &[0, 2, 4, 6], false);
        check("*/100", &DAY_OF_WEEK, &[0], false);
    }

    #[test]
    fn the_first_fault_is_named_in_the_librarys_words() {
        refuse("24", &HOUR, "end of range (24) above maximum (23): 24");
        refuse("0", &MONTH, "beginning of range (0) below minimum (1): 0");
        refuse("fri-mon", &DAY_OF_WEEK, "beginning of range (5) beyond end of range (1): fri-mon");
        refuse("1-2-3", &HOUR, "too many hyphens: 1-2-3");
        refuse("*/2/3", &HOUR, "too many slashes: */2/3");
        refuse("*/0", &HOUR, "step of range should be a positive number: */0");
        refuse("*/-2", &HOUR, "negative number (-2) not allowed: -2");
        refuse("1-", &HOUR, "failed to parse int from : strconv.Atoi: parsing \"\": invalid syntax");
        refuse("jan", &HOUR, "failed to parse int from jan: strconv.Atoi: parsing \"jan\": invalid syntax");
        refuse(
            "99999999999999999999",
            &HOUR,
            "failed to parse int from 99999999999999999999: \
             strconv.Atoi: parsing \"99999999999999999999\": value out of range",
        );
    }

    #[test]
    fn the_next_value_above_is_found() {
        let set = FieldSet::parse("0,5,59", &MINUTE).expect("a field");
        assert_eq!(set.above(0), Some(5));
        assert_eq!(set.above(5), Some(59));
        assert_eq!(set.above(59), None);
        assert_eq!(FieldSet { bits: u64::MAX, is_star: false }.above(63), None);
    }
}
