//! Variants compared on common random numbers: every trial has one seed, with which all variants are played.
//!
//! Entities draw from streams of their own names, so that a seed means the same arrivals, demands and failures in
//! every variant, and the difference between two variants of a trial is the variants' own.

use crate::experiment::measures::{Better, MeasureKind, Measures};
use crate::experiment::statistics::Estimate;
use crate::experiment::trials::{self, Workers};
use crate::experiment::views::TrialView;
use crate::model::scenario::Scenario;

/// A variant to compare.
#[derive(Debug, Clone)]
pub struct Contender {
    /// Its name.
    pub name: String,
    /// What is played.
    pub scenario: Scenario,
}

/// What came of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The names of the variants; the first is what the others are compared with.
    pub variants: Vec<String>,
    /// The seeds, one per trial.
    pub seeds: Vec<u64>,
    /// The measures, by variant and trial.
    pub measures: Vec<Vec<Measures>>,
    /// What a page shows of the trials besides, by variant and trial.
    pub views: Vec<Vec<TrialView>>,
    /// The measures in the order in which they are shown.
    pub rows: Vec<Row>,
}

/// A measure of all variants.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What it is.
    pub kind: MeasureKind,
    /// What it is about; empty for the whole.
    pub subject: String,
    /// Its mean for each variant; `None` where a trial of the variant does not have it.
    pub means: Vec<Option<Estimate>>,
    /// For each variant but the first: its difference from the first, pair by pair.
    pub differences: Vec<Option<Estimate>>,
}

/// How a variant fares against the first in one measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// It is better.
    Better,
    /// It is worse.
    Worse,
    /// It is different, and neither direction is the good one.
    Different,
    /// The interval of the difference holds zero.
    NoDifference,
}

impl Row {
    /// How variant `idx` (from 1) fares against the first; `None` where one of them has no such measure.
    pub fn judgement(&self, idx: usize) -> Option<Judgement> {
        let difference = self.differences[idx - 1]?;
        Some(match self.kind.better {
            _ if difference.holds_zero() => Judgement::NoDifference,
            Better::Neither => Judgement::Different,
            Better::Lower if difference.mean < 0.0 => Judgement::Better,
            Better::Higher if difference.mean > 0.0 => Judgement::Better,
            Better::Lower | Better::Higher => Judgement::Worse,
        })
    }
}

/// Plays all variants with `n_trials` seeds from `first_seed` on, and compares them.
///
/// `progress` is called after each run.
pub fn compare(
    contenders: &[Contender],
    first_seed: u64,
    n_trials: usize,
    workers: Workers,
    progress: impl Fn() + Sync + Send,
) -> Comparison {
    let seeds: Vec<u64> = (0..n_trials as u64).map(|idx| first_seed.wrapping_add(idx)).collect();
    let mut runs = trials::in_parallel(contenders.len() * n_trials, workers, |at| {
        let measured = trials::measured(&contenders[at / n_trials].scenario, seeds[at % n_trials]);
        progress();
        measured
    });
    let (mut measures, mut views) = (Vec::new(), Vec::new());
    while !runs.is_empty() {
        let rest = runs.split_off(n_trials);
        let (own_measures, own_views) = std::mem::replace(&mut runs, rest).into_iter().unzip();
        measures.push(own_measures);
        views.push(own_views);
    }
    let variants = contenders.iter().map(|contender| contender.name.clone()).collect();
    let rows = rows(&measures);
    Comparison { variants, seeds, measures, views, rows }
}

/// The measures that any trial has, in the order of their first appearance.
fn rows(measures: &[Vec<Measures>]) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for measure in measures.iter().flatten().flat_map(|measures| &measures.0) {
        let is_known = rows.iter().any(|row| row.kind == measure.kind && row.subject == measure.subject);
        if !is_known {
            rows.push(Row {
                kind: measure.kind,
                subject: measure.subject.clone(),
                means: Vec::new(),
                differences: Vec::new(),
            });
        }
    }
    for row in &mut rows {
        let values: Vec<Option<Vec<f64>>> = measures.iter().map(|trials| values(trials, row)).collect();
        let mean = |values: &Option<Vec<f64>>| values.as_ref().and_then(|values| Estimate::of(values));
        row.means = values.iter().map(mean).collect();
        let difference =
            |other: &Option<Vec<f64>>| Estimate::of_differences(values.first()?.as_ref()?, other.as_ref()?);
        row.differences = values.iter().skip(1).map(difference).collect();
    }
    rows
}

/// The values of a row over the trials of one variant; `None` where a trial does not have it.
fn values(trials: &[Measures], row: &Row) -> Option<Vec<f64>> {
    trials.iter().map(|measures| measures.value(row.kind, &row.subject)).collect()
}
