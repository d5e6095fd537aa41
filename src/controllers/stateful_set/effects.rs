//! Puts the decisions of a sync into effect: writes to the API server, and notes about the StatefulSet.

use std::sync::Arc;

use serde_json::Value;

use crate::cluster::Refusal;
use crate::component::{Timers, Turn};
use crate::controllers::revisions::{truncated, with_latest};
use crate::controllers::stateful_set::plan::{Birth, Plan, Scene, Step, Which, plan};
use crate::event::{Command, Creation, StatusUpdate};
use crate::model::ids::{ObjectId, PodId, StatefulSetId};
use crate::model::meta::{Name, Owner};
use crate::model::pod_status::Phase;
use crate::model::record::Severity;
use crate::model::revision::{LABEL_REVISION, Revision};
use crate::model::scenario::{NewObject, NewSpec};
use crate::model::stateful_set::StatefulSet;

const SOURCE: &str = "statefulset-controller";

/// The label of a pod that holds its own name. Source: apps/v1, StatefulSetPodNameLabel.
const LABEL_POD_NAME: &str = "statefulset.kubernetes.io/pod-name";
/// The label of a pod that holds its ordinal. Source: apps/v1, PodIndexLabel.
const LABEL_POD_INDEX: &str = "apps.kubernetes.io/pod-index";

/// One sync of a StatefulSet that is there.
pub(super) struct Effects<'s, 't> {
    /// The set.
    pub id: StatefulSetId,
    /// The hands of the controller.
    pub turn: &'s mut Turn<'t>,
}

/// The revisions that a sync works with.
struct Revisions {
    all: Vec<Revision>,
    current: Revision,
    update: Revision,
}

impl Effects<'_, '_> {
    fn set(&self) -> &StatefulSet {
        &self.turn.cluster().stateful_sets()[self.id]
    }

    /// Does all of it.
    ///
    /// # Errors
    /// The refusal of a write, after which the rest is left for the retry; the status is written all the same.
    pub fn sync(mut self) -> Result<(), Refusal> {
        let revisions = self.revisions();
        let Plan { steps, mut status } = self.plan(&revisions);
        let outcome = steps.iter().try_for_each(|step| self.step(step, &revisions));
        let live = [&revisions.current.name, &revisions.update.name];
        let pods = self.turn.cluster().pods_of(self.id);
        let of_pods: Vec<Name> =
            pods.filter_map(|(_, pod)| pod.meta.labels.get(LABEL_REVISION).cloned()).collect();
        let is_live =
            |revision: &Revision| live.contains(&&revision.name) || of_pods.contains(&revision.name);
        let n_old = revisions.all.iter().filter(|revision| !is_live(revision)).count();
        let limit = self.set().spec.revision_history_limit;
        let n_excess = limit.map_or(0, |limit| n_old.saturating_sub(limit as usize));
        status.revisions = truncated(revisions.all.clone(), n_excess, is_live);
        self.turn.write(Command::UpdateStatus(Box::new(StatusUpdate::StatefulSet(self.id, status))));
        outcome
    }

    /// Source: stateful_set_control.go, getStatefulSetRevisions.
    fn revisions(&self) -> Revisions {
        let set = self.set();
        let status = &set.status;
        let all = with_latest(
            status.revisions.clone(),
            &set.meta.name,
            &set.spec.template,
            status.collision_count.filter(|count| *count > 0),
        );
        let update = all.last().expect("the present template has a revision").clone();
        let current = all.iter().find(|revision| revision.name == status.current_revision);
        Revisions { current: current.unwrap_or(&update).clone(), update, all }
    }

    fn plan(&self, revisions: &Revisions) -> Plan {
        let pods: Vec<_> = self.turn.cluster().pods_of(self.id).collect();
        let Revisions { current, update, .. } = revisions;
        plan(Scene { set: self.set(), pods: &pods, current, update, now: self.turn.now() })
    }

    fn step(&mut self, step: &Step, revisions: &Revisions) -> Result<(), Refusal> {
        match step {
            Step::Create(birth) => self.create(*birth, revisions),
            Step::Recreate(pod, birth) => {
                self.note_recreation(*pod);
                self.delete(*pod)?;
                self.create(*birth, revisions)
            }
            Step::Delete(pod) => self.delete(*pod),
        }
    }

    fn note_recreation(&mut self, pod: PodId) {
        let meta = &self.set().meta;
        let name = format!("StatefulSet {}/{}", meta.namespace, meta.name);
        let pod = &self.turn.cluster().pods()[pod];
        let pod_name = pod.meta.name.clone();
        if pod.status.phase == Phase::Failed {
            let message = format!("{name} is recreating failed Pod {pod_name}");
            self.record(Severity::Warning, "RecreatingFailedPod", message);
        } else {
            let message = format!("{name} is recreating terminated Pod {pod_name}");
            self.record(Severity::Normal, "RecreatingTerminatedPod", message);
        }
    }

    fn create(&mut self, birth: Birth, revisions: &Revisions) -> Result<(), Refusal> {
        let revision = match birth.revision {
            Which::Current => &revisions.current,
            Which::Update => &revisions.update,
        };
        let creation = creation(self.id, self.set(), birth.ordinal, revision);
        let (pod, set) = (creation.object.name.clone(), self.set().meta.name.clone());
        let created = self.turn.submit(Command::Create(Box::new(creation)));
        match &created {
            Ok(_) => {
                let message = format!("create Pod {pod} in StatefulSet {set} successful");
                self.record(Severity::Normal, "SuccessfulCreate", message);
            }
            Err(refusal) => {
                let message = format!("create Pod {pod} in StatefulSet {set} failed error: {refusal}");
                self.record(Severity::Warning, "FailedCreate", message);
            }
        }
        created.map(|_| ())
    }

    fn delete(&mut self, id: PodId) -> Result<(), Refusal> {
        let (pod, set) = (self.turn.cluster().name_of(ObjectId::Pod(id)), self.set().meta.name.clone());
        let deleted = self.turn.submit(Command::DeletePod(id, None));
        if deleted.is_ok() {
            let message = format!("delete Pod {pod} in StatefulSet {set} successful");
            self.record(Severity::Normal, "SuccessfulDelete", message);
        }
        deleted.map(|_| ())
    }

    fn record(&mut self, severity: Severity, reason: &'static str, message: String) {
        if self.turn.wants_records(reason) {
            self.turn.record(ObjectId::StatefulSet(self.id), severity, reason, message, SOURCE);
        }
    }
}

/// The creation of the pod of an ordinal.
/// Source: Kubernetes 1.28, pkg/controller/statefulset/stateful_set_utils.go, newStatefulSetPod and initIdentity.
fn creation(id: StatefulSetId, set: &StatefulSet, ordinal: u32, revision: &Revision) -> Creation {
    let template = &revision.template;
    let name = Name::from(format!("{}-{ordinal}", set.meta.name));
    let labels = template
        .labels
        .with(LABEL_REVISION, &revision.name)
        .with(LABEL_POD_NAME, &name)
        .with(LABEL_POD_INDEX, &ordinal.to_string());
    let object = NewObject {
        namespace: set.meta.namespace.clone(),
        name,
        labels,
        annotations: template.annotations.clone(),
        spec: NewSpec::Pod(Arc::clone(&template.spec)),
        manifest: Arc::new(Value::Null),
    };
    let owner = Owner { object: ObjectId::StatefulSet(id), name: set.meta.name.clone(), uid: set.meta.uid };
    Creation { owner: Some(owner), ..Creation::of(object) }
}
