//! The page of a sweep: what `sim sweep --report` and `sim merge --report` write.
//!
//! A curve of each outcome along each axis, with other axes averaged over; a heat map where there are two axes; for
//! instants of failure, which one hurts most; the table of all points.

mod curves;
mod maps;
mod table;

use std::collections::BTreeSet;

use crate::engine::SimDuration;
use crate::experiment::measures::{Better, EXPECTATIONS_MET, Unit};
use crate::experiment::statistics::{Estimate, share_interval};
use crate::report::chart::scale::{Scale, Tick};
use crate::report::comparison::amount;
use crate::report::folder::Report;
use crate::report::page::data::Dataset;
use crate::report::page::table::Tone;
use crate::report::page::{self, Fact, Page, Section, Verdict};
use crate::report::sweep::{Column, Head, RunRow, columns, is_failure, worst_points};

/// The version of the JSON format.
pub const FORMAT: &str = "sim/report/v1";

/// What the page is made from.
#[derive(Clone, Copy)]
pub struct SweepReport<'a> {
    /// Which sweep it is.
    pub head: &'a Head,
    /// Its runs, in the order of the grid.
    pub rows: &'a [RunRow],
    /// The command that gives the same again.
    pub reproduce: &'a str,
}

/// A section with its data.
struct Chapter {
    section: Section,
    data: Vec<Dataset>,
}

/// The report of a sweep.
pub fn report(report: &SweepReport<'_>) -> Report {
    page_of(report).report()
}

fn page_of(report: &SweepReport<'_>) -> Page {
    let outcomes = outcomes(report);
    let axes: Vec<SweepAxis> = (0..report.head.axes.len()).map(|at| SweepAxis::of(report, at)).collect();
    let chapters = [
        curves::chapter(report, &axes, &outcomes),
        maps::chapter(report, &axes, &outcomes),
        Some(table::chapter(report)),
    ];
    let (mut sections, mut data) = (Vec::new(), Vec::new());
    for chapter in chapters.into_iter().flatten() {
        sections.push(chapter.section);
        data.extend(chapter.data);
    }
    let json = page::data::json(FORMAT, "sweep", report.head, &data);
    Page {
        title: report.head.scenario.clone(),
        description: report.head.description.clone(),
        verdict: verdict(report),
        assumptions: report.head.assumptions.clone(),
        sections,
        data,
        json,
    }
}

/// Something that came out of the runs.
struct Outcome {
    title: String,
    unit: Unit,
    kind: OutcomeKind,
}

/// A mean over runs.
#[derive(Debug, Clone, Copy)]
struct Mean {
    mean: f64,
    /// Its 95 % interval.
    interval: Option<(f64, f64)>,
    /// The number of runs.
    n: usize,
}

enum OutcomeKind {
    /// The share of the runs in which all expectations hold.
    Ok,
    /// A measure, by its key in the rows.
    Measure(String),
}

impl Outcome {
    /// Its value in a run.
    fn value(&self, row: &RunRow) -> Option<f64> {
        match &self.kind {
            OutcomeKind::Ok => Some(f64::from(u8::from(row.ok))),
            OutcomeKind::Measure(key) => row.measures.get(key).copied(),
        }
    }

    /// Its mean over some runs, and the interval of that where there are several.
    fn mean<'a>(&self, rows: impl Iterator<Item = &'a RunRow>) -> Option<Mean> {
        let values: Vec<f64> = rows.filter_map(|row| self.value(row)).collect();
        let (estimate, n) = (Estimate::of(&values)?, values.len());
        let interval = match self.kind {
            OutcomeKind::Ok => share_interval(values.iter().filter(|value| **value > 0.0).count(), n),
            OutcomeKind::Measure(_) => (estimate.low(), estimate.high()),
        };
        Some(Mean { mean: estimate.mean, interval: (n > 1).then_some(interval), n })
    }

    /// A scale from zero to the greatest of some values, and its unit.
    fn scale(&self, max: f64) -> Scale {
        match self.unit {
            Unit::Seconds => Scale::spans(max, 4),
            Unit::Share => Scale::shares(max, 4),
            _ => Scale::numbers(max, 4),
        }
    }

    fn label(&self) -> String {
        match self.unit {
            Unit::PerSecond => format!("{}, per second", self.title),
            Unit::Cores => format!("{}, cores", self.title),
            Unit::Bytes => format!("{}, bytes", self.title),
            Unit::CostPerHour => format!("{}, per hour", self.title),
            Unit::Seconds | Unit::Share | Unit::Count | Unit::Cost => self.title.clone(),
        }
    }
}

