//! The Kubernetes API as the reader knows it: the kinds, their fields, and what the simulator makes of each.
//!
//! All of it stands in the table `api_fields.txt`, which says at its head how it is written.

use std::borrow::Cow;

use rustc_hash::FxHashMap;
use serde_json::Value;

use crate::manifest::check::{Checker, Options, Subject};
use crate::manifest::diagnostic::{Diagnostic, Diagnostics, quoted};
use crate::manifest::near_name::nearest;
use crate::manifest::prune::{self, Pruner};
use crate::manifest::scalar::{Meaning, Scalar, decimal_text};
use crate::manifest::schema::{Field, Format, Mismatch, ObjectType, Schema, Shape, Treatment};
use crate::manifest::source::Object;
use crate::manifest::tree::Tree;
use crate::model::profile::KubernetesVersion;
use crate::model::quantity::Quantity;

const TABLE: &str = include_str!("api_fields.txt");

/// The Kubernetes API.
#[derive(Debug, Clone)]
pub struct Api {
    schema: Schema,
    kinds: Vec<KindRow>,
}

/// A kind of object.
#[derive(Debug, Clone)]
pub struct KindRow {
    /// The group and version, such as `batch/v1`.
    pub api_version: &'static str,
    /// The name, such as `Job`.
    pub name: &'static str,
    /// What the simulator makes of it.
    pub treatment: Treatment,
    /// Whether Kubernetes has since given it up.
    pub is_deprecated: bool,
    shape: Shape,
}

impl Api {
    /// Reads the table.
    pub fn load() -> Self {
        let mut table = Table::default();
        for line in TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            table.read_line(line);
        }
        let kinds = table.kinds.clone();
        let kinds = kinds.iter().map(|kind| table.kind(kind)).collect();
        let named = table.types.into_iter().map(|mut object| {
            object.fields.sort_by(|a, b| a.name.cmp(&b.name));
            Shape::Object(Box::new(object))
        });
        Api { schema: Schema { named: named.collect() }, kinds }
    }

    /// Finds a kind.
    ///
    /// # Errors
    /// What is wrong with the `apiVersion` or the `kind`, with the nearest one that is known.
    pub fn kind(&self, api_version: &str, name: &str) -> Result<&KindRow, UnknownKind> {
        let is_named = |row: &&KindRow| row.name == name;
        if let Some(row) = self.kinds.iter().filter(is_named).find(|row| row.api_version == api_version) {
            return Ok(row);
        }
        let versions: Vec<&str> = self.kinds.iter().filter(is_named).map(|row| row.api_version).collect();
        if let Some(near) = nearest(api_version, versions.iter().copied()).or(versions.first().copied()) {
            let message = format!("there is no {name} in {}; did you mean `{near}`?", quoted(api_version));
            return Err(UnknownKind { field: "apiVersion", message });
        }
        let here = self.kinds.iter().filter(|row| row.api_version == api_version);
        let near = nearest(name, here.map(|row| row.name));
        let near = near.or_else(|| nearest(name, self.kinds.iter().map(|row| row.name)));
        let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        let message = format!("unknown kind {} in {}{hint}", quoted(name), quoted(api_version));
        Err(UnknownKind { field: "kind", message })
    }

    /// Reports everything in an object that the API server would refuse to decode or that is not modelled.
    pub fn check(&self, object: &Object, options: &Options, diagnostics: &mut Diagnostics) {
        let Ok(row) = self.kind(object.api_version, object.kind_name) else { return };
        let subject = Subject { file: &object.file, path: &object.path, kind: row.name };
        let name = format!("{} {}", row.api_version, row.name);
        if row.is_deprecated {
            let newer = self.kinds.iter().find(|other| other.name == row.name && !other.is_deprecated);
            let newer = newer.map(|row| format!("; use `{}`", row.api_version)).unwrap_or_default();
            let message = format!("{name} is no longer served by current Kubernetes{newer}");
            diagnostics.push(
                Diagnostic::warning(object.place_of("apiVersion"), message).at(object.path_to("apiVersion")),
            );
        }
        let mut checker = Checker::new(&self.schema, subject, options, diagnostics);
        checker.check_root(&object.tree, &row.shape, row.treatment);
    }

    /// An object of a kind without what the simulator makes nothing of.
    pub fn prune(&self, row: &KindRow, tree: &Tree, pruner: &mut impl Pruner) -> Value {
        prune::prune(&self.schema, tree, &row.shape, pruner)
    }
}

