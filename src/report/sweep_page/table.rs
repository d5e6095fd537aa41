//! The section with all points, and every run as data.

use crate::report::comparison::{LATENCIES, amount, unit_name};
use crate::report::page::data::{Dataset, Value};
use crate::report::page::table::{Cell, DataTable, Head, Tone};
use crate::report::page::{Part, Section};
use crate::report::sweep::{columns, mean};
use crate::report::sweep_page::{Chapter, SweepReport};

/// The section.
pub(super) fn chapter(report: &SweepReport<'_>) -> Chapter {
    let columns = columns(report.rows);
    let mut heads: Vec<Head> = report.head.axes.iter().map(|axis| Head::text(axis)).collect();
    heads.push(Head::number("All expectations met"));
    heads.extend(columns.iter().map(|column| Head::number(&column.title)));
    let mut table = DataTable::new("Points of the grid, means over their runs", heads).with_data("points");
    for point in report.rows.chunk_by(|a, b| a.point == b.point) {
        let mut cells: Vec<Cell> = point[0].point.iter().map(|value| Cell::text(value.as_str())).collect();
        let n_ok = point.iter().filter(|row| row.ok).count();
        let tone = if n_ok == point.len() { Tone::Good } else { Tone::Bad };
        let share = n_ok as f64 / point.len() as f64;
        cells.push(Cell::number(format!("{n_ok} of {}", point.len()), share).toned(tone));
        cells.extend(columns.iter().map(|column| match mean(point, &column.key) {
            Some(mean) => Cell::number(amount(column.kind.unit, mean), mean),
            None => Cell::none(),
        }));
        table.row(cells);
    }
    Chapter {
        section: Section {
            id: "points",
            title: "All points".to_owned(),
            lead: if columns.iter().any(|column| column.kind.is_latency()) {
                format!("The mean over the runs of each point; {LATENCIES}.")
            } else {
                "The mean over the runs of each point.".to_owned()
            },
            parts: vec![Part::Table(table)],
        },
        data: vec![points(report), runs(report)],
    }
}

fn points(report: &SweepReport<'_>) -> Dataset {
    let heads = [
        ("point", "the values of the axes, in their order"),
        ("measure", "what is measured"),
        ("unit", "the unit of the mean"),
        ("mean", "the mean over the runs of the point"),
    ];
    let mut data = Dataset::new("points", "a measure at a point of the grid", &heads);
    for point in report.rows.chunk_by(|a, b| a.point == b.point) {
        for column in columns(report.rows) {
            data.row([
                point_text(report, &point[0].point),
                column.title.into(),
                unit_name(column.kind.unit).into(),
                mean(point, &column.key).into(),
            ]);
        }
    }
    data
}

/// `workers=3, pool/small=2`
fn point_text(report: &SweepReport<'_>, point: &[String]) -> Value {
    let values = report.head.axes.iter().zip(point).map(|(axis, value)| format!("{axis}={value}"));
    Value::Text(values.collect::<Vec<_>>().join(", "))
}

fn runs(report: &SweepReport<'_>) -> Dataset {
    let heads = [
        ("run", "the number of the run, from 0"),
        ("point", "the values of the axes, in their order"),
        ("trial", "its number among the runs of the point, from 0"),
        ("seed", "the seed"),
        ("ok", "1 where all expectations hold, else 0"),
        ("digest", "the hash over all changes"),
    ];
    let mut data = Dataset::new("runs", "a run", &heads);
    for row in report.rows {
        data.row([
            Value::Text(row.run.to_string()),
            point_text(report, &row.point),
            Value::Text(row.trial.to_string()),
            Value::Text(row.seed.to_string()),
            u32::from(row.ok).into(),
            (&row.digest).into(),
        ]);
    }
    data
}
