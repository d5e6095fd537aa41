//! One sync of a Deployment: reads its sets, writes sizes, then the status.
//!
//! The sync works on copies, as upstream does. A copy that was written once and not read again is out of date: the
//! next write of it is refused as a conflict, and the sync is done again. So the status of a sync that makes a
//! ReplicaSet is lost, and is written by the next one.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::cluster::Refusal;
use crate::component::{Timers, Turn};
use crate::controllers::deployment::birth::{creation, owner};
use crate::controllers::deployment::history::surplus;
use crate::controllers::deployment::revision::{REVISION, annotations_of_new, next_revision, with_sizes};
use crate::controllers::deployment::rollout::{new_set_size, proportions, shrink_old};
use crate::controllers::deployment::sets::{Set, Sets, is_of_template};
use crate::controllers::deployment::status::{
    PAUSED, Requeue, TIMED_OUT, condition, counted, find, is_complete, requeue, rolled, set,
};
use crate::event::{Command, SpecUpdate, StatusUpdate};
use crate::model::deployment::{Deployment, DeploymentConditionType, DeploymentStatus, DeploymentStrategy};
use crate::model::ids::{DeploymentId, ObjectId, ReplicaSetId};
use crate::model::meta::{Labels, Propagation};
use crate::model::node::ConditionStatus;
use crate::model::record::Severity;
use crate::model::replica_set::{ReplicaSet, ReplicaSetSpec};

const SOURCE: &str = "deployment-controller";

/// Why a sync is to be done again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyncError {
    /// It would have written a copy that is out of date.
    Conflict,
    /// The API server refused a write.
    Refused(Refusal),
}

/// Whether a sync may make the ReplicaSet of the present template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NewSet {
    Find,
    FindOrCreate,
}

/// One sync of a Deployment that is there.
pub(super) struct Sync<'s, 't> {
    id: DeploymentId,
    /// The copy.
    deployment: Deployment,
    /// Whether the copy is out of date.
    is_stale: bool,
    /// How often each set was written.
    versions: FxHashMap<ReplicaSetId, u32>,
    turn: &'s mut Turn<'t>,
}

impl<'s, 't> Sync<'s, 't> {
    /// Begins a sync.
    pub fn new(id: DeploymentId, turn: &'s mut Turn<'t>) -> Self {
        let deployment = turn.cluster().deployments()[id].clone();
        Self { id, deployment, is_stale: false, versions: FxHashMap::default(), turn }
    }

    /// Brings the Deployment one step further; gives when to look at it again.
    ///
    /// # Errors
    /// When it has to be done again.
    ///
    /// Source: Kubernetes 1.28, pkg/controller/deployment/deployment_controller.go, syncDeployment.
    pub fn run(&mut self, orphans: &[ReplicaSetId]) -> Result<Requeue, SyncError> {
        let list = self.claim(orphans);
        if self.deployment.meta.is_terminating() {
            let sets = self.tell(&list, NewSet::Find)?;
            return self.write_counts(&sets);
        }
        self.note_pause()?;
        if self.deployment.spec.paused || self.is_scaled(&list)? {
            return self.scale_all(&list);
        }
        match self.deployment.spec.strategy {
            DeploymentStrategy::Recreate => self.recreate(&list),
            DeploymentStrategy::RollingUpdate { .. } => self.roll(&list),
        }
    }

    /// The sets of the Deployment: it takes those of these that match and have no owner, and lets go of own ones that
    /// do not match.
    /// Source: Kubernetes 1.28, pkg/controller/controller_ref_manager.go, ClaimReplicaSets.
    fn claim(&mut self, orphans: &[ReplicaSetId]) -> Vec<Set> {
        let is_terminating = self.deployment.meta.is_terminating();
        for id in orphans.iter().copied().filter(|_| !is_terminating) {
            let set = self.turn.cluster().replica_set(id);
            let takes = |set: &ReplicaSet| set.meta.owner.is_none() && !set.meta.is_terminating();
            if set.is_some_and(|set| takes(set) && selects(&self.deployment, set)) {
                let owner = owner(self.id, &self.deployment);
                self.turn.write(Command::Adopt(ObjectId::ReplicaSet(id), owner));
            }
        }
        let own = self.turn.cluster().replica_sets_of(self.id);
        let own: Vec<(ReplicaSetId, ReplicaSet)> = own.map(|(id, set)| (id, set.clone())).collect();
        let mut list = Vec::with_capacity(own.len());
        for (id, object) in own {
            if selects(&self.deployment, &object) {
                list.push(Set { id, object, version: 0 });
            } else if !is_terminating {
                self.turn.write(Command::Orphan(ObjectId::ReplicaSet(id)));
            }
        }
        list
    }

