//! The state of the simulated cluster, as the API server has it.
//!
//! Dense tables by typed id, and what is derived of them: names, owners' dependants, what pods use on nodes.
//! Only [`Cluster::apply`] changes anything; each [`Command`](crate::event::Command) becomes the
//! [`Change`](crate::event::Change)s that it caused, none where nothing changed. It decides nothing that a
//! component of Kubernetes decides.
//!
//! Invariants, checked by [`Cluster::check_invariants`]: the derived tables equal what a full scan gives; a bound
//! pod never moves; a pod in a terminal phase stays in it.

mod apply;
mod eviction;
mod invariants;
mod names;
mod owners;
mod pods;
mod quota;
mod usage;

use rustc_hash::FxHashMap;

pub use apply::Refusal;
pub use eviction::EvictionRefusal;
pub use invariants::InvariantError;
pub use pods::compute_phase;
pub use usage::NodeUsage;

use crate::cluster::names::NameTable;
use crate::cluster::owners::Dependants;
use crate::engine::{Arena, Id, Streams};
use crate::event::ProcessRef;
use crate::model::cronjob::CronJob;
use crate::model::daemon_set::DaemonSet;
use crate::model::deployment::Deployment;
use crate::model::horizontal_pod_autoscaler::HorizontalPodAutoscaler;
use crate::model::ids::{CronJobId, DeploymentId, JobId, Kind, NodeId, ObjectId, PodId, ReplicaSetId};
use crate::model::job::Job;
use crate::model::meta::{Name, ObjectMeta};
use crate::model::metrics::PodSample;
use crate::model::node::Node;
use crate::model::pod::Pod;
use crate::model::pod_disruption_budget::PodDisruptionBudget;
use crate::model::pod_status::ContainerRef;
use crate::model::replica_set::ReplicaSet;
use crate::model::resource_quota::ResourceQuota;
use crate::model::service::Service;
use crate::model::stateful_set::StatefulSet;

/// The state of the simulated cluster.
#[derive(Debug, Clone)]
pub struct Cluster {
    nodes: Arena<Node>,
    resource_quotas: Arena<ResourceQuota>,
    services: Arena<Service>,
    pod_disruption_budgets: Arena<PodDisruptionBudget>,
    pods: Arena<Pod>,
    replica_sets: Arena<ReplicaSet>,
    deployments: Arena<Deployment>,
    stateful_sets: Arena<StatefulSet>,
    daemon_sets: Arena<DaemonSet>,
    jobs: Arena<Job>,
    cronjobs: Arena<CronJob>,
    horizontal_pod_autoscalers: Arena<HorizontalPodAutoscaler>,
    names: NameTable,
    dependants: FxHashMap<ObjectId, Dependants>,
    usage: Vec<NodeUsage>,
    /// What the metrics API tells of pods, in the order of their ids.
    samples: Vec<PodSample>,
    /// Pods whose spec names a node that is not there.
    pinned: Vec<PodId>,
    /// The containers whose processes serve, with the run that does.
    serving: FxHashMap<(PodId, ContainerRef), u32>,
    streams: Streams,
    n_created: u64,
}

/// The two ways to look into each table.
macro_rules! readers {
    ($($table:ident, $one:ident: $object:ty, $all_doc:literal, $one_doc:literal;)*) => {
        impl Cluster {
            $(
                #[doc = $all_doc]
                pub const fn $table(&self) -> &Arena<$object> {
                    &self.$table
                }

                #[doc = $one_doc]
                pub fn $one(&self, id: Id<$object>) -> Option<&$object> {
                    self.$table.get(id)
                }
            )*
        }
    };
}

readers! {
    nodes, node: Node, "All nodes.", "A node, unless it is gone.";
    resource_quotas, resource_quota: ResourceQuota, "All resource quotas.", "A resource quota, unless it is gone.";
    services, service: Service, "All Services.", "A Service, unless it is gone.";
    pod_disruption_budgets, pod_disruption_budget: PodDisruptionBudget, "All pod disruption budgets.", "A pod disruption budget, unless it is gone.";
    pods, pod: Pod, "All pods.", "A pod, unless it is gone.";
    replica_sets, replica_set: ReplicaSet, "All ReplicaSets.", "A ReplicaSet, unless it is gone.";
    deployments, deployment: Deployment, "All Deployments.", "A Deployment, unless it is gone.";
    stateful_sets, stateful_set: StatefulSet, "All StatefulSets.", "A StatefulSet, unless it is gone.";
    daemon_sets, daemon_set: DaemonSet, "All DaemonSets.", "A DaemonSet, unless it is gone.";
    jobs, job: Job, "All Jobs.", "A Job, unless it is gone.";
    cronjobs, cronjob: CronJob, "All CronJobs.", "A CronJob, unless it is gone.";
    horizontal_pod_autoscalers, horizontal_pod_autoscaler: HorizontalPodAutoscaler, "All horizontal pod autoscalers.", "A horizontal pod autoscaler, unless it is gone.";
}