/// What is wrong with an `apiVersion` or `kind`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownKind {
    /// The field to change.
    pub field: &'static str,
    /// What was found, and what is near.
    pub message: String,
}

/// The table while it is read.
#[derive(Default)]
struct Table {
    kinds: Vec<Vec<&'static str>>,
    types: Vec<ObjectType>,
    by_name: FxHashMap<&'static str, usize>,
    /// The type that the following fields belong to.
    current: usize,
}

impl Table {
    fn read_line(&mut self, line: &'static str) {
        if let Some(field) = line.strip_prefix("  ") {
            let field = self.field(field);
            self.types[self.current].fields.push(field);
        } else if let Some(kind) = line.strip_prefix("kind ") {
            self.kinds.push(kind.split(' ').collect());
        } else {
            self.current = self.type_number(line);
        }
    }

    /// The number of a type, which may be defined later in the table.
    fn type_number(&mut self, name: &'static str) -> usize {
        let next = self.types.len();
        let number = *self.by_name.entry(name).or_insert(next);
        if number == next {
            self.types.push(ObjectType::default());
        }
        number
    }

    fn field(&mut self, line: &'static str) -> Field {
        let mut words = line.split(' ');
        let name = words.next().expect("a field has a name");
        let shape = self.shape(words.next().expect("a field has a type"));
        let mut field = Field::optional(name.trim_end_matches('*'), shape);
        field.is_required = name.ends_with('*');
        for word in words {
            if let Some(since) = word.strip_suffix('+') {
                field.since = Some(version(since));
            } else if let Some(until) = word.strip_prefix("..") {
                field.until = Some(version(until));
            } else {
                field.treatment = treatment(word);
            }
        }
        field
    }

    fn shape(&mut self, name: &'static str) -> Shape {
        let inner = &name[1..name.len() - 1];
        match name {
            _ if name.starts_with('[') => Shape::List(Box::new(self.shape(inner))),
            _ if name.starts_with('{') => Shape::Map(Box::new(self.shape(inner))),
            "string" => Shape::Text,
            "bool" => Shape::Bool,
            "i32" => Shape::Int { min: i32::MIN.into(), max: i32::MAX as u64 },
            "i64" => Shape::Int { min: i64::MIN, max: i64::MAX as u64 },
            "Quantity" => Shape::Format(QUANTITY),
            "Time" => Shape::Format(TIME),
            "IntOrString" => Shape::Format(INT_OR_STRING),
            "Bytes" => Shape::Format(BYTES),
            "Any" => Shape::Any,
            _ => Shape::Named(self.type_number(name)),
        }
    }

    fn kind(&mut self, words: &[&'static str]) -> KindRow {
        let (api_version, name) = (words[0], words[1]);
        let flags = &words[2..];
        let type_name = flags.iter().find_map(|flag| flag.strip_prefix('=')).unwrap_or(name);
        let is_open = flags.contains(&"open") || !self.by_name.contains_key(type_name);
        let number = if is_open { self.types.len() } else { self.type_number(type_name) };
        if is_open {
            let metadata = self.shape("ObjectMeta");
            let fields = vec![Field::optional("metadata", metadata)];
            self.types.push(ObjectType { fields, others: Some(Shape::Any) });
        }
        // A type that is also used inside others, or under two versions, gets these once.
        if self.types[number].fields.iter().all(|field| field.name != "kind") {
            let own = ["apiVersion", "kind"].map(|name| Field::optional(name, Shape::Text));
            self.types[number].fields.extend(own);
        }
        let is_treatment = |flag: &&&str| !["deprecated", "open"].contains(*flag) && !flag.starts_with('=');
        let treatment = flags.iter().find(is_treatment).map_or(Treatment::Modelled, |t| treatment(t));
        let is_deprecated = flags.contains(&"deprecated");
        KindRow { api_version, name, treatment, is_deprecated, shape: Shape::Named(number) }
    }
}

fn treatment(word: &'static str) -> Treatment {
    match word {
        "~" => Treatment::NoEffect,
        "-" => Treatment::ServerOwned,
        _ => Treatment::Unmodelled { except: word.strip_prefix("!=") },
    }
}

fn version(text: &str) -> KubernetesVersion {
    text.parse().expect("the table names versions that have a profile")
}

/// A quantity.
pub const QUANTITY: Format =
    Format { expected: "a quantity such as 100m or 1Gi", check: |scalar| quantity(scalar).map(|_| ()) };

/// A time stamp.
pub const TIME: Format = Format { expected: "a time such as 2027-03-27T00:00:00Z", check: check_time };

/// An integer or a percentage.
pub const INT_OR_STRING: Format =
    Format { expected: "an integer, or a string such as 25%", check: check_int_or_string };

/// Bytes in base64.
pub const BYTES: Format = Format { expected: "a string in base64", check: check_base64 };

/// Reads a quantity; a plain number is one, too.
///
/// # Errors
/// What is wrong with it, in upstream's words.
pub fn quantity(scalar: &Scalar) -> Result<Quantity, Mismatch> {
    let text: Cow<'_, str> = match scalar.meaning() {
        Meaning::Text(text) => text.trim().into(),
        Meaning::Int(int) => int.to_string().into(),
        Meaning::Float(float) if float.is_finite() => decimal_text(float).into(),
        _ => return Err(Mismatch::Kind),
    };
    text.parse().map_err(|error| Mismatch::Value(format!("{error}, found {}", quoted(&scalar.text))))
}

