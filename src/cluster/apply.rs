//! The one way to change the cluster: a command comes in, the changes that it caused go out.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand_chacha::rand_core::Rng;
use serde_json::Value;

use crate::cluster::{Cluster, EvictionRefusal, NodeUsage};
use crate::engine::{Arena, EntityKey, Id, Purpose, SimTime};
use crate::event::{Change, Command, Creation, NodeBefore, NodeChange, ProcessRef, ServingEnd};
use crate::model::ids::{Kind, NodeId, ObjectId};
use crate::model::meta::{Labels, Name, ObjectMeta, Propagation, Uid};
use crate::model::node::{
    ConditionStatus, Node, NodeCondition, NodeImage, NodeReady, NodeReadyReason, NodeSpec, Signs,
};
use crate::model::object::Object;
use crate::model::pod::{Ordinal, Pod};
use crate::model::scenario::NewSpec;
use crate::model::traffic::Serve;

/// Why the API server refuses a write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// An object of this kind and name is alive.
    #[error("already exists")]
    AlreadyExists,
    /// The object is gone.
    #[error("not found")]
    NotFound,
    /// The pod is bound already.
    #[error("already bound")]
    AlreadyBound,
    /// An admission plugin does not let the object in; the message.
    #[error("{0}")]
    Forbidden(Name),
    /// A disruption budget stands against the eviction of the pod.
    #[error("{}", .0.message())]
    NotEvicted(EvictionRefusal),
}

/// The characters of generated names. Source: Kubernetes 1.28, apimachinery/pkg/util/rand.
const NAME_ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

impl Cluster {
    /// Does a write, and appends what changed to `changes`: nothing where nothing did.
    ///
    /// Returns the id of the object that was created, where one was.
    ///
    /// # Errors
    /// When the API server would refuse the write; nothing has changed then.
    pub fn apply(
        &mut self,
        now: SimTime,
        command: Command,
        changes: &mut Vec<Change>,
    ) -> Result<Option<ObjectId>, Refusal> {
        match command {
            Command::Create(creation) => return self.create(now, *creation, changes).map(Some),
            Command::UpdateNode(id, labels, spec) => self.update_node(id, labels, *spec, changes)?,
            Command::SetNodeReady(id, status, reason) => {
                self.set_node_ready(now, id, status, reason, changes)?;
            }
            Command::SetNodeCondition(id, condition, status) => {
                self.set_node_condition(id, condition, status, changes)?;
            }
            Command::SetSigns(id, signs) => self.set_signs(id, signs, changes)?,
            Command::AddNodeImage(id, image) => self.add_node_image(id, image, changes)?,
            Command::DeleteNode(id) => self.delete_node(id, changes)?,
            Command::UpdatePod(id, labels, spec) => self.update_pod(id, labels, spec, changes)?,
            Command::BindPod(pod, node) => self.bind_pod(now, pod, node, changes)?,
            Command::NominateNode(pod, node) => self.nominate_node(pod, node, changes)?,
            Command::SetUnschedulable(pod, why) => self.set_unschedulable(now, pod, why, changes)?,
            Command::AcceptPod(pod) => self.accept_pod(now, pod, changes)?,
            Command::SetPodIp(pod, ip) => self.set_pod_ip(pod, ip, changes)?,
            Command::SetContainer(pod, container, state) => {
                self.set_container(now, pod, container, state, changes)?;
            }
            Command::FailPod(pod, reason, message) => self.fail_pod(now, pod, reason, message, changes)?,
            Command::AbandonPod(pod) => self.abandon_pod(pod, changes)?,
            Command::FinishPod(pod) => self.finish_pod(now, pod, changes)?,
            Command::ReportPod(pod) => self.report_pod(now, pod, changes)?,
            Command::SetPodNotReady(pod) => self.set_pod_not_ready(now, pod, changes)?,
            Command::SetDisruptionTarget(pod, reason, message) => {
                self.set_disruption_target(now, pod, reason, message, changes)?;
            }
            Command::StartServing(process, serves) => self.start_serving(process, serves, changes)?,
            Command::EndServing(process, end) => self.end_serving(process, end, changes),
            Command::DeletePod(pod, grace) => self.delete_pod(now, pod, grace, changes)?,
            Command::EvictPod(pod, grace) => self.evict_pod(now, pod, grace, changes)?,
            Command::ReleasePod(pod) => self.release_pod(pod, changes)?,
            Command::RemoveFinalizer(pod) => self.remove_finalizer(pod, changes)?,
            Command::UpdateMeta(object, labels, annotations) => {
                self.update_meta(object, labels, annotations, changes)?;
            }
            Command::UpdateSpec(update, manifest) => self.update_spec(update, manifest, changes)?,
            Command::UpdateStatus(update) => self.update_status(*update, changes)?,
            Command::Delete(object, propagation) => self.delete(now, object, propagation, changes)?,
            Command::Release(object) => self.remove(object, Propagation::Background, changes)?,
            Command::Orphan(object) => self.orphan(object, changes)?,
            Command::Adopt(object, owner) => self.adopt(object, owner, changes)?,
            Command::PublishMetrics(samples) => self.samples = samples,
            Command::Record(object, record) => changes.push(Change::Recorded(object, record)),
        }
        Ok(None)
    }

