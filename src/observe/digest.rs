//! The digest of a run: one hash over all changes of the cluster with their times. Records, which are text about
//! changes, are left out: a run that nobody asks for records has the same digest. Requests are no changes; what came of
//! them is added at the end of a run.
//!
//! Equal digests mean equal runs. Objects enter by the hash of their names and by numbers, never by id, so that
//! neither the order of the documents nor the reuse of slots shows. The hash is xxh3 with 128 bits, whose output
//! its specification fixes.

use xxhash_rust::xxh3::Xxh3;

use crate::cluster::Cluster;
use crate::engine::SimTime;
use crate::event::{Change, ServingEnd, Subject};
use crate::model::daemon_set::DaemonSetStatus;
use crate::model::deployment::DeploymentStatus;
use crate::model::ids::ObjectId;
use crate::model::job::{IndexSet, JobStatus};
use crate::model::node::ConditionStatus;
use crate::model::pod_disruption_budget::PodDisruptionBudgetStatus;
use crate::model::pod_status::{ContainerRef, ContainerState};
use crate::model::replica_set::ReplicaSetStatus;
use crate::model::stateful_set::StatefulSetStatus;
use crate::traffic::TrafficResults;

/// The growing digest of a run.
#[derive(Clone)]
pub struct Digest {
    hash: Xxh3,
    /// One change, before it is hashed: few calls of the hash are faster than many.
    buffer: Vec<u8>,
}

impl Digest {
    /// The digest of no change at all.
    pub fn new() -> Self {
        Self { hash: Xxh3::new(), buffer: Vec::with_capacity(256) }
    }

    /// Adds a change.
    pub fn add(&mut self, now: SimTime, change: &Change, cluster: &Cluster) {
        self.buffer.clear();
        self.number(now.as_nanos());
        self.change(change, cluster);
        self.hash.update(&self.buffer);
    }

    /// Adds what came of the load: counts and sums, which are exact.
    pub fn add_traffic(&mut self, results: &TrafficResults) {
        self.buffer.clear();
        for source in &results.sources {
            self.text(&source.name);
            let counts = [source.offered, source.succeeded, source.retried, source.open];
            counts.into_iter().chain(source.errors).for_each(|count| self.number(count));
            self.number(source.latency.max.as_nanos());
            self.buffer.extend_from_slice(&source.latency.sum.to_le_bytes());
        }
        for container in &results.containers {
            for text in [&container.namespace, &container.pod, &container.container] {
                self.text(text);
            }
            for port in &container.ports {
                let counts = [u64::from(port.port), port.arrived, port.succeeded];
                counts.into_iter().chain(port.failed).for_each(|count| self.number(count));
                self.buffer.extend_from_slice(&port.sojourn.to_le_bytes());
            }
        }
        self.hash.update(&self.buffer);
    }

    /// The digest so far, as 32 hexadecimal digits.
    pub fn hex(&self) -> String {
        format!("{:032x}", self.hash.digest128())
    }

    fn change(&mut self, change: &Change, cluster: &Cluster) {
        self.text(change.name());
        match change.subject() {
            Subject::Alive(object) => self.object(object, cluster),
            Subject::Gone { namespace, name, .. } => {
                self.text(namespace);
                self.text(name);
            }
        }
        match change {
            Change::NodeReadyChanged(_, status) => self.tag(condition_tag(*status)),
            Change::NodeConditionChanged(_, condition, status) => {
                self.text(condition.as_str());
                self.tag(condition_tag(*status));
            }
            Change::NodeImageAdded(_, image) => self.text(image),
            Change::PodBound(_, node) => self.object(ObjectId::Node(*node), cluster),
            Change::PodNominated(_, node) => {
                node.iter().for_each(|node| self.object(ObjectId::Node(*node), cluster));
            }
            Change::PodUnschedulable(_, why) => self.text(&why.message),
            Change::PodIpSet(_, ip) => self.number(u64::from(ip.to_bits())),
            Change::ContainerChanged(_, container, state) => self.container(*container, state),
            Change::PodPhaseChanged(_, _, to) => self.text(to.as_str()),
            Change::NodeLeaseChanged(_, is_renewed) => self.tag(u8::from(*is_renewed)),
            Change::PodReadyChanged(_, is_ready) => self.tag(u8::from(*is_ready)),
            Change::PodDisrupted(_, reason) => self.text(reason),
            Change::ServingStarted(process, _) => self.number(u64::from(process.run)),
            Change::ServingEnded(process, end) => {
                self.number(u64::from(process.run));
                self.tag(u8::from(*end == ServingEnd::NodeLost));
            }
            Change::PodDeletionRequested(_, grace) => self.number(grace.as_nanos()),
            Change::StatusChanged(object) => self.status(*object, cluster),
            Change::Created(_)
            | Change::NodeChanged(..)
            | Change::PodChanged(..)
            | Change::NodeDeleted(..)
            | Change::PodAccepted(_)
            | Change::PodFinalizerRemoved(_)
            | Change::PodDeleted(..)
            | Change::MetaChanged(_)
            | Change::SpecChanged(..)
            | Change::DeletionRequested(..)
            | Change::Deleted(..)
            | Change::Orphaned(_)
            | Change::Recorded(..)
            | Change::Adopted(_) => {}
        }
    }

    fn container(&mut self, container: ContainerRef, state: &ContainerState) {
        match container {
            ContainerRef::Init(at) => self.number(u64::from(at)),
            ContainerRef::App(at) => self.number(1 << 16 | u64::from(at)),
        }
        match state {
            ContainerState::Waiting(reason) => self.text(reason.as_str()),
            ContainerState::Running { is_started, is_ready, .. } => {
                self.tag(1 + u8::from(*is_started) + 2 * u8::from(*is_ready));
            }
            ContainerState::Terminated(end) => {
                self.tag(5);
                self.number(end.exit_code as u64);
                self.text(end.reason.as_str());
            }
        }
    }

