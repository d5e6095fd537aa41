//! `sim sweep` and `sim merge`: grids of runs, results that survive a kill, shards.
//!
//! While runs end, each is appended to a journal beside the results as one line in one write. A sweep that was cut off
//! goes on where the journal ends; a half-written last line is dropped. When all runs of the shard are there, the
//! results are written in the order of the grid beside their final name, moved there, and the journal is removed.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

use anyhow::{Context, anyhow, bail};
use xxhash_rust::xxh3::xxh3_128;

use crate::cli::args::{InputArgs, MergeArgs, Shard, ShardArg, SweepArgs};
use crate::cli::compare::progress_bar;
use crate::cli::input::{self, Input};
use crate::cli::{CliError, Outcome, folder, output};
use crate::experiment::sweep::{self, Place, RunResult, Settings};
use crate::experiment::trials::{self, Workers};
use crate::manifest::load::Options;
use crate::model::scenario::Scenario;
use crate::model::sweep::Sweep;
use crate::report::sweep::{self as report, Head, RunRow};
use crate::report::sweep_page::{self, SweepReport};

/// How many runs are handed to the workers at once; bounds the scenarios that are held in memory.
const CHUNK_RUNS: usize = 4096;

/// `sim sweep`
pub(super) fn sweep(args: &SweepArgs, out: &mut impl Write) -> Result<Outcome, CliError> {
    if let Some(report) = &args.report {
        folder::prepare(report)?;
    }
    let input = Input::read(&args.input)?;
    let base = input.load(input::options(&args.input))?;
    eprint!("{}", base.warnings);
    let sweep = &base.scenario.sweep;
    let head = Head::of(&base.scenario, fingerprint(&base.scenario));
    let shard = args.shard.map(resolve).transpose()?.unwrap_or(Shard { number: 0, count: 1 });
    if shard.count > 1 && !is_json(&args.out) {
        return Err(CliError::BadInput("the results of a shard are .jsonl, for `sim merge`".to_owned()));
    }
    let mut journal = Journal::open(&args.out, &head)?;
    let wanted = |run: &usize| run % shard.count == shard.number;
    let missing: Vec<usize> =
        (0..head.runs).filter(wanted).filter(|run| !journal.rows.contains_key(run)).collect();
    let bar = progress_bar(missing.len());
    let writer = Mutex::new(Writer { path: journal_path(&args.out), file: journal.file.take(), error: None });
    let workers = args.workers.map_or(Workers::Cores, Workers::Fixed);
    let grid = Grid { input: &input, args: &args.input, sweep };
    for chunk in missing.chunks(CHUNK_RUNS) {
        let scenarios: BTreeMap<usize, OnceLock<Result<Scenario, String>>> =
            chunk.iter().map(|run| (Place::of(*run, sweep).point, OnceLock::new())).collect();
        trials::in_parallel(chunk.len(), workers, |at| {
            let place = Place::of(chunk[at], sweep);
            if writer.lock().is_ok_and(|writer| writer.error.is_some()) {
                return;
            }
            let scenario = scenarios[&place.point].get_or_init(|| grid.scenario(place.point));
            let result = scenario.as_ref().map(|scenario| sweep::play(scenario, sweep, place));
            if let Ok(mut writer) = writer.lock() {
                writer.take(result.map_err(Clone::clone));
            }
            bar.inc(1);
        });
    }
    bar.finish_and_clear();
    if let Some(error) = writer.into_inner().ok().and_then(|writer| writer.error) {
        return Err(error);
    }
    finish(args, &head, base.scenario.seed, out)
}

/// Writes the results in their order, and what they say.
fn finish(args: &SweepArgs, head: &Head, seed: u64, out: &mut impl Write) -> Result<Outcome, CliError> {
    let path = journal_path(&args.out);
    let rows =
        if path.exists() { read_rows(&path, Some(head))?.1 } else { read_rows(&args.out, Some(head))?.1 };
    let rows: Vec<RunRow> = rows.into_values().collect();
    write_results(&args.out, head, &rows)?;
    if path.exists() {
        fs::remove_file(&path).with_context(|| format!("{}: cannot be removed", path.display()))?;
    }
    write_report(
        args.report.as_deref(),
        &SweepReport { head, rows: &rows, reproduce: &command_line(args, seed) },
    )?;
    write!(out, "{}", report::text(head, &rows)).map_err(anyhow::Error::from)?;
    let n_ok = rows.iter().filter(|row| row.ok).count();
    writeln!(out, "\nruns    {} of {}, {n_ok} with all expectations met", rows.len(), head.runs)
        .map_err(anyhow::Error::from)?;
    writeln!(out, "results {}", args.out.display()).map_err(anyhow::Error::from)?;
    Ok(Outcome::Ok)
}

