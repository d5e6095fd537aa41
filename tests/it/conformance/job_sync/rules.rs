//! The rows that are single rules.

use std::collections::{BTreeMap, BTreeSet};

use cluster_sim::controllers::job::backoff::{BackoffRecord, BackoffSpan, finish_time, remaining};
use cluster_sim::controllers::job::birth::name_base;
use cluster_sim::controllers::job::census::{Census, Expectations, Tracked};
use cluster_sim::controllers::job::conditions::{ConditionText, set_condition};
use cluster_sim::controllers::job::end::Tally;
use cluster_sim::controllers::job::failure_policy::first_match;
use cluster_sim::controllers::job::indexes::{Indexes, pods_to_replace};
use cluster_sim::controllers::job::ownership::{Claim, claim, selects};
use cluster_sim::controllers::job::scale::{
    ReadyIndexes, marks_of_index, pending_indexes, ready_indexes, surplus_pods,
};
use cluster_sim::controllers::job::scene::{Behaviour, Scene};
use cluster_sim::controllers::job::success_policy::first_met;
use cluster_sim::controllers::ttl::expiry;
use cluster_sim::engine::{SimDuration, SimTime};
use cluster_sim::model::job::{FailureAction, IndexSet, Job, SuccessRule};
use cluster_sim::model::meta::{LabelOperator, LabelRequirement, LabelSelector, Labels, ObjectMeta};
use cluster_sim::model::pod::Pod;
use serde_json::{Value, json};

use super::Outcome;
use super::component::Bench;
use super::driver::Sync;
use super::objects::{
    NOW, behaviour, condition, condition_status, condition_type, deletion_now, index_ranges, index_set, job,
    list, listed, meta, number, owner, pod, pods, span, status, time, uids,
};
use crate::conformance::same;

/// What the rules look at in most rows: Kubernetes 1.28 with the limits per index.
fn rules_behaviour(inputs: &Value) -> Behaviour {
    let has_policy = inputs["podFailurePolicyEnabled"] != false;
    behaviour("1.28", &[("JobBackoffLimitPerIndex", true), ("JobPodFailurePolicy", has_policy)])
}

/// What one row says of a Job and its pods.
struct Case {
    job: Job,
    pods: cluster_sim::engine::Arena<Pod>,
    behaviour: Behaviour,
    removals: Vec<cluster_sim::model::meta::Uid>,
}

impl Case {
    fn of(spec: &Value, status_value: &Value, pods_value: &Value, inputs: &Value) -> Self {
        let mut job = job(spec);
        job.status = status(status_value);
        let named = list(pods_value).enumerate().map(|(at, status)| pod(status, &format!("pod-{at}")));
        let removals = uids(&inputs["finalizerRemovalAlreadyRequested"]);
        Self { job, pods: pods(named), behaviour: rules_behaviour(inputs), removals }
    }

    fn scene(&self) -> Scene<'_> {
        Scene { job: &self.job, now: NOW, behaviour: &self.behaviour }
    }

    fn census(&self) -> Census {
        let expectations = Expectations { are_met: true, finalizer_removals: &self.removals };
        Census::take(&self.scene(), &listed(&self.pods), &expectations)
    }

    fn indexes(&self) -> Indexes {
        Indexes::of(&self.scene(), &self.census())
    }
}

/// Pods as a list in which all carry the finalizer.
fn all_tracked(pods: &Value) -> Value {
    let tracked = list(pods).map(|pod| {
        let mut pod = pod.clone();
        pod["trackingFinalizer"] = json!(true);
        pod
    });
    tracked.collect()
}

pub fn new_finished_pods(inputs: &Value, expected: &Value) -> Outcome {
    let case = Case::of(&json!({}), &inputs["status"], &inputs["pods"], inputs);
    let tally = Tally::of(&case.scene(), &case.census(), None);
    same(&json!({"succeeded": tally.succeeded, "failed": tally.failed}), expected)
}

