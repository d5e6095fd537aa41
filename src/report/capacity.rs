//! What came of a question of `sim capacity`, as data: the answer, why no smaller size is enough, what it survives.

pub mod fit;
pub mod page;
pub mod reason;
pub mod text;
mod words;

use serde::Serialize;

use crate::experiment::capacity::losses::Survival;
use crate::experiment::capacity::outcome::{Outcome, Recovery};
use crate::experiment::capacity::question::{Dimension, Question};
use crate::experiment::capacity::search::{Reach, Size};
use crate::experiment::capacity::{Answer, Probe};
use crate::experiment::statistics::share_at_least;
use crate::model::capacity::Loss;
use crate::observe::expectation::Wanted;
use crate::observe::room::Amounts;
use crate::report::capacity::reason::{Failure, StageReason};
use crate::report::summary::seconds;

/// The version of the JSON format.
pub const FORMAT: &str = "sim/capacity/v1";

/// The answer to a question, as data.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CapacitySummary {
    /// The version of this format.
    pub format: &'static str,
    /// The version of the program.
    pub sim_version: &'static str,
    /// The answer, the first sentence by itself.
    pub verdict: Vec<String>,
    /// Whether some size is enough.
    pub ok: bool,
    /// What was asked.
    pub question: QuestionRow,
    /// The cheapest size that is enough: a count for each dimension.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<Vec<u32>>,
    /// The cheapest size that is enough while nothing is lost, where losses were asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub without_losses: Option<Vec<u32>>,
    /// What is scarce at the next smaller sizes, or at the largest where none is enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
    /// Why the next smaller sizes are not enough, or the largest.
    pub binding: Vec<BindingRow>,
    /// Every size that was tried, in order of price.
    pub sizes: Vec<SizeRow>,
    /// What the answer makes of losses; the first row is without one.
    pub survivability: Vec<SurvivalRow>,
    /// The share of all seeds for which the answer holds at least, with 95 % confidence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// Pairs of a size that is enough and a larger one that is not.
    pub violations: Vec<[Vec<u32>; 2]>,
    /// Workloads of which a pod is refused even alone in the largest cluster.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused_alone: Vec<AloneRow>,
    /// What was assumed.
    pub assumptions: Vec<String>,
    /// The command that gives the same again.
    pub reproduce: String,
}

/// What was asked.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct QuestionRow {
    /// What is to be as small as it can.
    pub dimensions: Vec<DimensionRow>,
    /// The trials of each size.
    pub trials: usize,
    /// The first seed.
    pub first_seed: u64,
    /// The share of trials in which all has to hold.
    pub at_least: f64,
    /// What all has to hold without, too: `1`, `2` or `zone`.
    pub survive: Vec<&'static str>,
    /// What is expected, in words or else in CEL.
    pub expectations: Vec<String>,
    /// Whether every size was tried.
    pub exhaustive: bool,
}

/// Something of which there are to be as few as can be.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DimensionRow {
    /// `pool/small`, `deployment/web` or the name of a parameter.
    pub name: String,
    /// The smallest size.
    pub from: u32,
    /// The largest size.
    pub to: u32,
    /// How many the scenario has by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub own: Option<u32>,
    /// What one more costs per hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_per_hour: Option<f64>,
}

/// A size that was tried.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SizeRow {
    /// A count for each dimension.
    pub counts: Vec<u32>,
    /// All nodes at the start.
    pub nodes: usize,
    /// What they cost per hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_per_hour: Option<f64>,
    /// In how many trials all holds.
    pub held: usize,
    /// In how many it holds whichever is lost, for each loss that was asked about and tried.
    pub survived: Vec<usize>,
    /// Whether it is enough.
    pub enough: bool,
    /// What the expectations compare, over the trials without a loss.
    pub compared: Vec<ComparedRow>,
    /// Why it is not enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_not: Option<String>,
    /// Entries of the timeline that met nothing in the first trial.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub misses: Vec<String>,
}

