//! Addressed draws: random words as a pure function of a key and an address.
//!
//! The generator is Philox4x32-10 (Salmon, Moraes, Dror and Shaw, *Parallel Random Numbers: As Easy as
//! 1, 2, 3*, SC'11), a counter-based generator: ten rounds of multiply-and-mix turn a 128-bit counter,
//! here the address, into 128 random bits under a 64-bit key. It has no state to advance, so a draw
//! costs the same wherever it lies, and no draw can shift another. It passes `TestU01` `BigCrush`; it is not
//! meant to keep secrets.

/// Where a draw lies: four words whose meaning the caller fixes per generator, for instance path and
/// traffic class, operation (two words), attempt and leg.
///
/// Equal addresses give equal draws, so two draws that must be independent need different addresses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Address(pub [u32; 4]);

impl Address {
    /// The address of four words.
    #[inline]
    pub const fn new(first: u32, second: u32, third: u32, fourth: u32) -> Self {
        Self([first, second, third, fourth])
    }
}

impl From<[u32; 4]> for Address {
    #[inline]
    fn from(words: [u32; 4]) -> Self {
        Self(words)
    }
}

/// An addressed generator, made by [`Seed::addressed`](crate::Seed::addressed).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Addressed {
    key: [u32; 2],
}

impl Addressed {
    pub(super) const fn keyed(key: [u32; 2]) -> Self {
        Self { key }
    }

    /// The 128 random bits at an address.
    #[inline]
    pub fn words(&self, address: Address) -> [u32; 4] {
        philox4x32_10(address.0, self.key)
    }

    /// 64 random bits at an address: the first two of [`Addressed::words`], the first one lowest.
    #[inline]
    pub fn bits(&self, address: Address) -> u64 {
        let [low, high, ..] = self.words(address);
        u64::from(high) << 32 | u64::from(low)
    }

    /// A share in `[0, 1)` with 53 random bits, from [`Addressed::bits`].
    #[inline]
    pub fn unit(&self, address: Address) -> f64 {
        unit_from_bits(self.bits(address))
    }
}

/// The share in `[0, 1)` that the upper 53 of 64 random bits stand for.
#[inline]
pub fn unit_from_bits(bits: u64) -> f64 {
    const STEP: f64 = 1.0 / (1_u64 << 53) as f64;
    (bits >> 11) as f64 * STEP
}

/// The published multipliers, and the published increments of the key (golden ratio and square root of
/// three, as fractions).
const MULTIPLIER: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const KEY_STEP: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];

#[inline]
fn philox4x32_10(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..9 {
        counter = round(counter, key);
        key = [
            key[0].wrapping_add(KEY_STEP[0]),
            key[1].wrapping_add(KEY_STEP[1]),
        ];
    }
    round(counter, key)
}

#[inline]
fn round(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let even = u64::from(counter[0]) * u64::from(MULTIPLIER[0]);
    let odd = u64::from(counter[2]) * u64::from(MULTIPLIER[1]);
    let high = |product: u64| (product >> 32) as u32;
    [
        high(odd) ^ counter[1] ^ key[0],
        odd as u32,
        high(even) ^ counter[3] ^ key[1],
        even as u32,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Seed;

    #[test]
    fn the_published_known_answers_hold() {
        // Random123 1.14, tests/kat_vectors, the lines "philox4x32 10".
        let pi = [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344];
        for (counter, key, answer) in [
            (
                [0; 4],
                [0; 2],
                [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8],
            ),
            (
                [u32::MAX; 4],
                [u32::MAX; 2],
                [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd],
            ),
            (
                pi,
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ] {
            assert_eq!(philox4x32_10(counter, key), answer);
        }
    }

    #[test]
    fn units_lie_in_the_half_open_interval() {
        assert!(unit_from_bits(0).abs() < f64::EPSILON);
        assert!(unit_from_bits(u64::MAX) < 1.0);
        assert!((unit_from_bits(1 << 63) - 0.5).abs() < f64::EPSILON);
    }

    #[test]
    fn neighbouring_addresses_give_uncorrelated_even_shares() {
        let draws = Seed::new(11).addressed("delay");
        let count = 20_000;
        let at = |index: u32| draws.unit(Address::new(3, index, 0, 0)) - 0.5;
        let mean = (0..count).map(at).sum::<f64>() / f64::from(count);
        let lag = (0..count)
            .map(|index| at(index) * at(index + 1))
            .sum::<f64>()
            / f64::from(count);
        // Five standard errors: 0.2887 and 1/12, each over the root of the count.
        assert!(mean.abs() < 0.0103, "{mean}");
        assert!(lag.abs() < 0.003, "{lag}");
    }
}
