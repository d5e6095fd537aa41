//! The node lifecycle controller: what becomes of nodes whose kubelet is silent or says that it is not ready.
//!
//! ```text
//! signs of life ──stop──▶ silent ──grace──▶ Ready=Unknown, pods not Ready, NoSchedule taint
//!      ▲                                        │ next pass
//!      │                                        ▼
//!      │                    queue of the zone ──rate──▶ NoExecute taint (taint eviction goes on from here)
//!      └── kubelet reports Ready=True ◀─────────────────────────┘
//! ```
//!
//! Every 5 s the controller looks at all nodes. A pass that would find nothing new is not simulated: the passes that
//! matter follow by arithmetic from the instants at which signs of life stopped, so an idle cluster has no events.
//! The decisions are in [`health`], [`taints`], [`zones`] and [`taint_queue`].
//! Source: Kubernetes 1.28, pkg/controller/nodelifecycle/node_lifecycle_controller.go.
//!
//! Deviation: nodes that are there and well when the run begins are not announced as registered.

pub mod health;
pub mod taint_queue;
pub mod taints;
pub mod zones;

use std::collections::BTreeMap;

use crate::cluster::Cluster;
use crate::component::{Component, Context, Timers, Turn, Watch};
use crate::controllers::node_lifecycle::taint_queue::{Rate, TaintQueue};
use crate::controllers::node_lifecycle::zones::{Census, EvictionLimits, Verdict, Zone, ZoneState};
use crate::controllers::ticks::Ticks;
use crate::engine::{SimDuration, SimTime};
use crate::event::{Change, Command, Event, EventId};
use crate::model::ids::{NodeId, ObjectId, PodId};
use crate::model::meta::Name;
use crate::model::node::{
    ConditionStatus, Node, NodeCondition, NodeReady, NodeReadyReason, TAINT_NOT_READY, TAINT_UNREACHABLE,
};
use crate::model::record::Severity;
use crate::model::scheduling::{Taint, TaintEffect};

const SOURCE: &str = "node-controller";
/// How often the queues of NoExecute taints are tried. Source: scheduler/rate_limited_queue.go, NodeEvictionPeriod.
const TAINTING_PERIOD: SimDuration = SimDuration::from_millis(100);

/// The settings of the controller.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NodeLifecycleConfig {
    /// `--node-monitor-period`
    pub monitor_period: SimDuration,
    /// `--node-monitor-grace-period`; `None` takes that of the version.
    pub monitor_grace: Option<SimDuration>,
    /// `--node-startup-grace-period`
    pub startup_grace: SimDuration,
    /// How fast pods are evicted from zones.
    pub limits: EvictionLimits,
}

impl NodeLifecycleConfig {
    /// The defaults. Source: Kubernetes 1.28, kube-controller-manager, NodeLifecycleControllerConfiguration.
    pub const DEFAULT: Self = Self {
        monitor_period: SimDuration::from_secs(5),
        monitor_grace: None,
        startup_grace: SimDuration::from_secs(60),
        limits: EvictionLimits::DEFAULT,
    };
}

/// The node lifecycle controller.
#[derive(Debug, Clone)]
pub struct NodeLifecycleController {
    config: NodeLifecycleConfig,
    passes: Ticks,
    last_pass: Option<SimTime>,
    pass_timer: Option<(SimTime, EventId)>,
    tainting_timer: Option<(SimTime, EventId)>,
    nodes: BTreeMap<NodeId, KnownNode>,
    /// What was seen before this instant counts as seen at it.
    floor: SimTime,
    states: BTreeMap<Zone, ZoneState>,
    queues: BTreeMap<Zone, TaintQueue<NodeId>>,
}

/// What the controller remembers of a node.
#[derive(Debug, Clone)]
struct KnownNode {
    name: Name,
    first_seen: SimTime,
    /// The condition Ready as the last pass left it.
    ready: ConditionStatus,
}

