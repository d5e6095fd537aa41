//! The one integration test binary: each module looks at the package from another side.

mod conformance;
mod cronjobs;
mod objects;
