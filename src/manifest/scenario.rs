//! The Scenario kind (`apiVersion: sim/v1`): its types as written in YAML.
//!
//! The JSON Schema of `sim schema` and the reference in `docs/scenario.md` are generated from these types; the
//! comments are their text. `read` turns them into the model.

pub mod check;
pub mod metrics;
pub mod probes;
pub mod read;
pub mod scalar;
pub mod delay;
pub mod traffic;
mod capacity;
mod timeline;
mod variation;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

pub use capacity::{Capacity, SizeRange};
pub use delay::{Delay, DelayDistribution};
pub use metrics::{Cpu, Metric};
pub use probes::{FailureWindow, Hook, Hooks, ProbeAnswers};
pub use scalar::{ByteSize, GrowthRate, Port, Span};
pub use timeline::{
    Apply, ComponentChoice, ComponentTarget, Delete, Drain, Evict, Fail, Fault, Heal, Kill, NodeTarget,
    PartitionEntry, Patch, PropagationPolicy, Recover, Scale, Shutdown, Stop, TimelineEntry,
};
use traffic::{NetworkSettings, ServePort, TrafficSource};
pub use variation::{Axis, Sweep, Variant};

/// The whole document.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "Scenario")]
pub struct ScenarioFile {
    /// `sim/v1`
    pub api_version: ApiVersion,
    /// `Scenario`
    pub kind: KindName,
    /// The scenario's name.
    #[serde(default)]
    pub metadata: ScenarioMeta,
    /// What is simulated.
    #[serde(default)]
    pub spec: ScenarioSpec,
}

/// The version of the format.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
pub enum ApiVersion {
    /// The only one.
    #[serde(rename = "sim/v1")]
    V1,
}

/// The kind of the document.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
pub enum KindName {
    /// The only one.
    Scenario,
}

/// The scenario's name.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScenarioMeta {
    /// The name. Default: the file's name without its ending.
    pub name: Option<String>,
}

/// What is simulated.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ScenarioSpec {
    /// What the scenario asks, in a sentence or two.
    pub description: Option<String>,
    /// The seed of all random streams. Default: 1. `--seed` overrides it.
    pub seed: Option<u64>,
    /// The wall clock at the start, RFC 3339. Default: `2027-01-01T00:00:00Z`; never the real clock.
    pub start_time: Option<String>,
    /// When the run ends. Default: when nothing is left to happen; after 24 h at the latest, or 30 days after the last
    /// arrival of a trace.
    pub horizon: Option<Span>,
    /// The Kubernetes version whose behaviour is simulated, `1.28` to `1.37`. Default: `1.35`.
    pub kubernetes_version: Option<String>,
    /// Feature gates that differ from the version's defaults.
    pub feature_gates: BTreeMap<String, bool>,
    /// The latencies of the cluster: `ideal` (none but those that define semantics), `typical`, or a preset
    /// with overrides. Default: `ideal`.
    pub timing: Option<TimingChoice>,
    /// Settings of the scheduler, as in its configuration file.
    pub scheduler: Option<SchedulerChoice>,
    /// Settings of all kubelets, as in their configuration file.
    pub kubelet: Option<KubeletChoice>,
    /// Parameters with their defaults. `${name}` stands for the value, here and in manifests; `--set name=value`
    /// overrides it.
    pub params: BTreeMap<String, Value>,
    /// Groups of like nodes. Default, where no manifest brings a node: three nodes of 4 cpu and 16Gi.
    pub node_pools: Vec<NodePool>,
    /// Files of Kubernetes manifests, relative to this file, besides the documents of this file.
    pub manifests: Vec<String>,
    /// What images do when a container runs them, by image name. An image that is not listed runs 10 s and exits
    /// with 0, or for ever where the restart policy is Always.
    pub images: BTreeMap<String, Image>,
    /// What Jobs had done before the start.
    pub progress: Vec<Progress>,
    /// Metrics that autoscalers go by and pods do not bring by themselves: of type Pods, Object or External.
    pub metrics: Vec<Metric>,
    /// Pods or Jobs that arrive by a recorded trace.
    pub trace: Option<TraceFiles>,
    /// The load: where requests come from.
    pub traffic: Vec<TrafficSource>,
    /// The network of the cluster.
    pub network: NetworkSettings,
    /// What happens when.
    pub timeline: Vec<TimelineEntry>,
    /// What fails by chance, from the seed. Such a run lasts until its horizon.
    pub faults: Vec<Fault>,
    /// What must hold, in CEL.
    pub expect: Vec<Expect>,
    /// Other shapes of this scenario, for `sim compare` and `--variant`. The first is what the others are compared with.
    pub variants: Vec<Variant>,
    /// A grid of runs, for `sim sweep`.
    pub sweep: Option<Sweep>,
    /// A question for `sim capacity`.
    pub capacity: Option<Capacity>,
    /// What is left out of the statistics of traffic and utilisation at the beginning. Default: nothing.
    pub warm_up: Option<Span>,
}

/// The latencies of the cluster.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum TimingChoice {
    /// A preset as it is.
    Preset(TimingPreset),
    /// A preset with overrides.
    Custom(TimingOverrides),
}

