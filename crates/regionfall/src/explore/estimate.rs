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
}