    /// Says that the roll-out is paused, or goes on; not where it has timed out.
    /// Source: Kubernetes 1.28, pkg/controller/deployment/sync.go, checkPausedConditions.
    fn note_pause(&mut self) -> Result<(), SyncError> {
        let reason = find(&self.deployment.status, DeploymentConditionType::Progressing)
            .map(|progress| progress.reason);
        if self.deployment.spec.progress_deadline.is_none() || reason == Some(TIMED_OUT) {
            return Ok(());
        }
        let (reason, message) = match (self.deployment.spec.paused, reason == Some(PAUSED)) {
            (true, false) => (PAUSED, "Deployment is paused"),
            (false, true) => ("DeploymentResumed", "Deployment is resumed"),
            (true, true) | (false, false) => return Ok(()),
        };
        let kind = DeploymentConditionType::Progressing;
        let note = condition(kind, ConditionStatus::Unknown, reason, message, self.turn.now());
        set(&mut self.deployment.status, note);
        self.write_status()
    }

    /// Whether the Deployment has another size than its sets were last given sizes for.
    /// Source: Kubernetes 1.28, pkg/controller/deployment/sync.go, isScalingEvent.
    fn is_scaled(&mut self, list: &[Set]) -> Result<bool, SyncError> {
        let sets = self.tell(list, NewSet::Find)?;
        let replicas = self.deployment.spec.replicas;
        Ok(sets.active().filter_map(Set::desired_replicas).any(|desired| desired != replicas))
    }

    /// Gives the sets their sizes after the Deployment got another one, or while it is paused.
    /// Source: Kubernetes 1.28, pkg/controller/deployment/sync.go, sync and scale.
    fn scale_all(&mut self, list: &[Set]) -> Result<Requeue, SyncError> {
        let sets = self.tell(list, NewSet::Find)?;
        let replicas = self.deployment.spec.replicas;
        if let Some(only) = sets.active_or_latest() {
            self.resize(only, replicas)?;
        } else if sets.new.as_ref().is_some_and(|new| is_saturated(new, replicas)) {
            for old in sets.active_old() {
                self.resize(old, 0)?;
            }
        } else if matches!(self.deployment.spec.strategy, DeploymentStrategy::RollingUpdate { .. }) {
            let n_observed = self.deployment.status.replicas;
            for (set, size) in proportions(&self.deployment.spec, &sets, n_observed) {
                self.write_size(&set, size)?;
            }
        }
        if self.deployment.spec.paused {
            self.clean_up(&sets)?;
        }
        self.write_counts(&sets)
    }

    /// Source: Kubernetes 1.28, pkg/controller/deployment/rolling.go, rolloutRolling.
    fn roll(&mut self, list: &[Set]) -> Result<Requeue, SyncError> {
        let sets = self.tell(list, NewSet::FindOrCreate)?;
        if let Some(new) = &sets.new {
            let spec = &self.deployment.spec;
            let size = if new.size() > spec.replicas {
                spec.replicas
            } else {
                new_set_size(spec, sets.n_wanted(), new.size())
            };
            if self.resize(new, size)? {
                return self.write_rollout(&sets);
            }
        }
        let steps = shrink_old(&self.deployment.spec, &sets);
        let has_steps = !steps.is_empty();
        for (set, size) in steps {
            self.resize_again(&set, size)?;
        }
        if !has_steps && is_complete(&self.deployment, &self.deployment.status) {
            self.clean_up(&sets)?;
        }
        self.write_rollout(&sets)
    }

