//! Numbers, or texts in their place: percentages, names.

use serde::{Deserialize, Serialize};

use crate::model::meta::Name;

/// `IntOrString`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum IntOrString {
    Int(i32),
    Text(Name),
}

impl Default for IntOrString {
    fn default() -> Self {
        Self::Int(0)
    }
}
