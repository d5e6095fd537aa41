//! The page of a question of capacity: what `sim capacity --report` writes.

mod charts;
mod combinations;
mod survivability;

use crate::experiment::measures::Unit;
use crate::report::capacity::words::money;
use crate::report::capacity::{CapacitySummary, SizeRow};
use crate::report::comparison::amount;
use crate::report::folder::Report;
use crate::report::page::data::{self, Dataset, Value};
use crate::report::page::table::{Cell, DataTable, Head, Tone};
use crate::report::page::{Fact, Page, Part, Section, Verdict};

/// The version of the JSON format.
pub const FORMAT: &str = "sim/report/v1";

/// What the scenario says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it asks.
    pub description: Option<&'a str>,
}

/// The report of an answer.
pub fn report(summary: &CapacitySummary, about: About<'_>) -> Report {
    page(summary, about).report()
}

fn page(summary: &CapacitySummary, about: About<'_>) -> Page {
    let mut sections = vec![sizes(summary), cost(summary)];
    let mut sets = vec![size_data(summary), compared_data(summary)];
    if !summary.survivability.is_empty() {
        sections.push(survivability::section(summary));
        sets.push(survivability::data(summary));
    }
    let json = data::json(FORMAT, "capacity", summary, &sets);
    Page {
        title: format!("Capacity: {}", about.name),
        description: about.description.unwrap_or_default().to_owned(),
        verdict: verdict(summary),
        assumptions: summary.assumptions.clone(),
        sections,
        data: sets,
        json,
    }
}

fn verdict(summary: &CapacitySummary) -> Verdict {
    let mut lines = summary.verdict.iter();
    let headline = lines.next().cloned().unwrap_or_default();
    Verdict {
        tone: if summary.ok { Tone::Good } else { Tone::Bad },
        headline,
        lines: lines.cloned().collect(),
        facts: vec![fits(summary), limit(summary), slo(summary), spare(summary), confidence(summary)],
        reproduce: summary.reproduce.clone(),
    }
}

fn fits(summary: &CapacitySummary) -> Fact {
    let row = answer_row(summary);
    let price = row.and_then(|row| row.price_per_hour).map(|price| format!(", {}/h", money(price)));
    match row {
        Some(row) => {
            let text = format!("it fits: {}{}", size_label(summary, &row.counts), price.unwrap_or_default());
            Fact { tone: Tone::Good, ..Fact::new("Fits", text) }
        }
        None => {
            Fact { tone: Tone::Bad, ..Fact::new("Fits", "it does not, at any size that was asked about") }
        }
    }
}

fn limit(summary: &CapacitySummary) -> Fact {
    let text = match (&summary.limit, summary.binding.first()) {
        (Some(limit), _) => limit.clone(),
        (None, Some(row)) => row.reason.failed.first().map_or_else(
            || "nothing that was looked at".to_owned(),
            |failure| format!("no resource: {}", failure.expectation),
        ),
        (None, None) => "no smaller size was asked about".to_owned(),
    };
    Fact::new("Limited by", text)
}

fn slo(summary: &CapacitySummary) -> Fact {
    let n_trials = summary.question.trials;
    let what = match summary.question.expectations.len() {
        0 => "every pod has a place".to_owned(),
        1 => "the expectation".to_owned(),
        n => format!("all {n} expectations"),
    };
    match summary.survivability.iter().filter(|row| row.required).map(|row| row.survived).min() {
        Some(n) => {
            let text =
                format!("{what} in {n} of {n_trials} trials, whatever is lost of what was asked about");
            Fact { tone: Tone::Good, ..Fact::new("SLO met", text) }
        }
        None => {
            let best = summary.sizes.iter().map(|row| row.held).max().unwrap_or(0);
            let text = format!("no: {what} in {best} of {n_trials} trials at best");
            Fact { tone: Tone::Bad, ..Fact::new("SLO met", text) }
        }
    }
}

fn spare(summary: &CapacitySummary) -> Fact {
    let total = |counts: &Vec<u32>| counts.iter().sum::<u32>();
    let text = match (&summary.answer, &summary.without_losses) {
        (Some(answer), Some(without)) => {
            let n = total(answer).saturating_sub(total(without));
            format!("{n} of {}, there for the loss only", total(answer))
        }
        (Some(_), None) => "none: no loss was asked about".to_owned(),
        (None, _) => "none".to_owned(),
    };
    let name = if summary.question.dimensions.iter().all(|it| it.name.starts_with("pool/")) {
        "Spare nodes"
    } else {
        "Spare"
    };
    Fact::new(name, text)
}

fn confidence(summary: &CapacitySummary) -> Fact {
    let text = match summary.confidence {
        Some(share) => format!(
            "{} trials: holds for {} or more of all seeds, with 95 % confidence",
            summary.question.trials,
            amount(Unit::Share, share)
        ),
        None => format!("{} trials of each size", summary.question.trials),
    };
    Fact::new("Confidence", text)
}

fn answer_row(summary: &CapacitySummary) -> Option<&SizeRow> {
    let answer = summary.answer.as_ref()?;
    summary.sizes.iter().find(|row| row.counts == *answer)
}

