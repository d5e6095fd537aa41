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

use crate::cluster::Refusal;
use crate::component::{Component, Retry, Timers, Turn, Watch, WorkQueue};
use crate::controllers::job::backoff::BackoffRecord;
use crate::controllers::job::birth::{creation, pod_labels};
use crate::controllers::job::census::Expectations;
use crate::controllers::job::ownership::{Claim, claim, selects};
use crate::controllers::job::scale::{Action, Victim};
use crate::controllers::job::scene::{Behaviour, Scene};
use crate::controllers::job::sync::{Memory, Note, Outcome, Plan, SYNC_BATCH_PERIOD};
use crate::engine::SimDuration;
use crate::event::{Change, Command, Event};
use crate::model::ids::{JobId, ObjectId, PodId};
use crate::model::job::{Job, JobStatus};
use crate::model::meta::Owner;
use crate::model::pod::JobPod;
use crate::model::record::Severity;

const SOURCE: &str = "job-controller";

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
    records: FxHashMap<JobId, BackoffRecord>,
    /// Pods that a Job may have to adopt or to let go.
    to_claim: BTreeSet<PodId>,
}

/// What became of an action on pods.
#[derive(Default)]
struct Acted {
    outcome: Outcome,
    has_failed: bool,
}

impl JobController {
    /// A controller that has just started.
    pub fn new() -> Self {
        Self {
            queue: WorkQueue::new(Event::JobSync, RETRY),
            orphans: WorkQueue::new(Event::OrphanPodSync, RETRY),
            records: FxHashMap::default(),
            to_claim: BTreeSet::new(),
        }
    }

    fn sync(&mut self, id: JobId, turn: &mut Turn<'_>) {
        let behaviour = Behaviour::of(&turn.context.profile);
        if !turn.cluster().job(id).is_some_and(|job| is_ours(job, &behaviour) && !is_finished(job)) {
            self.records.remove(&id);
            return;
        }
        self.claim_pods(id, turn);
        let plan = self.plan(id, &behaviour, turn);
        if let Some(wait) = plan.wake_after {
            self.queue.add_after(id, wait, turn);
        }
        let acted = act(id, &plan.action, &behaviour, turn);
        let concluded = self.conclude(id, plan, &acted.outcome, &behaviour, turn);
        if acted.has_failed || concluded.is_err() {
            self.queue.add_after_error(id, turn);
        } else {
            self.queue.forget_errors(id);
        }
    }

    fn plan(&self, id: JobId, behaviour: &Behaviour, turn: &Turn<'_>) -> Plan {
        let pods: Vec<_> = turn.cluster().pods_of_job(id).collect();
        let record = self.records.get(&id).copied().unwrap_or_default();
        let memory = Memory { record, expectations: Expectations::MET };
        sync::plan(&scene(id, behaviour, turn), &pods, &memory)
    }

    /// Counts what has ended and writes the status: before finalizers are removed, and after.
    ///
    /// # Errors
    /// When a write is refused: the sync is to be done again.
    fn conclude(
        &mut self,
        id: JobId,
        plan: Plan,
        outcome: &Outcome,
        behaviour: &Behaviour,
        turn: &mut Turn<'_>,
    ) -> Result<(), Refusal> {
        let mut account = plan.account(&scene(id, behaviour, turn), outcome);
        note(id, std::mem::take(&mut account.notes), turn);
        write_status(id, account.write.take(), turn)?;
        if let Some(record) = account.record {
            self.records.insert(id, record);
        }
        let mut held = Vec::new();
        let mut refused = Ok(());
        for (pod, uid) in &account.released {
            if let Err(refusal) = turn.submit(Command::RemoveFinalizer(*pod)) {
                held.push(*uid);
                refused = Err(refusal);
            }
        }
        let settlement = account.settle(&scene(id, behaviour, turn), &held);
        write_status(id, settlement.write, turn)?;
        note(id, settlement.notes, turn);
        refused
    }

    /// Adopts pods without an owner that match, and lets go of its own that do not.
    fn claim_pods(&mut self, id: JobId, turn: &mut Turn<'_>) {
        let job = &turn.cluster().jobs()[id];
        let owner = Owner { object: ObjectId::Job(id), name: job.meta.name.clone(), uid: job.meta.uid };
        for pod in self.to_claim.iter().copied().collect::<Vec<_>>() {
            match claim_of(id, pod, turn) {
                Claim::Adopt => turn.write(Command::AdoptPod(pod, owner.clone())),
                Claim::Release => turn.write(Command::Orphan(ObjectId::Pod(pod))),
                Claim::Own => {
                    self.to_claim.remove(&pod);
                }
                Claim::None => {}
            }
        }
    }

