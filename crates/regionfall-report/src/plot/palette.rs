//! How series are told apart: by colour, by dash pattern and by marker, so that any two of the
//! three may fail the reader.
//!
//! The colours are those of Okabe and Ito (*Color Universal Design*, 2008) without yellow, which is
//! too pale for lines on white, and with grey and brown after them.

use plotters::style::RGBColor;

/// Text.
pub(super) const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);
/// Less important text. Still 5.7 : 1 against white.
pub(super) const SOFT_INK: RGBColor = RGBColor(0x60, 0x60, 0x60);
/// Axes.
pub(super) const AXIS: RGBColor = RGBColor(0x70, 0x70, 0x70);
/// Lines across the picture.
pub(super) const GRID: RGBColor = RGBColor(0xE2, 0xE2, 0xE2);
/// Shading of faults.
pub(super) const FAULT: RGBColor = RGBColor(0xD5, 0x5E, 0x00);
/// Behind everything.
pub(super) const PAPER: RGBColor = RGBColor(0xFF, 0xFF, 0xFF);

/// The look of one series.
#[derive(Clone, Copy)]
pub(super) struct Style {
    /// The colour of line and marker.
    pub(super) colour: RGBColor,
    /// Lengths of dashes and gaps in picture units; none for a solid line.
    pub(super) dash: Option<&'static str>,
    /// The shape of its markers.
    pub(super) marker: Marker,
    /// The width of its line. Earlier series are wider, and show beside later ones that cover them.
    pub(super) width: f64,
}

/// The shape of a marker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Marker {
    Circle,
    Square,
    Triangle,
    Diamond,
    Cross,
    TriangleDown,
}

const COLOURS: [RGBColor; 9] = [
    RGBColor(0x00, 0x72, 0xB2), // blue
    RGBColor(0xD5, 0x5E, 0x00), // vermilion
    RGBColor(0x00, 0x9E, 0x73), // bluish green
    RGBColor(0xCC, 0x79, 0xA7), // reddish purple
    RGBColor(0xE6, 0x9F, 0x00), // orange
    RGBColor(0x56, 0xB4, 0xE9), // sky blue
    RGBColor(0x00, 0x00, 0x00), // black
    RGBColor(0x80, 0x80, 0x80), // grey
    RGBColor(0x7A, 0x4A, 0x1E), // brown
];

// Coprime with the colours, so that a colour that comes again has another pattern.
const DASHES: [Option<&str>; 5] = [
    None,
    Some("16 6"),
    Some("5 5"),
    Some("18 6 4 6"),
    Some("26 6 4 6 4 6"),
];

const MARKERS: [Marker; 6] = [
    Marker::Circle,
    Marker::Square,
    Marker::Triangle,
    Marker::Diamond,
    Marker::Cross,
    Marker::TriangleDown,
];

/// The look of the series at this position.
pub(super) fn style(index: usize) -> Style {
    Style {
        colour: colour(index),
        dash: DASHES[index % DASHES.len()],
        marker: MARKERS[index % MARKERS.len()],
        width: (3.0 - 0.35 * index as f64).max(1.5),
    }
}

/// The colour at this position.
pub(super) fn colour(index: usize) -> RGBColor {
    COLOURS[index % COLOURS.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forty_series_all_look_different() {
        let mut seen = Vec::new();
        for index in 0..40 {
            let style = style(index);
            let look = ((style.colour.0, style.colour.1, style.colour.2), style.dash);
            assert!(
                !seen.contains(&look),
                "series {index} looks like an earlier one"
            );
            seen.push(look);
        }
    }
}
