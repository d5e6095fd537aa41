//! Where names lead: to a pod, or to the endpoints of a Service.
//!
//! A target is an address as one client sees it. It is looked up when something about it has changed, not for each
//! connection. An endpoint of a Service is a pod that it selects, with an address, that has not ended; connections go to
//! those that are ready and not being deleted, and where there is none of these, to those that are ready and being
//! deleted. A Service without a choice refuses connections; the name of a headless Service without endpoints is not found.
//!
//! Deviation: kube-proxy and DNS know of every change at once, while there are controllers and an API server.
//! Source: Kubernetes 1.28, pkg/controller/util/endpointslice (podToEndpoint), pkg/proxy/topology.go
//! (CategorizeEndpoints), pkg/proxy/iptables/proxier.go.

use std::collections::BTreeMap;

use crate::cluster::Cluster;
use crate::event::Change;
use crate::model::ids::{Kind, NodeId, ObjectId, PodId, ServiceId};
use crate::model::meta::Name;
use crate::model::pod::Pod;
use crate::model::service::{Service, ServiceAddress, ServicePort, TargetPort};
use crate::model::traffic::{Address, Host, HostName, PortName, ProxyMode};

/// Names a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TargetId(u32);

/// All targets that anybody sends requests to.
#[derive(Debug, Clone)]
pub struct Targets {
    mode: ProxyMode,
    /// Whether nobody keeps the endpoints of Services up to date.
    are_frozen: bool,
    targets: Vec<Target>,
    /// Whose turn it is in IPVS mode, by node and port of a Service.
    turns: BTreeMap<(Option<NodeId>, ServiceId, u16), usize>,
}

#[derive(Debug, Clone)]
struct Target {
    /// The namespace of the sender.
    namespace: Name,
    address: Address,
    found: Found,
}

/// What was found under an address.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Found {
    /// It has to be looked up.
    Unknown,
    /// The sender's own network namespace.
    Own(u16),
    /// A pod with its port.
    Pod(Endpoint),
    /// A Service with its endpoints.
    Service(ServiceId, u16, Vec<Endpoint>),
    /// A headless Service with its endpoints.
    Headless(Vec<Endpoint>),
    /// Nothing.
    Nothing,
}

/// A port of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// The pod.
    pub pod: PodId,
    /// The port.
    pub port: u16,
}

/// Where a connection leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// To a port of the sender's own network namespace.
    Own(u16),
    /// To a port of a pod.
    Pod(Endpoint),
}

/// Why a connection leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unresolved {
    /// There is nothing of this name.
    NotFound,
    /// There is no endpoint.
    NoEndpoint,
}

impl Targets {
    /// No target.
    pub const fn new(mode: ProxyMode) -> Self {
        Self { mode, are_frozen: false, targets: Vec::new(), turns: BTreeMap::new() }
    }

    /// The target of an address as it is seen from a namespace.
    pub fn target(&mut self, namespace: &Name, address: &Address) -> TargetId {
        let is_same = |target: &Target| target.namespace == *namespace && target.address == *address;
        let at = self.targets.iter().position(is_same).unwrap_or_else(|| {
            let (namespace, address) = (namespace.clone(), address.clone());
            self.targets.push(Target { namespace, address, found: Found::Unknown });
            self.targets.len() - 1
        });
        TargetId(at as u32)
    }

    /// Where a new connection from a node, or from outside, leads. `draw` is the random number of the connection.
    ///
    /// # Errors
    /// When it leads nowhere.
    #[inline]
    pub fn connect(
        &mut self,
        target: TargetId,
        from: Option<NodeId>,
        draw: impl FnOnce() -> f64,
        cluster: &Cluster,
    ) -> Result<Resolution, Unresolved> {
        let target = &mut self.targets[target.0 as usize];
        if target.found == Found::Unknown {
            target.found = target.look_up(cluster);
        }
        match &target.found {
            Found::Unknown | Found::Nothing => Err(Unresolved::NotFound),
            Found::Own(port) => Ok(Resolution::Own(*port)),
            Found::Pod(endpoint) => Ok(Resolution::Pod(*endpoint)),
            Found::Service(_, _, endpoints) if endpoints.is_empty() => Err(Unresolved::NoEndpoint),
            Found::Service(service, port, endpoints) => Ok(Resolution::Pod(match self.mode {
                ProxyMode::Iptables => one_of(endpoints, draw()),
                ProxyMode::Ipvs => {
                    let turn = self.turns.entry((from, *service, *port)).or_default();
                    let endpoint = endpoints[*turn % endpoints.len()];
                    *turn = (*turn + 1) % endpoints.len();
                    endpoint
                }
            })),
            Found::Headless(endpoints) if endpoints.is_empty() => Err(Unresolved::NotFound),
            Found::Headless(endpoints) => Ok(Resolution::Pod(one_of(endpoints, draw()))),
        }
    }

    /// Nobody keeps endpoints up to date from now on: connections go on to those that are known.
    pub fn freeze(&mut self, cluster: &Cluster) {
        if !std::mem::replace(&mut self.are_frozen, true) {
            for target in self.targets.iter_mut().filter(|target| target.found == Found::Unknown) {
                target.found = target.look_up(cluster);
            }
        }
    }

    /// Endpoints are kept up to date again.
    pub fn thaw(&mut self) {
        if std::mem::take(&mut self.are_frozen) {
            let services = |target: &&mut Target| matches!(target.address.host, Host::Service(_));
            self.targets.iter_mut().filter(services).for_each(|target| target.found = Found::Unknown);
        }
    }

