//! What an autoscaler of a golden file sees, and the memory of its controller.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use cluster_sim::controllers::horizontal_pod_autoscaler::memory::Memory;
use cluster_sim::controllers::horizontal_pod_autoscaler::metrics::{
    ContainerUsage, MetricsApi, PodMetric, PodMetrics, PodUsage,
};
use cluster_sim::controllers::horizontal_pod_autoscaler::pods::PodFacts;
use cluster_sim::controllers::horizontal_pod_autoscaler::proposal::Scale;
use cluster_sim::controllers::horizontal_pod_autoscaler::sync::{Api, Moment, Observed, Outcome, sync};
use cluster_sim::engine::{SimDuration, SimTime};
use cluster_sim::model::horizontal_pod_autoscaler::{
    AutoscalerConfig, DescribedObject, HorizontalPodAutoscalerSpec, HorizontalPodAutoscalerStatus,
    MetricName, MetricSource, MetricStatus,
};
use cluster_sim::model::meta::{LabelSelector, Name};
use cluster_sim::model::node::ConditionStatus;
use cluster_sim::model::pod::PodSpec;
use cluster_sim::model::pod_status::Phase;
use cluster_sim::model::profile::Profile;
use cluster_sim::model::record::Severity;
use cluster_sim::model::scenario::NewSpec;
use serde_json::{Value, json};

use super::super::same;
use super::millis;
use crate::objects::accepted;

/// The start of the scenario on the virtual clock [ms]: pods may be older than it.
const START: i64 = 1_000_000_000;

pub struct World {
    /// When the next sync is due [ms]; `None` where none is.
    pub due: Option<i64>,
    profile: Profile,
    config: AutoscalerConfig,
    /// The manifest's spec, and what was read of it; `None` while there is no autoscaler.
    hpa: Value,
    spec: Option<HorizontalPodAutoscalerSpec>,
    status: HorizontalPodAutoscalerStatus,
    memory: Memory,
    replicas: u32,
    refuses_scale: bool,
    hides_scale: bool,
    pods: BTreeMap<u64, PodRecord>,
    pod_spec: Arc<PodSpec>,
    sources: Value,
}

/// The times of a pod [ms from the start].
#[derive(Debug, Clone, Copy)]
struct PodRecord {
    created: i64,
    /// The last transition of the Ready condition.
    since: i64,
}

impl World {
    pub fn new(scenario: &Value) -> Result<Self, String> {
        let profile = Profile::new("1.28".parse().expect("1.28 has a profile"));
        let profile = profile.with_gate("HPAScaleToZero", true).map_err(|error| error.to_string())?;
        let target = &scenario["target"];
        let span = |field: &str| duration(millis(&scenario["config"][field]));
        let age = millis(&target["initialAge"]);
        let n = target["replicas"].as_u64().expect("a size");
        let never_ready: BTreeSet<u64> =
            target["neverReady"].as_array().into_iter().flatten().filter_map(Value::as_u64).collect();
        let pod = |ordinal: u64| {
            let since = if never_ready.contains(&ordinal) { -age } else { 1000 - age };
            (ordinal, PodRecord { created: -age, since })
        };
        let mut world = Self {
            due: None,
            config: AutoscalerConfig {
                scale_up_factor: 2,
                sync_period: span("syncPeriod"),
                downscale_stabilization: span("downscaleStabilisation"),
                tolerance: scenario["config"]["tolerance"].as_f64().expect("a tolerance"),
                cpu_initialization: span("cpuInitializationPeriod"),
                initial_readiness: span("initialReadinessDelay"),
            },
            hpa: scenario["hpa"].clone(),
            spec: None,
            status: HorizontalPodAutoscalerStatus::default(),
            memory: Memory::default(),
            replicas: u32::try_from(n).expect("a small size"),
            refuses_scale: false,
            hides_scale: false,
            pods: (0..n).map(pod).collect(),
            pod_spec: pod_spec(&target["containers"], &profile)?,
            sources: scenario["sources"].clone(),
            profile,
        };
        world.read_spec()?;
        world.spec = None;
        Ok(world)
    }

    fn read_spec(&mut self) -> Result<(), String> {
        self.spec = Some(read_spec(&self.hpa, &self.profile)?);
        Ok(())
    }

    fn enqueue(&mut self, t: i64) {
        let period = i64::try_from(self.config.sync_period.as_nanos() / 1_000_000).expect("a short period");
        let due = t + period;
        self.due = Some(self.due.map_or(due, |earlier| earlier.min(due)));
    }

