//! YAML and JSON text to `model`, with every diagnostic.

pub mod diagnostic;
pub mod expression;
pub mod schema;
pub mod tree;

pub mod admission;
pub mod convert;
pub mod defaults;
pub mod field_error;
pub mod validation;
pub mod wire;
