//! Eviction, as the API server judges it: a deletion that disruption budgets can stand against.
//!
//! The API server takes the status of the budget for what it is; who keeps it up to date is the disruption
//! controller. An eviction that is allowed lowers the budget by one and notes the pod in it, so that the next request
//! of the same instant finds less.
//!
//! Source: Kubernetes 1.28, pkg/registry/core/pod/storage/eviction.go.

use crate::cluster::{Cluster, Refusal};
use crate::engine::{SimDuration, SimTime};
use crate::event::{Change, StatusUpdate};
use crate::model::ids::{PodDisruptionBudgetId, PodId};
use crate::model::pod::Pod;
use crate::model::pod_disruption_budget::{
    PodDisruptionBudget, PodDisruptionBudgetStatus, UnhealthyPodEviction,
};
use crate::model::pod_status::Phase;

/// More noted pods than this in one budget, and it allows none. Source: eviction.go, MaxDisruptedPodSize.
const DISRUPTED_PODS_MAX: usize = 2000;

/// Why a pod is not evicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvictionRefusal {
    /// The budget allows no disruption at present.
    NoDisruptionAllowed {
        /// The budget.
        budget: PodDisruptionBudgetId,
        /// The pods that must be healthy.
        desired_healthy: u32,
        /// Those that are, by the status.
        current_healthy: u32,
    },
    /// The status is that of an older spec.
    StillProcessed(PodDisruptionBudgetId),
    /// Too many evictions were not confirmed by the disruption controller.
    TooManyUnconfirmed(PodDisruptionBudgetId),
    /// More than one budget guards the pod.
    SeveralBudgets,
}

/// What an eviction that is allowed does to the budget of the pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Permit {
    /// Nothing: no budget guards the pod, or the pod does not count.
    Free,
    /// It takes one disruption.
    Charged(PodDisruptionBudgetId, PodDisruptionBudgetStatus),
}

impl EvictionRefusal {
    /// The status code of the answer.
    pub const fn code(&self) -> u16 {
        match self {
            Self::NoDisruptionAllowed { .. } | Self::StillProcessed(_) => 429,
            Self::TooManyUnconfirmed(_) => 403,
            Self::SeveralBudgets => 500,
        }
    }

    /// How long the client is asked to wait.
    pub const fn retry_after(&self) -> Option<SimDuration> {
        match self {
            Self::StillProcessed(_) => Some(SimDuration::from_secs(10)),
            Self::NoDisruptionAllowed { .. } | Self::TooManyUnconfirmed(_) | Self::SeveralBudgets => None,
        }
    }

    /// The message of the answer.
    pub const fn message(&self) -> &'static str {
        match self {
            Self::NoDisruptionAllowed { .. } | Self::StillProcessed(_) => {
                "Cannot evict pod as it would violate the pod's disruption budget."
            }
            Self::TooManyUnconfirmed(_) => {
                "DisruptedPods map too big - too many evictions not confirmed by PDB controller"
            }
            Self::SeveralBudgets => {
                "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
            }
        }
    }

    /// The budget that stands against the eviction, where it is one.
    pub const fn budget(&self) -> Option<PodDisruptionBudgetId> {
        match self {
            Self::NoDisruptionAllowed { budget, .. }
            | Self::StillProcessed(budget)
            | Self::TooManyUnconfirmed(budget) => Some(*budget),
            Self::SeveralBudgets => None,
        }
    }

    /// The cause in the answer, where it has one.
    pub fn cause(&self, budget_name: &str) -> Option<String> {
        match self {
            Self::NoDisruptionAllowed { desired_healthy, current_healthy, .. } => Some(format!(
                "The disruption budget {budget_name} needs {desired_healthy} healthy pods and has \
                 {current_healthy} currently"
            )),
            Self::StillProcessed(_) => {
                Some(format!("The disruption budget {budget_name} is still being processed by the server."))
            }
            Self::TooManyUnconfirmed(_) | Self::SeveralBudgets => None,
        }
    }
}

