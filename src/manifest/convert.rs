//! API objects to the model: decoded, filled in, validated, converted.
//!
//! [`accept`] is what the API server does with a request to create an object. The functions on wire types below it
//! convert what validation has passed: they panic on a word or a number that it would have refused.
//!
//! A Job's selector and the labels that go with it hold the Job's uid, which nobody knows before the Job exists. The
//! API server makes them up while it creates the Job; here they are made up with a stand-in, for validation, and left
//! out of the model. Who creates a pod for a Job adds them, from the Job's name and uid: see
//! [`job_labels`](crate::manifest::defaults::job_labels).

pub mod job;
pub mod node;
pub mod pod;

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::manifest::admission::{self, PriorityClass, PriorityClasses};
use crate::manifest::defaults;
use crate::manifest::field_error::{FieldError, FieldErrors, Path};
use crate::manifest::wire;
use crate::manifest::wire::StringMap;
use crate::manifest::wire::meta::ObjectMeta;
use crate::model::meta::{Labels, Name};
use crate::model::profile::Profile;
use crate::model::scenario::{NewObject, NewSpec};

/// What the API server knows besides the object.
#[derive(Debug, Clone, Copy)]
pub struct ReadContext<'a> {
    /// The behaviour of the Kubernetes version.
    pub profile: &'a Profile,
    /// The priority classes of the cluster.
    pub priority_classes: &'a PriorityClasses,
}

/// An object that the API server has accepted.
#[derive(Debug, Clone, PartialEq)]
pub enum Accepted {
    /// An object of the cluster.
    Object(Box<NewObject>),
    /// A priority class.
    PriorityClass(PriorityClass),
    /// An object of a kind without effect on behaviour.
    Inert,
}

/// Accepts an object that is to be created.
///
/// # Errors
/// Everything that is wrong with it, in the API server's order and words.
pub fn accept(manifest: Value, context: &ReadContext<'_>) -> Result<Accepted, Vec<FieldError>> {
    let object = match manifest["kind"].as_str().unwrap_or_default() {
        "Pod" => pod(&manifest, context)?,
        "Node" => node(&manifest)?,
        "Job" => job(&manifest, context)?,
        "CronJob" => cronjob(&manifest, context)?,
        "PriorityClass" => return priority_class(&manifest).map(Accepted::PriorityClass),
        _ => return Ok(Accepted::Inert),
    };
    Ok(Accepted::Object(Box::new(NewObject { manifest: Arc::new(manifest), ..object })))
}

fn pod(manifest: &Value, context: &ReadContext<'_>) -> Result<NewObject, Vec<FieldError>> {
    let mut pod: wire::pod::Pod = decode(manifest)?;
    fill_namespace(&mut pod.metadata);
    defaults::pod(&mut pod);
    let mut errors = FieldErrors::default();
    context.admit(&mut pod.spec, &Path::OBJECT.child("spec"), &mut errors);
    errors.into_result(())?;
    Ok(new_object(&pod.metadata, NewSpec::Pod(Arc::new(pod::pod_spec(&pod.spec)))))
}

fn node(manifest: &Value) -> Result<NewObject, Vec<FieldError>> {
    let mut node: wire::node::Node = decode(manifest)?;
    defaults::node(&mut node);
    Ok(new_object(&node.metadata, NewSpec::Node(node::node_spec(&node))))
}

fn job(manifest: &Value, context: &ReadContext<'_>) -> Result<NewObject, Vec<FieldError>> {
    let mut job: wire::job::Job = decode(manifest)?;
    fill_namespace(&mut job.metadata);
    defaults::job(&mut job, context.profile);
    let spec = context.job_spec(&job.spec, &Path::OBJECT.child("spec"))?;
    Ok(new_object(&job.metadata, NewSpec::Job(Arc::new(spec))))
}

