//! A choice among values with weights.

use rand_chacha::ChaCha8Rng;

use super::{DistributionError, at_least_zero};
use crate::engine::random::uniform;

/// A choice among values, each as likely as its share in the sum of the weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Weighted<T> {
    values: Vec<T>,
    /// The sum of the weights up to each value.
    cumulative: Vec<f64>,
}

impl<T> Weighted<T> {
    /// The choice among `values` with their weights, in this order. A value of weight 0 is never chosen.
    ///
    /// # Errors
    /// Where there are no values, a weight is negative or no number, or the weights do not have a positive, finite
    /// sum.
    pub fn new(values: impl IntoIterator<Item = (T, f64)>) -> Result<Self, DistributionError> {
        let values = Vec::from_iter(values);
        if values.is_empty() {
            return Err(DistributionError::Empty);
        }
        let mut choice = Self { values: Vec::new(), cumulative: Vec::new() };
        let mut total = 0.0;
        for (value, weight) in values {
            total += at_least_zero("weight", weight)?;
            if weight > 0.0 {
                choice.values.push(value);
                choice.cumulative.push(total);
            }
        }
        at_least_zero("sum of weights", total)?;
        if choice.values.is_empty() { Err(DistributionError::NoWeight) } else { Ok(choice) }
    }

    /// One of the values, by one draw.
    pub fn sample(&self, rng: &mut ChaCha8Rng) -> &T {
        self.at(uniform(rng))
    }

    /// The value in whose share `u` lies, of at least 0 and below 1, with the shares laid end to end.
    pub(super) fn at(&self, u: f64) -> &T {
        let position = u * self.total();
        let chosen = self.cumulative.partition_point(|&end| end <= position);
        &self.values[chosen.min(self.values.len() - 1)]
    }

    /// The values that can be chosen, each with its share in the sum of the weights.
    pub fn shares(&self) -> impl Iterator<Item = (&T, f64)> {
        let starts = std::iter::once(&0.0).chain(&self.cumulative);
        let ends = self.cumulative.iter();
        self.values
            .iter()
            .zip(starts.zip(ends))
            .map(|(value, (start, end))| (value, (end - start) / self.total()))
    }

    fn total(&self) -> f64 {
        *self.cumulative.last().expect("a choice has at least one value")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(weights: &[f64], chosen: &[(f64, usize)]) {
        let choice = Weighted::new(weights.iter().copied().enumerate()).unwrap();
        for &(u, expected) in chosen {
            assert_eq!(*choice.at(u), expected, "at {u}");
        }
    }

    #[test]
    fn each_value_is_chosen_in_its_share() {
        const LAST: f64 = 1.0 - f64::EPSILON / 2.0;
        check(&[7.0], &[(0.0, 0), (LAST, 0)]);
        check(&[0.5, 0.25, 0.25], &[(0.0, 0), (0.4999, 0), (0.5, 1), (0.7499, 1), (0.75, 2), (LAST, 2)]);
        check(&[9.0, 1.0], &[(0.8999, 0), (0.9, 1), (LAST, 1)]);
        check(&[0.0, 1.0, 0.0, 1.0, 0.0], &[(0.0, 1), (0.4999, 1), (0.5, 3), (LAST, 3)]);
        check(&[0.1, 0.1, 0.1], &[(LAST, 2)]);
    }

    #[test]
    fn weights_without_a_choice_are_refused() {
        let refused =
            |weights: &[f64]| Weighted::new(weights.iter().map(|&weight| ((), weight))).unwrap_err();
        assert_eq!(refused(&[]), DistributionError::Empty);
        assert_eq!(refused(&[0.0, 0.0]), DistributionError::NoWeight);
        assert_eq!(refused(&[1.0, -0.5]).to_string(), "`weight` is not a finite number of at least 0: -0.5");
        assert_eq!(refused(&[f64::NAN]).to_string(), "`weight` is not a finite number of at least 0: NaN");
        let sum = refused(&[f64::MAX, f64::MAX]).to_string();
        assert_eq!(sum, "`sum of weights` is not a finite number of at least 0: inf");
    }

    #[test]
    fn shares_are_parts_of_the_sum_of_weights() {
        let codes = Weighted::new([(0, 9.0), (7, 0.0), (1, 3.0)]).unwrap();
        assert_eq!(Vec::from_iter(codes.shares()), [(&0, 0.75), (&1, 0.25)]);
    }
}
