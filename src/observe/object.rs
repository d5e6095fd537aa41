//! Objects in the shape of the Kubernetes API: for `-o yaml`, for expectations, for patches.

mod endpoints;
mod placement;
mod workloads;

use serde_json::{Map, Value, json};

use crate::cluster::Cluster;
use crate::engine::SimTime;
use crate::model::ids::{CronJobId, JobId, NodeId, ObjectId, PodId};
use crate::model::job::{Job, JobStatus};
use crate::model::meta::{Labels, ObjectMeta, Uid};
use crate::model::node::{ConditionStatus, LABEL_HOSTNAME, Node, NodeCondition, NodeImage};
use crate::model::pod::{Container, ContainerResources, Pod, PodSpec, PullPolicy, VolumeSource};
use crate::model::pod_status::{
    ContainerState, ContainerStatus, PodCondition, PodReason, PodStatus, Termination, WaitingReason,
};
use crate::model::resources::{Bytes, InitKind, Millicores, Resources};
use crate::model::wall_clock::WallClock;
use crate::observe::object::placement::taint_effect;

/// Writes objects of a cluster in the shape of the Kubernetes API.
#[derive(Clone, Copy)]
pub struct ObjectWriter<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// The civil time of its instants.
    pub clock: WallClock,
}

impl ObjectWriter<'_> {
    /// The object; `None` where it is gone.
    pub fn object(&self, object: ObjectId) -> Option<Value> {
        match object {
            ObjectId::Node(id) => self.node(id),
            ObjectId::Pod(id) => self.pod(id),
            ObjectId::Job(id) => self.job(id),
            ObjectId::CronJob(id) => self.cronjob(id),
            other => self.workload(other),
        }
    }

    /// A pod.
    pub fn pod(&self, id: PodId) -> Option<Value> {
        let pod = self.cluster.pod(id)?;
        let mut metadata = self.metadata(&pod.meta, ObjectId::Pod(id));
        annotate_job_pod(&mut metadata, pod);
        let mut spec = pod_spec(&pod.spec);
        identify_indexed_pod(&mut spec, pod);
        if let Some(node) = pod.node {
            spec["nodeName"] = json!(&*self.cluster.name_of(ObjectId::Node(node)));
        }
        Some(json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": metadata,
            "spec": spec, "status": self.pod_status(pod),
        }))
    }

    /// A node.
    pub fn node(&self, id: NodeId) -> Option<Value> {
        let node = self.cluster.node(id)?;
        let mut metadata = self.metadata(&node.meta, ObjectId::Node(id));
        if node.meta.labels.get(LABEL_HOSTNAME).is_none() {
            metadata["labels"][LABEL_HOSTNAME] = json!(&*node.meta.name);
        }
        Some(json!({
            "apiVersion": "v1", "kind": "Node", "metadata": metadata,
            "spec": node_spec(node), "status": self.node_status(node),
        }))
    }

    /// A Job.
    pub fn job(&self, id: JobId) -> Option<Value> {
        let job = self.cluster.job(id)?;
        Some(json!({
            "apiVersion": "batch/v1", "kind": "Job",
            "metadata": self.metadata(&job.meta, ObjectId::Job(id)),
            "spec": job.manifest.get("spec").cloned().unwrap_or_default(),
            "status": self.job_status(job),
        }))
    }

    /// A CronJob.
    pub fn cronjob(&self, id: CronJobId) -> Option<Value> {
        let cronjob = self.cluster.cronjob(id)?;
        let active: Vec<Value> = cronjob
            .status
            .active
            .iter()
            .map(|job| {
                json!({"apiVersion": "batch/v1", "kind": "Job", "name": &*job.name,
                   "namespace": &*cronjob.meta.namespace, "uid": job.uid.to_string()})
            })
            .collect();
        let mut status = Map::new();
        if !active.is_empty() {
            status.insert("active".into(), active.into());
        }
        self.put_time(&mut status, "lastScheduleTime", cronjob.status.last_schedule_time);
        self.put_time(&mut status, "lastSuccessfulTime", cronjob.status.last_successful_time);
        Some(json!({
            "apiVersion": "batch/v1", "kind": "CronJob",
            "metadata": self.metadata(&cronjob.meta, ObjectId::CronJob(id)),
            "spec": cronjob.manifest.get("spec").cloned().unwrap_or_default(),
            "status": status,
        }))
    }

    fn metadata(&self, meta: &ObjectMeta, object: ObjectId) -> Value {
        let mut out = Map::new();
        out.insert("name".into(), json!(&*meta.name));
        if !meta.namespace.is_empty() {
            out.insert("namespace".into(), json!(&*meta.namespace));
        }
        out.insert("uid".into(), json!(meta.uid.to_string()));
        out.insert("creationTimestamp".into(), self.time(meta.created));
        out.insert("labels".into(), labels(&meta.labels));
        if !meta.annotations.is_empty() {
            out.insert("annotations".into(), labels(&meta.annotations));
        }
        if !matches!(object, ObjectId::Pod(_)) {
            out.insert("generation".into(), json!(meta.generation));
        }
        if let Some(deletion) = meta.deletion {
            out.insert("deletionTimestamp".into(), self.time(deletion.requested + deletion.grace));
            out.insert("deletionGracePeriodSeconds".into(), json!(deletion.grace.as_secs()));
        }
        if let Some(owner) = &meta.owner {
            let kind = owner.object.kind();
            out.insert(
                "ownerReferences".into(),
                json!([{
                    "apiVersion": kind.api_version(), "kind": kind.as_str(), "name": &*owner.name,
                    "uid": owner.uid.to_string(), "controller": true, "blockOwnerDeletion": true,
                }]),
            );
        }
        out.into()
    }

    fn pod_status(&self, pod: &Pod) -> Value {
        let status = &pod.status;
        let mut out = Map::new();
        out.insert("phase".into(), json!(status.phase.as_str()));
        out.insert("qosClass".into(), json!(pod.spec.derived.qos.as_str()));
        if let Some(reason) = &status.reason {
            out.insert("reason".into(), json!(reason.to_string()));
        }
        put(&mut out, "message", status.message.as_deref());
        put(&mut out, "nominatedNodeName", status.nominated_node.as_deref());
        put(&mut out, "podIP", status.pod_ip.map(|ip| ip.to_string()));
        self.put_time(&mut out, "startTime", status.start_time);
        let conditions: Vec<Value> =
            status.conditions.iter().map(|(kind, c)| self.pod_condition(kind, c, pod)).collect();
        out.insert("conditions".into(), conditions.into());
        let write = |specs: &[Container], states: &[ContainerStatus]| -> Vec<Value> {
            specs.iter().zip(states).map(|(spec, state)| self.container_status(spec, state)).collect()
        };
        if !status.init_containers.is_empty() {
            let statuses = write(&pod.spec.init_containers, &status.init_containers);
            out.insert("initContainerStatuses".into(), statuses.into());
        }
        let statuses = write(&pod.spec.containers, &status.containers);
        out.insert("containerStatuses".into(), statuses.into());
        out.into()
    }

    fn pod_condition(&self, kind: &str, condition: &PodCondition, pod: &Pod) -> Value {
        let mut out = Map::new();
        out.insert("type".into(), json!(kind));
        out.insert("status".into(), json!(condition.status.as_str()));
        out.insert("lastTransitionTime".into(), self.time(condition.since));
        let derived = derived_reason(kind, condition, pod);
        put(&mut out, "reason", condition.reason.as_deref().or(derived));
        put(&mut out, "message", condition.message.as_deref());
        out.into()
    }

    fn container_status(&self, container: &Container, status: &ContainerStatus) -> Value {
        let mut out = Map::new();
        out.insert("name".into(), json!(&*container.name));
        out.insert("image".into(), json!(&*container.image));
        out.insert("ready".into(), json!(status.is_ready() || is_finished_init(container, status)));
        out.insert("restartCount".into(), json!(status.restart_count));
        let is_started = matches!(status.state, ContainerState::Running { is_started: true, .. });
        out.insert("started".into(), json!(is_started));
        out.insert("state".into(), self.container_state(&status.state));
        if let Some(end) = &status.last_termination {
            out.insert("lastState".into(), json!({"terminated": self.termination(end)}));
        }
        out.into()
    }

    fn container_state(&self, state: &ContainerState) -> Value {
        match state {
            ContainerState::Waiting(reason) => json!({"waiting": {"reason": reason.as_str()}}),
            ContainerState::Running { started_at, .. } => {
                json!({"running": {"startedAt": self.time(*started_at)}})
            }
            ContainerState::Terminated(end) => json!({"terminated": self.termination(end)}),
        }
    }

    fn termination(&self, end: &Termination) -> Value {
        json!({
            "exitCode": end.exit_code, "reason": end.reason.as_str(),
            "startedAt": self.time(end.started_at), "finishedAt": self.time(end.finished_at),
        })
    }

    fn node_status(&self, node: &Node) -> Value {
        let mut ready = json!({
            "type": "Ready", "status": node.ready.status.as_str(), "reason": node.ready.reason.as_str(),
            "lastTransitionTime": self.time(node.ready.since),
        });
        if let Some(message) = node.ready.reason.message() {
            ready["message"] = json!(message);
        }
        let mut conditions = vec![ready];
        conditions.extend(NodeCondition::OF_KUBELET.map(|condition| {
            let status = node.condition(condition);
            json!({
                "type": condition.as_str(), "status": status.as_str(), "reason": condition.reason(status),
            })
        }));
        let mut status = json!({
            "capacity": amounts(&node.spec.capacity, Some(node.spec.max_pods)),
            "allocatable": amounts(&node.spec.allocatable, Some(node.spec.max_pods)),
            "conditions": conditions,
        });
        if !node.spec.images.is_empty() {
            let names = |image: &NodeImage| image.names.iter().map(ToString::to_string).collect::<Vec<_>>();
            let images = node.spec.images.iter();
            let images = images.map(|image| json!({"names": names(image), "sizeBytes": image.size.0}));
            status["images"] = images.collect();
        }
        status
    }

    fn job_status(&self, job: &Job) -> Value {
        let status = &job.status;
        let mut out = Map::new();
        // The API leaves counters at zero out. Here they stay, so that an expectation may simply compare them.
        for (key, count) in
            [("active", status.active), ("succeeded", status.succeeded), ("failed", status.failed)]
        {
            out.insert(key.into(), json!(count));
        }
        if let Some(ready) = status.ready {
            out.insert("ready".into(), json!(ready));
        }
        if let Some(terminating) = status.terminating {
            out.insert("terminating".into(), json!(terminating));
        }
        let completed = status.completed_indexes.to_string();
        put(&mut out, "completedIndexes", Some(completed).filter(|text| !text.is_empty()));
        put(&mut out, "failedIndexes", status.failed_indexes.as_ref().map(ToString::to_string));
        self.put_time(&mut out, "startTime", status.start_time);
        self.put_time(&mut out, "completionTime", status.completion_time);
        let uids = |uids: &[Uid]| uids.iter().map(|uid| json!(uid.to_string())).collect::<Vec<_>>();
        let uncounted = [("succeeded", &status.uncounted.succeeded), ("failed", &status.uncounted.failed)];
        let uncounted = uncounted.into_iter().filter(|(_, list)| !list.is_empty());
        let uncounted: Map<_, _> = uncounted.map(|(key, list)| (key.into(), uids(list).into())).collect();
        if !uncounted.is_empty() {
            out.insert("uncountedTerminatedPods".into(), uncounted.into());
        }
        if !status.conditions.is_empty() {
            out.insert("conditions".into(), self.job_conditions(status).into());
        }
        out.into()
    }

    fn job_conditions(&self, status: &JobStatus) -> Vec<Value> {
        let conditions = status.conditions.iter().map(|condition| {
            json!({
                "type": condition.kind.as_str(), "status": condition.status.as_str(),
                "lastProbeTime": self.time(condition.since), "lastTransitionTime": self.time(condition.since),
                "reason": &*condition.reason, "message": &*condition.message,
            })
        });
        conditions.collect()
    }

    fn time(&self, at: SimTime) -> Value {
        json!(self.clock.rfc3339(at))
    }

    fn put_time(&self, out: &mut Map<String, Value>, key: &str, at: Option<SimTime>) {
        if let Some(at) = at {
            out.insert(key.into(), self.time(at));
        }
    }
}

