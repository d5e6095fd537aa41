//! The verdict of a run: the answer first.

use crate::model::node::Silence;
use crate::report::failures::FailureRow;
use crate::report::page::table::Tone;
use crate::report::page::{Fact, Verdict};
use crate::report::run_page::series::{ResourceSeries, Series};
use crate::report::run_page::waiting::WAIT_MIN;
use crate::report::run_page::{RunReport, counted};
use crate::report::summary::RunSummary;
use crate::report::text::span;

/// Words by which an expectation is about the load.
const LOAD_WORDS: [&str; 2] = ["traffic", "tiers"];

/// Where no more than this share of anything is requested, nothing is limiting.
const PLENTY: f64 = 0.25;

/// The verdict of a run.
pub(super) fn verdict(run: &RunReport<'_>, series: &Series) -> Verdict {
    let summary = run.summary;
    let (tone, headline) = headline(summary);
    let facts = [
        slo(summary),
        limiting(series),
        spare_nodes(run, series),
        waited(summary, series),
        lost(summary, Silence::MachineOff),
        lost(summary, Silence::KubeletStopped),
        Some(ended(summary)),
        Some(confidence(summary)),
    ];
    Verdict {
        tone,
        headline,
        lines: summary.verdict.clone(),
        facts: facts.into_iter().flatten().collect(),
        reproduce: summary.reproduce.clone(),
    }
}

fn headline(summary: &RunSummary) -> (Tone, String) {
    let n_expected = summary.expectations.len();
    let n_failed = summary.expectations.iter().filter(|row| !row.holds).count();
    match (n_expected, n_failed) {
        (0, _) => (Tone::Plain, "Played to its end: nothing was expected of it".to_owned()),
        (1, 0) => (Tone::Good, "The one expectation holds".to_owned()),
        (_, 0) => (Tone::Good, format!("All {n_expected} expectations hold")),
        (_, failed) => (Tone::Bad, format!("{failed} of {n_expected} expectations failed")),
    }
}

/// The expectations on the load are its objectives.
fn slo(summary: &RunSummary) -> Option<Fact> {
    let is_about_load = |that: &str| LOAD_WORDS.iter().any(|word| that.contains(word));
    let objectives = || summary.expectations.iter().filter(|row| is_about_load(&row.that));
    let (n_all, n_missed) = (objectives().count(), objectives().filter(|row| !row.holds).count());
    let (text, tone) = match (n_all, n_missed) {
        (0, _) => return summary.traffic.is_some().then(|| Fact::new("SLO", "none is expected of the load")),
        (_, 0) => (
            format!("met ({})", counted(n_all, "expectation on the load", "expectations on the load")),
            Tone::Good,
        ),
        (_, missed) => (format!("missed: {missed} of {n_all} expectations on the load"), Tone::Bad),
    };
    Some(Fact { tone, ..Fact::new("SLO", text) })
}

/// The resource of which most was requested, as a share of what was offered at that time.
fn limiting(series: &Series) -> Option<Fact> {
    let mut shares: Vec<(&ResourceSeries, f64)> =
        series.resources.iter().map(|of| (of, of.peak_share())).filter(|(_, share)| *share > 0.0).collect();
    shares.sort_by(|a, b| b.1.total_cmp(&a.1));
    let ((first, share), others) = shares.split_first()?;
    let others: Vec<String> =
        others.iter().map(|(of, share)| format!("{} {}", of.resource.name(), percent(*share))).collect();
    let others = if others.is_empty() { String::new() } else { format!("; {}", others.join(", ")) };
    let name = first.resource.name();
    let none = if *share < PLENTY { "none: " } else { "" };
    let text = format!("{none}{name} {} requested at the peak{others}", percent(*share));
    let tone = if *share > 1.0 { Tone::Bad } else { Tone::Plain };
    Some(Fact { tone, ..Fact::new("Limiting resource", text) })
}

