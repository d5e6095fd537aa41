//! The worker of a pod: brings one pod from its binding to its end.
//!
//! ```text
//!              PodBound
//!                 │
//!          (not accepted) ──refused by admission──▶ Failed ─────────────┐
//!                 │ accepted: start time, active deadline               │
//!          making the sandbox ◀─────────────── node failed and is back  │
//!                 │ address                                             │
//!          init containers, in order; sidecars keep running             │
//!                 │                                                     │
//!          app containers, in order ◀─┐                                 │
//!                 │                   └─ exit: restart, or back-off     │
//!                 │ all done · deletion · deadline · pod is Failed      │
//!          stopping: SIGTERM, sidecars last, SIGKILL at the end of grace│
//!                 │ no process left                                     │
//!          finished: final phase, object released ◀─────────────────────┘
//! ```
//!
//! Level-triggered: each sync looks at the pod object and at what runs, and does what is to be done next. As the
//! real one, a worker does one thing at a time: while it makes a sandbox, pulls an image or starts a container,
//! exits are not noticed and nothing else is started; only the end of the pod interrupts it.
//!
//! What a worker holds is of two kinds. The containers, their processes and files, the address and the logs are
//! things of the machine: they outlive a stop of the kubelet. The rest (what it is doing, back-offs, timers) is
//! the kubelet's memory.
//! Source: Kubernetes 1.28, pkg/kubelet/pod_workers.go, kubelet.go (SyncPod, SyncTerminatingPod,
//! SyncTerminatedPod) and kuberuntime/kuberuntime_manager.go (SyncPod, computePodActions).

mod containers;
mod hooks;
mod probes;
mod starting;
mod stopping;

use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::component::{Timers, Turn};
use crate::engine::{EntityKey, SimDuration, SimTime};
use crate::event::{Command, Event, EventId, ProcessRef, ServingEnd};
use crate::kubelet::admission;
use crate::kubelet::backoff::{Backoff, BackoffPolicy};
use crate::kubelet::catalogue::{Catalogue, ImageId};
use crate::kubelet::logs::PodLogs;
use crate::kubelet::memory::KILLED;
use crate::kubelet::node::Machines;
use crate::kubelet::ports::Network;
use crate::kubelet::pressure::User;
use crate::kubelet::process::{Process, Surroundings};
use crate::kubelet::records::{DEADLINE_MESSAGE, Note, note};
use crate::kubelet::restart::History;
use crate::kubelet::shutdown;
use crate::kubelet::volumes::PodFiles;
use crate::kubelet::worker::containers::{Slot, Slots, Start};
use crate::kubelet::worker::starting::Operation;
use crate::kubelet::worker::stopping::{Stop, Stopping};
use crate::model::ids::{NodeId, PodId};
use crate::model::meta::Name;
use crate::model::pod::{Container, Pod, PodSpec};
use crate::model::pod_status::{
    ContainerRef, ContainerState, PodReason, PodStatus, TerminationReason, WaitingReason,
};

/// What the workers of all pods share.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    /// What images are and do.
    pub(super) catalogue: Catalogue,
    /// The nodes.
    pub(super) machines: Machines,
    /// Who listens where.
    pub(super) network: Network,
    /// The waits before restarts and pulls.
    pub(super) backoff: BackoffPolicy,
}

/// The worker of one pod.
#[derive(Debug, Clone)]
pub(super) struct Worker {
    pod: PodId,
    node: NodeId,
    key: EntityKey,
    spec: Arc<PodSpec>,
    slots: Slots,
    address: Option<Ipv4Addr>,
    n_sandboxes: u32,
    files: PodFiles,
    logs: PodLogs,
    stage: Stage,
    operation: Option<Operation>,
    pull_backoffs: Vec<(ImageId, Backoff)>,
    /// Since when the kubelet has had to do with the pod: the beat that its probes keep.
    probes_since: Option<SimTime>,
    /// Whether the kubelet has just started and found the pod there.
    is_fresh: bool,
    sync_timer: Option<(SimTime, EventId)>,
    probe_timer: Option<(SimTime, EventId)>,
    deadline_timer: Option<EventId>,
    grace_timer: Option<EventId>,
}

#[derive(Debug, Clone)]
enum Stage {
    /// The pod is to run.
    Active,
    /// The pod is to end.
    Stopping(Stopping),
    /// Only the logs are left.
    Finished,
}