    /// Source: Kubernetes 1.28, pkg/controller/deployment/recreate.go, rolloutRecreate.
    fn recreate(&mut self, list: &[Set]) -> Result<Requeue, SyncError> {
        let mut sets = self.tell(list, NewSet::Find)?;
        let mut has_shrunk = false;
        for old in sets.active_old() {
            has_shrunk |= self.resize(old, 0)?;
        }
        if has_shrunk || self.has_old_pods(&sets) {
            return self.write_rollout(&sets);
        }
        if sets.new.is_none() {
            sets = self.tell(list, NewSet::FindOrCreate)?;
        }
        if let Some(new) = &sets.new {
            self.resize(new, self.deployment.spec.replicas)?;
        }
        if is_complete(&self.deployment, &self.deployment.status) {
            self.clean_up(&sets)?;
        }
        self.write_rollout(&sets)
    }

    /// Whether pods of old sets are still there: also those that terminate, but not those that have ended.
    /// Source: Kubernetes 1.28, pkg/controller/deployment/recreate.go, oldPodsRunning.
    fn has_old_pods(&self, sets: &Sets) -> bool {
        let cluster = self.turn.cluster();
        sets.old.iter().any(|old| {
            let mut pods = cluster.pods_of(old.id);
            old.object.status.replicas > 0 || pods.any(|(_, pod)| !pod.status.phase.is_terminal())
        })
    }

    /// Tells the new set from the old ones, and makes it where there is none and it may; numbers it and the Deployment.
    /// Source: Kubernetes 1.28, pkg/controller/deployment/sync.go, getAllReplicaSetsAndSyncRevision,
    /// getNewReplicaSet.
    fn tell(&mut self, list: &[Set], wanted: NewSet) -> Result<Sets, SyncError> {
        let mut sets = Sets::tell(&self.deployment.spec, list);
        let revision = next_revision(&sets.old);
        match (sets.new.take(), wanted) {
            (Some(new), _) => sets.new = Some(self.renumber(new, revision)?),
            (None, NewSet::Find) => {}
            (None, NewSet::FindOrCreate) => sets.new = Some(self.create_set(&sets, revision)?),
        }
        Ok(sets)
    }

    /// Brings the annotations of the new set up to date; where they are, the Deployment's revision.
    fn renumber(&mut self, new: Set, revision: u64) -> Result<Set, SyncError> {
        let annotations = annotations_of_new(&self.deployment, &new.object.meta.annotations, revision);
        let min_ready = self.deployment.spec.min_ready;
        if annotations != new.object.meta.annotations || min_ready != new.object.spec.min_ready {
            let spec = ReplicaSetSpec { min_ready, ..(*new.object.spec).clone() };
            return self.write_set(&new, spec, annotations);
        }
        let number = new.object.meta.annotations.get(REVISION).cloned().unwrap_or_default();
        let mut is_other = self.set_revision(&number);
        let progress = find(&self.deployment.status, DeploymentConditionType::Progressing);
        if self.deployment.spec.progress_deadline.is_some() && progress.is_none() {
            let message = format!("Found new replica set \"{}\"", new.object.meta.name);
            self.set_progress(ConditionStatus::True, "FoundNewReplicaSet", message);
            is_other = true;
        }
        if is_other {
            self.write_status()?;
        }
        Ok(new)
    }

    /// Makes the set of the present template.
    fn create_set(&mut self, sets: &Sets, revision: u64) -> Result<Set, SyncError> {
        let spec = &self.deployment.spec;
        let size = new_set_size(spec, sets.n_wanted(), 0);
        let annotations = annotations_of_new(&self.deployment, &Labels::default(), revision);
        let creation = creation(self.id, &self.deployment, size, with_sizes(spec, &annotations));
        let (namespace, name) = (creation.object.namespace.clone(), creation.object.name.clone());
        let created = match self.turn.submit(Command::Create(Box::new(creation))) {
            Ok(created) => created,
            Err(Refusal::AlreadyExists) => {
                let known = self.turn.cluster().find(crate::model::ids::Kind::ReplicaSet, &namespace, &name);
                return self.take_up(known);
            }
            Err(refusal) => return Err(self.fail_to_create(&name, refusal)),
        };
        if size > 0 {
            let message = format!("Scaled up replica set {name} to {size}");
            self.record(Severity::Normal, "ScalingReplicaSet", message);
        }
        self.set_revision(&revision.to_string());
        if self.deployment.spec.progress_deadline.is_some() {
            let message = format!("Created new replica set \"{name}\"");
            self.set_progress(ConditionStatus::True, "NewReplicaSetCreated", message);
        }
        self.write_status()?;
        let Some(ObjectId::ReplicaSet(id)) = created else { unreachable!("a ReplicaSet was created") };
        Ok(self.read_set(id))
    }

