//! Timelines of the CronJob controller: those of `golden-job/*.json` in which Jobs have no pods (`fakeJobs`).
//!
//! The real controller of Kubernetes 1.28 made them under a fake clock. Here the controller runs against the same
//! small model: a Job starts when it is created and ends when its script says so, users act when the scenario says
//! so, and what a deleted CronJob owned goes with it. `FORMAT.md` beside the files has the rules.

use std::sync::Arc;

use cluster_sim::cluster::Cluster;
use cluster_sim::component::{Component, Context, Observer, Turn, Watch};
use cluster_sim::controllers::cronjob::CronJobController;
use cluster_sim::controllers::cronjob::job_template::SCHEDULED_TIMESTAMP;
use cluster_sim::engine::{Calendar, SimDuration, SimTime, Streams};
use cluster_sim::event::{Change, Command, Event};
use cluster_sim::model::ids::{JobId, Kind, ObjectId};
use cluster_sim::model::job::{JobCondition, JobConditionType, JobStatus};
use cluster_sim::model::meta::Propagation;
use cluster_sim::model::node::ConditionStatus;
use cluster_sim::model::profile::Profile;
use cluster_sim::model::scenario::{NewSpec, Timing};
use cluster_sim::model::unix_time::UnixTime;
use cluster_sim::model::wall_clock::WallClock;
use serde_json::{Value, json};

use super::objects::{creation, cronjob_spec, new_object};
use super::{Suite, json_files};

const NAMESPACE: &str = "default";

/// More events than any scenario has: a controller that never comes to rest would go on for ever.
const EVENTS_MAX: u32 = 1_000_000;

#[test]
fn cronjob_timelines_agree_with_the_real_controller() {
    let mut suite = Suite::new("golden-cronjob");
    for golden in json_files("golden-job") {
        if golden["scenario"]["kind"] == "cronjob" && !golden["scenario"]["fakeJobs"].is_null() {
            suite.case(text(&golden["scenario"]["name"]), outcome(&golden));
        }
    }
    suite.finish();
}

/// Plays a scenario and compares what came of it.
fn outcome(golden: &Value) -> Result<(), String> {
    let found = World::new(&golden["scenario"]).run()?;
    compare(found, Timeline::expected(&golden["timeline"]))
}

/// What happened, by kind; times in milliseconds.
#[derive(Default)]
struct Timeline {
    jobs: Vec<(i64, String)>,
    records: Vec<(i64, String)>,
    statuses: Vec<(i64, String)>,
}

/// Compares two timelines. The order within one instant counts for statuses alone.
fn compare(mut found: Timeline, mut expected: Timeline) -> Result<(), String> {
    for timeline in [&mut found, &mut expected] {
        timeline.jobs.sort();
        timeline.records.sort();
    }
    same_list("jobs", &found.jobs, &expected.jobs)?;
    same_list("events", &found.records, &expected.records)?;
    same_list("statuses", &found.statuses, &expected.statuses)
}

fn same_list(kind: &str, found: &[(i64, String)], expected: &[(i64, String)]) -> Result<(), String> {
    let n_max = found.len().max(expected.len());
    match (0..n_max).find(|&i| found.get(i) != expected.get(i)) {
        None => Ok(()),
        Some(i) => Err(format!("{kind} {i}: found {:?}, expected {:?}", found.get(i), expected.get(i))),
    }
}

impl Timeline {
    fn expected(records: &Value) -> Self {
        let mut timeline = Self::default();
        for record in list(records) {
            let (at, job) = (millis(&record["t"]), &record["job"]);
            match text(&record["kind"]) {
                "jobCreated" => {
                    let (time, stamp) = (millis(&record["scheduledTime"]), &record["scheduledTimestamp"]);
                    timeline.jobs.push((at, format!("{job} created for {time} {stamp}")));
                }
                "jobDeleted" => timeline.jobs.push((at, format!("{job} deleted"))),
                "event" => {
                    let (kind, reason, message) = (&record["type"], &record["reason"], &record["message"]);
                    timeline.records.push((at, format!("{kind} {reason} {message}")));
                }
                "cronStatus" => {
                    let (active, name) = (&record["active"], &record["cronJob"]);
                    let time = |field: &str| record[field].as_f64().map(|_| millis(&record[field]));
                    let times = (time("lastScheduleTime"), time("lastSuccessfulTime"));
                    timeline.statuses.push((at, format!("{name} {active} {times:?}")));
                }
                _ => {}
            }
        }
        timeline
    }
}

impl Observer for Timeline {
    fn begin(&mut self, _now: SimTime, _seq: u64, _event: &Event, _cluster: &Cluster) {}

