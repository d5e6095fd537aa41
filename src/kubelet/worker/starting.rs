//! Starting: the sandbox, then container after container, each with its image.

use crate::component::{Timers, Turn};
use crate::engine::{EntityKey, SimTime};
use crate::event::{Command, ProcessRef};
use crate::kubelet::addresses::node_address;
use crate::kubelet::backoff::Backoff;
use crate::kubelet::catalogue::{ImageId, Lifetime};
use crate::kubelet::images::{Need, Pull, PullOutcome};
use crate::kubelet::process::{Birth, Process, Surroundings};
use crate::kubelet::records::{Note, note};
use crate::kubelet::worker::containers::KillReason;
use crate::kubelet::worker::hooks::Outcome;
use crate::kubelet::worker::{Exit, Shared, Worker, container_at};
use crate::model::meta::Name;
use crate::model::pod::{Pod, RestartPolicy};
use crate::model::pod_status::{ContainerState, WaitingReason};
use crate::model::program::AttemptsBy;
use crate::model::resources::InitKind;

/// What a worker is at that takes time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    /// The sandbox is being made, until this instant.
    Sandbox(SimTime),
    /// The image of the container at this position is being pulled.
    Pull(usize),
    /// The image of the container at this position was pulled.
    Pulled(usize),
    /// The container at this position is being started, until this instant.
    Start(usize, SimTime),
    /// The hook after the start of the container at this position goes on.
    PostStart(usize),
    /// The container at this position is being ended for this reason, the pod goes on.
    Kill(usize, KillReason),
}

/// What became of the image of a container that is to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Image {
    /// It is there.
    Ready,
    /// It is being pulled.
    Asked,
    /// It cannot be had now.
    Refused,
}

impl Worker {
    /// Ends what the worker is at, if that is done. Whether the worker is free.
    pub(super) fn end_operation(&mut self, shared: &mut Shared, turn: &mut Turn<'_>) -> bool {
        let Some(operation) = self.operation else { return true };
        match operation {
            Operation::Sandbox(until) | Operation::Start(_, until) if turn.now() < until => {
                self.request_sync(until, turn);
                return false;
            }
            Operation::Pull(_) => return false,
            Operation::PostStart(at) | Operation::Kill(at, _) if self.slots[at].has_process() => {
                return false;
            }
            Operation::Sandbox(_)
            | Operation::Start(..)
            | Operation::Pulled(_)
            | Operation::PostStart(_)
            | Operation::Kill(..) => self.operation = None,
        }
        match operation {
            Operation::Sandbox(_) => self.end_sandbox(shared, turn),
            Operation::Start(at, _) => return self.run(at, shared, turn),
            Operation::Pulled(at) => return self.start(at, shared, turn),
            // The process did not live as long as the hook.
            Operation::PostStart(at) => self.end_post_start(at, Outcome::Failure, shared, turn),
            Operation::Kill(at, reason) => self.end_kill(at, reason, turn),
            Operation::Pull(_) => {}
        }
        true
    }

    /// Begins to make the sandbox. Whether it is there already.
    pub(super) fn begin_sandbox(&mut self, shared: &mut Shared, turn: &mut Turn<'_>) -> bool {
        if self.n_sandboxes > 0 {
            note(turn, self.pod, Note::SandboxChanged);
        }
        let latency = turn.context.timing.sandbox;
        if latency.is_zero() {
            self.end_sandbox(shared, turn);
            return true;
        }
        let until = turn.now() + latency;
        self.operation = Some(Operation::Sandbox(until));
        self.request_sync(until, turn);
        false
    }

    fn end_sandbox(&mut self, shared: &mut Shared, turn: &mut Turn<'_>) {
        let address = if self.spec.host_network {
            node_address(self.node.into())
        } else {
            shared.machines.take_address(self.node)
        };
        self.n_sandboxes += 1;
        self.address = Some(address);
        turn.write(Command::SetPodIp(self.pod, address));
    }

    /// Starts the containers that are to run, in order, until one takes time.
    pub(super) fn start_wanted(&mut self, shared: &mut Shared, turn: &mut Turn<'_>) {
        for at in 0..self.slots.len() {
            if self.slots.is_wanted(at, &self.spec) && !self.try_start(at, shared, turn) {
                return;
            }
        }
    }

