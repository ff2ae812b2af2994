//! Keys that went to another shard with their slot: what was written before is held where the key is now.

use std::collections::BTreeMap;

use regionfall_crdt::Effect;

use crate::history::{Fact, MovedKey};

use super::Ledger;
use super::origins::Entry;
use super::writes::NOBODYS;

/// By place of the key: its moves, in order of time.
pub(super) type Moved = BTreeMap<u32, Vec<(u64, MovedKey)>>;

impl Ledger {
    /// Facts about slots that move.
    #[cold]
    pub(super) fn observe_move(&mut self, fact: &Fact<'_>) {
        match *fact {
            Fact::Migrated {
                node,
                keyspace,
                effect,
            } => self.migrated(node.index(), keyspace.index(), effect),
            Fact::KeyMoved(moved) => self.key_moved(self.now, moved),
            _ => {}
        }
    }

    /// A key came to a node, or left it: an effect that no application asked for.
    fn migrated(&mut self, node: usize, keyspace: usize, effect: &Effect) {
        if !self.is_plain[keyspace] {
            self.expired(self.now, node, keyspace, effect);
            return;
        }
        let place = (self.keys.place(effect.key.0), keyspace);
        let entry = Entry {
            operation: NOBODYS,
            back: self.meet(NOBODYS, node, effect, place),
            executed: self.now,
            stamp: effect.at.0,
        };
        let (origin, sequence) = (usize::from(effect.dot.origin.0), effect.dot.sequence);
        self.origins.execute(origin, node, sequence, entry);
    }

    /// A key is with another shard from now on.
    fn key_moved(&mut self, now: u64, moved: MovedKey) {
        let place = self.keys.place(moved.key.0);
        self.moved.entry(place).or_default().push((now, moved));
        let key = self.keys.at(place);
        // Whoever reads it from now on is to have the copy.
        if key.newest != 0 {
            key.newest_origin = moved.copied.origin.0;
            key.newest_sequence = moved.copied.sequence;
        }
    }

    /// The effect on which it depends whether what an effect wrote to a key survives: itself, or the copy of the key that went
    /// to another shard after it. A copy counts as long as the removal at the former shard does: where that is gone the key is
    /// back.
    pub(super) fn held_as(&self, key: u32, origin: usize, sequence: u64) -> (usize, u64) {
        let own = (origin, sequence);
        let Some(moves) = self.moved.get(&key) else {
            return own;
        };
        // Nothing of a run in which slots move is forgotten before its end.
        let Some(entry) = self.origins.entry(origin, sequence) else {
            return own;
        };
        let mut held_as = own;
        let mut shard = self.origins.shard(origin);
        for (at, moved) in moves {
            if *at < entry.executed || moved.from != shard {
                continue;
            }
            let is_held = self.origins.held(held_as.0) >= held_as.1;
            let is_removed =
                self.origins.held(usize::from(moved.removed.origin.0)) >= moved.removed.sequence;
            if !is_held || !is_removed {
                break;
            }
            held_as = (usize::from(moved.copied.origin.0), moved.copied.sequence);
            shard = moved.to;
        }
        held_as
    }
}
