//! The life of pods: binding, container states, and the phase and conditions that follow from them.

use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::cluster::{Cluster, Refusal};
use crate::engine::{SimDuration, SimTime};
use crate::event::{Change, DeletedPod, PodChange, Unschedulable};
use crate::model::ids::{Kind, NodeId, PodId};
use crate::model::meta::{Deletion, Labels, Name, ObjectMeta, Propagation};
use crate::model::node::ConditionStatus;
use crate::model::pod::{Pod, PodSpec, RestartPolicy};
use crate::model::pod_status::{
    ContainerRef, ContainerState, ContainerStatus, Phase, PodCondition, PodConditions, PodReason, PodStatus,
    WaitingReason,
};
use crate::model::resources::InitKind;

/// The status of a pod that no kubelet has seen.
pub(super) fn initial_status(now: SimTime, spec: &PodSpec) -> PodStatus {
    let has_init = !spec.init_containers.is_empty();
    let reason = if has_init { WaitingReason::PodInitializing } else { WaitingReason::ContainerCreating };
    PodStatus {
        phase: Phase::Pending,
        reason: None,
        message: None,
        start_time: None,
        pod_ip: None,
        nominated_node: None,
        conditions: initial_conditions(now, spec),
        init_containers: vec![ContainerStatus::waiting(reason); spec.init_containers.len()],
        containers: vec![ContainerStatus::waiting(reason); spec.containers.len()],
    }
}

/// A pod with scheduling gates says so from the beginning.
/// Source: Kubernetes 1.28, pkg/registry/core/pod/strategy.go, applySchedulingGatedCondition.
fn initial_conditions(now: SimTime, spec: &PodSpec) -> PodConditions {
    let mut conditions = PodConditions::default();
    if !spec.scheduling_gates.is_empty() {
        let message = "Scheduling is blocked due to non-empty scheduling gates";
        let text = Some(("SchedulingGated".into(), message.into()));
        set_condition(&mut conditions.scheduled, now, false, text);
    }
    conditions
}

/// How the containers of a pod stand, counted as the kubelet counts them for the phase.
#[derive(Default)]
struct Tally {
    pending_init: u32,
    failed_init: u32,
    running: u32,
    waiting: u32,
    stopped: u32,
    succeeded: u32,
    app_has_started: bool,
}

/// The phase that follows from the states of a pod's containers.
///
/// `is_over` is whether the pod will not run again, for example because it is being deleted.
/// Source: Kubernetes 1.28, pkg/kubelet/kubelet_pods.go, getPhase.
pub fn compute_phase(spec: &PodSpec, status: &PodStatus, is_over: bool) -> Phase {
    let tally = tally(spec, status);
    let never = spec.restart_policy == RestartPolicy::Never;
    if tally.failed_init > 0 && never {
        return Phase::Failed;
    }
    if tally.pending_init > 0 && !tally.app_has_started || tally.waiting > 0 {
        return Phase::Pending;
    }
    if tally.running > 0 {
        return Phase::Running;
    }
    if tally.stopped == 0 {
        return Phase::Pending;
    }
    let all_succeeded = tally.stopped == tally.succeeded;
    match spec.restart_policy {
        _ if is_over => {
            if all_succeeded {
                Phase::Succeeded
            } else {
                Phase::Failed
            }
        }
        RestartPolicy::Always => Phase::Running,
        RestartPolicy::OnFailure | RestartPolicy::Never if all_succeeded => Phase::Succeeded,
        RestartPolicy::Never => Phase::Failed,
        RestartPolicy::OnFailure => Phase::Running,
    }
}

fn tally(spec: &PodSpec, status: &PodStatus) -> Tally {
    let mut tally = Tally::default();
    for (container, now) in spec.init_containers.iter().zip(&status.init_containers) {
        match container.init_kind {
            InitKind::Ordinary => tally.count_init(now),
            InitKind::Sidecar => tally.count_sidecar(now),
        }
    }
    for now in &status.containers {
        tally.count_app(now);
    }
    tally
}

impl Tally {
    fn count_init(&mut self, status: &ContainerStatus) {
        match (&status.state, &status.last_termination) {
            (ContainerState::Running { .. }, _) => self.pending_init += 1,
            (ContainerState::Terminated(end), _) => self.failed_init += u32::from(end.exit_code != 0),
            (ContainerState::Waiting(_), Some(end)) => self.failed_init += u32::from(end.exit_code != 0),
            (ContainerState::Waiting(_), None) => self.pending_init += 1,
        }
    }

