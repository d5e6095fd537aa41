//! The three closed vocabularies: events, commands, changes; and the rank of events at one instant.
//!
//! - An [`Event`] is something due at a time; exactly one component handles it.
//! - A [`Command`] is a write that a component asks the cluster for.
//! - A [`Change`] is a write that happened; every component that watches and every observer is shown it.
//!
//! No `match` on these has a wildcard arm, so that a new word cannot be forgotten anywhere.

use std::net::Ipv4Addr;
use std::sync::Arc;

use serde_json::Value;

use crate::engine::{Id, Rank, SimDuration, SimTime};
use crate::model::cronjob::{CronJobSpec, CronJobStatus};
use crate::model::daemon_set::{DaemonSetSpec, DaemonSetStatus};
use crate::model::deployment::{DeploymentSpec, DeploymentStatus};
use crate::model::horizontal_pod_autoscaler::{HorizontalPodAutoscalerSpec, HorizontalPodAutoscalerStatus};
use crate::model::ids::{
    CronJobId, DaemonSetId, DeploymentId, HorizontalPodAutoscalerId, JobId, Kind, NodeId, ObjectId,
    PodDisruptionBudgetId, PodId, ReplicaSetId, ResourceQuotaId, ServiceId, StatefulSetId,
};
use crate::model::job::{JobSpec, JobStatus};
use crate::model::meta::{Labels, Name, Owner, Propagation};
use crate::model::metrics::PodSample;
use crate::model::node::{ConditionStatus, NodeCondition, NodeImage, NodeReadyReason, NodeSpec, Signs};
use crate::model::pod::{JobPod, PodSpec};
use crate::model::pod_disruption_budget::{PodDisruptionBudgetSpec, PodDisruptionBudgetStatus};
use crate::model::pod_status::{ContainerRef, ContainerState, Phase, PodReason};
use crate::model::record::Record;
use crate::model::replica_set::{ReplicaSetSpec, ReplicaSetStatus};
use crate::model::resource_quota::ResourceQuotaSpec;
use crate::model::scenario::{NewObject, NewSpec};
use crate::model::service::ServiceSpec;
use crate::model::stateful_set::{StatefulSetSpec, StatefulSetStatus};
use crate::model::traffic::{CpuId, RequestRef, Serve, SourceId, TimeoutId};

