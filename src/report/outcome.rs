//! What a run came to, in a few rows of text: the last line of a trace, and what `sim diff` puts side by side.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::report::summary::{JobRow, RunSummary};
use crate::report::text::{one_line, span};
use crate::report::traffic::SourceRow;

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunEnd {
    /// When it ended [s].
    pub ended_at: f64,
    /// `quiet` or `horizon`.
    pub ended_by: String,
    /// Whether all expectations hold.
    pub ok: bool,
    /// How many events were handled.
    pub events: u64,
    /// The hash over all changes.
    pub digest: String,
    /// What became of everything that counts.
    pub outcomes: Vec<OutcomeRow>,
}

/// What became of something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeRow {
    /// What it is, as `job default/batch`.
    pub what: String,
    /// What became of it, in words.
    pub outcome: String,
}

impl RunEnd {
    /// The end of a run.
    pub fn of(summary: &RunSummary) -> Self {
        Self {
            ended_at: summary.ended_at,
            ended_by: summary.ended_by.to_owned(),
            ok: summary.ok,
            events: summary.events,
            digest: summary.digest.clone(),
            outcomes: outcomes(summary),
        }
    }
}

fn outcomes(summary: &RunSummary) -> Vec<OutcomeRow> {
    let row = |what: String, outcome: String| OutcomeRow { what, outcome };
    let mut rows: Vec<OutcomeRow> = Vec::new();
    rows.extend(
        summary.jobs.iter().map(|job| row(format!("job {}/{}", job.namespace, job.name), job_outcome(job))),
    );
    rows.extend(summary.cron_jobs.iter().map(|it| {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        it.runs.iter().for_each(|run| *counts.entry(run.outcome.as_str()).or_default() += 1);
        row(format!("cronjob {}/{}", it.namespace, it.name), counted(&counts))
    }));
    rows.extend(summary.workloads.iter().map(|it| {
        let what = format!("{} {}/{}", it.kind.to_lowercase(), it.namespace, it.name);
        let (ready, desired, available, created) = (it.ready, it.desired, it.available, it.created);
        row(what, format!("{ready} of {desired} ready, {available} available, {created} pods ever"))
    }));
    rows.extend(summary.autoscalers.iter().map(|it| {
        let sizes = it.scalings.iter().map(|scaling| scaling.to.to_string()).collect::<Vec<_>>();
        let outcome =
            if sizes.is_empty() { "no scaling".to_owned() } else { format!("to {}", sizes.join(", ")) };
        row(format!("horizontalpodautoscaler {}/{}", it.namespace, it.name), outcome)
    }));
    let mut pods: BTreeMap<&str, usize> = BTreeMap::new();
    summary.pods.iter().for_each(|pod| *pods.entry(&pod.status).or_default() += 1);
    rows.push(row("pods at the end".to_owned(), counted(&pods)));
    let restarts: u32 = summary.pods.iter().map(|pod| pod.restarts).sum();
    rows.push(row("restarts of those".to_owned(), restarts.to_string()));
    let sources = summary.traffic.iter().flat_map(|traffic| &traffic.sources);
    rows.extend(sources.map(|source| row(format!("traffic {}", source.name), source_outcome(source))));
    rows.extend(summary.expectations.iter().map(|it| {
        let what = it.message.clone().unwrap_or_else(|| one_line(&it.that));
        let found = it.found.as_deref().unwrap_or("false");
        row(format!("expect {what}"), if it.holds { "holds".to_owned() } else { format!("FAILED: {found}") })
    }));
    rows.extend(summary.misses.iter().map(|miss| row("missed".to_owned(), miss.clone())));
    let by = if summary.ended_by == "quiet" { "nothing left to happen" } else { "the horizon" };
    rows.push(row("end".to_owned(), format!("{}: {by}", span(summary.ended_at))));
    rows
}

fn job_outcome(job: &JobRow) -> String {
    let reason = if job.reason.is_empty() { String::new() } else { format!(": {}", job.reason) };
    let after = job.duration.map(|secs| format!(" after {}", span(secs))).unwrap_or_default();
    let deleted = job.deleted.map(|at| format!(", deleted at {}", span(at))).unwrap_or_default();
    let (succeeded, failed) = (job.succeeded, job.failed);
    format!("{}{reason}{after}, {succeeded} succeeded, {failed} failed{deleted}", job.condition)
}

fn source_outcome(source: &SourceRow) -> String {
    let share = if source.offered > 0 { source.errors as f64 / source.offered as f64 } else { 0.0 };
    let [p50, p99] = [source.latency.p50, source.latency.p99].map(|secs| source.shown_latency(secs));
    format!("{} requests, {:.2}% errors, p50 {p50}, p99 {p99}", source.offered, share * 100.0)
}

/// `3 Running, 1 Pending`
fn counted(counts: &BTreeMap<&str, usize>) -> String {
    let parts: Vec<String> = counts.iter().map(|(what, count)| format!("{count} {what}")).collect();
    if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
}
