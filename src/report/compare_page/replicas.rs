//! The section on autoscalers: how many replicas they set over time.

use crate::experiment::comparison::Comparison;
use crate::experiment::views::AutoscalerView;
use crate::report::chart::palette::SERIES;
use crate::report::chart::plot::{self, Panel, Plot, Series, Shape};
use crate::report::chart::scale::Scale;
use crate::report::chart::{Screen, Svg};
use crate::report::compare_page::Chapter;
use crate::report::page::data::Dataset;
use crate::report::page::{Figure, Part, Section};
use crate::report::summary::seconds;

/// At how many instants sizes are looked at.
const N_INSTANTS: usize = 240;

/// An autoscaler of a variant.
struct Scaler<'a> {
    variant: &'a str,
    name: &'a str,
    /// By trial.
    trials: Vec<&'a AutoscalerView>,
}

impl Scaler<'_> {
    /// Its size at an instant [s], on average over the trials.
    fn mean(&self, at: f64) -> Option<f64> {
        let sizes: Vec<f64> = self.trials.iter().filter_map(|trial| trial.size(at)).map(f64::from).collect();
        (!sizes.is_empty()).then(|| sizes.iter().sum::<f64>() / sizes.len() as f64)
    }
}

/// The section; `None` where there is no autoscaler.
pub(super) fn chapter(comparison: &Comparison) -> Option<Chapter> {
    let scalers = scalers(comparison);
    if scalers.is_empty() {
        return None;
    }
    let ends = comparison.views.iter().flatten().map(|view| seconds(view.end));
    let end = ends.fold(0.0, f64::max);
    let caption = "Replicas that each HorizontalPodAutoscaler set, on average over the trials.";
    let figure =
        Figure::new("replicas", caption, |screen| chart(&scalers, end, screen)).with_data("replicas");
    let section = Section {
        id: "replicas",
        title: "Autoscaling: replicas over time".to_owned(),
        lead: "How each variant follows the load.".to_owned(),
        parts: vec![Part::Figure(figure)],
    };
    Some(Chapter { section, data: vec![data(&scalers, end)] })
}

fn scalers(comparison: &Comparison) -> Vec<Scaler<'_>> {
    let mut scalers: Vec<Scaler<'_>> = Vec::new();
    for (variant, views) in comparison.variants.iter().zip(&comparison.views) {
        for own in views.iter().flat_map(|view| &view.autoscalers) {
            match scalers.iter_mut().find(|it| it.variant == variant && it.name == own.name) {
                Some(scaler) => scaler.trials.push(own),
                None => scalers.push(Scaler { variant, name: &own.name, trials: vec![own] }),
            }
        }
    }
    scalers
}

fn instants(end: f64) -> impl Iterator<Item = f64> {
    (0..=N_INSTANTS).map(move |at| end * at as f64 / N_INSTANTS as f64)
}

fn chart(scalers: &[Scaler<'_>], end: f64, screen: Screen) -> Svg {
    let series = scalers.iter().enumerate().map(|(at, scaler)| Series {
        name: format!("{}: {}", scaler.variant, scaler.name),
        hue: SERIES[at % SERIES.len()],
        shape: Shape::Step,
        points: instants(end).map(|at| (at, scaler.mean(at))).collect(),
    });
    let most = scalers.iter().flat_map(|scaler| instants(end).filter_map(|at| scaler.mean(at)));
    let plot = Plot {
        title: "Replicas that autoscalers set over time".to_owned(),
        x: Scale::time(0.0, end, screen.pick(9, 5)),
        x_unit: "virtual time".to_owned(),
        panels: vec![Panel {
            y: Scale::counts(most.fold(0.0, f64::max), 5),
            unit: "replicas".to_owned(),
            height: 200.0,
            series: series.collect(),
            limits: Vec::new(),
        }],
        marks: Vec::new(),
    };
    plot::draw(&plot, screen)
}

fn data(scalers: &[Scaler<'_>], end: f64) -> Dataset {
    let columns = [
        ("variant", "the variant"),
        ("autoscaler", "the HorizontalPodAutoscaler"),
        ("at_s", "an instant"),
        ("replicas", "the replicas that it had set, on average over the trials"),
    ];
    let mut data = Dataset::new("replicas", "an autoscaler at an instant", &columns);
    for scaler in scalers {
        for at in instants(end) {
            data.row([scaler.variant.into(), scaler.name.into(), at.into(), scaler.mean(at).into()]);
        }
    }
    data
}
