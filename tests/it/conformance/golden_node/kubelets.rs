//! The kubelets of the golden files: they give signs of life, report Ready, and end pods that are being deleted.

use std::collections::BTreeMap;

use cluster_sim::component::{Timers, Turn};
use cluster_sim::engine::{SimDuration, SimTime};
use cluster_sim::event::Command;
use cluster_sim::model::ids::{NodeId, PodId};
use cluster_sim::model::node::{ConditionStatus, Heartbeat, NodeCondition, NodeReadyReason, Signs, Silence};

use super::scenario::{Beat, NodeDef, ORIGIN};

/// Something that a kubelet does later.
#[derive(Debug, Clone, Copy)]
pub enum Later {
    /// Reports its status, if it has not died since the start of this count.
    Report(NodeId, u32),
    /// Reports its status for the first time after a return.
    ReportReturn(NodeId, u32),
    /// Ends a pod that is being deleted.
    End(NodeId, u32, PodId),
}

/// All kubelets.
#[derive(Default)]
pub struct Kubelets {
    by_node: BTreeMap<NodeId, Kubelet>,
    /// How long pods take to end.
    terminations: BTreeMap<PodId, SimDuration>,
    /// What is to be done, and when.
    pub later: Vec<(SimTime, Later)>,
}

struct Kubelet {
    is_alive: bool,
    /// It has reported its status since it was started.
    has_reported: bool,
    /// Its pods are as Ready as they can be, for all it knows.
    has_reported_pods: bool,
    is_ready: bool,
    /// Counts the deaths and returns.
    life: u32,
    lease: Beat,
    status: Beat,
}

/// A sign that comes once.
const ONCE: SimDuration = SimDuration::from_secs(1_000_000);

impl Kubelets {
    /// A kubelet that has been there for long, or starts now.
    pub fn add(&mut self, id: NodeId, node: &NodeDef, is_ready: bool, turn: &mut Turn<'_>) {
        let now = turn.now();
        let kubelet = Kubelet {
            is_alive: node.has_kubelet,
            has_reported: true,
            has_reported_pods: is_ready,
            is_ready: is_ready || !node.has_conditions,
            life: 0,
            lease: node.lease,
            status: node.status,
        };
        // One beat lies before the origin, so that a node that is there has been heard of. A new one begins at once.
        let before =
            |beat: Beat| SimTime::from_nanos((ORIGIN + beat.offset).as_nanos() - beat.period.as_nanos());
        let is_new = now > ORIGIN;
        let first = |beat: Beat| if is_new { now } else { before(beat) };
        let dead = (!node.has_kubelet).then_some(SimTime::ZERO);
        let lease = Heartbeat { first: first(node.lease), period: node.lease.period, stopped: dead };
        let report = if is_new || !node.has_conditions { now } else { before(node.status) };
        let status = Heartbeat { first: report, period: ONCE, stopped: dead };
        let status =
            if node.has_conditions { status } else { Heartbeat { stopped: Some(SimTime::ZERO), ..status } };
        turn.write(Command::SetSigns(id, Signs { lease, status, silence: None }));
        if kubelet.is_alive {
            self.later.push((first(node.status) + node.status.period, Later::Report(id, 0)));
        }
        self.by_node.insert(id, kubelet);
    }

    /// Says how long a pod takes to end.
    pub fn add_pod(&mut self, pod: PodId, termination: SimDuration) {
        self.terminations.insert(pod, termination);
    }

    /// A kubelet dies with its machine.
    pub fn crash(&mut self, id: NodeId, turn: &mut Turn<'_>) {
        let Some(kubelet) = self.by_node.get_mut(&id) else { return };
        (kubelet.is_alive, kubelet.life) = (false, kubelet.life + 1);
        if let Some(signs) = turn.cluster().node(id).map(|node| node.signs) {
            turn.write(Command::SetSigns(id, signs.until(turn.now(), Silence::MachineOff)));
        }
    }

    /// A kubelet is back: it renews its lease at once, ends the pods that are being deleted, and reports after a while.
    pub fn recover(&mut self, id: NodeId, delay: SimDuration, turn: &mut Turn<'_>) {
        let now = turn.now();
        let Some(kubelet) = self.by_node.get_mut(&id) else { return };
        if kubelet.is_alive {
            return;
        }
        kubelet.is_alive = true;
        (kubelet.has_reported, kubelet.has_reported_pods) = (false, false);
        kubelet.life += 1;
        let life = kubelet.life;
        let Some(signs) = turn.cluster().node(id).map(|node| node.signs) else { return };
        let lease = Heartbeat { first: now, period: kubelet.lease.period, stopped: None };
        turn.write(Command::SetSigns(id, Signs { lease, ..signs }));
        for pod in turn.cluster().pods_on(id) {
            if turn.cluster().pods()[pod].meta.is_terminating() {
                let grace = turn.cluster().pods()[pod].spec.termination_grace;
                let after = self.terminations[&pod].min(grace);
                self.later.push((now + after, Later::End(id, life, pod)));
            }
        }
        if delay.is_zero() {
            self.report_return(id, turn);
        } else {
            self.later.push((now + delay, Later::ReportReturn(id, life)));
        }
    }

