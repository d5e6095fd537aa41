//! The frame of a chart: axes with their ticks and units, the grid, the legend.
//!
//! The unit of the upright axis stands above it, level, so that no text is turned. Ticks whose labels would touch are left
//! out.

use crate::report::chart::palette::Hue;
use crate::report::chart::pen::{Anchor, Pen, Point, Stroke, TEXT, text_width};
use crate::report::chart::scale::Scale;

/// The height of a row of the legend [px].
pub const LEGEND_ROW: f64 = 20.0;
/// The room below a plot for ticks and unit [px].
pub const BELOW: f64 = 40.0;
/// The room above a plot for the unit of its upright axis [px].
pub const ABOVE: f64 = 24.0;
/// The room at the right edge for half a label [px].
pub const RIGHT: f64 = 24.0;

/// The part of a drawing in which data stand [px].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Area {
    /// The left edge.
    pub left: f64,
    /// The upper edge.
    pub top: f64,
    /// The right edge.
    pub right: f64,
    /// The lower edge.
    pub bottom: f64,
}

/// A plot with its scales.
pub struct Frame<'p, 'a> {
    /// What draws.
    pub pen: &'p Pen<'a>,
    /// Where.
    pub area: Area,
    /// The level scale.
    pub x: &'p Scale,
    /// The upright scale, from the lower edge to the upper one.
    pub y: &'p Scale,
}

/// The sample beside a name in a legend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sample {
    /// A line.
    Line,
    /// A line of dashes.
    Dashes,
    /// A filled box.
    Box,
    /// A pale box.
    PaleBox,
    /// A dot.
    Dot,
}

/// An entry of a legend.
#[derive(Debug, Clone, PartialEq)]
pub struct LegendEntry {
    /// The name.
    pub name: String,
    /// What the series looks like.
    pub sample: Sample,
    /// In this colour.
    pub hue: Hue,
}

impl<'a> Frame<'_, 'a> {
    /// The place of a value.
    pub fn point(&self, x: f64, y: f64) -> Point {
        (self.across(x), self.up(y))
    }

    /// Where a value of the level scale is.
    pub fn across(&self, x: f64) -> f64 {
        self.area.left + self.x.place(x) * (self.area.right - self.area.left)
    }

    /// Where a value of the upright scale is.
    pub fn up(&self, y: f64) -> f64 {
        self.area.bottom - self.y.place(y) * (self.area.bottom - self.area.top)
    }

    /// The lines of the upright scale, their labels, and the unit above.
    pub fn upright(&self, unit: &str) {
        for tick in &self.y.ticks {
            let y = self.up(tick.at);
            self.pen.line(&[(self.area.left, y), (self.area.right, y)], Stroke::new(Hue::Grid, 1.0));
            self.pen.text(&tick.label, (self.area.left - 8.0, y), Anchor::End, Hue::Muted);
        }
        self.pen.text(unit, (2.0, self.area.top - 14.0), Anchor::Start, Hue::Muted);
    }

    /// The level axis, its ticks and labels, and the unit below.
    pub fn level(&self, unit: &str) {
        let Area { left, right, bottom, .. } = self.area;
        self.pen.line(&[(left, bottom), (right, bottom)], Stroke::new(Hue::Axis, 1.0));
        let mut free_from = f64::MIN;
        for tick in &self.x.ticks {
            let x = self.across(tick.at);
            let half = text_width(&tick.label, TEXT) / 2.0;
            if x - half < free_from || x + half > self.pen.width {
                continue;
            }
            free_from = x + half + 8.0;
            self.pen.line(&[(x, bottom), (x, bottom + 4.0)], Stroke::new(Hue::Axis, 1.0));
            self.pen.text(&tick.label, (x, bottom + 14.0), Anchor::Middle, Hue::Muted);
        }
        self.pen.text(unit, (right, bottom + 31.0), Anchor::End, Hue::Muted);
    }

    /// Faint upright lines at the ticks of the level scale.
    pub fn upright_grid(&self) {
        for tick in &self.x.ticks {
            let x = self.across(tick.at);
            self.pen.line(&[(x, self.area.top), (x, self.area.bottom)], Stroke::new(Hue::Grid, 1.0));
        }
    }
}

/// The room that the labels of an upright scale need to the left of it [px].
pub fn room_for_labels(scale: &Scale) -> f64 {
    let widest = scale.ticks.iter().map(|tick| text_width(&tick.label, TEXT)).fold(0.0, f64::max);
    (widest + 12.0).max(28.0)
}

const SAMPLE_WIDTH: f64 = 18.0;

/// The places of the entries of a legend from a left edge on, row by row.
pub(super) fn legend_places(entries: &[LegendEntry], left: f64, width: f64) -> Vec<(f64, usize)> {
    let (mut x, mut row) = (left, 0);
    let mut places = Vec::with_capacity(entries.len());
    for entry in entries {
        let needed = SAMPLE_WIDTH + 6.0 + text_width(&entry.name, TEXT);
        if x > left && x + needed > width {
            (x, row) = (left, row + 1);
        }
        places.push((x, row));
        x += needed + 16.0;
    }
    places
}

/// The height of a legend on a drawing of this width [px].
pub fn legend_height(entries: &[LegendEntry], width: f64) -> f64 {
    let rows = legend_places(entries, 2.0, width).last().map_or(0, |(_, row)| row + 1);
    rows as f64 * LEGEND_ROW
}

/// A legend from this height on.
pub fn legend(pen: &Pen<'_>, top: f64, entries: &[LegendEntry]) {
    for (entry, (x, row)) in entries.iter().zip(legend_places(entries, 2.0, pen.width)) {
        let y = top + (row as f64 + 0.5) * LEGEND_ROW;
        sample(pen, (x, y), entry);
        pen.text(&entry.name, (x + SAMPLE_WIDTH + 6.0, y), Anchor::Start, Hue::Ink);
    }
}

fn sample(pen: &Pen<'_>, (x, y): Point, entry: &LegendEntry) {
    use crate::report::chart::pen::Fill;
    let (from, to) = ((x, y), (x + SAMPLE_WIDTH, y));
    let (upper, lower) = ((x + 2.0, y - 5.0), (x + SAMPLE_WIDTH - 2.0, y + 5.0));
    match entry.sample {
        Sample::Line => pen.line(&[from, to], Stroke::new(entry.hue, 2.0)),
        Sample::Dashes => pen.dashed(from, to, Stroke::new(entry.hue, 1.5)),
        Sample::Box => pen.rect(upper, lower, entry.hue),
        Sample::PaleBox => pen.rect(upper, lower, Fill { hue: entry.hue, opacity: 0.35 }),
        Sample::Dot => pen.dot((x + SAMPLE_WIDTH / 2.0, y), 4.0, entry.hue),
    }
}
