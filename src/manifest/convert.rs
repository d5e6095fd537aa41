//! API objects to the model: decoded, filled in, validated, converted.
//!
//! [`accept`] does what the API server does with a request to create an object, [`accept_update`] with one to change
//! it, and [`accept_object`] reports the outcome of the first with places in files. What [`job`], [`node`] and [`pod`] convert has passed both defaulting and validation: they panic on a word or
//! a number that validation refuses.
//!
//! A Job's selector and the labels that go with it hold the Job's uid, which nobody knows before the Job exists. The
//! API server makes them up while it creates the Job; here they are made up for validation, with a stand-in where the
//! manifest has no uid, and left out of the model. Who creates a pod for a Job adds them, from the Job's name and uid:
//! see [`job_labels`].

mod amount;
mod daemon_set;
pub mod horizontal_pod_autoscaler;
pub mod job;
pub mod node;
mod placed;
pub mod pod;
mod pod_disruption_budget;
mod stateful_set;
pub mod service;
mod workloads;
mod probe;

pub use placed::{accept_object, report};

use std::sync::Arc;

use serde_json::Value;

use crate::manifest::admission::{self, PriorityClass, PriorityClasses};
use crate::manifest::defaults::{self, job_labels};
use crate::manifest::diagnostic::Mark;
use crate::manifest::field_error::{FieldError, FieldErrors, Path};
use crate::manifest::patch::Revision;
use crate::manifest::tree::Tree;
use crate::manifest::validation::job::{GeneratedLabels, JobUpdate};
use crate::manifest::validation::{self, gates};
use crate::manifest::warnings::{self, FieldWarnings};
use crate::manifest::wire;
use crate::manifest::wire::StringMap;
use crate::manifest::wire::meta::ObjectMeta;
use crate::model::ids::Kind;
use crate::model::job::JobSpec;
use crate::model::meta::{Labels, Name};
use crate::model::profile::{Feature, Profile};
use crate::model::resource_quota::{HardLimit, Quotable, ResourceQuotaSpec};
use crate::model::scenario::{NewObject, NewSpec};

/// The uid that a Job has while its selector is validated.
const STAND_IN_UID: &str = "00000000-0000-4000-8000-000000000000";

/// What the API server knows besides the object.
#[derive(Debug, Clone, Copy)]
pub struct ReadContext<'a> {
    /// The behaviour of the Kubernetes version.
    pub profile: &'a Profile,
    /// The priority classes of the cluster.
    pub priority_classes: &'a PriorityClasses,
}

/// What became of a Job since it was created, as far as it decides what may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JobProgress {
    /// Whether the controller has started it.
    pub has_started: bool,
    /// Its pods that are neither finished nor being deleted.
    pub n_active: u32,
}

/// Accepts an object that is to be created.
///
/// # Errors
/// Everything that is wrong with it, in the API server's order and words.
pub fn accept(
    kind: Kind,
    tree: &Tree,
    context: &ReadContext<'_>,
    warnings: &mut FieldWarnings,
) -> Result<NewObject, Vec<FieldError>> {
    let object = match kind {
        Kind::Pod => {
            let Prepared { object: pod, mut errors } = context.prepare_pod(tree)?;
            warnings::pod(&pod, warnings);
            validation::pod::pod(&pod, &mut errors);
            context.finish_pod(pod, errors)?
        }
        Kind::Node => {
            let Prepared { object: node, mut errors } = prepare_node(tree)?;
            validation::node::node(&node, &mut errors);
            finish_node(&node, errors)?
        }
        Kind::ResourceQuota => accept_resource_quota(tree)?,
        Kind::Job => {
            let Prepared { object: job, mut errors } = context.prepare_job(tree, None)?;
            warnings::job(&job, warnings);
            validation::job::job(&job, GeneratedLabels::Prefixed, &mut errors);
            context.finish_job(job, errors)?
        }
        Kind::CronJob => {
            let Prepared { object: cronjob, mut errors } = context.prepare_cronjob(tree)?;
            warnings::cronjob(&cronjob, warnings);
            validation::cronjob::cronjob(&cronjob, context.profile, &mut errors);
            context.finish_cronjob(cronjob, tree, errors)?
        }
        Kind::ReplicaSet => context.accept_replica_set(tree, warnings)?,
        Kind::Deployment => context.accept_deployment(tree, warnings)?,
        Kind::PodDisruptionBudget => pod_disruption_budget::accept(tree, None)?,
        Kind::Service => {
            let Prepared { object: service, mut errors } = prepare_service(tree)?;
            validation::service::service(&service, &mut errors);
            finish_service(&service, errors)?
        }
        Kind::StatefulSet => context.accept_stateful_set(tree, warnings)?,
        Kind::DaemonSet => context.accept_daemon_set(tree, warnings)?,
        Kind::HorizontalPodAutoscaler => {
            let tree = horizontal_pod_autoscaler::as_v2(tree);
            let object = context.accept_autoscaler(&tree)?;
            return Ok(NewObject { manifest: Arc::new(tree.to_json()), ..object });
        }
    };
    Ok(NewObject { manifest: Arc::new(tree.to_json()), ..object })
}

