//! What the pods and Jobs of a trace are made of: one spec for all that ask for the same.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::engine::Distribution;
use crate::manifest::admission::PriorityClasses;
use crate::manifest::convert::{self, ReadContext};
use crate::manifest::diagnostic::Mark;
use crate::manifest::load::trace::Form;
use crate::manifest::load::trace::columns::{Columns, Line, Needs, Work};
use crate::manifest::tree::Tree;
use crate::manifest::warnings::FieldWarnings;
use crate::model::ids::Kind;
use crate::model::meta::Name;
use crate::model::profile::Profile;
use crate::model::program::{Program, Step};
use crate::model::scenario::{Arrival, JobMould, NewObject, NewSpec, Trace};

/// Makes specs and programs as lines ask for them, each once.
pub(super) struct Moulds<'a> {
    form: Form,
    columns: &'a Columns,
    profile: &'a Profile,
    programs: &'a mut BTreeMap<Name, Program>,
    pods: BTreeMap<(Needs, Work), u32>,
    jobs: BTreeMap<Needs, u32>,
    images: BTreeMap<Work, u32>,
    trace: Trace,
}

impl<'a> Moulds<'a> {
    pub(super) fn new(
        form: Form,
        columns: &'a Columns,
        profile: &'a Profile,
        programs: &'a mut BTreeMap<Name, Program>,
    ) -> Self {
        let (pods, jobs, images) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { form, columns, profile, programs, pods, jobs, images, trace: Trace::default() }
    }

    /// All that was made, without the lines.
    pub(super) fn into_trace(self) -> Trace {
        self.trace
    }

    /// What arrives with a line.
    pub(super) fn arrival(&mut self, line: &Line) -> Result<Arrival, String> {
        match self.form {
            Form::Pods => self.pod(line),
            Form::Jobs(ttl) => self.job(line, ttl),
        }
    }

    fn pod(&mut self, line: &Line) -> Result<Arrival, String> {
        let key = (line.needs.clone(), line.work);
        if let Some(spec) = self.pods.get(&key) {
            return Ok(Arrival::Pod { spec: *spec });
        }
        let manifest = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "trace"},
            "spec": self.pod_manifest(&line.needs, &image(line.work)),
        });
        let NewSpec::Pod(pod) = self.accept(Kind::Pod, &manifest)?.spec else {
            unreachable!("the manifest is a pod's")
        };
        self.programs.insert(image(line.work), program(line.work));
        let spec = self.trace.pods.len() as u32;
        self.trace.pods.push(pod);
        self.pods.insert(key, spec);
        Ok(Arrival::Pod { spec })
    }

    fn job(&mut self, line: &Line, ttl: Option<u32>) -> Result<Arrival, String> {
        let mould = match self.jobs.get(&line.needs) {
            Some(mould) => *mould,
            None => self.job_mould(&line.needs, ttl)?,
        };
        let image = match self.images.get(&line.work) {
            Some(image) => *image,
            None => {
                let position = self.trace.images.len() as u32;
                self.programs.insert(image(line.work), program(line.work));
                self.trace.images.push(image(line.work));
                self.images.insert(line.work, position);
                position
            }
        };
        Ok(Arrival::Job { mould, image, n_pods: line.n_pods })
    }

    fn job_mould(&mut self, needs: &Needs, ttl: Option<u32>) -> Result<u32, String> {
        let mut manifest = json!({
            "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "trace"},
            "spec": {"backoffLimit": 0, "template": {"spec": self.pod_manifest(needs, "trace")}},
        });
        if let Some(ttl) = ttl {
            manifest["spec"]["ttlSecondsAfterFinished"] = ttl.into();
        }
        let NewSpec::Job(spec) = self.accept(Kind::Job, &manifest)?.spec else {
            unreachable!("the manifest is a Job's")
        };
        let position = self.trace.jobs.len() as u32;
        self.trace.jobs.push(JobMould { spec, manifest: Arc::new(manifest) });
        self.jobs.insert(needs.clone(), position);
        Ok(position)
    }

    /// The spec of a pod that is not restarted.
    fn pod_manifest(&self, needs: &Needs, image: &str) -> Value {
        let mut amounts = Map::new();
        amounts.insert("cpu".into(), format!("{}m", needs.cpu_m).into());
        amounts.insert("memory".into(), format!("{}Mi", needs.memory_mib).into());
        for (name, amount) in self.columns.resources.iter().zip(&needs.resources) {
            if *amount > 0 {
                amounts.insert(name.to_string(), (*amount).into());
            }
        }
        let mut spec = json!({"restartPolicy": "Never", "containers": [{
            "name": "main", "image": image, "imagePullPolicy": "IfNotPresent",
            "resources": {"requests": amounts, "limits": amounts},
        }]});
        let labels = self.columns.labels.iter().zip(&needs.labels);
        let requirements: Vec<Value> = labels
            .filter(|(_, values)| !values.is_empty())
            .map(|(label, values)| json!({"key": &**label, "operator": "In", "values": values}))
            .collect();
        if !requirements.is_empty() {
            spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] =
                json!({"nodeSelectorTerms": [{"matchExpressions": requirements}]});
        }
        spec
    }

    fn accept(&self, kind: Kind, manifest: &Value) -> Result<NewObject, String> {
        let tree = Tree::from_json(manifest, Mark::START);
        let context = ReadContext { profile: self.profile, priority_classes: &PriorityClasses::default() };
        convert::accept(kind, &tree, &context, &mut FieldWarnings::default())
            .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    }
}

/// The image of pods that do this; each length, and each exit code, is a program.
fn image(work: Work) -> Name {
    let code = if work.exit_code == 0 { String::new() } else { format!("/exit-{}", work.exit_code) };
    format!("trace/{}{code}", work.duration).into()
}

fn program(work: Work) -> Program {
    let mut steps = vec![Step::Run(Distribution::constant(work.duration))];
    if work.exit_code != 0 {
        steps.push(Step::Exit(vec![(work.exit_code, 1.0)]));
    }
    Program { attempts: vec![steps], ..Program::default_for(None) }
}
