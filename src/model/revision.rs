//! Revisions of a pod template: what `apps/v1 ControllerRevision` holds.
//!
//! Deviation: revisions are a part of the status of their set, not objects of their own.

use crate::model::meta::Name;
use crate::model::pod::PodTemplate;

/// A template that a StatefulSet or DaemonSet has, or had.
#[derive(Debug, Clone, PartialEq)]
pub struct Revision {
    /// The name: that of the set and the hash.
    pub name: Name,
    /// The hash of the template.
    pub hash: Name,
    /// Counts the changes of the template; going back to an old template gives it a new number.
    pub number: u64,
    /// The template.
    pub template: PodTemplate,
}

/// The label of a pod that says of which revision it is.
/// Source: apps/v1, ControllerRevisionHashLabelKey.
pub const LABEL_REVISION: &str = "controller-revision-hash";
