//! The Scenario kind: how images answer probes, and how their lifecycle hooks go.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::manifest::scenario::Span;

/// How a process answers probes.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ProbeAnswers {
    /// How long an answer takes; above the probe's `timeoutSeconds` it is a failure. `tcpSocket` probes do not wait for
    /// one. Default: no time.
    pub answer: Option<Span>,
    /// When startup probes fail.
    pub startup: Option<FailureWindow>,
    /// When liveness probes fail.
    pub liveness: Option<FailureWindow>,
    /// When readiness probes fail.
    pub readiness: Option<FailureWindow>,
}

/// When probes fail, counted from the start of each process.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct FailureWindow {
    /// From when on. Default: from the start.
    pub fail_from: Option<Span>,
    /// Until when. Default: for ever.
    pub fail_until: Option<Span>,
}

/// How lifecycle hooks go.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Hooks {
    /// The hook after the start.
    pub post_start: Option<Hook>,
    /// The hook before SIGTERM.
    pub pre_stop: Option<Hook>,
}

/// How a lifecycle hook goes: how long it takes, or more about it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Hook {
    /// It succeeds after so long.
    Takes(Span),
    /// How it goes.
    Full(FullHook),
}

/// How a lifecycle hook goes.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct FullHook {
    /// How long it takes. Default: no time.
    pub takes: Option<Span>,
    /// Whether it fails in the end.
    pub fails: bool,
}
