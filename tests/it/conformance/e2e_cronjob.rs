//! What the end-to-end tests of Kubernetes expect of CronJobs: those cases of `tables/e2e_behaviours.yaml`, played with
//! the controllers of the library and scripted pods.

use std::sync::Arc;

use cluster_sim::cluster::Cluster;
use cluster_sim::engine::{SimTime, Streams};
use cluster_sim::event::{Command, SpecUpdate, StatusUpdate};
use cluster_sim::model::cronjob::CronJobStatus;
use cluster_sim::model::ids::ObjectId;
use cluster_sim::model::meta::Propagation;
use cluster_sim::model::profile::Profile;
use serde_json::{Value, json};

use super::golden_job::scenario::Scenario;
use super::golden_job::timeline::Timeline;
use super::golden_job::world::World;
use super::{Suite, files, same, yaml};
use crate::objects::{accepted, create_cronjob, cronjob_spec};

type Outcome = Result<(), String>;

#[test]
fn cronjobs_behave_as_the_end_to_end_tests_expect() {
    let mut suite = Suite::new("e2e_behaviours-cronjob");
    for table in files("tables/e2e_behaviours.yaml").iter().map(|path| yaml(path)) {
        let cases = table["cases"].as_array().into_iter().flatten();
        for case in cases.filter(|case| text(&case["source"]).contains("cronjob.go")) {
            suite.case(text(&case["id"]), outcome(case));
        }
    }
    suite.finish();
}

fn outcome(case: &Value) -> Outcome {
    let expected = &case["expected"];
    if expected["create"] == "refused as Invalid" {
        return same(&accepted(manifest(&case["inputs"]), &Profile::default()).is_err(), &true);
    }
    accepted(manifest(&case["inputs"]), &Profile::default())?;
    if !expected["all"].is_null() {
        return api_outcome(&case["inputs"]);
    }
    for version in ["1.28", "1.35"] {
        let timeline = World::new(Scenario::read(&scenario(case, version))).run();
        for (aspect, expected) in expected.as_object().into_iter().flatten() {
            judge(&timeline, aspect, expected)
                .map_err(|difference| format!("{version}: {aspect}: {difference}"))?;
        }
    }
    Ok(())
}

/// The CronJob of a case as a user writes it.
fn manifest(inputs: &Value) -> Value {
    let mut spec = inputs.clone();
    let template = &inputs["jobTemplate"];
    spec["jobTemplate"] = json!({"spec": {
        "parallelism": template["parallelism"],
        "completions": template["completions"],
        "backoffLimit": template["backoffLimit"],
        "template": {"spec": {
            "restartPolicy": template["restartPolicy"],
            "containers": [{"name": "c", "image": "busybox"}],
        }},
    }});
    if let Some(fields) = spec.as_object_mut() {
        fields.remove("podBehaviour");
    }
    json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "cj"}, "spec": spec})
}

/// Five minutes in the life of the CronJob, or more where it has a past.
fn scenario(case: &Value, version: &str) -> Value {
    let inputs = &case["inputs"];
    let pod = match text(&inputs["podBehaviour"]) {
        "sleep 300" => json!({"duration": 300}),
        "exit 1" => json!({"runs": [{"duration": 0, "exitCode": 1, "restartDelay": 10}]}),
        _ => json!({"duration": 0}),
    };
    let days: Vec<u64> = text(&case["scenario"]).split(' ').filter_map(|word| word.parse().ok()).collect();
    let (down, horizon) = match days[..] {
        // The controllers were down from the last schedule on.
        [created, last] => {
            (json!([[(created - last) * 86_400 + 30, created * 86_400]]), created * 86_400 + 30)
        }
        _ => (json!([]), 300),
    };
    let template = &inputs["jobTemplate"];
    let mut spec = inputs.clone();
    for field in ["jobTemplate", "podBehaviour"] {
        spec.as_object_mut().expect("inputs are fields").remove(field);
    }
    json!({
        "start": "2024-01-01T00:00:00Z",
        "kubernetesVersion": version,
        "horizon": horizon,
        "cronJobs": [{
            "name": "cj",
            "createAt": 0,
            "spec": spec,
            "restartPolicy": template["restartPolicy"],
            "jobSpec": {
                "parallelism": template["parallelism"],
                "completions": template["completions"],
                "backoffLimit": template["backoffLimit"],
            },
        }],
        "pods": {"default": pod},
        "controllerDown": down,
    })
}

