//! Figures over seeds with their intervals: what tables and pictures show.

use super::results::CellRuns;
use super::statistics::bootstrap::{Bootstrap, Method};
use super::statistics::paired::{self, Difference};
use super::statistics::quantile::{self, Probability};
use super::statistics::{Interval, Level, Sample, poisson};
use crate::metric::RecoveredBy;

/// The key of the resampling: the same figures have the same limits everywhere.
const KEY: u64 = 1;

/// A figure of a column over seeds.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Over {
    /// Half of the seeds are at or below.
    Median,
    /// So large a share of the seeds is at or below.
    Quantile(Probability),
    /// The mean.
    Mean,
    /// The mean of a count of independent things: where nothing was counted in any seed, the upper
    /// limit is that which is still compatible with it.
    Rate,
}

/// A figure with what is known about it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Estimate {
    /// The figure; infinite if it was not reached before the horizon.
    pub value: f64,
    /// Its interval over seeds; `None` if there are too few.
    pub interval: Option<Interval>,
    /// How many seeds had a value.
    pub seeds: usize,
}

/// The figure of these values, one for each seed; `None` if there are none.
///
/// Quantiles have intervals by order statistics, means by bootstrap.
pub fn estimate(values: &[f64], over: Over, level: Level) -> Option<Estimate> {
    let sample = Sample::new(values).ok()?;
    let seeds = sample.count();
    let (value, interval) = match over {
        Over::Median => of_quantile(&sample, Probability::P50, level),
        Over::Quantile(probability) => of_quantile(&sample, probability, level),
        Over::Rate if sample.max() == 0.0 && sample.min() == 0.0 => {
            let high = poisson::rate_upper_if_none(seeds as f64, level);
            (0.0, high.map(|high| Interval::new(0.0, high)))
        }
        Over::Mean | Over::Rate => {
            let settings = Bootstrap {
                level,
                ..Bootstrap::standard(KEY)
            };
            // One seed shows no spread at all, which is not the same as none.
            let interval = (seeds > 1)
                .then(|| settings.mean(sample.sorted()))
                .flatten();
            (sample.mean(), interval)
        }
    };
    Some(Estimate {
        value,
        interval,
        seeds,
    })
}

fn of_quantile(sample: &Sample, probability: Probability, level: Level) -> (f64, Option<Interval>) {
    let value = quantile::nearest_rank(sample, probability);
    (value, quantile::interval(sample, probability, level).ok())
}

/// How a column differs between two strategies, over the seeds in which both have a finite value.
pub fn difference(
    first: &CellRuns<'_>,
    second: &CellRuns<'_>,
    column: &str,
    level: Level,
) -> Option<Difference> {
    let pairs: Vec<(f64, f64)> = first
        .runs
        .iter()
        .zip(second.runs)
        .filter_map(|(one, other)| Some((one.ranked(column)?, other.ranked(column)?)))
        .collect();
    let (ones, others): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
    let settings = Bootstrap {
        level,
        method: Method::Percentile,
        ..Bootstrap::standard(KEY)
    };
    paired::compare(&ones, &others, &settings).ok()
}

