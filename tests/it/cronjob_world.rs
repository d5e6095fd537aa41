//! The small model in which the CronJob controller is played: Jobs without pods.
//!
//! A Job starts when it is created and ends when its script says so, users act when the scenario says so, what a
//! deleted CronJob owned goes with it, and the controller may be down for a while. Scenarios have the shape of those
//! in `conformance/golden-job/`, whose `FORMAT.md` has the rules. Jobs are ended by the model and users act before
//! the controller looks at an instant.

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

use crate::objects::{creation, cronjob_spec, new_object};

const NAMESPACE: &str = "default";

/// More events than any scenario has: a controller that never comes to rest would go on for ever.
const EVENTS_MAX: u32 = 1_000_000;

/// What happened, by kind, in order; times in milliseconds since the start.
#[derive(Debug, Default, PartialEq)]
pub struct Timeline {
    /// Jobs that were created and deleted.
    pub jobs: Vec<(i64, JobChange)>,
    /// What the controller noted.
    pub records: Vec<(i64, Note)>,
    /// The statuses that it wrote.
    pub statuses: Vec<(i64, Status)>,
}

/// What became of a Job, by name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum JobChange {
    /// It was created for a scheduled time, which its annotation has as a text.
    Created(String, i64, String),
    /// It was deleted.
    Deleted(String),
}

/// What the controller noted of a CronJob.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    pub severity: String,
    pub reason: String,
    pub message: String,
}

/// The status of a CronJob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    pub cronjob: String,
    pub active: Vec<String>,
    pub last_schedule_time: Option<i64>,
    pub last_successful_time: Option<i64>,
}

impl Timeline {
    /// The reasons of the records that are more than the run of the mill.
    pub fn reasons(&self) -> Vec<&str> {
        let usual = ["SuccessfulCreate", "SawCompletedJob", "SuccessfulDelete"];
        let reasons = self.records.iter().map(|(_, note)| note.reason.as_str());
        reasons.filter(|reason| !usual.contains(reason)).collect()
    }

    /// When Jobs were created and for which times, in seconds.
    pub fn starts(&self) -> Vec<(f64, f64)> {
        let seconds = |millis: i64| millis as f64 / 1000.0;
        let starts = self.jobs.iter().filter_map(|(at, change)| match change {
            JobChange::Created(_, time, _) => Some((seconds(*at), seconds(*time))),
            JobChange::Deleted(_) => None,
        });
        starts.collect()
    }
}

impl Observer for Timeline {
    fn begin(&mut self, _now: SimTime, _seq: u64, _event: &Event, _cluster: &Cluster) {}

    fn see(&mut self, now: SimTime, change: &Change, cluster: &Cluster) {
        let at = in_millis(now);
        match change {
            Change::Created(ObjectId::Job(id)) => {
                let job = cluster.job(*id).expect("it was just created");
                let stamp = job.meta.annotations.get(SCHEDULED_TIMESTAMP);
                let created = JobChange::Created(
                    job.meta.name.to_string(),
                    job.scheduled_for.map(in_millis).expect("a Job of a CronJob is made for a time"),
                    stamp.expect("a Job of a CronJob shows its time").to_string(),
                );
                self.jobs.push((at, created));
            }
            Change::JobDeleted(_, job) => self.jobs.push((at, JobChange::Deleted(job.name.to_string()))),
            Change::Recorded(_, record) => self.records.push((
                at,
                Note {
                    severity: record.severity.to_string(),
                    reason: record.reason.to_string(),
                    message: record.message.clone(),
                },
            )),
            Change::CronJobStatusChanged(id) => {
                let cronjob = cluster.cronjob(*id).expect("it was just written");
                let status = &cronjob.status;
                self.statuses.push((
                    at,
                    Status {
                        cronjob: cronjob.meta.name.to_string(),
                        active: status.active.iter().map(|job| job.name.to_string()).collect(),
                        last_schedule_time: status.last_schedule_time.map(in_millis),
                        last_successful_time: status.last_successful_time.map(in_millis),
                    },
                ));
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
pub struct World<'a> {
    scenario: &'a Value,
    context: Context,
    calendar: Calendar<Event>,
    /// The objects.
    pub cluster: Cluster,
    /// `None` while it is down.
    controller: Option<CronJobController>,
    /// What has happened.
    pub timeline: Timeline,
    changes: Vec<Change>,
    /// What `ActionDue` stands for.
    actions: Vec<Action<'a>>,
    n_jobs: usize,
    /// The specs of the CronJobs as patched so far.
    specs: serde_json::Map<String, Value>,
}

impl<'a> World<'a> {
    /// A scenario before it begins, under the behaviour of a Kubernetes version.
    pub fn new(scenario: &'a Value, version: &str) -> Self {
        let start = UnixTime::parse_rfc3339(text(&scenario["start"])).expect("a timestamp");
        let mut world = Self {
            scenario,
            context: Context {
                profile: Profile::new(version.parse().expect("a version")),
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

    /// Plays the scenario to its horizon.
    ///
    /// # Errors
    /// It does not come to an end, or asks for what the model cannot do.
    pub fn run(&mut self) -> Result<(), String> {
        let horizon = instant(&self.scenario["horizon"]);
        for _ in 0..EVENTS_MAX {
            match self.calendar.pop() {
                Some(due) if due.time <= horizon => self.handle(due.event)?,
                _ => return Ok(()),
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

fn in_millis(time: SimTime) -> i64 {
    i64::try_from(time.as_nanos() / 1_000_000).expect("2^64 nanoseconds are fewer milliseconds")
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("expected a text: {value}"))
}
