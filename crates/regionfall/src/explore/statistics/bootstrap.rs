//! Bootstrap intervals: what the figure would have been had chance dealt other seeds.
//!
//! Seeds are drawn with replacement, as many as there are, and the figure is computed again from
//! what was drawn. The caller's function receives *positions of seeds*, so that whatever belongs to
//! a seed (its clients, its twin under another strategy) travels with it.
//!
//! Draws come from stream [`STREAM`] of `ChaCha8`, keyed by the caller's number, and from nothing
//! else: the same table has the same limits on every machine. Use order statistics (`quantile`) for
//! quantiles of one value per seed: they are exact where the bootstrap is only good for large n.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng as _, SeedableRng as _};

use super::interval::{Interval, Level};
use super::special_function::{normal_cdf, normal_quantile};

/// The `ChaCha` stream that resampling uses, apart from every stream of the model: "boot" in ASCII.
pub const STREAM: u64 = 0x626f_6f74;

/// How a bootstrap interval is read from the resampled figures.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    /// Quantiles of the resampled figures (Efron, 1979). Plain, and right for differences.
    Percentile,
    /// Bias-corrected and accelerated (Efron, 1987): corrects for skew, which means of losses and
    /// times have. Falls back to [`Method::Percentile`] where the correction is undefined, as when
    /// all seeds agree.
    BiasCorrected,
}

/// The settings of a bootstrap. Filled in by name, so that no default hides in a table.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Bootstrap {
    /// How many times seeds are drawn anew; 2,000 fixes a 95 % limit to about a tenth of the width.
    pub resamples: usize,
    /// The key of the random stream.
    pub key: u64,
    /// How sure the interval is to be.
    pub level: Level,
    /// How its limits are read.
    pub method: Method,
}

impl Bootstrap {
    /// 2,000 resamples at 95 %, bias-corrected: what tables use. The key still has to be given.
    pub const fn standard(key: u64) -> Self {
        Self {
            resamples: 2_000,
            key,
            level: Level::P95,
            method: Method::BiasCorrected,
        }
    }

    /// An interval for `figure`, a function of the positions of the seeds drawn.
    ///
    /// `None` without seeds or resamples, or if the figure is not finite for the seeds as they are or
    /// for any draw (a quantile among clients that never recovered, say): such a figure has no
    /// bootstrap interval, and leaving the draws out would bias it.
    pub fn interval(
        &self,
        seeds: usize,
        mut figure: impl FnMut(&[usize]) -> f64,
    ) -> Option<Interval> {
        if seeds == 0 || self.resamples == 0 {
            return None;
        }
        let all: Vec<usize> = (0..seeds).collect();
        let estimate = figure(&all);
        let mut resampled = self.resampled(seeds, &mut figure);
        if !estimate.is_finite() || resampled.iter().any(|value| !value.is_finite()) {
            return None;
        }
        resampled.sort_unstable_by(f64::total_cmp);
        let error = self.level.error() / 2.0;
        let plain = (error, 1.0 - error);
        let (low, high) = match self.method {
            Method::Percentile => plain,
            Method::BiasCorrected => {
                corrected(&resampled, estimate, &jackknife(&all, &mut figure), plain)
                    .unwrap_or(plain)
            }
        };
        Some(Interval::new(at(&resampled, low), at(&resampled, high)))
    }

    /// A percentile interval for a figure that may be infinite, "not within the horizon".
    ///
    /// Limits are values that occurred among the resampled figures, by nearest rank outwards, so an
    /// infinite figure is ranked and never enters arithmetic. The method of the settings is not
    /// used. `None` without seeds or resamples, or if a figure is not a number.
    pub fn interval_by_rank(
        &self,
        seeds: usize,
        mut figure: impl FnMut(&[usize]) -> f64,
    ) -> Option<Interval> {
        if seeds == 0 || self.resamples == 0 {
            return None;
        }
        let mut resampled = self.resampled(seeds, &mut figure);
        if resampled.iter().any(|value| value.is_nan()) {
            return None;
        }
        resampled.sort_unstable_by(f64::total_cmp);
        let outside = (self.level.error() / 2.0 * resampled.len() as f64) as usize;
        let last = resampled.len() - 1;
        let outside = outside.min(last / 2);
        Some(Interval {
            low: resampled[outside],
            high: resampled[last - outside],
        })
    }

    /// An interval for the mean of one value per seed.
    pub fn mean(&self, values: &[f64]) -> Option<Interval> {
        self.interval(values.len(), |drawn| {
            drawn.iter().map(|&seed| values[seed]).sum::<f64>() / drawn.len() as f64
        })
    }

