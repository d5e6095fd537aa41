//! Which events could help which waiting pods.
//!
//! Each plugin registers for the events that may turn its refusal into acceptance. Versions with hint functions
//! ask the plugin besides whether this event could help this pod; earlier versions look first whether the pod would
//! pass a few checks on the node that changed.

use crate::cluster::{Cluster, NodeUsage};
use crate::event::{DeletedPod, NodeChange, PodChange};
use crate::model::meta::Labels;
use crate::model::node::Node;
use crate::model::pod::{HostPort, Pod};
use crate::model::profile::{Feature, Profile};
use crate::model::scheduling::{PodAffinityTerm, TaintEffect, TopologySpreadConstraint, WhenUnsatisfiable};
use crate::scheduler::framework::{Plugin, PluginSet};
use crate::scheduler::listers::Listers;
use crate::scheduler::plugins::inter_pod_affinity::{self, Party};
use crate::scheduler::plugins::{
    node_ports, node_resources_fit, node_unschedulable, pod_topology_spread, taint_toleration,
};

/// Something that happened and could help a waiting pod.
#[derive(Debug, Clone, Copy)]
pub enum ClusterEvent<'a> {
    /// A pod was bound.
    PodAssigned(&'a Pod),
    /// A bound pod changed; its spec or labels only where the change is given.
    AssignedPodChanged(&'a Pod, Option<&'a PodChange>),
    /// A bound pod is gone or has ended.
    AssignedPodGone(GonePod<'a>),
    /// A node joined.
    NodeAdded(&'a Node, &'a NodeUsage),
    /// A node changed.
    NodeChanged(NodeUpdate<'a>),
    /// A node is gone.
    NodeGone,
}

/// What hints look at of a node that changed.
#[derive(Debug, Clone, Copy)]
pub struct NodeUpdate<'a> {
    /// The respect in which it changed.
    pub aspect: NodeAspect,
    /// The node as it is now.
    pub node: &'a Node,
    /// What its pods use.
    pub usage: &'a NodeUsage,
    /// What it was before; `None` where only a condition changed.
    pub change: Option<&'a NodeChange>,
}

/// What hints look at of a pod that is gone.
#[derive(Debug, Clone, Copy)]
pub struct GonePod<'a> {
    party: Party<'a>,
    host_ports: &'a [HostPort],
    anti_affinity: &'a [PodAffinityTerm],
}

impl<'a> From<&'a DeletedPod> for GonePod<'a> {
    fn from(pod: &'a DeletedPod) -> Self {
        Self {
            party: Party { namespace: &pod.namespace, labels: &pod.labels },
            host_ports: &pod.spec.derived.host_ports,
            anti_affinity: &pod.spec.placement.pod_affinity.anti_required,
        }
    }
}

impl<'a> From<&'a Pod> for GonePod<'a> {
    fn from(pod: &'a Pod) -> Self {
        Self {
            party: Party::of(pod),
            host_ports: &pod.spec.derived.host_ports,
            anti_affinity: &pod.spec.placement.pod_affinity.anti_required,
        }
    }
}

/// A respect in which a node can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NodeAspect {
    /// It became schedulable.
    Uncordoned,
    /// What it offers.
    Allocatable,
    /// Its labels.
    Labels,
    /// Its taints.
    Taints,
    /// The status of a condition.
    Condition,
}

/// The respects in which a node changed, in the order in which upstream looks at them.
/// Source: Kubernetes 1.28, pkg/scheduler/eventhandlers.go, nodeSchedulingPropertiesChange.
pub fn aspects(change: &NodeChange) -> impl Iterator<Item = NodeAspect> + use<> {
    let all = [
        (change.is_uncordoned, NodeAspect::Uncordoned),
        (change.has_other_allocatable, NodeAspect::Allocatable),
        (change.has_other_labels, NodeAspect::Labels),
        (change.has_other_taints, NodeAspect::Taints),
    ];
    all.into_iter().filter(|(holds, _)| *holds).map(|(_, aspect)| aspect)
}

/// The kind of an event, as plugins register for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventKind {
    /// A pod was bound.
    AssignedPodAdd,
    /// A bound pod changed.
    AssignedPodUpdate,
    /// A bound pod is gone or has ended.
    AssignedPodDelete,
    /// A node joined.
    NodeAdd,
    /// A node changed.
    NodeUpdate(NodeAspect),
    /// A node is gone. Registered for, but never sent without hint functions.
    NodeDelete,
}

