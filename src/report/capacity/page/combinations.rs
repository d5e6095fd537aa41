//! For two pools: every combination as a cell, with what is known of it.

use crate::report::capacity::words::money;
use crate::report::capacity::{CapacitySummary, SizeRow};
use crate::report::chart::frame::{LegendEntry, Sample, legend, legend_height};
use crate::report::chart::palette::Hue;
use crate::report::chart::pen::{self, Anchor, Fill, Pen, Stroke, TEXT, text_width};
use crate::report::chart::{Screen, Svg};
use crate::report::page::Figure;

/// Larger grids are not drawn.
const COUNTS_MAX: u32 = 25;
/// The height of a cell [px].
const CELL: f64 = 30.0;

/// The grid; `None` where there are not two pools, or too many combinations.
pub(super) fn figure(summary: &CapacitySummary) -> Option<Figure> {
    let [rows, columns] = summary.question.dimensions.as_slice() else { return None };
    if rows.to - rows.from >= COUNTS_MAX || columns.to - columns.from >= COUNTS_MAX {
        return None;
    }
    let caption = "Every combination of the two pools. What stands in a cell is the price per hour of a combination that was \
                   tried; the rest follows, as more is never worse, or costs more than the answer.";
    Some(Figure::new("combinations", caption, |screen| draw(summary, screen)).with_data("sizes"))
}

fn draw(summary: &CapacitySummary, screen: Screen) -> Svg {
    let dimensions = &summary.question.dimensions;
    let (rows, columns) = (&dimensions[0], &dimensions[1]);
    let entry = |name: &str, sample, hue| LegendEntry { name: name.to_owned(), sample, hue };
    let entries = [
        entry("enough", Sample::PaleBox, Hue::Green),
        entry("not enough", Sample::PaleBox, Hue::Vermillion),
        entry("not tried", Sample::Box, Hue::Stripe),
    ];
    let top = legend_height(&entries, screen.width()) + 24.0;
    let n_rows = rows.to - rows.from + 1;
    let height = top + f64::from(n_rows) * CELL + 44.0;
    let title = format!("Combinations of {} and {}", rows.name, columns.name);
    pen::draw(&title, screen, height, |pen| {
        legend(pen, 0.0, &entries);
        let left = text_width("00", TEXT) + 14.0;
        let width = (pen.width - left - 8.0) / f64::from(columns.to - columns.from + 1);
        pen.text(&format!("nodes of {}", rows.name), (2.0, top - 12.0), Anchor::Start, Hue::Muted);
        for row in rows.from..=rows.to {
            let y = top + f64::from(row - rows.from) * CELL;
            pen.text(&row.to_string(), (left - 8.0, y + CELL / 2.0), Anchor::End, Hue::Muted);
            for column in columns.from..=columns.to {
                let x = left + f64::from(column - columns.from) * width;
                cell(pen, summary, [row, column], ((x, y), (x + width, y + CELL)));
            }
        }
        let below = top + f64::from(n_rows) * CELL;
        for column in columns.from..=columns.to {
            let x = left + (f64::from(column - columns.from) + 0.5) * width;
            pen.text(&column.to_string(), (x, below + 12.0), Anchor::Middle, Hue::Muted);
        }
        let unit = format!("nodes of {}", columns.name);
        pen.text(&unit, (pen.width - 8.0, below + 30.0), Anchor::End, Hue::Muted);
    })
}

fn cell(pen: &Pen<'_>, summary: &CapacitySummary, counts: [u32; 2], (from, to): (pen::Point, pen::Point)) {
    let row: Option<&SizeRow> = summary.sizes.iter().find(|row| row.counts == counts);
    let (inner_from, inner_to) = ((from.0 + 1.0, from.1 + 1.0), (to.0 - 1.0, to.1 - 1.0));
    let fill = match row {
        Some(row) if row.enough => Fill { hue: Hue::Green, opacity: 0.35 },
        Some(_) => Fill { hue: Hue::Vermillion, opacity: 0.35 },
        None => Hue::Stripe.into(),
    };
    pen.rect(inner_from, inner_to, fill);
    let middle = (f64::midpoint(from.0, to.0), f64::midpoint(from.1, to.1));
    if let Some(row) = row {
        let text = row.price_per_hour.map_or_else(|| row.nodes.to_string(), money);
        if text_width(&text, TEXT) < to.0 - from.0 {
            pen.text(&text, middle, Anchor::Middle, Hue::Ink);
        }
    }
    if summary.answer.as_deref() == Some(&counts[..]) {
        pen.outline(inner_from, inner_to, Stroke::new(Hue::Green, 3.0));
    }
}
