//! What is odd about where a pod wants to run: node labels of old, selectors that select nothing.
//!
//! Source: Kubernetes 1.28, pkg/api/pod/warnings.go, warningsForPodSpecAndMeta; pkg/api/node/util.go.

use crate::manifest::field_error::{Path, Shown};
use crate::manifest::validation::meta::selects;
use crate::manifest::validation::names;
use crate::manifest::warnings::FieldWarnings;
use crate::manifest::wire::StringMap;
use crate::manifest::wire::meta::LabelSelector;
use crate::manifest::wire::pod::{NodeAffinity, NodeSelectorTerm, PodAffinity, PodSpec};

const DEPRECATED_LABELS: [(&str, &str); 5] = [
    ("beta.kubernetes.io/arch", "deprecated since v1.14; use \"kubernetes.io/arch\" instead"),
    ("beta.kubernetes.io/os", "deprecated since v1.14; use \"kubernetes.io/os\" instead"),
    (
        "failure-domain.beta.kubernetes.io/region",
        "deprecated since v1.17; use \"topology.kubernetes.io/region\" instead",
    ),
    (
        "failure-domain.beta.kubernetes.io/zone",
        "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead",
    ),
    (
        "beta.kubernetes.io/instance-type",
        "deprecated since v1.17; use \"node.kubernetes.io/instance-type\" instead",
    ),
];
const NO_SELECTOR: &str = "a null labelSelector results in matching no pod";

/// Looks over selectors, affinity and spread constraints of a pod with these labels.
pub fn placement(spec: &PodSpec, labels: &StringMap, path: &Path<'_>, warnings: &mut FieldWarnings) {
    let selector = path.child("nodeSelector");
    for key in spec.node_selector.keys() {
        if let Some(message) = deprecation(key) {
            warnings.push(&selector.key(key), message);
        }
    }
    if let Some(affinity) = &spec.affinity {
        let path = path.child("affinity");
        if let Some(nodes) = &affinity.node_affinity {
            node_affinity(nodes, &path.child("nodeAffinity"), warnings);
        }
        for (field, pods) in
            [("podAffinity", &affinity.pod_affinity), ("podAntiAffinity", &affinity.pod_anti_affinity)]
        {
            if let Some(pods) = pods {
                pod_affinity(pods, &path.child(field), warnings);
            }
        }
    }
    spread_constraints(spec, labels, &path.child("topologySpreadConstraints"), warnings);
}

fn deprecation(label: &str) -> Option<&'static str> {
    DEPRECATED_LABELS.iter().find(|(deprecated, _)| *deprecated == label).map(|(_, message)| *message)
}

fn node_affinity(affinity: &NodeAffinity, path: &Path<'_>, warnings: &mut FieldWarnings) {
    let required = path.child("requiredDuringSchedulingIgnoredDuringExecution");
    let terms = required.child("nodeSelectorTerms");
    let required = affinity.required.iter().flat_map(|required| &required.node_selector_terms);
    for (idx, term) in required.enumerate() {
        node_selector_term(term, &terms.index(idx), warnings);
    }
    let preferred = path.child("preferredDuringSchedulingIgnoredDuringExecution");
    for (idx, term) in affinity.preferred.iter().enumerate() {
        node_selector_term(&term.preference, &preferred.index(idx).child("preference"), warnings);
    }
}

fn node_selector_term(term: &NodeSelectorTerm, path: &Path<'_>, warnings: &mut FieldWarnings) {
    // Ours: a term without requirements matches no node, unlike an empty label selector.
    if term.match_expressions.is_empty() && term.match_fields.is_empty() {
        warnings.push(path, "a term without requirements matches no node");
    }
    let expressions = path.child("matchExpressions");
    for (idx, expression) in term.match_expressions.iter().enumerate() {
        // Ours in these words.
        if let Some(value) = expression.values.iter().find(|value| !names::label_value(value).is_empty()) {
            let message =
                format!("no label can have the value {}: the whole term matches no node", value.shown());
            warnings.push(&expressions.index(idx).child("values"), message);
        }
        if let Some(message) = deprecation(&expression.key) {
            let path = expressions.index(idx);
            warnings.push(&path.child("key"), format!("{} is {message}", expression.key));
        }
    }
}

