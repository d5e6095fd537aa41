//! What arrives by a recorded trace: one pod or Job after another.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::component::Observer;
use crate::event::Event;
use crate::model::job::JobSpec;
use crate::model::meta::{Labels, Name};
use crate::model::pod::PodSpec;
use crate::model::scenario::{Arrival, JobMould, NewObject, NewSpec, Trace};
use crate::sim::Simulation;
use crate::sim::outages::NO_API_SERVER;

impl<O: Observer> Simulation<O> {
    /// Creates what arrives with a line of the recorded trace and makes the next one due.
    pub(super) fn arrive(&mut self, position: u32) {
        let scenario = Arc::clone(&self.scenario);
        let Some(trace) = &scenario.trace else { return };
        self.await_arrival(position + 1);
        if self.components.lack_api_server() {
            let at = trace.rows[position as usize].at;
            self.misses.push(format!("trace[{position}] at {at}: {NO_API_SERVER}"));
            return;
        }
        self.create(object(trace, position));
    }

    /// Makes the arrival of a line due, where there is such a line.
    pub(super) fn await_arrival(&mut self, position: u32) {
        let row = self.scenario.trace.as_ref().and_then(|trace| trace.rows.get(position as usize));
        if let Some(row) = row {
            let event = Event::TraceDue(position);
            self.calendar.schedule(row.at, event.rank(), event);
        }
    }
}

fn object(trace: &Trace, position: u32) -> NewObject {
    let row = &trace.rows[position as usize];
    let (kind, spec, manifest) = match row.arrival {
        Arrival::Pod { spec } => {
            ("pod", NewSpec::Pod(Arc::clone(&trace.pods[spec as usize])), Arc::default())
        }
        Arrival::Job { mould, image, n_pods } => {
            let (mould, image) = (&trace.jobs[mould as usize], &trace.images[image as usize]);
            ("job", NewSpec::Job(Arc::new(job(mould, image, n_pods))), manifest(mould, image, n_pods))
        }
    };
    NewObject {
        namespace: "default".into(),
        name: row.name.clone().unwrap_or_else(|| format!("{kind}-{position}").into()),
        labels: Labels::default(),
        annotations: Labels::default(),
        spec,
        manifest,
    }
}

/// The Job of a mould whose pods run this image.
fn job(mould: &JobMould, image: &Name, n_pods: u32) -> JobSpec {
    let mut spec = JobSpec::clone(&mould.spec);
    spec.parallelism = n_pods;
    spec.completions = Some(n_pods);
    let mut pod = PodSpec::clone(&spec.template.spec);
    pod.containers[0].image = image.clone();
    spec.template.spec = Arc::new(pod);
    spec
}

fn manifest(mould: &JobMould, image: &Name, n_pods: u32) -> Arc<Value> {
    let mut manifest = Value::clone(&mould.manifest);
    let spec = &mut manifest["spec"];
    spec["parallelism"] = n_pods.into();
    spec["completions"] = n_pods.into();
    spec["template"]["spec"]["containers"][0]["image"] = json!(&**image);
    Arc::new(manifest)
}
