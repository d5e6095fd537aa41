//! Heat maps of a grid: a value for each pair of two axes, coloured by size and written down.

use crate::report::chart::palette::{HEAT_STEPS, Hue};
use crate::report::chart::pen::{self, Anchor, Pen, TEXT, fitted, text_width};
use crate::report::chart::{Screen, Svg};

/// A heat map of a grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// What it shows, in a sentence.
    pub title: String,
    /// The name of the level axis, and its values.
    pub across: (String, Vec<String>),
    /// The name of the upright axis, and its values, from above.
    pub down: (String, Vec<String>),
    /// The values, by row; none where there is none.
    pub cells: Vec<Vec<Option<Cell>>>,
    /// The words for the ends of the scale of colours.
    pub ends: [String; 2],
}

/// A cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Its place between the least and the greatest, from 0 to 1.
    pub share: f64,
    /// What is written in it.
    pub text: String,
}

const ROW: f64 = 30.0;

/// Draws a heat map of a grid.
pub fn draw(grid: &Grid, screen: Screen) -> Svg {
    let widest = grid.down.1.iter().map(|value| text_width(value, TEXT)).fold(0.0, f64::max);
    let left = (widest + 12.0).clamp(40.0, screen.pick(180.0, 80.0));
    let top = 56.0;
    let bottom = top + ROW * grid.down.1.len() as f64;
    pen::draw(&grid.title, screen, bottom + 42.0, |pen| {
        ramp(pen, &grid.ends);
        pen.text(&grid.down.0, (2.0, top - 14.0), Anchor::Start, Hue::Muted);
        let n = grid.across.1.len().max(1) as f64;
        let width = ((pen.width - 8.0 - left) / n).min(120.0);
        for (row, (value, cells)) in grid.down.1.iter().zip(&grid.cells).enumerate() {
            let y = top + row as f64 * ROW;
            let label = fitted(value, TEXT, left - 8.0);
            pen.text(&label, (left - 8.0, y + ROW / 2.0), Anchor::End, Hue::Muted);
            for (column, cell) in cells.iter().enumerate() {
                let x = left + column as f64 * width;
                draw_cell(pen, cell.as_ref(), (x, y), width);
            }
        }
        let mut free_from = f64::MIN;
        for (column, value) in grid.across.1.iter().enumerate() {
            let (x, half) = (left + (column as f64 + 0.5) * width, text_width(value, TEXT) / 2.0);
            if x - half >= free_from && x + half <= pen.width {
                pen.text(value, (x, bottom + 12.0), Anchor::Middle, Hue::Muted);
                free_from = x + half + 6.0;
            }
        }
        pen.text(&grid.across.0, (left + n * width, bottom + 30.0), Anchor::End, Hue::Muted);
    })
}

fn draw_cell(pen: &Pen<'_>, cell: Option<&Cell>, (x, y): pen::Point, width: f64) {
    let (from, to) = ((x, y), (x + width - 2.0, y + ROW - 2.0));
    let Some(cell) = cell else {
        pen.rect(from, to, Hue::Stripe);
        return;
    };
    let hue = Hue::heat(cell.share);
    pen.rect(from, to, hue);
    // A text without room for it would run into the next: the table has it.
    if text_width(&cell.text, TEXT) <= width - 4.0 {
        let middle = (x + width / 2.0 - 1.0, y + ROW / 2.0 - 1.0);
        pen.text(&cell.text, middle, Anchor::Middle, hue.text_on());
    }
}

/// The scale of colours, with its ends.
fn ramp(pen: &Pen<'_>, [low, high]: &[String; 2]) {
    let start = 2.0 + text_width(low, TEXT) + 6.0;
    pen.text(low, (2.0, 12.0), Anchor::Start, Hue::Muted);
    for step in 0..HEAT_STEPS {
        let x = start + f64::from(step) * 14.0;
        pen.rect((x, 6.0), (x + 14.0, 18.0), Hue::Heat(step));
    }
    pen.text(high, (start + f64::from(HEAT_STEPS) * 14.0 + 6.0, 12.0), Anchor::Start, Hue::Muted);
}
