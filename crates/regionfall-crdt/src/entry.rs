//! All that is kept under one key: a register, and beside it a counter and collections where needed.
//!
//! Types share a key's fate: SET and DEL remove whatever they had observed of any type. What they had
//! not observed survives, so that concurrent operations may leave values of two types under one key.
//! Then the type of which something was created by the smallest origin shows, and the others are hidden
//! until that one is gone. (For JSON the documentation lets the smaller instance prevail when different
//! types meet; for other types it is silent.) The next SET or DEL that has observed them removes the
//! hidden ones too. String and counter are one type: a counter whose register holds a number counts
//! from that number on, and one whose register holds other text shows the text.

mod expires;
mod shown;

use crate::clock::Clock;
use crate::collection::{Collection, CollectionType, Counterpart, Merge};
use crate::expiry::Claim;
use crate::extra::Extra;
use crate::register::{Register, Write};
use crate::{Change, Content, Effect, EffectKind, KeyId, Totals, TtlChange, Wins};

/// Bytes of a key in memory beside what it holds; see [`Replica::bytes`](crate::Replica::bytes).
const KEY_BYTES: usize = 72;
/// Bytes of an entry of its clock.
const CLOCK_BYTES: usize = 10;

/// The state of one key.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Entry {
    pub(crate) key: KeyId,
    /// Whether the collector will visit it. The replica's business.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) is_in_graves: bool,
    /// What the visible resets had observed.
    covered: Clock,
    register: Register,
    extra: Option<Box<Extra>>,
}

impl Entry {
    pub(crate) fn new(key: KeyId) -> Self {
        Self {
            key,
            is_in_graves: false,
            covered: Clock::new(),
            register: Register::default(),
            extra: None,
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

    /// Takes an effect in that was not applied before, if there is nothing else to see to: no other type
    /// has to hear of it, and no tombstone goes. Says by how many bytes the entry grew. Otherwise
    /// [`Entry::apply`] is still to be called.
    ///
    /// Most effects are so: a string where only strings were written, an increment by an origin that has
    /// counted here before, an addition to a set, a removal from one that has tombstones. They cost a small part of what others cost.
    #[inline]
    pub(crate) fn apply_in_place(&mut self, effect: &Effect) -> Option<isize> {
        match (&effect.kind, &mut self.extra) {
            (
                EffectKind::Write {
                    content,
                    totals: None,
                },
                None,
            ) if !self.register.is_absence() => {
                let before = self.covered.len();
                self.covered.join(&effect.context);
                let clock_growth = CLOCK_BYTES * (self.covered.len() - before);
                let (dot, at) = (effect.dot, effect.at);
                let growth = self.register.overwrite(dot, at, content, &self.covered);
                Some(growth + clock_growth.cast_signed())
            }
            (EffectKind::Delta { amount }, Some(extra)) => {
                let is_done = extra.counter.add_again(effect.dot, *amount);
                is_done.then_some(0)
            }
            (EffectKind::Add { elements }, Some(extra)) => {
                let [Collection::Set(set)] = extra.collections.as_mut_slice() else {
                    return None;
                };
                let before = set.bytes();
                set.add_all(elements, effect.dot, &self.covered);
                Some(set.bytes().cast_signed() - before.cast_signed())
            }
            (EffectKind::Discard { elements }, Some(extra)) => {
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

    /// A write or deletion of the whole key as it must be sent, given what it replaces.
    pub(crate) fn complete_reset(&self, kind: EffectKind, applied: &Clock) -> EffectKind {
        let mut all_wins = Wins::default();
        for collection in self.collections() {
            collection.note_wins(&mut all_wins);
        }
        let (content, ttl) = match kind {
            EffectKind::Write { content, .. } => (Some(content), TtlChange::Clear),
            EffectKind::Remove { .. } => (None, TtlChange::Clear),
            EffectKind::Change(change) => match *change {
                Change::Reset { content, ttl, .. } => (content, ttl),
                other => return EffectKind::Change(Box::new(other)),
            },
            other => return other,
        };
        let totals = self.totals(applied);
        if ttl != TtlChange::Clear || all_wins != Wins::default() {
            return EffectKind::Change(Box::new(Change::Reset {
                content,
                totals,
                ttl,
                wins: all_wins,
            }));
        }
        match content {
            Some(content) => EffectKind::Write { content, totals },
            None => EffectKind::Remove { totals },
        }
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
        self.register.write(
            Write {
                dot: effect.dot,
                at: effect.at,
                content,
            },
            &self.covered,
        );
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
            let theirs = other.extra.as_deref().unwrap_or(&nothing);
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

    /// Whether there is a deletion, and nothing else ever was but strings.
    #[inline]
    pub(crate) fn is_plainly_absent(&self) -> bool {
        self.extra.is_none() && self.register.is_absence()
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
        for collection in self
            .extra
            .iter_mut()
            .flat_map(|extra| &mut extra.collections)
        {
            collection.collect(stable);
        }
        if let Some(extra) = &mut self.extra {
            extra.fractions.collect(stable);
        }
        if let Some(extra) = &mut self.extra
            && self.register.is_within(stable)
            && extra
                .expiry
                .as_ref()
                .is_some_and(|expiry| expiry.is_idle(stable))
        {
            extra.expiry = None;
        }
        // A register is dropped as a whole or not at all: while a write that lost against the deletion
        // may still win against one to come, the deletion must stand in its way.
        if self.register.content().is_none() && self.register.is_within(stable) {
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
            if **extra == Extra::default() {
                self.extra = None;
            }
        }
    }

    /// Whether the two hold the same state.
    pub(crate) fn holds_the_same(&self, other: &Self) -> bool {
        self.key == other.key
            && self.covered == other.covered
            && self.register == other.register
            && match (&self.extra, &other.extra) {
                (None, None) => true,
                (Some(own), Some(theirs)) => own == theirs,
                (Some(only), None) | (None, Some(only)) => **only == Extra::default(),
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
        let text = KEY_BYTES + CLOCK_BYTES * self.covered.len() + self.register.bytes();
        match &self.extra {
            None => text,
            Some(extra) => text + extra.bytes(),
        }
    }

    fn extra_mut(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }
}
