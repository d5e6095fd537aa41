//! Jobs and pods of the model, made of the table's short notation.

use std::sync::Arc;

use chrono::DateTime;
use cluster_sim::controllers::job::scene::Behaviour;
use cluster_sim::engine::{Arena, EntityKey, SimDuration, SimTime};
use cluster_sim::manifest::convert;
use cluster_sim::manifest::defaults;
use cluster_sim::manifest::wire;
use cluster_sim::model::ids::{JobId, ObjectId, PodId};
use cluster_sim::model::job::{
    IndexSet, Job, JobCondition, JobConditionType, JobSpec, JobStatus, UncountedPods,
};
use cluster_sim::model::meta::{Deletion, Labels, ObjectMeta, Owner, Propagation, Uid};
use cluster_sim::model::node::ConditionStatus;
use cluster_sim::model::pod::{JobPod, Ordinal, Pod};
use cluster_sim::model::pod_status::{
    ContainerState, ContainerStatus, Phase, PodCondition, PodConditions, PodStatus, Termination,
    TerminationReason, WaitingReason,
};
use cluster_sim::model::profile::Profile;
use serde_json::{Value, json};

/// The instant that the table calls `now`, and that it writes as 2009-11-10T23:00:00Z: late enough that what happened
/// in the year 1 was long ago.
pub const NOW: SimTime = SimTime::from_secs(1_000_000);

/// The behaviour of a version with these gates.
pub fn behaviour(version: &str, gates: &[(&str, bool)]) -> Behaviour {
    let profile = Profile::new(version.parse().expect("a version with a profile"));
    let set = |profile: Profile, (gate, is_on): &(&str, bool)| {
        profile.with_gate(gate, *is_on).expect("a gate that the profile knows")
    };
    Behaviour::of(&gates.iter().fold(profile, set))
}

/// A Job with this spec (fields of the API) and the restart policy Never.
pub fn job(spec: &Value) -> Job {
    job_with_policy(spec, "Never")
}

/// A Job with this spec and restart policy.
pub fn job_with_policy(spec: &Value, restart_policy: &str) -> Job {
    Job {
        meta: meta("foobar", "job"),
        spec: Arc::new(job_spec(spec, restart_policy)),
        status: JobStatus::default(),
        manifest: Arc::default(),
    }
}

/// The spec with what the API server fills in; a Job with limits per index is Indexed, as the API wants it.
fn job_spec(spec: &Value, restart_policy: &str) -> JobSpec {
    let mut spec = if spec.is_object() { spec.clone() } else { json!({}) };
    spec["template"] =
        json!({"spec": {"restartPolicy": restart_policy, "containers": [{"name": "main", "image": "i"}]}});
    if !spec["backoffLimitPerIndex"].is_null() && spec["completionMode"].is_null() {
        spec["completionMode"] = json!("Indexed");
    }
    let mut job: wire::job::Job = wire::decode_json(&json!({"spec": spec})).expect("a Job's spec");
    defaults::job(&mut job, &Profile::default());
    convert::job::job_spec(&job.spec)
}

/// Metadata of an object in the namespace `default`.
pub fn meta(name: &str, uid_text: &str) -> ObjectMeta {
    ObjectMeta {
        namespace: "default".into(),
        name: name.into(),
        uid: uid(uid_text),
        labels: Labels::default(),
        annotations: Labels::default(),
        created: SimTime::ZERO,
        generation: 1,
        deletion: None,
        owner: None,
        scheduled_for: None,
    }
}

/// The unique id that the table calls so.
pub fn uid(text: &str) -> Uid {
    let key = EntityKey::of(&[text]);
    Uid { serial: key.0, key }
}

