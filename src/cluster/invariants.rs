//! What must hold of the cluster after every event.

use crate::cluster::{Cluster, NodeUsage};
use crate::model::ids::NodeId;

/// An invariant that does not hold: a bug of the simulator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvariantError {
    /// The derived accounting of a node differs from what its pods say.
    #[error("the usage of node {0} differs from the sum over its pods")]
    Usage(String),
    /// The pods of a node request more than it offers.
    #[error("the pods of node {0} request more than it offers")]
    Overcommitted(String),
    /// Two pods of a node have one host port.
    #[error("two pods of node {0} have the same host port")]
    HostPort(String),
    /// A name is missing in the table of names, or too many are there.
    #[error("the table of names has {0} names for {1} objects")]
    Names(usize, usize),
}

impl Cluster {
    /// Checks every invariant by a full scan.
    ///
    /// # Errors
    /// The first that does not hold.
    pub fn check_invariants(&self) -> Result<(), InvariantError> {
        let n_objects = self.nodes.len() + self.pods.len() + self.jobs.len() + self.cronjobs.len();
        if self.names.len() != n_objects {
            return Err(InvariantError::Names(self.names.len(), n_objects));
        }
        self.nodes.ids().try_for_each(|node| self.check_node(node))
    }

    fn check_node(&self, id: NodeId) -> Result<(), InvariantError> {
        let node = &self.nodes[id];
        let name = || node.meta.name.to_string();
        let mut counted = NodeUsage::default();
        for (pod_id, pod) in self.pods.iter() {
            if pod.node == Some(id) && !pod.status.phase.is_terminal() {
                counted.add(pod_id, pod);
            }
        }
        if counted != self.usage[id.index()] {
            return Err(InvariantError::Usage(name()));
        }
        let accepted = |pod_id| self.pods[pod_id].status.start_time.is_some();
        let mut requested = crate::model::resources::Resources::default();
        let mut ports = Vec::new();
        for pod_id in counted.pods.iter().copied().filter(|pod_id| accepted(*pod_id)) {
            requested += &self.pods[pod_id].spec.derived.requests;
            ports.extend(&self.pods[pod_id].spec.derived.host_ports);
        }
        let offered = &node.spec.allocatable;
        let over = requested.cpu > offered.cpu
            || requested.memory > offered.memory
            || offered.extended.iter().any(|(name, amount)| requested.extended(name) > *amount);
        if over {
            return Err(InvariantError::Overcommitted(name()));
        }
        let clash = |at: usize| ports[at + 1..].iter().any(|other| ports[at].conflicts_with(other));
        if (0..ports.len()).any(clash) { Err(InvariantError::HostPort(name())) } else { Ok(()) }
    }
}