pub fn requeue(inputs: &Value, expected: &Value) -> Outcome {
    if let Some(wait) = expected["queuedAfter"].as_str() {
        let mut bench = Bench::new("1.28");
        bench.create_job(&json!({"parallelism": 1, "completions": 1}));
        bench.run();
        let at = bench.fail_pods_later();
        return same(&bench.next_sync(), &Some(at + span(wait)));
    }
    let (job, no_pods) = (job(&json!({"parallelism": 2, "completions": 2})), pods([]));
    let mut sync = Sync::of(&job, &no_pods, behaviour("1.28", &[]));
    sync.takes_status = inputs["statusUpdateError"].is_null();
    same(&json!(sync.run().has_failed), &expected["requeuedWithRateLimit"])
}

pub fn independent_index_creation(inputs: &Value, expected: &Value) -> Outcome {
    let failed = inputs["lastFailedPodPerIndex"].as_object().into_iter().flatten();
    let to_replace: BTreeMap<u32, Tracked> =
        failed.map(|(index, pod)| (index.parse().expect("an index"), tracked(pod, inputs))).collect();
    let wanted: Vec<u32> = list(&inputs["indexesToAdd"]).map(number).collect();
    let (ready, wait) = match ready_indexes(&wanted, &to_replace, NOW) {
        ReadyIndexes::Some(ready) => (ready, SimDuration::ZERO),
        ReadyIndexes::NoneFor(wait) => (Vec::new(), wait),
    };
    same(&json!({"createNow": ready, "wait": wait.to_string()}), expected)
}

/// A pod as the census has it.
fn tracked(pod: &Value, inputs: &Value) -> Tracked {
    let spec = inputs["job"].get("spec").cloned().unwrap_or_else(|| json!({}));
    let case = Case::of(&spec, &json!({}), &all_tracked(&json!([pod])), inputs);
    case.census().tracked[0]
}

pub fn ownership(inputs: &Value, expected: &Value) -> Outcome {
    if !inputs["job"].is_object() {
        return claims(inputs, expected);
    }
    let mut job = job(&json!({}));
    job.meta = metadata(&inputs["job"]["metadata"]);
    let selector = &inputs["job"]["spec"]["selector"];
    job.spec = std::sync::Arc::new(cluster_sim::model::job::JobSpec {
        manual_selector: selector.is_object().then(|| label_selector(selector)),
        ..(*job.spec).clone()
    });
    let is_selected = selects(&job, &metadata(&inputs["pod"]["metadata"]));
    same(&json!(is_selected.then_some(&*job.meta.name)), &expected["jobName"])
}

fn claims(inputs: &Value, expected: &Value) -> Outcome {
    let mut job = job(&json!({}));
    let selector = label_selector(&json!({"matchLabels": {"foo": "bar"}}));
    job.spec = std::sync::Arc::new(cluster_sim::model::job::JobSpec {
        manual_selector: Some(selector),
        ..(*job.spec).clone()
    });
    job.meta.deletion = (inputs["jobDeletionTimestampOnServer"] == true).then(deletion_now);
    let ids = cluster_sim::engine::Arena::<Job>::new();
    let (id, other) = two_ids(ids);
    let (mut taken, mut with_finalizer) = (Vec::new(), Vec::new());
    for value in list(&inputs["pods"]) {
        let mut pod = meta(value["name"].as_str().expect("a pod has a name"), "pod");
        if let Some(owning) = value["ownedByJob"].as_str() {
            pod.labels = Labels::default().with("foo", "bar");
            let owner_id = if owning == "test_job" { id } else { other };
            pod.owner = (value["clearOwner"] != true).then(|| owner(owner_id));
        }
        let claim = claim(id, &job, &pod);
        if matches!(claim, Claim::Own | Claim::Adopt) {
            taken.push(pod.name.to_string());
            if claim == Claim::Adopt || value["trackingFinalizer"] == true {
                with_finalizer.push(pod.name.to_string());
            }
        }
    }
    same(&json!({"pods": taken, "withTrackingFinalizer": with_finalizer}), expected)
}

