//! Random durations, and the laws of random numbers underneath.
//!
//! Every sample takes exactly one draw from its stream, whatever the law, also of a constant: what is drawn after
//! it stays the same when one law is replaced by another. A sample is the quantile at the uniform number drawn, so
//! that variants that share their random numbers are long and short together. All functions beyond the arithmetic of IEEE 754
//! come from `libm`: the same seed gives the same bits on every machine.

mod normal;
mod weighted;

use rand_chacha::ChaCha8Rng;

use super::random::uniform;
use super::time::SimDuration;

pub use weighted::Weighted;

/// A distribution of durations.
///
/// ```
/// use cluster_sim::engine::{Distribution, SimDuration};
///
/// let request = Distribution::exponential(SimDuration::from_millis(5));
/// assert_eq!(request.mean(), Some(SimDuration::from_millis(5)));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    /// The law of the number of nanoseconds.
    nanos: Law,
}

/// A law of random numbers that are never negative.
#[derive(Debug, Clone, PartialEq)]
pub struct Law(Shape);

#[derive(Debug, Clone, PartialEq)]
enum Shape {
    Constant(f64),
    Uniform { low: f64, high: f64 },
    Exponential { mean: f64 },
    Normal { mean: f64, sd: f64 },
    Lognormal { median: f64, sigma: f64 },
    Pareto { minimum: f64, shape: f64 },
    Empirical(Weighted<f64>),
}

/// Parameters that no law has.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum DistributionError {
    /// A parameter is negative, infinite or no number.
    #[error("`{parameter}` is not a finite number of at least 0: {value}")]
    Negative {
        /// The name of the parameter.
        parameter: &'static str,
        /// What was given.
        value: f64,
    },
    /// A parameter is zero, negative, infinite or no number.
    #[error("`{parameter}` is not a finite number above 0: {value}")]
    NotPositive {
        /// The name of the parameter.
        parameter: &'static str,
        /// What was given.
        value: f64,
    },
    /// Two parameters are in the wrong order.
    #[error("`{upper}` is less than `{lower}`")]
    Reversed {
        /// The name of the parameter that should be less.
        lower: &'static str,
        /// The name of the parameter that should be greater.
        upper: &'static str,
    },
    /// An empty list.
    #[error("there is no value to choose from")]
    Empty,
    /// Weights that are all zero.
    #[error("no weight is above 0")]
    NoWeight,
}

impl Distribution {
    /// Whether every sample is the same.
    pub const fn is_constant(&self) -> bool {
        matches!(self.nanos.0, Shape::Constant(_))
    }

    /// Always `value`.
    pub fn constant(value: SimDuration) -> Self {
        Self::of(Shape::Constant(nanos(value)))
    }

    /// Every duration between `low` and `high` as likely as another.
    ///
    /// # Errors
    /// Where `high` is less than `low`.
    pub fn uniform(low: SimDuration, high: SimDuration) -> Result<Self, DistributionError> {
        Ok(Self { nanos: Law::uniform(nanos(low), nanos(high))? })
    }

    /// The time to the next of events that come independently at a steady rate, `mean` apart on average.
    pub fn exponential(mean: SimDuration) -> Self {
        Self::of(Shape::Exponential { mean: nanos(mean) })
    }

    /// Around `mean`, with the standard deviation `sd`; what would be negative is zero.
    pub fn normal(mean: SimDuration, sd: SimDuration) -> Self {
        Self::of(Shape::Normal { mean: nanos(mean), sd: nanos(sd) })
    }

    /// Skewed to the right, half of all durations below `p50` and 99 of a hundred below `p99`.
    ///
    /// # Errors
    /// Where `p50` is zero or `p99` less than it.
    pub fn lognormal(p50: SimDuration, p99: SimDuration) -> Result<Self, DistributionError> {
        Ok(Self { nanos: Law::lognormal(nanos(p50), nanos(p99))? })
    }

    /// At least `minimum`, with a heavy tail: twice as long is 2^`shape` times as rare.
    ///
    /// # Errors
    /// Where one of the parameters is not above 0.
    pub fn pareto(minimum: SimDuration, shape: f64) -> Result<Self, DistributionError> {
        Ok(Self { nanos: Law::pareto(nanos(minimum), shape)? })
    }

    /// One of the observed `samples`, each with its weight.
    ///
    /// # Errors
    /// As [`Weighted::new`].
    pub fn empirical(
        samples: impl IntoIterator<Item = (SimDuration, f64)>,
    ) -> Result<Self, DistributionError> {
        let samples = samples.into_iter().map(|(sample, weight)| (nanos(sample), weight));
        Ok(Self { nanos: Law::empirical(samples)? })
    }

    /// A duration, by one draw.
    pub fn sample(&self, rng: &mut ChaCha8Rng) -> SimDuration {
        to_duration(self.nanos.sample(rng))
    }

    /// The duration that a sample exceeds with probability 1 - `u`, of at least 0 and below 1.
    pub fn quantile(&self, u: f64) -> SimDuration {
        to_duration(self.nanos.quantile(u))
    }

    /// The mean; `None` where the tail is too heavy for one.
    pub fn mean(&self) -> Option<SimDuration> {
        self.nanos.mean().map(to_duration)
    }

    const fn of(shape: Shape) -> Self {
        Self { nanos: Law(shape) }
    }
}

impl Law {
    /// Always `value`.
    ///
    /// # Errors
    /// Where `value` is negative or no number.
    pub fn constant(value: f64) -> Result<Self, DistributionError> {
        Ok(Self(Shape::Constant(at_least_zero("value", value)?)))
    }

