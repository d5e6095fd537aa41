//! The future event list: what happens next, in the order (time, rank, sequence number).
//!
//! At one instant the lowest rank goes first; within a rank, first scheduled, first out. An event scheduled at the
//! current instant takes its place among those still due at it: one of a lower rank than the event just popped
//! simply comes next.
//!
//! Events lie in a table; what is ordered are small entries that name them. The entries stand in three places, by how
//! near they are:
//!
//! ```text
//! schedule ─┬─ at the current instant ─> lanes: one queue per rank ──────┬─> pop
//!           ├─ within the window ──────> front: sorted, 64 at most ──────┘
//!           └─ later ──────────────────> wheel: 11 levels of 64 buckets
//!                                          └─ earliest bucket ─> front, lanes or lower levels,
//!                                             once lanes and front are empty
//! ```
//!
//! The current instant of the places is that of the event popped last, or a later one where only cancelled events were
//! found on the way to a limit; what is scheduled before it then goes to the front, too.
//!
//! The wheel is a radix heap of base 64 over the nanoseconds: an entry lies at the level of the highest digit in
//! which its time differs from the current instant, in the bucket of that digit. All entries of one instant are
//! therefore always in the same bucket, in the order in which they were scheduled, and an entry changes its place
//! at most eleven times, however many share its instant. A small bucket is not spread over lower levels: it becomes the
//! front as a whole, and the span of time that it covers the window.
//!
//! A cancelled event is gone at once, its entry is dropped where it is met. When a cancellation makes such entries clearly
//! more than the pending events, all are swept out: memory is bounded by the most events ever pending at one time.

mod lanes;
mod wheel;

use std::cmp::Reverse;
use std::fmt;

use super::arena::{Arena, Id};
use super::time::SimTime;
use lanes::Lanes;
use wheel::Wheel;

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
    /// The instant that places are relative to: `now`, or later where only cancelled events were found in between.
    base: SimTime,
    /// The bits in which a time agrees with `base` within the window of the front.
    fixed_bits: u64,
    next_seq: u64,
    /// Entries of cancelled events.
    n_cancelled: usize,
    events: Arena<E>,
    lanes: Lanes<E>,
    /// The entries within the window, and those before `base`; the earliest last. Those at `base` were scheduled before
    /// it became that.
    front: Vec<Entry<E>>,
    wheel: Wheel<E>,
}

/// Stands for an event in the order.
struct Entry<E> {
    time: SimTime,
    order: Order,
    id: Id<E>,
}

/// The order of events at one instant: rank in the upper 6 bits, sequence number in the lower 58.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Order(u64);

/// The length of the front at which an addition moves its later entries back to the wheel.
const FRONT_MAX: usize = 64;

/// The fixed bits of a window that is the current instant.
const NO_WINDOW: u64 = u64::MAX;

