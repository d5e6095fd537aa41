//! The node lifecycle controller, taint eviction and pod garbage collection: what becomes of silent nodes.
//!
//! ```text
//! lease renewed ──stops──▶ silent ──grace──▶ Ready=Unknown, pods not Ready, NoSchedule taint
//!      ▲                                        │ next pass
//!      │                                        ▼
//!      └────── renewed: Ready=True ◀──── NoExecute taint ──tolerationSeconds──▶ pods deleted
//! ```
//!
//! The controller looks at all nodes every 5 s. A pass that would find nothing new is not simulated: the passes
//! that matter follow from the instant when the node fell silent.
//!
//! Deviation: zones, their disruption modes and the eviction rate are not modelled yet; only the rule that a
//! cluster without a single ready node evicts nothing is.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::Cluster;
use crate::component::{Component, Timers, Turn, Watch};
use crate::engine::{EventId, SimDuration, SimTime};
use crate::event::{Change, Command, Event};
use crate::model::ids::{NodeId, ObjectId, PodId};
use crate::model::node::{ConditionStatus, Node, NodeSpec};
use crate::model::pod::Pod;
use crate::model::pod_status::PodReason;
use crate::model::profile::Feature;
use crate::model::record::Severity;
use crate::model::scheduling::{Taint, TaintEffect};

/// How often the controller looks. Source: kube-controller-manager --node-monitor-period.
const PASS: SimDuration = SimDuration::from_secs(5);
/// How often a kubelet renews its lease. Source: Kubernetes 1.28, pkg/kubelet/kubelet.go, a quarter of 40 s.
const RENEWAL: SimDuration = SimDuration::from_secs(10);
/// How often the pod garbage collector looks. Source: Kubernetes 1.28, pkg/controller/podgc/gc_controller.go.
const GC_PERIOD: SimDuration = SimDuration::from_secs(20);
/// How long a missing node must be missing. Source: the same file, quarantineTime.
const QUARANTINE: SimDuration = SimDuration::from_secs(40);
/// How many pods in a terminal phase are kept. Source: kube-controller-manager --terminated-pod-gc-threshold.
const TERMINATED_MAX: usize = 12_500;
/// The taint of nodes that do not answer.
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
const SOURCE: &str = "node-controller";

/// The node lifecycle controller with taint eviction and pod garbage collection.
#[derive(Debug, Clone, Default)]
pub struct NodeLifecycleController {
    evictions: BTreeMap<PodId, (SimTime, EventId)>,
    /// Nodes that are gone, since when: their pods are orphans after the quarantine.
    missing: BTreeMap<NodeId, SimTime>,
    /// Pods in a terminal phase, in the order in which they are collected: evicted ones first, then the oldest.
    terminated: BTreeSet<(GcKey, PodId)>,
    /// The place of each such pod in that order.
    gc_keys: BTreeMap<PodId, GcKey>,
    /// Pods being deleted that have no node, and so no kubelet to end them.
    unscheduled: BTreeSet<PodId>,
    gc_timer: Option<EventId>,
}

/// The order in which pods in a terminal phase are collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct GcKey {
    is_kept_longer: bool,
    created: SimTime,
    serial: u64,
}

impl GcKey {
    fn of(pod: &Pod) -> Self {
        let is_evicted = pod.status.reason == Some(PodReason::Evicted);
        Self { is_kept_longer: !is_evicted, created: pod.meta.created, serial: pod.meta.uid.serial }
    }
}

