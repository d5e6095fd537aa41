//! Cases about the pods that are deleted: by taints, and by the pod garbage collector. They are played in the world of
//! the golden files.

use cluster_sim::controllers::taint_eviction::Stay;
use cluster_sim::engine::SimDuration;
use cluster_sim::model::scheduling::{Taint, TaintEffect, Toleration};
use serde_json::{Value, json};

use super::super::golden_node::scenario::Scenario;
use super::super::golden_node::world::World;
use super::super::same;
use super::crash::config;

/// The shortest of tolerations, each used for a taint of its own.
pub fn shortest_toleration(inputs: &Value, expected: &Value) -> Result<(), String> {
    let spans = inputs["toleration_seconds"].as_array().expect("a case has tolerations");
    let key = |at: usize| format!("taint-{at}");
    let toleration = |(at, span): (usize, &Value)| Toleration {
        key: Some(key(at).into()),
        value: None,
        effect: None,
        seconds: span.as_u64().map(SimDuration::from_secs),
    };
    let tolerations: Vec<Toleration> = spans.iter().enumerate().map(toleration).collect();
    // Without any toleration there is still a taint, or nobody would ask.
    let taints: Vec<Taint> = (0..spans.len().max(1))
        .map(|at| Taint { key: key(at).into(), value: "".into(), effect: TaintEffect::NoExecute })
        .collect();
    let found = match Stay::of(&tolerations, &taints) {
        Stay::Forever => json!("infinite"),
        Stay::For(span) => json!(span.as_secs()),
        Stay::Refused => json!(0),
    };
    same(&found, &expected["seconds"])
}

/// A pod comes to a cluster with tainted nodes.
pub fn pod_created(inputs: &Value, expected: &Value) -> Result<(), String> {
    let create = json!({"t": 10, "op": "createPod", "podDef": pod(&inputs["pod"])});
    let scenario = tainted_nodes(inputs, json!([]), vec![create], 10.5);
    is_deleted(&scenario, expected)
}

/// A pod is bound, or gets other tolerations.
pub fn pod_updated(inputs: &Value, expected: &Value) -> Result<(), String> {
    let (old, new) = (&inputs["old_pod"], &inputs["new_pod"]);
    if old["node"] != new["node"] {
        let bind = json!({"t": 10, "op": "createPod", "podDef": pod(new)});
        return is_deleted(&tainted_nodes(inputs, json!([]), vec![bind], 10.5), expected);
    }
    let update = json!({
        "t": 0.5, "op": "setTolerations", "pods": [new["name"]], "tolerations": new["tolerations"],
    });
    is_deleted(&tainted_nodes(inputs, json!([pod(old)]), vec![update], 1.5), expected)
}

/// A node with pods is tainted.
pub fn node_tainted(inputs: &Value, expected: &Value) -> Result<(), String> {
    let pods: Vec<Value> = inputs["pods"].as_array().expect("a case has pods").iter().map(pod).collect();
    let taint = |taint: &Value| {
        let (key, value, effect) = (&taint["key"], &taint["value"], &taint["effect"]);
        json!({"t": 10, "op": "taint", "nodes": ["node1"], "key": key, "value": value, "effect": effect})
    };
    let ops = inputs["new_taints"].as_array().expect("a case has taints").iter().map(taint).collect();
    is_deleted(&tainted_nodes(inputs, json!(pods), ops, 10.5), expected)
}

/// More pods have ended than are kept.
pub fn terminated(inputs: &Value, expected: &Value) -> Result<(), String> {
    let pods: Vec<Value> = inputs["pods"].as_array().into_iter().flatten().cloned().collect();
    let pods: Vec<Value> = pods.into_iter().map(|pod| on_node(pod, "node1")).collect();
    let mut config = config();
    config["terminatedPodThreshold"] = inputs["threshold"].clone();
    let scenario = json!({
        "horizon": 30, "config": config, "nodes": [node("node1", "True", &json!([]))], "pods": pods,
    });
    deleted(&scenario, &inputs["pods"], expected)
}

/// Pods are bound to nodes that are not there. What informer and client know is the same here.
pub fn orphaned(inputs: &Value, expected: &Value) -> Result<(), String> {
    let nodes = |field: &str| -> Vec<Value> { inputs[field].as_array().cloned().unwrap_or_default() };
    let delay = &inputs["delay_s"];
    let mut config = config();
    (config["gcPeriod"], config["gcQuarantine"]) = (delay.clone(), inputs["quarantine_s"].clone());
    let mut ops = Vec::new();
    for name in nodes("then_added_client").into_iter().chain(nodes("then_added_informer")) {
        let name = name.as_str().expect("a node has a name").to_owned();
        ops.push(json!({"t": 1, "op": "createNode", "nodeDef": node(&name, "True", &json!([]))}));
    }
    for name in nodes("then_deleted_informer") {
        ops.push(json!({"t": delay, "op": "deleteNode", "nodes": [name]}));
    }
    let present = nodes("informer_nodes").into_iter();
    let present: Vec<Value> =
        present.map(|name| node(name.as_str().expect("a node has a name"), "True", &json!([]))).collect();
    let scenario =
        json!({"horizon": delay, "config": config, "nodes": present, "pods": inputs["pods"], "ops": ops});
    deleted(&scenario, &inputs["pods"], expected)
}

