//! The CronJob controller: starts a Job whenever a schedule says so.
//!
//! A CronJob is synced when it or one of its Jobs changes, and 100 ms after each scheduled time. Syncs are not
//! batched: what happens at an instant is seen at that instant. Between syncs the controller keeps nothing but its
//! work queue and the schedules it has read; `status.lastScheduleTime` is the only memory of what was started.
//!
//! ```text
//!            scheduled time + 100 ms, or a change
//!                          │
//!                        sync ──── nothing due, or suspended ────► wait
//!                          │
//!          Forbid, a Job is active: JobAlreadyActive ────────────► wait: its end is a change
//!                          │
//!          Replace: the active Jobs are deleted
//!                          │
//!          the Job for the latest scheduled time is created ─────► wait
//! ```
//!
//! - [`timetable`]: schedule and time zone of a spec, and the times of a period.
//! - [`schedule_time`]: which of the times is due, and for which to wait.
//! - [`history`]: which finished Jobs are too many.
//! - [`job_template`]: the Job for a time.
//! - [`sync`]: one sync of all that.
//!
//! Deleting the Jobs of a CronJob that is gone is the garbage collector's part.
//!
//! Source: Kubernetes 1.28 and later, pkg/controller/cronjob/cronjob_controllerv2.go.

pub mod history;
pub mod job_template;
pub mod schedule_time;
pub mod sync;
pub mod timetable;

use std::fmt;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::cluster::{Cluster, Refusal};
use crate::component::{Component, Retry, Timers, Turn, Watch, WorkQueue};
use crate::controllers::cronjob::sync::{Api, ChildJob, CreateRefusal, Moment, Observed, Outcome, Requeue};
use crate::controllers::cronjob::timetable::Timetable;
use crate::engine::{SimDuration, SimTime};
use crate::event::{Change, Command, Creation, Event, SpecChange, StatusUpdate};
use crate::model::cronjob::{CronJob, CronJobSpec, CronJobStatus, JobReference};
use crate::model::ids::{CronJobId, JobId, Kind, ObjectId};
use crate::model::meta::{Name, Owner, Propagation};
use crate::model::record::Severity;
use crate::model::scenario::NewObject;

/// Who makes the records.
const SOURCE: &str = "cronjob-controller";

/// The waits after errors. Source: client-go/util/workqueue, DefaultControllerRateLimiter.
const RETRY: Retry = Retry { first: SimDuration::from_millis(5), longest: SimDuration::from_secs(1000) };

/// The CronJob controller.
#[derive(Debug, Clone)]
pub struct CronJobController {
    queue: WorkQueue<CronJobId>,
    timetables: FxHashMap<CronJobId, Reading>,
}

/// The timetable of a spec that was read.
#[derive(Debug, Clone)]
struct Reading {
    spec: Arc<CronJobSpec>,
    timetable: Timetable,
    /// The schedule has been changed to one that cannot be read, and this was not noted yet.
    is_complaint_due: bool,
}

impl CronJobController {
    /// A controller with an empty memory.
    pub fn new() -> Self {
        Self { queue: WorkQueue::new(Event::CronJobSync, RETRY), timetables: FxHashMap::default() }
    }

    /// Waits for the next time of a schedule that was changed. What the old one waits for stays: that sync will find
    /// nothing due, or something by the new schedule.
    ///
    /// Source: Kubernetes 1.28, pkg/controller/cronjob/cronjob_controllerv2.go, updateCronJob.
    fn change_schedule(&mut self, id: CronJobId, cronjob: &CronJob, watch: &mut Watch<'_>) {
        let now = watch.now();
        let reading = read(&mut self.timetables, id, &cronjob.spec);
        if let Ok(schedule) = &reading.timetable.schedule {
            let moment = (now, &watch.context.clock);
            let delay = sync::requeue_delay(schedule, &cronjob.meta, &cronjob.status, moment);
            self.queue.add_after(id, delay, watch);
        } else {
            // Only a turn can make records. This event is not the queue's, so no sync comes of it.
            reading.is_complaint_due = true;
            watch.set_timer(now, Event::CronJobSync(id));
        }
    }

