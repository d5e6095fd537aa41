//! Reports: a folder with a page, charts and data; the same bytes wherever and however often it is made.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;

use crate::docs::files_below;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A fresh folder.
fn fresh(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("report").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// What `sim` prints to stdout and stderr, run in a folder.
fn sim(folder: &Path, arguments: &[&str]) -> (String, String, Option<i32>) {
    let outcome = Command::cargo_bin("sim").unwrap().current_dir(folder).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(outcome.stdout), text(outcome.stderr), outcome.status.code())
}

/// The report of a shipped scenario.
fn report(scenario: &str, folder: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = fresh(folder);
    let scenario = format!("scenarios/{scenario}.yaml");
    let (_, error, code) = sim(root(), &["run", &scenario, "--report", folder.to_str().unwrap()]);
    assert!(code.is_some_and(|code| code < 2), "{error}");
    files_below(&folder)
}

fn text<'a>(files: &'a BTreeMap<String, Vec<u8>>, name: &str) -> &'a str {
    std::str::from_utf8(files.get(name).unwrap_or_else(|| panic!("no {name}"))).unwrap()
}

#[test]
fn a_report_has_the_same_bytes_wherever_it_is_made() {
    let first = report("layout-separate", "bytes-1");
    assert_eq!(report("layout-separate", "bytes-2"), first);
    let elsewhere = fresh("bytes-3");
    fs::create_dir(elsewhere.join("scenarios")).unwrap();
    let scenario = "scenarios/layout-separate.yaml";
    fs::copy(root().join(scenario), elsewhere.join(scenario)).unwrap();
    sim(&elsewhere, &["run", scenario, "--report", "out"]);
    assert_eq!(files_below(&elsewhere.join("out")), first);
}

#[test]
fn the_page_needs_nothing_from_elsewhere_and_its_links_lead_to_files() {
    let files = report("layout-separate", "links");
    let page = text(&files, "index.html");
    for (at, _) in page.match_indices("href=\"") {
        let target = page[at + 6..].split('"').next().unwrap();
        let is_inside = target.starts_with('#') && page.contains(&format!("id=\"{}\"", &target[1..]));
        assert!(is_inside || target == "data:," || files.contains_key(target), "{target}");
    }
    assert!(!page.contains("src=\"") && !page.contains("url(") && !page.contains("@import"));
    let hosts = page.matches("http").count();
    assert_eq!(hosts, page.matches("http://www.w3.org/2000/svg").count());
}

#[test]
fn the_json_of_a_report_is_what_the_run_prints_as_json() {
    let files = report("job-backoff", "json");
    let report: Value = serde_json::from_str(text(&files, "data/report.json")).unwrap();
    let (printed, ..) = sim(root(), &["run", "scenarios/job-backoff.yaml", "-o", "json"]);
    assert_eq!(report["format"], "sim/report/v1");
    assert_eq!(report["run"], serde_json::from_str::<Value>(&printed).unwrap());
}

#[test]
fn a_folder_that_cannot_be_written_is_named_before_the_run() {
    let folder = fresh("unwritable");
    fs::write(folder.join("file"), "").unwrap();
    let place = folder.join("file/report");
    let arguments = ["run", "scenarios/job-once.yaml", "--report", place.to_str().unwrap()];
    let (printed, error, code) = sim(root(), &arguments);
    assert_eq!((printed.as_str(), code), ("", Some(2)));
    assert!(error.contains("file/report") && error.contains("cannot be made"), "{error}");
}

#[test]
fn files_that_are_no_part_of_the_report_stay() {
    let folder = fresh("foreign");
    fs::write(folder.join("notes.txt"), "mine").unwrap();
    for _ in 0..2 {
        sim(root(), &["run", "scenarios/job-once.yaml", "--report", folder.to_str().unwrap()]);
    }
    let files = files_below(&folder);
    assert_eq!(text(&files, "notes.txt"), "mine");
    assert!(files.keys().all(|name| !name.ends_with(".new") && !name.starts_with('.')), "{:?}", files.keys());
}

/// The rows of a CSV file of a report, each by the names of its columns.
fn rows(files: &BTreeMap<String, Vec<u8>>, name: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(text(files, name).as_bytes());
    let heads: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    assert!(
        heads.iter().all(|head| heads.iter().filter(|other| *other == head).count() == 1),
        "{name}: {heads:?}"
    );
    let of =
        |record: csv::StringRecord| heads.iter().cloned().zip(record.iter().map(str::to_owned)).collect();
    reader.records().map(|record| of(record.unwrap())).collect()
}

fn number(row: &BTreeMap<String, String>, column: &str) -> f64 {
    row[column].parse().unwrap_or_else(|_| panic!("{column}: {:?}", row[column]))
}

#[track_caller]
fn check_sections(scenario: &str, present: &[&str], absent: &[&str]) {
    let files = report(scenario, &format!("sections-{scenario}"));
    let page = text(&files, "index.html");
    for id in present {
        assert!(page.contains(&format!("<section id=\"{id}\">")), "{scenario}: no section {id}");
    }
    for id in absent {
        assert!(!page.contains(&format!("<section id=\"{id}\">")), "{scenario}: section {id}");
    }
}

