//! Increments of one number, each by its dot: those that no reset had observed add up.
//!
//! Increments are kept one by one, so that a reset takes away exactly those that it had observed; fractions subtracted
//! from a sum would not leave what is left (Redis Active-Active documentation, data types: sorted sets). Those that
//! everyone has observed share one fate, and are added up when the collector comes by.

use crate::clock::Clock;
use crate::collection::Counterpart;
use crate::stored::Stored;
use crate::{Decimal, Dot, OriginId};

/// Bytes of an increment in memory; see [`Replica::bytes`](crate::Replica::bytes).
const INCREMENT_BYTES: usize = 18;

/// What can be added up.
pub(crate) trait Amount: Copy + PartialEq + std::fmt::Debug + Stored {
    const ZERO: Self;
    fn plus(self, other: Self) -> Self;
}

impl Amount for Decimal {
    const ZERO: Self = Decimal::ZERO;

    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }
}

/// No increments: for places that are only written.
impl Amount for () {
    const ZERO: Self = ();

    fn plus(self, (): Self) -> Self {}
}

/// Surviving increments, in order of their dots.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(bound = "A: Amount"))]
pub(crate) struct Tally<A> {
    increments: Vec<(Dot, A)>,
}

impl<A> Default for Tally<A> {
    fn default() -> Self {
        Self {
            increments: Vec::new(),
        }
    }
}

impl<A: Amount> Tally<A> {
    /// Takes an increment in.
    pub(crate) fn add(&mut self, dot: Dot, amount: A) {
        let place = self.increments.partition_point(|own| own.0 < dot);
        self.increments.insert(place, (dot, amount));
    }

    /// The sum, or `None` if there is no increment. Always added in the same order, as fractions demand.
    pub(crate) fn sum(&self) -> Option<A> {
        let mut by_origin = self
            .increments
            .chunk_by(|a, b| a.0.origin == b.0.origin)
            .map(|of_one| {
                of_one
                    .iter()
                    .map(|own| own.1)
                    .reduce(A::plus)
                    .unwrap_or(A::ZERO)
            });
        let first = by_origin.next()?;
        Some(by_origin.fold(first, A::plus))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.increments.is_empty()
    }

    /// Drops the increments that a reset had observed.
    pub(crate) fn reset(&mut self, covered: &Clock) {
        self.increments.retain(|own| !covered.covers(own.0));
    }

    /// Joins what two replicas hold. Of each origin, the one that has come further holds all that the other does, unless
    /// the other knows of a reset, which is still to be applied.
    pub(crate) fn merge(&mut self, other: &Self, counterpart: Counterpart<'_>) {
        let is_ahead = |origin: OriginId| {
            counterpart.own_clock.get(origin) >= counterpart.other_clock.get(origin)
        };
        self.increments.retain(|own| is_ahead(own.0.origin));
        for &(dot, amount) in &other.increments {
            if !is_ahead(dot.origin) {
                self.increments.push((dot, amount));
            }
        }
        self.increments.sort_unstable_by_key(|own| own.0);
    }

    /// Adds up what everyone has observed.
    pub(crate) fn collect(&mut self, stable: &Clock) {
        self.increments.dedup_by(|later, earlier| {
            let is_stable = later.0.origin == earlier.0.origin && stable.covers(later.0);
            if is_stable {
                *earlier = (later.0, earlier.1.plus(later.1));
            }
            is_stable
        });
    }

    /// Whether [`Tally::collect`] may find something one day.
    pub(crate) fn is_scattered(&self) -> bool {
        self.increments
            .windows(2)
            .any(|pair| pair[0].0.origin == pair[1].0.origin)
    }

    pub(crate) fn smallest_origin(&self) -> Option<OriginId> {
        self.increments.first().map(|own| own.0.origin)
    }

    pub(crate) fn bytes(&self) -> usize {
        INCREMENT_BYTES * self.increments.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::Score;

    fn dot(origin: u16, sequence: u64) -> Dot {
        Dot::new(OriginId(origin), sequence)
    }

    #[test]
    fn a_reset_takes_exactly_what_it_had_observed() {
        let mut tally = Tally::default();
        tally.add(dot(1, 1), Score(1e17));
        tally.add(dot(2, 1), Score(0.1));
        tally.add(dot(1, 2), Score(0.2));
        tally.reset(&[dot(1, 1)].into_iter().collect());
        // Subtracted from the sum, 1e17 would have left nothing of the others.
        assert_eq!(tally.sum(), Some(Score(0.2 + 0.1)));
    }

    #[test]
    fn collecting_changes_no_sum() {
        let mut tally = Tally::default();
        for (place, amount) in [0.1, 0.2, 0.3, 0.4].into_iter().enumerate() {
            tally.add(dot(1, place as u64 + 1), Score(amount));
        }
        let before = tally.sum();
        assert!(tally.is_scattered());
        tally.collect(&[dot(1, 3)].into_iter().collect());
        assert_eq!(tally.sum(), before);
        assert_eq!(tally.bytes(), 2 * INCREMENT_BYTES);
        tally.reset(&[dot(1, 3)].into_iter().collect());
        assert_eq!(tally.sum(), Some(Score(0.4)));
    }
}
