//! The stream: entries by ID, each region adding its own, and consumer groups.
//!
//! "One radix tree per region and logical stream. A region adds to its own tree only and can remove from all; reads merge the
//! trees by ID." Deletion affects observed entries only, and a concurrent XADD survives; entries with IDs that clients chose
//! may have duplicates. Groups are united, and delete wins: DEL of the key removes every group created concurrently, XGROUP
//! DESTROY those of its name. An XACK is replicated for the end of a contiguous acknowledged prefix; consumers and what they
//! have pending are not replicated. A stream with neither entries nor groups does not exist (Redis Active-Active
//! documentation, data types: streams).
//!
//! What was acknowledged elsewhere is told by ID and by what the acknowledging region had observed: an entry with a lower ID
//! that arrives there later is still delivered, since XREADGROUP never skips. Of groups of one name created concurrently, each
//! entry is delivered that any of them would deliver.

mod group;

use std::collections::BTreeMap;

use group::merge_marks;
pub(crate) use group::{Group, Mark};

use crate::clock::Clock;
use crate::collection::{Counterpart, Merge};
use crate::stream_id::StreamId;
use crate::{Change, Dot, Effect, EffectKind, OriginId, Value, Wins};

/// Bytes of an entry, of a tombstone and of a group in memory beside what they hold; see
/// [`Replica::bytes`](crate::Replica::bytes).
const ENTRY_BYTES: usize = 26;
const GROUP_BYTES: usize = 64;
const CLOCK_BYTES: usize = 10;

/// Fields of an entry with their values, in order.
pub type StreamFields = Box<[(Box<[u8]>, Box<[u8]>)]>;

/// An entry: its ID, and the effect that added it, by which duplicates differ.
pub(crate) type EntryKey = (StreamId, Dot);

/// What an effect changes in a stream.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum StreamChange {
    /// An entry comes in.
    Add {
        /// Its ID.
        id: StreamId,
        /// Its fields.
        fields: StreamFields,
    },
    /// Entries go.
    Remove {
        /// The IDs, each with the effect that added the entry.
        entries: Vec<(StreamId, Dot)>,
    },
    /// IDs go on from here.
    SetId {
        /// The newest ID.
        id: StreamId,
    },
    /// A consumer group comes to be.
    CreateGroup {
        /// Its name.
        group: Box<[u8]>,
        /// It begins after this ID.
        start: StreamId,
    },
    /// A consumer group goes, concurrently created ones of the same name included.
    DestroyGroup {
        /// Its name.
        group: Box<[u8]>,
    },
    /// A consumer group has acknowledged all observed entries up to an ID.
    Acknowledge {
        /// Its name.
        group: Box<[u8]>,
        /// The end of the prefix.
        id: StreamId,
    },
}

impl StreamChange {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Add { .. } => "XADD",
            Self::Remove { .. } => "XDEL",
            Self::SetId { .. } => "XSETID",
            Self::CreateGroup { .. } => "XGROUP CREATE",
            Self::DestroyGroup { .. } => "XGROUP DESTROY",
            Self::Acknowledge { .. } => "XACK",
        }
    }

    /// The ID that it names, if it names one.
    pub(crate) fn id(&self) -> Option<StreamId> {
        match self {
            Self::Add { id, .. } | Self::SetId { id } | Self::Acknowledge { id, .. } => Some(*id),
            Self::CreateGroup { start, .. } => Some(*start),
            Self::Remove { entries } => entries.first().map(|entry| entry.0),
            Self::DestroyGroup { .. } => None,
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Add { fields, .. } => 16 + field_bytes(fields),
            Self::Remove { entries } => 26 * entries.len(),
            Self::SetId { .. } => 16,
            Self::CreateGroup { group, .. } | Self::Acknowledge { group, .. } => 20 + group.len(),
            Self::DestroyGroup { group } => 4 + group.len(),
        }
    }
}

fn field_bytes(fields: &StreamFields) -> usize {
    fields
        .iter()
        .map(|(name, value)| 8 + name.len() + value.len())
        .sum()
}

/// The entries and groups of a stream.
#[derive(Clone, Default, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Stream {
    #[cfg_attr(feature = "serde", serde(with = "crate::serial::pairs"))]
    entries: BTreeMap<EntryKey, StreamFields>,
    /// Removed entries, each with its removals.
    #[cfg_attr(feature = "serde", serde(with = "crate::serial::pairs"))]
    removed: BTreeMap<EntryKey, Clock>,
    /// The newest ID that each origin gave, in order of origin: for those who give the next ones. Forgotten with a stream that
    /// is gone, at any time.
    tops: Vec<(Dot, StreamId)>,
    /// The deletions of the key.
    deleted: Clock,
    #[cfg_attr(feature = "serde", serde(with = "crate::serial::pairs"))]
    groups: BTreeMap<Box<[u8]>, Group>,
    #[cfg_attr(feature = "serde", serde(skip))]
    bytes: usize,
}

