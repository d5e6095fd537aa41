//! The failures of nodes and of kubelets, and what became of the pods there: from the last sign of life to the readiness
//! of what replaced them.
//!
//! The replacement of a pod is the pod that its owner creates next after the deletion. Of at most [`LOST_MAX`] pods the
//! details are kept. A node whose machine stops after its kubelet fails anew: only then what runs on it is lost.

use std::collections::BTreeMap;

use crate::cluster::Cluster;
use crate::engine::SimTime;
use crate::event::Change;
use crate::model::ids::{NodeId, ObjectId, PodId};
use crate::model::meta::Name;
use crate::model::node::{ConditionStatus, Silence, TAINT_NOT_READY, TAINT_UNREACHABLE};
use crate::model::pod_status::{ContainerRef, ContainerState};
use crate::model::scheduling::{Taint, TaintEffect};

/// The number of lost pods that are kept in detail.
pub const LOST_MAX: usize = 10_000;

/// All failures of nodes in a run.
#[derive(Debug, Clone, Default)]
pub struct FailureLog {
    failures: Vec<NodeFailure>,
    /// The failures of nodes that are not back.
    open: BTreeMap<NodeId, usize>,
    /// The lost pods whose deletion is awaited.
    doomed: BTreeMap<PodId, (usize, usize)>,
    /// The lost pods without a replacement, by owner, in order of their deletion.
    unreplaced: BTreeMap<ObjectId, Vec<(usize, usize)>>,
    /// The lost pods by their replacement.
    replacements: BTreeMap<PodId, (usize, usize)>,
    n_lost: usize,
}

/// The failure of a node, or of its kubelet.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeFailure {
    /// The node.
    pub node: Name,
    /// What stopped.
    pub cause: Silence,
    /// Its last sign of life.
    pub last_sign: Option<SimTime>,
    /// When it failed.
    pub failed: SimTime,
    /// When it was said not to be Ready.
    pub not_ready: Option<SimTime>,
    /// When it got its NoExecute taint.
    pub tainted: Option<SimTime>,
    /// When it was back.
    pub back: Option<SimTime>,
    /// The pods that were on it, in order of creation.
    pub pods: Vec<LostPod>,
    /// How many there were beyond those kept.
    pub n_more_pods: usize,
}

/// A pod of such a node.
#[derive(Debug, Clone, PartialEq)]
pub struct LostPod {
    /// Its namespace.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
    /// Its owner.
    pub owner: Option<ObjectId>,
    /// When its deletion was asked for.
    pub deleted: Option<SimTime>,
    /// What replaced it.
    pub replacement: Option<Replacement>,
}

/// The pod that replaced another one.
#[derive(Debug, Clone, PartialEq)]
pub struct Replacement {
    /// Its name.
    pub name: Name,
    /// When it was created.
    pub created: SimTime,
    /// When it was bound.
    pub scheduled: Option<SimTime>,
    /// When the last of its images was there.
    pub pulled: Option<SimTime>,
    /// When the first of its app containers started.
    pub started: Option<SimTime>,
    /// When it was Ready first.
    pub ready: Option<SimTime>,
}

impl FailureLog {
    /// The failures, in order.
    pub fn failures(&self) -> &[NodeFailure] {
        &self.failures
    }

    /// Takes note of a change.
    pub fn see(&mut self, now: SimTime, change: &Change, cluster: &Cluster) {
        match change {
            Change::NodeLeaseChanged(node, false) => self.begin(now, *node, cluster),
            Change::NodeLeaseChanged(node, true) => {
                if let Some(at) = self.open.remove(node) {
                    self.failures[at].back = Some(now);
                }
            }
            Change::NodeReadyChanged(node, status) if *status != ConditionStatus::True => {
                if let Some(failure) = self.open.get(node).map(|at| &mut self.failures[*at]) {
                    failure.not_ready.get_or_insert(now);
                }
            }
            Change::NodeChanged(node, what) if what.has_other_taints => self.see_taints(now, *node, cluster),
            Change::Created(ObjectId::Pod(pod)) => self.see_created(now, *pod, cluster),
            Change::PodDeletionRequested(pod, _) | Change::PodDeleted(pod, _) => self.see_deleted(now, *pod),
            Change::PodBound(pod, _) => self.mark(*pod, |pod| &mut pod.scheduled, now),
            Change::ContainerChanged(pod, ContainerRef::App(_), ContainerState::Running { .. }) => {
                self.mark(*pod, |pod| &mut pod.started, now);
            }
            Change::PodReadyChanged(pod, true) => self.mark(*pod, |pod| &mut pod.ready, now),
            Change::Recorded(ObjectId::Pod(pod), record) if record.reason == "Pulled" => {
                if let Some(replacement) = self.replacement(*pod).filter(|pod| pod.ready.is_none()) {
                    replacement.pulled = Some(now);
                }
            }
            _ => {}
        }
    }

