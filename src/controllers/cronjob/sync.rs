//! One sync of a CronJob: from what the controller's caches hold to writes.
//!
//! The sync decides; what it does and asks on the way goes through an [`Api`], whose answers may be newer than the
//! caches. In a simulation they never are, and of the refusals only `AlreadyExists` occurs. Upstream's own test cases
//! have the others too.
//!
//! Source: Kubernetes 1.28 and later, pkg/controller/cronjob/cronjob_controllerv2.go, sync and syncCronJob.

use std::fmt;

use crate::controllers::cronjob::history;
use crate::controllers::cronjob::job_template;
use crate::controllers::cronjob::schedule_time::{self, Missed, NoTimes};
use crate::controllers::cronjob::timetable::Timetable;
use crate::engine::{SimDuration, SimTime};
use crate::model::cron_schedule::CronSchedule;
use crate::model::cronjob::{ConcurrencyPolicy, CronJobSpec, CronJobStatus, JobReference};
use crate::model::go_text;
use crate::model::ids::JobId;
use crate::model::job::{Job, JobConditionType};
use crate::model::meta::{Name, ObjectMeta, Uid};
use crate::model::profile::{Feature, Profile};
use crate::model::record::Severity;
use crate::model::scenario::NewObject;
use crate::model::unix_time::UnixTime;
use crate::model::wall_clock::WallClock;

/// How long after a scheduled time the controller looks: clocks may differ a little.
const PAD: SimDuration = SimDuration::from_millis(100);

/// A CronJob and its Jobs as the controller's caches hold them.
#[derive(Debug, Clone, Copy)]
pub struct Observed<'a> {
    /// Name and creation.
    pub meta: &'a ObjectMeta,
    /// What the CronJob is given to do.
    pub spec: &'a CronJobSpec,
    /// What came of it.
    pub status: &'a CronJobStatus,
    /// The Jobs that it controls.
    pub jobs: &'a [ChildJob],
    /// The schedule of the spec.
    pub timetable: &'a Timetable,
}

/// When and by which rules a sync goes.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    /// The present instant.
    pub now: SimTime,
    /// The civil time of instants.
    pub clock: &'a WallClock,
    /// The behaviour of the Kubernetes version.
    pub profile: &'a Profile,
}

/// What a sync looks at in a Job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildJob {
    /// Its id and names.
    pub reference: JobReference,
    /// When it was started.
    pub start_time: Option<SimTime>,
    /// When it completed.
    pub completion_time: Option<SimTime>,
    /// Complete or Failed, once it is one of them.
    pub end: Option<JobConditionType>,
}

/// The API server as a sync uses it.
pub trait Api {
    /// The status of the CronJob as it is by now.
    fn latest_status(&self) -> CronJobStatus;

    /// The Job of this name, where there is one.
    ///
    /// # Errors
    /// What the server says when it does not answer.
    fn find_job(&self, name: &Name) -> Result<Option<JobReference>, String>;

    /// Deletes a Job, and its pods after it.
    ///
    /// # Errors
    /// What the server says when it refuses.
    fn delete_job(&mut self, job: &JobReference) -> Result<(), String>;

    /// Creates a Job that the CronJob owns, for the instant that it is scheduled for.
    ///
    /// # Errors
    /// Why the server refuses.
    fn create_job(&mut self, job: NewObject, scheduled_for: SimTime) -> Result<JobReference, CreateRefusal>;

    /// Notes something about the CronJob.
    fn record(&mut self, severity: Severity, reason: &'static str, message: fmt::Arguments<'_>);
}

/// Why the API server refuses to create a Job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CreateRefusal {
    /// There is one of this name.
    AlreadyExists {
        /// That one.
        job: JobReference,
        /// Whether the same CronJob controls it.
        is_own: bool,
    },
    /// The namespace is being deleted.
    NamespaceTerminating,
    /// Something else, in the server's words.
    Other(String),
}

