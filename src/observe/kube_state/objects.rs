//! What is sampled of each kind of object.

use crate::cluster::Cluster;
use crate::engine::SimTime;
use crate::model::ids::ObjectId;
use crate::model::job::{JobConditionType, JobSpec};
use crate::model::meta::{ObjectMeta, Owner};
use crate::model::node::{ConditionStatus, Node, NodeCondition};
use crate::model::pod::{Container, ContainerResources, Pod};
use crate::model::pod_status::{ContainerState, ContainerStatus, Phase};
use crate::model::resources::Resources;
use crate::observe::kube_state::KubeState;

const PHASES: [Phase; 4] = [Phase::Pending, Phase::Running, Phase::Succeeded, Phase::Failed];
const STATUSES: [(ConditionStatus, &str); 3] = [
    (ConditionStatus::True, "true"),
    (ConditionStatus::False, "false"),
    (ConditionStatus::Unknown, "unknown"),
];

/// Samples objects at an instant.
struct Sampler<'a> {
    state: &'a mut KubeState,
    at: SimTime,
}

impl Sampler<'_> {
    fn put(&mut self, family: &'static str, labels: &[(&str, &str)], value: f64) {
        self.state.put(self.at, family, labels, value);
    }

    fn count(&mut self, family: &'static str, labels: &[(&str, &str)], value: u32) {
        self.put(family, labels, f64::from(value));
    }

    fn flag(&mut self, family: &'static str, labels: &[(&str, &str)], is_so: bool) {
        self.count(family, labels, u32::from(is_so));
    }

    /// A civil time [s since 1970].
    fn time(&mut self, family: &'static str, labels: &[(&str, &str)], at: SimTime) {
        let secs = self.state.clock.at(at).secs();
        self.put(family, labels, secs as f64);
    }

    /// A condition: 1 for the status that it has.
    fn condition(
        &mut self,
        family: &'static str,
        labels: &[(&str, &str)],
        name: &str,
        found: ConditionStatus,
    ) {
        for (status, text) in STATUSES {
            let own = [("condition", name), ("status", text)];
            self.flag(family, &[labels, &own].concat(), status == found);
        }
    }

    fn resources(&mut self, family: &'static str, labels: &[(&str, &str)], amounts: &Resources) {
        let rows = [("cpu", "core", amounts.cpu.0 as f64 / 1e3), ("memory", "byte", amounts.memory.0 as f64)];
        for (resource, unit, value) in rows {
            self.put(family, &[labels, &[("resource", resource), ("unit", unit)]].concat(), value);
        }
    }
}

/// Nodes.
pub(super) fn nodes(state: &mut KubeState, at: SimTime, cluster: &Cluster) {
    let mut sampler = Sampler { state, at };
    for (_, node) in cluster.nodes().iter() {
        sample_node(&mut sampler, node);
    }
}

fn sample_node(sampler: &mut Sampler<'_>, node: &Node) {
    let (spec, own) = (&node.spec, [("node", &*node.meta.name)]);
    sampler.put("kube_node_info", &own, 1.0);
    sampler.time("kube_node_created", &own, node.meta.created);
    sampler.flag("kube_node_spec_unschedulable", &own, spec.unschedulable);
    for taint in &spec.taints {
        let effect = format!("{:?}", taint.effect);
        let of_taint = [("key", &*taint.key), ("value", &*taint.value), ("effect", &*effect)];
        sampler.put("kube_node_spec_taint", &[&own[..], &of_taint].concat(), 1.0);
    }
    sampler.condition("kube_node_status_condition", &own, "Ready", node.ready.status);
    for condition in NodeCondition::OF_KUBELET {
        let status = node.condition(condition);
        sampler.condition("kube_node_status_condition", &own, condition.as_str(), status);
    }
    let sizes =
        [("kube_node_status_capacity", &spec.capacity), ("kube_node_status_allocatable", &spec.allocatable)];
    for (family, amounts) in sizes {
        sampler.resources(family, &own, amounts);
        let pods = [own[0], ("resource", "pods"), ("unit", "integer")];
        sampler.count(family, &pods, spec.max_pods);
    }
}

/// Pods and their containers.
pub(super) fn pods(state: &mut KubeState, at: SimTime, cluster: &Cluster) {
    let mut sampler = Sampler { state, at };
    for (_, pod) in cluster.pods().iter() {
        let node = pod.node.map(|node| cluster.name_of(ObjectId::Node(node)));
        sample_pod(&mut sampler, pod, node.as_deref().unwrap_or_default());
        let statuses = pod.spec.containers.iter().zip(&pod.status.containers);
        for (container, status) in statuses {
            sample_container(&mut sampler, pod, container, status);
        }
    }
}

