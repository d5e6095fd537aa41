//! One trial of a size: whether all holds, what does not, and what room is left.

use std::sync::Arc;

use crate::cluster::Cluster;
use crate::engine::{SimDuration, SimTime};
use crate::experiment::measures::{self, Measures};
use crate::experiment::sweep::add_action;
use crate::experiment::trial::{self, Trial};
use crate::model::ids::NodeId;
use crate::model::scenario::{Action, Scenario};
use crate::observe::expectation::Compared;
use crate::observe::room::{Amounts, RefusedPod, RoomWatch};
use crate::observe::tiers::recovery_time;
use crate::sim::Ending;

/// So many of the pods that were refused are kept, with their reasons.
const REFUSED_MAX: usize = 5;
/// A window belongs to the peak of the load where it has at least so much of the busiest [percent].
const PEAK_PERCENT: u64 = 90;

/// What came of a trial.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// Whether all expectations hold; where there are none, whether every pod found a node, and what was lost runs elsewhere.
    pub holds: bool,
    /// The expectations that do not hold.
    pub failed: Vec<Failed>,
    /// What the expectations compare, by their position.
    pub compared: Vec<(usize, Compared)>,
    /// The first of the pods that the scheduler refused.
    pub refused: Vec<RefusedPod>,
    /// How many pods the scheduler refused.
    pub n_refused: usize,
    /// How many of them wait at the end.
    pub n_waiting: usize,
    /// How many pods are left on nodes that are lost, at the end, without anybody asking them to go.
    pub n_stranded: usize,
    /// What came of the tiers that lost containers.
    pub recovery: Recovery,
    /// The least room of each resource on living nodes, from the loss on.
    pub room: Amounts,
    /// When a loss would hurt: at the peak of requests, and of the load.
    pub peaks: Vec<SimTime>,
    /// The measures, where nothing was lost.
    pub measures: Measures,
    /// Entries of the timeline that met nothing or were refused.
    pub misses: Vec<String>,
}

/// An expectation that does not hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Failed {
    /// Its position in the scenario.
    pub position: usize,
    /// What was found instead.
    pub found: String,
}

/// How long it took until all tiers were whole again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Recovery {
    /// No tier lost anything.
    NothingLost,
    /// So long.
    After(SimDuration),
    /// They were not, up to the end.
    Never,
}

/// Plays a trial, with these things happening besides.
pub fn play(scenario: &Scenario, trial: usize, actions: &[(SimTime, Action)]) -> Outcome {
    let seed = scenario.seed.wrapping_add(trial as u64);
    let mut scenario = Scenario { seed, ..scenario.clone() };
    for (at, action) in actions {
        add_action(&mut scenario, *at, action.clone());
    }
    let from = actions.first().map_or(SimTime::ZERO, |(at, _)| *at);
    let scenario = Arc::new(scenario);
    let trial = trial::run(&scenario, None, RoomWatch::from(from), |_| {});
    let is_whole = actions.is_empty();
    Outcome {
        peaks: if is_whole { peaks(&trial) } else { Vec::new() },
        measures: if is_whole { measures::measure(&trial) } else { Measures::default() },
        ..judge(&trial, seed, from)
    }
}

fn judge(trial: &Trial<RoomWatch>, seed: u64, from: SimTime) -> Outcome {
    let (seen, room) = trial.simulation.observer();
    let judgements = &trial.judgements;
    let failed = judgements.iter().filter(|judgement| !judgement.holds).map(|judgement| Failed {
        position: judgement.position,
        found: judgement.found.clone().unwrap_or_default(),
    });
    let failed: Vec<Failed> = failed.collect();
    let is_expecting = !trial.simulation.scenario().expectations.is_empty();
    let compared = judgements.iter().filter_map(|it| Some((it.position, it.compared?))).collect();
    let losses = seen.tiers.losses().iter().filter(|loss| loss.at >= from);
    let recovery = losses.map(|loss| match loss.recovered {
        Some(_) => Recovery::After(recovery_time(loss, trial.end)),
        None => Recovery::Never,
    });
    let recovery = recovery.max().unwrap_or(Recovery::NothingLost);
    let n_stranded = n_stranded(trial.simulation.cluster());
    let is_placed = room.refused().is_empty() && n_stranded == 0 && recovery != Recovery::Never;
    Outcome {
        seed,
        holds: if is_expecting { failed.is_empty() } else { is_placed },
        failed,
        compared,
        refused: room.refused().iter().take(REFUSED_MAX).cloned().collect(),
        n_refused: room.refused().len(),
        n_waiting: room.n_waiting(),
        n_stranded,
        recovery,
        room: room.least(trial.end),
        peaks: Vec::new(),
        measures: Measures::default(),
        misses: trial.simulation.misses().to_vec(),
    }
}

/// The pods on nodes that are lost, but for those that are asked to go and would, were their kubelets there.
fn n_stranded(cluster: &Cluster) -> usize {
    let is_lost = |node: NodeId| cluster.node(node).is_none_or(|node| !node.signs.is_renewed());
    let pods = cluster.pods().iter().filter(|(_, pod)| !pod.status.phase.is_terminal());
    pods.filter(|(_, pod)| !pod.meta.is_terminating() && pod.node.is_some_and(is_lost)).count()
}

/// The instants at which a loss would hurt, in order of time.
fn peaks(trial: &Trial<RoomWatch>) -> Vec<SimTime> {
    // Where nothing more would have happened all stays as it is: a moment later it is still so.
    let end = match trial.ending {
        Ending::Quiet => trial.end + SimDuration::from_secs(2),
        Ending::Horizon => trial.end,
    };
    let mut peaks = vec![trial.simulation.observer().1.peak(end)];
    peaks.extend(load_peak(trial));
    peaks.sort_unstable();
    peaks.dedup();
    peaks
}

/// The middle of the longest row of windows with about as many requests as the busiest; `None` without load.
fn load_peak(trial: &Trial<RoomWatch>) -> Option<SimTime> {
    let traffic = trial.traffic()?;
    let windows = &traffic.sources.iter().max_by_key(|source| source.offered)?.windows;
    let most = windows.iter().map(|window| window.offered).max().filter(|most| *most > 0)?;
    let is_peak = |offered: u64| offered * 100 >= most * PEAK_PERCENT;
    let rows = windows.chunk_by(|a, b| is_peak(a.offered) == is_peak(b.offered));
    let peak =
        rows.filter(|row| is_peak(row[0].offered)).reduce(|a, b| if b.len() > a.len() { b } else { a })?;
    let (from, last) = (peak.first()?.from, peak.last()?);
    let half = (last.from + last.span).since(from).as_nanos() / 2;
    Some((from + SimDuration::from_nanos(half)).truncated_to_secs())
}
