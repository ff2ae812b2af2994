//! Whether a prediction agrees with a measurement.
//!
//! Measured distributions are often as wide as their median, or have two modes, and are known from ten to
//! fifty repetitions: a median alone is noisy, and so is a test alone. So a prediction agrees if any of
//! these holds: its median is within a tolerance of the measured one; its median is within the interval
//! in which the true median of the measured thing lies; or the samples as a whole cannot be told apart.

use crate::explore::statistics::kolmogorov_smirnov::{
    KolmogorovSmirnov, smallest_p_value, two_sample,
};
use crate::explore::statistics::quantile::{self, Probability};
use crate::explore::statistics::{Interval, Level, Sample};
use crate::scenario::reference::{Measured, Tolerance};

/// The samples are told apart where a distance like theirs is less likely than this among samples of one
/// distribution.
const REJECTED_BELOW: f64 = 0.01;

/// How a prediction compares with a measurement.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Agreement {
    /// The predicted median, or the quantile that was measured.
    pub predicted: f64,
    /// The measured one.
    pub measured: f64,
    /// How many repetitions were measured, if that is known.
    pub repetitions: Option<u32>,
    /// Whether the two are within the tolerance of each other.
    pub is_near: bool,
    /// Where the true median of the measured thing lies, at 95 %, by order statistics: if there are
    /// samples, and enough of them.
    pub interval: Option<Interval>,
    /// Both samples as a whole, if the measured one is known and the two are large enough to be told
    /// apart.
    pub test: Option<KolmogorovSmirnov>,
}

/// Compares predictions, one for each seed, with a measurement; +∞ is "never".
pub fn agreement(predicted: &Sample, measured: &Measured, tolerances: &[Tolerance]) -> Agreement {
    let is_near = |predicted: f64, value: f64| {
        tolerances
            .iter()
            .any(|tolerance| tolerance.allows(predicted, value))
    };
    match measured {
        Measured::Samples(values) => {
            let predicted_median = quantile::interpolated(predicted, Probability::P50);
            let sample = Sample::new(values).ok();
            let median = sample.as_ref().map_or(f64::NAN, |sample| {
                quantile::interpolated(sample, Probability::P50)
            });
            Agreement {
                predicted: predicted_median,
                measured: median,
                repetitions: u32::try_from(values.len()).ok(),
                is_near: is_near(predicted_median, median),
                interval: sample.as_ref().and_then(|sample| {
                    quantile::interval(sample, Probability::P50, Level::P95).ok()
                }),
                test: sample
                    .as_ref()
                    .filter(|sample| {
                        smallest_p_value(predicted.count(), sample.count()) < REJECTED_BELOW
                    })
                    .map(|sample| two_sample(predicted, sample)),
            }
        }
        Measured::Quantile {
            order,
            value,
            repetitions,
        } => {
            let order = Probability::new(*order).unwrap_or(Probability::P50);
            let predicted = quantile::interpolated(predicted, order);
            Agreement {
                predicted,
                measured: *value,
                repetitions: *repetitions,
                is_near: is_near(predicted, *value),
                interval: None,
                test: None,
            }
        }
    }
}

impl Agreement {
    /// Whether the prediction agrees with the measurement.
    pub fn agrees(&self) -> bool {
        self.is_near || self.is_within() || self.is_alike()
    }

    /// Whether the predicted median lies where the true median of the measured thing does.
    pub fn is_within(&self) -> bool {
        self.interval
            .is_some_and(|interval| interval.contains(self.predicted))
    }

    /// Whether both samples may come from one distribution: the test does not reject that at 1 %.
    pub fn is_alike(&self) -> bool {
        self.test.is_some_and(|test| test.p_value >= REJECTED_BELOW)
    }

