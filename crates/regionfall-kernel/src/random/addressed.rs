//! Addressed draws: random words as a pure function of a key and an address.
//!
//! The generator is Philox2x64-10 (Salmon, Moraes, Dror and Shaw, *Parallel Random Numbers: As Easy as
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
    /// The key of every round, computed once instead of in every draw.
    keys: [u64; ROUNDS],
}

impl Addressed {
    pub(super) const fn keyed(key: u64) -> Self {
        let mut keys = [key; ROUNDS];
        let mut round = 1;
        while round < ROUNDS {
            keys[round] = keys[round - 1].wrapping_add(KEY_STEP);
            round += 1;
        }
        Self { keys }
    }

    /// The 128 random bits at an address.
    #[inline]
    pub fn words(&self, address: Address) -> [u32; 4] {
        let [low, high] = self.pair(address);
        [
            low as u32,
            (low >> 32) as u32,
            high as u32,
            (high >> 32) as u32,
        ]
    }

    /// The same 128 random bits as two words of 64.
    #[inline]
    pub fn pair(&self, address: Address) -> [u64; 2] {
        let [first, second, third, fourth] = address.0.map(u64::from);
        philox2x64_10([first | second << 32, third | fourth << 32], &self.keys)
    }

    /// 64 random bits at an address: the first two of [`Addressed::words`], the first one lowest.
    #[inline]
    pub fn bits(&self, address: Address) -> u64 {
        self.pair(address)[0]
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

/// The published multiplier, and the published increment of the key (the golden ratio as a fraction).
const MULTIPLIER: u64 = 0xD2B7_4407_B1CE_6E93;
const KEY_STEP: u64 = 0x9E37_79B9_7F4A_7C15;
const ROUNDS: usize = 10;

#[inline]
fn philox2x64_10(mut counter: [u64; 2], keys: &[u64; ROUNDS]) -> [u64; 2] {
    for key in keys {
        let product = u128::from(counter[0]) * u128::from(MULTIPLIER);
        counter = [(product >> 64) as u64 ^ counter[1] ^ key, product as u64];
    }
    counter
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Seed;

    #[test]
    fn the_published_known_answers_hold() {
        // Random123 1.14, tests/kat_vectors, the lines "philox2x64 10".
        let pi = [0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344];
        for (counter, key, answer) in [
            ([0; 2], 0, [0xca00_a045_9843_d731, 0x66c2_4222_c9a8_45b5]),
            (
                [u64::MAX; 2],
                u64::MAX,
                [0x65b0_21d6_0cd8_310f, 0x4d02_f322_2f86_df20],
            ),
            (
                pi,
                0xa409_3822_299f_31d0,
                [0x0a5e_742c_2997_341c, 0xb0f8_83d3_8000_de5d],
            ),
        ] {
            assert_eq!(philox2x64_10(counter, &Addressed::keyed(key).keys), answer);
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
