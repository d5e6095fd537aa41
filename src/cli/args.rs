//! The arguments of all commands, with their help.

pub(super) mod capacity;
mod import;

use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::cli::args::capacity::CapacityArgs;
use crate::cli::compare::TRIALS_DEFAULT;
use crate::engine::{SimDuration, SimTime};
use crate::model::ids::Kind;
use crate::model::scenario::{Action, TimedAction};

pub(super) use import::{ImportArgs, ImportFormat, ImportOutput};

/// A deterministic, offline simulator of Kubernetes behaviour.
#[derive(Debug, Parser)]
#[command(name = "sim", version, about, propagate_version = true, max_term_width = 100)]
#[command(
    after_help = "Example: sim run job.yaml\n\nExit codes: 0 ok, 1 an expectation was not met, 2 bad input."
)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Play a scenario and show what came of it.
    #[command(after_help = "Example: sim run scenarios/job-backoff.yaml --seed 7 --trace trace.jsonl")]
    Run(RunArgs),
    /// Check files without running them: errors and warnings with file:line:column.
    #[command(after_help = "Example: sim check manifests/")]
    Check(InputArgs),
    /// Run all scenarios of folders like a test suite, in parallel.
    #[command(after_help = "Example: sim test scenarios/ --junit junit.xml --markdown summary.md")]
    Test(TestArgs),
    /// List objects at an instant, as kubectl does.
    #[command(after_help = "Example: sim get pods scenarios/job-parallel.yaml --at 12s -o wide")]
    Get(GetArgs),
    /// Show what containers wrote, up to an instant.
    #[command(after_help = "Example: sim logs job/batch scenarios/job-once.yaml")]
    Logs(LogsArgs),
    /// List the records that components wrote (`kubectl get events`).
    #[command(after_help = "Example: sim events scenarios/job-backoff.yaml --for job/batch-job")]
    Events(EventsArgs),
    /// Explain why an object is as it is: the chain of causes, and which limit won.
    #[command(after_help = "Example: sim why job/batch-job scenarios/job-backoff.yaml")]
    Why(WhyArgs),
    /// Put two runs side by side: the first change that differs, what led to it, and what both came to.
    #[command(
        after_help = "Example: sim diff scenarios/node-loss.yaml --seed 1 --seed 2\n\nExit codes: 0 no \
        difference, 1 some, 2 bad input."
    )]
    Diff(DiffArgs),
    /// List every scheduled run of a period: ran, late, skipped or missed, with the reason.
    #[command(after_help = "Example: sim cron scenarios/cronjob.yaml --outage 1h..2h")]
    Cron(CronArgs),
    /// Compare variants on common random numbers: paired differences with 95 % intervals, and a verdict.
    #[command(after_help = "Example: sim compare scenarios/layouts.yaml --trials 30")]
    Compare(CompareArgs),
    /// Find the cheapest cluster, or the fewest replicas, that keep all expectations, also after losing nodes or a zone.
    #[command(after_help = "Example: sim capacity scenarios/capacity.yaml --survive 1")]
    Capacity(CapacityArgs),
    /// Run the grid of `spec.sweep`, one result a run; goes on where it was cut off.
    #[command(after_help = "Example: sim sweep scenarios/sweep.yaml --out results.csv")]
    Sweep(SweepArgs),
    /// Put the results of shards together.
    #[command(after_help = "Example: sim merge shard-*.jsonl --out results.csv")]
    Merge(MergeArgs),
    /// Make a scenario of what others recorded: a cluster, or traces of jobs, pods and requests.
    #[command(
        after_help = "Example: kubectl get nodes,pods,deployments,replicasets -A -o yaml | sim import kubectl - -o cluster.yaml"
    )]
    Import(ImportArgs),
    /// Print the JSON Schema of the Scenario kind, for editors.
    #[command(after_help = "Example: sim schema > scenario.schema.json")]
    Schema {
        /// Print the reference of the format instead, as Markdown.
        #[arg(long)]
        markdown: bool,
    },
    /// Print a completion script for a shell.
    #[command(after_help = "Example: sim completions bash > /etc/bash_completion.d/sim")]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page.
    #[command(after_help = "Example: sim man | man -l -")]
    Man,
}

