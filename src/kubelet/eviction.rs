//! What the kernel and the kubelet do when the memory of a node runs short. The rules are in [`pressure`].

use std::fmt::Write as _;

use crate::component::{Timers, Turn};
use crate::engine::SimTime;
use crate::event::{Command, Event};
use crate::kubelet::Kubelet;
use crate::kubelet::node::MachineState;
use crate::kubelet::pressure::{self, Candidate, THRESHOLD, User};
use crate::model::ids::{NodeId, ObjectId, PodId};
use crate::model::node::{ConditionStatus, NodeCondition};
use crate::model::pod::Pod;
use crate::model::record::Severity;
use crate::model::resources::Bytes;

/// The memory of a node at an instant.
struct Memory {
    node: NodeId,
    capacity: Bytes,
    users: Vec<User>,
}

impl Memory {
    fn available(&self, now: SimTime) -> Bytes {
        Bytes(self.capacity.0 - pressure::used_by(&self.users, now).0)
    }

    fn is_short(&self, now: SimTime) -> bool {
        self.available(now) < THRESHOLD
    }

    /// The first instant from now on at which memory is short.
    fn short_from(&self, now: SimTime) -> Option<SimTime> {
        pressure::first_above(&self.users, Bytes(self.capacity.0 - THRESHOLD.0), now)
    }
}

impl Kubelet {
    /// Looks after the nodes on which processes that use memory have begun or ended.
    pub(super) fn look_at_stirred_memory(&mut self, turn: &mut Turn<'_>) {
        for node in self.shared.machines.take_stirred() {
            self.look_at_memory(node, turn);
        }
    }

    /// Does what is due about the memory of a node, and sets the timer for the next instant that matters.
    pub(super) fn look_at_memory(&mut self, node: NodeId, turn: &mut Turn<'_>) {
        let Some(mut memory) = self.memory_of(node, turn) else { return self.forget_shortage(node, turn) };
        let now = turn.now();
        while memory.available(now).0 < 0 && self.kill_for_memory(&memory, turn) {
            memory.users = self.users_of(node);
        }
        if !self.shared.machines.has_kubelet(node) {
            return self.set_memory_timer(&memory, turn);
        }
        let is_short = memory.is_short(now);
        let is_evicted = self.end_eviction(node);
        let pressure = &mut self.shared.machines.of(node).pressure;
        if pressure.was_short && !is_short {
            pressure.observed = pressure.observed.map(|at| at.max(pressure::look_before(now)));
        }
        pressure.was_short = is_short;
        let is_free = pressure.evicting.is_none();
        if is_short && is_free && (is_evicted || pressure::is_look(now)) {
            pressure.observed = Some(now);
            set_condition(node, ConditionStatus::True, turn);
            self.evict_from(&memory, turn);
        }
        let pressure = &mut self.shared.machines.of(node).pressure;
        let is_over = |observed: SimTime| !is_short && pressure::end_of_condition(observed) <= now;
        if pressure.observed.is_some_and(is_over) {
            pressure.observed = None;
            set_condition(node, ConditionStatus::False, turn);
        }
        self.set_memory_timer(&memory, turn);
    }

    fn set_memory_timer(&mut self, memory: &Memory, turn: &mut Turn<'_>) {
        let now = turn.now();
        let has_kubelet = self.shared.machines.has_kubelet(memory.node);
        let has_candidate = pressure::first_to_evict(&self.candidates(memory, turn)).is_some();
        let pressure = &mut self.shared.machines.of(memory.node).pressure;
        let exhausted = pressure::first_above(&memory.users, memory.capacity, now).filter(|at| *at > now);
        let look = if !has_kubelet {
            None
        } else if !memory.is_short(now) {
            memory.short_from(now).map(pressure::look_from)
        } else if pressure.evicting.is_none() && (has_candidate || pressure.observed.is_none()) {
            Some(pressure::look_from(now + crate::engine::SimDuration::from_nanos(1)))
        } else {
            None
        };
        let end = pressure.observed.filter(|_| !memory.is_short(now)).map(pressure::end_of_condition);
        if let Some(timer) = pressure.timer.take() {
            turn.cancel(timer);
        }
        let due = [exhausted, look, end].into_iter().flatten().min();
        pressure.timer = due.map(|at| turn.set_timer(at, Event::MemoryDue(memory.node)));
    }

    /// The memory of a node that runs; `None` where nothing is known of it.
    fn memory_of(&self, node: NodeId, turn: &Turn<'_>) -> Option<Memory> {
        let capacity = turn.cluster().node(node)?.spec.capacity.memory;
        let is_known = self.shared.machines.state(node) != MachineState::Off && capacity.0 > 0;
        is_known.then(|| Memory { node, capacity, users: self.users_of(node) })
    }

    fn users_of(&self, node: NodeId) -> Vec<User> {
        let pods = self.shared.machines.pods(node);
        let workers = pods.filter_map(|pod| self.workers.get(&pod));
        workers.flat_map(|worker| worker.memory_users(&self.shared.catalogue)).collect()
    }

