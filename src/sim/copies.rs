//! One more copy of a workload's pod, placed by the scheduler at this very instant, on a fork of the run.
//!
//! No time passes: the pod is created as its controller would create it, the scheduler makes its attempt, and the pod is
//! bound. Kubelets and controllers take note and do nothing.

use std::sync::Arc;

use serde_json::Value;

use crate::component::Observer;
use crate::event::{Command, Creation};
use crate::manifest::near_name::hint;
use crate::model::ids::{Kind, NodeId, ObjectId, PodId};
use crate::model::meta::{Labels, Name, Owner};
use crate::model::pod::{Pod, PodTemplate};
use crate::model::scenario::{NewObject, NewSpec};
use crate::scheduler::cycle::Outcome;
use crate::scheduler::plugins::default_preemption::Preemption;
use crate::sim::Simulation;

/// How the copies of a workload's pod are made.
#[derive(Debug, Clone)]
pub struct Mould {
    creation: Creation,
    /// A StatefulSet numbers its pods; this is the next number.
    ordinal: Option<u32>,
}

/// Why there is no room for a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoRoom {
    /// Why, in upstream's words.
    pub message: String,
    /// The copy, which waits; `None` where it was not even created.
    pub pod: Option<PodId>,
}

/// The longest base of a generated name. Source: Kubernetes 1.28, apiserver/pkg/storage/names, MaxGeneratedNameLength.
const NAME_BASE_MAX: usize = 58;
/// The labels of a StatefulSet's pod with its name and number. Source: apps/v1, StatefulSetPodNameLabel, PodIndexLabel.
const LABELS_OF_ORDINALS: [&str; 2] = ["statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index"];

impl<O: Observer> Simulation<O> {
    /// How copies of a workload's pod are made: as the latest of its pods was, or else from its template.
    ///
    /// # Errors
    /// Why the workload has no further copies.
    pub fn mould(&self, kind: Kind, name: &str) -> Result<Mould, String> {
        let label = format!("{}/{name}", kind.resource());
        let unknown = || {
            let metas = self.cluster.objects(kind).into_iter().filter_map(|id| self.cluster.meta(id));
            let known = metas.filter(|meta| &*meta.namespace == "default").map(|meta| &*meta.name);
            let hint = hint(name, known);
            format!("there is no {label} at this instant{hint}")
        };
        let id = self.cluster.find(kind, "default", name).ok_or_else(unknown)?;
        let template = match id {
            ObjectId::Deployment(id) => self.cluster.deployments()[id].spec.template.clone(),
            ObjectId::ReplicaSet(id) => self.cluster.replica_sets()[id].spec.template.clone(),
            ObjectId::StatefulSet(id) => self.cluster.stateful_sets()[id].spec.template.clone(),
            ObjectId::Job(id) => self.cluster.jobs()[id].spec.template.clone(),
            ObjectId::Pod(id) => return Ok(Mould::of_pod(&self.cluster.pods()[id])),
            _ => {
                return Err(format!(
                    "{label} has no copies of a pod: a Deployment, ReplicaSet, StatefulSet, Job or Pod has"
                ));
            }
        };
        let owner = match id {
            ObjectId::Deployment(id) => {
                let sets = self.cluster.replica_sets_of(id);
                sets.max_by_key(|(_, set)| set.spec.replicas).map(|(set, _)| set.into())
            }
            other => Some(other),
        };
        let owner = owner.unwrap_or(id);
        let model = self.cluster.pods_of(owner).filter(|(_, pod)| !pod.meta.is_terminating()).last();
        Ok(self.mould_of(owner, model.map(|(_, pod)| pod), &template))
    }

