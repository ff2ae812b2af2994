//! What a key has beside its register, where it has anything: a counter, collections, an expiry.
//!
//! Most keys are strings or counters and have nothing else; so it is kept out of line.

use crate::Decimal;
use crate::collection::{Collection, CollectionType, Merge};
use crate::counter::Counter;
use crate::expiry::Expiry;
use crate::tally::Tally;

/// What a key that was only ever written as a string does not have.
#[derive(Clone, Default, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Extra {
    pub(crate) counter: Counter,
    /// Increments with a fraction.
    pub(crate) fractions: Tally<Decimal>,
    pub(crate) collections: Vec<Collection>,
    /// `None` as long as nothing but plain writes and deletions said anything of the expiry.
    pub(crate) expiry: Option<Box<Expiry>>,
}

/// Collections in which nothing is left, not even tombstones, are none.
impl PartialEq for Extra {
    fn eq(&self, other: &Self) -> bool {
        let held = |extra: &Self| -> Vec<Collection> {
            let all = extra.collections.iter();
            all.filter(|own| !own.is_vacant()).cloned().collect()
        };
        self.counter == other.counter
            && self.fractions == other.fractions
            && self.expiry == other.expiry
            && (self.collections == other.collections || held(self) == held(other))
    }
}

impl Extra {
    /// Whether there is none of it.
    pub(crate) fn is_nothing(&self) -> bool {
        self.collections.is_empty()
            && self.expiry.is_none()
            && self.fractions.is_empty()
            && self.counter == Counter::default()
    }

    /// Whether there is a counter that no reset ever took from, and nothing else.
    pub(crate) fn is_lone_counter(&self) -> bool {
        self.collections.is_empty()
            && self.expiry.is_none()
            && self.fractions.is_empty()
            && self.counter.is_whole()
    }

    pub(crate) fn has_tombstones(&self) -> bool {
        self.collections.iter().any(Merge::has_tombstones)
            || self.fractions.is_scattered()
            || self
                .expiry
                .as_ref()
                .is_some_and(|expiry| expiry.deadline().is_none())
    }

    #[inline(never)]
    pub(crate) fn bytes(&self) -> usize {
        self.counter.bytes()
            + self.fractions.bytes()
            + self.collections.iter().map(Merge::bytes).sum::<usize>()
            + self.expiry.as_deref().map_or(0, Expiry::bytes)
    }

    /// The collection of a type, an empty one if there is none. They are in order of their types, whatever came first.
    pub(crate) fn collection(&mut self, wanted: CollectionType) -> &mut Collection {
        let place = self
            .collections
            .iter()
            .position(|own| own.collection_type() >= wanted)
            .unwrap_or(self.collections.len());
        let is_there = self
            .collections
            .get(place)
            .is_some_and(|own| own.collection_type() == wanted);
        if !is_there {
            self.collections.insert(place, wanted.empty());
        }
        &mut self.collections[place]
    }
}
