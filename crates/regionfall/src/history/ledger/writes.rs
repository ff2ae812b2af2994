//! What becomes of writes: executed, acknowledged, applied elsewhere, late, ended.

use regionfall_crdt::{Effect, EffectKind, Element};
use regionfall_kernel::TraceHash;

use crate::history::CopyEnd;

use super::Ledger;
use super::account::LateWrite;
use super::keys::WHOLE;
use super::origins::Entry;
use super::rows::{NEVER, Row, flag};

/// An effect beyond the first of its operation: an attempt that was repeated took effect again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Repeat {
    pub operation: u32,
    pub origin: u16,
    pub sequence: u64,
    pub flags: u32,
}

impl Ledger {
    pub(super) fn write_executed(
        &mut self,
        now: u64,
        operation: u32,
        member: usize,
        effect: Option<&Effect>,
    ) {
        let row = self.rows.get_mut(operation).map(|row| {
            row.settled += 1;
            if let Some(effect) = effect {
                // Held before it meets others: they may close the last dispute that kept its row.
                row.holds += 1;
                row.effects += 1;
                if row.effects == 1 {
                    row.origin = effect.dot.origin.0;
                    row.sequence = short(effect.dot.sequence);
                }
            }
            (row.server, row.key, usize::from(row.keyspace), row.effects)
        });
        if let Some((server, ..)) = row {
            self.activity.accept(
                now,
                self.homes[server as usize],
                self.origins.member_of(member),
            );
        }
        let Some(effect) = effect else {
            self.leave_if_settled(operation);
            return;
        };
        let place = match row {
            Some((_, key, keyspace, _)) => (key, keyspace),
            None => (self.keys.place(effect.key.0), 0),
        };
        let back = self.meet(operation, member, effect, place);
        let origin = effect.dot.origin.0;
        let sequence = effect.dot.sequence;
        let entry = Entry {
            operation,
            back,
            executed: now,
            stamp: effect.at.0,
        };
        self.origins
            .execute(usize::from(origin), member, sequence, entry);
        if let Some((.., effects)) = row
            && effects > 1
        {
            self.repeats.push(Repeat {
                operation,
                origin,
                sequence,
                flags: 0,
            });
            self.note_late(now, operation, usize::from(origin), sequence - 1, member);
        }
        self.sweep_disputes();
    }

    /// The application has its success.
    pub(super) fn write_acknowledged(&mut self, now: u64, operation: u32) {
        let Some(row) = self.rows.get_mut(operation) else {
            return;
        };
        row.acked = now;
        if row.effects == 0 {
            return;
        }
        let key = self.keys.at(row.key);
        let before = key.open;
        row.before = before;
        key.newest = operation + 1;
        key.open = operation + 1;
        row.shadow = std::mem::take(&mut key.shadow);
        key.newest_at = now;
        key.newest_origin = row.origin;
        key.newest_sequence = u64::from(row.sequence);
        if self.shape.keyspaces[usize::from(row.keyspace)].reads_own_writes {
            let row = *row;
            self.session_wrote(&row, operation);
        }
        if before != 0
            && let Some(older) = self.rows.get_mut(before - 1)
        {
            older.after = operation + 1;
        }
    }

    /// Takes a row that leaves out of the acknowledgements of its key.
    fn unlink(&mut self, operation: u32, row: &Row) {
        if row.before != 0
            && let Some(older) = self.rows.get_mut(row.before - 1)
        {
            older.after = row.after;
        }
        if row.after != 0 {
            if let Some(newer) = self.rows.get_mut(row.after - 1) {
                newer.before = row.before;
                newer.shadow = row.oldest();
            }
        } else {
            let key = self.keys.at(row.key);
            if key.open == operation + 1 {
                key.open = row.before;
                key.shadow = row.oldest();
            }
        }
    }