    /// Removes the finalizer of a pod, unless a Job will count it after all.
    /// Source: job_controller.go, syncOrphanPod.
    fn release_orphan(&self, id: PodId, turn: &mut Turn<'_>) {
        if turn.cluster().pod(id).is_some_and(|pod| unfinished_owner(pod.meta.owner.as_ref(), turn).is_none())
        {
            turn.write(Command::RemoveFinalizer(id));
        }
    }

    /// Takes note of a change of a pod that is still there.
    fn on_pod_change(&mut self, id: PodId, watch: &mut Watch<'_>) {
        let cluster = watch.cluster();
        let Some(pod) = cluster.pod(id) else { return };
        let owner = pod.meta.owner.as_ref().map(|owner| owner.object);
        match owner {
            Some(ObjectId::Job(job)) => match cluster.job(job) {
                Some(owner) if !is_finished(owner) => self.queue.add_after(job, SYNC_BATCH_PERIOD, watch),
                Some(_) if !pod.meta.is_terminating() => {}
                Some(_) | None => self.note_orphan(id, watch),
            },
            Some(ObjectId::Node(_) | ObjectId::Pod(_) | ObjectId::CronJob(_)) => {}
            None => {
                self.to_claim.insert(id);
                self.note_orphan(id, watch);
                let takers: Vec<_> = cluster
                    .jobs()
                    .iter()
                    .filter(|(_, job)| selects(job, &pod.meta))
                    .map(|(job, _)| job)
                    .collect();
                for job in takers {
                    self.queue.add_after(job, SYNC_BATCH_PERIOD, watch);
                }
            }
        }
    }

    /// Keeps in mind a pod of a Job that does not match, for the Job's next sync.
    fn note_claim(&mut self, id: PodId, watch: &Watch<'_>) {
        let cluster = watch.cluster();
        if let Some(pod) = cluster.pod(id)
            && let Some(ObjectId::Job(job)) = pod.meta.owner.as_ref().map(|owner| owner.object)
            && cluster.job(job).is_some_and(|job| !selects(job, &pod.meta))
        {
            self.to_claim.insert(id);
        }
    }

    /// Enqueues a pod without a Job that will count it, where it has a finalizer.
    fn note_orphan(&mut self, id: PodId, watch: &mut Watch<'_>) {
        if watch.cluster().pod(id).is_some_and(|pod| pod.has_finalizer()) {
            self.orphans.add(id, watch);
        }
    }

    /// Takes note that a Job is gone: nobody will count its pods.
    fn on_job_deleted(&mut self, id: JobId, watch: &mut Watch<'_>) {
        self.queue.remove(id, watch);
        self.records.remove(&id);
        for (pod, _) in watch.cluster().pods_of_job(id) {
            self.note_orphan(pod, watch);
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
        let mut jobs: Vec<_> = cluster.jobs().iter().filter(|(_, job)| !is_finished(job)).collect();
        jobs.sort_by_key(|(_, job)| job.meta.uid);
        for (id, _) in jobs {
            self.queue.add(id, watch);
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
            Change::Created(ObjectId::Job(id))
            | Change::JobSpecChanged(id)
            | Change::JobDeletionRequested(id, _) => self.queue.add(*id, watch),
            Change::JobStatusChanged(id) => self.queue.add_after(*id, SYNC_BATCH_PERIOD, watch),
            Change::JobDeleted(id, _) => self.on_job_deleted(*id, watch),
            Change::PodDeleted(id, pod) => {
                self.orphans.remove(*id, watch);
                self.to_claim.remove(id);
                if let Some(ObjectId::Job(job)) = pod.owner.as_ref().map(|owner| owner.object)
                    && watch.cluster().job(job).is_some()
                {
                    self.queue.add_after(job, SYNC_BATCH_PERIOD, watch);
                }
            }
            Change::PodChanged(id, change) => {
                if change.has_other_labels {
                    self.note_claim(*id, watch);
                }
                self.on_pod_change(*id, watch);
            }
            Change::Created(ObjectId::Pod(id))
            | Change::Orphaned(ObjectId::Pod(id))
            | Change::PodBound(id, _)
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
            | Change::PodAdopted(id) => self.on_pod_change(*id, watch),
            Change::Created(ObjectId::Node(_) | ObjectId::CronJob(_))
            | Change::Orphaned(ObjectId::Node(_) | ObjectId::Job(_) | ObjectId::CronJob(_))
            | Change::NodeChanged(..)
            | Change::NodeReadyChanged(..)
            | Change::NodeLeaseChanged(..)
            | Change::NodeDeleted(..)
            | Change::CronJobSpecChanged(..)
            | Change::CronJobStatusChanged(_)
            | Change::CronJobDeletionRequested(..)
            | Change::CronJobDeleted(..)
            | Change::Recorded(..) => {}
        }
    }
}

/// Whether a Job has ended for good: nothing is ever done about it again.
fn is_finished(job: &Job) -> bool {
    job.status.finished().is_some()
}

fn is_ours(job: &Job, behaviour: &Behaviour) -> bool {
    let other = job.spec.managed_by.as_deref().filter(|name| *name != NAME_IN_MANAGED_BY);
    other.is_none() || !behaviour.has_managed_by
}

fn claim_of(id: JobId, pod: PodId, turn: &Turn<'_>) -> Claim {
    let cluster = turn.cluster();
    cluster.pod(pod).map_or(Claim::None, |pod| claim(id, &cluster.jobs()[id], &pod.meta))
}

/// The Job that owns a pod, where it is there and not finished.
fn unfinished_owner(owner: Option<&Owner>, turn: &Turn<'_>) -> Option<JobId> {
    match owner?.object {
        ObjectId::Job(id) => turn.cluster().job(id).filter(|job| !is_finished(job)).map(|_| id),
        ObjectId::Node(_) | ObjectId::Pod(_) | ObjectId::CronJob(_) => None,
    }
}

fn scene<'a>(id: JobId, behaviour: &'a Behaviour, turn: &'a Turn<'_>) -> Scene<'a> {
    Scene { job: &turn.cluster().jobs()[id], now: turn.now(), behaviour }
}

