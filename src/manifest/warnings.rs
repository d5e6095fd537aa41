//! What is accepted and yet most likely not meant: the API server's own warnings, and what the simulator can tell
//! from a manifest alone.
//!
//! Source: Kubernetes 1.28, pkg/api/pod/warnings.go, pkg/api/job/warnings.go, pkg/registry/batch. Where a comment says
//! `Ours`, the API server keeps silent.

mod placement;

use crate::manifest::field_error::{Path, Shown};
use crate::manifest::validation::names;
use crate::manifest::wire::amount::IntOrString;
use crate::manifest::wire::cronjob::{CronJob, CronJobSpec};
use crate::manifest::wire::job::{Job, JobSpec};
use crate::manifest::wire::meta::ObjectMeta;
use crate::manifest::wire::pod::{Container, ContainerPort, Pod, PodSpec, PodTemplateSpec};
use crate::manifest::wire::{ResourceList, StringMap};
use crate::model::cron_schedule::CronSchedule;
use crate::model::quantity::Quantity;
use crate::model::time_zone::load_zone;
use crate::model::unix_time::UnixTime;

const COMPLETIONS_SOFT_MAX: i32 = 100_000;
const PARALLELISM_SOFT_MAX: i32 = 10_000;
/// A starting deadline below this was less than the pause between two looks of old controllers [s].
const DEADLINE_DOCUMENTED_MIN: i64 = 10;
/// Any instant will do to find out whether a schedule ever fires: the search goes on for five years.
const SEARCH_START: UnixTime = UnixTime::EPOCH;

/// Something about one field that is most likely not meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldWarning {
    /// The field, as in `spec.containers[0].ports[1]`.
    pub path: String,
    /// What is odd about it.
    pub message: String,
}

/// Warnings in the order in which they were found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldWarnings(pub Vec<FieldWarning>);

impl FieldWarnings {
    fn push(&mut self, path: &Path<'_>, message: impl Into<String>) {
        self.0.push(FieldWarning { path: path.to_string(), message: message.into() });
    }

    fn name(&mut self, name: &str, used_in: &str) {
        let faults = names::dns_label(name);
        if !faults.is_empty() {
            let metadata = Path::OBJECT.child("metadata");
            let message = format!(
                "this is used in {used_in}, which can result in surprising behavior; a DNS label is recommended: \
                 [{}]",
                faults.join(" ")
            );
            self.push(&metadata.child("name"), message);
        }
    }
}

/// Looks over a pod.
pub fn pod(pod: &Pod, warnings: &mut FieldWarnings) {
    warnings.name(&pod.metadata.name, "the Pod's hostname");
    pod_spec(&pod.spec, &pod.metadata.labels, &Path::OBJECT.child("spec"), warnings);
}

/// Looks over a Job.
pub fn job(job: &Job, warnings: &mut FieldWarnings) {
    warnings.name(&job.metadata.name, "Pod names and hostnames");
    job_spec(&job.spec, &Path::OBJECT.child("spec"), warnings);
}

/// Looks over a workload whose pods are named after it.
pub fn template(metadata: &ObjectMeta, template: &PodTemplateSpec, warnings: &mut FieldWarnings) {
    warnings.name(&metadata.name, "Pod names and hostnames");
    let spec = Path::OBJECT.child("spec");
    let path = spec.child("template");
    pod_spec(&template.spec, &template.metadata.labels, &path.child("spec"), warnings);
}

/// Looks over a CronJob.
pub fn cronjob(cronjob: &CronJob, warnings: &mut FieldWarnings) {
    warnings.name(&cronjob.metadata.name, "Pod names and hostnames");
    let path = Path::OBJECT.child("spec");
    schedule(&cronjob.spec, &path.child("schedule"), warnings);
    starting_deadline(&cronjob.spec, &path.child("startingDeadlineSeconds"), warnings);
    let template = path.child("jobTemplate");
    job_spec(&cronjob.spec.job_template.spec, &template.child("spec"), warnings);
}

