//! Priority classes.
//!
//! Source: Kubernetes 1.28, pkg/apis/scheduling/validation/validation.go, ValidatePriorityClass.

use crate::manifest::admission::SYSTEM_CLASSES;
use crate::manifest::field_error::{FieldErrors, Path};
use crate::manifest::validation::known_word;
use crate::manifest::validation::meta::{Scope, object_meta};
use crate::manifest::wire::priority::PriorityClass;

const SYSTEM_PREFIX: &str = "system-";
const USER_VALUE_MAX: i32 = 1_000_000_000;

/// Validates a priority class.
pub fn priority_class(class: &PriorityClass, errors: &mut FieldErrors) {
    let metadata = Path::OBJECT.child("metadata");
    object_meta(&class.metadata, Scope::Cluster, &metadata, errors);
    let name = &*class.metadata.name;
    if name.starts_with(SYSTEM_PREFIX) {
        let is_of_system = SYSTEM_CLASSES.contains(&(name, class.value)) && !class.global_default;
        if !is_of_system {
            let detail = "priority class names with 'system-' prefix are reserved for system use only";
            errors.forbidden(&metadata.child("name"), detail);
        }
    } else if class.value > USER_VALUE_MAX {
        let detail = format!("maximum allowed value of a user defined priority is {USER_VALUE_MAX}");
        errors.forbidden(&Path::OBJECT.child("value"), detail);
    }
    if let Some(policy) = &class.preemption_policy {
        let path = Path::OBJECT.child("preemptionPolicy");
        known_word(policy, &["PreemptLowerPriority", "Never"], &path, errors);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::manifest::wire::decode_json as decode;

    #[track_caller]
    fn check(class: Value, expected: &[&str]) {
        let mut errors = FieldErrors::default();
        priority_class(&decode(&class).unwrap(), &mut errors);
        let lines: Vec<_> = errors.0.iter().map(ToString::to_string).collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn the_top_of_the_range_belongs_to_the_system() {
        check(
            json!({"metadata": {"name": "high"}, "value": 1_000_000_000, "preemptionPolicy": "Never"}),
            &[],
        );
        check(json!({"metadata": {"name": "system-node-critical"}, "value": 2_000_001_000}), &[]);
        check(
            json!({"metadata": {"name": "high"}, "value": 1_000_000_001, "preemptionPolicy": "x"}),
            &[
                "value: Forbidden: maximum allowed value of a user defined priority is 1000000000",
                "preemptionPolicy: Unsupported value: \"x\": supported values: \"PreemptLowerPriority\", \"Never\"",
            ],
        );
        check(
            json!({"metadata": {"name": "system-mine"}, "value": 1}),
            &[
                "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only",
            ],
        );
    }
}
