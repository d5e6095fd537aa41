//! Two runs side by side: what was played, where they part, and what they came to.

use std::fmt::Write;

use serde::Serialize;
use serde_json::Value;

use crate::observe::divergence::Divergence;
use crate::observe::trace::TraceHead;
use crate::observe::trace::reader::TraceLine;
use crate::report::outcome::RunEnd;
use crate::report::table::Table;
use crate::report::text::span;

/// The version of the JSON format.
pub const FORMAT: &str = "sim/diff/v1";
/// Longer details of a change are cut.
const DETAILS_CHARS_MAX: usize = 200;
/// More rows that are the same on both sides are only counted.
const SAME_ROWS_MAX: usize = 20;

/// One of the two runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// What was played.
    pub head: TraceHead,
    /// What came of it.
    pub end: RunEnd,
}

/// Two runs side by side.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// The version of this format.
    pub format: &'static str,
    /// Whether the runs are the same.
    pub same: bool,
    /// The commands that give the two runs.
    pub runs: [String; 2],
    /// How many changes are the same before the first that is not, or in all.
    pub same_changes: usize,
    /// The first change that is not the same; none on a side whose run was over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<[Option<ChangeRow>; 2]>,
    /// What led to it, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<ChangeRow>,
    /// What was played, as far as it differs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub played: Vec<Row>,
    /// What came of it.
    pub outcomes: Vec<Row>,
}

/// A change.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChangeRow {
    /// When [s].
    pub t: f64,
    /// `kind/namespace/name`
    pub object: String,
    /// The change and its details.
    pub what: String,
    /// The event that caused it, and the component that handled it.
    pub cause: String,
}

/// Something on both sides; none where a side does not have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// What.
    pub what: String,
    /// On the first side.
    pub a: Option<String>,
    /// On the second side.
    pub b: Option<String>,
}

impl Row {
    fn is_same(&self) -> bool {
        self.a == self.b
    }
}

/// Puts two runs side by side.
pub fn diff(sides: &[Side; 2], divergence: Result<usize, Divergence>) -> Difference {
    let outcomes = outcomes(&sides[0].end, &sides[1].end);
    let (same_changes, first, causes) = match divergence {
        Ok(n_same) => (n_same, None, Vec::new()),
        Err(Divergence { n_same, sides, chain }) => {
            let first = sides.map(|line| line.as_ref().map(change_row));
            (n_same, Some(first), chain.iter().map(change_row).collect())
        }
    };
    Difference {
        format: FORMAT,
        same: first.is_none() && outcomes.iter().all(Row::is_same),
        runs: [0, 1].map(|side| sides[side].head.reproduce.clone()),
        same_changes,
        first,
        causes,
        played: played(&sides[0].head, &sides[1].head),
        outcomes,
    }
}

fn change_row(line: &TraceLine) -> ChangeRow {
    let mut what = line.change.clone();
    for (field, value) in line.details.iter().filter(|(_, value)| !value.is_null()) {
        let value = match (value.as_str(), value.as_f64()) {
            (Some(text), _) => text.to_owned(),
            (None, Some(number)) => number.to_string(),
            (None, None) => plain(value),
        };
        what.push_str(&format!(" {field}={value}"));
    }
    if what.chars().count() > DETAILS_CHARS_MAX {
        what = what.chars().take(DETAILS_CHARS_MAX).chain(['…']).collect();
    }
    let by = line.component.as_ref().map(|component| format!(" ({component})")).unwrap_or_default();
    let cause =
        if line.cause.is_empty() { "the start of the scenario".to_owned() } else { line.cause.clone() };
    ChangeRow { t: line.t, object: line.object.clone(), what, cause: format!("{cause}{by}") }
}

/// JSON without its quotes, which are in the way of a reader.
fn plain(value: &Value) -> String {
    value.to_string().replace('"', "")
}

/// What was played, as far as it differs.
fn played(a: &TraceHead, b: &TraceHead) -> Vec<Row> {
    let gates = |head: &TraceHead| {
        let gates = head.feature_gates.iter().map(|(gate, is_on)| format!("{gate}={is_on}"));
        gates.collect::<Vec<_>>().join(", ")
    };
    let texts = [
        ("sim", a.sim_version.clone(), b.sim_version.clone()),
        ("scenario", a.scenario.clone(), b.scenario.clone()),
        ("seed", a.seed.to_string(), b.seed.to_string()),
        ("start", a.start_time.clone(), b.start_time.clone()),
        ("Kubernetes", a.kubernetes_version.clone(), b.kubernetes_version.clone()),
        ("gates", gates(a), gates(b)),
        ("timing", a.timing.clone(), b.timing.clone()),
    ];
    let texts = texts.into_iter().map(|(what, a, b)| Row { what: what.to_owned(), a: Some(a), b: Some(b) });
    let timeline = |head: &TraceHead| {
        let entries = head.timeline.iter().map(|entry| format!("{}: {}", span(entry.t), entry.action));
        entries.collect::<Vec<_>>()
    };
    let lists =
        [("timeline", timeline(a), timeline(b)), ("assumed", a.assumptions.clone(), b.assumptions.clone())];
    let lists = lists.into_iter().flat_map(|(what, a, b)| {
        let only = |own: &[String], other: &[String]| {
            own.iter().filter(|text| !other.contains(text)).cloned().collect::<Vec<_>>()
        };
        let (only_a, only_b) = (only(&a, &b), only(&b, &a));
        let n = only_a.len().max(only_b.len());
        (0..n).map(move |at| Row {
            what: what.to_owned(),
            a: only_a.get(at).cloned(),
            b: only_b.get(at).cloned(),
        })
    });
    texts.chain(lists).filter(|row| !row.is_same()).collect()
}

