//! Results as bytes, and files that are whole or not there.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;

use crate::cli::CliError;

/// A result as JSON.
pub(super) fn json(result: &impl Serialize) -> Result<String, CliError> {
    Ok(serde_json::to_string_pretty(result).map_err(anyhow::Error::from)? + "\n")
}

/// A result as YAML.
pub(super) fn yaml(result: &impl Serialize) -> Result<String, CliError> {
    Ok(serde_yaml::to_string(result).map_err(anyhow::Error::from)?)
}

/// Writes a file beside its name and moves it there, so that a half-written file never has it.
pub(super) fn write_file(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    write_files(&[(path.to_owned(), bytes)])
}

/// Writes files beside their names and moves them there, in their order, when all are written: where one cannot be
/// written, what was there before stays.
pub(super) fn write_files(files: &[(PathBuf, &[u8])]) -> anyhow::Result<()> {
    let beside = |path: &Path| with_ending(path, "new");
    let cannot = |path: &Path| format!("{}: cannot be written", path.display());
    let written = files.iter().try_for_each(|(path, bytes)| {
        let mut file = File::create(beside(path)).with_context(|| cannot(path))?;
        file.write_all(bytes).and_then(|()| file.sync_all()).with_context(|| cannot(path))
    });
    let moved = written.and_then(|()| {
        files.iter().try_for_each(|(path, _)| fs::rename(beside(path), path).with_context(|| cannot(path)))
    });
    if moved.is_err() {
        for (path, _) in files {
            // What is there of it is of no use, and the error is what counts.
            let _ = fs::remove_file(beside(path));
        }
    }
    moved
}

/// The path with another ending behind its own.
pub(super) fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{ending}"));
    name.into()
}
