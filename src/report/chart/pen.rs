//! The pen: draws shapes and text with `plotters`, in pixels with fractions.
//!
//! `plotters` knows whole pixels only, so drawings are four times as large inside, and the view box shrinks them.

use plotters::backend::SVGBackend;
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{Circle, Drawable, PathElement, PointCollection, Polygon, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontDesc, FontFamily, FontStyle, RGBAColor, ShapeStyle, TextStyle};

use crate::report::chart::palette::Hue;
use crate::report::chart::{Screen, Svg};

/// How many units of the drawing a pixel is.
const UNIT: f64 = 4.0;
/// What `plotters` divides the size of a font by before it writes it down.
const FONT_DIVISOR: f64 = 1.24;
/// The size of text [px].
pub const TEXT: f64 = 12.0;
/// The width of a character, in sizes of its text: that of wide fonts, so that there is room in all.
const CHARACTER: f64 = 0.62;

/// Draws on one drawing.
pub struct Pen<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
    /// The width of the drawing [px].
    pub width: f64,
    /// The height of the drawing [px].
    pub height: f64,
    /// Where it is looked at.
    pub screen: Screen,
}

/// A place on a drawing [px], from the upper left corner.
pub type Point = (f64, f64);

/// What of a text stands at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// Its beginning.
    Start,
    /// Its middle.
    Middle,
    /// Its end.
    End,
}

/// The weight of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// As most.
    Normal,
    /// Headings.
    Bold,
}

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stroke {
    /// Its colour.
    pub hue: Hue,
    /// Its width [px].
    pub width: f64,
    /// How much of it is seen, from 0 to 1.
    pub opacity: f64,
}

/// How a shape is filled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fill {
    /// Its colour.
    pub hue: Hue,
    /// How much of it is seen, from 0 to 1.
    pub opacity: f64,
}

impl Stroke {
    /// An opaque line.
    pub const fn new(hue: Hue, width: f64) -> Self {
        Self { hue, width, opacity: 1.0 }
    }

    fn style(self) -> ShapeStyle {
        let width = (self.width * UNIT).round().max(1.0) as u32;
        ShapeStyle { color: colour(self.hue, self.opacity), filled: false, stroke_width: width }
    }
}

impl From<Hue> for Fill {
    fn from(hue: Hue) -> Self {
        Self { hue, opacity: 1.0 }
    }
}

impl Fill {
    fn style(self) -> ShapeStyle {
        ShapeStyle { color: colour(self.hue, self.opacity), filled: true, stroke_width: 0 }
    }
}

fn colour(hue: Hue, opacity: f64) -> RGBAColor {
    hue.rgb().mix(opacity)
}

/// About how wide a text is [px].
pub fn text_width(text: &str, size: f64) -> f64 {
    text.chars().count() as f64 * size * CHARACTER
}

/// As much of a text as has room in so many pixels, with `…` where it is cut.
pub fn fitted(text: &str, size: f64, room: f64) -> String {
    let most = (room / (size * CHARACTER)) as usize;
    let n_chars = text.chars().count();
    if n_chars <= most {
        return text.to_owned();
    }
    // The ends of generated names tell them apart.
    let kept = most.saturating_sub(1);
    let (head, tail) = (kept - kept / 2, kept / 2);
    let chars: Vec<char> = text.chars().collect();
    let mut out: String = chars[..head].iter().collect();
    out.push('…');
    out.extend(&chars[n_chars - tail..]);
    out
}

