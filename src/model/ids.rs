//! Typed ids of the objects in the cluster.

use crate::engine::Id;
use crate::model::cronjob::CronJob;
use crate::model::job::Job;
use crate::model::node::Node;
use crate::model::pod::Pod;

/// The id of a pod.
pub type PodId = Id<Pod>;
/// The id of a node.
pub type NodeId = Id<Node>;
/// The id of a Job.
pub type JobId = Id<Job>;
/// The id of a CronJob.
pub type CronJobId = Id<CronJob>;

/// The id of an object of any kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectId {
    /// A node.
    Node(NodeId),
    /// A pod.
    Pod(PodId),
    /// A Job.
    Job(JobId),
    /// A CronJob.
    CronJob(CronJobId),
}

/// The kind of an object, in the order in which kinds are created at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `v1 Node`
    Node,
    /// `v1 Pod`
    Pod,
    /// `batch/v1 Job`
    Job,
    /// `batch/v1 CronJob`
    CronJob,
}

impl Kind {
    /// The kind's name in a manifest.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Node => "Node",
            Self::Pod => "Pod",
            Self::Job => "Job",
            Self::CronJob => "CronJob",
        }
    }

    /// The group and version that the kind is served under.
    pub const fn api_version(self) -> &'static str {
        match self {
            Self::Node | Self::Pod => "v1",
            Self::Job | Self::CronJob => "batch/v1",
        }
    }

    /// The singular resource name of kubectl.
    pub const fn resource(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Pod => "pod",
            Self::Job => "job",
            Self::CronJob => "cronjob",
        }
    }
}

impl ObjectId {
    /// The kind of the object.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Node(_) => Kind::Node,
            Self::Pod(_) => Kind::Pod,
            Self::Job(_) => Kind::Job,
            Self::CronJob(_) => Kind::CronJob,
        }
    }
}
