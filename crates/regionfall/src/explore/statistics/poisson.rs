//! Counts of events: the rate behind a count, and whether counts behave as independent events do.
//!
//! Writes lost to a constant replication lag are Poisson over seeds, because arrivals are; the tests
//! here decide whether a set of counts agrees with that and with a predicted mean.

use super::interval::{Interval, Level};
use super::special_function::{chi_squared_cdf, gamma_quantile, poisson_cdf};

/// The interval for the mean number of events per unit, from `events` in `exposure` units.
///
/// Garwood's exact interval (1936), by quantiles of the gamma distribution; conservative, since
/// counts are whole. The unit is the caller's: seeds, seconds, writes. `None` without exposure.
pub fn rate(events: u64, exposure: f64, level: Level) -> Option<Interval> {
    if !(exposure > 0.0 && exposure.is_finite()) {
        return None;
    }
    let tail = level.error() / 2.0;
    let low = if events == 0 {
        0.0
    } else {
        gamma_quantile(events as f64, tail)
    };
    let high = gamma_quantile(events as f64 + 1.0, 1.0 - tail);
    Some(Interval {
        low: low / exposure,
        high: high / exposure,
    })
}

/// The largest rate that is still compatible with no event in `exposure` units: −ln(1 − level) / exposure.
///
/// One-sided; 3/exposure at 95 %. `None` without exposure.
pub fn rate_upper_if_none(exposure: f64, level: Level) -> Option<f64> {
    (exposure > 0.0 && exposure.is_finite()).then(|| -libm::log(level.error()) / exposure)
}

/// What counts, one per seed, say about being Poisson.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct PoissonTest {
    /// The mean count.
    pub mean: f64,
    /// Variance over mean: 1 if Poisson, above if events come in clumps, below if they are regular.
    pub dispersion: f64,
    /// The chance of a dispersion at least as far from 1, on either side, if counts are Poisson.
    pub p_dispersion: f64,
    /// The chance of a total at least as far from the predicted one, if the prediction holds.
    pub p_mean: f64,
}

/// Tests counts, one per seed, against Poisson with a predicted mean.
///
/// *Dispersion*: Fisher's index, Σ(x − x̄)²/x̄, is chi-squared with n − 1 degrees of freedom.
/// *Mean*: the total is Poisson with n times the predicted mean; exact, two-sided by doubling.
/// `None` for fewer than two seeds, no events at all, or a prediction that is not positive.
pub fn test(counts: &[u64], predicted_mean: f64) -> Option<PoissonTest> {
    let total: u64 = counts.iter().sum();
    if counts.len() < 2 || total == 0 || !(predicted_mean > 0.0 && predicted_mean.is_finite()) {
        return None;
    }
    let seeds = counts.len() as f64;
    let mean = total as f64 / seeds;
    let squares: f64 = counts
        .iter()
        .map(|&count| (count as f64 - mean) * (count as f64 - mean))
        .sum();
    let statistic = squares / mean;
    let expected = predicted_mean * seeds;
    let at_most = poisson_cdf(total, expected);
    let at_least = 1.0 - poisson_cdf(total - 1, expected);
    Some(PoissonTest {
        mean,
        dispersion: statistic / (seeds - 1.0),
        p_dispersion: two_sided(chi_squared_cdf(seeds - 1.0, statistic)),
        p_mean: (2.0 * at_most.min(at_least)).min(1.0),
    })
}

