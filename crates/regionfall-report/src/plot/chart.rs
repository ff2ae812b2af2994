//! What charts with two axes share: title, panels in a grid on equal scales, axes, legend, notes.
//!
//! ```text
//!   title
//!   ┌ panel ────┐ ┌ panel ────┐   each: heading, frame, grid, ticks
//!   └───────────┘ └───────────┘
//!     axis title
//!   legend in columns
//!   notes
//! ```

use super::axis::{Scale, Tick};
use super::canvas::{Across, Canvas, Group, TEXT, Writing};
use super::legend::Legend;
use super::palette::{AXIS, GRID, INK, PAPER, SOFT_INK};
use super::{Axis, writing};

/// The width of every picture: two of them side by side on a slide, or one across a printed page.
pub(super) const WIDTH: f64 = 900.0;
/// Room at the left and right edge.
pub(super) const MARGIN: f64 = 20.0;
const TITLE: f64 = 16.0;
const TITLE_LINE: f64 = 21.0;
const LINE: f64 = 17.0;
/// Between the frame and the smallest and largest values.
pub(super) const INSET: f64 = 8.0;
/// Between panels.
const BETWEEN: f64 = 26.0;

/// The part of a picture that values are drawn in.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

/// How values map to a frame.
#[derive(Clone, Copy)]
pub(super) struct Plane {
    pub(super) frame: Frame,
    pub(super) x: Scale,
    pub(super) y: Scale,
}

/// Something with two axes. Panels of one picture have equal axes and series.
pub(super) trait Panel {
    fn axes(&self) -> [&Axis; 2];
    fn series(&self) -> Vec<String>;
    /// Scales for these panels together.
    fn scales(panels: &[&Self]) -> [Scale; 2];
    /// Ticks of the vertical axis, which may speak of shares as per cent.
    fn y_ticks(&self, scale: Scale, height: f64) -> Vec<Tick> {
        scale.ticks(height, false)
    }
    /// The text beside the vertical axis.
    fn y_label(&self) -> String {
        self.axes()[1].label()
    }
    /// Room for labels right of the frame.
    fn right_room(&self) -> f64 {
        0.0
    }
    /// What a reader must know to read it, below the legend.
    fn notes(&self) -> Vec<String>;
    /// What it shows, for readers who do not see it.
    fn description(&self) -> String;
    fn draw(&self, canvas: &mut Canvas, plane: Plane);
}

impl Plane {
    /// The point of a pair of values.
    pub(super) fn at(self, x: f64, y: f64) -> (f64, f64) {
        (self.across(self.x.place(x)), self.up(self.y.place(y)))
    }

    /// A place along the horizontal axis. The ends keep off the frame, so that a line at 0 or at the
    /// largest value is not hidden by it.
    fn across(self, place: f64) -> f64 {
        let Frame { left, right, .. } = self.frame;
        left + INSET + (right - left - 2.0 * INSET) * place
    }

    /// A place along the vertical axis.
    fn up(self, place: f64) -> f64 {
        let Frame { top, bottom, .. } = self.frame;
        bottom - INSET - (bottom - top - 2.0 * INSET) * place
    }
}

