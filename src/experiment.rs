//! Whole runs: one trial from its first event to its judgements.

pub mod comparison;
pub mod cron_period;
pub mod measures;
pub mod other_limits;
pub mod pipe;
pub mod statistics;
pub mod sweep;
pub mod trial;
pub mod trials;
pub mod twice;
pub mod usage;
pub mod views;
