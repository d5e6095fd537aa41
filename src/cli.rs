//! The command line: arguments, files, exit codes. The only place with IO and environment.
//!
//! Results go to stdout and depend on nothing but input, seed and version; progress and diagnostics go to stderr.
//! Exit codes: 0 ok · 1 an expectation of the scenario was not met · 2 bad input · 101 a bug.

#![expect(clippy::print_stderr, reason = "diagnostics are for the terminal")]

mod args;
mod capacity;
mod compare;
mod cron;
mod diff;
mod folder;
mod import;
mod input;
mod inspect;
mod output;
mod play;
mod suite;
mod sweep;
mod traces;
mod why;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::cli::args::{Args, Command};

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// All is well.
    Ok,
    /// An expectation was not met.
    NotMet,
    /// Some of the input is bad, which the result says.
    BadInput,
}

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
enum CliError {
    /// The input is bad; the text has a line per diagnostic.
    #[error("{0}")]
    BadInput(String),
    /// Something outside of the program failed.
    #[error("{0:#}")]
    Failed(#[from] anyhow::Error),
}

/// Runs the program.
pub fn main() -> ExitCode {
    let args = Args::parse();
    install_panic_hook();
    let mut out = anstream::AutoStream::auto(io::stdout().lock());
    let outcome = match &args.command {
        Command::Run(run) => play::run(run, &mut out),
        Command::Check(check) => play::check(check, &mut out),
        Command::Test(args) => suite::test(args, &mut out),
        Command::Get(get) => inspect::get(get, &mut out),
        Command::Logs(logs) => inspect::logs(logs, &mut out),
        Command::Events(events) => inspect::events(events, &mut out),
        Command::Why(args) => why::why(args, &mut out),
        Command::Diff(args) => diff::diff(args, &mut out),
        Command::Cron(args) => cron::cron(args, &mut out),
        Command::Sweep(args) => sweep::sweep(args, &mut out),
        Command::Merge(args) => sweep::merge(args, &mut out),
        Command::Capacity(args) => capacity::capacity(args, &mut out),
        Command::Compare(args) => compare::compare(args, &mut out),
        Command::Import(args) => import::import(args, &mut out),
        Command::Schema { markdown } => schema(*markdown, &mut out),
        Command::Completions { shell } => completions(*shell, &mut out),
        Command::Man => man(&mut out),
    };
    let outcome = outcome.and_then(|outcome| match out.flush() {
        Ok(()) => Ok(outcome),
        Err(error) => Err(CliError::Failed(error.into())),
    });
    match outcome {
        Ok(Outcome::Ok) => ExitCode::SUCCESS,
        Ok(Outcome::NotMet) => ExitCode::from(1),
        Ok(Outcome::BadInput) => ExitCode::from(2),
        Err(CliError::Failed(error)) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", error.to_string().trim_end());
            ExitCode::from(2)
        }
    }
}

/// Whoever read our output has read enough.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// A panic is a bug of ours: says so, and what would show it again.
fn install_panic_hook() {
    std::panic::set_hook(Box::new(|panic| {
        let command: Vec<String> = std::env::args().collect();
        eprintln!("sim {} has a bug: {panic}", env!("CARGO_PKG_VERSION"));
        eprintln!("please report it with the files and this command: {}", command.join(" "));
    }));
}

fn schema(is_markdown: bool, out: &mut impl Write) -> Result<Outcome, CliError> {
    let text = if is_markdown {
        crate::report::scenario_docs::markdown()
    } else {
        let schema = schemars::schema_for!(crate::manifest::scenario::ScenarioFile);
        serde_json::to_string_pretty(&schema).map_err(anyhow::Error::from)? + "\n"
    };
    out.write_all(text.as_bytes()).map_err(anyhow::Error::from)?;
    Ok(Outcome::Ok)
}

fn completions(shell: clap_complete::Shell, out: &mut impl Write) -> Result<Outcome, CliError> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "sim", &mut text);
    out.write_all(&text).map_err(anyhow::Error::from)?;
    Ok(Outcome::Ok)
}

fn man(out: &mut impl Write) -> Result<Outcome, CliError> {
    let mut text = Vec::new();
    clap_mangen::Man::new(Args::command()).render(&mut text).map_err(anyhow::Error::from)?;
    out.write_all(&text).map_err(anyhow::Error::from)?;
    Ok(Outcome::Ok)
}
