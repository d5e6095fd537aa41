//! The trace of a run: every change as one line of JSON, with the event that caused it.
//!
//! The first line says what was played, the last one what came of it; a trace without its last line was cut off. The
//! fields are described in docs/trace.md. `perfetto` writes another form, for timeline viewers.

mod details;
pub mod perfetto;
pub mod reader;

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::cluster::Cluster;
use crate::component::Observer;
use crate::engine::SimTime;
use crate::event::{Change, Event, ProcessRef, Subject};
use crate::model::ids::ObjectId;
use crate::model::scenario::Scenario;
use crate::model::wall_clock::WallClock;
use crate::observe::story::AtWork;

/// The version of the format.
pub const FORMAT: &str = "sim/trace/v1";

/// The first line of a trace: what was played.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TraceHead {
    /// The version of the format.
    pub format: String,
    /// The version of the program.
    pub sim_version: String,
    /// The scenario's name.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// The civil time at which the run starts, RFC 3339.
    pub start_time: String,
    /// The version of Kubernetes whose behaviour is played.
    pub kubernetes_version: String,
    /// The feature gates that the scenario sets.
    pub feature_gates: BTreeMap<String, bool>,
    /// The name of the latencies.
    pub timing: String,
    /// What was assumed.
    pub assumptions: Vec<String>,
    /// What the timeline asks for, in order; causes name its entries by position.
    pub timeline: Vec<TimelineLine>,
    /// The command that gives the same again.
    pub reproduce: String,
}

/// An entry of the timeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimelineLine {
    /// When [s].
    pub t: f64,
    /// What, in words.
    pub action: String,
}

impl TraceHead {
    /// The head of the trace of a run.
    pub fn of(scenario: &Scenario, reproduce: String) -> Self {
        let clock = WallClock { start: scenario.start_time };
        let gates = scenario.profile.gates().map(|(gate, is_on)| (gate.to_owned(), is_on));
        let entry = |entry: &crate::model::scenario::TimedAction| TimelineLine {
            t: entry.at.as_nanos() as f64 / 1e9,
            action: entry.action.to_string(),
        };
        Self {
            format: FORMAT.to_owned(),
            sim_version: env!("CARGO_PKG_VERSION").to_owned(),
            scenario: scenario.name.to_string(),
            seed: scenario.seed,
            start_time: clock.start.to_string(),
            kubernetes_version: scenario.profile.version.to_string(),
            feature_gates: gates.collect(),
            timing: scenario.timing.name.to_string(),
            assumptions: scenario.assumptions.clone(),
            timeline: scenario.timeline.iter().map(entry).collect(),
            reproduce,
        }
    }
}

/// Writes the trace of a run.
pub struct TraceWriter<W> {
    out: W,
    cause: Cause,
    error: Option<io::Error>,
}

#[derive(Default)]
struct Cause {
    seq: u64,
    text: String,
    component: Option<&'static str>,
}

impl<W: Write> TraceWriter<W> {
    /// A trace that is written to `out`; its head at once.
    pub fn new(mut out: W, head: &TraceHead) -> Self {
        let error = write_line(&mut out, head).err();
        Self { out, cause: Cause::default(), error }
    }

    /// Ends the trace with what came of the run.
    ///
    /// # Errors
    /// The first error of writing.
    pub fn finish(mut self, end: &impl Serialize) -> io::Result<()> {
        match self.error {
            Some(error) => Err(error),
            None => {
                write_line(&mut self.out, &json!({"end": end}))?;
                self.out.flush()
            }
        }
    }
}

