//! Lists of completion indexes: `0,2-5,7`.

use thiserror::Error;

use crate::model::job::IndexSet;

/// Why a text is not a list of indexes, in upstream's words.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IndexesError {
    /// An item has more than one hyphen.
    #[error(
        "the fragment {0:?} violates the requirement that an index interval can have at most two parts separated \
         by '-'"
    )]
    Parts(String),
    /// An index is not a number.
    #[error("cannot convert string to integer for index: {0:?}")]
    NotANumber(String),
    /// An index is not below the number of completions.
    #[error("too large index: {0:?}")]
    TooLarge(String),
    /// An index is not above the one before it.
    #[error("non-increasing order, previous: {previous}, current: {current}")]
    Order {
        /// The index before.
        previous: u32,
        /// The index that should be larger.
        current: u32,
    },
}

/// Reads indexes below `completions`, in increasing order.
///
/// Source: Kubernetes 1.31, pkg/apis/batch/validation/validation.go, validateIndexesFormat.
///
/// # Errors
/// The first fault.
pub fn parse_indexes(text: &str, completions: u32) -> Result<IndexSet, IndexesError> {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for item in text.split(',').filter(|_| !text.is_empty()) {
        let (first, last) = parse_interval(item, completions)?;
        match ranges.last() {
            Some(&(_, previous)) if previous >= first => {
                return Err(IndexesError::Order { previous, current: first });
            }
            _ => ranges.push((first, last)),
        }
    }
    Ok(IndexSet::from_ranges(ranges))
}

fn parse_interval(item: &str, completions: u32) -> Result<(u32, u32), IndexesError> {
    let mut parts = item.split('-');
    let first = parts.next().unwrap_or_default();
    let last = parts.next();
    if parts.next().is_some() {
        return Err(IndexesError::Parts(item.to_owned()));
    }
    let first = parse_index(first, completions)?;
    let Some(last) = last else { return Ok((first, first)) };
    let last = parse_index(last, completions)?;
    if first >= last {
        return Err(IndexesError::Order { previous: first, current: last });
    }
    Ok((first, last))
}

fn parse_index(text: &str, completions: u32) -> Result<u32, IndexesError> {
    let index: u64 = text.parse().map_err(|_| IndexesError::NotANumber(text.to_owned()))?;
    let index = u32::try_from(index).ok().filter(|index| *index < completions);
    index.ok_or_else(|| IndexesError::TooLarge(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_are_read_in_increasing_order() {
        #[track_caller]
        fn check(text: &str, expected: &[(u32, u32)]) {
            assert_eq!(parse_indexes(text, 10).unwrap().ranges(), expected);
        }
        check("", &[]);
        check("0", &[(0, 0)]);
        check("1,3,5-9", &[(1, 1), (3, 3), (5, 9)]);
        check("1,2-4", &[(1, 4)]);
    }

    #[test]
    fn a_malformed_list_is_refused_in_upstreams_words() {
        #[track_caller]
        fn check(text: &str, message: &str) {
            assert_eq!(parse_indexes(text, 10).unwrap_err().to_string(), message);
        }
        check("invalid-format", "cannot convert string to integer for index: \"invalid\"");
        check("1,", "cannot convert string to integer for index: \"\"");
        check("-1", "cannot convert string to integer for index: \"\"");
        check("99999999999999999999", "cannot convert string to integer for index: \"99999999999999999999\"");
        check("10", "too large index: \"10\"");
        check("9999999999", "too large index: \"9999999999\"");
        check("2-10", "too large index: \"10\"");
        check("5-5", "non-increasing order, previous: 5, current: 5");
        check("3,1", "non-increasing order, previous: 3, current: 1");
        check("0-4,4", "non-increasing order, previous: 4, current: 4");
        check(
            "1-2-3",
            "the fragment \"1-2-3\" violates the requirement that an index interval can have at most two parts \
             separated by '-'",
        );
    }
}
