//! The search for the cheapest size that is enough, where more of anything is never worse, and the check that it is so.
//!
//! A size is a count of each thing that is asked about. Along the last of them the search doubles its steps until a
//! size is enough and then halves the gap; the others are gone through in order of price. What is at most a size that
//! is not enough is not tried, and what is dearer than the best so far neither. Then the sizes around
//! the answer are tried: wherever a size is enough and a larger one is not, the assumption was wrong, and said to be.

use std::collections::BTreeMap;

/// How many there are of each thing that is asked about.
pub type Size = Vec<u32>;

/// The sizes that may be tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Space {
    /// The smallest and the largest count of each thing.
    pub ranges: Vec<(u32, u32)>,
    /// The price of one of each [millionths].
    pub prices: Vec<u64>,
}

/// Which sizes are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// As many as the search needs.
    #[default]
    Bisect,
    /// All of them.
    All,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The cheapest size that is enough, among those that were tried.
    pub answer: Option<Size>,
    /// The sizes that were tried, and whether they are enough.
    pub tried: BTreeMap<Size, bool>,
    /// Pairs of a size that is enough and a larger one that is not.
    pub violations: Vec<(Size, Size)>,
}

impl Space {
    /// The order of sizes: by price, by how many there are of all, then by the counts in their order.
    pub fn key(&self, size: &[u32]) -> (u64, u64, Size) {
        let price = size.iter().zip(&self.prices).map(|(count, price)| u64::from(*count) * price).sum();
        (price, size.iter().map(|count| u64::from(*count)).sum(), size.to_vec())
    }

    /// How many sizes there are.
    pub fn n_sizes(&self) -> u64 {
        let counts = self.ranges.iter().map(|(from, to)| u64::from(to - from) + 1);
        counts.fold(1, u64::saturating_mul)
    }

    /// The largest size.
    pub fn largest(&self) -> Size {
        self.ranges.iter().map(|(_, to)| *to).collect()
    }

    /// All combinations of counts of the first `n` things, in order.
    fn combinations(&self, n: usize) -> Vec<Size> {
        let mut sizes: Vec<Size> = vec![Vec::new()];
        for (from, to) in &self.ranges[..n] {
            let with = |size: &Size, count: u32| [size.as_slice(), &[count]].concat();
            sizes = sizes.iter().flat_map(|size| (*from..=*to).map(move |count| with(size, count))).collect();
        }
        sizes.sort_by_cached_key(|size| self.key(size));
        sizes
    }
}

/// Searches for the cheapest size for which `is_enough`.
///
/// # Errors
/// The first error of `is_enough`.
pub fn search<E>(
    space: &Space,
    reach: Reach,
    is_enough: impl FnMut(&Size) -> Result<bool, E>,
) -> Result<Found, E> {
    let mut search = Search { space, is_enough, tried: BTreeMap::new() };
    match reach {
        Reach::All => {
            for size in space.combinations(space.ranges.len()) {
                search.ask(&size)?;
            }
        }
        Reach::Bisect => {
            search.find()?;
            search.look_around()?;
        }
    }
    let answer = search.best().cloned();
    let violations = violations(&search.tried);
    Ok(Found { answer, tried: search.tried, violations })
}

struct Search<'a, F> {
    space: &'a Space,
    is_enough: F,
    tried: BTreeMap<Size, bool>,
}

