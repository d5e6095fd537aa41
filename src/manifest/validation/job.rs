//! Jobs.
//!
//! Source: Kubernetes 1.31, pkg/apis/batch/validation/validation.go, ValidateJob, ValidateJobSpec,
//! ValidateJobSpecUpdate.

use std::collections::BTreeSet;

use crate::manifest::defaults::{self, job_labels};
use crate::manifest::field_error::{FieldErrors, Path, Shown};
use crate::manifest::validation::indexes::parse_indexes;
use crate::manifest::validation::meta::{
    Scope, invalid_text, label_selector, object_meta, object_meta_update, selects,
};
use crate::manifest::validation::pod::pod_template;
use crate::manifest::validation::{IMMUTABLE, names, non_negative};
use crate::manifest::wire::StringMap;
use crate::manifest::wire::job::{
    Job, JobSpec, OnExitCodes, OnPodCondition, PodFailurePolicy, PodFailurePolicyRule, SuccessPolicy,
    SuccessPolicyRule,
};
use crate::manifest::wire::pod::{Affinity, PodTemplateSpec};

/// The most pods of an Indexed Job at one time, and the most failed indexes.
const INDEXED_MAX: i32 = 100_000;
/// The most pods at one time and failed indexes with more completions than [`INDEXED_MAX`] and a limit per index.
const MANY_COMPLETIONS_MAX: i32 = 10_000;
const RULES_MAX: usize = 20;
const EXIT_CODES_MAX: usize = 255;
const CONDITIONS_MAX: usize = 20;
const MANAGED_BY_MAX: usize = 63;
const SUCCEEDED_INDEXES_MAX: usize = 64 * 1024;

const ACTIONS: &[&str] = &["Count", "FailIndex", "FailJob", "Ignore"];
const EXIT_CODE_OPERATORS: &[&str] = &["In", "NotIn"];
const CONDITION_STATUSES: &[&str] = &["False", "True", "Unknown"];

/// Which of the generated labels a Job's template must carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GeneratedLabels {
    /// Those of old, and those with a prefix: every new Job.
    Prefixed,
    /// Those of old: a Job from before Kubernetes 1.27.
    Legacy,
}

/// What may change in a Job that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobUpdate {
    /// Node selector, node affinity, tolerations, labels, annotations and gates of the template: while the Job is
    /// suspended and has no pods.
    pub allows_scheduling_directives: bool,
    /// The completions of an Indexed Job, together with its parallelism.
    pub allows_elastic_indexes: bool,
}

/// Validates a Job that is to be created, with its selector generated.
pub fn job(job: &Job, generated: GeneratedLabels, errors: &mut FieldErrors) {
    let metadata = Path::OBJECT.child("metadata");
    object_meta(&job.metadata, Scope::Namespaced, &metadata, errors);
    generated_selector(job, generated, errors);
    job_spec(&job.spec, &Path::OBJECT.child("spec"), errors);
    if let Some(completions) = job.spec.completions.filter(|n| *n > 0 && is_indexed(&job.spec)) {
        let hostname = format!("{}-{}", job.metadata.name, completions - 1);
        if !names::dns_label(&hostname).is_empty() {
            let detail = format!("will not able to create pod with invalid DNS label: {hostname}");
            errors.invalid(&metadata.child("name"), &*job.metadata.name, detail);
        }
    }
}

/// Validates that a generated selector finds the Job's own pods and no others.
fn generated_selector(job: &Job, generated: GeneratedLabels, errors: &mut FieldErrors) {
    let Some(selector) = job.spec.selector.as_ref().filter(|_| job.spec.manual_selector != Some(true)) else {
        return;
    };
    let (name, uid) = (&job.metadata.name, &job.metadata.uid);
    if uid.is_empty() {
        errors.required(&Path::OBJECT.child("metadata").child("uid"), "");
    }
    let mut expected = vec![(job_labels::LEGACY_CONTROLLER_UID, uid), (job_labels::LEGACY_JOB_NAME, name)];
    if generated == GeneratedLabels::Prefixed {
        expected.extend([(job_labels::CONTROLLER_UID, uid), (job_labels::JOB_NAME, name)]);
    }
    let spec = Path::OBJECT.child("spec");
    let template = spec.child("template");
    let metadata = template.child("metadata");
    let labels = metadata.child("labels");
    for (label, value) in &expected {
        match job.spec.template.metadata.labels.get(*label) {
            None => errors.required(&labels.key(label), &format!("must be '{value}'")),
            Some(found) if found != *value => {
                errors.invalid(&labels.key(label), &**found, format!("must be '{value}'"));
            }
            Some(_) => {}
        }
    }
    let expected: StringMap =
        expected.into_iter().map(|(label, value)| (label.into(), value.clone())).collect();
    if !selects(selector, &expected) {
        errors.invalid(&spec.child("selector"), selector, "`selector` not auto-generated");
    }
}

