//! Why an autoscaler chose a size: what `sim why` shows of a sync.

use crate::controllers::horizontal_pod_autoscaler::limits::Limit;
use crate::controllers::horizontal_pod_autoscaler::memory::Stabilized;
use crate::controllers::horizontal_pod_autoscaler::proposal::Asked;
use crate::engine::SimTime;

/// One sync in numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// When.
    pub at: SimTime,
    /// What decided.
    pub cause: Cause,
    /// The size before; `None` where the target was not found.
    pub current: Option<u32>,
    /// What each metric said, in the order of the spec.
    pub verdicts: Vec<Verdict>,
    /// What the metrics asked for together.
    pub recommended: Option<u32>,
    /// What recommendations of before made of it.
    pub stabilized: Option<Stabilized>,
    /// What cut it off.
    pub limited: Option<Limit>,
    /// The size after; `None` where none was chosen.
    pub desired: Option<u32>,
}

/// What decided in a sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The target was not found.
    NoTarget,
    /// The target had no replicas: autoscaling is off.
    Disabled,
    /// The target had more than `maxReplicas`.
    AboveMax,
    /// The target had less than `minReplicas`.
    BelowMin,
    /// The metrics, or that they could not be had.
    Metrics,
}

/// What a metric said in a sync.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// It asked for a number of replicas.
    Asked(Asked),
    /// It could not be had, for this reason.
    Failed(String),
}

impl Decision {
    /// A sync that has decided nothing yet.
    pub const fn at(at: SimTime) -> Self {
        Self {
            at,
            cause: Cause::NoTarget,
            current: None,
            verdicts: Vec::new(),
            recommended: None,
            stabilized: None,
            limited: None,
            desired: None,
        }
    }
}