    fn create(
        &mut self,
        now: SimTime,
        creation: Creation,
        changes: &mut Vec<Change>,
    ) -> Result<ObjectId, Refusal> {
        let kind = creation.object.spec.kind();
        let given = &creation.object;
        if !creation.generates_name && self.find(kind, &given.namespace, &given.name).is_some() {
            return Err(Refusal::AlreadyExists);
        }
        self.check_quotas(given)?;
        let (meta, ordinal) = self.new_meta(now, &creation, kind);
        let manifest = creation.object.manifest;
        let object = match creation.object.spec {
            NewSpec::Node(spec) => ObjectId::Node(self.insert_node(now, meta.clone(), spec)),
            NewSpec::Pod(spec) => {
                let pod = Pod::new(now, meta.clone(), spec, creation.job, ordinal);
                ObjectId::Pod(self.pods.insert_with(|_| pod))
            }
            NewSpec::ResourceQuota(spec) => insert(&mut self.resource_quotas, &meta, spec, manifest),
            NewSpec::Service(spec) => insert(&mut self.services, &meta, spec, manifest),
            NewSpec::PodDisruptionBudget(spec) => {
                insert(&mut self.pod_disruption_budgets, &meta, spec, manifest)
            }
            NewSpec::ReplicaSet(spec) => insert(&mut self.replica_sets, &meta, spec, manifest),
            NewSpec::Deployment(spec) => insert(&mut self.deployments, &meta, spec, manifest),
            NewSpec::StatefulSet(spec) => insert(&mut self.stateful_sets, &meta, spec, manifest),
            NewSpec::DaemonSet(spec) => insert(&mut self.daemon_sets, &meta, spec, manifest),
            NewSpec::Job(spec) => insert(&mut self.jobs, &meta, spec, manifest),
            NewSpec::CronJob(spec) => insert(&mut self.cronjobs, &meta, spec, manifest),
            NewSpec::HorizontalPodAutoscaler(spec) => {
                insert(&mut self.horizontal_pod_autoscalers, &meta, spec, manifest)
            }
        };
        self.names.insert(&meta.namespace, &meta.name, object);
        if let Some(owner) = &meta.owner {
            self.dependants.entry(owner.object).or_default().insert(meta.uid.serial, object);
        }
        changes.push(Change::Created(object));
        match object {
            ObjectId::Pod(id) => self.bind_pinned_pod(now, id, changes),
            ObjectId::Node(_) => self.bind_waiting_pods(now, changes),
            _ => {}
        }
        Ok(object)
    }