/// Something due at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// An entry of the timeline, by position.
    ActionDue(u32),
    /// The next pod or Job of the recorded trace arrives, by position.
    TraceDue(u32),
    /// What fails by chance fails, or returns; by position among those.
    FaultDue(u32),
    /// A node stops dead.
    NodeFailed(NodeId),
    /// A node that stopped has booted again.
    NodeRecovered(NodeId),
    /// A node is told to shut down.
    NodeShutdownBegun(NodeId),
    /// The time that a node which shuts down gives to some of its pods is over.
    ShutdownPhaseOver(NodeId),
    /// The kubelet of a node stops; its containers run on.
    KubeletStopped(NodeId),
    /// The kubelet of a node starts again.
    KubeletStarted(NodeId),
    /// The process of a container is ended from outside, with this exit code.
    ProcessKilled(PodId, ContainerRef, i32),
    /// A process has done its present step.
    StepDone(ProcessRef),
    /// A process reaches its memory limit.
    MemoryLimitReached(ProcessRef),
    /// A process has done what it does on SIGTERM.
    TermDone(ProcessRef),
    /// A lifecycle hook of a container is over.
    HookDone(ProcessRef),
    /// A kubelet looks at one of its pods: it is new, or something about it is due.
    PodSync(PodId),
    /// `activeDeadlineSeconds` of a pod is over.
    PodDeadlineReached(PodId),
    /// The grace period of a pod is over: SIGKILL.
    GraceOver(PodId),
    /// A probe of a pod's container has found something, or what it meets has changed.
    ProbeDue(PodId),
    /// The memory of a node runs out or short, or its kubelet looks whether it still is.
    MemoryDue(NodeId),
    /// The image of a container is on the node, or its pull has failed.
    PullDone(ProcessRef),
    /// The taint eviction controller looks at a node whose NoExecute taints have changed.
    TaintedNodeSync(NodeId),
    /// The taint eviction controller looks at a pod of a tainted node.
    TaintedPodSync(PodId),
    /// The node lifecycle controller brings the NoSchedule taints of a node up to date.
    NodeTaintSync(NodeId),
    /// The node lifecycle controller looks at a pod that was bound to a node that is not ready.
    BoundPodSync(PodId),
    /// The toleration of a pod for its node's NoExecute taints has run out.
    TaintEvictionDue(PodId),
    /// The node lifecycle controller looks at the health of all nodes.
    NodeMonitorDue,
    /// The node lifecycle controller may put the NoExecute taint on the next node.
    NoExecuteTaintDue,
    /// The pod garbage collector looks for pods of nodes that are no more.
    PodGcDue,
    /// An object's deletion goes on: its dependants are to be deleted, or are gone.
    GarbageDue(ObjectId),
    /// The ReplicaSet controller syncs a ReplicaSet.
    ReplicaSetSync(ReplicaSetId),
    /// The Deployment controller syncs a Deployment.
    DeploymentSync(DeploymentId),
    /// The StatefulSet controller syncs a StatefulSet.
    StatefulSetSync(StatefulSetId),
    /// The DaemonSet controller syncs a DaemonSet.
    DaemonSetSync(DaemonSetId),
    /// The Job controller syncs a Job.
    JobSync(JobId),
    /// The Job controller takes the finalizer off a pod that no Job will count.
    OrphanPodSync(PodId),
    /// `ttlSecondsAfterFinished` of a Job is over.
    JobExpired(JobId),
    /// The CronJob controller syncs a CronJob.
    CronJobSync(CronJobId),
    /// The disruption controller syncs a pod disruption budget.
    DisruptionSync(PodDisruptionBudgetId),
    /// A drain tries the pods again that were not let go, by position among the drains of the run.
    DrainDue(u32),
    /// The autoscaler controller syncs an autoscaler.
    AutoscalerSync(HorizontalPodAutoscalerId),
    /// The metrics server asks the kubelets.
    ScrapeDue,
    /// The next request of a source arrives.
    RequestDue(SourceId),
    /// A request has reached its server.
    RequestArrived(RequestRef),
    /// The first of the requests in work in a container has had its cpu time.
    CpuDone(CpuId),
    /// The answer to a request has reached its client.
    AnswerArrived(RequestRef),
    /// The first of the clients that wait equally long gives up.
    RequestTimeout(TimeoutId),
    /// From now on requests count.
    WarmUpOver,
    /// The scheduler tries the next pod of its active queue.
    SchedulingCycle,
    /// The scheduler moves pods out of its back-off queue.
    BackoffFlush,
    /// The scheduler retries pods that have been unschedulable for long.
    UnschedulableFlush,
}

/// The id of an event that was scheduled, to cancel it by. It finds nothing after the event has happened or was cancelled.
pub type EventId = Id<Event>;

/// Names one run of a container's process; an event about an earlier run is out of date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessRef {
    /// The pod.
    pub pod: PodId,
    /// The container.
    pub container: ContainerRef,
    /// Counts the starts of this container.
    pub run: u32,
}

