//! What must hold of the kubelets after every event.

use crate::cluster::Cluster;
use crate::kubelet::Kubelet;
use crate::model::ids::PodId;
use crate::model::pod::Pod;

/// An invariant that does not hold: a bug of the simulator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KubeletError {
    /// A process runs though the status of its container does not say so, or the other way round.
    #[error("the status of a container of pod {0} says something else than its process")]
    Status(String),
    /// A pod waits for nothing that will come.
    #[error("the kubelet will never look at pod {0} again")]
    Stuck(String),
}

impl Kubelet {
    /// Checks every invariant by a full scan.
    ///
    /// # Errors
    /// The first that does not hold.
    pub fn check_invariants(&self, cluster: &Cluster) -> Result<(), KubeletError> {
        cluster.pods().iter().try_for_each(|(id, pod)| self.check_pod(id, pod))
    }

    fn check_pod(&self, id: PodId, pod: &Pod) -> Result<(), KubeletError> {
        let Some(worker) = self.workers.get(&id).filter(|worker| !worker.is_finished()) else {
            return Ok(());
        };
        let has_kubelet = self.shared.machines.has_kubelet(worker.node());
        if has_kubelet && !worker.agrees_with(&pod.status) {
            return Err(KubeletError::Status(pod.meta.full_name()));
        }
        if has_kubelet && !worker.will_go_on(&pod.status) {
            return Err(KubeletError::Stuck(pod.meta.full_name()));
        }
        Ok(())
    }
}
