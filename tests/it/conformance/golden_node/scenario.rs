//! The scenario of a golden file, read and in the terms of the model.

use cluster_sim::controllers::node_lifecycle::NodeLifecycleConfig;
use cluster_sim::controllers::node_lifecycle::taint_queue::Rate;
use cluster_sim::controllers::node_lifecycle::zones::EvictionLimits;
use cluster_sim::controllers::pod_gc::PodGcConfig;
use cluster_sim::engine::{SimDuration, SimTime};
use cluster_sim::model::meta::Labels;
use cluster_sim::model::node::LABEL_ZONE;
use cluster_sim::model::scheduling::{Taint, TaintEffect, Toleration};
use serde_json::Value;

/// When a file's second 0 is: objects are older than it.
pub const ORIGIN: SimTime = SimTime::from_secs(100_000);

/// What is to be played.
pub struct Scenario {
    /// The settings of the node lifecycle controller.
    pub node_lifecycle: NodeLifecycleConfig,
    /// The settings of the pod garbage collector.
    pub pod_gc: PodGcConfig,
    /// The nodes that are there.
    pub nodes: Vec<NodeDef>,
    /// The pods that are there.
    pub pods: Vec<PodDef>,
    /// What happens, in order of time.
    pub ops: Vec<(SimTime, Op)>,
    /// When the run ends.
    pub horizon: SimTime,
}

/// A node.
#[derive(Clone)]
pub struct NodeDef {
    pub name: String,
    pub labels: Labels,
    pub taints: Vec<Taint>,
    pub is_unschedulable: bool,
    pub ready: Option<String>,
    pub has_conditions: bool,
    pub has_kubelet: bool,
    pub lease: Beat,
    pub status: Beat,
}

/// When something regular happens.
#[derive(Clone, Copy)]
pub struct Beat {
    pub offset: SimDuration,
    pub period: SimDuration,
}

/// A pod.
#[derive(Clone)]
pub struct PodDef {
    pub name: String,
    pub node: Option<String>,
    pub tolerations: Vec<Toleration>,
    pub phase: String,
    pub is_not_ready: bool,
    pub is_evicted: bool,
    pub age: SimDuration,
    pub grace: SimDuration,
    pub termination: SimDuration,
    pub has_finalizer: bool,
}

/// Something that happens from outside.
#[derive(Clone)]
pub enum Op {
    Crash(String),
    Recover(String, SimDuration),
    PostReady(String, bool),
    StopLease(String),
    StartLease(String),
    DeleteNode(String),
    CreateNode(Box<NodeDef>),
    Taint(String, Taint),
    Untaint(String, String, Option<TaintEffect>),
    Cordon(String, bool),
    CreatePod(Box<PodDef>),
    DeletePod(String, Option<SimDuration>),
    FinishPod(String, String),
    Tolerate(String, Toleration),
    /// Not in the files: gives a pod other tolerations.
    SetTolerations(String, Vec<Toleration>),
    ControllersDown,
    ControllersUp,
}

impl Scenario {
    /// Reads the scenario of a golden file.
    pub fn read(file: &Value) -> Self {
        let config = &file["config"];
        let list = |field: &str| file[field].as_array().cloned().unwrap_or_default();
        let mut ops: Vec<(SimTime, Op)> = Vec::new();
        for outage in list("controllerDown") {
            ops.push((ORIGIN + span(&outage[0]), Op::ControllersDown));
            ops.push((ORIGIN + span(&outage[1]), Op::ControllersUp));
        }
        for op in list("ops") {
            let at = ORIGIN + span(&op["t"]);
            ops.extend(read_op(&op).into_iter().map(|op| (at, op)));
        }
        ops.sort_by_key(|(at, _)| *at);
        let limits = EvictionLimits {
            rate: Rate(number(&config["evictionRate"]) as f32),
            secondary_rate: Rate(number(&config["secondaryEvictionRate"]) as f32),
            large_cluster_threshold: number(&config["largeClusterThreshold"]) as u32,
            unhealthy_zone_threshold: number(&config["unhealthyZoneThreshold"]) as f32,
        };
        Self {
            node_lifecycle: NodeLifecycleConfig {
                monitor_period: span(&config["monitorPeriod"]),
                monitor_grace: Some(span(&config["gracePeriod"])),
                startup_grace: span(&config["startupGrace"]),
                limits,
            },
            pod_gc: PodGcConfig {
                offset: span(&config["gcOffset"]),
                period: span(&config["gcPeriod"]),
                quarantine: span(&config["gcQuarantine"]),
                terminated_max: number(&config["terminatedPodThreshold"]) as usize,
            },
            nodes: list("nodes").iter().map(read_node).collect(),
            pods: list("pods").iter().map(read_pod).collect(),
            ops,
            horizon: ORIGIN + span(&file["horizon"]),
        }
    }
}

