//! Deployments and ReplicaSets beyond the recorded timelines: what counts as another template, and loops without end.

use cluster_sim::experiment::trial::{self, Trial};
use cluster_sim::model::pod_status::Phase;
use cluster_sim::report::summary::{self, RunSummary};
use serde_json::{Value, json};

use crate::recorded::load;

/// Plays a Deployment of two pods for ten minutes; each patch of its container comes a minute after the one before.
fn play_patches(patches: &[Value]) -> RunSummary {
    let container = json!({"name": "main", "image": "web:1"});
    let timeline: Vec<Value> = (1..)
        .zip(patches)
        .map(|(minute, change)| {
            let mut container = container.clone();
            cluster_sim::manifest::patch::merge(&mut container, change);
            let merge = json!({"spec": {"template": {"spec": {"containers": [container]}}}});
            json!({"at": format!("{minute}m"), "patch": {"deployment": "web", "merge": merge}})
        })
        .collect();
    let scenario = json!({
        "apiVersion": "sim/v1", "kind": "Scenario", "metadata": {"name": "templates"},
        "spec": {"horizon": "10m", "timeline": timeline, "images": {"web:1": {"steps": [{"run": "forever"}]}}},
    });
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {
            "replicas": 2, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}},
        },
    });
    summary_of(&trial::run(&load(&format!("{scenario}\n---\n{deployment}\n")), None, (), |_| {}))
}

fn summary_of(trial: &Trial<()>) -> RunSummary {
    summary::summarise(trial, String::new())
}

#[track_caller]
fn check_revisions(patches: &[Value], expected: &[&str]) {
    let summary = play_patches(patches);
    assert_eq!(summary.misses, Vec::<String>::new());
    let revisions: Vec<&str> =
        summary.deployments[0].rollouts.iter().map(|rollout| &*rollout.revision).collect();
    assert_eq!(revisions, expected);
}

#[test]
fn a_field_without_effect_on_behaviour_is_another_template_all_the_same() {
    let with_env = |value: &str| json!({"env": [{"name": "LEVEL", "value": value}]});
    check_revisions(&[with_env("1"), with_env("2")], &["1", "2", "3"]);
}

#[test]
fn a_default_that_is_spelled_out_is_no_other_template() {
    let spelled_out =
        json!({"imagePullPolicy": "IfNotPresent", "terminationMessagePath": "/dev/termination-log"});
    check_revisions(&[spelled_out, json!({"env": []})], &["1"]);
}

#[test]
fn going_back_to_an_earlier_template_takes_up_its_replica_set_under_a_new_revision() {
    let first = json!({});
    let second = json!({"env": [{"name": "LEVEL", "value": "1"}]});
    let summary = play_patches(&[second, first]);
    let rollouts = &summary.deployments[0].rollouts;
    assert_eq!(rollouts[2].revision, "3");
    assert_eq!(rollouts[2].to, rollouts[0].to);
}

#[test]
fn a_set_whose_pods_are_refused_at_once_does_not_stop_the_clock() {
    let text = "apiVersion: sim/v1\nkind: Scenario\nmetadata: {name: loop}\n\
         spec:\n  horizon: 1s\n  nodePools: [{name: small, count: 1, capacity: {cpu: 1}}]\n\
         ---\napiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {name: web}\n\
         spec:\n  replicas: 1\n  selector: {matchLabels: {app: web}}\n\
         \x20 template:\n    metadata: {labels: {app: web}}\n    spec:\n      nodeName: small-1\n\
         \x20     containers: [{name: c, image: web, resources: {requests: {cpu: 2}}}]\n";
    let trial = trial::run(&load(text), None, (), |_| {});
    let pods = trial.simulation.cluster().pods();
    assert_eq!(pods.len(), 11, "one at the start, and one every 100 ms");
    assert!(pods.iter().all(|(_, pod)| pod.status.phase == Phase::Failed));
}
