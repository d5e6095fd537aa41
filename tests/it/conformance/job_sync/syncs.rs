//! The rows that are whole syncs.

use cluster_sim::controllers::job::RETRY;
use cluster_sim::controllers::job::accounting::Count;
use cluster_sim::controllers::job::backoff::BackoffRecord;
use cluster_sim::controllers::job::census::{Census, Expectations};
use cluster_sim::controllers::job::end::{End, JobOutcome};
use cluster_sim::controllers::job::indexes::{Indexes, pods_to_replace};
use cluster_sim::controllers::job::scene::{Behaviour, Scene};
use cluster_sim::engine::{Arena, SimDuration};
use cluster_sim::model::job::{Job, JobConditionType, JobStatus};
use cluster_sim::model::node::ConditionStatus;
use cluster_sim::model::pod::Pod;
use serde_json::{Value, json};

use super::Outcome;
use super::component::Bench;
use super::driver::{PodApi, Sync, Synced};
use super::objects::{
    NOW, behaviour, condition, condition_status, condition_type, deletion_now, index_set, job,
    job_with_policy, list, listed, pod, pods, status, time, uids,
};
use crate::conformance::same;

const SPEC_FIELDS: [&str; 7] = [
    "parallelism",
    "completions",
    "backoffLimit",
    "completionMode",
    "suspend",
    "podReplacementPolicy",
    "activeDeadlineSeconds",
];

pub fn sync(inputs: &Value, expected: &Value) -> Outcome {
    let (job, pods) = (plain_job(inputs, "Never"), counted_pods(inputs));
    let feature = |name: &str| inputs["features"][name] == true;
    let behaviour = behaviour(
        "1.28",
        &[
            ("JobReadyPods", feature("readyEnabled")),
            ("JobPodReplacementPolicy", feature("podReplacementEnabled")),
            ("PodIndexLabel", feature("podIndexLabel")),
        ],
    );
    let mut sync = Sync::of(&job, &pods, behaviour);
    sync.record = backoff_record(&inputs["backoffRecord"]);
    sync.expectations.are_met = inputs["pendingExpectations"].as_i64().unwrap_or(0) == 0;
    sync.api = if inputs["podApiError"].is_null() { PodApi::Works } else { PodApi::Fails };
    let synced = sync.run();
    let status = &synced.status;
    let condition = (&status.conditions, &expected["condition"]);
    same(&synced.has_failed, &(expected["syncReturnsError"] == true))?;
    same_counts(&synced, expected)?;
    same_condition(condition.0, condition.1)?;
    same(&json!(status.ready), &expected["ready"])?;
    same(&json!(status.terminating), &expected["terminating"])?;
    if !synced.writes.is_empty() {
        same(&json!(status.start_time.is_some()), &expected["startTimeSet"])?;
    }
    let Some(indexes) = expected["createdIndexes"].as_array() else { return Ok(()) };
    let created = synced.created.iter().map(|marks| json!(marks.completion_index)).collect::<Vec<_>>();
    same(&created, indexes)?;
    same(&json!(status.completed_indexes.to_string()), &expected["completedIndexes"])
}

pub fn active_deadline(inputs: &Value, expected: &Value) -> Outcome {
    let (job, pods) = (plain_job(inputs, "Never"), counted_pods(inputs));
    let synced = Sync::of(&job, &pods, behaviour("1.28", &[])).run();
    same_counts(&synced, expected)?;
    same_condition(&synced.status.conditions, &expected["condition"])?;
    same(&synced.status.start_time.is_some(), &true)
}

pub fn backoff_on_failure(inputs: &Value, expected: &Value) -> Outcome {
    let job = plain_job(inputs, "OnFailure");
    let restarts = list(&inputs["restartCountPerPod"]).enumerate();
    let pods = pods(restarts.map(|(at, count)| {
        let status = json!({
            "phase": inputs["podPhase"], "trackingFinalizer": true,
            "containerStatuses": [{"name": "main", "restartCount": count}],
        });
        pod(&status, &format!("pod-{at}"))
    }));
    let synced = Sync::of(&job, &pods, behaviour("1.28", &[])).run();
    same_counts(&synced, expected)?;
    same_condition(&synced.status.conditions, &expected["condition"])
}