impl PartialEq for Stream {
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries
            && self.removed == other.removed
            && self.deleted == other.deleted
            && self.groups == other.groups
    }
}

/// What is read where there is no stream.
static NOTHING: Stream = Stream {
    entries: BTreeMap::new(),
    removed: BTreeMap::new(),
    tops: Vec::new(),
    deleted: Clock::new(),
    groups: BTreeMap::new(),
    bytes: 0,
};

impl Stream {
    fn add(&mut self, id: StreamId, fields: &StreamFields, dot: Dot, covered: &Clock) {
        self.note_top(dot, id, covered);
        if covered.covers(dot) || self.removed.contains_key(&(id, dot)) {
            return;
        }
        self.bytes += ENTRY_BYTES + field_bytes(fields);
        self.entries.insert((id, dot), fields.clone());
    }

    fn remove(&mut self, entry: EntryKey, dot: Dot) {
        if let Some(fields) = self.entries.remove(&entry) {
            self.bytes -= ENTRY_BYTES + field_bytes(&fields);
        }
        let known = self.removed.len();
        let tombstone = self.removed.entry(entry).or_default();
        let before = tombstone.len();
        tombstone.extend_to(dot);
        self.bytes += CLOCK_BYTES * (tombstone.len() - before);
        self.bytes += ENTRY_BYTES * (self.removed.len() - known);
    }

    fn note_top(&mut self, dot: Dot, id: StreamId, covered: &Clock) {
        if covered.covers(dot) {
            return;
        }
        match self
            .tops
            .binary_search_by_key(&dot.origin, |top| top.0.origin)
        {
            Ok(place) if self.tops[place].0 < dot => self.tops[place] = (dot, id),
            Ok(_) => {}
            Err(place) => self.tops.insert(place, (dot, id)),
        }
    }

    fn group(&mut self, name: &[u8], change: impl FnOnce(&mut Group)) {
        let group = self.groups.entry(name.into()).or_default();
        change(group);
        group.settle(&self.deleted);
    }

    fn settle(&mut self, covered: &Clock) {
        self.entries.retain(|entry, _| !covered.covers(entry.1));
        self.tops.retain(|top| !covered.covers(top.0));
        for group in self.groups.values_mut() {
            group.settle(&self.deleted);
        }
        self.recount();
    }

    fn has_groups(&self) -> bool {
        self.groups.values().any(Group::exists)
    }
}

impl Merge for Stream {
    fn takes(kind: &EffectKind) -> bool {
        matches!(kind, EffectKind::Change(change) if matches!(**change, Change::Stream(_)))
    }

    fn apply(&mut self, effect: &Effect, covered: &Clock) {
        let EffectKind::Change(change) = &effect.kind else {
            return;
        };
        let Change::Stream(change) = &**change else {
            return;
        };
        let mark = |id| Mark {
            dot: effect.dot,
            id,
            context: effect.context.clone(),
        };
        match change {
            StreamChange::Add { id, fields } => self.add(*id, fields, effect.dot, covered),
            StreamChange::Remove { entries } => {
                for &entry in entries {
                    self.remove(entry, effect.dot);
                }
            }
            StreamChange::SetId { id } => self.note_top(effect.dot, *id, covered),
            StreamChange::CreateGroup { group, start } => {
                self.group(group, |own| own.creations.push(mark(*start)));
            }
            StreamChange::DestroyGroup { group } => {
                self.group(group, |own| own.destroyed.extend_to(effect.dot));
            }
            StreamChange::Acknowledge { group, id } => {
                self.group(group, |own| own.acknowledged.push(mark(*id)));
            }
        }
    }

    fn reset(&mut self, covered: &Clock) {
        self.settle(covered);
    }

    fn note_wins(&self, wins: &mut Wins) {
        wins.over_groups = true;
    }

    fn lose(&mut self, deletion: &Effect) {
        self.deleted.extend_to(deletion.dot);
        self.settle(&Clock::new());
    }

    fn is_special(&self) -> bool {
        true
    }

