//! The scheduling queue: which pods wait, for what, and which is next.
//!
//! ```text
//!             add ──gates──▶ Gated
//!              │               │ ungated
//!              ▼               ▼
//!   ┌───────▶ Active ◀─────────┘
//!   │          │ pop                      event that could help
//!   │          ▼                       ┌────────────────────────────┐
//!   │       InFlight ──fail──▶ Unschedulable ──back-off is over──▶ Active
//!   │          │                       └──back-off goes on──▶ Backoff
//!   │          └─scheduled: gone                                  │
//!   └────────────────── flush, or nothing else is to do ──────────┘
//! ```
//!
//! The queue has no timers; the scheduler asks when the next flush could move a pod.
//! Source: Kubernetes 1.28, pkg/scheduler/internal/queue/scheduling_queue.go; 1.34, pkg/scheduler/backend/queue.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::engine::{SimDuration, SimTime};
use crate::model::ids::PodId;
use crate::model::pod::Pod;
use crate::scheduler::framework::PluginSet;
use crate::scheduler::plugins::priority_sort::QueueKey;

/// The back-off after the first failed attempt; it doubles with each.
const BACKOFF_FIRST: SimDuration = SimDuration::from_secs(1);
/// The longest back-off.
const BACKOFF_MAX: SimDuration = SimDuration::from_secs(10);
/// How often the back-off queue is flushed.
const BACKOFF_FLUSH: SimDuration = SimDuration::from_secs(1);
/// A pod that was unschedulable for longer than this is retried.
const UNSCHEDULABLE_MAX: SimDuration = SimDuration::from_secs(300);
/// How often pods are looked for that were unschedulable for too long.
const UNSCHEDULABLE_FLUSH: SimDuration = SimDuration::from_secs(30);

/// Whether pods in back-off are tried early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackoffMode {
    /// A pod waits for the flush after the end of its back-off.
    Wait,
    /// A pod is popped where nothing else is to do; expiries count by whole seconds (SchedulerPopFromBackoffQ).
    PopEarly,
}

/// The pods that wait to be placed.
#[derive(Debug, Clone)]
pub struct SchedulingQueue {
    mode: BackoffMode,
    /// Flushes come at whole periods after this.
    origin: SimTime,
    pods: FxHashMap<PodId, QueuedPod>,
    active: BTreeMap<QueueKey, PodId>,
    backoff: BTreeMap<BackoffKey, PodId>,
    /// In the order of failure.
    unschedulable: BTreeMap<u64, PodId>,
    n_sequences: u64,
}

/// A pod in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueuedPod {
    /// Its place among those that are next.
    pub key: QueueKey,
    /// How often it was tried.
    pub attempts: u32,
    /// The plugins that refused it the last time.
    pub rejectors: PluginSet,
    /// Where it is.
    pub place: Place,
}

/// Where in the queue a pod is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// It can be tried now.
    Active,
    /// It waits for the end of its back-off.
    Backoff,
    /// It waits for an event that could help.
    Unschedulable,
    /// It has scheduling gates.
    Gated,
    /// It is being tried.
    InFlight,
}

/// Where a pod goes after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterFailure {
    /// It waits for an event.
    Wait,
    /// Something happened meanwhile that could help: it waits for its back-off only.
    BackOff,
}

/// The order of the back-off queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct BackoffKey {
    expiry: SimTime,
    key: QueueKey,
}

impl SchedulingQueue {
    /// An empty queue whose flushes come at whole periods after `origin`.
    pub fn new(mode: BackoffMode, origin: SimTime) -> Self {
        Self {
            mode,
            origin,
            pods: FxHashMap::default(),
            active: BTreeMap::new(),
            backoff: BTreeMap::new(),
            unschedulable: BTreeMap::new(),
            n_sequences: 0,
        }
    }

    /// A pod in the queue.
    pub fn get(&self, pod: PodId) -> Option<&QueuedPod> {
        self.pods.get(&pod)
    }

