//! What the API server accepts and refuses: Jobs and CronJobs, created and changed.
//!
//! The tables hold the API server's internal objects, without defaults. They go into validation as they are, but for
//! `hostNetwork`, which internal objects keep in another place, and for words that stand for parts.

use cluster_sim::manifest::field_error::{FieldError, FieldErrors, Path};
use cluster_sim::manifest::patch;
use cluster_sim::manifest::validation::job::{GeneratedLabels, JobUpdate};
use cluster_sim::manifest::validation::job_status::StatusRules;
use cluster_sim::manifest::validation::{cronjob, job, job_status};
use cluster_sim::manifest::wire;
use cluster_sim::model::profile::Profile;
use cluster_sim::model::time_zone::load_zone;
use serde_json::{Value, json};

use super::{Suite, files, yaml};

#[test]
fn jobs_are_validated_as_by_the_api_server() {
    let mut suite = Suite::new("job_validation");
    for_each_case("tables/job_validation.yaml", |id, case| suite.case(id, judge_job(case)));
    suite.finish();
}

#[test]
fn cronjobs_are_validated_as_by_the_api_server() {
    let mut suite = Suite::new("cronjob_validation");
    for_each_case("tables/cronjob_validation.yaml", |id, case| suite.case(id, judge_cronjob(id, case)));
    for path in files("tables/cronjob_validation.yaml") {
        let Value::Array(names) = &yaml(&path)["time_zones"]["names"] else { continue };
        let refused: Vec<_> =
            names.iter().filter(|name| load_zone(name.as_str().unwrap()).is_err()).collect();
        suite.case("time_zones", super::same(&refused, &vec![]));
    }
    suite.finish();
}

fn for_each_case(file: &str, mut run: impl FnMut(&str, &Value)) {
    for path in files(file) {
        for case in yaml(&path)["cases"].as_array().expect("a table has cases") {
            run(case["id"].as_str().expect("a case has an id"), case);
        }
    }
}

fn judge_job(case: &Value) -> Result<(), String> {
    let new: wire::job::Job = decode(&expanded(&case["manifest"]))?;
    let old = || decode::<wire::job::Job>(&expanded(&case["old"]));
    let is_set = |option: &str| case["options"][option].as_bool();
    let mut errors = FieldErrors::default();
    match case["op"].as_str() {
        Some("create") => {
            let is_prefixed = is_set("requirePrefixedLabels") != Some(false);
            let generated = if is_prefixed { GeneratedLabels::Prefixed } else { GeneratedLabels::Legacy };
            job::job(&new, generated, &mut errors);
        }
        Some("update") => {
            let update = JobUpdate {
                allows_scheduling_directives: is_set("allowMutableSchedulingDirectives") == Some(true),
                allows_elastic_indexes: is_set("allowElasticIndexedJobs") == Some(true),
            };
            job::job_update(&new, &old()?, update, &mut errors);
        }
        Some("update-status") => {
            job_status::job_status_update(&new, &old()?, StatusRules::Basic, &mut errors);
        }
        other => return Err(format!("what is the operation {other:?}?")),
    }
    compare(&errors.0, &case["expected"])
}

fn judge_cronjob(id: &str, case: &Value) -> Result<(), String> {
    // The cases beyond 1.28 are named so.
    let version = if id.contains("-new-") { "1.35" } else { "1.28" };
    let profile = Profile::new(version.parse().expect("there is such a profile"));
    let mut errors = FieldErrors::default();
    if case["op"] == "update of spec" {
        let spec = |of: &str| decode::<wire::cronjob::CronJobSpec>(&completed_spec(&case[of]));
        let path = Path::OBJECT.child("spec");
        cronjob::cronjob_spec(&spec("new")?, Some(&spec("old")?), &profile, &path, &mut errors);
        return compare(&errors.0, &case["expected"]);
    }
    let new: wire::cronjob::CronJob = decode(&expanded(&case["manifest"]))?;
    cronjob::cronjob(&new, &profile, &mut errors);
    compare(&errors.0, &case["expected"])?;
    // The upstream test takes the time zone off the old object, for one that does not change is not looked at.
    let mut old = new.clone();
    old.spec.time_zone = None;
    let mut errors = FieldErrors::default();
    cronjob::cronjob_update(&new, &old, &profile, &mut errors);
    let is_refused = case["expected"]["no_op_update_also_fails"].as_bool().unwrap_or(false);
    super::same(&!errors.is_empty(), &is_refused).map_err(|difference| format!("as an update: {difference}"))
}

