//! Cases about disruption budgets: what one allows, and which evictions the API server lets pass.

use std::sync::Arc;

use cluster_sim::cluster::{Cluster, Refusal};
use cluster_sim::controllers::disruption::expected::{self, Expected};
use cluster_sim::controllers::disruption::status::allowed;
use cluster_sim::engine::{SimTime, Streams};
use cluster_sim::event::{Command, Creation, StatusUpdate};
use cluster_sim::manifest::convert::pod::pod_spec;
use cluster_sim::manifest::{defaults, wire};
use cluster_sim::model::amount::CountOrPercent;
use cluster_sim::model::ids::{ObjectId, PodDisruptionBudgetId, PodId};
use cluster_sim::model::meta::{LabelSelector, Labels};
use cluster_sim::model::node::NodeSpec;
use cluster_sim::model::pod_disruption_budget::{
    DisruptionLimit, PodDisruptionBudgetSpec, PodDisruptionBudgetStatus, UnhealthyPodEviction,
};
use cluster_sim::model::pod_status::{ContainerRef, ContainerState};
use cluster_sim::model::scenario::{NewObject, NewSpec};
use serde_json::{Value, json};

use super::super::same;

type Outcome = Result<(), String>;

/// How many pods must be healthy, and how many may go.
pub fn disruptions_allowed(inputs: &Value, wanted: &Value) -> Outcome {
    let pods = count(&inputs["expected_pods"]);
    let limit = match (amount(&inputs["min_available"]), amount(&inputs["max_unavailable"])) {
        (Some(min), _) => DisruptionLimit::MinAvailable(min),
        (None, Some(max)) => DisruptionLimit::MaxUnavailable(max),
        (None, None) => return Err("a case has neither of the limits".to_owned()),
    };
    let desired_healthy = expected::desired_healthy(limit, pods);
    same(&json!(desired_healthy), &wanted["desired_healthy"])?;
    let counts = Expected { pods, desired_healthy, n_unmanaged: 0 };
    same(&json!(allowed(counts, count(&inputs["current_healthy"]))), &wanted["disruptions_allowed"])
}

/// What the API server answers to the eviction of a pod, and what it does to the budget.
pub fn eviction(inputs: &Value, expected: &Value) -> Outcome {
    let mut scene = Scene { cluster: Cluster::new(Streams::new(1)) };
    let budgets: Vec<_> = (0..count(&inputs["pdbs"])).map(|nth| scene.add_budget(nth, inputs)).collect();
    let pod = scene.add_pod(inputs);
    let before = scene.allowed(&budgets);
    let found = match scene.cluster.apply(SimTime::ZERO, Command::EvictPod(pod, None), &mut Vec::new()) {
        Ok(_) if scene.allowed(&budgets) == before => "evicted",
        Ok(_) => "evicted_and_budget_decremented",
        Err(Refusal::NotEvicted(refusal)) => match refusal.code() {
            429 => "retry_429",
            500 => "error_500",
            403 => "forbidden_403",
            other => return Err(format!("refused with {other}")),
        },
        Err(other) => return Err(other.to_string()),
    };
    let left: u32 = scene.allowed(&budgets).iter().sum();
    let taken = u32::from(found == "evicted_and_budget_decremented");
    same(&(left + taken), &before.iter().sum::<u32>())?;
    same(&json!(found), &expected["result"])
}

/// A pod on a node, and the budgets that guard it.
struct Scene {
    cluster: Cluster,
}

impl Scene {
    fn allowed(&self, budgets: &[PodDisruptionBudgetId]) -> Vec<u32> {
        let status = |id: &PodDisruptionBudgetId| {
            self.cluster.pod_disruption_budget(*id).map(|budget| budget.status.disruptions_allowed)
        };
        budgets.iter().filter_map(status).collect()
    }

