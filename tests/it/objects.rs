//! Objects for cases that name only what they are about.

use std::sync::Arc;

use cluster_sim::cluster::Cluster;
use cluster_sim::engine::{EntityKey, SimDuration, SimTime};
use cluster_sim::event::{Command, Creation};
use cluster_sim::manifest::admission::PriorityClasses;
use cluster_sim::manifest::convert::{ReadContext, accept};
use cluster_sim::manifest::diagnostic::Mark;
use cluster_sim::manifest::tree::Tree;
use cluster_sim::manifest::warnings::FieldWarnings;
use cluster_sim::model::cronjob::{ConcurrencyPolicy, CronJobSpec, JobReference};
use cluster_sim::model::ids::{Kind, ObjectId};
use cluster_sim::model::job::{JobSpec, JobTemplate};
use cluster_sim::model::meta::{Labels, ObjectMeta, Owner, Uid};
use cluster_sim::model::profile::Profile;
use cluster_sim::model::scenario::{NewObject, NewSpec};
use serde_json::{Value, json};

/// What the API server makes of a manifest.
///
/// # Errors
/// Why it refuses it.
pub fn accepted(manifest: Value, profile: &Profile) -> Result<NewObject, String> {
    let context = ReadContext { profile, priority_classes: &PriorityClasses::default() };
    let kind = match manifest["kind"].as_str() {
        Some("Pod") => Kind::Pod,
        Some("Node") => Kind::Node,
        Some("Job") => Kind::Job,
        Some("CronJob") => Kind::CronJob,
        Some("PodDisruptionBudget") => Kind::PodDisruptionBudget,
        Some("HorizontalPodAutoscaler") => Kind::HorizontalPodAutoscaler,
        other => return Err(format!("no kind of the cluster: {other:?}")),
    };
    let tree = Tree::from_json(&manifest, Mark::START);
    accept(kind, &tree, &context, &mut FieldWarnings::default())
        .map_err(|errors| format!("not accepted: {errors:?}"))
}

/// A Job of one pod, with nothing said but what must be.
pub fn job_spec() -> Arc<JobSpec> {
    let manifest = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "any"},
        "spec": {"template": {"spec": {
            "restartPolicy": "Never",
            "containers": [{"name": "main", "image": "any"}],
        }}},
    });
    match accepted(manifest, &Profile::default()).map(|object| object.spec) {
        Ok(NewSpec::Job(spec)) => spec,
        other => panic!("no Job: {other:?}"),
    }
}

/// The CronJob that the fields of a case's `spec` describe, also where the API server would refuse it. Without history
/// limits nothing is cleaned up.
pub fn cronjob_spec(spec: &Value) -> CronJobSpec {
    let number = |field: &str| spec[field].as_u64();
    let limit = |field: &str| number(field).map(|limit| u32::try_from(limit).expect("a small limit"));
    CronJobSpec {
        schedule: spec["schedule"].as_str().expect("a schedule").into(),
        time_zone: spec["timeZone"].as_str().map(Into::into),
        starting_deadline: number("startingDeadlineSeconds").map(SimDuration::from_secs),
        concurrency_policy: match spec["concurrencyPolicy"].as_str() {
            None | Some("Allow") => ConcurrencyPolicy::Allow,
            Some("Forbid") => ConcurrencyPolicy::Forbid,
            Some("Replace") => ConcurrencyPolicy::Replace,
            Some(other) => panic!("no concurrency policy: {other}"),
        },
        suspend: spec["suspend"] == true,
        successful_history_limit: limit("successfulJobsHistoryLimit"),
        failed_history_limit: limit("failedJobsHistoryLimit"),
        job_template: JobTemplate {
            labels: labels(&spec["template_labels"]),
            annotations: labels(&spec["template_annotations"]),
            spec: job_spec(),
            manifest: Arc::new(Value::Null),
        },
    }
}

/// The labels or annotations of a map of texts.
pub fn labels(map: &Value) -> Labels {
    let pairs = map.as_object().into_iter().flatten();
    pairs.map(|(key, value)| (key.as_str(), value.as_str().expect("labels are texts"))).collect()
}

/// The metadata of an object on its own.
pub fn meta(namespace: &str, name: &str, created: SimTime) -> ObjectMeta {
    ObjectMeta {
        namespace: namespace.into(),
        name: name.into(),
        uid: Uid { serial: 0, key: EntityKey::of(&[namespace, name]) },
        labels: Labels::default(),
        annotations: Labels::default(),
        created,
        generation: 1,
        deletion: None,
        owner: None,
        scheduled_for: None,
    }
}

/// An object without labels that is to be created.
pub fn new_object(namespace: &str, name: &str, spec: NewSpec) -> NewObject {
    NewObject {
        namespace: namespace.into(),
        name: name.into(),
        labels: Labels::default(),
        annotations: Labels::default(),
        spec,
        manifest: Arc::new(Value::Null),
    }
}

/// The command that creates an object.
pub fn creation(object: NewObject, owner: Option<Owner>) -> Command {
    Command::Create(Box::new(Creation {
        object,
        generates_name: false,
        owner,
        job: None,
        scheduled_for: None,
    }))
}

/// Creates a Job.
pub fn create_job(cluster: &mut Cluster, namespace: &str, name: &str, owner: Option<Owner>) -> JobReference {
    let job = new_object(namespace, name, NewSpec::Job(job_spec()));
    let created = cluster.apply(SimTime::ZERO, creation(job, owner), &mut Vec::new());
    let Ok(Some(ObjectId::Job(id))) = created else { panic!("{name} is not created: {created:?}") };
    let meta = &cluster.job(id).expect("it has just been created").meta;
    JobReference { id, name: meta.name.clone(), uid: meta.uid }
}

/// Creates a CronJob, and gives the reference that its Jobs have to it.
pub fn create_cronjob(cluster: &mut Cluster, namespace: &str, name: &str, spec: CronJobSpec) -> Owner {
    let cronjob = new_object(namespace, name, NewSpec::CronJob(Arc::new(spec)));
    let created = cluster.apply(SimTime::ZERO, creation(cronjob, None), &mut Vec::new());
    let Ok(Some(object)) = created else { panic!("{name} is not created: {created:?}") };
    let meta = cluster.meta(object).expect("it has just been created");
    Owner { object, name: meta.name.clone(), uid: meta.uid }
}
