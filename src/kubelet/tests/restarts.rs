//! Exits and what follows: restart policies, back-off, init containers, sidecars, lost nodes.

use super::*;

/// A program whose n-th run lasts and exits like the n-th entry.
fn attempts(runs: &[(u64, i32)]) -> Program {
    let attempts = runs.iter().map(|(span, code)| vec![run(*span), exit(*code)]).collect();
    Program { attempts, ..Program::default_for(None) }
}

/// When [s] the container of a pod started.
fn starts(bed: &mut Testbed) -> Vec<String> {
    let lines = bed.timeline();
    let starts = lines.iter().filter_map(|line| line.strip_suffix(" p/app Running"));
    starts.map(str::to_owned).collect()
}

#[track_caller]
fn check_starts(policy: RestartPolicy, runs: &[(u64, i32)], until: u64, expected: &[&str], phase: Phase) {
    let mut bed = bed(vec![("app", attempts(runs))]);
    let pod = bed.pod("p", pod_of(&["app"], policy));
    bed.run_until(until);
    assert_eq!(starts(&mut bed), expected);
    let status = &bed.cluster.pod(pod).unwrap().status;
    assert_eq!((status.phase, status.restart_count()), (phase, expected.len() as u32 - 1));
}

#[test]
fn a_crashing_container_waits_0_10_20_40_80_160_300_300_seconds() {
    let expected = ["0s", "1s", "12s", "33s", "1m14s", "2m35s", "5m16s", "10m17s", "15m18s"];
    check_starts(RestartPolicy::Always, &[(1, 1)], 1218, &expected, Phase::Running);
    let no_difference = ["0s", "5s", "20s", "45s", "1m30s"];
    check_starts(RestartPolicy::Always, &[(5, 0)], 170, &no_difference, Phase::Running);
}

#[test]
fn a_run_of_more_than_ten_minutes_makes_the_back_off_begin_anew() {
    let runs = [(1, 1), (1, 1), (1, 1), (601, 1), (1, 1)];
    check_starts(
        RestartPolicy::Always,
        &runs,
        700,
        &["0s", "1s", "12s", "33s", "10m34s", "10m45s", "11m6s"],
        Phase::Running,
    );
}

#[test]
fn the_restart_policy_decides_what_an_exit_leads_to() {
    use RestartPolicy::{Never, OnFailure};
    check_starts(OnFailure, &[(1, 1), (1, 1), (1, 0)], 1000, &["0s", "1s", "12s"], Phase::Succeeded);
    check_starts(OnFailure, &[(3, 0)], 1000, &["0s"], Phase::Succeeded);
    check_starts(Never, &[(3, 2)], 1000, &["0s"], Phase::Failed);
    check_starts(Never, &[(3, 0)], 1000, &["0s"], Phase::Succeeded);
}

#[test]
fn a_crash_loop_is_shown_state_by_state_and_noted_once_a_wait() {
    let mut bed = bed(vec![("app", attempts(&[(1, 1)]))]);
    let pod = bed.pod("p", pod_of(&["app"], RestartPolicy::Always));
    let expected = [
        "0s p/app Running",
        "0s p Running",
        "1s p/app Error(1)",
        "1s p/app Running",
        "2s p/app Error(1)",
        "2s p/app CrashLoopBackOff",
        "12s p/app Running",
    ];
    check(&mut bed, 12, &expected);
    let uid = bed.cluster.pod(pod).unwrap().meta.uid;
    let records = bed.records();
    assert_eq!(records[..2], ["Pulling: Pulling image \"app\"", PULLED]);
    assert_eq!(records[2..4], ["Created: Created container app", "Started: Started container app"]);
    let back_off = format!("BackOff: Back-off restarting failed container app in pod p_default({uid})");
    assert_eq!(records.iter().filter(|record| **record == back_off).count(), 1);
    assert!(records.contains(&"Pulled: Container image \"app\" already present on machine".to_owned()));
}

const PULLED: &str = "Pulled: Successfully pulled image \"app\" in 0s (0s including waiting)";