/// Twice the smaller tail, from the share below.
fn two_sided(below: f64) -> f64 {
    (2.0 * below.min(1.0 - below)).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(got: f64, expected: f64) {
        assert!(
            (got - expected).abs() <= 1e-9 * expected.abs().max(1.0),
            "{got}, not {expected}"
        );
    }

    /// Limits by quantiles of `scipy.stats.chi2` 1.17.1, halved.
    #[test]
    fn rate_agrees_with_scipy() {
        for &(events, low, high) in GARWOOD {
            let got = rate(events, 1.0, Level::P95).unwrap();
            check(got.low, low);
            check(got.high, high);
        }
        check(
            rate(10, 100.0, Level::P95).unwrap().low,
            GARWOOD[2].1 / 100.0,
        );
        assert_eq!(rate(1, 0.0, Level::P95), None);
    }

    #[test]
    fn no_events_bound_the_rate_by_the_rule_of_three() {
        check(
            rate_upper_if_none(200.0, Level::P95).unwrap() * 200.0,
            2.995_732_273_553_991,
        );
    }

    /// Probabilities by `scipy.stats.chi2` and `scipy.stats.poisson` 1.17.1.
    #[test]
    fn tests_agree_with_scipy() {
        let got = test(COUNTS, 5.5).unwrap();
        check(got.mean, 5.4);
        check(got.dispersion, DISPERSION);
        check(got.p_dispersion, P_DISPERSION);
        check(got.p_mean, P_MEAN);
    }

    #[test]
    fn clumps_and_clockwork_are_both_noticed() {
        let clumps: Vec<u64> = (0..100)
            .map(|seed| if seed % 10 == 0 { 50 } else { 0 })
            .collect();
        let clockwork = [5; 100];
        assert!(test(&clumps, 5.0).unwrap().p_dispersion < 1e-6);
        assert!(test(&clockwork, 5.0).unwrap().p_dispersion < 1e-6);
        assert!(test(&clockwork, 6.0).unwrap().p_mean < 1e-3);
        assert_eq!(test(&[0, 0], 1.0), None);
    }

    #[test]
    fn rates_are_for_each_unit_and_need_one() {
        let (one, ten) = (rate(3, 1.0, Level::P95), rate(3, 10.0, Level::P95));
        check(ten.unwrap().low, one.unwrap().low / 10.0);
        check(ten.unwrap().high, one.unwrap().high / 10.0);
        for exposure in [-1.0, 0.0, f64::INFINITY, f64::NAN] {
            assert_eq!(rate(3, exposure, Level::P95), None, "{exposure}");
            assert_eq!(rate_upper_if_none(exposure, Level::P95), None, "{exposure}");
        }
    }

    /// 30 where 20 were expected, and 12: twice the tail, the total itself included; computed with 30 digits by mpmath 1.3.
    #[test]
    fn a_total_is_as_far_off_above_as_below() {
        let many = test(&[7, 8, 6, 9], 5.0).unwrap();
        check(many.p_mean, 0.043_636_435_011_514_78);
        let few = test(&[3, 2, 4, 3], 5.0).unwrap();
        check(few.p_mean, 0.078_023_985_709_985_57);
    }

    #[test]
    fn a_test_needs_two_seeds_and_a_prediction() {
        assert_eq!(test(&[3], 3.0), None);
        assert!(test(&[3, 4], 3.0).is_some());
        for predicted in [-1.0, 0.0, f64::INFINITY, f64::NAN] {
            assert_eq!(test(&[3, 4], predicted), None, "{predicted}");
        }
    }

    proptest! {
        #[test]
        fn rate_holds_what_was_observed(events in 0_u64..100_000, exposure in 0.1_f64..1e4) {
            let got = rate(events, exposure, Level::P95).unwrap();
            prop_assert!(got.contains(events as f64 / exposure));
        }
    }

    /// Events, lower and upper limit of the mean.
    const GARWOOD: &[(u64, f64, f64)] = &[
        (0, 0.0, 3.688_879_454_113_935_4),
        (1, 0.025_317_807_984_289_876, 5.571_643_390_938_898),
        (10, 4.795_388_696_132_433_5, 18.390_356_042_017_78),
        (123, 102.225_025_490_733_34, 146.756_419_813_139_13),
        (4567, 4_435.496_134_286_665, 4_701.412_642_411_899_5),
    ];
    const COUNTS: &[u64] = &[3, 5, 7, 6, 4, 9, 2, 5, 6, 7];
    const DISPERSION: f64 = 0.790_123_456_790_123_5;
    const P_DISPERSION: f64 = 0.748_895_539_966_235;
    const P_MEAN: f64 = 0.964_134_280_898_840_2;
}