fn pod_affinity(affinity: &PodAffinity, path: &Path<'_>, warnings: &mut FieldWarnings) {
    let required = path.child("requiredDuringSchedulingIgnoredDuringExecution");
    for (idx, term) in affinity.required.iter().enumerate() {
        selector(term.label_selector.as_ref(), &required.index(idx), warnings);
    }
    let preferred = path.child("preferredDuringSchedulingIgnoredDuringExecution");
    for (idx, weighted) in affinity.preferred.iter().enumerate() {
        let term = &weighted.pod_affinity_term;
        let path = preferred.index(idx);
        selector(term.label_selector.as_ref(), &path.child("podAffinityTerm"), warnings);
    }
}

fn selector(selector: Option<&LabelSelector>, path: &Path<'_>, warnings: &mut FieldWarnings) {
    if selector.is_none() {
        warnings.push(&path.child("labelSelector"), NO_SELECTOR);
    }
}

fn spread_constraints(spec: &PodSpec, labels: &StringMap, path: &Path<'_>, warnings: &mut FieldWarnings) {
    for (idx, constraint) in spec.topology_spread_constraints.iter().enumerate() {
        let path = path.index(idx);
        if let Some(message) = deprecation(&constraint.topology_key) {
            let message = format!("{} is {message}", constraint.topology_key);
            warnings.push(&path.child("topologyKey"), message);
        }
        selector(constraint.label_selector.as_ref(), &path, warnings);
        // Ours.
        let Some(selector) = &constraint.label_selector else { continue };
        let is_empty = selector.match_labels.is_empty() && selector.match_expressions.is_empty();
        if is_empty && constraint.match_label_keys.is_empty() {
            let message = "an empty labelSelector counts no pod here: nothing is spread";
            warnings.push(&path.child("labelSelector"), message);
        } else if !selects(selector, labels) {
            let message = "does not select the pod itself: pods like this one are not counted, and nothing keeps \
                           them from sharing a domain";
            warnings.push(&path.child("labelSelector"), message);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::manifest::wire::decode_json as decode;

    /// Looks over the spec of a pod with the label `app: web`.
    #[track_caller]
    fn check(spec: Value, expected: &[&str]) {
        let mut warnings = FieldWarnings::default();
        let labels = [("app".into(), "web".into())].into();
        placement(&decode(&spec).unwrap(), &labels, &Path::OBJECT.child("spec"), &mut warnings);
        let lines: Vec<_> =
            warnings.0.into_iter().map(|warning| format!("{}: {}", warning.path, warning.message)).collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn node_labels_of_old_are_noticed() {
        let zone = "failure-domain.beta.kubernetes.io/zone";
        let requirement = json!({"key": zone, "operator": "Exists"});
        check(
            json!({
                "nodeSelector": {"beta.kubernetes.io/os": "linux", "disk": "ssd"},
                "affinity": {"nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution":
                        {"nodeSelectorTerms": [{}, {"matchExpressions": [requirement]}]},
                }},
                "topologySpreadConstraints": [
                    {"topologyKey": zone, "labelSelector": {"matchLabels": {"app": "web"}}}],
            }),
            &[
                "spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use \"kubernetes.io/os\" instead",
                "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0]: a \
                 term without requirements matches no node",
                "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[1]\
                 .matchExpressions[0].key: failure-domain.beta.kubernetes.io/zone is deprecated since v1.17; use \
                 \"topology.kubernetes.io/zone\" instead",
                "spec.topologySpreadConstraints[0].topologyKey: failure-domain.beta.kubernetes.io/zone is deprecated \
                 since v1.17; use \"topology.kubernetes.io/zone\" instead",
            ],
        );
    }

    #[test]
    fn selectors_that_select_nothing_are_noticed() {
        check(
            json!({
                "affinity": {
                    "podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{}, {"labelSelector": {}}]},
                    "podAntiAffinity": {
                        "preferredDuringSchedulingIgnoredDuringExecution": [{"podAffinityTerm": {}}]},
                },
                "topologySpreadConstraints": [
                    {},
                    {"labelSelector": {}},
                    {"labelSelector": {"matchLabels": {"app": "wep"}}},
                    {"labelSelector": {}, "matchLabelKeys": ["app"]}],
            }),
            &[
                "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector: a null \
                 labelSelector results in matching no pod",
                "spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm\
                 .labelSelector: a null labelSelector results in matching no pod",
                "spec.topologySpreadConstraints[0].labelSelector: a null labelSelector results in matching no pod",
                "spec.topologySpreadConstraints[1].labelSelector: an empty labelSelector counts no pod here: nothing \
                 is spread",
                "spec.topologySpreadConstraints[2].labelSelector: does not select the pod itself: pods like this one \
                 are not counted, and nothing keeps them from sharing a domain",
            ],
        );
    }
}
