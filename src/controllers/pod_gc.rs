//! The pod garbage collector: removes pods that nobody else will.
//!
//! Every 20 s, in this order: pods in a terminal phase beyond a threshold; pods being deleted on nodes that are out of
//! service; pods of nodes that have been gone for 40 s; pods being deleted that were never bound. Only passes with
//! something to look at are simulated.
//! Source: Kubernetes 1.28, pkg/controller/podgc/gc_controller.go.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::Cluster;
use crate::component::{Component, Timers, Turn, Watch};
use crate::controllers::ticks::Ticks;
use crate::engine::{SimDuration, SimTime};
use crate::event::{Change, Command, Event};
use crate::model::ids::{NodeId, ObjectId, PodId};
use crate::model::meta::Name;
use crate::model::node::{ConditionStatus, Node, TAINT_OUT_OF_SERVICE};
use crate::model::pod::Pod;
use crate::model::pod_status::PodReason;
use crate::model::profile::Feature;

/// The settings of the controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PodGcConfig {
    /// From the start of the controller to its first pass.
    pub offset: SimDuration,
    /// How often the controller looks. Source: as for the module, gcCheckPeriod.
    pub period: SimDuration,
    /// How long a missing node must be missing. Source: as for the module, quarantineTime.
    pub quarantine: SimDuration,
    /// How many pods in a terminal phase are kept; 0 keeps all.
    /// Source: kube-controller-manager --terminated-pod-gc-threshold.
    pub terminated_max: usize,
}

impl PodGcConfig {
    /// The defaults.
    pub const DEFAULT: Self = Self {
        offset: SimDuration::ZERO,
        period: SimDuration::from_secs(20),
        quarantine: SimDuration::from_secs(40),
        terminated_max: 12_500,
    };
}

/// The pod garbage collector.
#[derive(Debug, Clone)]
pub struct PodGcController {
    config: PodGcConfig,
    passes: Ticks,
    last_pass: Option<SimTime>,
    timer: Option<SimTime>,
    /// Nodes that are not there though pods are bound to them, by the pass that missed them first.
    missing: BTreeMap<MissingNode, SimTime>,
    /// Pods in a terminal phase, in the order in which they are removed.
    terminated: BTreeSet<(TerminatedKey, PodId)>,
    /// The place of each such pod in that order.
    keys: BTreeMap<PodId, TerminatedKey>,
    /// Pods being deleted that have no node, and so no kubelet to end them.
    unscheduled: BTreeSet<PodId>,
}

/// A node that pods are bound to and that is not there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum MissingNode {
    /// It was there.
    Gone(NodeId),
    /// It has never been there: specs of pods name it.
    Unknown(Name),
}

/// The order in which pods in a terminal phase are removed: evicted ones first, then by age, then by name.
/// Source: as for the module, byEvictionAndCreationTimestamp.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TerminatedKey {
    is_kept_longer: bool,
    created: SimTime,
    name: Name,
}

impl TerminatedKey {
    /// The place of a pod.
    pub fn of(pod: &Pod) -> Self {
        let is_evicted = pod.status.reason == Some(PodReason::Evicted);
        let created = pod.meta.created.truncated_to_secs();
        Self { is_kept_longer: !is_evicted, created, name: pod.meta.name.clone() }
    }
}

/// Whether a user has said of a node that is not Ready that it will not come back.
/// Source: as for the module, gcTerminating. Any effect of the taint does.
pub fn is_out_of_service(node: &Node) -> bool {
    let is_meant = |taint: &crate::model::scheduling::Taint| &*taint.key == TAINT_OUT_OF_SERVICE;
    node.ready.status != ConditionStatus::True && node.spec.taints.iter().any(is_meant)
}

impl PodGcController {
    /// A controller that has seen nothing.
    pub fn new() -> Self {
        Self::with_config(PodGcConfig::DEFAULT)
    }

    /// The same with other settings.
    pub fn with_config(config: PodGcConfig) -> Self {
        Self {
            config,
            passes: Ticks { first: SimTime::ZERO + config.offset, period: config.period },
            last_pass: None,
            timer: None,
            missing: BTreeMap::new(),
            terminated: BTreeSet::new(),
            keys: BTreeMap::new(),
            unscheduled: BTreeSet::new(),
        }
    }

