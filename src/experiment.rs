//! Whole runs: one trial from its first event to its judgements.

pub mod cron_period;
pub mod other_limits;
pub mod trial;
pub mod twice;
