//! Affinity to other pods, and how pods are spread over domains.
//!
//! Source: Kubernetes 1.29, pkg/apis/core/validation/validation.go, validateAffinity,
//! validateTopologySpreadConstraints.

use crate::manifest::field_error::{FieldErrors, Path};
use crate::manifest::validation::meta::{invalid_text, label_selector};
use crate::manifest::validation::{names, scheduling};
use crate::manifest::wire::meta::LabelSelector;
use crate::manifest::wire::pod::{Affinity, PodAffinity, PodAffinityTerm, TopologySpreadConstraint};
use crate::model::meta::Name;

const SCHEDULE_ACTIONS: &[&str] = &["DoNotSchedule", "ScheduleAnyway"];
const INCLUSION_POLICIES: &[&str] = &["Honor", "Ignore"];
const NOT_POSITIVE: &str = "must be greater than zero";
const NO_SELECTOR: &str = "must not be specified when labelSelector is not set";
const IN_SELECTOR: &str = "exists in both matchLabelKeys and labelSelector";
const IN_MISMATCH: &str = "exists in both matchLabelKeys and mismatchLabelKeys";

/// Validates all kinds of affinity.
pub fn affinity(affinity: &Affinity, path: &Path<'_>, errors: &mut FieldErrors) {
    if let Some(nodes) = &affinity.node_affinity {
        scheduling::node_affinity(nodes, &path.child("nodeAffinity"), errors);
    }
    for (field, pods) in
        [("podAffinity", &affinity.pod_affinity), ("podAntiAffinity", &affinity.pod_anti_affinity)]
    {
        if let Some(pods) = pods {
            pod_affinity(pods, &path.child(field), errors);
        }
    }
}

fn pod_affinity(affinity: &PodAffinity, path: &Path<'_>, errors: &mut FieldErrors) {
    let required = path.child("requiredDuringSchedulingIgnoredDuringExecution");
    for (idx, term) in affinity.required.iter().enumerate() {
        self::term(term, &required.index(idx), errors);
    }
    let preferred = path.child("preferredDuringSchedulingIgnoredDuringExecution");
    for (idx, weighted) in affinity.preferred.iter().enumerate() {
        let path = preferred.index(idx);
        if !(1..=100).contains(&weighted.weight) {
            errors.invalid(&path.child("weight"), &weighted.weight, "must be in the range 1-100");
        }
        term(&weighted.pod_affinity_term, &path.child("podAffinityTerm"), errors);
    }
}

fn term(term: &PodAffinityTerm, path: &Path<'_>, errors: &mut FieldErrors) {
    for (field, selector) in
        [("labelSelector", &term.label_selector), ("namespaceSelector", &term.namespace_selector)]
    {
        if let Some(selector) = selector {
            label_selector(selector, &path.child(field), errors);
        }
    }
    for namespace in &term.namespaces {
        invalid_text(namespace, names::dns_label, &path.child("namespace"), errors);
    }
    term_label_keys(term, path, errors);
    let key = path.child("topologyKey");
    if term.topology_key.is_empty() {
        errors.required(&key, "can not be empty");
    }
    invalid_text(&term.topology_key, names::qualified_name, &key, errors);
}

/// Deviation: a key that the selector names as well is refused also where the pod lacks the label, and in templates;
/// upstream refuses the pods that come of it.
fn term_label_keys(term: &PodAffinityTerm, path: &Path<'_>, errors: &mut FieldErrors) {
    for (field, keys) in
        [("matchLabelKeys", &term.match_label_keys), ("mismatchLabelKeys", &term.mismatch_label_keys)]
    {
        let path = path.child(field);
        if !keys.is_empty() && term.label_selector.is_none() {
            errors.forbidden(&path, NO_SELECTOR);
            continue;
        }
        for (idx, key) in keys.iter().enumerate() {
            invalid_text(key, names::qualified_name, &path.index(idx), errors);
        }
    }
    for (idx, key) in term.match_label_keys.iter().enumerate() {
        if names_key(term.label_selector.as_ref(), key) {
            errors.invalid(&path.index(idx), &**key, IN_SELECTOR);
        }
    }
    let keys = path.child("matchLabelKeys");
    for (idx, key) in term.match_label_keys.iter().enumerate() {
        if term.mismatch_label_keys.contains(key) {
            errors.invalid(&keys.index(idx), &**key, IN_MISMATCH);
        }
    }
}

