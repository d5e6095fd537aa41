//! What came of a folder of scenarios that was run like a test suite.
//!
//! Text, JSON, Markdown and JUnit XML are four renderings of it. Times are virtual.

use serde::Serialize;

use crate::component::Observer;
use crate::experiment::trial::Trial;
use crate::report::markdown;
use crate::report::summary::{ExpectationRow, expectation_rows, seconds};
use crate::report::text::{failure_lines, span};

/// The version of the JSON format.
pub const FORMAT: &str = "sim/test/v1";

/// What came of all tests.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Suite {
    /// The version of this format.
    pub format: &'static str,
    /// The version of the program.
    pub sim_version: &'static str,
    /// Whether every scenario could be played and every expectation holds.
    pub ok: bool,
    /// The tests, in the order of the files.
    pub tests: Vec<TestRow>,
    /// Files without a Scenario: manifests that belong to others.
    pub skipped_files: usize,
}

/// A scenario, or a variant of one, as a test.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TestRow {
    /// The file.
    pub file: String,
    /// The variant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// What came of it.
    pub outcome: TestOutcome,
    /// What is wrong with the files, where it could not be played.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The run, where there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<TestRun>,
}

/// The run of a test.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TestRun {
    /// The scenario's name.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// When it ended [s].
    pub ended_at: f64,
    /// The expectations that were judged.
    pub expectations: Vec<ExpectationRow>,
    /// How many events were handled.
    pub events: u64,
    /// The hash over all changes.
    pub digest: String,
    /// The command that plays it alone.
    pub reproduce: String,
}

/// What came of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TestOutcome {
    /// All expectations hold.
    Ok,
    /// Some expectation does not.
    Failed,
    /// The scenario could not be played.
    Error,
}

impl TestOutcome {
    /// As it is shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "FAILED",
            Self::Error => "error",
        }
    }
}

/// How many there are of something, and how many of these are well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// So many are well.
    pub n_ok: usize,
    /// Of so many.
    pub n: usize,
}

impl TestRow {
    /// A test that was played.
    pub fn played<O: Observer>(
        file: String,
        variant: Option<String>,
        trial: &Trial<O>,
        reproduce: String,
    ) -> Self {
        let scenario = trial.simulation.scenario();
        let expectations = expectation_rows(trial);
        let holds = expectations.iter().all(|row| row.holds);
        let run = TestRun {
            scenario: scenario.name.to_string(),
            seed: scenario.seed,
            ended_at: seconds(trial.end),
            events: trial.simulation.n_events(),
            digest: trial.digest(),
            reproduce,
            expectations,
        };
        let outcome = if holds { TestOutcome::Ok } else { TestOutcome::Failed };
        Self { file, variant, outcome, error: None, run: Some(run) }
    }

    /// A test that could not be played.
    pub fn broken(file: String, variant: Option<String>, error: &str) -> Self {
        let error = Some(error.trim_end().to_owned());
        Self { file, variant, outcome: TestOutcome::Error, error, run: None }
    }

    /// The file, and the variant where there are some.
    pub fn title(&self) -> String {
        match &self.variant {
            Some(variant) => format!("{} {variant}", self.file),
            None => self.file.clone(),
        }
    }

    /// How many of the expectations hold.
    pub fn expectations(&self) -> Share {
        let rows = self.run.iter().flat_map(|run| &run.expectations);
        Share { n_ok: rows.clone().filter(|row| row.holds).count(), n: rows.count() }
    }

    /// `3 of 3 hold`
    fn result(&self) -> String {
        let Share { n_ok, n } = self.expectations();
        match (self.outcome, n) {
            (TestOutcome::Error, _) => String::new(),
            (_, 0) => "expects nothing".to_owned(),
            _ => format!("{n_ok} of {n} hold"),
        }
    }
}

