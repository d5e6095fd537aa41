//! Losses that have to be survived: which there are, when they happen, and which is worst.
//!
//! Each node, each pair of nodes, or each zone is lost for ever, at each of the instants, in each trial. A trial
//! survives where all holds whichever it is. No two nodes count as alike: names decide how the scheduler breaks ties.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fmt;

use crate::engine::SimTime;
use crate::experiment::capacity::outcome::{self, Outcome};
use crate::experiment::capacity::{Progress, node_names};
use crate::experiment::trials::{self, Workers};
use crate::model::capacity::Loss;
use crate::model::meta::Name;
use crate::model::node::LABEL_ZONE;
use crate::model::scenario::{Action, NewSpec, Scenario};

/// At most so many pairs of nodes are tried.
const PAIRS_MAX: usize = 120;
/// Losses that nobody asks for are tried where they are no more than so many.
const UNASKED_MAX: usize = 40;

/// What is lost together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Victim {
    /// These nodes.
    Nodes(Vec<Name>),
    /// All nodes of this zone.
    Zone(Name),
}

impl Victim {
    fn actions(&self, at: SimTime) -> Vec<(SimTime, Action)> {
        match self {
            Self::Nodes(nodes) => nodes.iter().map(|node| (at, Action::FailNode(node.clone()))).collect(),
            Self::Zone(zone) => vec![(at, Action::FailZone(zone.clone()))],
        }
    }
}

impl fmt::Display for Victim {
    /// `node/small-1 node/small-2` or `zone/a`: what `--fail` takes, without the instant.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nodes(nodes) => {
                let names: Vec<String> = nodes.iter().map(|node| format!("node/{node}")).collect();
                f.write_str(&names.join(" "))
            }
            Self::Zone(zone) => write!(f, "zone/{zone}"),
        }
    }
}

/// What is to be tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The loss.
    pub loss: Loss,
    /// All that may be lost.
    pub victims: Vec<Victim>,
    /// When.
    pub instants: Vec<SimTime>,
}

/// What came of the losses of one sort.
#[derive(Debug, Clone, PartialEq)]
pub struct Survival {
    /// The loss.
    pub loss: Loss,
    /// How many there are to choose from.
    pub n_possible: usize,
    /// How many of them were tried.
    pub n_tried: usize,
    /// When they happened.
    pub instants: Vec<SimTime>,
    /// In how many trials all holds whichever of those that were tried happens.
    pub n_survived: usize,
    /// The worst: all holds in the fewest trials, then most pods wait, then it takes longest to recover. `None` where
    /// there is nothing to lose.
    pub worst: Option<Case>,
}

/// A loss at an instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// What is lost.
    pub victim: Victim,
    /// When.
    pub at: SimTime,
    /// What came of it, by trial.
    pub outcomes: Vec<Outcome>,
}

impl Case {
    /// How bad it is: more is worse.
    fn harm(&self) -> (Reverse<usize>, usize, usize, Option<outcome::Recovery>) {
        let n_held = self.outcomes.iter().filter(|outcome| outcome.holds).count();
        let n_waiting = self.outcomes.iter().map(|outcome| outcome.n_waiting).sum();
        let n_refused = self.outcomes.iter().map(|outcome| outcome.n_refused).sum();
        let recovery = self.outcomes.iter().map(|outcome| outcome.recovery).max();
        (Reverse(n_held), n_waiting, n_refused, recovery)
    }
}

impl Plan {
    /// All losses of one sort, at these instants.
    pub fn of(loss: Loss, scenario: &Scenario, instants: Vec<SimTime>) -> Self {
        let nodes: Vec<&Name> = node_names(scenario).collect();
        let one = |node: &&Name| Victim::Nodes(vec![(*node).clone()]);
        let victims = match loss {
            Loss::OneNode => nodes.iter().map(one).collect(),
            Loss::TwoNodes => pairs(&nodes),
            Loss::Zone => zones(scenario).into_iter().map(Victim::Zone).collect(),
        };
        Self { loss, victims, instants }
    }

    /// Whether it says something that nobody asked for, in a short time. Losing all there is says nothing.
    pub fn is_worth_a_look(&self) -> bool {
        (2..=UNASKED_MAX).contains(&self.victims.len())
    }
}