fn put(out: &mut Map<String, Value>, key: &str, text: Option<impl Into<String>>) {
    if let Some(text) = text {
        out.insert(key.into(), Value::String(text.into()));
    }
}

fn labels(labels: &Labels) -> Value {
    labels.iter().map(|(key, value)| (key.to_string(), json!(&**value))).collect::<Map<_, _>>().into()
}

/// The reasons of conditions that the kubelet derives from the states of the containers.
/// Source: Kubernetes 1.28, pkg/kubelet/status/generate.go.
fn derived_reason(kind: &str, condition: &PodCondition, pod: &Pod) -> Option<&'static str> {
    use crate::model::pod_status::Phase;
    if condition.status == ConditionStatus::True {
        return match kind {
            "Initialized" if pod.status.phase == Phase::Succeeded => Some("PodCompleted"),
            _ => None,
        };
    }
    match (kind, pod.status.phase) {
        ("Ready" | "ContainersReady", Phase::Succeeded) => Some("PodCompleted"),
        ("Ready" | "ContainersReady", Phase::Failed) => Some("PodFailed"),
        ("Ready" | "ContainersReady", Phase::Pending | Phase::Running) => Some("ContainersNotReady"),
        ("Initialized", _) => Some("ContainersNotInitialized"),
        _ => None,
    }
}