    fn count_sidecar(&mut self, status: &ContainerStatus) {
        match (&status.state, &status.last_termination) {
            (ContainerState::Running { is_started, .. }, _) => {
                self.pending_init += u32::from(!is_started);
                self.running += 1;
            }
            (ContainerState::Terminated(_), _) | (ContainerState::Waiting(_), Some(_)) => {}
            (ContainerState::Waiting(_), None) => {
                self.pending_init += 1;
                self.waiting += 1;
            }
        }
    }

    fn count_app(&mut self, status: &ContainerStatus) {
        let has_ended = status.last_termination.is_some();
        self.app_has_started |= has_ended || !matches!(status.state, ContainerState::Waiting(_));
        match (&status.state, &status.last_termination) {
            (ContainerState::Running { .. }, _) => self.running += 1,
            (ContainerState::Terminated(end), _) => {
                self.stopped += 1;
                self.succeeded += u32::from(end.exit_code == 0);
            }
            (ContainerState::Waiting(_), Some(_)) => self.stopped += 1,
            (ContainerState::Waiting(_), None) => self.waiting += 1,
        }
    }
}

impl Cluster {
    pub(super) fn bind_pod(
        &mut self,
        now: SimTime,
        id: PodId,
        node: NodeId,
        changes: &mut Vec<Change>,
    ) -> Result<(), Refusal> {
        self.nodes.get(node).ok_or(Refusal::NotFound)?;
        let pod = self.pods.get_mut(id).ok_or(Refusal::NotFound)?;
        if pod.node.is_some() {
            return Err(Refusal::AlreadyBound);
        }
        pod.node = Some(node);
        pod.status.nominated_node = None;
        set_condition(&mut pod.status.conditions.scheduled, now, true, None);
        self.usage[node.index()].add(id, pod);
        changes.push(Change::PodBound(id, node));
        Ok(())
    }

    pub(super) fn update_pod(
        &mut self,
        id: PodId,
        labels: Labels,
        spec: Arc<PodSpec>,
        changes: &mut Vec<Change>,
    ) -> Result<(), Refusal> {
        let pod = self.pods.get_mut(id).ok_or(Refusal::NotFound)?;
        let old = &pod.spec;
        if *old == spec && pod.meta.labels == labels {
            return Ok(());
        }
        let change = PodChange {
            has_other_labels: pod.meta.labels != labels,
            has_other_tolerations: old.placement.tolerations != spec.placement.tolerations,
            is_ungated: !old.scheduling_gates.is_empty() && spec.scheduling_gates.is_empty(),
            requests_less: !spec.derived.requests.covers(&old.derived.requests),
            old_labels: pod.meta.labels.clone(),
        };
        let usage = pod.node.filter(|_| !pod.status.phase.is_terminal());
        let usage = usage.map(|node| &mut self.usage[node.index()]);
        pod.meta.labels = labels;
        pod.meta.generation += u64::from(*old != spec);
        if let Some(usage) = usage {
            usage.remove(id, pod);
            pod.spec = spec;
            usage.add(id, pod);
        } else {
            pod.spec = spec;
        }
        changes.push(Change::PodChanged(id, change));
        Ok(())
    }

    pub(super) fn nominate_node(
        &mut self,
        id: PodId,
        node: Option<NodeId>,
        changes: &mut Vec<Change>,
    ) -> Result<(), Refusal> {
        let name = node.map(|node| self.nodes.get(node).ok_or(Refusal::NotFound)).transpose()?;
        let name = name.map(|node| node.meta.name.clone());
        let pod = self.pods.get_mut(id).ok_or(Refusal::NotFound)?;
        if pod.status.nominated_node != name {
            pod.status.nominated_node = name;
            changes.push(Change::PodNominated(id, node));
        }
        Ok(())
    }

    /// Binds a pod whose spec names its node, as soon as both are there.
    pub(super) fn bind_pinned_pod(&mut self, now: SimTime, id: PodId, changes: &mut Vec<Change>) {
        let Some(name) = self.pods[id].spec.node_name.clone() else { return };
        match self.find_node(&name) {
            Some(node) => self.bind_pod(now, id, node, changes).expect("pod and node were just found"),
            None => self.pinned.push(id),
        }
    }