    /// The set whose name is taken: the wanted one where it is the Deployment's own, or else its hash collides.
    fn take_up(&mut self, known: Option<ObjectId>) -> Result<Set, SyncError> {
        if let Some(ObjectId::ReplicaSet(id)) = known {
            let set = self.read_set(id);
            let owner = set.object.meta.owner.as_ref();
            let is_own = owner.is_some_and(|owner| owner.object == ObjectId::Deployment(self.id));
            if is_own && is_of_template(&set, &self.deployment.spec) {
                return Ok(set);
            }
        }
        let count = self.deployment.status.collision_count.unwrap_or(0) + 1;
        self.deployment.status.collision_count = Some(count);
        self.write_status()?;
        Err(SyncError::Refused(Refusal::AlreadyExists))
    }

    fn fail_to_create(&mut self, name: &str, refusal: Refusal) -> SyncError {
        let message = format!("Failed to create new replica set \"{name}\": {refusal}");
        if self.deployment.spec.progress_deadline.is_some() {
            self.set_progress(ConditionStatus::False, "ReplicaSetCreateError", message.clone());
            // That the status cannot be written either adds nothing: the sync fails all the same.
            let _ = self.write_status();
        }
        self.record(Severity::Warning, "ReplicaSetCreateError", message);
        SyncError::Refused(refusal)
    }

    fn read_set(&self, id: ReplicaSetId) -> Set {
        let version = self.versions.get(&id).copied().unwrap_or(0);
        Set { id, object: self.turn.cluster().replica_sets()[id].clone(), version }
    }

    /// Writes down the revision in the copy; returns whether it was another.
    fn set_revision(&mut self, revision: &str) -> bool {
        let annotations = &mut self.deployment.meta.annotations;
        let is_other = annotations.get(REVISION).is_none_or(|known| **known != *revision);
        if is_other {
            *annotations = annotations.with(REVISION, revision);
        }
        is_other
    }

    fn set_progress(&mut self, holds: ConditionStatus, reason: &'static str, message: String) {
        let kind = DeploymentConditionType::Progressing;
        set(&mut self.deployment.status, condition(kind, holds, reason, message, self.turn.now()));
    }

    /// Gives a set another size; false where it has it already.
    fn resize(&mut self, set: &Set, size: u32) -> Result<bool, SyncError> {
        if set.size() == size {
            return Ok(false);
        }
        self.write_size(set, size).map(|_| true)
    }

    /// Gives a set another size that this sync may have resized before.
    fn resize_again(&mut self, set: &Set, size: u32) -> Result<(), SyncError> {
        let present = self.read_set(set.id);
        self.resize(&present, size).map(|_| ())
    }

    /// Writes the size of a set, and for which size of the Deployment it is.
    /// Source: Kubernetes 1.28, pkg/controller/deployment/sync.go, scaleReplicaSet.
    fn write_size(&mut self, set: &Set, size: u32) -> Result<(), SyncError> {
        let annotations = with_sizes(&self.deployment.spec, &set.object.meta.annotations);
        let old = set.size();
        if old == size && annotations == set.object.meta.annotations {
            return Ok(());
        }
        let spec = ReplicaSetSpec { replicas: size, ..(*set.object.spec).clone() };
        self.write_set(set, spec, annotations)?;
        if old != size {
            let (direction, name) = (if old < size { "up" } else { "down" }, &set.object.meta.name);
            let message = format!("Scaled {direction} replica set {name} to {size} from {old}");
            self.record(Severity::Normal, "ScalingReplicaSet", message);
        }
        Ok(())
    }

