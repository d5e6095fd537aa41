//! The section with all measures of all variants, and every trial as data.

use crate::experiment::comparison::{Comparison, Judgement, Row};
use crate::experiment::measures::Unit;
use crate::experiment::statistics::Estimate;
use crate::report::compare_page::{Chapter, title};
use crate::report::comparison::{caveat, difference_text, judgement_text, mean_text, unit_name};
use crate::report::page::data::{Dataset, Value};
use crate::report::page::table::{Cell, DataTable, Head, Tone};
use crate::report::page::{Part, Section};

/// The section.
pub(super) fn chapter(comparison: &Comparison) -> Chapter {
    let mut heads = vec![Head::text("Measure")];
    heads.extend(comparison.variants.iter().map(|name| Head::number(name)));
    for name in comparison.variants.iter().skip(1) {
        heads.push(Head::number(&format!("{name} − {}", comparison.variants[0])));
        heads.push(Head::text("Judgement"));
    }
    let mut table =
        DataTable::new("Means and paired differences, with 95 % intervals", heads).with_data("measures");
    for row in &comparison.rows {
        table.row(cells(row));
    }
    let caveat = caveat(comparison);
    Chapter {
        section: Section {
            id: "measures",
            title: "All measures".to_owned(),
            lead: format!("The mean over the trials of each variant, and what the pairs say{caveat}."),
            parts: vec![Part::Table(table)],
        },
        data: vec![means(comparison), trials(comparison)],
    }
}

fn cells(row: &Row) -> Vec<Cell> {
    let unit = row.kind.unit;
    let estimate = |estimate: &Option<Estimate>, text: fn(Unit, &Estimate) -> String| match estimate {
        Some(estimate) => Cell::number(text(unit, estimate), estimate.mean),
        None => Cell::none(),
    };
    let mut cells = vec![Cell::text(title(row.kind.name, &row.subject))];
    cells.extend(row.means.iter().map(|mean| estimate(mean, mean_text)));
    for (at, difference) in row.differences.iter().enumerate() {
        let judgement = row.judgement(at + 1);
        let tone = match judgement {
            Some(Judgement::Better) => Tone::Good,
            Some(Judgement::Worse) => Tone::Bad,
            Some(Judgement::Different | Judgement::NoDifference) | None => Tone::Plain,
        };
        cells.push(estimate(difference, difference_text));
        cells.push(Cell::text(judgement.map_or("", judgement_text)).toned(tone));
    }
    cells
}

fn means(comparison: &Comparison) -> Dataset {
    let columns = [
        ("variant", "the variant"),
        ("measure", "what is measured"),
        ("subject", "what it is about; empty for the whole"),
        ("unit", "the unit of the figures of the row"),
        ("mean", "the mean over the trials, in that unit"),
        ("low", "the lower end of its 95 % interval"),
        ("high", "the upper end of its 95 % interval"),
    ];
    let mut data = Dataset::new("measures", "a measure of a variant", &columns);
    for row in &comparison.rows {
        for (name, mean) in comparison.variants.iter().zip(&row.means) {
            let Some(mean) = mean else { continue };
            let finite = |value: f64| Value::from(Some(value).filter(|value| value.is_finite()));
            data.row([
                name.into(),
                row.kind.name.into(),
                (&row.subject).into(),
                unit_name(row.kind.unit).into(),
                mean.mean.into(),
                finite(mean.low()),
                finite(mean.high()),
            ]);
        }
    }
    data
}

fn trials(comparison: &Comparison) -> Dataset {
    let columns = [
        ("variant", "the variant"),
        ("seed", "the seed of the trial"),
        ("measure", "what is measured"),
        ("subject", "what it is about; empty for the whole"),
        ("unit", "the unit of the value"),
        ("value", "what was measured"),
    ];
    let mut data = Dataset::new("trials", "a measure of a trial", &columns);
    for (name, trials) in comparison.variants.iter().zip(&comparison.measures) {
        for (seed, measures) in comparison.seeds.iter().zip(trials) {
            for measure in &measures.0 {
                data.row([
                    name.into(),
                    Value::Text(seed.to_string()),
                    measure.kind.name.into(),
                    (&measure.subject).into(),
                    unit_name(measure.kind.unit).into(),
                    measure.value.into(),
                ]);
            }
        }
    }
    data
}
