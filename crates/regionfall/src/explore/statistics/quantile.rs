//! Quantiles by nearest rank, and how far the true quantile may lie from them.
//!
//! The *p*-quantile of n values is the value of rank ⌈p·n⌉ (Hyndman and Fan, definition 1; R's
//! `type = 1`). It is always a value that occurred, which matters where times are multi-modal: an
//! average of a retry after 1 s and a switch after 60 s never happened to anyone.
//!
//! Its interval needs no assumption about the shape of the distribution. The number of values below
//! the true quantile is binomial(n, p), so a rank can be read from that distribution (David and
//! Nagaraja, *Order Statistics*, section 7.1). Ranks are whole, so the interval is conservative: it
//! holds the true quantile *at least* as often as its level says. With ties it still does.
//! Where n is too small no rank is high enough; the answer then is the number of seeds that would
//! be, not a number that pretends.

use core::fmt;

use super::interval::{Interval, Level, Side};
use super::sample::Sample;
use super::special_function::binomial_cdf;

/// A quantile to look at: the share of values at or below it, strictly between 0 and 1.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug)]
pub struct Probability(f64);

/// The share was not strictly between 0 and 1.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ProbabilityError {
    /// What was given instead.
    pub got: f64,
}

/// No bound exists with this few values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooFewSeeds {
    /// The smallest number of seeds for which the bound exists.
    pub needs: usize,
    /// How many there were.
    pub got: usize,
}

impl Probability {
    /// The median.
    pub const P50: Self = Self(0.5);
    /// Five values in a hundred lie above.
    pub const P95: Self = Self(0.95);
    /// One value in a hundred lies above.
    pub const P99: Self = Self(0.99);

    /// A share of values, checked to lie strictly between 0 and 1.
    pub fn new(share: f64) -> Result<Self, ProbabilityError> {
        if share > 0.0 && share < 1.0 {
            Ok(Self(share))
        } else {
            Err(ProbabilityError { got: share })
        }
    }

    /// The share, 0.99 for the p99.
    pub const fn share(self) -> f64 {
        self.0
    }
}

/// The quantile by nearest rank: the smallest value with at least this share at or below it.
pub fn nearest_rank(sample: &Sample, probability: Probability) -> f64 {
    sample.ranked(rank(sample.count(), probability.0))
}

/// The quantile between the two nearest values, in proportion (Hyndman and Fan, definition 7): how
/// medians of measurements are usually told. Between a value and +∞ it is +∞.
pub fn interpolated(sample: &Sample, probability: Probability) -> f64 {
    let place = (sample.count() - 1) as f64 * probability.0;
    let below = libm::floor(place);
    let (low, high) = (
        sample.ranked(below as usize + 1),
        sample.ranked(below as usize + 2),
    );
    let part = place - below;
    if part == 0.0 || low.total_cmp(&high).is_eq() {
        low
    } else {
        low + (high - low) * part
    }
}

/// A bound of the true quantile on one side, or the number of seeds that would give one.
pub fn bound(
    sample: &Sample,
    probability: Probability,
    level: Level,
    side: Side,
) -> Result<f64, TooFewSeeds> {
    bound_rank(sample.count(), probability, level, side)
        .map(|rank| sample.ranked(rank))
        .ok_or_else(|| TooFewSeeds {
            needs: seeds_needed_for_bound(probability, level, side),
            got: sample.count(),
        })
}

/// Limits of the true quantile on both sides, each allowed half of the error.
pub fn interval(
    sample: &Sample,
    probability: Probability,
    level: Level,
) -> Result<Interval, TooFewSeeds> {
    let half = halved(level);
    let ranks = (
        bound_rank(sample.count(), probability, half, Side::Lower),
        bound_rank(sample.count(), probability, half, Side::Upper),
    );
    match ranks {
        (Some(low), Some(high)) => Ok(Interval {
            low: sample.ranked(low),
            high: sample.ranked(high),
        }),
        _ => Err(TooFewSeeds {
            needs: seeds_needed_for_interval(probability, level),
            got: sample.count(),
        }),
    }
}

