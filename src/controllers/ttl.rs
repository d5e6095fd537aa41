//! The TTL-after-finished controller: deletes finished Jobs once `ttlSecondsAfterFinished` is over.
//!
//! Source: Kubernetes 1.28, pkg/controller/ttlafterfinished/ttlafterfinished_controller.go.

use crate::component::{Component, Retry, Timers, Turn, Watch, WorkQueue};
use crate::engine::{SimDuration, SimTime};
use crate::event::{Change, Command, Event};
use crate::model::ids::{JobId, ObjectId};
use crate::model::job::Job;
use crate::model::meta::Propagation;

/// Waits after errors. Source: client-go/util/workqueue, DefaultControllerRateLimiter.
const RETRY: Retry = Retry { first: SimDuration::from_millis(5), longest: SimDuration::from_secs(1000) };

/// The TTL-after-finished controller.
#[derive(Debug, Clone)]
pub struct TtlController {
    queue: WorkQueue<JobId>,
}

impl TtlController {
    /// A controller that has just started.
    pub fn new() -> Self {
        Self { queue: WorkQueue::new(Event::JobExpired, RETRY) }
    }

    fn enqueue(&mut self, id: JobId, watch: &mut Watch<'_>) {
        if watch.cluster().job(id).and_then(expiry).is_some() {
            self.queue.add(id, watch);
        }
    }

    /// Deletes the Job with its pods first, or looks again when its time is over.
    fn check(&mut self, id: JobId, turn: &mut Turn<'_>) {
        let Some(expiry) = turn.cluster().job(id).and_then(expiry) else { return };
        if expiry > turn.now() {
            self.queue.add_after(id, expiry - turn.now(), turn);
        } else {
            turn.write(Command::Delete(ObjectId::Job(id), Propagation::Foreground));
        }
    }
}

/// When a Job is to be deleted: its time runs from the transition of Complete or Failed. `None` for a Job that is not
/// finished, has no TTL, or is being deleted already.
/// Source: ttlafterfinished_controller.go, getFinishAndExpireTime.
pub fn expiry(job: &Job) -> Option<SimTime> {
    let finished = job.status.finished().filter(|_| !job.meta.is_terminating())?;
    Some(finished.since + job.spec.ttl_after_finished?)
}

impl Default for TtlController {
    fn default() -> Self {
        Self::new()
    }
}

impl Component for TtlController {
    fn start(&mut self, watch: &mut Watch<'_>) {
        let mut jobs: Vec<_> = watch.cluster().jobs().iter().collect();
        jobs.sort_by_key(|(_, job)| job.meta.uid);
        for (id, _) in jobs {
            self.enqueue(id, watch);
        }
    }

    fn on_event(&mut self, event: Event, turn: &mut Turn<'_>) {
        if let Event::JobExpired(id) = event
            && self.queue.take(id, turn)
        {
            self.check(id, turn);
        }
    }

    fn on_change(&mut self, change: &Change, watch: &mut Watch<'_>) {
        match change {
            Change::Created(ObjectId::Job(id))
            | Change::SpecChanged(ObjectId::Job(id), _)
            | Change::StatusChanged(ObjectId::Job(id)) => self.enqueue(*id, watch),
            Change::Deleted(ObjectId::Job(id), _) => self.queue.remove(*id, watch),
            _ => {}
        }
    }
}
