//! Nodes: what they offer, how they are labelled and tainted, whether they are ready.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::engine::{SimDuration, SimTime};
use crate::model::meta::{Name, ObjectMeta};
use crate::model::resources::{Bytes, Resources};
use crate::model::scheduling::Taint;

/// A node of the cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Name, labels and the rest.
    pub meta: ObjectMeta,
    /// What it is given to be.
    pub spec: NodeSpec,
    /// `Ready`, as the API server has it.
    pub ready: NodeReady,
    /// The other conditions; one that is missing is False.
    pub conditions: BTreeMap<NodeCondition, ConditionStatus>,
    /// The signs of life that its kubelet gives.
    pub signs: Signs,
}

/// A condition of a node besides Ready: something that is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeCondition {
    /// Its memory is short.
    MemoryPressure,
    /// Its disk space is short.
    DiskPressure,
    /// Process ids are short.
    PidPressure,
    /// Its network is not set up.
    NetworkUnavailable,
}

impl NodeCondition {
    /// The conditions that the kubelet reports, and that nobody knows while it is silent.
    pub const OF_KUBELET: [Self; 3] = [Self::MemoryPressure, Self::DiskPressure, Self::PidPressure];

    /// The text in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MemoryPressure => "MemoryPressure",
            Self::DiskPressure => "DiskPressure",
            Self::PidPressure => "PIDPressure",
            Self::NetworkUnavailable => "NetworkUnavailable",
        }
    }

    /// Why it has this status.
    /// Source: Kubernetes 1.28, pkg/kubelet/nodestatus/setters.go.
    pub const fn reason(self, status: ConditionStatus) -> &'static str {
        match (self, status) {
            (_, ConditionStatus::Unknown) => "NodeStatusUnknown",
            (Self::MemoryPressure, ConditionStatus::True) => "KubeletHasInsufficientMemory",
            (Self::MemoryPressure, ConditionStatus::False) => "KubeletHasSufficientMemory",
            (Self::DiskPressure, ConditionStatus::True) => "KubeletHasDiskPressure",
            (Self::DiskPressure, ConditionStatus::False) => "KubeletHasNoDiskPressure",
            (Self::PidPressure, ConditionStatus::True) => "KubeletHasInsufficientPID",
            (Self::PidPressure, ConditionStatus::False) => "KubeletHasSufficientPID",
            (Self::NetworkUnavailable, ConditionStatus::True) => "NetworkNotReady",
            (Self::NetworkUnavailable, ConditionStatus::False) => "NetworkReady",
        }
    }

    /// The key of the NoSchedule taint of nodes of which it is True.
    pub const fn taint(self) -> &'static str {
        match self {
            Self::MemoryPressure => "node.kubernetes.io/memory-pressure",
            Self::DiskPressure => "node.kubernetes.io/disk-pressure",
            Self::PidPressure => "node.kubernetes.io/pid-pressure",
            Self::NetworkUnavailable => "node.kubernetes.io/network-unavailable",
        }
    }
}

impl Node {
    /// The status of a condition besides Ready.
    pub fn condition(&self, condition: NodeCondition) -> ConditionStatus {
        self.conditions.get(&condition).copied().unwrap_or(ConditionStatus::False)
    }
}

/// The signs of life that a kubelet gives. Each of them keeps its node alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signs {
    /// The renewals of the node's lease.
    pub lease: Heartbeat,
    /// The reports of the node's status.
    pub status: Heartbeat,
    /// Why there are no more.
    pub silence: Option<Silence>,
}

/// Why a node gives no sign of life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Silence {
    /// Its machine is off.
    MachineOff,
    /// Its kubelet is stopped; what runs on it runs on.
    KubeletStopped,
}

impl Silence {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MachineOff => "MachineOff",
            Self::KubeletStopped => "KubeletStopped",
        }
    }
}

/// A sign of life that comes at regular times. No event stands for one: what was seen of it follows by arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heartbeat {
    /// The first beat.
    pub first: SimTime,
    /// From beat to beat.
    pub period: SimDuration,
    /// When it stopped; a beat at that instant was still given.
    pub stopped: Option<SimTime>,
}

impl Heartbeat {
    /// The last beat up to `now`.
    pub fn last(&self, now: SimTime) -> Option<SimTime> {
        let until = self.stopped.map_or(now, |stopped| stopped.min(now));
        let elapsed = until.as_nanos().checked_sub(self.first.as_nanos())?;
        Some(SimTime::from_nanos(until.as_nanos() - elapsed % self.period.as_nanos()))
    }

    /// The first beat after `now`; `None` where there will be none.
    pub fn next(&self, now: SimTime) -> Option<SimTime> {
        let next = self.last(now).map_or(self.first, |last| last + self.period);
        self.stopped.is_none_or(|stopped| next <= stopped).then_some(next)
    }
}

impl Signs {
    /// How often a kubelet renews its lease.
    /// Source: Kubernetes 1.28, pkg/kubelet/kubelet.go, a quarter of the 40 s that a lease lasts.
    pub const LEASE_PERIOD: SimDuration = SimDuration::from_secs(10);
    /// How often a kubelet reports a status that has not changed.
    /// Source: Kubernetes 1.28, KubeletConfiguration, nodeStatusReportFrequency.
    pub const REPORT_PERIOD: SimDuration = SimDuration::from_secs(300);

    /// The signs of a kubelet that starts.
    pub fn from(start: SimTime) -> Self {
        let beat = |period| Heartbeat { first: start, period, stopped: None };
        Self { lease: beat(Self::LEASE_PERIOD), status: beat(Self::REPORT_PERIOD), silence: None }
    }

