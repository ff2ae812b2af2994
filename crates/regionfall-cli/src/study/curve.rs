//! A metric against a key of the scenario that was varied: rows, and the picture with bands.

use regionfall::explore::{CellRuns, Estimate, Over, Results, estimate};
use regionfall::metric::{Column as Metric, Unit};
use regionfall_report::plot::{Axis, Curve, CurvePoint, CurveSeries, SmallMultiples};
use regionfall_report::table::{Cell, Column, Table};

use super::words;

/// Where along a curve.
pub(crate) struct Place {
    /// The value of each key, in the order of the arguments.
    pub(crate) values: Vec<String>,
}

/// A point of a curve: a place, variant, strategy and case.
pub(crate) struct Point {
    values: Vec<String>,
    variant: String,
    strategy: String,
    case: String,
    figure: Option<Estimate>,
}

/// A metric against keys.
pub(crate) struct Sweep {
    /// The keys; the first is drawn along the axis.
    pub(crate) keys: Vec<String>,
    /// The column that is drawn.
    pub(crate) metric: &'static Metric,
    /// Its points, by place, variant, case and strategy.
    pub(crate) points: Vec<Point>,
}

/// What of a column is drawn: times and words of rank as medians, counts and shares as means.
pub(crate) fn over(metric: &Metric) -> Over {
    match metric.unit {
        Unit::Milliseconds => Over::Median,
        Unit::Writes => Over::Rate,
        Unit::Reads | Unit::Servers | Unit::Share | Unit::Bytes | Unit::Count | Unit::Word => {
            Over::Mean
        }
    }
}

/// The column that shows what a key does, if the reader does not say.
pub(crate) fn default_metric(key: &str) -> &'static str {
    let is_replication = ["database.sync", "topology"]
        .iter()
        .any(|part| key.starts_with(part));
    // Of the slowest app server the time is often that of the heal, whatever the strategy does; the
    // median moves with what is varied.
    if is_replication {
        "rpo_at_resumption_ms"
    } else {
        "rto_p50_ms"
    }
}

impl Point {
    /// The points of one place.
    pub(crate) fn all<'r>(
        place: &'r Place,
        results: &'r Results<'_>,
        metric: &'r Metric,
    ) -> impl Iterator<Item = Self> + 'r {
        let of = move |cell: CellRuns<'_>| Self {
            values: place.values.clone(),
            variant: cell.variant.name.clone(),
            strategy: cell.strategy.name.clone(),
            case: cell.case.name.clone(),
            figure: estimate(&cell.column(metric.name), over(metric), results.level()),
        };
        results.cells().map(of)
    }
}

impl Sweep {
    /// The table for people.
    pub(crate) fn for_people(&self, title: &str) -> Table {
        let (unit, factor) = self.unit();
        let mut table = Table::new(title);
        for key in &self.keys {
            table = table.column(Column::text(key));
        }
        let has_variants = self.has_several(|point| &point.variant);
        if has_variants {
            table = table.column(Column::text("variant"));
        }
        table = table
            .column(Column::text("case"))
            .column(Column::text("strategy"));
        let name = words::short(self.metric.name);
        table = table
            .column(Column::figure(
                format!("{name}\n{}", self.statistic()),
                unit,
            ))
            .column(Column::count("seeds\nwith a value", "seeds"));
        for point in &self.points {
            let mut row: Vec<Cell> = point.values.iter().map(Cell::text).collect();
            if has_variants {
                row.push(Cell::text(&point.variant));
            }
            row.extend([&point.case, &point.strategy].map(Cell::text));
            row.push(shown(point.figure, factor));
            row.push(seeds(point.figure));
            table.push(row);
        }
        table
    }

    /// Milliseconds for times of which none is long, seconds otherwise: few digits are read best.
    fn unit(&self) -> (&'static str, f64) {
        const LONG: f64 = 10_000.0;
        let mut figures = self.points.iter().filter_map(|point| point.figure);
        if self.metric.unit == Unit::Milliseconds && figures.all(|figure| figure.value < LONG) {
            ("ms", 1.0)
        } else {
            words::unit_for_people(self.metric.unit)
        }
    }