impl NodeLifecycleController {
    /// A controller that has seen nothing.
    pub fn new() -> Self {
        Self::with_config(NodeLifecycleConfig::DEFAULT)
    }

    /// The same with other settings.
    pub fn with_config(config: NodeLifecycleConfig) -> Self {
        Self {
            config,
            passes: Ticks { first: SimTime::ZERO, period: config.monitor_period },
            last_pass: None,
            pass_timer: None,
            tainting_timer: None,
            nodes: BTreeMap::new(),
            floor: SimTime::ZERO,
            states: BTreeMap::new(),
            queues: BTreeMap::new(),
        }
    }

    /// The zones, how much of each is lost, and how fast pods are evicted from it.
    pub fn zones(&self) -> impl Iterator<Item = (&Zone, ZoneState, Rate)> {
        self.states.iter().map(|(zone, state)| {
            let rate = self.queues.get(zone).map_or(self.config.limits.rate, TaintQueue::rate);
            (zone, *state, rate)
        })
    }

    /// How long a node in this condition may be silent.
    fn grace(&self, ready: NodeReady, context: &Context) -> SimDuration {
        if ready.reason == NodeReadyReason::NotReported {
            self.config.startup_grace
        } else {
            self.config.monitor_grace.unwrap_or_else(|| context.profile.node_monitor_grace())
        }
    }

    /// One pass over all nodes, unless the timer is one of an earlier life of the controller's process.
    fn monitor(&mut self, turn: &mut Turn<'_>) {
        let now = turn.now();
        if self.pass_timer.take_if(|(due, _)| *due <= now).is_none() {
            return;
        }
        self.last_pass = Some(now);
        let mut has_acted = self.welcome(turn);
        for id in self.unusual_nodes(turn) {
            has_acted |= self.look_at(id, turn);
        }
        has_acted |= self.judge_zones(turn);
        self.plan_pass(has_acted, turn);
        self.plan_tainting(turn);
    }

    /// Takes up nodes that are new and forgets those that are gone. Whether there were any.
    fn welcome(&mut self, turn: &mut Turn<'_>) -> bool {
        let is_new = |id: &NodeId| !self.nodes.contains_key(id);
        let new = in_order(turn.cluster().nodes().ids().filter(is_new), turn.cluster());
        for id in &new {
            let node = &turn.cluster().nodes()[*id];
            let (name, labels, ready) = (node.meta.name.clone(), node.meta.labels.clone(), node.ready.status);
            let message = format!("Node {name} event: Registered Node {name} in Controller");
            record(*id, "RegisteredNode", message, turn);
            self.nodes.insert(*id, KnownNode { name, first_seen: turn.now(), ready });
            self.meet_zone(Zone::of(&labels));
            self.take_as_reachable(*id, turn);
        }
        let is_gone = |id: &NodeId| turn.cluster().node(*id).is_none();
        let gone: Vec<NodeId> = self.nodes.keys().copied().filter(is_gone).collect();
        for id in &gone {
            let Some(KnownNode { name, .. }) = self.nodes.remove(id) else { continue };
            let message = format!("Node {name} event: Removing Node {name} from Controller");
            record(*id, "RemovingNode", message, turn);
        }
        !new.is_empty() || !gone.is_empty()
    }

    fn meet_zone(&mut self, zone: Zone) {
        if !self.states.contains_key(&zone) {
            self.states.insert(zone.clone(), ZoneState::Initial);
            self.queues.insert(zone, TaintQueue::new(self.config.limits.rate));
        }
    }

    fn queue_of(&mut self, node: &Node) -> &mut TaintQueue<NodeId> {
        let zone = Zone::of(&node.meta.labels);
        self.meet_zone(zone.clone());
        self.queues.entry(zone).or_insert_with(|| TaintQueue::new(self.config.limits.rate))
    }

