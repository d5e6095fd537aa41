//! The page of one run: what `sim run --report` writes.
//!
//! A section is there only where the run has something of its kind. Figures come from the summary that `sim run` prints and
//! from what the timeline saw, so that page and terminal never disagree.

mod actions;
mod cron;
mod expectations;
mod failures;
mod jobs;
mod load;
mod nodes;
mod pods;
mod resources;
mod series;
mod verdict;
mod waiting;
mod waste;

use crate::engine::SimTime;
use crate::experiment::usage::Usage;
use crate::model::scenario::TimedAction;
use crate::observe::timeline::Timeline;
use crate::report::folder::Report;
use crate::report::page::data::Dataset;
use crate::report::page::{self, Page, Section};
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
    /// What the scenario does, and when.
    pub actions: &'a [TimedAction],
    /// The end of the run.
    pub end: SimTime,
    /// The end of the warm-up.
    pub warm_up: SimTime,
    /// What the scenario says that it is about.
    pub description: Option<&'a str>,
}

/// A section with its data.
struct Chapter {
    /// There is none where the data say all.
    section: Option<Section>,
    data: Vec<Dataset>,
}

/// The report of a run.
pub fn report(run: &RunReport<'_>) -> Report {
    page_of(run).report()
}

fn page_of(run: &RunReport<'_>) -> Page {
    let summary = run.summary;
    let series = series::series(run);
    let chapters = [
        expectations::chapter(summary),
        actions::chapter(run),
        pods::chapter(run),
        resources::chapter(run, &series),
        waiting::chapter(run, &series),
        jobs::chapter(summary),
        cron::chapter(summary),
        failures::chapter(summary),
        load::chapter(run),
        waste::chapter(run),
    ];
    let (mut sections, mut data) = (Vec::new(), Vec::new());
    for chapter in chapters.into_iter().flatten() {
        sections.extend(chapter.section);
        data.extend(chapter.data);
    }
    let json = page::data::json(FORMAT, "run", summary, &data);
    Page {
        title: if summary.scenario.is_empty() { "Run".to_owned() } else { summary.scenario.clone() },
        description: run.description.unwrap_or_default().to_owned(),
        verdict: verdict::verdict(run, &series),
        assumptions: summary.assumptions.clone(),
        sections,
        data,
        json,
    }
}

/// `1 pod`, `3 pods`
fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