fn read_node(node: &Value) -> NodeDef {
    let beat = |offset: &str, period: &str| Beat { offset: span(&node[offset]), period: span(&node[period]) };
    let mut labels = Labels::default();
    if let Some(zone) = node["zone"].as_str().filter(|zone| !zone.is_empty()) {
        labels = labels.with(LABEL_ZONE, zone);
    }
    for (key, value) in node["labels"].as_object().into_iter().flatten() {
        labels = labels.with(key, text(value));
    }
    NodeDef {
        name: text(&node["name"]).to_owned(),
        labels,
        taints: node["taints"].as_array().into_iter().flatten().map(read_taint).collect(),
        is_unschedulable: node["unschedulable"] == true,
        ready: node["ready"].as_str().map(str::to_owned),
        has_conditions: node["noConditions"] != true,
        has_kubelet: node["noKubelet"] != true,
        lease: beat("leaseOffset", "leasePeriod"),
        status: beat("statusOffset", "statusPeriod"),
    }
}

fn read_pod(pod: &Value) -> PodDef {
    let seconds = |field: &str, default| match &pod[field] {
        Value::Null => SimDuration::from_secs(default),
        given => span(given),
    };
    PodDef {
        name: text(&pod["name"]).to_owned(),
        node: pod["node"].as_str().map(str::to_owned),
        tolerations: pod["tolerations"].as_array().into_iter().flatten().map(read_toleration).collect(),
        phase: pod["phase"].as_str().unwrap_or("Running").to_owned(),
        is_not_ready: pod["notReady"] == true,
        is_evicted: pod["reason"] == "Evicted",
        age: seconds("age", 600),
        grace: seconds("graceSeconds", 30),
        termination: seconds("terminationSeconds", 1),
        has_finalizer: pod["finalizers"].as_array().is_some_and(|list| !list.is_empty()),
    }
}

/// An op of a file is about several nodes or pods.
fn read_op(op: &Value) -> Vec<Op> {
    let all = |field: &str| -> Vec<String> {
        op[field].as_array().into_iter().flatten().map(|name| text(name).to_owned()).collect()
    };
    let nodes = |make: &dyn Fn(String) -> Op| all("nodes").into_iter().map(make).collect();
    let pods = |make: &dyn Fn(String) -> Op| all("pods").into_iter().map(make).collect();
    match text(&op["op"]) {
        "crash" => nodes(&Op::Crash),
        "recover" => {
            let delay = if op["readyDelay"].is_null() { SimDuration::ZERO } else { span(&op["readyDelay"]) };
            nodes(&|node| Op::Recover(node, delay))
        }
        "ready" => nodes(&|node| Op::PostReady(node, true)),
        "notReady" => nodes(&|node| Op::PostReady(node, false)),
        "stopLease" => nodes(&Op::StopLease),
        "startLease" => nodes(&Op::StartLease),
        "deleteNode" => nodes(&Op::DeleteNode),
        "createNode" => vec![Op::CreateNode(Box::new(read_node(&op["nodeDef"])))],
        "taint" => nodes(&|node| Op::Taint(node, read_taint(op))),
        "untaint" => {
            let effect = op["effect"].as_str().map(read_effect);
            nodes(&|node| Op::Untaint(node, text(&op["key"]).to_owned(), effect))
        }
        "cordon" => nodes(&|node| Op::Cordon(node, true)),
        "uncordon" => nodes(&|node| Op::Cordon(node, false)),
        "createPod" => vec![Op::CreatePod(Box::new(read_pod(&op["podDef"])))],
        "deletePod" => pods(&|pod| Op::DeletePod(pod, None)),
        "forceDeletePod" => pods(&|pod| Op::DeletePod(pod, Some(SimDuration::ZERO))),
        "finishPod" => pods(&|pod| Op::FinishPod(pod, text(&op["phase"]).to_owned())),
        "setTolerations" => pods(&|pod| {
            let list = op["tolerations"].as_array().into_iter().flatten();
            Op::SetTolerations(pod, list.map(read_toleration).collect())
        }),
        "tolerate" => pods(&|pod| Op::Tolerate(pod, read_toleration(&op["toleration"]))),
        other => panic!("there is no op {other}"),
    }
}

fn read_taint(taint: &Value) -> Taint {
    Taint {
        key: text(&taint["key"]).into(),
        value: taint["value"].as_str().unwrap_or("").into(),
        effect: read_effect(text(&taint["effect"])),
    }
}

fn read_effect(effect: &str) -> TaintEffect {
    match effect {
        "NoSchedule" => TaintEffect::NoSchedule,
        "PreferNoSchedule" => TaintEffect::PreferNoSchedule,
        "NoExecute" => TaintEffect::NoExecute,
        other => panic!("there is no effect {other}"),
    }
}

fn read_toleration(toleration: &Value) -> Toleration {
    let is_exists = toleration["operator"] == "Exists";
    let value = toleration["value"].as_str().unwrap_or("");
    Toleration {
        key: toleration["key"].as_str().filter(|key| !key.is_empty()).map(Into::into),
        value: (!is_exists).then(|| value.into()),
        effect: toleration["effect"].as_str().filter(|effect| !effect.is_empty()).map(read_effect),
        seconds: toleration["tolerationSeconds"]
            .as_i64()
            .map(|seconds| SimDuration::from_secs(u64::try_from(seconds).unwrap_or(0))),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is text"))
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is a number"))
}

fn span(value: &Value) -> SimDuration {
    SimDuration::from_millis((number(value) * 1000.0).round() as u64)
}
