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

use crate::clock::{Clock, pack, unpack};
use crate::{Content, Dot, OriginId, Timestamp};

/// Bytes of a write in memory beside its content; see [`Replica::bytes`](crate::Replica::bytes).
const WRITE_BYTES: usize = 24;

/// A write of a string, or, with `None`, of its absence.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Write {
    /// Its dot, in one word.
    word: u64,
    at: Timestamp,
    pub(crate) content: Option<Content>,
}

impl Write {
    pub(crate) fn new(dot: Dot, at: Timestamp, content: Option<Content>) -> Self {
        let word = pack(dot);
        Self { word, at, content }
    }

    #[inline]
    pub(crate) fn dot(&self) -> Dot {
        unpack(self.word)
    }

    /// Concurrent writes are ordered by time, then the smaller origin prevails (documented where
    /// documents show a choice, inferred for strings). Two of one origin are never concurrent.
    fn rank(&self) -> (Timestamp, Reverse<OriginId>) {
        (self.at, Reverse(self.dot().origin))
    }

    #[inline]
    fn bytes(&self) -> usize {
        WRITE_BYTES + self.content.as_ref().map_or(0, Content::len)
    }
}

/// The visible writes that no visible write had observed.
#[derive(Clone, PartialEq, Default, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Register {
    /// The one that shows: the greatest by rank.
    winner: Option<Write>,
    /// Those concurrent with it that it beats, by falling rank.
    losers: Vec<Write>,
}

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

    /// Adds the visible writes to a clock.
    #[cfg(feature = "bare")]
    #[inline]
    pub(crate) fn observe(&self, clock: &mut Clock) {
        for write in self.iter() {
            clock.extend_to(write.dot());
        }
    }

    /// The visible writes of anything but absence.
    pub(crate) fn written(&self) -> impl Iterator<Item = Dot> {
        self.iter()
            .filter(|write| write.content.is_some())
            .map(Write::dot)
    }

    /// Whether both hold the same single write: it is told by its dot.
    #[inline]
    pub(crate) fn is_same_single(&self, other: &Self) -> bool {
        let (Some(own), Some(theirs)) = (&self.winner, &other.winner) else {
            return false;
        };
        own.word == theirs.word && self.losers.is_empty() && other.losers.is_empty()
    }

    /// [`Register::write`] of a string; says by how many bytes the register grew.
    ///
    /// A write that replaces all there is takes the place of the winner, stand-in over stand-in without
    /// touching the heap.
    #[inline]
    pub(crate) fn overwrite(
        &mut self,
        dot: Dot,
        at: Timestamp,
        content: &Content,
        covered: &Clock,
    ) -> isize {
        if let Some(winner) = &mut self.winner
            && self.losers.is_empty()
            && let Some(text) = &mut winner.content
            && covered.covers_word(winner.word)
            && !covered.covers(dot)
        {
            let growth = content.len().cast_signed() - text.len().cast_signed();
            text.replace_with(content);
            (winner.word, winner.at) = (pack(dot), at);
            return growth;
        }
        self.write_beside(dot, at, content, covered)
    }

    /// Takes a string in that replaces all there is; says by how many bytes the register grew.
    #[inline]
    pub(crate) fn supersede(&mut self, dot: Dot, at: Timestamp, content: &Content) -> isize {
        if self.losers.is_empty()
            && let Some(winner) = &mut self.winner
            && let Some(text) = &mut winner.content
        {
            let growth = content.len().cast_signed() - text.len().cast_signed();
            text.replace_with(content);
            (winner.word, winner.at) = (pack(dot), at);
            return growth;
        }
        let before = self.bytes().cast_signed();
        self.losers.clear();
        self.winner = Some(Write::new(dot, at, Some(content.clone())));
        self.bytes().cast_signed() - before
    }

    /// [`Register::overwrite`] where other writes survive, or where there are none.
    #[inline(never)]
    fn write_beside(
        &mut self,
        dot: Dot,
        at: Timestamp,
        content: &Content,
        covered: &Clock,
    ) -> isize {
        let before = self.bytes().cast_signed();
        self.write(Write::new(dot, at, Some(content.clone())), covered);
        self.bytes().cast_signed() - before
    }

    /// Takes a write in. `covered` is all that the visible writes had observed, the new one included.
    pub(crate) fn write(&mut self, write: Write, covered: &Clock) {
        let is_visible = |write: &Write| !covered.covers_word(write.word);
        self.retain(is_visible);
        if is_visible(&write) {
            self.admit(write);
        }
    }

    /// Keeps the writes that `keep` accepts.
    fn retain(&mut self, keep: impl Fn(&Write) -> bool) {
        if !self.losers.is_empty() {
            self.losers.retain(&keep);
        }
        if !self.winner.as_ref().is_some_and(keep) {
            self.winner = (!self.losers.is_empty()).then(|| self.losers.remove(0));
        }
    }

    /// Gives a write its place among those that it is concurrent with.
    fn admit(&mut self, write: Write) {
        let loser = match &mut self.winner {
            None => {
                self.winner = Some(write);
                return;
            }
            Some(winner) if write.rank() > winner.rank() => std::mem::replace(winner, write),
            Some(_) => write,
        };
        let place = self
            .losers
            .partition_point(|other| other.rank() > loser.rank());
        // Most keys never hold a second loser.
        self.losers.reserve_exact(1);
        self.losers.insert(place, loser);
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
        if self.is_same_single(other) {
            return;
        }
        self.retain(|write| {
            !covered.covers_word(write.word)
                && (!other_clock.covers_word(write.word) || other.holds(write))
        });
        for write in other.iter() {
            if !own_clock.covers_word(write.word) && !covered.covers_word(write.word) {
                self.admit(write.clone());
            }
        }
    }

    /// The same where writes are never forgotten: what one holds and the other does not is new there, unless it is covered.
    #[cfg(feature = "bare")]
    pub(crate) fn unite(&mut self, other: &Self, covered: &Clock) {
        self.retain(|write| !covered.covers_word(write.word));
        for write in other.iter() {
            if !covered.covers_word(write.word) && !self.holds(write) {
                self.admit(write.clone());
            }
        }
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
        self.iter().all(|write| clock.covers_word(write.word))
    }

    #[inline]
    pub(crate) fn bytes(&self) -> usize {
        let winner = self.winner.as_ref().map_or(0, Write::bytes);
        if self.losers.is_empty() {
            winner
        } else {
            winner + self.loser_bytes()
        }
    }

    #[inline(never)]
    fn loser_bytes(&self) -> usize {
        self.losers.iter().map(Write::bytes).sum()
    }

    fn holds(&self, write: &Write) -> bool {
        self.iter().any(|own| own.word == write.word)
    }

    fn iter(&self) -> impl Iterator<Item = &Write> {
        self.winner.iter().chain(&self.losers)
    }
}
