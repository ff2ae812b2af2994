//! Why a distribution is refused, in words that fit after "failed to read the delay:".
//!
//! The rules themselves are in [`Distribution::check`](super::Distribution::check).

use crate::time::SimDuration;
use core::fmt;

/// Why a distribution is refused.
#[derive(Clone, Copy, PartialEq, Debug)]
#[non_exhaustive]
pub enum DistributionError {
    /// A bound or quantile is shorter than the one before it.
    Disordered {
        /// What must not be longer, for instance `median`.
        lower: &'static str,
        /// Its value.
        lower_is: SimDuration,
        /// What must not be shorter, for instance `p99`.
        upper: &'static str,
        /// Its value.
        upper_is: SimDuration,
    },
    /// A parameter that must be positive is zero.
    Zero {
        /// Its name.
        parameter: &'static str,
    },
    /// The shape is not a positive finite number.
    Shape {
        /// What it is.
        got: f64,
    },
    /// There are no samples.
    NoSamples,
    /// The samples are not in ascending order.
    Unsorted {
        /// The index of the first sample that is shorter than the one before it.
        index: usize,
    },
}

impl fmt::Display for DistributionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disordered {
                lower,
                lower_is,
                upper,
                upper_is,
            } => {
                write!(
                    f,
                    "{upper} must not be shorter than {lower} ({lower_is}), got {upper_is}"
                )
            }
            Self::Zero { parameter } => write!(f, "{parameter} must be longer than 0s"),
            Self::Shape { got } => write!(f, "shape must be a positive finite number, got {got}"),
            Self::NoSamples => f.write_str("an empirical distribution needs at least one sample"),
            Self::Unsorted { index } => {
                write!(
                    f,
                    "samples must be in ascending order, but sample {index} is shorter than the one before"
                )
            }
        }
    }
}

impl core::error::Error for DistributionError {}
