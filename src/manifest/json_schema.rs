//! JSON Schema, as `schemars` writes it for our own types, to the reader's [`Schema`].
//!
//! Understood is what derived schemas hold: objects, lists, maps, scalars with bounds, enums, `oneOf`, `anyOf`,
//! `allOf`, `$ref`. A `format` that the caller names is checked by the caller's function, whatever its `type`. What is
//! not understood (`pattern`, `prefixItems`, lengths) is not checked here; decoding has the last word.
//!
//! An object whose properties are listed takes no others unless it says so: a typo is always an error.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::manifest::schema::{Field, Format, ObjectType, Schema, Shape};

/// A scalar format by the name that it has under `format`.
pub type NamedFormat = (&'static str, Format);

/// Translates a JSON Schema; gives the shape of its root.
pub fn translate(root: &Value, formats: &[NamedFormat]) -> (Schema, Shape) {
    let empty = Map::new();
    let definitions = root.get("$defs").and_then(Value::as_object).unwrap_or(&empty);
    // The root is the first named shape: `#` refers to it.
    let numbers = definitions.keys().enumerate().map(|(idx, name)| (name.as_str(), idx + 1)).collect();
    let translator = Translator { formats, numbers, definitions, root };
    let named =
        [root].into_iter().chain(definitions.values()).map(|schema| translator.shape(schema)).collect();
    (Schema { named }, Shape::Named(0))
}

struct Translator<'a> {
    formats: &'a [NamedFormat],
    numbers: BTreeMap<&'a str, usize>,
    definitions: &'a Map<String, Value>,
    root: &'a Value,
}

/// An object's properties with those of one alternative each.
type Properties = BTreeMap<String, (Shape, bool)>;

impl Translator<'_> {
    fn shape(&self, schema: &Value) -> Shape {
        let Some(keywords) = schema.as_object() else { return Shape::Any };
        if let Some(reference) = keywords.get("$ref").and_then(Value::as_str) {
            return self.number(reference).map_or(Shape::Any, Shape::Named);
        }
        let format = keywords.get("format").and_then(Value::as_str).unwrap_or_default();
        if let Some((_, format)) = self.formats.iter().find(|(name, _)| *name == format) {
            return Shape::Format(*format);
        }
        if let Some(texts) = enum_texts(keywords) {
            return Shape::Enum(texts);
        }
        if keywords.contains_key("properties") || keywords.contains_key("allOf") {
            return one_of(self.objects(schema));
        }
        if let Some(alternatives) = alternatives(keywords) {
            return one_of(alternatives.map(|schema| self.shape(schema)).collect());
        }
        match keywords.get("type") {
            Some(Value::String(name)) => self.of_type(name, keywords),
            Some(Value::Array(names)) => {
                let names = names.iter().filter_map(Value::as_str).filter(|name| *name != "null");
                one_of(names.map(|name| self.of_type(name, keywords)).collect())
            }
            _ => Shape::Any,
        }
    }

    fn of_type(&self, name: &str, keywords: &Map<String, Value>) -> Shape {
        let inner = |keyword| Box::new(keywords.get(keyword).map_or(Shape::Any, |schema| self.shape(schema)));
        match name {
            "string" => Shape::Text,
            "boolean" => Shape::Bool,
            "integer" => int(keywords),
            "number" => Shape::Number {
                min: keywords.get("minimum").and_then(Value::as_f64).unwrap_or(f64::MIN),
                max: keywords.get("maximum").and_then(Value::as_f64).unwrap_or(f64::MAX),
            },
            "array" => Shape::List(inner("items")),
            "object" if keywords.get("additionalProperties") == Some(&Value::Bool(false)) => {
                Shape::Object(Box::default())
            }
            "object" => Shape::Map(inner("additionalProperties")),
            _ => Shape::Any,
        }
    }

    fn number(&self, reference: &str) -> Option<usize> {
        match reference {
            "#" => Some(0),
            _ => self.numbers.get(reference.strip_prefix("#/$defs/")?).copied(),
        }
    }

    fn target(&self, reference: &str) -> Option<&Value> {
        match reference {
            "#" => Some(self.root),
            _ => self.definitions.get(reference.strip_prefix("#/$defs/")?),
        }
    }

    /// The object types that a schema of properties, perhaps beside alternatives (a flattened enum), stands for.
    fn objects(&self, schema: &Value) -> Vec<Shape> {
        let others = schema.get("additionalProperties").filter(|others| **others != Value::Bool(false));
        let others = others.map(|others| self.shape(others));
        let types = self.property_sets(schema, 0).into_iter().map(|properties| {
            let fields = properties
                .into_iter()
                .map(|(name, (shape, is_required))| Field { is_required, ..Field::optional(name, shape) });
            Shape::Object(Box::new(ObjectType { fields: fields.collect(), others: others.clone() }))
        });
        types.collect()
    }

    /// All combinations of a schema's own properties with one of each of its alternatives.
    fn property_sets(&self, schema: &Value, depth: usize) -> Vec<Properties> {
        // A derived schema nests flattened types a few levels deep; a reference to itself would never end.
        if depth > 16 {
            return vec![Properties::new()];
        }
        let target = schema.get("$ref").and_then(Value::as_str).and_then(|reference| self.target(reference));
        let schema = target.unwrap_or(schema);
        let Some(keywords) = schema.as_object() else { return vec![Properties::new()] };
        let required: Vec<&str> = keywords
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let own = keywords.get("properties").and_then(Value::as_object).into_iter().flatten();
        let own =
            own.map(|(name, schema)| (name.clone(), (self.shape(schema), required.contains(&name.as_str()))));
        let mut sets = vec![own.collect::<Properties>()];
        for part in keywords.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            sets = combined(&sets, &self.property_sets(part, depth + 1));
        }
        if let Some(alternatives) = alternatives(keywords) {
            let others: Vec<Properties> =
                alternatives.flat_map(|alternative| self.property_sets(alternative, depth + 1)).collect();
            sets = combined(&sets, &others);
        }
        sets
    }
}

