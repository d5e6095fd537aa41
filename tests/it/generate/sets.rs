//! StatefulSets, DaemonSets and disruption budgets at random, and what is done to them.

use proptest::prelude::*;
use serde_json::{Value, json};

fn template(app: &'static str) -> impl Strategy<Value = Value> {
    let probed = json!({"exec": {"command": ["check"]}, "periodSeconds": 3});
    (0..4_u32, any::<bool>(), any::<bool>(), 0..20_u32).prop_map(
        move |(image, is_probed, bears_all, grace)| {
            let mut container = json!({"name": "main", "image": format!("img{image}")});
            if is_probed {
                container["readinessProbe"] = probed.clone();
            }
            let tolerations = if bears_all { json!([{"operator": "Exists"}]) } else { json!([]) };
            json!({"metadata": {"labels": {"set": app}}, "spec": {
                "containers": [container], "tolerations": tolerations, "terminationGracePeriodSeconds": grace,
            }})
        },
    )
}

fn object(version: &str, kind: &str, name: &str, spec: Value) -> Value {
    json!({"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec})
}

/// A StatefulSet `db`.
pub fn stateful_set() -> impl Strategy<Value = Value> {
    let policy = prop_oneof![Just("OrderedReady"), Just("Parallel")];
    let update = prop_oneof![
        1 => Just(json!({"type": "OnDelete"})),
        3 => (0..3_u32).prop_map(|n| json!({"type": "RollingUpdate", "rollingUpdate": {"partition": n}})),
    ];
    (template("db"), 0..4_u32, policy, update, 0..15_u32, 0..3_u32).prop_map(
        |(template, replicas, policy, update, min_ready, start)| {
            let spec = json!({
                "serviceName": "db", "selector": {"matchLabels": {"set": "db"}}, "template": template,
                "replicas": replicas, "podManagementPolicy": policy, "updateStrategy": update,
                "minReadySeconds": min_ready, "ordinals": {"start": start},
            });
            object("apps/v1", "StatefulSet", "db", spec)
        },
    )
}

/// A DaemonSet `agent`.
pub fn daemon_set() -> impl Strategy<Value = Value> {
    let update = prop_oneof![
        Just(json!({"type": "OnDelete"})),
        Just(json!({"rollingUpdate": {"maxUnavailable": "50%"}})),
        Just(json!({"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}})),
    ];
    (template("agent"), update, 0..15_u32).prop_map(|(template, update, min_ready)| {
        let spec = json!({
            "selector": {"matchLabels": {"set": "agent"}}, "template": template, "updateStrategy": update,
            "minReadySeconds": min_ready,
        });
        object("apps/v1", "DaemonSet", "agent", spec)
    })
}

/// A disruption budget over one of them.
pub fn budget(name: &'static str) -> impl Strategy<Value = Value> {
    let limit = prop_oneof![
        (0..3_u32).prop_map(|n| json!({"minAvailable": n})),
        Just(json!({"minAvailable": "50%"})),
        (0..3_u32).prop_map(|n| json!({"maxUnavailable": n})),
    ];
    let policy = prop_oneof![Just("IfHealthyBudget"), Just("AlwaysAllow")];
    (limit, policy, prop_oneof![4 => Just("db"), 1 => Just("agent")]).prop_map(
        move |(mut spec, policy, app)| {
            spec["selector"] = json!({"matchLabels": {"set": app}});
            spec["unhealthyPodEvictionPolicy"] = json!(policy);
            object("policy/v1", "PodDisruptionBudget", name, spec)
        },
    )
}

/// What happens to sets and their nodes.
pub fn entry() -> impl Strategy<Value = Value> {
    let image = |kind: &'static str, name: &'static str, image: u32| {
        let container = json!({"name": "main", "image": format!("img{image}")});
        let merge = json!({"spec": {"template": {"spec": {"containers": [container]}}}});
        json!({"patch": {kind: name, "merge": merge}})
    };
    let node = || prop_oneof![Just("a-1"), Just("a-2")];
    let action = prop_oneof![
        (0..5_u32).prop_map(|n| json!({"scale": {"statefulset": "db", "replicas": n}})),
        (0..4_u32).prop_map(move |n| image("statefulset", "db", n)),
        (0..4_u32).prop_map(move |n| image("daemonset", "agent", n)),
        (node(), any::<bool>()).prop_map(|(node, force)| {
            json!({"drain": {"node": node, "force": force, "deleteEmptyDirData": force, "timeout": "10m"}})
        }),
        node().prop_map(|node| json!({"uncordon": {"node": node}})),
        Just(json!({"evict": {"pod": "db-*"}})),
        Just(json!({"delete": {"pod": "db-1"}})),
        Just(json!({"kill": {"pod": "agent-*"}})),
    ];
    (1..600_u32, action).prop_map(|(at, mut entry)| {
        entry["at"] = json!(format!("{at}s"));
        entry
    })
}
