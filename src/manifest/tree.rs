//! Positioned trees: what YAML and JSON texts are read into.
//!
//! A tree is a scalar, a list or a map; every tree and every key knows its place. Keys of a map are unique, aliases
//! and merge keys are written out. Nesting is at most [`DEPTH_MAX`](crate::manifest::limits::DEPTH_MAX) for every tree that the reader made, so
//! that functions on trees may recurse.

use serde_json::{Map, Number, Value};

use crate::manifest::diagnostic::Mark;
use crate::manifest::scalar::{Meaning, Scalar, Style};

/// A scalar, a list or a map, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// Where it starts; for a block list or map the first item or key.
    pub mark: Mark,
    /// What it is.
    pub content: Content,
}

/// What a tree is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// One value.
    Scalar(Scalar),
    /// Values in order.
    List(Vec<Tree>),
    /// Values by key, in the order of the text.
    Map(Vec<Entry>),
}

/// A key of a map and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: Box<str>,
    /// Where the key starts.
    pub mark: Mark,
    /// The value.
    pub value: Tree,
}

impl Entry {
    /// Where a message about the value should point: at a scalar, or else at the key of a list or map.
    pub fn value_mark(&self) -> Mark {
        if matches!(self.value.content, Content::Scalar(_)) { self.value.mark } else { self.mark }
    }
}

impl Tree {
    /// Makes a scalar.
    pub fn scalar(mark: Mark, scalar: Scalar) -> Self {
        Tree { mark, content: Content::Scalar(scalar) }
    }