    /// Anything but a sync and what it says.
    pub fn happen(&mut self, now: i64, entry: &Value) -> Result<(), String> {
        let ordinal = || entry["pod"].as_u64().expect("a pod has an ordinal");
        match entry["kind"].as_str().expect("an entry has a kind") {
            "hpaCreated" => {
                self.read_spec()?;
                self.status = HorizontalPodAutoscalerStatus::default();
                self.enqueue(now);
            }
            "controllerDown" => self.due = None,
            "controllerUp" => {
                self.memory = Memory::default();
                self.enqueue(now);
            }
            "podCreated" => {
                self.pods.insert(ordinal(), PodRecord { created: now, since: now });
            }
            "podReady" => self.pods.get_mut(&ordinal()).ok_or("an unknown pod")?.since = now,
            "podDeleted" => {
                self.pods.remove(&ordinal());
            }
            "podRunning" | "podTerminating" => {}
            "op" => self.operate(now, entry)?,
            other => return Err(format!("an entry of kind {other}")),
        }
        Ok(())
    }

    fn operate(&mut self, now: i64, entry: &Value) -> Result<(), String> {
        let is_on = entry["on"] == true;
        match entry["op"].as_str().expect("an operation has a name") {
            "patchHPA" => {
                for (field, value) in entry["spec"].as_object().into_iter().flatten() {
                    self.hpa[field] = value.clone();
                }
                self.read_spec()?;
            }
            "scale" => {
                let replicas = entry["replicas"].as_u64().expect("a size");
                self.replicas = u32::try_from(replicas).expect("a small size");
            }
            "scaleFail" => self.refuses_scale = is_on,
            "getFail" => self.hides_scale = is_on,
            "deleteHPA" => self.spec = None,
            "podNotReady" | "podReady" => {
                for ordinal in ordinals(&entry["pods"]) {
                    if let Some(pod) = self.pods.get_mut(&ordinal) {
                        pod.since = now;
                    }
                }
            }
            "createHPA" | "podFail" | "deletePod" => {}
            other => return Err(format!("an operation {other}")),
        }
        Ok(())
    }

    /// One sync: compares what comes of it and gives what is said.
    pub fn sync(&mut self, t: i64, entry: &Value) -> Result<Vec<String>, String> {
        if self.due != Some(t) {
            return Err(format!("no sync: the next is due at {:?}", self.due));
        }
        self.due = None;
        same(&u64::from(self.replicas), &entry["specBefore"].as_u64().unwrap_or_default())?;
        let Some(spec) = self.spec.clone() else {
            self.memory = Memory::default();
            return if entry["deleted"] == true { Ok(Vec::new()) } else { Err("no autoscaler".to_owned()) };
        };
        let mut api = Seen { world: self, entry, t, scale_to: None, records: Vec::new() };
        let observed = Observed { namespace: "default", spec: &spec, status: &self.status };
        let moment = Moment { now: time(t), config: &self.config, profile: &self.profile };
        let mut memory = self.memory.clone();
        let Outcome { status, error, .. } = sync(&observed, &mut memory, &moment, &mut api);
        let (scale_to, records) = (api.scale_to, api.records);
        self.memory = memory;
        self.replicas = scale_to.unwrap_or(self.replicas);
        self.status = status;
        self.enqueue(t);
        self.compare(&spec, error.as_deref(), entry)?;
        Ok(records)
    }

    fn compare(
        &self,
        spec: &HorizontalPodAutoscalerSpec,
        error: Option<&str>,
        entry: &Value,
    ) -> Result<(), String> {
        let status = &self.status;
        let conditions: Vec<String> = status
            .conditions
            .iter()
            .map(|it| format!("{}={}/{}", it.kind.as_str(), it.status.as_str(), it.reason))
            .collect();
        let metrics: Vec<String> = status.current_metrics.iter().map(metric_text).collect();
        let last_scale = status.last_scale_time.map(|at| at.as_secs() as i64 * 1000 - START);
        let mut found = json!({
            "specAfter": self.replicas, "current": status.current_replicas, "desired": status.desired_replicas,
            "conditions": conditions, "metrics": metrics, "lastScale": last_scale, "error": error,
        });
        let mut expected = entry.clone();
        if let Some(at) = expected.get_mut("lastScale") {
            *at = json!(millis(at));
        }
        let bounds = spec.min_replicas.min(self.replicas)..=spec.max_replicas.max(self.replicas);
        assert!(bounds.contains(&self.replicas), "a size is within its bounds");
        let fields = found.as_object_mut().expect("an object");
        fields.retain(|_, value| !value.is_null() && *value != json!([]));
        for field in ["kind", "t", "pods", "seen", "specBefore"] {
            expected.as_object_mut().expect("an entry is an object").remove(field);
        }
        expected.as_object_mut().expect("an entry is an object").retain(|_, value| *value != json!([]));
        same(&found, &expected)
    }
}

