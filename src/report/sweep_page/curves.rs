//! The section with a curve of each outcome along each axis.

use crate::report::chart::palette::{Hue, SERIES};
use crate::report::chart::plot::{self, Mark, Panel, Plot, Series, Shape};
use crate::report::chart::{Screen, Svg};
use crate::report::page::data::{Dataset, Value};
use crate::report::page::{Figure, Part, Section};
use crate::report::sweep::{RunRow, worst_points};
use crate::report::sweep_page::{Chapter, Mean, Outcome, SweepAxis, SweepReport, is_of_failures};

/// More outcomes are left to the table.
const OUTCOMES_MAX: usize = 8;

/// The section; `None` where no axis has two values, or nothing differs.
pub(super) fn chapter(report: &SweepReport<'_>, axes: &[SweepAxis], outcomes: &[Outcome]) -> Option<Chapter> {
    let axes: Vec<&SweepAxis> = axes.iter().filter(|axis| axis.values.len() > 1).collect();
    if axes.is_empty() || outcomes.is_empty() {
        return None;
    }
    let mut parts = Vec::new();
    for axis in &axes {
        if axes.len() > 1 {
            parts.push(Part::Heading(format!("Along {}", axis.name)));
        }
        for (number, outcome) in outcomes.iter().take(OUTCOMES_MAX).enumerate() {
            let lines = lines(report, axis, &axes, outcome);
            let caption = caption(axis, &axes, outcome, &lines);
            let name = format!("curve-{}-{}", axis.at + 1, number + 1);
            let figure = Figure::new(&name, caption, |screen| chart(report, (axis, outcome), &lines, screen));
            parts.push(Part::Figure(figure.with_data("curves")));
        }
    }
    if outcomes.len() > OUTCOMES_MAX {
        parts.push(Part::Text(format!(
            "{} more outcomes differ; the table has them.",
            outcomes.len() - OUTCOMES_MAX
        )));
    }
    let section = Section {
        id: "curves",
        title: if axes.iter().any(|axis| is_of_failures(axis)) { "Worst instants" } else { "Curves" }
            .to_owned(),
        lead:
            "How what comes out depends on what varies. Outcomes that are the same everywhere are left out."
                .to_owned(),
        parts,
    };
    Some(Chapter { section, data: vec![data(report, &axes, outcomes)] })
}

/// A line of a chart: an outcome along an axis.
struct Line {
    /// The other axis and its value, where the line is for one of them.
    with: Option<(String, String)>,
    hue: Hue,
    /// By value of the axis.
    means: Vec<Option<Mean>>,
    /// Whether its values differ by chance only, so that intervals say something.
    has_intervals: bool,
}

/// With one other axis a line for each of its values, if these are few; with more, one over all of them.
fn lines(report: &SweepReport<'_>, axis: &SweepAxis, axes: &[&SweepAxis], outcome: &Outcome) -> Vec<Line> {
    let others: Vec<&&SweepAxis> = axes.iter().filter(|other| other.at != axis.at).collect();
    let mean = |value: &String, is_meant: &dyn Fn(&RunRow) -> bool| {
        outcome.mean(axis.rows(report, value).filter(|row| is_meant(row)))
    };
    if let [other] = others.as_slice()
        && other.values.len() <= SERIES.len()
    {
        let line = |(hue, with): (&Hue, &String)| Line {
            with: Some((other.name.clone(), with.clone())),
            hue: *hue,
            means: axis.values.iter().map(|value| mean(value, &|row| row.point[other.at] == *with)).collect(),
            has_intervals: report.head.trials > 1,
        };
        return SERIES.iter().zip(&other.values).map(line).collect();
    }
    let means = axis.values.iter().map(|value| mean(value, &|_| true)).collect();
    let has_intervals = report.head.trials > 1 && others.is_empty();
    vec![Line { with: None, hue: Hue::Blue, means, has_intervals }]
}

fn caption(axis: &SweepAxis, axes: &[&SweepAxis], outcome: &Outcome, lines: &[Line]) -> String {
    let intervals = if lines.iter().any(|line| line.has_intervals) { " with its 95 % interval" } else { "" };
    let others = match lines.first().and_then(|line| line.with.as_ref()) {
        Some((other, _)) => format!(", a line for each value of {other}"),
        None if axes.len() > 1 => ", over all values of the other axes".to_owned(),
        None => String::new(),
    };
    format!("{} along {}: the mean{intervals}{others}.", outcome.title, axis.name)
}

