//! The kubelets of all nodes, and the machines under them.
//!
//! One component stands for every node's kubelet. Each pod that was bound has a [`worker`]; what runs in its
//! containers is in [`process`], [`ports`], [`volumes`] and [`memory`]; what a node has besides, in [`node`],
//! [`images`] and [`addresses`]. A worker lives as long as its pod has to do with the node, and after that only
//! as long as its logs are wanted: until the pod object is gone.
//!
//! All status goes through the cluster; processes never write any. A kubelet sees what its processes did by
//! looking, in [`Event::PodSync`]. Every effect from outside comes as an event of its own:
//! [`Event::NodeFailed`], [`Event::NodeRecovered`], [`Event::ProcessKilled`], and those of [`outages`] and [`shutdown`].
//!
//! Not modelled: eviction for want of disk space or process ids, image garbage collection, and the kubelet's rate
//! limits towards the API server.

mod addresses;
mod admission;
mod backoff;
mod catalogue;
mod eviction;
mod images;
mod invariants;
mod logs;
mod memory;
mod node;
mod outages;
mod ports;
mod pressure;
mod prober;
mod process;
mod records;
mod restart;
mod shutdown;
#[cfg(test)]
mod testbed;
#[cfg(test)]
mod tests;
mod volumes;
mod worker;

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;

pub use backoff::{Backoff, BackoffPolicy};
pub use invariants::KubeletError;
pub use logs::{ContainerLog, LogLine, MAX_LINES, PodLogs, RunLog};
pub use restart::{History, should_restart};

use crate::component::{Component, Timers, Turn, Watch};
use crate::engine::SimDuration;
use crate::event::{Change, Event, ProcessRef};
use crate::kubelet::catalogue::Catalogue;
use crate::kubelet::node::{MachineState, Machines};
use crate::kubelet::ports::Network;
use crate::kubelet::worker::{Shared, Worker};
use crate::model::ids::{NodeId, PodId};
use crate::model::meta::Name;
use crate::model::pod::Pod;
use crate::model::program::Program;
use crate::model::scenario::KubeletSettings;

/// How long an image runs that the scenario does not describe.
pub const DEFAULT_SPAN: SimDuration = SimDuration::from_secs(10);

/// The kubelets of all nodes.
#[derive(Debug, Clone)]
pub struct Kubelet {
    settings: KubeletSettings,
    shared: Shared,
    workers: FxHashMap<PodId, Box<Worker>>,
}

impl Kubelet {
    /// The kubelets of a cluster whose images run `programs`, by image name. A container of another image runs
    /// for [`DEFAULT_SPAN`] and exits with 0, or for ever where it would be started again.
    pub fn new(programs: Arc<BTreeMap<Name, Program>>) -> Self {
        let shared = Shared {
            catalogue: Catalogue::new(&programs, DEFAULT_SPAN),
            machines: Machines::default(),
            network: Network::default(),
            backoff: BackoffPolicy::KUBELET,
        };
        Self { settings: KubeletSettings::default(), shared, workers: FxHashMap::default() }
    }

    /// The same kubelets with these settings.
    pub fn with_settings(mut self, settings: KubeletSettings) -> Self {
        self.settings = settings;
        self
    }

    /// The same kubelets with other waits before restarts and pulls.
    pub fn with_backoff(mut self, policy: BackoffPolicy) -> Self {
        self.shared.backoff = policy;
        self
    }

    /// What the containers of a pod wrote; `None` where they wrote nothing or the pod object is gone.
    pub fn logs(&self, pod: PodId) -> Option<&PodLogs> {
        self.workers.get(&pod).map(|worker| worker.logs()).filter(|logs| !logs.is_empty())
    }

    /// The ports that are open in the network namespace of a pod, and the processes that listen there.
    pub fn listeners(&self, id: PodId, pod: &Pod) -> Vec<(u16, ProcessRef)> {
        let Some(node) = pod.node else { return Vec::new() };
        self.shared.network.listeners(process::namespace_of(id, &pod.spec, node))
    }

    fn add_worker(&mut self, id: PodId, node: NodeId, watch: &mut Watch<'_>) {
        let cluster = watch.cluster();
        let Some(pod) = cluster.pod(id).filter(|_| !self.workers.contains_key(&id)) else { return };
        let machine = self.shared.machines.ensure(node, cluster, &mut self.shared.catalogue);
        machine.pods.insert(id);
        let mut worker = Box::new(Worker::new(id, pod, node));
        worker.request_sync(watch.now() + watch.context.timing.watch, watch);
        self.workers.insert(id, worker);
    }

    fn request_sync(&mut self, pod: PodId, watch: &mut Watch<'_>) {
        if let Some(worker) = self.workers.get_mut(&pod) {
            worker.request_sync(watch.now() + watch.context.timing.watch, watch);
        }
    }

    /// Drops the worker of a pod that is gone, unless something of the pod still runs.
    fn drop_worker(&mut self, pod: PodId, watch: &mut Watch<'_>) {
        let Some(worker) = self.workers.get_mut(&pod) else { return };
        let node = worker.node();
        if !worker.is_finished() && self.shared.machines.state(node) == MachineState::Off {
            worker.drop_lost(watch);
            worker.forget_probed_ports(&mut self.shared);
            self.shared.machines.remove_pod(node, pod, watch.cluster());
        }
        if worker.is_finished() {
            self.workers.remove(&pod);
        }
    }