/// Input and its parameters.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct InputArgs {
    /// Files and folders of manifests and at most one Scenario; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// Overrides the seed of the scenario.
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,
    /// Plays a variant of the scenario.
    #[arg(long, value_name = "NAME")]
    pub(super) variant: Option<String>,
    /// Sets a parameter of the scenario; may be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_setting)]
    pub(super) set: Vec<(String, String)>,
    /// Has a node or a zone fail, for ever or until an instant; may be repeated.
    #[arg(long, value_name = "node/NAME@T[..T]|zone/NAME@T[..T]", value_parser = parse_failure)]
    pub(super) fail: Vec<Failure>,
    /// Leaves fields out that are not modelled and would change the result, with a warning each.
    #[arg(long)]
    pub(super) allow_unmodelled: bool,
}

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    /// Ends the run at this instant.
    #[arg(long, value_name = "T")]
    pub(super) until: Option<SimDuration>,
    /// Writes every change: as lines of JSON, or to `.json` for timeline viewers (Perfetto, chrome://tracing).
    #[arg(long, value_name = "FILE")]
    pub(super) trace: Option<PathBuf>,
    /// The form of the trace, whatever its name.
    #[arg(long, value_enum, requires = "trace")]
    pub(super) trace_format: Option<TraceFormat>,
    /// Writes the state at the end as OpenMetrics text, under the names of kube-state-metrics.
    #[arg(long, value_name = "FILE")]
    pub(super) metrics: Option<PathBuf>,
    /// Samples the metrics at the start and every so often, too.
    #[arg(long, value_name = "T", requires = "metrics")]
    pub(super) metrics_interval: Option<SimDuration>,
    /// Writes a page with charts, and its data, into this folder.
    #[arg(long, value_name = "DIR")]
    pub(super) report: Option<PathBuf>,
    /// Runs twice and names the first difference.
    #[arg(long)]
    pub(super) twice: bool,
    /// The form of the output.
    #[arg(short, long, value_enum, default_value_t = ReportFormat::Text)]
    pub(super) output: ReportFormat,
}

/// Arguments of `test`.
#[derive(Debug, clap::Args)]
pub(super) struct TestArgs {
    /// Files, and folders with all below them; every file with a Scenario is a test, every variant of it one of its own.
    #[arg(required = true, value_name = "DIR|FILE")]
    pub(super) files: Vec<PathBuf>,
    /// Overrides the seed of every scenario.
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,
    /// Sets a parameter of every scenario; may be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_setting)]
    pub(super) set: Vec<(String, String)>,
    /// Leaves fields out that are not modelled and would change the result, with a warning each.
    #[arg(long)]
    pub(super) allow_unmodelled: bool,
    /// The threads. Default: one per core; the results do not depend on it.
    #[arg(long, value_name = "N")]
    pub(super) workers: Option<NonZeroUsize>,
    /// Writes the results as JUnit XML: a testsuite per scenario, a testcase per expectation; times are virtual.
    #[arg(long, value_name = "FILE")]
    pub(super) junit: Option<PathBuf>,
    /// Writes a summary for a pull request.
    #[arg(long, value_name = "FILE")]
    pub(super) markdown: Option<PathBuf>,
    /// The form of the output.
    #[arg(short, long, value_enum, default_value_t = ReportFormat::Text)]
    pub(super) output: ReportFormat,
}

