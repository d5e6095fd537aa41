//! Heat maps: rows over time, and the week of a CronJob by hour.

use crate::report::chart::frame::{Area, Frame, RIGHT};
use crate::report::chart::palette::{HEAT_STEPS, Hue};
use crate::report::chart::pen::{self, Anchor, Pen, Stroke, TEXT, Weight, fitted, text_width};
use crate::report::chart::scale::Scale;
use crate::report::chart::{Screen, Svg};

/// Rows of shares over time.
#[derive(Debug, Clone, PartialEq)]
pub struct HeatMap {
    /// What it shows, in a sentence.
    pub title: String,
    /// What a colour means.
    pub unit: String,
    /// The end of time [s].
    pub until: f64,
    /// The rows.
    pub rows: Vec<HeatRow>,
}

/// A row of a heat map.
#[derive(Debug, Clone, PartialEq)]
pub struct HeatRow {
    /// Its name.
    pub name: String,
    /// The shares, from 0 to 1: from, until, and how much.
    pub cells: Vec<(f64, f64, f64)>,
    /// When it was down: from and until [s].
    pub outages: Vec<(f64, f64)>,
    /// What stands at its end.
    pub note: String,
}

/// Draws rows over time.
pub fn draw(map: &HeatMap, screen: Screen) -> Svg {
    let row = if map.rows.len() > 24 { 16.0 } else { 22.0 };
    let top = screen.pick(34.0, 54.0);
    let bottom = top + row * map.rows.len() as f64;
    let x = Scale::time(0.0, map.until, screen.pick(8, 4));
    let y = Scale::rows(map.rows.len());
    let widest = map.rows.iter().map(|row| text_width(&row.name, TEXT)).fold(0.0, f64::max);
    let left = (widest + 12.0).clamp(40.0, screen.pick(180.0, 90.0));
    let notes = map.rows.iter().map(|row| text_width(&row.note, TEXT)).fold(0.0, f64::max);
    pen::draw(&map.title, screen, bottom + 40.0, |pen| {
        let area = Area { left, top, right: pen.width - notes.max(RIGHT) - 8.0, bottom };
        let frame = Frame { pen, area, x: &x, y: &y };
        ramp(pen, screen.pick(&map.unit, ""), ["0 %", "100 %"]);
        if screen == Screen::Narrow {
            pen.text(&fitted(&map.unit, TEXT, pen.width - 2.0), (2.0, 34.0), Anchor::Start, Hue::Ink);
        }
        for (at, entry) in map.rows.iter().enumerate() {
            heat_row(&frame, entry, top + at as f64 * row, row);
        }
        frame.level("virtual time");
    })
}

fn heat_row(frame: &Frame<'_, '_>, row: &HeatRow, top: f64, height: f64) {
    let (pen, area) = (frame.pen, frame.area);
    let (middle, below) = (top + height / 2.0, top + height - 2.0);
    pen.text(&fitted(&row.name, TEXT, area.left - 8.0), (area.left - 8.0, middle), Anchor::End, Hue::Ink);
    pen.rect((area.left, top), (area.right, below), Hue::Stripe);
    let mut cells = row.cells.iter().peekable();
    while let Some((from, until, share)) = cells.next() {
        let hue = Hue::heat(*share);
        let mut until = *until;
        while let Some(next) = cells.next_if(|(start, _, share)| *start == until && Hue::heat(*share) == hue)
        {
            until = next.1;
        }
        pen.rect((frame.across(*from), top), (frame.across(until), below), hue);
    }
    for (from, until) in &row.outages {
        let (from, until) = (frame.across(*from), frame.across(*until));
        pen.rect((from, below - 3.0), (until, below), Hue::Vermillion);
        pen.line(&[(from, top), (from, below)], Stroke::new(Hue::Vermillion, 2.0));
    }
    pen.text(&row.note, (area.right + 6.0, middle), Anchor::Start, Hue::Muted);
}

