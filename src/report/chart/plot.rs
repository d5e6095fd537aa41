//! Plots: series over a common level axis, in one panel or in several below each other.

use crate::report::chart::frame::{
    ABOVE, Area, BELOW, Frame, LegendEntry, RIGHT, Sample, legend, legend_height, room_for_labels,
};
use crate::report::chart::palette::Hue;
use crate::report::chart::pen::{self, Anchor, Fill, Point, Stroke, TEXT, fitted, text_width};
use crate::report::chart::scale::Scale;
use crate::report::chart::{Screen, Svg};

/// A plot.
#[derive(Debug, Clone, PartialEq)]
pub struct Plot {
    /// What it shows, in a sentence.
    pub title: String,
    /// The level scale of all panels.
    pub x: Scale,
    /// Its unit.
    pub x_unit: String,
    /// The panels, from above.
    pub panels: Vec<Panel>,
    /// Instants or values of the level axis that matter in all panels.
    pub marks: Vec<Mark>,
}

/// A panel of a plot.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// The upright scale.
    pub y: Scale,
    /// What it measures, and in which unit.
    pub unit: String,
    /// The height of the plot itself [px].
    pub height: f64,
    /// The series, from the hindmost.
    pub series: Vec<Series>,
    /// Values of the upright axis that matter, as an SLO.
    pub limits: Vec<Mark>,
}

/// A series.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// Its colour.
    pub hue: Hue,
    /// What it looks like.
    pub shape: Shape,
    /// Its points by the level axis; without a value there is a gap.
    pub points: Vec<(f64, Option<f64>)>,
}

/// What a series looks like.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// A line through the points.
    Line,
    /// A level that lasts up to the next point.
    Step,
    /// The same, in dashes.
    DashedStep,
    /// The same, filled down to zero.
    StepArea,
    /// Points of their own.
    Dots,
    /// The points, each with an interval: low and high.
    Intervals(Vec<(f64, f64)>),
    /// A pale band from the points up to these values.
    Band(Vec<f64>),
}

/// A value of an axis that matters.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// The value.
    pub at: f64,
    /// What it is.
    pub label: String,
    /// Its colour.
    pub hue: Hue,
}

/// Draws a plot.
pub fn draw(plot: &Plot, screen: Screen) -> Svg {
    let entries: Vec<Vec<LegendEntry>> = plot.panels.iter().map(legend_entries).collect();
    let heights: Vec<f64> = entries.iter().map(|entries| legend_height(entries, screen.width())).collect();
    let left = plot.panels.iter().map(|panel| room_for_labels(&panel.y)).fold(0.0, f64::max);
    let plots: f64 = plot.panels.iter().map(|panel| panel.height).sum();
    let gaps = plot.panels.len().saturating_sub(1) as f64 * 12.0;
    let n_panels = plot.panels.len() as f64;
    let height = plots + heights.iter().sum::<f64>() + n_panels * ABOVE + gaps + BELOW;
    pen::draw(&plot.title, screen, height, |pen| {
        let mut top = 0.0;
        for (at, panel) in plot.panels.iter().enumerate() {
            legend(pen, top, &entries[at]);
            top += heights[at] + ABOVE;
            let area = Area { left, top, right: pen.width - RIGHT, bottom: top + panel.height };
            let frame = Frame { pen, area, x: &plot.x, y: &panel.y };
            frame.upright(&panel.unit);
            marks(&frame, &plot.marks, &panel.unit, if at == 0 { Labels::Shown } else { Labels::Hidden });
            panel.series.iter().for_each(|series| draw_series(&frame, series));
            limits(&frame, &panel.limits);
            top += panel.height + 12.0;
            if at + 1 == plot.panels.len() {
                frame.level(&plot.x_unit);
            }
        }
    })
}