    /// Every number from `low` to `high` as likely as another.
    ///
    /// # Errors
    /// Where one is negative or no number, or `high` is less than `low`.
    pub fn uniform(low: f64, high: f64) -> Result<Self, DistributionError> {
        let (low, high) = (at_least_zero("low", low)?, at_least_zero("high", high)?);
        in_order(("low", low), ("high", high))?;
        Ok(Self(Shape::Uniform { low, high }))
    }

    /// The exponential law.
    ///
    /// # Errors
    /// Where `mean` is negative or no number.
    pub fn exponential(mean: f64) -> Result<Self, DistributionError> {
        Ok(Self(Shape::Exponential { mean: at_least_zero("mean", mean)? }))
    }

    /// The normal law of that mean and standard deviation, with 0 in place of negative numbers.
    ///
    /// # Errors
    /// Where one is negative or no number.
    pub fn normal(mean: f64, sd: f64) -> Result<Self, DistributionError> {
        Ok(Self(Shape::Normal { mean: at_least_zero("mean", mean)?, sd: at_least_zero("sd", sd)? }))
    }

    /// The lognormal law with that median and 99th percentile.
    ///
    /// # Errors
    /// Where `p50` is not above 0, or `p99` is no number or less than `p50`.
    pub fn lognormal(p50: f64, p99: f64) -> Result<Self, DistributionError> {
        let (median, p99) = (above_zero("p50", p50)?, at_least_zero("p99", p99)?);
        in_order(("p50", median), ("p99", p99))?;
        let sigma = (libm::log(p99) - libm::log(median)) / normal::quantile(0.99);
        Ok(Self(Shape::Lognormal { median, sigma }))
    }

    /// The Pareto law of that minimum and tail index.
    ///
    /// # Errors
    /// Where one is not above 0.
    pub fn pareto(minimum: f64, shape: f64) -> Result<Self, DistributionError> {
        Ok(Self(Shape::Pareto {
            minimum: above_zero("minimum", minimum)?,
            shape: above_zero("shape", shape)?,
        }))
    }

    /// One of the observed `samples`, each with its weight.
    ///
    /// # Errors
    /// Where a sample is negative or no number, and as [`Weighted::new`].
    pub fn empirical(samples: impl IntoIterator<Item = (f64, f64)>) -> Result<Self, DistributionError> {
        let mut samples = Vec::from_iter(samples);
        for &(sample, _) in &samples {
            at_least_zero("sample", sample)?;
        }
        samples.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        Ok(Self(Shape::Empirical(Weighted::new(samples)?)))
    }

    /// A number, by one draw.
    pub fn sample(&self, rng: &mut ChaCha8Rng) -> f64 {
        self.quantile(uniform(rng))
    }

    /// The mean; `None` where the tail is too heavy for one.
    pub fn mean(&self) -> Option<f64> {
        match &self.0 {
            Shape::Constant(value) => Some(*value),
            Shape::Uniform { low, high } => Some(low + (high - low) / 2.0),
            Shape::Exponential { mean } => Some(*mean),
            Shape::Normal { mean, sd } => Some(normal::mean_cut_at_zero(*mean, *sd)),
            Shape::Lognormal { median, sigma } => Some(median * libm::exp(sigma * sigma / 2.0)),
            Shape::Pareto { minimum, shape } => (*shape > 1.0).then(|| minimum * (shape / (shape - 1.0))),
            Shape::Empirical(samples) => Some(samples.shares().map(|(value, share)| value * share).sum()),
        }
    }

    /// The number that a sample exceeds with probability 1 - `u`, of at least 0 and below 1.
    fn quantile(&self, u: f64) -> f64 {
        match &self.0 {
            Shape::Constant(value) => *value,
            Shape::Uniform { low, high } => low + (high - low) * u,
            Shape::Exponential { mean } => -mean * libm::log1p(-u),
            Shape::Normal { mean, sd } => (mean + sd * standard_normal(u)).max(0.0),
            Shape::Lognormal { median, sigma } => median * libm::exp(sigma * standard_normal(u)),
            Shape::Pareto { minimum, shape } => minimum * libm::pow(1.0 - u, -1.0 / shape),
            Shape::Empirical(samples) => *samples.at(u),
        }
    }
}

/// The quantile of the standard normal law, with half a step of [`uniform`] in place of 0.
fn standard_normal(u: f64) -> f64 {
    const HALF_STEP: f64 = f64::EPSILON / 4.0;
    normal::quantile(u.max(HALF_STEP))
}

const fn nanos(span: SimDuration) -> f64 {
    span.as_nanos() as f64
}

/// The duration of that many nanoseconds, rounded, at most [`SimDuration::MAX`].
const fn to_duration(nanos: f64) -> SimDuration {
    SimDuration::from_nanos((nanos + 0.5) as u64)
}

fn at_least_zero(parameter: &'static str, value: f64) -> Result<f64, DistributionError> {
    let is_valid = value.is_finite() && value >= 0.0;
    if is_valid { Ok(value) } else { Err(DistributionError::Negative { parameter, value }) }
}

fn above_zero(parameter: &'static str, value: f64) -> Result<f64, DistributionError> {
    let is_valid = value.is_finite() && value > 0.0;
    if is_valid { Ok(value) } else { Err(DistributionError::NotPositive { parameter, value }) }
}

fn in_order(lower: (&'static str, f64), upper: (&'static str, f64)) -> Result<(), DistributionError> {
    let is_valid = lower.1 <= upper.1;
    if is_valid { Ok(()) } else { Err(DistributionError::Reversed { lower: lower.0, upper: upper.0 }) }
}

#[cfg(test)]
mod tests;
