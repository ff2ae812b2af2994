//! One value per seed, in order: what quantiles and distributions are read from.

use core::fmt;

/// Values in ascending order, at least one, none of them "not a number".
///
/// `+∞` is a value: it stands for "did not happen before the horizon", so that a seed whose clients
/// never recovered is ranked last and not dropped.
#[derive(Clone, PartialEq, Debug)]
pub struct Sample {
    sorted: Vec<f64>,
}

/// Why values do not make a sample.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SampleError {
    /// There are no values.
    Empty,
    /// The value at this position is not a number.
    NotANumber {
        /// Its position in what was given.
        index: usize,
    },
}

impl Sample {
    /// A sample of these values, which may come in any order.
    pub fn new(values: &[f64]) -> Result<Self, SampleError> {
        if values.is_empty() {
            return Err(SampleError::Empty);
        }
        if let Some(index) = values.iter().position(|value| value.is_nan()) {
            return Err(SampleError::NotANumber { index });
        }
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        Ok(Self { sorted })
    }

    /// The values in ascending order.
    pub fn sorted(&self) -> &[f64] {
        &self.sorted
    }

    /// How many values there are; never 0.
    pub fn count(&self) -> usize {
        self.sorted.len()
    }

    /// The value of a rank, which counts from 1 and is held within the sample.
    pub fn ranked(&self, rank: usize) -> f64 {
        self.sorted[rank.clamp(1, self.sorted.len()) - 1]
    }

    /// The smallest value.
    pub fn min(&self) -> f64 {
        self.sorted[0]
    }

    /// The largest value.
    pub fn max(&self) -> f64 {
        self.sorted[self.sorted.len() - 1]
    }

    /// The arithmetic mean, infinite as soon as one value is.
    pub fn mean(&self) -> f64 {
        mean(&self.sorted)
    }
}

/// The arithmetic mean of at least one value.
pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

impl fmt::Display for SampleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "a sample needs at least one value"),
            Self::NotANumber { index } => write!(f, "value {index} is not a number"),
        }
    }
}

impl core::error::Error for SampleError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_ranked_and_the_unrecovered_come_last() {
        let sample = Sample::new(&[f64::INFINITY, 0.0, 2.0]).unwrap();
        assert_eq!(sample.sorted(), [0.0, 2.0, f64::INFINITY]);
        assert_eq!(sample.ranked(0).to_bits(), 0.0_f64.to_bits());
        assert!(sample.ranked(9).is_infinite());
        assert!(sample.mean().is_infinite());
    }

    #[test]
    fn what_is_no_sample_is_refused() {
        assert_eq!(Sample::new(&[]), Err(SampleError::Empty));
        assert_eq!(
            Sample::new(&[1.0, f64::NAN]),
            Err(SampleError::NotANumber { index: 1 })
        );
    }

    #[test]
    fn the_ends_are_the_smallest_and_the_largest() {
        let sample = Sample::new(&[7.0, -3.0, 5.0]).unwrap();
        assert_eq!((sample.min(), sample.max(), sample.count()), (-3.0, 7.0, 3));
    }

    #[test]
    fn a_refusal_says_why() {
        let words = [SampleError::Empty, SampleError::NotANumber { index: 2 }]
            .map(|error| error.to_string());
        assert_eq!(
            words,
            [
                "a sample needs at least one value",
                "value 2 is not a number"
            ]
        );
    }
}
