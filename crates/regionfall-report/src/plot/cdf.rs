//! Cumulative distributions: the share that was back by a time, one line per strategy.
//!
//! Distributions and not means, because recovery has several modes: each vertical stretch of a line
//! is one of them. What never happened within the horizon keeps a line below 100 %; the missing share
//! is written at its right end.

use super::axis::{Scale, Tick};
use super::canvas::{Canvas, Group, TEXT, Writing};
use super::chart::{self, Panel, Plane};
use super::palette::{Style, style};
use super::{Axis, writing};
use crate::number;

/// Of more series than this the bands are left out: laid over each other they would hide the lines.
const BANDED_MAX: usize = 4;

/// The marks of a line: at these shares, shifted a little for each series so that they do not meet.
const MARKS: [f64; 5] = [0.08, 0.28, 0.48, 0.68, 0.88];

/// Empirical distributions of one quantity.
#[derive(Clone, PartialEq, Debug)]
pub struct Cdf {
    /// What the picture shows.
    pub title: String,
    /// The quantity and its unit.
    pub x: Axis,
    /// Of what the share is: `Share of seeds`.
    pub of: String,
    /// One per strategy.
    pub series: Vec<CdfSeries>,
    /// What the bands are (`95 % band for the whole line`), if there are any.
    pub band: Option<String>,
    /// What "never" means (`not before the run ended after 900 s`), if anything is missing.
    pub never: Option<String>,
    /// What is said where there was nothing to observe (`no app server was exposed`), which is not the same as
    /// having observed that something never happened.
    pub nothing: String,
}

/// One distribution.
#[derive(Clone, PartialEq, Debug)]
pub struct CdfSeries {
    /// The name of the strategy.
    pub name: String,
    /// Its steps, by rising value. The last share is below 1 if something never happened.
    pub steps: Vec<CdfStep>,
    /// How many were observed. Of none there is no line.
    pub count: usize,
}

/// A step of a distribution.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct CdfStep {
    /// The value, in the unit of the axis.
    pub value: f64,
    /// The share at or below it, from 0 to 1.
    pub share: f64,
    /// The limits of the share.
    pub band: Option<(f64, f64)>,
}

impl Cdf {
    /// The picture.
    pub fn svg(&self) -> String {
        chart::svg(&self.title, &[(String::new(), self)])
    }

    /// Whether there is no line to draw.
    fn is_empty(&self) -> bool {
        self.series.iter().all(|series| series.count == 0)
    }

    fn has_bands(&self) -> bool {
        let mut steps = self.series.iter().flat_map(|series| &series.steps);
        steps.any(|step| step.band.is_some())
    }

    /// What the picture says of series without a line: all of them, or these by name.
    fn unobserved(&self) -> Option<String> {
        let names: Vec<&str> = self
            .series
            .iter()
            .filter(|series| series.count == 0)
            .map(|series| series.name.as_str())
            .collect();
        (!names.is_empty()).then(|| format!("No line for {}: {}", names.join(", "), self.nothing))
    }
}

impl CdfSeries {
    /// The share that never happened; 0 if rounding is all that lacks, or nothing was observed.
    fn missing(&self) -> f64 {
        if self.count == 0 {
            return 0.0;
        }
        let missing = 1.0 - self.steps.last().map_or(0.0, |step| step.share);
        if missing > 1e-9 { missing } else { 0.0 }
    }

    fn label(&self) -> String {
        format!("{} never", number::percent(self.missing()))
    }

    /// The smallest value with at least this share at or below it.
    fn quantile(&self, share: f64) -> Option<f64> {
        self.steps
            .iter()
            .find(|step| step.share >= share - 1e-12)
            .map(|step| step.value)
    }
}

impl Panel for Cdf {
    fn axes(&self) -> [&Axis; 2] {
        // The vertical axis is fixed; only its words are the caller's.
        [&self.x, &self.x]
    }

    fn y_label(&self) -> String {
        format!("{} (%)", self.of)
    }

    fn series(&self) -> Vec<String> {
        self.series
            .iter()
            .map(|series| series.name.clone())
            .collect()
    }

    fn scales(panels: &[&Self]) -> [Scale; 2] {
        let series = panels.iter().flat_map(|panel| &panel.series);
        let values = series.flat_map(|series| series.steps.iter().map(|step| step.value));
        let spread = panels
            .first()
            .map(|panel| panel.x.spread)
            .unwrap_or_default();
        [
            Scale::fitting(values, spread),
            Scale::Linear { min: 0.0, max: 1.0 },
        ]
    }

    fn y_ticks(&self, _: Scale, _: f64) -> Vec<Tick> {
        let label = |tick: u32| (f64::from(tick) / 4.0, (tick * 25).to_string());
        (0..=4).map(label).collect()
    }

    fn right_room(&self) -> f64 {
        let missing = self.series.iter().filter(|series| series.missing() > 0.0);
        missing
            .map(|series| writing::width(&series.label(), TEXT) + 24.0)
            .fold(0.0, f64::max)
    }

