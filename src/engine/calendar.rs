//! stub
use crate::engine::SimTime;
use std::collections::BTreeMap;
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
/// r
pub struct Rank(u8);
impl Rank {
    /// n
    pub const fn new(r: u8) -> Self {
        Self(r)
    }
}
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
/// e
pub struct EventId(SimTime, Rank, u64);
#[derive(Debug, Clone)]
/// c
pub struct Calendar<E> {
    now: SimTime,
    seq: u64,
    map: BTreeMap<(SimTime, Rank, u64), E>,
}
/// s
pub struct Scheduled<E> {
    /// a
    pub time: SimTime,
    /// b
    pub rank: Rank,
    /// c
    pub seq: u64,
    /// d
    pub event: E,
}
impl<E> Calendar<E> {
    /// n
    pub fn new() -> Self {
        Self { now: SimTime::ZERO, seq: 0, map: BTreeMap::new() }
    }
    /// n
    pub fn now(&self) -> SimTime {
        self.now
    }
    /// s
    pub fn schedule(&mut self, at: SimTime, rank: Rank, event: E) -> EventId {
        self.seq += 1;
        self.map.insert((at, rank, self.seq), event);
        EventId(at, rank, self.seq)
    }
    /// c
    pub fn cancel(&mut self, id: EventId) -> bool {
        self.map.remove(&(id.0, id.1, id.2)).is_some()
    }
    /// p
    pub fn pop(&mut self) -> Option<Scheduled<E>> {
        let ((time, rank, seq), event) = self.map.pop_first()?;
        self.now = time;
        Some(Scheduled { time, rank, seq, event })
    }
}