impl Event {
    /// The rank at one instant: what happens to the cluster from outside comes first, then processes, kubelets,
    /// node lifecycle, garbage, controllers, and the scheduler last. Equal ranks go in order of
    /// scheduling.
    #[inline]
    pub const fn rank(&self) -> Rank {
        Rank::new(match self {
            Self::ActionDue(_)
            | Self::TraceDue(_)
            | Self::FaultDue(_)
            | Self::NodeFailed(_)
            | Self::NodeRecovered(_)
            | Self::NodeShutdownBegun(_)
            | Self::KubeletStopped(_)
            | Self::KubeletStarted(_)
            | Self::ProcessKilled(..)
            | Self::DrainDue(_)
            | Self::WarmUpOver => 0,
            Self::StepDone(_)
            | Self::MemoryLimitReached(_)
            | Self::TermDone(_)
            | Self::HookDone(_)
            | Self::CpuDone(_)
            | Self::AnswerArrived(_) => 1,
            Self::PullDone(_) | Self::RequestDue(_) | Self::RequestArrived(_) => 2,
            Self::PodSync(_) => 3,
            Self::PodDeadlineReached(_)
            | Self::GraceOver(_)
            | Self::ProbeDue(_)
            | Self::MemoryDue(_)
            | Self::RequestTimeout(_) => 4,
            // Pods that end in the last instant of their time are still reported.
            Self::TaintedNodeSync(_) | Self::ShutdownPhaseOver(_) => 5,
            Self::TaintedPodSync(_) => 6,
            Self::NodeTaintSync(_) => 7,
            Self::BoundPodSync(_) => 8,
            Self::TaintEvictionDue(_) => 9,
            Self::NodeMonitorDue => 10,
            Self::NoExecuteTaintDue => 11,
            Self::PodGcDue => 12,
            Self::GarbageDue(_) | Self::ScrapeDue => 13,
            Self::ReplicaSetSync(_)
            | Self::DeploymentSync(_)
            | Self::StatefulSetSync(_)
            | Self::DaemonSetSync(_)
            | Self::JobSync(_)
            | Self::OrphanPodSync(_)
            | Self::DisruptionSync(_) => 14,
            Self::JobExpired(_) => 15,
            Self::CronJobSync(_) | Self::AutoscalerSync(_) => 16,
            Self::SchedulingCycle => 17,
            Self::BackoffFlush => 18,
            Self::UnschedulableFlush => 19,
        })
    }
}

/// A write that a component asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Creates an object. Refused where one of this kind and name is alive.
    Create(Box<Creation>),
    /// Gives a node other labels and another spec.
    UpdateNode(NodeId, Labels, Box<NodeSpec>),
    /// Sets the Ready condition of a node.
    SetNodeReady(NodeId, ConditionStatus, NodeReadyReason),
    /// Sets another condition of a node.
    SetNodeCondition(NodeId, NodeCondition, ConditionStatus),
    /// The kubelet of a node gives other signs of life from now on, or falls silent.
    SetSigns(NodeId, Signs),
    /// The kubelet of a node says that it holds an image.
    AddNodeImage(NodeId, NodeImage),
    /// Removes a node.
    DeleteNode(NodeId),
    /// Gives a pod other labels and another spec.
    UpdatePod(PodId, Labels, Arc<PodSpec>),
    /// Binds a pod to a node.
    BindPod(PodId, NodeId),
    /// Names the node on which preemption makes room for a pod, or takes the name back.
    NominateNode(PodId, Option<NodeId>),
    /// Says why a pod could not be placed.
    SetUnschedulable(PodId, Unschedulable),
    /// The kubelet takes a pod: sets its start time.
    AcceptPod(PodId),
    /// The sandbox of a pod is up: sets the address.
    SetPodIp(PodId, Ipv4Addr),
    /// Sets the state of a container; phase and conditions follow.
    SetContainer(PodId, ContainerRef, ContainerState),
    /// Ends a pod as a whole: phase Failed for this reason.
    FailPod(PodId, PodReason, Name),
    /// No kubelet will ever end the pod: its phase becomes Failed, and nothing else changes.
    AbandonPod(PodId),
    /// The pod will not run again: its phase follows from the exit codes.
    FinishPod(PodId),
    /// The kubelet reports a pod anew: its readiness follows from its containers again.
    ReportPod(PodId),
    /// Its node does not answer: Ready becomes False.
    SetPodNotReady(PodId),
    /// Adds the condition DisruptionTarget with this reason and message.
    SetDisruptionTarget(PodId, Name, Name),
    /// A process listens on all ports that it serves.
    StartServing(ProcessRef, Arc<[Serve]>),
    /// A process that served has ended.
    EndServing(ProcessRef, ServingEnd),
    /// Asks for the deletion of a pod with its own or another grace period. A pod that no kubelet holds, or that
    /// has ended, goes at once.
    DeletePod(PodId, Option<SimDuration>),
    /// Asks for the eviction of a pod with its own or another grace period: its deletion, unless a disruption budget
    /// stands against it.
    EvictPod(PodId, Option<SimDuration>),
    /// All processes of a pod being deleted have ended, or nobody waits for them: the object goes, unless a
    /// finalizer holds it.
    ReleasePod(PodId),
    /// Takes the tracking finalizer off a Job's pod.
    RemoveFinalizer(PodId),
    /// Gives an object other labels and annotations.
    UpdateMeta(ObjectId, Labels, Labels),
    /// Gives an object another spec. The manifest is that of the new spec.
    UpdateSpec(SpecUpdate, Arc<Value>),
    /// Writes the status of an object.
    UpdateStatus(Box<StatusUpdate>),
    /// Asks for the deletion of an object that is neither a pod nor a node.
    Delete(ObjectId, Propagation),
    /// The dependants of an object being deleted are gone, or orphans: the object goes.
    Release(ObjectId),
    /// Takes a dependant away from its owner, for example when that is deleted with `Orphan`.
    Orphan(ObjectId),
    /// Gives an object without an owner to a controller; a pod that a Job gets is to be counted by it.
    Adopt(ObjectId, Owner),
    /// Lets the metrics API tell this of pods, in the order of their ids, and of no others. Nobody can watch that API, so
    /// no change comes of it.
    PublishMetrics(Vec<PodSample>),
    /// Notes something about an object.
    Record(ObjectId, Record),
}