impl Cluster {
    /// An empty cluster.
    pub fn new(streams: Streams) -> Self {
        Self {
            nodes: Arena::new(),
            resource_quotas: Arena::new(),
            services: Arena::new(),
            pod_disruption_budgets: Arena::new(),
            pods: Arena::new(),
            replica_sets: Arena::new(),
            deployments: Arena::new(),
            stateful_sets: Arena::new(),
            daemon_sets: Arena::new(),
            jobs: Arena::new(),
            cronjobs: Arena::new(),
            horizontal_pod_autoscalers: Arena::new(),
            names: NameTable::default(),
            dependants: FxHashMap::default(),
            usage: Vec::new(),
            samples: Vec::new(),
            pinned: Vec::new(),
            serving: FxHashMap::default(),
            streams,
            n_created: 0,
        }
    }

    /// The metadata of an object of any kind, unless it is gone.
    pub fn meta(&self, object: ObjectId) -> Option<&ObjectMeta> {
        match object {
            ObjectId::Node(id) => self.nodes.get(id).map(|object| &object.meta),
            ObjectId::ResourceQuota(id) => self.resource_quotas.get(id).map(|object| &object.meta),
            ObjectId::Service(id) => self.services.get(id).map(|object| &object.meta),
            ObjectId::PodDisruptionBudget(id) => {
                self.pod_disruption_budgets.get(id).map(|object| &object.meta)
            }
            ObjectId::Pod(id) => self.pods.get(id).map(|object| &object.meta),
            ObjectId::ReplicaSet(id) => self.replica_sets.get(id).map(|object| &object.meta),
            ObjectId::Deployment(id) => self.deployments.get(id).map(|object| &object.meta),
            ObjectId::StatefulSet(id) => self.stateful_sets.get(id).map(|object| &object.meta),
            ObjectId::DaemonSet(id) => self.daemon_sets.get(id).map(|object| &object.meta),
            ObjectId::Job(id) => self.jobs.get(id).map(|object| &object.meta),
            ObjectId::CronJob(id) => self.cronjobs.get(id).map(|object| &object.meta),
            ObjectId::HorizontalPodAutoscaler(id) => {
                self.horizontal_pod_autoscalers.get(id).map(|object| &object.meta)
            }
        }
    }

    fn meta_mut(&mut self, object: ObjectId) -> Option<&mut ObjectMeta> {
        match object {
            ObjectId::Node(id) => self.nodes.get_mut(id).map(|object| &mut object.meta),
            ObjectId::ResourceQuota(id) => self.resource_quotas.get_mut(id).map(|object| &mut object.meta),
            ObjectId::Service(id) => self.services.get_mut(id).map(|object| &mut object.meta),
            ObjectId::PodDisruptionBudget(id) => {
                self.pod_disruption_budgets.get_mut(id).map(|object| &mut object.meta)
            }
            ObjectId::Pod(id) => self.pods.get_mut(id).map(|object| &mut object.meta),
            ObjectId::ReplicaSet(id) => self.replica_sets.get_mut(id).map(|object| &mut object.meta),
            ObjectId::Deployment(id) => self.deployments.get_mut(id).map(|object| &mut object.meta),
            ObjectId::StatefulSet(id) => self.stateful_sets.get_mut(id).map(|object| &mut object.meta),
            ObjectId::DaemonSet(id) => self.daemon_sets.get_mut(id).map(|object| &mut object.meta),
            ObjectId::Job(id) => self.jobs.get_mut(id).map(|object| &mut object.meta),
            ObjectId::CronJob(id) => self.cronjobs.get_mut(id).map(|object| &mut object.meta),
            ObjectId::HorizontalPodAutoscaler(id) => {
                self.horizontal_pod_autoscalers.get_mut(id).map(|object| &mut object.meta)
            }
        }
    }

    /// How many objects are alive.
    fn n_objects(&self) -> usize {
        [
            self.nodes.len(),
            self.resource_quotas.len(),
            self.services.len(),
            self.pod_disruption_budgets.len(),
            self.pods.len(),
            self.replica_sets.len(),
            self.deployments.len(),
            self.stateful_sets.len(),
            self.daemon_sets.len(),
            self.jobs.len(),
            self.cronjobs.len(),
            self.horizontal_pod_autoscalers.len(),
        ]
        .into_iter()
        .sum()
    }

