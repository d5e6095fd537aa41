//! The page of one run: what `sim run --report` writes.
//!
//! A section is there only where the run has something of its kind. Figures come from the summary that `sim run` prints and
//! from what the timeline saw, so that page and terminal never disagree.

mod cron;
mod expectations;
mod failures;
mod jobs;
mod load;
mod pods;
mod resources;
mod series;
mod verdict;
mod waiting;
mod waste;

use serde_json::{Value as Json, json};

use crate::engine::SimTime;
use crate::experiment::usage::Usage;
use crate::observe::timeline::Timeline;
use crate::report::chart::palette::Hue;
use crate::report::chart::plot::Mark;
use crate::report::folder::Report;
use crate::report::page::data::{Dataset, Value};
use crate::report::page::{Page, Section};
use crate::report::summary::RunSummary;

/// The version of the JSON format.
pub const FORMAT: &str = "sim/report/v1";

/// What the page is made from.
#[derive(Clone, Copy)]
pub struct RunReport<'a> {
    /// What `sim run` prints.
    pub summary: &'a RunSummary,
    /// The run over time.
    pub timeline: &'a Timeline,
    /// What was used of the nodes.
    pub usage: &'a Usage,
    /// The end of the run.
    pub end: SimTime,
    /// The end of the warm-up.
    pub warm_up: SimTime,
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
    let series = series::series(run);
    let chapters = [
        expectations::chapter(summary),
        pods::chapter(run),
        resources::chapter(run, &series),
        waiting::chapter(run, &series),
        jobs::chapter(summary),
        cron::chapter(summary),
        failures::chapter(summary),
        load::chapter(summary),
        waste::chapter(run),
    ];
    let (mut sections, mut data) = (Vec::new(), Vec::new());
    for chapter in chapters.into_iter().flatten() {
        sections.push(chapter.section);
        data.extend(chapter.data);
    }
    let json = json!({ "format": FORMAT, "run": summary, "data": as_json(&data) });
    Page {
        title: if summary.scenario.is_empty() { "Run".to_owned() } else { summary.scenario.clone() },
        description: run.description.unwrap_or_default().to_owned(),
        verdict: verdict::verdict(run, &series),
        assumptions: summary.assumptions.clone(),
        sections,
        data,
        json: format!("{json:#}\n"),
    }
}

/// The datasets by name, each with the names of its columns and its rows.
fn as_json(data: &[Dataset]) -> Json {
    let value = |value: &Value| match value {
        Value::None => Json::Null,
        Value::Text(text) => json!(text),
        Value::Number(number) => json!(number),
        Value::Count(count) => json!(count),
    };
    let set = |data: &Dataset| {
        let columns: Vec<&str> = data.columns.iter().map(|column| column.name).collect();
        let rows = data.rows.iter().map(|row| Json::Array(row.iter().map(value).collect()));
        (data.name.clone(), json!({ "columns": columns, "rows": rows.collect::<Vec<Json>>() }))
    };
    Json::Object(data.iter().map(set).collect())
}

/// The failures of nodes as marks on axes of time.
fn failure_marks(summary: &RunSummary) -> Vec<Mark> {
    let mark = |failure: &crate::report::failures::FailureRow| Mark {
        at: failure.failed,
        label: format!("{} fails", failure.node),
        hue: Hue::Vermillion,
    };
    summary.failures.iter().map(mark).collect()
}

/// `1 pod`, `3 pods`
fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
