//! The sheet that pictures are drawn on: `plotters`' SVG writer, in groups.
//!
//! Each group is drawn by a writer of its own and put into a `<g>`. That gives what the writer lacks:
//! dash patterns (inherited from the group, where the writer would have to draw each dash), and a
//! `<title>` for a series, which browsers show and screen readers read. Coordinates are halves of a
//! picture unit, since the writer only knows whole numbers.

use std::fmt::Write as _;

use plotters::backend::SVGBackend;
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea as _};
use plotters::element::{Circle, PathElement, Polygon, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{
    Color as _, FontDesc, FontFamily, FontStyle, FontTransform, RGBColor, ShapeStyle, TextStyle,
};

use super::palette::{INK, Marker, PAPER};

/// Drawing units per picture unit.
const FINE: f64 = 2.0;

/// Fonts that differ little in width; the reader's system picks the first it has.
const FONTS: &str = "Helvetica, Arial, 'DejaVu Sans', sans-serif";

/// The size of most text, in picture units.
pub(super) const TEXT: f64 = 12.0;

/// A picture under construction.
pub(super) struct Canvas {
    width: f64,
    height: f64,
    body: String,
}

/// What a group of shapes has in common.
#[derive(Clone, Copy, Default)]
pub(super) struct Group<'a> {
    /// What it is, for whoever points at it or has it read aloud.
    pub(super) title: Option<&'a str>,
    /// Lengths of dashes and gaps of its lines, in drawing units.
    pub(super) dash: Option<&'a str>,
}

/// A group that shapes are being added to.
pub(super) struct Layer<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
}

/// How text is set.
#[derive(Clone, Copy)]
pub(super) struct Writing {
    pub(super) size: f64,
    pub(super) colour: RGBColor,
    pub(super) bold: bool,
    pub(super) across: Across,
    pub(super) turned: bool,
}

/// Which end of a text lies at its point. Its middle height always does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Across {
    Start,
    Middle,
    End,
}

impl Writing {
    /// Dark text of the usual size, starting at its point.
    pub(super) const PLAIN: Self = Self {
        size: TEXT,
        colour: INK,
        bold: false,
        across: Across::Start,
        turned: false,
    };
}

impl Canvas {
    /// An empty sheet of this size, in picture units.
    pub(super) fn new(width: f64, height: f64) -> Self {
        Self {
            width,
            height,
            body: String::new(),
        }
    }

    /// Draws a group on top of what is there.
    pub(super) fn group(&mut self, group: Group<'_>, draw: impl FnOnce(&Layer<'_>)) {
        let mut document = String::new();
        {
            let size = (fine(self.width) as u32, fine(self.height) as u32);
            let area = SVGBackend::with_string(&mut document, size).into_drawing_area();
            let layer = Layer { area };
            draw(&layer);
            // Ends the document in a string; there is no file that could fail.
            let _ = layer.area.present();
        }
        // The writer's own frame is one line before the shapes and one after.
        let shapes = document.split_once('\n').map_or("", |(_, rest)| rest);
        let shapes = shapes.trim_end().trim_end_matches("</svg>");
        self.body.push_str("<g");
        if let Some(dash) = group.dash {
            let _ = write!(self.body, " stroke-dasharray=\"{dash}\"");
        }
        self.body.push_str(">\n");
        if let Some(title) = group.title {
            let _ = writeln!(self.body, "<title>{}</title>", escaped(title));
        }
        // Text alone on its line would carry the line feed into the picture.
        self.body.push_str(
            &shapes
                .replace(">\n", ">")
                .replace("\n</text>", "</text>")
                .replace("><", ">\n<"),
        );
        self.body.push_str("\n</g>\n");
    }

    /// The finished picture.
    pub(super) fn finish(self, title: &str, description: &str) -> String {
        let (width, height) = (self.width.ceil(), self.height.ceil());
        let paper = format!("#{:02X}{:02X}{:02X}", PAPER.0, PAPER.1, PAPER.2);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {} {}\" role=\"img\" stroke-linejoin=\"round\">\n\
             <title>{}</title>\n<desc>{}</desc>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"{paper}\"/>\n{}</svg>\n",
            width * FINE,
            height * FINE,
            escaped(title),
            escaped(description),
            self.body,
        )
    }
}

