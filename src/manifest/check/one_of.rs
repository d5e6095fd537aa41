//! Trees that may have one of several shapes.
//!
//! The shape to hold a map against is the one that knows most of its keys; nothing is tried out, so that nested
//! choices cost no more than one.

use crate::manifest::check::Checker;
use crate::manifest::check::expected::{alternatives, expectation, mismatch, problem_of};
use crate::manifest::diagnostic::Mark;
use crate::manifest::schema::{Mismatch, ObjectType, Schema, Shape};
use crate::manifest::tree::{Content, Entry, Tree};

impl<'a> Checker<'a> {
    /// Checks a tree that may have one of several shapes.
    pub(super) fn check_one_of(&mut self, tree: &Tree, shapes: &'a [Shape], mark: Mark) {
        let shapes = flattened(self.schema, shapes);
        match &tree.content {
            Content::Scalar(scalar) => {
                let mismatches: Vec<_> = shapes.iter().map(|shape| mismatch(shape, scalar)).collect();
                let mut of_its_kind = mismatches.iter().filter_map(|mismatch| match mismatch {
                    Some(Mismatch::Value(problem)) => Some(problem),
                    _ => None,
                });
                match (of_its_kind.next(), of_its_kind.next()) {
                    _ if mismatches.contains(&None) => {}
                    // Only one of the shapes can have been meant.
                    (Some(problem), None) => self.report(tree.mark, problem.clone()),
                    _ => self.report_kind(tree, &expectations(&shapes), mark),
                }
            }
            Content::List(items) => match list_shape(self.schema, &shapes, items) {
                Some(item) => self.check_list(items, item),
                None => self.report_kind(tree, &expectations(&shapes), mark),
            },
            Content::Map(entries) => self.check_map_of(tree, entries, &shapes, mark),
        }
    }

