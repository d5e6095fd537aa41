//! `sim test`: folders of scenarios as test suites, and what CI systems read of them.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;

const HOLDS: &str = "apiVersion: sim/v1\nkind: Scenario\nmetadata: {name: holds}\nspec:\n  expect:\n    \
    - {that: nodes.size() == 3, message: three nodes}\n    - {that: pods.size() == 0}\n";
const FAILS: &str = "apiVersion: sim/v1\nkind: Scenario\nmetadata: {name: fails}\nspec:\n  horizon: 1m\n  expect:\n    \
    - {at: 5s, that: 'nodes.size() < 3 || \"<&>\" == \"\"', message: few & \"cheap\" nodes}\n    \
    - {at: 30s, that: pods.size() == 0}\n    - {that: nodes.size() == 3}\n";
const VARIED: &str = "apiVersion: sim/v1\nkind: Scenario\nmetadata: {name: varied}\nspec:\n  \
    nodePools: [{name: a, count: 2, capacity: {cpu: 1, memory: 1Gi}}]\n  manifests: [pod.yaml]\n  \
    expect: [{that: nodes.size() == 2}]\n  variants:\n    - {name: as-it-is}\n    \
    - {name: bigger, nodePools: [{name: a, count: 3, capacity: {cpu: 1, memory: 1Gi}}]}\n";
const POD: &str =
    "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: web, image: web}]}\n";
const BROKEN: &str = "apiVersion: sim/v1\nkind: Scenario\nspec: {expct: []}\n";
const TORN: &str = "apiVersion: sim/v1\nkind: Scenario\nspec: {expect: [\n";

