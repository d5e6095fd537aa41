//! Numbers or percentages.

use serde::Deserialize;

use crate::model::meta::Name;

/// `IntOrString`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum IntOrString {
    Int(i32),
    String(Name),
}
