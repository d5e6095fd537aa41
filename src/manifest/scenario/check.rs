//! Holds a Scenario document against the JSON Schema of its types, so that everything wrong is found at once.

use crate::engine::SimDuration;
use crate::manifest::check::{Checker, Options, Subject};
use crate::manifest::diagnostic::Diagnostics;
use crate::manifest::json_schema::{self, NamedFormat};
use crate::manifest::scalar::{Meaning, Scalar};
use crate::manifest::scenario::ScenarioFile;
use crate::manifest::schema::{Format, Mismatch, Treatment};
use crate::manifest::source::Object;

/// The formats of scalars that the types name.
const FORMATS: [NamedFormat; 2] = [
    ("duration", Format { expected: "a span of time such as 90s, 1h30m or 250ms", check: check_span }),
    ("quantity", crate::manifest::api::QUANTITY),
];

/// Reports every unknown field, wrong type and missing field of a Scenario.
pub fn check(object: &Object, diagnostics: &mut Diagnostics) {
    let root = schemars::schema_for!(ScenarioFile).to_value();
    let (schema, shape) = json_schema::translate(&root, &FORMATS);
    let subject = Subject { file: &object.file, path: &object.path, kind: "Scenario" };
    let options = Options::default();
    let mut checker = Checker::new(&schema, subject, &options, diagnostics);
    checker.check_root(&object.tree, &shape, Treatment::Modelled);
}

fn check_span(scalar: &Scalar) -> Result<(), Mismatch> {
    let text = match scalar.meaning() {
        Meaning::Text(text) => text.to_owned(),
        Meaning::Int(0) => return Ok(()),
        Meaning::Int(number) => {
            return Err(Mismatch::Value(format!(
                "a span of time needs a unit, as in {number}s, found {number}"
            )));
        }
        Meaning::Null | Meaning::Bool(_) | Meaning::Float(_) => return Err(Mismatch::Kind),
    };
    text.parse::<SimDuration>().map(|_| ()).map_err(|error| Mismatch::Value(error.to_string()))
}
