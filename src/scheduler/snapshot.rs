//! The nodes as the scheduler sees them in one cycle: columns over rows, one row per node.
//!
//! Rows stand in upstream's list order: round robin over zones. The columns hold plain numbers, so that filters and
//! scores are scans without text, allocation or hashing. Changes of the cluster are noted as they are shown
//! ([`Snapshot::note_usage`] and its kin) and taken over at the next [`Snapshot::refresh`]; columns that few pods
//! ask for (labels, images, extended resources) come into being when the first pod does.
//!
//! A what-if question adds or removes a pod and takes that back afterwards ([`Snapshot::add_pod`],
//! [`Snapshot::remove_pod`]): all amounts are integers, so nothing is left behind.
//!
//! Invariant: after `refresh` every row equals what building it anew from the cluster gives.

mod groups;
mod images;
mod labels;
mod order;

use rustc_hash::FxHashMap;

pub use groups::{GroupKey, PodGroup, PodGroups};
pub use images::{ImageColumn, ImageColumns};
pub use labels::{LabelColumn, LabelColumns, LabelValue};
pub use order::NodeOrder;

use crate::cluster::{Cluster, NodeUsage};
use crate::model::ids::{NodeId, PodId};
use crate::model::meta::Name;
use crate::model::pod::{HostPort, Pod};
use crate::model::resources::Resources;
use crate::model::scheduling::Taint;

/// The position of a node in the snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Row(pub u32);

impl Row {
    /// The position, for columns.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// The nodes as the scheduler sees them in one cycle.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    nodes: Vec<NodeId>,
    rows: Vec<Option<Row>>,
    order: NodeOrder,
    /// What pods may request.
    pub allocatable: AmountColumns,
    /// What the pods there request.
    pub requested: AmountColumns,
    /// What they request for scoring: a missing cpu or memory request counts as a default.
    pub nonzero: AmountColumns,
    /// How many pods are there.
    pub n_pods: Vec<u32>,
    /// How many pods may be there.
    pub max_pods: Vec<u32>,
    /// The lowest priority of a pod there; [`i32::MAX`] where there is none.
    pub lowest_priority: Vec<i32>,
    /// Whether the node is cordoned.
    pub is_cordoned: Vec<bool>,
    /// How many nodes are cordoned.
    pub n_cordoned: usize,
    /// The taints.
    pub taints: TaintColumn,
    /// The host ports in use.
    pub host_ports: Vec<Vec<HostPort>>,
    /// Resources other than cpu, memory and ephemeral storage.
    pub extended: Vec<ExtendedColumn>,
    /// The labels.
    pub labels: LabelColumns,
    /// The images.
    pub images: ImageColumns,
    /// The pods by what others may say about them.
    pub groups: PodGroups,
    changed: Vec<NodeId>,
    is_order_stale: bool,
}

/// Amounts of the resources that every node has.
#[derive(Debug, Clone, Default)]
pub struct AmountColumns {
    /// `cpu` [millicores]
    pub cpu: Vec<i64>,
    /// `memory` [bytes]
    pub memory: Vec<i64>,
    /// `ephemeral-storage` [bytes]
    pub ephemeral_storage: Vec<i64>,
}

/// Amounts of one extended resource [units].
#[derive(Debug, Clone)]
pub struct ExtendedColumn {
    /// The resource.
    pub name: Name,
    /// What pods may request.
    pub allocatable: Vec<i64>,
    /// What the pods there request.
    pub requested: Vec<i64>,
}

/// The taints of the nodes: few distinct lists, each stored once.
#[derive(Debug, Clone, Default)]
pub struct TaintColumn {
    /// The distinct lists.
    pub lists: Vec<Vec<Taint>>,
    /// The list of each row, by position in `lists`.
    pub of_row: Vec<u32>,
    ids: FxHashMap<Vec<Taint>, u32>,
}

impl AmountColumns {
    fn push(&mut self, amounts: &Resources) {
        self.cpu.push(amounts.cpu.0);
        self.memory.push(amounts.memory.0);
        self.ephemeral_storage.push(amounts.ephemeral_storage.0);
    }

    fn set(&mut self, at: usize, amounts: &Resources) {
        self.cpu[at] = amounts.cpu.0;
        self.memory[at] = amounts.memory.0;
        self.ephemeral_storage[at] = amounts.ephemeral_storage.0;
    }

    fn add(&mut self, at: usize, amounts: &Resources, sign: i64) {
        self.cpu[at] += sign * amounts.cpu.0;
        self.memory[at] += sign * amounts.memory.0;
        self.ephemeral_storage[at] += sign * amounts.ephemeral_storage.0;
    }

    fn clear(&mut self) {
        self.cpu.clear();
        self.memory.clear();
        self.ephemeral_storage.clear();
    }
}