    pub(super) fn effects_applied(
        &mut self,
        now: u64,
        member: usize,
        origin: usize,
        first: u64,
        last: u64,
    ) {
        let peak = if origin < self.origins.len() {
            self.origins.peak(origin, member)
        } else {
            0
        };
        let (prior, rose) = self.origins.apply(origin, member, last);
        let serving = self.origins.member_of(member);
        let may_matter = now < self.storm_begins
            || self.moves.newest_adoption(serving).is_some()
            || !self.repeats.is_empty();
        if may_matter
            && let Some(oldest) = self
                .origins
                .entry(origin, first.max(self.origins.front(origin)))
        {
            let executed = oldest.executed;
            if now < self.storm_begins {
                let source = self.origins.node(origin);
                let lag = &mut self.lags[source * self.nodes + member];
                *lag = (*lag).max(now - executed);
            }
            // Whoever was acknowledged before the newest move to this member was executed before it, but
            // for attempts that were executed after another had its answer.
            let may_be_late = |executed: u64, ledger: &Self| {
                ledger
                    .moves
                    .newest_adoption(serving)
                    .is_some_and(|adopted| executed <= adopted)
                    || !ledger.repeats.is_empty()
            };
            if may_be_late(executed, self) && self.origins.serves(origin, member) {
                for sequence in first.max(peak + 1)..=last {
                    let Some(&entry) = self.origins.entry(origin, sequence) else {
                        continue;
                    };
                    if !may_be_late(entry.executed, self) {
                        break;
                    }
                    self.note_late(now, entry.operation, origin, peak, member);
                }
            }
        }
        self.convergence.applied(now, origin, prior, last);
        if rose && now >= self.durable_from {
            self.fold(origin);
        }
    }

    /// A member got an effect that it lacked when somebody of the writer's home population moved to
    /// it, after the acknowledgement. `peak` is the most it had of `origin` before.
    fn note_late(&mut self, now: u64, operation: u32, origin: usize, peak: u64, member: usize) {
        let Some(row) = self.rows.get(operation) else {
            return;
        };
        if !row.is_acked() {
            return;
        }
        let home = self.homes[row.server as usize];
        if self
            .moves
            .last_adoption(home, self.origins.member_of(member))
            .is_none_or(|adopted| adopted < row.acked)
        {
            return;
        }
        // Another effect of the same operation may have been there all along.
        if row.effects > 1 && self.had_another(operation, row, origin, peak, member) {
            return;
        }
        let late = LateWrite {
            acked: row.acked,
            applied: now,
            home: home as u8,
            member: self.origins.member_of(member) as u8,
        };
        self.late.push(late);
        if let Some(row) = self.rows.get_mut(operation) {
            row.flags |= flag::LATE;
        }
    }

    /// Whether `member` already had an effect of the operation.
    fn had_another(
        &self,
        operation: u32,
        row: &Row,
        origin: usize,
        peak: u64,
        member: usize,
    ) -> bool {
        self.effects_of(operation, row).any(|(other, number, _)| {
            number
                <= if other == origin {
                    peak
                } else {
                    self.origins.peak(other, member)
                }
        })
    }

    /// Origin, sequence and flags of each effect of an operation.
    pub(super) fn effects_of(
        &self,
        operation: u32,
        row: &Row,
    ) -> impl Iterator<Item = (usize, u64, u32)> {
        let first = (row.effects > 0).then_some((
            usize::from(row.origin),
            u64::from(row.sequence),
            row.flags,
        ));
        let repeats: &[Repeat] = if row.effects > 1 { &self.repeats } else { &[] };
        let others = repeats
            .iter()
            .filter(move |repeat| repeat.operation == operation);
        first
            .into_iter()
            .chain(others.map(|repeat| (usize::from(repeat.origin), repeat.sequence, repeat.flags)))
    }

    pub(super) fn copies_ended(&mut self, member: usize, origin: usize, kept: u64, cause: CopyEnd) {
        self.origins.end_copies(origin, member, kept, cause);
        self.keys.forget_seen(member);
        self.convergence.recount(&self.origins);
    }

    /// Lets go of effects of `origin` that every member has.
    pub(super) fn fold(&mut self, origin: usize) {
        while let Some((_, entry)) = self.origins.pop_everywhere(origin) {
            if let Some(row) = self.rows.get_mut(entry.operation) {
                row.holds -= 1;
                if row.is_settled() {
                    let row = *row;
                    self.leave(entry.operation, &row);
                }
            }
        }
    }

    #[inline]
    pub(super) fn leave_if_settled(&mut self, operation: u32) {
        if let Some(row) = self.rows.get(operation)
            && row.is_settled()
        {
            let row = *row;
            self.leave(operation, &row);
        }
    }