/// A status in the notation of the API.
pub fn status(status: &Value) -> JobStatus {
    let count = |key: &str| status[key].as_u64().map(|count| count as u32);
    let uncounted = &status["uncountedTerminatedPods"];
    let started_ago = status["startTimeSecondsAgo"].as_u64().map(SimDuration::from_secs);
    JobStatus {
        active: count("active").unwrap_or(0),
        ready: count("ready"),
        terminating: count("terminating"),
        succeeded: count("succeeded").unwrap_or(0),
        failed: count("failed").unwrap_or(0),
        completed_indexes: index_set(status["completedIndexes"].as_str().unwrap_or_default()),
        failed_indexes: status["failedIndexes"].as_str().map(index_set),
        uncounted: UncountedPods {
            succeeded: uids(&uncounted["succeeded"]),
            failed: uids(&uncounted["failed"]),
        },
        start_time: started_ago.map(|ago| SimTime::ZERO + (NOW - SimTime::ZERO).saturating_sub(ago)),
        completion_time: None,
        conditions: list(&status["conditions"]).map(condition).collect(),
    }
}

/// A deletion that was just asked for.
pub fn deletion_now() -> Deletion {
    deletion(NOW, &Value::Null)
}

/// A list of unique ids.
pub fn uids(value: &Value) -> Vec<Uid> {
    list(value).map(|text| uid(text.as_str().expect("a uid"))).collect()
}

/// A condition of a Job in the notation of the API.
pub fn condition(condition: &Value) -> JobCondition {
    let text = |key: &str| condition[key].as_str().unwrap_or_default();
    JobCondition {
        kind: condition_type(text("type")),
        status: condition_status(text("status")),
        since: NOW,
        reason: text("reason").into(),
        message: text("message").into(),
    }
}

pub fn condition_type(text: &str) -> JobConditionType {
    use JobConditionType::{Complete, Failed, FailureTarget, SuccessCriteriaMet, Suspended};
    let all = [Suspended, SuccessCriteriaMet, FailureTarget, Complete, Failed];
    all.into_iter().find(|kind| kind.as_str() == text).expect("a condition that Jobs have")
}

pub fn condition_status(text: &str) -> ConditionStatus {
    match text {
        "True" => ConditionStatus::True,
        "False" => ConditionStatus::False,
        _ => ConditionStatus::Unknown,
    }
}

/// The text of a set of indexes. As upstream's reader, it stops at what it cannot read.
/// Source: Kubernetes 1.28, pkg/controller/job/indexed_job_utils.go, parseIndexesFromString.
pub fn index_set(text: &str) -> IndexSet {
    let ranges = text.split(',').filter_map(|part| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some((first.parse().ok()?, last.parse().ok()?))
    });
    IndexSet::from_ranges(ranges)
}

/// Ranges as lists of two.
pub fn index_ranges(value: &Value) -> IndexSet {
    IndexSet::from_ranges(list(value).map(|range| (number(&range[0]), number(&range[1]))))
}

/// A table of pods with their ids.
pub fn pods(pods: impl IntoIterator<Item = Pod>) -> Arena<Pod> {
    let mut arena = Arena::new();
    for pod in pods {
        arena.insert_with(|_| pod);
    }
    arena
}

/// The pods of a table in the order of creation.
pub fn listed(pods: &Arena<Pod>) -> Vec<(PodId, &Pod)> {
    pods.iter().collect()
}

/// A pod in the notation of the table.
pub fn pod(pod: &Value, name: &str) -> Pod {
    let text = |key: &str| pod[key].as_str();
    let containers: Vec<&Value> = list(&pod["containerStatuses"]).collect();
    let names =
        containers.iter().map(|status| json!({"name": status["name"].as_str().unwrap_or(""), "image": "i"}));
    let spec = json!({"spec": {"restartPolicy": "Never", "containers": names.collect::<Value>()}});
    let mut spec: wire::pod::PodTemplateSpec = wire::decode_json(&spec).expect("a pod's spec");
    defaults::pod_spec(&mut spec.spec);
    let index = text("index").and_then(|index| index.parse().ok());
    let mut meta = meta(text("name").unwrap_or(name), text("uid").unwrap_or(name));
    meta.created = text("creationTimestamp").map_or(SimTime::ZERO, time);
    meta.deletion =
        text("deletionTimestamp").map(|at| deletion(time(at), &pod["deletionGracePeriodSeconds"]));
    Pod {
        meta,
        spec: convert::pod::pod_template(&spec).spec,
        node: None,
        job: Some(JobPod {
            has_finalizer: pod["trackingFinalizer"] == true,
            completion_index: index,
            index_failure_count: text("indexFailureCount")
                .map(|count| count.parse::<i32>().map_or(0, |n| n as u32)),
            index_ignored_failure_count: 0,
        }),
        ordinal: Ordinal::default(),
        status: pod_status(pod, &containers),
    }
}

