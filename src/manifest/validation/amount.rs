//! Numbers or percentages.
//!
//! Source: Kubernetes 1.28, pkg/apis/apps/validation/validation.go, ValidatePositiveIntOrPercent and
//! IsNotMoreThan100Percent; apimachinery pkg/util/validation, IsValidPercent.

use crate::manifest::field_error::{FieldErrors, Path, Shown};
use crate::manifest::validation::non_negative;
use crate::manifest::wire::amount::IntOrString;

const NO_PERCENT: &str = "a valid percent string must be a numeric string followed by an ending '%' \
    (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";

/// Refuses a number below zero and a text that is no percentage.
pub fn positive_int_or_percent(amount: &IntOrString, path: &Path<'_>, errors: &mut FieldErrors) {
    match amount {
        IntOrString::Int(number) => non_negative(Some(i64::from(*number)), path, errors),
        IntOrString::Text(_) if percent(amount).is_none() => errors.invalid(path, amount, NO_PERCENT),
        IntOrString::Text(_) => {}
    }
}

/// Refuses more than a hundred percent.
pub fn not_more_than_100_percent(amount: &IntOrString, path: &Path<'_>, errors: &mut FieldErrors) {
    if percent(amount).is_some_and(|percent| percent > 100) {
        errors.invalid(path, amount, "must not be greater than 100%");
    }
}

/// The percentage that an amount is, cut off at the largest number; `None` where it is none.
pub fn percent(amount: &IntOrString) -> Option<u32> {
    let IntOrString::Text(text) = amount else { return None };
    let digits = text.strip_suffix('%')?;
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u32::MAX))
}

/// Whether an amount is zero, as a number or as a percentage.
pub fn is_zero(amount: &IntOrString) -> bool {
    matches!(amount, IntOrString::Int(0)) || percent(amount) == Some(0)
}

impl Shown for IntOrString {
    /// As by Go's `%#v`.
    fn shown(&self) -> String {
        let (kind, number, text) = match self {
            Self::Int(number) => (0, *number, ""),
            Self::Text(text) => (1, 0, &**text),
        };
        format!("intstr.IntOrString{{Type:{kind}, IntVal:{number}, StrVal:{}}}", text.shown())
    }
}
