//! Pods or Jobs that arrive by a recorded trace: a CSV file with one of them a line.

mod columns;
mod moulds;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::engine::SimTime;
use crate::manifest::diagnostic::{Diagnostic, Mark, Place};
use crate::manifest::load::trace::columns::{Columns, Fault, Line};
use crate::manifest::load::trace::moulds::Moulds;
use crate::manifest::load::{Head, Loader};
use crate::manifest::source::Source;
use crate::model::meta::Name;
use crate::model::profile::Profile;
use crate::model::program::Program;
use crate::model::scenario::{Trace, TraceRow};

/// What the lines of a trace are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Pods.
    Pods,
    /// Jobs, kept for so many seconds after their end.
    Jobs(Option<u32>),
}

impl Loader<'_> {
    /// Reads the trace that the scenario names, and adds the programs of its pods.
    pub(super) fn trace(
        &mut self,
        head: &Head,
        profile: &Profile,
        programs: &mut BTreeMap<Name, Program>,
    ) -> Option<Trace> {
        let files = head.spec.trace.as_ref()?;
        let object = head.object.as_ref()?;
        let ttl = files.ttl_seconds_after_finished;
        let (form, file, field) = match (&files.pods, &files.jobs) {
            (Some(file), None) if ttl.is_none() => (Form::Pods, file, "pods"),
            (None, Some(file)) => (Form::Jobs(ttl), file, "jobs"),
            (Some(_), None) => {
                let message = "only Jobs of a trace have a `ttlSecondsAfterFinished`";
                self.diagnostics.push(object.error("spec.trace.ttlSecondsAfterFinished", message));
                return None;
            }
            (None, None) | (Some(_), Some(_)) => {
                let message = "exactly one of `pods` and `jobs` is wanted";
                self.diagnostics.push(object.error("spec.trace", message));
                return None;
            }
        };
        match (self.fetch)(&object.file, file) {
            Ok(source) => self.trace_of(&source, form, profile, programs),
            Err(message) => {
                self.diagnostics.push(object.error(&format!("spec.trace.{field}"), message));
                None
            }
        }
    }

    /// Reads the text of a trace.
    fn trace_of(
        &mut self,
        source: &Source,
        form: Form,
        profile: &Profile,
        programs: &mut BTreeMap<Name, Program>,
    ) -> Option<Trace> {
        let text = String::from_utf8_lossy(&source.text);
        let mut lines = (1_u32..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
        let (number, first) = lines.next().unwrap_or((1, ""));
        let mut faults = Faults { loader: self, file: &source.name };
        let columns = Columns::read(first, form).map_err(|fault| faults.push(number, fault)).ok()?;
        let mut moulds = Moulds::new(form, &columns, profile, programs);
        let mut names = BTreeSet::new();
        let mut rows = Vec::new();
        for (number, text) in lines {
            let read = columns.line(text).and_then(|line| {
                check_name(&line, &mut names)?;
                Ok(TraceRow {
                    at: SimTime::ZERO + line.arrival,
                    arrival: moulds.arrival(&line).map_err(|message| Fault { column: 1, message })?,
                    name: line.name,
                })
            });
            match read {
                Ok(row) => rows.push(row),
                Err(fault) => faults.push(number, fault),
            }
        }
        rows.sort_by_key(|row| row.at);
        Some(Trace { rows, ..moulds.into_trace() })
    }
}

/// Refuses a name that was given before.
fn check_name(line: &Line, names: &mut BTreeSet<Name>) -> Result<(), Fault> {
    let Some(name) = &line.name else { return Ok(()) };
    if names.insert(name.clone()) {
        return Ok(());
    }
    Err(Fault { column: line.name_column, message: format!("the name {name} is taken") })
}

/// Takes faults of lines to their places.
struct Faults<'a, 'b> {
    loader: &'a mut Loader<'b>,
    file: &'a Arc<str>,
}

impl Faults<'_, '_> {
    fn push(&mut self, line: u32, fault: Fault) {
        let place = Place { file: Arc::clone(self.file), mark: Mark { line, column: fault.column } };
        self.loader.diagnostics.push(Diagnostic::error(place, fault.message));
    }
}
