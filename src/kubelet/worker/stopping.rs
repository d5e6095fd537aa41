//! Stopping: SIGTERM, sidecars last, SIGKILL at the end of the grace period, and the final status.
//!
//! As upstream, exits while a pod stops are written when all of its processes have ended.

use crate::component::{Timers, Turn};
use crate::engine::{SimDuration, SimTime};
use crate::event::{Command, Event};
use crate::kubelet::memory::KILLED;
use crate::kubelet::records::{Note, note};
use crate::kubelet::shutdown;
use crate::kubelet::worker::containers::KillReason;
use crate::kubelet::worker::starting::Operation;
use crate::kubelet::worker::{Exit, Shared, Stage, Worker, container_at};
use crate::model::meta::Name;
use crate::model::node::ConditionStatus;
use crate::model::pod::RestartPolicy;
use crate::model::pod_status::{ContainerState, PodReason, Termination, TerminationReason};
use crate::model::probe::ProbeKind;
use crate::model::profile::Feature;

/// The time that every container gets between SIGTERM and SIGKILL.
/// Source: Kubernetes 1.28, pkg/kubelet/kuberuntime/kuberuntime_container.go, minimumGracePeriodInSeconds.
const GRACE_MIN: SimDuration = SimDuration::from_secs(2);

/// How a pod is to end.
#[derive(Debug, Clone, Default)]
pub(super) struct Stop {
    /// The grace period, where it is not the pod's own.
    pub(super) grace: Option<SimDuration>,
    /// Why the pod has failed as a whole, where it has: reason and message.
    pub(super) failure: Option<(PodReason, Name)>,
}

/// A pod that is ending.
#[derive(Debug, Clone)]
pub(super) struct Stopping {
    since: SimTime,
    grace: SimDuration,
    failure: Option<(PodReason, Name)>,
}

impl Worker {
    /// Has the pod end, or end sooner than it was to.
    ///
    /// Source: Kubernetes 1.28, pkg/kubelet/pod_workers.go, calculateEffectiveGracePeriod.
    pub(super) fn stop(&mut self, stop: Stop, shared: &mut Shared, turn: &mut Turn<'_>) {
        let asked = stop.grace.filter(|grace| !grace.is_zero());
        let grace = asked.unwrap_or(self.spec.termination_grace).max(SimDuration::from_secs(1));
        let since = turn.now();
        match &mut self.stage {
            Stage::Active => {
                match &stop.failure {
                    Some((PodReason::Evicted, message)) => note(turn, self.pod, Note::Evicted { message }),
                    Some((PodReason::DeadlineExceeded, _)) => note(turn, self.pod, Note::DeadlineExceeded),
                    Some(_) | None => {}
                }
                self.stage = Stage::Stopping(Stopping { since, grace, failure: stop.failure });
                self.abandon_operation(shared, turn);
                self.end_vital_probes();
                self.slots.kill_at_the_latest(since + grace.max(GRACE_MIN));
                self.show_half_started(turn);
                if let Some(timer) = self.deadline_timer.take() {
                    turn.cancel(timer);
                }
            }
            Stage::Stopping(stopping) if grace < stopping.grace => {
                (stopping.since, stopping.grace) = (since, grace);
                self.slots.kill_at_the_latest(since + grace.max(GRACE_MIN));
            }
            Stage::Stopping(_) | Stage::Finished => {}
        }
    }

    /// The machine shuts down and leaves the pod so much time, or its own, where that is less. A pod that is ending
    /// already ends for this reason, too.
    pub(in crate::kubelet) fn shut_down(
        &mut self,
        grace: SimDuration,
        shared: &mut Shared,
        turn: &mut Turn<'_>,
    ) {
        let failure = (PodReason::Terminated, Name::from(shutdown::MESSAGE));
        let grace = Some(grace.min(self.spec.termination_grace));
        self.stop(Stop { grace, failure: Some(failure.clone()) }, shared, turn);
        if let Stage::Stopping(stopping) = &mut self.stage {
            stopping.failure.get_or_insert(failure);
        }
        self.go_on_stopping(shared, turn);
    }

