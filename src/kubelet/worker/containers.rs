//! The containers of a pod as they stand on the node, and which of them is to be started next.
//!
//! Init containers come first, in the order of the spec, then the app containers. An init container starts when
//! the one before has done its part: an ordinary one by exiting with 0, a sidecar by running. App containers
//! start when all init containers have done their part, and from then on only sidecars among these start again.
//! Source: Kubernetes 1.28, pkg/kubelet/kuberuntime/kuberuntime_manager.go, computePodActions, and
//! kuberuntime_container.go, computeInitContainerActions.

use std::ops::{Index, IndexMut};

use crate::engine::SimTime;
use crate::event::ProcessRef;
use crate::kubelet::backoff::Backoff;
use crate::kubelet::prober::Prober;
use crate::kubelet::process::Process;
use crate::kubelet::restart::{History, should_restart};
use crate::kubelet::worker::Exit;
use crate::model::pod::{PodSpec, RestartPolicy};
use crate::model::pod_status::{ContainerRef, Termination, TerminationReason};
use crate::model::probe::ProbeKind;
use crate::model::resources::InitKind;

/// The containers of a pod, by position: init containers, then app containers.
#[derive(Debug, Clone, Default)]
pub(super) struct Slots {
    slots: Vec<Slot>,
    n_init: usize,
}

/// One container.
#[derive(Debug, Clone, Default)]
pub(super) struct Slot {
    /// The waits before its restarts.
    pub(super) backoff: Backoff,
    /// Its probes.
    pub(super) probing: Vec<Probing>,
    /// Why the kubelet is to end its process.
    pub(super) condemned: Option<KillReason>,
    /// How far the kubelet is with its start.
    pub(super) start: Start,
    /// Whether it has been started in the present sandbox.
    is_in_sandbox: bool,
    process: Option<Process>,
    n_runs: u32,
    end: Option<End>,
    /// How the run before the last one ended.
    earlier_end: Option<Termination>,
    /// Whether the kubelet ended the last run in the sync that goes on.
    is_just_killed: bool,
    /// When the process that its node went down with had been started.
    lost: Option<SimTime>,
}

/// Why a kubelet ends the process of a container and leaves the pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KillReason {
    /// This probe has failed.
    Probe(ProbeKind),
    /// The hook after its start has failed.
    PostStartHook,
}

/// How far the kubelet is with the start of a container that has a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Start {
    /// The hook after the start goes on; the status does not say yet that the container runs.
    #[default]
    Hook,
    /// The startup probe has not succeeded.
    StartingUp,
    /// It is over.
    Over,
}

/// A probe of a container.
#[derive(Debug, Clone, Copy)]
pub(super) struct Probing {
    /// Which one.
    pub(super) kind: ProbeKind,
    /// How it stands.
    pub(super) prober: Prober,
}

/// How the last run ended.
#[derive(Debug, Clone, Copy)]
struct End {
    termination: Termination,
    /// Whether the kubelet knows.
    is_noticed: bool,
}

/// How far the init containers of a pod are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InitProgress {
    /// This one is to be started.
    Next(usize),
    /// This one has to get further first: it runs, or has to be started again.
    Held(usize),
    /// One has failed for good.
    Failed,
    /// They have done their part.
    Done,
}

impl Slots {
    /// The containers of a pod that has not started.
    pub(super) fn new(spec: &PodSpec) -> Self {
        let n_init = spec.init_containers.len();
        Self { slots: vec![Slot::default(); n_init + spec.containers.len()], n_init }
    }

    /// How many there are; none once the pod has ended.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The container at a position, where there is one.
    pub(super) fn get(&self, at: usize) -> Option<&Slot> {
        self.slots.get(at)
    }

