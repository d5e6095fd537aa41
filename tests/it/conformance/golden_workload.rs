//! Timelines of the real Deployment, ReplicaSet, StatefulSet, DaemonSet and disruption controllers of Kubernetes 1.28
//! under a fake clock (`golden-workload/FORMAT.md`), played with the controllers of the library.

mod compare;
mod pods;
mod recorder;
mod scenario;
mod timeline;
mod world;

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use self::compare::Sensitivity;
use self::scenario::Scenario;
use self::timeline::Timeline;
use self::world::World;
use super::{Suite, folders};

/// The kinds of scenarios that are played.
const KINDS: &[&str] = &["deployment", "replicaset", "statefulset", "daemonset", "pdb"];

#[test]
fn workloads_go_as_with_the_real_controllers() {
    let mut suite = Suite::new("golden-workload");
    for path in golden_files() {
        let id = path.file_stem().expect("a file has a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("a golden file can be read");
        let file: Value = serde_json::from_str(&text).expect("a golden file is JSON");
        let kind = file["scenario"]["kind"].as_str().expect("a scenario has a kind");
        if KINDS.contains(&kind) {
            suite.case(&id, outcome(&file));
        } else {
            suite.leave_out(kind);
        }
    }
    suite.finish();
}

/// The files in all folders, by name.
fn golden_files() -> Vec<PathBuf> {
    let folders = folders().into_iter().map(|folder| folder.join("golden-workload"));
    let mut files: Vec<PathBuf> = folders
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flatten()
        .map(|entry| entry.expect("a folder can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    files
}

/// Everything has to agree. Where that fails, a file whose meta says that its result hangs on an order that a real
/// cluster does not promise is compared once more, by what it comes to: see [`compare`].
fn outcome(file: &Value) -> Result<(), String> {
    let scenario = Scenario::read(&file["scenario"]);
    let expected = Timeline::read(&file["timeline"]);
    let found = World::new(scenario).run();
    let says = |flag: &str| file["meta"][flag] == true;
    let identity = file["scenario"]["name"].as_str().is_some_and(|name| name.starts_with("rs-down-"));
    let sensitivity = if says("orderSensitiveCounts") {
        Sensitivity::Counts
    } else if says("tieSensitive") || says("raceSensitive") {
        Sensitivity::Instant
    } else if says("orderSensitive") || !identity {
        Sensitivity::Pods
    } else {
        Sensitivity::None
    };
    compare::compare(&found, &expected, sensitivity)
}
