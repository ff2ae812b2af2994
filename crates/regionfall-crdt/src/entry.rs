//! All that is kept under one key.
//!
//! Most keys hold a string, or a counter that nobody ever reset; these stand in the entry itself, which is one pair of lines of
//! the cache. Whatever else a key holds, or must remember, is kept out of line, as a [`Mixed`] that knows the rules between types.
//! Both ways lead to the same: effects that the short forms do not take are given to a [`Mixed`] made of them.

mod expires;
mod mixed;
mod shown;
mod text;

use mixed::Mixed;
pub(crate) use text::Text;

use crate::clock::Clock;
use crate::collection::{Collection, Counterpart};
use crate::counter::Counter;
use crate::{Change, Effect, EffectKind, KeyId, Totals, TtlChange, Wins};

/// Bytes of a key in memory beside what it holds; see [`Replica::bytes`](crate::Replica::bytes).
const KEY_BYTES: usize = 72;
/// Bytes of an entry of its clock.
const CLOCK_BYTES: usize = 10;

/// What resets had observed where there were none.
static NOTHING: Clock = Clock::new();

/// The state of one key.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(align(128))]
pub(crate) struct Entry {
    pub(crate) key: KeyId,
    /// Whether the collector will visit it. The replica's business.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) is_in_graves: bool,
    holding: Holding,
}

/// What is kept, in the shortest form that can.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
enum Holding {
    /// Nothing but strings and their absence was ever written.
    Text(Text),
    /// Nothing but whole numbers was ever added, by at least one origin, and there was no reset.
    Count(Counter),
    Mixed(Box<Mixed>),
}

impl Entry {
    pub(crate) fn new(key: KeyId) -> Self {
        Self {
            key,
            is_in_graves: false,
            holding: Holding::Text(Text::default()),
        }
    }

    /// What the visible resets of this key had observed.
    #[inline]
    pub(crate) fn covered(&self) -> &Clock {
        match &self.holding {
            Holding::Text(text) => text.covered(),
            Holding::Count(_) => &NOTHING,
            Holding::Mixed(mixed) => mixed.covered(),
        }
    }

    /// What a reset by a replica that has applied `applied` must tell the others of the counter.
    #[inline]
    pub(crate) fn totals(&self, applied: &Clock) -> Option<Box<Totals>> {
        match &self.holding {
            Holding::Text(_) => None,
            Holding::Count(counter) => counter.totals(applied, &NOTHING),
            Holding::Mixed(mixed) => mixed.totals(applied),
        }
    }

    /// The string, to be written over, if there is one and nothing but strings was ever written here.
    #[inline]
    pub(crate) fn text_mut(&mut self) -> Option<&mut Text> {
        match &mut self.holding {
            Holding::Text(text) if text.content().is_some() => Some(text),
            _ => None,
        }
    }

    /// The counter, if nothing else was ever here.
    #[inline]
    pub(crate) fn counter_mut(&mut self) -> Option<&mut Counter> {
        match &mut self.holding {
            Holding::Count(counter) => Some(counter),
            _ => None,
        }
    }

    /// Takes an effect in that was not applied before, if there is nothing else to see to: no other type
    /// has to hear of it, and no tombstone goes. Says by how many bytes the entry grew. Otherwise
    /// [`Entry::apply`] is still to be called.
    ///
    /// Most effects are so: a string where only strings were written, an increment by an origin that has
    /// counted here before, an addition to a set, a removal from one that has tombstones. They cost a small part of what others cost.
    #[inline]
    pub(crate) fn apply_in_place(&mut self, effect: &Effect) -> Option<isize> {
        match (&effect.kind, &mut self.holding) {
            (
                EffectKind::Write {
                    content,
                    totals: None,
                },
                Holding::Text(text),
            ) if !text.is_absence() => Some(text.overwrite(effect, content)),
            (EffectKind::Delta { amount }, Holding::Count(counter)) => {
                counter.add_again(effect.dot, *amount).then_some(0)
            }
            (_, Holding::Mixed(mixed)) => mixed.apply_in_place(effect),
            _ => None,
        }
    }

    /// Takes an effect in that was not applied before.
    pub(crate) fn apply(&mut self, effect: &Effect) {
        match (&effect.kind, &mut self.holding) {
            (EffectKind::Delta { amount }, Holding::Count(counter)) => {
                return counter.add(effect.dot, *amount);
            }
            (
                EffectKind::Write {
                    content,
                    totals: None,
                },
                Holding::Text(text),
            ) => return text.write(effect, Some(content.clone())),
            (EffectKind::Remove { totals: None }, Holding::Text(text)) => {
                return text.write(effect, None);
            }
            _ => {}
        }
        self.change(|mixed| mixed.apply(effect));
    }

    /// Changes what is kept in its long form, and finds the shortest form for what it has become.
    #[inline]
    fn change(&mut self, change: impl FnOnce(&mut Mixed)) {
        if let Holding::Mixed(mixed) = &mut self.holding {
            change(mixed);
            mixed.tidy();
            if mixed.has_short_form() {
                self.holding = self.take_mixed().into_holding();
            }
        } else {
            let mut mixed = self.take_mixed();
            change(&mut mixed);
            mixed.tidy();
            self.holding = mixed.into_holding();
        }
    }

