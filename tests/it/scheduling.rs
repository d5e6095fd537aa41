//! What the scheduler does in whole runs.

use cluster_sim::engine::SimTime;
use cluster_sim::experiment::trial;
use cluster_sim::model::pod_status::Phase;

use crate::recorded::load;

const FULL_NODE: &str = r#"
apiVersion: sim/v1
kind: Scenario
spec:
  horizon: 1m
  nodePools: [{name: node, count: 1, capacity: {cpu: "2", memory: 4Gi}}]
  timeline: [{at: 30s, delete: {pod: first}}]
---
apiVersion: v1
kind: Pod
metadata: {name: first}
spec: {containers: [{name: c, image: i, resources: {requests: {cpu: 1500m}}}]}
---
apiVersion: v1
kind: Pod
metadata: {name: second}
spec: {containers: [{name: c, image: i, resources: {requests: {cpu: 1500m}}}]}
"#;

/// The process ends at the instant of the deletion, and with it the pod: its end and its going are one step.
#[test]
fn a_pod_that_ends_and_goes_at_one_instant_makes_room_at_that_instant() {
    let trial = trial::run(&load(FULL_NODE), Some(SimTime::from_secs(31)), (), |_| {});
    let pods: Vec<_> = trial.simulation.cluster().pods().values().collect();
    assert_eq!(pods.iter().map(|pod| &*pod.meta.name).collect::<Vec<_>>(), ["second"]);
    assert_eq!(pods[0].status.phase, Phase::Running);
    assert_eq!(pods[0].status.start_time, Some(SimTime::from_secs(30)));
}
