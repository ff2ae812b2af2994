//! The observed-remove set: add wins.
//!
//! Each SADD creates an instance of its elements, named by its dot; SREM and resets remove the instances
//! that they had observed; an element is in the set while any instance is left (Redis Active-Active
//! documentation, data types: sets). For each origin the newest instance is enough: whatever removes it
//! removes the older ones too.
//!
//! Additions do not replace instances that they had observed, although those would seem redundant:
//! effects of different origins may overtake each other, and a removal that had observed only the newer
//! instance would then hit the older one or not, depending on the order of arrival.

use std::fmt;

use crate::clock::Clock;
use crate::collection::{Counterpart, Merge};
use crate::instances::Instances;
use crate::table::{self, Table, Twin};
use crate::{Dot, Effect, EffectKind, Element, Elements, OriginId, SetView, Value};

/// Bytes of an element in memory beside itself; see [`Replica::bytes`](crate::Replica::bytes).
const ELEMENT_BYTES: usize = 40;
/// Bytes of an instance, and of an entry of a tombstone's clock.
const DOT_BYTES: usize = 10;

/// A set with its tombstones.
#[derive(Clone, PartialEq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Set {
    /// The elements, each with the newest surviving instance of each origin.
    #[cfg_attr(feature = "serde", serde(with = "crate::table::pairs"))]
    present: Table<Element, Instances>,
    /// What was removed by name: for each element, what its removals had observed, and they
    /// themselves.
    #[cfg_attr(feature = "serde", serde(with = "crate::table::pairs"))]
    removed: Table<Element, Clock>,
    /// Bytes of both.
    #[cfg_attr(feature = "serde", serde(skip))]
    bytes: usize,
}

/// In order, so that equal sets look equal.
impl fmt::Debug for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Set")
            .field("present", &table::sorted(&self.present))
            .field("removed", &table::sorted(&self.removed))
            .field("bytes", &self.bytes)
            .finish()
    }
}

impl Set {
    pub(crate) const fn new() -> Self {
        Self {
            present: table::empty(),
            removed: table::empty(),
            bytes: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.present.len()
    }

    pub(crate) fn contains(&self, element: &Element) -> bool {
        self.present.contains_key(element)
    }

    /// In order, which takes time to find.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Element> {
        let mut all: Vec<&Element> = self.present.keys().collect();
        all.sort_unstable();
        all.into_iter()
    }

    pub(crate) fn add_all(&mut self, elements: &Elements, dot: Dot, covered: &Clock) {
        // A removal of all that had observed the addition may have overtaken it.
        if !covered.covers(dot) {
            for element in elements.as_slice() {
                self.add(element, dot);
            }
        }
    }

    fn add(&mut self, element: &Element, dot: Dot) {
        // A removal that had observed the addition may have overtaken it.
        let is_removed = !self.removed.is_empty()
            && self
                .removed
                .get(element)
                .is_some_and(|clock| clock.covers(dot));
        if is_removed {
            return;
        }
        let new = || Instances::one(dot);
        let (instances, is_new) = table::get_or_insert_with(&mut self.present, element, new);
        if is_new {
            self.bytes += ELEMENT_BYTES + element.len() + DOT_BYTES;
        } else {
            let before = instances.len();
            instances.extend_to(dot);
            self.bytes += DOT_BYTES * (instances.len() - before);
        }
    }

    pub(crate) fn discard_all(&mut self, elements: &Elements, dot: Dot, context: &Clock) {
        let mut clock = context.clone();
        // The removal's own dot: the tombstone may go once everyone has seen the removal. It removes
        // nothing more, since the origin had observed all that it did before.
        clock.extend_to(dot);
        for element in elements.as_slice() {
            self.discard(element, context, &clock);
        }
    }

    fn discard(&mut self, element: &Element, context: &Clock, clock: &Clock) {
        if let Some((place, _, instances)) = self.present.get_full_mut(element) {
            let before = instances.len();
            if instances.retain(|instance| !context.covers(instance)) {
                self.bytes -= DOT_BYTES * (before - instances.len());
            } else {
                self.present.swap_remove_index(place);
                self.bytes -= ELEMENT_BYTES + element.len() + DOT_BYTES * before;
            }
        }
        self.bury(element, clock);
    }