fn schedule(spec: &CronJobSpec, path: &Path<'_>, warnings: &mut FieldWarnings) {
    if spec.schedule.contains("TZ") {
        let message = "CRON_TZ or TZ used in spec.schedule is not officially supported, see \
            https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details";
        warnings.push(path, message);
    }
    let zone = spec.time_zone.as_ref().and_then(|zone| load_zone(zone).ok());
    let schedule = CronSchedule::with_zone(&spec.schedule, zone);
    // Ours.
    if schedule.is_ok_and(|schedule| schedule.next_after(SEARCH_START).is_none()) {
        warnings.push(path, "no day fits the schedule: it never fires");
    }
}

/// Ours: with 0 the run is too late by the 100 ms that the controller waits.
fn starting_deadline(spec: &CronJobSpec, path: &Path<'_>, warnings: &mut FieldWarnings) {
    match spec.starting_deadline_seconds {
        Some(0) => warnings.push(path, "no run can start within 0 s of its time: none ever does"),
        Some(secs) if (1..DEADLINE_DOCUMENTED_MIN).contains(&secs) => {
            let message = "below 10 s, a run is lost whenever the controller is a little late";
            warnings.push(path, message);
        }
        Some(_) | None => {}
    }
}

fn job_spec(spec: &JobSpec, path: &Path<'_>, warnings: &mut FieldWarnings) {
    let has_many = spec.completions.unwrap_or(0) > COMPLETIONS_SOFT_MAX
        && spec.parallelism.unwrap_or(0) > PARALLELISM_SOFT_MAX;
    if has_many && spec.completion_mode.as_deref() == Some("Indexed") {
        let message = "In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than \
            10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail";
        warnings.push(path, message);
    }
    // Ours.
    if spec.active_deadline_seconds == Some(0) {
        let message = "a Job with no time at all fails at once, before its first pod";
        warnings.push(&path.child("activeDeadlineSeconds"), message);
    }
    let template = path.child("template");
    let labels = &spec.template.metadata.labels;
    pod_spec(&spec.template.spec, labels, &template.child("spec"), warnings);
}

fn pod_spec(spec: &PodSpec, labels: &StringMap, path: &Path<'_>, warnings: &mut FieldWarnings) {
    placement::placement(spec, labels, path, warnings);
    fractional_bytes(&spec.overhead, &path.child("overhead"), warnings);
    for (field, containers) in [("initContainers", &spec.init_containers), ("containers", &spec.containers)] {
        let path = path.child(field);
        for (idx, container) in containers.iter().enumerate() {
            container_resources(container, &path.index(idx), warnings);
            probes(container, &path.index(idx), warnings);
        }
    }
    ports(spec, path, warnings);
    if spec.termination_grace_period_seconds.is_some_and(|secs| secs < 0) {
        let message = "must be >= 0; negative values are invalid and will be treated as 1";
        warnings.push(&path.child("terminationGracePeriodSeconds"), message);
    }
    // Ours.
    if !matches!(&*spec.scheduler_name, "" | "default-scheduler") && spec.node_name.is_empty() {
        let message =
            format!("no scheduler {} runs here: the pod stays Pending", spec.scheduler_name.shown());
        warnings.push(&path.child("schedulerName"), message);
    }
}

fn container_resources(container: &Container, path: &Path<'_>, warnings: &mut FieldWarnings) {
    let path = path.child("resources");
    fractional_bytes(&container.resources.limits, &path.child("limits"), warnings);
    fractional_bytes(&container.resources.requests, &path.child("requests"), warnings);
}

/// Ours: a name that no port of the container has.
fn probes(container: &Container, path: &Path<'_>, warnings: &mut FieldWarnings) {
    for (field, probe) in [
        ("livenessProbe", &container.liveness_probe),
        ("readinessProbe", &container.readiness_probe),
        ("startupProbe", &container.startup_probe),
    ] {
        let Some(handler) = probe.as_ref().map(|probe| &probe.handler) else { continue };
        let path = path.child(field);
        let asked = [
            ("httpGet", handler.http_get.as_ref().map(|http| &http.port)),
            ("tcpSocket", handler.tcp_socket.as_ref().map(|tcp| &tcp.port)),
        ];
        for (action, port) in asked {
            if let Some(IntOrString::Text(name)) = port
                && container.ports.iter().all(|port| port.name != *name)
            {
                let message = format!("no port of the container is called {name:?}: the probe is never made");
                let path = path.child(action);
                warnings.push(&path.child("port"), message);
            }
        }
    }
}

