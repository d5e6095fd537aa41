//! Timelines of facts, from a golden file and from a run of the simulator, and their comparison.

use std::collections::BTreeMap;

use cluster_sim::engine::SimTime;
use cluster_sim::model::job::{JobCondition, JobStatus};
use serde_json::Value;

use super::scenario::instant;

/// Something that can be seen, and when.
pub type Seen<F> = (SimTime, F);

/// What is compared of a run, by sort. The order within an instant does not count.
#[derive(Debug, Default)]
pub struct Timeline {
    pub pods_created: Vec<Seen<PodCreated>>,
    pub pods_finished: Vec<Seen<&'static str>>,
    pub n_pods_deleted: usize,
    pub job_statuses: BTreeMap<String, Vec<Seen<JobFacts>>>,
    pub jobs_created: Vec<Seen<JobCreated>>,
    pub jobs_deleted: Vec<Seen<String>>,
    pub cronjob_statuses: BTreeMap<String, Vec<Seen<CronJobFacts>>>,
    pub records: Vec<Seen<RecordFacts>>,
}

/// A pod that was created.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PodCreated {
    pub job: String,
    pub index: Option<u32>,
    pub failure_count: Option<u32>,
    pub ignored_failure_count: u32,
}

/// A Job that was created by a CronJob.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct JobCreated {
    pub job: String,
    pub scheduled_for: Option<SimTime>,
    /// The same in the annotation, in the CronJob's time zone.
    pub scheduled_timestamp: Option<String>,
}

/// The status of a Job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobFacts {
    pub active: u32,
    pub succeeded: u32,
    pub failed: u32,
    pub ready: Option<u32>,
    pub terminating: Option<u32>,
    pub completed_indexes: String,
    pub failed_indexes: Option<String>,
    pub start_time: Option<SimTime>,
    pub completion_time: Option<SimTime>,
    pub conditions: Vec<ConditionFacts>,
}

/// A condition of a Job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConditionFacts {
    pub kind: String,
    pub status: String,
    pub reason: String,
    pub message: String,
    pub since: SimTime,
}

/// The status of a CronJob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronJobFacts {
    pub last_schedule_time: Option<SimTime>,
    pub last_successful_time: Option<SimTime>,
    pub active: Vec<String>,
}

/// A note about an object, generated names masked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordFacts {
    pub object: String,
    pub severity: String,
    pub reason: String,
    pub message: String,
}

impl Timeline {
    /// Reads the timeline of a golden file.
    pub fn read(records: &Value) -> Self {
        let mut timeline = Self::default();
        for record in records.as_array().into_iter().flatten() {
            timeline.add(instant(&record["t"]), record);
        }
        timeline
    }

    fn add(&mut self, at: SimTime, record: &Value) {
        let name = |key: &str| record[key].as_str().unwrap_or_default().to_owned();
        match record["kind"].as_str().expect("a record has a kind") {
            "podCreated" => self.pods_created.push((at, pod_created(record))),
            "podFinished" => {
                let phase = if record["phase"] == "Succeeded" { "Succeeded" } else { "Failed" };
                self.pods_finished.push((at, phase));
            }
            "podDeleted" => self.n_pods_deleted += 1,
            "status" => self.see_status(at, &name("job"), JobFacts::read(record)),
            "jobCreated" => {
                let scheduled_for = record.get("scheduledTime").map(instant);
                let scheduled_timestamp = record["scheduledTimestamp"].as_str().map(str::to_owned);
                let created = JobCreated { job: name("job"), scheduled_for, scheduled_timestamp };
                self.jobs_created.push((at, created));
            }
            "jobDeleted" => self.jobs_deleted.push((at, name("job"))),
            "cronJobDeleted" => self.jobs_deleted.push((at, name("cronJob"))),
            "cronStatus" => self.see_cronjob_status(at, &name("cronJob"), CronJobFacts::read(record)),
            "event" => {
                let message = mask_generated_names(&name("message"));
                let object = format!("{}/{}", name("object"), name("name"));
                let (severity, reason) = (name("type"), name("reason"));
                self.records.push((at, RecordFacts { object, severity, reason, message }));
            }
            "podDeleteRequested" | "containerFailed" | "podRestarted" | "jobFinished" | "op"
            | "controllerDown" | "controllerUp" | "syncError" => {}
            other => panic!("a record of an unknown kind: {other}"),
        }
    }

    /// Adds a status; of several at one instant the last counts, and one equal to that before it is none.
    pub fn see_status(&mut self, at: SimTime, job: &str, facts: JobFacts) {
        step(self.job_statuses.entry(job.to_owned()).or_default(), at, facts);
    }

    /// Adds the status of a CronJob; of several at one instant every one counts.
    pub fn see_cronjob_status(&mut self, at: SimTime, cronjob: &str, facts: CronJobFacts) {
        self.cronjob_statuses.entry(cronjob.to_owned()).or_default().push((at, facts));
    }

    /// The first difference from what is expected.
    pub fn compare(&mut self, expected: &mut Self) -> Result<(), String> {
        same_set("pods created", &mut self.pods_created, &mut expected.pods_created)?;
        same_set("jobs created", &mut self.jobs_created, &mut expected.jobs_created)?;
        same_set("deleted", &mut self.jobs_deleted, &mut expected.jobs_deleted)?;
        same_steps("status", &self.job_statuses, &expected.job_statuses)?;
        same_steps("cronjob status", &self.cronjob_statuses, &expected.cronjob_statuses)?;
        same_set("pods finished", &mut self.pods_finished, &mut expected.pods_finished)?;
        same_set("events", &mut self.records, &mut expected.records)?;
        if self.n_pods_deleted != expected.n_pods_deleted {
            return Err(format!(
                "pods deleted: found {}, expected {}",
                self.n_pods_deleted, expected.n_pods_deleted
            ));
        }
        Ok(())
    }
}