impl<E, F: FnMut(&Size) -> Result<bool, E>> Search<'_, F> {
    /// Tries a size, unless it was.
    fn ask(&mut self, size: &Size) -> Result<bool, E> {
        if let Some(known) = self.tried.get(size) {
            return Ok(*known);
        }
        let outcome = (self.is_enough)(size)?;
        self.tried.insert(size.clone(), outcome);
        Ok(outcome)
    }

    /// Whether a size is enough: no where a larger one is not, without a try.
    fn infer(&mut self, size: &Size) -> Result<bool, E> {
        let is_refuted = self.tried.iter().any(|(other, enough)| !enough && is_within(size, other));
        if is_refuted && !self.tried.contains_key(size) { Ok(false) } else { self.ask(size) }
    }

    fn best(&self) -> Option<&Size> {
        let enough = self.tried.iter().filter(|(_, enough)| **enough).map(|(size, _)| size);
        enough.min_by_key(|size| self.space.key(size))
    }

    fn find(&mut self) -> Result<(), E> {
        let last = self.space.ranges.len() - 1;
        for first in self.space.combinations(last) {
            if let Some(most) = self.most_worth_trying(&first) {
                self.find_along(&first, most)?;
            }
            // Where the first combination brought nothing, the largest size says whether any other can.
            if self.best().is_none() && !self.ask(&self.space.largest())? {
                break;
            }
        }
        Ok(())
    }

    /// The most of the last thing with which a size is cheaper than the best so far; `None` where none is.
    fn most_worth_trying(&self, first: &Size) -> Option<u32> {
        let (from, to) = self.space.ranges[first.len()];
        let Some(best) = self.best().map(|best| self.space.key(best)) else { return Some(to) };
        let is_cheaper = |count: &u32| self.space.key(&[first.as_slice(), &[*count]].concat()) < best;
        (from..=to).take_while(is_cheaper).last()
    }

    /// Finds the least of the last thing, up to `most`, that is enough beside the first ones.
    fn find_along(&mut self, first: &Size, most: u32) -> Result<(), E> {
        let size = |count: u32| [first.as_slice(), &[count]].concat();
        let (from, _) = self.space.ranges[first.len()];
        let (mut too_few, mut at, mut step) = (None, from, 1_u32);
        while !self.infer(&size(at))? {
            if at == most {
                return Ok(());
            }
            too_few = Some(at);
            at = at.saturating_add(step).min(most);
            step = step.saturating_mul(2);
        }
        let (mut low, mut enough) = (too_few.map_or(from, |count| count + 1), at);
        while low < enough {
            let middle = low + (enough - low) / 2;
            if self.infer(&size(middle))? { enough = middle } else { low = middle + 1 }
        }
        Ok(())
    }

    /// Tries what would show that more is sometimes worse: the sizes around the answer, or around the largest.
    fn look_around(&mut self) -> Result<(), E> {
        let reach = if self.space.ranges.len() == 1 { 2 } else { 1 };
        let center = self.best().cloned().unwrap_or_else(|| self.space.largest());
        for position in 0..center.len() {
            let (from, to) = self.space.ranges[position];
            for count in center[position].saturating_sub(reach)..=center[position].saturating_add(reach) {
                let mut size = center.clone();
                size[position] = count;
                if (from..=to).contains(&count) {
                    self.ask(&size)?;
                }
            }
        }
        Ok(())
    }
}

/// Whether a size has no more of anything than another.
pub fn is_within(size: &[u32], other: &[u32]) -> bool {
    size.iter().zip(other).all(|(count, other)| count <= other)
}

/// For each size that is not enough the largest smaller one that is.
fn violations(tried: &BTreeMap<Size, bool>) -> Vec<(Size, Size)> {
    let smaller = |size: &Size| {
        let enough = tried.iter().filter(|(other, enough)| **enough && is_within(other, size));
        enough.map(|(other, _)| other.clone()).max_by_key(|other| other.iter().sum::<u32>())
    };
    let not_enough = tried.iter().filter(|(_, enough)| !**enough).map(|(size, _)| size);
    not_enough.filter_map(|size| Some((smaller(size)?, size.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    fn found(space: &Space, reach: Reach, is_enough: impl Fn(&[u32]) -> bool) -> Found {
        let outcome: Result<Found, Infallible> = search(space, reach, |size| Ok(is_enough(size)));
        let Ok(found) = outcome;
        found
    }

    #[test]
    fn the_smallest_of_many_sizes_takes_few_tries() {
        let space = Space { ranges: vec![(1, 1000)], prices: vec![1] };
        let found = found(&space, Reach::Bisect, |size| size[0] >= 337);
        assert_eq!(found.answer, Some(vec![337]));
        assert!(found.tried.len() <= 22 && found.violations.is_empty(), "{found:?}");
    }

    #[test]
    fn a_size_that_is_worse_than_a_smaller_one_is_reported() {
        let space = Space { ranges: vec![(1, 12)], prices: vec![1] };
        let found = found(&space, Reach::Bisect, |size| size[0] >= 4 && size[0].is_multiple_of(2));
        assert_eq!(found.answer, Some(vec![4]));
        assert!(found.violations.contains(&(vec![4], vec![5])), "{found:?}");
    }

    #[test]
    fn where_nothing_is_enough_there_is_no_answer() {
        let space = Space { ranges: vec![(0, 30), (0, 30)], prices: vec![1, 2] };
        let found = found(&space, Reach::Bisect, |_| false);
        assert_eq!((found.answer, found.violations), (None, vec![]));
        assert!(found.tried.len() <= 12);
    }

    proptest! {
        #[test]
        fn the_search_finds_what_brute_force_finds(
            ranges in prop::collection::vec((0_u32..3, 0_u32..7), 1..4),
            prices in prop::collection::vec(0_u64..5, 3),
            corners in prop::collection::vec(prop::collection::vec(0_u32..9, 3), 0..4),
        ) {
            let ranges: Vec<_> = ranges.into_iter().map(|(from, span)| (from, from + span)).collect();
            let space = Space { prices: prices[..ranges.len()].to_vec(), ranges };
            let is_enough = |size: &[u32]| corners.iter().any(|corner| is_within(&corner[..size.len()], size));
            let (quick, brute) = (found(&space, Reach::Bisect, is_enough), found(&space, Reach::All, is_enough));
            prop_assert_eq!(&quick.answer, &brute.answer);
            prop_assert!(quick.violations.is_empty() && brute.violations.is_empty());
            prop_assert!(quick.tried.iter().all(|(size, enough)| brute.tried[size] == *enough));
            prop_assert_eq!(brute.tried.len() as u64, space.n_sizes());
        }
    }
}
