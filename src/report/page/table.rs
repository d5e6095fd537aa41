//! Tables of a page: sortable with scripts, complete without.

use maud::{Markup, html};

/// Longer tables are cut; the data has all rows.
pub const ROWS_MAX: usize = 200;

/// Longer tables scroll in a frame of their own.
const LONG: usize = 25;

/// A table of a page.
#[derive(Debug, Clone, PartialEq)]
pub struct DataTable {
    /// What it lists.
    pub caption: String,
    /// The heads.
    pub heads: Vec<Head>,
    /// The rows, a cell for each head.
    pub rows: Vec<Vec<Cell>>,
    /// The dataset with all rows.
    pub data: Option<String>,
}

/// The head of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// What is written there.
    pub text: String,
    /// Whether numbers stand below it.
    pub kind: HeadKind,
}

/// What stands in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadKind {
    /// Text: to the left, sorted by name.
    Text,
    /// Numbers: to the right, sorted by size.
    Number,
    /// Code: expressions and names that may be broken anywhere.
    Code,
}

/// A cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// What is written there.
    pub text: String,
    /// What it is sorted by, where that is a number.
    pub sort: Option<f64>,
    /// Whether it is good or bad.
    pub tone: Tone,
}

/// Whether something is good or bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// Neither.
    #[default]
    Plain,
    /// As one would wish.
    Good,
    /// As one would not.
    Bad,
}

impl Tone {
    /// The class in the style sheet.
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Good => "good",
            Self::Bad => "bad",
        }
    }
}

impl Head {
    /// A column of text.
    pub fn text(text: &str) -> Self {
        Self { text: text.to_owned(), kind: HeadKind::Text }
    }

    /// A column of code.
    pub fn code(text: &str) -> Self {
        Self { text: text.to_owned(), kind: HeadKind::Code }
    }

    /// A column of numbers.
    pub fn number(text: &str) -> Self {
        Self { text: text.to_owned(), kind: HeadKind::Number }
    }
}

impl Cell {
    /// A cell of text.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), sort: None, tone: Tone::Plain }
    }

    /// A cell that is sorted by a number.
    pub fn number(text: impl Into<String>, sort: f64) -> Self {
        Self { text: text.into(), sort: Some(sort), tone: Tone::Plain }
    }

    /// A count.
    pub fn count(count: impl Into<f64> + ToString) -> Self {
        Self::number(count.to_string(), count.into())
    }

    /// An empty cell.
    pub fn none() -> Self {
        Self::text("")
    }

    /// The same, good or bad.
    pub fn toned(self, tone: Tone) -> Self {
        Self { tone, ..self }
    }
}

impl DataTable {
    /// A table without rows.
    pub fn new(caption: &str, heads: Vec<Head>) -> Self {
        Self { caption: caption.to_owned(), heads, rows: Vec::new(), data: None }
    }

    /// The same, with the dataset that has all rows.
    pub fn with_data(self, name: &str) -> Self {
        Self { data: Some(name.to_owned()), ..self }
    }

    /// Adds a row; it has as many cells as there are heads.
    pub fn row(&mut self, cells: impl Into<Vec<Cell>>) {
        let cells = cells.into();
        debug_assert_eq!(cells.len(), self.heads.len(), "{}: a row has a cell for each head", self.caption);
        self.rows.push(cells);
    }

    /// Leaves out the columns of which all cells are empty.
    #[must_use]
    pub fn without_empty_columns(mut self) -> Self {
        let is_used = |column: usize| self.rows.iter().any(|row| !row[column].text.is_empty());
        let used: Vec<bool> = (0..self.heads.len()).map(is_used).collect();
        retain(&mut self.heads, &used);
        self.rows.iter_mut().for_each(|row| retain(row, &used));
        self
    }

    /// As HTML.
    pub(super) fn markup(&self) -> Markup {
        let n_shown = self.rows.len().min(ROWS_MAX);
        html! {
            div class=(if n_shown > LONG { "table long" } else { "table" }) {
                table.sortable {
                    caption { (self.caption) }
                    thead { tr { @for head in &self.heads {
                        th scope="col" class=(class(head.kind)) { (head.text) }
                    } } }
                    tbody { @for row in self.rows.iter().take(ROWS_MAX) { tr {
                        @for (cell, head) in row.iter().zip(&self.heads) { (self.cell(cell, head)) }
                    } } }
                }
            }
            @if n_shown < self.rows.len() || self.data.is_some() {
                p.note {
                    @if n_shown < self.rows.len() { "Shown: " (n_shown) " of " (self.rows.len()) " rows. " }
                    @if let Some(name) = &self.data {
                        a href={ "data/" (name) ".csv" } { "data/" (name) ".csv" }
                    }
                }
            }
        }
    }

    fn cell(&self, cell: &Cell, head: &Head) -> Markup {
        let tone = if cell.tone == Tone::Plain { "" } else { cell.tone.class() };
        let class = [class(head.kind), tone].join(" ");
        html! { td class=(class.trim()) data-sort=[cell.sort] { (cell.text) } }
    }
}

const fn class(kind: HeadKind) -> &'static str {
    match kind {
        HeadKind::Text => "text",
        HeadKind::Number => "number",
        HeadKind::Code => "code",
    }
}

/// Keeps the entries that are marked.
fn retain<T>(entries: &mut Vec<T>, kept: &[bool]) {
    let mut at = 0..;
    entries.retain(|_| at.next().is_some_and(|at: usize| kept[at]));
}
