//! DaemonSets.
//!
//! Source: Kubernetes 1.28, pkg/apis/apps/validation/validation.go, ValidateDaemonSet, ValidateDaemonSetSpec,
//! ValidateDaemonSetUpdateStrategy; pkg/registry/apps/daemonset/strategy.go.

use crate::manifest::field_error::{FieldErrors, Path};
use crate::manifest::validation::amount::{is_zero, not_more_than_100_percent, positive_int_or_percent};
use crate::manifest::validation::meta::{Scope, object_meta, object_meta_update};
use crate::manifest::validation::non_negative;
use crate::manifest::validation::replica_set::{TemplateHolder, owned_template, same_selector};
use crate::manifest::wire::daemon_set::{
    DaemonSet, DaemonSetSpec, DaemonSetUpdateStrategy, RollingUpdateDaemonSet,
};

const STRATEGIES: &[&str] = &["OnDelete", "RollingUpdate"];

/// Validates a DaemonSet that is to be created.
pub fn daemon_set(set: &DaemonSet, errors: &mut FieldErrors) {
    object_meta(&set.metadata, Scope::Namespaced, &Path::OBJECT.child("metadata"), errors);
    daemon_set_spec(&set.spec, &Path::OBJECT.child("spec"), errors);
}

/// Validates a change of a DaemonSet.
pub fn daemon_set_update(new: &DaemonSet, old: &DaemonSet, errors: &mut FieldErrors) {
    object_meta_update(&new.metadata, &old.metadata, &Path::OBJECT.child("metadata"), errors);
    let path = Path::OBJECT.child("spec");
    daemon_set_spec(&new.spec, &path, errors);
    same_selector(new.spec.selector.as_ref(), old.spec.selector.as_ref(), &path, errors);
}

fn daemon_set_spec(spec: &DaemonSetSpec, path: &Path<'_>, errors: &mut FieldErrors) {
    let holder = TemplateHolder { lower_case: "daemonset", kind: "DaemonSet" };
    owned_template(holder, spec.selector.as_ref(), &spec.template, path, errors);
    update_strategy(&spec.update_strategy, &path.child("updateStrategy"), errors);
    non_negative(Some(spec.min_ready_seconds.into()), &path.child("minReadySeconds"), errors);
    let limit = spec.revision_history_limit.map(i64::from);
    non_negative(limit, &path.child("revisionHistoryLimit"), errors);
}

fn update_strategy(strategy: &DaemonSetUpdateStrategy, path: &Path<'_>, errors: &mut FieldErrors) {
    let rolling_path = path.child("rollingUpdate");
    match (&*strategy.kind, &strategy.rolling_update) {
        ("OnDelete", _) => {}
        ("RollingUpdate", None) => errors.required(&rolling_path, ""),
        ("RollingUpdate", Some(rolling)) => rolling_update(rolling, &rolling_path, errors),
        (other, _) => errors.not_supported(path, other, STRATEGIES),
    }
}

/// Source: Kubernetes 1.28, pkg/apis/apps/validation/validation.go, ValidateRollingUpdateDaemonSet.
fn rolling_update(rolling: &RollingUpdateDaemonSet, path: &Path<'_>, errors: &mut FieldErrors) {
    let (Some(unavailable), Some(surge)) = (&rolling.max_unavailable, &rolling.max_surge) else { return };
    let (unavailable_path, surge_path) = (path.child("maxUnavailable"), path.child("maxSurge"));
    positive_int_or_percent(unavailable, &unavailable_path, errors);
    positive_int_or_percent(surge, &surge_path, errors);
    not_more_than_100_percent(unavailable, &unavailable_path, errors);
    not_more_than_100_percent(surge, &surge_path, errors);
    match (is_zero(unavailable), is_zero(surge)) {
        (false, false) => {
            errors.invalid(&surge_path, surge, "may not be set when maxUnavailable is non-zero")
        }
        (true, true) => errors.required(&unavailable_path, "cannot be 0 when maxSurge is 0"),
        (true, false) | (false, true) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::manifest::wire::decode_json;

    #[track_caller]
    fn check(strategy: Value, expected: &[&str]) {
        let strategy = decode_json(&strategy).unwrap();
        let mut errors = FieldErrors::default();
        update_strategy(&strategy, &Path::OBJECT.child("updateStrategy"), &mut errors);
        let lines: Vec<_> = errors.0.iter().map(ToString::to_string).collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_roll_out_either_surges_or_goes_without() {
        let rolling = |surge: Value, unavailable: Value| json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}});
        check(rolling(json!(0), json!("30%")), &[]);
        check(rolling(json!(2), json!("0%")), &[]);
        check(
            rolling(json!(1), json!(1)),
            &["updateStrategy.rollingUpdate.maxSurge: Invalid value: \
               intstr.IntOrString{Type:0, IntVal:1, StrVal:\"\"}: may not be set when maxUnavailable is non-zero"],
        );
        check(
            rolling(json!(0), json!(0)),
            &["updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0"],
        );
        check(
            json!({"type": "Recreate"}),
            &[
                "updateStrategy: Unsupported value: \"Recreate\": supported values: \"OnDelete\", \"RollingUpdate\"",
            ],
        );
    }
}
