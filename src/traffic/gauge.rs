//! Numbers over time: how many requests are somewhere.

use crate::engine::SimTime;

/// A number that changes over time, with its integral.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Gauge {
    value: u32,
    max: u32,
    since: SimTime,
    /// [requests × ns]
    area: u128,
    /// The integral when the warm-up was over.
    warm_area: u128,
}

impl Gauge {
    /// The present number.
    #[inline]
    pub(super) const fn value(&self) -> u32 {
        self.value
    }

    /// The largest number since the warm-up.
    pub(super) const fn max(&self) -> u32 {
        self.max
    }

    /// One more.
    #[inline]
    pub(super) fn rise(&mut self, now: SimTime) {
        self.advance(now);
        self.value += 1;
        self.max = self.max.max(self.value);
    }

    /// One less.
    #[inline]
    pub(super) fn fall(&mut self, now: SimTime) {
        self.advance(now);
        self.value -= 1;
    }

    /// None are left.
    pub(super) fn clear(&mut self, now: SimTime) {
        self.advance(now);
        self.value = 0;
    }

    /// The warm-up is over.
    pub(super) fn warm_up(&mut self, now: SimTime) {
        self.advance(now);
        self.warm_area = self.area;
        self.max = self.value;
    }

    /// The integral since the beginning [requests × ns].
    #[inline]
    pub(super) fn area(&self, now: SimTime) -> u128 {
        self.area + u128::from(self.value) * u128::from(now.since(self.since).as_nanos())
    }

    /// The integral since the warm-up [requests × ns].
    pub(super) fn warm_area(&self, now: SimTime) -> u128 {
        self.area(now) - self.warm_area
    }

    #[inline]
    fn advance(&mut self, now: SimTime) {
        self.area = self.area(now);
        self.since = now;
    }
}
