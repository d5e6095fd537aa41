//! Tables as kubectl prints them: columns two spaces apart, no borders, no blanks at the end of a line.

use std::fmt;

/// A table of text.
#[derive(Debug, Clone)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these column heads.
    pub fn new(heads: &[&str]) -> Self {
        Self { rows: vec![heads.iter().map(ToString::to_string).collect()] }
    }

    /// Adds a row; it has as many cells as there are heads.
    pub fn row(&mut self, cells: impl Into<Vec<String>>) {
        let cells = cells.into();
        debug_assert_eq!(cells.len(), self.rows[0].len(), "a row has a cell for each head");
        self.rows.push(cells);
    }

    /// Adds a row of as many cells as there are heads, where that is not known beforehand.
    pub fn cells(&mut self, cells: Vec<String>) {
        debug_assert_eq!(cells.len(), self.rows[0].len(), "a row has a cell for each head");
        self.rows.push(cells);
    }

    /// Leaves out the columns of which all cells are empty.
    pub fn without_empty_columns(mut self) -> Self {
        let n_columns = self.rows[0].len();
        let is_used: Vec<bool> =
            (0..n_columns).map(|column| self.rows[1..].iter().any(|row| !row[column].is_empty())).collect();
        for row in &mut self.rows {
            let mut column = 0..;
            row.retain(|_| column.next().is_some_and(|column: usize| is_used[column]));
        }
        self
    }

    /// Whether the table has no row.
    pub fn is_empty(&self) -> bool {
        self.rows.len() == 1
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n_columns = self.rows[0].len();
        let width = |column: usize| self.rows.iter().map(|row| row[column].chars().count()).max();
        let widths: Vec<usize> = (0..n_columns).map(|column| width(column).unwrap_or(0)).collect();
        for row in &self.rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                line += &format!("{cell:<width$}  ");
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_two_spaces_apart_and_empty_ones_can_be_left_out() {
        let mut table = Table::new(&["NAME", "WHY", "AGE"]);
        table.row(["web".into(), String::new(), "5s".into()]);
        table.row(["database".into(), String::new(), "1m16s".into()]);
        assert_eq!(table.to_string(), "NAME      WHY  AGE\nweb            5s\ndatabase       1m16s\n");
        assert_eq!(
            table.without_empty_columns().to_string(),
            "NAME      AGE\nweb       5s\ndatabase  1m16s\n"
        );
    }
}
