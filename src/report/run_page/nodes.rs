//! The nodes of a run as heat maps.

use crate::model::ids::NodeId;
use crate::observe::timeline::NodeLine;
use crate::observe::windows::{LevelSeries, SumSeries};
use crate::report::chart::heat::{self, HeatMap, HeatRow};
use crate::report::page::Figure;
use crate::report::page::data::{Dataset, Value};
use crate::report::run_page::series::{WINDOW_COLUMNS, window_values};
use crate::report::run_page::{RunReport, pods};
use crate::report::summary::{NodeRow, seconds};

/// More nodes are not drawn.
const NODES_MAX: usize = 60;

/// A resource of which a heat map tells.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Resource {
    Cpu,
    Memory,
}

impl Resource {
    const ALL: [Self; 2] = [Self::Cpu, Self::Memory];

    const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
        }
    }

    /// What pods request of a node, and what of it they may request.
    fn requested(self, line: &NodeLine) -> (&LevelSeries, i64) {
        match self {
            Self::Cpu => (&line.requested.cpu, line.allocatable[0]),
            Self::Memory => (&line.requested.memory, line.allocatable[1]),
        }
    }

    /// The mean of that after the warm-up.
    fn requested_mean(self, row: &NodeRow) -> f64 {
        match self {
            Self::Cpu => share(row.cpu_mean, row.cpu_allocatable),
            Self::Memory => share(row.memory_mean, row.memory_allocatable),
        }
    }
}

/// The nodes over time: what of them is requested, and what is used.
pub(super) fn figures(run: &RunReport<'_>) -> Vec<Figure> {
    let nodes = || run.timeline.nodes.iter().take(NODES_MAX);
    let mut figures = Vec::new();
    for resource in Resource::ALL {
        let name = resource.name();
        if run.timeline.nodes.values().any(|line| resource.requested(line).0.peak(run.end) > 0) {
            let rows = nodes().map(|(_, line)| requested_row(run, resource, line)).collect();
            figures.push(figure(
                run,
                &format!("nodes-{name}-requested"),
                &format!("{name} requested of allocatable"),
                rows,
            ));
        }
    }
    for resource in Resource::ALL {
        let name = resource.name();
        let rows: Vec<HeatRow> = nodes().map(|(id, line)| used_row(run, resource, (*id, line))).collect();
        if rows.iter().any(|row| row.cells.iter().any(|cell| cell.2 > 0.0)) {
            figures.push(figure(
                run,
                &format!("nodes-{name}-used"),
                &format!("{name} used of what the machine has"),
                rows,
            ));
        }
    }
    figures
}

fn figure(run: &RunReport<'_>, name: &str, words: &str, rows: Vec<HeatRow>) -> Figure {
    let n_nodes = run.timeline.nodes.len();
    let cut = if n_nodes > NODES_MAX {
        format!(" Shown: {NODES_MAX} of {n_nodes} nodes, in order of creation; the data has all.")
    } else {
        String::new()
    };
    let down = if rows.iter().any(|row| !row.outages.is_empty()) {
        "; a red line below is a time when it was down"
    } else {
        ""
    };
    let map = HeatMap {
        title: format!("Nodes over time: {words}"),
        unit: words.to_owned(),
        until: seconds(run.end),
        rows,
    };
    let caption = format!("Each node over time: {words}{down}.{cut}");
    Figure::new(name, caption, |screen| heat::draw(&map, screen)).with_data("nodes")
}

fn share(amount: f64, whole: i64) -> f64 {
    if whole > 0 { amount / whole as f64 } else { 0.0 }
}

/// A row with the mean after the warm-up behind it.
fn heat_row(run: &RunReport<'_>, name: &str, cells: Vec<(f64, f64, f64)>, mean: f64) -> HeatRow {
    let note = format!("mean {:.0} %", mean * 100.0);
    HeatRow { name: name.to_owned(), cells, outages: pods::outages(run, name), note }
}

fn requested_row(run: &RunReport<'_>, resource: Resource, line: &NodeLine) -> HeatRow {
    let (level, whole) = resource.requested(line);
    let points = level.points(run.end);
    let cells = points
        .iter()
        .map(|point| (seconds(point.span.from), seconds(point.span.until), share(point.mean, whole)));
    let row = run.summary.nodes.iter().find(|row| row.name == *line.name);
    let mean = row.map_or(0.0, |row| resource.requested_mean(row));
    heat_row(run, &line.name, cells.collect(), mean)
}

fn used_row(run: &RunReport<'_>, resource: Resource, (id, line): (NodeId, &NodeLine)) -> HeatRow {
    let Some(usage) = run.usage.nodes.get(&id) else { return heat_row(run, &line.name, Vec::new(), 0.0) };
    let (series, total, factor, whole) = match resource {
        Resource::Cpu => (&usage.cpu, usage.cpu_total, 1e3, line.capacity[0]),
        Resource::Memory => (&usage.memory, usage.memory_total, 1.0, line.capacity[1]),
    };
    let rates = series.rates(run.end);
    let cells =
        rates.map(|(span, rate)| (seconds(span.from), seconds(span.until), share(rate * factor, whole)));
    let life = run.end.since(run.warm_up).as_nanos() as f64;
    let mean = if life > 0.0 { share(total / life * factor, whole) } else { 0.0 };
    heat_row(run, &line.name, cells.collect(), mean)
}

/// Every node by window.
pub(super) fn data(run: &RunReport<'_>) -> Dataset {
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
        let used = |series: Option<&SumSeries>| -> Vec<f64> {
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