impl ClusterEvent<'_> {
    /// The kind of the event.
    pub const fn kind(&self) -> EventKind {
        match self {
            Self::PodAssigned(_) => EventKind::AssignedPodAdd,
            Self::AssignedPodChanged(..) => EventKind::AssignedPodUpdate,
            Self::AssignedPodGone(_) => EventKind::AssignedPodDelete,
            Self::NodeAdded(..) => EventKind::NodeAdd,
            Self::NodeChanged(update) => EventKind::NodeUpdate(update.aspect),
            Self::NodeGone => EventKind::NodeDelete,
        }
    }
}

/// Whether a pod that the plugin refused waits for events of a kind, in versions without hint functions.
/// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins, the plugins' EventsToRegister.
pub const fn is_registered(plugin: Plugin, kind: EventKind) -> bool {
    use EventKind::{AssignedPodAdd, AssignedPodDelete, AssignedPodUpdate, NodeAdd, NodeDelete, NodeUpdate};
    match plugin {
        Plugin::NodeName | Plugin::NodeAffinity | Plugin::TaintToleration => {
            matches!(kind, NodeAdd | NodeUpdate(_))
        }
        Plugin::NodePorts | Plugin::NodeResourcesFit => {
            matches!(kind, AssignedPodDelete | NodeAdd | NodeUpdate(_))
        }
        Plugin::NodeUnschedulable => {
            matches!(kind, NodeAdd | NodeUpdate(NodeAspect::Uncordoned | NodeAspect::Taints))
        }
        Plugin::InterPodAffinity => matches!(
            kind,
            AssignedPodAdd | AssignedPodUpdate | AssignedPodDelete | NodeAdd | NodeUpdate(NodeAspect::Labels)
        ),
        Plugin::PodTopologySpread => matches!(
            kind,
            AssignedPodAdd
                | AssignedPodUpdate
                | AssignedPodDelete
                | NodeAdd
                | NodeUpdate(NodeAspect::Labels)
                | NodeDelete
        ),
        Plugin::SchedulingGates => matches!(kind, AssignedPodUpdate),
        Plugin::PrioritySort
        | Plugin::DefaultPreemption
        | Plugin::NodeResourcesBalancedAllocation
        | Plugin::ImageLocality => true,
    }
}

/// What waiting pods are looked at with.
#[derive(Debug, Clone, Copy)]
pub struct Judge<'a> {
    /// The behaviour of the Kubernetes version.
    pub profile: &'a Profile,
    /// The cluster.
    pub cluster: &'a Cluster,
    /// Namespaces, budgets and selectors.
    pub listers: &'a Listers,
}

