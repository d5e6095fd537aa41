//! The cpu of nodes and containers: how fast requests are worked on.
//!
//! A request in work takes at most one core, the requests of a container at most its limit, and those of a node
//! at most what the machine has. While a node has enough, every container gets what it can use. When it has not,
//! its containers share it as CFS does: in proportion to their requests, and what one cannot use goes to the others.
//! Requests of one container share evenly (processor sharing).
//!
//! Sharing goes by virtual time: the work that each request in work has got since the container began to work. A request that
//! enters is given the virtual time at which it will be done; when the speed changes, only the container's
//! clock does. A container has one timer, for the request that is done next.
//!
//! Deviation: a limit caps the speed at every instant; CFS lets a container run at full speed until the quota of a
//! period of 100 ms is used up. Shares count by container, where cgroups share by quality of service class and pod first.
//! Only requests use cpu: what processes do in `run` steps takes time, not cpu.
//! Source: Kubernetes 1.28, pkg/kubelet/cm/helpers_linux.go, MilliCPUToShares.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use crate::component::Timers;
use crate::engine::{SimDuration, SimTime};
use crate::event::{Event, EventId};
use crate::model::ids::NodeId;
use crate::model::resources::Millicores;
use crate::model::traffic::CpuId;

/// The least weight of a container. Source: MilliCPUToShares, MinShares.
const SHARES_MIN: i64 = 2;
/// One core [millicores].
const CORE: i64 = 1000;
/// Work that a rounding error may leave undone [ns].
const ROUNDING: f64 = 0.001;

/// The cpu of all nodes.
#[derive(Debug, Clone, Default)]
pub(super) struct Cpus {
    containers: Vec<ContainerCpu>,
    free: Vec<CpuId>,
    nodes: Vec<NodeCpu>,
    /// Containers whose number of requests in work has changed at this instant.
    touched: Vec<CpuId>,
}

/// What a container may use.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    /// The node.
    pub(super) node: NodeId,
    /// What its node has.
    pub(super) capacity: Millicores,
    /// What it is promised.
    pub(super) request: Millicores,
    /// What it cannot exceed.
    pub(super) limit: Option<Millicores>,
}

/// The requests in work in one container.
#[derive(Debug, Clone)]
struct ContainerCpu {
    node: usize,
    weight: i64,
    /// [millicores]
    limit: i64,
    /// What it can use at present [millicores].
    wanted: i64,
    /// What it gets [millicores].
    speed: f64,
    /// The work that each request has got since the container was idle [ns of a core].
    virtual_time: f64,
    since: SimTime,
    in_work: BinaryHeap<Reverse<InWork>>,
    n_entered: u64,
    /// The virtual times at which the requests in work entered, summed up [ns].
    entered: f64,
    timer: Option<(SimTime, EventId)>,
    is_touched: bool,
    /// The cpu time used: the integral of the speed [ns].
    used: f64,
    /// The work done of requests that are no longer in work [ns].
    done: f64,
}

/// A request in work. In the order of being done: by the bits of a number that is not negative, which are in its order.
#[derive(Debug, Clone, Copy)]
struct InWork {
    due: u64,
    number: u64,
    request: u32,
    entered: u64,
}

/// The cpu of one node.
#[derive(Debug, Clone, Default)]
struct NodeCpu {
    /// [millicores]
    capacity: i64,
    /// What its containers can use [millicores].
    wanted: i64,
    containers: Vec<CpuId>,
    is_short: bool,
}

