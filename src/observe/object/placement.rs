//! What a pod says about the nodes it may run on, in the shape of the Kubernetes API.

use serde_json::{Map, Value, json};

use crate::model::meta::{LabelOperator, LabelRequirement, LabelSelector, Name};
use crate::model::scheduling::{
    NodeInclusion, NodeSelectorTerm, Placement, PodAffinityTerm, TaintEffect, Toleration,
    TopologySpreadConstraint, WeightedPodAffinityTerm, WhenUnsatisfiable,
};
use crate::observe::object::{labels, put};

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// Adds the fields of the placement to those of a pod's spec.
pub(super) fn placement(placement: &Placement, spec: &mut Map<String, Value>) {
    let affinity = affinity(placement);
    if !affinity.is_empty() {
        spec.insert("affinity".into(), affinity.into());
    }
    if !placement.node_selector.is_empty() {
        spec.insert("nodeSelector".into(), labels(&placement.node_selector));
    }
    put_list(spec, "tolerations", &placement.tolerations, toleration);
    put_list(spec, "topologySpreadConstraints", &placement.spread, spread_constraint);
}

fn put_list<T>(out: &mut Map<String, Value>, field: &str, items: &[T], write: impl Fn(&T) -> Value) {
    if !items.is_empty() {
        out.insert(field.into(), items.iter().map(write).collect());
    }
}

fn affinity(placement: &Placement) -> Map<String, Value> {
    let mut out = Map::new();
    let mut nodes = Map::new();
    if let Some(terms) = &placement.required_nodes {
        let terms: Vec<_> = terms.iter().map(node_term).collect();
        nodes.insert(REQUIRED.into(), json!({"nodeSelectorTerms": terms}));
    }
    put_list(
        &mut nodes,
        PREFERRED,
        &placement.preferred_nodes,
        |preferred| json!({"weight": preferred.weight, "preference": node_term(&preferred.term)}),
    );
    let wanted = &placement.pod_affinity;
    let near = pod_affinity(&wanted.required, &wanted.preferred);
    let far = pod_affinity(&wanted.anti_required, &wanted.anti_preferred);
    for (field, part) in [("nodeAffinity", nodes), ("podAffinity", near), ("podAntiAffinity", far)] {
        if !part.is_empty() {
            out.insert(field.into(), part.into());
        }
    }
    out
}

fn node_term(term: &NodeSelectorTerm) -> Value {
    let mut out = Map::new();
    put_list(&mut out, "matchExpressions", &term.expressions, requirement);
    put_list(&mut out, "matchFields", &term.fields, requirement);
    out.into()
}

fn pod_affinity(required: &[PodAffinityTerm], preferred: &[WeightedPodAffinityTerm]) -> Map<String, Value> {
    let mut out = Map::new();
    put_list(&mut out, REQUIRED, required, pod_term);
    put_list(
        &mut out,
        PREFERRED,
        preferred,
        |weighted| json!({"weight": weighted.weight, "podAffinityTerm": pod_term(&weighted.term)}),
    );
    out
}

fn pod_term(term: &PodAffinityTerm) -> Value {
    let mut out = Map::new();
    put_selector(&mut out, "labelSelector", term.selector.as_ref());
    put_list(&mut out, "matchLabelKeys", &term.match_label_keys, text);
    put_list(&mut out, "mismatchLabelKeys", &term.mismatch_label_keys, text);
    put_selector(&mut out, "namespaceSelector", term.namespace_selector.as_ref());
    put_list(&mut out, "namespaces", &term.namespaces, text);
    put(&mut out, "topologyKey", Some(&*term.topology_key));
    out.into()
}

fn spread_constraint(constraint: &TopologySpreadConstraint) -> Value {
    let mut out = Map::new();
    put_selector(&mut out, "labelSelector", constraint.selector.as_ref());
    put_list(&mut out, "matchLabelKeys", &constraint.match_label_keys, text);
    out.insert("maxSkew".into(), json!(constraint.max_skew));
    if let Some(min_domains) = constraint.min_domains {
        out.insert("minDomains".into(), json!(min_domains));
    }
    let is_ignored = constraint.node_affinity_policy == NodeInclusion::Ignore;
    put(&mut out, "nodeAffinityPolicy", is_ignored.then_some("Ignore"));
    let is_honored = constraint.node_taints_policy == NodeInclusion::Honor;
    put(&mut out, "nodeTaintsPolicy", is_honored.then_some("Honor"));
    put(&mut out, "topologyKey", Some(&*constraint.topology_key));
    let action = match constraint.when_unsatisfiable {
        WhenUnsatisfiable::DoNotSchedule => "DoNotSchedule",
        WhenUnsatisfiable::ScheduleAnyway => "ScheduleAnyway",
    };
    put(&mut out, "whenUnsatisfiable", Some(action));
    out.into()
}

fn put_selector(out: &mut Map<String, Value>, field: &str, selector: Option<&LabelSelector>) {
    if let Some(selector) = selector {
        out.insert(field.into(), label_selector(selector));
    }
}

/// A label selector, with its equalities as expressions.
fn label_selector(selector: &LabelSelector) -> Value {
    let mut out = Map::new();
    put_list(&mut out, "matchExpressions", &selector.requirements, requirement);
    out.into()
}

fn requirement(requirement: &LabelRequirement) -> Value {
    let one = |number: i64| vec![number.to_string().into()];
    let (operator, values): (&str, Vec<Name>) = match &requirement.operator {
        LabelOperator::In(values) => ("In", values.clone()),
        LabelOperator::NotIn(values) => ("NotIn", values.clone()),
        LabelOperator::Exists => ("Exists", Vec::new()),
        LabelOperator::DoesNotExist => ("DoesNotExist", Vec::new()),
        LabelOperator::Gt(bound) => ("Gt", one(*bound)),
        LabelOperator::Lt(bound) => ("Lt", one(*bound)),
    };
    let mut out = Map::new();
    put(&mut out, "key", Some(&*requirement.key));
    put(&mut out, "operator", Some(operator));
    put_list(&mut out, "values", &values, text);
    out.into()
}

fn text(text: &Name) -> Value {
    json!(&**text)
}

fn toleration(toleration: &Toleration) -> Value {
    let mut out = Map::new();
    put(&mut out, "key", toleration.key.as_deref());
    out.insert("operator".into(), json!(if toleration.value.is_some() { "Equal" } else { "Exists" }));
    put(&mut out, "value", toleration.value.as_deref().filter(|value| !value.is_empty()));
    put(&mut out, "effect", toleration.effect.map(taint_effect));
    if let Some(seconds) = toleration.seconds {
        out.insert("tolerationSeconds".into(), json!(seconds.as_secs()));
    }
    out.into()
}

pub(super) const fn taint_effect(effect: TaintEffect) -> &'static str {
    match effect {
        TaintEffect::NoSchedule => "NoSchedule",
        TaintEffect::PreferNoSchedule => "PreferNoSchedule",
        TaintEffect::NoExecute => "NoExecute",
    }
}
