//! Who owns what, and the life of Jobs and CronJobs.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::cluster::{Cluster, Refusal};
use crate::engine::{SimDuration, SimTime};
use crate::event::{Change, CronJobSpecChange, DeletedOwner};
use crate::model::cronjob::{CronJobSpec, CronJobStatus};
use crate::model::ids::{CronJobId, JobId, Kind, ObjectId, PodId};
use crate::model::job::{JobSpec, JobStatus};
use crate::model::meta::{Deletion, ObjectMeta, Owner, Propagation};
use crate::model::pod::Ordinal;

/// The living dependants of one owner, and how many it has ever had.
#[derive(Debug, Clone, Default)]
pub(super) struct Dependants {
    by_serial: BTreeMap<u64, ObjectId>,
    n_ever: u32,
    n_ever_by_index: BTreeMap<u32, u32>,
}

impl Dependants {
    pub(super) fn iter(&self) -> impl Iterator<Item = ObjectId> + '_ {
        self.by_serial.values().copied()
    }

    pub(super) fn len(&self) -> usize {
        self.by_serial.len()
    }

    /// The ordinal of the dependant that comes next.
    pub(super) fn next_ordinal(&mut self, completion_index: Option<u32>) -> Ordinal {
        let of_owner = self.n_ever;
        self.n_ever += 1;
        let of_index = completion_index.map_or(0, |index| {
            let count = self.n_ever_by_index.entry(index).or_default();
            *count += 1;
            *count - 1
        });
        Ordinal { of_owner, of_index }
    }

    pub(super) fn insert(&mut self, serial: u64, object: ObjectId) {
        self.by_serial.insert(serial, object);
    }

    pub(super) fn remove(&mut self, serial: u64) {
        self.by_serial.remove(&serial);
    }
}

impl Cluster {
    pub(super) fn update_job_spec(
        &mut self,
        id: JobId,
        spec: Arc<JobSpec>,
        manifest: Arc<Value>,
        changes: &mut Vec<Change>,
    ) -> Result<(), Refusal> {
        let job = self.jobs.get_mut(id).ok_or(Refusal::NotFound)?;
        if job.spec != spec {
            job.spec = spec;
            job.manifest = manifest;
            job.meta.generation += 1;
            changes.push(Change::JobSpecChanged(id));
        }
        Ok(())
    }

    pub(super) fn update_job_status(
        &mut self,
        id: JobId,
        status: JobStatus,
        changes: &mut Vec<Change>,
    ) -> Result<(), Refusal> {
        let job = self.jobs.get_mut(id).ok_or(Refusal::NotFound)?;
        if job.status != status {
            job.status = status;
            changes.push(Change::JobStatusChanged(id));
        }
        Ok(())
    }

    pub(super) fn update_cronjob_spec(
        &mut self,
        id: CronJobId,
        spec: Arc<CronJobSpec>,
        manifest: Arc<Value>,
        changes: &mut Vec<Change>,
    ) -> Result<(), Refusal> {
        let cronjob = self.cronjobs.get_mut(id).ok_or(Refusal::NotFound)?;
        if cronjob.spec != spec {
            let is_schedule =
                cronjob.spec.schedule != spec.schedule || cronjob.spec.time_zone != spec.time_zone;
            let change = if is_schedule { CronJobSpecChange::Schedule } else { CronJobSpecChange::Other };
            cronjob.spec = spec;
            cronjob.manifest = manifest;
            cronjob.meta.generation += 1;
            changes.push(Change::CronJobSpecChanged(id, change));
        }
        Ok(())
    }

    pub(super) fn update_cronjob_status(
        &mut self,
        id: CronJobId,
        status: CronJobStatus,
        changes: &mut Vec<Change>,
    ) -> Result<(), Refusal> {
        let cronjob = self.cronjobs.get_mut(id).ok_or(Refusal::NotFound)?;
        if cronjob.status != status {
            cronjob.status = status;
            changes.push(Change::CronJobStatusChanged(id));
        }
        Ok(())
    }

    pub(super) fn delete_job(
        &mut self,
        now: SimTime,
        id: JobId,
        propagation: Propagation,
        changes: &mut Vec<Change>,
    ) -> Result<(), Refusal> {
        let n_dependants = self.dependants.get(&ObjectId::Job(id)).map_or(0, Dependants::len);
        let job = self.jobs.get_mut(id).ok_or(Refusal::NotFound)?;
        if propagation != Propagation::Background && n_dependants > 0 {
            if begin_deletion(&mut job.meta, now, propagation) {
                changes.push(Change::JobDeletionRequested(id, propagation));
            }
            return Ok(());
        }
        self.remove_job(id, propagation, changes)
    }