    fn bury(&mut self, element: &Element, clock: &Clock) {
        let new = || clock.clone();
        let (tombstone, is_new) = table::get_or_insert_with(&mut self.removed, element, new);
        if is_new {
            self.bytes += ELEMENT_BYTES + element.len() + DOT_BYTES * clock.len();
        } else {
            let before = tombstone.len();
            tombstone.join(clock);
            self.bytes += DOT_BYTES * (tombstone.len() - before);
        }
    }
}

impl Merge for Set {
    fn takes(kind: &EffectKind) -> bool {
        matches!(kind, EffectKind::Add { .. } | EffectKind::Discard { .. })
    }

    fn apply(&mut self, effect: &Effect, covered: &Clock) {
        match &effect.kind {
            EffectKind::Add { elements } => {
                self.add_all(elements, effect.dot, covered);
            }
            EffectKind::Discard { elements } => {
                self.discard_all(elements, effect.dot, &effect.context);
            }
            _ => {}
        }
    }

    fn reset(&mut self, covered: &Clock) {
        self.present
            .retain(|_, instances| instances.retain(|instance| !covered.covers(instance)));
        self.recount();
    }

    fn merge(&mut self, other: &Self, counterpart: Counterpart<'_>, covered: &Clock) {
        for (element, clock) in &other.removed {
            self.bury(element, clock);
        }
        let removed = &self.removed;
        let settle = |element: &Element, instances: &mut Instances| {
            let tombstone = if removed.is_empty() {
                None
            } else {
                removed.get(element)
            };
            instances.retain(|instance| {
                !covered.covers(instance) && !tombstone.is_some_and(|clock| clock.covers(instance))
            })
        };
        let is_news = |instance: Dot| !counterpart.own_clock.covers(instance);
        let mut all_theirs = Twin::new(&other.present);
        self.present.retain(|element, own| {
            let theirs = all_theirs.get(element);
            let mut is_left = true;
            if theirs != Some(own) {
                // An instance that one holds and the other does not, though its clock covers it, was removed there (or is an
                // older one of an origin whose newer one is held).
                is_left = own.retain(|instance| {
                    !counterpart.other_clock.covers(instance)
                        || theirs.is_some_and(|theirs| theirs.holds(instance))
                });
                for instance in theirs.into_iter().flat_map(Instances::iter) {
                    if is_news(instance) {
                        if is_left {
                            own.extend_to(instance);
                        } else {
                            *own = Instances::one(instance);
                        }
                        is_left = true;
                    }
                }
            }
            is_left && settle(element, own)
        });
        for (element, theirs) in all_theirs.rest() {
            let mut theirs = theirs.clone();
            if theirs.retain(is_news) && settle(element, &mut theirs) {
                self.present.insert(element.clone(), theirs);
            }
        }
        self.recount();
    }

    fn smallest_origin(&self) -> Option<OriginId> {
        self.present.values().map(Instances::smallest_origin).min()
    }

    fn value(&self) -> Value<'_> {
        if self.present.is_empty() {
            Value::Absent
        } else {
            Value::Set(SetView(self))
        }
    }

    fn has_tombstones(&self) -> bool {
        !self.removed.is_empty()
    }

    fn collect(&mut self, stable: &Clock) {
        self.removed.retain(|_, clock| !stable.dominates(clock));
        self.recount();
    }

    fn bytes(&self) -> usize {
        self.bytes
    }

    fn recount(&mut self) {
        let size =
            |element: &Element, dots: usize| ELEMENT_BYTES + element.len() + DOT_BYTES * dots;
        let present = self.present.iter().map(|own| size(own.0, own.1.len()));
        let removed = self.removed.iter().map(|own| size(own.0, own.1.len()));
        self.bytes = present.sum::<usize>() + removed.sum::<usize>();
    }
}
