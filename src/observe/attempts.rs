//! The ledger of Jobs: what each Job came to, and every run of its containers.
//!
//! A Job stays in the ledger after its deletion. To bound memory, the attempts of at most
//! [`ATTEMPTS_MAX`] runs are kept; the rest is only counted.

use std::collections::BTreeMap;

use crate::cluster::Cluster;
use crate::engine::{SimDuration, SimTime};
use crate::event::Change;
use crate::model::ids::{JobId, ObjectId, PodId};
use crate::model::job::{JobCondition, JobStatus};
use crate::model::meta::Name;
use crate::model::pod::{Pod, RestartPolicy};
use crate::model::pod_status::{ContainerRef, ContainerState, Termination, TerminationReason};

/// The number of attempts that are kept in detail.
pub const ATTEMPTS_MAX: usize = 100_000;

/// The ledger of all Jobs of a run.
#[derive(Debug, Clone, Default)]
pub struct JobLedger {
    living: BTreeMap<JobId, usize>,
    jobs: Vec<JobEntry>,
    open: BTreeMap<(PodId, ContainerRef), (usize, usize)>,
    n_attempts: usize,
}

/// What a Job came to.
#[derive(Debug, Clone, PartialEq)]
pub struct JobEntry {
    /// The namespace.
    pub namespace: Name,
    /// The name.
    pub name: Name,
    /// The CronJob that made it.
    pub cronjob: Option<Name>,
    /// The instant that it was scheduled for, for a CronJob's Job.
    pub scheduled_for: Option<SimTime>,
    /// When it was created.
    pub created: SimTime,
    /// When it was deleted.
    pub deleted: Option<SimTime>,
    /// The limit of failures.
    pub backoff_limit: u32,
    /// `activeDeadlineSeconds`
    pub active_deadline: Option<SimDuration>,
    /// Whether restarts count, rather than failed pods.
    pub counts_restarts: bool,
    /// When its first container started.
    pub first_start: Option<SimTime>,
    /// The status at the end, or when it was deleted.
    pub status: JobStatus,
    /// The runs of its containers, in order of their start.
    pub attempts: Vec<Attempt>,
    /// How many runs there were beyond those kept.
    pub n_more_attempts: usize,
    n_counted: u32,
}

/// One run of a container of a Job's pod.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// The pod.
    pub pod: Name,
    /// The container.
    pub container: Name,
    /// The node.
    pub node: Option<Name>,
    /// The completion index.
    pub index: Option<u32>,
    /// When the process started.
    pub start: SimTime,
    /// How it ended; `None` while it runs, and for good where nobody saw its end.
    pub end: Option<AttemptEnd>,
    /// Which failure it is of those that count against the limit, from 1.
    pub counted: Option<u32>,
    /// Whether it was ended only because the Job's end was decided.
    pub is_cut_off: bool,
}

/// The end of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptEnd {
    /// When.
    pub at: SimTime,
    /// The exit code.
    pub exit_code: i32,
    /// Why.
    pub reason: TerminationReason,
}

impl Attempt {
    /// Whether it ended with another exit code than 0.
    pub fn has_failed(&self) -> bool {
        self.end.is_some_and(|end| end.exit_code != 0)
    }
}

impl JobEntry {
    /// The condition that ended the Job.
    pub fn finished(&self) -> Option<&JobCondition> {
        self.status.finished()
    }
}

impl JobLedger {
    /// All Jobs, in order of creation.
    pub fn jobs(&self) -> &[JobEntry] {
        &self.jobs
    }

    /// Takes note of a change that concerns Jobs.
    pub fn see(&mut self, now: SimTime, change: &Change, cluster: &Cluster) {
        match change {
            Change::Created(ObjectId::Job(id)) => self.open_job(now, *id, cluster),
            Change::SpecChanged(ObjectId::Job(id), _) => {
                if let (Some(entry), Some(job)) = (self.entry(*id), cluster.job(*id)) {
                    entry.backoff_limit = job.spec.backoff_limit;
                    entry.active_deadline = job.spec.active_deadline;
                }
            }
            Change::StatusChanged(ObjectId::Job(id)) => {
                if let (Some(entry), Some(job)) = (self.entry(*id), cluster.job(*id)) {
                    entry.take_status(&job.status);
                }
            }
            Change::Deleted(ObjectId::Job(id), _) => {
                if let Some(at) = self.living.remove(id) {
                    self.jobs[at].deleted = Some(now);
                }
            }
            Change::ContainerChanged(pod, container, state) => {
                if let Some(owned) = cluster.pod(*pod) {
                    self.container_changed(*pod, owned, *container, state, cluster);
                }
            }
            Change::Adopted(ObjectId::Pod(pod)) => self.pod_adopted(*pod, cluster),
            Change::PodDeleted(pod, _) => self.close_pod(*pod),
            _ => {}
        }
    }