    /// How many pods wait.
    pub fn len(&self) -> usize {
        self.pods.len()
    }

    /// Whether no pod waits.
    pub fn is_empty(&self) -> bool {
        self.pods.is_empty()
    }

    /// The pods that wait for an event, in the order of their failures.
    pub fn unschedulable(&self) -> impl Iterator<Item = (PodId, &QueuedPod)> {
        self.unschedulable.values().map(|pod| (*pod, &self.pods[pod]))
    }

    /// Adds a new pod, or one whose last gate is gone.
    pub fn add(&mut self, now: SimTime, id: PodId, pod: &Pod) {
        self.remove(id);
        let place = if pod.spec.scheduling_gates.is_empty() { Place::Active } else { Place::Gated };
        let key = self.new_key(now, pod.spec.priority);
        self.pods.insert(id, QueuedPod { key, attempts: 0, rejectors: PluginSet::EMPTY, place });
        if place == Place::Active {
            self.active.insert(key, id);
        }
    }

    /// Forgets a pod.
    pub fn remove(&mut self, id: PodId) {
        self.take_out(id);
        self.pods.remove(&id);
    }

    /// Whether a pod can be tried now.
    pub fn has_next(&self) -> bool {
        !self.active.is_empty() || self.early().is_some()
    }

    /// Takes the next pod to be tried.
    pub fn pop(&mut self) -> Option<PodId> {
        let id = match self.active.first_key_value() {
            Some((_, id)) => *id,
            None => self.early()?,
        };
        self.take_out(id);
        let queued = self.pods.get_mut(&id)?;
        queued.place = Place::InFlight;
        queued.attempts += 1;
        Some(id)
    }

    /// Puts a pod back that could not be placed.
    pub fn fail(&mut self, now: SimTime, id: PodId, rejectors: PluginSet, after: AfterFailure) {
        let Some(old) = self.pods.get(&id).copied() else { return };
        let key = self.new_key(now, old.key.priority.0);
        let queued = QueuedPod { key, rejectors, place: Place::Unschedulable, ..old };
        self.pods.insert(id, queued);
        match after {
            AfterFailure::Wait => {
                self.unschedulable.insert(key.sequence, id);
            }
            AfterFailure::BackOff => self.put_in_backoff(id),
        }
    }

    /// Retries a pod that waits for an event: now, or after its back-off.
    pub fn requeue(&mut self, now: SimTime, id: PodId) {
        let Some(queued) = self.pods.get(&id).copied() else { return };
        if queued.place != Place::Unschedulable {
            return;
        }
        self.take_out(id);
        if self.is_backing_off(now, &queued) {
            self.put_in_backoff(id);
        } else {
            self.activate(id);
        }
    }

    /// Makes a pod whose last gate is gone the next in its order.
    pub fn ungate(&mut self, id: PodId) {
        if self.pods.get(&id).is_some_and(|queued| queued.place == Place::Gated) {
            self.activate(id);
        }
    }

    /// When the next flush of the back-off queue moves a pod; `None` where none waits there.
    pub fn backoff_flush(&self) -> Option<SimTime> {
        let (first, _) = self.backoff.first_key_value()?;
        Some(match self.mode {
            BackoffMode::Wait => self.tick_from(first.expiry, BACKOFF_FLUSH),
            BackoffMode::PopEarly => self.tick_from(first.expiry + BACKOFF_FLUSH, BACKOFF_FLUSH),
        })
    }

    /// Moves the pods whose back-off is over into the active queue.
    pub fn flush_backoff(&mut self, now: SimTime) {
        while let Some((_, id)) = self.backoff.first_key_value() {
            let id = *id;
            if self.is_backing_off(now, &self.pods[&id]) {
                return;
            }
            self.take_out(id);
            self.activate(id);
        }
    }

