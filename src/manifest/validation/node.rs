//! Nodes.
//!
//! Source: Kubernetes 1.28, pkg/apis/core/validation/validation.go, ValidateNode.

use crate::manifest::field_error::{FieldErrors, Path};
use crate::manifest::validation::meta::{Scope, object_meta, object_meta_update};
use crate::manifest::validation::{resources, scheduling};
use crate::manifest::wire::node::{Node, NodeStatus};

/// Validates a node that is to be created.
///
/// Deviation: a node must say what it offers, for no kubelet does; and it is ready at the start, and under no
/// pressure, for what becomes of it is the timeline's to say.
pub fn node(node: &Node, errors: &mut FieldErrors) {
    object_meta(&node.metadata, Scope::Cluster, &Path::OBJECT.child("metadata"), errors);
    spec_and_status(node, errors);
}

/// Validates a change of a node.
pub fn node_update(new: &Node, old: &Node, errors: &mut FieldErrors) {
    object_meta_update(&new.metadata, &old.metadata, &Path::OBJECT.child("metadata"), errors);
    spec_and_status(new, errors);
}

fn spec_and_status(node: &Node, errors: &mut FieldErrors) {
    scheduling::taints(&node.spec.taints, &Path::OBJECT.child("spec").child("taints"), errors);
    status(&node.status, &Path::OBJECT.child("status"), errors);
}

fn status(status: &NodeStatus, path: &Path<'_>, errors: &mut FieldErrors) {
    if status.capacity.is_empty() {
        let detail = "a node offers what its capacity says, for example {cpu: \"4\", memory: 16Gi}";
        errors.required(&path.child("capacity"), detail);
    }
    for (field, list) in [("capacity", &status.capacity), ("allocatable", &status.allocatable)] {
        let path = path.child(field);
        for (name, amount) in list {
            resources::quantity(name, *amount, &path.child(name), errors);
        }
    }
    let images = path.child("images");
    for (idx, image) in status.images.iter().enumerate().filter(|(_, image)| image.size_bytes < 0) {
        let detail = "must be greater than or equal to 0";
        errors.invalid(&images.index(idx).child("sizeBytes"), &image.size_bytes, detail);
    }
    conditions(status, &path.child("conditions"), errors);
}

fn conditions(status: &NodeStatus, path: &Path<'_>, errors: &mut FieldErrors) {
    for (idx, condition) in status.conditions.iter().enumerate() {
        let expected = match &*condition.kind {
            "Ready" => "True",
            "MemoryPressure" | "DiskPressure" | "PIDPressure" | "NetworkUnavailable" => "False",
            _ => continue,
        };
        if &*condition.status != expected {
            let detail =
                format!("a node starts with {}={expected}; let the timeline change it", condition.kind);
            errors.invalid(&path.index(idx).child("status"), &*condition.status, detail);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::manifest::defaults;
    use crate::manifest::wire::decode_json as decode;

    #[track_caller]
    fn check(manifest: Value, expected: &[&str]) {
        let mut node: Node = decode(&manifest).unwrap();
        defaults::node(&mut node);
        let mut errors = FieldErrors::default();
        super::node(&node, &mut errors);
        let lines: Vec<_> = errors.0.iter().map(ToString::to_string).collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_node_says_what_it_offers() {
        check(json!({"metadata": {"name": "n"}, "status": {"allocatable": {"cpu": 1}}}), &[]);
        check(
            json!({"metadata": {"name": "n", "namespace": "x"}, "spec": {"taints": [{"effect": "NoSchedule"}]}}),
            &[
                "metadata.namespace: Forbidden: not allowed on this type",
                "spec.taints[0].key: Invalid value: \"\": name part must be non-empty",
                "spec.taints[0].key: Invalid value: \"\": name part must consist of alphanumeric characters, '-', '_' \
                 or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or \
                 '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
                "status.capacity: Required value: a node offers what its capacity says, for example {cpu: \"4\", \
                 memory: 16Gi}",
            ],
        );
        check(
            json!({"metadata": {"name": "n"}, "status": {"capacity": {"cpu": "-1", "pods": "1.5"},
                   "images": [{"sizeBytes": -1}]}}),
            &[
                "status.capacity.cpu: Invalid value: \"-1\": must be greater than or equal to 0",
                "status.capacity.pods: Invalid value: \"1500m\": must be an integer",
                "status.allocatable.cpu: Invalid value: \"-1\": must be greater than or equal to 0",
                "status.allocatable.pods: Invalid value: \"1500m\": must be an integer",
                "status.images[0].sizeBytes: Invalid value: -1: must be greater than or equal to 0",
            ],
        );
    }

    #[test]
    fn a_node_is_ready_at_the_start() {
        let with = |kind: &str, status: &str| {
            json!({"metadata": {"name": "n"}, "status": {"capacity": {"cpu": 1},
                   "conditions": [{"type": kind, "status": status}]}})
        };
        check(with("Ready", "True"), &[]);
        check(with("KernelDeadlock", "True"), &[]);
        check(
            with("Ready", "Unknown"),
            &[
                "status.conditions[0].status: Invalid value: \"Unknown\": a node starts with Ready=True; let the \
               timeline change it",
            ],
        );
    }
}
