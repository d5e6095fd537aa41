//! The Job controller: creates the pods of Jobs, counts how they end, and ends Jobs.
//!
//! What a sync does is decided by pure functions in the modules below; here the decision is put into effect. A Job
//! is synced at once when it is created or its spec changes, and one second after the first of any number of
//! changes of its pods or its status. The back-off after failures lives in memory only: it does not survive the
//! controller.
//!
//! Not modelled: the expectations about its own writes are always met, because the controller sees them at once.
//!
//! Source: Kubernetes 1.28, pkg/controller/job/job_controller.go.

pub mod accounting;
pub mod backoff;
pub mod birth;
pub mod census;
pub mod conditions;
mod effects;
pub mod end;
pub mod failure_policy;
pub mod indexes;
pub mod ownership;
pub mod ranking;
pub mod scale;
pub mod scene;
pub mod success_policy;
pub mod sync;

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use crate::cluster::Cluster;
use crate::component::{Component, Retry, Turn, Watch, WorkQueue};
use crate::controllers::job::backoff::BackoffRecord;
use crate::controllers::job::birth::CONTROLLER_UID;
use crate::controllers::job::effects::Effects;
use crate::controllers::job::ownership::{Claim, selects};
use crate::controllers::job::scene::Behaviour;
use crate::controllers::job::sync::SYNC_BATCH_PERIOD;
use crate::engine::SimDuration;
use crate::event::{Change, Command, Event};
use crate::model::ids::{JobId, ObjectId, PodId};
use crate::model::job::Job;
use crate::model::meta::{ObjectMeta, Owner};

/// The value of `managedBy` that means this controller. Source: batch/v1, JobControllerName.
const NAME_IN_MANAGED_BY: &str = "kubernetes.io/job-controller";

/// Waits after errors. Source: job_controller.go, DefaultJobApiBackOff and MaxJobApiBackOff.
pub const RETRY: Retry = Retry { first: SimDuration::from_secs(1), longest: SimDuration::from_secs(60) };

/// The Job controller.
#[derive(Debug, Clone)]
pub struct JobController {
    queue: WorkQueue<JobId>,
    /// Pods whose finalizer no sync of a Job will remove.
    orphans: WorkQueue<PodId>,
    /// The failures of unfinished Jobs.
    records: FxHashMap<JobId, BackoffRecord>,
    /// Pods that a Job has to adopt or to let go.
    to_claim: BTreeSet<PodId>,
    /// Jobs with a selector of their own: they may adopt pods that others made.
    with_selector: BTreeSet<JobId>,
    /// Looked up at the first sync.
    behaviour: Option<Behaviour>,
}

impl JobController {
    /// A controller that has just started.
    pub fn new() -> Self {
        Self {
            queue: WorkQueue::new(Event::JobSync, RETRY),
            orphans: WorkQueue::new(Event::OrphanPodSync, RETRY),
            records: FxHashMap::default(),
            to_claim: BTreeSet::new(),
            with_selector: BTreeSet::new(),
            behaviour: None,
        }
    }

    /// Brings a Job one step further.
    /// Source: job_controller.go, syncJob.
    fn sync(&mut self, job: JobId, turn: &mut Turn<'_>) {
        let behaviour = *self.behaviour.get_or_insert_with(|| Behaviour::of(&turn.context.profile));
        if !unfinished(job, turn.cluster()).is_some_and(|job| is_ours(job, &behaviour)) {
            return;
        }
        let mut effects = Effects { job, behaviour, turn };
        self.to_claim.retain(|pod| effects.claim(*pod) == Claim::None);
        let plan = effects.plan(self.records.get(&job).copied().unwrap_or_default());
        let wake_after = plan.wake_after;
        let acted = effects.act(&plan.action);
        let (record, outcome) = effects.settle(effects.account(plan, &acted));
        self.records.extend(record.map(|record| (job, record)));
        if let Some(wait) = wake_after {
            self.queue.add_after(job, wait, turn);
        }
        if acted.has_failed || outcome.is_err() {
            self.queue.add_after_error(job, turn);
        } else {
            self.queue.forget_errors(job);
        }
    }

