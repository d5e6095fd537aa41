//! What the images of a cluster do, as far as manifests tell: nothing but which ports they listen on.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::import::kubectl::items::{Item, pod_spec_pointer};

/// What a container does by default.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Program {
    /// Listens on these ports (TCP, or with their protocol) and runs for ever.
    Forever(BTreeSet<(i64, String)>),
    /// Runs 10 s and exits with 0.
    Once,
    /// Runs 1 s and exits with 0: a container that prepares the others.
    Init,
}

/// The programs of all images. An image that does different things has several names then.
#[derive(Debug, Default)]
pub(super) struct Programs {
    /// By image: what its containers do, and how many do.
    by_image: BTreeMap<String, BTreeMap<Program, usize>>,
}

impl Programs {
    /// The programs of the containers of some objects; the images get the names of their programs.
    pub(super) fn of(items: &mut [Item]) -> Self {
        let mut programs = Self::default();
        for item in items.iter() {
            each_container(item, &mut |image, program| {
                *programs.by_image.entry(image.to_owned()).or_default().entry(program).or_default() += 1;
            });
        }
        for item in items {
            programs.rename(item);
        }
        programs
    }

    /// Every program: the name of the image, what it does, and how many containers do.
    pub(super) fn iter(&self) -> impl Iterator<Item = (String, &Program, usize)> {
        self.by_image.iter().flat_map(move |(image, programs)| {
            programs.iter().map(move |(program, count)| (self.name(image, program), program, *count))
        })
    }

    /// The image's own name for what most of its containers do, a name of its own for everything else.
    fn name(&self, image: &str, program: &Program) -> String {
        let programs = &self.by_image[image];
        let first = programs.iter().max_by_key(|(program, count)| (**count, std::cmp::Reverse(*program)));
        if first.is_some_and(|(first, _)| first == program) {
            return image.to_owned();
        }
        match program {
            Program::Once => format!("{image}#once"),
            Program::Init => format!("{image}#init"),
            Program::Forever(ports) if ports.is_empty() => format!("{image}#forever"),
            Program::Forever(ports) => {
                let ports: Vec<String> = ports.iter().map(|(port, _)| port.to_string()).collect();
                format!("{image}#{}", ports.join(","))
            }
        }
    }

    fn rename(&self, item: &mut Item) {
        let Some(pointer) = pod_spec_pointer(item.kind) else { return };
        let kind = item.kind;
        let Some(spec) = item.manifest.pointer_mut(pointer) else { return };
        let restarts = restarts(kind, spec);
        for containers in ["initContainers", "containers"] {
            for container in spec[containers].as_array_mut().into_iter().flatten() {
                let program = program(containers, container, restarts);
                if let Some(image) = container["image"].as_str() {
                    container["image"] = self.name(image, &program).into();
                }
            }
        }
    }
}

impl Program {
    /// As the value of an entry of `spec.images`.
    pub(super) fn yaml(&self) -> String {
        match self {
            Self::Once => "{steps: [{run: 10s}]}".to_owned(),
            Self::Init => "{steps: [{run: 1s}]}".to_owned(),
            Self::Forever(ports) => {
                let listen = |(port, protocol): &(i64, String)| match protocol.as_str() {
                    "TCP" => format!("{{listen: {port}}}, "),
                    other => format!("{{listen: {{port: {port}, protocol: {other}}}}}, "),
                };
                let listens: String = ports.iter().map(listen).collect();
                format!("{{steps: [{listens}{{run: forever}}]}}")
            }
        }
    }
}

fn each_container(item: &Item, see: &mut impl FnMut(&str, Program)) {
    let Some(spec) = item.pod_spec() else { return };
    let restarts = restarts(item.kind, spec);
    for containers in ["initContainers", "containers"] {
        for container in spec[containers].as_array().into_iter().flatten() {
            if let Some(image) = container["image"].as_str() {
                see(image, program(containers, container, restarts));
            }
        }
    }
}

/// Whether the containers of a pod are started again when they have succeeded.
fn restarts(kind: &str, spec: &Value) -> bool {
    let default = if matches!(kind, "Job" | "CronJob") { "Never" } else { "Always" };
    spec["restartPolicy"].as_str().unwrap_or(default) == "Always"
}

fn program(containers: &str, container: &Value, restarts: bool) -> Program {
    let is_init = containers == "initContainers";
    let is_sidecar = is_init && container["restartPolicy"] == "Always";
    if is_init && !is_sidecar {
        return Program::Init;
    }
    if !restarts && !is_sidecar {
        return Program::Once;
    }
    let declared = container["ports"].as_array().map(Vec::as_slice).unwrap_or_default();
    let protocol = |port: &Value| port["protocol"].as_str().unwrap_or("TCP").to_owned();
    let mut ports: BTreeSet<(i64, String)> =
        declared.iter().filter_map(|port| Some((port["containerPort"].as_i64()?, protocol(port)))).collect();
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        for action in ["httpGet", "tcpSocket", "grpc"] {
            let port = &container[probe][action]["port"];
            let named = declared.iter().find(|it| port.is_string() && it["name"] == *port);
            let number = port.as_i64().or_else(|| named?["containerPort"].as_i64());
            ports.extend(number.map(|number| (number, "TCP".to_owned())));
        }
    }
    Program::Forever(ports)
}
