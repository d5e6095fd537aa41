//! YAML text to trees.
//!
//! The text is cut at its `---` lines first and each document parsed on its own, so that a mistake in one hides
//! nothing in the others. Anchors, aliases and merge keys are written out, within the bounds of
//! [`limits`](crate::manifest::limits); keys given twice, tags beyond the plain ones and keys that are no scalars are
//! errors.
//!
//! Source: sigs.k8s.io/yaml 1.4 and goyaml.v2 for what a merge key overrides; observed with kubectl 1.32.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Tag};

use crate::manifest::diagnostic::{Diagnostic, Diagnostics, Mark, Place, quoted};
use crate::manifest::limits::{ALIASED_BYTES_MAX, ALIASED_TREES_MAX, COMMAS_MAX, DEPTH_MAX, TREES_MAX};
use crate::manifest::scalar::{Scalar, Style, key_text};
use crate::manifest::tree::{Content, Entry, Tree, duplicates, without_duplicates};

/// Reads all documents of a text; those that are empty are left out, those with errors reported and left out.
pub fn parse(file: &Arc<str>, text: &str, diagnostics: &mut Diagnostics) -> Vec<Tree> {
    let mut trees = Vec::new();
    let mut budget =
        Budget { n_trees: TREES_MAX, n_aliased: ALIASED_TREES_MAX, aliased_bytes: ALIASED_BYTES_MAX };
    for (first_line, document) in documents(text) {
        let mut builder = Builder::new(file, first_line, &mut budget, diagnostics);
        match builder.read(document) {
            Ok(()) => trees.append(&mut builder.documents),
            Err(Fault { mark, message }) => {
                diagnostics.push(Diagnostic::error(Place { file: Arc::clone(file), mark }, message));
            }
        }
        if budget.n_trees == 0 {
            break;
        }
    }
    trees
}

/// Cuts a text before each line that starts with `---`; gives the number of each part's first line.
///
/// What stands before the first such line stays with it while it holds nothing but comments and directives.
fn documents(text: &str) -> Vec<(u32, &str)> {
    let mut parts = Vec::new();
    let (mut start, mut first_line, mut has_content) = (0, 1, false);
    let mut offset = 0;
    for (line, number) in text.split_inclusive('\n').zip(1..) {
        let is_separator = line.starts_with("---")
            && line[3..].trim_start_matches([' ', '\t', '\r', '\n']).len() < line[3..].len().max(1);
        if is_separator && has_content {
            parts.push((first_line, &text[start..offset]));
            (start, first_line) = (offset, number);
        }
        has_content |=
            is_separator || !matches!(line.trim_start().as_bytes().first(), None | Some(b'#' | b'%'));
        offset += line.len();
    }
    parts.push((first_line, &text[start..]));
    parts
}

/// Why a document cannot be read any further.
struct Fault {
    mark: Mark,
    message: String,
}

/// What is left of the bounds of a text.
struct Budget {
    n_trees: usize,
    n_aliased: usize,
    aliased_bytes: usize,
}

/// Builds the trees of one part of a text from the parser's events.
struct Builder<'a> {
    file: &'a Arc<str>,
    first_line: u32,
    budget: &'a mut Budget,
    diagnostics: &'a mut Diagnostics,
    /// The lists and maps that are not closed yet, outermost first.
    open: Vec<Open>,
    /// Closed trees by the parser's number of their anchor.
    anchors: BTreeMap<usize, Tree>,
    documents: Vec<Tree>,
}

/// A list or map that is not closed yet.
struct Open {
    mark: Mark,
    anchor: usize,
    content: OpenContent,
}

enum OpenContent {
    List(Vec<Tree>),
    Map(OpenMap),
}

#[derive(Default)]
struct OpenMap {
    entries: Vec<Entry>,
    /// Which entries are merge keys.
    merges: Vec<usize>,
    /// The key whose value comes next.
    key: Option<Key>,
}

struct Key {
    text: Box<str>,
    mark: Mark,
    is_merge: bool,
}