fn sample_pod(sampler: &mut Sampler<'_>, pod: &Pod, node: &str) {
    let (meta, status) = (&pod.meta, &pod.status);
    let uid = meta.uid.to_string();
    let own = [("namespace", &*meta.namespace), ("pod", &*meta.name), ("uid", &uid)];
    let ip = status.pod_ip.map(|ip| ip.to_string()).unwrap_or_default();
    let (owner_kind, owner_name) = owner_texts(meta.owner.as_ref());
    let info =
        [("node", node), ("pod_ip", &ip), ("created_by_kind", owner_kind), ("created_by_name", owner_name)];
    sampler.put("kube_pod_info", &[&own[..], &info].concat(), 1.0);
    sampler.time("kube_pod_created", &own, meta.created);
    if let Some(deletion) = &meta.deletion {
        sampler.time("kube_pod_deletion_timestamp", &own, deletion.requested + deletion.grace);
    }
    for phase in PHASES {
        let labels = [own[0], own[1], own[2], ("phase", phase.as_str())];
        sampler.flag("kube_pod_status_phase", &labels, status.phase == phase);
    }
    if let Some(reason) = &status.reason {
        let reason = reason.to_string();
        sampler.put("kube_pod_status_reason", &[own[0], own[1], own[2], ("reason", &reason)], 1.0);
    }
    let conditions = &status.conditions;
    let pairs =
        [("kube_pod_status_ready", &conditions.ready), ("kube_pod_status_scheduled", &conditions.scheduled)];
    for (family, condition) in pairs {
        let Some(condition) = condition else { continue };
        for (wanted, text) in STATUSES {
            let labels = [own[0], own[1], own[2], ("condition", text)];
            sampler.flag(family, &labels, condition.status == wanted);
        }
    }
    let is_unschedulable =
        conditions.scheduled.as_ref().is_some_and(|it| it.reason.as_deref() == Some("Unschedulable"));
    if is_unschedulable {
        sampler.put("kube_pod_status_unschedulable", &own, 1.0);
    }
}

fn sample_container(sampler: &mut Sampler<'_>, pod: &Pod, container: &Container, status: &ContainerStatus) {
    let meta = &pod.meta;
    let uid = meta.uid.to_string();
    let own = [
        ("namespace", &*meta.namespace),
        ("pod", &*meta.name),
        ("uid", &*uid),
        ("container", &*container.name),
    ];
    sampler.put("kube_pod_container_info", &[&own[..], &[("image", &*container.image)]].concat(), 1.0);
    amounts(sampler, "kube_pod_container_resource_requests", &own, &container.requests);
    amounts(sampler, "kube_pod_container_resource_limits", &own, &container.limits);
    sampler.flag("kube_pod_container_status_ready", &own, status.is_ready());
    sampler.flag("kube_pod_container_status_running", &own, status.is_running());
    let waiting = match status.state {
        ContainerState::Waiting(reason) => Some(reason.as_str()),
        ContainerState::Running { .. } | ContainerState::Terminated(_) => None,
    };
    sampler.flag("kube_pod_container_status_waiting", &own, waiting.is_some());
    let terminated = status.termination().map(|end| end.reason.as_str());
    sampler.flag("kube_pod_container_status_terminated", &own, terminated.is_some());
    let last = status.last_termination.map(|end| end.reason.as_str());
    let reasons = [
        ("kube_pod_container_status_waiting_reason", waiting),
        ("kube_pod_container_status_terminated_reason", terminated),
        ("kube_pod_container_status_last_terminated_reason", last),
    ];
    for (family, reason) in reasons {
        if let Some(reason) = reason {
            sampler.put(family, &[&own[..], &[("reason", reason)]].concat(), 1.0);
        }
    }
    sampler.count("kube_pod_container_status_restarts", &own, status.restart_count);
}

/// What a container asks for, as far as it does.
fn amounts(
    sampler: &mut Sampler<'_>,
    family: &'static str,
    labels: &[(&str, &str)],
    amounts: &ContainerResources,
) {
    let rows = [
        ("cpu", "core", amounts.amounts.cpu.0 as f64 / 1e3, amounts.has_cpu),
        ("memory", "byte", amounts.amounts.memory.0 as f64, amounts.has_memory),
    ];
    for (resource, unit, value, _) in rows.into_iter().filter(|(.., is_set)| *is_set) {
        sampler.put(family, &[labels, &[("resource", resource), ("unit", unit)]].concat(), value);
    }
}

