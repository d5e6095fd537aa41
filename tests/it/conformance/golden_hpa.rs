//! Timelines of the real HPA controller of Kubernetes 1.28 under a fake clock (`golden-hpa/FORMAT.md`), followed with the
//! controller's decisions of the library.
//!
//! What happens to the pods and what the metrics APIs answer is taken from the timeline; when the controller looks, what it
//! remembers, and all that it says and does is found here and held against the timeline.

pub mod world;

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use self::world::World;
use super::{Suite, folders, same};

#[test]
fn autoscalers_go_as_with_the_real_controller() {
    let mut suite = Suite::new("golden-hpa");
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
    let folders = folders().into_iter().map(|folder| folder.join("golden-hpa"));
    let mut files: Vec<PathBuf> = folders
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flatten()
        .map(|entry| entry.expect("a folder can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    files
}

fn outcome(file: &Value) -> Result<(), String> {
    let mut world = World::new(&file["scenario"])?;
    let mut events: Vec<&Value> = Vec::new();
    for entry in file["timeline"].as_array().expect("a timeline is a list") {
        let t = millis(&entry["t"]);
        if let Some(due) = world.due.filter(|due| *due < t) {
            return Err(format!("a sync at {due} ms that the real controller does not have"));
        }
        match entry["kind"].as_str() {
            Some("event") => events.push(entry),
            Some("sync") => {
                let found = world.sync(t, entry).map_err(|error| format!("at {t} ms: {error}"))?;
                let expected: Vec<String> = events.drain(..).map(event_text).collect();
                same(&found, &expected).map_err(|error| format!("events at {t} ms: {error}"))?;
            }
            _ => world.happen(t, entry)?,
        }
    }
    let horizon = millis(&file["scenario"]["horizon"]);
    match world.due.filter(|due| *due <= horizon) {
        Some(due) => Err(format!("a sync at {due} ms that the real controller does not have")),
        None => Ok(()),
    }
}

/// A time from the start, given in seconds [ms].
pub fn millis(secs: &Value) -> i64 {
    libm::round(secs.as_f64().expect("a time is a number") * 1000.0) as i64
}

fn event_text(event: &Value) -> String {
    let text = |field: &str| event[field].as_str().unwrap_or_default();
    format!("{} {}: {}", text("type"), text("reason"), text("message"))
}
