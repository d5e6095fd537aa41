//! Autoscalers in whole runs, and the laws of their arithmetic.

use std::sync::Arc;

use cluster_sim::controllers::horizontal_pod_autoscaler::limits::{
    Bounds, History, Step, limit, limit_with_behavior,
};
use cluster_sim::controllers::horizontal_pod_autoscaler::memory::{Memory, ScaleEvent, ScaleEvents, Windows};
use cluster_sim::engine::{SimDuration, SimTime};
use cluster_sim::experiment::trial::{self, Trial};
use cluster_sim::manifest::load::{self, Options};
use cluster_sim::manifest::source::Source;
use cluster_sim::model::horizontal_pod_autoscaler::{
    Behavior, ScalingPolicy, ScalingPolicyType, ScalingRules, SelectPolicy,
};
use cluster_sim::model::ids::{Kind, ObjectId};
use cluster_sim::model::resources::Millicores;
use cluster_sim::model::scenario::Scenario;
use cluster_sim::observe::story::Story;
use cluster_sim::report::why;
use proptest::prelude::*;

fn scenario(text: &str) -> Scenario {
    let source = Source { name: "test.yaml".into(), text: text.as_bytes().to_vec() };
    let loaded = load::load(&[source], &mut |_, name| Err(format!("{name}: not there")), &Options::default());
    loaded.map_err(|errors| errors.to_string()).unwrap().scenario
}

fn run(scenario: Scenario) -> Trial<Story> {
    let subject = cluster_sim::model::scenario::ObjectName {
        kind: Kind::HorizontalPodAutoscaler,
        namespace: "default".into(),
        name: "web".into(),
    };
    trial::run(&Arc::new(scenario), None, Story::of(subject), |_| {})
}

const SET: &str = r#"
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - {name: main, image: web, resources: {requests: {cpu: 100m, memory: 100Mi}}}
        - {name: proxy, image: proxy, resources: {requests: {cpu: 300m, memory: 100Mi}}}
"#;

/// Plays a ReplicaSet of two pods under an autoscaler of these metrics for five minutes and gives its scalings as `at:from>to`.
#[track_caller]
fn check(metrics: &str, more: &str, expected: &[&str]) {
    let text = format!(
        "{SET}---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {{name: web}}
spec:
  scaleTargetRef: {{apiVersion: apps/v1, kind: ReplicaSet, name: web}}
  maxReplicas: 9
  metrics: [{metrics}]
---
apiVersion: sim/v1
kind: Scenario
spec:
  horizon: 5m
  images:
    web: {{cpu: [{{at: 0s, value: 50m}}, {{at: 60s, value: 170m}}], memory: {{base: 150Mi}}, steps: [run: forever]}}
    proxy: {{cpu: 30m, memory: {{base: 10Mi}}, steps: [run: forever]}}
{more}"
    );
    let trial = run(scenario(&text));
    let (seen, _) = trial.simulation.observer();
    let scalings = seen.scalings.entries().iter().flat_map(|entry| &entry.scalings);
    let scalings: Vec<String> = scalings.map(|it| format!("{}:{}>{}", it.at, it.from, it.to)).collect();
    assert_eq!(scalings, expected);
}

fn resource(target: &str) -> String {
    format!("{{type: Resource, resource: {{name: cpu, target: {target}}}}}")
}

#[test]
fn the_average_of_a_pod_hides_a_hot_container_that_container_resource_shows() {
    let utilization = "{type: Utilization, averageUtilization: 100}";
    // 200m of 400m are 50 %, so the first recommendation, two, is what holds the size; the hot container is at 170 %.
    check(&resource(utilization), "", &[]);
    let container = format!(
        "{{type: ContainerResource, containerResource: {{name: cpu, container: main, target: {utilization}}}}}"
    );
    check(&container, "", &["1m15s:2>4", "1m45s:4>7", "2m15s:7>9"]);
}

#[test]
fn a_size_follows_the_mean_of_a_resource() {
    // New pods are not counted before they have a sample: each step waits for the one before.
    check(
        &resource("{type: AverageValue, averageValue: 100m}"),
        "",
        &["1m15s:2>4", "1m45s:4>8", "2m15s:8>9"],
    );
    let memory =
        "{type: Resource, resource: {name: memory, target: {type: AverageValue, averageValue: 80Mi}}}";
    check(memory, "", &["30s:2>4", "1m:4>8", "1m30s:8>9"]);
}

