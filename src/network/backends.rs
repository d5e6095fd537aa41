//! The pods behind a Service, as an endpoint slice lists them, and as an `Endpoints` object does.
//!
//! Source: Kubernetes 1.28, pkg/controller/util/endpointslice (podToEndpoint); pkg/controller/endpoint/
//! endpoints_controller.go, syncService and addEndpointSubset; pods that give the same ports stand together.

use std::net::Ipv4Addr;

use crate::cluster::Cluster;
use crate::model::ids::{NodeId, PodId};
use crate::model::meta::{Name, Uid};
use crate::model::pod::{Pod, Protocol};
use crate::model::service::{Service, ServicePort, TargetPort};

/// A pod behind a Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backend {
    /// Where and who it is.
    pub address: BackendAddress,
    /// The ports that it gives, in the order of the Service's.
    pub ports: Vec<BackendPort>,
    /// Whether it gets connections.
    pub is_ready: bool,
    /// Whether it is being deleted.
    pub is_terminating: bool,
}

/// The address of a pod, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackendAddress {
    /// The address.
    pub ip: Ipv4Addr,
    /// The pod.
    pub pod: PodId,
    /// The name of the pod.
    pub name: Name,
    /// The identity of the pod.
    pub uid: Uid,
    /// The node of the pod.
    pub node: Option<NodeId>,
}

/// A port that a pod gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackendPort {
    /// The name of the Service's port.
    pub name: Option<Name>,
    /// The number at the pod.
    pub number: u16,
    /// The protocol.
    pub protocol: Protocol,
}

/// Pods that give the same ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subset {
    /// The ports; none of a headless Service without ports.
    pub ports: Vec<BackendPort>,
    /// The pods that get connections, in order of their addresses.
    pub ready: Vec<BackendAddress>,
    /// The others.
    pub not_ready: Vec<BackendAddress>,
}

/// The pods behind a Service, in order of their creation; `None` where nobody keeps its endpoints, for it selects no pods.
pub(super) fn backends(service: &Service, cluster: &Cluster) -> Option<Vec<Backend>> {
    let selector = service.spec.selector.as_ref()?;
    let pods = cluster.pods().iter().filter(|(_, pod)| {
        pod.meta.namespace == service.meta.namespace
            && !pod.status.phase.is_terminal()
            && selector.matches(&pod.meta.labels)
    });
    let mut backends: Vec<Backend> = pods.filter_map(|(id, pod)| backend(id, pod, service)).collect();
    backends.sort_by_key(|backend| backend.address.uid.serial);
    Some(backends)
}

/// A pod as a Service sees it, as soon as it has an address.
fn backend(id: PodId, pod: &Pod, service: &Service) -> Option<Backend> {
    let (ip, name) = (pod.status.pod_ip?, pod.meta.name.clone());
    let ports = service.spec.ports.iter().filter_map(|port| {
        let (name, protocol) = (port.name.clone(), port.protocol);
        Some(BackendPort { name, number: target_port(pod, port)?, protocol })
    });
    Some(Backend {
        address: BackendAddress { ip, pod: id, name, uid: pod.meta.uid, node: pod.node },
        ports: ports.collect(),
        is_ready: pod.status.conditions.is_ready() || service.spec.publish_not_ready_addresses,
        is_terminating: pod.meta.is_terminating(),
    })
}

/// The number of a Service's port at a pod.
fn target_port(pod: &Pod, port: &ServicePort) -> Option<u16> {
    match &port.target {
        TargetPort::Number(number) => Some(*number),
        TargetPort::Name(name) => {
            let mut ports = pod.spec.containers.iter().flat_map(|container| &container.ports);
            let named = ports.find(|own| own.name.as_ref() == Some(name) && own.protocol == port.protocol);
            named.map(|own| own.container_port)
        }
    }
}

impl Backend {
    /// The number of a Service's port.
    pub(super) fn port(&self, port: &ServicePort) -> Option<u16> {
        let is_meant = |own: &&BackendPort| own.name == port.name && own.protocol == port.protocol;
        self.ports.iter().find(is_meant).map(|own| own.number)
    }
}

/// The subsets of a Service with these pods behind it.
pub(super) fn subsets(service: &Service, backends: &[Backend]) -> Vec<Subset> {
    let mut subsets: Vec<Subset> = Vec::new();
    for Backend { address, ports, is_ready, is_terminating } in backends {
        let is_leaving = *is_terminating && !service.spec.publish_not_ready_addresses;
        let is_deaf = ports.is_empty() && !service.spec.ports.is_empty();
        if is_leaving || is_deaf {
            continue;
        }
        let at = subsets.iter().position(|subset| subset.ports == *ports).unwrap_or_else(|| {
            subsets.push(Subset { ports: ports.clone(), ready: Vec::new(), not_ready: Vec::new() });
            subsets.len() - 1
        });
        let subset = &mut subsets[at];
        let addresses = if *is_ready { &mut subset.ready } else { &mut subset.not_ready };
        addresses.push(address.clone());
    }
    for subset in &mut subsets {
        subset.ready.sort_by_key(|address| (address.ip, address.pod));
        subset.not_ready.sort_by_key(|address| (address.ip, address.pod));
    }
    subsets
}