fn cronjob(manifest: &Value, context: &ReadContext<'_>) -> Result<NewObject, Vec<FieldError>> {
    let mut cronjob: wire::cronjob::CronJob = decode(manifest)?;
    fill_namespace(&mut cronjob.metadata);
    defaults::cronjob(&mut cronjob, context.profile);
    let template = manifest["spec"]["jobTemplate"].clone();
    let spec_path = Path::OBJECT.child("spec");
    let template_path = spec_path.child("jobTemplate");
    let job_spec = context.job_spec(&cronjob.spec.job_template.spec, &template_path.child("spec"))?;
    let spec = job::cronjob_spec(&cronjob.spec, job_spec, template);
    Ok(new_object(&cronjob.metadata, NewSpec::CronJob(Arc::new(spec))))
}

fn priority_class(manifest: &Value) -> Result<PriorityClass, Vec<FieldError>> {
    let class: wire::priority::PriorityClass = decode(manifest)?;
    Ok(PriorityClass {
        name: class.metadata.name,
        value: class.value,
        preemption_policy: class.preemption_policy,
        is_default: class.global_default,
    })
}

impl ReadContext<'_> {
    /// Does to a pod's spec what the admission plugins do.
    fn admit(&self, spec: &mut wire::pod::PodSpec, path: &Path<'_>, errors: &mut FieldErrors) {
        admission::add_default_tolerations(spec);
        self.priority_classes.admit(spec, path, errors);
    }

    /// Converts a Job's spec; its template becomes what the pods made of it will be.
    fn job_spec(
        &self,
        spec: &wire::job::JobSpec,
        path: &Path<'_>,
    ) -> Result<crate::model::job::JobSpec, Vec<FieldError>> {
        let mut spec = spec.clone();
        let mut errors = FieldErrors::default();
        defaults::created_pod_spec(&mut spec.template.spec);
        self.admit(&mut spec.template.spec, &path.child("template").child("spec"), &mut errors);
        errors.into_result(job::job_spec(&spec))
    }
}

fn new_object(meta: &ObjectMeta, spec: NewSpec) -> NewObject {
    NewObject {
        namespace: meta.namespace.clone(),
        name: meta.name.clone(),
        labels: labels(&meta.labels),
        annotations: labels(&meta.annotations),
        spec,
        manifest: Arc::default(),
    }
}

fn decode<T: DeserializeOwned>(manifest: &Value) -> Result<T, Vec<FieldError>> {
    wire::decode(manifest).map_err(|error| vec![error])
}

fn fill_namespace(meta: &mut ObjectMeta) {
    if meta.namespace.is_empty() {
        meta.namespace = "default".into();
    }
}

