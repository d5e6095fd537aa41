//! The run in windows of time: what was offered, requested, used and waited for in each.

use crate::engine::SimTime;
use crate::observe::timeline::Amounts;
use crate::observe::windows::{LevelPoint, LevelSeries, SumSeries, WindowSpan};
use crate::report::page::data::{Dataset, Value};
use crate::report::run_page::RunReport;
use crate::report::summary::seconds;

/// The run in windows of time.
pub(super) struct Series {
    /// The windows.
    pub(super) windows: Vec<WindowSpan>,
    /// Cpu, memory and pods.
    pub(super) resources: [ResourceSeries; 3],
    /// How long the pod that waits longest has waited, at the most [s].
    pub(super) oldest: Vec<f64>,
}

/// A resource in windows of time: means.
pub(super) struct ResourceSeries {
    /// What it is.
    pub(super) resource: Resource,
    /// What nodes that are up offer.
    pub(super) allocatable: Vec<LevelPoint>,
    /// What pods with a node request.
    pub(super) requested: Vec<LevelPoint>,
    /// What pods without a node request.
    pub(super) waiting: Vec<LevelPoint>,
    /// What is used; `None` where nothing says so.
    pub(super) used: Option<Vec<f64>>,
}

/// A resource of nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resource {
    /// Cpu [millicores].
    Cpu,
    /// Memory [bytes].
    Memory,
    /// Pods.
    Pods,
}

impl Resource {
    /// Its name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Pods => "pods",
        }
    }

    /// An amount in the unit of charts: cores, GiB, pods.
    pub(super) fn shown(self, amount: f64) -> f64 {
        match self {
            Self::Cpu => amount / 1e3,
            Self::Memory => amount / f64::from(1 << 30),
            Self::Pods => amount,
        }
    }

    /// The unit of charts.
    pub(super) const fn unit(self) -> &'static str {
        match self {
            Self::Cpu => "cores",
            Self::Memory => "GiB",
            Self::Pods => "pods",
        }
    }

    /// An amount in the unit of data: cores, bytes, pods.
    fn stored(self, amount: f64) -> Value {
        match self {
            Self::Cpu => Value::Number(amount / 1e3),
            Self::Memory | Self::Pods => Value::Number(amount),
        }
    }
}

impl ResourceSeries {
    /// The most that was requested in a window, by pods with and without a node, as a share of what was offered then.
    pub(super) fn peak_share(&self) -> f64 {
        let all = self.requested.iter().zip(&self.waiting).zip(&self.allocatable);
        let shares = all.filter(|(_, offered)| offered.mean > 0.0);
        shares
            .map(|((bound, waiting), offered)| (bound.mean + waiting.mean) / offered.mean)
            .fold(0.0, f64::max)
    }

    /// The most that was requested at once, by pods with a node.
    pub(super) fn peak(&self) -> i64 {
        self.requested.iter().map(|point| point.peak).max().unwrap_or(0)
    }

    /// Whether any pod ever requested it.
    pub(super) fn is_requested(&self) -> bool {
        self.requested.iter().chain(&self.waiting).any(|point| point.peak > 0)
    }
}

/// The run in windows of time.
pub(super) fn series(run: &RunReport<'_>) -> Series {
    let timeline = run.timeline;
    let cpu = timeline.allocatable.cpu.points(run.end);
    let windows = cpu.iter().map(|point| point.span).collect::<Vec<_>>();
    let of = |resource: Resource, used: Option<&SumSeries>| {
        let points = |amounts: &Amounts| level(amounts, resource).points(run.end);
        ResourceSeries {
            resource,
            allocatable: points(&timeline.allocatable),
            requested: points(&timeline.requested),
            waiting: points(&timeline.waiting),
            used: used.map(|used| rates(used, resource, windows.len(), run.end)),
        }
    };
    let has_cpu = run.summary.traffic.is_some() || timeline.consumption.is_modelled();
    let has_memory = timeline.consumption.is_modelled();
    Series {
        resources: [
            of(Resource::Cpu, has_cpu.then_some(&run.usage.cpu)),
            of(Resource::Memory, has_memory.then_some(&run.usage.memory)),
            of(Resource::Pods, None),
        ],
        oldest: timeline.oldest_waiting.points(run.end).iter().map(|(_, age)| age.as_secs_f64()).collect(),
        windows,
    }
}

fn level(amounts: &Amounts, resource: Resource) -> &LevelSeries {
    match resource {
        Resource::Cpu => &amounts.cpu,
        Resource::Memory => &amounts.memory,
        Resource::Pods => &amounts.pods,
    }
}

/// What was used by window: millicores, or bytes. Windows without a reading used nothing.
fn rates(used: &SumSeries, resource: Resource, n_windows: usize, end: SimTime) -> Vec<f64> {
    let factor = if resource == Resource::Cpu { 1e3 } else { 1.0 };
    let mut rates: Vec<f64> = used.rates(end).map(|(_, rate)| rate * factor).collect();
    rates.resize(n_windows, 0.0);
    rates
}

/// Points at the beginnings of windows, and one at the end.
pub(super) fn steps(windows: &[WindowSpan], values: impl Iterator<Item = f64>) -> Vec<(f64, Option<f64>)> {
    let mut points: Vec<(f64, Option<f64>)> =
        windows.iter().zip(values).map(|(span, value)| (seconds(span.from), Some(value))).collect();
    if let (Some(last), Some((_, value))) = (windows.last(), points.last().copied()) {
        points.push((seconds(last.until), value));
    }
    points
}

/// The columns of a window, which come first.
pub(super) const WINDOW_COLUMNS: [(&str, &str); 2] =
    [("from_s", "the beginning of the window"), ("window_s", "its length")];

/// The values of those columns.
pub(super) fn window_values(span: &WindowSpan) -> [Value; 2] {
    [Value::Number(seconds(span.from)), Value::Number(span.length().as_secs_f64())]
}

/// All resources by window.
pub(super) fn data(series: &Series) -> Dataset {
    let columns = [
        WINDOW_COLUMNS[0],
        WINDOW_COLUMNS[1],
        ("cpu_allocatable_cores", "what nodes that are up offer, on average"),
        ("cpu_requested_cores", "what pods that are bound and not over request, on average"),
        ("cpu_waiting_cores", "what pods without a node request, on average"),
        ("cpu_used_cores", "what was used, on average; empty where nothing says so"),
        ("memory_allocatable_bytes", "as for cpu"),
        ("memory_requested_bytes", "as for cpu"),
        ("memory_waiting_bytes", "as for cpu"),
        ("memory_used_bytes", "as for cpu"),
        ("pods_allocatable", "how many pods nodes that are up take, on average"),
        ("pods_bound", "pods that are bound and not over, on average"),
        ("pods_waiting", "pods without a node, on average"),
    ];
    let mut data = Dataset::new("resources", "the whole cluster in a window of time", &columns);
    for (at, span) in series.windows.iter().enumerate() {
        let mut row = window_values(span).to_vec();
        for of in &series.resources {
            let unit = of.resource;
            row.push(unit.stored(of.allocatable[at].mean));
            row.push(unit.stored(of.requested[at].mean));
            row.push(unit.stored(of.waiting[at].mean));
            match (&of.used, unit) {
                (_, Resource::Pods) => {}
                (Some(used), _) => row.push(unit.stored(used[at])),
                (None, _) => row.push(Value::None),
            }
        }
        data.row(row);
    }
    data
}