impl Judge<'_> {
    /// Whether each plugin is asked about each event.
    pub fn has_hints(&self) -> bool {
        self.profile.has(Feature::SchedulerQueueingHints) && self.profile.has(Feature::SchedulerHintFunctions)
    }

    /// Whether an event could help a pod that these plugins refused. Without any, every event could.
    pub fn could_help(&self, pod: &Pod, rejectors: PluginSet, event: &ClusterEvent<'_>) -> bool {
        let kind = event.kind();
        if self.has_hints() {
            self.is_preselected(pod, kind)
                && (rejectors.is_empty() || rejectors.iter().any(|plugin| self.hint(plugin, pod, event)))
        } else {
            self.passes_pre_check(pod, event)
                && (rejectors.is_empty() || rejectors.iter().any(|plugin| is_registered(plugin, kind)))
        }
    }

    /// Whether a change of a waiting pod itself could help it.
    /// Source: Kubernetes 1.28 and 1.34, pkg/scheduler/*/queue/scheduling_queue.go, Update.
    pub fn own_change_could_help(&self, pod: &Pod, rejectors: PluginSet, change: &PodChange) -> bool {
        if !self.has_hints() || rejectors.is_empty() {
            return true;
        }
        rejectors.iter().any(|plugin| match plugin {
            Plugin::NodeUnschedulable => {
                change.has_other_tolerations && node_unschedulable::tolerates_cordon(&pod.spec.placement)
            }
            Plugin::TaintToleration => change.has_other_tolerations,
            Plugin::NodeResourcesFit => change.requests_less,
            Plugin::PodTopologySpread | Plugin::InterPodAffinity => change.has_other_labels,
            Plugin::SchedulingGates => change.is_ungated,
            Plugin::NodeName
            | Plugin::NodeAffinity
            | Plugin::NodePorts
            | Plugin::PrioritySort
            | Plugin::DefaultPreemption
            | Plugin::NodeResourcesBalancedAllocation
            | Plugin::ImageLocality => false,
        })
    }

    /// Bound pods that come or change help only pods that look at other pods.
    /// Source: Kubernetes 1.34, pkg/scheduler/backend/queue, getUnschedulablePodsWithCrossTopologyTerm.
    fn is_preselected(&self, pod: &Pod, kind: EventKind) -> bool {
        let placement = &pod.spec.placement;
        !matches!(kind, EventKind::AssignedPodAdd | EventKind::AssignedPodUpdate)
            || !placement.pod_affinity.required.is_empty()
            || !placement.spread.is_empty()
    }

    /// Source: Kubernetes 1.28, pkg/scheduler/eventhandlers.go, preCheckForNode; and internal/queue,
    /// getUnschedulablePodsWithMatchingAffinityTerm.
    fn passes_pre_check(&self, pod: &Pod, event: &ClusterEvent<'_>) -> bool {
        match event {
            ClusterEvent::PodAssigned(other) | ClusterEvent::AssignedPodChanged(other, _) => {
                let mut terms = pod.spec.placement.pod_affinity.required.iter();
                terms.any(|term| self.selects(term, Party::of(pod), Party::of(other)))
            }
            ClusterEvent::AssignedPodGone(_) => true,
            ClusterEvent::NodeAdded(node, usage) => would_pass(pod, node, usage),
            ClusterEvent::NodeChanged(update) => would_pass(pod, update.node, update.usage),
            ClusterEvent::NodeGone => false,
        }
    }

    /// What a plugin says of an event.
    /// Source: Kubernetes 1.34, pkg/scheduler/framework/plugins, the plugins' hint functions.
    fn hint(&self, plugin: Plugin, pod: &Pod, event: &ClusterEvent<'_>) -> bool {
        const TAINTS: &[NodeAspect] = &[NodeAspect::Uncordoned, NodeAspect::Taints];
        match plugin {
            Plugin::NodeUnschedulable => node_hint(event, TAINTS, |node, _| !node.spec.unschedulable),
            Plugin::NodeName => matches!(event, ClusterEvent::NodeAdded(..)),
            Plugin::TaintToleration => node_hint(event, TAINTS, |node, change| {
                let forbids =
                    |taints| taint_toleration::first_untolerated(&pod.spec.placement, taints).is_some();
                change.is_none_or(|change| forbids(&change.before.spec.taints)) && !forbids(&node.spec.taints)
            }),
            Plugin::NodeAffinity => node_hint(event, &[NodeAspect::Labels], |node, change| {
                let accepts = |labels: &Labels| pod.spec.placement.accepts_node(labels, &node.meta.name);
                accepts(&node.meta.labels) && !change.is_some_and(|change| accepts(&change.before.labels))
            }),
            Plugin::NodePorts => match event {
                ClusterEvent::AssignedPodGone(gone) => {
                    !node_ports::are_free(&pod.spec.derived.host_ports, gone.host_ports)
                }
                _ => matches!(event, ClusterEvent::NodeAdded(..)),
            },
            Plugin::NodeResourcesFit => match event {
                ClusterEvent::AssignedPodGone(_) => true,
                ClusterEvent::AssignedPodChanged(_, change) => {
                    change.is_some_and(|change| change.requests_less)
                }
                _ => node_hint(event, &[NodeAspect::Allocatable], |node, change| {
                    node_resources_fit::could_fit_after(pod, node, change)
                }),
            },
            Plugin::PodTopologySpread => spread_hint(pod, event, self.profile),
            Plugin::InterPodAffinity => self.affinity_hint(pod, event),
            Plugin::SchedulingGates
            | Plugin::PrioritySort
            | Plugin::DefaultPreemption
            | Plugin::NodeResourcesBalancedAllocation
            | Plugin::ImageLocality => false,
        }
    }

    /// Source: Kubernetes 1.34, pkg/scheduler/framework/plugins/interpodaffinity/plugin.go,
    /// isSchedulableAfterPodChange and isSchedulableAfterNodeChange.
    fn affinity_hint(&self, pod: &Pod, event: &ClusterEvent<'_>) -> bool {
        let (itself, wanted) = (Party::of(pod), &pod.spec.placement.pod_affinity);
        let is_near = |other: Party<'_>| {
            !wanted.required.is_empty()
                && wanted.required.iter().all(|term| self.selects(term, itself, other))
        };
        let is_far = |other| !wanted.anti_required.iter().any(|term| self.selects(term, itself, other));
        match event {
            ClusterEvent::PodAssigned(other) => is_near(Party::of(other)),
            ClusterEvent::AssignedPodChanged(other, change) => change.is_some_and(|change| {
                let (now, before) =
                    (Party::of(other), Party { labels: &change.old_labels, ..Party::of(other) });
                !is_near(before) && is_near(now) || !is_far(before) && is_far(now)
            }),
            ClusterEvent::AssignedPodGone(gone) => {
                !is_far(gone.party)
                    || gone.anti_affinity.iter().any(|term| self.selects(term, gone.party, itself))
            }
            ClusterEvent::NodeAdded(node, _) => {
                let has_key = |term: &PodAffinityTerm| node.meta.labels.get(&term.topology_key).is_some();
                wanted.required.iter().any(has_key) || !wanted.anti_required.is_empty()
            }
            ClusterEvent::NodeChanged(update) => update.change.is_some_and(|change| {
                let (old, new) = (&change.before.labels, &update.node.meta.labels);
                let differs =
                    |term: &PodAffinityTerm| old.get(&term.topology_key) != new.get(&term.topology_key);
                let has_new = |term: &&PodAffinityTerm| new.get(&term.topology_key).is_some();
                let had_old = |term: &&PodAffinityTerm| old.get(&term.topology_key).is_some();
                update.aspect == NodeAspect::Labels
                    && (wanted.required.iter().filter(has_new).any(differs)
                        || wanted.anti_required.iter().filter(had_old).any(differs))
            }),
            ClusterEvent::NodeGone => false,
        }
    }

    fn selects(&self, term: &PodAffinityTerm, owner: Party<'_>, other: Party<'_>) -> bool {
        inter_pod_affinity::selects(term, owner, other, self.listers)
    }
}

