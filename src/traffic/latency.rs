//! Latencies: their mean and their quantiles.
//!
//! All samples are kept up to [`EXACT_MAX`]; after that a histogram of three significant digits takes their place. Sum and
//! maximum are exact always.

use hdrhistogram::Histogram;

use crate::engine::SimDuration;

/// How many samples are kept.
pub const EXACT_MAX: usize = 1_000_000;
/// The longest latency that a histogram tells from longer ones.
const HISTOGRAM_MAX: SimDuration = SimDuration::from_secs(24 * 3600);

/// The latencies of requests.
#[derive(Debug, Clone, Default)]
pub struct Latencies {
    count: u64,
    sum: u128,
    max: u64,
    samples: Vec<u64>,
    histogram: Option<Box<Histogram<u64>>>,
}

/// What is shown of latencies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LatencySummary {
    /// How many there were.
    pub count: u64,
    /// All added up [ns].
    pub sum: u128,
    /// The mean.
    pub mean: SimDuration,
    /// Half were at most so long.
    pub p50: SimDuration,
    /// 90 of a hundred.
    pub p90: SimDuration,
    /// 95 of a hundred.
    pub p95: SimDuration,
    /// 99 of a hundred.
    pub p99: SimDuration,
    /// 999 of a thousand.
    pub p999: SimDuration,
    /// The longest.
    pub max: SimDuration,
}

/// A histogram of `digits` significant digits for latencies of a microsecond and more.
pub(super) fn histogram<C: hdrhistogram::Counter>(digits: u8) -> Histogram<C> {
    Histogram::new_with_bounds(1_000, HISTOGRAM_MAX.as_nanos(), digits)
        .expect("a microsecond to a day is a range for every number of digits")
}

impl Latencies {
    /// Adds a latency.
    #[inline]
    pub(super) fn add(&mut self, latency: SimDuration) {
        let nanos = latency.as_nanos();
        self.count += 1;
        self.sum += u128::from(nanos);
        self.max = self.max.max(nanos);
        match &mut self.histogram {
            Some(histogram) => histogram.saturating_record(nanos),
            None if self.samples.len() < EXACT_MAX => self.samples.push(nanos),
            None => {
                let mut histogram = Box::new(histogram(3));
                for sample in std::mem::take(&mut self.samples) {
                    histogram.saturating_record(sample);
                }
                histogram.saturating_record(nanos);
                self.histogram = Some(histogram);
            }
        }
    }

    /// What is shown of them.
    pub fn summary(&self) -> LatencySummary {
        let [p50, p90, p95, p99, p999] = self.quantiles([500, 900, 950, 990, 999]);
        LatencySummary {
            count: self.count,
            sum: self.sum,
            mean: SimDuration::from_nanos((self.sum / u128::from(self.count.max(1))) as u64),
            p50,
            p90,
            p95,
            p99,
            p999,
            max: SimDuration::from_nanos(self.max),
        }
    }

    /// For each of some numbers the least latency that so many of a thousand do not exceed.
    pub fn quantiles<const N: usize>(&self, per_mille: [u64; N]) -> [SimDuration; N] {
        let mut sorted = self.samples.clone();
        sorted.sort_unstable();
        per_mille.map(|per_mille| {
            let nanos = match &self.histogram {
                Some(histogram) => histogram.value_at_quantile(per_mille as f64 / 1000.0).min(self.max),
                None => nearest_rank(&sorted, per_mille),
            };
            SimDuration::from_nanos(nanos)
        })
    }
}

/// The least sample that so many of a thousand do not exceed; zero where there is none.
fn nearest_rank(sorted: &[u64], per_mille: u64) -> u64 {
    let rank = (sorted.len() as u64 * per_mille).div_ceil(1000).max(1);
    sorted.get(rank as usize - 1).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_exact_up_to_a_million_samples_and_within_a_thousandth_beyond() {
        let mut latencies = Latencies::default();
        for number in (1..=1_000_000_u64).rev() {
            latencies.add(SimDuration::from_nanos(number * 1_000));
        }
        let exact = latencies.summary();
        assert_eq!(exact.p50, SimDuration::from_millis(500));
        assert_eq!(exact.p999, SimDuration::from_millis(999));
        assert_eq!(exact.max, SimDuration::from_secs(1));
        latencies.add(SimDuration::from_secs(1));
        let rough = latencies.summary();
        assert_eq!((rough.count, rough.max), (1_000_001, SimDuration::from_secs(1)));
        let near = |rough: SimDuration, exact: SimDuration| {
            let (rough, exact) = (rough.as_secs_f64(), exact.as_secs_f64());
            assert!((rough - exact).abs() <= exact / 1000.0, "{rough} is not near {exact}");
        };
        for (rough, exact) in [(rough.p50, exact.p50), (rough.p99, exact.p99), (rough.p999, exact.p999)] {
            near(rough, exact);
        }
    }

    #[test]
    fn a_quantile_of_few_samples_is_one_of_them() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.summary().p99, SimDuration::ZERO);
        for millis in [3, 1, 2] {
            latencies.add(SimDuration::from_millis(millis));
        }
        let summary = latencies.summary();
        assert_eq!((summary.p50, summary.p99), (SimDuration::from_millis(2), SimDuration::from_millis(3)));
        assert_eq!(summary.mean, SimDuration::from_millis(2));
    }
}
