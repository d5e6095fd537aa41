//! `sim capacity`: how small a cluster, a workload or a parameter may be.

use std::io::Write;
use std::sync::Arc;

use indicatif::ProgressBar;
use serde::Serialize;

use crate::cli::args::ReportFormat;
use crate::cli::args::capacity::{CapacityArgs, range_words};
use crate::cli::compare::progress_bar;
use crate::cli::input::{self, Input};
use crate::cli::{CliError, Outcome, folder};
use crate::engine::SimTime;
use crate::experiment::capacity::question::Question;
use crate::experiment::capacity::search::{Reach, Size};
use crate::experiment::capacity::{self, Progress, fit};
use crate::experiment::sweep::Settings;
use crate::experiment::trials::Workers;
use crate::manifest::load::Options;
use crate::model::capacity::Capacity;
use crate::model::ids::Kind;
use crate::model::scenario::Scenario;
use crate::report::capacity::{self as report, fit as fit_report, page, text};
use crate::report::markdown;

/// `sim capacity`
pub(super) fn capacity(args: &CapacityArgs, out: &mut impl Write) -> Result<Outcome, CliError> {
    if let Some((kind, name)) = &args.fit {
        return count_copies(args, *kind, name, out);
    }
    let input = Input::read(&args.input)?;
    let loaded = input.load(input::options(&args.input))?;
    eprint!("{}", loaded.warnings);
    let asked = asked(args, &loaded.scenario.capacity);
    let reach = if args.exhaustive { Reach::All } else { Reach::Bisect };
    let question =
        Question::of(&asked, &loaded, reach).map_err(|error| CliError::BadInput(error.to_string()))?;
    if let Some(report) = &args.report {
        folder::prepare(report)?;
    }
    let bar = Bar(progress_bar(0));
    let workers = args.workers.map_or(Workers::Cores, Workers::Fixed);
    let mut make = |size: &Size| scenario(&input, args, &question, size);
    let answer = capacity::answer(&question, workers, &mut make, &bar)?;
    bar.0.finish_and_clear();
    let first_seed = loaded.scenario.seed;
    let summary = report::summarise(&question, &answer, first_seed, command_line(args, first_seed));
    if let Some(report) = &args.report {
        let scenario = &loaded.scenario;
        let about = page::About { name: &scenario.name, description: scenario.description.as_deref() };
        folder::write(&page::report(&summary, about), report)?;
    }
    let answered = Answered {
        summary: &summary,
        sentences: &summary.verdict,
        text: text::text(&summary),
        reproduce: &summary.reproduce,
    };
    answered.write(args.output, out)?;
    Ok(if summary.ok { Outcome::Ok } else { Outcome::NotMet })
}

/// What is asked: what the scenario asks, and the flags where they say otherwise.
fn asked(args: &CapacityArgs, scenario: &Capacity) -> Capacity {
    let ranges: Vec<_> = args.pools.iter().chain(&args.replicas).chain(&args.param).cloned().collect();
    let lost_at: Vec<SimTime> = args.lost_at.iter().map(|span| SimTime::ZERO + *span).collect();
    Capacity {
        ranges: if ranges.is_empty() { scenario.ranges.clone() } else { ranges },
        n_trials: args.trials.map(std::num::NonZeroUsize::get).or(scenario.n_trials),
        at_least: args.at_least.or(scenario.at_least),
        survive: if args.survive.is_empty() { scenario.survive.clone() } else { args.survive.clone() },
        lost_at: if lost_at.is_empty() { scenario.lost_at.clone() } else { lost_at },
    }
}

/// The scenario of a size.
fn scenario(
    input: &Input,
    args: &CapacityArgs,
    question: &Question,
    size: &Size,
) -> Result<Scenario, CliError> {
    let Settings { params, pool_counts } = question.settings(size);
    let mut options = Options { pool_counts, ..input::options(&args.input) };
    options.settings.extend(params);
    let mut scenario = input.load(options)?.scenario;
    question.adjust(&mut scenario, size);
    Ok(scenario)
}

/// How many more copies of a workload's pod fit.
fn count_copies(
    args: &CapacityArgs,
    kind: Kind,
    name: &str,
    out: &mut impl Write,
) -> Result<Outcome, CliError> {
    let scenario = Arc::new(input::load(&args.input)?.scenario);
    let at = args.at.map(|span| SimTime::ZERO + span);
    let fit = fit::fit(&scenario, kind, name, at).map_err(CliError::BadInput)?;
    let workload = format!("{}/{name}", kind.resource());
    let reproduce = command_line(args, scenario.seed);
    let summary = fit_report::summarise(&fit, &workload, &scenario.assumptions, reproduce);
    let answered = Answered {
        summary: &summary,
        sentences: std::slice::from_ref(&summary.verdict),
        text: fit_report::text(&summary),
        reproduce: &summary.reproduce,
    };
    answered.write(args.output, out)?;
    Ok(Outcome::Ok)
}

/// An answer in its forms.
struct Answered<'a, T> {
    /// As data.
    summary: &'a T,
    /// In sentences.
    sentences: &'a [String],
    /// As text.
    text: String,
    /// The command that gives the same again.
    reproduce: &'a str,
}

impl<T: Serialize> Answered<'_, T> {
    fn write(self, format: ReportFormat, out: &mut impl Write) -> Result<(), CliError> {
        let text = match format {
            ReportFormat::Text => self.text,
            ReportFormat::Json => {
                serde_json::to_string_pretty(self.summary).map_err(anyhow::Error::from)? + "\n"
            }
            ReportFormat::Yaml => serde_yaml::to_string(self.summary).map_err(anyhow::Error::from)?,
            ReportFormat::Markdown => markdown::answer(self.sentences, self.reproduce, &self.text),
        };
        out.write_all(text.as_bytes()).map_err(anyhow::Error::from)?;
        Ok(())
    }
}

/// The command that gives the same again.
fn command_line(args: &CapacityArgs, seed: u64) -> String {
    let mut words = vec!["sim capacity".to_owned()];
    words.extend(input::words(&args.input, seed));
    words.extend(args.pools.iter().chain(&args.replicas).chain(&args.param).map(range_words));
    words.extend(args.trials.map(|trials| format!("--trials {trials}")));
    words.extend(args.at_least.map(|share| format!("--at-least {share}")));
    words.extend(args.survive.iter().map(|loss| format!("--survive {}", loss.name())));
    words.extend(args.lost_at.iter().map(|at| format!("--lost-at {at}")));
    words.extend(args.exhaustive.then(|| "--exhaustive".to_owned()));
    words.extend(args.fit.iter().map(|(kind, name)| format!("--fit {}/{name}", kind.resource())));
    words.extend(args.at.map(|at| format!("--at {at}")));
    words.join(" ")
}

/// A bar over the runs that are known to come.
struct Bar(ProgressBar);

impl Progress for Bar {
    fn plan(&self, n_runs: usize) {
        self.0.inc_length(n_runs as u64);
    }

    fn done(&self) {
        self.0.inc(1);
    }
}
