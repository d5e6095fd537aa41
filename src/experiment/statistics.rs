//! Statistics over trials: means with confidence intervals, and paired differences.
//!
//! Intervals are Student's t at 95 %. Everything goes through `libm`, so that the digits are the same on every machine.

/// The confidence of all intervals.
pub const CONFIDENCE: f64 = 0.95;

/// A mean and its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// Half the width of the 95 % interval around it; infinite for a single value.
    pub half_width: f64,
    /// The number of values.
    pub n: usize,
}

impl Estimate {
    /// The mean of some values; `None` for no value.
    pub fn of(values: &[f64]) -> Option<Self> {
        let n = values.len();
        if n == 0 {
            return None;
        }
        let mean = values.iter().sum::<f64>() / n as f64;
        if n == 1 {
            return Some(Self { mean, half_width: f64::INFINITY, n });
        }
        let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
        let deviation = libm::sqrt(squares / (n - 1) as f64);
        let half_width = t_quantile(n - 1) * deviation / libm::sqrt(n as f64);
        Some(Self { mean, half_width, n })
    }

    /// The mean of the differences `b - a` of values that belong together; `None` for no pair.
    pub fn of_differences(a: &[f64], b: &[f64]) -> Option<Self> {
        Self::of(&a.iter().zip(b).map(|(a, b)| difference(*a, *b)).collect::<Vec<_>>())
    }

    /// The lower end of the interval.
    pub fn low(&self) -> f64 {
        self.mean - self.half_width
    }

    /// The upper end of the interval.
    pub fn high(&self) -> f64 {
        self.mean + self.half_width
    }

    /// Whether zero lies inside of the interval, or a single value is all there is: no difference has been shown.
    pub fn holds_zero(&self) -> bool {
        self.low() <= 0.0 && 0.0 <= self.high()
    }
}

