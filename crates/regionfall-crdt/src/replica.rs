//! The replica: the whole keyspace of one shard of one member, as a value.

mod execute;

pub use execute::Executed;

use crate::clock::Clock;
use crate::collection::Counterpart;
use crate::consumer::Consumers;
use crate::entry::Entry;
use crate::{Effect, KeyId, Settings, Timestamp, Value};

/// No entry under this key.
const VACANT: u32 = u32::MAX;

/// The keyspace of one shard of one member.
///
/// It is a function of the effects that it has taken in, by whatever way and in whatever order they
/// came: replicas with equal clocks show equal values.
#[derive(Clone, Default, Debug)]
pub struct Replica {
    clock: Clock,
    /// For each key the place of its entry, or [`VACANT`].
    places: Vec<u32>,
    /// In no particular order.
    entries: Vec<Entry>,
    /// Keys that the collector must visit: those with tombstones, and some that had some.
    graves: Vec<KeyId>,
    /// How many keys have tombstones.
    tombstones: usize,
    bytes: u64,
    settings: Settings,
    /// Not a part of what replicas have in common.
    pub(crate) consumers: Consumers,
}

/// What became of an effect that was to be applied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "an effect that comes too early is not applied"]
pub enum Applied {
    /// It was applied.
    New,
    /// It had been applied before; nothing changed. Redelivery is harmless.
    AlreadySeen,
    /// It came before its predecessors and was not applied.
    Gap {
        /// The sequence of the same origin that is missing first.
        expected: u64,
    },
}

impl Replica {
    /// An empty keyspace.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty keyspace of a database with these settings.
    pub fn with_settings(settings: Settings) -> Self {
        Self {
            settings,
            ..Self::default()
        }
    }

    /// Its settings.
    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// What is kept under `key`, if anything is.
    #[inline]
    pub(crate) fn entry(&self, key: KeyId) -> Option<&Entry> {
        self.place(key).map(|place| &self.entries[place])
    }

    /// Applies an effect of a peer, unless it was applied before or came too early.
    #[inline]
    pub fn apply(&mut self, effect: &Effect) -> Applied {
        match self.clock.try_advance(effect.dot) {
            Ok(()) => {
                self.take(effect);
                Applied::New
            }
            Err(expected) if effect.dot.sequence < expected => Applied::AlreadySeen,
            Err(expected) => Applied::Gap { expected },
        }
    }

    /// Takes in all that another replica holds, as after a full synchronization (Redis Active-Active
    /// documentation, syncer: between instances it is a merge, not a replacement).
    pub fn merge(&mut self, other: &Replica) {
        // A state is a function of the effects taken in, so one without news has nothing to add.
        if self.clock.dominates(&other.clock) {
            return;
        }
        let own_clock = self.clock.clone();
        let counterpart = Counterpart {
            own_clock: &own_clock,
            other_clock: &other.clock,
        };
        let mut is_any_empty = false;
        for theirs in &other.entries {
            if let Some(place) = self.place(theirs.key)
                && self.entries[place].is_settled_with(theirs)
            {
                continue;
            }
            self.change(theirs.key, |entry| entry.merge(theirs, counterpart));
            is_any_empty |= self.entry(theirs.key).is_none_or(Entry::is_empty);
        }
        // Whatever the other has is here by now.
        if is_any_empty || self.entries.len() > other.entries.len() {
            self.merge_missing(other, counterpart);
        }
        let places = &self.places;
        self.graves.retain(|key| places[key.0 as usize] != VACANT);
        self.clock.join(&other.clock);
    }

    /// What the other no longer holds anything of, it has deleted and forgotten.
    fn merge_missing(&mut self, other: &Replica, counterpart: Counterpart<'_>) {
        let mut place = 0;
        while let Some(own) = self.entries.get(place) {
            let key = own.key;
            if other.entry(key).is_none() {
                self.change(key, |entry| entry.merge(&Entry::new(key), counterpart));
            }
            // Removal moves the last entry here, which is then looked at next.
            if self.entries[place].is_empty() {
                self.remove(place);
            } else {
                place += 1;
            }
        }
    }

    /// Drops the tombstones that everyone has observed, and says of how many keys anything went.
    ///
    /// `stable` must be a clock that every effect still to come here had observed. The greatest lower
    /// bound of the clocks of all members is one, if each member's clock was learnt *in order with its
    /// effects*; a former origin's clock counts until all its effects have arrived. So one member that
    /// is silent stops collection everywhere (Redis Active-Active documentation, developing
    /// applications: the collector drops a tombstone once all instances have observed the deletion).
    pub fn collect(&mut self, stable: &Clock) -> usize {
        let mut collected = 0;
        for key in std::mem::take(&mut self.graves) {
            let Some(place) = self.place(key) else {
                continue;
            };
            self.entries[place].is_in_graves = false;
            let before = self.bytes;
            // Queues the key again if tombstones remain.
            self.change(key, |entry| entry.collect(stable));
            collected += usize::from(self.bytes < before || self.entries[place].is_empty());
            if self.entries[place].is_empty() {
                self.remove(place);
            }
        }
        collected
    }

