//! What a region knows of consumers alone: it is not replicated.
//!
//! "Not replicated: consumers, pending lists, XGROUP SETID, DELCONSUMER, XREADGROUP deliveries. A consumer exists only where
//! it read" (Redis Active-Active documentation, data types: streams). So none of this is part of the state that replicas have
//! in common: it takes no part in merges, comparisons or digests.

use std::collections::{BTreeMap, BTreeSet};

use crate::stream::{EntryKey, Group, Mark, StreamView};
use crate::stream_id::StreamId;
use crate::{Dot, KeyId};

/// Local consumers of all groups.
#[derive(Clone, Default, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Consumers {
    #[cfg_attr(feature = "serde", serde(with = "crate::serial::pairs"))]
    groups: BTreeMap<(KeyId, Box<[u8]>), LocalGroup>,
}

impl Consumers {
    /// What is known of the consumers of a group; nothing of those of an earlier group of the same name.
    pub(crate) fn of(&mut self, key: KeyId, name: &[u8], group: &Group) -> &mut LocalGroup {
        let local = self.groups.entry((key, name.into())).or_default();
        if !local.generation.is_some_and(|dot| group.is_generation(dot)) {
            *local = LocalGroup {
                generation: group.generation(),
                ..LocalGroup::default()
            };
        }
        local
    }

    /// The same for looking only.
    pub(crate) fn peek(&self, key: KeyId, name: &[u8], group: &Group) -> Option<&LocalGroup> {
        let local = self.groups.get(&(key, name.into()))?;
        let is_current = local.generation.is_some_and(|dot| group.is_generation(dot));
        is_current.then_some(local)
    }
}

/// A delivered entry that nobody acknowledged.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Pending {
    pub(crate) consumer: Box<[u8]>,
    /// When it was delivered last, in milliseconds.
    pub(crate) delivered: u64,
    pub(crate) count: u64,
}

/// The consumers of a group in this region.
#[derive(Clone, Default, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct LocalGroup {
    /// The creation of the group that this is about.
    generation: Option<Dot>,
    /// Where XGROUP SETID let it begin.
    start: Option<Mark>,
    #[cfg_attr(feature = "serde", serde(with = "crate::serial::pairs"))]
    pub(crate) pending: BTreeMap<EntryKey, Pending>,
    /// Delivered and acknowledged here.
    done: BTreeSet<EntryKey>,
    /// Consumers, each with when it was seen last.
    #[cfg_attr(feature = "serde", serde(with = "crate::serial::pairs"))]
    pub(crate) consumers: BTreeMap<Box<[u8]>, u64>,
    /// The greatest ID delivered.
    pub(crate) last_delivered: StreamId,
}

impl LocalGroup {
    /// XGROUP SETID: what comes after the mark is delivered, again where it was before.
    pub(crate) fn begin_at(&mut self, mark: Mark) {
        self.last_delivered = mark.id;
        self.done.clear();
        self.start = Some(mark);
    }

    /// Whether the entry is out of question: before the start, or acknowledged somewhere.
    fn is_settled(&self, group: &Group, entry: &EntryKey) -> bool {
        let is_before_start = match &self.start {
            Some(mark) => mark.covers(entry),
            None => group.begins_after(entry),
        };
        // What had been acknowledged before SETID does not count after it.
        let is_counted = |mark: &Mark| {
            self.start
                .as_ref()
                .is_none_or(|start| !start.context.covers(mark.dot))
        };
        is_before_start
            || group
                .acknowledged()
                .iter()
                .any(|mark| is_counted(mark) && mark.covers(entry))
    }

    /// The entries that were not delivered yet, in order.
    pub(crate) fn undelivered(
        &self,
        group: &Group,
        stream: StreamView<'_>,
        limit: usize,
    ) -> Vec<EntryKey> {
        stream
            .entries()
            .map(|(entry, _)| *entry)
            .filter(|entry| {
                !self.pending.contains_key(entry)
                    && !self.done.contains(entry)
                    && !self.is_settled(group, entry)
            })
            .take(limit)
            .collect()
    }

    /// Delivers an entry.
    pub(crate) fn deliver(&mut self, entry: EntryKey, consumer: &[u8], at: u64, needs_ack: bool) {
        self.last_delivered = self.last_delivered.max(entry.0);
        if needs_ack {
            let pending = Pending {
                consumer: consumer.into(),
                delivered: at,
                count: 1,
            };
            self.pending.insert(entry, pending);
        } else {
            self.done.insert(entry);
        }
    }

    /// Acknowledges the entries with an ID; says how many there were.
    pub(crate) fn acknowledge(&mut self, id: StreamId) -> usize {
        let of_id: Vec<EntryKey> = self
            .pending
            .keys()
            .filter(|entry| entry.0 == id)
            .copied()
            .collect();
        for entry in &of_id {
            self.pending.remove(entry);
            self.done.insert(*entry);
        }
        of_id.len()
    }

    /// The end of the acknowledged prefix, if it reaches beyond what is acknowledged everywhere: all entries up to there were
    /// delivered and acknowledged.
    pub(crate) fn prefix(&self, group: &Group, stream: StreamView<'_>) -> Option<StreamId> {
        let first_open = stream
            .entries()
            .map(|(entry, _)| *entry)
            .find(|entry| !self.done.contains(entry) && !self.is_settled(group, entry));
        let first_pending = self.pending.keys().next().copied();
        let bound = first_open.into_iter().chain(first_pending).min();
        let below = |id: StreamId| bound.is_none_or(|bound| id < bound.0);
        let done = self.done.iter().filter(|entry| below(entry.0));
        let end = done.rev().find(|entry| !self.is_settled(group, entry))?;
        Some(end.0)
    }

    /// Forgets what needs no remembering: it is acknowledged everywhere, or gone.
    pub(crate) fn tidy(&mut self, group: &Group, stream: StreamView<'_>) {
        let settled: Vec<EntryKey> = self
            .done
            .iter()
            .filter(|entry| self.is_settled(group, entry) || stream.fields(entry).is_none())
            .copied()
            .collect();
        for entry in settled {
            self.done.remove(&entry);
        }
    }
}