/// What one sync sees.
struct Seen<'a> {
    world: &'a World,
    entry: &'a Value,
    t: i64,
    scale_to: Option<u32>,
    records: Vec<String>,
}

impl Seen<'_> {
    fn now(&self) -> SimTime {
        time(self.t)
    }

    fn ordinals(&self, state: &str) -> BTreeSet<u64> {
        ordinals(&self.entry["pods"][state])
    }

    /// The sources of a kind with what they answered.
    fn answers(&self, kind: &str) -> Vec<(&str, &Value, &Value)> {
        let sources = self.world.sources.as_object().into_iter().flatten();
        let meant = sources.filter(|(_, source)| source["kind"] == kind);
        meant.map(|(name, source)| (name.as_str(), source, &self.entry["seen"][name.as_str()])).collect()
    }

    fn answer(&self, kind: &str, name: &str) -> Option<(&Value, &Value)> {
        let found = self.answers(kind).into_iter().find(|(source, ..)| *source == name);
        found.map(|(_, source, answer)| (source, answer))
    }
}

impl MetricsApi for Seen<'_> {
    fn resource(&self, resource: &str, _: &LabelSelector) -> Result<BTreeMap<Name, PodUsage>, String> {
        let mut pods: BTreeMap<Name, PodUsage> = BTreeMap::new();
        let first = &self.world.pod_spec.containers[0].name;
        let answers = self.answers("resource");
        let is_error = answers.iter().any(|(.., answer)| *answer == "error");
        for (_, source, answer) in answers {
            if source["resource"] != resource {
                continue;
            }
            // Where the whole API is down, the timeline says so of one source only.
            if answer == "error" || answer.is_null() && is_error {
                let refusal =
                    "the server is currently unable to handle the request (get pods.metrics.k8s.io)";
                return Err(refusal.to_owned());
            }
            let name: Name = source["container"].as_str().map_or_else(|| first.clone(), Into::into);
            let window = SimDuration::from_secs(source["windowSeconds"].as_u64().unwrap_or(30));
            for (pod, value) in pod_values(answer) {
                let usage = pods.entry(pod).or_insert_with(|| PodUsage {
                    timestamp: self.now(),
                    window,
                    containers: Vec::new(),
                });
                usage.containers.push(ContainerUsage { name: name.clone(), usage: Some(value) });
            }
        }
        Ok(pods)
    }

    fn pods(&self, metric: &MetricName, _: &LabelSelector) -> Result<PodMetrics, String> {
        let missing = || format!("the server could not find the metric {} for pods", metric.name);
        let (source, answer) = self.answer("pods", &metric.name).ok_or_else(missing)?;
        if answer == "error" {
            return Err(missing());
        }
        let window = SimDuration::from_secs(source["windowSeconds"].as_u64().unwrap_or(30));
        let metric = |value| PodMetric { value, timestamp: self.now(), window };
        Ok(pod_values(answer).into_iter().map(|(pod, value)| (pod, metric(value))).collect())
    }

    fn object(&self, metric: &MetricName, described: &DescribedObject) -> Result<i64, String> {
        let group = described.api_version.split_once('/').map_or("", |(group, _)| group);
        let DescribedObject { kind, name, .. } = described;
        let missing =
            || format!("the server could not find the metric {} for {kind}.{group} {name}", metric.name);
        let (_, answer) = self.answer("object", &metric.name).ok_or_else(missing)?;
        answer.as_i64().ok_or_else(missing)
    }

    fn external(&self, metric: &MetricName) -> Result<Vec<i64>, String> {
        let missing = || format!("the server could not find the external metric {}", metric.name);
        let (_, answer) = self.answer("external", &metric.name).ok_or_else(missing)?;
        match answer {
            Value::Array(series) => Ok(series.iter().filter_map(Value::as_i64).collect()),
            Value::String(word) if word == "empty" => Ok(Vec::new()),
            _ => Err(missing()),
        }
    }
}

