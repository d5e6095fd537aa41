//! NodeUnschedulable: no pod goes to a cordoned node unless it tolerates the taint of the cordon.

use crate::model::scheduling::{Placement, Taint, TaintEffect};
use crate::scheduler::framework::{Code, CycleContext, Filter, PreFilter, Reason};
use crate::scheduler::snapshot::{Row, Snapshot};

/// The key of the taint that stands for a cordon.
const TAINT_KEY: &str = "node.kubernetes.io/unschedulable";

#[derive(Debug)]
struct NodeUnschedulable;

/// Whether the pod bears a cordon, the taint being there or not.
/// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/nodeunschedulable, Filter.
pub fn tolerates_cordon(placement: &Placement) -> bool {
    let taint = Taint { key: TAINT_KEY.into(), value: "".into(), effect: TaintEffect::NoSchedule };
    placement.tolerates(&taint)
}

/// Looks whether any node is cordoned and the pod minds.
pub fn pre_filter(cx: &CycleContext<'_>, snapshot: &mut Snapshot) -> PreFilter {
    if snapshot.n_cordoned == 0 || tolerates_cordon(&cx.pod.spec.placement) {
        PreFilter::Skip
    } else {
        PreFilter::Filter(Box::new(NodeUnschedulable))
    }
}

impl Filter for NodeUnschedulable {
    fn filter(&self, snapshot: &Snapshot, row: Row) -> Result<(), Code> {
        if snapshot.is_cordoned[row.index()] { Err(Code::UnschedulableAndUnresolvable) } else { Ok(()) }
    }

    fn explain(&self, _: &Snapshot, _: Row, reasons: &mut Vec<Reason>) {
        reasons.push(Reason::Unschedulable);
    }
}