/// Arguments of `compare`.
#[derive(Debug, clap::Args)]
pub(super) struct CompareArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    /// The trials of each variant, one seed each.
    #[arg(long, value_name = "N", default_value_t = TRIALS_DEFAULT)]
    pub(super) trials: NonZeroUsize,
    /// The threads. Default: one per core; the results do not depend on it.
    #[arg(long, value_name = "N")]
    pub(super) workers: Option<NonZeroUsize>,
    /// Writes a page with charts, and the data, into a folder.
    #[arg(long, value_name = "DIR")]
    pub(super) report: Option<PathBuf>,
    /// The form of the output.
    #[arg(short, long, value_enum, default_value_t = ReportFormat::Text)]
    pub(super) output: ReportFormat,
}

/// Arguments of `sweep`.
#[derive(Debug, clap::Args)]
pub(super) struct SweepArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    /// Where the results go: `.jsonl`, or else CSV.
    #[arg(long, value_name = "FILE")]
    pub(super) out: PathBuf,
    /// Runs a part: `2/8` is the second of eight, `auto` asks the environment of a Slurm array job, `auto/8` also that
    /// of a Kubernetes Indexed Job of eight pods.
    #[arg(long, value_name = "I/N", value_parser = parse_shard)]
    pub(super) shard: Option<ShardArg>,
    /// Writes a page with charts, and the data, into a folder.
    #[arg(long, value_name = "DIR")]
    pub(super) report: Option<PathBuf>,
    /// The threads. Default: one per core; the results do not depend on it.
    #[arg(long, value_name = "N")]
    pub(super) workers: Option<NonZeroUsize>,
}

/// Arguments of `merge`.
#[derive(Debug, clap::Args)]
pub(super) struct MergeArgs {
    /// Results of shards, `.jsonl`.
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// Where the results go: `.jsonl`, or else CSV.
    #[arg(long, value_name = "FILE")]
    pub(super) out: PathBuf,
    /// Writes a page with charts, and the data, into a folder.
    #[arg(long, value_name = "DIR")]
    pub(super) report: Option<PathBuf>,
}

/// A part of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shard {
    /// Its number, from 0.
    pub(super) number: usize,
    /// How many there are.
    pub(super) count: usize,
}

/// A part of a sweep as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ShardArg {
    /// This one.
    Fixed(Shard),
    /// The one that the environment names, of so many where it does not say.
    Auto(Option<usize>),
}

/// Arguments of `get`.
#[derive(Debug, clap::Args)]
pub(super) struct GetArgs {
    /// The kind, or its abbreviation in kubectl.
    pub(super) kind: KindArg,
    #[command(flatten)]
    pub(super) input: NamedInputArgs,
    /// Only those of this namespace. Default: of all.
    #[arg(short, long)]
    pub(super) namespace: Option<String>,
    /// The instant. Default: the end.
    #[arg(long, value_name = "T")]
    pub(super) at: Option<SimDuration>,
    /// The form of the output.
    #[arg(short, long, value_enum, default_value_t = GetFormat::Table)]
    pub(super) output: GetFormat,
}

/// Arguments of `logs`.
#[derive(Debug, clap::Args)]
pub(super) struct LogsArgs {
    /// A pod; `web-*` is every pod whose name begins so, `job/NAME` every pod of a Job, and so `deployment/NAME` and others.
    pub(super) pod: String,
    #[command(flatten)]
    pub(super) input: InputArgs,
    /// Only those of this namespace. Default: of all.
    #[arg(short, long)]
    pub(super) namespace: Option<String>,
    /// The container. Default: all.
    #[arg(short, long)]
    pub(super) container: Option<String>,
    /// The instant. Default: the end.
    #[arg(long, value_name = "T")]
    pub(super) at: Option<SimDuration>,
}

/// Arguments of `events`.
#[derive(Debug, clap::Args)]
pub(super) struct EventsArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    /// Only those of this namespace. Default: of all.
    #[arg(short, long)]
    pub(super) namespace: Option<String>,
    /// Only those about one object, as `job/batch`.
    #[arg(long = "for", value_name = "KIND/NAME")]
    pub(super) about: Option<String>,
    /// The instant. Default: the end.
    #[arg(long, value_name = "T")]
    pub(super) at: Option<SimDuration>,
}

