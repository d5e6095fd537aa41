//! kube-scheduler: places pods on nodes, one at a time.
//!
//! The component keeps the queue of waiting pods and a snapshot of the nodes. What it is shown only goes into these
//! two and makes the next cycle due; [`Event::SchedulingCycle`] then tries one pod. Pods with another
//! `schedulerName` and pods that name their node are left alone.
//!
//! Deviation: upstream binds asynchronously after it has assumed the pod in its cache; here assuming and binding
//! are one write at the end of the cycle, so nothing can happen to a pod between them.

pub mod config;
pub mod cycle;
pub mod diagnosis;
pub mod events;
pub mod explain;
pub mod framework;
pub mod listers;
pub mod nominations;
pub mod plugins;
pub mod queue;
pub mod snapshot;

use std::collections::BTreeSet;

use crate::cluster::Cluster;
use crate::component::{Component, Context, Timers, Turn, Watch};
use crate::engine::SimTime;
use crate::event::{Change, Command, Event, EventId, NodeChange, PodChange, Unschedulable};
use crate::model::ids::{Kind, NodeId, ObjectId, PodId};
use crate::model::meta::Name;
use crate::model::pod::Pod;
use crate::model::profile::Feature;
use crate::model::record::Severity;
use crate::scheduler::config::SchedulerConfig;
use crate::scheduler::cycle::{Attempt, Choice, FitError, Outcome};
use crate::scheduler::events::{ClusterEvent, GonePod, Judge, NodeAspect, NodeUpdate};
use crate::scheduler::explain::{Explanation, Scope};
use crate::scheduler::framework::{CycleContext, PluginSet};
use crate::scheduler::listers::Listers;
use crate::scheduler::nominations::Nominations;
use crate::scheduler::plugins::default_preemption::{self, Plan, Preemption};
use crate::scheduler::queue::{AfterFailure, BackoffMode, Place, SchedulingQueue};
use crate::scheduler::snapshot::Snapshot;

/// The scheduler's name, in pods and in records.
const NAME: &str = "default-scheduler";
/// The longest message of a record [bytes].
const NOTE_LENGTH_MAX: usize = 1024;

/// The kube-scheduler of the cluster.
#[derive(Debug, Clone)]
pub struct Scheduler {
    /// The settings.
    pub config: SchedulerConfig,
    /// Namespaces, budgets and selectors.
    pub listers: Listers,
    queue: SchedulingQueue,
    snapshot: Snapshot,
    nominations: Nominations,
    /// Pods that were gone in the very step in which they ended.
    ended_and_gone: BTreeSet<PodId>,
    next_start: usize,
    /// When the present cycle is over.
    free_at: SimTime,
    cycle: Timer,
    backoff_flush: Timer,
    unschedulable_flush: Timer,
    last_attempt: Option<(PodId, Attempt)>,
    /// Services or budgets changed since they were read.
    are_listers_stale: bool,
}

/// A timer that is set at most once at a time.
#[derive(Debug, Clone, Copy, Default)]
struct Timer(Option<(SimTime, EventId)>);

impl Timer {
    /// Sets the timer to an instant, or to none.
    fn aim(&mut self, at: Option<SimTime>, event: Event, timers: &mut impl Timers) {
        let at = at.map(|at| at.max(timers.now()));
        if self.0.map(|(due, _)| due) == at {
            return;
        }
        if let Some((_, timer)) = self.0.take() {
            timers.cancel(timer);
        }
        self.0 = at.map(|at| (at, timers.set_timer(at, event)));
    }

    /// Takes the timer that is due; false where another is, and the event is out of date.
    fn take_due(&mut self, now: SimTime) -> bool {
        self.0.take_if(|(due, _)| *due <= now).is_some()
    }
}

impl Scheduler {
    /// A scheduler that has seen nothing yet.
    pub fn new(config: SchedulerConfig) -> Self {
        Self {
            config,
            listers: Listers::default(),
            queue: SchedulingQueue::new(BackoffMode::Wait, SimTime::ZERO),
            snapshot: Snapshot::default(),
            nominations: Nominations::default(),
            ended_and_gone: BTreeSet::new(),
            next_start: 0,
            free_at: SimTime::ZERO,
            cycle: Timer::default(),
            backoff_flush: Timer::default(),
            unschedulable_flush: Timer::default(),
            last_attempt: None,
            are_listers_stale: false,
        }
    }

    /// The pods that wait.
    pub const fn queue(&self) -> &SchedulingQueue {
        &self.queue
    }

    /// The pod that was tried last, and what came of it.
    pub const fn last_attempt(&self) -> Option<&(PodId, Attempt)> {
        self.last_attempt.as_ref()
    }