impl<'a> Builder<'a> {
    fn new(
        file: &'a Arc<str>,
        first_line: u32,
        budget: &'a mut Budget,
        diagnostics: &'a mut Diagnostics,
    ) -> Self {
        let (open, anchors, documents) = (Vec::new(), BTreeMap::new(), Vec::new());
        Builder { file, first_line, budget, diagnostics, open, anchors, documents }
    }

    fn read(&mut self, text: &str) -> Result<(), Fault> {
        if text.bytes().filter(|byte| *byte == b',').count() > COMMAS_MAX {
            let message = format!(
                "more than {COMMAS_MAX} commas in one document: write lists as lines, or the file as JSON"
            );
            return Err(Fault { mark: Mark { line: self.first_line, column: 1 }, message });
        }
        for event in Parser::new_from_str(text) {
            let (event, span) = event.map_err(|error| self.syntax_fault(&error))?;
            let mark = self.mark(span.start);
            self.take(event, mark)?;
        }
        Ok(())
    }

    fn take(&mut self, event: Event<'_>, mark: Mark) -> Result<(), Fault> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.spend_tree(mark)?;
                let style = self.style(style, tag.as_deref(), mark);
                let scalar = Scalar { text: (&*text).into(), style };
                self.close(Tree::scalar(mark, scalar), anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                self.open(mark, anchor, tag.as_deref(), OpenContent::List(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                self.open(mark, anchor, tag.as_deref(), OpenContent::Map(OpenMap::default()))
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Open { mark, anchor, content } =
                    self.open.pop().expect("the parser closes what it opened");
                let content = match content {
                    OpenContent::List(items) => Content::List(items),
                    OpenContent::Map(map) => Content::Map(self.unique_entries(map)),
                };
                self.close(Tree { mark, content }, anchor)
            }
            Event::Alias(anchor) => self.alias(anchor, mark),
            Event::DocumentStart(_) => {
                self.anchors.clear();
                Ok(())
            }
            Event::DocumentEnd | Event::StreamStart | Event::StreamEnd | Event::Nothing => Ok(()),
        }
    }

    fn open(
        &mut self,
        mark: Mark,
        anchor: usize,
        tag: Option<&Tag>,
        content: OpenContent,
    ) -> Result<(), Fault> {
        self.spend_tree(mark)?;
        if self.open.len() == DEPTH_MAX {
            return Err(depth_fault(mark));
        }
        if let Some(tag) = tag.filter(|tag| !is_core(tag, &["map", "seq"])) {
            self.report(mark, format!("unsupported tag {}", quoted(&tag.to_string())));
        }
        self.open.push(Open { mark, anchor, content });
        Ok(())
    }

    /// Puts a closed tree where it belongs: into the list, key or value that is open, or among the documents.
    fn close(&mut self, tree: Tree, anchor: usize) -> Result<(), Fault> {
        if anchor > 0 {
            self.spend_aliased(&tree)?;
            self.anchors.insert(anchor, tree.clone());
        }
        match self.open.last_mut().map(|open| &mut open.content) {
            None => {
                if !tree.is_null() {
                    self.documents.push(tree);
                }
            }
            Some(OpenContent::List(items)) => items.push(tree),
            Some(OpenContent::Map(map)) => match map.key.take() {
                None => {
                    let (key, written) = key(tree)?;
                    let mark = key.mark;
                    map.key = Some(key);
                    if let Some(written) = written {
                        self.warn_of_key(mark, &written);
                    }
                }
                Some(Key { text: key, mark, is_merge }) => {
                    if is_merge {
                        map.merges.push(map.entries.len());
                    }
                    map.entries.push(Entry { key, mark, value: tree });
                }
            },
        }
        Ok(())
    }

    /// Warns of the key just read, which was written in another way than it is taken.
    fn warn_of_key(&mut self, mark: Mark, written: &str) {
        let path = self.path();
        let taken = path.trim_end_matches('.').rsplit(['.', ']']).next().unwrap_or_default();
        let message =
            format!("the key {} is taken as {}; quote it to keep it", quoted(written), quoted(taken));
        let place = Place { file: Arc::clone(self.file), mark };
        self.diagnostics.push(Diagnostic::warning(place, message).at(path.trim_end_matches('.')));
    }

    fn alias(&mut self, anchor: usize, mark: Mark) -> Result<(), Fault> {
        if self.open.iter().any(|open| open.anchor == anchor) {
            return Err(Fault { mark, message: "an alias inside what it stands for".to_owned() });
        }
        let Some(tree) = self.anchors.get(&anchor) else {
            return Err(Fault { mark, message: "an alias of an anchor in another document".to_owned() });
        };
        let tree = Tree { mark, content: tree.content.clone() };
        self.spend_aliased(&tree)?;
        self.close(tree, 0)
    }

    /// Merges what merge keys name into a map, and reports keys that are given twice.
    fn unique_entries(&mut self, map: OpenMap) -> Vec<Entry> {
        if map.merges.is_empty() {
            let duplicates = duplicates(&map.entries);
            for (first, second) in &duplicates {
                self.report_duplicate(&map.entries[*second], map.entries[*first].mark);
            }
            return without_duplicates(map.entries, &duplicates);
        }
        let mut merged = Merged::default();
        for (idx, entry) in map.entries.into_iter().enumerate() {
            if !map.merges.contains(&idx) {
                if let Some((entry, first)) = merged.insert(entry) {
                    self.report_duplicate(&entry, first);
                }
            } else if !merged.merge(entry.value) {
                self.report(entry.mark, "expected a map or a list of maps to merge".to_owned());
            }
        }
        merged.entries
    }

    fn report_duplicate(&mut self, entry: &Entry, first: Mark) {
        let key = quoted(&entry.key);
        let message = format!("duplicate key {key}, first given on line {}", first.line);
        let path = format!("{}{}", self.path(), entry.key);
        let place = Place { file: Arc::clone(self.file), mark: entry.mark };
        self.diagnostics.push(Diagnostic::error(place, message).at(path));
    }

    fn report(&mut self, mark: Mark, message: String) {
        let path = self.path();
        let place = Place { file: Arc::clone(self.file), mark };
        self.diagnostics.push(Diagnostic::error(place, message).at(path.trim_end_matches('.')));
    }

    /// The path of what is open, with a dot at its end.
    fn path(&self) -> String {
        let steps = self.open.iter().map(|open| match &open.content {
            OpenContent::List(items) => format!("[{}].", items.len()),
            OpenContent::Map(map) => map.key.as_ref().map(|key| format!("{}.", key.text)).unwrap_or_default(),
        });
        steps.collect::<String>().replace(".[", "[")
    }

    /// How a scalar was written, or is to be taken as written because of its tag.
    fn style(&mut self, style: ScalarStyle, tag: Option<&Tag>, mark: Mark) -> Style {
        match tag {
            None if style == ScalarStyle::Plain => Style::Plain,
            None => Style::Quoted,
            Some(tag) if is_core(tag, &["int", "float", "bool", "null"]) => Style::Plain,
            Some(tag) => {
                if !is_core(tag, &["str", "timestamp"]) && tag.suffix != "!" {
                    self.report(mark, format!("unsupported tag {}", quoted(&tag.to_string())));
                }
                Style::Quoted
            }
        }
    }

    fn spend_tree(&mut self, mark: Mark) -> Result<(), Fault> {
        let message = || format!("more than {TREES_MAX} values in one file");
        self.budget.n_trees =
            self.budget.n_trees.checked_sub(1).ok_or_else(|| Fault { mark, message: message() })?;
        Ok(())
    }

    fn spend_aliased(&mut self, tree: &Tree) -> Result<(), Fault> {
        let within = spend(tree, &mut self.budget.n_aliased, &mut self.budget.aliased_bytes);
        within.ok_or_else(|| Fault { mark: tree.mark, message: "aliases stand for too much".to_owned() })
    }

    fn mark(&self, marker: Marker) -> Mark {
        let number = |n: usize| u32::try_from(n).expect("texts are shorter than 2^32");
        Mark { line: self.first_line + number(marker.line().max(1)) - 1, column: number(marker.col()) + 1 }
    }

    fn syntax_fault(&self, error: &ScanError) -> Fault {
        let mark = self.mark(*error.marker());
        let hint = match error.info() {
            "recursion limit exceeded" => return depth_fault(mark),
            "mapping values are not allowed in this context" => {
                ": quote a text that holds `: `, or check the indentation"
            }
            "simple key expected" | "simple key expect ':'" => ": is a `: ` missing after the key",
            info if info.contains("tab") => ": indent with spaces",
            info if info.contains("block mapping") || info.contains("block collection") => {
                ": check the indentation"
            }
            _ => "",
        };
        Fault { mark, message: format!("invalid YAML: {}{hint}", error.info()) }
    }
}

fn depth_fault(mark: Mark) -> Fault {
    Fault { mark, message: format!("nested deeper than {DEPTH_MAX} levels") }
}

fn is_core(tag: &Tag, names: &[&str]) -> bool {
    tag.is_yaml_core_schema() && names.contains(&tag.suffix.as_str())
}

/// Takes a tree's size off what is left, unless it is larger.
fn spend(tree: &Tree, n_trees: &mut usize, n_bytes: &mut usize) -> Option<()> {
    *n_trees = n_trees.checked_sub(1)?;
    match &tree.content {
        Content::Scalar(scalar) => *n_bytes = n_bytes.checked_sub(scalar.text.len())?,
        Content::List(items) => items.iter().try_for_each(|item| spend(item, n_trees, n_bytes))?,
        Content::Map(entries) => entries.iter().try_for_each(|entry| {
            *n_bytes = n_bytes.checked_sub(entry.key.len())?;
            spend(&entry.value, n_trees, n_bytes)
        })?,
    }
    Some(())
}

/// Returns a key, and how it was written where it is taken in another way.
fn key(tree: Tree) -> Result<(Key, Option<Box<str>>), Fault> {
    let mark = tree.mark;
    let Content::Scalar(scalar) = tree.content else {
        let message = "a list or map cannot be a key (a template must be rendered before it is read)";
        return Err(Fault { mark, message: message.to_owned() });
    };
    let is_merge = scalar.style == Style::Plain && &*scalar.text == "<<";
    match key_text(&scalar) {
        Some(Cow::Borrowed(_)) => Ok((Key { text: scalar.text, mark, is_merge }, None)),
        Some(Cow::Owned(text)) if text == *scalar.text => {
            Ok((Key { text: text.into(), mark, is_merge }, None))
        }
        Some(Cow::Owned(text)) => Ok((Key { text: text.into(), mark, is_merge }, Some(scalar.text))),
        None => Err(Fault { mark, message: "a key is missing before the `:`".to_owned() }),
    }
}

/// Entries of a map with merge keys: what comes later overrides what was merged.
#[derive(Default)]
struct Merged {
    entries: Vec<Entry>,
    /// By key, the index of its entry and whether it was written in the map itself.
    places: BTreeMap<Box<str>, (usize, bool)>,
}

impl Merged {
    /// Adds an entry of the map itself, or gives it back with the place of the one before it.
    fn insert(&mut self, entry: Entry) -> Option<(Entry, Mark)> {
        match self.places.get(&entry.key) {
            Some((idx, true)) => return Some((entry, self.entries[*idx].mark)),
            _ => self.put(entry, true),
        }
        None
    }

