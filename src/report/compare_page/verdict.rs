//! The verdict of a comparison: for each variant what it is better and worse in.

use crate::experiment::comparison::{Comparison, Judgement};
use crate::experiment::measures::EXPECTATIONS_MET;
use crate::report::compare_page::CompareReport;
use crate::report::page::table::Tone;
use crate::report::page::{Fact, Verdict};

/// The verdict of a comparison.
pub(super) fn verdict(report: &CompareReport<'_>) -> Verdict {
    let (comparison, summary) = (report.comparison, report.summary);
    let mut facts = vec![confidence(comparison)];
    facts.extend(expectations(comparison));
    facts.extend((1..comparison.variants.len()).map(|idx| counts(comparison, idx)));
    Verdict {
        tone: Tone::Plain,
        headline: headline(comparison),
        lines: summary.verdict.clone(),
        facts,
        reproduce: summary.reproduce.clone(),
    }
}

fn headline(comparison: &Comparison) -> String {
    match comparison.variants.as_slice() {
        [first, other] => format!("{other} against {first}"),
        [first, others @ ..] => format!("{} variants against {first}", others.len()),
        [] => "Nothing was compared".to_owned(),
    }
}

fn confidence(comparison: &Comparison) -> Fact {
    let n = comparison.seeds.len();
    let text = match n {
        1 => "one trial of each variant: no intervals, and no difference can be shown".to_owned(),
        _ => format!(
            "{n} trials of each variant with the same {n} seeds; 95 % intervals of paired differences"
        ),
    };
    Fact::new("Confidence", text)
}

/// In how many of the trials the expectations held.
fn expectations(comparison: &Comparison) -> Option<Fact> {
    let row = comparison.rows.iter().find(|row| row.kind == EXPECTATIONS_MET)?;
    let shares: Vec<f64> = row.means.iter().map(|mean| mean.map_or(f64::NAN, |mean| mean.mean)).collect();
    let shown = comparison.variants.iter().zip(&shares);
    let shown: Vec<String> = shown.map(|(name, share)| format!("{name} {:.0} %", share * 100.0)).collect();
    let tone = if shares.iter().all(|share| *share >= 1.0) { Tone::Good } else { Tone::Bad };
    Some(Fact { tone, ..Fact::new("Expectations met", shown.join(", ")) })
}

/// `2 measures better, 1 worse, 3 different, 18 without a difference`
fn counts(comparison: &Comparison, idx: usize) -> Fact {
    let count =
        |wanted: Judgement| comparison.rows.iter().filter(|row| row.judgement(idx) == Some(wanted)).count();
    let parts = [
        (Judgement::Better, "better"),
        (Judgement::Worse, "worse"),
        (Judgement::Different, "different"),
        (Judgement::NoDifference, "without a difference that is shown"),
    ];
    let parts: Vec<String> =
        parts.into_iter().map(|(wanted, word)| format!("{} {word}", count(wanted))).collect();
    Fact::new(&format!("Measures of {}", comparison.variants[idx]), parts.join(", "))
}
