//! Holds a JSON value against a JSON Schema, as far as the schema of the Scenario kind uses the language.
//!
//! An unknown keyword is a panic: then the schema uses more than is checked here.

use serde_json::Value;

/// The first place at which the value does not fit; the path is a JSON pointer.
///
/// # Errors
/// The path and what is wrong there.
pub fn validate(root: &Value, value: &Value) -> Result<(), String> {
    at(root, root, value, "")
}

fn at(root: &Value, schema: &Value, value: &Value, path: &str) -> Result<(), String> {
    let Some(keywords) = schema.as_object() else {
        return if schema == &Value::Bool(true) { Ok(()) } else { Err(format!("{path}: not allowed")) };
    };
    for (keyword, argument) in keywords {
        let outcome = match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" | "default" | "format" | "pattern" => Ok(()),
            "$ref" => at(root, definition(root, argument), value, path),
            "type" => has_type(argument, value).then_some(()).ok_or(format!("{path}: not a {argument}")),
            "const" => (argument == value).then_some(()).ok_or(format!("{path}: not {argument}")),
            "minimum" => is_ordered(argument, value).then_some(()).ok_or(format!("{path}: too small")),
            "maximum" => is_ordered(value, argument).then_some(()).ok_or(format!("{path}: too large")),
            "required" => required(argument, value, path),
            "anyOf" => match alternatives(root, argument, value, path) {
                0 => Err(format!("{path}: fits none of the alternatives")),
                _ => Ok(()),
            },
            "oneOf" => match alternatives(root, argument, value, path) {
                1 => Ok(()),
                count => Err(format!("{path}: fits {count} of the alternatives")),
            },
            "properties" | "additionalProperties" => properties(root, keywords, value, path),
            "items" => items(root, argument, value, path),
            other => panic!("keyword {other:?} at {path}"),
        };
        outcome?;
    }
    Ok(())
}

fn definition<'a>(root: &'a Value, reference: &Value) -> &'a Value {
    let pointer = reference.as_str().and_then(|text| text.strip_prefix('#')).expect("a local reference");
    root.pointer(pointer).unwrap_or_else(|| panic!("{reference} is not defined"))
}

fn has_type(names: &Value, value: &Value) -> bool {
    let is = |name: &Value| match name.as_str().expect("a type is named") {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        other => panic!("type {other:?}"),
    };
    names.as_array().map_or_else(|| is(names), |names| names.iter().any(is))
}

/// Whether one number is no larger than another; what is no number is in order.
fn is_ordered(low: &Value, high: &Value) -> bool {
    low.as_f64().zip(high.as_f64()).is_none_or(|(low, high)| low <= high)
}

fn required(names: &Value, value: &Value, path: &str) -> Result<(), String> {
    let Some(object) = value.as_object() else { return Ok(()) };
    let mut names = names.as_array().expect("a list of names").iter().filter_map(Value::as_str);
    let missing = names.find(|name| !object.contains_key(*name));
    missing.map_or(Ok(()), |name| Err(format!("{path}: {name} is missing")))
}

fn alternatives(root: &Value, schemas: &Value, value: &Value, path: &str) -> usize {
    let schemas = schemas.as_array().expect("a list of schemas").iter();
    schemas.filter(|schema| at(root, schema, value, path).is_ok()).count()
}

fn properties(
    root: &Value,
    keywords: &serde_json::Map<String, Value>,
    value: &Value,
    path: &str,
) -> Result<(), String> {
    let Some(object) = value.as_object() else { return Ok(()) };
    for (name, part) in object {
        let known = keywords.get("properties").and_then(|properties| properties.get(name));
        if let Some(schema) = known.or_else(|| keywords.get("additionalProperties")) {
            at(root, schema, part, &format!("{path}/{name}"))?;
        }
    }
    Ok(())
}

fn items(root: &Value, schema: &Value, value: &Value, path: &str) -> Result<(), String> {
    let mut parts = value.as_array().into_iter().flatten().enumerate();
    parts.try_for_each(|(idx, part)| at(root, schema, part, &format!("{path}/{idx}")))
}