/// Draws a drawing of this height [px].
pub fn draw(title: &str, screen: Screen, height: f64, paint: impl FnOnce(&Pen<'_>)) -> Svg {
    let (width, height) = (screen.width(), height.ceil());
    let view = (width * UNIT, height * UNIT);
    let mut text = String::new();
    {
        let backend = SVGBackend::with_string(&mut text, (view.0 as u32, view.1 as u32));
        let pen = Pen { area: backend.into_drawing_area(), width, height, screen };
        pen.rect((0.0, 0.0), (width, height), Hue::Ground);
        paint(&pen);
        pen.area.present().expect("a text can always be written");
    }
    let elements = text.split_once('>').map_or("", |(_, rest)| rest);
    let elements = elements.rsplit_once("</svg>").map_or(elements, |(elements, _)| elements);
    let elements = elements.trim_start().to_owned();
    Svg { title: title.to_owned(), width, height, view, elements }
}

impl<'a> Pen<'a> {
    /// A filled rectangle between two corners.
    pub fn rect(&self, from: Point, to: Point, fill: impl Into<Fill>) {
        self.put(&Rectangle::new([units(from), units(to)], fill.into().style()));
    }

    /// The outline of a rectangle.
    pub fn outline(&self, from: Point, to: Point, stroke: Stroke) {
        let corners = [from, (to.0, from.1), to, (from.0, to.1), from];
        self.line(&corners, stroke);
    }

    /// A line through points.
    pub fn line(&self, points: &[Point], stroke: Stroke) {
        if points.len() > 1 {
            let points: Vec<(i32, i32)> = points.iter().copied().map(units).collect();
            self.put(&PathElement::new(points, stroke.style()));
        }
    }

    /// A straight line of dashes.
    pub fn dashed(&self, from: Point, to: Point, stroke: Stroke) {
        let (dash, gap) = (4.0, 3.0);
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = libm::hypot(dx, dy);
        let along = |at: f64| (from.0 + dx * at / length, from.1 + dy * at / length);
        let mut at = 0.0;
        while at < length {
            self.line(&[along(at), along((at + dash).min(length))], stroke);
            at += dash + gap;
        }
    }

    /// A filled polygon.
    pub fn polygon(&self, points: &[Point], fill: impl Into<Fill>) {
        let points: Vec<(i32, i32)> = points.iter().copied().map(units).collect();
        self.put(&Polygon::new(points, fill.into().style()));
    }

    /// A filled circle.
    pub fn dot(&self, at: Point, radius: f64, fill: impl Into<Fill>) {
        self.put(&Circle::new(units(at), (radius * UNIT).round() as i32, fill.into().style()));
    }

    /// A text whose middle is at the height of the place.
    pub fn text(&self, text: &str, at: Point, anchor: Anchor, hue: Hue) {
        self.sized_text(text, at, anchor, hue, (TEXT, Weight::Normal));
    }

    /// A text of a size [px] and weight.
    pub fn sized_text(&self, text: &str, at: Point, anchor: Anchor, hue: Hue, look: (f64, Weight)) {
        let (size, weight) = look;
        let style = match weight {
            Weight::Normal => FontStyle::Normal,
            Weight::Bold => FontStyle::Bold,
        };
        let font = FontDesc::new(FontFamily::SansSerif, size * UNIT * FONT_DIVISOR, style);
        let anchor = match anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        let colour = hue.rgb();
        let style = TextStyle::from(font).color(&colour).pos(Pos::new(anchor, VPos::Center));
        self.put(&Text::new(text.to_owned(), units(at), style));
    }

    fn put<'e, E>(&self, element: &'e E)
    where
        &'e E: PointCollection<'e, (i32, i32)>,
        E: Drawable<SVGBackend<'a>>,
    {
        self.area.draw(element).expect("a text can always be written");
    }
}

fn units((x, y): Point) -> (i32, i32) {
    (libm::round(x * UNIT) as i32, libm::round(y * UNIT) as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_too_long_keeps_both_of_its_ends() {
        assert_eq!(fitted("web-7d9f-x2kq", 10.0, 200.0), "web-7d9f-x2kq");
        assert_eq!(fitted("web-7d9f-x2kq", 10.0, 50.0), "web-…2kq");
    }

    #[test]
    fn text_is_escaped_and_sizes_are_those_of_the_screen() {
        let svg = draw("a <b>", Screen::Narrow, 20.5, |pen| {
            pen.text("x < y & z", (1.0, 2.0), Anchor::Start, Hue::Ink);
        });
        assert_eq!((svg.width, svg.height, svg.view), (360.0, 21.0, (1440.0, 84.0)));
        assert!(
            svg.elements.contains("x &lt; y &amp; z") && svg.elements.contains("font-size=\"48\""),
            "{}",
            svg.elements
        );
        assert!(svg.inline("c").contains("aria-label=\"a &lt;b&gt;\""));
    }
}