/// The entries of a panel; none where its unit says all there is to say.
fn legend_entries(panel: &Panel) -> Vec<LegendEntry> {
    if panel.series.len() < 2 {
        return Vec::new();
    }
    let entry = |series: &Series| LegendEntry {
        name: series.name.clone(),
        sample: match series.shape {
            Shape::Line | Shape::Step => Sample::Line,
            Shape::DashedStep => Sample::Dashes,
            Shape::StepArea => Sample::Box,
            Shape::Dots | Shape::Intervals(_) => Sample::Dot,
            Shape::Band(_) => Sample::PaleBox,
        },
        hue: series.hue,
    };
    panel.series.iter().filter(|series| !series.name.is_empty()).map(entry).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Labels {
    Shown,
    Hidden,
}

/// Upright lines at instants that matter, with as many labels beside the unit as have room.
fn marks(frame: &Frame<'_, '_>, marks: &[Mark], unit: &str, labels: Labels) {
    let Area { top, bottom, .. } = frame.area;
    let mut free_from = text_width(unit, TEXT) + 12.0;
    for mark in marks {
        let x = frame.across(mark.at);
        frame.pen.dashed((x, top), (x, bottom), Stroke::new(mark.hue, 1.0));
        frame.pen.polygon(&[(x - 4.0, top - 5.0), (x + 4.0, top - 5.0), (x, top)], mark.hue);
        let width = text_width(&mark.label, TEXT);
        let start = (x - 4.0).max(free_from).min(frame.pen.width - width - 2.0);
        // A label that stands far from its line says nothing.
        if labels == Labels::Shown && start >= free_from && (start - x).abs() <= width {
            frame.pen.text(&mark.label, (start, top - 14.0), Anchor::Start, Hue::Ink);
            free_from = start + width + 12.0;
        }
    }
}

/// Level lines at values that matter, each with its label above, at the right end.
fn limits(frame: &Frame<'_, '_>, limits: &[Mark]) {
    let Area { left, right, .. } = frame.area;
    for limit in limits {
        let y = frame.up(limit.at);
        frame.pen.dashed((left, y), (right, y), Stroke::new(limit.hue, 1.5));
        let label = fitted(&limit.label, TEXT, right - left);
        let width = text_width(&label, TEXT);
        let ground = Fill { hue: Hue::Ground, opacity: 0.8 };
        frame.pen.rect((right - width, y - 17.0), (right, y - 3.0), ground);
        frame.pen.text(&label, (right, y - 10.0), Anchor::End, Hue::Ink);
    }
}

fn draw_series(frame: &Frame<'_, '_>, series: &Series) {
    let pen = frame.pen;
    let line = Stroke::new(series.hue, 2.0);
    match &series.shape {
        Shape::Line => {
            for run in runs(&series.points) {
                let points: Vec<Point> = run.iter().map(|(x, y)| frame.point(*x, *y)).collect();
                if let [alone] = points[..] {
                    pen.dot(alone, 2.0, series.hue);
                }
                pen.line(&points, line);
            }
        }
        Shape::Step => steps(frame, &series.points).iter().for_each(|points| pen.line(points, line)),
        Shape::DashedStep => {
            for points in steps(frame, &series.points) {
                for pair in points.windows(2) {
                    pen.dashed(pair[0], pair[1], Stroke::new(series.hue, 1.5));
                }
            }
        }
        Shape::StepArea => {
            for mut points in steps(frame, &series.points) {
                let ground = frame.area.bottom;
                let (Some(first), Some(last)) = (points.first().copied(), points.last().copied()) else {
                    continue;
                };
                points.extend([(last.0, ground), (first.0, ground)]);
                pen.polygon(&points, series.hue);
            }
        }
        Shape::Dots => dots(frame, series),
        Shape::Intervals(intervals) => {
            for ((x, _), (low, high)) in series.points.iter().zip(intervals) {
                let (low, high) = (frame.point(*x, *low), frame.point(*x, *high));
                pen.line(&[low, high], Stroke::new(series.hue, 1.5));
                for (x, y) in [low, high] {
                    pen.line(&[(x - 4.0, y), (x + 4.0, y)], Stroke::new(series.hue, 1.5));
                }
            }
            dots(frame, series);
        }
        Shape::Band(highs) => band(frame, series, highs),
    }
}

fn dots(frame: &Frame<'_, '_>, series: &Series) {
    for (x, y) in series.points.iter().filter_map(|(x, y)| Some((*x, (*y)?))) {
        frame.pen.dot(frame.point(x, y), 4.0, series.hue);
    }
}

fn band(frame: &Frame<'_, '_>, series: &Series, highs: &[f64]) {
    let low = series.points.iter().filter_map(|(x, y)| Some(frame.point(*x, (*y)?)));
    let high = series.points.iter().zip(highs).filter(|((_, low), _)| low.is_some());
    let high = high.map(|((x, _), high)| frame.point(*x, *high));
    let mut points: Vec<Point> = low.collect();
    points.extend(high.collect::<Vec<_>>().into_iter().rev());
    frame.pen.polygon(&points, Fill { hue: series.hue, opacity: 0.25 });
}

/// The points between gaps.
fn runs(points: &[(f64, Option<f64>)]) -> Vec<Vec<(f64, f64)>> {
    let runs = points.split(|(_, y)| y.is_none()).filter(|run| !run.is_empty());
    runs.map(|run| run.iter().filter_map(|(x, y)| Some((*x, (*y)?))).collect()).collect()
}

/// The corners of levels that last up to the next point, each level once.
fn steps(frame: &Frame<'_, '_>, points: &[(f64, Option<f64>)]) -> Vec<Vec<Point>> {
    let mut all = Vec::new();
    for run in runs(points) {
        let mut corners: Vec<Point> = Vec::new();
        for (x, y) in run {
            let to = frame.point(x, y);
            match corners.last().copied() {
                Some(last) if last.1 == to.1 => continue,
                Some(last) => corners.extend([(to.0, last.1), to]),
                None => corners.push(to),
            }
        }
        all.push(corners);
    }
    // The last level lasts to where the series ends.
    for (corners, run) in all.iter_mut().zip(runs(points)) {
        if let (Some(last), Some((end, _))) = (corners.last().copied(), run.last()) {
            corners.push((frame.across(*end), last.1));
        }
    }
    all
}