/// What an expectation compares, over trials.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ComparedRow {
    /// The expectation by its position.
    pub expectation: usize,
    /// The mean of the left side; spans in seconds.
    pub mean: f64,
    /// Its least.
    pub min: f64,
    /// Its most.
    pub max: f64,
    /// The right side, in the first trial.
    pub bound: f64,
    /// `s` for spans.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub unit: &'static str,
    /// `less`, `more` or `equal`: what the left side should be.
    pub wanted: &'static str,
}

/// What a size makes of the worst loss of some sort.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SurvivalRow {
    /// `all up`, `-1 node`, `-2 nodes` or `-1 zone`.
    pub loss: String,
    /// Whether it has to be survived.
    pub required: bool,
    /// What is lost in the worst case, as `node/small-1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worst: Option<String>,
    /// When [s].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<f64>,
    /// How many losses there are.
    pub possible: usize,
    /// How many were tried, each at every instant.
    pub tried: usize,
    /// The trials.
    pub trials: usize,
    /// In how many trials all holds whichever is lost.
    pub survived: usize,
    /// In how many trials all holds in the worst case.
    pub held: usize,
    /// Pods that the scheduler refused, in the trial with the most.
    pub unschedulable: usize,
    /// Those that wait at the end, in the trial with the most.
    pub waiting: usize,
    /// How long it took until all tiers were whole again, in the slowest trial [s].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovery: Option<f64>,
    /// Whether they were not, up to the end, in some trial.
    pub never_recovered: bool,
    /// The least room for cpu requests [millicores].
    pub cpu_left: i64,
    /// The least room for memory requests [bytes].
    pub memory_left: i64,
    /// The least room for pods.
    pub pods_left: i64,
    /// The expectations that do not hold, and in how many trials.
    pub failed: Vec<Failure>,
}

/// Why a size is not enough.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BindingRow {
    /// A count for each dimension.
    pub counts: Vec<u32>,
    /// Why.
    #[serde(flatten)]
    pub reason: StageReason,
}

/// A workload of which a pod is refused even alone.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AloneRow {
    /// The workload.
    pub workload: String,
    /// Why, in the scheduler's words.
    pub message: String,
}

/// The answer as data.
pub fn summarise(
    question: &Question,
    answer: &Answer,
    first_seed: u64,
    reproduce: String,
) -> CapacitySummary {
    let at = answer.found.answer.as_ref().and_then(|size| answer.probes.get(size));
    let binding = binding(question, answer);
    let sizes = sizes(question, answer);
    let without_losses = answer.without_losses.clone().filter(|_| !question.survive.is_empty());
    let summary = CapacitySummary {
        format: FORMAT,
        sim_version: env!("CARGO_PKG_VERSION"),
        verdict: Vec::new(),
        ok: at.is_some(),
        question: question_row(question, answer, first_seed),
        answer: answer.found.answer.clone(),
        without_losses,
        limit: binding.iter().find_map(|row| row.reason.limit()),
        binding,
        assumptions: assumptions(question, answer, at, &sizes),
        sizes,
        survivability: at.map(|probe| survivability(question, answer, probe)).unwrap_or_default(),
        confidence: at.map(|probe| share_at_least(n_sure(probe), question.n_trials)),
        violations: answer.found.violations.iter().map(|(a, b)| [a.clone(), b.clone()]).collect(),
        refused_alone: answer
            .alone
            .iter()
            .map(|alone| AloneRow { workload: alone.workload.clone(), message: alone.message.clone() })
            .collect(),
        reproduce,
    };
    CapacitySummary { verdict: words::verdict(&summary), ..summary }
}

/// In how many trials a size holds, whatever is lost of what was asked about.
fn n_sure(probe: &Probe) -> usize {
    let all_up = n_held(&probe.all_up);
    probe.survivals.iter().map(|survival| survival.n_survived).fold(all_up, usize::min)
}

fn n_held(outcomes: &[Outcome]) -> usize {
    outcomes.iter().filter(|outcome| outcome.holds).count()
}