    /// The figure for each resample, in the order of the draws.
    fn resampled(&self, seeds: usize, figure: &mut impl FnMut(&[usize]) -> f64) -> Vec<f64> {
        let mut random = stream(self.key);
        let mut drawn = vec![0; seeds];
        (0..self.resamples)
            .map(|_| {
                for place in &mut drawn {
                    *place = below(random.next_u64(), seeds);
                }
                figure(&drawn)
            })
            .collect()
    }
}

/// The random stream of a key: the key is the first eight bytes of the `ChaCha` key, little-endian,
/// and the others are 0. Nothing else is mixed in, so no library can change it.
fn stream(key: u64) -> ChaCha8Rng {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&key.to_le_bytes());
    let mut random = ChaCha8Rng::from_seed(bytes);
    random.set_stream(STREAM);
    random
}

/// A number below `limit` from 64 random bits. The bias is at most `limit` in 2⁶⁴.
fn below(bits: u64, limit: usize) -> usize {
    ((u128::from(bits) * limit as u128) >> 64) as usize
}

/// The figure with each seed left out in turn.
fn jackknife(all: &[usize], figure: &mut impl FnMut(&[usize]) -> f64) -> Vec<f64> {
    if all.len() < 2 {
        return Vec::new();
    }
    let mut others = all[1..].to_vec();
    let mut figures = vec![figure(&others)];
    for left_out in 0..others.len() {
        others[left_out] = left_out;
        figures.push(figure(&others));
    }
    figures
}

/// The two shares at which `BCa` reads the resampled figures, or `None` where it is undefined.
fn corrected(
    resampled: &[f64],
    estimate: f64,
    left_out: &[f64],
    (low, high): (f64, f64),
) -> Option<(f64, f64)> {
    // Ties count half, as scipy does, so that a figure that often repeats is not called biased.
    let below = resampled.iter().filter(|&&value| value < estimate).count() as f64;
    let equal = resampled.iter().filter(|&&value| value <= estimate).count() as f64 - below;
    let share = (below + equal / 2.0) / resampled.len() as f64;
    if share <= 0.0 || share >= 1.0 || left_out.is_empty() {
        return None;
    }
    let bias = normal_quantile(share);
    let mean = left_out.iter().sum::<f64>() / left_out.len() as f64;
    let (mut squares, mut cubes) = (0.0, 0.0);
    for value in left_out {
        let distance = mean - value;
        squares += distance * distance;
        cubes += distance * distance * distance;
    }
    let acceleration = cubes / (6.0 * squares * libm::sqrt(squares));
    if !acceleration.is_finite() {
        return None;
    }
    let shifted = |share: f64| {
        let z = bias + normal_quantile(share);
        normal_cdf(bias + z / (1.0 - acceleration * z))
    };
    let shares = (shifted(low), shifted(high));
    (shares.0.is_finite() && shares.1.is_finite()).then_some(shares)
}

