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
    /// The scheduled time after that, for which to wait; `None` where there is none.
    pub next: Option<UnixTime>,
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
///
/// Upstream asks of a time that it has found later than this whether it is too late all the same (MissSchedule). It
/// never is.
pub fn earliest_time(last: UnixTime, deadline: Option<SimDuration>, now: UnixTime) -> UnixTime {
    let deadline = deadline.and_then(|deadline| i64::try_from(deadline.as_secs()).ok());
    let cut = deadline.and_then(|deadline| now.checked_add_secs(-deadline));
    cut.map_or(last, |cut| cut.max(last))
}

/// Finds the latest scheduled time after `earliest` that has come.
///
/// The number of missed runs is estimated from the first interval, and the search begins where the one before the
/// last would be if all were alike. With times at uneven distances that can be too late, so that none is found: then
/// what comes after the present is waited for.
///
/// Deviation: Kubernetes 1.28.0 waits for the time after `earliest` then, which has passed, and syncs without end
/// until a run is due. Its later patches do as it is done here.
///
/// Source: Kubernetes 1.29, pkg/controller/cronjob/utils.go, mostRecentScheduleTime and nextScheduleTimeDuration.
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
        return Ok(Due { time: None, missed: Missed::None, next: Some(first) });
    }
    let second = schedule.next_after(first).ok_or(NoTimes)?;
    if now < second {
        return Ok(Due { time: Some(first), missed: Missed::None, next: Some(second) });
    }
    let interval = second.secs() - first.secs();
    let n_missed = (now.secs() - first.secs()) / interval + 1;
    let missed = if n_missed > FEW { Missed::Many } else { Missed::Few };
    let mut next = schedule.next_after(first.checked_add_secs((n_missed - 2) * interval).ok_or(NoTimes)?);
    let mut time = None;
    while let Some(come) = next.filter(|next| *next <= now) {
        time = Some(come);
        next = schedule.next_after(come);
    }
    let next = if time.is_some() { next } else { schedule.next_after(now) };
    Ok(Due { time, missed, next })
}
