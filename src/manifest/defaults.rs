//! What the API server fills in before it validates.
//!
//! Source: Kubernetes 1.28, pkg/apis/core/v1/defaults.go, pkg/apis/batch/v1/defaults.go, pkg/apis/apps/v1/defaults.go.

pub mod sets;
pub mod workloads;

pub mod horizontal_pod_autoscaler;

use serde_json::{Value, json};

use crate::manifest::wire::amount::IntOrString;
use crate::manifest::wire::cronjob::CronJob;
use crate::manifest::wire::job::{Job, JobSpec};
use crate::manifest::wire::meta::LabelSelector;
use crate::manifest::wire::node::Node;
use crate::manifest::wire::pod::{Container, Pod, PodSpec, Volume};
use crate::manifest::wire::probe::{Handler, Probe};
use crate::manifest::wire::service::Service;
use crate::manifest::wire::{Others, ResourceList};
use crate::model::meta::Name;
use crate::model::profile::{Feature, Profile};
use crate::model::quantity::Quantity;

/// The pods that a kubelet runs at most where nothing else is said.
/// Source: Kubernetes 1.28, pkg/kubelet/apis/config/v1beta1/defaults.go, MaxPods.
const PODS_PER_NODE: i64 = 110;

/// The labels by which a Job's pods are told from those of others, and what they hold.
///
/// Source: Kubernetes 1.28, pkg/apis/batch/types.go.
pub mod job_labels {
    /// The Job's uid.
    pub const CONTROLLER_UID: &str = "batch.kubernetes.io/controller-uid";
    /// The Job's uid, in the label of old.
    pub const LEGACY_CONTROLLER_UID: &str = "controller-uid";
    /// The Job's name.
    pub const JOB_NAME: &str = "batch.kubernetes.io/job-name";
    /// The Job's name, in the label of old.
    pub const LEGACY_JOB_NAME: &str = "job-name";
    /// All of them.
    pub const ALL: [&str; 4] = [CONTROLLER_UID, LEGACY_CONTROLLER_UID, JOB_NAME, LEGACY_JOB_NAME];
}

/// Fills in a pod.
///
/// Source: Kubernetes 1.28, pkg/apis/core/v1/defaults.go, SetDefaults_Pod.
pub fn pod(pod: &mut Pod) {
    pod_spec(&mut pod.spec);
    created_pod_spec(&mut pod.spec);
}

/// Fills in a Service.
///
/// Source: Kubernetes 1.28, pkg/apis/core/v1/defaults.go, SetDefaults_Service.
pub fn service(service: &mut Service) {
    let spec = &mut service.spec;
    fill(&mut spec.session_affinity, "None");
    fill(&mut spec.kind, "ClusterIP");
    for port in &mut spec.ports {
        fill(&mut port.protocol, "TCP");
        let is_given = match &port.target_port {
            IntOrString::Int(number) => *number != 0,
            IntOrString::Text(name) => !name.is_empty(),
        };
        if !is_given {
            port.target_port = IntOrString::Int(port.port);
        }
    }
}

/// Fills in what pods and pod templates have in common.
///
/// Source: Kubernetes 1.28, pkg/apis/core/v1/defaults.go, SetDefaults_PodSpec, SetDefaults_Container.
pub fn pod_spec(spec: &mut PodSpec) {
    fill(&mut spec.dns_policy, "ClusterFirst");
    fill(&mut spec.restart_policy, "Always");
    fill(&mut spec.scheduler_name, "default-scheduler");
    spec.termination_grace_period_seconds.get_or_insert(30);
    round_up(&mut spec.overhead);
    spec.volumes.iter_mut().for_each(volume);
    spec.init_containers.iter_mut().chain(&mut spec.containers).for_each(container);
}

/// Fills in fields without effect on behaviour, so that spelling out a default is no change of them.
pub fn inert_fields(spec: &mut PodSpec) {
    spec.others.retain(|_, value| !value.is_null());
    fill_other(&mut spec.others, "securityContext", json!({}));
    fill_other(&mut spec.others, "enableServiceLinks", json!(true));
    for container in spec.init_containers.iter_mut().chain(&mut spec.containers) {
        container.others.retain(|_, value| !value.is_null());
        fill_other(&mut container.others, "terminationMessagePath", json!("/dev/termination-log"));
    }
}