pub fn backoff_never(inputs: &Value, expected: &Value) -> Outcome {
    let job = plain_job(inputs, "Never");
    let counts = &inputs["pods"];
    let kind = if counts["activePhase"] == "Running" { "running" } else { "pending" };
    let pods = counted_pods(&json!({"pods": {kind: counts["active"], "failed": counts["failed"]}}));
    let synced = Sync::of(&job, &pods, behaviour("1.28", &[])).run();
    same_counts(&synced, expected)?;
    same_condition(&synced.status.conditions, &expected["condition"])
}

pub fn pod_failure_policy(inputs: &Value, expected: &Value) -> Outcome {
    let feature = |name: &str| inputs["features"][name] == true;
    let behaviour = behaviour(
        "1.28",
        &[
            ("JobPodFailurePolicy", feature("podFailurePolicy")),
            ("JobPodReplacementPolicy", feature("podReplacementPolicy")),
        ],
    );
    let synced = sync_listed(&inputs["job"], inputs, behaviour);
    same_counts(&synced, expected)?;
    list(&expected["conditions"]).try_for_each(|wanted| same_condition(&synced.status.conditions, wanted))?;
    let is_any = synced.status.conditions.iter().any(|condition| condition.status == ConditionStatus::True);
    same(&is_any, &expected["conditions"].is_array())
}

pub fn backoff_limit_per_index(inputs: &Value, expected: &Value) -> Outcome {
    let behaviour = behaviour(
        "1.28",
        &[
            ("JobBackoffLimitPerIndex", inputs["features"]["backoffLimitPerIndex"] == true),
            ("JobPodFailurePolicy", inputs["features"]["podFailurePolicy"] == true),
        ],
    );
    let synced = sync_listed(&inputs["job"], inputs, behaviour);
    same_status(&synced.status, &expected["status"])
}

/// Rows of versions from 1.31 on: what they do not mention is not compared.
pub fn newer(inputs: &Value, expected: &Value) -> Outcome {
    let is_delayed = inputs["delayTerminal"] != false;
    let gates = [("JobPodReplacementPolicy", is_delayed), ("JobManagedBy", is_delayed)];
    let job = json!({"spec": inputs["spec"], "status": inputs["statusBefore"]});
    let synced = sync_listed(&job, inputs, behaviour("1.35", &gates));
    same_counts(&synced, expected)?;
    let status = &synced.status;
    let found = json!({
        "ready": status.ready,
        "terminating": status.terminating,
        "completedIndexes": status.completed_indexes.to_string(),
        "failedIndexes": status.failed_indexes.as_ref().map(ToString::to_string),
    });
    for key in ["ready", "terminating", "completedIndexes", "failedIndexes"] {
        if let Some(wanted) = expected.get(key) {
            same(&found[key], wanted).map_err(|difference| format!("{key}: {difference}"))?;
        }
    }
    same_conditions(status, &expected["conditions"])
}

/// Accounting alone, of pods and a status as they stand.
pub fn track_status(inputs: &Value, expected: &Value) -> Outcome {
    let job = tracked_job(&inputs["job"]);
    let pods = tracked_pods(inputs, &job);
    let is_limited = inputs["backoffLimitPerIndexEnabled"] == true;
    let behaviour = behaviour("1.28", &[("JobBackoffLimitPerIndex", is_limited)]);
    let scene = Scene { job: &job, now: NOW, behaviour: &behaviour };
    let removals = uids(&inputs["finalizerRemovalAlreadyRequested"]);
    let expectations = Expectations { are_met: true, finalizer_removals: &removals };
    let mut census = Census::take(&scene, &listed(&pods), &expectations);
    let indexes = scene.is_indexed().then(|| {
        let indexes = Indexes::of(&scene, &census);
        Indexes { succeeded: indexes.counted.clone(), ..indexes }
    });
    if let Some(indexes) = indexes.as_ref().filter(|_| is_limited) {
        let kept = pods_to_replace(&scene, &listed(&pods), &census, indexes);
        census.keep(kept.values());
    }
    let needs_write = inputs["statusAlreadyChanged"] == true;
    let (end, status) = (finished_end(&inputs["finishedCondition"]), job.status.clone());
    let count = Count { tracked: census.tracked, indexes, end, terminating: 0, status, needs_write };
    let account = count.run(&scene, BackoffRecord::default(), Vec::new());
    let mut synced = Synced::default();
    let api = if inputs["podApiError"].is_null() { PodApi::Works } else { PodApi::Fails };
    if inputs["statusUpdateError"].is_null() {
        synced.conclude(account, &scene, api);
    } else {
        synced.refuse(account);
    }
    same(&synced.has_failed, &!expected["error"].is_null())?;
    same(&json!(synced.n_finalizer_patches), &expected["finalizersRemoved"])?;
    same(&synced.writes.len(), &list(&expected["statusUpdates"]).count())?;
    let writes = synced.writes.iter().zip(list(&expected["statusUpdates"]));
    writes.into_iter().try_for_each(|(found, wanted)| same_status(found, wanted))
}

