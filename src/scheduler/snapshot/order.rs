//! The order in which nodes are listed: round robin over zones.

use rustc_hash::FxHashMap;

use crate::model::ids::NodeId;
use crate::model::meta::{Labels, Name};
use crate::model::node::{LABEL_REGION, LABEL_ZONE};

/// The zone and region labels of old, which win where they are given.
const LABEL_ZONE_BETA: &str = "failure-domain.beta.kubernetes.io/zone";
const LABEL_REGION_BETA: &str = "failure-domain.beta.kubernetes.io/region";

/// The zones in the order of their first nodes, and the nodes of each in the order of their arrival.
/// Source: Kubernetes 1.28, pkg/scheduler/internal/cache/node_tree.go.
#[derive(Debug, Clone, Default)]
pub struct NodeOrder {
    zones: Vec<Zone>,
    placed: FxHashMap<NodeId, ZoneKey>,
}

#[derive(Debug, Clone)]
struct Zone {
    key: ZoneKey,
    nodes: Vec<NodeId>,
}

/// What makes nodes belong to one zone; those without labels form one of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ZoneKey {
    region: Option<Name>,
    zone: Option<Name>,
}

impl ZoneKey {
    fn of(labels: &Labels) -> Self {
        let find = |old: &str, new: &str| labels.get(old).or_else(|| labels.get(new)).cloned();
        let find = |old, new| find(old, new).filter(|value| !value.is_empty());
        Self { region: find(LABEL_REGION_BETA, LABEL_REGION), zone: find(LABEL_ZONE_BETA, LABEL_ZONE) }
    }
}

impl NodeOrder {
    /// Puts a node at the end of the zone of its labels, unless it stands in that zone; says whether it moved.
    pub fn place(&mut self, node: NodeId, labels: &Labels) -> bool {
        let key = ZoneKey::of(labels);
        if self.placed.get(&node) == Some(&key) {
            return false;
        }
        self.remove(node);
        match self.zones.iter_mut().find(|zone| zone.key == key) {
            Some(zone) => zone.nodes.push(node),
            None => self.zones.push(Zone { key: key.clone(), nodes: vec![node] }),
        }
        self.placed.insert(node, key);
        true
    }

    /// Takes a node out; a zone that is empty then is forgotten.
    pub fn remove(&mut self, node: NodeId) {
        let Some(key) = self.placed.remove(&node) else { return };
        if let Some(zone) = self.zones.iter_mut().find(|zone| zone.key == key) {
            zone.nodes.retain(|other| *other != node);
        }
        self.zones.retain(|zone| !zone.nodes.is_empty());
    }

    /// The first node of each zone, then the second of each, and so on.
    pub fn list(&self) -> Vec<NodeId> {
        let longest = self.zones.iter().map(|zone| zone.nodes.len()).max().unwrap_or(0);
        let round = |at: usize| self.zones.iter().filter_map(move |zone| zone.nodes.get(at).copied());
        (0..longest).flat_map(round).collect()
    }
}