/// Validates the spec of a Job, with its selector.
pub fn job_spec(spec: &JobSpec, path: &Path<'_>, errors: &mut FieldErrors) {
    job_template_spec(spec, path, errors);
    let selector_path = path.child("selector");
    let Some(selector) = &spec.selector else {
        errors.required(&selector_path, "");
        return;
    };
    label_selector(selector, &selector_path, errors);
    let labels = &spec.template.metadata.labels;
    if !selects(selector, labels) {
        let template = path.child("template");
        let metadata = template.child("metadata");
        errors.invalid(&metadata.child("labels"), labels, "`selector` does not match template `labels`");
    }
}

/// Validates what the specs of Jobs and of CronJobs' templates have in common: everything but the selector.
pub fn job_template_spec(spec: &JobSpec, path: &Path<'_>, errors: &mut FieldErrors) {
    for (field, number) in [
        ("parallelism", spec.parallelism.map(i64::from)),
        ("completions", spec.completions.map(i64::from)),
        ("activeDeadlineSeconds", spec.active_deadline_seconds),
        ("backoffLimit", spec.backoff_limit.map(i64::from)),
        ("ttlSecondsAfterFinished", spec.ttl_seconds_after_finished.map(i64::from)),
        ("backoffLimitPerIndex", spec.backoff_limit_per_index.map(i64::from)),
        ("maxFailedIndexes", spec.max_failed_indexes.map(i64::from)),
    ] {
        non_negative(number, &path.child(field), errors);
    }
    if spec.max_failed_indexes.is_some() && spec.backoff_limit_per_index.is_none() {
        errors.required(&path.child("backoffLimitPerIndex"), "when maxFailedIndexes is specified");
    }
    if let Some(controller) = &spec.managed_by {
        let path = path.child("managedBy");
        invalid_text(controller, names::domain_prefixed_path, &path, errors);
        if controller.len() > MANAGED_BY_MAX {
            errors.too_long(&path, format!("may not be longer than {MANAGED_BY_MAX}"));
        }
    }
    match spec.completion_mode.as_deref() {
        None | Some("NonIndexed") => not_indexed(spec, path, errors),
        Some("Indexed") => indexed(spec, path, errors),
        Some(other) => {
            errors.not_supported(&path.child("completionMode"), other, &["NonIndexed", "Indexed"]);
        }
    }
    if let Some(policy) = &spec.pod_failure_policy {
        pod_failure_policy(policy, spec, &path.child("podFailurePolicy"), errors);
    }
    if let Some(policy) = &spec.success_policy {
        success_policy(policy, spec, &path.child("successPolicy"), errors);
    }
    pod_replacement_policy(spec, &path.child("podReplacementPolicy"), errors);
    let template = path.child("template");
    pod_template(&spec.template, &template, errors);
    restart_policy(spec, &template.child("spec").child("restartPolicy"), errors);
}

fn not_indexed(spec: &JobSpec, path: &Path<'_>, errors: &mut FieldErrors) {
    for (field, number) in [
        ("backoffLimitPerIndex", spec.backoff_limit_per_index),
        ("maxFailedIndexes", spec.max_failed_indexes),
    ] {
        if let Some(number) = number {
            errors.invalid(&path.child(field), &number, "requires indexed completion mode");
        }
    }
}