    /// Notes that a schedule was changed to one that cannot be read.
    fn complain(&mut self, id: CronJobId, turn: &mut Turn<'_>) {
        let Some(reading) = self.timetables.get_mut(&id) else { return };
        if std::mem::take(&mut reading.is_complaint_due) && turn.cluster().cronjob(id).is_some() {
            let message = format!("unparseable schedule for cronjob: {}", reading.spec.schedule);
            turn.record(
                ObjectId::CronJob(id),
                Severity::Warning,
                "UnParseableCronJobSchedule",
                message,
                SOURCE,
            );
        }
    }

    fn sync(&mut self, id: CronJobId, turn: &mut Turn<'_>) {
        let Some(cronjob) = turn.cluster().cronjob(id).cloned() else { return };
        let jobs: Vec<ChildJob> =
            turn.cluster().jobs_of(id).map(|(id, job)| ChildJob::new(id, job)).collect();
        let observed = Observed {
            meta: &cronjob.meta,
            spec: &cronjob.spec,
            status: &cronjob.status,
            jobs: &jobs,
            timetable: &read(&mut self.timetables, id, &cronjob.spec).timetable,
        };
        let context = turn.context;
        let moment = Moment { now: turn.now(), clock: &context.clock, profile: &context.profile };
        let Outcome { status, requeue } =
            sync::sync(&observed, &moment, &mut LiveApi { turn, id, cronjob: &cronjob });
        if status != cronjob.status {
            turn.write(Command::UpdateStatus(Box::new(StatusUpdate::CronJob(id, status))));
        }
        match requeue {
            Requeue::Never => {}
            Requeue::After(delay) => {
                self.queue.forget_errors(id);
                self.queue.add_after(id, delay, turn);
            }
            Requeue::AfterError => self.queue.add_after_error(id, turn),
        }
    }

    /// Syncs the CronJob that controls a Job.
    fn add_owner(&mut self, job: JobId, watch: &mut Watch<'_>) {
        let owner = watch.cluster().job(job).and_then(|job| job.meta.owner.as_ref());
        self.add_controller(owner, watch);
    }

    fn add_controller(&mut self, owner: Option<&Owner>, watch: &mut Watch<'_>) {
        if let Some(Owner { object: ObjectId::CronJob(id), .. }) = owner
            && watch.cluster().cronjob(*id).is_some()
        {
            self.queue.add(*id, watch);
        }
    }
}

impl Default for CronJobController {
    fn default() -> Self {
        Self::new()
    }
}

impl Component for CronJobController {
    fn start(&mut self, watch: &mut Watch<'_>) {
        let mut cronjobs: Vec<_> =
            watch.cluster().cronjobs().iter().map(|(id, cronjob)| (cronjob.meta.uid.serial, id)).collect();
        cronjobs.sort_unstable();
        for (_, id) in cronjobs {
            self.queue.add(id, watch);
        }
    }

    fn on_event(&mut self, event: Event, turn: &mut Turn<'_>) {
        let Event::CronJobSync(id) = event else { return };
        self.complain(id, turn);
        if self.queue.take(id, turn) {
            self.sync(id, turn);
        }
    }

    fn on_change(&mut self, change: &Change, watch: &mut Watch<'_>) {
        match change {
            Change::Created(ObjectId::CronJob(id))
            | Change::SpecChanged(ObjectId::CronJob(id), SpecChange::Other)
            | Change::StatusChanged(ObjectId::CronJob(id))
            | Change::DeletionRequested(ObjectId::CronJob(id), _) => self.queue.add(*id, watch),
            Change::SpecChanged(ObjectId::CronJob(id), SpecChange::Schedule) => {
                if let Some(cronjob) = watch.cluster().cronjob(*id) {
                    self.change_schedule(*id, cronjob, watch);
                }
            }
            Change::Deleted(ObjectId::CronJob(id), _) => {
                self.queue.remove(*id, watch);
                self.timetables.remove(id);
            }
            Change::Created(ObjectId::Job(id))
            | Change::SpecChanged(ObjectId::Job(id), _)
            | Change::StatusChanged(ObjectId::Job(id))
            | Change::DeletionRequested(ObjectId::Job(id), _) => self.add_owner(*id, watch),
            Change::Deleted(ObjectId::Job(_), job) => self.add_controller(job.owner.as_ref(), watch),
            _ => {}
        }
    }
}

