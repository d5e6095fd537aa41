//! `sim why` and `sim cron`: the answers, not only that there are some.

use std::sync::Arc;

use assert_cmd::Command;
use cluster_sim::engine::SimDuration;
use cluster_sim::experiment::cron_period::{self, Period, Played};
use cluster_sim::experiment::trial;
use cluster_sim::model::ids::Kind;
use cluster_sim::model::scenario::{ObjectName, Scenario};
use cluster_sim::model::unix_time::UnixTime;
use cluster_sim::observe::story::Story;
use cluster_sim::report::cron_period::{self as period, PeriodLedger};
use cluster_sim::report::cron_runs::RunOutcome;
use cluster_sim::report::why;

use crate::recorded::load;

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
fn a_stateful_set_names_the_pod_that_the_others_wait_for() {
    let scenario = "scenarios/drain-blocked.yaml";
    check(
        &["why", "sts/db", scenario, "--at", "3m5s"],
        &["StatefulSet default/db  1 of 2 ready", "Pod db-1 is Running and not ready: the pods after it"],
    );
}

#[test]
fn a_budget_says_which_drain_it_keeps_waiting_and_a_daemon_set_what_its_nodes_have() {
    let scenario = "scenarios/drain-blocked.yaml";
    check(
        &["why", "pdb/db", scenario],
        &[
            "1 may go  (2 healthy, 1 needed, 2 expected)",
            "keeps pod db-0 from the drain of worker-2 until 3m25s, 29 refusals: The disruption budget db needs 1",
        ],
    );
    check(
        &["why", "daemonset/agent", scenario],
        &["DaemonSet default/agent  3 of 3 ready", "worker-2  agent-"],
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
fn a_pending_pod_says_what_exactly_is_in_the_way_and_where_the_least_is_missing() {
    check(
        &["why", "pod/fits-nowhere", "scenarios/node-pinning.yaml"],
        &["Insufficient cpu (cpu: asks 3, 1 of 2 left); too small", "The least is missing on node-3: 1 cpu."],
    );
    let zone = "topology.kubernetes.io/zone";
    check(
        &["why", "pod/late-3", "scenarios/topology-spread.yaml", "--at", "39s"],
        &[
            &format!("({zone}=a has 4 of these pods, {zone}=c only 2, maxSkew 1)"),
            "node-c-1  TaintToleration    node(s) had untolerated taint(s) (maintenance:NoSchedule)",
        ],
    );
}

#[test]
fn a_bound_pod_shows_the_scores_at_the_instant_of_its_binding() {
    check(
        &["why", "pod/soft", "scenarios/topology-spread.yaml"],
        &[
            "Placed on node-a-1: the highest score, 658, of 2 nodes that take it.",
            "node-a-1  200                658                     chosen",
            "node-b-1  132                590                     68 less",
        ],
    );
    check(
        &["why", "pod/urgent", "scenarios/preemption-cascade.yaml"],
        &["Placed on node-1, to which preemption had nominated it", "nominated to node-1, where preemption"],
    );
}

#[test]
fn a_crashing_container_says_when_it_starts_next() {
    check(&["why", "pod/crasher", "scenarios/node-pinning.yaml"], &["next start at 13m40s, 3m40s from now"]);
}

#[test]
fn a_container_that_lost_its_port_says_to_whom() {
    check(
        &["why", "pod/together", "scenarios/port-conflict.yaml"],
        &[
            "It wrote last: \"listen tcp 0.0.0.0:8080: bind: address already in use\". Container ",
            " listens on port 8080.",
        ],
    );
}

#[test]
fn the_kubelet_says_which_probe_ended_a_container() {
    check(
        &["why", "pod/impatient", "scenarios/probes.yaml"],
        &["Killing: Container server failed liveness probe, will be restarted"],
    );
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

const HOURLY: &str = r#"
apiVersion: sim/v1
kind: Scenario
metadata: {name: hourly}
spec: {startTime: "2027-03-27T00:00:00Z", images: {i: {steps: [{run: 90s}, {exit: 0}]}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: hourly}
spec:
  schedule: "0 * * * *"
  timeZone: Europe/Rome
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}}
"#;

/// The ledgers of a scenario over a period that begins with it.
fn ledgers(scenario: Scenario, days: u64) -> Vec<PeriodLedger> {
    period::ledgers(&played(scenario, days))
}

fn played(scenario: Scenario, days: u64) -> Played {
    let span = SimDuration::from_secs(days * 86_400);
    let to = scenario.start_time.checked_add_secs(span.as_secs() as i64);
    let outage = (SimDuration::from_secs(36_000), SimDuration::from_secs(52_200));
    let period = Period { to, outages: vec![outage], ..Period::default() };
    cron_period::play(&Arc::new(cron_period::scenario_of(scenario, &period).unwrap()))
}

#[test]
fn a_night_on_which_clocks_change_is_seen_at_a_glance() {
    let text = period::text(&ledgers((*load(HOURLY)).clone(), 3));
    assert!(text.contains("2027-03-27  17 ran, 1 late, 4 missed\n"), "{text}");
    assert!(text.contains("2027-03-28  23 ran, clocks went forward by 1h, there was no 02:00\n"), "{text}");
    let autumn = HOURLY.replace("2027-03-27", "2027-10-30");
    let text = period::text(&ledgers((*load(&autumn)).clone(), 3));
    assert!(text.contains("25 ran, of these 1 doubled, clocks went back by 1h\n"), "{text}");
}

#[test]
fn a_night_without_its_run_because_clocks_went_forward_is_a_day_of_its_own() {
    let nightly = HOURLY.replace("0 * * * *", "30 2 * * *");
    let text = period::text(&ledgers((*load(&nightly)).clone(), 3));
    assert!(text.contains("2027-03-28  none, clocks went forward by 1h, there was no 02:30\n"), "{text}");
    let often = HOURLY.replace("0 * * * *", "*/20 * * * *");
    let text = period::text(&ledgers((*load(&often)).clone(), 3));
    let day = "2027-03-28  69 ran, clocks went forward by 1h, there was no 02:00 to 02:40 (3 times)\n";
    assert!(text.contains(day), "{text}");
}

#[test]
fn a_period_knows_nothing_of_clocks_that_change_before_or_after_it() {
    let nightly = HOURLY.replace("0 * * * *", "30 2 * * *");
    let text_of = |from: &str, to: &str| {
        let [from, to] = [from, to].map(|time| Some(UnixTime::parse_rfc3339(time).unwrap()));
        let period = Period { from, to, ..Period::default() };
        let scenario = cron_period::scenario_of((*load(&nightly)).clone(), &period).unwrap();
        period::text(&period::ledgers(&cron_period::play(&Arc::new(scenario))))
    };
    let midnight = "2027-03-27T23:00:00Z";
    assert!(!text_of("2027-03-25T23:00:00Z", midnight).contains("clocks"));
    assert!(!text_of("2027-03-28T10:00:00Z", "2027-03-29T22:00:00Z").contains("clocks"));
    assert!(text_of(midnight, "2027-03-28T22:00:00Z").contains("there was no 02:30"));
}

#[test]
fn a_period_may_be_given_by_dates_of_its_zone() {
    let scenario = "scenarios/cronjob.yaml";
    let dates = ["cron", scenario, "--zone", "Europe/Rome", "--from", "2027-03-28", "--to", "2027-03-29"];
    check(&dates, &["91 runs scheduled", "2027-03-28  88 ran, 3 missed, clocks went forward by 1h"]);
    let (_, err, is_ok) = sim(&["cron", scenario, "--outage", "40d..41d"]);
    assert!(!is_ok && err.contains("the outage from 960h on is after the end of the period"), "{err}");
    let (_, err, _) = sim(&["cron", scenario, "--from", "2027-02-30"]);
    assert!(err.contains("`--from` needs a date or a timestamp, as 2027-03-27 or "), "{err}");
}

/// The starts of a CronJob over a day with an outage, which end the Jobs were played to, and whether with pods. The
/// span is how long its Jobs run.
fn starts(policy: &str, span: &str, timeline: &str) -> (Vec<(UnixTime, RunOutcome, Option<f64>)>, bool) {
    let text = HOURLY.replace("jobTemplate", &format!("concurrencyPolicy: {policy}\n  jobTemplate"));
    let text = text.replace("images:", &format!("timeline: [{timeline}], images:")).replace("90s", span);
    let played = played((*load(&text)).clone(), 1);
    let ledgers = period::ledgers(&played);
    let runs = ledgers[0].ledger.runs.iter();
    (runs.map(|run| (run.time, run.outcome, run.started)).collect(), played.has_pods)
}

#[test]
fn jobs_without_pods_start_when_jobs_with_pods_do() {
    #[track_caller]
    fn check(policy: &str, span: &str, needs_pods: bool) {
        let (chosen, has_pods) = starts(policy, span, "");
        assert_eq!(has_pods, needs_pods, "{policy} {span}");
        // What the scenario changes may matter, and so its Jobs keep their pods.
        let (full, has_pods) = starts(policy, span, "{at: 1s, cordon: {node: node-1}}");
        assert!(has_pods);
        assert_eq!(chosen, full, "{policy} {span}");
    }
    check("Allow", "90s", false);
    check("Allow", "90m", false);
    check("Forbid", "90s", false);
    check("Replace", "90s", false);
    // Into the next scheduled time, with the second or two that counting takes.
    check("Forbid", "90m", true);
    check("Replace", "90m", true);
    check("Forbid", "59m59s", true);
    check("Forbid", "59m30s", true);
    // No further than the outage at ten, but into the run that follows it half an hour after it is over.
    check("Forbid", "29m", false);
    check("Forbid", "31m", true);
    // A span by chance.
    check("Forbid", "{exponential: 60s}", true);
}

const NIGHT: &str = r#"
apiVersion: sim/v1
kind: Scenario
spec:
  horizon: 4h
  timeline: [{at: 50m, stop: {component: kube-controller-manager, for: 130m}}]
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: hourly}
spec:
  schedule: "0 * * * *"
  startingDeadlineSeconds: 600
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: minutely}
spec:
  schedule: "* * * * *"
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: short}
spec: {ttlSecondsAfterFinished: 60, template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}
"#;