    fn entry(&mut self, id: JobId) -> Option<&mut JobEntry> {
        self.living.get(&id).map(|at| &mut self.jobs[*at])
    }

    fn open_job(&mut self, now: SimTime, id: JobId, cluster: &Cluster) {
        let Some(job) = cluster.job(id) else { return };
        self.living.insert(id, self.jobs.len());
        self.jobs.push(JobEntry {
            namespace: job.meta.namespace.clone(),
            name: job.meta.name.clone(),
            cronjob: job.meta.owner.as_ref().map(|owner| owner.name.clone()),
            scheduled_for: job.meta.scheduled_for,
            created: now,
            deleted: None,
            backoff_limit: job.spec.backoff_limit,
            active_deadline: job.spec.active_deadline,
            counts_restarts: job.spec.template.spec.restart_policy == RestartPolicy::OnFailure,
            first_start: None,
            status: JobStatus::default(),
            attempts: Vec::new(),
            n_more_attempts: 0,
            n_counted: 0,
        });
    }

    /// What runs in a pod that a Job takes is an attempt of it from its start on.
    fn pod_adopted(&mut self, id: PodId, cluster: &Cluster) {
        let Some(pod) = cluster.pod(id) else { return };
        let init = (0..).map(ContainerRef::Init).zip(&pod.status.init_containers);
        let app = (0..).map(ContainerRef::App).zip(&pod.status.containers);
        for (container, status) in init.chain(app).filter(|(_, status)| status.is_running()) {
            self.container_changed(id, pod, container, &status.state, cluster);
        }
    }

    fn container_changed(
        &mut self,
        id: PodId,
        pod: &Pod,
        container: ContainerRef,
        state: &ContainerState,
        cluster: &Cluster,
    ) {
        let Some(ObjectId::Job(job)) = pod.meta.owner.as_ref().map(|owner| owner.object) else { return };
        match state {
            ContainerState::Running { started_at, .. } => {
                let attempt = Attempt {
                    pod: pod.meta.name.clone(),
                    container: pod.spec.container(container).name.clone(),
                    node: pod.node.map(|node| cluster.name_of(ObjectId::Node(node))),
                    index: pod.job.and_then(|job| job.completion_index),
                    start: *started_at,
                    end: None,
                    counted: None,
                    is_cut_off: false,
                };
                self.begin_attempt(job, (id, container), attempt);
            }
            ContainerState::Terminated(end) => {
                self.end_attempt((id, container), end, pod.meta.is_terminating())
            }
            ContainerState::Waiting(_) => {}
        }
    }

    fn begin_attempt(&mut self, job: JobId, key: (PodId, ContainerRef), attempt: Attempt) {
        let Some(at) = self.living.get(&job).copied() else { return };
        if self.open.contains_key(&key) {
            return;
        }
        self.jobs[at].first_start.get_or_insert(attempt.start);
        if self.n_attempts == ATTEMPTS_MAX {
            self.jobs[at].n_more_attempts += 1;
            return;
        }
        self.n_attempts += 1;
        let attempts = &mut self.jobs[at].attempts;
        self.open.insert(key, (at, attempts.len()));
        attempts.push(attempt);
    }

    /// Nobody will see the end of what still runs in a pod that is gone.
    fn close_pod(&mut self, pod: PodId) {
        let of_pod = (pod, ContainerRef::Init(0))..=(pod, ContainerRef::App(u16::MAX));
        while let Some(key) = self.open.range(of_pod.clone()).map(|(key, _)| *key).next() {
            self.open.remove(&key);
        }
    }

    /// A process that ends because its pod is deleted is not restarted, and so does not count.
    fn end_attempt(&mut self, key: (PodId, ContainerRef), end: &Termination, is_deleted: bool) {
        let Some((job, attempt)) = self.open.remove(&key) else { return };
        let entry = &mut self.jobs[job];
        let end = AttemptEnd { at: end.finished_at, exit_code: end.exit_code, reason: end.reason };
        entry.attempts[attempt].end = Some(end);
        entry.attempts[attempt].is_cut_off = is_deleted && entry.status.is_decided();
        if entry.counts_restarts && end.exit_code != 0 && !is_deleted {
            entry.n_counted += 1;
            entry.attempts[attempt].counted = Some(entry.n_counted);
        }
    }
}

impl JobEntry {
    /// Takes a status over; failures newly counted in it belong to the failed attempts that ended first. A process that
    /// was ended because the Job's end was decided fails no limit.
    fn take_status(&mut self, status: &JobStatus) {
        while !self.counts_restarts && self.n_counted < status.failed {
            self.n_counted += 1;
            let uncounted = self.attempts.iter_mut();
            let uncounted = uncounted.filter(|a| a.has_failed() && a.counted.is_none() && !a.is_cut_off);
            if let Some(attempt) = uncounted.min_by_key(|attempt| attempt.end.map(|end| end.at)) {
                attempt.counted = Some(self.n_counted);
            }
        }
        self.status = status.clone();
    }
}