fn fractional_bytes(list: &ResourceList, path: &Path<'_>, warnings: &mut FieldWarnings) {
    for name in ["memory", "ephemeral-storage"] {
        let is_fractional = |amount: &&Quantity| **amount != Quantity::from_value(amount.value());
        if let Some(amount) = list.get(name).filter(is_fractional) {
            let message = format!("fractional byte value \"{amount}\" is invalid, must be an integer");
            warnings.push(&path.key(name), message);
        }
    }
}

/// A port that a container declares, and where.
struct Declared<'a> {
    container: &'a str,
    path: String,
    port: &'a ContainerPort,
}

/// Compares the ports of all containers that run at the same time: app containers and sidecars.
fn ports(spec: &PodSpec, path: &Path<'_>, warnings: &mut FieldWarnings) {
    let mut declared: Vec<Declared<'_>> = Vec::new();
    for (field, containers) in [("initContainers", &spec.init_containers), ("containers", &spec.containers)] {
        let path = path.child(field);
        let is_short =
            |container: &Container| field == "initContainers" && container.restart_policy.is_none();
        for (idx, container) in containers.iter().enumerate().filter(|(_, container)| !is_short(container)) {
            let container_path = path.index(idx);
            let ports = container_path.child("ports");
            for (idx, port) in container.ports.iter().enumerate() {
                let path = ports.index(idx);
                if !port.host_ip.is_empty() && port.host_port == 0 {
                    warnings.push(&path, "hostIP set without hostPort");
                }
                let this = Declared { container: &container.name, path: path.to_string(), port };
                for other in &declared {
                    if let Some(message) = clash(&this, other) {
                        warnings.push(&path, message);
                    }
                }
                declared.push(this);
            }
        }
    }
}

