//! The section with a curve of each outcome along each axis.

use crate::experiment::statistics::Estimate;
use crate::report::chart::palette::Hue;
use crate::report::chart::plot::{self, Mark, Panel, Plot, Series, Shape};
use crate::report::chart::{Screen, Svg};
use crate::report::page::data::{Dataset, Value};
use crate::report::page::{Figure, Part, Section};
use crate::report::sweep::worst_points;
use crate::report::sweep_page::{Chapter, Outcome, SweepAxis, SweepReport, is_of_failures};

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
            let others = if axes.len() > 1 { ", over all values of the other axes" } else { "" };
            let intervals = if report.head.trials > 1 { " with its 95 % interval" } else { "" };
            let caption = format!("{} along {}: the mean{intervals}{others}.", outcome.title, axis.name);
            let name = format!("curve-{}-{}", axis.at + 1, number + 1);
            let figure = Figure::new(&name, caption, |screen| chart(report, axis, outcome, screen));
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

fn estimates(report: &SweepReport<'_>, axis: &SweepAxis, outcome: &Outcome) -> Vec<Option<Estimate>> {
    axis.values.iter().map(|value| outcome.estimate(axis.rows(report, value))).collect()
}

fn chart(report: &SweepReport<'_>, axis: &SweepAxis, outcome: &Outcome, screen: Screen) -> Svg {
    let estimates = estimates(report, axis, outcome);
    let places = axis.places();
    let mean = |estimate: &Option<Estimate>| estimate.map(|estimate| estimate.mean);
    let points: Vec<(f64, Option<f64>)> = places.iter().copied().zip(estimates.iter().map(mean)).collect();
    let line = |shape: Shape| Series { name: String::new(), hue: Hue::Blue, shape, points: points.clone() };
    let has_intervals = report.head.trials > 1;
    let interval = |estimate: &Option<Estimate>| {
        estimate.map_or((0.0, 0.0), |estimate| (estimate.low().max(0.0), estimate.high()))
    };
    let tops =
        estimates.iter().flatten().map(|estimate| match has_intervals && estimate.half_width.is_finite() {
            true => estimate.high(),
            false => estimate.mean,
        });
    let dots =
        if has_intervals { Shape::Intervals(estimates.iter().map(interval).collect()) } else { Shape::Dots };
    let series = if axis.numbers.is_some() { vec![line(Shape::Line), line(dots)] } else { vec![line(dots)] };
    let plot = Plot {
        title: format!("{} along {}", outcome.title, axis.name),
        x: axis.scale(screen.pick(10, 5)),
        x_unit: if is_of_failures(axis) { format!("instant of {}", axis.name) } else { axis.name.clone() },
        panels: vec![Panel {
            y: outcome.scale(tops.fold(0.0, f64::max)),
            unit: outcome.label(),
            height: 160.0,
            series,
            limits: Vec::new(),
        }],
        marks: worst(report, axis, outcome),
    };
    plot::draw(&plot, screen)
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
        ("outcome", "what came out, with its unit where it has one"),
        ("mean", "the mean over all runs with this value"),
        ("low", "the lower end of its 95 % interval"),
        ("high", "the upper end of its 95 % interval"),
        ("runs", "how many runs there are"),
    ];
    let mut data = Dataset::new("curves", "an outcome at a value of an axis", &columns);
    for axis in axes {
        for outcome in outcomes {
            for (value, estimate) in axis.values.iter().zip(estimates(report, axis, outcome)) {
                let Some(estimate) = estimate else { continue };
                let finite = |value: f64| Value::from(Some(value).filter(|value| value.is_finite()));
                data.row([
                    (&axis.name).into(),
                    value.into(),
                    outcome.label().into(),
                    estimate.mean.into(),
                    finite(estimate.low()),
                    finite(estimate.high()),
                    Value::Count(i64::try_from(estimate.n).unwrap_or(i64::MAX)),
                ]);
            }
        }
    }
    data
}
