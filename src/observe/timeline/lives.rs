//! The lives of pods: which state lasted from when to when, and which containers failed.
//!
//! Of at most [`PODS_MAX`] pods the lives are kept, with at most [`SPANS_MAX`] states all in all.

use std::collections::BTreeMap;

use crate::cluster::Cluster;
use crate::engine::SimTime;
use crate::event::Change;
use crate::model::ids::{ObjectId, PodId};
use crate::model::meta::Name;
use crate::model::pod::Pod;
use crate::model::pod_status::{ContainerState, ContainerStatus, Phase, TerminationReason, WaitingReason};

/// The number of pods whose lives are kept.
pub const PODS_MAX: usize = 20_000;
/// The number of states that are kept of all pods together.
pub const SPANS_MAX: usize = 400_000;

/// The lives of all pods of a run.
#[derive(Debug, Clone, Default)]
pub struct Lives {
    /// In order of creation.
    pub pods: Vec<PodLife>,
    /// Pods beyond those kept.
    pub n_more: usize,
    living: BTreeMap<PodId, usize>,
    n_spans: usize,
}

/// The life of a pod.
#[derive(Debug, Clone, PartialEq)]
pub struct PodLife {
    /// Its namespace.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
    /// Its topmost owner, as `deployments/web`; the pod itself where it has none.
    pub workload: String,
    /// Its node, once it has one.
    pub node: Option<Name>,
    /// Its states, each from an instant to the next.
    pub states: Vec<(SimTime, PodState)>,
    /// The containers that failed.
    pub failures: Vec<ContainerFailure>,
    /// When it was deleted.
    pub gone: Option<SimTime>,
    /// Why it failed as a whole.
    pub reason: Option<String>,
    /// Whether states were left out.
    pub is_cut: bool,
}

/// A container's process that ended with another exit code than 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContainerFailure {
    /// When.
    pub at: SimTime,
    /// The exit code.
    pub exit_code: i32,
    /// Why.
    pub reason: TerminationReason,
}

/// What a pod is doing, as far as one can see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PodState {
    /// It has no node.
    Pending,
    /// It has a node; images, init containers or first starts are under way.
    Starting,
    /// It is Ready.
    Running,
    /// It runs and is not Ready.
    NotReady,
    /// A container waits for its next start or pull.
    BackOff,
    /// Its deletion was asked for.
    Terminating,
    /// Its node is down, and no one has noticed or acted on it.
    Lost,
    /// It has succeeded.
    Succeeded,
    /// It has failed.
    Failed,
}

impl PodState {
    /// All states, in the order in which a pod may have them.
    pub const ALL: [Self; 9] = [
        Self::Pending,
        Self::Starting,
        Self::Running,
        Self::NotReady,
        Self::BackOff,
        Self::Terminating,
        Self::Lost,
        Self::Succeeded,
        Self::Failed,
    ];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::NotReady => "not ready",
            Self::BackOff => "back-off",
            Self::Terminating => "terminating",
            Self::Lost => "node down",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }

    /// Succeeded or failed.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }
}

impl PodLife {
    /// When the pod was created.
    pub fn created(&self) -> SimTime {
        self.states.first().map_or(SimTime::ZERO, |(at, _)| *at)
    }

    /// Its states with their ends; the last one lasts to its deletion or to `end`.
    pub fn spans(&self, end: SimTime) -> impl Iterator<Item = (SimTime, SimTime, PodState)> {
        let last = self.gone.unwrap_or(end);
        let ends = self.states.iter().skip(1).map(|(at, _)| *at).chain([last]);
        self.states.iter().zip(ends).map(|((from, state), until)| (*from, until.max(*from), *state))
    }

    /// When the pod was over or gone, if it was.
    pub fn over(&self) -> Option<SimTime> {
        self.states.iter().find(|(_, state)| state.is_over()).map(|(at, _)| *at).or(self.gone)
    }
}

