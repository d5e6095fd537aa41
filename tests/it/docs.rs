//! The documents say what is true today: outputs in the README, the reference of the Scenario format.

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

#[test]
fn every_output_in_the_readme_is_what_the_command_prints() {
    let blocks = console_blocks(&read("README.md"));
    assert!(blocks.len() >= 2, "the README shows {} outputs", blocks.len());
    for (command, shown) in blocks {
        assert_eq!(output(&command).trim_end(), shown, "sim {command}");
    }
}

#[test]
fn the_reference_of_the_scenario_format_is_written_from_the_types() {
    let hint = "write it anew: cargo run -- schema --markdown > docs/scenario.md";
    assert_eq!(read("docs/scenario.md"), output("schema --markdown"), "{hint}");
}