    /// What is kept in its long form, leaving nothing.
    fn take_mixed(&mut self) -> Mixed {
        match std::mem::replace(&mut self.holding, Holding::Text(Text::default())) {
            Holding::Text(text) => Mixed::of_text(text),
            Holding::Count(counter) => Mixed::of_counter(counter),
            Holding::Mixed(mixed) => *mixed,
        }
    }

    /// Whether more may have to be done for a command than its effect tells: expiry, or a deletion that wins.
    #[inline]
    pub(crate) fn is_special(&self) -> bool {
        match &self.holding {
            Holding::Mixed(mixed) => mixed.is_special(),
            _ => false,
        }
    }

    /// The collections, hidden ones too.
    pub(crate) fn collections(&self) -> &[Collection] {
        match &self.holding {
            Holding::Mixed(mixed) => mixed.collections(),
            _ => &[],
        }
    }

    /// A write or deletion of the whole key as it must be sent, given what it replaces.
    pub(crate) fn complete_reset(&self, kind: EffectKind, applied: &Clock) -> EffectKind {
        let mut all_wins = Wins::default();
        for collection in self.collections() {
            crate::collection::Merge::note_wins(collection, &mut all_wins);
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

    /// Whether nothing but what `other` holds is here, and nothing that a merge with it could forget: told by what named it,
    /// without a look at contents.
    #[inline]
    pub(crate) fn is_settled_with(&self, other: &Self) -> bool {
        match (&self.holding, &other.holding) {
            (Holding::Text(own), Holding::Text(theirs)) => own.is_same_single(theirs),
            (Holding::Count(own), Holding::Count(theirs)) => own == theirs,
            _ => false,
        }
    }

    /// Joins what another replica holds under this key.
    pub(crate) fn merge(&mut self, other: &Self, counterpart: Counterpart<'_>) {
        match (&mut self.holding, &other.holding) {
            (Holding::Text(own), Holding::Text(theirs)) => own.merge(theirs, counterpart),
            (Holding::Count(own), Holding::Count(theirs)) => own.merge(theirs, &NOTHING, &NOTHING),
            (_, Holding::Mixed(theirs)) => self.change(|own| own.merge(theirs, counterpart)),
            (_, Holding::Text(theirs)) => {
                let theirs = Mixed::of_text(theirs.clone());
                self.change(|own| own.merge(&theirs, counterpart));
            }
            (_, Holding::Count(theirs)) => {
                let theirs = Mixed::of_counter(theirs.clone());
                self.change(|own| own.merge(&theirs, counterpart));
            }
        }
    }

    /// Whether there is a deletion, and nothing else ever was but strings.
    #[inline]
    pub(crate) fn is_plainly_absent(&self) -> bool {
        matches!(&self.holding, Holding::Text(text) if text.is_absence())
    }

    /// Whether something is kept for the sake of removals only, and can be collected one day.
    #[inline]
    pub(crate) fn has_tombstones(&self) -> bool {
        match &self.holding {
            Holding::Text(text) => text.is_absence(),
            Holding::Count(_) => false,
            Holding::Mixed(mixed) => mixed.has_tombstones(),
        }
    }

    /// Whether nothing at all is left, so that the key can be forgotten.
    pub(crate) fn is_empty(&self) -> bool {
        match &self.holding {
            Holding::Text(text) => text.is_empty(),
            Holding::Count(_) => false,
            Holding::Mixed(mixed) => mixed.is_empty(),
        }
    }

    /// Drops the tombstones that `stable` covers.
    pub(crate) fn collect(&mut self, stable: &Clock) {
        self.change(|mixed| mixed.collect(stable));
    }

    /// Whether the two hold the same state.
    pub(crate) fn holds_the_same(&self, other: &Self) -> bool {
        let is_same = match (&self.holding, &other.holding) {
            (Holding::Text(own), Holding::Text(theirs)) => own == theirs,
            (Holding::Count(own), Holding::Count(theirs)) => own == theirs,
            // Collections in which nothing is left are none, and yet have no short form.
            (own, theirs) => Mixed::of(own).holds_the_same(&Mixed::of(theirs)),
        };
        self.key == other.key && is_same
    }

    /// Counts anew what is not written.
    #[cfg(feature = "serde")]
    pub(crate) fn recount(&mut self) {
        if let Holding::Mixed(mixed) = &mut self.holding {
            mixed.recount();
        }
    }

    /// Bytes in memory; see [`Replica::bytes`](crate::Replica::bytes).
    #[inline]
    pub(crate) fn bytes(&self) -> usize {
        let held = match &self.holding {
            Holding::Text(text) => text.bytes(),
            Holding::Count(counter) => counter.bytes(),
            Holding::Mixed(mixed) => mixed.bytes(),
        };
        KEY_BYTES + held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_a_pair_of_lines_of_the_cache() {
        assert_eq!((size_of::<Entry>(), align_of::<Entry>()), (128, 128));
    }
}
