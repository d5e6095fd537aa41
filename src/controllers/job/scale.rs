//! How many pods a Job wants at one time, and what follows: pods to create, to remove, or a wait.
//!
//! One sync either creates or removes, never both; removing comes first.
//! Source: Kubernetes 1.28, pkg/controller/job/job_controller.go, manageJob.

use std::collections::BTreeMap;

use crate::controllers::job::backoff::{BACKOFF_FIRST, BACKOFF_MAX, BackoffRecord, BackoffSpan, remaining};
use crate::controllers::job::census::{Census, JobPods, Tracked, is_active, is_terminating};
use crate::controllers::job::indexes::{Indexes, active_indexes};
use crate::controllers::job::ranking::victim_rank;
use crate::controllers::job::scene::Scene;
use crate::engine::{SimDuration, SimTime};
use crate::model::ids::PodId;
use crate::model::job::IndexSet;
use crate::model::pod::{JobPod, Pod};

/// The most pods that one sync creates or removes. Source: job_controller.go, MaxPodCreateDeletePerSync.
pub const PODS_PER_SYNC_MAX: u32 = 500;

/// What a sync does with the pods.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// The Job does not manage its pods now: it is being deleted, or has not seen what it did.
    Unmanaged,
    /// There are as many pods as are wanted.
    Keep,
    /// Pods are missing, but have to wait that long.
    Wait(SimDuration),
    /// These pods are created, in this order, with these marks.
    Create(Vec<JobPod>),
    /// These pods are surplus: they lose the finalizer, so that nobody counts them, and are deleted.
    Remove(Vec<Victim>),
    /// The Job has come to its end: these pods are deleted and stay tracked.
    End(Vec<Victim>),
}

/// A pod to delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Victim {
    /// The pod.
    pub pod: PodId,
    /// Whether it is Ready.
    pub is_ready: bool,
}

impl Victim {
    fn of((id, pod): &(PodId, &Pod)) -> Self {
        Self { pod: *id, is_ready: pod.status.conditions.is_ready() }
    }
}

/// What the decision about the number of pods looks at besides the pods themselves.
pub struct Demand<'a> {
    /// The pods by sort.
    pub census: &'a Census,
    /// Pods, or indexes, that succeeded.
    pub succeeded: u32,
    /// The indexes that have ended, of an Indexed Job.
    pub indexes: Option<&'a Indexes>,
    /// The failed pods that wait for their replacement; with backoffLimitPerIndex only.
    pub to_replace: &'a BTreeMap<u32, Tracked>,
    /// The failures so far.
    pub record: BackoffRecord,
}

/// What a Job that goes on does with its pods.
pub fn scale(scene: &Scene<'_>, pods: &JobPods<'_>, demand: &Demand<'_>) -> Action {
    let active = demand.census.active;
    if scene.job.spec.suspend {
        return Action::Remove(active_victims(pods));
    }
    let wanted = wanted(scene, active, demand.succeeded);
    let blocked = if scene.replaces_only_failed() { demand.census.terminating } else { 0 };
    let mut surplus = surplus_pods(scene, pods, surplus(scene, active, blocked, wanted));
    if !surplus.is_empty() {
        surplus.truncate(PODS_PER_SYNC_MAX as usize);
        return Action::Remove(surplus);
    }
    match wanted.saturating_sub(active + blocked) {
        0 => Action::Keep,
        missing => fill(scene, pods, demand, missing),
    }
}

/// How many pods are wanted at this time.
fn wanted(scene: &Scene<'_>, active: u32, succeeded: u32) -> u32 {
    let spec = &scene.job.spec;
    match spec.completions {
        // A work queue that has seen a success runs dry.
        None if succeeded > 0 => active,
        None => spec.parallelism,
        Some(completions) => spec.parallelism.min(completions.saturating_sub(succeeded)),
    }
}

/// How many pods are too many.
///
/// Deviation: where 1.28 would have to remove more pods than are active, its controller crashes. Here the later
/// rule holds then.
fn surplus(scene: &Scene<'_>, active: u32, blocked: u32, wanted: u32) -> u32 {
    let with_blocked = (active + blocked).saturating_sub(wanted);
    if scene.behaviour.counts_terminating_as_surplus && with_blocked <= active {
        with_blocked
    } else {
        active.saturating_sub(wanted)
    }
}

/// All active pods.
pub fn active_victims(pods: &JobPods<'_>) -> Vec<Victim> {
    pods.iter().filter(|(_, pod)| is_active(pod)).map(Victim::of).collect()
}

/// The pods to remove: at least so many, and of an Indexed Job all without a valid index or with one that
/// another pod has.
/// Source: indexed_job_utils.go, activePodsForRemoval.
pub fn surplus_pods(scene: &Scene<'_>, pods: &JobPods<'_>, at_least: u32) -> Vec<Victim> {
    if at_least == 0 && !scene.is_indexed() {
        return Vec::new();
    }
    let active: Vec<_> = pods.iter().copied().filter(|(_, pod)| is_active(pod)).collect();
    let (mut removed, mut left) =
        if scene.is_indexed() { split_by_index(active, scene.n_indexes()) } else { (Vec::new(), active) };
    let more = (at_least as usize).saturating_sub(removed.len());
    if more > 0 {
        left.sort_by_key(|(_, pod)| victim_rank(pod));
        removed.extend(left.iter().take(more).map(Victim::of));
    }
    removed
}