impl TaintColumn {
    fn intern(&mut self, taints: &[Taint]) -> u32 {
        if let Some(id) = self.ids.get(taints) {
            return *id;
        }
        let id = self.lists.len() as u32;
        self.lists.push(taints.to_vec());
        self.ids.insert(taints.to_vec(), id);
        id
    }

    /// The taints of a row.
    pub fn at(&self, row: Row) -> &[Taint] {
        &self.lists[self.of_row[row.index()] as usize]
    }
}

impl Snapshot {
    /// The snapshot of a cluster whose nodes registered in the order of their creation.
    pub fn of(cluster: &Cluster) -> Self {
        let mut snapshot = Self::default();
        let mut nodes: Vec<_> = cluster.nodes().iter().collect();
        nodes.sort_unstable_by_key(|(_, node)| node.meta.uid.serial);
        for (id, _) in nodes {
            snapshot.note_added(id, cluster);
        }
        if cluster.pods().values().any(|pod| !pod.spec.placement.pod_affinity.is_empty()) {
            snapshot.groups.note_affinity();
        }
        snapshot.refresh(cluster);
        snapshot
    }

    /// How many nodes there are.
    pub const fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is no node.
    pub const fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The node of a row.
    pub fn node(&self, row: Row) -> NodeId {
        self.nodes[row.index()]
    }

    /// The row of a node, unless it is gone.
    pub fn row(&self, node: NodeId) -> Option<Row> {
        let row = *self.rows.get(node.index())?;
        row.filter(|row| self.nodes[row.index()] == node)
    }

    /// The row of the node of this name.
    pub fn find(&self, cluster: &Cluster, name: &str) -> Option<Row> {
        self.row(cluster.find_node(name)?)
    }

    /// All rows in order.
    pub fn rows(&self) -> impl Iterator<Item = Row> + use<> {
        (0..self.nodes.len() as u32).map(Row)
    }

    /// Notes that a node joined.
    pub fn note_added(&mut self, node: NodeId, cluster: &Cluster) {
        if let Some(found) = cluster.node(node) {
            self.order.place(node, &found.meta.labels);
            self.is_order_stale = true;
        }
    }

    /// Notes that a node's labels or spec changed.
    pub fn note_changed(&mut self, node: NodeId, cluster: &Cluster) {
        if let Some(found) = cluster.node(node) {
            self.is_order_stale |= self.order.place(node, &found.meta.labels);
            self.changed.push(node);
            self.images.forget();
        }
    }

    /// Notes that a node holds another image.
    pub fn note_images(&mut self) {
        self.images.forget();
    }

    /// Notes that a node is gone.
    pub fn note_removed(&mut self, node: NodeId) {
        self.order.remove(node);
        self.is_order_stale = true;
    }

    /// Notes that a node has other pods than before, or changed pods.
    pub fn note_usage(&mut self, node: NodeId) {
        self.changed.push(node);
    }

    /// Notes that a pod on a node changed.
    pub fn note_pod(&mut self, pod: PodId, node: NodeId) {
        self.groups.note_pod(pod);
        self.changed.push(node);
    }

    /// Takes over what was noted.
    pub fn refresh(&mut self, cluster: &Cluster) {
        if self.is_order_stale {
            self.rebuild(cluster);
        }
        let mut changed = std::mem::take(&mut self.changed);
        for node in changed.drain(..) {
            if let (Some(row), Some(found)) = (self.row(node), cluster.node(node)) {
                self.set_spec(row, &found.spec);
                self.labels.set_row(row, &found.meta.labels);
                self.set_usage(row, cluster.usage(node));
                self.groups.set_row(row, cluster.usage(node), cluster);
            }
        }
        self.changed = changed;
        self.groups.forget_notes();
        self.groups.enable_if_wanted(&self.nodes, cluster);
    }

    /// The position of the column of an extended resource.
    pub fn extended_column(&mut self, cluster: &Cluster, name: &Name) -> usize {
        if let Some(at) = self.extended.iter().position(|column| column.name == *name) {
            return at;
        }
        let of = |node: &NodeId| {
            let allocatable = cluster.node(*node).map_or(0, |node| node.spec.allocatable.extended(name));
            (allocatable, cluster.usage(*node).requested.extended(name))
        };
        let (allocatable, requested) = self.nodes.iter().map(of).unzip();
        self.extended.push(ExtendedColumn { name: name.clone(), allocatable, requested });
        self.extended.len() - 1
    }

    /// The position of the column of a label.
    pub fn label_column(&mut self, cluster: &Cluster, key: &Name) -> usize {
        self.labels.column(key, &self.nodes, cluster)
    }

