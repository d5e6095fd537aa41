//! A comparison as text and as data.

use serde::Serialize;

use crate::experiment::comparison::{Comparison, Judgement, Row};
use crate::experiment::measures::{Better, Unit};
use crate::experiment::statistics::Estimate;
use crate::report::table::Table;

/// The version of the JSON format.
pub const FORMAT: &str = "sim/comparison/v1";

/// What goes without saying of no latency: a variant that answers less may have shorter ones.
pub const LATENCIES: &str = "latencies are those of answered requests";

/// A comparison as data.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ComparisonSummary {
    /// The version of this format.
    pub format: &'static str,
    /// The version of the program.
    pub sim_version: &'static str,
    /// The verdict, a sentence per variant but the first.
    pub verdict: Vec<String>,
    /// The variants; the first is what the others are compared with.
    pub variants: Vec<String>,
    /// The seeds, one per trial.
    pub seeds: Vec<u64>,
    /// The measures.
    pub measures: Vec<MeasureRow>,
    /// The command that gives the same again.
    pub reproduce: String,
}

/// A measure of all variants.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MeasureRow {
    /// What it is.
    pub name: String,
    /// What it is about.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// Its unit.
    pub unit: &'static str,
    /// `lower`, `higher` or `neither`.
    pub better: &'static str,
    /// Its mean for each variant, with its 95 % interval.
    pub means: Vec<Option<Interval>>,
    /// The paired difference of each variant but the first from the first, with its 95 % interval.
    pub differences: Vec<Option<Interval>>,
    /// What that means: `better`, `worse`, `different` or `no difference`.
    pub judgements: Vec<Option<&'static str>>,
}

/// A mean and its 95 % interval; without ends where there was one trial only.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Interval {
    /// The mean.
    pub mean: f64,
    /// The lower end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// The upper end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
}

/// The comparison as data.
pub fn summarise(comparison: &Comparison, reproduce: String) -> ComparisonSummary {
    ComparisonSummary {
        format: FORMAT,
        sim_version: env!("CARGO_PKG_VERSION"),
        verdict: (1..comparison.variants.len()).map(|idx| verdict(comparison, idx)).collect(),
        variants: comparison.variants.clone(),
        seeds: comparison.seeds.clone(),
        measures: comparison.rows.iter().map(measure_row).collect(),
        reproduce,
    }
}

fn measure_row(row: &Row) -> MeasureRow {
    let interval = |estimate: &Option<Estimate>| estimate.as_ref().map(interval);
    MeasureRow {
        name: row.kind.name.to_owned(),
        subject: row.subject.clone(),
        unit: unit_name(row.kind.unit),
        better: match row.kind.better {
            Better::Lower => "lower",
            Better::Higher => "higher",
            Better::Neither => "neither",
        },
        means: row.means.iter().map(interval).collect(),
        differences: row.differences.iter().map(interval).collect(),
        judgements: (1..row.means.len()).map(|idx| row.judgement(idx).map(judgement_text)).collect(),
    }
}

fn interval(estimate: &Estimate) -> Interval {
    let finite = |value: f64| Some(value).filter(|value| value.is_finite());
    Interval { mean: estimate.mean, low: finite(estimate.low()), high: finite(estimate.high()) }
}

/// The comparison as text: the verdict first, then the table.
pub fn text(comparison: &Comparison, summary: &ComparisonSummary) -> String {
    let mut out = String::new();
    for line in &summary.verdict {
        out.push_str(line);
        out.push('\n');
    }
    let (heads, rows) = cells_of_all(comparison);
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    let mut table = Table::new(&heads);
    rows.into_iter().for_each(|row| table.row(row));
    out.push('\n');
    out.push_str(&table.to_string());
    let n = comparison.seeds.len();
    let seeds = match (comparison.seeds.first(), comparison.seeds.last()) {
        (Some(first), Some(last)) if n > 1 => format!("seeds {first} to {last}"),
        (Some(only), _) => format!("seed {only}"),
        _ => String::new(),
    };
    let caveat = caveat(comparison);
    out.push_str(&format!("\ntrials  {n} of each variant, {seeds}; ± and [ ] are 95 % intervals{caveat}\n"));
    out.push_str(&format!("again   {}   (sim {})\n", summary.reproduce, summary.sim_version));
    out
}

