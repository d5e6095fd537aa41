//! The documents say what is true today: outputs in the README, the reference of the Scenario format.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::Path;

use assert_cmd::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// What `sim` prints for these arguments, in the root of the package. A report goes into a folder of its own and is
/// compared with the one that is shipped.
fn output(arguments: &str) -> String {
    let mut command = Command::cargo_bin("sim").unwrap();
    let mut words: Vec<String> = arguments.split_whitespace().map(str::to_owned).collect();
    let report = words.iter().position(|word| word == "--report").map(|flag| words[flag + 1].clone());
    let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join("documents");
    if let Some(report) = &report {
        let _ = fs::remove_dir_all(made.join(report));
        words.iter_mut().filter(|word| *word == report).for_each(|word| {
            *word = made.join(report).display().to_string();
        });
    }
    let outcome = command.current_dir(root()).args(&words).output().unwrap();
    if let Some(report) = &report {
        check_report(report, &made.join(report));
    }
    String::from_utf8(outcome.stdout).unwrap()
}

/// Compares a shipped report with the one that was made now, or ships that where `UPDATE_GOLDEN` is set.
#[track_caller]
fn check_report(shipped: &str, made: &Path) {
    let current = files_below(made);
    let shipped_folder = root().join(shipped);
    if env::var_os("UPDATE_GOLDEN").is_some() {
        let _ = fs::remove_dir_all(&shipped_folder);
        for (name, bytes) in &current {
            let path = shipped_folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }
    let old = files_below(&shipped_folder);
    assert!(!old.is_empty(), "{shipped} is not there: UPDATE_GOLDEN=1 writes it");
    let differs = current.iter().find(|(name, bytes)| old.get(*name) != Some(bytes)).map(|(name, _)| name);
    assert_eq!(differs, None, "{shipped} is out of date: UPDATE_GOLDEN=1 writes it anew");
    assert!(old.keys().eq(current.keys()), "{shipped} has files that are no longer made");
}

/// All files below a folder, by path.
pub fn files_below(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(&inner).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// The console blocks of a document: the command after `$ sim ` and the lines that follow it.
fn console_blocks(text: &str) -> Vec<(String, String)> {
    let blocks = text.split("```console\n").skip(1).filter_map(|rest| rest.split("```").next());
    let commands = blocks.flat_map(|block| block.split("$ ").skip(1));
    commands
        .filter_map(|entry| {
            let (command, shown) = entry.split_once('\n')?;
            Some((command.strip_prefix("sim ")?.to_owned(), shown.trim_end().to_owned()))
        })
        .filter(|(_, shown)| !shown.is_empty())
        .collect()
}

/// Compares a document with what it should be, or writes it anew where `UPDATE_GOLDEN` is set.
#[track_caller]
pub fn check_document(name: &str, current: &str) {
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(root().join(name), current).unwrap();
    }
    let text = read(name);
    let differs = text.lines().zip(current.lines()).enumerate().find(|(_, (old, new))| old != new);
    assert_eq!(differs, None, "{name} is out of date: UPDATE_GOLDEN=1 writes it anew");
    assert_eq!(text.len(), current.len(), "{name} is out of date: UPDATE_GOLDEN=1 writes it anew");
}

#[test]
fn every_output_in_the_readme_is_what_the_command_prints() {
    let readme = read("README.md");
    let blocks = console_blocks(&readme);
    assert!(blocks.len() >= 2, "the README shows {} outputs", blocks.len());
    let mut current = readme.clone();
    for (command, shown) in blocks {
        let (old, new) = (format!("$ sim {command}\n{shown}"), output(&command));
        current = current.replace(&old, &format!("$ sim {command}\n{}", new.trim_end()));
    }
    check_document("README.md", &current);
}

#[test]
fn the_reference_of_the_scenario_format_is_written_from_the_types() {
    check_document("docs/scenario.md", &output("schema --markdown"));
}
