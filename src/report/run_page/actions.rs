//! The section on what the scenario does to the cluster, and when; and the marks of that on axes of time.

use crate::model::scenario::Action;
use crate::report::chart::palette::Hue;
use crate::report::chart::plot::Mark;
use crate::report::page::data::{Dataset, Value};
use crate::report::page::table::{Cell, DataTable, Head};
use crate::report::page::{Part, Section};
use crate::report::run_page::{Chapter, RunReport};
use crate::report::summary::seconds;
use crate::report::text::span;

/// With more marks an axis could not be read.
const MARKS_MAX: usize = 16;

/// The section on the timeline; `None` where nothing happens from outside.
pub(super) fn chapter(run: &RunReport<'_>) -> Option<Chapter> {
    let done: Vec<(f64, String)> = done(run).map(|(at, action)| (at, action.to_string())).collect();
    if done.is_empty() && run.summary.misses.is_empty() {
        return None;
    }
    let mut table =
        DataTable::new("Actions", vec![Head::number("At"), Head::text("What")]).with_data("actions");
    let columns = [("at_s", "when"), ("action", "what the scenario did")];
    let mut data = Dataset::new("actions", "an action of the scenario", &columns);
    for (at, words) in done {
        table.row([Cell::number(span(at), at), Cell::text(&*words)]);
        data.row([Value::from(at), words.into()]);
    }
    let mut parts = vec![Part::Table(table)];
    parts.extend(
        run.summary.misses.iter().map(|miss| Part::Text(format!("Met nothing or was refused: {miss}"))),
    );
    Some(Chapter {
        section: Some(Section {
            id: "actions",
            title: "What the scenario does".to_owned(),
            lead: "What happens to the cluster from outside, as the scenario's timeline says.".to_owned(),
            parts,
        }),
        data: vec![data],
    })
}

/// What was done up to the end of the run.
fn done<'a>(run: &RunReport<'a>) -> impl Iterator<Item = (f64, &'a Action)> {
    let end = run.end;
    run.actions.iter().filter(move |entry| entry.at <= end).map(|entry| (seconds(entry.at), &entry.action))
}

/// The failures of nodes and the other actions of the scenario, as marks on axes of time.
pub(super) fn marks(run: &RunReport<'_>) -> Vec<Mark> {
    let failures = run.summary.failures.iter().map(|failure| Mark {
        at: failure.failed,
        label: format!("{} fails", failure.node),
        hue: Hue::Vermillion,
    });
    let mut marks: Vec<Mark> = failures.collect();
    let others = done(run).filter(|(_, action)| !matches!(action, Action::FailNode(_) | Action::FailZone(_)));
    let others: Vec<Mark> =
        others.map(|(at, action)| Mark { at, label: action.to_string(), hue: Hue::Axis }).collect();
    if marks.len() + others.len() <= MARKS_MAX {
        marks.extend(others);
    }
    marks.truncate(MARKS_MAX);
    marks.sort_by(|a, b| a.at.total_cmp(&b.at));
    marks
}
