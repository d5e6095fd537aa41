//! A deterministic, offline simulator of Kubernetes behaviour.
//!
//! The modules stand in layers, in reading order; a module uses only those above it (ARCHITECTURE.md).

#![allow(rustdoc::broken_intra_doc_links, reason = "units stand in brackets: [s], [bytes]")]
#![allow(rustdoc::private_intra_doc_links, reason = "a module says how its parts work together")]

pub mod engine;
pub mod model;
pub mod event;
pub mod cluster;
pub mod manifest;
pub mod component;
pub mod network;
pub mod scheduler;
pub mod kubelet;
pub mod controllers;
pub mod metrics_server;
pub mod traffic;
pub mod observe;
pub mod sim;
pub mod experiment;
pub mod report;
pub mod import;
pub mod cli;
