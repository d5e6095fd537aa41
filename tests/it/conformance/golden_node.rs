//! Timelines of the real node lifecycle controller, taint manager and pod garbage collector of Kubernetes 1.28 under a
//! fake clock (`golden-node/FORMAT.md`), played with the controllers of the library.
//!
//! Compared is `timeline`, that of exact passes.

mod kubelets;
pub mod scenario;
pub mod timeline;
pub mod world;

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use self::scenario::Scenario;
use self::timeline::Timeline;
use self::world::World;
use super::{Suite, folders};

#[test]
fn nodes_fail_and_return_as_with_the_real_controllers() {
    let mut suite = Suite::new("golden-node");
    for path in golden_files() {
        let id = path.file_stem().expect("a file has a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("a golden file can be read");
        let file: Value = serde_json::from_str(&text).expect("a golden file is JSON");
        let found = World::new(Scenario::read(&file["scenario"])).run();
        suite.case(&id, found.compare(&Timeline::read(&file["timeline"])));
    }
    suite.finish();
}

/// The files in all folders, by name.
fn golden_files() -> Vec<PathBuf> {
    let folders = folders().into_iter().map(|folder| folder.join("golden-node"));
    let mut files: Vec<PathBuf> = folders
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flatten()
        .map(|entry| entry.expect("a folder can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    files
}
