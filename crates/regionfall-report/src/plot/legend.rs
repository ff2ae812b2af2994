//! Names of series, below the picture where no line can run through them.

use super::canvas::{Canvas, Group, TEXT, Writing};
use super::palette::style;
use super::writing;

/// Height of a line of text.
const LINE: f64 = 17.0;
/// Room for the sample of the line, its marker and the gap before the name.
const SAMPLE: f64 = 46.0;
/// Between names.
const GAP: f64 = 22.0;

/// Names laid out in rows; one too long for a row of its own is wrapped, never cut.
pub(super) struct Legend {
    rows: Vec<Vec<Entry>>,
}

struct Entry {
    index: usize,
    x: f64,
    name: Vec<String>,
}

impl Legend {
    /// Lays out the names of series within a width.
    pub(super) fn new(names: &[String], width: f64) -> Self {
        let mut rows: Vec<Vec<Entry>> = Vec::new();
        let mut x = 0.0;
        for (index, name) in names.iter().enumerate() {
            let room = SAMPLE + writing::width(name, TEXT);
            let entry = |x| Entry {
                index,
                x,
                name: writing::wrap(name, TEXT, width - SAMPLE),
            };
            match rows.last_mut() {
                Some(row) if x + room <= width => row.push(entry(x)),
                _ => {
                    x = 0.0;
                    rows.push(vec![entry(x)]);
                }
            }
            x += room + GAP;
        }
        Self { rows }
    }

    /// The height it needs.
    pub(super) fn height(&self) -> f64 {
        self.rows.iter().map(|row| row_height(row)).sum()
    }

    /// Draws it with its upper left corner at a point.
    pub(super) fn draw(&self, canvas: &mut Canvas, (left, top): (f64, f64)) {
        let mut y = top + LINE / 2.0;
        for row in &self.rows {
            for entry in row {
                let x = left + entry.x;
                let style = style(entry.index);
                canvas.group(
                    Group {
                        dash: style.dash,
                        ..Group::default()
                    },
                    |layer| {
                        layer.line(&[(x, y), (x + SAMPLE - 10.0, y)], style.colour, style.width);
                    },
                );
                canvas.group(Group::default(), |layer| {
                    layer.marker((x + (SAMPLE - 10.0) / 2.0, y), style.marker, style.colour);
                    for (line, text) in entry.name.iter().enumerate() {
                        layer.text(text, (x + SAMPLE, y + line as f64 * LINE), Writing::PLAIN);
                    }
                });
            }
            y += row_height(row);
        }
    }
}

fn row_height(row: &[Entry]) -> f64 {
    row.iter()
        .map(|entry| entry.name.len().max(1))
        .max()
        .unwrap_or(0) as f64
        * LINE
        + 2.0
}
