//! Services: spec of `v1 Service`.

use std::net::Ipv4Addr;

use crate::model::meta::{LabelSelector, Name};
use crate::model::object::Object;
use crate::model::pod::Protocol;

/// A Service. Its endpoints follow from the pods, so that it has no status of its own.
pub type Service = Object<ServiceSpec, ServiceStatus>;

/// What a Service is given to do, after defaulting.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceSpec {
    /// Which pods answer; `None` is no pod.
    pub selector: Option<LabelSelector>,
    /// Whether it has an address of its own.
    pub address: ServiceAddress,
    /// The ports.
    pub ports: Vec<ServicePort>,
    /// Whether pods that are not ready count as ready.
    pub publish_not_ready_addresses: bool,
}

/// Whether a Service has an address of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceAddress {
    /// Connections go to one pod each, chosen by kube-proxy; the address is given by the cluster where `None`.
    ClusterIp(Option<Ipv4Addr>),
    /// Its name stands for the addresses of all its pods.
    Headless,
}

/// A port of a Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicePort {
    /// The name, where it has one.
    pub name: Option<Name>,
    /// The protocol.
    pub protocol: Protocol,
    /// The port of the Service.
    pub port: u16,
    /// The port of the pods.
    pub target: TargetPort,
}

/// A port of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetPort {
    /// By number.
    Number(u16),
    /// By the name that a container gives to it.
    Name(Name),
}

/// A Service has no status: what it does follows from its pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ServiceStatus;
