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
//!   wire            the API's own types
//!     | defaults    what the API server fills in
//!     | validation  what it refuses; warnings: what it only doubts
//!     | admission   what its plugins do to pods
//!     | convert     all of this, and the model at the end
//! ```
//!
//! Nothing here reads files, prints or panics on any input; every limit is in [`limits`].

pub mod load;
pub mod scenario;
pub mod params;
pub mod expression;

pub mod source;
pub mod yaml;
pub mod json;
pub mod tree;
pub mod scalar;
pub mod limits;

pub mod api;
pub mod schema;
pub mod json_schema;
pub mod check;
pub mod decode;

pub mod convert;
pub mod wire;
pub mod defaults;
pub mod admission;
pub mod validation;
pub mod warnings;
pub mod patch;
pub mod prune;
pub mod field_error;

pub mod diagnostic;
pub mod near_name;