/// Asks about a node that joined or changed in one of the respects.
fn node_hint(
    event: &ClusterEvent<'_>,
    aspects: &[NodeAspect],
    test: impl Fn(&Node, Option<&NodeChange>) -> bool,
) -> bool {
    match event {
        ClusterEvent::NodeAdded(node, _) => test(node, None),
        ClusterEvent::NodeChanged(update) => {
            aspects.contains(&update.aspect) && test(update.node, update.change)
        }
        ClusterEvent::PodAssigned(_)
        | ClusterEvent::AssignedPodChanged(..)
        | ClusterEvent::AssignedPodGone(_)
        | ClusterEvent::NodeGone => false,
    }
}

/// Source: Kubernetes 1.34, pkg/scheduler/framework/plugins/podtopologyspread/plugin.go,
/// isSchedulableAfterPodChange and isSchedulableAfterNodeChange.
fn spread_hint(pod: &Pod, event: &ClusterEvent<'_>, profile: &Profile) -> bool {
    let is_hard = |c: &&TopologySpreadConstraint| c.when_unsatisfiable == WhenUnsatisfiable::DoNotSchedule;
    let hard = || pod.spec.placement.spread.iter().filter(is_hard);
    let counts = |labels: &Labels| {
        let owner = &pod.meta.labels;
        hard().any(|constraint| pod_topology_spread::counts(constraint, owner, labels, profile))
    };
    let is_same_namespace = |other: Party<'_>| other.namespace == &pod.meta.namespace;
    let has_keys = |labels: &Labels| hard().all(|constraint| labels.get(&constraint.topology_key).is_some());
    match event {
        ClusterEvent::PodAssigned(other) => is_same_namespace(Party::of(other)) && counts(&other.meta.labels),
        ClusterEvent::AssignedPodChanged(other, change) => change.is_some_and(|change| {
            is_same_namespace(Party::of(other)) && counts(&change.old_labels) != counts(&other.meta.labels)
        }),
        ClusterEvent::AssignedPodGone(gone) => is_same_namespace(gone.party) && counts(gone.party.labels),
        ClusterEvent::NodeAdded(node, _) => has_keys(&node.meta.labels),
        ClusterEvent::NodeChanged(update) => update.change.is_some_and(|change| {
            let (old, new) = (&change.before.labels, &update.node.meta.labels);
            let differs = || hard().any(|c| old.get(&c.topology_key) != new.get(&c.topology_key));
            match update.aspect {
                NodeAspect::Labels => has_keys(old) != has_keys(new) || has_keys(new) && differs(),
                NodeAspect::Taints | NodeAspect::Uncordoned => true,
                NodeAspect::Allocatable | NodeAspect::Condition => false,
            }
        }),
        ClusterEvent::NodeGone => true,
    }
}

/// Source: Kubernetes 1.28, pkg/scheduler/eventhandlers.go, preCheckForNode and AdmissionCheck.
fn would_pass(pod: &Pod, node: &Node, usage: &NodeUsage) -> bool {
    let placement = &pod.spec.placement;
    let is_forbidden = node
        .spec
        .taints
        .iter()
        .any(|taint| taint.effect == TaintEffect::NoSchedule && !placement.tolerates(taint));
    !is_forbidden
        && node_resources_fit::fits(pod, &node.spec, &usage.requested, usage.pods.len())
        && placement.accepts_node(&node.meta.labels, &node.meta.name)
        && pod.spec.node_name.as_ref().is_none_or(|name| *name == node.meta.name)
        && node_ports::are_free(&pod.spec.derived.host_ports, &usage.host_ports)
}
