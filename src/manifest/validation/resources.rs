//! Amounts of resources, in requests and limits and in what nodes offer.
//!
//! Source: Kubernetes 1.28, pkg/apis/core/validation/validation.go, ValidateResourceRequirements; and
//! pkg/apis/core/helper/helpers.go.

use crate::manifest::field_error::{FieldErrors, Path};
use crate::manifest::validation::meta::invalid_text;
use crate::manifest::validation::names;
use crate::manifest::wire::ResourceList;
use crate::manifest::wire::pod::ResourceRequirements;
use crate::model::quantity::Quantity;

const HUGE_PAGES: &str = "hugepages-";

/// Validates what a container requests and what it is limited to.
pub fn requirements(resources: &ResourceRequirements, path: &Path<'_>, errors: &mut FieldErrors) {
    let (limits, requests) = (path.child("limits"), path.child("requests"));
    for (name, amount) in &resources.limits {
        container_resource(name, *amount, &limits.key(name), errors);
    }
    for (name, amount) in &resources.requests {
        container_resource(name, *amount, &requests.key(name), errors);
        let can_overcommit = is_native(name) && !name.starts_with(HUGE_PAGES);
        match resources.limits.get(name) {
            Some(limit) if amount != limit && !can_overcommit => {
                let detail = format!("must be equal to {name} limit of {limit}");
                errors.invalid(&requests, &*amount.to_string(), detail);
            }
            Some(limit) if amount > limit => {
                let detail = format!("must be less than or equal to {name} limit of {limit}");
                errors.invalid(&requests, &*amount.to_string(), detail);
            }
            None if !can_overcommit => {
                errors.required(&limits, "Limit must be set for non overcommitable resources");
            }
            Some(_) | None => {}
        }
    }
    let has =
        |of: fn(&str) -> bool| resources.limits.keys().chain(resources.requests.keys()).any(|name| of(name));
    if has(|name| name.starts_with(HUGE_PAGES)) && !has(|name| name == "cpu" || name == "memory") {
        errors.forbidden(path, "HugePages require cpu or memory");
    }
}

/// Validates what a pod needs besides its containers.
pub fn overhead(overhead: &ResourceList, path: &Path<'_>, errors: &mut FieldErrors) {
    let limits = path.child("limits");
    for (name, amount) in overhead {
        container_resource(name, *amount, &limits.key(name), errors);
    }
}

/// Validates an amount that a node offers.
pub fn quantity(name: &str, amount: Quantity, path: &Path<'_>, errors: &mut FieldErrors) {
    let shown = amount.to_string();
    if amount.is_negative() {
        errors.invalid(path, &*shown, "must be greater than or equal to 0");
    }
    if is_counted(name) && amount != Quantity::from_value(amount.value()) {
        errors.invalid(path, &*shown, "must be an integer");
    }
    if name == "cpu" && amount.milli_value().is_none() {
        errors.invalid(path, &*shown, "must be countable in thousandths");
    }
}

fn container_resource(name: &str, amount: Quantity, path: &Path<'_>, errors: &mut FieldErrors) {
    invalid_text(name, names::qualified_name, path, errors);
    if !name.contains('/') {
        if !is_standard_for_containers(name) {
            errors.invalid(path, name, "must be a standard resource for containers");
        }
    } else if !is_native(name) && !is_extended(name) {
        errors.invalid(path, name, "doesn't follow extended resource name standard");
    }
    quantity(name, amount, path, errors);
}

fn is_standard_for_containers(name: &str) -> bool {
    matches!(name, "cpu" | "memory" | "ephemeral-storage") || name.starts_with(HUGE_PAGES)
}

/// Whether a resource is Kubernetes' own: without a domain, or with one of its own.
fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

fn is_extended(name: &str) -> bool {
    !is_native(name)
        && !name.starts_with("requests.")
        && names::qualified_name(&format!("requests.{name}")).is_empty()
}

/// Whether a resource comes in whole units only.
fn is_counted(name: &str) -> bool {
    name == "pods" || is_extended(name)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::manifest::wire::decode_json as decode;

    #[track_caller]
    fn check(resources: Value, expected: &[&str]) {
        let resources = decode(&resources).unwrap();
        let mut errors = FieldErrors::default();
        requirements(&resources, &Path::OBJECT.child("r"), &mut errors);
        let lines: Vec<_> = errors.0.iter().map(ToString::to_string).collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn requests_lie_within_limits() {
        check(
            json!({"limits": {"cpu": 1, "memory": "1Gi"}, "requests": {"cpu": "1000m", "memory": "1Gi"}}),
            &[],
        );
        check(
            json!({"limits": {"cpu": 1}, "requests": {"cpu": "1500m"}}),
            &["r.requests: Invalid value: \"1500m\": must be less than or equal to cpu limit of 1"],
        );
        check(
            json!({"requests": {"memory": "-1"}}),
            &["r.requests[memory]: Invalid value: \"-1\": must be greater than or equal to 0"],
        );
    }

    #[test]
    fn what_cannot_be_overcommitted_is_requested_to_its_limit() {
        check(json!({"limits": {"a.io/gpu": 1}, "requests": {"a.io/gpu": 1}}), &[]);
        check(
            json!({"limits": {"a.io/gpu": 2}, "requests": {"a.io/gpu": 1}}),
            &["r.requests: Invalid value: \"1\": must be equal to a.io/gpu limit of 2"],
        );
        check(
            json!({"requests": {"a.io/gpu": "500m"}}),
            &[
                "r.requests[a.io/gpu]: Invalid value: \"500m\": must be an integer",
                "r.limits: Required value: Limit must be set for non overcommitable resources",
            ],
        );
        check(json!({"limits": {"hugepages-2Mi": 2}}), &["r: Forbidden: HugePages require cpu or memory"]);
    }

    #[test]
    fn only_known_and_extended_resources_can_be_requested() {
        check(
            json!({"limits": {"gpu": 1, "requests.a.io/x": 1}}),
            &[
                "r.limits[gpu]: Invalid value: \"gpu\": must be a standard resource for containers",
                "r.limits[requests.a.io/x]: Invalid value: \"requests.a.io/x\": doesn't follow extended resource \
                 name standard",
            ],
        );
        check(
            json!({"limits": {"cpu": "9223372036854775807"}}),
            &["r.limits[cpu]: Invalid value: \"9223372036854775807\": must be countable in thousandths"],
        );
    }
}
