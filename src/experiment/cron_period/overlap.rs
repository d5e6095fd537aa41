//! Whether the Jobs of a CronJob ever last so long that it matters: into the next scheduled time, or into an outage.
//!
//! Alone in its cluster, and with programs that leave nothing to chance, a CronJob's Jobs all take the same time while
//! none meets another. So one Job is played with its pods, and a run without pods is looked through for a moment at
//! which a Job of that length would still be active. Where there is none, a run with pods has the same starts.

use std::sync::Arc;

use crate::controllers::cronjob::timetable::scheduled_runs;
use crate::engine::{SimDuration, SimTime};
use crate::model::cronjob::CronJobSpec;
use crate::model::job::JobConditionType;
use crate::model::scenario::{Action, NewSpec, Scenario, Timing};
use crate::observe::attempts::JobEntry;
use crate::observe::cron_runs::CronEntry;
use crate::sim::Simulation;

use super::CronObserver;

/// Times are stored in whole seconds, and changes gather for one: so much may a Job take longer that starts at another
/// fraction of a second.
const SLACK: SimDuration = SimDuration::from_secs(2);

/// How long each Job of the scenario's CronJob is active; `None` where that may differ from Job to Job.
pub(super) fn job_span(scenario: &Scenario) -> Option<SimDuration> {
    let spec = lone_cronjob(scenario)?;
    let pods = &spec.job_template.spec.template.spec;
    let mut programs = pods.all_containers().filter_map(|container| scenario.programs.get(&container.image));
    if scenario.timing != Timing::ideal() || programs.any(|program| program.draws_lots()) {
        return None;
    }
    let mut undisturbed = scenario.clone();
    undisturbed.timeline.clear();
    let end = scenario.horizon.limit();
    let mut simulation = Simulation::new(Arc::new(undisturbed), CronObserver::default());
    while simulation.step(end) {
        if let Some(first) = simulation.observer().jobs.jobs().first()
            && let Some(condition) = first.finished()
        {
            let is_smooth = condition.kind == JobConditionType::Complete && first.status.failed == 0;
            let is_smooth = is_smooth && first.attempts.iter().all(|attempt| !attempt.has_failed());
            return is_smooth.then(|| simulation.now().since(first.created) + SLACK);
        }
    }
    None
}

/// The CronJob, where there is nothing else in the scenario that pods could meet.
fn lone_cronjob(scenario: &Scenario) -> Option<&Arc<CronJobSpec>> {
    let mut loads = scenario.objects.iter().filter(|object| !matches!(object.spec, NewSpec::Node(_)));
    let stops = |action: &Action| matches!(action, Action::StopComponent(_) | Action::StartComponent(_));
    let is_alone = scenario.trace.is_none() && scenario.timeline.iter().all(|entry| stops(&entry.action));
    match (loads.next().map(|object| &object.spec), loads.next()) {
        (Some(NewSpec::CronJob(spec)), None) if is_alone => Some(spec),
        _ => None,
    }
}

/// Whether a Job that is active for `span` would ever be so when another is due, or when the control plane goes down.
pub(super) fn is_anything_met(bare: &Simulation<CronObserver>, span: SimDuration) -> bool {
    let seen = bare.observer();
    let [cronjob] = seen.cronjobs.entries() else { return true };
    let Some(due) = due_times(bare, cronjob) else { return true };
    let stops = bare.scenario().timeline.iter().map(|entry| entry.at);
    let mut moments: Vec<SimTime> = due.into_iter().chain(stops).collect();
    moments.sort_unstable();
    let meets = |job: &JobEntry| {
        let next = moments.partition_point(|moment| *moment <= job.created);
        moments.get(next).is_some_and(|moment| *moment <= job.created + span)
    };
    seen.jobs.jobs().iter().any(meets)
}

fn due_times(bare: &Simulation<CronObserver>, cronjob: &CronEntry) -> Option<Vec<SimTime>> {
    let end = bare.scenario().horizon.limit();
    let clock = bare.context().clock;
    let runs = scheduled_runs(cronjob.spec_at(end), clock.at(cronjob.created), clock.at(end)).ok()?;
    Some(runs.filter_map(|time| clock.instant(time)).collect())
}
