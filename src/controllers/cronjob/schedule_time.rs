//! Which scheduled time of a CronJob is due, and when to look again.
//!
//! Instants are whole seconds: scheduled times have no fraction, and against them a fraction of the present never
//! matters. A schedule that has no next time for five years has none at all.
//!
//! Deviation: Kubernetes' library answers with the year 1 where a schedule has no next time. Here that is an
//! error at once, where there a search through two thousand years would follow.

use thiserror::Error;

use crate::engine::SimDuration;
use crate::model::cron_schedule::CronSchedule;
use crate::model::unix_time::UnixTime;

/// More missed runs than this are worth a warning.
const FEW: i64 = 100;

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The latest scheduled time that has come; `None` where none has, or where the search passed it by.
    pub time: Option<UnixTime>,
    /// How many runs were missed, by an estimate.
    pub missed: Missed,
}

/// How many runs were missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missed {
    /// None: at most one time has come, and it is the one that is due.
    None,
    /// At most a hundred.
    Few,
    /// More.
    Many,
}

/// A schedule without a next time, such as one for 31 February.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("time difference between two schedules is less than 1 second")]
pub struct NoTimes;

/// Nothing up to this instant is started any more: the last time that was served, or the creation, or `deadline` ago.
pub fn earliest_time(last: UnixTime, deadline: Option<SimDuration>, now: UnixTime) -> UnixTime {
    let deadline = deadline.and_then(|deadline| i64::try_from(deadline.as_secs()).ok());
    let cut = deadline.and_then(|deadline| now.checked_add_secs(-deadline));
    cut.map_or(last, |cut| cut.max(last))
}

/// Finds the latest scheduled time after `earliest` that has come.
///
/// The number of missed runs is estimated from the first interval, and the search begins where the one before the
/// last would be if all were alike. With times at uneven distances that can be too late, so that none is found.
///
/// Source: Kubernetes 1.29, pkg/controller/cronjob/utils.go, mostRecentScheduleTime.
///
/// # Errors
/// The schedule has no next time.
pub fn most_recent_schedule_time(
    schedule: &CronSchedule,
    earliest: UnixTime,
    now: UnixTime,
) -> Result<Due, NoTimes> {
    let first = schedule.next_after(earliest).ok_or(NoTimes)?;
    if now < first {
        return Ok(Due { time: None, missed: Missed::None });
    }
    let second = schedule.next_after(first).ok_or(NoTimes)?;
    if now < second {
        return Ok(Due { time: Some(first), missed: Missed::None });
    }
    let interval = second.secs() - first.secs();
    let n_missed = (now.secs() - first.secs()) / interval + 1;
    let mut after = first.checked_add_secs((n_missed - 2) * interval).ok_or(NoTimes)?;
    let mut time = None;
    while let Some(next) = schedule.next_after(after).filter(|next| *next <= now) {
        time = Some(next);
        after = next;
    }
    let missed = if n_missed > FEW { Missed::Many } else { Missed::Few };
    Ok(Due { time, missed })
}

/// Finds the scheduled time for which to wait; `None` where there is none.
///
/// Deviation: Kubernetes 1.28.0 looks for it from `earliest` where runs were missed but none is found, gets a time in
/// the past and syncs without end until a run is due. Its later patches do it as it is done here.
///
/// Source: Kubernetes 1.29, pkg/controller/cronjob/utils.go, nextScheduleTimeDuration.
pub fn next_schedule_time(schedule: &CronSchedule, earliest: UnixTime, now: UnixTime) -> Option<UnixTime> {
    let from = match most_recent_schedule_time(schedule, earliest, now) {
        Ok(Due { time: Some(time), .. }) => time,
        Ok(Due { time: None, missed: Missed::None }) => earliest,
        Ok(Due { time: None, missed: Missed::Few | Missed::Many }) | Err(NoTimes) => now,
    };
    schedule.next_after(from)
}
