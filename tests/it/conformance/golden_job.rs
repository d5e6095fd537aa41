//! Timelines of the real Job, CronJob and TTL controllers of Kubernetes 1.28 under a fake clock
//! (`golden-job/FORMAT.md`), played with the controllers of the library.

mod fake_jobs;
mod loose;
mod pods;
pub mod scenario;
pub mod timeline;
pub mod world;

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use self::loose::Sensitivity;
use self::scenario::Scenario;
use self::timeline::Timeline;
use self::world::World;
use super::{Suite, folders};

#[test]
fn jobs_and_cronjobs_go_as_with_the_real_controllers() {
    let mut suite = Suite::new("golden-job");
    for path in golden_files() {
        let id = path.file_stem().expect("a file has a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("a golden file can be read");
        let file: Value = serde_json::from_str(&text).expect("a golden file is JSON");
        suite.case(&id, outcome(&file));
    }
    suite.finish();
}

/// The files in all folders, by name.
fn golden_files() -> Vec<PathBuf> {
    let folders = folders().into_iter().map(|folder| folder.join("golden-job"));
    let mut files: Vec<PathBuf> = folders
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flatten()
        .map(|entry| entry.expect("a folder can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    files
}

/// Everything has to agree. Where that fails, a file whose meta says that its result hangs on an order that a real cluster
/// does not promise is compared once more, loosely: see [`loose`].
fn outcome(file: &Value) -> Result<(), String> {
    let mut found = World::new(Scenario::read(&file["scenario"])).run();
    let mut expected = Timeline::read(&file["timeline"]);
    let strictly = found.compare(&mut expected);
    let says = |flag: &str| file["meta"][flag] == true;
    match strictly {
        Err(_) if says("orderSensitive") => loose::compare(&found, &expected, Sensitivity::Order),
        Err(_) if says("tieSensitive") => loose::compare(&found, &expected, Sensitivity::Tie),
        outcome => outcome,
    }
}
