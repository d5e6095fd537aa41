//! The framework that plugins fit into: their names, verdicts, reasons and extension points.
//!
//! As in kube-scheduler a scheduling cycle runs PreFilter, Filter, PostFilter, PreScore, Score and NormalizeScore.
//! What upstream keeps in the cycle state is here the plugin's own value for the cycle: PreFilter and PreScore
//! compile what the pod asks for into a [`Filter`] or a [`Score`] that needs no text, no allocation and no hashing
//! per node, or say that the plugin has nothing to do with the pod.
//! Source: Kubernetes 1.28, pkg/scheduler/framework/interface.go.

use std::fmt;

use crate::cluster::Cluster;
use crate::model::meta::Name;
use crate::model::pod::Pod;
use crate::model::profile::Profile;
use crate::scheduler::config::SchedulerConfig;
use crate::scheduler::listers::Listers;
use crate::scheduler::snapshot::{Row, Snapshot};

/// A plugin of the default profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Plugin {
    /// Holds pods with scheduling gates out of the queue.
    SchedulingGates,
    /// Orders the queue.
    PrioritySort,
    /// Refuses cordoned nodes.
    NodeUnschedulable,
    /// Refuses all nodes but the one that the pod names.
    NodeName,
    /// Refuses tainted nodes, and avoids those with PreferNoSchedule taints.
    TaintToleration,
    /// Refuses nodes by selector and required affinity, and prefers by preferred affinity.
    NodeAffinity,
    /// Refuses nodes whose host ports are taken.
    NodePorts,
    /// Refuses nodes without enough room, and scores by room.
    NodeResourcesFit,
    /// Spreads pods over topology domains.
    PodTopologySpread,
    /// Draws pods to each other or keeps them apart.
    InterPodAffinity,
    /// Makes room by removing pods of lower priority.
    DefaultPreemption,
    /// Prefers nodes whose resources are used evenly.
    NodeResourcesBalancedAllocation,
    /// Prefers nodes that hold the pod's images.
    ImageLocality,
}

impl Plugin {
    /// All plugins.
    pub const ALL: [Self; 13] = [
        Self::SchedulingGates,
        Self::PrioritySort,
        Self::NodeUnschedulable,
        Self::NodeName,
        Self::TaintToleration,
        Self::NodeAffinity,
        Self::NodePorts,
        Self::NodeResourcesFit,
        Self::PodTopologySpread,
        Self::InterPodAffinity,
        Self::DefaultPreemption,
        Self::NodeResourcesBalancedAllocation,
        Self::ImageLocality,
    ];

    /// The upstream name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SchedulingGates => "SchedulingGates",
            Self::PrioritySort => "PrioritySort",
            Self::NodeUnschedulable => "NodeUnschedulable",
            Self::NodeName => "NodeName",
            Self::TaintToleration => "TaintToleration",
            Self::NodeAffinity => "NodeAffinity",
            Self::NodePorts => "NodePorts",
            Self::NodeResourcesFit => "NodeResourcesFit",
            Self::PodTopologySpread => "PodTopologySpread",
            Self::InterPodAffinity => "InterPodAffinity",
            Self::DefaultPreemption => "DefaultPreemption",
            Self::NodeResourcesBalancedAllocation => "NodeResourcesBalancedAllocation",
            Self::ImageLocality => "ImageLocality",
        }
    }
}

/// A set of plugins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PluginSet(u32);

impl PluginSet {
    /// The set without any.
    pub const EMPTY: Self = Self(0);

    /// The set of these.
    pub const fn of(plugins: &[Plugin]) -> Self {
        let mut bits = 0;
        let mut at = 0;
        while at < plugins.len() {
            bits |= 1 << plugins[at] as u32;
            at += 1;
        }
        Self(bits)
    }

    /// Adds a plugin.
    pub const fn insert(&mut self, plugin: Plugin) {
        self.0 |= 1 << plugin as u32;
    }

    /// Whether the plugin is in the set.
    pub const fn contains(self, plugin: Plugin) -> bool {
        self.0 & (1 << plugin as u32) != 0
    }

