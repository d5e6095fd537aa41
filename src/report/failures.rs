//! The waterfall of failures of nodes and kubelets: for each lost pod, what happened when until its replacement was ready.

use serde::Serialize;

use crate::engine::{SimDuration, SimTime};
use crate::model::node::Silence;
use crate::observe::failures::{LostPod, NodeFailure};
use crate::report::table::Table;

/// The failure of a node, or of its kubelet. Times are seconds since the start of the scenario.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FailureRow {
    /// The node.
    pub node: String,
    /// What stopped: the machine, or only the kubelet, while what ran on it ran on.
    pub cause: Silence,
    /// Its last sign of life [s].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_heartbeat: Option<f64>,
    /// When it failed [s].
    pub failed: f64,
    /// When it was said not to be Ready [s].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_ready: Option<f64>,
    /// When it got its NoExecute taint [s].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tainted: Option<f64>,
    /// When it was back [s].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub back: Option<f64>,
    /// The pods that were on it.
    pub pods: Vec<LostPodRow>,
    /// Pods beyond those listed.
    #[serde(skip_serializing_if = "is_zero")]
    pub more_pods: usize,
}

/// A pod of such a node. Times are seconds since the start of the scenario.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LostPodRow {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// When its deletion was asked for [s].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evicted: Option<f64>,
    /// The pod that replaced it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replacement: Option<String>,
    /// When that was created [s].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<f64>,
    /// When it was bound [s].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduled: Option<f64>,
    /// When its images were there [s].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pulled: Option<f64>,
    /// When it started [s].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<f64>,
    /// When it was Ready [s].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready: Option<f64>,
}

/// The rows of all failures.
pub fn rows(failures: &[NodeFailure]) -> Vec<FailureRow> {
    failures.iter().map(row).collect()
}

fn row(failure: &NodeFailure) -> FailureRow {
    FailureRow {
        node: failure.node.to_string(),
        cause: failure.cause,
        last_heartbeat: failure.last_sign.map(secs),
        failed: secs(failure.failed),
        not_ready: failure.not_ready.map(secs),
        tainted: failure.tainted.map(secs),
        back: failure.back.map(secs),
        pods: failure.pods.iter().map(pod_row).collect(),
        more_pods: failure.n_more_pods,
    }
}

fn pod_row(pod: &LostPod) -> LostPodRow {
    let replacement = pod.replacement.as_ref();
    LostPodRow {
        namespace: pod.namespace.to_string(),
        name: pod.name.to_string(),
        evicted: pod.deleted.map(secs),
        replacement: replacement.map(|pod| pod.name.to_string()),
        created: replacement.map(|pod| secs(pod.created)),
        scheduled: replacement.and_then(|pod| pod.scheduled).map(secs),
        pulled: replacement.and_then(|pod| pod.pulled).map(secs),
        started: replacement.and_then(|pod| pod.started).map(secs),
        ready: replacement.and_then(|pod| pod.ready).map(secs),
    }
}

/// The waterfall of at most `max` lost pods: each instant as the span since the failure. Where kubelets stopped, too, a
/// column tells them apart.
pub fn table(failures: &[FailureRow], max: usize) -> Table {
    let heads = [
        "NODE",
        "CAUSE",
        "FAILED",
        "HEARTBEAT",
        "NOTREADY",
        "TAINTED",
        "BACK",
        "POD",
        "EVICTED",
        "REPLACEMENT",
        "CREATED",
        "SCHEDULED",
        "PULLED",
        "STARTED",
        "READY",
    ];
    let mut table = Table::new(&heads);
    let tells_causes = failures.iter().any(|failure| failure.cause == Silence::KubeletStopped);
    let all = failures.iter().flat_map(|failure| failure.pods.iter().map(move |pod| (failure, pod)));
    for (failure, pod) in all.take(max) {
        let since = |at: Option<f64>| at.map(|at| since(failure.failed, at)).unwrap_or_default();
        table.cells(vec![
            failure.node.clone(),
            if tells_causes { failure.cause.as_str().to_owned() } else { String::new() },
            span(failure.failed),
            since(failure.last_heartbeat),
            since(failure.not_ready),
            since(failure.tainted),
            since(failure.back),
            pod.name.clone(),
            since(pod.evicted),
            pod.replacement.clone().unwrap_or_default(),
            since(pod.created),
            since(pod.scheduled),
            since(pod.pulled),
            since(pod.started),
            since(pod.ready),
        ]);
    }
    table
}

/// `+45s` or `-3s`
fn since(start: f64, at: f64) -> String {
    if at < start { format!("-{}", span(start - at)) } else { format!("+{}", span(at - start)) }
}

fn span(secs: f64) -> String {
    SimDuration::from_secs_f64(secs).to_string()
}

fn secs(at: SimTime) -> f64 {
    at.since(SimTime::ZERO).as_secs_f64()
}

const fn is_zero(count: &usize) -> bool {
    *count == 0
}
