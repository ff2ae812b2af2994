//! Times of which some were cut off: the Kaplan–Meier estimator.
//!
//! A client that had not recovered when the run ended is *censored*: its recovery took longer than
//! was watched, nobody knows by how much. Dropping it flatters the worst strategy; taking the horizon
//! for its recovery flatters it too. The product-limit estimator (Kaplan and Meier, 1958) uses it for
//! as long as it was watched:
//!
//! ```text
//!   S(t) = ∏ over event times tᵢ ≤ t of (1 − eventsᵢ / at riskᵢ)      recovered by t = 1 − S(t)
//! ```
//!
//! The Greenwood band treats observations as independent. Clients of one run are not, so for
//! clients use [`quantile_interval_by_seed`], which resamples whole seeds.

use super::bootstrap::Bootstrap;
use super::interval::{Interval, Level};
use super::quantile::Probability;
use super::special_function::normal_quantile;

/// One observed time, in any unit that all share.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Observation {
    /// When it ended, or until when it was watched.
    pub time: f64,
    /// Whether it ended there, or was only watched until there.
    pub end: End,
}

/// How an observation stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// What was waited for happened.
    Event,
    /// The horizon came first.
    Censored,
}

/// One step of the estimated distribution, at a time where at least one event happened.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Step {
    /// The time.
    pub time: f64,
    /// Observations still watched just before it.
    pub at_risk: usize,
    /// Events at it.
    pub events: usize,
    /// The share that has not had the event after it, S(t).
    pub survival: f64,
    /// Greenwood's standard error of S(t).
    pub error: f64,
}

/// The estimate.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct KaplanMeier {
    steps: Vec<Step>,
    observations: usize,
    censored: usize,
}

impl Observation {
    /// An event at this time.
    pub const fn event(time: f64) -> Self {
        Self {
            time,
            end: End::Event,
        }
    }

    /// Watched until this time, without the event.
    pub const fn censored(time: f64) -> Self {
        Self {
            time,
            end: End::Censored,
        }
    }
}

impl KaplanMeier {
    /// The estimate from observations in any order. Times that are not numbers are a caller's
    /// mistake; they sort last and count as watched for longest.
    pub fn new(observations: &[Observation]) -> Self {
        let mut ordered = observations.to_vec();
        // At equal times events come first: what was censored then was still at risk.
        ordered.sort_by(|a, b| {
            let by_end = |o: &Observation| o.end == End::Censored;
            a.time.total_cmp(&b.time).then(by_end(a).cmp(&by_end(b)))
        });
        let mut steps = Vec::new();
        let (mut survival, mut variance_sum) = (1.0, 0.0);
        let mut before = 0;
        for group in ordered.chunk_by(|a, b| a.time.total_cmp(&b.time).is_eq()) {
            let at_risk = ordered.len() - before;
            let events = group
                .iter()
                .filter(|observation| observation.end == End::Event)
                .count();
            if events > 0 {
                survival *= 1.0 - events as f64 / at_risk as f64;
                variance_sum += events as f64 / (at_risk as f64 * (at_risk - events) as f64);
                // Once nobody is left the sum is infinite and the error, by convention, is 0.
                let error = if survival > 0.0 {
                    survival * libm::sqrt(variance_sum)
                } else {
                    0.0
                };
                steps.push(Step {
                    time: group[0].time,
                    at_risk,
                    events,
                    survival,
                    error,
                });
            }
            before += group.len();
        }
        let censored = observations
            .iter()
            .filter(|o| o.end == End::Censored)
            .count();
        Self {
            steps,
            observations: observations.len(),
            censored,
        }
    }

    /// The steps, in order of time.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// How many observations there were.
    pub const fn observations(&self) -> usize {
        self.observations
    }

    /// How many of them were cut off.
    pub const fn censored(&self) -> usize {
        self.censored
    }

    /// The share that has had the event by `time`, 1 − S(time).
    pub fn recovered_by(&self, time: f64) -> f64 {
        let before = self.steps.partition_point(|step| step.time <= time);
        before
            .checked_sub(1)
            .map_or(0.0, |last| 1.0 - self.steps[last].survival)
    }