/// How a process ceases to serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServingEnd {
    /// It exited, or was killed: its connections are reset.
    Exited,
    /// It is gone with its node, which tells nobody.
    NodeLost,
}

/// Another spec for an object.
#[derive(Debug, Clone, PartialEq)]
pub enum SpecUpdate {
    /// Of a resource quota.
    ResourceQuota(ResourceQuotaId, Arc<ResourceQuotaSpec>),
    /// Of a Service.
    Service(ServiceId, Arc<ServiceSpec>),
    /// Of a pod disruption budget.
    PodDisruptionBudget(PodDisruptionBudgetId, Arc<PodDisruptionBudgetSpec>),
    /// Of a ReplicaSet.
    ReplicaSet(ReplicaSetId, Arc<ReplicaSetSpec>),
    /// Of a Deployment.
    Deployment(DeploymentId, Arc<DeploymentSpec>),
    /// Of a StatefulSet.
    StatefulSet(StatefulSetId, Arc<StatefulSetSpec>),
    /// Of a DaemonSet.
    DaemonSet(DaemonSetId, Arc<DaemonSetSpec>),
    /// Of a Job.
    Job(JobId, Arc<JobSpec>),
    /// Of a CronJob.
    CronJob(CronJobId, Arc<CronJobSpec>),
    /// Of a horizontal pod autoscaler.
    HorizontalPodAutoscaler(HorizontalPodAutoscalerId, Arc<HorizontalPodAutoscalerSpec>),
}

