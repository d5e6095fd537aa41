//! The section on resources: offered, requested and used over time, and the nodes as a heat map.

use crate::observe::windows::LevelSeries;
use crate::report::chart::heat::{self, HeatMap, HeatRow};
use crate::report::chart::palette::Hue;
use crate::report::chart::plot::{self, Panel, Plot, Series as Line, Shape};
use crate::report::chart::scale::Scale;
use crate::report::chart::{Screen, Svg};
use crate::report::page::data::{Dataset, Value};
use crate::report::page::{Figure, Part, Section};
use crate::report::run_page::series::{self, ResourceSeries, Series, WINDOW_COLUMNS, steps, window_values};
use crate::report::run_page::{Chapter, RunReport, failure_marks, pods};
use crate::report::summary::seconds;

/// More nodes are not drawn.
const NODES_MAX: usize = 60;

/// The section on resources; `None` where no node ever was.
pub(super) fn chapter(run: &RunReport<'_>, series: &Series) -> Option<Chapter> {
    if run.timeline.nodes.is_empty() || series.windows.is_empty() {
        return None;
    }
    let drawn = series.resources.iter().filter(|of| of.is_requested() || of.used.is_some());
    let mut parts: Vec<Part> = drawn.map(|of| Part::Figure(figure(run, series, of))).collect();
    parts.extend(heat_maps(run).into_iter().map(Part::Figure));
    Some(Chapter {
        section: Section {
            id: "resources",
            title: "Resources over time".to_owned(),
            lead: "What nodes offer, what pods request of it, and what is used: between the filled area and the dashed line \
                   is room for more pods."
                .to_owned(),
            parts,
        },
        data: vec![series::data(series), node_data(run)],
    })
}

fn figure(run: &RunReport<'_>, series: &Series, of: &ResourceSeries) -> Figure {
    let name = of.resource.name();
    let caption = match of.used {
        Some(_) => {
            format!("{name}: allocatable on nodes that are up, requested, waiting for a node, and used.")
        }
        None => format!("{name}: allocatable on nodes that are up, requested, and waiting for a node."),
    };
    let figure = Figure::new(&format!("resources-{name}"), caption, |screen| chart(run, series, of, screen));
    figure.with_data("resources")
}

fn chart(run: &RunReport<'_>, series: &Series, of: &ResourceSeries, screen: Screen) -> Svg {
    let resource = of.resource;
    let windows = &series.windows;
    let shown = |values: Vec<f64>| steps(windows, values.into_iter().map(|amount| resource.shown(amount)));
    let means = |points: &[crate::observe::windows::LevelPoint]| -> Vec<f64> {
        points.iter().map(|point| point.mean).collect()
    };
    let (offered, requested) = (means(&of.allocatable), means(&of.requested));
    let wanted: Vec<f64> =
        requested.iter().zip(&of.waiting).map(|(bound, waiting)| bound + waiting.mean).collect();
    let max = offered.iter().chain(&wanted).chain(of.used.iter().flatten()).copied().fold(0.0, f64::max);
    let line =
        |name: &str, hue, shape, values| Line { name: name.to_owned(), hue, shape, points: shown(values) };
    let mut lines = Vec::new();
    if of.waiting.iter().any(|point| point.peak > 0) {
        lines.push(line("waiting", Hue::Purple, Shape::StepArea, wanted));
    }
    lines.push(line("requested", Hue::Sky, Shape::StepArea, requested));
    lines.push(line("allocatable", Hue::Ink, Shape::DashedStep, offered));
    if let Some(used) = &of.used {
        lines.push(line("used", Hue::Vermillion, Shape::Step, used.clone()));
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
        marks: failure_marks(run.summary),
    };
    plot::draw(&plot, screen)
}

/// The nodes over time: what of their cpu is requested, and what is used.
fn heat_maps(run: &RunReport<'_>) -> Vec<Figure> {
    let mut figures = Vec::new();
    let is_requested = |pick: fn(&crate::observe::timeline::NodeLine) -> &LevelSeries| {
        run.timeline.nodes.values().any(|line| pick(line).peak(run.end) > 0)
    };
    let n_nodes = run.timeline.nodes.len();
    let cut = if n_nodes > NODES_MAX {
        format!(" Shown: {NODES_MAX} of {n_nodes} nodes, in order of creation; the data has all.")
    } else {
        String::new()
    };
    let mut add = |name: &str, words: &str, rows: Vec<HeatRow>| {
        let map = HeatMap {
            title: format!("Nodes over time: {words}"),
            unit: words.to_owned(),
            until: seconds(run.end),
            rows,
        };
        let caption =
            format!("Each node over time: {words}; a red line below is a time when it was down.{cut}");
        let figure = Figure::new(name, caption, |screen| heat::draw(&map, screen));
        figures.push(figure.with_data("nodes"));
    };
    if is_requested(|line| &line.requested.cpu) {
        let rows = requested_rows(run, |line| (&line.requested.cpu, line.allocatable[0]));
        add("nodes-cpu-requested", "cpu requested of allocatable", rows);
    }
    if is_requested(|line| &line.requested.memory) {
        let rows = requested_rows(run, |line| (&line.requested.memory, line.allocatable[1]));
        add("nodes-memory-requested", "memory requested of allocatable", rows);
    }
    if run.usage.nodes.values().any(|usage| usage.cpu.rates(run.end).any(|(_, rate)| rate > 0.0)) {
        add("nodes-cpu-used", "cpu used of what the machine has", used_rows(run, Used::Cpu));
    }
    if run.usage.nodes.values().any(|usage| usage.memory.rates(run.end).any(|(_, rate)| rate > 0.0)) {
        add("nodes-memory-used", "memory used of what the machine has", used_rows(run, Used::Memory));
    }
    figures
}