    /// The value of a map's key; nothing where there is no such key or the tree is no map.
    pub fn get(&self, key: &str) -> Option<&Tree> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// A map's key and value.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| &*entry.key == key)
    }

    /// The entries of a map; none where the tree is no map.
    pub fn entries(&self) -> &[Entry] {
        if let Content::Map(entries) = &self.content { entries } else { &[] }
    }

    /// The items of a list; none where the tree is no list.
    pub fn items(&self) -> &[Tree] {
        if let Content::List(items) = &self.content { items } else { &[] }
    }

    /// The text of a scalar that is text.
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar(scalar) => match scalar.meaning() {
                Meaning::Text(text) => Some(text),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether the tree is null.
    pub fn is_null(&self) -> bool {
        matches!(&self.content, Content::Scalar(scalar) if scalar.is_null())
    }

    /// What was found, for a message: `a list`, `the number 1.10`.
    pub fn describe(&self) -> String {
        match &self.content {
            Content::Scalar(scalar) => scalar.describe(),
            Content::List(_) => "a list".to_owned(),
            Content::Map(_) => "a map".to_owned(),
        }
    }

    /// Where a message about the field at `path` should point: at the field, or else at the nearest part of its path
    /// that is there.
    ///
    /// A path is written as Kubernetes writes it: `spec.rules[0].action`, `metadata.labels[a.b/c]`.
    pub fn mark_at(&self, path: &str) -> Mark {
        let mut tree = self;
        let mut mark = self.mark;
        for step in steps(path) {
            match &tree.content {
                Content::Map(_) => match tree.entry(step) {
                    Some(entry) => (tree, mark) = (&entry.value, entry.value_mark()),
                    None => break,
                },
                Content::List(items) => match step.parse::<usize>().ok().and_then(|idx| items.get(idx)) {
                    Some(item) => (tree, mark) = (item, item.mark),
                    None => break,
                },
                Content::Scalar(_) => break,
            }
        }
        mark
    }

    /// The part at `path`.
    pub fn at(&self, path: &str) -> Option<&Tree> {
        steps(path).try_fold(self, |tree, step| match &tree.content {
            Content::Map(_) => tree.get(step),
            Content::List(items) => step.parse::<usize>().ok().and_then(|idx| items.get(idx)),
            Content::Scalar(_) => None,
        })
    }

    /// Makes the part at `path` null, as if it had been left out; false where there is no such part.
    pub fn blank(&mut self, path: &str) -> bool {
        let mut tree = self;
        for step in steps(path) {
            let part = match &mut tree.content {
                Content::Map(entries) => {
                    entries.iter_mut().find(|entry| &*entry.key == step).map(|entry| &mut entry.value)
                }
                Content::List(items) => step.parse::<usize>().ok().and_then(|idx| items.get_mut(idx)),
                Content::Scalar(_) => None,
            };
            let Some(part) = part else { return false };
            tree = part;
        }
        tree.content = Content::Scalar(Scalar::plain("null"));
        true
    }

    /// Lays another tree over this one as a JSON merge patch (RFC 7396): maps are merged, everything else is replaced,
    /// null takes a key away.
    pub fn merge(&mut self, patch: &Tree) {
        let (Content::Map(own), Content::Map(new)) = (&mut self.content, &patch.content) else {
            *self = patch.clone();
            return;
        };
        for entry in new {
            let at = own.iter().position(|known| known.key == entry.key);
            match at {
                Some(at) if entry.value.is_null() => drop(own.remove(at)),
                Some(at) => own[at].value.merge(&entry.value),
                None if entry.value.is_null() => {}
                None => own.push(entry.clone()),
            }
        }
    }

    /// Calls `change` for every scalar that is a value, in the order of the text.
    pub fn change_scalars(&mut self, change: &mut impl FnMut(Mark, &mut Scalar)) {
        match &mut self.content {
            Content::Scalar(scalar) => change(self.mark, scalar),
            Content::List(items) => items.iter_mut().for_each(|item| item.change_scalars(change)),
            Content::Map(entries) => entries.iter_mut().for_each(|entry| entry.value.change_scalars(change)),
        }
    }

    /// Returns the tree as JSON. Numbers beyond JSON (infinite or not a number) become text.
    pub fn to_json(&self) -> Value {
        match &self.content {
            Content::Scalar(scalar) => scalar_to_json(scalar),
            Content::List(items) => Value::Array(items.iter().map(Tree::to_json).collect()),
            Content::Map(entries) => {
                let pairs = entries.iter().map(|entry| (entry.key.to_string(), entry.value.to_json()));
                Value::Object(pairs.collect::<Map<_, _>>())
            }
        }
    }

    /// Makes a tree of JSON that came from one place, such as the result of a patch.
    pub fn from_json(value: &Value, mark: Mark) -> Self {
        let literal = |text: String| Content::Scalar(Scalar { text: text.into(), style: Style::Json });
        let content = match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => literal(value.to_string()),
            Value::String(text) => Content::Scalar(Scalar::quoted(text.as_str())),
            Value::Array(items) => {
                Content::List(items.iter().map(|item| Tree::from_json(item, mark)).collect())
            }
            Value::Object(fields) => Content::Map(
                fields
                    .iter()
                    .map(|(key, value)| Entry {
                        key: key.as_str().into(),
                        mark,
                        value: Tree::from_json(value, mark),
                    })
                    .collect(),
            ),
        };
        Tree { mark, content }
    }
}

fn scalar_to_json(scalar: &Scalar) -> Value {
    match scalar.meaning() {
        Meaning::Null => Value::Null,
        Meaning::Bool(is_true) => Value::Bool(is_true),
        Meaning::Int(int) => Number::from_i128(int).map_or(Value::Null, Value::Number),
        Meaning::Float(float) => {
            Number::from_f64(float).map_or_else(|| Value::String(scalar.text.to_string()), Value::Number)
        }
        Meaning::Text(text) => Value::String(text.to_owned()),
    }
}

/// The entries whose key an earlier one has, each with that earlier one.
pub(crate) fn duplicates(entries: &[Entry]) -> Vec<(usize, usize)> {
    if entries.len() <= 16 {
        let first = |idx: usize| entries[..idx].iter().position(|entry| entry.key == entries[idx].key);
        return (0..entries.len()).filter_map(|idx| Some((first(idx)?, idx))).collect();
    }
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_by_key(|idx| &entries[*idx].key);
    let runs = order.chunk_by(|a, b| entries[*a].key == entries[*b].key);
    runs.flat_map(|run| run[1..].iter().map(|idx| (run[0], *idx))).collect()
}

