//! Sets of completion indexes, as `completedIndexes` and `failedIndexes` hold them.
//!
//! Invariant: the ranges are sorted and at least one missing index lies between any two of them, so that equal
//! sets have equal ranges and a set of n indexes in a row costs as much as one.
//!
//! Source: Kubernetes 1.28, pkg/controller/job/indexed_job_utils.go, orderedIntervals.

use std::fmt;

/// A set of completion indexes as sorted ranges, first and last included.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IndexSet {
    ranges: Vec<(u32, u32)>,
}

impl IndexSet {
    /// The set of the indexes in these ranges, first and last included, in any order.
    pub fn from_ranges(ranges: impl IntoIterator<Item = (u32, u32)>) -> Self {
        let mut sorted: Vec<_> = ranges.into_iter().filter(|(first, last)| first <= last).collect();
        sorted.sort_unstable();
        let mut set = Self { ranges: Vec::with_capacity(sorted.len()) };
        for range in sorted {
            set.push(range);
        }
        set
    }

    /// The ranges, sorted, first and last included.
    pub fn ranges(&self) -> &[(u32, u32)] {
        &self.ranges
    }

    /// Whether there is no index in the set.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// How many indexes there are.
    pub fn len(&self) -> u32 {
        self.ranges.iter().map(|(first, last)| last - first + 1).sum()
    }

    /// Whether an index is in the set.
    pub fn contains(&self, index: u32) -> bool {
        let at = self.ranges.partition_point(|(_, last)| *last < index);
        self.ranges.get(at).is_some_and(|(first, _)| *first <= index)
    }

    /// All indexes of both sets.
    pub fn union(&self, other: &Self) -> Self {
        if other.is_empty() {
            return self.clone();
        }
        Self::from_ranges(self.ranges.iter().chain(&other.ranges).copied())
    }

    /// The indexes below `limit`.
    pub fn below(&self, limit: u32) -> Self {
        let kept = self.ranges.iter().take_while(|(first, _)| *first < limit);
        Self { ranges: kept.map(|(first, last)| (*first, (*last).min(limit - 1))).collect() }
    }

    /// How many indexes the two sets have in common.
    pub fn count_common(&self, other: &Self) -> u32 {
        let (mut mine, mut theirs) = (self.ranges.iter().peekable(), other.ranges.iter().peekable());
        let mut common = 0;
        while let (Some((first, last)), Some((other_first, other_last))) = (mine.peek(), theirs.peek()) {
            let (from, to) = (first.max(other_first), last.min(other_last));
            common += (to + 1).saturating_sub(*from);
            if last < other_last {
                mine.next();
            } else {
                theirs.next();
            }
        }
        common
    }

    /// The lowest indexes below `limit` that are not in the set, at most `count` of them.
    pub fn lowest_missing(&self, count: u32, limit: u32) -> Vec<u32> {
        let mut missing = Vec::with_capacity(count.min(limit) as usize);
        let mut candidate = 0;
        for (first, last) in self.ranges.iter().copied().chain([(limit, limit)]) {
            while candidate < first.min(limit) && missing.len() < count as usize {
                missing.push(candidate);
                candidate += 1;
            }
            candidate = candidate.max(last.saturating_add(1));
        }
        missing
    }

    /// Adds a range that begins at or after the beginning of the last one.
    fn push(&mut self, (first, last): (u32, u32)) {
        match self.ranges.last_mut() {
            Some(previous) if first <= previous.1.saturating_add(1) => previous.1 = previous.1.max(last),
            _ => self.ranges.push((first, last)),
        }
    }
}

impl FromIterator<u32> for IndexSet {
    fn from_iter<I: IntoIterator<Item = u32>>(indexes: I) -> Self {
        Self::from_ranges(indexes.into_iter().map(|index| (index, index)))
    }
}

impl fmt::Display for IndexSet {
    /// The text of `completedIndexes`: `1,3-5,7`; a run of two is written as two.
    /// Source: Kubernetes 1.28, pkg/controller/job/indexed_job_utils.go, orderedIntervals.String.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (first, last)) in self.ranges.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            match last - first {
                0 => write!(f, "{comma}{first}")?,
                1 => write!(f, "{comma}{first},{last}")?,
                _ => write!(f, "{comma}{first}-{last}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_text(indexes: &[u32], text: &str) {
        assert_eq!(indexes.iter().copied().collect::<IndexSet>().to_string(), text);
    }

    #[test]
    fn a_run_of_three_is_written_as_a_range_and_a_run_of_two_is_not() {
        check_text(&[], "");
        check_text(&[1, 0], "0,1");
        check_text(&[7, 3, 5, 4, 1, 3], "1,3-5,7");
    }

    #[track_caller]
    fn check_missing(ranges: &[(u32, u32)], count: u32, limit: u32, missing: &[u32]) {
        assert_eq!(IndexSet::from_ranges(ranges.iter().copied()).lowest_missing(count, limit), missing);
    }

    #[test]
    fn the_lowest_missing_indexes_lie_in_the_gaps_and_below_the_limit() {
        check_missing(&[], 2, 5, &[0, 1]);
        check_missing(&[(4, 5)], 6, 6, &[0, 1, 2, 3]);
        check_missing(&[(2, 5), (8, 9)], 5, 20, &[0, 1, 6, 7, 10]);
        check_missing(&[(0, 9)], 3, 5, &[]);
        check_missing(&[], 0, 5, &[]);
    }

    #[test]
    fn sets_meet_and_are_cut_at_their_ranges() {
        let set = IndexSet::from_ranges([(8, 12), (2, 4), (5, 5)]);
        assert_eq!(set.ranges(), [(2, 5), (8, 12)]);
        assert_eq!(set.below(10).ranges(), [(2, 5), (8, 9)]);
        assert_eq!(set.below(0), IndexSet::default());
        assert_eq!(set.len(), 9);
        assert!(set.contains(8) && !set.contains(7) && !set.contains(13));
        assert_eq!(set.count_common(&IndexSet::from_ranges([(0, 3), (5, 9), (12, 20)])), 6);
        assert_eq!(set.union(&IndexSet::from_ranges([(6, 7)])).ranges(), [(2, 12)]);
    }
}
