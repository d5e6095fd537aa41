//! Cases about single decisions: the state and rate of zones, and the taint of a condition.

use std::collections::BTreeMap;

use cluster_sim::cluster::Cluster;
use cluster_sim::controllers::node_lifecycle::taint_queue::{Rate, TaintQueue};
use cluster_sim::controllers::node_lifecycle::taints;
use cluster_sim::controllers::node_lifecycle::zones::{
    self, Census, EvictionLimits, Verdict, Zone, ZoneState,
};
use cluster_sim::engine::{SimTime, Streams};
use cluster_sim::event::{Command, Creation};
use cluster_sim::model::ids::ObjectId;
use cluster_sim::model::meta::Labels;
use cluster_sim::model::node::{
    ConditionStatus, LABEL_REGION, LABEL_ZONE, NodeCondition, NodeReadyReason, NodeSpec,
};
use cluster_sim::model::scenario::{NewObject, NewSpec};
use serde_json::{Value, json};

use super::super::same;

/// The states of zones before and after other statuses are reported.
pub fn states(inputs: &Value, expected: &Value) -> Result<(), String> {
    let limits = limits(inputs, "unhealthy_threshold");
    let mut states = BTreeMap::new();
    let nodes = inputs["nodes"].as_array().expect("a case has nodes");
    let before: Vec<&Value> = nodes.iter().map(|node| &node["ready"]).collect();
    let after: Vec<&Value> = inputs["after_60_min_ready"].as_array().into_iter().flatten().collect();
    for (statuses, field) in [(before, "initial"), (after, "following")] {
        let mut census: BTreeMap<Zone, Census> = BTreeMap::new();
        for (node, status) in nodes.iter().zip(statuses).filter(|(node, _)| node["excluded"] != true) {
            let census = census.entry(zone(&node["zone"])).or_default();
            census.n_nodes += 1;
            census.n_not_ready += u32::from(status != "True");
        }
        zones::judge(&mut states, &census, &limits);
        let found: Vec<Value> = states
            .iter()
            .map(|(zone, state)| json!({"zone": zone.to_string(), "state": format!("{state:?}")}))
            .collect();
        same(&json!(found), &expected[field])?;
    }
    Ok(())
}

/// The rate of a zone beside another one that is healthy, or lost too.
pub fn rate(inputs: &Value, expected: &Value) -> Result<(), String> {
    let limits = limits(inputs, "unhealthy_threshold");
    let (this, other) = (zone(&json!("a")), zone(&json!("b")));
    let n_lost = u32::from(inputs["other_zone_all_full"] == true);
    let census = BTreeMap::from([
        (
            this.clone(),
            Census { n_nodes: number(&inputs["zone_size"]), n_not_ready: number(&inputs["not_ready"]) },
        ),
        (other, Census { n_nodes: 1, n_not_ready: n_lost }),
    ]);
    let mut states = BTreeMap::from([(this.clone(), ZoneState::Normal)]);
    let mut queue: TaintQueue<u8> = TaintQueue::new(limits.rate);
    let rate = match zones::judge(&mut states, &census, &limits) {
        Verdict::AllLost => Some(Rate::ZERO),
        Verdict::SomeBack(rates) | Verdict::Rates(rates) => rates.get(&this).copied(),
        Verdict::Unchanged => None,
    };
    if let Some(rate) = rate {
        queue.set_rate(rate, SimTime::ZERO);
    }
    same(&json!(format!("{:?}", states[&this])), &expected["state"])?;
    let wanted = expected["noexecute_taints_per_second"].as_f64().expect("a case has a rate") as f32;
    same(&queue.rate(), &Rate(wanted))
}

/// Whether all zones are lost.
pub fn master_disruption(inputs: &Value, expected: &Value) -> Result<(), String> {
    let mut states = BTreeMap::new();
    let mut census = BTreeMap::new();
    for (at, size) in inputs["zones"].as_array().expect("a case has zones").iter().enumerate() {
        let zone = zone(&json!(format!("zone{at}")));
        states.insert(zone.clone(), ZoneState::Normal);
        census
            .insert(zone, Census { n_nodes: number(&size["size"]), n_not_ready: number(&size["not_ready"]) });
    }
    let verdict = zones::judge(&mut states, &census, &EvictionLimits::DEFAULT);
    let are_all_lost = json!(verdict == Verdict::AllLost);
    same(&are_all_lost, &expected["all_zones_full"])?;
    same(&are_all_lost, &expected["noexecute_evictions_stopped"])?;
    same(&are_all_lost, &expected["existing_noexecute_node_taints_removed"])
}

/// The NoSchedule taint of a node in some condition.
pub fn taint_of_condition(inputs: &Value, expected: &Value) -> Result<(), String> {
    let status = match inputs["status"].as_str() {
        Some("True") => ConditionStatus::True,
        Some("False") => ConditionStatus::False,
        _ => ConditionStatus::Unknown,
    };
    let condition = [
        NodeCondition::MemoryPressure,
        NodeCondition::DiskPressure,
        NodeCondition::PidPressure,
        NodeCondition::NetworkUnavailable,
    ]
    .into_iter()
    .find(|condition| inputs["condition"] == condition.as_str());
    let mut cluster = Cluster::new(Streams::new(1));
    let id = add_node(&mut cluster);
    let command = match condition {
        Some(condition) => Command::SetNodeCondition(id, condition, status),
        None => Command::SetNodeReady(id, status, NodeReadyReason::KubeletNotReady),
    };
    cluster.apply(SimTime::ZERO, command, &mut Vec::new()).map_err(|refusal| refusal.to_string())?;
    let taints = taints::mirrored(&cluster.nodes()[id]).unwrap_or_default();
    same(&json!(taints.first().map(|taint| taint.key.to_string())), &expected["taint"])
}

fn add_node(cluster: &mut Cluster) -> cluster_sim::model::ids::NodeId {
    let object = NewObject {
        namespace: "".into(),
        name: "node".into(),
        labels: Labels::default(),
        annotations: Labels::default(),
        spec: NewSpec::Node(NodeSpec::default()),
        manifest: Value::Null.into(),
    };
    let command = Command::Create(Box::new(Creation::of(object)));
    match cluster.apply(SimTime::ZERO, command, &mut Vec::new()) {
        Ok(Some(ObjectId::Node(id))) => id,
        other => panic!("a node was to be created, not {other:?}"),
    }
}

fn limits(inputs: &Value, threshold: &str) -> EvictionLimits {
    EvictionLimits {
        large_cluster_threshold: number(&inputs["large_cluster_threshold"]),
        unhealthy_zone_threshold: inputs[threshold].as_f64().expect("a case has a threshold") as f32,
        ..EvictionLimits::DEFAULT
    }
}

/// `region/zone`, a zone alone, or neither.
fn zone(text: &Value) -> Zone {
    let labels = Labels::default();
    let labels = match text.as_str().expect("a zone has a name").split_once('/') {
        Some((region, zone)) => labels.with(LABEL_REGION, region).with(LABEL_ZONE, zone),
        None if text == "" => labels,
        None => labels.with(LABEL_ZONE, text.as_str().unwrap_or_default()),
    };
    Zone::of(&labels)
}

fn number(value: &Value) -> u32 {
    u32::try_from(value.as_u64().expect("a count is a number")).expect("a count is small")
}
