//! The schedule and the time zone of a CronJob, read once per spec; and the times that they stand for.

use chrono_tz::Tz;
use thiserror::Error;

use crate::model::cron_schedule::{CronError, CronSchedule};
use crate::model::cronjob::CronJobSpec;
use crate::model::go_text;
use crate::model::time_zone::{self, ZoneError};
use crate::model::unix_time::UnixTime;

/// The schedule and the time zone of a CronJob.
///
/// Deviation: the zone of the controller's process is always UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timetable {
    /// The zone of `spec.timeZone`, UTC where there is none: in it the scheduled times of Jobs are written.
    pub zone: Result<Tz, TimetableError>,
    /// When Jobs are due. A zone in the text of the schedule wins over `spec.timeZone`, and an unknown one is left out.
    pub schedule: Result<CronSchedule, TimetableError>,
    /// Whether the text of the schedule contains `TZ`, wherever it does.
    pub has_own_zone: bool,
}

/// Why a CronJob has no times; the messages are those of the controller.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TimetableError {
    /// `spec.timeZone` does not exist.
    #[error("invalid timeZone: {}: {fault}", go_text::quote(.name))]
    UnknownTimeZone {
        /// The name as given.
        name: String,
        /// What is wrong with it.
        fault: ZoneError,
    },
    /// `spec.schedule` is no schedule.
    #[error("unparseable schedule: {} : {fault}", go_text::quote(.schedule))]
    Unparseable {
        /// The text as given.
        schedule: String,
        /// What is wrong with it.
        fault: CronError,
    },
}

impl Timetable {
    /// Reads the schedule and the time zone of a spec.
    ///
    /// Source: Kubernetes 1.28, pkg/controller/cronjob/cronjob_controllerv2.go, formatSchedule.
    pub fn new(spec: &CronJobSpec) -> Self {
        let zone = match &spec.time_zone {
            None => Ok(None),
            Some(name) => match time_zone::load_location(name) {
                Ok(zone) => Ok(Some(zone.unwrap_or(Tz::UTC))),
                Err(fault) => Err(TimetableError::UnknownTimeZone { name: name.to_string(), fault }),
            },
        };
        let schedule = CronSchedule::with_zone(&spec.schedule, zone.clone().unwrap_or(None));
        Self {
            zone: zone.map(|zone| zone.unwrap_or(Tz::UTC)),
            schedule: schedule
                .map_err(|fault| TimetableError::Unparseable { schedule: spec.schedule.to_string(), fault }),
            has_own_zone: spec.schedule.contains("TZ"),
        }
    }
}

/// The times at which a CronJob is due in a period, in order.
#[derive(Debug, Clone)]
pub struct ScheduledRuns {
    schedule: CronSchedule,
    last: UnixTime,
    to: UnixTime,
}

/// All times later than `from`, up to and with `to`, at which a CronJob of this spec is due; whether it is suspended
/// or not. The times of an `@every` count from `from`.
///
/// # Errors
/// When the time zone does not exist or the schedule is none.
pub fn scheduled_runs(
    spec: &CronJobSpec,
    from: UnixTime,
    to: UnixTime,
) -> Result<ScheduledRuns, TimetableError> {
    let timetable = Timetable::new(spec);
    timetable.zone?;
    Ok(ScheduledRuns { schedule: timetable.schedule?, last: from, to })
}

impl Iterator for ScheduledRuns {
    type Item = UnixTime;

    fn next(&mut self) -> Option<UnixTime> {
        self.last = self.schedule.next_after(self.last).filter(|next| *next <= self.to)?;
        Some(self.last)
    }
}

impl std::iter::FusedIterator for ScheduledRuns {}