    /// The nodes that a pass may have to do something about, in order of creation.
    fn unusual_nodes(&self, turn: &Turn<'_>) -> Vec<NodeId> {
        let (cluster, now) = (turn.cluster(), turn.now());
        let is_unusual = |(id, node): &(NodeId, &Node)| {
            node.ready.status != ConditionStatus::True
                || self.nodes.get(id).is_none_or(|known| known.ready != ConditionStatus::True)
                || !health::comes_often(&node.signs, self.grace(node.ready, turn.context), self.passes, now)
                || taints::is_evicting(&node.spec.taints)
        };
        in_order(cluster.nodes().iter().filter(is_unusual).map(|(id, _)| id), cluster)
    }

    /// The part of a pass that is about one node. Whether anything came of it.
    fn look_at(&mut self, id: NodeId, turn: &mut Turn<'_>) -> bool {
        let Some(node) = turn.cluster().node(id) else { return false };
        let (observed, taints) = (node.ready, node.spec.taints.clone());
        let now = turn.now();
        let is_overdue =
            health::is_overdue(self.seen(id, node, now), self.grace(observed, turn.context), now);
        let is_missed = is_overdue
            && (observed.status != ConditionStatus::Unknown
                || observed.reason == NodeReadyReason::NotReported);
        if is_missed {
            let reason = match observed.reason {
                NodeReadyReason::NotReported => NodeReadyReason::NodeStatusNeverUpdated,
                _ => NodeReadyReason::NodeStatusUnknown,
            };
            for condition in NodeCondition::OF_KUBELET {
                turn.write(Command::SetNodeCondition(id, condition, ConditionStatus::Unknown));
            }
            turn.write(Command::SetNodeReady(id, ConditionStatus::Unknown, reason));
        }
        let current = turn.cluster().nodes()[id].ready;
        let known = self.nodes.get_mut(&id).expect("a node is known before it is looked at");
        let has_acted = std::mem::replace(&mut known.ready, current.status) != current.status || is_missed;
        if current.reason == NodeReadyReason::NotReported {
            return has_acted;
        }
        let has_tainted = match observed.status {
            ConditionStatus::True => self.take_as_reachable(id, turn),
            ConditionStatus::False => self.give_notice(id, &taints, TAINT_NOT_READY, turn),
            ConditionStatus::Unknown => self.give_notice(id, &taints, TAINT_UNREACHABLE, turn),
        };
        if observed.status == ConditionStatus::True && current.status != ConditionStatus::True {
            let name = turn.cluster().name_of(ObjectId::Node(id));
            record(id, "NodeNotReady", format!("Node {name} status is now: NodeNotReady"), turn);
            for pod in turn.cluster().pods_on(id) {
                mark_not_ready(pod, turn);
            }
        }
        has_acted || has_tainted
    }

    fn seen(&self, id: NodeId, node: &Node, now: SimTime) -> SimTime {
        let first = match node.ready.reason {
            NodeReadyReason::NotReported => node.meta.created,
            _ => self.nodes.get(&id).map_or(self.floor, |known| known.first_seen),
        };
        health::seen(&node.signs, first.max(self.floor), self.passes, now)
    }

    /// Takes the NoExecute taints off a node, and the node out of the queue. Whether it had a taint.
    /// Source: as for the module, markNodeAsReachable.
    fn take_as_reachable(&mut self, id: NodeId, turn: &mut Turn<'_>) -> bool {
        let Some(node) = turn.cluster().node(id) else { return false };
        self.queue_of(node).remove(id);
        let has_taint = taints::is_evicting(&node.spec.taints);
        if has_taint {
            set_taints(id, turn, |taints| {
                taints::remove(taints, TAINT_UNREACHABLE, TaintEffect::NoExecute);
                taints::remove(taints, TAINT_NOT_READY, TaintEffect::NoExecute);
            });
        }
        has_taint
    }