    /// The position of the column of a container's image.
    pub fn image_column(&mut self, cluster: &Cluster, image: &Name) -> usize {
        self.images.column(image, &self.nodes, cluster)
    }

    /// Makes the groups of pods known from now on.
    pub fn need_groups(&mut self, cluster: &Cluster) {
        self.groups.enable(&self.nodes, cluster);
    }

    /// Takes a pod to run on a node where it does not.
    pub fn add_pod(&mut self, row: Row, pod: &Pod) {
        self.count_pod(row, pod, 1);
        let ports = &mut self.host_ports[row.index()];
        for port in &pod.spec.derived.host_ports {
            let at = ports.partition_point(|other| other < port);
            ports.insert(at, port.clone());
        }
    }

    /// Takes a pod that runs on a node not to.
    pub fn remove_pod(&mut self, row: Row, pod: &Pod) {
        self.count_pod(row, pod, -1);
        let ports = &mut self.host_ports[row.index()];
        for port in &pod.spec.derived.host_ports {
            if let Ok(at) = ports.binary_search(port) {
                ports.remove(at);
            }
        }
    }

    fn count_pod(&mut self, row: Row, pod: &Pod, sign: i32) {
        let (at, derived) = (row.index(), &pod.spec.derived);
        self.n_pods[at] = self.n_pods[at].saturating_add_signed(sign);
        let sign = i64::from(sign);
        self.requested.add(at, &derived.requests, sign);
        self.nonzero.cpu[at] += sign * derived.nonzero_cpu.0;
        self.nonzero.memory[at] += sign * derived.nonzero_memory.0;
        for column in &mut self.extended {
            column.requested[at] += sign * derived.requests.extended(&column.name);
        }
    }

    fn rebuild(&mut self, cluster: &Cluster) {
        self.is_order_stale = false;
        self.nodes = self.order.list();
        self.rows = vec![None; cluster.nodes().n_slots()];
        for (at, node) in self.nodes.iter().enumerate() {
            self.rows[node.index()] = Some(Row(at as u32));
        }
        self.clear_columns();
        for node in self.nodes.clone() {
            let (spec, usage) = (&cluster.nodes()[node].spec, cluster.usage(node));
            self.allocatable.push(&spec.allocatable);
            self.max_pods.push(spec.max_pods);
            self.is_cordoned.push(spec.unschedulable);
            self.n_cordoned += usize::from(spec.unschedulable);
            let taints = self.taints.intern(&spec.taints);
            self.taints.of_row.push(taints);
            self.requested.push(&usage.requested);
            self.nonzero.cpu.push(usage.nonzero_cpu.0);
            self.nonzero.memory.push(usage.nonzero_memory.0);
            self.n_pods.push(usage.pods.len() as u32);
            self.lowest_priority.push(lowest_priority(usage));
            self.host_ports.push(usage.host_ports.clone());
        }
        self.labels.rebuild(&self.nodes, cluster);
        self.groups.rebuild(&self.nodes, cluster);
    }

    fn clear_columns(&mut self) {
        self.allocatable.clear();
        self.requested.clear();
        self.nonzero.clear();
        self.n_pods.clear();
        self.lowest_priority.clear();
        self.max_pods.clear();
        self.is_cordoned.clear();
        self.n_cordoned = 0;
        self.taints = TaintColumn::default();
        self.host_ports.clear();
        self.extended.clear();
        self.images.forget();
    }

    fn set_spec(&mut self, row: Row, spec: &crate::model::node::NodeSpec) {
        let at = row.index();
        self.allocatable.set(at, &spec.allocatable);
        self.max_pods[at] = spec.max_pods;
        self.n_cordoned =
            self.n_cordoned + usize::from(spec.unschedulable) - usize::from(self.is_cordoned[at]);
        self.is_cordoned[at] = spec.unschedulable;
        self.taints.of_row[at] = self.taints.intern(&spec.taints);
        for column in &mut self.extended {
            column.allocatable[at] = spec.allocatable.extended(&column.name);
        }
    }

    fn set_usage(&mut self, row: Row, usage: &NodeUsage) {
        let at = row.index();
        self.requested.set(at, &usage.requested);
        self.nonzero.cpu[at] = usage.nonzero_cpu.0;
        self.nonzero.memory[at] = usage.nonzero_memory.0;
        self.n_pods[at] = usage.pods.len() as u32;
        self.lowest_priority[at] = lowest_priority(usage);
        self.host_ports[at].clone_from(&usage.host_ports);
        for column in &mut self.extended {
            column.requested[at] = usage.requested.extended(&column.name);
        }
    }
}

fn lowest_priority(usage: &NodeUsage) -> i32 {
    usage.priorities.keys().next().copied().unwrap_or(i32::MAX)
}
