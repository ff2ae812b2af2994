//! One seed from beginning to end: what was broken, how many requests succeeded, where they went.
//!
//! ```text
//!   phases        warm-up │ storm                          │ calm │
//!   faults                      ▒▒ region outage ▒▒
//!   success       ────────────┐       ┌──────────────────────────
//!                             └───────┘
//!   lost writes            ▾▾▾
//!   routes  us    A A A A A A A B B B B B B B B B B B A A A A
//!           eu    B B B B B B B B B B B B B B B B B B B B B B
//!                 0 s                                     time
//! ```

mod draw;

use super::axis::Scale;
use super::canvas::{Canvas, TEXT};
use super::chart::{self, MARGIN, WIDTH};
use super::legend::Legend;
use super::writing;
use crate::number;

/// One run on a time axis. All times are seconds since the run began.
#[derive(Clone, PartialEq, Debug)]
pub struct Timeline {
    /// What the picture shows, with strategy and seed.
    pub title: String,
    /// When the picture begins and ends.
    pub window: (f64, f64),
    /// The phases, in order.
    pub phases: Vec<Phase>,
    /// The faults, in order of their beginning.
    pub faults: Vec<Fault>,
    /// The share of requests that succeeded, per fleet or strategy.
    pub success: Vec<SuccessSeries>,
    /// Acknowledged writes that were lost, by the moment of their acknowledgement.
    pub lost: Vec<LostWrites>,
    /// The members, by position; lanes refer to them.
    pub members: Vec<String>,
    /// Which member each fleet or app server used.
    pub lanes: Vec<Lane>,
    /// Of whose lanes only some are drawn, in a clause (`9 of 30 app servers of checkout`); `None` if all are.
    pub drawn: Option<String>,
}

/// A phase of the run.
#[derive(Clone, PartialEq, Debug)]
pub struct Phase {
    /// Its name.
    pub name: String,
    /// When it begins.
    pub start: f64,
    /// When it ends.
    pub end: f64,
}

/// Something broken for a while.
#[derive(Clone, PartialEq, Debug)]
pub struct Fault {
    /// What, in a few words.
    pub label: String,
    /// When it begins.
    pub start: f64,
    /// When it is healed; `None` if never.
    pub end: Option<f64>,
}

/// A share over time.
#[derive(Clone, PartialEq, Debug)]
pub struct SuccessSeries {
    /// The fleet or strategy.
    pub name: String,
    /// Beginnings of windows, and the share that succeeded in each; `None` if nothing was asked.
    pub windows: Vec<(f64, Option<f64>)>,
}

/// Lost writes near a moment.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct LostWrites {
    /// The moment.
    pub at: f64,
    /// How many.
    pub count: u64,
}

/// Where the requests of a fleet or app server went.
#[derive(Clone, PartialEq, Debug)]
pub struct Lane {
    /// Whose requests.
    pub name: String,
    /// The stretches, in order. Gaps are times without a route.
    pub spans: Vec<Span>,
}

/// A stretch with one route.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Span {
    /// When it begins.
    pub start: f64,
    /// When it ends.
    pub end: f64,
    /// The position of the member.
    pub member: usize,
}

const STRIP: f64 = 18.0;
const LANE: f64 = 20.0;
const SUCCESS: f64 = 150.0;
const GAP: f64 = 14.0;
const SMALL: f64 = TEXT * 0.92;

/// Where the parts of the picture lie.
struct Layout {
    left: f64,
    right: f64,
    phases: f64,
    faults: f64,
    fault_rows: Vec<usize>,
    success: f64,
    lost: f64,
    lanes: f64,
    bottom: f64,
}

impl Timeline {
    /// The picture.
    pub fn svg(&self) -> String {
        let (title, title_bottom) = chart::title_lines(&self.title);
        let layout = self.layout(title_bottom + 4.0);
        let names: Vec<String> = self
            .success
            .iter()
            .map(|series| series.name.clone())
            .collect();
        let legend = Legend::new(&names, WIDTH - 2.0 * MARGIN);
        let member_rows = self.member_rows();
        let legend_top = layout.bottom + 52.0;
        let members_top = legend_top + legend.height() + 8.0;
        let notes = self.notes();
        let notes_top = members_top + member_rows.len() as f64 * LANE + 6.0;
        let height = notes_top + notes.len() as f64 * 15.0 + 12.0;
        let mut canvas = Canvas::new(WIDTH, height);
        chart::write_title(&mut canvas, &title);
        self.draw_shades(&mut canvas, &layout);
        self.draw_phases(&mut canvas, &layout);
        self.draw_faults(&mut canvas, &layout);
        self.draw_success(&mut canvas, &layout);
        self.draw_lost(&mut canvas, &layout);
        self.draw_lanes(&mut canvas, &layout);
        self.draw_time(&mut canvas, &layout);
        legend.draw(&mut canvas, (MARGIN, legend_top));
        self.draw_members(&mut canvas, &member_rows, members_top);
        Self::draw_notes(&mut canvas, &notes, notes_top);
        canvas.finish(&self.title, &self.description())
    }

