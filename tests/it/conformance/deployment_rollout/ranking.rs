//! Which pods go first.

use std::cmp::Ordering;
use std::sync::Arc;

use cluster_sim::cluster::Cluster;
use cluster_sim::controllers::job::ranking::victim_rank;
use cluster_sim::controllers::pod_ranking::{Candidate, POD_DELETION_COST, deletion_cost, goes_first};
use cluster_sim::engine::{SimTime, Streams};
use cluster_sim::event::{Command, Creation};
use cluster_sim::manifest::convert::pod::pod_spec;
use cluster_sim::manifest::defaults;
use cluster_sim::manifest::wire;
use cluster_sim::model::ids::{NodeId, ObjectId};
use cluster_sim::model::meta::Labels;
use cluster_sim::model::node::{ConditionStatus, NodeSpec};
use cluster_sim::model::pod::{Ordinal, Pod};
use cluster_sim::model::pod_status::{
    ContainerStatus, Phase, PodCondition, PodConditions, PodStatus, WaitingReason,
};
use cluster_sim::model::profile::Profile;
use cluster_sim::model::scenario::{NewObject, NewSpec};
use serde_json::{Value, json};

use super::objects::{count, meta};
use super::{Outcome, list, same, text};

/// The present instant, late enough for all ages.
const NOW: SimTime = SimTime::from_secs(10_000_000);

/// What of a case the model does not have.
pub fn not_modelled(inputs: &Value) -> Option<&'static str> {
    let is_timeless = |pod: &Value| pod["ready"] == true && pod["ready_since_offset_s"].is_null();
    let pods = [&inputs["a"], &inputs["b"]];
    if pods.iter().any(|pod| pod["phase"] == "Unknown") {
        Some("pods whose phase is Unknown")
    } else if pods.iter().any(|pod| is_timeless(pod)) {
        Some("ready pods without a time of transition")
    } else {
        None
    }
}

/// The order of all pods but those that the model does not have.
pub fn sorted(inputs: &Value, expected: &Value) -> Outcome {
    let is_modelled = |pod: &&Value| not_modelled(&json!({"a": pod})).is_none();
    let mut pods: Vec<Pod> = list(&inputs["pods"]).filter(is_modelled).map(pod).collect();
    let names: Vec<String> = pods.iter().map(|pod| pod.meta.name.to_string()).collect();
    pods.reverse();
    pods.sort_by_key(victim_rank);
    let found: Vec<String> = pods.iter().map(|pod| pod.meta.name.to_string()).collect();
    let wanted = list(&expected["order"]).map(|name| text(name).to_owned());
    same(&found, &wanted.filter(|name| names.contains(name)).collect())
}

pub fn equal(inputs: &Value, expected: &Value) -> Outcome {
    let ranks: Vec<u32> = list(&inputs["ranks"]).map(count).collect();
    let (a, b) = (pod(&inputs["a"]), pod(&inputs["b"]));
    let profile = profile(inputs);
    let order = goes_first(&candidate(&a, ranks[0], &profile), &candidate(&b, ranks[1], &profile), NOW);
    same(&Some(order == Ordering::Less), &expected["a_before_b"].as_bool())?;
    same(&Some(order == Ordering::Greater), &expected["b_before_a"].as_bool())
}

pub fn less(inputs: &Value, expected: &Value) -> Outcome {
    let (a, b) = (pod(&inputs["a"]), pod(&inputs["b"]));
    let (a_rank, b_rank) = (count(&inputs["a_rank"]), count(&inputs["b_rank"]));
    let profile = profile(inputs);
    let order = goes_first(&candidate(&a, a_rank, &profile), &candidate(&b, b_rank, &profile), NOW);
    same(&Some(order == Ordering::Less), &expected["a_before_b"].as_bool())
}

fn candidate<'a>(pod: &'a Pod, n_related: u32, profile: &Profile) -> Candidate<'a> {
    Candidate { pod, n_related, cost: deletion_cost(&pod.meta, profile) }
}

fn profile(inputs: &Value) -> Profile {
    let is_on = inputs["deletion_cost_enabled"] != false;
    Profile::default().with_gate("PodDeletionCost", is_on).expect("there is such a gate")
}

fn pod(written: &Value) -> Pod {
    let instant = |field: &str| {
        let offset = written[field].as_i64();
        offset.map_or(NOW, |offset| SimTime::from_secs(NOW.as_secs().saturating_add_signed(offset)))
    };
    let mut spec: wire::pod::PodSpec =
        wire::decode_json(&json!({"containers": [{"name": "main", "image": "web:1"}]}))
            .expect("a pod's spec");
    defaults::pod_spec(&mut spec);
    let mut meta = meta(text(&written["name"]), 0);
    meta.created = instant("created_offset_s");
    let cost = count(&written["deletion_cost"]);
    if cost > 0 {
        meta.annotations = meta.annotations.with(POD_DELETION_COST, &cost.to_string());
    }
    let mut container = ContainerStatus::waiting(WaitingReason::ContainerCreating);
    container.restart_count = count(&written["max_restarts"]);
    let ready = (written["ready"] == true).then(|| PodCondition {
        status: ConditionStatus::True,
        since: instant("ready_since_offset_s"),
        reason: None,
        message: None,
    });
    let status = PodStatus {
        phase: if written["phase"] == "Running" { Phase::Running } else { Phase::Pending },
        reason: None,
        message: None,
        start_time: None,
        pod_ip: None,
        nominated_node: None,
        conditions: PodConditions { ready, ..PodConditions::default() },
        init_containers: Vec::new(),
        containers: vec![container],
    };
    let node = Some(text(&written["node"])).filter(|node| !node.is_empty()).map(|_| node());
    Pod { meta, spec: Arc::new(pod_spec(&spec)), node, job: None, ordinal: Ordinal::default(), status }
}

/// The id of a node, whichever: nobody looks it up.
fn node() -> NodeId {
    let object = NewObject {
        namespace: "".into(),
        name: "node".into(),
        labels: Labels::default(),
        annotations: Labels::default(),
        spec: NewSpec::Node(NodeSpec::default()),
        manifest: Arc::default(),
    };
    let creation = Command::Create(Box::new(Creation::of(object)));
    match Cluster::new(Streams::new(1)).apply(SimTime::ZERO, creation, &mut Vec::new()) {
        Ok(Some(ObjectId::Node(node))) => node,
        other => panic!("a node was to be created, not {other:?}"),
    }
}
