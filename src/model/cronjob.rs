//! CronJobs: spec and status of `batch/v1 CronJob`.

use crate::engine::{SimDuration, SimTime};
use crate::model::ids::JobId;
use crate::model::job::JobTemplate;
use crate::model::meta::{Name, Uid};
use crate::model::object::Object;

/// A CronJob.
pub type CronJob = Object<CronJobSpec, CronJobStatus>;

/// What a CronJob is given to do, after defaulting.
#[derive(Debug, Clone, PartialEq)]
pub struct CronJobSpec {
    /// The schedule as written. Validation refuses what does not parse, but the controller meets such text all
    /// the same where a test or an old object brings it.
    pub schedule: Name,
    /// The zone of the schedule; `None` is the zone of the controller, UTC.
    pub time_zone: Option<Name>,
    /// How late a run may start; `None` is as late as need be.
    pub starting_deadline: Option<SimDuration>,
    /// What happens when the last run is not over.
    pub concurrency_policy: ConcurrencyPolicy,
    /// No new runs for now.
    pub suspend: bool,
    /// How many succeeded Jobs are kept.
    pub successful_history_limit: Option<u32>,
    /// How many failed Jobs are kept.
    pub failed_history_limit: Option<u32>,
    /// What its Jobs are made of.
    pub job_template: JobTemplate,
}

/// What happens when a run is due and the last one is not over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ConcurrencyPolicy {
    /// Both run.
    #[default]
    Allow,
    /// The new one waits, and is lost when a later one is due first.
    Forbid,
    /// The old one is deleted.
    Replace,
}

impl ConcurrencyPolicy {
    /// The text in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "Allow",
            Self::Forbid => "Forbid",
            Self::Replace => "Replace",
        }
    }
}

/// What came of a CronJob.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CronJobStatus {
    /// The Jobs that it started and that are not over.
    pub active: Vec<JobReference>,
    /// The instant that the last run was scheduled for.
    pub last_schedule_time: Option<SimTime>,
    /// When the last successful Job completed.
    pub last_successful_time: Option<SimTime>,
}

/// A reference to a Job that may be gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobReference {
    /// The Job.
    pub id: JobId,
    /// Its name.
    pub name: Name,
    /// Its unique id.
    pub uid: Uid,
}
