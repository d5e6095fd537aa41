//! Who listens where: the port spaces of pods and nodes.
//!
//! Each pod has a network namespace of its own; pods with `hostNetwork` use that of their node. All listeners
//! bind every local address of their namespace, so that the key of a port is (namespace, protocol, port).
//! A port belongs to one process at a time and is free again when that process ends.

use std::collections::BTreeMap;
use std::collections::hash_map::Entry;

use rustc_hash::FxHashMap;

use crate::event::ProcessRef;
use crate::model::ids::{NodeId, PodId};
use crate::model::pod::Protocol;

/// A set of addresses that share their ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum NetworkNamespace {
    /// That of a pod's sandbox.
    Pod(PodId),
    /// That of a node.
    Node(NodeId),
}

/// A port of a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Socket {
    /// The namespace.
    pub(super) namespace: NetworkNamespace,
    /// The protocol.
    pub(super) protocol: Protocol,
    /// The port.
    pub(super) port: u16,
}

/// What a process that waits for a port waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AwaitedPort {
    /// A TCP port of its own namespace.
    Own(NetworkNamespace, u16),
    /// A TCP port of another pod, which may not even exist yet.
    Other(u16),
}

/// The error of binding a port that another process holds: EADDRINUSE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AddressInUse;

/// All bound ports, the processes that wait for one, and the pods whose probes ask one.
#[derive(Debug, Clone, Default)]
pub(super) struct Network {
    bound: FxHashMap<Socket, ProcessRef>,
    own_waiters: FxHashMap<(NetworkNamespace, u16), Vec<ProcessRef>>,
    other_waiters: BTreeMap<u16, Vec<ProcessRef>>,
    probed: FxHashMap<Socket, Vec<PodId>>,
    /// The pods whose probes ask a port that was opened or closed since somebody looked.
    stirred: Vec<PodId>,
}

impl Network {
    /// Gives a port to a process. Returns the processes that may have waited for it, to be woken; they wait no
    /// longer.
    pub(super) fn bind(
        &mut self,
        socket: Socket,
        process: ProcessRef,
    ) -> Result<Vec<ProcessRef>, AddressInUse> {
        match self.bound.entry(socket) {
            Entry::Occupied(_) => return Err(AddressInUse),
            Entry::Vacant(entry) => entry.insert(process),
        };
        self.stir(socket);
        if socket.protocol != Protocol::Tcp {
            return Ok(Vec::new());
        }
        let mut woken = self.own_waiters.remove(&(socket.namespace, socket.port)).unwrap_or_default();
        woken.extend(self.other_waiters.remove(&socket.port).unwrap_or_default());
        Ok(woken)
    }

