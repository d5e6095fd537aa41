//! Numbers and durations as Go reads them, with the words of its errors.
//!
//! Source: Go 1.20, strconv/atoi.go, strconv/quote.go and time/format.go, ParseDuration.

use thiserror::Error;

/// One second [ns].
const SECOND: u64 = 1_000_000_000;
/// The distance between the lowest duration and zero [ns].
const LIMIT: u64 = 1 << 63;

/// The units of a duration [ns]; the two micro signs are different characters.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", SECOND),
    ("m", 60 * SECOND),
    ("h", 3600 * SECOND),
];

/// Why a text is not an integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NumberFault {
    /// It is not made of digits.
    #[error("invalid syntax")]
    Syntax,
    /// It does not fit into 64 bits.
    #[error("value out of range")]
    Range,
}

/// Why a text is not a duration; the texts are quoted as Go quotes them.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DurationFault {
    /// It is not a sequence of numbers with units, or too long.
    #[error("time: invalid duration {0}")]
    Invalid(String),
    /// A number has no unit.
    #[error("time: missing unit in duration {0}")]
    MissingUnit(String),
    /// A unit is not one of ns, us, ms, s, m and h.
    #[error("time: unknown unit {unit} in duration {duration}")]
    UnknownUnit {
        /// The unit.
        unit: String,
        /// The whole text.
        duration: String,
    },
}

/// Reads decimal digits after at most one sign.
///
/// # Errors
/// No digits, something else, or too many of them.
pub fn parse_int(text: &str) -> Result<i64, NumberFault> {
    let (is_negative, digits) = match text.as_bytes() {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return Err(NumberFault::Syntax);
    }
    let size = digits.iter().try_fold(0u64, |size, digit| match digit {
        b'0'..=b'9' => size
            .checked_mul(10)
            .and_then(|size| size.checked_add(u64::from(digit - b'0')))
            .ok_or(NumberFault::Range),
        _ => Err(NumberFault::Syntax),
    })?;
    let value = if is_negative { -i128::from(size) } else { i128::from(size) };
    i64::try_from(value).map_err(|_| NumberFault::Range)
}

/// Reads a duration such as `1h30m` or `-1.5s` [ns].
///
/// # Errors
/// The first fault from the left, with the words of Go.
pub fn parse_duration(text: &str) -> Result<i64, DurationFault> {
    let invalid = || DurationFault::Invalid(quote_bytes(text));
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if unsigned == "0" {
        return Ok(0);
    }
    if unsigned.is_empty() {
        return Err(invalid());
    }
    let mut total = 0u64;
    let mut rest = unsigned;
    while !rest.is_empty() {
        let (part, after) = parse_duration_part(rest, text)?;
        // Go's sum wraps around here as well.
        total = total.wrapping_add(part);
        if total > LIMIT {
            return Err(invalid());
        }
        rest = after;
    }
    match i64::try_from(total) {
        Ok(total) if text.starts_with('-') => Ok(-total),
        Ok(total) => Ok(total),
        Err(_) if text.starts_with('-') => Ok(i64::MIN),
        Err(_) => Err(invalid()),
    }
}

/// Reads one number with its unit [ns], and gives what follows.
fn parse_duration_part<'a>(text: &'a str, whole: &str) -> Result<(u64, &'a str), DurationFault> {
    let invalid = || DurationFault::Invalid(quote_bytes(whole));
    let (integer, rest) = split_digits(text);
    let (fraction, rest) = rest.strip_prefix('.').map_or(("", rest), split_digits);
    if integer.is_empty() && fraction.is_empty() {
        return Err(invalid());
    }
    let (unit, rest) =
        rest.split_at(rest.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(rest.len()));
    let value = parse_leading_int(integer).ok_or_else(invalid)?;
    if unit.is_empty() {
        return Err(DurationFault::MissingUnit(quote_bytes(whole)));
    }
    let Some(&(_, size)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err(DurationFault::UnknownUnit { unit: quote_bytes(unit), duration: quote_bytes(whole) });
    };
    if value > LIMIT / size {
        return Err(invalid());
    }
    let part = value * size + fraction_of(fraction, size);
    if part > LIMIT { Err(invalid()) } else { Ok((part, rest)) }
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

fn parse_leading_int(digits: &str) -> Option<u64> {
    digits.bytes().try_fold(0u64, |value, digit| {
        value.checked_mul(10)?.checked_add(u64::from(digit - b'0')).filter(|&value| value <= LIMIT)
    })
}

/// The part of a unit [ns] that digits after the point stand for; digits that no longer fit are dropped.
fn fraction_of(digits: &str, size: u64) -> u64 {
    let (mut value, mut scale) = (0u64, 1.0f64);
    for digit in digits.bytes() {
        let longer = value.checked_mul(10).and_then(|value| value.checked_add(u64::from(digit - b'0')));
        let Some(longer) = longer.filter(|&longer| longer <= LIMIT) else { break };
        value = longer;
        scale *= 10.0;
    }
    (value as f64 * (size as f64 / scale)) as u64
}

/// Quotes a text as `strconv.Quote` does.
pub fn quote(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            ' '..='~' => quoted.push(c),
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\t' => quoted.push_str("\\t"),
            '\n' => quoted.push_str("\\n"),
            '\u{b}' => quoted.push_str("\\v"),
            '\u{c}' => quoted.push_str("\\f"),
            '\r' => quoted.push_str("\\r"),
            '\0'..='\u{7f}' => quoted.push_str(&format!("\\x{:02x}", u32::from(c))),
            _ if c.escape_debug().len() == 1 => quoted.push(c),
            '\u{80}'..='\u{ffff}' => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            _ => quoted.push_str(&format!("\\U{:08x}", u32::from(c))),
        }
    }
    quoted.push('"');
    quoted
}

