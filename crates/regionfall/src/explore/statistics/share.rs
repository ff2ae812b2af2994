//! Shares: in how many of the seeds something happened, and what "never" may mean.

use super::interval::{Interval, Level};
use super::special_function::normal_quantile;

/// How often something happened: `hits` of `of` seeds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Share {
    hits: u64,
    of: u64,
}

impl Share {
    /// `hits` of `of`; `None` if there are no seeds, or more hits than seeds.
    pub const fn new(hits: u64, of: u64) -> Option<Self> {
        if of > 0 && hits <= of {
            Some(Self { hits, of })
        } else {
            None
        }
    }

    /// The share observed, from 0 to 1.
    pub fn observed(self) -> f64 {
        self.hits as f64 / self.of as f64
    }

    /// Wilson's score interval (Wilson, 1927), without continuity correction.
    ///
    /// Unlike the textbook interval it keeps its level for small numbers, stays within 0 and 1, and
    /// has a width when nothing, or everything, was hit (Brown, Cai and `DasGupta`, 2001).
    pub fn wilson(self, level: Level) -> Interval {
        let z = normal_quantile(1.0 - level.error() / 2.0);
        let n = self.of as f64;
        let share = self.observed();
        let scale = 1.0 + z * z / n;
        let middle = (share + z * z / (2.0 * n)) / scale;
        let half = z / scale * libm::sqrt(share * (1.0 - share) / n + z * z / (4.0 * n * n));
        // At the ends the formula is exactly 0 or 1 but for rounding.
        let low = if self.hits == 0 {
            0.0
        } else {
            (middle - half).max(0.0)
        };
        let high = if self.hits == self.of {
            1.0
        } else {
            (middle + half).min(1.0)
        };
        Interval { low, high }
    }
}

/// The largest share of seeds that is still compatible with none hit in `seeds`: 1 − (1 − level)^(1/n).
///
/// Exact and one-sided: a true share above it would have shown itself with chance `level`. At 95 %
/// it is close to 3/n, the "rule of three" (Hanley and Lippman-Hand, 1983). `None` without seeds.
///
/// For a count that did not occur (no write lost in 200 seeds) this bounds the share of *seeds* in
/// which it would; for the rate of the events themselves see [`super::poisson::rate_upper_if_none`].
pub fn upper_if_none(seeds: u64, level: Level) -> Option<f64> {
    (seeds > 0).then(|| -libm::expm1(libm::log(level.error()) / seeds as f64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Limits by `scipy.stats.binomtest(…).proportion_ci(method="wilson")` 1.17.1.
    #[test]
    fn wilson_agrees_with_scipy() {
        for &(hits, of, low, high) in WILSON {
            let got = Share::new(hits, of).unwrap().wilson(Level::P95);
            assert!((got.low - low).abs() < 1e-12, "{hits} of {of}: {}", got.low);
            assert!(
                (got.high - high).abs() < 1e-12,
                "{hits} of {of}: {}",
                got.high
            );
        }
    }

    #[test]
    fn never_in_n_seeds_is_about_three_in_n() {
        let got = upper_if_none(100, Level::P95).unwrap();
        assert!((got - 0.029_513_049_607_039_93).abs() < 1e-15, "{got}");
        assert!((upper_if_none(10_000, Level::P95).unwrap() * 10_000.0 - 3.0).abs() < 0.01);
        assert_eq!(upper_if_none(0, Level::P95), None);
    }

    #[test]
    fn impossible_shares_are_refused() {
        assert_eq!(Share::new(0, 0), None);
        assert_eq!(Share::new(3, 2), None);
    }

    proptest! {
        #[test]
        fn wilson_holds_what_was_observed(of in 1_u64..5_000, part in 0.0_f64..=1.0) {
            let share = Share::new((part * of as f64) as u64, of).unwrap();
            let got = share.wilson(Level::P95);
            prop_assert!(got.contains(share.observed()));
            prop_assert!(got.low >= 0.0 && got.high <= 1.0 && got.width() > 0.0);
        }
    }

    const WILSON: &[(u64, u64, f64, f64)] = &[
        (0, 10, 0.0, 0.277_532_799_862_889_26),
        (1, 20, 0.008_881_448_800_795_402, 0.236_131_193_446_742_05),
        (50, 100, 0.403_831_530_365_995_6, 0.596_168_469_634_004_4),
        (199, 200, 0.972_226_295_602_107, 0.999_116_831_284_399),
        (10, 10, 0.722_467_200_137_110_9, 1.0),
        (
            3,
            1000,
            0.001_020_783_881_138_618_6,
            0.008_783_014_053_503_173,
        ),
    ];
}