/// What a sync comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The status to write, where it is not the one that was observed.
    pub status: CronJobStatus,
    /// When to sync again.
    pub requeue: Requeue,
}

/// When to sync again, if nothing happens before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requeue {
    /// Never.
    Never,
    /// After this span; zero is at once.
    After(SimDuration),
    /// After the wait that follows one more error in a row.
    AfterError,
}

/// An error that was dealt with as far as it can be: the sync is to be tried again.
struct Failed;

/// A sync under way: the status is changed step by step.
struct Sync<'a, A> {
    observed: &'a Observed<'a>,
    moment: &'a Moment<'a>,
    api: &'a mut A,
    status: CronJobStatus,
}

/// Brings a CronJob up to date.
pub fn sync(observed: &Observed<'_>, moment: &Moment<'_>, api: &mut impl Api) -> Outcome {
    let mut sync = Sync { observed, moment, api, status: observed.status.clone() };
    let cleans_up_first = moment.profile.has(Feature::CronJobCleanupFirst);
    if cleans_up_first {
        sync.clean_up_history();
    }
    let result = sync.reconcile();
    if !cleans_up_first && result.is_ok() {
        sync.clean_up_history();
    }
    Outcome { status: sync.status, requeue: result.unwrap_or(Requeue::AfterError) }
}

/// How long to wait for the next scheduled time, and a little longer; zero where there is none.
pub fn requeue_delay(
    schedule: &CronSchedule,
    meta: &ObjectMeta,
    status: &CronJobStatus,
    (now, clock): (SimTime, &WallClock),
) -> SimDuration {
    let last = last_time(meta, status, clock);
    let next = match schedule_time::most_recent_schedule_time(schedule, last, clock.at(now)) {
        Ok(due) => due.next,
        Err(NoTimes) => schedule.next_after(clock.at(now)),
    };
    next.and_then(|next| clock.instant(next)).map_or(SimDuration::ZERO, |next| (next + PAD).since(now))
}

/// The last scheduled time that was served, or else the creation, cut to whole seconds.
fn last_time(meta: &ObjectMeta, status: &CronJobStatus, clock: &WallClock) -> UnixTime {
    clock.at(status.last_schedule_time.unwrap_or(meta.created))
}

impl ChildJob {
    /// What a sync looks at in `job`.
    pub fn new(id: JobId, job: &Job) -> Self {
        Self {
            reference: JobReference { id, name: job.meta.name.clone(), uid: job.meta.uid },
            start_time: job.status.start_time,
            completion_time: job.status.completion_time,
            end: job.status.finished().map(|condition| condition.kind),
        }
    }
}

impl<'a, A: Api> Sync<'a, A> {
    /// Everything but the history.
    fn reconcile(&mut self) -> Result<Requeue, Failed> {
        self.note_jobs();
        self.drop_missing_jobs()?;
        if self.observed.meta.is_terminating() {
            return Ok(Requeue::Never);
        }
        let Some(schedule) = self.usable_schedule() else { return Ok(Requeue::Never) };
        let due = match schedule_time::most_recent_schedule_time(schedule, self.earliest(), self.unix_now()) {
            Ok(due) => due,
            Err(error) => {
                let text = &self.observed.spec.schedule;
                self.warn("InvalidSchedule", format_args!("invalid schedule: {text} : {error}"));
                return Ok(Requeue::Never);
            }
        };
        match due.time {
            Some(time) if self.admits(time, due.missed) => self.start(time, schedule),
            _ => Ok(self.wait(schedule)),
        }
    }

