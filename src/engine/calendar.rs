//! The future event list: what happens next, in the order (time, rank, sequence number).
//!
//! At one instant the lowest rank goes first; within a rank, first scheduled, first out. An event scheduled at the
//! current instant takes its place among those still due at it: one of a lower rank than the event just popped
//! simply comes next.
//!
//! Pending events stand in three places, by how near they are:
//!
//! ```text
//! schedule ─┬─ at the current instant ─> lanes: one queue per rank ──────┬─> pop
//!           ├─ within the window ──────> front: sorted, fewer than 128 ──┘
//!           └─ later ──────────────────> wheel: 11 levels of 64 buckets
//!                                          └─ earliest bucket ─> front, lanes or lower levels,
//!                                             once lanes and front are empty
//! ```
//!
//! The wheel is a radix heap of base 64 over the nanoseconds: an event lies at the level of the highest digit in
//! which its time differs from the current instant, in the bucket of that digit. All events of one instant are
//! therefore always in the same bucket, in the order in which they were scheduled, and an event changes its place
//! at most eleven times, however many share its instant. A small bucket is not spread over lower levels but
//! sorted as a whole: it becomes the front, and the span of time that it covers the window.
//!
//! A cancelled event is dropped where it is met. When a cancellation makes them clearly more than the pending ones,
//! all are swept out: memory is bounded by the most events ever pending at one time.

mod lanes;
mod tickets;
mod wheel;

use std::cmp::Reverse;
use std::fmt;

use super::time::SimTime;
use lanes::Lanes;
use tickets::Tickets;
use wheel::{Bucket, Wheel};

pub use tickets::EventId;

/// The precedence of an event among those of the same instant: the lowest goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Rank(u8);

/// An event whose time has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scheduled<E> {
    /// When it happens.
    pub time: SimTime,
    /// Its precedence at that instant.
    pub rank: Rank,
    /// Its number among all events ever scheduled, from 0.
    pub seq: u64,
    /// What happens.
    pub event: E,
}

/// The events to come, with the clock that they advance.
///
/// ```
/// use cluster_sim::engine::{Calendar, Rank, SimTime};
///
/// let mut calendar = Calendar::new();
/// calendar.schedule(SimTime::from_secs(20), Rank::new(0), "back off is over");
/// let timeout = calendar.schedule(SimTime::from_secs(5), Rank::new(0), "timeout");
/// calendar.schedule(SimTime::from_secs(5), Rank::new(7), "low precedence");
/// calendar.schedule(SimTime::from_secs(5), Rank::new(0), "container exited");
/// assert!(calendar.cancel(timeout));
/// let order: Vec<_> = std::iter::from_fn(|| calendar.pop()).map(|due| due.event).collect();
/// assert_eq!(order, ["container exited", "low precedence", "back off is over"]);
/// assert_eq!(calendar.now(), SimTime::from_secs(20));
/// ```
#[derive(Clone)]
pub struct Calendar<E> {
    now: SimTime,
    /// The instant that places are relative to. Other than `now` only within `pop`.
    base: SimTime,
    /// How many low bits of a time may differ from `base` within the window of the front.
    window: u32,
    next_seq: u64,
    n_pending: usize,
    /// Cancelled events that are still stored.
    n_cancelled: usize,
    tickets: Tickets,
    lanes: Lanes<E>,
    /// The events within the window, the latest first. Those at `base` were scheduled before it was the current
    /// instant.
    front: Vec<Entry<E>>,
    wheel: Wheel<E>,
}

/// A stored event.
#[derive(Clone)]
struct Entry<E> {
    time: SimTime,
    order: Order,
    id: EventId,
    event: E,
}

/// The order of events at one instant: rank in the upper 6 bits, sequence number in the lower 58.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Order(u64);

/// The length of the front at which its later events go back to the wheel.
const FRONT_MAX: usize = 128;

/// How many cancelled events may be stored beyond the number of pending ones.
const CANCELLED_SLACK: usize = 256;

impl Rank {
    /// How many ranks there are.
    pub const COUNT: usize = 64;

    /// The rank `value`, from 0 (first) to 63 (last).
    ///
    /// # Panics
    /// Above 63: ranks are a fixed table of the program.
    pub const fn new(value: u8) -> Self {
        assert!((value as usize) < Self::COUNT, "a rank is less than 64");
        Self(value)
    }

