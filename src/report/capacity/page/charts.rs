//! The charts of an answer: how many are enough, and what that costs.

use crate::report::capacity::page::{answer_row, size_label, what_is_counted};
use crate::report::capacity::words::money;
use crate::report::capacity::{CapacitySummary, ComparedRow, SizeRow};
use crate::report::chart::frame::{
    ABOVE, Area, BELOW, Frame, LegendEntry, RIGHT, Sample, legend, legend_height, room_for_labels,
};
use crate::report::chart::palette::Hue;
use crate::report::chart::pen::{self, Anchor, Stroke, TEXT, fitted, text_width};
use crate::report::chart::plot::{self, Mark, Panel, Plot, Series, Shape};
use crate::report::chart::scale::Scale;
use crate::report::chart::{Screen, Svg};
use crate::report::page::Figure;

/// So many expectations have a panel.
const PANELS_MAX: usize = 3;
/// From this ratio of the longest to the shortest span on, the scale goes by powers of ten.
const LOG_RATIO: f64 = 20.0;

/// The nodes-needed curve.
pub(super) fn curve(summary: &CapacitySummary) -> Figure {
    let counted = what_is_counted(summary);
    let caption = format!(
        "Share of trials in which all holds, and what the expectations measure (mean, least and most over trials while \
         nothing is lost), by {counted}. Dashed: the share that is asked for, and the limits of the expectations."
    );
    Figure::new("sizes", caption, |screen| draw_curve(summary, &counted, screen)).with_data("sizes")
}

fn draw_curve(summary: &CapacitySummary, counted: &str, screen: Screen) -> Svg {
    let largest = summary.sizes.iter().map(across).fold(0.0, f64::max);
    let mut panels = vec![shares(summary)];
    panels.extend(measured(summary).take(PANELS_MAX).map(|position| quantity(summary, position, screen)));
    let mark = answer_row(summary).map(|row| Mark {
        at: across(row),
        label: format!("enough: {}", size_label(summary, &row.counts)),
        hue: Hue::Green,
    });
    let plot = Plot {
        title: format!("Share of trials in which all holds, by {counted}"),
        x: Scale::counts(largest, screen.pick(12, 6)),
        x_unit: counted.to_owned(),
        panels,
        marks: mark.into_iter().collect(),
    };
    plot::draw(&plot, screen)
}

/// Where a size stands: its count, or all of its nodes.
fn across(row: &SizeRow) -> f64 {
    match row.counts.as_slice() {
        [count] => f64::from(*count),
        _ => row.nodes as f64,
    }
}

fn shares(summary: &CapacitySummary) -> Panel {
    let n_trials = summary.question.trials as f64;
    let shape = || if summary.question.dimensions.len() == 1 { Shape::Line } else { Shape::Dots };
    // Where several sizes stand above each other, those of different colours stand side by side.
    let step = if summary.question.dimensions.len() == 1 { 0.0 } else { 0.15 };
    let series = |name: &str, hue, shift: f64, share: &dyn Fn(&SizeRow) -> Option<usize>| {
        let mut points: Vec<(f64, Option<f64>)> = summary
            .sizes
            .iter()
            .filter_map(|row| Some((across(row) + shift, Some(share(row)? as f64 / n_trials))))
            .collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        Series { name: name.to_owned(), hue, shape: shape(), points }
    };
    let mut all = vec![series("nothing lost", Hue::Blue, 0.0, &|row| Some(row.held))];
    for (at, loss) in summary.question.survive.iter().enumerate() {
        let (name, hue) = match *loss {
            "1" => ("whichever node is lost", Hue::Vermillion),
            "2" => ("whichever two nodes are lost", Hue::Purple),
            _ => ("whichever zone is lost", Hue::Orange),
        };
        let shift = step * (at + 1) as f64;
        all.push(series(name, hue, shift, &|row| row.survived.get(at).copied()));
    }
    let dots: Vec<Series> = all
        .iter()
        .filter(|series| series.shape == Shape::Line)
        .map(|series| Series { name: String::new(), shape: Shape::Dots, ..series.clone() })
        .collect();
    all.extend(dots);
    let at_least = summary.question.at_least;
    let percent = crate::report::chart::scale::number(at_least * 100.0);
    Panel {
        y: Scale::shares(1.0, 4),
        unit: format!("trials in which all holds; asked for: {percent} %"),
        height: 150.0,
        series: all,
        limits: vec![Mark { at: at_least, label: String::new(), hue: Hue::Axis }],
    }
}

/// The expectations that compare something which is not the same at all sizes.
fn measured(summary: &CapacitySummary) -> impl Iterator<Item = usize> {
    let n = summary.question.expectations.len();
    let varies = |position: &usize| {
        let mut rows = rows_of(summary, *position);
        let first = rows.next().map(|(_, compared)| compared.mean);
        first.is_some_and(|first| rows.any(|(_, compared)| compared.mean != first))
    };
    (0..n).filter(move |position| varies(position)).collect::<Vec<_>>().into_iter()
}

