//! Probes: when they are asked, and what comes of their answers.

use super::*;
use crate::model::probe::{Probe, ProbeAction, ProbePort, Probes};
use crate::model::program::{FailureWindow, ProbeAnswers};

/// A probe of port 80 with the API server's defaults.
fn probe() -> Probe {
    Probe {
        action: ProbeAction::TcpSocket(ProbePort::Number(80)),
        initial_delay: SimDuration::ZERO,
        period: secs(10),
        timeout: secs(1),
        success_threshold: 1,
        failure_threshold: 3,
        termination_grace: None,
    }
}

fn exec() -> Probe {
    Probe { action: ProbeAction::Exec { command: "check".into() }, ..probe() }
}

fn http() -> Probe {
    let (port, path) = (ProbePort::Number(80), "/healthz".into());
    Probe { action: ProbeAction::HttpGet { scheme: "http", port, path }, ..probe() }
}

fn liveness(probe: Probe) -> Probes {
    Probes { liveness: Some(probe), ..Probes::default() }
}

fn readiness(probe: Probe) -> Probes {
    Probes { readiness: Some(probe), ..Probes::default() }
}

/// A pod `p` with the container `app` that has these probes.
fn probed(probes: Probes, policy: RestartPolicy) -> PodSpec {
    let app = Container { probes, ..container("app", "app") };
    PodSpec { restart_policy: policy, ..pod_spec(vec![app]) }
}

/// A server that listens on port 80 after so long [s].
fn server(after: u64) -> Program {
    program(vec![run(after), listen(80), Step::RunForever])
}

fn failing(from: u64, until: Option<u64>) -> Option<FailureWindow> {
    Some(FailureWindow { from: secs(from), until: until.map(secs) })
}

/// When the pod became ready and ceased to be, and when its container started and ended.
#[track_caller]
fn check_ready(app: Program, spec: PodSpec, until: u64, expected: &[&str]) -> Testbed {
    let mut bed = bed(vec![("app", app)]);
    bed.tell_readiness();
    bed.pod("p", spec);
    bed.run_until(until);
    let lines = bed.timeline();
    let seen: Vec<&str> =
        lines.iter().map(String::as_str).filter(|line| !line.ends_with(" p Running")).collect();
    assert_eq!(seen, expected);
    bed
}

#[test]
fn a_container_is_ready_as_soon_as_its_readiness_probe_succeeds() {
    let always = RestartPolicy::Always;
    let running = "0s p/app Running";
    check_ready(server(0), probed(readiness(probe()), always), 100, &[running, "0s p ready"]);
    check_ready(server(4), probed(readiness(probe()), always), 100, &[running, "10s p ready"]);
    let late = Probe { initial_delay: secs(5), ..probe() };
    check_ready(server(0), probed(readiness(late), always), 100, &[running, "10s p ready"]);
    let twice = Probe { success_threshold: 2, ..probe() };
    check_ready(server(0), probed(readiness(twice), always), 100, &[running, "10s p ready"]);
    check_ready(server(200), probed(readiness(probe()), always), 100, &[running]);
    check_ready(server(9), probed(Probes::default(), always), 100, &[running, "0s p ready"]);
}

#[test]
fn a_probe_that_goes_on_as_it_is_has_no_events() {
    let all = Probes { startup: Some(probe()), liveness: Some(exec()), readiness: Some(http()) };
    let mut bed = check_ready(
        server(4),
        probed(all, RestartPolicy::Always),
        100_000_000,
        &["0s p/app Running", "10s p ready"],
    );
    assert!(bed.is_quiet() && bed.n_events() < 12, "{} events", bed.n_events());
    bed.timeline();
    let mut unready = bed_of_unready();
    unready.run_until(100_000_000);
    assert!(unready.is_quiet() && unready.n_events() < 12, "{} events", unready.n_events());
}

fn bed_of_unready() -> Testbed {
    let mut bed = bed(vec![("app", program(vec![Step::RunForever]))]);
    bed.pod("p", probed(readiness(http()), RestartPolicy::Always));
    bed
}

