//! Why a Job ended as it did, or has not ended; and the race of its limits.

use crate::engine::{SimDuration, SimTime};
use crate::experiment::other_limits::{Limit, end_without};
use crate::experiment::trial::Trial;
use crate::model::job::{JobCondition, JobConditionType, JobSpec, JobStatus};
use crate::model::node::ConditionStatus;
use crate::model::scenario::Scenario;
use crate::observe::attempts::JobEntry;
use crate::observe::story::Story;
use crate::report::why::chain;
use crate::report::why::{LimitRow, Why};

/// What a Job of this name came to, in a line or two.
pub fn what_it_came_to(name: &str, created: SimTime, status: &JobStatus) -> Vec<String> {
    let counts =
        format!("{} succeeded, {} failed, {} active", status.succeeded, status.failed, status.active);
    let is_end =
        |kind: &JobConditionType| matches!(kind, JobConditionType::Complete | JobConditionType::Failed);
    let end = status.conditions.iter().find(|it| is_end(&it.kind) && it.status == ConditionStatus::True);
    match end {
        Some(end) => {
            let after = end.since.since(created.truncated_to_secs());
            let what = end.kind.as_str();
            let reason = if end.reason.is_empty() { String::new() } else { format!(": {}", end.reason) };
            vec![format!("{name}  {what}{reason} after {after}  ({counts})"), end.message.to_string()]
        }
        None if status.true_condition(JobConditionType::Suspended).is_some() => {
            vec![format!("{name}  Suspended: no pods until spec.suspend is false  ({counts})")]
        }
        None => vec![format!("{name}  Running since {created}  ({counts})")],
    }
}

/// Where a Job's race of limits stands.
struct Race<'a> {
    job: &'a JobEntry,
    spec: &'a JobSpec,
    scenario: &'a Scenario,
    now: SimTime,
}

/// Why the Job of the story is as it is.
pub fn why(trial: &Trial<Story>) -> Why {
    let (seen, story) = trial.simulation.observer();
    let scenario = trial.simulation.scenario();
    let subject = &story.subject;
    let is_it = |entry: &&JobEntry| entry.namespace == subject.namespace && entry.name == subject.name;
    let causes = chain::causes(story, scenario);
    let (Some(job), Some(spec)) = (seen.jobs.jobs().iter().rfind(is_it), story.job_spec.as_deref()) else {
        return Why { causes, ..Why::default() };
    };
    let race = Race { job, spec, scenario, now: trial.end };
    let limits = [race.backoff_limit(), race.active_deadline(), race.ttl()];
    Why { answer: race.answer(), causes, limits: limits.into_iter().flatten().collect(), nodes: Vec::new() }
}

impl Race<'_> {
    fn finished(&self) -> Option<&JobCondition> {
        self.job.finished()
    }

    fn has_fired(&self, reason: &str) -> Option<SimTime> {
        self.finished().filter(|condition| &*condition.reason == reason).map(|condition| condition.since)
    }

    fn answer(&self) -> Vec<String> {
        let job = self.job;
        let name = format!("Job {}/{}", job.namespace, job.name);
        let mut lines = what_it_came_to(&name, job.created, &job.status);
        lines.extend(self.late());
        lines.extend(job.deleted.map(|at| format!("The Job was deleted at {at}.")));
        lines.retain(|line| !line.is_empty());
        lines
    }

    fn late(&self) -> Option<String> {
        let owner = self.job.cronjob.as_ref()?;
        let slot = self.job.scheduled_for?;
        let late = self.job.created.since(slot);
        Some(format!("CronJob {owner} scheduled it for {slot}; it was created {late} later."))
    }

    fn backoff_limit(&self) -> Option<LimitRow> {
        let limit = self.spec.backoff_limit;
        if limit == i32::MAX.unsigned_abs() {
            return None;
        }
        let failures = self.job.attempts.iter().filter_map(|attempt| attempt.counted).max().unwrap_or(0);
        let (at, outcome) = if let Some(at) = self.has_fired("BackoffLimitExceeded") {
            (at.to_string(), format!("fired{}", self.lead(at)))
        } else if let Some(end) = self.has_fired("DeadlineExceeded") {
            match end_without(Limit::ActiveDeadline, self.job, self.scenario) {
                Some((other, _)) if &*other.reason == "BackoffLimitExceeded" => {
                    (other.since.to_string(), format!("would have fired {} later", other.since.since(end)))
                }
                Some((other, _)) => {
                    let (kind, at) = (other.kind.as_str(), other.since);
                    (String::new(), format!("would not have fired: without the deadline {kind} at {at}"))
                }
                None => (String::new(), "would not have fired before the horizon".to_owned()),
            }
        } else {
            (String::new(), format!("did not fire: {failures} of {limit} failures borne"))
        };
        Some(LimitRow { limit: "backoffLimit", value: limit.to_string(), at, outcome })
    }

    /// By how much the failures were faster than the deadline.
    fn lead(&self, at: SimTime) -> String {
        match self.deadline().filter(|deadline| *deadline > at) {
            Some(deadline) => format!(", {} before activeDeadlineSeconds", deadline.since(at)),
            None => String::new(),
        }
    }

    fn deadline(&self) -> Option<SimTime> {
        Some(self.job.status.start_time? + self.spec.active_deadline?)
    }

    fn active_deadline(&self) -> Option<LimitRow> {
        let span = self.spec.active_deadline?;
        let at = self.deadline()?;
        let outcome = match self.finished() {
            _ if self.has_fired("DeadlineExceeded").is_some() => "fired".to_owned(),
            Some(end) if at > end.since => format!("would have fired {} later", at.since(end.since)),
            Some(_) => "did not fire: the end was decided before".to_owned(),
            None if at > self.now => format!("fires in {}, unless the Job ends before", at.since(self.now)),
            None => "is over; the controller has not come to it".to_owned(),
        };
        Some(LimitRow { limit: "activeDeadlineSeconds", value: seconds(span), at: at.to_string(), outcome })
    }

    fn ttl(&self) -> Option<LimitRow> {
        let ttl = self.spec.ttl_after_finished?;
        let (at, outcome) = match self.finished() {
            None => (String::new(), "begins when the Job ends".to_owned()),
            Some(end) => {
                let at = end.since + ttl;
                let deleted = if at > self.now { "deletes the Job" } else { "deleted the Job" };
                (at.to_string(), format!("{deleted}, {ttl} after its end"))
            }
        };
        Some(LimitRow { limit: "ttlSecondsAfterFinished", value: seconds(ttl), at, outcome })
    }
}

fn seconds(span: SimDuration) -> String {
    span.as_secs().to_string()
}
