//! Probes: when they are asked, what they meet, and what follows from what they find.
//!
//! Each probe of a container is a [`Prober`]; the worker has one timer, for the first of them that finds something.
//! Source: Kubernetes 1.28, pkg/kubelet/prober (prober_manager.go, worker.go, prober.go) and the kubelet's
//! handleProbeSync.

use rand_chacha::ChaCha8Rng;

use crate::component::{Timers, Turn};
use crate::engine::random::uniform;
use crate::engine::{EntityKey, Purpose, SimDuration, SimTime};
use crate::event::Event;
use crate::kubelet::ports::{NetworkNamespace, Socket};
use crate::kubelet::prober::{Answer, Encounter, Fault, Finding, Outlook, Prober, Verdict};
use crate::kubelet::process::namespace_of;
use crate::kubelet::records::{Note, note};
use crate::kubelet::worker::containers::{KillReason, Probing, Start};
use crate::kubelet::worker::{Shared, Worker, container_at};
use crate::model::pod::Protocol;
use crate::model::pod_status::ContainerState;
use crate::model::probe::{Probe, ProbeAction, ProbeKind, ProbePort};
use crate::model::program::FailureWindow;

impl Worker {
    /// Has the probes of the pod looked at, at an instant.
    pub(in crate::kubelet) fn request_probe(&mut self, at: SimTime, timers: &mut impl Timers) {
        if let Some((due, timer)) = self.probe_timer {
            if due <= at {
                return;
            }
            timers.cancel(timer);
        }
        self.probe_timer = Some((at, timers.set_timer(at, Event::ProbeDue(self.pod))));
    }

    /// Looks at all probes of the pod and acts on what they find.
    pub(in crate::kubelet) fn probe(&mut self, shared: &mut Shared, turn: &mut Turn<'_>) {
        if let Some((_, timer)) = self.probe_timer.take() {
            turn.cancel(timer);
        }
        if self.is_finished() || !shared.machines.has_kubelet(self.node) {
            return;
        }
        for at in 0..self.slots.len() {
            for nth in 0..self.slots[at].probing.len() {
                while let Some(finding) = self.look(at, nth, shared, turn) {
                    self.act_on(at, self.slots[at].probing[nth].kind, finding, turn);
                }
            }
        }
        let probing = self.slots.iter().flat_map(|slot| &slot.probing);
        if let Some(due) = probing.filter_map(|probing| probing.prober.due()).min() {
            self.request_probe(due, turn);
        }
    }

    fn look(&mut self, at: usize, nth: usize, shared: &Shared, turn: &Turn<'_>) -> Option<Finding> {
        let kind = self.slots[at].probing[nth].kind;
        let outlook = self.outlook(at, kind, shared)?;
        let probe = container_at(&self.spec, at).probes.of(kind)?;
        self.slots[at].probing[nth].prober.look(probe, turn.now(), outlook)
    }

    /// The kubelet sees a container running that it did not see before: nothing is known of it, and its probes begin.
    pub(super) fn begin_probes(&mut self, at: usize, shared: &mut Shared, turn: &mut Turn<'_>) {
        let probes = &container_at(&self.spec, at).probes;
        let start = if probes.startup.is_some() { Start::StartingUp } else { Start::Over };
        if !probes.is_empty() {
            self.add_probes(at, shared, turn);
            let probes = &container_at(&self.spec, at).probes;
            let slot = &mut self.slots[at];
            let since = slot.running_since().unwrap_or(turn.now());
            for Probing { kind, prober } in &mut slot.probing {
                prober.reset(initial_verdict(*kind));
                if let (ProbeKind::Startup, Some(probe)) = (*kind, &probes.startup) {
                    prober.wake(prober.beat_after(probe, turn.now(), since + probe.initial_delay));
                }
            }
            self.request_probe(turn.now(), turn);
        }
        self.slots[at].start = start;
        if start == Start::Over {
            self.wake_probes(at, turn.now());
        }
        self.write_running(at, turn);
    }

    /// Makes the probes of a container that has none at work yet.
    fn add_probes(&mut self, at: usize, shared: &mut Shared, turn: &Turn<'_>) {
        if !self.slots[at].probing.is_empty() {
            return;
        }
        let namespace = namespace_of(self.pod, &self.spec, self.node);
        let container = container_at(&self.spec, at);
        for kind in ProbeKind::ALL {
            let Some(probe) = container.probes.of(kind) else { continue };
            let mut origin = self.probes_since.unwrap_or(turn.now());
            if self.is_fresh {
                let entity = self.key.child(EntityKey::of(&[&container.name, kind.as_str()]).0);
                origin += random_part(probe.period, turn.context.streams.stream(Purpose::ProbeStart, entity));
            }
            if let Some(socket) = socket_of(probe, namespace) {
                shared.network.probe(socket, self.pod);
            }
            self.slots[at].probing.push(Probing { kind, prober: Prober::new(origin) });
        }
    }

