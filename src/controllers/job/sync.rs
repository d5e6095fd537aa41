//! One sync of a Job as pure functions, in the three steps between which the API server answers:
//!
//! ```text
//! plan ──► what to do with the pods ──► Plan::account ──► first status write, finalizers ──► Account::settle
//!                                                                                              │
//!                                                            last status write, records ◄──────┘
//! ```
//!
//! Nothing here reads a clock or a cluster; the same Job, pods, record and instant give the same decision.
//!
//! Source: Kubernetes 1.28 and 1.31, pkg/controller/job/job_controller.go, syncJob.

use std::collections::BTreeMap;

use crate::controllers::job::accounting::{Account, Count};
use crate::controllers::job::backoff::BackoffRecord;
use crate::controllers::job::census::{Census, Expectations, JobPods};
use crate::controllers::job::conditions::{ConditionText, set_condition};
use crate::controllers::job::end::{End, Tally, completion, forced_end, time_to_deadline};
use crate::controllers::job::indexes::{Indexes, pods_to_replace};
use crate::controllers::job::scale::{Action, Demand, active_victims, scale};
use crate::controllers::job::scene::Scene;
use crate::engine::SimDuration;
use crate::model::job::{JobConditionType, JobStatus};
use crate::model::node::ConditionStatus;
use crate::model::record::Severity;

/// What a sync knows besides the Job and its pods.
#[derive(Debug, Clone, Copy)]
pub struct Memory<'a> {
    /// The failures up to the last sync.
    pub record: BackoffRecord,
    /// What was asked for and not seen yet.
    pub expectations: Expectations<'a>,
}

/// The first step of a sync: what to do with the pods.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What to do with the pods.
    pub action: Action,
    /// When to look at the Job again at the latest: a back-off or the deadline is over then.
    pub wake_after: Option<SimDuration>,
    census: Census,
    indexes: Option<Indexes>,
    record: BackoffRecord,
    succeeded: u32,
    end: Option<End>,
    are_expectations_met: bool,
    status: JobStatus,
}

/// What became of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcome {
    /// How many pods were created or deleted.
    pub n_done: u32,
    /// How many of the deleted were Ready.
    pub n_ready_deleted: u32,
}

/// A note to make about the Job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Whether it tells of trouble.
    pub severity: Severity,
    /// One word on why.
    pub reason: &'static str,
    /// What happened.
    pub message: String,
}

/// Decides what a sync does with the pods of an unfinished Job.
pub fn plan(scene: &Scene<'_>, pods: &JobPods<'_>, memory: &Memory<'_>) -> Plan {
    let mut census = Census::take(scene, pods, &memory.expectations);
    let indexes = scene.is_indexed().then(|| Indexes::of(scene, &census));
    let tally = Tally::of(scene, &census, indexes.as_ref());
    let record = census.record_after(scene, memory.record);
    let mut status = scene.job.status.clone();
    let mut start_time = status.start_time;
    if start_time.is_none() && !scene.job.spec.suspend {
        start_time = Some(scene.now);
        status.start_time = Some(scene.now.truncated_to_secs());
    }
    let end = forced_end(scene, pods, tally, indexes.as_ref(), start_time);
    let to_replace = match &indexes {
        Some(indexes) if scene.limit_per_index().is_some() => pods_to_replace(scene, pods, &census, indexes),
        Some(_) | None => BTreeMap::new(),
    };
    census.keep(to_replace.values());
    let is_managed = memory.expectations.are_met && !scene.job.meta.is_terminating();
    let (succeeded, indexes_seen) = (tally.succeeded, indexes.as_ref());
    let action = match &end {
        Some(_) => Action::End(active_victims(pods)),
        None if is_managed => {
            let demand =
                Demand { census: &census, succeeded, indexes: indexes_seen, to_replace: &to_replace, record };
            scale(scene, pods, &demand)
        }
        None => Action::Unmanaged,
    };
    let deadline = if end.is_none() { time_to_deadline(scene, start_time) } else { None };
    let backoff = if let Action::Wait(wait) = action { Some(wait) } else { None };
    let wake_after = deadline.into_iter().chain(backoff.map(|wait| wait.max(SYNC_BATCH_PERIOD))).min();
    let are_expectations_met = memory.expectations.are_met;
    Plan { action, wake_after, census, indexes, record, succeeded, end, are_expectations_met, status }
}

