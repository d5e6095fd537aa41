//! Names in a Scenario that lead nowhere, and steps that nothing gets to: slips of the pen most likely, and a warning each.
//!
//! Pods, and what controllers make besides them, have names that only a run can tell: nothing is said of those.

use std::collections::BTreeSet;

use crate::manifest::diagnostic::{Diagnostic, quoted};
use crate::manifest::load::{Head, Loader};
use crate::manifest::near_name::{hint, nearest};
use crate::manifest::scenario::read;
use crate::model::ids::Kind;
use crate::model::meta::Name;
use crate::model::node::LABEL_ZONE;
use crate::model::pod::PodSpec;
use crate::model::program::{Program, Step};
use crate::model::scenario::{Action, FaultTarget, NewObject, NewSpec, ObjectName, Scenario};
use crate::model::service::{ServiceAddress, ServicePort, ServiceSpec};
use crate::model::traffic::{Address, Host, HostName, PortName};

/// The path of a name, and what is odd about it.
type LooseEnd = (String, String);

impl Loader<'_> {
    /// Warns of names that lead nowhere. Where there are variants, images and parameters may be theirs.
    pub(super) fn warn_of_loose_ends(&mut self, head: &Head, scenario: &Scenario, variants: &[String]) {
        let Some(object) = head.object.as_ref().filter(|_| !self.diagnostics.has_errors()) else { return };
        let present = Present::of(scenario);
        let mut ends = Vec::new();
        if variants.is_empty() {
            ends.extend(self.idle_params(head));
            ends.extend(idle_images(head, scenario, &present));
        }
        ends.extend(unreached_steps(head));
        ends.extend(lost_requests(scenario, &present));
        ends.extend(lost_calls(head, scenario, &present));
        ends.extend(lost_actions(scenario, &present));
        ends.extend(lost_faults(scenario, &present));
        for (path, message) in ends {
            self.diagnostics.push(Diagnostic::warning(object.place_of(&path), message).at(path));
        }
    }

    fn idle_params(&self, head: &Head) -> Vec<LooseEnd> {
        let idle = head.params.keys().filter(|name| !self.used_params.contains(*name));
        let end = |name: &String| {
            (format!("spec.params.{name}"), format!("nothing stands as `${{{name}}}`: it changes nothing"))
        };
        idle.map(end).collect()
    }
}

/// The objects of the start, and those that are applied later on.
pub(super) struct Present<'a>(Vec<&'a NewObject>);

impl<'a> Present<'a> {
    pub(super) fn of(scenario: &'a Scenario) -> Self {
        let applied = scenario.timeline.iter().filter_map(|entry| match &entry.action {
            Action::Apply(objects) => Some(objects),
            _ => None,
        });
        Self(scenario.objects.iter().chain(applied.flatten()).collect())
    }

    fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &'a NewObject> {
        self.0.iter().copied().filter(move |object| object.spec.kind() == kind)
    }

    /// The pods that objects are or make, with their namespaces.
    fn pods(&self) -> impl Iterator<Item = (&'a Name, &'a PodSpec)> {
        self.0.iter().copied().filter_map(|object| Some((&object.namespace, object.spec.pod_spec()?)))
    }

    /// The pods with a container of an image.
    fn pods_of(&self, image: &str) -> impl Iterator<Item = (&'a Name, &'a PodSpec)> {
        self.pods().filter(move |(_, pod)| pod.all_containers().any(|container| &*container.image == image))
    }

    fn zones(&self) -> BTreeSet<&'a str> {
        self.of_kind(Kind::Node).filter_map(|node| node.labels.get(LABEL_ZONE).map(|zone| &**zone)).collect()
    }

    /// What to say of an object that is not there; `None` where one is. The name may end in `*`.
    fn absence(&self, wanted: &ObjectName) -> Option<String> {
        let is_wanted = |name: &str| match wanted.name.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => name == &*wanted.name,
        };
        let of_name = || self.of_kind(wanted.kind).filter(|object| is_wanted(&object.name));
        if of_name().any(|object| object.namespace == wanted.namespace) {
            return None;
        }
        let here = self.of_kind(wanted.kind).filter(|object| object.namespace == wanted.namespace);
        let elsewhere =
            of_name().next().map(|object| format!("; there is one in namespace {}", object.namespace));
        let near = || hint(&wanted.name, here.map(|object| &*object.name));
        Some(format!("there is no {wanted}{}", elsewhere.unwrap_or_else(near)))
    }

    /// What to say of a node that is not there.
    pub(super) fn lost_node(&self, name: &Name) -> Option<String> {
        self.absence(&ObjectName { kind: Kind::Node, namespace: "".into(), name: name.clone() })
    }

    /// What to say of a zone without a node.
    pub(super) fn lost_zone(&self, zone: &Name) -> Option<String> {
        let zones = self.zones();
        if zones.contains(&**zone) {
            return None;
        }
        Some(format!("there is no node in zone {zone}{}", hint(zone, zones.iter().copied())))
    }

    /// What to say of a Service's address that leads nowhere.
    fn lost_service(&self, host: &HostName, port: &PortName, sender: &Name) -> Option<String> {
        let namespace = host.namespace.clone().unwrap_or_else(|| sender.clone());
        let wanted = ObjectName { kind: Kind::Service, namespace, name: host.name.clone() };
        if let Some(absence) = self.absence(&wanted) {
            return Some(absence);
        }
        let services = self.of_kind(Kind::Service).filter_map(|object| match &object.spec {
            NewSpec::Service(spec)
                if (&object.namespace, &object.name) == (&wanted.namespace, &wanted.name) =>
            {
                Some(&**spec)
            }
            _ => None,
        });
        let mut services = services.peekable();
        let ports: Vec<String> = services.peek()?.ports.iter().map(shown_port).collect();
        if services.any(|service| answers(service, port)) {
            return None;
        }
        let known = if ports.is_empty() { "none".to_owned() } else { ports.join(", ") };
        Some(match port {
            PortName::Number(number) => format!("{wanted} has no port {number}; it has {known}"),
            PortName::Named(name) => format!("{wanted} has no port {}; it has {known}", quoted(name)),
            PortName::Only if ports.is_empty() => format!("{wanted} has no ports: it must give a number"),
            PortName::Only => format!("{wanted} has several ports: it must say which; it has {known}"),
        })
    }
}