fn container(container: &mut Container) {
    if container.image_pull_policy.is_empty() {
        let policy = if has_latest_tag(&container.image) { "Always" } else { "IfNotPresent" };
        container.image_pull_policy = policy.into();
    }
    fill(&mut container.termination_message_policy, "File");
    for port in &mut container.ports {
        fill(&mut port.protocol, "TCP");
    }
    round_up(&mut container.resources.limits);
    round_up(&mut container.resources.requests);
    let probes =
        [&mut container.liveness_probe, &mut container.readiness_probe, &mut container.startup_probe];
    probes.into_iter().flatten().for_each(probe);
    let hooks = container.lifecycle.iter_mut().flat_map(|hooks| [&mut hooks.post_start, &mut hooks.pre_stop]);
    hooks.flatten().for_each(handler);
}

/// Source: Kubernetes 1.28, pkg/apis/core/v1/defaults.go, SetDefaults_Probe.
fn probe(probe: &mut Probe) {
    for (field, value) in [
        (&mut probe.timeout_seconds, 1),
        (&mut probe.period_seconds, 10),
        (&mut probe.success_threshold, 1),
        (&mut probe.failure_threshold, 3),
    ] {
        if *field == 0 {
            *field = value;
        }
    }
    handler(&mut probe.handler);
}

/// Source: Kubernetes 1.28, pkg/apis/core/v1/defaults.go, SetDefaults_HTTPGetAction.
fn handler(handler: &mut Handler) {
    if let Some(http) = &mut handler.http_get {
        fill(&mut http.path, "/");
        fill(&mut http.scheme, "HTTP");
    }
}

/// A volume without a source is an emptyDir.
fn volume(volume: &mut Volume) {
    volume.sources.retain(|_, source| !source.is_null());
    if volume.sources.is_empty() {
        volume.sources.insert("emptyDir".to_owned(), json!({}));
    }
}

/// Fills in what a pod template leaves open and the pods made of it get at their creation.
///
/// Source: Kubernetes 1.28, pkg/apis/core/v1/defaults.go, SetDefaults_Pod, defaultHostNetworkPorts.
pub fn created_pod_spec(spec: &mut PodSpec) {
    let is_host_network = spec.host_network;
    for container in spec.init_containers.iter_mut().chain(&mut spec.containers) {
        for (resource, limit) in &container.resources.limits {
            container.resources.requests.entry(resource.clone()).or_insert(*limit);
        }
        for port in container.ports.iter_mut().filter(|port| is_host_network && port.host_port == 0) {
            port.host_port = port.container_port;
        }
    }
}

/// Whether an image is named with the tag `latest`, or with neither tag nor digest.
///
/// Source: Kubernetes 1.28, pkg/util/parsers/parsers.go, ParseImageName.
fn has_latest_tag(image: &str) -> bool {
    if image.contains('@') {
        return image.split('@').next().is_some_and(|name| name.ends_with(":latest"));
    }
    let last_part = image.rsplit('/').next().unwrap_or(image);
    last_part.split_once(':').is_none_or(|(_, tag)| tag == "latest")
}

/// Fills in a Job.
///
/// Source: Kubernetes 1.28, pkg/apis/batch/v1/defaults.go, SetDefaults_Job.
pub fn job(job: &mut Job, profile: &Profile) {
    job_spec(&mut job.spec, profile);
    if job.metadata.labels.is_empty() {
        job.metadata.labels = job.spec.template.metadata.labels.clone();
    }
}

/// Fills in the spec of a Job or of a CronJob's template.
///
/// Source: Kubernetes 1.29, pkg/apis/batch/v1/defaults.go, SetDefaults_Job.
pub fn job_spec(spec: &mut JobSpec, profile: &Profile) {
    if spec.completions.is_none() && spec.parallelism.is_none() {
        spec.completions = Some(1);
    }
    spec.parallelism.get_or_insert(1);
    let backoff_limit = if spec.backoff_limit_per_index.is_some() { i32::MAX } else { 6 };
    spec.backoff_limit.get_or_insert(backoff_limit);
    spec.completion_mode.get_or_insert_with(|| "NonIndexed".into());
    spec.suspend.get_or_insert(false);
    if profile.has(Feature::JobPodReplacementPolicy) {
        let has_failure_policy = spec.pod_failure_policy.is_some();
        let policy = if has_failure_policy { "Failed" } else { "TerminatingOrFailed" };
        spec.pod_replacement_policy.get_or_insert_with(|| policy.into());
    }
    let rules = spec.pod_failure_policy.iter_mut().flat_map(|policy| &mut policy.rules);
    for condition in rules.flat_map(|rule| &mut rule.on_pod_conditions) {
        fill(&mut condition.status, "True");
    }
    pod_spec(&mut spec.template.spec);
}