    /// Removes the finalizer of a pod, unless a Job will count it after all.
    /// Source: job_controller.go, syncOrphanPod.
    fn release_orphan(&self, id: PodId, turn: &mut Turn<'_>) {
        let cluster = turn.cluster();
        let Some(pod) = cluster.pod(id) else { return };
        if owner_job(pod.meta.owner.as_ref()).and_then(|job| unfinished(job, cluster)).is_none() {
            turn.write(Command::RemoveFinalizer(id));
        }
    }

    /// Has a Job synced when the changes of one second have gathered, unless it has ended.
    fn enqueue_batched(&mut self, job: JobId, watch: &mut Watch<'_>) {
        if unfinished(job, watch.cluster()).is_some() {
            self.queue.add_after(job, SYNC_BATCH_PERIOD, watch);
        }
    }

    /// Has a Job synced at once, unless it has ended.
    fn enqueue_now(&mut self, job: JobId, watch: &mut Watch<'_>) {
        if unfinished(job, watch.cluster()).is_some() {
            self.queue.add(job, watch);
        }
    }

    /// Takes note of a new Job.
    fn on_job_created(&mut self, id: JobId, watch: &mut Watch<'_>) {
        let cluster = watch.cluster();
        if let Some(job) = unfinished(id, cluster).filter(|job| job.spec.manual_selector.is_some()) {
            self.with_selector.insert(id);
            let ownerless = cluster.pods().iter().filter(|(_, pod)| pod.meta.owner.is_none());
            self.to_claim.extend(ownerless.filter(|(_, pod)| selects(job, &pod.meta)).map(|(pod, _)| pod));
        }
        self.enqueue_now(id, watch);
    }

    /// Takes note of another status of a Job: its end frees what was kept about it.
    fn on_job_status(&mut self, id: JobId, watch: &mut Watch<'_>) {
        if unfinished(id, watch.cluster()).is_some() {
            self.queue.add_after(id, SYNC_BATCH_PERIOD, watch);
        } else {
            self.forget(id, watch);
        }
    }

    /// Takes note that a Job is gone: nobody will count its pods.
    fn on_job_deleted(&mut self, id: JobId, watch: &mut Watch<'_>) {
        self.forget(id, watch);
        for (pod, _) in watch.cluster().pods_of(id) {
            self.note_orphan(pod, watch);
        }
    }

    fn forget(&mut self, id: JobId, watch: &mut Watch<'_>) {
        self.queue.remove(id, watch);
        self.records.remove(&id);
        self.with_selector.remove(&id);
    }

    /// Takes note of a change of a pod, unless it is gone by now.
    /// Source: job_controller.go, addPod, updatePod and deletePod.
    fn on_pod_change(&mut self, id: PodId, watch: &mut Watch<'_>) {
        let cluster = watch.cluster();
        let Some(pod) = cluster.pod(id) else { return };
        match (owner_job(pod.meta.owner.as_ref()), &pod.meta.owner) {
            (Some(job), _) if unfinished(job, cluster).is_some() => {
                self.queue.add_after(job, SYNC_BATCH_PERIOD, watch);
            }
            (Some(job), _) if cluster.job(job).is_some() && !pod.meta.is_terminating() => {}
            (Some(_), _) | (None, None) => self.note_orphan(id, watch),
            (None, Some(_)) => {}
        }
    }

    /// Keeps in mind a pod that a Job is to adopt or to let go, because its owner or its labels are new.
    fn note_claim(&mut self, id: PodId, watch: &mut Watch<'_>) {
        let cluster = watch.cluster();
        let Some(pod) = cluster.pod(id) else { return };
        match &pod.meta.owner {
            Some(owner) => {
                let owner = owner_job(Some(owner)).and_then(|job| cluster.job(job));
                if owner.is_some_and(|job| !selects(job, &pod.meta)) {
                    self.to_claim.insert(id);
                }
            }
            None => {
                for job in self.takers(&pod.meta, cluster) {
                    self.to_claim.insert(id);
                    self.enqueue_batched(job, watch);
                }
            }
        }
    }

    /// The Jobs that select a pod without an owner.
    fn takers(&self, pod: &ObjectMeta, cluster: &Cluster) -> Vec<JobId> {
        let selects = |job: &JobId| unfinished(*job, cluster).is_some_and(|job| selects(job, pod));
        if pod.labels.get(CONTROLLER_UID).is_some() {
            return cluster.jobs().ids().filter(selects).collect();
        }
        self.with_selector.iter().copied().filter(selects).collect()
    }

