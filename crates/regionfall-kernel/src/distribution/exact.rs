//! Exact properties of distributions: quantiles, means and bounds.
//!
//! Slow and precise, for tables, charts, checks and for compiling a [`Sampler`](super::Sampler). All
//! transcendental functions are those of `libm`, so that every platform gets the same nanoseconds.

use super::Distribution;
use super::normal::{deviate, share_below};
use crate::time::SimDuration;

impl Distribution {
    /// The span that the given share of draws does not exceed: the inverse of the distribution function,
    /// to the nearest nanosecond. Shares below 0 count as 0, shares above 1 as 1.
    ///
    /// At 1 a distribution without a longest span gives [`SimDuration::FOREVER`].
    pub fn quantile(&self, share: f64) -> SimDuration {
        debug_assert_eq!(self.check(), Ok(()));
        let share = share.clamp(0.0, 1.0);
        match self {
            Self::Constant(span) => *span,
            Self::Uniform { low, high } => *low + span(share * nanos(high.saturating_sub(*low))),
            Self::Exponential { mean } if *mean == SimDuration::ZERO => SimDuration::ZERO,
            Self::Exponential { mean } => span(-libm::log1p(-share) * nanos(*mean)),
            Self::LogNormal { median, p99 } => {
                Line::through_logs((P50, *median), (P99, *p99)).at(share)
            }
            Self::ParetoExp {
                minimum,
                shape,
                cutoff,
            } => pareto_exp_quantile(nanos(*minimum), *shape, nanos(*cutoff), share),
            Self::Quantiles { p50, p95, p99 } => {
                if share <= P95 {
                    Line::through_logs((P50, *p50), (P95, *p95)).at(share)
                } else {
                    Line::through_logs((P95, *p95), (P99, *p99)).at(share)
                }
            }
            Self::Empirical(samples) => {
                let place = share * (samples.len() - 1) as f64;
                let below = (place as usize).min(samples.len() - 1);
                let above = (below + 1).min(samples.len() - 1);
                let step = nanos(samples[above].saturating_sub(samples[below]));
                samples[below] + span((place - below as f64) * step)
            }
        }
    }

    /// The mean span, to a relative error below 1e-9: in closed form, except for
    /// [`Distribution::ParetoExp`], where Simpson's rule integrates the share of longer spans.
    pub fn mean(&self) -> SimDuration {
        debug_assert_eq!(self.check(), Ok(()));
        match self {
            Self::Constant(span) | Self::Exponential { mean: span } => *span,
            Self::Uniform { low, high } => *low + high.saturating_sub(*low) / 2,
            Self::LogNormal { median, p99 } => {
                let line = Line::through_logs((P50, *median), (P99, *p99));
                span(line.mean_part(f64::NEG_INFINITY, f64::INFINITY))
            }
            Self::ParetoExp {
                minimum,
                shape,
                cutoff,
            } => span(pareto_exp_mean(nanos(*minimum), *shape, nanos(*cutoff))),
            Self::Quantiles { p50, p95, p99 } => {
                let bend = deviate(P95);
                let lower = Line::through_logs((P50, *p50), (P95, *p95));
                let upper = Line::through_logs((P95, *p95), (P99, *p99));
                span(
                    lower.mean_part(f64::NEG_INFINITY, bend) + upper.mean_part(bend, f64::INFINITY),
                )
            }
            Self::Empirical(samples) => {
                // Between neighbours the quantile is linear, so each piece counts its midpoint.
                let pieces = (samples.len() - 1) as f64;
                let sum: f64 = samples
                    .windows(2)
                    .map(|pair| f64::midpoint(nanos(pair[0]), nanos(pair[1])))
                    .sum();
                if samples.len() == 1 {
                    samples[0]
                } else {
                    span(sum / pieces)
                }
            }
        }
    }

    /// The shortest possible span.
    pub fn minimum(&self) -> SimDuration {
        self.quantile(0.0)
    }

    /// The longest possible span, if there is one.
    pub fn maximum(&self) -> Option<SimDuration> {
        match self {
            Self::Constant(_) | Self::Uniform { .. } | Self::Empirical(_) => {
                Some(self.quantile(1.0))
            }
            Self::Exponential { mean } => (*mean == SimDuration::ZERO).then_some(*mean),
            Self::LogNormal { median, p99 } => (median == p99).then_some(*median),
            Self::Quantiles { p95, p99, .. } => (p95 == p99).then_some(*p99),
            Self::ParetoExp { .. } => None,
        }
    }
}