/// Why an object of [`NIGHT`] is as it is.
#[track_caller]
fn check_night(kind: Kind, name: &str, lines: &[&str]) {
    let subject = ObjectName { kind, namespace: "default".into(), name: name.into() };
    let trial = trial::run(&load(NIGHT), None, Story::of(subject), |_| {});
    let text = why::why(&trial).expect("it is known").to_string();
    for line in lines {
        assert!(text.contains(line), "{line:?} is not in\n{text}");
    }
}

#[test]
fn a_missed_run_goes_back_to_the_stop_and_says_by_how_much_its_deadline_lost() {
    let lines = [
        "  50m  kube-controller-manager stopped, by the timeline\n",
        "the run of 2027-01-01T02:00:00Z missed: kube-controller-manager was stopped until 1h later",
        "startingDeadlineSeconds  600 (2027-01-01T02:00:00Z)  2h10m  over 50m before the controller came back",
    ];
    check_night(Kind::CronJob, "hourly", &lines);
    // The Job that never was has the same answer.
    check_night(Kind::Job, "hourly-29979480", &[&["was never created: the run of"], &lines[..]].concat());
}

#[test]
fn runs_that_were_missed_in_a_row_are_one_cause_and_the_warning_is_another() {
    check_night(
        Kind::CronJob,
        "minutely",
        &[
            "the 130 runs from 2027-01-01T00:50:00Z to 2027-01-01T02:59:00Z missed",
            "  3h   TooManyMissedTimes: too many missed start times.",
        ],
    );
}

#[test]
fn a_job_that_its_ttl_has_deleted_still_says_what_it_came_to() {
    check_night(
        Kind::Job,
        "short",
        &[
            "Complete: CompletionsReached after 11s",
            "The Job was deleted at 1m11s.",
            "deletion requested, by ttl-after-finished-controller",
            "ttlSecondsAfterFinished  60     1m11s  deleted the Job, 1m after its end",
        ],
    );
}

#[test]
fn a_roll_out_is_told_step_by_step_with_the_race_against_its_deadline() {
    check(
        &["why", "deployment/web", "scenarios/rolling-update.yaml", "--at", "8m"],
        &[
            "Deployment default/web  revision 3 ProgressDeadlineExceeded after 1m1s  (2 of 4 updated, 3 of 4 available)",
            "not Progressing since 6m1s: ProgressDeadlineExceeded",
            "5m    got another spec, by the timeline: patch deployment default/web",
            "progressDeadlineSeconds  60     6m1s  fired; the roll-out goes on all the same",
        ],
    );
    check(
        &["why", "deployment/web", "scenarios/rolling-update.yaml", "--at", "5m30s"],
        &["fires in 30s, unless there is progress before"],
    );
}