    /// The first time by which at least this share has had the event; `None` if that was not seen.
    pub fn quantile(&self, probability: Probability) -> Option<f64> {
        // The tolerance undoes the rounding of the product where nothing is censored.
        let target = 1.0 - probability.share() + 1e-12;
        self.steps
            .iter()
            .find(|step| step.survival <= target)
            .map(|step| step.time)
    }

    /// The pointwise band of the share that has had the event, one interval per step.
    ///
    /// Greenwood's error on the log(−log) scale (Kalbfleisch and Prentice; `conf.type = "log-log"` in
    /// R), which stays within 0 and 1. Where S is 0 or 1 the interval is that value.
    pub fn band(&self, level: Level) -> Vec<Interval> {
        let z = normal_quantile(1.0 - level.error() / 2.0);
        let of_step = |step: &Step| {
            let survival = step.survival;
            if survival <= 0.0 || survival >= 1.0 {
                return Interval::new(1.0 - survival, 1.0 - survival);
            }
            let scale = z * step.error / (survival * libm::log(survival));
            let limit = |sign: f64| libm::pow(survival, libm::exp(sign * scale));
            Interval::new(1.0 - limit(1.0), 1.0 - limit(-1.0))
        };
        self.steps.iter().map(of_step).collect()
    }
}