fn is_finished_init(container: &Container, status: &ContainerStatus) -> bool {
    container.init_kind == InitKind::Ordinary
        && status.termination().is_some_and(|end| end.exit_code == 0)
        && status.last_run().is_some()
}

fn annotate_job_pod(metadata: &mut Value, pod: &Pod) {
    let Some(job) = pod.job else { return };
    let mut annotations = metadata.get("annotations").cloned().unwrap_or_else(|| json!({}));
    let mut put = |key: &str, count: Option<u32>| {
        if let Some(count) = count {
            annotations[format!("batch.kubernetes.io/{key}")] = json!(count.to_string());
        }
    };
    put("job-completion-index", job.completion_index);
    put("job-index-failure-count", job.index_failure_count);
    put("job-index-ignored-failure-count", Some(job.index_ignored_failure_count).filter(|n| *n > 0));
    if annotations.as_object().is_some_and(|map| !map.is_empty()) {
        metadata["annotations"] = annotations;
    }
    if job.has_finalizer {
        metadata["finalizers"] = json!(["batch.kubernetes.io/job-tracking"]);
    }
}

/// Host name and environment of an Indexed Job's pod.
/// Source: Kubernetes 1.28, pkg/controller/job/job_controller.go, manageJob, and indexed_job_utils.go,
/// addCompletionIndexEnvVariables.
fn identify_indexed_pod(spec: &mut Value, pod: &Pod) {
    const INDEX: &str = "batch.kubernetes.io/job-completion-index";
    let Some(index) = pod.job.and_then(|job| job.completion_index) else { return };
    if let Some(owner) = &pod.meta.owner {
        spec["hostname"] = json!(format!("{}-{index}", owner.name));
    }
    let of = if pod.meta.labels.get(INDEX).is_some() { "labels" } else { "annotations" };
    let field = json!({"fieldRef": {"fieldPath": format!("metadata.{of}['{INDEX}']")}});
    for list in ["initContainers", "containers"] {
        for container in spec[list].as_array_mut().into_iter().flatten() {
            container["env"] = json!([{"name": "JOB_COMPLETION_INDEX", "valueFrom": field}]);
        }
    }
}

