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

use std::collections::BTreeMap;

use crate::clock::Clock;
use crate::collection::{Counterpart, Merge};
use crate::{Dot, Effect, EffectKind, Element, OriginId, SetView, Value};

/// Bytes of an element in memory beside itself; see [`Replica::bytes`](crate::Replica::bytes).
const ELEMENT_BYTES: usize = 40;
/// Bytes of an instance, and of an entry of a tombstone's clock.
const DOT_BYTES: usize = 10;

/// A set with its tombstones.
#[derive(Clone, PartialEq, Default, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Set {
    /// The elements, each with the newest surviving instance of each origin.
    #[cfg_attr(feature = "serde", serde(with = "crate::serial::pairs"))]
    present: BTreeMap<Element, Clock>,
    /// What was removed by name: for each element, what its removals had observed, and they
    /// themselves.
    #[cfg_attr(feature = "serde", serde(with = "crate::serial::pairs"))]
    removed: BTreeMap<Element, Clock>,
    /// Bytes of both.
    #[cfg_attr(feature = "serde", serde(skip))]
    bytes: usize,
}

impl Set {
    pub(crate) const fn new() -> Self {
        Self {
            present: BTreeMap::new(),
            removed: BTreeMap::new(),
            bytes: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.present.len()
    }

    pub(crate) fn contains(&self, element: &Element) -> bool {
        self.present.contains_key(element)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Element> {
        self.present.keys()
    }

    fn add(&mut self, element: &Element, dot: Dot, covered: &Clock) {
        // A removal that had observed the addition may have overtaken it.
        let is_removed = covered.covers(dot)
            || self
                .removed
                .get(element)
                .is_some_and(|clock| clock.covers(dot));
        if is_removed {
            return;
        }
        if let Some(instances) = self.present.get_mut(element) {
            let before = instances.len();
            instances.extend_to(dot);
            self.bytes += DOT_BYTES * (instances.len() - before);
        } else {
            self.present
                .insert(element.clone(), [dot].into_iter().collect());
            self.bytes += ELEMENT_BYTES + element.len() + DOT_BYTES;
        }
    }

    fn discard(&mut self, element: &Element, dot: Dot, context: &Clock) {
        if let Some(instances) = self.present.get_mut(element) {
            let before = instances.len();
            instances.retain(|instance| !context.covers(instance));
            self.bytes -= DOT_BYTES * (before - instances.len());
            if instances.is_empty() {
                self.present.remove(element);
                self.bytes -= ELEMENT_BYTES + element.len();
            }
        }
        let mut clock = context.clone();
        // The removal's own dot: the tombstone may go once everyone has seen the removal. It removes
        // nothing more, since the origin had observed all that it did before.
        clock.extend_to(dot);
        self.bury(element, &clock);
    }

    fn bury(&mut self, element: &Element, clock: &Clock) {
        if let Some(tombstone) = self.removed.get_mut(element) {
            let before = tombstone.len();
            tombstone.join(clock);
            self.bytes += DOT_BYTES * (tombstone.len() - before);
        } else {
            self.removed.insert(element.clone(), clock.clone());
            self.bytes += ELEMENT_BYTES + element.len() + DOT_BYTES * clock.len();
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
                for element in elements.as_slice() {
                    self.add(element, effect.dot, covered);
                }
            }
            EffectKind::Discard { elements } => {
                for element in elements.as_slice() {
                    self.discard(element, effect.dot, &effect.context);
                }
            }
            _ => {}
        }
    }

    fn reset(&mut self, covered: &Clock) {
        self.present.retain(|_, instances| {
            instances.retain(|instance| !covered.covers(instance));
            !instances.is_empty()
        });
        self.recount();
    }

    fn merge(&mut self, other: &Self, counterpart: Counterpart<'_>, covered: &Clock) {
        // An instance that one holds and the other does not, though its clock covers it, was removed
        // there (or is an older one of an origin whose newer one is held).
        for (element, instances) in &mut self.present {
            let theirs = other.present.get(element);
            instances.retain(|instance| {
                !counterpart.other_clock.covers(instance)
                    || theirs.is_some_and(|theirs| theirs.get(instance.origin) >= instance.sequence)
            });
        }
        for (element, instances) in &other.present {
            let news = instances
                .iter()
                .filter(|&instance| !counterpart.own_clock.covers(instance));
            let own = self.present.entry(element.clone()).or_default();
            news.for_each(|instance| own.extend_to(instance));
        }
        for (element, clock) in &other.removed {
            self.removed.entry(element.clone()).or_default().join(clock);
        }
        let removed = &self.removed;
        self.present.retain(|element, instances| {
            let tombstone = removed.get(element);
            instances.retain(|instance| {
                !covered.covers(instance) && !tombstone.is_some_and(|clock| clock.covers(instance))
            });
            !instances.is_empty()
        });
        self.recount();
    }

    fn smallest_origin(&self) -> Option<OriginId> {
        self.present
            .values()
            .filter_map(|instances| instances.iter().next())
            .map(|dot| dot.origin)
            .min()
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
        let size = |(element, clock): (&Element, &Clock)| {
            ELEMENT_BYTES + element.len() + DOT_BYTES * clock.len()
        };
        self.bytes = self.present.iter().chain(&self.removed).map(size).sum();
    }
}
