//! The arguments of `sim import`.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use crate::import::table::Columns;
use crate::import::{Pool, swf};

/// Arguments of `import`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ImportArgs {
    #[command(subcommand)]
    pub(in crate::cli) format: ImportFormat,
}

/// What is imported.
#[expect(clippy::large_enum_variant, reason = "there is one, made by the parser of arguments")]
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ImportFormat {
    /// The objects of a cluster, as `kubectl get nodes,pods,… -A -o yaml` (or json) prints them.
    Kubectl {
        /// The file; `-` is standard input.
        file: PathBuf,
        #[command(flatten)]
        output: ImportOutput,
    },
    /// Jobs in the Standard Workload Format of the Parallel Workloads Archive.
    Swf {
        /// The file; `-` is standard input.
        file: PathBuf,
        /// The nodes. Default: those of the header.
        #[arg(long, value_name = "COUNT:CPUS[:MEMORY]", value_parser = parse_pool)]
        nodes: Option<Pool>,
        /// What a processor of a job becomes.
        #[arg(long, value_enum, default_value_t = ProcessorArg::Pod)]
        processor: ProcessorArg,
        #[command(flatten)]
        output: ImportOutput,
    },
    /// Nodes and pods of Alibaba's openb trace of GPU clusters.
    Openb {
        /// Tables of nodes and of pods.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        #[command(flatten)]
        output: ImportOutput,
    },
    /// Pods in a table with commas.
    Csv {
        /// The file; `-` is standard input.
        file: PathBuf,
        /// What the columns are: name, cpu, memory, start, duration or end, exit. A column is a name or, as #3, a number.
        /// Units: cores, m, percent; bytes, KB, MB, GB, KiB, MiB, GiB; s, ms, us, ns, min, h, time (RFC 3339). Without
        /// one, amounts are Kubernetes quantities and times seconds.
        #[arg(long, value_name = "FIELD=COLUMN[:UNIT],…")]
        columns: Columns,
        /// The first line is a row.
        #[arg(long)]
        no_header: bool,
        /// The nodes. Default: three of 4 cpu and 16Gi.
        #[arg(long, value_name = "COUNT:CPUS[:MEMORY]", value_parser = parse_pool)]
        nodes: Option<Pool>,
        #[command(flatten)]
        output: ImportOutput,
    },
    /// How often functions were called in each minute, as Azure Functions recorded it: load on Services.
    Azure {
        /// The file; `-` is standard input.
        file: PathBuf,
        /// How many of the functions that are called most have a Service of their own; the others are summed up.
        #[arg(long, value_name = "N", default_value_t = 10)]
        top: usize,
        #[command(flatten)]
        output: ImportOutput,
    },
}

/// Where the scenario goes.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ImportOutput {
    /// The file of the scenario; the files that it refers to go beside it. Default: stdout, where it refers to none.
    #[arg(short = 'o', long = "out", value_name = "FILE")]
    pub(in crate::cli) out: Option<PathBuf>,
    /// Leaves out what cannot be read, and lists it.
    #[arg(long)]
    pub(in crate::cli) skip_bad_rows: bool,
}

/// What a processor of a job becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ProcessorArg {
    /// A pod of one cpu.
    Pod,
    /// A cpu of the Job's one pod.
    Cpu,
}

impl From<ProcessorArg> for swf::Processor {
    fn from(argument: ProcessorArg) -> Self {
        match argument {
            ProcessorArg::Pod => Self::Pod,
            ProcessorArg::Cpu => Self::Cpu,
        }
    }
}

fn parse_pool(text: &str) -> Result<Pool, String> {
    let wrong = || format!("not COUNT:CPUS or COUNT:CPUS:MEMORY, as 100:32:128Gi: {text:?}");
    let mut parts = text.split(':');
    let mut number = || parts.next()?.parse().ok().filter(|number: &u32| *number > 0);
    let (count, cpus) = (number().ok_or_else(wrong)?, number().ok_or_else(wrong)?);
    let memory: Option<crate::model::quantity::Quantity> =
        parts.next().map(|memory| memory.parse().map_err(|_| wrong())).transpose()?;
    if parts.next().is_some() {
        return Err(wrong());
    }
    let mib = |memory: crate::model::quantity::Quantity| {
        u64::try_from(memory.value()).ok().map(|bytes| bytes >> 20)
    };
    let memory_mib = memory.map(|memory| mib(memory).filter(|mib| *mib > 0).ok_or_else(wrong)).transpose()?;
    Ok(Pool { count, cpus, memory_mib })
}
