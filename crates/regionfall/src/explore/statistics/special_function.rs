//! The distribution functions behind the intervals: normal, binomial, Poisson, chi-squared.
//!
//! Crate `special` (AS 63 for the incomplete beta, AS 239 for the incomplete gamma function)
//! computes on `libm` only, so that the last bit does not depend on the platform. Inverses are found
//! by bisection: slower than a closed form, and right wherever the function is monotone.

use special::{Beta, Error as _, Gamma};

/// Steps of a bisection: more than the 53 bits of a float plus its range of exponents that matter.
const STEPS: usize = 200;

/// Above this mean, a Poisson count is taken as normal by its cube root (Wilson and Hilferty, 1931):
/// the error of a probability is then below 1e-7, and series would take too long.
const LARGE_MEAN: f64 = 1e6;

/// The share of a standard normal distribution below `x`.
pub(super) fn normal_cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x * core::f64::consts::FRAC_1_SQRT_2)
}

/// The point below which a standard normal distribution has the share `p`, for `p` in (0, 1).
pub(super) fn normal_quantile(p: f64) -> f64 {
    if p < 0.5 {
        return -normal_quantile(1.0 - p);
    }
    core::f64::consts::SQRT_2 * (2.0 * p - 1.0).inv_error()
}

/// The chance of at most so many successes in so many trials.
pub(super) fn binomial_cdf(successes: usize, trials: usize, chance: f64) -> f64 {
    if successes >= trials || chance <= 0.0 {
        return 1.0;
    }
    if chance >= 1.0 {
        return 0.0;
    }
    let (a, b) = ((trials - successes) as f64, successes as f64 + 1.0);
    (1.0 - chance).inc_beta(a, b, a.ln_beta(b))
}

/// The chance of at most `k` events where `mean` are expected.
pub(super) fn poisson_cdf(k: u64, mean: f64) -> f64 {
    1.0 - gamma_cdf(k as f64 + 1.0, mean)
}

/// The share of a gamma distribution of this shape, with scale 1, below `x`.
pub(super) fn gamma_cdf(shape: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if shape > LARGE_MEAN {
        let third = libm::cbrt(x / shape);
        return normal_cdf(3.0 * libm::sqrt(shape) * (third - 1.0 + 1.0 / (9.0 * shape)));
    }
    // Far out in the upper tail the continued fraction ends in 0/0; the share is 1 there.
    if x > shape + 40.0 * libm::sqrt(shape) + 750.0 {
        return 1.0;
    }
    x.inc_gamma(shape).clamp(0.0, 1.0)
}

/// The point below which a gamma distribution of this shape, with scale 1, has the share `p`.
pub(super) fn gamma_quantile(shape: f64, p: f64) -> f64 {
    let mut high = shape + 10.0 * libm::sqrt(shape) + 50.0;
    while gamma_cdf(shape, high) < p && high < f64::MAX / 4.0 {
        high *= 2.0;
    }
    bisect(0.0, high, |x| gamma_cdf(shape, x) < p)
}

/// The share of a chi-squared distribution below `x`.
pub(super) fn chi_squared_cdf(degrees: f64, x: f64) -> f64 {
    gamma_cdf(degrees / 2.0, x / 2.0)
}

