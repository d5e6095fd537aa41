//! The documents say what is true today: outputs in the README, the reference of the Scenario format.

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

/// What `sim` prints for these arguments, in the root of the package.
fn output(arguments: &str) -> String {
    let mut command = Command::cargo_bin("sim").unwrap();
    let outcome = command.current_dir(root()).args(arguments.split_whitespace()).output().unwrap();
    String::from_utf8(outcome.stdout).unwrap()
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
