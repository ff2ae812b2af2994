//! Every effect that some member may still need, kept once for all.
//!
//! Effects never change, so what a member holds is told by its clock alone: the journal keeps the
//! effects themselves, by origin and sequence, and forgets those that every member has.

use std::collections::VecDeque;

use regionfall_crdt::{Dot, Effect, OriginId};

use crate::topology::NodeId;

/// Effects by origin.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    origins: Vec<Origin>,
}

/// What one incarnation of one shard of one node wrote.
#[derive(Clone, Debug)]
struct Origin {
    node: NodeId,
    shard: u16,
    /// Effects up to this sequence are forgotten.
    forgotten: u64,
    /// Bytes of those.
    forgotten_bytes: u64,
    effects: VecDeque<Effect>,
    /// Bytes of all effects up to each of those that are kept, the forgotten ones included.
    bytes_through: VecDeque<u64>,
}

impl Journal {
    /// A new origin: a shard of a node begins to write.
    pub fn begin(&mut self, node: NodeId, shard: u16) -> OriginId {
        self.origins.push(Origin {
            node,
            shard,
            forgotten: 0,
            forgotten_bytes: 0,
            effects: VecDeque::new(),
            bytes_through: VecDeque::new(),
        });
        OriginId((self.origins.len() - 1) as u16)
    }

    /// Keeps a new effect, the next of its origin. Returns how many bytes it is on the wire.
    pub fn push(&mut self, effect: Effect) -> u32 {
        let origin = &mut self.origins[usize::from(effect.dot.origin.0)];
        debug_assert_eq!(
            origin.forgotten + origin.effects.len() as u64 + 1,
            effect.dot.sequence
        );
        let before = origin.bytes_through.back();
        let before = before.copied().unwrap_or(origin.forgotten_bytes);
        let bytes = effect.bytes() as u32;
        origin.bytes_through.push_back(before + u64::from(bytes));
        origin.effects.push_back(effect);
        bytes
    }

    /// The effect with this dot, unless it is forgotten.
    pub fn get(&self, dot: Dot) -> Option<&Effect> {
        let origin = &self.origins[usize::from(dot.origin.0)];
        let index = dot.sequence.checked_sub(origin.forgotten + 1)?;
        origin.effects.get(index as usize)
    }

    /// The node that writes, or wrote, as this origin.
    pub fn node(&self, origin: OriginId) -> NodeId {
        self.origins[usize::from(origin.0)].node
    }

    /// Every origin of a shard, oldest first.
    pub fn origins_of_shard(&self, shard: u16) -> impl Iterator<Item = OriginId> {
        self.origins
            .iter()
            .enumerate()
            .filter(move |(_, origin)| origin.shard == shard)
            .map(|(index, _)| OriginId(index as u16))
    }

    /// Every origin, oldest first.
    pub fn origins(&self) -> impl Iterator<Item = OriginId> + use<> {
        (0..self.origins.len()).map(|index| OriginId(index as u16))
    }

    /// Effects of `origin` up to this sequence are forgotten.
    pub fn forgotten(&self, origin: OriginId) -> u64 {
        self.origins[usize::from(origin.0)].forgotten
    }

    /// How many effects of `origin` are kept.
    pub fn len(&self, origin: OriginId) -> usize {
        self.origins[usize::from(origin.0)].effects.len()
    }

    /// Whether no effect of `origin` is kept.
    pub fn is_empty(&self, origin: OriginId) -> bool {
        self.len(origin) == 0
    }

    /// Forgets the effects of `origin` up to `through`: every member has them.
    pub fn forget(&mut self, origin: OriginId, through: u64) {
        let origin = &mut self.origins[usize::from(origin.0)];
        let count = through
            .saturating_sub(origin.forgotten)
            .min(origin.effects.len() as u64);
        let Some(last) = (count as usize).checked_sub(1) else {
            return;
        };
        origin.forgotten_bytes = origin.bytes_through[last];
        origin.bytes_through.drain(..=last);
        origin.effects.drain(..=last);
        origin.forgotten += count;
    }

    /// Bytes of the effects of `origin` after one sequence and up to another; of forgotten ones none are
    /// counted.
    pub fn bytes_between(&self, origin: OriginId, after: u64, through: u64) -> u64 {
        let origin = &self.origins[usize::from(origin.0)];
        let bytes = |sequence: u64| match sequence.checked_sub(origin.forgotten + 1) {
            None => origin.forgotten_bytes,
            Some(index) => {
                let last = origin.bytes_through.back();
                let known = origin.bytes_through.get(index as usize).or(last);
                known.copied().unwrap_or(origin.forgotten_bytes)
            }
        };
        bytes(through).saturating_sub(bytes(after))
    }
}