    fn check_map_of(&mut self, tree: &Tree, entries: &[Entry], shapes: &[&'a Shape], mark: Mark) {
        let objects: Vec<&'a ObjectType> = shapes.iter().filter_map(|shape| object_of(shape)).collect();
        let free =
            shapes.iter().find_map(|shape| if let Shape::Map(value) = *shape { Some(value) } else { None });
        if shapes.iter().any(|shape| matches!(shape, Shape::Any)) {
            return;
        }
        let scores: Vec<Score> = objects.iter().map(|object| Score::of(object, entries)).collect();
        let best = scores.iter().max().copied().unwrap_or_default();
        if let Some(value) = free.filter(|_| best.n_known == 0) {
            return self.check_map(entries, value);
        }
        let leaders: Vec<&'a ObjectType> = objects
            .iter()
            .zip(&scores)
            .filter(|(_, score)| **score == best)
            .map(|(object, _)| *object)
            .collect();
        match leaders.as_slice() {
            [] => self.report_kind(tree, &expectations(shapes), mark),
            _ if !best.is_variant => self.report_variant(entries, &objects, mark),
            [only] => self.check_object(entries, only, &objects, mark),
            [first, ..] if best.is_complete => self.check_object(entries, first, &objects, mark),
            leaders => self.report_undecided(entries, leaders, &objects, mark),
        }
    }

    /// Reports a map whose telling field (`type: …`) names none of the variants.
    fn report_variant(&mut self, entries: &[Entry], objects: &[&'a ObjectType], mark: Mark) {
        let telling = entries.iter().find(|entry| objects.iter().any(|object| !is_variant(object, entry)));
        let Some(entry) = telling else { return };
        let mut names = Vec::new();
        for object in objects {
            if let Some(Shape::Enum(texts)) = object.field(&entry.key).map(|field| &field.shape) {
                names.extend(texts.iter().cloned());
            }
        }
        let n_path = self.push_key(&entry.key);
        match &entry.value.content {
            Content::Scalar(scalar) => {
                let problem = problem_of(&Shape::Enum(names), scalar);
                self.report(
                    entry.value.mark,
                    problem.unwrap_or_else(|| "does not go with the other fields".to_owned()),
                );
            }
            _ => self.report_kind(&entry.value, &expectation(&Shape::Enum(names)), mark),
        }
        self.path.truncate(n_path);
    }

    /// Reports a map that fits several types equally well, because the telling key is missing or misspelt.
    fn report_undecided(
        &mut self,
        entries: &[Entry],
        leaders: &[&'a ObjectType],
        objects: &[&'a ObjectType],
        mark: Mark,
    ) {
        let is_unknown = |entry: &&Entry| objects.iter().all(|object| object.field(&entry.key).is_none());
        let mut unknown = entries.iter().filter(is_unknown).peekable();
        if unknown.peek().is_none() {
            let mut telling: Vec<String> = Vec::new();
            for field in leaders.iter().flat_map(|object| &object.fields).filter(|field| field.is_required) {
                let name = format!("`{}`", field.name);
                let is_in_all = leaders.iter().all(|object| object.field(&field.name).is_some());
                if !is_in_all && !telling.contains(&name) {
                    telling.push(name);
                }
            }
            self.report(mark, format!("expected {}", alternatives(&telling)));
        }
        self.around.push((leaders[0], self.path.len()));
        for entry in unknown {
            let n_path = self.push_key(&entry.key);
            self.report_unknown(entry, leaders[0], objects);
            self.path.truncate(n_path);
        }
        self.around.pop();
    }
}

/// How well a type fits the keys of a map; the greater the better.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
struct Score {
    /// Whether the fields that tell variants apart have this type's values.
    is_variant: bool,
    n_known: usize,
    /// Whether all required fields are there.
    is_complete: bool,
}

impl Score {
    fn of(object: &ObjectType, entries: &[Entry]) -> Self {
        let has = |name: &str| entries.iter().any(|entry| &*entry.key == name);
        Score {
            is_variant: entries.iter().all(|entry| is_variant(object, entry)),
            n_known: entries.iter().filter(|entry| object.field(&entry.key).is_some()).count(),
            is_complete: object.fields.iter().all(|field| !field.is_required || has(&field.name)),
        }
    }
}

/// Whether the entry does not tell that the map is of another type: only a field with a single value can tell.
fn is_variant(object: &ObjectType, entry: &Entry) -> bool {
    match object.field(&entry.key).map(|field| &field.shape) {
        Some(Shape::Enum(texts)) if texts.len() == 1 => entry.value.text() == Some(&texts[0]),
        _ => true,
    }
}

fn object_of(shape: &Shape) -> Option<&ObjectType> {
    if let Shape::Object(object) = shape { Some(object) } else { None }
}

/// The item shape of the list shape that suits the first item.
fn list_shape<'a>(schema: &'a Schema, shapes: &[&'a Shape], items: &[Tree]) -> Option<&'a Shape> {
    let lists = || {
        shapes.iter().filter_map(|shape| if let Shape::List(item) = *shape { Some(&**item) } else { None })
    };
    let suits = |shape: &&Shape| items.first().is_none_or(|item| suits(schema, shape, item));
    lists().find(suits).or_else(|| lists().next())
}

/// Whether a tree is of the kind that a shape expects.
fn suits(schema: &Schema, shape: &Shape, tree: &Tree) -> bool {
    match (schema.resolve(shape), &tree.content) {
        (Shape::Any, _) => true,
        (Shape::OneOf(shapes), _) => shapes.iter().any(|shape| suits(schema, shape, tree)),
        (Shape::List(_), content) => matches!(content, Content::List(_)),
        (Shape::Map(_) | Shape::Object(_), content) => matches!(content, Content::Map(_)),
        (shape, Content::Scalar(scalar)) => problem_of(shape, scalar).is_none(),
        _ => false,
    }
}

/// The shapes, names followed and choices in choices taken apart.
fn flattened<'a>(schema: &'a Schema, shapes: &'a [Shape]) -> Vec<&'a Shape> {
    let mut flat = Vec::new();
    let mut rest: Vec<&Shape> = shapes.iter().rev().collect();
    while let Some(shape) = rest.pop() {
        match schema.resolve(shape) {
            Shape::OneOf(inner) => rest.extend(inner.iter().rev()),
            shape => flat.push(shape),
        }
    }
    flat
}

fn expectations(shapes: &[&Shape]) -> String {
    let mut texts: Vec<String> = Vec::new();
    for shape in shapes {
        let text = expectation(shape);
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    alternatives(&texts)
}
