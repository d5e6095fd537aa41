//! What the API server refuses, and in which words.
//!
//! One file per part of the API. Every function walks wire types that have been filled in by
//! [`defaults`](crate::manifest::defaults) and adds all that is wrong to one list, in upstream's order. Texts and
//! field paths are upstream's, also where upstream's path is odd (`spec.template.labels`).
//!
//! Fields without effect on behaviour are not looked into, apart from their types, which the schema knows.

pub mod amount;
pub mod container;
pub mod cronjob;
pub mod daemon_set;
pub mod deployment;
pub mod gates;
pub mod horizontal_pod_autoscaler;
pub mod indexes;
pub mod job;
pub mod job_status;
pub mod meta;
pub mod names;
pub mod node;
pub mod pod;
pub mod pod_disruption_budget;
pub mod priority;
pub mod stateful_set;
pub mod quota;
pub mod replica_set;
pub mod probe;
pub mod resources;
pub mod scheduling;
pub mod service;
pub mod topology;

use crate::manifest::field_error::{FieldErrors, Path};

/// What is said of a change to a field that must not change.
pub(in crate::manifest) const IMMUTABLE: &str = "field is immutable";

/// Refuses a number below zero.
///
/// Source: Kubernetes 1.28, apimachinery pkg/api/validation/generic.go, ValidateNonnegativeField.
fn non_negative(number: Option<i64>, path: &Path<'_>, errors: &mut FieldErrors) {
    if let Some(number) = number.filter(|number| *number < 0) {
        errors.invalid(path, &number, "must be greater than or equal to 0");
    }
}

/// Refuses a word that is none of `known`; an empty one is missing.
fn known_word(word: &str, known: &[&str], path: &Path<'_>, errors: &mut FieldErrors) {
    if word.is_empty() {
        errors.required(path, "");
    } else if !known.contains(&word) {
        errors.not_supported(path, word, known);
    }
}
