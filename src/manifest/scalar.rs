//! Scalars and what they mean: text, number, boolean or null.
//!
//! A plain YAML scalar means what Kubernetes' own reader takes it for, which is YAML 1.1: `yes`, `on` and `y` are
//! booleans, `0777` and `0o777` are octal, `1_000` is a thousand, `1.10` is a number.
//!
//! Source: sigs.k8s.io/yaml 1.4, goyaml.v2/resolve.go, `resolve`; observed with kubectl 1.32.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::manifest::diagnostic::quoted;

/// A scalar as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar {
    /// The text, without quotes and with escapes resolved.
    pub text: Box<str>,
    /// How it was written.
    pub style: Style,
}

/// How a scalar was written, which decides what it can mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// YAML without quotes: a number, a boolean, null or text.
    Plain,
    /// In quotes, or as a YAML block: always text.
    Quoted,
    /// A JSON number, `true`, `false` or `null`.
    Json,
}

/// What a scalar means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Meaning<'a> {
    /// Nothing.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer between -2^63 and 2^64-1.
    Int(i128),
    /// Any other number; finite or not.
    Float(f64),
    /// Text.
    Text(&'a str),
}

impl Scalar {
    /// Makes a scalar that is text whatever it looks like.
    pub fn quoted(text: impl Into<Box<str>>) -> Self {
        Scalar { text: text.into(), style: Style::Quoted }
    }

    /// Makes a scalar that means what its text looks like.
    pub fn plain(text: impl Into<Box<str>>) -> Self {
        Scalar { text: text.into(), style: Style::Plain }
    }

    /// What the scalar means.
    pub fn meaning(&self) -> Meaning<'_> {
        match self.style {
            Style::Quoted => Meaning::Text(&self.text),
            Style::Plain => plain_meaning(&self.text),
            Style::Json => json_meaning(&self.text),
        }
    }

    /// Whether the scalar is null.
    pub fn is_null(&self) -> bool {
        self.style != Style::Quoted && self.meaning() == Meaning::Null
    }

    /// What was found, for a message: `the number 1.10`.
    pub fn describe(&self) -> String {
        match self.meaning() {
            Meaning::Null => "nothing".to_owned(),
            Meaning::Bool(_) => format!("the boolean {}", quoted(&self.text)),
            Meaning::Int(_) | Meaning::Float(_) => format!("the number {}", quoted(&self.text)),
            Meaning::Text(text) => format!("the string {}", quoted(text)),
        }
    }
}

fn json_meaning(text: &str) -> Meaning<'_> {
    match text {
        "null" => Meaning::Null,
        "true" => Meaning::Bool(true),
        "false" => Meaning::Bool(false),
        number => match number.parse::<i128>() {
            Ok(int) if is_int_range(int) => Meaning::Int(int),
            _ => number.parse().map_or(Meaning::Text(number), Meaning::Float),
        },
    }
}

fn is_int_range(int: i128) -> bool {
    (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&int)
}

fn plain_meaning(text: &str) -> Meaning<'_> {
    let Some(first) = text.bytes().next() else { return Meaning::Null };
    match first {
        b'0'..=b'9' | b'+' | b'-' | b'.' => number(text).unwrap_or(Meaning::Text(text)),
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~' => word(text),
        _ => Meaning::Text(text),
    }
}

fn word(text: &str) -> Meaning<'_> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Meaning::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Meaning::Bool(false)
        }
        "~" | "null" | "Null" | "NULL" => Meaning::Null,
        _ => Meaning::Text(text),
    }
}

fn number(text: &str) -> Option<Meaning<'_>> {
    match text {
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Some(Meaning::Float(f64::INFINITY)),
        "-.inf" | "-.Inf" | "-.INF" => return Some(Meaning::Float(f64::NEG_INFINITY)),
        ".nan" | ".NaN" | ".NAN" => return Some(Meaning::Float(f64::NAN)),
        _ => {}
    }
    // Underscores separate digits, except in a number that starts with its point.
    let mut joined = String::new();
    let digits = if text.contains('_') && !text.starts_with('.') {
        joined.extend(text.chars().filter(|c| *c != '_'));
        &joined
    } else {
        text
    };
    if let Some(int) = integer(digits) {
        return Some(Meaning::Int(int));
    }
    let float: f64 = if is_float(digits) { digits.parse().ok()? } else { return None };
    float.is_finite().then_some(Meaning::Float(float))
}

/// Reads an integer with an optional sign and base; unsigned ones reach up to 2^64-1.
fn integer(text: &str) -> Option<i128> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (digits, radix) = match unsigned.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&unsigned[2..], 16),
        [b'0', b'o' | b'O', ..] => (&unsigned[2..], 8),
        [b'0', b'b' | b'B', ..] => (&unsigned[2..], 2),
        [b'0', _, ..] => (&unsigned[1..], 8),
        _ => (unsigned, 10),
    };
    // A second sign would be read by `from_str_radix`.
    if !digits.starts_with(|c: char| c.is_digit(radix)) {
        return None;
    }
    let magnitude = i128::from_str_radix(digits, radix).ok()?;
    let int = if text.starts_with('-') { -magnitude } else { magnitude };
    let max = if unsigned.len() == text.len() { i128::from(u64::MAX) } else { i128::from(i64::MAX) };
    (i128::from(i64::MIN)..=max).contains(&int).then_some(int)
}

