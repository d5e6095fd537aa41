//! The status of a DaemonSet, as it follows from its nodes and pods.
//!
//! Source: Kubernetes 1.28, pkg/controller/daemon/daemon_controller.go, updateDaemonSetStatus.

use crate::controllers::daemon_set::fit::Fit;
use crate::controllers::daemon_set::manage::{Place, Present};
use crate::model::daemon_set::DaemonSetStatus;

/// The counts of a status; of the pods of a node the oldest counts.
pub fn counts(present: Present<'_>, places: &[Place<'_>]) -> DaemonSetStatus {
    let mut status = DaemonSetStatus::default();
    for place in places.iter().filter(|place| place.fit.is_some()) {
        let runs = place.fit == Some(Fit::Runs);
        status.desired_number_scheduled += u32::from(runs);
        match place.pods.first() {
            Some((_, pod)) if runs => {
                status.current_number_scheduled += 1;
                status.number_ready += u32::from(pod.status.conditions.is_ready());
                status.number_available += u32::from(present.is_available(pod));
                status.updated_number_scheduled += u32::from(present.is_updated(pod));
            }
            Some(_) => status.number_misscheduled += 1,
            None => {}
        }
    }
    status.number_unavailable = status.desired_number_scheduled - status.number_available;
    status
}
