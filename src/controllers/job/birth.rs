//! What the controller puts on the pods that it creates: name, labels, marks.
//!
//! The host name `<job>-<index>` and the variable `JOB_COMPLETION_INDEX` follow from the marks.

use std::sync::Arc;

use serde_json::Value;

use crate::controllers::job::scene::Scene;
use crate::event::Creation;
use crate::model::ids::{JobId, ObjectId};
use crate::model::job::Job;
use crate::model::meta::{Labels, Name, Owner};
use crate::model::pod::JobPod;
use crate::model::scenario::{NewObject, NewSpec};

/// The label and annotation of a pod's completion index.
pub const COMPLETION_INDEX: &str = "batch.kubernetes.io/job-completion-index";
/// The label of a Job's pods that holds the Job's uid, and the key of generated selectors.
pub const CONTROLLER_UID: &str = "batch.kubernetes.io/controller-uid";

/// The longest base of a generated name: a name has at most 63 characters, 5 of them are random.
/// Source: Kubernetes 1.28, apiserver/pkg/storage/names, MaxGeneratedNameLength.
const NAME_BASE_MAX: usize = 58;

/// The part of a pod's name before the random characters: the Job's name is cut where the base is too long.
/// Source: Kubernetes 1.28, pkg/controller/job/indexed_job_utils.go, podGenerateNameWithIndex.
pub fn name_base(job_name: &str, completion_index: Option<u32>) -> String {
    let suffix = completion_index.map_or_else(|| "-".to_owned(), |index| format!("-{index}-"));
    let kept: String = job_name.chars().take(NAME_BASE_MAX - suffix.len()).collect();
    kept + &suffix
}

/// The labels of a Job's pods, but for their index: those of the template, and those that name the Job unless it has
/// a selector of its own.
/// Source: Kubernetes 1.28, pkg/registry/batch/job/strategy.go, generateSelector.
pub fn pod_labels(job: &Job) -> Labels {
    let labels = job.spec.template.labels.clone();
    if job.spec.manual_selector.is_some() {
        return labels;
    }
    let uid = job.meta.uid.to_string();
    let generated = [
        ("batch.kubernetes.io/job-name", &*job.meta.name),
        ("job-name", &*job.meta.name),
        (CONTROLLER_UID, &uid),
        ("controller-uid", &uid),
    ];
    generated.into_iter().fold(labels, |labels, (key, value)| match labels.get(key) {
        Some(_) => labels,
        None => labels.with(key, value),
    })
}

/// The creation of one pod of a Job.
pub fn creation(scene: &Scene<'_>, id: JobId, labels: &Labels, marks: JobPod) -> Creation {
    let job = scene.job;
    let labels = match marks.completion_index.filter(|_| scene.behaviour.has_index_label) {
        Some(index) => labels.with(COMPLETION_INDEX, &index.to_string()),
        None => labels.clone(),
    };
    let object = NewObject {
        namespace: job.meta.namespace.clone(),
        name: Name::from(name_base(&job.meta.name, marks.completion_index)),
        labels,
        annotations: job.spec.template.annotations.clone(),
        spec: NewSpec::Pod(Arc::clone(&job.spec.template.spec)),
        manifest: Arc::new(Value::Null),
    };
    let owner = Owner { object: ObjectId::Job(id), name: job.meta.name.clone(), uid: job.meta.uid };
    Creation { object, generates_name: true, owner: Some(owner), job: Some(marks), scheduled_for: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_of_a_name_leaves_room_for_five_characters_and_keeps_the_index() {
        assert_eq!(name_base("short", None), "short-");
        assert_eq!(name_base("short", Some(12)), "short-12-");
        let base = name_base(&"x".repeat(70), Some(12));
        assert_eq!((base.len(), base.ends_with("x-12-")), (58, true));
    }
}
