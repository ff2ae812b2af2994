//! The version vector: how far the effects of each origin are known.
//!
//! Each entry is one word, the origin above the sequence, so that the greater of two words of one
//! origin is the later one and a join is a run of maxima. Up to [`INLINE`] entries live in the value
//! itself: a clock of five members, or of three of which two restarted, allocates nothing.

mod join;
mod word;

use std::cmp::Ordering;
use std::fmt;

use word::{SEQUENCE_MASK, find, origin_of, position};
pub(crate) use word::{pack, unpack};

use crate::{Dot, OriginId};

/// Entries that need no heap.
const INLINE: usize = 5;

/// A version vector: for each origin, the sequence up to which everything is covered; 0 if nothing.
///
/// Clocks are partially ordered: `a <= b` if `b` covers whatever `a` covers; two that each cover
/// something the other lacks do not compare.
pub struct Clock {
    words: Words,
}

/// Words in order of origin; none has sequence 0, so that equal clocks have equal words.
enum Words {
    /// Places beyond the length hold 0.
    Inline {
        length: u8,
        words: [u64; INLINE],
    },
    Heap(Vec<u64>),
}

/// Consecutive effects of one origin, `first..=last`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct DotRange {
    /// Whose effects.
    pub origin: OriginId,
    /// The first sequence, at least 1.
    pub first: u64,
    /// The last sequence, at least `first`.
    pub last: u64,
}

impl Clock {
    /// The clock that covers nothing.
    pub const fn new() -> Self {
        Self {
            words: Words::Inline {
                length: 0,
                words: [0; INLINE],
            },
        }
    }

    /// The word at the place of an origin's own number, if it has no heap; while no origin has ended it is the origin's.
    #[inline]
    fn near(&self, origin: OriginId) -> Option<u64> {
        match &self.words {
            Words::Inline { words, .. } => words.get(usize::from(origin.0)).copied(),
            Words::Heap(_) => None,
        }
    }

    /// The same, to be changed. It may be 0, which stands for no origin.
    #[inline]
    fn near_mut(&mut self, origin: OriginId) -> Option<&mut u64> {
        match &mut self.words {
            Words::Inline { words, .. } => words.get_mut(usize::from(origin.0)),
            Words::Heap(_) => None,
        }
    }

    /// The last sequence of `origin` that is covered; 0 if none is.
    #[inline]
    pub fn get(&self, origin: OriginId) -> u64 {
        match self.near(origin) {
            // Where nothing is, 0 is the word of origin 0 and covers nothing either.
            Some(word) if origin_of(word) == origin => word & SEQUENCE_MASK,
            _ => self.get_anywhere(origin),
        }
    }

    #[inline(never)]
    fn get_anywhere(&self, origin: OriginId) -> u64 {
        let words = self.words();
        find(words, origin).map_or(0, |place| words[place] & SEQUENCE_MASK)
    }

    /// Whether `dot` is covered.
    #[inline]
    pub fn covers(&self, dot: Dot) -> bool {
        self.get(dot.origin) >= dot.sequence
    }

    /// Whether the dot in this word is covered.
    #[inline]
    pub(crate) fn covers_word(&self, word: u64) -> bool {
        match self.near(origin_of(word)) {
            Some(own) if own ^ word <= SEQUENCE_MASK => own >= word,
            _ => self.covers_anywhere(word),
        }
    }

    #[inline(never)]
    fn covers_anywhere(&self, word: u64) -> bool {
        let words = self.words();
        find(words, origin_of(word)).is_some_and(|place| words[place] >= word)
    }

    /// The dot that comes after all that is covered of `origin`.
    #[inline]
    pub fn next(&self, origin: OriginId) -> Dot {
        Dot::new(origin, self.get(origin) + 1)
    }

    /// Covers the next dot of `origin` as well, and says which it is.
    #[inline]
    pub(crate) fn advance_next(&mut self, origin: OriginId) -> Dot {
        if let Some(word) = self.near_mut(origin)
            && origin_of(*word) == origin
            && *word & SEQUENCE_MASK != 0
        {
            let next = Dot::new(origin, (*word & SEQUENCE_MASK) + 1);
            *word = pack(next);
            return next;
        }
        self.advance_next_anywhere(origin)
    }

