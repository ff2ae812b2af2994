//! Distributions of spans: delays, service times, reaction times.
//!
//! A [`Distribution`] is a value that can be checked, printed as a scenario writes it, and asked for its
//! exact quantiles; a [`Sampler`] is the same compiled for speed. Neither holds a random generator: both map
//! a share, or 64 random bits, to a span, so that a draw can be addressed.

mod error;
mod exact;
mod normal;
mod sampler;

pub use error::DistributionError;
pub use sampler::Sampler;

use crate::time::SimDuration;
use core::fmt;

/// A probability distribution of spans.
///
/// Make one with the checked constructors. The variants are open to be matched; one that breaks its
/// rules is refused by [`Distribution::check`], which every use begins with in debug builds.
#[derive(Clone, PartialEq, Debug)]
pub enum Distribution {
    /// Always the same span.
    Constant(SimDuration),
    /// Every span between two bounds is equally likely.
    Uniform {
        /// The shortest span.
        low: SimDuration,
        /// The longest span; not shorter than `low`.
        high: SimDuration,
    },
    /// The exponential distribution, which has no memory.
    Exponential {
        /// The mean span.
        mean: SimDuration,
    },
    /// The span whose logarithm is normally distributed, fixed by two of its quantiles.
    LogNormal {
        /// The 50th percentile; positive.
        median: SimDuration,
        /// The 99th percentile; not shorter than the median.
        p99: SimDuration,
    },
    /// A Pareto distribution with an exponential cutoff: the share of spans longer than x is
    /// `(minimum / x)^shape * exp(-(x - minimum) / cutoff)`.
    ///
    /// It is the distribution of the shorter of two independent spans: one Pareto, the other `minimum`
    /// plus an exponential with mean `cutoff`.
    ParetoExp {
        /// The shortest span; positive.
        minimum: SimDuration,
        /// The exponent of the tail; positive and finite. The smaller, the heavier.
        shape: f64,
        /// Where the tail ends: the mean of the exponential factor; positive.
        cutoff: SimDuration,
    },
    /// A distribution through three given quantiles.
    ///
    /// Between them the logarithm of the span is linear in the standard normal deviate (so that quantiles
    /// of a log-normal give that log-normal); below the median the line from p50 to p95 goes on, above p99
    /// the line from p95 to p99.
    Quantiles {
        /// The 50th percentile; positive.
        p50: SimDuration,
        /// The 95th percentile; not shorter than `p50`.
        p95: SimDuration,
        /// The 99th percentile; not shorter than `p95`.
        p99: SimDuration,
    },
    /// Measured spans, in ascending order and at least one. The quantile at share u lies at place
    /// `u * (n - 1)`, linearly between neighbours (Hyndman and Fan, *Sample Quantiles in Statistical
    /// Packages*, 1996, type 7).
    Empirical(Box<[SimDuration]>),
}

impl Distribution {
    /// [`Distribution::Uniform`]; refused if `low > high`.
    pub fn uniform(low: SimDuration, high: SimDuration) -> Result<Self, DistributionError> {
        Self::Uniform { low, high }.checked()
    }

    /// [`Distribution::Exponential`]; never refused, a mean of zero is the constant zero.
    pub const fn exponential(mean: SimDuration) -> Self {
        Self::Exponential { mean }
    }

    /// [`Distribution::LogNormal`]; refused if `median` is zero or `p99 < median`.
    pub fn log_normal(median: SimDuration, p99: SimDuration) -> Result<Self, DistributionError> {
        Self::LogNormal { median, p99 }.checked()
    }

    /// [`Distribution::ParetoExp`]; refused if `minimum` or `cutoff` is zero or `shape` is not positive and
    /// finite.
    pub fn pareto_exp(
        minimum: SimDuration,
        shape: f64,
        cutoff: SimDuration,
    ) -> Result<Self, DistributionError> {
        Self::ParetoExp {
            minimum,
            shape,
            cutoff,
        }
        .checked()
    }

    /// [`Distribution::Quantiles`]; refused if `p50` is zero or the quantiles are not in order.
    pub fn quantiles(
        p50: SimDuration,
        p95: SimDuration,
        p99: SimDuration,
    ) -> Result<Self, DistributionError> {
        Self::Quantiles { p50, p95, p99 }.checked()
    }

    /// [`Distribution::Empirical`] of samples in any order; refused if there are none.
    pub fn empirical(mut samples: Vec<SimDuration>) -> Result<Self, DistributionError> {
        samples.sort_unstable();
        Self::Empirical(samples.into()).checked()
    }