    /// All containers.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter()
    }

    /// The position of a container.
    pub(super) fn position(&self, container: ContainerRef) -> usize {
        match container {
            ContainerRef::Init(at) => usize::from(at),
            ContainerRef::App(at) => self.n_init + usize::from(at),
        }
    }

    /// The container at a position.
    pub(super) fn container_ref(&self, at: usize) -> ContainerRef {
        if at < self.n_init {
            ContainerRef::Init(at as u16)
        } else {
            ContainerRef::App((at - self.n_init) as u16)
        }
    }

    /// Whether the container at a position is an app container.
    pub(super) fn is_app(&self, at: usize) -> bool {
        at >= self.n_init
    }

    /// Whether any container was ever started.
    pub(super) fn have_run(&self) -> bool {
        self.slots.iter().any(|slot| slot.n_runs > 0)
    }

    /// Whether any container has ended without the kubelet's knowing.
    pub(super) fn have_unnoticed_end(&self) -> bool {
        self.slots.iter().any(|slot| slot.unnoticed_end().is_some())
    }

    /// Whether any process runs.
    pub(super) fn have_process(&self) -> bool {
        self.slots.iter().any(Slot::has_process)
    }

    /// How far the init containers are, as far as the kubelet knows.
    pub(super) fn init_progress(&self, spec: &PodSpec) -> InitProgress {
        let (init, app) = self.slots.split_at(self.n_init);
        if app.iter().any(|slot| slot.is_in_sandbox) {
            return InitProgress::Done;
        }
        let after = |at: usize| if at < self.n_init { InitProgress::Next(at) } else { InitProgress::Done };
        let Some(latest) = init.iter().rposition(|slot| slot.is_in_sandbox) else { return after(0) };
        match (spec.init_containers[latest].init_kind, init[latest].history()) {
            (InitKind::Sidecar, History::Running) if init[latest].start == Start::Over => after(latest + 1),
            (InitKind::Ordinary, History::Exited(0)) => after(latest + 1),
            (InitKind::Ordinary, History::Exited(_)) if spec.restart_policy == RestartPolicy::Never => {
                InitProgress::Failed
            }
            (InitKind::Ordinary | InitKind::Sidecar, _) => InitProgress::Held(latest),
        }
    }

    /// Whether the container at a position does not run and is to be started.
    pub(super) fn is_wanted(&self, at: usize, spec: &PodSpec) -> bool {
        let slot = &self.slots[at];
        let history = slot.history();
        if history == History::Running {
            return false;
        }
        let progress = self.init_progress(spec);
        if self.is_app(at) {
            return progress == InitProgress::Done && should_restart(history, spec.restart_policy, false);
        }
        match (spec.init_containers[at].init_kind, progress) {
            (_, InitProgress::Next(next)) if next == at => true,
            (_, InitProgress::Failed) => false,
            (InitKind::Ordinary, InitProgress::Held(held)) => held == at,
            (InitKind::Ordinary, InitProgress::Next(_) | InitProgress::Done) => false,
            (InitKind::Sidecar, _) => slot.is_in_sandbox,
        }
    }

    /// Whether everything that was to run has run: no app container runs or will again, or an init container has
    /// failed for good.
    pub(super) fn are_done(&self, spec: &PodSpec) -> bool {
        match self.init_progress(spec) {
            InitProgress::Failed => true,
            InitProgress::Done => (self.n_init..self.slots.len())
                .all(|at| self.slots[at].history() != History::Running && !self.is_wanted(at, spec)),
            InitProgress::Next(_) | InitProgress::Held(_) => false,
        }
    }

    /// Whether there is reason to make another sandbox after the first one is gone.
    pub(super) fn need_another_sandbox(&self, spec: &PodSpec) -> bool {
        if spec.restart_policy == RestartPolicy::Never && self.have_run() {
            return false;
        }
        let mut apps = self.slots[self.n_init..].iter();
        apps.any(|slot| should_restart(slot.history(), spec.restart_policy, false))
    }

    /// The sandbox is gone: the init containers begin anew.
    pub(super) fn leave_sandbox(&mut self) {
        for slot in &mut self.slots {
            slot.is_in_sandbox = false;
        }
    }

    /// The processes that a node went down with are found dead.
    pub(super) fn bury_lost(&mut self, now: SimTime) {
        for slot in &mut self.slots {
            if let Some(started_at) = slot.lost.take() {
                let reason = TerminationReason::Unknown;
                let termination = Termination { exit_code: 255, reason, started_at, finished_at: now };
                slot.end = Some(End { termination, is_noticed: false });
            }
        }
    }

    /// Those that were asked to stop are killed at this instant at the latest.
    pub(super) fn kill_at_the_latest(&mut self, at: SimTime) {
        for process in self.slots.iter_mut().filter_map(|slot| slot.process.as_mut()) {
            process.kill_at = process.kill_at.map(|kill_at| kill_at.min(at));
        }
    }

    /// What the kubelet itself remembers is gone.
    pub(super) fn forget(&mut self) {
        for slot in &mut self.slots {
            slot.backoff = Backoff::default();
            (slot.condemned, slot.is_just_killed) = (None, false);
            slot.probing.clear();
            if let Some(process) = &mut slot.process {
                process.kill_at = None;
                process.forget_hook();
            }
        }
    }
}

