//! The process of a container: does the steps of its program, one after another.
//!
//! ```text
//!   start ─▶ starting up ─▶ steps … ─▶ exit by a step, or with 0 after the last
//!               │             │
//!               └──────┬──────┘
//!                  SIGTERM ─▶ stopping ─▶ exit after the program's own time
//!                      │          │
//!                      └────┬─────┘
//!                  SIGKILL, or out of memory ─▶ exit 137
//! ```
//!
//! Steps that take no time are done at once. Of the API a process sees only the names and addresses of pods, as
//! from DNS. Every draw has a stream of its own, by pod, container, run and step, so that what one
//! process does never shifts what another draws.

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;

use crate::component::{Timers, Turn};
use crate::engine::random::uniform;
use crate::engine::{Distribution, EntityKey, Purpose, SimDuration, SimTime};
use crate::event::{Command, Event, EventId, ProcessRef, ServingEnd};
use crate::kubelet::catalogue::ProgramId;
use crate::kubelet::logs::PodLogs;
use crate::kubelet::memory;
use crate::kubelet::ports::{AwaitedPort, Network, NetworkNamespace, Socket};
use crate::kubelet::volumes::{self, OwnFiles, PodFiles};
use crate::model::ids::{Kind, NodeId, ObjectId, PodId};
use crate::model::meta::Name;
use crate::model::pod::{Container, PodSpec, Protocol};
use crate::model::program::{Awaited, Endpoint, Host, Program, Step, TermResponse};

/// A process that runs.
#[derive(Debug, Clone)]
pub(super) struct Process {
    /// Which one.
    pub(super) id: ProcessRef,
    /// When it was started.
    pub(super) started_at: SimTime,
    /// Set once it was asked to stop: when it is killed.
    pub(super) kill_at: Option<SimTime>,
    program: ProgramId,
    attempt: u32,
    next_step: u32,
    key: EntityKey,
    doing: Doing,
    memory_timer: Option<EventId>,
    /// Ends the hook before SIGTERM.
    pre_stop: Option<EventId>,
    ports: Vec<Socket>,
    files: OwnFiles,
}

/// What a new process is given.
#[derive(Debug, Clone, Copy)]
pub(super) struct Birth {
    /// Which one.
    pub(super) id: ProcessRef,
    /// What it runs.
    pub(super) program: ProgramId,
    /// Which of the program's attempts.
    pub(super) attempt: u32,
    /// The key of its draws.
    pub(super) key: EntityKey,
}

/// What a process is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    /// The next step.
    Stepping,
    /// Something that ends at an instant.
    Busy { until: SimTime, timer: EventId },
    /// Waiting for a port or a file, perhaps not for ever.
    Waiting { deadline: Option<(SimTime, EventId)> },
    /// Something without an end.
    Endless,
    /// Ending after SIGTERM.
    Stopping { timer: EventId },
}

/// What follows from a step.
enum Flow {
    /// The next step.
    Next,
    /// Time has to pass.
    Hold,
    /// The end, with this exit code.
    Exit(i32),
}

/// What a process acts on.
pub(super) struct Surroundings<'a, 't> {
    /// What it runs.
    pub(super) program: &'a Program,
    /// The spec of its pod.
    pub(super) spec: &'a PodSpec,
    /// The spec of its container.
    pub(super) container: &'a Container,
    /// The node.
    pub(super) node: NodeId,
    /// All ports.
    pub(super) network: &'a mut Network,
    /// The files in its pod's volumes.
    pub(super) files: &'a mut PodFiles,
    /// The logs of its pod.
    pub(super) logs: &'a mut PodLogs,
    /// Time, and the cluster.
    pub(super) turn: &'a mut Turn<'t>,
}

/// The network namespace of a pod on a node.
pub(super) const fn namespace_of(pod: PodId, spec: &PodSpec, node: NodeId) -> NetworkNamespace {
    if spec.host_network { NetworkNamespace::Node(node) } else { NetworkNamespace::Pod(pod) }
}

impl Process {
    /// A process that begins now. [`Process::begin`] has it do its first steps.
    pub(super) fn new(birth: Birth, now: SimTime) -> Self {
        Self {
            id: birth.id,
            started_at: now,
            kill_at: None,
            program: birth.program,
            attempt: birth.attempt,
            next_step: 0,
            key: birth.key,
            doing: Doing::Stepping,
            memory_timer: None,
            pre_stop: None,
            ports: Vec::new(),
            files: OwnFiles::default(),
        }
    }

    /// What it runs.
    pub(super) const fn program(&self) -> ProgramId {
        self.program
    }