impl SpecUpdate {
    /// Another spec for an object that has a spec and a status; `None` where the spec is of another kind.
    pub fn of(object: ObjectId, spec: &NewSpec) -> Option<Self> {
        Some(match (object, spec) {
            (ObjectId::ResourceQuota(id), NewSpec::ResourceQuota(spec)) => {
                Self::ResourceQuota(id, Arc::clone(spec))
            }
            (ObjectId::Service(id), NewSpec::Service(spec)) => Self::Service(id, Arc::clone(spec)),
            (ObjectId::PodDisruptionBudget(id), NewSpec::PodDisruptionBudget(spec)) => {
                Self::PodDisruptionBudget(id, Arc::clone(spec))
            }
            (ObjectId::ReplicaSet(id), NewSpec::ReplicaSet(spec)) => Self::ReplicaSet(id, Arc::clone(spec)),
            (ObjectId::Deployment(id), NewSpec::Deployment(spec)) => Self::Deployment(id, Arc::clone(spec)),
            (ObjectId::StatefulSet(id), NewSpec::StatefulSet(spec)) => {
                Self::StatefulSet(id, Arc::clone(spec))
            }
            (ObjectId::DaemonSet(id), NewSpec::DaemonSet(spec)) => Self::DaemonSet(id, Arc::clone(spec)),
            (ObjectId::Job(id), NewSpec::Job(spec)) => Self::Job(id, Arc::clone(spec)),
            (ObjectId::CronJob(id), NewSpec::CronJob(spec)) => Self::CronJob(id, Arc::clone(spec)),
            (ObjectId::HorizontalPodAutoscaler(id), NewSpec::HorizontalPodAutoscaler(spec)) => {
                Self::HorizontalPodAutoscaler(id, Arc::clone(spec))
            }
            _ => return None,
        })
    }
}

/// Another status of an object.
#[derive(Debug, Clone, PartialEq)]
pub enum StatusUpdate {
    /// Of a pod disruption budget.
    PodDisruptionBudget(PodDisruptionBudgetId, PodDisruptionBudgetStatus),
    /// Of a ReplicaSet.
    ReplicaSet(ReplicaSetId, ReplicaSetStatus),
    /// Of a Deployment.
    Deployment(DeploymentId, DeploymentStatus),
    /// Of a StatefulSet.
    StatefulSet(StatefulSetId, StatefulSetStatus),
    /// Of a DaemonSet.
    DaemonSet(DaemonSetId, DaemonSetStatus),
    /// Of a Job.
    Job(JobId, JobStatus),
    /// Of a CronJob.
    CronJob(CronJobId, CronJobStatus),
    /// Of a horizontal pod autoscaler.
    HorizontalPodAutoscaler(HorizontalPodAutoscalerId, HorizontalPodAutoscalerStatus),
}

/// The making of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Creation {
    /// Names and spec.
    pub object: NewObject,
    /// Whether five random characters are added to the name, as `generateName` asks.
    pub generates_name: bool,
    /// The controller that owns it.
    pub owner: Option<Owner>,
    /// For a Job's pod: finalizer and annotations.
    pub job: Option<JobPod>,
    /// For a CronJob's Job: the instant that it was scheduled for.
    pub scheduled_for: Option<SimTime>,
}

impl Creation {
    /// The making of an object under its own name and without an owner.
    pub const fn of(object: NewObject) -> Self {
        Self { object, generates_name: false, owner: None, job: None, scheduled_for: None }
    }
}

/// Why a pod could not be placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unschedulable {
    /// `Unschedulable` or `SchedulingGated`.
    pub reason: &'static str,
    /// In upstream's words.
    pub message: Name,
}

