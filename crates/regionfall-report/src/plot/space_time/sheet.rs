//! The lines of all places over a stretch of time, with what is drawn on them.

use super::{CROSS, DOTTED, Message, Move, RIGHT, ROW, SMALL, Sign, SpaceTime, Strike, WIDTH};
use crate::plot::canvas::{Across, Canvas, Group, Layer, Writing};
use crate::plot::palette::{AXIS, FAULT, GRID, INK, Marker, SOFT_INK, colour};
use crate::plot::writing;

/// The lines of all places over a stretch of time.
pub(super) struct Sheet<'a> {
    pub(super) picture: &'a SpaceTime,
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
    pub(super) from: f64,
    pub(super) to: f64,
}

impl Sheet<'_> {
    pub(super) fn draw(&self, canvas: &mut Canvas) {
        canvas.group(Group::default(), |layer| self.frame(layer));
        canvas.group(Group::default(), |layer| self.strikes(layer));
        let copies = Group {
            title: Some("copies under way"),
            dash: None,
        };
        canvas.group(copies, |layer| self.messages(layer));
        let moves = Group {
            title: Some("clients that went elsewhere"),
            dash: Some(DOTTED),
        };
        canvas.group(moves, |layer| self.moves(layer));
        canvas.group(Group::default(), |layer| {
            // Ends lie over beginnings, which may be at nearly the same moment.
            self.marks(layer, false);
            self.marks(layer, true);
        });
    }

    /// Whether anything of a kind is drawn.
    pub(super) fn has(&self, sign: Sign) -> bool {
        let picture = self.picture;
        let has_mark = |is_death: bool| {
            let mut such = picture.marks.iter().filter(|it| it.is_death == is_death);
            such.any(|mark| self.is_shown(mark.at))
        };
        match sign {
            Sign::Strike => picture.strikes.iter().any(|it| self.has_strike(it)),
            Sign::Message => picture.messages.iter().any(|it| self.has_message(it)),
            Sign::Move => picture.moves.iter().any(|it| self.has_move(it)),
            Sign::Birth => has_mark(false),
            Sign::Death => has_mark(true),
        }
    }

    fn has_strike(&self, strike: &Strike) -> bool {
        strike.to >= self.from && strike.from <= self.to
    }

    fn has_message(&self, message: &Message) -> bool {
        let ((from, left), (to, arrived)) = (message.left, message.arrived);
        from != to && self.is_shown(left) && self.is_shown(arrived)
    }

    fn has_move(&self, one: &Move) -> bool {
        one.from != one.to && self.is_shown(one.at)
    }

    pub(super) fn x(&self, at: f64) -> f64 {
        let span = (self.to - self.from).max(1e-9);
        let share = ((at - self.from) / span).clamp(0.0, 1.0);
        self.left + share * (WIDTH - RIGHT - self.left)
    }

    fn y(&self, place: usize) -> f64 {
        self.top + ROW * (place as f64 + 0.5)
    }

    fn is_shown(&self, at: f64) -> bool {
        (self.from..=self.to).contains(&at)
    }

    fn frame(&self, layer: &Layer<'_>) {
        let step = step(self.to - self.from);
        let first = (self.from / step).ceil();
        let centred = Writing {
            size: SMALL,
            across: Across::Middle,
            colour: SOFT_INK,
            ..Writing::PLAIN
        };
        let ticks = (0_u32..).map(|index| (first + f64::from(index)) * step);
        for tick in ticks.take_while(|tick| *tick <= self.to) {
            let x = self.x(tick);
            layer.line(&[(x, self.top), (x, self.bottom)], GRID, 1.0);
            layer.text(&shown(tick, step), (x, self.bottom + 14.0), centred);
        }
        let middle = f64::midpoint(self.left, WIDTH - RIGHT);
        layer.text(
            "seconds since the run began",
            (middle, self.bottom + 32.0),
            centred,
        );
        for (place, name) in self.picture.places.iter().enumerate() {
            let y = self.y(place);
            layer.line(&[(self.left, y), (WIDTH - RIGHT, y)], AXIS, 1.5);
            let before = Writing {
                across: Across::End,
                ..Writing::PLAIN
            };
            layer.text(name, (self.left - 12.0, y), before);
        }
    }

    fn strikes(&self, layer: &Layer<'_>) {
        let mut rows: Vec<Vec<f64>> = vec![Vec::new(); self.picture.places.len()];
        let drawn = self.picture.strikes.iter();
        for strike in drawn.filter(|strike| self.has_strike(strike)) {
            let (from, to) = (
                self.x(strike.from),
                self.x(strike.to).max(self.x(strike.from) + 2.0),
            );
            let y = self.y(strike.place);
            layer.rectangle([(from, y - 13.0), (to, y + 13.0)], FAULT, 0.25);
            // Labels of faults that overlap stand above each other.
            let ends = &mut rows[strike.place];
            let width = writing::width(&strike.label, SMALL);
            let row = ends
                .iter()
                .position(|&end| end + 8.0 <= from)
                .unwrap_or_else(|| {
                    ends.push(0.0);
                    ends.len() - 1
                });
            let x = from.min(WIDTH - RIGHT - width).max(self.left);
            ends[row] = x + width;
            let small = Writing {
                size: SMALL,
                ..Writing::PLAIN
            };
            layer.text(
                &strike.label,
                (x, y - 22.0 - 13.0 * row.min(1) as f64),
                small,
            );
        }
    }

    fn messages(&self, layer: &Layer<'_>) {
        let drawn = self.picture.messages.iter();
        for message in drawn.filter(|message| self.has_message(message)) {
            let ((from, left), (to, arrived)) = (message.left, message.arrived);
            let begin = (self.x(left), self.y(from));
            let end = (self.x(arrived), self.y(to));
            layer.line(&[begin, end], colour(0), 1.2);
            head(layer, begin, end, 0);
        }
    }

    fn moves(&self, layer: &Layer<'_>) {
        for one in self.picture.moves.iter().filter(|one| self.has_move(one)) {
            let x = self.x(one.at);
            let (begin, end) = ((x, self.y(one.from)), (x, self.y(one.to)));
            layer.line(&[begin, end], colour(2), 1.5);
            head(layer, begin, end, 2);
        }
    }

    fn marks(&self, layer: &Layer<'_>, is_death: bool) {
        let mut ends: Vec<f64> = vec![0.0; self.picture.places.len()];
        let such = self.picture.marks.iter();
        for mark in such.filter(|mark| mark.is_death == is_death && self.is_shown(mark.at)) {
            let (x, y) = (self.x(mark.at), self.y(mark.place));
            // Each kind has a line of labels of its own.
            let below = if is_death {
                cross(layer, (x, y));
                35.0
            } else {
                layer.marker((x, y), Marker::Circle, INK);
                22.0
            };
            let width = writing::width(&mark.label, SMALL);
            let start = (x + 6.0).min(WIDTH - RIGHT - width);
            // A label that would lie on another is left out: the line shows the mark all the same.
            if start >= ends[mark.place] {
                let small = Writing {
                    size: SMALL,
                    ..Writing::PLAIN
                };
                layer.text(&mark.label, (start, y + below), small);
                ends[mark.place] = start + width + 8.0;
            }
        }
    }
}