/// Arguments of `why`.
#[derive(Debug, clap::Args)]
pub(super) struct WhyArgs {
    /// The object, as `job/NAME` or `pod/NAME`; kinds as in `sim get`.
    pub(super) object: String,
    #[command(flatten)]
    pub(super) input: InputArgs,
    /// The namespace.
    #[arg(short, long, default_value = "default")]
    pub(super) namespace: String,
    /// The instant. Default: the end.
    #[arg(long, value_name = "T")]
    pub(super) at: Option<SimDuration>,
    /// The form of the output.
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    pub(super) output: Format,
}

/// Arguments of `diff`.
#[derive(Debug, clap::Args)]
pub(super) struct DiffArgs {
    /// A scenario, a folder of manifests, or a trace that `sim run --trace` wrote.
    pub(super) a: PathBuf,
    /// What it is compared with. Default: the same scenario, with the second seed, variant or setting.
    pub(super) b: Option<PathBuf>,
    /// Overrides the seed; given twice, that of each side.
    #[arg(long, value_name = "N")]
    pub(super) seed: Vec<u64>,
    /// Plays a variant; given twice, one on each side.
    #[arg(long, value_name = "NAME")]
    pub(super) variant: Vec<String>,
    /// Sets a parameter on both sides; may be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_setting)]
    pub(super) set: Vec<(String, String)>,
    /// Sets a parameter on the second side only; may be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_setting)]
    pub(super) set_b: Vec<(String, String)>,
    /// Has a node or a zone fail on both sides; may be repeated.
    #[arg(long, value_name = "node/NAME@T[..T]|zone/NAME@T[..T]", value_parser = parse_failure)]
    pub(super) fail: Vec<Failure>,
    /// Has a node or a zone fail on the second side only; may be repeated.
    #[arg(long, value_name = "node/NAME@T[..T]|zone/NAME@T[..T]", value_parser = parse_failure)]
    pub(super) fail_b: Vec<Failure>,
    /// Ends both runs at this instant.
    #[arg(long, value_name = "T")]
    pub(super) until: Option<SimDuration>,
    /// Leaves fields out that are not modelled and would change the result, with a warning each.
    #[arg(long)]
    pub(super) allow_unmodelled: bool,
    /// The form of the output.
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    pub(super) output: Format,
}

/// Arguments of `cron`.
#[derive(Debug, clap::Args)]
pub(super) struct CronArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    /// The date, or civil time (RFC 3339), at which the period begins. Default: that of the scenario.
    #[arg(long, value_name = "TIME")]
    pub(super) from: Option<String>,
    /// The date, or civil time, at which it ends. Default: the end of the scenario.
    #[arg(long, value_name = "TIME")]
    pub(super) to: Option<String>,
    /// The time zone of CronJobs that name none, and of the days.
    #[arg(long, value_name = "ZONE")]
    pub(super) zone: Option<String>,
    /// Stops kube-controller-manager from A to B, counted from the beginning; may be repeated.
    #[arg(long, value_name = "A..B", value_parser = parse_outage)]
    pub(super) outage: Vec<(SimDuration, SimDuration)>,
    /// The form of the output.
    #[arg(short, long, value_enum, default_value_t = CronFormat::Text)]
    pub(super) output: CronFormat,
}

/// The form of a ledger of runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum CronFormat {
    /// Per day how many, and every run that is not ordinary.
    Text,
    /// Every run, for programs.
    Json,
    /// Every run, as a table for spreadsheets.
    Csv,
}

