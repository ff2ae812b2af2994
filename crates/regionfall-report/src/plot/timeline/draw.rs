//! The strokes of a timeline, row by row. Where the rows lie is decided by the parent.

use super::{LANE, Layout, SMALL, STRIP, SUCCESS, Span, Timeline};
use crate::plot::axis::Scale;
use crate::plot::canvas::{Across, Canvas, Group, Layer, TEXT, Writing};
use crate::plot::chart::{self, Frame, MARGIN, Plane};
use crate::plot::palette::{AXIS, FAULT, GRID, INK, Marker, PAPER, SOFT_INK, colour, style};
use crate::plot::writing;

impl Timeline {
    pub(super) fn draw_shades(&self, canvas: &mut Canvas, layout: &Layout) {
        canvas.group(Group::default(), |layer| {
            for fault in &self.faults {
                let from = self.x(layout, fault.start);
                let to = self.x(layout, self.end_of(fault)).max(from + 1.0);
                layer.rectangle([(from, layout.success), (to, layout.bottom)], FAULT, 0.09);
            }
        });
    }

    pub(super) fn draw_phases(&self, canvas: &mut Canvas, layout: &Layout) {
        canvas.group(Group::default(), |layer| {
            row_title(layer, "phase", layout, layout.phases + STRIP / 2.0);
            for (index, phase) in self.phases.iter().enumerate() {
                let (from, to) = (self.x(layout, phase.start), self.x(layout, phase.end));
                let opacity = if index % 2 == 0 { 0.10 } else { 0.22 };
                layer.rectangle(
                    [(from, layout.phases), (to, layout.phases + STRIP)],
                    INK,
                    opacity,
                );
                // A name that does not fit is left to the line that lists all phases.
                if writing::width(&phase.name, SMALL) <= to - from {
                    let writing = Writing {
                        size: SMALL,
                        across: Across::Middle,
                        ..Writing::PLAIN
                    };
                    let centre = (f64::midpoint(from, to), layout.phases + STRIP / 2.0);
                    layer.text(&phase.name, centre, writing);
                }
            }
        });
        // Where a phase ends, through everything below.
        canvas.group(
            Group {
                dash: Some("4 6"),
                ..Group::default()
            },
            |layer| {
                for phase in self.phases.iter().skip(1) {
                    let x = self.x(layout, phase.start);
                    layer.line(&[(x, layout.success), (x, layout.bottom)], AXIS, 1.0);
                }
            },
        );
    }

    pub(super) fn draw_faults(&self, canvas: &mut Canvas, layout: &Layout) {
        canvas.group(Group::default(), |layer| {
            row_title(layer, "faults", layout, layout.faults + STRIP / 2.0);
            if self.faults.is_empty() {
                let soft = Writing {
                    colour: SOFT_INK,
                    ..Writing::PLAIN
                };
                layer.text("none", (layout.left, layout.faults + STRIP / 2.0), soft);
            }
            for (fault, row) in self.faults.iter().zip(&layout.fault_rows) {
                let top = layout.faults + *row as f64 * STRIP + 1.0;
                let from = self.x(layout, fault.start);
                let to = self.x(layout, self.end_of(fault)).max(from + 2.0);
                let corners = [(from, top), (to, top + STRIP - 2.0)];
                layer.rectangle(corners, FAULT, 0.3);
                layer.outline(corners, FAULT, 1.0);
                let middle = top + STRIP / 2.0 - 1.0;
                let small = Writing {
                    size: SMALL,
                    ..Writing::PLAIN
                };
                let label = writing::width(&fault.label, SMALL) + 12.0;
                if label <= to - from {
                    layer.text(&fault.label, (from + 6.0, middle), small);
                } else if to + label <= layout.right {
                    layer.text(&fault.label, (to + 6.0, middle), small);
                } else {
                    let room = from - layout.left - 12.0;
                    let before = Writing {
                        across: Across::End,
                        ..small
                    };
                    layer.text(
                        &writing::cut(&fault.label, SMALL, room),
                        (from - 6.0, middle),
                        before,
                    );
                }
            }
        });
    }

