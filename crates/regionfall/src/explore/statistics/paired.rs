//! Two strategies under the same seeds: the difference, seed by seed.
//!
//! Seed k gives both the same weather and workload, so most of the noise is common and cancels.
//! Comparing two separate intervals would throw that away; these differences keep it.

use super::bootstrap::Bootstrap;
use super::interval::Interval;
use super::quantile::{self, Probability};
use super::sample::{Sample, mean};
use super::special_function::{binomial_cdf, normal_cdf};

/// How the second strategy differs from the first, over the seeds both ran.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Difference {
    /// Seeds compared.
    pub seeds: usize,
    /// Mean of second − first, in the unit of the values.
    pub mean: f64,
    /// Its bootstrap interval over seeds.
    pub interval: Option<Interval>,
    /// The median of the differences, by nearest rank.
    pub median: f64,
    /// Seeds in which the second is smaller.
    pub smaller: usize,
    /// Seeds in which the second is larger.
    pub larger: usize,
    /// Exact sign test, two-sided: assumes nothing but independent seeds.
    pub p_sign: f64,
    /// Wilcoxon's signed-rank test, two-sided: sharper, and assumes differences spread evenly about
    /// their centre.
    pub p_signed_rank: f64,
}

/// Why two columns cannot be compared pair by pair.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PairingError {
    /// The columns differ in length, so some seed lacks its twin.
    Lengths {
        /// Values of the first.
        first: usize,
        /// Values of the second.
        second: usize,
    },
    /// There are no seeds.
    Empty,
    /// A difference is not finite at this position: one side never recovered, or has no value.
    /// Compare a share or a censored figure instead, or say how the seed is to be counted.
    NotFinite {
        /// The position of the seed.
        index: usize,
    },
}

/// Compares `second` with `first`, both indexed by the same seeds.
pub fn compare(
    first: &[f64],
    second: &[f64],
    bootstrap: &Bootstrap,
) -> Result<Difference, PairingError> {
    if first.len() != second.len() {
        return Err(PairingError::Lengths {
            first: first.len(),
            second: second.len(),
        });
    }
    let differences: Vec<f64> = first.iter().zip(second).map(|(a, b)| b - a).collect();
    if let Some(index) = differences
        .iter()
        .position(|difference| !difference.is_finite())
    {
        return Err(PairingError::NotFinite { index });
    }
    let sample = Sample::new(&differences).map_err(|_| PairingError::Empty)?;
    let smaller = differences
        .iter()
        .filter(|&&difference| difference < 0.0)
        .count();
    let larger = differences
        .iter()
        .filter(|&&difference| difference > 0.0)
        .count();
    Ok(Difference {
        seeds: differences.len(),
        mean: mean(&differences),
        interval: bootstrap.mean(&differences),
        median: quantile::nearest_rank(&sample, Probability::P50),
        smaller,
        larger,
        p_sign: sign_test(smaller, larger),
        p_signed_rank: signed_rank_test(&differences),
    })
}

/// The chance of a split at least this uneven if smaller and larger were equally likely.
///
/// Seeds without a difference say nothing and are left out, as is usual.
pub fn sign_test(smaller: usize, larger: usize) -> f64 {
    let fewer = smaller.min(larger);
    (2.0 * binomial_cdf(fewer, smaller + larger, 0.5)).min(1.0)
}

/// Wilcoxon's signed-rank test, two-sided.
///
/// Zeros are left out, ties share their mean rank. Normal approximation with corrections for ties
/// and continuity; below ten differences it is rough, and the sign test is the one to read.
pub fn signed_rank_test(differences: &[f64]) -> f64 {
    let mut ordered: Vec<f64> = differences.iter().copied().filter(|d| *d != 0.0).collect();
    if ordered.is_empty() {
        return 1.0;
    }
    ordered.sort_unstable_by(|a, b| a.abs().total_cmp(&b.abs()));
    let count = ordered.len() as f64;
    let (mut positive, mut ties) = (0.0, 0.0);
    let mut before = 0.0;
    for group in ordered.chunk_by(|a, b| a.abs().total_cmp(&b.abs()).is_eq()) {
        let size = group.len() as f64;
        let shared_rank = before + f64::midpoint(size, 1.0);
        positive += shared_rank * group.iter().filter(|&&d| d > 0.0).count() as f64;
        ties += size * size * size - size;
        before += size;
    }
    let expected = count * (count + 1.0) / 4.0;
    let variance = count * (count + 1.0) * (2.0 * count + 1.0) / 24.0 - ties / 48.0;
    let distance = ((positive - expected).abs() - 0.5).max(0.0);
    (2.0 * normal_cdf(-distance / libm::sqrt(variance))).min(1.0)
}