/// Input with the name of an object before the files.
#[derive(Debug, clap::Args)]
pub(super) struct NamedInputArgs {
    /// The name of one object, where it is not a file; then files and folders.
    #[arg(required = true, value_name = "[NAME] FILE")]
    pub(super) name_and_files: Vec<PathBuf>,
    /// Overrides the seed of the scenario.
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,
    /// Looks at a variant of the scenario.
    #[arg(long, value_name = "NAME")]
    pub(super) variant: Option<String>,
    /// Sets a parameter of the scenario; may be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_setting)]
    pub(super) set: Vec<(String, String)>,
    /// Has a node or a zone fail, for ever or until an instant; may be repeated.
    #[arg(long, value_name = "node/NAME@T[..T]|zone/NAME@T[..T]", value_parser = parse_failure)]
    pub(super) fail: Vec<Failure>,
    /// Leaves fields out that are not modelled and would change the result, with a warning each.
    #[arg(long)]
    pub(super) allow_unmodelled: bool,
}

impl NamedInputArgs {
    /// The name, where one is given, and the input.
    pub(super) fn split(&self) -> (Option<String>, InputArgs) {
        let is_name = |path: &PathBuf| path.as_os_str() != "-" && !path.exists();
        let named = self.name_and_files.len() > 1 && self.name_and_files.first().is_some_and(is_name);
        let (names, files) = self.name_and_files.split_at(usize::from(named));
        let input = InputArgs {
            files: files.to_vec(),
            seed: self.seed,
            variant: self.variant.clone(),
            set: self.set.clone(),
            fail: self.fail.clone(),
            allow_unmodelled: self.allow_unmodelled,
        };
        (names.first().map(|name| name.display().to_string()), input)
    }
}

/// A kind as it may be written on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum KindArg {
    /// Pods.
    #[value(aliases = ["pod", "po"])]
    Pods,
    /// Nodes.
    #[value(aliases = ["node", "no"])]
    Nodes,
    /// Jobs.
    #[value(alias = "job")]
    Jobs,
    /// CronJobs.
    #[value(name = "cronjobs", aliases = ["cronjob", "cj"])]
    CronJobs,
    /// Deployments.
    #[value(name = "deployments", aliases = ["deployment", "deploy"])]
    Deployments,
    /// ReplicaSets.
    #[value(name = "replicasets", aliases = ["replicaset", "rs"])]
    ReplicaSets,
    /// StatefulSets.
    #[value(name = "statefulsets", aliases = ["statefulset", "sts"])]
    StatefulSets,
    /// DaemonSets.
    #[value(name = "daemonsets", aliases = ["daemonset", "ds"])]
    DaemonSets,
    /// Resource quotas.
    #[value(name = "resourcequotas", aliases = ["resourcequota", "quota"])]
    ResourceQuotas,
    /// Services.
    #[value(name = "services", aliases = ["service", "svc"])]
    Services,
    /// Endpoints of Services.
    #[value(name = "endpoints", alias = "ep")]
    Endpoints,
    /// Pod disruption budgets.
    #[value(name = "poddisruptionbudgets", aliases = ["poddisruptionbudget", "pdb"])]
    PodDisruptionBudgets,
    /// Horizontal pod autoscalers.
    #[value(name = "horizontalpodautoscalers", aliases = ["horizontalpodautoscaler", "hpa"])]
    HorizontalPodAutoscalers,
}

impl KindArg {
    /// The kind in the model; endpoints are a part of their Service.
    pub(super) const fn kind(self) -> Kind {
        match self {
            Self::Pods => Kind::Pod,
            Self::Nodes => Kind::Node,
            Self::Jobs => Kind::Job,
            Self::CronJobs => Kind::CronJob,
            Self::Deployments => Kind::Deployment,
            Self::ReplicaSets => Kind::ReplicaSet,
            Self::StatefulSets => Kind::StatefulSet,
            Self::DaemonSets => Kind::DaemonSet,
            Self::ResourceQuotas => Kind::ResourceQuota,
            Self::Services | Self::Endpoints => Kind::Service,
            Self::PodDisruptionBudgets => Kind::PodDisruptionBudget,
            Self::HorizontalPodAutoscalers => Kind::HorizontalPodAutoscaler,
        }
    }
}