    /// Adds what a merge key names; earlier maps of a list override later ones. False where it is neither.
    fn merge(&mut self, value: Tree) -> bool {
        match value.content {
            Content::Map(entries) => entries.into_iter().for_each(|entry| self.put(entry, false)),
            Content::List(items) => {
                return items
                    .into_iter()
                    .rev()
                    .all(|item| matches!(item.content, Content::Map(_)) && self.merge(item));
            }
            Content::Scalar(_) => return false,
        }
        true
    }

    fn put(&mut self, entry: Entry, is_own: bool) {
        let idx = self.places.get(&entry.key).map_or(self.entries.len(), |(idx, _)| *idx);
        self.places.insert(entry.key.clone(), (idx, is_own));
        if idx == self.entries.len() {
            self.entries.push(entry);
        } else {
            self.entries[idx] = entry;
        }
    }
}

/// Reads a text that is one document without errors.
#[cfg(test)]
pub(crate) fn test_tree(text: &str) -> Tree {
    let mut diagnostics = Diagnostics::default();
    let mut trees = parse(&"test.yaml".into(), text, &mut diagnostics);
    assert!(diagnostics.is_empty(), "{diagnostics}");
    assert_eq!(trees.len(), 1, "{text}");
    trees.remove(0)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(text: &str) -> (Vec<Value>, String) {
        let mut diagnostics = Diagnostics::default();
        let trees = parse(&"f".into(), text, &mut diagnostics);
        (trees.iter().map(Tree::to_json).collect(), diagnostics.to_string())
    }

    #[track_caller]
    fn check(text: &str, value: Value) {
        assert_eq!(read(text), (vec![value], String::new()), "{text}");
    }

    #[track_caller]
    fn check_fault(text: &str, line: &str) {
        let (_, lines) = read(text);
        assert_eq!(lines.trim_end(), line, "{text}");
    }

    #[test]
    fn every_part_knows_its_place() {
        let tree = test_tree("# c\na: 1\nlist:\n- x\n- {k: \"é\", l: [y]}\n");
        let place = |mark: Mark| (mark.line, mark.column);
        assert_eq!(place(tree.mark), (2, 1));
        assert_eq!(place(tree.entry("list").unwrap().mark), (3, 1));
        let items = tree.get("list").unwrap().items();
        assert_eq!((place(items[0].mark), place(items[1].mark)), ((4, 3), (5, 3)));
        assert_eq!(place(items[1].entry("l").unwrap().mark), (5, 12));
        assert_eq!(place(items[1].get("l").unwrap().items()[0].mark), (5, 16));
    }

    #[test]
    fn a_text_is_cut_into_documents() {
        let (values, lines) =
            read("# only a comment\n---\na: 1\n--- # two\nb: 2\n---\n---\n...\n---\n- c\n...\nd\n");
        assert_eq!(values, [json!({"a": 1}), json!({"b": 2}), json!(["c"]), json!("d")]);
        assert_eq!(lines, "");
        check("%YAML 1.1\n---\na: |\n  x\n  ---\n  y\n", json!({"a": "x\n---\ny\n"}));
        check("a: 1\r\nb: yes\r\n", json!({"a": 1, "b": true}));
        check("--- {a: ---}\n", json!({"a": "---"}));
        check("a: x---\n", json!({"a": "x---"}));
        check("---a: 1", json!({"---a": 1}));
        assert_eq!(read("").0, [] as [Value; 0]);
    }

    #[test]
    fn a_mistake_in_one_document_hides_nothing_in_the_others() {
        let (values, lines) = read("a: b: c\n---\nok: 1\n---\n- x: [\n---\na: 1\na: 2\n");
        assert_eq!(values, [json!({"ok": 1}), json!({"a": 1})]);
        let starts: Vec<&str> = lines.lines().map(|line| &line[..6]).collect();
        assert_eq!(starts, ["f:1:5:", "f:6:1:", "f:8:1:"], "{lines}");
    }

    #[test]
    fn keys_given_twice_are_errors_with_their_path() {
        check_fault("a: 1\nb: 2\na: 3\n", "f:3:1: a: duplicate key `a`, first given on line 1");
        check_fault(
            "s: [{}, {k: {x: 1, x: 2}}]\n",
            "f:1:20: s[1].k.x: duplicate key `x`, first given on line 1",
        );
        check_fault("true: 1\n\"true\": 2\n", "f:2:1: true: duplicate key `true`, first given on line 1");
        let many: String = (0..50).map(|n| format!("k{}: {n}\n", n % 49)).collect();
        check_fault(&many, "f:50:1: k0: duplicate key `k0`, first given on line 1");
    }

    #[test]
    fn anchors_aliases_and_merge_keys_are_written_out() {
        check(
            "a: &x {k: 1}\nb: *x\nc: [*x, *x]",
            json!({"a": {"k": 1}, "b": {"k": 1}, "c": [{"k": 1}, {"k": 1}]}),
        );
        check("a: &x k\n*x : 1", json!({"a": "k", "k": 1}));
        check("{a: 1, <<: {a: 2}}", json!({"a": 2}));
        check("{<<: {a: 2}, a: 1}", json!({"a": 1}));
        check("{<<: [{a: 2}, {a: 3, b: 1}], c: 1}", json!({"a": 2, "b": 1, "c": 1}));
        check("{<<: {a: 1}, <<: {a: 2, b: 3}}", json!({"a": 2, "b": 3}));
        check("{\"<<\": {a: 1}}", json!({"<<": {"a": 1}}));
        check_fault("{<<: 1}", "f:1:2: expected a map or a list of maps to merge");
        check_fault("x: {<<: {a: 1}, a: 2, a: 3}", "f:1:23: x.a: duplicate key `a`, first given on line 1");
        check_fault("a: &a [1, *a]", "f:1:11: an alias inside what it stands for");
        check_fault("a: &x 1\n...\nb: *x", "f:3:4: an alias of an anchor in another document");
        check_fault("a: *x", "f:1:4: invalid YAML: while parsing node, found unknown anchor");
    }

    #[test]
    fn tags_of_the_core_schema_are_followed_and_others_refused() {
        check(
            "{a: !!str 12, b: !!int \"12\", c: !!float 1, d: !!null \"\", e: !!map {}, f: ! 12}",
            json!({"a": "12", "b": 12, "c": 1, "d": null, "e": {}, "f": "12"}),
        );
        check_fault("a: !env X", "f:1:4: a: unsupported tag `!env`");
        check_fault("a: !!binary aGk=", "f:1:4: a: unsupported tag `tag:yaml.org,2002:!binary`");
        check_fault("- !x {}", "f:1:3: [0]: unsupported tag `!x`");
    }

    #[test]
    fn keys_are_scalars() {
        check("{1: a, true: b, 1.5: c}", json!({"1": "a", "true": "b", "1.5": "c"}));
        let (values, lines) = read("a: [{y: 1, 0x10: 2}]");
        assert_eq!(values, [json!({"a": [{"true": 1, "16": 2}]})]);
        assert_eq!(
            lines,
            "f:1:6: warning: a[0].true: the key `y` is taken as `true`; quote it to keep it\n\
             f:1:12: warning: a[0].16: the key `0x10` is taken as `16`; quote it to keep it\n"
        );
        check_fault(
            "a: {{ .Values.x }}",
            "f:1:5: a list or map cannot be a key (a template must be rendered before it is read)",
        );
        check_fault("~: 1", "f:1:1: a key is missing before the `:`");
    }

    #[test]
    fn mistakes_come_with_a_hint() {
        check_fault(
            "a: b: c",
            "f:1:5: invalid YAML: mapping values are not allowed in this context: quote a text that holds `: `, or check \
             the indentation",
        );
        check_fault(
            "a:\n\tb: 1",
            "f:2:2: invalid YAML: tabs disallowed within this context (block indentation): indent with spaces",
        );
    }

    #[test]
    fn bombs_are_refused() {
        let deep = format!("nested deeper than {DEPTH_MAX} levels");
        for text in ["[".repeat(1_000_000), "- ".repeat(1_000_000), "{a: ".repeat(100_000)] {
            let (values, lines) = read(&text);
            assert!(values.is_empty() && lines.trim_end().ends_with(&deep), "{lines}");
        }
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..20 {
            let alias = format!("*a{}, ", level - 1).repeat(10);
            bomb.push_str(&format!("a{level}: &a{level} [{alias}]\n"));
        }
        assert!(read(&bomb).1.contains("aliases stand for too much"), "{}", read(&bomb).1);
        let wide = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), "*a, ".repeat(100));
        assert!(read(&wide).1.contains("aliases stand for too much"));
        assert!(read(&format!("- [{}]", "1,".repeat(COMMAS_MAX + 1))).1.contains("commas"));
    }
}
