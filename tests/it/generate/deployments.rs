//! Deployments at random, and what is done to them.

use proptest::option::of;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{fields, pod_spec};

/// A Deployment whose pods run for ever.
pub fn deployment_spec() -> impl Strategy<Value = Value> {
    let strategy = prop_oneof![
        Just(json!({"type": "Recreate"})),
        (1..4_u32, 0..4_u32).prop_map(|(surge, unavailable)| {
            json!({"rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}})
        }),
        (0..101_u32, 1..101_u32).prop_map(|(surge, unavailable)| {
            let percent = |share: u32| format!("{share}%");
            json!({"rollingUpdate": {"maxSurge": percent(surge), "maxUnavailable": percent(unavailable)}})
        }),
    ];
    let numbers = (0..6_u32, of(strategy), of(1..20_u32), of(30..300_u32), of(0..3_u32));
    (numbers, pod_spec(true)).prop_map(|((replicas, strategy, min_ready, deadline, limit), mut pod)| {
        pod["restartPolicy"] = json!("Always");
        pod.as_object_mut().unwrap().remove("activeDeadlineSeconds");
        fields([
            ("replicas", Some(json!(replicas))),
            ("strategy", strategy),
            ("minReadySeconds", min_ready.map(Value::from)),
            ("progressDeadlineSeconds", deadline.map(Value::from)),
            ("revisionHistoryLimit", limit.map(Value::from)),
            ("selector", Some(json!({"matchLabels": {"app": "web"}}))),
            ("template", Some(json!({"metadata": {"labels": {"app": "web"}}, "spec": pod}))),
        ])
    })
}

/// Another size or template of a Deployment, or a pause.
pub fn deployment_patch() -> impl Strategy<Value = Value> {
    prop_oneof![
        (0..8_u32).prop_map(|n| json!({"replicas": n})),
        any::<bool>().prop_map(|on| json!({"paused": on})),
        (0..3_u32).prop_map(|n| json!({"template": {"metadata": {"annotations": {"round": n.to_string()}}}})),
    ]
}