/// The smallest number of seeds with which [`bound`] has an answer.
///
/// The largest of n values exceeds the true quantile except with chance pⁿ, so the upper bound needs
/// pⁿ ≤ 1 − level: 299 seeds for the p99 at 95 %, 59 for the p95.
pub fn seeds_needed_for_bound(probability: Probability, level: Level, side: Side) -> usize {
    let base = match side {
        Side::Upper => probability.0,
        Side::Lower => 1.0 - probability.0,
    };
    let estimate = libm::ceil(libm::log(level.error()) / libm::log(base)) as usize;
    // The logarithms may round to either side of a whole number; the rank itself decides.
    let exists = |count: usize| bound_rank(count, probability, level, side).is_some();
    let start = estimate.saturating_sub(1).max(1);
    (start..start + 3)
        .find(|&count| exists(count))
        .unwrap_or(estimate.max(1))
}

/// The smallest number of seeds with which [`interval`] has an answer.
pub fn seeds_needed_for_interval(probability: Probability, level: Level) -> usize {
    let half = halved(level);
    let lower = seeds_needed_for_bound(probability, half, Side::Lower);
    lower.max(seeds_needed_for_bound(probability, half, Side::Upper))
}

/// The nearest rank, from 1.
fn rank(count: usize, share: f64) -> usize {
    // 0.07 × 100 is 7.000000000000001; without the tolerance its rank would be 8.
    (libm::ceil(share * count as f64 - 1e-9) as usize).clamp(1, count)
}

/// Half of the error for each of two sides.
const fn halved(level: Level) -> Level {
    Level::of_error(level.error() / 2.0)
}

/// The rank whose value bounds the quantile, if the sample is large enough to have one.
fn bound_rank(count: usize, probability: Probability, level: Level, side: Side) -> Option<usize> {
    let at_most = |successes: usize| binomial_cdf(successes, count, probability.0);
    match side {
        // The smallest u with P(at most u − 1 values below the quantile) ≥ level.
        Side::Upper => {
            let enough = |rank: usize| at_most(rank - 1) >= level.share();
            enough(count).then(|| first(1, count, enough))
        }
        // The largest l with P(fewer than l values at or below the quantile) ≤ error.
        Side::Lower => {
            let too_high = |rank: usize| at_most(rank - 1) > level.error();
            if too_high(1) {
                None
            } else if too_high(count) {
                Some(first(1, count, too_high) - 1)
            } else {
                Some(count)
            }
        }
    }
}

/// The first rank of `low..=high` where a condition holds that, once true, stays true; it holds at
/// `high`.
fn first(mut low: usize, mut high: usize, holds: impl Fn(usize) -> bool) -> usize {
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

impl fmt::Display for ProbabilityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "quantile must lie strictly between 0 and 1, got {}",
            self.got
        )
    }
}

impl core::error::Error for ProbabilityError {}

impl fmt::Display for TooFewSeeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "too few seeds (needs {})", self.needs)
    }
}

impl core::error::Error for TooFewSeeds {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one_to(count: usize) -> Sample {
        let values: Vec<f64> = (1..=count).map(|value| value as f64).collect();
        Sample::new(&values).unwrap()
    }

    fn level(share: f64) -> Level {
        Level::new(share).unwrap()
    }

    #[test]
    fn nearest_rank_is_a_value_that_occurred() {
        for (count, share, expected) in [
            (100, 0.5, 50.0),
            (100, 0.99, 99.0),
            (100, 0.07, 7.0),
            (5, 0.95, 5.0),
            (1, 0.5, 1.0),
        ] {
            let probability = Probability::new(share).unwrap();
            let got = nearest_rank(&one_to(count), probability);
            assert!((got - expected).abs() < 1e-12, "{count} {share}: {got}");
        }
    }

    #[test]
    fn an_interpolated_median_lies_between_the_middle_values() {
        let median = |values: &[f64]| interpolated(&Sample::new(values).unwrap(), Probability::P50);
        let never = f64::INFINITY;
        assert!((median(&[1.0, 2.0, 4.0, 9.0]) - 3.0).abs() < 1e-12);
        assert!((median(&[1.0, 2.0, 9.0]) - 2.0).abs() < 1e-12);
        assert!((median(&[7.0]) - 7.0).abs() < 1e-12);
        assert!(median(&[1.0, never]).is_infinite());
        assert!(median(&[never, never]).is_infinite());
        assert!((median(&[1.0, 2.0, never]) - 2.0).abs() < 1e-12);
        let p90 = interpolated(&one_to(11), Probability::new(0.9).unwrap());
        assert!((p90 - 10.0).abs() < 1e-12, "{p90}");
    }

