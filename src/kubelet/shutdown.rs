//! Shutting a node down: its pods are ended by priority, and then the machine is off.
//!
//! ```text
//! told to ─ Ready=False, new pods are refused ─▶ ordinary pods end ─▶ critical pods end ─▶ off
//!    │                                            all have ended, or their time is over
//!    └─ no grace period, or no kubelet ──────────────────────────────────────────────────▶ off
//! ```
//!
//! The kubelet holds the shut-down up for `shutdownGracePeriod` at the most, of which the last
//! `shutdownGracePeriodCriticalPods` are for critical pods. A pod gets its own grace period, where that is shorter. Pods that
//! have ended by then are Failed for the reason `Terminated`; the others go down with the machine, and nobody says so.
//! Source: Kubernetes 1.28, pkg/kubelet/nodeshutdown/nodeshutdown_manager_linux.go (processShutdownEvent,
//! groupByPriority, migrateConfig).
//!
//! Deviation: without a grace period the machine is off at once; its init system would ask processes to end first.

use crate::component::{Timers, Turn};
use crate::event::{Command, Event, EventId};
use crate::kubelet::Kubelet;
use crate::kubelet::admission::Rejection;
use crate::kubelet::node::{MachineState, Machines};
use crate::kubelet::pressure::CRITICAL;
use crate::model::ids::{NodeId, ObjectId, PodId};
use crate::model::node::{ConditionStatus, NodeReadyReason};
use crate::model::pod_status::PodReason;
use crate::model::record::Severity;

/// The message of a pod that its node ended.
pub(super) const MESSAGE: &str = "Pod was terminated in response to imminent node shutdown.";

/// A node that shuts down.
#[derive(Debug, Clone)]
pub(super) struct Shutdown {
    phase: Phase,
    /// The pods that are to end now.
    pods: Vec<PodId>,
    timer: EventId,
}

/// Which pods are ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Those of no system-critical priority.
    Ordinary,
    /// The others.
    Critical,
}

impl Phase {
    const fn of(priority: i32) -> Self {
        if priority >= CRITICAL { Self::Critical } else { Self::Ordinary }
    }
}

/// A node that shuts down takes no pod.
pub(super) fn check(node: NodeId, machines: &Machines) -> Result<(), Rejection> {
    if machines.shutdowns.contains_key(&node) {
        let message = "Pod was rejected as the node is shutting down.".to_owned();
        return Err(Rejection { reason: PodReason::NodeShutdown, message });
    }
    Ok(())
}

impl Kubelet {
    /// A node is told to shut down.
    pub(super) fn shut_down(&mut self, node: NodeId, turn: &mut Turn<'_>) {
        let machines = &self.shared.machines;
        if machines.shutdowns.contains_key(&node) || machines.state(node) == MachineState::Off {
            return;
        }
        if self.settings.shutdown_grace.is_zero() || !machines.has_kubelet(node) {
            return self.fail_node(node, turn);
        }
        if turn.cluster().node(node).is_some() {
            let text = "Shutdown manager detected shutdown event";
            turn.record(ObjectId::Node(node), Severity::Normal, "Shutdown", text, "kubelet");
            turn.write(Command::SetNodeReady(node, ConditionStatus::False, NodeReadyReason::NodeShutdown));
        }
        self.begin_phase(node, Phase::Ordinary, turn);
    }

    /// Has the pods of a phase end. A phase without pods is over at once.
    fn begin_phase(&mut self, node: NodeId, phase: Phase, turn: &mut Turn<'_>) {
        let grace = match phase {
            Phase::Ordinary => self.settings.shutdown_grace.saturating_sub(self.settings.critical_grace),
            Phase::Critical => self.settings.critical_grace,
        };
        let pods: Vec<PodId> = self
            .pods_in_order(node, turn)
            .into_iter()
            .filter(|pod| {
                let accepted = turn.cluster().pod(*pod).filter(|pod| pod.status.start_time.is_some());
                accepted.is_some_and(|pod| Phase::of(pod.spec.priority) == phase) && !self.has_ended(*pod)
            })
            .collect();
        let timer = turn.set_timer_after(grace, Event::ShutdownPhaseOver(node));
        let shutdown = Shutdown { phase, pods: pods.clone(), timer };
        self.shared.machines.shutdowns.insert(node, shutdown);
        for pod in pods {
            self.with_worker(pod, turn, |worker, shared, turn| worker.shut_down(grace, shared, turn));
        }
    }

    fn has_ended(&self, pod: PodId) -> bool {
        self.workers.get(&pod).is_none_or(|worker| worker.is_finished())
    }

    /// Takes the shut-downs further whose pods have ended.
    pub(super) fn look_at_shutdowns(&mut self, turn: &mut Turn<'_>) {
        while let Some(node) = self.node_without_pods() {
            self.end_phase(node, turn);
        }
    }

    /// A node whose shut-down waits for no pod any more.
    fn node_without_pods(&self) -> Option<NodeId> {
        let is_over = |shutdown: &Shutdown| shutdown.pods.iter().all(|pod| self.has_ended(*pod));
        let mut shutdowns = self.shared.machines.shutdowns.iter();
        shutdowns.find(|(_, shutdown)| is_over(shutdown)).map(|(node, _)| *node)
    }

    /// The time of a phase is over, or it takes no more.
    pub(super) fn end_phase(&mut self, node: NodeId, turn: &mut Turn<'_>) {
        let Some(shutdown) = self.shared.machines.shutdowns.get(&node) else { return };
        let phase = shutdown.phase;
        turn.cancel(shutdown.timer);
        match phase {
            Phase::Ordinary => self.begin_phase(node, Phase::Critical, turn),
            Phase::Critical => self.fail_node(node, turn),
        }
    }

    /// A node goes down without waiting any longer.
    pub(super) fn forget_shutdown(&mut self, node: NodeId, turn: &mut Turn<'_>) {
        if let Some(shutdown) = self.shared.machines.shutdowns.remove(&node) {
            turn.cancel(shutdown.timer);
        }
    }
}
