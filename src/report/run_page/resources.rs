//! The section on resources: offered, requested and used over time.

use crate::observe::windows::{LevelPoint, WindowSpan};
use crate::report::chart::palette::Hue;
use crate::report::chart::plot::{self, Panel, Plot, Series as Line, Shape};
use crate::report::chart::scale::{Scale, number};
use crate::report::chart::{Screen, Svg};
use crate::report::page::{Figure, Part, Section};
use crate::report::run_page::series::{self, Resource, ResourceSeries, Series, steps};
use crate::report::run_page::{Chapter, RunReport, actions, nodes};
use crate::report::summary::seconds;

/// What is offered by this factor more than what is wanted is not drawn with it.
const FAR: f64 = 20.0;

/// The section on resources; `None` where no node ever was.
pub(super) fn chapter(run: &RunReport<'_>, series: &Series) -> Option<Chapter> {
    if run.timeline.nodes.is_empty() || series.windows.is_empty() {
        return None;
    }
    let drawn = series.resources.iter().filter(|of| is_drawn(of, series));
    let mut parts: Vec<Part> = drawn.map(|of| Part::Figure(figure(run, series, of))).collect();
    parts.extend(nodes::figures(run).into_iter().map(Part::Figure));
    Some(Chapter {
        section: Some(Section {
            id: "resources",
            title: "Resources over time".to_owned(),
            lead: "What nodes offer, what pods request of it, and what is used: between the filled area and the dashed line \
                   is room for more pods."
                .to_owned(),
            parts,
        }),
        data: vec![series::data(series), nodes::data(run)],
    })
}

/// Whether there is anything to see. The number of pods is drawn where it comes near its limit, or where it is all there is.
fn is_drawn(of: &ResourceSeries, series: &Series) -> bool {
    let is_used = of.used.as_ref().is_some_and(|used| used.iter().any(|amount| *amount > 0.0));
    match of.resource {
        Resource::Cpu | Resource::Memory => of.is_requested() || is_used,
        Resource::Pods => {
            let is_alone = series.resources[..2].iter().all(|other| !is_drawn(other, series));
            of.peak_share() > 0.5 || is_alone
        }
    }
}

/// Whether what is offered is so much more than what is wanted that one scale cannot show both.
fn is_far(of: &ResourceSeries) -> bool {
    let offered = of.allocatable.iter().map(|point| point.mean).fold(0.0, f64::max);
    let used = of.used.iter().flatten().copied().fold(0.0, f64::max);
    let wanted = of.requested.iter().zip(&of.waiting).map(|(bound, waiting)| bound.mean + waiting.mean);
    offered > FAR * wanted.fold(used, f64::max)
}

fn figure(run: &RunReport<'_>, series: &Series, of: &ResourceSeries) -> Figure {
    let (name, unit) = (of.resource.name(), of.resource.unit());
    let used = if of.used.is_some() { ", and used" } else { "" };
    let caption = if is_far(of) {
        let most = of.allocatable.iter().map(|point| point.mean).fold(0.0, f64::max);
        let most = number(of.resource.shown(most));
        format!(
            "{name}: requested by pods with and without a node{used}. Allocatable is far above: up to {most} {unit}."
        )
    } else {
        format!("{name}: allocatable on nodes that are up, requested by pods with and without a node{used}.")
    };
    let figure = Figure::new(&format!("resources-{name}"), caption, |screen| chart(run, series, of, screen));
    figure.with_data("resources")
}

fn chart(run: &RunReport<'_>, series: &Series, of: &ResourceSeries, screen: Screen) -> Svg {
    let resource = of.resource;
    let means = |points: &[LevelPoint]| -> Vec<f64> { points.iter().map(|point| point.mean).collect() };
    let (offered, requested) = (means(&of.allocatable), means(&of.requested));
    let waiting = of.waiting.iter().map(|point| point.mean);
    let wanted: Vec<f64> = requested.iter().zip(waiting).map(|(bound, waiting)| bound + waiting).collect();
    let top = wanted.iter().chain(of.used.iter().flatten()).copied().fold(0.0, f64::max);
    let max = if is_far(of) { top } else { offered.iter().copied().fold(top, f64::max) };
    let line = |name: &str, hue, shape, values: Vec<f64>| {
        let points = steps(&series.windows, values.into_iter().map(|amount| resource.shown(amount)));
        Line { name: name.to_owned(), hue, shape, points }
    };
    let mut lines = Vec::new();
    if of.waiting.iter().any(|point| point.mean > max / 200.0) {
        lines.push(line("waiting for a node", Hue::Purple, Shape::StepArea, wanted));
    }
    lines.push(line("requested", Hue::Sky, Shape::StepArea, requested));
    if !is_far(of) {
        lines.push(line("allocatable", Hue::Ink, Shape::DashedStep, offered));
    }
    if let Some(used) = &of.used {
        let points = thinned(series, used, resource, screen);
        lines.push(Line { name: "used".to_owned(), hue: Hue::Vermillion, shape: Shape::Step, points });
    }
    let plot = Plot {
        title: format!("{} over time: allocatable, requested and used", resource.name()),
        x: Scale::time(0.0, seconds(run.end), screen.pick(9, 5)),
        x_unit: "virtual time".to_owned(),
        panels: vec![Panel {
            y: Scale::numbers(resource.shown(max), 4),
            unit: resource.unit().to_owned(),
            height: 170.0,
            series: lines,
            limits: Vec::new(),
        }],
        marks: actions::marks(run),
    };
    plot::draw(&plot, screen)
}

/// What was used, in no more windows than an eye can tell apart.
fn thinned(series: &Series, used: &[f64], resource: Resource, screen: Screen) -> Vec<(f64, Option<f64>)> {
    let size = used.len().div_ceil(screen.pick(240, 100)).max(1);
    let (mut windows, mut means) = (Vec::new(), Vec::new());
    for (spans, amounts) in series.windows.chunks(size).zip(used.chunks(size)) {
        let (from, until) = (spans[0].from, spans[spans.len() - 1].until);
        let amounts = spans.iter().zip(amounts);
        let sum: f64 = amounts.map(|(span, amount)| span.length().as_nanos() as f64 * amount).sum();
        means.push(resource.shown(sum / until.since(from).as_nanos() as f64));
        windows.push(WindowSpan { from, until });
    }
    steps(&windows, means.into_iter())
}