    #[inline(never)]
    fn advance_next_anywhere(&mut self, origin: OriginId) -> Dot {
        let words = self.words_mut();
        let Some(place) = find(words, origin) else {
            let first = Dot::new(origin, 1);
            self.extend_to(first);
            return first;
        };
        let next = Dot::new(origin, (words[place] & SEQUENCE_MASK) + 1);
        words[place] = pack(next);
        next
    }

    /// Covers `dot` as well.
    ///
    /// # Panics
    /// If `dot` is not the next of its origin: a gap would claim effects that nobody applied.
    #[inline]
    pub fn advance(&mut self, dot: Dot) {
        if self.try_advance(dot).is_err() {
            self.refuse(dot);
        }
    }

    /// Covers `dot` as well if it is the next of its origin; otherwise says which sequence would be.
    #[inline]
    pub(crate) fn try_advance(&mut self, dot: Dot) -> Result<(), u64> {
        let new = pack(dot);
        match self.near_mut(dot.origin) {
            Some(word) if *word != 0 && *word + 1 == new => {
                *word = new;
                Ok(())
            }
            _ => self.try_advance_anywhere(dot),
        }
    }

    #[inline(never)]
    fn try_advance_anywhere(&mut self, dot: Dot) -> Result<(), u64> {
        let words = self.words_mut();
        let Some(place) = find(words, dot.origin) else {
            return self.try_begin(dot);
        };
        let expected = (words[place] & SEQUENCE_MASK) + 1;
        if dot.sequence != expected {
            return Err(expected);
        }
        words[place] = pack(dot);
        Ok(())
    }

    /// The same for the first of its origin.
    #[cold]
    fn try_begin(&mut self, dot: Dot) -> Result<(), u64> {
        if dot.sequence != 1 {
            return Err(1);
        }
        self.raise(pack(dot));
        Ok(())
    }

    #[cold]
    fn refuse(&self, dot: Dot) -> ! {
        panic!("{dot:?} is not the next dot of its origin in {self:?}")
    }

    /// Covers `dot` and all before it of its origin, whether the clock had come as far as that or not.
    ///
    /// For whoever knows that nothing is missing: that a peer has all up to `dot`, or sent all of it.
    /// What takes effects in one by one uses [`Clock::advance`], which notices gaps. Sequence 0 covers
    /// nothing.
    #[inline]
    pub fn extend_to(&mut self, dot: Dot) {
        if dot.sequence > 0 {
            self.raise(pack(dot));
        }
    }

    /// Whether nothing is covered.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.words().is_empty()
    }

    /// How many origins have something covered.
    #[inline]
    pub fn len(&self) -> usize {
        self.words().len()
    }

    /// How many effects are covered, of all origins together.
    pub fn total(&self) -> u64 {
        self.iter().map(|dot| dot.sequence).sum()
    }

    /// The newest covered dot of each origin, in order of origin.
    pub fn iter(&self) -> impl Iterator<Item = Dot> + '_ {
        self.words().iter().map(|&word| unpack(word))
    }

    /// What is covered here and not by `other`, a range for each origin, in order of origin.
    pub fn beyond<'a>(&'a self, other: &'a Clock) -> impl Iterator<Item = DotRange> + 'a {
        self.iter().filter_map(|dot| {
            let known = other.get(dot.origin);
            let range = DotRange {
                origin: dot.origin,
                first: known + 1,
                last: dot.sequence,
            };
            (known < dot.sequence).then_some(range)
        })
    }

    /// Keeps the entries that `keep` accepts. For the use of clocks as sets of one dot an origin.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(Dot) -> bool) {
        match &mut self.words {
            Words::Inline { length, words } => {
                let mut kept = 0;
                for index in 0..usize::from(*length) {
                    if keep(unpack(words[index])) {
                        words[kept] = words[index];
                        kept += 1;
                    }
                }
                words[kept..].fill(0);
                *length = kept as u8;
            }
            Words::Heap(words) => words.retain(|&word| keep(unpack(word))),
        }
    }

    /// Raises the word of an origin to at least `word`.
    #[inline]
    fn raise(&mut self, word: u64) {
        let own = self.words_mut();
        match find(own, origin_of(word)) {
            Some(place) => own[place] = own[place].max(word),
            None => self.insert(word),
        }
    }

    /// Gives an origin its first word.
    #[cold]
    fn insert(&mut self, word: u64) {
        let place = position(self.words(), origin_of(word));
        match &mut self.words {
            Words::Inline { length, words } => {
                let used = usize::from(*length);
                if used < INLINE {
                    words.copy_within(place..used, place + 1);
                    words[place] = word;
                    *length += 1;
                } else {
                    let mut spilt = Vec::with_capacity(2 * INLINE);
                    spilt.extend_from_slice(words);
                    spilt.insert(place, word);
                    *self = Self::spilt(spilt);
                }
            }
            Words::Heap(words) => words.insert(place, word),
        }
    }

    #[cold]
    fn spilt(words: Vec<u64>) -> Self {
        Self {
            words: Words::Heap(words),
        }
    }

    #[inline]
    fn words(&self) -> &[u64] {
        match &self.words {
            Words::Inline { length, words } => &words[..usize::from(*length).min(INLINE)],
            Words::Heap(words) => words,
        }
    }

    #[inline]
    fn words_mut(&mut self) -> &mut [u64] {
        match &mut self.words {
            Words::Inline { length, words } => &mut words[..usize::from(*length).min(INLINE)],
            Words::Heap(words) => words,
        }
    }
}

