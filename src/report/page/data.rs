//! The data behind a page: named columns with their meaning and unit, as CSV.

use std::fmt::Write;

use serde::Serialize;
use serde_json::{Value as Json, json};

/// A set of rows, one file of the report.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// The name of the file, without folder and ending.
    pub name: String,
    /// What a row is.
    pub about: String,
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows, a value for each column.
    pub rows: Vec<Vec<Value>>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name, with its unit last: `cpu_requested_cores`.
    pub name: &'static str,
    /// What it means.
    pub about: &'static str,
}

/// A value of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing is known, or there is nothing.
    None,
    /// Text.
    Text(String),
    /// A number.
    Number(f64),
    /// A whole number.
    Count(i64),
}

impl Dataset {
    /// A set without rows.
    pub fn new(name: &str, about: &str, columns: &[(&'static str, &'static str)]) -> Self {
        let columns = columns.iter().map(|(name, about)| Column { name, about });
        Self { name: name.to_owned(), about: about.to_owned(), columns: columns.collect(), rows: Vec::new() }
    }

    /// Adds a row; it has as many values as there are columns.
    pub fn row(&mut self, values: impl Into<Vec<Value>>) {
        let values = values.into();
        debug_assert_eq!(
            values.len(),
            self.columns.len(),
            "{}: a row has a value for each column",
            self.name
        );
        self.rows.push(values);
    }

    /// The path of its file below the report's folder.
    pub fn path(&self) -> String {
        format!("data/{}.csv", self.name)
    }

    /// The rows as CSV, with a head line. Source: RFC 4180; lines end with a line feed.
    pub fn csv(&self) -> String {
        let mut writer = csv::WriterBuilder::new().flexible(false).from_writer(Vec::new());
        let heads = self.columns.iter().map(|column| column.name);
        writer.write_record(heads).expect("a text can always be written");
        for row in &self.rows {
            writer.write_record(row.iter().map(Value::text)).expect("a text can always be written");
        }
        let bytes = writer.into_inner().expect("a text can always be written");
        String::from_utf8(bytes).expect("the values are text")
    }
}

/// A report for programs: the version of its format, the result under its name, and the datasets by theirs, each with the
/// names of its columns and a line for each row.
pub fn json(format: &str, name: &str, result: &impl Serialize, data: &[Dataset]) -> String {
    let text = |value: &Json| value.to_string();
    let result = serde_json::to_value(result).expect("a result is plain data");
    let mut out = format!(
        "{{\n\"format\": {},\n{}: {result:#},\n\"data\": {{",
        text(&json!(format)),
        text(&json!(name))
    );
    for (at, set) in data.iter().enumerate() {
        let columns: Vec<&str> = set.columns.iter().map(|column| column.name).collect();
        let comma = if at > 0 { "," } else { "" };
        let _ = write!(
            out,
            "{comma}\n{}: {{\"columns\": {}, \"rows\": [",
            text(&json!(set.name)),
            text(&json!(columns))
        );
        for (at, row) in set.rows.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            let row: Vec<Json> = row.iter().map(Value::json).collect();
            let _ = write!(out, "{comma}\n{}", text(&Json::Array(row)));
        }
        out.push_str("\n]}");
    }
    out.push_str("\n}\n}\n");
    out
}

impl Value {
    fn json(&self) -> Json {
        match self {
            Self::None => Json::Null,
            Self::Text(text) => json!(text),
            Self::Number(number) => json!(number),
            Self::Count(count) => json!(count),
        }
    }

    /// As a cell of a CSV file.
    fn text(&self) -> String {
        match self {
            Self::None => String::new(),
            Self::Text(text) => text.clone(),
            Self::Number(number) => format!("{number}"),
            Self::Count(count) => count.to_string(),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<i64> for Value {
    fn from(count: i64) -> Self {
        Self::Count(count)
    }
}

impl From<u64> for Value {
    fn from(count: u64) -> Self {
        Self::Count(i64::try_from(count).unwrap_or(i64::MAX))
    }
}

impl From<u32> for Value {
    fn from(count: u32) -> Self {
        Self::Count(i64::from(count))
    }
}

impl From<i32> for Value {
    fn from(count: i32) -> Self {
        Self::Count(i64::from(count))
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::None, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_where_csv_needs_it() {
        let mut data = Dataset::new("jobs", "a Job", &[("job", "its name"), ("duration_s", "how long")]);
        data.row([Value::from("a, \"b\""), Value::from(1.5)]);
        data.row([Value::from("c"), Value::from(None::<f64>)]);
        assert_eq!(data.csv(), "job,duration_s\n\"a, \"\"b\"\"\",1.5\nc,\n");
    }
}