fn percent(share: f64) -> String {
    if share < 0.01 { "under 1 %".to_owned() } else { format!("{:.0} %", share * 100.0) }
}

/// How many nodes, the largest first, could go while the sums of the rest cover the peak of every resource.
fn spare_nodes(run: &RunReport<'_>, series: &Series) -> Option<Fact> {
    let mut nodes: Vec<[i64; 3]> = run.timeline.nodes.values().map(|line| line.allocatable).collect();
    let n_nodes = nodes.len();
    if n_nodes == 0 || !series.resources.iter().any(ResourceSeries::is_requested) {
        return None;
    }
    nodes.sort_unstable();
    let peaks: Vec<f64> = series.resources.iter().map(ResourceSeries::peak).collect();
    let sum = |rest: &[[i64; 3]], resource: usize| rest.iter().map(|node| node[resource]).sum::<i64>() as f64;
    let covers = |rest: &[[i64; 3]]| (0..3).all(|resource| sum(rest, resource) >= peaks[resource]);
    let needed = (0..=n_nodes).find(|count| covers(&nodes[..*count])).unwrap_or(n_nodes);
    let text = format!(
        "{} of {n_nodes}, by the sums of requests at the peak; “sim capacity” plays it",
        n_nodes - needed
    );
    Some(Fact::new("Spare nodes", text))
}

fn waited(summary: &RunSummary, series: &Series) -> Option<Fact> {
    let most = series.resources[2].waiting.iter().map(|point| point.peak).max().filter(|most| *most > 0)?;
    let longest = series.oldest.iter().copied().fold(0.0, f64::max);
    if longest < WAIT_MIN {
        return None;
    }
    let left = summary.pods.iter().filter(|pod| pod.phase == "Pending" && pod.node.is_none()).count();
    let rest = if left > 0 { format!("; {left} without a node at the end") } else { String::new() };
    let pods = counted(usize::try_from(most).unwrap_or(0), "pod", "pods");
    let text = format!("{pods} at the most, up to {}{rest}", span(longest));
    Some(Fact {
        tone: if left > 0 { Tone::Bad } else { Tone::Plain },
        ..Fact::new("Waited for a node", text)
    })
}

/// What became of the pods on nodes of which this stopped.
fn lost(summary: &RunSummary, cause: Silence) -> Option<Fact> {
    let failures: Vec<&FailureRow> =
        summary.failures.iter().filter(|failure| failure.cause == cause).collect();
    if failures.is_empty() {
        return None;
    }
    let n_pods: usize = failures.iter().map(|failure| failure.pods.len() + failure.more_pods).sum();
    let recoveries = failures.iter().flat_map(|failure| {
        failure.pods.iter().filter_map(|pod| pod.ready.map(|ready| ready - failure.failed))
    });
    let recoveries: Vec<f64> = recoveries.collect();
    let slowest = recoveries.iter().copied().fold(0.0, f64::max);
    let (name, failed, fate) = match cause {
        Silence::MachineOff => ("Nodes lost", counted(failures.len(), "failure", "failures"), "lost"),
        Silence::KubeletStopped => {
            ("Kubelets stopped", counted(failures.len(), "outage", "outages"), "left to themselves")
        }
    };
    let text = format!(
        "{failed}, {} {fate}, {} replaced and ready{}",
        counted(n_pods, "pod", "pods"),
        recoveries.len(),
        if recoveries.is_empty() { String::new() } else { format!(" within {}", span(slowest)) }
    );
    Some(Fact::new(name, text))
}

fn ended(summary: &RunSummary) -> Fact {
    let why = if summary.ended_by == "quiet" { "nothing left to happen" } else { "the horizon" };
    Fact::new("Ended", format!("at {}: {why}", span(summary.ended_at)))
}

/// One run says nothing about chance.
fn confidence(summary: &RunSummary) -> Fact {
    let text = "one run of one seed; “sim compare” gives intervals";
    Fact::new("Confidence", format!("{text} (digest {}…)", &summary.digest[..8]))
}