fn indexed(spec: &JobSpec, path: &Path<'_>, errors: &mut FieldErrors) {
    let (parallelism, max_failed) = (path.child("parallelism"), path.child("maxFailedIndexes"));
    if spec.completions.is_none() {
        errors.required(&path.child("completions"), "when completion mode is Indexed");
    }
    let mut at_most = |path: &Path<'_>, number: Option<i32>, max: i32, detail: &str| {
        if let Some(number) = number.filter(|number| *number > max) {
            errors.invalid(path, &number, format!("must be less than or equal to {detail}"));
        }
    };
    let detail = format!("{INDEXED_MAX} when completion mode is Indexed");
    at_most(&parallelism, spec.parallelism, INDEXED_MAX, &detail);
    if let Some(completions) = spec.completions {
        at_most(&max_failed, spec.max_failed_indexes, completions, "completions");
    }
    at_most(&max_failed, spec.max_failed_indexes, INDEXED_MAX, &INDEXED_MAX.to_string());
    let has_many = spec.completions.is_some_and(|completions| completions > INDEXED_MAX);
    if has_many && spec.backoff_limit_per_index.is_some() {
        let detail = format!(
            "{MANY_COMPLETIONS_MAX} when completions are above {INDEXED_MAX} and used with backoff limit per index"
        );
        at_most(&parallelism, spec.parallelism, MANY_COMPLETIONS_MAX, &detail);
        at_most(&max_failed, spec.max_failed_indexes, MANY_COMPLETIONS_MAX, &detail);
        if spec.max_failed_indexes.is_none() {
            let detail = format!("must be specified when completions is above {INDEXED_MAX}");
            errors.required(&max_failed, &detail);
        }
    }
}

/// Source: Kubernetes 1.31, pkg/apis/batch/validation/validation.go, validateJobSpec.
fn restart_policy(spec: &JobSpec, path: &Path<'_>, errors: &mut FieldErrors) {
    match &*spec.template.spec.restart_policy {
        "" | "Always" => errors.required(path, "valid values: \"OnFailure\", \"Never\""),
        "OnFailure" if spec.pod_failure_policy.is_some() => {
            let detail = "only \"Never\" is supported when podFailurePolicy is specified";
            errors.invalid(path, "OnFailure", detail);
        }
        "OnFailure" | "Never" => {}
        other => errors.not_supported(path, other, &["OnFailure", "Never"]),
    }
}

fn pod_replacement_policy(spec: &JobSpec, path: &Path<'_>, errors: &mut FieldErrors) {
    let supported: &[&str] =
        if spec.pod_failure_policy.is_some() { &["Failed"] } else { &["Failed", "TerminatingOrFailed"] };
    if let Some(policy) = spec.pod_replacement_policy.as_deref().filter(|policy| !supported.contains(policy))
    {
        errors.not_supported(path, policy, supported);
    }
}

fn pod_failure_policy(policy: &PodFailurePolicy, spec: &JobSpec, path: &Path<'_>, errors: &mut FieldErrors) {
    let rules = path.child("rules");
    if policy.rules.len() > RULES_MAX {
        errors.too_many(&rules, policy.rules.len(), RULES_MAX);
    }
    for (idx, rule) in policy.rules.iter().enumerate() {
        failure_rule(rule, spec, &rules.index(idx), errors);
    }
}

fn failure_rule(rule: &PodFailurePolicyRule, spec: &JobSpec, path: &Path<'_>, errors: &mut FieldErrors) {
    let action = path.child("action");
    if &*rule.action == "FailIndex" && spec.backoff_limit_per_index.is_none() {
        errors.invalid(&action, &*rule.action, "requires the backoffLimitPerIndex to be set");
    }
    listed_word(&rule.action, ACTIONS, &action, errors);
    if let Some(codes) = &rule.on_exit_codes {
        on_exit_codes(codes, &spec.template, &path.child("onExitCodes"), errors);
    }
    on_pod_conditions(&rule.on_pod_conditions, &path.child("onPodConditions"), errors);
    match (&rule.on_exit_codes, rule.on_pod_conditions.is_empty()) {
        (Some(_), false) => {
            errors.invalid_object(path, "specifying both OnExitCodes and OnPodConditions is not supported")
        }
        (None, true) => {
            errors.invalid_object(path, "specifying one of OnExitCodes and OnPodConditions is required");
        }
        _ => {}
    }
}