    /// Has a node get the NoExecute taint of this key: at once in place of the other one, else through the queue,
    /// where each pass puts it at the end again. Whether that changes anything.
    /// Source: as for the module, processTaintBaseEviction and markNodeForTainting.
    fn give_notice(&mut self, id: NodeId, taints: &[Taint], key: &str, turn: &mut Turn<'_>) -> bool {
        if taints::has(taints, opposite(key), TaintEffect::NoExecute) {
            swap_no_execute(id, key, turn);
            return true;
        }
        let queue = self.queue_of(&turn.cluster().nodes()[id]);
        let was_waiting = queue.waiting().contains(&id);
        if !taints::has(taints, key, TaintEffect::NoExecute) {
            queue.remove(id);
        }
        queue.add(id);
        queue.waiting().contains(&id) != was_waiting
    }

    /// Whether zones are in another state than before.
    fn judge_zones(&mut self, turn: &mut Turn<'_>) -> bool {
        let now = turn.now();
        let mut census: BTreeMap<Zone, Census> = BTreeMap::new();
        for node in turn.cluster().nodes().values().filter(|node| zones::counts(&node.meta.labels)) {
            let census = census.entry(Zone::of(&node.meta.labels)).or_default();
            census.n_nodes += 1;
            census.n_not_ready += u32::from(node.ready.status != ConditionStatus::True);
        }
        for zone in census.keys() {
            self.meet_zone(zone.clone());
        }
        let rates = match zones::judge(&mut self.states, &census, &self.config.limits) {
            Verdict::Unchanged => return false,
            Verdict::AllLost => {
                for id in in_order(turn.cluster().nodes().ids(), turn.cluster()) {
                    self.take_as_reachable(id, turn);
                }
                self.states.keys().map(|zone| (zone.clone(), Rate::ZERO)).collect()
            }
            Verdict::SomeBack(rates) => {
                self.floor = now;
                rates
            }
            Verdict::Rates(rates) => rates,
        };
        for (zone, rate) in rates {
            if let Some(queue) = self.queues.get_mut(&zone) {
                queue.set_rate(rate, now);
            }
        }
        true
    }

    /// Sets the timer for the next pass that may find something to do.
    fn plan_pass(&mut self, has_acted: bool, turn: &mut Turn<'_>) {
        let now = turn.now();
        let next = self.passes.after(now);
        if has_acted || self.queues.values().any(|queue| queue.next_turn().is_some()) {
            return self.request_pass(next, turn);
        }
        let look = |id: NodeId| {
            let node = &turn.cluster().nodes()[id];
            self.next_look(id, node, self.grace(node.ready, turn.context), now)
        };
        let nodes = self.unusual_nodes(turn);
        if let Some(at) = nodes.into_iter().filter_map(look).min() {
            self.request_pass(at, turn);
        }
    }

    /// When a pass may miss a node that is not taken for lost yet.
    fn next_look(&self, id: NodeId, node: &Node, grace: SimDuration, now: SimTime) -> Option<SimTime> {
        let is_lost = node.ready.status == ConditionStatus::Unknown
            && node.ready.reason != NodeReadyReason::NotReported;
        if is_lost {
            return None;
        }
        health::next_look(&node.signs, self.seen(id, node, now), grace, self.passes, now)
    }

    /// Has a pass take place at this instant, unless one does earlier.
    fn request_pass(&mut self, at: SimTime, timers: &mut impl Timers) {
        replace_timer(&mut self.pass_timer, at, Event::NodeMonitorDue, timers);
    }

    /// Has the next pass that can still see the present instant take place.
    fn request_next_pass(&mut self, timers: &mut impl Timers) {
        let now = timers.now();
        let next = self.passes.at_or_after(now);
        let at = if self.last_pass == Some(next) { self.passes.after(now) } else { next };
        self.request_pass(at, timers);
    }

