//! A deterministic, offline simulator of Kubernetes behaviour.
//!
//! The modules stand in layers, in reading order; a module uses only those above it (ARCHITECTURE.md).

pub mod engine;
pub mod manifest;
pub mod model;