    /// The start-up of a container is over: liveness and readiness are asked. Readiness at once, where it may be.
    fn wake_probes(&mut self, at: usize, now: SimTime) {
        let probes = &container_at(&self.spec, at).probes;
        let slot = &mut self.slots[at];
        let since = slot.running_since().unwrap_or(now);
        for Probing { kind, prober } in &mut slot.probing {
            let Some(probe) = probes.of(*kind).filter(|_| *kind != ProbeKind::Startup) else { continue };
            let may_begin = since + probe.initial_delay;
            if *kind == ProbeKind::Readiness && may_begin <= now {
                prober.wake(prober.not_before_origin(now));
            } else {
                prober.wake(prober.beat_after(probe, now, may_begin));
            }
        }
    }

    /// Startup and liveness are not asked of a pod that is to end.
    pub(super) fn end_vital_probes(&mut self) {
        for at in 0..self.slots.len() {
            self.slots[at].condemned = None;
            let mut probing = self.slots[at].probing.iter_mut();
            probing.by_ref().filter(|p| p.kind != ProbeKind::Readiness).for_each(|p| p.prober.sleep());
        }
    }

    /// The ports that the pod's probes ask are of no interest any more.
    pub(in crate::kubelet) fn forget_probed_ports(&self, shared: &mut Shared) {
        let namespace = namespace_of(self.pod, &self.spec, self.node);
        for container in self.spec.all_containers().filter(|container| !container.probes.is_empty()) {
            let probes = ProbeKind::ALL.into_iter().filter_map(|kind| container.probes.of(kind));
            for socket in probes.filter_map(|probe| socket_of(probe, namespace)) {
                shared.network.stop_probing(socket, self.pod);
            }
        }
    }

    fn act_on(&mut self, at: usize, kind: ProbeKind, finding: Finding, turn: &mut Turn<'_>) {
        match finding {
            Finding::FirstFailure(fault) => self.note_fault(at, kind, fault, turn),
            Finding::Erred => self.note_error(at, kind, turn),
            Finding::Failed(fault) => {
                self.note_fault(at, kind, fault, turn);
                if kind == ProbeKind::Readiness {
                    return self.write_running(at, turn);
                }
                let slot = &mut self.slots[at];
                slot.condemned.get_or_insert(KillReason::Probe(kind));
                slot.probing.iter_mut().filter(|p| p.kind == kind).for_each(|p| p.prober.hold());
                self.request_sync(turn.now(), turn);
            }
            Finding::Succeeded => {
                if kind == ProbeKind::Startup {
                    let slot = &mut self.slots[at];
                    slot.start = Start::Over;
                    slot.probing.iter_mut().filter(|p| p.kind == kind).for_each(|p| p.prober.sleep());
                    self.wake_probes(at, turn.now());
                    self.request_sync(turn.now(), turn);
                }
                self.write_running(at, turn);
            }
        }
    }

    /// Writes that a container runs, and whether it has started and is ready by its probes.
    pub(super) fn write_running(&self, at: usize, turn: &mut Turn<'_>) {
        let slot = &self.slots[at];
        let Some(started_at) = slot.running_since() else { return };
        let is_started = slot.start == Start::Over;
        let is_ready = is_started
            && self.spec.serves(self.slots.container_ref(at))
            && slot.prober(ProbeKind::Readiness).is_none_or(|prober| prober.verdict() == Verdict::Success);
        self.set_state(at, ContainerState::Running { started_at, is_started, is_ready }, turn);
    }

    /// What the attempts of a probe meet as things stand.
    fn outlook(&self, at: usize, kind: ProbeKind, shared: &Shared) -> Option<Outlook> {
        let probe = container_at(&self.spec, at).probes.of(kind)?;
        let process = self.slots[at].process();
        let program = process.map(|process| shared.catalogue.program(process.program()));
        let delay = program.map_or(SimDuration::ZERO, |program| program.answers.delay);
        let namespace = namespace_of(self.pod, &self.spec, self.node);
        let is_open = socket_of(probe, namespace)
            .is_some_and(|socket| shared.network.is_open(socket.namespace, socket.port));
        let usual = match &probe.action {
            ProbeAction::Exec { .. } if process.is_none() => error(),
            ProbeAction::Exec { .. } => answer_within(probe.timeout, delay),
            ProbeAction::HttpGet { port, .. } | ProbeAction::TcpSocket(port) | ProbeAction::Grpc(port)
                if matches!(port, ProbePort::Unknown(_)) =>
            {
                error()
            }
            ProbeAction::TcpSocket(_) if is_open => answer_within(probe.timeout, SimDuration::ZERO),
            ProbeAction::HttpGet { .. } | ProbeAction::Grpc(_) if is_open => {
                answer_within(probe.timeout, delay)
            }
            ProbeAction::HttpGet { .. } | ProbeAction::TcpSocket(_) => refusal(SimDuration::ZERO),
            ProbeAction::Grpc(_) => refusal(probe.timeout),
        };
        let window = program.and_then(|program| program.answers.failures(kind));
        let (Some(process), Some(FailureWindow { from, until }), Answer::Success) =
            (process, window, usual.answer)
        else {
            return Some(Outlook::always(usual));
        };
        let start = process.started_at;
        let window = (start + from, until.map_or(SimTime::MAX, |until| start + until));
        let in_window = Encounter { answer: Answer::Failure(Fault::Unhealthy), ..usual };
        Some(Outlook { usual, in_window, window })
    }

