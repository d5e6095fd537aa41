//! Pods and pod templates to the model.

use std::sync::Arc;

use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

use crate::engine::SimDuration;
use crate::manifest::convert::node::resources;
use crate::manifest::convert::{labels, optional, probe};
use crate::manifest::defaults;
use crate::manifest::validation::names;
use crate::manifest::wire;
use crate::manifest::wire::ResourceList;
use crate::manifest::wire::meta::SelectorRequirement;
use crate::model::deployment::LABEL_POD_TEMPLATE_HASH;
use crate::model::meta::{LabelOperator, LabelRequirement, LabelSelector};
use crate::model::pod::{
    Container, ContainerPort, ContainerResources, Derived, PodSpec, PodTemplate, PreemptionPolicy, Protocol,
    PullPolicy, RestartPolicy, Volume, VolumeMount, VolumeSource,
};
use crate::model::resources::InitKind;
use crate::model::scheduling::{
    NodeInclusion, NodeSelectorTerm, Placement, PodAffinity, PodAffinityTerm, PreferredNodeTerm, TaintEffect,
    Toleration, TopologySpreadConstraint, WeightedPodAffinityTerm, WhenUnsatisfiable,
};

/// The address that stands for all addresses of a node.
const ANY_IP: &str = "0.0.0.0";

/// Converts a pod template.
pub fn pod_template(template: &wire::pod::PodTemplateSpec) -> PodTemplate {
    PodTemplate {
        labels: labels(&template.metadata.labels),
        annotations: labels(&template.metadata.annotations),
        spec: Arc::new(pod_spec(&template.spec)),
        fingerprint: fingerprint(template),
    }
}

/// A hash over all that a template says, after defaulting.
///
/// Deviation: the hash is xxh3 over the template's fields in JSON; upstream's is FNV over a dump of Go values.
pub(super) fn fingerprint(template: &wire::pod::PodTemplateSpec) -> u64 {
    let mut template = template.clone();
    template.metadata.labels.remove(LABEL_POD_TEMPLATE_HASH);
    defaults::inert_fields(&mut template.spec);
    let mut fields = serde_json::to_value(&template).expect("a template is made of texts and numbers");
    drop_absent(&mut fields);
    xxh3_64(fields.to_string().as_bytes())
}

/// Leaves out what is not there: nulls, empty texts, empty lists.
fn drop_absent(value: &mut Value) {
    let is_there = |value: &Value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => true,
    };
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(drop_absent);
            fields.retain(|_, value| is_there(value));
        }
        Value::Array(items) => items.iter_mut().for_each(drop_absent),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Converts a pod's spec, and derives what follows from it.
///
/// A grace period below zero is one second.
/// Source: Kubernetes 1.28, pkg/registry/core/pod/strategy.go, CheckGracefulDelete.
pub fn pod_spec(spec: &wire::pod::PodSpec) -> PodSpec {
    let grace = spec.termination_grace_period_seconds.expect("defaulting sets the grace period");
    let container = |kind| move |container: &wire::pod::Container| self::container(container, kind);
    let init_container = |c: &wire::pod::Container| {
        let is_sidecar = c.restart_policy.as_deref() == Some("Always");
        self::container(c, if is_sidecar { InitKind::Sidecar } else { InitKind::Ordinary })
    };
    let spec = PodSpec {
        init_containers: spec.init_containers.iter().map(init_container).collect(),
        containers: spec.containers.iter().map(container(InitKind::Ordinary)).collect(),
        restart_policy: restart_policy(&spec.restart_policy),
        termination_grace: SimDuration::from_secs(u64::try_from(grace).unwrap_or(1)),
        active_deadline: spec.active_deadline_seconds.map(seconds),
        node_name: optional(&spec.node_name),
        scheduler_name: spec.scheduler_name.clone(),
        priority: spec.priority.unwrap_or(0),
        priority_class: optional(&spec.priority_class_name),
        preemption_policy: preemption_policy(spec.preemption_policy.as_deref()),
        placement: placement(spec),
        scheduling_gates: spec.scheduling_gates.iter().map(|gate| gate.name.clone()).collect(),
        host_network: spec.host_network,
        overhead: resources(&spec.overhead),
        volumes: spec.volumes.iter().map(volume).collect(),
        derived: Derived::default(),
    };
    spec.derive()
}

fn container(container: &wire::pod::Container, init_kind: InitKind) -> Container {
    Container {
        name: container.name.clone(),
        image: container.image.clone(),
        pull_policy: pull_policy(&container.image_pull_policy),
        ports: container.ports.iter().map(port).collect(),
        requests: container_resources(&container.resources.requests),
        limits: container_resources(&container.resources.limits),
        init_kind,
        mounts: container.volume_mounts.iter().map(mount).collect(),
        probes: probe::probes(container),
        lifecycle: probe::lifecycle(container),
    }
}

