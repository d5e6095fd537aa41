//! The page of a comparison: what `sim compare --report` writes.
//!
//! Every figure is a mean over the trials of a variant; differences are of pairs of trials with the same seed.

mod cost;
mod differences;
mod load;
mod measures;
mod replicas;
mod verdict;
mod waste;

use crate::experiment::comparison::Comparison;
use crate::report::chart::palette::{Hue, SERIES};
use crate::report::comparison::ComparisonSummary;
use crate::report::folder::Report;
use crate::report::page::data::Dataset;
use crate::report::page::{self, Page, Section};

/// The version of the JSON format.
pub const FORMAT: &str = "sim/report/v1";

/// What the page is made from.
#[derive(Clone, Copy)]
pub struct CompareReport<'a> {
    /// What was measured.
    pub comparison: &'a Comparison,
    /// What `sim compare` prints.
    pub summary: &'a ComparisonSummary,
    /// The name of the scenario.
    pub title: &'a str,
    /// What it says that it is about.
    pub description: &'a str,
    /// What was assumed of each variant.
    pub assumptions: &'a [Vec<String>],
}

/// A section with its data.
struct Chapter {
    section: Section,
    data: Vec<Dataset>,
}

/// The report of a comparison.
pub fn report(report: &CompareReport<'_>) -> Report {
    page_of(report).report()
}

fn page_of(report: &CompareReport<'_>) -> Page {
    let comparison = report.comparison;
    let chapters = [
        differences::chapter(comparison),
        load::chapter(comparison),
        cost::chapter(comparison),
        replicas::chapter(comparison),
        waste::chapter(comparison),
        Some(measures::chapter(comparison)),
    ];
    let (mut sections, mut data) = (Vec::new(), Vec::new());
    for chapter in chapters.into_iter().flatten() {
        sections.push(chapter.section);
        data.extend(chapter.data);
    }
    let json = page::data::json(FORMAT, "comparison", report.summary, &data);
    Page {
        title: report.title.to_owned(),
        description: report.description.to_owned(),
        verdict: verdict::verdict(report),
        assumptions: assumptions(report),
        sections,
        data,
        json,
    }
}

/// What was assumed of all variants, then what only of some, with their names.
fn assumptions(report: &CompareReport<'_>) -> Vec<String> {
    let of_all = |line: &String| report.assumptions.iter().all(|lines| lines.contains(line));
    let first = report.assumptions.first().into_iter().flatten();
    let mut lines: Vec<String> = first.filter(|line| of_all(line)).cloned().collect();
    for (variant, own) in report.comparison.variants.iter().zip(report.assumptions) {
        lines.extend(own.iter().filter(|line| !of_all(line)).map(|line| format!("{variant}: {line}")));
    }
    lines
}

/// The colour of a variant.
fn hue(variant: usize) -> Hue {
    SERIES[variant % SERIES.len()]
}

/// A measure and what it is about.
fn title(name: &str, subject: &str) -> String {
    if subject.is_empty() { name.to_owned() } else { format!("{name} ({subject})") }
}