/// What is to be added to a sentence on all measures: where there are latencies, whose they are.
pub fn caveat(comparison: &Comparison) -> String {
    let has_latencies = comparison.rows.iter().any(|row| row.kind.is_latency());
    if has_latencies { format!("; {LATENCIES}") } else { String::new() }
}

/// The table of all measures: its heads and its rows.
pub fn cells_of_all(comparison: &Comparison) -> (Vec<String>, Vec<Vec<String>>) {
    let mut heads = vec!["MEASURE".to_owned()];
    heads.extend(comparison.variants.iter().cloned());
    for name in comparison.variants.iter().skip(1) {
        heads.push(format!("{name} - {}", comparison.variants[0]));
        heads.push(String::new());
    }
    (heads, comparison.rows.iter().map(cells).collect())
}

fn cells(row: &Row) -> Vec<String> {
    let subject = if row.subject.is_empty() { String::new() } else { format!(" ({})", row.subject) };
    let mut cells = vec![format!("{}{subject}", row.kind.name)];
    cells.extend(
        row.means.iter().map(|mean| mean.map_or("-".to_owned(), |mean| mean_text(row.kind.unit, &mean))),
    );
    for (idx, difference) in row.differences.iter().enumerate() {
        let text = difference.map_or("-".to_owned(), |estimate| difference_text(row.kind.unit, &estimate));
        cells.push(text);
        cells.push(row.judgement(idx + 1).map(judgement_text).unwrap_or_default().to_owned());
    }
    cells
}

/// A mean with half of its interval: `476ms ±33.7ms`.
pub fn mean_text(unit: Unit, estimate: &Estimate) -> String {
    let mean = amount(unit, estimate.mean);
    match estimate.half_width {
        0.0 => mean,
        half_width if half_width.is_finite() => format!("{mean} ±{}", bare(unit, half_width)),
        _ => mean,
    }
}

/// A difference with its interval: `-73.9ms [-197ms, +49.1ms]`.
pub fn difference_text(unit: Unit, estimate: &Estimate) -> String {
    let signed = |value: f64| {
        let sign = if value > 0.0 { "+" } else { "" };
        format!("{sign}{}", amount(unit, value))
    };
    if estimate.half_width == 0.0 || !estimate.half_width.is_finite() {
        return signed(estimate.mean);
    }
    let signed_bare = |value: f64| {
        let sign = if value > 0.0 { "+" } else { "" };
        format!("{sign}{}", bare(unit, value))
    };
    format!("{} [{}, {}]", signed(estimate.mean), signed_bare(estimate.low()), signed_bare(estimate.high()))
}

/// An amount beside another of its unit: without the unit, where that does not depend on the size.
fn bare(unit: Unit, value: f64) -> String {
    match unit {
        Unit::PerSecond | Unit::Count | Unit::Cores | Unit::CostPerHour | Unit::Cost => digits(value),
        Unit::Share => digits(value * 100.0),
        Unit::Seconds => seconds(value),
        Unit::Bytes => bytes(value),
    }
}

/// An amount with its unit and about three digits.
pub fn amount(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Seconds => seconds(value),
        Unit::PerSecond => format!("{}/s", digits(value)),
        Unit::Share => format!("{}%", digits(value * 100.0)),
        Unit::Count => digits(value),
        Unit::Cores => format!("{} cores", digits(value)),
        Unit::Bytes => bytes(value),
        Unit::CostPerHour => format!("{}/h", digits(value)),
        Unit::Cost => digits(value),
    }
}

fn seconds(value: f64) -> String {
    match value.abs() {
        size if size >= 1.0 || size == 0.0 => format!("{}s", digits(value)),
        size if size >= 1e-3 => format!("{}ms", digits(value * 1e3)),
        _ => format!("{}us", digits(value * 1e6)),
    }
}