/// How a process ended.
#[derive(Debug, Clone, Copy)]
struct Exit {
    code: i32,
    reason: TerminationReason,
}

/// The container at a position: init containers come first.
fn container_at(spec: &PodSpec, at: usize) -> &Container {
    let n_init = spec.init_containers.len();
    if at < n_init { &spec.init_containers[at] } else { &spec.containers[at - n_init] }
}

impl Exit {
    /// The end by a process's own doing, or by a signal.
    const fn with_code(code: i32) -> Self {
        let reason = if code == 0 { TerminationReason::Completed } else { TerminationReason::Error };
        Self { code, reason }
    }

    /// The kernel's answer to a process over its memory limit.
    const OUT_OF_MEMORY: Self = Self { code: KILLED, reason: TerminationReason::OomKilled };
}

impl Worker {
    /// The worker of a pod that was bound to a node.
    pub(super) fn new(id: PodId, pod: &Pod, node: NodeId) -> Self {
        Self {
            pod: id,
            node,
            key: pod.meta.uid.key,
            spec: pod.spec.clone(),
            slots: Slots::new(&pod.spec),
            address: None,
            n_sandboxes: 0,
            files: PodFiles::default(),
            logs: PodLogs::default(),
            stage: Stage::Active,
            operation: None,
            pull_backoffs: Vec::new(),
            probes_since: None,
            is_fresh: false,
            sync_timer: None,
            probe_timer: None,
            deadline_timer: None,
            grace_timer: None,
        }
    }

    /// What the pod's containers wrote.
    pub(super) const fn logs(&self) -> &PodLogs {
        &self.logs
    }

    /// The node that the pod is bound to.
    pub(super) const fn node(&self) -> NodeId {
        self.node
    }

    /// Whether only the logs are left.
    pub(super) const fn is_finished(&self) -> bool {
        matches!(self.stage, Stage::Finished)
    }

    /// Whether the pod is to run.
    pub(super) const fn is_active(&self) -> bool {
        matches!(self.stage, Stage::Active)
    }

    /// Whether any process of the pod runs.
    pub(super) fn has_process(&self) -> bool {
        self.slots.have_process()
    }

    /// The processes that use memory worth counting.
    pub(super) fn memory_users(&self, catalogue: &Catalogue) -> Vec<User> {
        let slots = self.slots.iter().enumerate();
        let processes = slots.filter_map(|(at, slot)| Some((at, slot.process()?)));
        let users = processes.filter_map(|(at, process)| {
            let usage = catalogue.program(process.program()).memory?;
            Some(User { pod: self.pod, at, started: process.started_at, usage })
        });
        users.collect()
    }

    /// Whether the containers that have a process, or had one until just now, are those said to run.
    pub(super) fn agrees_with(&self, status: &PodStatus) -> bool {
        (0..self.slots.len()).all(|at| {
            let slot = &self.slots[at];
            let is_running = slot.history() == History::Running && slot.start != Start::Hook;
            is_running == status.container(self.slots.container_ref(at)).is_running()
        })
    }

    /// Whether the worker has a timer or a named thing to wait for: a pull, a process, an image that must not be
    /// pulled.
    pub(super) fn will_go_on(&self, status: &PodStatus) -> bool {
        let never_pull = ContainerState::Waiting(WaitingReason::ErrImageNeverPull);
        let mut containers = status.init_containers.iter().chain(&status.containers);
        self.sync_timer.is_some()
            || match self.stage {
                Stage::Active => {
                    self.slots.have_process()
                        || matches!(self.operation, Some(Operation::Pull(_)))
                        || containers.any(|container| container.state == never_pull)
                }
                Stage::Stopping(_) => self.grace_timer.is_some(),
                Stage::Finished => true,
            }
    }

    /// Has the worker look at its pod at an instant, unless it does earlier.
    pub(super) fn request_sync(&mut self, at: SimTime, timers: &mut impl Timers) {
        if self.is_finished() {
            return;
        }
        if let Some((due, timer)) = self.sync_timer {
            if due <= at {
                return;
            }
            timers.cancel(timer);
        }
        self.sync_timer = Some((at, timers.set_timer(at, Event::PodSync(self.pod))));
    }

