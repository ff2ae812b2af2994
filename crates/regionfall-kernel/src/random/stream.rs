//! Named sequential streams, and the few draws a simulation takes from them.
//!
//! What this is not: a library of distributions. Delays are drawn from
//! [`Distribution`](crate::Distribution) with addressed bits.
//!
//! # How a key is derived
//!
//! A 32-byte key is derived from (seed, name, index) by chaining the `ChaCha8` block function
//! (Bernstein, *`ChaCha`, a variant of Salsa20*, 2008; eight rounds):
//!
//! 1. The first key is four little-endian words: seed, index, length of the name in bytes, and the
//!    purpose (1 = sequential stream, 2 = addressed generator).
//! 2. For each 32 bytes of the name, the last padded with zeros: replace the key by the first 32 bytes
//!    of its keystream, then combine it with those bytes by exclusive or.
//! 3. The result is the first 32 bytes of the keystream of the last key.
//!
//! A sequential stream is `ChaCha8` under that key from position 0; an addressed generator takes the
//! first eight bytes. Golden tests below hold the derivation still.

use super::Seed;
use super::addressed::unit_from_bits;
use crate::time::SimDuration;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

const SEQUENTIAL: u64 = 1;
const ADDRESSED: u64 = 2;

/// The sequential stream of (seed, name, index).
pub(super) fn sequential(seed: Seed, name: &str, index: u64) -> ChaCha8Rng {
    ChaCha8Rng::from_seed(derive(seed, name, index, SEQUENTIAL))
}

/// The key of the addressed generator of (seed, name, index).
pub(super) fn addressed_key(seed: Seed, name: &str, index: u64) -> u64 {
    let key = derive(seed, name, index, ADDRESSED);
    u64::from_le_bytes([
        key[0], key[1], key[2], key[3], key[4], key[5], key[6], key[7],
    ])
}

fn derive(seed: Seed, name: &str, index: u64, purpose: u64) -> [u8; 32] {
    let mut key = [0; 32];
    let header = [seed.get(), index, name.len() as u64, purpose];
    for (place, word) in key.chunks_exact_mut(8).zip(header) {
        place.copy_from_slice(&word.to_le_bytes());
    }
    for chunk in name.as_bytes().chunks(32) {
        key = first_block(key);
        for (place, byte) in key.iter_mut().zip(chunk) {
            *place ^= byte;
        }
    }
    first_block(key)
}

fn first_block(key: [u8; 32]) -> [u8; 32] {
    let mut block = [0; 32];
    ChaCha8Rng::from_seed(key).fill_bytes(&mut block);
    block
}

/// A share in `[0, 1)` with 53 random bits.
pub fn uniform(rng: &mut impl Rng) -> f64 {
    unit_from_bits(rng.next_u64())
}

/// A whole number in `0..bound`, each exactly as likely.
///
/// Multiply and reject (Lemire, *Fast random integer generation in an interval*, ACM TOMACS 29(1),
/// 2019): almost always one word, and never a biased one.
///
/// # Panics
///
/// If `bound` is zero: there is nothing to choose from.
pub fn below(rng: &mut impl Rng, bound: u64) -> u64 {
    assert!(bound > 0, "a choice needs at least one possibility");
    // This many products per possibility would be one too many; they are drawn again.
    let surplus = bound.wrapping_neg() % bound;
    loop {
        let product = u128::from(rng.next_u64()) * u128::from(bound);
        if product as u64 >= surplus {
            return (product >> 64) as u64;
        }
    }
}

/// An exponentially distributed span with the given mean, to the nanosecond, by inversion.
pub fn exponential(rng: &mut impl Rng, mean: SimDuration) -> SimDuration {
    exponential_from_unit(uniform(rng), mean.as_nanos() as f64)
}

/// Shuffles in place, every order equally likely (Fisher and Yates, in Durstenfeld's form).
pub fn shuffle<T>(rng: &mut impl Rng, items: &mut [T]) {
    for last in (1..items.len()).rev() {
        // The bound fits: it is at most the length of a slice.
        let chosen = below(rng, last as u64 + 1) as usize;
        items.swap(last, chosen);
    }
}

/// The exponential quantile at `share` for a mean in nanoseconds.
pub(super) fn exponential_from_unit(share: f64, mean: f64) -> SimDuration {
    SimDuration::from_nanos_f64(-libm::log1p(-share) * mean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_names_give_equal_streams_and_others_do_not() {
        let seed = Seed::new(7);
        let words = |mut rng: ChaCha8Rng| [rng.next_u64(), rng.next_u64()];
        let reference = words(seed.stream("faults"));
        assert_eq!(reference, words(seed.stream("faults")));
        assert_eq!(reference, words(seed.stream_indexed("faults", 0)));
        assert_ne!(reference, words(seed.stream_indexed("faults", 1)));
        assert_ne!(reference, words(seed.stream("fault")));
        assert_ne!(
            reference,
            words(seed.stream("faults\0")),
            "padding must not be ambiguous"
        );
        assert_ne!(reference, words(Seed::new(8).stream("faults")));
        let long = "a name that is longer than one block of thirty-two bytes";
        assert_ne!(words(seed.stream(long)), words(seed.stream(&long[..40])));
    }

    #[test]
    fn a_stream_and_an_addressed_generator_of_one_name_are_unrelated() {
        let seed = Seed::new(7);
        let stream = derive(seed, "delay", 0, SEQUENTIAL);
        let addressed = derive(seed, "delay", 0, ADDRESSED);
        assert_ne!(stream, addressed);
    }

    #[test]
    fn below_is_in_range_and_even() {
        let mut rng = Seed::new(1).stream("below");
        let mut counts = [0_u32; 7];
        for _ in 0..70_000 {
            counts[below(&mut rng, 7) as usize] += 1;
        }
        // Five standard deviations of a binomial count with mean 10,000.
        assert!(
            counts.iter().all(|count| count.abs_diff(10_000) < 465),
            "{counts:?}"
        );
        assert_eq!(below(&mut rng, 1), 0);
        let huge = (1 << 63) + 1;
        assert!((0..100).all(|_| below(&mut rng, huge) < huge));
    }

    #[test]
    fn exponential_has_its_mean_and_its_median() {
        let mut rng = Seed::new(2).stream("exponential");
        let mean = SimDuration::from_millis(20);
        let mut draws: Vec<_> = (0..40_000)
            .map(|_| exponential(&mut rng, mean).as_nanos())
            .collect();
        let sample_mean = draws.iter().sum::<u64>() as f64 / draws.len() as f64;
        assert!((sample_mean / 20e6 - 1.0).abs() < 0.025, "{sample_mean}");
        draws.sort_unstable();
        let median = draws[draws.len() / 2] as f64;
        assert!(
            (median / (20e6 * core::f64::consts::LN_2) - 1.0).abs() < 0.03,
            "{median}"
        );
    }

    #[test]
    fn shuffling_keeps_every_item_and_reaches_every_order() {
        let mut rng = Seed::new(3).stream("shuffle");
        let mut seen = std::collections::BTreeMap::new();
        for _ in 0..2_400 {
            let mut items = [1, 2, 3, 4];
            shuffle(&mut rng, &mut items);
            *seen.entry(items).or_insert(0_u32) += 1;
        }
        assert_eq!(seen.len(), 24);
        // Five standard deviations of a binomial count with mean 100.
        assert!(
            seen.values().all(|count| count.abs_diff(100) < 50),
            "{seen:?}"
        );
    }
}
