//! The trace of a run: every change as one line of JSON, with the event that caused it.
//!
//! Fields of a line: `t` [s, virtual], `seq` (the number of the causing event), `cause` (its name and subject),
//! `change`, `object` (`kind/namespace/name`), and the details of the change.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use crate::cluster::Cluster;
use crate::component::Observer;
use crate::engine::SimTime;
use crate::event::{Change, Event, ProcessRef, Subject};
use crate::model::ids::{ObjectId, PodId};
use crate::model::job::JobStatus;
use crate::model::pod_status::{ContainerRef, ContainerState};

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
}

impl<W: Write> TraceWriter<W> {
    /// A trace written to `out`.
    pub fn new(out: W) -> Self {
        Self { out, cause: Cause::default(), error: None }
    }

    /// Ends the trace.
    ///
    /// # Errors
    /// The first error of writing.
    pub fn finish(mut self) -> io::Result<()> {
        match self.error {
            Some(error) => Err(error),
            None => self.out.flush(),
        }
    }
}

impl<W: Write> Observer for TraceWriter<W> {
    fn begin(&mut self, _now: SimTime, seq: u64, event: &Event, cluster: &Cluster) {
        self.cause = Cause { seq, text: event_text(event, cluster) };
    }

    fn see(&mut self, now: SimTime, change: &Change, cluster: &Cluster) {
        if self.error.is_some() {
            return;
        }
        let mut line = Map::new();
        line.insert("t".into(), json!(now.as_nanos() as f64 / 1e9));
        line.insert("seq".into(), json!(self.cause.seq));
        line.insert("cause".into(), json!(self.cause.text));
        line.insert("change".into(), json!(change.name()));
        line.insert("object".into(), json!(subject_text(change.subject(), cluster)));
        add_details(&mut line, change, cluster);
        self.error = writeln!(self.out, "{}", Value::Object(line)).err();
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

fn add_details(line: &mut Map<String, Value>, change: &Change, cluster: &Cluster) {
    let mut put = |key: &str, value: Value| line.insert(key.into(), value);
    match change {
        Change::NodeReadyChanged(..)
        | Change::NodeConditionChanged(..)
        | Change::NodeLeaseChanged(..)
        | Change::NodeImageAdded(..) => add_node_details(line, change),
        Change::PodBound(_, node) => {
            put("node", json!(&*cluster.name_of(ObjectId::Node(*node))));
        }
        Change::PodNominated(_, node) => {
            put("node", json!(node.map(|node| cluster.name_of(ObjectId::Node(node)).to_string())));
        }
        Change::PodUnschedulable(_, why) => {
            put("reason", json!(why.reason));
            put("message", json!(&*why.message));
        }
        Change::PodIpSet(_, ip) => {
            put("podIP", json!(ip.to_string()));
        }
        Change::ContainerChanged(pod, container, state) => {
            put("container", json!(container_name(*pod, *container, cluster)));
            put("state", container_state(*pod, *container, state, cluster));
        }
        Change::PodPhaseChanged(_, from, to) => {
            put("from", json!(from.as_str()));
            put("to", json!(to.as_str()));
        }
        Change::PodReadyChanged(_, is_ready) => {
            put("ready", json!(is_ready));
        }
        Change::PodDisrupted(_, reason) => {
            put("reason", json!(&**reason));
        }
        Change::ServingStarted(process, _) | Change::ServingEnded(process, _) => {
            put("container", json!(container_name(process.pod, process.container, cluster)));
        }
        Change::PodDeletionRequested(_, grace) => {
            put("graceSeconds", json!(grace.as_secs()));
        }
        Change::StatusChanged(object) => {
            if let Some(status) = status(*object, cluster) {
                put("status", status);
            }
        }
        Change::Recorded(_, record) => {
            put("type", json!(record.severity.to_string()));
            put("reason", json!(record.reason));
            put("message", json!(record.message));
            put("source", json!(record.source));
        }
        Change::Created(_)
        | Change::NodeChanged(..)
        | Change::PodChanged(..)
        | Change::NodeDeleted(..)
        | Change::PodAccepted(_)
        | Change::PodFinalizerRemoved(_)
        | Change::PodDeleted(..)
        | Change::MetaChanged(_)
        | Change::SpecChanged(..)
        | Change::DeletionRequested(..)
        | Change::Deleted(..)
        | Change::Orphaned(_)
        | Change::Adopted(_) => {}
    }
}

fn add_node_details(line: &mut Map<String, Value>, change: &Change) {
    let mut put = |key: &str, value: Value| line.insert(key.into(), value);
    match change {
        Change::NodeReadyChanged(_, status) => {
            put("ready", json!(status.as_str()));
        }
        Change::NodeConditionChanged(_, condition, status) => {
            put("condition", json!(condition.as_str()));
            put("status", json!(status.as_str()));
        }
        Change::NodeLeaseChanged(_, is_renewed) => {
            put("renewed", json!(is_renewed));
        }
        Change::NodeImageAdded(_, image) => {
            put("image", json!(&**image));
        }
        _ => {}
    }
}

fn container_name(pod: PodId, container: ContainerRef, cluster: &Cluster) -> String {
    let name = cluster.pod(pod).map(|pod| pod.spec.container(container).name.to_string());
    name.unwrap_or_default()
}

fn container_state(pod: PodId, container: ContainerRef, state: &ContainerState, cluster: &Cluster) -> Value {
    match state {
        ContainerState::Waiting(reason) => json!({"waiting": reason.as_str()}),
        ContainerState::Running { is_started, is_ready, .. } => {
            let serves = cluster.pod(pod).is_some_and(|pod| pod.spec.serves(container));
            json!(match (*is_started, *is_ready) {
                (false, _) => "running, not started",
                (true, false) if serves => "running, not ready",
                (true, _) => "running",
            })
        }
        ContainerState::Terminated(end) => {
            json!({"terminated": end.reason.as_str(), "exitCode": end.exit_code})
        }
    }
}

/// What of a status is worth a line; `None` for an object that has none, or is gone.
fn status(object: ObjectId, cluster: &Cluster) -> Option<Value> {
    match object {
        ObjectId::Job(id) => cluster.job(id).map(|job| job_status(&job.status)),
        ObjectId::ReplicaSet(id) => cluster.replica_set(id).map(|set| {
            let status = &set.status;
            json!({"replicas": status.replicas, "ready": status.ready_replicas,
                "available": status.available_replicas})
        }),
        ObjectId::Deployment(id) => cluster.deployment(id).map(|deployment| {
            let status = &deployment.status;
            let conditions = status.conditions.iter();
            let conditions: Vec<String> = conditions
                .map(|it| format!("{}={} {}", it.kind.as_str(), it.status.as_str(), it.reason))
                .collect();
            json!({"replicas": status.replicas, "updated": status.updated_replicas,
                "ready": status.ready_replicas, "available": status.available_replicas,
                "conditions": conditions})
        }),
        ObjectId::StatefulSet(id) => cluster.stateful_set(id).map(|set| {
            let status = &set.status;
            json!({"replicas": status.replicas, "ready": status.ready_replicas,
                "current": status.current_replicas, "updated": status.updated_replicas,
                "available": status.available_replicas})
        }),
        ObjectId::DaemonSet(id) => cluster.daemon_set(id).map(|set| {
            let status = &set.status;
            json!({"desired": status.desired_number_scheduled, "current": status.current_number_scheduled,
                "misscheduled": status.number_misscheduled, "ready": status.number_ready,
                "updated": status.updated_number_scheduled, "available": status.number_available})
        }),
        ObjectId::PodDisruptionBudget(id) => cluster.pod_disruption_budget(id).map(|budget| {
            let status = &budget.status;
            json!({"disruptionsAllowed": status.disruptions_allowed,
                "currentHealthy": status.current_healthy, "desiredHealthy": status.desired_healthy,
                "expectedPods": status.expected_pods})
        }),
        ObjectId::HorizontalPodAutoscaler(id) => cluster.horizontal_pod_autoscaler(id).map(|it| {
            json!({"currentReplicas": it.status.current_replicas,
                "desiredReplicas": it.status.desired_replicas})
        }),
        ObjectId::CronJob(_)
        | ObjectId::Node(_)
        | ObjectId::Pod(_)
        | ObjectId::ResourceQuota(_)
        | ObjectId::Service(_) => None,
    }
}

fn job_status(status: &JobStatus) -> Value {
    let conditions: Vec<String> = status
        .conditions
        .iter()
        .map(|condition| {
            format!("{}={} {}", condition.kind.as_str(), condition.status.as_str(), condition.reason)
        })
        .collect();
    json!({
        "active": status.active, "ready": status.ready, "terminating": status.terminating,
        "succeeded": status.succeeded, "failed": status.failed, "conditions": conditions,
    })
}