    /// Looks at the pod and does what is to be done.
    pub(super) fn sync(&mut self, shared: &mut Shared, turn: &mut Turn<'_>) {
        if let Some((_, timer)) = self.sync_timer.take() {
            turn.cancel(timer);
        }
        if self.is_finished() || !shared.machines.has_kubelet(self.node) {
            return;
        }
        if let Some(pod) = turn.cluster().pod(self.pod)
            && !Arc::ptr_eq(&pod.spec, &self.spec)
        {
            let spec = pod.spec.clone();
            self.take_spec(spec, turn);
        }
        if let Some(stop) = self.reason_to_stop(turn) {
            self.stop(stop, shared, turn);
        }
        match self.stage {
            Stage::Active => self.go_on(shared, turn),
            Stage::Stopping(_) => self.go_on_stopping(shared, turn),
            Stage::Finished => {}
        }
    }

    /// Takes a changed spec; one with other containers is none that the API server lets pass. Deviation: another
    /// image is used at the next start, the container is not restarted for it.
    fn take_spec(&mut self, spec: Arc<PodSpec>, turn: &mut Turn<'_>) {
        let numbers = |spec: &PodSpec| (spec.init_containers.len(), spec.containers.len());
        if numbers(&spec) != numbers(&self.spec) {
            return;
        }
        self.spec = spec;
        if let Some(timer) = self.deadline_timer.take() {
            turn.cancel(timer);
        }
    }

    /// Why the pod as its object stands is to end.
    fn reason_to_stop(&self, turn: &Turn<'_>) -> Option<Stop> {
        let Some(pod) = turn.cluster().pod(self.pod) else { return Some(Stop::default()) };
        if let Some(deletion) = pod.meta.deletion {
            return Some(Stop { grace: Some(deletion.grace), failure: None });
        }
        let is_out_of_time = self.deadline(pod).is_some_and(|deadline| deadline <= turn.now());
        if is_out_of_time {
            let failure = Some((PodReason::DeadlineExceeded, DEADLINE_MESSAGE.into()));
            return Some(Stop { grace: None, failure });
        }
        pod.status.phase.is_terminal().then(Stop::default)
    }

    /// When the pod is out of time; `None` where it never is, or has not been accepted.
    fn deadline(&self, pod: &Pod) -> Option<SimTime> {
        Some(pod.status.start_time? + self.spec.active_deadline?)
    }

    /// Brings a pod that is to run one step further.
    fn go_on(&mut self, shared: &mut Shared, turn: &mut Turn<'_>) {
        if !self.accept(shared, turn) {
            return self.finish(shared, turn);
        }
        let has_found_any = self.find_running(shared, turn);
        if !self.end_operation(shared, turn) {
            return;
        }
        self.notice_exits(turn);
        if has_found_any {
            // Nobody knew how the pod was while its kubelet was away, so somebody may have said that it is not Ready.
            turn.write(Command::ReportPod(self.pod));
        }
        if self.address.is_none() && self.slots.have_unnoticed_end() {
            return;
        }
        if self.has_to_end() {
            self.stop(Stop::default(), shared, turn);
            return self.go_on_stopping(shared, turn);
        }
        if self.address.is_none() && !self.begin_sandbox(shared, turn) {
            return;
        }
        if self.kill_condemned(shared, turn) {
            self.start_wanted(shared, turn);
        }
    }

    /// A kubelet that begins with an empty memory finds the containers that run. Whether there are any.
    fn find_running(&mut self, shared: &mut Shared, turn: &mut Turn<'_>) -> bool {
        if self.probes_since.is_some() {
            return false;
        }
        self.probes_since = Some(turn.now());
        for at in 0..self.slots.len() {
            if self.slots[at].history() == History::Running {
                self.begin_probes(at, shared, turn);
            }
        }
        self.has_process()
    }

    /// Whether there is nothing to run any more, as far as the kubelet knows.
    fn has_to_end(&self) -> bool {
        let has_lost_sandbox = self.n_sandboxes > 0 && self.address.is_none();
        if has_lost_sandbox {
            !self.slots.need_another_sandbox(&self.spec)
        } else {
            self.slots.are_done(&self.spec)
        }
    }

