//! The status of Jobs, as a Job controller may write it.
//!
//! Source: Kubernetes 1.31, pkg/apis/batch/validation/validation.go, validateJobStatus, ValidateJobStatusUpdate.

use std::collections::BTreeSet;

use crate::manifest::field_error::{FieldErrors, Path};
use crate::manifest::validation::indexes::{IndexesError, parse_indexes};
use crate::manifest::validation::meta::object_meta_update;
use crate::manifest::validation::non_negative;
use crate::manifest::wire::job::{Job, JobSpec, JobStatus, UncountedTerminatedPods};
use crate::model::job::IndexSet;
use crate::model::meta::Name;
use crate::model::unix_time::UnixTime;

/// How much the API server asks of a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusRules {
    /// Counters are not negative, no pod is listed twice.
    Basic,
    /// Conditions, times, counters and indexes fit together and never go back: with the gate JobManagedBy.
    ///
    /// Deviation: upstream leaves a fault alone that the old status has in the same fields.
    Strict,
}

/// Validates a change of a Job's status.
pub fn job_status_update(new: &Job, old: &Job, rules: StatusRules, errors: &mut FieldErrors) {
    object_meta_update(&new.metadata, &old.metadata, &Path::OBJECT.child("metadata"), errors);
    let path = Path::OBJECT.child("status");
    counters(&new.status, &path, errors);
    if rules == StatusRules::Strict {
        conditions(&new.status, &path, errors);
        times(&new.status, &path, errors);
        finished(&new.status, &path, errors);
        indexes(&new.status, &new.spec, &path, errors);
        transitions(new, old, &path, errors);
    }
}

fn counters(status: &JobStatus, path: &Path<'_>, errors: &mut FieldErrors) {
    for (field, number) in [
        ("active", Some(status.active)),
        ("succeeded", Some(status.succeeded)),
        ("failed", Some(status.failed)),
        ("ready", status.ready),
        ("terminating", status.terminating),
    ] {
        non_negative(number.map(i64::from), &path.child(field), errors);
    }
    if let Some(pods) = &status.uncounted_terminated_pods {
        uncounted_pods(pods, &path.child("uncountedTerminatedPods"), errors);
    }
}

fn uncounted_pods(pods: &UncountedTerminatedPods, path: &Path<'_>, errors: &mut FieldErrors) {
    let mut taken = BTreeSet::new();
    for (field, uids) in [("succeeded", &pods.succeeded), ("failed", &pods.failed)] {
        let path = path.child(field);
        for (idx, uid) in uids.iter().enumerate() {
            if uid.is_empty() {
                errors.invalid(&path.index(idx), "", "must not be empty");
            } else if !taken.insert(uid) {
                errors.duplicate(&path.index(idx), &**uid);
            }
        }
    }
}

impl JobStatus {
    fn is_true(&self, kind: &str) -> bool {
        self.conditions.iter().any(|condition| &*condition.kind == kind && &*condition.status == "True")
    }

    fn is_finished(&self) -> bool {
        self.is_true("Complete") || self.is_true("Failed")
    }
}

fn conditions(status: &JobStatus, path: &Path<'_>, errors: &mut FieldErrors) {
    let path = path.child("conditions");
    let has = |kind| status.is_true(kind);
    let (complete, failed) = (has("Complete"), has("Failed"));
    let (success, failure) = (has("SuccessCriteriaMet"), has("FailureTarget"));
    for (is_wrong, detail) in [
        (complete && failed, "cannot set Complete=True and Failed=true conditions"),
        (complete && failure, "cannot set Complete=True and FailureTarget=true conditions"),
        (failed && !failure, "cannot set Failed=True condition without the FailureTarget=true condition"),
        (
            complete && !success,
            "cannot set Complete=True condition without the SuccessCriteriaMet=true condition",
        ),
        (success && failed, "cannot set SuccessCriteriaMet=True and Failed=true conditions"),
        (success && failure, "cannot set SuccessCriteriaMet=True and FailureTarget=true conditions"),
    ] {
        if is_wrong {
            errors.invalid_object(&path, detail);
        }
    }
}

