//! Horizontal pod autoscalers.
//!
//! Source: Kubernetes 1.28, pkg/apis/autoscaling/validation/validation.go.

use crate::manifest::field_error::{FieldErrors, Path};
use crate::manifest::validation::meta::{
    Scope, invalid_text, label_selector, object_meta, object_meta_update,
};
use crate::manifest::validation::names;
use crate::manifest::wire::horizontal_pod_autoscaler::{
    ContainerResourceMetricSource, CrossVersionObjectReference, HPAScalingPolicy, HPAScalingRules,
    HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec, MetricIdentifier, MetricSpec, MetricTarget,
    ResourceMetricSource,
};
use crate::model::ids::Kind;
use crate::model::profile::{Feature, Profile};

const PERIOD_SECONDS_MAX: i32 = 1800;
const STABILIZATION_WINDOW_SECONDS_MAX: i32 = 3600;
const METRIC_TYPES: &[&str] = &["ContainerResource", "External", "Object", "Pods", "Resource"];
const SELECT_POLICIES: &[&str] = &["Disabled", "Max", "Min"];
const POLICY_TYPES: &[&str] = &["Percent", "Pods"];
/// The kinds whose size can be set.
const SCALABLE: &[&str] = &["Deployment", "ReplicaSet", "StatefulSet"];

/// Validates an autoscaler that is to be created.
pub fn horizontal_pod_autoscaler(it: &HorizontalPodAutoscaler, profile: &Profile, errors: &mut FieldErrors) {
    object_meta(&it.metadata, Scope::Namespaced, &Path::OBJECT.child("metadata"), errors);
    let least = if profile.has(Feature::HPAScaleToZero) { 0 } else { 1 };
    spec(&it.spec, least, profile, &Path::OBJECT.child("spec"), errors);
}

/// Validates a change of an autoscaler: everything in its spec may change.
pub fn horizontal_pod_autoscaler_update(
    new: &HorizontalPodAutoscaler,
    old: &HorizontalPodAutoscaler,
    profile: &Profile,
    errors: &mut FieldErrors,
) {
    object_meta_update(&new.metadata, &old.metadata, &Path::OBJECT.child("metadata"), errors);
    let may_be_zero = profile.has(Feature::HPAScaleToZero) || old.spec.min_replicas == Some(0);
    spec(&new.spec, if may_be_zero { 0 } else { 1 }, profile, &Path::OBJECT.child("spec"), errors);
}

fn spec(
    spec: &HorizontalPodAutoscalerSpec,
    min_replicas_least: i32,
    profile: &Profile,
    path: &Path<'_>,
    errors: &mut FieldErrors,
) {
    let max = spec.max_replicas;
    if let Some(min) = spec.min_replicas.filter(|min| *min < min_replicas_least) {
        let detail = format!("must be greater than or equal to {min_replicas_least}");
        errors.invalid(&path.child("minReplicas"), &min, detail);
    }
    if max < 1 {
        errors.invalid(&path.child("maxReplicas"), &max, "must be greater than 0");
    }
    if spec.min_replicas.is_some_and(|min| max < min) {
        let detail = "must be greater than or equal to `minReplicas`";
        errors.invalid(&path.child("maxReplicas"), &max, detail);
    }
    scale_target(&spec.scale_target_ref, &path.child("scaleTargetRef"), errors);
    let metrics = path.child("metrics");
    for (idx, it) in spec.metrics.iter().enumerate() {
        metric(it, profile, &metrics.index(idx), errors);
    }
    let can_wake = |it: &MetricSpec| matches!(&*it.kind, "Object" | "External");
    if spec.min_replicas == Some(0) && !spec.metrics.iter().any(can_wake) {
        let detail =
            "must specify at least one Object or External metric to support scaling to zero replicas";
        errors.forbidden(&metrics, detail);
    }
    if let Some(behavior) = &spec.behavior {
        let path = path.child("behavior");
        for (field, it) in [("scaleUp", &behavior.scale_up), ("scaleDown", &behavior.scale_down)] {
            if let Some(it) = it {
                rules(it, profile, &path.child(field), errors);
            }
        }
    }
}

/// Deviation: upstream takes any kind and finds out later that the cluster does not know it, or cannot scale it.
fn scale_target(target: &CrossVersionObjectReference, path: &Path<'_>, errors: &mut FieldErrors) {
    reference(target, path, errors);
    let group = target.api_version.split_once('/').map_or("", |(group, _)| group);
    if !target.kind.is_empty() && !SCALABLE.contains(&&*target.kind) {
        errors.not_supported(&path.child("kind"), &target.kind, SCALABLE);
    } else if !target.kind.is_empty() && group != "apps" {
        let detail = format!("no matches for kind \"{}\" in group \"{group}\": write apps/v1", target.kind);
        errors.invalid(&path.child("apiVersion"), &*target.api_version, detail);
    }
}

