//! The API server of a simulation, as one sync of an autoscaler uses it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::cluster::Cluster;
use crate::component::{Timers, Turn};
use crate::controllers::horizontal_pod_autoscaler::metrics::{
    ContainerUsage, MetricsApi, PodMetric, PodMetrics, PodUsage,
};
use crate::controllers::horizontal_pod_autoscaler::pods::PodFacts;
use crate::controllers::horizontal_pod_autoscaler::proposal::Scale;
use crate::controllers::horizontal_pod_autoscaler::sync::{Api, shown_in_list};
use crate::engine::SimDuration;
use crate::event::{Command, SpecUpdate};
use crate::model::horizontal_pod_autoscaler::{DescribedObject, HorizontalPodAutoscaler, MetricName};
use crate::model::ids::{HorizontalPodAutoscalerId, ObjectId, PodId};
use crate::model::meta::{LabelSelector, Name};
use crate::model::metrics::{MetricSeries, MetricSubject, PodSample};
use crate::model::pod::Pod;
use crate::model::pod_status::Phase;
use crate::model::record::Severity;

/// Who makes the records.
const SOURCE: &str = "horizontal-pod-autoscaler";

/// The window of a metric that the scenario gives: it holds at the instant.
const SERIES_WINDOW: SimDuration = SimDuration::ZERO;

pub(super) struct LiveApi<'a, 't> {
    pub(super) turn: &'a mut Turn<'t>,
    pub(super) id: HorizontalPodAutoscalerId,
    pub(super) autoscaler: &'a HorizontalPodAutoscaler,
    pub(super) series: &'a [MetricSeries],
    /// The other autoscalers of the namespace with the pods that they were last found to scale.
    pub(super) others: Vec<(Name, LabelSelector)>,
}

impl LiveApi<'_, '_> {
    fn cluster(&self) -> &Cluster {
        self.turn.cluster()
    }

    fn target(&self) -> Option<ObjectId> {
        let target = &self.autoscaler.spec.target;
        self.cluster().find(target.kind, &self.autoscaler.meta.namespace, &target.name)
    }

    /// The pods that a selector means, in order of creation.
    fn select(&self, selector: &LabelSelector) -> Vec<(PodId, &Pod)> {
        let namespace = &self.autoscaler.meta.namespace;
        let is_meant = |pod: &Pod| pod.meta.namespace == *namespace && selector.matches(&pod.meta.labels);
        let mut pods: Vec<_> = self.cluster().pods().iter().filter(|(_, pod)| is_meant(pod)).collect();
        pods.sort_by_key(|(_, pod)| pod.meta.uid.serial);
        pods
    }

    /// The series of this metric with their present values.
    fn series(&self, metric: &MetricName) -> impl Iterator<Item = (&MetricSubject, i64)> {
        let is_meant = |it: &&MetricSeries| {
            let selector = metric.selector.as_ref();
            it.name == metric.name && selector.is_none_or(|selector| selector.matches(&it.labels))
        };
        let now = self.turn.now();
        self.series.iter().filter(is_meant).filter_map(move |it| Some((&it.subject, it.at(now)?)))
    }
}

impl MetricsApi for LiveApi<'_, '_> {
    fn resource(&self, resource: &str, pods: &LabelSelector) -> Result<BTreeMap<Name, PodUsage>, String> {
        let mut answer = BTreeMap::new();
        for (id, pod) in self.select(pods) {
            let Some(PodSample { timestamp, window, containers, .. }) = self.cluster().pod_sample(id) else {
                continue;
            };
            let containers = containers.iter().map(|sample| ContainerUsage {
                name: pod.spec.container(sample.container).name.clone(),
                usage: match resource {
                    "cpu" => Some(sample.cpu.0),
                    "memory" => Some(sample.memory.0.saturating_mul(1000)),
                    _ => None,
                },
            });
            let usage = PodUsage { timestamp: *timestamp, window: *window, containers: containers.collect() };
            answer.insert(pod.meta.name.clone(), usage);
        }
        Ok(answer)
    }

    fn pods(&self, metric: &MetricName, pods: &LabelSelector) -> Result<PodMetrics, String> {
        let of_pods = |(subject, value): (&MetricSubject, i64)| match subject {
            MetricSubject::EachPod | MetricSubject::AllPods => Some((subject.clone(), value)),
            MetricSubject::External | MetricSubject::Object { .. } => None,
        };
        let (subject, value) = self
            .series(metric)
            .find_map(of_pods)
            .ok_or_else(|| format!("the server could not find the metric {} for pods", metric.name))?;
        let running = |pod: &Pod| pod.status.phase == Phase::Running && !pod.meta.is_terminating();
        let pods: Vec<&Pod> =
            self.select(pods).into_iter().map(|(_, pod)| pod).filter(|it| running(it)).collect();
        let n_ready = pods.iter().filter(|pod| pod.status.conditions.is_ready()).count() as i64;
        let timestamp = self.turn.now();
        let values = pods.into_iter().map(|pod| {
            let value = match subject {
                MetricSubject::AllPods if !pod.status.conditions.is_ready() => 0,
                MetricSubject::AllPods => value / n_ready,
                _ => value,
            };
            (pod.meta.name.clone(), PodMetric { value, timestamp, window: SERIES_WINDOW })
        });
        Ok(values.collect())
    }

