//! StatefulSets.
//!
//! Source: Kubernetes 1.28, pkg/apis/apps/validation/validation.go, ValidateStatefulSet, ValidateStatefulSetSpec,
//! ValidateStatefulSetUpdate.
//!
//! Deviation: the pod's spec in the template is validated with the set; upstream finds its faults when the pods are
//! made.

use crate::manifest::field_error::{FieldErrors, Path};
use crate::manifest::validation::meta::{Scope, object_meta, object_meta_update};
use crate::manifest::validation::non_negative;
use crate::manifest::validation::replica_set::{TemplateHolder, owned_template};
use crate::manifest::wire::stateful_set::{StatefulSet, StatefulSetSpec, StatefulSetUpdateStrategy};

const IMMUTABLE_SPEC: &str = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', \
    'updateStrategy', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

/// Validates a StatefulSet that is to be created.
pub fn stateful_set(set: &StatefulSet, errors: &mut FieldErrors) {
    object_meta(&set.metadata, Scope::Namespaced, &Path::OBJECT.child("metadata"), errors);
    stateful_set_spec(&set.spec, &Path::OBJECT.child("spec"), errors);
}

/// Validates a change of a StatefulSet.
pub fn stateful_set_update(new: &StatefulSet, old: &StatefulSet, errors: &mut FieldErrors) {
    let path = Path::OBJECT.child("spec");
    stateful_set_spec(&new.spec, &path, errors);
    object_meta_update(&new.metadata, &old.metadata, &Path::OBJECT.child("metadata"), errors);
    let allowed = StatefulSetSpec {
        replicas: old.spec.replicas,
        ordinals: old.spec.ordinals.clone(),
        template: old.spec.template.clone(),
        update_strategy: old.spec.update_strategy.clone(),
        min_ready_seconds: old.spec.min_ready_seconds,
        ..new.spec.clone()
    };
    if allowed != old.spec {
        errors.forbidden(&path, IMMUTABLE_SPEC);
    }
}

fn stateful_set_spec(spec: &StatefulSetSpec, path: &Path<'_>, errors: &mut FieldErrors) {
    if !matches!(&*spec.pod_management_policy, "OrderedReady" | "Parallel") {
        let detail = "must be 'OrderedReady' or 'Parallel'";
        errors.invalid(&path.child("podManagementPolicy"), &*spec.pod_management_policy, detail);
    }
    update_strategy(&spec.update_strategy, &path.child("updateStrategy"), errors);
    non_negative(spec.replicas.map(i64::from), &path.child("replicas"), errors);
    non_negative(Some(spec.min_ready_seconds.into()), &path.child("minReadySeconds"), errors);
    let start = spec.ordinals.as_ref().map(|ordinals| i64::from(ordinals.start));
    non_negative(start, &path.child("ordinals").child("start"), errors);
    let limit = spec.revision_history_limit.map(i64::from);
    non_negative(limit, &path.child("revisionHistoryLimit"), errors);
    let holder = TemplateHolder { lower_case: "statefulset", kind: "StatefulSet" };
    owned_template(holder, spec.selector.as_ref(), &spec.template, path, errors);
}

fn update_strategy(strategy: &StatefulSetUpdateStrategy, path: &Path<'_>, errors: &mut FieldErrors) {
    let rolling_path = path.child("rollingUpdate");
    match (&*strategy.kind, &strategy.rolling_update) {
        ("OnDelete", Some(_)) => {
            errors.invalid_object(&rolling_path, "only allowed for updateStrategy 'RollingUpdate'");
        }
        ("OnDelete", None) | ("RollingUpdate", None) => {}
        ("RollingUpdate", Some(rolling)) => {
            non_negative(rolling.partition.map(i64::from), &rolling_path.child("partition"), errors);
        }
        _ => errors.invalid_object(path, "must be 'RollingUpdate' or 'OnDelete'"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::manifest::defaults;
    use crate::manifest::patch::merge;
    use crate::manifest::wire::decode_json;

    fn manifest(change: Value) -> StatefulSet {
        let mut manifest = json!({
            "metadata": {"name": "db", "namespace": "default"},
            "spec": {
                "selector": {"matchLabels": {"app": "db"}}, "serviceName": "db",
                "template": {"metadata": {"labels": {"app": "db"}}, "spec": {
                    "containers": [{"name": "main", "image": "db:1"}]}},
            },
        });
        merge(&mut manifest, &change);
        let mut set = decode_json(&manifest).unwrap();
        defaults::sets::stateful_set(&mut set);
        set
    }

    #[track_caller]
    fn check(change: Value, expected: &[&str]) {
        let mut errors = FieldErrors::default();
        stateful_set(&manifest(change), &mut errors);
        let lines: Vec<_> = errors.0.iter().map(ToString::to_string).collect();
        assert_eq!(lines, expected);
    }

    #[track_caller]
    fn check_update(change: Value, expected: &[&str]) {
        let mut errors = FieldErrors::default();
        stateful_set_update(&manifest(change), &manifest(json!({})), &mut errors);
        let lines: Vec<_> = errors.0.iter().map(ToString::to_string).collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn policies_are_of_the_known_ones_and_numbers_are_not_negative() {
        check(json!({}), &[]);
        check(json!({"spec": {"updateStrategy": {"type": "OnDelete"}, "ordinals": {"start": 3}}}), &[]);
        check(
            json!({"spec": {"podManagementPolicy": "Ordered", "replicas": -1, "ordinals": {"start": -1},
                "updateStrategy": {"rollingUpdate": {"partition": -1}}}}),
            &[
                "spec.podManagementPolicy: Invalid value: \"Ordered\": must be 'OrderedReady' or 'Parallel'",
                "spec.updateStrategy.rollingUpdate.partition: Invalid value: -1: must be greater than or equal to 0",
                "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
                "spec.ordinals.start: Invalid value: -1: must be greater than or equal to 0",
            ],
        );
        check(
            json!({"spec": {"updateStrategy": {"type": "OnDelete", "rollingUpdate": {}}}}),
            &[
                "spec.updateStrategy.rollingUpdate: Invalid value: only allowed for updateStrategy 'RollingUpdate'",
            ],
        );
    }

    #[test]
    fn what_names_the_pods_of_a_stateful_set_stays_as_it_is() {
        check_update(json!({"spec": {"replicas": 3, "minReadySeconds": 5}}), &[]);
        let forbidden = format!("spec: Forbidden: {IMMUTABLE_SPEC}");
        check_update(json!({"spec": {"serviceName": "other"}}), &[&forbidden]);
        check_update(json!({"spec": {"podManagementPolicy": "Parallel"}}), &[&forbidden]);
    }
}
