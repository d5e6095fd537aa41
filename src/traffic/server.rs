//! Servers: the listening ports of processes, with their workers and queues; and what is counted of them.
//!
//! A request takes a free worker or waits in the queue, first come first served. It holds its worker until it is answered, also while
//! it waits for calls.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::engine::{Arena, Id, SimTime};
use crate::event::ProcessRef;
use crate::model::traffic::{CpuId, Serve, TimeoutId};
use crate::network::{Connections, Location, TargetId};
use crate::traffic::gauge::Gauge;
use crate::traffic::request::{ErrorKind, Outcome};

/// Names a server while its process runs.
pub(super) type ServerId = Id<Server>;
/// All servers.
pub(super) type Servers = Arena<Server>;

/// A listening port of a process.
#[derive(Debug, Clone)]
pub(super) struct Server {
    /// The process.
    pub(super) process: ProcessRef,
    /// What its process serves.
    pub(super) serves: Arc<[Serve]>,
    /// Which of these this is.
    pub(super) serve_at: usize,
    /// Where its ledger is among those of the container.
    pub(super) port_at: usize,
    /// Where its pod is.
    pub(super) location: Location,
    /// The cpu of its container.
    pub(super) cpu: CpuId,
    /// What is counted of its container.
    pub(super) ledger: usize,
    /// Requests that wait for a worker.
    pub(super) queue: VecDeque<u32>,
    /// What it calls.
    pub(super) calls: Vec<CallSite>,
}

/// A call that a server makes, ready to be made.
#[derive(Debug, Clone)]
pub(super) struct CallSite {
    /// What is called.
    pub(super) target: TargetId,
    /// How long is waited.
    pub(super) timeout: TimeoutId,
    /// The connections that are kept.
    pub(super) connections: Option<Connections>,
}

/// What is counted of a port.
#[derive(Debug, Clone, Default)]
pub(super) struct PortLedger {
    /// Requests that came.
    pub(super) arrived: u64,
    /// Requests that were answered with success.
    pub(super) succeeded: u64,
    /// Requests that were not, by what was the matter.
    pub(super) failed: [u64; ErrorKind::COUNT],
    /// Requests in the queue.
    pub(super) queued: Gauge,
    /// Workers that are busy.
    pub(super) busy: Gauge,
    /// The times that those which left had spent here, summed up [ns].
    pub(super) sojourn: u128,
    /// The arrivals of those present, summed up [ns].
    pub(super) present_since: u128,
    /// The counts when the warm-up was over.
    pub(super) warm: WarmCounts,
}

/// Counts when the warm-up was over.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct WarmCounts {
    pub(super) arrived: u64,
    pub(super) succeeded: u64,
    pub(super) failed: [u64; ErrorKind::COUNT],
    pub(super) sojourn: u128,
}

impl Server {
    /// What it serves.
    #[inline]
    pub(super) fn serve(&self) -> &Serve {
        &self.serves[self.serve_at]
    }
}

impl PortLedger {
    /// A request comes in.
    #[inline]
    pub(super) fn arrive(&mut self, now: SimTime) {
        self.arrived += 1;
        self.present_since += u128::from(now.as_nanos());
    }

    /// A request is turned away at the door.
    pub(super) const fn turn_away(&mut self) {
        self.arrived += 1;
        self.failed[ErrorKind::QueueFull as usize] += 1;
    }

    /// A request leaves the queue or its worker.
    #[inline]
    pub(super) fn leave(&mut self, arrived: SimTime, outcome: Outcome, now: SimTime) {
        self.present_since -= u128::from(arrived.as_nanos());
        self.sojourn += u128::from(now.since(arrived).as_nanos());
        match outcome {
            Ok(()) => self.succeeded += 1,
            Err(kind) => self.failed[kind as usize] += 1,
        }
    }

    /// The warm-up is over.
    pub(super) fn warm_up(&mut self, now: SimTime) {
        for gauge in [&mut self.queued, &mut self.busy] {
            gauge.warm_up(now);
        }
        let Self { arrived, succeeded, failed, sojourn, .. } = *self;
        self.warm = WarmCounts { arrived, succeeded, failed, sojourn };
    }

    /// The number of requests in the queue or in work, over time, since the warm-up [requests × ns].
    pub(super) fn present(&self, now: SimTime) -> u128 {
        self.queued.warm_area(now) + self.busy.warm_area(now)
    }

    /// Whether Little's law holds: the number in the queue and in work, over time, is the time that requests spent here.
    pub(super) fn keeps_littles_law(&self, now: SimTime) -> bool {
        let n_present = u128::from(self.queued.value()) + u128::from(self.busy.value());
        let present = n_present * u128::from(now.as_nanos()) - self.present_since;
        self.queued.area(now) + self.busy.area(now) == self.sojourn + present
    }
}
