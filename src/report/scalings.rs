//! The ledger of scalings: every size that an autoscaler set, when and why.

use serde::Serialize;

use crate::observe::scalings::{AutoscalerEntry, ScalingLedger};
use crate::report::summary::seconds;

/// An autoscaler and what it did.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AutoscalerRow {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// What it scales.
    pub target: String,
    /// The size of the target at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u32>,
    /// The sizes that it set.
    pub scalings: Vec<ScalingRow>,
}

/// One scaling.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScalingRow {
    /// When [s].
    pub at: f64,
    /// The size before.
    pub from: u32,
    /// The size after.
    pub to: u32,
    /// Why, in upstream's words.
    pub reason: String,
}

/// The rows of all autoscalers of a run.
pub fn rows(ledger: &ScalingLedger) -> Vec<AutoscalerRow> {
    ledger.entries().iter().map(row).collect()
}

fn row(entry: &AutoscalerEntry) -> AutoscalerRow {
    let scalings = entry.scalings.iter().map(|scaling| ScalingRow {
        at: seconds(scaling.at),
        from: scaling.from,
        to: scaling.to,
        reason: scaling.reason.clone(),
    });
    AutoscalerRow {
        namespace: entry.namespace.to_string(),
        name: entry.name.to_string(),
        target: entry.target.clone(),
        replicas: entry.replicas,
        scalings: scalings.collect(),
    }
}

/// The answer in one line: how often it scaled, and between which sizes.
pub fn verdict(row: &AutoscalerRow) -> String {
    let head = format!("HorizontalPodAutoscaler {}/{}  {}", row.namespace, row.name, row.target);
    let Some(replicas) = row.replicas else { return format!("{head} was not found") };
    let sizes = row.scalings.iter().flat_map(|scaling| [scaling.from, scaling.to]).chain([replicas]);
    let (least, most) = sizes.fold((u32::MAX, 0), |(least, most), size| (least.min(size), most.max(size)));
    let noun = if replicas == 1 { "replica" } else { "replicas" };
    match row.scalings.len() {
        0 => format!("{head} stayed at {replicas} {noun}"),
        n => {
            let times = if n == 1 { "once".to_owned() } else { format!("{n} times") };
            format!("{head} ends with {replicas} {noun}  (scaled {times}, {least} to {most})")
        }
    }
}
