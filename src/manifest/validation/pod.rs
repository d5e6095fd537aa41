//! Pods and pod templates.
//!
//! Source: Kubernetes 1.28, pkg/apis/core/validation/validation.go, ValidatePodSpec and what it calls.

use std::collections::BTreeSet;

use crate::manifest::field_error::{FieldErrors, Path};
use crate::manifest::validation::container::{containers, init_containers};
use crate::manifest::validation::meta::{self, Scope, invalid_text, object_meta, object_meta_update};
use crate::manifest::validation::{known_word, names, resources, scheduling, topology};
use crate::manifest::wire::pod::{
    Container, Pod, PodSpec, PodTemplateSpec, SchedulingGate, Toleration, Volume,
};

const RESTART_POLICIES: &[&str] = &["Always", "OnFailure", "Never"];
const DNS_POLICIES: &[&str] = &["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
const PREEMPTION_POLICIES: &[&str] = &["PreemptLowerPriority", "Never"];
const MUTABLE_FIELDS: &str = "pod updates may not change fields other than `spec.containers[*].image`,\
    `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing \
    tolerations)";

/// Where a pod's spec stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// In a pod.
    Pod,
    /// In a template, for pods that are yet to be filled in.
    Template,
}

/// Validates a pod that is to be created.
///
/// Source: Kubernetes 1.28, pkg/apis/core/validation/validation.go, ValidatePodCreate.
pub fn pod(pod: &Pod, errors: &mut FieldErrors) {
    object_meta(&pod.metadata, Scope::Namespaced, &Path::OBJECT.child("metadata"), errors);
    let path = Path::OBJECT.child("spec");
    pod_spec(&pod.spec, Holder::Pod, &path, errors);
    if !pod.spec.scheduling_gates.is_empty() && !pod.spec.node_name.is_empty() {
        errors
            .forbidden(&path.child("nodeName"), "cannot be set until all schedulingGates have been cleared");
    }
}

/// Validates a template; its metadata is reported without the step `metadata`, as upstream does it.
pub fn pod_template(template: &PodTemplateSpec, path: &Path<'_>, errors: &mut FieldErrors) {
    meta::labels(&template.metadata.labels, &path.child("labels"), errors);
    meta::annotations(&template.metadata.annotations, &path.child("annotations"), errors);
    pod_spec(&template.spec, Holder::Template, &path.child("spec"), errors);
}

/// Validates what a pod is given to be.
pub fn pod_spec(spec: &PodSpec, holder: Holder, path: &Path<'_>, errors: &mut FieldErrors) {
    let volumes = volumes(&spec.volumes, &path.child("volumes"), errors);
    containers(spec, &volumes, &path.child("containers"), errors);
    init_containers(spec, &volumes, &path.child("initContainers"), errors);
    if spec.host_network {
        host_network_ports(&spec.containers, holder, &path.child("containers"), errors);
    }
    known_word(&spec.restart_policy, RESTART_POLICIES, &path.child("restartPolicy"), errors);
    known_word(&spec.dns_policy, DNS_POLICIES, &path.child("dnsPolicy"), errors);
    meta::labels(&spec.node_selector, &path.child("nodeSelector"), errors);
    if let Some(affinity) = &spec.affinity {
        topology::affinity(affinity, &path.child("affinity"), errors);
    }
    scheduling_gates(&spec.scheduling_gates, &path.child("schedulingGates"), errors);
    let spread = path.child("topologySpreadConstraints");
    topology::spread_constraints(&spec.topology_spread_constraints, &spread, errors);
    if !spec.node_name.is_empty() {
        invalid_text(&spec.node_name, names::dns_subdomain, &path.child("nodeName"), errors);
    }
    if let Some(secs) = spec.active_deadline_seconds.filter(|secs| !(1..=i64::from(i32::MAX)).contains(secs))
    {
        let detail = "must be between 1 and 2147483647, inclusive";
        errors.invalid(&path.child("activeDeadlineSeconds"), &secs, detail);
    }
    scheduling::tolerations(&spec.tolerations, &path.child("tolerations"), errors);
    if !spec.priority_class_name.is_empty() {
        let path = path.child("priorityClassName");
        invalid_text(&spec.priority_class_name, names::dns_subdomain, &path, errors);
    }
    if let Some(policy) = &spec.preemption_policy {
        known_word(policy, PREEMPTION_POLICIES, &path.child("preemptionPolicy"), errors);
    }
    resources::overhead(&spec.overhead, &path.child("overhead"), errors);
}

/// Returns the names of the valid volumes.
fn volumes<'a>(volumes: &'a [Volume], path: &Path<'_>, errors: &mut FieldErrors) -> BTreeSet<&'a str> {
    let mut valid = BTreeSet::new();
    for (idx, volume) in volumes.iter().enumerate() {
        let n_errors = errors.0.len();
        let path = path.index(idx);
        for source in volume.sources.keys().skip(1) {
            errors.forbidden(&path.child(source), "may not specify more than 1 volume type");
        }
        let name = path.child("name");
        if volume.name.is_empty() {
            errors.required(&name, "");
        } else {
            invalid_text(&volume.name, names::dns_label, &name, errors);
        }
        if valid.contains(&*volume.name) {
            errors.duplicate(&name, &*volume.name);
        }
        if errors.0.len() == n_errors {
            valid.insert(&*volume.name);
        }
    }
    valid
}

