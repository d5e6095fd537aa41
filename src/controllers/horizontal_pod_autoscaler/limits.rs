//! How far an autoscaler may go at once: its bounds, and the policies of `behavior` or the rule of old.
//!
//! Source: Kubernetes 1.28, pkg/controller/podautoscaler/horizontal.go, convertDesiredReplicasWithRules,
//! convertDesiredReplicasWithBehaviorRate, calculateScaleUpLimitWithScalingRules,
//! calculateScaleDownLimitWithBehaviors.

use crate::controllers::horizontal_pod_autoscaler::memory::ScaleEvents;
use crate::engine::{SimDuration, SimTime};
use crate::model::horizontal_pod_autoscaler::{Behavior, ScalingPolicyType, ScalingRules, SelectPolicy};

/// Without `behavior`, a size may always grow to this at once.
const SCALE_UP_MINIMUM: u32 = 4;

/// The sizes that an autoscaler may choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The least.
    pub min: u32,
    /// The most.
    pub max: u32,
}

/// A size after the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limited {
    /// The replicas.
    pub replicas: u32,
    /// What cut it off; `None` where nothing did.
    pub by: Option<Limit>,
}

/// What cuts a size off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// `maxReplicas`.
    TooManyReplicas,
    /// `minReplicas`.
    TooFewReplicas,
    /// The speed upwards.
    ScaleUpLimit,
    /// The speed downwards.
    ScaleDownLimit,
}

impl Limit {
    /// The reason of the condition ScalingLimited, and its message.
    pub const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::TooManyReplicas => {
                ("TooManyReplicas", "the desired replica count is more than the maximum replica count")
            }
            Self::TooFewReplicas => {
                ("TooFewReplicas", "the desired replica count is less than the minimum replica count")
            }
            Self::ScaleUpLimit => {
                ("ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate")
            }
            Self::ScaleDownLimit => (
                "ScaleDownLimit",
                "the desired replica count is decreasing faster than the maximum scale rate",
            ),
        }
    }
}

/// A change of size that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The present size.
    pub current: u32,
    /// The wanted size.
    pub desired: u32,
}

/// The scalings that policies count.
#[derive(Debug, Clone, Copy)]
pub struct History<'a> {
    /// Upwards.
    pub ups: &'a ScaleEvents,
    /// Downwards.
    pub downs: &'a ScaleEvents,
    /// The present instant.
    pub now: SimTime,
}

/// Limits a size by the rule without `behavior`: it at most grows by `factor` at once.
pub fn limit(step: Step, bounds: Bounds, factor: u32) -> Limited {
    let fastest = step.current.saturating_mul(factor).max(SCALE_UP_MINIMUM);
    let (most, by) = if bounds.max > fastest {
        (fastest, Limit::ScaleUpLimit)
    } else {
        (bounds.max, Limit::TooManyReplicas)
    };
    if step.desired < bounds.min {
        Limited { replicas: bounds.min, by: Some(Limit::TooFewReplicas) }
    } else if step.desired > most {
        Limited { replicas: most, by: Some(by) }
    } else {
        Limited { replicas: step.desired, by: None }
    }
}

/// Limits a size by `behavior`.
pub fn limit_with_behavior(
    step: Step,
    bounds: Bounds,
    behavior: &Behavior,
    history: &History<'_>,
) -> Limited {
    let Step { current, desired } = step;
    if desired > current {
        let fastest = scale_up_limit(current, &behavior.scale_up, history).max(current);
        let (most, by) = if bounds.max > fastest {
            (fastest, Limit::ScaleUpLimit)
        } else {
            (bounds.max, Limit::TooManyReplicas)
        };
        if desired > most {
            return Limited { replicas: most, by: Some(by) };
        }
    } else if desired < current {
        let fastest = scale_down_limit(current, &behavior.scale_down, history).min(current);
        let (least, by) = if bounds.min < fastest {
            (fastest, Limit::ScaleDownLimit)
        } else {
            (bounds.min, Limit::TooFewReplicas)
        };
        if desired < least {
            return Limited { replicas: least, by: Some(by) };
        }
    }
    Limited { replicas: desired, by: None }
}

/// The largest size that the policies allow now.
pub fn scale_up_limit(current: u32, rules: &ScalingRules, history: &History<'_>) -> u32 {
    let limits = rules.policies.iter().map(|policy| {
        let start = history.size_before(current, policy.period);
        match policy.kind {
            ScalingPolicyType::Pods => start + f64::from(policy.value),
            // Rounded up, or a small size would never grow.
            ScalingPolicyType::Percent => libm::ceil(start * (1.0 + f64::from(policy.value) / 100.0)),
        }
    });
    let limit = match rules.select_policy {
        SelectPolicy::Disabled => return current,
        SelectPolicy::Max => limits.fold(f64::NEG_INFINITY, f64::max),
        SelectPolicy::Min => limits.fold(f64::INFINITY, f64::min),
    };
    whole(limit)
}

/// The smallest size that the policies allow now.
pub fn scale_down_limit(current: u32, rules: &ScalingRules, history: &History<'_>) -> u32 {
    let limits = rules.policies.iter().map(|policy| {
        let start = history.size_before(current, policy.period);
        match policy.kind {
            ScalingPolicyType::Pods => start - f64::from(policy.value),
            ScalingPolicyType::Percent => libm::trunc(start * (1.0 - f64::from(policy.value) / 100.0)),
        }
    });
    let limit = match rules.select_policy {
        SelectPolicy::Disabled => return current,
        SelectPolicy::Max => limits.fold(f64::INFINITY, f64::min),
        SelectPolicy::Min => limits.fold(f64::NEG_INFINITY, f64::max),
    };
    whole(limit)
}

impl History<'_> {
    /// The size at the start of a period, as far as the autoscaler itself has changed it since; others may have.
    fn size_before(&self, current: u32, period: SimDuration) -> f64 {
        let (added, removed) =
            (self.ups.change_within(period, self.now), self.downs.change_within(period, self.now));
        f64::from(current) - f64::from(added) + f64::from(removed)
    }
}

fn whole(limit: f64) -> u32 {
    limit.clamp(0.0, f64::from(i32::MAX)) as u32
}
