//! How many pods a budget counts on: those that are there, or as many as their controllers are to have.
//!
//! Source: Kubernetes 1.28, pkg/controller/disruption/disruption.go, getExpectedPodCount, getExpectedScale and the
//! finders.

use std::collections::BTreeMap;

use crate::cluster::Cluster;
use crate::model::amount::{CountOrPercent, Rounding};
use crate::model::ids::ObjectId;
use crate::model::meta::{Owner, Uid};
use crate::model::pod::Pod;
use crate::model::pod_disruption_budget::{DisruptionLimit, PodDisruptionBudgetSpec};

/// What a budget counts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Expected {
    /// The pods counted on.
    pub pods: u32,
    /// Those that must be healthy.
    pub desired_healthy: u32,
    /// Pods without a controller, whose number nobody knows.
    pub n_unmanaged: usize,
}

/// The size of what makes a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Scale {
    uid: Uid,
    replicas: u32,
}

/// What a budget counts on, given the pods that it guards.
///
/// # Errors
/// In upstream's words, when a pod belongs to something without a size.
pub fn count(spec: &PodDisruptionBudgetSpec, pods: &[&Pod], cluster: &Cluster) -> Result<Expected, String> {
    match spec.limit {
        None => Ok(Expected::default()),
        Some(limit @ DisruptionLimit::MinAvailable(CountOrPercent::Count(_))) => {
            let n_pods = u32::try_from(pods.len()).unwrap_or(u32::MAX);
            Ok(Expected { pods: n_pods, desired_healthy: desired_healthy(limit, n_pods), n_unmanaged: 0 })
        }
        Some(limit) => {
            let scale = expected_scale(pods, cluster)?;
            Ok(Expected { desired_healthy: desired_healthy(limit, scale.pods), ..scale })
        }
    }
}

/// How many of so many pods must be healthy.
pub const fn desired_healthy(limit: DisruptionLimit, n_pods: u32) -> u32 {
    match limit {
        DisruptionLimit::MinAvailable(amount) => amount.of(n_pods, Rounding::Up),
        DisruptionLimit::MaxUnavailable(amount) => n_pods.saturating_sub(amount.of(n_pods, Rounding::Up)),
    }
}

/// The sizes of all controllers of the pods together.
fn expected_scale(pods: &[&Pod], cluster: &Cluster) -> Result<Expected, String> {
    let mut sizes: BTreeMap<Uid, u32> = BTreeMap::new();
    let mut n_unmanaged = 0;
    for pod in pods {
        let Some(owner) = &pod.meta.owner else {
            n_unmanaged += 1;
            continue;
        };
        if sizes.contains_key(&owner.uid) {
            continue;
        }
        let scale = scale_of(owner, cluster)?;
        let scale = scale.ok_or_else(|| format!("found no controllers for pod {:?}", &*pod.meta.name))?;
        sizes.insert(scale.uid, scale.replicas);
    }
    let pods = sizes.values().fold(0, |sum: u32, replicas| sum.saturating_add(*replicas));
    Ok(Expected { pods, desired_healthy: 0, n_unmanaged })
}

/// The size of the workload behind an owner of pods; `None` where it is gone.
fn scale_of(owner: &Owner, cluster: &Cluster) -> Result<Option<Scale>, String> {
    let no_size = |resource: &str| Err(format!("{resource} does not implement the scale subresource"));
    match owner.object {
        ObjectId::ReplicaSet(id) => {
            let Some(set) = cluster.replica_set(id) else { return Ok(None) };
            let deployment = match set.meta.owner.as_ref().map(|owner| owner.object) {
                Some(ObjectId::Deployment(id)) => cluster.deployment(id),
                _ => None,
            };
            let of_deployment = deployment.map(|it| Scale { uid: it.meta.uid, replicas: it.spec.replicas });
            Ok(of_deployment.or(Some(Scale { uid: set.meta.uid, replicas: set.spec.replicas })))
        }
        ObjectId::StatefulSet(id) => {
            let set = cluster.stateful_set(id);
            Ok(set.map(|set| Scale { uid: set.meta.uid, replicas: set.spec.replicas }))
        }
        ObjectId::Job(_) => no_size("jobs.batch"),
        ObjectId::DaemonSet(_) => no_size("daemonsets.apps"),
        ObjectId::Node(_)
        | ObjectId::ResourceQuota(_)
        | ObjectId::Service(_)
        | ObjectId::PodDisruptionBudget(_)
        | ObjectId::Pod(_)
        | ObjectId::Deployment(_)
        | ObjectId::CronJob(_)
        | ObjectId::HorizontalPodAutoscaler(_) => Ok(None),
    }
}