    /// The effects that were taken in, as a version vector.
    #[inline]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// What a client would see under `key`, expired or not.
    #[inline]
    pub fn value(&self, key: KeyId) -> Value<'_> {
        self.entry(key).map_or(Value::Absent, Entry::value)
    }

    /// What a client would see under `key` at a moment: nothing if it has expired.
    pub fn value_at(&self, key: KeyId, at: Timestamp) -> Value<'_> {
        match self.entry(key) {
            Some(entry) if !entry.is_due(at.millis()) => entry.value().at(at.millis()),
            _ => Value::Absent,
        }
    }

    /// A hash of what a client would see under `key` at a moment; 0 if that is nothing.
    pub(crate) fn key_digest(&self, key: KeyId, at: Timestamp) -> u64 {
        self.value_at(key, at).digest(u64::from(key.0))
    }

    /// When a key expires, in milliseconds of the wall clock; `None` if it does not.
    pub fn deadline(&self, key: KeyId) -> Option<u64> {
        let (deadline, _) = self.entry(key)?.deadline()?;
        Some(deadline)
    }

    /// How many keys are stored, tombstones included.
    pub fn stored(&self) -> usize {
        self.entries.len()
    }

    /// The key stored at a place below [`Replica::stored`]; places have no meaning.
    pub fn stored_at(&self, place: usize) -> Option<KeyId> {
        self.entries.get(place).map(|entry| entry.key)
    }

    /// The keys under which a client would see something, in order.
    pub fn keys(&self) -> impl Iterator<Item = KeyId> + '_ {
        (0..self.places.len())
            .map(|key| KeyId(key as u32))
            .filter(|&key| !self.value(key).is_absent())
    }

    /// How many keys wait for the collector, deleted or with deleted elements.
    pub fn tombstones(&self) -> usize {
        self.tombstones
    }

    /// Bytes that the data would take in a real server's memory, an estimate (assumed): for each key 72
    /// and 10 for each entry of its clock; for each string its length and 24; for each contribution to a
    /// counter 26; for each element of a set its length, 40, and 10 for each instance; for a tombstone of
    /// an element its length, 40, and 10 for each entry of its clock; for each field, member of a sorted set or
    /// element of a list its name or position, 40, 10 for each entry of its clock, and 18 with its length for each value and
    /// each increment, its tombstone the same without values; for each entry of a stream 26 and 8 with their length for
    /// each field, for its tombstone 26 and 10 for each removal; for a `HyperLogLog` 16 and 3 for each register, up to the
    /// 12,288 that all take; for an expiry 20. Stand-ins count with the length of what they stand for. Kept up to date; asking costs
    /// nothing. What is known of consumers is not counted.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// A hash of all that clients could see: equal for equal visible states, whatever the order in which
    /// they came about, and so for equal clocks. Looks at every key.
    pub fn digest(&self) -> u64 {
        self.entries.iter().fold(0, |sum, entry| {
            sum ^ entry.value().digest(u64::from(entry.key.0))
        })
    }

    /// What is kept, in no particular order.
    #[cfg(feature = "serde")]
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Fills an empty replica with what was written of another; says which key comes twice, if one does.
    #[cfg(feature = "serde")]
    pub(crate) fn restore(&mut self, clock: Clock, entries: Vec<Entry>) -> Result<(), KeyId> {
        self.clock = clock;
        for mut entry in entries {
            let key = entry.key;
            if self.place(key).is_some() {
                return Err(key);
            }
            entry.recount();
            self.insert(key);
            self.change(key, |own| *own = entry);
        }
        Ok(())
    }

    /// Takes in an effect that the clock covers since just now.
    #[inline]
    fn take(&mut self, effect: &Effect) {
        if let Some(place) = self.place(effect.key)
            && let entry = &mut self.entries[place]
            && let Some(growth) = entry.apply_in_place(effect)
        {
            self.bytes = self.bytes.wrapping_add_signed(growth as i64);
            if entry.is_plainly_absent() {
                // What the effect replaced had beaten a deletion, which now shows.
                self.keep_grave(place);
            }
        } else {
            self.take_any(effect);
        }
    }

    /// The entry has tombstones since just now.
    #[cold]
    fn keep_grave(&mut self, place: usize) {
        let entry = &mut self.entries[place];
        self.tombstones += 1;
        if !entry.is_in_graves {
            entry.is_in_graves = true;
            self.graves.push(entry.key);
        }
    }

    /// The same by the long way, which takes every effect.
    #[inline(never)]
    fn take_any(&mut self, effect: &Effect) {
        if effect.message().is_some() {
            return;
        }
        self.change(effect.key, |entry| entry.apply(effect));
    }

    /// Changes the entry of `key`, a new one if there is none, and keeps the books.
    fn change(&mut self, key: KeyId, change: impl FnOnce(&mut Entry)) {
        let place = match self.place(key) {
            Some(place) => place,
            None => self.insert(key),
        };
        let entry = &mut self.entries[place];
        let (before, had_tombstones) = (entry.bytes(), entry.has_tombstones());
        change(entry);
        self.bytes = self.bytes + entry.bytes() as u64 - before as u64;
        if entry.has_tombstones() {
            self.tombstones -= usize::from(had_tombstones);
            self.keep_grave(place);
        } else {
            self.tombstones -= usize::from(had_tombstones);
        }
    }

    #[inline]
    fn place(&self, key: KeyId) -> Option<usize> {
        match self.places.get(key.0 as usize) {
            Some(&place) if place != VACANT => Some(place as usize),
            _ => None,
        }
    }

    #[cold]
    fn insert(&mut self, key: KeyId) -> usize {
        let (index, place) = (key.0 as usize, self.entries.len());
        if index >= self.places.len() {
            self.places.resize(index + 1, VACANT);
        }
        self.places[index] = place as u32;
        let entry = Entry::new(key);
        self.bytes += entry.bytes() as u64;
        self.entries.push(entry);
        place
    }

    /// Forgets an empty entry.
    fn remove(&mut self, place: usize) {
        let removed = self.entries.swap_remove(place);
        self.bytes -= removed.bytes() as u64;
        self.places[removed.key.0 as usize] = VACANT;
        if let Some(moved) = self.entries.get(place) {
            self.places[moved.key.0 as usize] = place as u32;
        }
    }
}