    /// Takes the pod, unless the node refuses it. Whether it is taken.
    fn accept(&mut self, shared: &Shared, turn: &mut Turn<'_>) -> bool {
        let cluster = turn.cluster();
        let pod = cluster.pod(self.pod).expect("a pod without an object is being stopped");
        if pod.status.start_time.is_none() {
            let admitted = admission::check(cluster, self.pod, pod, self.node);
            let admitted = admitted.and_then(|()| shutdown::check(self.node, &shared.machines));
            if let Err(rejection) = admitted {
                let admission::Rejection { reason, message } = rejection;
                note(turn, self.pod, Note::Rejected { reason: &reason, message: &message });
                let message = format!("Pod was rejected: {message}").into();
                turn.write(Command::FailPod(self.pod, reason, message));
                return false;
            }
            turn.write(Command::AcceptPod(self.pod));
        }
        if self.deadline_timer.is_none() {
            let deadline = turn.cluster().pod(self.pod).and_then(|pod| self.deadline(pod));
            self.deadline_timer = deadline.map(|at| turn.set_timer(at, Event::PodDeadlineReached(self.pod)));
        }
        true
    }

    /// Takes note of the processes that have ended, as soon as that can be seen.
    fn notice_exits(&mut self, turn: &mut Turn<'_>) {
        for at in 0..self.slots.len() {
            let Some(end) = self.slots[at].unnoticed_end() else { continue };
            let visible = end.finished_at + turn.context.timing.exit_detection;
            if visible <= turn.now() {
                self.slots[at].notice_end();
                self.set_state(at, ContainerState::Terminated(end), turn);
            } else {
                self.request_sync(visible, turn);
            }
        }
    }

    /// A process may have done its present step.
    pub(super) fn step_done(&mut self, process: ProcessRef, shared: &mut Shared, turn: &mut Turn<'_>) {
        let Some(at) = self.find(process) else { return };
        if let Some(code) = self.with_process(at, shared, turn, Process::step_done) {
            self.end_process(at, Exit::with_code(code), shared, turn);
        }
    }

    /// A process is over its memory limit.
    pub(super) fn limit_reached(&mut self, process: ProcessRef, shared: &mut Shared, turn: &mut Turn<'_>) {
        if let Some(at) = self.find(process) {
            self.end_process(at, Exit::OUT_OF_MEMORY, shared, turn);
        }
    }

    /// The kernel ends a process because the memory of the node is used up.
    pub(super) fn oom_kill(&mut self, at: usize, shared: &mut Shared, turn: &mut Turn<'_>) {
        self.end_process(at, Exit::OUT_OF_MEMORY, shared, turn);
    }

    /// The kubelet evicts the pod, in as little time as it can.
    pub(super) fn evict(&mut self, message: Name, shared: &mut Shared, turn: &mut Turn<'_>) {
        let failure = Some((PodReason::Evicted, message));
        self.stop(Stop { grace: Some(SimDuration::from_secs(1)), failure }, shared, turn);
        self.go_on_stopping(shared, turn);
    }

    /// The process of a container is ended from outside, if it runs.
    pub(super) fn kill(
        &mut self,
        container: ContainerRef,
        exit_code: i32,
        shared: &mut Shared,
        turn: &mut Turn<'_>,
    ) {
        let at = self.slots.position(container);
        if self.slots.get(at).is_some_and(Slot::has_process) {
            self.end_process(at, Exit::with_code(exit_code), shared, turn);
        }
    }

    /// The pod may be out of time.
    pub(super) fn deadline_reached(&mut self, shared: &mut Shared, turn: &mut Turn<'_>) {
        self.deadline_timer = None;
        if matches!(self.stage, Stage::Active) {
            self.sync(shared, turn);
        }
    }

    /// The node stops dead: all processes are gone, and so is what the kubelet remembers. Nobody writes a status.
    pub(super) fn lose(&mut self, shared: &mut Shared, turn: &mut Turn<'_>) {
        for at in 0..self.slots.len() {
            if self.slots[at].has_process() {
                self.with_process(at, shared, turn, |process, around| {
                    process.end(ServingEnd::NodeLost, around)
                });
                self.slots[at].lose_process();
            }
        }
        self.forget(turn);
        self.slots.leave_sandbox();
        self.free_address(shared);
    }