/// Writes the page, where one is asked for.
fn write_report(folder: Option<&Path>, report: &SweepReport<'_>) -> Result<(), CliError> {
    if let Some(folder) = folder {
        folder::write(&sweep_page::report(report), folder)?;
    }
    Ok(())
}

/// The command that gives the same page again.
fn command_line(args: &SweepArgs, seed: u64) -> String {
    let mut words = vec!["sim sweep".to_owned()];
    words.extend(input::words(&args.input, seed));
    words.push(format!("--out {}", args.out.display()));
    words.join(" ")
}

/// The grid with what makes scenarios of its points.
struct Grid<'a> {
    input: &'a Input,
    args: &'a InputArgs,
    sweep: &'a Sweep,
}

impl Grid<'_> {
    fn scenario(&self, point: usize) -> Result<Scenario, String> {
        let Settings { params, pool_counts } = sweep::settings(self.sweep, point);
        let mut options = Options { pool_counts, ..input::options(self.args) };
        options.settings.extend(params);
        let mut scenario = self.input.load(options).map_err(|error| error.to_string())?.scenario;
        sweep::adjust(&mut scenario, self.sweep, point);
        Ok(scenario)
    }
}

/// The journal, or the results where there are some already.
struct Journal {
    /// The runs that are there.
    rows: BTreeMap<usize, RunRow>,
    /// The file to append to; `None` where nothing is left to do.
    file: Option<File>,
}

impl Journal {
    /// Opens the journal of some results, or begins one.
    fn open(results: &Path, head: &Head) -> anyhow::Result<Self> {
        let path = journal_path(results);
        if results.exists() {
            if !is_json(results) {
                bail!("{}: is there already; move it away to sweep anew", results.display());
            }
            let (_, rows) = read_rows(results, Some(head))?;
            return Ok(Self { rows, file: None });
        }
        let mut rows = BTreeMap::new();
        if path.exists() {
            drop_torn_line(&path)?;
            if fs::metadata(&path).is_ok_and(|file| file.len() > 0) {
                rows = read_rows(&path, Some(head))?.1;
            }
        }
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .with_context(|| format!("{}: cannot be written", path.display()))?;
        if file.metadata().is_ok_and(|file| file.len() == 0) {
            let line = report::json_line(head);
            file.write_all(line.as_bytes())
                .with_context(|| format!("{}: cannot be written", path.display()))?;
        }
        Ok(Self { rows, file: Some(file) })
    }
}

/// Appends rows; keeps the first error and writes nothing after it.
struct Writer {
    path: PathBuf,
    file: Option<File>,
    error: Option<CliError>,
}

impl Writer {
    fn take(&mut self, result: Result<RunResult, String>) {
        if self.error.is_some() {
            return;
        }
        let written = match (result, &mut self.file) {
            (Err(message), _) => Err(CliError::BadInput(message)),
            (Ok(result), Some(file)) => {
                let line = report::json_line(&RunRow::of(&result));
                let kept = || {
                    format!(
                        "{}: cannot be written; the same command goes on from what is in it",
                        self.path.display()
                    )
                };
                let outcome = file.write_all(line.as_bytes()).with_context(kept);
                outcome.map_err(CliError::Failed)
            }
            (Ok(_), None) => Ok(()),
        };
        self.error = written.err();
    }
}

/// `sim merge`
pub(super) fn merge(args: &MergeArgs, out: &mut impl Write) -> Result<Outcome, CliError> {
    let mut head: Option<Head> = None;
    let mut rows = BTreeMap::new();
    for path in &args.files {
        let (own, more) = read_rows(path, head.as_ref())?;
        head = Some(own);
        for (run, row) in more {
            if let Some(known) = rows.get(&run).filter(|known| **known != row) {
                let RunRow { digest, .. } = known;
                let message =
                    format!("{}: run {run} ended otherwise before (digest {digest})", path.display());
                return Err(CliError::BadInput(message));
            }
            rows.insert(run, row);
        }
    }
    let Some(head) = head else { return Ok(Outcome::Ok) };
    let missing: Vec<String> =
        (0..head.runs).filter(|run| !rows.contains_key(run)).take(5).map(|run| run.to_string()).collect();
    if !missing.is_empty() {
        let n_missing = head.runs - rows.len();
        let message = format!("{n_missing} of {} runs are missing: {}", head.runs, missing.join(", "));
        let more = if n_missing > missing.len() { ", …" } else { "" };
        return Err(CliError::BadInput(message + more));
    }
    let rows: Vec<RunRow> = rows.into_values().collect();
    if let Some(report) = &args.report {
        folder::prepare(report)?;
    }
    write_results(&args.out, &head, &rows)?;
    let names = args.files.iter().map(|file| file.display().to_string());
    let reproduce = format!("sim merge {} --out {}", names.collect::<Vec<_>>().join(" "), args.out.display());
    write_report(args.report.as_deref(), &SweepReport { head: &head, rows: &rows, reproduce: &reproduce })?;
    write!(out, "{}", report::text(&head, &rows)).map_err(anyhow::Error::from)?;
    Ok(Outcome::Ok)
}

