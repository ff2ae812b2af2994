//! The standard normal distribution: its distribution function and the inverse of it.
//!
//! Nothing here draws; the callers map shares to deviates.

/// The share of the standard normal distribution below `z`.
pub(super) fn share_below(z: f64) -> f64 {
    0.5 * libm::erfc(-z * core::f64::consts::FRAC_1_SQRT_2)
}

/// The standard normal deviate below which the given share lies; infinite at 0 and 1.
///
/// Algorithm AS 241, routine PPND16 (Wichura, *The Percentage Points of the Normal Distribution*, Applied
/// Statistics 37(3), 1988), with a relative error of about 1e-16.
pub(super) fn deviate(share: f64) -> f64 {
    let centred = share - 0.5;
    if centred.abs() <= 0.425 {
        let x = 0.180_625 - centred * centred;
        return centred * polynomial(&CENTRE_ABOVE, x) / polynomial(&CENTRE_BELOW, x);
    }
    let tail = if centred < 0.0 { share } else { 1.0 - share };
    if tail <= 0.0 {
        return f64::INFINITY.copysign(centred);
    }
    let root = libm::sqrt(-libm::log(tail));
    let size = if root <= 5.0 {
        polynomial(&TAIL_ABOVE, root - 1.6) / polynomial(&TAIL_BELOW, root - 1.6)
    } else {
        polynomial(&FAR_ABOVE, root - 5.0) / polynomial(&FAR_BELOW, root - 5.0)
    };
    size.copysign(centred)
}

/// Horner's scheme, the constant term first.
fn polynomial(coefficients: &[f64; 8], x: f64) -> f64 {
    coefficients
        .iter()
        .rev()
        .fold(0.0, |sum, coefficient| sum * x + coefficient)
}

/// The published coefficients (A and B, C and D, E and F), as published.
#[rustfmt::skip]
mod published {
    pub(super) const CENTRE_ABOVE: [f64; 8] = [
        3.387_132_872_796_366_5, 133.141_667_891_784_38, 1_971.590_950_306_551_3,
        13_731.693_765_509_46, 45_921.953_931_549_87, 67_265.770_927_008_7,
        33_430.575_583_588_13, 2_509.080_928_730_122_7,
    ];
    pub(super) const CENTRE_BELOW: [f64; 8] = [
        1.0, 42.313_330_701_600_91, 687.187_007_492_057_9, 5_394.196_021_424_751,
        21_213.794_301_586_597, 39_307.895_800_092_71, 28_729.085_735_721_943,
        5_226.495_278_852_854,
    ];
    pub(super) const TAIL_ABOVE: [f64; 8] = [
        1.423_437_110_749_683_5, 4.630_337_846_156_546, 5.769_497_221_460_691,
        3.647_848_324_763_204_5, 1.270_458_252_452_368_4, 0.241_780_725_177_450_6,
        0.022_723_844_989_269_184, 7.745_450_142_783_414e-4,
    ];
    pub(super) const TAIL_BELOW: [f64; 8] = [
        1.0, 2.053_191_626_637_759, 1.676_384_830_183_803_8, 0.689_767_334_985_1,
        0.148_103_976_427_480_08, 0.015_198_666_563_616_457, 5.475_938_084_995_345e-4,
        1.050_750_071_644_416_9e-9,
    ];
    pub(super) const FAR_ABOVE: [f64; 8] = [
        6.657_904_643_501_103, 5.463_784_911_164_114, 1.784_826_539_917_291_3,
        0.296_560_571_828_504_87, 0.026_532_189_526_576_124, 1.242_660_947_388_078_4e-3,
        2.711_555_568_743_487_6e-5, 2.010_334_399_292_288_1e-7,
    ];
    pub(super) const FAR_BELOW: [f64; 8] = [
        1.0, 0.599_832_206_555_888, 0.136_929_880_922_735_8, 0.014_875_361_290_850_615,
        7.868_691_311_456_133e-4, 1.846_318_317_510_054_8e-5, 1.421_511_758_316_446e-7,
        2.044_263_103_389_939_8e-15,
    ];
}
use published::{CENTRE_ABOVE, CENTRE_BELOW, FAR_ABOVE, FAR_BELOW, TAIL_ABOVE, TAIL_BELOW};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deviates_have_their_published_values() {
        for (share, expected) in [
            // The two test values of the paper, then textbook ones.
            (0.25, -0.674_489_750_196_081_7),
            (0.001, -3.090_232_306_167_813_5),
            (1e-20, -9.262_340_089_798_408),
            (0.5, 0.0),
            (0.95, 1.644_853_626_951_472_2),
            (0.975, 1.959_963_984_540_054),
            (0.99, 2.326_347_874_040_841),
        ] {
            assert!(
                (deviate(share) - expected).abs() < 1e-14 * expected.abs().max(1.0),
                "{share}"
            );
        }
        assert!(deviate(0.0).is_infinite() && deviate(0.0) < 0.0);
        assert!(deviate(1.0).is_infinite() && deviate(1.0) > 0.0);
    }

    #[test]
    fn the_inverse_inverts() {
        for step in 1..100_000 {
            let share = f64::from(step) / 100_000.0;
            assert!(
                (share_below(deviate(share)) - share).abs() < 1e-14,
                "{share}"
            );
        }
        // Far below, what counts is the error in proportion.
        for exponent in 5..250 {
            let share = libm::pow(10.0, -f64::from(exponent));
            assert!(
                (share_below(deviate(share)) / share - 1.0).abs() < 1e-12,
                "1e-{exponent}"
            );
        }
    }
}