/// The time in which changes of pods and status gather for one sync; also the shortest back-off wait.
/// Source: job_controller.go, SyncJobBatchPeriod.
pub const SYNC_BATCH_PERIOD: SimDuration = SimDuration::from_secs(1);

/// What a sync found the Job to have, once its action is done.
struct PodCounts {
    active: u32,
    ready: u32,
    terminating: u32,
}

impl Plan {
    /// The second step: the status once the action is done, and the counting of pods that have ended.
    pub fn account(mut self, scene: &Scene<'_>, outcome: &Outcome) -> Account {
        let counts = self.pod_counts(scene, outcome);
        let end = self.end(scene, outcome, &counts);
        let mut notes = Vec::new();
        if end.is_none() && self.is_managed() {
            notes.extend(self.set_suspended(scene));
        }
        let mut needs_write = !notes.is_empty();
        let status = &mut self.status;
        let ready = scene.behaviour.has_ready.then_some(counts.ready);
        let terminating = scene.behaviour.has_replacement_policy.then_some(counts.terminating);
        needs_write |= status.active != counts.active || status.ready != ready;
        needs_write |= status.terminating != terminating && scene.behaviour.writes_terminating_alone;
        (status.active, status.ready, status.terminating) = (counts.active, ready, terminating);
        let Self { status, indexes, census, record, .. } = self;
        let terminating = counts.terminating;
        let count = Count { tracked: census.tracked, indexes, end, terminating, status, needs_write };
        count.run(scene, record, notes)
    }

    /// What the Job has once the action is done.
    fn pod_counts(&self, scene: &Scene<'_>, outcome: &Outcome) -> PodCounts {
        let Census { active, ready, terminating, .. } = self.census;
        match &self.action {
            Action::Unmanaged | Action::Keep => PodCounts { active, ready, terminating },
            Action::Wait(_) if scene.behaviour.zeroes_active_in_backoff => {
                PodCounts { active: 0, ready, terminating }
            }
            Action::Wait(_) => PodCounts { active, ready, terminating },
            Action::Create(_) => PodCounts { active: active + outcome.n_done, ready, terminating },
            Action::Remove(_) | Action::End(_) => {
                let is_counted = u32::from(scene.behaviour.counts_own_deletions);
                PodCounts {
                    active: active - outcome.n_done,
                    ready: ready - is_counted * outcome.n_ready_deleted,
                    terminating: terminating + is_counted * outcome.n_done,
                }
            }
        }
    }

    /// The end of the Job, unless pods are left that may still change it.
    fn end(&mut self, scene: &Scene<'_>, outcome: &Outcome, counts: &PodCounts) -> Option<End> {
        if let Some(end) = self.end.take() {
            let is_certain = outcome.n_done == self.census.active && self.are_expectations_met;
            return Some(end).filter(|_| is_certain);
        }
        let is_reached = match scene.job.spec.completions {
            None => self.succeeded > 0,
            Some(completions) => self.succeeded >= completions,
        };
        (is_reached && counts.active == 0).then(|| completion(scene))
    }

    /// Whether this sync decided about the number of pods.
    fn is_managed(&self) -> bool {
        !matches!(self.action, Action::Unmanaged | Action::End(_))
    }

    /// Keeps the condition Suspended in line with the spec; resuming begins the time of the deadline anew.
    fn set_suspended(&mut self, scene: &Scene<'_>) -> Option<Note> {
        let is_suspended = scene.job.spec.suspend;
        let (status, reason, message) = if is_suspended {
            (ConditionStatus::True, "JobSuspended", "Job suspended")
        } else {
            (ConditionStatus::False, "JobResumed", "Job resumed")
        };
        let text = ConditionText { kind: JobConditionType::Suspended, status, reason, message };
        if !set_condition(&mut self.status.conditions, &text, scene.now) {
            return None;
        }
        if !is_suspended {
            self.status.start_time = Some(scene.now.truncated_to_secs());
        } else if scene.behaviour.suspend_clears_start_time {
            self.status.start_time = None;
        }
        let reason = if is_suspended { "Suspended" } else { "Resumed" };
        Some(Note { severity: Severity::Normal, reason, message: message.into() })
    }
}
