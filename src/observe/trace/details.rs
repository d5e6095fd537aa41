//! What a line of the trace says of its change besides its name and its object.

use serde_json::{Map, Value, json};

use crate::cluster::Cluster;
use crate::engine::SimTime;
use crate::event::Change;
use crate::model::ids::{ObjectId, PodId};
use crate::model::job::JobStatus;
use crate::model::pod_status::{ContainerRef, ContainerState, Phase};
use crate::observe::trace::{object_text, seconds};

/// Adds what there is to say of a change.
pub(super) fn add(line: &mut Map<String, Value>, change: &Change, cluster: &Cluster) {
    let mut put = |key: &str, value: Value| line.insert(key.into(), value);
    match change {
        Change::NodeReadyChanged(..)
        | Change::NodeConditionChanged(..)
        | Change::NodeLeaseChanged(..)
        | Change::NodeImageAdded(..) => node_changed(line, change),
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
            container_changed(line, (*pod, *container), state, cluster);
        }
        Change::PodPhaseChanged(pod, from, to) => phase_changed(line, *pod, [*from, *to], cluster),
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
        Change::Created(object) => created(line, *object, cluster),
        Change::NodeChanged(..)
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
            let conditions: Vec<Value> = conditions
                .map(|it| condition([it.kind.as_str(), it.status.as_str(), it.reason, &it.message], it.since))
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
    let conditions: Vec<Value> = status
        .conditions
        .iter()
        .map(|it| condition([it.kind.as_str(), it.status.as_str(), &it.reason, &it.message], it.since))
        .collect();
    json!({
        "active": status.active, "ready": status.ready, "terminating": status.terminating,
        "succeeded": status.succeeded, "failed": status.failed, "conditions": conditions,
    })
}

/// A condition: its type, its status, one word on why, why in words, and since when.
fn condition([kind, status, reason, message]: [&str; 4], since: SimTime) -> Value {
    json!({"type": kind, "status": status, "reason": reason, "message": message, "since": seconds(since)})
}

/// What a kubelet or a controller says of a node.
fn node_changed(line: &mut Map<String, Value>, change: &Change) {
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

/// The state of a container, and when its process started and ended.
fn container_changed(
    line: &mut Map<String, Value>,
    (pod, container): (PodId, ContainerRef),
    state: &ContainerState,
    cluster: &Cluster,
) {
    line.insert("container".into(), json!(container_name(pod, container, cluster)));
    line.insert("state".into(), container_state(pod, container, state, cluster));
    match state {
        ContainerState::Waiting(_) => {}
        ContainerState::Running { started_at, .. } => {
            line.insert("startedAt".into(), seconds(*started_at));
        }
        ContainerState::Terminated(end) => {
            line.insert("startedAt".into(), seconds(end.started_at));
            line.insert("finishedAt".into(), seconds(end.finished_at));
        }
    }
}

/// The phases before and after, and the reason that the pod as a whole has.
fn phase_changed(line: &mut Map<String, Value>, pod: PodId, [from, to]: [Phase; 2], cluster: &Cluster) {
    line.insert("from".into(), json!(from.as_str()));
    line.insert("to".into(), json!(to.as_str()));
    if let Some(status) = cluster.pod(pod).map(|pod| &pod.status)
        && let Some(reason) = &status.reason
    {
        line.insert("reason".into(), json!(reason.to_string()));
        line.insert("message".into(), json!(status.message.as_deref().unwrap_or_default()));
    }
}

/// Who owns a new object, and what decides about it.
fn created(line: &mut Map<String, Value>, object: ObjectId, cluster: &Cluster) {
    let Some(meta) = cluster.meta(object) else { return };
    if let Some(owner) = &meta.owner {
        line.insert("owner".into(), json!(object_text(owner.object, cluster)));
    }
    match object {
        ObjectId::Pod(id) => {
            let Some(pod) = cluster.pod(id) else { return };
            if let Some(node) = pod.node {
                line.insert("node".into(), json!(&*cluster.name_of(ObjectId::Node(node))));
            }
        }
        ObjectId::Job(id) => {
            let Some(job) = cluster.job(id) else { return };
            line.insert("backoffLimit".into(), json!(job.spec.backoff_limit));
            if let Some(span) = job.spec.active_deadline {
                line.insert("activeDeadlineSeconds".into(), json!(span.as_secs()));
            }
            if let Some(slot) = meta.scheduled_for {
                line.insert("scheduledFor".into(), seconds(slot));
            }
        }
        _ => {}
    }
}
