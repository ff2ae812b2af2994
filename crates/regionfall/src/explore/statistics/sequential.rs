//! Running until the figure is sharp enough, without fooling oneself.
//!
//! Whoever looks at an interval after every seed and stops once it is narrow, or once an objective
//! is met, has chosen the luckiest of many intervals, and its 95 % are not 95 %. Two rules prevent
//! that here, both fixed before the first seed:
//!
//! 1. Looks happen at fixed numbers of seeds, never in between ([`Schedule`]).
//! 2. The error is shared out over the looks: look k may spend error / (k·(k + 1)). Those parts sum to
//!    the error however many looks there are, so by the union bound *all* intervals of a run hold
//!    together with the level asked, whatever rule decides to stop.
//!
//! The price is wider intervals: at 95 %, look 5 uses 99.83 %. What is printed at the end is the
//! interval of the look that stopped, with the level of the whole run.

use super::interval::{Interval, Level};

/// When to look, and how sure each look must be.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Schedule {
    first: u32,
    level: Level,
}

/// One look: computed from the first `seeds` seeds, at its own level.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Look {
    /// Which look this is, from 1.
    pub number: u32,
    /// How many seeds it sees.
    pub seeds: u32,
    /// The level at which its intervals are computed.
    pub level: Level,
}

/// When a figure is sharp enough.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Precision {
    /// Half the width of the interval may be at most this share of the estimate: 0.05 for "5 %".
    pub relative: f64,
    /// Or at most this much, in the unit of the figure, so that an estimate near 0 can end too.
    pub absolute: f64,
}

impl Schedule {
    /// Looks at `first` seeds and then at half as many again each time: 20, 30, 45, 68, …
    ///
    /// `level` holds for all looks together. A `first` of 0 is taken as 1.
    pub const fn new(first: u32, level: Level) -> Self {
        Self {
            first: if first == 0 { 1 } else { first },
            level,
        }
    }

    /// The level of the whole run.
    pub const fn level(self) -> Level {
        self.level
    }

    /// The looks up to `limit` seeds; the last is at the limit itself.
    pub fn looks(self, limit: u32) -> impl Iterator<Item = Look> {
        let error = self.level.error();
        let mut next = (limit > 0).then_some(self.first.min(limit));
        let mut number: u32 = 0;
        core::iter::from_fn(move || {
            let seeds = next?;
            number += 1;
            next = (seeds < limit).then(|| seeds.saturating_add(seeds.div_ceil(2)).min(limit));
            let spent = error / (f64::from(number) * (f64::from(number) + 1.0));
            Some(Look {
                number,
                seeds,
                level: Level::of_error(spent),
            })
        })
    }
}

impl Precision {
    /// Whether an interval around an estimate is sharp enough. Open intervals never are.
    pub fn is_reached(self, estimate: f64, interval: Interval) -> bool {
        // The farther limit counts: bootstrap and rank intervals are not symmetric.
        let half = (interval.high - estimate).max(estimate - interval.low);
        half.is_finite() && (half <= self.relative * estimate.abs() || half <= self.absolute)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate_random::uniform;

    #[test]
    fn looks_grow_by_half_and_end_at_the_limit() {
        let looks: Vec<_> = Schedule::new(20, Level::P95).looks(100).collect();
        let seeds: Vec<u32> = looks.iter().map(|look| look.seeds).collect();
        assert_eq!(seeds, [20, 30, 45, 68, 100]);
        assert!((looks[4].level.share() - (1.0 - 0.05 / 30.0)).abs() < 1e-12);
        assert_eq!(Schedule::new(20, Level::P95).looks(5).count(), 1);
        assert_eq!(Schedule::new(20, Level::P95).looks(0).count(), 0);
    }

    #[test]
    fn the_parts_never_exceed_the_error() {
        let spent: f64 = Schedule::new(1, Level::P95)
            .looks(u32::MAX)
            .map(|l| l.level.error())
            .sum();
        assert!(spent < 0.05, "{spent}");
    }

    #[test]
    fn precision_is_of_the_farther_limit() {
        let precision = Precision {
            relative: 0.05,
            absolute: 0.0,
        };
        assert!(precision.is_reached(100.0, Interval::new(95.0, 105.0)));
        assert!(!precision.is_reached(100.0, Interval::new(99.0, 106.0)));
        assert!(!precision.is_reached(100.0, Interval::new(94.0, 101.0)));
        assert!(!precision.is_reached(100.0, Interval::new(99.0, f64::INFINITY)));
        let near_zero = Precision {
            absolute: 1.0,
            ..precision
        };
        assert!(near_zero.is_reached(0.0, Interval::new(0.0, 1.0)));
    }

    /// The promise itself: stop at the first look whose interval for the mean misses the truth, the
    /// most malicious rule there is. With these levels it succeeds in at most 5 % of experiments;
    /// with 95 % at every look it succeeds in far more.
    #[test]
    fn stopping_when_it_suits_does_not_break_the_level() {
        let schedule = Schedule::new(20, Level::P95);
        let (mut honest, mut naive) = (0, 0);
        let experiments = 2_000;
        for experiment in 0..experiments {
            let values = uniform(experiment, 500);
            let misses = |look: &Look, level: Level| {
                let seeds = look.seeds as usize;
                let mean = values[..seeds].iter().sum::<f64>() / f64::from(look.seeds);
                // The standard deviation of a uniform value is known, so this interval is exact but
                // for normality.
                let z = super::super::special_function::normal_quantile(1.0 - level.error() / 2.0);
                (mean - 0.5).abs() > z * libm::sqrt(1.0 / 12.0 / f64::from(look.seeds))
            };
            honest += u32::from(schedule.looks(500).any(|look| misses(&look, look.level)));
            naive += u32::from(schedule.looks(500).any(|look| misses(&look, Level::P95)));
        }
        let share = |count: u32| f64::from(count) / f64::from(experiments as u32);
        assert!(share(honest) < 0.05, "{}", share(honest));
        assert!(share(naive) > 0.1, "{}", share(naive));
    }

    mod crate_random {
        use rand_chacha::ChaCha8Rng;
        use rand_core::{Rng as _, SeedableRng as _};

        /// Values uniform in [0, 1).
        pub(super) fn uniform(seed: u64, count: usize) -> Vec<f64> {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            (0..count)
                .map(|_| (random.next_u64() >> 11) as f64 / 9_007_199_254_740_992.0)
                .collect()
        }
    }
}