    fn plan_tainting(&mut self, timers: &mut impl Timers) {
        let looks = Ticks { first: self.passes.first, period: TAINTING_PERIOD };
        let next = self.queues.values().filter_map(TaintQueue::next_turn).min();
        if let Some(at) = next {
            let at = looks.at_or_after(at.max(timers.now()));
            replace_timer(&mut self.tainting_timer, at, Event::NoExecuteTaintDue, timers);
        }
    }

    /// Gives the nodes that have their turn their NoExecute taint.
    /// Source: as for the module, doNoExecuteTaintingPass.
    fn taint_next(&mut self, turn: &mut Turn<'_>) {
        let now = turn.now();
        if self.tainting_timer.take_if(|(due, _)| *due <= now).is_none() {
            return;
        }
        for queue in self.queues.values_mut() {
            while let Some(id) = queue.take(now) {
                match turn.cluster().node(id).map(|node| node.ready.status) {
                    Some(ConditionStatus::False) => swap_no_execute(id, TAINT_NOT_READY, turn),
                    Some(ConditionStatus::Unknown) => swap_no_execute(id, TAINT_UNREACHABLE, turn),
                    Some(ConditionStatus::True) | None => {}
                }
            }
        }
        self.plan_tainting(turn);
    }

    /// Marks a pod that was bound to a node which was not Ready when the controller last looked.
    /// Source: as for the module, processPod.
    fn look_at_pod(&self, pod: PodId, turn: &mut Turn<'_>) {
        if self.is_on_unready_node(pod, turn.cluster()) {
            mark_not_ready(pod, turn);
        }
    }

    fn is_on_unready_node(&self, pod: PodId, cluster: &Cluster) -> bool {
        let node = cluster.pod(pod).and_then(|pod| pod.node).filter(|node| {
            cluster.node(*node).is_some_and(|node| node.ready.reason != NodeReadyReason::NotReported)
        });
        let known = node.and_then(|node| self.nodes.get(&node));
        known.is_some_and(|known| known.ready != ConditionStatus::True)
    }

    fn note_node(&mut self, id: NodeId, watch: &mut Watch<'_>) {
        if watch.cluster().node(id).is_some_and(|node| taints::mirrored(node).is_some()) {
            watch.set_timer(watch.now(), Event::NodeTaintSync(id));
        }
    }

    fn note_new_node(&mut self, id: NodeId, watch: &mut Watch<'_>) {
        self.note_node(id, watch);
        let Some(node) = watch.cluster().node(id) else { return };
        let is_well = node.ready.status == ConditionStatus::True && !taints::is_evicting(&node.spec.taints);
        if watch.now() == SimTime::ZERO && is_well {
            let first_seen = watch.now();
            let known = KnownNode { name: node.meta.name.clone(), first_seen, ready: node.ready.status };
            self.nodes.insert(id, known);
            self.note_signs(id, watch);
        } else {
            self.request_next_pass(watch);
        }
    }

    /// Has a pass take place when the node may be missed.
    fn note_signs(&mut self, id: NodeId, watch: &mut Watch<'_>) {
        let now = watch.now();
        let Some(node) = watch.cluster().node(id) else { return };
        let grace = self.grace(node.ready, watch.context);
        if let Some(at) = self.next_look(id, node, grace, now) {
            self.request_pass(at, watch);
        }
    }
}

impl Default for NodeLifecycleController {
    fn default() -> Self {
        Self::new()
    }
}

impl Component for NodeLifecycleController {
    fn start(&mut self, watch: &mut Watch<'_>) {
        self.passes.first = watch.now();
        self.floor = watch.now();
        for id in in_order(watch.cluster().nodes().ids(), watch.cluster()) {
            self.note_new_node(id, watch);
        }
    }

    fn on_event(&mut self, event: Event, turn: &mut Turn<'_>) {
        match event {
            Event::NodeMonitorDue => self.monitor(turn),
            Event::NoExecuteTaintDue => self.taint_next(turn),
            Event::NodeTaintSync(node) => mirror_state(node, turn),
            Event::BoundPodSync(pod) => self.look_at_pod(pod, turn),
            other => unreachable!("{other:?} belongs to another component"),
        }
    }

