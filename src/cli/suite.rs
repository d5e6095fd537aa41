//! `sim test`: the scenarios of folders as a test suite.
//!
//! A file is a test if a Scenario stands in it; other manifests belong to scenarios and are counted only. A scenario
//! with variants is as many tests as it has variants. Tests run in parallel, results stand in the order of the files.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use crate::cli::args::{InputArgs, ReportFormat, TestArgs};
use crate::cli::compare::progress_bar;
use crate::cli::input::{self, Input};
use crate::cli::{CliError, Outcome, output};
use crate::experiment::trial;
use crate::experiment::trials::{self, Workers};
use crate::manifest::load::Loaded;
use crate::report::junit;
use crate::report::suite::{self, Suite, TestOutcome, TestRow};

/// What a file is to the suite.
enum Found {
    /// It has no Scenario.
    Other,
    /// The tests in it.
    Tests(Vec<Test>),
}

/// A scenario, or a variant of one, that is to be played.
struct Test {
    args: InputArgs,
    loaded: Result<Box<Loaded>, CliError>,
}

/// `sim test`
pub(super) fn test(args: &TestArgs, out: &mut impl Write) -> Result<Outcome, CliError> {
    let files = input::files_below(&args.files)?;
    let workers = args.workers.map_or(Workers::Cores, Workers::Fixed);
    let found = trials::in_parallel(files.len(), workers, |at| tests_in(&files[at], args));
    let found = found.into_iter().collect::<Result<Vec<Found>, CliError>>()?;
    let n_others = found.iter().filter(|found| matches!(found, Found::Other)).count();
    let of_file = |found| match found {
        Found::Other => Vec::new(),
        Found::Tests(tests) => tests,
    };
    let tests: Vec<Test> = found.into_iter().flat_map(of_file).collect();
    if tests.is_empty() {
        let noun = if files.len() == 1 { "file" } else { "files" };
        return Err(CliError::BadInput(format!("no Scenario in {} {noun}: nothing to test", files.len())));
    }
    for test in &tests {
        test.loaded.iter().for_each(|loaded| eprint!("{}", loaded.warnings));
    }
    let bar = progress_bar(tests.len());
    let rows = trials::in_parallel(tests.len(), workers, |at| {
        let row = play(&tests[at]);
        bar.inc(1);
        row
    });
    bar.finish_and_clear();
    let suite = Suite::of(rows, n_others);
    write(&suite, args, out)?;
    if suite.count(TestOutcome::Error) > 0 {
        return Ok(Outcome::BadInput);
    }
    Ok(if suite.ok { Outcome::Ok } else { Outcome::NotMet })
}

/// The tests of a file. A file that cannot be read as YAML or JSON is one, if it means to have a Scenario.
fn tests_in(file: &Path, args: &TestArgs) -> Result<Found, CliError> {
    let own = InputArgs {
        files: vec![file.to_owned()],
        seed: args.seed,
        variant: None,
        set: args.set.clone(),
        fail: Vec::new(),
        allow_unmodelled: args.allow_unmodelled,
    };
    let input = Input::read(&own)?;
    if !input.means_a_scenario() {
        return Ok(Found::Other);
    }
    let test = |args: InputArgs| {
        let loaded = input.load(input::options(&args)).map(Box::new);
        Test { args, loaded }
    };
    let base = test(own);
    let variants = base.loaded.as_ref().map(|loaded| loaded.variants.clone()).unwrap_or_default();
    if variants.is_empty() {
        return Ok(Found::Tests(vec![base]));
    }
    let variants = variants.into_iter().map(|name| InputArgs { variant: Some(name), ..base.args.clone() });
    Ok(Found::Tests(variants.map(test).collect()))
}

fn play(test: &Test) -> TestRow {
    let file = test.args.files[0].display().to_string();
    let variant = test.args.variant.clone();
    match &test.loaded {
        Err(error) => TestRow::broken(file, variant, &error.to_string()),
        Ok(loaded) => {
            let scenario = Arc::new(loaded.scenario.clone());
            let trial = trial::run(&scenario, None, (), |_| {});
            let words = input::words(&test.args, scenario.seed);
            TestRow::played(file, variant, &trial, format!("sim run {}", words.join(" ")))
        }
    }
}

fn write(suite: &Suite, args: &TestArgs, out: &mut impl Write) -> Result<(), CliError> {
    let text = match args.output {
        ReportFormat::Text => suite::text(suite),
        ReportFormat::Markdown => suite::markdown(suite),
        ReportFormat::Json => output::json(suite)?,
        ReportFormat::Yaml => output::yaml(suite)?,
    };
    out.write_all(text.as_bytes()).map_err(anyhow::Error::from)?;
    if let Some(path) = &args.junit {
        output::write_file(path, junit::xml(suite).as_bytes())?;
    }
    if let Some(path) = &args.markdown {
        output::write_file(path, suite::markdown(suite).as_bytes())?;
    }
    Ok(())
}