/// Gives a Job of this name and uid the selector, and its pods the labels, by which it finds them, unless the user
/// wants to.
///
/// Labels that are there stay, and validation judges them.
/// Source: Kubernetes 1.28, pkg/registry/batch/job/strategy.go, generateSelector.
pub fn job_selector(spec: &mut JobSpec, name: &Name, uid: &Name) {
    if spec.manual_selector == Some(true) {
        return;
    }
    let labels = &mut spec.template.metadata.labels;
    for (label, value) in [
        (job_labels::LEGACY_JOB_NAME, name),
        (job_labels::JOB_NAME, name),
        (job_labels::LEGACY_CONTROLLER_UID, uid),
        (job_labels::CONTROLLER_UID, uid),
    ] {
        labels.entry(label.into()).or_insert_with(|| value.clone());
    }
    let selector = spec.selector.get_or_insert_with(LabelSelector::default);
    selector.match_labels.entry(job_labels::CONTROLLER_UID.into()).or_insert_with(|| uid.clone());
}

/// Fills in a CronJob and the Jobs that it makes.
///
/// Source: Kubernetes 1.28, pkg/apis/batch/v1/defaults.go, SetDefaults_CronJob.
pub fn cronjob(cronjob: &mut CronJob, profile: &Profile) {
    let spec = &mut cronjob.spec;
    fill(&mut spec.concurrency_policy, "Allow");
    spec.suspend.get_or_insert(false);
    spec.successful_jobs_history_limit.get_or_insert(3);
    spec.failed_jobs_history_limit.get_or_insert(1);
    job_spec(&mut spec.job_template.spec, profile);
}

/// Fills in a node: what a kubelet would report. Of capacity and allocatable one gives the other, resource by
/// resource.
///
/// Source: Kubernetes 1.28, pkg/apis/core/v1/defaults.go, SetDefaults_NodeStatus.
pub fn node(node: &mut Node) {
    let status = &mut node.status;
    if !(status.capacity.is_empty() && status.allocatable.is_empty()) {
        let pods = Quantity::from_value(PODS_PER_NODE);
        let is_known = status.capacity.contains_key("pods") || status.allocatable.contains_key("pods");
        if !is_known {
            status.capacity.insert("pods".into(), pods);
        }
    }
    fill_resources(&mut status.capacity, &status.allocatable);
    fill_resources(&mut status.allocatable, &status.capacity);
    round_up(&mut status.capacity);
    round_up(&mut status.allocatable);
    let name = node.metadata.name.clone();
    node.metadata.labels.entry(crate::model::node::LABEL_HOSTNAME.into()).or_insert(name);
}

fn fill_resources(list: &mut ResourceList, from: &ResourceList) {
    for (resource, amount) in from {
        list.entry(resource.clone()).or_insert(*amount);
    }
}

/// Source: Kubernetes 1.28, pkg/apis/core/v1/defaults.go, SetDefaults_ResourceList.
fn round_up(list: &mut ResourceList) {
    for amount in list.values_mut() {
        *amount = amount.rounded_up_to_millis();
    }
}

fn fill(field: &mut Name, value: &str) {
    if field.is_empty() {
        *field = value.into();
    }
}

