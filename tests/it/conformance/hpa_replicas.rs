//! The arithmetic of the HPA controller and single syncs: `tables/hpa_replicas.yaml`, upstream's unit tests.

mod scene;

use std::collections::BTreeSet;

use cluster_sim::controllers::horizontal_pod_autoscaler::limits::{
    Bounds, History, Limit, Step, limit, limit_with_behavior, scale_down_limit, scale_up_limit,
};
use cluster_sim::controllers::horizontal_pod_autoscaler::memory::{
    Memory, Recommendation, ScaleEvent, ScaleEvents, Windows,
};
use cluster_sim::controllers::horizontal_pod_autoscaler::pods::group;
use cluster_sim::controllers::horizontal_pod_autoscaler::replicas::{
    self, Proposal, Scene, ToleranceRule, Tolerances,
};
use cluster_sim::engine::SimDuration;
use cluster_sim::model::horizontal_pod_autoscaler::{AutoscalerConfig, Behavior, MetricValue};
use cluster_sim::model::meta::Name;
use cluster_sim::model::profile::Profile;
use serde_json::{Value, json};

use self::scene::{amount, config, facts, instant, list, metrics, now, numbers, profile, reconcile};
use super::golden_hpa::world::read_spec;
use super::{Suite, files, same, yaml};

type Outcome = Result<(), String>;

#[test]
fn autoscaler_arithmetic_agrees_with_upstream() {
    let mut suite = Suite::new("hpa_replicas");
    for table in files("tables/hpa_replicas.yaml").iter().map(|path| yaml(path)) {
        for case in list(&table["cases"]) {
            let (inputs, expected) = (&case["inputs"], &case["expected"]);
            let outcome = match case["family"].as_str() {
                Some("replica_calculator") => replica_calculator(inputs, expected),
                Some("group_pods") => group_pods(inputs, expected),
                Some("stabilize_no_behavior") => stabilize(inputs, expected),
                Some("stabilize_behavior") => stabilize_with_windows(inputs, expected),
                Some("clamp_no_behavior") => clamp(inputs, expected),
                Some("rate_limit_behavior") => rate_limit(inputs, expected),
                Some("policy_limit") => policy_limit(inputs, expected),
                Some("reconcile_once") => reconcile(inputs, expected),
                other => Err(format!("a family {other:?}")),
            };
            suite.case(case["id"].as_str().expect("a case has an id"), outcome);
        }
    }
    suite.finish();
}

fn replica_calculator(inputs: &Value, expected: &Value) -> Outcome {
    let found = calculate(inputs);
    let found = match found {
        Err(_) => json!({"error": true}),
        Ok(Proposal { replicas, current: MetricValue { utilization, average_value, value }, .. }) => {
            let mut found = json!({"replicas": replicas});
            if expected["utilization_percent"].is_number() {
                found["utilization_percent"] = json!(utilization);
            }
            if expected["average_value_milli"].is_number() {
                found["average_value_milli"] = json!(average_value);
            }
            if expected["usage_milli"].is_number() {
                found["usage_milli"] = json!(value.or(average_value));
            }
            found
        }
    };
    same(&found, expected)
}

fn calculate(inputs: &Value) -> Result<Proposal, String> {
    let (config, profile) = (config(), profile());
    let current = amount(&inputs["current_replicas"]);
    let pods = scene::calculator_pods(inputs)?;
    let tolerances = tolerances(&config, &profile);
    let scene = Scene { pods: &pods, now: now(), config: &config, profile: &profile, tolerances };
    let metric = &inputs["metric"];
    let levels = numbers(&metric["levels_milli"]);
    let total = levels.iter().sum();
    let target = metric["target_usage_milli"].as_i64().unwrap_or_default();
    let per_pod = metric["per_pod_target_milli"].as_i64().unwrap_or_default();
    match inputs["kind"].as_str() {
        Some("resource") => {
            let resource = &inputs["resource"];
            let name = resource["name"].as_str().expect("a resource");
            let container: Option<Name> = inputs["container"].as_str().map(Into::into);
            let metrics = scene::resource_metrics(resource, container.as_ref())?;
            let target = amount(&resource["target_utilization"]);
            replicas::for_utilization(current, target, metrics, (name, container.as_ref()), &scene)
        }
        Some("pods") => replicas::for_average(current, target, metrics(&levels), None, &scene),
        Some("object") => replicas::for_value(current, target, levels[0], &scene),
        Some("object_per_pod") => Ok(replicas::for_value_per_pod(current, per_pod, levels[0], tolerances)),
        Some("external") => replicas::for_value(current, target, total, &scene),
        Some("external_per_pod") => Ok(replicas::for_value_per_pod(current, per_pod, total, tolerances)),
        other => Err(format!("a metric of kind {other:?}")),
    }
}

fn tolerances(config: &AutoscalerConfig, profile: &Profile) -> Tolerances {
    Tolerances { up: config.tolerance, down: config.tolerance, rule: ToleranceRule::of(profile) }
}