/// Accepts a change of an object that exists.
///
/// `old` is the manifest that the object was last made of. `progress` matters for Jobs only.
///
/// # Errors
/// Everything that is wrong with the outcome, or cannot change, in the API server's order and words.
pub fn accept_update(
    kind: Kind,
    old: &Value,
    revision: Revision<'_>,
    progress: JobProgress,
    context: &ReadContext<'_>,
) -> Result<NewObject, Vec<FieldError>> {
    let manifest = revision.revise(kind, old);
    let (new, old) = (Tree::from_json(&manifest, Mark::START), Tree::from_json(old, Mark::START));
    let object = match kind {
        Kind::Pod => {
            let old = context.prepare_pod(&old)?.object;
            let Prepared { object: pod, mut errors } = context.prepare_pod(&new)?;
            validation::pod::pod_update(&pod, &old, &mut errors);
            context.finish_pod(pod, errors)?
        }
        Kind::Node => {
            let old = prepare_node(&old)?.object;
            let Prepared { object: node, mut errors } = prepare_node(&new)?;
            validation::node::node_update(&node, &old, &mut errors);
            finish_node(&node, errors)?
        }
        Kind::ResourceQuota => accept_resource_quota(&new)?,
        Kind::Job => {
            let old = context.prepare_job(&old, None)?.object;
            let Prepared { object: job, mut errors } = context.prepare_job(&new, Some(&old.metadata))?;
            validation::job::job_update(&job, &old, context.job_update(&old, progress), &mut errors);
            context.finish_job(job, errors)?
        }
        Kind::CronJob => {
            let old = context.prepare_cronjob(&old)?.object;
            let Prepared { object: cronjob, mut errors } = context.prepare_cronjob(&new)?;
            validation::cronjob::cronjob_update(&cronjob, &old, context.profile, &mut errors);
            context.finish_cronjob(cronjob, &new, errors)?
        }
        Kind::ReplicaSet => context.update_replica_set(&new, &old)?,
        Kind::Deployment => context.update_deployment(&new, &old)?,
        Kind::PodDisruptionBudget => pod_disruption_budget::accept(&new, Some(&old))?,
        Kind::Service => {
            let old = prepare_service(&old)?.object;
            let Prepared { object: service, mut errors } = prepare_service(&new)?;
            validation::service::service_update(&service, &old, &mut errors);
            finish_service(&service, errors)?
        }
        Kind::StatefulSet => context.update_stateful_set(&new, &old)?,
        Kind::DaemonSet => context.update_daemon_set(&new, &old)?,
        Kind::HorizontalPodAutoscaler => {
            let new = horizontal_pod_autoscaler::as_v2(&new);
            let object = context.accept_autoscaler_update(&old, &new)?;
            return Ok(NewObject { manifest: Arc::new(new.to_json()), ..object });
        }
    };
    Ok(NewObject { manifest: Arc::new(manifest), ..object })
}