    fn merge(&mut self, other: &Self, counterpart: Counterpart<'_>, covered: &Clock) {
        let is_news = |dot: Dot| !counterpart.own_clock.covers(dot);
        self.entries.retain(|entry, _| {
            !counterpart.other_clock.covers(entry.1) || other.entries.contains_key(entry)
        });
        for (entry, clock) in &other.removed {
            self.removed.entry(*entry).or_default().join(clock);
        }
        for (entry, fields) in &other.entries {
            if is_news(entry.1) {
                self.entries.insert(*entry, fields.clone());
            }
        }
        let removed = &self.removed;
        self.entries.retain(|entry, _| !removed.contains_key(entry));
        self.tops.retain(|top| {
            !counterpart.other_clock.covers(top.0)
                || other.tops.iter().any(|theirs| theirs.0 == top.0)
        });
        for &(dot, id) in &other.tops {
            if is_news(dot) {
                self.note_top(dot, id, covered);
            }
        }
        self.deleted.join(&other.deleted);
        for name in other.groups.keys() {
            self.groups.entry(name.clone()).or_default();
        }
        let nothing = Group::default();
        for (name, own) in &mut self.groups {
            let theirs = other.groups.get(name).unwrap_or(&nothing);
            own.destroyed.join(&theirs.destroyed);
            merge_marks(&mut own.creations, &theirs.creations, counterpart);
            merge_marks(&mut own.acknowledged, &theirs.acknowledged, counterpart);
        }
        self.settle(covered);
    }

    fn smallest_origin(&self) -> Option<OriginId> {
        let added = self.entries.keys().map(|entry| entry.1.origin);
        let created = self.groups.values().flat_map(|group| &group.creations);
        added
            .chain(created.map(|creation| creation.dot.origin))
            .min()
    }

    fn value(&self) -> Value<'_> {
        if self.entries.is_empty() && !self.has_groups() {
            Value::Absent
        } else {
            Value::Stream(StreamView(self))
        }
    }

    fn has_tombstones(&self) -> bool {
        let is_dead = self.entries.is_empty() && !self.has_groups();
        !self.removed.is_empty()
            || !self.deleted.is_empty()
            || self
                .groups
                .values()
                .any(|group| !group.exists() || !group.destroyed.is_empty())
            || (is_dead && !self.tops.is_empty())
    }

    fn collect(&mut self, stable: &Clock) {
        self.removed.retain(|_, clock| !stable.dominates(clock));
        self.groups
            .retain(|_, group| group.exists() || !stable.dominates(&group.destroyed));
        for group in self.groups.values_mut() {
            if stable.dominates(&group.destroyed) {
                group.destroyed = Clock::new();
            }
        }
        if stable.dominates(&self.deleted) {
            self.deleted = Clock::new();
        }
        if self.entries.is_empty() && !self.has_groups() {
            self.tops.retain(|top| !stable.covers(top.0));
        }
        self.recount();
    }

    fn bytes(&self) -> usize {
        let groups = self.groups.iter();
        let groups = groups.map(|(name, group)| name.len() + group.bytes());
        self.bytes + groups.sum::<usize>()
    }

    fn recount(&mut self) {
        let entries = self
            .entries
            .values()
            .map(|fields| ENTRY_BYTES + field_bytes(fields));
        let removed = self.removed.values();
        let removed = removed.map(|clock| ENTRY_BYTES + CLOCK_BYTES * clock.len());
        self.bytes = entries.sum::<usize>() + removed.sum::<usize>();
    }
}

/// The entries and groups of a stream.
#[derive(Clone, Copy, Debug)]
pub struct StreamView<'a>(&'a Stream);

impl<'a> StreamView<'a> {
    pub(crate) const EMPTY: StreamView<'static> = StreamView(&NOTHING);

    pub(crate) fn of(stream: &'a Stream) -> Self {
        Self(stream)
    }

    /// How many entries.
    pub fn len(self) -> usize {
        self.0.entries.len()
    }

    /// Whether there are no entries; there may be groups.
    pub fn is_empty(self) -> bool {
        self.0.entries.is_empty()
    }

    /// All entries, in order of their IDs; duplicates in order of their effects.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = (StreamId, &'a StreamFields)> {
        self.0
            .entries
            .iter()
            .map(|(entry, fields)| (entry.0, fields))
    }

    /// The same with what tells duplicates apart.
    pub(crate) fn entries(
        self,
    ) -> impl DoubleEndedIterator<Item = (&'a EntryKey, &'a StreamFields)> {
        self.0.entries.iter()
    }

    pub(crate) fn fields(self, entry: &EntryKey) -> Option<&'a StreamFields> {
        self.0.entries.get(entry)
    }

    /// The newest ID that was ever given, as far as known here.
    ///
    /// An entry may stand above what its origin gave last: that one began anew after a deletion which has
    /// not arrived here.
    pub fn last_id(self) -> StreamId {
        let tops = self.0.tops.iter().map(|top| top.1);
        let shown = self.0.entries.keys().map(|entry| entry.0).next_back();
        tops.chain(shown).max().unwrap_or_default()
    }

    /// The names of the consumer groups, in order.
    pub fn groups(self) -> impl Iterator<Item = &'a [u8]> {
        let all = self.0.groups.iter().filter(|(_, group)| group.exists());
        all.map(|(name, _)| &**name)
    }

    pub(crate) fn group(self, name: &[u8]) -> Option<&'a Group> {
        self.0.groups.get(name).filter(|group| group.exists())
    }
}