    /// Asks those to stop whose turn it is, and ends the pod when nothing is left.
    pub(super) fn go_on_stopping(&mut self, shared: &mut Shared, turn: &mut Turn<'_>) {
        let Stage::Stopping(Stopping { since, grace, .. }) = &self.stage else { return };
        let (since, grace) = (*since, *grace);
        for at in 0..self.slots.len() {
            let is_asked = self.slots[at].process().is_none_or(|process| process.kill_at.is_some());
            if !is_asked && self.has_turn_to_stop(at, since + grace, turn) {
                let waited = SimDuration::from_secs(turn.now().since(since).as_secs());
                self.terminate(at, grace.saturating_sub(waited), shared, turn);
            }
        }
        if self.slots.have_process() {
            self.set_grace_timer(since + grace, turn);
        } else {
            self.conclude(shared, turn);
        }
    }

    /// Whether nothing has to stop before this container: a sidecar waits for the app containers and for the
    /// sidecars after it, but not longer than the grace period.
    ///
    /// Source: Kubernetes 1.29, pkg/kubelet/kuberuntime/kuberuntime_termination_order.go.
    fn has_turn_to_stop(&self, at: usize, grace_end: SimTime, turn: &Turn<'_>) -> bool {
        let is_before_us = |other: usize| {
            self.slots[other].has_process() && (self.slots.is_app(other) || self.is_sidecar(other))
        };
        !self.is_sidecar(at)
            || !turn.context.profile.has(Feature::SidecarTerminationOrder)
            || grace_end <= turn.now()
            || !(at + 1..self.slots.len()).any(is_before_us)
    }

    fn terminate(&mut self, at: usize, grace: SimDuration, shared: &mut Shared, turn: &mut Turn<'_>) {
        note(turn, self.pod, Note::Killing { container: &container_at(&self.spec, at).name });
        self.ask_to_stop(at, grace, shared, turn);
    }

    /// Has a process stop: the hook, SIGTERM, and SIGKILL at the end of the grace period.
    ///
    /// Source: Kubernetes 1.28, pkg/kubelet/kuberuntime/kuberuntime_container.go, killContainer.
    pub(super) fn ask_to_stop(
        &mut self,
        at: usize,
        grace: SimDuration,
        shared: &mut Shared,
        turn: &mut Turn<'_>,
    ) {
        let hook = self.pre_stop(at, shared).filter(|_| !grace.is_zero());
        let takes = hook.map_or(SimDuration::ZERO, |hook| hook.takes.min(grace));
        let used = SimDuration::from_secs(takes.as_secs());
        let kill_at = turn.now() + takes + grace.saturating_sub(used).max(GRACE_MIN);
        self.with_process(at, shared, turn, |process, around| {
            process.kill_at = Some(kill_at);
            if hook.is_some() {
                process.begin_pre_stop(takes, around.turn);
            } else {
                process.terminate(around);
            }
        });
    }

    /// Ends the container that has to go while its pod goes on. Whether the worker is free.
    pub(super) fn kill_condemned(&mut self, shared: &mut Shared, turn: &mut Turn<'_>) -> bool {
        for at in 0..self.slots.len() {
            let Some(reason) = self.slots[at].condemned.take() else { continue };
            if !self.slots[at].has_process() {
                continue;
            }
            self.note_kill(at, reason, turn);
            let grace = self.kill_grace(at, reason);
            self.ask_to_stop(at, grace, shared, turn);
            self.operation = Some(Operation::Kill(at, reason));
            self.set_grace_timer(SimTime::MAX, turn);
            return false;
        }
        true
    }

    /// A probe may have a grace period of its own.
    fn kill_grace(&self, at: usize, reason: KillReason) -> SimDuration {
        let own = match reason {
            KillReason::Probe(kind) => container_at(&self.spec, at).probes.of(kind),
            KillReason::PostStartHook => None,
        };
        own.and_then(|probe| probe.termination_grace).unwrap_or(self.spec.termination_grace)
    }

    fn note_kill(&self, at: usize, reason: KillReason, turn: &mut Turn<'_>) {
        let container = &container_at(&self.spec, at).name;
        let why = match reason {
            KillReason::PostStartHook => Note::KillingAfterHook,
            KillReason::Probe(kind) => Note::KillingByProbe {
                container,
                role: if self.slots.is_app(at) { "Container" } else { "Init container" },
                probe: if kind == ProbeKind::Startup { "startup" } else { "liveness" },
                is_restarted: self.is_sidecar(at) || self.spec.restart_policy != RestartPolicy::Never,
            },
        };
        note(turn, self.pod, why);
    }

