//! The section on the load: how latencies are spread, and latency and errors over time, variant beside variant.

use std::collections::BTreeMap;

use crate::engine::SimTime;
use crate::experiment::comparison::Comparison;
use crate::experiment::views::SourceView;
use crate::report::chart::plot::{self, Panel, Plot, Series, Shape};
use crate::report::chart::scale::Scale;
use crate::report::chart::{Screen, Svg};
use crate::report::compare_page::{Chapter, hue};
use crate::report::page::data::{Dataset, Value};
use crate::report::page::{Figure, Part, Section};
use crate::report::summary::seconds;
use crate::traffic::WindowSummary;

/// How many places of the distribution are drawn.
const N_PLACES: usize = 160;
/// From this ratio of the longest to the shortest latency on, the scale goes by powers of ten.
const LOG_RATIO: f64 = 50.0;

/// A source as all variants have it.
struct Source<'a> {
    name: &'a str,
    /// By variant: its trials.
    variants: Vec<Vec<&'a SourceView>>,
}

/// A window, as the mean over the trials of a variant.
#[derive(Debug, Clone, Copy, Default)]
struct Window {
    span: f64,
    n: f64,
    arrived: f64,
    failed: f64,
    /// The trials with an answer in it.
    n_answered: f64,
    p50: f64,
    p99: f64,
}

/// The section; `None` where there is no load.
pub(super) fn chapter(comparison: &Comparison) -> Option<Chapter> {
    let sources = sources(comparison);
    if sources.is_empty() {
        return None;
    }
    let mut parts = Vec::new();
    for (at, source) in sources.iter().enumerate() {
        if sources.len() > 1 {
            parts.push(Part::Heading(format!("Source {}", source.name)));
        }
        let number = at + 1;
        let caption = format!(
            "Requests of {}: the share of the answered that took at most so long, over all trials after the warm-up. \
             Further to the left is faster.",
            source.name
        );
        let figure = Figure::new(&format!("latency-ecdf-{number}"), caption, |screen| {
            ecdf(source, comparison, screen)
        });
        parts.push(Part::Figure(figure.with_data("latency-ecdf")));
        let caption = format!(
            "Requests of {} over time, means over the trials: 99 of a hundred and half of the answered were at most so \
             long; and the share that failed.",
            source.name
        );
        let figure =
            Figure::new(&format!("load-{number}"), caption, |screen| over_time(source, comparison, screen));
        parts.push(Part::Figure(figure.with_data("load")));
    }
    let section = Section {
        id: "load",
        title: "Load: latency and errors".to_owned(),
        lead: "How long requests took, and what failed; the warm-up counts only in what is drawn over time."
            .to_owned(),
        parts,
    };
    Some(Chapter { section, data: vec![ecdf_data(&sources, comparison), load_data(&sources, comparison)] })
}

/// The sources by name, in the order of their first appearance.
fn sources(comparison: &Comparison) -> Vec<Source<'_>> {
    let mut names: Vec<&str> = Vec::new();
    for source in comparison.views.iter().flatten().flat_map(|view| &view.sources) {
        if !names.contains(&source.name.as_str()) {
            names.push(&source.name);
        }
    }
    let of = |name: &str| {
        let trials = comparison.views.iter().map(|views| {
            views.iter().flat_map(|view| view.sources.iter().filter(|own| own.name == name)).collect()
        });
        trials.collect::<Vec<Vec<&SourceView>>>()
    };
    names.into_iter().map(|name| Source { name, variants: of(name) }).collect()
}

impl Source<'_> {
    /// The places at which the distribution is looked at [s]: evenly by powers of ten.
    fn places(&self) -> Vec<f64> {
        let answered = self.variants.iter().flatten().filter(|trial| trial.answered > 0);
        let quantiles = answered.flat_map(|trial| &trial.quantiles).copied().filter(|latency| *latency > 0.0);
        let (low, high) = quantiles.fold((f64::MAX, 0.0_f64), |(low, high), it| (low.min(it), high.max(it)));
        if high <= 0.0 {
            return Vec::new();
        }
        let (from, until) = (libm::log10(low), libm::log10(high.max(low * 1.01)));
        let place = |at: usize| from + (until - from) * at as f64 / (N_PLACES - 1) as f64;
        (0..N_PLACES).map(|at| libm::pow(10.0, place(at))).collect()
    }

    /// The share of the answered of a variant within a latency [s].
    fn share(&self, variant: usize, latency: f64) -> Option<f64> {
        let answered = || self.variants[variant].iter().filter(|trial| trial.answered > 0);
        let n: f64 = answered().map(|trial| trial.answered as f64).sum();
        let within: f64 = answered().map(|trial| trial.answered as f64 * trial.share_within(latency)).sum();
        (n > 0.0).then(|| within / n)
    }

    /// The windows of a variant, by their beginning.
    fn windows(&self, variant: usize) -> BTreeMap<SimTime, Window> {
        let mut windows: BTreeMap<SimTime, Window> = BTreeMap::new();
        for window in self.variants[variant].iter().flat_map(|trial| &trial.windows) {
            windows.entry(window.from).or_default().add(window);
        }
        windows
    }
}

impl Window {
    fn add(&mut self, window: &WindowSummary) {
        self.span = self.span.max(window.span.as_secs_f64());
        self.n += 1.0;
        self.arrived += window.offered as f64;
        self.failed += window.errors as f64;
        if window.succeeded > 0 {
            self.n_answered += 1.0;
            self.p50 += window.p50.as_secs_f64();
            self.p99 += window.p99.as_secs_f64();
        }
    }

