//! The taints that mirror the state of a node.

use crate::model::node::{
    ConditionStatus, Node, NodeCondition, NodeReadyReason, TAINT_NOT_READY, TAINT_UNREACHABLE,
    TAINT_UNSCHEDULABLE,
};
use crate::model::scheduling::{Taint, TaintEffect};

/// The conditions besides Ready that have a taint, in the order of the API.
const CONDITIONS: [NodeCondition; 4] = [
    NodeCondition::MemoryPressure,
    NodeCondition::DiskPressure,
    NodeCondition::PidPressure,
    NodeCondition::NetworkUnavailable,
];

/// The NoSchedule taints of a node as they have to be: the present ones in their order, new ones at the end. `None`
/// where nothing has to change.
/// Source: Kubernetes 1.28, pkg/controller/nodelifecycle/node_lifecycle_controller.go, doNoScheduleTaintingPass.
pub fn mirrored(node: &Node) -> Option<Vec<Taint>> {
    let ready = match (node.ready.status, node.ready.reason) {
        (_, NodeReadyReason::NotReported) | (ConditionStatus::True, _) => None,
        (ConditionStatus::False, _) => Some(TAINT_NOT_READY),
        (ConditionStatus::Unknown, _) => Some(TAINT_UNREACHABLE),
    };
    let holds = |condition: &NodeCondition| node.condition(*condition) == ConditionStatus::True;
    let conditions = CONDITIONS.into_iter().filter(holds).map(NodeCondition::taint);
    let cordon = node.spec.unschedulable.then_some(TAINT_UNSCHEDULABLE);
    let wanted: Vec<&str> = ready.into_iter().chain(conditions).chain(cordon).collect();
    let is_wanted = |key: &str| wanted.contains(&key);
    let is_foreign = |taint: &Taint| taint.effect != TaintEffect::NoSchedule || !is_mirrored(&taint.key);
    let present = node.spec.taints.iter();
    let mut taints: Vec<Taint> =
        present.filter(|taint| is_foreign(taint) || is_wanted(&taint.key)).cloned().collect();
    for key in wanted {
        add(&mut taints, key, TaintEffect::NoSchedule);
    }
    (taints != node.spec.taints).then_some(taints)
}

/// Whether the NoSchedule taint of this key belongs to the controller.
fn is_mirrored(key: &str) -> bool {
    [TAINT_NOT_READY, TAINT_UNREACHABLE, TAINT_UNSCHEDULABLE].contains(&key)
        || CONDITIONS.iter().any(|condition| condition.taint() == key)
}

/// Adds a taint without a value, unless one of this key and effect is there.
pub fn add(taints: &mut Vec<Taint>, key: &str, effect: TaintEffect) {
    if !has(taints, key, effect) {
        taints.push(Taint { key: key.into(), value: "".into(), effect });
    }
}

/// Takes the taints of a key and effect away.
pub fn remove(taints: &mut Vec<Taint>, key: &str, effect: TaintEffect) {
    taints.retain(|taint| &*taint.key != key || taint.effect != effect);
}

/// Whether there is a taint of this key and effect.
pub fn has(taints: &[Taint], key: &str, effect: TaintEffect) -> bool {
    taints.iter().any(|taint| &*taint.key == key && taint.effect == effect)
}

/// Whether a node has one of the controller's NoExecute taints.
pub fn is_evicting(taints: &[Taint]) -> bool {
    [TAINT_NOT_READY, TAINT_UNREACHABLE].iter().any(|key| has(taints, key, TaintEffect::NoExecute))
}
