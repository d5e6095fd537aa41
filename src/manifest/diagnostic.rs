//! What is wrong with the input, and where.
//!
//! Everything that reads input adds to one [`Diagnostics`], which keeps them in the order of their places, each once.
//! It displays as one line each:
//!
//! ```text
//! job.yaml:12:7: spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"
//! job.yaml:20:9: warning: spec.template.spec.containers[0].livenessProbe: not modelled: the run goes on without it
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::manifest::limits::{DIAGNOSTICS_MAX, QUOTE_CHARS_MAX};

/// A position in a text: both numbers from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

impl Mark {
    /// The start of a text.
    pub const START: Mark = Mark { line: 1, column: 1 };
}

/// A position in a named text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The name of the file, `-` or a flag.
    pub file: Arc<str>,
    /// The position in it.
    pub mark: Mark,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.mark.line, self.mark.column)
    }
}

/// Whether the input can be used all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It cannot.
    Error,
    /// It can.
    Warning,
}

/// One thing that is wrong with the input.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diagnostic {
    /// Where.
    pub place: Place,
    /// The path of the field from the object's root, such as `spec.containers[0].name`; empty where there is none.
    pub path: String,
    /// Whether the input can be used all the same.
    pub severity: Severity,
    /// What was found, and what was expected.
    pub message: String,
}

impl Diagnostic {
    /// Makes an error that has no field.
    pub fn error(place: Place, message: impl Into<String>) -> Self {
        Diagnostic { place, path: String::new(), severity: Severity::Error, message: message.into() }
    }

    /// Makes a warning that has no field.
    pub fn warning(place: Place, message: impl Into<String>) -> Self {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(place, message) }
    }

    /// Names the field that it is about.
    #[must_use]
    pub fn at(self, path: impl Into<String>) -> Self {
        Diagnostic { path: path.into(), ..self }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = if self.severity == Severity::Warning { "warning: " } else { "" };
        let separator = if self.path.is_empty() { "" } else { ": " };
        write!(f, "{}: {severity}{}{separator}{}", self.place, self.path, self.message)
    }
}

/// Everything that is wrong with the input.
#[derive(Debug, Clone, Default)]
pub struct Diagnostics {
    n_errors: usize,
    /// By file, in order of place; at most [`DIAGNOSTICS_MAX`] a file.
    files: BTreeMap<Arc<str>, FileDiagnostics>,
    /// Unmodelled fields that the run goes without, by kind and path without indices.
    unmodelled: BTreeMap<String, Unmodelled>,
}

#[derive(Debug, Clone, Default)]
struct FileDiagnostics {
    kept: std::collections::BTreeSet<Diagnostic>,
    n_dropped: usize,
}

/// An unmodelled field that the run goes without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmodelled {
    /// The kind and path, such as `Pod spec.containers[].livenessProbe`.
    pub what: String,
    /// Its first place.
    pub first: Place,
    /// How often it is set.
    pub n: usize,
}

impl Diagnostics {
    /// Adds a diagnostic; one that is already there is not counted again.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        let file = self.files.entry(Arc::clone(&diagnostic.place.file)).or_default();
        let is_error = diagnostic.severity == Severity::Error;
        if file.kept.contains(&diagnostic) {
            return;
        }
        self.n_errors += usize::from(is_error);
        file.kept.insert(diagnostic);
        if file.kept.len() > DIAGNOSTICS_MAX {
            file.kept.pop_last();
            file.n_dropped += 1;
        }
    }

    /// Adds all of another reading of the same files, with what it had no room for.
    pub fn append(&mut self, other: Diagnostics) {
        let n_errors = other.n_errors;
        let mut n_kept = 0;
        for (name, file) in other.files {
            n_kept += file.kept.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count();
            self.extend(file.kept);
            self.files.entry(name).or_default().n_dropped += file.n_dropped;
        }
        self.n_errors += n_errors - n_kept;
    }

    /// Counts an unmodelled field that the run goes without.
    ///
    /// `path` may hold indices; they are left out, so that a field is listed once for all objects of its kind.
    pub fn push_unmodelled(&mut self, kind: &str, path: &str, place: Place) {
        let what = format!("{kind} {}", without_indices(path));
        let entry = self.unmodelled.entry(what.clone());
        let unmodelled = entry.or_insert_with(|| Unmodelled { what, first: place.clone(), n: 0 });
        unmodelled.n += 1;
        unmodelled.first = place.min(unmodelled.first.clone());
    }

    /// The number of errors.
    pub fn n_errors(&self) -> usize {
        self.n_errors
    }

    /// Whether there is an error.
    pub fn has_errors(&self) -> bool {
        self.n_errors > 0
    }

    /// Whether there is nothing to report.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.unmodelled.is_empty()
    }

    /// The diagnostics that were kept, in the order of their places. Unmodelled fields are not among them.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.files.values().flat_map(|file| &file.kept)
    }

    /// The unmodelled fields that the run goes without, by kind and path.
    pub fn unmodelled(&self) -> impl Iterator<Item = &Unmodelled> {
        self.unmodelled.values()
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, diagnostics: I) {
        diagnostics.into_iter().for_each(|diagnostic| self.push(diagnostic));
    }
}