    /// The same signs up to an instant, and none after it.
    pub fn until(self, end: SimTime, why: Silence) -> Self {
        let stop = |beat: Heartbeat| Heartbeat { stopped: beat.stopped.or(Some(end)), ..beat };
        Self { lease: stop(self.lease), status: stop(self.status), silence: Some(why) }
    }

    /// Whether the machine is off, as far as anybody was told.
    pub fn is_machine_off(&self) -> bool {
        self.silence == Some(Silence::MachineOff)
    }

    /// The last sign up to `now`.
    pub fn last(&self, now: SimTime) -> Option<SimTime> {
        self.lease.last(now).max(self.status.last(now))
    }

    /// The first sign after `now`.
    pub fn next(&self, now: SimTime) -> Option<SimTime> {
        [self.lease.next(now), self.status.next(now)].into_iter().flatten().min()
    }

    /// Whether the lease is renewed.
    pub const fn is_renewed(&self) -> bool {
        self.lease.stopped.is_none()
    }
}

/// What a node is given to be.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NodeSpec {
    /// What the machine has.
    pub capacity: Resources,
    /// What pods may request.
    pub allocatable: Resources,
    /// How many pods may run at once.
    pub max_pods: u32,
    /// Cordoned.
    pub unschedulable: bool,
    /// The taints, in order.
    pub taints: Vec<Taint>,
    /// Images present from the beginning, with their sizes.
    pub images: Vec<NodeImage>,
    /// Price [currency units per hour], for reports.
    pub price_per_hour: Option<f64>,
    /// The pool that the node came from.
    pub pool: Option<Name>,
}

/// An image that a node holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeImage {
    /// The names it is known by, with tag or digest.
    pub names: Vec<Name>,
    /// Its size.
    pub size: Bytes,
}

/// The Ready condition of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeReady {
    /// True, False or Unknown.
    pub status: ConditionStatus,
    /// Why.
    pub reason: NodeReadyReason,
    /// Since when it has this status.
    pub since: SimTime,
}

/// Why a node is Ready, or is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeReadyReason {
    /// There is no condition: the kubelet has never reported a status, and nobody has missed it yet.
    NotReported,
    /// The kubelet says so.
    KubeletReady,
    /// The kubelet says so.
    KubeletNotReady,
    /// The kubelet says so, because its machine shuts down.
    NodeShutdown,
    /// The kubelet has been silent for too long.
    NodeStatusUnknown,
    /// The kubelet has never said anything.
    NodeStatusNeverUpdated,
}

impl NodeReadyReason {
    /// The text in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotReported => "",
            Self::KubeletReady => "KubeletReady",
            Self::KubeletNotReady | Self::NodeShutdown => "KubeletNotReady",
            Self::NodeStatusUnknown => "NodeStatusUnknown",
            Self::NodeStatusNeverUpdated => "NodeStatusNeverUpdated",
        }
    }
}

impl NodeReadyReason {
    /// The message of the condition, where the model has one.
    /// Source: Kubernetes 1.28, pkg/kubelet/nodestatus/setters.go (ReadyCondition) and pkg/kubelet/nodeshutdown.
    pub const fn message(self) -> Option<&'static str> {
        match self {
            Self::KubeletReady => Some("kubelet is posting ready status"),
            Self::NodeShutdown => Some("node is shutting down"),
            Self::NodeStatusUnknown => Some("Kubelet stopped posting node status."),
            Self::NodeStatusNeverUpdated => Some("Kubelet never posted node status."),
            Self::NotReported | Self::KubeletNotReady => None,
        }
    }
}

/// The status of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// Nobody knows.
    Unknown,
}

impl ConditionStatus {
    /// The text in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }

    /// True or False.
    pub const fn from_bool(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

/// The topology key of the zone.
pub const LABEL_ZONE: &str = "topology.kubernetes.io/zone";
/// The topology key of the region.
pub const LABEL_REGION: &str = "topology.kubernetes.io/region";
/// The label that holds a node's own name.
pub const LABEL_HOSTNAME: &str = "kubernetes.io/hostname";

/// The taint of nodes whose kubelet says that they are not ready.
pub const TAINT_NOT_READY: &str = "node.kubernetes.io/not-ready";
/// The taint of nodes whose kubelet is silent.
pub const TAINT_UNREACHABLE: &str = "node.kubernetes.io/unreachable";
/// The taint of cordoned nodes.
pub const TAINT_UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";
/// The taint by which a user says that a node will not come back.
pub const TAINT_OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service";

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(beat: Heartbeat, now: u64, last: Option<u64>, next: Option<u64>) {
        let now = SimTime::from_secs(now);
        let found = (beat.last(now), beat.next(now));
        assert_eq!(found, (last.map(SimTime::from_secs), next.map(SimTime::from_secs)));
    }

    #[test]
    fn a_heart_beats_from_its_first_beat_to_the_instant_when_it_stops() {
        let at = SimTime::from_secs;
        let beat = Heartbeat { first: at(3), period: SimDuration::from_secs(10), stopped: Some(at(23)) };
        check(beat, 2, None, Some(3));
        check(beat, 3, Some(3), Some(13));
        check(beat, 22, Some(13), Some(23));
        check(beat, 23, Some(23), None);
        check(beat, 99, Some(23), None);
    }

    #[test]
    fn a_heart_that_stops_before_its_first_beat_has_none() {
        let at = SimTime::from_secs;
        let beat = Heartbeat { first: at(3), period: SimDuration::from_secs(10), stopped: Some(at(1)) };
        check(beat, 5, None, None);
    }
}
