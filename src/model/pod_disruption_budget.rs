//! Pod disruption budgets: spec and status of `policy/v1 PodDisruptionBudget`.

use std::collections::BTreeMap;

use crate::engine::SimTime;
use crate::model::amount::CountOrPercent;
use crate::model::meta::{LabelSelector, Name};
use crate::model::object::Object;

/// A pod disruption budget.
pub type PodDisruptionBudget = Object<PodDisruptionBudgetSpec, PodDisruptionBudgetStatus>;

/// What a budget asks for, after defaulting.
#[derive(Debug, Clone, PartialEq)]
pub struct PodDisruptionBudgetSpec {
    /// Which pods it guards; `None` is no pod.
    pub selector: Option<LabelSelector>,
    /// How much disruption it allows; `None` allows none.
    pub limit: Option<DisruptionLimit>,
    /// Which pods that are not ready may be evicted all the same.
    pub unhealthy_pods: UnhealthyPodEviction,
}

/// How much disruption a budget allows; percentages are rounded up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisruptionLimit {
    /// So many must be healthy.
    MinAvailable(CountOrPercent),
    /// So many may be missing.
    MaxUnavailable(CountOrPercent),
}

/// Which pods that are not ready may be evicted all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnhealthyPodEviction {
    /// Where enough others are healthy.
    #[default]
    IfHealthyBudget,
    /// All.
    AlwaysAllow,
}

/// What a budget allows at present.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PodDisruptionBudgetStatus {
    /// How many more pods may go.
    pub disruptions_allowed: u32,
    /// Pods that are healthy.
    pub current_healthy: u32,
    /// Pods that must be.
    pub desired_healthy: u32,
    /// Pods that are guarded.
    pub expected_pods: u32,
    /// Pods whose eviction was allowed and whose deletion was not yet seen, by name.
    pub disrupted_pods: BTreeMap<Name, SimTime>,
    /// The generation of the spec that this status is about.
    pub observed_generation: u64,
    /// The condition DisruptionAllowed, once the controller has written it.
    pub condition: Option<DisruptionAllowed>,
}

/// The condition DisruptionAllowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DisruptionAllowed {
    /// Whether it is True.
    pub is_true: bool,
    /// `SufficientPods`, `InsufficientPods` or `SyncFailed`.
    pub reason: &'static str,
    /// The last transition.
    pub since: SimTime,
}