    /// The living objects of a kind, in the order of their table.
    pub fn objects(&self, kind: Kind) -> Vec<ObjectId> {
        match kind {
            Kind::Node => self.nodes.ids().map(ObjectId::Node).collect(),
            Kind::ResourceQuota => self.resource_quotas.ids().map(ObjectId::ResourceQuota).collect(),
            Kind::Service => self.services.ids().map(ObjectId::Service).collect(),
            Kind::PodDisruptionBudget => {
                self.pod_disruption_budgets.ids().map(ObjectId::PodDisruptionBudget).collect()
            }
            Kind::Pod => self.pods.ids().map(ObjectId::Pod).collect(),
            Kind::ReplicaSet => self.replica_sets.ids().map(ObjectId::ReplicaSet).collect(),
            Kind::Deployment => self.deployments.ids().map(ObjectId::Deployment).collect(),
            Kind::StatefulSet => self.stateful_sets.ids().map(ObjectId::StatefulSet).collect(),
            Kind::DaemonSet => self.daemon_sets.ids().map(ObjectId::DaemonSet).collect(),
            Kind::Job => self.jobs.ids().map(ObjectId::Job).collect(),
            Kind::CronJob => self.cronjobs.ids().map(ObjectId::CronJob).collect(),
            Kind::HorizontalPodAutoscaler => {
                self.horizontal_pod_autoscalers.ids().map(ObjectId::HorizontalPodAutoscaler).collect()
            }
        }
    }

    /// Whether a process listens on the ports that it serves.
    pub fn is_serving(&self, process: ProcessRef) -> bool {
        self.serving.get(&(process.pod, process.container)) == Some(&process.run)
    }

    /// The living object of this kind and name.
    pub fn find(&self, kind: Kind, namespace: &str, name: &str) -> Option<ObjectId> {
        self.names.find(kind, namespace, name)
    }

    /// The living node of this name.
    pub fn find_node(&self, name: &str) -> Option<NodeId> {
        match self.names.find(Kind::Node, "", name)? {
            ObjectId::Node(id) => Some(id),
            _ => None,
        }
    }

    /// The living objects that `owner` owns, in order of creation.
    pub fn dependants_of(&self, owner: ObjectId) -> impl Iterator<Item = ObjectId> {
        self.dependants.get(&owner).into_iter().flat_map(Dependants::iter)
    }

    /// The living pods that a controller owns, in order of creation.
    pub fn pods_of(&self, owner: impl Into<ObjectId>) -> impl Iterator<Item = (PodId, &Pod)> {
        self.dependants_of(owner.into()).filter_map(|object| match object {
            ObjectId::Pod(id) => Some((id, &self.pods[id])),
            _ => None,
        })
    }

    /// The living Jobs that a CronJob owns, in order of creation.
    pub fn jobs_of(&self, cronjob: CronJobId) -> impl Iterator<Item = (JobId, &Job)> {
        self.dependants_of(ObjectId::CronJob(cronjob)).filter_map(|object| match object {
            ObjectId::Job(id) => Some((id, &self.jobs[id])),
            _ => None,
        })
    }

    /// The living ReplicaSets that a Deployment owns, in order of creation.
    pub fn replica_sets_of(
        &self,
        deployment: DeploymentId,
    ) -> impl Iterator<Item = (ReplicaSetId, &ReplicaSet)> {
        self.dependants_of(ObjectId::Deployment(deployment)).filter_map(|object| match object {
            ObjectId::ReplicaSet(id) => Some((id, &self.replica_sets[id])),
            _ => None,
        })
    }

    /// The pods that are bound to a node, those that have ended too, in order of creation. The node may be gone.
    pub fn pods_on(&self, node: NodeId) -> Vec<PodId> {
        let mut pods: Vec<(u64, PodId)> = (self.pods.iter())
            .filter(|(_, pod)| pod.node == Some(node))
            .map(|(id, pod)| (pod.meta.uid.serial, id))
            .collect();
        pods.sort_unstable();
        pods.into_iter().map(|(_, id)| id).collect()
    }

    /// The pods whose specs name a node that is not there, in order of creation.
    pub fn pods_waiting_for(&self, node: &str) -> Vec<PodId> {
        let names =
            |id: &PodId| self.pods.get(*id).is_some_and(|pod| pod.spec.node_name.as_deref() == Some(node));
        self.pinned.iter().copied().filter(names).collect()
    }

    /// What the pods of a node use there.
    ///
    /// # Panics
    /// For a node that never was.
    pub fn usage(&self, node: NodeId) -> &NodeUsage {
        &self.usage[node.index()]
    }

    /// What the metrics API tells of a pod.
    pub fn pod_sample(&self, pod: PodId) -> Option<&PodSample> {
        let at = self.samples.binary_search_by_key(&pod, |sample| sample.pod).ok()?;
        Some(&self.samples[at])
    }

    /// The name of an object, for messages; `<gone>` where it is gone.
    pub fn name_of(&self, object: ObjectId) -> Name {
        self.meta(object).map_or_else(|| "<gone>".into(), |meta| meta.name.clone())
    }
}
