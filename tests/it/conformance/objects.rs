//! Objects for cases that name only what they are about.

use std::sync::Arc;

use cluster_sim::cluster::Cluster;
use cluster_sim::engine::{EntityKey, SimDuration, SimTime};
use cluster_sim::event::{Command, Creation};
use cluster_sim::model::cronjob::{ConcurrencyPolicy, CronJobSpec, JobReference};
use cluster_sim::model::ids::ObjectId;
use cluster_sim::model::job::{JobSpec, JobTemplate};
use cluster_sim::model::meta::{Labels, ObjectMeta, Owner, Uid};
use cluster_sim::model::pod::{PodSpec, PodTemplate};
use cluster_sim::model::scenario::{NewObject, NewSpec};
use serde_json::Value;

/// A Job of one pod without containers.
pub fn job_spec() -> JobSpec {
    JobSpec {
        parallelism: 1,
        completions: Some(1),
        active_deadline: None,
        backoff_limit: 6,
        backoff_limit_per_index: None,
        max_failed_indexes: None,
        completion_mode: Default::default(),
        suspend: false,
        ttl_after_finished: None,
        pod_failure_policy: None,
        success_policy: None,
        pod_replacement_policy: Default::default(),
        managed_by: None,
        manual_selector: None,
        template: PodTemplate {
            labels: Labels::default(),
            annotations: Labels::default(),
            spec: Arc::new(pod_spec()),
        },
    }
}

fn pod_spec() -> PodSpec {
    PodSpec {
        init_containers: Vec::new(),
        containers: Vec::new(),
        restart_policy: Default::default(),
        termination_grace: SimDuration::from_secs(30),
        active_deadline: None,
        node_name: None,
        scheduler_name: "default-scheduler".into(),
        priority: 0,
        priority_class: None,
        preemption_policy: Default::default(),
        placement: Default::default(),
        scheduling_gates: Vec::new(),
        host_network: false,
        overhead: Default::default(),
        volumes: Vec::new(),
        derived: Default::default(),
    }
}

/// The CronJob that the fields of a case's `spec` describe. Without history limits nothing is cleaned up.
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
            spec: Arc::new(job_spec()),
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
    let job = new_object(namespace, name, NewSpec::Job(Arc::new(job_spec())));
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
