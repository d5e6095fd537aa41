//! Requests under way.
//!
//! ```text
//!            sent                  a worker is free            cpu time is over
//!  Travelling ──▶ at the server ──▶ Working ─────────────────▶ Calling ──▶ Answering ──▶ over
//!       │              │ no worker    ▲                           ▲  │         ▲
//!       │              └──▶ Queued ───┘                           └──┘ calls   │
//!       │ nobody listens, or the queue is full, or the server dies ────────────┘
//!       └ the server's node is dead: Lost, until the client gives up
//! ```
//!
//! A client that gives up abandons its request; the server goes on all the same, and its answer is dropped.

use crate::engine::SimTime;
use crate::model::ids::PodId;
use crate::model::traffic::{RequestRef, SourceId, TimeoutId};
use crate::network::Distance;
use crate::traffic::paths::PathId;
use crate::traffic::server::ServerId;

/// How a request can fail, as its client sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ErrorKind {
    /// Nobody listens, or the Service has no endpoint.
    ConnectionRefused,
    /// The server died before it answered.
    ConnectionReset,
    /// There is no Service, pod or port of this name.
    HostNotFound,
    /// The server has no free worker and no room in its queue.
    QueueFull,
    /// A call that the server made failed.
    CallFailed,
    /// Calls are nested too deep.
    TooManyCalls,
    /// No answer came in time.
    Timeout,
}

impl ErrorKind {
    /// How many there are.
    pub const COUNT: usize = 7;
    /// All.
    pub const ALL: [Self; Self::COUNT] = [
        Self::ConnectionRefused,
        Self::ConnectionReset,
        Self::HostNotFound,
        Self::QueueFull,
        Self::CallFailed,
        Self::TooManyCalls,
        Self::Timeout,
    ];

    /// The name in results.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ConnectionRefused => "connectionRefused",
            Self::ConnectionReset => "connectionReset",
            Self::HostNotFound => "hostNotFound",
            Self::QueueFull => "queueFull",
            Self::CallFailed => "callFailed",
            Self::TooManyCalls => "tooManyCalls",
            Self::Timeout => "timeout",
        }
    }
}

/// What came of a request.
pub(super) type Outcome = Result<(), ErrorKind>;

/// Where a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// On its way to the server.
    Travelling,
    /// Waits for a worker.
    Queued,
    /// Takes cpu time.
    Working,
    /// Waits for the answers of calls.
    Calling,
    /// The answer is on its way.
    Answering,
    /// Nobody will answer.
    Lost,
}

/// A request under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request {
    generation: u32,
    pub(super) stage: Stage,
    /// The client has given up.
    pub(super) is_abandoned: bool,
    /// Whether the request that began it all arrived after the warm-up.
    pub(super) is_counted: bool,
    pub(super) distance: Distance,
    pub(super) outcome: Outcome,
    /// How often it was sent before.
    pub(super) attempt: u16,
    pub(super) source: SourceId,
    /// The number of the source's request that it belongs to.
    pub(super) number: u64,
    pub(super) path: PathId,
    /// The request for which it is a call.
    pub(super) parent: Option<RequestRef>,
    /// Which call of the parent's.
    pub(super) call: u16,
    /// Which repetition of that.
    pub(super) repetition: u32,
    /// When the first attempt was sent.
    pub(super) started: SimTime,
    /// When it reached its server.
    pub(super) arrived: SimTime,
    pub(super) server: Option<ServerId>,
    /// The pod that it was sent to.
    pub(super) pod: Option<PodId>,
    pub(super) timeout: TimeoutId,
    /// Calls that have no answer yet.
    pub(super) n_open: u32,
    /// The first call that failed.
    pub(super) failure: Option<ErrorKind>,
}

/// All requests under way.
#[derive(Debug, Clone, Default)]
pub(super) struct Requests {
    slots: Vec<Request>,
    free: Vec<u32>,
    /// How many clients wait.
    pub(super) n_waiting: usize,
}

/// What a new request is given.
#[derive(Debug, Clone, Copy)]
pub(super) struct NewRequest {
    pub(super) source: SourceId,
    pub(super) number: u64,
    pub(super) path: PathId,
    pub(super) parent: Option<RequestRef>,
    pub(super) call: u16,
    pub(super) repetition: u32,
    pub(super) attempt: u16,
    pub(super) started: SimTime,
    pub(super) is_counted: bool,
    pub(super) timeout: TimeoutId,
}

impl Requests {
    /// Adds a request that is about to be sent.
    #[inline]
    pub(super) fn add(&mut self, new: NewRequest) -> RequestRef {
        let request = Request {
            generation: 0,
            stage: Stage::Travelling,
            is_abandoned: false,
            is_counted: new.is_counted,
            distance: Distance::Outside,
            outcome: Ok(()),
            attempt: new.attempt,
            source: new.source,
            number: new.number,
            path: new.path,
            parent: new.parent,
            call: new.call,
            repetition: new.repetition,
            started: new.started,
            arrived: new.started,
            server: None,
            pod: None,
            timeout: new.timeout,
            n_open: 0,
            failure: None,
        };
        self.n_waiting += 1;
        match self.free.pop() {
            Some(index) => {
                let slot = &mut self.slots[index as usize];
                let generation = slot.generation;
                *slot = Request { generation, ..request };
                RequestRef { index, generation }
            }
            None => {
                self.slots.push(request);
                RequestRef { index: self.slots.len() as u32 - 1, generation: 0 }
            }
        }
    }

    /// Forgets a request: nobody will look at it any more.
    #[inline]
    pub(super) fn remove(&mut self, index: u32) {
        let slot = &mut self.slots[index as usize];
        slot.generation = slot.generation.wrapping_add(1);
        slot.stage = Stage::Lost;
        slot.server = None;
        self.free.push(index);
    }

    /// A request, unless it is over.
    #[inline]
    pub(super) fn get(&self, id: RequestRef) -> Option<&Request> {
        self.slots.get(id.index as usize).filter(|request| request.generation == id.generation)
    }

    /// Whether the client of a request waits.
    #[inline]
    pub(super) fn is_open(&self, id: RequestRef) -> bool {
        self.get(id).is_some_and(|request| !request.is_abandoned)
    }

    /// The name of the request at a place.
    #[inline]
    pub(super) fn name(&self, index: u32) -> RequestRef {
        RequestRef { index, generation: self.slots[index as usize].generation }
    }

    /// The places of all requests, in order; also of some that are over.
    pub(super) fn indices(&self) -> impl Iterator<Item = u32> + use<> {
        0..self.slots.len() as u32
    }
}

impl std::ops::Index<u32> for Requests {
    type Output = Request;

    fn index(&self, index: u32) -> &Request {
        &self.slots[index as usize]
    }
}

impl std::ops::IndexMut<u32> for Requests {
    fn index_mut(&mut self, index: u32) -> &mut Request {
        &mut self.slots[index as usize]
    }
}
