//! The scenarios of the files: what users do, and what pods do.

use std::collections::BTreeMap;

use cluster_sim::engine::{SimDuration, SimTime};
use cluster_sim::model::ids::Kind;
use cluster_sim::model::meta::Propagation;
use cluster_sim::model::unix_time::UnixTime;
use serde_json::Value;

use super::timeline::millis;

/// A scenario.
pub struct Scenario {
    pub start: UnixTime,
    /// From the whole second before the start to the start.
    pub offset: SimDuration,
    pub horizon: SimTime,
    /// By how many the pods are dealt out.
    pub n_nodes: usize,
    pub acts: Vec<(SimTime, Act)>,
    pub scripts: Scripts,
}

/// Something done from outside.
#[derive(Debug, Clone)]
pub enum Act {
    Create(Value),
    Patch {
        kind: Kind,
        name: String,
        patch: Value,
    },
    Delete {
        kind: Kind,
        name: String,
        propagation: Propagation,
        /// When the pods of a node that is deleted are collected.
        pod_gc: SimDuration,
    },
    /// Evicts all pods of a node, and those that are refused again after 5 s.
    Drain(String),
    Rollback {
        name: String,
        revision: Option<u64>,
    },
    /// At most so many pods that have not ended; `None` is no limit.
    Quota(Option<u64>),
    OnPod {
        pod: PodRef,
        act: PodAct,
    },
}

/// How a file names a pod.
#[derive(Debug, Clone)]
pub enum PodRef {
    Ordinal(usize),
    Name(String),
}

/// Something done to a pod.
#[derive(Debug, Clone)]
pub enum PodAct {
    Delete { is_stuck: bool },
    ForceDelete,
    Fail,
    Evict,
    SetReady(bool),
    Crash { down: SimDuration },
    Annotate(Value),
    Label(Value),
}

/// What pods do.
pub struct Scripts {
    pub by_ordinal: BTreeMap<usize, Script>,
    pub by_name: BTreeMap<String, Vec<Script>>,
    pub by_node: BTreeMap<String, Script>,
    pub by_image: BTreeMap<String, Script>,
    pub default: Script,
}

/// What one pod does.
#[derive(Debug, Clone, Default)]
pub struct Script {
    /// From creation to Running; `None` never starts.
    pub start_latency: Option<SimDuration>,
    /// From Running to Ready; `None` never is.
    pub ready_delay: Option<SimDuration>,
    pub is_unschedulable: bool,
    pub reject_after: Option<SimDuration>,
    pub fail_after: Option<SimDuration>,
    /// How long it runs before each crash, and how long it is down then.
    pub crashes: Vec<(SimDuration, SimDuration)>,
    pub termination: SimDuration,
    pub node: Option<String>,
}

impl Scenario {
    /// Whether its user makes the nodes.
    pub fn makes_nodes(&self) -> bool {
        self.acts.iter().any(|(_, act)| matches!(act, Act::Create(object) if object["kind"] == "Node"))
    }

    /// Reads the scenario of a file.
    pub fn read(scenario: &Value) -> Self {
        let start = text(&scenario["start"]);
        let offset = start_offset(start);
        let at = |value: &Value| SimTime::ZERO + offset + span(value).unwrap_or_default();
        let quota = scenario["podQuota"].as_u64();
        let quota = quota.map(|n_pods| (SimTime::ZERO, Act::Quota(Some(n_pods))));
        let acts = list(&scenario["ops"]).map(|op| (at(&op["t"]), act(op)));
        Self {
            start: UnixTime::parse_rfc3339(start).expect("the start is a time"),
            offset,
            horizon: at(&scenario["horizon"]),
            n_nodes: scenario["nodes"].as_u64().map_or(3, |n| n as usize),
            acts: quota.into_iter().chain(acts).collect(),
            scripts: Scripts::read(&scenario["kubelet"]),
        }
    }
}

/// The fraction of a second in a timestamp such as `2024-03-04T10:00:00.400Z`.
fn start_offset(start: &str) -> SimDuration {
    let fraction = start.split_once('.').map_or("", |(_, fraction)| fraction.trim_end_matches('Z'));
    let millis = format!("{fraction:0<3}").parse().unwrap_or(0);
    SimDuration::from_millis(millis)
}

