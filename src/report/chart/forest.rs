//! Forest plots: differences with their intervals, a row each, around a line of no difference.

use crate::report::chart::frame::{Area, Frame, LegendEntry, RIGHT, Sample, legend, legend_height};
use crate::report::chart::palette::Hue;
use crate::report::chart::pen::{self, Anchor, Stroke, TEXT, fitted, text_width};
use crate::report::chart::scale::Scale;
use crate::report::chart::{Screen, Svg};

/// A forest plot.
#[derive(Debug, Clone, PartialEq)]
pub struct Forest {
    /// What it shows, in a sentence.
    pub title: String,
    /// The level scale; values beyond it are drawn at its ends with an arrow.
    pub x: Scale,
    /// Its unit.
    pub unit: String,
    /// What the colours mean.
    pub kinds: Vec<(String, Hue)>,
    /// The rows.
    pub rows: Vec<ForestRow>,
}

/// A difference.
#[derive(Debug, Clone, PartialEq)]
pub struct ForestRow {
    /// What differs.
    pub label: String,
    /// The mean.
    pub mean: f64,
    /// The interval: low and high; none where there was one trial.
    pub interval: Option<(f64, f64)>,
    /// Its colour.
    pub hue: Hue,
    /// What stands behind it.
    pub note: String,
}

/// Draws a forest plot.
pub fn draw(forest: &Forest, screen: Screen) -> Svg {
    let entries: Vec<LegendEntry> = forest
        .kinds
        .iter()
        .filter(|(_, hue)| forest.rows.iter().any(|row| row.hue == *hue))
        .map(|(name, hue)| LegendEntry { name: name.clone(), sample: Sample::Dot, hue: *hue })
        .collect();
    let row = screen.pick(22.0, 38.0);
    let top = legend_height(&entries, screen.width()) + 8.0;
    let bottom = top + row * forest.rows.len() as f64 + 4.0;
    let widest = |text: fn(&ForestRow) -> &str| {
        forest.rows.iter().map(|row| text_width(text(row), TEXT)).fold(0.0, f64::max)
    };
    let left = screen.pick((widest(|row| &row.label) + 14.0).min(320.0), 12.0);
    let right = screen.width() - screen.pick(widest(|row| &row.note) + 16.0, RIGHT).max(RIGHT);
    let y = Scale::rows(forest.rows.len());
    pen::draw(&forest.title, screen, bottom + 40.0, |pen| {
        legend(pen, 0.0, &entries);
        let frame = Frame { pen, area: Area { left, top, right, bottom }, x: &forest.x, y: &y };
        frame.upright_grid();
        if screen == Screen::Wide {
            zero(&frame, top, bottom);
        }
        for (at, entry) in forest.rows.iter().enumerate() {
            draw_row(&frame, forest, entry, (top + at as f64 * row, row));
        }
        frame.level(&forest.unit);
    })
}

fn draw_row(frame: &Frame<'_, '_>, forest: &Forest, row: &ForestRow, (top, height): (f64, f64)) {
    let (pen, area) = (frame.pen, frame.area);
    let middle = match pen.screen {
        Screen::Wide => {
            let middle = top + height / 2.0;
            let label = fitted(&row.label, TEXT, area.left - 14.0);
            pen.text(&label, (area.left - 10.0, middle), Anchor::End, Hue::Ink);
            pen.text(&row.note, (pen.width - 2.0, middle), Anchor::End, Hue::Muted);
            middle
        }
        // On a phone, label and note have a line of their own.
        Screen::Narrow => {
            let room = pen.width - text_width(&row.note, TEXT) - 16.0;
            pen.text(&fitted(&row.label, TEXT, room), (4.0, top + 10.0), Anchor::Start, Hue::Ink);
            pen.text(&row.note, (pen.width - 4.0, top + 10.0), Anchor::End, Hue::Muted);
            zero(frame, top + 18.0, top + 34.0);
            top + 26.0
        }
    };
    if let Some((low, high)) = row.interval {
        let (from, until) = (frame.across(low), frame.across(high));
        pen.line(&[(from, middle), (until, middle)], Stroke::new(row.hue, 2.0));
        end(frame, (from, middle), -1.0, row.hue, low < forest.x.from());
        end(frame, (until, middle), 1.0, row.hue, high > forest.x.until());
    }
    pen.dot((frame.across(row.mean), middle), 4.5, row.hue);
}

/// The line of no difference.
fn zero(frame: &Frame<'_, '_>, top: f64, bottom: f64) {
    let x = frame.across(0.0);
    frame.pen.line(&[(x, top), (x, bottom)], Stroke::new(Hue::Ink, 1.5));
}

/// The end of an interval: a stop, or an arrow where it goes on beyond the scale.
fn end(frame: &Frame<'_, '_>, (x, y): pen::Point, way: f64, hue: Hue, is_beyond: bool) {
    if is_beyond {
        frame.pen.polygon(&[(x, y - 5.0), (x + 7.0 * way, y), (x, y + 5.0)], hue);
    } else {
        frame.pen.line(&[(x, y - 4.0), (x, y + 4.0)], Stroke::new(hue, 1.5));
    }
}
