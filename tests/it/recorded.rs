//! Timelines that were recorded on real clusters: what was observed, what the simulator says, and how far apart they may
//! be. Real clusters take seconds to start a pod, which the simulator is told nothing of.

use std::sync::Arc;

use cluster_sim::engine::SimTime;
use cluster_sim::experiment::trial::{self, Trial};
use cluster_sim::manifest::load::{self as reader, Options};
use cluster_sim::manifest::source::Source;
use cluster_sim::model::scenario::Scenario;
use cluster_sim::observe::attempts::JobEntry;

/// Reads a scenario from a text.
pub fn load(text: &str) -> Arc<Scenario> {
    let source = Source { name: "test.yaml".into(), text: text.as_bytes().to_vec() };
    let loaded =
        reader::load(&[source], &mut |_, name| Err(format!("{name}: not there")), &Options::default());
    Arc::new(loaded.unwrap_or_else(|errors| panic!("{errors}")).scenario)
}

fn job(trial: &Trial<()>) -> &JobEntry {
    &trial.simulation.observer().0.jobs.jobs()[0]
}

const fn secs(at: SimTime) -> f64 {
    at.as_nanos() as f64 / 1e9
}

#[track_caller]
fn near(what: &str, simulated: f64, observed: f64, bound: f64) {
    let error = simulated - observed;
    assert!(error.abs() <= bound, "{what}: simulated {simulated} s, observed {observed} s, error {error} s");
}

/// Observed (kubernetes/website PR 54415, Kubernetes 1.34): parallelism 2, completions 8, backoffLimit 6, `sleep 30; exit
/// 42`. Started 14:11:43; the first wave failed at +31 s, the second was created at +51 s, and the Job failed at +546 s
/// with 8 failed pods. Simulated: +30 s, +50 s, +541 s, 8 failed pods. Errors: 1 s, 1 s and 5 s, the latencies of starts.
#[test]
fn two_pods_at_a_time_fail_four_times_before_the_job_does() {
    let trial = trial::run(
        &load(
            r#"
apiVersion: sim/v1
kind: Scenario
metadata: {name: waves}
spec: {kubernetesVersion: "1.34", images: {i: {steps: [{run: 30s}, {exit: 42}]}}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: j}
spec:
  parallelism: 2
  completions: 8
  backoffLimit: 6
  template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}
"#,
        ),
        None,
        (),
        |_| {},
    );
    let job = job(&trial);
    near("first failure", secs(job.attempts[0].end.unwrap().at), 31.0, 1.5);
    near("second wave", secs(job.attempts[2].start), 51.0, 2.0);
    let end = job.finished().unwrap();
    assert_eq!((&*end.reason, job.status.failed), ("BackoffLimitExceeded", 8));
    near("end", secs(end.since), 546.0, 6.0);
}

/// Observed (kubernetes/kubernetes issue 88718 and the Job controller's documents): a Job of one pod that fails at once is
/// tried again after 10, 20, 40 and 80 s and the latency of a start. The simulator has no such latency: within 1 s.
#[test]
fn a_pod_that_fails_at_once_is_replaced_after_ten_seconds_and_twice_as_long_each_time() {
    let trial = trial::run(
        &load(
            r#"
apiVersion: sim/v1
kind: Scenario
metadata: {name: instant}
spec: {images: {i: {steps: [{exit: 1}]}}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: j}
spec:
  backoffLimit: 4
  template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}
"#,
        ),
        None,
        (),
        |_| {},
    );
    let attempts = &job(&trial).attempts;
    assert_eq!(attempts.len(), 5);
    for (pair, observed) in attempts.windows(2).zip([10.0, 20.0, 40.0, 80.0]) {
        near("gap", secs(pair[1].start) - secs(pair[0].start), observed, 1.0);
    }
}

/// Observed (kubernetes/website issue 41570, kubernetes/kubernetes issue 133472): a container that crashes at once is
/// restarted after 0, 10, 20 and 40 s. Simulated: the same.
#[test]
fn a_crashing_container_waits_for_0_10_20_and_40_seconds() {
    let trial = trial::run(
        &load(
            r#"
apiVersion: sim/v1
kind: Scenario
metadata: {name: crash}
spec: {images: {i: {steps: [{run: 1s}, {exit: 1}]}}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: j}
spec:
  backoffLimit: 9
  activeDeadlineSeconds: 90
  template: {spec: {restartPolicy: OnFailure, containers: [{name: c, image: i}]}}
"#,
        ),
        None,
        (),
        |_| {},
    );
    let attempts = &job(&trial).attempts;
    for (pair, observed) in attempts.windows(2).zip([0.0, 10.0, 20.0, 40.0]) {
        near("wait", secs(pair[1].start) - secs(pair[0].end.unwrap().at), observed, 0.5);
    }
    assert!(attempts.len() >= 5);
}

/// Observed (kubernetes/kubernetes issue 88718): a pod that a quota refuses is tried again 10, 20 and 40 s later, for in the
/// versions of that time all errors of a sync had the waits of failed pods. Since then refused writes have waits of their
/// own, from 1 s, doubled up to 60 s (job_controller.go, DefaultJobApiBackOff). Simulated: 1, 2, 4 … s, and the pod is
/// created at the first attempt after there is room; against the observed that is 9, 18 and 36 s early.
#[test]
fn a_pod_that_a_quota_refuses_is_tried_again_after_waits_that_double() {
    let trial = trial::run(
        &load(
            r#"
apiVersion: sim/v1
kind: Scenario
spec: {images: {first: {steps: [{run: 20s}, {exit: 0}]}, i: {steps: [{exit: 0}]}}}
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: one}
spec: {hard: {pods: 1}}
---
apiVersion: v1
kind: Pod
metadata: {name: first}
spec: {restartPolicy: Never, containers: [{name: c, image: first}]}
---
apiVersion: batch/v1
kind: Job
metadata: {name: j}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}
"#,
        ),
        None,
        (),
        |_| {},
    );
    let refused: Vec<_> = trial
        .simulation
        .observer()
        .0
        .records
        .entries()
        .iter()
        .filter(|it| it.record.reason == "FailedCreate")
        .collect();
    assert_eq!(refused.len(), 1, "equal records are one");
    assert_eq!(
        refused[0].record.message,
        "Error creating: pods \"j-\" is forbidden: exceeded quota: one, requested: pods=1, used: pods=1, limited: pods=1"
    );
    let attempts = &job(&trial).attempts;
    // Tried at 0, 1, 3, 7, 15 and 31 s; there is room from 20 s on.
    assert_eq!((refused[0].count, secs(refused[0].last), secs(attempts[0].start)), (5, 15.0, 31.0));
    assert!(job(&trial).finished().is_some());
}
