//! kube-scheduler.

pub mod config;
pub mod cycle;
pub mod diagnosis;
pub mod explain;
pub mod framework;
pub mod listers;
pub mod nominations;
pub mod plugins;
pub mod snapshot;
