//! Kubernetes quantities (`100m`, `0.5`, `1Gi`, `1e3`, `128974848`) as exact integers.
//!
//! A quantity is held in billionths, the finest step the API has, so that parsing, comparing and rounding never go
//! through a float. It keeps the family of its suffix (decimal, binary, exponent), which only its display needs.
//!
//! Source: Kubernetes 1.32, apimachinery pkg/api/resource, `ParseQuantity`, `Quantity.CanonicalizeBytes`,
//! `Quantity.Value`, `Quantity.MilliValue`, `Quantity.RoundUp`.
//!
//! Deviation: upstream keeps decimal quantities beyond 2^63-1 in a big decimal, whose integer value then wraps or is
//! zero; here they are refused. Binary ones are capped at 2^63-1, as upstream does.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use thiserror::Error;

const NANOS: u128 = 1_000_000_000;
const NANOS_MAX: u128 = i64::MAX as u128 * NANOS;
const DECIMAL_SUFFIXES: [(&str, i32); 10] =
    [("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];
const BINARY_SUFFIXES: [(&str, u32); 6] =
    [("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40), ("Pi", 50), ("Ei", 60)];

/// An amount of a resource, exact to a billionth, at most 2^63-1 either side of zero.
///
/// Equality and order are those of the amount: `1000m` equals `1`.
#[derive(Clone, Copy, Debug)]
pub struct Quantity {
    nanos: i128,
    format: Format,
}

/// Why a text is not a quantity, in upstream's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum QuantityError {
    /// The text has another shape than number and suffix.
    #[error("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")]
    Format,
    /// The suffix is none of the known ones.
    #[error("unable to parse quantity's suffix")]
    Suffix,
    /// The amount is beyond what an API server can count with.
    #[error("quantity is larger than 9223372036854775807")]
    TooLarge,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    DecimalSi,
    BinarySi,
    DecimalExponent,
}

impl serde::Serialize for Quantity {
    /// The billionths, so that equal amounts are written alike.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.nanos)
    }
}

impl Quantity {
    /// No amount at all.
    pub const ZERO: Quantity = Quantity { nanos: 0, format: Format::DecimalSi };

    /// Makes a whole amount, shown with a decimal suffix.
    pub const fn from_value(value: i64) -> Self {
        Quantity { nanos: value as i128 * NANOS as i128, format: Format::DecimalSi }
    }

    /// Makes an amount of thousandths, such as millicores.
    pub const fn from_millis(millis: i64) -> Self {
        Quantity { nanos: millis as i128 * 1_000_000, format: Format::DecimalSi }
    }

    /// Returns the amount as a whole number, rounded up (away from zero).
    pub fn value(self) -> i64 {
        let value = div_away_from_zero(self.nanos, NANOS as i128);
        i64::try_from(value).expect("every quantity is within 2^63-1 of zero")
    }

    /// Returns the amount in thousandths, rounded up (away from zero), or nothing where that exceeds 2^63-1.
    pub fn milli_value(self) -> Option<i64> {
        i64::try_from(div_away_from_zero(self.nanos, 1_000_000)).ok()
    }

    /// Returns the amount as upstream approximates it: its significant digits times a power of ten.
    ///
    /// Source: Kubernetes 1.35, apimachinery pkg/api/resource, `Quantity.AsApproximateFloat64`.
    pub fn approximate(self) -> f64 {
        const POWERS: [f64; 10] = [1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9];
        let (mut digits, mut scale) = (self.nanos, 9);
        while scale > 0 && digits % 10 == 0 {
            digits /= 10;
            scale -= 1;
        }
        digits as f64 * POWERS[scale]
    }

    /// Rounds up (away from zero) to a thousandth, as the API server does with every resource list.
    ///
    /// Source: Kubernetes 1.28, pkg/apis/core/v1/defaults.go, `SetDefaults_ResourceList`.
    #[must_use]
    pub fn rounded_up_to_millis(self) -> Self {
        Quantity { nanos: div_away_from_zero(self.nanos, 1_000_000) * 1_000_000, ..self }
    }

    /// Whether the amount is below zero.
    pub fn is_negative(self) -> bool {
        self.nanos < 0
    }

    /// Whether the amount is zero.
    pub fn is_zero(self) -> bool {
        self.nanos == 0
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

impl FromStr for Quantity {
    type Err = QuantityError;

    /// Reads a quantity by the rules of the API machinery.
    ///
    /// # Errors
    /// [`QuantityError`], whose texts are upstream's.
    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let parts = Parts::split(text)?;
        let unit = Unit::parse(parts.suffix)?;
        let magnitude = match magnitude(parts.whole, parts.fraction, unit) {
            Some(nanos) if nanos <= NANOS_MAX => nanos,
            _ if unit.format == Format::BinarySi => NANOS_MAX,
            _ => return Err(QuantityError::TooLarge),
        };
        let nanos = i128::try_from(magnitude).expect("at most NANOS_MAX");
        // An amount below one is clearer in thousandths than in powers of 1024.
        let is_fraction = nanos > 0 && magnitude < NANOS;
        let format =
            if unit.format == Format::BinarySi && is_fraction { Format::DecimalSi } else { unit.format };
        Ok(Quantity { nanos: if parts.is_negative { -nanos } else { nanos }, format })
    }
}

/// A quantity's text, taken apart.
struct Parts<'a> {
    is_negative: bool,
    /// Digits before the point.
    whole: &'a [u8],
    /// Digits after the point.
    fraction: &'a [u8],
    suffix: &'a str,
}

impl<'a> Parts<'a> {
    /// Takes the text apart; like upstream, it lets either or both runs of digits be empty.
    fn split(text: &'a str) -> Result<Self, QuantityError> {
        if text.is_empty() {
            return Err(QuantityError::Format);
        }
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (whole, rest) = split_digits(unsigned);
        let (fraction, suffix) = match rest.strip_prefix('.') {
            Some(rest) => split_digits(rest),
            None => ("", rest),
        };
        let letters = suffix.trim_start_matches(|c| "eEinumkKMGTP".contains(c));
        let exponent = letters.strip_prefix(['-', '+']).unwrap_or(letters);
        if !exponent.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(QuantityError::Format);
        }
        let is_negative = text.starts_with('-');
        Ok(Parts { is_negative, whole: whole.as_bytes(), fraction: fraction.as_bytes(), suffix })
    }
}

fn split_digits(text: &str) -> (&str, &str) {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

/// What a suffix multiplies by: 10^`power_of_ten` · 2^`power_of_two`.
#[derive(Clone, Copy)]
struct Unit {
    format: Format,
    power_of_ten: i64,
    power_of_two: u32,
}

impl Unit {
    fn parse(suffix: &str) -> Result<Self, QuantityError> {
        if let Some((_, power)) = DECIMAL_SUFFIXES.iter().find(|(name, _)| *name == suffix) {
            return Ok(Unit { format: Format::DecimalSi, power_of_ten: i64::from(*power), power_of_two: 0 });
        }
        if let Some((_, power)) = BINARY_SUFFIXES.iter().find(|(name, _)| *name == suffix) {
            return Ok(Unit { format: Format::BinarySi, power_of_ten: 0, power_of_two: *power });
        }
        let exponent = suffix.strip_prefix(['e', 'E']).ok_or(QuantityError::Suffix)?;
        let power_of_ten = exponent.parse().map_err(|_| QuantityError::Suffix)?;
        Ok(Unit { format: Format::DecimalExponent, power_of_ten, power_of_two: 0 })
    }
}

/// Returns `whole.fraction` times the unit in billionths, rounded up, or nothing where it overflows.
fn magnitude(whole: &[u8], fraction: &[u8], unit: Unit) -> Option<u128> {
    let digits: Vec<u8> = whole.iter().chain(fraction).map(|digit| digit - b'0').collect();
    let n_leading = digits.iter().take_while(|digit| **digit == 0).count();
    let significant = &digits[n_leading..];
    if significant.is_empty() {
        return Some(0);
    }
    // Where the decimal point stands after the unit's power of ten, counted from the first significant digit.
    let point = (whole.len() as i64 - n_leading as i64).checked_add(unit.power_of_ten)?;
    if point > 40 {
        return None;
    }
    let n_whole = usize::try_from(point).unwrap_or(0);
    let per_unit = NANOS << unit.power_of_two;
    let mut nanos = 0u128;
    for idx in 0..n_whole {
        let digit = significant.get(idx).copied().unwrap_or(0);
        nanos = nanos.checked_mul(10)?.checked_add(u128::from(digit) * per_unit)?;
    }
    let behind_point = significant.get(n_whole..).unwrap_or(&[]);
    nanos.checked_add(fraction_up(behind_point, point.min(0).unsigned_abs(), per_unit))
}

/// Returns the digits as a fraction with `n_zeros` zeros in front, times `per_unit`, rounded up.
fn fraction_up(digits: &[u8], n_zeros: u64, per_unit: u128) -> u128 {
    let mut scaled = 0u128;
    let mut is_exact = true;
    // From the last digit to the first: each step is one decimal place, and flooring at each step floors the whole.
    for digit in digits.iter().rev() {
        let sum = u128::from(*digit) * per_unit + scaled;
        is_exact &= sum.is_multiple_of(10);
        scaled = sum / 10;
    }
    // `per_unit` has at most 28 digits: after that many places nothing but the rounding is left.
    for _ in 0..n_zeros.min(30) {
        is_exact &= scaled.is_multiple_of(10);
        scaled /= 10;
    }
    scaled + u128::from(!is_exact)
}

fn div_away_from_zero(amount: i128, divisor: i128) -> i128 {
    let quotient = amount / divisor;
    if amount % divisor == 0 { quotient } else { quotient + amount.signum() }
}

impl fmt::Display for Quantity {
    /// Writes the canonical form: no fraction, the largest suffix that keeps the amount whole.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_whole = self.nanos % NANOS as i128 == 0;
        let is_small = self.nanos.unsigned_abs() < 1024 * NANOS;
        match self.format {
            Format::BinarySi if is_whole && !is_small => write_binary(f, self.nanos / NANOS as i128),
            Format::BinarySi | Format::DecimalSi => {
                let (mantissa, power) = canonical_decimal(self.nanos);
                let suffix = DECIMAL_SUFFIXES.iter().find(|(_, of)| *of == power).map(|(name, _)| *name);
                write!(f, "{mantissa}{}", suffix.expect("powers of ten run from -9 to 18 in threes"))
            }
            Format::DecimalExponent => match canonical_decimal(self.nanos) {
                (mantissa, 0) => write!(f, "{mantissa}"),
                (mantissa, power) => write!(f, "{mantissa}e{power}"),
            },
        }
    }
}

/// Splits an amount into the smallest whole mantissa and a power of ten that is a multiple of three.
fn canonical_decimal(nanos: i128) -> (i128, i32) {
    if nanos == 0 {
        return (0, 0);
    }
    let (mut mantissa, mut power) = (nanos, -9);
    while mantissa % 1000 == 0 {
        mantissa /= 1000;
        power += 3;
    }
    (mantissa, power)
}

fn write_binary(f: &mut fmt::Formatter<'_>, value: i128) -> fmt::Result {
    let n_factors = (value.trailing_zeros() / 10).min(6) as usize;
    let suffix = if n_factors == 0 { "" } else { BINARY_SUFFIXES[n_factors - 1].0 };
    write!(f, "{}{suffix}", value >> (10 * n_factors))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a quantity is shown as, and its value and thousandths rounded up.
    #[track_caller]
    fn check(text: &str, shown: &str, value: i64, millis: i64) {
        let quantity: Quantity = text.parse().unwrap();
        assert_eq!((quantity.to_string().as_str(), quantity.value()), (shown, value), "{text}");
        assert_eq!(quantity.milli_value(), Some(millis), "{text}");
    }

    #[track_caller]
    fn check_shown(text: &str, shown: &str) {
        assert_eq!(text.parse::<Quantity>().unwrap().to_string(), shown, "{text}");
    }

    #[track_caller]
    fn check_refused(text: &str, error: QuantityError) {
        assert_eq!(text.parse::<Quantity>(), Err(error), "{text}");
    }

    #[test]
    fn a_quantity_is_an_exact_amount() {
        check("100m", "100m", 1, 100);
        check("0.5", "500m", 1, 500);
        check("1.5", "1500m", 2, 1500);
        check("1Gi", "1Gi", 1 << 30, (1 << 30) * 1000);
        check("1e3", "1e3", 1000, 1_000_000);
        check("128974848", "128974848", 128_974_848, 128_974_848_000);
        check("1E3", "1e3", 1000, 1_000_000);
        check("12e-3", "12e-3", 1, 12);
        check(".5", "500m", 1, 500);
        check("5.", "5", 5, 5000);
        check("+1", "1", 1, 1000);
        check("-1", "-1", -1, -1000);
        check("-1500m", "-1500m", -2, -1500);
        check("1n", "1n", 1, 1);
        check("0.1n", "1n", 1, 1);
        check("-0.1n", "-1n", -1, -1);
        check("1.0000000001", "1000000001n", 2, 1001);
        check("0.1Gi", "107374182400m", 107_374_183, 107_374_182_400);
        check("1.5Gi", "1536Mi", 1_610_612_736, 1_610_612_736_000);
    }

    /// Expected texts are those kubectl 1.32 prints.
    #[test]
    fn the_canonical_form_is_upstreams() {
        for (text, shown) in [
            ("0", "0"),
            ("00", "0"),
            ("0.0", "0"),
            ("1000m", "1"),
            ("1000k", "1M"),
            ("10000", "10k"),
            ("1001000", "1001k"),
            ("1010k", "1010k"),
            ("1500", "1500"),
            ("12.5m", "12500u"),
            ("0.0001", "100u"),
            ("123e4", "1230e3"),
            ("1e10", "10e9"),
            ("1e-10", "1e-9"),
            ("1e-12", "1e-9"),
            ("1e-1", "100e-3"),
            ("3.0e2", "300"),
            ("1E+2", "100"),
            ("1.5e3", "1500"),
            ("1024", "1024"),
            ("1024Ki", "1Mi"),
            ("1025Ki", "1025Ki"),
            ("1000Ki", "1000Ki"),
            ("0.5Ki", "512"),
            ("0.9Ki", "921600m"),
            ("1.1Ki", "1126400m"),
            ("-1024Ki", "-1Mi"),
            ("-0.5Gi", "-512Mi"),
            ("1.23456789Gi", "1325607178060431360n"),
            ("1Ei", "1Ei"),
            ("7Ei", "7Ei"),
            ("1E", "1E"),
            ("8E", "8E"),
            ("12345678901234567890m", "12345678901234567890m"),
            ("9223372036854775807", "9223372036854775807"),
        ] {
            check_shown(text, shown);
        }
    }

    #[test]
    fn binary_quantities_are_capped_and_decimal_ones_refused_beyond_two_to_the_63() {
        check_shown("8Ei", "9223372036854775807");
        check_shown("16Ei", "9223372036854775807");
        check_shown("99999999999999999999999999999999999999999999Ki", "9223372036854775807");
        for text in ["9223372036854775808", "10E", "9.3E", "1e19", "1e100", "1e9223372036854775807"] {
            check_refused(text, QuantityError::TooLarge);
        }
    }

    #[test]
    fn long_digits_and_far_exponents_cost_nothing() {
        let zeros = "0".repeat(100_000);
        check_shown(&format!("0.{zeros}1"), "1n");
        check_shown(&format!("{zeros}1"), "1");
        check_shown(&format!("1{zeros}e-100000"), "1");
        check_shown("1e-9223372036854775807", "1e-9");
        check_shown("0e9223372036854775807", "0");
        check_refused("1e99999999999999999999", QuantityError::Suffix);
    }

    #[test]
    fn upstreams_lenient_texts_are_zero() {
        for text in ["+", "-", ".", "m", "Ki"] {
            check_shown(text, "0");
        }
    }

    #[test]
    fn other_texts_are_refused_in_upstreams_words() {
        for text in [
            "", "abc", "1.2.3", "1x", "1KI", "1e3.5", "1_000", "0x10", "1Gib", "1g", "1e3Ki", "1e1e1", " 1",
            "1 ", "½", "1½",
        ] {
            check_refused(text, QuantityError::Format);
        }
        for text in ["e", "1e", "1ki", "1kk", "1MM", "1Mi5", "1m5", "++1", "1K", "1-5", "1m-5"] {
            check_refused(text, QuantityError::Suffix);
        }
        assert!(
            QuantityError::Format.to_string().ends_with("'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
        );
    }

    #[test]
    fn defaulting_rounds_up_to_a_thousandth() {
        for (text, shown) in
            [("1n", "1m"), ("100.1m", "101m"), ("1500m", "1500m"), ("-1n", "-1m"), ("1Gi", "1Gi")]
        {
            assert_eq!(text.parse::<Quantity>().unwrap().rounded_up_to_millis().to_string(), shown);
        }
    }

    #[test]
    fn quantities_compare_by_amount() {
        let parse = |text: &str| text.parse::<Quantity>().unwrap();
        assert_eq!(parse("1000m"), parse("1"));
        assert_eq!(parse("1Ki"), parse("1024"));
        assert!(parse("1k") < parse("1Ki"));
        assert!(parse("-1").is_negative() && parse("0m").is_zero());
        assert_eq!(Quantity::from_millis(1500), parse("1.5"));
        assert_eq!(Quantity::from_value(2).to_string(), "2");
    }
}
