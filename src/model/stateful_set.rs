//! StatefulSets: spec and status of `apps/v1 StatefulSet`.

use crate::engine::SimDuration;
use crate::model::meta::{LabelSelector, Name};
use crate::model::object::Object;
use crate::model::pod::PodTemplate;
use crate::model::revision::Revision;

/// A StatefulSet.
pub type StatefulSet = Object<StatefulSetSpec, StatefulSetStatus>;

/// What a StatefulSet is given to do, after defaulting.
#[derive(Debug, Clone, PartialEq)]
pub struct StatefulSetSpec {
    /// The pods wanted.
    pub replicas: u32,
    /// The ordinal of the first.
    pub start_ordinal: u32,
    /// Which pods are its own.
    pub selector: LabelSelector,
    /// What its pods are made of.
    pub template: PodTemplate,
    /// The headless Service that gives the pods their names.
    pub service_name: Name,
    /// One by one, or all at once.
    pub pod_management: PodManagementPolicy,
    /// How a new template replaces the old one.
    pub update_strategy: StatefulSetUpdate,
    /// How long a pod must be ready to count as available.
    pub min_ready: SimDuration,
    /// How many old revisions are kept.
    pub revision_history_limit: Option<u32>,
}

/// Whether the pods of a StatefulSet come one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PodManagementPolicy {
    /// One by one, each when those before it are ready.
    #[default]
    OrderedReady,
    /// All at once.
    Parallel,
}

/// How a new template replaces the old one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatefulSetUpdate {
    /// When somebody deletes the old pod.
    OnDelete,
    /// From the highest ordinal down.
    RollingUpdate {
        /// Pods with lower ordinals, counted from the first, keep the old template; `None` where nothing is said.
        partition: Option<u32>,
    },
}

/// What came of a StatefulSet.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StatefulSetStatus {
    /// Its pods.
    pub replicas: u32,
    /// Those that are ready.
    pub ready_replicas: u32,
    /// Those of the current revision.
    pub current_replicas: u32,
    /// Those of the update revision.
    pub updated_replicas: u32,
    /// Those that have been ready for long enough.
    pub available_replicas: u32,
    /// The revision that the update starts from.
    pub current_revision: Name,
    /// The revision that the update leads to.
    pub update_revision: Name,
    /// The generation of the spec that this status is about.
    pub observed_generation: u64,
    /// How often a hash of a template was taken by another one.
    pub collision_count: Option<u32>,
    /// The present and past templates, by number.
    pub revisions: Vec<Revision>,
}