    /// Whether a Job is to be started for a time that has come; notes why not.
    fn admits(&mut self, time: UnixTime, missed: Missed) -> bool {
        if missed == Missed::Many {
            self.warn(
                "TooManyMissedTimes",
                format_args!(
                    "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"
                ),
            );
        }
        if self.is_served(time) {
            return false;
        }
        let is_forbidden = self.observed.spec.concurrency_policy == ConcurrencyPolicy::Forbid
            && !self.status.active.is_empty();
        if is_forbidden {
            self.note(
                "JobAlreadyActive",
                format_args!(
                    "Not starting job because prior execution is running and concurrency policy is Forbid"
                ),
            );
        }
        !is_forbidden
    }

    /// Deletes the finished Jobs that are too many.
    fn clean_up_history(&mut self) {
        for job in history::jobs_beyond_limits(self.observed.spec, self.observed.jobs) {
            // A refusal was noted, and the next sync tries again.
            let _ = self.delete(&job.reference);
        }
    }

    /// Takes finished Jobs out of the active ones, and complains about running ones that are not in there.
    fn note_jobs(&mut self) {
        for job in self.observed.jobs {
            let is_active = is_active(&self.status, job.reference.uid);
            match job.end {
                Some(end) => self.note_end(job, end, is_active),
                None if is_active => {}
                None => self.note_unexpected(job),
            }
        }
    }

    fn note_end(&mut self, job: &ChildJob, end: JobConditionType, is_active: bool) {
        let profile = self.moment.profile;
        if is_active {
            let word = if profile.has(Feature::CronJobSaysCondition) { "condition" } else { "status" };
            let (name, end) = (&job.reference.name, end.as_str());
            remove_active(&mut self.status, job.reference.uid);
            self.note("SawCompletedJob", format_args!("Saw completed job: {name}, {word}: {end}"));
            if !profile.has(Feature::CronJobSuccessAtOnce) {
                return;
            }
        }
        if end == JobConditionType::Complete || !profile.has(Feature::CronJobSuccessFromComplete) {
            self.status.last_successful_time = self.status.last_successful_time.max(job.completion_time);
        }
    }

    fn note_unexpected(&mut self, job: &ChildJob) {
        let latest = self.api.latest_status();
        if is_active(&latest, job.reference.uid) {
            self.status = latest;
            return;
        }
        let name = &job.reference.name;
        self.warn(
            "UnexpectedJob",
            format_args!("Saw a job that the controller did not create or forgot: {name}"),
        );
    }

    /// Takes Jobs that are gone out of the active ones.
    fn drop_missing_jobs(&mut self) -> Result<(), Failed> {
        for active in self.status.active.clone() {
            if self.observed.jobs.iter().any(|job| job.reference.uid == active.uid) {
                continue;
            }
            if self.api.find_job(&active.name).map_err(|_| Failed)?.is_none() {
                self.note("MissingJob", format_args!("Active job went missing: {}", active.name));
                remove_active(&mut self.status, active.uid);
            }
        }
        Ok(())
    }

