//! What the pods of a node use there: the derived accounting that scheduler and kubelets read.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::ids::PodId;
use crate::model::pod::{HostPort, Pod};
use crate::model::resources::{Bytes, Millicores, Resources};

/// What the pods bound to a node use, those in a terminal phase left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NodeUsage {
    /// The pods that count, by id.
    pub pods: BTreeSet<PodId>,
    /// The sum of their effective requests.
    pub requested: Resources,
    /// The sum of their cpu requests for scoring.
    pub nonzero_cpu: Millicores,
    /// The sum of their memory requests for scoring.
    pub nonzero_memory: Bytes,
    /// The host ports in use, sorted.
    pub host_ports: Vec<HostPort>,
    /// How many of the pods have which priority.
    pub priorities: BTreeMap<i32, u32>,
}

impl NodeUsage {
    /// Counts a pod.
    pub(super) fn add(&mut self, id: PodId, pod: &Pod) {
        if !self.pods.insert(id) {
            return;
        }
        let derived = &pod.spec.derived;
        self.requested += &derived.requests;
        self.nonzero_cpu.0 += derived.nonzero_cpu.0;
        self.nonzero_memory.0 += derived.nonzero_memory.0;
        for port in &derived.host_ports {
            let at = self.host_ports.partition_point(|other| other < port);
            self.host_ports.insert(at, port.clone());
        }
        *self.priorities.entry(pod.spec.priority).or_default() += 1;
    }

    /// No longer counts a pod.
    pub(super) fn remove(&mut self, id: PodId, pod: &Pod) {
        if !self.pods.remove(&id) {
            return;
        }
        let derived = &pod.spec.derived;
        self.requested -= &derived.requests;
        self.nonzero_cpu.0 -= derived.nonzero_cpu.0;
        self.nonzero_memory.0 -= derived.nonzero_memory.0;
        for port in &derived.host_ports {
            if let Ok(at) = self.host_ports.binary_search(port) {
                self.host_ports.remove(at);
            }
        }
        if let Some(count) = self.priorities.get_mut(&pod.spec.priority) {
            *count -= 1;
            if *count == 0 {
                self.priorities.remove(&pod.spec.priority);
            }
        }
    }
}
