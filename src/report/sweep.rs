//! The results of a sweep: one line of JSON per run, the same as CSV, and a table of the points.
//!
//! A file of results begins with a head line that says which sweep it belongs to. Rows stand in the order of the
//! grid; a journal, which is written while runs end, has them as they came.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::experiment::measures::{Better, KINDS, Measure, MeasureKind, Measures, Unit};
use crate::experiment::statistics::Estimate;
use crate::experiment::sweep::RunResult;
use crate::model::scenario::Scenario;
use crate::report::comparison::{LATENCIES, amount, unit_name};
use crate::report::table::Table;

/// The version of the format.
pub const FORMAT: &str = "sim/sweep/v1";
/// Longer tables are cut, with a line that says so.
const ROWS_MAX: usize = 40;

/// The first line of a file of results.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Head {
    /// The version of the format.
    pub format: String,
    /// The version of the program.
    pub sim_version: String,
    /// The hash of the scenario and the grid.
    pub fingerprint: String,
    /// The name of the scenario.
    pub scenario: String,
    /// What it says that it is about.
    pub description: String,
    /// What was assumed.
    pub assumptions: Vec<String>,
    /// The names of the axes.
    pub axes: Vec<String>,
    /// The seeds of each point.
    pub trials: usize,
    /// The number of all runs, of all shards.
    pub runs: usize,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunRow {
    /// The number of the run, from 0.
    pub run: usize,
    /// The values of the axes, in the order of the head.
    pub point: Vec<String>,
    /// The number of the trial of the point, from 0.
    pub trial: usize,
    /// The seed.
    pub seed: u64,
    /// Whether all expectations hold.
    pub ok: bool,
    /// The measures, by name with subject and unit.
    pub measures: BTreeMap<String, f64>,
    /// The digest of the run.
    pub digest: String,
}

impl RunRow {
    /// The row of a run.
    pub fn of(result: &RunResult) -> Self {
        Self {
            run: result.run,
            point: result.point.clone(),
            trial: result.trial,
            seed: result.seed,
            ok: result.ok,
            measures: named(&result.measures),
            digest: result.digest.clone(),
        }
    }
}

/// Measures by name with subject and unit: `ready replicas (web) [count]`.
fn named(measures: &Measures) -> BTreeMap<String, f64> {
    let name = |measure: &Measure| {
        format!("{} [{}]", title(measure.kind, &measure.subject), unit_name(measure.kind.unit))
    };
    measures.0.iter().map(|measure| (name(measure), measure.value)).collect()
}

/// A measure and what it is about.
fn title(kind: MeasureKind, subject: &str) -> String {
    if subject.is_empty() { kind.name.to_owned() } else { format!("{} ({subject})", kind.name) }
}

/// A measure of the rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its key in them.
    pub key: String,
    /// What it is.
    pub kind: MeasureKind,
    /// It and what it is about, in words.
    pub title: String,
}

/// The measures that any row has and that have a good direction, in the order of their kinds.
pub fn columns(rows: &[RunRow]) -> Vec<Column> {
    let keys: BTreeSet<&String> = rows.iter().flat_map(|row| row.measures.keys()).collect();
    let mut columns = Vec::new();
    for kind in KINDS.into_iter().filter(|kind| kind.better != Better::Neither) {
        let ending = format!(" [{}]", unit_name(kind.unit));
        let titles = keys.iter().filter_map(|key| Some((*key, key.strip_suffix(&ending)?)));
        let own = titles.filter(|(_, title)| {
            title.strip_prefix(kind.name).is_some_and(|rest| rest.is_empty() || rest.starts_with(" ("))
        });
        columns.extend(own.map(|(key, title)| Column { key: key.clone(), kind, title: title.to_owned() }));
    }
    columns
}

/// The mean of a measure over some runs, by its key.
pub fn mean(rows: &[RunRow], key: &str) -> Option<f64> {
    let values: Vec<f64> = rows.iter().filter_map(|row| row.measures.get(key).copied()).collect();
    Estimate::of(&values).map(|estimate| estimate.mean)
}

impl Head {
    /// The head of the results of a sweep.
    pub fn of(scenario: &Scenario, fingerprint: String) -> Self {
        let sweep = &scenario.sweep;
        Self {
            format: FORMAT.to_owned(),
            sim_version: env!("CARGO_PKG_VERSION").to_owned(),
            fingerprint,
            scenario: scenario.name.to_string(),
            description: scenario.description.as_deref().unwrap_or_default().to_owned(),
            assumptions: scenario.assumptions.clone(),
            axes: sweep.axes.iter().map(|axis| axis.vary.label()).collect(),
            trials: sweep.n_trials.max(1),
            runs: sweep.n_runs(),
        }
    }
}

/// Head and rows as lines of JSON.
pub fn json_lines(head: &Head, rows: &[RunRow]) -> String {
    let mut out = json_line(head);
    rows.iter().for_each(|row| out.push_str(&json_line(row)));
    out
}