/// Quotes a text as the time package does: everything beyond ASCII byte by byte.
fn quote_bytes(text: &str) -> String {
    let mut quoted = String::from('"');
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => quoted.extend(['\\', char::from(byte)]),
            b' '..=0x7f => quoted.push(char::from(byte)),
            _ => quoted.push_str(&format!("\\x{byte:02x}")),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_digits_after_a_sign() {
        #[track_caller]
        fn check(text: &str, value: Result<i64, NumberFault>) {
            assert_eq!(parse_int(text), value, "{text}");
        }
        check("007", Ok(7));
        check("+5", Ok(5));
        check("-5", Ok(-5));
        check("-9223372036854775808", Ok(i64::MIN));
        check("9223372036854775808", Err(NumberFault::Range));
        check("99999999999999999999x", Err(NumberFault::Range));
        for text in ["", "+", "++5", "1_000", "0x10", "1.5", "9223372036854775808x"] {
            check(text, Err(NumberFault::Syntax));
        }
    }

    #[test]
    fn durations_add_up_numbers_with_units() {
        #[track_caller]
        fn check(text: &str, nanos: i64) {
            assert_eq!(parse_duration(text), Ok(nanos), "{text}");
        }
        check("0", 0);
        check("-0", 0);
        check("1h30m10s", 5_410_000_000_000);
        check("1.5s", 1_500_000_000);
        check("-.5m", -30_000_000_000);
        check("1.s", 1_000_000_000);
        check("3us4\u{b5}s5\u{3bc}s6ns7ms", 7_012_006);
        check("900.00000005s", 900_000_000_050);
        check("0.3333333333333333333h", 1_200_000_000_000);
        check("0.830103483285477580700h", 2_988_372_539_827);
        check("-9223372036854775808ns", i64::MIN);
    }

    #[test]
    fn faulty_durations_are_refused_in_gos_words() {
        #[track_caller]
        fn check(text: &str, message: &str) {
            assert_eq!(parse_duration(text).expect_err("no duration").to_string(), message);
        }
        check("", "time: invalid duration \"\"");
        check("-", "time: invalid duration \"-\"");
        check(".s", "time: invalid duration \".s\"");
        check("10", "time: missing unit in duration \"10\"");
        check("1d", "time: unknown unit \"d\" in duration \"1d\"");
        check("5 m", "time: unknown unit \" m\" in duration \"5 m\"");
        check(" 5m", "time: invalid duration \" 5m\"");
        check("1\u{e9}", "time: unknown unit \"\\xc3\\xa9\" in duration \"1\\xc3\\xa9\"");
        check("9223372036854775808ns", "time: invalid duration \"9223372036854775808ns\"");
        check("99999999999999999999s", "time: invalid duration \"99999999999999999999s\"");
        check("2562048h", "time: invalid duration \"2562048h\"");
    }

    #[test]
    fn texts_are_quoted_as_go_does() {
        assert_eq!(
            quote("a\"b\\c\u{7}\u{1}\u{e9}\u{200b}\u{e0001}"),
            "\"a\\\"b\\\\c\\a\\x01\u{e9}\\u200b\\U000e0001\""
        );
    }
}