    /// Has the worker of a pod do something, and forgets it when nothing of it is left.
    fn with_worker(
        &mut self,
        pod: PodId,
        turn: &mut Turn<'_>,
        act: impl FnOnce(&mut Worker, &mut Shared, &mut Turn<'_>),
    ) {
        let Some(worker) = self.workers.get_mut(&pod) else { return };
        act(worker, &mut self.shared, turn);
        if worker.is_finished() && (worker.logs().is_empty() || turn.cluster().pod(pod).is_none()) {
            self.workers.remove(&pod);
        }
    }

    /// Has the probes look again that ask a port which this event has opened or closed.
    fn look_at_stirred_ports(&mut self, turn: &mut Turn<'_>) {
        for pod in self.shared.network.take_stirred() {
            if let Some(worker) = self.workers.get_mut(&pod) {
                worker.request_probe(turn.now(), turn);
            }
        }
    }

    fn pull_done(&mut self, process: ProcessRef, turn: &mut Turn<'_>) {
        let Some(node) = self.workers.get(&process.pod).map(|worker| worker.node()) else { return };
        let Shared { catalogue, machines, .. } = &mut self.shared;
        if let Some((pull, outcome)) = machines.of(node).images.finish(process, catalogue, turn) {
            self.with_worker(process.pod, turn, |worker, shared, turn| {
                worker.pull_done(&pull, &outcome, shared, turn);
            });
        }
    }
}

impl Component for Kubelet {
    /// Every kubelet begins with an empty memory. Containers that run go on; a pod that was stopping is asked to
    /// stop again.
    fn start(&mut self, watch: &mut Watch<'_>) {
        let pods = watch.cluster().pods();
        let mut bound: Vec<_> = pods.iter().filter_map(|(id, pod)| Some((id, pod, pod.node?))).collect();
        bound.sort_by_key(|(_, pod, _)| pod.meta.uid.serial);
        for (id, pod, node) in bound {
            match self.workers.get_mut(&id) {
                Some(worker) if worker.is_finished() => {}
                Some(worker) => {
                    self.shared.machines.of(node).images.cancel_all(watch);
                    worker.forget(watch);
                    worker.request_sync(watch.now(), watch);
                }
                None if !pod.status.phase.is_terminal() => self.add_worker(id, node, watch),
                None => {}
            }
        }
    }

    fn on_event(&mut self, event: Event, turn: &mut Turn<'_>) {
        match event {
            Event::PodSync(pod) => self.with_worker(pod, turn, Worker::sync),
            Event::StepDone(process) => {
                self.with_worker(process.pod, turn, |worker, shared, turn| {
                    worker.step_done(process, shared, turn);
                });
            }
            Event::TermDone(process) => {
                self.with_worker(process.pod, turn, |worker, shared, turn| {
                    worker.term_done(process, shared, turn);
                });
            }
            Event::MemoryLimitReached(process) => {
                self.with_worker(process.pod, turn, |worker, shared, turn| {
                    worker.limit_reached(process, shared, turn);
                });
            }
            Event::ProcessKilled(pod, container, exit_code) => {
                self.with_worker(pod, turn, |worker, shared, turn| {
                    worker.kill(container, exit_code, shared, turn);
                });
            }
            Event::HookDone(process) => {
                self.with_worker(process.pod, turn, |worker, shared, turn| {
                    worker.hook_done(process, shared, turn);
                });
            }
            Event::ProbeDue(pod) => self.with_worker(pod, turn, Worker::probe),
            Event::PullDone(process) => self.pull_done(process, turn),
            Event::MemoryDue(node) => self.look_at_memory(node, turn),
            Event::GraceOver(pod) => self.with_worker(pod, turn, Worker::grace_over),
            Event::PodDeadlineReached(pod) => self.with_worker(pod, turn, Worker::deadline_reached),
            Event::NodeFailed(node) => self.fail_node(node, turn),
            Event::NodeRecovered(node) => self.recover_node(node, turn),
            Event::NodeShutdownBegun(node) => self.shut_down(node, turn),
            Event::ShutdownPhaseOver(node) => self.end_phase(node, turn),
            Event::KubeletStopped(node) => self.stop_kubelet(node, turn),
            Event::KubeletStarted(node) => self.start_kubelet(node, turn),
            other => unreachable!("{other:?} is not for the kubelet"),
        }
        self.look_at_shutdowns(turn);
        self.look_at_stirred_memory(turn);
        self.look_at_stirred_ports(turn);
    }

    fn on_change(&mut self, change: &Change, watch: &mut Watch<'_>) {
        match change {
            Change::PodBound(pod, node) => self.add_worker(*pod, *node, watch),
            Change::PodChanged(pod, _) | Change::PodDeletionRequested(pod, _) => {
                self.request_sync(*pod, watch)
            }
            Change::PodDeleted(pod, _) => {
                self.drop_worker(*pod, watch);
                self.request_sync(*pod, watch);
            }
            Change::PodPhaseChanged(pod, _, phase) if phase.is_terminal() => self.request_sync(*pod, watch),
            _ => {}
        }
    }
}
