//! DaemonSets: spec and status of `apps/v1 DaemonSet`.

use crate::engine::SimDuration;
use crate::model::amount::CountOrPercent;
use crate::model::meta::LabelSelector;
use crate::model::object::Object;
use crate::model::pod::PodTemplate;
use crate::model::revision::Revision;

/// A DaemonSet.
pub type DaemonSet = Object<DaemonSetSpec, DaemonSetStatus>;

/// What a DaemonSet is given to do, after defaulting.
#[derive(Debug, Clone, PartialEq)]
pub struct DaemonSetSpec {
    /// Which pods are its own.
    pub selector: LabelSelector,
    /// What its pods are made of.
    pub template: PodTemplate,
    /// How a new template replaces the old one.
    pub update_strategy: DaemonSetUpdate,
    /// How long a pod must be ready to count as available.
    pub min_ready: SimDuration,
    /// How many old revisions are kept.
    pub revision_history_limit: Option<u32>,
}

/// How a new template replaces the old one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DaemonSetUpdate {
    /// When somebody deletes the old pod.
    OnDelete,
    /// Node by node; both percentages are rounded up.
    RollingUpdate {
        /// On how many nodes the old pod may stay until the new one is available.
        max_surge: CountOrPercent,
        /// On how many nodes no pod may be available.
        max_unavailable: CountOrPercent,
    },
}

/// What came of a DaemonSet.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DaemonSetStatus {
    /// The nodes that should have a pod.
    pub desired_number_scheduled: u32,
    /// Those of them that have one.
    pub current_number_scheduled: u32,
    /// The nodes that have one and should not.
    pub number_misscheduled: u32,
    /// The nodes with a ready pod.
    pub number_ready: u32,
    /// The nodes with a pod of the present template.
    pub updated_number_scheduled: u32,
    /// The nodes with a pod that has been ready for long enough.
    pub number_available: u32,
    /// The nodes that should have such a pod and have none.
    pub number_unavailable: u32,
    /// The generation of the spec that this status is about.
    pub observed_generation: u64,
    /// How often a hash of a template was taken by another one.
    pub collision_count: Option<u32>,
    /// The present and past templates, by number.
    pub revisions: Vec<Revision>,
}
