//! Programs: what an image does when a container runs it.

use std::sync::Arc;

use crate::engine::{Distribution, SimDuration, SimTime};
use crate::model::meta::Name;
use crate::model::pod::Protocol;
use crate::model::probe::ProbeKind;
use crate::model::resources::{Bytes, Millicores};
use crate::model::traffic::Serve;

/// What an image does.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    /// What a node has to pull; `None` takes no time to pull beyond the fixed part.
    pub pull_size: Option<Bytes>,
    /// How pulls fail; `None` where they succeed.
    pub pull_failure: Option<PullFailure>,
    /// From the start of the container to the first step.
    pub startup: Option<Distribution>,
    /// The cpu that the process uses besides what requests take; `None` uses nothing worth counting.
    pub cpu: Option<CpuUse>,
    /// The memory that the process uses; `None` uses nothing worth counting.
    pub memory: Option<MemoryUse>,
    /// What the process serves once it is at [`Step::Serve`].
    pub serves: Arc<[Serve]>,
    /// What each start does; the last entry repeats.
    pub attempts: Vec<Vec<Step>>,
    /// What numbers the starts.
    pub attempts_by: AttemptsBy,
    /// What the process does on SIGTERM: how long it takes to end.
    pub on_term: TermResponse,
    /// How the process answers probes.
    pub answers: ProbeAnswers,
    /// How lifecycle hooks go.
    pub hooks: Hooks,
}

/// How the pulls of an image fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullFailure {
    /// The error that they end with.
    pub error: Name,
    /// How many do on each node before one succeeds; `None` for all.
    pub times: Option<u32>,
}

/// How a process answers probes. One that runs, and listens where the probe asks, answers well unless the windows
/// say otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProbeAnswers {
    /// How long it takes to answer; not to accept a TCP connection.
    pub delay: SimDuration,
    /// When startup probes fail.
    pub startup: Option<FailureWindow>,
    /// When liveness probes fail.
    pub liveness: Option<FailureWindow>,
    /// When readiness probes fail.
    pub readiness: Option<FailureWindow>,
}

impl ProbeAnswers {
    /// When probes of a kind fail.
    pub const fn failures(&self, kind: ProbeKind) -> Option<FailureWindow> {
        match kind {
            ProbeKind::Startup => self.startup,
            ProbeKind::Liveness => self.liveness,
            ProbeKind::Readiness => self.readiness,
        }
    }
}

/// A time in the life of a process, counted from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailureWindow {
    /// Its beginning.
    pub from: SimDuration,
    /// Its end, not included; `None`: for ever.
    pub until: Option<SimDuration>,
}

/// How the lifecycle hooks of a container go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hooks {
    /// After the start.
    pub post_start: HookRun,
    /// Before SIGTERM.
    pub pre_stop: HookRun,
}

/// How a hook goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HookRun {
    /// How long it takes; a `sleep` hook says so itself.
    pub takes: SimDuration,
    /// Whether it ends in failure.
    pub fails: bool,
}

/// What numbers the starts of a program, for [`Program::attempts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AttemptsBy {
    /// The restarts of the one container.
    #[default]
    Container,
    /// The starts over all pods of the owner: the n-th pod of a Job begins with attempt n, and each restart in
    /// it goes on by one.
    Pod,
    /// The starts over all pods with the same completion index, counted alike.
    Index,
}

/// One step of a process.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Binds a port in the pod's network namespace; taken: logs it and exits with 1.
    Listen {
        /// The port.
        port: u16,
        /// The protocol.
        protocol: Protocol,
    },
    /// Goes on when the port is open or the file is there; `None`: waits for ever.
    WaitFor {
        /// What is waited for.
        what: Awaited,
        /// How long; then the process exits with 1.
        timeout: Option<SimDuration>,
    },
    /// Connects to a port once: refused exits with 1.
    Connect(Endpoint),
    /// Works for a while.
    Run(Distribution),
    /// Runs for ever.
    RunForever,
    /// Listens on the ports that the program serves, and answers requests for ever; a port that is taken: logs it
    /// and exits with 1.
    Serve,
    /// Writes a file.
    Write(Name),
    /// Writes a line to the log.
    Log(Name),
    /// Ends with one of these codes, by weight.
    Exit(Vec<(i32, f64)>),
}