/// Whether a pod may be evicted, and what that does to its budget. `budgets` are those that guard it.
///
/// # Errors
/// When a budget stands against it, or there are several.
pub fn judge(
    pod: &Pod,
    budgets: &[(PodDisruptionBudgetId, &PodDisruptionBudget)],
    now: SimTime,
) -> Result<Permit, EvictionRefusal> {
    if is_beyond_budgets(pod) {
        return Ok(Permit::Free);
    }
    match budgets {
        [] => Ok(Permit::Free),
        [(_, budget)] if !pod.status.conditions.is_ready() && lets_unready_pods_go(budget) => {
            Ok(Permit::Free)
        }
        [(id, budget)] => charge(*id, budget, pod, now),
        _ => Err(EvictionRefusal::SeveralBudgets),
    }
}

/// Source: eviction.go, canIgnorePDB.
const fn is_beyond_budgets(pod: &Pod) -> bool {
    pod.meta.is_terminating() || !matches!(pod.status.phase, Phase::Running)
}

fn lets_unready_pods_go(budget: &PodDisruptionBudget) -> bool {
    let status = &budget.status;
    match budget.spec.unhealthy_pods {
        UnhealthyPodEviction::AlwaysAllow => true,
        UnhealthyPodEviction::IfHealthyBudget => {
            status.current_healthy >= status.desired_healthy && status.desired_healthy > 0
        }
    }
}

/// Source: eviction.go, checkAndDecrement.
fn charge(
    id: PodDisruptionBudgetId,
    budget: &PodDisruptionBudget,
    pod: &Pod,
    now: SimTime,
) -> Result<Permit, EvictionRefusal> {
    let mut status = budget.status.clone();
    if status.observed_generation < budget.meta.generation {
        return Err(EvictionRefusal::StillProcessed(id));
    }
    if status.disrupted_pods.len() > DISRUPTED_PODS_MAX {
        return Err(EvictionRefusal::TooManyUnconfirmed(id));
    }
    if status.disruptions_allowed == 0 {
        let PodDisruptionBudgetStatus { desired_healthy, current_healthy, .. } = status;
        return Err(EvictionRefusal::NoDisruptionAllowed { budget: id, desired_healthy, current_healthy });
    }
    status.disruptions_allowed -= 1;
    if status.disruptions_allowed == 0 {
        status.update_condition(now);
    }
    status.disrupted_pods.insert(pod.meta.name.clone(), now.truncated_to_secs());
    Ok(Permit::Charged(id, status))
}

impl Cluster {
    /// Evicts a pod: charges its budget, says on the pod why, and deletes it.
    /// Source: eviction.go, addConditionAndDeletePod.
    pub(super) fn evict_pod(
        &mut self,
        now: SimTime,
        id: PodId,
        grace: Option<SimDuration>,
        changes: &mut Vec<Change>,
    ) -> Result<(), Refusal> {
        let pod = self.pods.get(id).ok_or(Refusal::NotFound)?;
        let budgets: Vec<_> = self.budgets_of(pod).collect();
        if let Permit::Charged(budget, status) = judge(pod, &budgets, now).map_err(Refusal::NotEvicted)? {
            self.update_status(StatusUpdate::PodDisruptionBudget(budget, status), changes)?;
        }
        let (reason, message) = ("EvictionByEvictionAPI", "Eviction API: evicting");
        self.set_disruption_target(now, id, reason.into(), message.into(), changes)?;
        self.delete_pod(now, id, grace, changes)
    }

    /// The disruption budgets that guard a pod.
    pub fn budgets_of(
        &self,
        pod: &Pod,
    ) -> impl Iterator<Item = (PodDisruptionBudgetId, &PodDisruptionBudget)> {
        self.pod_disruption_budgets
            .iter()
            .filter(|(_, budget)| budget.guards(&pod.meta.namespace, &pod.meta.labels))
    }
}