fn two_ids(
    mut jobs: cluster_sim::engine::Arena<Job>,
) -> (cluster_sim::model::ids::JobId, cluster_sim::model::ids::JobId) {
    let mut new = || jobs.insert_with(|_| job(&json!({})));
    (new(), new())
}

fn metadata(value: &Value) -> ObjectMeta {
    let text = |key: &str| value[key].as_str().unwrap_or_default();
    let mut meta = meta(text("name"), text("name"));
    meta.namespace = text("namespace").into();
    let labels = value["labels"].as_object().into_iter().flatten();
    meta.labels = labels.map(|(key, value)| (key.as_str(), value.as_str().expect("a label"))).collect();
    meta
}

fn label_selector(selector: &Value) -> LabelSelector {
    let labels = selector["matchLabels"].as_object().into_iter().flatten();
    let labels = labels.map(|(key, value)| LabelRequirement {
        key: key.as_str().into(),
        operator: LabelOperator::In(vec![value.as_str().expect("a label").into()]),
    });
    let expressions = list(&selector["matchExpressions"]).map(|expression| LabelRequirement {
        key: expression["key"].as_str().expect("a key").into(),
        operator: LabelOperator::In(
            list(&expression["values"]).map(|value| value.as_str().expect("a value").into()).collect(),
        ),
    });
    LabelSelector { requirements: labels.chain(expressions).collect() }
}

pub fn ensure_condition(inputs: &Value, expected: &Value) -> Outcome {
    let mut conditions: Vec<_> = list(&inputs["have"]).map(condition).collect();
    let set = &inputs["set"];
    let text = |key: &str| set[key].as_str().unwrap_or_default();
    let text = ConditionText {
        kind: condition_type(text("type")),
        status: condition_status(text("status")),
        reason: text("reason"),
        message: text("message"),
    };
    let has_changed = set_condition(&mut conditions, &text, NOW);
    same(&json!(has_changed), &expected["changed"])?;
    same(&conditions, &list(&expected["list"]).map(condition).collect())
}

pub fn backoff_record(inputs: &Value, expected: &Value) -> Outcome {
    let times = |key: &str| -> Vec<SimTime> {
        list(&inputs[key]).map(|at| time(at.as_str().expect("a time"))).collect()
    };
    let (successes, failures) = (times("newSucceededFinishTimes"), times("newFailedFinishTimes"));
    let record = BackoffRecord::default().after(successes.into_iter(), failures.into_iter());
    let wanted = BackoffRecord {
        n_failures: number(&expected["failuresAfterLastSuccess"]),
        last_failure: expected["lastFailureTime"].as_str().map(time),
    };
    same(&record, &wanted)
}

pub fn pod_finish_time(inputs: &Value, expected: &Value) -> Outcome {
    let finished = finish_time(&pod(&inputs["pod"], "pod"));
    same(&finished, &time(expected["finishTime"].as_str().expect("a time")))
}

pub fn backoff_remaining(inputs: &Value, expected: &Value) -> Outcome {
    let text = |key: &str| inputs[key].as_str().expect("a duration");
    let backoff = BackoffSpan { first: span(text("defaultBackoff")), max: span(text("maxBackoff")) };
    let record = &inputs["record"];
    let n_failures = record["failuresAfterLastSuccess"].as_u64().unwrap_or(0) as u32;
    let instant = |value: &Value| value.as_str().map_or(NOW, time);
    let left = remaining(backoff, n_failures, instant(&record["lastFailureTime"]), instant(&inputs["now"]));
    same(&left, &span(expected["remaining"].as_str().expect("a duration")))
}

