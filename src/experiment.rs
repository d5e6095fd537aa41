//! Whole runs: one trial from its first event to its judgements.

pub mod trial;
pub mod twice;
