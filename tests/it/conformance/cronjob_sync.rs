//! Single syncs of CronJobs and the decisions in them: `tables/cronjob_sync.yaml`, upstream's unit tests. They are of
//! Kubernetes 1.28, but for the delays of which the table says otherwise.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use chrono::DateTime;
use chrono_tz::Tz;
use cluster_sim::cluster::Cluster;
use cluster_sim::component::{Component, Context, Observer, Turn, Watch};
use cluster_sim::controllers::cronjob::CronJobController;
use cluster_sim::controllers::cronjob::history::sort_by_start_time;
use cluster_sim::controllers::cronjob::job_template::{SCHEDULED_TIMESTAMP, job_from_template};
use cluster_sim::controllers::cronjob::schedule_time::{
    Due, Missed, earliest_time, most_recent_schedule_time,
};
use cluster_sim::controllers::cronjob::sync::{
    Api, ChildJob, CreateRefusal, Moment, Observed, Requeue, requeue_delay, sync,
};
use cluster_sim::controllers::cronjob::timetable::Timetable;
use cluster_sim::engine::{Calendar, SimDuration, SimTime, Streams};
use cluster_sim::event::{Change, Command, Event, SpecUpdate, StatusUpdate};
use cluster_sim::model::cron_schedule::CronSchedule;
use cluster_sim::model::cronjob::{CronJobSpec, CronJobStatus, JobReference};
use cluster_sim::model::ids::ObjectId;
use cluster_sim::model::job::JobConditionType;
use cluster_sim::model::meta::Name;
use cluster_sim::model::profile::Profile;
use cluster_sim::model::record::Severity;
use cluster_sim::model::scenario::{NewObject, Timing};
use cluster_sim::model::unix_time::UnixTime;
use cluster_sim::model::wall_clock::WallClock;
use serde_json::{Value, json};

use super::{Suite, files, same, yaml};
use crate::objects::{create_cronjob, create_job, cronjob_spec, labels, meta};

type Outcome = Result<(), String>;