    fn see(&mut self, now: SimTime, change: &Change, cluster: &Cluster) {
        let at = in_millis(now);
        match change {
            Change::Created(ObjectId::Job(id)) => {
                let job = cluster.job(*id).expect("it was just created");
                let (name, stamp) = (&job.meta.name, job.meta.annotations.get(SCHEDULED_TIMESTAMP));
                let time = job.scheduled_for.map_or(-1, in_millis);
                let stamp = stamp.expect("a Job of a CronJob has its time");
                self.jobs.push((at, format!("{name:?} created for {time} {stamp:?}")));
            }
            Change::JobDeleted(_, job) => self.jobs.push((at, format!("{:?} deleted", job.name))),
            Change::Recorded(_, record) => {
                let (kind, reason) = (record.severity.to_string(), record.reason);
                self.records.push((at, format!("{kind:?} {reason:?} {}", json!(record.message))));
            }
            Change::CronJobStatusChanged(id) => {
                let cronjob = cluster.cronjob(*id).expect("it was just written");
                let (status, name) = (&cronjob.status, &cronjob.meta.name);
                let active: Vec<&str> = status.active.iter().map(|job| &*job.name).collect();
                let times =
                    (status.last_schedule_time.map(in_millis), status.last_successful_time.map(in_millis));
                self.statuses.push((at, format!("{name:?} {} {times:?}", json!(active))));
            }
            _ => {}
        }
    }
}

/// What the model does at an instant.
enum Action<'a> {
    StopController,
    StartController,
    CreateCronJob(&'a Value),
    User(&'a Value),
    FinishJob(JobId, JobConditionType),
}

/// A scenario being played.
struct World<'a> {
    scenario: &'a Value,
    context: Context,
    calendar: Calendar<Event>,
    cluster: Cluster,
    /// `None` while it is down.
    controller: Option<CronJobController>,
    timeline: Timeline,
    changes: Vec<Change>,
    /// What `ActionDue` stands for.
    actions: Vec<Action<'a>>,
    n_jobs: usize,
    /// The specs of the CronJobs as patched so far.
    specs: serde_json::Map<String, Value>,
}

impl<'a> World<'a> {
    fn new(scenario: &'a Value) -> Self {
        let start = UnixTime::parse_rfc3339(text(&scenario["start"])).expect("a timestamp");
        let mut world = Self {
            scenario,
            context: Context {
                profile: Profile::new("1.28".parse().expect("a version")),
                timing: Timing::ideal(),
                streams: Streams::new(1),
                clock: WallClock { start },
            },
            calendar: Calendar::new(),
            cluster: Cluster::new(Streams::new(1)),
            controller: Some(CronJobController::new()),
            timeline: Timeline::default(),
            changes: Vec::new(),
            actions: Vec::new(),
            n_jobs: 0,
            specs: serde_json::Map::new(),
        };
        for down in list(&scenario["controllerDown"]) {
            world.plan(instant(&down[0]), Action::StopController);
            world.plan(instant(&down[1]), Action::StartController);
        }
        for cronjob in list(&scenario["cronJobs"]) {
            world.plan(instant(&cronjob["createAt"]), Action::CreateCronJob(cronjob));
        }
        for op in list(&scenario["ops"]) {
            world.plan(instant(&op["t"]), Action::User(op));
        }
        world
    }

    fn plan(&mut self, at: SimTime, action: Action<'a>) {
        let event = Event::ActionDue(u32::try_from(self.actions.len()).expect("few actions"));
        self.actions.push(action);
        self.calendar.schedule(at, event.rank(), event);
    }

    fn run(mut self) -> Result<Timeline, String> {
        let horizon = instant(&self.scenario["horizon"]);
        for _ in 0..EVENTS_MAX {
            match self.calendar.pop() {
                Some(due) if due.time <= horizon => self.handle(due.event)?,
                _ => return Ok(self.timeline),
            }
        }
        Err(format!("no end after {EVENTS_MAX} events, at {}", self.calendar.now()))
    }

    fn handle(&mut self, event: Event) -> Result<(), String> {
        if let Event::ActionDue(at) = event {
            self.act(at as usize)?;
        } else if let Some(mut controller) = self.controller.take() {
            controller.on_event(event, &mut self.turn());
            self.controller = Some(controller);
        }
        while !self.changes.is_empty() {
            for change in std::mem::take(&mut self.changes) {
                self.show(&change);
            }
        }
        Ok(())
    }

    /// Lets the controller and the model see what was written.
    fn show(&mut self, change: &Change) {
        if let Some(controller) = &mut self.controller {
            controller.on_change(change, &mut Watch::new(&self.context, &self.cluster, &mut self.calendar));
        }
        match change {
            Change::Created(ObjectId::Job(id)) => self.start_job(*id),
            Change::CronJobDeleted(id, _) => {
                for job in self.cluster.jobs_of_cronjob(*id).map(|(job, _)| job).collect::<Vec<_>>() {
                    self.turn().write(Command::DeleteJob(job, Propagation::Background));
                }
            }
            _ => {}
        }
    }

