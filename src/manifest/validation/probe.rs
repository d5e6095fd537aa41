//! Probes and lifecycle hooks.
//!
//! Source: Kubernetes 1.28, pkg/apis/core/validation/validation.go, validateProbe, validateHandler, validateLifecycle.

use crate::manifest::field_error::{FieldErrors, Path};
use crate::manifest::validation::{names, non_negative};
use crate::manifest::wire::amount::IntOrString;
use crate::manifest::wire::pod::Container;
use crate::manifest::wire::probe::{Handler, Probe, SleepAction};

const SCHEMES: &[&str] = &["HTTP", "HTTPS"];

/// Validates the hooks and probes of a container that may have some.
pub fn of_container(container: &Container, grace: Option<i64>, path: &Path<'_>, errors: &mut FieldErrors) {
    if let Some(lifecycle) = &container.lifecycle {
        let path = path.child("lifecycle");
        for (field, hook) in [("postStart", &lifecycle.post_start), ("preStop", &lifecycle.pre_stop)] {
            if let Some(hook) = hook {
                handler(hook, grace, &path.child(field), errors);
            }
        }
    }
    if let Some(liveness) = &container.liveness_probe {
        vital(liveness, grace, &path.child("livenessProbe"), errors);
    }
    if let Some(readiness) = &container.readiness_probe {
        let path = path.child("readinessProbe");
        probe(readiness, grace, &path, errors);
        if let Some(secs) = readiness.termination_grace_period_seconds {
            let path = path.child("terminationGracePeriodSeconds");
            errors.invalid(&path, &secs, "must not be set for readinessProbes");
        }
    }
    if let Some(startup) = &container.startup_probe {
        vital(startup, grace, &path.child("startupProbe"), errors);
    }
}

/// A probe whose failure ends the container.
fn vital(vital: &Probe, grace: Option<i64>, path: &Path<'_>, errors: &mut FieldErrors) {
    probe(vital, grace, path, errors);
    if vital.success_threshold != 1 {
        errors.invalid(&path.child("successThreshold"), &vital.success_threshold, "must be 1");
    }
}

fn probe(probe: &Probe, grace: Option<i64>, path: &Path<'_>, errors: &mut FieldErrors) {
    handler(&probe.handler, grace, path, errors);
    for (field, number) in [
        ("initialDelaySeconds", probe.initial_delay_seconds),
        ("timeoutSeconds", probe.timeout_seconds),
        ("periodSeconds", probe.period_seconds),
        ("successThreshold", probe.success_threshold),
        ("failureThreshold", probe.failure_threshold),
    ] {
        non_negative(Some(i64::from(number)), &path.child(field), errors);
    }
    if let Some(secs) = probe.termination_grace_period_seconds.filter(|secs| *secs <= 0) {
        errors.invalid(&path.child("terminationGracePeriodSeconds"), &secs, "must be greater than 0");
    }
}

fn handler(handler: &Handler, grace: Option<i64>, path: &Path<'_>, errors: &mut FieldErrors) {
    let given = [
        ("exec", handler.exec.is_some()),
        ("httpGet", handler.http_get.is_some()),
        ("tcpSocket", handler.tcp_socket.is_some()),
        ("grpc", handler.grpc.is_some()),
        ("sleep", handler.sleep.is_some()),
    ];
    let mut given = given.into_iter().filter(|(_, is_given)| *is_given).map(|(field, _)| field);
    let Some(first) = given.next() else { return errors.required(path, "must specify a handler type") };
    match first {
        "exec" => {
            if handler.exec.as_ref().is_some_and(|exec| exec.command.is_empty()) {
                let path = path.child("exec");
                errors.required(&path.child("command"), "");
            }
        }
        "httpGet" => http_get(handler, &path.child("httpGet"), errors),
        "tcpSocket" => {
            let path = path.child("tcpSocket");
            handler.tcp_socket.iter().for_each(|tcp| port(&tcp.port, &path.child("port"), errors));
        }
        "grpc" => {
            let path = path.child("grpc");
            let number = handler.grpc.as_ref().map_or(0, |grpc| grpc.port);
            port(&IntOrString::Int(number), &path.child("port"), errors);
        }
        _ => handler.sleep.iter().for_each(|action| sleep(action, grace, &path.child("sleep"), errors)),
    }
    for field in given {
        errors.forbidden(&path.child(field), "may not specify more than 1 handler type");
    }
}