fn on_exit_codes(codes: &OnExitCodes, template: &PodTemplateSpec, path: &Path<'_>, errors: &mut FieldErrors) {
    listed_word(&codes.operator, EXIT_CODE_OPERATORS, &path.child("operator"), errors);
    if let Some(name) = &codes.container_name {
        let mut containers = template.spec.containers.iter().chain(&template.spec.init_containers);
        if !containers.any(|container| container.name == *name) {
            let detail = "must be one of the container or initContainer names in the pod template";
            errors.invalid(&path.child("containerName"), &**name, detail);
        }
    }
    let values = path.child("values");
    if codes.values.is_empty() {
        errors.invalid(&values, codes.values.as_slice(), "at least one value is required");
    } else if codes.values.len() > EXIT_CODES_MAX {
        errors.too_many(&values, codes.values.len(), EXIT_CODES_MAX);
    }
    let mut taken = BTreeSet::new();
    for (idx, code) in codes.values.iter().enumerate() {
        if &*codes.operator == "In" && *code == 0 {
            errors.invalid(&values.index(idx), code, "must not be 0 for the In operator");
        }
        if !taken.insert(code) {
            errors.duplicate(&values.index(idx), code);
        }
    }
    if !codes.values.is_sorted() {
        errors.invalid(&values, codes.values.as_slice(), "must be ordered");
    }
}

fn on_pod_conditions(conditions: &[OnPodCondition], path: &Path<'_>, errors: &mut FieldErrors) {
    if conditions.len() > CONDITIONS_MAX {
        errors.too_many(path, conditions.len(), CONDITIONS_MAX);
    }
    for (idx, condition) in conditions.iter().enumerate() {
        let path = path.index(idx);
        invalid_text(&condition.kind, names::qualified_name, &path.child("type"), errors);
        listed_word(&condition.status, CONDITION_STATUSES, &path.child("status"), errors);
    }
}

/// Refuses a word that is none of `known`; where it is missing, the message lists them.
fn listed_word(word: &str, known: &[&str], path: &Path<'_>, errors: &mut FieldErrors) {
    if word.is_empty() {
        let quoted: Vec<_> = known.iter().map(|word| word.shown()).collect();
        errors.required(path, &format!("valid values: [{}]", quoted.join(" ")));
    } else if !known.contains(&word) {
        errors.not_supported(path, word, known);
    }
}

fn success_policy(policy: &SuccessPolicy, spec: &JobSpec, path: &Path<'_>, errors: &mut FieldErrors) {
    if !is_indexed(spec) {
        errors.invalid_object(path, "requires indexed completion mode");
        return;
    }
    let rules = path.child("rules");
    if policy.rules.is_empty() {
        errors.required(&rules, "at least one rules must be specified when the successPolicy is specified");
    } else if policy.rules.len() > RULES_MAX {
        errors.too_many(&rules, policy.rules.len(), RULES_MAX);
    }
    for (idx, rule) in policy.rules.iter().enumerate() {
        success_rule(rule, spec.completions.unwrap_or(0), &rules.index(idx), errors);
    }
}

/// Deviation: without completions, which is an error of its own, upstream crashes here; they count as 0.
fn success_rule(rule: &SuccessPolicyRule, completions: i32, path: &Path<'_>, errors: &mut FieldErrors) {
    if rule.succeeded_count.is_none() && rule.succeeded_indexes.is_none() {
        errors.required(path, "at least one of succeededCount or succeededIndexes must be specified");
    }
    let mut n_indexes = 0;
    if let Some(text) = &rule.succeeded_indexes {
        let path = path.child("succeededIndexes");
        if text.len() > SUCCEEDED_INDEXES_MAX {
            errors.too_long(&path, format!("must have at most {SUCCEEDED_INDEXES_MAX} bytes"));
        }
        match parse_indexes(text, u32::try_from(completions).unwrap_or(0)) {
            Ok(indexes) => n_indexes = indexes.len(),
            Err(fault) => errors.invalid(&path, &**text, format!("error parsing succeededIndexes: {fault}")),
        }
    }
    let Some(count) = rule.succeeded_count else { return };
    let path = path.child("succeededCount");
    non_negative(Some(count.into()), &path, errors);
    if count > completions {
        let detail =
            format!("must be less than or equal to {completions} (the number of specified completions)");
        errors.invalid(&path, &count, detail);
    }
    if rule.succeeded_indexes.is_some() && i64::from(count) > i64::from(n_indexes) {
        let what = "the number of indexes in the specified succeededIndexes field";
        errors.invalid(&path, &count, format!("must be less than or equal to {n_indexes} ({what})"));
    }
}