    /// What the scheduler would make of each node if it tried the pod now.
    pub fn explain(&self, context: &Context, cluster: &Cluster, pod: &Pod, scope: Scope) -> Explanation {
        let mut snapshot = self.snapshot.clone();
        snapshot.refresh(cluster);
        let mut listers = self.listers.clone();
        if self.are_listers_stale {
            listers.refresh(cluster);
        }
        let (config, listers) = (&self.config, &listers);
        let cx = CycleContext { cluster, profile: &context.profile, config, listers, pod };
        let rivals = self.nominations.rivals(pod, cluster, &snapshot);
        explain::explain_on(&cx, &mut snapshot, rivals, scope)
    }

    /// Where in the list of nodes the next search begins.
    pub const fn next_start(&self) -> usize {
        self.next_start
    }

    /// Sets the timers by what the queue waits for.
    fn arm(&mut self, timers: &mut impl Timers) {
        let next_cycle = self.queue.has_next().then(|| self.free_at.max(timers.now()));
        self.cycle.aim(next_cycle, Event::SchedulingCycle, timers);
        self.backoff_flush.aim(self.queue.backoff_flush(), Event::BackoffFlush, timers);
        self.unschedulable_flush.aim(self.queue.unschedulable_flush(), Event::UnschedulableFlush, timers);
    }

    /// Tries the next pod.
    fn schedule_one(&mut self, turn: &mut Turn<'_>) {
        let Some(id) = self.queue.pop() else { return };
        let Some(pod) = turn.cluster().pod(id) else { return self.queue.remove(id) };
        if pod.meta.is_terminating() {
            let message = format!("skip schedule deleting pod: {}", pod.meta.full_name());
            record_failure(turn, id, &message);
            return self.queue.remove(id);
        }
        self.free_at = turn.now() + turn.context.timing.scheduling_cycle;
        let attempt = self.attempt(turn.context, turn.cluster(), pod);
        match &attempt.outcome {
            Outcome::Scheduled(choice) => self.bind(turn, id, choice),
            Outcome::Unschedulable(fit_error) => self.fail(turn, id, fit_error),
            Outcome::NoNodes => {
                let message = "no nodes available to schedule pods".to_owned();
                self.fail_by_error(turn, id, "Unschedulable", &message);
            }
            Outcome::Error(message) => self.fail_by_error(turn, id, "SchedulerError", message),
        }
        self.last_attempt = Some((id, attempt));
    }

    /// Looks for a node for a pod; the next search goes on where this one ended.
    pub fn attempt(&mut self, context: &Context, cluster: &Cluster, pod: &Pod) -> Attempt {
        self.snapshot.refresh(cluster);
        if std::mem::take(&mut self.are_listers_stale) {
            self.listers.refresh(cluster);
        }
        let (config, listers) = (&self.config, &self.listers);
        let cx = CycleContext { cluster, profile: &context.profile, config, listers, pod };
        let rivals = self.nominations.rivals(pod, cluster, &self.snapshot);
        let attempt = cycle::attempt(&cx, &mut self.snapshot, rivals, self.next_start, &context.streams);
        self.next_start = attempt.next_start;
        attempt
    }

    fn bind(&mut self, turn: &mut Turn<'_>, id: PodId, choice: &Choice) {
        let (pod, node) = (turn.cluster().meta(ObjectId::Pod(id)), turn.cluster().node(choice.node));
        let names = pod.zip(node).map(|(pod, node)| (pod.full_name(), node.meta.name.clone()));
        let (pod, node) = names.expect("pod and node were looked at in this turn");
        self.queue.remove(id);
        turn.write(Command::BindPod(id, choice.node));
        if turn.wants_records("Scheduled") {
            let message = format!("Successfully assigned {pod} to {node}");
            turn.record(ObjectId::Pod(id), Severity::Normal, "Scheduled", message, NAME);
        }
    }

    /// Source: Kubernetes 1.28, pkg/scheduler/schedule_one.go, handleSchedulingFailure.
    fn fail(&mut self, turn: &mut Turn<'_>, id: PodId, fit_error: &FitError) {
        if let Preemption::Plan(plan) = &fit_error.preemption {
            self.make_room(turn, id, plan);
        }
        self.queue.fail(turn.now(), id, fit_error.rejectors, after_failure(turn, fit_error));
        let message = fit_error.message(&turn.context.profile);
        record_failure(turn, id, &message);
        match &fit_error.preemption {
            Preemption::Plan(plan) => turn.write(Command::NominateNode(id, Some(plan.best.node))),
            Preemption::Failed(_) => turn.write(Command::NominateNode(id, None)),
            Preemption::NotEligible(_) => {}
        }
        let why = Unschedulable { reason: "Unschedulable", message: message.into() };
        turn.write(Command::SetUnschedulable(id, why));
    }