impl NodeLifecycleController {
    /// A controller that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    fn monitor(&mut self, id: NodeId, turn: &mut Turn<'_>) {
        let Some(node) = turn.cluster().node(id) else { return };
        let (is_renewed, ready) = (node.lease.is_renewed, node.ready.status);
        match (is_renewed, ready) {
            (true, ConditionStatus::Unknown) => self.welcome_back(id, turn),
            (true, ConditionStatus::True | ConditionStatus::False) => {
                set_taints(id, turn, |spec| remove_taint(spec, TaintEffect::NoExecute));
            }
            (false, ConditionStatus::True | ConditionStatus::False) => give_up_on(id, turn),
            (false, ConditionStatus::Unknown) => evict_from(id, turn),
        }
    }

    /// Ready again: the NoSchedule taint goes at once, the NoExecute taint in the next pass.
    fn welcome_back(&mut self, id: NodeId, turn: &mut Turn<'_>) {
        turn.write(Command::SetNodeReady(id, ConditionStatus::True));
        record(id, "NodeReady", turn, |name| format!("Node {name} status is now: NodeReady"));
        set_taints(id, turn, |spec| remove_taint(spec, TaintEffect::NoSchedule));
        turn.set_timer(next_pass(turn.now()), Event::NodeMonitorDue(id));
    }

    /// Sets, moves nearer or cancels the eviction of a pod, by the NoExecute taints of its node.
    ///
    /// An eviction that is under way keeps its time when a later one would follow from a new look.
    /// Source: Kubernetes 1.28, pkg/controller/nodelifecycle/scheduler/taint_manager.go, processPodOnNode.
    fn review(&mut self, id: PodId, watch: &mut Watch<'_>) {
        let due = watch.cluster().pod(id).and_then(|pod| eviction_wait(pod, watch.cluster()));
        let Some(wait) = due else {
            if let Some((_, timer)) = self.evictions.remove(&id) {
                watch.cancel(timer);
            }
            return;
        };
        let at = watch.now() + wait;
        if let Some((planned, timer)) = self.evictions.get(&id).copied() {
            if planned <= at {
                return;
            }
            watch.cancel(timer);
        }
        let timer = watch.set_timer(at, Event::TaintEvictionDue(id));
        self.evictions.insert(id, (at, timer));
    }

    fn evict(&mut self, id: PodId, turn: &mut Turn<'_>) {
        self.evictions.remove(&id);
        let Some(pod) = turn.cluster().pod(id).filter(|pod| !pod.meta.is_terminating()) else { return };
        let message = format!("Marking for deletion Pod {}", pod.meta.full_name());
        turn.record(
            ObjectId::Pod(id),
            Severity::Normal,
            "TaintManagerEviction",
            message,
            "taint-eviction-controller",
        );
        let (reason, text) = ("DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint");
        if turn.context.profile.has(Feature::PodDisruptionConditions) {
            turn.write(Command::SetDisruptionTarget(id, reason.into(), text.into()));
        }
        turn.write(Command::DeletePod(id, None));
    }

    /// Fails and removes the pods of nodes that have been missing for long enough.
    /// Source: Kubernetes 1.28, pkg/controller/podgc/gc_controller.go, gcOrphaned.
    fn collect_orphans(&mut self, turn: &mut Turn<'_>) {
        let now = turn.now();
        let is_over = |since: &SimTime| now.since(*since) >= QUARANTINE;
        let nodes: Vec<NodeId> =
            self.missing.iter().filter(|(_, since)| is_over(since)).map(|(node, _)| *node).collect();
        for node in nodes {
            self.missing.remove(&node);
            let pods: Vec<PodId> = pods_on(node, turn.cluster());
            for pod in pods {
                remove_orphan(pod, turn);
            }
        }
    }

    /// Fails and removes the pods that wait for their deletion without a node: a finalizer holds them.
    /// Source: Kubernetes 1.28, pkg/controller/podgc/gc_controller.go, gcUnscheduledTerminating.
    fn collect_unscheduled(&mut self, turn: &mut Turn<'_>) {
        for pod in std::mem::take(&mut self.unscheduled) {
            if turn.cluster().pod(pod).is_some_and(|pod| !pod.status.phase.is_terminal()) {
                turn.write(Command::FinishPod(pod));
                turn.write(Command::DeletePod(pod, Some(SimDuration::ZERO)));
            }
        }
    }

    /// Removes the pods in a terminal phase that exceed the threshold.
    /// Source: Kubernetes 1.28, pkg/controller/podgc/gc_controller.go, gcTerminated.
    fn collect_terminated(&mut self, turn: &mut Turn<'_>) {
        while self.terminated.len() > TERMINATED_MAX {
            let Some((_, pod)) = self.terminated.pop_first() else { return };
            self.gc_keys.remove(&pod);
            turn.write(Command::DeletePod(pod, Some(SimDuration::ZERO)));
        }
    }

    fn collect(&mut self, turn: &mut Turn<'_>) {
        self.gc_timer = None;
        self.collect_terminated(turn);
        self.collect_orphans(turn);
        self.collect_unscheduled(turn);
        self.await_gc(turn);
    }

    /// Makes the garbage collector look at its next tick, if there is anything to look for.
    fn await_gc(&mut self, timers: &mut impl Timers) {
        let has_work = !self.missing.is_empty()
            || !self.unscheduled.is_empty()
            || self.terminated.len() > TERMINATED_MAX;
        if has_work && self.gc_timer.is_none() {
            let period = GC_PERIOD.as_nanos();
            let next = SimTime::from_nanos((timers.now().as_nanos() / period + 1) * period);
            self.gc_timer = Some(timers.set_timer(next, Event::PodGcDue));
        }
    }

    /// Takes note of a pod that is being deleted.
    fn note_deletion(&mut self, id: PodId, watch: &mut Watch<'_>) {
        self.forget_terminated(id);
        let is_unscheduled =
            |pod: &Pod| pod.node.is_none() && pod.meta.is_terminating() && !pod.status.phase.is_terminal();
        if watch.cluster().pod(id).is_some_and(is_unscheduled) {
            self.unscheduled.insert(id);
            self.await_gc(watch);
        }
    }

    fn note_terminated(&mut self, id: PodId, watch: &mut Watch<'_>) {
        if let Some(pod) = watch.cluster().pod(id).filter(|pod| !pod.meta.is_terminating()) {
            let key = GcKey::of(pod);
            self.terminated.insert((key, id));
            self.gc_keys.insert(id, key);
            self.await_gc(watch);
        }
    }

    fn forget_terminated(&mut self, id: PodId) {
        if let Some(key) = self.gc_keys.remove(&id) {
            self.terminated.remove(&(key, id));
        }
    }
}

