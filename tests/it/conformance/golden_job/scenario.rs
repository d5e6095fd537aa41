//! The scenario of a golden file, read and in the terms of the model.

use std::collections::BTreeMap;

use cluster_sim::engine::{SimDuration, SimTime};
use cluster_sim::manifest::convert;
use cluster_sim::manifest::defaults;
use cluster_sim::manifest::wire;
use cluster_sim::model::cronjob::CronJobSpec;
use cluster_sim::model::job::JobSpec;
use cluster_sim::model::meta::Propagation;
use cluster_sim::model::profile::Profile;
use cluster_sim::model::unix_time::UnixTime;
use serde_json::{Value, json};

/// What is to be played.
pub struct Scenario {
    /// The wall clock at the start.
    pub start: UnixTime,
    /// When the run ends at the latest.
    pub horizon: SimTime,
    /// Kubernetes 1.28, unless the scenario has a `kubernetesVersion`, with the gates of the scenario.
    pub profile: Profile,
    /// What happens from outside, in order of time.
    pub acts: Vec<(SimTime, Act)>,
    /// What pods do.
    pub scripts: Scripts,
    /// What Jobs without pods do; the real Job controller runs them where absent.
    pub fake_jobs: Option<FakeJobs>,
}

/// Something that happens from outside.
#[derive(Clone)]
pub enum Act {
    CreateJob { name: String, restart_policy: String, spec: Value },
    CreateCronJob { name: String, restart_policy: String, spec: Value, job_spec: Value },
    PatchJob { name: String, merge: Value },
    PatchCronJob { name: String, merge: Value },
    DeleteJob { name: String, propagation: Propagation },
    DeleteCronJob { name: String },
    DeletePod { pod: usize, is_stuck: bool },
    ForceDeletePod { pod: usize },
    EvictPod { pod: usize },
    LosePod { pod: usize },
    FailPod { pod: usize, is_disrupted: bool, exit_code: i32 },
    ControllersDown,
    ControllersUp,
}

/// What pods do: by creation ordinal, by completion index and attempt, by ordinal of their Job, or all alike.
pub struct Scripts {
    pub by_ordinal: BTreeMap<usize, Script>,
    pub by_index: BTreeMap<u32, Vec<Script>>,
    pub by_job_ordinal: BTreeMap<usize, Script>,
    pub default: Script,
}

/// What one pod does.
#[derive(Debug, Clone)]
pub struct Script {
    /// From creation to Running; `None` never starts.
    pub start_latency: Option<SimDuration>,
    /// From the request of deletion to the end.
    pub termination: SimDuration,
    pub killed_exit_code: i32,
    /// The runs of the container one after another; the last repeats.
    pub runs: Vec<ScriptRun>,
    /// Whether the condition DisruptionTarget is added at the end.
    pub is_disrupted: bool,
}

/// One run of the container.
#[derive(Debug, Clone, Copy)]
pub struct ScriptRun {
    /// `None` runs for ever.
    pub duration: Option<SimDuration>,
    pub exit_code: i32,
    /// From a failure to the restart; `None` ends the pod.
    pub restart_delay: Option<SimDuration>,
}

/// What Jobs without pods do.
pub struct FakeJobs {
    pub by_ordinal: BTreeMap<usize, FakeJob>,
    pub default: FakeJob,
}

/// What one Job without pods does.
#[derive(Debug, Clone, Copy)]
pub struct FakeJob {
    /// `None` never ends.
    pub duration: Option<SimDuration>,
    pub succeeds: bool,
}

impl Scenario {
    /// Reads the scenario of a file.
    pub fn read(scenario: &Value) -> Self {
        let version = scenario["kubernetesVersion"].as_str().unwrap_or("1.28");
        let mut profile = Profile::new(version.parse().expect("a version with a profile"));
        for (gate, is_on) in scenario["featureGates"].as_object().into_iter().flatten() {
            let is_on = is_on.as_bool().expect("a gate is on or off");
            profile = profile.clone().with_gate(gate, is_on).unwrap_or(profile);
        }
        Self {
            start: UnixTime::parse_rfc3339(text(&scenario["start"])).expect("the start is a time"),
            horizon: instant(&scenario["horizon"]),
            profile,
            acts: acts(scenario),
            scripts: Scripts::read(&scenario["pods"]),
            fake_jobs: scenario.get("fakeJobs").filter(|jobs| !jobs.is_null()).map(FakeJobs::read),
        }
    }
}

