//! Later entries, by the digits of their times to base 64.
//!
//! The level of an entry is the position of the highest digit in which its time differs from the current
//! instant; the digit itself is its bucket. Whatever is at a lower level, or in a lower bucket of the same level,
//! is earlier. The caller moves the current instant only into the earliest bucket, and empties that as it does.

use std::mem;

use super::{Entry, ones};
use crate::engine::time::SimTime;

const DIGIT_BITS: u32 = 6;
const N_DIGITS: usize = 1 << DIGIT_BITS;
const N_LEVELS: usize = u64::BITS.div_ceil(DIGIT_BITS) as usize;

/// The most entries of a chunk. In chunks, large buckets are never copied as they grow, and give their memory to
/// others when they are emptied.
const CHUNK_LEN: usize = 64;

/// The levels of buckets, with masks of those that hold something.
#[derive(Clone)]
pub(super) struct Wheel<E> {
    occupied_levels: u64,
    occupied: [u64; N_LEVELS],
    /// By level, then digit.
    buckets: Vec<Bucket<E>>,
    /// Chunks without entries, to be used again.
    spare: Vec<Vec<Entry<E>>>,
}

/// Entries in the order in which they came.
#[derive(Clone)]
pub(super) struct Bucket<E> {
    full: Vec<Vec<Entry<E>>>,
    last: Vec<Entry<E>>,
}

impl<E> Wheel<E> {
    pub(super) fn new() -> Self {
        Self {
            occupied_levels: 0,
            occupied: [0; N_LEVELS],
            buckets: (0..N_LEVELS * N_DIGITS).map(|_| Bucket::empty()).collect(),
            spare: Vec::new(),
        }
    }

    /// Stores an entry whose time differs from the current instant in the bits of `difference`, not 0.
    pub(super) fn insert(&mut self, difference: u64, entry: Entry<E>) {
        let level = (difference.ilog2() / DIGIT_BITS) as usize;
        let digit = (entry.time.as_nanos() >> span_bits(level)) as usize % N_DIGITS;
        self.occupied_levels |= 1 << level;
        self.occupied[level] |= 1 << digit;
        self.buckets[level * N_DIGITS + digit].push(entry, &mut self.spare);
    }

    /// The bucket with the earliest entries, and the number of low bits in which their times differ.
    pub(super) fn first(&self) -> Option<(u32, &Bucket<E>)> {
        let (level, digit) = self.first_in_use()?;
        Some((span_bits(level), &self.buckets[level * N_DIGITS + digit]))
    }

    /// Takes out the bucket with the earliest entries; an empty one where there is none.
    pub(super) fn take_first(&mut self) -> Bucket<E> {
        let Some((level, digit)) = self.first_in_use() else { return Bucket::empty() };
        self.set_vacant(level, digit);
        self.buckets[level * N_DIGITS + digit].take()
    }

    /// Takes the memory of an emptied chunk back.
    pub(super) fn recycle(&mut self, chunk: Vec<Entry<E>>) {
        self.spare.push(chunk);
    }

    /// The time of the first entry that `is_pending`.
    pub(super) fn earliest(&self, is_pending: impl Fn(&Entry<E>) -> bool) -> Option<SimTime> {
        let in_order = ones(self.occupied_levels).flat_map(|level| {
            ones(self.occupied[level]).map(move |digit| &self.buckets[level * N_DIGITS + digit])
        });
        in_order.filter_map(|bucket| bucket.earliest(&is_pending)).next()
    }

    /// Drops the entries that are not to be kept.
    pub(super) fn retain(&mut self, keep: impl Fn(&Entry<E>) -> bool) {
        for level in ones(self.occupied_levels) {
            for digit in ones(self.occupied[level]) {
                self.buckets[level * N_DIGITS + digit].retain(&keep, &mut self.spare);
                if self.buckets[level * N_DIGITS + digit].last.is_empty() {
                    self.set_vacant(level, digit);
                }
            }
        }
    }

    /// How many chunks have memory.
    #[cfg(test)]
    pub(super) fn n_chunks(&self) -> usize {
        let in_use = |bucket: &Bucket<E>| bucket.full.len() + usize::from(bucket.last.capacity() > 0);
        self.spare.len() + self.buckets.iter().map(in_use).sum::<usize>()
    }

    /// Level and digit of the bucket with the earliest entries.
    fn first_in_use(&self) -> Option<(usize, usize)> {
        let level = self.occupied_levels.trailing_zeros() as usize;
        Some((level, self.occupied.get(level)?.trailing_zeros() as usize))
    }

    fn set_vacant(&mut self, level: usize, digit: usize) {
        self.occupied[level] &= !(1 << digit);
        if self.occupied[level] == 0 {
            self.occupied_levels &= !(1 << level);
        }
    }
}

impl<E> Bucket<E> {
    const fn empty() -> Self {
        Self { full: Vec::new(), last: Vec::new() }
    }

    const fn take(&mut self) -> Self {
        mem::replace(self, Self::empty())
    }

    fn push(&mut self, entry: Entry<E>, spare: &mut Vec<Vec<Entry<E>>>) {
        if self.last.len().is_multiple_of(CHUNK_LEN) {
            let chunk = spare.pop().unwrap_or_else(|| Vec::with_capacity(CHUNK_LEN));
            let full = mem::replace(&mut self.last, chunk);
            if !full.is_empty() {
                self.full.push(full);
            }
        }
        self.last.push(entry);
    }

    fn retain(&mut self, keep: impl Fn(&Entry<E>) -> bool, spare: &mut Vec<Vec<Entry<E>>>) {
        for mut chunk in self.take().into_chunks() {
            for entry in chunk.drain(..).filter(&keep) {
                self.push(entry, spare);
            }
            spare.push(chunk);
        }
    }

    /// All entries, or the bucket itself where they are more than a chunk holds.
    pub(super) fn into_single_chunk(self) -> Result<Vec<Entry<E>>, Self> {
        if self.full.is_empty() { Ok(self.last) } else { Err(self) }
    }

    /// All entries in the order in which they came.
    pub(super) fn into_chunks(self) -> impl Iterator<Item = Vec<Entry<E>>> {
        self.full.into_iter().chain([self.last])
    }

    /// The earliest time of the entries that are to be `counted`.
    pub(super) fn earliest(&self, counted: impl Fn(&Entry<E>) -> bool) -> Option<SimTime> {
        let entries = self.full.iter().flatten().chain(&self.last);
        entries.filter(|entry| counted(entry)).map(|entry| entry.time).min()
    }
}

/// In how many low bits the times of a bucket differ.
const fn span_bits(level: usize) -> u32 {
    level as u32 * DIGIT_BITS
}
