//! How long a failed daemon pod is left alone: 1, 2, 4 … seconds, at most 15 minutes, by set, generation and node.
//!
//! Source: Kubernetes 1.28, pkg/controller/daemon/daemon_controller.go, failedPodsBackoffKey and BackoffMaxDuration;
//! client-go/util/flowcontrol/backoff.go.

use std::collections::BTreeMap;

use crate::engine::{SimDuration, SimTime};
use crate::model::meta::{Name, Uid};

const FIRST: SimDuration = SimDuration::from_secs(1);
const LONGEST: SimDuration = SimDuration::from_secs(15 * 60);

/// The back-offs of all sets and nodes.
#[derive(Debug, Clone, Default)]
pub struct FailureBackoff {
    entries: BTreeMap<BackoffKey, Entry>,
}

/// What a back-off is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BackoffKey {
    /// The set.
    pub set: Uid,
    /// The generation of the set that its status speaks of.
    pub generation: u64,
    /// The node.
    pub node: Name,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    wait: SimDuration,
    updated: SimTime,
}

impl FailureBackoff {
    /// How long the pod has to be left alone still; `None` where it may be removed now, which doubles the next wait.
    ///
    /// The whole wait is given again each time that somebody asks too early.
    pub fn check(&mut self, key: BackoffKey, now: SimTime) -> Option<SimDuration> {
        let is_expired = |entry: &Entry| now.since(entry.updated) > LONGEST.saturating_mul(2);
        let known = self.entries.get(&key).copied().filter(|entry| !is_expired(entry));
        if let Some(entry) = known.filter(|entry| now.since(entry.updated) < entry.wait) {
            return Some(entry.wait);
        }
        let wait = known.map_or(FIRST, |entry| entry.wait.saturating_mul(2).min(LONGEST));
        self.entries.retain(|_, entry| !is_expired(entry));
        self.entries.insert(key, Entry { wait, updated: now });
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::EntityKey;

    #[test]
    fn the_wait_doubles_and_begins_anew_after_a_long_peace() {
        let mut backoff = FailureBackoff::default();
        let mut check = |secs: u64, expected: Option<u64>| {
            let set = Uid { serial: 1, key: EntityKey(1) };
            let key = BackoffKey { set, generation: 1, node: "a".into() };
            let found = backoff.check(key, SimTime::from_secs(secs));
            assert_eq!(found, expected.map(SimDuration::from_secs), "at {secs}");
        };
        check(0, None);
        check(0, Some(1));
        check(1, None);
        check(2, Some(2));
        check(3, None);
        check(6, Some(4));
        check(7, None);
        check(7 + 1801, None);
        check(7 + 1802, None);
    }
}