fn pod_spec(spec: &PodSpec) -> Value {
    let mut out = Map::new();
    out.insert("restartPolicy".into(), json!(spec.restart_policy.as_str()));
    out.insert("schedulerName".into(), json!(&*spec.scheduler_name));
    out.insert("terminationGracePeriodSeconds".into(), json!(spec.termination_grace.as_secs()));
    out.insert("priority".into(), json!(spec.priority));
    put(&mut out, "priorityClassName", spec.priority_class.as_deref());
    out.insert("preemptionPolicy".into(), json!(spec.preemption_policy.as_str()));
    put(&mut out, "nodeName", spec.node_name.as_deref());
    if let Some(deadline) = spec.active_deadline {
        out.insert("activeDeadlineSeconds".into(), json!(deadline.as_secs()));
    }
    if spec.host_network {
        out.insert("hostNetwork".into(), json!(true));
    }
    placement::placement(&spec.placement, &mut out);
    if !spec.scheduling_gates.is_empty() {
        let gates = spec.scheduling_gates.iter().map(|gate| json!({"name": &**gate}));
        out.insert("schedulingGates".into(), gates.collect());
    }
    let overhead = amounts(&spec.overhead, None);
    if overhead != json!({}) {
        out.insert("overhead".into(), overhead);
    }
    if !spec.init_containers.is_empty() {
        out.insert("initContainers".into(), spec.init_containers.iter().map(container).collect());
    }
    out.insert("containers".into(), spec.containers.iter().map(container).collect());
    if !spec.volumes.is_empty() {
        let volumes = spec.volumes.iter().map(|volume| match volume.source {
            VolumeSource::EmptyDir => json!({"name": &*volume.name, "emptyDir": {}}),
            VolumeSource::Present => json!({"name": &*volume.name}),
        });
        out.insert("volumes".into(), volumes.collect());
    }
    out.into()
}

