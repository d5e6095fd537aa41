//! How a request is sent, worked on and answered.

use crate::cluster::Cluster;
use crate::component::{Timers, Turn};
use crate::engine::{SimDuration, SimTime};
use crate::event::Event;
use crate::model::ids::PodId;
use crate::model::pod::Pod;
use crate::model::traffic::{CallOrder, CpuId, RequestRef, SourceId, TimeoutId};
use crate::network::{
    Connections, Distance, Endpoint, NetworkNamespace, Resolution, Unresolved, location_of,
};
use crate::traffic::Traffic;
use crate::traffic::paths::Leg;
use crate::traffic::request::{ErrorKind, NewRequest, Outcome, Request, Stage};
use crate::traffic::server::ServerId;

/// Where a connection leads.
struct Route {
    /// The pod, unless it is the sender's own.
    pod: Option<PodId>,
    /// Nobody listens there where `None`.
    server: Option<ServerId>,
    distance: Distance,
}

impl Traffic {
    /// A request of a source arrives.
    pub(super) fn request_due(&mut self, id: SourceId, turn: &mut Turn<'_>) {
        let now = turn.now();
        let source = &mut self.sources[id.0 as usize];
        let number = source.n_sent;
        source.n_sent += 1;
        match source.clock.next() {
            Some(at) => {
                turn.set_timer(at, Event::RequestDue(id));
            }
            None => self.n_active -= 1,
        }
        let is_counted = now >= self.warm_up;
        source.ledger.offer(is_counted, now);
        let new = NewRequest {
            source: id,
            number,
            path: source.paths[0],
            parent: None,
            call: 0,
            repetition: 0,
            attempt: 0,
            started: now,
            is_counted,
            timeout: source.timeout,
        };
        self.send(new, turn);
    }

    /// Sends a request on its way.
    fn send(&mut self, new: NewRequest, turn: &mut Turn<'_>) {
        let id = self.requests.add(new);
        self.timeouts.trim(new.timeout, |request| self.requests.is_open(request));
        self.timeouts.push(new.timeout, id, turn);
        let route = match self.route(&new, turn) {
            Ok(route) => route,
            Err(kind) => {
                self.requests[id.index].outcome = Err(kind);
                self.requests[id.index].stage = Stage::Answering;
                turn.set_timer_after(SimDuration::ZERO, Event::AnswerArrived(id));
                return;
            }
        };
        let latency = route.distance.latency(&self.spec.network.latency);
        let request = &mut self.requests[id.index];
        request.distance = route.distance;
        request.server = route.server;
        request.pod = route.pod;
        if latency.is_zero() && new.parent.is_none() {
            self.request_arrived(id, turn);
        } else {
            turn.set_timer_after(latency, Event::RequestArrived(id));
        }
    }

    /// Whether a partition lies between a request's client and its server.
    #[inline]
    fn is_cut(&self, index: u32, cluster: &Cluster) -> bool {
        !self.partitions.is_empty() && self.is_cut_by_any(index, cluster)
    }

    fn is_cut_by_any(&self, index: u32, cluster: &Cluster) -> bool {
        let request = &self.requests[index];
        if request.distance != Distance::OtherZone {
            return false;
        }
        let server = request.server.and_then(|server| self.servers.get(server)?.location.zone.clone());
        let there = server.or_else(|| request.pod.and_then(|pod| location_of(pod, cluster)?.zone));
        let client = request.parent.and_then(|parent| self.requests[parent.index].server);
        let here = client.and_then(|client| self.servers.get(client)?.location.zone.as_ref());
        let (Some(here), Some(there)) = (here, there) else { return false };
        self.partitions.iter().any(|partition| partition.cuts(here, &there))
    }

