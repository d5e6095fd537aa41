//! Autoscalers to the model.

use std::borrow::Cow;
use std::sync::Arc;

use crate::manifest::convert::pod::{seconds, selector};
use crate::manifest::convert::{Prepared, ReadContext, fill_namespace, new_object};
use crate::manifest::defaults::horizontal_pod_autoscaler as defaults;
use crate::manifest::diagnostic::Mark;
use crate::manifest::field_error::{FieldError, FieldErrors, Path};
use crate::manifest::tree::Tree;
use crate::manifest::validation::horizontal_pod_autoscaler as validation;
use crate::manifest::wire;
use crate::manifest::wire::horizontal_pod_autoscaler::{
    HPAScalingRules, HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec, MetricIdentifier, MetricTarget,
};
use crate::model::horizontal_pod_autoscaler as model;
use crate::model::meta::Name;
use crate::model::quantity::Quantity;
use crate::model::scenario::{NewObject, NewSpec};

/// The annotations in which `autoscaling/v1` keeps what only `autoscaling/v2` has fields for.
const V1_ANNOTATIONS: [&str; 2] =
    ["autoscaling.alpha.kubernetes.io/metrics", "autoscaling.alpha.kubernetes.io/behavior"];

impl ReadContext<'_> {
    /// Accepts an autoscaler that is to be created.
    pub(super) fn accept_autoscaler(&self, tree: &Tree) -> Result<NewObject, Vec<FieldError>> {
        let Prepared { object, mut errors } = prepare(tree)?;
        validation::horizontal_pod_autoscaler(&object, self.profile, &mut errors);
        finish(&object, errors)
    }

    /// Accepts a change of an autoscaler that exists.
    pub(super) fn accept_autoscaler_update(
        &self,
        old: &Tree,
        new: &Tree,
    ) -> Result<NewObject, Vec<FieldError>> {
        let old = prepare(old)?.object;
        let Prepared { object, mut errors } = prepare(new)?;
        validation::horizontal_pod_autoscaler_update(&object, &old, self.profile, &mut errors);
        finish(&object, errors)
    }
}

/// The tree of an autoscaler as `autoscaling/v2` writes it.
pub(super) fn as_v2(tree: &Tree) -> Cow<'_, Tree> {
    let is_v1 =
        tree.get("apiVersion").and_then(Tree::text).is_some_and(|version| version == "autoscaling/v1");
    if !is_v1 {
        return Cow::Borrowed(tree);
    }
    Cow::Owned(Tree::from_json(&defaults::to_v2(&tree.to_json()), Mark::START))
}

fn prepare(tree: &Tree) -> Result<Prepared<HorizontalPodAutoscaler>, Vec<FieldError>> {
    let mut object: HorizontalPodAutoscaler = wire::decode(tree).map_err(|error| vec![error])?;
    let mut errors = FieldErrors::default();
    let metadata = Path::OBJECT.child("metadata");
    let annotations = metadata.child("annotations");
    for key in V1_ANNOTATIONS.into_iter().filter(|key| object.metadata.annotations.contains_key(*key)) {
        errors.forbidden(&annotations.key(key), "not modelled: write the field of autoscaling/v2");
    }
    fill_namespace(&mut object.metadata);
    defaults::horizontal_pod_autoscaler(&mut object);
    Ok(Prepared { object, errors })
}

fn finish(object: &HorizontalPodAutoscaler, errors: FieldErrors) -> Result<NewObject, Vec<FieldError>> {
    errors.into_result(())?;
    Ok(new_object(&object.metadata, NewSpec::HorizontalPodAutoscaler(Arc::new(spec(&object.spec)))))
}

/// Converts the spec of an autoscaler.
fn spec(spec: &HorizontalPodAutoscalerSpec) -> model::HorizontalPodAutoscalerSpec {
    let target = &spec.scale_target_ref;
    model::HorizontalPodAutoscalerSpec {
        target: model::ScaleTarget {
            api_version: target.api_version.clone(),
            kind: validation::scalable_kind(&target.kind),
            name: target.name.clone(),
        },
        min_replicas: count(spec.min_replicas.unwrap_or(1)),
        max_replicas: count(spec.max_replicas),
        metrics: spec.metrics.iter().map(metric).collect(),
        behavior: spec.behavior.as_ref().map(|behavior| model::Behavior {
            scale_up: rules(behavior.scale_up.as_ref()),
            scale_down: rules(behavior.scale_down.as_ref()),
        }),
    }
}