    /// What is in both sets.
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The plugins, in the order of [`Plugin`].
    pub fn iter(self) -> impl Iterator<Item = Plugin> {
        Plugin::ALL.into_iter().filter(move |plugin| self.contains(*plugin))
    }
}

impl FromIterator<Plugin> for PluginSet {
    fn from_iter<I: IntoIterator<Item = Plugin>>(plugins: I) -> Self {
        plugins.into_iter().fold(Self::EMPTY, |mut set, plugin| {
            set.insert(plugin);
            set
        })
    }
}

/// Whether removing pods could make a refused node acceptable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// It could.
    Unschedulable,
    /// It could not.
    UnschedulableAndUnresolvable,
}

impl Code {
    /// The upstream name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unschedulable => "Unschedulable",
            Self::UnschedulableAndUnresolvable => "UnschedulableAndUnresolvable",
        }
    }
}

/// Why a node was refused, shown in upstream's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It is cordoned.
    Unschedulable,
    /// The pod names another node.
    NodeName,
    /// It has this taint.
    UntoleratedTaint {
        /// The taint's key.
        key: Name,
        /// The taint's value; empty where it has none.
        value: Name,
    },
    /// Selector or required affinity do not match.
    NodeAffinity,
    /// The affinity that the scheduler gives to every pod does not match.
    EnforcedNodeAffinity,
    /// The pod's affinity names different nodes at once.
    NodeAffinityConflict,
    /// A host port is taken.
    NodePorts,
    /// It runs as many pods as it may.
    TooManyPods,
    /// It is short of this resource.
    Insufficient(Name),
    /// The pod has a sidecar, and sidecars are off.
    SidecarsAreOff,
    /// The domain would exceed the allowed skew.
    SpreadSkew,
    /// It lacks a topology key of a spread constraint.
    SpreadMissingLabel,
    /// No pod is near that the pod wants to be near to.
    PodAffinity,
    /// A pod is near that the pod does not want to be near to.
    PodAntiAffinity,
    /// A pod is near that does not want to be near to the pod.
    ExistingPodsAntiAffinity,
    /// These plugins restricted the pod to other nodes.
    OtherNodes(PluginSet),
    /// No pod could be removed to help.
    PreemptionNotHelpful,
    /// No pod of lower priority is there.
    NoPreemptionVictims,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unschedulable => "node(s) were unschedulable",
            Self::NodeName => "node(s) didn't match the requested node name",
            Self::UntoleratedTaint { key, value } => {
                return write!(f, "node(s) had untolerated taint {{{key}: {value}}}");
            }
            Self::NodeAffinity => "node(s) didn't match Pod's node affinity/selector",
            Self::EnforcedNodeAffinity => "node(s) didn't match scheduler-enforced node affinity",
            Self::NodeAffinityConflict => "pod affinity terms conflict",
            Self::NodePorts => "node(s) didn't have free ports for the requested pod ports",
            Self::TooManyPods => "Too many pods",
            Self::Insufficient(resource) => return write!(f, "Insufficient {resource}"),
            Self::SidecarsAreOff => {
                "Pod has a restartable init container and the SidecarContainers feature is disabled"
            }
            Self::SpreadSkew => "node(s) didn't match pod topology spread constraints",
            Self::SpreadMissingLabel => {
                "node(s) didn't match pod topology spread constraints (missing required label)"
            }
            Self::PodAffinity => "node(s) didn't match pod affinity rules",
            Self::PodAntiAffinity => "node(s) didn't match pod anti-affinity rules",
            Self::ExistingPodsAntiAffinity => "node(s) didn't satisfy existing pods anti-affinity rules",
            Self::OtherNodes(plugins) => {
                let mut names: Vec<_> = plugins.iter().map(Plugin::as_str).collect();
                names.sort_unstable();
                return write!(f, "node(s) didn't satisfy plugin(s) [{}]", names.join(" "));
            }
            Self::PreemptionNotHelpful => "Preemption is not helpful for scheduling",
            Self::NoPreemptionVictims => "No preemption victims found for incoming pod",
        })
    }
}