fn combined(a: &[Properties], b: &[Properties]) -> Vec<Properties> {
    let pair =
        |a: &Properties, b: &Properties| a.iter().chain(b).map(|(k, v)| (k.clone(), v.clone())).collect();
    a.iter().flat_map(|a| b.iter().map(move |b| pair(a, b))).collect()
}

/// The alternatives of a schema, without null: `null` is the same as absent everywhere.
fn alternatives(keywords: &Map<String, Value>) -> Option<impl Iterator<Item = &Value>> {
    let alternatives = keywords.get("oneOf").or_else(|| keywords.get("anyOf"))?.as_array()?;
    Some(alternatives.iter().filter(|schema| schema.get("type").and_then(Value::as_str) != Some("null")))
}

/// One of several shapes; enums among them become one.
fn one_of(shapes: Vec<Shape>) -> Shape {
    let mut texts: Vec<Cow<'static, str>> = Vec::new();
    let mut others = Vec::new();
    for shape in shapes {
        match shape {
            Shape::Enum(more) => texts.extend(more),
            other => others.push(other),
        }
    }
    if !texts.is_empty() {
        others.insert(0, Shape::Enum(texts));
    }
    if others.len() == 1 { others.remove(0) } else { Shape::OneOf(others) }
}

fn enum_texts(keywords: &Map<String, Value>) -> Option<Vec<Cow<'static, str>>> {
    let text = |value: &Value| value.as_str().map(|text| Cow::Owned(text.to_owned()));
    match (keywords.get("const"), keywords.get("enum")) {
        (Some(value), _) => Some(vec![text(value)?]),
        (None, Some(values)) => {
            values.as_array()?.iter().filter(|value| !value.is_null()).map(text).collect()
        }
        (None, None) => None,
    }
}