fn container(container: &Container) -> Value {
    let mut out = Map::new();
    out.insert("name".into(), json!(&*container.name));
    out.insert("image".into(), json!(&*container.image));
    out.insert("imagePullPolicy".into(), json!(pull_policy(container.pull_policy)));
    out.insert(
        "resources".into(),
        json!({
            "requests": container_amounts(&container.requests),
            "limits": container_amounts(&container.limits),
        }),
    );
    if container.init_kind == InitKind::Sidecar {
        out.insert("restartPolicy".into(), json!("Always"));
    }
    if !container.ports.is_empty() {
        let ports = container.ports.iter().map(|port| {
            let mut out = json!({
                "containerPort": port.container_port, "protocol": port.protocol.as_str(),
            });
            if port.host_port > 0 {
                out["hostPort"] = json!(port.host_port);
                out["hostIP"] = json!(&*port.host_ip);
            }
            if let Some(name) = &port.name {
                out["name"] = json!(&**name);
            }
            out
        });
        out.insert("ports".into(), ports.collect());
    }
    if !container.mounts.is_empty() {
        let mounts = container.mounts.iter().map(
            |mount| json!({"name": &*mount.volume, "mountPath": &*mount.path, "readOnly": mount.read_only}),
        );
        out.insert("volumeMounts".into(), mounts.collect());
    }
    out.into()
}

/// Amounts in which a zero that was given stands too: it differs from nothing.
fn container_amounts(resources: &ContainerResources) -> Value {
    let mut out = amounts(&resources.amounts, None);
    for (name, is_given) in [("cpu", resources.has_cpu), ("memory", resources.has_memory)] {
        if is_given && out.get(name).is_none() {
            out[name] = json!("0");
        }
    }
    out
}

const fn pull_policy(policy: PullPolicy) -> &'static str {
    match policy {
        PullPolicy::Always => "Always",
        PullPolicy::IfNotPresent => "IfNotPresent",
        PullPolicy::Never => "Never",
    }
}

fn node_spec(node: &Node) -> Value {
    let mut out = Map::new();
    if node.spec.unschedulable {
        out.insert("unschedulable".into(), json!(true));
    }
    if !node.spec.taints.is_empty() {
        let taints = node.spec.taints.iter().map(
            |taint| json!({"key": &*taint.key, "value": &*taint.value, "effect": taint_effect(taint.effect)}),
        );
        out.insert("taints".into(), taints.collect());
    }
    out.into()
}

fn amounts(resources: &Resources, pods: Option<u32>) -> Value {
    let mut out = Map::new();
    let mut put = |key: &str, text: String| out.insert(key.into(), Value::String(text));
    if resources.cpu.0 != 0 {
        put("cpu", cpu_text(resources.cpu.0));
    }
    if resources.memory.0 != 0 {
        put("memory", bytes_text(resources.memory.0));
    }
    if resources.ephemeral_storage.0 != 0 {
        put("ephemeral-storage", bytes_text(resources.ephemeral_storage.0));
    }
    for (name, amount) in &resources.extended {
        put(name, amount.to_string());
    }
    if let Some(pods) = pods {
        put("pods", pods.to_string());
    }
    out.into()
}

