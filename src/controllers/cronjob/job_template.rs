//! The Job that a CronJob makes for a scheduled time.

use chrono_tz::Tz;

use crate::model::cronjob::CronJobSpec;
use crate::model::meta::{Name, ObjectMeta};
use crate::model::scenario::{NewObject, NewSpec};
use crate::model::unix_time::UnixTime;

/// The annotation with the time that a Job was scheduled for.
pub const SCHEDULED_TIMESTAMP: &str = "batch.kubernetes.io/cronjob-scheduled-timestamp";

/// The name of the Job for a scheduled time: it tells minutes apart, no less.
///
/// Source: Kubernetes 1.28, pkg/controller/cronjob/cronjob_controllerv2.go, getJobName.
pub fn job_name(cronjob: &str, time: UnixTime) -> Name {
    format!("{cronjob}-{}", time.secs() / 60).into()
}

/// The Job for a scheduled time, which its annotation shows in `zone`.
///
/// Source: Kubernetes 1.28, pkg/controller/cronjob/utils.go, getJobFromTemplate2.
pub fn job_from_template(meta: &ObjectMeta, spec: &CronJobSpec, time: UnixTime, zone: Tz) -> NewObject {
    let template = &spec.job_template;
    NewObject {
        namespace: meta.namespace.clone(),
        name: job_name(&meta.name, time),
        labels: template.labels.clone(),
        annotations: template.annotations.with(SCHEDULED_TIMESTAMP, &time.rfc3339_in(zone)),
        spec: NewSpec::Job(template.spec.clone()),
        manifest: template.manifest.clone(),
    }
}