fn names_key(selector: Option<&LabelSelector>, key: &Name) -> bool {
    selector.is_some_and(|selector| {
        selector.match_labels.contains_key(key)
            || selector.match_expressions.iter().any(|expression| expression.key == *key)
    })
}

/// Validates topology spread constraints.
pub fn spread_constraints(
    constraints: &[TopologySpreadConstraint],
    path: &Path<'_>,
    errors: &mut FieldErrors,
) {
    for (idx, constraint) in constraints.iter().enumerate() {
        let path = path.index(idx);
        if constraint.max_skew <= 0 {
            errors.invalid(&path.child("maxSkew"), &constraint.max_skew, NOT_POSITIVE);
        }
        if constraint.topology_key.is_empty() {
            errors.required(&path.child("topologyKey"), "can not be empty");
        }
        let action = &constraint.when_unsatisfiable;
        if !SCHEDULE_ACTIONS.contains(&&**action) {
            errors.not_supported(&path.child("whenUnsatisfiable"), action, SCHEDULE_ACTIONS);
        }
        let is_same = |other: &TopologySpreadConstraint| {
            other.topology_key == constraint.topology_key && other.when_unsatisfiable == *action
        };
        if constraints[idx + 1..].iter().any(is_same) {
            let pair = format!("{{{}, {action}}}", constraint.topology_key);
            errors.duplicate(&path.child("{topologyKey, whenUnsatisfiable}"), &*pair);
        }
        min_domains(constraint, &path.child("minDomains"), errors);
        inclusion_policy(constraint.node_affinity_policy.as_ref(), &path.child("nodeAffinityPolicy"), errors);
        inclusion_policy(constraint.node_taints_policy.as_ref(), &path.child("nodeTaintsPolicy"), errors);
        spread_label_keys(constraint, &path.child("matchLabelKeys"), errors);
        if let Some(selector) = &constraint.label_selector {
            label_selector(selector, &path.child("labelSelector"), errors);
        }
    }
}

fn min_domains(constraint: &TopologySpreadConstraint, path: &Path<'_>, errors: &mut FieldErrors) {
    let Some(min_domains) = constraint.min_domains else { return };
    if min_domains <= 0 {
        errors.invalid(path, &min_domains, NOT_POSITIVE);
    }
    let action = &*constraint.when_unsatisfiable;
    if action != "DoNotSchedule" {
        let detail = format!("can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}");
        errors.invalid(path, &min_domains, detail);
    }
}

fn inclusion_policy(policy: Option<&Name>, path: &Path<'_>, errors: &mut FieldErrors) {
    if let Some(policy) = policy.filter(|policy| !INCLUSION_POLICIES.contains(&&***policy)) {
        errors.not_supported(path, policy, INCLUSION_POLICIES);
    }
}

