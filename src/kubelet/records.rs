//! The kubelet's notes about pods, in upstream's words. No text is made where nobody reads it.
//!
//! Source: Kubernetes 1.28, pkg/kubelet/events/event.go, and the places that use it.

use std::fmt;

use crate::component::Turn;
use crate::engine::SimDuration;
use crate::model::ids::{ObjectId, PodId};
use crate::model::meta::ObjectMeta;
use crate::model::pod_status::{PodReason, WaitingReason};
use crate::model::record::Severity;

const SOURCE: &str = "kubelet";

/// Something about a pod that is worth a note.
#[derive(Debug, Clone, Copy)]
pub(super) enum Note<'a> {
    /// The pod was not accepted.
    Rejected { reason: &'a PodReason, message: &'a str },
    /// The sandbox is gone and is made again.
    SandboxChanged,
    /// A pull begins.
    Pulling { image: &'a str },
    /// A pull has ended.
    Pulled { image: &'a str, took: SimDuration, with_waiting: SimDuration },
    /// The image was there.
    Present { image: &'a str },
    /// A pull has failed.
    PullFailed { image: &'a str, error: &'a str },
    /// A pull has failed and waits.
    PullBackOff { image: &'a str },
    /// A container could not be started.
    StartFailed { error: WaitingReason },
    /// The image is missing and must not be pulled.
    NeverPull { image: &'a str },
    /// A container was made.
    Created { container: &'a str },
    /// A container was started.
    Started { container: &'a str },
    /// A container was asked to stop.
    Killing { container: &'a str },
    /// A container is ended because of a probe.
    KillingByProbe { container: &'a str, role: &'static str, probe: &'static str, is_restarted: bool },
    /// A container is ended because the hook after its start has failed.
    KillingAfterHook,
    /// A probe has failed, or could not be made.
    Unhealthy { probe: &'static str, outcome: &'static str, text: &'a str },
    /// The hook after the start of a container has failed.
    PostStartFailed,
    /// The hook before the end of a container has failed.
    PreStopFailed,
    /// A container has crashed and waits.
    BackOff { container: &'a str },
    /// The pod is out of time.
    DeadlineExceeded,
    /// The pod is evicted.
    Evicted { message: &'a str },
}

/// The message of a pod that is out of time.
/// Source: Kubernetes 1.28, pkg/kubelet/active_deadline.go.
pub(super) const DEADLINE_MESSAGE: &str = "Pod was active on the node longer than the specified deadline";

/// Makes a note about a pod.
pub(super) fn note(turn: &mut Turn<'_>, pod: PodId, note: Note<'_>) {
    let (severity, reason) = note.kind();
    if !turn.wants_records(reason) {
        return;
    }
    let Some(meta) = turn.cluster().pod(pod).map(|pod| &pod.meta) else { return };
    let message = Message { note, meta }.to_string();
    turn.record(ObjectId::Pod(pod), severity, reason, message, SOURCE);
}

struct Message<'a> {
    note: Note<'a>,
    meta: &'a ObjectMeta,
}

impl Note<'_> {
    fn kind(&self) -> (Severity, &'static str) {
        use Severity::{Normal, Warning};
        match self {
            Self::Rejected { reason, .. } => (Warning, rejection_reason(reason)),
            Self::SandboxChanged => (Normal, "SandboxChanged"),
            Self::Pulling { .. } => (Normal, "Pulling"),
            Self::Pulled { .. } | Self::Present { .. } => (Normal, "Pulled"),
            Self::PullFailed { .. } => (Warning, "Failed"),
            Self::StartFailed { .. } => (Warning, "Failed"),
            Self::PullBackOff { .. } => (Normal, "BackOff"),
            Self::NeverPull { .. } => (Warning, "ErrImageNeverPull"),
            Self::Created { .. } => (Normal, "Created"),
            Self::Started { .. } => (Normal, "Started"),
            Self::Killing { .. } | Self::KillingByProbe { .. } | Self::KillingAfterHook => {
                (Normal, "Killing")
            }
            Self::Unhealthy { .. } => (Warning, "Unhealthy"),
            Self::PostStartFailed => (Warning, "FailedPostStartHook"),
            Self::PreStopFailed => (Warning, "FailedPreStopHook"),
            Self::BackOff { .. } => (Warning, "BackOff"),
            Self::DeadlineExceeded => (Normal, "DeadlineExceeded"),
            Self::Evicted { .. } => (Warning, "Evicted"),
        }
    }
}

/// Deviation: for an extended resource, upstream's reason ends with its name.
fn rejection_reason(reason: &PodReason) -> &'static str {
    match reason {
        PodReason::OutOf(resource) => match &**resource {
            "cpu" => "OutOfcpu",
            "memory" => "OutOfmemory",
            "pods" => "OutOfpods",
            "ephemeral-storage" => "OutOfephemeral-storage",
            _ => "OutOfResource",
        },
        PodReason::NodePorts => "NodePorts",
        PodReason::NodeAffinity => "NodeAffinity",
        PodReason::TaintToleration => "TaintToleration",
        PodReason::DeadlineExceeded => "DeadlineExceeded",
        PodReason::Evicted => "Evicted",
        PodReason::NodeLost => "NodeLost",
        PodReason::Terminated => "Terminated",
        PodReason::NodeShutdown => "NodeShutdown",
    }
}

const fn truncated_to_millis(span: SimDuration) -> SimDuration {
    SimDuration::from_nanos(span.as_nanos() - span.as_nanos() % 1_000_000)
}

impl fmt::Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.note {
            Note::Rejected { message, .. } | Note::Evicted { message } => f.write_str(message),
            Note::SandboxChanged => f.write_str("Pod sandbox changed, it will be killed and re-created."),
            Note::Pulling { image } => write!(f, "Pulling image {image:?}"),
            Note::Pulled { image, took, with_waiting } => {
                let [took, with_waiting] = [took, with_waiting].map(truncated_to_millis);
                write!(f, "Successfully pulled image {image:?} in {took} ({with_waiting} including waiting)")
            }
            Note::Present { image } => write!(f, "Container image {image:?} already present on machine"),
            Note::PullFailed { image, error } => write!(f, "Failed to pull image {image:?}: {error}"),
            Note::PullBackOff { image } => write!(f, "Back-off pulling image {image:?}"),
            Note::StartFailed { error } => write!(f, "Error: {}", error.as_str()),
            Note::NeverPull { image } => {
                write!(f, "Container image {image:?} is not present with pull policy of Never")
            }
            Note::Created { container } => write!(f, "Created container {container}"),
            Note::Started { container } => write!(f, "Started container {container}"),
            Note::Killing { container } => write!(f, "Stopping container {container}"),
            Note::KillingByProbe { container, role, probe, is_restarted } => {
                let end = if is_restarted { ", will be restarted" } else { "" };
                write!(f, "{role} {container} failed {probe} probe{end}")
            }
            Note::KillingAfterHook => f.write_str("FailedPostStartHook"),
            Note::Unhealthy { probe, outcome, text } => write!(f, "{probe} probe {outcome}: {text}"),
            Note::PostStartFailed => f.write_str("PostStartHook failed"),
            Note::PreStopFailed => f.write_str("PreStopHook failed"),
            Note::BackOff { container } => {
                let ObjectMeta { name, namespace, uid, .. } = self.meta;
                write!(f, "Back-off restarting failed container {container} in pod {name}_{namespace}({uid})")
            }
            Note::DeadlineExceeded => f.write_str(DEADLINE_MESSAGE),
        }
    }
}