    /// Where a request goes: over a connection that is open, or over one that is opened now.
    fn route(&mut self, new: &NewRequest, turn: &Turn<'_>) -> Result<Route, ErrorKind> {
        let sender = new.parent.and_then(|parent| self.requests[parent.index].server);
        let node = sender.map(|server| self.servers[server].location.node);
        let (target, connection) = match sender {
            Some(server) => {
                let site = &mut self.servers[server].calls[usize::from(new.call)];
                (site.target, site.connections.as_mut().map(Connections::take_next))
            }
            None => {
                let source = &mut self.sources[new.source.0 as usize];
                (source.target, source.connections.as_mut().map(Connections::take_next))
            }
        };
        if let Some(Some(endpoint)) = &connection {
            let resolution = Resolution::Pod(*endpoint);
            return Ok(self.reach(resolution, sender, turn.cluster()));
        }
        let draw = || self.paths.choice(new.path, new.number);
        let resolution =
            self.targets.connect(target, node, draw, turn.cluster()).map_err(|why| match why {
                Unresolved::NotFound => ErrorKind::HostNotFound,
                Unresolved::NoEndpoint => ErrorKind::ConnectionRefused,
            })?;
        if let (Some(connection), Resolution::Pod(endpoint)) = (connection, resolution) {
            *connection = Some(endpoint);
        }
        Ok(self.reach(resolution, sender, turn.cluster()))
    }

    /// The server at the end of a connection, and how far it is.
    fn reach(&self, resolution: Resolution, sender: Option<ServerId>, cluster: &Cluster) -> Route {
        let from = sender.map(|server| &self.servers[server].location);
        match (resolution, from) {
            (Resolution::Own(port), Some(from)) => {
                let server = self.listening.get(&(from.namespace, port)).copied();
                Route { pod: None, server, distance: Distance::SamePod }
            }
            (Resolution::Own(_), None) => Route { pod: None, server: None, distance: Distance::Outside },
            (Resolution::Pod(Endpoint { pod, port }), from) => {
                let namespace = match cluster.pod(pod) {
                    Some(Pod { node: Some(node), spec, .. }) if spec.host_network => {
                        NetworkNamespace::Node(*node)
                    }
                    _ => NetworkNamespace::Pod(pod),
                };
                let server = self.listening.get(&(namespace, port)).copied();
                let distance = match server {
                    Some(server) => Distance::between(from, &self.servers[server].location),
                    None => location_of(pod, cluster)
                        .map_or(Distance::SameZone, |location| Distance::between(from, &location)),
                };
                Route { pod: Some(pod), server, distance }
            }
        }
    }

    /// Nobody will answer a request.
    fn lose(&mut self, index: u32) {
        let request = &mut self.requests[index];
        request.server = None;
        request.stage = Stage::Lost;
        if request.is_abandoned {
            self.requests.remove(index);
        }
    }

    /// A request is at its server.
    pub(super) fn request_arrived(&mut self, id: RequestRef, turn: &mut Turn<'_>) {
        let now = turn.now();
        if self.is_cut(id.index, turn.cluster()) {
            return self.lose(id.index);
        }
        let request = &mut self.requests[id.index];
        let Some((server_id, server)) = request.server.and_then(|id| Some((id, self.servers.get(id)?)))
        else {
            return self.nobody_there(id, turn);
        };
        request.arrived = now;
        let (workers, queue) = (server.serve().workers, server.serve().queue);
        let port = &mut self.ledgers.of(server.ledger).ports[server.port_at].1;
        if workers.is_none_or(|workers| port.busy.value() < workers) {
            port.arrive(now);
            port.busy.rise(now);
            self.work_on(id.index, server_id, now);
        } else if queue.is_none_or(|queue| port.queued.value() < queue) {
            port.arrive(now);
            port.queued.rise(now);
            request.stage = Stage::Queued;
            self.servers[server_id].queue.push_back(id.index);
        } else {
            port.turn_away();
            request.server = None;
            self.answer(id.index, Err(ErrorKind::QueueFull), turn);
        }
    }

    /// Nobody listens where a request arrives: its client is refused, or hears nothing where the node is dead.
    fn nobody_there(&mut self, id: RequestRef, turn: &mut Turn<'_>) {
        let request = &mut self.requests[id.index];
        request.server = None;
        if request.pod.is_some_and(|pod| self.silent.contains(&pod)) {
            self.lose(id.index);
        } else {
            self.answer(id.index, Err(ErrorKind::ConnectionRefused), turn);
        }
    }

    /// A worker takes a request.
    fn work_on(&mut self, index: u32, server: ServerId, now: SimTime) {
        let request = &mut self.requests[index];
        request.stage = Stage::Working;
        let draw = self.paths.demand(request.path, request.number);
        let server = &self.servers[server];
        let demand = server.serve().cpu.quantile(draw);
        self.cpus.enter(server.cpu, index, demand, now);
    }

