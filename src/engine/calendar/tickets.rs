//! The ids of pending events.
//!
//! A slot serves one event at a time and is used again when that event is gone, with the next generation: an id
//! names one event for ever. A slot that has used up its generations is left behind.

/// The id of a scheduled event, to cancel it by. It finds nothing after the event has happened or was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    slot: u32,
    generation: u32,
}

/// Which ids belong to pending events.
#[derive(Clone, Default)]
pub(super) struct Tickets {
    /// The generation of each slot's present or next event.
    generations: Vec<u32>,
    free: Vec<u32>,
}

impl Tickets {
    /// The generation that no id ever has.
    const USED_UP: u32 = u32::MAX;

    /// An id that no event had before.
    pub(super) fn issue(&mut self) -> EventId {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.generations.push(0);
            u32::try_from(self.generations.len() - 1).expect("fewer than 2^32 events are pending")
        });
        EventId { slot, generation: self.generations[slot as usize] }
    }

    /// Gives an id back; false where it was given back before.
    pub(super) fn redeem(&mut self, id: EventId) -> bool {
        let generation = &mut self.generations[id.slot as usize];
        let is_pending = *generation == id.generation;
        if is_pending {
            *generation = id.generation + 1;
            if *generation != Self::USED_UP {
                self.free.push(id.slot);
            }
        }
        is_pending
    }

    /// Whether the event of `id` is still to come.
    pub(super) fn is_pending(&self, id: EventId) -> bool {
        self.generations[id.slot as usize] == id.generation
    }

    /// How many slots there are.
    #[cfg(test)]
    pub(super) const fn n_slots(&self) -> usize {
        self.generations.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_without_generations_left_is_never_used_again() {
        let mut tickets = Tickets { generations: vec![u32::MAX - 1], free: vec![0] };
        let last = tickets.issue();
        assert!(tickets.redeem(last));
        let next = tickets.issue();
        assert_ne!(last.slot, next.slot);
        assert!(!tickets.is_pending(last) && !tickets.redeem(last));
        assert!(tickets.redeem(next));
    }
}
