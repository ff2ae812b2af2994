//! Which writes met: concurrent ones, disputes between register writes, removals and what came back.
//!
//! *Concurrent* means that neither had the other when it was executed; a write also has what its effect's
//! context names, since it comes after that in whatever order the effects travel.
//!
//! A register write is *overwritten* if a concurrent one beats it (later wall clock, then smaller
//! origin), unless some write that had seen the first, and not the second, replaced the first
//! beforehand: then the application itself let go of it. Of the writes of one origin only the earliest
//! that wins needs to be remembered: whoever lacks it lacks those after it.

use regionfall_crdt::{Effect, OriginId};

use super::Ledger;
use super::keys::{Dispute, Marked, Trail, WHOLE};
use super::rows::flag;
use super::writes::touches;

const ADDITION: u8 = 1;
const REMOVAL: u8 = 2;

/// The new write, as the walk over its key sees it.
struct Newcomer<'a> {
    operation: u32,
    node: usize,
    /// The place of its key.
    key: u32,
    effect: &'a Effect,
    is_removal: bool,
    is_register: bool,
}

impl Ledger {
    /// Lets a new write meet the others on its key; returns how many sequences back its origin's
    /// previous one is, 0 if there is none.
    pub(super) fn meet(
        &mut self,
        operation: u32,
        node: usize,
        effect: &Effect,
        (key, keyspace): (u32, usize),
    ) -> u32 {
        let (element, is_removal) = touches(effect);
        let is_register = self.is_register[keyspace];
        let new = Newcomer {
            operation,
            node,
            key,
            effect,
            is_removal,
            is_register,
        };
        if is_register {
            self.excuse(&new, key);
        }
        let mut own = 0;
        let mut previous = 0;
        let mut flags = 0;
        let mut index = self.keys.get(key).trails;
        while index != 0 {
            let trail = self.keys.trails.at(index);
            let (next, origin) = (trail.next, usize::from(trail.origin));
            let everywhere = self.origins.everywhere(origin);
            if trail.newest <= everywhere {
                // Everybody has it: nothing can be concurrent with it any more.
                self.keys.unlink_trail(key, previous, index);
                index = next;
                continue;
            }
            if trail.origin == effect.dot.origin.0 && trail.element == element {
                own = index;
            }
            if trail.meets(element) {
                let applied = self.origins.applied(origin, node).max(everywhere);
                if is_register && trail.newest <= applied {
                    // The new write has seen all of it.
                    self.keys.trails.at_mut(index).superseded = true;
                } else {
                    let trail = *trail;
                    flags |= self.meet_trail(&new, index, &trail);
                }
            }
            previous = index;
            index = next;
        }
        if flags != 0
            && let Some(row) = self.rows.get_mut(operation)
        {
            row.flags |= flags;
        }
        self.enter_trail((effect, element), key, own)
    }

    /// For keys that are kept part by part: how many sequences back the last effect of its origin on the key is.
    pub(super) fn chain(&mut self, effect: &Effect, key: u32) -> u32 {
        let (mut own, mut previous) = (0, 0);
        let mut index = self.keys.get(key).trails;
        while index != 0 {
            let trail = self.keys.trails.at(index);
            let (next, origin) = (trail.next, usize::from(trail.origin));
            if trail.newest <= self.origins.everywhere(origin) {
                self.keys.unlink_trail(key, previous, index);
                index = next;
                continue;
            }
            if trail.origin == effect.dot.origin.0 {
                own = index;
            }
            previous = index;
            index = next;
        }
        self.enter_trail((effect, WHOLE), key, own)
    }

