//! CronJobs.
//!
//! Source: Kubernetes 1.28 and 1.29, pkg/apis/batch/validation/validation.go, ValidateCronJobCreate,
//! ValidateCronJobUpdate, ValidateJobTemplateSpec.

use crate::manifest::field_error::{FieldErrors, Path};
use crate::manifest::validation::job::job_template_spec;
use crate::manifest::validation::meta::{Scope, object_meta, object_meta_update};
use crate::manifest::validation::{known_word, non_negative};
use crate::manifest::wire::cronjob::{CronJob, CronJobSpec, JobTemplateSpec};
use crate::model::cron_schedule::CronSchedule;
use crate::model::profile::{Feature, Profile};
use crate::model::time_zone::load_zone;

/// The longest name: a hyphen and ten digits follow it in the names of Jobs, which have 63 characters at most.
const NAME_MAX: usize = 52;
const CONCURRENCY_POLICIES: &[&str] = &["Allow", "Forbid", "Replace"];

/// Validates a CronJob that is to be created.
pub fn cronjob(cronjob: &CronJob, profile: &Profile, errors: &mut FieldErrors) {
    let metadata = Path::OBJECT.child("metadata");
    object_meta(&cronjob.metadata, Scope::Namespaced, &metadata, errors);
    cronjob_spec(&cronjob.spec, None, profile, &Path::OBJECT.child("spec"), errors);
    if cronjob.metadata.name.len() > NAME_MAX {
        let detail = format!("must be no more than {NAME_MAX} characters");
        errors.invalid(&metadata.child("name"), &*cronjob.metadata.name, detail);
    }
}

/// Validates a change of a CronJob: everything in its spec may change.
pub fn cronjob_update(new: &CronJob, old: &CronJob, profile: &Profile, errors: &mut FieldErrors) {
    object_meta_update(&new.metadata, &old.metadata, &Path::OBJECT.child("metadata"), errors);
    cronjob_spec(&new.spec, Some(&old.spec), profile, &Path::OBJECT.child("spec"), errors);
}

/// Validates the spec of a CronJob; `old` is the one that it replaces.
pub fn cronjob_spec(
    spec: &CronJobSpec,
    old: Option<&CronJobSpec>,
    profile: &Profile,
    path: &Path<'_>,
    errors: &mut FieldErrors,
) {
    let schedule_path = path.child("schedule");
    if spec.schedule.is_empty() {
        errors.required(&schedule_path, "");
    } else {
        schedule(spec, zone_rule(old, profile), &schedule_path, errors);
    }
    non_negative(spec.starting_deadline_seconds, &path.child("startingDeadlineSeconds"), errors);
    if let Some(zone) = &spec.time_zone
        && old.is_none_or(|old| old.time_zone != spec.time_zone)
        && let Err(fault) = load_zone(zone)
    {
        errors.invalid(&path.child("timeZone"), &**zone, fault.to_string());
    }
    known_word(&spec.concurrency_policy, CONCURRENCY_POLICIES, &path.child("concurrencyPolicy"), errors);
    job_template(&spec.job_template, &path.child("jobTemplate"), errors);
    for (field, number) in [
        ("successfulJobsHistoryLimit", spec.successful_jobs_history_limit),
        ("failedJobsHistoryLimit", spec.failed_jobs_history_limit),
    ] {
        non_negative(number.map(i64::from), &path.child(field), errors);
    }
}

/// Whether a schedule may begin with a time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ZoneRule {
    /// Unless `timeZone` is set too.
    Alone,
    /// Never.
    Refused,
}

/// A schedule with a time zone of its own is a thing of the past, which is left to those who have it.
fn zone_rule(old: Option<&CronJobSpec>, profile: &Profile) -> ZoneRule {
    let had_zone = old.is_some_and(|old| old.schedule.contains("TZ"));
    if had_zone || !profile.has(Feature::CronJobTzRefused) { ZoneRule::Alone } else { ZoneRule::Refused }
}

fn schedule(spec: &CronJobSpec, rule: ZoneRule, path: &Path<'_>, errors: &mut FieldErrors) {
    let text = &*spec.schedule;
    if let Err(fault) = CronSchedule::parse(text) {
        errors.invalid(path, text, fault.to_string());
    }
    match rule {
        _ if !text.contains("TZ") => {}
        ZoneRule::Refused => {
            errors.invalid(path, text, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead");
        }
        ZoneRule::Alone if spec.time_zone.is_some() => {
            errors.invalid(path, text, "cannot use both timeZone field and TZ or CRON_TZ in schedule");
        }
        ZoneRule::Alone => {}
    }
}

fn job_template(template: &JobTemplateSpec, path: &Path<'_>, errors: &mut FieldErrors) {
    let path = path.child("spec");
    job_template_spec(&template.spec, &path, errors);
    if let Some(selector) = &template.spec.selector {
        errors.invalid(&path.child("selector"), selector, "`selector` will be auto-generated");
    }
    if template.spec.manual_selector == Some(true) {
        errors.not_supported(&path.child("manualSelector"), "true", &["nil", "false"]);
    }
}
