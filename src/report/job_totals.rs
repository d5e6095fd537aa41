//! Many Jobs in a few figures, where a list of them would tell nobody anything.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::engine::SimTime;
use crate::model::job::JobConditionType;
use crate::observe::attempts::JobEntry;
use crate::report::summary::seconds;
use crate::report::table::Table;
use crate::report::text::{ROWS_MAX, span};

/// What many Jobs came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobTotals {
    /// The Jobs, without those of CronJobs.
    pub jobs: usize,
    /// How many there are of each condition; failed ones by their reason, as `Failed: DeadlineExceeded`.
    pub conditions: BTreeMap<String, usize>,
    /// Pods that succeeded.
    pub pods_succeeded: u64,
    /// Pods that failed.
    pub pods_failed: u64,
    /// From the creation of a Job to the first start of a container [s].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waited: Option<Spread>,
    /// From the creation of a Job to its end [s].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub took: Option<Spread>,
    /// When the last of them ended [s].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_end: Option<f64>,
}

/// How values are spread [s].
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// How many values there are.
    pub count: usize,
    /// Their mean.
    pub mean: f64,
    /// Half of them are not above it.
    pub p50: f64,
    /// Nine in ten are not above it.
    pub p90: f64,
    /// 99 in a hundred are not above it.
    pub p99: f64,
    /// The largest.
    pub max: f64,
}

/// The figures of a run's Jobs; `None` where they are few enough to be listed.
pub fn totals(entries: &[JobEntry]) -> Option<JobTotals> {
    let own: Vec<&JobEntry> = entries.iter().filter(|entry| entry.cronjob.is_none()).collect();
    if own.len() <= ROWS_MAX {
        return None;
    }
    let mut conditions: BTreeMap<String, usize> = BTreeMap::new();
    for entry in &own {
        *conditions.entry(condition(entry)).or_default() += 1;
    }
    let ends = || own.iter().filter_map(|entry| Some((entry.created, entry.finished()?.since)));
    let starts = own.iter().filter_map(|entry| Some((entry.created, entry.first_start?)));
    let sum = |count: fn(&JobEntry) -> u32| own.iter().map(|entry| u64::from(count(entry))).sum();
    Some(JobTotals {
        jobs: own.len(),
        conditions,
        pods_succeeded: sum(|entry| entry.status.succeeded),
        pods_failed: sum(|entry| entry.status.failed),
        waited: spread(starts),
        took: spread(ends()),
        last_end: ends().map(|(_, end)| end).max().map(seconds),
    })
}

fn condition(entry: &JobEntry) -> String {
    match entry.finished() {
        Some(end) if end.kind == JobConditionType::Failed => format!("Failed: {}", end.reason),
        Some(end) => end.kind.as_str().to_owned(),
        None if entry.first_start.is_some() => "Running".to_owned(),
        None => "Waiting".to_owned(),
    }
}

/// How the spans between pairs of instants are spread. A percentile is the smallest value that so many are not above.
fn spread(pairs: impl Iterator<Item = (SimTime, SimTime)>) -> Option<Spread> {
    let mut values: Vec<u64> = pairs.map(|(from, to)| to.since(from).as_nanos()).collect();
    values.sort_unstable();
    let count = values.len();
    let largest = *values.last()?;
    let rank = |percent: usize| values[(count * percent).div_ceil(100).max(1) - 1] as f64 / 1e9;
    let sum: u128 = values.iter().map(|value| u128::from(*value)).sum();
    Some(Spread {
        count,
        mean: sum as f64 / count as f64 / 1e9,
        p50: rank(50),
        p90: rank(90),
        p99: rank(99),
        max: largest as f64 / 1e9,
    })
}

/// One line on all of them.
pub fn verdict(totals: &JobTotals) -> String {
    let parts: Vec<String> =
        totals.conditions.iter().map(|(condition, count)| format!("{count} {condition}")).collect();
    let end = totals.last_end.map(|end| format!("; the last ended at {}", span(end))).unwrap_or_default();
    format!("{} Jobs: {}{end}", totals.jobs, parts.join(", "))
}

/// How long they waited and took.
pub fn table(totals: &JobTotals) -> Table {
    let mut table = Table::new(&["JOBS", "COUNT", "MEAN", "P50", "P90", "P99", "MAX"]);
    for (name, spread) in [("waited for a start", totals.waited), ("took to their end", totals.took)] {
        let Some(Spread { count, mean, p50, p90, p99, max }) = spread else { continue };
        let [mean, p50, p90, p99, max] = [mean.round(), p50, p90, p99, max].map(span);
        table.row([name.to_owned(), count.to_string(), mean, p50, p90, p99, max]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_smallest_value_that_so_many_are_not_above() {
        let at = |secs: u64| SimTime::from_secs(secs);
        let spread = spread((1..=200).map(|secs| (at(1), at(1 + secs)))).unwrap();
        assert_eq!(
            (spread.count, spread.p50, spread.p90, spread.p99, spread.max),
            (200, 100.0, 180.0, 198.0, 200.0)
        );
        assert!((spread.mean - 100.5).abs() < 1e-9);
        assert_eq!(super::spread(std::iter::empty()), None);
        let one = super::spread([(at(3), at(5))].into_iter()).unwrap();
        assert_eq!((one.p50, one.p99, one.max), (2.0, 2.0, 2.0));
    }
}
