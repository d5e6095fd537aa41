//! `sim import`: what others recorded to scenarios.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::cli::args::{ImportArgs, ImportFormat, ImportOutput};
use crate::cli::{CliError, Outcome, output};
use crate::import::intake::OnBadRow;
use crate::import::table::Head;
use crate::import::{ImportError, Imported, azure, kubectl, openb, swf, table};

/// `sim import`
pub(super) fn import(args: &ImportArgs, out: &mut impl Write) -> Result<Outcome, CliError> {
    let (imported, output) = match &args.format {
        ImportFormat::Kubectl { file, output } => {
            let options = kubectl::Options { name: output.name(file), on_bad_row: output.on_bad_row() };
            (read(file, |name, reader| kubectl::import(name, reader, &options))?, output)
        }
        ImportFormat::Swf { file, nodes, processor, output } => {
            let options = swf::Options {
                name: output.name(file),
                pool: nodes.clone(),
                processor: (*processor).into(),
                on_bad_row: output.on_bad_row(),
            };
            (read(file, |name, reader| swf::import(name, reader, &options))?, output)
        }
        ImportFormat::Csv { file, columns, no_header, nodes, output } => {
            let options = table::Options {
                name: output.name(file),
                columns: columns.clone(),
                head: if *no_header { Head::None } else { Head::Named },
                pool: nodes.clone(),
                on_bad_row: output.on_bad_row(),
            };
            (read(file, |name, reader| table::import(name, reader, &options))?, output)
        }
        ImportFormat::Azure { file, top, output } => {
            let options =
                azure::Options { name: output.name(file), top: *top, on_bad_row: output.on_bad_row() };
            (read(file, |name, reader| azure::import(name, reader, &options))?, output)
        }
        ImportFormat::Openb { files, output } => (openb(files, output)?, output),
    };
    for note in &imported.notes {
        eprintln!("{note}");
    }
    write_imported(&imported, output, out)?;
    Ok(Outcome::Ok)
}

fn openb(files: &[PathBuf], output: &ImportOutput) -> Result<Imported, CliError> {
    let first = files.first().map_or(Path::new("-"), PathBuf::as_path);
    let options = openb::Options { name: output.name(first), on_bad_row: output.on_bad_row() };
    let opened: anyhow::Result<Vec<_>> =
        files.iter().map(|file| Ok((file.display().to_string(), open(file)?))).collect();
    openb::import(opened?, &options).map_err(error)
}

/// Has an importer read a file, or standard input.
fn read(
    file: &Path,
    import: impl FnOnce(&str, Box<dyn BufRead>) -> Result<Imported, ImportError>,
) -> Result<Imported, CliError> {
    import(&file.display().to_string(), open(file)?).map_err(error)
}

fn open(file: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    if file.as_os_str() == "-" {
        return Ok(Box::new(io::stdin().lock()));
    }
    let opened = File::open(file).with_context(|| format!("{}: cannot be opened", file.display()))?;
    Ok(Box::new(BufReader::new(opened)))
}

fn error(error: ImportError) -> CliError {
    match error {
        ImportError::Io(error) => CliError::Failed(error.into()),
        ImportError::Rows(_) | ImportError::Input(_) => CliError::BadInput(error.to_string()),
    }
}

/// Writes the scenario and its files; to stdout where it has none and no file is named.
fn write_imported(imported: &Imported, to: &ImportOutput, out: &mut impl Write) -> Result<(), CliError> {
    let Some(path) = &to.out else {
        if let Some(companion) = imported.companions.first() {
            let message = format!(
                "the scenario refers to files, such as {}: -o FILE says where they go",
                companion.name
            );
            return Err(CliError::BadInput(message));
        }
        out.write_all(imported.scenario.as_bytes()).map_err(anyhow::Error::from)?;
        return Ok(());
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    let companions = imported.companions.iter();
    let mut files: Vec<(PathBuf, &[u8])> =
        companions.map(|companion| (folder.join(&companion.name), companion.text.as_bytes())).collect();
    files.push((path.clone(), imported.scenario.as_bytes()));
    output::write_files(&files)?;
    for (path, _) in &files {
        writeln!(out, "written {}", path.display()).map_err(anyhow::Error::from)?;
    }
    Ok(())
}

impl ImportOutput {
    /// The name of the scenario: that of its file, or of the input's, without ending.
    fn name(&self, input: &Path) -> String {
        let stem = |path: &Path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let own = self.out.as_deref().and_then(stem);
        let name = own.or_else(|| stem(input).filter(|stem| stem != "-"));
        name.unwrap_or_else(|| "imported".to_owned())
    }

    const fn on_bad_row(&self) -> OnBadRow {
        if self.skip_bad_rows { OnBadRow::Skip } else { OnBadRow::Refuse }
    }
}
