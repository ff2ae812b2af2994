//! The diagram of space and time: a line for each region, time from left to right, messages from line to line.
//!
//! It shows one run: what struck where and for how long, how copies of a write travelled, when clients went elsewhere, and where
//! copies came to an end.

use super::canvas::{Across, Canvas, Group, Layer, Writing};
use super::palette::{AXIS, FAULT, GRID, INK, Marker, SOFT_INK, colour};
use super::writing;

/// See the module. Times are in seconds.
#[derive(Clone, PartialEq, Debug)]
pub struct SpaceTime {
    /// What it shows.
    pub title: String,
    /// The regions, from top to bottom.
    pub places: Vec<String>,
    /// The first moment that is shown.
    pub from: f64,
    /// The last moment that is shown.
    pub to: f64,
    /// What struck where.
    pub strikes: Vec<Strike>,
    /// Messages.
    pub messages: Vec<Message>,
    /// Clients that went elsewhere.
    pub moves: Vec<Move>,
    /// Moments on a line.
    pub marks: Vec<Mark>,
}

/// Something that struck a place for a while.
#[derive(Clone, PartialEq, Debug)]
pub struct Strike {
    /// Which place.
    pub place: usize,
    /// From when.
    pub from: f64,
    /// Until when.
    pub to: f64,
    /// What it was.
    pub label: String,
}

/// A message from place to place.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Message {
    /// From where, and when it left.
    pub left: (usize, f64),
    /// To where, and when it arrived.
    pub arrived: (usize, f64),
}

/// Clients that went from a place to another.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Move {
    /// When.
    pub at: f64,
    /// From where.
    pub from: usize,
    /// To where.
    pub to: usize,
}

/// A moment on a line.
#[derive(Clone, PartialEq, Debug)]
pub struct Mark {
    /// On which line.
    pub place: usize,
    /// When.
    pub at: f64,
    /// What it was.
    pub label: String,
    /// How bad it is: the end of a copy, or only something to know.
    pub is_death: bool,
}

const WIDTH: f64 = 960.0;
const TOP: f64 = 56.0;
const ROW: f64 = 92.0;
const RIGHT: f64 = 24.0;
const SMALL: f64 = 11.0;

impl SpaceTime {
    /// The picture.
    pub fn to_svg(&self) -> String {
        let widest = self
            .places
            .iter()
            .map(|place| writing::width(place, 12.0))
            .fold(60.0, f64::max);
        let left = widest + 28.0;
        let bottom = TOP + ROW * self.places.len() as f64;
        let height = bottom + 78.0;
        let sheet = Sheet {
            picture: self,
            left,
            bottom,
        };
        let mut canvas = Canvas::new(WIDTH, height);
        canvas.group(Group::default(), |layer| sheet.frame(layer));
        canvas.group(Group::default(), |layer| sheet.strikes(layer));
        canvas.group(
            Group {
                title: Some("copies under way"),
                dash: None,
            },
            |layer| sheet.messages(layer),
        );
        canvas.group(
            Group {
                title: Some("clients that went elsewhere"),
                dash: Some("5 5"),
            },
            |layer| sheet.moves(layer),
        );
        canvas.group(Group::default(), |layer| sheet.marks(layer));
        canvas.group(Group::default(), |layer| sheet.key(layer, height - 18.0));
        let description = format!(
            "{} regions from {:.1} s to {:.1} s; {} faults, {} messages, {} moves of clients",
            self.places.len(),
            self.from,
            self.to,
            self.strikes.len(),
            self.messages.len(),
            self.moves.len()
        );
        canvas.finish(&self.title, &description)
    }
}

struct Sheet<'a> {
    picture: &'a SpaceTime,
    left: f64,
    bottom: f64,
}

