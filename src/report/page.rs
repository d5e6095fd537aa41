//! The page of a report: one self-contained HTML file, and beside it its charts and its data.
//!
//! Order: the verdict, what was assumed and is not modelled, then the sections, each with a sentence that says what one
//! sees; last the list of the data with their columns. The page needs no network and no script: scripts sort tables and
//! zoom, and all is there without them.

pub mod data;
pub mod table;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::report::chart::{Screen, Svg, palette};
use crate::report::folder::Report;
use crate::report::page::data::Dataset;
use crate::report::page::table::{DataTable, Tone};

/// The style sheet, without the colours.
const STYLE: &str = include_str!("page/style.css");
/// The script.
const SCRIPT: &str = include_str!("page/script.js");

/// A page.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The title.
    pub title: String,
    /// What it is about, in a sentence or two.
    pub description: String,
    /// The answer.
    pub verdict: Verdict,
    /// What was assumed, and what is not modelled.
    pub assumptions: Vec<String>,
    /// The sections.
    pub sections: Vec<Section>,
    /// The data of all sections.
    pub data: Vec<Dataset>,
    /// All of it for programs: `data/report.json`.
    pub json: String,
}

/// The answer of a report.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Whether it is good.
    pub tone: Tone,
    /// The answer in a few words.
    pub headline: String,
    /// The findings.
    pub lines: Vec<String>,
    /// Facts by name, such as what is limiting.
    pub facts: Vec<Fact>,
    /// The command that gives the same again.
    pub reproduce: String,
}

/// A fact of a verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What it is about.
    pub name: String,
    /// What is so.
    pub text: String,
    /// Whether that is good.
    pub tone: Tone,
}

impl Fact {
    /// A fact that is neither good nor bad.
    pub fn new(name: &str, text: impl Into<String>) -> Self {
        Self { name: name.to_owned(), text: text.into(), tone: Tone::Plain }
    }
}

/// A section of a page.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// Its name in links.
    pub id: &'static str,
    /// Its heading.
    pub title: String,
    /// What one sees, in a sentence.
    pub lead: String,
    /// What stands in it.
    pub parts: Vec<Part>,
}

/// A part of a section.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// A chart.
    Figure(Figure),
    /// A table.
    Table(DataTable),
    /// A heading.
    Heading(String),
    /// A paragraph.
    Text(String),
}

/// A chart on a page.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// The name of its files, without folder and ending.
    pub name: String,
    /// What it shows.
    pub caption: String,
    /// The drawings, for each screen.
    pub drawings: [Svg; 2],
    /// The dataset that it is drawn from.
    pub data: Option<String>,
    /// What the script does with it.
    pub behaviour: Behaviour,
}

/// What the script does with a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Nothing.
    Still,
    /// It zooms and moves along the level axis.
    Zooms,
}

impl Figure {
    /// A chart that is drawn for each screen.
    pub fn new(name: &str, caption: impl Into<String>, drawn: impl Fn(Screen) -> Svg) -> Self {
        Self {
            name: name.to_owned(),
            caption: caption.into(),
            drawings: Screen::ALL.map(drawn),
            data: None,
            behaviour: Behaviour::Still,
        }
    }

    /// The same, with the dataset that it is drawn from.
    #[must_use]
    pub fn with_data(self, name: &str) -> Self {
        Self { data: Some(name.to_owned()), ..self }
    }

    fn path(&self) -> String {
        format!("charts/{}.svg", self.name)
    }
}

impl Page {
    /// The page with its charts and data as files.
    pub fn report(&self) -> Report {
        let mut report = Report::default();
        report.add("index.html", self.markup().into_string());
        for part in self.sections.iter().flat_map(|section| &section.parts) {
            if let Part::Figure(figure) = part {
                report.add(figure.path(), figure.drawings[0].standalone());
            }
        }
        for data in &self.data {
            report.add(data.path(), data.csv());
        }
        report.add("data/report.json", self.json.clone());
        report
    }

    fn markup(&self) -> Markup {
        let style = [&palette::variables(), STYLE, &palette::style(".chart")].concat();
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="generator" content={ "sim " (env!("CARGO_PKG_VERSION")) };
                    title { (self.title) }
                    link rel="icon" href="data:,";
                    style { (PreEscaped(style)) }
                }
                body {
                    main {
                        header {
                            h1 { (self.title) }
                            @if !self.description.is_empty() { p.lead { (self.description) } }
                        }
                        (self.verdict.markup())
                        (self.assumed())
                        (self.contents())
                        @for section in &self.sections { (section.markup()) }
                        (self.files())
                    }
                    script { (PreEscaped(SCRIPT)) }
                }
            }
        }
    }

    fn assumed(&self) -> Markup {
        html! {
            section #assumptions {
                h2 { "Assumptions, and what is not modelled" }
                ul.assumptions { @for line in &self.assumptions { li { (line) } } }
            }
        }
    }

    /// Links to the sections, where there are some to choose from.
    fn contents(&self) -> Markup {
        html! {
            @if self.sections.len() > 2 {
                nav aria-label="Sections" { @for section in &self.sections {
                    a href={ "#" (section.id) } { (section.title) }
                } a href="#data" { "Data" } }
            }
        }
    }

    fn files(&self) -> Markup {
        html! {
            section #data {
                h2 { "Data" }
                p.lead {
                    "All figures of this page as files. Columns end with their unit; times are seconds of virtual time since \
                     the start of the scenario; an empty cell means that there is nothing. "
                    a href="data/report.json" { "data/report.json" }
                    " has all of it for programs."
                }
                @for data in &self.data {
                    details {
                        summary {
                            a href=(data.path()) { (data.path()) }
                            " – " (data.about) ", " (data.rows.len()) @if data.rows.len() == 1 { " row" } @else { " rows" }
                        }
                        dl.columns { @for column in &data.columns {
                            dt { (column.name) } dd { (column.about) }
                        } }
                    }
                }
            }
        }
    }
}

impl Verdict {
    fn markup(&self) -> Markup {
        html! {
            section #verdict class={ "verdict " (self.tone.class()) } {
                h2 { (self.headline) }
                @if !self.lines.is_empty() { ul { @for line in &self.lines { li { (line) } } } }
                dl.facts { @for fact in &self.facts {
                    div { dt { (fact.name) } dd class=(fact.tone.class()) { (fact.text) } }
                } }
                p.reproduce { span { "The same again: " } code { (self.reproduce) } }
            }
        }
    }
}

impl Section {
    fn markup(&self) -> Markup {
        html! {
            section id=(self.id) {
                h2 { (self.title) }
                p.lead { (self.lead) }
                @for part in &self.parts {
                    @match part {
                        Part::Figure(figure) => (figure.markup()),
                        Part::Table(table) => (table.markup()),
                        Part::Heading(text) => h3 { (text) },
                        Part::Text(text) => p { (text) },
                    }
                }
            }
        }
    }
}

impl Figure {
    fn markup(&self) -> Markup {
        let zooms = (self.behaviour == Behaviour::Zooms).then_some("zooms");
        let [wide, narrow] = &self.drawings;
        html! {
            figure id={ "figure-" (self.name) } class=[zooms] {
                (PreEscaped(wide.inline("chart wide")))
                (PreEscaped(narrow.inline("chart narrow")))
                figcaption {
                    (self.caption) " "
                    span.files {
                        a href=(self.path()) { "SVG" }
                        @if let Some(name) = &self.data { " " a href={ "data/" (name) ".csv" } { "CSV" } }
                    }
                }
            }
        }
    }
}
