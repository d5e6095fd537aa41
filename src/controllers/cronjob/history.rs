//! The history of a CronJob: which of its finished Jobs are too many.

use crate::controllers::cronjob::sync::ChildJob;
use crate::model::cronjob::CronJobSpec;
use crate::model::job::JobConditionType;

/// The finished Jobs that the history limits no longer allow, in the order of their deletion: the succeeded ones
/// first, of each kind the oldest first.
///
/// Source: Kubernetes 1.28, pkg/controller/cronjob/cronjob_controllerv2.go, cleanupFinishedJobs.
pub fn jobs_beyond_limits<'a>(spec: &CronJobSpec, jobs: &'a [ChildJob]) -> Vec<&'a ChildJob> {
    let limits = [
        (JobConditionType::Complete, spec.successful_history_limit),
        (JobConditionType::Failed, spec.failed_history_limit),
    ];
    limits.into_iter().flat_map(|(end, limit)| oldest_beyond(jobs, end, limit)).collect()
}

fn oldest_beyond(jobs: &[ChildJob], end: JobConditionType, limit: Option<u32>) -> Vec<&ChildJob> {
    let ended = jobs.iter().filter(|job| job.end == Some(end));
    let n_beyond = limit.map_or(0, |limit| ended.clone().count().saturating_sub(limit as usize));
    if n_beyond == 0 {
        return Vec::new();
    }
    let mut ended: Vec<&ChildJob> = ended.collect();
    sort_by_start_time(&mut ended);
    ended.truncate(n_beyond);
    ended
}

/// Sorts Jobs by their start, those without one last; equal ones by name.
///
/// Source: Kubernetes 1.28, pkg/controller/cronjob/utils.go, byJobStartTime.
pub fn sort_by_start_time(jobs: &mut [&ChildJob]) {
    jobs.sort_by(|a, b| {
        let key = |job: &ChildJob| (job.start_time.is_none(), job.start_time);
        key(a).cmp(&key(b)).then_with(|| a.reference.name.cmp(&b.reference.name))
    });
}
