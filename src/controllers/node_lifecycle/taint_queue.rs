//! The rate-limited queue of nodes that wait for their NoExecute taint, one per zone.
//!
//! The limiter is a bucket with room for one token. Rates are 32-bit numbers, as upstream's: at 0.01 per second the
//! next token comes a little later than 100 s after the last, at 0.1 a little earlier than 10 s.
//! Source: Kubernetes 1.28, pkg/controller/nodelifecycle/scheduler/rate_limited_queue.go.

use std::collections::BTreeSet;

use crate::engine::{SimDuration, SimTime};

/// How many nodes per second may get their NoExecute taint.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Rate(pub f32);

impl Rate {
    /// None.
    pub const ZERO: Self = Self(0.0);

    /// How long the bucket takes to get its next token.
    fn refill(self) -> SimDuration {
        SimDuration::from_nanos(libm::ceil(1e9 / f64::from(self.0)) as u64)
    }
}

/// Lets the nodes of a zone pass one by one.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Limiter {
    /// Lets none pass.
    Never,
    /// Lets one pass from this instant on.
    Bucket(Rate, SimTime),
}

/// The nodes of a zone that wait for their NoExecute taint.
#[derive(Debug, Clone)]
pub struct TaintQueue<K> {
    waiting: Vec<K>,
    /// The nodes that were added and not taken out since, those that had their turn too.
    known: BTreeSet<K>,
    limiter: Limiter,
}

impl<K: Copy + Ord> TaintQueue<K> {
    /// An empty queue whose first node passes at once.
    pub fn new(rate: Rate) -> Self {
        let limiter = Limiter::Bucket(rate, SimTime::ZERO);
        Self { waiting: Vec::new(), known: BTreeSet::new(), limiter }
    }

    /// Adds a node at the end, unless it was added before.
    pub fn add(&mut self, node: K) {
        if self.known.insert(node) {
            self.waiting.push(node);
        }
    }

    /// Takes a node out.
    pub fn remove(&mut self, node: K) {
        if self.known.remove(&node) {
            self.waiting.retain(|other| *other != node);
        }
    }

    /// The nodes that wait, in order.
    pub fn waiting(&self) -> &[K] {
        &self.waiting
    }

    /// When the next node may have its turn; `None` where none waits, or none may pass.
    pub fn next_turn(&self) -> Option<SimTime> {
        match self.limiter {
            Limiter::Bucket(_, free_from) if !self.waiting.is_empty() => Some(free_from),
            Limiter::Bucket(..) | Limiter::Never => None,
        }
    }

    /// The next node, if it may have its turn now. Each turn takes a token, that of a node which needs no taint too.
    pub fn take(&mut self, now: SimTime) -> Option<K> {
        let is_empty = self.waiting.is_empty();
        (!is_empty && self.limiter.try_accept(now)).then(|| self.waiting.remove(0))
    }

    /// How many nodes may pass.
    pub fn rate(&self) -> Rate {
        match self.limiter {
            Limiter::Never => Rate::ZERO,
            Limiter::Bucket(rate, _) => rate,
        }
    }

    /// Sets another rate. Where a node would have to wait now, it waits with the new bucket too.
    ///
    /// A queue that lets none pass says of itself that its rate is 1, so that a switch from none to 1 changes nothing
    /// (a bug of upstream's limiter that never was mended).
    pub fn set_rate(&mut self, rate: Rate, now: SimTime) {
        let present = match self.limiter {
            Limiter::Never => Rate(1.0),
            Limiter::Bucket(rate, _) => rate,
        };
        if present == rate {
            return;
        }
        let has_token = self.limiter.try_accept(now);
        self.limiter = match rate {
            Rate(rate) if rate <= 0.0 => Limiter::Never,
            rate if has_token => Limiter::Bucket(rate, now),
            rate => Limiter::Bucket(rate, now + rate.refill()),
        };
    }
}

impl Limiter {
    fn try_accept(&mut self, now: SimTime) -> bool {
        match self {
            Self::Bucket(rate, free_from) if *free_from <= now => {
                *free_from = now + rate.refill();
                true
            }
            Self::Bucket(..) | Self::Never => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: SimDuration = SimDuration::from_millis(100);

    /// From the turn of the first to that of the second at this rate, with a look every tenth of a second.
    #[track_caller]
    fn check(rate: f32, gap: SimDuration) {
        let mut queue = TaintQueue::new(Rate(rate));
        [1, 2].iter().for_each(|node| queue.add(*node));
        let first = SimTime::from_secs(5);
        assert_eq!(queue.take(first), Some(1));
        let mut now = first;
        while queue.take(now).is_none() {
            now += TICK;
        }
        assert_eq!(now.since(first), gap);
    }

    #[test]
    fn rates_are_those_of_32_bit_numbers() {
        check(0.1, SimDuration::from_secs(10));
        check(0.01, SimDuration::from_millis(100_100));
        check(1.0, SimDuration::from_secs(1));
    }

    #[test]
    fn a_node_has_one_turn_until_it_is_taken_out() {
        let mut queue = TaintQueue::new(Rate(1.0));
        queue.add(1);
        queue.add(1);
        assert_eq!(queue.take(SimTime::ZERO), Some(1));
        queue.add(1);
        assert!(queue.waiting().is_empty());
        queue.remove(1);
        queue.add(1);
        assert_eq!(queue.waiting(), [1]);
    }

    #[test]
    fn after_a_time_without_turns_the_first_one_waits_for_the_new_bucket() {
        let (mut queue, at) = (TaintQueue::new(Rate(0.1)), SimTime::from_secs);
        queue.set_rate(Rate::ZERO, at(1));
        queue.add(1);
        assert_eq!((queue.next_turn(), queue.take(at(300))), (None, None));
        queue.set_rate(Rate(0.1), at(400));
        assert_eq!((queue.take(at(409)), queue.take(at(410))), (None, Some(1)));
    }

    #[test]
    fn a_queue_that_was_stopped_does_not_go_on_at_1_per_second() {
        let (mut queue, at) = (TaintQueue::new(Rate(1.0)), SimTime::from_secs);
        queue.set_rate(Rate::ZERO, at(1));
        queue.set_rate(Rate(1.0), at(2));
        queue.add(1);
        assert_eq!(queue.next_turn(), None);
    }
}