    fn mean_p50(&self) -> Option<f64> {
        (self.n_answered > 0.0).then(|| self.p50 / self.n_answered)
    }

    fn mean_p99(&self) -> Option<f64> {
        (self.n_answered > 0.0).then(|| self.p99 / self.n_answered)
    }

    /// Of those that ended or arrived in it, whichever is more: requests may fail in a later window than they arrive.
    fn failed_share(&self) -> Option<f64> {
        (self.arrived.max(self.failed) > 0.0).then(|| self.failed / self.arrived.max(self.failed))
    }
}

fn ecdf(source: &Source<'_>, comparison: &Comparison, screen: Screen) -> Svg {
    let places = source.places();
    let (low, high) = (places.first().copied().unwrap_or(1e-3), places.last().copied().unwrap_or(1.0));
    let series = comparison.variants.iter().enumerate().map(|(variant, name)| Series {
        name: name.clone(),
        hue: hue(variant),
        shape: Shape::Line,
        points: places.iter().map(|place| (*place, source.share(variant, *place))).collect(),
    });
    let plot = Plot {
        title: format!("Distribution of the latency of requests of {}", source.name),
        x: Scale::log_spans(low, high),
        x_unit: "latency, by powers of ten".to_owned(),
        panels: vec![Panel {
            y: Scale::shares(1.0, 5),
            unit: "share of the answered requests".to_owned(),
            height: screen.pick(260.0, 220.0),
            series: series.collect(),
            limits: Vec::new(),
        }],
        marks: Vec::new(),
    };
    plot::draw(&plot, screen)
}

fn over_time(source: &Source<'_>, comparison: &Comparison, screen: Screen) -> Svg {
    let windows: Vec<BTreeMap<SimTime, Window>> =
        (0..comparison.variants.len()).map(|variant| source.windows(variant)).collect();
    let ends = windows.iter().flatten().map(|(from, window)| seconds(*from) + window.span);
    let end = ends.fold(0.0, f64::max);
    let series = |pick: fn(&Window) -> Option<f64>| -> Vec<Series> {
        let of = |(variant, name): (usize, &String)| Series {
            name: name.clone(),
            hue: hue(variant),
            shape: Shape::Line,
            points: windows[variant]
                .iter()
                .map(|(from, window)| (seconds(*from) + window.span / 2.0, pick(window)))
                .collect(),
        };
        comparison.variants.iter().enumerate().map(of).collect()
    };
    let latencies = |name: &str, pick: fn(&Window) -> Option<f64>| {
        let values = || windows.iter().flat_map(BTreeMap::values).filter_map(pick);
        let (low, high) = (values().fold(f64::MAX, f64::min), values().fold(0.0, f64::max));
        let is_wide = low > 0.0 && high / low > LOG_RATIO;
        Panel {
            y: if is_wide { Scale::log_spans(low, high) } else { Scale::spans(high, 5) },
            unit: if is_wide {
                format!("latency {name}, by powers of ten")
            } else {
                format!("latency {name}")
            },
            height: 150.0,
            series: series(pick),
            limits: Vec::new(),
        }
    };
    let failed = windows.iter().flat_map(BTreeMap::values).filter_map(Window::failed_share);
    let plot = Plot {
        title: format!("Latency and errors of requests of {} over time", source.name),
        x: Scale::time(0.0, end, screen.pick(9, 5)),
        x_unit: "virtual time".to_owned(),
        panels: vec![
            latencies("p99", Window::mean_p99),
            latencies("p50", Window::mean_p50),
            Panel {
                y: Scale::shares(failed.fold(0.0, f64::max), 4),
                unit: "failed requests".to_owned(),
                height: 110.0,
                series: series(Window::failed_share),
                limits: Vec::new(),
            },
        ],
        marks: Vec::new(),
    };
    plot::draw(&plot, screen)
}

fn ecdf_data(sources: &[Source<'_>], comparison: &Comparison) -> Dataset {
    let columns = [
        ("variant", "the variant"),
        ("source", "the source of the requests"),
        ("latency_s", "a latency"),
        ("share", "the share of the answered requests that took at most so long, from 0 to 1"),
    ];
    let mut data = Dataset::new("latency-ecdf", "a place of a distribution", &columns);
    for source in sources {
        let places = source.places();
        for (variant, name) in comparison.variants.iter().enumerate() {
            for place in &places {
                data.row([
                    name.into(),
                    source.name.into(),
                    (*place).into(),
                    source.share(variant, *place).into(),
                ]);
            }
        }
    }
    data
}

fn load_data(sources: &[Source<'_>], comparison: &Comparison) -> Dataset {
    let columns = [
        ("variant", "the variant"),
        ("source", "the source of the requests"),
        ("from_s", "the beginning of the window"),
        ("window_s", "its length"),
        ("arrived_requests", "requests that arrived in it, on average over the trials"),
        ("failed_requests", "requests that failed in it, on average over the trials"),
        ("latency_p50_s", "half were at most so long, on average over the trials"),
        ("latency_p99_s", "99 of a hundred were at most so long, on average over the trials"),
    ];
    let mut data = Dataset::new("load", "a source in a window of time", &columns);
    for source in sources {
        for (variant, name) in comparison.variants.iter().enumerate() {
            for (from, window) in source.windows(variant) {
                data.row([
                    name.into(),
                    source.name.into(),
                    seconds(from).into(),
                    window.span.into(),
                    Value::from(window.arrived / window.n),
                    Value::from(window.failed / window.n),
                    window.mean_p50().into(),
                    window.mean_p99().into(),
                ]);
            }
        }
    }
    data
}