#[test]
fn readiness_follows_the_answers_and_restarts_nothing() {
    let app = Program {
        answers: ProbeAnswers { readiness: failing(95, Some(135)), ..ProbeAnswers::default() },
        ..server(0)
    };
    let mut bed = check_ready(
        app,
        probed(readiness(http()), RestartPolicy::Always),
        1000,
        &["0s p/app Running", "0s p ready", "2m p not ready", "2m20s p ready"],
    );
    let failed = "Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 500";
    assert_eq!(bed.records().iter().filter(|record| *record == failed).count(), 2);
}

#[test]
fn a_container_whose_liveness_probe_fails_is_ended_and_started_again() {
    let app = Program {
        answers: ProbeAnswers { liveness: failing(100, None), ..ProbeAnswers::default() },
        ..server(0)
    };
    let mut bed = check_ready(
        app,
        probed(liveness(http()), RestartPolicy::Always),
        260,
        &[
            "0s p/app Running",
            "0s p ready",
            "2m p/app Error(143)",
            "2m p not ready",
            "2m p/app Running",
            "2m p ready",
            "4m p/app Error(143)",
            "4m p not ready",
            "4m p/app Running",
            "4m p ready",
        ],
    );
    let records = bed.records();
    let kill = "Killing: Container app failed liveness probe, will be restarted";
    assert_eq!(records.iter().filter(|record| *record == kill).count(), 2);
}

#[test]
fn the_first_restart_by_a_probe_is_immediate_and_later_ones_back_off() {
    let mut bed = bed(vec![("app", program(vec![Step::RunForever]))]);
    let often = Probe { period: secs(1), failure_threshold: 1, ..probe() };
    bed.pod("p", probed(liveness(often), RestartPolicy::Always));
    bed.run_until(170);
    let lines = bed.timeline();
    let starts: Vec<&str> = lines.iter().filter_map(|line| line.strip_suffix(" p/app Running")).collect();
    assert_eq!(starts, ["0s", "1s", "2s", "13s", "34s", "1m15s", "2m36s"]);
}

#[test]
fn a_probe_may_have_a_grace_period_of_its_own_and_deletion_a_shorter_one() {
    let stubborn = || Program { on_term: TermResponse::Ignore, ..program(vec![Step::RunForever]) };
    let hasty = Probe { failure_threshold: 1, termination_grace: Some(secs(5)), ..probe() };
    let of = |probe: Probe| probed(liveness(probe), RestartPolicy::Always);
    let mut with_own = bed(vec![("app", stubborn())]);
    with_own.pod("p", of(hasty.clone()));
    check(
        &mut with_own,
        15,
        &["0s p/app Running", "0s p Running", "15s p/app Error(137)", "15s p/app Running"],
    );
    let mut deleted = bed(vec![("app", stubborn())]);
    let pod = deleted.pod("p", of(Probe { termination_grace: None, ..hasty }));
    deleted.run_until(12);
    deleted.timeline();
    deleted.write(Command::DeletePod(pod, Some(secs(3))));
    check(&mut deleted, 100, &["15s p/app Error(137)", "15s p Failed", "15s p gone"]);
}

#[test]
fn a_container_that_never_restarts_stays_down_when_its_probe_has_failed() {
    let mut bed = check_ready(
        program(vec![Step::RunForever]),
        probed(liveness(Probe { failure_threshold: 2, ..http() }), RestartPolicy::Never),
        100,
        &["0s p/app Running", "0s p ready", "20s p/app Error(143)", "20s p not ready", "20s p Failed"],
    );
    let records = bed.records();
    let address = "10.244.0.2:80";
    let refused = format!(
        "Unhealthy: Liveness probe failed: Get \"http://{address}/healthz\": dial tcp {address}: connect: connection \
         refused"
    );
    assert!(records.contains(&refused), "{records:?}");
    assert!(records.contains(&"Killing: Container app failed liveness probe".to_owned()), "{records:?}");
}

#[test]
fn the_startup_probe_holds_the_others_back() {
    let all = |startup: Probe| Probes {
        startup: Some(startup),
        liveness: Some(Probe { failure_threshold: 1, ..probe() }),
        readiness: Some(probe()),
    };
    check_ready(
        server(25),
        probed(all(probe()), RestartPolicy::Always),
        100,
        &["0s p/app Running", "30s p ready"],
    );
    check_ready(
        server(35),
        probed(all(probe()), RestartPolicy::Always),
        95,
        &[
            "0s p/app Running",
            "30s p/app Error(143)",
            "30s p/app Running",
            "1m p/app Error(143)",
            "1m p/app Running",
            "1m30s p/app Error(143)",
            "1m30s p/app Running",
        ],
    );
}

