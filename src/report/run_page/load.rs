//! The section on the load: latency, throughput and errors over time.

use crate::report::chart::palette::Hue;
use crate::report::chart::plot::{self, Mark, Panel, Plot, Series, Shape};
use crate::report::chart::scale::Scale;
use crate::report::chart::{Screen, Svg};
use crate::report::page::data::{Dataset, Value};
use crate::report::page::{Figure, Part, Section};
use crate::report::run_page::{Chapter, RunReport, actions};
use crate::report::traffic::{SourceRow, TrafficSummary, WindowRow};

/// From this ratio of the longest to the shortest latency on, the scale goes by powers of ten.
const LOG_RATIO: f64 = 50.0;

/// The section on the load; `None` where there is none.
pub(super) fn chapter(run: &RunReport<'_>) -> Option<Chapter> {
    let load = run.summary.traffic.as_ref().filter(|load| !load.sources.is_empty())?;
    let mut parts = Vec::new();
    for (at, source) in load.sources.iter().enumerate() {
        if load.sources.len() > 1 {
            parts.push(Part::Heading(format!("Source {}", source.name)));
        }
        let figure = Figure::new(&format!("load-{}", at + 1), caption(source), |screen| {
            chart(source, load, actions::marks(run), screen)
        });
        parts.push(Part::Figure(figure.with_data("load")));
    }
    Some(Chapter {
        section: Some(Section {
            id: "load",
            title: "Load: latency, throughput, errors".to_owned(),
            lead: "How long requests took and what became of them, window by window; before the end of the warm-up they \
                   count only here."
                .to_owned(),
            parts,
        }),
        data: vec![data(load)],
    })
}

fn caption(source: &SourceRow) -> String {
    format!(
        "Requests of {}: latency of the answered above, requests per second by outcome below.",
        source.name
    )
}

/// Latencies above, rates below, over the same time.
fn chart(source: &SourceRow, load: &TrafficSummary, marks: Vec<Mark>, screen: Screen) -> Svg {
    let windows = &source.windows;
    let plot = Plot {
        title: format!("Latency and rate of requests of {} over time", source.name),
        x: Scale::time(0.0, load.until, screen.pick(9, 5)),
        x_unit: "virtual time".to_owned(),
        panels: vec![latencies(windows), rates(windows)],
        marks,
    };
    plot::draw(&plot, screen)
}

fn latencies(windows: &[WindowRow]) -> Panel {
    let answered = || windows.iter().filter(|window| window.succeeded > 0);
    let max = answered().map(|window| window.p99).fold(0.0, f64::max);
    let min = answered().map(|window| window.p50.min(window.mean)).fold(max, f64::min);
    let is_wide = min > 0.0 && max / min > LOG_RATIO;
    let series = |name: &str, hue, pick: fn(&WindowRow) -> f64| Series {
        name: name.to_owned(),
        hue,
        shape: Shape::Line,
        points: middles(windows, |window| (window.succeeded > 0).then(|| pick(window))),
    };
    Panel {
        y: if is_wide { Scale::log_spans(min, max) } else { Scale::spans(max, 5) },
        unit: if is_wide { "latency, by powers of ten" } else { "latency" }.to_owned(),
        height: 200.0,
        series: vec![
            series("p99", Hue::Vermillion, |window| window.p99),
            series("mean", Hue::Orange, |window| window.mean),
            series("p50", Hue::Blue, |window| window.p50),
        ],
        limits: Vec::new(),
    }
}

fn rates(windows: &[WindowRow]) -> Panel {
    let rate = |pick: fn(&WindowRow) -> u64| {
        move |window: &WindowRow| (window.span > 0.0).then(|| pick(window) as f64 / window.span)
    };
    let max =
        windows.iter().filter_map(rate(|window| window.offered.max(window.succeeded).max(window.errors)));
    let series = |name: &str, hue, pick: fn(&WindowRow) -> u64| Series {
        name: name.to_owned(),
        hue,
        shape: Shape::Line,
        points: middles(windows, rate(pick)),
    };
    Panel {
        y: Scale::numbers(max.fold(0.0, f64::max), 4),
        unit: "requests per second".to_owned(),
        height: 130.0,
        series: vec![
            series("arrived", Hue::Grey, |window| window.offered),
            series("answered", Hue::Green, |window| window.succeeded),
            series("failed", Hue::Vermillion, |window| window.errors),
        ],
        limits: Vec::new(),
    }
}

/// A value for each window, at its middle.
fn middles(windows: &[WindowRow], value: impl Fn(&WindowRow) -> Option<f64>) -> Vec<(f64, Option<f64>)> {
    windows.iter().map(|window| (window.from + window.span / 2.0, value(window))).collect()
}

fn data(load: &TrafficSummary) -> Dataset {
    let columns = [
        ("source", "the source of the requests"),
        ("from_s", "the beginning of the window"),
        ("window_s", "its length"),
        ("arrived_requests", "requests that arrived in it"),
        ("answered_requests", "requests that were answered in it"),
        ("failed_requests", "requests that failed in it"),
        ("latency_mean_s", "the mean latency of the answered, to two digits"),
        ("latency_p50_s", "half were at most so long, to two digits"),
        ("latency_p99_s", "99 of a hundred were at most so long, to two digits"),
    ];
    let mut data = Dataset::new("load", "a source in a window of time", &columns);
    for source in &load.sources {
        for window in &source.windows {
            let latency = |secs: f64| Value::from((window.succeeded > 0).then_some(secs));
            data.row([
                (&source.name).into(),
                window.from.into(),
                window.span.into(),
                window.offered.into(),
                window.succeeded.into(),
                window.errors.into(),
                latency(window.mean),
                latency(window.p50),
                latency(window.p99),
            ]);
        }
    }
    data
}