    fn leave(&mut self, operation: u32, row: &Row) {
        self.settle(operation, row, true);
        if row.effects > 1 {
            let key = self.keys.at(row.key);
            if key.newest == operation + 1 {
                // One dot does not tell any more who holds it.
                key.newest_sequence = 0;
            }
            self.repeats.retain(|repeat| repeat.operation != operation);
        }
        if row.is_acked() && row.effects > 0 {
            self.unlink(operation, row);
        }
        self.rows.remove(operation);
    }

    /// Looks at two disputes in turn, and closes those that nothing can change any more.
    #[inline]
    fn sweep_disputes(&mut self) {
        for _ in 0..2 {
            let Some(index) = self.keys.disputes.turn() else {
                return;
            };
            let dispute = self.keys.disputes.at(index);
            let is_final = dispute.is_open
                && self.origins.everywhere(usize::from(dispute.winner_origin))
                    >= dispute.winner_sequence
                && self.origins.everywhere(usize::from(dispute.loser_origin))
                    >= dispute.loser_sequence;
            if is_final && self.durable_from <= self.now {
                self.close_dispute(index);
            }
        }
    }

    fn close_dispute(&mut self, index: u32) {
        let dispute = *self.keys.disputes.at(index);
        self.keys.unlink_dispute(index);
        self.overwrite(&dispute);
        if let Some(row) = self.rows.get_mut(dispute.loser) {
            row.holds -= 1;
        }
        self.leave_if_settled(dispute.loser);
    }

    /// Marks the loser of a dispute.
    pub(super) fn overwrite(&mut self, dispute: &super::keys::Dispute) {
        let mut flags = flag::OVERWRITTEN;
        if dispute.by_fault {
            flags |= flag::BY_FAULT;
        }
        let Some(row) = self.rows.get_mut(dispute.loser) else {
            return;
        };
        if dispute.resurrects {
            row.flags |= flag::RESURRECTED;
        }
        if (row.origin, u64::from(row.sequence)) == (dispute.loser_origin, dispute.loser_sequence) {
            row.flags |= flags;
            return;
        }
        let loser = (dispute.loser, dispute.loser_origin, dispute.loser_sequence);
        for repeat in &mut self.repeats {
            if (repeat.operation, repeat.origin, repeat.sequence) == loser {
                repeat.flags |= flags;
            }
        }
    }

    /// Whether a read or write at `member` covers the operation: one of its effects is there.
    pub(super) fn covers(&self, member: usize, operation: u32) -> bool {
        // Rows that left are at every member.
        self.rows.get(operation).is_none_or(|row| {
            self.effects_of(operation, row)
                .any(|(origin, sequence, _)| self.origins.applied(origin, member) >= sequence)
        })
    }

    /// What ended the last copy of a lost operation.
    pub(super) fn ended_by(&self, operation: u32, row: &Row) -> Option<CopyEnd> {
        self.effects_of(operation, row)
            .filter_map(|(origin, sequence, _)| self.origins.ended_by(origin, sequence))
            .last()
    }
}

/// What an effect does, as far as conflicts go: the element it names, and whether it removes.
pub(super) fn touches(effect: &Effect) -> (u64, bool) {
    let is_removal = effect.is_removal();
    let element = match &effect.kind {
        EffectKind::Add { elements } | EffectKind::Discard { elements } => {
            match elements.as_slice() {
                [Element::Number(number)] => *number,
                [Element::Bytes(bytes)] => {
                    let mut hash = TraceHash::new();
                    hash.absorb_str(&String::from_utf8_lossy(bytes));
                    hash.finish()
                }
                // Several at once meet whatever the key holds: rather too many conflicts than too few.
                _ => WHOLE,
            }
        }
        _ => WHOLE,
    };
    (element, is_removal)
}

/// A sequence as rows keep it.
///
/// # Panics
/// Beyond 2^32 effects of one origin: years of simulated time at any rate that a shard can take.
fn short(sequence: u64) -> u32 {
    let Ok(short) = u32::try_from(sequence) else {
        panic!("an origin has too many effects");
    };
    short
}

/// A moment that may be none.
pub(super) const fn moment(nanos: u64) -> Option<u64> {
    if nanos == NEVER { None } else { Some(nanos) }
}