    /// Whether the parameters obey the rules of their variant.
    pub fn check(&self) -> Result<(), DistributionError> {
        match self {
            Self::Constant(_) | Self::Exponential { .. } => Ok(()),
            Self::Uniform { low, high } => in_order(("low", *low), ("high", *high)),
            Self::LogNormal { median, p99 } => {
                positive("median", *median)?;
                in_order(("median", *median), ("p99", *p99))
            }
            Self::ParetoExp {
                minimum,
                shape,
                cutoff,
            } => {
                positive("min", *minimum)?;
                positive("cutoff", *cutoff)?;
                let is_valid = shape.is_finite() && *shape > 0.0;
                if is_valid {
                    Ok(())
                } else {
                    Err(DistributionError::Shape { got: *shape })
                }
            }
            Self::Quantiles { p50, p95, p99 } => {
                positive("p50", *p50)?;
                in_order(("p50", *p50), ("p95", *p95))?;
                in_order(("p95", *p95), ("p99", *p99))
            }
            Self::Empirical(samples) => {
                if samples.is_empty() {
                    return Err(DistributionError::NoSamples);
                }
                match samples.windows(2).position(|pair| pair[0] > pair[1]) {
                    Some(before) => Err(DistributionError::Unsorted { index: before + 1 }),
                    None => Ok(()),
                }
            }
        }
    }

    /// The same distribution with every span multiplied by `factor`, to the nearest nanosecond.
    ///
    /// # Panics
    ///
    /// If the factor is negative or not finite.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        assert!(factor >= 0.0, "a factor is not negative");
        assert!(factor.is_finite(), "a factor is finite");
        if factor == 0.0 {
            return Self::Constant(SimDuration::ZERO);
        }
        let scale =
            |span: SimDuration| SimDuration::from_nanos_f64(span.as_nanos() as f64 * factor);
        // What must be positive stays so, even where it rounds to nothing.
        let scale_positive = |span| scale(span).max(SimDuration::from_nanos(1));
        match self {
            Self::Constant(span) => Self::Constant(scale(*span)),
            Self::Uniform { low, high } => Self::Uniform {
                low: scale(*low),
                high: scale(*high),
            },
            Self::Exponential { mean } => Self::Exponential { mean: scale(*mean) },
            Self::LogNormal { median, p99 } => Self::LogNormal {
                median: scale_positive(*median),
                p99: scale_positive(*p99),
            },
            Self::ParetoExp {
                minimum,
                shape,
                cutoff,
            } => Self::ParetoExp {
                minimum: scale_positive(*minimum),
                shape: *shape,
                cutoff: scale_positive(*cutoff),
            },
            Self::Quantiles { p50, p95, p99 } => Self::Quantiles {
                p50: scale_positive(*p50),
                p95: scale_positive(*p95),
                p99: scale_positive(*p99),
            },
            Self::Empirical(samples) => {
                Self::Empirical(samples.iter().copied().map(scale).collect())
            }
        }
    }

    fn checked(self) -> Result<Self, DistributionError> {
        self.check().map(|()| self)
    }
}

fn positive(parameter: &'static str, span: SimDuration) -> Result<(), DistributionError> {
    if span > SimDuration::ZERO {
        Ok(())
    } else {
        Err(DistributionError::Zero { parameter })
    }
}

