//! YAML and JSON text to `model`, with every diagnostic.

pub mod diagnostic;
pub mod expression;
pub mod schema;
pub mod tree;
