//! Probes and lifecycle hooks of containers: what the kubelet asks of a process, when, and what it makes of the
//! answers.
//!
//! How a process answers is in its `program`.

use crate::engine::SimDuration;
use crate::model::meta::Name;

/// What a probe is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProbeKind {
    /// Whether start-up is over; until then the other probes wait. Failure ends the container.
    Startup,
    /// Whether the process is to go on. Failure ends the container.
    Liveness,
    /// Whether the container is ready.
    Readiness,
}

impl ProbeKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Startup, Self::Liveness, Self::Readiness];

    /// The name in the kubelet's messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Startup => "Startup",
            Self::Liveness => "Liveness",
            Self::Readiness => "Readiness",
        }
    }
}

/// The probes of a container.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Probes {
    /// `startupProbe`
    pub startup: Option<Probe>,
    /// `livenessProbe`
    pub liveness: Option<Probe>,
    /// `readinessProbe`
    pub readiness: Option<Probe>,
}

impl Probes {
    /// The probe of a kind.
    pub const fn of(&self, kind: ProbeKind) -> Option<&Probe> {
        match kind {
            ProbeKind::Startup => self.startup.as_ref(),
            ProbeKind::Liveness => self.liveness.as_ref(),
            ProbeKind::Readiness => self.readiness.as_ref(),
        }
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.startup.is_none() && self.liveness.is_none() && self.readiness.is_none()
    }
}

/// A probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// What is asked.
    pub action: ProbeAction,
    /// From the start of the container to the first attempt.
    pub initial_delay: SimDuration,
    /// From one attempt to the next.
    pub period: SimDuration,
    /// A process that takes longer to answer has failed.
    pub timeout: SimDuration,
    /// So many answers in a row mean success.
    pub success_threshold: u32,
    /// So many failures in a row mean failure.
    pub failure_threshold: u32,
    /// The grace of a container that is ended by this probe, where it is not the pod's own.
    pub termination_grace: Option<SimDuration>,
}

/// What a probe asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProbeAction {
    /// Runs a command in the container.
    Exec {
        /// The command and its arguments.
        command: Name,
    },
    /// Asks an HTTP server.
    HttpGet {
        /// `http` or `https`.
        scheme: &'static str,
        /// The port.
        port: ProbePort,
        /// The path.
        path: Name,
    },
    /// Connects to a TCP port.
    TcpSocket(ProbePort),
    /// Asks the health service of a gRPC server.
    Grpc(ProbePort),
}

/// The port that a probe asks, on the pod's own address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProbePort {
    /// This one.
    Number(u16),
    /// The container has no port of this name.
    Unknown(Name),
}

impl ProbeAction {
    /// The port, where one is asked.
    pub const fn port(&self) -> Option<&ProbePort> {
        match self {
            Self::Exec { .. } => None,
            Self::HttpGet { port, .. } | Self::TcpSocket(port) | Self::Grpc(port) => Some(port),
        }
    }
}

/// The lifecycle hooks of a container.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lifecycle {
    /// Runs beside the process from its start; the kubelet waits for its end.
    pub post_start: Option<HookAction>,
    /// Runs before SIGTERM, within the grace period.
    pub pre_stop: Option<HookAction>,
}

/// What a hook does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookAction {
    /// Runs a command in the container, for as long as its image says.
    Exec,
    /// Asks an HTTP server, which takes as long as the image says; fails where nobody listens.
    HttpGet(Option<u16>),
    /// Waits.
    Sleep(SimDuration),
}
