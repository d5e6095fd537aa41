//! A grid of runs: which scenario each run plays, and what came of it.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::engine::SimTime;
use crate::experiment::measures::{self, Measures};
use crate::experiment::trial;
use crate::model::ids::Kind;
use crate::model::meta::Name;
use crate::model::scenario::{Action, NewSpec, Scenario, TimedAction};
use crate::model::sweep::{AxisValue, Sweep, Vary};

/// What came of one run of a sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct RunResult {
    /// The number of the run, from 0.
    pub run: usize,
    /// The values of its point, one of each axis.
    pub point: Vec<String>,
    /// Its number among the trials of the point.
    pub trial: usize,
    /// Its seed.
    pub seed: u64,
    /// Whether all expectations hold.
    pub ok: bool,
    /// Its measures.
    pub measures: Measures,
    /// The digest of the run.
    pub digest: String,
}

/// The place of a run in the grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The number of the run.
    pub run: usize,
    /// The number of its point.
    pub point: usize,
    /// Its number among the trials of the point.
    pub trial: usize,
}

impl Place {
    /// The place of a run, by its number.
    pub fn of(run: usize, sweep: &Sweep) -> Self {
        let n_trials = sweep.n_trials.max(1);
        Self { run, point: run / n_trials, trial: run % n_trials }
    }

    /// The seed of the run: the trials of every point share their seeds.
    pub fn seed(&self, scenario: &Scenario) -> u64 {
        scenario.seed.wrapping_add(self.trial as u64)
    }
}

/// What of a point the reader puts in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// The values of parameters.
    pub params: Vec<(String, String)>,
    /// The sizes of node pools.
    pub pool_counts: Vec<(String, u32)>,
}

/// What of a point the reader puts in.
pub fn settings(sweep: &Sweep, point: usize) -> Settings {
    let mut settings = Settings::default();
    for (axis, value) in sweep.axes.iter().zip(sweep.point(point)) {
        match (&axis.vary, value) {
            (Vary::Param(name), value) => {
                settings.params.push((name.to_string(), value.to_string()));
            }
            (Vary::PoolCount(pool), AxisValue::Count(count)) => {
                settings.pool_counts.push((pool.to_string(), *count));
            }
            _ => {}
        }
    }
    settings
}

/// Puts the rest of a point into a scenario that was read with its [`settings`].
pub fn adjust(scenario: &mut Scenario, sweep: &Sweep, point: usize) {
    for (axis, value) in sweep.axes.iter().zip(sweep.point(point)) {
        match (&axis.vary, value) {
            (Vary::Replicas(kind, name), AxisValue::Count(count)) => {
                set_replicas(scenario, *kind, name, *count);
            }
            (Vary::NodeFailure(node, span), AxisValue::At(at)) => {
                add_action(scenario, *at, Action::FailNode(node.clone()));
                if let Some(span) = span {
                    add_action(scenario, *at + *span, Action::RecoverNode(node.clone()));
                }
            }
            (Vary::ZoneFailure(zone, span), AxisValue::At(at)) => {
                add_action(scenario, *at, Action::FailZone(zone.clone()));
                if let Some(span) = span {
                    add_action(scenario, *at + *span, Action::RecoverZone(zone.clone()));
                }
            }
            _ => {}
        }
    }
}

/// Gives a workload of the scenario another size at the start.
pub fn set_replicas(scenario: &mut Scenario, kind: Kind, name: &Name, count: u32) {
    let is_meant = |object: &&mut crate::model::scenario::NewObject| {
        object.spec.kind() == kind && object.name == *name && &*object.namespace == "default"
    };
    let Some(object) = scenario.objects.iter_mut().find(is_meant) else { return };
    match &mut object.spec {
        NewSpec::Deployment(spec) => Arc::make_mut(spec).replicas = count,
        NewSpec::StatefulSet(spec) => Arc::make_mut(spec).replicas = count,
        NewSpec::ReplicaSet(spec) => Arc::make_mut(spec).replicas = count,
        _ => return,
    }
    if let Value::Object(manifest) = Arc::make_mut(&mut object.manifest) {
        let spec = manifest.entry("spec").or_insert_with(|| Value::Object(Map::new()));
        spec["replicas"] = count.into();
    }
}

/// Adds something that happens to the timeline of a scenario.
pub fn add_action(scenario: &mut Scenario, at: SimTime, action: Action) {
    let position = scenario.timeline.partition_point(|entry| entry.at <= at);
    scenario.timeline.insert(position, TimedAction { entry: None, at, action });
}

/// Plays one run of a point's scenario.
pub fn play(scenario: &Scenario, sweep: &Sweep, place: Place) -> RunResult {
    let seed = place.seed(scenario);
    let scenario = Arc::new(Scenario { seed, ..scenario.clone() });
    let trial = trial::run(&scenario, None, (), |_| {});
    RunResult {
        run: place.run,
        point: sweep.point(place.point).into_iter().map(ToString::to_string).collect(),
        trial: place.trial,
        seed,
        ok: trial.judgements.iter().all(|judgement| judgement.holds),
        measures: measures::measure(&trial),
        digest: trial.digest(),
    }
}