/// Draws panels under one title. `headings` are their own, empty for a single one.
pub(super) fn svg<P: Panel>(title: &str, panels: &[(String, &P)]) -> String {
    let Some((_, first)) = panels.first() else {
        return nothing(title);
    };
    let columns = panels.len().min(2);
    let all: Vec<&P> = panels.iter().map(|(_, panel)| *panel).collect();
    let [x, y] = P::scales(&all);
    let height = if columns == 1 { 330.0 } else { 230.0 };
    let ticks = first.y_ticks(y, height);
    let tick_room = ticks
        .iter()
        .map(|(_, label)| writing::width(label, TEXT))
        .fold(20.0, f64::max)
        + 12.0;
    let right_room = all
        .iter()
        .map(|panel| panel.right_room())
        .fold(0.0, f64::max);
    let axis_room = 24.0;
    let cell =
        (WIDTH - 2.0 * MARGIN - axis_room - BETWEEN * (columns as f64 - 1.0)) / columns as f64;
    let title_lines = writing::wrap(title, TITLE * 1.08, WIDTH - 2.0 * MARGIN);
    let headings: Vec<Vec<String>> = panels
        .iter()
        .map(|(heading, _)| writing::wrap(heading, TEXT * 1.08, cell - tick_room))
        .collect();
    let heading_lines = headings.iter().map(Vec::len).max().unwrap_or(0) as f64;
    let heading_room = if heading_lines > 0.0 {
        heading_lines * LINE + 4.0
    } else {
        0.0
    };
    let row_height = heading_room + height + 30.0;
    let rows = panels.len().div_ceil(columns) as f64;
    let grid_top = MARGIN + title_lines.len() as f64 * TITLE_LINE + 8.0;
    let grid_bottom = grid_top + rows * row_height;
    let legend = Legend::new(&first.series(), WIDTH - 2.0 * MARGIN);
    // What one panel needs another may do without: each note once.
    let mut needed: Vec<String> = Vec::new();
    for note in all.iter().flat_map(|panel| panel.notes()) {
        if !needed.contains(&note) {
            needed.push(note);
        }
    }
    let notes: Vec<String> = needed
        .iter()
        .flat_map(|note| writing::wrap(note, TEXT * 0.92, WIDTH - 2.0 * MARGIN))
        .collect();
    let legend_top = grid_bottom + 34.0;
    let notes_top = legend_top + legend.height() + 6.0;
    let mut canvas = Canvas::new(WIDTH, notes_top + notes.len() as f64 * 15.0 + 14.0);

    write_title(&mut canvas, &title_lines);
    for (index, ((_, panel), heading)) in panels.iter().zip(&headings).enumerate() {
        let left = MARGIN + axis_room + (index % columns) as f64 * (cell + BETWEEN);
        let top = grid_top + (index / columns) as f64 * row_height;
        write_lines(&mut canvas, heading, (left + tick_room, top + LINE / 2.0));
        let frame = Frame {
            left: left + tick_room,
            top: top + heading_room,
            right: left + cell - right_room,
            bottom: top + heading_room + height,
        };
        let plane = Plane { frame, x, y };
        axes(&mut canvas, plane, &ticks);
        panel.draw(&mut canvas, plane);
    }
    let sides = (MARGIN + axis_room + tick_room, WIDTH - MARGIN - right_room);
    axis_titles(
        &mut canvas,
        *first,
        sides,
        (grid_top + heading_room, grid_bottom),
    );
    legend.draw(&mut canvas, (MARGIN, legend_top));
    write_notes(&mut canvas, &notes, notes_top);
    let described: Vec<String> = panels
        .iter()
        .map(|(heading, panel)| match heading.as_str() {
            "" => panel.description(),
            heading => format!("{heading}: {}", panel.description()),
        })
        .collect();
    canvas.finish(title, &described.join(" "))
}

/// The words beside both axes.
fn axis_titles<P: Panel>(
    canvas: &mut Canvas,
    panel: &P,
    (left, right): (f64, f64),
    (top, bottom): (f64, f64),
) {
    let middle = Writing {
        across: Across::Middle,
        ..Writing::PLAIN
    };
    canvas.group(Group::default(), |layer| {
        let label = panel.axes()[0].label();
        layer.text(&label, (f64::midpoint(left, right), bottom + 8.0), middle);
        let turned = Writing {
            turned: true,
            ..middle
        };
        let label = writing::cut(&panel.y_label(), TEXT, bottom - top);
        let centre = f64::midpoint(top, bottom - 30.0);
        layer.text(&label, (MARGIN + 4.0, centre), turned);
    });
}

/// What a reader must know, in small print below everything.
fn write_notes(canvas: &mut Canvas, notes: &[String], top: f64) {
    canvas.group(Group::default(), |layer| {
        let small = Writing {
            size: TEXT * 0.92,
            colour: SOFT_INK,
            ..Writing::PLAIN
        };
        for (line, note) in notes.iter().enumerate() {
            layer.text(note, (MARGIN, top + 8.0 + line as f64 * 15.0), small);
        }
    });
}

/// A title, wrapped.
pub(super) fn write_title(canvas: &mut Canvas, lines: &[String]) {
    canvas.group(Group::default(), |layer| {
        for (line, text) in lines.iter().enumerate() {
            let writing = Writing {
                size: TITLE,
                bold: true,
                ..Writing::PLAIN
            };
            layer.text(
                text,
                (MARGIN, MARGIN + TITLE_LINE * (line as f64 + 0.2)),
                writing,
            );
        }
    });
}

/// The height of a title with these lines, down to what follows it.
pub(super) fn title_lines(title: &str) -> (Vec<String>, f64) {
    let lines = writing::wrap(title, TITLE * 1.08, WIDTH - 2.0 * MARGIN);
    let bottom = MARGIN + lines.len() as f64 * TITLE_LINE + 4.0;
    (lines, bottom)
}