impl core::fmt::Display for PairingError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Lengths { first, second } => {
                write!(f, "columns differ in length: {first} and {second} seeds")
            }
            Self::Empty => write!(f, "there are no seeds to compare"),
            Self::NotFinite { index } => {
                write!(f, "the difference of seed number {index} is not finite")
            }
        }
    }
}

impl core::error::Error for PairingError {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FIRST: [f64; 12] = [61., 72., 58., 90., 66., 71., 83., 64., 59., 77., 80., 62.];
    const SECOND: [f64; 12] = [55., 70., 58., 71., 69., 60., 75., 60., 57., 70., 79., 50.];

    /// Probabilities by `scipy.stats.binomtest` and by
    /// `scipy.stats.wilcoxon(method="asymptotic", correction=True)` 1.17.1.
    #[test]
    fn tests_agree_with_scipy() {
        let got = compare(&FIRST, &SECOND, &Bootstrap::standard(1)).unwrap();
        assert_eq!((got.seeds, got.smaller, got.larger), (12, 10, 1));
        assert!((got.mean - DIFFERENCE_MEAN).abs() < 1e-12);
        assert!((got.p_sign - P_SIGN).abs() < 1e-12, "{}", got.p_sign);
        assert!(
            (got.p_signed_rank - P_SIGNED_RANK).abs() < 1e-12,
            "{}",
            got.p_signed_rank
        );
        let interval = got.interval.unwrap();
        assert!(interval.contains(got.mean) && interval.high < 0.0);
    }

    #[test]
    fn no_difference_is_no_evidence() {
        let got = compare(&FIRST, &FIRST, &Bootstrap::standard(1)).unwrap();
        assert_eq!((got.p_sign, got.p_signed_rank, got.median), (1.0, 1.0, 0.0));
    }

    #[test]
    fn what_cannot_be_paired_is_refused() {
        let bootstrap = Bootstrap::standard(1);
        let refused = compare(&[1.0], &[], &bootstrap);
        assert_eq!(
            refused,
            Err(PairingError::Lengths {
                first: 1,
                second: 0
            })
        );
        assert_eq!(compare(&[], &[], &bootstrap), Err(PairingError::Empty));
        let refused = compare(&[1.0, 2.0], &[1.0, f64::INFINITY], &bootstrap);
        assert_eq!(refused, Err(PairingError::NotFinite { index: 1 }));
    }

    proptest! {
        /// Swapping the strategies turns the sign and changes nothing else.
        #[test]
        fn order_does_not_matter(pairs in prop::collection::vec((0.0_f64..99.0, 0.0_f64..99.0), 1..40)) {
            let (first, second): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
            let bootstrap = Bootstrap { resamples: 10, ..Bootstrap::standard(1) };
            let one = compare(&first, &second, &bootstrap).unwrap();
            let other = compare(&second, &first, &bootstrap).unwrap();
            prop_assert!((one.mean + other.mean).abs() < 1e-9);
            prop_assert!((one.p_sign - other.p_sign).abs() < 1e-12);
            prop_assert!((one.p_signed_rank - other.p_signed_rank).abs() < 1e-9);
        }
    }

    const DIFFERENCE_MEAN: f64 = -5.75;
    const P_SIGN: f64 = 0.011_718_75;
    const P_SIGNED_RANK: f64 = 0.011_237_930_413_937_29;

    #[test]
    fn a_refusal_says_why() {
        let (first, second) = (3, 2);
        for (error, words) in [
            (
                PairingError::Lengths { first, second },
                "columns differ in length: 3 and 2 seeds",
            ),
            (PairingError::Empty, "there are no seeds to compare"),
            (
                PairingError::NotFinite { index: 4 },
                "the difference of seed number 4 is not finite",
            ),
        ] {
            assert_eq!(error.to_string(), words);
        }
    }
}