impl Index<usize> for Slots {
    type Output = Slot;

    fn index(&self, at: usize) -> &Slot {
        &self.slots[at]
    }
}

impl IndexMut<usize> for Slots {
    fn index_mut(&mut self, at: usize) -> &mut Slot {
        &mut self.slots[at]
    }
}

impl Slot {
    /// What the kubelet knows of the container: an exit that it has not noticed has not been.
    pub(super) fn history(&self) -> History {
        match self.end {
            _ if self.process.is_some() => History::Running,
            None => History::None,
            Some(End { is_noticed: false, .. }) => History::Running,
            Some(End { termination, .. }) => History::Exited(termination.exit_code),
        }
    }

    /// Whether its process runs.
    pub(super) const fn has_process(&self) -> bool {
        self.process.is_some()
    }

    /// Its process, where it runs.
    pub(super) const fn process(&self) -> Option<&Process> {
        self.process.as_ref()
    }

    /// Its process, where it runs.
    pub(super) const fn process_mut(&mut self) -> Option<&mut Process> {
        self.process.as_mut()
    }

    /// Whether this run goes on.
    pub(super) fn runs(&self, process: ProcessRef) -> bool {
        self.process.as_ref().is_some_and(|running| running.id == process)
    }

    /// How often it was started before.
    pub(super) const fn n_runs(&self) -> u32 {
        self.n_runs
    }

    /// How the last run ended, where none goes on.
    pub(super) fn last_end(&self) -> Option<Termination> {
        self.end.filter(|_| self.process.is_none()).map(|end| end.termination)
    }

    /// How the last run ended, where the kubelet does not know yet.
    pub(super) fn unnoticed_end(&self) -> Option<Termination> {
        self.end.filter(|end| !end.is_noticed).map(|end| end.termination)
    }

    /// The end after which the kubelet may have to wait: of a container that it has ended just now it knows only how
    /// the run before ended.
    ///
    /// Source: Kubernetes 1.28, pkg/kubelet/kuberuntime/kuberuntime_manager.go, doBackOff, with the status from before
    /// the kill.
    pub(super) fn end_to_judge(&mut self) -> Option<Termination> {
        if std::mem::take(&mut self.is_just_killed) { self.earlier_end } else { self.last_end() }
    }

    /// When the run began that goes on as far as the kubelet knows.
    pub(super) fn running_since(&self) -> Option<SimTime> {
        let process = self.process.as_ref().map(|process| process.started_at);
        process.or_else(|| self.unnoticed_end().map(|end| end.started_at))
    }

    /// The probe of a kind, where the container has one.
    pub(super) fn prober(&self, kind: ProbeKind) -> Option<&Prober> {
        self.probing.iter().find(|probing| probing.kind == kind).map(|probing| &probing.prober)
    }

    /// The kubelet knows how the last run ended.
    pub(super) fn notice_end(&mut self) {
        if let Some(end) = &mut self.end {
            end.is_noticed = true;
        }
        self.probing.iter_mut().for_each(|probing| probing.prober.sleep());
        self.condemned = None;
    }

    /// The kubelet has ended the process, and knows it.
    pub(super) fn notice_kill(&mut self) {
        self.notice_end();
        self.is_just_killed = true;
    }

    /// A process begins.
    pub(super) fn begin_process(&mut self, process: Process) {
        self.n_runs += 1;
        self.is_in_sandbox = true;
        self.earlier_end = self.end.take().map(|end| end.termination);
        self.start = Start::Hook;
        self.process = Some(process);
    }