/// The scale of colours, with its ends.
fn ramp(pen: &Pen<'_>, unit: &str, ends: [&str; 2]) {
    let start = 2.0 + text_width(ends[0], TEXT) + 6.0;
    let step = 14.0;
    pen.text(ends[0], (2.0, 12.0), Anchor::Start, Hue::Muted);
    for at in 0..HEAT_STEPS {
        let x = start + f64::from(at) * step;
        pen.rect((x, 6.0), (x + step, 18.0), Hue::Heat(at));
    }
    let end = start + f64::from(HEAT_STEPS) * step + 6.0;
    pen.text(ends[1], (end, 12.0), Anchor::Start, Hue::Muted);
    let next = end + text_width(ends[1], TEXT) + 12.0;
    pen.text(&fitted(unit, TEXT, pen.width - next), (next, 12.0), Anchor::Start, Hue::Ink);
}

/// What was due in the hours of a week.
#[derive(Debug, Clone, PartialEq)]
pub struct Week {
    /// What it shows, in a sentence.
    pub title: String,
    /// By weekday from Monday, and by hour.
    pub cells: [[Hour; 24]; 7],
}

/// What was due in an hour of a weekday.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hour {
    /// Runs that were due.
    pub n_due: u32,
    /// Those that did not start on time.
    pub n_off: u32,
}

const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// Draws the days of a week on which anything was due: hours to the right and weekdays below on wide screens, turned on narrow ones.
pub fn draw_week(week: &Week, screen: Screen) -> Svg {
    let days: Vec<usize> = (0..7).filter(|day| week.cells[*day].iter().any(|hour| hour.n_due > 0)).collect();
    let (columns, rows) = screen.pick((24, days.len()), (days.len(), 24));
    let (left, top, row) = (46.0, 60.0, screen.pick(30.0, 22.0));
    let height = top + row * rows as f64 + 8.0;
    let most = week.cells.iter().flatten().map(|hour| hour.n_off).max().unwrap_or(0).max(1);
    pen::draw(&week.title, screen, height, |pen| {
        ramp(pen, "runs not on time", ["0", &most.to_string()]);
        let width = ((pen.width - left - 4.0) / columns as f64).min(120.0);
        let label = |number: usize, hours: bool| {
            if hours { format!("{number:02}") } else { WEEKDAYS[days[number]].to_owned() }
        };
        let wide = screen == Screen::Wide;
        pen.text(screen.pick("hour", "day"), (left - 8.0, 44.0), Anchor::End, Hue::Muted);
        for column in 0..columns {
            let x = left + (column as f64 + 0.5) * width;
            pen.text(&label(column, wide), (x, 44.0), Anchor::Middle, Hue::Muted);
        }
        for line in 0..rows {
            let y = top + line as f64 * row;
            pen.text(&label(line, !wide), (left - 8.0, y + row / 2.0), Anchor::End, Hue::Muted);
            for column in 0..columns {
                let (day, hour) = if wide { (days[line], column) } else { (days[column], line) };
                let from = (left + column as f64 * width, y);
                hour_cell(pen, week.cells[day][hour], from, (width, row), most);
            }
        }
    })
}

fn hour_cell(pen: &Pen<'_>, hour: Hour, from: (f64, f64), size: (f64, f64), most: u32) {
    let to = (from.0 + size.0 - 2.0, from.1 + size.1 - 2.0);
    let middle = (from.0 + size.0 / 2.0 - 1.0, from.1 + size.1 / 2.0 - 1.0);
    if hour.n_due == 0 {
        pen.rect(from, to, Hue::Stripe);
        return;
    }
    let hue = Hue::heat(f64::from(hour.n_off) / f64::from(most));
    pen.rect(from, to, hue);
    let (text, weight) = if hour.n_off > 0 {
        (format!("{}/{}", hour.n_off, hour.n_due), Weight::Bold)
    } else {
        (hour.n_due.to_string(), Weight::Normal)
    };
    if hour.n_off > 0 {
        pen.outline(from, to, Stroke::new(Hue::Vermillion, 2.0));
    }
    let text = fitted(&text, 11.0, size.0);
    pen.sized_text(&text, middle, Anchor::Middle, hue.text_on(), (11.0, weight));
}
