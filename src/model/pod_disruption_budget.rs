//! Pod disruption budgets: spec and status of `policy/v1 PodDisruptionBudget`.

use std::collections::BTreeMap;

use crate::engine::SimTime;
use crate::model::amount::CountOrPercent;
use crate::model::meta::{LabelSelector, Labels, Name};
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisruptionAllowed {
    /// Whether it is True.
    pub is_true: bool,
    /// `SufficientPods`, `InsufficientPods` or `SyncFailed`.
    pub reason: &'static str,
    /// What kept the status from being computed; empty otherwise.
    pub message: Name,
    /// The last transition.
    pub since: SimTime,
}

/// The reason of the condition where the status cannot be told.
pub const SYNC_FAILED: &str = "SyncFailed";

impl PodDisruptionBudget {
    /// Whether a pod of this namespace with these labels is guarded. An empty selector guards every pod of the
    /// namespace, none at all guards no pod.
    /// Source: Kubernetes 1.28, client-go/listers/policy/v1/poddisruptionbudget_expansion.go.
    pub fn guards(&self, namespace: &str, labels: &Labels) -> bool {
        *self.meta.namespace == *namespace
            && self.spec.selector.as_ref().is_some_and(|selector| selector.matches(labels))
    }
}

impl PodDisruptionBudgetStatus {
    /// Whether no more disruptions are allowed than there are healthy pods to spare.
    pub const fn is_sound(&self) -> bool {
        self.disruptions_allowed <= self.current_healthy.saturating_sub(self.desired_healthy)
    }

    /// Brings the condition up to date with the disruptions allowed.
    /// Source: Kubernetes 1.28, component-helpers/apps/poddisruptionbudget/helpers.go, UpdateDisruptionAllowedCondition.
    pub fn update_condition(&mut self, now: SimTime) {
        let is_true = self.disruptions_allowed > 0;
        let reason = if is_true { "SufficientPods" } else { "InsufficientPods" };
        self.set_condition(is_true, reason, "".into(), now);
    }

    /// Whether the condition says what the disruptions allowed do.
    /// Source: Kubernetes 1.28, component-helpers/apps/poddisruptionbudget/helpers.go, ConditionsAreUpToDate.
    pub fn has_right_condition(&self) -> bool {
        let is_true = self.disruptions_allowed > 0;
        let condition = self.condition.as_ref();
        condition.is_some_and(|condition| condition.is_true == is_true && condition.reason != SYNC_FAILED)
    }

    /// Sets the condition; the time of its last transition moves only with its status.
    pub fn set_condition(&mut self, is_true: bool, reason: &'static str, message: Name, now: SimTime) {
        let same = self.condition.as_ref().filter(|old| old.is_true == is_true);
        let since = same.map_or_else(|| now.truncated_to_secs(), |old| old.since);
        self.condition = Some(DisruptionAllowed { is_true, reason, message, since });
    }
}
