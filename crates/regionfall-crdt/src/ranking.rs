//! Members of a sorted set by rank: in order of scores, and of names where scores are equal.
//!
//! An index beside the members, made when somebody first asks for ranks and kept up from then on: what nobody asks for costs
//! nothing. Ordered chunks of bounded length: a member is found by halving, and what comes before it is counted by chunks.

use std::cmp::Ordering;
use std::fmt;
use std::ops::Range;

use crate::Element;
use crate::score::compare_scores;

/// Members in a chunk before it is cut in two.
const LONGEST: usize = 256;

type Ranked = (f64, Element);

/// Scored members in order.
#[derive(Clone)]
pub(crate) struct Ranking {
    /// None is empty.
    chunks: Vec<Vec<Ranked>>,
    length: usize,
}

fn compare(own: &Ranked, score: f64, member: &Element) -> Ordering {
    compare_scores(own.0, score).then_with(|| own.1.cmp(member))
}

impl Ranking {
    /// Of members in any order.
    pub(crate) fn new<'a>(members: impl Iterator<Item = (&'a Element, f64)>) -> Self {
        let mut all: Vec<Ranked> = members.map(|own| (own.1, own.0.clone())).collect();
        all.sort_unstable_by(|a, b| compare(a, b.0, &b.1));
        let length = all.len();
        let mut chunks = Vec::with_capacity(length / (LONGEST / 2) + 1);
        let mut all = all.into_iter();
        while all.len() > 0 {
            chunks.push(all.by_ref().take(LONGEST / 2).collect());
        }
        Self { chunks, length }
    }

    /// The chunk that a member is in, or would be, and its place there.
    fn place(&self, score: f64, member: &Element) -> (usize, Result<usize, usize>) {
        let chunk = self.chunk_after(|last| compare(last, score, member).is_lt());
        let place = self.chunks.get(chunk).map_or(Err(0), |own| {
            own.binary_search_by(|own| compare(own, score, member))
        });
        (chunk, place)
    }

    /// The first chunk of which the last member is not before.
    fn chunk_after(&self, is_before: impl Fn(&Ranked) -> bool) -> usize {
        self.chunks
            .partition_point(|own| own.last().is_none_or(&is_before))
    }

    pub(crate) fn insert(&mut self, score: f64, member: Element) {
        let (chunk, Err(place)) = self.place(score, &member) else {
            return;
        };
        self.length += 1;
        // What comes after all others goes to the last chunk.
        let (chunk, place) = match self.chunks.last() {
            None => {
                self.chunks.push(Vec::new());
                (0, 0)
            }
            Some(last) if chunk == self.chunks.len() => (chunk - 1, last.len()),
            Some(_) => (chunk, place),
        };
        let own = &mut self.chunks[chunk];
        own.insert(place, (score, member));
        if own.len() > LONGEST {
            let second = own.split_off(LONGEST / 2);
            self.chunks.insert(chunk + 1, second);
        }
    }

    pub(crate) fn remove(&mut self, score: f64, member: &Element) {
        let (chunk, Ok(place)) = self.place(score, member) else {
            return;
        };
        self.length -= 1;
        self.chunks[chunk].remove(place);
        if self.chunks[chunk].is_empty() {
            self.chunks.remove(chunk);
        }
    }

    /// How many come before a member.
    pub(crate) fn rank(&self, score: f64, member: &Element) -> usize {
        let (chunk, place) = self.place(score, member);
        self.before(chunk) + place.unwrap_or_else(|place| place)
    }

    /// How many of the lowest scores are such that `is_below` is true.
    pub(crate) fn below(&self, is_below: impl Fn(f64) -> bool) -> usize {
        let chunk = self.chunk_after(|last| is_below(last.0));
        let within = self.chunks.get(chunk);
        let within = within.map_or(0, |own| own.partition_point(|own| is_below(own.0)));
        self.before(chunk) + within
    }

    fn before(&self, chunk: usize) -> usize {
        self.chunks[..chunk].iter().map(Vec::len).sum()
    }

    /// Members by their ranks.
    pub(crate) fn range(
        &self,
        ranks: Range<usize>,
    ) -> impl DoubleEndedIterator<Item = (&Element, f64)> {
        let mut chunk = 0;
        let mut start = ranks.start.min(self.length);
        let number = ranks.end.min(self.length).saturating_sub(start);
        while let Some(own) = self.chunks.get(chunk)
            && start >= own.len()
        {
            (chunk, start) = (chunk + 1, start - own.len());
        }
        let mut left = number;
        let pieces: Vec<&[Ranked]> = self.chunks[chunk..]
            .iter()
            .map_while(|own| {
                let piece = &own[start..];
                let piece = &piece[..piece.len().min(left)];
                (start, left) = (0, left - piece.len());
                (!piece.is_empty()).then_some(piece)
            })
            .collect();
        let all = pieces.into_iter().flatten();
        all.map(|own| (&own.1, own.0))
    }
}

/// It says nothing that the members do not.
impl fmt::Debug for Ranking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by rank", self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::prelude::*;

    proptest! {
        /// It is a sorted list, whatever is done to it.
        #[test]
        fn it_is_a_sorted_list(
            start in proptest::collection::btree_map(0_u64..900, -9_i32..9, 0..900),
            steps in proptest::collection::vec((0_u64..900, proptest::option::of(-9_i32..9)), 0..900),
            from in 0_usize..900,
            to in 0_usize..900,
            bound in -9_i32..9,
        ) {
            let mut plain = start;
            let members: Vec<_> = plain.iter().map(|own| (Element::Number(*own.0), f64::from(*own.1))).collect();
            let mut ranking = Ranking::new(members.iter().map(|own| (&own.0, own.1)));
            for (number, score) in steps {
                let member = Element::Number(number);
                if let Some(old) = plain.remove(&number) {
                    ranking.remove(f64::from(old), &member);
                }
                if let Some(score) = score {
                    plain.insert(number, score);
                    ranking.insert(f64::from(score), member);
                }
            }
            let mut sorted: Vec<(i32, u64)> = plain.iter().map(|own| (*own.1, *own.0)).collect();
            sorted.sort_unstable();
            let expected: Vec<_> = sorted.iter().map(|own| (Element::Number(own.1), f64::from(own.0))).collect();
            let shown = |range| -> Vec<_> { ranking.range(range).map(|own| (own.0.clone(), own.1)).collect() };
            prop_assert_eq!(ranking.length, expected.len());
            prop_assert_eq!(&shown(0..usize::MAX), &expected);
            let end = to.min(expected.len());
            let piece = expected.get(from.min(end)..end).unwrap_or_default();
            prop_assert_eq!(shown(from..to), piece);
            let reverse: Vec<_> = ranking.range(from..to).rev().map(|own| own.0.clone()).collect();
            prop_assert!(reverse.iter().rev().eq(piece.iter().map(|own| &own.0)));
            for (place, (member, score)) in expected.iter().enumerate() {
                prop_assert_eq!(ranking.rank(*score, member), place);
            }
            let below = sorted.iter().filter(|own| own.0 < bound).count();
            prop_assert_eq!(ranking.below(|score| score < f64::from(bound)), below);
        }
    }
}