    /// By which criteria it agrees, in a few words; empty if by none.
    pub fn reasons(&self) -> String {
        let reasons = [
            (self.is_near, "tolerance"),
            (self.is_within(), "interval"),
            (self.is_alike(), "distribution"),
        ];
        let held: Vec<&str> = reasons
            .iter()
            .filter(|(holds, _)| *holds)
            .map(|(_, name)| *name)
            .collect();
        held.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Unit;
    use proptest::prelude::*;

    const NEVER: f64 = f64::INFINITY;

    fn of(predicted: &[f64], measured: &[f64], unit: Unit) -> Agreement {
        let mut sorted = measured.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        agreement(
            &Sample::new(predicted).unwrap(),
            &Measured::Samples(sorted),
            &Tolerance::usual(unit),
        )
    }

    /// Equal values: their interval and distribution are as sharp as can be, so that only the
    /// tolerance is left.
    fn near(predicted: f64, measured: f64, unit: Unit) -> bool {
        let agreement = of(&[predicted; 30], &[measured; 30], unit);
        assert_eq!(agreement.is_near, agreement.agrees(), "{agreement:?}");
        agreement.agrees()
    }

    #[test]
    fn times_may_be_off_by_a_tenth_or_150_ms_and_counts_by_a_tenth_or_two() {
        for (predicted, measured, unit, is_near) in [
            (1_150.0, 1_000.0, Unit::Milliseconds, true),
            (1_151.0, 1_000.0, Unit::Milliseconds, false),
            (850.0, 1_000.0, Unit::Milliseconds, true),
            (849.0, 1_000.0, Unit::Milliseconds, false),
            (5_500.0, 5_000.0, Unit::Milliseconds, true),
            (5_501.0, 5_000.0, Unit::Milliseconds, false),
            (150.0, 0.0, Unit::Milliseconds, true),
            (2.0, 0.0, Unit::Writes, true),
            (3.0, 0.0, Unit::Writes, false),
            (220.0, 200.0, Unit::Writes, true),
            (179.0, 200.0, Unit::Writes, false),
            (NEVER, NEVER, Unit::Milliseconds, true),
            (NEVER, 10_000.0, Unit::Milliseconds, false),
            (10_000.0, NEVER, Unit::Milliseconds, false),
        ] {
            assert_eq!(
                near(predicted, measured, unit),
                is_near,
                "{predicted}, {measured}"
            );
        }
    }

    #[test]
    fn the_interval_of_a_wide_measurement_forgives_a_median_far_off() {
        // 30 repetitions over 0..8700 ms: the median is 4350, its interval the 10th to the 21st.
        let measured: Vec<f64> = (0..30).map(|index| f64::from(index) * 300.0).collect();
        for (predicted, is_within) in [
            (2_699.0, false),
            (2_700.0, true),
            (6_000.0, true),
            (6_001.0, false),
        ] {
            let got = of(&[predicted; 30], &measured, Unit::Milliseconds);
            assert!(!got.is_near && !got.is_alike(), "{got:?}");
            assert_eq!(
                (got.is_within(), got.agrees()),
                (is_within, is_within),
                "{got:?}"
            );
        }
    }

    #[test]
    fn two_modes_are_compared_as_a_whole() {
        // Nine of twenty were measured at 5 s and eleven at 10 s; of the predictions it is the other
        // way round, so that the medians are far apart.
        let modes = |low: usize, high: usize| [vec![5_000.0; low], vec![10_000.0; high]].concat();
        let got = of(&modes(22, 18), &modes(4, 16), Unit::Milliseconds);
        assert!(
            !got.is_near && !got.is_within() && got.is_alike(),
            "{got:?}"
        );
        let got = of(&modes(38, 2), &modes(4, 16), Unit::Milliseconds);
        assert!(!got.agrees(), "{got:?}");
    }

    /// Of 20 against 20 values, a distance of 11/20 is the first that is rejected at 1 %
    /// (the closed form for equal counts gives 1.2 % for 10/20 and 0.4 % for 11/20).
    #[test]
    fn distributions_are_told_apart_at_one_per_cent() {
        let measured: Vec<f64> = (0..20).map(|index| f64::from(index) * 1_000.0).collect();
        for (steps, is_alike) in [(10.0, true), (11.0, false)] {
            let predicted: Vec<f64> = measured
                .iter()
                .map(|value| value + (steps - 0.5) * 1_000.0)
                .collect();
            let got = of(&predicted, &measured, Unit::Milliseconds);
            assert_eq!(
                (got.is_alike(), got.agrees()),
                (is_alike, is_alike),
                "{got:?}"
            );
        }
    }

    #[test]
    fn repetitions_that_never_came_to_it_count() {
        let measured = [1_000.0, 1_000.0, NEVER, NEVER, NEVER, NEVER];
        let got = of(&[NEVER; 20], &measured, Unit::Milliseconds);
        assert!(got.agrees() && got.measured.is_infinite());
        assert!(!of(&[1_000.0; 20], &[NEVER; 20], Unit::Milliseconds).agrees());
    }

    #[test]
    fn a_quantile_alone_is_compared_by_its_tolerance() {
        let predicted: Vec<f64> = (0..=100).map(|index| f64::from(index) * 100.0).collect();
        let predicted = Sample::new(&predicted).unwrap();
        for (value, agrees) in [(9_000.0, true), (10_001.0, false), (5_000.0, false)] {
            let measured = Measured::Quantile {
                order: 0.9,
                value,
                repetitions: Some(20),
            };
            let got = agreement(&predicted, &measured, &[Tolerance::Share(0.1)]);
            assert!((got.predicted - 9_000.0).abs() < 1e-9);
            assert_eq!((got.agrees(), got.interval, got.test), (agrees, None, None));
        }
    }

    proptest! {
        #[test]
        fn a_measurement_agrees_with_itself(
            values in prop::collection::vec(0.0_f64..1e5, 1..40),
            never in 0_usize..10,
        ) {
            let mut values = values;
            values.resize(values.len() + never, NEVER);
            let got = of(&values, &values, Unit::Milliseconds);
            prop_assert!(got.is_near, "{got:?}");
            prop_assert_eq!(got.is_alike(), values.len() >= 5, "fewer cannot be told apart");
            prop_assert!(got.interval.is_none() || got.is_within());
        }

        #[test]
        fn order_and_the_unit_of_time_change_nothing(
            predicted in prop::collection::vec(0.0_f64..1e4, 1..40),
            measured in prop::collection::vec(0.0_f64..1e4, 1..40),
        ) {
            let tolerances = [Tolerance::Share(0.1)];
            let verdict = |predicted: &[f64], measured: &[f64]| {
                let mut measured = measured.to_vec();
                measured.sort_unstable_by(f64::total_cmp);
                let predicted = Sample::new(predicted).unwrap();
                agreement(&predicted, &Measured::Samples(measured), &tolerances).reasons()
            };
            let straight = verdict(&predicted, &measured);
            let turned: Vec<f64> = predicted.iter().rev().copied().collect();
            prop_assert_eq!(&straight, &verdict(&turned, &measured));
            // A power of two, so that no value is rounded.
            let scaled = |values: &[f64]| values.iter().map(|value| value * 1_024.0).collect::<Vec<f64>>();
            prop_assert_eq!(&straight, &verdict(&scaled(&predicted), &scaled(&measured)));
        }
    }
}
