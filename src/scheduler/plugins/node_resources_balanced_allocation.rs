//! NodeResourcesBalancedAllocation: nodes whose resources would be used evenly are preferred.

use crate::model::profile::Feature;
use crate::scheduler::framework::{CycleContext, MAX_NODE_SCORE, Score};
use crate::scheduler::plugins::node_resources::{Counted, ResourceColumn, ScoredResource};
use crate::scheduler::snapshot::{Row, Snapshot};

#[derive(Debug)]
struct BalancedAllocation {
    resources: Vec<ScoredResource>,
    rule: Rule,
}

/// What of a node's balance is scored.
#[derive(Debug, Clone, Copy)]
enum Rule {
    /// How it is with the pod.
    After,
    /// How the pod changes it.
    Change,
}

/// Compiles the resources that count. What a pod does not request counts as zero here.
/// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/noderesources/balanced_allocation.go; the change of the
/// balance: 1.36.
pub fn pre_score(cx: &CycleContext<'_>, snapshot: &mut Snapshot, _: &[Row]) -> Option<Box<dyn Score>> {
    let names = cx.config.balanced_resources.iter();
    let compile = |name| ScoredResource::compile(name, 1, Counted::Requested, cx, snapshot);
    let resources: Vec<_> = names.filter_map(compile).collect();
    let asks_nothing = resources.iter().all(|resource| resource.request == 0);
    if asks_nothing && cx.profile.has(Feature::SchedulerBestEffortUnbalanced) {
        return None;
    }
    let rule = if cx.profile.has(Feature::SchedulerBalanceChange) { Rule::Change } else { Rule::After };
    Some(Box::new(BalancedAllocation { resources, rule }))
}

impl Score for BalancedAllocation {
    fn score(&self, snapshot: &Snapshot, rows: &[Row], scores: &mut Vec<i64>) {
        let columns: Vec<_> = self.resources.iter().map(|resource| resource.column(snapshot)).collect();
        balances(&columns, rows, scores);
        if matches!(self.rule, Rule::After) {
            return;
        }
        let columns: Vec<_> = columns.into_iter().map(ResourceColumn::without_pod).collect();
        let mut before = Vec::with_capacity(rows.len());
        balances(&columns, rows, &mut before);
        let after = scores.len() - rows.len();
        for (score, before) in scores[after..].iter_mut().zip(before) {
            *score = MAX_NODE_SCORE / 2 + (MAX_NODE_SCORE / 2 + *score - before) / 2;
        }
    }
}

/// How evenly the resources of each node are used.
fn balances(columns: &[ResourceColumn<'_>], rows: &[Row], scores: &mut Vec<i64>) {
    if let [first, second] = *columns {
        scores.extend(rows.iter().map(|row| score_of_two(first, second, *row)));
        return;
    }
    let mut fractions = Vec::with_capacity(columns.len());
    for row in rows {
        fractions.clear();
        fractions.extend(columns.iter().filter_map(|column| fraction(*column, *row)));
        scores.push(score_of(deviation(&fractions)));
    }
}

/// The used part of a resource, at most 1; `None` where the node has none of it.
#[inline]
fn fraction(column: ResourceColumn<'_>, row: Row) -> Option<f64> {
    let (allocatable, requested) = column.at(row)?;
    Some((requested as f64 / allocatable as f64).min(1.0))
}

#[inline]
fn score_of_two(first: ResourceColumn<'_>, second: ResourceColumn<'_>, row: Row) -> i64 {
    match (fraction(first, row), fraction(second, row)) {
        (Some(first), Some(second)) => score_of(((first - second) / 2.0).abs()),
        _ => score_of(0.0),
    }
}

/// The standard deviation, in upstream's order of operations.
fn deviation(fractions: &[f64]) -> f64 {
    match *fractions {
        [] | [_] => 0.0,
        [first, second] => ((first - second) / 2.0).abs(),
        _ => {
            let n = fractions.len() as f64;
            let mean = fractions.iter().sum::<f64>() / n;
            let sum: f64 = fractions.iter().map(|fraction| (fraction - mean) * (fraction - mean)).sum();
            libm::sqrt(sum / n)
        }
    }
}

/// Cut off, not rounded.
#[inline]
fn score_of(deviation: f64) -> i64 {
    ((1.0 - deviation) * MAX_NODE_SCORE as f64) as i64
}
