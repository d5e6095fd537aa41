//! `tables/e2e_behaviours.yaml`: what upstream's end-to-end tests of Jobs see, played with the controllers of the
//! library and scripted pods.

use cluster_sim::cluster::Cluster;
use cluster_sim::engine::SimTime;
use cluster_sim::event::{Command, StatusUpdate};
use cluster_sim::model::ids::ObjectId;
use cluster_sim::model::job::{Job, JobStatus};
use cluster_sim::model::meta::Labels;
use cluster_sim::model::pod::Pod;
use cluster_sim::model::unix_time::UnixTime;
use cluster_sim::model::wall_clock::WallClock;
use cluster_sim::observe::object::ObjectWriter;
use serde_json::{Value, json};
use std::sync::Arc;

use super::golden_job::scenario::Scenario;
use super::golden_job::world::World;
use super::{Suite, files, same, yaml};

type Outcome = Result<(), String>;

/// Fields of the inputs that are fields of the Job's spec.
const SPEC_FIELDS: [&str; 11] = [
    "parallelism",
    "completions",
    "backoffLimit",
    "backoffLimitPerIndex",
    "maxFailedIndexes",
    "completionMode",
    "suspend",
    "activeDeadlineSeconds",
    "ttlSecondsAfterFinished",
    "podReplacementPolicy",
    "managedBy",
];

/// When users do what a row says that they do [s].
const ACT_AT: u64 = 100;

#[test]
fn jobs_behave_as_in_the_end_to_end_tests() {
    let mut suite = Suite::new("e2e_behaviours");
    for table in files("tables/e2e_behaviours.yaml").iter().map(|path| yaml(path)) {
        for case in table["cases"].as_array().expect("a table has cases") {
            let id = case["id"].as_str().expect("a case has an id");
            if case["inputs"]["schedule"].is_null() {
                suite.case(id, outcome(case));
            }
        }
    }
    suite.finish();
}

fn outcome(case: &Value) -> Outcome {
    let mut world = world(case);
    let expected = &case["expected"];
    world.run_until(SimTime::from_secs(ACT_AT - 1));
    if let Some(running) = expected["before"]["running_pods"].as_u64() {
        same(&(n_active(world.cluster()) as u64), &running)?;
    }
    if !expected["after_owner_removed"].is_null() {
        return adoption(&mut world);
    }
    if !expected["status_subresource"].is_null() {
        return status_is_kept(&mut world);
    }
    world.run_until(SimTime::from_secs(7_200));
    if let Some(sequence) = expected["ready_sequence"].as_array() {
        let steps = world.timeline().job_statuses["job"].iter();
        let mut ready: Vec<Value> = steps.map(|(_, status)| json!(status.ready)).collect();
        ready.dedup();
        same(&ready, sequence)?;
    }
    deleted(&world, expected)?;
    match job(world.cluster()) {
        Some(job) => final_status(job, expected).and_then(|()| final_pods(world.cluster(), job, expected)),
        None => Ok(()),
    }
}

/// The world of a row: one Job, its pods' scripts and what users do.
fn world(case: &Value) -> World {
    let inputs = &case["inputs"];
    let fields = SPEC_FIELDS.iter().filter(|field| !inputs[**field].is_null());
    let mut spec: Value = fields.map(|field| ((*field).to_owned(), inputs[*field].clone())).collect();
    let failure_rules = if inputs["podFailurePolicy"].is_array() {
        inputs["podFailurePolicy"].clone()
    } else {
        rules_of_scenario(case["scenario"].as_str().unwrap_or_default())
    };
    if failure_rules.is_array() {
        spec["podFailurePolicy"] = json!({"rules": failure_rules});
    }
    if inputs["successPolicy"].is_array() {
        spec["successPolicy"] = json!({"rules": inputs["successPolicy"]});
    }
    let restart_policy = inputs["restartPolicy"].as_str().unwrap_or("Never");
    let scenario = json!({
        "kubernetesVersion": if case["kubernetes"] == "1.28" { "1.28" } else { "1.35" },
        "start": "2024-01-01T00:00:00Z",
        "horizon": 7200,
        "jobs": [{"name": "job", "createAt": 0, "restartPolicy": restart_policy, "spec": spec}],
        "pods": scripts(case),
        "ops": ops(case),
    });
    World::new(Scenario::read(&scenario))
}

/// The policies that newer rows tell in words only.
fn rules_of_scenario(scenario: &str) -> Value {
    if scenario.contains("Ignore on In [42]") {
        return json!([{"action": "Ignore", "onExitCodes": {"operator": "In", "values": [42]}}]);
    }
    if scenario.contains("Ignore on DisruptionTarget") {
        return json!([{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}]);
    }
    Value::Null
}

