//! The text of kubectl in pieces of an object each, so that a large cluster need not be held at once.
//!
//! kubectl writes the items of a list in YAML at the beginning of the line, each after `- `. A text in any other shape
//! (documents, JSON) is cut at its documents.

use std::io::BufRead;

use crate::import::ImportError;

/// The longest piece [bytes]: what the reader takes at most.
const CHUNK_BYTES_MAX: usize = crate::manifest::limits::TEXT_BYTES_MAX;

/// A piece of the text.
pub(super) struct Chunk {
    /// The piece.
    pub(super) text: String,
    /// How many lines stand before it.
    pub(super) lines_before: u32,
}

/// The pieces of a text, one at a time.
pub(super) struct Chunks<R> {
    reader: R,
    /// The line that begins the next piece.
    held: Option<String>,
    /// How many lines were read.
    n_lines: u32,
    is_in_items: bool,
}

impl<R: BufRead> Chunks<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, held: None, n_lines: 0, is_in_items: false }
    }

    /// The next piece; `None` at the end.
    pub(super) fn next_chunk(&mut self) -> Result<Option<Chunk>, ImportError> {
        let mut text = String::new();
        let mut lines_before = self.n_lines;
        if let Some(held) = self.held.take() {
            text.push_str(&held);
            lines_before -= 1;
        }
        let mut line = Vec::new();
        loop {
            line.clear();
            if self.reader.read_until(b'\n', &mut line)? == 0 {
                break;
            }
            self.n_lines += 1;
            let line = std::str::from_utf8(&line)
                .map_err(|_| ImportError::Input(format!("line {} is not UTF-8", self.n_lines)))?;
            if line.trim_end() == "items:" {
                self.is_in_items = true;
                // What stands before it makes no document with what stands after it.
                text.clear();
                lines_before = self.n_lines;
                continue;
            }
            if line.starts_with("---") {
                self.is_in_items = false;
            }
            let begins_item = self.is_in_items && line.starts_with("- ");
            let ends_items =
                self.is_in_items && !begins_item && !line.starts_with([' ', '#']) && !line.trim().is_empty();
            self.is_in_items &= !ends_items;
            let begins = begins_item || ends_items || line.starts_with("---");
            let own = if begins_item { line.replacen('-', " ", 1) } else { line.to_owned() };
            if begins && !text.trim().is_empty() {
                self.held = Some(own);
                return Ok(Some(Chunk { text, lines_before }));
            }
            text.push_str(&own);
            if text.len() > CHUNK_BYTES_MAX {
                let message = format!("an object or document of more than {} MiB", CHUNK_BYTES_MAX >> 20);
                return Err(ImportError::Input(format!("{message}, up to line {}", self.n_lines)));
            }
        }
        let is_over = text.trim().is_empty();
        Ok((!is_over).then_some(Chunk { text, lines_before }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(u32, &str)]) {
        let mut chunks = Chunks::new(text.as_bytes());
        let mut found = Vec::new();
        while let Some(chunk) = chunks.next_chunk().unwrap() {
            found.push((chunk.lines_before, chunk.text));
        }
        let found: Vec<_> = found.iter().map(|(line, text)| (*line, text.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_items_of_a_list_are_pieces_and_so_are_documents() {
        check(
            "apiVersion: v1\nitems:\n- a: 1\n  b:\n  - c\n- a: 2\nkind: List\nmetadata:\n  r: \"\"\n",
            &[(2, "  a: 1\n  b:\n  - c\n"), (5, "  a: 2\n"), (6, "kind: List\nmetadata:\n  r: \"\"\n")],
        );
        check("a: 1\n---\nb: 2\n", &[(0, "a: 1\n"), (1, "---\nb: 2\n")]);
        check("{\"items\": [\n]}\n", &[(0, "{\"items\": [\n]}\n")]);
    }
}