fn owner_texts(owner: Option<&Owner>) -> (&'static str, &str) {
    owner.map_or(("", ""), |owner| (owner.object.kind().as_str(), &owner.name))
}

fn named<'a>(label: &'static str, meta: &'a ObjectMeta) -> [(&'static str, &'a str); 2] {
    [("namespace", &meta.namespace), (label, &meta.name)]
}

/// Jobs and CronJobs.
pub(super) fn jobs(state: &mut KubeState, at: SimTime, cluster: &Cluster) {
    let mut sampler = Sampler { state, at };
    for (_, job) in cluster.jobs().iter() {
        let (own, status) = (named("job_name", &job.meta), &job.status);
        sampler.put("kube_job_info", &own, 1.0);
        sampler.time("kube_job_created", &own, job.meta.created);
        if let Some(owner) = &job.meta.owner {
            let (kind, name) = owner_texts(Some(owner));
            let of_owner = [("owner_kind", kind), ("owner_name", name), ("owner_is_controller", "true")];
            sampler.put("kube_job_owner", &[&own[..], &of_owner].concat(), 1.0);
        }
        job_spec(&mut sampler, &own, &job.spec);
        sampler.count("kube_job_status_active", &own, status.active);
        sampler.count("kube_job_status_succeeded", &own, status.succeeded);
        let failed = status.true_condition(JobConditionType::Failed);
        let reason = failed.map(|condition| &*condition.reason).unwrap_or_default();
        sampler.count("kube_job_status_failed", &[own[0], own[1], ("reason", reason)], status.failed);
        let times = [
            ("kube_job_status_start_time", status.start_time),
            ("kube_job_status_completion_time", status.completion_time),
        ];
        for (family, time) in times {
            time.into_iter().for_each(|time| sampler.time(family, &own, time));
        }
        let ends = [
            ("kube_job_complete", JobConditionType::Complete),
            ("kube_job_failed", JobConditionType::Failed),
        ];
        for (family, kind) in ends {
            let condition = status.conditions.iter().find(|condition| condition.kind == kind);
            for (wanted, text) in STATUSES.into_iter().filter(|_| condition.is_some()) {
                let holds = condition.is_some_and(|condition| condition.status == wanted);
                sampler.flag(family, &[own[0], own[1], ("condition", text)], holds);
            }
        }
    }
    for (_, cronjob) in cluster.cronjobs().iter() {
        let (own, status) = (named("cronjob", &cronjob.meta), &cronjob.status);
        let info = [own[0], own[1], ("schedule", &*cronjob.spec.schedule)];
        sampler.put("kube_cronjob_info", &info, 1.0);
        sampler.time("kube_cronjob_created", &own, cronjob.meta.created);
        sampler.flag("kube_cronjob_spec_suspend", &own, cronjob.spec.suspend);
        sampler.put("kube_cronjob_status_active", &own, status.active.len() as f64);
        let times = [
            ("kube_cronjob_status_last_schedule_time", status.last_schedule_time),
            ("kube_cronjob_status_last_successful_time", status.last_successful_time),
        ];
        for (family, time) in times {
            time.into_iter().for_each(|time| sampler.time(family, &own, time));
        }
    }
}

fn job_spec(sampler: &mut Sampler<'_>, own: &[(&str, &str)], spec: &JobSpec) {
    sampler.count("kube_job_spec_parallelism", own, spec.parallelism);
    if let Some(completions) = spec.completions {
        sampler.count("kube_job_spec_completions", own, completions);
    }
    if let Some(deadline) = spec.active_deadline {
        sampler.put("kube_job_spec_active_deadline_seconds", own, deadline.as_secs_f64());
    }
}

