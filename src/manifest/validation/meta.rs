//! Metadata, labels and label selectors.
//!
//! Source: Kubernetes 1.28, apimachinery pkg/api/validation/objectmeta.go and pkg/apis/meta/v1/validation.

use crate::manifest::field_error::{FieldErrors, Path, Shown};
use crate::manifest::validation::{IMMUTABLE, names};
use crate::manifest::wire::StringMap;
use crate::manifest::wire::meta::{LabelSelector, Namespace, ObjectMeta, SelectorRequirement};
use crate::model::meta::Name;

/// The most that annotations may hold, keys and values together [bytes].
const ANNOTATIONS_MAX: usize = 256 * 1024;

/// Whether objects of a kind live in namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// They do.
    Namespaced,
    /// They do not.
    Cluster,
}

/// Validates the metadata of an object that is to be created.
///
/// Deviation: `generateName` without a name is refused, for the name is what a scenario speaks of.
pub fn object_meta(meta: &ObjectMeta, scope: Scope, path: &Path<'_>, errors: &mut FieldErrors) {
    let name = path.child("name");
    if meta.name.is_empty() && !meta.generate_name.is_empty() {
        errors.required(&name, "generateName is not modelled: give the object a name of its own");
    } else if meta.name.is_empty() {
        errors.required(&name, "name or generateName is required");
    } else {
        invalid_text(&meta.name, names::dns_subdomain, &name, errors);
    }
    let namespace = path.child("namespace");
    match scope {
        Scope::Namespaced if meta.namespace.is_empty() => errors.required(&namespace, ""),
        Scope::Namespaced => invalid_text(&meta.namespace, names::dns_label, &namespace, errors),
        Scope::Cluster if !meta.namespace.is_empty() => {
            errors.forbidden(&namespace, "not allowed on this type")
        }
        Scope::Cluster => {}
    }
    labels(&meta.labels, &path.child("labels"), errors);
    annotations(&meta.annotations, &path.child("annotations"), errors);
}

/// Validates a namespace.
///
/// Source: Kubernetes 1.28, pkg/apis/core/validation/validation.go, ValidateNamespace.
pub fn namespace(namespace: &Namespace, errors: &mut FieldErrors) {
    let metadata = Path::OBJECT.child("metadata");
    object_meta(&namespace.metadata, Scope::Cluster, &metadata, errors);
    let name = &namespace.metadata.name;
    if !name.is_empty() && names::dns_subdomain(name).is_empty() {
        invalid_text(name, names::dns_label, &metadata.child("name"), errors);
    }
}

/// Validates the metadata of an object that is to be changed.
pub fn object_meta_update(new: &ObjectMeta, old: &ObjectMeta, path: &Path<'_>, errors: &mut FieldErrors) {
    let mut same = |field: &str, new: &Name, old: &Name| {
        if new != old {
            errors.invalid(&path.child(field), &**new, IMMUTABLE);
        }
    };
    same("name", &new.name, &old.name);
    same("namespace", &new.namespace, &old.namespace);
    same("uid", &new.uid, &old.uid);
    labels(&new.labels, &path.child("labels"), errors);
    annotations(&new.annotations, &path.child("annotations"), errors);
}

/// Validates keys and values of labels.
pub fn labels(labels: &StringMap, path: &Path<'_>, errors: &mut FieldErrors) {
    for (key, value) in labels {
        invalid_text(key, names::qualified_name, path, errors);
        invalid_text(value, names::label_value, path, errors);
    }
}

/// Validates keys and size of annotations.
pub fn annotations(annotations: &StringMap, path: &Path<'_>, errors: &mut FieldErrors) {
    let mut n_bytes = 0;
    for (key, value) in annotations {
        for fault in names::qualified_name(&key.to_lowercase()) {
            errors.invalid(path, &**key, fault);
        }
        n_bytes += key.len() + value.len();
    }
    if n_bytes > ANNOTATIONS_MAX {
        errors.too_long(path, format!("must have at most {ANNOTATIONS_MAX} bytes"));
    }
}

/// Validates a label selector.
pub fn label_selector(selector: &LabelSelector, path: &Path<'_>, errors: &mut FieldErrors) {
    labels(&selector.match_labels, &path.child("matchLabels"), errors);
    let expressions = path.child("matchExpressions");
    for (idx, requirement) in selector.match_expressions.iter().enumerate() {
        label_requirement(requirement, &expressions.index(idx), errors);
    }
}