fn check_time(scalar: &Scalar) -> Result<(), Mismatch> {
    let Meaning::Text(text) = scalar.meaning() else { return Err(Mismatch::Kind) };
    chrono::DateTime::parse_from_rfc3339(text).map(|_| ()).map_err(|_| Mismatch::Kind)
}

fn check_int_or_string(scalar: &Scalar) -> Result<(), Mismatch> {
    match scalar.meaning() {
        Meaning::Text(_) => Ok(()),
        Meaning::Int(int) if i32::try_from(int).is_ok() => Ok(()),
        Meaning::Int(int) => Err(Mismatch::Value(format!("expected an integer of 32 bits, found {int}"))),
        _ => Err(Mismatch::Kind),
    }
}

fn check_base64(scalar: &Scalar) -> Result<(), Mismatch> {
    let Meaning::Text(text) = scalar.meaning() else { return Err(Mismatch::Kind) };
    let digits = text.trim_end_matches('=').bytes().filter(|byte| !matches!(byte, b'\n' | b'\r'));
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let is_padded = text.bytes().filter(|byte| !matches!(byte, b'\n' | b'\r')).count() % 4 == 0;
    let n_padding = text.len() - text.trim_end_matches('=').len();
    if digits.clone().all(is_digit) && is_padded && n_padding <= 2 { Ok(()) } else { Err(Mismatch::Kind) }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn kinds_that_are_not_known_get_a_near_one() {
        let api = Api::load();
        for (api_version, name, field, message) in [
            ("batch/v1", "Jobs", "kind", "unknown kind `Jobs` in `batch/v1`; did you mean `Job`?"),
            ("v1", "pod", "kind", "unknown kind `pod` in `v1`; did you mean `Pod`?"),
            (
                "batch/v1beta1",
                "Job",
                "apiVersion",
                "there is no Job in `batch/v1beta1`; did you mean `batch/v1`?",
            ),
            (
                "extensions/v1beta1",
                "Deployment",
                "apiVersion",
                "there is no Deployment in `extensions/v1beta1`; did you mean `apps/v1`?",
            ),
            ("v1", "Job", "apiVersion", "there is no Job in `v1`; did you mean `batch/v1`?"),
            ("sim/v2", "Scenario", "apiVersion", "there is no Scenario in `sim/v2`; did you mean `sim/v1`?"),
            ("v1", "CronJbo", "kind", "unknown kind `CronJbo` in `v1`; did you mean `CronJob`?"),
            ("example.com/v1", "Widget", "kind", "unknown kind `Widget` in `example.com/v1`"),
        ] {
            let unknown = api.kind(api_version, name).unwrap_err();
            assert_eq!((unknown.field, unknown.message.as_str()), (field, message));
        }
        assert_eq!(api.kind("batch/v1", "Job").unwrap().treatment, Treatment::Modelled);
        assert!(api.kind("batch/v1beta1", "CronJob").unwrap().is_deprecated);
    }

    #[test]
    fn formats_accept_what_the_api_accepts() {
        let plain = |text: &str| Scalar::plain(text);
        for text in ["2027-03-27T00:00:00Z", "2027-03-27T00:00:00.5+02:00"] {
            assert!((TIME.check)(&plain(text)).is_ok(), "{text}");
        }
        for text in ["2027-03-27", "now", "17"] {
            assert!((TIME.check)(&plain(text)).is_err(), "{text}");
        }
        for (text, is_ok) in
            [("25%", true), ("3", true), ("99999999999", false), ("yes", false), ("1.5", false)]
        {
            assert_eq!((INT_OR_STRING.check)(&plain(text)).is_ok(), is_ok, "{text}");
        }
        for (text, is_ok) in
            [("", true), ("aGk=", true), ("aGk\n=", true), ("aGk", false), ("a===", false), ("a-b=", false)]
        {
            assert_eq!((BYTES.check)(&Scalar::quoted(text)).is_ok(), is_ok, "{text}");
        }
    }

    /// One field of the listing: type, and the first and last version.
    type Listed = (String, Option<String>, Option<String>);

    /// The listing of the API that the table was made from, by type and field.
    fn listing() -> BTreeMap<String, BTreeMap<String, Listed>> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance/api-fields.yaml");
        let text = std::fs::read_to_string(path).unwrap();
        let mut types: BTreeMap<String, BTreeMap<String, Listed>> = BTreeMap::new();
        let mut current = String::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (name, rest) = line.trim().split_once(':').unwrap();
            if !line.starts_with(' ') {
                current = name.rsplit('/').next().unwrap().to_owned();
                types.insert(current.clone(), BTreeMap::new());
                continue;
            }
            let (shape, versions) = rest.trim().split_once('(').unwrap_or((rest.trim(), ""));
            let shape = shape.replace("required", "").trim().to_owned();
            let versions = versions.trim_end_matches(')');
            // Of a range such as 1.29-1.33 the field is taken to be there from the start.
            let since = versions.strip_prefix("since ").map(|v| v.split('-').next().unwrap().to_owned());
            let until = versions.strip_prefix("removed after ").map(str::to_owned);
            types.get_mut(&current).unwrap().insert(name.to_owned(), (shape, since, until));
        }
        types
    }

    /// The table's text by type and field.
    fn table() -> BTreeMap<&'static str, BTreeMap<&'static str, Vec<&'static str>>> {
        let mut types: BTreeMap<&str, BTreeMap<&str, Vec<&str>>> = BTreeMap::new();
        let mut current = "";
        for line in TABLE.lines().filter(|l| !l.is_empty() && !l.starts_with('#') && !l.starts_with("kind "))
        {
            match line.strip_prefix("  ") {
                None => {
                    current = line;
                    assert!(types.insert(line, BTreeMap::new()).is_none(), "{line} twice");
                }
                Some(field) => {
                    let mut words = field.split(' ');
                    let name = words.next().unwrap().trim_end_matches('*');
                    assert!(
                        types.get_mut(current).unwrap().insert(name, words.collect()).is_none(),
                        "{name} twice"
                    );
                }
            }
        }
        types
    }

    #[test]
    fn the_table_holds_every_field_of_the_listing_with_its_type_and_versions() {
        let table = table();
        for (name, fields) in listing() {
            let known = &table[name.as_str()];
            assert_eq!(
                known.keys().map(ToString::to_string).collect::<BTreeSet<_>>(),
                fields.keys().cloned().collect(),
                "{name}"
            );
            for (field, (shape, since, until)) in fields {
                let words = &known[field.as_str()];
                let listed = shape.replace("list<", "[").replace("map<string, ", "{");
                let written = words[0]
                    .replace("Bytes", "ByteString")
                    .replace("Any", "FieldsV1")
                    .replace([']', '}'], ">");
                // The one field without a type in the listing.
                assert!(written == listed || listed.is_empty(), "{name}.{field}: {written} is not {listed}");
                assert_eq!(
                    words.iter().find_map(|word| word.strip_suffix('+')),
                    since.as_deref(),
                    "{name}.{field}"
                );
                assert_eq!(
                    words.iter().find_map(|word| word.strip_prefix("..")),
                    until.as_deref(),
                    "{name}.{field}"
                );
            }
        }
    }

    #[test]
    fn every_type_that_the_table_names_is_in_it() {
        let table = table();
        let scalars = ["string", "bool", "i32", "i64", "Quantity", "Time", "IntOrString", "Bytes", "Any"];
        for (name, fields) in &table {
            for (field, words) in fields {
                let shape = words[0].trim_matches(['[', ']', '{', '}']);
                assert!(scalars.contains(&shape) || table.contains_key(shape), "{name}.{field}: {shape}");
            }
        }
    }
}