/// What controllers keep alive.
pub(super) fn workloads(state: &mut KubeState, at: SimTime, cluster: &Cluster) {
    let mut sampler = Sampler { state, at };
    for (_, deployment) in cluster.deployments().iter() {
        let (own, status) = (named("deployment", &deployment.meta), &deployment.status);
        sampler.time("kube_deployment_created", &own, deployment.meta.created);
        sampler.flag("kube_deployment_spec_paused", &own, deployment.spec.paused);
        sampler.count("kube_deployment_spec_replicas", &own, deployment.spec.replicas);
        sampler.count("kube_deployment_status_replicas", &own, status.replicas);
        sampler.count("kube_deployment_status_replicas_ready", &own, status.ready_replicas);
        sampler.count("kube_deployment_status_replicas_available", &own, status.available_replicas);
        sampler.count("kube_deployment_status_replicas_unavailable", &own, status.unavailable_replicas);
        sampler.count("kube_deployment_status_replicas_updated", &own, status.updated_replicas);
        for condition in &status.conditions {
            let name = condition.kind.as_str();
            sampler.condition("kube_deployment_status_condition", &own, name, condition.status);
        }
    }
    for (_, set) in cluster.replica_sets().iter() {
        let own = named("replicaset", &set.meta);
        sampler.time("kube_replicaset_created", &own, set.meta.created);
        if let Some(owner) = &set.meta.owner {
            let (kind, name) = owner_texts(Some(owner));
            let of_owner = [("owner_kind", kind), ("owner_name", name), ("owner_is_controller", "true")];
            sampler.put("kube_replicaset_owner", &[&own[..], &of_owner].concat(), 1.0);
        }
        sampler.count("kube_replicaset_spec_replicas", &own, set.spec.replicas);
        sampler.count("kube_replicaset_status_replicas", &own, set.status.replicas);
        sampler.count("kube_replicaset_status_ready_replicas", &own, set.status.ready_replicas);
    }
    for (_, set) in cluster.stateful_sets().iter() {
        let (own, status) = (named("statefulset", &set.meta), &set.status);
        sampler.time("kube_statefulset_created", &own, set.meta.created);
        sampler.count("kube_statefulset_replicas", &own, set.spec.replicas);
        sampler.count("kube_statefulset_status_replicas", &own, status.replicas);
        sampler.count("kube_statefulset_status_replicas_ready", &own, status.ready_replicas);
        sampler.count("kube_statefulset_status_replicas_available", &own, status.available_replicas);
        sampler.count("kube_statefulset_status_replicas_current", &own, status.current_replicas);
        sampler.count("kube_statefulset_status_replicas_updated", &own, status.updated_replicas);
    }
    for (_, set) in cluster.daemon_sets().iter() {
        let (own, status) = (named("daemonset", &set.meta), &set.status);
        sampler.time("kube_daemonset_created", &own, set.meta.created);
        let rows = [
            ("kube_daemonset_status_desired_number_scheduled", status.desired_number_scheduled),
            ("kube_daemonset_status_current_number_scheduled", status.current_number_scheduled),
            ("kube_daemonset_status_number_misscheduled", status.number_misscheduled),
            ("kube_daemonset_status_number_ready", status.number_ready),
            ("kube_daemonset_status_number_available", status.number_available),
            ("kube_daemonset_status_number_unavailable", status.number_unavailable),
            ("kube_daemonset_status_updated_number_scheduled", status.updated_number_scheduled),
        ];
        rows.into_iter().for_each(|(family, value)| sampler.count(family, &own, value));
    }
}

/// PodDisruptionBudgets and HorizontalPodAutoscalers.
pub(super) fn budgets_and_autoscalers(state: &mut KubeState, at: SimTime, cluster: &Cluster) {
    let mut sampler = Sampler { state, at };
    for (_, budget) in cluster.pod_disruption_budgets().iter() {
        let (own, status) = (named("poddisruptionbudget", &budget.meta), &budget.status);
        sampler.time("kube_poddisruptionbudget_created", &own, budget.meta.created);
        let rows = [
            ("kube_poddisruptionbudget_status_current_healthy", status.current_healthy),
            ("kube_poddisruptionbudget_status_desired_healthy", status.desired_healthy),
            ("kube_poddisruptionbudget_status_pod_disruptions_allowed", status.disruptions_allowed),
            ("kube_poddisruptionbudget_status_expected_pods", status.expected_pods),
        ];
        rows.into_iter().for_each(|(family, value)| sampler.count(family, &own, value));
    }
    for (_, autoscaler) in cluster.horizontal_pod_autoscalers().iter() {
        let (own, spec) = (named("horizontalpodautoscaler", &autoscaler.meta), &autoscaler.spec);
        let status = &autoscaler.status;
        let rows = [
            ("kube_horizontalpodautoscaler_spec_min_replicas", spec.min_replicas),
            ("kube_horizontalpodautoscaler_spec_max_replicas", spec.max_replicas),
            ("kube_horizontalpodautoscaler_status_current_replicas", status.current_replicas),
            ("kube_horizontalpodautoscaler_status_desired_replicas", status.desired_replicas),
        ];
        rows.into_iter().for_each(|(family, value)| sampler.count(family, &own, value));
    }
}
