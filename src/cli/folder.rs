//! Writes a report into a folder.
//!
//! Each file is written beside its name and moved there, so that no reader sees half a file. Files that are in the folder
//! already and are no part of the report stay.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use anyhow::Context;

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
        let path = folder.join(&file.path);
        write_file(&path, &file.bytes).with_context(|| format!("{}: cannot be written", path.display()))?;
    }
    Ok(())
}

fn write_file(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let beside = Path::new(&name);
    let mut file = File::create(beside)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if let Err(error) = written {
        // What is there of it is of no use, and the error is what counts.
        let _ = fs::remove_file(beside);
        return Err(error);
    }
    fs::rename(beside, path)
}
