//! What becomes of a node when its machine stops and boots, or its kubelet does, or the API server is away.
//!
//! A machine that stops takes its processes with it, and nobody says so. A kubelet that stops leaves them running: they
//! exit, and their ports open and close, but nobody restarts, probes, ends or reports them until it is back. Then it has
//! an empty memory, as after any start.
//!
//! Without an API server a kubelet goes on with the pods that it knows: what it writes is what it will report. One that
//! starts knows none, and waits.

use crate::component::{Timers, Turn};
use crate::event::Command;
use crate::kubelet::Kubelet;
use crate::kubelet::node::MachineState;
use crate::kubelet::worker::Worker;
use crate::model::ids::{NodeId, PodId};
use crate::model::node::{ConditionStatus, NodeCondition, NodeReadyReason, Signs, Silence};

impl Kubelet {
    /// A node stops dead: its processes are gone, and nobody says so.
    pub(super) fn fail_node(&mut self, node: NodeId, turn: &mut Turn<'_>) {
        self.forget_shutdown(node, turn);
        let machine = self.shared.machines.ensure(node, turn.cluster(), &mut self.shared.catalogue);
        if machine.state == MachineState::Off {
            return;
        }
        machine.state = MachineState::Off;
        machine.images.cancel_all(turn);
        fall_silent(node, Silence::MachineOff, turn);
        for pod in self.shared.machines.pods(node).collect::<Vec<_>>() {
            self.with_worker(pod, turn, Worker::lose);
        }
        self.look_at_memory(node, turn);
    }

    /// A node is up again, and its kubelet looks at its pods.
    pub(super) fn recover_node(&mut self, node: NodeId, turn: &mut Turn<'_>) {
        let machine = self.shared.machines.ensure(node, turn.cluster(), &mut self.shared.catalogue);
        if machine.state == MachineState::Off {
            for pod in self.pods_in_order(node, turn) {
                self.with_worker(pod, turn, |worker, _, turn| worker.recover(turn));
            }
            self.begin_work(node, turn);
        }
    }

    /// The kubelet of a node stops. A node that is about to shut down waits for nobody then.
    pub(super) fn stop_kubelet(&mut self, node: NodeId, turn: &mut Turn<'_>) {
        if self.shared.machines.shutdowns.contains_key(&node) {
            return self.fail_node(node, turn);
        }
        let machine = self.shared.machines.ensure(node, turn.cluster(), &mut self.shared.catalogue);
        match machine.state {
            MachineState::Off | MachineState::Unattended => return,
            MachineState::Running | MachineState::Waiting => machine.state = MachineState::Unattended,
        }
        machine.images.cancel_all(turn);
        fall_silent(node, Silence::KubeletStopped, turn);
        for pod in self.pods_in_order(node, turn) {
            self.with_worker(pod, turn, |worker, _, turn| worker.forget(turn));
        }
        self.forget_shortage(node, turn);
        self.look_at_memory(node, turn);
    }

    /// The kubelet of a node starts.
    pub(super) fn start_kubelet(&mut self, node: NodeId, turn: &mut Turn<'_>) {
        let machine = self.shared.machines.ensure(node, turn.cluster(), &mut self.shared.catalogue);
        if machine.state == MachineState::Unattended {
            self.begin_work(node, turn);
        }
    }

    /// The API server is away: kubelets that start have to wait for it.
    pub fn lose_api_server(&mut self) {
        self.shared.machines.lacks_api_server = true;
    }

    /// The API server is back.
    pub fn find_api_server(&mut self, turn: &mut Turn<'_>) {
        self.shared.machines.lacks_api_server = false;
        for node in self.shared.machines.waiting() {
            self.begin_work(node, turn);
        }
    }

    /// A kubelet begins: it reports its node, and looks at its pods in the order of their creation.
    fn begin_work(&mut self, node: NodeId, turn: &mut Turn<'_>) {
        let lacks_api_server = self.shared.machines.lacks_api_server;
        let machine = self.shared.machines.ensure(node, turn.cluster(), &mut self.shared.catalogue);
        if lacks_api_server {
            machine.state = MachineState::Waiting;
            return;
        }
        machine.state = MachineState::Running;
        if turn.cluster().node(node).is_some() {
            turn.write(Command::SetSigns(node, Signs::from(turn.now())));
            for condition in NodeCondition::OF_KUBELET {
                turn.write(Command::SetNodeCondition(node, condition, ConditionStatus::False));
            }
            turn.write(Command::SetNodeReady(node, ConditionStatus::True, NodeReadyReason::KubeletReady));
        }
        for pod in self.pods_in_order(node, turn) {
            self.with_worker(pod, turn, |worker, _, turn| worker.request_sync(turn.now(), turn));
        }
        self.look_at_memory(node, turn);
    }

    /// The pods that the kubelet of a node has to do with, in the order of their creation.
    pub(super) fn pods_in_order(&self, node: NodeId, turn: &Turn<'_>) -> Vec<PodId> {
        let mut pods: Vec<PodId> = self.shared.machines.pods(node).collect();
        pods.sort_by_key(|id| (turn.cluster().pod(*id).map(|pod| pod.meta.uid.serial), *id));
        pods
    }
}

fn fall_silent(node: NodeId, why: Silence, turn: &mut Turn<'_>) {
    if let Some(signs) = turn.cluster().node(node).map(|node| node.signs) {
        turn.write(Command::SetSigns(node, signs.until(turn.now(), why)));
    }
}
