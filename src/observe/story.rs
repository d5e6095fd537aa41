//! The story of one object: what happened to it and to the pods that it owns, and what was at work each time.
//!
//! To bound memory, at most [`MOMENTS_MAX`] moments are kept; the rest is only counted.

pub mod replay;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::cluster::Cluster;
use crate::component::Observer;
use crate::engine::{SimDuration, SimTime};
use crate::event::{Change, Event};
use crate::model::ids::{Kind, NodeId, ObjectId, PodId};
use crate::model::job::{JobCondition, JobSpec};
use crate::model::meta::{Name, ObjectMeta};
use crate::model::node::ConditionStatus;
use crate::model::pod_status::{ContainerRef, ContainerState, Phase, Termination, WaitingReason};
use crate::model::record::Severity;
use crate::model::scenario::ObjectName;

/// The number of moments that are kept.
pub const MOMENTS_MAX: usize = 10_000;

/// The story of one object. All objects that have its kind and name one after another share it.
#[derive(Debug, Clone)]
pub struct Story {
    /// Whose story it is.
    pub subject: ObjectName,
    /// What happened, in order.
    pub moments: Vec<Moment>,
    /// How much happened beyond what is kept.
    pub n_more_moments: usize,
    /// For a pod: the number of the event that bound it.
    pub bound_by: Option<u64>,
    /// For a Job: its latest spec.
    pub job_spec: Option<Arc<JobSpec>>,
    n_conditions: usize,
    id: Option<ObjectId>,
    /// The pods that it owns, or that it is, each with the serial of its creation.
    pods: BTreeMap<PodId, (u64, Name)>,
    /// The last start that was told: a container that becomes ready in the same instant does not start again.
    last_start: Option<(PodId, ContainerRef, SimTime)>,
    at_work: AtWork,
    /// The number of the present event.
    seq: u64,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Moment {
    /// When.
    pub at: SimTime,
    /// The pod that it happened to, where that is not the subject.
    pub pod: Option<Name>,
    /// What.
    pub fact: Fact,
    /// What was at work.
    pub at_work: AtWork,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// It was created.
    Created,
    /// It could not be placed, in upstream's words.
    Unschedulable(Name),
    /// Room is made for it on this node.
    Nominated(Name),
    /// It was bound to this node.
    Bound(Name),
    /// The kubelet of its node fell silent (false), or came back.
    NodeLease(Name, bool),
    /// The Ready condition of its node changed.
    NodeReady(Name, ConditionStatus),
    /// A container started; its name.
    Started(Name),
    /// A container waits.
    Waiting(Name, WaitingReason),
    /// The kubelet ends a container of a pod that stays, in its words.
    Killed(Name),
    /// A container ended.
    Ended(Name, Termination),
    /// The phase became final, for this reason and message where the pod as a whole has one.
    Over(Phase, Option<(String, Name)>),
    /// The pod is to go, for this reason of its condition DisruptionTarget.
    Disrupted(Name),
    /// Deletion was asked for; the grace period of a pod.
    DeletionRequested(Option<SimDuration>),
    /// It is gone.
    Deleted,
    /// It got another spec.
    SpecChanged,
    /// A Job got a condition.
    Condition(JobCondition),
    /// A controller warned of something that no condition tells; its reason and message.
    Warned(Name, String),
}

/// What was at work when something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtWork {
    /// The scenario, before the first event.
    Start,
    /// An entry of the timeline, by position.
    Timeline(u32),
    /// A component, by its upstream name.
    Component(&'static str),
}

impl AtWork {
    /// All components that can be at work in an event.
    pub const COMPONENTS: [&'static str; 18] = [
        "kubelet",
        "node-lifecycle-controller",
        "taint-eviction-controller",
        "pod-garbage-collector-controller",
        "garbage-collector-controller",
        "replicaset-controller",
        "deployment-controller",
        "job-controller",
        "ttl-after-finished-controller",
        "cronjob-controller",
        "statefulset-controller",
        "daemonset-controller",
        "disruption-controller",
        "kubectl drain",
        "horizontal-pod-autoscaler",
        "metrics-server",
        "traffic",
        "default-scheduler",
    ];