/// Millicores as a quantity: `4` or `250m`.
pub fn cpu_text(millicores: i64) -> String {
    Millicores(millicores).to_string()
}

/// Bytes as a quantity with the largest binary unit that divides them: `16Gi`, `128974848`.
pub fn bytes_text(bytes: i64) -> String {
    Bytes(bytes).to_string()
}

/// What kubectl shows in the STATUS column of a pod.
/// Source: Kubernetes 1.28, pkg/printers/internalversion/printers.go, printPod.
pub fn status_text(pod: &Pod) -> String {
    let status = &pod.status;
    if pod.meta.is_terminating() && status.reason == Some(PodReason::NodeLost) {
        return "Unknown".into();
    }
    if pod.meta.is_terminating() && !status.phase.is_terminal() {
        return "Terminating".into();
    }
    if let Some(init) = init_status_text(status, &pod.spec) {
        return init;
    }
    let mut text =
        status.reason.as_ref().map_or_else(|| status.phase.as_str().to_owned(), ToString::to_string);
    let mut has_running = false;
    for container in status.containers.iter().rev() {
        match &container.state {
            ContainerState::Waiting(reason) if status.start_time.is_some() => text = reason.as_str().into(),
            ContainerState::Waiting(_) => {}
            ContainerState::Terminated(end) => text = end.reason.as_str().into(),
            ContainerState::Running { is_ready, .. } => has_running |= is_ready,
        }
    }
    if text == "Completed" && has_running {
        let is_ready = status.conditions.is_ready();
        text = if is_ready { "Running".into() } else { "NotReady".into() };
    }
    if let Some(reason) = &status.reason {
        text = reason.to_string();
    }
    if status.conditions.scheduled.as_ref().is_some_and(|c| c.reason.as_deref() == Some("SchedulingGated")) {
        text = "SchedulingGated".into();
    }
    text
}

/// The restarts of a pod as kubectl counts them: of its init containers until they are done, then of its app containers
/// and of its sidecars up to the first that does not run.
///
/// Source: Kubernetes 1.29, pkg/printers/internalversion/printers.go, printPod.
pub fn restarts(pod: &Pod) -> u32 {
    let (spec, status) = (&pod.spec, &pod.status);
    let is_initialized =
        status.conditions.initialized.as_ref().is_some_and(|c| c.status == ConditionStatus::True);
    let init = spec.init_containers.iter().zip(&status.init_containers);
    let current = init.clone().position(|(container, now)| !is_past(container, now));
    let counted = init.take(current.map_or(usize::MAX, |current| current + 1));
    if current.is_some() && !is_initialized {
        return counted.map(|(_, now)| now.restart_count).sum();
    }
    let sidecars = counted.filter(|(container, _)| container.init_kind == InitKind::Sidecar);
    sidecars.map(|(_, now)| now).chain(&status.containers).map(|container| container.restart_count).sum()
}

/// Whether the pod does not wait for an init container, or no longer.
fn is_past(container: &Container, now: &ContainerStatus) -> bool {
    match now.state {
        ContainerState::Terminated(end) => end.exit_code == 0,
        ContainerState::Running { is_started, .. } => is_started && container.init_kind == InitKind::Sidecar,
        ContainerState::Waiting(_) => false,
    }
}

fn init_status_text(status: &PodStatus, spec: &PodSpec) -> Option<String> {
    status.start_time?;
    if status.conditions.initialized.as_ref().is_some_and(|c| c.status == ConditionStatus::True) {
        return None;
    }
    let total = spec.init_containers.len();
    for (at, (container, now)) in spec.init_containers.iter().zip(&status.init_containers).enumerate() {
        match &now.state {
            _ if is_past(container, now) => {}
            ContainerState::Terminated(end) => return Some(format!("Init:{}", end.reason.as_str())),
            ContainerState::Waiting(WaitingReason::PodInitializing) | ContainerState::Running { .. } => {
                return Some(format!("Init:{at}/{total}"));
            }
            ContainerState::Waiting(reason) => return Some(format!("Init:{}", reason.as_str())),
        }
    }
    None
}
