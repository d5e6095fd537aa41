//! Where names lead: to a pod, or to the endpoints of a Service.
//!
//! A target is an address as one client sees it. It is looked up when something about it has changed, not for each request.

use crate::cluster::Cluster;
use crate::event::Change;
use crate::model::ids::{Kind, NodeId, ObjectId, PodId};
use crate::model::meta::Name;
use crate::model::traffic::{Address, Host, PortName, ProxyMode};

/// Names a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TargetId(u32);

/// All targets that anybody sends requests to.
#[derive(Debug, Clone)]
pub struct Targets {
    mode: ProxyMode,
    targets: Vec<Target>,
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
    /// The sender's own namespace.
    Own(u16),
    /// A pod with its port.
    Pod(PodId, u16),
    /// Nothing.
    Nothing(Unresolved),
}

/// Where a connection leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// To the sender's own network namespace.
    Own(u16),
    /// To a port of a pod.
    Pod(PodId, u16),
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
        Self { mode, targets: Vec::new() }
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
    pub fn connect(
        &mut self,
        target: TargetId,
        _from: Option<NodeId>,
        draw: impl FnOnce() -> f64,
        cluster: &Cluster,
    ) -> Result<Resolution, Unresolved> {
        let target = &mut self.targets[target.0 as usize];
        if target.found == Found::Unknown {
            target.found = look_up(target, cluster);
        }
        let _ = (self.mode, draw);
        match &target.found {
            Found::Unknown => unreachable!("it was looked up just now"),
            Found::Own(port) => Ok(Resolution::Own(*port)),
            Found::Pod(pod, port) => Ok(Resolution::Pod(*pod, *port)),
            Found::Nothing(why) => Err(*why),
        }
    }

    /// Takes note of a change after which names may lead elsewhere.
    pub fn on_change(&mut self, change: &Change) {
        match change {
            Change::Created(ObjectId::Pod(_)) | Change::PodDeleted(..) => {
                for target in &mut self.targets {
                    if matches!(target.address.host, Host::Pod(_)) {
                        target.found = Found::Unknown;
                    }
                }
            }
            _ => {}
        }
    }
}

fn look_up(target: &Target, cluster: &Cluster) -> Found {
    let (PortName::Number(port), Host::Localhost | Host::Pod(_)) = (&target.address.port, &target.address.host)
    else {
        return Found::Nothing(Unresolved::NotFound);
    };
    match &target.address.host {
        Host::Localhost => Found::Own(*port),
        Host::Pod(host) => {
            let namespace = host.namespace.as_ref().unwrap_or(&target.namespace);
            match cluster.find(Kind::Pod, namespace, &host.name) {
                Some(ObjectId::Pod(pod)) => Found::Pod(pod, *port),
                _ => Found::Nothing(Unresolved::NotFound),
            }
        }
        Host::Service(_) => Found::Nothing(Unresolved::NotFound),
    }
}