/// Whether the text has the shape of a float: `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`.
fn is_float(text: &str) -> bool {
    let skip_digits = |text: &str| text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let n_whole = unsigned.len() - skip_digits(unsigned);
    let mut rest = &unsigned[n_whole..];
    let mut n_digits = n_whole;
    if let Some(fraction) = rest.strip_prefix('.') {
        rest = &fraction[fraction.len() - skip_digits(fraction)..];
        n_digits += fraction.len() - rest.len();
    }
    if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
        let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        return n_digits > 0 && !digits.is_empty() && skip_digits(digits) == 0;
    }
    n_digits > 0 && rest.is_empty()
}

/// Returns the key that a map gets from a scalar: numbers and booleans are written out as JSON does, null is none.
///
/// Source: sigs.k8s.io/yaml 1.4, yaml.go, `convertToJSONableObject`.
pub fn key_text(scalar: &Scalar) -> Option<Cow<'_, str>> {
    match scalar.meaning() {
        Meaning::Null => None,
        Meaning::Bool(is_true) => Some(is_true.to_string().into()),
        Meaning::Int(int) => Some(int.to_string().into()),
        Meaning::Float(float) if float.is_finite() => Some(decimal_text(float).into()),
        Meaning::Float(_) | Meaning::Text(_) => Some((&*scalar.text).into()),
    }
}

/// A float that is a whole number within 64 bits, as that number.
pub fn whole(float: f64) -> Option<i128> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    (float.trunc() == float && float.abs() < LIMIT).then_some(float as i128)
}

/// Writes a float in the shortest decimal form that reads back as the same float.
pub fn decimal_text(float: f64) -> String {
    let mut text = String::new();
    write!(text, "{float}").expect("writing to a string cannot fail");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json_of(text: &str) -> String {
        match Scalar::plain(text).meaning() {
            Meaning::Null => "null".to_owned(),
            Meaning::Bool(is_true) => is_true.to_string(),
            Meaning::Int(int) => int.to_string(),
            Meaning::Float(float) => decimal_text(float),
            Meaning::Text(text) => format!("{text:?}"),
        }
    }

    /// What kubectl 1.32 makes of a plain scalar, as JSON.
    const OBSERVED: &str = r#"
        y true|Y true|n false|N false|yes true|Yes true|YES true|no false|NO false|on true|On true|ON true|off false
        OFF false|true true|True true|TRUE true|tRue "tRue"|false false|null null|Null null|NULL null|~ null
        nULL "nULL"|1 1|+1 1|-1 -1|01 1|0777 511|0o17 15|0O17 15|0x1F 31|-0x1F -31|0X1f 31|08 8|09 9|1_000 1000
        _1 "_1"|1__0 10|0b101 5|-0b11 -3|0b2 "0b2"|1.0 1|1. 1|.5 0.5|1.10 1.1|+.5 0.5|1e3 1000|1e+3 1000|1E3 1000
        1.5e3 1500|1.5e-3 0.0015|1e-3 0.001|2020-01-01 "2020-01-01"|2020-01-01T00:00:00Z "2020-01-01T00:00:00Z"
        12:30 "12:30"|190:20:30 "190:20:30"|9223372036854775807 9223372036854775807
        18446744073709551616 18446744073709552000|-9223372036854775809 -9223372036854776000
        1.7976931348623157e+400 "1.7976931348623157e+400"|0.1 0.1|1_0.5 10.5|0x "0x"|0o "0o"|0o8 "0o8"|- "-"|. "."
        + "+"|+1.0 1|-0 0|0.0 0|1e5 100000|12e03 12000|0.0000001 0.0000001|= "="|1.2.3 "1.2.3"|1e "1e"|--1 "--1"
        0x-1 "0x-1"|0b+1 "0b+1"|.e1 ".e1"|v1 "v1"|10.0.0.1 "10.0.0.1"
    "#;

    #[test]
    fn plain_scalars_mean_what_kubectl_takes_them_for() {
        for case in OBSERVED.split(['|', '\n']).map(str::trim).filter(|case| !case.is_empty()) {
            let (text, json) = case.split_once(' ').unwrap();
            assert_eq!(json_of(text), json, "{text}");
        }
        assert_eq!(Scalar::plain(".inf").meaning(), Meaning::Float(f64::INFINITY));
        assert_eq!(Scalar::plain("").meaning(), Meaning::Null);
    }

    #[test]
    fn quoted_scalars_are_text_and_json_ones_follow_json() {
        assert_eq!(Scalar::quoted("true").meaning(), Meaning::Text("true"));
        let json = |text: &str| Scalar { text: text.into(), style: Style::Json };
        assert_eq!(json("1e3").meaning(), Meaning::Float(1000.0));
        assert_eq!(json("18446744073709551615").meaning(), Meaning::Int(u64::MAX.into()));
        assert!(json("null").is_null() && !Scalar::quoted("null").is_null());
    }

    #[test]
    fn keys_that_are_numbers_or_booleans_are_written_out() {
        for (text, key) in
            [("0x10", "16"), ("yes", "true"), ("1.50", "1.5"), ("1e3", "1000"), (".inf", ".inf"), ("a", "a")]
        {
            assert_eq!(key_text(&Scalar::plain(text)).as_deref(), Some(key));
        }
        assert_eq!(key_text(&Scalar::plain("~")), None);
    }

    #[test]
    fn what_was_found_is_described() {
        assert_eq!(Scalar::plain("1.10").describe(), "the number `1.10`");
        assert_eq!(Scalar::plain("no").describe(), "the boolean `no`");
        assert_eq!(Scalar::quoted("no").describe(), "the string `no`");
        assert_eq!(Scalar::plain("").describe(), "nothing");
    }
}
