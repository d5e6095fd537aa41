//! Spans that may be drawn.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::manifest::scenario::Span;

/// A span, or a distribution of spans.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Delay {
    /// Always the same.
    Constant(Span),
    /// Drawn each time.
    Drawn(DelayDistribution),
}

/// A distribution of spans.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum DelayDistribution {
    /// Always the same.
    Constant(Span),
    /// Every span between two bounds alike.
    Uniform {
        /// The shortest.
        min: Span,
        /// The longest.
        max: Span,
    },
    /// Memoryless with this mean.
    Exponential(Span),
    /// A bell curve; negative draws count as zero.
    Normal {
        /// The mean.
        mean: Span,
        /// The standard deviation.
        sd: Span,
    },
    /// A skewed bell curve, given by two percentiles.
    Lognormal {
        /// Half of the draws are shorter.
        p50: Span,
        /// 99 of 100 draws are shorter.
        p99: Span,
    },
    /// A heavy tail.
    Pareto {
        /// The shortest.
        min: Span,
        /// The smaller, the heavier the tail.
        shape: f64,
    },
    /// One of these, all alike.
    Empirical(Vec<Span>),
}
