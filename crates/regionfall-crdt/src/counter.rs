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

use crate::clock::{Clock, pack, unpack};
use crate::few::Few;
use crate::{Dot, OriginId, Totals};

/// Bytes of a contribution in memory; see [`Replica::bytes`](crate::Replica::bytes).
const CONTRIBUTION_BYTES: usize = 26;
/// Contributions that need no heap.
const INLINE: usize = 5;

/// What one origin added to one counter.
#[derive(Clone, Copy, PartialEq, Default, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Contribution {
    /// The newest of its increments that was applied, in one word; its sequence is 0 if only resets told of the origin.
    newest: u64,
    /// The sum of its increments up to `newest`.
    total: i64,
}

impl Contribution {
    #[inline]
    fn newest(self) -> Dot {
        unpack(self.newest)
    }

    #[inline]
    fn add(&mut self, dot: Dot, amount: i64) {
        self.newest = pack(dot);
        // Totals run on through resets, so they may pass 64 bits where no value ever does; differences
        // are right all the same.
        self.total = self.total.wrapping_add(amount);
    }
}

/// Contributions to one counter.
#[derive(Clone, PartialEq, Default, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Counter {
    /// In order of origin.
    contributions: Few<Contribution, INLINE>,
    /// `None` for one that was never reset.
    taken: Option<Box<Taken>>,
}

/// What the sums were at the last sequences that visible resets had observed.
#[derive(Clone, PartialEq, Default, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Taken {
    /// In order of origin; those that are not 0.
    sums: Vec<(OriginId, i64)>,
}

impl Counter {
    /// Takes an increment in.
    pub(crate) fn add(&mut self, dot: Dot, amount: i64) {
        let place = self.of(dot.origin);
        self.contributions[place].add(dot, amount);
    }

    /// Takes an increment in if its origin has contributed before; says whether it has.
    #[inline]
    pub(crate) fn add_again(&mut self, dot: Dot, amount: i64) -> bool {
        match find(&self.contributions, dot.origin) {
            Some(place) => {
                self.contributions[place].add(dot, amount);
                true
            }
            None => false,
        }
    }

    /// The sequence of the newest increment of an origin; 0 if there is none.
    #[cfg(feature = "bare")]
    #[inline]
    pub(crate) fn newest(&self, origin: OriginId) -> u64 {
        find(&self.contributions, origin)
            .map_or(0, |place| self.contributions[place].newest().sequence)
    }

    /// Takes a reset in: it had observed `context`; the resets before it had observed `covered`.
    pub(crate) fn reset(&mut self, context: &Clock, totals: Option<&Totals>, covered: &Clock) {
        for (origin, _) in totals.into_iter().flat_map(Totals::iter) {
            self.of(origin);
        }
        for place in 0..self.contributions.len() {
            let origin = self.contributions[place].newest().origin;
            if context.get(origin) > covered.get(origin) {
                self.take(origin, totals.map_or(0, |totals| totals.get(origin)));
            }
        }
    }

    /// What a reset by a replica that has applied `applied` must tell the others.
    pub(crate) fn totals(&self, applied: &Clock, covered: &Clock) -> Option<Box<Totals>> {
        if self.contributions.is_empty() {
            return None;
        }
        let entries = self.contributions.iter().map(|contribution| {
            let origin = contribution.newest().origin;
            // A reset seen here may have observed increments that have not arrived here yet.
            let all_arrived = applied.get(origin) >= covered.get(origin);
            let total = if all_arrived {
                contribution.total
            } else {
                self.taken(origin)
            };
            (origin, total)
        });
        Some(Box::new(Totals::new(entries.collect())))
    }

    /// The sum, or `None` if no increment survives. A sum of 0 is a counter too.
    #[inline]
    pub(crate) fn sum(&self, covered: &Clock) -> Option<i64> {
        let surviving = self.surviving(covered);
        if self.taken.is_none() {
            return surviving.map(|own| own.total).reduce(i64::wrapping_add);
        }
        surviving
            .map(|own| own.total.wrapping_sub(self.taken(own.newest().origin)))
            .reduce(i64::wrapping_add)
    }