/// The least share of successes, with 95 % confidence, where there were so many in `n` independent trials.
/// Source: the one-sided exact interval of Clopper and Pearson.
pub fn share_at_least(n_successes: usize, n: usize) -> f64 {
    if n_successes == 0 {
        return 0.0;
    }
    let (a, b) = (n_successes as f64, (n - n_successes + 1) as f64);
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if beta_share(middle, a, b) < 1.0 - CONFIDENCE { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// The 95 % interval of a share of which `n_ok` of `n` were seen.
/// Source: Wilson, Probable inference, the law of succession, and statistical inference (1927).
pub fn share_interval(n_ok: usize, n: usize) -> (f64, f64) {
    /// The two-sided 95 % quantile of the normal distribution.
    const Z: f64 = 1.959_963_984_540_054;
    if n == 0 {
        return (0.0, 1.0);
    }
    let (n_runs, share) = (n as f64, n_ok as f64 / n as f64);
    let scale = 1.0 + Z * Z / n_runs;
    let middle = (share + Z * Z / (2.0 * n_runs)) / scale;
    let spread = share * (1.0 - share) / n_runs + Z * Z / (4.0 * n_runs * n_runs);
    let half_width = Z * libm::sqrt(spread) / scale;
    ((middle - half_width).max(0.0), (middle + half_width).min(1.0))
}

/// `b - a`; nothing where the two differ by no more than the rounding of their sums.
fn difference(a: f64, b: f64) -> f64 {
    let difference = b - a;
    if difference.abs() <= 1e-12 * a.abs().max(b.abs()) { 0.0 } else { difference }
}

/// The two-sided 95 % quantile of Student's t: half of what is left lies above it.
pub fn t_quantile(degrees: usize) -> f64 {
    let target = (1.0 + CONFIDENCE) / 2.0;
    let (mut low, mut high) = (0.0, 1000.0);
    // 100 halvings are more than the digits of a double.
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if t_cdf(middle, degrees as f64) < target { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// The share of Student's t below `t`, for `t` of at least 0.
fn t_cdf(t: f64, degrees: f64) -> f64 {
    1.0 - 0.5 * beta_share(degrees / (degrees + t * t), degrees / 2.0, 0.5)
}

/// The regularised incomplete beta function `I_x(a, b)`.
/// Source: the continued fraction of DLMF 8.17.22, evaluated by Lentz's method.
fn beta_share(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return x.clamp(0.0, 1.0);
    }
    // The fraction converges fast below this point only; above it the symmetry helps.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - beta_share(1.0 - x, b, a);
    }
    let log_beta = libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b);
    let front = libm::exp(a * libm::log(x) + b * libm::log1p(-x) - log_beta) / a;
    front / beta_fraction(x, a, b)
}

/// `1 + d1/(1 + d2/(1 + …))`, the continued fraction under the front of the incomplete beta function.
fn beta_fraction(x: f64, a: f64, b: f64) -> f64 {
    let away_from_zero = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let (mut value, mut c, mut d) = (1.0, 1.0, 0.0);
    for step in 1..500 {
        let m = f64::from(step / 2);
        let coefficient = if step % 2 == 0 {
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m))
        } else {
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))
        };
        d = 1.0 / away_from_zero(1.0 + coefficient * d);
        c = away_from_zero(1.0 + coefficient / c);
        value *= c * d;
        if (c * d - 1.0).abs() < 1e-15 {
            break;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_agree_with_the_tables() {
        let rows = [(1, 12.706), (2, 4.303), (5, 2.571), (9, 2.262), (29, 2.045), (99, 1.984), (999, 1.962)];
        for (degrees, expected) in rows {
            let found = t_quantile(degrees);
            assert!((found - expected).abs() < 0.0006, "{degrees}: {found}");
        }
    }

    #[test]
    fn a_share_is_bounded_as_the_tables_say() {
        // Of n successes in n trials the bound is the n-th root of 5 %.
        for (n_successes, n, expected) in
            [(20, 20, 0.8609), (19, 20, 0.7839), (30, 30, 0.9050), (5, 10, 0.2224)]
        {
            let found = share_at_least(n_successes, n);
            assert!((found - expected).abs() < 0.0001, "{n_successes} of {n}: {found}");
        }
        assert_eq!(share_at_least(0, 20), 0.0);
    }

    #[test]
    fn an_interval_is_as_wide_as_the_textbook_says() {
        let estimate = Estimate::of(&[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        assert_eq!(estimate.mean, 3.0);
        assert!((estimate.half_width - 1.9632).abs() < 0.0005, "{estimate:?}");
        assert_eq!(Estimate::of(&[]), None);
        assert_eq!(Estimate::of(&[7.0]).map(|one| one.half_width), Some(f64::INFINITY));
    }

    #[test]
    fn the_interval_of_a_share_stays_between_none_and_all() {
        for (n_ok, n, low, high) in
            [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (1, 4, 0.0456, 0.6994), (5, 10, 0.2366, 0.7634)]
        {
            let found = share_interval(n_ok, n);
            assert!(
                (found.0 - low).abs() < 1e-4 && (found.1 - high).abs() < 1e-4,
                "{n_ok} of {n}: {found:?}"
            );
        }
    }

    #[test]
    fn pairs_show_a_difference_that_the_noise_of_single_values_hides() {
        let a: Vec<f64> = (0..30).map(|i| f64::from(i * 37 % 30)).collect();
        let b: Vec<f64> = a.iter().zip(0..).map(|(a, i)| a + 0.5 + f64::from(i % 3) * 0.1).collect();
        let paired = Estimate::of_differences(&a, &b).unwrap();
        assert!(!paired.holds_zero() && (paired.mean - 0.6).abs() < 1e-9, "{paired:?}");
        let unpaired = Estimate::of(&b).unwrap();
        assert!(unpaired.low() < Estimate::of(&a).unwrap().mean);
        assert!(Estimate::of_differences(&a, &a).unwrap().holds_zero());
    }
}
