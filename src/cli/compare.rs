//! `sim compare`

use std::io::{IsTerminal, Write, stderr};
use std::num::NonZeroUsize;

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::args::{CompareArgs, InputArgs, ReportFormat};
use crate::cli::{CliError, Outcome, folder, input, output};
use crate::experiment::comparison::{self, Comparison, Contender};
use crate::experiment::trials::Workers;
use crate::report::compare_page::{self, CompareReport};
use crate::report::comparison::{self as report, ComparisonSummary};
use crate::report::folder::Report;
use crate::report::markdown;

/// `sim compare`
pub(super) fn compare(args: &CompareArgs, out: &mut impl Write) -> Result<Outcome, CliError> {
    if let Some(report) = &args.report {
        folder::prepare(report)?;
    }
    let contenders = contenders(args)?;
    let n_trials = args.trials.get();
    let first_seed = contenders[0].scenario.seed;
    let bar = progress_bar(contenders.len() * n_trials);
    let workers = args.workers.map_or(Workers::Cores, Workers::Fixed);
    let comparison = comparison::compare(&contenders, first_seed, n_trials, workers, || bar.inc(1));
    bar.finish_and_clear();
    let summary = report::summarise(&comparison, command_line(args, first_seed));
    if let Some(report) = &args.report {
        let page = page(args, &contenders, &comparison, &summary)?;
        folder::write(&page, report)?;
    }
    let text = match args.output {
        ReportFormat::Text => report::text(&comparison, &summary),
        ReportFormat::Json => output::json(&summary)?,
        ReportFormat::Yaml => output::yaml(&summary)?,
        ReportFormat::Markdown => markdown::compare(&comparison, &summary),
    };
    out.write_all(text.as_bytes()).map_err(anyhow::Error::from)?;
    Ok(Outcome::Ok)
}

/// The page of a comparison. It is called as the scenario that has the variants.
fn page(
    args: &CompareArgs,
    contenders: &[Contender],
    comparison: &Comparison,
    summary: &ComparisonSummary,
) -> Result<Report, CliError> {
    let names: Vec<&str> = contenders.iter().map(|contender| contender.name.as_str()).collect();
    let (scenarios, _) = input::scenario_files(&args.input)?;
    let base = if scenarios.len() > 1 { None } else { Some(input::load_quietly(&args.input)?.scenario) };
    let title = base.as_ref().map_or_else(|| names.join(" / "), |scenario| scenario.name.to_string());
    let description = base.as_ref().and_then(|scenario| scenario.description.as_deref()).unwrap_or_default();
    let assumptions: Vec<Vec<String>> =
        contenders.iter().map(|contender| contender.scenario.assumptions.clone()).collect();
    let report = CompareReport { comparison, summary, title: &title, description, assumptions: &assumptions };
    Ok(compare_page::report(&report))
}

/// The variants of one Scenario, or several Scenario files, each with the files that are none.
fn contenders(args: &CompareArgs) -> Result<Vec<Contender>, CliError> {
    let (scenarios, others) = input::scenario_files(&args.input)?;
    if scenarios.len() > 1 {
        let with_others = |file| [vec![file], others.clone()].concat();
        let inputs =
            scenarios.into_iter().map(|file| InputArgs { files: with_others(file), ..args.input.clone() });
        return inputs.map(|input| contender(&input, None)).collect();
    }
    let variants = input::load(&args.input)?.variants;
    if variants.len() < 2 {
        let hint = "nothing to compare: the scenario has fewer than two `spec.variants`; name several Scenario files, \
            or give it some";
        return Err(CliError::BadInput(hint.to_owned()));
    }
    variants.into_iter().map(|name| contender(&args.input, Some(name))).collect()
}

/// A scenario, or a variant of it, under its name.
fn contender(input: &InputArgs, variant: Option<String>) -> Result<Contender, CliError> {
    let scenario = input::load(&InputArgs { variant: variant.clone(), ..input.clone() })?.scenario;
    Ok(Contender { name: variant.unwrap_or_else(|| scenario.name.to_string()), scenario })
}

fn command_line(args: &CompareArgs, seed: u64) -> String {
    let mut words = vec!["sim compare".to_owned()];
    words.extend(input::words(&args.input, seed));
    words.push(format!("--trials {}", args.trials));
    words.join(" ")
}

/// A bar over runs on a terminal, with their rate and what is left; hidden elsewhere.
pub(super) fn progress_bar(n_runs: usize) -> ProgressBar {
    if !stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {pos} of {len} runs, {per_sec}, {eta} left");
    ProgressBar::new(n_runs as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// How many trials where nothing is said.
pub(super) const TRIALS_DEFAULT: NonZeroUsize = NonZeroUsize::new(30).expect("30 is not zero");