/// The kind of a scale target that has passed validation.
///
/// # Panics
/// For one that has not.
pub fn scalable_kind(kind: &str) -> Kind {
    match kind {
        "Deployment" => Kind::Deployment,
        "ReplicaSet" => Kind::ReplicaSet,
        "StatefulSet" => Kind::StatefulSet,
        other => unreachable!("validation lets no target of kind {other} pass"),
    }
}

fn reference(target: &CrossVersionObjectReference, path: &Path<'_>, errors: &mut FieldErrors) {
    for (field, text) in [("kind", &target.kind), ("name", &target.name)] {
        if text.is_empty() {
            errors.required(&path.child(field), "");
        } else {
            invalid_text(text, names::path_segment, &path.child(field), errors);
        }
    }
}

fn metric(spec: &MetricSpec, profile: &Profile, path: &Path<'_>, errors: &mut FieldErrors) {
    let kind = path.child("type");
    if spec.kind.is_empty() {
        errors.required(&kind, "must specify a metric source type");
    }
    if !METRIC_TYPES.contains(&&*spec.kind) {
        errors.not_supported(&kind, &spec.kind, METRIC_TYPES);
    }
    let sources = [
        ("object", "Object", spec.object.is_some()),
        ("external", "External", spec.external.is_some()),
        ("pods", "Pods", spec.pods.is_some()),
        ("resource", "Resource", spec.resource.is_some()),
        ("containerResource", "ContainerResource", spec.container_resource.is_some()),
    ];
    if let Some((field, ..)) = sources.iter().find(|(.., is_given)| *is_given) {
        source(spec, field, profile, path, errors);
    }
    if let Some((field, _, false)) = sources.iter().find(|(_, kind, _)| **kind == *spec.kind) {
        errors.required(&path.child(field), "must populate information for the given metric source");
    }
    let n_given = sources.iter().filter(|(.., is_given)| *is_given).count();
    for (field, kind, is_given) in sources {
        if is_given && n_given != 1 && kind != &*spec.kind {
            errors.forbidden(&path.child(field), "must populate the given metric source only");
        }
    }
}

/// Validates the first of the sources that are given, as upstream does.
fn source(spec: &MetricSpec, field: &str, profile: &Profile, path: &Path<'_>, errors: &mut FieldErrors) {
    let path = path.child(field);
    let target_path = path.child("target");
    if let Some(it) = &spec.object {
        reference(&it.described_object, &path.child("describedObject"), errors);
        identifier(&it.metric, &path.child("metric"), errors);
        target(&it.target, &target_path, errors);
        if it.target.value.is_none() && it.target.average_value.is_none() {
            let detail = "must set either a target value or averageValue";
            errors.required(&target_path.child("averageValue"), detail);
        }
    } else if let Some(it) = &spec.external {
        identifier(&it.metric, &path.child("metric"), errors);
        target(&it.target, &target_path, errors);
        match (it.target.value, it.target.average_value) {
            (None, None) => {
                let detail = "must set either a target value for metric or a per-pod target";
                errors.required(&target_path.child("averageValue"), detail);
            }
            (Some(_), Some(_)) => {
                let detail = "may not set both a target value for metric and a per-pod target";
                errors.forbidden(&target_path.child("value"), detail);
            }
            _ => {}
        }
    } else if let Some(it) = &spec.pods {
        identifier(&it.metric, &path.child("metric"), errors);
        target(&it.target, &target_path, errors);
        if it.target.average_value.is_none() {
            let detail = "must specify a positive target averageValue";
            errors.required(&target_path.child("averageValue"), detail);
        }
    } else if let Some(ResourceMetricSource { name, target: it }) = &spec.resource {
        resource_name(name, &path, errors);
        resource_target(it, &target_path, errors);
    } else if let Some(it) = &spec.container_resource {
        container_resource(it, profile, &path, errors);
    }
}

fn container_resource(
    it: &ContainerResourceMetricSource,
    profile: &Profile,
    path: &Path<'_>,
    errors: &mut FieldErrors,
) {
    if !profile.has(Feature::HPAContainerMetrics) {
        errors.forbidden(path, profile.reason_without(Feature::HPAContainerMetrics));
    }
    resource_name(&it.name, path, errors);
    if it.container.is_empty() {
        errors.required(&path.child("container"), "must specify a container");
    } else {
        invalid_text(&it.container, names::dns_label, &path.child("container"), errors);
    }
    resource_target(&it.target, &path.child("target"), errors);
}

