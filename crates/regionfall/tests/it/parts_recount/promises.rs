//! Promises that were broken, by definition.

use std::collections::{BTreeMap, BTreeSet};

use regionfall::history::Ending;
use regionfall_crdt::{Change, CommandKind, EffectKind, ListChange};

use super::{Recount, Write};

impl Recount {
    fn keyspace(&self, write: &Write) -> Option<usize> {
        let (operation, _) = write.operation?;
        Some(self.operations[operation as usize].keyspace)
    }

    /// Whether the client was told of a success.
    fn told(&self, write: &Write) -> bool {
        write.operation.is_some_and(|(operation, _)| {
            self.operations[operation as usize].ending == Some(Ending::Acknowledged)
        })
    }

    /// How far the counters of a keyspace fell below 0, from what they stood at first: each moment and member is looked at.
    pub(super) fn oversold(&self, keyspace: usize, initial: i64) -> u64 {
        let writes = self
            .writes
            .iter()
            .filter(|write| self.keyspace(write) == Some(keyspace));
        let mut keys: BTreeMap<u32, Vec<&Write>> = BTreeMap::new();
        for write in writes {
            keys.entry(write.effect.key.0).or_default().push(write);
        }
        let deepest = |writes: &Vec<&Write>| {
            let mut holds: [BTreeMap<u16, u64>; 3] = Default::default();
            let mut deepest = 0;
            for &(_, member, origin, last) in &self.held {
                holds[member].insert(origin, last);
                let is_held = |write: &&&Write| {
                    let (origin, sequence) = write.dot();
                    holds[member]
                        .get(&origin)
                        .is_some_and(|&held| held >= sequence)
                };
                let held = writes.iter().filter(is_held);
                let sum: i64 = held.filter_map(|write| write.effect.delta()).sum();
                deepest = deepest.max(-(initial + sum));
            }
            deepest.cast_unsigned()
        };
        keys.values().map(deepest).sum()
    }

    /// Elements that clients were given twice: each place in a list, and whom its pops were for.
    pub(super) fn double_deliveries(&self, keyspace: usize) -> u64 {
        // Of several attempts the last one counts.
        let mut last: BTreeMap<u32, &Write> = BTreeMap::new();
        for write in &self.writes {
            if let Some((operation, _)) = write.operation
                && self.operations[operation as usize].command == CommandKind::LPop
                && self.keyspace(write) == Some(keyspace)
            {
                last.insert(operation, write);
            }
        }
        let positions = |write: &Write| {
            let EffectKind::Change(change) = &write.effect.kind else {
                panic!("a pop changes a list")
            };
            let Change::List(ListChange::Remove { positions }) = &**change else {
                panic!("a pop removes")
            };
            positions.clone()
        };
        let told: Vec<&Write> = last
            .into_values()
            .filter(|write| self.told(write))
            .collect();
        let is_twice = |later: &&&Write| {
            told.iter().any(|earlier| {
                earlier.effect.key == later.effect.key
                    && earlier.operation != later.operation
                    && self.order(earlier) < self.order(later)
                    && !later.saw(earlier)
                    && positions(earlier) == positions(later)
            })
        };
        let twice = told.iter().filter(is_twice);
        twice.filter(|later| later.at >= self.storm_begins).count() as u64
    }

    fn order(&self, write: &Write) -> usize {
        let place = self.writes.iter().position(|own| own.dot() == write.dot());
        place.expect("it was written")
    }

    /// Keys that clients were told they had set, while another had been told so by another member and had not let go.
    pub(super) fn double_claims(&self, keyspace: usize) -> u64 {
        let is_claim = |write: &Write| {
            let command = write
                .operation
                .map(|own| self.operations[own.0 as usize].command);
            command == Some(CommandKind::SetNx) && write.effect.is_register_write()
        };
        let mut twice = BTreeSet::new();
        for (index, later) in self.writes.iter().enumerate() {
            if self.keyspace(later) != Some(keyspace) || !is_claim(later) || !self.told(later) {
                continue;
            }
            let before = &self.writes[..index];
            let stands = |(number, earlier): (usize, &Write)| {
                let is_released = before[number + 1..].iter().any(|third| {
                    third.effect.key == earlier.effect.key
                        && !is_claim(third)
                        && third.effect.is_reset()
                        && third.knew(earlier.dot())
                });
                earlier.effect.key == later.effect.key
                    && is_claim(earlier)
                    && self.told(earlier)
                    && earlier.member != later.member
                    && !later.knew(earlier.dot())
                    && !is_released
            };
            if later.at >= self.storm_begins && before.iter().enumerate().any(stands) {
                twice.insert(later.operation.map(|own| own.0));
            }
        }
        twice.len() as u64
    }
}