fn question_row(question: &Question, answer: &Answer, first_seed: u64) -> QuestionRow {
    let dimension = |dimension: &Dimension| DimensionRow {
        name: dimension.vary.label(),
        from: dimension.from,
        to: dimension.to,
        own: dimension.own,
        price_per_hour: dimension.price_per_hour,
    };
    QuestionRow {
        dimensions: question.dimensions.iter().map(dimension).collect(),
        trials: question.n_trials,
        first_seed,
        at_least: question.at_least,
        survive: question.survive.iter().map(|loss| loss.name()).collect(),
        expectations: answer.expectations.clone(),
        exhaustive: question.reach == Reach::All,
    }
}

/// The next smaller sizes, or the largest where none is enough, and why they are not.
fn binding(question: &Question, answer: &Answer) -> Vec<BindingRow> {
    let sizes: Vec<Size> = match &answer.found.answer {
        Some(size) => (0..size.len()).filter_map(|position| one_less(size, position)).collect(),
        None => vec![question.space().largest()],
    };
    let probes = sizes.iter().filter_map(|size| answer.probes.get(size));
    probes
        .filter_map(|probe| {
            let reason = reason::why_not(question, answer, probe)?;
            Some(BindingRow { counts: probe.size.clone(), reason })
        })
        .collect()
}

fn one_less(size: &Size, position: usize) -> Option<Size> {
    let mut smaller = size.clone();
    smaller[position] = size[position].checked_sub(1)?;
    Some(smaller)
}

fn sizes(question: &Question, answer: &Answer) -> Vec<SizeRow> {
    let space = question.space();
    let mut probes: Vec<&Probe> = answer.probes.values().collect();
    probes.sort_by_cached_key(|probe| space.key(&probe.size));
    let row = |probe: &Probe| SizeRow {
        counts: probe.size.clone(),
        nodes: probe.n_nodes,
        price_per_hour: probe.price_per_hour,
        held: n_held(&probe.all_up),
        survived: probe.survivals.iter().map(|survival| survival.n_survived).collect(),
        enough: probe.is_enough,
        compared: compared(&probe.all_up, answer.expectations.len()),
        why_not: reason::why_not(question, answer, probe).map(|reason| reason.in_short()),
        misses: probe.all_up.first().map(|outcome| outcome.misses.clone()).unwrap_or_default(),
    };
    probes.into_iter().map(row).collect()
}

fn compared(outcomes: &[Outcome], n_expectations: usize) -> Vec<ComparedRow> {
    let row = |position: usize| {
        let own = outcomes.iter().flat_map(|outcome| &outcome.compared).filter(|(at, _)| *at == position);
        let own: Vec<_> = own.map(|(_, compared)| *compared).collect();
        let first = own.first()?;
        let lefts = || own.iter().map(|compared| compared.left);
        Some(ComparedRow {
            expectation: position,
            mean: lefts().sum::<f64>() / own.len() as f64,
            min: lefts().fold(f64::INFINITY, f64::min),
            max: lefts().fold(f64::NEG_INFINITY, f64::max),
            bound: first.right,
            unit: if first.is_span { "s" } else { "" },
            wanted: match first.wanted {
                Wanted::Less => "less",
                Wanted::More => "more",
                Wanted::Equal => "equal",
            },
        })
    };
    (0..n_expectations).filter_map(row).collect()
}

/// The losses from the smallest to the largest, those asked about and the others.
fn survivability(question: &Question, answer: &Answer, probe: &Probe) -> Vec<SurvivalRow> {
    let mut survivals: Vec<&Survival> = probe.survivals.iter().chain(&answer.other_survivals).collect();
    survivals.sort_by_key(|survival| survival.loss);
    let all_up = SurvivalRow {
        survived: n_held(&probe.all_up),
        ..survival_row("all up".to_owned(), &probe.all_up, answer)
    };
    let rows = survivals.into_iter().map(|survival| {
        let worst = survival.worst.as_ref();
        let outcomes = worst.map_or(&[][..], |case| &case.outcomes);
        SurvivalRow {
            required: question.survive.contains(&survival.loss),
            worst: worst.map(|case| case.victim.to_string()),
            at: worst.map(|case| seconds(case.at)),
            possible: survival.n_possible,
            tried: survival.n_tried,
            survived: survival.n_survived,
            ..survival_row(survival.loss.to_string(), outcomes, answer)
        }
    });
    [all_up].into_iter().chain(rows).collect()
}

