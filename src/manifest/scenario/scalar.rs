//! Scalars of the Scenario kind: spans, sizes, ports.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error};

use crate::engine::SimDuration;
use crate::model::quantity::Quantity;
use crate::model::resources::Bytes;

/// A span of time, written as `90s`, `1h30m`, `250ms` or `30d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub SimDuration);

/// An amount of memory or storage, written as a quantity: `80Mi`, `1G`, `128974848`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteSize(pub Bytes);

/// An amount of anything, written as a quantity: `300m`, `2.5`, `10`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Amount(pub Quantity);

impl Amount {
    /// In thousandths, as far as they can be counted.
    pub fn millis(self) -> i64 {
        self.0.milli_value().unwrap_or(i64::MAX)
    }
}

/// An amount of memory per time, written as `1Mi/m`, `64Ki/s` or `2Gi/h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrowthRate {
    /// What is added in each minute.
    pub per_minute: Bytes,
}

/// A number of requests per time, written as `200/s`, `90/m` or `5/h` [requests/s].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RequestRate(pub f64);

/// A port, 1 to 65535.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Port(pub u16);

/// A scalar as it may stand in a file: text or a number.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Scalar {
    Number(i64),
    Fraction(f64),
    Text(String),
}

impl Scalar {
    fn into_text(self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Fraction(number) => number.to_string(),
            Self::Text(text) => text,
        }
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Scalar::deserialize(deserializer)?.into_text();
        text.parse().map(Self).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Scalar::deserialize(deserializer)?.into_text();
        bytes(&text).map(Self).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Scalar::deserialize(deserializer)?.into_text();
        text.parse().map(Self).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for GrowthRate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for RequestRate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Port {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = i64::deserialize(deserializer)?;
        let port = u16::try_from(number).ok().filter(|port| *port > 0);
        port.map(Self)
            .ok_or_else(|| D::Error::custom(format!("must be between 1 and 65535, inclusive: {number}")))
    }
}

fn bytes(text: &str) -> Result<Bytes, String> {
    let quantity: Quantity = text.parse().map_err(|error| format!("{error}"))?;
    let amount = quantity.value();
    if amount < 0 { Err(format!("must not be negative: {text}")) } else { Ok(Bytes(amount)) }
}

impl GrowthRate {
    /// Reads a rate.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (amount, unit) =
            text.split_once('/').ok_or_else(|| format!("not a rate such as 1Mi/m: {text:?}"))?;
        let Bytes(amount) = bytes(amount)?;
        let per_minute = match unit {
            "s" => amount.checked_mul(60),
            "m" => Some(amount),
            "h" => Some(amount / 60),
            _ => return Err(format!("not a rate per s, m or h: {text:?}")),
        };
        per_minute
            .map(|amount| Self { per_minute: Bytes(amount) })
            .ok_or_else(|| format!("too large: {text}"))
    }
}

impl RequestRate {
    /// Reads a rate.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bad = || format!("not a rate such as 200/s: {text:?}");
        let (number, unit) = text.split_once('/').ok_or_else(bad)?;
        let number: f64 = number.trim().parse().map_err(|_| bad())?;
        let seconds = match unit {
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return Err(format!("not a rate per s, m or h: {text:?}")),
        };
        if (0.0..=1e9).contains(&number) {
            Ok(Self(number / seconds))
        } else {
            Err(format!("must be between 0 and 1000000000: {text:?}"))
        }
    }
}

macro_rules! scalar_schema {
    ($type:ident, $schema:tt) => {
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

scalar_schema!(Span, {
    "type": ["string", "integer"],
    "format": "duration",
    "pattern": "^(0|([0-9]+(\\.[0-9]+)?|\\.[0-9]+)(ns|us|µs|ms|s|m|h|d))+$"
});
scalar_schema!(ByteSize, {"type": ["string", "integer"], "format": "quantity"});
scalar_schema!(Amount, {"type": ["string", "number"], "format": "quantity"});
scalar_schema!(GrowthRate, {"type": "string", "format": "rate"});
scalar_schema!(RequestRate, {"type": "string", "format": "request rate", "pattern": "^[0-9]+(\\.[0-9]+)?/[smh]$"});
scalar_schema!(Port, {"type": "integer", "minimum": 1, "maximum": 65535});
