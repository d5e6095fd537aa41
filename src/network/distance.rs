//! How far two processes are from each other.

use crate::cluster::Cluster;
use crate::engine::SimDuration;
use crate::model::ids::{NodeId, PodId};
use crate::model::meta::Name;
use crate::model::node::LABEL_ZONE;
use crate::model::traffic::NetworkLatency;

/// A set of addresses that share their ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NetworkNamespace {
    /// That of a pod's sandbox.
    Pod(PodId),
    /// That of a node.
    Node(NodeId),
}

/// Where a pod is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// Its network namespace.
    pub namespace: NetworkNamespace,
    /// Its node.
    pub node: NodeId,
    /// The zone of the node.
    pub zone: Option<Name>,
}

/// How far it is from one process to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Distance {
    /// Within a network namespace: over loopback.
    SamePod,
    /// Between pods of a node.
    SameNode,
    /// Between nodes of a zone, or where a zone is not known.
    SameZone,
    /// Between zones.
    OtherZone,
    /// From outside of the cluster.
    Outside,
}

impl Distance {
    /// From a process, or from outside, to another process.
    pub fn between(from: Option<&Location>, to: &Location) -> Self {
        let Some(from) = from else { return Self::Outside };
        if from.namespace == to.namespace {
            Self::SamePod
        } else if from.node == to.node {
            Self::SameNode
        } else if from.zone.is_some() && to.zone.is_some() && from.zone != to.zone {
            Self::OtherZone
        } else {
            Self::SameZone
        }
    }

    /// How long a message takes, one way.
    pub const fn latency(self, latency: &NetworkLatency) -> SimDuration {
        match self {
            Self::SamePod => latency.same_pod,
            Self::SameNode => latency.same_node,
            Self::SameZone => latency.same_zone,
            Self::OtherZone => latency.other_zone,
            Self::Outside => latency.outside,
        }
    }
}

/// Where a pod is; `None` where it is gone or has no node.
pub fn location_of(pod: PodId, cluster: &Cluster) -> Option<Location> {
    let object = cluster.pod(pod)?;
    let node = object.node?;
    let namespace =
        if object.spec.host_network { NetworkNamespace::Node(node) } else { NetworkNamespace::Pod(pod) };
    let zone = cluster.node(node).and_then(|node| node.meta.labels.get(LABEL_ZONE)).cloned();
    Some(Location { namespace, node, zone })
}
