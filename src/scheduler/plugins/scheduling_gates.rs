//! SchedulingGates: a pod with gates is held out of the active queue until the last gate is gone.

use crate::model::pod::Pod;

/// Why the pod is not let into the active queue, in upstream's words; `None` where it is.
/// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/schedulinggates, PreEnqueue.
pub fn pre_enqueue(pod: &Pod) -> Option<String> {
    let gates = &pod.spec.scheduling_gates;
    (!gates.is_empty()).then(|| format!("waiting for scheduling gates: [{}]", gates.join(" ")))
}
