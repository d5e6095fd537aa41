//! What the cases of the table are about: pods, metrics, and a whole autoscaler.

use std::collections::BTreeMap;
use std::fmt;

use cluster_sim::controllers::horizontal_pod_autoscaler::memory::{Memory, Recommendation};
use cluster_sim::controllers::horizontal_pod_autoscaler::metrics::{
    self, ContainerUsage, MetricsApi, PodMetric, PodMetrics, PodUsage,
};
use cluster_sim::controllers::horizontal_pod_autoscaler::pods::PodFacts;
use cluster_sim::controllers::horizontal_pod_autoscaler::proposal::Scale;
use cluster_sim::controllers::horizontal_pod_autoscaler::sync::{Api, Moment, Observed, sync};
use cluster_sim::engine::{SimDuration, SimTime};
use cluster_sim::model::horizontal_pod_autoscaler::{
    AutoscalerConfig, DescribedObject, HorizontalPodAutoscalerSpec, HorizontalPodAutoscalerStatus, MetricName,
};
use cluster_sim::model::meta::{LabelSelector, Name};
use cluster_sim::model::node::ConditionStatus;
use cluster_sim::model::pod_status::Phase;
use cluster_sim::model::profile::Profile;
use cluster_sim::model::quantity::Quantity;
use cluster_sim::model::record::Severity;
use serde_json::{Value, json};

use super::super::golden_hpa::world::{pod_spec, read_spec};
use super::super::same;
use super::recommendations;

/// The present of all cases [s]; the beginning of time is upstream's zero time.
const NOW: i64 = 1_000_000;

pub fn now() -> SimTime {
    SimTime::ZERO + SimDuration::from_secs(NOW.unsigned_abs())
}

/// An instant that is given as an offset from the present [s]; the beginning of time where none is.
pub fn instant(offset: &Value) -> SimTime {
    let secs = offset.as_i64().map_or(0, |offset| NOW + offset);
    SimTime::ZERO + SimDuration::from_secs(secs.unsigned_abs())
}

pub fn profile() -> Profile {
    Profile::new("1.28".parse().expect("1.28 has a profile"))
}

/// The setup of the controller in upstream's tests.
pub fn config() -> AutoscalerConfig {
    AutoscalerConfig {
        scale_up_factor: 8,
        cpu_initialization: SimDuration::from_secs(120),
        initial_readiness: SimDuration::from_secs(10),
        ..AutoscalerConfig::default()
    }
}

pub fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

pub fn numbers(value: &Value) -> Vec<i64> {
    list(value).iter().filter_map(Value::as_i64).collect()
}

pub fn amount(value: &Value) -> u32 {
    value.as_u64().and_then(|number| u32::try_from(number).ok()).expect("a small number")
}

fn ready_status(value: &Value) -> Option<ConditionStatus> {
    match value.as_str()? {
        "True" => Some(ConditionStatus::True),
        "False" => Some(ConditionStatus::False),
        _ => Some(ConditionStatus::Unknown),
    }
}

fn phase(value: &Value) -> Phase {
    match value.as_str() {
        None | Some("Running") => Phase::Running,
        Some("Pending") => Phase::Pending,
        Some("Succeeded") => Phase::Succeeded,
        Some("Failed") => Phase::Failed,
        Some(other) => panic!("no phase: {other}"),
    }
}

/// A pod of `group_pods`.
pub fn facts(pod: &Value) -> PodFacts {
    let is_given = |field: &str| !pod[field].is_null();
    PodFacts {
        name: pod["name"].as_str().expect("a pod has a name").into(),
        phase: phase(&pod["phase"]),
        is_terminating: pod["deleted"] == true,
        start_time: is_given("start_offset_s").then(|| instant(&pod["start_offset_s"])),
        ready: ready_status(&pod["ready"]).map(|ready| (ready, instant(&pod["ready_transition_offset_s"]))),
        spec: pod_spec(&json!([{"name": "main"}]), &profile()).expect("a pod with a container"),
    }
}

/// A metric of `group_pods`.
pub fn pod_metric(metric: &Value) -> PodMetric {
    PodMetric {
        value: metric["value"].as_i64().expect("a value"),
        timestamp: instant(&metric["timestamp_offset_s"]),
        window: SimDuration::from_secs(metric["window_s"].as_u64().unwrap_or_default()),
    }
}

fn pod_name(at: usize) -> Name {
    format!("test-pod-{at}").into()
}

