//! Writes a report into a folder.
//!
//! Each file is written beside its name and moved there, so that no reader sees half a file. Files that are in the folder
//! already and are no part of the report stay.

use std::fs::{self, File};
use std::path::Path;

use anyhow::Context;

use crate::cli::output;
use crate::report::folder::Report;

/// Makes the folder where it is not there, so that a run does not end with a folder that cannot be written.
pub(super) fn prepare(folder: &Path) -> anyhow::Result<()> {
    for inner in ["", "charts", "data"] {
        let path = folder.join(inner);
        fs::create_dir_all(&path).with_context(|| format!("{}: cannot be made", path.display()))?;
    }
    let probe = folder.join(".sim-report");
    let written = File::create(&probe).and_then(|_| fs::remove_file(&probe));
    written.with_context(|| format!("{}: cannot be written", folder.display()))
}

/// Writes all files of a report.
pub(super) fn write(report: &Report, folder: &Path) -> anyhow::Result<()> {
    prepare(folder)?;
    for file in &report.files {
        output::write_file(&folder.join(&file.path), &file.bytes)?;
    }
    Ok(())
}
