//! Lifecycle hooks: beside the process after its start, and before SIGTERM.
//!
//! How long a hook takes, and whether it fails, is said by the image; a `sleep` hook takes its own time, and an
//! `httpGet` hook fails where nobody listens. A hook never outlives its process.
//! Source: Kubernetes 1.28, pkg/kubelet/kuberuntime/kuberuntime_container.go (startContainer, executePreStopHook) and
//! pkg/kubelet/lifecycle/handlers.go.

use crate::component::{Timers, Turn};
use crate::engine::SimDuration;
use crate::event::{Event, ProcessRef};
use crate::kubelet::process::namespace_of;
use crate::kubelet::records::{Note, note};
use crate::kubelet::worker::containers::{KillReason, Start};
use crate::kubelet::worker::starting::Operation;
use crate::kubelet::worker::{Shared, Worker, container_at};
use crate::model::probe::HookAction;
use crate::model::program::{HookRun, Hooks};

/// How a hook ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Well.
    Success,
    /// Not well, or not at all.
    Failure,
}

impl Outcome {
    const fn of(hook: HookRun) -> Self {
        if hook.fails { Self::Failure } else { Self::Success }
    }
}

impl Worker {
    /// How the hook after the start of a container goes, where it has one.
    pub(super) fn post_start(&self, at: usize, shared: &Shared) -> Option<HookRun> {
        let action = container_at(&self.spec, at).lifecycle.post_start?;
        Some(self.hook_run(at, action, shared, |hooks| hooks.post_start))
    }

    /// How the hook before the end of a container goes, where it has one.
    pub(super) fn pre_stop(&self, at: usize, shared: &Shared) -> Option<HookRun> {
        let action = container_at(&self.spec, at).lifecycle.pre_stop?;
        Some(self.hook_run(at, action, shared, |hooks| hooks.pre_stop))
    }

    fn hook_run(
        &self,
        at: usize,
        action: HookAction,
        shared: &Shared,
        of: impl FnOnce(&Hooks) -> HookRun,
    ) -> HookRun {
        let process = self.slots[at].process();
        let told = process.map(|process| of(&shared.catalogue.program(process.program()).hooks));
        let told = told.unwrap_or_default();
        match action {
            HookAction::Exec => told,
            HookAction::Sleep(takes) => HookRun { takes, fails: false },
            HookAction::HttpGet(port) => {
                let namespace = namespace_of(self.pod, &self.spec, self.node);
                let is_open = port.is_some_and(|port| shared.network.is_open(namespace, port));
                if is_open { told } else { HookRun { takes: SimDuration::ZERO, fails: true } }
            }
        }
    }

    /// Begins the hook after the start of a container. Whether the worker is free.
    pub(super) fn begin_post_start(
        &mut self,
        at: usize,
        hook: HookRun,
        shared: &mut Shared,
        turn: &mut Turn<'_>,
    ) -> bool {
        let process = self.slots[at].process().map(|process| process.id);
        match process {
            Some(process) if !hook.takes.is_zero() => {
                self.operation = Some(Operation::PostStart(at));
                turn.set_timer_after(hook.takes, Event::HookDone(process));
                return false;
            }
            Some(_) => self.end_post_start(at, Outcome::of(hook), shared, turn),
            None => self.end_post_start(at, Outcome::Failure, shared, turn),
        }
        self.slots[at].condemned.is_none()
    }

    /// The hook after the start of a container is over: the container is seen to run, or is to end.
    pub(super) fn end_post_start(
        &mut self,
        at: usize,
        outcome: Outcome,
        shared: &mut Shared,
        turn: &mut Turn<'_>,
    ) {
        match outcome {
            Outcome::Success => self.begin_probes(at, shared, turn),
            Outcome::Failure => {
                note(turn, self.pod, Note::PostStartFailed);
                self.slots[at].start = Start::StartingUp;
                self.slots[at].condemned = Some(KillReason::PostStartHook);
                self.write_running(at, turn);
                self.request_sync(turn.now(), turn);
            }
        }
    }

    /// A hook is over, unless its process is.
    pub(in crate::kubelet) fn hook_done(
        &mut self,
        process: ProcessRef,
        shared: &mut Shared,
        turn: &mut Turn<'_>,
    ) {
        let Some(at) = self.find(process) else { return };
        if self.operation == Some(Operation::PostStart(at)) {
            self.operation = None;
            let outcome = self.post_start(at, shared).map_or(Outcome::Success, Outcome::of);
            self.end_post_start(at, outcome, shared, turn);
            self.request_sync(turn.now(), turn);
            return;
        }
        let hook = self.pre_stop(at, shared);
        self.with_process(at, shared, turn, |process, around| {
            if process.end_pre_stop() {
                if hook.is_some_and(|hook| hook.fails) {
                    note(around.turn, process.id.pod, Note::PreStopFailed);
                }
                process.terminate(around);
            }
        });
    }

    /// The pod is to end: a container whose hook goes on is shown running all the same.
    pub(super) fn show_half_started(&mut self, turn: &mut Turn<'_>) {
        for at in 0..self.slots.len() {
            if self.slots[at].running_since().is_some() && self.slots[at].start == Start::Hook {
                self.slots[at].start = Start::StartingUp;
                self.write_running(at, turn);
            }
        }
    }
}