fn rows_of(summary: &CapacitySummary, position: usize) -> impl Iterator<Item = (&SizeRow, &ComparedRow)> {
    // Without a node nothing is measured.
    let sizes = summary.sizes.iter().filter(|row| row.nodes > 0);
    sizes.flat_map(move |row| {
        row.compared.iter().filter(move |it| it.expectation == position).map(move |compared| (row, compared))
    })
}

/// What an expectation compares, by size, with its limit.
fn quantity(summary: &CapacitySummary, position: usize, screen: Screen) -> Panel {
    let mut rows: Vec<(f64, &ComparedRow)> =
        rows_of(summary, position).map(|(row, compared)| (across(row), compared)).collect();
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let bound = rows.first().map_or(0.0, |(_, compared)| compared.bound);
    let words = &summary.question.expectations[position];
    let room = screen.width() - 40.0;
    Panel {
        y: scale(rows.iter().map(|(_, compared)| *compared), bound),
        unit: fitted(&format!("“{words}”"), TEXT, room),
        height: 130.0,
        series: vec![Series {
            name: words.clone(),
            hue: Hue::Blue,
            shape: Shape::Intervals(rows.iter().map(|(_, it)| (it.min, it.max)).collect()),
            points: rows.iter().map(|(at, compared)| (*at, Some(compared.mean))).collect(),
        }],
        limits: vec![Mark { at: bound, label: "limit".to_owned(), hue: Hue::Vermillion }],
    }
}

/// A scale for what is compared.
fn scale<'a>(rows: impl Iterator<Item = &'a ComparedRow>, bound: f64) -> Scale {
    let rows: Vec<&ComparedRow> = rows.collect();
    let max = rows.iter().map(|row| row.max).fold(bound, f64::max);
    let least = rows.iter().map(|row| row.min).filter(|min| *min > 0.0).fold(max, f64::min);
    let is_span = rows.first().is_some_and(|row| row.unit == "s");
    match is_span {
        true if least > 0.0 && max / least > LOG_RATIO => Scale::log_spans(least, max),
        true => Scale::spans(max * 1.02, 4),
        false => Scale::numbers(max * 1.02, 4),
    }
}

/// A size on the chart of cost.
struct Spot<'a> {
    row: &'a SizeRow,
    cost: f64,
    value: f64,
    is_on_front: bool,
}

/// What the chart of cost sets against cost.
struct Upright {
    scale: Scale,
    unit: String,
    limit: Option<f64>,
    /// Whether less of it is better.
    is_less_better: bool,
}

/// Cost against the first expectation that measures something, with the Pareto front.
pub(super) fn pareto(summary: &CapacitySummary) -> Figure {
    let against = measured(summary).next().map_or_else(
        || "the share of trials in which all holds".to_owned(),
        |position| format!("“{}”", summary.question.expectations[position]),
    );
    let caption = format!(
        "Each dot is a size: its cost, and what it makes of {against} while nothing is lost. Filled dots are enough, \
         after the losses that were asked about, too; the line joins the Pareto front of those for which all holds while \
         nothing is lost."
    );
    Figure::new("cost", caption, |screen| draw_pareto(summary, screen)).with_data("compared")
}

fn draw_pareto(summary: &CapacitySummary, screen: Screen) -> Svg {
    let (upright, spots) = spots(summary);
    let most = spots.iter().map(|spot| spot.cost).fold(0.0, f64::max);
    let has_prices = summary.sizes.iter().any(|row| row.price_per_hour.is_some());
    let x = if has_prices {
        Scale::numbers(most * 1.05, screen.pick(10, 5))
    } else {
        Scale::counts(most, screen.pick(10, 5))
    };
    let entry = |name: &str, sample, hue| LegendEntry { name: name.to_owned(), sample, hue };
    let entries = [
        entry("enough", Sample::Dot, Hue::Green),
        entry("not enough", Sample::Dot, Hue::Vermillion),
        entry("Pareto front", Sample::Line, Hue::Blue),
    ];
    let head = legend_height(&entries, screen.width()) + ABOVE;
    let height = 300.0;
    pen::draw("Cost against what is expected", screen, head + height + BELOW, |pen| {
        legend(pen, 0.0, &entries);
        let left = room_for_labels(&upright.scale);
        let area = Area { left, top: head, right: pen.width - RIGHT, bottom: head + height };
        let frame = Frame { pen, area, x: &x, y: &upright.scale };
        frame.upright(&fitted(&upright.unit, TEXT, pen.width - 20.0));
        frame.level(if has_prices { "price of all nodes per hour" } else { "nodes" });
        let front: Vec<(f64, f64)> = spots
            .iter()
            .filter(|spot| spot.is_on_front)
            .map(|spot| frame.point(spot.cost, spot.value))
            .collect();
        pen.line(&front, Stroke::new(Hue::Blue, 2.0));
        if let Some(limit) = upright.limit {
            let y = frame.up(limit);
            pen.dashed((left, y), (area.right, y), Stroke::new(Hue::Vermillion, 1.5));
            pen.text("limit", (area.right, y - 10.0), Anchor::End, Hue::Ink);
        }
        name_the_front(&frame, summary, &spots);
        spots.iter().for_each(|spot| dot(&frame, spot));
    })
}

