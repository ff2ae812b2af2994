//! A string alone: what writes and deletions of the whole key left, and what they had observed.

use super::CLOCK_BYTES;
use crate::clock::Clock;
use crate::collection::Counterpart;
use crate::register::{Register, Write};
use crate::{Content, Dot, Effect, Timestamp};

/// A key that holds a string, or that was deleted.
#[derive(Clone, PartialEq, Default, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Text {
    /// What the visible writes had observed.
    pub(super) covered: Clock,
    pub(super) register: Register,
}

impl Text {
    #[inline]
    pub(crate) fn covered(&self) -> &Clock {
        &self.covered
    }

    /// The string, if there is one.
    #[inline]
    pub(crate) fn content(&self) -> Option<&Content> {
        self.register.content()
    }

    /// Whether a deletion prevails.
    #[inline]
    pub(crate) fn is_absence(&self) -> bool {
        self.register.is_absence()
    }

    /// Whether nothing was ever written, or all of it was collected.
    pub(crate) fn is_empty(&self) -> bool {
        self.register.winner().is_none()
    }

    /// Takes a write in, or a deletion.
    pub(crate) fn write(&mut self, effect: &Effect, content: Option<Content>) {
        self.covered.join(&effect.context);
        let write = Write::new(effect.dot, effect.at, content);
        self.register.write(write, &self.covered);
    }

    /// Takes a write in of a string; says by how many bytes this grew.
    #[inline]
    pub(crate) fn overwrite(&mut self, effect: &Effect, content: &Content) -> isize {
        let clock_growth = CLOCK_BYTES * self.covered.join_counting(&effect.context);
        let (dot, at) = (effect.dot, effect.at);
        let growth = self.register.overwrite(dot, at, content, &self.covered);
        growth + clock_growth.cast_signed()
    }

    /// Takes a write in of a string over a string, which comes after all that was ever written here, what `observed` covers included; says by
    /// how many bytes this grew.
    #[inline]
    pub(crate) fn supersede(
        &mut self,
        (dot, at): (Dot, Timestamp),
        content: &Content,
        observed: &Clock,
    ) -> isize {
        let clock_growth = CLOCK_BYTES * self.covered.advance_to(observed);
        self.register.supersede(dot, at, content) + clock_growth.cast_signed()
    }

    /// Whether both hold the same single write, and so the same state.
    #[inline]
    pub(crate) fn is_same_single(&self, other: &Self) -> bool {
        self.register.is_same_single(&other.register) && self.covered == other.covered
    }

    /// Joins what two replicas hold.
    pub(crate) fn merge(&mut self, other: &Self, counterpart: Counterpart<'_>) {
        self.covered.join(&other.covered);
        self.register.merge(
            &other.register,
            counterpart.own_clock,
            counterpart.other_clock,
            &self.covered,
        );
    }

    /// Bytes in memory beside those of the key; see [`Replica::bytes`](crate::Replica::bytes).
    #[inline]
    pub(crate) fn bytes(&self) -> usize {
        CLOCK_BYTES * self.covered.len() + self.register.bytes()
    }
}