    /// Starts up and does what takes no time; the exit code where the process has ended.
    pub(super) fn begin(&mut self, around: &mut Surroundings<'_, '_>) -> Option<i32> {
        if let Some(startup) = &around.program.startup {
            let span = startup.sample(&mut self.draws(u64::MAX, around.turn));
            if !span.is_zero() {
                self.be_busy(span, around.turn);
                return None;
            }
        }
        self.proceed(around)
    }

    /// Sets the timer of the memory limit; true where the process is over it from the beginning.
    pub(super) fn watch_memory(&mut self, around: &mut Surroundings<'_, '_>) -> bool {
        let limits = &around.container.limits;
        let usage = around.program.memory.as_ref().filter(|_| limits.has_memory);
        match usage.and_then(|usage| memory::time_to_limit(usage, limits.amounts.memory)) {
            Some(SimDuration::ZERO) => true,
            Some(span) => {
                let event = Event::MemoryLimitReached(self.id);
                self.memory_timer = Some(around.turn.set_timer_after(span, event));
                false
            }
            None => false,
        }
    }

    /// Goes on after its present step, if that is over; the exit code where the process has ended.
    ///
    /// A process that waits looks again. Whoever is woken twice at one instant finds the second time that the
    /// next step is not over.
    pub(super) fn step_done(&mut self, around: &mut Surroundings<'_, '_>) -> Option<i32> {
        match self.doing {
            Doing::Busy { until, .. } if until <= around.turn.now() => self.doing = Doing::Stepping,
            Doing::Waiting { .. } => {}
            Doing::Busy { .. } | Doing::Stepping | Doing::Endless | Doing::Stopping { .. } => return None,
        }
        self.proceed(around)
    }

    /// Takes SIGTERM: from now on the process does what its program does then.
    pub(super) fn terminate(&mut self, around: &mut Surroundings<'_, '_>) {
        if let TermResponse::Exit { after, .. } = around.program.on_term
            && !matches!(self.doing, Doing::Stopping { .. })
        {
            self.stop_doing(around);
            let timer = around.turn.set_timer_after(after, Event::TermDone(self.id));
            self.doing = Doing::Stopping { timer };
        }
    }

    /// Begins the hook before SIGTERM.
    pub(super) fn begin_pre_stop(&mut self, takes: SimDuration, turn: &mut Turn<'_>) {
        self.pre_stop = Some(turn.set_timer_after(takes, Event::HookDone(self.id)));
    }

    /// Ends the hook before SIGTERM. Whether it went on.
    pub(super) const fn end_pre_stop(&mut self) -> bool {
        self.pre_stop.take().is_some()
    }

    /// The hook before SIGTERM is forgotten: its end means nothing.
    pub(super) const fn forget_hook(&mut self) {
        self.pre_stop = None;
    }

    /// Has done what it does on SIGTERM; its exit code, unless the event is out of date.
    pub(super) fn term_done(&mut self, around: &mut Surroundings<'_, '_>) -> Option<i32> {
        match (self.doing, &around.program.on_term) {
            (Doing::Stopping { .. }, TermResponse::Exit { code, .. }) => Some(*code),
            _ => None,
        }
    }

    /// Takes back the timers of the process and frees its ports: it is no more.
    pub(super) fn end(&mut self, end: ServingEnd, around: &mut Surroundings<'_, '_>) {
        self.stop_doing(around);
        if !around.program.serves.is_empty() {
            around.turn.write(Command::EndServing(self.id, end));
        }
        for timer in [self.memory_timer.take(), self.pre_stop.take()].into_iter().flatten() {
            around.turn.cancel(timer);
        }
        for socket in self.ports.drain(..) {
            around.network.release(socket);
        }
    }

    fn stop_doing(&mut self, around: &mut Surroundings<'_, '_>) {
        match std::mem::replace(&mut self.doing, Doing::Stepping) {
            Doing::Busy { timer, .. } | Doing::Stopping { timer } => around.turn.cancel(timer),
            Doing::Waiting { deadline } => {
                if let Some((_, timer)) = deadline {
                    around.turn.cancel(timer);
                }
                if let Some(Step::WaitFor { what, .. }) = self.step(around.program) {
                    match self.awaited_port(what, around) {
                        Some(port) => around.network.stop_waiting(port, self.id),
                        None => around.files.stop_waiting(self.id),
                    }
                }
            }
            Doing::Stepping | Doing::Endless => {}
        }
    }

    /// Does steps until one takes time or ends the process.
    fn proceed(&mut self, around: &mut Surroundings<'_, '_>) -> Option<i32> {
        let program = around.program;
        while let Some(step) = self.step(program) {
            match self.take(step, around) {
                Flow::Next => self.next_step += 1,
                Flow::Hold => return None,
                Flow::Exit(code) => return Some(code),
            }
        }
        Some(0)
    }