fn dot(frame: &Frame<'_, '_>, spot: &Spot<'_>) {
    let at = frame.point(spot.cost, spot.value);
    if spot.row.enough {
        frame.pen.dot(at, 6.0, Hue::Green);
    } else {
        frame.pen.dot(at, 5.0, Hue::Vermillion);
        frame.pen.dot(at, 3.0, Hue::Ground);
    }
}

/// The names of the answer and of the sizes on the front, where they do not touch others.
fn name_the_front(frame: &Frame<'_, '_>, summary: &CapacitySummary, spots: &[Spot<'_>]) {
    let mut taken: Vec<(f64, f64, f64)> = Vec::new();
    let is_answer = |spot: &&Spot<'_>| summary.answer.as_ref() == Some(&spot.row.counts);
    let others = spots.iter().filter(|spot| spot.is_on_front);
    for spot in spots.iter().filter(is_answer).chain(others) {
        let (x, y) = frame.point(spot.cost, spot.value);
        let price = spot.row.price_per_hour.map(|price| format!(" ({}/h)", money(price))).unwrap_or_default();
        let name = format!("{}{price}", size_label(summary, &spot.row.counts));
        let width = text_width(&name, TEXT);
        let is_at_the_end = x + 10.0 + width > frame.pen.width;
        let from = if is_at_the_end { x - 10.0 - width } else { x + 10.0 };
        // At the upper edge the name stands below its dot.
        let y = if y - 14.0 < frame.area.top + 8.0 { y + 20.0 } else { y - 14.0 };
        let touches = |(left, right, height): &(f64, f64, f64)| {
            from < *right + 6.0 && from + width > *left - 6.0 && (y - height).abs() < 16.0
        };
        if from >= 0.0 && !taken.iter().any(touches) {
            frame.pen.text(&name, (from, y), Anchor::Start, Hue::Ink);
            taken.push((from, from + width, y));
        }
    }
}

/// The sizes by cost, and what stands against it.
fn spots(summary: &CapacitySummary) -> (Upright, Vec<Spot<'_>>) {
    let position = measured(summary).next();
    let mut spots: Vec<Spot<'_>> = Vec::new();
    for row in summary.sizes.iter().filter(|row| row.nodes > 0) {
        let value = match position {
            Some(position) => row.compared.iter().find(|it| it.expectation == position).map(|it| it.mean),
            None => Some(row.held as f64 / summary.question.trials as f64),
        };
        let cost = row.price_per_hour.unwrap_or_else(|| across(row));
        spots.extend(value.map(|value| Spot { row, cost, value, is_on_front: false }));
    }
    let upright = match position {
        Some(position) => {
            let bound = rows_of(summary, position).next().map(|(_, compared)| compared);
            Upright {
                scale: scale(rows_of(summary, position).map(|(_, it)| it), bound.map_or(0.0, |it| it.bound)),
                unit: format!("“{}”, mean over trials", summary.question.expectations[position]),
                limit: bound.map(|compared| compared.bound),
                is_less_better: bound.is_none_or(|compared| compared.wanted != "more"),
            }
        }
        None => Upright {
            scale: Scale::shares(1.0, 4),
            unit: "trials in which all holds".to_owned(),
            limit: Some(summary.question.at_least),
            is_less_better: false,
        },
    };
    let holds =
        |row: &SizeRow| row.held as f64 >= summary.question.at_least * summary.question.trials as f64 - 1e-9;
    mark_the_front(&mut spots, upright.is_less_better, holds);
    (upright, spots)
}

/// A size for which all holds is on the front where none that costs as little or less is as good or better.
fn mark_the_front(spots: &mut [Spot<'_>], is_less_better: bool, holds: impl Fn(&SizeRow) -> bool) {
    let badness = |spot: &Spot<'_>| if is_less_better { spot.value } else { -spot.value };
    spots.sort_by(|a, b| a.cost.total_cmp(&b.cost).then(badness(a).total_cmp(&badness(b))));
    let mut best = f64::INFINITY;
    for spot in spots.iter_mut().filter(|spot| holds(spot.row)) {
        let own = if is_less_better { spot.value } else { -spot.value };
        spot.is_on_front = own < best;
        best = best.min(own);
    }
}
