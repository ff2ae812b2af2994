//! Identities and times that the data types are written in: keys, origins, dots, timestamps.
//!
//! All are dense numbers that their users hand out. Nothing here reads a clock.

use std::fmt;

/// A key, as a dense number: replicas keep tables indexed by it. [`KeyNames`](crate::KeyNames) maps names to them where people look.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct KeyId(pub u32);

/// One incarnation of one shard of one member: whoever numbers effects.
///
/// A shard that restarts may have lost effects that its peers hold, and must not number new ones alike;
/// so it writes under a new origin. Where a rule says "the smaller instance prevails", the smaller
/// origin does: callers that want the documented order of members number origins in that order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct OriginId(pub u16);

/// The name of one effect, for ever: the `sequence`-th effect of `origin`.
///
/// Sequences start at 1 and leave no gaps; they fit in 48 bits (at a million effects a second, nine
/// years).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dot {
    /// Who numbered the effect.
    pub origin: OriginId,
    /// Which of its effects, from 1.
    pub sequence: u64,
}

impl Dot {
    /// The `sequence`-th effect of `origin`.
    pub const fn new(origin: OriginId, sequence: u64) -> Self {
        Self { origin, sequence }
    }
}

impl fmt::Debug for Dot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.origin.0, self.sequence)
    }
}

/// What the wall clock of a host said, in nanoseconds since any epoch that all hosts share.
///
/// Hosts disagree: the value may be skewed, and may go backwards between two effects of one origin.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// Whole milliseconds, in which servers keep expiries and number stream entries.
    #[inline]
    pub const fn millis(self) -> u64 {
        self.0 / 1_000_000
    }
}
