//! `sim run` and `sim check`.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write, stderr};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::args::{InputArgs, ReportFormat, RunArgs, TraceFormat};
use crate::cli::{CliError, Outcome, folder, input, output};
use crate::cluster::Cluster;
use crate::component::Observer;
use crate::engine::{SimDuration, SimTime};
use crate::event::{Change, Event};
use crate::experiment::trial::{self, Seen, Trial};
use crate::experiment::twice;
use crate::experiment::usage::Usage;
use crate::model::ids::Kind;
use crate::model::scenario::Scenario;
use crate::model::wall_clock::WallClock;
use crate::observe::kube_state::KubeState;
use crate::observe::timeline::Timeline;
use crate::observe::trace::perfetto::PerfettoWriter;
use crate::observe::trace::{TraceHead, TraceWriter};
use crate::report::markdown;
use crate::report::openmetrics;
use crate::report::outcome::RunEnd;
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
    input::warn_of_late_failures(&args.input, args.until);
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
    let reproduce = command_line(args, scenario.seed);
    let head = TraceHead::of(&scenario, reproduce.clone());
    let trace = args.trace.as_deref().map(|path| Sink::create(path, args.trace_format, &head)).transpose()?;
    let metrics = metrics(args, &scenario)?;
    let bar = progress_bar(&scenario, until);
    let timeline = args.report.is_some().then(|| Timeline::of(&scenario));
    let mut usage = args.report.is_some().then(Usage::default);
    let progress = |simulation: &_| show_progress(&bar, simulation);
    let observer = ((trace, metrics), timeline);
    let trial = trial::run_gauged(&scenario, until, observer, progress, &mut usage);
    bar.finish_and_clear();
    let summary = summary::summarise(&trial, reproduce);
    let timeline = export(args, trial, &summary)?;
    if let (Some(folder), Some((timeline, end)), Some(usage)) = (&args.report, timeline, usage) {
        let report = run_page::report(&RunReport {
            summary: &summary,
            timeline: &timeline,
            usage: &usage,
            actions: &scenario.timeline,
            end,
            warm_up: SimTime::ZERO + scenario.warm_up,
            description: scenario.description.as_deref(),
        });
        folder::write(&report, folder)?;
    }
    write_summary(&summary, args.output, out)?;
    Ok(if summary.ok { Outcome::Ok } else { Outcome::NotMet })
}

/// The command that gives the same result again.
fn command_line(args: &RunArgs, seed: u64) -> String {
    let mut words = vec!["sim run".to_owned()];
    words.extend(input::words(&args.input, seed));
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

/// The metrics that are asked for; none of no interval.
fn metrics(args: &RunArgs, scenario: &Scenario) -> Result<Option<KubeState>, CliError> {
    if args.metrics_interval.is_some_and(SimDuration::is_zero) {
        return Err(CliError::BadInput("`--metrics-interval` must be longer than nothing".to_owned()));
    }
    let clock = WallClock { start: scenario.start_time };
    Ok(args.metrics.is_some().then(|| KubeState::new(clock, args.metrics_interval)))
}

/// Ends the trace and writes the metrics; gives what a report is made from, and the end of the run.
fn export(
    args: &RunArgs,
    trial: Trial<(Exports, Option<Timeline>)>,
    summary: &RunSummary,
) -> Result<Option<(Timeline, SimTime)>, CliError> {
    let Trial { simulation, end, .. } = trial;
    let mut metrics = simulation.observer().1.0.1.clone();
    if let (Some(path), Some(metrics)) = (&args.metrics, &mut metrics) {
        metrics.finish(end, simulation.cluster());
        output::write_file(path, openmetrics::text(metrics).as_bytes())?;
    }
    let (_, ((trace, _), timeline)) = simulation.into_observer();
    if let Some(trace) = trace {
        trace.finish(end, summary).context("the trace cannot be written")?;
    }
    Ok(timeline.map(|timeline| (timeline, end)))
}

/// What a run is written to while it goes on.
type Exports = (Option<Sink>, Option<KubeState>);

/// A trace of either form.
enum Sink {
    Lines(TraceWriter<BufWriter<File>>),
    Perfetto(Box<PerfettoWriter<BufWriter<File>>>),
}

impl Sink {
    fn create(path: &Path, format: Option<TraceFormat>, head: &TraceHead) -> Result<Self, CliError> {
        let file = File::create(path).with_context(|| format!("{}: cannot be created", path.display()))?;
        let out = BufWriter::new(file);
        let is_json = path.extension().is_some_and(|ending| ending == "json");
        let by_name = if is_json { TraceFormat::Perfetto } else { TraceFormat::Jsonl };
        Ok(match format.unwrap_or(by_name) {
            TraceFormat::Jsonl => Self::Lines(TraceWriter::new(out, head)),
            TraceFormat::Perfetto => Self::Perfetto(Box::new(PerfettoWriter::new(out, head))),
        })
    }

    fn finish(self, end: SimTime, summary: &RunSummary) -> io::Result<()> {
        match self {
            Self::Lines(trace) => trace.finish(&RunEnd::of(summary)),
            Self::Perfetto(trace) => trace.finish(end),
        }
    }
}

impl Observer for Sink {
    fn begin(&mut self, now: SimTime, seq: u64, event: &Event, cluster: &Cluster) {
        match self {
            Self::Lines(trace) => trace.begin(now, seq, event, cluster),
            Self::Perfetto(trace) => trace.begin(now, seq, event, cluster),
        }
    }

    fn see(&mut self, now: SimTime, change: &Change, cluster: &Cluster) {
        match self {
            Self::Lines(trace) => trace.see(now, change, cluster),
            Self::Perfetto(trace) => trace.see(now, change, cluster),
        }
    }
}

/// A bar over virtual time on a terminal; hidden elsewhere, and in short runs, which end before it is drawn.
fn progress_bar(scenario: &Scenario, until: Option<SimTime>) -> ProgressBar {
    if !stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let end = scenario.horizon.limit();
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
