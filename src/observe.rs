//! What is seen of a run: objects as kubectl shows them, digest, trace, records, ledgers, utilisation.
//!
//! Observers read the cluster and the changes and write nothing back.

pub mod attempts;
pub mod cron_runs;
pub mod digest;
pub mod divergence;
pub mod failures;
pub mod expectation;
pub mod kube_state;
pub mod object;
pub mod records;
pub mod rollouts;
pub mod run;
pub mod scalings;
pub mod story;
pub mod tiers;
pub mod timeline;
pub mod trace;
pub mod utilisation;
pub mod windows;
