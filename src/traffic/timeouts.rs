//! Requests that wait for their answer, in the order in which their clients give up.
//!
//! Requests with the same timeout give up in the order in which they were sent, so that they stand in one queue
//! with one timer.

use std::collections::VecDeque;

use crate::component::Timers;
use crate::engine::{SimDuration, SimTime};
use crate::event::{Event, EventId};
use crate::model::traffic::{RequestRef, TimeoutId};

/// The requests that wait, by their timeouts.
#[derive(Debug, Clone, Default)]
pub(super) struct Timeouts {
    lanes: Vec<Lane>,
}

/// The requests that wait equally long.
#[derive(Debug, Clone)]
struct Lane {
    timeout: SimDuration,
    waiting: VecDeque<(SimTime, RequestRef)>,
    /// How many of those have no answer yet.
    n_open: usize,
    timer: Option<EventId>,
}

impl Timeouts {
    /// The lane of a timeout.
    pub(super) fn lane(&mut self, timeout: SimDuration) -> TimeoutId {
        let at = self.lanes.iter().position(|lane| lane.timeout == timeout).unwrap_or_else(|| {
            self.lanes.push(Lane { timeout, waiting: VecDeque::new(), n_open: 0, timer: None });
            self.lanes.len() - 1
        });
        TimeoutId(at as u32)
    }

    /// A request was sent.
    #[inline]
    pub(super) fn push(&mut self, id: TimeoutId, request: RequestRef, timers: &mut impl Timers) {
        let lane = &mut self.lanes[id.0 as usize];
        let deadline = timers.now() + lane.timeout;
        if lane.waiting.is_empty() && lane.timer.is_none() {
            lane.timer = Some(timers.set_timer(deadline, Event::RequestTimeout(id)));
        }
        lane.waiting.push_back((deadline, request));
        lane.n_open += 1;
    }

    /// A request has its answer.
    #[inline]
    pub(super) fn close(&mut self, id: TimeoutId) {
        self.lanes[id.0 as usize].n_open -= 1;
    }

    /// The timer of a lane has gone off; [`Timeouts::next_due`] is to be called until it finds no more.
    pub(super) fn gone_off(&mut self, id: TimeoutId) {
        self.lanes[id.0 as usize].timer = None;
    }

    /// Takes out the next request whose client gives up now; where there is none, has the timer go off at the
    /// next deadline.
    ///
    /// `is_open` says whether a request still waits; those that do not are dropped.
    pub(super) fn next_due(
        &mut self,
        id: TimeoutId,
        is_open: impl Fn(RequestRef) -> bool,
        timers: &mut impl Timers,
    ) -> Option<RequestRef> {
        let lane = &mut self.lanes[id.0 as usize];
        while let Some((deadline, request)) = lane.waiting.front().copied() {
            if !is_open(request) {
                lane.waiting.pop_front();
            } else if deadline <= timers.now() {
                lane.waiting.pop_front();
                return Some(request);
            } else {
                if lane.timer.is_none() {
                    lane.timer = Some(timers.set_timer(deadline, Event::RequestTimeout(id)));
                }
                return None;
            }
        }
        None
    }

    /// Drops what does not wait any more; called now and then, so that memory is bounded by what waits.
    #[inline]
    pub(super) fn trim(&mut self, id: TimeoutId, is_open: impl Fn(RequestRef) -> bool) {
        let lane = &mut self.lanes[id.0 as usize];
        while lane.waiting.front().is_some_and(|(_, request)| !is_open(*request)) {
            lane.waiting.pop_front();
        }
    }

    /// Takes back the timers of lanes in which nobody waits: the run may fall quiet.
    pub(super) fn rest(&mut self, timers: &mut impl Timers) {
        for lane in self.lanes.iter_mut().filter(|lane| lane.n_open == 0) {
            lane.waiting.clear();
            if let Some(timer) = lane.timer.take() {
                timers.cancel(timer);
            }
        }
    }
}
