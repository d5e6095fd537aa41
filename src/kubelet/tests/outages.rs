//! Kubelets that stop, and nodes that shut down.

use super::*;
use crate::kubelet::pressure::CRITICAL;
use crate::model::ids::PodId;
use crate::model::node::{ConditionStatus, NodeReadyReason};
use crate::model::pod_status::PodReason;
use crate::model::scenario::KubeletSettings;

/// A program that ends so long after SIGTERM.
fn ends_after(secs: u64) -> Program {
    let on_term = TermResponse::Exit { after: SimDuration::from_secs(secs), code: 0 };
    Program { on_term, ..Program::default_for(None) }
}

/// A test bed whose nodes shut down within a minute, of which 20 s are for critical pods.
fn patient_bed(programs: Vec<(&str, Program)>) -> Testbed {
    let mut bed = bed(programs);
    let settings = KubeletSettings { shutdown_grace: secs(60), critical_grace: secs(20) };
    bed.kubelet = bed.kubelet.clone().with_settings(settings);
    bed
}

fn reason(bed: &Testbed, pod: PodId) -> Option<PodReason> {
    bed.cluster.pod(pod).and_then(|pod| pod.status.reason.clone())
}

#[test]
fn a_stopped_kubelet_leaves_containers_alone_and_sees_later_what_they_did() {
    let programs = vec![("app", program(vec![run(30), exit(3)])), ("job", program(vec![run(40), exit(0)]))];
    let mut bed = bed(programs);
    bed.pod("p", pod_of(&["app"], RestartPolicy::Always));
    bed.pod("q", pod_of(&["job"], RestartPolicy::Never));
    bed.run_until(10);
    bed.timeline();
    bed.happen(Event::KubeletStopped(bed.node(0)));
    check(&mut bed, 100, &[]);
    assert!(bed.is_quiet());
    let node = &bed.cluster.nodes()[bed.node(0)];
    assert!(!node.signs.is_renewed() && !node.signs.is_machine_off());
    bed.happen(Event::KubeletStarted(bed.node(0)));
    let expected =
        ["1m40s p/app Error(3)", "1m40s p/app Running", "1m40s q/job Completed(0)", "1m40s q Succeeded"];
    check(&mut bed, 101, &expected);
}

#[test]
fn what_is_asked_of_a_stopped_kubelet_is_done_when_it_is_back() {
    let mut bed = bed(vec![("app", ends_after(5))]);
    let deleted = bed.pod("deleted", pod_of(&["app"], RestartPolicy::Always));
    bed.run_until(10);
    bed.happen(Event::KubeletStopped(bed.node(0)));
    bed.run_until(11);
    bed.timeline();
    bed.write(Command::DeletePod(deleted, None));
    bed.pod("new", pod_of(&["app"], RestartPolicy::Always));
    check(&mut bed, 100, &[]);
    bed.happen(Event::KubeletStarted(bed.node(0)));
    let expected = [
        "1m40s new/app Running",
        "1m40s new Running",
        "1m45s deleted/app Completed(0)",
        "1m45s deleted Succeeded",
        "1m45s deleted gone",
    ];
    check(&mut bed, 200, &expected);
}

#[test]
fn a_kubelet_that_is_back_says_that_its_pods_are_ready() {
    let mut bed = bed(Vec::new());
    bed.tell_readiness();
    let pod = bed.pod("p", pod_of(&["app"], RestartPolicy::Always));
    bed.run_until(10);
    bed.happen(Event::KubeletStopped(bed.node(0)));
    bed.run_until(60);
    bed.write(Command::SetPodNotReady(pod));
    bed.timeline();
    bed.happen(Event::KubeletStarted(bed.node(0)));
    check(&mut bed, 100, &["1m p ready"]);
}