/// How many entries of cancelled events may be stored beyond the number of pending events.
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
            fixed_bits: NO_WINDOW,
            next_seq: 0,
            n_cancelled: 0,
            events: Arena::new(),
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
        self.events.len()
    }

    /// Whether nothing is pending.
    pub const fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Lets `event` happen at `at`, with the precedence `rank` among the events of that instant. By its id it can be
    /// cancelled.
    ///
    /// # Panics
    /// When `at` has passed: a component that changes the past has a bug.
    #[inline]
    pub fn schedule(&mut self, at: SimTime, rank: Rank, event: E) -> Id<E> {
        assert!(at >= self.now, "an event is scheduled at {at}, which has passed at {}", self.now);
        let id = self.events.insert_with(|_| event);
        let order = Order::new(rank, self.next_seq);
        self.next_seq += 1;
        self.place(Entry { time: at, order, id });
        id
    }

    /// Takes back an event; false where it has happened or was cancelled already.
    #[inline]
    pub fn cancel(&mut self, id: Id<E>) -> bool {
        let was_pending = self.events.remove(id).is_some();
        if was_pending {
            self.n_cancelled += 1;
            if self.n_cancelled > self.len() + CANCELLED_SLACK {
                self.sweep();
            }
        }
        was_pending
    }

    /// Takes out the event that is due next and sets the clock to its time; `None` where nothing is pending.
    pub fn pop(&mut self) -> Option<Scheduled<E>> {
        self.pop_until(SimTime::MAX)
    }

    /// Takes out the event that is due next and sets the clock to its time; `None` where nothing is due at `limit` or
    /// before.
    #[inline]
    pub fn pop_until(&mut self, limit: SimTime) -> Option<Scheduled<E>> {
        loop {
            let entry = self.take_next(limit)?;
            if let Some(event) = self.events.remove(entry.id) {
                self.now = entry.time;
                return Some(entry.into_scheduled(event));
            }
            self.n_cancelled -= 1;
        }
    }

    /// The time of the event that is due next. It takes a look at all that are near.
    pub fn peek_time(&self) -> Option<SimTime> {
        let is_pending = |entry: &Entry<E>| self.events.contains(entry.id);
        let near = self.front.iter().chain(self.lanes.iter()).filter(|entry| is_pending(entry));
        near.map(|entry| entry.time).min().or_else(|| self.wheel.earliest(is_pending))
    }

    #[inline]
    fn place(&mut self, entry: Entry<E>) {
        let difference = entry.time.as_nanos() ^ self.base.as_nanos();
        if difference == 0 {
            self.lanes.push(entry);
        } else if difference & self.fixed_bits == 0 || entry.time < self.base {
            self.place_in_front(entry);
        } else {
            self.wheel.insert(difference, entry);
        }
    }

    /// Most of what is scheduled is due soon, and the front is short: a walk from its end finds the place faster than a
    /// binary search does.
    #[inline]
    fn place_in_front(&mut self, entry: Entry<E>) {
        self.front.push(entry);
        let (front, key) = (self.front.as_mut_slice(), entry.key());
        let mut at = front.len() - 1;
        while at > 0 && front[at - 1].key() < key {
            front[at] = front[at - 1];
            at -= 1;
        }
        front[at] = entry;
        if front.len() >= FRONT_MAX && self.fixed_bits != NO_WINDOW {
            self.disperse_front();
        }
    }

    /// Moves all of the front to the wheel save what is due at the current instant: that precedes, within each
    /// rank, what the lanes hold.
    #[cold]
    fn disperse_front(&mut self) {
        self.fixed_bits = NO_WINDOW;
        let n_later = self.front.partition_point(|entry| entry.time > self.base);
        for entry in self.front.drain(..n_later).rev() {
            let difference = entry.time.as_nanos() ^ self.base.as_nanos();
            self.wheel.insert(difference, entry);
        }
    }

    /// The first entry, of a pending event or not, unless it is due after `limit`.
    #[inline]
    fn take_next(&mut self, limit: SimTime) -> Option<Entry<E>> {
        loop {
            let (front, lane) = (self.front.last(), self.lanes.first_order());
            let front = front.filter(|entry| lane.is_none_or(|order| entry.key() < key(self.base, order)));
            if let Some(entry) = front {
                if entry.time > limit {
                    return None;
                }
                self.base = self.base.max(entry.time);
                return self.front.pop();
            }
            if lane.is_some() {
                return if self.base > limit { None } else { self.lanes.pop() };
            }
            if !self.bring_nearer(limit) {
                return None;
            }
        }
    }

    /// Brings the entries of the first bucket nearer; false where nothing in it is due at `limit` or before. Lanes and front
    /// are empty.
    fn bring_nearer(&mut self, limit: SimTime) -> bool {
        let Some((span_bits, bucket)) = self.wheel.first() else { return false };
        let earliest = bucket.earliest(|_| true).expect("a bucket in use holds an entry");
        if earliest > limit {
            return false;
        }
        self.base = earliest;
        match self.wheel.take_first().into_single_chunk() {
            Ok(mut chunk) => {
                self.fixed_bits = !0 << span_bits;
                let n_entries = chunk.len();
                let events = &self.events;
                self.front.extend(chunk.drain(..).filter(|entry| events.contains(entry.id)));
                self.n_cancelled -= n_entries - self.front.len();
                self.front.sort_unstable_by_key(|entry| Reverse(entry.key()));
                self.wheel.recycle(chunk);
            }
            Err(bucket) => {
                self.fixed_bits = NO_WINDOW;
                for mut chunk in bucket.into_chunks() {
                    chunk.drain(..).for_each(|entry| self.place(entry));
                    self.wheel.recycle(chunk);
                }
            }
        }
        true
    }

    /// Drops the entries of all cancelled events.
    fn sweep(&mut self) {
        let is_pending = |entry: &Entry<E>| self.events.contains(entry.id);
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
            .field("len", &self.len())
            .field("peek_time", &self.peek_time())
            .finish_non_exhaustive()
    }
}

impl<E> Entry<E> {
    #[inline]
    const fn key(&self) -> u128 {
        key(self.time, self.order)
    }

    #[inline]
    const fn into_scheduled(self, event: E) -> Scheduled<E> {
        Scheduled { time: self.time, rank: self.order.rank(), seq: self.order.seq(), event }
    }
}

impl<E> Clone for Entry<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Entry<E> {}

/// The place in the order as one number.
#[inline]
const fn key(time: SimTime, order: Order) -> u128 {
    (time.as_nanos() as u128) << 64 | order.0 as u128
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
