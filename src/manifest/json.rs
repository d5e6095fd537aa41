//! JSON text to trees.
//!
//! JSON is almost YAML, but `\/` and surrogate pairs are not, and the YAML parser holds a whole flow collection in
//! memory; so a JSON text has its own reader. It follows RFC 8259, takes several values in one text as kubectl does,
//! and stops at the first mistake.

use std::sync::Arc;

use crate::manifest::diagnostic::{Diagnostic, Diagnostics, Mark, Place, quoted};
use crate::manifest::limits::{DEPTH_MAX, TREES_MAX};
use crate::manifest::scalar::{Scalar, Style};
use crate::manifest::tree::{Content, Entry, Tree, duplicates, without_duplicates};

/// Reads all values of a text; keys given twice are reported and the first kept.
///
/// # Errors
/// The first place where the text is no JSON; what was reported before it is in `diagnostics`.
pub fn parse(file: &Arc<str>, text: &str, diagnostics: &mut Diagnostics) -> Result<Vec<Tree>, Diagnostic> {
    let mut reader = Reader {
        text,
        at: 0,
        line: 1,
        column: 1,
        marked: 0,
        path: Vec::new(),
        n_trees: 0,
        repeats: Vec::new(),
    };
    let mut trees = Vec::new();
    let result = loop {
        reader.skip_blanks();
        if reader.at == text.len() {
            break Ok(());
        }
        match reader.value() {
            Ok(tree) => trees.push(tree),
            Err(message) => break Err(message),
        }
    };
    let place = |mark| Place { file: Arc::clone(file), mark };
    if let Err(message) = result {
        return Err(Diagnostic::error(place(reader.mark()), message));
    }
    for Repeat { path, key, mark, first } in reader.repeats {
        let message = format!("duplicate key {}, first given on line {}", quoted(&key), first.line);
        diagnostics.push(Diagnostic::error(place(mark), message).at(path));
    }
    trees.retain(|tree| !tree.is_null());
    Ok(trees)
}

/// A key that is given twice in one object.
struct Repeat {
    path: String,
    key: Box<str>,
    mark: Mark,
    first: Mark,
}

/// A step from a value to one in it.
enum Step {
    Key(Box<str>),
    Index(usize),
}

