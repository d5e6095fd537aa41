//! Conformance: cases that were taken from the real components, and how many of them the simulator agrees with.
//!
//! The cases lie in `tests/conformance`. The variable `CONFORMANCE_EXTRA` may name more folders of the same layout,
//! with colons between them. Every suite prints one line, `conformance SUITE: agree/total`, and below it the first
//! difference of every case that disagrees. It fails if one of those is not listed in `exceptions.yaml`.

mod cron_next;
mod cronjob_sync;
mod deployment_rollout;
mod e2e_behaviours;
mod e2e_cronjob;
mod golden_hpa;
pub mod golden_job;
pub mod golden_node;
mod golden_sched;
mod hpa_replicas;
mod golden_workload;
mod job_sync;
mod node_lifecycle;
mod restart_backoff;
mod validation;
mod scheduler_tables;

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The cases of one kind and their outcome so far.
pub struct Suite {
    name: &'static str,
    n_agree: usize,
    n_total: usize,
    /// The reasons by case.
    exceptions: BTreeMap<String, String>,
    /// The exceptions whose case was there; the folders may have one more than once.
    met: BTreeSet<String>,
    /// One line per disagreeing case.
    differences: Vec<String>,
    /// What fails the suite.
    faults: Vec<String>,
    /// Cases that are left out, and why.
    left_out: BTreeMap<String, usize>,
}

impl Suite {
    /// Begins a suite with the exceptions that are listed for it.
    pub fn new(name: &'static str) -> Self {
        Self::with_exceptions(name, exceptions(name))
    }

    fn with_exceptions(name: &'static str, exceptions: BTreeMap<String, String>) -> Self {
        Self {
            name,
            n_agree: 0,
            n_total: 0,
            exceptions,
            met: BTreeSet::new(),
            differences: Vec::new(),
            faults: Vec::new(),
            left_out: BTreeMap::new(),
        }
    }

    /// Counts a case; an error is its first difference.
    pub fn case(&mut self, id: &str, outcome: Result<(), String>) {
        self.n_total += 1;
        let reason = self.exceptions.get(id);
        self.met.extend(reason.map(|_| id.to_owned()));
        match (outcome, reason) {
            (Ok(()), None) => self.n_agree += 1,
            (Ok(()), Some(_)) => {
                self.n_agree += 1;
                self.faults.push(format!("{id}: agrees, but is listed as an exception"));
            }
            (Err(difference), None) => {
                self.differences.push(format!("{id}: {difference}"));
                self.faults.push(format!("{id}: disagrees"));
            }
            (Err(difference), Some(reason)) => {
                self.differences.push(format!("{id}: {difference} (exception: {reason})"));
            }
        }
    }

    /// Counts a case that is not run, because it is about something that is not modelled.
    pub fn leave_out(&mut self, reason: &str) {
        *self.left_out.entry(reason.to_owned()).or_default() += 1;
    }

    /// Prints the outcome, past the test harness, which would keep it to itself.
    ///
    /// # Panics
    /// A case disagrees that is not an exception, or an exception is out of date.
    #[track_caller]
    pub fn finish(mut self) {
        let report = self.report();
        io::stdout().lock().write_all(report.as_bytes()).expect("stdout takes the report");
        let missing = self.exceptions.keys().filter(|id| !self.met.contains(*id));
        self.faults.extend(missing.map(|id| format!("{id}: an exception without a case")));
        assert!(self.faults.is_empty(), "conformance {}:\n{}", self.name, self.faults.join("\n"));
    }

    fn report(&self) -> String {
        let mut report = format!("conformance {}: {}/{}\n", self.name, self.n_agree, self.n_total);
        for (reason, n_cases) in &self.left_out {
            report.push_str(&format!("  {n_cases} not run: {reason}\n"));
        }
        for difference in &self.differences {
            report.push_str(&format!("  {difference}\n"));
        }
        report
    }
}

/// The folder of the package, and those named in `CONFORMANCE_EXTRA`.
pub fn folders() -> Vec<PathBuf> {
    let extra = env::var_os("CONFORMANCE_EXTRA").unwrap_or_default();
    let extra = env::split_paths(&extra).filter(|folder| !folder.as_os_str().is_empty());
    [built_in()].into_iter().chain(extra).collect()
}

/// The file of this name in every folder that has it; the first folder must.
pub fn files(name: &str) -> Vec<PathBuf> {
    assert!(built_in().join(name).is_file(), "{name} is a part of the package");
    folders().into_iter().map(|folder| folder.join(name)).filter(|path| path.is_file()).collect()
}

/// Reads a YAML file as a JSON value.
pub fn yaml(path: &Path) -> Value {
    serde_yaml::from_str(&text(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Reads a file of one JSON value per line.
pub fn jsonl(path: &Path) -> Vec<Value> {
    let text = text(path);
    let values = text.lines().enumerate().map(|(i, line)| {
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{}:{}: {error}", path.display(), i + 1))
    });
    values.collect()
}

/// Compares what was found with what is expected.
pub fn same<T: PartialEq + std::fmt::Debug>(found: &T, expected: &T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("found {found:?}, expected {expected:?}")) }
}

fn built_in() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance")
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn exceptions(suite: &str) -> BTreeMap<String, String> {
    let list = yaml(&built_in().join("exceptions.yaml"));
    let field = |entry: &Value, name: &str| {
        entry[name].as_str().unwrap_or_else(|| panic!("an exception has a text as `{name}`")).to_owned()
    };
    let entries = list.as_array().expect("exceptions.yaml is a list").iter();
    entries
        .filter(|entry| field(entry, "suite") == suite)
        .map(|entry| (field(entry, "id"), field(entry, "reason")))
        .collect()
}

#[test]
fn a_suite_reports_every_difference_and_fails_for_those_not_excepted() {
    let listed = |ids: &[&str]| ids.iter().map(|id| (id.to_string(), "known".to_owned())).collect();
    let mut suite = Suite::with_exceptions("demo", listed(&["b", "c"]));
    suite.case("a", Ok(()));
    suite.case("b", Err("1 is not 2".to_owned()));
    assert_eq!(suite.report(), "conformance demo: 1/2\n  b: 1 is not 2 (exception: known)\n");
    assert!(suite.faults.is_empty());
    suite.case("c", Ok(()));
    suite.case("d", same(&1, &2));
    assert_eq!(suite.faults, ["c: agrees, but is listed as an exception", "d: disagrees"]);
    assert!(suite.report().ends_with("\n  d: found 1, expected 2\n"));
}