fn without_indices(path: &str) -> String {
    let mut parts = path.split('[');
    let mut generic = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (key, rest) = part.split_once(']').unwrap_or((part, ""));
        let is_index = key.bytes().all(|byte| byte.is_ascii_digit());
        generic.push_str(&if is_index { format!("[]{rest}") } else { format!("[{key}]{rest}") });
    }
    generic
}

impl fmt::Display for Diagnostics {
    /// Writes one diagnostic a line, in the order of their places; unmodelled fields follow as warnings.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, file) in &self.files {
            for diagnostic in &file.kept {
                writeln!(f, "{diagnostic}")?;
            }
            if file.n_dropped > 0 {
                writeln!(f, "{name}: {} more", file.n_dropped)?;
            }
        }
        for Unmodelled { what, first, n } in self.unmodelled.values() {
            let times = if *n == 1 { String::new() } else { format!(" ({n} times)") };
            writeln!(f, "{first}: warning: {what}: not modelled: the run goes on without it{times}")?;
        }
        Ok(())
    }
}

/// Returns the text in backticks, shortened to what a message can hold.
pub fn quoted(text: &str) -> String {
    let mut chars = text.chars();
    let mut shown: String = chars.by_ref().take(QUOTE_CHARS_MAX).flat_map(char::escape_debug).collect();
    if chars.next().is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(file: &str, line: u32, column: u32) -> Place {
        Place { file: file.into(), mark: Mark { line, column } }
    }

    #[test]
    fn diagnostics_come_in_the_order_of_their_places_and_once() {
        let mut diagnostics = Diagnostics::default();
        diagnostics.push(Diagnostic::error(place("b.yaml", 1, 1), "is empty"));
        diagnostics.push(Diagnostic::error(place("a.yaml", 10, 2), "unknown field `foo`").at("spec.foo"));
        diagnostics.push(Diagnostic::warning(place("a.yaml", 9, 30), "old"));
        diagnostics.push(Diagnostic::error(place("b.yaml", 1, 1), "is empty"));
        let lines = diagnostics.to_string();
        assert_eq!(
            lines,
            "a.yaml:9:30: warning: old\na.yaml:10:2: spec.foo: unknown field `foo`\nb.yaml:1:1: is empty\n"
        );
        assert_eq!(diagnostics.n_errors(), 2);
    }

    #[test]
    fn a_flood_of_diagnostics_is_cut_and_counted() {
        let mut diagnostics = Diagnostics::default();
        for line in (1..=1000).rev() {
            diagnostics.push(Diagnostic::error(place("a", line, 1), "bad"));
        }
        let lines = diagnostics.to_string();
        assert!(
            lines.starts_with("a:1:1: bad\n") && lines.ends_with("a:200:1: bad\na: 800 more\n"),
            "{lines}"
        );
        assert_eq!(diagnostics.n_errors(), 1000);
        let mut all = Diagnostics::default();
        all.append(diagnostics);
        assert_eq!((all.to_string(), all.n_errors()), (lines, 1000));
    }

    #[test]
    fn unmodelled_fields_are_counted_by_kind_and_path() {
        let mut diagnostics = Diagnostics::default();
        for line in [30, 20] {
            let path = format!("spec.containers[{line}].livenessProbe");
            diagnostics.push_unmodelled("Pod", &path, place("a", line, 5));
        }
        diagnostics.push_unmodelled("Node", "status.capacity[a/b]", place("a", 1, 5));
        assert_eq!(
            diagnostics.to_string(),
            "a:1:5: warning: Node status.capacity[a/b]: not modelled: the run goes on without it\n\
             a:20:5: warning: Pod spec.containers[].livenessProbe: not modelled: the run goes on without it (2 times)\n"
        );
        assert!(!diagnostics.has_errors());
    }

    #[test]
    fn what_is_quoted_is_short_and_printable() {
        assert_eq!(quoted("a\u{7}\n"), "`a\\u{7}\\n`");
        assert_eq!(quoted(&"x".repeat(100)), format!("`{}…`", "x".repeat(60)));
    }
}
