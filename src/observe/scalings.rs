//! What is seen of autoscalers over time: every size that they set, and why.

use std::collections::BTreeMap;

use crate::cluster::Cluster;
use crate::engine::SimTime;
use crate::event::Change;
use crate::model::ids::{HorizontalPodAutoscalerId, ObjectId};
use crate::model::meta::Name;

/// The reason of the record that a size was set.
const RESCALED: &str = "SuccessfulRescale";

/// The scalings of all autoscalers of a run.
#[derive(Debug, Clone, Default)]
pub struct ScalingLedger {
    living: BTreeMap<HorizontalPodAutoscalerId, usize>,
    autoscalers: Vec<AutoscalerEntry>,
}

/// The scalings of one autoscaler.
#[derive(Debug, Clone, PartialEq)]
pub struct AutoscalerEntry {
    /// The namespace.
    pub namespace: Name,
    /// The name.
    pub name: Name,
    /// What it scales, as `Deployment/web`.
    pub target: String,
    /// The size of the target as it was last seen or set; `None` where it never was.
    pub replicas: Option<u32>,
    /// The scalings, in order.
    pub scalings: Vec<Scaling>,
    /// Why the size is about to be set that the next status tells.
    reason: Option<String>,
}

/// One scaling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scaling {
    /// When.
    pub at: SimTime,
    /// The size before.
    pub from: u32,
    /// The size after.
    pub to: u32,
    /// Why, in upstream's words.
    pub reason: String,
}

impl ScalingLedger {
    /// All autoscalers, in order of creation.
    pub fn entries(&self) -> &[AutoscalerEntry] {
        &self.autoscalers
    }

    /// Takes note of a change that concerns autoscalers.
    pub fn see(&mut self, now: SimTime, change: &Change, cluster: &Cluster) {
        match change {
            Change::Created(ObjectId::HorizontalPodAutoscaler(id)) => self.open(*id, cluster),
            Change::Recorded(ObjectId::HorizontalPodAutoscaler(id), record) if record.reason == RESCALED => {
                let reason = record.message.split_once("reason: ").map_or("", |(_, reason)| reason);
                if let Some(at) = self.living.get(id) {
                    self.autoscalers[*at].reason = Some(reason.to_owned());
                }
            }
            Change::StatusChanged(ObjectId::HorizontalPodAutoscaler(id)) => {
                self.see_status(now, *id, cluster)
            }
            Change::Deleted(ObjectId::HorizontalPodAutoscaler(id), _) => {
                self.living.remove(id);
            }
            _ => {}
        }
    }

    fn open(&mut self, id: HorizontalPodAutoscalerId, cluster: &Cluster) {
        let Some(autoscaler) = cluster.horizontal_pod_autoscaler(id) else { return };
        let target = &autoscaler.spec.target;
        self.living.insert(id, self.autoscalers.len());
        self.autoscalers.push(AutoscalerEntry {
            namespace: autoscaler.meta.namespace.clone(),
            name: autoscaler.meta.name.clone(),
            target: format!("{}/{}", target.kind.as_str(), target.name),
            replicas: None,
            scalings: Vec::new(),
            reason: None,
        });
    }

    fn see_status(&mut self, now: SimTime, id: HorizontalPodAutoscalerId, cluster: &Cluster) {
        let (Some(at), Some(autoscaler)) = (self.living.get(&id), cluster.horizontal_pod_autoscaler(id))
        else {
            return;
        };
        let (entry, status) = (&mut self.autoscalers[*at], &autoscaler.status);
        entry.replicas = Some(status.desired_replicas);
        if let Some(reason) = entry.reason.take().filter(|_| status.last_scale_time == Some(now)) {
            let (from, to) = (status.current_replicas, status.desired_replicas);
            entry.scalings.push(Scaling { at: now, from, to, reason });
        }
    }
}
