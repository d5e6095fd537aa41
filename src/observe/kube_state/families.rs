//! The families of metrics: their names, their types and what they mean, in the words of kube-state-metrics.

/// The type of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricType {
    /// A value that goes up and down.
    Gauge,
    /// A value that only grows; its samples are called `NAME_total`.
    Counter,
}

/// What is said of a family before its samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FamilyHead {
    /// The name.
    pub name: &'static str,
    /// The type.
    pub kind: MetricType,
    /// What it means.
    pub help: &'static str,
}

const fn gauge(name: &'static str, help: &'static str) -> FamilyHead {
    FamilyHead { name, kind: MetricType::Gauge, help }
}

const fn counter(name: &'static str, help: &'static str) -> FamilyHead {
    FamilyHead { name, kind: MetricType::Counter, help }
}

/// All families, by name.
pub const FAMILIES: [FamilyHead; 83] = [
    gauge("kube_cronjob_created", "Unix creation timestamp [s]."),
    gauge("kube_cronjob_info", "Info about cronjob."),
    gauge("kube_cronjob_spec_suspend", "Suspend flag tells the controller to suspend subsequent executions."),
    gauge("kube_cronjob_status_active", "Active holds pointers to currently running jobs."),
    gauge("kube_cronjob_status_last_schedule_time", "When the cronjob was last scheduled [s]."),
    gauge("kube_cronjob_status_last_successful_time", "When the cronjob last succeeded [s]."),
    gauge("kube_daemonset_created", "Unix creation timestamp [s]."),
    gauge(
        "kube_daemonset_status_current_number_scheduled",
        "The number of nodes running at least one daemon pod and are supposed to.",
    ),
    gauge(
        "kube_daemonset_status_desired_number_scheduled",
        "The number of nodes that should be running the daemon pod.",
    ),
    gauge(
        "kube_daemonset_status_number_available",
        "The number of nodes that should be running the daemon pod and have one or more of the daemon pod running and available.",
    ),
    gauge(
        "kube_daemonset_status_number_misscheduled",
        "The number of nodes running a daemon pod but are not supposed to.",
    ),
    gauge(
        "kube_daemonset_status_number_ready",
        "The number of nodes that should be running the daemon pod and have one or more of the daemon pod running and ready.",
    ),
    gauge(
        "kube_daemonset_status_number_unavailable",
        "The number of nodes that should be running the daemon pod and have none of the daemon pod running and available.",
    ),
    gauge(
        "kube_daemonset_status_updated_number_scheduled",
        "The total number of nodes that are running updated daemon pod.",
    ),
    gauge("kube_deployment_created", "Unix creation timestamp [s]."),
    gauge(
        "kube_deployment_spec_paused",
        "Whether the deployment is paused and will not be processed by the deployment controller.",
    ),
    gauge("kube_deployment_spec_replicas", "Number of desired pods for a deployment."),
    gauge("kube_deployment_status_condition", "The current status conditions of a deployment."),
    gauge("kube_deployment_status_replicas", "The number of replicas per deployment."),
    gauge("kube_deployment_status_replicas_available", "The number of available replicas per deployment."),
    gauge("kube_deployment_status_replicas_ready", "The number of ready replicas per deployment."),
    gauge(
        "kube_deployment_status_replicas_unavailable",
        "The number of unavailable replicas per deployment.",
    ),
    gauge("kube_deployment_status_replicas_updated", "The number of updated replicas per deployment."),
    gauge(
        "kube_horizontalpodautoscaler_spec_max_replicas",
        "Upper limit for the number of pods that can be set by the autoscaler.",
    ),
    gauge(
        "kube_horizontalpodautoscaler_spec_min_replicas",
        "Lower limit for the number of pods that can be set by the autoscaler.",
    ),
    gauge(
        "kube_horizontalpodautoscaler_status_current_replicas",
        "Current number of replicas of pods managed by this autoscaler.",
    ),
    gauge(
        "kube_horizontalpodautoscaler_status_desired_replicas",
        "Desired number of replicas of pods managed by this autoscaler.",
    ),
    gauge("kube_job_complete", "The job has completed its execution."),
    gauge("kube_job_created", "Unix creation timestamp [s]."),
    gauge("kube_job_failed", "The job has failed its execution."),
    gauge("kube_job_info", "Information about job."),
    gauge("kube_job_owner", "Information about the Job's owner."),
    gauge(
        "kube_job_spec_active_deadline_seconds",
        "The duration relative to the start time that the job may be active before the system tries to terminate it.",
    ),
    gauge(
        "kube_job_spec_completions",
        "The desired number of successfully finished pods the job should be run with.",
    ),
    gauge(
        "kube_job_spec_parallelism",
        "The maximum desired number of pods the job should run at any given time.",
    ),
    gauge("kube_job_status_active", "The number of actively running pods."),
    gauge("kube_job_status_completion_time", "When the job was completed [s]."),
    gauge(
        "kube_job_status_failed",
        "The number of pods which reached Phase Failed and the reason for failure.",
    ),
    gauge("kube_job_status_start_time", "When the job was acknowledged by the job controller [s]."),
    gauge("kube_job_status_succeeded", "The number of pods which reached Phase Succeeded."),
    gauge("kube_node_created", "Unix creation timestamp [s]."),
    gauge("kube_node_info", "Information about a cluster node."),
    gauge("kube_node_spec_taint", "The taint of a cluster node."),
    gauge("kube_node_spec_unschedulable", "Whether a node can schedule new pods."),
    gauge(
        "kube_node_status_allocatable",
        "The amount of resources allocatable for pods, after reserving some for system daemons.",
    ),
    gauge("kube_node_status_capacity", "The total amount of resources available for a node."),
    gauge("kube_node_status_condition", "The condition of a cluster node."),
    gauge("kube_pod_container_info", "Information about a container in a pod."),
    gauge("kube_pod_container_resource_limits", "The number of requested limit resource by a container."),
    gauge("kube_pod_container_resource_requests", "The number of requested request resource by a container."),
    gauge(
        "kube_pod_container_status_last_terminated_reason",
        "Describes the last reason the container was in terminated state.",
    ),
    gauge("kube_pod_container_status_ready", "Describes whether the containers readiness check succeeded."),
    counter("kube_pod_container_status_restarts", "The number of container restarts per container."),
    gauge(
        "kube_pod_container_status_running",
        "Describes whether the container is currently in running state.",
    ),
    gauge(
        "kube_pod_container_status_terminated",
        "Describes whether the container is currently in terminated state.",
    ),
    gauge(
        "kube_pod_container_status_terminated_reason",
        "Describes the reason the container is currently in terminated state.",
    ),
    gauge(
        "kube_pod_container_status_waiting",
        "Describes whether the container is currently in waiting state.",
    ),
    gauge(
        "kube_pod_container_status_waiting_reason",
        "Describes the reason the container is currently in waiting state.",
    ),
    gauge("kube_pod_created", "Unix creation timestamp [s]."),
    gauge("kube_pod_deletion_timestamp", "Unix deletion timestamp [s]."),
    gauge("kube_pod_info", "Information about pod."),
    gauge("kube_pod_status_phase", "The pods current phase."),
    gauge("kube_pod_status_ready", "Describes whether the pod is ready to serve requests."),
    gauge("kube_pod_status_reason", "The pod status reasons."),
    gauge("kube_pod_status_scheduled", "Describes the status of the scheduling process for the pod."),
    gauge("kube_pod_status_unschedulable", "Describes the unschedulable status for the pod."),
    gauge("kube_poddisruptionbudget_created", "Unix creation timestamp [s]."),
    gauge("kube_poddisruptionbudget_status_current_healthy", "Current number of healthy pods."),
    gauge("kube_poddisruptionbudget_status_desired_healthy", "Minimum desired number of healthy pods."),
    gauge(
        "kube_poddisruptionbudget_status_expected_pods",
        "Total number of pods counted by this disruption budget.",
    ),
    gauge(
        "kube_poddisruptionbudget_status_pod_disruptions_allowed",
        "Number of pod disruptions that are currently allowed.",
    ),
    gauge("kube_replicaset_created", "Unix creation timestamp [s]."),
    gauge("kube_replicaset_owner", "Information about the ReplicaSet's owner."),
    gauge("kube_replicaset_spec_replicas", "Number of desired pods for a ReplicaSet."),
    gauge("kube_replicaset_status_ready_replicas", "The number of ready replicas per ReplicaSet."),
    gauge("kube_replicaset_status_replicas", "The number of replicas per ReplicaSet."),
    gauge("kube_statefulset_created", "Unix creation timestamp [s]."),
    gauge("kube_statefulset_replicas", "Number of desired pods for a StatefulSet."),
    gauge("kube_statefulset_status_replicas", "The number of replicas per StatefulSet."),
    gauge("kube_statefulset_status_replicas_available", "The number of available replicas per StatefulSet."),
    gauge("kube_statefulset_status_replicas_current", "The number of current replicas per StatefulSet."),
    gauge("kube_statefulset_status_replicas_ready", "The number of ready replicas per StatefulSet."),
    gauge("kube_statefulset_status_replicas_updated", "The number of updated replicas per StatefulSet."),
];