fn pairs(nodes: &[&Name]) -> Vec<Victim> {
    let with_later = |at: usize| nodes[at + 1..].iter().map(move |other| (nodes[at], *other));
    let pairs = (0..nodes.len()).flat_map(with_later);
    pairs.map(|(one, other)| Victim::Nodes(vec![one.clone(), other.clone()])).collect()
}

/// The zones of the nodes that are there at the start, by name.
pub fn zones(scenario: &Scenario) -> BTreeSet<Name> {
    let nodes = scenario.objects.iter().filter(|object| matches!(object.spec, NewSpec::Node(_)));
    nodes.filter_map(|node| node.labels.get(LABEL_ZONE).cloned()).collect()
}

/// Tries all losses of a plan, or as many pairs as can be, in all trials.
pub fn survive(
    plan: &Plan,
    scenario: &Scenario,
    n_trials: usize,
    workers: Workers,
    progress: &dyn Progress,
) -> Survival {
    let stage = Stage { scenario, n_trials, workers, progress };
    let victims = if plan.loss == Loss::TwoNodes && plan.victims.len() > PAIRS_MAX {
        pairs_of_the_worst(plan, &stage)
    } else {
        plan.victims.clone()
    };
    let cases = stage.play(&victims, &plan.instants);
    let survives = |trial: &usize| cases.iter().all(|case| case.outcomes[*trial].holds);
    Survival {
        loss: plan.loss,
        n_possible: plan.victims.len(),
        n_tried: victims.len(),
        instants: plan.instants.clone(),
        n_survived: (0..n_trials).filter(survives).count(),
        // Of equals the first: the sort is stable and the largest comes first.
        worst: cases.into_iter().reduce(|worst, case| if case.harm() > worst.harm() { case } else { worst }),
    }
}

/// The pairs of those nodes whose loss alone is worst, as many as may be tried.
fn pairs_of_the_worst(plan: &Plan, stage: &Stage<'_>) -> Vec<Victim> {
    let nodes: Vec<&Name> = node_names(stage.scenario).collect();
    let singles: Vec<Victim> = nodes.iter().map(|node| Victim::Nodes(vec![(*node).clone()])).collect();
    let cases = stage.play(&singles, &plan.instants);
    let n_instants = plan.instants.len().max(1);
    let mut ranked: Vec<usize> = (0..nodes.len()).collect();
    let harm = |node: &usize| {
        let own = &cases[node * n_instants..(node + 1) * n_instants];
        Reverse(own.iter().map(Case::harm).max())
    };
    ranked.sort_by_key(harm);
    // So many nodes have no more pairs than may be tried.
    let n_nodes = (1..).take_while(|n| n * (n - 1) / 2 <= PAIRS_MAX).last().unwrap_or(1);
    let mut worst: Vec<usize> = ranked.into_iter().take(n_nodes).collect();
    worst.sort_unstable();
    pairs(&worst.into_iter().map(|node| nodes[node]).collect::<Vec<_>>())
}

/// What all cases have in common.
struct Stage<'a> {
    scenario: &'a Scenario,
    n_trials: usize,
    workers: Workers,
    progress: &'a dyn Progress,
}

impl Stage<'_> {
    /// Plays all trials of each victim at each instant.
    fn play(&self, victims: &[Victim], instants: &[SimTime]) -> Vec<Case> {
        let cases = victims.iter().flat_map(|victim| instants.iter().map(move |at| (victim, *at)));
        let cases: Vec<(&Victim, SimTime)> = cases.collect();
        let n_runs = cases.len() * self.n_trials;
        self.progress.plan(n_runs);
        let outcomes = trials::in_parallel(n_runs, self.workers, |run| {
            let (victim, at) = cases[run / self.n_trials];
            let outcome = outcome::play(self.scenario, run % self.n_trials, &victim.actions(at));
            self.progress.done();
            outcome
        });
        let mut outcomes = outcomes.into_iter();
        let case = |(victim, at): (&Victim, SimTime)| Case {
            victim: victim.clone(),
            at,
            outcomes: outcomes.by_ref().take(self.n_trials).collect(),
        };
        cases.into_iter().map(case).collect()
    }
}