    /// The node is up again, all containers dead.
    ///
    /// Source: containerd 1.7, a container whose task is gone when the daemon starts has exit code 255.
    pub(super) fn recover(&mut self, turn: &mut Turn<'_>) {
        let now = turn.now();
        self.slots.bury_lost(now);
        self.request_sync(now, turn);
    }

    /// The kubelet begins with an empty memory; what runs goes on.
    pub(super) fn forget(&mut self, timers: &mut impl Timers) {
        self.cancel_timers(timers);
        self.operation = None;
        self.pull_backoffs.clear();
        (self.probes_since, self.is_fresh) = (None, true);
        self.slots.forget();
        if matches!(self.stage, Stage::Stopping(_)) {
            self.stage = Stage::Active;
        }
    }

    fn cancel_timers(&mut self, timers: &mut impl Timers) {
        let sync = self.sync_timer.take().map(|(_, timer)| timer);
        let probe = self.probe_timer.take().map(|(_, timer)| timer);
        for timer in [sync, probe, self.deadline_timer.take(), self.grace_timer.take()].into_iter().flatten()
        {
            timers.cancel(timer);
        }
    }

    /// The pod object is gone together with its node: nothing is left to be done.
    pub(super) fn drop_lost(&mut self, timers: &mut impl Timers) {
        self.cancel_timers(timers);
        self.stage = Stage::Finished;
    }

    /// Gives everything back but the logs.
    fn finish(&mut self, shared: &mut Shared, turn: &mut Turn<'_>) {
        self.cancel_timers(turn);
        self.free_address(shared);
        self.forget_probed_ports(shared);
        self.slots = Slots::default();
        self.files = PodFiles::default();
        self.stage = Stage::Finished;
        shared.machines.remove_pod(self.node, self.pod, turn.cluster());
    }

    fn free_address(&mut self, shared: &mut Shared) {
        if let Some(address) = self.address.take()
            && !self.spec.host_network
        {
            shared.machines.of(self.node).addresses.free(self.node.into(), address);
        }
    }

    /// The slot of a process that still runs.
    fn find(&self, process: ProcessRef) -> Option<usize> {
        let at = self.slots.position(process.container);
        self.slots.get(at).is_some_and(|slot| slot.runs(process)).then_some(at)
    }

    /// Has a process that runs do something.
    fn with_process<R>(
        &mut self,
        at: usize,
        shared: &mut Shared,
        turn: &mut Turn<'_>,
        act: impl FnOnce(&mut Process, &mut Surroundings<'_, '_>) -> R,
    ) -> R {
        let process = self.slots[at].process_mut().expect("the slot of the process was just looked up");
        let mut surroundings = Surroundings {
            program: shared.catalogue.program(process.program()),
            spec: &self.spec,
            container: container_at(&self.spec, at),
            node: self.node,
            network: &mut shared.network,
            files: &mut self.files,
            logs: &mut self.logs,
            turn,
        };
        act(process, &mut surroundings)
    }

    /// Ends a process that runs; the kubelet sees it later.
    fn end_process(&mut self, at: usize, exit: Exit, shared: &mut Shared, turn: &mut Turn<'_>) {
        self.with_process(at, shared, turn, |process, around| process.end(ServingEnd::Exited, around));
        self.stir_memory(at, shared);
        let now = turn.now();
        self.slots[at].end_process(exit, now);
        let latency = match self.stage {
            Stage::Active if !matches!(self.operation, Some(Operation::Kill(killed, _)) if killed == at) => {
                turn.context.timing.exit_detection
            }
            Stage::Active | Stage::Stopping(_) | Stage::Finished => SimDuration::ZERO,
        };
        self.request_sync(now + latency, turn);
        if !self.slots[at].probing.is_empty() {
            self.request_probe(now, turn);
        }
    }

    /// A process begins or ends: the memory of the node is to be looked at, where the process uses any.
    fn stir_memory(&self, at: usize, shared: &mut Shared) {
        let program = self.slots[at].process().map(|process| shared.catalogue.program(process.program()));
        if program.is_some_and(|program| program.memory.is_some()) {
            shared.machines.stir(self.node);
        }
    }

    fn set_state(&self, at: usize, state: ContainerState, turn: &mut Turn<'_>) {
        if turn.cluster().pod(self.pod).is_some() {
            turn.write(Command::SetContainer(self.pod, self.slots.container_ref(at), state));
        }
    }
}
