//! The controllers of kube-controller-manager: small state machines that never import each other.

pub mod pod_sets;
pub mod pod_ranking;
pub mod replica_set;
pub mod deployment;
pub mod job;
pub mod cronjob;
pub mod horizontal_pod_autoscaler;
pub mod ttl;
pub mod garbage_collector;
pub mod node_lifecycle;
pub mod taint_eviction;
pub mod pod_gc;
pub mod ticks;
pub mod stateful_set;
pub mod daemon_set;
pub mod disruption;
pub mod revisions;
pub mod template_hash;