/// What the pods of a row do, by the words for it.
fn scripts(case: &Value) -> Value {
    let inputs = &case["inputs"];
    let (succeeds, runs_on) = (json!({"duration": 1}), json!({}));
    let fails = |code: u32| json!({"duration": 1, "exitCode": code});
    let n_indexes = inputs["completions"].as_u64().unwrap_or(1);
    let per_index = |first: &dyn Fn(u64) -> Value, then: &dyn Fn(u64) -> Value| -> Value {
        (0..n_indexes).map(|index| (index.to_string(), json!([first(index), then(index)]))).collect()
    };
    match inputs["podBehaviour"].as_str() {
        Some("succeed") if n_indexes > 50 => {
            json!({"default": succeeds, "byOrdinal": five_at_a_time(n_indexes)})
        }
        Some("succeed") => json!({"default": succeeds}),
        Some("fail") => json!({"default": fails(1)}),
        Some("notTerminate") => json!({"default": runs_on}),
        Some("failOnce") if inputs["restartPolicy"] == "OnFailure" => {
            json!({"default": {"runs": [{"duration": 1, "exitCode": 1}, {"duration": 1}]}})
        }
        Some("failOnce") => json!({"default": succeeds, "byOrdinal": {"0": fails(1)}}),
        Some("failOncePerIndex") => json!({"byIndex": per_index(&|_| fails(42), &|_| succeeds.clone())}),
        Some("notTerminateOncePerIndex") => {
            json!({"byIndex": per_index(&|_| runs_on.clone(), &|_| succeeds.clone())})
        }
        Some("failOddSucceedEven") => {
            let by_parity = |index: u64| if index % 2 == 1 { fails(1) } else { succeeds.clone() };
            json!({"byIndex": per_index(&by_parity, &by_parity)})
        }
        // Index 0 runs on the first time. The others fail until it has begun, which index 1 may do once.
        Some("notTerminateOnce") => {
            let first = |index: u64| match index {
                0 => runs_on.clone(),
                1 => fails(1),
                _ => succeeds.clone(),
            };
            json!({"byIndex": per_index(&first, &|_| succeeds.clone())})
        }
        Some(other) => panic!("pods of a row behave in an unknown way: {other}"),
        None => json!({"default": succeeds, "byOrdinal": {"0": fails(1)}}),
    }
}

/// Each pod takes a fifth of the only node that it may run on: five run at a time and the others wait.
fn five_at_a_time(n_pods: u64) -> Value {
    (0..n_pods).map(|at| (at.to_string(), json!({"duration": 1, "startLatency": at / 5}))).collect()
}

/// What users do in a row, by its words.
fn ops(case: &Value) -> Value {
    let scenario = case["scenario"].as_str().unwrap_or_default();
    let (inputs, suspended) = (&case["inputs"], |is: bool| json!({"suspend": is}));
    let patch = |at: u64, spec: Value| json!({"t": at, "op": "patchJob", "job": "job", "spec": spec});
    match inputs["podBehaviour"].as_str() {
        Some("notTerminateOnce") => json!([{"t": ACT_AT, "op": "evictPod", "pod": 0}]),
        Some("notTerminateOncePerIndex") => {
            (0..3).map(|pod| json!({"t": ACT_AT, "op": "evictPod", "pod": pod})).collect()
        }
        _ if scenario.contains("resumed") => {
            json!([patch(ACT_AT, suspended(false)), patch(2 * ACT_AT, suspended(true))])
        }
        _ if scenario.contains("suspend set to true") => json!([patch(ACT_AT, suspended(true))]),
        _ if scenario.contains("job deleted") => json!([{"t": ACT_AT, "op": "deleteJob", "job": "job"}]),
        _ => json!([]),
    }
}

/// A Job takes back a pod that has lost its owner, and lets go of one that has lost its labels.
fn adoption(world: &mut World) -> Outcome {
    let (pod, _) = world.cluster().pods().iter().next().expect("the Job has pods");
    let owner =
        |world: &World| world.cluster().pods()[pod].meta.owner.as_ref().map(|owner| owner.name.to_string());
    world.write_from_outside(Command::Orphan(ObjectId::Pod(pod)));
    same(&owner(world), &None)?;
    world.run_until(SimTime::from_secs(2 * ACT_AT));
    same(&owner(world), &Some("job".to_owned()))?;
    let spec = Arc::clone(&world.cluster().pods()[pod].spec);
    world.write_from_outside(Command::UpdatePod(pod, Labels::default(), spec));
    world.run_until(SimTime::from_secs(3 * ACT_AT));
    same(&owner(world), &None)
}

/// A status that a user writes stays written.
fn status_is_kept(world: &mut World) -> Outcome {
    let (id, job) = world.cluster().jobs().iter().next().expect("the Job is there");
    let start_time = Some(SimTime::from_secs(ACT_AT / 2));
    let status = JobStatus { start_time, ..job.status.clone() };
    world.write_from_outside(Command::UpdateStatus(Box::new(StatusUpdate::Job(id, status))));
    world.run_until(SimTime::from_secs(2 * ACT_AT));
    same(&world.cluster().jobs()[id].status.start_time, &start_time)
}