    fn add_budget(&mut self, nth: u32, inputs: &Value) -> PodDisruptionBudgetId {
        let always = inputs["policy"] == "AlwaysAllow";
        let spec = PodDisruptionBudgetSpec {
            selector: Some(LabelSelector { requirements: Vec::new() }),
            limit: None,
            unhealthy_pods: if always {
                UnhealthyPodEviction::AlwaysAllow
            } else {
                UnhealthyPodEviction::IfHealthyBudget
            },
        };
        let object = self.create(&format!("budget{nth}"), NewSpec::PodDisruptionBudget(Arc::new(spec)));
        let ObjectId::PodDisruptionBudget(id) = object else { panic!("a budget was to be created") };
        let (allowed, desired) = (count(&inputs["allowed"]), count(&inputs["desired_healthy"]));
        let healthy = inputs["current_healthy"].as_u64().map_or(desired + allowed, |n| n as u32);
        let is_stale = inputs["observed_generation_current"] == false;
        let status = PodDisruptionBudgetStatus {
            disruptions_allowed: allowed,
            current_healthy: healthy,
            desired_healthy: desired,
            expected_pods: healthy.max(desired),
            observed_generation: u64::from(!is_stale),
            ..PodDisruptionBudgetStatus::default()
        };
        self.apply(Command::UpdateStatus(Box::new(StatusUpdate::PodDisruptionBudget(id, status))));
        id
    }

    /// A pod in the phase of the case.
    fn add_pod(&mut self, inputs: &Value) -> PodId {
        let mut spec: wire::pod::PodSpec =
            wire::decode_json(&json!({"containers": [{"name": "main", "image": "web:1"}]}))
                .expect("a pod's spec");
        defaults::pod_spec(&mut spec);
        let ObjectId::Node(node) = self.create("node", NewSpec::Node(NodeSpec::default())) else {
            panic!("a node was to be created")
        };
        let ObjectId::Pod(pod) = self.create("pod", NewSpec::Pod(Arc::new(pod_spec(&spec)))) else {
            panic!("a pod was to be created")
        };
        if inputs["phase"] != "Pending" {
            self.apply(Command::BindPod(pod, node));
            self.apply(Command::AcceptPod(pod));
            self.apply(Command::SetPodIp(pod, std::net::Ipv4Addr::new(10, 0, 0, 1)));
            let is_ready = inputs["ready"] == true;
            let running = ContainerState::Running { started_at: SimTime::ZERO, is_started: true, is_ready };
            self.apply(Command::SetContainer(pod, ContainerRef::App(0), running));
        }
        if inputs["phase"] == "Succeeded" || inputs["phase"] == "Failed" {
            let reason = cluster_sim::model::pod_status::PodReason::DeadlineExceeded;
            self.apply(Command::FailPod(pod, reason, "".into()));
        }
        if inputs["terminating"] == true {
            self.apply(Command::DeletePod(pod, None));
        }
        pod
    }

    fn create(&mut self, name: &str, spec: NewSpec) -> ObjectId {
        let object = NewObject {
            namespace: if matches!(spec, NewSpec::Node(_)) { "".into() } else { "default".into() },
            name: name.into(),
            labels: Labels::default(),
            annotations: Labels::default(),
            spec,
            manifest: Arc::default(),
        };
        let command = Command::Create(Box::new(Creation::of(object)));
        let created = self.cluster.apply(SimTime::ZERO, command, &mut Vec::new());
        created.expect("nothing has this name").expect("an object was created")
    }

    fn apply(&mut self, command: Command) {
        self.cluster.apply(SimTime::ZERO, command, &mut Vec::new()).expect("the object is there");
    }
}

/// A number, or a percentage.
fn amount(value: &Value) -> Option<CountOrPercent> {
    match value {
        Value::String(text) => text.strip_suffix('%')?.parse().ok().map(CountOrPercent::Percent),
        other => Some(CountOrPercent::Count(other.as_u64()? as u32)),
    }
}

fn count(value: &Value) -> u32 {
    value.as_u64().map_or(0, |count| count as u32)
}