    /// The schedule, unless there is none or it is suspended.
    fn usable_schedule(&mut self) -> Option<&'a CronSchedule> {
        let (spec, timetable) = (self.observed.spec, self.observed.timetable);
        if let Err(error) = &timetable.zone {
            self.warn("UnknownTimeZone", format_args!("{error}"));
            return None;
        }
        if spec.suspend {
            return None;
        }
        if timetable.has_own_zone {
            let schedule = go_text::quote(&spec.schedule);
            self.warn(
                "UnsupportedSchedule",
                format_args!(
                    "CRON_TZ or TZ used in schedule {schedule} is not officially supported, see \
                     https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details"
                ),
            );
        }
        match &timetable.schedule {
            Ok(schedule) => Some(schedule),
            Err(error) => {
                self.warn("UnparseableSchedule", format_args!("{error}"));
                None
            }
        }
    }

    fn earliest(&self) -> UnixTime {
        let last = last_time(self.observed.meta, &self.status, self.moment.clock);
        schedule_time::earliest_time(last, self.observed.spec.starting_deadline, self.unix_now())
    }

    /// Whether the Job for this time was started before.
    fn is_served(&self, time: UnixTime) -> bool {
        let has_name = |name: &Name| self.status.active.iter().any(|job| job.name == *name);
        self.status.last_schedule_time == Some(self.instant(time))
            || !self.status.active.is_empty()
                && has_name(&job_template::job_name(&self.observed.meta.name, time))
    }

    fn delete_active_jobs(&mut self) -> Result<(), Failed> {
        for active in self.status.active.clone() {
            let job = match self.api.find_job(&active.name) {
                Ok(Some(job)) => job,
                Ok(None) => {
                    return Err(self.fail_get(format_args!("jobs.batch \"{}\" not found", active.name)));
                }
                Err(error) => return Err(self.fail_get(format_args!("{error}"))),
            };
            self.delete(&job)?;
        }
        Ok(())
    }

    fn fail_get(&mut self, error: fmt::Arguments<'_>) -> Failed {
        self.warn("FailedGet", format_args!("Get job: {error}"));
        Failed
    }

    fn delete(&mut self, job: &JobReference) -> Result<(), Failed> {
        if let Err(error) = self.api.delete_job(job) {
            self.warn("FailedDelete", format_args!("Deleted job: {error}"));
            return Err(Failed);
        }
        remove_active(&mut self.status, job.uid);
        self.note("SuccessfulDelete", format_args!("Deleted job {}", job.name));
        Ok(())
    }

    /// Starts the Job for a scheduled time, in the place of the active ones where the policy is so.
    fn start(&mut self, time: UnixTime, schedule: &CronSchedule) -> Result<Requeue, Failed> {
        if self.observed.spec.concurrency_policy == ConcurrencyPolicy::Replace {
            self.delete_active_jobs()?;
        }
        let Observed { meta, spec, timetable, .. } = *self.observed;
        let zone = *timetable.zone.as_ref().map_err(|_| Failed)?;
        let job = job_template::job_from_template(meta, spec, time, zone);
        let scheduled_for = self.instant(time);
        let job = match self.api.create_job(job, scheduled_for) {
            Ok(job) => {
                self.note("SuccessfulCreate", format_args!("Created job {}", job.name));
                job
            }
            Err(CreateRefusal::AlreadyExists { job, is_own }) => {
                if !self.moment.profile.has(Feature::CronJobAdoptsExisting) {
                    return Err(Failed);
                }
                if !is_own || is_active(&self.status, job.uid) {
                    return Ok(Requeue::Never);
                }
                job
            }
            Err(CreateRefusal::NamespaceTerminating) => return Err(Failed),
            Err(CreateRefusal::Other(error)) => {
                self.warn("FailedCreate", format_args!("Error creating job: {error}"));
                return Err(Failed);
            }
        };
        self.status.active.push(job);
        self.status.last_schedule_time = Some(scheduled_for);
        Ok(self.wait(schedule))
    }

    fn wait(&self, schedule: &CronSchedule) -> Requeue {
        let moment = (self.moment.now, self.moment.clock);
        Requeue::After(requeue_delay(schedule, self.observed.meta, &self.status, moment))
    }

    fn unix_now(&self) -> UnixTime {
        self.moment.clock.at(self.moment.now)
    }

    fn instant(&self, time: UnixTime) -> SimTime {
        let instant = self.moment.clock.instant(time);
        instant.expect("scheduled times are later than the creation of the CronJob, and that than the start")
    }

    fn note(&mut self, reason: &'static str, message: fmt::Arguments<'_>) {
        self.api.record(Severity::Normal, reason, message);
    }

    fn warn(&mut self, reason: &'static str, message: fmt::Arguments<'_>) {
        self.api.record(Severity::Warning, reason, message);
    }
}

fn is_active(status: &CronJobStatus, uid: Uid) -> bool {
    status.active.iter().any(|job| job.uid == uid)
}

fn remove_active(status: &mut CronJobStatus, uid: Uid) {
    status.active.retain(|job| job.uid != uid);
}