    /// Starts a container unless that has to wait. Whether the worker is free.
    fn try_start(&mut self, at: usize, shared: &mut Shared, turn: &mut Turn<'_>) -> bool {
        let last_end = self.slots[at].last_end();
        if let (Some(end), Some(last)) = (self.slots[at].end_to_judge(), last_end) {
            let (now, backoff) = (turn.now(), &mut self.slots[at].backoff);
            if now < backoff.until(&shared.backoff, end.finished_at) {
                let until = backoff.until(&shared.backoff, last.finished_at);
                let container = container_at(&self.spec, at).name.clone();
                let back_off = Note::BackOff { container: &container };
                self.set_waiting(at, WaitingReason::CrashLoopBackOff, back_off, turn);
                self.request_sync(until, turn);
                return true;
            }
            backoff.grow(&shared.backoff, end.finished_at, now);
        }
        match self.fetch_image(at, shared, turn) {
            Image::Ready => self.start(at, shared, turn),
            Image::Asked => false,
            Image::Refused => true,
        }
    }

    /// Source: Kubernetes 1.28, pkg/kubelet/images/image_manager.go, EnsureImageExists.
    fn fetch_image(&mut self, at: usize, shared: &mut Shared, turn: &mut Turn<'_>) -> Image {
        let container = container_at(&self.spec, at);
        let (name, policy) = (container.image.clone(), container.pull_policy);
        let image = shared.catalogue.image(&name);
        match shared.machines.of(self.node).images.need(image, policy) {
            Need::Nothing => {
                note(turn, self.pod, Note::Present { image: &name });
                Image::Ready
            }
            Need::Missing => {
                let missing = Note::NeverPull { image: &name };
                self.set_waiting(at, WaitingReason::ErrImageNeverPull, missing, turn);
                Image::Refused
            }
            Need::Pull => self.pull(at, image, &name, shared, turn),
        }
    }

    fn pull(
        &mut self,
        at: usize,
        image: ImageId,
        name: &Name,
        shared: &mut Shared,
        turn: &mut Turn<'_>,
    ) -> Image {
        let now = turn.now();
        if let Some(until) = self.pull_refused_until(image).filter(|until| now < *until) {
            self.set_waiting(at, WaitingReason::ImagePullBackOff, Note::PullBackOff { image: name }, turn);
            self.request_sync(until, turn);
            return Image::Refused;
        }
        note(turn, self.pod, Note::Pulling { image: name });
        let pull = Pull { process: self.next_run(at), image, asked: now, began: now };
        let images = &mut shared.machines.of(self.node).images;
        let Some(outcome) = images.pull(pull, &shared.catalogue, turn) else {
            self.operation = Some(Operation::Pull(at));
            return Image::Asked;
        };
        if self.end_pull(at, &pull, &outcome, shared, turn) { Image::Ready } else { Image::Refused }
    }

    /// The pull that a worker waits for may be done.
    pub(in crate::kubelet) fn pull_done(
        &mut self,
        pull: &Pull,
        outcome: &PullOutcome,
        shared: &mut Shared,
        turn: &mut Turn<'_>,
    ) {
        let at = self.slots.position(pull.process.container);
        if self.operation == Some(Operation::Pull(at)) {
            let is_there = self.end_pull(at, pull, outcome, shared, turn);
            self.operation = is_there.then_some(Operation::Pulled(at));
            self.request_sync(turn.now(), turn);
        }
    }

    /// Takes note of the end of a pull. Whether the image is there.
    fn end_pull(
        &mut self,
        at: usize,
        pull: &Pull,
        outcome: &PullOutcome,
        shared: &Shared,
        turn: &mut Turn<'_>,
    ) -> bool {
        let now = turn.now();
        let name = container_at(&self.spec, at).image.clone();
        let PullOutcome::Failed(error) = outcome else {
            let (took, with_waiting) = (now.since(pull.began), now.since(pull.asked));
            note(turn, self.pod, Note::Pulled { image: &name, took, with_waiting });
            return true;
        };
        note(turn, self.pod, Note::PullFailed { image: &name, error });
        let error = WaitingReason::ErrImagePull;
        self.set_waiting(at, error, Note::StartFailed { error }, turn);
        let known = self.pull_backoffs.iter().position(|(image, _)| *image == pull.image);
        let entry = known.unwrap_or_else(|| {
            self.pull_backoffs.push((pull.image, Backoff::default()));
            self.pull_backoffs.len() - 1
        });
        self.pull_backoffs[entry].1.grow(&shared.backoff, now, now);
        self.request_sync(now, turn);
        false
    }