impl Layer<'_> {
    /// A line through points.
    pub(super) fn line(&self, points: &[(f64, f64)], colour: RGBColor, width: f64) {
        let style = ShapeStyle {
            color: colour.to_rgba(),
            filled: false,
            stroke_width: fine(width) as u32,
        };
        let points: Vec<_> = points.iter().map(|&point| at(point)).collect();
        if points.len() > 1 {
            let _ = self.area.draw(&PathElement::new(points, style));
        }
    }

    /// A filled shape.
    pub(super) fn shape(&self, points: &[(f64, f64)], colour: RGBColor, opacity: f64) {
        let points: Vec<_> = points.iter().map(|&point| at(point)).collect();
        if points.len() > 2 {
            let _ = self
                .area
                .draw(&Polygon::new(points, colour.mix(opacity).filled()));
        }
    }

    /// A filled rectangle between two opposite corners.
    pub(super) fn rectangle(&self, corners: [(f64, f64); 2], colour: RGBColor, opacity: f64) {
        let style = colour.mix(opacity).filled();
        let _ = self.area.draw(&Rectangle::new(corners.map(at), style));
    }

    /// The outline of a rectangle.
    pub(super) fn outline(&self, corners: [(f64, f64); 2], colour: RGBColor, width: f64) {
        let [(left, top), (right, bottom)] = corners;
        let path = [
            (left, top),
            (right, top),
            (right, bottom),
            (left, bottom),
            (left, top),
        ];
        self.line(&path, colour, width);
    }

    /// A marker centred at a point.
    pub(super) fn marker(&self, (x, y): (f64, f64), marker: Marker, colour: RGBColor) {
        let r = 3.5;
        match marker {
            Marker::Circle => {
                let circle = Circle::new(at((x, y)), fine(r) as i32, colour.filled());
                let _ = self.area.draw(&circle);
            }
            Marker::Square => self.rectangle([(x - r, y - r), (x + r, y + r)], colour, 1.0),
            Marker::Triangle => self.shape(
                &[(x - r - 0.5, y + r), (x + r + 0.5, y + r), (x, y - r - 1.0)],
                colour,
                1.0,
            ),
            Marker::TriangleDown => {
                self.shape(
                    &[(x - r - 0.5, y - r), (x + r + 0.5, y - r), (x, y + r + 1.0)],
                    colour,
                    1.0,
                );
            }
            Marker::Diamond => {
                let r = r + 1.0;
                self.shape(
                    &[(x - r, y), (x, y - r), (x + r, y), (x, y + r)],
                    colour,
                    1.0,
                );
            }
            Marker::Cross => {
                self.line(&[(x - r, y - r), (x + r, y + r)], colour, 2.0);
                self.line(&[(x - r, y + r), (x + r, y - r)], colour, 2.0);
            }
        }
    }

    /// One line of text at a point, centred on its height.
    pub(super) fn text(&self, text: &str, point: (f64, f64), writing: Writing) {
        let across = match writing.across {
            Across::Start => HPos::Left,
            Across::Middle => HPos::Center,
            Across::End => HPos::Right,
        };
        let weight = if writing.bold {
            FontStyle::Bold
        } else {
            FontStyle::Normal
        };
        // The writer divides the size by 1.24.
        let size = writing.size * FINE * 1.24;
        let font = FontDesc::new(FontFamily::Name(FONTS), size, weight);
        let font = if writing.turned {
            font.transform(FontTransform::Rotate270)
        } else {
            font
        };
        let style = TextStyle::from(font)
            .color(&writing.colour)
            .pos(Pos::new(across, VPos::Center));
        let _ = self.area.draw(&Text::new(text, at(point), style));
    }
}

/// Drawing units of a length.
fn fine(length: f64) -> f64 {
    (length * FINE).round()
}

/// Drawing units of a point.
fn at((x, y): (f64, f64)) -> (i32, i32) {
    (fine(x) as i32, fine(y) as i32)
}

/// Text that may stand in XML.
fn escaped(text: &str) -> String {
    let legal = text.chars().filter(|&c| !c.is_control());
    let mut out = String::new();
    for letter in legal {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            other => out.push(other),
        }
    }
    out
}