    #[test]
    fn an_interpolated_quantile_goes_as_far_as_its_share() {
        let sample = Sample::new(&[0.0, 2.0, 12.0]).unwrap();
        for (share, expected) in [(0.25, 1.0), (0.5, 2.0), (0.6, 4.0), (0.75, 7.0)] {
            let got = interpolated(&sample, Probability::new(share).unwrap());
            assert!((got - expected).abs() < 1e-9, "{share}: {got}");
        }
    }

    /// The one value lies below the median with exactly the chance that is allowed.
    #[test]
    fn an_error_that_is_just_allowed_is_allowed() {
        let one = one_to(1);
        for side in [Side::Lower, Side::Upper] {
            assert_eq!(bound(&one, Probability::P50, level(0.5), side), Ok(1.0));
        }
    }

    #[test]
    fn a_share_that_is_none_is_refused() {
        for wrong in [-0.5, 0.0, 1.0, 1.5, f64::NAN] {
            assert!(Probability::new(wrong).is_err(), "{wrong}");
        }
        assert_eq!(
            Probability::new(1.5).map_err(|error| error.to_string()),
            Err("quantile must lie strictly between 0 and 1, got 1.5".to_owned())
        );
    }

    /// n from pⁿ ≤ error, as in every table of nonparametric tolerance bounds (Conover, A6).
    #[test]
    fn seeds_needed_agree_with_the_tables() {
        for (share, confidence, expected) in [
            (0.99, 0.95, 299),
            (0.95, 0.95, 59),
            (0.5, 0.95, 5),
            (0.99, 0.99, 459),
            (0.999, 0.95, 2995),
        ] {
            let probability = Probability::new(share).unwrap();
            let got = seeds_needed_for_bound(probability, level(confidence), Side::Upper);
            assert_eq!(got, expected, "p = {share}, level = {confidence}");
        }
        assert_eq!(
            seeds_needed_for_bound(Probability::P99, level(0.95), Side::Lower),
            1
        );
        assert_eq!(
            seeds_needed_for_interval(Probability::P99, level(0.95)),
            368
        );
        assert_eq!(seeds_needed_for_interval(Probability::P50, level(0.95)), 6);
    }

    #[test]
    fn too_few_seeds_says_how_many_it_needs() {
        let refused = bound(&one_to(100), Probability::P99, Level::P95, Side::Upper);
        assert_eq!(
            refused,
            Err(TooFewSeeds {
                needs: 299,
                got: 100
            })
        );
        assert_eq!(
            refused.unwrap_err().to_string(),
            "too few seeds (needs 299)"
        );
        assert!(bound(&one_to(299), Probability::P99, Level::P95, Side::Upper).is_ok());
    }

    /// Ranks by `scipy.stats.binom.ppf` 1.17.1: lower = ppf(error), upper = ppf(level) + 1.
    #[test]
    fn ranks_agree_with_scipy() {
        for (count, share, confidence, low, high) in [
            (100, 0.5, 0.95, 40.0, 61.0),
            (200, 0.95, 0.95, 184.0, 197.0),
            (1000, 0.99, 0.95, 983.0, 997.0),
            (20, 0.5, 0.9, 6.0, 15.0),
        ] {
            let probability = Probability::new(share).unwrap();
            let got = interval(&one_to(count), probability, level(confidence)).unwrap();
            assert_eq!((got.low, got.high), (low, high), "n = {count}, p = {share}");
        }
    }

    proptest! {
        #[test]
        fn interval_holds_its_own_quantile(
            values in prop::collection::vec(-1e6_f64..1e6, 1..200),
            share in 0.05_f64..0.95,
            confidence in 0.5_f64..0.99,
        ) {
            let sample = Sample::new(&values).unwrap();
            let probability = Probability::new(share).unwrap();
            let estimate = nearest_rank(&sample, probability);
            prop_assert!(values.contains(&estimate));
            if let Ok(limits) = interval(&sample, probability, level(confidence)) {
                prop_assert!(limits.contains(estimate));
            }
        }

        #[test]
        fn needed_is_the_smallest_number(share in 0.02_f64..0.98, confidence in 0.5_f64..0.99) {
            let probability = Probability::new(share).unwrap();
            for side in [Side::Lower, Side::Upper] {
                let needs = seeds_needed_for_bound(probability, level(confidence), side);
                prop_assert!(bound(&one_to(needs), probability, level(confidence), side).is_ok());
                if needs > 1 {
                    let fewer = one_to(needs - 1);
                    prop_assert!(bound(&fewer, probability, level(confidence), side).is_err());
                }
            }
        }
    }
}