/// Source: Kubernetes 1.28, pkg/apis/core/validation/validation.go, validateHostNetwork.
fn host_network_ports(containers: &[Container], holder: Holder, path: &Path<'_>, errors: &mut FieldErrors) {
    for (idx, container) in containers.iter().enumerate() {
        let container_path = path.index(idx);
        let ports = container_path.child("ports");
        for (idx, port) in container.ports.iter().enumerate() {
            let is_open = holder == Holder::Template && port.host_port == 0;
            if !is_open && port.host_port != port.container_port {
                let detail = "must match `containerPort` when `hostNetwork` is true";
                errors.invalid(&ports.index(idx).child("hostPort"), &port.host_port, detail);
            }
        }
    }
}

fn scheduling_gates(gates: &[SchedulingGate], path: &Path<'_>, errors: &mut FieldErrors) {
    for (idx, gate) in gates.iter().enumerate() {
        let path = path.index(idx);
        invalid_text(&gate.name, names::qualified_name, &path, errors);
        if gates[..idx].contains(gate) {
            errors.duplicate(&path, &*gate.name);
        }
    }
}

/// Validates a change of a pod.
///
/// Source: Kubernetes 1.28, pkg/apis/core/validation/validation.go, ValidatePodUpdate.
///
/// Deviation: the scheduling directives of a gated pod, which may be narrowed, are taken for immutable.
pub fn pod_update(new: &Pod, old: &Pod, errors: &mut FieldErrors) {
    object_meta_update(&new.metadata, &old.metadata, &Path::OBJECT.child("metadata"), errors);
    let path = Path::OBJECT.child("spec");
    pod_spec(&new.spec, Holder::Pod, &path, errors);
    let n_containers = (new.spec.containers.len(), new.spec.init_containers.len());
    if n_containers != (old.spec.containers.len(), old.spec.init_containers.len()) {
        errors.forbidden(&path.child("containers"), "pod updates may not add or remove containers");
        return;
    }
    active_deadline_update(new.spec.active_deadline_seconds, old.spec.active_deadline_seconds, &path, errors);
    added_tolerations(&new.spec.tolerations, &old.spec.tolerations, &path.child("tolerations"), errors);
    removed_gates(
        &new.spec.scheduling_gates,
        &old.spec.scheduling_gates,
        &path.child("schedulingGates"),
        errors,
    );
    if !differs_only_where_it_may(&new.spec, &old.spec) {
        errors.forbidden(&path, MUTABLE_FIELDS);
    }
}

fn active_deadline_update(new: Option<i64>, old: Option<i64>, path: &Path<'_>, errors: &mut FieldErrors) {
    let path = path.child("activeDeadlineSeconds");
    match (new, old) {
        (Some(new), Some(old)) if new > old => {
            errors.invalid(&path, &new, "must be less than or equal to previous value");
        }
        (None, Some(old)) => {
            errors.invalid(&path, &old, "must not update from a positive integer to nil value")
        }
        _ => {}
    }
}

fn added_tolerations(new: &[Toleration], old: &[Toleration], path: &Path<'_>, errors: &mut FieldErrors) {
    let without_time =
        |toleration: &Toleration| Toleration { toleration_seconds: None, ..toleration.clone() };
    let is_kept = |old: &Toleration| new.iter().any(|new| without_time(new) == without_time(old));
    if !old.iter().all(is_kept) {
        errors.forbidden(path, "existing toleration can not be modified except its tolerationSeconds");
    }
}

fn removed_gates(new: &[SchedulingGate], old: &[SchedulingGate], path: &Path<'_>, errors: &mut FieldErrors) {
    for (idx, gate) in new.iter().enumerate().filter(|(_, gate)| !old.contains(gate)) {
        let detail = format!("only deletion is allowed, but found new scheduling gate '{}'", gate.name);
        errors.forbidden(&path.index(idx), detail);
    }
}

