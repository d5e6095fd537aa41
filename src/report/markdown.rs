//! Results as Markdown, for pull requests: the answer, what failed, and the rest folded away.

use crate::experiment::comparison::Comparison;
use crate::report::comparison::{self, ComparisonSummary};
use crate::report::summary::{ExpectationRow, RunSummary};
use crate::report::text::{self, one_line, span};

/// A run: the verdict, failed expectations, and the whole text folded away.
pub fn run(summary: &RunSummary) -> String {
    let n = summary.expectations.len();
    let n_ok = summary.expectations.iter().filter(|row| row.holds).count();
    let head = match (summary.ok, n) {
        (true, 0) => "played".to_owned(),
        (true, _) => "ok".to_owned(),
        (false, _) => "FAILED".to_owned(),
    };
    let mut out = format!("### {}: {head}\n\n", escaped(&summary.scenario));
    for line in &summary.verdict {
        out.push_str(&format!("- {}\n", escaped(line)));
    }
    if n > 0 {
        out.push_str(&format!("- {n_ok} of {n} expectations hold\n"));
    }
    if !summary.ok {
        out.push_str(&format!("\n{}", failed_expectations(&summary.expectations)));
    }
    out.push_str(&format!("\nagain: {}, digest {}\n", code(&summary.reproduce), code(&summary.digest)));
    out.push_str(&folded("Everything that was seen", &block(&text::run(summary))));
    out
}

/// A comparison: the verdict, and the table of all measures.
pub fn compare(compared: &Comparison, summary: &ComparisonSummary) -> String {
    let mut out = format!("### {}\n\n", escaped(&summary.variants.join(" / ")));
    for line in &summary.verdict {
        out.push_str(&format!("- {}\n", escaped(line)));
    }
    let (heads, rows) = comparison::cells_of_all(compared);
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    let rows = rows.into_iter().map(|row| row.iter().map(|cell| escaped(cell)).collect());
    out.push_str(&format!("\n{}", table(&heads, rows)));
    let n = summary.seeds.len();
    let caveat = comparison::caveat(compared);
    out.push_str(&format!("\n{n} trials of each variant; ± and [ ] are 95 % intervals{caveat}\n"));
    out.push_str(&format!("\nagain: {}\n", code(&summary.reproduce)));
    out
}

/// An answer in sentences, the first as the heading, and all that there is to it folded away.
pub fn answer(sentences: &[String], reproduce: &str, all: &str) -> String {
    let mut lines = sentences.iter();
    let mut out: String = lines.next().map(|line| format!("### {}\n\n", escaped(line))).unwrap_or_default();
    lines.for_each(|line| out.push_str(&format!("- {}\n", escaped(line))));
    out.push_str(&format!("\nagain: {}\n", code(reproduce)));
    out.push_str(&folded("All that was tried", &block(all)));
    out
}

/// The expectations that do not hold, as a table.
pub fn failed_expectations(rows: &[ExpectationRow]) -> String {
    let failed = rows.iter().filter(|row| !row.holds).map(|row| {
        let found = row.found.as_deref().unwrap_or("false");
        let message = row.message.as_deref().map(|text| format!("{}: ", escaped(text))).unwrap_or_default();
        let that = format!("{message}{}", code(&one_line(&row.that)));
        vec![that, span(row.at), code(found), code(&row.place)]
    });
    table(&["expected", "at", "found", "place"], failed)
}

/// A table; the cells are Markdown already.
pub fn table(heads: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let line = |cells: &mut dyn Iterator<Item = String>| {
        let cells: Vec<String> = cells.collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let mut out = line(&mut heads.iter().map(ToString::to_string));
    out.push_str(&line(&mut heads.iter().map(|_| "---".to_owned())));
    for row in rows {
        out.push_str(&line(&mut row.into_iter()));
    }
    out
}

/// Text as code in a line or a cell: on one line, in more backticks than it has itself, and with `|` as a table wants it.
pub fn code(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
    let fence = "`".repeat(longest_run(&line) + 1);
    match line.starts_with('`') || line.ends_with('`') {
        true => format!("{fence} {line} {fence}"),
        false => format!("{fence}{line}{fence}"),
    }
}

/// Text as a block of code.
pub fn block(text: &str) -> String {
    let fence = "`".repeat(longest_run(text).max(2) + 1);
    format!("{fence}text\n{}\n{fence}\n", text.trim_end())
}

/// The length of the longest run of backticks.
fn longest_run(text: &str) -> usize {
    text.split(|letter| letter != '`').map(str::len).max().unwrap_or(0)
}

/// Text in which nothing is markup.
pub fn escaped(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        match letter {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '~' => out.extend(['\\', letter]),
            '\n' | '\r' => out.push(' '),
            _ => out.push(letter),
        }
    }
    out
}

/// Something that is unfolded with a click.
fn folded(title: &str, content: &str) -> String {
    format!("\n<details><summary>{title}</summary>\n\n{content}\n</details>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_survives_pipes_backticks_and_line_breaks() {
        let rows = [
            ("a == b", "`a == b`"),
            ("a ||\n  b", "`a \\|\\| b`"),
            ("a `b` c", "``a `b` c``"),
            ("`b`", "`` `b` ``"),
        ];
        for (text, expected) in rows {
            assert_eq!(code(text), expected);
        }
    }

    #[test]
    fn text_is_no_markup() {
        assert_eq!(escaped("<b> *x* [y](z) | a_b"), "\\<b\\> \\*x\\* \\[y\\](z) \\| a\\_b");
        assert!(block("```\nx\n```").starts_with("````text\n"));
    }
}
