//! Evictions and drains: what disruption budgets let go, and what a drain meets.

use cluster_sim::engine::SimTime;
use cluster_sim::experiment::trial::{self, Trial};
use cluster_sim::report::summary::{self, RunSummary};
use cluster_sim::sim::drain::{Drain, DrainState};

use crate::recorded::load;

/// Three pods without a controller on one node, and a budget over them.
fn play(budget: &str, timeline: &str) -> Trial<()> {
    let pod = |name: &str, volumes: &str| {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, labels: {{app: web}}}}\n\
             spec: {{nodeName: m-1, containers: [{{name: c, image: web}}], volumes: [{volumes}]}}\n"
        )
    };
    let pods = [pod("a", ""), pod("b", ""), pod("c", "")].concat();
    let text = format!(
        "apiVersion: sim/v1\nkind: Scenario\nmetadata: {{name: drain}}\n\
         spec:\n  horizon: 2m\n  nodePools: [{{name: m, count: 2, capacity: {{cpu: 4}}}}]\n\
         \x20 images: {{web: {{steps: [{{run: forever}}]}}}}\n\
         \x20 timeline: [{timeline}]\n\
         ---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {{name: guard}}\n\
         spec: {{{budget}, selector: {{matchLabels: {{app: web}}}}}}\n{pods}"
    );
    trial::run(&load(&text), None, (), |_| {})
}

fn drain(trial: &Trial<()>) -> &Drain {
    &trial.simulation.drains()[0]
}

fn summary(trial: &Trial<()>) -> RunSummary {
    summary::summarise(trial, String::new())
}

/// When each pod was evicted, and how often that had been refused.
#[track_caller]
fn check_pods(drain: &Drain, expected: &[(&str, Option<u64>, u32)]) {
    let refusals = |pod: &cluster_sim::sim::drain::DrainedPod| {
        pod.blocked.as_ref().map_or(0, |blocked| blocked.n_refusals)
    };
    let found: Vec<_> =
        drain.pods.iter().map(|pod| (&*pod.name, pod.evicted.map(SimTime::as_secs), refusals(pod))).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_drain_asks_every_five_seconds_until_the_budget_lets_the_pods_go() {
    let trial = play(
        "minAvailable: 2",
        "{at: 10s, drain: {node: m-1, force: true}}, \
         {at: 21s, patch: {poddisruptionbudget: guard, merge: {spec: {minAvailable: 0}}}}",
    );
    let drain = drain(&trial);
    check_pods(drain, &[("a", Some(10), 0), ("b", Some(25), 3), ("c", Some(25), 3)]);
    let blocked = drain.pods[1].blocked.as_ref().unwrap();
    assert_eq!((blocked.since, &*blocked.budget), (SimTime::from_secs(10), "default/guard"));
    assert_eq!(blocked.cause, "The disruption budget guard needs 2 healthy pods and has 2 currently");
    assert_eq!(drain.state, DrainState::Drained(SimTime::from_secs(25)));
    assert!(trial.simulation.cluster().nodes().values().next().unwrap().spec.unschedulable);
    assert_eq!(
        summary(&trial).verdict,
        ["Drain of m-1  drained after 15s  (3 pods, 2 of them blocked at first)"]
    );
}

#[test]
fn a_drain_is_given_up_when_its_time_is_over() {
    let trial = play("minAvailable: 3", "{at: 10s, drain: {node: m-1, force: true, timeout: 12s}}");
    let drain = drain(&trial);
    check_pods(drain, &[("a", None, 3), ("b", None, 3), ("c", None, 3)]);
    assert_eq!(drain.state, DrainState::TimedOut(SimTime::from_secs(22)));
    assert_eq!(
        summary(&trial).verdict,
        ["Drain of m-1  timed out after 12s  (3 of 3 pods blocked by default/guard since 10s)"]
    );
}

#[test]
fn a_drain_that_must_not_delete_a_pod_evicts_none() {
    let trial = play("minAvailable: 0", "{at: 10s, drain: {node: m-1}}");
    let bare = "cannot delete Pods that declare no controller (use --force to override): \
                default/a, default/b, default/c";
    assert_eq!(drain(&trial).state, DrainState::Refused(vec![bare.to_owned()]));
    assert_eq!(trial.simulation.cluster().pods().len(), 3);
    assert_eq!(summary(&trial).verdict, [format!("Drain of m-1  refused: {bare}")]);
}

#[test]
fn an_eviction_that_a_budget_refuses_is_missed_and_not_repeated() {
    let trial = play("minAvailable: 2", "{at: 10s, evict: {pod: '*'}}");
    assert_eq!(
        trial.simulation.misses(),
        [
            "spec.timeline[0] at 10s: pod b: Cannot evict pod as it would violate the pod's disruption budget. \
          The disruption budget guard needs 2 healthy pods and has 3 currently; \
          pod c: Cannot evict pod as it would violate the pod's disruption budget. \
          The disruption budget guard needs 2 healthy pods and has 3 currently"
        ]
    );
    assert_eq!(trial.simulation.cluster().pods().len(), 2);
}

#[test]
fn a_share_of_pods_that_nobody_manages_allows_no_disruption() {
    let trial = play("maxUnavailable: 1", "{at: 10s, evict: {pod: a}}");
    let budgets = trial.simulation.cluster().pod_disruption_budgets();
    let status = &budgets.values().next().unwrap().status;
    assert_eq!((status.disruptions_allowed, status.current_healthy, status.expected_pods), (0, 3, 0));
    assert_eq!(trial.simulation.misses().len(), 1);
}
