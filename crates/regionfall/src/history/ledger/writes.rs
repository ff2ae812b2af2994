//! What becomes of writes: executed, acknowledged, applied elsewhere, late, ended.

use regionfall_crdt::{Effect, EffectKind, Element};
use regionfall_kernel::TraceHash;

use crate::history::CopyEnd;

use super::Ledger;
use super::account::LateWrite;
use super::keys::WHOLE;
use super::origins::Entry;
use super::promises::Executed;
use super::rows::{NEVER, Row, flag};

/// The operation of effects that no application asked for.
pub(super) const NOBODYS: u32 = u32::MAX;

/// An effect beyond the first of its operation: an attempt that was repeated took effect again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Repeat {
    pub operation: u32,
    pub origin: u16,
    /// Of the last one, if the attempt had several.
    pub sequence: u64,
    pub span: u8,
    pub flags: u32,
}

impl Ledger {
    pub(super) fn write_executed(
        &mut self,
        now: u64,
        operation: u32,
        node: usize,
        effect: Option<&Effect>,
    ) {
        let row = self.rows.get_mut(operation).map(|row| {
            row.settled += 1;
            if let Some(effect) = effect {
                // Held before it meets others: they may close the last dispute that kept its row.
                row.holds += 1;
                row.effects += 1;
                if row.effects == 1 {
                    row.span = 1;
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
                self.origins.member_of(node),
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
        let back = if self.is_plain[place.1] {
            self.meet(operation, node, effect, place)
        } else {
            self.keep_promises(now, operation, place.1, node, effect);
            self.meet_at_length(operation, node, effect, place)
        };
        let origin = effect.dot.origin.0;
        let sequence = effect.dot.sequence;
        let entry = Entry {
            operation,
            back,
            executed: now,
            stamp: effect.at.0,
        };
        self.origins
            .execute(usize::from(origin), node, sequence, entry);
        if let Some((.., effects)) = row
            && effects > 1
        {
            self.repeats.push(Repeat {
                operation,
                origin,
                sequence,
                span: 1,
                flags: 0,
            });
            self.note_late(now, operation, usize::from(origin), sequence - 1, node);
        }
        self.sweep_disputes();
    }

    /// An effect meets the others of its key in a keyspace that is not plain; returns how many sequences back the last one
    /// of its origin is.
    #[cold]
    fn meet_at_length(
        &mut self,
        operation: u32,
        node: usize,
        effect: &Effect,
        place: (u32, usize),
    ) -> u32 {
        self.meet_parts(operation, node, effect, place);
        self.chain(effect, place.0)
    }

    /// An effect beside the first of a write: it takes its place among those of its origin.
    #[cold]
    fn enter(
        &mut self,
        now: u64,
        operation: u32,
        node: usize,
        effect: &Effect,
        place: (u32, usize),
    ) {
        let back = self.meet_at_length(operation, node, effect, place);
        let entry = Entry {
            operation,
            back,
            executed: now,
            stamp: effect.at.0,
        };
        let (origin, sequence) = (usize::from(effect.dot.origin.0), effect.dot.sequence);
        self.origins.execute(origin, node, sequence, entry);
        self.keep_promises(now, operation, place.1, node, effect);
    }

    /// Promises hear what a node applied.
    #[cold]
    fn deliver_promises(&mut self, now: u64, node: usize, origin: usize, range: (u64, u64)) {
        if let Some(promises) = &mut self.promises {
            let route = (self.origins.node(origin), node);
            let everywhere = self.origins.everywhere(origin);
            promises.applied(now, route, (origin, range.0, range.1), everywhere);
        }
    }

    #[cold]
    fn keep_promises(
        &mut self,
        now: u64,
        operation: u32,
        keyspace: usize,
        node: usize,
        effect: &Effect,
    ) {
        let row = self.rows.get(operation);
        let takes = row.is_some_and(|row| row.is(flag::TAKES));
        if let Some(promises) = &mut self.promises {
            let of = Executed {
                now,
                operation,
                keyspace,
                node,
                effect,
                takes,
            };
            promises.executed(&of, &self.origins);
        }
    }

    /// A further effect of the attempt that was executed last.
    pub(super) fn write_continued(
        &mut self,
        now: u64,
        operation: u32,
        node: usize,
        effect: &Effect,
    ) {
        let row = self.rows.get_mut(operation).map(|row| {
            row.holds += 1;
            if row.effects == 1 {
                row.sequence = short(effect.dot.sequence);
                row.span = row.span.saturating_add(1);
            }
            (row.key, usize::from(row.keyspace), row.effects)
        });
        let Some((key, keyspace, effects)) = row else {
            return;
        };
        if effects > 1
            && let Some(repeat) = self.repeats.last_mut()
        {
            repeat.sequence = effect.dot.sequence;
            repeat.span = repeat.span.saturating_add(1);
        }
        self.enter(now, operation, node, effect, (key, keyspace));
    }

    /// A node made an effect of its own accord.
    pub(super) fn expired(&mut self, now: u64, node: usize, keyspace: usize, effect: &Effect) {
        let place = (self.keys.place(effect.key.0), keyspace);
        self.enter(now, NOBODYS, node, effect, place);
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
        node: usize,
        origin: usize,
        first: u64,
        last: u64,
    ) {
        let peak = if origin < self.origins.len() {
            self.origins.peak(origin, node)
        } else {
            0
        };
        let (prior, rose) = self.origins.apply(origin, node, last);
        let serving = self.origins.member_of(node);
        if self.promises.is_some() {
            self.deliver_promises(now, node, origin, (prior.max(first - 1) + 1, last));
        }
        let may_matter = now < self.storm_begins
            || self.moves.newest_adoption(serving).is_some()
            || !self.repeats.is_empty();
        if may_matter
            && let Some(oldest) = self
                .origins
                .entry(origin, first.max(self.origins.front(origin)))
        {
            let executed = oldest.executed;
            if now < self.storm_begins && self.origins.serves(origin, node) {
                let writer = self.origins.member_of(self.origins.node(origin));
                let lag = &mut self.lags[writer * self.shape.members.len() + serving];
                *lag = (*lag).max(now - executed);
            }
            // Whoever was acknowledged before the newest move to its member was executed before it, but
            // for attempts that were executed after another had its answer.
            let may_be_late = |executed: u64, ledger: &Self| {
                ledger
                    .moves
                    .newest_adoption(serving)
                    .is_some_and(|adopted| executed <= adopted)
                    || !ledger.repeats.is_empty()
            };
            if may_be_late(executed, self) && self.origins.serves(origin, node) {
                for sequence in first.max(peak + 1)..=last {
                    let Some(&entry) = self.origins.entry(origin, sequence) else {
                        continue;
                    };
                    if !may_be_late(entry.executed, self) {
                        break;
                    }
                    self.note_late(now, entry.operation, origin, peak, node);
                }
            }
        }
        if !self.origins.is_absent(node) {
            self.convergence.applied(now, origin, prior, last);
        }
        if rose && now >= self.durable_from {
            self.fold(origin);
        }
    }

    /// A node got an effect that it lacked when somebody of the writer's home population moved to
    /// it, after the acknowledgement. `peak` is the most it had of `origin` before.
    fn note_late(&mut self, now: u64, operation: u32, origin: usize, peak: u64, node: usize) {
        let Some(row) = self.rows.get(operation) else {
            return;
        };
        if !row.is_acked() {
            return;
        }
        let home = self.homes[row.server as usize];
        if self
            .moves
            .last_adoption(home, self.origins.member_of(node))
            .is_none_or(|adopted| adopted < row.acked)
        {
            return;
        }
        // Another effect of the same operation may have been there all along.
        if row.effects > 1 && self.had_another(operation, row, origin, peak, node) {
            return;
        }
        let late = LateWrite {
            acked: row.acked,
            applied: now,
            home: home as u8,
            member: self.origins.member_of(node) as u8,
        };
        self.late.push(late);
        if let Some(row) = self.rows.get_mut(operation) {
            row.flags |= flag::LATE;
        }
    }

    /// Whether `node` already had an effect of the operation.
    fn had_another(
        &self,
        operation: u32,
        row: &Row,
        origin: usize,
        peak: u64,
        node: usize,
    ) -> bool {
        self.effects_of(operation, row).any(|(other, number, _)| {
            number
                <= if other == origin {
                    peak
                } else {
                    self.origins.peak(other, node)
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

    /// Whether the first of several effects of an attempt survives, whatever became of the last.
    pub(super) fn holds_a_part(&self, operation: u32, row: &Row) -> bool {
        let is_held = |origin: u16, last: u64, span: u8| {
            span > 1 && self.origins.held(usize::from(origin)) + u64::from(span) > last
        };
        is_held(row.origin, u64::from(row.sequence), row.span)
            || (row.effects > 1
                && self.repeats.iter().any(|repeat| {
                    repeat.operation == operation
                        && is_held(repeat.origin, repeat.sequence, repeat.span)
                }))
    }

    pub(super) fn copies_ended(&mut self, node: usize, origin: usize, kept: u64, cause: CopyEnd) {
        if let Some(promises) = &mut self.promises
            && origin < self.origins.len()
        {
            let held = self.origins.applied(origin, node);
            promises.copies_ended(node, origin, (kept, held));
        }
        self.origins.end_copies(origin, node, kept, cause);
        if self.now < self.durable_from {
            // Nothing is settled yet: what everyone had, everyone may lose.
            self.origins.review_everywhere(origin, node);
        }
        self.keys.forget_seen(node);
        self.convergence.recount(&self.origins);
    }

    /// One member alone counts from now on: what every member has may be gone all the same, if that one loses it.
    pub(super) fn active_changed(&mut self, member: usize) {
        self.durable_from = NEVER;
        if let Some(promises) = &mut self.promises {
            promises.never_settle();
        }
        self.origins.activate(member);
    }

    /// Lets go of effects of `origin` that every node has had, and one will never lose.
    pub(super) fn fold(&mut self, origin: usize) {
        let kept = self.origins.kept_for_good(origin, self.durable);
        while let Some((_, entry)) = self.origins.pop_everywhere(origin, kept) {
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
            let oldest = self.rows.oldest();
            self.left_repeated.retain(|&(_, next)| next > oldest);
            self.left_repeated.push((operation, self.rows.next()));
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
                && self.is_for_ever(dispute.winner_origin, dispute.winner_sequence)
                && self.is_for_ever(dispute.loser_origin, dispute.loser_sequence);
            if is_final && self.durable_from <= self.now {
                self.close_dispute(index);
            }
        }
    }

    /// Whether every node has had an effect, and one holds it that will not lose it.
    #[inline]
    pub(super) fn is_for_ever(&self, origin: u16, sequence: u64) -> bool {
        let origin = usize::from(origin);
        self.origins.everywhere(origin) >= sequence
            && self.origins.kept_for_good(origin, self.durable) >= sequence
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
        let loser = (dispute.loser, dispute.loser_origin, dispute.loser_sequence);
        self.mark_overwritten(loser, dispute.by_fault, dispute.resurrects);
    }

    /// Marks an effect of an operation, by origin and sequence, as overwritten.
    pub(super) fn mark_overwritten(
        &mut self,
        (operation, origin, sequence): (u32, u16, u64),
        by_fault: bool,
        resurrects: bool,
    ) {
        let mut flags = flag::OVERWRITTEN;
        if by_fault {
            flags |= flag::BY_FAULT;
        }
        let Some(row) = self.rows.get_mut(operation) else {
            return;
        };
        if resurrects {
            row.flags |= flag::RESURRECTED;
        }
        let is_of = |last: u64, span: u8| sequence <= last && sequence + u64::from(span) > last;
        if row.origin == origin && is_of(u64::from(row.sequence), row.span) {
            row.flags |= flags;
            return;
        }
        for repeat in &mut self.repeats {
            if repeat.operation == operation
                && repeat.origin == origin
                && is_of(repeat.sequence, repeat.span)
            {
                repeat.flags |= flags;
            }
        }
    }

    /// Whether a read or write at `node` covers the operation: one of its effects is there.
    pub(super) fn covers(&self, node: usize, operation: u32) -> bool {
        // Rows that left are at every node.
        self.rows.get(operation).is_none_or(|row| {
            self.effects_of(operation, row)
                .any(|(origin, sequence, _)| self.origins.applied(origin, node) >= sequence)
        })
    }

    /// What ended the last copy of a lost operation.
    pub(super) fn ended_by(&self, operation: u32, row: &Row) -> Option<CopyEnd> {
        self.effects_of(operation, row)
            .filter_map(|(origin, sequence, _)| {
                let (origin, sequence) = self.held_as(row.key, origin, sequence);
                self.origins.ended_by(origin, sequence)
            })
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
pub(super) fn short(sequence: u64) -> u32 {
    let Ok(short) = u32::try_from(sequence) else {
        panic!("an origin has too many effects");
    };
    short
}

/// A moment that may be none.
pub(super) const fn moment(nanos: u64) -> Option<u64> {
    if nanos == NEVER { None } else { Some(nanos) }
}
