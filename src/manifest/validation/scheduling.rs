//! Node affinity, tolerations, taints.
//!
//! Source: Kubernetes 1.28, pkg/apis/core/validation/validation.go, validateNodeAffinity, ValidateTolerations,
//! validateNodeTaints.

use crate::manifest::field_error::{ErrorKind, FieldError, FieldErrors, Path, Shown};
use crate::manifest::validation::meta::invalid_text;
use crate::manifest::validation::{known_word, names};
use crate::manifest::wire::meta::SelectorRequirement;
use crate::manifest::wire::node::Taint;
use crate::manifest::wire::pod::{NodeAffinity, NodeSelectorTerm, Toleration};

const EFFECTS: &[&str] = &["NoSchedule", "PreferNoSchedule", "NoExecute"];
const NODE_NAME_FIELD: &str = "metadata.name";

/// Validates node affinity.
pub fn node_affinity(affinity: &NodeAffinity, path: &Path<'_>, errors: &mut FieldErrors) {
    if let Some(required) = &affinity.required {
        let path = path.child("requiredDuringSchedulingIgnoredDuringExecution");
        let terms = path.child("nodeSelectorTerms");
        if required.node_selector_terms.is_empty() {
            errors.required(&terms, "must have at least one node selector term");
        }
        for (idx, term) in required.node_selector_terms.iter().enumerate() {
            self::term(term, &terms.index(idx), errors);
        }
    }
    let path = path.child("preferredDuringSchedulingIgnoredDuringExecution");
    for (idx, preferred) in affinity.preferred.iter().enumerate() {
        let path = path.index(idx);
        if !(1..=100).contains(&preferred.weight) {
            errors.invalid(&path.child("weight"), &preferred.weight, "must be in the range 1-100");
        }
        term(&preferred.preference, &path.child("preference"), errors);
    }
}

fn term(term: &NodeSelectorTerm, path: &Path<'_>, errors: &mut FieldErrors) {
    let expressions = path.child("matchExpressions");
    for (idx, requirement) in term.match_expressions.iter().enumerate() {
        label_requirement(requirement, &expressions.index(idx), errors);
    }
    let fields = path.child("matchFields");
    for (idx, requirement) in term.match_fields.iter().enumerate() {
        field_requirement(requirement, &fields.index(idx), errors);
    }
}

