//! What every type beside the string has in common, and the list of those types.
//!
//! A new data type is one file that implements [`Merge`], a line in the list at the end, its effects in
//! [`EffectKind`](crate::EffectKind), its view in [`Value`], and its commands.

use crate::clock::Clock;
use crate::hash::Hash;
use crate::hyperloglog::HyperLogLog;
use crate::json::Json;
use crate::list::List;
use crate::set::Set;
use crate::sorted_set::SortedSet;
use crate::stream::Stream;
use crate::{Effect, EffectKind, OriginId, Value, Wins};

/// The clocks of two replicas that merge, as they were before.
#[derive(Clone, Copy)]
pub(crate) struct Counterpart<'a> {
    pub(crate) own_clock: &'a Clock,
    pub(crate) other_clock: &'a Clock,
}

/// A replicated collection. In all that follows, `covered` is what the visible resets of the key (SET,
/// DEL) had observed: no instance within it survives.
pub(crate) trait Merge {
    /// Whether it is an effect on this type.
    fn takes(kind: &EffectKind) -> bool
    where
        Self: Sized;
    /// Takes an effect of this type in.
    fn apply(&mut self, effect: &Effect, covered: &Clock);
    /// Takes a reset in.
    fn reset(&mut self, covered: &Clock);
    /// Notes if deletions win over concurrent operations on this type.
    fn note_wins(&self, _wins: &mut Wins) {}
    /// Takes a deletion in that wins over what it had not observed too.
    fn lose(&mut self, _deletion: &Effect) {}
    /// Whether commands have to look for more than values: fields that expire, or deletions that win.
    fn is_special(&self) -> bool {
        false
    }
    /// Joins what another replica holds.
    fn merge(&mut self, other: &Self, counterpart: Counterpart<'_>, covered: &Clock);
    /// The smallest origin of anything visible, or `None` if nothing is.
    fn smallest_origin(&self) -> Option<OriginId>;
    /// What is visible.
    fn value(&self) -> Value<'_>;
    /// Whether anything is kept for the sake of removals only.
    fn has_tombstones(&self) -> bool;
    /// Drops the tombstones that `stable` covers.
    fn collect(&mut self, stable: &Clock);
    /// Drops what is kept of the expiry of what is gone, once everyone has observed all resets of the key.
    fn forget_claims(&mut self, _stable: &Clock) {}
    /// Bytes in memory; see [`Replica::bytes`](crate::Replica::bytes). Cheap.
    fn bytes(&self) -> usize;
    /// Counts anew what [`Merge::bytes`] and the like tell, of something that was read or changed as a whole.
    fn recount(&mut self);
}

macro_rules! collections {
    ($($Type:ident,)*) => {
        /// A collection of some type.
        #[derive(Clone, PartialEq, Debug)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        pub(crate) enum Collection {
            $($Type($Type),)*
        }

        /// The type of a collection.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub(crate) enum CollectionType {
            $($Type,)*
        }

        impl CollectionType {
            /// The type that `kind` is an effect on, if it is a collection.
            pub(crate) fn of_effect(kind: &EffectKind) -> Option<Self> {
                $(if $Type::takes(kind) {
                    return Some(Self::$Type);
                })*
                None
            }

            /// An empty collection.
            pub(crate) fn empty(self) -> Collection {
                match self { $(Self::$Type => Collection::$Type($Type::default()),)* }
            }
        }

        impl Collection {
            pub(crate) fn collection_type(&self) -> CollectionType {
                match self { $(Self::$Type(_) => CollectionType::$Type,)* }
            }

            /// An empty collection of the same type.
            pub(crate) fn empty_like(&self) -> Self {
                self.collection_type().empty()
            }

            /// An empty one of each type over which a deletion wins.
            pub(crate) fn won_over(wins: Wins) -> impl Iterator<Item = Self> {
                [$(Self::$Type($Type::default()),)*]
                    .into_iter()
                    .filter(move |empty| {
                        let mut own = Wins::default();
                        empty.note_wins(&mut own);
                        (own.over_hyperloglog && wins.over_hyperloglog)
                            || (own.over_groups && wins.over_groups)
                    })
            }

            /// Whether `other` is of the same type.
            pub(crate) fn is_like(&self, other: &Self) -> bool {
                self.collection_type() == other.collection_type()
            }
        }

        impl Merge for Collection {
            fn takes(kind: &EffectKind) -> bool {
                CollectionType::of_effect(kind).is_some()
            }

            fn apply(&mut self, effect: &Effect, covered: &Clock) {
                match self { $(Self::$Type(own) => own.apply(effect, covered),)* }
            }

            fn reset(&mut self, covered: &Clock) {
                match self { $(Self::$Type(own) => own.reset(covered),)* }
            }

            fn note_wins(&self, wins: &mut Wins) {
                match self { $(Self::$Type(own) => own.note_wins(wins),)* }
            }

            fn lose(&mut self, deletion: &Effect) {
                match self { $(Self::$Type(own) => own.lose(deletion),)* }
            }

            fn is_special(&self) -> bool {
                match self { $(Self::$Type(own) => own.is_special(),)* }
            }

            fn merge(&mut self, other: &Self, counterpart: Counterpart<'_>, covered: &Clock) {
                match (self, other) {
                    $((Self::$Type(own), Self::$Type(other)) => own.merge(other, counterpart, covered),)*
                    _ => {}
                }
            }

            fn smallest_origin(&self) -> Option<OriginId> {
                match self { $(Self::$Type(own) => own.smallest_origin(),)* }
            }

            fn value(&self) -> Value<'_> {
                match self { $(Self::$Type(own) => own.value(),)* }
            }

            fn has_tombstones(&self) -> bool {
                match self { $(Self::$Type(own) => own.has_tombstones(),)* }
            }

            fn collect(&mut self, stable: &Clock) {
                match self { $(Self::$Type(own) => own.collect(stable),)* }
            }

            fn forget_claims(&mut self, stable: &Clock) {
                match self { $(Self::$Type(own) => own.forget_claims(stable),)* }
            }

            fn bytes(&self) -> usize {
                match self { $(Self::$Type(own) => own.bytes(),)* }
            }

            fn recount(&mut self) {
                match self { $(Self::$Type(own) => own.recount(),)* }
            }
        }
    };
}

impl Collection {
    /// Whether nothing is left in it, not even tombstones.
    pub(crate) fn is_vacant(&self) -> bool {
        *self == self.empty_like()
    }

    /// The `HyperLogLog`, if it is one.
    pub(crate) fn hyperloglog(&self) -> Option<&HyperLogLog> {
        match self {
            Self::HyperLogLog(own) => Some(own),
            _ => None,
        }
    }

    /// The stream, if it is one.
    pub(crate) fn stream(&self) -> Option<&Stream> {
        match self {
            Self::Stream(stream) => Some(stream),
            _ => None,
        }
    }
}

collections! {
    Set,
    Hash,
    SortedSet,
    List,
    Stream,
    Json,
    HyperLogLog,
}