    fn collect(&mut self, turn: &mut Turn<'_>) {
        let now = turn.now();
        if self.timer.take_if(|due| *due <= now).is_none() {
            return;
        }
        self.last_pass = Some(now);
        let mut n_removed = self.collect_terminated(turn);
        n_removed += collect_out_of_service(turn);
        n_removed += self.collect_orphans(turn);
        n_removed += self.collect_unscheduled(turn);
        if n_removed > 0 || !self.missing.is_empty() {
            self.await_pass(turn);
        }
    }

    /// Removes the pods in a terminal phase that exceed the threshold; those that a finalizer holds count each time.
    /// Source: as for the module, gcTerminated. Returns how many have gone.
    fn collect_terminated(&mut self, turn: &mut Turn<'_>) -> usize {
        let n_pods = self.terminated.len();
        let n_surplus = n_pods.saturating_sub(self.config.terminated_max);
        if self.config.terminated_max == 0 {
            return 0;
        }
        let surplus: Vec<PodId> = self.terminated.iter().take(n_surplus).map(|(_, pod)| *pod).collect();
        for pod in surplus {
            turn.write(Command::DeletePod(pod, Some(SimDuration::ZERO)));
            if turn.cluster().pod(pod).is_none() {
                self.forget(pod);
            }
        }
        n_pods - self.terminated.len()
    }

    /// Fails and removes the pods of nodes that have been missing for long enough.
    /// Source: as for the module, gcOrphaned.
    fn collect_orphans(&mut self, turn: &mut Turn<'_>) -> usize {
        let (now, cluster) = (turn.now(), turn.cluster());
        self.missing.retain(|node, _| !node.pods(cluster).is_empty() && !node.is_there(cluster));
        let is_over = |since: &SimTime| now.since(*since) >= self.config.quarantine;
        let over: Vec<MissingNode> =
            self.missing.iter().filter(|(_, since)| is_over(since)).map(|(node, _)| node.clone()).collect();
        let pods: Vec<PodId> = over.iter().flat_map(|node| node.pods(cluster)).collect();
        for pod in &pods {
            let has_ended = turn.cluster().pods()[*pod].status.phase.is_terminal();
            if !has_ended && turn.context.profile.has(Feature::PodDisruptionConditions) {
                let (reason, text) = ("DeletionByPodGC", "PodGC: node no longer exists");
                turn.write(Command::SetDisruptionTarget(*pod, reason.into(), text.into()));
            }
            fail_and_delete(*pod, turn);
        }
        for node in over {
            self.missing.remove(&node);
        }
        pods.len()
    }

    /// Fails and removes the pods that wait for their deletion without a node: a finalizer holds them.
    /// Source: as for the module, gcUnscheduledTerminating.
    fn collect_unscheduled(&mut self, turn: &mut Turn<'_>) -> usize {
        let pods = std::mem::take(&mut self.unscheduled);
        let alive = pods.into_iter().filter(|pod| turn.cluster().pod(*pod).is_some()).collect::<Vec<_>>();
        alive.iter().for_each(|pod| fail_and_delete(*pod, turn));
        alive.len()
    }

    /// Has the next pass take place that can still see the present instant.
    fn await_pass(&mut self, timers: &mut impl Timers) {
        if self.timer.is_some() {
            return;
        }
        let at = self.seeing_pass(timers.now());
        timers.set_timer(at, Event::PodGcDue);
        self.timer = Some(at);
    }

    /// The pass that will see something that is so now.
    fn seeing_pass(&self, now: SimTime) -> SimTime {
        let next = self.passes.at_or_after(now);
        if self.last_pass == Some(next) { self.passes.after(now) } else { next }
    }

    fn miss(&mut self, node: MissingNode, watch: &mut Watch<'_>) {
        let first = self.seeing_pass(watch.now());
        if !node.pods(watch.cluster()).is_empty() {
            self.missing.entry(node).or_insert(first);
            self.await_pass(watch);
        }
    }

    /// Takes note of a pod that is bound to no node that is there.
    fn note_orphan(&mut self, pod: &Pod, watch: &mut Watch<'_>) {
        let cluster = watch.cluster();
        match (pod.node, &pod.spec.node_name) {
            (Some(node), _) if cluster.node(node).is_none() => self.miss(MissingNode::Gone(node), watch),
            (None, Some(name)) => self.miss(MissingNode::Unknown(name.clone()), watch),
            (Some(_), _) | (None, None) => {}
        }
    }

