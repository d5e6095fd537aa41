//! Lines and their cells, with places; rows that are wrong; what is left out, counted.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{BufRead, Read};
use std::sync::Arc;

use crate::import::{ImportError, counted};
use crate::manifest::diagnostic::{Diagnostic, Diagnostics, Mark, Place};

/// The longest line that is read [bytes].
const LINE_BYTES_MAX: u64 = 1 << 20;

/// What becomes of rows that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnBadRow {
    /// Nothing is imported.
    Refuse,
    /// They are left out, counted and listed.
    Skip,
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where, in characters from 1.
    pub column: u32,
    /// What was found, and what was expected.
    pub message: String,
}

/// A cell of a row and where it begins, in characters from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell<'a> {
    /// Where it begins.
    pub column: u32,
    /// Its text, without quotes and the space around it.
    pub text: Cow<'a, str>,
}

/// The lines of a text, one at a time.
pub struct Lines<R> {
    reader: R,
    line: Vec<u8>,
    number: u32,
}

impl<R: BufRead> Lines<R> {
    /// The lines of what a reader gives.
    pub fn new(reader: R) -> Self {
        Self { reader, line: Vec::new(), number: 0 }
    }

    /// The next line that is not blank, with its number; `None` at the end.
    ///
    /// # Errors
    /// When it cannot be read, or is longer than a line can be.
    pub fn next_line(&mut self) -> Result<Option<(u32, Cow<'_, str>)>, ImportError> {
        loop {
            self.line.clear();
            let n_bytes = self.reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut self.line)?;
            if n_bytes == 0 {
                return Ok(None);
            }
            self.number += 1;
            if n_bytes as u64 == LINE_BYTES_MAX && self.line.last() != Some(&b'\n') {
                return Err(ImportError::Input(format!("line {} is longer than 1 MiB", self.number)));
            }
            if !self.line.iter().all(u8::is_ascii_whitespace) {
                break;
            }
        }
        let text = self.line.strip_prefix(b"\xef\xbb\xbf").filter(|_| self.number == 1).unwrap_or(&self.line);
        let end = text.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r')).map_or(0, |last| last + 1);
        Ok(Some((self.number, String::from_utf8_lossy(&text[..end]))))
    }
}

/// The cells of a row between commas. A cell may stand in double quotes; a quote in it is doubled.
///
/// # Errors
/// A quoted cell that does not end in its line, or not before a comma.
pub fn comma_cells(line: &str) -> Result<Vec<Cell<'_>>, Fault> {
    let mut cells = Vec::new();
    let (mut rest, mut column) = (line, 1);
    loop {
        let blank = rest.len() - rest.trim_start().len();
        let begin = column + rest[..blank].chars().count() as u32;
        let (text, length) = match rest[blank..].strip_prefix('"') {
            Some(quoted) => {
                let fault = |message: &str| Fault { column: begin, message: message.to_owned() };
                let (text, length) = quoted_text(quoted)
                    .ok_or_else(|| fault("a quoted cell that does not end in its line"))?;
                let after = &quoted[length..];
                let next = after.find(',').unwrap_or(after.len());
                if !after[..next].trim().is_empty() {
                    return Err(fault("expected a comma after a quoted cell"));
                }
                (text, blank + 1 + length + next)
            }
            None => {
                let length = rest.find(',').unwrap_or(rest.len());
                (Cow::Borrowed(rest[..length].trim()), length)
            }
        };
        let begin = if text.is_empty() { column } else { begin };
        cells.push(Cell { column: begin, text });
        if length == rest.len() {
            return Ok(cells);
        }
        column += rest[..=length].chars().count() as u32;
        rest = &rest[length + 1..];
    }
}

/// The text of a cell whose opening quote was read, and its length with the closing quote [bytes].
fn quoted_text(text: &str) -> Option<(Cow<'_, str>, usize)> {
    let mut from = 0;
    loop {
        let quote = from + text[from..].find('"')?;
        if text[quote + 1..].starts_with('"') {
            from = quote + 2;
            continue;
        }
        let inner = &text[..quote];
        let inner =
            if inner.contains('"') { Cow::Owned(inner.replace("\"\"", "\"")) } else { Cow::Borrowed(inner) };
        return Some((inner, quote + 1));
    }
}

