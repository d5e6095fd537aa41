//! The controllers of kube-controller-manager: small state machines that never import each other.

pub mod cronjob;
pub mod node_lifecycle;