    pub(super) fn draw_success(&self, canvas: &mut Canvas, layout: &Layout) {
        // Charts keep values off their frame; here times must stand exactly above the lanes.
        let frame = Frame {
            left: layout.left - chart::INSET,
            top: layout.success,
            right: layout.right + chart::INSET,
            bottom: layout.success + SUCCESS,
        };
        let plane = Plane {
            frame,
            x: self.scale(),
            y: Scale::Linear { min: 0.0, max: 1.0 },
        };
        canvas.group(Group::default(), |layer| {
            for tick in 0..=4 {
                let share = f64::from(tick) / 4.0;
                let (left, y) = plane.at(self.window.0, share);
                layer.line(&[(left, y), (frame.right, y)], GRID, 1.0);
                let writing = Writing {
                    across: Across::End,
                    ..Writing::PLAIN
                };
                layer.text(&(tick * 25).to_string(), (frame.left - 7.0, y), writing);
            }
            layer.line(
                &[
                    (frame.left, frame.top),
                    (frame.left, frame.bottom),
                    (frame.right, frame.bottom),
                ],
                AXIS,
                1.0,
            );
            let centre = f64::midpoint(frame.top, frame.bottom);
            let turned = Writing {
                across: Across::Middle,
                turned: true,
                ..Writing::PLAIN
            };
            layer.text("requests served (%)", (frame.left - 42.0, centre), turned);
        });
        if self.success.is_empty() {
            chart::no_data(canvas, frame);
        }
        for (index, series) in self.success.iter().enumerate() {
            let style = style(index);
            canvas.group(
                Group {
                    title: Some(&series.name),
                    dash: style.dash,
                },
                |layer| {
                    for run in series
                        .windows
                        .chunk_by(|a, b| a.1.is_some() == b.1.is_some())
                    {
                        let points: Vec<_> = run
                            .iter()
                            .filter(|(time, _)| *time >= self.window.0 && *time <= self.window.1)
                            .filter_map(|(time, share)| share.map(|share| plane.at(*time, share)))
                            .collect();
                        layer.line(&points, style.colour, style.width.min(2.2));
                    }
                },
            );
            canvas.group(Group::default(), |layer| {
                // A few markers are enough to tell lines apart in print.
                let every = (series.windows.len() / 9).max(1);
                let first = every * (index + 1) / (self.success.len() + 1);
                for (time, share) in series.windows.iter().skip(first).step_by(every) {
                    if let Some(share) = share {
                        layer.marker(plane.at(*time, *share), style.marker, style.colour);
                    }
                }
            });
        }
    }

    pub(super) fn draw_lost(&self, canvas: &mut Canvas, layout: &Layout) {
        canvas.group(Group::default(), |layer| {
            let middle = layout.lost + STRIP / 2.0;
            row_title(layer, &self.lost_title(), layout, middle);
            layer.line(&[(layout.left, middle), (layout.right, middle)], GRID, 1.0);
            for lost in &self.lost {
                layer.marker((self.x(layout, lost.at), middle), Marker::TriangleDown, INK);
            }
        });
    }

    pub(super) fn draw_notes(canvas: &mut Canvas, lines: &[String], top: f64) {
        canvas.group(Group::default(), |layer| {
            let soft = Writing {
                size: SMALL,
                colour: SOFT_INK,
                ..Writing::PLAIN
            };
            for (line, text) in lines.iter().enumerate() {
                layer.text(text, (MARGIN, top + 8.0 + line as f64 * 15.0), soft);
            }
        });
    }