#[test]
fn init_containers_run_in_order_and_are_tried_again() {
    let programs = vec![("first", attempts(&[(2, 1), (2, 0)])), ("second", attempts(&[(3, 0)]))];
    let mut bed = bed(programs);
    let init = vec![container("first", "first"), container("second", "second")];
    bed.pod("p", pod_with_init(init, &["app"], RestartPolicy::OnFailure));
    let expected = [
        "0s p/first Running",
        "2s p/first Error(1)",
        "2s p/first Running",
        "4s p/first Completed(0)",
        "4s p/second Running",
        "7s p/second Completed(0)",
        "7s p/app Running",
        "7s p Running",
        "17s p/app Completed(0)",
        "17s p Succeeded",
    ];
    check(&mut bed, 100, &expected);
    assert!(bed.is_quiet());
}

#[test]
fn a_failed_init_container_fails_a_pod_that_never_restarts() {
    let mut bed = bed(vec![("init", attempts(&[(2, 7)])), ("proxy", program(vec![Step::RunForever]))]);
    let init = vec![sidecar("proxy"), container("init", "init")];
    bed.pod("p", pod_with_init(init, &["app"], RestartPolicy::Never));
    let expected = [
        "0s p/proxy Running",
        "0s p/init Running",
        "2s p/init Error(7)",
        "2s p/proxy Error(143)",
        "2s p Failed",
    ];
    check(&mut bed, 100, &expected);
}

#[test]
fn a_sidecar_is_started_again_and_is_stopped_when_the_pod_is_done() {
    let mut bed = bed(vec![("proxy", attempts(&[(4, 1), (100, 0)]))]);
    bed.pod("p", pod_with_init(vec![sidecar("proxy")], &["app"], RestartPolicy::Never));
    let expected = [
        "0s p/proxy Running",
        "0s p/app Running",
        "0s p Running",
        "4s p/proxy Error(1)",
        "4s p/proxy Running",
        "10s p/app Completed(0)",
        "10s p/proxy Error(143)",
        "10s p Succeeded",
    ];
    check(&mut bed, 100, &expected);
    assert!(bed.is_quiet());
}

#[test]
fn a_process_over_its_memory_limit_is_killed_at_the_exact_instant() {
    let memory = MemoryUse { base: Bytes(100 << 20), growth_per_minute: Bytes(60 << 20) };
    let mut bed = bed(vec![("leak", Program { memory: Some(memory), ..Program::default_for(None) })]);
    let mut spec = pod_of(&["leak"], RestartPolicy::Never);
    spec.containers[0].limits.has_memory = true;
    spec.containers[0].limits.amounts.memory = Bytes(150 << 20);
    bed.pod("p", spec);
    let expected = ["0s p/leak Running", "0s p Running", "50s p/leak OOMKilled(137)", "50s p Failed"];
    check(&mut bed, 100, &expected);
    assert!(bed.is_quiet());
}

#[test]
fn a_process_that_starts_over_its_limit_does_nothing_at_all() {
    let memory = MemoryUse { base: Bytes(200), growth_per_minute: Bytes(0) };
    let greedy = Program { memory: Some(memory), ..program(vec![log("here")]) };
    let mut bed = bed(vec![("greedy", greedy)]);
    let mut spec = pod_of(&["greedy"], RestartPolicy::Never);
    spec.containers[0].limits.has_memory = true;
    spec.containers[0].limits.amounts.memory = Bytes(100);
    let pod = bed.pod("p", spec);
    let expected = ["0s p/greedy Running", "0s p Running", "0s p/greedy OOMKilled(137)", "0s p Failed"];
    check(&mut bed, 100, &expected);
    assert!(bed.kubelet.logs(pod).is_none());
}

#[test]
fn a_kill_from_outside_ends_the_process_with_its_code() {
    let mut bed = bed(Vec::new());
    let pod = bed.pod("p", pod_of(&["app"], RestartPolicy::Always));
    check(&mut bed, 5, &["0s p/app Running", "0s p Running"]);
    bed.happen(Event::ProcessKilled(pod, MAIN, 137));
    check(&mut bed, 6, &["5s p/app Error(137)", "5s p/app Running"]);
    bed.happen(Event::ProcessKilled(pod, MAIN, 9));
    check(&mut bed, 7, &["6s p/app Error(9)", "6s p/app CrashLoopBackOff"]);
    bed.happen(Event::ProcessKilled(pod, MAIN, 9));
    check(&mut bed, 15, &[]);
}

#[test]
fn attempts_are_numbered_by_the_restarts_of_a_container() {
    let mut bed =
        bed(vec![("flaky", Program { attempts_by: AttemptsBy::Pod, ..attempts(&[(1, 1), (2, 0)]) })]);
    bed.pod("p", pod_of(&["flaky"], RestartPolicy::OnFailure));
    let expected = [
        "0s p/flaky Running",
        "0s p Running",
        "1s p/flaky Error(1)",
        "1s p/flaky Running",
        "3s p/flaky Completed(0)",
        "3s p Succeeded",
    ];
    check(&mut bed, 100, &expected);
}

