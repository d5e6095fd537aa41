//! Charts: pure functions from data to SVG.
//!
//! Each chart is drawn for a [`Screen`]: the page has both drawings and shows the one that fits, so that text keeps its
//! size on a phone. Colours are [roles](palette::Hue) with one value for light and one for dark; a drawing carries the
//! light ones as attributes, and a style sheet made from the same table turns them where the reader prefers dark.
//! Font families are generic and widths of text are estimated, so nothing depends on the machine.

pub mod palette;
pub mod scale;
pub mod pen;
pub mod frame;
pub mod plot;
pub mod gantt;
pub mod heat;
pub mod ladder;
pub mod stack;
pub mod forest;
pub mod scatter;
pub mod grid;

use std::fmt::Write;

/// Where a chart is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Screen {
    /// A desk: drawings are 960 px wide.
    Wide,
    /// A phone: drawings are 360 px wide.
    Narrow,
}

impl Screen {
    /// Both, in the order in which a page has them.
    pub const ALL: [Self; 2] = [Self::Wide, Self::Narrow];

    /// The width of a drawing [px].
    pub const fn width(self) -> f64 {
        match self {
            Self::Wide => 960.0,
            Self::Narrow => 360.0,
        }
    }

    /// One of two values.
    pub fn pick<T>(self, wide: T, narrow: T) -> T {
        match self {
            Self::Wide => wide,
            Self::Narrow => narrow,
        }
    }
}

/// A drawing.
#[derive(Debug, Clone, PartialEq)]
pub struct Svg {
    /// What it shows, for those who cannot see it.
    pub title: String,
    /// The width [px].
    pub width: f64,
    /// The height [px].
    pub height: f64,
    /// The width of the view box, in the units of the elements.
    pub view: (f64, f64),
    /// The elements.
    pub elements: String,
}

impl Svg {
    /// As part of a page, which has the style sheet.
    pub fn inline(&self, class: &str) -> String {
        format!("<svg class=\"{class}\" {}\n", self.rest(""))
    }

    /// As a file of its own.
    pub fn standalone(&self) -> String {
        let style = format!("<style>{}</style>\n", palette::style("svg"));
        let size = format!("width=\"{}\" height=\"{}\"", self.width, self.height);
        format!("<svg xmlns=\"http://www.w3.org/2000/svg\" {size} {}\n", self.rest(&style))
    }

    fn rest(&self, style: &str) -> String {
        let title = escaped(&self.title);
        let mut out = String::with_capacity(self.elements.len() + 256);
        let (width, height) = self.view;
        let _ = write!(out, "viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{title}\">\n{style}");
        let _ = write!(out, "<title>{title}</title>\n{}</svg>", self.elements);
        out
    }
}

/// Text for an element or an attribute of XML.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            // Characters that XML cannot hold at all.
            '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}