fn spread_label_keys(constraint: &TopologySpreadConstraint, path: &Path<'_>, errors: &mut FieldErrors) {
    if !constraint.match_label_keys.is_empty() && constraint.label_selector.is_none() {
        errors.forbidden(path, NO_SELECTOR);
    }
    for (idx, key) in constraint.match_label_keys.iter().enumerate() {
        invalid_text(key, names::qualified_name, &path.index(idx), errors);
        if names_key(constraint.label_selector.as_ref(), key) {
            errors.invalid(&path.index(idx), &**key, IN_SELECTOR);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::manifest::wire::decode_json as decode;

    #[track_caller]
    fn check_lines(errors: FieldErrors, expected: &[&str]) {
        let lines: Vec<_> = errors.0.iter().map(ToString::to_string).collect();
        assert_eq!(lines, expected);
    }

    #[track_caller]
    fn check_term(change: Value, expected: &[&str]) {
        let mut term = json!({"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": "web"}}});
        crate::manifest::patch::merge(&mut term, &change);
        let required = "requiredDuringSchedulingIgnoredDuringExecution";
        let mut errors = FieldErrors::default();
        let tree = json!({"podAntiAffinity": {required: [term]}});
        affinity(&decode(&tree).unwrap(), &Path::OBJECT, &mut errors);
        let path = format!("podAntiAffinity.{required}[0]");
        let expected: Vec<_> = expected.iter().map(|line| format!("{path}{line}")).collect();
        check_lines(errors, &expected.iter().map(String::as_str).collect::<Vec<_>>());
    }

    #[test]
    fn a_term_needs_a_topology_key_and_sound_names() {
        check_term(json!({"namespaces": ["a"], "namespaceSelector": {}, "labelSelector": null}), &[]);
        check_term(
            json!({"labelSelector": {"matchExpressions": [{"key": "a", "operator": "In"}]},
                   "namespaceSelector": {"matchExpressions": [{"key": "a", "operator": "Is"}]}}),
            &[
                ".labelSelector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' \
                 or 'NotIn'",
                ".namespaceSelector.matchExpressions[0].operator: Invalid value: \"Is\": not a valid selector operator",
            ],
        );
        let name = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with \
                    an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation \
                    is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
        check_term(
            json!({"topologyKey": ""}),
            &[
                ".topologyKey: Required value: can not be empty",
                ".topologyKey: Invalid value: \"\": name part must be non-empty",
                &format!(".topologyKey: Invalid value: \"\": {name}"),
            ],
        );
    }

    #[test]
    fn label_keys_of_a_term_go_with_its_selector() {
        check_term(json!({"matchLabelKeys": ["rev"], "mismatchLabelKeys": ["tenant"]}), &[]);
        check_term(
            json!({"labelSelector": null, "matchLabelKeys": ["rev"], "mismatchLabelKeys": ["tenant"]}),
            &[
                ".matchLabelKeys: Forbidden: must not be specified when labelSelector is not set",
                ".mismatchLabelKeys: Forbidden: must not be specified when labelSelector is not set",
            ],
        );
        check_term(
            json!({"matchLabelKeys": ["rev", "app"], "mismatchLabelKeys": ["rev"]}),
            &[
                "[1]: Invalid value: \"app\": exists in both matchLabelKeys and labelSelector",
                ".matchLabelKeys[0]: Invalid value: \"rev\": exists in both matchLabelKeys and mismatchLabelKeys",
            ],
        );
    }

    #[test]
    fn a_preference_has_a_weight() {
        let mut errors = FieldErrors::default();
        let term = json!({"weight": 101, "podAffinityTerm": {"topologyKey": "zone"}});
        let tree = json!({"podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [term]}});
        affinity(&decode(&tree).unwrap(), &Path::OBJECT.child("a"), &mut errors);
        check_lines(
            errors,
            &[
                "a.podAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 101: must be \
               in the range 1-100",
            ],
        );
    }

    #[track_caller]
    fn check_spread(constraints: Value, expected: &[&str]) {
        let mut errors = FieldErrors::default();
        let constraints: Vec<_> =
            constraints.as_array().unwrap().iter().map(|value| decode(value).unwrap()).collect();
        spread_constraints(&constraints, &Path::OBJECT.child("s"), &mut errors);
        check_lines(errors, expected);
    }

    #[test]
    fn a_constraint_needs_a_skew_a_key_and_an_action() {
        let sound = json!({"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"});
        check_spread(json!([sound]), &[]);
        check_spread(
            json!([sound, {"maxSkew": 2, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}]),
            &["s[0].{topologyKey, whenUnsatisfiable}: Duplicate value: \"{zone, DoNotSchedule}\""],
        );
        check_spread(
            json!([{"maxSkew": 0, "whenUnsatisfiable": "Never", "nodeTaintsPolicy": "Heed"}]),
            &[
                "s[0].maxSkew: Invalid value: 0: must be greater than zero",
                "s[0].topologyKey: Required value: can not be empty",
                "s[0].whenUnsatisfiable: Unsupported value: \"Never\": supported values: \"DoNotSchedule\", \
                 \"ScheduleAnyway\"",
                "s[0].nodeTaintsPolicy: Unsupported value: \"Heed\": supported values: \"Honor\", \"Ignore\"",
            ],
        );
    }

    #[test]
    fn minimal_domains_and_label_keys_have_conditions() {
        check_spread(
            json!([{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway", "minDomains": 0,
                    "matchLabelKeys": ["rev"]}]),
            &[
                "s[0].minDomains: Invalid value: 0: must be greater than zero",
                "s[0].minDomains: Invalid value: 0: can only use minDomains if whenUnsatisfiable=DoNotSchedule, not \
                 ScheduleAnyway",
                "s[0].matchLabelKeys: Forbidden: must not be specified when labelSelector is not set",
            ],
        );
        check_spread(
            json!([{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule",
                    "labelSelector": {"matchExpressions": [{"key": "rev", "operator": "Exists"}]},
                    "matchLabelKeys": ["rev"]}]),
            &[
                "s[0].matchLabelKeys[0]: Invalid value: \"rev\": exists in both matchLabelKeys and labelSelector",
            ],
        );
    }
}