fn http_get(handler: &Handler, path: &Path<'_>, errors: &mut FieldErrors) {
    let Some(http) = &handler.http_get else { return };
    if http.path.is_empty() {
        errors.required(&path.child("path"), "");
    }
    port(&http.port, &path.child("port"), errors);
    if !SCHEMES.contains(&&*http.scheme) {
        errors.not_supported(&path.child("scheme"), &http.scheme, SCHEMES);
    }
}

/// Source: Kubernetes 1.28, pkg/apis/core/validation/validation.go, ValidatePortNumOrName.
fn port(port: &IntOrString, path: &Path<'_>, errors: &mut FieldErrors) {
    match port {
        IntOrString::Int(number) if !(1..=65535).contains(number) => {
            errors.invalid(path, number, "must be between 1 and 65535, inclusive");
        }
        IntOrString::Int(_) => {}
        IntOrString::Text(name) => {
            for fault in names::port_name(name) {
                errors.invalid(path, &**name, fault);
            }
        }
    }
}

/// Source: Kubernetes 1.33, pkg/apis/core/validation/validation.go, validateSleepAction.
fn sleep(sleep: &SleepAction, grace: Option<i64>, path: &Path<'_>, errors: &mut FieldErrors) {
    if let Some(grace) = grace.filter(|grace| !(0..=*grace).contains(&sleep.seconds)) {
        let detail = format!("must be non-negative and less than terminationGracePeriodSeconds ({grace})");
        errors.invalid(path, &sleep.seconds, detail);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::manifest::defaults;
    use crate::manifest::wire::decode_json as decode;
    use crate::manifest::wire::pod::PodSpec;

    #[track_caller]
    fn check(fields: Value, expected: &[&str]) {
        let mut spec = json!({"containers": [{"name": "a", "image": "i"}]});
        crate::manifest::patch::merge(&mut spec["containers"][0], &fields);
        let mut spec: PodSpec = decode(&spec).unwrap();
        defaults::pod_spec(&mut spec);
        let mut errors = FieldErrors::default();
        let grace = spec.termination_grace_period_seconds;
        of_container(&spec.containers[0], grace, &Path::OBJECT.child("c"), &mut errors);
        let lines: Vec<_> = errors.0.iter().map(ToString::to_string).collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_probe_has_one_handler_and_sensible_numbers() {
        check(json!({"livenessProbe": {"httpGet": {"port": "http"}}}), &[]);
        check(json!({"readinessProbe": {"grpc": {"port": 80}, "successThreshold": 3}}), &[]);
        check(json!({"startupProbe": {}}), &["c.startupProbe: Required value: must specify a handler type"]);
        check(
            json!({"livenessProbe": {"exec": {}, "tcpSocket": {"port": 0}, "periodSeconds": -1}}),
            &[
                "c.livenessProbe.exec.command: Required value",
                "c.livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type",
                "c.livenessProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0",
            ],
        );
        check(
            json!({"startupProbe": {"tcpSocket": {"port": "a_b"}, "successThreshold": 2,
                                    "terminationGracePeriodSeconds": 0}}),
            &[
                "c.startupProbe.tcpSocket.port: Invalid value: \"a_b\": must contain only alpha-numeric characters \
                 (a-z, 0-9), and hyphens (-)",
                "c.startupProbe.terminationGracePeriodSeconds: Invalid value: 0: must be greater than 0",
                "c.startupProbe.successThreshold: Invalid value: 2: must be 1",
            ],
        );
        check(
            json!({"readinessProbe": {"httpGet": {"port": 70000, "scheme": "http"},
                                      "terminationGracePeriodSeconds": 5}}),
            &[
                "c.readinessProbe.httpGet.port: Invalid value: 70000: must be between 1 and 65535, inclusive",
                "c.readinessProbe.httpGet.scheme: Unsupported value: \"http\": supported values: \"HTTP\", \"HTTPS\"",
                "c.readinessProbe.terminationGracePeriodSeconds: Invalid value: 5: must not be set for readinessProbes",
            ],
        );
    }

    #[test]
    fn a_hook_sleeps_within_the_grace_period() {
        check(
            json!({"lifecycle": {"preStop": {"sleep": {"seconds": 30}}, "postStart": {"exec": {"command": ["a"]}}}}),
            &[],
        );
        check(
            json!({"lifecycle": {"preStop": {"sleep": {"seconds": 31}}, "postStart": {}}}),
            &[
                "c.lifecycle.postStart: Required value: must specify a handler type",
                "c.lifecycle.preStop.sleep: Invalid value: 31: must be non-negative and less than \
                 terminationGracePeriodSeconds (30)",
            ],
        );
    }
}
