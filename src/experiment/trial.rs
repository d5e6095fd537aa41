//! One run of a scenario, with its expectations judged when they are due.

use std::sync::Arc;

use crate::component::Observer;
use crate::engine::SimTime;
use crate::model::scenario::{Horizon, Scenario};
use crate::observe::expectation::{self, Evidence, Judgement, LogLine};
use crate::observe::run::RunObserver;
use crate::sim::{Ending, Simulation};

/// What a trial is observed by: the standard observer and another.
pub type Seen<O> = (RunObserver, O);

/// A trial that has ended.
pub struct Trial<O> {
    /// The simulation at its end.
    pub simulation: Simulation<Seen<O>>,
    /// What came of the expectations, in the order of the scenario; those after the end are left out.
    pub judgements: Vec<Judgement>,
    /// Why it ended.
    pub ending: Ending,
}

/// How many events are handled between two calls of the progress function.
const PROGRESS_EVENTS: u32 = 1 << 16;

/// Runs a scenario to its end, or to `until`.
///
/// `observer` sees everything besides the standard observer; `progress` is called now and then.
pub fn run<O: Observer>(
    scenario: &Arc<Scenario>,
    until: Option<SimTime>,
    observer: O,
    mut progress: impl FnMut(&Simulation<Seen<O>>),
) -> Trial<O> {
    let limit = match scenario.horizon {
        Horizon::At(at) | Horizon::Quiet(at) => until.unwrap_or(at),
    };
    let mut simulation = Simulation::new(Arc::clone(scenario), (RunObserver::default(), observer));
    let mut judgements = Vec::new();
    for (at, position) in dues(scenario, limit) {
        advance(&mut simulation, at, &mut progress);
        judgements.push(judge(&simulation, position, at));
    }
    let ending = advance(&mut simulation, limit, &mut progress);
    if until.is_none() {
        let at_end =
            scenario.expectations.iter().enumerate().filter(|(_, expectation)| expectation.at.is_none());
        judgements.extend(at_end.map(|(position, _)| judge(&simulation, position, simulation.now())));
    }
    judgements.sort_by_key(|judgement| judgement.position);
    Trial { simulation, judgements, ending }
}

/// The expectations with an instant of their own up to `limit`, by time.
fn dues(scenario: &Scenario, limit: SimTime) -> Vec<(SimTime, usize)> {
    let timed = scenario.expectations.iter().enumerate();
    let mut dues: Vec<_> = timed
        .filter_map(|(position, expectation)| Some((expectation.at?, position)))
        .filter(|(at, _)| *at <= limit)
        .collect();
    dues.sort_unstable();
    dues
}

fn advance<O: Observer>(
    simulation: &mut Simulation<Seen<O>>,
    limit: SimTime,
    progress: &mut impl FnMut(&Simulation<Seen<O>>),
) -> Ending {
    let mut n_events = 0_u32;
    while simulation.step(limit) {
        n_events = n_events.wrapping_add(1);
        if n_events.is_multiple_of(PROGRESS_EVENTS) {
            progress(simulation);
        }
    }
    simulation.ending()
}

fn judge<O: Observer>(simulation: &Simulation<Seen<O>>, position: usize, at: SimTime) -> Judgement {
    let logs = log_lines(simulation);
    let evidence = Evidence {
        cluster: simulation.cluster(),
        clock: simulation.context().clock,
        now: at,
        records: &simulation.observer().0.records,
        logs: &logs,
    };
    let outcome = expectation::judge(&simulation.scenario().expectations[position].that, &evidence);
    Judgement { position, at, holds: outcome.is_ok(), found: outcome.err() }
}

/// The log lines of all pods that are there, in order of the pods' creation and of time.
pub fn log_lines<O: Observer>(simulation: &Simulation<O>) -> Vec<LogLine> {
    let mut pods: Vec<_> = simulation.cluster().pods().iter().collect();
    pods.sort_by_key(|(_, pod)| pod.meta.uid.serial);
    let mut lines = Vec::new();
    for (id, pod) in pods {
        let Some(logs) = simulation.kubelet().logs(id) else { continue };
        for (container, log) in logs.iter() {
            let name = &pod.spec.container(container).name;
            let runs = log.previous.iter().chain([&log.current]);
            lines.extend(runs.flat_map(|run| &run.lines).map(|line| LogLine {
                pod: pod.meta.name.to_string(),
                container: name.to_string(),
                at: line.time,
                text: line.text.to_string(),
            }));
        }
    }
    lines.sort_by_key(|line| line.at);
    lines
}