    /// The sum of one that was never reset.
    #[inline]
    pub(crate) fn whole_sum(&self) -> i64 {
        let totals = self.contributions.iter().map(|own| own.total);
        totals.fold(0, i64::wrapping_add)
    }

    /// The smallest origin of an increment that survives.
    pub(crate) fn smallest_origin(&self, covered: &Clock) -> Option<OriginId> {
        let first = self.surviving(covered).next();
        first.map(|contribution| contribution.newest().origin)
    }

    /// Joins what two replicas hold, given what the resets visible to each had observed.
    pub(crate) fn merge(&mut self, other: &Self, own_covered: &Clock, other_covered: &Clock) {
        for theirs in &*other.contributions {
            let place = self.of(theirs.newest().origin);
            let own = &mut self.contributions[place];
            // Of one origin the greater word is the later one.
            if theirs.newest > own.newest {
                *own = *theirs;
            }
        }
        if other_covered.is_empty() {
            return;
        }
        for place in 0..self.contributions.len() {
            let origin = self.contributions[place].newest().origin;
            if other_covered.get(origin) > own_covered.get(origin) {
                self.take(origin, other.taken(origin));
            }
        }
    }

    /// Whether somebody counted, and no reset took anything away.
    pub(crate) fn is_whole(&self) -> bool {
        !self.contributions.is_empty() && self.taken.is_none()
    }

    /// Whether nobody ever counted.
    pub(crate) fn is_empty(&self) -> bool {
        self.contributions.is_empty()
    }

    pub(crate) fn bytes(&self) -> usize {
        CONTRIBUTION_BYTES * self.contributions.len()
    }

    #[inline]
    fn surviving(&self, covered: &Clock) -> impl Iterator<Item = &Contribution> {
        // As a rule there was no reset.
        let is_reset = !covered.is_empty();
        self.contributions.iter().filter(move |contribution| {
            let newest = contribution.newest();
            let last = if is_reset {
                covered.get(newest.origin)
            } else {
                0
            };
            newest.sequence > last
        })
    }

    /// The place of the contribution of `origin`, a new one if it has none.
    fn of(&mut self, origin: OriginId) -> usize {
        if let Some(place) = find(&self.contributions, origin) {
            return place;
        }
        let is_before = |own: &Contribution| own.newest().origin < origin;
        let place = self.contributions.partition_point(is_before);
        let nothing = Contribution {
            newest: pack(Dot::new(origin, 0)),
            total: 0,
        };
        self.contributions.insert(place, nothing);
        place
    }

    /// What the sum of `origin` was at the last sequence that a visible reset had observed.
    fn taken(&self, origin: OriginId) -> i64 {
        let Some(taken) = &self.taken else {
            return 0;
        };
        let place = taken.sums.binary_search_by_key(&origin, |own| own.0);
        place.map_or(0, |place| taken.sums[place].1)
    }

    fn take(&mut self, origin: OriginId, sum: i64) {
        if sum == 0 && self.taken.is_none() {
            return;
        }
        let taken = self.taken.get_or_insert_default();
        let place = taken.sums.binary_search_by_key(&origin, |own| own.0);
        match (place, sum) {
            (Ok(place), 0) => {
                taken.sums.remove(place);
            }
            (Ok(place), _) => taken.sums[place].1 = sum,
            (Err(_), 0) => {}
            (Err(place), _) => taken.sums.insert(place, (origin, sum)),
        }
        self.taken.take_if(|taken| taken.sums.is_empty());
    }
}

/// Where the contribution of an origin is, if there is one.
#[inline]
fn find(contributions: &[Contribution], origin: OriginId) -> Option<usize> {
    let is_own = |own: &Contribution| own.newest().origin == origin;
    // While no origin has ended, they are 0, 1, 2 and so on, and all of them count.
    let hint = usize::from(origin.0);
    if contributions.get(hint).is_some_and(is_own) {
        return Some(hint);
    }
    contributions.iter().position(is_own)
}