/// A new folder of this test's own with some files.
fn folder(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    for (file, text) in files {
        let path = folder.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

#[track_caller]
fn sim(folder: &Path, args: &[&str], code: i32) -> (String, String) {
    let output = Command::cargo_bin("sim").unwrap().current_dir(folder).args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(output.stdout), text(output.stderr));
    assert_eq!(output.status.code(), Some(code), "{args:?}\n{out}{err}");
    (out, err)
}

#[test]
fn every_file_with_a_scenario_is_a_test_and_every_variant_one_of_its_own() {
    let files = [("s/b.yaml", HOLDS), ("s/sub/c.yaml", VARIED), ("s/sub/pod.yaml", POD), ("s/a.yaml", FAILS)];
    let folder = folder("suite-kinds", &files);
    fs::write(folder.join("s/notes.yaml"), "- no\n- manifest\n").unwrap();
    let (out, _) = sim(&folder, &["test", "s"], 1);
    let expected = "\
FAILED  s/a.yaml               2 of 3 hold
        s/a.yaml:7:22: nodes.size() < 3 || \"<&>\" == \"\"  (few & \"cheap\" nodes)
        at 5s: false
ok      s/b.yaml               2 of 2 hold
ok      s/sub/c.yaml as-it-is  1 of 1 hold
FAILED  s/sub/c.yaml bigger    0 of 1 hold
        s/sub/c.yaml:7:19: nodes.size() == 2
        at 0s: found 3 == 2

tests   2 of 4 ok, 2 failed; 5 of 7 expectations hold
besides 2 files without a Scenario
";
    assert_eq!(out, expected);
    sim(&folder, &["test", "s/b.yaml"], 0);
    let (_, err) = sim(&folder, &["test", "s/sub/pod.yaml"], 2);
    assert!(err.contains("no Scenario in 1 file: nothing to test"), "{err}");
}

#[test]
fn a_scenario_that_cannot_be_read_is_an_error_and_the_others_are_played() {
    let files = [("a.yaml", BROKEN), ("b.yaml", HOLDS), ("c.yaml", TORN), ("d.yaml", "kind: [\n")];
    let folder = folder("suite-errors", &files);
    let (out, _) = sim(&folder, &["test", "."], 2);
    assert!(out.contains("error   ./a.yaml\n        ./a.yaml:3:8: spec.expct: unknown field"), "{out}");
    assert!(out.contains("ok      ./b.yaml  2 of 2 hold\n"), "{out}");
    assert!(out.contains("error   ./c.yaml\n        ./c.yaml:4:1: "), "{out}");
    assert!(out.contains("tests   1 of 3 ok, 2 could not be played; 2 of 2 expectations hold\n"), "{out}");
    assert!(out.ends_with("besides 1 file without a Scenario\n"), "{out}");
}

#[test]
fn results_do_not_depend_on_the_number_of_workers() {
    let folder = folder("suite-workers", &[("a.yaml", FAILS), ("b.yaml", HOLDS), ("c.yaml", BROKEN)]);
    let outputs = ["1", "4"].map(|workers| {
        let files = ["--junit", "junit.xml", "--markdown", "summary.md"];
        let args = [&["test", ".", "--workers", workers, "-o", "json"], &files[..]].concat();
        let out = sim(&folder, &args, 2).0;
        let read = |name| fs::read_to_string(folder.join(name)).unwrap();
        (out, read("junit.xml"), read("summary.md"))
    });
    assert_eq!(outputs[0], outputs[1]);
    let json: Value = serde_json::from_str(&outputs[0].0).unwrap();
    assert_eq!(json["format"], "sim/test/v1");
    let outcomes: Vec<&str> =
        json["tests"].as_array().unwrap().iter().map(|test| test["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["failed", "ok", "error"]);
}

#[test]
fn junit_has_a_suite_per_scenario_and_a_case_per_expectation() {
    let folder = folder("suite-junit", &[("a.yaml", FAILS), ("b.yaml", HOLDS), ("c.yaml", BROKEN)]);
    sim(&folder, &["test", ".", "--junit", "junit.xml"], 2);
    let xml = fs::read_to_string(folder.join("junit.xml")).unwrap();
    let expected = [
        "<testsuites name=\"sim\" tests=\"6\" failures=\"1\" errors=\"1\" time=\"60\">",
        "  <testsuite name=\"./a.yaml\" file=\"./a.yaml\" tests=\"3\" failures=\"1\" errors=\"0\" \
         time=\"60\">",
        "    <testcase name=\"few &amp; &quot;cheap&quot; nodes\" classname=\"./a.yaml\" time=\"5\">",
        "      <failure message=\"false\" type=\"expectation\">./a.yaml:7:22: nodes.size() &lt; 3 || \
         &quot;&lt;&amp;&gt;&quot; == &quot;&quot;&#10;false</failure>",
        "    <testcase name=\"pods.size() == 0\" classname=\"./a.yaml\" time=\"30\"/>",
        "    <testcase name=\"three nodes\" classname=\"./b.yaml\" time=\"0\"/>",
        "      <error message=\"./c.yaml:3:8: spec.expct: unknown field",
    ];
    for line in expected {
        assert!(xml.contains(line), "{line}\n{xml}");
    }
    let opened = xml.matches("<testcase ").count();
    let closed = xml.matches("</testcase>").count()
        + ["0", "30", "60"].map(|at| xml.matches(&format!("time=\"{at}\"/>")).count()).iter().sum::<usize>();
    assert_eq!((opened, closed), (6, 6), "{xml}");
}

#[test]
fn markdown_shows_what_failed_what_was_found_and_how_to_see_it_again() {
    let folder = folder("suite-markdown", &[("a.yaml", FAILS), ("b.yaml", HOLDS)]);
    let (out, _) = sim(&folder, &["test", ".", "-o", "markdown"], 1);
    let expected = [
        "### sim test: FAILED\n\n1 of 2 ok, 1 failed; 4 of 5 expectations hold\n",
        "| few & \"cheap\" nodes: `nodes.size() < 3 \\|\\| \"<&>\" == \"\"` | 5s | `false` | `./a.yaml:7:22` |",
        "again: `sim run ./a.yaml --seed 1`",
        "| `./b.yaml` | ok | 2 of 2 hold | 0s | `",
    ];
    for line in expected {
        assert!(out.contains(line), "{line}\n{out}");
    }
    let (out, _) = sim(&folder, &["run", "a.yaml", "-o", "markdown"], 1);
    assert!(out.starts_with("### fails: FAILED\n\n- Nothing ran") && out.contains("<details>"), "{out}");
}

#[test]
fn comparisons_can_be_shown_in_a_pull_request() {
    let folder = folder("suite-compare", &[("c.yaml", VARIED), ("pod.yaml", POD)]);
    let (out, _) = sim(&folder, &["compare", "c.yaml", "--trials", "2", "-o", "markdown"], 0);
    assert!(out.starts_with("### as-it-is / bigger\n\n- bigger against as-it-is: "), "{out}");
    assert!(out.contains("| MEASURE | as-it-is | bigger | bigger - as-it-is |  |\n| --- | --- |"), "{out}");
}