/// A pod as the lists of a case describe it: container1 and container2 have the given requests [thousandths of CPUs, or
/// of bytes].
fn listed_pod(
    inputs: &Value,
    at: usize,
    resource: &str,
    request: i64,
    start: SimTime,
) -> Result<PodFacts, String> {
    let amount = if resource == "cpu" { format!("{request}m") } else { request.to_string() };
    let containers: Vec<Value> = ["container1", "container2"]
        .iter()
        .map(|name| json!({"name": name, "requests": {resource: amount}}))
        .collect();
    Ok(PodFacts {
        name: pod_name(at),
        phase: phase(&inputs["pod_phase"][at]),
        is_terminating: inputs["pod_deleted"][at] == true,
        start_time: Some(start),
        ready: Some((ready_status(&inputs["pod_ready"][at]).unwrap_or(ConditionStatus::True), start)),
        spec: pod_spec(&json!(containers), &profile())?,
    })
}

/// The pods of `replica_calculator`: what is not said happened at the beginning of time.
pub fn calculator_pods(inputs: &Value) -> Result<Vec<PodFacts>, String> {
    let n = (amount(&inputs["current_replicas"]) as usize).max(list(&inputs["pod_phase"]).len());
    let resource = &inputs["resource"];
    let requests = numbers(&resource["requests_milli_per_container"]);
    let name = resource["name"].as_str().unwrap_or("cpu");
    let pod = |at: usize| {
        let request = requests.get(at).copied().unwrap_or(1000);
        let start = instant(&inputs["pod_start_offset_s"][at]);
        let mut pod = listed_pod(inputs, at, name, request, start)?;
        pod.ready = pod.ready.map(|(ready, _)| (ready, SimTime::ZERO));
        Ok(pod)
    };
    (0..n).map(pod).collect()
}

/// The samples of a resource in `replica_calculator`.
pub fn resource_metrics(resource: &Value, container: Option<&Name>) -> Result<PodMetrics, String> {
    struct Given(BTreeMap<Name, PodUsage>);
    impl MetricsApi for Given {
        fn resource(&self, _: &str, _: &LabelSelector) -> Result<BTreeMap<Name, PodUsage>, String> {
            Ok(self.0.clone())
        }
        fn pods(&self, _: &MetricName, _: &LabelSelector) -> Result<PodMetrics, String> {
            Err("not asked for".to_owned())
        }
        fn object(&self, _: &MetricName, _: &DescribedObject) -> Result<i64, String> {
            Err("not asked for".to_owned())
        }
        fn external(&self, _: &MetricName) -> Result<Vec<i64>, String> {
            Err("not asked for".to_owned())
        }
    }
    let name = |at: usize| resource["metric_pod_names"][at].as_str().map_or_else(|| pod_name(at), Into::into);
    let usages = list(&resource["usage_milli_per_pod_container"]).iter().enumerate();
    let pods = usages.map(|(at, levels)| (name(at), usage(&numbers(levels), SimTime::ZERO)));
    metrics::resource_metrics(&Given(pods.collect()), "any", container, &LabelSelector::default(), "default")
}

fn usage(levels: &[i64], timestamp: SimTime) -> PodUsage {
    let containers = (1..).zip(levels).map(|(number, level)| ContainerUsage {
        name: format!("container{number}").into(),
        usage: Some(*level),
    });
    PodUsage { timestamp, window: SimDuration::from_secs(60), containers: containers.collect() }
}

/// A metric of each pod, in order.
pub fn metrics(levels: &[i64]) -> PodMetrics {
    let metric = |value: &i64| PodMetric {
        value: *value,
        timestamp: SimTime::ZERO,
        window: SimDuration::from_secs(60),
    };
    levels.iter().enumerate().map(|(at, level)| (pod_name(at), metric(level))).collect()
}

/// A whole sync.
pub fn reconcile(inputs: &Value, expected: &Value) -> Result<(), String> {
    let spec = spec(inputs)?;
    let pods = reconcile_pods(inputs)?;
    let mut api = Cluster { inputs, pods, scaled_to: None };
    let mut memory = Memory::default();
    if inputs["history_preset"] == true {
        // An empty history is one all the same; what is too old to count stands for it.
        memory.recommendations = vec![Recommendation { replicas: 1, at: SimTime::ZERO }];
        memory.recommendations.extend(recommendations(inputs));
    }
    let status = HorizontalPodAutoscalerStatus::default();
    let observed = Observed { namespace: "test-namespace", spec: &spec, status: &status };
    let (config, profile) = (config(), profile());
    let moment = Moment { now: now(), config: &config, profile: &profile };
    let outcome = sync(&observed, &mut memory, &moment, &mut api);
    let before = amount(&inputs["spec_replicas"]);
    let desired = api.scaled_to.unwrap_or(before);
    let action = match desired.cmp(&before) {
        std::cmp::Ordering::Less => "ScaleDown",
        std::cmp::Ordering::Equal => "None",
        std::cmp::Ordering::Greater => "ScaleUp",
    };
    let mut found = json!({"desired_replicas": desired, "action": action});
    let listed = list(&expected["conditions"]);
    if !listed.is_empty() {
        let conditions: Vec<Value> = outcome
            .status
            .conditions
            .iter()
            .map(|it| json!({"type": it.kind.as_str(), "status": it.status.as_str(), "reason": it.reason}))
            .filter(|it| listed.iter().any(|listed| listed["type"] == it["type"]))
            .collect();
        found["conditions"] = json!(conditions);
    }
    if expected["current_cpu_percent"].is_number() {
        let first = outcome.status.current_metrics.first().and_then(Option::as_ref);
        found["current_cpu_percent"] = json!(first.and_then(|metric| metric.current.utilization));
    }
    same(&found, expected)
}