    /// The position in the order, from 0 (first) to 63 (last).
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl<E> Calendar<E> {
    /// A calendar without events, at the start of time.
    pub fn new() -> Self {
        Self {
            now: SimTime::ZERO,
            base: SimTime::ZERO,
            window: 0,
            next_seq: 0,
            n_pending: 0,
            n_cancelled: 0,
            tickets: Tickets::default(),
            lanes: Lanes::new(),
            front: Vec::new(),
            wheel: Wheel::new(),
        }
    }

    /// The current instant: that of the event popped last.
    pub const fn now(&self) -> SimTime {
        self.now
    }

    /// How many events are pending.
    pub const fn len(&self) -> usize {
        self.n_pending
    }

    /// Whether nothing is pending.
    pub const fn is_empty(&self) -> bool {
        self.n_pending == 0
    }

    /// Lets `event` happen at `at`, with the precedence `rank` among the events of that instant.
    ///
    /// # Panics
    /// When `at` has passed: a component that changes the past has a bug.
    pub fn schedule(&mut self, at: SimTime, rank: Rank, event: E) -> EventId {
        assert!(at >= self.now, "an event is scheduled at {at}, which has passed at {}", self.now);
        let id = self.tickets.issue();
        let order = Order::new(rank, self.next_seq);
        self.next_seq += 1;
        self.n_pending += 1;
        self.place(Entry { time: at, order, id, event });
        id
    }

    /// Takes back an event; false where it has happened or was cancelled already.
    ///
    /// The event itself may be dropped later than this, at the latest with the calendar.
    pub fn cancel(&mut self, id: EventId) -> bool {
        let was_pending = self.tickets.redeem(id);
        if was_pending {
            self.n_pending -= 1;
            self.n_cancelled += 1;
            if self.n_cancelled > self.n_pending + CANCELLED_SLACK {
                self.sweep();
            }
        }
        was_pending
    }

    /// Takes out the event that is due next and sets the clock to its time; `None` where nothing is pending.
    pub fn pop(&mut self) -> Option<Scheduled<E>> {
        while let Some(entry) = self.take_next() {
            if self.tickets.redeem(entry.id) {
                self.now = entry.time;
                self.n_pending -= 1;
                return Some(entry.into_scheduled());
            }
            self.n_cancelled -= 1;
        }
        self.base = self.now;
        self.window = 0;
        None
    }

    /// The time of the event that is due next.
    ///
    /// It takes at most a constant factor of the time that the next [`pop`](Self::pop) takes.
    pub fn peek_time(&self) -> Option<SimTime> {
        let is_pending = |entry: &Entry<E>| self.tickets.is_pending(entry.id);
        if self.lanes.iter().any(is_pending) {
            return Some(self.now);
        }
        let nearest = self.front.iter().rev().find(|entry| is_pending(entry));
        nearest.map(|entry| entry.time).or_else(|| self.wheel.earliest(is_pending))
    }

    fn place(&mut self, entry: Entry<E>) {
        let difference = entry.time.as_nanos() ^ self.base.as_nanos();
        if difference >> self.window != 0 {
            self.wheel.insert(difference, entry);
        } else if difference == 0 {
            self.lanes.push(entry);
        } else {
            self.place_in_front(entry);
        }
    }

    fn place_in_front(&mut self, entry: Entry<E>) {
        let position = self.front.partition_point(|later| later.key() > entry.key());
        self.front.insert(position, entry);
        if self.front.len() >= FRONT_MAX {
            self.disperse_front();
        }
    }

    /// Moves all of the front to the wheel save what is due at the current instant: that precedes, within each
    /// rank, what the lanes hold.
    fn disperse_front(&mut self) {
        let n_later = self.front.partition_point(|entry| entry.time > self.base);
        let due = self.front.split_off(n_later);
        let later = std::mem::replace(&mut self.front, due);
        self.window = 0;
        for entry in later.into_iter().rev() {
            self.place(entry);
        }
    }

    /// The first stored entry, cancelled or not.
    fn take_next(&mut self) -> Option<Entry<E>> {
        loop {
            if let Some(order) = self.lanes.first_order() {
                let is_front_first =
                    self.front.last().is_some_and(|e| e.time == self.base && e.order < order);
                return if is_front_first { self.front.pop() } else { self.lanes.pop() };
            }
            if let Some(entry) = self.front.pop() {
                self.base = entry.time;
                return Some(entry);
            }
            let (span_bits, bucket) = self.wheel.take_earliest()?;
            self.open(span_bits, bucket);
        }
    }

    /// Brings the entries of the earliest bucket nearer. Lanes and front are empty.
    fn open(&mut self, span_bits: u32, bucket: Bucket<E>) {
        match bucket.into_single_chunk() {
            Ok(mut chunk) => {
                self.window = span_bits;
                self.front.append(&mut chunk);
                self.front.sort_unstable_by_key(|entry| Reverse(entry.key()));
                self.wheel.recycle(chunk);
            }
            Err(bucket) => self.spread(bucket),
        }
    }

    /// Moves the entries of a bucket to the lanes and to lower levels.
    fn spread(&mut self, bucket: Bucket<E>) {
        self.window = 0;
        self.base = bucket.earliest(|_| true).expect("a bucket taken from the wheel holds an entry");
        for mut chunk in bucket.into_chunks() {
            for entry in chunk.drain(..) {
                self.place(entry);
            }
            self.wheel.recycle(chunk);
        }
    }

    /// Drops all cancelled events.
    fn sweep(&mut self) {
        let is_pending = |entry: &Entry<E>| self.tickets.is_pending(entry.id);
        self.lanes.retain(is_pending);
        self.front.retain(is_pending);
        self.wheel.retain(is_pending);
        self.n_cancelled = 0;
    }
}

impl<E> Default for Calendar<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E> fmt::Debug for Calendar<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calendar")
            .field("now", &self.now)
            .field("n_pending", &self.n_pending)
            .field("peek_time", &self.peek_time())
            .finish_non_exhaustive()
    }
}

impl<E> Entry<E> {
    const fn key(&self) -> (SimTime, Order) {
        (self.time, self.order)
    }

    fn into_scheduled(self) -> Scheduled<E> {
        Scheduled { time: self.time, rank: self.order.rank(), seq: self.order.seq(), event: self.event }
    }
}

impl Order {
    const SEQ_BITS: u32 = 58;

    const fn new(rank: Rank, seq: u64) -> Self {
        Self((rank.0 as u64) << Self::SEQ_BITS | seq)
    }

    const fn rank(self) -> Rank {
        Rank((self.0 >> Self::SEQ_BITS) as u8)
    }

    const fn seq(self) -> u64 {
        self.0 & ((1 << Self::SEQ_BITS) - 1)
    }
}

/// The positions of the ones in `mask`, ascending.
fn ones(mut mask: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let lowest = mask.trailing_zeros();
        mask &= mask.checked_sub(1)?;
        Some(lowest as usize)
    })
}

#[cfg(test)]
mod tests;
