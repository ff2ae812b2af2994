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

/// Surviving increments.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(bound = "A: Amount"))]
pub(crate) struct Tally<A> {
    /// In order of origin; none is empty.
    shares: Vec<Share<A>>,
}

/// The increments of one origin.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(bound = "A: Amount"))]
struct Share<A> {
    origin: OriginId,
    /// In order of their sequences.
    increments: Vec<(u64, A)>,
    /// Their sum, added up in that order.
    sum: A,
}

impl<A> Default for Tally<A> {
    fn default() -> Self {
        Self { shares: Vec::new() }
    }
}

impl<A: Amount> Share<A> {
    fn recount(&mut self) {
        let amounts = self.increments.iter().map(|own| own.1);
        self.sum = amounts.reduce(A::plus).unwrap_or(A::ZERO);
    }
}

impl<A: Amount> Tally<A> {
    /// Takes an increment in, the newest of its origin.
    pub(crate) fn add(&mut self, dot: Dot, amount: A) {
        let place = self.shares.partition_point(|own| own.origin < dot.origin);
        let new = (dot.sequence, amount);
        match self.shares.get_mut(place) {
            Some(share) if share.origin == dot.origin => {
                share.increments.push(new);
                share.sum = share.sum.plus(amount);
            }
            _ => {
                let share = Share {
                    origin: dot.origin,
                    increments: vec![new],
                    sum: amount,
                };
                self.shares.insert(place, share);
            }
        }
    }

    /// The sum, or `None` if there is no increment. Always added in the same order, as fractions demand.
    pub(crate) fn sum(&self) -> Option<A> {
        self.shares.iter().map(|own| own.sum).reduce(A::plus)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.shares.is_empty()
    }

    /// Drops the increments that a reset had observed.
    pub(crate) fn reset(&mut self, covered: &Clock) {
        self.shares.retain_mut(|own| {
            let last = covered.get(own.origin);
            let taken = own.increments.partition_point(|own| own.0 <= last);
            if taken > 0 {
                own.increments.drain(..taken);
                own.recount();
            }
            !own.increments.is_empty()
        });
    }

    /// Joins what two replicas hold. Of each origin, the one that has come further holds all that the other does, unless
    /// the other knows of a reset, which is still to be applied.
    pub(crate) fn merge(&mut self, other: &Self, counterpart: Counterpart<'_>) {
        let is_ahead = |origin: OriginId| {
            counterpart.own_clock.get(origin) >= counterpart.other_clock.get(origin)
        };
        self.shares.retain(|own| is_ahead(own.origin));
        for share in &other.shares {
            if !is_ahead(share.origin) {
                self.shares.push(share.clone());
            }
        }
        self.shares.sort_unstable_by_key(|own| own.origin);
    }

    /// Adds up what everyone has observed.
    pub(crate) fn collect(&mut self, stable: &Clock) {
        for own in &mut self.shares {
            let last = stable.get(own.origin);
            let settled = own.increments.partition_point(|own| own.0 <= last);
            if settled > 1 {
                let first = own.increments.drain(..settled);
                if let Some(sum) = first.reduce(|sum, own| (own.0, sum.1.plus(own.1))) {
                    own.increments.insert(0, sum);
                }
            }
        }
    }

    /// Whether [`Tally::collect`] may find something one day.
    pub(crate) fn is_scattered(&self) -> bool {
        self.shares.iter().any(|own| own.increments.len() > 1)
    }

    pub(crate) fn smallest_origin(&self) -> Option<OriginId> {
        self.shares.first().map(|own| own.origin)
    }

    pub(crate) fn bytes(&self) -> usize {
        let numbers = self.shares.iter().map(|own| own.increments.len());
        INCREMENT_BYTES * numbers.sum::<usize>()
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