/// Equal if they took in the same effects and hold the same state, tombstones included. Replicas that
/// collected at different times may differ in tombstones, and in nothing that clients could see.
impl PartialEq for Replica {
    fn eq(&self, other: &Self) -> bool {
        self.clock == other.clock
            && self.entries.len() == other.entries.len()
            && self.entries.iter().all(|entry| {
                other
                    .entry(entry.key)
                    .is_some_and(|other| other.holds_the_same(entry))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::prelude::*;

    use crate::{Command, Content, Element, OriginId};

    /// What one of three replicas does: a command of its own, or taking in some effects of a peer.
    #[derive(Clone, Debug)]
    enum Step {
        Execute(usize, Command),
        Deliver(usize, usize, usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let key = KeyId(0);
        let content =
            (0_u64..99, 0_u32..9).prop_map(|(token, length)| Content::Synthetic { token, length });
        let command = prop_oneof![
            20 => content.prop_map(move |content| Command::Set { key, content }),
            2 => Just(Command::Set { key, content: "7".into() }),
            4 => Just(Command::Incr { key }),
            2 => Just(Command::Del { key }),
            1 => Just(Command::SAdd { key, elements: Element::Number(1).into() }),
        ];
        let step = prop_oneof![
            (0_usize..3, command).prop_map(|(replica, command)| Step::Execute(replica, command)),
            (0_usize..3, 0_usize..3, 1_usize..4)
                .prop_map(|(origin, replica, count)| Step::Deliver(origin, replica, count)),
        ];
        proptest::collection::vec(step, 0..60)
    }

    proptest! {
        #[test]
        fn the_short_way_leads_where_the_long_one_does(steps in steps()) {
            let mut replicas = vec![Replica::new(); 3];
            let mut sent = vec![Vec::new(); 3];
            for (step, at) in steps.into_iter().zip(0..) {
                let (before, after, effects) = match step {
                    Step::Execute(index, command) => {
                        let before = replicas[index].clone();
                        let origin = OriginId(index as u16);
                        let executed = replicas[index].execute(&command, Timestamp(at % 7), origin);
                        sent[index].extend(executed.effects.clone());
                        (before, &replicas[index], Vec::from_iter(executed.effects))
                    }
                    Step::Deliver(origin, index, count) => {
                        let before = replicas[index].clone();
                        let known = before.clock().get(OriginId(origin as u16)) as usize;
                        let news = sent[origin].iter().skip(known).take(count).cloned();
                        let news: Vec<Effect> = news.collect();
                        for effect in &news {
                            prop_assert_eq!(replicas[index].apply(effect), Applied::New);
                        }
                        (before, &replicas[index], news)
                    }
                };
                let mut long = before;
                for effect in &effects {
                    long.clock.advance(effect.dot);
                    long.take_any(effect);
                }
                prop_assert_eq!(after, &long);
                prop_assert_eq!(after.bytes(), long.bytes());
                prop_assert_eq!(after.tombstones(), long.tombstones());
            }
        }
    }
}