    fn pull_refused_until(&self, image: ImageId) -> Option<SimTime> {
        let (_, backoff) = self.pull_backoffs.iter().find(|(other, _)| *other == image)?;
        backoff.until_since_last()
    }

    /// Gives up what the worker is at.
    pub(super) fn abandon_operation(&mut self, shared: &mut Shared, turn: &mut Turn<'_>) {
        if let Some(Operation::Pull(at)) = self.operation.take() {
            let process = self.next_run(at);
            shared.machines.of(self.node).images.cancel(process, &shared.catalogue, turn);
        }
    }

    /// Starts a container whose image is there. Whether the worker is free.
    fn start(&mut self, at: usize, shared: &mut Shared, turn: &mut Turn<'_>) -> bool {
        let latency = turn.context.timing.container_start;
        if latency.is_zero() {
            return self.run(at, shared, turn);
        }
        let until = turn.now() + latency;
        self.operation = Some(Operation::Start(at, until));
        self.request_sync(until, turn);
        false
    }

    /// Runs the process of a container. Whether the worker is free.
    fn run(&mut self, at: usize, shared: &mut Shared, turn: &mut Turn<'_>) -> bool {
        let now = turn.now();
        let birth = self.birth(at, shared, turn);
        self.logs.begin_run(birth.id.container, birth.id.run);
        self.slots[at].begin_process(Process::new(birth, now));
        self.stir_memory(at, shared);
        let hook = self.post_start(at, shared);
        if hook.is_none() {
            self.begin_probes(at, shared, turn);
        }
        let container = &container_at(&self.spec, at).name;
        note(turn, self.pod, Note::Created { container });
        note(turn, self.pod, Note::Started { container });
        if let Some(exit) = self.with_process(at, shared, turn, first_steps) {
            self.end_process(at, exit, shared, turn);
        }
        match hook {
            Some(hook) => self.begin_post_start(at, hook, shared, turn),
            None => true,
        }
    }

    fn birth(&self, at: usize, shared: &mut Shared, turn: &Turn<'_>) -> Birth {
        let id = self.next_run(at);
        let container = container_at(&self.spec, at);
        let image = shared.catalogue.image(&container.image);
        let keeps_running =
            self.is_sidecar(at) || self.slots.is_app(at) && self.spec.restart_policy == RestartPolicy::Always;
        let lifetime = if keeps_running { Lifetime::Forever } else { Lifetime::Span };
        let program = shared.catalogue.program_of(image, lifetime);
        let pod = turn.cluster().pod(self.pod);
        let attempts_by = shared.catalogue.program(program).attempts_by;
        let attempt = pod.map_or(0, |pod| first_attempt(attempts_by, pod)).saturating_add(id.run);
        let key = self.key.child(EntityKey::of(&[&container.name]).0).child(u64::from(id.run));
        Birth { id, program, attempt, key }
    }

    /// Names the run that comes next.
    fn next_run(&self, at: usize) -> ProcessRef {
        ProcessRef { pod: self.pod, container: self.slots.container_ref(at), run: self.slots[at].n_runs() }
    }

    pub(super) fn is_sidecar(&self, at: usize) -> bool {
        !self.slots.is_app(at) && container_at(&self.spec, at).init_kind == InitKind::Sidecar
    }

    /// Says why a container waits, and notes it where it did not wait for this reason before.
    fn set_waiting(&self, at: usize, reason: WaitingReason, why: Note<'_>, turn: &mut Turn<'_>) {
        let state = ContainerState::Waiting(reason);
        let container = self.slots.container_ref(at);
        let is_news =
            turn.cluster().pod(self.pod).is_some_and(|pod| pod.status.container(container).state != state);
        if is_news {
            note(turn, self.pod, why);
            self.set_state(at, state, turn);
        }
    }
}

/// What a new process does at once, and how it ends where that is all.
fn first_steps(process: &mut Process, around: &mut Surroundings<'_, '_>) -> Option<Exit> {
    if process.watch_memory(around) {
        return Some(Exit::OUT_OF_MEMORY);
    }
    process.begin(around).map(Exit::with_code)
}

/// The attempt that the first run of a pod's container does.
fn first_attempt(attempts_by: AttemptsBy, pod: &Pod) -> u32 {
    match attempts_by {
        AttemptsBy::Container => 0,
        AttemptsBy::Pod => pod.ordinal.of_owner,
        AttemptsBy::Index => pod.ordinal.of_index,
    }
}