    /// What is at work in an event.
    pub const fn of(event: &Event) -> Self {
        Self::Component(match event {
            Event::ActionDue(position) => return Self::Timeline(*position),
            Event::TraceDue(_) | Event::FaultDue(_) => return Self::Start,
            Event::NodeFailed(_)
            | Event::NodeRecovered(_)
            | Event::NodeShutdownBegun(_)
            | Event::ShutdownPhaseOver(_)
            | Event::KubeletStopped(_)
            | Event::KubeletStarted(_)
            | Event::ProcessKilled(..)
            | Event::StepDone(_)
            | Event::MemoryLimitReached(_)
            | Event::TermDone(_)
            | Event::HookDone(_)
            | Event::ProbeDue(_)
            | Event::MemoryDue(_)
            | Event::PodSync(_)
            | Event::PodDeadlineReached(_)
            | Event::GraceOver(_)
            | Event::PullDone(_) => "kubelet",
            Event::NodeMonitorDue
            | Event::NoExecuteTaintDue
            | Event::NodeTaintSync(_)
            | Event::BoundPodSync(_) => "node-lifecycle-controller",
            Event::TaintEvictionDue(_) | Event::TaintedNodeSync(_) | Event::TaintedPodSync(_) => {
                "taint-eviction-controller"
            }
            Event::PodGcDue => "pod-garbage-collector-controller",
            Event::GarbageDue(_) => "garbage-collector-controller",
            Event::ReplicaSetSync(_) => "replicaset-controller",
            Event::DeploymentSync(_) => "deployment-controller",
            Event::JobSync(_) | Event::OrphanPodSync(_) => "job-controller",
            Event::JobExpired(_) => "ttl-after-finished-controller",
            Event::CronJobSync(_) => "cronjob-controller",
            Event::StatefulSetSync(_) => "statefulset-controller",
            Event::DaemonSetSync(_) => "daemonset-controller",
            Event::DisruptionSync(_) => "disruption-controller",
            Event::DrainDue(_) => "kubectl drain",
            Event::AutoscalerSync(_) => "horizontal-pod-autoscaler",
            Event::ScrapeDue => "metrics-server",
            Event::RequestDue(_)
            | Event::RequestArrived(_)
            | Event::CpuDone(_)
            | Event::AnswerArrived(_)
            | Event::RequestTimeout(_)
            | Event::WarmUpOver => "traffic",
            Event::SchedulingCycle | Event::BackoffFlush | Event::UnschedulableFlush => "default-scheduler",
        })
    }
}

impl Story {
    /// The empty story of an object.
    pub const fn of(subject: ObjectName) -> Self {
        Self {
            subject,
            moments: Vec::new(),
            n_more_moments: 0,
            bound_by: None,
            job_spec: None,
            n_conditions: 0,
            last_start: None,
            id: None,
            pods: BTreeMap::new(),
            at_work: AtWork::Start,
            seq: 0,
        }
    }

    /// Whether an object of this name was ever there.
    pub const fn has_begun(&self) -> bool {
        !self.moments.is_empty()
    }

    fn tell(&mut self, at: SimTime, pod: Option<Name>, fact: Fact) {
        if self.moments.len() == MOMENTS_MAX {
            self.n_more_moments += 1;
        } else {
            let pod = pod.filter(|_| self.subject.kind != Kind::Pod);
            self.moments.push(Moment { at, pod, fact, at_work: self.at_work });
        }
    }

    fn is_subject(&self, kind: Kind, meta: &ObjectMeta) -> bool {
        let ObjectName { kind: own, namespace, name } = &self.subject;
        (kind, &meta.namespace, &meta.name) == (*own, namespace, name)
    }