/// The sign of an end.
pub(super) fn cross(layer: &Layer<'_>, (x, y): (f64, f64)) {
    layer.line(
        &[(x - CROSS, y - CROSS), (x + CROSS, y + CROSS)],
        FAULT,
        2.0,
    );
    layer.line(
        &[(x - CROSS, y + CROSS), (x + CROSS, y - CROSS)],
        FAULT,
        2.0,
    );
}

/// The head of an arrow.
fn head(layer: &Layer<'_>, (from_x, from_y): (f64, f64), (x, y): (f64, f64), which: usize) {
    let (dx, dy) = (x - from_x, y - from_y);
    let length = libm::hypot(dx, dy).max(1e-9);
    let (ux, uy) = (dx / length, dy / length);
    let (back, side) = (8.0, 3.5);
    let points = [
        (x, y),
        (x - ux * back - uy * side, y - uy * back + ux * side),
        (x - ux * back + uy * side, y - uy * back - ux * side),
    ];
    layer.shape(&points, colour(which), 1.0);
}

/// A step of 1, 2 or 5 times a power of ten that gives about eight ticks.
fn step(span: f64) -> f64 {
    let rough = span / 8.0;
    let power = libm::pow(10.0, libm::floor(libm::log10(rough.max(1e-9))));
    let factor = rough / power;
    let round = if factor <= 1.0 {
        1.0
    } else if factor <= 2.0 {
        2.0
    } else if factor <= 5.0 {
        5.0
    } else {
        10.0
    };
    round * power
}

fn shown(tick: f64, step: f64) -> String {
    let decimals = (-libm::floor(libm::log10(step))).max(0.0) as usize;
    format!("{tick:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        for (span, expected) in [(8.0, 1.0), (100.0, 20.0), (0.4, 0.05), (870.0, 200.0)] {
            assert!((step(span) - expected).abs() < 1e-9, "{span}");
        }
        assert_eq!(shown(1.5, 0.5), "1.5");
        assert_eq!(shown(20.0, 20.0), "20");
    }
}