/// The timetable of a CronJob, read anew where the spec is another.
fn read<'a>(
    timetables: &'a mut FxHashMap<CronJobId, Reading>,
    id: CronJobId,
    spec: &Arc<CronJobSpec>,
) -> &'a mut Reading {
    let new = || Reading { spec: Arc::clone(spec), timetable: Timetable::new(spec), is_complaint_due: false };
    let reading = timetables.entry(id).or_insert_with(new);
    if !Arc::ptr_eq(&reading.spec, spec) {
        *reading = Reading { is_complaint_due: reading.is_complaint_due, ..new() };
    }
    reading
}

/// The API server of a simulation.
struct LiveApi<'a, 't> {
    turn: &'a mut Turn<'t>,
    id: CronJobId,
    cronjob: &'a CronJob,
}

impl Api for LiveApi<'_, '_> {
    fn latest_status(&self) -> CronJobStatus {
        let cronjob = self.turn.cluster().cronjob(self.id);
        cronjob.map_or_else(CronJobStatus::default, |cronjob| cronjob.status.clone())
    }

    fn find_job(&self, name: &Name) -> Result<Option<JobReference>, String> {
        Ok(job_named(self.turn.cluster(), &self.cronjob.meta.namespace, name).map(|(job, _)| job))
    }

    fn delete_job(&mut self, job: &JobReference) -> Result<(), String> {
        let deletion = Command::Delete(ObjectId::Job(job.id), Propagation::Background);
        self.turn.submit(deletion).map(|_| ()).map_err(|refusal| refusal.to_string())
    }

    fn create_job(&mut self, job: NewObject, scheduled_for: SimTime) -> Result<JobReference, CreateRefusal> {
        let meta = &self.cronjob.meta;
        let name = job.name.clone();
        let owner = Owner { object: ObjectId::CronJob(self.id), name: meta.name.clone(), uid: meta.uid };
        let creation = Command::Create(Box::new(Creation {
            object: job,
            generates_name: false,
            owner: Some(owner),
            job: None,
            scheduled_for: Some(scheduled_for),
        }));
        let refusal = self.turn.submit(creation).err();
        if let Some(refusal) = refusal.as_ref().filter(|refusal| **refusal != Refusal::AlreadyExists) {
            return Err(CreateRefusal::Other(refusal.to_string()));
        }
        let (job, owner) = job_named(self.turn.cluster(), &meta.namespace, &name)
            .expect("the new Job has the name, or the one that had it before");
        match refusal {
            None => Ok(job),
            Some(_) => {
                let is_own = owner.is_some_and(|owner| owner.uid == meta.uid);
                Err(CreateRefusal::AlreadyExists { job, is_own })
            }
        }
    }

    fn record(&mut self, severity: Severity, reason: &'static str, message: fmt::Arguments<'_>) {
        if self.turn.wants_records(reason) {
            self.turn.record(ObjectId::CronJob(self.id), severity, reason, message.to_string(), SOURCE);
        }
    }
}

/// The living Job of this name, and what controls it.
fn job_named<'c>(
    cluster: &'c Cluster,
    namespace: &str,
    name: &Name,
) -> Option<(JobReference, Option<&'c Owner>)> {
    let ObjectId::Job(id) = cluster.find(Kind::Job, namespace, name)? else { return None };
    let meta = &cluster.job(id)?.meta;
    Some((JobReference { id, name: meta.name.clone(), uid: meta.uid }, meta.owner.as_ref()))
}
