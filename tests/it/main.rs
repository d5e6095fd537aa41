//! The one integration test binary: each module looks at the package from another side.

mod conformance;
mod cronjobs;
mod determinism;
mod diagnostics;
mod generate;
mod objects;
mod properties;
mod tidy;