    /// The container that had to go is gone. After a probe's kill it may be started again in the same sync.
    pub(super) fn end_kill(&mut self, at: usize, reason: KillReason, turn: &mut Turn<'_>) {
        if let Some(end) = self.slots[at].last_end() {
            match reason {
                KillReason::Probe(_) => self.slots[at].notice_kill(),
                KillReason::PostStartHook => self.slots[at].notice_end(),
            }
            self.set_state(at, ContainerState::Terminated(end), turn);
        }
    }

    fn set_grace_timer(&mut self, grace_end: SimTime, turn: &mut Turn<'_>) {
        if let Some(timer) = self.grace_timer.take() {
            turn.cancel(timer);
        }
        let processes = self.slots.iter().filter_map(|slot| slot.process());
        let next = processes.map(|process| process.kill_at.unwrap_or(grace_end)).min();
        self.grace_timer = next.map(|at| turn.set_timer(at, Event::GraceOver(self.pod)));
    }

    /// The grace period of some container is over.
    pub(in crate::kubelet) fn grace_over(&mut self, shared: &mut Shared, turn: &mut Turn<'_>) {
        self.grace_timer = None;
        let now = turn.now();
        for at in 0..self.slots.len() {
            let kill_at = self.slots[at].process().and_then(|process| process.kill_at);
            if kill_at.is_some_and(|kill_at| kill_at <= now) {
                self.end_process(at, Exit::with_code(KILLED), shared, turn);
            }
        }
        self.request_sync(now, turn);
    }

    /// A process has done what it does on SIGTERM.
    pub(in crate::kubelet) fn term_done(
        &mut self,
        process: crate::event::ProcessRef,
        shared: &mut Shared,
        turn: &mut Turn<'_>,
    ) {
        let Some(at) = self.find(process) else { return };
        if let Some(code) = self.with_process(at, shared, turn, |process, around| process.term_done(around)) {
            self.end_process(at, Exit::with_code(code), shared, turn);
        }
    }

    /// Nothing runs any more: writes the final status and lets the object go.
    ///
    /// Source: Kubernetes 1.28, pkg/kubelet/status/status_manager.go, TerminatePod.
    fn conclude(&mut self, shared: &mut Shared, turn: &mut Turn<'_>) {
        let failure = match &mut self.stage {
            Stage::Stopping(stopping) => stopping.failure.take(),
            Stage::Active | Stage::Finished => None,
        };
        if turn.cluster().pod(self.pod).is_some() {
            if let Some((reason, message)) = failure {
                self.write_disruption(&reason, &message, turn);
                turn.write(Command::FailPod(self.pod, reason, message));
            }
            self.write_ends(turn);
            turn.write(Command::FinishPod(self.pod));
            self.write_missing_ends(turn);
            turn.write(Command::ReleasePod(self.pod));
        }
        self.finish(shared, turn);
    }

    /// A pod that its kubelet ended for the sake of the node says so, when it has ended.
    ///
    /// Source: Kubernetes 1.28, pkg/kubelet/status/status_manager.go, mergePodStatus.
    fn write_disruption(&self, reason: &PodReason, message: &Name, turn: &mut Turn<'_>) {
        let is_disrupted = matches!(reason, PodReason::Evicted | PodReason::Terminated);
        if is_disrupted && turn.context.profile.has(Feature::PodDisruptionConditions) {
            let cause = "TerminationByKubelet".into();
            turn.write(Command::SetDisruptionTarget(self.pod, cause, message.clone()));
        }
    }

    /// Writes how the containers ended, also where one waits for a restart that will not be.
    fn write_ends(&mut self, turn: &mut Turn<'_>) {
        for at in 0..self.slots.len() {
            if let Some(end) = self.slots[at].last_end() {
                self.slots[at].notice_end();
                self.set_state(at, ContainerState::Terminated(end), turn);
            }
        }
    }

    /// Of a pod that was past its init containers, a container that never ran has failed too.
    fn write_missing_ends(&self, turn: &mut Turn<'_>) {
        let now = turn.now();
        let Some(pod) = turn.cluster().pod(self.pod) else { return };
        let initialized = pod.status.conditions.initialized.as_ref();
        if !self.spec.init_containers.is_empty()
            && initialized.is_none_or(|condition| condition.status != ConditionStatus::True)
        {
            return;
        }
        for at in 0..self.slots.len() {
            if self.slots.is_app(at) && self.slots[at].last_end().is_none() {
                let reason = TerminationReason::ContainerStatusUnknown;
                let end = Termination { exit_code: KILLED, reason, started_at: now, finished_at: now };
                self.set_state(at, ContainerState::Terminated(end), turn);
            }
        }
    }
}
