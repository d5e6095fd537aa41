//! CronJobs, alike in `batch/v1` and `batch/v1beta1`.

use serde::Deserialize;

use crate::manifest::wire::job::JobSpec;
use crate::manifest::wire::meta::ObjectMeta;
use crate::manifest::wire::nullable;
use crate::model::meta::Name;

/// `batch/v1 CronJob`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct CronJob {
    #[serde(deserialize_with = "nullable")]
    pub metadata: ObjectMeta,
    #[serde(deserialize_with = "nullable")]
    pub spec: CronJobSpec,
}

/// `CronJobSpec`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct CronJobSpec {
    #[serde(deserialize_with = "nullable")]
    pub concurrency_policy: Name,
    pub failed_jobs_history_limit: Option<i32>,
    #[serde(deserialize_with = "nullable")]
    pub job_template: JobTemplateSpec,
    #[serde(deserialize_with = "nullable")]
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
    #[serde(deserialize_with = "nullable")]
    pub metadata: ObjectMeta,
    #[serde(deserialize_with = "nullable")]
    pub spec: JobSpec,
}