/// A size in few characters: `6`, or `2 big + 1 small`.
fn size_label(summary: &CapacitySummary, counts: &[u32]) -> String {
    if let [count] = counts {
        return count.to_string();
    }
    let dimensions = summary.question.dimensions.iter().map(|dimension| dimension.name.replace("pool/", ""));
    let parts: Vec<String> = dimensions.zip(counts).map(|(name, count)| format!("{count} {name}")).collect();
    parts.join(" + ")
}

/// What is counted: `nodes of pool small`, `nodes`, `replicas of deployment/web`, or a parameter.
fn what_is_counted(summary: &CapacitySummary) -> String {
    match summary.question.dimensions.as_slice() {
        [only] => match only.name.split_once('/') {
            Some(("pool", pool)) => format!("nodes of pool {pool}"),
            Some(_) => format!("replicas of {}", only.name),
            None => only.name.clone(),
        },
        _ => "nodes".to_owned(),
    }
}

fn sizes(summary: &CapacitySummary) -> Section {
    let mut parts = vec![Part::Figure(charts::curve(summary))];
    parts.extend(combinations::figure(summary).map(Part::Figure));
    parts.push(Part::Table(size_table(summary)));
    Section {
        id: "sizes",
        title: "How many are enough".to_owned(),
        lead: "Every size that was tried: in how many trials all holds, also after the losses that have to be survived, and \
               what the expectations compare, beside their limits."
            .to_owned(),
        parts,
    }
}

fn cost(summary: &CapacitySummary) -> Section {
    Section {
        id: "cost",
        title: "What it costs".to_owned(),
        lead: "Cost against what the expectations measure. On the Pareto front nothing is better for the same money.".to_owned(),
        parts: vec![Part::Figure(charts::pareto(summary))],
    }
}

fn size_table(summary: &CapacitySummary) -> DataTable {
    let question = &summary.question;
    let mut heads: Vec<Head> = question.dimensions.iter().map(|it| Head::number(&it.name)).collect();
    heads.extend([Head::number("Nodes"), Head::number("Price/h"), Head::number("All holds")]);
    heads.extend(question.survive.iter().map(|loss| Head::number(loss_head(loss))));
    heads.extend([Head::text("Enough"), Head::text("Why not")]);
    let mut table = DataTable::new("Sizes that were tried, by price", heads).with_data("sizes");
    for row in &summary.sizes {
        let mut cells: Vec<Cell> = row.counts.iter().map(|count| Cell::count(*count)).collect();
        cells.push(Cell::number(row.nodes.to_string(), row.nodes as f64));
        cells.push(row.price_per_hour.map_or_else(Cell::none, |price| Cell::number(money(price), price)));
        let of_trials = |n: usize| Cell::number(format!("{n}/{}", question.trials), n as f64);
        cells.push(of_trials(row.held));
        let survived = |at: usize| row.survived.get(at).copied().map_or_else(Cell::none, of_trials);
        cells.extend((0..question.survive.len()).map(survived));
        let (word, tone) = if row.enough { ("yes", Tone::Good) } else { ("no", Tone::Bad) };
        cells.push(Cell::text(word).toned(tone));
        cells.push(Cell::text(row.why_not.clone().unwrap_or_default()));
        table.row(cells);
    }
    table.without_empty_columns()
}

/// The head of a column of trials that survive a loss.
fn loss_head(loss: &str) -> &'static str {
    match loss {
        "1" => "−1 node",
        "2" => "−2 nodes",
        _ => "−1 zone",
    }
}

fn size_data(summary: &CapacitySummary) -> Dataset {
    let columns = [
        ("size", "how many of each"),
        ("nodes", "all nodes at the start"),
        ("price_per_h", "what they cost per hour"),
        ("trials", "the trials"),
        ("held_trials", "trials in which all holds while nothing is lost"),
        ("survived_trials", "trials in which all holds whatever is lost of what was asked about"),
        ("enough", "1 where it is enough, else 0"),
        ("why_not", "why it is not"),
    ];
    let mut data = Dataset::new("sizes", "a size that was tried", &columns);
    for row in &summary.sizes {
        let n_losses = summary.question.survive.len();
        let survived = row.survived.iter().min().filter(|_| row.survived.len() == n_losses);
        data.row([
            size_label(summary, &row.counts).into(),
            count(row.nodes),
            row.price_per_hour.into(),
            count(summary.question.trials),
            count(row.held),
            survived.map_or(Value::None, |n| count(*n)),
            Value::Count(row.enough.into()),
            row.why_not.clone().into(),
        ]);
    }
    data
}

fn compared_data(summary: &CapacitySummary) -> Dataset {
    let columns = [
        ("size", "how many of each"),
        ("expectation", "the expectation"),
        ("mean", "the mean of what it compares, over the trials while nothing is lost; spans in seconds"),
        ("min", "the least"),
        ("max", "the most"),
        ("limit", "what it is compared with"),
        ("wanted", "whether it should be less, more or equal"),
    ];
    let mut data = Dataset::new("compared", "an expectation at a size", &columns);
    for row in &summary.sizes {
        for compared in &row.compared {
            data.row([
                size_label(summary, &row.counts).into(),
                (&summary.question.expectations[compared.expectation]).into(),
                compared.mean.into(),
                compared.min.into(),
                compared.max.into(),
                compared.bound.into(),
                compared.wanted.into(),
            ]);
        }
    }
    data
}

fn count(n: usize) -> Value {
    Value::Count(i64::try_from(n).unwrap_or(i64::MAX))
}
