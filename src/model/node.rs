//! Nodes: what they offer, how they are labelled and tainted, whether they are ready.

use crate::engine::SimTime;
use crate::model::meta::{Name, ObjectMeta};
use crate::model::resources::{Bytes, Resources};
use crate::model::scheduling::Taint;

/// A node of the cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Name, labels and the rest.
    pub meta: ObjectMeta,
    /// What it is given to be.
    pub spec: NodeSpec,
    /// `Ready`, as the API server has it.
    pub ready: NodeReady,
    /// The lease that its kubelet renews while it is alive.
    pub lease: Lease,
}

/// The lease of a node: its sign of life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Whether the kubelet renews it.
    pub is_renewed: bool,
    /// Since when it does, or does no longer.
    pub since: SimTime,
}

/// What a node is given to be.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NodeSpec {
    /// What the machine has.
    pub capacity: Resources,
    /// What pods may request.
    pub allocatable: Resources,
    /// How many pods may run at once.
    pub max_pods: u32,
    /// Cordoned.
    pub unschedulable: bool,
    /// The taints, in order.
    pub taints: Vec<Taint>,
    /// Images present from the beginning, with their sizes.
    pub images: Vec<NodeImage>,
    /// Price [currency units per hour], for reports.
    pub price_per_hour: Option<f64>,
    /// The pool that the node came from.
    pub pool: Option<Name>,
}

/// An image that a node holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeImage {
    /// The names it is known by, with tag or digest.
    pub names: Vec<Name>,
    /// Its size.
    pub size: Bytes,
}

/// The Ready condition of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeReady {
    /// True, False or Unknown.
    pub status: ConditionStatus,
    /// Since when.
    pub since: SimTime,
}

/// The status of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// Nobody knows.
    Unknown,
}

impl ConditionStatus {
    /// The text in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }

    /// True or False.
    pub const fn from_bool(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

/// The topology key of the zone.
pub const LABEL_ZONE: &str = "topology.kubernetes.io/zone";
/// The topology key of the region.
pub const LABEL_REGION: &str = "topology.kubernetes.io/region";
/// The label that holds a node's own name.
pub const LABEL_HOSTNAME: &str = "kubernetes.io/hostname";