    pub(super) fn forget_shortage(&mut self, node: NodeId, turn: &mut Turn<'_>) {
        if let Some(timer) = self.shared.machines.forget_pressure(node) {
            turn.cancel(timer);
        }
    }

    /// The kernel kills the process with the most points. Whether there was one.
    fn kill_for_memory(&mut self, memory: &Memory, turn: &mut Turn<'_>) -> bool {
        let now = turn.now();
        let points = |user: &&User| {
            let pod = turn.cluster().pod(user.pod)?;
            let container = pod.spec.all_containers().nth(user.at)?;
            let requested = container.requests.amounts.memory;
            let (qos, priority) = (pod.spec.derived.qos, pod.spec.priority);
            let adj = pressure::oom_score_adj(qos, priority, requested, memory.capacity);
            Some((pressure::badness(user.used(now), adj, memory.capacity), pod.meta.uid.serial))
        };
        let Some(victim) = memory.users.iter().max_by_key(points).copied() else { return false };
        let name = turn.cluster().pod(victim.pod).and_then(|pod| pod.spec.all_containers().nth(victim.at));
        let message =
            name.map(|container| format!("System OOM encountered, victim process: {}", container.name));
        if let Some(message) = message {
            turn.record(ObjectId::Node(memory.node), Severity::Warning, "SystemOOM", message, "kubelet");
        }
        self.with_worker(victim.pod, turn, |worker, shared, turn| worker.oom_kill(victim.at, shared, turn));
        true
    }

    /// Whether the pod that was being evicted is gone.
    fn end_eviction(&mut self, node: NodeId) -> bool {
        let pressure = &mut self.shared.machines.of(node).pressure;
        let Some(pod) = pressure.evicting else { return false };
        let is_gone = self.workers.get(&pod).is_none_or(|worker| !worker.has_process());
        if is_gone {
            pressure.evicting = None;
        }
        is_gone
    }

    fn evict_from(&mut self, memory: &Memory, turn: &mut Turn<'_>) {
        let node = ObjectId::Node(memory.node);
        let text = "Attempting to reclaim memory";
        turn.record(node, Severity::Warning, "EvictionThresholdMet", text, "kubelet");
        let Some(id) = pressure::first_to_evict(&self.candidates(memory, turn)) else { return };
        let Some(pod) = turn.cluster().pod(id) else { return };
        let message = eviction_message(id, pod, memory, turn.now());
        self.shared.machines.of(memory.node).pressure.evicting = Some(id);
        self.with_worker(id, turn, |worker, shared, turn| worker.evict(message.into(), shared, turn));
    }

    /// The pods that use memory and are not ending anyway.
    fn candidates(&self, memory: &Memory, turn: &Turn<'_>) -> Vec<Candidate> {
        let now = turn.now();
        let mut candidates: Vec<Candidate> = Vec::new();
        for user in &memory.users {
            let used = user.used(now);
            if let Some(last) = candidates.last_mut().filter(|last| last.pod == user.pod) {
                last.used.0 += used.0;
                continue;
            }
            let is_to_run = self.workers.get(&user.pod).is_some_and(|worker| worker.is_active());
            let Some(pod) = turn.cluster().pod(user.pod).filter(|_| is_to_run) else { continue };
            let requested = pod.spec.derived.requests.memory;
            let (priority, serial) = (pod.spec.priority, pod.meta.uid.serial);
            candidates.push(Candidate { pod: user.pod, priority, used, requested, serial });
        }
        candidates
    }
}

/// Source: Kubernetes 1.28, pkg/kubelet/eviction/helpers.go, evictionMessage.
fn eviction_message(id: PodId, pod: &Pod, memory: &Memory, now: SimTime) -> String {
    let available = memory.available(now);
    let mut message = format!(
        "The node was low on resource: memory. Threshold quantity: {THRESHOLD}, available: {}. ",
        in_kib(available)
    );
    for user in memory.users.iter().filter(|user| user.pod == id) {
        let Some(container) = pod.spec.all_containers().nth(user.at) else { continue };
        let (used, requested) = (user.used(now), container.requests.amounts.memory);
        if used > requested {
            let (name, used) = (&container.name, in_kib(used));
            write!(
                message,
                "Container {name} was using {used}, request is {requested}, has larger consumption of memory. "
            )
            .expect("a text can be written");
        }
    }
    message
}

/// Memory comes in pages; amounts are shown in Ki, as the kubelet does.
fn in_kib(amount: Bytes) -> String {
    format!("{}Ki", amount.0 / 1024)
}

fn set_condition(node: NodeId, status: ConditionStatus, turn: &mut Turn<'_>) {
    let condition = NodeCondition::MemoryPressure;
    if turn.cluster().node(node).is_none_or(|node| node.condition(condition) == status) {
        return;
    }
    turn.write(Command::SetNodeCondition(node, condition, status));
    let event =
        if status == ConditionStatus::True { "NodeHasInsufficientMemory" } else { "NodeHasSufficientMemory" };
    let name = turn.cluster().name_of(ObjectId::Node(node));
    let text = format!("Node {name} status is now: {event}");
    turn.record(ObjectId::Node(node), Severity::Normal, event, text, "kubelet");
}