    /// Takes note of a change after which names may lead elsewhere.
    pub fn on_change(&mut self, change: &Change) {
        let (is_of_pod, is_of_service) = match change {
            Change::Created(ObjectId::Pod(_)) | Change::PodDeleted(..) => (true, !self.are_frozen),
            Change::PodReadyChanged(..)
            | Change::PodIpSet(..)
            | Change::PodPhaseChanged(..)
            | Change::PodDeletionRequested(..)
            | Change::PodChanged(..)
            | Change::Created(ObjectId::Service(_))
            | Change::SpecChanged(ObjectId::Service(_), _)
            | Change::Deleted(ObjectId::Service(_), _) => (false, !self.are_frozen),
            _ => return,
        };
        for target in &mut self.targets {
            match target.address.host {
                Host::Pod(_) if is_of_pod => target.found = Found::Unknown,
                Host::Service(_) if is_of_service => target.found = Found::Unknown,
                Host::Localhost | Host::Pod(_) | Host::Service(_) => {}
            }
        }
    }
}

impl Target {
    fn look_up(&self, cluster: &Cluster) -> Found {
        match (&self.address.host, &self.address.port) {
            (Host::Localhost, PortName::Number(port)) => Found::Own(*port),
            (Host::Pod(host), PortName::Number(port)) => match self.find(Kind::Pod, host, cluster) {
                Some(ObjectId::Pod(pod)) => Found::Pod(Endpoint { pod, port: *port }),
                _ => Found::Nothing,
            },
            (Host::Service(host), port) => match self.find(Kind::Service, host, cluster) {
                Some(ObjectId::Service(id)) => {
                    cluster.service(id).map_or(Found::Nothing, |service| found(id, service, port, cluster))
                }
                _ => Found::Nothing,
            },
            (Host::Localhost | Host::Pod(_), PortName::Named(_) | PortName::Only) => Found::Nothing,
        }
    }

    fn find(&self, kind: Kind, host: &HostName, cluster: &Cluster) -> Option<ObjectId> {
        cluster.find(kind, host.namespace.as_ref().unwrap_or(&self.namespace), &host.name)
    }
}

/// A Service with the endpoints that connections to a port of it may get.
fn found(id: ServiceId, service: &Service, asked: &PortName, cluster: &Cluster) -> Found {
    let ports = &service.spec.ports;
    let port = match asked {
        PortName::Number(number) => ports.iter().find(|port| port.port == *number),
        PortName::Named(name) => ports.iter().find(|port| port.name.as_ref() == Some(name)),
        PortName::Only => ports.first().filter(|_| ports.len() == 1),
    };
    match (service.spec.address, asked, port) {
        // A name that stands for the pods themselves says nothing of their ports.
        (ServiceAddress::Headless, PortName::Number(number), _) => {
            Found::Headless(endpoints(service, cluster, |_| Some(*number)))
        }
        (ServiceAddress::Headless, _, Some(port)) => {
            Found::Headless(endpoints(service, cluster, |pod| target_port(pod, port)))
        }
        (ServiceAddress::ClusterIp(_), _, Some(port)) => {
            Found::Service(id, port.port, endpoints(service, cluster, |pod| target_port(pod, port)))
        }
        (_, _, None) => Found::Nothing,
    }
}

/// The pods behind a Service as an endpoint slice lists them, in order of their creation, with whether each is ready.
pub fn backends<'a>(service: &Service, cluster: &'a Cluster) -> Vec<(PodId, &'a Pod, bool)> {
    let Some(selector) = &service.spec.selector else { return Vec::new() };
    let pods = cluster.pods().iter().filter(|(_, pod)| {
        pod.meta.namespace == service.meta.namespace
            && pod.status.pod_ip.is_some()
            && !pod.status.phase.is_terminal()
            && selector.matches(&pod.meta.labels)
    });
    let is_ready = |pod: &Pod| pod.status.conditions.is_ready() || service.spec.publish_not_ready_addresses;
    let mut backends: Vec<_> = pods.map(|(id, pod)| (id, pod, is_ready(pod))).collect();
    backends.sort_by_key(|(_, pod, _)| pod.meta.uid.serial);
    backends
}

/// The endpoints that connections may get.
fn endpoints(service: &Service, cluster: &Cluster, port: impl Fn(&Pod) -> Option<u16>) -> Vec<Endpoint> {
    let of = |is_terminating: bool| {
        let ready = backends(service, cluster)
            .into_iter()
            .filter(|(_, pod, is_ready)| *is_ready && pod.meta.is_terminating() == is_terminating);
        let endpoints = ready.filter_map(|(id, pod, _)| Some(Endpoint { pod: id, port: port(pod)? }));
        endpoints.collect::<Vec<_>>()
    };
    let ready = of(false);
    let falls_back = ready.is_empty() && service.spec.address != ServiceAddress::Headless;
    if falls_back { of(true) } else { ready }
}

/// The number of a Service's port at a pod.
pub fn target_port(pod: &Pod, port: &ServicePort) -> Option<u16> {
    match &port.target {
        TargetPort::Number(number) => Some(*number),
        TargetPort::Name(name) => {
            let mut ports = pod.spec.containers.iter().flat_map(|container| &container.ports);
            let named = ports.find(|own| own.name.as_ref() == Some(name) && own.protocol == port.protocol);
            named.map(|own| own.container_port)
        }
    }
}

#[inline]
fn one_of(endpoints: &[Endpoint], draw: f64) -> Endpoint {
    endpoints[(draw * f64::from(endpoints.len() as u32)) as u32 as usize]
}
