//! What a pod says about the nodes it may run on: selectors, affinity, tolerations; and taints.

use crate::engine::SimDuration;
use crate::model::meta::{LabelRequirement, LabelSelector, Labels, Name};

/// A mark on a node that repels pods without a matching toleration.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Taint {
    /// The key.
    pub key: Name,
    /// The value; empty where none is given.
    pub value: Name,
    /// What happens to pods that do not tolerate it.
    pub effect: TaintEffect,
}

/// What a taint does to pods that do not tolerate it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TaintEffect {
    /// New pods are not placed here.
    NoSchedule,
    /// New pods are placed here last.
    PreferNoSchedule,
    /// New pods are not placed here, running pods are evicted.
    NoExecute,
}

/// The readiness of a pod to bear a taint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toleration {
    /// The key; `None` matches every key (operator Exists only).
    pub key: Option<Name>,
    /// The value to equal; `None` is operator Exists.
    pub value: Option<Name>,
    /// The effect; `None` matches every effect.
    pub effect: Option<TaintEffect>,
    /// How long a NoExecute taint is borne; `None` is for ever.
    pub seconds: Option<SimDuration>,
}

impl Toleration {
    /// Whether this toleration bears the taint, however long.
    /// Source: Kubernetes 1.28, core/v1/toleration.go, ToleratesTaint.
    pub fn tolerates(&self, taint: &Taint) -> bool {
        self.effect.is_none_or(|effect| effect == taint.effect)
            && self.key.as_ref().is_none_or(|key| *key == taint.key)
            && self.value.as_ref().is_none_or(|value| *value == taint.value)
    }
}

/// One term of a node selector: all expressions and fields must hold. An empty term matches nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NodeSelectorTerm {
    /// Requirements on the node's labels.
    pub expressions: Vec<LabelRequirement>,
    /// Requirements on fields; the only one known is `metadata.name`.
    pub fields: Vec<LabelRequirement>,
}

impl NodeSelectorTerm {
    /// Whether a node with these labels and this name satisfies the term.
    pub fn matches(&self, labels: &Labels, name: &Name) -> bool {
        !(self.expressions.is_empty() && self.fields.is_empty())
            && self.expressions.iter().all(|expression| expression.is_met(labels.get(&expression.key)))
            && self.fields.iter().all(|field| field.is_met(Some(name)))
    }
}

/// A preference for nodes that match a term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreferredNodeTerm {
    /// 1 to 100.
    pub weight: i64,
    /// The term.
    pub term: NodeSelectorTerm,
}

/// Everything in a pod's spec that chooses nodes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Placement {
    /// `nodeSelector`: all pairs must stand in the node's labels.
    pub node_selector: Labels,
    /// Required node affinity: any of the terms; `None` where there is none.
    pub required_nodes: Option<Vec<NodeSelectorTerm>>,
    /// Preferred node affinity.
    pub preferred_nodes: Vec<PreferredNodeTerm>,
    /// Tolerations.
    pub tolerations: Vec<Toleration>,
    /// `topologySpreadConstraints`: how the pods of a group are spread over domains.
    pub spread: Vec<TopologySpreadConstraint>,
    /// `podAffinity` and `podAntiAffinity`.
    pub pod_affinity: PodAffinity,
}

/// How evenly the pods that a selector matches are to be spread over the domains of a topology key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TopologySpreadConstraint {
    /// By how much a domain may exceed the emptiest one.
    pub max_skew: i32,
    /// The node label whose values are the domains.
    pub topology_key: Name,
    /// Whether the constraint forbids nodes or only ranks them.
    pub when_unsatisfiable: WhenUnsatisfiable,
    /// The pods that are counted; `None` counts none.
    pub selector: Option<LabelSelector>,
    /// With fewer domains than this the emptiest one counts as empty.
    pub min_domains: Option<i32>,
    /// Whether nodes that the pod's node affinity refuses are left out of the count.
    pub node_affinity_policy: NodeInclusion,
    /// Whether nodes whose taints the pod does not tolerate are left out of the count.
    pub node_taints_policy: NodeInclusion,
    /// Labels whose values on the pod are added to the selector.
    pub match_label_keys: Vec<Name>,
}

/// What a spread constraint does to nodes that would violate it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WhenUnsatisfiable {
    /// They are refused.
    DoNotSchedule,
    /// They score less.
    ScheduleAnyway,
}

/// Whether a property of a node decides that its pods are counted for a spread constraint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NodeInclusion {
    /// It does.
    Honor,
    /// It does not.
    Ignore,
}

/// Which pods a pod wants to be near to, and which not.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct PodAffinity {
    /// Near to these.
    pub required: Vec<PodAffinityTerm>,
    /// Rather near to these.
    pub preferred: Vec<WeightedPodAffinityTerm>,
    /// Not near to these.
    pub anti_required: Vec<PodAffinityTerm>,
    /// Rather not near to these.
    pub anti_preferred: Vec<WeightedPodAffinityTerm>,
}

impl PodAffinity {
    /// Whether nothing is wanted.
    pub fn is_empty(&self) -> bool {
        self.required.is_empty()
            && self.preferred.is_empty()
            && self.anti_required.is_empty()
            && self.anti_preferred.is_empty()
    }
}

/// Some pods, and what counts as near to them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PodAffinityTerm {
    /// The pods; `None` selects none.
    pub selector: Option<LabelSelector>,
    /// The node label whose equal values make nodes near to each other.
    pub topology_key: Name,
    /// The namespaces of the pods.
    pub namespaces: Vec<Name>,
    /// More namespaces, by their labels. Where neither is given, the pod's own namespace counts.
    pub namespace_selector: Option<LabelSelector>,
    /// Labels whose values on the pod are added to the selector.
    pub match_label_keys: Vec<Name>,
    /// Labels whose values on the pod are excluded by the selector.
    pub mismatch_label_keys: Vec<Name>,
}

/// A term that counts so much.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WeightedPodAffinityTerm {
    /// 1 to 100.
    pub weight: i64,
    /// The term.
    pub term: PodAffinityTerm,
}

impl Placement {
    /// Whether selector and required affinity accept a node.
    /// Source: Kubernetes 1.28, component-helpers/scheduling/corev1/nodeaffinity, RequiredNodeAffinity.Match.
    pub fn accepts_node(&self, labels: &Labels, name: &Name) -> bool {
        self.node_selector.iter().all(|(key, value)| labels.get(key) == Some(value))
            && self
                .required_nodes
                .as_ref()
                .is_none_or(|terms| terms.iter().any(|term| term.matches(labels, name)))
    }

    /// Whether the taint is tolerated.
    pub fn tolerates(&self, taint: &Taint) -> bool {
        self.tolerations.iter().any(|toleration| toleration.tolerates(taint))
    }
}