#[test]
fn a_section_is_there_where_the_run_has_something_of_its_kind() {
    let always = ["assumptions", "expectations", "pods", "resources", "data"];
    check_sections(
        "job-backoff",
        &[&always[..], &["jobs"]].concat(),
        &["actions", "cronjobs", "failures", "load", "waste"],
    );
    check_sections(
        "cronjob",
        &[&always[..], &["actions", "cronjobs"]].concat(),
        &["jobs", "failures", "load", "waste"],
    );
    check_sections(
        "layout-separate",
        &[&always[..], &["failures", "load", "waste"]].concat(),
        &["jobs", "cronjobs"],
    );
    check_sections("preemption-cascade", &[&always[..], &["waiting"]].concat(), &["cronjobs", "load"]);
}

#[test]
fn the_verdict_the_assumptions_and_the_command_are_those_that_the_run_prints() {
    let files = report("node-loss", "verdict");
    let page = text(&files, "index.html");
    let (printed, ..) = sim(root(), &["run", "scenarios/node-loss.yaml", "-o", "json"]);
    let printed: Value = serde_json::from_str(&printed).unwrap();
    let lines =
        |key: &str| printed[key].as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned());
    let mut wanted: Vec<String> = lines("verdict").chain(lines("assumptions")).collect();
    wanted.push(printed["reproduce"].as_str().unwrap().to_owned());
    for line in wanted {
        assert!(page.contains(&line), "{line}");
    }
    let n_expected = printed["expectations"].as_array().unwrap().len();
    assert!(page.contains(&format!("All {n_expected} expectations hold")));
}

#[test]
fn a_report_changes_nothing_of_the_run() {
    for scenario in ["layout-separate", "job-backoff", "oom-leak"] {
        let path = format!("scenarios/{scenario}.yaml");
        let folder = fresh(&format!("same-{scenario}"));
        let with = sim(root(), &["run", &path, "--report", folder.to_str().unwrap()]);
        assert_eq!(with, sim(root(), &["run", &path]));
    }
}

#[test]
fn every_csv_file_can_be_read_and_its_times_lie_within_the_run() {
    for scenario in ["layout-separate", "job-backoff", "cronjob", "zone-loss", "oom-leak"] {
        let files = report(scenario, &format!("csv-{scenario}"));
        let json: Value = serde_json::from_str(text(&files, "data/report.json")).unwrap();
        let end = json["run"]["endedAt"].as_f64().unwrap();
        let names: Vec<&String> = files.keys().filter(|name| name.ends_with(".csv")).collect();
        assert!(names.len() >= 5, "{names:?}");
        for name in names {
            let rows = rows(&files, name);
            let stem = name.trim_start_matches("data/").trim_end_matches(".csv");
            assert_eq!(json["data"][stem]["rows"].as_array().unwrap().len(), rows.len(), "{name}");
            let times = ["from_s", "until_s", "start_s", "end_s", "created_s", "failed_s", "ready_s", "at_s"];
            for row in &rows {
                let known = times.iter().filter(|time| row.get(**time).is_some_and(|text| !text.is_empty()));
                known.for_each(|time| assert!((0.0..=end).contains(&number(row, time)), "{name}: {row:?}"));
            }
        }
    }
}

#[test]
fn pods_are_bound_in_the_series_for_as_long_as_in_their_lives() {
    for scenario in ["layout-separate", "node-loss", "zone-loss", "zone-partition", "job-backoff", "oom-leak"]
    {
        let files = report(scenario, &format!("lives-{scenario}"));
        let windows = rows(&files, "data/resources.csv");
        let series: f64 = windows.iter().map(|row| number(row, "pods_bound") * number(row, "window_s")).sum();
        let is_bound =
            |row: &&BTreeMap<String, String>| !["pending", "succeeded", "failed"].contains(&&*row["state"]);
        let states = rows(&files, "data/pods.csv");
        let lives: f64 =
            states.iter().filter(is_bound).map(|row| number(row, "until_s") - number(row, "from_s")).sum();
        assert!((series - lives).abs() < 1e-6 * lives.max(1.0), "{scenario}: {series} is not {lives}");
        let nodes = rows(&files, "data/nodes.csv");
        let by_node: f64 = nodes.iter().map(|row| number(row, "pods_bound") * number(row, "window_s")).sum();
        assert!((by_node - lives).abs() < 1e-6 * lives.max(1.0), "{scenario}: {by_node} is not {lives}");
    }
}

#[test]
fn what_is_used_is_what_the_load_took_of_the_nodes() {
    let files = report("layout-separate", "used");
    let json: Value = serde_json::from_str(text(&files, "data/report.json")).unwrap();
    let span =
        json["run"]["traffic"]["until"].as_f64().unwrap() - json["run"]["traffic"]["from"].as_f64().unwrap();
    let nodes = json["run"]["traffic"]["nodes"].as_array().unwrap();
    let taken: f64 = nodes.iter().map(|node| node["cpu"].as_f64().unwrap()).sum::<f64>() * span / 3600.0;
    let waste = rows(&files, "data/waste.csv");
    let used = waste.iter().find(|row| row["resource"] == "cpu" && row["kind"] == "used").unwrap();
    let used = number(used, "amount_unit_h");
    assert!((used - taken).abs() < 1e-3 * taken, "{used} core hours are not {taken}");
    let shares: f64 =
        waste.iter().filter(|row| row["resource"] == "cpu").map(|row| number(row, "share")).sum();
    assert!((shares - 1.0).abs() < 1e-9, "{shares}");
}