fn bytes(value: f64) -> String {
    const UNITS: [(&str, f64); 3] = [("Gi", 1_073_741_824.0), ("Mi", 1_048_576.0), ("Ki", 1024.0)];
    let unit = UNITS.into_iter().find(|(_, size)| value.abs() >= *size);
    unit.map_or_else(|| digits(value), |(name, size)| format!("{}{name}", digits(value / size)))
}

/// Three digits, or all that stand before the point.
fn digits(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 99.95 => 0,
        size if size >= 9.995 => 1,
        size if size >= 0.9995 => 2,
        _ => 3,
    };
    let text = format!("{value:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// What there is to say of variant `idx` against the first, in a sentence: the differences that are worth words.
fn verdict(comparison: &Comparison, idx: usize) -> String {
    let (name, first) = (&comparison.variants[idx], &comparison.variants[0]);
    let told = |wanted: Judgement| {
        let rows = comparison.rows.iter().filter(|row| row.judgement(idx) == Some(wanted));
        let rows = rows.filter(|row| row.kind.is_headline() && relative_change(row, idx) >= 0.01);
        rows.map(|row| phrase(row, idx)).collect::<Vec<_>>()
    };
    let parts = [("better", told(Judgement::Better)), ("worse", told(Judgement::Worse))];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(_, phrases)| !phrases.is_empty())
        .map(|(word, phrases)| format!("{word} in {}", phrases.join(", ")))
        .collect();
    if parts.is_empty() {
        return format!(
            "{name} against {first}: no difference that {} trials would show.",
            comparison.seeds.len()
        );
    }
    format!("{name} against {first}: {}.", parts.join("; "))
}

/// How far a measure moved, as a share of what it was; infinite from zero.
fn relative_change(row: &Row, idx: usize) -> f64 {
    match (row.means[0], row.differences[idx - 1]) {
        (Some(base), Some(difference)) if base.mean != 0.0 => (difference.mean / base.mean).abs(),
        _ => f64::INFINITY,
    }
}

/// A measure and how far it moved: `recovery time 5m40s (-20%)`.
fn phrase(row: &Row, idx: usize) -> String {
    let subject = if row.subject.is_empty() { String::new() } else { format!(" of {}", row.subject) };
    let change = match (row.means[0], row.differences[idx - 1]) {
        (Some(base), Some(difference)) if base.mean != 0.0 && row.kind.unit != Unit::Share => {
            let percent = difference.mean / base.mean * 100.0;
            let sign = if percent > 0.0 { "+" } else { "" };
            format!(" ({sign}{}%)", digits(percent))
        }
        (_, Some(difference)) => {
            let sign = if difference.mean > 0.0 { "+" } else { "" };
            format!(" ({sign}{})", amount(row.kind.unit, difference.mean))
        }
        _ => String::new(),
    };
    format!("{}{subject}{change}", row.kind.name)
}

/// A judgement in words.
pub const fn judgement_text(judgement: Judgement) -> &'static str {
    match judgement {
        Judgement::Better => "better",
        Judgement::Worse => "worse",
        Judgement::Different => "different",
        Judgement::NoDifference => "no difference",
    }
}

/// The unit in JSON.
pub const fn unit_name(unit: Unit) -> &'static str {
    match unit {
        Unit::Seconds => "s",
        Unit::PerSecond => "1/s",
        Unit::Share => "share",
        Unit::Count => "count",
        Unit::Cores => "cores",
        Unit::Bytes => "bytes",
        Unit::CostPerHour => "cost/h",
        Unit::Cost => "cost",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(unit: Unit, value: f64, expected: &str) {
        assert_eq!(amount(unit, value), expected);
    }

    #[test]
    fn amounts_have_three_digits_and_a_unit_that_fits() {
        check(Unit::Seconds, 345.4, "345s");
        check(Unit::Seconds, 0.012_34, "12.3ms");
        check(Unit::Seconds, -0.000_05, "-50us");
        check(Unit::Share, 0.3333, "33.3%");
        check(Unit::Bytes, 1.5 * 1_073_741_824.0, "1.5Gi");
        check(Unit::Cores, 2.0, "2 cores");
        check(Unit::Count, 0.0, "0");
        check(Unit::CostPerHour, 0.19, "0.19/h");
    }
}
