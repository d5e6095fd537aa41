//! Traces among the files of the command line.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::Context;

use crate::cli::CliError;
use crate::cli::args::InputArgs;
use crate::observe::trace::reader::TraceReader;

/// A trace in a file.
pub(super) type TraceFile = TraceReader<BufReader<File>>;

/// How a trace begins, whatever the name of its file.
const BEGINNING: &[u8] = b"{\"format\":\"sim/trace/";

/// The trace that the arguments name; none where they name something else.
pub(super) fn only_trace(args: &InputArgs) -> Result<Option<TraceFile>, CliError> {
    let (traces, others): (Vec<_>, Vec<_>) = args.files.iter().partition(|path| is_trace(path));
    match (traces.as_slice(), others.is_empty()) {
        ([], _) => Ok(None),
        ([_], true) if has_options(args) => Err(CliError::BadInput(
            "a trace was made with a seed, a variant and parameters: it cannot have others".to_owned(),
        )),
        ([path], true) => open(path).map(Some),
        _ => Err(CliError::BadInput("a trace stands alone: it has all that is told of its run".to_owned())),
    }
}

fn has_options(args: &InputArgs) -> bool {
    args.seed.is_some() || args.variant.is_some() || !args.set.is_empty() || !args.fail.is_empty()
}

/// Whether a file is a trace, or by its name should be.
pub(super) fn is_trace(path: &Path) -> bool {
    if path.is_dir() {
        return false;
    }
    if path.extension().is_some_and(|ending| ending == "jsonl") {
        return true;
    }
    let Ok(file) = File::open(path) else { return false };
    let mut reader = BufReader::new(file);
    reader.fill_buf().is_ok_and(|beginning| beginning.starts_with(BEGINNING))
}

/// Opens a trace and reads its head.
pub(super) fn open(path: &Path) -> Result<TraceFile, CliError> {
    let shown = path.display().to_string();
    let file = File::open(path).with_context(|| format!("{shown}: cannot be opened"))?;
    TraceReader::new(&shown, BufReader::new(file)).map_err(|error| CliError::BadInput(error.to_string()))
}
