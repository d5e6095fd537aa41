//! Pod disruption budgets to the model.

use std::sync::Arc;

use crate::manifest::convert::amount::count_or_percent;
use crate::manifest::convert::pod::selector;
use crate::manifest::convert::{fill_namespace, new_object};
use crate::manifest::field_error::{FieldError, FieldErrors};
use crate::manifest::tree::Tree;
use crate::manifest::validation::pod_disruption_budget::{budget, budget_update};
use crate::manifest::wire;
use crate::manifest::wire::pod_disruption_budget::PodDisruptionBudget;
use crate::model::pod_disruption_budget::{DisruptionLimit, PodDisruptionBudgetSpec, UnhealthyPodEviction};
use crate::model::scenario::{NewObject, NewSpec};

/// Accepts a budget that is to be created, or to take the place of `old`.
pub(super) fn accept(tree: &Tree, old: Option<&Tree>) -> Result<NewObject, Vec<FieldError>> {
    let new = prepare(tree)?;
    let mut errors = FieldErrors::default();
    match old {
        Some(old) => budget_update(&new, &prepare(old)?, &mut errors),
        None => budget(&new, &mut errors),
    }
    errors.into_result(())?;
    Ok(new_object(&new.metadata, NewSpec::PodDisruptionBudget(Arc::new(budget_spec(&new.spec)))))
}

fn prepare(tree: &Tree) -> Result<PodDisruptionBudget, Vec<FieldError>> {
    let mut budget: PodDisruptionBudget = wire::decode(tree).map_err(|error| vec![error])?;
    fill_namespace(&mut budget.metadata);
    Ok(budget)
}

fn budget_spec(spec: &wire::pod_disruption_budget::PodDisruptionBudgetSpec) -> PodDisruptionBudgetSpec {
    let min_available = spec.min_available.as_ref().map(count_or_percent).map(DisruptionLimit::MinAvailable);
    let max_unavailable = spec.max_unavailable.as_ref().map(count_or_percent);
    PodDisruptionBudgetSpec {
        selector: spec.selector.as_ref().map(selector),
        limit: max_unavailable.map(DisruptionLimit::MaxUnavailable).or(min_available),
        unhealthy_pods: match spec.unhealthy_pod_eviction_policy.as_deref() {
            None | Some("IfHealthyBudget") => UnhealthyPodEviction::IfHealthyBudget,
            Some("AlwaysAllow") => UnhealthyPodEviction::AlwaysAllow,
            Some(other) => unreachable!("validation refuses the eviction policy {other:?}"),
        },
    }
}
