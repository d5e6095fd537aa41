//! The work queue of a controller: keys that are due now or later, each at most once.
//!
//! As upstream's delaying queue: a key that waits keeps its earliest due time, but once that has come it waits no
//! more, and what is added then is for later; a key added at once does not disturb the time that it waits for; a key
//! that is due twice at one instant is worked on once.
//! A queue may have a limit on the rate of its retries over all keys.
//! Source: Kubernetes 1.28, client-go/util/workqueue, delaying_queue.go and default_rate_limiters.go.

use std::hash::Hash;

use rustc_hash::FxHashMap;

use crate::component::turn::Timers;
use crate::engine::{SimDuration, SimTime};
use crate::event::{Event, EventId};

/// A work queue over keys of type `K`.
#[derive(Debug, Clone)]
pub struct WorkQueue<K> {
    entries: FxHashMap<K, Entry>,
    to_event: fn(K) -> Event,
    retry: Retry,
    bucket: Option<TokenBucket>,
}

/// The waits between retries after errors: doubling from the first to the longest.
#[derive(Debug, Clone, Copy)]
pub struct Retry {
    /// After the first error.
    pub first: SimDuration,
    /// At the most.
    pub longest: SimDuration,
}

/// A limit on the rate of retries: so many at once, and one more after each interval.
#[derive(Debug, Clone, Copy)]
pub struct TokenBucket {
    interval: SimDuration,
    burst: u64,
    /// When the bucket would be full again.
    full_at: SimTime,
}

impl TokenBucket {
    /// The limit of most controllers: 10 a second, 100 at once.
    /// Source: Kubernetes 1.28, client-go/util/workqueue, DefaultControllerRateLimiter.
    pub const CONTROLLER: Self =
        Self { interval: SimDuration::from_millis(100), burst: 100, full_at: SimTime::ZERO };

    /// Takes a token; returns how long it is until there is one.
    fn take(&mut self, now: SimTime) -> SimDuration {
        self.full_at = self.full_at.max(now) + self.interval;
        let capacity = self.interval.saturating_mul(self.burst);
        self.full_at.since(now + capacity)
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    ready: Option<EventId>,
    waiting: Option<(SimTime, EventId)>,
    n_errors: u32,
}

impl<K: Copy + Eq + Hash> WorkQueue<K> {
    /// An empty queue whose keys become due as the events that `to_event` makes.
    pub fn new(to_event: fn(K) -> Event, retry: Retry) -> Self {
        Self { entries: FxHashMap::default(), to_event, retry, bucket: None }
    }

    /// The queue with a limit on the rate of its retries.
    pub fn with_bucket(self, bucket: TokenBucket) -> Self {
        Self { bucket: Some(bucket), ..self }
    }

    /// Makes a key due now.
    pub fn add(&mut self, key: K, timers: &mut impl Timers) {
        let now = timers.now();
        let entry = self.entries.entry(key).or_default();
        if entry.ready.is_none() {
            entry.ready = Some(timers.set_timer(now, (self.to_event)(key)));
        }
    }

    /// Makes a key due after a span, unless it is due earlier already.
    pub fn add_after(&mut self, key: K, span: SimDuration, timers: &mut impl Timers) {
        if span.is_zero() {
            return self.add(key, timers);
        }
        let (now, due) = (timers.now(), timers.now() + span);
        let entry = self.entries.entry(key).or_default();
        match entry.waiting {
            Some((earlier, timer)) if earlier <= now => {
                if let Some(spare) = entry.ready.replace(timer) {
                    timers.cancel(spare);
                }
            }
            Some((earlier, _)) if earlier <= due => return,
            Some((_, timer)) => timers.cancel(timer),
            None => {}
        }
        entry.waiting = Some((due, timers.set_timer(due, (self.to_event)(key))));
    }

    /// Makes a key due after the wait that follows its next error in a row.
    pub fn add_after_error(&mut self, key: K, timers: &mut impl Timers) {
        let entry = self.entries.entry(key).or_default();
        let doublings = entry.n_errors.min(62);
        entry.n_errors += 1;
        let wait = self.retry.first.saturating_mul(1 << doublings).min(self.retry.longest);
        let for_token = self.bucket.as_mut().map(|bucket| bucket.take(timers.now())).unwrap_or_default();
        self.add_after(key, wait.max(for_token), timers);
    }

    /// Takes a key that is due out of the queue; the errors it had stay known.
    ///
    /// Returns false where the event that brought it is out of date.
    pub fn take(&mut self, key: K, timers: &mut impl Timers) -> bool {
        let now = timers.now();
        let Some(entry) = self.entries.get_mut(&key) else { return false };
        let ready = entry.ready.take();
        let waited = entry.waiting.take_if(|(due, _)| *due <= now).map(|(_, timer)| timer);
        for timer in [ready, waited].into_iter().flatten() {
            timers.cancel(timer);
        }
        ready.is_some() || waited.is_some()
    }

    /// Forgets the errors of a key.
    pub fn forget_errors(&mut self, key: K) {
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.n_errors = 0;
        }
    }

    /// How many errors a key has had in a row.
    pub fn n_errors(&self, key: K) -> u32 {
        self.entries.get(&key).map_or(0, |entry| entry.n_errors)
    }

    /// Drops a key and its timers.
    pub fn remove(&mut self, key: K, timers: &mut impl Timers) {
        let Some(entry) = self.entries.remove(&key) else { return };
        if let Some(timer) = entry.ready {
            timers.cancel(timer);
        }
        if let Some((_, timer)) = entry.waiting {
            timers.cancel(timer);
        }
    }
}