/// Pods are being deleted on nodes of which a user has said that they will not come back.
pub fn out_of_service(inputs: &Value, expected: &Value) -> Result<(), String> {
    let nodes: Vec<Value> = inputs["nodes"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|given| {
            let name = given["name"].as_str().expect("a node has a name");
            node(name, given["ready"].as_str().expect("a node has a status"), &given["taints"])
        })
        .collect();
    let pods: Vec<Value> = inputs["pods"].as_array().into_iter().flatten().cloned().map(steadfast).collect();
    let scenario = json!({
        "horizon": 30, "config": config(), "nodes": nodes, "pods": pods, "ops": deletions(&inputs["pods"]),
    });
    deleted(&scenario, &inputs["pods"], expected)
}

/// Pods without a node are being deleted.
pub fn unscheduled(inputs: &Value, expected: &Value) -> Result<(), String> {
    let pods: Vec<Value> = inputs["pods"].as_array().into_iter().flatten().map(pod).map(steadfast).collect();
    let names = pods.iter().filter_map(|pod| pod["node"].as_str()).map(str::to_owned);
    let names: std::collections::BTreeSet<String> = names.collect();
    let nodes: Vec<Value> = names.iter().map(|name| node(name, "True", &json!([]))).collect();
    let scenario = json!({
        "horizon": 30, "config": config(), "nodes": nodes, "pods": pods, "ops": deletions(&inputs["pods"]),
    });
    deleted(&scenario, &inputs["pods"], expected)
}

/// Deletes the pods that are said to be terminating, while no kubelet is there to end them.
fn deletions(pods: &Value) -> Vec<Value> {
    let terminating = pods.as_array().into_iter().flatten().filter(|pod| pod["terminating"] == true);
    terminating.map(|pod| json!({"t": 1, "op": "deletePod", "pods": [pod["name"]]})).collect()
}

/// A pod that no taint moves. Phases before the end make no difference here.
fn steadfast(mut pod: Value) -> Value {
    pod["tolerations"] = json!([{"operator": "Exists"}]);
    if pod["phase"] != "Failed" && pod["phase"] != "Succeeded" {
        pod["phase"] = json!("Running");
    }
    pod
}

/// A pod in the words of the golden files, where an empty node is none.
fn pod(given: &Value) -> Value {
    let mut pod = given.clone();
    if pod["node"] == "" {
        pod["node"] = Value::Null;
    }
    pod
}

fn on_node(mut pod: Value, node: &str) -> Value {
    pod["node"] = json!(node);
    pod
}

/// A node without a kubelet that would do anything.
fn node(name: &str, ready: &str, taints: &Value) -> Value {
    json!({
        "name": name, "zone": "a", "leaseOffset": 0, "leasePeriod": 10, "statusOffset": 90_000,
        "statusPeriod": 100_000, "ready": ready, "taints": taints, "noKubelet": true,
    })
}

fn tainted_nodes(inputs: &Value, pods: Value, ops: Vec<Value>, horizon: f64) -> Value {
    let none = json!([]);
    let given = inputs["tainted_nodes"].as_object();
    let nodes: Vec<Value> = ["node1", "node2"]
        .iter()
        .map(|name| {
            let taints = given.and_then(|given| given.get(*name)).unwrap_or(&none);
            node(name, "True", taints)
        })
        .collect();
    json!({"horizon": horizon, "config": config(), "nodes": nodes, "pods": pods, "ops": ops})
}

fn is_deleted(scenario: &Value, expected: &Value) -> Result<(), String> {
    let seen = World::new(Scenario::read(scenario)).run();
    same(&json!(seen.first("podDeleteRequested", &[]).is_some()), &expected["deleted"])
}

/// The names of the pods that have gone.
fn deleted(scenario: &Value, pods: &Value, expected: &Value) -> Result<(), String> {
    let seen = World::new(Scenario::read(scenario)).run();
    let names = pods.as_array().into_iter().flatten().filter_map(|pod| pod["name"].as_str());
    let is_gone = |name: &&str| seen.first("podRemoved", &[&format!("\"pod\":\"{name}\"")]).is_some();
    let gone: Vec<&str> = names.filter(is_gone).collect();
    same(&json!(gone), &expected["deleted"])
}