    fn new_meta(&mut self, now: SimTime, creation: &Creation, kind: Kind) -> (ObjectMeta, Ordinal) {
        let object = &creation.object;
        let index = creation.job.and_then(|job| job.completion_index);
        let ordinal = creation.owner.as_ref().map_or_else(Ordinal::default, |owner| {
            self.dependants.entry(owner.object).or_default().next_ordinal(index)
        });
        let (name, key) = match &creation.owner {
            Some(owner) if creation.generates_name => {
                let key = owner.uid.key.child(u64::from(ordinal.of_owner));
                (self.generate_name(kind, object.namespace.clone(), &object.name, key), key)
            }
            // The name of a CronJob's Job holds civil time; its draws must not change when the start of the run does.
            Some(owner) => {
                let key = match creation.scheduled_for {
                    Some(at) => owner.uid.key.child(at.as_nanos()),
                    None => self.next_key(kind, &object.namespace, &object.name),
                };
                (object.name.clone(), key)
            }
            None => (object.name.clone(), self.next_key(kind, &object.namespace, &object.name)),
        };
        self.n_created += 1;
        let meta = ObjectMeta {
            namespace: object.namespace.clone(),
            name,
            uid: Uid { serial: self.n_created, key },
            labels: object.labels.clone(),
            annotations: object.annotations.clone(),
            created: now,
            generation: 1,
            deletion: None,
            owner: creation.owner.clone(),
            scheduled_for: creation.scheduled_for,
        };
        (meta, ordinal)
    }

    /// The key of an object with a name of its own: another one each time that the name is used again.
    fn next_key(&mut self, kind: Kind, namespace: &Name, name: &Name) -> EntityKey {
        let incarnation = self.names.next_incarnation(kind, namespace, name);
        let key = EntityKey::of(&[kind.as_str(), namespace, name]);
        if incarnation == 0 { key } else { key.child(incarnation) }
    }

    /// The base and five random characters, drawn again while such a name is taken.
    fn generate_name(&self, kind: Kind, namespace: Name, base: &str, key: EntityKey) -> Name {
        let mut rng = self.streams.stream(Purpose::PodName, key);
        loop {
            let mut name = String::with_capacity(base.len() + 5);
            name.push_str(base);
            for _ in 0..5 {
                name.push(char::from(NAME_ALPHABET[(rng.next_u32() % 27) as usize]));
            }
            if self.find(kind, &namespace, &name).is_none() {
                return name.into();
            }
        }
    }

    fn insert_node(&mut self, now: SimTime, meta: ObjectMeta, spec: NodeSpec) -> NodeId {
        let (status, reason) = (ConditionStatus::True, NodeReadyReason::KubeletReady);
        let conditions = BTreeMap::new();
        let (ready, signs) = (NodeReady { status, reason, since: now }, Signs::from(now));
        let id = self.nodes.insert_with(|_| Node { meta, spec, ready, conditions, signs });
        if self.usage.len() <= id.index() {
            self.usage.resize_with(id.index() + 1, NodeUsage::default);
        }
        self.usage[id.index()] = NodeUsage::default();
        id
    }

    fn update_node(
        &mut self,
        id: NodeId,
        labels: Labels,
        spec: NodeSpec,
        changes: &mut Vec<Change>,
    ) -> Result<(), Refusal> {
        let node = self.nodes.get_mut(id).ok_or(Refusal::NotFound)?;
        let (old, has_other_labels) = (&node.spec, node.meta.labels != labels);
        if *old == spec && !has_other_labels {
            return Ok(());
        }
        let (is_uncordoned, has_other_taints) =
            (old.unschedulable && !spec.unschedulable, old.taints != spec.taints);
        let has_other_allocatable = old.allocatable != spec.allocatable || old.max_pods != spec.max_pods;
        let before = Box::new(NodeBefore {
            labels: std::mem::replace(&mut node.meta.labels, labels),
            spec: std::mem::replace(&mut node.spec, spec),
        });
        let change =
            NodeChange { is_uncordoned, has_other_allocatable, has_other_labels, has_other_taints, before };
        changes.push(Change::NodeChanged(id, change));
        Ok(())
    }