impl Api for Seen<'_> {
    fn scale(&self) -> Result<Scale, String> {
        if self.world.hides_scale {
            return Err("deployments.apps \"web\" not found".to_owned());
        }
        let alive = ["ready", "notReady", "pending"].map(|state| self.ordinals(state).len());
        Ok(Scale {
            spec_replicas: self.world.replicas,
            status_replicas: u32::try_from(alive.iter().sum::<usize>()).expect("a small size"),
            selector: LabelSelector::default(),
        })
    }

    fn list_pods(&self, _: &LabelSelector) -> Vec<PodFacts> {
        let states = [
            ("ready", Phase::Running, ConditionStatus::True),
            ("notReady", Phase::Running, ConditionStatus::False),
            ("pending", Phase::Pending, ConditionStatus::False),
            ("terminating", Phase::Running, ConditionStatus::True),
            ("failed", Phase::Failed, ConditionStatus::False),
        ];
        let mut pods = Vec::new();
        for (state, phase, ready) in states {
            for ordinal in self.ordinals(state) {
                let record = self.world.pods[&ordinal];
                let facts = PodFacts {
                    name: pod_name(ordinal),
                    phase,
                    is_terminating: state == "terminating",
                    start_time: Some(time(record.created).truncated_to_secs()),
                    ready: Some((ready, time(record.since).truncated_to_secs())),
                    spec: Arc::clone(&self.world.pod_spec),
                };
                pods.push((ordinal, facts));
            }
        }
        pods.sort_by_key(|(ordinal, _)| *ordinal);
        pods.into_iter().map(|(_, facts)| facts).collect()
    }

    fn autoscalers_of(&self, _: &[PodFacts]) -> Vec<String> {
        Vec::new()
    }

    fn set_replicas(&mut self, replicas: u32) -> Result<(), String> {
        if self.world.refuses_scale {
            return Err("scale update refused".to_owned());
        }
        self.scale_to = Some(replicas);
        Ok(())
    }

    fn record(&mut self, severity: Severity, reason: &'static str, message: fmt::Arguments<'_>) {
        self.records.push(format!("{severity} {reason}: {message}"));
    }
}

/// What is read of the spec of an autoscaler of the Deployment `web`.
pub fn read_spec(spec: &Value, profile: &Profile) -> Result<HorizontalPodAutoscalerSpec, String> {
    let mut spec = spec.clone();
    spec["scaleTargetRef"] = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"});
    let manifest = json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"}, "spec": spec,
    });
    match accepted(manifest, profile)?.spec {
        NewSpec::HorizontalPodAutoscaler(spec) => Ok((*spec).clone()),
        other => Err(format!("no autoscaler: {other:?}")),
    }
}

/// The spec of a pod of these containers.
pub fn pod_spec(containers: &Value, profile: &Profile) -> Result<Arc<PodSpec>, String> {
    let containers: Vec<Value> = containers
        .as_array()
        .into_iter()
        .flatten()
        .map(|it| json!({"name": it["name"], "image": "x", "resources": {"requests": it["requests"]}}))
        .collect();
    let manifest = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "any"}, "spec": {"containers": containers},
    });
    match accepted(manifest, profile)?.spec {
        NewSpec::Pod(spec) => Ok(spec),
        other => Err(format!("no pod: {other:?}")),
    }
}

fn pod_name(ordinal: u64) -> Name {
    format!("p{ordinal}").into()
}

fn time(millis: i64) -> SimTime {
    SimTime::ZERO + duration(START + millis)
}

fn duration(millis: i64) -> SimDuration {
    SimDuration::from_millis(u64::try_from(millis).expect("after the beginning"))
}

/// `[[value, ordinals], …]` by name of the pod; nothing for any other answer.
fn pod_values(answer: &Value) -> Vec<(Name, i64)> {
    let groups = answer.as_array().into_iter().flatten();
    groups
        .flat_map(|group| {
            let value = group[0].as_i64().expect("a value");
            ordinals(&group[1]).into_iter().map(move |ordinal| (pod_name(ordinal), value))
        })
        .collect()
}

/// `"0-3,7"`, or a list of numbers.
fn ordinals(value: &Value) -> BTreeSet<u64> {
    if let Some(list) = value.as_array() {
        return list.iter().filter_map(Value::as_u64).collect();
    }
    let number = |text: &str| text.trim().parse::<u64>().expect("an ordinal is a number");
    let ranges = value.as_str().unwrap_or_default().split(',').filter(|range| !range.is_empty());
    ranges
        .flat_map(|range| match range.split_once('-') {
            Some((first, last)) => number(first)..=number(last),
            None => number(range)..=number(range),
        })
        .collect()
}

/// `cpu@app=50% avg 250m`
fn metric_text(status: &Option<MetricStatus>) -> String {
    let Some(MetricStatus { source, current }) = status else { return "-".to_owned() };
    let name = match source {
        MetricSource::Resource(resource) => resource.to_string(),
        MetricSource::ContainerResource { resource, container } => format!("{resource}@{container}"),
        MetricSource::Pods(metric) | MetricSource::External(metric) | MetricSource::Object { metric, .. } => {
            metric.name.to_string()
        }
    };
    let percent = current.utilization.map(|percent| format!("{percent}%"));
    let average = current.average_value.map(|average| format!("avg {average}m"));
    let value = current.value.map(|value| format!("value {value}m"));
    let parts: Vec<String> = percent.into_iter().chain(average).chain(value).collect();
    format!("{name}={}", parts.join(" "))
}