    /// Puts the new write at the head of its origin's trail.
    #[expect(
        clippy::inline_always,
        reason = "on the way of every write, from one of two places"
    )]
    #[inline(always)]
    fn enter_trail(&mut self, (effect, element): (&Effect, u64), key: u32, own: u32) -> u32 {
        let sequence = effect.dot.sequence;
        if own != 0 {
            let trail = self.keys.trails.at_mut(own);
            let back = (sequence - trail.newest) as u32;
            trail.newest = sequence;
            trail.executed = self.now;
            trail.superseded = false;
            return back;
        }
        let next = self.keys.at(key).trails;
        let trail = Trail {
            next,
            origin: effect.dot.origin.0,
            superseded: false,
            element,
            newest: sequence,
            executed: self.now,
            removed: 0,
            marked: [Marked::default(); 2],
        };
        self.keys.at(key).trails = self.keys.trails.insert(trail);
        0
    }

    /// Meets the effects of one origin; returns flags for the new write.
    fn meet_trail(&mut self, new: &Newcomer<'_>, index: u32, trail: &Trail) -> u32 {
        let origin = usize::from(trail.origin);
        let context = new.effect.context.get(OriginId(trail.origin));
        let applied = self.origins.seen(origin, new.node);
        let seen = applied.max(context);
        let mut flags = 0;
        if new.is_removal && !new.is_register {
            self.remove_unseen(trail, applied, context);
            let removed = &mut self.keys.trails.at_mut(index).removed;
            *removed = (*removed).max(seen);
        }
        if trail.newest <= seen {
            self.keys.trails.at_mut(index).superseded = true;
            return 0;
        }
        if self
            .origins
            .are_of_one_member(self.origins.node(origin), new.node)
        {
            // Its own past, lost with its disk: no other node wrote it.
            return 0;
        }
        let kinds = self.mark(new, index, trail, seen);
        if new.is_register {
            flags |= if kinds == 0 { 0 } else { flag::CONFLICT };
            self.dispute(new, trail, seen);
        } else {
            let (agreeing, opposing) = if new.is_removal {
                (REMOVAL, ADDITION)
            } else {
                (ADDITION, REMOVAL)
            };
            if kinds & agreeing != 0 {
                flags |= flag::COMMUTING;
            }
            if kinds & opposing != 0 {
                flags |= flag::CONFLICT;
                if new.is_removal {
                    flags |= flag::RESURRECTED;
                }
            }
        }
        flags
    }

    /// Marks the effects beyond `seen` as having met the new write; returns their kinds.
    fn mark(&mut self, new: &Newcomer<'_>, index: u32, trail: &Trail, seen: u64) -> u8 {
        let class = usize::from(new.is_removal && !new.is_register);
        let old = trail.marked[class];
        let mut kinds = 0;
        let mut met_itself = false;
        let mut lowest = trail.newest;
        let mut sequence = trail.newest;
        let origin = usize::from(trail.origin);
        while sequence > seen {
            // All that was marked by an equal write before is skipped at once.
            if sequence == old.high && old.low > seen {
                kinds |= old.kinds;
                sequence = old.low;
            }
            let Some(entry) = self.origins.entry(origin, sequence) else {
                break;
            };
            let (operation, back) = (entry.operation, u64::from(entry.back));
            if operation == new.operation {
                met_itself = true;
            } else if let Some(row) = self.rows.get_mut(operation) {
                let is_removal = row.is(flag::REMOVAL);
                kinds |= if is_removal { REMOVAL } else { ADDITION };
                row.flags |= if new.is_register {
                    flag::CONFLICT
                } else if is_removal == new.is_removal {
                    flag::COMMUTING
                } else if is_removal {
                    flag::CONFLICT | flag::RESURRECTED
                } else {
                    flag::CONFLICT
                };
            }
            lowest = sequence;
            if back == 0 {
                break;
            }
            sequence -= back;
        }
        if !met_itself {
            self.keys.trails.at_mut(index).marked[class] = Marked {
                low: lowest,
                high: trail.newest,
                kinds,
            };
        }
        kinds
    }

    /// Additions that a removal takes away although nobody who removed had observed them.
    fn remove_unseen(&mut self, trail: &Trail, applied: u64, context: u64) {
        let observed = applied.max(trail.removed);
        if context <= observed {
            return;
        }
        let mut sequence = trail.newest;
        let origin = usize::from(trail.origin);
        while sequence > observed {
            let Some(entry) = self.origins.entry(origin, sequence) else {
                return;
            };
            let (operation, back) = (entry.operation, u64::from(entry.back));
            if sequence <= context
                && let Some(row) = self.rows.get_mut(operation)
                && !row.is(flag::REMOVAL)
            {
                row.flags |= flag::REMOVED_UNSEEN;
            }
            if back == 0 {
                return;
            }
            sequence -= back;
        }
    }

    /// Opens a dispute between the new register write and those of one origin that it had not seen.
    fn dispute(&mut self, new: &Newcomer<'_>, trail: &Trail, seen: u64) {
        let origin = usize::from(trail.origin);
        let Some(head) = self.origins.entry(origin, trail.newest) else {
            return;
        };
        let rank = (new.effect.at.0, u16::MAX - new.effect.dot.origin.0);
        let is_beaten = |stamp: u64| (stamp, u16::MAX - trail.origin) > rank;
        let other = self.origins.node(origin);
        let key = new.key;
        if !is_beaten(head.stamp) {
            if trail.superseded || head.operation == new.operation {
                return;
            }
            let dispute = Dispute {
                next: 0,
                loser: head.operation,
                loser_origin: trail.origin,
                winner_origin: new.effect.dot.origin.0,
                loser_sequence: trail.newest,
                winner_sequence: new.effect.dot.sequence,
                key,
                by_fault: self.was_cut(other, new.node, head.executed),
                resurrects: !new.is_removal && self.is_removal(head.operation),
                is_open: true,
                seen_by: 0,
            };
            self.open(dispute);
            return;
        }
        let is_loser_removal = new.is_removal;
        // The earliest unseen one that wins, and the earliest that brings the key back: stamps of one
        // origin do not fall, so the walk ends at the first that does not win.
        let (mut first, mut first_write) = (None, None);
        let mut sequence = trail.newest;
        while let Some(entry) = self.origins.entry(origin, sequence) {
            if sequence <= seen || !is_beaten(entry.stamp) {
                break;
            }
            if entry.operation != new.operation {
                first = Some((sequence, *entry));
                if is_loser_removal && !self.is_removal(entry.operation) {
                    first_write = first;
                }
            }
            if entry.back == 0 {
                break;
            }
            sequence -= u64::from(entry.back);
        }
        for (sequence, entry) in [first, first_write].into_iter().flatten() {
            self.open(Dispute {
                next: 0,
                loser: new.operation,
                loser_origin: new.effect.dot.origin.0,
                winner_origin: trail.origin,
                loser_sequence: new.effect.dot.sequence,
                winner_sequence: sequence,
                key,
                by_fault: self.was_cut(new.node, other, entry.executed),
                resurrects: is_loser_removal && !self.is_removal(entry.operation),
                is_open: true,
                seen_by: 0,
            });
        }
    }

    fn is_removal(&self, operation: u32) -> bool {
        self.rows
            .get(operation)
            .is_some_and(|row| row.is(flag::REMOVAL))
    }

    fn open(&mut self, mut dispute: Dispute) {
        let mut index = self.keys.at(dispute.key).disputes;
        while index != 0 {
            let known = self.keys.disputes.at(index);
            if (
                known.loser_origin,
                known.loser_sequence,
                known.winner_origin,
            ) == (
                dispute.loser_origin,
                dispute.loser_sequence,
                dispute.winner_origin,
            ) {
                // A second one stands only for the key's coming back.
                if known.resurrects || !dispute.resurrects {
                    return;
                }
                dispute.by_fault = false;
            }
            index = known.next;
        }
        if let Some(row) = self.rows.get_mut(dispute.loser) {
            row.holds += 1;
        }
        let next = self.keys.at(dispute.key).disputes;
        let index = self.keys.disputes.insert(Dispute { next, ..dispute });
        self.keys.at(dispute.key).disputes = index;
    }

    /// The new write has seen losers whose winners it has not: it replaces them knowingly.
    ///
    /// While a node is away no dispute closes, and a key that is written often collects many. So the walk, from the
    /// newest on, ends where it ended for the same node before, if that had seen all the older winners.
    fn excuse(&mut self, new: &Newcomer<'_>, key: u32) {
        let mut index = self.keys.at(key).disputes;
        let mut first_of_seen = 0;
        while index != 0 {
            let dispute = *self.keys.disputes.at(index);
            if dispute.is_seen_by(new.node) {
                break;
            }
            let winner = usize::from(dispute.winner_origin);
            if self.origins.seen(winner, new.node) >= dispute.winner_sequence {
                if first_of_seen == 0 {
                    first_of_seen = index;
                }
            } else {
                first_of_seen = 0;
                if new.effect.context.get(OriginId(dispute.winner_origin)) < dispute.winner_sequence
                    && self.saw(new, dispute.loser_origin, dispute.loser_sequence)
                {
                    self.keys.unlink_dispute(index);
                    if let Some(row) = self.rows.get_mut(dispute.loser) {
                        row.holds -= 1;
                    }
                    self.leave_if_settled(dispute.loser);
                }
            }
            index = dispute.next;
        }
        if first_of_seen != 0 {
            self.keys.disputes.at_mut(first_of_seen).seen_by |= 1 << new.node;
        }
    }

    fn saw(&self, new: &Newcomer<'_>, origin: u16, sequence: u64) -> bool {
        self.origins.seen(usize::from(origin), new.node) >= sequence
            || new.effect.context.get(OriginId(origin)) >= sequence
    }
}
