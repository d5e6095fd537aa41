//! Which pods belong to a Job: those that it owns and that its selector matches. It adopts matching pods without an
//! owner, and lets go of its own that do not match any more.
//!
//! Source: Kubernetes 1.28, pkg/controller/controller_ref_manager.go, BaseControllerRefManager.ClaimObject.

use crate::controllers::job::birth::CONTROLLER_UID;
use crate::model::ids::{JobId, ObjectId};
use crate::model::job::Job;
use crate::model::meta::ObjectMeta;

/// What a Job does about a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// The pod is its own.
    Own,
    /// It takes the pod, which has no owner.
    Adopt,
    /// The pod is its own and does not match: it lets go of it.
    Release,
    /// The pod is not its business.
    None,
}

/// Whether the selector of a Job, its own or the generated one, matches a pod of its namespace.
/// Source: Kubernetes 1.28, pkg/registry/batch/job/strategy.go, generateSelector.
pub fn selects(job: &Job, pod: &ObjectMeta) -> bool {
    let is_selected = match &job.spec.manual_selector {
        Some(selector) => selector.matches(&pod.labels),
        None => pod.labels.get(CONTROLLER_UID).is_some_and(|uid| **uid == job.meta.uid.to_string()),
    };
    is_selected && job.meta.namespace == pod.namespace
}

/// What a Job does about a pod. A Job being deleted neither takes nor lets go, and nobody takes a pod being deleted.
pub fn claim(id: JobId, job: &Job, pod: &ObjectMeta) -> Claim {
    match &pod.owner {
        Some(owner) if owner.object != ObjectId::Job(id) => Claim::None,
        Some(_) if selects(job, pod) => Claim::Own,
        Some(_) if !job.meta.is_terminating() => Claim::Release,
        None if !job.meta.is_terminating() && !pod.is_terminating() && selects(job, pod) => Claim::Adopt,
        Some(_) | None => Claim::None,
    }
}
