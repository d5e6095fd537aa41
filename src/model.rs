//! Pure data: the Kubernetes objects and the scenario, after defaulting and validation. Not serde types.

pub mod cron_schedule;
pub mod quantity;