/// A write that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// An object was created.
    Created(ObjectId),
    /// A node has other labels or another spec.
    NodeChanged(NodeId, NodeChange),
    /// The Ready condition of a node has another status or reason.
    NodeReadyChanged(NodeId, ConditionStatus),
    /// Another condition of a node has another status.
    NodeConditionChanged(NodeId, NodeCondition, ConditionStatus),
    /// The kubelet of a node gives other signs of life; whether it renews its lease.
    NodeLeaseChanged(NodeId, bool),
    /// A node holds an image that it did not hold, or had not said so; its name.
    NodeImageAdded(NodeId, Name),
    /// A node is gone. `name` is what it was called.
    NodeDeleted(NodeId, Name),
    /// A pod has other labels or another spec.
    PodChanged(PodId, PodChange),
    /// A pod was bound.
    PodBound(PodId, NodeId),
    /// Preemption makes room for a pod on this node, or no longer on any.
    PodNominated(PodId, Option<NodeId>),
    /// A pod could not be placed, or could not for another reason than before.
    PodUnschedulable(PodId, Unschedulable),
    /// A kubelet took a pod.
    PodAccepted(PodId),
    /// A pod has an address.
    PodIpSet(PodId, Ipv4Addr),
    /// The state of a container changed.
    ContainerChanged(PodId, ContainerRef, ContainerState),
    /// The phase of a pod changed from the first to the second.
    PodPhaseChanged(PodId, Phase, Phase),
    /// A pod became Ready or ceased to be.
    PodReadyChanged(PodId, bool),
    /// A pod got the condition DisruptionTarget, for this reason.
    PodDisrupted(PodId, Name),
    /// A process listens on the ports that it serves.
    ServingStarted(ProcessRef, Arc<[Serve]>),
    /// A process that served has ended.
    ServingEnded(ProcessRef, ServingEnd),
    /// Deletion of a pod was asked for and waits for its processes or a finalizer.
    PodDeletionRequested(PodId, SimDuration),
    /// The tracking finalizer was taken off a pod.
    PodFinalizerRemoved(PodId),
    /// A pod is gone.
    PodDeleted(PodId, DeletedPod),
    /// An object has other labels or annotations.
    MetaChanged(ObjectId),
    /// An object has another spec.
    SpecChanged(ObjectId, SpecChange),
    /// The status of an object changed.
    StatusChanged(ObjectId),
    /// Deletion of an object was asked for and waits for its dependants.
    DeletionRequested(ObjectId, Propagation),
    /// An object that is neither a pod nor a node is gone.
    Deleted(ObjectId, DeletedObject),
    /// An object lost its owner.
    Orphaned(ObjectId),
    /// An object without an owner got one.
    Adopted(ObjectId),
    /// Something was noted about an object.
    Recorded(ObjectId, Record),
}

/// The object that a change is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject<'a> {
    /// It is alive.
    Alive(ObjectId),
    /// It went with this change.
    Gone {
        /// Its kind.
        kind: Kind,
        /// Its namespace; empty for nodes.
        namespace: &'a str,
        /// Its name.
        name: &'a str,
    },
}

