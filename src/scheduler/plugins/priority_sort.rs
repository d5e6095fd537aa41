//! PrioritySort: the order of the scheduling queue.

use std::cmp::Reverse;

use crate::engine::SimTime;

/// The place of a pod in the active queue, least first: by priority, then by the time of its last queueing, then
/// by the order of queueing.
///
/// Upstream leaves the last to chance.
/// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/queuesort/priority_sort.go, Less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct QueueKey {
    /// The larger the earlier.
    pub priority: Reverse<i32>,
    /// When the pod was queued, or queued again after an attempt that failed.
    pub queued_at: SimTime,
    /// The order of queueing.
    pub sequence: u64,
}