/// Deviation: a bound of `Gt` or `Lt` that is no integer is refused. The API server takes it, and the scheduler then
/// fails on every node.
fn label_requirement(requirement: &SelectorRequirement, path: &Path<'_>, errors: &mut FieldErrors) {
    let values = path.child("values");
    match (&*requirement.operator, requirement.values.as_slice()) {
        ("In" | "NotIn", []) => {
            errors.required(&values, "must be specified when `operator` is 'In' or 'NotIn'");
        }
        ("Exists" | "DoesNotExist", [_, ..]) => {
            errors.forbidden(&values, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
        }
        ("Gt" | "Lt", [bound]) => {
            if bound.parse::<i64>().is_err() {
                errors.invalid(
                    &values.index(0),
                    &**bound,
                    "must be an integer when `operator` is 'Lt' or 'Gt'",
                );
            }
        }
        ("Gt" | "Lt", _) => {
            errors.required(&values, "must be specified single value when `operator` is 'Lt' or 'Gt'");
        }
        ("In" | "NotIn" | "Exists" | "DoesNotExist", _) => {}
        (other, _) => errors.invalid(&path.child("operator"), other, "not a valid selector operator"),
    }
    invalid_text(&requirement.key, names::qualified_name, &path.child("key"), errors);
}

fn field_requirement(requirement: &SelectorRequirement, path: &Path<'_>, errors: &mut FieldErrors) {
    let values = path.child("values");
    match &*requirement.operator {
        "In" | "NotIn" if requirement.values.len() != 1 => {
            let detail = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
            errors.required(&values, detail);
        }
        "In" | "NotIn" => {}
        other => errors.invalid(&path.child("operator"), other, "not a valid selector operator"),
    }
    if &*requirement.key != NODE_NAME_FIELD {
        errors.invalid(&path.child("key"), &*requirement.key, "not a valid field selector key");
        return;
    }
    for (idx, value) in requirement.values.iter().enumerate() {
        invalid_text(value, names::dns_subdomain, &values.index(idx), errors);
    }
}

/// Validates tolerations.
pub fn tolerations(tolerations: &[Toleration], path: &Path<'_>, errors: &mut FieldErrors) {
    for (idx, toleration) in tolerations.iter().enumerate() {
        self::toleration(toleration, &path.index(idx), errors);
    }
}

fn toleration(toleration: &Toleration, path: &Path<'_>, errors: &mut FieldErrors) {
    let (operator, effect) = (path.child("operator"), path.child("effect"));
    if !toleration.key.is_empty() {
        invalid_text(&toleration.key, names::qualified_name, &path.child("key"), errors);
    } else if &*toleration.operator != "Exists" {
        let detail =
            "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
        errors.invalid(&operator, &*toleration.operator, detail);
    }
    if toleration.toleration_seconds.is_some() && &*toleration.effect != "NoExecute" {
        let detail = "effect must be 'NoExecute' when `tolerationSeconds` is set";
        errors.invalid(&effect, &*toleration.effect, detail);
    }
    match &*toleration.operator {
        "Equal" | "" => one_line(names::label_value(&toleration.value), &toleration.value, &operator, errors),
        "Exists" if !toleration.value.is_empty() => {
            let detail = "value must be empty when `operator` is 'Exists'";
            errors.invalid(&operator, &*toleration.value, detail);
        }
        "Exists" => {}
        other => errors.not_supported(&operator, other, &["Equal", "Exists"]),
    }
    if !toleration.effect.is_empty() {
        known_word(&toleration.effect, EFFECTS, &effect, errors);
    }
}

/// Validates the taints of a node.
pub fn taints(taints: &[Taint], path: &Path<'_>, errors: &mut FieldErrors) {
    for (idx, taint) in taints.iter().enumerate() {
        let path = path.index(idx);
        invalid_text(&taint.key, names::qualified_name, &path.child("key"), errors);
        one_line(names::label_value(&taint.value), &taint.value, &path.child("value"), errors);
        known_word(&taint.effect, EFFECTS, &path.child("effect"), errors);
        let is_same = |other: &Taint| other.key == taint.key && other.effect == taint.effect;
        if taints[..idx].iter().any(is_same) {
            errors.0.push(FieldError {
                path: path.to_string(),
                kind: ErrorKind::Duplicate,
                value: Some(taint.key.shown()),
                detail: "taints must be unique by key and effect pair".to_owned(),
            });
        }
    }
}

/// Reports all faults of a text as one.
fn one_line(faults: Vec<String>, text: &str, path: &Path<'_>, errors: &mut FieldErrors) {
    if !faults.is_empty() {
        errors.invalid(path, text, faults.join(";"));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::manifest::wire::decode_json as decode;

    fn lines(errors: &FieldErrors) -> Vec<String> {
        errors.0.iter().map(ToString::to_string).collect()
    }

    #[track_caller]
    fn check_affinity(affinity: Value, expected: &[&str]) {
        let mut errors = FieldErrors::default();
        node_affinity(&decode(&affinity["nodeAffinity"]).unwrap(), &Path::OBJECT.child("a"), &mut errors);
        let lines = lines(&errors);
        assert_eq!(lines.len(), expected.len(), "{lines:?}");
        for (line, end) in lines.iter().zip(expected) {
            assert!(line.contains(end), "{line}");
        }
    }

    fn required(requirement: Value) -> Value {
        json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
            {"nodeSelectorTerms": [{"matchExpressions": [requirement]}]}}})
    }

    #[test]
    fn the_operators_of_node_affinity_take_different_numbers_of_values() {
        check_affinity(required(json!({"key": "k", "operator": "In", "values": ["a", "b"]})), &[]);
        check_affinity(required(json!({"key": "k", "operator": "Gt", "values": ["-3"]})), &[]);
        check_affinity(required(json!({"key": "k", "operator": "Exists"})), &[]);
        let values = "a.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0]\
                      .matchExpressions[0].values";
        check_affinity(
            required(json!({"key": "k", "operator": "In"})),
            &[&format!("{values}: Required value")],
        );
        check_affinity(
            required(json!({"key": "k", "operator": "Exists", "values": ["a"]})),
            &["values: Forbidden"],
        );
        check_affinity(
            required(json!({"key": "k", "operator": "Gt", "values": ["1", "2"]})),
            &["values: Required"],
        );
        check_affinity(
            required(json!({"key": "k", "operator": "Lt", "values": ["x"]})),
            &["values[0]: Invalid value"],
        );
        check_affinity(
            required(json!({"key": "", "operator": "Like"})),
            &["operator: Invalid value: \"Like\"", "key: Invalid value", "key: Invalid value"],
        );
    }

    #[test]
    fn terms_have_weights_and_fields() {
        check_affinity(
            json!({"nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {},
                "preferredDuringSchedulingIgnoredDuringExecution": [
                    {"weight": 0, "preference": {"matchFields": [{"key": "spec.x", "operator": "Exists"}]}},
                    {"weight": 100, "preference": {"matchFields": [
                        {"key": "metadata.name", "operator": "In", "values": ["A"]}]}}],
            }}),
            &[
                "nodeSelectorTerms: Required value: must have at least one node selector term",
                "[0].weight: Invalid value: 0: must be in the range 1-100",
                "matchFields[0].operator: Invalid value: \"Exists\"",
                "matchFields[0].key: Invalid value: \"spec.x\": not a valid field selector key",
                "matchFields[0].values[0]: Invalid value: \"A\"",
            ],
        );
    }

    #[track_caller]
    fn check_toleration(toleration: Value, expected: &[&str]) {
        let mut errors = FieldErrors::default();
        tolerations(&[decode(&toleration).unwrap()], &Path::OBJECT.child("t"), &mut errors);
        assert_eq!(lines(&errors), expected);
    }

    #[test]
    fn tolerations_say_what_they_match() {
        check_toleration(json!({"operator": "Exists"}), &[]);
        check_toleration(
            json!({"key": "k", "value": "v", "effect": "NoExecute", "tolerationSeconds": -1}),
            &[],
        );
        check_toleration(
            json!({"effect": "NoSchedule", "tolerationSeconds": 1}),
            &[
                "t[0].operator: Invalid value: \"\": operator must be Exists when `key` is empty, which means \"match \
                 all values and all keys\"",
                "t[0].effect: Invalid value: \"NoSchedule\": effect must be 'NoExecute' when `tolerationSeconds` is set",
            ],
        );
        check_toleration(
            json!({"key": "k", "operator": "Exists", "value": "v", "effect": "No"}),
            &[
                "t[0].operator: Invalid value: \"v\": value must be empty when `operator` is 'Exists'",
                "t[0].effect: Unsupported value: \"No\": supported values: \"NoSchedule\", \"PreferNoSchedule\", \
                 \"NoExecute\"",
            ],
        );
        check_toleration(
            json!({"key": "k", "operator": "Is"}),
            &["t[0].operator: Unsupported value: \"Is\": supported values: \"Equal\", \"Exists\""],
        );
    }

    #[test]
    fn taints_are_unique_by_key_and_effect() {
        let taint = |key: &str, effect: &str| decode(&json!({"key": key, "effect": effect})).unwrap();
        let mut errors = FieldErrors::default();
        let list =
            [taint("k", "NoSchedule"), taint("k", "NoExecute"), taint("k", "NoSchedule"), taint("j", "")];
        taints(&list, &Path::OBJECT.child("t"), &mut errors);
        assert_eq!(
            lines(&errors),
            [
                "t[2]: Duplicate value: \"k\": taints must be unique by key and effect pair",
                "t[3].effect: Required value",
            ]
        );
    }
}