#[test]
fn metrics_that_the_scenario_gives_are_followed() {
    let external =
        "{type: External, external: {metric: {name: queue}, target: {type: Value, value: \"10\"}}}";
    let series = "[{at: 0s, value: 10}, {at: 100s, value: 25}]";
    check(
        external,
        &format!("  metrics: [{{name: queue, series: {series}}}]"),
        &["1m45s:2>4", "2m:4>8", "2m15s:8>9"],
    );
    let object = "{type: Object, object: {metric: {name: rps}, describedObject: {kind: Ingress, name: main, \
                  apiVersion: networking.k8s.io/v1}, target: {type: Value, value: \"10\"}}}";
    let given =
        format!("  metrics: [{{name: rps, object: {{kind: Ingress, name: main}}, series: {series}}}]");
    check(object, &given, &["1m45s:2>4", "2m:4>8", "2m15s:8>9"]);
    let pods =
        "{type: Pods, pods: {metric: {name: qps}, target: {type: AverageValue, averageValue: \"10\"}}}";
    check(
        pods,
        &format!("  metrics: [{{name: qps, pods: each, series: {series}}}]"),
        &["1m45s:2>4", "2m:4>8", "2m15s:8>9"],
    );
    check(pods, &format!("  metrics: [{{name: qps, pods: shared, series: {series}}}]"), &["1m45s:2>3"]);
}

#[test]
fn the_load_is_what_the_metrics_server_sees_of_a_process_that_serves() {
    let text = "
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: web, resources: {requests: {cpu: 100m}}}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: ReplicaSet, name: web}
  maxReplicas: 9
  metrics: [{type: Resource, resource: {name: cpu, target: {type: AverageValue, averageValue: 100m}}}]
---
apiVersion: sim/v1
kind: Scenario
spec:
  horizon: 35s
  images: {web: {serve: [{port: 80, cpu: 5ms}]}}
  traffic: [{name: load, to: service/web, rate: 50/s, arrivals: constant, from: 0s}]
";
    let trial = run(scenario(text));
    let cluster = trial.simulation.cluster();
    let sample = cluster.pods().ids().find_map(|pod| cluster.pod_sample(pod));
    // Fifty requests of 5 ms in each second are a quarter of a cpu.
    let sample = sample.expect("the pod has run for long enough");
    assert_eq!((sample.window, sample.containers[0].cpu), (SimDuration::from_secs(15), Millicores(250)));
    let (seen, _) = trial.simulation.observer();
    assert_eq!(seen.scalings.entries()[0].scalings[0].to, 3);
}

#[test]
fn a_metric_that_nobody_gives_is_refused() {
    let external =
        "{type: External, external: {metric: {name: queue}, target: {type: Value, value: \"10\"}}}";
    let text = format!(
        "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {{name: web}}\nspec:\n  \
         scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: web}}\n  maxReplicas: 9\n  metrics: [{external}]\n"
    );
    let source = Source { name: "hpa.yaml".into(), text: text.into_bytes() };
    let errors = load::load(&[source], &mut |_, _| Err(String::new()), &Options::default()).unwrap_err();
    assert_eq!(
        errors.to_string().trim_end(),
        "hpa.yaml:7:56: spec.metrics[0].external.metric.name: nothing gives the metric \"queue\": add it to \
         `spec.metrics` of the Scenario"
    );
}

#[test]
fn a_controller_that_starts_anew_waits_for_a_period_and_for_its_window() {
    let external =
        "{type: External, external: {metric: {name: queue}, target: {type: Value, value: \"10\"}}}";
    let more = "  metrics: [{name: queue, series: [{at: 0s, value: 10}, {at: 40s, value: 25}]}]
  timeline: [{at: 31s, stop: {component: kube-controller-manager, for: 20s}}]";
    check(external, more, &["1m6s:2>4", "1m21s:4>8", "1m36s:8>9"]);
}

#[test]
fn why_tells_the_last_decisions_of_an_autoscaler() {
    let text = format!(
        "{SET}---\napiVersion: autoscaling/v1\nkind: HorizontalPodAutoscaler\nmetadata: {{name: web}}\nspec: \
         {{scaleTargetRef: {{apiVersion: apps/v1, kind: ReplicaSet, name: web}}, maxReplicas: 3, \
         targetCPUUtilizationPercentage: 20}}\n---\napiVersion: sim/v1\nkind: Scenario\nspec: {{horizon: 1m, images: \
         {{web: {{cpu: 200m}}, proxy: {{cpu: 40m}}}}}}\n"
    );
    let trial = run(scenario(&text));
    let why = why::why(&trial).unwrap().to_string();
    for line in [
        "HorizontalPodAutoscaler default/web  ReplicaSet/web  3 replicas at 1m  (min 1, max 3)",
        "  15s  failed to get cpu utilization: unable to get metrics for resource cpu: no metrics returned from resource \
         metrics API; nothing is done",
        "  30s  scaled from 2 to 3: cpu resource utilization (percentage of request) above target",
        "  30s  cpu resource utilization (percentage of request) 60% is 3.00 times the target, asks for 6; TooManyReplicas \
         makes it 3; from 2 to 3",
    ] {
        assert!(why.lines().any(|found| found == line), "{line}\nis not in\n{why}");
    }
}

