//! A table of living things by typed id.
//!
//! Slots of removed entries are used again, so memory is bounded by what is alive. An id carries the generation
//! of its slot: the id of a removed entry finds nothing, also after the slot has a new tenant. A slot that has used
//! up its generations is left behind. Iteration goes by slot; whoever needs an order that users see sorts by a key
//! of the entries.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;

/// The id of a `T` in an [`Arena`].
pub struct Id<T> {
    index: u32,
    generation: u32,
    kind: PhantomData<fn() -> T>,
}

/// A table of `T` by [`Id<T>`].
#[derive(Debug, Clone)]
pub struct Arena<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    len: usize,
}

#[derive(Debug, Clone)]
struct Slot<T> {
    generation: u32,
    entry: Option<T>,
}

impl<T> Id<T> {
    /// The position of the entry in the table, for side tables by index.
    #[inline]
    pub const fn index(self) -> usize {
        self.index as usize
    }
}

impl<T> Arena<T> {
    /// An empty table.
    pub const fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), len: 0 }
    }

    /// Adds the entry that `build` makes of its id.
    ///
    /// # Panics
    /// At 2³² living entries.
    #[inline]
    pub fn insert_with(&mut self, build: impl FnOnce(Id<T>) -> T) -> Id<T> {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { generation: 0, entry: None });
            u32::try_from(self.slots.len() - 1).expect("fewer than 2^32 entries are alive")
        });
        let slot = &mut self.slots[index as usize];
        let id = Id { index, generation: slot.generation, kind: PhantomData };
        slot.entry = Some(build(id));
        self.len += 1;
        id
    }

    /// Takes the entry out; `None` where it is gone already.
    #[inline]
    pub fn remove(&mut self, id: Id<T>) -> Option<T> {
        let slot = self.slots.get_mut(id.index())?;
        if slot.generation != id.generation {
            return None;
        }
        let entry = slot.entry.take()?;
        if let Some(next) = slot.generation.checked_add(1) {
            slot.generation = next;
            self.free.push(id.index);
        }
        self.len -= 1;
        Some(entry)
    }

    /// The entry, unless it is gone.
    #[inline]
    pub fn get(&self, id: Id<T>) -> Option<&T> {
        let slot = self.slots.get(id.index())?;
        if slot.generation == id.generation { slot.entry.as_ref() } else { None }
    }

    /// The entry to change, unless it is gone.
    #[inline]
    pub fn get_mut(&mut self, id: Id<T>) -> Option<&mut T> {
        let slot = self.slots.get_mut(id.index())?;
        if slot.generation == id.generation { slot.entry.as_mut() } else { None }
    }

    /// Whether the entry is not gone.
    #[inline]
    pub fn contains(&self, id: Id<T>) -> bool {
        self.get(id).is_some()
    }

    /// How many entries are alive.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is alive.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The number of slots ever used at one time: the length that a side table by index needs.
    pub fn n_slots(&self) -> usize {
        self.slots.len()
    }

    /// All entries with their ids, by slot.
    pub fn iter(&self) -> impl Iterator<Item = (Id<T>, &T)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| {
            let id = Id { index: index as u32, generation: slot.generation, kind: PhantomData };
            slot.entry.as_ref().map(|entry| (id, entry))
        })
    }

    /// All entries by slot.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.slots.iter().filter_map(|slot| slot.entry.as_ref())
    }

    /// The ids of all entries by slot.
    pub fn ids(&self) -> impl Iterator<Item = Id<T>> {
        self.iter().map(|(id, _)| id)
    }
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> std::ops::Index<Id<T>> for Arena<T> {
    type Output = T;

    #[inline]
    fn index(&self, id: Id<T>) -> &T {
        self.get(id).expect("the entry of an id held by its owner is alive")
    }
}

impl<T> std::ops::IndexMut<Id<T>> for Arena<T> {
    #[inline]
    fn index_mut(&mut self, id: Id<T>) -> &mut T {
        self.get_mut(id).expect("the entry of an id held by its owner is alive")
    }
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Id<T> {}

impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.index, self.generation) == (other.index, other.generation)
    }
}

impl<T> Eq for Id<T> {}

impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.index, self.generation).cmp(&(other.index, other.generation))
    }
}

impl<T> Hash for Id<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(u64::from(self.index) << 32 | u64::from(self.generation));
    }
}

impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}.{}", self.index, self.generation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_removed_entry_finds_nothing_though_its_slot_has_a_new_tenant() {
        let mut arena = Arena::new();
        let first = arena.insert_with(|_| "first");
        assert_eq!(arena.remove(first), Some("first"));
        let second = arena.insert_with(|_| "second");
        assert_eq!(first.index(), second.index());
        assert_eq!(arena.get(first), None);
        assert_eq!(arena.remove(first), None);
        assert_eq!(arena.get(second), Some(&"second"));
        assert_eq!((arena.len(), arena.n_slots()), (1, 1));
    }

    #[test]
    fn a_slot_without_generations_left_is_never_used_again() {
        let slots = vec![Slot { generation: u32::MAX - 1, entry: None }];
        let mut arena = Arena { slots, free: vec![0], len: 0 };
        for (entry, index) in [("one before the last", 0), ("last", 0), ("next", 1)] {
            let id = arena.insert_with(|_| entry);
            assert_eq!((id.index(), arena.remove(id)), (index, Some(entry)));
            assert_eq!((arena.contains(id), arena.remove(id)), (false, None));
        }
    }
}
