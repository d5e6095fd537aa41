//! Variants: how they are put on, and how `sim compare` tells them apart.

use std::fs;
use std::path::PathBuf;

use assert_cmd::Command;
use serde_json::Value;

const SCENARIO: &str = r#"
apiVersion: sim/v1
kind: Scenario
metadata: {name: v}
spec:
  nodePools:
    - {name: small, count: 3, capacity: {cpu: "4", memory: 16Gi}, pricePerHour: 0.25}
  images:
    work/1.0: {steps: [{run: {exponential: 20s}}]}
  variants:
    - {name: base}
    - {name: same, description: Nothing else.}
    - {name: bigger, nodePools: [{name: small, count: 5, capacity: {cpu: "4", memory: 16Gi}, pricePerHour: 0.25}]}
    - {name: quick, images: {work/1.0: {steps: [{run: {exponential: 10s}}]}}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: j}
spec:
  completions: 10
  parallelism: 3
  template:
    spec:
      restartPolicy: Never
      containers: [{name: c, image: work/1.0, resources: {requests: {cpu: "1"}}}]
"#;

/// A folder of this test's own with some files.
fn folder(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).unwrap();
    for (file, text) in files {
        fs::write(folder.join(file), text).unwrap();
    }
    folder
}

fn sim(folder: &PathBuf, arguments: &[&str]) -> (String, String, Option<i32>) {
    let outcome = Command::cargo_bin("sim").unwrap().current_dir(folder).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(outcome.stdout), text(outcome.stderr), outcome.status.code())
}

fn measure<'a>(summary: &'a Value, name: &str) -> &'a Value {
    let measures = summary["measures"].as_array().unwrap();
    measures.iter().find(|measure| measure["name"] == name).unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn a_comparison_does_not_depend_on_the_number_of_workers() {
    let folder = folder("compare-workers", &[("v.yaml", SCENARIO)]);
    let compare = |workers| sim(&folder, &["compare", "v.yaml", "--trials", "6", "--workers", workers]).0;
    let one = compare("1");
    assert!(one.contains("quick against base: better in end of the last Job"), "{one}");
    assert_eq!(one, compare("4"));
}

#[test]
fn pairs_share_their_random_numbers() {
    let folder = folder("compare-pairs", &[("v.yaml", SCENARIO)]);
    let summary = sim(&folder, &["compare", "v.yaml", "--trials", "8", "-o", "json"]).0;
    let summary: Value = serde_json::from_str(&summary).unwrap();
    assert_eq!(summary["variants"], serde_json::json!(["base", "same", "bigger", "quick"]));
    for measure in summary["measures"].as_array().unwrap() {
        assert_eq!(measure["judgements"][0], "no difference", "{measure}");
        assert_eq!(measure["differences"][0]["mean"], 0.0, "{measure}");
    }
    // Twice as fast is half as long in every single pair, however much the trials differ among each other.
    let end = measure(&summary, "end of the last Job");
    assert_eq!(end["judgements"][2], "better");
    let (whole, half) = (&end["means"][0], &end["differences"][2]);
    let width = |interval: &Value| interval["high"].as_f64().unwrap() - interval["low"].as_f64().unwrap();
    assert!(width(half) < width(whole), "{end}");
    let cost = measure(&summary, "cost");
    assert_eq!((&cost["judgements"][1], cost["means"][2]["mean"].as_f64()), (&"worse".into(), Some(1.25)));
}

#[test]
fn a_single_trial_shows_no_difference() {
    let folder = folder("compare-single", &[("v.yaml", SCENARIO)]);
    let text = sim(&folder, &["compare", "v.yaml", "--trials", "1"]).0;
    assert!(text.contains("quick against base: no difference"), "{text}");
}

#[test]
fn several_scenario_files_are_compared_with_the_manifests_beside_them() {
    let (scenario, job) = SCENARIO.split_once("---\n").unwrap();
    let plain = scenario.split("  variants:").next().unwrap();
    let quick = plain.replace("name: v}", "name: w}").replace("20s", "10s");
    let files = [("a.yaml", plain), ("b.yaml", &quick), ("job.yaml", job)];
    let folder = folder("compare-files", &files);
    let text = sim(&folder, &["compare", "a.yaml", "b.yaml", "job.yaml", "--trials", "5"]).0;
    assert!(text.starts_with("w against v: better in end of the last Job"), "{text}");
}

#[test]
fn a_variant_may_be_another_scenario_file() {
    let plain = SCENARIO.split("  variants:").next().unwrap();
    let joined = "apiVersion: sim/v1\nkind: Scenario\nspec:\n  variants:\n    - {name: one, scenario: one.yaml}\n    \
        - {name: two, scenario: two.yaml, seed: 3}\n    - {name: three, scenario: none.yaml}\n";
    let folder = folder("compare-joined", &[("joined.yaml", joined), ("one.yaml", plain)]);
    assert_eq!(sim(&folder, &["run", "joined.yaml", "--variant", "one"]).2, Some(0));
    let (_, error, code) = sim(&folder, &["run", "joined.yaml", "--variant", "two"]);
    assert_eq!(
        (error.trim(), code),
        (
            "joined.yaml:6:7: spec.variants[1]: `scenario` excludes other fields: they stand in that file",
            Some(2)
        )
    );
    let (_, error, _) = sim(&folder, &["run", "joined.yaml", "--variant", "three"]);
    assert!(
        error.starts_with("joined.yaml:7:31: spec.variants[2].scenario: none.yaml: cannot be opened"),
        "{error}"
    );
}

#[test]
fn mistakes_in_variants_have_their_places() {
    let broken = SCENARIO.replace("name: quick, images", "name: quick, imges");
    let folder = folder("compare-mistakes", &[("v.yaml", SCENARIO), ("broken.yaml", &broken)]);
    let (_, error, code) = sim(&folder, &["check", "broken.yaml"]);
    assert_eq!(
        (error.trim(), code),
        ("broken.yaml:14:21: spec.imges: unknown field `imges`; did you mean `images`?", Some(2))
    );
    let (_, error, _) = sim(&folder, &["run", "v.yaml", "--variant", "bigge"]);
    assert!(error.contains("the scenario has no variant `bigge`; did you mean `bigger`?"), "{error}");
    let twice = SCENARIO.replace("name: same", "name: base");
    fs::write(folder.join("twice.yaml"), twice).unwrap();
    let (_, error, _) = sim(&folder, &["check", "twice.yaml"]);
    assert!(error.contains("there is another variant `base`"), "{error}");
}