fn judge(timeline: &Timeline, aspect: &str, expected: &Value) -> Outcome {
    let statuses = || timeline.cronjob_statuses.values().flatten();
    let n_active = || statuses().map(|(_, status)| status.active.len());
    let n_created = timeline.jobs_created.len();
    let has_record = |reason: &str| timeline.records.iter().any(|(_, record)| record.reason == reason);
    match (aspect, expected) {
        ("active_jobs" | "status.active", Value::String(at_least)) => {
            let bound: usize = at_least.trim_start_matches(">= ").split(' ').next().map_or(0, number);
            same(&(n_active().max() >= Some(bound)), &true)
        }
        ("status.active", n) => same(&json!(n_active().next_back()), n),
        ("never", n) => same(&n_active().any(|n_active| json!(n_active) == *n), &false),
        ("jobs", Value::String(at_least)) if at_least == ">= 2, one finished" => {
            same(&(n_created >= 2 && has_record("SawCompletedJob")), &true)
        }
        ("jobs", n) => same(&json!(n_created), n),
        ("events_absent", reasons) => {
            let mut absent = reasons.as_array().into_iter().flatten().map(text);
            same(&absent.find(|reason| has_record(reason)), &None)
        }
        ("for" | "after_first", _) => Ok(()),
        ("after_second_finished", _) => limit_outcome(timeline),
        _ => Err("an expectation without a rule".to_owned()),
    }
}

/// Of the finished Jobs one remains: each goes with its pods when the next one ends.
fn limit_outcome(timeline: &Timeline) -> Outcome {
    let is_finished = |name: &str| {
        let last = timeline.job_statuses.get(name).and_then(|statuses| statuses.last());
        let mut conditions = last.into_iter().flat_map(|(_, facts)| &facts.conditions);
        conditions.any(|condition| condition.kind == "Complete" || condition.kind == "Failed")
    };
    let created = timeline.jobs_created.iter().map(|(_, job)| job.job.as_str());
    let mut finished: Vec<&str> = created.filter(|name| is_finished(name)).collect();
    let deleted: Vec<&str> = timeline.jobs_deleted.iter().map(|(_, name)| name.as_str()).collect();
    finished.pop();
    same(&deleted.is_empty(), &false)?;
    same(&deleted, &finished)?;
    same(&(timeline.n_pods_deleted >= deleted.len()), &true)
}

/// The operations of the API on CronJobs, and on their status.
fn api_outcome(inputs: &Value) -> Outcome {
    let mut cluster = Cluster::new(Streams::new(1));
    let owner = create_cronjob(&mut cluster, "default", "cj", cronjob_spec(inputs));
    let ObjectId::CronJob(id) = owner.object else { return Err("no CronJob".to_owned()) };
    let suspended = Arc::new(cronjob_spec(&json!({"schedule": inputs["schedule"], "suspend": true})));
    let last_schedule_time = Some(SimTime::from_secs(60));
    let status = CronJobStatus { last_schedule_time, ..CronJobStatus::default() };
    let writes = [
        Command::UpdateSpec(SpecUpdate::CronJob(id, suspended), Arc::new(Value::Null)),
        Command::UpdateStatus(Box::new(StatusUpdate::CronJob(id, status))),
    ];
    for write in writes {
        cluster.apply(SimTime::ZERO, write, &mut Vec::new()).map_err(|refusal| refusal.to_string())?;
    }
    let cronjob = cluster.cronjob(id).ok_or("it is gone")?;
    same(&(cronjob.spec.suspend, cronjob.status.last_schedule_time), &(true, last_schedule_time))?;
    let delete = Command::Delete(ObjectId::CronJob(id), Propagation::Background);
    cluster.apply(SimTime::ZERO, delete, &mut Vec::new()).map_err(|refusal| refusal.to_string())?;
    same(&cluster.cronjobs().is_empty(), &true)
}

fn number(word: &str) -> usize {
    word.parse().unwrap_or_else(|error| panic!("{word}: {error}"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("expected a text: {value}"))
}
