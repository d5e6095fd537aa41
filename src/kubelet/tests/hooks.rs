//! Lifecycle hooks: what waits for them, and what comes of their failure.

use super::*;
use crate::model::probe::{HookAction, Lifecycle};
use crate::model::program::{HookRun, Hooks};

const fn takes(takes: u64) -> HookRun {
    HookRun { takes: secs(takes), fails: false }
}

const fn fails_after(takes: u64) -> HookRun {
    HookRun { takes: secs(takes), fails: true }
}

/// A pod `p` with the containers `app`, which has these hooks, and `other`.
fn hooked(lifecycle: Lifecycle) -> PodSpec {
    let app = Container { lifecycle, ..container("app", "app") };
    pod_spec(vec![app, container("other", "other")])
}

fn post_start(action: HookAction) -> Lifecycle {
    Lifecycle { post_start: Some(action), pre_stop: None }
}

fn pre_stop(action: HookAction) -> Lifecycle {
    Lifecycle { post_start: None, pre_stop: Some(action) }
}

fn app(hooks: Hooks, on_term: TermResponse) -> Vec<(&'static str, Program)> {
    let app = Program { hooks, on_term, ..program(vec![run(2), listen(80), Step::RunForever]) };
    vec![("app", app), ("other", Program::default_for(None))]
}

const AT_ONCE: TermResponse = TermResponse::Exit { after: SimDuration::ZERO, code: 143 };

#[test]
fn the_next_container_waits_for_the_hook_after_a_start() {
    let hooks = Hooks { post_start: takes(5), ..Hooks::default() };
    let mut bed = bed(app(hooks, AT_ONCE));
    bed.pod("p", hooked(post_start(HookAction::Exec)));
    check(&mut bed, 100, &["5s p/other Running", "5s p Running"]);
    assert!(bed.is_quiet());
}

#[test]
fn a_hook_that_fails_after_a_start_ends_the_container() {
    let hooks = Hooks { post_start: fails_after(5), ..Hooks::default() };
    let mut bed = bed(app(hooks, AT_ONCE));
    let pod = bed.pod("p", hooked(post_start(HookAction::Exec)));
    bed.run_until(12);
    let records = bed.records();
    for record in ["FailedPostStartHook: PostStartHook failed", "Killing: FailedPostStartHook"] {
        assert!(records.iter().any(|other| other == record), "{record} in {records:?}");
    }
    let status = bed.cluster.pod(pod).unwrap().status.clone();
    assert_eq!(status.containers[0].last_termination.map(|end| end.exit_code), Some(143));
    bed.run_until(100);
    let restarts = bed.cluster.pod(pod).unwrap().status.containers[0].restart_count;
    assert_eq!(restarts, 4, "after 5, 20, 45 and 90 s");
}

#[test]
fn the_hook_before_sigterm_runs_within_the_grace_period() {
    #[track_caller]
    fn check_end(action: HookAction, hook: HookRun, on_term: TermResponse, grace: u64, end: &str) -> Testbed {
        let mut bed = bed(app(Hooks { pre_stop: hook, ..Hooks::default() }, on_term));
        let pod = bed.pod("p", hooked(pre_stop(action)));
        bed.run_until(10);
        bed.write(Command::DeletePod(pod, Some(secs(grace))));
        bed.timeline();
        bed.run_until(100);
        assert_eq!(bed.timeline()[0], end);
        bed
    }
    use HookAction::{Exec, HttpGet, Sleep};
    let ignore = || TermResponse::Ignore;
    check_end(Exec, takes(5), AT_ONCE, 30, "15s p/app Error(143)");
    check_end(Exec, takes(5), ignore(), 30, "40s p/app Error(137)");
    check_end(Exec, takes(29), ignore(), 30, "41s p/app Error(137)");
    check_end(Exec, takes(50), ignore(), 30, "42s p/app Error(137)");
    check_end(Sleep(secs(7)), takes(5), AT_ONCE, 30, "17s p/app Error(143)");
    check_end(HttpGet(Some(80)), takes(3), AT_ONCE, 30, "13s p/app Error(143)");
    let mut refused = check_end(HttpGet(Some(81)), takes(3), AT_ONCE, 30, "10s p/app Error(143)");
    assert!(refused.records().contains(&"FailedPreStopHook: PreStopHook failed".to_owned()));
    let mut failed = check_end(Exec, fails_after(4), AT_ONCE, 30, "14s p/app Error(143)");
    assert!(failed.records().contains(&"FailedPreStopHook: PreStopHook failed".to_owned()));
}

#[test]
fn a_hook_ends_with_its_process() {
    let hooks = Hooks { post_start: takes(60), pre_stop: takes(60) };
    let short = Program { hooks, ..program(vec![run(3), exit(0)]) };
    let mut bed = bed(vec![("app", short)]);
    let both = Lifecycle { post_start: Some(HookAction::Exec), pre_stop: Some(HookAction::Exec) };
    let spec = PodSpec {
        restart_policy: RestartPolicy::Never,
        ..pod_spec(vec![Container { lifecycle: both, ..container("app", "app") }])
    };
    bed.pod("p", spec);
    check(&mut bed, 100, &["3s p Running", "3s p/app Completed(0)", "3s p Succeeded"]);
    assert!(bed.is_quiet());
}