    /// The table for scripts and for the folder: `curve.csv`.
    pub(crate) fn in_full(&self) -> Table {
        let mut table = Table::new("curve");
        for key in &self.keys {
            table = table.column(Column::text(key));
        }
        table = table.column(Column::estimate_of("at", 6));
        for name in ["variant", "case", "strategy", "metric", "statistic"] {
            table = table.column(Column::text(name));
        }
        table = table
            .column(Column::count("seeds", "seeds"))
            .column(Column::estimate("value", words::unit(self.metric.unit), 3).named_in_full());
        for (point, at) in self.points.iter().zip(self.places().0) {
            let mut row: Vec<Cell> = point.values.iter().map(Cell::text).collect();
            row.push(Cell::Number(at));
            row.extend([&point.variant, &point.case, &point.strategy].map(Cell::text));
            row.extend([self.metric.name, self.statistic()].map(Cell::text));
            row.push(seeds(point.figure));
            row.push(shown(point.figure, 1.0));
            table.push(row);
        }
        table
    }

    /// The picture: a panel for each variant, case and value of the further keys.
    pub(crate) fn svg(&self, title: &str, seeds: usize) -> String {
        let (places, x) = self.places();
        let (unit, factor) = self.unit();
        let mut panels: Vec<(String, Curve)> = Vec::new();
        let mut strategies: Vec<&str> = Vec::new();
        for point in &self.points {
            if !strategies.contains(&point.strategy.as_str()) {
                strategies.push(&point.strategy);
            }
        }
        for (point, at) in self.points.iter().zip(&places) {
            let heading = self.heading(point);
            let index = panels
                .iter()
                .position(|(known, _)| *known == heading)
                .unwrap_or_else(|| {
                    let series = strategies.iter().map(|name| CurveSeries {
                        name: (*name).to_owned(),
                        points: Vec::new(),
                    });
                    let curve = Curve {
                        title: String::new(),
                        x: x.clone(),
                        y: Axis::new(
                            format!("{}, {}", words::short(self.metric.name), self.statistic()),
                            unit,
                        ),
                        series: series.collect(),
                        band: Some(format!(
                            "Points: {}s over {seeds} seeds; shaded: 95 % intervals over seeds",
                            self.statistic()
                        )),
                    };
                    panels.push((heading, curve));
                    panels.len() - 1
                });
            let series = &mut panels[index].1.series;
            if let Some(series) = series
                .iter_mut()
                .find(|series| series.name == point.strategy)
            {
                let figure = point.figure.filter(|figure| figure.value.is_finite());
                series.points.push(CurvePoint {
                    x: *at,
                    y: figure.map(|figure| figure.value * factor),
                    band: figure
                        .and_then(|figure| figure.interval)
                        .map(|limits| (limits.low * factor, limits.high * factor)),
                });
            }
        }
        for (_, curve) in &mut panels {
            for series in &mut curve.series {
                series
                    .points
                    .sort_by(|one, other| one.x.total_cmp(&other.x));
            }
        }
        let title = format!(
            "{title}: {} against {}",
            words::short(self.metric.name),
            self.keys[0]
        );
        match SmallMultiples::curves(title, panels.clone()) {
            Ok(multiples) => multiples.svg(),
            // All panels are made above with the same axes and series.
            Err(_) => panels
                .into_iter()
                .next()
                .map_or_else(String::new, |(_, curve)| curve.svg()),
        }
    }

    /// What is drawn of the column.
    pub(crate) fn statistic(&self) -> &'static str {
        match over(self.metric) {
            Over::Median | Over::Quantile(_) => "median",
            Over::Mean | Over::Rate => "mean",
        }
    }

    fn has_several(&self, of: impl Fn(&Point) -> &String) -> bool {
        self.points
            .iter()
            .any(|point| of(point) != of(&self.points[0]))
    }

    fn heading(&self, point: &Point) -> String {
        let mut parts = Vec::new();
        if self.has_several(|point| &point.variant) {
            parts.push(point.variant.clone());
        }
        parts.push(point.case.clone());
        let further = self.keys.iter().zip(&point.values).skip(1);
        parts.extend(further.map(|(key, value)| format!("{key} = {value}")));
        parts.join(", ")
    }

    /// Where each point stands along the axis, and the axis. Values that are no quantities of one kind
    /// stand in the order in which they were given.
    fn places(&self) -> (Vec<f64>, Axis) {
        let key = &self.keys[0];
        let firsts: Vec<&str> = self
            .points
            .iter()
            .map(|point| point.values[0].as_str())
            .collect();
        let quantities: Option<Vec<(f64, &str)>> =
            firsts.iter().map(|text| quantity(text)).collect();
        if let Some(quantities) = quantities {
            let unit = quantities.first().map_or("", |first| first.1);
            if quantities.iter().all(|(_, other)| *other == unit) {
                let places = quantities.iter().map(|(value, _)| *value).collect();
                let is_plain = firsts.iter().all(|text| !text.contains('('));
                let name = if is_plain {
                    key.clone()
                } else {
                    format!("{key}, its first number")
                };
                return (places, Axis::new(name, unit));
            }
        }
        let mut distinct: Vec<&str> = Vec::new();
        for first in &firsts {
            if !distinct.contains(first) {
                distinct.push(first);
            }
        }
        let place = |first: &&str| {
            distinct
                .iter()
                .position(|known| known == first)
                .unwrap_or(0)
                + 1
        };
        let named: Vec<String> = distinct
            .iter()
            .enumerate()
            .map(|(index, name)| format!("{}: {name}", index + 1))
            .collect();
        let places = firsts.iter().map(|first| place(first) as f64).collect();
        (
            places,
            Axis::new(format!("{key} ({})", named.join(", ")), ""),
        )
    }
}

