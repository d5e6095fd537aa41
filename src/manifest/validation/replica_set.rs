//! ReplicaSets, and what they have in common with Deployments.
//!
//! Source: Kubernetes 1.28, pkg/apis/apps/validation/validation.go, ValidateReplicaSet, ValidateReplicaSetUpdate,
//! ValidateReplicaSetSpec, ValidatePodTemplateSpecForReplicaSet; pkg/registry/apps/replicaset/strategy.go.

use crate::manifest::field_error::{FieldErrors, Path};
use crate::manifest::validation::meta::{Scope, label_selector, object_meta, object_meta_update, selects};
use crate::manifest::validation::pod::pod_template;
use crate::manifest::validation::{IMMUTABLE, non_negative};
use crate::manifest::wire::meta::LabelSelector;
use crate::manifest::wire::pod::PodTemplateSpec;
use crate::manifest::wire::replica_set::{ReplicaSet, ReplicaSetSpec};

/// Validates a ReplicaSet that is to be created.
pub fn replica_set(set: &ReplicaSet, errors: &mut FieldErrors) {
    object_meta(&set.metadata, Scope::Namespaced, &Path::OBJECT.child("metadata"), errors);
    replica_set_spec(&set.spec, &Path::OBJECT.child("spec"), errors);
}

/// Validates a change of a ReplicaSet.
pub fn replica_set_update(new: &ReplicaSet, old: &ReplicaSet, errors: &mut FieldErrors) {
    object_meta_update(&new.metadata, &old.metadata, &Path::OBJECT.child("metadata"), errors);
    let path = Path::OBJECT.child("spec");
    replica_set_spec(&new.spec, &path, errors);
    same_selector(new.spec.selector.as_ref(), old.spec.selector.as_ref(), &path, errors);
}

fn replica_set_spec(spec: &ReplicaSetSpec, path: &Path<'_>, errors: &mut FieldErrors) {
    non_negative(spec.replicas.map(i64::from), &path.child("replicas"), errors);
    non_negative(Some(spec.min_ready_seconds.into()), &path.child("minReadySeconds"), errors);
    selector_and_template(spec.selector.as_ref(), &spec.template, path, errors);
}

/// Refuses another selector.
pub(super) fn same_selector(
    new: Option<&LabelSelector>,
    old: Option<&LabelSelector>,
    path: &Path<'_>,
    errors: &mut FieldErrors,
) {
    if new != old {
        errors.invalid(&path.child("selector"), &new.cloned().unwrap_or_default(), IMMUTABLE);
    }
}

/// What holds a template, in the words of messages.
#[derive(Debug, Clone, Copy)]
pub(super) struct TemplateHolder {
    /// As `statefulset`.
    pub lower_case: &'static str,
    /// As `StatefulSet`.
    pub kind: &'static str,
}

/// Validates selector and template of a ReplicaSet or Deployment.
pub(super) fn selector_and_template(
    selector: Option<&LabelSelector>,
    template: &PodTemplateSpec,
    path: &Path<'_>,
    errors: &mut FieldErrors,
) {
    let holder = TemplateHolder { lower_case: "deployment", kind: "ReplicaSet" };
    owned_template(holder, selector, template, path, errors);
}

/// Validates a selector, and the template of pods that it must find and that must run for ever.
pub(super) fn owned_template(
    holder: TemplateHolder,
    selector: Option<&LabelSelector>,
    template: &PodTemplateSpec,
    path: &Path<'_>,
    errors: &mut FieldErrors,
) {
    let selector_path = path.child("selector");
    match selector {
        None => errors.required(&selector_path, ""),
        Some(selector) => {
            label_selector(selector, &selector_path, errors);
            if selector.match_labels.is_empty() && selector.match_expressions.is_empty() {
                let detail = format!("empty selector is invalid for {}", holder.lower_case);
                errors.invalid(&selector_path, selector, detail);
            }
        }
    }
    let path = path.child("template");
    if selector.is_some_and(|selector| !selects(selector, &template.metadata.labels)) {
        let metadata = path.child("metadata");
        let detail = "`selector` does not match template `labels`";
        errors.invalid(&metadata.child("labels"), &template.metadata.labels, detail);
    }
    pod_template(template, &path, errors);
    let spec = path.child("spec");
    if &*template.spec.restart_policy != "Always" {
        errors.not_supported(&spec.child("restartPolicy"), &template.spec.restart_policy, &["Always"]);
    }
    if template.spec.active_deadline_seconds.is_some() {
        let detail = format!("activeDeadlineSeconds in {} is not Supported", holder.kind);
        errors.forbidden(&spec.child("activeDeadlineSeconds"), &detail);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::manifest::defaults;
    use crate::manifest::patch::merge;
    use crate::manifest::wire::decode_json as decode;

    fn manifest(change: Value) -> ReplicaSet {
        let mut manifest = json!({
            "metadata": {"name": "web", "namespace": "default"},
            "spec": {
                "selector": {"matchLabels": {"app": "web"}},
                "template": {"metadata": {"labels": {"app": "web"}}, "spec": {
                    "containers": [{"name": "main", "image": "web:1"}]}},
            },
        });
        merge(&mut manifest, &change);
        let mut set = decode(&manifest).unwrap();
        defaults::workloads::replica_set(&mut set);
        set
    }

    #[track_caller]
    fn check(change: Value, expected: &[&str]) {
        let mut errors = FieldErrors::default();
        replica_set(&manifest(change), &mut errors);
        let lines: Vec<_> = errors.0.iter().map(ToString::to_string).collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_replica_set_finds_the_pods_that_it_makes() {
        check(json!({}), &[]);
        check(
            json!({"spec": {"template": {"metadata": {"labels": {"app": "x"}}}}}),
            &["spec.template.metadata.labels: Invalid value: map[string]string{\"app\":\"x\"}: \
               `selector` does not match template `labels`"],
        );
        check(
            json!({"spec": {"selector": {"matchLabels": null}}}),
            &["spec.selector: Invalid value: v1.LabelSelector{MatchLabels:map[string]string(nil), \
               MatchExpressions:[]v1.LabelSelectorRequirement(nil)}: empty selector is invalid for deployment"],
        );
    }

    #[test]
    fn the_pods_of_a_replica_set_run_for_ever() {
        check(
            json!({"spec": {"template": {"spec": {"restartPolicy": "Never", "activeDeadlineSeconds": 5}}}}),
            &[
                "spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \"Always\"",
                "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not \
                 Supported",
            ],
        );
    }

    #[test]
    fn a_selector_stays_as_it_is() {
        let mut errors = FieldErrors::default();
        let labels = json!({"app": "web", "tier": "a"});
        let other = json!({"spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}}}});
        replica_set_update(&manifest(other), &manifest(json!({})), &mut errors);
        let lines: Vec<_> = errors.0.iter().map(ToString::to_string).collect();
        assert_eq!(lines.len(), 1);
        assert!(lines[0].starts_with("spec.selector: Invalid value:"), "{lines:?}");
        assert!(lines[0].ends_with(": field is immutable"), "{lines:?}");
    }
}