const P50: f64 = 0.50;
const P95: f64 = 0.95;
const P99: f64 = 0.99;

/// The logarithm of a span as a linear function of the normal deviate.
struct Line {
    intercept: f64,
    slope: f64,
}

impl Line {
    fn through_logs(
        (share, span): (f64, SimDuration),
        (share_2, span_2): (f64, SimDuration),
    ) -> Self {
        let (z, z_2) = (deviate(share), deviate(share_2));
        let (log, log_2) = (libm::log(nanos(span)), libm::log(nanos(span_2)));
        let slope = (log_2 - log) / (z_2 - z);
        Self {
            intercept: log - slope * z,
            slope,
        }
    }

    fn at(&self, share: f64) -> SimDuration {
        // A flat line has no tails; without this, zero times infinity would be no number.
        let rise = if self.slope > 0.0 {
            self.slope * deviate(share)
        } else {
            0.0
        };
        span(libm::exp(self.intercept + rise))
    }

    /// The contribution of deviates between `from` and `to` to the mean.
    fn mean_part(&self, from: f64, to: f64) -> f64 {
        let weight = share_below(to - self.slope) - share_below(from - self.slope);
        libm::exp(self.intercept + self.slope * self.slope / 2.0) * weight
    }
}

/// Newton's method on the logarithm of the survival function, from the left.
///
/// `shape * ln(x / minimum) + (x - minimum) / cutoff` rises and is concave in x, so a tangent meets the
/// target at or before the curve does: the steps approach the root from below, never pass it, and stop
/// when they are far shorter than a nanosecond.
fn pareto_exp_quantile(minimum: f64, shape: f64, cutoff: f64, below: f64) -> SimDuration {
    const STEPS_MAX: u32 = 200;
    let target = -libm::log1p(-below);
    if target.is_infinite() {
        return SimDuration::FOREVER;
    }
    let mut x = minimum;
    for _ in 0..STEPS_MAX {
        let value = shape * libm::log(x / minimum) + (x - minimum) / cutoff;
        let step = (target - value) / (shape / x + 1.0 / cutoff);
        x += step;
        if step < 0.01 {
            break;
        }
    }
    span(x)
}

/// The minimum plus the integral of the survival function, over the logarithm of x.
fn pareto_exp_mean(minimum: f64, shape: f64, cutoff: f64) -> f64 {
    /// The exponential factor is below 1e-19 from here on.
    const END: f64 = 45.0;
    const PIECES: u32 = 20_000;
    let longest = libm::log1p(END * cutoff / minimum);
    let width = longest / f64::from(PIECES);
    let height = |place: u32| {
        let y = f64::from(place) * width;
        libm::exp(y * (1.0 - shape) - minimum / cutoff * libm::expm1(y))
    };
    let inner: f64 = (1..PIECES)
        .map(|place| height(place) * f64::from(2 + 2 * (place % 2)))
        .sum();
    minimum + minimum * (height(0) + inner + height(PIECES)) * width / 3.0
}

fn nanos(span: SimDuration) -> f64 {
    span.as_nanos() as f64
}

