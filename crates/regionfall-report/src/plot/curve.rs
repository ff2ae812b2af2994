//! A metric against a scenario key that was varied, one line per strategy.

use super::Axis;
use super::axis::Scale;
use super::canvas::{Canvas, Group};
use super::chart::{self, Panel, Plane};
use super::palette::style;
use crate::number;

/// A metric against a varied key.
#[derive(Clone, PartialEq, Debug)]
pub struct Curve {
    /// What the picture shows.
    pub title: String,
    /// The key that was varied, and its unit.
    pub x: Axis,
    /// The metric and its unit.
    pub y: Axis,
    /// One per strategy.
    pub series: Vec<CurveSeries>,
    /// What points and bands are: `Points: medians over 100 seeds; bands: 95 % intervals`.
    pub band: Option<String>,
}

/// The line of one strategy.
#[derive(Clone, PartialEq, Debug)]
pub struct CurveSeries {
    /// Its name.
    pub name: String,
    /// Its points, by rising `x`.
    pub points: Vec<CurvePoint>,
}

/// One value of the key.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct CurvePoint {
    /// The value of the key.
    pub x: f64,
    /// The metric; `None` where it has no value, which interrupts the line.
    pub y: Option<f64>,
    /// The limits of the metric. An infinite upper limit reaches to the top edge.
    pub band: Option<(f64, f64)>,
}

impl Curve {
    /// The picture.
    pub fn svg(&self) -> String {
        chart::svg(&self.title, &[(String::new(), self)])
    }

    fn points(&self) -> impl Iterator<Item = &CurvePoint> {
        self.series.iter().flat_map(|series| &series.points)
    }
}

impl Panel for Curve {
    fn axes(&self) -> [&Axis; 2] {
        [&self.x, &self.y]
    }

    fn series(&self) -> Vec<String> {
        self.series
            .iter()
            .map(|series| series.name.clone())
            .collect()
    }

    fn scales(panels: &[&Self]) -> [Scale; 2] {
        let points = || panels.iter().flat_map(|panel| panel.points());
        let heights = points().flat_map(|point| {
            let (low, high) = point.band.unwrap_or((f64::NAN, f64::NAN));
            [point.y.unwrap_or(f64::NAN), low, high]
        });
        let spreads = panels
            .first()
            .map(|panel| [panel.x.spread, panel.y.spread])
            .unwrap_or_default();
        [
            Scale::fitting(points().map(|point| point.x), spreads[0]),
            Scale::fitting(heights, spreads[1]),
        ]
    }

    fn notes(&self) -> Vec<String> {
        let band = self.band.iter().filter(|_| self.points().next().is_some());
        band.map(|band| format!("{band}.")).collect()
    }

    fn description(&self) -> String {
        if self.points().next().is_none() {
            return "There is no data.".to_owned();
        }
        let shown = |value: Option<f64>| value.map_or("none".to_owned(), number::tick);
        let one = |series: &CurveSeries| match (series.points.first(), series.points.last()) {
            (Some(first), Some(last)) => format!(
                "{}: {} at {} to {} at {}",
                series.name,
                shown(first.y),
                number::tick(first.x),
                shown(last.y),
                number::tick(last.x)
            ),
            _ => format!("{}: no points", series.name),
        };
        let all: Vec<String> = self.series.iter().map(one).collect();
        format!(
            "{} against {}. {}.",
            self.y.label(),
            self.x.label(),
            all.join("; ")
        )
    }

    fn draw(&self, canvas: &mut Canvas, plane: Plane) {
        if self.points().next().is_none() {
            chart::no_data(canvas, plane.frame);
            return;
        }
        for (index, series) in self.series.iter().enumerate() {
            let bands = series.points.iter().map(|p| p.band.map(|band| (p.x, band)));
            for run in runs(bands) {
                let mut outline: Vec<_> = run
                    .iter()
                    .map(|(x, (_, high))| plane.at(*x, *high))
                    .collect();
                outline.extend(run.iter().rev().map(|(x, (low, _))| plane.at(*x, *low)));
                canvas.group(Group::default(), |layer| {
                    layer.shape(&outline, style(index).colour, 0.14);
                });
            }
        }
        for (index, series) in self.series.iter().enumerate() {
            let style = style(index);
            let runs = runs(series.points.iter().map(|p| p.y.map(|y| plane.at(p.x, y))));
            canvas.group(
                Group {
                    title: Some(&series.name),
                    dash: style.dash,
                },
                |layer| {
                    for run in &runs {
                        layer.line(run, style.colour, style.width);
                    }
                },
            );
            canvas.group(Group::default(), |layer| {
                for point in runs.iter().flatten() {
                    layer.marker(*point, style.marker, style.colour);
                }
            });
        }
    }
}

/// Stretches without a gap.
fn runs<T>(values: impl Iterator<Item = Option<T>>) -> Vec<Vec<T>> {
    let mut runs = vec![Vec::new()];
    for value in values {
        match (value, runs.last_mut()) {
            (Some(value), Some(run)) => run.push(value),
            _ => runs.push(Vec::new()),
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_ends_a_run() {
        let got = runs([Some(1), Some(2), None, None, Some(3)].into_iter());
        assert_eq!(got, [vec![1, 2], vec![3]]);
    }
}