#[test]
fn the_kernel_kills_also_while_the_kubelet_is_stopped() {
    let memory = MemoryUse { base: Bytes(100 << 20), growth_per_minute: Bytes(100 << 20) };
    let mut bed = bed(vec![("app", Program { memory: Some(memory), ..Program::default_for(None) })]);
    let mut spec = pod_of(&["app"], RestartPolicy::Never);
    spec.containers[0].limits.amounts.memory = Bytes(200 << 20);
    spec.containers[0].limits.has_memory = true;
    bed.pod("p", spec);
    bed.run_until(10);
    bed.timeline();
    bed.happen(Event::KubeletStopped(bed.node(0)));
    check(&mut bed, 100, &[]);
    bed.happen(Event::KubeletStarted(bed.node(0)));
    check(&mut bed, 101, &["1m40s p/app OOMKilled(137)", "1m40s p Failed"]);
}

#[test]
fn a_node_that_shuts_down_ends_ordinary_pods_first_and_critical_ones_then() {
    let mut bed =
        patient_bed(vec![("slow", ends_after(7)), ("stubborn", ends_after(500)), ("quick", ends_after(1))]);
    let slow = bed.pod("slow", pod_of(&["slow"], RestartPolicy::Always));
    let stubborn = bed.pod("stubborn", pod_of(&["stubborn"], RestartPolicy::Never));
    let critical =
        bed.pod("critical", PodSpec { priority: CRITICAL, ..pod_of(&["quick"], RestartPolicy::Always) });
    bed.run_until(10);
    bed.timeline();
    bed.happen(Event::NodeShutdownBegun(bed.node(0)));
    bed.run_until(12);
    let node = bed.cluster.nodes()[bed.node(0)].ready;
    assert_eq!((node.status, node.reason), (ConditionStatus::False, NodeReadyReason::NodeShutdown));
    let late = bed.pod("late", pod_of(&["slow"], RestartPolicy::Always));
    let expected = [
        "12s late Failed",
        "17s slow Failed",
        "17s slow/slow Completed(0)",
        "40s stubborn Failed",
        "40s stubborn/stubborn Error(137)",
        "41s critical Failed",
        "41s critical/quick Completed(0)",
    ];
    check(&mut bed, 100, &expected);
    assert!([slow, stubborn, critical].iter().all(|pod| reason(&bed, *pod) == Some(PodReason::Terminated)));
    assert_eq!(reason(&bed, late), Some(PodReason::NodeShutdown));
    assert!(bed.cluster.nodes()[bed.node(0)].signs.is_machine_off());
    bed.happen(Event::NodeRecovered(bed.node(0)));
    check(&mut bed, 200, &[]);
}

#[test]
fn a_pod_that_has_not_ended_in_time_goes_down_with_its_machine() {
    let mut bed = bed(vec![("app", ends_after(20))]);
    let settings = KubeletSettings { shutdown_grace: secs(10), critical_grace: secs(10) };
    bed.kubelet = bed.kubelet.clone().with_settings(settings);
    bed.pod("p", pod_of(&["app"], RestartPolicy::Always));
    bed.run_until(10);
    bed.timeline();
    bed.happen(Event::NodeShutdownBegun(bed.node(0)));
    check(&mut bed, 100, &[]);
    bed.happen(Event::NodeRecovered(bed.node(0)));
    check(&mut bed, 200, &["1m40s p/app Unknown(255)", "1m40s p/app Running"]);
}

#[test]
fn without_a_grace_period_a_node_that_shuts_down_is_off_at_once() {
    let mut bed = bed(Vec::new());
    bed.pod("p", pod_of(&["app"], RestartPolicy::Always));
    bed.run_until(10);
    bed.timeline();
    bed.happen(Event::NodeShutdownBegun(bed.node(0)));
    check(&mut bed, 100, &[]);
    let node = &bed.cluster.nodes()[bed.node(0)];
    assert!(node.signs.is_machine_off() && node.ready.status == ConditionStatus::True);
}

#[test]
fn a_kubelet_that_starts_without_an_api_server_waits_for_it() {
    let mut bed = bed(Vec::new());
    bed.pod("p", pod_of(&["app"], RestartPolicy::Always));
    bed.run_until(10);
    bed.happen(Event::NodeFailed(bed.node(0)));
    bed.kubelet.lose_api_server();
    bed.run_until(20);
    bed.timeline();
    bed.happen(Event::NodeRecovered(bed.node(0)));
    check(&mut bed, 100, &[]);
    bed.find_api_server();
    check(&mut bed, 101, &["1m40s p/app Unknown(255)", "1m40s p/app Running"]);
}