/// Frame, grid and ticks with their labels.
pub(super) fn axes(canvas: &mut Canvas, plane: Plane, y_ticks: &[Tick]) {
    let Frame {
        left,
        top,
        right,
        bottom,
    } = plane.frame;
    let x_ticks = plane.x.ticks(right - left, true);
    canvas.group(Group::default(), |layer| {
        for (value, label) in &x_ticks {
            let x = plane.across(plane.x.place(*value));
            layer.line(&[(x, top), (x, bottom)], GRID, 1.0);
            layer.line(&[(x, bottom), (x, bottom + 4.0)], AXIS, 1.0);
            let middle = Writing {
                across: Across::Middle,
                ..Writing::PLAIN
            };
            layer.text(label, (x, bottom + 14.0), middle);
        }
        for (value, label) in y_ticks {
            let y = plane.up(plane.y.place(*value));
            layer.line(&[(left, y), (right, y)], GRID, 1.0);
            layer.line(&[(left - 4.0, y), (left, y)], AXIS, 1.0);
            layer.text(
                label,
                (left - 7.0, y),
                Writing {
                    across: Across::End,
                    ..Writing::PLAIN
                },
            );
        }
        layer.line(&[(left, top), (left, bottom), (right, bottom)], AXIS, 1.0);
        if let Some(gap) = plane.x.gap() {
            let x = plane.across(gap);
            break_mark(layer, x, bottom);
        }
    });
}

/// Two slanted strokes: the axis is interrupted here.
fn break_mark(layer: &super::canvas::Layer<'_>, x: f64, y: f64) {
    let slant = |x: f64| [(x - 2.5, y + 5.0), (x + 2.5, y - 5.0)];
    layer.shape(
        &[
            (x - 4.5, y + 5.0),
            (x + 0.5, y - 5.0),
            (x + 4.5, y - 5.0),
            (x - 0.5, y + 5.0),
        ],
        PAPER,
        1.0,
    );
    layer.line(&slant(x - 2.5), AXIS, 1.0);
    layer.line(&slant(x + 2.5), AXIS, 1.0);
}

/// Says in the middle of a frame that there is nothing to draw.
pub(super) fn no_data(canvas: &mut Canvas, frame: Frame) {
    say(canvas, frame, "no data");
}

/// Says something in the middle of a frame that has nothing else in it.
pub(super) fn say(canvas: &mut Canvas, frame: Frame, text: &str) {
    const SIZE: f64 = 14.0;
    const LINE: f64 = 20.0;
    let lines = writing::wrap(text, SIZE, frame.right - frame.left - 40.0);
    canvas.group(Group::default(), |layer| {
        let centre = (
            f64::midpoint(frame.left, frame.right),
            f64::midpoint(frame.top, frame.bottom),
        );
        let writing = Writing {
            size: SIZE,
            colour: SOFT_INK,
            across: Across::Middle,
            ..Writing::PLAIN
        };
        let widest = lines.iter().map(|line| writing::width(line, SIZE));
        let half = (widest.fold(0.0, f64::max) / 2.0 + 4.0).max(36.0);
        let half_height = lines.len() as f64 * LINE / 2.0 + 2.0;
        layer.rectangle(
            [
                (centre.0 - half, centre.1 - half_height),
                (centre.0 + half, centre.1 + half_height),
            ],
            PAPER,
            1.0,
        );
        let first = centre.1 - (lines.len() as f64 - 1.0) * LINE / 2.0;
        for (index, line) in lines.iter().enumerate() {
            layer.text(line, (centre.0, first + index as f64 * LINE), writing);
        }
    });
}

fn write_lines(canvas: &mut Canvas, lines: &[String], (left, top): (f64, f64)) {
    canvas.group(Group::default(), |layer| {
        for (line, text) in lines.iter().enumerate() {
            let writing = Writing {
                bold: true,
                colour: INK,
                ..Writing::PLAIN
            };
            layer.text(text, (left, top + line as f64 * LINE), writing);
        }
    });
}

fn nothing(title: &str) -> String {
    let (lines, bottom) = title_lines(title);
    let mut canvas = Canvas::new(WIDTH, bottom + 80.0);
    write_title(&mut canvas, &lines);
    no_data(
        &mut canvas,
        Frame {
            left: 0.0,
            top: bottom,
            right: WIDTH,
            bottom: bottom + 60.0,
        },
    );
    canvas.finish(title, "There is no data.")
}