    fn set_node_ready(
        &mut self,
        now: SimTime,
        id: NodeId,
        status: ConditionStatus,
        reason: NodeReadyReason,
        changes: &mut Vec<Change>,
    ) -> Result<(), Refusal> {
        let node = self.nodes.get_mut(id).ok_or(Refusal::NotFound)?;
        let old = node.ready;
        if (old.status, old.reason) != (status, reason) {
            let since = if old.status == status { old.since } else { now };
            node.ready = NodeReady { status, reason, since };
            changes.push(Change::NodeReadyChanged(id, status));
        }
        Ok(())
    }

    fn set_node_condition(
        &mut self,
        id: NodeId,
        condition: NodeCondition,
        status: ConditionStatus,
        changes: &mut Vec<Change>,
    ) -> Result<(), Refusal> {
        let node = self.nodes.get_mut(id).ok_or(Refusal::NotFound)?;
        if node.condition(condition) != status {
            node.conditions.insert(condition, status);
            changes.push(Change::NodeConditionChanged(id, condition, status));
        }
        Ok(())
    }

    fn set_signs(&mut self, id: NodeId, signs: Signs, changes: &mut Vec<Change>) -> Result<(), Refusal> {
        let node = self.nodes.get_mut(id).ok_or(Refusal::NotFound)?;
        if node.signs != signs {
            node.signs = signs;
            changes.push(Change::NodeLeaseChanged(id, signs.is_renewed()));
        }
        Ok(())
    }

    /// An image is the same under each of its names.
    fn add_node_image(
        &mut self,
        id: NodeId,
        image: NodeImage,
        changes: &mut Vec<Change>,
    ) -> Result<(), Refusal> {
        let node = self.nodes.get_mut(id).ok_or(Refusal::NotFound)?;
        let mut present = node.spec.images.iter().flat_map(|image| &image.names);
        if present.any(|name| image.names.contains(name)) {
            return Ok(());
        }
        if let Some(name) = image.names.first().cloned() {
            node.spec.images.push(image);
            changes.push(Change::NodeImageAdded(id, name));
        }
        Ok(())
    }

    fn start_serving(
        &mut self,
        process: ProcessRef,
        serves: Arc<[Serve]>,
        changes: &mut Vec<Change>,
    ) -> Result<(), Refusal> {
        self.pods.get(process.pod).ok_or(Refusal::NotFound)?;
        if !self.is_serving(process) {
            self.serving.insert((process.pod, process.container), process.run);
            changes.push(Change::ServingStarted(process, serves));
        }
        Ok(())
    }

    /// The process of a pod that is gone may end later than it.
    fn end_serving(&mut self, process: ProcessRef, end: ServingEnd, changes: &mut Vec<Change>) {
        if self.is_serving(process) {
            self.serving.remove(&(process.pod, process.container));
            changes.push(Change::ServingEnded(process, end));
        }
    }

    fn delete_node(&mut self, id: NodeId, changes: &mut Vec<Change>) -> Result<(), Refusal> {
        let node = self.nodes.remove(id).ok_or(Refusal::NotFound)?;
        self.names.remove(Kind::Node, &node.meta.namespace, &node.meta.name);
        changes.push(Change::NodeDeleted(id, node.meta.name));
        Ok(())
    }
}

fn insert<S, T: Default>(
    table: &mut Arena<Object<S, T>>,
    meta: &ObjectMeta,
    spec: Arc<S>,
    manifest: Arc<Value>,
) -> ObjectId
where
    ObjectId: From<Id<Object<S, T>>>,
{
    let object = Object { meta: meta.clone(), spec, status: T::default(), manifest };
    table.insert_with(|_| object).into()
}

impl Pod {
    /// A pod that has just been created.
    fn new(
        now: SimTime,
        meta: ObjectMeta,
        spec: Arc<crate::model::pod::PodSpec>,
        job: Option<crate::model::pod::JobPod>,
        ordinal: Ordinal,
    ) -> Self {
        let status = super::pods::initial_status(now, &spec);
        Self { meta, spec, node: None, job, ordinal, status }
    }
}