    /// Binds the pods that were waiting for a node of this name.
    pub(super) fn bind_waiting_pods(&mut self, now: SimTime, changes: &mut Vec<Change>) {
        for id in std::mem::take(&mut self.pinned) {
            if self.pods.get(id).is_some() {
                self.bind_pinned_pod(now, id, changes);
            }
        }
    }

    pub(super) fn set_unschedulable(
        &mut self,
        now: SimTime,
        id: PodId,
        why: Unschedulable,
        changes: &mut Vec<Change>,
    ) -> Result<(), Refusal> {
        let pod = self.pods.get_mut(id).ok_or(Refusal::NotFound)?;
        let text = Some((why.reason.into(), why.message.clone()));
        if set_condition(&mut pod.status.conditions.scheduled, now, false, text) {
            changes.push(Change::PodUnschedulable(id, why));
        }
        Ok(())
    }

    pub(super) fn accept_pod(
        &mut self,
        now: SimTime,
        id: PodId,
        changes: &mut Vec<Change>,
    ) -> Result<(), Refusal> {
        let pod = self.pods.get_mut(id).ok_or(Refusal::NotFound)?;
        if pod.status.start_time.is_none() {
            pod.status.start_time = Some(now);
            changes.push(Change::PodAccepted(id));
            self.update_derived_status(now, id, changes);
        }
        Ok(())
    }

    pub(super) fn set_pod_ip(
        &mut self,
        id: PodId,
        ip: Ipv4Addr,
        changes: &mut Vec<Change>,
    ) -> Result<(), Refusal> {
        let pod = self.pods.get_mut(id).ok_or(Refusal::NotFound)?;
        if pod.status.pod_ip != Some(ip) {
            pod.status.pod_ip = Some(ip);
            changes.push(Change::PodIpSet(id, ip));
        }
        Ok(())
    }

    pub(super) fn set_container(
        &mut self,
        now: SimTime,
        id: PodId,
        container: ContainerRef,
        state: ContainerState,
        changes: &mut Vec<Change>,
    ) -> Result<(), Refusal> {
        let pod = self.pods.get_mut(id).ok_or(Refusal::NotFound)?;
        let status = pod.status.container_mut(container);
        if status.state == state {
            return Ok(());
        }
        let is_start = matches!(state, ContainerState::Running { .. }) && !status.is_running();
        if let ContainerState::Terminated(end) = status.state {
            status.last_termination = Some(end);
        }
        status.restart_count += u32::from(is_start && status.last_termination.is_some());
        status.state = state.clone();
        changes.push(Change::ContainerChanged(id, container, state));
        self.update_derived_status(now, id, changes);
        Ok(())
    }

    pub(super) fn fail_pod(
        &mut self,
        now: SimTime,
        id: PodId,
        reason: PodReason,
        message: Name,
        changes: &mut Vec<Change>,
    ) -> Result<(), Refusal> {
        let pod = self.pods.get_mut(id).ok_or(Refusal::NotFound)?;
        if !pod.status.phase.is_terminal() {
            pod.status.reason = Some(reason);
            pod.status.message = Some(message);
            self.set_phase(now, id, Phase::Failed, changes);
        }
        Ok(())
    }

    pub(super) fn abandon_pod(&mut self, id: PodId, changes: &mut Vec<Change>) -> Result<(), Refusal> {
        let old = self.pods.get(id).ok_or(Refusal::NotFound)?.status.phase;
        if !old.is_terminal() {
            self.end_phase(id, Phase::Failed);
            changes.push(Change::PodPhaseChanged(id, old, Phase::Failed));
        }
        Ok(())
    }

    pub(super) fn finish_pod(
        &mut self,
        now: SimTime,
        id: PodId,
        changes: &mut Vec<Change>,
    ) -> Result<(), Refusal> {
        let pod = self.pods.get(id).ok_or(Refusal::NotFound)?;
        let phase = match compute_phase(&pod.spec, &pod.status, true) {
            Phase::Pending | Phase::Running => Phase::Failed,
            terminal => terminal,
        };
        self.set_phase(now, id, phase, changes);
        Ok(())
    }

    /// The kubelet reports a pod anew: what others wrote into its readiness is corrected.
    pub(super) fn report_pod(
        &mut self,
        now: SimTime,
        id: PodId,
        changes: &mut Vec<Change>,
    ) -> Result<(), Refusal> {
        self.pods.get(id).ok_or(Refusal::NotFound)?;
        self.update_derived_status(now, id, changes);
        Ok(())
    }