    fn object(&self, metric: &MetricName, described: &DescribedObject) -> Result<i64, String> {
        let DescribedObject { api_version, kind, name } = described;
        let meant = MetricSubject::Object {
            namespace: self.autoscaler.meta.namespace.clone(),
            kind: kind.clone(),
            name: name.clone(),
        };
        let value = self.series(metric).find_map(|(subject, value)| (*subject == meant).then_some(value));
        let group = api_version.split_once('/').map_or(String::new(), |(group, _)| format!(".{group}"));
        value.ok_or_else(|| {
            format!("the server could not find the metric {} for {kind}{group} {name}", metric.name)
        })
    }

    fn external(&self, metric: &MetricName) -> Result<Vec<i64>, String> {
        let external = self.series(metric).filter(|(subject, _)| **subject == MetricSubject::External);
        let values: Vec<i64> = external.map(|(_, value)| value).collect();
        if values.is_empty() {
            return Err(format!("the server could not find the external metric {}", metric.name));
        }
        Ok(values)
    }
}

impl Api for LiveApi<'_, '_> {
    fn scale(&self) -> Result<Scale, String> {
        let cluster = self.cluster();
        let scale = self.target().and_then(|target| match target {
            ObjectId::Deployment(id) => cluster
                .deployment(id)
                .map(|it| (it.spec.replicas, it.status.replicas, it.spec.selector.clone())),
            ObjectId::ReplicaSet(id) => cluster
                .replica_set(id)
                .map(|it| (it.spec.replicas, it.status.replicas, it.spec.selector.clone())),
            ObjectId::StatefulSet(id) => cluster
                .stateful_set(id)
                .map(|it| (it.spec.replicas, it.status.replicas, it.spec.selector.clone())),
            _ => None,
        });
        let target = &self.autoscaler.spec.target;
        let (spec_replicas, status_replicas, selector) =
            scale.ok_or_else(|| format!("{}s.apps \"{}\" not found", target.kind.resource(), target.name))?;
        Ok(Scale { spec_replicas, status_replicas, selector })
    }

    fn list_pods(&self, selector: &LabelSelector) -> Vec<PodFacts> {
        self.select(selector).into_iter().map(|(_, pod)| PodFacts::of(pod)).collect()
    }

    fn autoscalers_of(&self, pods: &[PodFacts]) -> Vec<String> {
        let meta = &self.autoscaler.meta;
        let labels = |pod: &PodFacts| {
            let found = self.cluster().find(crate::model::ids::Kind::Pod, &meta.namespace, &pod.name)?;
            self.cluster().meta(found).map(|meta| &meta.labels)
        };
        let scales = |selector: &LabelSelector| pods.iter().filter_map(labels).any(|it| selector.matches(it));
        let others = self.others.iter().filter(|(_, selector)| scales(selector)).map(|(name, _)| name);
        let mut names: Vec<&Name> = others.chain([&meta.name]).collect();
        names.sort_unstable();
        names.into_iter().map(|name| shown_in_list(&meta.namespace, name)).collect()
    }

    fn set_replicas(&mut self, replicas: u32) -> Result<(), String> {
        let cluster = self.cluster();
        let update = match self.target().ok_or("not found")? {
            ObjectId::Deployment(id) => cluster.deployment(id).map(|it| {
                let mut spec = Arc::clone(&it.spec);
                Arc::make_mut(&mut spec).replicas = replicas;
                (SpecUpdate::Deployment(id, spec), Arc::clone(&it.manifest))
            }),
            ObjectId::ReplicaSet(id) => cluster.replica_set(id).map(|it| {
                let mut spec = Arc::clone(&it.spec);
                Arc::make_mut(&mut spec).replicas = replicas;
                (SpecUpdate::ReplicaSet(id, spec), Arc::clone(&it.manifest))
            }),
            ObjectId::StatefulSet(id) => cluster.stateful_set(id).map(|it| {
                let mut spec = Arc::clone(&it.spec);
                Arc::make_mut(&mut spec).replicas = replicas;
                (SpecUpdate::StatefulSet(id, spec), Arc::clone(&it.manifest))
            }),
            _ => None,
        };
        let (update, manifest) = update.ok_or("not found")?;
        let written = self.turn.submit(Command::UpdateSpec(update, manifest));
        written.map(|_| ()).map_err(|refusal| refusal.to_string())
    }

    fn record(&mut self, severity: Severity, reason: &'static str, message: fmt::Arguments<'_>) {
        if self.turn.wants_records(reason) {
            let object = ObjectId::HorizontalPodAutoscaler(self.id);
            self.turn.record(object, severity, reason, message.to_string(), SOURCE);
        }
    }
}