/// What both came to: the rows of the first in their order, then those that only the second has.
fn outcomes(a: &RunEnd, b: &RunEnd) -> Vec<Row> {
    let of = |end: &RunEnd, what: &str, nth: usize| {
        let rows = end.outcomes.iter().filter(|row| row.what == what);
        rows.map(|row| row.outcome.clone()).nth(nth)
    };
    let mut rows: Vec<Row> = Vec::new();
    for what in a.outcomes.iter().chain(&b.outcomes).map(|row| &row.what) {
        let nth = rows.iter().filter(|row| row.what == *what).count();
        let (a, b) = (of(a, what, nth), of(b, what, nth));
        if a.is_some() || b.is_some() {
            rows.push(Row { what: what.clone(), a, b });
        }
    }
    let row = |what: &str, a: String, b: String| Row { what: what.to_owned(), a: Some(a), b: Some(b) };
    rows.push(row("events", a.events.to_string(), b.events.to_string()));
    rows.push(row("digest", a.digest.clone(), b.digest.clone()));
    rows
}

/// The difference as text.
pub fn text(difference: &Difference) -> String {
    let mut out = String::new();
    let _ = match (&difference.first, difference.same) {
        (None, true) => writeln!(out, "no difference: {} changes are the same", difference.same_changes),
        (None, false) => writeln!(
            out,
            "no change differs, of {}: only what the outcomes say, as of the load",
            difference.same_changes
        ),
        (Some(first), _) => write_first(&mut out, difference, first),
    };
    section(&mut out, table("PLAYED", difference.played.iter()));
    let (same, different): (Vec<&Row>, Vec<&Row>) = difference.outcomes.iter().partition(|row| row.is_same());
    let is_shown = |row: &&Row| !row.is_same() || same.len() <= SAME_ROWS_MAX || difference.same;
    let shown: Vec<&Row> = difference.outcomes.iter().filter(is_shown).collect();
    section(&mut out, table("OUTCOME", shown.iter().copied()));
    if shown.len() < difference.outcomes.len() {
        let _ = writeln!(out, "… and {} rows that are the same (-o json lists all)", same.len());
    }
    if !different.is_empty() {
        let _ = writeln!(out, "\n{} of {} outcomes differ (!)", different.len(), difference.outcomes.len());
    }
    out
}

fn write_first(
    out: &mut String,
    difference: &Difference,
    first: &[Option<ChangeRow>; 2],
) -> std::fmt::Result {
    writeln!(out, "first difference after {} changes that are the same", difference.same_changes)?;
    for (side, (letter, run)) in ["A", "B"].into_iter().zip(&difference.runs).enumerate() {
        writeln!(out, "\n{letter}  {run}")?;
        match &first[side] {
            None => writeln!(out, "   the run is over")?,
            Some(row) => {
                writeln!(out, "   {}  {}  {}", span(row.t), row.object, row.what)?;
                writeln!(out, "   caused by {}", row.cause)?;
            }
        }
    }
    if !difference.causes.is_empty() {
        writeln!(out, "\nwhat led to it, on both sides")?;
    }
    let width = difference.causes.iter().map(|row| span(row.t).len()).max().unwrap_or(0);
    for row in &difference.causes {
        writeln!(out, "  {:<width$}  {}  {}  by {}", span(row.t), row.object, row.what, row.cause)?;
    }
    Ok(())
}

fn section(out: &mut String, table: Table) {
    if !table.is_empty() {
        out.push('\n');
        out.push_str(&table.without_empty_columns().to_string());
    }
}

fn table<'a>(title: &str, rows: impl Iterator<Item = &'a Row>) -> Table {
    let mut table = Table::new(&[title, "A", "", "B"]);
    for row in rows {
        let shown = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let mark = if row.is_same() { "" } else { "!" };
        table.row([row.what.clone(), shown(&row.a), mark.to_owned(), shown(&row.b)]);
    }
    table
}
