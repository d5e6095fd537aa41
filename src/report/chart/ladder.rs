//! The attempt ladder of a Job: its runs below each other, the waits between them as growing gaps, its deadline as a line.

use crate::report::chart::frame::{Area, Frame, LegendEntry, RIGHT, Sample, legend, legend_height};
use crate::report::chart::palette::Hue;
use crate::report::chart::pen::{self, Anchor, Stroke, TEXT, fitted, text_width};
use crate::report::chart::scale::Scale;
use crate::report::chart::{Screen, Svg};

/// The runs of a Job.
#[derive(Debug, Clone, PartialEq)]
pub struct Ladder {
    /// What it shows, in a sentence.
    pub title: String,
    /// The beginning of time [s].
    pub from: f64,
    /// The end of time [s].
    pub until: f64,
    /// The runs, in order of their start.
    pub rungs: Vec<Rung>,
    /// When the Job's deadline is over, and when it ended: instant [s] and words.
    pub lines: Vec<(f64, String, Hue)>,
}

/// A run.
#[derive(Debug, Clone, PartialEq)]
pub struct Rung {
    /// Its number and its pod.
    pub label: String,
    /// When it started [s].
    pub from: f64,
    /// When it ended [s]; it goes on where that is not known.
    pub until: Option<f64>,
    /// What came of it.
    pub outcome: Outcome,
    /// What stands at its end.
    pub note: String,
    /// How long the next run waits [s], in words too.
    pub wait: Option<(f64, String)>,
}

/// What came of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It exited with 0.
    Succeeded,
    /// It exited otherwise.
    Failed,
    /// It runs, or nobody saw its end.
    Open,
}

impl Outcome {
    const fn hue(self) -> Hue {
        match self {
            Self::Succeeded => Hue::Green,
            Self::Failed => Hue::Vermillion,
            Self::Open => Hue::Blue,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "exit 0",
            Self::Failed => "other exit",
            Self::Open => "end not seen",
        }
    }
}

/// Draws a ladder.
pub fn draw(ladder: &Ladder, screen: Screen) -> Svg {
    let entries = entries(ladder);
    let legend_height = legend_height(&entries, screen.width());
    let lines_height = ladder.lines.len() as f64 * 18.0;
    let row = screen.pick(24.0, 48.0);
    let top = legend_height + lines_height + 10.0;
    let bottom = top + row * ladder.rungs.len() as f64;
    let x = Scale::time(ladder.from, ladder.until, screen.pick(8, 4));
    let y = Scale::rows(ladder.rungs.len());
    let labels = ladder.rungs.iter().map(|rung| text_width(&rung.label, TEXT)).fold(0.0, f64::max);
    let notes = ladder.rungs.iter().map(|rung| text_width(&rung.note, TEXT)).fold(0.0, f64::max);
    let left = screen.pick((labels + 14.0).min(230.0), 12.0);
    let right = screen.width() - screen.pick(notes + 16.0, RIGHT);
    pen::draw(&ladder.title, screen, bottom + 40.0, |pen| {
        legend(pen, 0.0, &entries);
        let frame = Frame { pen, area: Area { left, top, right, bottom }, x: &x, y: &y };
        frame.upright_grid();
        for (at, (when, words, hue)) in ladder.lines.iter().enumerate() {
            upright_line(&frame, legend_height + at as f64 * 18.0 + 9.0, (*when, words, *hue));
        }
        for (at, rung) in ladder.rungs.iter().enumerate() {
            draw_rung(&frame, rung, top + at as f64 * row, row);
        }
        frame.level("virtual time");
    })
}

fn entries(ladder: &Ladder) -> Vec<LegendEntry> {
    let outcomes = [Outcome::Succeeded, Outcome::Failed, Outcome::Open];
    let present =
        outcomes.into_iter().filter(|outcome| ladder.rungs.iter().any(|rung| rung.outcome == *outcome));
    let entry = |outcome: Outcome| LegendEntry {
        name: outcome.name().to_owned(),
        sample: Sample::Box,
        hue: outcome.hue(),
    };
    let mut entries: Vec<LegendEntry> = present.map(entry).collect();
    if ladder.rungs.iter().any(|rung| rung.wait.is_some()) {
        let name = "wait for the next try".to_owned();
        entries.push(LegendEntry { name, sample: Sample::Dashes, hue: Hue::Axis });
    }
    entries
}

/// A line down to the axis, with its words beside its upper end.
fn upright_line(frame: &Frame<'_, '_>, y: f64, (at, words, hue): (f64, &str, Hue)) {
    let (pen, x) = (frame.pen, frame.across(at));
    pen.dashed((x, y), (x, frame.area.bottom), Stroke::new(hue, 1.5));
    let width = text_width(words, TEXT);
    let (text, start) = if x + 8.0 + width < pen.width {
        (words.to_owned(), x + 6.0)
    } else {
        let text = fitted(words, TEXT, x - 8.0);
        let start = x - 6.0 - text_width(&text, TEXT);
        (text, start)
    };
    // Other lines pass behind the words.
    pen.rect((start - 2.0, y - 8.0), (start + text_width(&text, TEXT) + 2.0, y + 8.0), Hue::Ground);
    let (anchor, place) = if start > x { (Anchor::Start, start) } else { (Anchor::End, x - 6.0) };
    pen.text(&text, (place, y), anchor, Hue::Ink);
}

fn draw_rung(frame: &Frame<'_, '_>, rung: &Rung, top: f64, row: f64) {
    let (pen, area, screen) = (frame.pen, frame.area, frame.pen.screen);
    let middle = top + screen.pick(row / 2.0, row - 11.0);
    let place = screen.pick((area.left - 8.0, middle), (2.0, top + 9.0));
    let anchor = screen.pick(Anchor::End, Anchor::Start);
    let room = screen.pick(area.left - 10.0, pen.width - text_width(&rung.note, TEXT) - 14.0);
    pen.text(&fitted(&rung.label, TEXT, room), place, anchor, Hue::Ink);
    let note = screen.pick((pen.width - 2.0, middle), (pen.width - 2.0, top + 9.0));
    pen.text(&rung.note, note, Anchor::End, Hue::Muted);
    let from = frame.across(rung.from);
    let until = frame.across(rung.until.unwrap_or(frame.x.until())).max(from + 2.0);
    pen.rect((from, middle - 6.0), (until, middle + 6.0), rung.outcome.hue());
    if let Some((wait, words)) = &rung.wait {
        let next = frame.across(rung.until.unwrap_or(rung.from) + wait);
        pen.dashed((until, middle), (next, middle), Stroke::new(Hue::Axis, 1.5));
        pen.line(&[(next, middle), (next, middle + row - 6.0)], Stroke::new(Hue::Axis, 1.0));
        if next - until > text_width(words, TEXT) + 6.0 {
            pen.text(words, ((until + next) / 2.0, middle - 8.0), Anchor::Middle, Hue::Ink);
        } else if next + 6.0 + text_width(words, TEXT) < area.right {
            pen.text(words, (next + 6.0, middle), Anchor::Start, Hue::Ink);
        }
    }
}