    pub(super) fn remove_job(
        &mut self,
        id: JobId,
        propagation: Propagation,
        changes: &mut Vec<Change>,
    ) -> Result<(), Refusal> {
        let job = self.jobs.remove(id).ok_or(Refusal::NotFound)?;
        self.forget_owned(&job.meta, Kind::Job);
        changes.push(Change::JobDeleted(id, deleted_owner(job.meta, propagation)));
        Ok(())
    }

    pub(super) fn delete_cronjob(
        &mut self,
        now: SimTime,
        id: CronJobId,
        propagation: Propagation,
        changes: &mut Vec<Change>,
    ) -> Result<(), Refusal> {
        let n_dependants = self.dependants.get(&ObjectId::CronJob(id)).map_or(0, Dependants::len);
        let cronjob = self.cronjobs.get_mut(id).ok_or(Refusal::NotFound)?;
        if propagation != Propagation::Background && n_dependants > 0 {
            if begin_deletion(&mut cronjob.meta, now, propagation) {
                changes.push(Change::CronJobDeletionRequested(id, propagation));
            }
            return Ok(());
        }
        self.remove_cronjob(id, propagation, changes)
    }

    pub(super) fn remove_cronjob(
        &mut self,
        id: CronJobId,
        propagation: Propagation,
        changes: &mut Vec<Change>,
    ) -> Result<(), Refusal> {
        let cronjob = self.cronjobs.remove(id).ok_or(Refusal::NotFound)?;
        self.forget_owned(&cronjob.meta, Kind::CronJob);
        changes.push(Change::CronJobDeleted(id, deleted_owner(cronjob.meta, propagation)));
        Ok(())
    }

    /// Takes the owner off a dependant.
    pub(super) fn orphan(&mut self, object: ObjectId, changes: &mut Vec<Change>) -> Result<(), Refusal> {
        let meta = match object {
            ObjectId::Pod(id) => self.pods.get_mut(id).map(|pod| &mut pod.meta),
            ObjectId::Job(id) => self.jobs.get_mut(id).map(|job| &mut job.meta),
            ObjectId::Node(_) | ObjectId::CronJob(_) => None,
        };
        let meta = meta.ok_or(Refusal::NotFound)?;
        if let Some(owner) = meta.owner.take() {
            if let Some(dependants) = self.dependants.get_mut(&owner.object) {
                dependants.remove(meta.uid.serial);
            }
            changes.push(Change::Orphaned(object));
        }
        Ok(())
    }

    /// Gives a pod without an owner to a Job; nothing happens where it has one.
    pub(super) fn adopt_pod(
        &mut self,
        id: PodId,
        owner: Owner,
        changes: &mut Vec<Change>,
    ) -> Result<(), Refusal> {
        let pod = self.pods.get_mut(id).ok_or(Refusal::NotFound)?;
        if pod.meta.owner.is_none() {
            pod.job.get_or_insert_default().has_finalizer = true;
            let dependants = self.dependants.entry(owner.object).or_default();
            dependants.insert(pod.meta.uid.serial, ObjectId::Pod(id));
            pod.meta.owner = Some(owner);
            changes.push(Change::PodAdopted(id));
        }
        Ok(())
    }

    /// Takes an object that is gone out of the name table and off its owner's list.
    pub(super) fn forget_owned(&mut self, meta: &ObjectMeta, kind: Kind) {
        self.names.remove(kind, &meta.namespace, &meta.name);
        let Some(owner) = &meta.owner else { return };
        let owner_is_gone = self.meta(owner.object).is_none();
        if let Some(dependants) = self.dependants.get_mut(&owner.object) {
            dependants.remove(meta.uid.serial);
            if owner_is_gone && dependants.len() == 0 {
                self.dependants.remove(&owner.object);
            }
        }
    }
}

/// Marks an object as being deleted; false where it already is.
fn begin_deletion(meta: &mut ObjectMeta, now: SimTime, propagation: Propagation) -> bool {
    if meta.deletion.is_some() {
        return false;
    }
    meta.deletion = Some(Deletion { requested: now, grace: SimDuration::ZERO, propagation });
    true
}

fn deleted_owner(meta: ObjectMeta, propagation: Propagation) -> DeletedOwner {
    DeletedOwner { namespace: meta.namespace, name: meta.name, owner: meta.owner, propagation }
}
