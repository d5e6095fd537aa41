//! Pure data: the Kubernetes objects and the scenario, after defaulting and validation. Not serde types.
//!
//! Names follow the Kubernetes API. Nothing here changes by itself and nothing here knows who changes it; the
//! few functions derive one piece of data from another (effective requests, phase, selector matches).

pub mod amount;
pub mod capacity;
pub mod cron_schedule;
pub mod cronjob;
pub mod daemon_set;
pub mod deployment;
pub mod go_text;
pub mod horizontal_pod_autoscaler;
pub mod ids;
pub mod index_set;
pub mod job;
pub mod meta;
pub mod metrics;
pub mod node;
pub mod object;
pub mod pod;
pub mod pod_disruption_budget;
pub mod pod_status;
pub mod probe;
pub mod profile;
pub mod program;
pub mod quantity;
pub mod record;
pub mod replica_set;
pub mod resources;
pub mod revision;
pub mod scenario;
pub mod scheduling;
pub mod resource_quota;
pub mod service;
pub mod stateful_set;
pub mod sweep;
pub mod time_zone;
pub mod traffic;
pub mod unix_time;
pub mod wall_clock;
