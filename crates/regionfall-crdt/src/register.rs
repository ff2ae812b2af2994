//! The last-writer-wins register: what SET and DEL leave of a key.
//!
//! "Each operation stores the wall-clock time; it is consulted only if the order cannot be determined
//! from causality; otherwise the causally later one stands, even with a smaller timestamp" (Redis
//! Active-Active documentation, data types: strings).
//!
//! Comparing a new write with the present winner alone would not do. Let w1 (time 100) be overwritten
//! by w2 (time 50), which had observed it, and let w3 (time 75) be concurrent with both. w1 beats w3
//! beats w2 beats w1: whoever compares pairs gets a result that depends on the order of arrival. So the
//! register keeps every write that no visible write had observed, normally one, and shows the latest of
//! them: a function of what is visible. Here that is w3.

use std::cmp::Reverse;

use crate::clock::Clock;
use crate::{Content, Dot, OriginId, Timestamp};

/// Bytes of a write in memory beside its content; see [`Replica::bytes`](crate::Replica::bytes).
const WRITE_BYTES: usize = 24;

/// A write of a string, or, with `None`, of its absence.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Write {
    pub(crate) dot: Dot,
    pub(crate) at: Timestamp,
    pub(crate) content: Option<Content>,
}

impl Write {
    /// Concurrent writes are ordered by time, then the smaller origin prevails (documented where
    /// documents show a choice, inferred for strings). Two of one origin are never concurrent.
    fn rank(&self) -> (Timestamp, Reverse<OriginId>) {
        (self.at, Reverse(self.dot.origin))
    }
}

/// The visible writes that no visible write had observed.
#[derive(Clone, PartialEq, Default, Debug)]
pub(crate) struct Register {
    /// The one that shows: the greatest by rank.
    winner: Option<Write>,
    /// Those concurrent with it that it beats, by falling rank.
    losers: Option<Box<Losers>>,
}

/// A type of its own since a register is small only if it holds a thin pointer.
#[derive(Clone, PartialEq, Default, Debug)]
struct Losers(Vec<Write>);

impl Register {
    /// The winner's content, if it wrote any.
    #[inline]
    pub(crate) fn content(&self) -> Option<&Content> {
        self.winner.as_ref()?.content.as_ref()
    }

    /// The winner.
    #[inline]
    pub(crate) fn winner(&self) -> Option<&Write> {
        self.winner.as_ref()
    }

    /// Takes a write in. `covered` is all that the visible writes had observed, the new one included.
    #[inline]
    pub(crate) fn write(&mut self, write: Write, covered: &Clock) {
        let is_visible = !covered.covers(write.dot);
        let winner_stays = self
            .winner
            .as_ref()
            .is_some_and(|winner| !covered.covers(winner.dot));
        if winner_stays || self.losers.is_some() {
            let mut writes = self.take();
            writes.retain(|write| !covered.covers(write.dot));
            if is_visible {
                writes.push(write);
            }
            self.put(writes);
        } else {
            self.winner = is_visible.then_some(write);
        }
    }

    /// Joins what two replicas hold. A write that one holds and the other does not, though its clock
    /// covers it, was overwritten there. `covered` is what the visible writes of both had observed.
    pub(crate) fn merge(
        &mut self,
        other: &Self,
        own_clock: &Clock,
        other_clock: &Clock,
        covered: &Clock,
    ) {
        if self == other {
            return;
        }
        let mut writes = self.take();
        writes.retain(|write| !other_clock.covers(write.dot) || other.holds(write.dot));
        for write in other.iter() {
            if !own_clock.covers(write.dot) {
                writes.push(write.clone());
            }
        }
        writes.retain(|write| !covered.covers(write.dot));
        self.put(writes);
    }

    /// Whether the winner wrote an absence.
    #[inline]
    pub(crate) fn is_absence(&self) -> bool {
        self.winner
            .as_ref()
            .is_some_and(|winner| winner.content.is_none())
    }

    /// Whether all writes are covered by `clock`.
    pub(crate) fn is_within(&self, clock: &Clock) -> bool {
        self.iter().all(|write| clock.covers(write.dot))
    }

    pub(crate) fn bytes(&self) -> usize {
        self.iter()
            .map(|write| WRITE_BYTES + write.content.as_ref().map_or(0, Content::len))
            .sum()
    }

    fn holds(&self, dot: Dot) -> bool {
        self.iter().any(|write| write.dot == dot)
    }

    fn iter(&self) -> impl Iterator<Item = &Write> {
        self.winner
            .iter()
            .chain(self.losers.iter().flat_map(|losers| &losers.0))
    }

    fn take(&mut self) -> Vec<Write> {
        let mut writes = self.losers.take().map_or_else(Vec::new, |losers| losers.0);
        writes.extend(self.winner.take());
        writes
    }

    fn put(&mut self, mut writes: Vec<Write>) {
        writes.sort_unstable_by_key(|write| Reverse(write.rank()));
        let mut writes = writes.into_iter();
        self.winner = writes.next();
        let losers: Vec<_> = writes.collect();
        self.losers = (!losers.is_empty()).then(|| Box::new(Losers(losers)));
    }
}
