//! Workloads, budgets, Services and autoscalers in the shape of the Kubernetes API.

use serde_json::{Map, Value, json};

use crate::engine::SimTime;
use crate::model::daemon_set::DaemonSetStatus;
use crate::model::deployment::DeploymentStatus;
use crate::model::horizontal_pod_autoscaler::{HorizontalPodAutoscalerStatus, MetricSource, MetricStatus};
use crate::model::ids::ObjectId;
use crate::model::meta::Name;
use crate::model::node::ConditionStatus;
use crate::model::object::Object;
use crate::model::pod_disruption_budget::PodDisruptionBudgetStatus;
use crate::model::quantity::Quantity;
use crate::model::replica_set::ReplicaSetStatus;
use crate::model::resource_quota::{HardLimit, ResourceQuota};
use crate::model::stateful_set::StatefulSetStatus;
use crate::observe::object::ObjectWriter;

impl ObjectWriter<'_> {
    /// An object of a kind that is neither node, pod, Job nor CronJob; `None` where it is gone.
    pub(super) fn workload(&self, object: ObjectId) -> Option<Value> {
        let cluster = self.cluster;
        match object {
            ObjectId::ResourceQuota(id) => {
                let quota = cluster.resource_quota(id)?;
                Some(self.written(quota, object, None, self.quota_status(quota)))
            }
            ObjectId::Service(id) => cluster.service(id).map(|it| self.written(it, object, None, Map::new())),
            ObjectId::PodDisruptionBudget(id) => {
                let budget = cluster.pod_disruption_budget(id)?;
                Some(self.written(budget, object, None, self.budget_status(&budget.status)))
            }
            ObjectId::ReplicaSet(id) => {
                let set = cluster.replica_set(id)?;
                Some(self.written(set, object, Some(set.spec.replicas), self.replica_set_status(&set.status)))
            }
            ObjectId::Deployment(id) => {
                let it = cluster.deployment(id)?;
                Some(self.written(it, object, Some(it.spec.replicas), self.deployment_status(&it.status)))
            }
            ObjectId::StatefulSet(id) => {
                let set = cluster.stateful_set(id)?;
                Some(self.written(set, object, Some(set.spec.replicas), stateful_set_status(&set.status)))
            }
            ObjectId::DaemonSet(id) => {
                let set = cluster.daemon_set(id)?;
                Some(self.written(set, object, None, daemon_set_status(&set.status)))
            }
            ObjectId::HorizontalPodAutoscaler(id) => {
                let it = cluster.horizontal_pod_autoscaler(id)?;
                Some(self.written(it, object, None, self.autoscaler_status(&it.status)))
            }
            ObjectId::Node(_) | ObjectId::Pod(_) | ObjectId::Job(_) | ObjectId::CronJob(_) => None,
        }
    }

    fn quota_status(&self, quota: &ResourceQuota) -> Map<String, Value> {
        let used = |limit: &HardLimit| self.cluster.quota_used(&quota.meta.namespace, limit.what);
        let amounts = |amount: &dyn Fn(&HardLimit) -> i64| {
            let limits = quota.spec.hard.iter();
            limits.map(|limit| (limit.name.to_string(), json!(limit.what.text(amount(limit))))).collect()
        };
        let hard = Value::Object(amounts(&|limit| limit.amount));
        let used = Value::Object(amounts(&used));
        [("hard".to_owned(), hard), ("used".to_owned(), used)].into_iter().collect()
    }

    /// The object; its size is what it is now, which a controller may have written past the manifest.
    fn written<S, T>(
        &self,
        object: &Object<S, T>,
        id: ObjectId,
        replicas: Option<u32>,
        status: Map<String, Value>,
    ) -> Value {
        let mut spec = object.manifest.get("spec").cloned().unwrap_or_else(|| json!({}));
        if let Some(replicas) = replicas {
            spec["replicas"] = json!(replicas);
        }
        json!({
            "apiVersion": id.kind().api_version(), "kind": id.kind().as_str(),
            "metadata": self.metadata(&object.meta, id), "spec": spec, "status": status,
        })
    }

    fn replica_set_status(&self, status: &ReplicaSetStatus) -> Map<String, Value> {
        let mut out = counts([
            ("replicas", status.replicas),
            ("fullyLabeledReplicas", status.fully_labeled_replicas),
            ("readyReplicas", status.ready_replicas),
            ("availableReplicas", status.available_replicas),
        ]);
        out.insert("observedGeneration".into(), json!(status.observed_generation));
        if let Some(failure) = &status.replica_failure {
            let condition = self.condition(
                "ReplicaFailure",
                failure.status,
                failure.reason,
                &failure.message,
                failure.since,
            );
            out.insert("conditions".into(), json!([condition]));
        }
        out
    }

    fn deployment_status(&self, status: &DeploymentStatus) -> Map<String, Value> {
        let mut out = counts([
            ("replicas", status.replicas),
            ("updatedReplicas", status.updated_replicas),
            ("readyReplicas", status.ready_replicas),
            ("availableReplicas", status.available_replicas),
            ("unavailableReplicas", status.unavailable_replicas),
        ]);
        out.insert("observedGeneration".into(), json!(status.observed_generation));
        put_count(&mut out, "collisionCount", status.collision_count);
        let conditions = status.conditions.iter().map(|condition| {
            let kind = condition.kind.as_str();
            let mut out =
                self.condition(kind, condition.status, condition.reason, &condition.message, condition.since);
            out["lastUpdateTime"] = self.time(condition.updated);
            out
        });
        out.insert("conditions".into(), conditions.collect());
        out
    }

    fn budget_status(&self, status: &PodDisruptionBudgetStatus) -> Map<String, Value> {
        let mut out = counts([
            ("disruptionsAllowed", status.disruptions_allowed),
            ("currentHealthy", status.current_healthy),
            ("desiredHealthy", status.desired_healthy),
            ("expectedPods", status.expected_pods),
        ]);
        out.insert("observedGeneration".into(), json!(status.observed_generation));
        if !status.disrupted_pods.is_empty() {
            let pods = status.disrupted_pods.iter().map(|(name, at)| (name.to_string(), self.time(*at)));
            out.insert("disruptedPods".into(), Value::Object(pods.collect()));
        }
        if let Some(condition) = &status.condition {
            let holds = ConditionStatus::from_bool(condition.is_true);
            let (reason, message) = (condition.reason, &condition.message);
            let condition = self.condition("DisruptionAllowed", holds, reason, message, condition.since);
            out.insert("conditions".into(), json!([condition]));
        }
        out
    }

    fn autoscaler_status(&self, status: &HorizontalPodAutoscalerStatus) -> Map<String, Value> {
        let mut out = counts([
            ("currentReplicas", status.current_replicas),
            ("desiredReplicas", status.desired_replicas),
        ]);
        put_count(&mut out, "observedGeneration", status.observed_generation);
        self.put_time(&mut out, "lastScaleTime", status.last_scale_time);
        let metrics: Vec<Value> = status
            .current_metrics
            .iter()
            .map(|metric| metric.as_ref().map_or(json!({"type": ""}), metric_status))
            .collect();
        if !metrics.is_empty() {
            out.insert("currentMetrics".into(), json!(metrics));
        }
        let conditions = status.conditions.iter().map(|condition| {
            let kind = condition.kind.as_str();
            self.condition(kind, condition.status, condition.reason, &condition.message, condition.since)
        });
        out.insert("conditions".into(), conditions.collect());
        out
    }

    fn condition(
        &self,
        kind: &str,
        status: ConditionStatus,
        reason: &str,
        message: &str,
        since: SimTime,
    ) -> Value {
        json!({
            "type": kind, "status": status.as_str(), "reason": reason, "message": message,
            "lastTransitionTime": self.time(since),
        })
    }
}