    pub(super) fn set_pod_not_ready(
        &mut self,
        now: SimTime,
        id: PodId,
        changes: &mut Vec<Change>,
    ) -> Result<(), Refusal> {
        let pod = self.pods.get_mut(id).ok_or(Refusal::NotFound)?;
        let was_ready = pod.status.conditions.is_ready();
        set_condition(&mut pod.status.conditions.ready, now, false, None);
        if was_ready {
            changes.push(Change::PodReadyChanged(id, false));
        }
        Ok(())
    }

    pub(super) fn set_disruption_target(
        &mut self,
        now: SimTime,
        id: PodId,
        reason: Name,
        message: Name,
        changes: &mut Vec<Change>,
    ) -> Result<(), Refusal> {
        let pod = self.pods.get_mut(id).ok_or(Refusal::NotFound)?;
        let text = Some((reason.clone(), message));
        if set_condition(&mut pod.status.conditions.disruption_target, now, true, text) {
            changes.push(Change::PodDisrupted(id, reason));
        }
        Ok(())
    }

    pub(super) fn delete_pod(
        &mut self,
        now: SimTime,
        id: PodId,
        grace: Option<SimDuration>,
        changes: &mut Vec<Change>,
    ) -> Result<(), Refusal> {
        let pod = self.pods.get_mut(id).ok_or(Refusal::NotFound)?;
        let needs_no_kubelet = pod.node.is_none() || pod.status.phase.is_terminal();
        let grace = match grace {
            _ if needs_no_kubelet => SimDuration::ZERO,
            Some(grace) => grace,
            None => pod.spec.termination_grace,
        };
        let shortened = pod.meta.deletion.is_some_and(|deletion| grace < deletion.grace);
        if pod.meta.deletion.is_none() || shortened {
            let propagation = Propagation::Background;
            // A shorter grace counts from the first request. Source: apiserver/pkg/registry/rest, BeforeDelete.
            let requested = pod.meta.deletion.map_or(now, |deletion| deletion.requested);
            pod.meta.deletion = Some(Deletion { requested, grace, propagation });
            if grace.is_zero() && !pod.has_finalizer() {
                return self.remove_pod(id, changes);
            }
            changes.push(Change::PodDeletionRequested(id, grace));
        }
        Ok(())
    }

    pub(super) fn release_pod(&mut self, id: PodId, changes: &mut Vec<Change>) -> Result<(), Refusal> {
        let pod = self.pods.get_mut(id).ok_or(Refusal::NotFound)?;
        if let Some(deletion) = &mut pod.meta.deletion {
            deletion.grace = SimDuration::ZERO;
            if !pod.has_finalizer() {
                return self.remove_pod(id, changes);
            }
        }
        Ok(())
    }

    pub(super) fn remove_finalizer(&mut self, id: PodId, changes: &mut Vec<Change>) -> Result<(), Refusal> {
        let pod = self.pods.get_mut(id).ok_or(Refusal::NotFound)?;
        let Some(job) = pod.job.as_mut().filter(|job| job.has_finalizer) else { return Ok(()) };
        job.has_finalizer = false;
        changes.push(Change::PodFinalizerRemoved(id));
        if pod.meta.deletion.is_some_and(|deletion| deletion.grace.is_zero()) {
            return self.remove_pod(id, changes);
        }
        Ok(())
    }

    fn remove_pod(&mut self, id: PodId, changes: &mut Vec<Change>) -> Result<(), Refusal> {
        let pod = self.pods.remove(id).ok_or(Refusal::NotFound)?;
        if let Some(node) = pod.node {
            self.usage[node.index()].remove(id, &pod);
        }
        self.forget_owned(&pod.meta, Kind::Pod);
        let (node, phase) = (pod.node, pod.status.phase);
        let ObjectMeta { namespace, name, labels, owner, .. } = pod.meta;
        let deleted = DeletedPod { namespace, name, labels, spec: pod.spec, phase, node, owner };
        changes.push(Change::PodDeleted(id, deleted));
        Ok(())
    }

