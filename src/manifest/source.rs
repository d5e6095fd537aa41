//! Named texts to objects: documents found, lists taken apart, kinds told.
//!
//! Whoever calls this has read the files; nothing here touches the disk.

use std::sync::Arc;

use crate::manifest::api::Api;
use crate::manifest::diagnostic::{Diagnostic, Diagnostics, Mark, Place};
use crate::manifest::limits::TEXT_BYTES_MAX;
use crate::manifest::tree::{Content, Tree};
use crate::manifest::{json, yaml};
use crate::model::ids::Kind;

/// From this length on, a text that starts like JSON is meant to be JSON [bytes].
const JSON_BYTES_SURE: usize = 1 << 20;

/// A text and its name.
#[derive(Debug, Clone)]
pub struct Source {
    /// The name of the file as the user wrote it, or `-`.
    pub name: Arc<str>,
    /// The text.
    pub text: Vec<u8>,
}

/// An object of a known kind, not checked yet.
#[derive(Debug, Clone)]
pub struct Object {
    /// The file.
    pub file: Arc<str>,
    /// The path of the object in its document: empty, or such as `items[3]` in a list.
    pub path: String,
    /// The group and version.
    pub api_version: &'static str,
    /// The name of the kind.
    pub kind_name: &'static str,
    /// The kind, as far as it makes a difference.
    pub kind: ObjectKind,
    /// The object.
    pub tree: Tree,
}

/// The kinds between which the reader tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectKind {
    /// A kind that lives in the simulated cluster.
    Cluster(Kind),
    /// A priority class.
    PriorityClass,
    /// A scenario.
    Scenario,
    /// Any other known kind: without effect, or not modelled.
    Other,
}

impl Object {
    /// The place of the field at `path` (from the object's root), or of the nearest part of it that is there.
    pub fn place_of(&self, path: &str) -> Place {
        Place { file: Arc::clone(&self.file), mark: self.tree.mark_at(path) }
    }

    /// The path of the object's field from the document's root: `items[3].spec` for `spec`.
    pub fn path_to(&self, path: &str) -> String {
        let separator = if self.path.is_empty() || path.is_empty() { "" } else { "." };
        format!("{}{separator}{path}", self.path)
    }

    /// Makes an error about the field at `path`.
    pub fn error(&self, path: &str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(self.place_of(path), message).at(self.path_to(path))
    }
}

/// Reads sources into objects, in their order; what cannot be read is reported and left out.
pub fn read(sources: &[Source], api: &Api, diagnostics: &mut Diagnostics) -> Vec<Object> {
    let mut objects = Vec::new();
    for source in sources {
        let n_errors = diagnostics.n_errors();
        let trees = trees(source, diagnostics);
        if trees.is_empty() && diagnostics.n_errors() == n_errors {
            let place = Place { file: Arc::clone(&source.name), mark: Mark::START };
            diagnostics.push(Diagnostic::error(place, "nothing in it: expected a Kubernetes object"));
        }
        let mut collector = Collector { file: &source.name, api, diagnostics, objects: &mut objects };
        for tree in trees {
            collector.add(tree, String::new(), None);
        }
    }
    objects
}

/// Reads a source into the trees of its documents.
pub fn trees(source: &Source, diagnostics: &mut Diagnostics) -> Vec<Tree> {
    let file = &source.name;
    let text = match text_of(&source.text) {
        Ok(text) => text,
        Err((mark, message)) => {
            diagnostics.push(Diagnostic::error(Place { file: Arc::clone(file), mark }, message));
            return Vec::new();
        }
    };
    if !text.trim_start().starts_with(['{', '[']) {
        return yaml::parse(file, text, diagnostics);
    }
    match json::parse(file, text, diagnostics) {
        Ok(trees) => trees,
        // A text that starts like JSON can be YAML all the same, but hardly where its name or its length say JSON.
        Err(error) if file.ends_with(".json") || text.len() > JSON_BYTES_SURE => {
            diagnostics.push(error);
            Vec::new()
        }
        Err(_) => yaml::parse(file, text, diagnostics),
    }
}

/// Returns bytes as text without its byte order mark, or what is wrong with them.
fn text_of(bytes: &[u8]) -> Result<&str, (Mark, String)> {
    if bytes.len() > TEXT_BYTES_MAX {
        return Err((Mark::START, format!("{} bytes long: at most {TEXT_BYTES_MAX} are read", bytes.len())));
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err((Mark::START, "in UTF-16: save it as UTF-8".to_owned()));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let valid = &bytes[..error.valid_up_to()];
        let found = bytes[error.valid_up_to()];
        (end_of(valid), format!("not UTF-8: found the byte 0x{found:02x}"))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let control = |byte: &u8| *byte < 0x20 && !matches!(*byte, b'\t' | b'\n' | b'\r');
    match text.as_bytes().iter().position(|byte| control(byte)) {
        None => Ok(text),
        Some(at) => {
            let found = text.as_bytes()[at];
            Err((
                end_of(&text.as_bytes()[..at]),
                format!("control characters are not allowed, found U+{found:04X}"),
            ))
        }
    }
}

/// Where valid UTF-8 ends.
fn end_of(bytes: &[u8]) -> Mark {
    let number = |n: usize| u32::try_from(n).expect("texts are shorter than 2^32");
    let n_lines = bytes.iter().filter(|byte| **byte == b'\n').count();
    let last = bytes.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    let n_chars = last.iter().filter(|byte| **byte & 0xc0 != 0x80).count();
    Mark { line: number(n_lines) + 1, column: number(n_chars) + 1 }
}

/// Collects the objects of one file.
struct Collector<'a> {
    file: &'a Arc<str>,
    api: &'a Api,
    diagnostics: &'a mut Diagnostics,
    objects: &'a mut Vec<Object>,
}