fn share(amount: f64, whole: i64) -> f64 {
    if whole > 0 { amount / whole as f64 } else { 0.0 }
}

/// A row with its mean behind it.
fn heat_row(run: &RunReport<'_>, name: &str, cells: Vec<(f64, f64, f64)>) -> HeatRow {
    let span: f64 = cells.iter().map(|(from, until, _)| until - from).sum();
    let sum: f64 = cells.iter().map(|(from, until, share)| (until - from) * share).sum();
    let mean = if span > 0.0 { sum / span } else { 0.0 };
    let note = format!("mean {:.0} %", mean * 100.0);
    HeatRow { name: name.to_owned(), cells, outages: pods::outages(run, name), note }
}

fn requested_rows(
    run: &RunReport<'_>,
    pick: fn(&crate::observe::timeline::NodeLine) -> (&LevelSeries, i64),
) -> Vec<HeatRow> {
    let row = |line: &crate::observe::timeline::NodeLine| {
        let (level, whole) = pick(line);
        let points = level.points(run.end);
        let cells = points
            .iter()
            .map(|point| (seconds(point.span.from), seconds(point.span.until), share(point.mean, whole)));
        heat_row(run, &line.name, cells.collect())
    };
    run.timeline.nodes.values().take(NODES_MAX).map(row).collect()
}

#[derive(Clone, Copy)]
enum Used {
    Cpu,
    Memory,
}

fn used_rows(run: &RunReport<'_>, what: Used) -> Vec<HeatRow> {
    let nodes = run.timeline.nodes.iter().take(NODES_MAX);
    let row = |(id, line): (_, &crate::observe::timeline::NodeLine)| {
        let usage = run.usage.nodes.get(id);
        let cells = usage.map(|usage| {
            let (series, factor, whole) = match what {
                Used::Cpu => (&usage.cpu, 1e3, line.capacity[0]),
                Used::Memory => (&usage.memory, 1.0, line.capacity[1]),
            };
            let rates = series.rates(run.end);
            rates
                .map(|(span, rate)| (seconds(span.from), seconds(span.until), share(rate * factor, whole)))
                .collect()
        });
        heat_row(run, &line.name, cells.unwrap_or_default())
    };
    nodes.map(row).collect()
}

/// Every node by window.
fn node_data(run: &RunReport<'_>) -> Dataset {
    let columns = [
        ("node", "the node"),
        WINDOW_COLUMNS[0],
        WINDOW_COLUMNS[1],
        ("cpu_requested_cores", "what its pods request, on average"),
        ("cpu_used_cores", "what is used of it, on average; empty where nothing says so"),
        ("memory_requested_bytes", "as for cpu"),
        ("memory_used_bytes", "as for cpu"),
        ("pods_bound", "pods that are bound to it and not over, on average"),
    ];
    let mut data = Dataset::new("nodes", "a node in a window of time", &columns);
    for (id, line) in &run.timeline.nodes {
        let [cpu, memory, bound] = [&line.requested.cpu, &line.requested.memory, &line.requested.pods]
            .map(|level| level.points(run.end));
        let usage = run.usage.nodes.get(id);
        let used = |series: Option<&crate::observe::windows::SumSeries>| -> Vec<f64> {
            series.map(|series| series.rates(run.end).map(|(_, rate)| rate).collect()).unwrap_or_default()
        };
        let (cpu_used, memory_used) =
            (used(usage.map(|usage| &usage.cpu)), used(usage.map(|usage| &usage.memory)));
        for (at, point) in cpu.iter().enumerate() {
            let [from, length] = window_values(&point.span);
            data.row([
                Value::from(&*line.name),
                from,
                length,
                (point.mean / 1e3).into(),
                cpu_used.get(at).copied().into(),
                memory[at].mean.into(),
                memory_used.get(at).copied().into(),
                bound[at].mean.into(),
            ]);
        }
    }
    data
}
