//! The entries of the current instant: a queue for each rank.

use std::collections::VecDeque;

use super::{Entry, Order, Rank, ones};

/// The queues, with a mask of those that hold something.
#[derive(Clone)]
pub(super) struct Lanes<E> {
    occupied: u64,
    queues: Vec<VecDeque<Entry<E>>>,
}

impl<E> Lanes<E> {
    pub(super) fn new() -> Self {
        Self { occupied: 0, queues: (0..Rank::COUNT).map(|_| VecDeque::new()).collect() }
    }

    pub(super) fn push(&mut self, entry: Entry<E>) {
        let rank = entry.order.rank().index();
        self.occupied |= 1 << rank;
        self.queues[rank].push_back(entry);
    }

    /// The place of the first entry.
    #[inline]
    pub(super) fn first_order(&self) -> Option<Order> {
        let entry = self.queues.get(self.occupied.trailing_zeros() as usize)?.front()?;
        Some(entry.order)
    }

    pub(super) fn pop(&mut self) -> Option<Entry<E>> {
        let rank = self.occupied.trailing_zeros() as usize;
        let queue = self.queues.get_mut(rank)?;
        let entry = queue.pop_front();
        if queue.is_empty() {
            self.occupied &= !(1 << rank);
        }
        entry
    }

    /// All entries in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry<E>> {
        ones(self.occupied).flat_map(|rank| &self.queues[rank])
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&Entry<E>) -> bool) {
        for rank in ones(self.occupied) {
            self.queues[rank].retain(&keep);
            if self.queues[rank].is_empty() {
                self.occupied &= !(1 << rank);
            }
        }
    }
}
