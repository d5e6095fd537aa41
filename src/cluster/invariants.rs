//! What must hold of the cluster after every event.

use std::collections::BTreeSet;

use crate::cluster::{Cluster, NodeUsage};
use crate::model::ids::NodeId;
use crate::model::job::{Job, JobConditionType};
use crate::model::pod::Pod;
use crate::model::pod_status::{Phase, PodReason};

/// An invariant that does not hold: a bug of the simulator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvariantError {
    /// The derived accounting of a node differs from what its pods say.
    #[error("the usage of node {0} differs from the sum over its pods")]
    Usage(String),
    /// The pods of a node request more than it offers.
    #[error("the pods of node {0} request more than it offers")]
    Overcommitted(String),
    /// Two pods of a node have one host port.
    #[error("two pods of node {0} have the same host port")]
    HostPort(String),
    /// A pod has another phase, place or state than the rest of it says.
    #[error("pod {0}: {1}")]
    Pod(String, &'static str),
    /// Two pods that hold an address hold the same one.
    #[error("two pods have the address {0}")]
    Address(std::net::Ipv4Addr),
    /// The counts of a Job contradict its conditions or its indexes.
    #[error("job {0}: {1}")]
    Job(String, &'static str),
    /// A budget allows more than its own counts do.
    #[error("budget {0}: it allows more disruptions than there are pods to spare")]
    Budget(String),
    /// A name is missing in the table of names, or too many are there.
    #[error("the table of names has {0} names for {1} objects")]
    Names(usize, usize),
}

impl Cluster {
    /// Checks every invariant by a full scan.
    ///
    /// # Errors
    /// The first that does not hold.
    pub fn check_invariants(&self) -> Result<(), InvariantError> {
        let n_objects = self.n_objects();
        if self.names.len() != n_objects {
            return Err(InvariantError::Names(self.names.len(), n_objects));
        }
        self.nodes.ids().try_for_each(|node| self.check_node(node))?;
        let fault_of = |pod: &Pod| Some(InvariantError::Pod(pod.meta.full_name(), pod_fault(pod)?));
        self.pods.iter().find_map(|(_, pod)| fault_of(pod)).map_or(Ok(()), Err)?;
        self.check_addresses()?;
        let mut budgets = self.pod_disruption_budgets.values();
        if let Some(budget) = budgets.find(|budget| !budget.status.is_sound()) {
            return Err(InvariantError::Budget(budget.meta.full_name()));
        }
        let fault_of = |job: &Job| Some(InvariantError::Job(job.meta.full_name(), job_fault(job)?));
        self.jobs.iter().find_map(|(_, job)| fault_of(job)).map_or(Ok(()), Err)
    }

    /// Pods of the node's network share its address; of the others each has its own until it has ended.
    fn check_addresses(&self) -> Result<(), InvariantError> {
        let mut taken = BTreeSet::new();
        let holders = self.pods.iter().map(|(_, pod)| pod);
        let holders = holders.filter(|pod| !pod.spec.host_network && !pod.status.phase.is_terminal());
        for address in holders.filter_map(|pod| pod.status.pod_ip) {
            if !taken.insert(address) {
                return Err(InvariantError::Address(address));
            }
        }
        Ok(())
    }

    fn check_node(&self, id: NodeId) -> Result<(), InvariantError> {
        let node = &self.nodes[id];
        let name = || node.meta.name.to_string();
        let mut counted = NodeUsage::default();
        for (pod_id, pod) in self.pods.iter() {
            if pod.node == Some(id) && !pod.status.phase.is_terminal() {
                counted.add(pod_id, pod);
            }
        }
        if counted != self.usage[id.index()] {
            return Err(InvariantError::Usage(name()));
        }
        let accepted = |pod_id| self.pods[pod_id].status.start_time.is_some();
        let mut requested = crate::model::resources::Resources::default();
        let mut ports = Vec::new();
        for pod_id in counted.pods.iter().copied().filter(|pod_id| accepted(*pod_id)) {
            requested += &self.pods[pod_id].spec.derived.requests;
            ports.extend(&self.pods[pod_id].spec.derived.host_ports);
        }
        let offered = &node.spec.allocatable;
        let over = requested.cpu > offered.cpu
            || requested.memory > offered.memory
            || requested.ephemeral_storage > offered.ephemeral_storage
            || offered.extended.iter().any(|(name, amount)| requested.extended(name) > *amount);
        if over {
            return Err(InvariantError::Overcommitted(name()));
        }
        let clash = |at: usize| ports[at + 1..].iter().any(|other| ports[at].conflicts_with(other));
        if (0..ports.len()).any(clash) { Err(InvariantError::HostPort(name())) } else { Ok(()) }
    }
}

fn pod_fault(pod: &Pod) -> Option<&'static str> {
    let status = &pod.status;
    let mut containers = status.init_containers.iter().chain(&status.containers);
    // The pod garbage collector leaves Ready as it was, and deletes the pod.
    let is_lost = status.reason == Some(PodReason::NodeLost) || pod.meta.is_terminating();
    let runs = containers.any(|container| container.is_running());
    if runs && pod.node.is_none() {
        Some("it runs on no node")
    } else if runs && status.start_time.is_none() {
        Some("it runs and was not accepted")
    } else if status.phase == Phase::Running && pod.node.is_none() {
        Some("it is Running on no node")
    } else if status.phase.is_terminal() && status.conditions.is_ready() && !is_lost {
        Some("it has ended and is Ready")
    } else {
        None
    }
}

fn job_fault(job: &Job) -> Option<&'static str> {
    let status = &job.status;
    let is = |kind| status.true_condition(kind).is_some();
    if is(JobConditionType::Complete) && is(JobConditionType::Failed) {
        Some("it is Complete and Failed")
    } else if status.finished().is_some() && status.active > 0 {
        Some("it has ended and has active pods")
    } else if status.completion_time.is_some() && !is(JobConditionType::Complete) {
        Some("it has a completion time and is not Complete")
    } else {
        None
    }
}