fn int(keywords: &Map<String, Value>) -> Shape {
    let (min, max) = match keywords.get("format").and_then(Value::as_str).unwrap_or_default() {
        "int8" => (i8::MIN.into(), i8::MAX as u64),
        "int16" => (i16::MIN.into(), i16::MAX as u64),
        "int32" => (i32::MIN.into(), i32::MAX as u64),
        "uint8" => (0, u8::MAX.into()),
        "uint16" => (0, u16::MAX.into()),
        "uint32" => (0, u32::MAX.into()),
        "uint64" | "uint" => (0, u64::MAX),
        _ => (i64::MIN, i64::MAX as u64),
    };
    let min = keywords.get("minimum").and_then(Value::as_i64).map_or(min, |given| given.max(min));
    let max = keywords.get("maximum").and_then(Value::as_u64).map_or(max, |given| given.min(max));
    Shape::Int { min, max }
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;

    use super::*;
    use crate::manifest::check::{Checker, Options, Subject};
    use crate::manifest::diagnostic::Diagnostics;
    use crate::manifest::scalar::{Meaning, Scalar};
    use crate::manifest::schema::{Mismatch, Treatment};
    use crate::manifest::yaml;

    /// A scenario in small, with every form that derived schemas take. Only its schema is used.
    #[derive(JsonSchema)]
    #[schemars(rename_all = "camelCase")]
    #[expect(dead_code, reason = "the fields are read by the derive alone")]
    struct Play {
        seed: Option<u64>,
        horizon: Length,
        timing: Option<Timing>,
        #[schemars(default)]
        params: BTreeMap<String, Param>,
        #[schemars(default)]
        images: BTreeMap<String, Image>,
        #[schemars(default)]
        timeline: Vec<Timed>,
        #[schemars(default)]
        source: Option<Source>,
        again: Option<Box<Play>>,
        #[schemars(range(min = 0.0, max = 1.0), default)]
        share: f64,
        merge: Option<Value>,
    }

    #[derive(JsonSchema)]
    #[schemars(transparent)]
    #[expect(dead_code, reason = "the fields are read by the derive alone")]
    struct Length(#[schemars(extend("format" = "duration"))] String);

    #[derive(JsonSchema)]
    #[schemars(rename_all = "camelCase")]
    #[expect(dead_code, reason = "the variants are read by the derive alone")]
    enum Timing {
        /// No latency.
        Ideal,
        Typical,
    }

    #[derive(JsonSchema)]
    #[schemars(untagged)]
    #[expect(dead_code, reason = "the variants are read by the derive alone")]
    enum Param {
        Int(i64),
        Flag(bool),
        List(Vec<i64>),
    }

    #[derive(JsonSchema)]
    #[schemars(untagged)]
    #[expect(dead_code, reason = "the variants are read by the derive alone")]
    enum Image {
        Steps { steps: Vec<Step> },
        Short { run: Length, exit: Option<i32> },
    }

    #[derive(JsonSchema)]
    #[schemars(rename_all = "camelCase")]
    #[expect(dead_code, reason = "the variants are read by the derive alone")]
    enum Step {
        Run(Length),
        Listen(u16),
        WaitFor { port: u16 },
        Done,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "the fields are read by the derive alone")]
    struct Timed {
        at: Length,
        #[schemars(flatten)]
        action: Action,
    }

    #[derive(JsonSchema)]
    #[schemars(rename_all = "camelCase")]
    #[expect(dead_code, reason = "the variants are read by the derive alone")]
    enum Action {
        Fail { node: String },
        Kill { pod: String, container: Option<String> },
    }

    #[derive(JsonSchema)]
    #[schemars(tag = "type", rename_all = "lowercase")]
    #[expect(dead_code, reason = "the variants are read by the derive alone")]
    enum Source {
        File { path: String },
        Inline { text: String },
    }

    const DURATION: Format = Format {
        expected: "a duration such as 90s",
        check: |scalar: &Scalar| match scalar.meaning() {
            Meaning::Text(text) if text.ends_with('s') => Ok(()),
            Meaning::Text(_) => Err(Mismatch::Value("a unit is missing".to_owned())),
            _ => Err(Mismatch::Kind),
        },
    };

    fn lines(text: &str) -> Vec<String> {
        let root = schemars::schema_for!(Play).to_value();
        let (schema, shape) = translate(&root, &[("duration", DURATION)]);
        let mut diagnostics = Diagnostics::default();
        let subject = Subject { file: &"f".into(), path: "", kind: "Play" };
        let options = Options::default();
        let tree = yaml::test_tree(text);
        Checker::new(&schema, subject, &options, &mut diagnostics).check_root(
            &tree,
            &shape,
            Treatment::Modelled,
        );
        diagnostics.iter().map(ToString::to_string).collect()
    }

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        assert_eq!(lines(&format!("horizon: 9s\n{text}")), expected, "{text}");
    }

    #[test]
    fn what_the_types_accept_passes() {
        check(
            "seed: 7\ntiming: ideal\nparams: {a: 1, b: yes, c: [1, 2], d: ~}\nshare: 1\nmerge: {any: [thing]}\n\
             images: {x: {steps: [done, {run: 5s}, {waitFor: {port: 80}}]}, z: {run: 5s}}\n\
             timeline: [{at: 1s, fail: {node: node-1}}, {at: 2s, kill: {pod: p, container: c}}]\n\
             source: {type: inline, text: x}\nagain: {horizon: 1s}",
            &[],
        );
    }

    #[test]
    fn unknown_fields_are_found_in_structs_variants_and_flattened_enums() {
        check("sed: 7", &["f:2:1: sed: unknown field `sed`; did you mean `seed`?"]);
        check(
            "timeline: [{at: 1s, fial: {node: node-1}}, {at: 1s, fail: {nod: node-1}}]",
            &[
                "f:2:21: timeline[0].fial: unknown field `fial`; did you mean `fail`?",
                "f:2:53: timeline[1].fail.node: Required value",
                "f:2:60: timeline[1].fail.nod: unknown field `nod`; did you mean `node`?",
            ],
        );
        check(
            "images: {x: {step: []}, z: {run: 5s, exti: 1}}",
            &[
                "f:2:14: images[x].step: unknown field `step`; did you mean `steps`?",
                "f:2:38: images[z].exti: unknown field `exti`; did you mean `exit`?",
            ],
        );
        check("timeline: [{at: 1s}]", &["f:2:12: timeline[0]: expected `fail` or `kill`"]);
        check("again: {}", &["f:2:1: again.horizon: Required value"]);
    }

    #[test]
    fn values_that_fit_no_alternative_are_told_what_would() {
        check(
            "timing: idael",
            &["f:2:9: timing: expected `typical` or `ideal`, found `idael`; did you mean `ideal`?"],
        );
        check(
            "params: {a: x}",
            &["f:2:13: params[a]: expected an integer, true or false or a list, found the string `x`"],
        );
        check(
            "params: {a: {}}",
            &["f:2:10: params[a]: expected an integer, true or false or a list, found a map"],
        );
        check(
            "images: {x: {steps: [fly, {listen: 70000}, {run: 5}, {run: 5m}]}}",
            &[
                "f:2:22: images[x].steps[0]: expected `done`, found `fly`",
                "f:2:36: images[x].steps[1].listen: expected an integer from 0 to 65535, found `70000`",
                "f:2:50: images[x].steps[2].run: expected a duration such as 90s, found the number `5`",
                "f:2:60: images[x].steps[3].run: a unit is missing",
            ],
        );
        check("seed: -1", &["f:2:7: seed: expected an integer from 0 to 18446744073709551615, found `-1`"]);
        check("share: 1.5", &["f:2:8: share: expected a number from 0 to 1, found `1.5`"]);
        check(
            "source: {type: fil, path: x}",
            &["f:2:16: source.type: expected `file` or `inline`, found `fil`; did you mean `file`?"],
        );
        check(
            "source: {type: file, text: x}",
            &[
                "f:2:1: source.path: Required value",
                "f:2:22: source.text: field `text` does not go with the others; known are `path`, `type`",
            ],
        );
    }
}