    /// When the next pod has been unschedulable for too long; `None` where none waits for an event.
    pub fn unschedulable_flush(&self) -> Option<SimTime> {
        let (_, id) = self.unschedulable.first_key_value()?;
        let end = self.pods[id].key.queued_at + UNSCHEDULABLE_MAX;
        Some(self.tick_from(end + SimDuration::from_nanos(1), UNSCHEDULABLE_FLUSH))
    }

    /// Retries the pods that have been unschedulable for too long.
    pub fn flush_unschedulable(&mut self, now: SimTime) {
        while let Some((_, id)) = self.unschedulable.first_key_value() {
            let id = *id;
            if now.since(self.pods[&id].key.queued_at) <= UNSCHEDULABLE_MAX {
                return;
            }
            self.requeue(now, id);
        }
    }

    /// The pod to pop early, where the version does that. Pods that failed by an error wait.
    fn early(&self) -> Option<PodId> {
        let is_refused = |id: &&PodId| !self.pods[*id].rejectors.is_empty();
        match self.mode {
            BackoffMode::Wait => None,
            BackoffMode::PopEarly => self.backoff.values().find(is_refused).copied(),
        }
    }

    fn new_key(&mut self, now: SimTime, priority: i32) -> QueueKey {
        self.n_sequences += 1;
        QueueKey { priority: Reverse(priority), queued_at: now, sequence: self.n_sequences }
    }

    fn take_out(&mut self, id: PodId) {
        let Some(queued) = self.pods.get(&id) else { return };
        match queued.place {
            Place::Active => {
                self.active.remove(&queued.key);
            }
            Place::Backoff => {
                let key = BackoffKey { expiry: self.expiry(queued), key: queued.key };
                self.backoff.remove(&key);
            }
            Place::Unschedulable => {
                self.unschedulable.remove(&queued.key.sequence);
            }
            Place::Gated | Place::InFlight => {}
        }
    }

    fn activate(&mut self, id: PodId) {
        if let Some(queued) = self.pods.get_mut(&id) {
            queued.place = Place::Active;
            self.active.insert(queued.key, id);
        }
    }

    fn put_in_backoff(&mut self, id: PodId) {
        let Some(queued) = self.pods.get_mut(&id) else { return };
        queued.place = Place::Backoff;
        let queued = *queued;
        self.backoff.insert(BackoffKey { expiry: self.expiry(&queued), key: queued.key }, id);
    }

    /// The end of a pod's back-off.
    fn expiry(&self, queued: &QueuedPod) -> SimTime {
        let expiry = queued.key.queued_at + backoff(queued.attempts);
        match self.mode {
            BackoffMode::Wait => expiry,
            BackoffMode::PopEarly => expiry.truncated_to_secs(),
        }
    }

    fn is_backing_off(&self, now: SimTime, queued: &QueuedPod) -> bool {
        match self.mode {
            _ if queued.attempts == 0 => false,
            BackoffMode::Wait => self.expiry(queued) > now,
            BackoffMode::PopEarly => self.expiry(queued) >= now.truncated_to_secs(),
        }
    }

    /// The first tick at `at` or later.
    fn tick_from(&self, at: SimTime, period: SimDuration) -> SimTime {
        let n = at.since(self.origin).as_nanos().div_ceil(period.as_nanos());
        self.origin + period.saturating_mul(n)
    }
}

/// The back-off after so many attempts: 1, 2, 4, 8, 10, 10, … seconds.
/// Source: Kubernetes 1.28, pkg/scheduler/internal/queue/scheduling_queue.go, calculateBackoffDuration.
pub fn backoff(attempts: u32) -> SimDuration {
    let doublings = attempts.saturating_sub(1).min(8);
    BACKOFF_FIRST.saturating_mul(1 << doublings).min(BACKOFF_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_back_off_doubles_up_to_ten_seconds() {
        let seconds: Vec<_> = (1..8).map(|attempts| backoff(attempts).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 10, 10, 10]);
    }
}
