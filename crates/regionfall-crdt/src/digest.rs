//! A small hash for digests of visible state: the same on every platform and in every run.
//!
//! Not for adversaries. Contributions of unordered things are summed, so each must be well mixed.

/// Hashes words and bytes in the order in which they come.
#[derive(Clone, Copy)]
pub(crate) struct Digest(u64);

impl Digest {
    pub(crate) fn new(tag: u64) -> Self {
        Self(mix(tag ^ 0x9e37_79b9_7f4a_7c15))
    }

    pub(crate) fn word(self, word: u64) -> Self {
        Self(mix(self.0.rotate_left(23) ^ word))
    }

    /// Bytes with their number, so that "ab", "c" and "a", "bc" differ.
    pub(crate) fn bytes(self, bytes: &[u8]) -> Self {
        let mut digest = self.word(bytes.len() as u64);
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            digest = digest.word(u64::from_le_bytes(word));
        }
        digest
    }

    pub(crate) fn finish(self) -> u64 {
        self.0
    }
}

/// The finalizer of `SplitMix64` (Steele, Lea, Flood: Fast splittable pseudorandom number generators).
fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}