fn times(status: &JobStatus, path: &Path<'_>, errors: &mut FieldErrors) {
    let completion_time = path.child("completionTime");
    match &status.completion_time {
        Some(time) if !status.is_true("Complete") => {
            let detail = "cannot set completionTime when there is no Complete=True condition";
            errors.invalid(&completion_time, &**time, detail);
        }
        None if status.is_true("Complete") => {
            errors.required(&completion_time, "completionTime is required for Complete jobs");
        }
        Some(_) | None => {}
    }
    let instant = |time: &Option<Name>| time.as_ref().and_then(|time| UnixTime::parse_rfc3339(time).ok());
    if let (Some(start), Some(end)) = (instant(&status.start_time), instant(&status.completion_time))
        && end < start
    {
        errors.invalid(&completion_time, &*end.to_string(), "completionTime cannot be set before startTime");
    }
}

fn finished(status: &JobStatus, path: &Path<'_>, errors: &mut FieldErrors) {
    if status.is_finished() {
        if status.active > 0 {
            errors.invalid(&path.child("active"), &status.active, "active>0 is invalid for finished job");
        }
        if status.start_time.is_none() {
            errors.required(&path.child("startTime"), "startTime is required for finished job");
        }
        let uncounted = status.uncounted_terminated_pods.as_ref();
        if uncounted.is_some_and(|pods| !(pods.succeeded.is_empty() && pods.failed.is_empty())) {
            let detail = "uncountedTerminatedPods needs to be empty for finished job";
            errors.invalid_object(&path.child("uncountedTerminatedPods"), detail);
        }
        if let Some(number) = status.terminating.filter(|number| *number > 0) {
            errors.invalid(&path.child("terminating"), &number, "terminating>0 is invalid for finished job");
        }
    }
    if let Some(ready) = status.ready.filter(|ready| *ready > status.active) {
        errors.invalid(&path.child("ready"), &ready, "cannot set more ready pods than active");
    }
}

fn indexes(status: &JobStatus, spec: &JobSpec, path: &Path<'_>, errors: &mut FieldErrors) {
    let (completed_path, failed_path) = (path.child("completedIndexes"), path.child("failedIndexes"));
    let completions = spec.completions.and_then(|completions| u32::try_from(completions).ok());
    let parse = |text: &str| completions.map(|completions| parse_indexes(text, completions));
    let completed = parse(&status.completed_indexes);
    if let Some(fault) = fault(&completed) {
        let detail = format!("error parsing completedIndexes: {fault}");
        errors.invalid(&completed_path, &*status.completed_indexes, detail);
    }
    if !status.completed_indexes.is_empty() && spec.completion_mode.as_deref() != Some("Indexed") {
        let detail = "cannot set non-empty completedIndexes when non-indexed completion mode";
        errors.invalid(&completed_path, &*status.completed_indexes, detail);
    }
    let Some(text) = &status.failed_indexes else { return };
    if spec.backoff_limit_per_index.is_none() {
        let detail = "cannot set non-null failedIndexes when backoffLimitPerIndex is null";
        errors.invalid(&failed_path, &**text, detail);
    }
    let failed = parse(text);
    if let Some(fault) = fault(&failed) {
        errors.invalid(&failed_path, &**text, format!("error parsing failedIndexes: {fault}"));
    }
    if let (Some(Ok(completed)), Some(Ok(failed))) = (completed, failed)
        && let Some(index) = first_common(&completed, &failed)
    {
        let detail = format!("failedIndexes and completedIndexes overlap at index: {index}");
        errors.invalid(&failed_path, &**text, detail);
    }
}

fn fault(parsed: &Option<Result<IndexSet, IndexesError>>) -> Option<&IndexesError> {
    parsed.as_ref().and_then(|parsed| parsed.as_ref().err())
}

fn first_common(one: &IndexSet, other: &IndexSet) -> Option<u32> {
    let firsts = one.ranges().iter().chain(other.ranges()).map(|(first, _)| *first);
    firsts.filter(|index| one.contains(*index) && other.contains(*index)).min()
}

