//! Results as text and JSON. Pure functions: they read what was observed and return text.

pub mod failures;
pub mod rollouts;
pub mod table;
pub mod scalings;
pub mod traffic;
pub mod job_totals;
pub mod summary;
pub mod comparison;
pub mod cron_period;
pub mod cron_runs;
pub mod sweep;
pub mod drains;
pub mod text;
pub mod get;
pub mod scenario_docs;
pub mod why;
pub mod profiles;