fn container_resources(list: &ResourceList) -> ContainerResources {
    ContainerResources {
        amounts: resources(list),
        has_cpu: list.contains_key("cpu"),
        has_memory: list.contains_key("memory"),
    }
}

fn port(port: &wire::pod::ContainerPort) -> ContainerPort {
    let number = |port: i32| u16::try_from(port).expect("validation keeps ports in their range");
    ContainerPort {
        name: optional(&port.name),
        container_port: number(port.container_port),
        host_port: number(port.host_port),
        host_ip: optional(&port.host_ip).unwrap_or_else(|| ANY_IP.into()),
        protocol: match &*port.protocol {
            "TCP" => Protocol::Tcp,
            "UDP" => Protocol::Udp,
            "SCTP" => Protocol::Sctp,
            other => unreachable!("validation refuses the protocol {other:?}"),
        },
    }
}

fn mount(mount: &wire::pod::VolumeMount) -> VolumeMount {
    VolumeMount { volume: mount.name.clone(), path: mount.mount_path.clone(), read_only: mount.read_only }
}

fn volume(volume: &wire::pod::Volume) -> Volume {
    let is_empty_dir = volume.sources.contains_key("emptyDir");
    let source = if is_empty_dir { VolumeSource::EmptyDir } else { VolumeSource::Present };
    Volume { name: volume.name.clone(), source }
}

fn placement(spec: &wire::pod::PodSpec) -> Placement {
    let affinity = spec.affinity.as_ref();
    let pod_affinity = PodAffinity {
        required: terms(affinity.and_then(|affinity| affinity.pod_affinity.as_ref())),
        preferred: weighted_terms(affinity.and_then(|affinity| affinity.pod_affinity.as_ref())),
        anti_required: terms(affinity.and_then(|affinity| affinity.pod_anti_affinity.as_ref())),
        anti_preferred: weighted_terms(affinity.and_then(|affinity| affinity.pod_anti_affinity.as_ref())),
    };
    let affinity = affinity.and_then(|affinity| affinity.node_affinity.as_ref());
    let required = affinity.and_then(|affinity| affinity.required.as_ref());
    let preferred = affinity.into_iter().flat_map(|affinity| &affinity.preferred);
    Placement {
        node_selector: labels(&spec.node_selector),
        required_nodes: required.map(|nodes| nodes.node_selector_terms.iter().map(term).collect()),
        preferred_nodes: preferred
            .map(|preferred| PreferredNodeTerm {
                weight: i64::from(preferred.weight),
                term: term(&preferred.preference),
            })
            .collect(),
        tolerations: spec.tolerations.iter().map(toleration).collect(),
        spread: spec.topology_spread_constraints.iter().map(spread_constraint).collect(),
        pod_affinity,
    }
}

fn terms(affinity: Option<&wire::pod::PodAffinity>) -> Vec<PodAffinityTerm> {
    affinity.into_iter().flat_map(|affinity| &affinity.required).map(pod_affinity_term).collect()
}

fn weighted_terms(affinity: Option<&wire::pod::PodAffinity>) -> Vec<WeightedPodAffinityTerm> {
    let weighted = affinity.into_iter().flat_map(|affinity| &affinity.preferred);
    weighted
        .map(|weighted| WeightedPodAffinityTerm {
            weight: i64::from(weighted.weight),
            term: pod_affinity_term(&weighted.pod_affinity_term),
        })
        .collect()
}

fn pod_affinity_term(term: &wire::pod::PodAffinityTerm) -> PodAffinityTerm {
    PodAffinityTerm {
        selector: term.label_selector.as_ref().map(selector),
        topology_key: term.topology_key.clone(),
        namespaces: term.namespaces.clone(),
        namespace_selector: term.namespace_selector.as_ref().map(selector),
        match_label_keys: term.match_label_keys.clone(),
        mismatch_label_keys: term.mismatch_label_keys.clone(),
    }
}

fn spread_constraint(constraint: &wire::pod::TopologySpreadConstraint) -> TopologySpreadConstraint {
    TopologySpreadConstraint {
        max_skew: constraint.max_skew,
        topology_key: constraint.topology_key.clone(),
        when_unsatisfiable: match &*constraint.when_unsatisfiable {
            "DoNotSchedule" => WhenUnsatisfiable::DoNotSchedule,
            "ScheduleAnyway" => WhenUnsatisfiable::ScheduleAnyway,
            other => unreachable!("validation refuses the action {other:?}"),
        },
        selector: constraint.label_selector.as_ref().map(selector),
        min_domains: constraint.min_domains,
        node_affinity_policy: inclusion(constraint.node_affinity_policy.as_deref(), NodeInclusion::Honor),
        node_taints_policy: inclusion(constraint.node_taints_policy.as_deref(), NodeInclusion::Ignore),
        match_label_keys: constraint.match_label_keys.clone(),
    }
}

/// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/podtopologyspread/common.go,
/// filterTopologySpreadConstraints.
fn inclusion(policy: Option<&str>, default: NodeInclusion) -> NodeInclusion {
    match policy {
        None => default,
        Some("Honor") => NodeInclusion::Honor,
        Some("Ignore") => NodeInclusion::Ignore,
        Some(other) => unreachable!("validation refuses the policy {other:?}"),
    }
}

/// Converts a term. One with a value that no label can have matches nothing, as an empty one.
/// Source: Kubernetes 1.28, component-helpers/scheduling/corev1/nodeaffinity, newNodeSelectorTerm.
///
/// Deviation: where such a term is a preference, upstream fails every attempt to place the pod.
fn term(term: &wire::pod::NodeSelectorTerm) -> NodeSelectorTerm {
    let is_possible = |requirement: &SelectorRequirement| {
        requirement.values.iter().all(|value| names::label_value(value).is_empty())
    };
    if !term.match_expressions.iter().all(is_possible) {
        return NodeSelectorTerm::default();
    }
    NodeSelectorTerm {
        expressions: term.match_expressions.iter().map(requirement).collect(),
        fields: term.match_fields.iter().map(requirement).collect(),
    }
}

/// Converts a label selector.
pub(super) fn selector(selector: &wire::meta::LabelSelector) -> LabelSelector {
    let labels = selector.match_labels.iter().map(|(key, value)| LabelRequirement {
        key: key.clone(),
        operator: LabelOperator::In(vec![value.clone()]),
    });
    LabelSelector { requirements: labels.chain(selector.match_expressions.iter().map(requirement)).collect() }
}

/// Converts one requirement of a label or node selector.
pub fn requirement(requirement: &SelectorRequirement) -> LabelRequirement {
    let values = &requirement.values;
    let bound = || {
        let bound = values.first().and_then(|value| value.parse().ok());
        bound.expect("validation wants one integer for Gt and Lt")
    };
    let operator = match &*requirement.operator {
        "In" => LabelOperator::In(values.clone()),
        "NotIn" => LabelOperator::NotIn(values.clone()),
        "Exists" => LabelOperator::Exists,
        "DoesNotExist" => LabelOperator::DoesNotExist,
        "Gt" => LabelOperator::Gt(bound()),
        "Lt" => LabelOperator::Lt(bound()),
        other => unreachable!("validation refuses the operator {other:?}"),
    };
    LabelRequirement { key: requirement.key.clone(), operator }
}

fn toleration(toleration: &wire::pod::Toleration) -> Toleration {
    Toleration {
        key: optional(&toleration.key),
        value: if &*toleration.operator == "Exists" { None } else { Some(toleration.value.clone()) },
        effect: optional(&toleration.effect).map(|effect| taint_effect(&effect)),
        // Less than nothing is nothing, as upstream has it.
        seconds: toleration.toleration_seconds.map(|secs| seconds(secs.max(0))),
    }
}

pub(super) fn taint_effect(effect: &str) -> TaintEffect {
    match effect {
        "NoSchedule" => TaintEffect::NoSchedule,
        "PreferNoSchedule" => TaintEffect::PreferNoSchedule,
        "NoExecute" => TaintEffect::NoExecute,
        other => unreachable!("validation refuses the effect {other:?}"),
    }
}

fn restart_policy(policy: &str) -> RestartPolicy {
    match policy {
        "Always" => RestartPolicy::Always,
        "OnFailure" => RestartPolicy::OnFailure,
        "Never" => RestartPolicy::Never,
        other => unreachable!("validation refuses the restart policy {other:?}"),
    }
}

fn pull_policy(policy: &str) -> PullPolicy {
    match policy {
        "Always" => PullPolicy::Always,
        "IfNotPresent" => PullPolicy::IfNotPresent,
        "Never" => PullPolicy::Never,
        other => unreachable!("validation refuses the pull policy {other:?}"),
    }
}

fn preemption_policy(policy: Option<&str>) -> PreemptionPolicy {
    match policy {
        None | Some("PreemptLowerPriority") => PreemptionPolicy::PreemptLowerPriority,
        Some("Never") => PreemptionPolicy::Never,
        Some(other) => unreachable!("validation refuses the preemption policy {other:?}"),
    }
}

/// A span that validation has found not to be negative.
pub(super) fn seconds(secs: i64) -> SimDuration {
    SimDuration::from_secs(u64::try_from(secs).expect("validation refuses spans below zero"))
}
