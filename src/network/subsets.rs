//! The endpoints of a Service as its `Endpoints` object lists them.
//!
//! Source: Kubernetes 1.28, pkg/controller/endpoint/endpoints_controller.go, syncService and addEndpointSubset; pods that
//! give the same ports stand together.

use std::net::Ipv4Addr;

use crate::cluster::Cluster;
use crate::model::ids::PodId;
use crate::model::meta::Name;
use crate::model::pod::Protocol;
use crate::model::service::Service;
use crate::network::{backends, target_port};

/// Pods that give the same ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subset {
    /// The ports; none of a headless Service without ports.
    pub ports: Vec<SubsetPort>,
    /// The pods that get connections, in order of their addresses.
    pub ready: Vec<SubsetAddress>,
    /// The others.
    pub not_ready: Vec<SubsetAddress>,
}

/// A port that pods give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubsetPort {
    /// The name of the Service's port.
    pub name: Option<Name>,
    /// The number at the pods.
    pub number: u16,
    /// The protocol.
    pub protocol: Protocol,
}

/// An address of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SubsetAddress {
    /// The address.
    pub ip: Ipv4Addr,
    /// The pod.
    pub pod: PodId,
}

/// The subsets of a Service; `None` where nobody keeps its endpoints, for it selects no pods.
pub fn subsets(service: &Service, cluster: &Cluster) -> Option<Vec<Subset>> {
    service.spec.selector.as_ref()?;
    let mut subsets: Vec<Subset> = Vec::new();
    for (id, pod, is_ready) in backends(service, cluster) {
        let Some(ip) = pod.status.pod_ip else { continue };
        if pod.meta.is_terminating() && !service.spec.publish_not_ready_addresses {
            continue;
        }
        let ports = service.spec.ports.iter().filter_map(|port| {
            let (name, protocol) = (port.name.clone(), port.protocol);
            Some(SubsetPort { name, number: target_port(pod, port)?, protocol })
        });
        let ports: Vec<SubsetPort> = ports.collect();
        if ports.is_empty() && !service.spec.ports.is_empty() {
            continue;
        }
        let at = subsets.iter().position(|subset| subset.ports == ports).unwrap_or_else(|| {
            subsets.push(Subset { ports, ready: Vec::new(), not_ready: Vec::new() });
            subsets.len() - 1
        });
        let subset = &mut subsets[at];
        let addresses = if is_ready { &mut subset.ready } else { &mut subset.not_ready };
        addresses.push(SubsetAddress { ip, pod: id });
    }
    for subset in &mut subsets {
        subset.ready.sort_unstable();
        subset.not_ready.sort_unstable();
    }
    Some(subsets)
}