    /// Whether nobody listens or waits.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.bound.is_empty()
            && self.own_waiters.is_empty()
            && self.other_waiters.is_empty()
            && self.probed.is_empty()
    }

    /// Frees a port.
    pub(super) fn release(&mut self, socket: Socket) {
        self.bound.remove(&socket);
        self.stir(socket);
    }

    /// Notes that the probes of a pod ask a port.
    pub(super) fn probe(&mut self, socket: Socket, pod: PodId) {
        let pods = self.probed.entry(socket).or_default();
        if !pods.contains(&pod) {
            pods.push(pod);
        }
    }

    /// The probes of a pod ask a port no longer.
    pub(super) fn stop_probing(&mut self, socket: Socket, pod: PodId) {
        if let Entry::Occupied(mut pods) = self.probed.entry(socket) {
            pods.get_mut().retain(|other| *other != pod);
            if pods.get().is_empty() {
                pods.remove();
            }
        }
    }

    /// The pods whose probes ask a port that was opened or closed since the last call.
    pub(super) fn take_stirred(&mut self) -> Vec<PodId> {
        std::mem::take(&mut self.stirred)
    }

    fn stir(&mut self, socket: Socket) {
        if let Some(pods) = self.probed.get(&socket) {
            self.stirred.extend(pods);
        }
    }

    /// Whether a process listens on a TCP port.
    pub(super) fn is_open(&self, namespace: NetworkNamespace, port: u16) -> bool {
        self.bound.contains_key(&Socket { namespace, protocol: Protocol::Tcp, port })
    }

    /// The ports of a namespace that are bound, in order, and who holds them.
    pub(super) fn listeners(&self, namespace: NetworkNamespace) -> Vec<(u16, ProcessRef)> {
        let own = self.bound.iter().filter(|(socket, _)| socket.namespace == namespace);
        let mut listeners: Vec<_> = own.map(|(socket, process)| (socket.port, *process)).collect();
        listeners.sort_unstable_by_key(|(port, process)| (*port, process.pod, process.container));
        listeners
    }

    /// Has a process woken when a port is bound.
    pub(super) fn wait(&mut self, port: AwaitedPort, process: ProcessRef) {
        match port {
            AwaitedPort::Own(namespace, port) => self.own_waiters.entry((namespace, port)).or_default(),
            AwaitedPort::Other(port) => self.other_waiters.entry(port).or_default(),
        }
        .push(process);
    }

    /// No longer has a process woken.
    pub(super) fn stop_waiting(&mut self, port: AwaitedPort, process: ProcessRef) {
        let others = |waiters: &mut Vec<ProcessRef>| {
            waiters.retain(|waiter| *waiter != process);
            waiters.is_empty()
        };
        match port {
            AwaitedPort::Own(namespace, port) => {
                if self.own_waiters.get_mut(&(namespace, port)).is_some_and(others) {
                    self.own_waiters.remove(&(namespace, port));
                }
            }
            AwaitedPort::Other(port) => {
                if self.other_waiters.get_mut(&port).is_some_and(others) {
                    self.other_waiters.remove(&port);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubelet::testbed;
    use crate::model::pod_status::ContainerRef;

    const fn first_run(pod: PodId, container: u16) -> ProcessRef {
        ProcessRef { pod, container: ContainerRef::App(container), run: 0 }
    }

    const fn socket(pod: PodId, protocol: Protocol, port: u16) -> Socket {
        Socket { namespace: NetworkNamespace::Pod(pod), protocol, port }
    }

    #[test]
    fn a_port_belongs_to_one_process_of_a_namespace_until_it_is_released() {
        let [one, other] = testbed::pod_ids();
        let mut network = Network::default();
        let port = socket(one, Protocol::Tcp, 80);
        assert_eq!(network.bind(port, first_run(one, 0)), Ok(vec![]));
        assert_eq!(network.bind(port, first_run(one, 1)), Err(AddressInUse));
        assert_eq!(network.bind(socket(one, Protocol::Udp, 80), first_run(one, 1)), Ok(vec![]));
        assert_eq!(network.bind(socket(other, Protocol::Tcp, 80), first_run(other, 0)), Ok(vec![]));
        network.release(port);
        assert_eq!(network.bind(port, first_run(one, 1)), Ok(vec![]));
    }

    #[test]
    fn binding_a_port_wakes_those_who_wait_for_it_once() {
        let [one, other] = testbed::pod_ids();
        let mut network = Network::default();
        let own = AwaitedPort::Own(NetworkNamespace::Pod(one), 80);
        network.wait(own, first_run(one, 1));
        network.wait(own, first_run(one, 2));
        network.wait(AwaitedPort::Other(80), first_run(other, 0));
        network.stop_waiting(own, first_run(one, 2));
        assert_eq!(network.bind(socket(one, Protocol::Udp, 80), first_run(one, 0)), Ok(vec![]));
        let woken = network.bind(socket(one, Protocol::Tcp, 80), first_run(one, 0));
        assert_eq!(woken, Ok(vec![first_run(one, 1), first_run(other, 0)]));
        assert!(network.own_waiters.is_empty() && network.other_waiters.is_empty());
    }
}
