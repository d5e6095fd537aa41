//! Trees to typed values, by serde.
//!
//! Any `#[derive(Deserialize)]` type can be decoded. As in the API, a field that is `null` is the same as one that is
//! absent, and a list, map, string, number or boolean that is `null` elsewhere is an empty one. Unknown fields are
//! left to [`check`](crate::manifest::check), which reports them all; serde stops at the first mistake, which comes
//! with its place and path.

use std::fmt;

use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, EnumAccess, Expected, MapAccess, SeqAccess, Unexpected,
    VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use crate::manifest::diagnostic::{Diagnostic, Mark, Place, quoted};
use crate::manifest::near_name::nearest;
use crate::manifest::scalar::{Meaning, Scalar, decimal_text, whole};
use crate::manifest::source::Object;
use crate::manifest::tree::{Content, Entry, Tree};
use crate::model::quantity::Quantity;

/// Decodes a tree.
///
/// # Errors
/// The first mistake, with its place and its path from the tree's root.
pub fn decode<'de, T: Deserialize<'de>>(tree: &'de Tree) -> Result<T, DecodeError> {
    T::deserialize(Decoder { tree, mark: tree.mark })
}

/// Decodes an object.
///
/// # Errors
/// The first mistake, as a diagnostic.
pub fn decode_object<'de, T: Deserialize<'de>>(object: &'de Object) -> Result<T, Diagnostic> {
    decode(&object.tree).map_err(|error| {
        let mark = error.mark.unwrap_or(object.tree.mark);
        let path = object.path_to(&error.path());
        Diagnostic::error(Place { file: object.file.clone(), mark }, error.message).at(path)
    })
}

/// Why a tree cannot be decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError {
    /// Where; nothing only while the error is being made.
    pub mark: Option<Mark>,
    /// What was found, and what was expected.
    pub message: String,
    /// The steps from the mistake up to the root, each as a path continues: `.name` or `[0]`.
    steps: Vec<String>,
}

impl DecodeError {
    /// The path of the mistake from the root of what was decoded.
    pub fn path(&self) -> String {
        let path: String = self.steps.iter().rev().map(String::as_str).collect();
        path.strip_prefix('.').map(str::to_owned).unwrap_or(path)
    }

    fn at_field(message: String, field: &str) -> Self {
        DecodeError { mark: None, message, steps: vec![format!(".{field}")] }
    }

    /// Gives the error a place, unless it has one.
    fn or_at(self, mark: Mark) -> Self {
        DecodeError { mark: self.mark.or(Some(mark)), ..self }
    }

    fn within(mut self, step: String) -> Self {
        self.steps.push(step);
        self
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path();
        let separator = if path.is_empty() { "" } else { ": " };
        write!(f, "{path}{separator}{}", self.message)
    }
}

impl std::error::Error for DecodeError {}

impl de::Error for DecodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        DecodeError { mark: None, message: message.to_string(), steps: Vec::new() }
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        DecodeError::custom(format!("expected {expected}, found {found}"))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        DecodeError::custom(format!("expected {expected}, found {found}"))
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        let hint = nearest(field, known.iter().copied());
        let hint = hint.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        DecodeError::at_field(format!("unknown field {}{hint}", quoted(field)), field)
    }

    fn unknown_variant(variant: &str, known: &'static [&'static str]) -> Self {
        DecodeError::custom(format!("expected `{}`, found {}", known.join("`, `"), quoted(variant)))
    }

    fn missing_field(field: &'static str) -> Self {
        DecodeError::at_field("Required value".to_owned(), field)
    }

    fn duplicate_field(field: &'static str) -> Self {
        DecodeError::at_field("given twice".to_owned(), field)
    }
}

/// Decodes one tree; messages about a list or map point at `mark`.
#[derive(Clone, Copy)]
struct Decoder<'de> {
    tree: &'de Tree,
    mark: Mark,
}

impl<'de> Decoder<'de> {
    fn of_entry(entry: &'de Entry) -> Self {
        Decoder { tree: &entry.value, mark: entry.value_mark() }
    }