    /// Enqueues a pod that no Job will count, where it has a finalizer.
    fn note_orphan(&mut self, id: PodId, watch: &mut Watch<'_>) {
        if watch.cluster().pod(id).is_some_and(|pod| pod.has_finalizer()) {
            self.orphans.add(id, watch);
        }
    }

    fn on_pod_deleted(&mut self, id: PodId, owner: Option<&Owner>, watch: &mut Watch<'_>) {
        self.orphans.remove(id, watch);
        self.to_claim.remove(&id);
        if let Some(job) = owner_job(owner) {
            self.enqueue_batched(job, watch);
        }
    }
}

impl Default for JobController {
    fn default() -> Self {
        Self::new()
    }
}

impl Component for JobController {
    fn start(&mut self, watch: &mut Watch<'_>) {
        let cluster = watch.cluster();
        let mut jobs: Vec<_> = cluster.jobs().iter().collect();
        jobs.sort_by_key(|(_, job)| job.meta.uid);
        for (id, _) in jobs {
            self.on_job_created(id, watch);
        }
        let mut pods: Vec<_> = cluster.pods().iter().collect();
        pods.sort_by_key(|(_, pod)| pod.meta.uid);
        for (id, _) in pods {
            self.note_claim(id, watch);
            self.on_pod_change(id, watch);
        }
    }

    fn on_event(&mut self, event: Event, turn: &mut Turn<'_>) {
        if let Event::JobSync(id) = event
            && self.queue.take(id, turn)
        {
            self.sync(id, turn);
        }
        if let Event::OrphanPodSync(id) = event
            && self.orphans.take(id, turn)
        {
            self.release_orphan(id, turn);
        }
    }

    fn on_change(&mut self, change: &Change, watch: &mut Watch<'_>) {
        match change {
            Change::Created(ObjectId::Job(id)) => self.on_job_created(*id, watch),
            Change::SpecChanged(ObjectId::Job(id), _) | Change::DeletionRequested(ObjectId::Job(id), _) => {
                self.enqueue_now(*id, watch);
            }
            Change::StatusChanged(ObjectId::Job(id)) => self.on_job_status(*id, watch),
            Change::Deleted(ObjectId::Job(id), _) => self.on_job_deleted(*id, watch),
            Change::PodDeleted(id, pod) => self.on_pod_deleted(*id, pod.owner.as_ref(), watch),
            Change::Created(ObjectId::Pod(id)) | Change::Orphaned(ObjectId::Pod(id)) => {
                self.note_claim(*id, watch);
                self.on_pod_change(*id, watch);
            }
            Change::PodChanged(id, change) => {
                if change.has_other_labels {
                    self.note_claim(*id, watch);
                }
                self.on_pod_change(*id, watch);
            }
            Change::PodBound(id, _)
            | Change::PodNominated(id, _)
            | Change::PodUnschedulable(id, _)
            | Change::PodAccepted(id)
            | Change::PodIpSet(id, _)
            | Change::ContainerChanged(id, ..)
            | Change::PodPhaseChanged(id, ..)
            | Change::PodReadyChanged(id, _)
            | Change::PodDisrupted(id, _)
            | Change::PodDeletionRequested(id, _)
            | Change::PodFinalizerRemoved(id)
            | Change::Adopted(ObjectId::Pod(id)) => self.on_pod_change(*id, watch),
            _ => {}
        }
    }
}

/// A Job that is there and has not ended: nothing is ever done about one that has.
fn unfinished(id: JobId, cluster: &Cluster) -> Option<&Job> {
    cluster.job(id).filter(|job| job.status.finished().is_none())
}

/// Whether the Job is this controller's by `managedBy`.
fn is_ours(job: &Job, behaviour: &Behaviour) -> bool {
    let other = job.spec.managed_by.as_deref().filter(|name| *name != NAME_IN_MANAGED_BY);
    other.is_none() || !behaviour.has_managed_by
}

/// The owner of a pod, where it is a Job.
fn owner_job(owner: Option<&Owner>) -> Option<JobId> {
    match owner?.object {
        ObjectId::Job(id) => Some(id),
        _ => None,
    }
}
