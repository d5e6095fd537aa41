//! Nodes that fail and return, in whole runs.

use std::collections::BTreeMap;

use cluster_sim::experiment::trial::{self, Trial};
use cluster_sim::model::node::Silence;
use cluster_sim::observe::failures::NodeFailure;

use crate::recorded::load;

const PARTS: &str = r#"
---
apiVersion: batch/v1
kind: Job
metadata: {name: batch}
spec:
  template:
    spec: {restartPolicy: Never, containers: [{name: c, image: work/1}]}
"#;

/// A Job of one pod that runs for an hour on node-1; then node-2 is there too.
fn play(spec: &str) -> Trial<()> {
    let text = format!(
        "apiVersion: sim/v1\nkind: Scenario\nspec:\n  horizon: 2h\n  \
         nodePools: [{{name: node, count: 2, zone: a, capacity: {{cpu: \"2\", memory: 4Gi}}}}]\n  \
         images: {{work/1: {{steps: [{{run: 1h}}]}}}}\n{spec}{PARTS}"
    );
    trial::run(&load(&text), None, (), |_| {})
}

/// `pods` of the last failure, and its instants [s].
fn instants(failure: &NodeFailure) -> [Option<u64>; 6] {
    let pod = failure.pods.first();
    let replacement = pod.and_then(|pod| pod.replacement.as_ref());
    [
        failure.last_sign.map(|at| at.as_secs()),
        failure.not_ready.map(|at| at.as_secs()),
        failure.tainted.map(|at| at.as_secs()),
        pod.and_then(|pod| pod.deleted).map(|at| at.as_secs()),
        replacement.map(|pod| pod.created.as_secs()),
        replacement.and_then(|pod| pod.ready).map(|at| at.as_secs()),
    ]
}

/// Plays a crash of the node of the pod, and gives the instants after it.
#[track_caller]
fn check(version: &str, at: &str, expected: [u64; 6]) {
    // The pod is on one of the two nodes, and only that one has lost a pod.
    for node in ["node-1", "node-2"] {
        let trial = play(&format!(
            "  kubernetesVersion: \"{version}\"\n  timeline: [{{at: {at}, fail: {{node: {node}}}}}]\n"
        ));
        let failure = &trial.simulation.observer().0.failures.failures()[0];
        if !failure.pods.is_empty() {
            assert_eq!(instants(failure), expected.map(Some));
            return;
        }
    }
    panic!("the pod was on neither node");
}

#[test]
fn with_a_grace_of_40_seconds_a_pod_is_replaced_350_seconds_after_the_last_heartbeat() {
    check("1.31", "10m", [600, 645, 650, 950, 951, 951]);
    check("1.31", "605s", [600, 645, 650, 950, 951, 951]);
    check("1.31", "609s", [600, 645, 650, 950, 951, 951]);
}

#[test]
fn with_a_grace_of_50_seconds_a_pod_is_replaced_360_seconds_after_the_last_heartbeat() {
    check("1.32", "10m", [600, 655, 660, 960, 961, 961]);
    check("1.35", "609s", [600, 655, 660, 960, 961, 961]);
}

#[test]
fn a_cluster_that_has_lost_all_nodes_evicts_nothing() {
    let trial = play("  timeline: [{at: 10m, fail: {zone: a, for: 30m}}]\n");
    let failures = trial.simulation.observer().0.failures.failures();
    assert_eq!(failures.len(), 2);
    for failure in failures {
        assert_eq!((failure.not_ready.is_some(), failure.tainted), (true, None));
        assert_eq!(failure.back.map(|at| at.as_secs()), Some(2400));
        assert!(failure.pods.iter().all(|pod| pod.deleted.is_none()));
    }
}

#[test]
fn a_zone_that_failed_for_ever_can_be_brought_back() {
    let trial = play("  timeline: [{at: 10m, fail: {zone: a}}, {at: 15m, recover: {zone: a}}]\n");
    let failures = trial.simulation.observer().0.failures.failures();
    let backs: Vec<_> = failures.iter().map(|failure| failure.back.map(|at| at.as_secs())).collect();
    assert_eq!(backs, [Some(900), Some(900)]);
}

#[test]
fn a_kubelet_that_stops_is_no_failure_of_its_node_before_the_machine_stops_too() {
    let timeline =
        "[{at: 10m, stop: {component: kubelet, node: node-1}}, {at: 12m, fail: {node: node-1, for: 30m}}]";
    let trial = play(&format!("  kubernetesVersion: \"1.35\"\n  timeline: {timeline}\n"));
    let failures = trial.simulation.observer().0.failures.failures();
    let causes: Vec<Silence> = failures.iter().map(|failure| failure.cause).collect();
    assert_eq!(causes, [Silence::KubeletStopped, Silence::MachineOff]);
    for failure in failures {
        assert_eq!(instants(failure)[..3], [Some(600), Some(655), Some(660)]);
    }
    assert_eq!((failures[0].back, failures[1].back.map(|at| at.as_secs())), (None, Some(2520)));
}

/// The instants of the failures of each node that fails by chance.
fn failures_by_chance(nodes: &str, others: &str) -> BTreeMap<String, Vec<u64>> {
    let spec = format!("  faults: [{{nodes: \"{nodes}\", mtbf: 20m, mttr: 2m}}{others}]\n");
    let trial = play(&spec);
    let mut failures: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for failure in trial.simulation.observer().0.failures.failures() {
        failures.entry(failure.node.to_string()).or_default().push(failure.failed.as_nanos());
    }
    failures
}

#[test]
fn the_failures_of_a_node_by_chance_do_not_hang_on_those_of_others() {
    let both = failures_by_chance("node-*", "");
    assert_eq!(both.len(), 2);
    assert_eq!(failures_by_chance("node-1", "")["node-1"], both["node-1"]);
    let beside_a_zone = failures_by_chance("node-2", ", {zone: b, mtbf: 1h, mttr: 1m}");
    assert_eq!(beside_a_zone["node-2"], both["node-2"]);
}

/// The node that a pod of the image `work/1` is bound to, which is bound after another one was started on node-3.
fn node_of_second(pull_size: &str) -> String {
    let text = format!(
        "apiVersion: sim/v1\nkind: Scenario\nspec:\n  horizon: 1m\n  \
         nodePools: [{{name: node, count: 3, capacity: {{cpu: \"2\", memory: 4Gi}}}}]\n  \
         images: {{work/1: {{steps: [{{run: forever}}]{pull_size}}}}}\n\
         ---\napiVersion: v1\nkind: Pod\nmetadata: {{name: first}}\n\
         spec: {{nodeName: node-3, containers: [{{name: c, image: work/1}}]}}\n\
         ---\napiVersion: batch/v1\nkind: Job\nmetadata: {{name: second}}\n\
         spec: {{template: {{spec: {{restartPolicy: Never, containers: [{{name: c, image: work/1}}]}}}}}}\n"
    );
    let trial = trial::run(&load(&text), None, (), |_| {});
    let cluster = trial.simulation.cluster();
    let second = cluster.pods().values().find(|pod| pod.meta.owner.is_some()).expect("the Job has a pod");
    cluster.name_of(second.node.expect("it is bound").into()).to_string()
}

#[test]
fn an_image_that_was_pulled_draws_pods_to_its_node_where_its_size_is_known() {
    assert_ne!(node_of_second(""), "node-3");
    assert_eq!(node_of_second(", pullSize: 3000M"), "node-3");
}