fn label_requirement(requirement: &SelectorRequirement, path: &Path<'_>, errors: &mut FieldErrors) {
    let values = path.child("values");
    match &*requirement.operator {
        "In" | "NotIn" if requirement.values.is_empty() => {
            errors.required(&values, "must be specified when `operator` is 'In' or 'NotIn'");
        }
        "Exists" | "DoesNotExist" if !requirement.values.is_empty() => {
            errors.forbidden(&values, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
        other => errors.invalid(&path.child("operator"), other, "not a valid selector operator"),
    }
    invalid_text(&requirement.key, names::qualified_name, &path.child("key"), errors);
    for (idx, value) in requirement.values.iter().enumerate() {
        invalid_text(value, names::label_value, &values.index(idx), errors);
    }
}

/// Reports every fault that a rule of [`names`] finds in a text.
pub fn invalid_text(text: &str, rule: fn(&str) -> Vec<String>, path: &Path<'_>, errors: &mut FieldErrors) {
    for fault in rule(text) {
        errors.invalid(path, text, fault);
    }
}

/// Whether labels satisfy a valid selector; an invalid one satisfies nobody and is reported elsewhere.
pub fn selects(selector: &LabelSelector, labels: &StringMap) -> bool {
    selector.match_labels.iter().all(|(key, value)| labels.get(key) == Some(value))
        && selector.match_expressions.iter().all(|requirement| {
            let value = labels.get(&requirement.key);
            let is_listed = value.is_some_and(|value| requirement.values.contains(value));
            match &*requirement.operator {
                "In" => is_listed,
                "NotIn" => !is_listed,
                "Exists" => value.is_some(),
                "DoesNotExist" => value.is_none(),
                _ => false,
            }
        })
}

impl Shown for StringMap {
    fn shown(&self) -> String {
        if self.is_empty() {
            return "map[string]string(nil)".to_owned();
        }
        let pairs: Vec<_> =
            self.iter().map(|(key, value)| format!("{}:{}", key.shown(), value.shown())).collect();
        format!("map[string]string{{{}}}", pairs.join(", "))
    }
}

impl Shown for LabelSelector {
    fn shown(&self) -> String {
        let requirements: Vec<_> = self.match_expressions.iter().map(Shown::shown).collect();
        let requirements = match requirements.as_slice() {
            [] => "(nil)".to_owned(),
            some => format!("{{{}}}", some.join(", ")),
        };
        let labels = self.match_labels.shown();
        format!(
            "v1.LabelSelector{{MatchLabels:{labels}, MatchExpressions:[]v1.LabelSelectorRequirement{requirements}}}"
        )
    }
}

impl Shown for SelectorRequirement {
    fn shown(&self) -> String {
        let values: Vec<_> = self.values.iter().map(|value| value.shown()).collect();
        let (key, operator) = (self.key.shown(), self.operator.shown());
        let values = values.join(", ");
        format!("v1.LabelSelectorRequirement{{Key:{key}, Operator:{operator}, Values:[]string{{{values}}}}}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::manifest::wire::decode_json as decode;

    #[track_caller]
    fn check(meta: Value, scope: Scope, expected: &[&str]) {
        let meta = decode(&meta).unwrap();
        let mut errors = FieldErrors::default();
        object_meta(&meta, scope, &Path::OBJECT.child("metadata"), &mut errors);
        let lines: Vec<_> = errors.0.iter().map(ToString::to_string).collect();
        assert_eq!(lines.len(), expected.len(), "{lines:?}");
        for (line, start) in lines.iter().zip(expected) {
            assert!(line.starts_with(start), "{line}");
        }
    }

    #[test]
    fn names_namespaces_and_labels_are_checked() {
        use Scope::{Cluster, Namespaced};
        check(json!({"name": "a.b", "namespace": "c", "labels": {"k": "v"}}), Namespaced, &[]);
        check(
            json!({}),
            Namespaced,
            &[
                "metadata.name: Required value: name or generateName is required",
                "metadata.namespace: Required value",
            ],
        );
        check(
            json!({"name": "n", "namespace": "c"}),
            Cluster,
            &["metadata.namespace: Forbidden: not allowed"],
        );
        check(
            json!({"name": "A", "namespace": "a.b", "labels": {"x y": "v", "k": "-"}}),
            Namespaced,
            &[
                "metadata.name: Invalid value: \"A\": a lowercase RFC 1123 subdomain",
                "metadata.namespace: Invalid value: \"a.b\": a lowercase RFC 1123 label",
                "metadata.labels: Invalid value: \"-\": a valid label",
                "metadata.labels: Invalid value: \"x y\": name part must consist",
            ],
        );
        check(
            json!({"name": "n", "annotations": {"A/b": "x".repeat(ANNOTATIONS_MAX)}}),
            Cluster,
            &["metadata.annotations: Too long: must have at most 262144 bytes"],
        );
        check(
            json!({"generateName": "n-"}),
            Cluster,
            &["metadata.name: Required value: generateName is not"],
        );
    }

    #[test]
    fn a_selector_is_shown_as_go_shows_it() {
        let selector: LabelSelector = decode(&json!({
            "matchLabels": {"a": "b"}, "matchExpressions": [{"key": "k", "operator": "In", "values": ["v"]}]}))
        .unwrap();
        assert_eq!(
            selector.shown(),
            r#"v1.LabelSelector{MatchLabels:map[string]string{"a":"b"}, MatchExpressions:[]v1.LabelSelectorRequirement{v1.LabelSelectorRequirement{Key:"k", Operator:"In", Values:[]string{"v"}}}}"#
        );
    }
}
