//! The pods of a scale target, sorted by whether and how they count.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::controllers::horizontal_pod_autoscaler::metrics::{PodMetric, PodMetrics};
use crate::engine::SimTime;
use crate::model::horizontal_pod_autoscaler::AutoscalerConfig;
use crate::model::meta::Name;
use crate::model::node::ConditionStatus;
use crate::model::pod::{Container, Pod, PodSpec};
use crate::model::pod_status::Phase;
use crate::model::profile::{Feature, Profile};
use crate::model::resources::InitKind;

/// What an autoscaler sees of a pod.
#[derive(Debug, Clone, PartialEq)]
pub struct PodFacts {
    /// Its name.
    pub name: Name,
    /// Its phase.
    pub phase: Phase,
    /// Whether it is being deleted.
    pub is_terminating: bool,
    /// When the kubelet accepted it.
    pub start_time: Option<SimTime>,
    /// The Ready condition and its last transition.
    pub ready: Option<(ConditionStatus, SimTime)>,
    /// What it is given to be.
    pub spec: Arc<PodSpec>,
}

impl PodFacts {
    /// The facts about a pod. Times in the API have whole seconds.
    pub fn of(pod: &Pod) -> Self {
        let ready = pod.status.conditions.ready.as_ref();
        Self {
            name: pod.meta.name.clone(),
            phase: pod.status.phase,
            is_terminating: pod.meta.is_terminating(),
            start_time: pod.status.start_time.map(SimTime::truncated_to_secs),
            ready: ready.map(|ready| (ready.status, ready.since.truncated_to_secs())),
            spec: Arc::clone(&pod.spec),
        }
    }

    /// Whether the pod runs and is Ready.
    pub fn is_running_and_ready(&self) -> bool {
        self.phase == Phase::Running && self.ready.is_some_and(|(status, _)| status == ConditionStatus::True)
    }

    /// What the pod, or one container of it, requests of a resource [thousandths].
    ///
    /// Source: Kubernetes 1.28 and 1.29, pkg/controller/podautoscaler/replica_calculator.go, calculatePodRequests.
    ///
    /// # Errors
    /// When a container that counts requests none, in upstream's words.
    pub fn request(
        &self,
        resource: &str,
        container: Option<&Name>,
        profile: &Profile,
    ) -> Result<i64, String> {
        let counts_sidecars = profile.has(Feature::AutoscalerSidecarRequests);
        let is_counted = |it: &&Container| counts_sidecars && it.init_kind == InitKind::Sidecar;
        let sidecars = self.spec.init_containers.iter().filter(is_counted);
        let mut sum = 0_i64;
        for it in self.spec.containers.iter().chain(sidecars) {
            if container.is_some_and(|name| it.name != *name) {
                continue;
            }
            let request = container_request(it, resource).ok_or_else(|| {
                format!("missing request for {resource} in container {} of Pod {}", it.name, self.name)
            })?;
            sum = sum.saturating_add(request);
        }
        Ok(sum)
    }
}

/// What a container requests of a resource [thousandths].
fn container_request(container: &Container, resource: &str) -> Option<i64> {
    let requests = &container.requests;
    let amounts = &requests.amounts;
    match resource {
        "cpu" => requests.has_cpu.then_some(amounts.cpu.0),
        "memory" => requests.has_memory.then_some(amounts.memory.0.saturating_mul(1000)),
        "ephemeral-storage" => given(amounts.ephemeral_storage.0),
        other => given(amounts.extended(other)),
    }
}

fn given(amount: i64) -> Option<i64> {
    (amount != 0).then_some(amount.saturating_mul(1000))
}

/// The pods of a scale target by how they count.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Groups {
    /// How many count with their metric.
    pub n_ready: u32,
    /// Those that do not run yet, or whose metric cannot be trusted yet.
    pub unready: BTreeSet<Name>,
    /// Those without a metric.
    pub missing: BTreeSet<Name>,
    /// Those that are going or have failed.
    pub ignored: BTreeSet<Name>,
}

/// Sorts pods by how they count for a metric: a resource, or another (`None`).
///
/// Source: Kubernetes 1.28, pkg/controller/podautoscaler/replica_calculator.go, groupPods.
pub fn group(
    pods: &[PodFacts],
    metrics: &PodMetrics,
    resource: Option<&str>,
    now: SimTime,
    config: &AutoscalerConfig,
) -> Groups {
    let mut groups = Groups::default();
    for pod in pods {
        let group = if pod.is_terminating || pod.phase == Phase::Failed {
            &mut groups.ignored
        } else if pod.phase == Phase::Pending {
            &mut groups.unready
        } else {
            match metrics.get(&pod.name) {
                None => &mut groups.missing,
                Some(metric) if resource == Some("cpu") && !is_warm(pod, metric, now, config) => {
                    &mut groups.unready
                }
                Some(_) => {
                    groups.n_ready += 1;
                    continue;
                }
            }
        };
        group.insert(pod.name.clone());
    }
    groups
}

/// Whether the cpu of a pod can be trusted: it is ready, and its start-up is not in the sample.
fn is_warm(pod: &PodFacts, metric: &PodMetric, now: SimTime, config: &AutoscalerConfig) -> bool {
    let (Some((ready, since)), Some(start)) = (pod.ready, pod.start_time) else { return false };
    let is_unready = ready == ConditionStatus::False;
    if start + config.cpu_initialization > now {
        !is_unready && metric.timestamp >= since + metric.window
    } else {
        let was_never_ready = start + config.initial_readiness > since;
        !(is_unready && was_never_ready)
    }
}