fn decode<T: serde::de::DeserializeOwned>(value: &Value) -> Result<T, String> {
    wire::decode_json(value).map_err(|error| format!("not decoded: {error}"))
}

/// Compares errors: all of them where all are given, or else the first.
fn compare(found: &[FieldError], expected: &Value) -> Result<(), String> {
    let lines: Vec<_> = found.iter().map(ToString::to_string).collect();
    let fail = || Err(format!("found {lines:?}, expected {expected}"));
    if expected["valid"] == true {
        return if found.is_empty() { Ok(()) } else { fail() };
    }
    let fits = |found: &FieldError, expected: &Value| {
        let is = |field: &str, text: String| expected[field].as_str().is_none_or(|expected| expected == text);
        let message = expected["message_contains"].as_str().unwrap_or_default();
        is("field", found.path.clone())
            && is("type", format!("{:?}", found.kind))
            && found.message().contains(message)
    };
    let agrees = match (&expected["errors"], &expected["first_error"]) {
        (Value::Array(all), _) => {
            all.len() == found.len() && found.iter().zip(all).all(|(found, expected)| fits(found, expected))
        }
        (_, Value::Null) => !found.is_empty(),
        (_, first) => found.first().is_some_and(|found| fits(found, first)),
    };
    if agrees { Ok(()) } else { fail() }
}

/// The manifest with the words that stand for parts replaced by them.
fn expanded(manifest: &Value) -> Value {
    let mut manifest = manifest.clone();
    let spec = &mut manifest["spec"];
    let labels = json!({
        "batch.kubernetes.io/controller-uid": "1a2b3c", "controller-uid": "1a2b3c",
        "batch.kubernetes.io/job-name": "myjob", "job-name": "myjob",
    });
    if spec["selector"] == "generated" {
        spec["selector"] = json!({"matchLabels": labels});
    }
    if let Some(policy) =
        spec["template"].as_str().and_then(|text| text.strip_prefix("valid, restartPolicy "))
    {
        let mut template = valid_template();
        patch::merge(
            &mut template,
            &json!({"metadata": {"labels": labels}, "spec": {"restartPolicy": policy}}),
        );
        spec["template"] = template;
    }
    for path in ["/template/spec", "/jobTemplate/spec/template/spec"] {
        spec.pointer_mut(path).into_iter().for_each(move_host_network);
    }
    repeat(spec);
    manifest
}

fn move_host_network(pod_spec: &mut Value) {
    if pod_spec["securityContext"]["hostNetwork"] == true {
        let change = json!({"securityContext": {"hostNetwork": null}, "hostNetwork": true});
        patch::merge(pod_spec, &change);
    }
}

/// Writes out what texts say as `<"1" repeated 65537 times>`.
fn repeat(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(repeat),
        Value::Object(fields) => fields.values_mut().for_each(repeat),
        Value::String(text) => {
            let parts = text.split_once("<\"").and_then(|(front, rest)| {
                let (part, rest) = rest.split_once("\" repeated ")?;
                let (times, back) = rest.split_once(" times>")?;
                Some(format!("{front}{}{back}", part.repeat(times.parse().ok()?)))
            });
            if let Some(written_out) = parts {
                *text = written_out;
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn valid_template() -> Value {
    json!({"spec": {
        "restartPolicy": "OnFailure", "dnsPolicy": "ClusterFirst",
        "containers": [{"name": "abc", "image": "image", "imagePullPolicy": "IfNotPresent",
                        "terminationMessagePolicy": "File"}],
    }})
}

/// A CronJob's spec with valid values in place of what it leaves open.
fn completed_spec(spec: &Value) -> Value {
    let mut completed =
        json!({"concurrencyPolicy": "Allow", "jobTemplate": {"spec": {"template": valid_template()}}});
    patch::merge(&mut completed, spec);
    completed
}