/// Accepts a priority class.
///
/// # Errors
/// Everything that is wrong with it.
pub fn accept_priority_class(tree: &Tree) -> Result<PriorityClass, Vec<FieldError>> {
    let class: wire::priority::PriorityClass = wire::decode(tree).map_err(|error| vec![error])?;
    let mut errors = FieldErrors::default();
    validation::priority::priority_class(&class, &mut errors);
    errors.into_result(())?;
    Ok(PriorityClass {
        name: class.metadata.name,
        value: class.value,
        preemption_policy: class.preemption_policy,
        is_default: class.global_default,
    })
}

/// Accepts a namespace; gives its name and labels.
///
/// # Errors
/// Everything that is wrong with it.
pub fn accept_namespace(tree: &Tree) -> Result<(Name, Labels), Vec<FieldError>> {
    let namespace: wire::meta::Namespace = wire::decode(tree).map_err(|error| vec![error])?;
    let mut errors = FieldErrors::default();
    validation::meta::namespace(&namespace, &mut errors);
    let metadata = namespace.metadata;
    errors.into_result((metadata.name, labels(&metadata.labels)))
}

fn accept_resource_quota(tree: &Tree) -> Result<NewObject, Vec<FieldError>> {
    let mut quota: wire::quota::ResourceQuota = wire::decode(tree).map_err(|error| vec![error])?;
    fill_namespace(&mut quota.metadata);
    let mut errors = FieldErrors::default();
    validation::quota::resource_quota(&quota, &mut errors);
    errors.into_result(())?;
    let hard = quota.spec.hard.iter().filter_map(|(name, amount)| {
        let what = Quotable::of(name)?;
        let is_cpu = matches!(what, Quotable::RequestsCpu | Quotable::LimitsCpu);
        let amount = if is_cpu { amount.milli_value().unwrap_or(i64::MAX) } else { amount.value() };
        Some(HardLimit { name: name.clone(), what, amount })
    });
    let spec = ResourceQuotaSpec { hard: hard.collect() };
    Ok(new_object(&quota.metadata, NewSpec::ResourceQuota(Arc::new(spec))))
}

/// An object that has been decoded and filled in, and what is wrong with it so far.
struct Prepared<T> {
    object: T,
    errors: FieldErrors,
}

fn prepare_node(tree: &Tree) -> Result<Prepared<wire::node::Node>, Vec<FieldError>> {
    let mut node = wire::decode(tree).map_err(|error| vec![error])?;
    defaults::node(&mut node);
    Ok(Prepared { object: node, errors: FieldErrors::default() })
}

fn finish_node(node: &wire::node::Node, errors: FieldErrors) -> Result<NewObject, Vec<FieldError>> {
    errors.into_result(())?;
    Ok(new_object(&node.metadata, NewSpec::Node(node::node_spec(node))))
}

fn prepare_service(tree: &Tree) -> Result<Prepared<wire::service::Service>, Vec<FieldError>> {
    let mut service: wire::service::Service = wire::decode(tree).map_err(|error| vec![error])?;
    fill_namespace(&mut service.metadata);
    defaults::service(&mut service);
    Ok(Prepared { object: service, errors: FieldErrors::default() })
}

fn finish_service(
    service: &wire::service::Service,
    errors: FieldErrors,
) -> Result<NewObject, Vec<FieldError>> {
    errors.into_result(())?;
    Ok(new_object(&service.metadata, NewSpec::Service(Arc::new(service::service_spec(&service.spec)))))
}