    /// Takes note of a pod that is being deleted.
    fn note_deletion(&mut self, id: PodId, pod: &Pod, watch: &mut Watch<'_>) {
        let cluster = watch.cluster();
        let is_out = |node: NodeId| cluster.node(node).is_some_and(is_out_of_service);
        match pod.node {
            None if !pod.status.phase.is_terminal() && pod.spec.node_name.is_none() => {
                self.unscheduled.insert(id);
                self.await_pass(watch);
            }
            Some(node) if is_out(node) => self.await_pass(watch),
            None | Some(_) => {}
        }
    }

    fn note_terminated(&mut self, id: PodId, pod: &Pod, watch: &mut Watch<'_>) {
        let key = TerminatedKey::of(pod);
        self.terminated.insert((key.clone(), id));
        self.keys.insert(id, key);
        let max = self.config.terminated_max;
        if max > 0 && self.terminated.len() > max {
            self.await_pass(watch);
        }
    }

    fn note(&mut self, id: PodId, watch: &mut Watch<'_>) {
        let Some(pod) = watch.cluster().pod(id) else { return };
        if pod.status.phase.is_terminal() && !self.keys.contains_key(&id) {
            self.note_terminated(id, pod, watch);
        }
        if pod.meta.is_terminating() {
            self.note_deletion(id, pod, watch);
        }
        self.note_orphan(pod, watch);
    }

    /// Takes note of a node that may be out of service now.
    fn note_node(&mut self, id: NodeId, watch: &mut Watch<'_>) {
        if watch.cluster().node(id).is_some_and(is_out_of_service) {
            self.await_pass(watch);
        }
    }

    fn forget(&mut self, id: PodId) {
        if let Some(key) = self.keys.remove(&id) {
            self.terminated.remove(&(key, id));
        }
        self.unscheduled.remove(&id);
    }
}

impl Default for PodGcController {
    fn default() -> Self {
        Self::new()
    }
}

impl MissingNode {
    fn is_there(&self, cluster: &Cluster) -> bool {
        match self {
            Self::Gone(_) => false,
            Self::Unknown(name) => cluster.find_node(name).is_some(),
        }
    }

    /// The pods that are bound to it, in order of creation.
    fn pods(&self, cluster: &Cluster) -> Vec<PodId> {
        match self {
            Self::Gone(id) => cluster.pods_on(*id),
            Self::Unknown(name) => cluster.pods_waiting_for(name),
        }
    }
}

impl Component for PodGcController {
    fn start(&mut self, watch: &mut Watch<'_>) {
        self.passes.first = watch.now() + self.config.offset;
        let cluster = watch.cluster();
        cluster.pods().ids().for_each(|id| self.note(id, watch));
        cluster.nodes().ids().for_each(|id| self.note_node(id, watch));
    }

    fn on_event(&mut self, event: Event, turn: &mut Turn<'_>) {
        match event {
            Event::PodGcDue => self.collect(turn),
            other => unreachable!("{other:?} belongs to another component"),
        }
    }

    fn on_change(&mut self, change: &Change, watch: &mut Watch<'_>) {
        match change {
            Change::Created(ObjectId::Pod(pod)) | Change::PodDeletionRequested(pod, _) => {
                self.note(*pod, watch)
            }
            Change::PodPhaseChanged(pod, _, to) if to.is_terminal() => self.note(*pod, watch),
            Change::PodDeleted(pod, _) => self.forget(*pod),
            Change::NodeDeleted(id, _) => self.miss(MissingNode::Gone(*id), watch),
            Change::NodeReadyChanged(id, _) | Change::NodeChanged(id, _) => self.note_node(*id, watch),
            _ => {}
        }
    }
}

/// Fails and removes the pods that are being deleted on nodes that are out of service.
/// Source: as for the module, gcTerminating.
fn collect_out_of_service(turn: &mut Turn<'_>) -> usize {
    let cluster = turn.cluster();
    let nodes = cluster.nodes().iter().filter(|(_, node)| is_out_of_service(node)).map(|(id, _)| id);
    let pods = nodes.flat_map(|node| cluster.pods_on(node));
    let pods: Vec<PodId> = pods.filter(|pod| cluster.pods()[*pod].meta.is_terminating()).collect();
    pods.iter().for_each(|pod| fail_and_delete(*pod, turn));
    pods.len()
}

/// Source: as for the module, markFailedAndDeletePodWithCondition.
fn fail_and_delete(id: PodId, turn: &mut Turn<'_>) {
    turn.write(Command::AbandonPod(id));
    turn.write(Command::DeletePod(id, Some(SimDuration::ZERO)));
}
