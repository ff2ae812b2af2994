//! The counter: the sum of what every origin contributed and nobody who had observed it reset.
//!
//! INCR and its like accumulate over all members (Redis Active-Active documentation, data types:
//! strings). A reset (DEL, SET) takes away the contributions that it had observed, and increments that
//! it had not observed survive; this is documented for scores of sorted sets, which "follow regular
//! counter resolution", and inferred for counters.
//!
//! An origin's increments arrive in order, so one running total an origin is enough, beside its value at
//! the last sequence that a reset had observed: the difference is what survives. Entries are never
//! dropped, since totals of replicas that dropped them at different times could not be compared: a
//! deleted counter keeps a few words for each origin that ever counted on it.

use crate::clock::Clock;
use crate::{Dot, OriginId, Totals};

/// Bytes of a contribution in memory; see [`Replica::bytes`](crate::Replica::bytes).
const CONTRIBUTION_BYTES: usize = 26;

/// What one origin added to one counter.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Contribution {
    origin: OriginId,
    /// The sequence of its newest increment that was applied; 0 if only resets told of it.
    newest: u64,
    /// The sum of its increments up to `newest`.
    total: i64,
    /// What that sum was at the last sequence that a visible reset had observed.
    taken: i64,
}

impl Contribution {
    #[inline]
    fn add(&mut self, sequence: u64, amount: i64) {
        self.newest = sequence;
        // Totals run on through resets, so they may pass 64 bits where no value ever does; differences
        // are right all the same.
        self.total = self.total.wrapping_add(amount);
    }
}

/// Contributions to one counter, in order of origin.
#[derive(Clone, PartialEq, Default, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Counter {
    contributions: Vec<Contribution>,
}

impl Counter {
    /// Takes an increment in.
    pub(crate) fn add(&mut self, dot: Dot, amount: i64) {
        self.of(dot.origin).add(dot.sequence, amount);
    }

    /// Takes an increment in if its origin has contributed before; says whether it has.
    #[inline]
    pub(crate) fn add_again(&mut self, dot: Dot, amount: i64) -> bool {
        let has_contributed = self
            .contributions
            .iter_mut()
            .find(|contribution| contribution.origin == dot.origin);
        has_contributed
            .map(|contribution| contribution.add(dot.sequence, amount))
            .is_some()
    }

    /// Takes a reset in: it had observed `context`; the resets before it had observed `covered`.
    pub(crate) fn reset(&mut self, context: &Clock, totals: Option<&Totals>, covered: &Clock) {
        for (origin, _) in totals.into_iter().flat_map(Totals::iter) {
            self.of(origin);
        }
        for contribution in &mut self.contributions {
            let origin = contribution.origin;
            if context.get(origin) > covered.get(origin) {
                contribution.taken = totals.map_or(0, |totals| totals.get(origin));
            }
        }
    }

    /// What a reset by a replica that has applied `applied` must tell the others.
    pub(crate) fn totals(&self, applied: &Clock, covered: &Clock) -> Option<Box<Totals>> {
        if self.contributions.is_empty() {
            return None;
        }
        let entries = self.contributions.iter().map(|contribution| {
            // A reset seen here may have observed increments that have not arrived here yet.
            let all_arrived = applied.get(contribution.origin) >= covered.get(contribution.origin);
            (
                contribution.origin,
                if all_arrived {
                    contribution.total
                } else {
                    contribution.taken
                },
            )
        });
        Some(Box::new(Totals::new(entries.collect())))
    }

    /// The sum, or `None` if no increment survives. A sum of 0 is a counter too.
    pub(crate) fn sum(&self, covered: &Clock) -> Option<i64> {
        self.surviving(covered)
            .map(|contribution| contribution.total.wrapping_sub(contribution.taken))
            .reduce(i64::wrapping_add)
    }

    /// The smallest origin of an increment that survives.
    pub(crate) fn smallest_origin(&self, covered: &Clock) -> Option<OriginId> {
        self.surviving(covered)
            .map(|contribution| contribution.origin)
            .next()
    }

    /// Joins what two replicas hold, given what the resets visible to each had observed.
    pub(crate) fn merge(&mut self, other: &Self, own_covered: &Clock, other_covered: &Clock) {
        for theirs in &other.contributions {
            self.of(theirs.origin);
        }
        for own in &mut self.contributions {
            let theirs = other
                .contributions
                .iter()
                .find(|theirs| theirs.origin == own.origin);
            if let Some(theirs) = theirs.filter(|theirs| theirs.newest > own.newest) {
                own.newest = theirs.newest;
                own.total = theirs.total;
            }
            if other_covered.get(own.origin) > own_covered.get(own.origin) {
                own.taken = theirs.map_or(0, |theirs| theirs.taken);
            }
        }
    }

    /// Whether nobody ever counted.
    pub(crate) fn is_empty(&self) -> bool {
        self.contributions.is_empty()
    }

    pub(crate) fn bytes(&self) -> usize {
        CONTRIBUTION_BYTES * self.contributions.len()
    }

    fn surviving(&self, covered: &Clock) -> impl Iterator<Item = &Contribution> {
        self.contributions
            .iter()
            .filter(|contribution| contribution.newest > covered.get(contribution.origin))
    }

    /// The contribution of `origin`, a new one if it has none.
    fn of(&mut self, origin: OriginId) -> &mut Contribution {
        let place = match self
            .contributions
            .binary_search_by_key(&origin, |contribution| contribution.origin)
        {
            Ok(place) => place,
            Err(place) => {
                self.contributions.insert(
                    place,
                    Contribution {
                        origin,
                        newest: 0,
                        total: 0,
                        taken: 0,
                    },
                );
                place
            }
        };
        &mut self.contributions[place]
    }
}