/// A named set of latencies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum TimingPreset {
    /// No latency but those that define semantics.
    #[default]
    Ideal,
    /// A cluster in good order.
    Typical,
}

/// A preset of latencies with overrides.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct TimingOverrides {
    /// What is not overridden. Default: `ideal`.
    pub preset: TimingPreset,
    /// From a write to the moment when components see it.
    pub watch: Option<Span>,
    /// One cycle of the scheduler.
    pub scheduling_cycle: Option<Span>,
    /// From the choice of a node to the pod's being bound.
    pub bind: Option<Span>,
    /// Making a sandbox.
    pub sandbox: Option<Span>,
    /// Starting one container.
    pub container_start: Option<Span>,
    /// Fixed part of an image pull.
    pub pull_base: Option<Span>,
    /// Rate of an image pull, per second.
    pub pull_rate: Option<ByteSize>,
    /// From the exit of a process to the kubelet's notice.
    pub exit_detection: Option<Span>,
}

/// Settings of the scheduler, as in its configuration file.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SchedulerChoice {
    /// Of how many nodes, in percent, feasible ones are looked for before they are scored, 1 to 100; never fewer
    /// than 100 nodes. Default, and 0: by the size of the cluster, 50 % and less.
    pub percentage_of_nodes_to_score: Option<u32>,
    /// How `NodeResourcesFit` scores nodes. Default: `LeastAllocated`.
    pub scoring_strategy: Option<ScoringStrategyType>,
}

/// Settings of all kubelets, as in their configuration file.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct KubeletChoice {
    /// For how long a node that shuts down waits for its pods, in whole seconds. Default: 0, as upstream: the machine is
    /// off at once, as with `fail`, and nobody says what became of its pods.
    pub shutdown_grace_period: Option<Span>,
    /// What of that is for critical pods, after all others; no longer than `shutdownGracePeriod`. Default: 0.
    pub shutdown_grace_period_critical_pods: Option<Span>,
}

/// How `NodeResourcesFit` scores nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum ScoringStrategyType {
    /// Spreads pods: nodes with more room score higher.
    LeastAllocated,
    /// Packs pods: nodes with less room score higher.
    MostAllocated,
}

/// A group of like nodes.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NodePool {
    /// The nodes are called `<name>-1`, `<name>-2`, ….
    pub name: String,
    /// How many.
    pub count: u32,
    /// What each machine has: `cpu`, `memory`, `pods` (default 110) and other resources.
    #[serde(default)]
    pub capacity: BTreeMap<String, Value>,
    /// What pods may request of it. Default: the capacity.
    #[serde(default)]
    pub allocatable: BTreeMap<String, Value>,
    /// The zone: label `topology.kubernetes.io/zone`.
    pub zone: Option<String>,
    /// Further labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Taints.
    #[serde(default)]
    pub taints: Vec<Value>,
    /// The price of one node per hour, for reports.
    pub price_per_hour: Option<f64>,
}

/// What an image does when a container runs it. One container runs one process.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Image {
    /// What a node has to pull before its first start.
    pub pull_size: Option<ByteSize>,
    /// The error that pulls of it end with.
    pub pull_failure: Option<String>,
    /// How many pulls end so on each node before one succeeds. Default: all; the image is never there.
    pub pull_failures: Option<u32>,
    /// From the start of the container to the first step.
    pub startup: Option<Delay>,
    /// The cpu that the process uses besides what requests take: `300m`, or values from instants of the scenario on. It
    /// is what autoscalers see, no more than the container's limit; it slows nothing down. Default: none.
    pub cpu: Option<Cpu>,
    /// The memory that the process uses; above the container's limit it is OOM-killed.
    pub memory: Option<Memory>,
    /// What the process does, in order. At the end of its steps it exits with 0.
    pub steps: Option<Vec<Step>>,
    /// What each start does: one entry per start, the last repeats. Excludes `steps`.
    pub attempts: Option<Vec<Attempt>>,
    /// What numbers the starts for `attempts`. Default: `container`.
    pub attempts_by: AttemptsBy,
    /// What the process serves after its steps, for ever. It listens on all ports; where one is taken it logs
    /// `address already in use` and exits with 1.
    pub serve: Vec<ServePort>,
    /// What the process does on SIGTERM. Default: exits at once with 143. Until it ends it goes on serving.
    pub on_term: Option<OnTerm>,
    /// How the process answers probes. Default: well and at once, an `httpGet`, `tcpSocket` or `grpc` probe as soon as
    /// some process of the pod listens on the port.
    pub probes: ProbeAnswers,
    /// How lifecycle hooks go. Default: well and at once; `sleep` takes its own time.
    pub hooks: Hooks,
}

/// What numbers the starts of an image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum AttemptsBy {
    /// The restarts of the one container.
    #[default]
    Container,
    /// The pods that the owner has made.
    Pod,
    /// The pods of the same completion index.
    Index,
}

/// The memory that a process uses.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Memory {
    /// At the start.
    pub base: ByteSize,
    /// What is added over time, as `1Mi/m`.
    pub growth: Option<GrowthRate>,
}

