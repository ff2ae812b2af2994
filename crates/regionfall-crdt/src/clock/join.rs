//! What two clocks cover together, what both cover, and whether one covers all that the other does.
//!
//! Clocks of the same few origins, as nearly all are, are compared and joined word by word without a question asked of each.

use super::word::SEQUENCE_MASK;
use super::{Clock, INLINE, Words};
use crate::Dot;

impl Clock {
    /// Covers whatever `other` covers as well (least upper bound).
    #[inline]
    pub fn join(&mut self, other: &Clock) {
        if !self.join_aligned(other) {
            self.join_long(other);
        }
    }

    /// The same; says how many origins came in.
    #[inline]
    pub(crate) fn join_counting(&mut self, other: &Clock) -> usize {
        if self.join_aligned(other) {
            return 0;
        }
        let before = self.len();
        self.join_long(other);
        self.len() - before
    }

    /// The same if both know of the same few origins, as a rule; otherwise says `false`. Then all places are joined without a question
    /// asked of each: of one origin, the greater word is the later one.
    #[inline]
    fn join_aligned(&mut self, other: &Clock) -> bool {
        let (
            Words::Inline { length, words },
            Words::Inline {
                length: their_length,
                words: theirs,
            },
        ) = (&mut self.words, &other.words)
        else {
            return false;
        };
        let differing = (0..INLINE).fold(0, |bits, place| bits | (words[place] ^ theirs[place]));
        if length != their_length || differing > SEQUENCE_MASK {
            return false;
        }
        for place in 0..INLINE {
            words[place] = words[place].max(theirs[place]);
        }
        true
    }

    /// The same for clocks of many origins, or that know of different ones.
    #[inline(never)]
    fn join_long(&mut self, other: &Clock) {
        if self.is_empty() {
            self.clone_from(other);
            return;
        }
        let (own, theirs) = (self.words_mut(), other.words());
        let differing = |(own, their): (&u64, &u64)| own ^ their;
        let is_aligned = own.len() == theirs.len()
            && own
                .iter()
                .zip(theirs)
                .map(differing)
                .fold(0, |bits, own| bits | own)
                <= SEQUENCE_MASK;
        if is_aligned {
            for (own, &their) in own.iter_mut().zip(theirs) {
                *own = (*own).max(their);
            }
        } else {
            self.join_unaligned(other);
        }
    }

    #[cold]
    fn join_unaligned(&mut self, other: &Clock) {
        let theirs = other.words();
        for &word in theirs {
            self.raise(word);
        }
    }

    /// Covers only what `other` covers as well (greatest lower bound).
    pub fn meet(&mut self, other: &Clock) {
        let met: Clock = self
            .iter()
            .map(|dot| Dot::new(dot.origin, dot.sequence.min(other.get(dot.origin))))
            .collect();
        *self = met;
    }

    /// Whether everything that `other` covers is covered here.
    #[inline]
    pub fn dominates(&self, other: &Clock) -> bool {
        self.dominates_aligned(other) || other.words().iter().all(|&word| self.covers_word(word))
    }

    /// Whether both know of the same few origins, and everything that `other` covers is covered here.
    #[inline]
    fn dominates_aligned(&self, other: &Clock) -> bool {
        let (Words::Inline { words, .. }, Words::Inline { words: theirs, .. }) =
            (&self.words, &other.words)
        else {
            return false;
        };
        // Words of one origin have the same high bits, and the greater less the other is a difference of sequences.
        let bits = (0..INLINE).fold(0, |bits, place| {
            let (own, theirs) = (words[place], theirs[place]);
            bits | (own ^ theirs) | own.wrapping_sub(theirs)
        });
        bits <= SEQUENCE_MASK
    }

    /// [`Clock::join`] for whoever expects that nothing of `other` is new.
    #[inline]
    pub(crate) fn join_known(&mut self, other: &Clock) {
        if !self.dominates_aligned(other) {
            self.join_unexpected(other);
        }
    }

    #[inline(never)]
    fn join_unexpected(&mut self, other: &Clock) {
        self.join(other);
    }

    /// Becomes `later`, which covers all that is covered here; says how many origins came in.
    #[inline]
    pub(crate) fn advance_to(&mut self, later: &Clock) -> usize {
        let (
            Words::Inline { length, words },
            Words::Inline {
                length: new_length,
                words: new_words,
            },
        ) = (&mut self.words, &later.words)
        else {
            return self.advance_to_long(later);
        };
        let growth = new_length.wrapping_sub(*length);
        (*length, *words) = (*new_length, *new_words);
        usize::from(growth)
    }

    #[inline(never)]
    fn advance_to_long(&mut self, later: &Clock) -> usize {
        let before = self.len();
        self.clone_from(later);
        self.len() - before
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use crate::OriginId;

    fn entries() -> impl Strategy<Value = BTreeMap<u16, u64>> {
        proptest::collection::btree_map(0_u16..12, 1_u64..6, 0..9)
    }

    fn of(map: &BTreeMap<u16, u64>) -> Clock {
        map.iter()
            .map(|(&origin, &sequence)| Dot::new(OriginId(origin), sequence))
            .collect()
    }

    proptest! {
        #[test]
        fn join_and_meet_are_maxima_and_minima(a in entries(), b in entries()) {
            let (mut joined, mut met) = (of(&a), of(&a));
            joined.join(&of(&b));
            met.meet(&of(&b));
            for origin in 0..13 {
                let (x, y) = (a.get(&origin).copied().unwrap_or(0), b.get(&origin).copied().unwrap_or(0));
                prop_assert_eq!(joined.get(OriginId(origin)), x.max(y));
                prop_assert_eq!(met.get(OriginId(origin)), x.min(y));
            }
            prop_assert!(joined.dominates(&of(&a)));
            prop_assert!(of(&b).dominates(&met));
            prop_assert_eq!(of(&a).dominates(&of(&b)), joined == of(&a));
            let mut known = of(&a);
            known.join_known(&of(&b));
            prop_assert_eq!(&known, &joined);
            let mut advanced = of(&a);
            let growth = advanced.advance_to(&joined);
            prop_assert_eq!(growth, joined.len() - a.len());
            prop_assert_eq!(advanced, joined);
        }
    }
}