    fn step<'p>(&self, program: &'p Program) -> Option<&'p Step> {
        let last = program.attempts.len().checked_sub(1)?;
        program.attempts[last.min(self.attempt as usize)].get(self.next_step as usize)
    }

    fn take(&mut self, step: &Step, around: &mut Surroundings<'_, '_>) -> Flow {
        match step {
            Step::Listen { port, protocol } => self.listen(*port, *protocol, around),
            Step::WaitFor { what, timeout } => self.wait_for(what, *timeout, around),
            Step::Connect(endpoint) => self.connect(endpoint, around),
            Step::Run(duration) => self.run(duration, around),
            Step::RunForever => {
                self.doing = Doing::Endless;
                Flow::Hold
            }
            Step::Serve => self.serve(around),
            Step::Write(path) => self.write(path, around),
            Step::Log(text) => {
                self.log(text.clone(), around);
                Flow::Next
            }
            Step::Exit(codes) => Flow::Exit(self.choose(codes, around)),
        }
    }

    fn listen(&mut self, port: u16, protocol: Protocol, around: &mut Surroundings<'_, '_>) -> Flow {
        let namespace = self.namespace(around);
        let socket = Socket { namespace, protocol, port };
        match around.network.bind(socket, self.id) {
            Ok(woken) => {
                self.ports.push(socket);
                wake(woken, around.turn);
                Flow::Next
            }
            Err(_) => {
                let network = match protocol {
                    Protocol::Tcp => "tcp",
                    Protocol::Udp => "udp",
                    Protocol::Sctp => "sctp",
                };
                let text = format!("listen {network} 0.0.0.0:{port}: bind: address already in use");
                self.log(text.into(), around);
                Flow::Exit(1)
            }
        }
    }

    /// Listens on all ports that the program serves.
    fn serve(&mut self, around: &mut Surroundings<'_, '_>) -> Flow {
        let serves = &around.program.serves;
        for serve in serves.iter() {
            if let Flow::Exit(code) = self.listen(serve.port, Protocol::Tcp, around) {
                return Flow::Exit(code);
            }
        }
        if around.turn.cluster().pod(self.id.pod).is_some() {
            around.turn.write(Command::StartServing(self.id, Arc::clone(serves)));
        }
        self.doing = Doing::Endless;
        Flow::Hold
    }

    fn wait_for(
        &mut self,
        what: &Awaited,
        timeout: Option<SimDuration>,
        around: &mut Surroundings<'_, '_>,
    ) -> Flow {
        let now = around.turn.now();
        if self.is_there(what, around) {
            self.stop_doing(around);
            return Flow::Next;
        }
        let deadline = match self.doing {
            Doing::Waiting { deadline } => deadline,
            _ => timeout.map(|timeout| {
                (now + timeout, around.turn.set_timer_after(timeout, Event::StepDone(self.id)))
            }),
        };
        self.doing = Doing::Waiting { deadline };
        if deadline.is_some_and(|(deadline, _)| deadline <= now) {
            self.log(format!("timed out waiting for {}", awaited_text(what)).into(), around);
            return Flow::Exit(1);
        }
        match self.awaited_port(what, around) {
            Some(port) => around.network.wait(port, self.id),
            None => around.files.wait(self.id),
        }
        Flow::Hold
    }

    fn connect(&mut self, endpoint: &Endpoint, around: &mut Surroundings<'_, '_>) -> Flow {
        let target = self.resolve(&endpoint.host, around);
        if target.is_some_and(|namespace| around.network.is_open(namespace, endpoint.port)) {
            return Flow::Next;
        }
        let text = refusal_text(self.id.pod, endpoint, around);
        self.log(text.into(), around);
        Flow::Exit(1)
    }

    fn run(&mut self, duration: &Distribution, around: &mut Surroundings<'_, '_>) -> Flow {
        let span = duration.sample(&mut self.draws(u64::from(self.next_step), around.turn));
        if span.is_zero() {
            return Flow::Next;
        }
        self.next_step += 1;
        self.be_busy(span, around.turn);
        Flow::Hold
    }

    fn write(&mut self, path: &Name, around: &mut Surroundings<'_, '_>) -> Flow {
        let place = volumes::resolve(around.spec, around.container, path);
        match around.files.write(place, &mut self.files) {
            Ok(woken) => {
                wake(woken, around.turn);
                Flow::Next
            }
            Err(_) => {
                self.log(format!("open {path}: read-only file system").into(), around);
                Flow::Exit(1)
            }
        }
    }

    fn be_busy(&mut self, span: SimDuration, turn: &mut Turn<'_>) {
        let timer = turn.set_timer_after(span, Event::StepDone(self.id));
        self.doing = Doing::Busy { until: turn.now() + span, timer };
    }

    fn log(&self, text: Name, around: &mut Surroundings<'_, '_>) {
        around.logs.write(self.id.container, self.id.run, around.turn.now(), text);
    }

    /// One of the exit codes, by weight.
    fn choose(&self, codes: &[(i32, f64)], around: &Surroundings<'_, '_>) -> i32 {
        let Some(((last, _), others)) = codes.split_last() else { return 0 };
        if others.is_empty() {
            return *last;
        }
        let total: f64 = codes.iter().map(|(_, weight)| weight).sum();
        let drawn = uniform(&mut self.draws(u64::from(self.next_step), around.turn)) * total;
        let mut reached = 0.0;
        let chosen = others.iter().find(|(_, weight)| {
            reached += weight;
            drawn < reached
        });
        chosen.map_or(*last, |(code, _)| *code)
    }

    /// The random stream of a step.
    fn draws(&self, step: u64, turn: &Turn<'_>) -> ChaCha8Rng {
        turn.context.streams.stream(Purpose::Process, self.key.child(step))
    }

    fn is_there(&self, what: &Awaited, around: &Surroundings<'_, '_>) -> bool {
        match what {
            Awaited::Port(endpoint) => self
                .resolve(&endpoint.host, around)
                .is_some_and(|namespace| around.network.is_open(namespace, endpoint.port)),
            Awaited::File(path) => {
                around.files.has(volumes::resolve(around.spec, around.container, path), &self.files)
            }
        }
    }

    /// The port that is waited for; `None` where it is a file.
    fn awaited_port(&self, what: &Awaited, around: &Surroundings<'_, '_>) -> Option<AwaitedPort> {
        match what {
            Awaited::Port(Endpoint { host: Host::Localhost, port }) => {
                Some(AwaitedPort::Own(self.namespace(around), *port))
            }
            Awaited::Port(Endpoint { host: Host::Pod(_), port }) => Some(AwaitedPort::Other(*port)),
            Awaited::File(_) => None,
        }
    }

    /// The network namespace of a host; `None` where there is no such pod, or it has no address yet.
    fn resolve(&self, host: &Host, around: &Surroundings<'_, '_>) -> Option<NetworkNamespace> {
        match host {
            Host::Localhost => Some(self.namespace(around)),
            Host::Pod(name) => {
                let (pod, node) = find_pod(self.id.pod, name, around.turn)?;
                Some(namespace_of(pod, &around.turn.cluster().pod(pod)?.spec, node))
            }
        }
    }

    fn namespace(&self, around: &Surroundings<'_, '_>) -> NetworkNamespace {
        namespace_of(self.id.pod, around.spec, around.node)
    }
}