struct Reader<'a> {
    text: &'a str,
    /// The next byte.
    at: usize,
    line: u32,
    /// The column of the byte `marked`.
    column: u32,
    /// The byte up to which columns are counted, in the line that `at` is in.
    marked: usize,
    /// The way to the value that is being read.
    path: Vec<Step>,
    n_trees: usize,
    repeats: Vec<Repeat>,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while let Some(byte @ (b' ' | b'\t' | b'\n' | b'\r')) = self.peek() {
            self.at += 1;
            if byte == b'\n' {
                self.line += 1;
                self.column = 1;
                self.marked = self.at;
            }
        }
    }

    /// Where the next byte stands.
    fn mark(&mut self) -> Mark {
        let n_chars = self.text[self.marked..self.at].chars().count();
        self.column += u32::try_from(n_chars).expect("texts are shorter than 2^32");
        self.marked = self.at;
        Mark { line: self.line, column: self.column }
    }

    fn value(&mut self) -> Result<Tree, String> {
        self.n_trees += 1;
        if self.n_trees > TREES_MAX {
            return Err(format!("more than {TREES_MAX} values in one file"));
        }
        let mark = self.mark();
        let content = match self.peek() {
            Some(b'{') => Content::Map(self.nested(Self::object)?),
            Some(b'[') => Content::List(self.nested(Self::array)?),
            Some(b'"') => Content::Scalar(Scalar::quoted(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => self.literal()?,
        };
        Ok(Tree { mark, content })
    }

    fn nested<T>(&mut self, read: impl Fn(&mut Self) -> Result<T, String>) -> Result<T, String> {
        if self.path.len() == DEPTH_MAX {
            return Err(format!("nested deeper than {DEPTH_MAX} levels"));
        }
        self.at += 1;
        self.skip_blanks();
        read(self)
    }

    fn array(&mut self) -> Result<Vec<Tree>, String> {
        let mut items = Vec::new();
        if self.takes(b']') {
            return Ok(items);
        }
        loop {
            self.path.push(Step::Index(items.len()));
            items.push(self.value()?);
            self.path.pop();
            self.skip_blanks();
            if self.takes(b']') {
                return Ok(items);
            }
            self.expect(b',', "`,` or `]`")?;
            self.skip_blanks();
        }
    }

    fn object(&mut self) -> Result<Vec<Entry>, String> {
        let mut entries = Vec::new();
        if self.takes(b'}') {
            return Ok(entries);
        }
        loop {
            let mark = self.mark();
            if self.peek() != Some(b'"') {
                return Err(self.expected("a key in double quotes"));
            }
            let key = self.string()?;
            self.skip_blanks();
            self.expect(b':', "`:`")?;
            self.skip_blanks();
            self.path.push(Step::Key(key));
            let value = self.value()?;
            if let Some(Step::Key(key)) = self.path.pop() {
                entries.push(Entry { key, mark, value });
            }
            self.skip_blanks();
            if self.takes(b'}') {
                break;
            }
            self.expect(b',', "`,` or `}`")?;
            self.skip_blanks();
        }
        let duplicates = duplicates(&entries);
        for (first, second) in &duplicates {
            let key = entries[*second].key.clone();
            let path = self.path_to(&key);
            self.repeats.push(Repeat { path, key, mark: entries[*second].mark, first: entries[*first].mark });
        }
        Ok(without_duplicates(entries, &duplicates))
    }

    fn path_to(&self, key: &str) -> String {
        let steps = self.path.iter().map(|step| match step {
            Step::Key(key) => format!("{key}."),
            Step::Index(idx) => format!("[{idx}]."),
        });
        steps.chain([key.to_owned()]).collect::<String>().replace(".[", "[")
    }

    fn takes(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, byte: u8, what: &str) -> Result<(), String> {
        if self.takes(byte) { Ok(()) } else { Err(self.expected(what)) }
    }

    fn expected(&self, what: &str) -> String {
        match self.text[self.at..].chars().next() {
            Some(found) => {
                format!("invalid JSON: expected {what}, found {}", quoted(found.encode_utf8(&mut [0; 4])))
            }
            None => format!("invalid JSON: expected {what}, found the end of the text"),
        }
    }

    fn literal(&mut self) -> Result<Content, String> {
        for text in ["null", "true", "false"] {
            if self.text[self.at..].starts_with(text) {
                self.at += text.len();
                return Ok(Content::Scalar(Scalar { text: text.into(), style: Style::Json }));
            }
        }
        Err(self.expected("a value"))
    }

    fn number(&mut self) -> Result<Content, String> {
        let start = self.at;
        self.takes(b'-');
        if !self.takes(b'0') {
            self.digits()?;
        }
        if self.takes(b'.') {
            self.digits()?;
        }
        if self.takes(b'e') || self.takes(b'E') {
            let _ = self.takes(b'-') || self.takes(b'+');
            self.digits()?;
        }
        let text = self.text[start..self.at].into();
        Ok(Content::Scalar(Scalar { text, style: Style::Json }))
    }

    fn digits(&mut self) -> Result<(), String> {
        let n_digits =
            self.text.as_bytes()[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += n_digits;
        if n_digits == 0 { Err(self.expected("a digit")) } else { Ok(()) }
    }

    /// Reads a string; the next byte is its opening quote.
    fn string(&mut self) -> Result<Box<str>, String> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = &self.text[self.at..];
            let Some(n_plain) = rest.bytes().position(|byte| matches!(byte, b'"' | b'\\') || byte < 0x20)
            else {
                self.at = self.text.len();
                return Err(self.expected("`\"`"));
            };
            text.push_str(&rest[..n_plain]);
            self.at += n_plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text.into());
                }
                Some(b'\\') => text.push(self.escape()?),
                _ => return Err(self.expected("an escape such as `\\n` in place of a control character")),
            }
        }
    }

    /// Reads an escape; the next byte is its backslash.
    fn escape(&mut self) -> Result<char, String> {
        let escaped = self.text.as_bytes().get(self.at + 1);
        let character = match escaped {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(*byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            _ => return Err("invalid JSON: unknown escape after `\\`".to_owned()),
        };
        self.at += 2;
        Ok(character)
    }

    /// Reads `\uXXXX`, or two of them that are a surrogate pair.
    fn unicode_escape(&mut self) -> Result<char, String> {
        let first = self.code_unit()?;
        let mut units = vec![first];
        if (0xd800..0xdc00).contains(&first) && self.text[self.at..].starts_with("\\u") {
            units.push(self.code_unit()?);
        }
        let mut characters = char::decode_utf16(units);
        match (characters.next(), characters.next()) {
            (Some(Ok(character)), None) => Ok(character),
            _ => Err("invalid JSON: half a surrogate pair in a `\\u` escape".to_owned()),
        }
    }

    fn code_unit(&mut self) -> Result<u16, String> {
        let digits =
            self.text.get(self.at + 2..self.at + 6).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        let unit = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok());
        self.at += if unit.is_some() { 6 } else { 0 };
        unit.ok_or_else(|| "invalid JSON: expected four hexadecimal digits after `\\u`".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(text: &str) -> Result<Vec<Value>, String> {
        let mut diagnostics = Diagnostics::default();
        let trees = parse(&"f".into(), text, &mut diagnostics).map_err(|error| error.to_string())?;
        if !diagnostics.is_empty() {
            return Err(diagnostics.to_string());
        }
        Ok(trees.iter().map(Tree::to_json).collect())
    }

    #[test]
    fn json_is_read_as_it_stands() {
        let text = "{\"a\\/b\": \"\\ud83d\\ude00 \\u00e9\\n\\\"\",\n\t\"n\": [0, -1.5, 1e3, true, false, null, {}, []]}";
        assert_eq!(
            read(text),
            Ok(vec![json!({"a/b": "😀 é\n\"", "n": [0, -1.5, 1000.0, true, false, null, {}, []]})])
        );
        assert_eq!(read("{} [1]\n\"x\" null"), Ok(vec![json!({}), json!([1]), json!("x")]));
    }

    #[test]
    fn every_part_knows_its_place() {
        let mut diagnostics = Diagnostics::default();
        let trees = parse(&"f".into(), "{\n \"é\": [1,\n  {\"b\": \"x\"}]}", &mut diagnostics).unwrap();
        let place = |mark: Mark| (mark.line, mark.column);
        let entry = trees[0].entry("é").unwrap();
        assert_eq!((place(entry.mark), place(entry.value.mark)), ((2, 2), (2, 7)));
        let items = entry.value.items();
        assert_eq!((place(items[0].mark), place(items[1].mark)), ((2, 8), (3, 3)));
        assert_eq!(place(items[1].get("b").unwrap().mark), (3, 9));
    }

    #[test]
    fn the_first_mistake_is_named() {
        for (text, line) in [
            ("{a: 1}", "f:1:2: invalid JSON: expected a key in double quotes, found `a`"),
            ("[1,]", "f:1:4: invalid JSON: expected a value, found `]`"),
            ("[1 2]", "f:1:4: invalid JSON: expected `,` or `]`, found `2`"),
            ("{\"a\" 1}", "f:1:6: invalid JSON: expected `:`, found `1`"),
            ("[01]", "f:1:3: invalid JSON: expected `,` or `]`, found `1`"),
            ("[-]", "f:1:3: invalid JSON: expected a digit, found `]`"),
            ("[1.]", "f:1:4: invalid JSON: expected a digit, found `]`"),
            ("\"abc", "f:1:5: invalid JSON: expected `\"`, found the end of the text"),
            ("[\"\\ud83d\"]", "f:1:9: invalid JSON: half a surrogate pair in a `\\u` escape"),
            ("[\"\\u00zz\"]", "f:1:3: invalid JSON: expected four hexadecimal digits after `\\u`"),
            ("[\"\\x\"]", "f:1:3: invalid JSON: unknown escape after `\\`"),
            (
                "[\"\n\"]",
                "f:1:3: invalid JSON: expected an escape such as `\\n` in place of a control character, found `\\n`",
            ),
            ("[", "f:1:2: invalid JSON: expected a value, found the end of the text"),
            (
                "[{\"b\": {\"a\": 1, \"a\": 2}}]",
                "f:1:17: [0].b.a: duplicate key `a`, first given on line 1\n",
            ),
        ] {
            assert_eq!(read(text), Err(line.to_owned()), "{text}");
        }
        let deep = read(&"[".repeat(1_000_000)).unwrap_err();
        assert_eq!(deep, format!("f:1:{}: nested deeper than {DEPTH_MAX} levels", DEPTH_MAX + 1));
    }
}