/// How affected app servers of all seeds were served again, as shares, in the order of
/// [`RecoveredBy::ALL`]; `None` if none was affected.
pub fn recovered_shares(cell: &CellRuns<'_>) -> Option<[f64; 4]> {
    let episodes = || cell.runs.iter().flat_map(|run| &run.episodes);
    let affected = episodes()
        .filter(|episode| episode.recovered_by.is_some())
        .count();
    (affected > 0).then(|| {
        RecoveredBy::ALL.map(|way| {
            let such = episodes()
                .filter(|episode| episode.recovered_by == Some(way))
                .count();
            such as f64 / affected as f64
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explore::{Comparison, Run};
    use crate::metric::{Column, EpisodeRow, Value};
    use crate::scenario::Scenario;

    #[test]
    fn nothing_counted_still_has_an_upper_limit() {
        let none = estimate(&[0.0; 100], Over::Rate, Level::P95).unwrap();
        let limits = none.interval.unwrap();
        assert!(
            limits.low == 0.0 && (0.029..0.031).contains(&limits.high),
            "{limits:?}"
        );
    }

    #[test]
    fn what_never_ended_is_ranked_last_and_few_seeds_bound_nothing() {
        let values = [1.0, 2.0, f64::INFINITY];
        let median = estimate(&values, Over::Median, Level::P95).unwrap();
        assert_eq!((median.value, median.interval), (2.0, None));
        assert_eq!(estimate(&[], Over::Mean, Level::P95), None);
        let one = estimate(&[3.0], Over::Mean, Level::P95).unwrap();
        assert_eq!((one.value, one.interval), (3.0, None));
    }

    #[test]
    fn a_rate_of_what_was_counted_is_a_mean() {
        let values: Vec<f64> = (0..40).map(|seed| f64::from(seed % 4)).collect();
        for values in [
            values.clone(),
            values.iter().map(|value| value - 3.0).collect(),
        ] {
            let rate = estimate(&values, Over::Rate, Level::P95);
            assert_eq!(rate, estimate(&values, Over::Mean, Level::P95));
        }
        let two = estimate(&[1.0, 2.0], Over::Mean, Level::P95).unwrap();
        assert!(two.interval.is_some(), "two seeds show a spread");
    }

    #[test]
    fn who_asks_for_more_certainty_gets_a_wider_interval() {
        let values: Vec<f64> = (0..40).map(f64::from).collect();
        for over in [Over::Mean, Over::Median, Over::Quantile(Probability::P50)] {
            let width = |level: f64| {
                let level = Level::new(level).unwrap();
                estimate(&values, over, level)
                    .unwrap()
                    .interval
                    .unwrap()
                    .width()
            };
            assert!(
                width(0.5) < width(0.95) && width(0.95) < width(0.999),
                "{over:?}"
            );
        }
    }

    const SCENARIO: &str = r#"
        title = "Runs to write figures into"
        seeds = 1
        [phases]
        warm_up = "1s"
        storm = "2s"
        calm = "2s"
        [topology]
        regions = ["us-east-1", "eu-west-1"]
        [[strategy]]
        preset = "pinned"
        [[case]]
        name = "crash"
        fault = [{ kind = "host-crash", region = "us-east-1", at = "1s", lasts = "1s" }]
    "#;

    /// The cell of one run, in the hands of who may change what is in it.
    fn with_a_cell(judge: impl Fn(&CellRuns<'_>, &Run)) {
        let scenario = Scenario::from_toml(SCENARIO).unwrap();
        let results = Comparison::new(&scenario).run();
        let cell = results.cells().next().unwrap();
        judge(&cell, &cell.runs[0]);
    }

    fn runs_with_errors(run: &Run, errors: &[f64]) -> Vec<Run> {
        let column = Column::index("errors").unwrap();
        let with = |&errors: &f64| {
            let mut run = run.clone();
            run.values[column] = Value::Number(errors);
            run
        };
        errors.iter().map(with).collect()
    }

    #[test]
    fn differences_are_taken_seed_by_seed_at_the_level_asked() {
        with_a_cell(|cell, run| {
            let one = runs_with_errors(run, &[10.0, 20.0, 30.0, 80.0, 50.0, 60.0]);
            let other = runs_with_errors(run, &[11.0, 22.0, 34.0, 0.0, 51.0, 75.0]);
            let (one, other) = (
                CellRuns {
                    runs: &one,
                    ..*cell
                },
                CellRuns {
                    runs: &other,
                    ..*cell
                },
            );
            let at = |level: f64| {
                difference(&one, &other, "errors", Level::new(level).unwrap()).unwrap()
            };
            let found = at(0.95);
            assert_eq!((found.seeds, found.smaller, found.larger), (6, 1, 5));
            assert!((found.mean - -57.0 / 6.0).abs() < 1e-12);
            // Percentiles of the resampled means of differences, without a correction.
            let percentiles = Bootstrap {
                method: Method::Percentile,
                ..Bootstrap::standard(KEY)
            };
            let own = [1.0, 2.0, 4.0, -80.0, 1.0, 15.0];
            assert_eq!(found.interval, percentiles.mean(&own));
            assert!(found.interval.unwrap().width() < at(0.999).interval.unwrap().width());
            assert_eq!(difference(&one, &other, "no such column", Level::P95), None);
        });
    }

    #[test]
    fn shares_are_of_those_who_were_affected() {
        with_a_cell(|cell, run| {
            let shares_of = |ways: &[Option<RecoveredBy>]| {
                let mut run = run.clone();
                let row = run.episodes[0].clone();
                let with = |&recovered_by: &Option<RecoveredBy>| EpisodeRow {
                    recovered_by,
                    ..row.clone()
                };
                run.episodes = ways.iter().map(with).collect();
                let runs = [run];
                recovered_shares(&CellRuns {
                    runs: &runs,
                    ..*cell
                })
            };
            let [switch, retry, heal, none] = RecoveredBy::ALL;
            let ways = [switch, retry, retry, retry, heal, heal, retry, none].map(Some);
            assert_eq!(shares_of(&ways), Some([0.125, 0.5, 0.25, 0.125]));
            let served_all_along = [None, None, Some(heal)];
            assert_eq!(shares_of(&served_all_along), Some([0.0, 0.0, 1.0, 0.0]));
            assert_eq!(shares_of(&[None, None]), None);
        });
    }
}