    fn status(&mut self, object: ObjectId, cluster: &Cluster) {
        match object {
            ObjectId::Job(id) => cluster.job(id).iter().for_each(|job| self.job_status(&job.status)),
            ObjectId::CronJob(id) => {
                if let Some(cronjob) = cluster.cronjob(id) {
                    self.number(cronjob.status.active.len() as u64);
                    self.time(cronjob.status.last_schedule_time);
                    self.time(cronjob.status.last_successful_time);
                }
            }
            ObjectId::ReplicaSet(id) => {
                cluster.replica_set(id).iter().for_each(|set| self.replica_set_status(&set.status));
            }
            ObjectId::Deployment(id) => {
                cluster.deployment(id).iter().for_each(|it| self.deployment_status(&it.status));
            }
            ObjectId::StatefulSet(id) => {
                cluster.stateful_set(id).iter().for_each(|set| self.stateful_set_status(&set.status));
            }
            ObjectId::DaemonSet(id) => {
                cluster.daemon_set(id).iter().for_each(|set| self.daemon_set_status(&set.status));
            }
            ObjectId::PodDisruptionBudget(id) => {
                cluster.pod_disruption_budget(id).iter().for_each(|it| self.budget_status(&it.status));
            }
            ObjectId::HorizontalPodAutoscaler(id) => {
                if let Some(autoscaler) = cluster.horizontal_pod_autoscaler(id) {
                    let status = &autoscaler.status;
                    self.counts(&[status.current_replicas, status.desired_replicas]);
                    self.time(status.last_scale_time);
                }
            }
            ObjectId::Node(_) | ObjectId::Pod(_) | ObjectId::ResourceQuota(_) | ObjectId::Service(_) => {}
        }
    }

    fn replica_set_status(&mut self, status: &ReplicaSetStatus) {
        self.counts(&[
            status.replicas,
            status.fully_labeled_replicas,
            status.ready_replicas,
            status.available_replicas,
        ]);
        status.replica_failure.iter().for_each(|failure| self.text(failure.reason));
    }

    fn deployment_status(&mut self, status: &DeploymentStatus) {
        self.counts(&[
            status.replicas,
            status.updated_replicas,
            status.ready_replicas,
            status.available_replicas,
            status.unavailable_replicas,
        ]);
        for condition in &status.conditions {
            self.text(condition.kind.as_str());
            self.tag(condition_tag(condition.status));
            self.text(condition.reason);
        }
    }

    fn stateful_set_status(&mut self, status: &StatefulSetStatus) {
        self.counts(&[
            status.replicas,
            status.ready_replicas,
            status.current_replicas,
            status.updated_replicas,
            status.available_replicas,
        ]);
        self.text(&status.current_revision);
        self.text(&status.update_revision);
    }

    fn daemon_set_status(&mut self, status: &DaemonSetStatus) {
        self.counts(&[
            status.desired_number_scheduled,
            status.current_number_scheduled,
            status.number_misscheduled,
            status.number_ready,
            status.updated_number_scheduled,
            status.number_available,
            status.number_unavailable,
        ]);
    }

    fn budget_status(&mut self, status: &PodDisruptionBudgetStatus) {
        self.counts(&[
            status.disruptions_allowed,
            status.current_healthy,
            status.desired_healthy,
            status.expected_pods,
        ]);
        status.disrupted_pods.keys().for_each(|name| self.text(name));
    }

    fn counts(&mut self, counts: &[u32]) {
        counts.iter().for_each(|count| self.number(u64::from(*count)));
    }

    fn job_status(&mut self, status: &JobStatus) {
        for count in [status.active, status.succeeded, status.failed] {
            self.number(u64::from(count));
        }
        for count in [status.ready, status.terminating] {
            self.number(count.map_or(u64::MAX, u64::from));
        }
        self.time(status.start_time);
        self.time(status.completion_time);
        let failed = status.failed_indexes.iter().flat_map(IndexSet::ranges);
        for (first, last) in status.completed_indexes.ranges().iter().chain(failed) {
            self.number(u64::from(*first) << 32 | u64::from(*last));
        }
        for uid in status.uncounted.succeeded.iter().chain(&status.uncounted.failed) {
            self.number(uid.key.0);
        }
        for condition in &status.conditions {
            self.text(condition.kind.as_str());
            self.tag(condition_tag(condition.status));
            self.text(&condition.reason);
        }
    }

    /// An object that is gone by now enters as nothing: its deletion is a change of its own.
    fn object(&mut self, object: ObjectId, cluster: &Cluster) {
        self.number(cluster.meta(object).map_or(0, |meta| meta.uid.key.0));
    }

    fn time(&mut self, at: Option<SimTime>) {
        self.number(at.map_or(u64::MAX, SimTime::as_nanos));
    }

    fn tag(&mut self, tag: u8) {
        self.buffer.push(tag);
    }

    fn number(&mut self, number: u64) {
        self.buffer.extend_from_slice(&number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.buffer.extend_from_slice(text.as_bytes());
    }
}

impl Default for Digest {
    fn default() -> Self {
        Self::new()
    }
}

const fn condition_tag(status: ConditionStatus) -> u8 {
    match status {
        ConditionStatus::True => 1,
        ConditionStatus::False => 2,
        ConditionStatus::Unknown => 3,
    }
}
