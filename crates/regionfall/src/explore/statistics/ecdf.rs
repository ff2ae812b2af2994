//! The whole distribution: the empirical distribution function and a band around all of it.
//!
//! RTO has several modes (a retry, a switch, the heal), so plots show the distribution and not a
//! mean. The band is simultaneous: with the chance of its level, the true distribution lies inside it
//! *everywhere*, which is what an eye that compares two curves assumes.

use super::interval::{Interval, Level};
use super::sample::Sample;

/// One step: the share of values at or below `value`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Step {
    /// A value that occurred, in the unit of the sample.
    pub value: f64,
    /// The share at or below it.
    pub share: f64,
    /// The band at it.
    pub band: Interval,
}

/// The empirical distribution of a sample, one step per distinct finite value.
///
/// Values of `+∞` ("not within the horizon") count in the denominator, so that the last share stays
/// below 1 and shows how many there are.
pub fn steps(sample: &Sample, level: Level) -> Vec<Step> {
    let count = sample.count() as f64;
    let half = half_width(sample.count(), level);
    let mut below = 0;
    let mut steps = Vec::new();
    for group in sample.sorted().chunk_by(|a, b| a.total_cmp(b).is_eq()) {
        below += group.len();
        if group[0].is_finite() {
            let share = below as f64 / count;
            let band = Interval {
                low: (share - half).max(0.0),
                high: (share + half).min(1.0),
            };
            steps.push(Step {
                value: group[0],
                share,
                band,
            });
        }
    }
    steps
}

/// Half of the height of the band: √(ln(2 / error) / 2n).
///
/// Dvoretzky, Kiefer and Wolfowitz (1956), with the sharp constant of Massart (1990). Good for any n
/// and any distribution, with ties too.
pub fn half_width(count: usize, level: Level) -> f64 {
    libm::sqrt(libm::log(2.0 / level.error()) / (2.0 * count as f64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn half_width_is_massarts() {
        // √(ln 40 / 200), the value of every table for n = 100.
        assert!((half_width(100, Level::P95) - 0.135_810_151_574_061_95).abs() < 1e-12);
    }

    #[test]
    fn what_never_happened_leaves_the_curve_below_one() {
        let sample = Sample::new(&[0.0, 0.0, 5.0, f64::INFINITY]).unwrap();
        let got: Vec<_> = steps(&sample, Level::P95)
            .iter()
            .map(|s| (s.value, s.share))
            .collect();
        assert_eq!(got, [(0.0, 0.5), (5.0, 0.75)]);
    }

    proptest! {
        #[test]
        fn steps_rise_and_lie_in_their_band(values in prop::collection::vec(0_u8..30, 1..100)) {
            let values: Vec<f64> = values.into_iter().map(f64::from).collect();
            let steps = steps(&Sample::new(&values).unwrap(), Level::P95);
            prop_assert!(steps.iter().all(|step| step.band.contains(step.share)));
            prop_assert!(steps.is_sorted_by(|a, b| a.value < b.value && a.share < b.share));
            prop_assert!((steps[steps.len() - 1].share - 1.0).abs() < 1e-12);
        }
    }
}
