//! Jobs that run no pods: they are active as soon as they are created and end by themselves after a while.

use cluster_sim::component::{Component, Timers, Turn, Watch};
use cluster_sim::event::{Change, Command, Event, StatusUpdate};
use cluster_sim::model::ids::{JobId, ObjectId};
use cluster_sim::model::job::{JobCondition, JobConditionType};
use cluster_sim::model::node::ConditionStatus;

use super::scenario::{FakeJob, FakeJobs};

/// Stands in for the Job controller.
pub struct FakeJobRunner {
    jobs: FakeJobs,
    created: Vec<JobId>,
}

impl FakeJobRunner {
    pub fn new(jobs: FakeJobs) -> Self {
        Self { jobs, created: Vec::new() }
    }

    fn script(&self, job: JobId) -> Option<FakeJob> {
        let ordinal = self.created.iter().position(|created| *created == job)?;
        Some(self.jobs.by_ordinal.get(&ordinal).copied().unwrap_or(self.jobs.default))
    }
}

impl Component for FakeJobRunner {
    fn start(&mut self, _: &mut Watch<'_>) {}

    /// The first event of a Job starts it, the second ends it.
    fn on_event(&mut self, event: Event, turn: &mut Turn<'_>) {
        let Event::JobSync(id) = event else { return };
        let Some((job, script)) = turn.cluster().job(id).zip(self.script(id)) else { return };
        let mut status = job.status.clone();
        let now = turn.now().truncated_to_secs();
        if status.start_time.is_none() {
            (status.start_time, status.active) = (Some(now), 1);
            if let Some(duration) = script.duration {
                turn.set_timer_after(duration, event);
            }
        } else {
            let kind = if script.succeeds { JobConditionType::Complete } else { JobConditionType::Failed };
            status.active = 0;
            (status.succeeded, status.failed) = (u32::from(script.succeeds), u32::from(!script.succeeds));
            status.completion_time = Some(now).filter(|_| script.succeeds);
            let (reason, message) = ("".into(), "".into());
            let condition = JobCondition { kind, status: ConditionStatus::True, since: now, reason, message };
            status.conditions.push(condition);
        }
        turn.write(Command::UpdateStatus(Box::new(StatusUpdate::Job(id, status))));
    }

    fn on_change(&mut self, change: &Change, watch: &mut Watch<'_>) {
        if let Change::Created(ObjectId::Job(job)) = change {
            self.created.push(*job);
            watch.set_timer(watch.now(), Event::JobSync(*job));
        }
    }
}
