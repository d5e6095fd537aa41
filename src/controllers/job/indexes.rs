//! The indexes of an Indexed Job: which have succeeded or failed, and which failed pods wait for their replacement.
//!
//! Source: Kubernetes 1.28, pkg/controller/job/indexed_job_utils.go.

use std::collections::BTreeMap;

use crate::controllers::job::census::{Census, JobPods, OnFailure, Standing, Tracked, is_active};
use crate::controllers::job::scene::Scene;
use crate::model::job::IndexSet;

/// The indexes that have ended, of an Indexed Job.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Indexes {
    /// Those whose success the status has already.
    pub counted: IndexSet,
    /// Those that have succeeded, the uncounted included.
    pub succeeded: IndexSet,
    /// Those that have failed for good, the uncounted included; with backoffLimitPerIndex only.
    pub failed: Option<IndexSet>,
}

impl Indexes {
    /// What status and pods say of the indexes below `completions`; others are dropped.
    /// Source: indexed_job_utils.go, calculateSucceededIndexes and calculateFailedIndexes.
    pub fn of(scene: &Scene<'_>, census: &Census) -> Self {
        let limit = scene.n_indexes();
        let status = &scene.job.status;
        let counted = status.completed_indexes.below(limit);
        let has_succeeded = |pod: &&Tracked| pod.standing == Standing::Succeeded;
        let succeeded = counted.union(&indexes_below(limit, census.tracked.iter().filter(has_succeeded)));
        let failed = scene.limit_per_index().map(|limit_per_index| {
            let has_failed = |pod: &&Tracked| index_has_failed(pod, limit_per_index);
            let new = indexes_below(limit, census.tracked.iter().filter(has_failed));
            status.failed_indexes.clone().unwrap_or_default().below(limit).union(&new)
        });
        Self { counted, succeeded, failed }
    }
}

fn indexes_below<'a>(limit: u32, pods: impl Iterator<Item = &'a Tracked>) -> IndexSet {
    pods.filter_map(|pod| pod.index_below(limit)).collect()
}

/// Whether the failure of this pod ends its index: by a rule, or because the index has borne enough.
/// Source: indexed_job_utils.go, isIndexFailed.
fn index_has_failed(pod: &Tracked, limit_per_index: u32) -> bool {
    let is_enough = pod.marks.index_failure_count.unwrap_or(0) >= limit_per_index;
    pod.standing == Standing::Failed
        && match pod.on_failure {
            OnFailure::FailsIndex => true,
            OnFailure::Counts => is_enough,
            OnFailure::Ignored => false,
        }
}

/// The failed pods that are to be replaced, by index: they hold the failure count of the index, and so keep their
/// finalizer until another pod holds it.
/// Source: indexed_job_utils.go, getPodsWithDelayedDeletionPerIndex.
pub fn pods_to_replace(
    scene: &Scene<'_>,
    pods: &JobPods<'_>,
    census: &Census,
    indexes: &Indexes,
) -> BTreeMap<u32, Tracked> {
    let active = active_indexes(pods);
    let has_ended = |index: u32| {
        let failed = indexes.failed.as_ref().is_some_and(|failed| failed.contains(index));
        failed || indexes.succeeded.contains(index) || active.contains(index)
    };
    let mut latest: BTreeMap<u32, Tracked> = BTreeMap::new();
    for pod in census.tracked.iter().filter(|pod| pod.standing == Standing::Failed) {
        let index = pod.index_below(scene.n_indexes()).filter(|index| !has_ended(*index));
        let Some(index) = index else { continue };
        let is_later = latest.get(&index).is_none_or(|last| {
            pod.n_failures_before() >= last.n_failures_before() && pod.finished_at >= last.finished_at
        });
        if is_later {
            latest.insert(index, *pod);
        }
    }
    latest
}

/// The indexes of the active pods.
pub fn active_indexes(pods: &JobPods<'_>) -> IndexSet {
    let active = pods.iter().filter(|(_, pod)| is_active(pod));
    active.filter_map(|(_, pod)| pod.job?.completion_index).collect()
}