    /// A Job starts as soon as it is there, and its end is fixed.
    fn start_job(&mut self, id: JobId) {
        let (scripts, now) = (&self.scenario["fakeJobs"], self.calendar.now());
        let script = &scripts["byOrdinal"][self.n_jobs.to_string()];
        let script = if script.is_null() { &scripts["default"] } else { script };
        self.n_jobs += 1;
        let start_time = Some(now.truncated_to_secs());
        let status = JobStatus { active: 1, start_time, ..JobStatus::default() };
        self.turn().write(Command::UpdateJobStatus(id, Box::new(status)));
        if let Some(duration) = script["duration"].as_f64() {
            let is_failed = script["result"] == "Failed";
            let end = if is_failed { JobConditionType::Failed } else { JobConditionType::Complete };
            self.plan(now + SimDuration::from_secs_f64(duration), Action::FinishJob(id, end));
        }
    }

    fn act(&mut self, at: usize) -> Result<(), String> {
        match self.actions[at] {
            Action::StopController => self.controller = None,
            Action::StartController => {
                let mut controller = CronJobController::new();
                controller.start(&mut Watch::new(&self.context, &self.cluster, &mut self.calendar));
                self.controller = Some(controller);
            }
            Action::CreateCronJob(cronjob) => {
                let name = text(&cronjob["name"]);
                let mut spec = json!({"successfulJobsHistoryLimit": 3, "failedJobsHistoryLimit": 1});
                merge(&mut spec, &cronjob["spec"]);
                let object = NewSpec::CronJob(Arc::new(cronjob_spec(&spec)));
                self.specs.insert(name.to_owned(), spec);
                self.turn().write(creation(new_object(NAMESPACE, name, object), None));
            }
            Action::User(op) => self.operate(op)?,
            Action::FinishJob(id, end) => self.finish_job(id, end),
        }
        Ok(())
    }

    fn operate(&mut self, op: &Value) -> Result<(), String> {
        let name = |kind: &str| text(&op[kind]);
        let command = match text(&op["op"]) {
            "patchCronJob" => {
                let spec = self.specs.get_mut(name("cronJob")).ok_or("a patch of no CronJob")?;
                merge(spec, &op["spec"]);
                let spec = Arc::new(cronjob_spec(spec));
                let Some(ObjectId::CronJob(id)) = self.find(Kind::CronJob, name("cronJob")) else {
                    return Ok(());
                };
                Command::UpdateCronJobSpec(id, spec, Arc::new(Value::Null))
            }
            "deleteCronJob" => match self.find(Kind::CronJob, name("cronJob")) {
                Some(ObjectId::CronJob(id)) => Command::DeleteCronJob(id, Propagation::Background),
                _ => return Ok(()),
            },
            "deleteJob" => match self.find(Kind::Job, name("job")) {
                Some(ObjectId::Job(id)) => Command::DeleteJob(id, Propagation::Background),
                _ => return Ok(()),
            },
            other => return Err(format!("an operation without a rule: {other}")),
        };
        self.turn().write(command);
        Ok(())
    }

    fn find(&self, kind: Kind, name: &str) -> Option<ObjectId> {
        self.cluster.find(kind, NAMESPACE, name)
    }

    fn finish_job(&mut self, id: JobId, end: JobConditionType) {
        let now = self.calendar.now().truncated_to_secs();
        let Some(job) = self.cluster.job(id) else { return };
        let is_complete = end == JobConditionType::Complete;
        let condition = JobCondition {
            kind: end,
            status: ConditionStatus::True,
            since: now,
            reason: "".into(),
            message: "".into(),
        };
        let status = JobStatus {
            start_time: job.status.start_time,
            completion_time: is_complete.then_some(now),
            succeeded: u32::from(is_complete),
            failed: u32::from(!is_complete),
            conditions: vec![condition],
            ..JobStatus::default()
        };
        self.turn().write(Command::UpdateJobStatus(id, Box::new(status)));
    }

    fn turn(&mut self) -> Turn<'_> {
        let Self { context, cluster, calendar, timeline, changes, .. } = self;
        Turn::new(context, cluster, calendar, timeline, changes)
    }
}

/// Merges the fields of a patch.
fn merge(spec: &mut Value, patch: &Value) {
    for (field, value) in patch.as_object().into_iter().flatten() {
        spec[field] = value.clone();
    }
}

fn instant(seconds: &Value) -> SimTime {
    SimTime::ZERO + SimDuration::from_secs_f64(seconds.as_f64().expect("a number of seconds"))
}

fn millis(seconds: &Value) -> i64 {
    (seconds.as_f64().expect("a number of seconds") * 1000.0).round() as i64
}

fn in_millis(time: SimTime) -> i64 {
    i64::try_from(time.as_nanos() / 1_000_000).expect("2^64 nanoseconds are fewer milliseconds")
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("expected a text: {value}"))
}