    /// Deletes the victims, and takes back what was nominated to the node with less priority.
    /// Source: Kubernetes 1.28, pkg/scheduler/framework/preemption/preemption.go, prepareCandidate.
    fn make_room(&mut self, turn: &mut Turn<'_>, id: PodId, plan: &Plan) {
        let preemptor = &turn.cluster().pods()[id];
        let (uid, priority) = (preemptor.meta.uid, preemptor.spec.priority);
        let node: Name = turn.cluster().name_of(ObjectId::Node(plan.best.node));
        for victim in &plan.best.victims {
            let reason = default_preemption::REASON.into();
            let message = format!("{NAME}: preempting to accommodate a higher priority pod");
            if turn.context.profile.has(Feature::PodDisruptionConditions) {
                turn.write(Command::SetDisruptionTarget(*victim, reason, message.into()));
            }
            let message = format!("Preempted by pod {uid} on node {node}");
            turn.record(ObjectId::Pod(*victim), Severity::Normal, "Preempted", message, NAME);
            turn.write(Command::DeletePod(*victim, None));
        }
        for other in self.nominations.at(plan.best.node) {
            if turn.cluster().pod(*other).is_some_and(|pod| pod.spec.priority < priority) {
                turn.write(Command::NominateNode(*other, None));
            }
        }
    }

    /// Source: Kubernetes 1.28, pkg/scheduler/schedule_one.go, handleSchedulingFailure.
    fn fail_by_error(&mut self, turn: &mut Turn<'_>, id: PodId, reason: &'static str, message: &str) {
        let waits = !turn.context.profile.has(Feature::SchedulerErrorsBackOff);
        let after = if waits { AfterFailure::Wait } else { AfterFailure::BackOff };
        self.queue.fail(turn.now(), id, PluginSet::EMPTY, after);
        record_failure(turn, id, message);
        turn.write(Command::NominateNode(id, None));
        turn.write(Command::SetUnschedulable(id, Unschedulable { reason, message: message.into() }));
    }

    /// Retries the waiting pods that an event could help.
    fn on_cluster_event(&mut self, event: &ClusterEvent<'_>, watch: &Watch<'_>) {
        let judge =
            Judge { profile: &watch.context.profile, cluster: watch.cluster(), listers: &self.listers };
        let mut helped = Vec::new();
        for (id, queued) in self.queue.unschedulable() {
            let pod = watch.cluster().pod(id);
            if pod.is_some_and(|pod| judge.could_help(pod, queued.rejectors, event)) {
                helped.push(id);
            }
        }
        for id in helped {
            self.queue.requeue(watch.now(), id);
        }
    }

    fn on_created(&mut self, object: ObjectId, watch: &Watch<'_>) {
        match object {
            ObjectId::Pod(id) => {
                if let Some(pod) = watch.cluster().pod(id) {
                    self.consider(watch.now(), id, pod);
                }
            }
            ObjectId::Node(id) => {
                self.snapshot.note_added(id, watch.cluster());
                if let Some(node) = watch.cluster().node(id) {
                    self.on_cluster_event(&ClusterEvent::NodeAdded(node, watch.cluster().usage(id)), watch);
                }
            }
            ObjectId::Service(_) | ObjectId::PodDisruptionBudget(_) => self.are_listers_stale = true,
            _ => {}
        }
    }

    /// Queues a pod that is this scheduler's to place.
    fn consider(&mut self, now: SimTime, id: PodId, pod: &Pod) {
        if !pod.spec.placement.pod_affinity.is_empty() {
            self.snapshot.groups.note_affinity();
        }
        let is_placed = pod.node.is_some() || pod.spec.node_name.is_some();
        if !is_placed && !pod.status.phase.is_terminal() && &*pod.spec.scheduler_name == NAME {
            self.queue.add(now, id, pod);
        }
    }

    fn on_node_changed(&mut self, id: NodeId, change: &NodeChange, watch: &Watch<'_>) {
        self.snapshot.note_changed(id, watch.cluster());
        let Some(node) = watch.cluster().node(id) else { return };
        let usage = watch.cluster().usage(id);
        let n_events = if self.has_hints(watch) { usize::MAX } else { 1 };
        for aspect in events::aspects(change).take(n_events) {
            let update = NodeUpdate { aspect, node, usage, change: Some(change) };
            self.on_cluster_event(&ClusterEvent::NodeChanged(update), watch);
        }
    }