/// An element of `status.currentMetrics`; where a metric could not be had, upstream leaves one of no type.
fn metric_status(status: &MetricStatus) -> Value {
    let MetricStatus { source, current } = status;
    let amount = |millis: i64| json!(Quantity::from_millis(millis).to_string());
    let numbers = [
        ("averageUtilization", current.utilization.map(|percent| json!(percent))),
        ("averageValue", current.average_value.map(amount)),
        ("value", current.value.map(amount)),
    ];
    let numbers = numbers.into_iter().filter_map(|(key, number)| Some((key.to_owned(), number?)));
    let numbers: Map<String, Value> = numbers.collect();
    let metric = |name: &Name| json!({"name": &**name});
    match source {
        MetricSource::Resource(name) => {
            json!({"type": "Resource", "resource": {"name": &**name, "current": numbers}})
        }
        MetricSource::ContainerResource { resource, container } => {
            let body = json!({"name": &**resource, "container": &**container, "current": numbers});
            json!({"type": "ContainerResource", "containerResource": body})
        }
        MetricSource::Pods(it) => {
            json!({"type": "Pods", "pods": {"metric": metric(&it.name), "current": numbers}})
        }
        MetricSource::Object { metric: it, described } => {
            let described = json!({
                "apiVersion": &*described.api_version, "kind": &*described.kind, "name": &*described.name,
            });
            let body = json!({"describedObject": described, "metric": metric(&it.name), "current": numbers});
            json!({"type": "Object", "object": body})
        }
        MetricSource::External(it) => {
            json!({"type": "External", "external": {"metric": metric(&it.name), "current": numbers}})
        }
    }
}

fn stateful_set_status(status: &StatefulSetStatus) -> Map<String, Value> {
    let mut out = counts([
        ("replicas", status.replicas),
        ("readyReplicas", status.ready_replicas),
        ("currentReplicas", status.current_replicas),
        ("updatedReplicas", status.updated_replicas),
        ("availableReplicas", status.available_replicas),
    ]);
    out.insert("observedGeneration".into(), json!(status.observed_generation));
    out.insert("currentRevision".into(), json!(&*status.current_revision));
    out.insert("updateRevision".into(), json!(&*status.update_revision));
    put_count(&mut out, "collisionCount", status.collision_count);
    out
}

fn daemon_set_status(status: &DaemonSetStatus) -> Map<String, Value> {
    let mut out = counts([
        ("desiredNumberScheduled", status.desired_number_scheduled),
        ("currentNumberScheduled", status.current_number_scheduled),
        ("numberMisscheduled", status.number_misscheduled),
        ("numberReady", status.number_ready),
        ("updatedNumberScheduled", status.updated_number_scheduled),
        ("numberAvailable", status.number_available),
        ("numberUnavailable", status.number_unavailable),
    ]);
    out.insert("observedGeneration".into(), json!(status.observed_generation));
    put_count(&mut out, "collisionCount", status.collision_count);
    out
}

/// Counters, written also where they are zero, so that an expectation may simply compare them.
fn counts<const N: usize>(counts: [(&str, u32); N]) -> Map<String, Value> {
    counts.into_iter().map(|(key, count)| (key.to_owned(), json!(count))).collect()
}

fn put_count<N: Into<u64>>(out: &mut Map<String, Value>, key: &str, count: Option<N>) {
    if let Some(count) = count {
        out.insert(key.into(), json!(count.into()));
    }
}