fn differs_only_where_it_may(new: &PodSpec, old: &PodSpec) -> bool {
    let mut allowed = PodSpec {
        active_deadline_seconds: new.active_deadline_seconds,
        tolerations: new.tolerations.clone(),
        scheduling_gates: new.scheduling_gates.clone(),
        ..old.clone()
    };
    let pairs = allowed.containers.iter_mut().zip(&new.containers);
    for (allowed, new) in pairs.chain(allowed.init_containers.iter_mut().zip(&new.init_containers)) {
        allowed.image = new.image.clone();
    }
    allowed == *new
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::manifest::defaults;
    use crate::manifest::wire::decode_json as decode;

    /// A valid pod with its spec changed by a merge patch.
    fn pod_with(change: Value) -> Pod {
        let mut spec = json!({"containers": [{"name": "main", "image": "web:1"}]});
        crate::manifest::patch::merge(&mut spec, &change);
        let mut pod =
            decode(&json!({"metadata": {"name": "p", "namespace": "default"}, "spec": spec})).unwrap();
        defaults::pod(&mut pod);
        pod
    }

    fn lines(errors: FieldErrors) -> Vec<String> {
        errors.0.iter().map(ToString::to_string).collect()
    }

    #[track_caller]
    fn check(change: Value, expected: &[&str]) {
        let mut errors = FieldErrors::default();
        pod(&pod_with(change), &mut errors);
        let lines = lines(errors);
        assert_eq!(lines.len(), expected.len(), "{lines:?}");
        for (line, start) in lines.iter().zip(expected) {
            assert!(line.starts_with(start), "{line}");
        }
    }

    #[test]
    fn a_pod_needs_containers_with_names_and_images() {
        check(json!({}), &[]);
        check(json!({"containers": []}), &["spec.containers: Required value"]);
        check(
            json!({"containers": [{}, {"name": "A", "image": "i"}, {"name": "b", "image": "i"}, {"name": "b", "image": "i"}],
                   "initContainers": [{"name": "b", "image": "i"}]}),
            &[
                "spec.containers[0].name: Required value",
                "spec.containers[0].image: Required value",
                "spec.containers[1].name: Invalid value: \"A\": a lowercase RFC 1123 label",
                "spec.containers[3].name: Duplicate value: \"b\"",
                "spec.initContainers[0].name: Duplicate value: \"b\"",
            ],
        );
    }

    #[test]
    fn words_and_numbers_are_checked() {
        check(
            json!({"restartPolicy": "Sometimes", "dnsPolicy": "x", "activeDeadlineSeconds": 0,
                   "preemptionPolicy": "x", "nodeName": "N", "nodeSelector": {"a b": "c"}}),
            &[
                "spec.restartPolicy: Unsupported value: \"Sometimes\": supported values: \"Always\", \"OnFailure\", \
                 \"Never\"",
                "spec.dnsPolicy: Unsupported value",
                "spec.nodeSelector: Invalid value: \"a b\": name part must consist",
                "spec.nodeName: Invalid value: \"N\"",
                "spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive",
                "spec.preemptionPolicy: Unsupported value",
            ],
        );
        check(json!({"terminationGracePeriodSeconds": -5}), &[]);
    }

    #[test]
    fn host_network_ports_are_the_containers() {
        let ports = |host_port: i32| {
            json!({"hostNetwork": true, "containers": [{"name": "a", "image": "i",
                   "ports": [{"containerPort": 80, "hostPort": host_port}]}]})
        };
        check(ports(80), &[]);
        check(ports(0), &[]);
        check(
            ports(81),
            &["spec.containers[0].ports[0].hostPort: Invalid value: 81: must match `containerPort`"],
        );
    }

    #[test]
    fn volumes_have_one_source_and_a_name_of_their_own() {
        check(
            json!({"volumes": [{"name": "a"}, {"name": "a"}, {"name": "B"}, {"name": "c", "emptyDir": {}, "secret": {}}]}),
            &[
                "spec.volumes[1].name: Duplicate value: \"a\"",
                "spec.volumes[2].name: Invalid value: \"B\"",
                "spec.volumes[3].secret: Forbidden: may not specify more than 1 volume type",
            ],
        );
    }

    #[test]
    fn a_gated_pod_has_no_node_yet() {
        check(
            json!({"schedulingGates": [{"name": "a/b"}, {"name": "a/b"}], "nodeName": "n"}),
            &[
                "spec.schedulingGates[1]: Duplicate value: \"a/b\"",
                "spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared",
            ],
        );
    }

    #[track_caller]
    fn check_update(old: Value, new: Value, expected: &[&str]) {
        let mut errors = FieldErrors::default();
        pod_update(&pod_with(new), &pod_with(old), &mut errors);
        assert_eq!(lines(errors), expected);
    }

    #[test]
    fn little_of_a_pod_can_change() {
        let image = json!({"containers": [{"name": "main", "image": "web:2"}]});
        check_update(json!({}), image, &[]);
        check_update(json!({"schedulingGates": [{"name": "g"}]}), json!({}), &[]);
        check_update(
            json!({}),
            json!({"tolerations": [{"operator": "Exists"}], "activeDeadlineSeconds": 5}),
            &[],
        );
        let forbidden = format!("spec: Forbidden: {MUTABLE_FIELDS}");
        check_update(json!({}), json!({"nodeSelector": {"a": "b"}}), &[&forbidden]);
        check_update(json!({}), json!({"hostname": "h"}), &[&forbidden]);
        check_update(
            json!({"tolerations": [{"operator": "Exists"}], "activeDeadlineSeconds": 5}),
            json!({"schedulingGates": [{"name": "g"}], "activeDeadlineSeconds": 6}),
            &[
                "spec.activeDeadlineSeconds: Invalid value: 6: must be less than or equal to previous value",
                "spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds",
                "spec.schedulingGates[0]: Forbidden: only deletion is allowed, but found new scheduling gate 'g'",
            ],
        );
    }
}
