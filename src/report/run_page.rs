//! The page of one run: what `sim run --report` writes.
//!
//! A section is there only where the run has something of its kind. Figures come from the summary that `sim run` prints, so
//! that page and terminal never disagree.

mod load;
mod verdict;

use serde_json::json;

use crate::report::folder::Report;
use crate::report::page::data::{Dataset, Value};
use crate::report::page::table::{Cell, DataTable, Head, Tone};
use crate::report::page::{Page, Part, Section};
use crate::report::summary::RunSummary;
use crate::report::text::span;

/// The version of the JSON format.
pub const FORMAT: &str = "sim/report/v1";

/// What the page is made from.
#[derive(Clone, Copy)]
pub struct RunReport<'a> {
    /// What `sim run` prints.
    pub summary: &'a RunSummary,
    /// What the scenario says that it is about.
    pub description: Option<&'a str>,
}

/// A section with its data.
struct Chapter {
    section: Section,
    data: Vec<Dataset>,
}

/// The report of a run.
pub fn report(run: &RunReport<'_>) -> Report {
    page(run).report()
}

fn page(run: &RunReport<'_>) -> Page {
    let summary = run.summary;
    let chapters: Vec<Chapter> =
        [expectations(summary), load::chapter(summary)].into_iter().flatten().collect();
    let (mut sections, mut data) = (Vec::new(), Vec::new());
    for chapter in chapters {
        sections.push(chapter.section);
        data.extend(chapter.data);
    }
    let json = json!({ "format": FORMAT, "run": summary });
    Page {
        title: if summary.scenario.is_empty() { "Run".to_owned() } else { summary.scenario.clone() },
        description: run.description.unwrap_or_default().to_owned(),
        verdict: verdict::verdict(run),
        assumptions: summary.assumptions.clone(),
        sections,
        data,
        json: format!("{json:#}\n"),
    }
}

/// All expectations and what came of them.
fn expectations(summary: &RunSummary) -> Option<Chapter> {
    if summary.expectations.is_empty() {
        return None;
    }
    let heads = vec![
        Head::text("Result"),
        Head::number("Judged at"),
        Head::text("Expectation"),
        Head::text("Meaning"),
        Head::text("Found"),
        Head::text("Place"),
    ];
    let columns = [
        ("holds", "1 where the expectation holds, else 0"),
        ("judged_at_s", "when it was judged"),
        ("expectation", "the expression (CEL)"),
        ("meaning", "what it means"),
        ("found", "what was found instead"),
        ("place", "where it stands"),
    ];
    let mut table = DataTable::new("Expectations", heads).with_data("expectations");
    let mut data = Dataset::new("expectations", "an expectation and what came of it", &columns);
    for row in &summary.expectations {
        let that = row.that.split_whitespace().collect::<Vec<_>>().join(" ");
        let (word, tone) = if row.holds { ("holds", Tone::Good) } else { ("failed", Tone::Bad) };
        table.row([
            Cell::text(word).toned(tone),
            Cell::number(span(row.at), row.at),
            Cell::text(&*that),
            Cell::text(row.message.clone().unwrap_or_default()),
            Cell::text(row.found.clone().unwrap_or_default()),
            Cell::text(&*row.place),
        ]);
        data.row([
            Value::Count(row.holds.into()),
            row.at.into(),
            that.into(),
            row.message.clone().into(),
            row.found.clone().into(),
            (&row.place).into(),
        ]);
    }
    Some(Chapter {
        section: Section {
            id: "expectations",
            title: "Expectations".to_owned(),
            lead: "What the scenario says must hold, and what was found.".to_owned(),
            parts: vec![Part::Table(table.without_empty_columns())],
        },
        data: vec![data],
    })
}