fn seeds(figure: Option<Estimate>) -> Cell {
    Cell::Count(figure.map_or(0, |figure| figure.seeds as u64))
}

fn shown(figure: Option<Estimate>, factor: f64) -> Cell {
    match figure {
        None => Cell::Missing,
        Some(Estimate {
            value,
            interval: Some(limits),
            ..
        }) => Cell::estimate(value * factor, limits.low * factor, limits.high * factor),
        Some(Estimate { value, .. }) => Cell::Number(value * factor),
    }
}

/// The first quantity in a text, in the basic unit of its kind: `250ms` is 0.25 s, as is
/// `lognormal(median=250ms, p99=2s)`.
fn quantity(text: &str) -> Option<(f64, &'static str)> {
    const UNITS: [(&str, f64, &str); 14] = [
        ("ns", 1e-9, "s"),
        ("us", 1e-6, "s"),
        ("ms", 1e-3, "s"),
        ("s", 1.0, "s"),
        ("m", 60.0, "s"),
        ("h", 3_600.0, "s"),
        ("%", 1.0, "%"),
        ("/s", 1.0, "per second"),
        ("B", 1.0, "bytes"),
        ("KiB", 1_024.0, "bytes"),
        ("MiB", 1_048_576.0, "bytes"),
        ("GiB", 1_073_741_824.0, "bytes"),
        ("kB", 1e3, "bytes"),
        ("MB", 1e6, "bytes"),
    ];
    let from = text.find(|c: char| c.is_ascii_digit())?;
    // A digit within a word begins no quantity: p99, eu-west-1.
    let before = text[..from].chars().next_back();
    if before.is_some_and(|c| c.is_alphanumeric() || c == '-') {
        return None;
    }
    let rest = &text[from..];
    let end = rest
        .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_'))
        .unwrap_or(rest.len());
    let number: f64 = rest[..end].replace('_', "").parse().ok()?;
    let word = rest[end..].trim_start();
    let word_end = word.find([',', ')', ' ']).unwrap_or(word.len());
    match &word[..word_end] {
        "" => Some((number, "")),
        unit => {
            let (_, factor, base) = UNITS.iter().find(|(known, ..)| *known == unit)?;
            Some((number * factor, base))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_found_in_values() {
        for (text, expected) in [
            ("250ms", Some((0.25, "s"))),
            ("1m", Some((60.0, "s"))),
            ("lognormal(median=20ms, p99=200ms)", Some((0.02, "s"))),
            ("5%", Some((5.0, "%"))),
            ("10_000", Some((10_000.0, ""))),
            ("aof-everysec", None),
            ("[\"us-east-1\"]", None),
            ("true", None),
        ] {
            let found = quantity(text);
            let is_equal = match (found, expected) {
                (Some((one, unit)), Some((other, expected))) => {
                    (one - other).abs() < 1e-12 && unit == expected
                }
                (None, None) => true,
                _ => false,
            };
            assert!(is_equal, "{text}: {found:?}");
        }
    }

    #[test]
    fn replication_moves_the_recovery_point_and_strategies_the_recovery_time() {
        assert_eq!(
            default_metric("database.sync.processing"),
            "rpo_at_resumption_ms"
        );
        assert_eq!(
            default_metric("strategy.route53-fast.propagation.ttl"),
            "rto_p50_ms"
        );
    }
}
