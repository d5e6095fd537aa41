//! The controllers of kube-controller-manager: small state machines that never import each other.

pub mod garbage_collector;
pub mod job;
pub mod node_lifecycle;
pub mod ttl;
