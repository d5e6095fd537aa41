//! The question of `sim capacity`, as the Scenario carries it.

use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::manifest::scenario::Span;

/// A question for `sim capacity`: how small may it be, and when is it enough? Its flags override it.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Capacity {
    /// What is to be as small as it can: node pools, or one workload, or one parameter. Default: all node pools.
    pub sizes: Vec<SizeRange>,
    /// With how many seeds each size is tried, from the scenario's seed on. Default: 20.
    pub trials: Option<NonZeroU32>,
    /// The share of trials in which all expectations have to hold: `95%` or `0.95`. Default: 95%.
    pub at_least: Option<Value>,
    /// What they have to hold without, too, whichever is lost: `1` or `2` nodes, a `zone`, or a list of these. Default:
    /// nothing.
    pub survive: Option<Value>,
    /// When it is lost, for ever: a span, or a list of them. Default: in the middle of the longest peak of what pods
    /// request, and of the load.
    pub lost_at: Vec<Span>,
}

/// The sizes of one thing that are tried. Exactly one of `pool`, `deployment`, `statefulset`, `replicaset` and `param`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SizeRange {
    /// A node pool: the number of its nodes.
    pub pool: Option<String>,
    /// A Deployment: its replicas at the start.
    pub deployment: Option<String>,
    /// A StatefulSet: its replicas at the start.
    pub statefulset: Option<String>,
    /// A ReplicaSet: its replicas at the start.
    pub replicaset: Option<String>,
    /// A parameter: a whole number.
    pub param: Option<String>,
    /// The smallest size. Default: 1, and 0 where there are several pools.
    pub from: Option<u32>,
    /// The largest size. Default: four times the scenario's own, and 10 at least.
    pub to: Option<u32>,
}
