//! Containers and init containers.
//!
//! Source: Kubernetes 1.28, pkg/apis/core/validation/validation.go, validateContainers, validateInitContainers.

use std::collections::BTreeSet;

use crate::manifest::field_error::{FieldErrors, Path};
use crate::manifest::validation::meta::invalid_text;
use crate::manifest::validation::{known_word, names, probe, resources};
use crate::manifest::wire::pod::{Container, ContainerPort, PodSpec, VolumeMount};

const PROTOCOLS: &[&str] = &["SCTP", "TCP", "UDP"];
const PULL_POLICIES: &[&str] = &["Always", "IfNotPresent", "Never"];
const MESSAGE_POLICIES: &[&str] = &["File", "FallbackToLogsOnError"];

/// Validates the app containers.
pub fn containers(spec: &PodSpec, volumes: &BTreeSet<&str>, path: &Path<'_>, errors: &mut FieldErrors) {
    let containers = &spec.containers;
    if containers.is_empty() {
        errors.required(path, "");
        return;
    }
    let mut taken = BTreeSet::new();
    for (idx, container) in containers.iter().enumerate() {
        let path = path.index(idx);
        self::container(container, volumes, &path, errors);
        if !taken.insert(&*container.name) {
            errors.duplicate(&path.child("name"), &*container.name);
        }
        probe::of_container(container, spec.termination_grace_period_seconds, &path, errors);
        if container.restart_policy.is_some() {
            errors.forbidden(&path.child("restartPolicy"), "may not be set for non-init containers");
        }
    }
    host_ports(containers, path, errors);
}

/// Validates the init containers of a pod.
pub fn init_containers(spec: &PodSpec, volumes: &BTreeSet<&str>, path: &Path<'_>, errors: &mut FieldErrors) {
    let mut taken: BTreeSet<&str> = spec.containers.iter().map(|container| &*container.name).collect();
    for (idx, container) in spec.init_containers.iter().enumerate() {
        let item = path.index(idx);
        self::container(container, volumes, &item, errors);
        match container.restart_policy.as_deref() {
            None | Some("Always") => {}
            Some(other) => errors.not_supported(&item.child("restartPolicy"), other, &["Always"]),
        }
        if !container.name.is_empty() && !taken.insert(&*container.name) {
            errors.duplicate(&item.child("name"), &*container.name);
        }
        // One after another: they compete for ports with nobody but themselves.
        host_ports(std::slice::from_ref(container), path, errors);
        if container.restart_policy.as_deref() == Some("Always") {
            probe::of_container(container, spec.termination_grace_period_seconds, &item, errors);
        } else {
            forbid_fields_of_servers(container, &item, errors);
        }
    }
}

/// An init container that runs to its end has neither hooks nor probes.
fn forbid_fields_of_servers(container: &Container, path: &Path<'_>, errors: &mut FieldErrors) {
    for (field, is_set) in [
        ("lifecycle", container.lifecycle.is_some()),
        ("livenessProbe", container.liveness_probe.is_some()),
        ("readinessProbe", container.readiness_probe.is_some()),
        ("startupProbe", container.startup_probe.is_some()),
    ] {
        if is_set {
            let detail = "may not be set for init containers without restartPolicy=Always";
            errors.forbidden(&path.child(field), detail);
        }
    }
}