/// What a process waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Awaited {
    /// An open port.
    Port(Endpoint),
    /// A file under a mounted volume, or the container's own file system.
    File(Name),
}

/// A port to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Where: the pod's own loopback, or another pod by name.
    pub host: Host,
    /// The port.
    pub port: u16,
}

/// Where a port is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// The same pod's loopback.
    Localhost,
    /// The address of the pod of this name in the same namespace.
    Pod(Name),
}

/// The memory that a process uses over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryUse {
    /// At the start.
    pub base: Bytes,
    /// What is added in each minute [bytes per minute].
    pub growth_per_minute: Bytes,
}

/// The cpu that a process uses over time: piecewise constant, nothing before the first instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CpuUse(
    /// From when on it uses how much, in order of time.
    pub Vec<(SimTime, Millicores)>,
);

/// What a process does on SIGTERM.
#[derive(Debug, Clone, PartialEq)]
pub enum TermResponse {
    /// Ends after so long with this exit code.
    Exit {
        /// From SIGTERM to the end.
        after: SimDuration,
        /// The exit code.
        code: i32,
    },
    /// Goes on until SIGKILL.
    Ignore,
}

impl Program {
    /// Whether two runs of the program may differ by chance, or by how many pulls have failed before.
    pub fn draws_lots(&self) -> bool {
        let draws = |step: &Step| match step {
            Step::Run(span) => !span.is_constant(),
            Step::Exit(codes) => codes.len() > 1,
            Step::Listen { .. }
            | Step::WaitFor { .. }
            | Step::Connect(_)
            | Step::RunForever
            | Step::Serve
            | Step::Write(_)
            | Step::Log(_) => false,
        };
        self.startup.as_ref().is_some_and(|span| !span.is_constant())
            || self.attempts.iter().flatten().any(draws)
            || self.pull_failure.as_ref().is_some_and(|failure| failure.times.is_some())
    }

    /// The program of an image that the scenario does not describe: runs `span` and exits with 0, or for ever.
    pub fn default_for(span: Option<SimDuration>) -> Self {
        let steps = match span {
            Some(span) => vec![Step::Run(Distribution::constant(span)), Step::Exit(vec![(0, 1.0)])],
            None => vec![Step::RunForever],
        };
        Self {
            pull_size: None,
            pull_failure: None,
            startup: None,
            cpu: None,
            memory: None,
            serves: Arc::default(),
            attempts: vec![steps],
            attempts_by: AttemptsBy::Container,
            on_term: TermResponse::Exit { after: SimDuration::ZERO, code: 143 },
            answers: ProbeAnswers::default(),
            hooks: Hooks::default(),
        }
    }

    /// The cpu time that a process has used by itself between two instants, no faster than `limit` [ns of one cpu].
    pub fn cpu_time(&self, from: SimTime, to: SimTime, limit: Option<Millicores>) -> f64 {
        let Some(CpuUse(pieces)) = &self.cpu else { return 0.0 };
        let ends = pieces.iter().skip(1).map(|(at, _)| *at).chain([SimTime::MAX]);
        let times = pieces.iter().zip(ends).map(|((start, amount), end)| {
            let amount = limit.map_or(*amount, |limit| limit.min(*amount));
            let span = to.min(end).since(from.max(*start));
            span.as_nanos() as f64 * amount.0 as f64 / 1000.0
        });
        times.sum()
    }

    /// The memory that a process uses when it has run so long.
    pub fn memory_at(&self, running: SimDuration) -> Bytes {
        self.memory.map_or(Bytes(0), |memory| {
            let grown = running.as_secs_f64() / 60.0 * memory.growth_per_minute.0 as f64;
            Bytes(memory.base.0.saturating_add(grown as i64))
        })
    }
}
