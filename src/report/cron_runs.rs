//! The ledger of a CronJob: every scheduled run and what became of it.

use serde::{Serialize, Serializer};

use crate::controllers::cronjob::timetable::scheduled_runs;
use crate::engine::{SimDuration, SimTime};
use crate::model::unix_time::UnixTime;
use crate::model::wall_clock::WallClock;
use crate::observe::attempts::JobEntry;
use crate::observe::cron_runs::CronEntry;
use crate::report::outages::Outage;
use crate::report::summary::seconds;

/// The controller's lateness in an idle cluster: what is later than this is late.
/// Source: Kubernetes 1.28, pkg/controller/cronjob/cronjob_controllerv2.go, nextScheduleDelta.
const PAD: SimDuration = SimDuration::from_millis(100);

/// The ledger of one CronJob.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CronJobLedger {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// The schedule at the end.
    pub schedule: String,
    /// The time zone of the schedule, where one is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// The runs, by the instant they were scheduled for.
    pub runs: Vec<ScheduledRun>,
}

/// One scheduled run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScheduledRun {
    /// The instant that it was scheduled for [s].
    pub scheduled: f64,
    /// The same as civil time.
    #[serde(rename = "scheduledAt", serialize_with = "as_text")]
    pub time: UnixTime,
    /// What became of it.
    pub outcome: RunOutcome,
    /// When its Job was created [s].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<f64>,
    /// How late that was [s].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub late_by: Option<f64>,
    /// The Job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// What the Job came to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// Why it was late or did not start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What became of a scheduled run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum RunOutcome {
    /// It started on time.
    Ran,
    /// It started late.
    Late,
    /// The concurrency policy or suspension held it back for good.
    Skipped,
    /// It was lost.
    Missed,
}

fn as_text<S: Serializer>(time: &UnixTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

impl RunOutcome {
    /// The word in tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ran => "ran",
            Self::Late => "late",
            Self::Skipped => "skipped",
            Self::Missed => "missed",
        }
    }
}

/// What the ledger is made from, besides the CronJob's own history.
#[derive(Clone, Copy)]
pub struct LedgerInput<'a> {
    /// The Jobs of the run.
    pub jobs: &'a [JobEntry],
    /// When kube-controller-manager was down: from and to.
    pub outages: &'a [Outage],
    /// The end of the run.
    pub end: SimTime,
    /// The civil time.
    pub clock: WallClock,
}

/// The ledger of a CronJob over a run.
pub fn ledger(entry: &CronEntry, input: &LedgerInput<'_>) -> CronJobLedger {
    let last_spec = &entry.specs[entry.specs.len() - 1].1;
    let slots = scheduled_times(entry, input);
    let mut jobs = input.jobs.iter().filter(|job| is_of(job, entry)).peekable();
    let mut runs = Vec::with_capacity(slots.len());
    for (at, slot) in slots.iter().copied().enumerate() {
        while jobs.peek().is_some_and(|job| job.scheduled_for.is_some_and(|time| time < slot)) {
            jobs.next();
        }
        let job = jobs.peek().copied().filter(|job| job.scheduled_for == Some(slot));
        let next = slots.get(at + 1).copied().unwrap_or(SimTime::MAX);
        runs.push(scheduled_run(entry, slot, next, job, input));
    }
    CronJobLedger {
        namespace: entry.namespace.to_string(),
        name: entry.name.to_string(),
        schedule: last_spec.schedule.to_string(),
        time_zone: last_spec.time_zone.as_deref().map(str::to_owned),
        runs,
    }
}

fn is_of(job: &JobEntry, entry: &CronEntry) -> bool {
    job.namespace == entry.namespace
        && job.cronjob.as_ref() == Some(&entry.name)
        && job.scheduled_for.is_some()
}