    fn on_node_condition(&mut self, id: NodeId, watch: &Watch<'_>) {
        if let Some(node) = watch.cluster().node(id) {
            let usage = watch.cluster().usage(id);
            let update = NodeUpdate { aspect: NodeAspect::Condition, node, usage, change: None };
            self.on_cluster_event(&ClusterEvent::NodeChanged(update), watch);
        }
    }

    fn on_bound(&mut self, id: PodId, node: NodeId, watch: &Watch<'_>) {
        self.queue.remove(id);
        self.nominations.remove(id);
        self.snapshot.note_usage(node);
        if let Some(pod) = watch.cluster().pod(id) {
            self.on_cluster_event(&ClusterEvent::PodAssigned(pod), watch);
        }
    }

    /// A pod changed in status, or in spec or labels where the change is given.
    fn on_pod_changed(&mut self, id: PodId, change: Option<&PodChange>, watch: &Watch<'_>) {
        let Some(pod) = watch.cluster().pod(id) else { return };
        match (pod.node, change) {
            (Some(node), change) => {
                if change.is_some() {
                    self.snapshot.note_pod(id, node);
                }
                self.on_cluster_event(&ClusterEvent::AssignedPodChanged(pod, change), watch);
            }
            (None, None) => {}
            (None, Some(change)) => self.on_waiting_pod_changed(id, pod, change, watch),
        }
    }

    fn on_waiting_pod_changed(&mut self, id: PodId, pod: &Pod, change: &PodChange, watch: &Watch<'_>) {
        let Some(queued) = self.queue.get(id).copied() else {
            return self.consider(watch.now(), id, pod);
        };
        let judge =
            Judge { profile: &watch.context.profile, cluster: watch.cluster(), listers: &self.listers };
        match queued.place {
            Place::Gated if pod.spec.scheduling_gates.is_empty() => self.queue.ungate(id),
            Place::Unschedulable if judge.own_change_could_help(pod, queued.rejectors, change) => {
                self.queue.requeue(watch.now(), id);
            }
            Place::Active | Place::Backoff | Place::Unschedulable | Place::Gated | Place::InFlight => {}
        }
    }

    /// A pod is to be deleted and waits for that.
    fn on_pod_terminating(&mut self, id: PodId, watch: &Watch<'_>) {
        if let Some(node) = watch.cluster().pod(id).and_then(|pod| pod.node) {
            self.snapshot.note_pod(id, node);
            self.on_pod_changed(id, None, watch);
        } else if !self.has_hints(watch) {
            self.queue.requeue(watch.now(), id);
        }
    }

    fn on_pod_gone(&mut self, id: PodId, node: Option<NodeId>, gone: GonePod<'_>, watch: &Watch<'_>) {
        self.nominations.remove(id);
        match node {
            Some(node) => {
                self.snapshot.note_usage(node);
                self.on_cluster_event(&ClusterEvent::AssignedPodGone(gone), watch);
            }
            None => self.queue.remove(id),
        }
    }

    /// Services and budgets are read anew before the next attempt, where one of them changed.
    fn note_lister(&mut self, kind: Kind) {
        self.are_listers_stale |= matches!(kind, Kind::Service | Kind::PodDisruptionBudget);
    }

    fn has_hints(&self, watch: &Watch<'_>) -> bool {
        let (profile, cluster) = (&watch.context.profile, watch.cluster());
        Judge { profile, cluster, listers: &self.listers }.has_hints()
    }
}

impl Component for Scheduler {
    fn start(&mut self, watch: &mut Watch<'_>) {
        for timer in [&mut self.cycle, &mut self.backoff_flush, &mut self.unschedulable_flush] {
            timer.aim(None, Event::SchedulingCycle, watch);
        }
        let pops_early = watch.context.profile.has(Feature::SchedulerPopFromBackoffQ);
        let (mode, origin) = if pops_early {
            (BackoffMode::PopEarly, SimTime::ZERO)
        } else {
            (BackoffMode::Wait, watch.now())
        };
        let listers = std::mem::take(&mut self.listers);
        *self = Self { listers, ..Self::new(self.config.clone()) };
        self.queue = SchedulingQueue::new(mode, origin);
        self.snapshot = Snapshot::of(watch.cluster());
        self.are_listers_stale =
            !watch.cluster().services().is_empty() || !watch.cluster().pod_disruption_budgets().is_empty();
        self.nominations = Nominations::of(watch.cluster());
        let mut pods: Vec<_> = watch.cluster().pods().iter().collect();
        pods.sort_unstable_by_key(|(_, pod)| pod.meta.uid.serial);
        for (id, pod) in pods {
            self.consider(watch.now(), id, pod);
        }
        self.arm(watch);
    }

