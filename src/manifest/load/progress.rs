//! What Jobs had done before the start, read from the Scenario and held against the Jobs.

use crate::manifest::load::collect::Collected;
use crate::manifest::load::{Head, Loader};
use crate::manifest::scenario::Progress;
use crate::manifest::validation::indexes::parse_indexes;
use crate::model::ids::Kind;
use crate::model::index_set::IndexSet;
use crate::model::job::{CompletionMode, JobSpec, JobStatus};
use crate::model::scenario::{JobProgress, NewSpec};

impl Loader<'_> {
    /// What Jobs had done before the start.
    pub(super) fn progress(&mut self, head: &Head, collected: &Collected) -> Vec<JobProgress> {
        let mut progress: Vec<JobProgress> = Vec::new();
        for (idx, written) in head.spec.progress.iter().enumerate() {
            let is_known =
                |known: &JobProgress| *known.job == *written.job && &*known.namespace == namespace(written);
            let outcome = match progress.iter().any(is_known) {
                true => Err(("job", "there is another entry for this Job".to_owned())),
                false => read(written, collected),
            };
            match outcome {
                Ok(entry) => progress.push(entry),
                Err((field, message)) => {
                    let path = format!("spec.progress[{idx}].{field}");
                    self.diagnostics.extend(head.object.as_ref().map(|object| object.error(&path, message)));
                }
            }
        }
        progress
    }
}

fn namespace(written: &Progress) -> &str {
    written.namespace.as_deref().unwrap_or("default")
}

/// Reads an entry, or says what is wrong with which field.
fn read(written: &Progress, collected: &Collected) -> Result<JobProgress, (&'static str, String)> {
    let namespace = namespace(written);
    let job = collected.find(Kind::Job, namespace, &written.job);
    let Some(NewSpec::Job(spec)) = job.map(|job| &job.spec) else {
        return Err(("job", format!("there is no Job {namespace}/{}", written.job)));
    };
    if let Some(cronjob) = &written.cronjob
        && collected.find(Kind::CronJob, namespace, cronjob).is_none()
    {
        return Err(("cronjob", format!("there is no CronJob {namespace}/{cronjob}")));
    }
    Ok(JobProgress {
        namespace: namespace.into(),
        job: written.job.as_str().into(),
        cronjob: written.cronjob.as_deref().map(Into::into),
        status: status(written, spec)?,
    })
}

fn status(written: &Progress, spec: &JobSpec) -> Result<JobStatus, (&'static str, String)> {
    let completed = indexes(written.completed_indexes.as_deref(), spec, "completedIndexes")?;
    let failed = indexes(written.failed_indexes.as_deref(), spec, "failedIndexes")?;
    if !failed.is_empty() && spec.backoff_limit_per_index.is_none() {
        return Err(("failedIndexes", "the Job has no `backoffLimitPerIndex`".to_owned()));
    }
    if completed.count_common(&failed) > 0 {
        return Err(("failedIndexes", "an index has both succeeded and failed".to_owned()));
    }
    let succeeded = written.succeeded.unwrap_or(0);
    if spec.completion_mode == CompletionMode::Indexed && succeeded > 0 && succeeded != completed.len() {
        let message = format!("{succeeded} is not the number of `completedIndexes`, {}", completed.len());
        return Err(("succeeded", message));
    }
    if spec.completions.is_some_and(|completions| succeeded >= completions) && succeeded > 0 {
        return Err(("succeeded", "the Job would be complete".to_owned()));
    }
    Ok(JobStatus {
        succeeded: if completed.is_empty() { succeeded } else { completed.len() },
        failed: written.failed.unwrap_or(0),
        completed_indexes: completed,
        failed_indexes: spec.backoff_limit_per_index.map(|_| failed),
        ..JobStatus::default()
    })
}

fn indexes(
    text: Option<&str>,
    spec: &JobSpec,
    field: &'static str,
) -> Result<IndexSet, (&'static str, String)> {
    let Some(text) = text else { return Ok(IndexSet::default()) };
    if spec.completion_mode != CompletionMode::Indexed {
        return Err((field, "the Job is not Indexed".to_owned()));
    }
    let completions = spec.completions.unwrap_or(0);
    parse_indexes(text, completions).map_err(|error| (field, error.to_string()))
}