impl Clone for Clock {
    #[inline]
    fn clone(&self) -> Self {
        match &self.words {
            &Words::Inline { length, words } => Self {
                words: Words::Inline { length, words },
            },
            Words::Heap(words) => Self::spilt(words.clone()),
        }
    }

    #[inline]
    fn clone_from(&mut self, source: &Self) {
        match (&mut self.words, &source.words) {
            (Words::Heap(own), Words::Heap(theirs)) => own.clone_from(theirs),
            _ => *self = source.clone(),
        }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for Clock {
    fn eq(&self, other: &Self) -> bool {
        self.words() == other.words()
    }
}

impl Eq for Clock {}

impl PartialOrd for Clock {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (self.dominates(other), other.dominates(self)) {
            (true, true) => Some(Ordering::Equal),
            (true, false) => Some(Ordering::Greater),
            (false, true) => Some(Ordering::Less),
            (false, false) => None,
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// The least clock that covers all of the dots.
impl FromIterator<Dot> for Clock {
    fn from_iter<I: IntoIterator<Item = Dot>>(dots: I) -> Self {
        let mut clock = Clock::new();
        for dot in dots {
            clock.extend_to(dot);
        }
        clock
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(entries: &[(u16, u64)]) -> Clock {
        entries
            .iter()
            .map(|&(origin, sequence)| Dot::new(OriginId(origin), sequence))
            .collect()
    }

    #[test]
    fn a_clock_is_small() {
        assert_eq!(size_of::<Clock>(), 48);
    }

    #[test]
    fn entries_are_found_on_both_sides_of_the_spill() {
        let mut spilt = Clock::new();
        for origin in (0..12).rev() {
            for _ in 0..=origin {
                spilt.advance(spilt.next(OriginId(origin)));
            }
        }
        for origin in 0..12 {
            assert_eq!(spilt.get(OriginId(origin)), u64::from(origin) + 1);
        }
        assert_eq!(spilt.get(OriginId(12)), 0);
        spilt.retain(|dot| dot.origin.0 < 2);
        assert_eq!(
            spilt,
            clock(&[(0, 1), (1, 2)]),
            "heap and inline clocks compare by content"
        );
    }

    #[test]
    fn extending_may_leave_a_gap_and_never_shrinks() {
        let mut clock = clock(&[(0, 2), (3, 1)]);
        clock.extend_to(Dot::new(OriginId(0), 9));
        clock.extend_to(Dot::new(OriginId(0), 4));
        clock.extend_to(Dot::new(OriginId(1), 5));
        clock.extend_to(Dot::new(OriginId(2), 0));
        assert_eq!(
            clock.iter().collect::<Vec<_>>(),
            [(0, 9), (1, 5), (3, 1)].map(|(origin, last)| Dot::new(OriginId(origin), last))
        );
    }

    #[test]
    #[should_panic(expected = "0.3 is not the next dot of its origin")]
    fn advancing_leaves_no_gap() {
        clock(&[(0, 1)]).advance(Dot::new(OriginId(0), 3));
    }

    #[test]
    fn order_is_partial() {
        let (a, b) = (clock(&[(1, 2)]), clock(&[(1, 2), (2, 1)]));
        assert!(a < b);
        assert!(a <= a.clone());
        assert_eq!(clock(&[(1, 3)]).partial_cmp(&b), None);
        let range = DotRange {
            origin: OriginId(2),
            first: 1,
            last: 1,
        };
        assert_eq!(b.beyond(&a).collect::<Vec<_>>(), [range]);
    }
}