impl Sheet<'_> {
    fn x(&self, at: f64) -> f64 {
        let picture = self.picture;
        let span = (picture.to - picture.from).max(1e-9);
        let share = ((at - picture.from) / span).clamp(0.0, 1.0);
        self.left + share * (WIDTH - RIGHT - self.left)
    }

    fn y(place: usize) -> f64 {
        TOP + ROW * (place as f64 + 0.5)
    }

    fn is_shown(&self, at: f64) -> bool {
        (self.picture.from..=self.picture.to).contains(&at)
    }

    fn frame(&self, layer: &Layer<'_>) {
        let bold = Writing {
            bold: true,
            size: 14.0,
            ..Writing::PLAIN
        };
        layer.text(&self.picture.title, (12.0, 22.0), bold);
        let step = step(self.picture.to - self.picture.from);
        let mut tick = (self.picture.from / step).ceil() * step;
        let centred = Writing {
            size: SMALL,
            across: Across::Middle,
            colour: SOFT_INK,
            ..Writing::PLAIN
        };
        while tick <= self.picture.to {
            let x = self.x(tick);
            layer.line(&[(x, TOP), (x, self.bottom)], GRID, 1.0);
            layer.text(&shown(tick, step), (x, self.bottom + 14.0), centred);
            tick += step;
        }
        let middle = f64::midpoint(self.left, WIDTH - RIGHT);
        layer.text(
            "seconds since the run began",
            (middle, self.bottom + 32.0),
            centred,
        );
        for (place, name) in self.picture.places.iter().enumerate() {
            let y = Self::y(place);
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
        for strike in &self.picture.strikes {
            let (from, to) = (
                self.x(strike.from),
                self.x(strike.to).max(self.x(strike.from) + 2.0),
            );
            let y = Self::y(strike.place);
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
        for message in &self.picture.messages {
            let ((from, left), (to, arrived)) = (message.left, message.arrived);
            if from == to || !self.is_shown(left) || !self.is_shown(arrived) {
                continue;
            }
            let begin = (self.x(left), Self::y(from));
            let end = (self.x(arrived), Self::y(to));
            layer.line(&[begin, end], colour(0), 1.2);
            head(layer, begin, end, 0);
        }
    }

    fn moves(&self, layer: &Layer<'_>) {
        for one in &self.picture.moves {
            if one.from == one.to || !self.is_shown(one.at) {
                continue;
            }
            let x = self.x(one.at);
            let (begin, end) = ((x, Self::y(one.from)), (x, Self::y(one.to)));
            layer.line(&[begin, end], colour(2), 1.5);
            head(layer, begin, end, 2);
        }
    }

    fn marks(&self, layer: &Layer<'_>) {
        let mut ends: Vec<f64> = vec![0.0; self.picture.places.len()];
        for mark in &self.picture.marks {
            if !self.is_shown(mark.at) {
                continue;
            }
            let (x, y) = (self.x(mark.at), Self::y(mark.place));
            let (marker, ink) = if mark.is_death {
                (Marker::Cross, FAULT)
            } else {
                (Marker::Circle, INK)
            };
            layer.marker((x, y), marker, ink);
            let width = writing::width(&mark.label, SMALL);
            let start = (x + 6.0).min(WIDTH - RIGHT - width);
            // A label that would lie on another is left out: the line shows the mark all the same.
            if start >= ends[mark.place] {
                let small = Writing {
                    size: SMALL,
                    ..Writing::PLAIN
                };
                layer.text(&mark.label, (start, y + 22.0), small);
                ends[mark.place] = start + width + 8.0;
            }
        }
    }

    fn key(&self, layer: &Layer<'_>, y: f64) {
        let small = Writing {
            size: SMALL,
            ..Writing::PLAIN
        };
        let mut x = self.left;
        layer.rectangle([(x, y - 6.0), (x + 18.0, y + 6.0)], FAULT, 0.25);
        layer.text("fault", (x + 24.0, y), small);
        x += 90.0;
        layer.line(&[(x, y), (x + 18.0, y)], colour(0), 1.2);
        layer.text("copy of a lost write under way", (x + 24.0, y), small);
        x += 220.0;
        layer.line(&[(x, y), (x + 18.0, y)], colour(2), 1.5);
        layer.text("app servers go elsewhere", (x + 24.0, y), small);
        x += 190.0;
        layer.marker((x + 9.0, y), Marker::Cross, FAULT);
        layer.text("copies end", (x + 24.0, y), small);
        x += 110.0;
        layer.marker((x + 9.0, y), Marker::Circle, INK);
        layer.text("write executed", (x + 24.0, y), small);
    }
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

    #[test]
    fn what_is_out_of_sight_is_not_drawn() {
        let mut picture = SpaceTime {
            title: "a < b".to_owned(),
            places: vec!["one".to_owned(), "two".to_owned()],
            from: 10.0,
            to: 20.0,
            strikes: Vec::new(),
            messages: vec![Message {
                left: (0, 12.0),
                arrived: (1, 13.0),
            }],
            moves: Vec::new(),
            marks: Vec::new(),
        };
        let shown = picture.to_svg();
        assert!(shown.contains("a &lt; b"));
        picture.messages[0].left.1 = 5.0;
        assert!(picture.to_svg().len() < shown.len());
    }
}
