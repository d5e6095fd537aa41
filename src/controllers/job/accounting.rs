//! Counting the pods of a Job that have ended.
//!
//! A pod is put on the list of the uncounted, loses its finalizer, and then goes from the list into the counters:
//! whatever fails in between, it is counted once. The indexes of an Indexed Job that succeeded need no list, since
//! the set of them is the record.
//!
//! Source: Kubernetes 1.28, pkg/controller/job/job_controller.go, trackJobStatusAndRemoveFinalizers and
//! flushUncountedAndRemoveFinalizers.

use crate::controllers::job::backoff::BackoffRecord;
use crate::controllers::job::census::{OnFailure, Standing, Tracked};
use crate::controllers::job::conditions::{ConditionText, set_condition};
use crate::controllers::job::end::{End, EndReason, JobOutcome};
use crate::controllers::job::indexes::Indexes;
use crate::controllers::job::scene::Scene;
use crate::controllers::job::sync::Note;
use crate::model::ids::PodId;
use crate::model::job::{IndexSet, JobConditionType, JobStatus};
use crate::model::meta::Uid;
use crate::model::node::ConditionStatus;
use crate::model::record::Severity;

/// The most pods that one sync counts. Source: job_controller.go, MaxUncountedPods.
pub const UNCOUNTED_PODS_MAX: usize = 500;

/// What there is to count.
#[derive(Debug, Clone)]
pub struct Count {
    /// The pods that hold the finalizer.
    pub tracked: Vec<Tracked>,
    /// The indexes that have ended, of an Indexed Job.
    pub indexes: Option<Indexes>,
    /// The end of the Job, where it has come to it.
    pub end: Option<End>,
    /// The pods being deleted that have not ended.
    pub terminating: u32,
    /// The status so far.
    pub status: JobStatus,
    /// Whether that differs from the stored one in something that is worth a write.
    pub needs_write: bool,
}

/// The second step of a sync: what to write before finalizers are removed, and which are.
#[derive(Debug, Clone)]
pub struct Account {
    /// Notes to make first.
    pub notes: Vec<Note>,
    /// The status to write before finalizers are removed, where it changed.
    pub write: Option<JobStatus>,
    /// The back-off record to keep; it is kept only where the status is written at this point.
    pub record: Option<BackoffRecord>,
    /// The pods that lose the finalizer.
    pub released: Vec<(PodId, Uid)>,
    status: JobStatus,
    end: Option<End>,
    terminating: u32,
    /// Listed pods that keep the finalizer for now, because there were too many.
    put_off: Vec<Uid>,
    is_partial: bool,
}

/// The last step of a sync.
#[derive(Debug, Clone, PartialEq)]
pub struct Settlement {
    /// The status to write, where it changed.
    pub write: Option<JobStatus>,
    /// Notes to make once it is written.
    pub notes: Vec<Note>,
}

/// What an ended pod adds to the account of its Job.
enum Entry {
    /// The success of an index.
    Index(u32),
    /// A success.
    Success,
    /// A failure.
    Failure,
}

impl Count {
    /// Takes up to 500 ended pods into account.
    pub fn run(mut self, scene: &Scene<'_>, record: BackoffRecord, notes: Vec<Note>) -> Account {
        let listed = &scene.job.status.uncounted;
        let is_listed =
            |pod: &&Tracked| listed.succeeded.contains(&pod.uid) || listed.failed.contains(&pod.uid);
        let held: Vec<Uid> = self.tracked.iter().filter(is_listed).map(|pod| pod.uid).collect();
        self.needs_write |= take_off_list(&mut self.status, &held);
        if scene.is_indexed() {
            self.tracked.sort_by_key(|pod| pod.marks.completion_index);
        }
        let (released, is_partial) = self.list_ended(scene);
        self.needs_write |= self.announce_end(scene);
        let is_released = |uid: &Uid| released.iter().any(|(_, other)| other == uid);
        let put_off = held.into_iter().filter(|uid| !is_released(uid)).collect();
        let Self { status, end, terminating, needs_write, .. } = self;
        let write = needs_write.then(|| status.clone());
        let record = needs_write.then_some(record);
        Account { notes, write, record, released, status, end, terminating, put_off, is_partial }
    }

