//! YAML and JSON text to `model`, with every diagnostic.
//!
//! The reader works in steps, each of which reports all it finds and lets the next one go on with the rest:
//!
//! ```text
//!   Source          a named text (the command line does the reading of files)
//!     | source      documents, each a Tree whose every part knows its line and column; lists taken apart
//!   Object          a tree with its apiVersion and kind
//!     | schema      every field known, of the right type, modelled, present where required
//!     | decode      typed, by serde
//! ```
//!
//! Nothing here reads files, prints or panics on any input; every limit is in [`limits`].

pub mod expression;
pub mod load;
pub mod params;
pub mod scenario;

pub mod json;
pub mod json_schema;
pub mod limits;
pub mod scalar;
pub mod source;
pub mod tree;
pub mod yaml;

pub mod api;
pub mod check;
pub mod decode;
pub mod schema;

pub mod admission;
pub mod convert;
pub mod defaults;
pub mod field_error;
pub mod validation;
pub mod wire;

pub mod diagnostic;
pub mod near_name;