fn is_indexed(spec: &JobSpec) -> bool {
    spec.completion_mode.as_deref() == Some("Indexed")
}

/// Validates a change of a Job.
pub fn job_update(new: &Job, old: &Job, update: JobUpdate, errors: &mut FieldErrors) {
    object_meta_update(&new.metadata, &old.metadata, &Path::OBJECT.child("metadata"), errors);
    let path = Path::OBJECT.child("spec");
    let (new, old) = (&new.spec, &old.spec);
    job_spec(new, &path, errors);
    completions_update(new, old, update, &path, errors);
    let mut same = |field: &str, is_same: bool| {
        if !is_same {
            errors.invalid_object(&path.child(field), IMMUTABLE);
        }
    };
    same("selector", new.selector == old.selector);
    same("template", is_same_template(&new.template, &old.template, update));
    same("completionMode", new.completion_mode == old.completion_mode);
    same("podFailurePolicy", new.pod_failure_policy == old.pod_failure_policy);
    same("backoffLimitPerIndex", new.backoff_limit_per_index == old.backoff_limit_per_index);
    same("managedBy", new.managed_by == old.managed_by);
    same("successPolicy", new.success_policy == old.success_policy);
}

/// Source: Kubernetes 1.28, pkg/apis/batch/validation/validation.go, validateCompletions.
fn completions_update(
    new: &JobSpec,
    old: &JobSpec,
    update: JobUpdate,
    path: &Path<'_>,
    errors: &mut FieldErrors,
) {
    if new.completions == old.completions {
        return;
    }
    let completions = path.child("completions");
    if !update.allows_elastic_indexes || !is_indexed(new) {
        errors.invalid(&completions, &new.completions, IMMUTABLE);
    } else if new.completions.is_some() && new.completions != new.parallelism {
        errors.invalid(
            &completions,
            &new.completions,
            "can only be modified in tandem with spec.parallelism",
        );
    }
}

impl Shown for Option<i32> {
    fn shown(&self) -> String {
        self.map_or_else(|| "null".to_owned(), |number| number.to_string())
    }
}

impl Shown for [i32] {
    fn shown(&self) -> String {
        let numbers: Vec<_> = self.iter().map(ToString::to_string).collect();
        format!("[]int32{{{}}}", numbers.join(", "))
    }
}

/// Whether a template is the same but for what may change.
///
/// Source: Kubernetes 1.28, pkg/apis/batch/validation/validation.go, validatePodTemplateUpdate.
fn is_same_template(new: &PodTemplateSpec, old: &PodTemplateSpec, update: JobUpdate) -> bool {
    let (mut new, mut allowed) = (new.clone(), old.clone());
    defaults::inert_fields(&mut new.spec);
    defaults::inert_fields(&mut allowed.spec);
    if update.allows_scheduling_directives {
        allowed.spec.affinity = allowed_affinity(new.spec.affinity.as_ref(), old.spec.affinity.as_ref());
        allowed.spec.node_selector = new.spec.node_selector.clone();
        allowed.spec.tolerations = new.spec.tolerations.clone();
        allowed.spec.scheduling_gates = new.spec.scheduling_gates.clone();
        allowed.metadata = new.metadata.clone();
    }
    allowed == new
}

/// The old affinity with its node affinity changed to the new one; none where that leaves nothing.
fn allowed_affinity(new: Option<&Affinity>, old: Option<&Affinity>) -> Option<Affinity> {
    let node_affinity = new.and_then(|new| new.node_affinity.clone());
    let allowed = Affinity { node_affinity, ..old.cloned().unwrap_or_default() };
    (new.is_some() || allowed != Affinity::default()).then_some(allowed)
}
