//! NodeName: a pod that names its node goes nowhere else.

use crate::scheduler::framework::{Code, CycleContext, Filter, PreFilter, Reason};
use crate::scheduler::snapshot::{Row, Snapshot};

#[derive(Debug)]
struct NodeName {
    wanted: Option<Row>,
}

/// Finds the node that the pod names.
/// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/nodename, Fits.
pub fn pre_filter(cx: &CycleContext<'_>, snapshot: &mut Snapshot) -> PreFilter {
    match &cx.pod.spec.node_name {
        None => PreFilter::Skip,
        Some(name) => PreFilter::Filter(Box::new(NodeName { wanted: snapshot.find(cx.cluster, name) })),
    }
}

impl Filter for NodeName {
    fn filter(&self, _: &Snapshot, row: Row) -> Result<(), Code> {
        if self.wanted == Some(row) { Ok(()) } else { Err(Code::UnschedulableAndUnresolvable) }
    }

    fn explain(&self, _: &Snapshot, _: Row, reasons: &mut Vec<Reason>) {
        reasons.push(Reason::NodeName);
    }
}