/// The name of a section of the table and what judges its cases.
type Section = (&'static str, fn(&Value) -> Outcome);

#[test]
fn cronjob_syncs_agree_with_upstream() {
    let sections: [Section; 8] = [
        ("sync", sync_outcome),
        ("update", update_outcome),
        ("owned_jobs", owned_outcome),
        ("job_from_template", template_outcome),
        ("sort_by_start", sort_outcome),
        ("most_recent_schedule_time", recent_outcome),
        ("next_schedule_time", due_outcome),
        ("next_schedule_duration", delay_outcome),
    ];
    let mut suite = Suite::new("cronjob_sync");
    for table in files("tables/cronjob_sync.yaml").iter().map(|path| yaml(path)) {
        for (section, outcome) in sections {
            for case in table[section].as_array().into_iter().flatten() {
                suite.case(text(&case["id"]), outcome(case));
            }
        }
    }
    suite.finish();
}

/// In the shape of the table.
#[test]
fn cronjob_syncs_do_what_upstream_does_where_its_tests_do_not_look() {
    #[track_caller]
    fn check(policy: &str, changes: Value, creates: &[&str], events: &[&str], is_error: bool) {
        let child = json!({"name": "mycronjob-24394141", "state": "running"});
        let mut inputs = json!({
            "name": "mycronjob",
            "namespace": "snazzycats",
            "spec": {"schedule": "0 * * * ?", "concurrencyPolicy": policy},
            "now": "2016-05-19T10:01:00Z",
            "creationTimestamp": "2016-05-19T08:59:00Z",
            "status": {"lastScheduleTime": "2016-05-19T09:01:00Z", "active": ["mycronjob-24394141"]},
            "api_status_active": ["mycronjob-24394141"],
            "children_in_lister": [child],
            "children_in_api": [child],
        });
        for (field, value) in changes.as_object().into_iter().flatten() {
            inputs[field] = value.clone();
        }
        let found = sync_case(&inputs);
        assert_eq!((&found["creates"], &found["events"]), (&json!(creates), &json!(events)));
        assert_eq!(found["returns_error"], is_error);
    }
    let created = &["mycronjob-24394200"];
    let no_status = json!({"lastScheduleTime": "2016-05-19T09:01:00Z", "active": []});
    let unknown = json!({"status": no_status, "api_status_active": []});
    check("Forbid", unknown, created, &["Warning UnexpectedJob", "Normal SuccessfulCreate"], false);
    let gone = json!({"children_in_lister": [], "children_in_api": []});
    check("Forbid", gone, created, &["Normal MissingJob", "Normal SuccessfulCreate"], false);
    check("Replace", json!({"job_delete_error": "Forbidden"}), &[], &["Warning FailedDelete"], true);
    check("Allow", json!({"job_create_error": "exceeded quota"}), &[], &["Warning FailedCreate"], true);
}

/// The API server of a case: its answers are the case's, and what it is told is kept.
struct CaseApi {
    cluster: Cluster,
    namespace: Name,
    /// All Jobs that the case speaks of.
    jobs: BTreeMap<Name, JobReference>,
    /// Those that the server finds.
    in_api: Vec<Name>,
    status: CronJobStatus,
    get_error: Option<String>,
    delete_error: Option<String>,
    create_error: Option<String>,
    creates: Vec<Name>,
    deletes: Vec<Name>,
    records: Vec<(Severity, &'static str)>,
}

impl CaseApi {
    fn new(inputs: &Value) -> Self {
        let error = |field: &str| inputs[field].as_str().map(str::to_owned);
        let mut api = Self {
            cluster: Cluster::new(Streams::new(1)),
            namespace: text(&inputs["namespace"]).into(),
            jobs: BTreeMap::new(),
            in_api: list(&inputs["children_in_api"]).map(|child| text(&child["name"]).into()).collect(),
            status: CronJobStatus::default(),
            get_error: error("job_get_error"),
            delete_error: error("job_delete_error"),
            create_error: error("job_create_error"),
            creates: Vec::new(),
            deletes: Vec::new(),
            records: Vec::new(),
        };
        api.status.active = api.references(&inputs["api_status_active"]);
        api
    }

    fn reference(&mut self, name: &str) -> JobReference {
        if let Some(job) = self.jobs.get(name) {
            return job.clone();
        }
        let job = create_job(&mut self.cluster, &self.namespace, name, None);
        self.jobs.insert(name.into(), job.clone());
        job
    }

    fn references(&mut self, names: &Value) -> Vec<JobReference> {
        list(names).map(|name| self.reference(text(name))).collect()
    }

    fn child(&mut self, child: &Value) -> ChildJob {
        let is_complete = child["state"] == "complete";
        ChildJob {
            reference: self.reference(text(&child["name"])),
            start_time: None,
            completion_time: child["completionTime"].as_str().map(instant),
            end: is_complete.then_some(JobConditionType::Complete),
        }
    }
}

impl Api for CaseApi {
    fn latest_status(&self) -> CronJobStatus {
        self.status.clone()
    }

    fn find_job(&self, name: &Name) -> Result<Option<JobReference>, String> {
        match &self.get_error {
            Some(error) => Err(error.clone()),
            None if self.in_api.contains(name) => Ok(self.jobs.get(name).cloned()),
            None => Ok(None),
        }
    }

    fn delete_job(&mut self, job: &JobReference) -> Result<(), String> {
        if let Some(error) = &self.delete_error {
            return Err(error.clone());
        }
        self.deletes.push(job.name.clone());
        Ok(())
    }

    fn create_job(&mut self, job: NewObject, _scheduled_for: SimTime) -> Result<JobReference, CreateRefusal> {
        match self.create_error.as_deref() {
            None => {
                self.creates.push(job.name.clone());
                Ok(self.reference(&job.name))
            }
            Some("AlreadyExists") => {
                Err(CreateRefusal::AlreadyExists { job: self.reference(&job.name), is_own: false })
            }
            Some("NamespaceTerminating") => Err(CreateRefusal::NamespaceTerminating),
            Some(error) => Err(CreateRefusal::Other(error.to_owned())),
        }
    }

    fn record(&mut self, severity: Severity, reason: &'static str, _message: fmt::Arguments<'_>) {
        self.records.push((severity, reason));
    }
}

fn sync_outcome(case: &Value) -> Outcome {
    let (inputs, expected) = (&case["inputs"], &case["expected"]);
    let mut found = sync_case(inputs);
    agree(
        &found,
        &case["computed_by_rules"],
        &[
            "creates",
            "deletes",
            "events",
            "active_after",
            "lastScheduleTime_after",
            "lastSuccessfulTime_after",
            "requeueAfter",
        ],
    )?;
    if expected["returns_error"] == false && !inputs["job_get_error"].is_null() {
        // Upstream's test looks for an error only where it expects one, and here the server has failed.
        found["returns_error"] = json!(false);
    }
    agree(
        &found,
        expected,
        &[
            "creates_job",
            "deletes_job",
            "warning_events",
            "returns_error",
            "requeues",
            "requeueAfter",
            "updateStatus",
            "lastSuccessfulTime",
            "events_total",
        ],
    )
}

/// What a sync with these inputs comes to, in the words of the table.
fn sync_case(inputs: &Value) -> Value {
    let mut api = CaseApi::new(inputs);
    let status = CronJobStatus {
        active: api.references(&inputs["status"]["active"]),
        last_schedule_time: inputs["status"]["lastScheduleTime"].as_str().map(instant),
        last_successful_time: None,
    };
    api.status.last_schedule_time = status.last_schedule_time;
    let jobs: Vec<ChildJob> = list(&inputs["children_in_lister"]).map(|child| api.child(child)).collect();
    let spec = cronjob_spec(&inputs["spec"]);
    let observed = Observed {
        meta: &meta(&api.namespace, text(&inputs["name"]), instant(text(&inputs["creationTimestamp"]))),
        spec: &spec,
        status: &status,
        jobs: &jobs,
        timetable: &Timetable::new(&spec),
    };
    let moment = Moment { now: instant(text(&inputs["now"])), clock: &clock(), profile: &profile("1.28") };
    let stored = api.status.clone();
    let outcome = sync(&observed, &moment, &mut api);
    let requeue = match outcome.requeue {
        Requeue::After(span) => Some(span),
        Requeue::Never | Requeue::AfterError => None,
    };
    let n_warnings = api.records.iter().filter(|(severity, _)| *severity == Severity::Warning).count();
    let records = api.records.iter().map(|(severity, reason)| format!("{severity} {reason}"));
    let last_successful_time = outcome.status.last_successful_time.map(shown);
    json!({
        "creates_job": !api.creates.is_empty(),
        "deletes_job": !api.deletes.is_empty(),
        "warning_events": n_warnings,
        "returns_error": outcome.requeue == Requeue::AfterError,
        "requeues": requeue.is_some(),
        "requeueAfter": requeue.map(seconds),
        "updateStatus": outcome.status != stored,
        "lastSuccessfulTime": last_successful_time,
        "events_total": api.records.len(),
        "creates": texts(&api.creates),
        "deletes": texts(&api.deletes),
        "events": records.collect::<Vec<_>>(),
        "active_after": outcome.status.active.iter().map(|job| job.name.to_string()).collect::<Vec<_>>(),
        "lastScheduleTime_after": outcome.status.last_schedule_time.map(shown),
        "lastSuccessfulTime_after": last_successful_time,
    })
}

/// Compares the fields; an expectation may leave out what is null.
fn agree(found: &Value, expected: &Value, fields: &[&str]) -> Outcome {
    fields.iter().try_for_each(|field| {
        same(&found[*field], &expected[*field]).map_err(|difference| format!("{field}: {difference}"))
    })
}

/// Sees the records only.
#[derive(Default)]
struct Reasons(Vec<&'static str>);

impl Observer for Reasons {
    fn begin(&mut self, _now: SimTime, _seq: u64, _event: &Event, _cluster: &Cluster) {}

    fn see(&mut self, _now: SimTime, change: &Change, _cluster: &Cluster) {
        if let Change::Recorded(_, record) = change {
            self.0.push(record.reason);
        }
    }
}

/// Shows a controller without work that the spec of a CronJob has changed, and looks when it wakes up.
fn update_outcome(case: &Value) -> Outcome {
    let (inputs, expected) = (&case["inputs"], &case["expected"]);
    let now = instant(text(&inputs["now"]));
    let context = Context {
        profile: profile("1.28"),
        timing: Timing::ideal(),
        streams: Streams::new(1),
        clock: clock(),
    };
    let mut calendar = Calendar::new();
    let event = Event::ActionDue(0);
    calendar.schedule(now, event.rank(), event);
    calendar.pop();
    let mut cluster = Cluster::new(Streams::new(1));
    let owner = create_cronjob(&mut cluster, "snazzycats", "mycronjob", cronjob_spec(&inputs["old"]));
    let ObjectId::CronJob(id) = owner.object else { return Err("no CronJob".to_owned()) };
    let last_schedule_time = inputs["old"]["lastScheduleTime"].as_str().map(instant);
    let status = CronJobStatus { last_schedule_time, ..CronJobStatus::default() };
    let update = Command::UpdateStatus(Box::new(StatusUpdate::CronJob(id, status)));
    cluster.apply(now, update, &mut Vec::new()).map_err(|refusal| refusal.to_string())?;

    let mut changes = Vec::new();
    let spec = Arc::new(cronjob_spec(&inputs["new"]));
    let update = Command::UpdateSpec(SpecUpdate::CronJob(id, spec), Arc::new(Value::Null));
    cluster.apply(now, update, &mut changes).map_err(|refusal| refusal.to_string())?;
    let mut controller = CronJobController::new();
    for change in std::mem::take(&mut changes) {
        controller.on_change(&change, &mut Watch::new(&context, &cluster, &mut calendar));
    }
    let due = calendar.pop().ok_or("no event")?;
    same(&due.event, &Event::CronJobSync(id))?;
    same(&(due.time - now), &text(&expected["requeue_delay"]).parse().map_err(|error| format!("{error}"))?)?;
    let mut reasons = Reasons::default();
    let turn = &mut Turn::new(&context, &mut cluster, &mut calendar, &mut reasons, &mut changes);
    controller.on_event(due.event, turn);
    let is_complaint = reasons.0 == ["UnParseableCronJobSchedule"] && calendar.pop().is_none();
    same(&is_complaint, &text(&expected["how"]).starts_with("nothing queued"))
}

fn owned_outcome(case: &Value) -> Outcome {
    let inputs = &case["inputs"];
    let namespace = text(&inputs["cronjob"]["namespace"]);
    let mut cluster = Cluster::new(Streams::new(1));
    let mut owners = BTreeMap::new();
    for name in [text(&inputs["cronjob"]["name"]), "another-cronjob"] {
        let spec = cronjob_spec(&json!({"schedule": "* * * * *"}));
        owners.insert(name, create_cronjob(&mut cluster, namespace, name, spec));
    }
    for job in list(&inputs["jobs"]) {
        let owner = list(&job["controllerRef"]).next().map(|owner| owners[text(owner)].clone());
        create_job(&mut cluster, namespace, text(&job["name"]), owner);
    }
    let ObjectId::CronJob(id) = owners[text(&inputs["cronjob"]["name"])].object else {
        return Err("no CronJob".to_owned());
    };
    let owned: Vec<String> = cluster.jobs_of(id).map(|(_, job)| job.meta.name.to_string()).collect();
    same(&json!(owned), &case["expected"]["owned_jobs"])
}

fn template_outcome(case: &Value) -> Outcome {
    let (inputs, expected) = (&case["inputs"], &case["expected"]);
    let name = text(&inputs["cronjob_name"]);
    let spec = CronJobSpec {
        time_zone: inputs["timeZone"].as_str().map(Into::into),
        ..cronjob_spec(&json!({
            "schedule": "* * * * *",
            "template_labels": inputs["template_labels"],
            "template_annotations": inputs["template_annotations"],
        }))
    };
    let zone: Tz = Timetable::new(&spec).zone.map_err(|error| error.to_string())?;
    let time = instant(text(&inputs["scheduledTime"]));
    let job = job_from_template(&meta("ns", name, SimTime::ZERO), &spec, clock().at(time), zone);
    same(&&*job.name, &text(&expected["job_name_by_rule"]))?;
    same(&job.labels, &labels(&expected["labels"]))?;
    same(
        &job.annotations.iter().count(),
        &(expected["annotation_count"].as_u64().expect("a count") as usize),
    )?;
    let shown = job.annotations.get(SCHEDULED_TIMESTAMP).map(|shown| shown.to_string());
    same(&json!(shown), &expected[&format!("annotation {SCHEDULED_TIMESTAMP}")])
}

fn sort_outcome(case: &Value) -> Outcome {
    let mut api = CaseApi::new(&json!({"namespace": "ns"}));
    let jobs: Vec<ChildJob> = list(&case["inputs"])
        .map(|job| ChildJob { start_time: job["startTime"].as_str().map(instant), ..api.child(job) })
        .collect();
    let mut sorted: Vec<&ChildJob> = jobs.iter().collect();
    sort_by_start_time(&mut sorted);
    let sorted: Vec<String> = sorted.iter().map(|job| job.reference.name.to_string()).collect();
    let expected: Vec<&str> = list(&case["expected"]).map(|job| text(&job["name"])).collect();
    same(&sorted, &expected.iter().map(|name| (*name).to_owned()).collect())
}

/// What is due by the inputs of a case, and the earliest time that was looked at.
fn due(inputs: &Value, has_deadline: bool) -> (UnixTime, Result<Due, String>) {
    let schedule = CronSchedule::parse(text(&inputs["schedule"])).expect("a schedule");
    let time = |field: &str| inputs[field].as_str().map(|text| clock().at(instant(text)));
    let now = time("now").expect("the present");
    let last = time("lastScheduleTime").or(time("creationTimestamp")).expect("a creation");
    let deadline = inputs["startingDeadlineSeconds"].as_u64().filter(|_| has_deadline);
    let earliest = earliest_time(last, deadline.map(SimDuration::from_secs), now);
    (earliest, most_recent_schedule_time(&schedule, earliest, now).map_err(|error| error.to_string()))
}

fn recent_outcome(case: &Value) -> Outcome {
    let (inputs, expected) = (&case["inputs"], &case["expected"]);
    let (earliest, due) = due(inputs, inputs["includeStartingDeadlineSeconds"] == true);
    if expected["error"] == true {
        return same(&due.is_err(), &true);
    }
    let due = due?;
    let missed = match due.missed {
        Missed::None => "none",
        Missed::Few => "few",
        Missed::Many => "many",
    };
    same(&json!(earliest.to_string()), &expected["earliestTime"])?;
    same(&json!(due.time.map(|time| time.to_string())), &expected["mostRecentTime"])?;
    same(&json!(missed), &expected["missed_1_29_and_later"])?;
    same(&json!(due.missed == Missed::Many), &expected["tooManyMissed_1_28"])
}

fn due_outcome(case: &Value) -> Outcome {
    let expected = &case["expected"];
    let (_, due) = due(&case["inputs"], true);
    if expected["error"] == true {
        return same(&due.is_err(), &true);
    }
    let due = due?;
    let time = expected["scheduledTime"].as_str().map(|text| {
        text.strip_prefix("not null (by rule ").map_or(text, |text| text.trim_end_matches(')')).to_owned()
    });
    same(&due.time.map(|time| time.to_string()), &time)?;
    same(&(due.missed == Missed::Many), &(expected["event_by_rule"] == "TooManyMissedTimes"))
}

fn delay_outcome(case: &Value) -> Outcome {
    let inputs = &case["inputs"];
    let schedule = CronSchedule::parse(text(&inputs["schedule"])).expect("a schedule");
    let meta = meta("ns", "cj", instant(text(&inputs["creationTimestamp"])));
    let last_schedule_time = inputs["lastScheduleTime"].as_str().map(instant);
    let status = CronJobStatus { last_schedule_time, ..CronJobStatus::default() };
    let moment = (instant(text(&inputs["now"])), &clock());
    let delay = requeue_delay(&schedule, &meta, &status, moment);
    same(&json!(seconds(delay)), &case["expected"]["requeueAfter"])
}

/// Before all times of the table.
fn clock() -> WallClock {
    WallClock { start: UnixTime::parse_rfc3339("2016-01-01T00:00:00Z").expect("a timestamp") }
}

fn instant(text: &str) -> SimTime {
    let time = DateTime::parse_from_rfc3339(text).unwrap_or_else(|error| panic!("{text}: {error}")).to_utc();
    let second = clock().instant(time.into()).expect("later than the start");
    second + SimDuration::from_nanos(u64::from(time.timestamp_subsec_nanos()))
}

fn shown(time: SimTime) -> String {
    clock().rfc3339(time)
}

/// A span in the shape of the table: `3540.1s`.
fn seconds(span: SimDuration) -> String {
    format!("{}s", span.as_secs_f64())
}

fn profile(version: &str) -> Profile {
    Profile::new(version.parse().expect("a version"))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn texts(names: &[Name]) -> Vec<&str> {
    names.iter().map(|name| &**name).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("expected a text: {value}"))
}