fn deletion(at: SimTime, grace: &Value) -> Deletion {
    let grace = SimDuration::from_secs(grace.as_u64().unwrap_or(0));
    let requested = SimTime::ZERO + (at - SimTime::ZERO).saturating_sub(grace);
    Deletion { requested, grace, propagation: Propagation::Background }
}

fn pod_status(pod: &Value, containers: &[&Value]) -> PodStatus {
    let phase = match pod["phase"].as_str() {
        Some("Running") => Phase::Running,
        Some("Succeeded") => Phase::Succeeded,
        Some("Failed") => Phase::Failed,
        _ => Phase::Pending,
    };
    let mut conditions = PodConditions::default();
    if pod["ready"] == true {
        conditions.ready = Some(pod_condition(&json!({"status": "True"})));
    }
    for condition in list(&pod["conditions"]) {
        let set = Some(pod_condition(condition));
        match condition["type"].as_str().expect("a condition has a type") {
            "Ready" => conditions.ready = set,
            "DisruptionTarget" => conditions.disruption_target = set,
            other => conditions.others.extend(set.map(|condition| (other.into(), condition))),
        }
    }
    PodStatus {
        phase,
        reason: None,
        message: None,
        start_time: None,
        pod_ip: None,
        nominated_node: None,
        conditions,
        init_containers: Vec::new(),
        containers: containers.iter().map(|status| container(status, pod)).collect(),
    }
}

fn pod_condition(condition: &Value) -> PodCondition {
    PodCondition {
        status: condition_status(condition["status"].as_str().unwrap_or("True")),
        since: condition["lastTransitionTime"].as_str().map_or(SimTime::ZERO, time),
        reason: None,
        message: None,
    }
}

/// A container's status. One that has ended at no time is, in the model, one that has not ended; but in a failed pod it
/// has, long ago.
fn container(status: &Value, pod: &Value) -> ContainerStatus {
    let mut container = ContainerStatus::waiting(WaitingReason::ContainerCreating);
    container.restart_count = status["restartCount"].as_u64().unwrap_or(0) as u32;
    let end = &status["terminated"];
    let finished_at =
        end["finishedAt"].as_str().map(time).or((pod["phase"] == "Failed").then_some(SimTime::ZERO));
    if let Some(finished_at) = finished_at.filter(|_| end.is_object()) {
        let exit_code = end["exitCode"].as_i64().unwrap_or(0) as i32;
        let (reason, started_at) = (TerminationReason::Error, SimTime::ZERO);
        container.state =
            ContainerState::Terminated(Termination { exit_code, reason, started_at, finished_at });
    }
    container
}

/// The Job as owner of a pod.
pub fn owner(id: JobId) -> Owner {
    Owner { object: ObjectId::Job(id), name: "foobar".into(), uid: uid("job") }
}

/// A time: `now`, so much before it, or a timestamp; the year 1 is long ago.
pub fn time(text: &str) -> SimTime {
    if let Some(ago) = text.strip_prefix("now-") {
        return SimTime::ZERO + (NOW - SimTime::ZERO).saturating_sub(span(ago));
    }
    if text == "now" || text == "set" {
        return NOW;
    }
    let parse = |text: &str| DateTime::parse_from_rfc3339(text).expect("a timestamp").timestamp_millis();
    let millis = parse(text) - parse("2009-11-10T23:00:00Z");
    let now = NOW.as_secs() as i64 * 1000;
    SimTime::ZERO + SimDuration::from_millis((now + millis).max(0) as u64)
}

/// A duration as Go writes it.
pub fn span(text: &str) -> SimDuration {
    text.parse().expect("a duration")
}

pub fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

pub fn number(value: &Value) -> u32 {
    value.as_u64().expect("a number") as u32
}