fn chart(
    report: &SweepReport<'_>,
    (axis, outcome): (&SweepAxis, &Outcome),
    lines: &[Line],
    screen: Screen,
) -> Svg {
    let tops = lines.iter().flat_map(|line| {
        let top =
            |mean: &Mean| mean.interval.filter(|_| line.has_intervals).map_or(mean.mean, |(_, high)| high);
        line.means.iter().flatten().map(top)
    });
    let plot = Plot {
        title: format!("{} along {}", outcome.title, axis.name),
        x: axis.scale(screen.pick(10, 5)),
        x_unit: if is_of_failures(axis) { format!("instant of {}", axis.name) } else { axis.name.clone() },
        panels: vec![Panel {
            y: outcome.scale(tops.fold(0.0, f64::max)),
            unit: outcome.label(),
            height: 160.0,
            series: lines.iter().flat_map(|line| series(axis, line)).collect(),
            limits: Vec::new(),
        }],
        marks: worst(report, axis, outcome),
    };
    plot::draw(&plot, screen)
}

/// The dots of a line, and the line itself where the axis has numbers.
fn series(axis: &SweepAxis, line: &Line) -> Vec<Series> {
    let means = line.means.iter().map(|mean| mean.map(|mean| mean.mean));
    let points: Vec<(f64, Option<f64>)> = axis.places().into_iter().zip(means).collect();
    let name = line.with.as_ref().map(|(other, value)| format!("{other} {value}")).unwrap_or_default();
    let interval =
        |mean: &Option<Mean>| mean.and_then(|mean| mean.interval).map(|(low, high)| (low.max(0.0), high));
    let intervals: Option<Vec<(f64, f64)>> = line.means.iter().map(interval).collect();
    let dots = intervals.filter(|_| line.has_intervals).map_or(Shape::Dots, Shape::Intervals);
    let of = |name: String, shape: Shape| Series { name, hue: line.hue, shape, points: points.clone() };
    match axis.numbers {
        Some(_) => vec![of(name, Shape::Line), of(String::new(), dots)],
        None => vec![of(name, dots)],
    }
}

/// The instant of failure that hurts most.
fn worst(report: &SweepReport<'_>, axis: &SweepAxis, outcome: &Outcome) -> Vec<Mark> {
    if !is_of_failures(axis) {
        return Vec::new();
    }
    let worst = worst_points(report.head, report.rows).into_iter().find(|worst| worst.title == outcome.title);
    let Some(worst) = worst else { return Vec::new() };
    let value = &worst.point[axis.at];
    let place = axis.values.iter().zip(axis.places()).find(|(own, _)| *own == value);
    place
        .map(|(_, at)| Mark { at, label: format!("worst: {value}"), hue: Hue::Vermillion })
        .into_iter()
        .collect()
}

fn data(report: &SweepReport<'_>, axes: &[&SweepAxis], outcomes: &[Outcome]) -> Dataset {
    let columns = [
        ("axis", "what varies"),
        ("value", "its value"),
        ("with", "the value of the other axis; empty for all, or where there is none"),
        ("outcome", "what came out, with its unit where it has one"),
        ("mean", "the mean over all runs with these values"),
        ("low", "the lower end of its 95 % interval, where only chance makes a difference"),
        ("high", "the upper end of its 95 % interval"),
        ("runs", "how many runs there are"),
    ];
    let mut data = Dataset::new("curves", "an outcome at a value of an axis", &columns);
    for axis in axes {
        for outcome in outcomes {
            for line in lines(report, axis, axes, outcome) {
                for (value, mean) in axis.values.iter().zip(&line.means) {
                    let Some(mean) = mean else { continue };
                    let (low, high) = mean.interval.filter(|_| line.has_intervals).unzip();
                    data.row([
                        (&axis.name).into(),
                        value.into(),
                        line.with
                            .as_ref()
                            .map_or(String::new(), |(other, value)| format!("{other}={value}"))
                            .into(),
                        outcome.label().into(),
                        mean.mean.into(),
                        low.into(),
                        high.into(),
                        Value::Count(i64::try_from(mean.n).unwrap_or(i64::MAX)),
                    ]);
                }
            }
        }
    }
    data
}