impl Component for NodeLifecycleController {
    fn start(&mut self, watch: &mut Watch<'_>) {
        let cluster = watch.cluster();
        for (id, node) in cluster.nodes().iter() {
            if !node.lease.is_renewed || node.ready.status != ConditionStatus::True {
                let at = next_pass(watch.now() + watch.context.profile.node_monitor_grace());
                watch.set_timer(at, Event::NodeMonitorDue(id));
            }
        }
        for (id, pod) in cluster.pods().iter() {
            if let Some(node) = pod.node.filter(|node| cluster.node(*node).is_none()) {
                self.missing.insert(node, watch.now());
            }
            if pod.status.phase.is_terminal() {
                self.note_terminated(id, watch);
            } else {
                self.note_deletion(id, watch);
            }
            self.review(id, watch);
        }
        self.await_gc(watch);
    }

    fn on_event(&mut self, event: Event, turn: &mut Turn<'_>) {
        match event {
            Event::NodeMonitorDue(node) => self.monitor(node, turn),
            Event::TaintEvictionDue(pod) => self.evict(pod, turn),
            Event::PodGcDue => self.collect(turn),
            other => unreachable!("{other:?} belongs to another component"),
        }
    }

    fn on_change(&mut self, change: &Change, watch: &mut Watch<'_>) {
        match change {
            Change::NodeLeaseChanged(id, is_renewed) => {
                let at = if *is_renewed { watch.now() } else { silence_noticed(*id, watch) };
                watch.set_timer(at, Event::NodeMonitorDue(*id));
            }
            Change::NodeChanged(id, what) if what.has_other_taints => {
                for pod in pods_on(*id, watch.cluster()) {
                    self.review(pod, watch);
                }
            }
            Change::PodBound(pod, _) => self.review(*pod, watch),
            Change::PodPhaseChanged(pod, _, to) if to.is_terminal() => self.note_terminated(*pod, watch),
            Change::PodDeletionRequested(pod, _) => self.note_deletion(*pod, watch),
            Change::PodDeleted(pod, _) => {
                if let Some((_, timer)) = self.evictions.remove(pod) {
                    watch.cancel(timer);
                }
                self.forget_terminated(*pod);
                self.unscheduled.remove(pod);
            }
            Change::NodeDeleted(id, _) => {
                self.missing.insert(*id, watch.now());
                self.await_gc(watch);
            }
            _ => {}
        }
    }
}

/// The first pass after `now`.
fn next_pass(now: SimTime) -> SimTime {
    SimTime::from_nanos((now.as_nanos() / PASS.as_nanos() + 1) * PASS.as_nanos())
}

/// The pass that takes a node for lost: the first more than the grace period after the pass that saw its last
/// renewal.
/// Source: Kubernetes 1.28, pkg/controller/nodelifecycle/node_lifecycle_controller.go, tryUpdateNodeHealth.
fn silence_noticed(id: NodeId, watch: &Watch<'_>) -> SimTime {
    let now = watch.now();
    let Some(node) = watch.cluster().node(id) else { return now };
    let since_renewal = now.since(node.meta.created).as_nanos() % RENEWAL.as_nanos();
    let last_renewal = now.as_nanos() - since_renewal;
    let seen = SimTime::from_nanos(last_renewal.div_ceil(PASS.as_nanos()) * PASS.as_nanos());
    next_pass(seen + watch.context.profile.node_monitor_grace())
}