/// What is odd about two ports; they may be declared by one container.
fn clash(this: &Declared<'_>, other: &Declared<'_>) -> Option<String> {
    let (port, earlier) = (this.port, other.port);
    if (port.container_port, &port.protocol) != (earlier.container_port, &earlier.protocol) {
        return None;
    }
    let is_either_ip_open = port.host_ip.is_empty() != earlier.host_ip.is_empty();
    let kind = if (port.host_port, &port.host_ip) == (earlier.host_port, &earlier.host_ip) {
        "duplicate"
    } else if port.host_port == 0 || earlier.host_port == 0 {
        "overlapping"
    } else if port.host_port == earlier.host_port && is_either_ip_open {
        "dangerously ambiguous"
    } else {
        return None;
    };
    // Ours: what comes of it.
    let consequence = if this.container == other.container {
        String::new()
    } else {
        let (number, protocol) = (port.container_port, &port.protocol);
        format!(
            "; the containers of a pod share its ports: the second to listen on {number}/{protocol} fails"
        )
    };
    Some(format!("{kind} port definition with {}{consequence}", other.path))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::manifest::wire::decode_json as decode;

    fn lines(warnings: FieldWarnings) -> Vec<String> {
        warnings.0.into_iter().map(|warning| format!("{}: {}", warning.path, warning.message)).collect()
    }

    #[track_caller]
    fn check_pod(spec: Value, expected: &[&str]) {
        let mut warnings = FieldWarnings::default();
        pod(&decode(&json!({"metadata": {"name": "p"}, "spec": spec})).unwrap(), &mut warnings);
        assert_eq!(lines(warnings), expected);
    }

    #[test]
    fn two_containers_with_one_port_are_noticed() {
        let ports = |port: Value| json!({"ports": [port], "name": port.to_string()});
        let eighty = json!({"containerPort": 80, "protocol": "TCP"});
        let share = "the containers of a pod share its ports: the second to listen on 80/TCP fails";
        let pod = json!({"containers": [ports(eighty.clone()), {"name": "b", "ports": [eighty]}]});
        check_pod(
            pod,
            &[&format!(
                "spec.containers[1].ports[0]: duplicate port definition with spec.containers[0].ports[0]; {share}"
            )],
        );
        check_pod(
            json!({"containers": [ports(json!({"containerPort": 80})), ports(json!({"containerPort": 80, "protocol": "UDP"}))],
                   "initContainers": [ports(json!({"containerPort": 80}))]}),
            &[],
        );
    }

    #[test]
    fn host_ports_overlap_or_are_ambiguous() {
        let container = |ports: Value| json!({"containers": [{"name": "a", "ports": ports}]});
        check_pod(
            container(
                json!([{"containerPort": 80, "hostPort": 80}, {"containerPort": 80, "hostIP": "10.0.0.1"}]),
            ),
            &[
                "spec.containers[0].ports[1]: hostIP set without hostPort",
                "spec.containers[0].ports[1]: overlapping port definition with spec.containers[0].ports[0]",
            ],
        );
        check_pod(
            container(
                json!([{"containerPort": 80, "hostPort": 80, "hostIP": "10.0.0.1"}, {"containerPort": 80, "hostPort": 80}]),
            ),
            &[
                "spec.containers[0].ports[1]: dangerously ambiguous port definition with spec.containers[0].ports[0]",
            ],
        );
        check_pod(
            container(json!([{"containerPort": 80, "hostPort": 80}, {"containerPort": 80, "hostPort": 81}])),
            &[],
        );
    }

    #[test]
    fn odd_amounts_and_names_are_noticed() {
        check_pod(
            json!({"containers": [{"resources": {"requests": {"memory": "512m", "cpu": "512m"}}}],
                   "terminationGracePeriodSeconds": -1, "schedulerName": "mine"}),
            &[
                "spec.containers[0].resources.requests[memory]: fractional byte value \"512m\" is invalid, must be an \
                 integer",
                "spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1",
                "spec.schedulerName: no scheduler \"mine\" runs here: the pod stays Pending",
            ],
        );
    }

    #[test]
    fn a_probe_of_a_port_that_nobody_has_is_noticed() {
        let probe = json!({"httpGet": {"port": "web"}});
        let container = json!({"livenessProbe": probe, "readinessProbe": {"tcpSocket": {"port": 80}}});
        check_pod(
            json!({"containers": [container]}),
            &[
                "spec.containers[0].livenessProbe.httpGet.port: no port of the container is called \"web\": the probe is \
               never made",
            ],
        );
        let declared = json!([{"name": "web", "containerPort": 80}]);
        check_pod(json!({"containers": [{"livenessProbe": probe, "ports": declared}]}), &[]);
    }

    #[track_caller]
    fn check_cronjob(spec: Value, expected: &[&str]) {
        let mut warnings = FieldWarnings::default();
        cronjob(&decode(&json!({"metadata": {"name": "c"}, "spec": spec})).unwrap(), &mut warnings);
        assert_eq!(lines(warnings), expected);
    }

    #[test]
    fn a_cronjob_that_never_runs_is_noticed() {
        check_cronjob(json!({"schedule": "0 0 29 2 *", "startingDeadlineSeconds": 10}), &[]);
        check_cronjob(
            json!({"schedule": "0 0 30 2 *", "startingDeadlineSeconds": 0}),
            &[
                "spec.schedule: no day fits the schedule: it never fires",
                "spec.startingDeadlineSeconds: no run can start within 0 s of its time: none ever does",
            ],
        );
        check_cronjob(
            json!({"schedule": "@daily", "startingDeadlineSeconds": 9,
                   "jobTemplate": {"spec": {"activeDeadlineSeconds": 0}}}),
            &[
                "spec.startingDeadlineSeconds: below 10 s, a run is lost whenever the controller is a little late",
                "spec.jobTemplate.spec.activeDeadlineSeconds: a Job with no time at all fails at once, before its \
                 first pod",
            ],
        );
    }

    #[test]
    fn a_large_job_with_a_dotted_name_is_noticed() {
        let mut warnings = FieldWarnings::default();
        let spec = json!({"completionMode": "Indexed", "completions": 100_001, "parallelism": 10_001});
        job(&decode(&json!({"metadata": {"name": "a.b"}, "spec": spec})).unwrap(), &mut warnings);
        let lines = lines(warnings);
        assert!(lines[0].starts_with("metadata.name: this is used in Pod names and hostnames, which can"));
        assert!(lines[1].starts_with("spec: In Indexed Jobs with a number of completions higher than 10^5"));
    }
}