    /// The cpu work of requests of a container is done.
    pub(super) fn cpu_done(&mut self, cpu: CpuId, turn: &mut Turn<'_>) {
        let mut done = std::mem::take(&mut self.done);
        self.cpus.take_done(cpu, turn.now(), &mut done);
        for index in done.drain(..) {
            let Some(server) = self.requests[index].server else { continue };
            if self.servers[server].serve().calls.is_empty() {
                self.finish(index, server, Ok(()), turn);
            } else {
                self.requests[index].stage = Stage::Calling;
                self.begin_calls(index, server, turn);
            }
        }
        self.done = done;
    }

    /// Makes the first call of a request, or all.
    fn begin_calls(&mut self, index: u32, server: ServerId, turn: &mut Turn<'_>) {
        let serve = self.servers[server].serve();
        let (order, n_calls) = (serve.order, serve.calls.len() as u16);
        let n_open = serve.calls.iter().map(|call| call.times).sum();
        self.requests[index].n_open = n_open;
        match order {
            CallOrder::Sequential => self.call(index, server, (0, 0), turn),
            CallOrder::Parallel => {
                for call in 0..n_calls {
                    let times = self.servers[server].serve().calls[usize::from(call)].times;
                    for repetition in 0..times {
                        self.call(index, server, (call, repetition), turn);
                    }
                }
            }
        }
    }

    /// Makes a call, by its position and repetition.
    fn call(&mut self, index: u32, server: ServerId, (call, repetition): (u16, u32), turn: &mut Turn<'_>) {
        self.send_call(index, server, Leg { call, repetition, attempt: 0 }, turn.now(), turn);
    }

    fn send_call(&mut self, index: u32, server: ServerId, leg: Leg, started: SimTime, turn: &mut Turn<'_>) {
        let request = &self.requests[index];
        let Some(path) = self.paths.branch(request.path, leg) else {
            return self.call_answered(self.requests.name(index), leg, Err(ErrorKind::TooManyCalls), turn);
        };
        let new = NewRequest {
            source: request.source,
            number: request.number,
            path,
            parent: Some(self.requests.name(index)),
            call: leg.call,
            repetition: leg.repetition,
            attempt: leg.attempt,
            started,
            is_counted: request.is_counted,
            timeout: self.servers[server].calls[usize::from(leg.call)].timeout,
        };
        self.send(new, turn);
    }

    /// A call of a request is over, for good or ill; the request may be over too.
    fn call_answered(&mut self, id: RequestRef, leg: Leg, outcome: Outcome, turn: &mut Turn<'_>) {
        let Some(request) = self.requests.get(id).filter(|request| request.stage == Stage::Calling) else {
            return;
        };
        let Some(server) = request.server else { return };
        let serve = self.servers[server].serve();
        let order = serve.order;
        let next = match leg.repetition + 1 < serve.calls[usize::from(leg.call)].times {
            true => (leg.call, leg.repetition + 1),
            false => (leg.call + 1, 0),
        };
        let request = &mut self.requests[id.index];
        request.n_open -= 1;
        request.failure = request.failure.or(outcome.err());
        let is_over = request.n_open == 0 || order == CallOrder::Sequential && request.failure.is_some();
        if is_over {
            let outcome = if request.failure.is_some() { Err(ErrorKind::CallFailed) } else { Ok(()) };
            self.finish(id.index, server, outcome, turn);
        } else if order == CallOrder::Sequential {
            self.call(id.index, server, next, turn);
        }
    }

    /// A server is done with a request; its worker takes the next one.
    fn finish(&mut self, index: u32, id: ServerId, outcome: Outcome, turn: &mut Turn<'_>) {
        let now = turn.now();
        let server = &mut self.servers[id];
        let port = &mut self.ledgers.of(server.ledger).ports[server.port_at].1;
        port.leave(self.requests[index].arrived, outcome, now);
        match server.queue.pop_front() {
            Some(next) => {
                port.queued.fall(now);
                self.work_on(next, id, now);
            }
            None => port.busy.fall(now),
        }
        let request = &self.requests[index];
        let is_at_edge = request.parent.is_none() && self.spec.network.latency.outside.is_zero();
        if request.is_abandoned {
            self.requests.remove(index);
        } else if is_at_edge && outcome.is_ok() {
            // The client is where the answer is: no event is needed to bring it there.
            let request = *request;
            self.requests.remove(index);
            self.conclude(&request, outcome, turn);
        } else {
            self.answer(index, outcome, turn);
        }
    }