impl Cpus {
    /// A container begins to work.
    pub(super) fn add(&mut self, share: Share, now: SimTime) -> CpuId {
        let node = share.node.index();
        if self.nodes.len() <= node {
            self.nodes.resize_with(node + 1, NodeCpu::default);
        }
        let capacity = share.capacity.0.max(1);
        self.nodes[node].capacity = capacity;
        let container = ContainerCpu {
            node,
            weight: (share.request.0.saturating_mul(1024) / CORE).max(SHARES_MIN),
            limit: share.limit.map_or(i64::MAX, |limit| limit.0).clamp(1, capacity),
            wanted: 0,
            speed: 0.0,
            virtual_time: 0.0,
            since: now,
            in_work: BinaryHeap::new(),
            n_entered: 0,
            entered: 0.0,
            timer: None,
            is_touched: false,
            used: 0.0,
            done: 0.0,
        };
        let id = self.free.pop().unwrap_or(CpuId(self.containers.len() as u32));
        match self.containers.get_mut(id.0 as usize) {
            Some(place) => *place = container,
            None => self.containers.push(container),
        }
        self.nodes[node].containers.push(id);
        id
    }

    /// A container is no more. Returns the cpu time that it used [ns].
    pub(super) fn remove(&mut self, id: CpuId, timers: &mut impl Timers) -> f64 {
        let container = &mut self.containers[id.0 as usize];
        container.advance(timers.now());
        container.in_work.clear();
        self.touch(id);
        self.settle(timers);
        let container = &self.containers[id.0 as usize];
        self.nodes[container.node].containers.retain(|other| *other != id);
        self.free.push(id);
        container.used
    }

    /// A request enters work.
    #[inline]
    pub(super) fn enter(&mut self, id: CpuId, request: u32, demand: SimDuration, now: SimTime) {
        let container = &mut self.containers[id.0 as usize];
        container.advance(now);
        if container.in_work.is_empty() {
            container.virtual_time = 0.0;
            container.entered = 0.0;
        }
        let entered = container.virtual_time;
        let due = entered + demand.as_nanos() as f64;
        container.entered += entered;
        let number = container.n_entered;
        container.n_entered += 1;
        let in_work = InWork { due: due.to_bits(), number, request, entered: entered.to_bits() };
        container.in_work.push(Reverse(in_work));
        self.touch(id);
    }

    /// The timer of a container has gone off: appends the requests that are done.
    #[inline]
    pub(super) fn take_done(&mut self, id: CpuId, now: SimTime, done: &mut Vec<u32>) {
        let container = &mut self.containers[id.0 as usize];
        container.timer = None;
        container.advance(now);
        if let Some(Reverse(first)) = container.in_work.peek() {
            container.virtual_time = container.virtual_time.max(f64::from_bits(first.due));
        }
        while let Some(next) = container.in_work.peek_mut() {
            let (due, entered) = (f64::from_bits(next.0.due), f64::from_bits(next.0.entered));
            if due > container.virtual_time + ROUNDING {
                break;
            }
            let Reverse(next) = PeekMut::pop(next);
            container.entered -= entered;
            container.done += due - entered;
            done.push(next.request);
        }
        self.touch(id);
    }

    /// Brings speeds and timers up to date, after requests have entered or left work.
    #[inline]
    pub(super) fn settle(&mut self, timers: &mut impl Timers) {
        while let Some(id) = self.touched.pop() {
            self.settle_container(id, timers);
        }
    }

    #[inline]
    fn settle_container(&mut self, id: CpuId, timers: &mut impl Timers) {
        let container = &mut self.containers[id.0 as usize];
        container.is_touched = false;
        let wanted = (container.in_work.len() as i64).saturating_mul(CORE).min(container.limit);
        let before = std::mem::replace(&mut container.wanted, wanted);
        if wanted != before {
            let node = &mut self.nodes[container.node];
            node.wanted += wanted - before;
            let was_short = std::mem::replace(&mut node.is_short, node.wanted > node.capacity);
            if was_short || node.is_short {
                let node = container.node;
                self.share_out(node, timers);
            } else {
                container.speed = wanted as f64;
            }
        }
        self.containers[id.0 as usize].set_timer(id, timers);
    }