/// What plugins may look at besides the snapshot.
#[derive(Debug, Clone, Copy)]
pub struct CycleContext<'a> {
    /// The cluster; for pods and names.
    pub cluster: &'a Cluster,
    /// The behaviour of the Kubernetes version.
    pub profile: &'a Profile,
    /// The scheduler's settings.
    pub config: &'a SchedulerConfig,
    /// Namespaces, budgets and selectors.
    pub listers: &'a Listers,
    /// The pod to place.
    pub pod: &'a Pod,
}

/// What a plugin's PreFilter says.
pub enum PreFilter {
    /// The plugin accepts every node for this pod.
    Skip,
    /// Each node is to be asked for.
    Filter(Box<dyn Filter>),
    /// Only these nodes can be accepted, and each is to be asked for.
    FilterOnly(Vec<Name>, Box<dyn Filter>),
    /// No node can be accepted.
    Reject(Code, Reason),
}

/// What a filter plugin has compiled of a pod: it accepts or refuses nodes.
pub trait Filter: fmt::Debug {
    /// Whether the pod may run on the node; otherwise whether removing pods could help.
    ///
    /// # Errors
    /// When it may not.
    fn filter(&self, snapshot: &Snapshot, row: Row) -> Result<(), Code>;

    /// Adds the reasons why [`Filter::filter`] refuses the node.
    fn explain(&self, snapshot: &Snapshot, row: Row, reasons: &mut Vec<Reason>);

    /// Adds what exactly is in the way on a node that [`Filter::filter`] refuses, in our own words.
    fn detail(&self, _snapshot: &Snapshot, _row: Row, _details: &mut Vec<String>) {}

    /// Keeps the rows of acceptable nodes and reports the others.
    fn sift(&self, snapshot: &Snapshot, rows: &mut Vec<Row>, refuse: &mut dyn FnMut(Row, Code)) {
        rows.retain(|row| match self.filter(snapshot, *row) {
            Ok(()) => true,
            Err(code) => {
                refuse(*row, code);
                false
            }
        });
    }

    /// Takes a pod into account that is taken to run on the node besides those of the snapshot.
    fn add_pod(&mut self, _cx: &CycleContext<'_>, _snapshot: &mut Snapshot, _row: Row, _pod: &Pod) {}

    /// No longer takes a pod into account that runs on the node.
    fn remove_pod(&mut self, _cx: &CycleContext<'_>, _snapshot: &mut Snapshot, _row: Row, _pod: &Pod) {}
}

/// What a score plugin has compiled of a pod: it ranks the nodes that all filters accept.
pub trait Score: fmt::Debug {
    /// The raw and the normalised score of every node, where all are alike to the plugin and it is known beforehand.
    fn constant(&self) -> Option<ConstantScore> {
        None
    }

    /// Appends the raw score of each node to `scores`.
    fn score(&self, snapshot: &Snapshot, rows: &[Row], scores: &mut Vec<i64>);

    /// Brings raw scores to 0..=100. Plugins without a normalisation give such scores from the beginning.
    fn normalize(&self, _snapshot: &Snapshot, _rows: &[Row], _scores: &mut [i64]) {}
}

/// What a plugin says of every node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConstantScore {
    /// Before normalisation.
    pub raw: i64,
    /// After it.
    pub normalized: i64,
}

/// The highest score that a plugin may give a node.
pub const MAX_NODE_SCORE: i64 = 100;

/// Scales scores so that the highest becomes [`MAX_NODE_SCORE`].
/// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/helper/normalize_score.go, DefaultNormalizeScore.
pub fn scale_to_max(scores: &mut [i64]) {
    let max = scores.iter().copied().max().unwrap_or(0);
    if max > 0 {
        for score in scores {
            *score = MAX_NODE_SCORE * *score / max;
        }
    }
}

/// Scales scores so that the highest becomes 0 and zero becomes [`MAX_NODE_SCORE`].
/// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/helper/normalize_score.go, DefaultNormalizeScore with
/// reverse set.
pub fn scale_reversed(scores: &mut [i64]) {
    scale_to_max(scores);
    for score in scores {
        *score = MAX_NODE_SCORE - *score;
    }
}