fn transitions(new: &Job, old: &Job, path: &Path<'_>, errors: &mut FieldErrors) {
    let conditions = path.child("conditions");
    let (spec, new, old) = (&new.spec, &new.status, &old.status);
    for kind in ["Failed", "Complete", "FailureTarget"] {
        if old.is_true(kind) && !new.is_true(kind) {
            errors.invalid_object(&conditions, &format!("cannot disable the terminal {kind}=True condition"));
        }
    }
    if new.failed < old.failed {
        errors.invalid(&path.child("failed"), &new.failed, "cannot decrease the failed counter");
    }
    let is_elastic =
        spec.completion_mode.as_deref() == Some("Indexed") && spec.completions == spec.parallelism;
    if new.succeeded < old.succeeded && !is_elastic {
        errors.invalid(&path.child("succeeded"), &new.succeeded, "cannot decrease the succeeded counter");
    }
    if let (Some(time), Some(old_time)) = (&new.completion_time, &old.completion_time)
        && time != old_time
    {
        errors.invalid(&path.child("completionTime"), &**time, "completionTime cannot be mutated");
    }
    if old.start_time.is_some() && new.start_time != old.start_time && spec.suspend != Some(true) {
        let detail = "startTime cannot be removed for unsuspended job";
        errors.required(&path.child("startTime"), detail);
    }
    if old.is_true("SuccessCriteriaMet") && !new.is_true("SuccessCriteriaMet") {
        errors.invalid_object(&conditions, "cannot disable the SuccessCriteriaMet=True condition");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::manifest::wire::decode_json as decode;

    #[track_caller]
    fn check(old: Value, new: Value, expected: &[&str]) {
        let spec = json!({"completionMode": "Indexed", "completions": 5, "backoffLimitPerIndex": 1});
        let job = |status: Value| decode(&json!({"spec": spec, "status": status})).unwrap();
        let mut errors = FieldErrors::default();
        job_status_update(&job(new), &job(old), StatusRules::Strict, &mut errors);
        let lines: Vec<_> = errors.0.iter().map(ToString::to_string).collect();
        assert_eq!(lines, expected);
    }

    fn conditions(kinds: &[&str]) -> Value {
        kinds.iter().map(|kind| json!({"type": kind, "status": "True"})).collect()
    }

    #[test]
    fn a_job_ends_by_way_of_its_interim_condition() {
        let (start, end) = ("2024-01-01T00:00:00Z", "2024-01-01T00:01:00Z");
        let complete = json!({"conditions": conditions(&["SuccessCriteriaMet", "Complete"]), "startTime": start,
                              "completionTime": end, "ready": 0, "terminating": 0});
        check(json!({}), complete.clone(), &[]);
        check(
            json!({}),
            json!({"conditions": conditions(&["Complete", "Failed"]), "active": 1, "completionTime": end}),
            &[
                "status.conditions: Invalid value: cannot set Complete=True and Failed=true conditions",
                "status.conditions: Invalid value: cannot set Failed=True condition without the FailureTarget=true \
                 condition",
                "status.conditions: Invalid value: cannot set Complete=True condition without the \
                 SuccessCriteriaMet=true condition",
                "status.active: Invalid value: 1: active>0 is invalid for finished job",
                "status.startTime: Required value: startTime is required for finished job",
            ],
        );
        check(
            complete,
            json!({"startTime": end, "completionTime": start}),
            &[
                "status.completionTime: Invalid value: \"2024-01-01T00:00:00Z\": cannot set completionTime when there \
                 is no Complete=True condition",
                "status.completionTime: Invalid value: \"2024-01-01T00:00:00Z\": completionTime cannot be set before \
                 startTime",
                "status.conditions: Invalid value: cannot disable the terminal Complete=True condition",
                "status.completionTime: Invalid value: \"2024-01-01T00:00:00Z\": completionTime cannot be mutated",
                "status.startTime: Required value: startTime cannot be removed for unsuspended job",
                "status.conditions: Invalid value: cannot disable the SuccessCriteriaMet=True condition",
            ],
        );
    }

    #[test]
    fn counters_and_indexes_fit_together() {
        check(
            json!({"failed": 2, "succeeded": 2}),
            json!({"failed": 1, "succeeded": 1, "active": 1, "ready": 2, "completedIndexes": "0-2", "failedIndexes": "2,3"}),
            &[
                "status.ready: Invalid value: 2: cannot set more ready pods than active",
                "status.failedIndexes: Invalid value: \"2,3\": failedIndexes and completedIndexes overlap at index: 2",
                "status.failed: Invalid value: 1: cannot decrease the failed counter",
                "status.succeeded: Invalid value: 1: cannot decrease the succeeded counter",
            ],
        );
        check(
            json!({}),
            json!({"completedIndexes": "7"}),
            &[
                "status.completedIndexes: Invalid value: \"7\": error parsing completedIndexes: too large index: \"7\"",
            ],
        );
    }
}