/// Checks what a row says of deleted Jobs.
fn deleted(world: &World, expected: &Value) -> Outcome {
    if expected["after"] == "job not found" {
        same(&job(world.cluster()).is_some(), &false)?;
    }
    if expected["deletionTimestamp"].is_null() {
        return Ok(());
    }
    let timeline = world.timeline();
    let (deleted_at, _) = timeline.jobs_deleted.first().ok_or("the Job is still there")?;
    let (finished_at, _) = timeline.job_statuses["job"].last().expect("the Job had a status");
    same(&(deleted_at.since(*finished_at).as_secs()), &10)?;
    same(&world.cluster().pods().len(), &0)
}

fn final_status(job: &Job, expected: &Value) -> Outcome {
    let status = &job.status;
    let counts = [
        ("succeeded", Some(status.succeeded)),
        ("failed", Some(status.failed)),
        ("active", Some(status.active)),
        ("ready", status.ready),
        ("terminating", status.terminating),
    ];
    for (key, found) in counts {
        if expected[key].is_u64() {
            same(&json!(found), &expected[key]).map_err(|difference| format!("{key}: {difference}"))?;
        }
    }
    let texts = [
        ("completedIndexes", Some(status.completed_indexes.to_string())),
        ("failedIndexes", status.failed_indexes.as_ref().map(ToString::to_string)),
    ];
    for (key, found) in texts {
        if expected[key].is_string() {
            same(&json!(found), &expected[key]).map_err(|difference| format!("{key}: {difference}"))?;
        }
    }
    for condition in ["interim", "condition"].iter().filter_map(|key| expected[key].as_str()) {
        has_condition(status, condition)?;
    }
    if expected["after_suspend"].is_object() {
        has_condition(status, "Suspended=True")?;
    }
    if expected["status"].is_string() {
        same(status, &JobStatus::default())?;
    }
    Ok(())
}

/// Whether there is a condition, written as `Type=Status` or `Type=Status reason Reason`.
fn has_condition(status: &JobStatus, text: &str) -> Outcome {
    let (condition, reason) = text.split_once(" reason ").map_or((text, None), |(a, b)| (a, Some(b)));
    let is_it = status.conditions.iter().any(|found| {
        format!("{}={}", found.kind.as_str(), found.status.as_str()) == condition
            && reason.is_none_or(|reason| *found.reason == *reason)
    });
    if is_it { Ok(()) } else { Err(format!("found {:?}, expected {text}", status.conditions)) }
}

fn final_pods(cluster: &Cluster, job: &Job, expected: &Value) -> Outcome {
    let pods: Vec<&Pod> = cluster.pods().values().collect();
    if let Some(created) = expected["pods_created"].as_u64() {
        same(&(pods.len() as u64), &created)?;
    }
    if let Some((count, phase)) =
        expected["pods_existing_afterwards"].as_str().and_then(|text| text.split_once(' '))
    {
        same(&pods.len().to_string(), &count.to_owned())?;
        let is_so = pods.iter().all(|pod| phase.contains(pod.status.phase.as_str()));
        same(&is_so, &true)?;
    }
    if let Some(phase) = expected["pod_phases"].as_str().and_then(|text| text.strip_prefix("all ")) {
        same(&pods.iter().all(|pod| pod.status.phase.as_str() == phase), &true)?;
    }
    if let Some(left) = expected["after_suspend"]["pods"].as_u64() {
        same(&(pods.len() as u64), &left)?;
    }
    index_marks(cluster, job, expected)
}

/// Checks what the pods of an Indexed Job carry, as users see it.
fn index_marks(cluster: &Cluster, job: &Job, expected: &Value) -> Outcome {
    let clock = WallClock { start: UnixTime::EPOCH };
    let writer = ObjectWriter { cluster, clock };
    let mut found = Vec::new();
    for id in cluster.pods().ids() {
        let pod = writer.pod(id).expect("the pod is there");
        let index = &pod["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"];
        if let Some(key) = expected["pod_label"].as_str() {
            same(&pod["metadata"]["labels"][key], index)?;
        }
        if let Some(pattern) = expected["hostname"].as_str() {
            let name = pattern.replace("<job name>", &job.meta.name);
            let name = name.replace("<index>", index.as_str().unwrap_or("none"));
            same(&pod["spec"]["hostname"], &json!(name))?;
        }
        found.extend(index.as_str().and_then(|index| index.parse::<u64>().ok()));
    }
    found.sort_unstable();
    let indexes = ["completion_indexes_of_succeeded_pods", "indexes"];
    match indexes.iter().find_map(|key| expected[key].as_array()) {
        Some(indexes) => same(&json!(found), &json!(indexes)),
        None => Ok(()),
    }
}

fn job(cluster: &Cluster) -> Option<&Job> {
    cluster.jobs().values().next()
}

fn n_active(cluster: &Cluster) -> usize {
    cluster.pods().values().filter(|pod| pod.status.conditions.is_ready()).count()
}
