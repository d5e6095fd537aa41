//! Metrics: what the metrics server tells of pods, and the series that a scenario gives.

use crate::engine::{SimDuration, SimTime};
use crate::model::ids::PodId;
use crate::model::meta::{Labels, Name};
use crate::model::pod_status::ContainerRef;
use crate::model::resources::{Bytes, Millicores};

/// What the metrics server tells of one pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodSample {
    /// The pod.
    pub pod: PodId,
    /// The end of the window that it was measured in.
    pub timestamp: SimTime,
    /// The length of the window.
    pub window: SimDuration,
    /// The containers that run.
    pub containers: Vec<ContainerSample>,
}

/// What the metrics server tells of one container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContainerSample {
    /// The container.
    pub container: ContainerRef,
    /// The mean over the window.
    pub cpu: Millicores,
    /// At the end of the window.
    pub memory: Bytes,
}

/// A metric that a scenario gives: piecewise constant.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricSeries {
    /// The name of the metric.
    pub name: Name,
    /// What has it.
    pub subject: MetricSubject,
    /// The labels that the selector of an autoscaler is held against.
    pub labels: Labels,
    /// From when on it has which value [thousandths], in order of time.
    pub points: Vec<(SimTime, i64)>,
}

/// What has a metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetricSubject {
    /// Something outside of the cluster.
    External,
    /// An object of the cluster, which need not be modelled.
    Object {
        /// Its namespace.
        namespace: Name,
        /// Its kind.
        kind: Name,
        /// Its name.
        name: Name,
    },
    /// Every pod that runs has the value.
    EachPod,
    /// The pods that are ready share the value evenly; others have none of it.
    AllPods,
}

impl MetricSeries {
    /// The value at an instant [thousandths]; `None` before the first.
    pub fn at(&self, now: SimTime) -> Option<i64> {
        let later = self.points.partition_point(|(from, _)| *from <= now);
        later.checked_sub(1).map(|at| self.points[at].1)
    }
}
