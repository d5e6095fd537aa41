//! Deployments.
//!
//! Source: Kubernetes 1.28, pkg/apis/apps/validation/validation.go, ValidateDeployment, ValidateDeploymentUpdate,
//! ValidateDeploymentSpec, ValidateDeploymentStrategy; pkg/registry/apps/deployment/strategy.go.

use crate::manifest::field_error::{FieldErrors, Path};
use crate::manifest::validation::amount::{is_zero, not_more_than_100_percent, positive_int_or_percent};
use crate::manifest::validation::meta::{Scope, object_meta, object_meta_update};
use crate::manifest::validation::non_negative;
use crate::manifest::validation::replica_set::{same_selector, selector_and_template};
use crate::manifest::wire::deployment::{
    Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment,
};

const STRATEGIES: &[&str] = &["Recreate", "RollingUpdate"];

/// Validates a Deployment that is to be created.
pub fn deployment(deployment: &Deployment, errors: &mut FieldErrors) {
    object_meta(&deployment.metadata, Scope::Namespaced, &Path::OBJECT.child("metadata"), errors);
    deployment_spec(&deployment.spec, &Path::OBJECT.child("spec"), errors);
}

/// Validates a change of a Deployment.
pub fn deployment_update(new: &Deployment, old: &Deployment, errors: &mut FieldErrors) {
    object_meta_update(&new.metadata, &old.metadata, &Path::OBJECT.child("metadata"), errors);
    let path = Path::OBJECT.child("spec");
    deployment_spec(&new.spec, &path, errors);
    same_selector(new.spec.selector.as_ref(), old.spec.selector.as_ref(), &path, errors);
}

fn deployment_spec(spec: &DeploymentSpec, path: &Path<'_>, errors: &mut FieldErrors) {
    non_negative(spec.replicas.map(i64::from), &path.child("replicas"), errors);
    selector_and_template(spec.selector.as_ref(), &spec.template, path, errors);
    strategy(&spec.strategy, &path.child("strategy"), errors);
    non_negative(Some(spec.min_ready_seconds.into()), &path.child("minReadySeconds"), errors);
    let limit = spec.revision_history_limit.map(i64::from);
    non_negative(limit, &path.child("revisionHistoryLimit"), errors);
    let deadline = path.child("progressDeadlineSeconds");
    non_negative(spec.progress_deadline_seconds.map(i64::from), &deadline, errors);
    if let Some(secs) = spec.progress_deadline_seconds.filter(|secs| *secs <= spec.min_ready_seconds) {
        errors.invalid(&deadline, &i64::from(secs), "must be greater than minReadySeconds");
    }
}

fn strategy(strategy: &DeploymentStrategy, path: &Path<'_>, errors: &mut FieldErrors) {
    let rolling_path = path.child("rollingUpdate");
    match (&*strategy.kind, &strategy.rolling_update) {
        ("Recreate", Some(_)) => {
            errors.forbidden(&rolling_path, "may not be specified when strategy `type` is 'Recreate'");
        }
        ("Recreate", None) => {}
        ("RollingUpdate", Some(rolling)) => rolling_update(rolling, &rolling_path, errors),
        ("RollingUpdate", None) => {
            errors.required(&rolling_path, "this should be defaulted and never be nil");
        }
        (other, _) => errors.not_supported(path, other, STRATEGIES),
    }
}

/// Source: Kubernetes 1.28, pkg/apis/apps/validation/validation.go, ValidateRollingUpdateDeployment.
fn rolling_update(rolling: &RollingUpdateDeployment, path: &Path<'_>, errors: &mut FieldErrors) {
    let (Some(unavailable), Some(surge)) = (&rolling.max_unavailable, &rolling.max_surge) else { return };
    let unavailable_path = path.child("maxUnavailable");
    positive_int_or_percent(unavailable, &unavailable_path, errors);
    positive_int_or_percent(surge, &path.child("maxSurge"), errors);
    if is_zero(unavailable) && is_zero(surge) {
        errors.invalid(&unavailable_path, unavailable, "may not be 0 when `maxSurge` is 0");
    }
    not_more_than_100_percent(unavailable, &unavailable_path, errors);
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::manifest::defaults;
    use crate::manifest::patch::merge;
    use crate::manifest::wire::decode_json as decode;

    #[track_caller]
    fn check(spec: Value, expected: &[&str]) {
        let mut manifest = json!({
            "metadata": {"name": "web", "namespace": "default"},
            "spec": {
                "selector": {"matchLabels": {"app": "web"}},
                "template": {"metadata": {"labels": {"app": "web"}}, "spec": {
                    "containers": [{"name": "main", "image": "web:1"}]}},
            },
        });
        merge(&mut manifest, &json!({"spec": spec}));
        let mut object: Deployment = decode(&manifest).unwrap();
        defaults::workloads::deployment(&mut object);
        let mut errors = FieldErrors::default();
        deployment(&object, &mut errors);
        let lines: Vec<_> = errors.0.iter().map(ToString::to_string).collect();
        assert_eq!(lines, expected);
    }

    #[track_caller]
    fn check_rolling(surge: Value, unavailable: Value, expected: &[&str]) {
        let rolling = json!({"maxSurge": surge, "maxUnavailable": unavailable});
        check(json!({"strategy": {"rollingUpdate": rolling}}), expected);
    }

    #[test]
    fn a_roll_out_has_to_have_room() {
        check_rolling(json!(null), json!(null), &[]);
        check_rolling(json!(0), json!("1%"), &[]);
        check_rolling(json!("500%"), json!(0), &[]);
        let none = "may not be 0 when `maxSurge` is 0";
        let field = "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: intstr.IntOrString";
        check_rolling(json!(0), json!(0), &[&format!("{field}{{Type:0, IntVal:0, StrVal:\"\"}}: {none}")]);
        check_rolling(
            json!(0),
            json!("0%"),
            &[&format!("{field}{{Type:1, IntVal:0, StrVal:\"0%\"}}: {none}")],
        );
        check_rolling(
            json!(1),
            json!("101%"),
            &[&format!("{field}{{Type:1, IntVal:0, StrVal:\"101%\"}}: must not be greater than 100%")],
        );
        check_rolling(
            json!("1"),
            json!(1),
            &["spec.strategy.rollingUpdate.maxSurge: Invalid value: intstr.IntOrString{Type:1, IntVal:0, \
               StrVal:\"1\"}: a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  \
               or '93%', regex used for validation is '[0-9]+%')"],
        );
    }

    #[test]
    fn the_fields_of_a_strategy_go_with_its_type() {
        check(json!({"strategy": {"type": "Recreate"}}), &[]);
        check(
            json!({"strategy": {"type": "Recreate", "rollingUpdate": {}}}),
            &[
                "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'",
            ],
        );
        check(
            json!({"strategy": {"type": "Canary"}}),
            &[
                "spec.strategy: Unsupported value: \"Canary\": supported values: \"Recreate\", \"RollingUpdate\"",
            ],
        );
    }

    #[test]
    fn the_deadline_leaves_time_to_become_available() {
        check(json!({"minReadySeconds": 10, "progressDeadlineSeconds": 11}), &[]);
        check(
            json!({"minReadySeconds": 10, "progressDeadlineSeconds": 10}),
            &["spec.progressDeadlineSeconds: Invalid value: 10: must be greater than minReadySeconds"],
        );
    }
}
