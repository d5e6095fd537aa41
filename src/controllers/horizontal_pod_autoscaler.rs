//! x
pub mod metrics;
pub mod pods;
pub mod replicas;
pub mod proposal;
pub mod memory;
pub mod limits;
pub mod decision;
pub mod sync;