/// A line of JSON with its end.
pub fn json_line(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("maps of texts to numbers are JSON") + "\n"
}

/// Head and rows as CSV: the run, the axes, trial, seed, `ok`, the measures that any run has, and the digest.
pub fn csv(head: &Head, rows: &[RunRow]) -> String {
    let measures: BTreeSet<&String> = rows.iter().flat_map(|row| row.measures.keys()).collect();
    let mut heads = vec!["run".to_owned()];
    heads.extend(head.axes.iter().map(|name| csv_cell(name)));
    heads.extend(["trial", "seed", "ok"].map(str::to_owned));
    heads.extend(measures.iter().map(|name| csv_cell(name)));
    heads.push("digest".to_owned());
    let mut out = heads.join(",") + "\n";
    for row in rows {
        let mut cells = vec![row.run.to_string()];
        cells.extend(row.point.iter().map(|value| csv_cell(value)));
        cells.extend([row.trial.to_string(), row.seed.to_string(), row.ok.to_string()]);
        cells.extend(
            measures.iter().map(|name| row.measures.get(*name).map(f64::to_string).unwrap_or_default()),
        );
        cells.push(row.digest.clone());
        out.push_str(&cells.join(","));
        out.push('\n');
    }
    out
}

/// A cell of CSV, in quotes where it needs them (RFC 4180).
fn csv_cell(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// The points and the means of their measures, as text.
pub fn text(head: &Head, rows: &[RunRow]) -> String {
    let points: Vec<&[RunRow]> = rows.chunk_by(|a, b| a.point == b.point).collect();
    let columns = columns(rows);
    let mut heads: Vec<&str> = head.axes.iter().map(String::as_str).collect();
    heads.push("ok");
    heads.extend(columns.iter().map(|column| column.title.as_str()));
    let mut table = Table::new(&heads);
    for point in points.iter().take(ROWS_MAX) {
        let mut cells = point[0].point.clone();
        cells.push(format!("{}/{}", point.iter().filter(|row| row.ok).count(), point.len()));
        let shown = |column: &Column| mean(point, &column.key).map(|mean| amount(column.kind.unit, mean));
        cells.extend(columns.iter().map(|column| shown(column).unwrap_or_else(|| "-".to_owned())));
        table.row(cells);
    }
    let mut out = worst_instants(head, rows);
    out.push_str(&table.to_string());
    if points.len() > ROWS_MAX {
        out.push_str(&format!(
            "… and {} more points (the file of results has all)\n",
            points.len() - ROWS_MAX
        ));
    }
    if columns.iter().any(|column| column.kind.is_latency()) {
        out.push_str(&format!("{LATENCIES}\n"));
    }
    out
}

/// A point at which a measure is at its worst.
#[derive(Debug, Clone, PartialEq)]
pub struct WorstPoint {
    /// The measure.
    pub title: String,
    /// Its unit.
    pub unit: Unit,
    /// Its mean there.
    pub value: f64,
    /// The values of the axes.
    pub point: Vec<String>,
    /// The same in words.
    pub place: String,
}

/// Whether an axis of this name is one of instants at which something fails.
pub fn is_failure(axis: &str) -> bool {
    axis.starts_with("failNode/") || axis.starts_with("failZone/")
}

/// For a sweep over instants of failure: which instant hurts most, measure by measure.
pub fn worst_points(head: &Head, rows: &[RunRow]) -> Vec<WorstPoint> {
    if !head.axes.iter().any(|axis| is_failure(axis)) {
        return Vec::new();
    }
    let points: Vec<&[RunRow]> = rows.chunk_by(|a, b| a.point == b.point).collect();
    let worst = |column: &Column| {
        let harm = |mean: f64| if column.kind.better == Better::Lower { mean } else { -mean };
        let means: Vec<(f64, &[RunRow])> =
            points.iter().filter_map(|point| Some((mean(point, &column.key)?, *point))).collect();
        let (value, point) =
            means.iter().copied().reduce(|a, b| if harm(b.0) > harm(a.0) { b } else { a })?;
        if means.iter().all(|(other, _)| *other == value) {
            return None;
        }
        let place: Vec<String> =
            head.axes.iter().zip(&point[0].point).map(|(axis, at)| format!("{axis} at {at}")).collect();
        Some(WorstPoint {
            title: column.title.clone(),
            unit: column.kind.unit,
            value,
            point: point[0].point.clone(),
            place: place.join(", "),
        })
    };
    columns(rows).iter().filter_map(worst).collect()
}

/// The same as text.
fn worst_instants(head: &Head, rows: &[RunRow]) -> String {
    let mut out = String::new();
    for worst in worst_points(head, rows) {
        let value = amount(worst.unit, worst.value);
        out.push_str(&format!("worst   {}: {value} with {}\n", worst.title, worst.place));
    }
    if out.is_empty() { out } else { out + "\n" }
}
