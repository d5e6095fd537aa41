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
mod invariants;
mod names;
mod owners;
mod pods;
mod usage;

use rustc_hash::FxHashMap;

pub use apply::Refusal;
pub use invariants::InvariantError;
pub use pods::compute_phase;
pub use usage::NodeUsage;

use crate::cluster::names::NameTable;
use crate::cluster::owners::Dependants;
use crate::engine::{Arena, Streams};
use crate::model::cronjob::CronJob;
use crate::model::ids::{CronJobId, JobId, Kind, NodeId, ObjectId, PodId};
use crate::model::job::Job;
use crate::model::meta::{Name, ObjectMeta};
use crate::model::node::Node;
use crate::model::pod::Pod;

/// The state of the simulated cluster.
#[derive(Debug, Clone)]
pub struct Cluster {
    nodes: Arena<Node>,
    pods: Arena<Pod>,
    jobs: Arena<Job>,
    cronjobs: Arena<CronJob>,
    names: NameTable,
    dependants: FxHashMap<ObjectId, Dependants>,
    usage: Vec<NodeUsage>,
    /// Pods whose spec names a node that is not there.
    pinned: Vec<PodId>,
    streams: Streams,
    n_created: u64,
}

impl Cluster {
    /// An empty cluster.
    pub fn new(streams: Streams) -> Self {
        Self {
            nodes: Arena::new(),
            pods: Arena::new(),
            jobs: Arena::new(),
            cronjobs: Arena::new(),
            names: NameTable::default(),
            dependants: FxHashMap::default(),
            usage: Vec::new(),
            pinned: Vec::new(),
            streams,
            n_created: 0,
        }
    }

    /// All nodes.
    pub const fn nodes(&self) -> &Arena<Node> {
        &self.nodes
    }

    /// All pods.
    pub const fn pods(&self) -> &Arena<Pod> {
        &self.pods
    }

    /// All Jobs.
    pub const fn jobs(&self) -> &Arena<Job> {
        &self.jobs
    }

    /// All CronJobs.
    pub const fn cronjobs(&self) -> &Arena<CronJob> {
        &self.cronjobs
    }

    /// A node, unless it is gone.
    pub fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id)
    }

    /// A pod, unless it is gone.
    pub fn pod(&self, id: PodId) -> Option<&Pod> {
        self.pods.get(id)
    }

    /// A Job, unless it is gone.
    pub fn job(&self, id: JobId) -> Option<&Job> {
        self.jobs.get(id)
    }

    /// A CronJob, unless it is gone.
    pub fn cronjob(&self, id: CronJobId) -> Option<&CronJob> {
        self.cronjobs.get(id)
    }

    /// The metadata of an object of any kind, unless it is gone.
    pub fn meta(&self, object: ObjectId) -> Option<&ObjectMeta> {
        match object {
            ObjectId::Node(id) => self.nodes.get(id).map(|node| &node.meta),
            ObjectId::Pod(id) => self.pods.get(id).map(|pod| &pod.meta),
            ObjectId::Job(id) => self.jobs.get(id).map(|job| &job.meta),
            ObjectId::CronJob(id) => self.cronjobs.get(id).map(|cronjob| &cronjob.meta),
        }
    }

    /// The living object of this kind and name.
    pub fn find(&self, kind: Kind, namespace: &str, name: &str) -> Option<ObjectId> {
        self.names.find(kind, namespace, name)
    }

    /// The living node of this name.
    pub fn find_node(&self, name: &str) -> Option<NodeId> {
        match self.names.find(Kind::Node, "", name)? {
            ObjectId::Node(id) => Some(id),
            ObjectId::Pod(_) | ObjectId::Job(_) | ObjectId::CronJob(_) => None,
        }
    }

    /// The living objects that `owner` owns, in order of creation.
    pub fn dependants_of(&self, owner: ObjectId) -> impl Iterator<Item = ObjectId> {
        self.dependants.get(&owner).into_iter().flat_map(Dependants::iter)
    }

    /// The living pods that a Job owns, in order of creation.
    pub fn pods_of_job(&self, job: JobId) -> impl Iterator<Item = (PodId, &Pod)> {
        self.dependants_of(ObjectId::Job(job)).filter_map(|object| match object {
            ObjectId::Pod(id) => Some((id, &self.pods[id])),
            ObjectId::Node(_) | ObjectId::Job(_) | ObjectId::CronJob(_) => None,
        })
    }

    /// The living Jobs that a CronJob owns, in order of creation.
    pub fn jobs_of_cronjob(&self, cronjob: CronJobId) -> impl Iterator<Item = (JobId, &Job)> {
        self.dependants_of(ObjectId::CronJob(cronjob)).filter_map(|object| match object {
            ObjectId::Job(id) => Some((id, &self.jobs[id])),
            ObjectId::Node(_) | ObjectId::Pod(_) | ObjectId::CronJob(_) => None,
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
        let names = |id: &PodId| {
            self.pods.get(*id).is_some_and(|pod| pod.spec.node_name.as_deref() == Some(node))
        };
        self.pinned.iter().copied().filter(names).collect()
    }

    /// What the pods of a node use there.
    ///
    /// # Panics
    /// For a node that never was.
    pub fn usage(&self, node: NodeId) -> &NodeUsage {
        &self.usage[node.index()]
    }

    /// The name of an object, for messages; `<gone>` where it is gone.
    pub fn name_of(&self, object: ObjectId) -> Name {
        self.meta(object).map_or_else(|| "<gone>".into(), |meta| meta.name.clone())
    }
}
