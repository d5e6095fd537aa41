//! What was expected of a scalar, and what is wrong with the one that was found.

use crate::manifest::diagnostic::quoted;
use crate::manifest::near_name::nearest;
use crate::manifest::scalar::{Meaning, Scalar, Style, whole};
use crate::manifest::schema::{Mismatch, Shape};

/// Says what a shape expects: `a string`, `an integer`, `a list`.
pub(super) fn expectation(shape: &Shape) -> String {
    match shape {
        Shape::Any | Shape::Named(_) => "a value".to_owned(),
        Shape::Text => "a string".to_owned(),
        Shape::Bool => "true or false".to_owned(),
        Shape::Int { .. } => "an integer".to_owned(),
        Shape::Number { .. } => "a number".to_owned(),
        Shape::Enum(texts) => {
            let texts: Vec<String> = texts.iter().map(|text| format!("`{text}`")).collect();
            alternatives(&texts)
        }
        Shape::Format(format) => format.expected.to_owned(),
        Shape::List(_) => "a list".to_owned(),
        Shape::Map(_) | Shape::Object(_) => "a map".to_owned(),
        Shape::OneOf(shapes) => {
            let mut expectations: Vec<String> = shapes.iter().map(expectation).collect();
            expectations.dedup();
            alternatives(&expectations)
        }
    }
}

/// Joins alternatives: `a, b or c`.
pub(super) fn alternatives(texts: &[String]) -> String {
    match texts {
        [] => "nothing".to_owned(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// Says what is wrong with a scalar, if anything is.
pub(super) fn problem_of(shape: &Shape, scalar: &Scalar) -> Option<String> {
    match mismatch(shape, scalar)? {
        Mismatch::Value(problem) => Some(problem),
        Mismatch::Kind => {
            let hint = quoting_hint(shape, scalar);
            Some(format!("expected {}, found {}{hint}", expectation(shape), scalar.describe()))
        }
    }
}

/// Says whether a scalar is of another kind than the shape, or of its kind but wrong.
pub(super) fn mismatch(shape: &Shape, scalar: &Scalar) -> Option<Mismatch> {
    let range = |expected: String| {
        Some(Mismatch::Value(format!("expected {expected}, found {}", quoted(&scalar.text))))
    };
    match (shape, scalar.meaning()) {
        (_, Meaning::Null)
        | (Shape::Any, _)
        | (Shape::Text, Meaning::Text(_))
        | (Shape::Bool, Meaning::Bool(_)) => None,
        (Shape::Format(format), _) => (format.check)(scalar).err(),
        (Shape::Int { min, max }, Meaning::Int(int)) => match is_within(*min, *max, int) {
            true => None,
            false => range(format!("an integer from {min} to {max}")),
        },
        (Shape::Int { min, max }, Meaning::Float(float)) => match whole(float) {
            Some(int) if is_within(*min, *max, int) => None,
            _ if float.trunc() == float => range(format!("an integer from {min} to {max}")),
            _ => Some(Mismatch::Kind),
        },
        (Shape::Number { min, max }, Meaning::Int(_) | Meaning::Float(_)) => match number(scalar.meaning()) {
            Some(float) if (*min..=*max).contains(&float) => None,
            _ => range(number_range(*min, *max)),
        },
        (Shape::Enum(texts), Meaning::Text(text)) if texts.iter().any(|known| known == text) => None,
        (Shape::Enum(texts), Meaning::Text(text)) => {
            let near = nearest(text, texts.iter().map(|text| &**text));
            let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            Some(Mismatch::Value(format!("expected {}, found {}{hint}", expectation(shape), quoted(text))))
        }
        _ => Some(Mismatch::Kind),
    }
}

fn is_within(min: i64, max: u64, int: i128) -> bool {
    (i128::from(min)..=i128::from(max)).contains(&int)
}

fn number(meaning: Meaning<'_>) -> Option<f64> {
    match meaning {
        Meaning::Int(int) => Some(int as f64),
        Meaning::Float(float) => Some(float),
        _ => None,
    }
}

fn number_range(min: f64, max: f64) -> String {
    match (min.is_finite(), max.is_finite()) {
        (true, true) => format!("a number from {min} to {max}"),
        (true, false) => format!("a number of at least {min}"),
        (false, true) => format!("a number of at most {max}"),
        (false, false) => "a finite number".to_owned(),
    }
}

/// How quotes would make the scalar fit, if they would.
fn quoting_hint(shape: &Shape, scalar: &Scalar) -> String {
    let other = match scalar.style {
        Style::Quoted => Scalar::plain(scalar.text.clone()),
        Style::Plain | Style::Json => Scalar::quoted(scalar.text.clone()),
    };
    if mismatch(shape, &other).is_some() || other.is_null() {
        return String::new();
    }
    match scalar.style {
        Style::Quoted => "; leave out the quotes".to_owned(),
        Style::Plain | Style::Json => format!("; quote it: \"{}\"", scalar.text),
    }
}