/// The form of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// For programs and people.
    Yaml,
}

/// The form of a result that a pull request may show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ReportFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// For programs and people.
    Yaml,
    /// For pull requests.
    Markdown,
}

/// The form of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum TraceFormat {
    /// Lines of JSON (docs/trace.md), for `sim why`, `sim diff` and programs.
    Jsonl,
    /// Trace Event JSON, for timeline viewers.
    Perfetto,
}

/// The form of a list of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum GetFormat {
    /// A table.
    Table,
    /// A table with more columns.
    Wide,
    /// The objects as YAML.
    Yaml,
    /// The objects as JSON.
    Json,
}

fn parse_setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("not NAME=VALUE: {text:?}"))?;
    Ok((name.to_owned(), value.to_owned()))
}

fn parse_shard(text: &str) -> Result<ShardArg, String> {
    let wrong = || format!("not I/N with I from 1 to N, nor auto or auto/N: {text:?}");
    if text == "auto" {
        return Ok(ShardArg::Auto(None));
    }
    let (part, count) = text.split_once('/').ok_or_else(wrong)?;
    let count: usize = count.parse().ok().filter(|count| *count > 0).ok_or_else(wrong)?;
    if part == "auto" {
        return Ok(ShardArg::Auto(Some(count)));
    }
    let number: usize = part.parse().ok().filter(|number| (1..=count).contains(number)).ok_or_else(wrong)?;
    Ok(ShardArg::Fixed(Shard { number: number - 1, count }))
}

/// A failure that the command line asks for.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    is_zone: bool,
    name: String,
    from: SimDuration,
    until: Option<SimDuration>,
}

impl Failure {
    /// When it begins, from the start.
    pub(super) const fn begin(&self) -> SimDuration {
        self.from
    }

    /// The failure and what ends it.
    pub(super) fn actions(&self) -> Vec<TimedAction> {
        let name = self.name.as_str();
        let (failure, repair) = if self.is_zone {
            (Action::FailZone(name.into()), Action::RecoverZone(name.into()))
        } else {
            (Action::FailNode(name.into()), Action::RecoverNode(name.into()))
        };
        let at = |span: SimDuration, action| TimedAction { entry: None, at: SimTime::ZERO + span, action };
        let repair = self.until.map(|until| at(until, repair));
        [at(self.from, failure)].into_iter().chain(repair).collect()
    }
}

impl fmt::Display for Failure {
    /// As it was written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_zone { "zone" } else { "node" };
        write!(f, "{kind}/{}@{}", self.name, self.from)?;
        self.until.map_or(Ok(()), |until| write!(f, "..{until}"))
    }
}

fn parse_failure(text: &str) -> Result<Failure, String> {
    let wanted = || format!("not node/NAME@T, node/NAME@T..T, zone/NAME@T or zone/NAME@T..T: {text:?}");
    let (target, when) = text.rsplit_once('@').ok_or_else(wanted)?;
    let (kind, name) = target.split_once('/').ok_or_else(wanted)?;
    let is_zone = match kind {
        "node" => false,
        "zone" => true,
        _ => return Err(wanted()),
    };
    let (from, until) = match when.split_once("..") {
        Some(_) => parse_outage(when).map(|(from, until)| (from, Some(until)))?,
        None => (when.parse().map_err(|error: crate::engine::time::DurationError| error.to_string())?, None),
    };
    Ok(Failure { is_zone, name: name.to_owned(), from, until })
}

fn parse_outage(text: &str) -> Result<(SimDuration, SimDuration), String> {
    let (from, to) = text.split_once("..").ok_or_else(|| format!("not A..B: {text:?}"))?;
    let span = |part: &str| part.parse::<SimDuration>().map_err(|error| error.to_string());
    let (from, to) = (span(from)?, span(to)?);
    if from < to { Ok((from, to)) } else { Err(format!("the end is not after the beginning: {text:?}")) }
}