impl Suite {
    /// The suite of these tests.
    pub fn of(tests: Vec<TestRow>, skipped_files: usize) -> Self {
        let ok = tests.iter().all(|test| test.outcome == TestOutcome::Ok);
        Self { format: FORMAT, sim_version: env!("CARGO_PKG_VERSION"), ok, tests, skipped_files }
    }

    /// How many tests came out so.
    pub fn count(&self, outcome: TestOutcome) -> usize {
        self.tests.iter().filter(|test| test.outcome == outcome).count()
    }

    /// How many of all expectations hold.
    pub fn expectations(&self) -> Share {
        let shares = self.tests.iter().map(TestRow::expectations);
        shares.fold(Share { n_ok: 0, n: 0 }, |sum, own| Share { n_ok: sum.n_ok + own.n_ok, n: sum.n + own.n })
    }

    /// `27 of 29 ok, 1 failed, 1 error; 75 of 78 expectations hold`
    fn totals(&self) -> String {
        let mut parts = vec![format!("{} of {} ok", self.count(TestOutcome::Ok), self.tests.len())];
        for (outcome, word) in [(TestOutcome::Failed, "failed"), (TestOutcome::Error, "could not be played")]
        {
            let count = self.count(outcome);
            parts.extend((count > 0).then(|| format!("{count} {word}")));
        }
        let Share { n_ok, n } = self.expectations();
        format!("{}; {n_ok} of {n} expectations hold", parts.join(", "))
    }
}

/// A line per test, what failed below it, and the totals.
pub fn text(suite: &Suite) -> String {
    let width = suite.tests.iter().map(|test| test.title().chars().count()).max().unwrap_or(0);
    let mut out = String::new();
    for test in &suite.tests {
        let line = format!("{:<7} {:<width$}  {}", test.outcome.as_str(), test.title(), test.result());
        out.push_str(line.trim_end());
        out.push('\n');
        for line in details(test) {
            out.push_str(&format!("        {line}\n"));
        }
    }
    out.push_str(&format!("\ntests   {}\n", suite.totals()));
    if suite.skipped_files > 0 {
        let noun = if suite.skipped_files == 1 { "file" } else { "files" };
        out.push_str(&format!("besides {} {noun} without a Scenario\n", suite.skipped_files));
    }
    out
}

/// What is wrong with a test.
fn details(test: &TestRow) -> Vec<String> {
    let failed = test.run.iter().flat_map(|run| &run.expectations).filter(|row| !row.holds);
    let errors = test.error.iter().flat_map(|error| error.lines()).map(str::to_owned);
    failed.flat_map(failure_lines).chain(errors).collect()
}

/// A summary for a pull request: the totals, what failed, and a table of all tests.
pub fn markdown(suite: &Suite) -> String {
    let head = if suite.ok { "ok" } else { "FAILED" };
    let mut out = format!("### sim test: {head}\n\n{}\n", suite.totals());
    for test in suite.tests.iter().filter(|test| test.outcome != TestOutcome::Ok) {
        out.push_str(&format!("\n**{}** {}\n\n", test.outcome.as_str(), markdown::code(&test.title())));
        if let Some(error) = &test.error {
            out.push_str(&markdown::block(error));
        }
        if let Some(run) = &test.run {
            out.push_str(&markdown::failed_expectations(&run.expectations));
            out.push_str(&format!("\nagain: {}\n", markdown::code(&run.reproduce)));
        }
    }
    let heads = ["scenario", "result", "expectations", "ended at", "digest"];
    let rows = suite.tests.iter().map(|test| {
        let run = test.run.as_ref();
        vec![
            markdown::code(&test.title()),
            test.outcome.as_str().to_owned(),
            test.result(),
            run.map(|run| span(run.ended_at)).unwrap_or_default(),
            run.map(|run| markdown::code(&run.digest)).unwrap_or_default(),
        ]
    });
    out.push_str(&format!("\n{}", markdown::table(&heads, rows)));
    out.push_str(&format!("\nsim {}; times are virtual\n", suite.sim_version));
    out
}
