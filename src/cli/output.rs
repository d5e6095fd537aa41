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
    let beside = with_ending(path, "new");
    let shown = || format!("{}: cannot be written", path.display());
    let mut file = File::create(&beside).with_context(shown)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if written.is_err() {
        // What is there of it is of no use, and the error is what counts.
        let _ = fs::remove_file(&beside);
    }
    written.with_context(shown)?;
    fs::rename(&beside, path).with_context(shown)
}

/// The path with another ending behind its own.
pub(super) fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{ending}"));
    name.into()
}