/// Source: Kubernetes 1.28, pkg/apis/core/validation/validation.go, validateContainerCommon.
///
/// Deviation: blanks around an image are refused in templates too. The API server takes them there, and refuses every
/// pod made of the template.
fn container(container: &Container, volumes: &BTreeSet<&str>, path: &Path<'_>, errors: &mut FieldErrors) {
    let name = path.child("name");
    if container.name.is_empty() {
        errors.required(&name, "");
    } else {
        invalid_text(&container.name, names::dns_label, &name, errors);
    }
    let image = path.child("image");
    if container.image.is_empty() {
        errors.required(&image, "");
    } else if container.image.trim() != &*container.image {
        errors.invalid(&image, &*container.image, "must not have leading or trailing whitespace");
    }
    let policy = path.child("terminationMessagePolicy");
    known_word(&container.termination_message_policy, MESSAGE_POLICIES, &policy, errors);
    ports(&container.ports, &path.child("ports"), errors);
    mounts(&container.volume_mounts, volumes, &path.child("volumeMounts"), errors);
    known_word(&container.image_pull_policy, PULL_POLICIES, &path.child("imagePullPolicy"), errors);
    resources::requirements(&container.resources, &path.child("resources"), errors);
}

fn ports(ports: &[ContainerPort], path: &Path<'_>, errors: &mut FieldErrors) {
    let mut taken = BTreeSet::new();
    for (idx, port) in ports.iter().enumerate() {
        let path = path.index(idx);
        if !port.name.is_empty() {
            let name = path.child("name");
            let faults = names::port_name(&port.name);
            if faults.is_empty() && !taken.insert(&*port.name) {
                errors.duplicate(&name, &*port.name);
            }
            for fault in faults {
                errors.invalid(&name, &*port.name, fault);
            }
        }
        let container_port = path.child("containerPort");
        match port.container_port {
            0 => errors.required(&container_port, ""),
            number => port_number(number, &container_port, errors),
        }
        if port.host_port != 0 {
            port_number(port.host_port, &path.child("hostPort"), errors);
        }
        known_word(&port.protocol, PROTOCOLS, &path.child("protocol"), errors);
    }
}

fn port_number(number: i32, path: &Path<'_>, errors: &mut FieldErrors) {
    if !(1..=65535).contains(&number) {
        errors.invalid(path, &number, "must be between 1 and 65535, inclusive");
    }
}

/// Source: Kubernetes 1.28, pkg/apis/core/validation/validation.go, AccumulateUniqueHostPorts.
fn host_ports(containers: &[Container], path: &Path<'_>, errors: &mut FieldErrors) {
    let mut taken = BTreeSet::new();
    for (idx, container) in containers.iter().enumerate() {
        let container_path = path.index(idx);
        let ports = container_path.child("ports");
        for (idx, port) in container.ports.iter().enumerate().filter(|(_, port)| port.host_port != 0) {
            let triple = (&*port.protocol, &*port.host_ip, port.host_port);
            if !taken.insert(triple) {
                let text = format!("{}/{}/{}", triple.0, triple.1, triple.2);
                errors.duplicate(&ports.index(idx).child("hostPort"), &*text);
            }
        }
    }
}

