//! A number of pods, or a share of them.

/// A number of pods, or a share of those wanted: `IntOrString` where it counts pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountOrPercent {
    /// So many.
    Count(u32),
    /// So many of a hundred.
    Percent(u32),
}

/// Where a share that is not whole goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// Up.
    Up,
    /// Down.
    Down,
}

impl CountOrPercent {
    /// The number of pods, out of `total`.
    /// Source: Kubernetes 1.28, apimachinery/pkg/util/intstr/intstr.go, GetScaledValueFromIntOrPercent.
    pub const fn of(self, total: u32, rounding: Rounding) -> u32 {
        match self {
            Self::Count(count) => count,
            Self::Percent(percent) => {
                let hundredths = total as u64 * percent as u64;
                let share = match rounding {
                    Rounding::Up => hundredths.div_ceil(100),
                    Rounding::Down => hundredths / 100,
                };
                if share > u32::MAX as u64 { u32::MAX } else { share as u32 }
            }
        }
    }
}

impl CountOrPercent {
    /// Whether it is nothing of any number of pods.
    pub const fn is_zero(self) -> bool {
        matches!(self, Self::Count(0) | Self::Percent(0))
    }
}

impl std::fmt::Display for CountOrPercent {
    /// As in the API: `3` or `25%`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(amount: CountOrPercent, total: u32, up: u32, down: u32) {
        assert_eq!((amount.of(total, Rounding::Up), amount.of(total, Rounding::Down)), (up, down));
    }

    #[test]
    fn a_share_that_is_not_whole_is_rounded_as_asked() {
        check(CountOrPercent::Count(2), 10, 2, 2);
        check(CountOrPercent::Percent(25), 10, 3, 2);
        check(CountOrPercent::Percent(100), 7, 7, 7);
        check(CountOrPercent::Percent(1), 0, 0, 0);
    }
}