/// What a process does on SIGTERM.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct OnTerm {
    /// Goes on until SIGKILL.
    pub ignore: bool,
    /// Otherwise: from SIGTERM to the end. Default: no time.
    pub after: Option<Span>,
    /// The exit code then. Default: 143.
    pub exit_code: Option<i32>,
}

/// One start of a process: its steps, or their short form.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Attempt {
    /// Steps in order.
    Steps(Vec<Step>),
    /// The short form.
    Short(ShortSteps),
}

/// The short form of steps: `listen`, `waitFor`, `run`, `write`, `log`, `exit`, done in this order.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ShortSteps {
    /// See the step of this name.
    pub listen: Option<Listen>,
    /// See the step of this name.
    pub wait_for: Option<WaitFor>,
    /// See the step of this name.
    pub run: Option<Run>,
    /// See the step of this name.
    pub write: Option<String>,
    /// See the step of this name.
    pub log: Option<String>,
    /// See the step of this name.
    pub exit: Option<Exit>,
}

/// One step of a process.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Step {
    /// Binds a port in the pod's port space. Where it is taken the process logs `address already in use` and
    /// exits with 1.
    Listen(Listen),
    /// Waits until a port is open or a file is there.
    WaitFor(WaitFor),
    /// Connects to `host:port` once; where it is refused the process exits with 1. The host is `localhost` (the
    /// pod's own loopback) or the name of a pod.
    Connect(String),
    /// Works for a while, or `forever`.
    Run(Run),
    /// Writes a file. Under a volume's mount path the other containers that mount it see it.
    Write(String),
    /// Writes a line to the log.
    Log(String),
    /// Ends the process with a code, or with one of several by weight.
    Exit(Exit),
}

/// A port to bind.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
pub enum Listen {
    /// A TCP port.
    Port(Port),
    /// A port with its protocol.
    Full {
        /// The port.
        port: Port,
        /// `TCP`, `UDP` or `SCTP`.
        protocol: Option<String>,
    },
}

/// What a process waits for: a port or a file.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct WaitFor {
    /// A port of the pod's own loopback, or `host:port`.
    pub port: Option<PortTarget>,
    /// A file.
    pub file: Option<String>,
    /// How long; then the process exits with 1. Default: for ever.
    pub timeout: Option<Span>,
}

/// A port of the own loopback, or `host:port`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum PortTarget {
    /// A port of the pod's own loopback.
    Local(Port),
    /// `host:port`
    Remote(String),
}

/// How long a process works: a span, `forever`, or a distribution.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Run {
    /// For ever.
    Forever(Forever),
    /// A span or a distribution.
    For(Delay),
}

/// The word `forever`.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Forever {
    /// For ever.
    Forever,
}

/// An exit code, or codes by weight as `{0: 0.9, 1: 0.1}`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Exit {
    /// Always this one.
    Code(i32),
    /// One of these, by weight.
    Weighted(BTreeMap<String, f64>),
}

/// What a Job of the scenario had done before the start. Its pods of that time are gone.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Progress {
    /// The Job.
    pub job: String,
    /// Its namespace. Default: `default`.
    pub namespace: Option<String>,
    /// The CronJob that made it, and that it is active for.
    pub cronjob: Option<String>,
    /// Pods that succeeded; of an Indexed Job the indexes tell. Default: 0.
    pub succeeded: Option<u32>,
    /// Pods that failed. Default: 0.
    pub failed: Option<u32>,
    /// The indexes that succeeded, as `0-3,7`.
    pub completed_indexes: Option<String>,
    /// The indexes that failed, as `4,6`; with `backoffLimitPerIndex` only.
    pub failed_indexes: Option<String>,
}

/// A recorded trace. Exactly one of `pods` and `jobs`.
///
/// The columns of the file stand in any order: `arrival_s`, `cpu_m`, `mem_MiB` and `duration_s` (of one pod) are
/// required; `name`, `exit_code` (default: 0) and, of Jobs, `pods` (all wanted at once; default: 1) may be there. A
/// column with a `/` in its name is an extended resource that each pod asks for, one called `node:LABEL` says which
/// values of that label a node must have one of, with `|` between them.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TraceFiles {
    /// A CSV file with a pod a line. Such a pod is not restarted.
    pub pods: Option<String>,
    /// A CSV file with a Job a line. Such a Job has `backoffLimit: 0`.
    pub jobs: Option<String>,
    /// How long the Jobs stay after their end. Default: for ever.
    #[schemars(range(min = 0))]
    pub ttl_seconds_after_finished: Option<u32>,
}

/// Something that must hold.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Expect {
    /// When. Default: at the end.
    pub at: Option<Span>,
    /// A CEL expression over `jobs`, `cronjobs` and `nodes` (by name), `pods`, `logs` and `records` (lists),
    /// `traffic` (by source), `tiers` (as `deployment/web/app`) and `t` [s].
    #[schemars(extend("format" = "CEL"))]
    pub that: String,
    /// What it means, in words.
    pub message: Option<String>,
}