impl Lives {
    /// Takes note of a change that may change the state of pods.
    pub fn see(&mut self, now: SimTime, change: &Change, cluster: &Cluster) {
        match change {
            Change::Created(ObjectId::Pod(pod)) => self.begin(now, *pod, cluster),
            Change::PodBound(pod, node) => {
                if let Some(life) = self.living.get(pod).map(|at| &mut self.pods[*at]) {
                    life.node = Some(cluster.name_of(ObjectId::Node(*node)));
                }
                self.update(now, *pod, cluster);
            }
            Change::ContainerChanged(pod, _, state) => {
                if let ContainerState::Terminated(end) = state
                    && end.exit_code != 0
                    // What ends because its pod has to go has not failed.
                    && cluster.pod(*pod).is_some_and(|pod| !pod.meta.is_terminating())
                    && let Some(life) = self.living.get(pod).map(|at| &mut self.pods[*at])
                    && life.failures.len() < SPANS_MAX / PODS_MAX * 50
                {
                    let failure = ContainerFailure { at: now, exit_code: end.exit_code, reason: end.reason };
                    life.failures.push(failure);
                }
                self.update(now, *pod, cluster);
            }
            Change::PodAccepted(pod)
            | Change::PodPhaseChanged(pod, ..)
            | Change::PodReadyChanged(pod, _)
            | Change::PodDeletionRequested(pod, _) => self.update(now, *pod, cluster),
            Change::PodDeleted(pod, _) => {
                if let Some(at) = self.living.remove(pod) {
                    self.pods[at].gone = Some(now);
                }
            }
            Change::NodeLeaseChanged(node, _) => {
                for pod in cluster.pods_on(*node) {
                    self.update(now, pod, cluster);
                }
            }
            _ => {}
        }
    }

    fn begin(&mut self, now: SimTime, id: PodId, cluster: &Cluster) {
        let Some(pod) = cluster.pod(id) else { return };
        if self.pods.len() == PODS_MAX {
            self.n_more += 1;
            return;
        }
        self.living.insert(id, self.pods.len());
        self.pods.push(PodLife {
            namespace: pod.meta.namespace.clone(),
            name: pod.meta.name.clone(),
            workload: workload(id, cluster),
            node: pod.node.map(|node| cluster.name_of(ObjectId::Node(node))),
            states: vec![(now, state(pod, cluster))],
            failures: Vec::new(),
            gone: None,
            reason: None,
            is_cut: false,
        });
    }

    fn update(&mut self, now: SimTime, id: PodId, cluster: &Cluster) {
        let Some(life) = self.living.get(&id).map(|at| &mut self.pods[*at]) else { return };
        let Some(pod) = cluster.pod(id) else { return };
        let next = state(pod, cluster);
        if next == PodState::Failed {
            life.reason = pod.status.reason.as_ref().map(ToString::to_string);
        }
        if life.states.last().is_some_and(|(at, _)| *at == now) && life.states.len() > 1 {
            life.states.pop();
            self.n_spans -= 1;
        }
        match life.states.last_mut() {
            Some((_, last)) if *last == next => {}
            Some((at, last)) if *at == now => *last = next,
            _ if self.n_spans == SPANS_MAX => life.is_cut = true,
            _ => {
                self.n_spans += 1;
                life.states.push((now, next));
            }
        }
    }
}

/// The topmost owner of a pod that is there, as `deployments/web`.
fn workload(pod: PodId, cluster: &Cluster) -> String {
    let top = cluster.workload_of(pod);
    format!("{}/{}", top.kind().resource(), cluster.name_of(top))
}

fn state(pod: &Pod, cluster: &Cluster) -> PodState {
    let is_down = || {
        let node = pod.node.and_then(|node| cluster.node(node));
        node.is_some_and(|node| node.signs.is_machine_off())
    };
    match pod.status.phase {
        Phase::Succeeded => PodState::Succeeded,
        Phase::Failed => PodState::Failed,
        Phase::Pending | Phase::Running if pod.meta.is_terminating() => PodState::Terminating,
        Phase::Pending | Phase::Running if pod.node.is_none() => PodState::Pending,
        Phase::Pending | Phase::Running if is_down() => PodState::Lost,
        Phase::Pending | Phase::Running if waits_for_another_try(pod) => PodState::BackOff,
        Phase::Pending => PodState::Starting,
        Phase::Running if pod.status.conditions.is_ready() => PodState::Running,
        Phase::Running => PodState::NotReady,
    }
}

fn waits_for_another_try(pod: &Pod) -> bool {
    let waits = |container: &ContainerStatus| match container.state {
        ContainerState::Waiting(reason) => match reason {
            WaitingReason::CrashLoopBackOff
            | WaitingReason::ErrImagePull
            | WaitingReason::ImagePullBackOff
            | WaitingReason::ErrImageNeverPull => true,
            WaitingReason::ContainerCreating | WaitingReason::PodInitializing => false,
        },
        ContainerState::Running { .. } | ContainerState::Terminated(_) => false,
    };
    pod.status.init_containers.iter().chain(&pod.status.containers).any(waits)
}