#[test]
fn containers_wait_until_the_startup_probe_of_a_sidecar_succeeds() {
    let mut bed = bed(vec![("proxy", server(12))]);
    let proxy =
        Container { probes: Probes { startup: Some(probe()), ..Probes::default() }, ..sidecar("proxy") };
    bed.pod("p", pod_with_init(vec![proxy], &["app"], RestartPolicy::Never));
    let expected = [
        "0s p/proxy Running",
        "20s p/app Running",
        "20s p Running",
        "30s p/app Completed(0)",
        "30s p/proxy Error(143)",
        "30s p Succeeded",
    ];
    check(&mut bed, 100, &expected);
}

#[test]
fn an_answer_that_takes_too_long_is_a_failure() {
    let slow = |millis| Program {
        answers: ProbeAnswers { delay: SimDuration::from_millis(millis), ..ProbeAnswers::default() },
        ..server(0)
    };
    let spec = || probed(readiness(http()), RestartPolicy::Always);
    check_ready(slow(300), spec(), 100, &["0s p/app Running", "300ms p ready"]);
    let mut bed = check_ready(slow(1001), spec(), 100, &["0s p/app Running"]);
    let text = "Unhealthy: Readiness probe failed: Get \"http://10.244.0.2:80/healthz\": context deadline exceeded \
                (Client.Timeout exceeded while awaiting headers)";
    assert!(bed.records().iter().any(|record| record == text));
    check_ready(
        slow(1001),
        probed(readiness(probe()), RestartPolicy::Always),
        100,
        &["0s p/app Running", "0s p ready"],
    );
}

#[test]
fn a_probe_of_a_port_without_a_number_never_succeeds() {
    let action = ProbeAction::TcpSocket(ProbePort::Unknown("web".into()));
    let both = Probes {
        liveness: Some(Probe { action: action.clone(), ..probe() }),
        readiness: Some(Probe { action, ..probe() }),
        startup: None,
    };
    let mut bed = check_ready(server(0), probed(both, RestartPolicy::Always), 1000, &["0s p/app Running"]);
    let text = "Unhealthy: Readiness probe errored: strconv.Atoi: parsing \"web\": invalid syntax";
    assert_eq!(bed.records().iter().filter(|record| *record == text).count(), 1);
}

#[test]
fn a_pod_that_is_stopping_is_asked_only_for_readiness() {
    let closing = Program {
        on_term: TermResponse::Exit { after: secs(60), code: 0 },
        answers: ProbeAnswers {
            readiness: failing(45, None),
            liveness: failing(25, None),
            ..ProbeAnswers::default()
        },
        ..server(0)
    };
    let all = Probes { liveness: Some(http()), readiness: Some(http()), startup: None };
    let mut bed = bed(vec![("app", closing)]);
    bed.tell_readiness();
    let spec = PodSpec { termination_grace: secs(100), ..probed(all, RestartPolicy::Always) };
    let pod = bed.pod("p", spec);
    bed.run_until(25);
    bed.write(Command::DeletePod(pod, None));
    let expected = [
        "0s p/app Running",
        "0s p Running",
        "0s p ready",
        "1m10s p not ready",
        "1m25s p/app Completed(0)",
        "1m25s p Succeeded",
        "1m25s p gone",
    ];
    check(&mut bed, 200, &expected);
}

#[test]
fn two_pods_in_the_network_of_a_node_meet_each_others_ports() {
    let mut bed = bed(vec![
        ("app", program(vec![Step::RunForever])),
        ("server", program(vec![run(15), listen(80), run(20)])),
    ]);
    bed.tell_readiness();
    bed.pod("p", PodSpec { host_network: true, ..probed(readiness(probe()), RestartPolicy::Always) });
    bed.pod("q", PodSpec { host_network: true, ..pod_of(&["server"], RestartPolicy::Never) });
    bed.run_until(200);
    let lines = bed.timeline();
    let readiness: Vec<&str> = lines.iter().map(String::as_str).filter(|line| line.contains(" p ")).collect();
    assert_eq!(readiness, ["0s p Running", "20s p ready", "1m p not ready"]);
}