    /// Gives each container of a node its share of what the node has.
    fn share_out(&mut self, node: usize, timers: &mut impl Timers) {
        let NodeCpu { capacity, containers, .. } = &self.nodes[node];
        let mut waiting: Vec<CpuId> = containers.clone();
        waiting.retain(|id| {
            let container = &self.containers[id.0 as usize];
            container.wanted > 0 || container.speed > 0.0
        });
        // Those that want least for their weight are content first.
        waiting.sort_by(|a, b| {
            let (a, b) = (&self.containers[a.0 as usize], &self.containers[b.0 as usize]);
            (i128::from(a.wanted) * i128::from(b.weight)).cmp(&(i128::from(b.wanted) * i128::from(a.weight)))
        });
        let mut left = *capacity as f64;
        let mut weights: i64 = waiting.iter().map(|id| self.containers[id.0 as usize].weight).sum();
        for id in waiting {
            let container = &mut self.containers[id.0 as usize];
            container.advance(timers.now());
            let share = left * container.weight as f64 / weights as f64;
            container.speed = share.min(container.wanted as f64);
            left -= container.speed;
            weights -= container.weight;
            container.set_timer(id, timers);
        }
    }

    #[inline]
    fn touch(&mut self, id: CpuId) {
        if !std::mem::replace(&mut self.containers[id.0 as usize].is_touched, true) {
            self.touched.push(id);
        }
    }

    /// The cpu time that a container has used up to an instant [ns].
    pub(super) fn used(&self, id: CpuId, now: SimTime) -> f64 {
        let container = &self.containers[id.0 as usize];
        container.used + container.speed / CORE as f64 * now.since(container.since).as_nanos() as f64
    }

    /// Whether the utilisation law holds for a container: the cpu time used is the work done. A timer goes off up to a
    /// nanosecond after the work that it waits for.
    pub(super) fn keeps_utilisation_law(&self, id: CpuId, now: SimTime) -> bool {
        let mut container = self.containers[id.0 as usize].clone();
        container.advance(now);
        let in_work = container.in_work.len() as f64 * container.virtual_time - container.entered;
        let done = container.done + in_work;
        (container.used - done).abs() <= container.n_entered as f64 * 1.1 + container.used * 1e-9
    }
}

impl InWork {
    #[inline]
    const fn place(&self) -> u128 {
        (self.due as u128) << 64 | self.number as u128
    }
}

impl PartialEq for InWork {
    fn eq(&self, other: &Self) -> bool {
        self.place() == other.place()
    }
}

impl Eq for InWork {}

impl PartialOrd for InWork {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for InWork {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place().cmp(&other.place())
    }
}

impl ContainerCpu {
    /// Lets the work go on up to an instant.
    #[inline]
    fn advance(&mut self, now: SimTime) {
        let span = now.since(self.since).as_nanos() as f64;
        if span > 0.0 {
            let work = self.speed / CORE as f64 * span;
            self.used += work;
            if !self.in_work.is_empty() {
                self.virtual_time += work / self.n_in_work();
            }
            self.since = now;
        }
    }

    fn n_in_work(&self) -> f64 {
        f64::from(self.in_work.len() as u32)
    }

    /// Has the timer go off when the next request is done.
    #[inline]
    fn set_timer(&mut self, id: CpuId, timers: &mut impl Timers) {
        let due = self.in_work.peek().map(|Reverse(next)| {
            let left = (f64::from_bits(next.due) - self.virtual_time).max(0.0);
            let span = left * self.n_in_work() * CORE as f64 / self.speed;
            timers.now() + SimDuration::from_nanos(whole_above(span - ROUNDING))
        });
        match (self.timer, due) {
            (Some((at, _)), Some(due)) if at == due => return,
            (Some((_, timer)), _) => timers.cancel(timer),
            (None, _) => {}
        }
        self.timer = due.map(|due| (due, timers.set_timer(due, Event::CpuDone(id))));
    }
}

/// The least whole number that is not below `value`; 0 for one below 0.
#[inline]
fn whole_above(value: f64) -> u64 {
    let below = value as i64;
    below.saturating_add(i64::from((below as f64) < value)).max(0).unsigned_abs()
}
