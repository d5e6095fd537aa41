//! The answer as text: the sentences, the sizes that were tried, and what the answer survives.

use crate::engine::SimDuration;
use crate::experiment::measures::Unit;
use crate::model::resources::Millicores;
use crate::report::capacity::words::money;
use crate::report::capacity::{CapacitySummary, DimensionRow, SizeRow, SurvivalRow};
use crate::report::comparison::amount;
use crate::report::table::Table;

/// Longer reasons are cut in tables.
const REASON_LENGTH_MAX: usize = 72;
/// Longer tables are cut, with a line that says so.
const ROWS_MAX: usize = 40;

/// All of it.
pub fn text(summary: &CapacitySummary) -> String {
    let mut out: String = summary.verdict.iter().map(|line| format!("{line}\n")).collect();
    out += &format!("\n{}", sizes(summary));
    if summary.sizes.len() > ROWS_MAX {
        out += &format!("… and {} more sizes (-o json has all)\n", summary.sizes.len() - ROWS_MAX);
    }
    if !summary.survivability.is_empty() {
        out += &format!("\n{}", survivability(summary));
    }
    out += &format!("\n{}", foot(summary));
    out
}

fn foot(summary: &CapacitySummary) -> String {
    let question = &summary.question;
    let last = question.first_seed.wrapping_add(question.trials as u64 - 1);
    let seeds = match question.trials {
        1 => format!("seed {}", question.first_seed),
        _ => format!("seeds {} to {last}", question.first_seed),
    };
    let at_least = amount(Unit::Share, question.at_least);
    let confidence = summary.confidence.map(|share| {
        format!(
            "; with 95 % confidence the answer holds for {} or more of all seeds",
            amount(Unit::Share, share)
        )
    });
    let confidence = confidence.unwrap_or_default();
    let mut out = format!(
        "trials  {} of each size, {seeds}; all has to hold in {at_least} of them{confidence}\n",
        question.trials
    );
    let ranges: Vec<String> = question.dimensions.iter().map(range).collect();
    let how = if question.exhaustive { "all sizes" } else { "bisection" };
    out += &format!("search  {how} of {}: {} tried", ranges.join(", "), summary.sizes.len());
    out += if summary.violations.is_empty() { ", more was never worse\n" } else { ", more was worse\n" };
    for line in &summary.assumptions {
        out += &format!("assumed {line}\n");
    }
    out += &format!("again   {}   (sim {})\n", summary.reproduce, summary.sim_version);
    out
}

fn range(dimension: &DimensionRow) -> String {
    format!("{} {}..{}", dimension.name, dimension.from, dimension.to)
}

fn sizes(summary: &CapacitySummary) -> String {
    let question = &summary.question;
    let mut heads: Vec<String> = question.dimensions.iter().map(|it| it.name.to_uppercase()).collect();
    heads.extend(["NODES", "PRICE/H", "HOLDS"].map(str::to_owned));
    heads.extend(question.survive.iter().map(|loss| match *loss {
        "1" => "-1 NODE".to_owned(),
        "2" => "-2 NODES".to_owned(),
        _ => "-1 ZONE".to_owned(),
    }));
    heads.extend(["ENOUGH", "WHY NOT"].map(str::to_owned));
    let mut table = Table::new(&heads.iter().map(String::as_str).collect::<Vec<_>>());
    for row in summary.sizes.iter().take(ROWS_MAX) {
        table.cells(size_cells(row, summary));
    }
    table.without_empty_columns().to_string()
}

fn size_cells(row: &SizeRow, summary: &CapacitySummary) -> Vec<String> {
    let n_trials = summary.question.trials;
    let mut cells: Vec<String> = row.counts.iter().map(ToString::to_string).collect();
    cells.push(row.nodes.to_string());
    let has_prices = summary.sizes.iter().any(|row| row.price_per_hour.is_some_and(|price| price > 0.0));
    cells.push(row.price_per_hour.filter(|_| has_prices).map(money).unwrap_or_default());
    cells.push(format!("{}/{n_trials}", row.held));
    let n_losses = summary.question.survive.len();
    let survived = |at: usize| row.survived.get(at).map_or("-".to_owned(), |n| format!("{n}/{n_trials}"));
    cells.extend((0..n_losses).map(survived));
    cells.push(if row.enough { "yes" } else { "no" }.to_owned());
    cells.push(row.why_not.as_deref().map(cut).unwrap_or_default());
    cells
}

fn survivability(summary: &CapacitySummary) -> String {
    let heads = [
        "LOST",
        "WORST",
        "AT",
        "TRIED",
        "SURVIVED",
        "WORST HOLDS",
        "UNSCHEDULABLE",
        "RECOVERY",
        "CPU LEFT",
        "MEMORY LEFT",
        "PODS LEFT",
        "FAILS",
    ];
    let mut table = Table::new(&heads);
    for row in &summary.survivability {
        table.row(survival_cells(row));
    }
    table.without_empty_columns().to_string()
}

fn survival_cells(row: &SurvivalRow) -> [String; 12] {
    let is_loss = row.worst.is_some();
    let of_trials = |n: usize| format!("{n}/{}", row.trials);
    let unschedulable = match (row.unschedulable, row.waiting) {
        (0, _) => "0".to_owned(),
        (n, waiting) => format!("{n} ({waiting} at the end)"),
    };
    let tried = if row.tried < row.possible {
        format!("{} of {}", row.tried, row.possible)
    } else {
        row.tried.to_string()
    };
    let none = || "-".to_owned();
    [
        row.loss.clone(),
        row.worst.as_ref().map_or_else(none, |worst| worst.replace("node/", "").replace("zone/", "")),
        row.at.map_or_else(none, span),
        if is_loss { tried } else { none() },
        of_trials(row.survived),
        if is_loss { of_trials(row.held) } else { none() },
        unschedulable,
        recovery(row),
        Millicores(row.cpu_left).to_string(),
        amount(Unit::Bytes, row.memory_left as f64),
        row.pods_left.to_string(),
        row.failed.first().map(|failure| cut(&failure.expectation)).unwrap_or_default(),
    ]
}

/// How long until all tiers were whole again.
pub(super) fn recovery(row: &SurvivalRow) -> String {
    match row.recovery {
        _ if row.never_recovered => "not by the end".to_owned(),
        Some(secs) => span(secs),
        None => "-".to_owned(),
    }
}

pub(super) fn span(secs: f64) -> String {
    // Nobody reads fractions of a long span.
    let step = if secs >= 10.0 { 1.0 } else { 0.1 };
    SimDuration::from_secs_f64(libm::round(secs / step) * step).to_string()
}

fn cut(text: &str) -> String {
    if text.chars().count() <= REASON_LENGTH_MAX {
        return text.to_owned();
    }
    let kept: String = text.chars().take(REASON_LENGTH_MAX - 1).collect();
    format!("{}…", kept.trim_end())
}