fn group_pods(inputs: &Value, expected: &Value) -> Outcome {
    let pods: Vec<_> = list(&inputs["pods"]).iter().map(facts).collect();
    let known = inputs["metrics"].as_object().into_iter().flatten();
    let known = known.map(|(pod, metric)| (pod.as_str().into(), scene::pod_metric(metric))).collect();
    let span = |field: &str| SimDuration::from_secs(inputs[field].as_u64().expect("seconds"));
    let config = AutoscalerConfig {
        cpu_initialization: span("cpu_initialization_period_s"),
        initial_readiness: span("initial_readiness_delay_s"),
        ..AutoscalerConfig::default()
    };
    let found = group(&pods, &known, inputs["resource"].as_str(), now(), &config);
    let names = |names: &BTreeSet<Name>| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let found = json!({
        "ready": found.n_ready, "unready": names(&found.unready), "missing": names(&found.missing),
        "ignored": names(&found.ignored),
    });
    same(&found, expected)
}

pub fn recommendations(inputs: &Value) -> Vec<Recommendation> {
    let one = |it: &Value| Recommendation { replicas: amount(&it["replicas"]), at: instant(&it["offset_s"]) };
    list(&inputs["recommendations"]).iter().map(one).collect()
}

fn stabilize(inputs: &Value, expected: &Value) -> Outcome {
    let mut memory = Memory { recommendations: recommendations(inputs), ..Memory::default() };
    let window = SimDuration::from_secs(amount(&inputs["window_s"]).into());
    let found = memory.stabilize(amount(&inputs["desired"]), now(), window);
    same(&json!({"stabilized": found.replicas, "log_length": memory.recommendations.len()}), expected)
}

fn stabilize_with_windows(inputs: &Value, expected: &Value) -> Outcome {
    let mut memory = Memory { recommendations: recommendations(inputs), ..Memory::default() };
    let window = |field: &str| SimDuration::from_secs(amount(&inputs[field]).into());
    let windows = Windows { up: window("up_window_s"), down: window("down_window_s") };
    let (current, desired) = (amount(&inputs["current"]), amount(&inputs["desired"]));
    let found = memory.stabilize_with_windows(current, desired, now(), windows);
    let log: Vec<u32> = memory.recommendations.iter().map(|it| it.replicas).collect();
    let mut found = json!({"stabilized": found.replicas});
    if expected["log"].is_array() {
        found["log"] = json!(log);
    }
    same(&found, expected)
}

fn step(inputs: &Value) -> (Step, Bounds) {
    let step = Step { current: amount(&inputs["current"]), desired: amount(&inputs["desired"]) };
    (step, Bounds { min: amount(&inputs["min"]), max: amount(&inputs["max"]) })
}

fn clamp(inputs: &Value, expected: &Value) -> Outcome {
    let (step, bounds) = step(inputs);
    let found = limit(step, bounds, amount(&inputs["scale_up_limit_factor"]));
    let condition = found.by.map_or("DesiredWithinRange", |by| by.words().0);
    same(&json!({"replicas": found.replicas, "condition": condition}), expected)
}

fn rate_limit(inputs: &Value, expected: &Value) -> Outcome {
    let (step, bounds) = step(inputs);
    let (ups, downs) = (scale_events(&inputs["scale_up_events"]), scale_events(&inputs["scale_down_events"]));
    let history = History { ups: &ups, downs: &downs, now: now() };
    let behavior = behavior(&inputs["scale_up_rules"], &inputs["scale_down_rules"])?;
    let found = limit_with_behavior(step, bounds, &behavior, &history);
    let condition = found.by.map_or("DesiredWithinRange", |by: Limit| by.words().0);
    same(&json!({"replicas": found.replicas, "condition": condition}), expected)
}

fn policy_limit(inputs: &Value, expected: &Value) -> Outcome {
    let rules = json!({"policies": inputs["policies"], "selectPolicy": inputs["select_policy"]});
    let none = ScaleEvents::default();
    let history = History { ups: &none, downs: &none, now: now() };
    let current = amount(&inputs["current"]);
    let found = if inputs["direction"] == "down" {
        scale_down_limit(current, &behavior(&Value::Null, &rules)?.scale_down, &history)
    } else {
        scale_up_limit(current, &behavior(&rules, &Value::Null)?.scale_up, &history)
    };
    same(&json!({"limit": found}), expected)
}

fn scale_events(events: &Value) -> ScaleEvents {
    let one = |it: &Value| ScaleEvent {
        change: amount(&it["change"]),
        at: instant(&it["offset_s"]),
        is_outdated: false,
    };
    ScaleEvents(list(events).iter().map(one).collect())
}

fn behavior(up: &Value, down: &Value) -> Result<Behavior, String> {
    let spec = json!({"maxReplicas": 1, "behavior": {"scaleUp": up, "scaleDown": down}});
    Ok(read_spec(&spec, &profile())?.behavior.expect("a behaviour was written"))
}