fn span(nanoseconds: f64) -> SimDuration {
    SimDuration::from_nanos_f64(nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(milliseconds: u64) -> SimDuration {
        SimDuration::from_millis(milliseconds)
    }

    #[test]
    fn given_quantiles_are_met() {
        let log_normal = Distribution::log_normal(ms(20), ms(200)).unwrap();
        assert_eq!(
            [log_normal.quantile(0.5), log_normal.quantile(0.99)],
            [ms(20), ms(200)]
        );
        let bent = Distribution::quantiles(ms(68), ms(75), ms(140)).unwrap();
        assert_eq!(
            [bent.quantile(0.5), bent.quantile(0.95), bent.quantile(0.99)],
            [ms(68), ms(75), ms(140)]
        );
        let empirical = Distribution::empirical(vec![ms(9), ms(1), ms(5)]).unwrap();
        let shares = [0.0, 0.25, 0.5, 1.0];
        assert_eq!(
            shares.map(|share| empirical.quantile(share)),
            [ms(1), ms(3), ms(5), ms(9)]
        );
    }

    #[test]
    fn quantiles_of_a_log_normal_give_that_log_normal() {
        let log_normal = Distribution::log_normal(ms(20), ms(200)).unwrap();
        let [p50, p95, p99] = [0.5, 0.95, 0.99].map(|share| log_normal.quantile(share));
        let through = Distribution::quantiles(p50, p95, p99).unwrap();
        for share in [0.001, 0.3, 0.97, 0.999] {
            let (one, other) = (
                log_normal.quantile(share).as_nanos(),
                through.quantile(share).as_nanos(),
            );
            assert!(
                one.abs_diff(other) <= 1 + one / 10_000_000,
                "{share}: {one} and {other}"
            );
        }
        assert!(
            log_normal
                .mean()
                .as_nanos()
                .abs_diff(through.mean().as_nanos())
                <= 10
        );
    }

    #[test]
    fn the_survival_function_is_inverted_to_a_nanosecond() {
        for (minimum, shape, cutoff) in [
            (1, 1.5, 10_000),
            (1, 0.3, 500),
            (100, 20.0, 1),
            (1, 1e-9, 60_000),
        ] {
            let distribution = Distribution::pareto_exp(ms(minimum), shape, ms(cutoff)).unwrap();
            let survival = |x: f64| {
                let (minimum, cutoff) = (nanos(ms(minimum)), nanos(ms(cutoff)));
                libm::pow(minimum / x, shape) * libm::exp((minimum - x) / cutoff)
            };
            for share in [0.0, 1e-6, 0.1, 0.5, 0.9, 0.999, 0.999_999_9] {
                let x = nanos(distribution.quantile(share));
                // One nanosecond, and a bit for the rounding of the functions this test uses.
                let slack = 1.0 + x * 1e-9;
                assert!(
                    survival(x - slack) >= 1.0 - share,
                    "{distribution} at {share}"
                );
                assert!(
                    survival(x + slack) <= 1.0 - share,
                    "{distribution} at {share}"
                );
            }
            assert_eq!(distribution.minimum(), ms(minimum));
        }
    }

    #[test]
    fn means_agree_with_the_sum_of_quantiles() {
        for distribution in [
            Distribution::log_normal(ms(20), ms(100)).unwrap(),
            Distribution::pareto_exp(ms(1), 1.5, ms(10_000)).unwrap(),
            Distribution::pareto_exp(ms(50), 2.5, ms(100)).unwrap(),
            Distribution::quantiles(ms(68), ms(75), ms(140)).unwrap(),
            Distribution::empirical(vec![ms(9), ms(1), ms(5), ms(5)]).unwrap(),
        ] {
            let count = 400_000_u32;
            let at = |step: u32| distribution.quantile((f64::from(step) + 0.5) / f64::from(count));
            let sum: f64 = (0..count).map(|step| nanos(at(step))).sum();
            let (summed, mean) = (sum / f64::from(count), nanos(distribution.mean()));
            assert!(
                (summed / mean - 1.0).abs() < 2e-3,
                "{distribution}: {summed} for {mean}"
            );
        }
        // A Pareto without a cutoff has the mean shape / (shape - 1) times its minimum.
        let far = Distribution::pareto_exp(ms(1), 3.0, ms(1_000_000_000)).unwrap();
        assert!(
            far.mean().as_nanos().abs_diff(1_500_000) <= 2,
            "{}",
            far.mean()
        );
    }

    #[test]
    fn bounds_are_those_of_the_distribution() {
        let uniform = Distribution::uniform(ms(1), ms(2)).unwrap();
        assert_eq!((uniform.minimum(), uniform.maximum()), (ms(1), Some(ms(2))));
        let endless = Distribution::exponential(ms(1));
        assert_eq!(
            (endless.minimum(), endless.maximum()),
            (SimDuration::ZERO, None)
        );
        assert_eq!(endless.quantile(1.0), SimDuration::FOREVER);
        assert_eq!(
            Distribution::exponential(SimDuration::ZERO).quantile(1.0),
            SimDuration::ZERO
        );
        let flat = Distribution::log_normal(ms(5), ms(5)).unwrap();
        assert_eq!(
            (flat.minimum(), flat.maximum(), flat.mean()),
            (ms(5), Some(ms(5)), ms(5))
        );
    }
}