    /// Puts ended pods on the list, or their indexes into the set; returns who is to lose the finalizer, and
    /// whether more are left for the next sync.
    fn list_ended(&mut self, scene: &Scene<'_>) -> (Vec<(PodId, Uid)>, bool) {
        let mut released = Vec::new();
        let mut new_indexes = Vec::new();
        let mut is_partial = false;
        for pod in std::mem::take(&mut self.tracked) {
            if !self.is_released(scene, &pod) {
                continue;
            }
            released.push((pod.pod, pod.uid));
            match self.entry(scene, &pod) {
                Some(Entry::Index(index)) => new_indexes.push(index),
                Some(Entry::Success) => self.status.uncounted.succeeded.push(pod.uid),
                Some(Entry::Failure) => self.status.uncounted.failed.push(pod.uid),
                None => continue,
            }
            self.needs_write = true;
            let uncounted = &self.status.uncounted;
            let n_listed = new_indexes.len() + uncounted.succeeded.len() + uncounted.failed.len();
            if n_listed >= UNCOUNTED_PODS_MAX {
                is_partial = true;
                break;
            }
        }
        self.write_indexes(new_indexes.into_iter().collect());
        (released, is_partial)
    }

    /// What a released pod adds to the account: nothing where it is there already or cannot be counted.
    fn entry(&self, scene: &Scene<'_>, pod: &Tracked) -> Option<Entry> {
        let listed = &scene.job.status.uncounted;
        if !pod.is_countable(scene) || listed.failed.contains(&pod.uid) {
            return None;
        }
        if pod.standing != Standing::Succeeded {
            return self.counts_as_failed(scene, pod).then_some(Entry::Failure);
        }
        match &self.indexes {
            Some(indexes) => {
                let index = pod.index_below(scene.n_indexes())?;
                (!indexes.counted.contains(index)).then_some(Entry::Index(index))
            }
            None => (!listed.succeeded.contains(&pod.uid)).then_some(Entry::Success),
        }
    }

    /// Whether a pod may lose its finalizer: it has ended, or nobody will look at it any more.
    /// Source: job_controller.go, canRemoveFinalizer.
    fn is_released(&self, scene: &Scene<'_>, pod: &Tracked) -> bool {
        scene.job.meta.is_terminating()
            || self.end.is_some()
            || match pod.standing {
                Standing::Succeeded => true,
                Standing::Failed => !pod.waits_for_replacement,
                Standing::Unfinished => false,
            }
    }

    /// Whether a released pod that has not succeeded is a failure: a Job that fails takes its unfinished pods for
    /// failed, and so did one that completed before there was SuccessCriteriaMet.
    fn counts_as_failed(&self, scene: &Scene<'_>, pod: &Tracked) -> bool {
        let takes_unfinished = self.end.as_ref().is_some_and(|end| match end.outcome {
            JobOutcome::Failed => true,
            JobOutcome::Complete => !scene.behaviour.announces_end,
        });
        let has_failed = pod.standing == Standing::Failed || takes_unfinished;
        has_failed && pod.on_failure != OnFailure::Ignored
    }

    /// Writes the indexes that have ended. The set of the succeeded ones may be ahead of the finalizers.
    fn write_indexes(&mut self, new: IndexSet) {
        let Some(indexes) = &self.indexes else { return };
        let succeeded = indexes.succeeded.union(&new);
        self.needs_write |= succeeded != self.status.completed_indexes;
        self.status.succeeded = succeeded.len();
        self.status.completed_indexes = succeeded;
        if self.status.failed_indexes != indexes.failed {
            self.status.failed_indexes = indexes.failed.clone();
            self.needs_write = true;
        }
    }

