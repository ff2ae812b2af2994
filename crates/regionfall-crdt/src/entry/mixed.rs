//! All that can be under one key: a register, and beside it a counter and collections where needed.
//!
//! Types share a key's fate: SET and DEL remove whatever they had observed of any type. What they had
//! not observed survives, so that concurrent operations may leave values of two types under one key.
//! Then the type of which something was created by the smallest origin shows, and the others are hidden
//! until that one is gone. (For JSON the documentation lets the smaller instance prevail when different
//! types meet; for other types it is silent.) The next SET or DEL that has observed them removes the
//! hidden ones too. String and counter are one type: a counter whose register holds a number counts
//! from that number on, and one whose register holds other text shows the text.

use std::borrow::Cow;

use super::{CLOCK_BYTES, Holding, Text};
use crate::clock::Clock;
use crate::collection::{Collection, CollectionType, Counterpart, Merge};
use crate::counter::Counter;
use crate::expiry::Claim;
use crate::extra::Extra;
use crate::register::{Register, Write};
use crate::{Change, Content, Effect, EffectKind, Totals, TtlChange};

/// The state of one key, whatever it is.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Mixed {
    /// What the visible resets had observed.
    pub(super) covered: Clock,
    pub(super) register: Register,
    /// `None` if nothing but strings was ever written.
    pub(super) extra: Option<Extra>,
}

impl Mixed {
    pub(super) fn of_text(text: Text) -> Self {
        let Text { covered, register } = text;
        Self {
            covered,
            register,
            extra: None,
        }
    }

    pub(super) fn of_counter(counter: Counter) -> Self {
        Self {
            covered: Clock::new(),
            register: Register::default(),
            extra: Some(Extra {
                counter,
                ..Extra::default()
            }),
        }
    }