    fn see_created(&mut self, now: SimTime, id: ObjectId, cluster: &Cluster) {
        let Some(meta) = cluster.meta(id) else { return };
        if self.is_subject(id.kind(), meta) {
            self.id = Some(id);
            self.n_conditions = 0;
        } else if self.id.is_none() || meta.owner.as_ref().map(|owner| owner.object) != self.id {
            return;
        }
        if let ObjectId::Pod(pod) = id {
            self.pods.insert(pod, (meta.uid.serial, meta.name.clone()));
            self.tell(now, Some(meta.name.clone()), Fact::Created);
        } else if Some(id) == self.id {
            self.tell(now, None, Fact::Created);
        }
        self.take_spec(cluster);
    }

    fn take_spec(&mut self, cluster: &Cluster) {
        if let Some(ObjectId::Job(id)) = self.id
            && let Some(job) = cluster.job(id)
        {
            self.job_spec = Some(Arc::clone(&job.spec));
        }
    }

    fn see_conditions(&mut self, now: SimTime, cluster: &Cluster) {
        let Some(ObjectId::Job(id)) = self.id else { return };
        let conditions = cluster.job(id).map(|job| job.status.conditions.clone()).unwrap_or_default();
        for condition in conditions.iter().skip(self.n_conditions) {
            self.tell(now, None, Fact::Condition(condition.clone()));
        }
        self.n_conditions = conditions.len();
    }

    fn see_node(&mut self, now: SimTime, node: NodeId, cluster: &Cluster, fact: impl Fn(Name) -> Fact) {
        let is_there = |pod: &PodId| cluster.pod(*pod).is_some_and(|pod| pod.node == Some(node));
        let there = self.pods.iter().filter(|(pod, _)| is_there(pod));
        let mut pods: Vec<(u64, Name)> = there.map(|(_, pod)| pod.clone()).collect();
        pods.sort_unstable();
        let name = cluster.name_of(ObjectId::Node(node));
        if self.id == Some(ObjectId::Node(node)) {
            self.tell(now, None, fact(name.clone()));
        }
        for (_, pod) in pods {
            self.tell(now, Some(pod), fact(name.clone()));
        }
    }

    fn see_container(
        &mut self,
        now: SimTime,
        pod: PodId,
        container: ContainerRef,
        state: &ContainerState,
        cluster: &Cluster,
    ) {
        let Some(spec) = cluster.pod(pod).map(|pod| &pod.spec) else { return };
        let name = spec.container(container).name.clone();
        let fact = match state {
            ContainerState::Running { started_at, .. } => {
                let start = Some((pod, container, *started_at));
                if std::mem::replace(&mut self.last_start, start) == start || *started_at != now {
                    return;
                }
                Fact::Started(name)
            }
            ContainerState::Waiting(reason) => Fact::Waiting(name, *reason),
            ContainerState::Terminated(end) => Fact::Ended(name, *end),
        };
        self.see_pod(now, pod, fact);
    }

    fn see_pod(&mut self, now: SimTime, pod: PodId, fact: Fact) {
        if let Some((_, name)) = self.pods.get(&pod).cloned() {
            self.tell(now, Some(name), fact);
        }
    }

    fn see_phase(&mut self, now: SimTime, pod: PodId, phase: Phase, cluster: &Cluster) {
        if phase.is_terminal() {
            let status = cluster.pod(pod).map(|pod| &pod.status);
            let reason = status.and_then(|status| {
                let message = status.message.clone().unwrap_or_else(|| "".into());
                Some((status.reason.as_ref()?.to_string(), message))
            });
            self.see_pod(now, pod, Fact::Over(phase, reason));
        }
    }

    /// The warnings of a CronJob have no conditions, nor has a Job whose pods are refused.
    fn see_warning(&mut self, now: SimTime, reason: &str, message: &str) {
        let is_told_elsewhere = match self.subject.kind {
            Kind::CronJob => false,
            Kind::Job => reason != "FailedCreate",
            _ => true,
        };
        if !is_told_elsewhere {
            self.tell(now, None, Fact::Warned(reason.into(), message.to_owned()));
        }
    }

