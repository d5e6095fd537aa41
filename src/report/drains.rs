//! What drains of nodes met, as rows and as text.

use serde::Serialize;

use crate::report::summary::seconds;
use crate::report::table::Table;
use crate::report::text::span;
use crate::sim::drain::{Drain, DrainState, DrainedPod};

/// A drain and what it met.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DrainRow {
    /// The node.
    pub node: String,
    /// When it began [s].
    pub started: f64,
    /// When it was over [s].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<f64>,
    /// `drained`, `draining`, `timed out`, `failed` or `refused`.
    pub outcome: &'static str,
    /// Why it never began.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<String>,
    /// The pods to evict.
    pub pods: Vec<DrainedPodRow>,
}

/// A pod that a drain evicts.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DrainedPodRow {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// Since when its eviction was refused [s].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked_since: Option<f64>,
    /// How often it was.
    pub refusals: u32,
    /// By which budget.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked_by: Option<String>,
    /// The last cause, in the API server's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// When its eviction was allowed [s].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evicted: Option<f64>,
    /// When it was gone [s].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gone: Option<f64>,
    /// Why it is not tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// The row of a drain.
pub fn row(drain: &Drain) -> DrainRow {
    let (outcome, ended) = match &drain.state {
        DrainState::Refused(_) => ("refused", Some(drain.started)),
        DrainState::Draining => ("draining", None),
        DrainState::Drained(at) => ("drained", Some(*at)),
        DrainState::Failed(at) => ("failed", Some(*at)),
        DrainState::TimedOut(at) => ("timed out", Some(*at)),
    };
    let refused = match &drain.state {
        DrainState::Refused(refused) => refused.clone(),
        _ => Vec::new(),
    };
    let (node, started) = (drain.order.node.to_string(), seconds(drain.started));
    let pods = drain.pods.iter().map(pod_row).collect();
    DrainRow { node, started, ended: ended.map(seconds), outcome, refused, pods }
}

fn pod_row(pod: &DrainedPod) -> DrainedPodRow {
    let blocked = pod.blocked.as_ref();
    DrainedPodRow {
        namespace: pod.namespace.to_string(),
        name: pod.name.to_string(),
        blocked_since: blocked.map(|blocked| seconds(blocked.since)),
        refusals: blocked.map_or(0, |blocked| blocked.n_refusals),
        blocked_by: blocked.map(|blocked| blocked.budget.clone()),
        cause: blocked.map(|blocked| blocked.cause.clone()),
        evicted: pod.evicted.map(seconds),
        gone: pod.gone.map(seconds),
        failure: pod.failure.clone(),
    }
}

/// The answer in one line: `Drain of node-1  drained after 30s  (3 pods, 2 of them blocked at first)`.
pub fn verdict(drain: &DrainRow) -> String {
    let head = format!("Drain of {}  {}", drain.node, drain.outcome);
    if let [first, ..] = drain.refused.as_slice() {
        return format!("{head}: {first}");
    }
    let after = drain.ended.map(|ended| format!(" after {}", span(ended - drain.started)));
    let n_pods = drain.pods.len();
    let noun = if n_pods == 1 { "pod" } else { "pods" };
    let waiting: Vec<&DrainedPodRow> = drain.pods.iter().filter(|pod| pod.evicted.is_none()).collect();
    let n_blocked = drain.pods.iter().filter(|pod| pod.refusals > 0).count();
    let detail = match waiting.iter().find_map(|pod| Some((pod.blocked_since?, pod.blocked_by.as_ref()?))) {
        Some((since, budget)) => {
            format!("{} of {n_pods} {noun} blocked by {budget} since {}", waiting.len(), span(since))
        }
        None if n_blocked > 0 => format!("{n_pods} {noun}, {n_blocked} of them blocked at first"),
        None => format!("{n_pods} {noun}"),
    };
    format!("{head}{}  ({detail})", after.unwrap_or_default())
}

/// The table of the pods of all drains.
pub fn table(drains: &[DrainRow]) -> Table {
    let mut table = Table::new(&["DRAIN", "POD", "ASKED", "REFUSED", "BY", "EVICTED", "GONE", "WHY"]);
    for drain in drains {
        for pod in &drain.pods {
            let why = pod.failure.clone().or_else(|| pod.cause.clone().filter(|_| pod.evicted.is_none()));
            table.row([
                drain.node.clone(),
                pod.name.clone(),
                span(drain.started),
                if pod.refusals > 0 { pod.refusals.to_string() } else { String::new() },
                pod.blocked_by.clone().unwrap_or_default(),
                pod.evicted.map_or_else(|| "-".to_owned(), span),
                pod.gone.map_or_else(|| "-".to_owned(), span),
                why.unwrap_or_default(),
            ]);
        }
    }
    table
}
