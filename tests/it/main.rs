//! The one integration test binary: each module looks at the package from another side.

mod cli;
mod conformance;
mod cronjobs;
mod determinism;
mod diagnostics;
mod generate;
mod json_schema;
mod objects;
mod properties;
mod scenarios;
mod tidy;
