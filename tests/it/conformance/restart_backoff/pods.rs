//! Pods and their statuses as the table describes them.

use cluster_sim::engine::{SimDuration, SimTime};
use cluster_sim::model::pod::{
    Container, ContainerResources, Derived, PodSpec, PreemptionPolicy, PullPolicy,
};
use cluster_sim::model::pod_status::{
    ContainerState, ContainerStatus, Phase, PodConditions, PodStatus, Termination, TerminationReason,
    WaitingReason,
};
use cluster_sim::model::probe::{Lifecycle, Probes};
use cluster_sim::model::resources::{InitKind, Resources};
use cluster_sim::model::scheduling::Placement;
use serde_json::Value;

use super::{list, restart_policy, text};

/// The spec and the status of a case of the family `pod_phase`.
pub fn pod(inputs: &Value) -> Result<(PodSpec, PodStatus), String> {
    let init: Vec<Container> = list(&inputs["init_containers"])
        .iter()
        .map(|init| {
            let is_sidecar = init["sidecar"].as_bool() == Some(true);
            let init_kind = if is_sidecar { InitKind::Sidecar } else { InitKind::Ordinary };
            Container { init_kind, ..container(text(&init["name"]), "any") }
        })
        .collect();
    let app = list(&inputs["containers"]).iter().map(|name| container(text(name), "any")).collect();
    let spec = PodSpec {
        init_containers: init,
        restart_policy: restart_policy(text(&inputs["restart_policy"]))?,
        ..spec(app)
    };
    let statuses = list(&inputs["statuses"]);
    let of = |container: &Container| {
        let found = statuses.iter().find(|status| text(&status["name"]) == &*container.name);
        found.map_or(Ok(ContainerStatus::waiting(WaitingReason::ContainerCreating)), status)
    };
    let status = PodStatus {
        phase: Phase::Pending,
        reason: None,
        message: None,
        start_time: None,
        pod_ip: None,
        nominated_node: None,
        conditions: PodConditions::default(),
        init_containers: spec.init_containers.iter().map(of).collect::<Result<_, _>>()?,
        containers: spec.containers.iter().map(of).collect::<Result<_, _>>()?,
    };
    Ok((spec, status))
}

fn status(case: &Value) -> Result<ContainerStatus, String> {
    let end = |code: &Value| {
        let exit_code = code.as_i64().and_then(|code| i32::try_from(code).ok())?;
        let reason = if exit_code == 0 { TerminationReason::Completed } else { TerminationReason::Error };
        Some(Termination { exit_code, reason, started_at: SimTime::ZERO, finished_at: SimTime::ZERO })
    };
    let state = match text(&case["state"]) {
        "Waiting" => ContainerState::Waiting(WaitingReason::CrashLoopBackOff),
        "Running" => {
            let is_started = case["started"].as_bool() == Some(true);
            ContainerState::Running { started_at: SimTime::ZERO, is_started, is_ready: is_started }
        }
        "Terminated" => ContainerState::Terminated(end(&case["exit_code"]).ok_or("no `exit_code`")?),
        other => return Err(format!("an unknown state: {other}")),
    };
    Ok(ContainerStatus { state, last_termination: end(&case["last_exit_code"]), restart_count: 0 })
}

/// A container with a name and an image, and nothing else.
pub fn container(name: &str, image: &str) -> Container {
    Container {
        name: name.into(),
        image: image.into(),
        pull_policy: PullPolicy::IfNotPresent,
        ports: Vec::new(),
        requests: ContainerResources::default(),
        limits: ContainerResources::default(),
        init_kind: InitKind::Ordinary,
        mounts: Vec::new(),
        probes: Probes::default(),
        lifecycle: Lifecycle::default(),
    }
}

/// A pod of these containers for the node `node`, otherwise with the API's defaults.
pub fn spec(containers: Vec<Container>) -> PodSpec {
    PodSpec {
        init_containers: Vec::new(),
        containers,
        restart_policy: cluster_sim::model::pod::RestartPolicy::Always,
        termination_grace: SimDuration::from_secs(30),
        active_deadline: None,
        node_name: Some("node".into()),
        scheduler_name: "default-scheduler".into(),
        priority: 0,
        priority_class: None,
        preemption_policy: PreemptionPolicy::PreemptLowerPriority,
        placement: Placement::default(),
        scheduling_gates: Vec::new(),
        host_network: false,
        overhead: Resources::default(),
        volumes: Vec::new(),
        derived: Derived::default(),
    }
}
