//! Cases about the instants after a crash, played in the world of the golden files.

use serde_json::{Value, json};

use super::super::golden_node::scenario::Scenario;
use super::super::golden_node::world::World;
use super::super::same;

/// From the crash of a node to the deletion of its pod, to the second.
pub fn timeline(inputs: &Value, expected: &Value) -> Result<(), String> {
    let node = |name: &str| {
        json!({
            "name": name, "zone": "a", "leaseOffset": inputs["lease_phase_s"],
            "leasePeriod": inputs["lease_renew_period_s"], "statusOffset": 90_000, "statusPeriod": 100_000,
        })
    };
    let mut config = config();
    config["monitorPeriod"] = inputs["node_monitor_period_s"].clone();
    config["gracePeriod"] = inputs["node_monitor_grace_s"].clone();
    let toleration = json!({
        "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": inputs["toleration_seconds"],
    });
    let scenario = json!({
        "horizon": 2000, "config": config, "nodes": [node("n0"), node("n1")],
        "pods": [{"name": "p", "node": "n0", "tolerations": [toleration]}],
        "ops": [{"t": inputs["crash_at_s"], "op": "crash", "nodes": ["n0"]}],
    });
    let seen = World::new(Scenario::read(&scenario)).run();
    let instants = [
        ("ready_unknown_s", seen.first("nodeCondition", &["\"Ready\"", "Unknown"])),
        ("pods_marked_not_ready_s", seen.first("podReady", &["False"])),
        ("noschedule_taint_s", seen.first("taintAdded", &["NoSchedule", "unreachable"])),
        ("noexecute_taint_s", seen.first("taintAdded", &["NoExecute", "unreachable"])),
        ("pod_delete_s", seen.first("podDeleteRequested", &[])),
    ];
    for (field, found) in instants {
        same(&found, &expected[field].as_f64()).map_err(|difference| format!("{field}: {difference}"))?;
    }
    Ok(())
}

/// The defaults of the controllers, in the words of the golden files.
pub fn config() -> Value {
    json!({
        "monitorPeriod": 5, "gracePeriod": 40, "startupGrace": 60, "evictionRate": 0.1,
        "secondaryEvictionRate": 0.01, "largeClusterThreshold": 50, "unhealthyZoneThreshold": 0.55,
        "gcPeriod": 20, "gcOffset": 0, "gcQuarantine": 40, "terminatedPodThreshold": 12_500,
    })
}
