//! The end of a row: what an operation counts as.

use regionfall_kernel::{SimDuration, SimTime};

use crate::history::{CopyEnd, Quiescence};
use crate::topology::{KeyspaceId, MemberId, OperationId, ServerId};

use super::Ledger;
use super::account::{Account, LateWrite, LostWrite};
use super::rows::{Row, flag};
use super::writes::moment;

impl Ledger {
    /// Counts an operation whose fate is known: its effects are everywhere, or the run is over.
    #[inline]
    pub(super) fn settle(&mut self, operation: u32, row: &Row, may_lack_nothing: bool) {
        if !row.is(flag::WRITE) {
            return;
        }
        // The common case: one effect, everywhere, and nothing else happened to it.
        if may_lack_nothing && row.is_acked() && row.effects <= 1 && !row.is(flag::REMARKABLE) {
            self.writes[usize::from(row.keyspace)].acked +=
                u64::from(row.issued >= self.storm_begins);
        } else {
            self.settle_at_length(operation, row, may_lack_nothing);
        }
    }

    /// The same for a write to which something happened.
    #[inline(never)]
    fn settle_at_length(&mut self, operation: u32, row: &Row, may_lack_nothing: bool) {
        let mut survivors = 0_u32;
        let mut overwritten = 0_u32;
        let mut flags = 0;
        for (origin, sequence, own) in self.effects_of(operation, row) {
            if may_lack_nothing || self.survives(row.key, (origin, sequence)) {
                survivors += 1;
                if own & flag::OVERWRITTEN != 0 {
                    overwritten += 1;
                    flags |= own & flag::BY_FAULT;
                }
            }
        }
        let is_held = row.effects == 0 || survivors > 0;
        let is_torn = !is_held && self.holds_a_part(operation, row);
        let is_late = row.is(flag::LATE) && is_held;
        let cause = if is_held {
            None
        } else {
            self.ended_by(operation, row)
        };
        let counts = &mut self.writes[usize::from(row.keyspace)];
        if !row.is_acked() {
            // A refusal proves that there is no effect; whoever has one all the same is not refused.
            if row.issued >= self.storm_begins && !(row.is(flag::FAILED) && row.effects == 0) {
                if survivors > 0 {
                    counts.unknown_present += 1;
                } else {
                    counts.unknown_absent += 1;
                }
            }
            return;
        }
        if row.issued < self.storm_begins && is_held && !is_late {
            return;
        }
        counts.acked += 1;
        if !is_held {
            if self.is_drained {
                counts.lost += 1;
                counts.forfeited += u64::from(matches!(cause, Some(CopyEnd::Removed(_))));
                counts.torn += u64::from(is_torn);
                let lost = LostWrite {
                    operation: OperationId(operation),
                    server: ServerId(row.server),
                    keyspace: KeyspaceId(row.keyspace),
                    member: self.writer(row),
                    acked: SimTime::from_nanos(row.acked),
                    cause,
                };
                self.lost.push(lost);
            } else {
                counts.undetermined += 1;
            }
            return;
        }
        counts.late += u64::from(is_late);
        counts.conflicting += u64::from(row.is(flag::CONFLICT));
        counts.conflicting_commuting +=
            u64::from(row.is(flag::COMMUTING) && !row.is(flag::CONFLICT));
        counts.resurrected += u64::from(row.is(flag::RESURRECTED));
        counts.duplicated += u64::from(survivors > 1 && !row.is(flag::IDEMPOTENT));
        if row.is(flag::REMOVED_UNSEEN) {
            counts.overwritten_ordinary += 1;
        } else if survivors > 0 && overwritten == survivors {
            if flags & flag::BY_FAULT != 0 {
                counts.overwritten_by_fault += 1;
            } else {
                counts.overwritten_ordinary += 1;
            }
        }
    }

    /// Whether what an effect wrote to a key is held by anybody who counts, there or where the key went.
    fn survives(&self, key: u32, (origin, sequence): (usize, u64)) -> bool {
        let (origin, sequence) = self.held_as(key, origin, sequence);
        self.origins.held(origin) >= sequence
    }

    /// The member that took an operation's first effect.
    fn writer(&self, row: &Row) -> MemberId {
        let node = self.origins.node(usize::from(row.origin));
        MemberId::from_index(self.origins.member_of(node))
    }

    /// A write that is kept, and that a member lacks to the end although somebody of the writer's home population moved to it
    /// after the acknowledgement: its region is away for good with its disks, or a link waits for an operator. To those
    /// who moved it is as late as can be.
    fn note_never_seen(&mut self, operation: u32, row: &mut Row) {
        let is_kept =
            |(origin, sequence, _): (usize, u64, u32)| self.survives(row.key, (origin, sequence));
        if !row.is_acked() || !self.effects_of(operation, row).any(is_kept) {
            return;
        }
        let home = self.homes[row.server as usize];
        for member in 0..self.shape.members.len() {
            let adopted = self.moves.last_adoption(home, member);
            if adopted.is_none_or(|adopted| adopted < row.acked) {
                continue;
            }
            let has_had = |(origin, sequence, _): (usize, u64, u32)| {
                let node = self.origins.server_of(origin, member);
                node.is_none_or(|node| self.origins.peak(origin, node) >= sequence)
            };
            if !self.effects_of(operation, row).any(has_had) {
                row.flags |= flag::LATE;
                self.late.push(LateWrite {
                    acked: row.acked,
                    applied: u64::MAX,
                    home: home as u8,
                    member: member as u8,
                });
            }
        }
    }

    /// Settles all that is left, and closes the books at `at`.
    pub fn finish(mut self, at: SimTime, quiescence: &Quiescence) -> Account {
        self.advance(at.as_nanos());
        self.is_drained = quiescence.reached;
        self.finish_parts();
        for index in self.keys.disputes.places() {
            let dispute = *self.keys.disputes.at(index);
            let is_held =
                |origin: u16, sequence| self.origins.held(usize::from(origin)) >= sequence;
            // A winner that nobody holds any more has won nothing.
            if dispute.is_open
                && is_held(dispute.winner_origin, dispute.winner_sequence)
                && is_held(dispute.loser_origin, dispute.loser_sequence)
            {
                self.overwrite(&dispute);
            }
        }
        let rows: Vec<(u32, Row)> = self
            .rows
            .iter()
            .map(|(operation, row)| (operation, *row))
            .collect();
        for (operation, mut row) in rows {
            self.note_never_seen(operation, &mut row);
            self.settle(operation, &row, false);
        }
        Account {
            quiescence_reached: quiescence.reached,
            writes: self.writes,
            reads: self.reads,
            requests: self.requests,
            lost: self.lost,
            late: self.late,
            episodes: self.service.finish(),
            adoptions: self.moves.adoptions,
            publications: self.moves.publications,
            judgements: self.moves.judgements,
            faults: self.faults,
            stopped: self.stopped,
            latencies: self.latencies,
            step: SimDuration::from_nanos(self.timeline.step),
            timeline: self.timeline.fleets,
            dual_active: SimDuration::from_nanos(self.activity.dual(self.storm_begins)),
            convergence: self
                .convergence
                .finish()
                .and_then(moment)
                .map(SimDuration::from_nanos),
            probes: self.probes,
            rows_max: self.rows_max,
            promises: self
                .promises
                .map(|promises| promises.finish())
                .unwrap_or_default(),
            shape: self.shape,
        }
    }
}