fn act(op: &Value) -> Act {
    let name = || text(&op["name"]).to_owned();
    let kind = || kind(text(&op["kind"]));
    let on_pod = |act| Act::OnPod { pod: pod_ref(op), act };
    match text(&op["op"]) {
        "create" => Act::Create(op["object"].clone()),
        "patch" => Act::Patch { kind: kind(), name: name(), patch: op["patch"].clone() },
        "delete" => {
            let is_orphan = op["propagation"] == "Orphan";
            let propagation = if is_orphan { Propagation::Orphan } else { Propagation::Background };
            let pod_gc = span(&op["value"]).unwrap_or(SimDuration::from_secs(40));
            Act::Delete { kind: kind(), name: name(), propagation, pod_gc }
        }
        "rollback" => {
            let revision = op["revision"].as_u64().filter(|revision| *revision > 0);
            Act::Rollback { name: name(), revision }
        }
        "drain" => Act::Drain(name()),
        "evict" => on_pod(PodAct::Evict),
        "quota" => Act::Quota(op["value"].as_u64()),
        "deletePod" => on_pod(PodAct::Delete { is_stuck: op["stuck"] == true }),
        "forceDeletePod" => on_pod(PodAct::ForceDelete),
        "failPod" => on_pod(PodAct::Fail),
        "setReady" => on_pod(PodAct::SetReady(op["value"] == true)),
        "crash" => on_pod(PodAct::Crash { down: span(&op["value"]).unwrap_or_default() }),
        "annotatePod" => on_pod(PodAct::Annotate(op["value"].clone())),
        "labelPod" => on_pod(PodAct::Label(op["value"].clone())),
        other => panic!("an operation of an unknown kind: {other}"),
    }
}

fn pod_ref(op: &Value) -> PodRef {
    match op["pod"].as_u64() {
        Some(ordinal) => PodRef::Ordinal(ordinal as usize),
        None => PodRef::Name(text(&op["name"]).to_owned()),
    }
}

/// The kind of this name.
pub fn kind(name: &str) -> Kind {
    Kind::ALL.into_iter().find(|kind| kind.as_str() == name).expect("a kind of the cluster")
}

impl Scripts {
    /// The nodes that scripts name.
    pub fn nodes(&self) -> Vec<String> {
        let by_name = self.by_name.values().flatten();
        let all = self.by_ordinal.values().chain(by_name).chain(self.by_image.values());
        all.chain([&self.default]).filter_map(|script| script.node.clone()).collect()
    }

    fn read(kubelet: &Value) -> Self {
        let scripts = |key: &str| kubelet[key].as_object().into_iter().flatten();
        let named =
            |key: &str| scripts(key).map(|(name, script)| (name.clone(), Script::read(script))).collect();
        Self {
            by_ordinal: scripts("byOrdinal")
                .map(|(ordinal, script)| {
                    (ordinal.parse().expect("an ordinal is a number"), Script::read(script))
                })
                .collect(),
            by_name: scripts("byName")
                .map(|(name, scripts)| (name.clone(), list(scripts).map(Script::read).collect()))
                .collect(),
            by_node: named("byNode"),
            by_image: named("byImage"),
            default: Script::read(&kubelet["default"]),
        }
    }
}

impl Script {
    fn read(script: &Value) -> Self {
        let is = |key: &str| script[key] == true;
        let crashes = list(&script["crashes"]).map(|crash| {
            (span(&crash["after"]).unwrap_or_default(), span(&crash["downFor"]).unwrap_or_default())
        });
        Self {
            start_latency: Some(span(&script["startLatency"]).unwrap_or_default())
                .filter(|_| !is("neverStarts")),
            ready_delay: Some(span(&script["readyDelay"]).unwrap_or_default()).filter(|_| !is("neverReady")),
            is_unschedulable: is("unschedulable"),
            reject_after: span(&script["rejectAfter"]),
            fail_after: span(&script["failAfter"]),
            crashes: crashes.collect(),
            termination: span(&script["terminationSeconds"]).unwrap_or_default(),
            node: script["node"].as_str().map(str::to_owned),
        }
    }
}

fn span(value: &Value) -> Option<SimDuration> {
    value.as_f64()?;
    Some(SimDuration::from_millis(u64::try_from(millis(value)).expect("spans are not below zero")))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}
