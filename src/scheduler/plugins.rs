//! The plugins of the default profile, one file each, and the orders in which they run.
//!
//! Volumes are taken as present wherever a pod runs, so the volume plugins have no counterpart: VolumeBinding,
//! VolumeRestrictions, VolumeZone and the attach limits accept every node and score 0.

pub mod default_preemption;
pub mod image_locality;
pub mod inter_pod_affinity;
pub mod node_affinity;
pub mod node_name;
pub mod node_ports;
pub mod node_resources;
pub mod node_resources_balanced_allocation;
pub mod node_resources_fit;
pub mod node_unschedulable;
pub mod pod_topology_spread;
pub mod priority_sort;
pub mod scheduling_gates;
pub mod taint_toleration;

use crate::scheduler::framework::{CycleContext, Plugin, PreFilter, Score};
use crate::scheduler::snapshot::{Row, Snapshot};

/// Compiles what a pod asks for, for the filters.
pub type RunPreFilter = fn(&CycleContext<'_>, &mut Snapshot) -> PreFilter;

/// Compiles what a pod asks for, for the scores; `None` where the plugin ranks all nodes alike. The rows are those of
/// the nodes that all filters accept.
pub type RunPreScore = fn(&CycleContext<'_>, &mut Snapshot, &[Row]) -> Option<Box<dyn Score>>;

/// A plugin at the extension points PreFilter and Filter.
#[derive(Debug, Clone, Copy)]
pub struct FilterPlugin {
    /// Its name.
    pub plugin: Plugin,
    /// Compiles what the pod asks for.
    pub pre_filter: RunPreFilter,
}

/// A plugin at the extension points PreScore, Score and NormalizeScore.
#[derive(Debug, Clone, Copy)]
pub struct ScorePlugin {
    /// Its name.
    pub plugin: Plugin,
    /// The weight of its normalised score in the total.
    pub weight: i64,
    /// Compiles what the pod asks for.
    pub pre_score: RunPreScore,
}

/// The filter plugins in order: a refused node is reported by the first that refuses it.
/// Source: Kubernetes 1.28, pkg/scheduler/apis/config/v1/default_plugins.go.
pub const FILTERS: [FilterPlugin; 8] = [
    FilterPlugin { plugin: Plugin::NodeUnschedulable, pre_filter: node_unschedulable::pre_filter },
    FilterPlugin { plugin: Plugin::NodeName, pre_filter: node_name::pre_filter },
    FilterPlugin { plugin: Plugin::TaintToleration, pre_filter: taint_toleration::pre_filter },
    FilterPlugin { plugin: Plugin::NodeAffinity, pre_filter: node_affinity::pre_filter },
    FilterPlugin { plugin: Plugin::NodePorts, pre_filter: node_ports::pre_filter },
    FilterPlugin { plugin: Plugin::NodeResourcesFit, pre_filter: node_resources_fit::pre_filter },
    FilterPlugin { plugin: Plugin::PodTopologySpread, pre_filter: pod_topology_spread::pre_filter },
    FilterPlugin { plugin: Plugin::InterPodAffinity, pre_filter: inter_pod_affinity::pre_filter },
];

/// The score plugins in order, with their weights.
/// Source: Kubernetes 1.28, pkg/scheduler/apis/config/v1/default_plugins.go.
pub const SCORES: [ScorePlugin; 7] = [
    ScorePlugin { plugin: Plugin::TaintToleration, weight: 3, pre_score: taint_toleration::pre_score },
    ScorePlugin { plugin: Plugin::NodeAffinity, weight: 2, pre_score: node_affinity::pre_score },
    ScorePlugin { plugin: Plugin::NodeResourcesFit, weight: 1, pre_score: node_resources_fit::pre_score },
    ScorePlugin { plugin: Plugin::PodTopologySpread, weight: 2, pre_score: pod_topology_spread::pre_score },
    ScorePlugin { plugin: Plugin::InterPodAffinity, weight: 2, pre_score: inter_pod_affinity::pre_score },
    ScorePlugin {
        plugin: Plugin::NodeResourcesBalancedAllocation,
        weight: 1,
        pre_score: node_resources_balanced_allocation::pre_score,
    },
    ScorePlugin { plugin: Plugin::ImageLocality, weight: 1, pre_score: image_locality::pre_score },
];
