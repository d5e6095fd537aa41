//! Level bars in pieces: the failure waterfall, and what became of what there was.

use crate::report::chart::frame::{Area, Frame, LegendEntry, RIGHT, Sample, legend, legend_height};
use crate::report::chart::palette::Hue;
use crate::report::chart::pen::{self, Anchor, Stroke, TEXT, fitted, text_width};
use crate::report::chart::scale::Scale;
use crate::report::chart::{Screen, Svg};

/// Level bars in pieces.
#[derive(Debug, Clone, PartialEq)]
pub struct Stacks {
    /// What it shows, in a sentence.
    pub title: String,
    /// The level scale.
    pub x: Scale,
    /// Its unit.
    pub unit: String,
    /// The kinds of pieces.
    pub kinds: Vec<(String, Hue)>,
    /// The bars.
    pub rows: Vec<StackRow>,
}

/// A bar.
#[derive(Debug, Clone, PartialEq)]
pub struct StackRow {
    /// Its name.
    pub label: String,
    /// Its pieces: kind, from, until.
    pub pieces: Vec<(usize, f64, f64)>,
    /// What stands behind it.
    pub note: String,
}

/// Draws bars in pieces.
pub fn draw(stacks: &Stacks, screen: Screen) -> Svg {
    let entries = entries(stacks);
    let row = screen.pick(24.0, 40.0);
    let top = legend_height(&entries, screen.width()) + 8.0;
    let bottom = top + row * stacks.rows.len() as f64 + 2.0;
    let widest = |text: fn(&StackRow) -> &str| {
        stacks.rows.iter().map(|row| text_width(text(row), TEXT)).fold(0.0, f64::max)
    };
    let left = screen.pick((widest(|row| &row.label) + 14.0).min(300.0), 12.0);
    let right = screen.width() - screen.pick(widest(|row| &row.note) + 16.0, RIGHT).max(RIGHT);
    let y = Scale::rows(stacks.rows.len());
    pen::draw(&stacks.title, screen, bottom + 40.0, |pen| {
        legend(pen, 0.0, &entries);
        let frame = Frame { pen, area: Area { left, top, right, bottom }, x: &stacks.x, y: &y };
        frame.upright_grid();
        for (at, entry) in stacks.rows.iter().enumerate() {
            draw_row(&frame, stacks, entry, (top + at as f64 * row, row));
        }
        frame.level(&stacks.unit);
    })
}

/// The kinds of which there is a piece.
fn entries(stacks: &Stacks) -> Vec<LegendEntry> {
    let is_there = |kind: usize| {
        stacks.rows.iter().any(|row| row.pieces.iter().any(|piece| piece.0 == kind && piece.2 > piece.1))
    };
    let present = stacks.kinds.iter().enumerate().filter(|(kind, _)| is_there(*kind));
    present
        .map(|(_, (name, hue))| LegendEntry { name: name.clone(), sample: Sample::Box, hue: *hue })
        .collect()
}

fn draw_row(frame: &Frame<'_, '_>, stacks: &Stacks, row: &StackRow, (top, height): (f64, f64)) {
    let (pen, area, screen) = (frame.pen, frame.area, frame.pen.screen);
    let middle = top + screen.pick(height / 2.0, height - 12.0);
    let room = screen.pick(area.left - 10.0, pen.width - text_width(&row.note, TEXT) - 14.0);
    let place = screen.pick((area.left - 8.0, middle), (2.0, top + 9.0));
    let anchor = screen.pick(Anchor::End, Anchor::Start);
    pen.text(&fitted(&row.label, TEXT, room), place, anchor, Hue::Ink);
    let note = screen.pick((pen.width - 2.0, middle), (pen.width - 2.0, top + 9.0));
    pen.text(&row.note, note, Anchor::End, Hue::Muted);
    for (kind, from, until) in &row.pieces {
        let (from, until) = (frame.across(*from), frame.across(*until));
        if until > from {
            pen.rect((from, middle - 7.0), (until.max(from + 1.0), middle + 7.0), stacks.kinds[*kind].1);
        }
    }
    let ends = row.pieces.iter().map(|(_, from, until)| (frame.across(*from), frame.across(*until)));
    for (from, until) in ends.filter(|(from, until)| until - from > 1.5) {
        for x in [from, until] {
            pen.line(&[(x, middle - 7.0), (x, middle + 7.0)], Stroke::new(Hue::Ground, 0.75));
        }
    }
}