impl Change {
    /// The name of the change, as the trace shows it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Created(_) => "Created",
            Self::NodeChanged(..) => "NodeChanged",
            Self::NodeReadyChanged(..) => "NodeReadyChanged",
            Self::NodeConditionChanged(..) => "NodeConditionChanged",
            Self::NodeLeaseChanged(..) => "NodeLeaseChanged",
            Self::NodeImageAdded(..) => "NodeImageAdded",
            Self::NodeDeleted(..) => "NodeDeleted",
            Self::PodChanged(..) => "PodChanged",
            Self::PodBound(..) => "PodBound",
            Self::PodNominated(..) => "PodNominated",
            Self::PodUnschedulable(..) => "PodUnschedulable",
            Self::PodAccepted(_) => "PodAccepted",
            Self::PodIpSet(..) => "PodIpSet",
            Self::ContainerChanged(..) => "ContainerChanged",
            Self::PodPhaseChanged(..) => "PodPhaseChanged",
            Self::PodReadyChanged(..) => "PodReadyChanged",
            Self::PodDisrupted(..) => "PodDisrupted",
            Self::ServingStarted(..) => "ServingStarted",
            Self::ServingEnded(..) => "ServingEnded",
            Self::PodDeletionRequested(..) => "PodDeletionRequested",
            Self::PodFinalizerRemoved(_) => "PodFinalizerRemoved",
            Self::PodDeleted(..) => "PodDeleted",
            Self::MetaChanged(_) => "MetaChanged",
            Self::SpecChanged(..) => "SpecChanged",
            Self::StatusChanged(_) => "StatusChanged",
            Self::DeletionRequested(..) => "DeletionRequested",
            Self::Deleted(..) => "Deleted",
            Self::Orphaned(_) => "Orphaned",
            Self::Adopted(_) => "Adopted",
            Self::Recorded(..) => "Recorded",
        }
    }

    /// The object that the change is about.
    pub fn subject(&self) -> Subject<'_> {
        match self {
            Self::Created(object)
            | Self::MetaChanged(object)
            | Self::SpecChanged(object, _)
            | Self::StatusChanged(object)
            | Self::DeletionRequested(object, _)
            | Self::Orphaned(object)
            | Self::Adopted(object)
            | Self::Recorded(object, _) => Subject::Alive(*object),
            Self::NodeChanged(node, _)
            | Self::NodeReadyChanged(node, _)
            | Self::NodeConditionChanged(node, ..)
            | Self::NodeLeaseChanged(node, _)
            | Self::NodeImageAdded(node, _) => Subject::Alive(ObjectId::Node(*node)),
            Self::PodChanged(pod, _)
            | Self::PodBound(pod, _)
            | Self::PodNominated(pod, _)
            | Self::PodUnschedulable(pod, _)
            | Self::PodAccepted(pod)
            | Self::PodIpSet(pod, _)
            | Self::ContainerChanged(pod, ..)
            | Self::PodPhaseChanged(pod, ..)
            | Self::PodReadyChanged(pod, _)
            | Self::PodDisrupted(pod, _)
            | Self::PodDeletionRequested(pod, _)
            | Self::PodFinalizerRemoved(pod) => Subject::Alive(ObjectId::Pod(*pod)),
            Self::ServingStarted(process, _) | Self::ServingEnded(process, _) => {
                Subject::Alive(ObjectId::Pod(process.pod))
            }
            Self::NodeDeleted(_, name) => Subject::Gone { kind: Kind::Node, namespace: "", name },
            Self::PodDeleted(_, pod) => {
                Subject::Gone { kind: Kind::Pod, namespace: &pod.namespace, name: &pod.name }
            }
            Self::Deleted(id, object) => {
                Subject::Gone { kind: id.kind(), namespace: &object.namespace, name: &object.name }
            }
        }
    }
}

/// What of a node changed, as far as watchers care.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeChange {
    /// It became schedulable again.
    pub is_uncordoned: bool,
    /// It offers other amounts, or room for another number of pods.
    pub has_other_allocatable: bool,
    /// Its labels differ.
    pub has_other_labels: bool,
    /// Its taints differ.
    pub has_other_taints: bool,
    /// What it was before.
    pub before: Box<NodeBefore>,
}

/// What a node was before it changed.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeBefore {
    /// The labels.
    pub labels: Labels,
    /// The spec.
    pub spec: NodeSpec,
}

/// What of a pod changed, as far as watchers care.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodChange {
    /// Its labels differ.
    pub has_other_labels: bool,
    /// It tolerates other taints.
    pub has_other_tolerations: bool,
    /// It had scheduling gates and has none now.
    pub is_ungated: bool,
    /// It requests less of some resource.
    pub requests_less: bool,
    /// Its labels before.
    pub old_labels: Labels,
}

/// What of a spec changed, as far as watchers care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpecChange {
    /// A CronJob's schedule or time zone, perhaps more.
    Schedule,
    /// Anything else.
    Other,
}

/// What watchers still need of a pod that is gone.
#[derive(Debug, Clone, PartialEq)]
pub struct DeletedPod {
    /// Its namespace.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
    /// Its labels.
    pub labels: Labels,
    /// What it was given to be.
    pub spec: Arc<PodSpec>,
    /// Its phase at the end.
    pub phase: Phase,
    /// Where it was bound.
    pub node: Option<NodeId>,
    /// What owned it.
    pub owner: Option<Owner>,
}

/// What watchers still need of an object that is gone.
#[derive(Debug, Clone, PartialEq)]
pub struct DeletedObject {
    /// Its namespace.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
    /// What owned it.
    pub owner: Option<Owner>,
    /// Its labels.
    pub labels: Labels,
    /// What becomes of what it owned.
    pub propagation: Propagation,
}