    fn notes(&self) -> Vec<String> {
        let band = self.band.as_ref().filter(|_| self.has_bands());
        let band = band.map(|band| {
            if self.series.len() > BANDED_MAX {
                format!(
                    "Left out, since {} bands would hide the lines: {band}.",
                    self.series.len()
                )
            } else {
                format!("Shaded: {band}.")
            }
        });
        let is_missing = self.series.iter().any(|series| series.missing() > 0.0);
        let never = self
            .never
            .as_ref()
            .filter(|_| is_missing)
            .map(|never| format!("never: {never}."));
        // A panel without any line says so itself.
        let unobserved = self.unobserved().filter(|_| !self.is_empty());
        let unobserved = unobserved.map(|unobserved| format!("{unobserved}."));
        band.into_iter().chain(never).chain(unobserved).collect()
    }

    fn description(&self) -> String {
        if self.series.is_empty() {
            return "There is no data.".to_owned();
        }
        if self.is_empty() {
            return format!("{}.", self.nothing);
        }
        let unit = &self.x.unit;
        let one = |series: &CdfSeries| {
            if series.count == 0 {
                return format!("{}: {}", series.name, self.nothing);
            }
            let value = |share: f64| {
                series.quantile(share).map_or("never".to_owned(), |v| {
                    format!("{} {unit}", number::fixed(v, 1))
                })
            };
            let never = if series.missing() > 0.0 {
                format!(", {}", series.label())
            } else {
                String::new()
            };
            format!(
                "{}: median {}, p95 {}{never}",
                series.name,
                value(0.5),
                value(0.95)
            )
        };
        let all: Vec<String> = self.series.iter().map(one).collect();
        format!(
            "Cumulative distribution of {}. {}.",
            self.x.label(),
            all.join("; ")
        )
    }

    fn draw(&self, canvas: &mut Canvas, plane: Plane) {
        if self.series.is_empty() {
            chart::no_data(canvas, plane.frame);
            return;
        }
        if self.is_empty() {
            chart::say(canvas, plane.frame, &self.nothing);
            return;
        }
        let observed = self.series.iter().enumerate();
        let observed = observed.filter(|(_, series)| series.count > 0);
        if self.series.len() <= BANDED_MAX {
            for (index, series) in observed.clone() {
                draw_band(canvas, plane, series, style(index));
            }
        }
        for (index, series) in observed {
            draw_line(canvas, plane, series, index, self.series.len());
        }
        label_missing(canvas, plane, &self.series);
    }
}

/// The corners of a rising stair through values and shares, ending at the right edge.
fn stair(plane: Plane, points: impl Iterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
    let mut corners: Vec<(f64, f64)> = Vec::new();
    let nothing = plane.at(0.0, 0.0).1;
    for (value, share) in points {
        let (x, y) = plane.at(value, share);
        let before = corners.last().map_or(nothing, |corner| corner.1);
        corners.push((x, before));
        corners.push((x, y));
    }
    let last = corners.last().map_or(nothing, |corner| corner.1);
    if corners.is_empty() {
        corners.push((plane.frame.left, last));
    }
    corners.push((plane.frame.right, last));
    corners
}

fn draw_band(canvas: &mut Canvas, plane: Plane, series: &CdfSeries, style: Style) {
    let limits = |upper: bool| {
        series.steps.iter().filter_map(move |step| {
            step.band
                .map(|(low, high)| (step.value, if upper { high } else { low }))
        })
    };
    if limits(true).next().is_none() {
        return;
    }
    let mut outline = stair(plane, limits(true));
    outline.extend(stair(plane, limits(false)).into_iter().rev());
    canvas.group(Group::default(), |layer| {
        layer.shape(&outline, style.colour, 0.14);
    });
}

fn draw_line(canvas: &mut Canvas, plane: Plane, series: &CdfSeries, index: usize, of: usize) {
    let style = style(index);
    let path = stair(
        plane,
        series.steps.iter().map(|step| (step.value, step.share)),
    );
    let group = Group {
        title: Some(&series.name),
        dash: style.dash,
    };
    canvas.group(group, |layer| layer.line(&path, style.colour, style.width));
    canvas.group(Group::default(), |layer| {
        let shift = 0.2 * index as f64 / of as f64;
        let reached = series.steps.last().map_or(0.0, |step| step.share);
        for share in MARKS
            .map(|mark| mark + shift)
            .into_iter()
            .filter(|&share| share <= reached)
        {
            if let Some(value) = series.quantile(share) {
                layer.marker(plane.at(value, share), style.marker, style.colour);
            }
        }
    });
}

/// Writes the share that never happened at the right end of each line, the labels kept apart.
fn label_missing(canvas: &mut Canvas, plane: Plane, series: &[CdfSeries]) {
    let missing: Vec<_> = series
        .iter()
        .enumerate()
        .filter(|(_, series)| series.missing() > 0.0)
        .collect();
    let wanted: Vec<f64> = missing
        .iter()
        .map(|(_, series)| plane.at(0.0, 1.0 - series.missing()).1)
        .collect();
    let frame = plane.frame;
    let placed = writing::spread_out(&wanted, 15.0, frame.top, frame.bottom);
    canvas.group(Group::default(), |layer| {
        for (((index, series), wanted), y) in missing.iter().zip(&wanted).zip(placed) {
            let style = style(*index);
            layer.line(
                &[(frame.right, *wanted), (frame.right + 12.0, y)],
                style.colour,
                1.0,
            );
            layer.marker((frame.right + 14.0, y), style.marker, style.colour);
            layer.text(&series.label(), (frame.right + 23.0, y), Writing::PLAIN);
        }
    });
}