fn labels(map: &StringMap) -> Labels {
    map.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// A text that may be absent.
fn optional(text: &Name) -> Option<Name> {
    Some(text.clone()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::engine::SimDuration;
    use crate::model::pod::{PullPolicy, QosClass};
    use crate::model::resources::{Bytes, InitKind, Millicores};

    fn read(manifest: Value) -> NewObject {
        let context =
            ReadContext { profile: &Profile::default(), priority_classes: &PriorityClasses::default() };
        match accept(manifest, &context).unwrap() {
            Accepted::Object(object) => *object,
            other => panic!("{other:?} is no object of the cluster"),
        }
    }

    #[test]
    fn a_pod_comes_out_filled_in() {
        let object = read(json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "web", "labels": {"app": "web"}},
            "spec": {
                "initContainers": [{"name": "proxy", "image": "envoy:1", "restartPolicy": "Always"}],
                "containers": [{
                    "name": "main", "image": "web",
                    "resources": {"limits": {"cpu": "1.5", "memory": "1Gi", "example.com/gpu": 2}},
                    "volumeMounts": [{"name": "data", "mountPath": "/data"}],
                }],
                "volumes": [{"name": "data"}],
                "nodeSelector": {"disk": "ssd"},
                "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [{"matchExpressions": [{"key": "cores", "operator": "Gt", "values": ["3"]}]}],
                }}},
            },
        }));
        assert_eq!((&*object.namespace, &*object.name), ("default", "web"));
        let NewSpec::Pod(spec) = object.spec else { panic!("no pod") };
        let main = &spec.containers[0];
        assert_eq!(main.pull_policy, PullPolicy::Always);
        assert_eq!(main.requests.amounts.cpu, Millicores(1500));
        assert_eq!(main.requests.amounts.memory, Bytes(1 << 30));
        assert_eq!(main.requests.amounts.extended("example.com/gpu"), 2);
        assert_eq!(spec.init_containers[0].init_kind, InitKind::Sidecar);
        assert_eq!(spec.termination_grace, SimDuration::from_secs(30));
        assert_eq!(spec.derived.qos, QosClass::Burstable);
        let tolerations: Vec<_> = spec.placement.tolerations.iter().map(|t| t.seconds).collect();
        assert_eq!(tolerations, [Some(SimDuration::from_secs(300)); 2]);
        assert_eq!(object.manifest["spec"]["nodeSelector"], json!({"disk": "ssd"}));
    }

    #[test]
    fn a_job_keeps_its_pods_labels_without_the_generated_ones() {
        let object = read(json!({
            "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "batch", "namespace": "night"},
            "spec": {
                "completions": 10, "completionMode": "Indexed", "activeDeadlineSeconds": 30,
                "successPolicy": {"rules": [{"succeededIndexes": "0,2-4", "succeededCount": 2}]},
                "template": {"metadata": {"labels": {"app": "batch"}}, "spec": {
                    "restartPolicy": "OnFailure", "containers": [{"name": "main", "image": "batch-job/1.0"}]}},
            },
        }));
        assert_eq!(object.labels.get("app").map(|value| &**value), Some("batch"));
        let NewSpec::Job(spec) = object.spec else { panic!("no job") };
        assert_eq!((spec.parallelism, spec.completions, spec.backoff_limit), (1, Some(10), 6));
        assert_eq!(spec.active_deadline, Some(SimDuration::from_secs(30)));
        let rules = spec.success_policy.as_ref().unwrap();
        assert_eq!(rules[0].indexes.as_ref().unwrap().ranges(), [(0, 0), (2, 4)]);
        let labels: Vec<_> = spec.template.labels.iter().map(|(key, _)| &**key).collect();
        assert_eq!(labels, ["app"]);
    }

    #[test]
    fn a_cronjob_keeps_its_template_as_it_was_given() {
        let object = read(json!({
            "apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "c"},
            "spec": {"schedule": "@daily", "startingDeadlineSeconds": 15, "jobTemplate": {
                "metadata": {"labels": {"a": "b"}},
                "spec": {"template": {"spec": {
                    "restartPolicy": "Never", "containers": [{"name": "main", "image": "x:1"}]}}}}},
        }));
        let NewSpec::CronJob(spec) = object.spec else { panic!("no cronjob") };
        assert_eq!(spec.starting_deadline, Some(SimDuration::from_secs(15)));
        assert_eq!((spec.successful_history_limit, spec.failed_history_limit), (Some(3), Some(1)));
        assert_eq!(spec.job_template.spec.completions, Some(1));
        assert_eq!(spec.job_template.manifest["metadata"], json!({"labels": {"a": "b"}}));
    }

    #[test]
    fn a_node_offers_what_its_status_says() {
        let object = read(json!({
            "apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"},
            "spec": {"taints": [{"key": "k", "effect": "NoSchedule"}], "unschedulable": true},
            "status": {"capacity": {"cpu": "4", "memory": "16Gi", "example.com/gpu": "1"},
                       "images": [{"names": ["web:1"], "sizeBytes": 1000}]},
        }));
        assert_eq!(object.namespace.len(), 0);
        assert_eq!(object.labels.get("kubernetes.io/hostname").map(|value| &**value), Some("n1"));
        let NewSpec::Node(spec) = object.spec else { panic!("no node") };
        assert_eq!(spec.allocatable.cpu, Millicores(4000));
        assert_eq!(spec.allocatable.extended("example.com/gpu"), 1);
        assert_eq!((spec.max_pods, spec.unschedulable), (110, true));
        assert_eq!(spec.images[0].size, Bytes(1000));
    }
}