    fn scalar(self) -> Option<&'de Scalar> {
        if let Content::Scalar(scalar) = &self.tree.content { Some(scalar) } else { None }
    }

    fn expected<T>(self, what: &str) -> Result<T, DecodeError> {
        let message = format!("expected {what}, found {}", self.tree.describe());
        Err(DecodeError { mark: Some(self.mark), message, steps: Vec::new() })
    }

    fn number<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let value: Result<_, DecodeError> = match self.scalar().map(Scalar::meaning) {
            Some(Meaning::Null) => visitor.visit_i64(0),
            Some(Meaning::Int(int)) => visit_int(int, visitor),
            Some(Meaning::Float(float)) => match whole(float) {
                Some(int) => visit_int(int, visitor),
                None => visitor.visit_f64(float),
            },
            _ => return self.expected("a number"),
        };
        value.map_err(|error| error.or_at(self.mark))
    }

    fn string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let value: Result<_, DecodeError> = match self.scalar().map(Scalar::meaning) {
            Some(Meaning::Null) => visitor.visit_borrowed_str(""),
            Some(Meaning::Text(text)) => visitor.visit_borrowed_str(text),
            _ => return self.expected("a string"),
        };
        value.map_err(|error| error.or_at(self.mark))
    }

    fn list<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        if !matches!(self.tree.content, Content::List(_)) && !self.tree.is_null() {
            return self.expected("a list");
        }
        let items = Items { items: self.tree.items(), next: 0 };
        visitor.visit_seq(items).map_err(|error| error.or_at(self.mark))
    }

    fn map<V: Visitor<'de>>(self, visitor: V, keys: Keys) -> Result<V::Value, DecodeError> {
        if !matches!(self.tree.content, Content::Map(_)) && !self.tree.is_null() {
            return self.expected("a map");
        }
        let entries = Entries { entries: self.tree.entries().iter(), value: None, keys };
        visitor.visit_map(entries).map_err(|error| error.or_at(self.mark))
    }
}

fn visit_int<'de, V: Visitor<'de>>(int: i128, visitor: V) -> Result<V::Value, DecodeError> {
    match i64::try_from(int) {
        Ok(int) => visitor.visit_i64(int),
        Err(_) => visitor.visit_u64(u64::try_from(int).expect("integers reach from -2^63 to 2^64-1")),
    }
}

