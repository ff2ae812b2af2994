//! The diagram of space and time: a line for each region, time from left to right, messages from line to line.
//!
//! It shows one run: what struck where and for how long, how copies of a write travelled, when clients went elsewhere, and where
//! copies came to an end. What takes milliseconds in a run of minutes is drawn a second time below, on an axis of its own.

mod sheet;

use super::canvas::{Canvas, Group, Layer, Writing};
use super::palette::{AXIS, FAULT, INK, Marker, colour};
use super::writing;
use sheet::{Sheet, cross};

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
    /// A stretch that is drawn again below, closer.
    pub closer: Option<Closer>,
}

/// A stretch of time that is too short to be read in the whole.
#[derive(Clone, PartialEq, Debug)]
pub struct Closer {
    /// Its first moment.
    pub from: f64,
    /// Its last moment.
    pub to: f64,
    /// What is to be seen in it.
    pub label: String,
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

/// Arms of the cross where copies end: longer than the dot of an execution at nearly the same moment is wide.
const CROSS: f64 = 6.0;
/// Dashes of the arrows of clients, in drawing units.
const DOTTED: &str = "5 5";
/// From the last line of the whole to the first of what is drawn closer.
const BETWEEN: f64 = 84.0;

impl SpaceTime {
    /// The picture.
    pub fn to_svg(&self) -> String {
        let widest = self
            .places
            .iter()
            .map(|place| writing::width(place, 12.0))
            .fold(60.0, f64::max);
        let left = widest + 28.0;
        let rows = ROW * self.places.len() as f64;
        let mut sheets = vec![Sheet {
            picture: self,
            left,
            top: TOP,
            bottom: TOP + rows,
            from: self.from,
            to: self.to,
        }];
        if let Some(closer) = &self.closer {
            let top = TOP + rows + BETWEEN;
            sheets.push(Sheet {
                picture: self,
                left,
                top,
                bottom: top + rows,
                from: closer.from,
                to: closer.to,
            });
        }
        let bottom = sheets.last().map_or(TOP, |sheet| sheet.bottom);
        let height = bottom + 78.0;
        let mut canvas = Canvas::new(WIDTH, height);
        canvas.group(Group::default(), |layer| self.headings(layer, &sheets));
        for sheet in &sheets {
            sheet.draw(&mut canvas);
        }
        Self::key(&mut canvas, &sheets, (left, height - 18.0));
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

    fn headings(&self, layer: &Layer<'_>, sheets: &[Sheet<'_>]) {
        let bold = Writing {
            bold: true,
            size: 14.0,
            ..Writing::PLAIN
        };
        layer.text(&self.title, (12.0, 22.0), bold);
        let (Some(closer), [whole, below]) = (&self.closer, sheets) else {
            return;
        };
        // Where in the whole it lies.
        let (from, to) = (whole.x(closer.from) - 3.0, whole.x(closer.to) + 3.0);
        let corners = [(from, whole.top + 2.0), (to, whole.bottom - 2.0)];
        layer.outline(corners, AXIS, 1.0);
        let small_bold = Writing {
            bold: true,
            ..Writing::PLAIN
        };
        let label = format!("Closer (framed above): {}", closer.label);
        layer.text(&label, (12.0, below.top - 20.0), small_bold);
    }

    /// What the signs mean, of those that are in the picture.
    fn key(canvas: &mut Canvas, sheets: &[Sheet<'_>], (left, y): (f64, f64)) {
        let is_drawn = |sign: Sign| sheets.iter().any(|sheet| sheet.has(sign));
        let mut x = left;
        for sign in Sign::ALL.into_iter().filter(|sign| is_drawn(*sign)) {
            let dash = (sign == Sign::Move).then_some(DOTTED);
            let sample = Group { title: None, dash };
            canvas.group(sample, |layer| sign.draw(layer, (x, y)));
            canvas.group(Group::default(), |layer| {
                let small = Writing {
                    size: SMALL,
                    ..Writing::PLAIN
                };
                layer.text(sign.meaning(), (x + 26.0, y), small);
            });
            x += 26.0 + writing::width(sign.meaning(), SMALL) + 20.0;
        }
    }
}

/// A kind of sign in the picture.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    Strike,
    Message,
    Move,
    Birth,
    Death,
}

impl Sign {
    const ALL: [Self; 5] = [
        Self::Strike,
        Self::Message,
        Self::Move,
        Self::Birth,
        Self::Death,
    ];

    const fn meaning(self) -> &'static str {
        match self {
            Self::Strike => "fault",
            Self::Message => "copy of a lost write under way",
            Self::Move => "app servers go elsewhere",
            Self::Birth => "write executed",
            Self::Death => "copies end",
        }
    }

    fn draw(self, layer: &Layer<'_>, (x, y): (f64, f64)) {
        match self {
            Self::Strike => layer.rectangle([(x, y - 6.0), (x + 18.0, y + 6.0)], FAULT, 0.25),
            Self::Message => layer.line(&[(x, y), (x + 18.0, y)], colour(0), 1.2),
            Self::Move => layer.line(&[(x, y), (x + 18.0, y)], colour(2), 1.5),
            Self::Birth => layer.marker((x + 9.0, y), Marker::Circle, INK),
            Self::Death => cross(layer, (x + 9.0, y)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> SpaceTime {
        SpaceTime {
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
            closer: None,
        }
    }

    #[test]
    fn what_is_out_of_sight_is_not_drawn() {
        let mut picture = picture();
        let shown = picture.to_svg();
        assert!(shown.contains("a &lt; b"));
        picture.messages[0].left.1 = 5.0;
        assert!(picture.to_svg().len() < shown.len());
    }

    #[test]
    fn the_key_has_what_is_in_the_picture_and_looks_like_it() {
        let mut picture = picture();
        let has = |picture: &SpaceTime, sign: Sign| {
            let text = format!(">{}</text>", sign.meaning());
            picture.to_svg().contains(&text)
        };
        assert!(has(&picture, Sign::Message));
        for sign in [Sign::Strike, Sign::Move, Sign::Birth, Sign::Death] {
            assert!(!has(&picture, sign), "{}", sign.meaning());
        }
        let dotted = format!("stroke-dasharray=\"{DOTTED}\"");
        let count = |picture: &SpaceTime| picture.to_svg().matches(&dotted).count();
        let without = count(&picture);
        picture.moves.push(Move {
            at: 14.0,
            from: 0,
            to: 1,
        });
        assert!(has(&picture, Sign::Move));
        assert_eq!(count(&picture), without + 1, "its sample is dotted too");
    }

    #[test]
    fn a_stretch_drawn_closer_has_an_axis_of_its_own() {
        let mut picture = picture();
        let mark = |at: f64, is_death| Mark {
            place: 0,
            at,
            label: format!("mark {at}"),
            is_death,
        };
        picture.marks = vec![mark(12.001, false), mark(12.002, true)];
        assert!(!picture.to_svg().contains("12.0015"));
        picture.closer = Some(Closer {
            from: 12.0005,
            to: 12.0025,
            label: "what became of it".to_owned(),
        });
        let svg = picture.to_svg();
        assert!(svg.contains("12.0015") && svg.contains("what became of it"));
        // Both are labelled in both, since each kind has a line of its own.
        assert_eq!(svg.matches("mark 12.001").count(), 2);
        assert_eq!(svg.matches("mark 12.002").count(), 2);
    }
}
