//! How pods end: deletion, grace periods, deadlines, sidecars last.

use super::*;

fn on_term(response: TermResponse) -> Program {
    Program { on_term: response, ..Program::default_for(None) }
}

const fn ends_after(span: SimDuration) -> TermResponse {
    TermResponse::Exit { after: span, code: 0 }
}

/// The timeline of the deletion, at 10 s, of a pod with one container.
#[track_caller]
fn check_deletion(response: TermResponse, grace: Option<SimDuration>, expected: &[&str]) {
    let mut bed = bed(vec![("app", on_term(response))]);
    let pod = bed.pod("p", pod_of(&["app"], RestartPolicy::Always));
    bed.run_until(10);
    bed.timeline();
    bed.write(Command::DeletePod(pod, grace));
    check(&mut bed, 1000, expected);
    assert!(bed.is_quiet());
}

#[test]
fn a_deleted_pod_has_its_grace_period_and_at_least_two_seconds() {
    let quick = TermResponse::Exit { after: SimDuration::ZERO, code: 143 };
    check_deletion(quick, None, &["10s p/app Error(143)", "10s p Failed", "10s p gone"]);
    let slow = ends_after(secs(7));
    check_deletion(slow, None, &["17s p/app Completed(0)", "17s p Succeeded", "17s p gone"]);
    let expected = ["15s p/app Error(137)", "15s p Failed", "15s p gone"];
    check_deletion(ends_after(secs(7)), Some(secs(5)), &expected);
    let expected = ["40s p/app Error(137)", "40s p Failed", "40s p gone"];
    check_deletion(TermResponse::Ignore, None, &expected);
    let expected = ["12s p/app Error(137)", "12s p Failed", "12s p gone"];
    check_deletion(TermResponse::Ignore, Some(secs(1)), &expected);
}

#[test]
fn a_pod_deleted_with_no_grace_at_all_is_gone_before_its_processes() {
    check_deletion(TermResponse::Ignore, Some(SimDuration::ZERO), &["10s p gone"]);
    let mut bed = bed(vec![("app", program(vec![listen(80), Step::RunForever]))]);
    let spec = PodSpec { host_network: true, ..pod_of(&["app"], RestartPolicy::Never) };
    let pod = bed.pod("p", spec.clone());
    bed.run_until(10);
    bed.write(Command::DeletePod(pod, Some(SimDuration::ZERO)));
    bed.run_until(11);
    bed.timeline();
    bed.pod("p", spec);
    check(&mut bed, 20, &["11s p/app Running", "11s p Running"]);
}

#[test]
fn a_second_deletion_can_shorten_the_grace_period() {
    let mut bed = bed(vec![("app", on_term(TermResponse::Ignore))]);
    let pod = bed.pod("p", pod_of(&["app"], RestartPolicy::Always));
    bed.run_until(10);
    bed.timeline();
    bed.write(Command::DeletePod(pod, None));
    bed.run_until(15);
    bed.write(Command::DeletePod(pod, Some(secs(3))));
    check(&mut bed, 1000, &["18s p/app Error(137)", "18s p Failed", "18s p gone"]);
}

#[test]
fn a_pod_deleted_before_it_started_or_in_back_off_goes_at_once() {
    let mut bed = Testbed::new(vec![("crash", program(vec![exit(1)]))], Timing::typical());
    let new = bed.pod("new", pod_of(&["app"], RestartPolicy::Always));
    let looping = bed.pod("looping", pod_of(&["crash"], RestartPolicy::Always));
    bed.write(Command::DeletePod(new, None));
    bed.run_until(5);
    let expected = ["20ms new Failed", "20ms new/app ContainerStatusUnknown(137)", "20ms new gone"];
    assert_eq!(bed.timeline()[..3], expected);
    bed.write(Command::DeletePod(looping, None));
    check(&mut bed, 100, &["5.02s looping/crash Error(1)", "5.02s looping Failed", "5.02s looping gone"]);
    assert!(bed.is_quiet());
}

#[test]
fn nothing_is_restarted_in_a_pod_being_deleted() {
    let mut bed =
        bed(vec![("crash", program(vec![run(12), exit(1)])), ("slow", on_term(ends_after(secs(20))))]);
    let pod = bed.pod("p", pod_of(&["crash", "slow"], RestartPolicy::Always));
    bed.run_until(10);
    bed.timeline();
    bed.write(Command::DeletePod(pod, None));
    let expected = ["30s p/crash Error(143)", "30s p/slow Completed(0)", "30s p Failed", "30s p gone"];
    check(&mut bed, 1000, &expected);
    let killing =
        bed.records().into_iter().filter(|record| record.starts_with("Killing")).collect::<Vec<_>>();
    assert_eq!(killing, ["Killing: Stopping container crash", "Killing: Stopping container slow"]);
}