/// The node is taken for lost: Unknown, its pods not Ready, no new pods; in the next pass its pods are given notice.
fn give_up_on(id: NodeId, turn: &mut Turn<'_>) {
    turn.write(Command::SetNodeReady(id, ConditionStatus::Unknown));
    record(id, "NodeNotReady", turn, |name| format!("Node {name} status is now: NodeNotReady"));
    for pod in pods_on(id, turn.cluster()) {
        turn.write(Command::SetPodNotReady(pod));
    }
    set_taints(id, turn, |spec| add_taint(spec, TaintEffect::NoSchedule));
    turn.set_timer_after(PASS, Event::NodeMonitorDue(id));
}

/// Puts the NoExecute taint on a lost node, unless no node at all is ready.
fn evict_from(id: NodeId, turn: &mut Turn<'_>) {
    let is_ready = |node: &Node| node.ready.status == ConditionStatus::True;
    if turn.cluster().nodes().values().any(is_ready) {
        set_taints(id, turn, |spec| add_taint(spec, TaintEffect::NoExecute));
    }
}

fn set_taints(id: NodeId, turn: &mut Turn<'_>, change: impl FnOnce(&mut NodeSpec)) {
    let Some(Node { meta, spec, .. }) = turn.cluster().node(id) else { return };
    let (labels, mut spec) = (meta.labels.clone(), spec.clone());
    change(&mut spec);
    turn.write(Command::UpdateNode(id, labels, Box::new(spec)));
}

fn add_taint(spec: &mut NodeSpec, effect: TaintEffect) {
    let taint = Taint { key: UNREACHABLE.into(), value: "".into(), effect };
    if !spec.taints.contains(&taint) {
        spec.taints.push(taint);
    }
}

fn remove_taint(spec: &mut NodeSpec, effect: TaintEffect) {
    spec.taints.retain(|taint| &*taint.key != UNREACHABLE || taint.effect != effect);
}

/// How long a pod may stay on its node: `None` for ever, zero where a NoExecute taint is not tolerated.
fn eviction_wait(pod: &Pod, cluster: &Cluster) -> Option<SimDuration> {
    let node = cluster.node(pod.node?)?;
    let mut shortest = None;
    for taint in node.spec.taints.iter().filter(|taint| taint.effect == TaintEffect::NoExecute) {
        let used = pod.spec.placement.tolerations.iter().find(|toleration| toleration.tolerates(taint));
        match used.map(|toleration| toleration.seconds) {
            None => return Some(SimDuration::ZERO),
            Some(None) => {}
            Some(Some(seconds)) => {
                shortest = Some(shortest.map_or(seconds, |other: SimDuration| other.min(seconds)));
            }
        }
    }
    shortest
}

/// The pods bound to a node, terminal ones too, in order of creation.
fn pods_on(node: NodeId, cluster: &Cluster) -> Vec<PodId> {
    let mut pods: Vec<(u64, PodId)> = cluster
        .pods()
        .iter()
        .filter(|(_, pod)| pod.node == Some(node))
        .map(|(id, pod)| (pod.meta.uid.serial, id))
        .collect();
    pods.sort_unstable();
    pods.into_iter().map(|(_, id)| id).collect()
}

fn remove_orphan(id: PodId, turn: &mut Turn<'_>) {
    let is_terminal = turn.cluster().pod(id).is_none_or(|pod| pod.status.phase.is_terminal());
    if !is_terminal {
        let (reason, text) = ("DeletionByPodGC", "PodGC: node no longer exists");
        if turn.context.profile.has(Feature::PodDisruptionConditions) {
            turn.write(Command::SetDisruptionTarget(id, reason.into(), text.into()));
        }
        turn.write(Command::FinishPod(id));
    }
    turn.write(Command::DeletePod(id, Some(SimDuration::ZERO)));
}

fn record(id: NodeId, reason: &'static str, turn: &mut Turn<'_>, message: impl FnOnce(&str) -> String) {
    let name = turn.cluster().name_of(ObjectId::Node(id));
    turn.record(ObjectId::Node(id), Severity::Normal, reason, message(&name), SOURCE);
}