/// The cells of a row between blanks.
pub fn blank_cells(line: &str) -> Vec<Cell<'_>> {
    let mut cells = Vec::new();
    let mut begin = None;
    let mut column = 0;
    for (at, c) in line.char_indices().chain([(line.len(), ' ')]) {
        column += 1;
        match (begin, c.is_whitespace()) {
            (None, false) => begin = Some((at, column)),
            (Some((from, first)), true) => {
                cells.push(Cell { column: first, text: Cow::Borrowed(&line[from..at]) });
                begin = None;
            }
            _ => {}
        }
    }
    cells
}

impl Cell<'_> {
    /// Makes a fault of this cell.
    pub fn fault(&self, expected: &str) -> Fault {
        Fault { column: self.column, message: format!("expected {expected}, found {:?}", self.text) }
    }

    /// The cell as a whole number.
    ///
    /// # Errors
    /// When it is none.
    pub fn whole<T: std::str::FromStr>(&self, expected: &str) -> Result<T, Fault> {
        self.text.parse().map_err(|_| self.fault(expected))
    }

    /// The cell as a number.
    ///
    /// # Errors
    /// When it is none, or none that is finite.
    pub fn number(&self, expected: &str) -> Result<f64, Fault> {
        let number: Option<f64> = self.text.parse().ok();
        number.filter(|number| number.is_finite()).ok_or_else(|| self.fault(expected))
    }
}

/// What is known of an input besides its rows.
#[derive(Debug)]
pub struct Intake {
    file: Arc<str>,
    on_bad_row: OnBadRow,
    diagnostics: Diagnostics,
    n_rows: usize,
    n_bad: usize,
    /// The first bad row beyond those that are shown.
    next_bad: Option<Place>,
    left_out: BTreeMap<String, usize>,
}

/// A file of another form is wrong in every row: so many are told one by one.
const BAD_ROWS_SHOWN_MAX: usize = 20;

impl Intake {
    /// The intake of a file of this name.
    pub fn new(file: &str, on_bad_row: OnBadRow) -> Self {
        Self {
            file: file.into(),
            on_bad_row,
            diagnostics: Diagnostics::default(),
            n_rows: 0,
            n_bad: 0,
            next_bad: None,
            left_out: BTreeMap::new(),
        }
    }

    /// Goes on with another file.
    pub fn begin_file(&mut self, file: &str) {
        self.file = file.into();
    }

    /// Takes a row that was read, or what is wrong with it; `None` where there is no row to go on with.
    pub fn take<T>(&mut self, line: u32, row: Result<T, Fault>) -> Option<T> {
        self.n_rows += 1;
        match row {
            Ok(row) => Some(row),
            Err(fault) => {
                self.n_bad += 1;
                self.push(line, fault);
                None
            }
        }
    }

    /// Keeps what is wrong with a row; of many the place of the first that is not kept.
    fn push(&mut self, line: u32, fault: Fault) {
        let place = Place { file: Arc::clone(&self.file), mark: Mark { line, column: fault.column } };
        match self.n_bad {
            ..=BAD_ROWS_SHOWN_MAX => self.report(place, fault.message),
            _ if self.next_bad.is_none() => self.next_bad = Some(place),
            _ => {}
        }
    }

    fn report(&mut self, place: Place, message: String) {
        self.diagnostics.push(match self.on_bad_row {
            OnBadRow::Refuse => Diagnostic::error(place, message),
            OnBadRow::Skip => Diagnostic::warning(place, format!("skipped: {message}")),
        });
    }

    /// Refuses the file for something that no row can be skipped for.
    pub fn refuse(&self, line: u32, fault: Fault) -> ImportError {
        let place = Place { file: Arc::clone(&self.file), mark: Mark { line, column: fault.column } };
        let mut diagnostics = Diagnostics::default();
        diagnostics.push(Diagnostic::error(place, fault.message));
        ImportError::Rows(diagnostics)
    }