    pub(super) fn draw_lanes(&self, canvas: &mut Canvas, layout: &Layout) {
        if self.lanes.is_empty() {
            canvas.group(Group::default(), |layer| {
                row_title(layer, "routes", layout, layout.lanes + LANE / 2.0);
            });
        }
        for (index, lane) in self.lanes.iter().enumerate() {
            let top = layout.lanes + index as f64 * LANE;
            canvas.group(
                Group {
                    title: Some(&lane.name),
                    ..Group::default()
                },
                |layer| {
                    row_title(layer, &lane.name, layout, top + LANE / 2.0);
                    for span in joined(&lane.spans) {
                        let from = self.x(layout, span.start);
                        let to = self.x(layout, span.end).max(from + 0.5);
                        let corners = [(from, top + 2.0), (to, top + LANE - 2.0)];
                        layer.rectangle(corners, PAPER, 1.0);
                        layer.rectangle(corners, colour(span.member), 0.45);
                        if to - from > 16.0 {
                            let centre = (f64::midpoint(from, to), top + LANE / 2.0);
                            let writing = Writing {
                                size: SMALL,
                                across: Across::Middle,
                                ..Writing::PLAIN
                            };
                            layer.text(&letter(span.member), centre, writing);
                        }
                    }
                },
            );
        }
    }

    pub(super) fn draw_time(&self, canvas: &mut Canvas, layout: &Layout) {
        let Layout {
            left,
            right,
            bottom,
            ..
        } = *layout;
        canvas.group(Group::default(), |layer| {
            layer.line(&[(left, bottom), (right, bottom)], AXIS, 1.0);
            let middle = Writing {
                across: Across::Middle,
                ..Writing::PLAIN
            };
            for (time, label) in self.scale().ticks(right - left, true) {
                let x = self.x(layout, time);
                layer.line(&[(x, bottom), (x, bottom + 4.0)], AXIS, 1.0);
                layer.text(&label, (x, bottom + 14.0), middle);
            }
            layer.text(
                "Time since the run began (s)",
                (f64::midpoint(left, right), bottom + 32.0),
                middle,
            );
        });
    }

    pub(super) fn draw_members(&self, canvas: &mut Canvas, rows: &[Vec<(usize, f64)>], top: f64) {
        canvas.group(Group::default(), |layer| {
            if !rows.is_empty() {
                layer.text("Routes:", (MARGIN, top + LANE / 2.0), Writing::PLAIN);
            }
            for (line, row) in rows.iter().enumerate() {
                let top = top + line as f64 * LANE;
                for (member, x) in row {
                    layer.rectangle(
                        [(*x, top + 2.0), (x + 24.0, top + LANE - 2.0)],
                        colour(*member),
                        0.45,
                    );
                    let writing = Writing {
                        size: SMALL,
                        across: Across::Middle,
                        ..Writing::PLAIN
                    };
                    layer.text(&letter(*member), (x + 12.0, top + LANE / 2.0), writing);
                    layer.text(
                        &self.members[*member],
                        (x + 31.0, top + LANE / 2.0),
                        Writing::PLAIN,
                    );
                }
            }
        });
    }
}

/// The name of a row, left of the picture, shortened if it is very long.
fn row_title(layer: &Layer<'_>, text: &str, layout: &Layout, y: f64) {
    let text = writing::shorten(text, TEXT, layout.left - MARGIN - 8.0);
    layer.text(
        &text,
        (layout.left - 7.0, y),
        Writing {
            across: Across::End,
            ..Writing::PLAIN
        },
    );
}

/// Spans of one member that follow on each other, as one.
fn joined(spans: &[Span]) -> Vec<Span> {
    let mut joined: Vec<Span> = Vec::new();
    for span in spans {
        match joined.last_mut() {
            Some(last) if last.member == span.member && span.start <= last.end => {
                last.end = span.end;
            }
            _ => joined.push(*span),
        }
    }
    joined
}

/// A member's letter: A, B, … Z, and numbers after that.
fn letter(member: usize) -> String {
    u8::try_from(member)
        .ok()
        .filter(|index| *index < 26)
        .map_or_else(
            || (member + 1).to_string(),
            |index| char::from(b'A' + index).to_string(),
        )
}
