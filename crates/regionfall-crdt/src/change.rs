//! The rarer kinds of effects, which are kept out of line so that the common ones stay small.

use crate::{
    Content, Decimal, HashChange, HyperLogLogChange, JsonChange, ListChange, SortedSetChange,
    StreamChange, Totals,
};

/// What a boxed effect changes; see [`EffectKind::Change`](crate::EffectKind::Change).
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Change {
    /// The key becomes this string, or nothing, as a plain write or removal would make it, and more besides.
    Reset {
        /// The string, or `None` for a deletion.
        content: Option<Content>,
        /// The counter that it replaces, if there was one.
        totals: Option<Box<Totals>>,
        /// What becomes of the expiry.
        ttl: TtlChange,
        /// Whether concurrent additions to a `HyperLogLog` and concurrently created consumer groups go too: the key
        /// held some.
        wins: Wins,
    },
    /// The key's expiry changes.
    Expire {
        /// When it expires, in milliseconds of the wall clock; `None` is never.
        deadline: Option<u64>,
        /// The instance that owns the expiry.
        owner: u16,
    },
    /// A counter grows by a number with a fraction.
    Fraction {
        /// By how much; negative if it shrinks.
        amount: Decimal,
    },
    /// A hash changes.
    Hash(HashChange),
    /// A sorted set changes.
    SortedSet(SortedSetChange),
    /// A list changes.
    List(ListChange),
    /// A stream changes.
    Stream(StreamChange),
    /// A JSON document changes.
    Json(JsonChange),
    /// A `HyperLogLog` counts more.
    HyperLogLog(HyperLogLogChange),
    /// A message to the subscribers of a channel, which is the effect's key. It is not stored.
    Message {
        /// The channel.
        channel: Box<[u8]>,
        /// The message.
        payload: Box<[u8]>,
    },
}

/// What a write does to the expiry of its key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum TtlChange {
    /// It stays (APPEND and its like, SET with KEEPTTL).
    Keep,
    /// It goes.
    Clear,
    /// It becomes this.
    Set {
        /// When the key expires, in milliseconds of the wall clock.
        deadline: u64,
        /// The instance that owns the expiry.
        owner: u16,
    },
}

/// Over which concurrent operations a deletion wins.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Wins {
    /// PFADD and PFMERGE (Redis Active-Active documentation, data types: `HyperLogLog`).
    pub over_hyperloglog: bool,
    /// XGROUP CREATE (Redis Active-Active documentation, data types: streams).
    pub over_groups: bool,
}

impl Change {
    /// The command that an operator would know it by.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Reset { content: None, .. } => "DEL",
            Self::Reset { .. } => "SET",
            Self::Expire { deadline: None, .. } => "PERSIST",
            Self::Expire { .. } => "PEXPIREAT",
            Self::Fraction { .. } => "INCRBYFLOAT",
            Self::Hash(change) => change.name(),
            Self::SortedSet(change) => change.name(),
            Self::List(change) => change.name(),
            Self::Stream(change) => change.name(),
            Self::Json(change) => change.name(),
            Self::HyperLogLog(_) => "PFADD",
            Self::Message { .. } => "PUBLISH",
        }
    }

    /// Whether it removes: a whole key, or parts.
    pub(crate) fn is_removal(&self) -> bool {
        matches!(
            self,
            Self::Reset { content: None, .. }
                | Self::Hash(HashChange::Remove { .. })
                | Self::SortedSet(SortedSetChange::Remove { .. })
                | Self::List(ListChange::Remove { .. })
                | Self::Stream(StreamChange::Remove { .. } | StreamChange::DestroyGroup { .. })
                | Self::Json(JsonChange::Remove { .. })
        )
    }

    /// Whether it adds to a collection.
    pub(crate) fn is_addition(&self) -> bool {
        matches!(
            self,
            Self::Hash(HashChange::Set { .. } | HashChange::Increment { .. })
                | Self::SortedSet(SortedSetChange::Set { .. } | SortedSetChange::Increment { .. })
                | Self::List(ListChange::Insert { .. } | ListChange::Set { .. })
                | Self::Stream(StreamChange::Add { .. } | StreamChange::CreateGroup { .. })
                | Self::Json(JsonChange::Set { .. } | JsonChange::Insert { .. })
                | Self::HyperLogLog(_)
        )
    }

    /// Bytes beside what every effect has; see [`Effect::bytes`](crate::Effect::bytes).
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Reset {
                content,
                totals,
                ttl,
                ..
            } => {
                let content = content.as_ref().map_or(0, |content| 4 + content.len());
                let totals = totals
                    .as_ref()
                    .map_or(0, |totals| 18 * totals.iter().count());
                content + totals + if *ttl == TtlChange::Clear { 1 } else { 11 }
            }
            Self::Expire { .. } => 10,
            Self::Fraction { .. } => 16,
            Self::Hash(change) => change.bytes(),
            Self::SortedSet(change) => change.bytes(),
            Self::List(change) => change.bytes(),
            Self::Stream(change) => change.bytes(),
            Self::Json(change) => change.bytes(),
            Self::HyperLogLog(change) => change.bytes(),
            Self::Message { channel, payload } => 8 + channel.len() + payload.len(),
        }
    }
}