    /// Sends the answer of a request on its way.
    pub(super) fn answer(&mut self, index: u32, outcome: Outcome, timers: &mut impl Timers) {
        let request = &mut self.requests[index];
        request.outcome = outcome;
        request.stage = Stage::Answering;
        let latency = request.distance.latency(&self.spec.network.latency);
        timers.set_timer_after(latency, Event::AnswerArrived(self.requests.name(index)));
    }

    /// An answer is at the client.
    pub(super) fn answer_arrived(&mut self, id: RequestRef, turn: &mut Turn<'_>) {
        if self.is_cut(id.index, turn.cluster()) {
            return self.lose(id.index);
        }
        let request = self.requests[id.index];
        self.requests.remove(id.index);
        if !request.is_abandoned {
            self.conclude(&request, request.outcome, turn);
        }
    }

    /// Clients that have waited too long give up.
    pub(super) fn time_out(&mut self, lane: TimeoutId, turn: &mut Turn<'_>) {
        self.timeouts.gone_off(lane);
        while let Some(id) = self.timeouts.next_due(lane, |request| self.requests.is_open(request), turn) {
            let request = self.requests[id.index];
            if request.stage == Stage::Lost {
                self.requests.remove(id.index);
            } else {
                self.requests[id.index].is_abandoned = true;
            }
            self.conclude(&request, Err(ErrorKind::Timeout), turn);
        }
    }

    /// A client has its answer or waits no longer: it tries again, or goes on.
    fn conclude(&mut self, request: &Request, outcome: Outcome, turn: &mut Turn<'_>) {
        self.timeouts.close(request.timeout);
        self.requests.n_waiting -= 1;
        match request.parent {
            Some(parent) => self.conclude_call(parent, request, outcome, turn),
            None => self.conclude_request(request, outcome, turn),
        }
    }

    fn conclude_call(&mut self, parent: RequestRef, call: &Request, outcome: Outcome, turn: &mut Turn<'_>) {
        let is_waiting = self.requests.get(parent).is_some_and(|request| request.stage == Stage::Calling);
        let Some(server) = self.requests[parent.index].server.filter(|_| is_waiting) else { return };
        let site = usize::from(call.call);
        if let Some(connections) = &mut self.servers[server].calls[site].connections {
            close_broken(connections, call, outcome);
        }
        let mut leg = Leg { call: call.call, repetition: call.repetition, attempt: call.attempt };
        let retries = self.servers[server].serve().calls[site].patience.retries;
        if outcome.is_err() && call.attempt < retries {
            leg.attempt += 1;
            self.send_call(parent.index, server, leg, call.started, turn);
        } else {
            self.call_answered(parent, leg, outcome, turn);
        }
    }

    fn conclude_request(&mut self, request: &Request, outcome: Outcome, turn: &mut Turn<'_>) {
        let source = &mut self.sources[request.source.0 as usize];
        if let Some(connections) = &mut source.connections {
            close_broken(connections, request, outcome);
        }
        if outcome.is_ok() || request.attempt == source.retries {
            return source.ledger.finish(outcome, request.started, request.is_counted, turn.now());
        }
        let attempt = request.attempt + 1;
        source.ledger.retried += u64::from(request.is_counted);
        let new = NewRequest {
            source: request.source,
            number: request.number,
            path: source.paths[usize::from(attempt)],
            parent: None,
            call: 0,
            repetition: 0,
            attempt,
            started: request.started,
            is_counted: request.is_counted,
            timeout: source.timeout,
        };
        self.send(new, turn);
    }
}

/// Closes the connections to a pod that does not answer; an answer that says no leaves them open.
fn close_broken(connections: &mut Connections, request: &Request, outcome: Outcome) {
    let is_broken = matches!(
        outcome,
        Err(ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset | ErrorKind::Timeout)
    );
    if let Some(pod) = request.pod.filter(|_| is_broken) {
        connections.close(pod);
    }
}
