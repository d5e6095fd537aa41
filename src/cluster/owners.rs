//! Who owns what, and the life of the objects that have a spec and a status.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::cluster::{Cluster, Refusal};
use crate::engine::{Arena, Id, SimDuration, SimTime};
use crate::event::{Change, DeletedObject, SpecChange, SpecUpdate, StatusUpdate};
use crate::model::ids::{Kind, ObjectId, PodId};
use crate::model::meta::{Deletion, Labels, ObjectMeta, Owner, Propagation};
use crate::model::object::Object;
use crate::model::pod::{JobPod, Ordinal};

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

    pub(super) const fn n_ever(&self) -> u32 {
        self.n_ever
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
    /// The workload that a pod belongs to: its topmost owner that is there, or the pod itself.
    pub fn workload_of(&self, pod: PodId) -> ObjectId {
        let mut top = ObjectId::Pod(pod);
        while let Some(owner) = self.meta(top).and_then(|meta| meta.owner.as_ref()) {
            if self.meta(owner.object).is_none() {
                break;
            }
            top = owner.object;
        }
        top
    }

    pub(super) fn update_meta(
        &mut self,
        object: ObjectId,
        labels: Labels,
        annotations: Labels,
        changes: &mut Vec<Change>,
    ) -> Result<(), Refusal> {
        let meta = self.meta_mut(object).ok_or(Refusal::NotFound)?;
        if meta.labels != labels || meta.annotations != annotations {
            meta.labels = labels;
            meta.annotations = annotations;
            changes.push(Change::MetaChanged(object));
        }
        Ok(())
    }

    pub(super) fn update_spec(
        &mut self,
        update: SpecUpdate,
        manifest: Arc<Value>,
        changes: &mut Vec<Change>,
    ) -> Result<(), Refusal> {
        let change = match update {
            SpecUpdate::CronJob(id, spec) => {
                let old = self.cronjobs.get(id).map(|cronjob| Arc::clone(&cronjob.spec));
                let is_schedule =
                    old.is_some_and(|old| old.schedule != spec.schedule || old.time_zone != spec.time_zone);
                let what = if is_schedule { SpecChange::Schedule } else { SpecChange::Other };
                replace_spec(&mut self.cronjobs, id, spec, manifest, what)?
            }
            SpecUpdate::ResourceQuota(id, spec) => {
                replace_spec(&mut self.resource_quotas, id, spec, manifest, SpecChange::Other)?
            }
            SpecUpdate::Service(id, spec) => {
                replace_spec(&mut self.services, id, spec, manifest, SpecChange::Other)?
            }
            SpecUpdate::PodDisruptionBudget(id, spec) => {
                replace_spec(&mut self.pod_disruption_budgets, id, spec, manifest, SpecChange::Other)?
            }
            SpecUpdate::ReplicaSet(id, spec) => {
                replace_spec(&mut self.replica_sets, id, spec, manifest, SpecChange::Other)?
            }
            SpecUpdate::Deployment(id, spec) => {
                replace_spec(&mut self.deployments, id, spec, manifest, SpecChange::Other)?
            }
            SpecUpdate::StatefulSet(id, spec) => {
                replace_spec(&mut self.stateful_sets, id, spec, manifest, SpecChange::Other)?
            }
            SpecUpdate::DaemonSet(id, spec) => {
                replace_spec(&mut self.daemon_sets, id, spec, manifest, SpecChange::Other)?
            }
            SpecUpdate::Job(id, spec) => replace_spec(&mut self.jobs, id, spec, manifest, SpecChange::Other)?,
            SpecUpdate::HorizontalPodAutoscaler(id, spec) => {
                replace_spec(&mut self.horizontal_pod_autoscalers, id, spec, manifest, SpecChange::Other)?
            }
        };
        changes.extend(change);
        Ok(())
    }

    pub(super) fn update_status(
        &mut self,
        update: StatusUpdate,
        changes: &mut Vec<Change>,
    ) -> Result<(), Refusal> {
        let change = match update {
            StatusUpdate::PodDisruptionBudget(id, status) => {
                replace_status(&mut self.pod_disruption_budgets, id, status)?
            }
            StatusUpdate::ReplicaSet(id, status) => replace_status(&mut self.replica_sets, id, status)?,
            StatusUpdate::Deployment(id, status) => replace_status(&mut self.deployments, id, status)?,
            StatusUpdate::StatefulSet(id, status) => replace_status(&mut self.stateful_sets, id, status)?,
            StatusUpdate::DaemonSet(id, status) => replace_status(&mut self.daemon_sets, id, status)?,
            StatusUpdate::Job(id, status) => replace_status(&mut self.jobs, id, status)?,
            StatusUpdate::CronJob(id, status) => replace_status(&mut self.cronjobs, id, status)?,
            StatusUpdate::HorizontalPodAutoscaler(id, status) => {
                replace_status(&mut self.horizontal_pod_autoscalers, id, status)?
            }
        };
        changes.extend(change);
        Ok(())
    }

    /// Deletes an object that is neither a pod nor a node, or marks it where it has to wait for its dependants.
    pub(super) fn delete(
        &mut self,
        now: SimTime,
        object: ObjectId,
        propagation: Propagation,
        changes: &mut Vec<Change>,
    ) -> Result<(), Refusal> {
        let n_dependants = self.dependants.get(&object).map_or(0, Dependants::len);
        let meta = self.meta_mut(object).ok_or(Refusal::NotFound)?;
        if propagation != Propagation::Background && n_dependants > 0 {
            if begin_deletion(meta, now, propagation) {
                changes.push(Change::DeletionRequested(object, propagation));
            }
            return Ok(());
        }
        self.remove(object, propagation, changes)
    }

    pub(super) fn remove(
        &mut self,
        object: ObjectId,
        propagation: Propagation,
        changes: &mut Vec<Change>,
    ) -> Result<(), Refusal> {
        let meta = match object {
            ObjectId::Node(_) | ObjectId::Pod(_) => unreachable!("pods and nodes have commands of their own"),
            ObjectId::ResourceQuota(id) => self.resource_quotas.remove(id).map(|gone| gone.meta),
            ObjectId::Service(id) => self.services.remove(id).map(|gone| gone.meta),
            ObjectId::PodDisruptionBudget(id) => self.pod_disruption_budgets.remove(id).map(|gone| gone.meta),
            ObjectId::ReplicaSet(id) => self.replica_sets.remove(id).map(|gone| gone.meta),
            ObjectId::Deployment(id) => self.deployments.remove(id).map(|gone| gone.meta),
            ObjectId::StatefulSet(id) => self.stateful_sets.remove(id).map(|gone| gone.meta),
            ObjectId::DaemonSet(id) => self.daemon_sets.remove(id).map(|gone| gone.meta),
            ObjectId::Job(id) => self.jobs.remove(id).map(|gone| gone.meta),
            ObjectId::CronJob(id) => self.cronjobs.remove(id).map(|gone| gone.meta),
            ObjectId::HorizontalPodAutoscaler(id) => {
                self.horizontal_pod_autoscalers.remove(id).map(|gone| gone.meta)
            }
        };
        let meta = meta.ok_or(Refusal::NotFound)?;
        self.forget_owned(&meta, object.kind());
        let ObjectMeta { namespace, name, owner, labels, .. } = meta;
        let gone = DeletedObject { namespace, name, owner, labels, propagation };
        changes.push(Change::Deleted(object, gone));
        Ok(())
    }

    /// Takes the owner off a dependant.
    pub(super) fn orphan(&mut self, object: ObjectId, changes: &mut Vec<Change>) -> Result<(), Refusal> {
        let meta = self.meta_mut(object).ok_or(Refusal::NotFound)?;
        let serial = meta.uid.serial;
        if let Some(owner) = meta.owner.take() {
            if let Some(dependants) = self.dependants.get_mut(&owner.object) {
                dependants.remove(serial);
            }
            changes.push(Change::Orphaned(object));
        }
        Ok(())
    }

    /// Gives an object without an owner to a controller; nothing happens where it has one.
    pub(super) fn adopt(
        &mut self,
        object: ObjectId,
        owner: Owner,
        changes: &mut Vec<Change>,
    ) -> Result<(), Refusal> {
        let meta = self.meta_mut(object).ok_or(Refusal::NotFound)?;
        if meta.owner.is_some() {
            return Ok(());
        }
        let (serial, controller) = (meta.uid.serial, owner.object);
        meta.owner = Some(owner);
        self.dependants.entry(controller).or_default().insert(serial, object);
        if let (ObjectId::Pod(id), ObjectId::Job(_)) = (object, controller) {
            let pod = &mut self.pods[id];
            let marks = pod.job.get_or_insert_with(|| JobPod::of_annotations(&pod.meta.annotations));
            marks.has_finalizer = true;
        }
        changes.push(Change::Adopted(object));
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

fn replace_spec<S: PartialEq, T>(
    table: &mut Arena<Object<S, T>>,
    id: Id<Object<S, T>>,
    spec: Arc<S>,
    manifest: Arc<Value>,
    what: SpecChange,
) -> Result<Option<Change>, Refusal>
where
    ObjectId: From<Id<Object<S, T>>>,
{
    let object = table.get_mut(id).ok_or(Refusal::NotFound)?;
    if object.spec == spec {
        return Ok(None);
    }
    object.spec = spec;
    object.manifest = manifest;
    object.meta.generation += 1;
    Ok(Some(Change::SpecChanged(id.into(), what)))
}

fn replace_status<S, T: PartialEq>(
    table: &mut Arena<Object<S, T>>,
    id: Id<Object<S, T>>,
    status: T,
) -> Result<Option<Change>, Refusal>
where
    ObjectId: From<Id<Object<S, T>>>,
{
    let object = table.get_mut(id).ok_or(Refusal::NotFound)?;
    if object.status == status {
        return Ok(None);
    }
    object.status = status;
    Ok(Some(Change::StatusChanged(id.into())))
}