    fn note_fault(&self, at: usize, kind: ProbeKind, fault: Fault, turn: &mut Turn<'_>) {
        if let Some(probe) =
            container_at(&self.spec, at).probes.of(kind).filter(|_| turn.wants_records("Unhealthy"))
        {
            let address = self.address.map(|address| address.to_string()).unwrap_or_default();
            let text = fault_text(probe, fault, &address);
            note(turn, self.pod, Note::Unhealthy { probe: kind.as_str(), outcome: "failed", text: &text });
        }
    }

    fn note_error(&self, at: usize, kind: ProbeKind, turn: &mut Turn<'_>) {
        let probe = container_at(&self.spec, at).probes.of(kind);
        if let Some(ProbePort::Unknown(name)) = probe.and_then(|probe| probe.action.port()) {
            let text = format!("strconv.Atoi: parsing {name:?}: invalid syntax");
            note(turn, self.pod, Note::Unhealthy { probe: kind.as_str(), outcome: "errored", text: &text });
        }
    }
}

/// What is known of a container before the first answer.
const fn initial_verdict(kind: ProbeKind) -> Verdict {
    match kind {
        ProbeKind::Startup => Verdict::Unknown,
        ProbeKind::Liveness => Verdict::Success,
        ProbeKind::Readiness => Verdict::Failure,
    }
}

/// The port that a probe asks.
fn socket_of(probe: &Probe, namespace: NetworkNamespace) -> Option<Socket> {
    match probe.action.port()? {
        ProbePort::Number(port) => Some(Socket { namespace, protocol: Protocol::Tcp, port: *port }),
        ProbePort::Unknown(_) => None,
    }
}

const fn error() -> Encounter {
    Encounter { answer: Answer::Error, takes: SimDuration::ZERO }
}

const fn refusal(takes: SimDuration) -> Encounter {
    Encounter { answer: Answer::Failure(Fault::Refused), takes }
}

fn answer_within(timeout: SimDuration, delay: SimDuration) -> Encounter {
    if delay <= timeout {
        Encounter { answer: Answer::Success, takes: delay }
    } else {
        Encounter { answer: Answer::Failure(Fault::TimedOut), takes: timeout }
    }
}

/// A kubelet that has just started does not ask all at once.
fn random_part(period: SimDuration, mut draws: ChaCha8Rng) -> SimDuration {
    SimDuration::from_secs_f64(uniform(&mut draws) * period.as_secs_f64())
}

/// Source: Kubernetes 1.28, pkg/probe (http, tcp, grpc, exec), and the errors of Go's net and net/http.
fn fault_text(probe: &Probe, fault: Fault, address: &str) -> String {
    let timeout = probe.timeout;
    match (&probe.action, fault) {
        (ProbeAction::Exec { command }, Fault::TimedOut) => format!("command {command:?} timed out"),
        (ProbeAction::Exec { .. }, Fault::Refused | Fault::Unhealthy) => String::new(),
        (ProbeAction::HttpGet { .. }, Fault::Unhealthy) => {
            "HTTP probe failed with statuscode: 500".to_owned()
        }
        (ProbeAction::HttpGet { scheme, port, path }, Fault::Refused | Fault::TimedOut) => {
            let port = number(port);
            let what = if fault == Fault::Refused {
                format!("dial tcp {address}:{port}: connect: connection refused")
            } else {
                "context deadline exceeded (Client.Timeout exceeded while awaiting headers)".to_owned()
            };
            format!("Get \"{scheme}://{address}:{port}{path}\": {what}")
        }
        (ProbeAction::TcpSocket(port), Fault::TimedOut) => {
            format!("dial tcp {address}:{}: i/o timeout", number(port))
        }
        (ProbeAction::TcpSocket(port), Fault::Refused | Fault::Unhealthy) => {
            format!("dial tcp {address}:{}: connect: connection refused", number(port))
        }
        (ProbeAction::Grpc(_), Fault::Unhealthy) => {
            "service unhealthy (responded with \"NOT_SERVING\")".to_owned()
        }
        (ProbeAction::Grpc(port), Fault::Refused) => format!(
            "timeout: failed to connect service \"{address}:{}\" within {timeout}: context deadline exceeded",
            number(port)
        ),
        (ProbeAction::Grpc(_), Fault::TimedOut) => {
            format!("timeout: health rpc did not complete within {timeout}")
        }
    }
}

/// The port of a probe that has met something.
fn number(port: &ProbePort) -> u16 {
    match port {
        ProbePort::Number(port) => *port,
        ProbePort::Unknown(_) => 0,
    }
}
