//! API objects as manifests write them: field for field, before defaulting and validation.
//!
//! The types hold the fields that something is done with. What has no effect on behaviour is kept beside them as
//! [`Others`], for an update must see whether it changed; status fields that a server would empty are left out.
//! Text fields that Go keeps as plain strings are plain here too: empty is absent. The types decode from anything
//! that serde reads; `null` counts as absent, as in Go.

#![allow(missing_docs, reason = "types and fields are those of the Kubernetes API reference, name for name")]

pub mod cronjob;
pub mod job;
pub mod meta;
pub mod node;
pub mod pod;
pub mod priority;

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeOwned, Error as _, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::manifest::field_error::{ErrorKind, FieldError};
use crate::model::meta::Name;
use crate::model::quantity::Quantity;

/// Labels, annotations and the like.
pub type StringMap = BTreeMap<Name, Name>;

/// Amounts by resource name.
pub type ResourceList = BTreeMap<Name, Amount>;

/// The fields without effect on behaviour, as they were written.
pub type Others = BTreeMap<String, Value>;

/// A quantity, which may be written as text or as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(pub Quantity);

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AmountVisitor)
    }
}

struct AmountVisitor;

impl Visitor<'_> for AmountVisitor {
    type Value = Amount;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a quantity such as 500m, 1Gi or 2")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Amount, E> {
        text.parse().map(Amount).map_err(E::custom)
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Amount, E> {
        Ok(Amount(Quantity::from_value(number)))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Amount, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Amount, E> {
        self.visit_str(&number.to_string())
    }
}

/// Decodes a JSON value.
///
/// # Errors
/// The first value of a wrong type or out of its range.
pub fn decode<T: DeserializeOwned>(value: &Value) -> Result<T, FieldError> {
    T::deserialize(value).map_err(|error| FieldError {
        path: String::new(),
        kind: ErrorKind::Invalid,
        value: None,
        detail: error.to_string(),
    })
}

/// Reads a field whose absence is written as nothing, as `null`, or not at all.
pub(in crate::manifest) fn nullable<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_quantity_is_text_or_a_number() {
        let read = |value: Value| decode::<Amount>(&value).map(|amount| amount.to_string());
        assert_eq!(read(json!("500m")), Ok("500m".to_owned()));
        assert_eq!(read(json!(1)), Ok("1".to_owned()));
        assert_eq!(read(json!(0.5)), Ok("500m".to_owned()));
        assert!(read(json!("1 core")).is_err());
        assert!(read(json!(true)).is_err());
        assert!(read(json!(u64::MAX)).is_err());
    }
}