impl<'de> Deserializer<'de> for Decoder<'de> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let value: Result<_, DecodeError> = match &self.tree.content {
            Content::List(_) => return self.list(visitor),
            Content::Map(_) => return self.map(visitor, Keys::Free),
            Content::Scalar(scalar) => match scalar.meaning() {
                Meaning::Null => visitor.visit_unit(),
                Meaning::Bool(is_true) => visitor.visit_bool(is_true),
                Meaning::Int(int) => visit_int(int, visitor),
                Meaning::Float(float) => visitor.visit_f64(float),
                Meaning::Text(text) => visitor.visit_borrowed_str(text),
            },
        };
        value.map_err(|error| error.or_at(self.mark))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.scalar().map(Scalar::meaning) {
            Some(Meaning::Null) => visitor.visit_bool(false),
            Some(Meaning::Bool(is_true)) => visitor.visit_bool(is_true),
            _ => self.expected("true or false"),
        }
    }

    fn deserialize_i8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.number(visitor)
    }

    fn deserialize_i16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.number(visitor)
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.number(visitor)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.number(visitor)
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.number(visitor)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.number(visitor)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.number(visitor)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.number(visitor)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.number(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.number(visitor)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.string(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.string(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.string(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        if self.tree.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self).map_err(|error| error.or_at(self.mark))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.list(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, DecodeError> {
        self.list(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.map(visitor, Keys::Free)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.map(visitor, Keys::Fields)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let variant = match &self.tree.content {
            Content::Scalar(scalar) => match scalar.meaning() {
                Meaning::Text(name) => Variant { name, mark: self.mark, value: None },
                _ => return self.expected("a string"),
            },
            Content::Map(entries) => match entries.as_slice() {
                [entry] => Variant { name: &entry.key, mark: entry.mark, value: Some(entry) },
                _ => return self.expected("a map with one key"),
            },
            Content::List(_) => return self.expected("a string or a map with one key"),
        };
        visitor.visit_enum(variant).map_err(|error| error.or_at(self.mark))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! { i128 u128 bytes byte_buf unit unit_struct tuple_struct identifier }
}

/// The items of a list.
struct Items<'de> {
    items: &'de [Tree],
    next: usize,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = DecodeError;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, DecodeError> {
        let Some(tree) = self.items.get(self.next) else { return Ok(None) };
        let idx = self.next;
        self.next += 1;
        let item = seed.deserialize(Decoder { tree, mark: tree.mark });
        item.map(Some).map_err(|error| error.or_at(tree.mark).within(format!("[{idx}]")))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len() - self.next)
    }
}

/// What the keys of a map are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keys {
    /// The fields of a type; one that is null is absent.
    Fields,
    /// Anything.
    Free,
}

/// The entries of a map.
struct Entries<'de> {
    entries: std::slice::Iter<'de, Entry>,
    /// The entry whose value comes next.
    value: Option<&'de Entry>,
    keys: Keys,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = DecodeError;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, DecodeError> {
        let keys = self.keys;
        self.value = self.entries.find(|entry| keys == Keys::Free || !entry.value.is_null());
        let Some(entry) = self.value else { return Ok(None) };
        seed.deserialize(KeyDecoder { key: &entry.key }).map(Some).map_err(|error| error.or_at(entry.mark))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, DecodeError> {
        let entry = self.value.expect("serde asks for a value after its key");
        let decoder = Decoder::of_entry(entry);
        seed.deserialize(decoder).map_err(|error| {
            let step = if self.keys == Keys::Fields {
                format!(".{}", entry.key)
            } else {
                format!("[{}]", entry.key)
            };
            error.or_at(decoder.mark).within(step)
        })
    }
}

/// Decodes a key: a string, or what its text says where another type is asked for.
struct KeyDecoder<'de> {
    key: &'de str,
}

impl<'de> Deserializer<'de> for KeyDecoder<'de> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_borrowed_str(self.key)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.key.parse() {
            Ok(int) => visitor.visit_i64(int),
            Err(_) => visitor.visit_borrowed_str(self.key),
        }
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_enum(de::value::BorrowedStrDeserializer::new(self.key))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i128 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

/// A variant of an enum: its name alone, or a map of its name to its content.
struct Variant<'de> {
    name: &'de str,
    mark: Mark,
    value: Option<&'de Entry>,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = DecodeError;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), DecodeError> {
        let name = seed.deserialize(KeyDecoder { key: self.name }).map_err(|error| error.or_at(self.mark))?;
        Ok((name, self))
    }
}

