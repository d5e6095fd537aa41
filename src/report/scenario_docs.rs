//! The reference of the Scenario format, written from the types: `docs/scenario.md`.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::manifest::scenario::ScenarioFile;

const HEAD: &str = "# The Scenario format\n\n\
    Written from the types by `sim schema --markdown`; a test keeps it current. Spans are written as `90s`, `1h30m`,\n\
    `250ms` or `30d`; amounts as Kubernetes quantities. A field that is not listed is an error.\n";

/// The whole document as Markdown.
pub fn markdown() -> String {
    let root = schemars::schema_for!(ScenarioFile).to_value();
    let empty = Map::new();
    let definitions = root.get("$defs").and_then(Value::as_object).unwrap_or(&empty);
    let mut out = HEAD.to_owned();
    let mut seen = BTreeSet::new();
    let mut queue = vec![("Scenario".to_owned(), &root)];
    while let Some((name, schema)) = queue.pop() {
        out += &section(&name, schema);
        let mut next: Vec<&str> = Vec::new();
        collect_references(schema, &mut next);
        next.retain(|name| seen.insert((*name).to_owned()));
        queue.extend(
            next.into_iter().rev().filter_map(|name| Some((name.to_owned(), definitions.get(name)?))),
        );
    }
    out
}

fn section(name: &str, schema: &Value) -> String {
    let mut out = format!("\n## {name}\n\n");
    if let Some(text) = description(schema) {
        out += &format!("{text}\n\n");
    }
    let required: Vec<&str> = texts(schema.get("required"));
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        out += &fields(properties, &required);
    }
    for alternative in alternatives(schema) {
        out += &alternative_line(alternative);
    }
    out
}

fn fields(properties: &Map<String, Value>, required: &[&str]) -> String {
    let mut out = "| field | type | meaning |\n|---|---|---|\n".to_owned();
    for (name, schema) in properties {
        let is_required = if required.contains(&name.as_str()) { " (required)" } else { "" };
        let meaning = description(schema).unwrap_or_default();
        out += &format!("| `{name}`{is_required} | {} | {meaning} |\n", type_text(schema));
    }
    out
}

/// One of several forms of a value: a word, a key with its value, or a type.
fn alternative_line(schema: &Value) -> String {
    let meaning = description(schema).map(|text| format!(": {text}")).unwrap_or_default();
    if let Some(word) = schema.get("const") {
        return format!("- `{}`{meaning}\n", word.as_str().unwrap_or_default());
    }
    let words = texts(schema.get("enum"));
    if !words.is_empty() {
        return words.iter().map(|word| format!("- `{word}`{meaning}\n")).collect();
    }
    match schema.get("properties").and_then(Value::as_object) {
        Some(properties) => properties
            .iter()
            .map(|(key, value)| {
                let meaning = description(schema).or_else(|| description(value));
                let meaning = meaning.map(|text| format!(": {text}")).unwrap_or_default();
                format!("- `{key}:` {}{meaning}\n", type_text(value))
            })
            .collect(),
        None => format!("- {}{meaning}\n", type_text(schema)),
    }
}

fn type_text(schema: &Value) -> String {
    if let Some(name) = schema.get("$ref").and_then(Value::as_str).and_then(reference) {
        return format!("[{name}](#{})", name.to_lowercase());
    }
    match schema.get("format").and_then(Value::as_str) {
        Some("duration") => return "span".to_owned(),
        Some("quantity") => return "quantity".to_owned(),
        Some("rate") => return "quantity per time".to_owned(),
        _ => {}
    }
    if let Some(items) = schema.get("items") {
        return format!("list of {}", type_text(items));
    }
    if let Some(values) = schema.get("additionalProperties").filter(|values| values.is_object()) {
        return format!("map to {}", type_text(values));
    }
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        let fields: Vec<String> =
            properties.iter().map(|(name, schema)| format!("`{name}`: {}", type_text(schema))).collect();
        return format!("{{{}}}", fields.join(", "));
    }
    let forms: Vec<String> = alternatives(schema)
        .filter(|form| form.get("type").and_then(Value::as_str) != Some("null"))
        .map(type_text)
        .collect();
    if !forms.is_empty() {
        return forms.join(" or ");
    }
    let types = match schema.get("type") {
        Some(Value::String(name)) => vec![name.as_str()],
        other => texts(other),
    };
    let types: Vec<&str> = types.into_iter().filter(|name| *name != "null").collect();
    if types.is_empty() { "anything".to_owned() } else { types.join(" or ") }
}

fn alternatives(schema: &Value) -> impl Iterator<Item = &Value> {
    let lists = ["oneOf", "anyOf"].into_iter().filter_map(|key| schema.get(key)?.as_array());
    lists.flatten()
}

fn description(schema: &Value) -> Option<String> {
    let text = schema.get("description")?.as_str()?;
    Some(text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|"))
}

fn texts(list: Option<&Value>) -> Vec<&str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

fn reference(path: &str) -> Option<&str> {
    path.strip_prefix("#/$defs/")
}

fn collect_references<'a>(schema: &'a Value, found: &mut Vec<&'a str>) {
    match schema {
        Value::Object(map) => {
            for (key, value) in map.iter().filter(|(key, _)| *key != "$defs") {
                match (key.as_str(), value.as_str().and_then(reference)) {
                    ("$ref", Some(name)) => found.push(name),
                    _ => collect_references(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_references(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