fn survival_row(loss: String, outcomes: &[Outcome], answer: &Answer) -> SurvivalRow {
    let most = |count: fn(&Outcome) -> usize| outcomes.iter().map(count).max().unwrap_or(0);
    let spans = outcomes.iter().filter_map(|outcome| match outcome.recovery {
        Recovery::After(span) => Some(span),
        Recovery::NothingLost | Recovery::Never => None,
    });
    let room = outcomes.iter().map(|outcome| outcome.room).reduce(Amounts::least).unwrap_or_default();
    SurvivalRow {
        loss,
        required: true,
        worst: None,
        at: None,
        possible: 0,
        tried: 0,
        trials: outcomes.len(),
        survived: 0,
        held: n_held(outcomes),
        unschedulable: most(|outcome| outcome.n_refused),
        waiting: most(|outcome| outcome.n_waiting),
        recovery: spans.max().map(|span| span.as_secs_f64()),
        never_recovered: outcomes.iter().any(|outcome| outcome.recovery == Recovery::Never),
        cpu_left: room.cpu.0,
        memory_left: room.memory.0,
        pods_left: room.pods,
        failed: reason::failures(outcomes, answer),
    }
}

/// What was taken for granted besides what the scenario assumes.
fn assumptions(question: &Question, answer: &Answer, at: Option<&Probe>, sizes: &[SizeRow]) -> Vec<String> {
    let mut lines = Vec::new();
    if answer.expectations.is_empty() {
        lines.push(format!("the scenario expects nothing: {}", reason::ALL_SCHEDULED));
    }
    let of_answer = at.into_iter().flat_map(|probe| &probe.survivals).chain(&answer.other_survivals);
    let instants = of_answer.map(|survival| &survival.instants).find(|instants| !instants.is_empty());
    if let Some(instants) = instants {
        let why = match (question.lost_at.len(), instants.len()) {
            (0, 1) => ", at the peak",
            (0, _) => ", at the peaks of what pods request and of the load",
            _ => "",
        };
        let instants: Vec<String> = instants.iter().map(ToString::to_string).collect();
        lines.push(format!("what is lost is lost at {}{why}, and for ever", instants.join(" or ")));
    }
    let has_prices = question.dimensions.iter().all(|dimension| dimension.price_per_hour.is_some());
    if question.dimensions.len() > 1 && !has_prices {
        lines.push("no pool has a `pricePerHour`: the fewest nodes are the cheapest".to_owned());
    }
    let is_known = |loss: &Loss| {
        let known = at.into_iter().flat_map(|probe| &probe.survivals).chain(&answer.other_survivals);
        question.survive.contains(loss) || known.into_iter().any(|survival| survival.loss == *loss)
    };
    let untold: Vec<&str> = Loss::ALL.into_iter().filter(|loss| !is_known(loss)).map(Loss::name).collect();
    if at.is_some() && !untold.is_empty() {
        lines.push(format!("not looked at: --survive {}", untold.join(", --survive ")));
    }
    if let Some((size, miss)) = sizes.iter().find_map(|row| Some((row, row.misses.first()?))) {
        let counts: Vec<String> = size.counts.iter().map(ToString::to_string).collect();
        let labels = question.dimensions.iter().map(|dimension| dimension.vary.label());
        let size: Vec<String> = labels.zip(counts).map(|(name, count)| format!("{name}={count}")).collect();
        lines.push(format!("the timeline did not all happen: with {} {miss}", size.join(" ")));
    }
    lines.extend(answer.assumptions.iter().cloned());
    lines
}
