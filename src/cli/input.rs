//! Files to scenario: finds them, reads them, reports what is wrong with them.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;

use crate::cli::CliError;
use crate::cli::args::{Failure, InputArgs};
use crate::engine::SimDuration;
use crate::manifest::diagnostic::Diagnostics;
use crate::manifest::limits::TEXT_BYTES_MAX;
use crate::manifest::load::{self, Loaded, Options, has_scenario};
use crate::manifest::source::{self, Source};

/// Reads the input and prints its warnings to stderr.
pub(super) fn load(args: &InputArgs) -> Result<Loaded, CliError> {
    let loaded = load_quietly(args)?;
    eprint!("{}", loaded.warnings);
    Ok(loaded)
}

/// Reads the input.
pub(super) fn load_quietly(args: &InputArgs) -> Result<Loaded, CliError> {
    Input::read(args)?.load(options(args))
}

/// What the arguments ask of the reader.
pub(super) fn options(args: &InputArgs) -> Options {
    Options {
        seed: args.seed,
        variant: args.variant.clone(),
        settings: args.set.clone(),
        allows_unmodelled: args.allow_unmodelled,
        failures: args.fail.iter().flat_map(Failure::actions).collect(),
        ..Options::default()
    }
}

/// Files that were read, to be loaded once or many times.
pub(super) struct Input {
    sources: Vec<Source>,
}

impl Input {
    /// Reads the files that the arguments name.
    pub(super) fn read(args: &InputArgs) -> Result<Self, CliError> {
        let mut sources = Vec::new();
        for path in &args.files {
            read_into(path, &mut sources)?;
        }
        Ok(Self { sources })
    }

    /// Whether there is a Scenario in them, or should be in one that cannot be read.
    pub(super) fn means_a_scenario(&self) -> bool {
        let is_readable = || {
            let mut diagnostics = Diagnostics::default();
            self.sources.iter().for_each(|source| drop(source::trees(source, &mut diagnostics)));
            !diagnostics.has_errors()
        };
        let is_named = |source: &Source| source.text.windows(8).any(|word| word == b"Scenario");
        has_scenario(&self.sources) || self.sources.iter().any(is_named) && !is_readable()
    }

    /// Makes a scenario of them.
    pub(super) fn load(&self, options: Options) -> Result<Loaded, CliError> {
        load::load(&self.sources, &mut fetch, &options)
            .map_err(|diagnostics| CliError::BadInput(diagnostics.to_string()))
    }
}

/// Warns of failures that a run which is ended early does not come to.
pub(super) fn warn_of_late_failures(args: &InputArgs, until: Option<SimDuration>) {
    for failure in args.fail.iter().filter(|failure| until.is_some_and(|until| failure.begin() > until)) {
        eprintln!("warning: `--fail {failure}` is after `--until`: never done");
    }
}

/// The arguments that give this input again, with the seed that was taken.
pub(super) fn words(args: &InputArgs, seed: u64) -> Vec<String> {
    let mut words: Vec<String> = args.files.iter().map(|file| file.display().to_string()).collect();
    words.extend(args.variant.iter().map(|name| format!("--variant {name}")));
    words.push(format!("--seed {seed}"));
    words.extend(args.set.iter().map(|(name, value)| format!("--set {name}={value}")));
    words.extend(args.fail.iter().map(|failure| format!("--fail {failure}")));
    words.extend(args.allow_unmodelled.then(|| "--allow-unmodelled".to_owned()));
    words
}

/// The files with a Scenario in them, and the others.
pub(super) fn scenario_files(args: &InputArgs) -> Result<(Vec<PathBuf>, Vec<PathBuf>), CliError> {
    let (mut scenarios, mut others) = (Vec::new(), Vec::new());
    for path in &args.files {
        let mut sources = Vec::new();
        // Standard input can be read only once, and so is left to who plays it.
        if path.as_os_str() != "-" {
            read_into(path, &mut sources)?;
        }
        let files = if has_scenario(&sources) { &mut scenarios } else { &mut others };
        files.push(path.clone());
    }
    Ok((scenarios, others))
}

/// Reads a file that another one names by a relative path.
fn fetch(from: &str, name: &str) -> Result<Source, String> {
    let folder = Path::new(from).parent().unwrap_or(Path::new(""));
    let path = folder.join(name);
    read_file(&path).map_err(|error| format!("{error:#}"))
}

fn read_into(path: &Path, sources: &mut Vec<Source>) -> Result<(), CliError> {
    if path.as_os_str() == "-" {
        let text = read_bounded(io::stdin().lock()).context("standard input")?;
        sources.push(Source { name: Arc::from("-"), text });
    } else if path.is_dir() {
        for file in manifests_in(path)? {
            sources.push(read_file(&file)?);
        }
    } else {
        sources.push(read_file(path)?);
    }
    Ok(())
}

fn read_file(path: &Path) -> anyhow::Result<Source> {
    let shown = path.display().to_string();
    let file = fs::File::open(path).with_context(|| format!("{shown}: cannot be opened"))?;
    let text = read_bounded(file).with_context(|| format!("{shown}: cannot be read"))?;
    Ok(Source { name: shown.into(), text })
}

/// Reads no more than what the reader would refuse anyway.
fn read_bounded(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    reader.take(TEXT_BYTES_MAX as u64 + 1).read_to_end(&mut text)?;
    Ok(text)
}

/// The files that some paths name, each once: of folders all manifests in them and below, by path. Hidden folders and
/// links to folders are left out.
pub(super) fn files_below(paths: &[PathBuf]) -> Result<Vec<PathBuf>, CliError> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let mut found = Vec::new();
            walk(path, &mut found)?;
            if found.is_empty() {
                let shown = path.display();
                return Err(CliError::BadInput(format!(
                    "{shown}: no .yaml, .yml or .json file in it or below"
                )));
            }
            found.sort();
            files.extend(found);
        } else {
            files.push(path.clone());
        }
    }
    let mut known = BTreeSet::new();
    files.retain(|file| known.insert(file.clone()));
    Ok(files)
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let shown = || format!("{}: cannot be listed", folder.display());
    for entry in fs::read_dir(folder).with_context(shown)? {
        let entry = entry.with_context(shown)?;
        let path = entry.path();
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if entry.file_type().with_context(shown)?.is_dir() {
            if !is_hidden {
                walk(&path, files)?;
            }
        } else if is_manifest(&path) && path.is_file() {
            files.push(path);
        }
    }
    Ok(())
}

fn is_manifest(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    matches!(ending, Some("yaml" | "yml" | "json"))
}

/// The manifests in a folder, by name, as `kubectl apply -f` takes them.
fn manifests_in(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let shown = || format!("{}: cannot be listed", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(shown)? {
        let path = entry.with_context(shown)?.path();
        if is_manifest(&path) {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        anyhow::bail!("{}: no .yaml, .yml or .json file in it", folder.display());
    }
    Ok(files)
}