/// The active pods whose index is invalid or taken, and the others: one per index, the last in the order of
/// victims.
/// Source: indexed_job_utils.go, appendDuplicatedIndexPodsForRemoval.
fn split_by_index(mut active: Vec<(PodId, &Pod)>, n_indexes: u32) -> (Vec<Victim>, Vec<(PodId, &Pod)>) {
    let index = |pod: &Pod| pod.job.and_then(|marks| marks.completion_index);
    active.sort_by_key(|(_, pod)| index(pod));
    let (mut removed, mut left) = (Vec::new(), Vec::with_capacity(active.len()));
    for same in active.chunk_by_mut(|(_, a), (_, b)| index(a) == index(b)) {
        let is_valid = index(same[0].1).is_some_and(|index| index < n_indexes);
        if !is_valid {
            removed.extend(same.iter().map(Victim::of));
            continue;
        }
        same.sort_by_key(|(_, pod)| victim_rank(pod));
        let (kept, duplicates) = same.split_last().expect("a chunk has an element");
        removed.extend(duplicates.iter().map(Victim::of));
        left.push(*kept);
    }
    (removed, left)
}

/// Creates missing pods, or waits.
fn fill(scene: &Scene<'_>, pods: &JobPods<'_>, demand: &Demand<'_>, missing: u32) -> Action {
    let is_limited_per_index = scene.limit_per_index().is_some();
    let wait = demand.record.remaining(scene.now);
    if !is_limited_per_index && !wait.is_zero() {
        return Action::Wait(wait);
    }
    let missing = missing.min(PODS_PER_SYNC_MAX);
    let Some(indexes) = demand.indexes else {
        let marks = JobPod { has_finalizer: true, ..JobPod::default() };
        return Action::Create(vec![marks; missing as usize]);
    };
    let pending = pending_indexes(scene, pods, indexes, missing);
    if !is_limited_per_index {
        let marks =
            |index| JobPod { has_finalizer: true, completion_index: Some(index), ..JobPod::default() };
        return Action::Create(pending.into_iter().map(marks).collect());
    }
    let ready = ready_indexes(&pending, demand.to_replace, scene.now);
    match ready {
        ReadyIndexes::NoneFor(wait) => Action::Wait(wait),
        ReadyIndexes::Some(ready) => {
            Action::Create(ready.into_iter().map(|index| marks_of_index(index, demand.to_replace)).collect())
        }
    }
}

/// The lowest indexes that have no pod and no end, at most `count`.
/// Source: indexed_job_utils.go, firstPendingIndexes.
pub fn pending_indexes(scene: &Scene<'_>, pods: &JobPods<'_>, indexes: &Indexes, count: u32) -> Vec<u32> {
    let mut taken = indexes.succeeded.union(&active_indexes(pods));
    if let Some(failed) = &indexes.failed {
        taken = taken.union(failed);
    }
    if scene.replaces_only_failed() {
        let terminating = pods.iter().filter(|(_, pod)| is_terminating(pod));
        let blocked: IndexSet = terminating.filter_map(|(_, pod)| pod.job?.completion_index).collect();
        taken = taken.union(&blocked);
    }
    taken.lowest_missing(count, scene.n_indexes())
}

/// Which of the wanted indexes may get their pod now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadyIndexes {
    /// These.
    Some(Vec<u32>),
    /// None for that long.
    NoneFor(SimDuration),
}

/// Which of the wanted indexes are not backing off. Those that are keep their turn: no index further up is taken
/// instead.
/// Source: job_controller.go, getPodCreationInfoForIndependentIndexes.
pub fn ready_indexes(wanted: &[u32], to_replace: &BTreeMap<u32, Tracked>, now: SimTime) -> ReadyIndexes {
    let wait = |index: &u32| {
        to_replace.get(index).map_or(SimDuration::ZERO, |pod| {
            let span = BackoffSpan { first: BACKOFF_FIRST, max: BACKOFF_MAX };
            remaining(span, pod.n_failures_before() + 1, pod.finished_at, now)
        })
    };
    let ready: Vec<u32> = wanted.iter().copied().filter(|index| wait(index).is_zero()).collect();
    match wanted.iter().map(wait).min() {
        Some(shortest) if ready.is_empty() => ReadyIndexes::NoneFor(shortest),
        Some(_) | None => ReadyIndexes::Some(ready),
    }
}

/// The marks of the pod that an index gets: it carries on the failure counts of the pod that it replaces.
pub fn marks_of_index(index: u32, to_replace: &BTreeMap<u32, Tracked>) -> JobPod {
    to_replace.get(&index).map_or(
        JobPod {
            has_finalizer: true,
            completion_index: Some(index),
            index_failure_count: Some(0),
            index_ignored_failure_count: 0,
        },
        Tracked::marks_of_replacement,
    )
}
