//! One run of a scenario, with its expectations judged when they are due.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::component::Observer;
use crate::engine::SimTime;
use crate::model::scenario::{Horizon, Scenario};
use crate::observe::expectation::{Evidence, Judge, Judgement, LogLine};
use crate::observe::run::RunObserver;
use crate::sim::{Ending, Simulation};
use crate::traffic::TrafficResults;

/// What a trial is observed by: the standard observer and another.
pub type Seen<O> = (RunObserver, O);

/// A trial that has ended.
pub struct Trial<O> {
    /// The simulation at its end.
    pub simulation: Simulation<Seen<O>>,
    /// What came of the expectations, in the order of the scenario; those after the end are left out.
    pub judgements: Vec<Judgement>,
    /// When it ended: at the limit that was set, else with the last that happened.
    pub end: SimTime,
    /// Why it ended.
    pub ending: Ending,
}

impl<O: Observer> Trial<O> {
    /// What came of the load; `None` where the scenario has none.
    pub fn traffic(&self) -> Option<TrafficResults> {
        let simulation = &self.simulation;
        let traffic = simulation.traffic();
        (!traffic.is_empty()).then(|| traffic.results(simulation.cluster(), self.end))
    }

    /// The digest of the run: all changes, and what came of the load.
    pub fn digest(&self) -> String {
        let mut digest = self.simulation.observer().0.digest.clone();
        if let Some(results) = self.traffic() {
            digest.add_traffic(&results);
        }
        digest.hex()
    }
}

/// Reads a simulation at instants of its own choice. It makes no events, and nothing of the run depends on it.
pub trait Gauge<O> {
    /// When it wants to read next.
    fn due(&self) -> SimTime;

    /// Reads; all that was due up to `now` has happened.
    fn read(&mut self, simulation: &Simulation<Seen<O>>, now: SimTime);
}

/// Nothing is read.
impl<O> Gauge<O> for () {
    fn due(&self) -> SimTime {
        SimTime::MAX
    }

    fn read(&mut self, _simulation: &Simulation<Seen<O>>, _now: SimTime) {}
}

/// How many events are handled between two calls of the progress function.
const PROGRESS_EVENTS: u32 = 1 << 16;

/// Runs a scenario to its end, or to `until`.
///
/// `observer` sees everything besides the standard observer; `progress` is called now and then.
///
/// # Panics
/// Where Little's law or the utilisation law does not hold of the load: a bug.
pub fn run<O: Observer>(
    scenario: &Arc<Scenario>,
    until: Option<SimTime>,
    observer: O,
    progress: impl FnMut(&Simulation<Seen<O>>),
) -> Trial<O> {
    run_gauged(scenario, until, observer, progress, &mut ())
}

/// The same, with a gauge that reads now and then, and at the end.
pub fn run_gauged<O: Observer>(
    scenario: &Arc<Scenario>,
    until: Option<SimTime>,
    observer: O,
    mut progress: impl FnMut(&Simulation<Seen<O>>),
    gauge: &mut impl Gauge<O>,
) -> Trial<O> {
    let limit = until.unwrap_or(scenario.horizon.limit());
    let mut simulation = Simulation::new(Arc::clone(scenario), (RunObserver::of(scenario), observer));
    let mut judgements = Vec::new();
    let mut last_judged = SimTime::ZERO;
    for (at, positions) in dues(scenario, limit) {
        advance(&mut simulation, at, &mut progress, gauge);
        judgements.extend(judge(&simulation, &positions, at));
        last_judged = at;
    }
    let is_set = until.is_some() || matches!(scenario.horizon, Horizon::At(_));
    let (end, ending) = match advance(&mut simulation, limit, &mut progress, gauge) {
        Ending::Quiet if !is_set => (simulation.now().max(last_judged), Ending::Quiet),
        Ending::Quiet | Ending::Horizon => (limit, Ending::Horizon),
    };
    if let Err(broken) = simulation.traffic().check_invariants(end) {
        panic!("at the end of a run: {broken}");
    }
    gauge.read(&simulation, end);
    if until.is_none() {
        let numbered = scenario.expectations.iter().enumerate();
        let at_end: Vec<usize> = numbered
            .filter(|(_, expectation)| expectation.at.is_none())
            .map(|(position, _)| position)
            .collect();
        judgements.extend(judge(&simulation, &at_end, end));
    }
    judgements.sort_by_key(|judgement| judgement.position);
    Trial { simulation, judgements, end, ending }
}

/// The positions of the expectations with an instant of their own up to `limit`, by that instant.
fn dues(scenario: &Scenario, limit: SimTime) -> BTreeMap<SimTime, Vec<usize>> {
    let mut dues: BTreeMap<SimTime, Vec<usize>> = BTreeMap::new();
    for (position, expectation) in scenario.expectations.iter().enumerate() {
        if let Some(at) = expectation.at.filter(|at| *at <= limit) {
            dues.entry(at).or_default().push(position);
        }
    }
    dues
}

fn advance<O: Observer>(
    simulation: &mut Simulation<Seen<O>>,
    limit: SimTime,
    progress: &mut impl FnMut(&Simulation<Seen<O>>),
    gauge: &mut impl Gauge<O>,
) -> Ending {
    let mut n_events = 0_u32;
    loop {
        let stop = gauge.due().min(limit);
        while simulation.step(stop) {
            n_events = n_events.wrapping_add(1);
            if n_events.is_multiple_of(PROGRESS_EVENTS) {
                progress(simulation);
            }
        }
        if stop == limit || simulation.ending() == Ending::Quiet {
            return simulation.ending();
        }
        gauge.read(simulation, stop);
    }
}

fn judge<O: Observer>(simulation: &Simulation<Seen<O>>, positions: &[usize], at: SimTime) -> Vec<Judgement> {
    if positions.is_empty() {
        return Vec::new();
    }
    let logs = log_lines(simulation);
    let mut judge = Judge::new(Evidence {
        cluster: simulation.cluster(),
        clock: simulation.context().clock,
        now: at,
        records: &simulation.observer().0.records,
        logs: &logs,
        traffic: simulation.traffic(),
    });
    let expectations = &simulation.scenario().expectations;
    let judged = positions.iter().map(|position| {
        let that = &expectations[*position].that;
        let (outcome, compared) = (judge.judge(that), judge.compare(that));
        Judgement { position: *position, at, holds: outcome.is_ok(), found: outcome.err(), compared }
    });
    judged.collect()
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
                namespace: pod.meta.namespace.to_string(),
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