/// Deviation: upstream takes the name of any resource; the metrics API knows only these two, so that an autoscaler
/// that goes by another never scales.
fn resource_name(name: &str, path: &Path<'_>, errors: &mut FieldErrors) {
    let path = path.child("name");
    if name.is_empty() {
        errors.required(&path, "must specify a resource name");
    } else if !matches!(name, "cpu" | "memory") {
        errors.not_supported(&path, name, &["cpu", "memory"]);
    }
}

fn resource_target(it: &MetricTarget, path: &Path<'_>, errors: &mut FieldErrors) {
    target(it, path, errors);
    match (it.average_utilization, it.average_value) {
        (None, None) => {
            let detail = "must set either a target raw value or a target utilization";
            errors.required(&path.child("averageUtilization"), detail);
        }
        (Some(_), Some(_)) => {
            let detail = "may not set both a target raw value and a target utilization";
            errors.forbidden(&path.child("averageValue"), detail);
        }
        _ => {}
    }
}

fn target(it: &MetricTarget, path: &Path<'_>, errors: &mut FieldErrors) {
    let kind = path.child("type");
    if it.kind.is_empty() {
        errors.required(&kind, "must specify a metric target type");
    }
    if !matches!(&*it.kind, "Utilization" | "Value" | "AverageValue") {
        errors.invalid(&kind, &*it.kind, "must be either Utilization, Value, or AverageValue");
    }
    for (field, amount) in [("value", it.value), ("averageValue", it.average_value)] {
        if let Some(amount) = amount.filter(|amount| amount.is_negative() || amount.is_zero()) {
            errors.invalid(&path.child(field), &*amount.to_string(), "must be positive");
        }
    }
    if let Some(percent) = it.average_utilization.filter(|percent| *percent < 1) {
        errors.invalid(&path.child("averageUtilization"), &percent, "must be greater than 0");
    }
}

fn identifier(metric: &MetricIdentifier, path: &Path<'_>, errors: &mut FieldErrors) {
    let name = path.child("name");
    if metric.name.is_empty() {
        errors.required(&name, "must specify a metric name");
    } else {
        invalid_text(&metric.name, names::path_segment, &name, errors);
    }
    if let Some(selector) = &metric.selector {
        label_selector(selector, &path.child("selector"), errors);
    }
}

fn rules(rules: &HPAScalingRules, profile: &Profile, path: &Path<'_>, errors: &mut FieldErrors) {
    let window = path.child("stabilizationWindowSeconds");
    match rules.stabilization_window_seconds {
        Some(seconds) if seconds < 0 => {
            errors.invalid(&window, &seconds, "must be greater than or equal to zero");
        }
        Some(seconds) if seconds > STABILIZATION_WINDOW_SECONDS_MAX => {
            let detail = format!("must be less than or equal to {STABILIZATION_WINDOW_SECONDS_MAX}");
            errors.invalid(&window, &seconds, detail);
        }
        _ => {}
    }
    if let Some(policy) = rules.select_policy.as_ref().filter(|policy| !SELECT_POLICIES.contains(&&***policy))
    {
        errors.not_supported(&path.child("selectPolicy"), policy, SELECT_POLICIES);
    }
    let policies = path.child("policies");
    let given = rules.policies.as_deref().unwrap_or_default();
    if given.is_empty() {
        errors.required(&policies, "must specify at least one Policy");
    }
    for (idx, it) in given.iter().enumerate() {
        policy(it, &policies.index(idx), errors);
    }
    if let Some(tolerance) = rules.tolerance {
        let path = path.child("tolerance");
        if !profile.has(Feature::HPAConfigurableTolerance) {
            errors.forbidden(&path, profile.reason_without(Feature::HPAConfigurableTolerance));
        }
        if tolerance.is_negative() {
            errors.invalid(&path, &*tolerance.to_string(), "must be greater or equal to zero");
        }
    }
}

fn policy(policy: &HPAScalingPolicy, path: &Path<'_>, errors: &mut FieldErrors) {
    if !POLICY_TYPES.contains(&&*policy.kind) {
        errors.not_supported(&path.child("type"), &policy.kind, POLICY_TYPES);
    }
    if policy.value <= 0 {
        errors.invalid(&path.child("value"), &policy.value, "must be greater than zero");
    }
    let period = path.child("periodSeconds");
    if policy.period_seconds <= 0 {
        errors.invalid(&period, &policy.period_seconds, "must be greater than zero");
    }
    if policy.period_seconds > PERIOD_SECONDS_MAX {
        let detail = format!("must be less than or equal to {PERIOD_SECONDS_MAX}");
        errors.invalid(&period, &policy.period_seconds, detail);
    }
}