/// Whether a connection to a port of a Service gets anywhere.
fn answers(service: &ServiceSpec, port: &PortName) -> bool {
    match port {
        // A name that stands for the pods themselves says nothing of their ports.
        PortName::Number(_) if service.address == ServiceAddress::Headless => true,
        PortName::Number(number) => service.ports.iter().any(|own| own.port == *number),
        PortName::Named(name) => service.ports.iter().any(|own| own.name.as_ref() == Some(name)),
        PortName::Only => service.ports.len() == 1,
    }
}

fn shown_port(port: &ServicePort) -> String {
    match &port.name {
        Some(name) => format!("{} ({name})", port.port),
        None => port.port.to_string(),
    }
}

/// What processes never get to.
fn unreached_steps(head: &Head) -> Vec<LooseEnd> {
    let message = "is never reached: the step before it does not end, or exits";
    let images = head.spec.images.iter();
    let paths = images.flat_map(|(name, image)| {
        read::unreached(image).into_iter().map(move |path| format!("spec.images[{name}].{path}"))
    });
    paths.map(|path| (path, message.to_owned())).collect()
}

/// Images that nothing runs.
fn idle_images(head: &Head, scenario: &Scenario, present: &Present<'_>) -> Vec<LooseEnd> {
    let run: BTreeSet<&str> =
        present.pods().flat_map(|(_, pod)| pod.all_containers().map(|container| &*container.image)).collect();
    let patches: Vec<String> = scenario
        .timeline
        .iter()
        .filter_map(|entry| match &entry.action {
            Action::Patch { merge, .. } => Some(merge.to_string()),
            _ => None,
        })
        .collect();
    let is_idle = |image: &&String| {
        let text = serde_json::Value::from(image.as_str()).to_string();
        !run.contains(image.as_str()) && !patches.iter().any(|patch| patch.contains(&text))
    };
    let undescribed = || run.iter().copied().filter(|image| !head.spec.images.contains_key(*image));
    let end = |image: &String| {
        let same_repository = || undescribed().find(|other| repository(other) == repository(image));
        let near = nearest(image, undescribed()).or_else(same_repository);
        let hint = near.map(|near| format!("; did you mean {}?", quoted(near))).unwrap_or_default();
        (format!("spec.images[{image}]"), format!("no container runs this image{hint}"))
    };
    head.spec.images.keys().filter(is_idle).map(end).collect()
}

/// An image without its tag.
fn repository(image: &str) -> &str {
    match image.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => image,
    }
}

/// Sources of requests that no Service of the name answers.
fn lost_requests(scenario: &Scenario, present: &Present<'_>) -> Vec<LooseEnd> {
    let sender: Name = "default".into();
    let sources = scenario.traffic.sources.iter().enumerate();
    let lost = sources.filter_map(|(idx, source)| {
        let Host::Service(host) = &source.to.host else { return None };
        let message = present.lost_service(host, &source.to.port, &sender)?;
        Some((format!("spec.traffic[{idx}].to"), message))
    });
    lost.collect()
}

