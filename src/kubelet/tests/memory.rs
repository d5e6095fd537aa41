//! The memory of a whole node: whom the kernel kills, whom the kubelet evicts, and what is said of it.

use super::*;
use crate::model::node::{ConditionStatus, NodeCondition};
use crate::model::pod::ContainerResources;
use crate::model::pod_status::PodReason;
use crate::model::resources::Resources;

const MIB: i64 = 1 << 20;

/// A server that uses so much memory [MiB, MiB per minute]. A node has 8192 MiB.
fn uses(base: i64, growth: i64) -> Program {
    let memory = MemoryUse { base: Bytes(base * MIB), growth_per_minute: Bytes(growth * MIB) };
    Program { memory: Some(memory), ..Program::default_for(None) }
}

/// A pod of one container that requests so much memory [MiB].
fn requesting(image: &str, requested: i64) -> PodSpec {
    let amounts = Resources { memory: Bytes(requested * MIB), ..Resources::default() };
    let requests = ContainerResources { amounts, has_memory: true, ..ContainerResources::default() };
    pod_spec(vec![Container { requests, ..container("app", image) }])
}

fn condition(bed: &Testbed) -> ConditionStatus {
    bed.cluster.node(bed.node(0)).unwrap().condition(NodeCondition::MemoryPressure)
}

#[test]
fn a_pod_is_evicted_at_the_first_look_after_memory_has_run_short() {
    let mut bed = bed(vec![("leak", uses(4092, 100)), ("calm", uses(0, 0))]);
    let leak = bed.pod("leak", requesting("leak", 100));
    bed.pod("calm", requesting("calm", 100));
    bed.run_until(2400);
    bed.timeline();
    check(&mut bed, 3600, &["40m10s leak Failed", "40m10s leak/app Error(143)"]);
    let status = bed.cluster.pod(leak).unwrap().status.clone();
    assert_eq!(status.reason, Some(PodReason::Evicted));
    let message = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 85333Ki. Container app \
                   was using 8303274Ki, request is 100Mi, has larger consumption of memory. ";
    assert_eq!(status.message.as_deref(), Some(message));
    let target = status.conditions.disruption_target.unwrap();
    assert_eq!(target.reason.as_deref(), Some("TerminationByKubelet"));
    assert!(bed.is_quiet());
}

#[test]
fn the_condition_holds_for_five_minutes_more_and_keeps_best_effort_pods_away() {
    let mut bed = bed(vec![("leak", uses(8000, 600)), ("calm", uses(0, 0))]);
    bed.pod("leak", requesting("leak", 100));
    bed.run_until(9);
    assert_eq!(condition(&bed), ConditionStatus::False);
    bed.run_until(10);
    assert_eq!(condition(&bed), ConditionStatus::True);
    let refused = bed.pod("refused", pod_of(&["calm"], RestartPolicy::Always));
    let taken = bed.pod("taken", requesting("calm", 1));
    bed.run_until(11);
    let phase = |bed: &Testbed, pod| bed.cluster.pod(pod).unwrap().status.phase;
    assert_eq!((phase(&bed, refused), phase(&bed, taken)), (Phase::Failed, Phase::Running));
    bed.run_until(309);
    assert_eq!(condition(&bed), ConditionStatus::True);
    bed.run_until(310);
    assert_eq!(condition(&bed), ConditionStatus::False);
    assert!(bed.is_quiet());
}

#[test]
fn one_pod_after_another_is_evicted_until_there_is_enough() {
    let mut bed = bed(vec![("big", uses(7500, 0)), ("small", uses(20, 0)), ("middle", uses(630, 0))]);
    bed.pod("kept", requesting("big", 7500));
    bed.pod("second", requesting("middle", 0));
    bed.pod("first", PodSpec { priority: -10, ..requesting("small", 0) });
    bed.run_until(9);
    bed.timeline();
    let expected =
        ["10s first Failed", "10s first/app Error(143)", "10s second Failed", "10s second/app Error(143)"];
    check(&mut bed, 1000, &expected);
    assert!(bed.is_quiet());
}

#[test]
fn the_kernel_kills_before_the_kubelet_looks_where_memory_grows_fast() {
    let mut bed = bed(vec![("leak", uses(4000, 6000)), ("calm", uses(4000, 0))]);
    bed.pod("leak", requesting("leak", 100));
    bed.pod("calm", requesting("calm", 4000));
    bed.run_until(0);
    bed.timeline();
    bed.run_until(3);
    let first = &bed.timeline()[0];
    assert!(first.starts_with("1.92") && first.ends_with(" leak/app OOMKilled(137)"), "{first}");
    assert!(bed.records().contains(&"SystemOOM: System OOM encountered, victim process: app".to_owned()));
}

#[test]
fn what_fits_has_no_events() {
    let mut bed = bed(vec![("calm", uses(1000, 0))]);
    bed.pod("p", requesting("calm", 100));
    bed.run_until(1_000_000);
    assert!(bed.is_quiet() && bed.n_events() < 5);
}
