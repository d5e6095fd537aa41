//! Whether a pod of each workload finds a node when it is alone: where it does not, more of the same nodes do not help.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::engine::{SimDuration, SimTime};
use crate::experiment::trial;
use crate::model::ids::Kind;
use crate::model::meta::Name;
use crate::model::scenario::{Horizon, NewObject, NewSpec, Scenario};

/// So long is enough for an attempt of the scheduler, whatever the latencies are.
const HORIZON: SimDuration = SimDuration::from_secs(60);
/// The pods of a recorded trace are alike in so many ways at the most.
const SHAPES_MAX: usize = 100;

/// A workload of which a pod is refused even alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alone {
    /// The workload, as `deployment/web`.
    pub workload: String,
    /// Why, in the scheduler's words.
    pub message: String,
}

/// The workloads of which a pod is refused even when it is alone in the cluster.
pub fn refused_alone(scenario: &Scenario) -> Vec<Alone> {
    let mut shapes = BTreeSet::new();
    let traced = scenario.trace.iter().flat_map(|trace| {
        let of_jobs = trace.jobs.iter().map(|mould| &mould.spec.template.spec);
        trace.pods.iter().chain(of_jobs)
    });
    let traced = traced.take(SHAPES_MAX);
    let traced =
        traced.map(|spec| ("pod of the trace".to_owned(), single("traced".into(), "default".into(), spec)));
    let objects = scenario.objects.iter().filter_map(|object| {
        let label = format!("{}/{}", object.spec.kind().resource(), object.name);
        Some((label, pod_of(object)?))
    });
    let refused = objects.chain(traced).filter_map(|(workload, pod)| {
        let message = refusal(scenario, pod)?;
        Some(Alone { workload, message })
    });
    refused.filter(|alone| shapes.insert((alone.workload.clone(), alone.message.clone()))).collect()
}

/// A pod of a workload, by itself.
fn pod_of(object: &NewObject) -> Option<NewObject> {
    if object.spec.kind() == Kind::Pod {
        return Some(object.clone());
    }
    let template = object.spec.template()?;
    let pod = single(object.name.clone(), object.namespace.clone(), &template.spec);
    Some(NewObject { labels: template.labels.clone(), annotations: template.annotations.clone(), ..pod })
}

fn single(name: Name, namespace: Name, spec: &Arc<crate::model::pod::PodSpec>) -> NewObject {
    NewObject {
        namespace,
        name,
        labels: crate::model::meta::Labels::default(),
        annotations: crate::model::meta::Labels::default(),
        spec: NewSpec::Pod(Arc::clone(spec)),
        manifest: Arc::default(),
    }
}

/// Why a pod finds no node in the cluster without any other; `None` where it finds one.
fn refusal(scenario: &Scenario, pod: NewObject) -> Option<String> {
    let nodes = scenario.objects.iter().filter(|object| object.spec.kind() == Kind::Node).cloned();
    let scenario = Scenario {
        objects: nodes.chain([pod]).collect(),
        horizon: Horizon::At(SimTime::ZERO + HORIZON),
        trace: None,
        traffic: Arc::default(),
        timeline: Vec::new(),
        faults: Vec::new(),
        expectations: Vec::new(),
        ..scenario.clone()
    };
    let trial = trial::run(&Arc::new(scenario), None, (), |_| {});
    let (_, pod) = trial.simulation.cluster().pods().iter().next()?;
    let condition = pod.status.conditions.scheduled.as_ref().filter(|_| pod.node.is_none())?;
    condition.message.as_deref().map(str::to_owned)
}