    fn on_event(&mut self, event: Event, turn: &mut Turn<'_>) {
        let now = turn.now();
        match event {
            Event::SchedulingCycle if self.cycle.take_due(now) => self.schedule_one(turn),
            Event::BackoffFlush if self.backoff_flush.take_due(now) => self.queue.flush_backoff(now),
            Event::UnschedulableFlush if self.unschedulable_flush.take_due(now) => {
                self.queue.flush_unschedulable(now);
            }
            Event::SchedulingCycle | Event::BackoffFlush | Event::UnschedulableFlush => {}
            other => unreachable!("{other:?} is not for the scheduler"),
        }
        self.arm(turn);
    }

    fn on_change(&mut self, change: &Change, watch: &mut Watch<'_>) {
        match change {
            Change::Created(object) => self.on_created(*object, watch),
            Change::NodeChanged(id, change) => self.on_node_changed(*id, change, watch),
            Change::NodeReadyChanged(id, _) => self.on_node_condition(*id, watch),
            Change::NodeDeleted(id, _) => {
                self.snapshot.note_removed(*id);
                if self.has_hints(watch) {
                    self.on_cluster_event(&ClusterEvent::NodeGone, watch);
                }
            }
            Change::PodChanged(id, change) => self.on_pod_changed(*id, Some(change), watch),
            Change::PodBound(id, node) => self.on_bound(*id, *node, watch),
            Change::PodNominated(id, node) => self.nominations.set(*id, *node),
            // What ends is gone for the scheduler; its deletion is news only where both happen in one step.
            Change::PodPhaseChanged(id, _, phase) if phase.is_terminal() => match watch.cluster().pod(*id) {
                Some(pod) => self.on_pod_gone(*id, pod.node, pod.into(), watch),
                None => {
                    self.ended_and_gone.insert(*id);
                }
            },
            Change::PodDeleted(id, pod) if pod.phase.is_terminal() && !self.ended_and_gone.remove(id) => {}
            Change::PodDeleted(id, pod) => self.on_pod_gone(*id, pod.node, pod.into(), watch),
            Change::PodDeletionRequested(id, _) => self.on_pod_terminating(*id, watch),
            Change::PodPhaseChanged(id, ..)
            | Change::PodAccepted(id)
            | Change::PodIpSet(id, _)
            | Change::ContainerChanged(id, ..)
            | Change::PodReadyChanged(id, _)
            | Change::PodDisrupted(id, _)
            | Change::PodFinalizerRemoved(id) => self.on_pod_changed(*id, None, watch),
            Change::SpecChanged(object, _) | Change::StatusChanged(object) => {
                self.note_lister(object.kind());
                return;
            }
            Change::Deleted(object, ..) => {
                self.note_lister(object.kind());
                return;
            }
            Change::NodeImageAdded(..) => {
                self.snapshot.note_images();
                return;
            }
            Change::PodUnschedulable(..)
            | Change::NodeLeaseChanged(..)
            | Change::ServingStarted(..)
            | Change::ServingEnded(..)
            | Change::NodeConditionChanged(..)
            | Change::MetaChanged(_)
            | Change::DeletionRequested(..)
            | Change::Orphaned(_)
            | Change::Adopted(_)
            | Change::Recorded(..) => return,
        }
        self.arm(watch);
    }
}

/// Where a refused pod goes. Without queueing hints any event during the attempt sends it to its back-off, and
/// victims that begin to end are one.
fn after_failure(turn: &Turn<'_>, fit_error: &FitError) -> AfterFailure {
    let Preemption::Plan(plan) = &fit_error.preemption else { return AfterFailure::Wait };
    let is_ending = plan.best.victims.iter().any(|victim| turn.cluster().pod(*victim).is_some());
    if is_ending && !turn.context.profile.has(Feature::SchedulerQueueingHints) {
        AfterFailure::BackOff
    } else {
        AfterFailure::Wait
    }
}

fn record_failure(turn: &mut Turn<'_>, id: PodId, message: &str) {
    let message = truncated(message);
    turn.record(ObjectId::Pod(id), Severity::Warning, "FailedScheduling", message, NAME);
}

/// Source: Kubernetes 1.28, pkg/scheduler/schedule_one.go, truncateMessage.
fn truncated(message: &str) -> String {
    const SUFFIX: &str = " ...";
    if message.len() <= NOTE_LENGTH_MAX {
        return message.to_owned();
    }
    let mut end = NOTE_LENGTH_MAX - SUFFIX.len();
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{SUFFIX}", &message[..end])
}