/// An interval for a quantile of clients' times, from observations grouped by seed.
///
/// Whole seeds are resampled (percentile bootstrap). A draw in which the quantile was never reached
/// counts as later than every time, so the upper limit is `+∞` as soon as more than half of the
/// allowed error lies there. `None` without seeds, or if the lower limit was not reached either.
pub fn quantile_interval_by_seed(
    groups: &[Vec<Observation>],
    probability: Probability,
    bootstrap: &Bootstrap,
) -> Option<Interval> {
    let limits = bootstrap.interval_by_rank(groups.len(), |drawn| {
        let pooled: Vec<Observation> = drawn
            .iter()
            .flat_map(|&seed| groups[seed].iter().copied())
            .collect();
        KaplanMeier::new(&pooled)
            .quantile(probability)
            .unwrap_or(f64::INFINITY)
    })?;
    limits.low.is_finite().then_some(limits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Remission times of Freireich et al. (1963), the example of every textbook; `+` is censored.
    /// 6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+
    fn remissions() -> Vec<Observation> {
        let events = [6., 6., 6., 7., 10., 13., 16., 22., 23.];
        let censored = [6., 9., 10., 11., 17., 19., 20., 25., 32., 32., 34., 35.];
        let events = events.into_iter().map(Observation::event);
        events
            .chain(censored.into_iter().map(Observation::censored))
            .collect()
    }

    fn probability(share: f64) -> Probability {
        Probability::new(share).unwrap()
    }

    /// Survival 0.857 0.807 0.753 0.690 0.627 0.538 0.448 and the errors beside them, as printed by
    /// `survfit(Surv(time, status) ~ 1)` in R and in Klein and Moeschberger, table 4.1B.
    #[test]
    fn agrees_with_the_textbook() {
        let estimate = KaplanMeier::new(&remissions());
        let rounded = |x: f64| libm::round(x * 1e4) as i32;
        let got: Vec<_> = estimate
            .steps()
            .iter()
            .map(|s| (rounded(s.survival), rounded(s.error)))
            .collect();
        let expected = [
            (8571, 764),
            (8067, 869),
            (7529, 963),
            (6902, 1068),
            (6275, 1141),
            (5378, 1282),
            (4482, 1346),
        ];
        assert_eq!(got, expected);
        assert_eq!(estimate.censored(), 12);
        assert_eq!(estimate.quantile(Probability::P50), Some(23.0));
        assert_eq!(estimate.quantile(Probability::P95), None);
        assert!((estimate.recovered_by(8.0) - (1.0 - 0.8067)).abs() < 1e-4);
        assert!(estimate.recovered_by(5.0).abs() < 1e-12);
    }

    /// Limits by `scipy.stats.ecdf(…).sf.confidence_interval(method="log-log")` 1.17.1.
    #[test]
    fn band_agrees_with_scipy() {
        let band = KaplanMeier::new(&remissions()).band(Level::P95);
        for (got, (low, high)) in band.iter().zip(BAND) {
            assert!((got.low - low).abs() < 1e-9, "{} {low}", got.low);
            assert!((got.high - high).abs() < 1e-9, "{} {high}", got.high);
        }
        assert_eq!(band.len(), BAND.len());
    }

    #[test]
    fn once_all_have_had_it_the_band_has_no_width() {
        let estimate = KaplanMeier::new(&[Observation::event(1.0), Observation::event(2.0)]);
        let band = estimate.band(Level::P95);
        assert!(band[0].low > 0.0 && band[0].high < 1.0, "{band:?}");
        assert_eq!(band[1], Interval::new(1.0, 1.0));
    }

    /// Products of shares are rounded, and so are shares themselves.
    #[test]
    fn the_quantile_of_each_share_is_the_value_of_its_rank() {
        for count in 2..60 {
            let all: Vec<Observation> = (1..=count)
                .map(|time| Observation::event(f64::from(time)))
                .collect();
            let estimate = KaplanMeier::new(&all);
            assert_eq!(estimate.observations(), all.len());
            for rank in 1..count {
                let share = probability(f64::from(rank) / f64::from(count));
                let got = estimate.quantile(share);
                assert_eq!(got, Some(f64::from(rank)), "{rank} of {count}");
            }
        }
    }

    #[test]
    fn nothing_and_only_censored_have_no_quantile() {
        let nothing = KaplanMeier::new(&[]);
        assert_eq!(
            (nothing.quantile(Probability::P50), nothing.observations()),
            (None, 0)
        );
        let censored = KaplanMeier::new(&[Observation::censored(900.0); 5]);
        assert_eq!(censored.quantile(probability(0.01)), None);
        assert!(censored.steps().is_empty());
    }

    #[test]
    fn interval_by_seed_follows_the_seeds_and_may_be_open() {
        let quick: Vec<Observation> = vec![Observation::event(5.0); 50];
        let never: Vec<Observation> = vec![Observation::censored(900.0); 50];
        let bootstrap = Bootstrap::standard(1);
        let sure =
            quantile_interval_by_seed(&vec![quick.clone(); 20], Probability::P50, &bootstrap);
        assert_eq!(sure, Some(Interval::new(5.0, 5.0)));
        // Half of the seeds never recover: 1,000 clients would look certain, 20 seeds are not.
        let mut mixed = vec![quick; 11];
        mixed.extend(vec![never.clone(); 9]);
        let open = quantile_interval_by_seed(&mixed, Probability::P50, &bootstrap).unwrap();
        assert!(open.low < 6.0 && open.high.is_infinite());
        assert_eq!(
            quantile_interval_by_seed(&[never], Probability::P50, &bootstrap),
            None
        );
    }

    proptest! {
        /// Without censoring the estimator is the empirical distribution, and so are its quantiles.
        #[test]
        fn without_censoring_it_is_the_empirical_distribution(
            times in prop::collection::vec(0_u32..50, 1..80),
            share in 0.05_f64..0.95,
        ) {
            let values: Vec<f64> = times.iter().map(|&t| f64::from(t)).collect();
            let observations: Vec<Observation> = values.iter().map(|&t| Observation::event(t)).collect();
            let estimate = KaplanMeier::new(&observations);
            for time in 0..50 {
                let below = times.iter().filter(|&&t| t <= time).count() as f64 / times.len() as f64;
                prop_assert!((estimate.recovered_by(f64::from(time)) - below).abs() < 1e-9);
            }
            let sample = super::super::Sample::new(&values).unwrap();
            let rank = super::super::quantile::nearest_rank(&sample, probability(share));
            prop_assert_eq!(estimate.quantile(probability(share)), Some(rank));
        }
    }

    const BAND: [(f64, f64); 7] = [
        (0.048_448_252_353_002_985, 0.380_282_044_734_016_17),
        (0.077_190_980_797_119_61, 0.436_853_435_377_766_66),
        (0.110_638_164_830_734_52, 0.496_800_489_200_043_6),
        (0.150_934_036_650_549_27, 0.568_389_777_513_816),
        (0.195_087_810_528_158_82, 0.632_489_144_012_498),
        (0.253_209_282_364_605_6, 0.732_221_063_232_865),
        (0.319_857_371_504_758_57, 0.811_947_994_040_767_7),
    ];
}