    pub(super) fn of(holding: &Holding) -> Cow<'_, Self> {
        match holding {
            Holding::Text(text) => Cow::Owned(Self::of_text(text.clone())),
            Holding::Count(counter) => Cow::Owned(Self::of_counter(counter.clone())),
            Holding::Mixed(mixed) => Cow::Borrowed(mixed),
        }
    }

    /// Whether it is a string alone, or a counter alone.
    pub(super) fn has_short_form(&self) -> bool {
        self.extra.as_ref().is_none_or(|extra| {
            extra.is_lone_counter() && self.covered.is_empty() && self.register.winner().is_none()
        })
    }

    /// The shortest form.
    pub(super) fn into_holding(self) -> Holding {
        if !self.has_short_form() {
            return Holding::Mixed(Box::new(self));
        }
        match self.extra {
            None => Holding::Text(Text {
                covered: self.covered,
                register: self.register,
            }),
            Some(extra) => Holding::Count(extra.counter),
        }
    }

    /// What the visible resets of this key had observed.
    #[inline]
    pub(crate) fn covered(&self) -> &Clock {
        &self.covered
    }

    /// What a reset by a replica that has applied `applied` must tell the others of the counter.
    #[inline]
    pub(crate) fn totals(&self, applied: &Clock) -> Option<Box<Totals>> {
        self.extra.as_ref()?.counter.totals(applied, &self.covered)
    }

    /// See [`Entry::apply_in_place`](super::Entry::apply_in_place).
    pub(crate) fn apply_in_place(&mut self, effect: &Effect) -> Option<isize> {
        let extra = self.extra.as_mut()?;
        match &effect.kind {
            EffectKind::Delta { amount } => {
                let is_done = extra.counter.add_again(effect.dot, *amount);
                is_done.then_some(0)
            }
            EffectKind::Add { elements } => {
                let [Collection::Set(set)] = extra.collections.as_mut_slice() else {
                    return None;
                };
                let before = set.bytes();
                set.add_all(elements, effect.dot, &self.covered);
                Some(set.bytes().cast_signed() - before.cast_signed())
            }
            EffectKind::Discard { elements } => {
                let [Collection::Set(set)] = extra.collections.as_mut_slice() else {
                    return None;
                };
                if !set.has_tombstones() {
                    return None;
                }
                let before = set.bytes();
                set.discard_all(elements, effect.dot, &effect.context);
                Some(set.bytes().cast_signed() - before.cast_signed())
            }
            _ => None,
        }
    }

    /// Takes an effect in that was not applied before.
    pub(crate) fn apply(&mut self, effect: &Effect) {
        match &effect.kind {
            EffectKind::Write { content, totals } => {
                self.reset(
                    effect,
                    Some(content.clone()),
                    totals.as_deref(),
                    TtlChange::Clear,
                );
            }
            EffectKind::Remove { totals } => {
                self.reset(effect, None, totals.as_deref(), TtlChange::Clear);
            }
            EffectKind::Delta { amount } => self.extra_mut().counter.add(effect.dot, *amount),
            EffectKind::Change(change) if self.apply_change(effect, change) => {}
            kind => {
                if let Some(own) = CollectionType::of_effect(kind) {
                    let extra = self.extra.get_or_insert_default();
                    extra.collection(own).apply(effect, &self.covered);
                }
            }
        }
    }

    /// Takes a change in that is not one of a collection; otherwise says `false`.
    fn apply_change(&mut self, effect: &Effect, change: &Change) -> bool {
        match change {
            Change::Reset {
                content,
                totals,
                ttl,
                wins,
            } => {
                self.reset(effect, content.clone(), totals.as_deref(), *ttl);
                for empty in Collection::won_over(*wins) {
                    self.extra_mut()
                        .collection(empty.collection_type())
                        .lose(effect);
                }
            }
            Change::Expire { deadline, owner } => {
                let claim = Claim {
                    dot: effect.dot,
                    deadline: *deadline,
                    owner: *owner,
                };
                self.expiry_mut().claim(claim, &effect.context);
            }
            Change::Fraction { amount } => {
                let extra = self.extra.get_or_insert_default();
                extra.fractions.add(effect.dot, *amount);
                extra.fractions.reset(&self.covered);
            }
            _ => return false,
        }
        true
    }

    /// Whether more may have to be done for a command than its effect tells: expiry, or a deletion that wins.
    #[inline]
    pub(crate) fn is_special(&self) -> bool {
        self.extra.as_ref().is_some_and(|extra| {
            extra.expiry.is_some() || extra.collections.iter().any(Collection::is_special)
        })
    }

    /// The collections, hidden ones too.
    pub(crate) fn collections(&self) -> &[Collection] {
        self.extra.as_ref().map_or(&[], |extra| &extra.collections)
    }

    fn reset(
        &mut self,
        effect: &Effect,
        content: Option<Content>,
        totals: Option<&Totals>,
        ttl: TtlChange,
    ) {
        self.reset_expiry(effect, content.is_some(), ttl);
        if totals.is_some() || self.extra.is_some() {
            let extra = self.extra.get_or_insert_default();
            extra.counter.reset(&effect.context, totals, &self.covered);
        }
        self.covered.join(&effect.context);
        self.register
            .write(Write::new(effect.dot, effect.at, content), &self.covered);
        if let Some(extra) = &mut self.extra {
            extra.fractions.reset(&self.covered);
            for collection in &mut extra.collections {
                collection.reset(&self.covered);
            }
        }
    }

    /// Joins what another replica holds under this key.
    pub(crate) fn merge(&mut self, other: &Self, counterpart: Counterpart<'_>) {
        if self.is_plain() && other.is_plain() && self.holds_the_same(other) {
            return;
        }
        self.merge_expiry(other, counterpart);
        let mut covered = self.covered.clone();
        covered.join(&other.covered);
        self.register.merge(
            &other.register,
            counterpart.own_clock,
            counterpart.other_clock,
            &covered,
        );
        if let Some(theirs) = &other.extra {
            for collection in &theirs.collections {
                self.extra_mut().collection(collection.collection_type());
            }
            self.extra_mut();
        }
        if let Some(own) = &mut self.extra {
            let nothing = Extra::default();
            let theirs = other.extra.as_ref().unwrap_or(&nothing);
            own.counter
                .merge(&theirs.counter, &self.covered, &other.covered);
            own.fractions.merge(&theirs.fractions, counterpart);
            own.fractions.reset(&covered);
            for collection in &mut own.collections {
                match theirs
                    .collections
                    .iter()
                    .find(|theirs| theirs.is_like(collection))
                {
                    Some(theirs) => collection.merge(theirs, counterpart, &covered),
                    None => collection.merge(&collection.empty_like(), counterpart, &covered),
                }
            }
        }
        self.covered = covered;
    }

    /// Whether there are no collections: two that are equal need no merge then. Collections know more than they compare.
    fn is_plain(&self) -> bool {
        self.collections().is_empty()
    }

    /// Whether something is kept for the sake of removals only, and can be collected one day.
    #[inline]
    pub(crate) fn has_tombstones(&self) -> bool {
        match &self.extra {
            None => self.register.is_absence(),
            Some(extra) => {
                extra.has_tombstones() || self.register.is_absence() || self.has_idle_clock(extra)
            }
        }
    }

    /// Whether what the resets had observed is kept for the sake of effects to come only.
    fn has_idle_clock(&self, extra: &Extra) -> bool {
        !self.covered.is_empty() && self.register.winner().is_none() && extra.counter.is_empty()
    }

    /// Whether nothing visible is left, and nothing that must be kept for ever.
    fn is_dead(&self) -> bool {
        self.register.content().is_none()
            && self.extra.as_ref().is_none_or(|extra| {
                extra.counter.is_empty()
                    && extra.fractions.is_empty()
                    && extra.collections.iter().all(|own| own.value().is_absent())
            })
    }

    /// Whether nothing at all is left, so that the key can be forgotten.
    pub(crate) fn is_empty(&self) -> bool {
        self.is_dead()
            && self.register.winner().is_none()
            && !self.has_tombstones()
            && self
                .extra
                .as_ref()
                .is_none_or(|extra| extra.expiry.is_none())
    }

    /// Drops the tombstones that `stable` covers.
    pub(crate) fn collect(&mut self, stable: &Clock) {
        // Whoever does not know of a reset yet has what it took, and what was said of its expiry.
        let are_resets_known = self.register.is_within(stable);
        if let Some(extra) = &mut self.extra {
            for collection in &mut extra.collections {
                collection.collect(stable);
                if are_resets_known {
                    collection.forget_claims(stable);
                }
            }
            extra.fractions.collect(stable);
            extra
                .expiry
                .take_if(|expiry| are_resets_known && expiry.is_idle(stable));
        }
        // A register is dropped as a whole or not at all: while a write that lost against the deletion
        // may still win against one to come, the deletion must stand in its way.
        if self.register.content().is_none() && are_resets_known {
            self.register = Register::default();
        }
        if let Some(extra) = &self.extra
            && self.has_idle_clock(extra)
            && stable.dominates(&self.covered)
        {
            self.covered = Clock::new();
        }
        if let Some(extra) = &mut self.extra {
            extra.collections.retain(|own| !own.is_vacant());
            if *extra == Extra::default() {
                self.extra = None;
            }
        }
    }

    /// Drops what has nothing in it, not even anything for the collector: equal histories lead to equal forms then, whether the
    /// collector came by or had no reason to.
    pub(super) fn tidy(&mut self) {
        let Some(extra) = &mut self.extra else {
            return;
        };
        extra
            .collections
            .retain(|own| own.bytes() > 0 || own.has_tombstones() || !own.is_vacant());
        if let Some(extra) = &self.extra
            && extra.is_nothing()
            && !self.has_idle_clock(extra)
        {
            self.extra = None;
        }
    }

    /// Whether the two hold the same state.
    pub(crate) fn holds_the_same(&self, other: &Self) -> bool {
        self.covered == other.covered
            && self.register == other.register
            && match (&self.extra, &other.extra) {
                (None, None) => true,
                (Some(own), Some(theirs)) => own == theirs,
                (Some(only), None) | (None, Some(only)) => *only == Extra::default(),
            }
    }

    /// Counts anew what is not written.
    #[cfg(feature = "serde")]
    pub(crate) fn recount(&mut self) {
        let extra = self.extra.iter_mut();
        for collection in extra.flat_map(|extra| &mut extra.collections) {
            collection.recount();
        }
    }

    /// Bytes in memory; see [`Replica::bytes`](crate::Replica::bytes).
    #[inline]
    pub(crate) fn bytes(&self) -> usize {
        let text = CLOCK_BYTES * self.covered.len() + self.register.bytes();
        match &self.extra {
            None => text,
            Some(extra) => text + extra.bytes(),
        }
    }

    fn extra_mut(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }
}