    /// Sets the condition that announces the end; returns whether it was missing.
    fn announce_end(&mut self, scene: &Scene<'_>) -> bool {
        let Some(end) = &self.end else { return false };
        let Some(kind) = end.announcement else { return false };
        set_condition(&mut self.status.conditions, &condition_text(kind, end), scene.now)
    }
}

fn condition_text(kind: JobConditionType, end: &End) -> ConditionText<'_> {
    let reason = end.reason.map_or("", EndReason::as_str);
    ConditionText { kind, status: ConditionStatus::True, reason, message: &end.message }
}

/// Moves the pods that no longer hold their finalizer from the list of the uncounted into the counters; returns
/// whether there were any.
/// Source: job_controller.go, cleanUncountedPodsWithoutFinalizers.
fn take_off_list(status: &mut JobStatus, held: &[Uid]) -> bool {
    let n_before = status.uncounted.succeeded.len() + status.uncounted.failed.len();
    if n_before == 0 {
        return false;
    }
    let (n_succeeded, n_failed) = (status.uncounted.succeeded.len(), status.uncounted.failed.len());
    status.uncounted.succeeded.retain(|uid| held.contains(uid));
    status.uncounted.failed.retain(|uid| held.contains(uid));
    status.succeeded += (n_succeeded - status.uncounted.succeeded.len()) as u32;
    status.failed += (n_failed - status.uncounted.failed.len()) as u32;
    n_before > status.uncounted.succeeded.len() + status.uncounted.failed.len()
}

impl Account {
    /// The last step: counts the released pods, except those that hold their finalizer still because its removal
    /// failed, and ends the Job if nothing is left to count.
    pub fn settle(mut self, scene: &Scene<'_>, held: &[Uid]) -> Settlement {
        let still_listed = [held, &self.put_off].concat();
        let has_moved = take_off_list(&mut self.status, &still_listed);
        if !held.is_empty() {
            return Settlement { write: has_moved.then_some(self.status), notes: Vec::new() };
        }
        let notes = self.finish(scene);
        let needs_write = has_moved || !notes.is_empty();
        Settlement { write: needs_write.then_some(self.status), notes }
    }

    /// Sets the final condition, unless the Job has to wait for it; returns what is to be noted then.
    /// Source: job_controller.go, enactJobFinished and recordJobFinished.
    fn finish(&mut self, scene: &Scene<'_>) -> Vec<Note> {
        let Some(end) = self.end.take().filter(|_| !self.is_partial) else { return Vec::new() };
        let status = &mut self.status;
        let is_all_counted = status.uncounted.succeeded.is_empty() && status.uncounted.failed.is_empty();
        let waits_for_pods = scene.behaviour.announces_end && self.terminating > 0;
        if !is_all_counted || waits_for_pods {
            return Vec::new();
        }
        let kind = end.outcome.condition();
        set_condition(&mut status.conditions, &condition_text(kind, &end), scene.now);
        match end.outcome {
            JobOutcome::Complete => {
                status.completion_time = Some(scene.now.truncated_to_secs());
                completion_notes(scene, status)
            }
            JobOutcome::Failed => {
                let reason = end.reason.map_or("", EndReason::as_str);
                vec![Note { severity: Severity::Warning, reason, message: end.message.to_string() }]
            }
        }
    }
}

fn completion_notes(scene: &Scene<'_>, status: &JobStatus) -> Vec<Note> {
    let is_exceeded = scene.job.spec.completions.is_some_and(|completions| status.succeeded > completions);
    let too_many = Note {
        severity: Severity::Warning,
        reason: "TooManySucceededPods",
        message: "Too many succeeded pods recorded".into(),
    };
    let completed = Note { severity: Severity::Normal, reason: "Completed", message: "Job completed".into() };
    let too_many = is_exceeded.then_some(too_many);
    too_many.into_iter().chain([completed]).collect()
}
