//! The race of a Job's limits: what would have ended the Job had the limit that ended it not been set.
//!
//! The same scenario is played again with the same seed, and so with the same draws, without that limit.

use std::sync::Arc;

use crate::engine::SimTime;
use crate::model::job::{JobCondition, JobSpec};
use crate::model::meta::Name;
use crate::model::scenario::{Action, NewObject, NewSpec, Scenario};
use crate::observe::attempts::JobEntry;
use crate::observe::run::RunObserver;
use crate::sim::Simulation;

/// A limit that can be left out of a Job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// `backoffLimit`
    Backoff,
    /// `activeDeadlineSeconds`
    ActiveDeadline,
}

/// How a Job would have ended without one of its limits: its final condition, and the failures until then. `None`
/// where it would not have ended before the horizon.
pub fn end_without(limit: Limit, job: &JobEntry, scenario: &Scenario) -> Option<(JobCondition, u32)> {
    let mut other = scenario.clone();
    let objects = other.objects.iter_mut();
    let applied = other.timeline.iter_mut().filter_map(|entry| match &mut entry.action {
        Action::Apply(objects) => Some(objects),
        _ => None,
    });
    for object in objects.chain(applied.flatten()) {
        lift(limit, job, object);
    }
    let end = other.horizon.limit();
    play(other, job, end)
}

/// Takes a limit off the Job, or off the template that it is made from.
fn lift(limit: Limit, job: &JobEntry, object: &mut NewObject) {
    let is_named = |name: &Name| object.namespace == job.namespace && object.name == *name;
    match (&mut object.spec, &job.cronjob) {
        (NewSpec::Job(spec), None) if is_named(&job.name) => lift_from(limit, spec),
        (NewSpec::CronJob(spec), Some(owner)) if is_named(owner) => {
            lift_from(limit, &mut Arc::make_mut(spec).job_template.spec);
        }
        _ => {}
    }
}

fn lift_from(limit: Limit, spec: &mut Arc<JobSpec>) {
    let spec = Arc::make_mut(spec);
    match limit {
        Limit::Backoff => spec.backoff_limit = i32::MAX.unsigned_abs(),
        Limit::ActiveDeadline => spec.active_deadline = None,
    }
}

/// Plays until the Job is over.
fn play(scenario: Scenario, job: &JobEntry, end: SimTime) -> Option<(JobCondition, u32)> {
    let mut simulation = Simulation::new(Arc::new(scenario), RunObserver::default());
    while simulation.step(end) {
        let entries = simulation.observer().jobs.jobs();
        let entry = entries.iter().find(|entry| entry.namespace == job.namespace && entry.name == job.name);
        if let Some(entry) = entry
            && let Some(condition) = entry.finished()
        {
            return Some((condition.clone(), entry.status.failed));
        }
    }
    None
}
