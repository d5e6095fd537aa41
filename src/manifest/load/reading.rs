//! The Scenario document as far as it can be read.
//!
//! A field of `spec` with a mistake in its form is left out, and the others are read: what else is wrong with them is
//! told at once, as far as no check of them looks at what was left out.

use crate::manifest::decode;
use crate::manifest::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::manifest::load::Loader;
use crate::manifest::scalar::Scalar;
use crate::manifest::scenario::{self, ScenarioFile};
use crate::manifest::source::Object;
use crate::manifest::tree::{Content, Entry, Tree};

/// The fields of `spec` at which no check of another field looks.
const INDEPENDENT: [&str; 16] = [
    "capacity",
    "description",
    "expect",
    "faults",
    "images",
    "kubelet",
    "network",
    "progress",
    "scheduler",
    "seed",
    "startTime",
    "sweep",
    "timeline",
    "timing",
    "traffic",
    "warmUp",
];

/// A Scenario document as far as it can be read.
pub(super) struct Reading {
    /// What can be read; `None` where that is nothing.
    pub(super) file: Option<ScenarioFile>,
    /// The fields of `spec` that cannot; `None` where the mistakes are not of single fields.
    broken: Option<Vec<String>>,
}

impl Reading {
    /// Whether there is no mistake in its form.
    pub(super) fn is_whole(&self) -> bool {
        self.broken.as_ref().is_some_and(Vec::is_empty)
    }

    /// Whether a field of `spec` could be read, or is not there.
    pub(super) fn has(&self, field: &str) -> bool {
        let is_broken = |broken: &Vec<String>| broken.iter().any(|other| other == field);
        self.file.is_some() && !self.broken.as_ref().is_some_and(is_broken)
    }

    /// Whether what else is wrong can be told without a guess at what the broken fields mean.
    pub(super) fn can_be_judged(&self) -> bool {
        let is_independent = |field: &String| INDEPENDENT.contains(&field.as_str());
        self.file.is_some() && self.broken.as_ref().is_some_and(|broken| broken.iter().all(is_independent))
    }
}

impl Loader<'_> {
    /// Decodes the Scenario document. Decoding stops at the first mistake; the walk over the schema, which only a
    /// document with a mistake needs, finds and words them all.
    pub(super) fn read_scenario(&mut self, object: &Object) -> Reading {
        let mistake = match decode::decode_object(object) {
            Ok(file) => return Reading { file: Some(file), broken: Some(Vec::new()) },
            Err(mistake) => mistake,
        };
        let mut found = Diagnostics::default();
        scenario::check::check(object, &mut found);
        let is_of_it = |other: &Diagnostic| {
            other.path.starts_with(&mistake.path) || mistake.path.starts_with(&other.path)
        };
        if !errors(&found).any(is_of_it) {
            found.push(mistake);
        }
        let broken = broken_fields(object, &found);
        let file = broken.as_ref().and_then(|broken| decode::decode_object(&without(object, broken)).ok());
        self.diagnostics.append(found);
        Reading { file, broken }
    }
}

fn errors(found: &Diagnostics) -> impl Iterator<Item = &Diagnostic> {
    found.iter().filter(|diagnostic| diagnostic.severity == Severity::Error)
}

/// The fields of `spec` with an error; `None` where one lies elsewhere, or where there are too many to be kept.
fn broken_fields(object: &Object, found: &Diagnostics) -> Option<Vec<String>> {
    let spec = object.path_to("spec.");
    let field = |error: &Diagnostic| {
        let path = error.path.strip_prefix(&spec)?;
        path.split(['.', '[']).next().map(str::to_owned)
    };
    let mut fields: Vec<String> = errors(found).map(field).collect::<Option<_>>()?;
    let is_told_in_full = fields.len() == found.n_errors();
    fields.sort_unstable();
    fields.dedup();
    is_told_in_full.then_some(fields)
}

/// The document without some fields of `spec`.
fn without(object: &Object, fields: &[String]) -> Object {
    let mark = object.tree.mark;
    let entry = |key: &str, value: Tree| Entry { key: key.into(), mark, value };
    let map = |entries: Vec<Entry>| Tree { mark, content: Content::Map(entries) };
    let nothing = fields.iter().map(|field| entry(field, Tree::scalar(mark, Scalar::plain("null"))));
    let mut sound = object.clone();
    sound.tree.merge(&map(vec![entry("spec", map(nothing.collect()))]));
    sound
}
