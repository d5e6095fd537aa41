//! Decisions of the real kube-scheduler 1.28; see `golden-sched/FORMAT.md`.
//!
//! Single attempts, sequences of attempts, sampling, and the queue under a fake clock. Volumes are not modelled: the
//! plugin VolumeBinding must score 0 everywhere, and the volume plugins among the skipped are not compared.

mod attempts;
pub mod objects;
mod queue;
mod sequences;
pub mod world;

use std::path::PathBuf;

use cluster_sim::model::profile::Profile;
use cluster_sim::scheduler::cycle::n_feasible_to_find;
use cluster_sim::scheduler::events::{EventKind, NodeAspect, is_registered};
use cluster_sim::scheduler::framework::Plugin;
use cluster_sim::scheduler::plugins::{FILTERS, SCORES};
use cluster_sim::scheduler::queue::backoff;
use serde_json::Value;

use super::{Suite, folders, jsonl, same, yaml};

/// The plugins that have no counterpart, because volumes are taken as present everywhere.
const VOLUME_PLUGINS: &[&str] = &[
    "AzureDiskLimits",
    "EBSLimits",
    "GCEPDLimits",
    "NodeVolumeLimits",
    "VolumeBinding",
    "VolumeRestrictions",
    "VolumeZone",
];

#[test]
fn the_scheduler_decides_as_the_real_one() {
    let mut suite = Suite::new("golden-sched");
    for path in cases_files() {
        for case in jsonl(&path) {
            let name = case["name"].as_str().expect("a case has a name");
            if case["staleImages"] == true {
                suite.leave_out("counts of images that are frozen at the registration of a node");
            } else {
                suite.case(name, run(&case));
            }
        }
    }
    tables(&mut suite);
    suite.finish();
}

fn cases_files() -> Vec<PathBuf> {
    let mut paths = Vec::new();
    for folder in folders() {
        let Ok(entries) = folder.join("golden-sched").read_dir() else { continue };
        let files = entries.map(|entry| entry.expect("the folder can be read").path());
        let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|e| e == "jsonl")).collect();
        files.sort();
        paths.extend(files);
    }
    paths
}

fn run(case: &Value) -> Result<(), String> {
    match case["family"].as_str().expect("a case has a family") {
        "queue" => queue::run(case),
        "sampling" => sequences::run(case, sequences::Compared::Sampling),
        _ if case["ops"].is_array() => sequences::run(case, sequences::Compared::Scores),
        _ => attempts::run(case),
    }
}

/// The profile of a case: 1.28.0, with queueing hints on as they were in it.
fn profile(case: &Value) -> Profile {
    let profile = Profile::new("1.28".parse().expect("there is a profile"));
    let profile = profile.with_gate("SchedulerQueueingHints", true).expect("there is a gate");
    let gates = case["gates"].as_object().into_iter().flatten();
    gates.fold(profile, |profile, (gate, is_on)| {
        profile.with_gate(gate, *is_on == true).expect("there is a gate")
    })
}

fn tables(suite: &mut Suite) {
    for folder in folders() {
        let path = folder.join("golden-sched/tables.json");
        if path.is_file() {
            let tables = yaml(&path);
            suite.case("tables: sampling", check_sampling(&tables));
            suite.case("tables: back-off", check_backoff(&tables));
            suite.case("tables: plugins", check_plugins(&tables));
            suite.case("tables: moves", check_moves(&tables));
        }
    }
}

fn check_sampling(tables: &Value) -> Result<(), String> {
    let table = &tables["numFeasibleNodesToFind"];
    let columns = table["columns"].as_array().expect("the table has columns");
    for row in table["rows"].as_array().expect("the table has rows") {
        let number = |at: usize| row[at].as_u64().expect("a number") as usize;
        for (at, column) in columns.iter().enumerate().skip(1) {
            let percentage = column.as_str().and_then(|name| name.strip_prefix("pct")?.parse().ok());
            let percentage = percentage.filter(|percentage: &u32| *percentage > 0);
            let found = n_feasible_to_find(percentage, number(0));
            same(&found, &number(at)).map_err(|error| format!("{} nodes, {column}: {error}", number(0)))?;
        }
    }
    let bytes = (1..=15_000).flat_map(|n| (n_feasible_to_find(None, n) as u32).to_le_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let expected = &tables["numFeasibleNodesToFindPct0"]["fnv1a64OfLittleEndianU32_1to15000"];
    same(&format!("{hash:016x}").as_str(), &expected.as_str().expect("a hash"))
}

fn check_backoff(tables: &Value) -> Result<(), String> {
    for row in tables["backoffSecondsByAttempts"].as_array().expect("a table") {
        let attempts = row[0].as_u64().expect("a number") as u32;
        same(&Some(backoff(attempts).as_secs()), &row[1].as_u64())?;
    }
    Ok(())
}

fn check_plugins(tables: &Value) -> Result<(), String> {
    let modelled = |name: &&str| !VOLUME_PLUGINS.contains(name);
    let expected = tables["filterOrder"].as_array().expect("a list").iter();
    let expected: Vec<_> = expected.map(|name| name.as_str().expect("a name")).filter(modelled).collect();
    same(&FILTERS.iter().map(|entry| entry.plugin.as_str()).collect::<Vec<_>>(), &expected)?;
    let expected = tables["scoreOrderWeightNormalised"].as_array().expect("a list").iter();
    let expected = expected.map(|row| (row[0].as_str().expect("a name"), row[1].as_i64().expect("a weight")));
    let expected: Vec<_> = expected.filter(|(name, _)| modelled(name)).collect();
    same(&SCORES.iter().map(|entry| (entry.plugin.as_str(), entry.weight)).collect::<Vec<_>>(), &expected)
}

fn check_moves(tables: &Value) -> Result<(), String> {
    const EVENTS: [(&str, EventKind); 10] = [
        ("AssignedPodAdd", EventKind::AssignedPodAdd),
        ("AssignedPodUpdate", EventKind::AssignedPodUpdate),
        ("AssignedPodDelete", EventKind::AssignedPodDelete),
        ("NodeAdd", EventKind::NodeAdd),
        ("NodeSpecUnschedulableChange", EventKind::NodeUpdate(NodeAspect::Uncordoned)),
        ("NodeAllocatableChange", EventKind::NodeUpdate(NodeAspect::Allocatable)),
        ("NodeLabelChange", EventKind::NodeUpdate(NodeAspect::Labels)),
        ("NodeTaintChange", EventKind::NodeUpdate(NodeAspect::Taints)),
        ("NodeConditionChange", EventKind::NodeUpdate(NodeAspect::Condition)),
        ("NodeDelete", EventKind::NodeDelete),
    ];
    for (name, events) in tables["movedBy"].as_object().expect("a table") {
        let Some(plugin) = Plugin::ALL.into_iter().find(|plugin| plugin.as_str() == name) else { continue };
        for (event, kind) in EVENTS {
            let expected = events.as_array().expect("a list").iter().any(|moved| moved == event);
            same(&is_registered(plugin, kind), &expected)
                .map_err(|error| format!("{name}, {event}: {error}"))?;
        }
    }
    Ok(())
}
