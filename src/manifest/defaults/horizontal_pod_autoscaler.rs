//! What the API server fills in of an autoscaler.
//!
//! Source: Kubernetes 1.28, pkg/apis/autoscaling/v2/defaults.go and pkg/apis/autoscaling/v1/conversion.go.

use serde_json::{Value, json};

use crate::manifest::wire::horizontal_pod_autoscaler::{
    HPAScalingPolicy, HPAScalingRules, HorizontalPodAutoscaler, MetricSpec, MetricTarget,
    ResourceMetricSource,
};

/// The cpu that an autoscaler without metrics goes by [percent].
const CPU_UTILIZATION: i32 = 80;

/// Fills in an autoscaler.
pub fn horizontal_pod_autoscaler(autoscaler: &mut HorizontalPodAutoscaler) {
    let spec = &mut autoscaler.spec;
    spec.min_replicas.get_or_insert(1);
    if spec.metrics.is_empty() {
        spec.metrics.push(cpu_metric());
    }
    if let Some(behavior) = &mut spec.behavior {
        let fastest = [("Pods", 4), ("Percent", 100)];
        let up = behavior.scale_up.get_or_insert_default();
        up.stabilization_window_seconds.get_or_insert(0);
        fill_rules(up, &fastest);
        fill_rules(behavior.scale_down.get_or_insert_default(), &fastest[1..]);
    }
}

fn cpu_metric() -> MetricSpec {
    let target = MetricTarget {
        kind: "Utilization".into(),
        average_utilization: Some(CPU_UTILIZATION),
        ..MetricTarget::default()
    };
    MetricSpec {
        kind: "Resource".into(),
        resource: Some(ResourceMetricSource { name: "cpu".into(), target }),
        ..MetricSpec::default()
    }
}

/// Source: Kubernetes 1.28, pkg/apis/autoscaling/v2/defaults.go, GenerateHPAScaleUpRules,
/// GenerateHPAScaleDownRules.
fn fill_rules(rules: &mut HPAScalingRules, policies: &[(&str, i32)]) {
    let policy = |(kind, value): &(&str, i32)| HPAScalingPolicy {
        kind: (*kind).into(),
        value: *value,
        period_seconds: 15,
    };
    rules.select_policy.get_or_insert_with(|| "Max".into());
    rules.policies.get_or_insert_with(|| policies.iter().map(policy).collect());
}

/// The manifest of an `autoscaling/v1` autoscaler as one of `autoscaling/v2`.
///
/// Source: Kubernetes 1.28, pkg/apis/autoscaling/v1/conversion.go,
/// Convert_v1_HorizontalPodAutoscalerSpec_To_autoscaling_HorizontalPodAutoscalerSpec.
pub fn to_v2(v1: &Value) -> Value {
    let mut v2 = v1.clone();
    v2["apiVersion"] = json!("autoscaling/v2");
    if let Some(spec) = v2["spec"].as_object_mut()
        && let Some(percent) = spec.remove("targetCPUUtilizationPercentage").filter(|it| !it.is_null())
    {
        let target = json!({"type": "Utilization", "averageUtilization": percent});
        let metric = json!({"type": "Resource", "resource": {"name": "cpu", "target": target}});
        spec.insert("metrics".into(), json!([metric]));
    }
    v2
}
