//! Probes and lifecycle hooks to the model. Names of ports become their numbers.

use crate::engine::SimDuration;
use crate::manifest::convert::pod::seconds;
use crate::manifest::wire::amount::IntOrString;
use crate::manifest::wire::pod::Container;
use crate::manifest::wire::probe::{Handler, Probe as WrittenProbe};
use crate::model::probe::{HookAction, Lifecycle, Probe, ProbeAction, ProbePort, Probes};

/// The probes of a container.
pub(super) fn probes(container: &Container) -> Probes {
    let of = |written: &Option<WrittenProbe>| written.as_ref().map(|written| probe(written, container));
    Probes {
        startup: of(&container.startup_probe),
        liveness: of(&container.liveness_probe),
        readiness: of(&container.readiness_probe),
    }
}

/// The lifecycle hooks of a container.
pub(super) fn lifecycle(container: &Container) -> Lifecycle {
    let of = |handler: &Option<Handler>| handler.as_ref().map(|handler| hook(handler, container));
    let lifecycle = container.lifecycle.as_ref();
    let lifecycle =
        lifecycle.map(|hooks| Lifecycle { post_start: of(&hooks.post_start), pre_stop: of(&hooks.pre_stop) });
    lifecycle.unwrap_or_default()
}

fn probe(written: &WrittenProbe, container: &Container) -> Probe {
    let number = |number: i32| u32::try_from(number).expect("validation refuses numbers below zero");
    let span = |secs: i32| SimDuration::from_secs(u64::from(number(secs)));
    Probe {
        action: action(&written.handler, container),
        initial_delay: span(written.initial_delay_seconds),
        period: span(written.period_seconds),
        timeout: span(written.timeout_seconds),
        success_threshold: number(written.success_threshold),
        failure_threshold: number(written.failure_threshold),
        termination_grace: written.termination_grace_period_seconds.map(seconds),
    }
}

fn action(handler: &Handler, container: &Container) -> ProbeAction {
    match handler {
        Handler { exec: Some(exec), .. } => ProbeAction::Exec { command: exec.command.join(" ").into() },
        Handler { http_get: Some(http), .. } => ProbeAction::HttpGet {
            scheme: if &*http.scheme == "HTTPS" { "https" } else { "http" },
            port: port(&http.port, container),
            path: if http.path.starts_with('/') {
                http.path.clone()
            } else {
                format!("/{}", http.path).into()
            },
        },
        Handler { tcp_socket: Some(tcp), .. } => ProbeAction::TcpSocket(port(&tcp.port, container)),
        Handler { grpc: Some(grpc), .. } => ProbeAction::Grpc(port(&IntOrString::Int(grpc.port), container)),
        Handler { .. } => unreachable!("validation wants a handler"),
    }
}

fn hook(handler: &Handler, container: &Container) -> HookAction {
    match handler {
        Handler { exec: Some(_), .. } => HookAction::Exec,
        Handler { http_get: Some(http), .. } => HookAction::HttpGet(match port(&http.port, container) {
            ProbePort::Number(port) => Some(port),
            ProbePort::Unknown(_) => None,
        }),
        Handler { sleep: Some(sleep), .. } => HookAction::Sleep(seconds(sleep.seconds)),
        Handler { .. } => unreachable!("validation wants a handler"),
    }
}

/// Source: Kubernetes 1.28, pkg/probe/util.go, ResolveContainerPort.
fn port(port: &IntOrString, container: &Container) -> ProbePort {
    let number = |port: i32| u16::try_from(port).expect("validation keeps ports in their range");
    match port {
        IntOrString::Int(port) => ProbePort::Number(number(*port)),
        IntOrString::Text(name) => {
            let declared = container.ports.iter().find(|port| port.name == *name);
            declared.map_or_else(
                || ProbePort::Unknown(name.clone()),
                |port| ProbePort::Number(number(port.container_port)),
            )
        }
    }
}