/// The value at a share of ascending values, linear between neighbours (Hyndman and Fan, 7).
fn at(ascending: &[f64], share: f64) -> f64 {
    let position = share.clamp(0.0, 1.0) * (ascending.len() - 1) as f64;
    let index = libm::floor(position) as usize;
    let next = (index + 1).min(ascending.len() - 1);
    ascending[index] + (position - index as f64) * (ascending[next] - ascending[index])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Forty waiting times with a long tail, made for this test: quantiles of an exponential.
    fn skewed() -> Vec<f64> {
        (0..40)
            .map(|i| -10.0 * libm::log(1.0 - (f64::from(i) + 0.5) / 40.0))
            .collect()
    }

    fn bootstrap(method: Method) -> Bootstrap {
        Bootstrap {
            resamples: 100_000,
            method,
            ..Bootstrap::standard(7)
        }
    }

    /// Limits by `scipy.stats.bootstrap` 1.17.1 with 200,000 resamples; ours differ by chance only.
    #[test]
    fn limits_agree_with_scipy() {
        for (method, low, high) in [
            (Method::Percentile, PERCENTILE.0, PERCENTILE.1),
            (Method::BiasCorrected, BCA.0, BCA.1),
        ] {
            let got = bootstrap(method).mean(&skewed()).unwrap();
            assert!((got.low - low).abs() < 0.12, "{method:?} low {}", got.low);
            assert!(
                (got.high - high).abs() < 0.12,
                "{method:?} high {}",
                got.high
            );
        }
    }

    #[test]
    fn draws_are_fixed_by_the_key() {
        let one = Bootstrap::standard(1);
        assert_eq!(one.mean(&skewed()), one.mean(&skewed()));
        assert_ne!(one.mean(&skewed()), Bootstrap::standard(2).mean(&skewed()));
        // The stream is part of every published table: a change here changes them all.
        let mut random = stream(7);
        let drawn: Vec<usize> = (0..8).map(|_| below(random.next_u64(), 100)).collect();
        assert_eq!(drawn, DRAWN);
    }

    #[test]
    fn seeds_that_agree_have_an_interval_of_no_width() {
        let got = bootstrap(Method::BiasCorrected).mean(&[4.0; 10]).unwrap();
        assert_eq!((got.low, got.high), (4.0, 4.0));
    }

    #[test]
    fn what_has_no_interval_gets_none() {
        let standard = Bootstrap::standard(1);
        assert_eq!(standard.mean(&[]), None);
        assert_eq!(standard.mean(&[1.0, f64::INFINITY]), None);
        assert_eq!(
            Bootstrap {
                resamples: 0,
                ..standard
            }
            .mean(&[1.0]),
            None
        );
    }

    #[test]
    fn a_draw_without_a_figure_leaves_no_interval() {
        // The seeds as they are have a figure, and some draws have none.
        let whole = |drawn: &[usize]| {
            if drawn == [0, 1, 2] {
                1.0
            } else {
                f64::INFINITY
            }
        };
        assert_eq!(bootstrap(Method::Percentile).interval(3, whole), None);
        let standard = Bootstrap::standard(1);
        assert_eq!(standard.interval_by_rank(0, |_| 1.0), None);
        let never_drawn = Bootstrap {
            resamples: 0,
            ..standard
        };
        assert_eq!(never_drawn.interval_by_rank(3, |_| 1.0), None);
    }

    #[test]
    fn limits_by_rank_leave_half_of_the_error_out_on_either_side() {
        let settings = Bootstrap {
            resamples: 1_000,
            ..Bootstrap::standard(1)
        };
        let mut figure = 0.0;
        let got = settings.interval_by_rank(5, |_| {
            figure += 1.0;
            figure
        });
        assert_eq!(got, Some(Interval::new(26.0, 975.0)));
    }

    #[test]
    fn the_jackknife_leaves_each_seed_out_once() {
        let mut sum = |seeds: &[usize]| seeds.iter().sum::<usize>() as f64;
        assert_eq!(jackknife(&[0, 1, 2], &mut sum), [3.0, 2.0, 1.0]);
        assert_eq!(jackknife(&[0, 1], &mut sum), [1.0, 0.0]);
        assert!(jackknife(&[0], &mut sum).is_empty());
    }

    /// Efron's formula, computed with 30 digits by mpmath 1.3.
    #[test]
    fn shares_are_corrected_for_bias_and_skew() {
        let (even, skewed) = ([1.0, 2.0, 3.0], [0.0, 0.0, 3.0]);
        let (ties, three_below) = ([1.0, 2.0, 2.0, 3.0], [1.0, 2.0, 3.0, 4.0]);
        for (resampled, estimate, left_out, low, high) in [
            // As many below as above: what is equal counts half.
            (ties, 2.0, even, 0.025, 0.975),
            (
                ties,
                2.0,
                skewed,
                0.011_862_208_432_770_84,
                0.958_125_989_405_335_7,
            ),
            (
                three_below,
                3.5,
                even,
                0.270_604_926_123_820_85,
                0.999_531_756_307_118_5,
            ),
            (
                three_below,
                3.5,
                skewed,
                0.231_414_709_786_942_48,
                0.998_184_129_472_415_6,
            ),
        ] {
            let got = corrected(&resampled, estimate, &left_out, (0.025, 0.975)).unwrap();
            assert!((got.0 - low).abs() < 1e-9, "{got:?}, not {low}");
            assert!((got.1 - high).abs() < 1e-9, "{got:?}, not {high}");
        }
    }

    #[test]
    fn a_share_between_two_values_lies_between_them() {
        let ascending = [0.0, 10.0, 30.0];
        for (share, expected) in [
            (0.0, 0.0),
            (0.25, 5.0),
            (0.5, 10.0),
            (0.75, 20.0),
            (1.0, 30.0),
        ] {
            let got = at(&ascending, share);
            assert!((got - expected).abs() < 1e-12, "{share}: {got}");
        }
    }

    proptest! {
        #[test]
        fn limits_lie_within_the_values(values in prop::collection::vec(0.0_f64..1e4, 1..40)) {
            let settings = Bootstrap { resamples: 200, ..Bootstrap::standard(3) };
            let got = settings.mean(&values).unwrap();
            let smallest = values.iter().copied().fold(f64::INFINITY, f64::min);
            let largest = values.iter().copied().fold(0.0, f64::max);
            prop_assert!(got.low >= smallest - 1e-9 && got.high <= largest + 1e-9);
        }
    }

    const PERCENTILE: (f64, f64) = (7.146, 13.062);
    const BCA: (f64, f64) = (7.430, 13.546);
    const DRAWN: [usize; 8] = [61, 64, 24, 77, 8, 35, 24, 43];
}