    /// A kubelet says at once whether it is ready.
    pub fn post(&mut self, id: NodeId, is_ready: bool, turn: &mut Turn<'_>) {
        if let Some(kubelet) = self.by_node.get_mut(&id) {
            kubelet.is_ready = is_ready;
            if kubelet.is_alive {
                self.report(id, turn);
            }
        }
    }

    /// A kubelet fails to renew its lease, or does so again.
    pub fn set_lease(&mut self, id: NodeId, is_renewed: bool, turn: &mut Turn<'_>) {
        let Some(signs) = turn.cluster().node(id).map(|node| node.signs) else { return };
        let now = turn.now();
        let lease = match is_renewed {
            true => Heartbeat { first: now, stopped: None, ..signs.lease },
            false => Heartbeat { stopped: Some(now), ..signs.lease },
        };
        turn.write(Command::SetSigns(id, Signs { lease, ..signs }));
    }

    /// The node object is gone, and the kubelet with it.
    pub fn remove(&mut self, id: NodeId) {
        self.by_node.remove(&id);
    }

    /// Deletion of a pod was asked for.
    pub fn note_deletion(&mut self, pod: PodId, node: NodeId, grace: SimDuration, now: SimTime) {
        let Some(kubelet) = self.by_node.get(&node).filter(|kubelet| kubelet.is_alive) else { return };
        let after = self.terminations[&pod].min(grace);
        self.later.push((now + after, Later::End(node, kubelet.life, pod)));
    }

    /// Whether the kubelet of a node answers.
    pub fn is_alive(&self, node: Option<NodeId>) -> bool {
        node.and_then(|node| self.by_node.get(&node)).is_none_or(|kubelet| kubelet.is_alive)
    }

    /// Does what was put off.
    pub fn act(&mut self, act: Later, turn: &mut Turn<'_>) {
        let (Later::Report(node, life) | Later::ReportReturn(node, life) | Later::End(node, life, _)) = act;
        let is_meant = |kubelet: &&Kubelet| kubelet.life == life && kubelet.is_alive;
        match act {
            Later::Report(..) => {
                let Some(kubelet) = self.by_node.get(&node) else { return };
                let (next, reports) =
                    (turn.now() + kubelet.status.period, kubelet.is_alive && kubelet.has_reported);
                self.later.push((next, Later::Report(node, life)));
                if reports {
                    self.report(node, turn);
                }
            }
            Later::ReportReturn(..) if self.by_node.get(&node).filter(is_meant).is_some() => {
                self.report_return(node, turn)
            }
            Later::End(_, _, pod) if self.by_node.get(&node).filter(is_meant).is_some() => end(pod, turn),
            Later::ReportReturn(..) | Later::End(..) => {}
        }
    }

    /// Reports the status of a node for the first time after a return: Ready, unless the API server knows better.
    fn report_return(&mut self, id: NodeId, turn: &mut Turn<'_>) {
        let status = turn.cluster().node(id).map(|node| node.ready.status);
        if let Some(kubelet) = self.by_node.get_mut(&id).filter(|_| status == Some(ConditionStatus::Unknown))
        {
            kubelet.is_ready = true;
        }
        self.report(id, turn);
    }

    /// Reports the status of a node; where that is the first report of a life, that of its pods too.
    fn report(&mut self, id: NodeId, turn: &mut Turn<'_>) {
        let Some(signs) = turn.cluster().node(id).map(|node| node.signs) else { return };
        let kubelet = self.by_node.get_mut(&id).expect("a kubelet that reports is there");
        let status = Heartbeat { first: turn.now(), period: ONCE, stopped: None };
        turn.write(Command::SetSigns(id, Signs { status, ..signs }));
        let ready = if kubelet.is_ready {
            (ConditionStatus::True, NodeReadyReason::KubeletReady)
        } else {
            (ConditionStatus::False, NodeReadyReason::KubeletNotReady)
        };
        for condition in NodeCondition::OF_KUBELET {
            turn.write(Command::SetNodeCondition(id, condition, ConditionStatus::False));
        }
        turn.write(Command::SetNodeReady(id, ready.0, ready.1));
        kubelet.has_reported = true;
        if kubelet.is_ready && !std::mem::replace(&mut kubelet.has_reported_pods, true) {
            report_pods(id, turn);
        }
    }
}

fn report_pods(id: NodeId, turn: &mut Turn<'_>) {
    for pod in turn.cluster().pods_on(id) {
        if !turn.cluster().pods()[pod].meta.is_terminating() {
            turn.write(Command::ReportPod(pod));
        }
    }
}

fn end(pod: PodId, turn: &mut Turn<'_>) {
    if turn.cluster().pod(pod).is_some() {
        turn.write(Command::AbandonPod(pod));
        turn.write(Command::ReleasePod(pod));
    }
}