fn metric(spec: &wire::horizontal_pod_autoscaler::MetricSpec) -> model::MetricSpec {
    let (source, target) = if let Some(it) = &spec.object {
        let described = model::DescribedObject {
            api_version: it.described_object.api_version.clone(),
            kind: it.described_object.kind.clone(),
            name: it.described_object.name.clone(),
        };
        let metric = metric_name(&it.metric);
        (model::MetricSource::Object { metric, described }, object_target(&it.target))
    } else if let Some(it) = &spec.external {
        (model::MetricSource::External(metric_name(&it.metric)), amount(&it.target))
    } else if let Some(it) = &spec.pods {
        (model::MetricSource::Pods(metric_name(&it.metric)), amount(&it.target))
    } else if let Some(it) = &spec.resource {
        (model::MetricSource::Resource(it.name.clone()), amount(&it.target))
    } else if let Some(it) = &spec.container_resource {
        let (resource, container) = (it.name.clone(), it.container.clone());
        (model::MetricSource::ContainerResource { resource, container }, amount(&it.target))
    } else {
        unreachable!("validation lets no metric without a source pass")
    };
    model::MetricSpec { source, target }
}

/// The target of any metric but an object's: the amount that is given counts, whatever its type says.
///
/// Source: Kubernetes 1.28, pkg/controller/podautoscaler/horizontal.go, computeStatusForResourceMetricGeneric,
/// computeStatusForExternalMetric.
fn amount(target: &MetricTarget) -> model::MetricTarget {
    if let Some(average) = target.average_value {
        model::MetricTarget::AverageValue(millis(average))
    } else if let Some(percent) = target.average_utilization {
        model::MetricTarget::Utilization(count(percent))
    } else {
        model::MetricTarget::Value(target.value.map_or(0, millis))
    }
}

/// The target of an object's metric: here the type counts.
fn object_target(target: &MetricTarget) -> model::MetricTarget {
    match (&*target.kind, target.value, target.average_value) {
        ("Value", Some(value), _) => model::MetricTarget::Value(millis(value)),
        (_, Some(value), None) => model::MetricTarget::Value(millis(value)),
        (_, _, average) => model::MetricTarget::AverageValue(average.map_or(0, millis)),
    }
}

fn metric_name(metric: &MetricIdentifier) -> model::MetricName {
    model::MetricName {
        name: metric.name.clone(),
        selector: metric.selector.as_ref().map(selector),
        selector_text: selector_text(metric.selector.as_ref()),
    }
}

/// A selector as Go shows the pointer to it.
///
/// Source: Kubernetes 1.28, apimachinery/pkg/apis/meta/v1/generated.pb.go, LabelSelector.String.
fn selector_text(selector: Option<&wire::meta::LabelSelector>) -> Name {
    let Some(selector) = selector else { return "nil".into() };
    let mut text = "&LabelSelector{MatchLabels:map[string]string{".to_owned();
    for (key, value) in &selector.match_labels {
        text.push_str(&format!("{key}: {value},"));
    }
    text.push_str("},MatchExpressions:[]LabelSelectorRequirement{");
    for it in &selector.match_expressions {
        let values = it.values.join(" ");
        text.push_str(&format!(
            "LabelSelectorRequirement{{Key:{},Operator:{},Values:[{values}],}},",
            it.key, it.operator
        ));
    }
    text.push_str("},}");
    text.into()
}

fn rules(rules: Option<&HPAScalingRules>) -> model::ScalingRules {
    let rules = rules.expect("defaulting has filled in both directions");
    let policies = rules.policies.iter().flatten().map(|policy| model::ScalingPolicy {
        kind: match &*policy.kind {
            "Pods" => model::ScalingPolicyType::Pods,
            "Percent" => model::ScalingPolicyType::Percent,
            other => unreachable!("validation lets no policy of type {other} pass"),
        },
        value: count(policy.value),
        period: seconds(policy.period_seconds.into()),
    });
    model::ScalingRules {
        stabilization_window: rules.stabilization_window_seconds.map(|secs| seconds(secs.into())),
        select_policy: match rules.select_policy.as_deref() {
            None | Some("Max") => model::SelectPolicy::Max,
            Some("Min") => model::SelectPolicy::Min,
            Some("Disabled") => model::SelectPolicy::Disabled,
            Some(other) => unreachable!("validation lets no policy {other} pass"),
        },
        policies: policies.collect(),
        tolerance: rules.tolerance,
    }
}

fn count(number: i32) -> u32 {
    u32::try_from(number).expect("validation lets no negative count pass")
}

/// In thousandths, as far as they can be counted.
fn millis(amount: Quantity) -> i64 {
    amount.milli_value().unwrap_or(i64::MAX)
}
