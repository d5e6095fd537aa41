//! The section on pods that wait for a node.

use crate::report::chart::palette::Hue;
use crate::report::chart::plot::{self, Panel, Plot, Series as Line, Shape};
use crate::report::chart::scale::Scale;
use crate::report::chart::{Screen, Svg};
use crate::report::page::data::Dataset;
use crate::report::page::{Figure, Part, Section};
use crate::report::run_page::series::{Series, WINDOW_COLUMNS, steps, window_values};
use crate::report::run_page::{Chapter, RunReport, actions};
use crate::report::summary::seconds;

/// The scheduler's own latency is no wait worth a chart [s].
pub(super) const WAIT_MIN: f64 = 1.0;

/// The section on waiting pods; `None` where none ever waited for a noticeable time.
pub(super) fn chapter(run: &RunReport<'_>, series: &Series) -> Option<Chapter> {
    if series.oldest.iter().all(|age| *age < WAIT_MIN) {
        return Some(Chapter { section: None, data: vec![data(series)] });
    }
    let caption =
        "Pods without a node at the most in each window, and how long the oldest of them has waited.";
    let figure = Figure::new("waiting", caption, |screen| chart(run, series, screen)).with_data("waiting");
    Some(Chapter {
        section: Some(Section {
            id: "waiting",
            title: "Pending pods".to_owned(),
            lead: "Pods that have no node: a peak that falls quickly is a burst, an age that only grows is a lack of room."
                .to_owned(),
            parts: vec![Part::Figure(figure)],
        }),
        data: vec![data(series)],
    })
}

fn chart(run: &RunReport<'_>, series: &Series, screen: Screen) -> Svg {
    let counts: Vec<f64> = series.resources[2].waiting.iter().map(|point| point.peak as f64).collect();
    let most = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
    let panel = |y, unit: &str, height, hue, shape, values: &[f64]| Panel {
        y,
        unit: unit.to_owned(),
        height,
        series: vec![Line {
            name: unit.to_owned(),
            hue,
            shape,
            points: steps(&series.windows, values.iter().copied()),
        }],
        limits: Vec::new(),
    };
    let plot = Plot {
        title: "Pending pods over time, and the age of the oldest".to_owned(),
        x: Scale::time(0.0, seconds(run.end), screen.pick(9, 5)),
        x_unit: "virtual time".to_owned(),
        panels: vec![
            panel(
                Scale::counts(most(&counts), 4),
                "pending pods",
                120.0,
                Hue::Purple,
                Shape::StepArea,
                &counts,
            ),
            panel(
                Scale::spans(most(&series.oldest), 4),
                "age of the oldest",
                120.0,
                Hue::Vermillion,
                Shape::Step,
                &series.oldest,
            ),
        ],
        marks: actions::marks(run),
    };
    plot::draw(&plot, screen)
}

fn data(series: &Series) -> Dataset {
    let columns = [
        WINDOW_COLUMNS[0],
        WINDOW_COLUMNS[1],
        ("pending_mean_pods", "pods without a node, on average"),
        ("pending_peak_pods", "the same at the most"),
        ("oldest_age_s", "how long the oldest of them has waited, at the most"),
    ];
    let mut data = Dataset::new("waiting", "a window of time", &columns);
    for (at, span) in series.windows.iter().enumerate() {
        let [from, length] = window_values(span);
        let point = series.resources[2].waiting[at];
        data.row([from, length, point.mean.into(), point.peak.into(), series.oldest[at].into()]);
    }
    data
}
