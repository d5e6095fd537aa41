//! Where names lead: to a pod, or to the endpoints of a Service.
//!
//! A target is an address as one client sees it. It is looked up when something about it has changed, not for each
//! connection. An endpoint of a Service is a pod that it selects, with an address, that has not ended; connections go to
//! those that are ready and not being deleted, and where there is none of these, to those that are ready and being
//! deleted. A Service without a choice refuses connections; the name of a headless Service without endpoints is not found.
//! While nobody keeps endpoints up to date, they are those of the instant when that began.
//!
//! Deviation: kube-proxy and DNS know of every change at once, while there are controllers and an API server.
//! Source: Kubernetes 1.28, pkg/proxy/topology.go (CategorizeEndpoints), pkg/proxy/iptables/proxier.go.

use std::collections::BTreeMap;

use crate::cluster::Cluster;
use crate::event::Change;
use crate::model::ids::{Kind, NodeId, ObjectId, PodId, ServiceId};
use crate::model::meta::Name;
use crate::model::service::{Service, ServiceAddress};
use crate::model::traffic::{Address, Host, HostName, PortName, ProxyMode};
use crate::network::backends::{self, Backend, Subset, backends};

/// Names a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TargetId(u32);

/// All targets that anybody sends requests to.
#[derive(Debug, Clone)]
pub struct Targets {
    mode: ProxyMode,
    /// What was behind the Services when nobody was left to keep their endpoints up to date.
    frozen: Option<BTreeMap<ServiceId, Vec<Backend>>>,
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
        Self { mode, frozen: None, targets: Vec::new(), turns: BTreeMap::new() }
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
            target.found = target.look_up(cluster, self.frozen.as_ref());
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
        if self.frozen.is_none() {
            let services = cluster.objects(Kind::Service).into_iter();
            let known = services.filter_map(|object| match object {
                ObjectId::Service(id) => Some((id, backends(cluster.service(id)?, cluster)?)),
                _ => None,
            });
            self.frozen = Some(known.collect());
        }
    }

    /// Endpoints are kept up to date again.
    pub fn thaw(&mut self) {
        if self.frozen.take().is_some() {
            let services = |target: &&mut Target| matches!(target.address.host, Host::Service(_));
            self.targets.iter_mut().filter(services).for_each(|target| target.found = Found::Unknown);
        }
    }

    /// The endpoints of a Service by which connections go; `None` where it has none.
    pub fn subsets(&self, id: ServiceId, cluster: &Cluster) -> Option<Vec<Subset>> {
        let service = cluster.service(id)?;
        match &self.frozen {
            Some(frozen) => frozen.get(&id).map(|backends| backends::subsets(service, backends)),
            None => backends(service, cluster).map(|backends| backends::subsets(service, &backends)),
        }
    }

    /// Takes note of a change after which names may lead elsewhere.
    pub fn on_change(&mut self, change: &Change) {
        let (is_of_pod, is_of_service) = match change {
            Change::Created(ObjectId::Pod(_)) | Change::PodDeleted(..) => (true, self.frozen.is_none()),
            Change::PodReadyChanged(..)
            | Change::PodIpSet(..)
            | Change::PodPhaseChanged(..)
            | Change::PodDeletionRequested(..)
            | Change::PodChanged(..) => (false, self.frozen.is_none()),
            Change::Created(ObjectId::Service(_))
            | Change::SpecChanged(ObjectId::Service(_), _)
            | Change::Deleted(ObjectId::Service(_), _) => (false, true),
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
    fn look_up(&self, cluster: &Cluster, frozen: Option<&BTreeMap<ServiceId, Vec<Backend>>>) -> Found {
        match (&self.address.host, &self.address.port) {
            (Host::Localhost, PortName::Number(port)) => Found::Own(*port),
            (Host::Pod(host), PortName::Number(port)) => match self.find(Kind::Pod, host, cluster) {
                Some(ObjectId::Pod(pod)) => Found::Pod(Endpoint { pod, port: *port }),
                _ => Found::Nothing,
            },
            (Host::Service(host), port) => match self.find(Kind::Service, host, cluster) {
                Some(ObjectId::Service(id)) => {
                    cluster.service(id).map_or(Found::Nothing, |service| match frozen {
                        Some(frozen) => found(id, service, port, frozen.get(&id).map_or(&[], Vec::as_slice)),
                        None => found(id, service, port, &backends(service, cluster).unwrap_or_default()),
                    })
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
fn found(id: ServiceId, service: &Service, asked: &PortName, backends: &[Backend]) -> Found {
    let ports = &service.spec.ports;
    let port = match asked {
        PortName::Number(number) => ports.iter().find(|port| port.port == *number),
        PortName::Named(name) => ports.iter().find(|port| port.name.as_ref() == Some(name)),
        PortName::Only => ports.first().filter(|_| ports.len() == 1),
    };
    match (service.spec.address, asked, port) {
        // A name that stands for the pods themselves says nothing of their ports.
        (ServiceAddress::Headless, PortName::Number(number), _) => {
            Found::Headless(endpoints(service, backends, |_| Some(*number)))
        }
        (ServiceAddress::Headless, _, Some(port)) => {
            Found::Headless(endpoints(service, backends, |backend| backend.port(port)))
        }
        (ServiceAddress::ClusterIp(_), _, Some(port)) => {
            Found::Service(id, port.port, endpoints(service, backends, |backend| backend.port(port)))
        }
        (_, _, None) => Found::Nothing,
    }
}

/// The endpoints that connections may get.
fn endpoints(
    service: &Service,
    backends: &[Backend],
    port: impl Fn(&Backend) -> Option<u16>,
) -> Vec<Endpoint> {
    let of = |is_terminating: bool| {
        let ready =
            backends.iter().filter(|backend| backend.is_ready && backend.is_terminating == is_terminating);
        let endpoint = |it: &Backend| Some(Endpoint { pod: it.address.pod, port: port(it)? });
        ready.filter_map(endpoint).collect::<Vec<_>>()
    };
    let ready = of(false);
    let falls_back = ready.is_empty() && service.spec.address != ServiceAddress::Headless;
    if falls_back { of(true) } else { ready }
}

#[inline]
fn one_of(endpoints: &[Endpoint], draw: f64) -> Endpoint {
    endpoints[(draw * f64::from(endpoints.len() as u32)) as u32 as usize]
}