fn write_line(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

/// An instant [s].
fn seconds(at: SimTime) -> Value {
    json!(at.as_nanos() as f64 / 1e9)
}

impl<W: Write> Observer for TraceWriter<W> {
    fn begin(&mut self, _now: SimTime, seq: u64, event: &Event, cluster: &Cluster) {
        let component = match AtWork::of(event) {
            AtWork::Component(name) => {
                debug_assert!(AtWork::COMPONENTS.contains(&name), "who reads the trace does not know {name}");
                Some(name)
            }
            AtWork::Start | AtWork::Timeline(_) => None,
        };
        self.cause = Cause { seq, text: event_text(event, cluster), component };
    }

    fn see(&mut self, now: SimTime, change: &Change, cluster: &Cluster) {
        if self.error.is_some() {
            return;
        }
        let mut line = Map::new();
        line.insert("t".into(), seconds(now));
        line.insert("seq".into(), json!(self.cause.seq));
        line.insert("cause".into(), json!(self.cause.text));
        if let Some(component) = self.cause.component {
            line.insert("component".into(), json!(component));
        }
        line.insert("change".into(), json!(change.name()));
        line.insert("object".into(), json!(subject_text(change.subject(), cluster)));
        details::add(&mut line, change, cluster);
        self.error = write_line(&mut self.out, &line).err();
    }
}

/// `kind/namespace/name`, or `kind/name` where there is no namespace.
fn subject_text(subject: Subject<'_>, cluster: &Cluster) -> String {
    match subject {
        Subject::Alive(object) => object_text(object, cluster),
        Subject::Gone { kind, namespace: "", name } => format!("{}/{name}", kind.resource()),
        Subject::Gone { kind, namespace, name } => format!("{}/{namespace}/{name}", kind.resource()),
    }
}

fn object_text(object: ObjectId, cluster: &Cluster) -> String {
    let name = cluster.meta(object).map_or_else(|| "<gone>".to_owned(), |meta| meta.full_name());
    format!("{}/{name}", object.kind().resource())
}

fn event_text(event: &Event, cluster: &Cluster) -> String {
    let (name, subject) = match event {
        Event::ActionDue(at) => return format!("ActionDue timeline[{at}]"),
        Event::FaultDue(at) => return format!("FaultDue fault[{at}]"),
        Event::TraceDue(at) => return format!("TraceDue trace[{at}]"),
        Event::NodeFailed(node) => ("NodeFailed", ObjectId::Node(*node)),
        Event::NodeRecovered(node) => ("NodeRecovered", ObjectId::Node(*node)),
        Event::NodeShutdownBegun(node) => ("NodeShutdownBegun", ObjectId::Node(*node)),
        Event::ShutdownPhaseOver(node) => ("ShutdownPhaseOver", ObjectId::Node(*node)),
        Event::KubeletStopped(node) => ("KubeletStopped", ObjectId::Node(*node)),
        Event::KubeletStarted(node) => ("KubeletStarted", ObjectId::Node(*node)),
        Event::ProcessKilled(pod, ..) => ("ProcessKilled", ObjectId::Pod(*pod)),
        Event::StepDone(process) => ("StepDone", process_object(process)),
        Event::MemoryLimitReached(process) => ("MemoryLimitReached", process_object(process)),
        Event::TermDone(process) => ("TermDone", process_object(process)),
        Event::HookDone(process) => ("HookDone", process_object(process)),
        Event::MemoryDue(node) => ("MemoryDue", ObjectId::Node(*node)),
        Event::ProbeDue(pod) => ("ProbeDue", ObjectId::Pod(*pod)),
        Event::PullDone(process) => ("PullDone", process_object(process)),
        Event::PodSync(pod) => ("PodSync", ObjectId::Pod(*pod)),
        Event::PodDeadlineReached(pod) => ("PodDeadlineReached", ObjectId::Pod(*pod)),
        Event::GraceOver(pod) => ("GraceOver", ObjectId::Pod(*pod)),
        Event::TaintedNodeSync(node) => ("TaintedNodeSync", ObjectId::Node(*node)),
        Event::TaintedPodSync(pod) => ("TaintedPodSync", ObjectId::Pod(*pod)),
        Event::NodeTaintSync(node) => ("NodeTaintSync", ObjectId::Node(*node)),
        Event::BoundPodSync(pod) => ("BoundPodSync", ObjectId::Pod(*pod)),
        Event::NodeMonitorDue => return "NodeMonitorDue".into(),
        Event::NoExecuteTaintDue => return "NoExecuteTaintDue".into(),
        Event::TaintEvictionDue(pod) => ("TaintEvictionDue", ObjectId::Pod(*pod)),
        Event::PodGcDue => return "PodGcDue".into(),
        Event::GarbageDue(object) => ("GarbageDue", *object),
        Event::OrphanPodSync(pod) => ("OrphanPodSync", ObjectId::Pod(*pod)),
        Event::ReplicaSetSync(set) => ("ReplicaSetSync", ObjectId::ReplicaSet(*set)),
        Event::DeploymentSync(deployment) => ("DeploymentSync", ObjectId::Deployment(*deployment)),
        Event::JobSync(job) => ("JobSync", ObjectId::Job(*job)),
        Event::JobExpired(job) => ("JobExpired", ObjectId::Job(*job)),
        Event::CronJobSync(cronjob) => ("CronJobSync", ObjectId::CronJob(*cronjob)),
        Event::StatefulSetSync(set) => ("StatefulSetSync", ObjectId::StatefulSet(*set)),
        Event::DaemonSetSync(set) => ("DaemonSetSync", ObjectId::DaemonSet(*set)),
        Event::DisruptionSync(budget) => ("DisruptionSync", ObjectId::PodDisruptionBudget(*budget)),
        Event::DrainDue(at) => return format!("DrainDue drain[{at}]"),
        Event::AutoscalerSync(id) => ("AutoscalerSync", ObjectId::HorizontalPodAutoscaler(*id)),
        Event::ScrapeDue => return "ScrapeDue".into(),
        Event::RequestDue(_) => return "RequestDue".into(),
        Event::RequestArrived(_) => return "RequestArrived".into(),
        Event::CpuDone(_) => return "CpuDone".into(),
        Event::AnswerArrived(_) => return "AnswerArrived".into(),
        Event::RequestTimeout(_) => return "RequestTimeout".into(),
        Event::WarmUpOver => return "WarmUpOver".into(),
        Event::SchedulingCycle => return "SchedulingCycle".into(),
        Event::BackoffFlush => return "BackoffFlush".into(),
        Event::UnschedulableFlush => return "UnschedulableFlush".into(),
    };
    format!("{name} {}", object_text(subject, cluster))
}

const fn process_object(process: &ProcessRef) -> ObjectId {
    ObjectId::Pod(process.pod)
}