fn mounts(mounts: &[VolumeMount], volumes: &BTreeSet<&str>, path: &Path<'_>, errors: &mut FieldErrors) {
    let mut taken = BTreeSet::new();
    for (idx, mount) in mounts.iter().enumerate() {
        let path = path.index(idx);
        let (name, mount_path) = (path.child("name"), path.child("mountPath"));
        if mount.name.is_empty() {
            errors.required(&name, "");
        }
        if !volumes.contains(&*mount.name) {
            errors.not_found(&name, &mount.name);
        }
        if mount.mount_path.is_empty() {
            errors.required(&mount_path, "");
        }
        if !taken.insert(&*mount.mount_path) {
            errors.invalid(&mount_path, &*mount.mount_path, "must be unique");
        }
        if !mount.sub_path.is_empty() {
            errors.forbidden(&path.child("subPath"), "not modelled: mount the whole volume");
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
    fn check(change: Value, expected: &[&str]) {
        let mut containers = json!({"containers": [{"name": "a", "image": "i"}]});
        crate::manifest::patch::merge(&mut containers, &change);
        let mut spec: PodSpec = decode(&containers).unwrap();
        defaults::pod_spec(&mut spec);
        let mut errors = FieldErrors::default();
        let volumes = BTreeSet::from(["data"]);
        super::containers(&spec, &volumes, &Path::OBJECT.child("containers"), &mut errors);
        init_containers(&spec, &volumes, &Path::OBJECT.child("initContainers"), &mut errors);
        let lines: Vec<_> = errors.0.iter().map(ToString::to_string).collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn ports_lie_in_their_range() {
        let ports = |ports: Value| json!({"containers": [{"name": "a", "image": "i", "ports": ports}]});
        check(
            ports(json!([{"containerPort": 80, "name": "http"}, {"containerPort": 80, "hostPort": 8080}])),
            &[],
        );
        check(
            ports(
                json!([{"name": "x"}, {"containerPort": 65536, "name": "x"}, {"containerPort": 1, "hostPort": -1, "protocol": "tcp"}]),
            ),
            &[
                "containers[0].ports[0].containerPort: Required value",
                "containers[0].ports[1].name: Duplicate value: \"x\"",
                "containers[0].ports[1].containerPort: Invalid value: 65536: must be between 1 and 65535, inclusive",
                "containers[0].ports[2].hostPort: Invalid value: -1: must be between 1 and 65535, inclusive",
                "containers[0].ports[2].protocol: Unsupported value: \"tcp\": supported values: \"SCTP\", \"TCP\", \"UDP\"",
            ],
        );
    }

    #[test]
    fn a_host_port_is_taken_once_by_all_app_containers() {
        let container = |name: &str, ip: &str| {
            json!({"name": name, "image": "i",
            "ports": [{"containerPort": 80, "hostPort": 80, "hostIP": ip}]})
        };
        check(json!({"containers": [container("a", ""), container("b", "0.0.0.0")]}), &[]);
        check(json!({"containers": [container("a", "")], "initContainers": [container("b", "")]}), &[]);
        check(
            json!({"containers": [container("a", "10.0.0.1"), container("b", "10.0.0.1")]}),
            &["containers[1].ports[0].hostPort: Duplicate value: \"TCP/10.0.0.1/80\""],
        );
    }

    #[test]
    fn mounts_name_a_volume_and_a_path_of_their_own() {
        let mounts =
            |mounts: Value| json!({"containers": [{"name": "a", "image": "i", "volumeMounts": mounts}]});
        check(mounts(json!([{"name": "data", "mountPath": "/a"}, {"name": "data", "mountPath": "/b"}])), &[]);
        check(
            mounts(
                json!([{"name": "data", "mountPath": "/a"}, {"name": "none", "mountPath": "/a"}, {"name": "data", "subPath": "x"}]),
            ),
            &[
                "containers[0].volumeMounts[1].name: Not found: \"none\"",
                "containers[0].volumeMounts[1].mountPath: Invalid value: \"/a\": must be unique",
                "containers[0].volumeMounts[2].mountPath: Required value",
                "containers[0].volumeMounts[2].subPath: Forbidden: not modelled: mount the whole volume",
            ],
        );
    }

    #[test]
    fn only_init_containers_have_a_restart_policy_and_it_is_always() {
        let with = |policy: &str| json!([{"name": "b", "image": "i", "restartPolicy": policy}]);
        check(json!({"initContainers": with("Always")}), &[]);
        check(
            json!({"initContainers": with("Never")}),
            &["initContainers[0].restartPolicy: Unsupported value: \"Never\": supported values: \"Always\""],
        );
        check(
            json!({"containers": with("Always")}),
            &["containers[0].restartPolicy: Forbidden: may not be set for non-init containers"],
        );
        check(
            json!({"initContainers": [{"name": "b", "image": " i", "livenessProbe": {}}]}),
            &[
                "initContainers[0].image: Invalid value: \" i\": must not have leading or trailing whitespace",
                "initContainers[0].livenessProbe: Forbidden: may not be set for init containers without \
                 restartPolicy=Always",
            ],
        );
    }
}