    /// Counts a row that is right and of no use.
    pub fn leave_out(&mut self, why: &str) {
        *self.left_out.entry(why.to_owned()).or_default() += 1;
    }

    /// What is to be said of the rows.
    ///
    /// # Errors
    /// The rows that were wrong, where they are not to be skipped; or that there was none at all.
    pub fn finish(mut self, noun: &str) -> Result<Vec<String>, ImportError> {
        if let Some(place) = self.next_bad.take() {
            let n_more = self.n_bad - BAD_ROWS_SHOWN_MAX;
            self.report(place, format!("{} from here on", counted(n_more, "more bad row")));
        }
        if self.diagnostics.has_errors() {
            return Err(ImportError::Rows(self.diagnostics));
        }
        let n_left_out: usize = self.left_out.values().sum();
        let n_kept = self.n_rows - self.n_bad - n_left_out;
        if n_kept == 0 {
            return Err(ImportError::Input(format!("{}: no {noun} in it", self.file)));
        }
        let mut notes =
            vec![format!("{} read, {} imported", counted(self.n_rows, "row"), counted(n_kept, noun))];
        notes.extend(self.left_out.iter().map(|(why, count)| format!("left out: {count}: {why}")));
        if self.n_bad > 0 {
            notes.push(format!("skipped: {} that cannot be read", self.n_bad));
        }
        notes.extend(self.diagnostics.to_string().lines().map(str::to_owned));
        Ok(notes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: &[(u32, &str)]) {
        let cells = comma_cells(line).unwrap();
        let cells: Vec<_> = cells.iter().map(|cell| (cell.column, &*cell.text)).collect();
        assert_eq!(cells, expected, "{line}");
    }

    #[test]
    fn cells_have_their_columns_and_quotes_may_hold_commas() {
        check("a,b", &[(1, "a"), (3, "b")]);
        check("ä, bc ,", &[(1, "ä"), (4, "bc"), (8, "")]);
        check(r#""a,b",c"#, &[(1, "a,b"), (7, "c")]);
        check(r#"x, "say ""hi""" ,y"#, &[(1, "x"), (4, r#"say "hi""#), (18, "y")]);
        for (line, column, part) in [(r#"a,"b"#, 3, "does not end"), (r#""a"b,c"#, 1, "a comma")] {
            let fault = comma_cells(line).unwrap_err();
            assert!(fault.column == column && fault.message.contains(part), "{fault:?}");
        }
        let cells = blank_cells("  1  -1\t30 ");
        let cells: Vec<_> = cells.iter().map(|cell| (cell.column, &*cell.text)).collect();
        assert_eq!(cells, [(3, "1"), (6, "-1"), (9, "30")]);
    }

    #[test]
    fn of_many_bad_rows_the_first_are_told_and_the_rest_is_counted() {
        let mut intake = Intake::new("f", OnBadRow::Refuse);
        for line in 1..=100 {
            assert!(intake.take::<()>(line, Err(Fault { column: 3, message: "odd".to_owned() })).is_none());
        }
        let error = intake.finish("pod").unwrap_err().to_string();
        let lines: Vec<&str> = error.lines().collect();
        assert_eq!(
            (lines.len(), lines[0], lines[20]),
            (21, "f:1:3: odd", "f:21:3: 80 more bad rows from here on")
        );
    }

    #[test]
    fn a_line_has_an_end_and_blank_ones_are_passed_over() {
        let mut lines = Lines::new("\u{feff}a\r\n\n \nb".as_bytes());
        let mut read = Vec::new();
        while let Some((number, line)) = lines.next_line().unwrap() {
            read.push((number, line.into_owned()));
        }
        assert_eq!(read, [(1, "a".to_owned()), (4, "b".to_owned())]);
        let long = vec![b'x'; 1 << 21];
        assert_eq!(Lines::new(&*long).next_line().unwrap_err().to_string(), "line 1 is longer than 1 MiB");
    }
}
