//! What varies between runs of one scenario: variants and grids.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::manifest::scenario::Span;

/// A grid of runs: every combination of the values of its axes, each with several seeds.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sweep {
    /// What varies. Without an axis only the seed does.
    #[serde(default)]
    pub axes: Vec<Axis>,
    /// How many seeds each combination is run with, from the scenario's seed on. Default: 1.
    pub trials: Option<NonZeroU32>,
}

/// Something that varies. Exactly one of `param`, `pool`, `deployment`, `statefulset`, `replicaset`, `failNode` and
/// `failZone`; and either `values`, or `from`, `to` and `step`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Axis {
    /// A parameter: its value.
    pub param: Option<String>,
    /// A node pool: the number of its nodes.
    pub pool: Option<String>,
    /// A Deployment: its replicas at the start.
    pub deployment: Option<String>,
    /// A StatefulSet: its replicas at the start.
    pub statefulset: Option<String>,
    /// A ReplicaSet: its replicas at the start.
    pub replicaset: Option<String>,
    /// A node: when it stops dead.
    pub fail_node: Option<String>,
    /// A zone: when all of its nodes stop dead.
    pub fail_zone: Option<String>,
    /// How long the node or zone is away. Default: for ever.
    pub r#for: Option<Span>,
    /// The values.
    pub values: Vec<Value>,
    /// The first value: a whole number, or a span where the axis is a failure.
    pub from: Option<Value>,
    /// The last value, where a step falls on it.
    pub to: Option<Value>,
    /// From one value to the next.
    pub step: Option<Value>,
}

/// Another shape of a scenario: another Scenario file, or fields of `spec` that take the place of this one's. Maps are
/// merged key by key, everything else is replaced, and `null` takes a field away.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Variant {
    /// The name, unique in the scenario.
    pub name: String,
    /// A Scenario file, relative to this one, that is played instead. Excludes other fields.
    pub scenario: Option<String>,
    /// Fields of `spec`.
    #[serde(flatten)]
    pub overrides: BTreeMap<String, Value>,
}
