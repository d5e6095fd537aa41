//! The machines: what each node has besides its pods. A machine outlives a stop of its kubelet.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use rustc_hash::FxHashMap;

use crate::cluster::Cluster;
use crate::event::EventId;
use crate::kubelet::addresses::{AddressBlock, SpareAddresses};
use crate::kubelet::catalogue::Catalogue;
use crate::kubelet::images::NodeImages;
use crate::kubelet::pressure::Pressure;
use crate::kubelet::shutdown::Shutdown;
use crate::model::ids::{NodeId, PodId};

/// A machine with its kubelet.
#[derive(Debug, Clone)]
pub(super) struct Machine {
    /// What of it runs.
    pub(super) state: MachineState,
    /// Its images and pulls.
    pub(super) images: NodeImages,
    /// The addresses of its pods.
    pub(super) addresses: AddressBlock,
    /// The pods that its kubelet has to do with.
    pub(super) pods: BTreeSet<PodId>,
    /// The shortage of its memory.
    pub(super) pressure: Pressure,
}

/// What of a machine runs.
///
/// ```text
///        kubelet stops                     node fails, or has shut down
/// Running ───────────▶ Unattended ─────────────────────────▶ Off ◀── from every state
///  ▲  ▲ └──── starts ─────┘ │ starts, no API server           │ boots, no API server
///  │  └─────── boots ───────┼─────────────────────────────────┤
///  └── API server is back ─ Waiting ◀─────────────────────────┘
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MachineState {
    /// All.
    Running,
    /// Everything but its kubelet.
    Unattended,
    /// Its kubelet, too, but that has started while there was no API server, and does not know its pods.
    Waiting,
    /// Nothing.
    Off,
}

/// All machines that something has happened on.
#[derive(Debug, Clone, Default)]
pub(super) struct Machines {
    by_node: FxHashMap<NodeId, Machine>,
    /// The nodes that shut down.
    pub(super) shutdowns: BTreeMap<NodeId, Shutdown>,
    /// Whether kubelets that start cannot reach an API server.
    pub(super) lacks_api_server: bool,
    /// Addresses for pods of machines that have none left.
    spare: SpareAddresses,
    /// The nodes on which a process that uses memory has begun or ended since somebody looked.
    stirred: BTreeSet<NodeId>,
}

impl Machines {
    /// The machine of a node, made where it is not known yet.
    pub(super) fn ensure(
        &mut self,
        node: NodeId,
        cluster: &Cluster,
        catalogue: &mut Catalogue,
    ) -> &mut Machine {
        self.by_node.entry(node).or_insert_with(|| {
            let images = cluster.node(node).map_or(&[][..], |node| &node.spec.images);
            Machine {
                state: MachineState::Running,
                images: NodeImages::new(node, images, catalogue),
                addresses: AddressBlock::default(),
                pods: BTreeSet::new(),
                pressure: Pressure::default(),
            }
        })
    }

    /// The machine of a node that has pods.
    ///
    /// # Panics
    /// Where nothing has happened on the node.
    pub(super) fn of(&mut self, node: NodeId) -> &mut Machine {
        self.by_node.get_mut(&node).expect("the machine of a pod is known until the pod has left it")
    }

    /// What of the machine of a node runs; of one that is not known everything does.
    pub(super) fn state(&self, node: NodeId) -> MachineState {
        self.by_node.get(&node).map_or(MachineState::Running, |machine| machine.state)
    }

    /// Whether the kubelet of a node is at work.
    pub(super) fn has_kubelet(&self, node: NodeId) -> bool {
        self.state(node) == MachineState::Running
    }

    /// The nodes whose kubelets wait for the API server, in order.
    pub(super) fn waiting(&self) -> Vec<NodeId> {
        let waiting = self.by_node.iter().filter(|(_, machine)| machine.state == MachineState::Waiting);
        let mut waiting: Vec<NodeId> = waiting.map(|(node, _)| *node).collect();
        waiting.sort_unstable();
        waiting
    }

    /// Notes that a process that uses memory has begun or ended on a node.
    pub(super) fn stir(&mut self, node: NodeId) {
        self.stirred.insert(node);
    }

    /// The nodes on which a process that uses memory has begun or ended since the last call.
    pub(super) fn take_stirred(&mut self) -> BTreeSet<NodeId> {
        std::mem::take(&mut self.stirred)
    }

    /// The pods that have to do with a node.
    pub(super) fn pods(&self, node: NodeId) -> impl Iterator<Item = PodId> {
        self.by_node.get(&node).into_iter().flat_map(|machine| &machine.pods).copied()
    }

    /// Forgets the shortage of a node's memory. The timer that was set for it.
    pub(super) fn forget_pressure(&mut self, node: NodeId) -> Option<EventId> {
        std::mem::take(&mut self.by_node.get_mut(&node)?.pressure).timer
    }

    /// How many pods have to do with a node.
    #[cfg(test)]
    pub(super) fn n_pods(&self, node: NodeId) -> usize {
        self.by_node.get(&node).map_or(0, |machine| machine.pods.len())
    }

    /// Takes an address for a pod on a node.
    pub(super) fn take_address(&mut self, node: NodeId) -> Ipv4Addr {
        let machine = self.by_node.get_mut(&node).expect("the machine of a pod is known");
        machine.addresses.take(node.into(), &mut self.spare)
    }

    /// Takes a pod off its machine, and forgets the machine where it was the last one of a node that is no more.
    pub(super) fn remove_pod(&mut self, node: NodeId, pod: PodId, cluster: &Cluster) {
        let machine = self.of(node);
        machine.pods.remove(&pod);
        if machine.pods.is_empty() && cluster.node(node).is_none() {
            self.by_node.remove(&node);
        }
    }
}