impl ReadContext<'_> {
    fn prepare_pod(&self, tree: &Tree) -> Result<Prepared<wire::pod::Pod>, Vec<FieldError>> {
        let mut pod: wire::pod::Pod = wire::decode(tree).map_err(|error| vec![error])?;
        let mut errors = FieldErrors::default();
        gates::pod_spec(&pod.spec, self.profile, &Path::OBJECT.child("spec"), &mut errors);
        fill_namespace(&mut pod.metadata);
        defaults::pod(&mut pod);
        Ok(Prepared { object: pod, errors })
    }

    fn finish_pod(
        &self,
        mut pod: wire::pod::Pod,
        mut errors: FieldErrors,
    ) -> Result<NewObject, Vec<FieldError>> {
        self.admit(&mut pod.spec, &Path::OBJECT.child("spec"), &mut errors);
        errors.into_result(())?;
        Ok(new_object(&pod.metadata, NewSpec::Pod(Arc::new(pod::pod_spec(&pod.spec)))))
    }

    /// `existing` is the Job that this one is to replace.
    fn prepare_job(
        &self,
        tree: &Tree,
        existing: Option<&ObjectMeta>,
    ) -> Result<Prepared<wire::job::Job>, Vec<FieldError>> {
        let mut job: wire::job::Job = wire::decode(tree).map_err(|error| vec![error])?;
        let mut errors = FieldErrors::default();
        gates::job_spec(&job.spec, self.profile, &Path::OBJECT.child("spec"), &mut errors);
        fill_namespace(&mut job.metadata);
        defaults::job(&mut job, self.profile);
        if job.metadata.uid.is_empty() {
            job.metadata.uid = existing.map_or_else(|| STAND_IN_UID.into(), |existing| existing.uid.clone());
        }
        let meta = existing.unwrap_or(&job.metadata);
        defaults::job_selector(&mut job.spec, &meta.name, &meta.uid);
        Ok(Prepared { object: job, errors })
    }

    fn finish_job(&self, job: wire::job::Job, mut errors: FieldErrors) -> Result<NewObject, Vec<FieldError>> {
        let mut spec = job.spec;
        if spec.manual_selector != Some(true) {
            let labels = &mut spec.template.metadata.labels;
            labels.retain(|label, _| !job_labels::ALL.contains(&&**label));
        }
        let spec = self.finish_job_spec(spec, &Path::OBJECT.child("spec"), &mut errors);
        let spec = spec.ok_or(errors.0)?;
        Ok(new_object(&job.metadata, NewSpec::Job(Arc::new(spec))))
    }

    fn prepare_cronjob(&self, tree: &Tree) -> Result<Prepared<wire::cronjob::CronJob>, Vec<FieldError>> {
        let mut cronjob: wire::cronjob::CronJob = wire::decode(tree).map_err(|error| vec![error])?;
        let mut errors = FieldErrors::default();
        let spec = Path::OBJECT.child("spec");
        let template = spec.child("jobTemplate");
        let job_spec = &cronjob.spec.job_template.spec;
        gates::job_spec(job_spec, self.profile, &template.child("spec"), &mut errors);
        fill_namespace(&mut cronjob.metadata);
        defaults::cronjob(&mut cronjob, self.profile);
        Ok(Prepared { object: cronjob, errors })
    }

    fn finish_cronjob(
        &self,
        mut cronjob: wire::cronjob::CronJob,
        tree: &Tree,
        mut errors: FieldErrors,
    ) -> Result<NewObject, Vec<FieldError>> {
        let spec = Path::OBJECT.child("spec");
        let template = spec.child("jobTemplate");
        let job_spec = std::mem::take(&mut cronjob.spec.job_template.spec);
        let job_spec = self.finish_job_spec(job_spec, &template.child("spec"), &mut errors);
        let job_spec = job_spec.ok_or(errors.0)?;
        let manifest = tree.get("spec").and_then(|spec| spec.get("jobTemplate")).map(Tree::to_json);
        let spec = job::cronjob_spec(&cronjob.spec, job_spec, manifest.unwrap_or_default());
        Ok(new_object(&cronjob.metadata, NewSpec::CronJob(Arc::new(spec))))
    }

    /// Converts a Job's spec, unless something is wrong; its template becomes what the pods made of it will be.
    fn finish_job_spec(
        &self,
        mut spec: wire::job::JobSpec,
        path: &Path<'_>,
        errors: &mut FieldErrors,
    ) -> Option<JobSpec> {
        let template = path.child("template");
        defaults::created_pod_spec(&mut spec.template.spec);
        self.admit(&mut spec.template.spec, &template.child("spec"), errors);
        errors.is_empty().then(|| job::job_spec(&spec))
    }

    /// Does to a pod's spec what the admission plugins do.
    fn admit(&self, spec: &mut wire::pod::PodSpec, path: &Path<'_>, errors: &mut FieldErrors) {
        admission::add_default_tolerations(spec);
        self.priority_classes.admit(spec, path, errors);
    }

    /// Source: Kubernetes 1.28 and 1.36, pkg/registry/batch/job/strategy.go, validationOptionsForJob.
    fn job_update(&self, old: &wire::job::Job, progress: JobProgress) -> JobUpdate {
        let is_idle = self.profile.has(Feature::JobSuspendClearsStartTime) && progress.n_active == 0;
        JobUpdate {
            allows_scheduling_directives: old.spec.suspend == Some(true)
                && (is_idle || !progress.has_started),
            allows_elastic_indexes: true,
        }
    }
}