impl Collector<'_> {
    /// Adds an object, or those of a list. The items of a `PodList` need not say what they are: `implied` does.
    fn add(&mut self, tree: Tree, path: String, implied: Option<(&str, &str)>) {
        if !matches!(tree.content, Content::Map(_)) {
            let message =
                format!("expected an object with `apiVersion` and `kind`, found {}", tree.describe());
            return self.report(tree.mark, path, message);
        }
        let (implied_version, implied_kind) = implied.unzip();
        let kind = self.type_field(&tree, "kind", &path, implied_kind);
        let api_version = self.type_field(&tree, "apiVersion", &path, implied_version);
        let (Some(kind_name), Some(api_version)) = (kind, api_version) else { return };
        if let Some(item) = list_item(self.api, &api_version, &kind_name) {
            return self.add_items(tree, &path, item.map(|kind| (&*api_version, kind)));
        }
        match self.api.kind(&api_version, &kind_name) {
            Err(unknown) => {
                let mark = tree.mark_at(unknown.field);
                self.report(mark, joined(&path, unknown.field), unknown.message);
            }
            Ok(row) => {
                let (api_version, kind_name) = (row.api_version, row.name);
                let kind = object_kind(api_version, kind_name);
                let file = Arc::clone(self.file);
                self.objects.push(Object { file, path, api_version, kind_name, kind, tree });
            }
        }
    }

    fn add_items(&mut self, list: Tree, path: &str, implied: Option<(&str, &str)>) {
        let Content::Map(entries) = list.content else { return };
        for entry in entries {
            let path = joined(path, &entry.key);
            match (&*entry.key, entry.value.content) {
                ("apiVersion" | "kind" | "metadata", _) => {}
                ("items", Content::List(items)) => {
                    for (idx, item) in items.into_iter().enumerate() {
                        self.add(item, format!("{path}[{idx}]"), implied);
                    }
                }
                ("items", Content::Scalar(scalar)) if scalar.is_null() => {}
                ("items", _) => self.report(entry.mark, path, "expected a list".to_owned()),
                _ => {
                    self.report(entry.mark, path, "unknown field in a list; did you mean `items`?".to_owned())
                }
            }
        }
    }

    /// The text of `apiVersion` or `kind`.
    fn type_field(
        &mut self,
        tree: &Tree,
        field: &str,
        path: &str,
        implied: Option<&str>,
    ) -> Option<Arc<str>> {
        let value = tree.get(field).filter(|value| !value.is_null());
        let message = match (value, implied) {
            (None, Some(implied)) => return Some(implied.into()),
            (None, None) => "Required value".to_owned(),
            (Some(value), _) => match value.text() {
                Some(text) => return Some(text.into()),
                None => format!("expected a string, found {}", value.describe()),
            },
        };
        self.report(tree.mark_at(field), joined(path, field), message);
        None
    }

    fn report(&mut self, mark: Mark, path: String, message: String) {
        let place = Place { file: Arc::clone(self.file), mark };
        self.diagnostics.push(Diagnostic::error(place, message).at(path));
    }
}

fn joined(path: &str, field: &str) -> String {
    if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") }
}

/// Whether a kind is a list: of anything (`Some(None)`), or of one kind (`Some(Some(kind))`).
fn list_item<'a>(api: &Api, api_version: &str, kind: &'a str) -> Option<Option<&'a str>> {
    match kind.strip_suffix("List")? {
        "" if api_version == "v1" => Some(None),
        item => api.kind(api_version, item).is_ok().then_some(Some(item)),
    }
}

fn object_kind(api_version: &str, name: &str) -> ObjectKind {
    match (api_version, name) {
        ("v1", "Pod") => ObjectKind::Cluster(Kind::Pod),
        ("v1", "Node") => ObjectKind::Cluster(Kind::Node),
        ("batch/v1", "Job") => ObjectKind::Cluster(Kind::Job),
        ("batch/v1" | "batch/v1beta1", "CronJob") => ObjectKind::Cluster(Kind::CronJob),
        ("scheduling.k8s.io/v1", "PriorityClass") => ObjectKind::PriorityClass,
        ("sim/v1", "Scenario") => ObjectKind::Scenario,
        _ => ObjectKind::Other,
    }
}
