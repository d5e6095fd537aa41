//! The pods for which preemption makes room somewhere.

use std::collections::BTreeMap;

use crate::cluster::Cluster;
use crate::model::ids::{NodeId, PodId};
use crate::model::pod::Pod;
use crate::scheduler::snapshot::{Row, Snapshot};

/// Which pods are nominated to which nodes.
/// Source: Kubernetes 1.28, pkg/scheduler/internal/queue/scheduling_queue.go, nominator.
#[derive(Debug, Clone, Default)]
pub struct Nominations {
    by_node: BTreeMap<NodeId, Vec<PodId>>,
}

/// The nominated pods that take room away from one pod, by row.
pub type Rivals<'a> = Vec<(Row, Vec<&'a Pod>)>;

impl Nominations {
    /// The nominations that the pods' statuses have, in order of creation.
    pub fn of(cluster: &Cluster) -> Self {
        let mut nominations = Self::default();
        let nominated = |(id, pod): (PodId, &Pod)| {
            let name = pod.status.nominated_node.as_ref().filter(|_| pod.node.is_none())?;
            Some((pod.meta.uid.serial, id, cluster.find_node(name)?))
        };
        let mut found: Vec<_> = cluster.pods().iter().filter_map(nominated).collect();
        found.sort_unstable();
        for (_, pod, node) in found {
            nominations.set(pod, Some(node));
        }
        nominations
    }

    /// Nominates a pod to a node, and to no other.
    pub fn set(&mut self, pod: PodId, node: Option<NodeId>) {
        self.remove(pod);
        if let Some(node) = node {
            self.by_node.entry(node).or_default().push(pod);
        }
    }

    /// Forgets a pod.
    pub fn remove(&mut self, pod: PodId) {
        if self.by_node.is_empty() {
            return;
        }
        for pods in self.by_node.values_mut() {
            pods.retain(|other| *other != pod);
        }
        self.by_node.retain(|_, pods| !pods.is_empty());
    }

    /// The pods nominated to a node, in the order of their nomination.
    pub fn at(&self, node: NodeId) -> &[PodId] {
        self.by_node.get(&node).map_or(&[], Vec::as_slice)
    }

    /// The nominated pods that count as running where they are nominated when `pod` is placed: the others of equal
    /// or higher priority.
    /// Source: Kubernetes 1.28, pkg/scheduler/framework/runtime/framework.go, addNominatedPods.
    pub fn rivals<'a>(&self, pod: &Pod, cluster: &'a Cluster, snapshot: &Snapshot) -> Rivals<'a> {
        let counts = |other: &&Pod| {
            other.spec.priority >= pod.spec.priority && other.meta.uid != pod.meta.uid && other.node.is_none()
        };
        let of_node = |(node, pods): (&NodeId, &Vec<PodId>)| {
            let rivals: Vec<_> = pods.iter().filter_map(|id| cluster.pod(*id)).filter(counts).collect();
            Some((snapshot.row(*node)?, rivals)).filter(|(_, rivals)| !rivals.is_empty())
        };
        self.by_node.iter().filter_map(of_node).collect()
    }
}
