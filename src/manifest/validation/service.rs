//! Services.
//!
//! Source: Kubernetes 1.28, pkg/apis/core/validation/validation.go, ValidateService, validateServicePort.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use crate::manifest::field_error::{FieldErrors, Path};
use crate::manifest::validation::meta::{Scope, invalid_text, labels, object_meta, object_meta_update};
use crate::manifest::validation::{IMMUTABLE, names};
use crate::manifest::wire::amount::IntOrString;
use crate::manifest::wire::service::{Service, ServicePort, ServiceSpec};

/// The address of a Service that has none of its own.
pub const NONE: &str = "None";
const TYPES: &[&str] = &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const PROTOCOLS: &[&str] = &["SCTP", "TCP", "UDP"];
const AFFINITIES: &[&str] = &["ClientIP", "None"];

/// Validates a Service that is to be created.
pub fn service(service: &Service, errors: &mut FieldErrors) {
    let metadata = Path::OBJECT.child("metadata");
    object_meta(&service.metadata, Scope::Namespaced, &metadata, errors);
    let name = &service.metadata.name;
    if !name.is_empty() && names::dns_subdomain(name).is_empty() {
        invalid_text(name, names::dns_1035_label, &metadata.child("name"), errors);
    }
    spec(&service.spec, &Path::OBJECT.child("spec"), errors);
}

/// Validates a change of a Service.
///
/// Source: ValidateServiceUpdate, ValidateServiceClusterIPsRelatedFields.
pub fn service_update(new: &Service, old: &Service, errors: &mut FieldErrors) {
    object_meta_update(&new.metadata, &old.metadata, &Path::OBJECT.child("metadata"), errors);
    let path = Path::OBJECT.child("spec");
    let keeps_address = [new, old].into_iter().all(|service| &*service.spec.kind != "ExternalName");
    if keeps_address && !old.spec.cluster_ip.is_empty() && new.spec.cluster_ip != old.spec.cluster_ip {
        errors.invalid(&path.child("clusterIP"), &*new.spec.cluster_ip, IMMUTABLE);
    }
    spec(&new.spec, &path, errors);
}

fn spec(spec: &ServiceSpec, path: &Path<'_>, errors: &mut FieldErrors) {
    let is_headless = &*spec.cluster_ip == NONE;
    let ports = path.child("ports");
    if spec.ports.is_empty() && !is_headless && &*spec.kind != "ExternalName" {
        errors.required(&ports, "");
    }
    let is_alone = spec.ports.len() == 1;
    let mut seen = (BTreeSet::new(), BTreeSet::new());
    for (at, port) in spec.ports.iter().enumerate() {
        let path = ports.index(at);
        service_port(port, is_alone, &path, errors);
        if !port.name.is_empty() && !seen.0.insert(&port.name) {
            errors.duplicate(&path.child("name"), &*port.name);
        }
        if !seen.1.insert((&port.protocol, port.port)) {
            errors.duplicate(&path, format!("{}/{}", port.protocol, port.port).as_str());
        }
    }
    labels(&spec.selector, &path.child("selector"), errors);
    if !AFFINITIES.contains(&&*spec.session_affinity) {
        errors.not_supported(&path.child("sessionAffinity"), &spec.session_affinity, AFFINITIES);
    }
    if !TYPES.contains(&&*spec.kind) {
        errors.not_supported(&path.child("type"), &spec.kind, TYPES);
    }
    let is_address = spec.cluster_ip.is_empty() || is_headless || spec.cluster_ip.parse::<Ipv4Addr>().is_ok();
    if !is_address {
        errors.invalid(
            &path.child("clusterIPs").index(0),
            &*spec.cluster_ip,
            "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
        );
    }
    if is_headless && matches!(&*spec.kind, "NodePort" | "LoadBalancer") {
        let detail = format!("may not be set to 'None' for {} services", spec.kind);
        errors.invalid(&path.child("clusterIPs").index(0), NONE, detail);
    }
}

fn service_port(port: &ServicePort, is_alone: bool, path: &Path<'_>, errors: &mut FieldErrors) {
    const RANGE: &str = "must be between 1 and 65535, inclusive";
    if port.name.is_empty() && !is_alone {
        errors.required(&path.child("name"), "");
    } else if !port.name.is_empty() {
        invalid_text(&port.name, names::dns_label, &path.child("name"), errors);
    }
    if !(1..=65535).contains(&port.port) {
        errors.invalid(&path.child("port"), &port.port, RANGE);
    }
    if !PROTOCOLS.contains(&&*port.protocol) {
        errors.not_supported(&path.child("protocol"), &port.protocol, PROTOCOLS);
    }
    match &port.target_port {
        IntOrString::Int(number) if !(1..=65535).contains(number) => {
            errors.invalid(&path.child("targetPort"), number, RANGE);
        }
        IntOrString::Int(_) => {}
        IntOrString::Text(name) => invalid_text(name, names::port_name, &path.child("targetPort"), errors),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::manifest::defaults;
    use crate::manifest::wire::decode_json as decode;

    #[track_caller]
    fn check(spec: &Value, expected: &[&str]) {
        let manifest = json!({"metadata": {"name": "web", "namespace": "default"}, "spec": spec});
        let mut object: Service = decode(&manifest).unwrap();
        defaults::service(&mut object);
        let mut errors = FieldErrors::default();
        service(&object, &mut errors);
        let found: Vec<String> = errors.0.iter().map(ToString::to_string).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn ports_are_told_apart_by_names_and_numbers() {
        check(&json!({"ports": [{"port": 80}]}), &[]);
        check(&json!({"clusterIP": "None"}), &[]);
        check(&json!({"ports": [{"port": 80, "name": "a"}, {"port": 81, "name": "b"}]}), &[]);
        check(&json!({}), &["spec.ports: Required value"]);
        check(
            &json!({"ports": [{"port": 80}, {"port": 81, "name": "b"}]}),
            &["spec.ports[0].name: Required value"],
        );
        check(
            &json!({"ports": [{"port": 80, "name": "a"}, {"port": 80, "name": "a"}]}),
            &["spec.ports[1].name: Duplicate value: \"a\"", "spec.ports[1]: Duplicate value: \"TCP/80\""],
        );
    }

    #[test]
    fn words_and_numbers_must_be_those_of_the_api() {
        check(
            &json!({"ports": [{"port": 0, "targetPort": 70000, "protocol": "tcp"}]}),
            &[
                "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
                "spec.ports[0].protocol: Unsupported value: \"tcp\": supported values: \"SCTP\", \"TCP\", \"UDP\"",
                "spec.ports[0].targetPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
            ],
        );
        check(
            &json!({"ports": [{"port": 80}], "clusterIP": "10.0.0"}),
            &["spec.clusterIPs[0]: Invalid value: \"10.0.0\": must be a valid IP address, \
               (e.g. 10.9.8.7 or 2001:db8::ffff)"],
        );
    }
}