fn finished_end(condition: &Value) -> Option<End> {
    condition.is_object().then(|| End {
        outcome: JobOutcome::Failed,
        reason: None,
        message: "".into(),
        announcement: None,
    })
}

fn tracked_job(job_value: &Value) -> Job {
    let mut job = job(&job_value["spec"]);
    job.status = status(&job_value["status"]);
    job.meta.deletion = (!job_value["metadata"]["deletionTimestamp"].is_null()).then(deletion_now);
    job
}

/// The pods of a row. The one row about more than 500 says only how many completions there are: each has a pod that
/// has succeeded.
fn tracked_pods(inputs: &Value, job: &Job) -> Arena<Pod> {
    let n_indexes = job.spec.completions.unwrap_or(0);
    if inputs["pods"].as_array().is_some_and(Vec::is_empty) && n_indexes > 500 {
        let succeeded =
            |index: u32| json!({"phase": "Succeeded", "trackingFinalizer": true, "index": index.to_string()});
        return pods((0..n_indexes).map(|index| pod(&succeeded(index), &format!("pod-{index}"))));
    }
    let listed = list(&inputs["pods"]).enumerate();
    pods(listed.map(|(at, status)| pod(status, &format!("pod-{at}"))))
}

/// The scenarios without a table, told apart by what they expect.
pub fn whole_scenario(inputs: &Value, expected: &Value) -> Outcome {
    match inputs {
        _ if !expected["not_before"].is_null() => deadline_scenario(inputs, expected),
        _ if !expected["failed_conditions_count"].is_null() => {
            let (job, pods) = (plain_job(inputs, "Never"), pods([]));
            let synced = Sync::of(&job, &pods, behaviour("1.28", &[])).run();
            let failed = |condition: &&_| is_kind(condition, JobConditionType::Failed);
            let failed: Vec<_> = synced.status.conditions.iter().filter(failed).collect();
            same(&json!(failed.len()), &expected["failed_conditions_count"])?;
            same(&json!(failed[0].status.as_str()), &expected["failed_condition_status"])
        }
        _ if !expected["conditions_count"].is_null() => finished_scenario(inputs, expected),
        _ if inputs["job"] == "not in the store" => {
            let mut bench = Bench::new("1.28");
            let id = bench.create_job(&json!({}));
            bench.delete_job(id);
            bench.sync(id);
            same(&bench.n_pods(), &0)
        }
        _ if !expected["after_error"].is_null() => retry_scenario(inputs),
        _ if !expected["after_good_sync"].is_null() => finalizer_scenario(inputs, expected),
        _ => {
            let (job, pods) = (plain_job(inputs, "Never"), counted_pods(&json!({"pods": {"pending": 2}})));
            let mut sync = Sync::of(&job, &pods, behaviour("1.28", &[]));
            sync.expectations.are_met = false;
            same_counts(&sync.run(), expected)
        }
    }
}

fn is_kind(condition: &cluster_sim::model::job::JobCondition, kind: JobConditionType) -> bool {
    condition.kind == kind
}

