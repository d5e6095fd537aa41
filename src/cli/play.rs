//! `sim run` and `sim check`.

use std::fs::File;
use std::io::{BufWriter, IsTerminal, Write, stderr};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::args::{InputArgs, ReportFormat, RunArgs};
use crate::cli::{CliError, Outcome, folder, input, output};
use crate::component::Observer;
use crate::engine::SimTime;
use crate::experiment::trial::{self, Seen, Trial};
use crate::experiment::twice;
use crate::model::ids::Kind;
use crate::model::scenario::{Horizon, Scenario};
use crate::observe::trace::TraceWriter;
use crate::report::markdown;
use crate::report::run_page::{self, RunReport};
use crate::report::summary::{self, RunSummary};
use crate::report::text;
use crate::sim::Simulation;

/// `sim run`
pub(super) fn run(args: &RunArgs, out: &mut impl Write) -> Result<Outcome, CliError> {
    let loaded = input::load(&args.input)?;
    if args.input.variant.is_none() && !loaded.variants.is_empty() {
        let names = loaded.variants.join(", ");
        eprintln!("the scenario has the variants {names}: --variant plays one, `sim compare` all");
    }
    let scenario = Arc::new(loaded.scenario);
    let until = args.until.map(|span| SimTime::ZERO + span);
    if args.twice
        && let Some(difference) = twice::first_difference(&scenario, until)
    {
        return Err(CliError::BadInput(format!("two runs differ, which is a bug of sim: {difference}")));
    }
    if let Some(report) = &args.report {
        folder::prepare(report)?;
    }
    let trace = args.trace.as_deref().map(trace_writer).transpose()?;
    let bar = progress_bar(&scenario, until);
    let trial = trial::run(&scenario, until, trace, |simulation| show_progress(&bar, simulation));
    bar.finish_and_clear();
    let summary = summarise(&trial, args);
    if let Some(report) = &args.report {
        let run = RunReport { summary: &summary, description: scenario.description.as_deref() };
        folder::write(&run_page::report(&run), report)?;
    }
    if let (_, Some(trace)) = trial.simulation.into_observer() {
        trace.finish().context("the trace cannot be written")?;
    }
    write_summary(&summary, args.output, out)?;
    Ok(if summary.ok { Outcome::Ok } else { Outcome::NotMet })
}

fn summarise<O: Observer>(trial: &Trial<O>, args: &RunArgs) -> RunSummary {
    summary::summarise(trial, command_line(args, trial))
}

/// The command that gives the same result again.
fn command_line<O: Observer>(args: &RunArgs, trial: &Trial<O>) -> String {
    let mut words = vec!["sim run".to_owned()];
    words.extend(input::words(&args.input, trial.simulation.scenario().seed));
    words.extend(args.until.map(|until| format!("--until {until}")));
    words.join(" ")
}

fn write_summary(summary: &RunSummary, format: ReportFormat, out: &mut impl Write) -> Result<(), CliError> {
    let text = match format {
        ReportFormat::Text => text::run(summary),
        ReportFormat::Json => output::json(summary)?,
        ReportFormat::Yaml => output::yaml(summary)?,
        ReportFormat::Markdown => markdown::run(summary),
    };
    out.write_all(text.as_bytes()).map_err(anyhow::Error::from)?;
    Ok(())
}

fn trace_writer(path: &Path) -> Result<TraceWriter<BufWriter<File>>, CliError> {
    let file = File::create(path).with_context(|| format!("{}: cannot be created", path.display()))?;
    Ok(TraceWriter::new(BufWriter::new(file)))
}

/// A bar over virtual time on a terminal; hidden elsewhere, and in short runs, which end before it is drawn.
fn progress_bar(scenario: &Scenario, until: Option<SimTime>) -> ProgressBar {
    if !stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let (Horizon::At(end) | Horizon::Quiet(end)) = scenario.horizon;
    let style =
        ProgressStyle::with_template("{bar:30} {msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(until.unwrap_or(end).as_secs()).with_style(style)
}

fn show_progress<O: Observer>(bar: &ProgressBar, simulation: &Simulation<Seen<O>>) {
    bar.set_position(simulation.now().as_secs());
    bar.set_message(format!("{} events, at {}", simulation.n_events(), simulation.now()));
}

/// `sim check`
pub(super) fn check(args: &InputArgs, out: &mut impl Write) -> Result<Outcome, CliError> {
    let loaded = input::load_quietly(args)?;
    write!(out, "{}", loaded.warnings).map_err(anyhow::Error::from)?;
    let mut n_warnings = loaded.warnings.iter().count();
    let variants = if args.variant.is_some() { Vec::new() } else { loaded.variants };
    for name in variants {
        let variant = input::load_quietly(&InputArgs { variant: Some(name.clone()), ..args.clone() })?;
        for warning in variant.warnings.iter() {
            writeln!(out, "variant {name}: {warning}").map_err(anyhow::Error::from)?;
            n_warnings += 1;
        }
    }
    let warnings = if n_warnings == 1 { "1 warning".to_owned() } else { format!("{n_warnings} warnings") };
    let counts = object_counts(&loaded.scenario);
    writeln!(out, "ok: {counts}{warnings}").map_err(anyhow::Error::from)?;
    Ok(Outcome::Ok)
}

/// How many objects of each kind there are at the start, as `2 pods, 3 nodes, `.
fn object_counts(scenario: &Scenario) -> String {
    let kinds = [
        (Kind::Deployment, ["Deployment", "Deployments"]),
        (Kind::ReplicaSet, ["ReplicaSet", "ReplicaSets"]),
        (Kind::StatefulSet, ["StatefulSet", "StatefulSets"]),
        (Kind::DaemonSet, ["DaemonSet", "DaemonSets"]),
        (Kind::ResourceQuota, ["ResourceQuota", "ResourceQuotas"]),
        (Kind::Service, ["Service", "Services"]),
        (Kind::HorizontalPodAutoscaler, ["HorizontalPodAutoscaler", "HorizontalPodAutoscalers"]),
        (Kind::PodDisruptionBudget, ["PodDisruptionBudget", "PodDisruptionBudgets"]),
        (Kind::CronJob, ["CronJob", "CronJobs"]),
        (Kind::Job, ["Job", "Jobs"]),
        (Kind::Pod, ["pod", "pods"]),
        (Kind::Node, ["node", "nodes"]),
    ];
    let count = |kind: Kind| scenario.objects.iter().filter(|object| object.spec.kind() == kind).count();
    let counts = kinds.into_iter().map(|(kind, nouns)| (count(kind), nouns));
    let present = counts.filter(|(count, _)| *count > 0);
    present.map(|(count, nouns)| format!("{count} {}, ", nouns[usize::from(count > 1)])).collect()
}