/// The pod of a name in the namespace of another pod, and its node.
fn find_pod(seen_from: PodId, name: &str, turn: &Turn<'_>) -> Option<(PodId, NodeId)> {
    let cluster = turn.cluster();
    let namespace = &cluster.pod(seen_from)?.meta.namespace;
    match cluster.find(Kind::Pod, namespace, name)? {
        ObjectId::Pod(id) => Some((id, cluster.pod(id)?.node?)),
        _ => None,
    }
}

/// Has processes look again, through the calendar.
fn wake(processes: Vec<ProcessRef>, turn: &mut Turn<'_>) {
    for process in processes {
        turn.set_timer_after(SimDuration::ZERO, Event::StepDone(process));
    }
}

fn refusal_text(from: PodId, endpoint: &Endpoint, around: &Surroundings<'_, '_>) -> String {
    let port = endpoint.port;
    match &endpoint.host {
        Host::Localhost => format!("dial tcp 127.0.0.1:{port}: connect: connection refused"),
        Host::Pod(name) => {
            let found = find_pod(from, name, around.turn);
            match found.and_then(|(pod, _)| around.turn.cluster().pod(pod)?.status.pod_ip) {
                Some(address) => format!("dial tcp {address}:{port}: connect: connection refused"),
                None => format!("dial tcp: lookup {name}: no such host"),
            }
        }
    }
}

fn awaited_text(what: &Awaited) -> String {
    match what {
        Awaited::Port(Endpoint { host: Host::Localhost, port }) => format!("localhost:{port}"),
        Awaited::Port(Endpoint { host: Host::Pod(name), port }) => format!("{name}:{port}"),
        Awaited::File(path) => path.to_string(),
    }
}
