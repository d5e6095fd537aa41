//! The one integration test binary: each module looks at the package from another side.

mod cli;
mod conformance;
mod cronjob_world;
mod cronjobs;
mod json_schema;
mod objects;
mod scenarios;
