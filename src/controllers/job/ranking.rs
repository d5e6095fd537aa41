//! The order in which surplus pods are deleted.

use std::cmp::Reverse;

use crate::engine::SimTime;
use crate::model::pod::Pod;
use crate::model::pod_status::Phase;
use crate::model::resources::InitKind;

/// Where a pod stands among those that may be deleted: the smallest goes first.
pub type VictimRank =
    (bool, u8, bool, Reverse<Option<SimTime>>, Reverse<u32>, Reverse<u32>, Reverse<SimTime>);

/// The rank of a pod: without a node before with one, Pending before Running, not ready before ready, ready for a
/// shorter time first, more restarts first, younger first.
///
/// Upstream leaves the order of equals open. Here they are taken in order of creation, by a stable sort.
/// Source: Kubernetes 1.28, pkg/controller/controller_utils.go, ActivePods.Less; sidecars since 1.29.
pub fn victim_rank(pod: &Pod) -> VictimRank {
    let ready = pod.status.conditions.ready.as_ref().filter(|_| pod.status.conditions.is_ready());
    (
        pod.node.is_some(),
        phase_rank(pod.status.phase),
        ready.is_some(),
        Reverse(ready.map(|ready| ready.since.truncated_to_secs())),
        Reverse(pod.max_restarts()),
        Reverse(max_sidecar_restarts(pod)),
        Reverse(pod.meta.created.truncated_to_secs()),
    )
}

const fn phase_rank(phase: Phase) -> u8 {
    match phase {
        Phase::Pending => 0,
        Phase::Running => 2,
        // The phases that active pods do not have rank as upstream's missing table entry does.
        Phase::Succeeded | Phase::Failed => 0,
    }
}

fn max_sidecar_restarts(pod: &Pod) -> u32 {
    let init = pod.spec.init_containers.iter().zip(&pod.status.init_containers);
    let sidecars = init.filter(|(container, _)| container.init_kind == InitKind::Sidecar);
    sidecars.map(|(_, status)| status.restart_count).max().unwrap_or(0)
}
