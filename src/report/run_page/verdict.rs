//! The verdict of a run: the answer first.

use crate::report::page::table::Tone;
use crate::report::page::{Fact, Verdict};
use crate::report::run_page::RunReport;
use crate::report::summary::RunSummary;
use crate::report::text::span;

/// The verdict of a run.
pub(super) fn verdict(run: &RunReport<'_>) -> Verdict {
    let summary = run.summary;
    let (tone, headline) = headline(summary);
    let facts = vec![ended(summary), confidence(summary)];
    Verdict { tone, headline, lines: summary.verdict.clone(), facts, reproduce: summary.reproduce.clone() }
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

fn ended(summary: &RunSummary) -> Fact {
    let why = if summary.ended_by == "quiet" { "nothing left to happen" } else { "the horizon" };
    Fact::new("Ended", format!("at {}: {why}", span(summary.ended_at)))
}

/// One run says nothing about chance.
fn confidence(summary: &RunSummary) -> Fact {
    let text = "one run with one seed; `sim compare --trials` gives intervals";
    Fact::new("Confidence", format!("{text} (digest {}…)", &summary.digest[..8]))
}