    /// Brings phase and conditions up to date with the states of the containers.
    fn update_derived_status(&mut self, now: SimTime, id: PodId, changes: &mut Vec<Change>) {
        let pod = &mut self.pods[id];
        if pod.status.phase.is_terminal() {
            return;
        }
        let mut phase = compute_phase(&pod.spec, &pod.status, false);
        if phase.is_terminal() && has_running_container(&pod.status) {
            phase = pod.status.phase;
        }
        let is_initialized = is_initialized(&pod.spec, &pod.status);
        let is_ready = is_initialized
            && pod.status.containers.iter().all(ContainerStatus::is_ready)
            && sidecars_are_ready(&pod.spec, &pod.status);
        set_condition(&mut pod.status.conditions.initialized, now, is_initialized, None);
        set_ready(pod, now, is_ready, id, changes);
        self.set_phase(now, id, phase, changes);
    }

    fn set_phase(&mut self, now: SimTime, id: PodId, phase: Phase, changes: &mut Vec<Change>) {
        let pod = &mut self.pods[id];
        let old = pod.status.phase;
        if old == phase || old.is_terminal() {
            return;
        }
        if phase.is_terminal() {
            // Ready is the kubelet's: a pod without one has no such condition, and on a lost node it stays as it was.
            if pod.status.start_time.is_some() && pod.status.reason != Some(PodReason::NodeLost) {
                set_ready(pod, now, false, id, changes);
            }
            self.end_phase(id, phase);
        } else {
            pod.status.phase = phase;
        }
        changes.push(Change::PodPhaseChanged(id, old, phase));
    }
}

impl Cluster {
    /// Sets a terminal phase: the pod uses nothing of its node any more.
    fn end_phase(&mut self, id: PodId, phase: Phase) {
        let pod = &mut self.pods[id];
        pod.status.phase = phase;
        if let Some(node) = pod.node {
            self.usage[node.index()].remove(id, pod);
        }
    }
}

impl Pod {
    /// Whether a finalizer keeps the object.
    pub fn has_finalizer(&self) -> bool {
        self.job.is_some_and(|job| job.has_finalizer)
    }
}

/// A pod does not become Succeeded or Failed while a container of it may hold what only the node can free.
/// Source: Kubernetes 1.28, pkg/kubelet/status/status_manager.go, mergePodStatus.
fn has_running_container(status: &PodStatus) -> bool {
    status.init_containers.iter().chain(&status.containers).any(ContainerStatus::is_running)
}

/// Source: Kubernetes 1.28, pkg/kubelet/status/generate.go, GeneratePodInitializedCondition.
fn is_initialized(spec: &PodSpec, status: &PodStatus) -> bool {
    let has_started = |container: &ContainerStatus| {
        container.last_termination.is_some() || !matches!(container.state, ContainerState::Waiting(_))
    };
    if status.containers.iter().any(has_started) {
        return true;
    }
    let mut init = spec.init_containers.iter().zip(&status.init_containers);
    init.all(|(container, status)| match (container.init_kind, &status.state) {
        (InitKind::Ordinary, ContainerState::Terminated(end)) => end.exit_code == 0,
        (InitKind::Ordinary, ContainerState::Running { .. } | ContainerState::Waiting(_)) => false,
        (InitKind::Sidecar, ContainerState::Running { is_started, .. }) => *is_started,
        (InitKind::Sidecar, ContainerState::Terminated(_)) => true,
        (InitKind::Sidecar, ContainerState::Waiting(_)) => status.last_termination.is_some(),
    })
}

fn sidecars_are_ready(spec: &PodSpec, status: &PodStatus) -> bool {
    let mut init = spec.init_containers.iter().zip(&status.init_containers);
    init.all(|(container, status)| container.init_kind == InitKind::Ordinary || status.is_ready())
}

fn set_ready(pod: &mut Pod, now: SimTime, is_ready: bool, id: PodId, changes: &mut Vec<Change>) {
    let was_ready = pod.status.conditions.is_ready();
    set_condition(&mut pod.status.conditions.containers_ready, now, is_ready, None);
    set_condition(&mut pod.status.conditions.ready, now, is_ready, None);
    if was_ready != is_ready {
        changes.push(Change::PodReadyChanged(id, is_ready));
    }
}

/// Sets a condition; the time of its last transition moves only with its status. False where nothing changed.
fn set_condition(
    condition: &mut Option<PodCondition>,
    now: SimTime,
    holds: bool,
    text: Option<(Name, Name)>,
) -> bool {
    let status = ConditionStatus::from_bool(holds);
    let (reason, message) = text.unzip();
    let since = condition.as_ref().filter(|old| old.status == status).map_or(now, |old| old.since);
    let new = Some(PodCondition { status, since, reason, message });
    let has_changed = *condition != new;
    *condition = new;
    has_changed
}
