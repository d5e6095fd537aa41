//! Two runs of one scenario in step: the check behind `sim run --twice`.

use std::sync::Arc;

use crate::engine::SimTime;
use crate::model::scenario::Scenario;
use crate::observe::run::RunObserver;
use crate::sim::Simulation;

/// Runs a scenario twice, event by event; returns where the runs part, which they never should.
pub fn first_difference(scenario: &Arc<Scenario>, until: Option<SimTime>) -> Option<String> {
    let end = scenario.horizon.limit();
    let limit = until.unwrap_or(end);
    let run = || Simulation::new(Arc::clone(scenario), RunObserver::of(scenario));
    let (mut first, mut second) = (run(), run());
    loop {
        let goes_on = (first.step(limit), second.step(limit));
        let digest = |simulation: &Simulation<RunObserver>| simulation.observer().digest.hex();
        if goes_on.0 != goes_on.1 || first.now() != second.now() || digest(&first) != digest(&second) {
            return Some(format!("event {} at {}", first.n_events(), first.now()));
        }
        if !goes_on.0 {
            return None;
        }
    }
}