pub fn succeeded_indexes(inputs: &Value, expected: &Value) -> Outcome {
    let spec = json!({"completionMode": "Indexed", "completions": inputs["completions"]});
    let case = Case::of(&spec, inputs, &all_tracked(&inputs["pods"]), inputs);
    let indexes = case.indexes();
    same(&indexes.counted, &index_ranges(&expected["previous"]))?;
    same(&indexes.succeeded, &index_ranges(&expected["new"]))
}

pub fn index_failed(inputs: &Value, expected: &Value) -> Outcome {
    let case = Case::of(&inputs["job"]["spec"], &json!({}), &json!([inputs["pod"]]), inputs);
    let has_failed = case.indexes().failed.is_some_and(|failed| !failed.is_empty());
    same(&json!(has_failed), &expected["failed"])
}

pub fn failed_indexes(inputs: &Value, expected: &Value) -> Outcome {
    let case = Case::of(&inputs["job"]["spec"], &inputs["job"]["status"], &inputs["pods"], inputs);
    same(&case.indexes().failed, &Some(index_ranges(&expected["failed"])))
}

pub fn delayed_deletion(inputs: &Value, expected: &Value) -> Outcome {
    let case = Case::of(&inputs["job"]["spec"], &json!({}), &inputs["pods"], inputs);
    let kept = pods_to_replace(&case.scene(), &listed(&case.pods), &case.census(), &case.indexes());
    let kept: BTreeSet<_> = kept.values().map(|pod| pod.uid).collect();
    same(&kept, &uids(&expected["keptPods"]).into_iter().collect())
}

pub fn new_index_failure_counts(inputs: &Value, expected: &Value) -> Outcome {
    let replaced = &inputs["podBeingReplaced"];
    let to_replace: BTreeMap<u32, Tracked> =
        replaced.is_object().then(|| (0, tracked(replaced, inputs))).into_iter().collect();
    let marks = marks_of_index(0, &to_replace);
    let found = json!({
        "failureCount": marks.index_failure_count,
        "ignoredFailureCount": marks.index_ignored_failure_count,
    });
    same(&found, expected)
}

pub fn interval_membership(inputs: &Value, expected: &Value) -> Outcome {
    let has = index_ranges(&inputs["intervals"]).contains(number(&inputs["index"]));
    same(&json!(has), &expected["has"])
}

pub fn first_pending_indexes(inputs: &Value, expected: &Value) -> Outcome {
    let spec = json!({"completionMode": "Indexed", "completions": inputs["completions"]});
    let case = Case::of(&spec, &json!({}), &inputs["activePods"], inputs);
    let indexes = Indexes {
        counted: IndexSet::default(),
        succeeded: index_ranges(&inputs["succeeded"]),
        failed: Some(index_ranges(&inputs["failed"])),
    };
    let count = number(&inputs["count"]);
    let pending = pending_indexes(&case.scene(), &listed(&case.pods), &indexes, count);
    same(&json!(pending), &expected["indexes"])
}

pub fn duplicate_index_removal(inputs: &Value, expected: &Value) -> Outcome {
    let spec = json!({"completionMode": "Indexed", "completions": inputs["completions"]});
    let case = Case::of(&spec, &json!({}), &inputs["pods"], inputs);
    let removed: BTreeSet<_> =
        surplus_pods(&case.scene(), &listed(&case.pods), 0).iter().map(|victim| victim.pod).collect();
    let describe = |pod: &Pod| (pod.job.and_then(|marks| marks.completion_index), pod.status.phase.as_str());
    let sorted = |is_removed: bool| {
        let chosen = listed(&case.pods).into_iter().filter(|(id, _)| removed.contains(id) == is_removed);
        let mut pods: Vec<_> = chosen.map(|(_, pod)| describe(pod)).collect();
        pods.sort_unstable();
        pods
    };
    let wanted = |key: &str| {
        let mut pods: Vec<_> = list(&expected[key])
            .map(|pod| {
                let index = pod["index"].as_str().and_then(|index| index.parse().ok());
                (index, pod["phase"].as_str().expect("a pod has a phase"))
            })
            .collect();
        pods.sort_unstable();
        pods
    };
    same(&sorted(true), &wanted("remove"))?;
    same(&sorted(false), &wanted("keep"))
}

