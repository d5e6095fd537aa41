//! The section with a heat map of each outcome over the first two axes that vary.

use crate::report::chart::grid::{self, Cell, Grid};
use crate::report::comparison::amount;
use crate::report::page::{Figure, Part, Section};
use crate::report::sweep_page::{Chapter, Outcome, SweepAxis, SweepReport};

/// More outcomes are left to the table.
const OUTCOMES_MAX: usize = 6;

/// The section; `None` where fewer than two axes vary.
pub(super) fn chapter(report: &SweepReport<'_>, axes: &[SweepAxis], outcomes: &[Outcome]) -> Option<Chapter> {
    let varying: Vec<&SweepAxis> = axes.iter().filter(|axis| axis.values.len() > 1).collect();
    let [down, across, others @ ..] = varying.as_slice() else { return None };
    let shown = outcomes.iter().take(OUTCOMES_MAX).enumerate();
    let parts: Vec<Part> = shown
        .filter_map(|(number, outcome)| {
            let grid = grid_of(report, down, across, outcome)?;
            let over = if others.is_empty() { "" } else { ", over all values of the other axes" };
            let caption = format!(
                "{} by {} (down) and {} (across): the mean{over}.",
                outcome.title, down.name, across.name
            );
            let name = format!("map-{}", number + 1);
            let figure = Figure::new(&name, caption, |screen| grid::draw(&grid, screen));
            Some(Part::Figure(figure.with_data("points")))
        })
        .collect();
    if parts.is_empty() {
        return None;
    }
    let section = Section {
        id: "maps",
        title: format!("{} × {}", down.name, across.name),
        lead: "How two of what varies work together.".to_owned(),
        parts,
    };
    Some(Chapter { section, data: Vec::new() })
}

fn grid_of(
    report: &SweepReport<'_>,
    down: &SweepAxis,
    across: &SweepAxis,
    outcome: &Outcome,
) -> Option<Grid> {
    let mean = |row: &String, column: &String| {
        let rows = down.rows(report, row).filter(|run| run.point[across.at] == *column);
        outcome.mean(rows).map(|mean| mean.mean)
    };
    let means: Vec<Vec<Option<f64>>> = down
        .values
        .iter()
        .map(|row| across.values.iter().map(|column| mean(row, column)).collect())
        .collect();
    let values = || means.iter().flatten().flatten().copied();
    let (low, high) = (values().fold(f64::MAX, f64::min), values().fold(f64::MIN, f64::max));
    if low > high {
        return None;
    }
    let cell = |value: &Option<f64>| {
        value.map(|value| Cell {
            share: if high > low { (value - low) / (high - low) } else { 0.5 },
            text: amount(outcome.unit, value),
        })
    };
    Some(Grid {
        title: format!("{} by {} and {}", outcome.title, down.name, across.name),
        across: (across.name.clone(), across.values.clone()),
        down: (down.name.clone(), down.values.clone()),
        cells: means.iter().map(|row| row.iter().map(cell).collect()).collect(),
        ends: [amount(outcome.unit, low), amount(outcome.unit, high)],
    })
}
