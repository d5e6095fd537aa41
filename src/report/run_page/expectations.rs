//! The section on expectations.

use crate::report::page::data::{Dataset, Value};
use crate::report::page::table::{Cell, DataTable, Head, Tone};
use crate::report::page::{Part, Section};
use crate::report::run_page::Chapter;
use crate::report::summary::RunSummary;
use crate::report::text::span;

/// All expectations and what came of them.
pub(super) fn chapter(summary: &RunSummary) -> Option<Chapter> {
    if summary.expectations.is_empty() {
        return None;
    }
    let heads = vec![
        Head::text("Result"),
        Head::number("Judged at"),
        Head::code("Expectation"),
        Head::text("Meaning"),
        Head::text("Found"),
        Head::text("Place"),
    ];
    let columns = [
        ("holds", "1 where the expectation holds, else 0"),
        ("judged_at_s", "when it was judged"),
        ("expectation", "the expression (CEL)"),
        ("meaning", "what it means"),
        ("found", "what was found instead"),
        ("place", "where it stands"),
    ];
    let mut table = DataTable::new("Expectations", heads).with_data("expectations");
    let mut data = Dataset::new("expectations", "an expectation and what came of it", &columns);
    for row in &summary.expectations {
        let that = row.that.split_whitespace().collect::<Vec<_>>().join(" ");
        let (word, tone) = if row.holds { ("holds", Tone::Good) } else { ("failed", Tone::Bad) };
        table.row([
            Cell::text(word).toned(tone),
            Cell::number(span(row.at), row.at),
            Cell::text(&*that),
            Cell::text(row.message.clone().unwrap_or_default()),
            Cell::text(row.found.clone().unwrap_or_default()),
            Cell::text(&*row.place),
        ]);
        data.row([
            Value::Count(row.holds.into()),
            row.at.into(),
            that.into(),
            row.message.clone().into(),
            row.found.clone().into(),
            (&row.place).into(),
        ]);
    }
    Some(Chapter {
        section: Some(Section {
            id: "expectations",
            title: "Expectations".to_owned(),
            lead: "What the scenario says must hold, and what was found.".to_owned(),
            parts: vec![Part::Table(table.without_empty_columns())],
        }),
        data: vec![data],
    })
}
