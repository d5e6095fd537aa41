//! How much is enough: the cheapest size for which all expectations hold, also after losses.
//!
//! Every size is played with the same seeds. It is enough where all expectations hold in so many of the trials, and
//! where in so many of them they hold whichever node, pair of nodes or zone is lost. What stands in for expectations where
//! there are none: no pod is ever refused by the scheduler, and what was on lost nodes runs elsewhere at the end.

pub mod question;
pub mod search;
pub mod losses;
pub mod outcome;
pub mod alone;
pub mod fit;

use std::collections::BTreeMap;

use crate::experiment::capacity::alone::Alone;
use crate::experiment::capacity::losses::{Plan, Survival};
use crate::experiment::capacity::outcome::Outcome;
use crate::experiment::capacity::question::Question;
use crate::experiment::capacity::search::{Found, Size};
use crate::experiment::trials::{self, Workers};
use crate::model::capacity::Loss;
use crate::model::ids::Kind;
use crate::model::scenario::{NewSpec, Scenario};

/// Is told how much work there is, and of each piece that is done.
pub trait Progress: Sync {
    /// So many more runs are to be played.
    fn plan(&self, n_runs: usize);

    /// A run was played.
    fn done(&self);
}

/// A size that was tried.
#[derive(Debug, Clone)]
pub struct Probe {
    /// The size.
    pub size: Size,
    /// The number of all nodes at the start.
    pub n_nodes: usize,
    /// What they cost per hour; `None` where there are some and none has a price.
    pub price_per_hour: Option<f64>,
    /// The trials without a loss, by seed.
    pub all_up: Vec<Outcome>,
    /// The losses that have to be survived, as far as they were tried: none where the size is not enough without one.
    pub survivals: Vec<Survival>,
    /// Whether it is enough.
    pub is_enough: bool,
}

/// What came of a question.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What was searched, and found.
    pub found: Found,
    /// Every size that was tried.
    pub probes: BTreeMap<Size, Probe>,
    /// The cheapest size that was tried and is enough where nothing is lost.
    pub without_losses: Option<Size>,
    /// What the answer makes of the losses that are not asked for, where they are few enough to try.
    pub other_survivals: Vec<Survival>,
    /// Where no size is enough: the workloads of which a pod is refused even alone in the largest cluster.
    pub alone: Vec<Alone>,
    /// What is expected, in the order of the scenario, in words or else in CEL.
    pub expectations: Vec<String>,
    /// What the scenario assumes.
    pub assumptions: Vec<String>,
}

/// Makes the scenario of a size.
pub type Make<'a, E> = dyn FnMut(&Size) -> Result<Scenario, E> + 'a;

/// Answers a question.
///
/// # Errors
/// The first error of `make`.
pub fn answer<E>(
    question: &Question,
    workers: Workers,
    make: &mut Make<'_, E>,
    progress: &dyn Progress,
) -> Result<Answer, E> {
    let stage = Stage { question, workers, progress };
    let mut probes: BTreeMap<Size, Probe> = BTreeMap::new();
    let found = search::search(&question.space(), question.reach, |size| {
        let probe = stage.probe(size, &make(size)?);
        let is_enough = probe.is_enough;
        probes.insert(size.clone(), probe);
        Ok(is_enough)
    })?;
    let size = found.answer.clone().unwrap_or_else(|| question.space().largest());
    let scenario = make(&size)?;
    let other_survivals = match &found.answer {
        Some(size) => stage.other_survivals(&probes[size], &scenario),
        None => Vec::new(),
    };
    let alone = if found.answer.is_none() { alone::refused_alone(&scenario) } else { Vec::new() };
    let words = |expectation: &crate::model::scenario::Expectation| {
        expectation.message.clone().unwrap_or_else(|| expectation.that.clone())
    };
    Ok(Answer {
        without_losses: cheapest(question, probes.values().filter(|probe| question.holds(&probe.all_up))),
        other_survivals,
        alone,
        expectations: scenario.expectations.iter().map(words).collect(),
        assumptions: scenario.assumptions,
        found,
        probes,
    })
}

fn cheapest<'a>(question: &Question, probes: impl Iterator<Item = &'a Probe>) -> Option<Size> {
    let space = question.space();
    probes.map(|probe| &probe.size).min_by_key(|size| space.key(size)).cloned()
}

/// What all probes have in common.
struct Stage<'a> {
    question: &'a Question,
    workers: Workers,
    progress: &'a dyn Progress,
}

impl Stage<'_> {
    /// Tries a size.
    fn probe(&self, size: &Size, scenario: &Scenario) -> Probe {
        let n_trials = self.question.n_trials;
        self.progress.plan(n_trials);
        let all_up = trials::in_parallel(n_trials, self.workers, |trial| {
            let outcome = outcome::play(scenario, trial, &[]);
            self.progress.done();
            outcome
        });
        let mut survivals: Vec<Survival> = Vec::new();
        let mut is_enough = self.question.holds(&all_up);
        for loss in &self.question.survive {
            if is_enough {
                let survival = self.survival(*loss, scenario, &all_up);
                is_enough = self.question.is_enough(survival.n_survived);
                survivals.push(survival);
            }
        }
        let (n_nodes, price_per_hour) = bill(scenario);
        Probe { size: size.clone(), n_nodes, price_per_hour, all_up, survivals, is_enough }
    }

    fn survival(&self, loss: Loss, scenario: &Scenario, all_up: &[Outcome]) -> Survival {
        let plan = Plan::of(loss, scenario, self.instants(all_up));
        losses::survive(&plan, scenario, self.question.n_trials, self.workers, self.progress)
    }

    fn other_survivals(&self, probe: &Probe, scenario: &Scenario) -> Vec<Survival> {
        let others = Loss::ALL.into_iter().filter(|loss| !self.question.survive.contains(loss));
        let plans = others.map(|loss| Plan::of(loss, scenario, self.instants(&probe.all_up)));
        let plans = plans.filter(Plan::is_worth_a_look);
        plans
            .map(|plan| losses::survive(&plan, scenario, self.question.n_trials, self.workers, self.progress))
            .collect()
    }

    /// When something is lost: as the question says, else at the peaks of the first trial.
    fn instants(&self, all_up: &[Outcome]) -> Vec<crate::engine::SimTime> {
        if !self.question.lost_at.is_empty() {
            return self.question.lost_at.clone();
        }
        all_up.first().map(|outcome| outcome.peaks.clone()).unwrap_or_default()
    }
}

/// The number of the nodes that are there at the start, and their price per hour.
fn bill(scenario: &Scenario) -> (usize, Option<f64>) {
    let nodes = scenario.objects.iter().filter_map(|object| match &object.spec {
        NewSpec::Node(spec) => Some(spec.price_per_hour),
        _ => None,
    });
    let prices: Vec<Option<f64>> = nodes.collect();
    let known: Vec<f64> = prices.iter().copied().flatten().collect();
    (
        prices.len(),
        (!known.is_empty() || prices.is_empty()).then(|| known.iter().fold(0.0, |sum, price| sum + price)),
    )
}

/// The names of the nodes that are there at the start, in the order of their creation.
fn node_names(scenario: &Scenario) -> impl Iterator<Item = &crate::model::meta::Name> {
    let nodes = scenario.objects.iter().filter(|object| object.spec.kind() == Kind::Node);
    nodes.map(|object| &object.name)
}
