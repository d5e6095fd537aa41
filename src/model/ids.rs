//! Typed ids of the objects in the cluster.

use crate::engine::Id;
use crate::model::cronjob::CronJob;
use crate::model::daemon_set::DaemonSet;
use crate::model::deployment::Deployment;
use crate::model::horizontal_pod_autoscaler::HorizontalPodAutoscaler;
use crate::model::job::Job;
use crate::model::node::Node;
use crate::model::pod::Pod;
use crate::model::pod_disruption_budget::PodDisruptionBudget;
use crate::model::replica_set::ReplicaSet;
use crate::model::resource_quota::ResourceQuota;
use crate::model::service::Service;
use crate::model::stateful_set::StatefulSet;

/// The id of a node.
pub type NodeId = Id<Node>;
/// The id of a resource quota.
pub type ResourceQuotaId = Id<ResourceQuota>;
/// The id of a Service.
pub type ServiceId = Id<Service>;
/// The id of a pod disruption budget.
pub type PodDisruptionBudgetId = Id<PodDisruptionBudget>;
/// The id of a pod.
pub type PodId = Id<Pod>;
/// The id of a ReplicaSet.
pub type ReplicaSetId = Id<ReplicaSet>;
/// The id of a Deployment.
pub type DeploymentId = Id<Deployment>;
/// The id of a StatefulSet.
pub type StatefulSetId = Id<StatefulSet>;
/// The id of a DaemonSet.
pub type DaemonSetId = Id<DaemonSet>;
/// The id of a Job.
pub type JobId = Id<Job>;
/// The id of a CronJob.
pub type CronJobId = Id<CronJob>;
/// The id of a horizontal pod autoscaler.
pub type HorizontalPodAutoscalerId = Id<HorizontalPodAutoscaler>;

/// The id of an object of any kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectId {
    /// A node.
    Node(NodeId),
    /// A resource quota.
    ResourceQuota(ResourceQuotaId),
    /// A Service.
    Service(ServiceId),
    /// A pod disruption budget.
    PodDisruptionBudget(PodDisruptionBudgetId),
    /// A pod.
    Pod(PodId),
    /// A ReplicaSet.
    ReplicaSet(ReplicaSetId),
    /// A Deployment.
    Deployment(DeploymentId),
    /// A StatefulSet.
    StatefulSet(StatefulSetId),
    /// A DaemonSet.
    DaemonSet(DaemonSetId),
    /// A Job.
    Job(JobId),
    /// A CronJob.
    CronJob(CronJobId),
    /// A horizontal pod autoscaler.
    HorizontalPodAutoscaler(HorizontalPodAutoscalerId),
}

/// The kind of an object, in the order in which kinds are created at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `v1 Node`
    Node,
    /// `v1 ResourceQuota`
    ResourceQuota,
    /// `v1 Service`
    Service,
    /// `policy/v1 PodDisruptionBudget`
    PodDisruptionBudget,
    /// `v1 Pod`
    Pod,
    /// `apps/v1 ReplicaSet`
    ReplicaSet,
    /// `apps/v1 Deployment`
    Deployment,
    /// `apps/v1 StatefulSet`
    StatefulSet,
    /// `apps/v1 DaemonSet`
    DaemonSet,
    /// `batch/v1 Job`
    Job,
    /// `batch/v1 CronJob`
    CronJob,
    /// `autoscaling/v2 HorizontalPodAutoscaler`
    HorizontalPodAutoscaler,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 12] = [
        Self::Node,
        Self::ResourceQuota,
        Self::Service,
        Self::PodDisruptionBudget,
        Self::Pod,
        Self::ReplicaSet,
        Self::Deployment,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::Job,
        Self::CronJob,
        Self::HorizontalPodAutoscaler,
    ];

    /// The kind's name in a manifest.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Node => "Node",
            Self::ResourceQuota => "ResourceQuota",
            Self::Service => "Service",
            Self::PodDisruptionBudget => "PodDisruptionBudget",
            Self::Pod => "Pod",
            Self::ReplicaSet => "ReplicaSet",
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::Job => "Job",
            Self::CronJob => "CronJob",
            Self::HorizontalPodAutoscaler => "HorizontalPodAutoscaler",
        }
    }

    /// The group and version that the kind is served under.
    pub const fn api_version(self) -> &'static str {
        match self {
            Self::Node | Self::ResourceQuota | Self::Service | Self::Pod => "v1",
            Self::PodDisruptionBudget => "policy/v1",
            Self::ReplicaSet | Self::Deployment | Self::StatefulSet | Self::DaemonSet => "apps/v1",
            Self::Job | Self::CronJob => "batch/v1",
            Self::HorizontalPodAutoscaler => "autoscaling/v2",
        }
    }

    /// The singular resource name of kubectl.
    pub const fn resource(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::ResourceQuota => "resourcequota",
            Self::Service => "service",
            Self::PodDisruptionBudget => "poddisruptionbudget",
            Self::Pod => "pod",
            Self::ReplicaSet => "replicaset",
            Self::Deployment => "deployment",
            Self::StatefulSet => "statefulset",
            Self::DaemonSet => "daemonset",
            Self::Job => "job",
            Self::CronJob => "cronjob",
            Self::HorizontalPodAutoscaler => "horizontalpodautoscaler",
        }
    }

    /// Whether objects of this kind live in a namespace.
    pub const fn is_namespaced(self) -> bool {
        !matches!(self, Self::Node)
    }
}

impl ObjectId {
    /// The kind of the object.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Node(_) => Kind::Node,
            Self::ResourceQuota(_) => Kind::ResourceQuota,
            Self::Service(_) => Kind::Service,
            Self::PodDisruptionBudget(_) => Kind::PodDisruptionBudget,
            Self::Pod(_) => Kind::Pod,
            Self::ReplicaSet(_) => Kind::ReplicaSet,
            Self::Deployment(_) => Kind::Deployment,
            Self::StatefulSet(_) => Kind::StatefulSet,
            Self::DaemonSet(_) => Kind::DaemonSet,
            Self::Job(_) => Kind::Job,
            Self::CronJob(_) => Kind::CronJob,
            Self::HorizontalPodAutoscaler(_) => Kind::HorizontalPodAutoscaler,
        }
    }
}

/// An id of one kind is an id of any kind.
macro_rules! into_object_id {
    ($($kind:ident),* $(,)?) => {
        $(impl From<Id<$kind>> for ObjectId {
            fn from(id: Id<$kind>) -> Self {
                Self::$kind(id)
            }
        })*
    };
}

into_object_id!(
    Node,
    ResourceQuota,
    Service,
    PodDisruptionBudget,
    Pod,
    ReplicaSet,
    Deployment,
    StatefulSet,
    DaemonSet,
    Job,
    CronJob,
    HorizontalPodAutoscaler,
);
