//! A consumer group, as far as it is replicated: where it begins, and what it has acknowledged.
//!
//! Groups are united, and their deletion wins: it takes concurrently created ones of the same name with it, and DEL of the key
//! those of any name (Redis Active-Active documentation, data types: streams). Consumers and what they have pending are known
//! where they read, and kept in `consumer.rs`.

use super::{CLOCK_BYTES, EntryKey, GROUP_BYTES};
use crate::Dot;
use crate::clock::Clock;
use crate::collection::Counterpart;
use crate::stream_id::StreamId;

/// All entries with IDs up to one that somebody had observed.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Mark {
    pub(crate) dot: Dot,
    pub(crate) id: StreamId,
    pub(crate) context: Clock,
}

impl Mark {
    pub(crate) fn covers(&self, entry: &EntryKey) -> bool {
        entry.0 <= self.id && self.context.covers(entry.1)
    }
}

/// A consumer group, as far as it is replicated.
#[derive(Clone, PartialEq, Default, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Group {
    pub(super) destroyed: Clock,
    /// Where each surviving creation lets it begin.
    pub(super) creations: Vec<Mark>,
    /// The newest acknowledged prefix of each origin.
    pub(super) acknowledged: Vec<Mark>,
}

impl Group {
    pub(crate) fn exists(&self) -> bool {
        !self.creations.is_empty()
    }

    /// Names this group, as against later ones of the same name.
    pub(crate) fn is_generation(&self, dot: Dot) -> bool {
        self.creations.iter().any(|creation| creation.dot == dot)
    }

    pub(crate) fn generation(&self) -> Option<Dot> {
        self.creations.iter().map(|creation| creation.dot).min()
    }

    /// Whether every creation lets the group begin after the entry.
    pub(crate) fn begins_after(&self, entry: &EntryKey) -> bool {
        self.creations.iter().all(|creation| creation.covers(entry))
    }

    /// The acknowledged prefixes.
    pub(crate) fn acknowledged(&self) -> &[Mark] {
        &self.acknowledged
    }

    /// The greatest ID up to which everything is known to be acknowledged, or where the group begins.
    pub(crate) fn position(&self) -> StreamId {
        let start = self.creations.iter().map(|creation| creation.id).min();
        let acknowledged = self.acknowledged.iter().map(|mark| mark.id).max();
        start.max(acknowledged).unwrap_or_default()
    }

    pub(super) fn settle(&mut self, deleted: &Clock) {
        let destroyed = &self.destroyed;
        let survives =
            |mark: &Mark| mark.context.dominates(deleted) && mark.context.dominates(destroyed);
        self.creations.retain(survives);
        self.acknowledged.retain(survives);
        self.creations.sort_by_key(|mark| mark.dot);
        self.acknowledged.sort_by_key(|mark| mark.dot);
        // Of each origin the newest is the furthest.
        self.acknowledged.reverse();
        self.acknowledged.dedup_by_key(|mark| mark.dot.origin);
        self.acknowledged.reverse();
    }

    pub(super) fn bytes(&self) -> usize {
        let marks = self.creations.iter().chain(&self.acknowledged);
        GROUP_BYTES
            + CLOCK_BYTES * self.destroyed.len()
            + marks
                .map(|mark| 26 + CLOCK_BYTES * mark.context.len())
                .sum::<usize>()
    }
}

pub(super) fn merge_marks(own: &mut Vec<Mark>, theirs: &[Mark], counterpart: Counterpart<'_>) {
    own.retain(|mark| {
        !counterpart.other_clock.covers(mark.dot)
            || theirs.iter().any(|other| other.dot == mark.dot)
    });
    for mark in theirs {
        if !counterpart.own_clock.covers(mark.dot) {
            own.push(mark.clone());
        }
    }
}