    fn mould_of(&self, owner: ObjectId, model: Option<&Pod>, template: &PodTemplate) -> Mould {
        let meta = self.cluster.meta(owner).expect("the owner was looked up");
        let (labels, spec) = match model {
            Some(pod) => (without_ordinal(&pod.meta.labels), &pod.spec),
            None => (template.labels.clone(), &template.spec),
        };
        let is_numbered = matches!(owner, ObjectId::StatefulSet(_));
        let base: String = meta.name.chars().take(NAME_BASE_MAX - 1).collect();
        let object = NewObject {
            namespace: meta.namespace.clone(),
            name: Name::from(base + "-"),
            labels,
            annotations: template.annotations.clone(),
            spec: NewSpec::Pod(Arc::clone(spec)),
            manifest: Arc::new(Value::Null),
        };
        // The pods of Jobs carry marks of their Job that only its controller can give.
        let can_own = !matches!(owner, ObjectId::Job(_) | ObjectId::Deployment(_));
        let owner = can_own.then(|| Owner { object: owner, name: meta.name.clone(), uid: meta.uid });
        let n_pods = owner.as_ref().map_or(0, |owner| self.cluster.pods_of(owner.object).count());
        Mould {
            creation: Creation { generates_name: !is_numbered, owner, ..Creation::of(object) },
            ordinal: is_numbered.then(|| u32::try_from(n_pods).unwrap_or(u32::MAX)),
        }
    }

    /// Places a copy; the node that it is on.
    ///
    /// # Errors
    /// Why there is no room for it.
    pub fn place_copy(&mut self, mould: &mut Mould) -> Result<NodeId, NoRoom> {
        let refused = |message: String, pod| NoRoom { message, pod };
        if !self.components.scheduler.is_up() {
            return Err(refused("kube-scheduler is down at this instant".to_owned(), None));
        }
        let creation = Command::Create(Box::new(mould.next()));
        let created = self.submit_now(creation).map_err(|refusal| refused(refusal.to_string(), None))?;
        let Some(ObjectId::Pod(id)) = created else { unreachable!("the creation of a pod makes a pod") };
        let pod = &self.cluster.pods()[id];
        let outcome = self.components.scheduler.component.attempt(&self.context, &self.cluster, pod).outcome;
        let message = match outcome {
            Outcome::Scheduled(choice) => {
                let bound = self.submit_now(Command::BindPod(id, choice.node));
                bound.map_err(|refusal| refused(refusal.to_string(), Some(id)))?;
                return Ok(choice.node);
            }
            Outcome::Unschedulable(error) => match &error.preemption {
                Preemption::Plan(plan) => {
                    let n_victims = plan.best.victims.len();
                    format!("{} It would take the place of {n_victims} running pods.", error.filter_message)
                }
                _ => error.message(&self.context.profile),
            },
            Outcome::NoNodes => "no nodes available to schedule pods".to_owned(),
            Outcome::Error(message) => message,
        };
        Err(refused(message, Some(id)))
    }

    fn submit_now(&mut self, command: Command) -> Result<Option<ObjectId>, crate::cluster::Refusal> {
        let outcome = self.turn().submit(command);
        self.broadcast();
        outcome
    }
}

impl Mould {
    /// Copies of a pod that nobody owns.
    fn of_pod(pod: &Pod) -> Self {
        let object = NewObject {
            namespace: pod.meta.namespace.clone(),
            name: Name::from(format!("{}-", pod.meta.name)),
            labels: pod.meta.labels.clone(),
            annotations: pod.meta.annotations.clone(),
            spec: NewSpec::Pod(Arc::clone(&pod.spec)),
            manifest: Arc::new(Value::Null),
        };
        Self { creation: Creation { generates_name: true, ..Creation::of(object) }, ordinal: None }
    }

    /// The making of the next copy.
    fn next(&mut self) -> Creation {
        let mut creation = self.creation.clone();
        if let Some(ordinal) = &mut self.ordinal {
            let number = ordinal.to_string();
            let name = format!("{}{number}", creation.object.name);
            let [name_label, number_label] = LABELS_OF_ORDINALS;
            creation.object.labels =
                creation.object.labels.with(name_label, &name).with(number_label, &number);
            creation.object.name = name.into();
            *ordinal += 1;
        }
        creation
    }
}

fn without_ordinal(labels: &Labels) -> Labels {
    let kept = labels.iter().filter(|(key, _)| !LABELS_OF_ORDINALS.contains(&&***key));
    kept.map(|(key, value)| (key.clone(), value.clone())).collect()
}
