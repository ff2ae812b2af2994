//! A rolling hash over what happens in a run.
//!
//! This is not a cryptographic hash: it finds accidents, not forgers.

use core::fmt;

/// A rolling hash over the words of a run: 128 bits of state, one multiplication a word.
///
/// State `(a, b)` absorbs a word `w` by the full 128-bit product `p = (a ^ w) * K`, `K` odd:
/// `a' = low(p) ^ b` and `b' = high(p) + rotate(b, 29)`. Multiply-and-fold is the mixing step of `wyhash`
/// and of Lemire's multilinear hashing; keeping both halves of the product in the state means that a
/// word which happens to zero the product does not erase what came before. [`TraceHash::finish`] folds
/// twice more, so that the last words spread as far as the first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TraceHash {
    a: u64,
    b: u64,
}

/// An odd constant with evenly spread bits: the golden ratio as a fraction of 2^64.
const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;

impl TraceHash {
    /// The hash of nothing.
    pub const fn new() -> Self {
        // Digits of pi: any constants do, as long as they never change.
        Self {
            a: 0x243F_6A88_85A3_08D3,
            b: 0x1319_8A2E_0370_7344,
        }
    }

    /// Absorbs one word.
    #[inline]
    pub const fn absorb(&mut self, word: u64) {
        let product = (self.a ^ word) as u128 * MULTIPLIER as u128;
        self.a = product as u64 ^ self.b;
        self.b = ((product >> 64) as u64).wrapping_add(self.b.rotate_left(29));
    }

    /// Absorbs two words, in order.
    #[inline]
    pub const fn absorb2(&mut self, first: u64, second: u64) {
        self.absorb(first);
        self.absorb(second);
    }

    /// Absorbs a text: its length, then eight bytes a word, the last padded with zeros.
    pub fn absorb_str(&mut self, text: &str) {
        self.absorb(text.len() as u64);
        for chunk in text.as_bytes().chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.absorb(u64::from_le_bytes(word));
        }
    }

    /// The hash of what was absorbed so far; absorbing may go on.
    pub const fn finish(&self) -> u64 {
        let mut last = *self;
        last.absorb2(self.b, self.a);
        last.a ^ last.b.rotate_left(32)
    }
}

impl Default for TraceHash {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for TraceHash {
    /// Sixteen hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash_of(words: &[u64]) -> u64 {
        let mut trace = TraceHash::new();
        for word in words {
            trace.absorb(*word);
        }
        trace.finish()
    }

    #[test]
    fn one_bit_of_any_word_changes_half_of_the_hash() {
        let words = [1, 0, u64::MAX, 0xDEAD_BEEF, 42];
        let mut total = 0;
        for place in 0..words.len() {
            for bit in 0..64 {
                let mut changed = words;
                changed[place] ^= 1 << bit;
                let differs = (hash_of(&words) ^ hash_of(&changed)).count_ones();
                assert!(
                    (10..=54).contains(&differs),
                    "word {place}, bit {bit}: {differs} bits"
                );
                total += differs;
            }
        }
        let mean = f64::from(total) / 320.0;
        // 320 binomial counts with mean 32 and deviation 4.
        assert!((mean - 32.0).abs() < 1.2, "{mean}");
    }

    #[test]
    fn order_number_and_zeros_count() {
        assert_ne!(hash_of(&[1, 2]), hash_of(&[2, 1]));
        assert_ne!(hash_of(&[]), hash_of(&[0]));
        assert_ne!(hash_of(&[0]), hash_of(&[0, 0]));
        // The word that zeros the first product must not erase what came before it.
        let erasing = |first: u64| {
            let mut trace = TraceHash::new();
            trace.absorb(first);
            trace.absorb(trace.a);
            trace.absorb(7);
            trace.finish()
        };
        assert_ne!(erasing(1), erasing(2));
    }

    #[test]
    fn texts_that_differ_in_padding_differ() {
        let hash = |text: &str| {
            let mut trace = TraceHash::new();
            trace.absorb_str(text);
            trace.finish()
        };
        assert_ne!(hash("abc"), hash("abc\0"));
        assert_ne!(hash("12345678"), hash("123456789"));
    }
}