/// Creations first, then what users do, then outages: the order in which they came where they share an instant.
fn acts(scenario: &Value) -> Vec<(SimTime, Act)> {
    let mut acts = Vec::new();
    for job in list(&scenario["jobs"]) {
        let name = text(&job["name"]).to_owned();
        let restart_policy = job["restartPolicy"].as_str().unwrap_or("Never").to_owned();
        acts.push((
            instant(&job["createAt"]),
            Act::CreateJob { name, restart_policy, spec: filled_in(&job["spec"]) },
        ));
    }
    for cronjob in list(&scenario["cronJobs"]) {
        let name = text(&cronjob["name"]).to_owned();
        let restart_policy = cronjob["restartPolicy"].as_str().unwrap_or("Never").to_owned();
        let (spec, job_spec) = (cronjob["spec"].clone(), cronjob["jobSpec"].clone());
        acts.push((
            instant(&cronjob["createAt"]),
            Act::CreateCronJob { name, restart_policy, spec, job_spec },
        ));
    }
    acts.extend(list(&scenario["ops"]).map(|op| (instant(&op["t"]), act(op))));
    for outage in list(&scenario["controllerDown"]) {
        acts.push((instant(&outage[0]), Act::ControllersDown));
        acts.push((instant(&outage[1]), Act::ControllersUp));
    }
    acts.sort_by_key(|(at, _)| *at);
    acts
}

fn act(op: &Value) -> Act {
    let name = |kind: &str| text(&op[kind]).to_owned();
    let pod = || op["pod"].as_u64().expect("a pod is named by its ordinal") as usize;
    match text(&op["op"]) {
        "patchJob" => Act::PatchJob { name: name("job"), merge: op["spec"].clone() },
        "patchCronJob" => Act::PatchCronJob { name: name("cronJob"), merge: op["spec"].clone() },
        "deleteJob" => {
            let is_foreground = op["propagation"] == "Foreground";
            let propagation = if is_foreground { Propagation::Foreground } else { Propagation::Background };
            Act::DeleteJob { name: name("job"), propagation }
        }
        "deleteCronJob" => Act::DeleteCronJob { name: name("cronJob") },
        "deletePod" => Act::DeletePod { pod: pod(), is_stuck: op["stuck"] == true },
        "forceDeletePod" => Act::ForceDeletePod { pod: pod() },
        "evictPod" => Act::EvictPod { pod: pod() },
        "nodeLost" => Act::LosePod { pod: pod() },
        "failPod" => Act::FailPod {
            pod: pod(),
            is_disrupted: is_disrupted(&op["conditions"]),
            exit_code: op["exitCode"].as_i64().unwrap_or(137) as i32,
        },
        other => panic!("an operation of an unknown kind: {other}"),
    }
}

impl Scripts {
    fn read(pods: &Value) -> Self {
        let read = |script: &Value| Script::read(script, pods);
        let by_ordinal = |key: &str| {
            let scripts = pods[key].as_object().into_iter().flatten();
            scripts.map(|(ordinal, script)| (number(ordinal), read(script))).collect()
        };
        let by_index = pods["byIndex"].as_object().into_iter().flatten();
        Self {
            by_ordinal: by_ordinal("byOrdinal"),
            by_index: by_index
                .map(|(index, scripts)| (number(index) as u32, list(scripts).map(read).collect()))
                .collect(),
            by_job_ordinal: by_ordinal("byJobOrdinal"),
            default: read(&pods["default"]),
        }
    }
}

