//! Objects from files: accepted, and all that is wrong or odd with them reported at its place.

use std::borrow::Cow;

use crate::manifest::convert::{ReadContext, accept};
use crate::manifest::diagnostic::{Diagnostic, Diagnostics, Mark, Severity};
use crate::manifest::field_error::{ErrorKind, FieldError};
use crate::manifest::source::Object;
use crate::manifest::warnings::{FieldWarning, FieldWarnings};
use crate::model::ids::Kind;
use crate::model::scenario::NewObject;

/// The most values of a wrong type that are looked past in one object.
const WRONG_TYPES_MAX: usize = 100;

/// Accepts an object that was read from a file.
///
/// A value of a wrong type is looked past, so that everything else that is wrong comes out, too; it is reported unless
/// the schema has done so.
pub fn accept_object(
    kind: Kind,
    object: &Object,
    context: &ReadContext<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<NewObject> {
    let mut tree = Cow::Borrowed(&object.tree);
    let mut unread: Vec<Mark> = Vec::new();
    loop {
        let mut warnings = FieldWarnings::default();
        let outcome = accept(kind, &tree, context, &mut warnings);
        if let Some(error) = wrong_type(&outcome)
            && unread.len() < WRONG_TYPES_MAX
            && tree.to_mut().blank(&error.path)
            && !error.path.is_empty()
        {
            report_error(error, object, diagnostics);
            unread.push(object.tree.mark_at(&error.path));
            continue;
        }
        let is_read = |path: &str| !unread.contains(&object.tree.mark_at(path));
        let outcome = outcome.map_err(|mut errors| {
            errors.retain(|error| is_read(&error.path));
            errors
        });
        report_warnings(warnings.0.into_iter().filter(|warning| is_read(&warning.path)), object, diagnostics);
        return report(outcome, object, diagnostics).filter(|_| unread.is_empty());
    }
}

/// Reports what is wrong with an object, each fault at its place; wrong types only where the schema has not.
pub fn report<T>(
    outcome: Result<T, Vec<FieldError>>,
    object: &Object,
    diagnostics: &mut Diagnostics,
) -> Option<T> {
    let errors = match outcome {
        Ok(accepted) => return Some(accepted),
        Err(errors) => errors,
    };
    for error in &errors {
        report_error(error, object, diagnostics);
    }
    None
}

/// The error that kept an object from being decoded.
fn wrong_type<T>(outcome: &Result<T, Vec<FieldError>>) -> Option<&FieldError> {
    outcome.as_ref().err()?.first().filter(|error| error.kind == ErrorKind::TypeInvalid)
}

/// Adds an error at its place; a wrong type only where nothing is said of that place yet.
fn report_error(error: &FieldError, object: &Object, diagnostics: &mut Diagnostics) {
    let diagnostic = object.error(&error.path, error.message());
    let is_known = |known: &Diagnostic| known.place == diagnostic.place && known.severity == Severity::Error;
    if error.kind != ErrorKind::TypeInvalid || !diagnostics.iter().any(is_known) {
        diagnostics.push(diagnostic);
    }
}

fn report_warnings(
    warnings: impl Iterator<Item = FieldWarning>,
    object: &Object,
    diagnostics: &mut Diagnostics,
) {
    for warning in warnings {
        let diagnostic = object.error(&warning.path, warning.message);
        diagnostics.push(Diagnostic { severity: Severity::Warning, ..diagnostic });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::admission::PriorityClasses;
    use crate::manifest::api::Api;
    use crate::manifest::check::OnUnmodelled;
    use crate::manifest::check::Options;
    use crate::manifest::source::{ObjectKind, Source, read};
    use crate::model::profile::Profile;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let mut diagnostics = Diagnostics::default();
        let api = Api::load();
        let source = Source { name: "a.yaml".into(), text: text.into() };
        let context =
            ReadContext { profile: &Profile::default(), priority_classes: &PriorityClasses::default() };
        for object in read(&[source], &api, OnUnmodelled::Refuse, &mut diagnostics) {
            api.check(&object, &Options::default(), &mut diagnostics);
            let ObjectKind::Cluster(kind) = object.kind else { panic!("{:?}", object.kind) };
            let accepted = accept_object(kind, &object, &context, &mut diagnostics);
            assert_eq!(accepted.is_some(), !diagnostics.has_errors());
        }
        let lines: Vec<_> = diagnostics.iter().map(ToString::to_string).collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn everything_wrong_with_an_object_comes_out_at_once_and_in_place() {
        check(
            "apiVersion: batch/v1\n\
             kind: Job\n\
             metadata: {name: a}\n\
             spec:\n  \
               parallelism: 99999999999\n  \
               backoffLimit: -1\n  \
               completionz: 3\n  \
               template:\n    \
                 spec:\n      \
                   restartPolicy: Always\n      \
                   containers:\n      \
                   - {name: m, image: 5}\n",
            &[
                "a.yaml:5:16: spec.parallelism: expected an integer from -2147483648 to 2147483647, found `99999999999`",
                "a.yaml:6:17: spec.backoffLimit: Invalid value: -1: must be greater than or equal to 0",
                "a.yaml:7:3: spec.completionz: unknown field `completionz`; did you mean `completions`?",
                "a.yaml:10:22: spec.template.spec.restartPolicy: Required value: valid values: \"OnFailure\", \"Never\"",
                "a.yaml:12:26: spec.template.spec.containers[0].image: expected a string, found the number `5`; \
                 quote it: \"5\"",
            ],
        );
    }

    #[test]
    fn what_is_odd_comes_out_as_a_warning() {
        check(
            "apiVersion: batch/v1\n\
             kind: CronJob\n\
             metadata: {name: a}\n\
             spec:\n  \
               schedule: '0 0 31 4 *'\n  \
               jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: m, image: i}]}}}}\n",
            &["a.yaml:5:13: warning: spec.schedule: no day fits the schedule: it never fires"],
        );
    }
}
