//! Named texts to objects: documents found, lists taken apart, kinds told.
//!
//! Whoever calls this has read the files; nothing here touches the disk.

use std::sync::Arc;

use crate::manifest::api::Api;
use crate::manifest::check::OnUnmodelled;
use crate::manifest::diagnostic::{Diagnostic, Diagnostics, Mark, Place, quoted};
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
    /// A namespace.
    Namespace,
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
pub fn read(
    sources: &[Source],
    api: &Api,
    unmodelled: OnUnmodelled,
    diagnostics: &mut Diagnostics,
) -> Vec<Object> {
    let mut objects = Vec::new();
    for source in sources {
        let n_errors = diagnostics.n_errors();
        let trees = trees(source, diagnostics);
        if trees.is_empty() && diagnostics.n_errors() == n_errors {
            let place = Place { file: Arc::clone(&source.name), mark: Mark::START };
            diagnostics.push(Diagnostic::error(place, "nothing in it: expected a Kubernetes object"));
        }
        let mut collector =
            Collector { file: &source.name, api, unmodelled, diagnostics, objects: &mut objects };
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
    match text.as_bytes().iter().position(control) {
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
    unmodelled: OnUnmodelled,
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
            Err(_) if is_custom(&api_version) => self.leave_out(&tree, &path, &kind_name),
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
                ("items", content) => {
                    let found = Tree { mark: entry.mark, content }.describe();
                    self.report(entry.mark, path, format!("expected a list, found {found}"));
                }
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

    /// Goes without a custom resource, or refuses it.
    fn leave_out(&mut self, tree: &Tree, path: &str, kind: &str) {
        let mark = tree.mark_at("kind");
        match self.unmodelled {
            OnUnmodelled::GoWithout => {
                let place = Place { file: Arc::clone(self.file), mark };
                self.diagnostics.push_unmodelled(kind, "kind", place);
            }
            OnUnmodelled::Refuse => {
                let message = format!(
                    "{} is a custom resource and not modelled; `--allow-unmodelled` runs without it",
                    quoted(kind)
                );
                self.report(mark, joined(path, "kind"), message);
            }
        }
    }

    fn report(&mut self, mark: Mark, path: String, message: String) {
        let place = Place { file: Arc::clone(self.file), mark };
        self.diagnostics.push(Diagnostic::error(place, message).at(path));
    }
}

/// Whether a group is not of Kubernetes' own, all of which are known: those have no dot, or end in `.k8s.io`.
fn is_custom(api_version: &str) -> bool {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    group.contains('.') && !group.ends_with(".k8s.io")
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
        ("v1", "ResourceQuota") => ObjectKind::Cluster(Kind::ResourceQuota),
        ("v1", "Node") => ObjectKind::Cluster(Kind::Node),
        ("v1", "Service") => ObjectKind::Cluster(Kind::Service),
        ("apps/v1", "ReplicaSet") => ObjectKind::Cluster(Kind::ReplicaSet),
        ("apps/v1", "Deployment") => ObjectKind::Cluster(Kind::Deployment),
        ("batch/v1", "Job") => ObjectKind::Cluster(Kind::Job),
        ("autoscaling/v2" | "autoscaling/v1", "HorizontalPodAutoscaler") => {
            ObjectKind::Cluster(Kind::HorizontalPodAutoscaler)
        }
        ("batch/v1" | "batch/v1beta1", "CronJob") => ObjectKind::Cluster(Kind::CronJob),
        ("apps/v1", "StatefulSet") => ObjectKind::Cluster(Kind::StatefulSet),
        ("apps/v1", "DaemonSet") => ObjectKind::Cluster(Kind::DaemonSet),
        ("policy/v1", "PodDisruptionBudget") => ObjectKind::Cluster(Kind::PodDisruptionBudget),
        ("v1", "Namespace") => ObjectKind::Namespace,
        ("scheduling.k8s.io/v1", "PriorityClass") => ObjectKind::PriorityClass,
        ("sim/v1", "Scenario") => ObjectKind::Scenario,
        _ => ObjectKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::manifest::check::Options;
    use crate::manifest::decode;

    fn source(name: &str, text: impl Into<Vec<u8>>) -> Source {
        Source { name: name.into(), text: text.into() }
    }

    fn read_one(name: &str, text: impl Into<Vec<u8>>) -> (Vec<Object>, String) {
        let mut diagnostics = Diagnostics::default();
        let objects = read(&[source(name, text)], &Api::load(), OnUnmodelled::Refuse, &mut diagnostics);
        (objects, diagnostics.to_string())
    }

    #[track_caller]
    fn check_lines(name: &str, text: impl Into<Vec<u8>>, lines: &str) {
        assert_eq!(read_one(name, text).1.trim_end(), lines);
    }

    /// The paths and kinds of the objects in a text without mistakes.
    fn kinds(text: &str) -> Vec<String> {
        let (objects, lines) = read_one("f", text);
        assert_eq!(lines, "");
        let shown = |object: &Object| format!("{}:{}/{}", object.path, object.api_version, object.kind_name);
        objects.iter().map(shown).collect()
    }

    #[test]
    fn lists_are_taken_apart_and_keep_their_paths() {
        let pod = "{apiVersion: v1, kind: Pod}";
        let job = "{apiVersion: batch/v1, kind: Job}";
        assert_eq!(
            kinds(&format!(
                "apiVersion: v1\nkind: List\nmetadata: {{}}\nitems: [{pod}, {{apiVersion: v1, kind: List, items: [{job}]}}]"
            )),
            ["items[0]:v1/Pod", "items[1].items[0]:batch/v1/Job"]
        );
        assert_eq!(
            kinds("{\"apiVersion\": \"batch/v1\", \"kind\": \"JobList\", \"items\": [{\"metadata\": {}}]}"),
            ["items[0]:batch/v1/Job"]
        );
        assert_eq!(
            kinds("{apiVersion: v1, kind: List, items: ~}\n---\napiVersion: v1\nkind: Node"),
            [":v1/Node"]
        );
        check_lines(
            "f",
            format!("{{apiVersion: v1, kind: List, item: [{pod}]}}"),
            "f:1:30: item: unknown field in a list; did you mean `items`?",
        );
        check_lines(
            "f",
            "{apiVersion: v1, kind: List, items: 3}",
            "f:1:30: items: expected a list, found the number `3`",
        );
    }

    #[test]
    fn an_object_says_what_it_is() {
        check_lines("f", "kind: Pod", "f:1:1: apiVersion: Required value");
        check_lines("f", "a: 1", "f:1:1: apiVersion: Required value\nf:1:1: kind: Required value");
        check_lines(
            "f",
            "apiVersion: 1\nkind: Pod",
            "f:1:13: apiVersion: expected a string, found the number `1`",
        );
        check_lines(
            "f",
            "apiVersion: v1\nkind: Pods",
            "f:2:7: kind: unknown kind `Pods` in `v1`; did you mean `Pod`?",
        );
        check_lines(
            "f",
            "hello",
            "f:1:1: expected an object with `apiVersion` and `kind`, found the string `hello`",
        );
        check_lines("f", "- a", "f:1:1: expected an object with `apiVersion` and `kind`, found a list");
    }

    #[test]
    fn texts_that_are_none_are_refused() {
        for empty in ["", "\n\n", "# nothing\n", "---\n---\n", "\u{feff}"] {
            check_lines("f", empty, "f:1:1: nothing in it: expected a Kubernetes object");
        }
        check_lines("f", b"a: 1\nb: \xc3\xa9\xff".to_vec(), "f:2:5: not UTF-8: found the byte 0xff");
        check_lines("f", b"\xff\xfek\0i\0".to_vec(), "f:1:1: in UTF-16: save it as UTF-8");
        check_lines("f", "a: 1\nb: \0", "f:2:4: control characters are not allowed, found U+0000");
        check_lines(
            "f",
            vec![b' '; TEXT_BYTES_MAX + 1],
            "f:1:1: 67108865 bytes long: at most 67108864 are read",
        );
        assert_eq!(kinds("\u{feff}apiVersion: v1\nkind: Pod"), [":v1/Pod"]);
    }

    #[test]
    fn a_text_that_starts_like_json_may_be_yaml() {
        assert_eq!(kinds("{apiVersion: v1, kind: Pod}"), [":v1/Pod"]);
        assert_eq!(
            kinds(
                "{\"apiVersion\": \"v1\", \"kind\": \"Pod\"}\n{\"apiVersion\": \"v1\", \"kind\": \"Node\"}"
            ),
            [":v1/Pod", ":v1/Node"]
        );
        check_lines(
            "f.json",
            "{apiVersion: v1}",
            "f.json:1:2: invalid JSON: expected a key in double quotes, found `a`",
        );
        check_lines(
            "f",
            "{apiVersion: v1",
            "f:2:1: invalid YAML: while parsing a flow mapping, did not find expected ',' or '}'",
        );
    }

    /// Puts a text through all of the reader; says how many objects it held.
    fn swallow(text: &[u8]) -> usize {
        let api = Api::load();
        let mut diagnostics = Diagnostics::default();
        let objects = read(&[source("f", text)], &api, OnUnmodelled::Refuse, &mut diagnostics);
        for object in &objects {
            api.check(object, &Options::default(), &mut diagnostics);
            let value = object.tree.to_json();
            assert_eq!(Tree::from_json(&value, Mark::START).to_json(), value);
            let _ = decode::decode::<serde_json::Value>(&object.tree);
        }
        assert!(!objects.is_empty() || diagnostics.has_errors(), "read nothing and said nothing");
        assert!(diagnostics.to_string().len() < 200_000, "a flood of diagnostics");
        objects.len()
    }

    /// A manifest with everything that YAML has.
    const MANIFEST: &str = "\
# a comment
apiVersion: batch/v1
kind: Job
metadata: {name: a, labels: &l {tier: \"b\\n\", 'c': \"\\u00e9\"}}
spec:
  template: &t
    metadata:
      labels: {<<: *l, x: !!str 1}
    spec:
      restartPolicy: Never
      containers:
      - name: main
        args: [\"-c\", 'it''s', |-
        ]
        command: [sh]
        env:
        - {name: A, value: |
            b}
      - &c
        name: >-
          folded
          text
        resources: {limits: {cpu: 0.5, memory: 1Gi}}
---
{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"spec\": {\"containers\": []}}
...
%YAML 1.1
---
? a
: b
";

    #[test]
    fn adversarial_texts_are_refused_quickly() {
        let repeated: [(&str, usize); 18] = [
            ("[", 1_000_000),
            ("{", 1_000_000),
            ("- ", 1_000_000),
            ("? ", 1_000_000),
            ("a: ", 1_000_000),
            ("[[],", 500_000),
            ("\"", 1_000_000),
            ("&a ", 500_000),
            ("!a ", 500_000),
            ("*a ", 500_000),
            ("---\n", 300_000),
            ("a", 5_000_000),
            ("a\n", 1_000_000),
            (" ", 5_000_000),
            ("\t", 5_000_000),
            ("#\n", 1_000_000),
            ("|\n", 1_000_000),
            ("%a\n", 300_000),
        ];
        for (text, n) in repeated {
            swallow(text.repeat(n).as_bytes());
            swallow(format!("a: {}", text.repeat(n)).as_bytes());
        }
        let stairs: String = (0..3000).map(|n| format!("{}a:\n", " ".repeat(n))).collect();
        swallow(stairs.as_bytes());
        swallow("- {apiVersion: v1, kind: Pod, spec: {x: 1}}\n".repeat(10_000).as_bytes());
        swallow("apiVersion: v1\nkind: Pod\nspec: {y: 1}\n---\n".repeat(10_000).as_bytes());
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            swallow(&bytes);
        }

        #[test]
        fn no_text_of_yaml_characters_makes_the_reader_panic(text in "[-?:,{}\\[\\]#&*!|>'\"%@` \t\n\\\\a1<~éx.]{0,200}") {
            swallow(text.as_bytes());
        }

        #[test]
        fn no_change_of_a_manifest_makes_the_reader_panic(
            edits in prop::collection::vec((any::<prop::sample::Index>(), 0..4usize, "[-?:,{}\\[\\]#&*!|>'\"% \n\t\u{0}a~]"), 1..6)
        ) {
            let mut chars: Vec<char> = MANIFEST.chars().collect();
            for (at, n_removed, inserted) in edits {
                let at = at.index(chars.len());
                let end = (at + n_removed).min(chars.len());
                chars.splice(at..end, inserted.chars());
            }
            swallow(chars.into_iter().collect::<String>().as_bytes());
        }

        #[test]
        fn json_reads_the_same_as_json_and_as_yaml(value in json_value()) {
            let text = serde_json::to_string_pretty(&serde_json::json!({"x": value})).unwrap();
            let mut diagnostics = Diagnostics::default();
            let as_json = json::parse(&"f".into(), &text, &mut diagnostics).unwrap();
            let as_yaml = yaml::parse(&"f".into(), &text, &mut diagnostics);
            prop_assert!(diagnostics.is_empty(), "{diagnostics}");
            prop_assert_eq!(as_json[0].to_json(), as_yaml[0].to_json());
            let marks = |tree: &Tree| { let mut marks = Vec::new(); tree.clone().change_scalars(&mut |mark, _| marks.push(mark)); marks };
            prop_assert_eq!(marks(&as_json[0]), marks(&as_yaml[0]));
        }
    }

    fn json_value() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(serde_json::Value::from),
            any::<i64>().prop_map(serde_json::Value::from),
            (-1e6..1e6f64).prop_map(serde_json::Value::from),
            "[a-z0-9 é:#,\"]{0,12}".prop_map(serde_json::Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(serde_json::Value::from),
                prop::collection::btree_map("[a-zé]{1,5}", inner, 0..5)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }
}