    /// The process ends.
    pub(super) fn end_process(&mut self, exit: Exit, now: SimTime) {
        let Some(process) = self.process.take() else { return };
        let (exit_code, reason) = (exit.code, exit.reason);
        let termination = Termination { exit_code, reason, started_at: process.started_at, finished_at: now };
        self.end = Some(End { termination, is_noticed: false });
    }

    /// The process is gone with its node.
    pub(super) fn lose_process(&mut self) {
        self.lost = self.process.take().map(|process| process.started_at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubelet::testbed;
    use crate::model::pod::Container;

    /// A container that was started in this sandbox and has this history.
    fn slot(history: History) -> Slot {
        let end = |exit_code, is_noticed| {
            let reason = TerminationReason::Error;
            let (started_at, finished_at) = (SimTime::ZERO, SimTime::ZERO);
            Some(End { termination: Termination { exit_code, reason, started_at, finished_at }, is_noticed })
        };
        let end = match history {
            History::None | History::Unknown => return Slot::default(),
            History::Running => end(0, false),
            History::Exited(code) => end(code, true),
        };
        Slot { end, is_in_sandbox: true, n_runs: 1, start: Start::Over, ..Slot::default() }
    }

    /// Checks which containers of a pod are to be started, `i` ordinary init, `s` sidecar, `a` app containers.
    #[track_caller]
    fn check(kinds: &str, policy: RestartPolicy, histories: &[History], wanted: &[usize], are_done: bool) {
        let of = |kind: char| -> Vec<Container> {
            let matching = kinds.chars().filter(|other| (*other == 'a') == (kind == 'a'));
            matching
                .map(|kind| {
                    let init_kind = if kind == 's' { InitKind::Sidecar } else { InitKind::Ordinary };
                    Container { init_kind, ..testbed::container("c", "image") }
                })
                .collect()
        };
        let spec = PodSpec { init_containers: of('i'), restart_policy: policy, ..testbed::pod_spec(of('a')) };
        let slots =
            Slots { slots: histories.iter().map(|h| slot(*h)).collect(), n_init: spec.init_containers.len() };
        let found: Vec<_> = (0..slots.len()).filter(|at| slots.is_wanted(*at, &spec)).collect();
        assert_eq!((found.as_slice(), slots.are_done(&spec)), (wanted, are_done));
    }

    #[test]
    fn init_containers_start_one_after_another_and_app_containers_after_them() {
        use History::{Exited, None, Running};
        use RestartPolicy::{Always, Never, OnFailure};
        check("iiaa", Always, &[None, None, None, None], &[0], false);
        check("iiaa", Always, &[Running, None, None, None], &[], false);
        check("iiaa", Always, &[Exited(0), None, None, None], &[1], false);
        check("iiaa", OnFailure, &[Exited(0), Exited(1), None, None], &[1], false);
        check("iiaa", Never, &[Exited(0), Exited(1), None, None], &[], true);
        check("iiaa", Never, &[Exited(0), Exited(0), None, None], &[2, 3], false);
        check("aa", Never, &[None, Running], &[0], false);
    }

    #[test]
    fn app_containers_start_again_by_the_restart_policy() {
        use History::{Exited, Running};
        use RestartPolicy::{Always, Never, OnFailure};
        check("iaa", Always, &[Exited(0), Exited(0), Exited(1)], &[1, 2], false);
        check("iaa", OnFailure, &[Exited(0), Exited(0), Exited(1)], &[2], false);
        check("iaa", OnFailure, &[Exited(0), Exited(0), Exited(0)], &[], true);
        check("iaa", Never, &[Exited(0), Exited(0), Exited(1)], &[], true);
        check("iaa", Never, &[Exited(0), Running, Exited(1)], &[], false);
    }

    #[test]
    fn a_sidecar_holds_up_the_rest_only_until_it_has_run_once() {
        use History::{Exited, None, Running};
        use RestartPolicy::Never;
        check("sia", Never, &[None, None, None], &[0], false);
        check("sia", Never, &[Running, None, None], &[1], false);
        check("sia", Never, &[Exited(1), None, None], &[0], false);
        check("sia", Never, &[Exited(1), Running, None], &[0], false);
        check("sia", Never, &[Exited(1), Exited(0), None], &[0, 2], false);
        check("sa", Never, &[Exited(0), Running], &[0], false);
        check("sa", Never, &[Running, Exited(0)], &[], true);
    }
}
