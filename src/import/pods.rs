//! Recorded pods as the trace that a Scenario can name.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::import::counted;

/// The longest name of a pod [characters].
const NAME_MAX: usize = 253;

/// A recorded pod. Times are in milliseconds, since whatever instant the recording counts from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PodRow {
    /// Its name, as it was recorded.
    pub(super) name: Option<String>,
    /// When it arrived [ms].
    pub(super) start: i64,
    /// How long it ran [ms].
    pub(super) duration: i64,
    /// The cpu that it asked for [millicores].
    pub(super) cpu_m: u32,
    /// The memory that it asked for [MiB].
    pub(super) memory_mib: u32,
    /// What it exited with.
    pub(super) exit_code: u8,
    /// The cells of further columns.
    pub(super) more: Vec<String>,
}

/// Writes pods as a trace whose first arrival is at 0, with further columns of these names.
pub(super) fn trace(mut rows: Vec<PodRow>, columns: &[&str], notes: &mut Vec<String>) -> String {
    rows.sort_by_key(|row| row.start);
    let first = rows.first().map_or(0, |row| row.start);
    if first != 0 {
        notes.push(format!("arrivals count from the first, which was recorded at {} s", seconds(first)));
    }
    let (mut names, mut n_changed) = (Names::default(), 0);
    let mut text = "name,arrival_s,cpu_m,mem_MiB,duration_s,exit_code".to_owned();
    for column in columns {
        text.push(',');
        text.push_str(column);
    }
    text.push('\n');
    for (number, row) in (1..).zip(&rows) {
        let recorded = row.name.clone().unwrap_or_else(|| format!("pod-{number}"));
        let name = names.unique(&recorded);
        n_changed += usize::from(row.name.is_some() && name != recorded);
        let PodRow { start, duration, cpu_m, memory_mib, exit_code, .. } = row;
        let (arrival, duration) = (seconds(start - first), seconds(*duration));
        let _ = write!(text, "{name},{arrival},{cpu_m},{memory_mib},{duration},{exit_code}");
        for cell in &row.more {
            text.push(',');
            text.push_str(cell);
        }
        text.push('\n');
    }
    if n_changed > 0 {
        notes.push(format!(
            "{} changed, to be unique names that Kubernetes takes",
            counted(n_changed, "name")
        ));
    }
    text
}

/// Milliseconds as seconds, without zeros at the end.
fn seconds(millis: i64) -> String {
    let text =
        format!("{}{}.{:03}", if millis < 0 { "-" } else { "" }, millis.abs() / 1000, millis.abs() % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Names that Kubernetes takes, each given once.
#[derive(Debug, Default)]
pub(super) struct Names {
    given: BTreeMap<String, u32>,
}

impl Names {
    /// A name like this one that Kubernetes takes and that was not given before.
    pub(super) fn unique(&mut self, recorded: &str) -> String {
        let base = dns_name(recorded);
        let mut name = base.clone();
        while let Some(n_given) = self.given.get_mut(&name) {
            *n_given += 1;
            name = format!("{base}-{n_given}");
        }
        self.given.insert(name.clone(), 1);
        name
    }
}

/// A text as a DNS name: lower case, other characters are hyphens, and it begins and ends with a letter or digit.
fn dns_name(text: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = text.chars().take(NAME_MAX - 10).map(letter).collect();
    let name = name.trim_matches('-');
    if name.is_empty() { "pod".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_are_in_order_from_zero_under_names_of_their_own() {
        let row = |name: Option<&str>, start| PodRow {
            name: name.map(str::to_owned),
            start,
            duration: 1500,
            cpu_m: 1,
            memory_mib: 2,
            exit_code: 0,
            more: vec!["3".to_owned()],
        };
        let rows =
            vec![row(Some("B_1"), 9000), row(Some("b-1"), 7500), row(None, 8000), row(Some("__"), 9500)];
        let mut notes = Vec::new();
        assert_eq!(
            trace(rows, &["x/y"], &mut notes),
            "name,arrival_s,cpu_m,mem_MiB,duration_s,exit_code,x/y\n\
             b-1,0,1,2,1.5,0,3\npod-2,0.5,1,2,1.5,0,3\nb-1-2,1.5,1,2,1.5,0,3\npod,2,1,2,1.5,0,3\n"
        );
        assert_eq!(
            notes,
            [
                "arrivals count from the first, which was recorded at 7.5 s",
                "2 names changed, to be unique names that Kubernetes takes"
            ]
        );
    }
}