/// The deadline comes so long after the start, and not before.
fn deadline_scenario(inputs: &Value, expected: &Value) -> Outcome {
    let mut job = plain_job(inputs, "Never");
    let behaviour = behaviour("1.28", &[]);
    let pods = pods([]);
    let first = Sync::of(&job, &pods, behaviour).run();
    same(&first.status.conditions.len(), &0)?;
    job.status = first.status;
    same(&job.status.start_time, &Some(NOW))?;
    let deadline = job.spec.active_deadline.expect("the scenario has a deadline");
    let mut second = Sync::of(&job, &pods, behaviour);
    second.now = NOW + deadline;
    same_condition(&second.run().status.conditions, &expected["condition"])
}

/// A finished Job is never looked at again.
fn finished_scenario(inputs: &Value, expected: &Value) -> Outcome {
    let mut bench = Bench::new("1.28");
    let id = bench.create_job(&json!({"parallelism": 1, "completions": 1}));
    let conditions: Vec<_> = list(&inputs["conditions"]).map(condition).collect();
    bench.write_status(id, JobStatus { conditions, ..JobStatus::default() });
    bench.sync(id);
    same(&json!(bench.job(id).status.conditions.len()), &expected["conditions_count"])?;
    same(&bench.n_pods(), &0)
}

/// An error of the pod API has the sync fail; the waits for the retry double from 1 s to 60 s.
fn retry_scenario(inputs: &Value) -> Outcome {
    let (job, pods) = (plain_job(inputs, "Never"), pods([]));
    let mut sync = Sync::of(&job, &pods, behaviour("1.28", &[]));
    sync.api = PodApi::Fails;
    same(&sync.run().has_failed, &true)?;
    sync.api = PodApi::Works;
    same(&sync.run().has_failed, &false)?;
    same(&(RETRY.first, RETRY.longest), &(SimDuration::from_secs(1), SimDuration::from_secs(60)))
}

/// Finalizers that could not be removed are removed by the next sync, and their pods counted once.
fn finalizer_scenario(inputs: &Value, expected: &Value) -> Outcome {
    let (mut job, pods) = (plain_job(inputs, "Never"), counted_pods(inputs));
    let behaviour = behaviour("1.28", &[]);
    let mut first = Sync::of(&job, &pods, behaviour);
    first.api = PodApi::Fails;
    let first = first.run();
    same(&(first.status.succeeded, first.status.failed), &(0, 0))?;
    job.status = first.status;
    let second = Sync::of(&job, &pods, behaviour).run();
    same(&json!(second.n_finalizer_patches), &expected["after_good_sync"])?;
    same(&(second.status.succeeded, second.status.failed), &(2, 2))
}

/// A Job from the flat notation of a row.
fn plain_job(inputs: &Value, restart_policy: &str) -> Job {
    let fields = SPEC_FIELDS.iter().filter(|field| !inputs[**field].is_null());
    let spec: Value = fields.map(|field| ((*field).to_owned(), inputs[*field].clone())).collect();
    let mut job = job_with_policy(&spec, restart_policy);
    job.status = status(inputs);
    let initial = &inputs["initialStatus"];
    job.status.active = initial["active"].as_u64().unwrap_or(0) as u32;
    job.status.failed = initial["failed"].as_u64().unwrap_or(0) as u32;
    let start_time = initial["startTime"].as_str().or(inputs["startTime"].as_str());
    job.status.start_time = job.status.start_time.or(start_time.map(time));
    if inputs["hadSuspendedTrueCondition"] == true {
        job.status.conditions.push(condition(&json!({"type": "Suspended", "status": "True"})));
    }
    job.meta.deletion = (inputs["jobDeletionTimestampSet"] == true).then(deletion_now);
    job
}

/// The pods of a row by their numbers, then those with an index; all are tracked.
fn counted_pods(inputs: &Value) -> Arena<Pod> {
    let counts = &inputs["pods"];
    let count = |key: &str| counts[key].as_u64().unwrap_or(0);
    let mut notation = Vec::new();
    for (key, phase) in
        [("pending", "Pending"), ("running", "Running"), ("succeeded", "Succeeded"), ("failed", "Failed")]
    {
        for at in 0..count(key) {
            let is_ready = key == "running" && at < count("ready");
            notation.push(json!({"phase": phase, "ready": is_ready}));
        }
    }
    for _ in 0..count("terminating") {
        notation.push(json!({"phase": "Running", "deletionTimestamp": "now"}));
    }
    notation.extend(list(&inputs["podsWithIndexes"]).cloned());
    pods(notation.into_iter().enumerate().map(|(at, mut status)| {
        status["trackingFinalizer"] = json!(true);
        pod(&status, &format!("pod-{at}"))
    }))
}

