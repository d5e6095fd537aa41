//! Pod disruption budgets.
//!
//! Source: Kubernetes 1.28, pkg/apis/policy/validation/validation.go, ValidatePodDisruptionBudgetSpec.

use crate::manifest::field_error::{FieldErrors, Path};
use crate::manifest::validation::amount::{not_more_than_100_percent, positive_int_or_percent};
use crate::manifest::validation::meta::{Scope, label_selector, object_meta, object_meta_update};
use crate::manifest::wire::pod_disruption_budget::{PodDisruptionBudget, PodDisruptionBudgetSpec};

const EVICTION_POLICIES: &[&str] = &["AlwaysAllow", "IfHealthyBudget"];

/// Validates a budget that is to be created.
pub fn budget(budget: &PodDisruptionBudget, errors: &mut FieldErrors) {
    object_meta(&budget.metadata, Scope::Namespaced, &Path::OBJECT.child("metadata"), errors);
    budget_spec(&budget.spec, &Path::OBJECT.child("spec"), errors);
}

/// Validates a change of a budget: everything in its spec may change.
pub fn budget_update(new: &PodDisruptionBudget, old: &PodDisruptionBudget, errors: &mut FieldErrors) {
    object_meta_update(&new.metadata, &old.metadata, &Path::OBJECT.child("metadata"), errors);
    budget_spec(&new.spec, &Path::OBJECT.child("spec"), errors);
}

fn budget_spec(spec: &PodDisruptionBudgetSpec, path: &Path<'_>, errors: &mut FieldErrors) {
    if spec.min_available.is_some() && spec.max_unavailable.is_some() {
        errors.invalid_object(path, "minAvailable and maxUnavailable cannot be both set");
    }
    for (field, amount) in [("minAvailable", &spec.min_available), ("maxUnavailable", &spec.max_unavailable)]
    {
        if let Some(amount) = amount {
            positive_int_or_percent(amount, &path.child(field), errors);
            not_more_than_100_percent(amount, &path.child(field), errors);
        }
    }
    if let Some(selector) = &spec.selector {
        label_selector(selector, &path.child("selector"), errors);
    }
    if let Some(policy) = &spec.unhealthy_pod_eviction_policy
        && !EVICTION_POLICIES.contains(&&**policy)
    {
        errors.not_supported(&path.child("unhealthyPodEvictionPolicy"), policy, EVICTION_POLICIES);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::manifest::wire::decode_json;

    #[track_caller]
    fn check(spec: Value, expected: &[&str]) {
        let spec = decode_json(&spec).unwrap();
        let mut errors = FieldErrors::default();
        budget_spec(&spec, &Path::OBJECT.child("spec"), &mut errors);
        let lines: Vec<_> = errors.0.iter().map(ToString::to_string).collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_budget_is_a_number_or_a_share_of_at_most_all() {
        check(json!({"minAvailable": 0}), &[]);
        check(json!({"maxUnavailable": "100%"}), &[]);
        check(json!({}), &[]);
        check(
            json!({"minAvailable": -1}),
            &["spec.minAvailable: Invalid value: -1: must be greater than or equal to 0"],
        );
        check(
            json!({"maxUnavailable": "101%"}),
            &["spec.maxUnavailable: Invalid value: intstr.IntOrString{Type:1, IntVal:0, StrVal:\"101%\"}: \
               must not be greater than 100%"],
        );
        check(
            json!({"maxUnavailable": "half"}),
            &["spec.maxUnavailable: Invalid value: intstr.IntOrString{Type:1, IntVal:0, StrVal:\"half\"}: \
               a valid percent string must be a numeric string followed by an ending '%' \
               (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"],
        );
    }

    #[test]
    fn a_budget_sets_one_limit_and_a_known_policy() {
        check(
            json!({"minAvailable": 1, "maxUnavailable": 1, "unhealthyPodEvictionPolicy": "Always"}),
            &[
                "spec: Invalid value: minAvailable and maxUnavailable cannot be both set",
                "spec.unhealthyPodEvictionPolicy: Unsupported value: \"Always\": supported values: \
                 \"AlwaysAllow\", \"IfHealthyBudget\"",
            ],
        );
    }
}
