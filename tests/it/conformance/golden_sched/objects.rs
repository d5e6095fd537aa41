//! The objects of a case: ordinary manifests in JSON, with API defaulting and without admission.

use std::sync::Arc;

use cluster_sim::engine::SimTime;
use cluster_sim::manifest::{convert, defaults, wire};
use cluster_sim::model::meta::{LabelOperator, LabelRequirement, LabelSelector, Labels, Name};
use cluster_sim::model::pod_disruption_budget::{
    PodDisruptionBudgetSpec, PodDisruptionBudgetStatus, UnhealthyPodEviction,
};
use cluster_sim::model::scenario::{NewObject, NewSpec};
use cluster_sim::model::service::{ServiceAddress, ServiceSpec};
use cluster_sim::scheduler::listers::Listers;
use serde_json::Value;

/// The text of a field; empty where it is absent.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The elements of a list; none where it is absent or null.
pub fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// The texts of a list.
pub fn texts(value: &Value) -> Vec<&str> {
    list(value).map(text).collect()
}

/// A pod to create.
pub fn pod(manifest: &Value) -> NewObject {
    let mut pod: wire::pod::Pod = wire::decode_json(manifest).expect("a pod");
    defaults::pod(&mut pod);
    object(manifest, NewSpec::Pod(Arc::new(convert::pod::pod_spec(&pod.spec))))
}

/// A node to create.
pub fn node(manifest: &Value) -> NewObject {
    let mut node: wire::node::Node = wire::decode_json(manifest).expect("a node");
    defaults::node(&mut node);
    object(manifest, NewSpec::Node(convert::node::node_spec(&node)))
}

fn object(manifest: &Value, spec: NewSpec) -> NewObject {
    let metadata = &manifest["metadata"];
    NewObject {
        namespace: text(&metadata["namespace"]).into(),
        name: text(&metadata["name"]).into(),
        labels: labels(&metadata["labels"]),
        annotations: Labels::default(),
        spec,
        manifest: Arc::new(Value::Null),
    }
}

/// A map of texts.
pub fn labels(map: &Value) -> Labels {
    map.as_object().into_iter().flatten().map(|(key, value)| (key.as_str(), text(value))).collect()
}

/// Namespaces and owners' selectors of a case, for pods given by their manifests.
pub fn listers<'a>(case: &Value, pods: impl Iterator<Item = &'a Value>) -> Listers {
    let namespaces = list(&case["namespaces"]);
    let namespaces = namespaces.map(|namespace| {
        let metadata = &namespace["metadata"];
        (text(&metadata["name"]).into(), labels(&metadata["labels"]))
    });
    let owners = pods.filter_map(|pod| {
        let metadata = &pod["metadata"];
        let owner = list(&metadata["ownerReferences"]).find(|owner| owner["controller"] == true)?;
        let selector = owner_selector(case, text(&metadata["namespace"]), owner)?;
        Some(((text(&metadata["namespace"]).into(), text(&metadata["name"]).into()), selector))
    });
    Listers { namespaces: namespaces.collect(), owner_selectors: owners.collect(), ..Listers::default() }
}

fn owner_selector(case: &Value, namespace: &str, owner: &Value) -> Option<LabelSelector> {
    let field = match text(&owner["kind"]) {
        "ReplicaSet" => "replicaSets",
        "StatefulSet" => "statefulSets",
        "ReplicationController" => "replicationControllers",
        _ => return None,
    };
    let is_owner = |object: &&Value| {
        object["metadata"]["name"] == owner["name"] && text(&object["metadata"]["namespace"]) == namespace
    };
    let spec = &list(&case[field]).find(is_owner)?["spec"];
    if field == "replicationControllers" {
        return Some(LabelSelector { requirements: equal(&spec["selector"]) });
    }
    selector(&spec["selector"])
}

/// A Service to create; in some tables they have no names.
pub fn service(service: &Value, at: usize) -> NewObject {
    let selector = LabelSelector { requirements: equal(&service["spec"]["selector"]) };
    let spec = ServiceSpec {
        selector: Some(selector),
        address: ServiceAddress::ClusterIp(None),
        ports: Vec::new(),
        publish_not_ready_addresses: false,
    };
    let name = format!("service-{at}").into();
    NewObject { name, ..object(service, NewSpec::Service(Arc::new(spec))) }
}

/// A budget to create; in some tables they have no names.
pub fn budget(budget: &Value, at: usize) -> NewObject {
    let spec = PodDisruptionBudgetSpec {
        selector: selector(&budget["spec"]["selector"]),
        limit: None,
        unhealthy_pods: UnhealthyPodEviction::default(),
    };
    let name = format!("budget-{at}").into();
    NewObject { name, ..object(budget, NewSpec::PodDisruptionBudget(Arc::new(spec))) }
}

/// What a budget allows.
pub fn budget_status(budget: &Value) -> PodDisruptionBudgetStatus {
    let status = &budget["status"];
    let disrupted = status["disruptedPods"].as_object().into_iter().flatten();
    PodDisruptionBudgetStatus {
        disruptions_allowed: status["disruptionsAllowed"].as_u64().unwrap_or(0) as u32,
        disrupted_pods: disrupted.map(|(name, _)| (name.as_str().into(), SimTime::ZERO)).collect(),
        ..PodDisruptionBudgetStatus::default()
    }
}

fn names(value: &Value) -> Vec<Name> {
    texts(value).into_iter().map(Into::into).collect()
}

/// A label selector; `None` where it is absent.
pub fn selector(selector: &Value) -> Option<LabelSelector> {
    selector.as_object()?;
    let mut requirements = equal(&selector["matchLabels"]);
    requirements.extend(list(&selector["matchExpressions"]).map(|expression| {
        let values = names(&expression["values"]);
        let operator = match text(&expression["operator"]) {
            "In" => LabelOperator::In(values),
            "NotIn" => LabelOperator::NotIn(values),
            "Exists" => LabelOperator::Exists,
            "DoesNotExist" => LabelOperator::DoesNotExist,
            other => panic!("no operator: {other}"),
        };
        LabelRequirement { key: text(&expression["key"]).into(), operator }
    }));
    Some(LabelSelector { requirements })
}

fn equal(map: &Value) -> Vec<LabelRequirement> {
    let requirement = |(key, value): (&Name, &Name)| LabelRequirement {
        key: key.clone(),
        operator: LabelOperator::In(vec![value.clone()]),
    };
    labels(map).iter().map(requirement).collect()
}