fn new_object(meta: &ObjectMeta, spec: NewSpec) -> NewObject {
    NewObject {
        namespace: meta.namespace.clone(),
        name: meta.name.clone(),
        labels: labels(&meta.labels),
        annotations: labels(&meta.annotations),
        spec,
        manifest: Arc::new(Value::Null),
    }
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
    use crate::manifest::patch;
    use crate::model::pod::{PullPolicy, QosClass};
    use crate::model::resources::{Bytes, InitKind, Millicores};

    fn context_and<T>(run: impl FnOnce(&ReadContext<'_>) -> T) -> T {
        run(&ReadContext { profile: &Profile::default(), priority_classes: &PriorityClasses::default() })
    }

    fn tree(value: &Value) -> Tree {
        Tree::from_json(value, Mark::START)
    }

    fn kind(manifest: &Value) -> Kind {
        let kinds = [Kind::Node, Kind::Pod, Kind::Job, Kind::CronJob];
        kinds.into_iter().find(|kind| manifest["kind"] == kind.as_str()).unwrap()
    }

    fn read(manifest: Value) -> NewObject {
        let kind = kind(&manifest);
        context_and(|context| accept(kind, &tree(&manifest), context, &mut FieldWarnings::default())).unwrap()
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

    fn job_of(spec: Value) -> Value {
        let mut manifest = json!({
            "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"},
            "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "m", "image": "i:1"}]}}},
        });
        patch::merge(&mut manifest, &json!({"spec": spec}));
        manifest
    }

    #[track_caller]
    fn check_update(old: Value, change: Value, progress: JobProgress, expected: &[&str]) {
        let revision = Revision::Merge(&change);
        let outcome = context_and(|context| accept_update(kind(&old), &old, revision, progress, context));
        let lines: Vec<_> = outcome.err().into_iter().flatten().map(|error| error.to_string()).collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_job_changes_where_it_may() {
        let fresh = JobProgress::default();
        let template = |labels: Value| json!({"spec": {"template": {"metadata": {"labels": labels}}}});
        check_update(job_of(json!({})), json!({"spec": {"parallelism": 5, "suspend": true}}), fresh, &[]);
        check_update(
            job_of(json!({})),
            json!({"spec": {"completions": 5, "completionMode": "Indexed"}}),
            fresh,
            &[
                "spec.completions: Invalid value: 5: can only be modified in tandem with spec.parallelism",
                "spec.completionMode: Invalid value: field is immutable",
            ],
        );
        let immutable = ["spec.template: Invalid value: field is immutable"];
        check_update(job_of(json!({})), template(json!({"a": "b"})), fresh, &immutable);
        check_update(job_of(json!({"suspend": true})), template(json!({"a": "b"})), fresh, &[]);
        let started = JobProgress { has_started: true, n_active: 0 };
        check_update(job_of(json!({"suspend": true})), template(json!({"a": "b"})), started, &immutable);
        let spelled_out =
            json!({"spec": {"template": {"spec": {"dnsPolicy": "ClusterFirst", "securityContext": {}}}}});
        check_update(job_of(json!({})), spelled_out, fresh, &[]);
    }

    #[test]
    fn nodes_and_cronjobs_change_freely() {
        let any = JobProgress::default();
        let node = json!({"kind": "Node", "metadata": {"name": "n"}, "status": {"capacity": {"cpu": 1}}});
        check_update(node.clone(), json!({"spec": {"unschedulable": true}}), any, &[]);
        check_update(
            node,
            json!({"spec": {"taints": [{"key": "k", "effect": "No"}]}}),
            any,
            &["spec.taints[0].effect: Unsupported value: \"No\": supported values: \"NoSchedule\", \
               \"PreferNoSchedule\", \"NoExecute\""],
        );
        let job = job_of(json!({}))["spec"].clone();
        let cronjob = |schedule: &str| {
            json!({"kind": "CronJob", "metadata": {"name": "c"},
                   "spec": {"schedule": schedule, "jobTemplate": {"spec": job}}})
        };
        let template = json!({"spec": {"suspend": true, "jobTemplate": {"spec": {"completions": 5}}}});
        check_update(cronjob("@daily"), template, any, &[]);
        check_update(
            cronjob("@daily"),
            json!({"spec": {"schedule": "TZ=UTC 0 0 * * *"}}),
            any,
            &[
                "spec.schedule: Invalid value: \"TZ=UTC 0 0 * * *\": cannot use TZ or CRON_TZ in schedule, use timeZone \
               field instead",
            ],
        );
    }

    #[test]
    fn names_do_not_change() {
        check_update(
            job_of(json!({})),
            json!({"metadata": {"name": "k"}}),
            JobProgress::default(),
            &["metadata.name: Invalid value: \"k\": field is immutable"],
        );
    }

    #[test]
    fn an_object_that_kubectl_printed_is_taken_back() {
        let uid = "1f0c6a0e-0d59-4b0e-9c4f-2f5d5a0f7f11";
        let mut manifest =
            job_of(json!({"selector": {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}}));
        patch::merge(
            &mut manifest,
            &json!({
                "metadata": {"uid": uid, "generation": 1},
                "spec": {"template": {"metadata": {"labels": {
                    "batch.kubernetes.io/controller-uid": uid, "controller-uid": uid,
                    "batch.kubernetes.io/job-name": "j", "job-name": "j", "app": "x",
                }}}},
                "status": {"active": 1},
            }),
        );
        let NewSpec::Job(spec) = read(manifest).spec else { panic!("no job") };
        let labels: Vec<_> = spec.template.labels.iter().map(|(key, _)| &**key).collect();
        assert_eq!(labels, ["app"]);
    }

    #[test]
    fn a_job_that_restarts_always_is_refused_with_the_path() {
        let manifest = job_of(json!({"template": {"spec": {"restartPolicy": "Always"}}}));
        let errors = context_and(|context| {
            accept(Kind::Job, &tree(&manifest), context, &mut FieldWarnings::default()).unwrap_err()
        });
        let lines: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            ["spec.template.spec.restartPolicy: Required value: valid values: \"OnFailure\", \"Never\""]
        );
    }

    #[test]
    fn a_name_too_long_for_the_generated_label_is_refused() {
        let mut manifest = job_of(json!({}));
        manifest["metadata"]["name"] = json!("x".repeat(64));
        let errors = context_and(|context| {
            accept(Kind::Job, &tree(&manifest), context, &mut FieldWarnings::default()).unwrap_err()
        });
        assert!(errors.iter().all(|error| error.path == "spec.template.labels"), "{errors:?}");
    }
}