#[test]
fn two_autoscalers_of_the_same_pods_stop_each_other() {
    let hpa = |name: &str| {
        format!(
            "---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {{name: {name}}}\nspec:\n  \
             scaleTargetRef: {{apiVersion: apps/v1, kind: ReplicaSet, name: web}}\n  maxReplicas: 9\n"
        )
    };
    let text = format!(
        "{SET}{}{}---\napiVersion: sim/v1\nkind: Scenario\nspec: {{horizon: 1m}}\n",
        hpa("web"),
        hpa("x")
    );
    let trial = run(scenario(&text));
    let cluster = trial.simulation.cluster();
    for name in ["web", "x"] {
        let Some(ObjectId::HorizontalPodAutoscaler(id)) =
            cluster.find(Kind::HorizontalPodAutoscaler, "default", name)
        else {
            panic!("{name} is there")
        };
        let conditions = &cluster.horizontal_pod_autoscaler(id).unwrap().status.conditions;
        let message = "pods by selector app=web are controlled by multiple HPAs: [{web default} {x default}]";
        assert!(conditions.iter().any(|it| &*it.message == message), "{conditions:?}");
    }
}

fn rules() -> impl Strategy<Value = ScalingRules> {
    let policy = (any::<bool>(), 1..200_u32, 1..100_u64).prop_map(|(is_pods, value, period)| ScalingPolicy {
        kind: if is_pods { ScalingPolicyType::Pods } else { ScalingPolicyType::Percent },
        value,
        period: SimDuration::from_secs(period),
    });
    let select = prop_oneof![Just(SelectPolicy::Max), Just(SelectPolicy::Min), Just(SelectPolicy::Disabled)];
    (prop::collection::vec(policy, 1..4), select).prop_map(|(policies, select_policy)| ScalingRules {
        stabilization_window: None,
        select_policy,
        policies,
        tolerance: None,
    })
}

fn events() -> impl Strategy<Value = ScaleEvents> {
    let event = (1..50_u32, 900..1000_u64).prop_map(|(change, at)| ScaleEvent {
        change,
        at: SimTime::from_secs(at),
        is_outdated: false,
    });
    prop::collection::vec(event, 0..5).prop_map(ScaleEvents)
}

proptest! {
    #[test]
    fn a_size_stays_within_its_bounds_and_between_what_is_and_what_is_wanted(
        (min, max) in (0..20_u32, 1..200_u32), current in 0..220_u32, desired in 0..500_u32,
        (scale_up, scale_down) in (rules(), rules()), (ups, downs) in (events(), events()),
    ) {
        let bounds = Bounds { min: min.min(max), max };
        let current = current.clamp(bounds.min, bounds.max);
        let step = Step { current, desired };
        let history = History { ups: &ups, downs: &downs, now: SimTime::from_secs(1000) };
        let behavior = Behavior { scale_up, scale_down };
        for found in [limit(step, bounds, 2), limit_with_behavior(step, bounds, &behavior, &history)] {
            prop_assert!((bounds.min..=bounds.max).contains(&found.replicas), "{found:?}");
            prop_assert!((current.min(desired)..=current.max(desired)).contains(&found.replicas), "{found:?}");
            prop_assert_eq!(found.by.is_some(), found.replicas != desired);
        }
    }

    #[test]
    fn a_stabilised_size_is_one_that_was_wanted_or_is(
        wanted in prop::collection::vec(0..100_u32, 1..20), current in 0..100_u32,
        (up, down) in (0..120_u64, 0..120_u64),
    ) {
        let mut memory = Memory::default();
        let windows = Windows { up: SimDuration::from_secs(up), down: SimDuration::from_secs(down) };
        for (at, replicas) in (1..).zip(&wanted) {
            let now = SimTime::from_secs(15 * at);
            let found = memory.stabilize_with_windows(current, *replicas, now, windows);
            let seen = &wanted[..usize::try_from(at).unwrap()];
            prop_assert!(seen.contains(&found.replicas) || found.replicas == current);
            prop_assert!((current.min(*replicas)..=current.max(*replicas)).contains(&found.replicas));
        }
    }
}
