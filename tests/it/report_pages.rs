//! The pages of comparisons and sweeps: the same bytes on any number of threads, complete, and those in the repository
//! up to date.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;

use crate::docs::files_below;

/// How `reports/layouts` is made, without its folder.
const LAYOUTS: [&str; 4] = ["compare", "scenarios/layouts.yaml", "--trials", "5"];

const BASE: &str = "apiVersion: sim/v1\nkind: Scenario\nmetadata: {name: grid}\nspec:\n  params: {length: 10s}\n  \
    nodePools: [{name: small, count: 1, capacity: {cpu: 1, memory: 1Gi}, pricePerHour: 0.5}]\n  images:\n    \
    work/1.0: {steps: [{run: \"${length}\"}]}\n  expect: [{that: 'jobs[\"j\"].status.succeeded == 4', at: 25s}]\n";
const GRID: &str = "  sweep:\n    trials: 2\n    axes:\n      - {pool: small, values: [1, 2, 4]}\n      \
    - {param: length, values: [10s, 20s]}\n";
const VARIANTS: &str = "  variants:\n    - {name: base}\n    - {name: long, params: {length: 30s}}\n    \
    - {name: wide, nodePools: [{name: small, count: 3, capacity: {cpu: 1, memory: 1Gi}, pricePerHour: 0.5}]}\n";
const JOB: &str = "---\napiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\nspec:\n  completions: 4\n  \
    parallelism: 4\n  template:\n    spec:\n      restartPolicy: Never\n      \
    containers: [{name: c, image: work/1.0, resources: {requests: {cpu: 500m}}}]\n";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn fresh(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

#[track_caller]
fn sim(args: &[&str]) -> String {
    let output = Command::cargo_bin("sim").unwrap().current_dir(root()).args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    assert!(output.status.success(), "{args:?}\n{}", text(output.stderr));
    text(output.stdout)
}

/// All files below a folder, by path.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let found = files_below(folder).into_iter();
    found.map(|(name, bytes)| (name, String::from_utf8(bytes).unwrap())).collect()
}

/// The report that a command writes.
fn report(name: &str, args: &[&str]) -> BTreeMap<String, String> {
    let folder = fresh(name);
    sim(&[args, &["--report", folder.to_str().unwrap()]].concat());
    files(&folder)
}

fn sweep(name: &str, scenario: &str, workers: &str) -> BTreeMap<String, String> {
    let folder = fresh(&format!("{name}-out"));
    let out = folder.join("results.jsonl");
    let mut files = report(name, &["sweep", scenario, "--out", out.to_str().unwrap(), "--workers", workers]);
    for text in files.values_mut() {
        *text = text.replace(folder.to_str().unwrap(), "OUT");
    }
    files
}

#[track_caller]
fn check_links(files: &BTreeMap<String, String>) {
    let page = &files["index.html"];
    for (at, _) in page.match_indices("href=\"") {
        let target = page[at + 6..].split('"').next().unwrap();
        let is_inside = target.starts_with('#') && page.contains(&format!("id=\"{}\"", &target[1..]));
        assert!(is_inside || target == "data:," || files.contains_key(target), "{target}");
    }
    assert!(!page.contains("NaN") && !page.contains("inf\""), "numbers that are none");
}

