//! Files that are written whole or not at all.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// Writes files beside their names and moves them there when all are written, in their order: a half-written file never
/// has the name, and what was there before stays where one cannot be written.
pub(super) fn write_whole(files: &[(PathBuf, &[u8])]) -> anyhow::Result<()> {
    let beside: Vec<PathBuf> = files.iter().map(|(path, _)| with_ending(path, "new")).collect();
    let written =
        files.iter().zip(&beside).try_for_each(|((path, bytes), beside)| write(path, bytes, beside));
    let moved = written.and_then(|()| {
        files.iter().zip(&beside).try_for_each(|((path, _), beside)| {
            fs::rename(beside, path).with_context(|| format!("{}: cannot be written", path.display()))
        })
    });
    if moved.is_err() {
        for path in &beside {
            // What is there of them is of no use, and the error is what counts.
            let _ = fs::remove_file(path);
        }
    }
    moved
}

fn write(path: &Path, bytes: &[u8], beside: &Path) -> anyhow::Result<()> {
    let shown = || format!("{}: cannot be written", path.display());
    let mut file = File::create(beside).with_context(shown)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).with_context(shown)
}

/// A path with another ending after its own.
pub(super) fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{ending}"));
    name.into()
}