pub fn pod_generate_name(inputs: &Value, expected: &Value) -> Outcome {
    let name = name_base(inputs["jobName"].as_str().expect("a name"), Some(number(&inputs["index"])));
    same(&json!(name), &expected["generateName"])
}

pub fn index_failure_count(inputs: &Value, expected: &Value) -> Outcome {
    same(&json!(tracked(&inputs["pod"], inputs).n_failures_before()), &expected["count"])
}

pub fn pod_failure_policy_match(inputs: &Value, expected: &Value) -> Outcome {
    let rules: Vec<Value> = list(&inputs["rules"]).map(known_rule).collect();
    let job = job(&json!({"podFailurePolicy": {"rules": rules}}));
    let failed = pod(&inputs["failedPod"], "mypod");
    let rules = job.spec.pod_failure_policy.as_deref().unwrap_or_default();
    let found = first_match(rules, &failed, inputs["backoffLimitPerIndexEnabled"] == true);
    let action = found.as_ref().map(|found| found.action);
    let fails_job = found.as_ref().filter(|found| found.action == FailureAction::FailJob);
    let found = json!({
        "failJobMessage": fails_job.map(|found| found.message(&failed)),
        "countTowardsBackoff": action != Some(FailureAction::Ignore),
        "action": action.map(|action| format!("{action:?}")),
    });
    same(&found, expected)
}

/// A rule with an action that upstream does not know is passed over there. The model has no such action; what is passed
/// over is a rule that matches nothing.
fn known_rule(rule: &Value) -> Value {
    let known = ["FailJob", "FailIndex", "Ignore", "Count"];
    if rule["action"].as_str().is_some_and(|action| known.contains(&action)) {
        return rule.clone();
    }
    json!({"action": "Count", "onPodConditions": []})
}

pub fn is_finished(inputs: &Value, expected: &Value) -> Outcome {
    let status = status(&json!({"conditions": [inputs["condition"]]}));
    same(&json!(status.finished().is_some()), &expected["finished"])
}

pub fn ttl_after_finished(inputs: &Value, expected: &Value) -> Outcome {
    let mut job = job(&json!({"ttlSecondsAfterFinished": inputs["ttlSecondsAfterFinished"]}));
    for (key, kind) in [("completeAt", "Complete"), ("failedAt", "Failed")] {
        if let Some(at) = inputs[key].as_str() {
            let mut finished = condition(&json!({"type": kind, "status": "True"}));
            finished.since = time(at);
            job.status.conditions.push(finished);
        }
    }
    let Some(expiry) = expiry(&job) else {
        return same(&expected["error"], &json!("should not be cleaned up"));
    };
    let left = expiry.since(NOW);
    same(&json!(left.to_string()), &expected["timeLeft"])?;
    let wanted =
        expected["expireAt"].as_str().expect("a time").strip_prefix("now").expect("a time from now on");
    same(&left, &wanted.strip_prefix('+').map_or(SimDuration::ZERO, span))
}

pub fn success_policy_match(inputs: &Value, expected: &Value) -> Outcome {
    let rule = |rule: &Value| SuccessRule {
        indexes: rule["succeededIndexes"].as_str().map(index_set),
        count: rule["succeededCount"].as_u64().map(|count| count as u32),
    };
    let rules: Vec<_> = list(&inputs["rules"]).map(rule).collect();
    let met = first_met(&rules, number(&inputs["completions"]), &index_ranges(&inputs["succeeded"]));
    let message = met.map_or(String::new(), |at| format!("Matched rules at index {at}"));
    same(&json!({"met": met.is_some(), "message": message}), expected)
}