    fn on_change(&mut self, change: &Change, watch: &mut Watch<'_>) {
        match change {
            Change::Created(ObjectId::Node(id)) => self.note_new_node(*id, watch),
            Change::NodeDeleted(..) => self.request_next_pass(watch),
            Change::NodeLeaseChanged(id, _) => self.note_signs(*id, watch),
            Change::NodeReadyChanged(id, _) => {
                self.note_node(*id, watch);
                self.request_next_pass(watch);
            }
            Change::NodeConditionChanged(id, ..) => self.note_node(*id, watch),
            Change::NodeChanged(id, what) => {
                self.note_node(*id, watch);
                if what.has_other_labels || what.has_other_taints {
                    self.request_next_pass(watch);
                }
            }
            Change::PodBound(pod, _) if self.is_on_unready_node(*pod, watch.cluster()) => {
                watch.set_timer(watch.now(), Event::BoundPodSync(*pod));
            }
            _ => {}
        }
    }
}

/// Nodes in the order of their creation.
fn in_order(nodes: impl Iterator<Item = NodeId>, cluster: &Cluster) -> Vec<NodeId> {
    let mut nodes: Vec<NodeId> = nodes.collect();
    nodes.sort_by_key(|id| cluster.nodes()[*id].meta.uid.serial);
    nodes
}

/// Sets a timer for an instant, unless it is set for an earlier one.
fn replace_timer(
    timer: &mut Option<(SimTime, EventId)>,
    at: SimTime,
    event: Event,
    timers: &mut impl Timers,
) {
    match *timer {
        Some((due, _)) if due <= at => return,
        Some((_, late)) => timers.cancel(late),
        None => {}
    }
    *timer = Some((at, timers.set_timer(at, event)));
}

/// The other one of the two NoExecute taints, which exclude each other.
fn opposite(key: &str) -> &'static str {
    if key == TAINT_NOT_READY { TAINT_UNREACHABLE } else { TAINT_NOT_READY }
}

fn swap_no_execute(id: NodeId, key: &str, turn: &mut Turn<'_>) {
    set_taints(id, turn, |taints| {
        taints::add(taints, key, TaintEffect::NoExecute);
        taints::remove(taints, opposite(key), TaintEffect::NoExecute);
    });
}

fn mirror_state(id: NodeId, turn: &mut Turn<'_>) {
    if let Some(mirrored) = turn.cluster().node(id).and_then(taints::mirrored) {
        set_taints(id, turn, |taints| *taints = mirrored);
    }
}

fn set_taints(id: NodeId, turn: &mut Turn<'_>, change: impl FnOnce(&mut Vec<Taint>)) {
    let Some(Node { meta, spec, .. }) = turn.cluster().node(id) else { return };
    let (labels, mut spec) = (meta.labels.clone(), spec.clone());
    change(&mut spec.taints);
    turn.write(Command::UpdateNode(id, labels, Box::new(spec)));
}

/// Says of a pod that it is not Ready, if it is said to be.
/// Source: Kubernetes 1.28, pkg/controller/util/node/controller_utils.go, MarkPodsNotReady.
fn mark_not_ready(pod: PodId, turn: &mut Turn<'_>) {
    if turn.cluster().pod(pod).is_some_and(|pod| pod.status.conditions.is_ready()) {
        turn.write(Command::SetPodNotReady(pod));
        let (reason, message) = ("NodeNotReady", "Node is not ready");
        turn.record(ObjectId::Pod(pod), Severity::Warning, reason, message, SOURCE);
    }
}

fn record(id: NodeId, reason: &'static str, message: String, turn: &mut Turn<'_>) {
    turn.record(ObjectId::Node(id), Severity::Normal, reason, message, SOURCE);
}