    fn layout(&self, top: f64) -> Layout {
        let titles = ["phase", "faults", &self.lost_title()].map(|text| writing::width(text, TEXT));
        let lanes = self
            .lanes
            .iter()
            .map(|lane| writing::width(&lane.name, TEXT));
        let widest = lanes.chain(titles).fold(60.0, f64::max).min(240.0);
        let (left, right) = (MARGIN + widest + 12.0, WIDTH - MARGIN - 14.0);
        let fault_rows = self.fault_rows(left, right);
        let rows = fault_rows.iter().map(|row| row + 1).max().unwrap_or(1);
        let faults = top + STRIP + 6.0;
        let success = faults + rows as f64 * STRIP + GAP;
        let lost = success + SUCCESS + GAP;
        let lanes = lost + STRIP + GAP;
        let bottom = lanes + self.lanes.len().max(1) as f64 * LANE + 6.0;
        Layout {
            left,
            right,
            phases: top,
            faults,
            fault_rows,
            success,
            lost,
            lanes,
            bottom,
        }
    }

    fn scale(&self) -> Scale {
        let (min, max) = self.window;
        Scale::Linear {
            min,
            max: if max > min { max } else { min + 1.0 },
        }
    }

    fn x(&self, layout: &Layout, time: f64) -> f64 {
        layout.left + (layout.right - layout.left) * self.scale().place(time)
    }

    fn end_of(&self, fault: &Fault) -> f64 {
        fault.end.unwrap_or(self.window.1)
    }

    /// The row of each fault: bars and labels of one row do not touch.
    fn fault_rows(&self, left: f64, right: f64) -> Vec<usize> {
        let mut ends: Vec<f64> = Vec::new();
        let rows = self.faults.iter().map(|fault| {
            let place = |time: f64| left + (right - left) * self.scale().place(time);
            let (from, to) = (place(fault.start), place(self.end_of(fault)));
            let label = writing::width(&fault.label, SMALL) + 12.0;
            // A label that does not fit its bar stands after it, or before it near the right edge.
            let (from, to) = if label <= to - from {
                (from, to)
            } else if to + label <= right {
                (from, to + label)
            } else {
                (from - label, to)
            };
            let row = ends
                .iter()
                .position(|end| *end + 4.0 <= from)
                .unwrap_or(ends.len());
            if row == ends.len() {
                ends.push(to);
            } else {
                ends[row] = to;
            }
            row
        });
        rows.collect()
    }

    fn lost_title(&self) -> String {
        let total: u64 = self.lost.iter().map(|lost| lost.count).sum();
        format!("lost writes: {}", number::count(total))
    }

    /// Whose routes are drawn, if not everybody's; all phases with their times, for those too short to hold
    /// their name.
    fn notes(&self) -> Vec<String> {
        let one = |phase: &Phase| {
            format!(
                "{} {}–{} s",
                phase.name,
                number::tick(phase.start),
                number::tick(phase.end)
            )
        };
        let drawn = self.drawn.as_ref();
        let drawn = drawn.map(|drawn| format!("Routes are drawn of {drawn}."));
        let phases = (!self.phases.is_empty()).then(|| {
            let all: Vec<String> = self.phases.iter().map(one).collect();
            format!("Phases: {}", all.join(", "))
        });
        let lines = drawn.into_iter().chain(phases);
        lines
            .flat_map(|note| writing::wrap(&note, SMALL, WIDTH - 2.0 * MARGIN))
            .collect()
    }

    /// Names of members beside their colour and letter, in rows that fit the picture.
    fn member_rows(&self) -> Vec<Vec<(usize, f64)>> {
        let mut rows: Vec<Vec<(usize, f64)>> = Vec::new();
        let mut x = WIDTH;
        for (index, member) in self.members.iter().enumerate() {
            let wide = writing::width(member, TEXT) + 52.0;
            if x + wide > WIDTH - MARGIN {
                rows.push(Vec::new());
                x = MARGIN + if rows.len() == 1 { 64.0 } else { 0.0 };
            }
            if let Some(row) = rows.last_mut() {
                row.push((index, x));
            }
            x += wide;
        }
        rows
    }

    fn description(&self) -> String {
        let faults: Vec<String> = self
            .faults
            .iter()
            .map(|fault| match fault.end {
                Some(end) => format!(
                    "{} from {} s to {} s",
                    fault.label,
                    number::tick(fault.start),
                    number::tick(end)
                ),
                None => format!("{} from {} s on", fault.label, number::tick(fault.start)),
            })
            .collect();
        let lost: u64 = self.lost.iter().map(|lost| lost.count).sum();
        let faults = if faults.is_empty() {
            "none".to_owned()
        } else {
            faults.join("; ")
        };
        format!(
            "One run from {} s to {} s. Faults: {faults}. Acknowledged writes lost: {lost}. Success over \
             time and the member in use are drawn for {}.",
            number::tick(self.window.0),
            number::tick(self.window.1),
            self.lanes
                .iter()
                .map(|lane| lane.name.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        )
    }
}