/// The instants at which a run was due by the spec of that time, from the creation to the end, each in its time:
/// the controller comes a tenth of a second later.
fn scheduled_times(entry: &CronEntry, input: &LedgerInput<'_>) -> Vec<SimTime> {
    let end = entry.deleted.unwrap_or(input.end).min(input.end);
    let mut times = Vec::new();
    for (at, (from, spec)) in entry.specs.iter().enumerate() {
        let until = entry.specs.get(at + 1).map_or(end, |(next, _)| *next);
        let Ok(runs) = scheduled_runs(spec, input.clock.at(*from), input.clock.at(until)) else { continue };
        let runs = runs.filter_map(|time| input.clock.instant(time));
        times.extend(runs.take_while(|time| *time + PAD <= until));
    }
    times
}

fn scheduled_run(
    entry: &CronEntry,
    slot: SimTime,
    next: SimTime,
    job: Option<&JobEntry>,
    input: &LedgerInput<'_>,
) -> ScheduledRun {
    let late_by = job.map(|job| job.created.since(slot));
    let (outcome, reason) = match late_by {
        Some(late) if late <= PAD => (RunOutcome::Ran, None),
        Some(_) => (RunOutcome::Late, Some(delay_reason(entry, slot, next, input))),
        None => {
            let (outcome, reason) = loss(entry, slot, next, input);
            (outcome, Some(reason))
        }
    };
    ScheduledRun {
        scheduled: seconds(slot),
        time: input.clock.at(slot),
        outcome,
        started: job.map(|job| seconds(job.created)),
        late_by: late_by.map(SimDuration::as_secs_f64),
        job: job.map(|job| job.name.to_string()),
        result: job.map(result),
        reason,
    }
}

fn result(job: &JobEntry) -> String {
    match (job.finished(), job.deleted) {
        (Some(condition), _) => condition.kind.as_str().to_owned(),
        (None, Some(_)) => "Deleted".to_owned(),
        (None, None) => "Running".to_owned(),
    }
}

/// The outage at the time of a run.
fn outage_at(slot: SimTime, input: &LedgerInput<'_>) -> Option<Outage> {
    input.outages.iter().copied().find(|outage| outage.from <= slot + PAD && slot < outage.to)
}

fn was_held_back(entry: &CronEntry, slot: SimTime, next: SimTime) -> bool {
    let first = entry.held_back.partition_point(|at| *at < slot);
    entry.held_back.get(first).is_some_and(|at| *at < next)
}

fn delay_reason(entry: &CronEntry, slot: SimTime, next: SimTime, input: &LedgerInput<'_>) -> String {
    if entry.spec_at(slot).suspend {
        "the CronJob was suspended".to_owned()
    } else if was_held_back(entry, slot, next) {
        "the Job before was still running".to_owned()
    } else if let Some(outage) = outage_at(slot, input) {
        format!("{} was stopped", outage.component.as_str())
    } else {
        "the controller came late".to_owned()
    }
}

fn loss(entry: &CronEntry, slot: SimTime, next: SimTime, input: &LedgerInput<'_>) -> (RunOutcome, String) {
    let spec = entry.spec_at(slot);
    if spec.suspend {
        return (RunOutcome::Skipped, "the CronJob was suspended".to_owned());
    }
    if was_held_back(entry, slot, next) {
        let reason = "the Job before was still running, and concurrencyPolicy is Forbid";
        return (RunOutcome::Skipped, reason.to_owned());
    }
    let outage = outage_at(slot, input);
    let outage = outage.map(|outage| (outage.component.as_str(), outage.to.since(slot)));
    let reason = match (outage, spec.starting_deadline) {
        (Some((component, late)), Some(deadline)) if late > deadline => {
            let deadline = deadline.as_secs();
            format!("{component} was stopped until {late} later; startingDeadlineSeconds is {deadline}")
        }
        (Some((component, _)), _) => {
            format!("{component} was stopped; only the latest missed run starts late")
        }
        (None, Some(deadline)) if deadline <= PAD => {
            "startingDeadlineSeconds 0 lets nothing start".to_owned()
        }
        (None, _) => "a later run was due when the controller came to it".to_owned(),
    };
    (RunOutcome::Missed, reason)
}