fn spec(inputs: &Value) -> Result<HorizontalPodAutoscalerSpec, String> {
    let mut all = Vec::new();
    if let Some(percent) = inputs["cpu_target_percent"].as_i64().filter(|percent| *percent > 0) {
        let target = json!({"type": "Utilization", "averageUtilization": percent});
        all.push(json!({"type": "Resource", "resource": {"name": "cpu", "target": target}}));
    }
    all.extend_from_slice(list(&inputs["metrics"]));
    for metric in &mut all {
        if let Some(described) = metric.pointer_mut("/object/describedObject").and_then(Value::as_object_mut)
            && let Some(version) = described.remove("aPIVersion")
        {
            described.insert("apiVersion".to_owned(), version);
        }
    }
    let mut manifest = json!({"maxReplicas": amount(&inputs["max_replicas"]), "metrics": all});
    if !inputs["scale_up_rules"].is_null() {
        manifest["behavior"] = json!({"scaleUp": inputs["scale_up_rules"]});
    }
    let mut spec = read_spec(&manifest, &profile())?;
    spec.min_replicas = amount(&inputs["min_replicas"]);
    Ok(spec)
}

/// The pods of a sync: as many as have requests, and three minutes old where nothing is said.
fn reconcile_pods(inputs: &Value) -> Result<Vec<PodFacts>, String> {
    let n = match list(&inputs["cpu_requests"]) {
        [] => amount(&inputs["spec_replicas"]) as usize,
        requests => requests.len(),
    };
    let pod = |at: usize| {
        let request = inputs["cpu_requests"][at].as_str().unwrap_or("1");
        let request = request.parse::<Quantity>().ok().and_then(Quantity::milli_value).expect("a quantity");
        let offset = inputs["pod_start_offset_s"][at].as_i64().unwrap_or(-180);
        listed_pod(inputs, at, "cpu", request / 2, instant(&json!(offset)))
    };
    (0..n).map(pod).collect()
}

struct Cluster<'a> {
    inputs: &'a Value,
    pods: Vec<PodFacts>,
    scaled_to: Option<u32>,
}

impl Cluster<'_> {
    fn levels(&self) -> Vec<i64> {
        numbers(&self.inputs["reported_levels_milli"])
    }
}

impl MetricsApi for Cluster<'_> {
    fn resource(&self, _: &str, _: &LabelSelector) -> Result<BTreeMap<Name, PodUsage>, String> {
        let levels = self.levels().into_iter().enumerate();
        Ok(levels.map(|(at, level)| (pod_name(at), usage(&[level / 2; 2], now()))).collect())
    }

    fn pods(&self, _: &MetricName, _: &LabelSelector) -> Result<PodMetrics, String> {
        Ok(metrics(&self.levels()))
    }

    fn object(&self, _: &MetricName, _: &DescribedObject) -> Result<i64, String> {
        self.levels().first().copied().ok_or_else(|| "no level".to_owned())
    }

    fn external(&self, _: &MetricName) -> Result<Vec<i64>, String> {
        Ok(self.levels())
    }
}

impl Api for Cluster<'_> {
    fn scale(&self) -> Result<Scale, String> {
        Ok(Scale {
            spec_replicas: amount(&self.inputs["spec_replicas"]),
            status_replicas: amount(&self.inputs["status_replicas"]),
            selector: LabelSelector::default(),
        })
    }

    fn list_pods(&self, _: &LabelSelector) -> Vec<PodFacts> {
        self.pods.clone()
    }

    fn autoscalers_of(&self, _: &[PodFacts]) -> Vec<String> {
        Vec::new()
    }

    fn set_replicas(&mut self, replicas: u32) -> Result<(), String> {
        self.scaled_to = Some(replicas);
        Ok(())
    }

    fn record(&mut self, _: Severity, _: &'static str, _: fmt::Arguments<'_>) {}
}