/// Calls that no Service of the name, or no container of the pod, answers.
fn lost_calls(head: &Head, scenario: &Scenario, present: &Present<'_>) -> Vec<LooseEnd> {
    let mut ends = Vec::new();
    for image in head.spec.images.keys() {
        let Some(program) = scenario.programs.get(image.as_str()) else { continue };
        for (port, serve) in program.serves.iter().enumerate() {
            for (idx, call) in serve.calls.iter().enumerate() {
                let path = format!("spec.images[{image}].serve[{port}].calls[{idx}].to");
                let message = lost_call(&call.to, image, scenario, present);
                ends.extend(message.map(|message| (path, message)));
            }
        }
    }
    ends
}

fn lost_call(to: &Address, image: &str, scenario: &Scenario, present: &Present<'_>) -> Option<String> {
    match (&to.host, &to.port) {
        (Host::Service(host), port) => {
            present.pods_of(image).find_map(|(sender, _)| present.lost_service(host, port, sender))
        }
        (Host::Localhost, PortName::Number(port)) => {
            let mut pods = present.pods_of(image).peekable();
            pods.peek()?;
            let opens =
                |image: &Name| scenario.programs.get(image).is_some_and(|program| opens(program, *port));
            let is_open = |pod: &PodSpec| pod.all_containers().any(|container| opens(&container.image));
            if pods.any(|(_, pod)| is_open(pod)) {
                return None;
            }
            Some(format!("no container of its pods listens on port {port}"))
        }
        (Host::Localhost | Host::Pod(_), _) => None,
    }
}

/// Whether a program opens a port at some time.
fn opens(program: &Program, wanted: u16) -> bool {
    let listens = |step: &Step| matches!(step, Step::Listen { port, .. } if *port == wanted);
    program.serves.iter().any(|serve| serve.port == wanted) || program.attempts.iter().flatten().any(listens)
}

/// Entries of the timeline about objects that are not there.
fn lost_actions(scenario: &Scenario, present: &Present<'_>) -> Vec<LooseEnd> {
    let mut ends = Vec::new();
    for timed in &scenario.timeline {
        let Some(entry) = timed.entry else { continue };
        let end = |message: String| (format!("spec.timeline[{entry}]"), message);
        let node = |name: &Name| present.lost_node(name).map(end);
        let object = |object: &ObjectName| {
            let absence = present.absence(object).filter(|_| !may_be_made(object.kind, scenario, present));
            absence.map(end)
        };
        let zone = |zone: &Name| present.lost_zone(zone).map(end);
        match &timed.action {
            Action::Patch { object: name, .. } => ends.extend(object(name)),
            Action::Delete { object: name, .. } => ends.extend(object(name)),
            Action::FailNode(name)
            | Action::RecoverNode(name)
            | Action::ShutDownNode(name)
            | Action::StopKubelet(name)
            | Action::StartKubelet(name)
            | Action::Cordon { node: name, .. } => ends.extend(node(name)),
            Action::Drain(order) => ends.extend(node(&order.node)),
            Action::FailZone(name) | Action::RecoverZone(name) => ends.extend(zone(name)),
            Action::Partition(partition) => {
                ends.extend(partition.zones.iter().filter_map(zone));
            }
            Action::Apply(_)
            | Action::Kill { .. }
            | Action::Evict { .. }
            | Action::Heal(_)
            | Action::StopComponent(_)
            | Action::StartComponent(_) => {}
        }
    }
    ends
}

/// Whether objects of a kind may come that nobody has written.
fn may_be_made(kind: Kind, scenario: &Scenario, present: &Present<'_>) -> bool {
    match kind {
        Kind::Pod => true,
        Kind::Job => scenario.trace.is_some() || present.of_kind(Kind::CronJob).next().is_some(),
        Kind::ReplicaSet => present.of_kind(Kind::Deployment).next().is_some(),
        _ => false,
    }
}

/// What fails by chance and is not there.
fn lost_faults(scenario: &Scenario, present: &Present<'_>) -> Vec<LooseEnd> {
    let faults = scenario.faults.iter().enumerate();
    let lost = faults.filter_map(|(idx, fault)| match &fault.target {
        FaultTarget::Nodes(name) => Some((format!("spec.faults[{idx}].nodes"), present.lost_node(name)?)),
        FaultTarget::Zone(zone) => Some((format!("spec.faults[{idx}].zone"), present.lost_zone(zone)?)),
    });
    lost.collect()
}
