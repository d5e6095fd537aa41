//! A test suite as JUnit XML, as CI systems read it: a `testsuite` per scenario, a `testcase` per expectation.
//!
//! `time` is virtual: the length of the run for a suite, the instant of the judgement for a case [s]. No real time stands
//! in it, so the same input gives the same bytes.

use crate::report::suite::{Suite, TestOutcome, TestRow, TestRun};
use crate::report::summary::ExpectationRow;
use crate::report::text::one_line;

/// What is counted of a suite.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    tests: usize,
    failures: usize,
    errors: usize,
}

impl Counts {
    fn of(test: &TestRow) -> Self {
        let share = test.expectations();
        let errors = usize::from(test.outcome == TestOutcome::Error);
        Self { tests: share.n + errors, failures: share.n - share.n_ok, errors }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            tests: self.tests + other.tests,
            failures: self.failures + other.failures,
            errors: self.errors + other.errors,
        }
    }

    fn attributes(self) -> String {
        let Self { tests, failures, errors } = self;
        format!(r#"tests="{tests}" failures="{failures}" errors="{errors}""#)
    }
}

/// The whole document.
pub fn xml(suite: &Suite) -> String {
    let all = suite.tests.iter().map(Counts::of).fold(Counts::default(), Counts::plus);
    let time: f64 = suite.tests.iter().flat_map(|test| &test.run).map(|run| run.ended_at).sum();
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    out.push_str(&format!("<!-- sim {}: all times are virtual seconds -->\n", escaped(suite.sim_version)));
    out.push_str(&format!("<testsuites name=\"sim\" {} time=\"{time}\">\n", all.attributes()));
    suite.tests.iter().for_each(|test| testsuite(&mut out, test));
    out.push_str("</testsuites>\n");
    out
}

fn testsuite(out: &mut String, test: &TestRow) {
    let name = escaped(&test.title());
    let counts = Counts::of(test).attributes();
    let time = test.run.as_ref().map_or(0.0, |run| run.ended_at);
    let file = escaped(&test.file);
    out.push_str(&format!("  <testsuite name=\"{name}\" file=\"{file}\" {counts} time=\"{time}\">\n"));
    if let Some(run) = &test.run {
        properties(out, run);
        cases(out, &name, run);
    }
    if let Some(error) = &test.error {
        out.push_str(&format!("    <testcase name=\"can be played\" classname=\"{name}\" time=\"0\">\n"));
        let first = error.lines().next().unwrap_or_default();
        let (message, text) = (escaped(first), escaped(error));
        out.push_str(&format!("      <error message=\"{message}\" type=\"bad input\">{text}</error>\n"));
        out.push_str("    </testcase>\n");
    }
    out.push_str("  </testsuite>\n");
}

fn properties(out: &mut String, run: &TestRun) {
    let seed = run.seed.to_string();
    let rows = [
        ("scenario", run.scenario.as_str()),
        ("seed", &seed),
        ("digest", &run.digest),
        ("reproduce", &run.reproduce),
    ];
    out.push_str("    <properties>\n");
    for (name, value) in rows {
        out.push_str(&format!("      <property name=\"{name}\" value=\"{}\"/>\n", escaped(value)));
    }
    out.push_str("    </properties>\n");
}

/// A case for each expectation; its name is what it means, or else the expression, with a number where it is not the
/// first of its name.
fn cases(out: &mut String, suite: &str, run: &TestRun) {
    let mut names: Vec<String> = Vec::new();
    for row in &run.expectations {
        let name = row.message.clone().unwrap_or_else(|| one_line(&row.that));
        let n_before = names.iter().filter(|other| **other == name).count();
        let number = if n_before == 0 { String::new() } else { format!(" #{}", n_before + 1) };
        let shown = escaped(&format!("{name}{number}"));
        names.push(name);
        let head = format!("    <testcase name=\"{shown}\" classname=\"{suite}\" time=\"{}\"", row.at);
        let inner = failure(row);
        match inner.is_empty() {
            true => out.push_str(&format!("{head}/>\n")),
            false => out.push_str(&format!("{head}>\n{inner}    </testcase>\n")),
        }
    }
}

/// The `failure` of an expectation; empty where it holds.
fn failure(row: &ExpectationRow) -> String {
    if row.holds {
        return String::new();
    }
    let found = row.found.as_deref().unwrap_or("false");
    let text = format!("{}: {}\n{found}", row.place, one_line(&row.that));
    let (message, text) = (escaped(found), escaped(&text));
    format!("      <failure message=\"{message}\" type=\"expectation\">{text}</failure>\n")
}

/// Text in XML 1.0, in elements as in attributes; what XML cannot hold becomes U+FFFD.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\n' => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            '\t' => out.push_str("&#9;"),
            '\0'..'\u{20}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_line_breaks_and_control_characters_are_escaped() {
        assert_eq!(escaped("a < b && \"c\"\n"), "a &lt; b &amp;&amp; &quot;c&quot;&#10;");
        assert_eq!(escaped("\u{1}\u{7}x"), "\u{fffd}\u{fffd}x");
    }
}