/// Whether all expectations hold, where runs differ in that, and every measure with a good direction that is not the
/// same everywhere; of several that say much the same, one.
fn outcomes(report: &SweepReport<'_>) -> Vec<Outcome> {
    let differs = |outcome: &Outcome| {
        let mut values = report.rows.iter().filter_map(|row| outcome.value(row));
        let first = values.next();
        values.any(|value| Some(value) != first)
    };
    let ok = Outcome {
        title: "runs with all expectations met".to_owned(),
        unit: Unit::Share,
        kind: OutcomeKind::Ok,
    };
    let is_told = |column: &Column| {
        column.kind.better != Better::Neither && column.kind.is_headline() && column.kind != EXPECTATIONS_MET
    };
    let measures = columns(report.rows).into_iter().filter(is_told).map(|column| Outcome {
        title: column.title,
        unit: column.kind.unit,
        kind: OutcomeKind::Measure(column.key),
    });
    [ok].into_iter().chain(measures).filter(differs).collect()
}

/// An axis with its values in the order of the grid.
struct SweepAxis {
    /// Its number.
    at: usize,
    /// As the head has it.
    name: String,
    /// As they are written.
    values: Vec<String>,
    /// As numbers, where all of them are some.
    numbers: Option<Numbers>,
}

enum Numbers {
    /// Plain ones.
    Plain(Vec<f64>),
    /// Times [s].
    Times(Vec<f64>),
}

impl SweepAxis {
    fn of(report: &SweepReport<'_>, at: usize) -> Self {
        let mut known = BTreeSet::new();
        let values = report.rows.iter().filter_map(|row| row.point.get(at));
        let values: Vec<String> = values.filter(|value| known.insert(value.as_str())).cloned().collect();
        let plain: Option<Vec<f64>> = values.iter().map(|value| value.parse().ok()).collect();
        let time = |value: &String| value.parse::<SimDuration>().ok().map(SimDuration::as_secs_f64);
        let times: Option<Vec<f64>> = values.iter().map(time).collect();
        let numbers = plain.map(Numbers::Plain).or_else(|| times.map(Numbers::Times));
        Self { at, name: report.head.axes[at].clone(), values, numbers }
    }

    /// The place of each value along the axis.
    fn places(&self) -> Vec<f64> {
        match &self.numbers {
            Some(Numbers::Plain(numbers) | Numbers::Times(numbers)) => numbers.clone(),
            None => (0..self.values.len()).map(|at| at as f64).collect(),
        }
    }

    /// A scale that holds all values.
    fn scale(&self, n_ticks: usize) -> Scale {
        let places = self.places();
        let (low, high) =
            places.iter().fold((f64::MAX, f64::MIN), |(low, high), it| (low.min(*it), high.max(*it)));
        match &self.numbers {
            Some(Numbers::Times(_)) => Scale::time(low, high, n_ticks),
            Some(Numbers::Plain(numbers)) => {
                let tick = |(at, label): (&f64, &String)| Tick { at: *at, label: label.clone() };
                Scale::marked(low, high, numbers.iter().zip(&self.values).map(tick).collect())
            }
            None => {
                let tick = |(at, label): (usize, &String)| Tick { at: at as f64, label: label.clone() };
                Scale::marked(-0.5, high + 0.5, self.values.iter().enumerate().map(tick).collect())
            }
        }
    }

    /// The runs with a value of this axis.
    fn rows<'a>(&self, report: &SweepReport<'a>, value: &str) -> impl Iterator<Item = &'a RunRow> {
        let at = self.at;
        report.rows.iter().filter(move |row| row.point.get(at).is_some_and(|own| own == value))
    }
}

fn verdict(report: &SweepReport<'_>) -> Verdict {
    let (n, n_ok) = (report.rows.len(), report.rows.iter().filter(|row| row.ok).count());
    let (tone, headline) = match n_ok {
        _ if n == 0 => (Tone::Plain, "No run".to_owned()),
        n_ok if n_ok == n => (Tone::Good, format!("All expectations hold in all {n} runs")),
        n_ok => (Tone::Bad, format!("All expectations hold in {n_ok} of {n} runs")),
    };
    let worst = worst_points(report.head, report.rows);
    let lines = worst.iter().map(|worst| {
        format!("{} is at its worst, {}, with {}", worst.title, amount(worst.unit, worst.value), worst.place)
    });
    let trials = match report.head.trials {
        1 => "one run of each point: no intervals".to_owned(),
        n => format!("{n} runs of each point, with the same {n} seeds; 95 % intervals"),
    };
    let n_points = n / report.head.trials.max(1);
    let mut facts = vec![
        Fact::new("Grid", format!("{n_points} points of {}", report.head.axes.join(" × "))),
        Fact::new("Confidence", trials),
    ];
    if n < report.head.runs {
        let missing = Fact::new(
            "Missing",
            format!("{} of {} runs: other shards have them", report.head.runs - n, report.head.runs),
        );
        facts.push(Fact { tone: Tone::Bad, ..missing });
    }
    Verdict { tone, headline, lines: lines.collect(), facts, reproduce: report.reproduce.to_owned() }
}

/// Whether an axis is one of instants at which something fails.
fn is_of_failures(axis: &SweepAxis) -> bool {
    is_failure(&axis.name)
}
