//! Results as text, JSON, and pages with charts and data. Pure functions: they read what was observed and return text.

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
pub mod markdown;
pub mod suite;
pub mod junit;
pub mod get;
pub mod outages;
pub mod scenario_docs;
pub mod why;
pub mod profiles;
pub mod folder;
pub mod chart;
pub mod page;
pub mod run_page;