#[test]
fn a_node_that_comes_back_runs_its_pods_again_in_new_sandboxes() {
    let mut bed = bed(vec![("init", attempts(&[(1, 0)]))]);
    let init = vec![container("init", "init")];
    let pod = bed.pod("p", pod_with_init(init, &["app"], RestartPolicy::Always));
    bed.run_until(10);
    let address = bed.cluster.pod(pod).unwrap().status.pod_ip;
    bed.timeline();
    bed.happen(Event::NodeFailed(bed.node(0)));
    check(&mut bed, 100, &[]);
    assert!(bed.is_quiet());
    bed.happen(Event::NodeRecovered(bed.node(0)));
    let expected = [
        "1m40s p/app Unknown(255)",
        "1m40s p/init Running",
        "1m41s p/init Completed(0)",
        "1m41s p/app Running",
    ];
    check(&mut bed, 200, &expected);
    let status = &bed.cluster.pod(pod).unwrap().status;
    assert_eq!((status.containers[0].restart_count, status.init_containers[0].restart_count), (1, 1));
    assert_eq!(address.unwrap().to_string(), "10.244.0.2");
    assert_eq!(status.pod_ip.unwrap().to_string(), "10.244.0.3");
    assert!(bed.records().contains(&SANDBOX_CHANGED.to_owned()));
}

#[test]
fn a_node_that_comes_back_takes_its_time_as_at_the_first_start() {
    let mut bed = Testbed::new(Vec::new(), Timing::typical());
    bed.pod("p", pod_of(&["app"], RestartPolicy::Always));
    bed.run_until(5);
    bed.timeline();
    bed.happen(Event::NodeFailed(bed.node(0)));
    bed.run_until(60);
    bed.happen(Event::NodeRecovered(bed.node(0)));
    check(&mut bed, 100, &["1m0.5s p/app Unknown(255)", "1m1.2s p/app Running"]);
}

const SANDBOX_CHANGED: &str = "SandboxChanged: Pod sandbox changed, it will be killed and re-created.";

#[test]
fn a_pod_that_never_restarts_has_failed_when_its_node_comes_back() {
    let mut bed = bed(Vec::new());
    bed.pod("p", pod_of(&["app"], RestartPolicy::Never));
    bed.run_until(5);
    bed.timeline();
    bed.happen(Event::NodeFailed(bed.node(0)));
    bed.run_until(60);
    bed.happen(Event::NodeRecovered(bed.node(0)));
    check(&mut bed, 100, &["1m p/app Unknown(255)", "1m p Failed"]);
}

#[test]
fn what_happens_to_pods_of_a_dead_node_is_done_when_it_is_back() {
    let mut bed = bed(Vec::new());
    let deleted = bed.pod("deleted", pod_of(&["app"], RestartPolicy::Always));
    bed.run_until(5);
    bed.happen(Event::NodeFailed(bed.node(0)));
    bed.run_until(6);
    bed.timeline();
    bed.write(Command::DeletePod(deleted, None));
    bed.pod("new", pod_of(&["app"], RestartPolicy::Always));
    check(&mut bed, 100, &[]);
    bed.happen(Event::NodeRecovered(bed.node(0)));
    let expected = [
        "1m40s deleted/app Unknown(255)",
        "1m40s deleted Failed",
        "1m40s deleted gone",
        "1m40s new/app Running",
        "1m40s new Running",
    ];
    check(&mut bed, 200, &expected);
}

#[test]
fn a_restart_of_the_kubelet_disturbs_no_container_and_forgets_back_offs() {
    let mut bed = bed(vec![("crash", attempts(&[(1, 1)])), ("app", program(vec![run(25), exit(0)]))]);
    bed.pod("p", pod_of(&["app", "crash"], RestartPolicy::OnFailure));
    bed.run_until(14);
    bed.timeline();
    bed.restart_kubelets();
    let expected = [
        "14s p/crash Running",
        "15s p/crash Error(1)",
        "15s p/crash CrashLoopBackOff",
        "25s p/app Completed(0)",
        "25s p/crash Running",
    ];
    check(&mut bed, 25, &expected);
}
