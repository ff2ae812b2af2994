//! A dot in one word, the origin above the sequence, and where words in order of origin are found.

use crate::{Dot, OriginId};

const SEQUENCE_BITS: u32 = 48;
pub(super) const SEQUENCE_MASK: u64 = (1 << SEQUENCE_BITS) - 1;

#[inline]
pub(crate) fn pack(dot: Dot) -> u64 {
    if dot.sequence > SEQUENCE_MASK {
        refuse_length(dot.sequence);
    }
    u64::from(dot.origin.0) << SEQUENCE_BITS | dot.sequence
}

#[inline]
pub(crate) fn unpack(word: u64) -> Dot {
    Dot::new(origin_of(word), word & SEQUENCE_MASK)
}

#[cold]
fn refuse_length(sequence: u64) -> ! {
    panic!("sequence {sequence} exceeds 48 bits")
}

#[inline]
pub(super) fn origin_of(word: u64) -> OriginId {
    OriginId((word >> SEQUENCE_BITS) as u16)
}

/// Where the word of `origin` is, if there is one.
#[inline]
pub(super) fn find(words: &[u64], origin: OriginId) -> Option<usize> {
    let is_at = |place| {
        words
            .get(place)
            .is_some_and(|&word| origin_of(word) == origin)
    };
    // While no origin has ended, they are 0, 1, 2 and so on, and each has its word at its own number.
    let hint = usize::from(origin.0);
    if is_at(hint) {
        return Some(hint);
    }
    // Where a member has several shards, those of one are evenly spaced.
    if let [first, .., last] = words {
        let from = origin_of(*first).0;
        let (along, span) = (origin.0.wrapping_sub(from), origin_of(*last).0 - from);
        let hint = u32::from(along) * (words.len() as u32 - 1) / u32::from(span);
        if is_at(hint as usize) {
            return Some(hint as usize);
        }
    }
    let place = position(words, origin);
    is_at(place).then_some(place)
}

/// Where the word of `origin` is, or would be.
#[cold]
pub(super) fn position(words: &[u64], origin: OriginId) -> usize {
    let floor = u64::from(origin.0) << SEQUENCE_BITS;
    // A handful of words is scanned faster than it is halved.
    if words.len() <= 8 {
        words
            .iter()
            .position(|&word| word >= floor)
            .unwrap_or(words.len())
    } else {
        words.partition_point(|&word| word < floor)
    }
}