fn fill_other(others: &mut Others, name: &str, value: Value) {
    others.entry(name.to_owned()).or_insert(value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::wire::decode_json as decode;

    fn job_with(spec: Value) -> JobSpec {
        let mut spec: JobSpec = decode(&spec).unwrap();
        job_spec(&mut spec, &Profile::default());
        spec
    }

    #[test]
    fn the_pull_policy_follows_from_the_tag() {
        for image in ["nginx", "nginx:latest", "reg.example:5000/a/nginx", "nginx:latest@sha256:00"] {
            assert!(has_latest_tag(image), "{image}");
        }
        for image in
            ["nginx:1", "reg.example:5000/nginx:1.2", "nginx@sha256:00", "batch-job/1.0:x", "a:latest/b:2"]
        {
            assert!(!has_latest_tag(image), "{image}");
        }
    }

    #[test]
    fn completions_and_parallelism_depend_on_each_other() {
        #[track_caller]
        fn check(spec: Value, completions: Option<i32>, parallelism: i32) {
            let spec = job_with(spec);
            assert_eq!((spec.completions, spec.parallelism), (completions, Some(parallelism)));
        }
        check(json!({}), Some(1), 1);
        check(json!({"completions": 5}), Some(5), 1);
        check(json!({"parallelism": 5}), None, 5);
        check(json!({"parallelism": 0}), None, 0);
        check(json!({"completions": 5, "parallelism": 2}), Some(5), 2);
    }

    #[test]
    fn the_limits_of_a_job_depend_on_its_other_fields() {
        assert_eq!(job_with(json!({})).backoff_limit, Some(6));
        assert_eq!(job_with(json!({"backoffLimitPerIndex": 1})).backoff_limit, Some(i32::MAX));
        let policy = |spec| job_with(spec).pod_replacement_policy;
        assert_eq!(policy(json!({})).as_deref(), Some("TerminatingOrFailed"));
        assert_eq!(policy(json!({"podFailurePolicy": {"rules": []}})).as_deref(), Some("Failed"));
        let mut old = JobSpec::default();
        job_spec(&mut old, &Profile::new("1.28".parse().unwrap()));
        assert_eq!(old.pod_replacement_policy, None);
    }

    #[test]
    fn a_created_pod_requests_what_it_is_limited_to() {
        let mut pod: Pod = decode(&json!({"spec": {"hostNetwork": true, "containers": [{
            "resources": {"limits": {"cpu": "0.0001", "memory": "1Gi"}, "requests": {"memory": "1Mi"}},
            "ports": [{"containerPort": 80}, {"containerPort": 81, "hostPort": 82}],
        }]}}))
        .unwrap();
        super::pod(&mut pod);
        let container = &pod.spec.containers[0];
        let requests: Vec<_> =
            container.resources.requests.iter().map(|(name, amount)| format!("{name}={amount}")).collect();
        assert_eq!(requests, ["cpu=1m", "memory=1Mi"]);
        let host_ports: Vec<_> = container.ports.iter().map(|port| port.host_port).collect();
        assert_eq!(host_ports, [80, 82]);
        assert_eq!(&*container.ports[0].protocol, "TCP");
    }

    #[test]
    fn a_template_leaves_requests_and_host_ports_open() {
        let spec = job_with(json!({"template": {"spec": {"hostNetwork": true, "containers": [{
            "resources": {"limits": {"cpu": 1}}, "ports": [{"containerPort": 80}]}]}}}));
        let container = &spec.template.spec.containers[0];
        assert!(container.resources.requests.is_empty());
        assert_eq!(container.ports[0].host_port, 0);
    }

    #[test]
    fn capacity_and_allocatable_give_each_other() {
        #[track_caller]
        fn check(status: Value, capacity: &str, allocatable: &str) {
            let mut node: Node = decode(&json!({"metadata": {"name": "n"}, "status": status})).unwrap();
            super::node(&mut node);
            let shown = |list: &ResourceList| {
                list.iter().map(|(name, amount)| format!("{name}={amount}")).collect::<Vec<_>>().join(" ")
            };
            assert_eq!(shown(&node.status.capacity), capacity);
            assert_eq!(shown(&node.status.allocatable), allocatable);
        }
        check(json!({"capacity": {"cpu": 4}}), "cpu=4 pods=110", "cpu=4 pods=110");
        check(json!({"allocatable": {"cpu": 4, "pods": 9}}), "cpu=4 pods=9", "cpu=4 pods=9");
        check(
            json!({"capacity": {"cpu": 4, "memory": "1Gi"}, "allocatable": {"cpu": 3}}),
            "cpu=4 memory=1Gi pods=110",
            "cpu=3 memory=1Gi pods=110",
        );
        check(json!({}), "", "");
    }
}