#[test]
fn the_report_of_the_layouts_is_the_one_in_the_repository() {
    let files = report("pages-layouts", &LAYOUTS);
    let kept = root().join("reports/layouts");
    if env::var_os("UPDATE_GOLDEN").is_some() {
        let _ = fs::remove_dir_all(&kept);
        for (name, text) in &files {
            let path = kept.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }
    let golden = self::files(&kept);
    assert_eq!(files.keys().collect::<Vec<_>>(), golden.keys().collect::<Vec<_>>());
    for (name, text) in &files {
        assert!(
            *text == golden[name],
            "reports/layouts/{name} is out of date: UPDATE_GOLDEN=1 writes it anew"
        );
    }
    check_links(&files);
    let page = &files["index.html"];
    for id in
        ["verdict", "assumptions", "differences", "load", "cost", "replicas", "waste", "measures", "data"]
    {
        assert!(page.contains(&format!("<section id=\"{id}\"")), "no section {id}");
    }
    let json: Value = serde_json::from_str(&files["data/report.json"]).unwrap();
    assert_eq!(json["comparison"]["variants"], serde_json::json!(["one-pod", "separate"]));
    let ecdf: Vec<&str> = files["data/latency-ecdf.csv"].lines().collect();
    assert!(
        ecdf.len() > 200 && ecdf.last().unwrap().ends_with(",1"),
        "a distribution ends at 1: {:?}",
        ecdf.last()
    );
}

#[test]
fn the_page_of_a_comparison_does_not_depend_on_the_number_of_workers() {
    let scenario = fresh("pages-compare-input").join("v.yaml");
    fs::write(&scenario, [BASE, VARIANTS, JOB].concat()).unwrap();
    let compare = |workers: &str| {
        let args = ["compare", scenario.to_str().unwrap(), "--trials", "3", "--workers", workers];
        report(&format!("pages-compare-{workers}"), &args)
    };
    let one = compare("1");
    assert_eq!(one, compare("4"));
    check_links(&one);
    assert!(one.contains_key("charts/differences-1.svg") && one.contains_key("charts/differences-2.svg"));
    assert!(!one["index.html"].contains("id=\"load\""), "no load, no section on it");
}

#[test]
fn a_sweep_has_curves_and_maps_and_the_same_bytes_on_any_number_of_workers() {
    let scenario = fresh("pages-sweep-input").join("grid.yaml");
    fs::write(&scenario, [BASE, GRID, JOB].concat()).unwrap();
    let one = sweep("pages-sweep-1", scenario.to_str().unwrap(), "1");
    let four = sweep("pages-sweep-4", scenario.to_str().unwrap(), "4");
    assert_eq!(one, four);
    check_links(&one);
    let page = &one["index.html"];
    assert!(page.contains("<section id=\"curves\"") && page.contains("<section id=\"maps\""), "{page}");
    assert!(page.contains("All expectations hold in 10 of 12 runs"), "{page}");
    assert_eq!(one["data/runs.csv"].lines().count(), 13);
    assert!(
        one["data/curves.csv"].contains("\npool/small,1,length=10s,end of the last Job,"),
        "{}",
        one["data/curves.csv"]
    );
}

#[test]
fn shards_that_are_merged_have_the_page_of_the_whole() {
    let folder = fresh("pages-merge-input");
    fs::write(folder.join("grid.yaml"), [BASE, GRID, JOB].concat()).unwrap();
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let scenario = path("grid.yaml");
    let mut whole = sweep("pages-merge-whole", &scenario, "2");
    for shard in ["1", "2"] {
        sim(&[
            "sweep",
            &scenario,
            "--shard",
            &format!("{shard}/2"),
            "--out",
            &path(&format!("{shard}.jsonl")),
        ]);
    }
    let (first, second, out) = (path("1.jsonl"), path("2.jsonl"), path("r.csv"));
    let mut merged = report("pages-merge", &["merge", &first, &second, "--out", &out]);
    let again = |page: &str, command: &str| {
        let from = page.find(command).unwrap_or_else(|| panic!("no {command} on the page"));
        let until = from + page[from..].find('<').unwrap();
        page.replace(&page[from..until], "AGAIN")
    };
    let page = |files: &mut BTreeMap<String, String>| files.remove("index.html").unwrap();
    assert_eq!(again(&page(&mut merged), "sim merge"), again(&page(&mut whole), "sim sweep"));
    assert_eq!(merged, whole);
}

#[test]
fn what_nodes_keep_from_pods_is_no_idle_cpu() {
    let pool = "{name: a, count: 2, capacity: {cpu: 4, memory: 4Gi}";
    let text = format!(
        "apiVersion: sim/v1\nkind: Scenario\nmetadata: {{name: kept}}\nspec:\n  horizon: 1m\n  \
         nodePools: [{pool}}}]\n  images: {{web/1: {{serve: [{{port: 80, cpu: 5ms}}]}}}}\n  \
         traffic: [{{name: users, to: 'pod/web:80', rate: 20/s}}]\n  variants:\n    - {{name: all}}\n    \
         - {{name: most, nodePools: [{pool}, allocatable: {{cpu: 3, memory: 4Gi}}}}]}}\n---\napiVersion: v1\n\
         kind: Pod\nmetadata: {{name: web}}\nspec:\n  \
         containers: [{{name: c, image: web/1, resources: {{requests: {{cpu: 1}}}}}}]\n"
    );
    let scenario = fresh("pages-kept-input").join("kept.yaml");
    fs::write(&scenario, text).unwrap();
    let files = report("pages-kept", &["compare", scenario.to_str().unwrap(), "--trials", "2"]);
    let mut reader = csv::Reader::from_reader(files["data/waste.csv"].as_bytes());
    let rows = reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect::<Vec<_>>());
    for (row, (name, idle, kept)) in rows.zip([("all", 7.0, 0.0), ("most", 5.0, 2.0)]) {
        let number = |at: usize| row[at].parse::<f64>().unwrap();
        assert_eq!((row[0].as_str(), number(4)), (name, kept), "{row:?}");
        assert!((number(3) - idle).abs() < 1e-9 && (number(1) + number(2) - 1.0).abs() < 1e-9, "{row:?}");
    }
    let page = &files["index.html"];
    assert!(page.contains("latencies are those of answered requests"), "{page}");
}

#[test]
fn a_sweep_over_instants_of_failure_marks_the_worst() {
    let files = sweep("pages-worst", "scenarios/worst-instant.yaml", "2");
    check_links(&files);
    let page = &files["index.html"];
    assert!(page.contains("Worst instants") && page.contains("worst: "), "{page}");
    assert!(page.contains("is at its worst, "), "{page}");
}