    /// Writes a set; gives the copy that is up to date.
    fn write_set(&mut self, set: &Set, spec: ReplicaSetSpec, annotations: Labels) -> Result<Set, SyncError> {
        let version = self.versions.entry(set.id).or_default();
        if set.version != *version {
            return Err(SyncError::Conflict);
        }
        *version += 1;
        let id = ObjectId::ReplicaSet(set.id);
        let meta = &set.object.meta;
        let manifest = Arc::clone(&set.object.manifest);
        let writes = [
            Command::UpdateMeta(id, meta.labels.clone(), annotations),
            Command::UpdateSpec(SpecUpdate::ReplicaSet(set.id, Arc::new(spec)), manifest),
        ];
        for write in writes {
            self.turn.submit(write).map_err(SyncError::Refused)?;
        }
        Ok(self.read_set(set.id))
    }

    /// Deletes old sets beyond the limit of the history.
    fn clean_up(&mut self, sets: &Sets) -> Result<(), SyncError> {
        for id in surplus(&sets.old, self.deployment.spec.revision_history_limit) {
            let delete = Command::Delete(ObjectId::ReplicaSet(id), Propagation::Background);
            self.turn.submit(delete).map_err(SyncError::Refused)?;
        }
        Ok(())
    }

    /// Writes the counts alone.
    /// Source: Kubernetes 1.28, pkg/controller/deployment/sync.go, syncDeploymentStatus.
    fn write_counts(&mut self, sets: &Sets) -> Result<Requeue, SyncError> {
        let status = counted(&self.deployment, sets, self.turn.now());
        self.write_other_status(status).map(|_| Requeue::Never)
    }

    /// Writes the status of a roll-out; where it is as it was, gives when to look at it again.
    fn write_rollout(&mut self, sets: &Sets) -> Result<Requeue, SyncError> {
        let now = self.turn.now();
        let status = rolled(&self.deployment, sets, now);
        if status == self.deployment.status {
            return Ok(requeue(&self.deployment, &status, now));
        }
        self.write_other_status(status).map(|_| Requeue::Never)
    }

    fn write_other_status(&mut self, status: DeploymentStatus) -> Result<(), SyncError> {
        if self.deployment.status == status {
            return Ok(());
        }
        self.deployment.status = status;
        self.write_status()
    }

    /// Writes the status of the copy, with the revision; the copy is out of date then.
    fn write_status(&mut self) -> Result<(), SyncError> {
        if self.is_stale {
            return Err(SyncError::Conflict);
        }
        let copy = &self.deployment;
        let known = &self.turn.cluster().deployments()[self.id];
        self.is_stale = known.status != copy.status || known.meta.annotations != copy.meta.annotations;
        let id = ObjectId::Deployment(self.id);
        let update = StatusUpdate::Deployment(self.id, copy.status.clone());
        let writes = [
            Command::UpdateMeta(id, copy.meta.labels.clone(), copy.meta.annotations.clone()),
            Command::UpdateStatus(Box::new(update)),
        ];
        for write in writes {
            self.turn.submit(write).map_err(SyncError::Refused)?;
        }
        Ok(())
    }

    /// Notes something about the Deployment, where somebody reads it.
    fn record(&mut self, severity: Severity, reason: &'static str, message: String) {
        if self.turn.wants_records(reason) {
            self.turn.record(ObjectId::Deployment(self.id), severity, reason, message, SOURCE);
        }
    }
}

/// Whether the new set alone has all pods of the Deployment, and all are available.
/// Source: Kubernetes 1.28, pkg/controller/deployment/util/deployment_util.go, IsSaturated.
fn is_saturated(new: &Set, replicas: u32) -> bool {
    new.size() == replicas
        && new.desired_replicas() == Some(replicas)
        && new.object.status.available_replicas == replicas
}

/// Whether a Deployment may have a set: it matches and is of its namespace.
pub(super) fn selects(deployment: &Deployment, set: &ReplicaSet) -> bool {
    deployment.meta.namespace == set.meta.namespace && deployment.spec.selector.matches(&set.meta.labels)
}