/// Continues a step function.
fn step<F: PartialEq>(steps: &mut Vec<Seen<F>>, at: SimTime, facts: F) {
    steps.pop_if(|(last, _)| *last == at);
    if steps.last().is_none_or(|(_, last)| *last != facts) {
        steps.push((at, facts));
    }
}

fn same_set<F: Ord + std::fmt::Debug>(
    what: &str,
    found: &mut [Seen<F>],
    expected: &mut [Seen<F>],
) -> Result<(), String> {
    found.sort();
    expected.sort();
    let n = found.len().max(expected.len());
    match (0..n).find(|at| found.get(*at) != expected.get(*at)) {
        None => Ok(()),
        Some(at) => {
            Err(format!("{what}: found {}, expected {}", show(found.get(at)), show(expected.get(at))))
        }
    }
}

fn same_steps<F: PartialEq + std::fmt::Debug>(
    what: &str,
    found: &BTreeMap<String, Vec<Seen<F>>>,
    expected: &BTreeMap<String, Vec<Seen<F>>>,
) -> Result<(), String> {
    for (name, steps) in expected {
        let found = found.get(name).map_or(&[][..], Vec::as_slice);
        let n = found.len().max(steps.len());
        if let Some(at) = (0..n).find(|at| found.get(*at) != steps.get(*at)) {
            let (found, expected) = (show(found.get(at)), show(steps.get(at)));
            return Err(format!("{what} of {name}: found {found}, expected {expected}"));
        }
    }
    match found.keys().find(|name| !expected.contains_key(*name)) {
        Some(name) => Err(format!("{what} of {name}: none is expected")),
        None => Ok(()),
    }
}

fn show<F: std::fmt::Debug>(seen: Option<&Seen<F>>) -> String {
    seen.map_or("nothing".to_owned(), |(at, fact)| format!("at {at} {fact:?}"))
}

fn pod_created(record: &Value) -> PodCreated {
    let count = |key: &str| record[key].as_str().map(|count| count.parse().expect("a count is a number"));
    PodCreated {
        job: record["job"].as_str().expect("a pod has a Job").to_owned(),
        index: record["index"].as_u64().map(|index| index as u32),
        failure_count: count("indexFailureCount"),
        ignored_failure_count: count("indexIgnoredFailureCount").unwrap_or(0),
    }
}

impl JobFacts {
    fn read(record: &Value) -> Self {
        let count = |key: &str| record[key].as_u64().map(|count| count as u32);
        let conditions = record["conditions"].as_array().into_iter().flatten();
        Self {
            active: count("active").unwrap_or(0),
            succeeded: count("succeeded").unwrap_or(0),
            failed: count("failed").unwrap_or(0),
            ready: count("ready"),
            terminating: count("terminating"),
            completed_indexes: record["completedIndexes"].as_str().unwrap_or_default().to_owned(),
            failed_indexes: record["failedIndexes"].as_str().map(str::to_owned),
            start_time: record.get("startTime").filter(|time| !time.is_null()).map(instant),
            completion_time: record.get("completionTime").map(instant),
            conditions: conditions.map(ConditionFacts::read).collect(),
        }
    }

    /// The facts of a status.
    pub fn of(status: &JobStatus) -> Self {
        Self {
            active: status.active,
            succeeded: status.succeeded,
            failed: status.failed,
            ready: status.ready,
            terminating: status.terminating,
            completed_indexes: status.completed_indexes.to_string(),
            failed_indexes: status.failed_indexes.as_ref().map(ToString::to_string),
            start_time: status.start_time,
            completion_time: status.completion_time,
            conditions: status.conditions.iter().map(ConditionFacts::of).collect(),
        }
    }
}

impl ConditionFacts {
    fn read(condition: &Value) -> Self {
        let text = |key: &str| condition[key].as_str().unwrap_or_default().to_owned();
        Self {
            kind: text("type"),
            status: text("status"),
            reason: text("reason"),
            message: mask_generated_names(&text("message")),
            since: instant(&condition["t"]),
        }
    }

    fn of(condition: &JobCondition) -> Self {
        Self {
            kind: condition.kind.as_str().to_owned(),
            status: condition.status.as_str().to_owned(),
            reason: condition.reason.to_string(),
            message: mask_generated_names(&condition.message),
            since: condition.since,
        }
    }
}

impl CronJobFacts {
    fn read(record: &Value) -> Self {
        let time = |key: &str| record.get(key).filter(|time| !time.is_null()).map(instant);
        let active = record["active"].as_array().into_iter().flatten();
        Self {
            last_schedule_time: time("lastScheduleTime"),
            last_successful_time: time("lastSuccessfulTime"),
            active: active.map(|name| name.as_str().expect("a name").to_owned()).collect(),
        }
    }
}

/// A message with the five characters at the end of each word that looks like a generated name masked: they are a
/// counter in the files and random elsewhere.
pub fn mask_generated_names(message: &str) -> String {
    let masked: Vec<String> = message.split(' ').map(mask_word).collect();
    masked.join(" ")
}

fn mask_word(word: &str) -> String {
    let is_generated = |end: &str| end.len() == 5 && end.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match word.rsplit_once('-') {
        Some((base, end)) if is_generated(end) => format!("{base}-*"),
        Some(_) | None => word.to_owned(),
    }
}