impl<'de> Variant<'de> {
    fn content<T>(
        self,
        what: &str,
        decode: impl FnOnce(Decoder<'de>) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        match self.value {
            Some(entry) => {
                let decoder = Decoder::of_entry(entry);
                decode(decoder).map_err(|error| error.or_at(decoder.mark).within(format!(".{}", entry.key)))
            }
            None => {
                let message = format!("expected {what} under {}", quoted(self.name));
                Err(DecodeError { mark: Some(self.mark), message, steps: Vec::new() })
            }
        }
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<(), DecodeError> {
        match self.value.filter(|entry| !entry.value.is_null()) {
            None => Ok(()),
            Some(entry) => Decoder::of_entry(entry).expected("nothing"),
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, DecodeError> {
        self.content("a value", |decoder| seed.deserialize(decoder))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, DecodeError> {
        self.content("a list", |decoder| decoder.list(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.content("a map", |decoder| decoder.map(visitor, Keys::Fields))
    }
}

impl<'de> Deserialize<'de> for Quantity {
    /// Decodes a quantity; a plain number is one, too.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(QuantityVisitor)
    }
}

struct QuantityVisitor;

impl Visitor<'_> for QuantityVisitor {
    type Value = Quantity;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a quantity such as 100m or 1Gi")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Quantity, E> {
        text.trim().parse().map_err(|error| E::custom(format!("{error}, found {}", quoted(text))))
    }

    fn visit_i64<E: de::Error>(self, int: i64) -> Result<Quantity, E> {
        Ok(Quantity::from_value(int))
    }

    fn visit_u64<E: de::Error>(self, int: u64) -> Result<Quantity, E> {
        self.visit_str(&int.to_string())
    }

    fn visit_f64<E: de::Error>(self, float: f64) -> Result<Quantity, E> {
        self.visit_str(&decimal_text(float))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::manifest::yaml;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Thing {
        name: String,
        #[serde(default)]
        labels: BTreeMap<String, String>,
        n_copies: Option<i32>,
        #[serde(default = "seven")]
        limit: u8,
        #[serde(default)]
        steps: Vec<Step>,
        #[serde(default)]
        requests: BTreeMap<String, Quantity>,
        #[serde(default)]
        exit: BTreeMap<i32, f64>,
    }

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    enum Step {
        Done,
        Run(String),
        WaitFor { port: u16 },
    }

    fn seven() -> u8 {
        7
    }

    fn read(text: &str) -> Result<Thing, String> {
        decode(&yaml::test_tree(text)).map_err(|error| {
            let Mark { line, column } = error.mark.unwrap();
            format!("{line}:{column}: {error}")
        })
    }

    #[test]
    fn a_tree_becomes_a_typed_value() {
        let text = "name: x\nlabels: {a: b, c: }\nnCopies: 0x10\nlimit: ~\nunknown: 1\nexit: {0: 0.5, 1: 1}\n\
                    steps: [done, {run: 5s}, {waitFor: {port: 80}}]\nrequests: {cpu: 0.5, memory: 1Gi, pods: 3}";
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let amount = |key: &str, text: &str| (key.to_owned(), text.parse().unwrap());
        let thing = Thing {
            name: "x".to_owned(),
            labels: [pair("a", "b"), pair("c", "")].into(),
            n_copies: Some(16),
            limit: 7,
            steps: vec![Step::Done, Step::Run("5s".to_owned()), Step::WaitFor { port: 80 }],
            requests: [amount("cpu", "500m"), amount("memory", "1Gi"), amount("pods", "3")].into(),
            exit: [(0, 0.5), (1, 1.0)].into(),
        };
        assert_eq!(read(text), Ok(thing));
        let empty = read("name: x\nlabels:\nsteps:\nnCopies: ~").unwrap();
        assert_eq!((empty.n_copies, empty.steps, empty.labels), (None, vec![], BTreeMap::new()));
    }

    #[test]
    fn the_first_mistake_comes_with_its_place_and_path() {
        for (text, line) in [
            ("labels: {}", "1:1: name: Required value"),
            ("name: 1.10", "1:7: name: expected a string, found the number `1.10`"),
            ("name: x\nlabels:\n  a/b: yes", "3:8: labels[a/b]: expected a string, found the boolean `yes`"),
            ("name: x\nnCopies: 1.5", "2:10: nCopies: expected i32, found floating point `1.5`"),
            ("name: x\nlimit: 300", "2:8: limit: expected u8, found integer `300`"),
            ("name: x\nsteps:\n- done\n- {waitFor: {}}", "4:4: steps[1].waitFor.port: Required value"),
            ("name: x\nsteps: [fly]", "2:9: steps[0]: expected `done`, `run`, `waitFor`, found `fly`"),
            ("name: x\nsteps: [run]", "2:9: steps[0]: expected a value under `run`"),
            ("name: x\nsteps: [{done: 1}]", "2:16: steps[0]: expected nothing, found the number `1`"),
            (
                "name: x\nsteps: [{waitFor: {prt: 1}}]",
                "2:20: steps[0].waitFor.prt: unknown field `prt`; did you mean `port`?",
            ),
            ("name: x\nsteps: {a: b}", "2:1: steps: expected a list, found a map"),
            ("name: x\nexit: {a: 1}", "2:8: exit: expected i32, found string \"a\""),
            (
                "name: x\nrequests: {cpu: 1x}",
                "2:17: requests[cpu]: quantities must match the regular expression \
                 '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$', found `1x`",
            ),
        ] {
            assert_eq!(read(text), Err(line.to_owned()), "{text}");
        }
    }
}