impl Script {
    fn read(script: &Value, pods: &Value) -> Self {
        let latency = script.get("startLatency").unwrap_or(&pods["startLatency"]);
        let termination = script.get("terminationSeconds").unwrap_or(&pods["terminationSeconds"]);
        let once = ScriptRun {
            duration: span(&script["duration"]),
            exit_code: script["exitCode"].as_i64().unwrap_or(0) as i32,
            restart_delay: None,
        };
        let runs = list(&script["runs"]).map(|run| ScriptRun {
            duration: span(&run["duration"]),
            exit_code: run["exitCode"].as_i64().unwrap_or(0) as i32,
            restart_delay: Some(span(&run["restartDelay"]).unwrap_or_default()),
        });
        let runs: Vec<_> = runs.collect();
        Self {
            start_latency: Some(span(latency).unwrap_or_default()).filter(|_| script["neverStarts"] != true),
            termination: span(termination).unwrap_or_default(),
            killed_exit_code: script["termExitCode"].as_i64().unwrap_or(137) as i32,
            runs: if runs.is_empty() { vec![once] } else { runs },
            is_disrupted: is_disrupted(&script["conditions"]),
        }
    }
}

impl FakeJobs {
    fn read(jobs: &Value) -> Self {
        let read =
            |job: &Value| FakeJob { duration: span(&job["duration"]), succeeds: job["result"] != "Failed" };
        let by_ordinal = jobs["byOrdinal"].as_object().into_iter().flatten();
        Self {
            by_ordinal: by_ordinal.map(|(ordinal, job)| (number(ordinal), read(job))).collect(),
            default: read(&jobs["default"]),
        }
    }
}

/// Conditions other than DisruptionTarget are in no file.
fn is_disrupted(conditions: &Value) -> bool {
    list(conditions).any(|condition| {
        assert_eq!(condition["type"], "DisruptionTarget", "a condition that the pod model does not know");
        condition["status"] == "True"
    })
}

/// A Job's spec with what the API server fills in on creation and stores: the base of later patches.
fn filled_in(spec: &Value) -> Value {
    let mut spec = if spec.is_object() { spec.clone() } else { json!({}) };
    if spec["completions"].is_null() && spec["parallelism"].is_null() {
        spec["completions"] = json!(1);
    }
    if spec["parallelism"].is_null() {
        spec["parallelism"] = json!(1);
    }
    spec
}

/// A Job's spec in the terms of the model; its pods have one container named `main`.
pub fn job_spec(spec: &Value, restart_policy: &str, profile: &Profile) -> JobSpec {
    let mut manifest = json!({"spec": spec});
    manifest["spec"]["template"]["spec"] =
        json!({"restartPolicy": restart_policy, "containers": [{"name": "main", "image": "main"}]});
    let mut job: wire::job::Job = wire::decode_json(&manifest).expect("the spec of a golden file is a Job's");
    defaults::job(&mut job, profile);
    convert::job::job_spec(&job.spec)
}

/// A CronJob's spec in the terms of the model.
pub fn cronjob_spec(
    spec: &Value,
    job_spec_value: &Value,
    restart_policy: &str,
    profile: &Profile,
) -> CronJobSpec {
    let mut cronjob: wire::cronjob::CronJob =
        wire::decode_json(&json!({"spec": spec})).expect("the spec of a golden file is a CronJob's");
    defaults::cronjob(&mut cronjob, profile);
    let job_spec = job_spec(&filled_in(job_spec_value), restart_policy, profile);
    convert::job::cronjob_spec(&cronjob.spec, job_spec, Value::Null)
}

/// Does a JSON merge patch.
pub fn merge(target: &mut Value, patch: &Value) {
    let Some(patch) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, value) in patch {
        if value.is_null() {
            target.as_object_mut().expect("it was made an object").remove(key);
        } else {
            merge(&mut target[key], value);
        }
    }
}

/// The seconds of a file [s, up to three decimals] as an instant.
pub fn instant(value: &Value) -> SimTime {
    SimTime::ZERO + span(value).expect("a time in seconds")
}

fn span(value: &Value) -> Option<SimDuration> {
    Some(SimDuration::from_millis((value.as_f64()? * 1000.0).round() as u64))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn number(text: &str) -> usize {
    text.parse().expect("an ordinal is a number")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}
