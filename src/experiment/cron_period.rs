//! A period of CronJobs: the scenario with another beginning and end, and with outages of their controller.
//!
//! How long Jobs take decides about starts only where a concurrency policy or a changing scenario makes it do so, and
//! then only where a Job lasts until something happens. Where none does, Jobs are played without pods, which is many
//! times faster and gives the same starts.

mod overlap;

use std::sync::Arc;

use thiserror::Error;

use crate::cluster::Cluster;
use crate::component::Observer;
use crate::engine::{SimDuration, SimTime};
use crate::event::{Change, Event};
use crate::model::cronjob::{ConcurrencyPolicy, CronJobSpec};
use crate::model::ids::Kind;
use crate::model::meta::Name;
use crate::model::scenario::{Action, ComponentName, Horizon, NewSpec, Scenario, TimedAction};
use crate::model::unix_time::UnixTime;
use crate::observe::attempts::JobLedger;
use crate::observe::cron_runs::{CronHistory, HELD_BACK};
use crate::sim::Simulation;

/// The period to look at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Period {
    /// When it begins; that is when the objects of the scenario are created.
    pub from: Option<UnixTime>,
    /// When it ends.
    pub to: Option<UnixTime>,
    /// The time zone of CronJobs that name none.
    pub zone: Option<Name>,
    /// When kube-controller-manager is down, counted from the beginning.
    pub outages: Vec<(SimDuration, SimDuration)>,
}

/// Why a period cannot be played.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PeriodError {
    /// It does not end after its beginning.
    #[error("the period ends at {to}, not after its beginning at {from}")]
    Empty {
        /// The beginning.
        from: UnixTime,
        /// The end.
        to: UnixTime,
    },
    /// An outage begins when it is over.
    #[error("the outage from {0} on is after the end of the period, {1}: never done")]
    OutageTooLate(SimTime, SimTime),
}

/// What of a run is worth a look for its CronJobs.
#[derive(Debug, Clone, Default)]
pub struct CronObserver {
    /// The Jobs.
    pub jobs: JobLedger,
    /// The CronJobs.
    pub cronjobs: CronHistory,
}

impl Observer for CronObserver {
    fn begin(&mut self, _now: SimTime, _seq: u64, _event: &Event, _cluster: &Cluster) {}

    fn see(&mut self, now: SimTime, change: &Change, cluster: &Cluster) {
        self.cronjobs.see(now, change, cluster);
        self.jobs.see(now, change, cluster);
    }

    fn wants_records(&self, reason: &str) -> bool {
        reason == HELD_BACK
    }
}

/// A period that was played.
pub struct Played {
    /// The run at its end.
    pub simulation: Simulation<CronObserver>,
    /// Whether Jobs had their pods, so that it is known what they came to.
    pub has_pods: bool,
}

/// The scenario over a period.
///
/// # Errors
/// When the period is empty, or an outage lies after it.
pub fn scenario_of(mut scenario: Scenario, period: &Period) -> Result<Scenario, PeriodError> {
    let from = period.from.unwrap_or(scenario.start_time);
    let end = scenario.horizon.limit();
    let span = match period.to {
        None => end,
        Some(to) => {
            let secs = u64::try_from(to.secs() - from.secs()).ok().filter(|secs| *secs > 0);
            SimTime::from_secs(secs.ok_or(PeriodError::Empty { from, to })?)
        }
    };
    scenario.start_time = from;
    scenario.horizon = Horizon::At(span);
    for (down, up) in &period.outages {
        let component = ComponentName::KubeControllerManager;
        let (down, up) = (SimTime::ZERO + *down, SimTime::ZERO + *up);
        if down > span {
            return Err(PeriodError::OutageTooLate(down, span));
        }
        scenario.timeline.push(TimedAction {
            entry: None,
            at: down,
            action: Action::StopComponent(component),
        });
        scenario.timeline.push(TimedAction {
            entry: None,
            at: up,
            action: Action::StartComponent(component),
        });
    }
    scenario.timeline.sort_by_key(|entry| entry.at);
    for object in &mut scenario.objects {
        if let NewSpec::CronJob(spec) = &mut object.spec
            && spec.time_zone.is_none()
            && period.zone.is_some()
        {
            Arc::make_mut(spec).time_zone = period.zone.clone();
        }
    }
    Ok(scenario)
}

/// Plays the scenario to its end, without pods where they do not matter.
pub fn play(scenario: &Arc<Scenario>) -> Played {
    let run = |scenario: Arc<Scenario>| {
        let mut simulation = Simulation::new(scenario, CronObserver::default());
        simulation.run();
        simulation
    };
    let span = match stake_in_spans(scenario) {
        Stake::None => Some(None),
        Stake::WhereJobsMeet => overlap::job_span(scenario).map(Some),
        Stake::Always => None,
    };
    if let Some(span) = span {
        let bare = run(Arc::new(without_pods(scenario)));
        if span.is_none_or(|span| !overlap::is_anything_met(&bare, span)) {
            return Played { simulation: bare, has_pods: false };
        }
    }
    Played { simulation: run(Arc::clone(scenario)), has_pods: true }
}

/// When it matters to starts how long Jobs take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stake {
    /// Never.
    None,
    /// When one is active as another is due.
    WhereJobsMeet,
    /// It may at any time.
    Always,
}

fn stake_in_spans(scenario: &Scenario) -> Stake {
    let changes =
        |entry: &TimedAction| !matches!(entry.action, Action::StopComponent(_) | Action::StartComponent(_));
    if scenario.timeline.iter().any(changes) {
        return Stake::Always;
    }
    let specs = scenario.objects.iter().filter_map(|object| match &object.spec {
        NewSpec::CronJob(spec) => Some(spec),
        _ => None,
    });
    specs.map(|spec| stake_of(spec)).max().unwrap_or(Stake::None)
}

/// Jobs of one minute share a name, so that those of an `@every` may be in each other's way even when they are over.
fn stake_of(spec: &CronJobSpec) -> Stake {
    if spec.schedule.contains("@every") {
        Stake::Always
    } else if spec.concurrency_policy == ConcurrencyPolicy::Allow {
        Stake::None
    } else {
        Stake::WhereJobsMeet
    }
}

/// The CronJobs alone, and their Jobs complete at once: no completion is wanted of them.
fn without_pods(scenario: &Scenario) -> Scenario {
    let mut bare = scenario.clone();
    bare.objects.retain(|object| object.spec.kind() == Kind::CronJob);
    bare.trace = None;
    for object in &mut bare.objects {
        if let NewSpec::CronJob(spec) = &mut object.spec {
            let template = &mut Arc::make_mut(spec).job_template;
            let job = Arc::make_mut(&mut template.spec);
            (job.completions, job.parallelism) = (Some(0), 0);
        }
    }
    bare
}
