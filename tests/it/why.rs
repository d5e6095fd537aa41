//! `sim why` and `sim cron`: the answers, not only that there are some.

use assert_cmd::Command;

#[track_caller]
fn sim(args: &[&str]) -> (String, String, bool) {
    let mut command = Command::cargo_bin("sim").expect("the binary is built");
    let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).args(args).output().expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("the output is text");
    (text(output.stdout), text(output.stderr), output.status.success())
}

#[track_caller]
fn check(args: &[&str], lines: &[&str]) {
    let (out, err, _) = sim(args);
    for line in lines {
        assert!(out.contains(line), "{line:?} is not in\n{out}{err}");
    }
}

#[test]
fn the_race_of_limits_says_which_fired_and_when_the_others_would_have() {
    check(
        &["why", "job/batch-job", "scenarios/job-backoff.yaml"],
        &[
            "Failed: DeadlineExceeded after 31s",
            "backoffLimit           3      47s  would have fired 16s later",
            "activeDeadlineSeconds  30     30s  fired",
        ],
    );
    check(
        &["why", "job/batch-job-never", "scenarios/job-backoff.yaml"],
        &["backoffLimit  6      11m6s  fired"],
    );
}

#[test]
fn a_pending_pod_names_the_filter_of_every_node() {
    check(
        &["why", "pod/fits-nowhere", "scenarios/node-pinning.yaml"],
        &["node-1  NodeResourcesFit  Insufficient cpu", "node-3  NodeResourcesFit  Insufficient cpu"],
    );
}

#[test]
fn a_crashing_container_says_when_it_starts_next() {
    check(&["why", "pod/crasher", "scenarios/node-pinning.yaml"], &["next start at 13m40s, 3m40s from now"]);
}

#[test]
fn a_wrong_name_is_refused_with_the_one_that_is_near() {
    let (out, err, is_ok) = sim(&["why", "job/batch-jo", "scenarios/job-backoff.yaml"]);
    assert_eq!((&*out, is_ok), ("", false));
    assert!(err.ends_with("the run has no job default/batch-jo; did you mean \"batch-job\"?\n"), "{err}");
}

#[test]
fn the_runs_of_a_period_are_those_of_the_run() {
    let words = "kube-controller-manager was stopped until 35m later; startingDeadlineSeconds is 15";
    check(&["cron", "scenarios/cronjob.yaml"], &["2027-01-01  92 ran, 3 missed", words]);
    check(&["run", "scenarios/cronjob.yaml"], &["92 ran, 3 missed", words]);
    check(&["why", "cronjob/report", "scenarios/cronjob.yaml"], &[words]);
}
