//! CronJobs, alike in `batch/v1` and `batch/v1beta1`.

use serde::Deserialize;

use crate::manifest::wire::job::JobSpec;
use crate::manifest::wire::meta::ObjectMeta;
use crate::model::meta::Name;

/// `batch/v1 CronJob`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct CronJob {
    pub metadata: ObjectMeta,
    pub spec: CronJobSpec,
}

/// `CronJobSpec`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct CronJobSpec {
    pub concurrency_policy: Name,
    pub failed_jobs_history_limit: Option<i32>,
    pub job_template: JobTemplateSpec,
    pub schedule: Name,
    pub starting_deadline_seconds: Option<i64>,
    pub successful_jobs_history_limit: Option<i32>,
    pub suspend: Option<bool>,
    pub time_zone: Option<Name>,
}

/// `JobTemplateSpec`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct JobTemplateSpec {
    pub metadata: ObjectMeta,
    pub spec: JobSpec,
}
