//! Reports: a folder with a page, charts and data; the same bytes wherever and however often it is made.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;

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

/// All files below a folder, by path.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(&inner).unwrap() {
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

/// The report of a shipped scenario.
fn report(scenario: &str, folder: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = fresh(folder);
    let scenario = format!("scenarios/{scenario}.yaml");
    let (_, error, code) = sim(root(), &["run", &scenario, "--report", folder.to_str().unwrap()]);
    assert!(code.is_some_and(|code| code < 2), "{error}");
    files(&folder)
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
    assert_eq!(files(&elsewhere.join("out")), first);
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
    let files = files(&folder);
    assert_eq!(text(&files, "notes.txt"), "mine");
    assert!(files.keys().all(|name| !name.ends_with(".new") && !name.starts_with('.')), "{:?}", files.keys());
}