/// The point where `is_below` turns from true to false, between `low` and `high`.
fn bisect(mut low: f64, mut high: f64, is_below: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..STEPS {
        let middle = low + (high - low) / 2.0;
        if middle <= low || middle >= high {
            break;
        }
        if is_below(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    low + (high - low) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both agree to this many parts of one.
    fn check(got: f64, expected: f64, tolerance: f64) {
        let difference = (got - expected).abs() / expected.abs().max(1e-3);
        assert!(difference <= tolerance, "got {got}, expected {expected}");
    }

    // Expected values in this module: scipy 1.17.1, `scipy.stats`.
    #[test]
    fn normal_agrees_with_scipy() {
        check(normal_cdf(1.0), NORMAL_CDF_1, 1e-13);
        check(normal_cdf(-6.0), NORMAL_CDF_M6, 1e-9);
        check(normal_quantile(0.975), NORMAL_Q_975, 1e-12);
        check(normal_quantile(0.0005), NORMAL_Q_0005, 1e-12);
        check(normal_quantile(0.5), 0.0, 1e-12);
    }

    #[test]
    fn binomial_agrees_with_scipy() {
        for &(k, n, p, expected) in BINOMIAL {
            check(binomial_cdf(k, n, p), expected, 1e-10);
        }
        check(binomial_cdf(5, 5, 0.3), 1.0, 0.0);
    }

    #[test]
    fn poisson_and_chi_squared_agree_with_scipy() {
        for &(k, mean, expected) in POISSON {
            check(poisson_cdf(k, mean), expected, 1e-9);
        }
        for &(degrees, x, expected) in CHI_SQUARED {
            check(chi_squared_cdf(degrees, x), expected, 1e-10);
        }
    }

    #[test]
    fn gamma_quantile_agrees_with_scipy() {
        for &(shape, p, expected) in GAMMA_QUANTILE {
            check(gamma_quantile(shape, p), expected, 1e-9);
        }
    }

    /// Counts of a large sweep reach millions; the normal approximation takes over there.
    #[test]
    fn large_shapes_join_smoothly() {
        let (below, above) = (LARGE_MEAN * 0.999_999, LARGE_MEAN * 1.000_001);
        for z in [-3.0, -1.0, 0.0, 1.0, 3.0] {
            let share = |shape: f64| gamma_cdf(shape, shape + z * libm::sqrt(shape));
            assert!((share(below) - share(above)).abs() < 1e-6);
        }
    }

    #[test]
    fn far_out_nothing_is_left() {
        for shape in [0.5, 3.0, 1_000.0, 500_000.0] {
            let from = shape + 40.0 * libm::sqrt(shape) + 30.0;
            for step in 0..2_000 {
                let x = from + f64::from(step * step);
                check(gamma_cdf(shape, x), 1.0, 1e-9);
            }
        }
    }

    const NORMAL_CDF_1: f64 = 0.841_344_746_068_542_9;
    const NORMAL_CDF_M6: f64 = 9.865_876_450_376_946e-10;
    const NORMAL_Q_975: f64 = 1.959_963_984_540_054;
    const NORMAL_Q_0005: f64 = -3.290_526_731_491_894_5;
    /// Successes, trials, chance, share.
    const BINOMIAL: &[(usize, usize, f64, f64)] = &[
        (0, 1, 0.5, 0.5),
        (3, 10, 0.25, 0.775_875_091_552_734_4),
        (98, 100, 0.99, 0.264_238_021_077_043_9),
        (298, 299, 0.99, 0.950_463_743_362_337_6),
        (480, 1000, 0.5, 0.108_724_146_602_070_75),
        (9900, 10000, 0.99, 0.513_499_271_716_758_4),
        (2, 2000, 0.001, 0.676_676_438_761_520_6),
    ];
    /// Count, mean, share.
    const POISSON: &[(u64, f64, f64)] = &[
        (0, 3.0, 0.049_787_068_367_863_95),
        (5, 2.5, 0.957_978_961_804_693_9),
        (100, 120.0, 0.034_668_034_694_424_97),
        (1000, 950.0, 0.948_406_326_992_910_2),
        (20000, 20_100.0, 0.241_582_066_440_604_3),
    ];
    /// Degrees of freedom, point, share.
    const CHI_SQUARED: &[(f64, f64, f64)] = &[
        (1.0, 3.841, 0.949_986_316_236_043_2),
        (99.0, 120.0, 0.925_756_144_194_033_2),
        (199.0, 150.0, 0.003_922_802_682_375_021),
    ];
    /// Shape, share, point.
    const GAMMA_QUANTILE: &[(f64, f64, f64)] = &[
        (1.0, 0.95, 2.995_732_273_553_989_5),
        (0.5, 0.025, 0.000_491_034_558_587_627_8),
        (10.0, 0.975, 17.084_803_451_419_166),
        (250.0, 0.025, 219.967_995_630_937_3),
        (5_001.0, 0.975, 5_140.548_948_535_004_5),
    ];
}
