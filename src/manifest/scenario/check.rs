//! Holds a Scenario document against the JSON Schema of its types, so that everything wrong is found at once.

use crate::engine::SimDuration;
use crate::manifest::check::{Checker, Options, Subject};
use crate::manifest::diagnostic::Diagnostics;
use crate::manifest::expression;
use crate::manifest::json_schema::{self, NamedFormat};
use crate::manifest::scalar::{Meaning, Scalar};
use crate::manifest::scenario::ScenarioFile;
use crate::manifest::scenario::scalar::{GrowthRate, RequestRate};
use crate::manifest::schema::{Format, Mismatch, Treatment};
use crate::manifest::source::Object;

/// The formats of scalars that the types name.
const FORMATS: [NamedFormat; 5] = [
    ("CEL", Format { expected: "a string", check: check_expression }),
    ("duration", Format { expected: "a span of time such as 90s, 1h30m or 250ms", check: check_span }),
    ("quantity", crate::manifest::api::QUANTITY),
    ("rate", Format { expected: "a rate such as 1Mi/m", check: check_growth }),
    ("request rate", Format { expected: "a rate such as 200/s", check: check_request_rate }),
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

fn check_expression(scalar: &Scalar) -> Result<(), Mismatch> {
    match scalar.meaning() {
        Meaning::Text(text) => expression::check(text).map_err(Mismatch::Value),
        Meaning::Null | Meaning::Bool(_) | Meaning::Int(_) | Meaning::Float(_) => Err(Mismatch::Kind),
    }
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

fn check_growth(scalar: &Scalar) -> Result<(), Mismatch> {
    let Meaning::Text(text) = scalar.meaning() else { return Err(Mismatch::Kind) };
    GrowthRate::parse(text).map(|_| ()).map_err(Mismatch::Value)
}

fn check_request_rate(scalar: &Scalar) -> Result<(), Mismatch> {
    let Meaning::Text(text) = scalar.meaning() else { return Err(Mismatch::Kind) };
    RequestRate::parse(text).map(|_| ()).map_err(Mismatch::Value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::api::Api;
    use crate::manifest::check::OnUnmodelled;
    use crate::manifest::source::{self, Source};

    #[track_caller]
    fn check_lines(spec: &str, expected: &[&str]) {
        let text = format!("apiVersion: sim/v1\nkind: Scenario\nspec:\n{spec}");
        let mut diagnostics = Diagnostics::default();
        let sources = [Source { name: "f".into(), text: text.into() }];
        for object in source::read(&sources, &Api::load(), OnUnmodelled::Refuse, &mut diagnostics) {
            check(&object, &mut diagnostics);
        }
        let lines: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
        assert_eq!(lines, expected, "{spec}");
    }

    #[test]
    fn a_scenario_that_fits_passes() {
        check_lines(
            "  seed: 7
  horizon: 2h
  kubernetesVersion: '1.35'
  timing: {preset: typical, watch: 5ms, pullRate: 75M}
  params: {workers: 3, name: x, on: true}
  nodePools: [{name: small, count: 3, capacity: {cpu: '4', memory: 16Gi}, pricePerHour: 0.19}]
  images:
    a: {pullSize: 80Mi, startup: 2s, memory: {base: 100Mi, growth: 1Mi/m}, onTerm: {ignore: true}}
    b: {steps: [{listen: 8080}, {listen: {port: 53, protocol: UDP}}, {waitFor: {port: 'db:5432'}}, {run: forever},
                {run: {lognormal: {p50: 20s, p99: 60s}}}, {write: /x}, {log: done}, {exit: {0: 0.9, 1: 0.1}}]}
    c: {attemptsBy: pod, attempts: [{run: 5s, exit: 42}, [{run: 0}, {exit: 0}]]}
  timeline:
  - {at: 1m, apply: {manifests: [late.yaml]}}
  - {at: 30m, patch: {job: batch, merge: {spec: {suspend: true}}}}
  expect: [{that: 'true', message: x}]
",
            &["f:8:33: warning: spec.params.true: the key `on` is taken as `true`; quote it to keep it"],
        );
    }

    #[test]
    fn every_mistake_of_a_scenario_is_reported_at_once() {
        check_lines(
            "  sed: 7
  horizon: 2 hours
  kubernetesVersion: 1.35
  timing: idael
  nodePools: [{name: small, cuont: 3}]
  images:
    a: {pullSize: 80Mib, steps: [{runn: 5s}, {run: fast}, {listen: 0}, {exit: x}], memory: {base: 1}}
    b: {attempts: [{run: 5, exti: 1}, 3]}
  timeline:
  - {at: 1m, aply: {}}
  traffic: [{name: a, to: 'a:80', rate: -1/s}, {name: b, to: 'b:80', rate: [{rate: 2/d}]}]
",
            &[
                "f:4:3: spec.sed: unknown field `sed`; did you mean `seed`?",
                "f:5:12: spec.horizon: not a duration such as 90s, 1h30m, 250ms or 30d: \"2 hours\"",
                "f:6:22: spec.kubernetesVersion: expected a string, found the number `1.35`; quote it: \"1.35\"",
                "f:7:11: spec.timing: expected `ideal` or `typical`, found `idael`; did you mean `ideal`?",
                "f:8:15: spec.nodePools[0].count: Required value",
                "f:8:29: spec.nodePools[0].cuont: unknown field `cuont`; did you mean `count`?",
                "f:10:19: spec.images[a].pullSize: quantities must match the regular expression \
                 '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$', found `80Mib`",
                "f:10:35: spec.images[a].steps[0].runn: unknown field `runn`; did you mean `run`?",
                "f:10:52: spec.images[a].steps[1].run: expected `forever`, a span of time such as 90s, 1h30m or 250ms \
                 or a map, found the string `fast`",
                "f:10:68: spec.images[a].steps[2].listen: expected an integer from 1 to 65535, found `0`",
                "f:10:79: spec.images[a].steps[3].exit: expected an integer or a map, found the string `x`",
                "f:11:26: spec.images[b].attempts[0].run: a span of time needs a unit, as in 5s, found 5",
                "f:11:29: spec.images[b].attempts[0].exti: unknown field `exti`; did you mean `exit`?",
                "f:11:39: spec.images[b].attempts[1]: expected a list or a map, found the number `3`",
                "f:13:14: spec.timeline[0].aply: unknown field `aply`; did you mean `apply`?",
                "f:14:41: spec.traffic[0].rate: must be between 0 and 1000000000: \"-1/s\"",
                "f:14:84: spec.traffic[1].rate[0].rate: not a rate per s, m or h: \"2/d\"",
            ],
        );
    }
}