/// One sync of a Job in the notation of the API against a list of pods, tracked unless the row says otherwise.
fn sync_listed(job_value: &Value, inputs: &Value, behaviour: Behaviour) -> Synced {
    let mut job = job(&job_value["spec"]);
    job.status = status(&job_value["status"]);
    job.meta.deletion = (inputs["jobDeletionTimestampSet"] == true).then(deletion_now);
    let is_indexed = job_value["spec"]["completionMode"] == "Indexed";
    let listed = list(&inputs["pods"]).enumerate();
    let pods = pods(listed.map(|(at, status)| {
        let mut status = status.clone();
        if status["trackingFinalizer"].is_null() {
            status["trackingFinalizer"] = json!(true);
        }
        if status["index"].is_null() && is_indexed {
            status["index"] = json!(at.to_string());
        }
        pod(&status, &format!("mypod-{at}"))
    }));
    let mut sync = Sync::of(&job, &pods, behaviour);
    sync.expectations.are_met = inputs["pendingExpectations"].is_null();
    sync.run()
}

fn backoff_record(record: &Value) -> BackoffRecord {
    BackoffRecord {
        n_failures: record["failuresAfterLastSuccess"].as_u64().unwrap_or(0) as u32,
        last_failure: record["lastFailureTime"].as_str().map(time),
    }
}

/// Compares the numbers that a row mentions.
fn same_counts(synced: &Synced, expected: &Value) -> Outcome {
    let status = &synced.status;
    let found = [
        ("created", synced.created.len()),
        ("deleted", synced.n_deleted),
        ("active", status.active as usize),
        ("succeeded", status.succeeded as usize),
        ("failed", status.failed as usize),
        ("finalizerPatches", synced.n_finalizer_patches),
    ];
    for (key, found) in found {
        if let Some(wanted) = expected[key].as_u64() {
            same(&(found as u64), &wanted).map_err(|difference| format!("{key}: {difference}"))?;
        }
    }
    Ok(())
}

/// Whether there is the condition; with none expected, whether none is True.
fn same_condition(found: &[cluster_sim::model::job::JobCondition], expected: &Value) -> Outcome {
    if expected.is_null() {
        return match found.iter().find(|condition| condition.status == ConditionStatus::True) {
            Some(condition) => Err(format!("found {condition:?}, expected none that is True")),
            None => Ok(()),
        };
    }
    let text = |key: &str| expected[key].as_str();
    let kind = condition_type(text("type").expect("a condition has a type"));
    let status = condition_status(text("status").expect("a condition has a status"));
    let is_it = |condition: &&cluster_sim::model::job::JobCondition| {
        condition.kind == kind
            && condition.status == status
            && text("reason").is_none_or(|reason| *condition.reason == *reason)
            && text("message").is_none_or(|message| *condition.message == *message)
    };
    match found.iter().find(is_it) {
        Some(_) => Ok(()),
        None => Err(format!("found {found:?}, expected {expected}")),
    }
}

fn same_conditions(found: &JobStatus, expected: &Value) -> Outcome {
    same(&found.conditions.len(), &list(expected).count())
        .map_err(|difference| format!("conditions {:?}: {difference}", found.conditions))?;
    list(expected).try_for_each(|wanted| same_condition(&found.conditions, wanted))
}

/// Compares a whole status but for its times and `ready`.
fn same_status(found: &JobStatus, expected: &Value) -> Outcome {
    let wanted = status(expected);
    let numbers = |status: &JobStatus| (status.active, status.succeeded, status.failed);
    same(&numbers(found), &numbers(&wanted))?;
    let indexes = |status: &JobStatus| (status.completed_indexes.clone(), status.failed_indexes.clone());
    same(&indexes(found), &indexes(&wanted))?;
    same(&found.uncounted, &wanted.uncounted)?;
    same(&found.completed_indexes, &index_set(expected["completedIndexes"].as_str().unwrap_or_default()))?;
    same_conditions(found, &expected["conditions"])
}
