//! A deterministic, offline simulator of Kubernetes behaviour.
//!
//! The modules stand in layers, in reading order; a module uses only those above it (ARCHITECTURE.md).

pub mod cluster;
pub mod component;
pub mod controllers;
pub mod engine;
pub mod event;
pub mod kubelet;
pub mod manifest;
pub mod model;
pub mod observe;
pub mod scheduler;
