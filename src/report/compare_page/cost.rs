//! The section on cost against service: what a variant costs, and how well it serves.

use crate::experiment::comparison::{Comparison, Row};
use crate::experiment::measures::{
    COST, COST_OF_REQUESTS, CPU_REQUESTED, ERRORS, LAST_JOB, MeasureKind, P99, Unit,
};
use crate::report::chart::scale::Scale;
use crate::report::chart::scatter::{self, Scatter, Spot};
use crate::report::compare_page::{Chapter, hue, title};
use crate::report::comparison::LATENCIES;
use crate::report::page::data::Dataset;
use crate::report::page::{Figure, Part, Section};

/// The section; `None` where nothing says how well a variant serves.
pub(super) fn chapter(comparison: &Comparison) -> Option<Chapter> {
    let cost = [COST_OF_REQUESTS, COST, CPU_REQUESTED].into_iter().find_map(|kind| row(comparison, kind))?;
    let is_service = |row: &&Row| [P99, ERRORS, LAST_JOB].contains(&row.kind);
    let services: Vec<&Row> = comparison.rows.iter().filter(is_service).collect();
    let mut parts = Vec::new();
    for (at, service) in services.iter().enumerate() {
        let spots = spots(comparison, cost, service);
        if spots.len() < 2 {
            continue;
        }
        let (cost_name, name) = (cost.kind.name, title(service.kind.name, &service.subject));
        let caption = format!(
            "{name} against {cost_name}: large dots are means with their 95 % intervals, small ones trials. What lies on \
             the Pareto front is beaten by no other variant in both; nearer to the lower left corner is better."
        );
        let scatter = Scatter {
            title: format!("{name} against {cost_name}"),
            x: scale(cost.kind, spots.iter().flat_map(|spot| extent(spot, 0))),
            y: scale(service.kind, spots.iter().flat_map(|spot| extent(spot, 1))),
            points: spots,
        };
        let scatter = Scatter { y: (scatter.y.0, named(&name, service.kind.unit)), ..scatter };
        let figure =
            Figure::new(&format!("cost-{}", at + 1), caption, |screen| scatter::draw(&scatter, screen));
        parts.push(Part::Figure(figure.with_data("cost")));
    }
    if parts.is_empty() {
        return None;
    }
    let section = Section {
        id: "cost",
        title: "Cost against service".to_owned(),
        lead: if services.iter().any(|row| row.kind.is_latency()) {
            format!("What is paid for, and what one gets; {LATENCIES}.")
        } else {
            "What is paid for, and what one gets.".to_owned()
        },
        parts,
    };
    Some(Chapter { section, data: vec![data(comparison, cost, &services)] })
}

fn row(comparison: &Comparison, kind: MeasureKind) -> Option<&Row> {
    let has_all = |row: &&Row| row.kind == kind && row.means.iter().all(Option::is_some);
    comparison.rows.iter().find(has_all)
}

/// The variants that have both measures.
fn spots(comparison: &Comparison, cost: &Row, service: &Row) -> Vec<Spot> {
    let spot = |(variant, name): (usize, &String)| {
        let (x, y) = (cost.means[variant]?, service.means[variant]?);
        let trials = comparison.measures[variant].iter().filter_map(|trial| {
            let value = |row: &Row| trial.value(row.kind, &row.subject);
            Some((value(cost)?, value(service)?))
        });
        let interval = |low: f64, high: f64| (low.is_finite() && high.is_finite()).then_some((low, high));
        Some(Spot {
            name: name.clone(),
            hue: hue(variant),
            at: (x.mean, y.mean),
            across: interval(x.low(), x.high()),
            up: interval(y.low(), y.high()),
            trials: trials.collect(),
        })
    };
    comparison.variants.iter().enumerate().filter_map(spot).collect()
}

/// How far a spot reaches along one of the axes.
fn extent(spot: &Spot, axis: usize) -> impl Iterator<Item = f64> {
    let pick = move |point: (f64, f64)| if axis == 0 { point.0 } else { point.1 };
    let interval = if axis == 0 { spot.across } else { spot.up };
    let ends = interval.map(|(_, high)| high);
    let trials: Vec<f64> = spot.trials.iter().map(|trial| pick(*trial)).collect();
    [pick(spot.at)].into_iter().chain(ends).chain(trials)
}

/// A scale from zero, so that small differences do not look like large ones.
fn scale(kind: MeasureKind, values: impl Iterator<Item = f64>) -> (Scale, String) {
    let max = values.fold(0.0, f64::max);
    let scale = match kind.unit {
        Unit::Seconds => Scale::spans(max, 5),
        Unit::Share => Scale::shares(max, 5),
        _ => Scale::numbers(max, 5),
    };
    (scale, named(kind.name, kind.unit))
}

/// A measure with its unit.
fn named(name: &str, unit: Unit) -> String {
    match unit {
        Unit::CostPerHour => format!("{name} per hour"),
        Unit::Cores => format!("{name}, cores"),
        _ => name.to_owned(),
    }
}

fn data(comparison: &Comparison, cost: &Row, services: &[&Row]) -> Dataset {
    let columns = [
        ("variant", "the variant"),
        ("cost_measure", "what stands for its cost"),
        ("cost", "the mean of that; in the currency of the prices, or cores where there are none"),
        ("service_measure", "what stands for how well it serves"),
        ("subject", "the source of load that it is about; empty for the whole"),
        ("service", "the mean of that: seconds, or a share from 0 to 1"),
        ("on_front", "1 where no other variant is better in both, else 0"),
    ];
    let mut data = Dataset::new("cost", "a variant by its cost and its service", &columns);
    for service in services {
        let spots = spots(comparison, cost, service);
        let places: Vec<(f64, f64)> = spots.iter().map(|spot| spot.at).collect();
        let front = scatter::front(&places);
        for (at, spot) in spots.iter().enumerate() {
            data.row([
                (&spot.name).into(),
                cost.kind.name.into(),
                spot.at.0.into(),
                service.kind.name.into(),
                (&service.subject).into(),
                spot.at.1.into(),
                u32::from(front.contains(&at)).into(),
            ]);
        }
    }
    data
}
