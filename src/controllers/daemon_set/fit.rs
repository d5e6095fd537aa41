//! Which nodes a DaemonSet wants a pod on.
//!
//! Source: Kubernetes 1.28, pkg/controller/daemon/daemon_controller.go, NodeShouldRunDaemonPod.

use crate::model::daemon_set::DaemonSetSpec;
use crate::model::meta::{Labels, Name};
use crate::model::scheduling::{Placement, Taint, TaintEffect};

/// How a node and the pods of a set go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// The node is to have a pod.
    Runs,
    /// The node gets no pod; one that it has may stay.
    Stays,
    /// The node must have none.
    Leaves,
}

/// How a node of this name, with these labels and taints, and the pods of a set go together.
pub fn fit(spec: &DaemonSetSpec, name: &Name, labels: &Labels, taints: &[Taint]) -> Fit {
    let pod = &spec.template.spec;
    let is_named = pod.node_name.as_ref().is_none_or(|wanted| wanted == name);
    if !is_named || !suits(&pod.placement, name, labels) {
        return Fit::Leaves;
    }
    let is_borne = |taint: &Taint| pod.placement.tolerations.iter().any(|it| it.tolerates(taint));
    let repels = |effect| taints.iter().any(|taint| taint.effect == effect && !is_borne(taint));
    if repels(TaintEffect::NoExecute) {
        Fit::Leaves
    } else if repels(TaintEffect::NoSchedule) {
        Fit::Stays
    } else {
        Fit::Runs
    }
}

/// Whether a node meets selector and required affinity.
fn suits(placement: &Placement, name: &Name, labels: &Labels) -> bool {
    placement.node_selector.iter().all(|(key, value)| labels.get(key) == Some(value))
        && placement
            .required_nodes
            .as_ref()
            .is_none_or(|terms| terms.iter().any(|term| term.matches(labels, name)))
}