/// The entries without those whose key an earlier one has.
pub(crate) fn without_duplicates(entries: Vec<Entry>, duplicates: &[(usize, usize)]) -> Vec<Entry> {
    if duplicates.is_empty() {
        return entries;
    }
    let is_first = |idx: &usize| !duplicates.iter().any(|(_, later)| later == idx);
    entries.into_iter().enumerate().filter(|(idx, _)| is_first(idx)).map(|(_, entry)| entry).collect()
}

/// The steps of a path: names between dots, and what stands in brackets.
fn steps(path: &str) -> impl Iterator<Item = &str> {
    let mut rest = path;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches('.');
        if rest.is_empty() {
            return None;
        }
        let (step, after) = match rest.strip_prefix('[') {
            Some(inner) => inner.split_once(']').unwrap_or((inner, "")),
            None => rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len())),
        };
        rest = after;
        Some(step)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::manifest::yaml;

    #[test]
    fn a_path_leads_to_the_field_or_to_the_nearest_part_that_is_there() {
        let tree = yaml::test_tree(
            "metadata:\n  labels: {a.b/c: x}\nspec:\n  rules:\n  - action: Stop\n  - {}\n  template:\n    spec: {}\n",
        );
        for (path, line, column) in [
            ("metadata.labels[a.b/c]", 2, 19),
            ("spec.rules[0].action", 5, 13),
            ("spec.rules[1].action", 6, 5),
            ("spec.rules[7].action", 4, 3),
            ("spec.rules", 4, 3),
            ("spec.template.spec.restartPolicy", 8, 5),
            ("spec.nothing[3].x", 3, 1),
            ("status", 1, 1),
            ("", 1, 1),
        ] {
            assert_eq!(tree.mark_at(path), Mark { line, column }, "{path}");
        }
    }

    #[test]
    fn a_tree_goes_to_json_and_back() {
        let text = "{a: [1, -2, 1.5, yes, ~, '1', 0x10], b: {c: d}, big: 18446744073709551615, inf: .inf}";
        let tree = yaml::test_tree(text);
        let value = tree.to_json();
        let big = u64::MAX;
        assert_eq!(
            value,
            json!({"a": [1, -2, 1.5, true, null, "1", 16], "b": {"c": "d"}, "big": big, "inf": ".inf"})
        );
        assert_eq!(Tree::from_json(&value, Mark::START).to_json(), value);
    }

    #[test]
    fn a_tree_is_merged_key_by_key() {
        let mut tree = yaml::test_tree("{a: {x: 1, w: 2}, b: [1, 2], c: 3}");
        tree.merge(&yaml::test_tree("{a: {w: 5, z: 6}, b: [7], c: ~, d: ~, e: 8}"));
        assert_eq!(tree.to_json(), json!({"a": {"x": 1, "w": 5, "z": 6}, "b": [7], "e": 8}));
    }

    #[test]
    fn every_scalar_can_be_changed() {
        let mut tree = yaml::test_tree("a: [x, {b: x}]\nc: x");
        let mut n = 0;
        tree.change_scalars(&mut |_, scalar| {
            n += 1;
            *scalar = Scalar::plain(n.to_string());
        });
        assert_eq!(tree.to_json(), json!({"a": [1, {"b": 2}], "c": 3}));
    }

    #[test]
    fn a_part_can_be_blanked() {
        let mut tree = Tree::from_json(&json!({"a": [{"b": 1}, 2], "c": {"x.y/z": 3}}), Mark::START);
        assert!(tree.blank("a[0].b") && tree.blank("c[x.y/z]") && tree.blank("a[1]"));
        assert!(!tree.blank("a[2]") && !tree.blank("d") && !tree.blank("a[0].b.c"));
        assert_eq!(tree.to_json(), json!({"a": [{"b": null}, null], "c": {"x.y/z": null}}));
    }
}