fn act(id: JobId, action: &Action, behaviour: &Behaviour, turn: &mut Turn<'_>) -> Acted {
    match action {
        Action::Unmanaged | Action::Keep | Action::Wait(_) => Acted::default(),
        Action::Create(births) => create_pods(id, births, behaviour, turn),
        Action::Remove(victims) => {
            delete_pods(id, victims, &[Command::RemoveFinalizer, |pod| Command::DeletePod(pod, None)], turn)
        }
        Action::End(victims) => delete_pods(id, victims, &[|pod| Command::DeletePod(pod, None)], turn),
    }
}

/// Creates pods in batches of 1, 2, 4 and so on; after a batch with an error the rest is left for the retry.
/// Source: job_controller.go, manageJob; controller_utils.go, SlowStartInitialBatchSize.
fn create_pods(id: JobId, births: &[JobPod], behaviour: &Behaviour, turn: &mut Turn<'_>) -> Acted {
    let labels = pod_labels(&turn.cluster().jobs()[id]);
    let mut acted = Acted::default();
    let mut rest = births;
    let mut batch_size = 1;
    while !rest.is_empty() && !acted.has_failed {
        let (batch, later) = rest.split_at(rest.len().min(batch_size));
        for marks in batch {
            let creation = creation(&scene(id, behaviour, turn), id, &labels, *marks);
            match turn.submit(Command::Create(Box::new(creation))) {
                Ok(pod) => {
                    let name = pod.map(|pod| turn.cluster().name_of(pod)).unwrap_or_default();
                    let message = format!("Created pod: {name}");
                    turn.record(ObjectId::Job(id), Severity::Normal, "SuccessfulCreate", message, SOURCE);
                    acted.outcome.n_done += 1;
                }
                Err(refusal) => {
                    let message = format!("Error creating: {refusal}");
                    turn.record(ObjectId::Job(id), Severity::Warning, "FailedCreate", message, SOURCE);
                    acted.has_failed = true;
                }
            }
        }
        rest = later;
        batch_size *= 2;
    }
    acted
}

/// Deletes pods, each by these writes; a pod that is gone already counts as deleted.
/// Source: job_controller.go, deleteActivePods and deleteJobPods.
fn delete_pods(id: JobId, victims: &[Victim], writes: &[fn(PodId) -> Command], turn: &mut Turn<'_>) -> Acted {
    let mut acted = Acted::default();
    for victim in victims {
        let name = turn.cluster().name_of(ObjectId::Pod(victim.pod));
        let outcome = writes.iter().try_for_each(|write| turn.submit(write(victim.pod)).map(|_| ()));
        match outcome {
            Ok(()) | Err(Refusal::NotFound) => {
                let message = format!("Deleted pod: {name}");
                turn.record(ObjectId::Job(id), Severity::Normal, "SuccessfulDelete", message, SOURCE);
                acted.outcome.n_done += 1;
                acted.outcome.n_ready_deleted += u32::from(victim.is_ready);
            }
            Err(refusal) => {
                let message = format!("Error deleting: {refusal}");
                turn.record(ObjectId::Job(id), Severity::Warning, "FailedDelete", message, SOURCE);
                acted.has_failed = true;
            }
        }
    }
    acted
}

/// Writes the status, where there is one to write.
fn write_status(id: JobId, status: Option<JobStatus>, turn: &mut Turn<'_>) -> Result<(), Refusal> {
    match status {
        Some(status) => turn.submit(Command::UpdateJobStatus(id, Box::new(status))).map(|_| ()),
        None => Ok(()),
    }
}

fn note(id: JobId, notes: Vec<Note>, turn: &mut Turn<'_>) {
    for note in notes {
        turn.record(ObjectId::Job(id), note.severity, note.reason, note.message, SOURCE);
    }
}