fn in_order(
    (lower, lower_is): (&'static str, SimDuration),
    (upper, upper_is): (&'static str, SimDuration),
) -> Result<(), DistributionError> {
    if lower_is <= upper_is {
        return Ok(());
    }
    Err(DistributionError::Disordered {
        lower,
        lower_is,
        upper,
        upper_is,
    })
}

impl fmt::Display for Distribution {
    /// Writes the distribution as a scenario does, for instance `lognormal(median=20ms, p99=200ms)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant(span) => span.fmt(f),
            Self::Uniform { low, high } => write!(f, "uniform({low}, {high})"),
            Self::Exponential { mean } => write!(f, "exponential({mean})"),
            Self::LogNormal { median, p99 } => write!(f, "lognormal(median={median}, p99={p99})"),
            Self::ParetoExp {
                minimum,
                shape,
                cutoff,
            } => {
                write!(
                    f,
                    "pareto_exp(min={minimum}, shape={shape}, cutoff={cutoff})"
                )
            }
            Self::Quantiles { p50, p95, p99 } => {
                write!(f, "quantiles(p50={p50}, p95={p95}, p99={p99})")
            }
            Self::Empirical(samples) => {
                f.write_str("empirical(")?;
                for (index, sample) in samples.iter().enumerate() {
                    let separator = if index == 0 { "" } else { ", " };
                    write!(f, "{separator}{sample}")?;
                }
                f.write_str(")")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(milliseconds: u64) -> SimDuration {
        SimDuration::from_millis(milliseconds)
    }

    #[test]
    fn what_breaks_a_rule_is_refused_with_the_reason() {
        for (refused, reason) in [
            (
                Distribution::uniform(ms(2), ms(1)),
                "high must not be shorter than low (2ms), got 1ms",
            ),
            (
                Distribution::log_normal(ms(0), ms(1)),
                "median must be longer than 0s",
            ),
            (
                Distribution::log_normal(ms(3), ms(1)),
                "p99 must not be shorter than median (3ms), got 1ms",
            ),
            (
                Distribution::pareto_exp(ms(0), 1.5, ms(1)),
                "min must be longer than 0s",
            ),
            (
                Distribution::pareto_exp(ms(1), 1.5, ms(0)),
                "cutoff must be longer than 0s",
            ),
            (
                Distribution::pareto_exp(ms(1), -1.0, ms(1)),
                "shape must be a positive finite number, got -1",
            ),
            (
                Distribution::pareto_exp(ms(1), f64::NAN, ms(1)),
                "shape must be a positive finite number, got NaN",
            ),
            (
                Distribution::quantiles(ms(0), ms(1), ms(1)),
                "p50 must be longer than 0s",
            ),
            (
                Distribution::quantiles(ms(2), ms(1), ms(3)),
                "p95 must not be shorter than p50 (2ms), got 1ms",
            ),
            (
                Distribution::quantiles(ms(1), ms(3), ms(2)),
                "p99 must not be shorter than p95 (3ms), got 2ms",
            ),
            (
                Distribution::empirical(vec![]),
                "an empirical distribution needs at least one sample",
            ),
            (
                Distribution::Empirical([ms(1), ms(3), ms(2)].into()).checked(),
                "samples must be in ascending order, but sample 2 is shorter than the one before",
            ),
        ] {
            assert_eq!(refused.unwrap_err().to_string(), reason);
        }
    }

    #[test]
    fn distributions_print_as_scenarios_write_them() {
        for (distribution, text) in [
            (Distribution::Constant(ms(250)), "250ms"),
            (
                Distribution::uniform(ms(1_000), ms(2_000)).unwrap(),
                "uniform(1s, 2s)",
            ),
            (Distribution::exponential(ms(20)), "exponential(20ms)"),
            (
                Distribution::log_normal(ms(20), ms(200)).unwrap(),
                "lognormal(median=20ms, p99=200ms)",
            ),
            (
                Distribution::pareto_exp(ms(1), 1.5, ms(10_000)).unwrap(),
                "pareto_exp(min=1ms, shape=1.5, cutoff=10s)",
            ),
            (
                Distribution::quantiles(ms(68), ms(75), ms(140)).unwrap(),
                "quantiles(p50=68ms, p95=75ms, p99=140ms)",
            ),
            (
                Distribution::empirical(vec![ms(3), ms(1)]).unwrap(),
                "empirical(1ms, 3ms)",
            ),
        ] {
            assert_eq!(distribution.to_string(), text);
        }
    }

    #[test]
    fn scaling_multiplies_every_quantile() {
        for distribution in [
            Distribution::Constant(ms(250)),
            Distribution::uniform(ms(1_000), ms(2_000)).unwrap(),
            Distribution::exponential(ms(20)),
            Distribution::log_normal(ms(20), ms(200)).unwrap(),
            Distribution::pareto_exp(ms(1), 1.5, ms(10_000)).unwrap(),
            Distribution::quantiles(ms(68), ms(75), ms(140)).unwrap(),
            Distribution::empirical(vec![ms(3), ms(1)]).unwrap(),
        ] {
            let tripled = distribution.scaled(3.0);
            assert_eq!(tripled.check(), Ok(()));
            for share in [0.001, 0.3, 0.5, 0.99, 0.9999] {
                let (once, thrice) = (distribution.quantile(share), tripled.quantile(share));
                assert!(
                    thrice.as_nanos().abs_diff(once.as_nanos() * 3) <= 3,
                    "{distribution} at {share}"
                );
            }
            assert_eq!(
                distribution.scaled(0.0),
                Distribution::Constant(SimDuration::ZERO)
            );
        }
    }
}
