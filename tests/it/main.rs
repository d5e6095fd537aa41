//! The one integration test binary: each module looks at the package from another side.

#![expect(clippy::unwrap_used, reason = "a test that meets what cannot be may panic")]

mod autoscalers;
mod capacity;
mod cli;
mod compare;
mod conformance;
mod cronjobs;
mod deployments;
mod determinism;
mod diagnostics;
mod docs;
mod diff;
mod drains;
mod exports;
mod generate;
mod import;
mod jobs;
mod json_schema;
mod nodes;
mod objects;
mod outages;
mod placement;
mod profiles;
mod properties;
mod queueing;
mod recorded;
mod report;
mod report_pages;
mod scenarios;
mod scheduling;
mod suite;
mod sweep;
mod services;
mod sets;
mod swarm;
mod tidy;
mod traces;
mod traffic;
mod why;