#[test]
fn the_deadline_of_a_pod_runs_from_its_acceptance() {
    let timing = Timing { sandbox: secs(4), ..Timing::ideal() };
    let mut bed = Testbed::new(Vec::new(), timing);
    let spec = PodSpec { active_deadline: Some(secs(10)), ..pod_of(&["app"], RestartPolicy::Always) };
    let pod = bed.pod("p", spec);
    check(&mut bed, 100, &["4s p/app Running", "4s p Running", "10s p Failed", "10s p/app Error(143)"]);
    let status = &bed.cluster.pod(pod).unwrap().status;
    assert_eq!(status.reason.as_ref().unwrap().to_string(), "DeadlineExceeded");
    let message = "Pod was active on the node longer than the specified deadline";
    assert_eq!(&**status.message.as_ref().unwrap(), message);
    assert!(bed.is_quiet());
}

#[test]
fn a_pod_out_of_time_fails_only_when_its_processes_are_gone() {
    let mut bed = bed(vec![("stubborn", on_term(TermResponse::Ignore))]);
    let spec = PodSpec {
        active_deadline: Some(secs(10)),
        termination_grace: secs(5),
        ..pod_of(&["stubborn"], RestartPolicy::Never)
    };
    bed.pod("p", spec);
    let expected = ["0s p/stubborn Running", "0s p Running", "15s p Failed", "15s p/stubborn Error(137)"];
    check(&mut bed, 100, &expected);
}

/// The timeline of the deletion, at 10 s, of a pod with an app container and two sidecars.
#[track_caller]
fn check_sidecars(version: &str, first: TermResponse, expected: &[&str]) {
    let programs = vec![
        ("first", on_term(first)),
        ("second", on_term(ends_after(secs(2)))),
        ("app", on_term(ends_after(secs(4)))),
    ];
    let mut bed = bed(programs);
    let profile = Profile::new(version.parse().unwrap()).with_gate("SidecarContainers", true).unwrap();
    bed.set_profile(profile);
    let init = vec![sidecar("first"), sidecar("second")];
    let pod = bed.pod("p", pod_with_init(init, &["app"], RestartPolicy::Always));
    bed.run_until(10);
    bed.timeline();
    bed.write(Command::DeletePod(pod, None));
    check(&mut bed, 1000, expected);
}

#[test]
fn sidecars_stop_after_the_app_containers_in_reverse_order() {
    let ends = |at| [format!("{at}s p Succeeded"), format!("{at}s p gone")];
    let lines = |first: &str, second: &str, app: &str, at: u64| {
        let [phase, gone] = ends(at);
        let state = |name, state: &str| format!("{at}s p/{name} {state}");
        vec![state("first", first), state("second", second), state("app", app), phase, gone]
    };
    let done = "Completed(0)";
    let together = lines(done, done, done, 14);
    check_sidecars("1.28", ends_after(secs(3)), &together.iter().map(|line| &**line).collect::<Vec<_>>());
    let one_by_one = lines(done, done, done, 19);
    check_sidecars("1.29", ends_after(secs(3)), &one_by_one.iter().map(|line| &**line).collect::<Vec<_>>());
    let stubborn = lines("Error(137)", done, done, 40);
    check_sidecars("1.35", TermResponse::Ignore, &stubborn.iter().map(|line| &**line).collect::<Vec<_>>());
}

#[test]
fn a_sidecar_whose_turn_comes_late_still_has_two_seconds() {
    let programs = vec![("proxy", on_term(ends_after(secs(3)))), ("app", on_term(TermResponse::Ignore))];
    let mut bed = bed(programs);
    let pod = bed.pod("p", pod_with_init(vec![sidecar("proxy")], &["app"], RestartPolicy::Always));
    bed.run_until(10);
    bed.timeline();
    bed.write(Command::DeletePod(pod, Some(secs(5))));
    let expected = ["17s p/proxy Error(137)", "17s p/app Error(137)", "17s p Failed", "17s p gone"];
    check(&mut bed, 1000, &expected);
}

#[test]
fn a_pod_with_a_finalizer_stays_after_its_processes() {
    let mut bed = bed(Vec::new());
    let pod = bed.job_pod("p", pod_of(&["app"], RestartPolicy::Never));
    bed.run_until(5);
    bed.timeline();
    bed.write(Command::DeletePod(pod, None));
    check(&mut bed, 100, &["5s p/app Error(143)", "5s p Failed"]);
    bed.write(Command::RemoveFinalizer(pod));
    check(&mut bed, 100, &["1m40s p gone"]);
}
