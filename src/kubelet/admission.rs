//! Whether a kubelet takes a pod that was bound to its node.
//!
//! A pod that is refused is Failed at once and for good. Only pods that were accepted before count as users of
//! the node. Deviation: a critical pod does not make room for itself by evicting others.
//! Source: Kubernetes 1.28, pkg/kubelet/lifecycle/predicate.go, Admit and generalFilter, and
//! pkg/scheduler/eventhandlers.go, AdmissionCheck: the first check that fails gives the reason.

use crate::cluster::Cluster;
use crate::kubelet::pressure::CRITICAL;
use crate::model::ids::{NodeId, PodId};
use crate::model::meta::Name;
use crate::model::node::{ConditionStatus, Node, NodeCondition};
use crate::model::pod::{HostPort, Pod, PodSpec, QosClass};
use crate::model::pod_status::PodReason;
use crate::model::resources::Resources;
use crate::model::scheduling::{Taint, TaintEffect};

/// Why a kubelet does not take a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rejection {
    /// In one word.
    pub(super) reason: PodReason,
    /// In upstream's words.
    pub(super) message: String,
}

/// An amount on a node, as the kubelet compares it.
#[derive(Debug, Clone, Copy)]
struct Amount<'a> {
    resource: &'a str,
    requested: i64,
    used: i64,
    capacity: i64,
}

/// Whether the kubelet of a node takes a pod.
pub(super) fn check(cluster: &Cluster, id: PodId, pod: &Pod, node: NodeId) -> Result<(), Rejection> {
    let Some(machine) = cluster.node(node) else { return Ok(()) };
    check_pressure(&pod.spec, machine)?;
    if !everything_fits(cluster, machine, node) {
        check_amounts(cluster, id, pod, machine, node)?;
    }
    if !pod.spec.placement.accepts_node(&machine.meta.labels, &machine.meta.name) {
        return Err(predicate(PodReason::NodeAffinity, "node(s) didn't match Pod's node affinity/selector"));
    }
    check_ports(cluster, id, &pod.spec, node)?;
    check_taints(&pod.spec, machine)
}

/// A node that is short of memory takes no pod that promises nothing about its own, unless that tolerates the taint.
///
/// Source: Kubernetes 1.28, pkg/kubelet/eviction/eviction_manager.go, Admit.
fn check_pressure(spec: &PodSpec, machine: &Node) -> Result<(), Rejection> {
    let condition = NodeCondition::MemoryPressure;
    let (key, value, effect) = (condition.taint().into(), "".into(), TaintEffect::NoSchedule);
    let is_refused = machine.condition(condition) == ConditionStatus::True
        && spec.derived.qos == QosClass::BestEffort
        && spec.priority < CRITICAL
        && !spec.placement.tolerates(&Taint { key, value, effect });
    if is_refused {
        let message = "The node had condition: [MemoryPressure]. ".to_owned();
        return Err(Rejection { reason: PodReason::Evicted, message });
    }
    Ok(())
}

/// Whether even all pods bound to the node fit on it, accepted or not: the usual case, at little cost.
fn everything_fits(cluster: &Cluster, machine: &Node, node: NodeId) -> bool {
    let usage = cluster.usage(node);
    let (asked, offered) = (&usage.requested, &machine.spec.allocatable);
    usage.pods.len() <= machine.spec.max_pods as usize
        && asked.cpu <= offered.cpu
        && asked.memory <= offered.memory
        && asked.ephemeral_storage <= offered.ephemeral_storage
        && asked.extended.iter().all(|(name, amount)| *amount <= offered.extended(name))
}

/// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/noderesources/fit.go, fitsRequest; a resource that
/// the node does not name is not checked (removeMissingExtendedResources).
fn check_amounts(
    cluster: &Cluster,
    id: PodId,
    pod: &Pod,
    machine: &Node,
    node: NodeId,
) -> Result<(), Rejection> {
    let mut used = Resources::default();
    let mut n_pods = 0;
    for (_, other) in accepted(cluster, node, id) {
        used += &other.spec.derived.requests;
        n_pods += 1;
    }
    let max_pods = i64::from(machine.spec.max_pods);
    Amount { resource: "pods", requested: 1, used: n_pods, capacity: max_pods }.check()?;
    let (asked, offered) = (&pod.spec.derived.requests, &machine.spec.allocatable);
    let amount = |resource, requested, used, capacity| Amount { resource, requested, used, capacity };
    amount("cpu", asked.cpu.0, used.cpu.0, offered.cpu.0).check()?;
    amount("memory", asked.memory.0, used.memory.0, offered.memory.0).check()?;
    let [asked_storage, used_storage, offered_storage] =
        [asked, &used, offered].map(|amounts| amounts.ephemeral_storage.0);
    amount("ephemeral-storage", asked_storage, used_storage, offered_storage).check()?;
    for (name, capacity) in &offered.extended {
        amount(name, asked.extended(name), used.extended(name), *capacity).check()?;
    }
    Ok(())
}

impl Amount<'_> {
    fn check(self) -> Result<(), Rejection> {
        let Self { resource, requested, used, capacity } = self;
        if requested == 0 || requested <= capacity - used {
            return Ok(());
        }
        Err(Rejection {
            reason: PodReason::OutOf(Name::from(resource)),
            message: format!(
                "Node didn't have enough resource: {resource}, requested: {requested}, used: {used}, \
                 capacity: {capacity}"
            ),
        })
    }
}

fn check_ports(cluster: &Cluster, id: PodId, spec: &PodSpec, node: NodeId) -> Result<(), Rejection> {
    let wanted = &spec.derived.host_ports;
    let is_taken = |port: &HostPort| wanted.iter().any(|own| own.conflicts_with(port));
    if !wanted.is_empty()
        && accepted(cluster, node, id).any(|(_, other)| other.spec.derived.host_ports.iter().any(is_taken))
    {
        let message = "node(s) didn't have free ports for the requested pod ports";
        return Err(predicate(PodReason::NodePorts, message));
    }
    Ok(())
}

fn check_taints(spec: &PodSpec, machine: &Node) -> Result<(), Rejection> {
    let mut taints = machine.spec.taints.iter().filter(|taint| taint.effect == TaintEffect::NoExecute);
    if taints.any(|taint| !spec.placement.tolerates(taint)) {
        let message = "node(s) had taints that the pod didn't tolerate";
        return Err(predicate(PodReason::TaintToleration, message));
    }
    Ok(())
}

/// The other pods that the kubelet of a node has accepted and that have not ended.
fn accepted(cluster: &Cluster, node: NodeId, except: PodId) -> impl Iterator<Item = (PodId, &Pod)> {
    let others = cluster.usage(node).pods.iter().filter(move |id| **id != except);
    others.filter_map(|id| Some((*id, cluster.pod(*id)?))).filter(|(_, pod)| pod.status.start_time.is_some())
}

fn predicate(reason: PodReason, description: &str) -> Rejection {
    Rejection { message: format!("Predicate {reason} failed: {description}"), reason }
}