    fn begin(&mut self, now: SimTime, id: NodeId, cluster: &Cluster) {
        let Some(node) = cluster.node(id) else { return };
        let cause = if node.signs.is_machine_off() { Silence::MachineOff } else { Silence::KubeletStopped };
        let earlier = self.open.get(&id).map(|at| &self.failures[*at]);
        if earlier.is_some_and(|failure| failure.cause == cause) {
            return;
        }
        let position = self.failures.len();
        let mut failure = NodeFailure {
            node: node.meta.name.clone(),
            cause,
            last_sign: node.signs.last(now),
            failed: now,
            not_ready: earlier.and_then(|failure| failure.not_ready),
            tainted: earlier.and_then(|failure| failure.tainted),
            back: None,
            pods: Vec::new(),
            n_more_pods: 0,
        };
        for id in cluster.pods_on(id) {
            let pod = &cluster.pods()[id];
            if pod.status.phase.is_terminal() {
                continue;
            }
            if self.n_lost == LOST_MAX {
                failure.n_more_pods += 1;
                continue;
            }
            self.n_lost += 1;
            self.doomed.insert(id, (position, failure.pods.len()));
            failure.pods.push(LostPod {
                namespace: pod.meta.namespace.clone(),
                name: pod.meta.name.clone(),
                owner: pod.meta.owner.as_ref().map(|owner| owner.object),
                deleted: pod.meta.deletion.map(|deletion| deletion.requested),
                replacement: None,
            });
        }
        self.failures.push(failure);
        self.open.insert(id, position);
    }

    fn see_taints(&mut self, now: SimTime, id: NodeId, cluster: &Cluster) {
        let is_evicting = |taint: &Taint| {
            taint.effect == TaintEffect::NoExecute
                && [TAINT_NOT_READY, TAINT_UNREACHABLE].contains(&&*taint.key)
        };
        let is_tainted = cluster.node(id).is_some_and(|node| node.spec.taints.iter().any(is_evicting));
        if let Some(failure) = self.open.get(&id).filter(|_| is_tainted).map(|at| &mut self.failures[*at]) {
            failure.tainted.get_or_insert(now);
        }
    }

    /// A lost pod is given up; its owner may replace it.
    fn see_deleted(&mut self, now: SimTime, id: PodId) {
        self.replacements.remove(&id);
        let Some((failure, at)) = self.doomed.remove(&id) else { return };
        let lost = &mut self.failures[failure].pods[at];
        lost.deleted.get_or_insert(now);
        if let Some(owner) = lost.owner {
            self.unreplaced.entry(owner).or_default().push((failure, at));
        }
    }

    fn see_created(&mut self, now: SimTime, id: PodId, cluster: &Cluster) {
        let meta = &cluster.pods()[id].meta;
        let Some(owner) = meta.owner.as_ref().map(|owner| owner.object) else { return };
        let Some(lost) = self.unreplaced.get_mut(&owner) else { return };
        let (failure, at) = lost.remove(0);
        if lost.is_empty() {
            self.unreplaced.remove(&owner);
        }
        self.failures[failure].pods[at].replacement = Some(Replacement {
            name: meta.name.clone(),
            created: now,
            scheduled: None,
            pulled: None,
            started: None,
            ready: None,
        });
        self.replacements.insert(id, (failure, at));
    }

    fn replacement(&mut self, pod: PodId) -> Option<&mut Replacement> {
        let (failure, at) = self.replacements.get(&pod)?;
        self.failures[*failure].pods[*at].replacement.as_mut()
    }

    /// Notes an instant of a replacement, the first of its kind.
    fn mark(
        &mut self,
        pod: PodId,
        field: impl FnOnce(&mut Replacement) -> &mut Option<SimTime>,
        now: SimTime,
    ) {
        if let Some(replacement) = self.replacement(pod) {
            field(replacement).get_or_insert(now);
        }
    }
}