    fn see_own(&mut self, now: SimTime, id: ObjectId, fact: Fact) {
        if self.id == Some(id) {
            self.tell(now, None, fact);
        }
    }
}

/// Whether a record of a pod says why the kubelet ends a container, other than that the pod has to go.
fn is_kill(reason: &str, message: &str) -> bool {
    reason == "Killing" && !message.starts_with("Stopping container")
}

impl Observer for Story {
    fn begin(&mut self, _now: SimTime, seq: u64, event: &Event, _cluster: &Cluster) {
        self.at_work = AtWork::of(event);
        self.seq = seq;
    }

    fn see(&mut self, now: SimTime, change: &Change, cluster: &Cluster) {
        match change {
            Change::Created(id) => self.see_created(now, *id, cluster),
            Change::NodeLeaseChanged(node, is_up) => {
                self.see_node(now, *node, cluster, |name| Fact::NodeLease(name, *is_up));
            }
            Change::NodeReadyChanged(node, status) => {
                self.see_node(now, *node, cluster, |name| Fact::NodeReady(name, *status));
            }
            Change::PodBound(pod, node) => {
                if self.id == Some(ObjectId::Pod(*pod)) {
                    self.bound_by = Some(self.seq);
                }
                self.see_pod(now, *pod, Fact::Bound(cluster.name_of(ObjectId::Node(*node))));
            }
            Change::PodNominated(pod, Some(node)) => {
                self.see_pod(now, *pod, Fact::Nominated(cluster.name_of(ObjectId::Node(*node))));
            }
            Change::PodUnschedulable(pod, why) => {
                self.see_pod(now, *pod, Fact::Unschedulable(why.message.clone()));
            }
            Change::ContainerChanged(pod, container, state) => {
                self.see_container(now, *pod, *container, state, cluster);
            }
            Change::PodPhaseChanged(pod, _, phase) => self.see_phase(now, *pod, *phase, cluster),
            Change::PodDisrupted(pod, reason) => self.see_pod(now, *pod, Fact::Disrupted(reason.clone())),
            Change::PodDeletionRequested(pod, grace) => {
                self.see_pod(now, *pod, Fact::DeletionRequested(Some(*grace)));
            }
            Change::PodDeleted(pod, _) => {
                self.see_pod(now, *pod, Fact::Deleted);
                self.pods.remove(pod);
            }
            Change::SpecChanged(id, _) => {
                self.see_own(now, *id, Fact::SpecChanged);
                self.take_spec(cluster);
            }
            Change::StatusChanged(id) if self.id == Some(*id) => self.see_conditions(now, cluster),
            Change::DeletionRequested(id, _) => self.see_own(now, *id, Fact::DeletionRequested(None)),
            Change::Deleted(id, _) => self.see_own(now, *id, Fact::Deleted),
            Change::Recorded(ObjectId::Pod(pod), record) if is_kill(record.reason, &record.message) => {
                self.see_pod(now, *pod, Fact::Killed(record.message.clone().into()));
            }
            Change::Recorded(object, record)
                if self.id == Some(*object) && record.severity == Severity::Warning =>
            {
                self.see_warning(now, record.reason, &record.message);
            }
            Change::NodeChanged(..)
            | Change::NodeConditionChanged(..)
            | Change::NodeImageAdded(..)
            | Change::NodeDeleted(..)
            | Change::PodChanged(..)
            | Change::PodNominated(..)
            | Change::PodAccepted(_)
            | Change::PodIpSet(..)
            | Change::PodReadyChanged(..)
            | Change::ServingStarted(..)
            | Change::ServingEnded(..)
            | Change::PodFinalizerRemoved(_)
            | Change::MetaChanged(_)
            | Change::StatusChanged(_)
            | Change::Orphaned(_)
            | Change::Adopted(_)
            | Change::Recorded(..) => {}
        }
    }
}
