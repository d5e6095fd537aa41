//! NodePorts: a pod that needs ports of the node goes only where they are free.

use crate::model::pod::HostPort;
use crate::scheduler::framework::{Code, CycleContext, Filter, PreFilter, Reason};
use crate::scheduler::snapshot::{Row, Snapshot};

#[derive(Debug)]
struct NodePorts {
    wanted: Vec<HostPort>,
}

/// Whether none of the wanted ports is taken.
/// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/nodeports, fitsPorts.
pub fn are_free(wanted: &[HostPort], taken: &[HostPort]) -> bool {
    !wanted.iter().any(|port| taken.iter().any(|other| port.conflicts_with(other)))
}

/// Collects the ports that the pod needs.
pub fn pre_filter(cx: &CycleContext<'_>, _: &mut Snapshot) -> PreFilter {
    let wanted = &cx.pod.spec.derived.host_ports;
    if wanted.is_empty() {
        return PreFilter::Skip;
    }
    PreFilter::Filter(Box::new(NodePorts { wanted: wanted.clone() }))
}

impl Filter for NodePorts {
    fn filter(&self, snapshot: &Snapshot, row: Row) -> Result<(), Code> {
        let taken = &snapshot.host_ports[row.index()];
        if are_free(&self.wanted, taken) { Ok(()) } else { Err(Code::Unschedulable) }
    }

    fn explain(&self, _: &Snapshot, _: Row, reasons: &mut Vec<Reason>) {
        reasons.push(Reason::NodePorts);
    }

    fn detail(&self, snapshot: &Snapshot, row: Row, details: &mut Vec<String>) {
        let taken = &snapshot.host_ports[row.index()];
        let clashes = self.wanted.iter().filter(|port| taken.iter().any(|other| port.conflicts_with(other)));
        details.extend(clashes.map(|port| format!("host port {} is taken", port.port)));
    }
}