/// Reads head and rows by number; refuses those of another sweep.
fn read_rows(path: &Path, expected: Option<&Head>) -> anyhow::Result<(Head, BTreeMap<usize, RunRow>)> {
    let shown = path.display();
    let mut text = String::new();
    let mut file = File::open(path).with_context(|| format!("{shown}: cannot be opened"))?;
    file.read_to_string(&mut text).with_context(|| format!("{shown}: cannot be read"))?;
    let mut lines = text.lines().enumerate();
    let (_, first) = lines.next().ok_or_else(|| anyhow!("{shown}: is empty"))?;
    let head: Head =
        serde_json::from_str(first).with_context(|| format!("{shown}:1: not the head of a sweep"))?;
    if let Some(expected) = expected.filter(|expected| **expected != head) {
        let other = if expected.fingerprint == head.fingerprint { "version" } else { "scenario or grid" };
        bail!("{shown}: belongs to another {other}; move it away to sweep anew");
    }
    let mut rows = BTreeMap::new();
    for (number, line) in lines {
        let row: RunRow = serde_json::from_str(line)
            .with_context(|| format!("{shown}:{}: not a run of a sweep", number + 1))?;
        rows.insert(row.run, row);
    }
    Ok((head, rows))
}

/// Cuts off a last line without an end: it was being written when the sweep was stopped.
fn drop_torn_line(path: &Path) -> anyhow::Result<()> {
    let shown = || format!("{}: cannot be repaired", path.display());
    let bytes = fs::read(path).with_context(shown)?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    if whole < bytes.len() {
        let file = OpenOptions::new().write(true).open(path).with_context(shown)?;
        file.set_len(whole as u64).with_context(shown)?;
    }
    Ok(())
}

fn write_results(path: &Path, head: &Head, rows: &[RunRow]) -> anyhow::Result<()> {
    let text = if is_json(path) { report::json_lines(head, rows) } else { report::csv(head, rows) };
    output::write_file(path, text.as_bytes())
}

fn journal_path(results: &Path) -> PathBuf {
    output::with_ending(results, "journal")
}

fn is_json(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "jsonl")
}

/// A hash of all that decides the results.
fn fingerprint(scenario: &Scenario) -> String {
    format!("{:032x}", xxh3_128(format!("{scenario:?}").as_bytes()))
}

/// The shard that the environment names: of a Slurm array job, or of a Kubernetes Indexed Job.
fn resolve(shard: ShardArg) -> Result<Shard, CliError> {
    let count = match shard {
        ShardArg::Fixed(shard) => return Ok(shard),
        ShardArg::Auto(count) => count,
    };
    let bad = |message: &str| CliError::BadInput(format!("--shard auto: {message}"));
    if let Some(id) = environment_number("SLURM_ARRAY_TASK_ID")? {
        let first = environment_number("SLURM_ARRAY_TASK_MIN")?.unwrap_or(0);
        let count = environment_number("SLURM_ARRAY_TASK_COUNT")?.or(count);
        let count = count.ok_or_else(|| bad("SLURM_ARRAY_TASK_COUNT is not set"))?;
        return shard_of(id.saturating_sub(first), count).ok_or_else(|| bad("the array job has gaps"));
    }
    if let Some(index) = environment_number("JOB_COMPLETION_INDEX")? {
        let count =
            count.ok_or_else(|| bad("an Indexed Job does not say how many pods it has: --shard auto/N"))?;
        return shard_of(index, count).ok_or_else(|| bad("the completion index is not below N"));
    }
    Err(bad("neither SLURM_ARRAY_TASK_ID nor JOB_COMPLETION_INDEX is set"))
}

fn shard_of(number: usize, count: usize) -> Option<Shard> {
    (number < count).then_some(Shard { number, count })
}

#[expect(clippy::disallowed_methods, reason = "which shard this is, is what the environment is asked for")]
fn environment_number(name: &str) -> Result<Option<usize>, CliError> {
    let Ok(text) = std::env::var(name) else { return Ok(None) };
    let number = text.parse().map_err(|_| CliError::BadInput(format!("{name} is not a number: {text:?}")))?;
    Ok(Some(number))
}
